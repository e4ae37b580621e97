/* A notification as the outbox keeps it: a JSON object with a version, all of that version's members there, and no
 * others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "sinks/notifier.h"
#include "sinks/notifier_payload.h"

enum {
    VERSION = 2,
    FIRST_VERSION = 1, /* still read */
    ENCODED_MAX = 1024 * 1024,
    TEXT_MAX = 3 * PAYLOAD_TEXT_MAX, /* damaged bytes become three each */
};

/* The members that are texts, and those that are whole numbers. */
static const struct {
    const char *key;
    size_t offset;         /* in struct alert_row */
    int since;             /* the first version that has it; 0: all have */
    const char *otherwise; /* where it is missing */
} texts[] = {
    {"alertname", offsetof(struct alert_row, alertname)},
    {"severity", offsetof(struct alert_row, severity)},
    {"scope", offsetof(struct alert_row, scope)},
    {"provider", offsetof(struct alert_row, provider)},
    {"configuration_set", offsetof(struct alert_row, configuration_set)},
    {"identity", offsetof(struct alert_row, identity), 2, ""},
    {"reason", offsetof(struct alert_row, reason), 2, ""},
    {"basis", offsetof(struct alert_row, basis), 2, "event"},
    {"rate", offsetof(struct alert_row, rate)},
    {"window", offsetof(struct alert_row, window)},
    {"summary", offsetof(struct alert_row, summary)},
    {"description", offsetof(struct alert_row, description)},
};
static const struct {
    const char *key;
    size_t offset; /* in struct notification; all are of 64 bits */
    int since;
} numbers[] = {
    {"id", offsetof(struct notification, id)},
    {"created", offsetof(struct notification, created_ms)},
    {"active", offsetof(struct notification, alert.active_ms)},
    {"fired", offsetof(struct notification, alert.fired_ms)},
    {"resolved", offsetof(struct notification, alert.resolved_ms)},
    {"numerator", offsetof(struct notification, alert.numerator)},
    {"denominator", offsetof(struct notification, alert.denominator)},
    {"incident", offsetof(struct notification, alert.incident)},
    {"muted_by", offsetof(struct notification, alert.muted_by), 2},
};
enum { TEXTS = sizeof texts / sizeof texts[0], NUMBERS = sizeof numbers / sizeof numbers[0], OTHERS = 7 };

static const char **text_at(struct alert_row *a, size_t i) {
    return (const char **)(void *)((char *)a + texts[i].offset);
}

static int64_t *number_at(struct notification *n, size_t i) {
    return (int64_t *)(void *)((char *)n + numbers[i].offset);
}

/* --- Writing ---------------------------------------------------------------------------------------------------- */

static json_t *pairs_json(const struct label_pair *pairs, size_t count) {
    json_t *json = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(json, payload_string(pairs[i].name));
        json_array_append_new(json, payload_string(pairs[i].value));
    }
    return json;
}

static json_t *real_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

bool notification_encode(const struct notification *from, struct buf *to) {
    struct notification n = *from;
    struct alert_row *a = &n.alert;
    if (a->label_count > PAYLOAD_LABELS_MAX || a->annotation_count > PAYLOAD_LABELS_MAX)
        return false;
    json_t *json = json_object();
    json_object_set_new(json, "version", json_integer(VERSION));
    for (size_t i = 0; i < NUMBERS; i++)
        json_object_set_new(json, numbers[i].key, json_integer(*number_at(&n, i)));
    for (size_t i = 0; i < TEXTS; i++)
        json_object_set_new(json, texts[i].key, payload_string(*text_at(a, i)));
    json_object_set_new(json, "state", json_integer(a->state));
    json_object_set_new(json, "held", json_boolean(a->held));
    json_object_set_new(json, "value", real_json(a->value));
    json_object_set_new(json, "threshold", real_json(a->threshold));
    json_object_set_new(json, "labels", pairs_json(a->labels, a->label_count));
    json_object_set_new(json, "annotations", pairs_json(a->annotations, a->annotation_count));
    char *text = payload_dump(json);
    size_t len = strlen(text);
    bool ok = len <= ENCODED_MAX && buf_append(to, text, len);
    free(text);
    return ok;
}

