/* What all notified targets have in common: an alert's labels and annotations as JSON. Whatever bytes the names hold,
 * the JSON is valid: what is no UTF-8 becomes U+FFFD. */
#ifndef SINKS_NOTIFIER_PAYLOAD_H
#define SINKS_NOTIFIER_PAYLOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/snapshot.h"

enum {
    PAYLOAD_LABELS_MAX = 64,     /* of a rule's own; what is more is left out */
    PAYLOAD_TEXT_MAX = 8 * 1024, /* bytes of one value; the rest is cut off */
    PAYLOAD_FIXED_LABELS = 7,    /* alertname, severity, scope, provider, configuration_set, identity, reason */
};

/* An alert's identity: sorted by name, without empty values and without names that Prometheus does not allow. The fixed
 * labels win over a rule's own of the same name. The strings are the alert's. */
struct payload_labels {
    struct label_pair pairs[PAYLOAD_FIXED_LABELS + PAYLOAD_LABELS_MAX];
    size_t count;
};
void payload_labels_of(const struct alert_row *alert, struct payload_labels *to);

/* The same number that Alertmanager gives the same label set (FNV-1a over names and values, each with a byte 0xff). */
uint64_t payload_fingerprint(const struct payload_labels *labels);

json_t *payload_labels_json(const struct payload_labels *labels); /* returns new */
json_t *payload_annotations_json(const struct alert_row *alert);  /* returns new: summary, description, the rule's */
json_t *payload_string(const char *text);                         /* returns new; NULL is "" */
json_t *payload_time(int64_t ms);                                 /* returns new: RFC 3339 */
char *payload_dump(json_t *json);                                 /* returns new text; takes `json` */

#endif
