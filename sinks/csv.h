/* Comma-separated values as RFC 4180 has them: lines end in CR LF, a cell is quoted when it must be. */
#ifndef SINKS_CSV_H
#define SINKS_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/span.h"

struct csv_writer {
    FILE *out; /* borrowed */
    bool comma;
};

/* Text from outside (NULL is an empty cell). A cell that a spreadsheet would take for a formula, since it begins with
 * = + - @ tab or CR, gets an apostrophe in front; bytes that are no UTF-8 become U+FFFD. */
void csv_put_text(struct csv_writer *w, const char *text);
void csv_put_word(struct csv_writer *w, const char *word); /* our own word, written as it is */
void csv_put_words(struct csv_writer *w, const char *before, const char *middle, const char *behind); /* as one */
void csv_put_u64(struct csv_writer *w, uint64_t value);
void csv_put_double(struct csv_writer *w, double value);
void csv_put_known(struct csv_writer *w, bool known, double value); /* one that is not known is an empty cell */
void csv_put_empty(struct csv_writer *w);
void csv_end_line(struct csv_writer *w);

#endif
