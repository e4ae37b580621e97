/* Colours of tables for people. With colour off every style is empty text. Only sinks/report*.c and
 * sinks/find_table.c include it. */
#ifndef SINKS_REPORT_STYLE_H
#define SINKS_REPORT_STYLE_H

#include <stdbool.h>

enum report_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_WARNING, STYLE_CRITICAL, STYLE_GOOD };

static inline const char *report_style_begin(bool colour, enum report_style style) {
    static const char *const codes[] = {
        [STYLE_PLAIN] = "",           [STYLE_BOLD] = "\033[1m",        [STYLE_DIM] = "\033[2m",
        [STYLE_WARNING] = "\033[33m", [STYLE_CRITICAL] = "\033[1;31m", [STYLE_GOOD] = "\033[32m"};
    return colour ? codes[style] : "";
}

static inline const char *report_style_end(bool colour, enum report_style style) {
    return colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

#endif
