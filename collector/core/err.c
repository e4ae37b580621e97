#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void err_write(struct err *e, enum err_code code, const char *fmt,
                                                            va_list ap) {
    e->code = code;
    vsnprintf(e->text, sizeof e->text, fmt, ap);
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...) {
    if (!e || e->code != ERR_NONE)
        return false;
    va_list ap;
    va_start(ap, fmt);
    err_write(e, code, fmt, ap);
    va_end(ap);
    return false;
}

bool err_set_errno(struct err *e, enum err_code code, int errnum, const char *fmt, ...) {
    if (!e || e->code != ERR_NONE)
        return false;
    va_list ap;
    va_start(ap, fmt);
    err_write(e, code, fmt, ap);
    va_end(ap);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(errnum));
    return false;
}
