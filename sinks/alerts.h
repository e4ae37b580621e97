/* The list of alerts as JSON: the same text behind replay --alerts, alerts.file and /api/v1/alerts. */
#ifndef SINKS_ALERTS_H
#define SINKS_ALERTS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"

const char *alert_state_name(enum alert_state state); /* "pending", "firing", "resolved" */

/* `out` is borrowed and not flushed. False when writing to it failed. */
bool alerts_write(FILE *out, const struct snapshot *s, struct err *err);

#endif
