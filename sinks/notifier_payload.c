#include "sinks/notifier_payload.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "sinks/text.h"

static const struct span replacement = {"\xef\xbf\xbd", 3}; /* U+FFFD */

/* The next character of `rest`, which is not empty, as valid UTF-8. */
static struct span next_character(struct span *rest) {
    uint32_t code;
    size_t len = utf8_next(*rest, &code);
    struct span character = len ? (struct span){rest->ptr, len} : replacement;
    rest->ptr += len ? len : 1;
    rest->len -= len ? len : 1;
    return character;
}

/* --- Labels ----------------------------------------------------------------------------------------------------- */

static bool is_label_name(const char *name) {
    if (!*name || (*name >= '0' && *name <= '9'))
        return false;
    for (; *name; name++)
        if (!(*name == '_' || (*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') ||
              (*name >= 'A' && *name <= 'Z')))
            return false;
    return true;
}

static void add_label(struct payload_labels *to, const char *name, const char *value) {
    if (!value || !*value || !name || !is_label_name(name))
        return;
    size_t at = 0;
    while (at < to->count && strcmp(to->pairs[at].name, name) < 0)
        at++;
    if (at < to->count && strcmp(to->pairs[at].name, name) == 0)
        return;
    memmove(&to->pairs[at + 1], &to->pairs[at], (to->count - at) * sizeof to->pairs[0]);
    to->pairs[at] = (struct label_pair){name, value};
    to->count++;
}

void payload_labels_of(const struct alert_row *a, struct payload_labels *to) {
    to->count = 0;
    add_label(to, "alertname", a->alertname);
    add_label(to, "severity", a->severity);
    add_label(to, "scope", a->scope);
    add_label(to, "provider", a->provider);
    add_label(to, "configuration_set", a->configuration_set);
    add_label(to, "identity", a->identity);
    add_label(to, "reason", a->reason);
    for (size_t i = 0; i < a->label_count && i < PAYLOAD_LABELS_MAX; i++)
        add_label(to, a->labels[i].name, a->labels[i].value);
}

static uint64_t fnv(uint64_t hash, struct span s) {
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t fnv_text(uint64_t hash, const char *text) {
    struct span rest = span_of(text);
    if (rest.len > PAYLOAD_TEXT_MAX)
        rest.len = PAYLOAD_TEXT_MAX;
    while (rest.len)
        hash = fnv(hash, next_character(&rest));
    return fnv(hash, SPAN_LIT("\xff"));
}

uint64_t payload_fingerprint(const struct payload_labels *labels) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < labels->count; i++)
        hash = fnv_text(fnv_text(hash, labels->pairs[i].name), labels->pairs[i].value);
    return hash;
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

/* Cut at PAYLOAD_TEXT_MAX bytes as they came in, as the fingerprint does. A character that the cut halves counts as
 * damage, in both. */
json_t *payload_string(const char *text) {
    struct span rest = span_of(text);
    if (rest.len > PAYLOAD_TEXT_MAX)
        rest.len = PAYLOAD_TEXT_MAX;
    char *clean = alloc_zeroed(1, rest.len * replacement.len + 1);
    size_t len = 0;
    while (rest.len) {
        struct span c = next_character(&rest);
        memcpy(clean + len, c.ptr, c.len);
        len += c.len;
    }
    json_t *json = json_stringn(clean, len);
    free(clean);
    return json;
}

json_t *payload_time(int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_time(ms, text);
    return json_string(text);
}

json_t *payload_labels_json(const struct payload_labels *labels) {
    json_t *json = json_object();
    for (size_t i = 0; i < labels->count; i++)
        json_object_set_new(json, labels->pairs[i].name, payload_string(labels->pairs[i].value));
    return json;
}

json_t *payload_annotations_json(const struct alert_row *a) {
    json_t *json = json_object();
    for (size_t i = 0; i < a->annotation_count && i < PAYLOAD_LABELS_MAX; i++)
        if (is_label_name(a->annotations[i].name) && a->annotations[i].value && *a->annotations[i].value)
            json_object_set_new(json, a->annotations[i].name, payload_string(a->annotations[i].value));
    if (a->summary && *a->summary)
        json_object_set_new(json, "summary", payload_string(a->summary));
    if (a->description && *a->description)
        json_object_set_new(json, "description", payload_string(a->description));
    return json;
}

char *payload_dump(json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        abort(); /* out of memory: all strings are valid */
    return text;
}
