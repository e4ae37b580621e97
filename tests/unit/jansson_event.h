/* The rules of parsers/record and parsers/ses_event a second time, on a jansson DOM: what a record is taken for, and
 * what is taken out of it, as one text that can be compared with the scanner's. */
#ifndef TESTS_UNIT_JANSSON_EVENT_H
#define TESTS_UNIT_JANSSON_EVENT_H

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "parsers/record.h"
#include "parsers/timestamp.h"

/* --- the text to compare ------------------------------------------------------------------------------------------ */

struct dump {
    char *bytes;
    size_t len, size;
};

static void dump_bytes(struct dump *d, const char *bytes, size_t len) {
    if (d->len + len + 1 > d->size) {
        d->size = 2 * (d->len + len + 1);
        d->bytes = realloc(d->bytes, d->size);
        if (!d->bytes)
            abort();
    }
    if (len)
        memcpy(d->bytes + d->len, bytes, len);
    d->len += len;
    d->bytes[d->len] = 0;
}

static void dump_string(struct dump *d, const char *name, struct span value) {
    dump_bytes(d, name, strlen(name));
    dump_bytes(d, "=", 1);
    dump_bytes(d, value.ptr, value.len);
    dump_bytes(d, "\n", 1);
}

static void dump_number(struct dump *d, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    dump_string(d, name, span_of(text));
}

static const size_t load_flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;

/* Any JSON value in one way of writing it; nothing for NULL. */
static void dump_json(struct dump *d, const char *name, const json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    dump_string(d, name, span_of(text ? text : ""));
    free(text);
}

static void dump_raw(struct dump *d, const char *name, struct span raw) {
    json_t *value = raw.len ? json_loadb(raw.ptr, raw.len, load_flags | JSON_DECODE_ANY, NULL) : NULL;
    if (raw.len && !value)
        dump_string(d, name, SPAN_LIT("(no JSON)"));
    else
        dump_json(d, name, value);
    json_decref(value);
}

static void dump_kind(struct dump *d, enum record_kind kind, int reason) {
    dump_number(d, "kind", (int)kind);
    if (kind >= RECORD_MALFORMED)
        dump_string(d, "reason", span_of(malformed_reason_name((enum malformed_reason)reason)));
}

/* --- the scanner's event ------------------------------------------------------------------------------------------ */

static void dump_event(struct dump *d, const struct ses_event *e, unsigned tags) {
    dump_number(d, "type", e->type);
    dump_string(d, "type_name", e->type_name);
    dump_number(d, "notification", e->notification);
    dump_number(d, "time_ms", e->time_ms);
    dump_number(d, "mail_time_ms", e->has_mail_time ? e->mail_time_ms : -1);
    dump_string(d, "message_id", e->message_id);
    dump_string(d, "source", e->source);
    dump_string(d, "source_arn", e->source_arn);
    dump_string(d, "source_ip", e->source_ip);
    dump_string(d, "caller_identity", e->caller_identity);
    dump_string(d, "sending_account_id", e->sending_account_id);
    dump_raw(d, "headers_truncated", e->headers_truncated);
    dump_raw(d, "headers", e->headers);
    dump_raw(d, "common_headers", e->common_headers);
    dump_raw(d, "tags", e->tags);
    dump_string(d, "configuration_set", e->configuration_set);
    dump_string(d, "from_domain", e->from_domain);
    for (unsigned i = 0; i < tags; i++)
        dump_string(d, "tag", e->tag_values[i]);
    dump_number(d, "has_object", e->has_object);
    dump_number(d, "object_time_ms", e->has_object_time ? e->object_time_ms : -1);
    dump_string(d, "feedback_id", e->feedback_id);
    dump_string(d, "reporting_mta", e->reporting_mta);
    dump_string(d, "remote_mta_ip", e->remote_mta_ip);
    dump_string(d, "bounce_type", e->bounce_type);
    dump_string(d, "bounce_subtype", e->bounce_subtype);
    dump_string(d, "complaint_subtype", e->complaint_subtype);
    dump_string(d, "complaint_feedback_type", e->complaint_feedback_type);
    dump_string(d, "arrival_date", e->arrival_date);
    dump_string(d, "smtp_response", e->smtp_response);
    dump_number(d, "processing_ms", e->processing_ms);
    dump_string(d, "reason", e->reason);
    dump_string(d, "ip_address", e->ip_address);
    dump_string(d, "user_agent", e->user_agent);
    dump_string(d, "link", e->link);
    dump_raw(d, "link_tags", e->link_tags);
    dump_string(d, "template_name", e->template_name);
    dump_string(d, "error_message", e->error_message);
    dump_string(d, "delay_type", e->delay_type);
    dump_string(d, "expiration_time", e->expiration_time);
    dump_string(d, "contact_list", e->contact_list);
    dump_string(d, "subscription_source", e->subscription_source);
    dump_raw(d, "new_preferences", e->new_preferences);
    dump_raw(d, "old_preferences", e->old_preferences);
    dump_number(d, "change", e->change);
    dump_number(d, "destinations", e->destination.count);
    struct ses_list list = ses_recipients_of(e);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct ses_recipient *r = &e->recipients[list.first + i];
        dump_string(d, "address", r->address);
        dump_string(d, "action", r->action);
        dump_string(d, "status", r->status);
        dump_string(d, "diagnostic_code", r->diagnostic_code);
    }
}

