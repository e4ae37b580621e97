/* Alerts in event time: takes the minutes that the aggregate closes, in their order, keeps the sums of the rules'
 * windows, and moves every rule on every series it is for. */
#ifndef PIPELINE_ALERTING_H
#define PIPELINE_ALERTING_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "alert/rule.h"

struct alerting;

/* The rules and the names are borrowed. Returns new. */
struct alerting *alerting_create(const struct alert_rule *rules, size_t count, const struct snapshot_names *names);
void alerting_destroy(struct alerting *a); /* NULL is allowed */

void alerting_minute(struct alerting *a, const struct closed_minute *minute);

/* The input has ended: looks at the minutes up to the watermark's. */
void alerting_finish(struct alerting *a, int64_t watermark_ms);

/* Everything that fired, and what is pending now; by time. Call once, when all is over. Borrowed. */
struct alert_row *alerting_rows(struct alerting *a, size_t *count, uint64_t *dropped);

#endif
