/* normalize: what a worker writes, and what a worker's file cannot have. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"

static const char *instance_wrong(const char *text) {
    size_t len = strlen(text);
    return len && len <= 200 && !line_wrong(text) ? NULL : "write a name of at most 200 characters";
}

static const struct key normalize_keys[] = {
    {"topic", KEY_TEXT, 0, FIELD(struct config, normalize.topic), .wrong = topic_wrong,
     .means = "The topic that normalised records are written to, in the [compact "
              "form](normalized-events.md#the-compact-form). With it the file is a worker's."},
    {"hash_key_file", KEY_PATH, KEY_READABLE, FIELD(struct config, normalize_key_file),
     .shown_default = "none: it must be given",
     .means = "The key by which duplicates are known, the same for all workers that write to the topic. `openssl rand "
              "-hex 32` makes one."},
    {"instance", KEY_TEXT, 0, FIELD(struct config, normalize.instance), .wrong = instance_wrong,
     .shown_default = "the group, a dash, the name of the host",
     .means =
         "The worker's own name (`transactional.id`): no two that run may have the same, and one that starts again "
         "should have the one it had."},
    {"interval", KEY_DURATION, 0, FIELD(struct config, normalize.interval_ms), .fallback = "500ms", .min = 10,
     .max = 5000, .means = "How long a transaction is kept open for more records: readers see them after it."},
    {"properties", KEY_PAIRS, 0, LIST_FIELD(struct config, normalize.properties, normalize.property_count), .max = 200,
     .wrong = property_wrong, .wrong_value = line_wrong, .is_secret = kafka_property_is_secret,
     .means = "Properties of librdkafka for the producer, beside those of the source, which hold for it too."},
};
const struct section normalize_section = {"normalize", KEYS_OF(normalize_keys)};

static bool is_asked_for(const struct config *c) {
    return c->normalize.instance || c->normalize.property_count || c->normalize_key_file;
}

/* What counts and tells is not a worker's. Found by what is set: a file that `check` wrote has every section. */
static bool refuse_the_rest(struct binder *b, const struct config *c, const struct node *root) {
    const struct node *alerts = tree_get(root, "alerts"), *rules = tree_get(alerts, "rules");
    const struct {
        bool is_set;
        const char *section, *key, *why;
    } refused[] = {
        {c->state_path, "state", "path", "a worker keeps no state: its positions are in Kafka"},
        {c->quarantine_dir, "quarantine", "directory", "a worker sends what is malformed to the dead_letter_topic"},
        {c->target_count > 0, "alerts", NULL, "a worker raises no alerts: those who count do"},
        {c->alerts_file, "alerts", "file", "a worker raises no alerts: those who count do"},
        {rules && rules->entries, "alerts", "rules", "a worker raises no alerts: those who count do"},
        {c->suppression.file || c->suppression.webhook.url || c->suppression.ses_enabled, "suppression", NULL,
         "the compact form holds no addresses"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct node *section = tree_get(root, refused[i].section);
        if (!refused[i].is_set || !section)
            continue;
        return bind_error_at_key(b, refused[i].key ? bind_place(section, refused[i].key) : section,
                                 "with normalize.topic this cannot be: %s; take it out", refused[i].why);
    }
    return true;
}

static bool check_source(struct binder *b, struct config *c, const struct node *root) {
    const struct node *sources = tree_get(root, "sources");
    if (c->source_count != 1 || c->sources[0].kind != SOURCE_KAFKA)
        return bind_error(b, sources ? sources : root,
                          "with normalize.topic there is one source, and it is kafka; here are %zu", c->source_count);
    c->normalize.source = &c->sources[0].kafka;
    if (c->normalize.source->mode == KAFKA_GROUP)
        return true;
    return bind_error(b, bind_place(sources->first->first, "mode"),
                      "with normalize.topic the partitions are shared out; write mode: group");
}

bool finish_normalize(struct binder *b, struct config *c, const struct node *root) {
    const struct node *section = tree_get(root, "normalize");
    struct err err = {0};
    if (!c->normalize.topic)
        return !is_asked_for(c) || bind_error(b, section, "normalize has no topic; add it: where to write to");
    if (!c->normalize_key_file)
        return bind_error(b, section,
                          "hash_key_file is missing; add it: a file with the key that all workers share "
                          "(openssl rand -hex 32 > FILE makes one)");
    if (!check_source(b, c, root) || !refuse_the_rest(b, c, root))
        return false;
    if (kafka_transform_check(&c->normalize, &err))
        return true;
    const struct node *at = place_of_property(section, err.text);
    const struct node *source = tree_get(root, "sources")->first->first;
    if (at == section)
        at = place_of_property(source, err.text);
    return bind_error_at_key(b, at == source ? section : at, "%s", err.text);
}