/* --- the twin's --------------------------------------------------------------------------------------------------- */

static struct span twin_string(const json_t *value) {
    return json_is_string(value) ? (struct span){json_string_value(value), json_string_length(value)}
                                 : (struct span){0};
}

static struct span twin_field(const json_t *object, const char *key) {
    return twin_string(json_object_get(object, key));
}

static bool is_given(const json_t *value) {
    return value && !json_is_null(value);
}

static const json_t *given(const json_t *value) {
    return is_given(value) ? value : NULL;
}

/* A time; *reason stays when there is none. */
static bool twin_time(const json_t *holder, int64_t *ms, int *reason) {
    const json_t *value = json_object_get(holder, "timestamp");
    *reason = MALFORMED_MISSING_FIELD;
    if (!is_given(value))
        return false;
    *reason = json_is_string(value) ? MALFORMED_BAD_TIME : MALFORMED_WRONG_TYPE;
    return json_is_string(value) && timestamp_parse(twin_string(value), ms);
}

static struct span twin_first(const json_t *value) {
    return twin_string(json_is_array(value) ? json_array_get(value, 0) : value);
}

static bool twin_names_somebody(const json_t *item) {
    struct span address = json_is_object(item) ? twin_field(item, "emailAddress") : twin_string(item);
    return span_trim(address).len > 0;
}

static uint32_t twin_count(const json_t *list, bool *is_wrong) {
    uint32_t count = 0;
    size_t i;
    json_t *item;
    if (!json_is_array(list)) {
        *is_wrong = *is_wrong || is_given(list);
        return 0;
    }
    json_array_foreach(list, i, item) {
        *is_wrong = *is_wrong || !(json_is_string(item) || json_is_object(item));
        count += twin_names_somebody(item);
    }
    return count;
}

static void twin_recipients(struct dump *d, const json_t *list) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (!twin_names_somebody(item))
            continue;
        dump_string(d, "address", json_is_object(item) ? twin_field(item, "emailAddress") : twin_string(item));
        dump_string(d, "action", twin_field(item, "action"));
        dump_string(d, "status", twin_field(item, "status"));
        dump_string(d, "diagnostic_code", twin_field(item, "diagnosticCode"));
    }
}

static struct span twin_configuration_set(const json_t *mail) {
    struct span set = twin_first(json_object_get(json_object_get(mail, "tags"), "ses:configuration-set"));
    const json_t *headers = json_object_get(mail, "headers");
    size_t i;
    json_t *header;
    if (set.len)
        return set;
    json_array_foreach(headers, i, header) {
        if (span_eq_nocase(twin_field(header, "name"), SPAN_LIT("X-SES-CONFIGURATION-SET")))
            return twin_field(header, "value");
    }
    return (struct span){0};
}

