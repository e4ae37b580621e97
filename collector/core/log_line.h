/* How a line of the log is written, and how lines of one text are limited. Pure: time is an argument. Used by
 * core/log.c only; a header of its own for the sake of its test. */
#ifndef CORE_LOG_LINE_H
#define CORE_LOG_LINE_H

#include "core/buf.h"
#include "core/log.h"

enum {
    LOG_VALUE_MAX = 1024, /* bytes of a value that are written; the rest is "..." */
    LOG_LINE_MAX = 16384,
};

struct log_line {
    enum log_level level;
    int64_t now_ms; /* wall clock */
    const char *message;
    const struct log_field *fields;
    size_t count;
    uint64_t suppressed; /* lines of this text that were left out before it; 0 is not written */
};

/* Appends the line with its newline. What looks like an e-mail address becomes "<e-mail>"; control bytes and
 * what is no UTF-8 are escaped. False: it did not fit. */
bool log_line_write(struct buf *to, enum log_format format, const struct log_line *line);

enum {
    LOG_LIMIT_COUNT = 10, /* lines of one text in a minute */
    LOG_LIMIT_MS = 60000,
    LOG_LIMIT_TEXTS = 256, /* texts that are known; there are fewer in the program */
};

/* Zeroed before use. */
struct log_limit {
    struct log_limit_text {
        const char *message; /* a literal; NULL: free */
        int64_t since_ms;
        uint64_t count; /* in this minute */
    } texts[LOG_LIMIT_TEXTS];
};

/* Whether a line of this text may be written at `now_ms` (a clock that does not jump). If so, `*suppressed` is how many
 * were left out since the last one that was. */
bool log_limit_pass(struct log_limit *l, const char *message, int64_t now_ms, uint64_t *suppressed);

#endif
