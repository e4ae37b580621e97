/* The time series behind a report, as CSV: for every step of event time, event type, configuration set and provider,
 * what was counted. Header: time,event_type,configuration_set,provider,records,recipients. Only rows that are not zero,
 * sorted by time, then event type (as in enum event_type), then configuration set and provider by bytes. */
#ifndef SINKS_CELLS_H
#define SINKS_CELLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "aggregate/aggregate.h"

struct cells_writer;

/* `step_ms`: whole minutes. `out` and `names` are borrowed. Returns new. */
struct cells_writer *cells_create(FILE *out, int64_t step_ms, const struct snapshot_names *names);
void cells_minute(struct cells_writer *w, const struct closed_minute *minute);
void cells_finish(struct cells_writer *w); /* writes the last step, and frees. Errors show in `out`. NULL is allowed */

#endif
