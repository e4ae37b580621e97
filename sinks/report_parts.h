/* What the formats of the report share. Only sinks/report*.c include it. */
#ifndef SINKS_REPORT_PARTS_H
#define SINKS_REPORT_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/snapshot.h"
#include "sinks/report.h"

void report_write_table(FILE *out, const struct snapshot *s, const struct report_options *o);
void report_write_json(FILE *out, const struct snapshot *s, bool compare);
void report_write_csv(FILE *out, const struct snapshot *s, bool compare);

/* Parts of the table: what was read and when, and the alerts. */
void report_write_summary(FILE *out, const struct snapshot *s, bool colour, bool compare);
void report_write_alerts(FILE *out, const struct snapshot *s, const struct report_options *o);

/* How a volume moved, relative to the one before: 0.12 is 12 % more. False when there was none before. */
bool report_volume_change(uint64_t now, uint64_t before, double *change);

/* How a rate moved: the difference of the two, 0.012 is 1.2 percentage points. False when either is absent. */
bool report_rate_change(enum rate rate, const struct tally *now, const struct tally *before, double *change);

#endif
