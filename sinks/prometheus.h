/* The metrics of a snapshot in Prometheus's text format 0.0.4: what /metrics and replay --metrics give. Names and
 * labels: docs/metrics.md. No sample carries a time: Prometheus drops old ones. */
#ifndef SINKS_PROMETHEUS_H
#define SINKS_PROMETHEUS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"

/* `out` is borrowed and not flushed. False when writing to it failed. Equal snapshots give equal text. */
bool prometheus_write(FILE *out, const struct snapshot *s, struct err *err);

#endif
