/* A history (sinks/history.h) in OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`
 * (docs/history.md). All samples of a series stand together. */
#ifndef SINKS_OPENMETRICS_H
#define SINKS_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"
#include "sinks/history.h"

/* What was written: promtool must say the same numbers. */
struct openmetrics_totals {
    uint64_t samples, series;
    int64_t from_ms, to_ms; /* of the first and the last sample; 0 without any */
};

/* Seals the history and writes everything, with `labels` (at most HISTORY_MAX_LABELS) on every series. `out` is
 * borrowed and not flushed. False when the temporary file or `out` failed. */
bool openmetrics_write_history(struct history *h, const struct metric_label *labels, size_t label_count, FILE *out,
                               struct openmetrics_totals *totals, struct err *err);

#endif
