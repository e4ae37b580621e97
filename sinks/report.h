/* The report of `replay`: the views of a snapshot as a table for people, or as JSON or CSV for programs. */
#ifndef SINKS_REPORT_H
#define SINKS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_CSV };

enum { REPORT_DEFAULT_ROWS = 25 };

struct report_options {
    enum report_format format;
    bool colour;     /* table: ANSI colours */
    bool compare;    /* with the period before; ignored when the snapshot has none */
    size_t max_rows; /* table: rows of each view; 0 = all. JSON and CSV hold all rows always */
    int width;       /* table: columns of the terminal; 0 = as wide as it becomes */
};

/* `out` is borrowed and not flushed. False when writing to it failed. */
bool report_write(FILE *out, const struct snapshot *s, const struct report_options *o, struct err *err);

#endif
