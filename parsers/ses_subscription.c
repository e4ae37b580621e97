#include "parsers/ses_subscription.h"

static struct span key_of(struct ses_parser *p, struct json_walk *w, const struct json_value *key) {
    struct span text;
    ses_string(p, w, key, &text);
    return text;
}

struct preferences {
    bool unsubscribe_all;
    struct span topics; /* topicSubscriptionStatus, raw */
};

/* {"unsubscribeAll":true,"topicSubscriptionStatus":[{"topicName":"news","subscriptionStatus":"OptOut"}], ...} */
static struct preferences read_preferences(struct ses_parser *p, struct json_walk *w) {
    struct preferences found = {0};
    struct json_value key, v;
    bool first = true;
    if (!json_enter(w))
        return found;
    while (json_member(w, &first, &key, &v)) {
        struct span k = key_of(p, w, &key);
        if (span_is(k, "unsubscribeAll"))
            found.unsubscribe_all = v.kind == JSON_KIND_TRUE;
        json_pass(w, &v);
        if (span_is(k, "topicSubscriptionStatus") && v.kind == JSON_KIND_ARRAY)
            found.topics = json_text(w, &v);
    }
    return found;
}

/* {"topicName":"news","subscriptionStatus":"OptOut"} at w->at */
static void read_topic(struct ses_parser *p, struct json_walk *w, struct span *name, struct span *status) {
    struct json_value key, v;
    bool first = true;
    *name = *status = (struct span){0};
    if (!json_enter(w))
        return;
    while (json_member(w, &first, &key, &v)) {
        struct span k = key_of(p, w, &key);
        struct span *to = span_is(k, "topicName") ? name : span_is(k, "subscriptionStatus") ? status : NULL;
        if (to && v.kind == JSON_KIND_STRING)
            ses_string(p, w, &v, to); /* an escape that JSON does not have: compared as it is */
        json_pass(w, &v);
    }
}

/* A contact list has at most 20 topics (SES quotas). Looking no further keeps the comparison of two long lists short.
 */
enum { MAX_TOPICS = 100 };

/* The status that the old preferences gave a topic; empty if none. */
static struct span old_status(struct ses_parser *p, const struct json_index *ix, struct span topics,
                              struct span wanted) {
    struct span name, status;
    if (!topics.len)
        return (struct span){0};
    struct json_walk w = json_walk_at(ix, (size_t)(topics.ptr - ix->text));
    struct json_value v;
    bool first = true;
    if (!json_enter(&w))
        return (struct span){0};
    for (int i = 0; i < MAX_TOPICS && json_element(&w, &first, &v); i++) {
        if (v.kind != JSON_KIND_OBJECT) {
            json_pass(&w, &v);
            continue;
        }
        read_topic(p, &w, &name, &status);
        if (span_eq(name, wanted))
            return status;
    }
    return (struct span){0};
}

/* Out beats in: one record that does both is an opt-out. */
static enum subscription_change compare_topics(struct ses_parser *p, const struct json_index *ix, struct span topics,
                                               struct span old_topics) {
    enum subscription_change change = CHANGE_NONE;
    struct json_value v;
    bool first = true;
    if (!topics.len)
        return change;
    struct json_walk w = json_walk_at(ix, (size_t)(topics.ptr - ix->text));
    if (!json_enter(&w))
        return change;
    for (int i = 0; i < MAX_TOPICS && json_element(&w, &first, &v); i++) {
        struct span name, status;
        if (v.kind != JSON_KIND_OBJECT) {
            json_pass(&w, &v);
            continue;
        }
        read_topic(p, &w, &name, &status);
        bool out = span_is(status, "OptOut"), in = span_is(status, "OptIn");
        if ((!out && !in) || span_eq(status, old_status(p, ix, old_topics, name)))
            continue;
        if (out)
            return CHANGE_OPT_OUT;
        change = CHANGE_OPT_IN;
    }
    return change;
}

static struct preferences preferences_at(struct ses_parser *p, const struct json_index *ix, struct span raw) {
    if (!raw.len || raw.ptr[0] != '{')
        return (struct preferences){0};
    struct json_walk w = json_walk_at(ix, (size_t)(raw.ptr - ix->text));
    return read_preferences(p, &w);
}

enum subscription_change ses_subscription_change(struct ses_parser *p, const struct json_index *ix,
                                                 struct span new_preferences, struct span old_preferences) {
    struct preferences now = preferences_at(p, ix, new_preferences);
    struct preferences before = preferences_at(p, ix, old_preferences);
    return now.unsubscribe_all ? CHANGE_UNSUBSCRIBE_ALL : compare_topics(p, ix, now.topics, before.topics);
}
