/* What the service says of itself: one line per happening on standard error, logfmt or JSON, with the time in UTC.
 *
 *     log_event(LOG_WARN, "partition lost messages", LOG_FIELDS({"topic", topic}, {"lost", .number = n}));
 *
 * Never a recipient, a sender, a subject, a message id, an address, a link or a secret: whoever calls sees to it; as a
 * second barrier anything that looks like an e-mail address is blotted out, and control bytes are escaped. Lines of the
 * same text are limited to a few in a minute; how many were left out is said with the next one. Thread-safe. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *name;  /* our own word */
    const char *value; /* may hold any byte; NULL: `number` */
    int64_t number;
};

#define LOG_FIELDS(...)                                                                                                \
    (const struct log_field[]){__VA_ARGS__}, sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
#define LOG_NO_FIELDS NULL, 0

/* Before the first line and on reload. */
void log_configure(enum log_level level, enum log_format format);
bool log_level_parse(const char *name, enum log_level *level); /* "debug", "info", "warn", "error" */
bool log_format_parse(const char *name, enum log_format *format);

/* `message` is a literal: lines are limited by it. Fields keep their order. */
void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count);

/* The same without the limit: for what must not be missed, and cannot be many. */
void log_event_always(enum log_level level, const char *message, const struct log_field *fields, size_t count);

#endif
