/* History for Prometheus: the counters of mail as they would have stood at every step of event time, in OpenMetrics
 * with timestamps, for `promtool tsdb create-blocks-from openmetrics` (docs/history.md). Families and labels are those
 * of /metrics (sinks/families.h).
 *
 * A counter's value at a time is the count of events before it. Times are the ends of steps. A series begins with a 0
 * one step before its first change. It is written at each change and one step before, and every four minutes (of the
 * clock, so on every full hour), until the end of the hour of the last event: no graph has a hole, and an increase over
 * whole hours is exact. Where no mail moved at all for over 31 days, all series pause.
 *
 * What changed is kept until the end, since all samples of a series must stand together: 70 to 350 bytes of memory for
 * each series, and beyond 15 changes of it a temporary file without a name (in $TMPDIR, else /var/tmp), 17 bytes for
 * each change. Names are those that were told apart while counting (the first 65,536 configuration sets): which ones
 * a snapshot would fold into `other` is not known before. */
#ifndef SINKS_OPENMETRICS_H
#define SINKS_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "aggregate/aggregate.h"
#include "core/err.h"
#include "sinks/exposition.h"

enum { OPENMETRICS_MAX_LABELS = 8 };

/* NULL when `name` can be a label of all series beside their own; else a few words that say why not. */
const char *openmetrics_label_problem(const char *name);

struct openmetrics_options {
    int64_t step_ms;                   /* whole minutes */
    const struct metric_label *labels; /* put on every series; borrowed */
    size_t label_count;                /* at most OPENMETRICS_MAX_LABELS */
};

/* What was written: promtool must say the same numbers. */
struct openmetrics_totals {
    uint64_t samples, series;
    int64_t from_ms, to_ms; /* of the first and the last sample; 0 without any */
};

struct openmetrics_writer;

/* `names` is borrowed. Returns new. */
struct openmetrics_writer *openmetrics_create(const struct openmetrics_options *options,
                                              const struct snapshot_names *names);
/* Minutes come in order, with steps and details. */
void openmetrics_minute(struct openmetrics_writer *w, const struct closed_minute *minute);
/* After the last minute: writes everything. `out` is borrowed and not flushed. False when the temporary file or `out`
 * failed. */
bool openmetrics_finish(struct openmetrics_writer *w, FILE *out, struct openmetrics_totals *totals, struct err *err);
void openmetrics_destroy(struct openmetrics_writer *w); /* NULL is allowed */

#endif
