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

/* What a row of a view holds, but for its names: each report of rows has figures of its own. */
struct json_writer;
struct report_json_row {
    void (*figures)(struct json_writer *w, const struct tally *t);             /* members of an object */
    void (*changes)(struct json_writer *w, const struct tally tally[PERIODS]); /* the same */
    bool overflowed; /* a view tells how many names it had no room for */
};
void report_json_put_views(struct json_writer *w, const struct snapshot *s, bool compare,
                           const struct report_json_row *form);

struct csv_writer;
struct report_csv_row {
    void (*titles)(struct csv_writer *w, bool is_before); /* of `figures` */
    void (*change_titles)(struct csv_writer *w);
    void (*figures)(struct csv_writer *w, const struct tally *t);
    void (*changes)(struct csv_writer *w, const struct tally tally[PERIODS]);
};
void report_csv_put_views(FILE *out, const struct snapshot *s, bool compare, const struct report_csv_row *form);

/* Parts of the table: what was read and when, how AWS sees it, why mail bounced, and the alerts. */
void report_write_summary(FILE *out, const struct snapshot *s, bool colour, bool compare);
void report_write_reputation(FILE *out, const struct snapshot *s, bool colour);
void report_write_reasons(FILE *out, const struct snapshot *s, const struct report_options *o);
void report_write_alerts(FILE *out, const struct snapshot *s, const struct report_options *o);

/* How a volume moved, relative to the one before: 0.12 is 12 % more. False when there was none before. */
bool report_volume_change(uint64_t now, uint64_t before, double *change);

/* How a rate moved: the difference of the two, 0.012 is 1.2 percentage points. False when either is absent. */
bool report_rate_change(enum rate rate, const struct tally *now, const struct tally *before, double *change);

#endif
