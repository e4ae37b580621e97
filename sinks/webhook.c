#include "sinks/webhook.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "sinks/notifier_payload.h"

/* Go's zero time: what Alertmanager writes for an end that is not known. */
static const char no_time[] = "0001-01-01T00:00:00Z";

static json_t *alert_json(const struct notify_target *t, const struct alert_row *a,
                          const struct payload_labels *labels) {
    bool over = a->state == ALERT_RESOLVED;
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, payload_fingerprint(labels));
    json_t *json = json_object();
    json_object_set_new(json, "status", json_string(over ? "resolved" : "firing"));
    json_object_set_new(json, "labels", payload_labels_json(labels));
    json_object_set_new(json, "annotations", payload_annotations_json(a));
    json_object_set_new(json, "startsAt", payload_time(a->fired_ms));
    json_object_set_new(json, "endsAt", over ? payload_time(a->resolved_ms) : json_string(no_time));
    json_object_set_new(json, "generatorURL", payload_string(t->external_url));
    json_object_set_new(json, "fingerprint", json_string(fingerprint));
    return json;
}

/* {}:{alertname="HighBounceRate", provider="gmail"}: every label set is a group of its own, so that the end of one
 * incident is not taken for the end of another. */
static json_t *group_key(const struct payload_labels *labels) {
    json_t *clean = payload_labels_json(labels);
    struct buf text;
    buf_init(&text, sizeof labels->pairs / sizeof labels->pairs[0] * (4 * PAYLOAD_TEXT_MAX));
    buf_append_str(&text, "{}:{");
    const char *name, *separator = "";
    json_t *value;
    json_object_foreach(clean, name, value) {
        char *quoted = json_dumps(value, JSON_ENCODE_ANY);
        buf_printf(&text, "%s%s=", separator, name);
        buf_append_str(&text, quoted ? quoted : "\"\"");
        separator = ", ";
        free(quoted);
    }
    buf_append_char(&text, '}');
    json_t *key = json_stringn(text.data, text.len);
    buf_deinit(&text);
    json_decref(clean);
    return key;
}

char *webhook_body(const struct notify_target *t, const struct alert_row *a) {
    struct payload_labels labels;
    payload_labels_of(a, &labels);
    json_t *json = json_object(), *alerts = json_array(), *group = json_object();
    json_array_append_new(alerts, alert_json(t, a, &labels));
    json_object_set_new(group, "alertname", payload_string(a->alertname));
    json_object_set_new(json, "version", json_string("4"));
    json_object_set_new(json, "groupKey", group_key(&labels));
    json_object_set_new(json, "truncatedAlerts", json_integer(0));
    json_object_set_new(json, "status", json_string(a->state == ALERT_RESOLVED ? "resolved" : "firing"));
    json_object_set_new(json, "receiver", payload_string(t->name));
    json_object_set_new(json, "groupLabels", group);
    json_object_set_new(json, "commonLabels", payload_labels_json(&labels));
    json_object_set_new(json, "commonAnnotations", payload_annotations_json(a));
    json_object_set_new(json, "externalURL", payload_string(t->external_url));
    json_object_set_new(json, "alerts", alerts);
    return payload_dump(json);
}

void webhook_sign(const char *secret, struct span body, char out[WEBHOOK_SIGNATURE_SIZE]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body.ptr, body.len, digest, &len) ||
        len != 32)
        abort(); /* OpenSSL without SHA-256, or out of memory: better no message than one without its signature */
    memcpy(out, "sha256=", 7);
    for (unsigned i = 0; i < len; i++)
        snprintf(out + 7 + 2 * i, 3, "%02x", digest[i]);
}