/* --- Reading ---------------------------------------------------------------------------------------------------- */

static bool take_text(const json_t *json, const char **to) {
    if (!json_is_string(json) || json_string_length(json) > TEXT_MAX)
        return false;
    *to = alloc_string(json_string_value(json), json_string_length(json));
    return true;
}

static bool take_real(const json_t *json, double *to) {
    if (!json_is_real(json) && !json_is_null(json))
        return false;
    *to = json_is_real(json) ? json_real_value(json) : (double)NAN;
    return true;
}

static bool take_pairs(const json_t *json, const struct label_pair **to, size_t *count) {
    size_t len = json_array_size(json);
    if (!json_is_array(json) || len % 2 || len / 2 > PAYLOAD_LABELS_MAX)
        return false;
    struct label_pair *pairs = alloc_zeroed(len / 2 + 1, sizeof *pairs);
    *to = pairs;
    *count = len / 2;
    for (size_t i = 0; i < len / 2; i++)
        if (!take_text(json_array_get(json, 2 * i), &pairs[i].name) ||
            !take_text(json_array_get(json, 2 * i + 1), &pairs[i].value))
            return false;
    return true;
}

static bool take_numbers(const json_t *json, int version, struct notification *n, size_t *members) {
    for (size_t i = 0; i < NUMBERS; i++) {
        const json_t *number = json_object_get(json, numbers[i].key);
        if (numbers[i].since > version)
            continue;
        if (!json_is_integer(number))
            return false;
        *number_at(n, i) = json_integer_value(number);
        ++*members;
    }
    return true;
}

static bool take_texts(const json_t *json, int version, struct alert_row *a, size_t *members) {
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i].since > version) {
            *text_at(a, i) = alloc_copy(texts[i].otherwise);
            continue;
        }
        if (!take_text(json_object_get(json, texts[i].key), text_at(a, i)))
            return false;
        ++*members;
    }
    return true;
}

static bool take_all(json_t *json, struct notification *n) {
    struct alert_row *a = &n->alert;
    size_t members = OTHERS;
    json_int_t version = json_integer_value(json_object_get(json, "version"));
    if (version < FIRST_VERSION || version > VERSION || !take_numbers(json, (int)version, n, &members) ||
        !take_texts(json, (int)version, a, &members) || json_object_size(json) != members)
        return false;
    const json_t *state = json_object_get(json, "state"), *held = json_object_get(json, "held");
    if (!json_is_integer(state) || json_integer_value(state) < ALERT_PENDING ||
        json_integer_value(state) > ALERT_RESOLVED || !json_is_boolean(held))
        return false;
    a->state = (enum alert_state)json_integer_value(state);
    a->held = json_is_true(held);
    return take_real(json_object_get(json, "value"), &a->value) &&
           take_real(json_object_get(json, "threshold"), &a->threshold) &&
           take_pairs(json_object_get(json, "labels"), &a->labels, &a->label_count) &&
           take_pairs(json_object_get(json, "annotations"), &a->annotations, &a->annotation_count);
}

bool notification_decode(struct span from, struct notification *n) {
    *n = (struct notification){0};
    if (!from.ptr || from.len > ENCODED_MAX)
        return false;
    json_t *json = json_loadb(from.ptr, from.len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json && take_all(json, n);
    json_decref(json);
    if (!ok)
        notification_deinit(n);
    return ok;
}

static void free_pairs(const struct label_pair *pairs, size_t count) {
    for (size_t i = 0; pairs && i < count; i++) {
        free((char *)pairs[i].name);
        free((char *)pairs[i].value);
    }
    free((struct label_pair *)pairs);
}

void notification_deinit(struct notification *n) {
    for (size_t i = 0; i < TEXTS; i++)
        free((char *)*text_at(&n->alert, i));
    free_pairs(n->alert.labels, n->alert.label_count);
    free_pairs(n->alert.annotations, n->alert.annotation_count);
    *n = (struct notification){0};
}