static int64_t twin_latency(const json_t *value) {
    if (json_is_integer(value)) {
        json_int_t n = json_integer_value(value);
        return n >= 0 && n < EVENT_NO_DELIVERY_MS ? n : EVENT_NO_DELIVERY_MS;
    }
    struct span text = twin_string(value);
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i]) || i == 10)
            return EVENT_NO_DELIVERY_MS;
        n = n * 10 + text.ptr[i] - '0';
    }
    return text.len && n < EVENT_NO_DELIVERY_MS ? n : EVENT_NO_DELIVERY_MS;
}

static struct span twin_old_status(const json_t *topics, struct span name) {
    size_t i;
    json_t *topic;
    json_array_foreach(topics, i, topic) {
        if (json_is_object(topic) && span_eq(twin_field(topic, "topicName"), name))
            return twin_field(topic, "subscriptionStatus");
    }
    return (struct span){0};
}

static enum subscription_change twin_change(const json_t *now, const json_t *before) {
    enum subscription_change change = CHANGE_NONE;
    const json_t *topics = json_object_get(now, "topicSubscriptionStatus");
    const json_t *old = json_object_get(before, "topicSubscriptionStatus");
    size_t i;
    json_t *topic;
    if (json_is_true(json_object_get(now, "unsubscribeAll")))
        return CHANGE_UNSUBSCRIBE_ALL;
    json_array_foreach(topics, i, topic) {
        struct span status = twin_field(topic, "subscriptionStatus");
        bool is_out = span_is(status, "OptOut"), is_in = span_is(status, "OptIn");
        if ((!is_out && !is_in) || span_eq(status, twin_old_status(old, twin_field(topic, "topicName"))))
            continue;
        if (is_out)
            return CHANGE_OPT_OUT;
        change = CHANGE_OPT_IN;
    }
    return change;
}

/* The keys of a type's object and of its list. */
static const struct {
    const char *object, *list;
    bool has_time, needs_recipients;
} twin_types[EVENT_TYPES] = {
    [EVENT_SEND] = {"send", "", false, true},
    [EVENT_DELIVERY] = {"delivery", "recipients", true, true},
    [EVENT_BOUNCE] = {"bounce", "bouncedRecipients", true, true},
    [EVENT_COMPLAINT] = {"complaint", "complainedRecipients", true, false},
    [EVENT_REJECT] = {"reject", "", false, true},
    [EVENT_OPEN] = {"open", "", true, false},
    [EVENT_CLICK] = {"click", "", true, false},
    [EVENT_RENDERING_FAILURE] = {"failure", "", false, true},
    [EVENT_DELIVERY_DELAY] = {"deliveryDelay", "delayedRecipients", true, true},
    [EVENT_SUBSCRIPTION] = {"subscription", "", true, false},
    [EVENT_UNKNOWN] = {"", "", false, false},
};

struct twin {
    const json_t *root, *mail, *object; /* object NULL: none */
    enum event_type type;
    struct span type_name;
    bool is_notification;
    const json_t *list; /* the one that holds */
    int64_t time_ms, mail_time_ms, object_time_ms;
    bool has_mail_time, has_object_time;
};

/* A field of the type's object, if the type has it. */
static struct span twin_own(const struct twin *t, enum event_type a, enum event_type b, const char *key) {
    return t->type == a || t->type == b ? twin_field(t->object, key) : (struct span){0};
}

