/* The metrics of a snapshot: what /metrics and replay --metrics give. Names and labels: docs/metrics.md. No sample
 * carries a time: Prometheus drops old ones. */
#ifndef SINKS_PROMETHEUS_H
#define SINKS_PROMETHEUS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"
#include "sinks/exposition.h"

/* In Prometheus's text format 0.0.4. `out` is borrowed and not flushed. False when writing to it failed. Equal
 * snapshots give equal text, but for the process_ families, which only the service has: they are read when asked. */
bool prometheus_write(FILE *out, const struct snapshot *s, struct err *err);

/* The same in OpenMetrics 1.0.0, with its end mark. */
bool openmetrics_write(FILE *out, const struct snapshot *s, struct err *err);

/* All families of /metrics, those of the service too, to a taker instead of a text; `le` as OpenMetrics has it. */
void prometheus_feed(const struct exposition_taker *taker, const struct snapshot *s);

#endif
