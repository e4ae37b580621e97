/* Tells Alertmanager what fires: POST /api/v2/alerts, to every member of its cluster.
 *
 * Alertmanager forgets: it takes an alert for resolved when it has heard nothing of it until its `endsAt`, and after a
 * restart it knows only what it wrote down. So firing alerts are sent again and again, each time with an end a few
 * intervals ahead; resolved ones for a while, so that one lost request does not leave them open. An alert is its label
 * set: numbers stand in annotations only. */
#ifndef SINKS_ALERTMANAGER_H
#define SINKS_ALERTMANAGER_H

#include <jansson.h>

#include "sinks/notifier.h"

/* Returns new: where alerts are posted to, from the address of a member ("http://am:9093/prefix/"). */
char *alertmanager_url(const char *member);

/* Returns new: the alert as the API wants it, at the time `now_ms` (wall clock). */
json_t *alertmanager_alert(const struct notify_target *t, const struct alert_row *alert, int64_t now_ms);

#endif