static void dump_twin(struct dump *d, const struct twin *t, const struct span *tags, unsigned tag_count) {
    const json_t *tag_object = json_object_get(t->mail, "tags");
    dump_number(d, "type", t->type);
    dump_string(d, "type_name", t->type_name);
    dump_number(d, "notification", t->is_notification);
    dump_number(d, "time_ms", t->time_ms);
    dump_number(d, "mail_time_ms", t->has_mail_time ? t->mail_time_ms : -1);
    dump_string(d, "message_id", twin_field(t->mail, "messageId"));
    dump_string(d, "source", twin_field(t->mail, "source"));
    dump_string(d, "source_arn", twin_field(t->mail, "sourceArn"));
    dump_string(d, "source_ip", twin_field(t->mail, "sourceIp"));
    dump_string(d, "caller_identity", twin_field(t->mail, "callerIdentity"));
    dump_string(d, "sending_account_id", twin_field(t->mail, "sendingAccountId"));
    dump_json(d, "headers_truncated", given(json_object_get(t->mail, "headersTruncated")));
    dump_json(d, "headers", given(json_object_get(t->mail, "headers")));
    dump_json(d, "common_headers", given(json_object_get(t->mail, "commonHeaders")));
    dump_json(d, "tags", json_is_object(tag_object) ? tag_object : NULL);
    dump_string(d, "configuration_set", twin_configuration_set(t->mail));
    dump_string(d, "from_domain", twin_first(json_object_get(tag_object, "ses:from-domain")));
    for (unsigned i = 0; i < tag_count; i++)
        dump_string(d, "tag", twin_first(json_object_getn(tag_object, tags[i].ptr, tags[i].len)));
    const json_t *o = t->object;
    dump_number(d, "has_object", o != NULL);
    dump_number(d, "object_time_ms", t->has_object_time ? t->object_time_ms : -1);
    dump_string(d, "feedback_id", twin_field(o, "feedbackId"));
    dump_string(d, "reporting_mta", twin_field(o, "reportingMTA"));
    dump_string(d, "remote_mta_ip", twin_field(o, "remoteMtaIp"));
    dump_string(d, "bounce_type", twin_own(t, EVENT_BOUNCE, EVENT_BOUNCE, "bounceType"));
    dump_string(d, "bounce_subtype", twin_own(t, EVENT_BOUNCE, EVENT_BOUNCE, "bounceSubType"));
    dump_string(d, "complaint_subtype", twin_own(t, EVENT_COMPLAINT, EVENT_COMPLAINT, "complaintSubType"));
    dump_string(d, "complaint_feedback_type", twin_own(t, EVENT_COMPLAINT, EVENT_COMPLAINT, "complaintFeedbackType"));
    dump_string(d, "arrival_date", twin_own(t, EVENT_COMPLAINT, EVENT_COMPLAINT, "arrivalDate"));
    dump_string(d, "smtp_response", twin_own(t, EVENT_DELIVERY, EVENT_DELIVERY, "smtpResponse"));
    dump_number(d, "processing_ms",
                t->type == EVENT_DELIVERY ? twin_latency(json_object_get(o, "processingTimeMillis"))
                                          : EVENT_NO_DELIVERY_MS);
    dump_string(d, "reason", twin_own(t, EVENT_REJECT, EVENT_REJECT, "reason"));
    dump_string(d, "ip_address", twin_own(t, EVENT_OPEN, EVENT_CLICK, "ipAddress"));
    dump_string(d, "user_agent",
                t->type == EVENT_COMPLAINT ? twin_field(o, "userAgent")
                                           : twin_own(t, EVENT_OPEN, EVENT_CLICK, "userAgent"));
    dump_string(d, "link", twin_own(t, EVENT_OPEN, EVENT_CLICK, "link"));
    dump_json(d, "link_tags",
              t->type == EVENT_OPEN || t->type == EVENT_CLICK ? given(json_object_get(o, "linkTags")) : NULL);
    dump_string(d, "template_name", twin_own(t, EVENT_RENDERING_FAILURE, EVENT_RENDERING_FAILURE, "templateName"));
    dump_string(d, "error_message", twin_own(t, EVENT_RENDERING_FAILURE, EVENT_RENDERING_FAILURE, "errorMessage"));
    dump_string(d, "delay_type", twin_own(t, EVENT_DELIVERY_DELAY, EVENT_DELIVERY_DELAY, "delayType"));
    dump_string(d, "expiration_time", twin_own(t, EVENT_DELIVERY_DELAY, EVENT_DELIVERY_DELAY, "expirationTime"));
    dump_string(d, "contact_list", twin_own(t, EVENT_SUBSCRIPTION, EVENT_SUBSCRIPTION, "contactList"));
    dump_string(d, "subscription_source", twin_own(t, EVENT_SUBSCRIPTION, EVENT_SUBSCRIPTION, "source"));
    bool is_subscription = t->type == EVENT_SUBSCRIPTION;
    const json_t *now = is_subscription ? given(json_object_get(o, "newTopicPreferences")) : NULL;
    const json_t *before = is_subscription ? given(json_object_get(o, "oldTopicPreferences")) : NULL;
    dump_json(d, "new_preferences", now);
    dump_json(d, "old_preferences", before);
    dump_number(d, "change", is_subscription ? twin_change(now, before) : CHANGE_NONE);
    bool ignored = false;
    dump_number(d, "destinations", twin_count(json_object_get(t->mail, "destination"), &ignored));
    twin_recipients(d, t->list);
}

