/* The one way a function says why it failed: a code the caller can act on and a sentence for a person. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_NONE,
    ERR_USAGE,  /* the command line is wrong: exit 2 */
    ERR_CONFIG, /* a configuration or table file is wrong: exit 78 */
    ERR_IO,     /* the system refused: file, pipe, memory */
    ERR_INPUT,  /* input that cannot be read at all */
};

/* Caller-allocated, zeroed before use. */
struct err {
    enum err_code code;
    char text[480];
};

/* Records the cause unless one is there already (the first, deepest cause wins). `e` may be NULL.
 * Always returns false, so that a function can end with `return err_set(...)`. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, with ": " and strerror(errnum) after the text. */
bool err_set_errno(struct err *e, enum err_code code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