/* --- what a record is --------------------------------------------------------------------------------------------- */

/* An SES record: SES_FINE with *t filled, or the reason. */
static int twin_read(struct twin *t) {
    const json_t *object = json_object_get(t->root, twin_types[t->type].object);
    const json_t *id = json_object_get(t->mail, "messageId");
    t->object = json_is_object(object) ? object : NULL;
    const json_t *bounce_type = t->type == EVENT_BOUNCE ? json_object_get(t->object, "bounceType") : NULL;
    if (!t->type_name.ptr || (is_given(id) && !json_is_string(id)) ||
        (is_given(bounce_type) && !json_is_string(bounce_type)) ||
        (t->type == EVENT_BOUNCE && is_given(object) && !t->object))
        return MALFORMED_WRONG_TYPE;

    int no_mail_time, no_object_time;
    bool has_time = twin_types[t->type].has_time;
    t->has_mail_time = twin_time(t->mail, &t->mail_time_ms, &no_mail_time);
    t->has_object_time = twin_time(t->object, &t->object_time_ms, &no_object_time);
    t->time_ms = has_time && t->has_object_time ? t->object_time_ms : t->mail_time_ms;
    if (has_time && !t->has_object_time && no_object_time != MALFORMED_MISSING_FIELD)
        return no_object_time;
    if (!(has_time && t->has_object_time) && !t->has_mail_time)
        return no_mail_time;
    if (!twin_string(id).len || (t->type == EVENT_BOUNCE && !json_is_string(bounce_type)))
        return MALFORMED_MISSING_FIELD;

    bool is_wrong = false;
    const json_t *own = json_object_get(t->object, twin_types[t->type].list);
    const json_t *destination = json_object_get(t->mail, "destination");
    uint32_t at_destination = twin_count(destination, &is_wrong), at_own = twin_count(own, &is_wrong);
    t->list = at_own ? own : destination;
    if (twin_types[t->type].needs_recipients && !at_own && !at_destination)
        return is_wrong ? MALFORMED_WRONG_TYPE : MALFORMED_MISSING_FIELD;
    return SES_FINE;
}

static int twin_depth(const json_t *value) {
    int deepest = 0;
    size_t i;
    const char *key;
    json_t *inner;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, inner) {
            int depth = twin_depth(inner);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, inner) {
            int depth = twin_depth(inner);
            deepest = depth > deepest ? depth : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

static bool twin_is(struct span s, const char *a, const char *b) {
    return span_eq(s, span_of(a)) || span_eq(s, span_of(b));
}

/* The value inside an envelope: a new reference; or NULL, and *kind and *reason say what the record is. *reason -1:
 * what jansson does not take is nothing to compare. */
static json_t *twin_open_text(struct span text, bool is_plain_filtered, enum record_kind *kind, int *reason) {
    while (text.len && (unsigned char)text.ptr[0] <= ' ')
        text.ptr++, text.len--;
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text.ptr += 3, text.len -= 3;
    if (!text.len || text.ptr[0] != '{') {
        *kind = is_plain_filtered ? RECORD_FILTERED : RECORD_MALFORMED;
        *reason = MALFORMED_BAD_ENVELOPE;
        return NULL;
    }
    json_t *value = json_loadb(text.ptr, text.len, load_flags | JSON_DISABLE_EOF_CHECK, NULL);
    if (!value || twin_depth(value) > JSON_MAX_DEPTH) {
        *kind = RECORD_MALFORMED;
        *reason = value ? MALFORMED_TOO_DEEP : -1;
        json_decref(value);
        return NULL;
    }
    return value;
}

static json_t *twin_open(const json_t *root, bool *is_eventbridge, enum record_kind *kind, int *reason) {
    static const char *const keys[] = {"Message", "detail", "rawData", "payload"};
    *is_eventbridge = false;
    *kind = RECORD_MALFORMED;
    *reason = MALFORMED_BAD_ENVELOPE;
    for (int i = 0; i < 4; i++) {
        json_t *value = json_object_get(root, keys[i]);
        bool is_raw_data = i == 2;
        if (!json_is_string(value) && (!json_is_object(value) || is_raw_data))
            continue;
        *is_eventbridge = i == 1;
        if (json_is_object(value))
            return json_incref(value);
        struct span text = twin_string(value);
        if (!is_raw_data)
            return twin_open_text(text, i < 2, kind, reason);
        char *data = malloc(text.len + 4);
        if (!data)
            abort();
        ptrdiff_t len = base64_decode(text, data);
        json_t *inner = len < 0 ? NULL : twin_open_text((struct span){data, (size_t)len}, false, kind, reason);
        free(data);
        return inner;
    }
    return NULL;
}

/* What the text of one object is, and what is in it. False: nothing to compare. */
static bool twin_dump(const char *text, size_t len, const struct span *tags, unsigned tag_count, struct dump *d) {
    json_t *root = json_loadb(text, len, load_flags, NULL);
    bool is_eventbridge = false, is_comparable = json_is_object(root);
    enum record_kind kind = RECORD_MALFORMED;
    int reason = MALFORMED_NOT_SES;
    if (is_comparable && twin_depth(root) > JSON_MAX_DEPTH) {
        dump_kind(d, RECORD_LOST, MALFORMED_TOO_DEEP);
        json_decref(root);
        return true;
    }
    for (int level = 0; is_comparable; level++) {
        const json_t *event_type = json_object_get(root, "eventType");
        const json_t *notification_type = json_object_get(root, "notificationType");
        const json_t *mail = json_object_get(root, "mail");
        struct span name = twin_string(json_is_string(event_type) ? event_type : notification_type);
        bool is_typed = is_given(event_type) || is_given(notification_type);
        if (!json_is_string(event_type) && twin_is(name, "Received", "AmazonSnsSubscriptionSucceeded")) {
            kind = RECORD_FILTERED;
            break;
        }
        if (is_typed && json_is_object(mail)) {
            struct twin t = {.root = root, .mail = mail, .type_name = name, .type = event_type_parse(name)};
            t.is_notification = !json_is_string(event_type);
            reason = twin_read(&t);
            kind = reason == SES_FINE ? RECORD_EVENT : RECORD_MALFORMED;
            dump_kind(d, kind, reason);
            if (kind == RECORD_EVENT)
                dump_twin(d, &t, tags, tag_count);
            json_decref(root);
            return true;
        }
        if (twin_is(twin_field(root, "Type"), "SubscriptionConfirmation", "UnsubscribeConfirmation")) {
            kind = RECORD_FILTERED;
            break;
        }
        if (!is_given(json_object_get(root, "Message")) && !is_given(json_object_get(root, "detail")) &&
            !is_given(json_object_get(root, "rawData")) && !is_given(json_object_get(root, "payload"))) {
            bool has_mail = json_is_object(mail);
            kind = is_eventbridge && !(is_typed && is_given(mail)) ? RECORD_FILTERED : RECORD_MALFORMED;
            reason = is_typed && is_given(mail) ? MALFORMED_WRONG_TYPE
                     : is_typed || has_mail     ? MALFORMED_MISSING_FIELD
                                                : MALFORMED_NOT_SES;
            break;
        }
        if (level == RECORD_MAX_ENVELOPES) {
            reason = MALFORMED_BAD_ENVELOPE;
            break;
        }
        json_t *inner = twin_open(root, &is_eventbridge, &kind, &reason);
        json_decref(root);
        root = inner;
        if (!root)
            is_comparable = reason != -1;
        if (!root)
            break;
        kind = RECORD_MALFORMED;
    }
    json_decref(root);
    if (is_comparable)
        dump_kind(d, kind, reason);
    return is_comparable;
}

#endif
