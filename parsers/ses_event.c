#include "parsers/ses_event.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "parsers/ses_subscription.h"
#include "parsers/timestamp.h"

void ses_parser_init(struct ses_parser *p) {
    *p = (struct ses_parser){.recipient_capacity = 64};
    p->recipients = alloc_zeroed(p->recipient_capacity, sizeof *p->recipients);
    p->arena = alloc_zeroed(SES_ARENA_SIZE, 1);
}

void ses_parser_deinit(struct ses_parser *p) {
    free(p->recipients);
    free(p->arena);
    *p = (struct ses_parser){0};
}

void ses_event_begin(struct ses_parser *p, struct ses_event *e) {
    memset(e, 0, sizeof *e);
    e->processing_ms = EVENT_NO_DELIVERY_MS;
    e->no_mail_time = e->no_object_time = e->no_recipients = MALFORMED_MISSING_FIELD;
    e->recipients = p->recipients;
    p->arena_used = 0;
}

int ses_reason_of(enum json_status status) {
    switch (status) {
    case JSON_OK:
        return SES_FINE;
    case JSON_CUT:
        return MALFORMED_TRUNCATED;
    case JSON_DEEP:
        return MALFORMED_TOO_DEEP;
    default:
        return MALFORMED_STRUCTURE;
    }
}

bool ses_string(struct ses_parser *p, const struct json_walk *w, const struct json_value *v, struct span *out) {
    *out = json_text(w, v);
    if (__builtin_expect(!json_has_escape(w->ix, v->start, v->end), 1))
        return true;
    if (out->len > SES_ARENA_SIZE - p->arena_used)
        return false;
    char *to = p->arena + p->arena_used;
    ptrdiff_t len = json_unescape(*out, to);
    if (len < 0)
        return false;
    p->arena_used += (size_t)len;
    *out = (struct span){to, (size_t)len};
    return true;
}

/* --- reading one object: each known member once ---------------------------------------------------------------- */

/* One object being read. The first reason found is kept; the walk goes on. */
struct reading {
    struct ses_parser *p;
    struct json_walk *w;
    uint64_t seen; /* bits of the members met */
    int reason;
};

static inline void note(struct reading *r, int reason) {
    if (r->reason == SES_FINE)
        r->reason = reason;
}

/* The same member twice: which one holds? Nobody can know, so the record is malformed. */
static inline void once(struct reading *r, unsigned field) {
    if (r->seen >> field & 1)
        note(r, MALFORMED_DUPLICATE_KEY);
    r->seen |= 1ull << field;
}

/* A string that may be missing: other types count as missing. */
static inline void optional_string(struct reading *r, unsigned field, struct json_value *v, struct span *out) {
    once(r, field);
    if (v->kind == JSON_KIND_STRING) {
        if (!ses_string(r->p, r->w, v, out))
            note(r, MALFORMED_STRUCTURE);
    } else {
        json_pass(r->w, v);
    }
}

static inline void needed_string(struct reading *r, unsigned field, struct json_value *v, struct span *out) {
    if (v->kind != JSON_KIND_STRING && v->kind != JSON_KIND_NULL)
        note(r, MALFORMED_WRONG_TYPE);
    optional_string(r, field, v, out);
}

/* Any value, as it is written: a string with its quotes. */
static inline void raw_value(struct reading *r, unsigned field, struct json_value *v, struct span *out) {
    once(r, field);
    if (!json_pass(r->w, v) || v->kind == JSON_KIND_NULL)
        return;
    struct span text = json_text(r->w, v);
    *out = v->kind == JSON_KIND_STRING ? (struct span){text.ptr - 1, text.len + 2} : text;
}

/* `*why` becomes the reason if a time is given that is none. Whether the event needs it is only known at the end. */
static inline void time_value(struct reading *r, unsigned field, struct json_value *v, bool *has, int64_t *ms,
                              enum malformed_reason *why) {
    struct span text = {0};
    optional_string(r, field, v, &text);
    if (v->kind == JSON_KIND_STRING) {
        *has = timestamp_parse(text, ms);
        *why = MALFORMED_BAD_TIME;
    } else if (v->kind != JSON_KIND_NULL) {
        *why = MALFORMED_WRONG_TYPE;
    }
}

/* The key's text; escapes in keys are legal, and rare. One that cannot be decoded stays as it is, and is none of ours.
 */
static inline struct span key_of(struct reading *r, const struct json_value *key) {
    struct span text;
    ses_string(r->p, r->w, key, &text);
    return text;
}

static inline int finish(const struct reading *r) {
    return r->w->status != JSON_OK ? ses_reason_of(r->w->status) : r->reason;
}

/* --- recipients ------------------------------------------------------------------------------------------------- */

static struct ses_recipient *add_recipient(struct reading *r, struct ses_event *e, struct ses_list *list) {
    struct ses_parser *p = r->p;
    if (e->recipient_count == p->recipient_capacity) {
        p->recipient_capacity *= 2;
        p->recipients = alloc_resize(p->recipients, p->recipient_capacity, sizeof *p->recipients);
        e->recipients = p->recipients;
    }
    list->count++;
    struct ses_recipient *to = &p->recipients[e->recipient_count++];
    memset(to, 0, sizeof *to);
    return to;
}

/* {"emailAddress":"a@b","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 ..."} */
static void read_recipient_object(struct reading *r, struct ses_recipient *to) {
    struct reading inner = {r->p, r->w, 0, r->reason};
    struct json_value key, v;
    bool first = true;
    if (!json_enter(r->w))
        return;
    while (json_member(r->w, &first, &key, &v)) {
        struct span k = key_of(&inner, &key);
        if (span_is(k, "emailAddress"))
            optional_string(&inner, 0, &v, &to->address);
        else if (span_is(k, "action"))
            optional_string(&inner, 1, &v, &to->action);
        else if (span_is(k, "status"))
            optional_string(&inner, 2, &v, &to->status);
        else if (span_is(k, "diagnosticCode"))
            optional_string(&inner, 3, &v, &to->diagnostic_code);
        else
            json_pass(r->w, &v);
    }
    r->reason = inner.reason;
}

/* One element of a list. What names nobody is left out. */
static void take_recipient(struct reading *r, struct json_value *item, struct ses_event *e, struct ses_list *list) {
    if (item->kind != JSON_KIND_STRING && item->kind != JSON_KIND_OBJECT) {
        e->no_recipients = MALFORMED_WRONG_TYPE;
        json_pass(r->w, item);
        return;
    }
    struct ses_recipient *to = add_recipient(r, e, list);
    if (item->kind == JSON_KIND_OBJECT)
        read_recipient_object(r, to);
    else if (!ses_string(r->p, r->w, item, &to->address))
        note(r, MALFORMED_STRUCTURE);
    if (!span_trim(to->address).len) {
        e->recipient_count--;
        list->count--;
    }
}

/* ["a@b", ...] or [{"emailAddress": ...}, ...]; any other type counts as missing. */
static void recipient_list(struct reading *r, unsigned field, struct json_value *v, struct ses_event *e,
                           struct ses_list *list) {
    once(r, field);
    list->first = e->recipient_count;
    if (v->kind != JSON_KIND_ARRAY) {
        if (v->kind != JSON_KIND_NULL)
            e->no_recipients = MALFORMED_WRONG_TYPE;
        json_pass(r->w, v);
        return;
    }
    bool first = true;
    struct json_value item;
    if (!json_enter(r->w))
        return;
    while (json_element(r->w, &first, &item))
        take_recipient(r, &item, e, list);
}

/* --- mail --------------------------------------------------------------------------------------------------------- */

/* The first string of ["a", ...]; a bare string is taken as it is. */
static void first_of_array(struct reading *r, struct json_value *v, struct span *out) {
    if (v->kind != JSON_KIND_ARRAY) {
        if (v->kind == JSON_KIND_STRING && !ses_string(r->p, r->w, v, out))
            note(r, MALFORMED_STRUCTURE);
        json_pass(r->w, v);
        return;
    }
    bool first = true, taken = false;
    struct json_value item;
    if (!json_enter(r->w))
        return;
    while (json_element(r->w, &first, &item)) {
        if (!taken && item.kind == JSON_KIND_STRING && !ses_string(r->p, r->w, &item, out))
            note(r, MALFORMED_STRUCTURE);
        taken = true;
        json_pass(r->w, &item);
    }
}

/* {"ses:configuration-set":["newsletter"],"campaign":["spring"], ...} */
static void read_tags(struct reading *r, struct json_value *v, struct ses_event *e) {
    once(r, 11);
    if (v->kind != JSON_KIND_OBJECT) {
        json_pass(r->w, v);
        return;
    }
    struct reading inner = {r->p, r->w, 0, r->reason};
    struct json_value key, value;
    bool first = true;
    if (!json_enter(r->w))
        return;
    while (json_member(r->w, &first, &key, &value)) {
        struct span k = key_of(&inner, &key);
        if (span_is(k, "ses:configuration-set")) {
            once(&inner, 0);
            first_of_array(&inner, &value, &e->configuration_set);
            continue;
        }
        if (span_is(k, "ses:from-domain")) {
            once(&inner, 1);
            first_of_array(&inner, &value, &e->from_domain);
            continue;
        }
        unsigned i = 0;
        while (i < r->p->tag_count && !span_eq(k, r->p->tag_names[i]))
            i++;
        if (i < r->p->tag_count) {
            once(&inner, 2 + i);
            first_of_array(&inner, &value, &e->tag_values[i]);
        } else {
            json_pass(r->w, &value);
        }
    }
    e->tags = (struct span){r->w->ix->text + v->start, r->w->at - v->start};
    r->reason = inner.reason;
}

static void read_mail_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    switch (k.len) {
    case 4:
        if (span_is(k, "tags")) {
            read_tags(r, v, e);
            return;
        }
        break;
    case 6:
        if (span_is(k, "source")) {
            optional_string(r, 2, v, &e->source);
            return;
        }
        break;
    case 7:
        if (span_is(k, "headers")) {
            raw_value(r, 9, v, &e->headers);
            return;
        }
        break;
    case 8:
        if (span_is(k, "sourceIp")) {
            optional_string(r, 4, v, &e->source_ip);
            return;
        }
        break;
    case 9:
        if (span_is(k, "messageId")) {
            needed_string(r, 1, v, &e->message_id);
            return;
        }
        if (span_is(k, "timestamp")) {
            time_value(r, 0, v, &e->has_mail_time, &e->mail_time_ms, &e->no_mail_time);
            return;
        }
        if (span_is(k, "sourceArn")) {
            optional_string(r, 3, v, &e->source_arn);
            return;
        }
        break;
    case 11:
        if (span_is(k, "destination")) {
            recipient_list(r, 7, v, e, &e->destination);
            return;
        }
        break;
    case 13:
        if (span_is(k, "commonHeaders")) {
            raw_value(r, 10, v, &e->common_headers);
            return;
        }
        break;
    case 14:
        if (span_is(k, "callerIdentity")) {
            optional_string(r, 5, v, &e->caller_identity);
            return;
        }
        break;
    case 16:
        if (span_is(k, "sendingAccountId")) {
            optional_string(r, 6, v, &e->sending_account_id);
            return;
        }
        if (span_is(k, "headersTruncated")) {
            raw_value(r, 8, v, &e->headers_truncated);
            return;
        }
        break;
    default:
        break;
    }
    json_pass(r->w, v);
}

int ses_read_mail(struct ses_parser *p, struct json_walk *w, struct ses_event *e) {
    struct reading r = {p, w, 0, SES_FINE};
    struct json_value key, v;
    bool first = true;
    if (json_enter(w))
        while (json_member(w, &first, &key, &v))
            read_mail_member(&r, key_of(&r, &key), &v, e);
    return finish(&r);
}

/* --- the type's own object --------------------------------------------------------------------------------------- */

/* A whole number of milliseconds, also written as a string. Anything else is no latency: absent. */
static void latency(struct reading *r, unsigned field, struct json_value *v, uint32_t *out) {
    struct span text = {0};
    optional_string(r, field, v, &text);
    if (v->kind == JSON_KIND_NUMBER)
        text = json_text(r->w, v);
    if (text.len) {
        uint64_t n = 0;
        size_t i = 0;
        for (; i < text.len && i < 10 && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            n = n * 10 + (uint64_t)(text.ptr[i] - '0');
        if (i && i == text.len && n < EVENT_NO_DELIVERY_MS)
            *out = (uint32_t)n;
    }
}

static bool read_delivery_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "recipients"))
        recipient_list(r, 1, v, e, &e->object_recipients);
    else if (span_is(k, "processingTimeMillis"))
        latency(r, 2, v, &e->processing_ms);
    else if (span_is(k, "smtpResponse"))
        optional_string(r, 3, v, &e->smtp_response);
    else
        return false;
    return true;
}

static bool read_bounce_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "bounceType"))
        needed_string(r, 1, v, &e->bounce_type);
    else if (span_is(k, "bounceSubType"))
        optional_string(r, 2, v, &e->bounce_subtype);
    else if (span_is(k, "bouncedRecipients"))
        recipient_list(r, 3, v, e, &e->object_recipients);
    else
        return false;
    return true;
}

static bool read_complaint_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "complainedRecipients"))
        recipient_list(r, 1, v, e, &e->object_recipients);
    else if (span_is(k, "complaintSubType"))
        optional_string(r, 2, v, &e->complaint_subtype);
    else if (span_is(k, "complaintFeedbackType"))
        optional_string(r, 3, v, &e->complaint_feedback_type);
    else if (span_is(k, "userAgent"))
        optional_string(r, 4, v, &e->user_agent);
    else if (span_is(k, "arrivalDate"))
        optional_string(r, 5, v, &e->arrival_date);
    else
        return false;
    return true;
}

static bool read_engagement_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "ipAddress"))
        optional_string(r, 1, v, &e->ip_address);
    else if (span_is(k, "userAgent"))
        optional_string(r, 2, v, &e->user_agent);
    else if (span_is(k, "link"))
        optional_string(r, 3, v, &e->link);
    else if (span_is(k, "linkTags"))
        raw_value(r, 4, v, &e->link_tags);
    else
        return false;
    return true;
}

static bool read_delay_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "delayType"))
        optional_string(r, 1, v, &e->delay_type);
    else if (span_is(k, "delayedRecipients"))
        recipient_list(r, 2, v, e, &e->object_recipients);
    else if (span_is(k, "expirationTime"))
        optional_string(r, 3, v, &e->expiration_time);
    else
        return false;
    return true;
}

static bool read_subscription_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "contactList"))
        optional_string(r, 1, v, &e->contact_list);
    else if (span_is(k, "source"))
        optional_string(r, 2, v, &e->subscription_source);
    else if (span_is(k, "newTopicPreferences"))
        raw_value(r, 3, v, &e->new_preferences);
    else if (span_is(k, "oldTopicPreferences"))
        raw_value(r, 4, v, &e->old_preferences);
    else
        return false;
    return true;
}

static bool read_object_member(struct reading *r, struct span k, struct json_value *v, struct ses_event *e) {
    if (span_is(k, "timestamp")) {
        time_value(r, 0, v, &e->has_object_time, &e->object_time_ms, &e->no_object_time);
        return true;
    }
    if (span_is(k, "feedbackId")) {
        optional_string(r, 20, v, &e->feedback_id);
        return true;
    }
    if (span_is(k, "reportingMTA")) {
        optional_string(r, 21, v, &e->reporting_mta);
        return true;
    }
    if (span_is(k, "remoteMtaIp")) {
        optional_string(r, 22, v, &e->remote_mta_ip);
        return true;
    }
    switch (e->type) {
    case EVENT_DELIVERY:
        return read_delivery_member(r, k, v, e);
    case EVENT_BOUNCE:
        return read_bounce_member(r, k, v, e);
    case EVENT_COMPLAINT:
        return read_complaint_member(r, k, v, e);
    case EVENT_OPEN:
    case EVENT_CLICK:
        return read_engagement_member(r, k, v, e);
    case EVENT_DELIVERY_DELAY:
        return read_delay_member(r, k, v, e);
    case EVENT_SUBSCRIPTION:
        return read_subscription_member(r, k, v, e);
    case EVENT_REJECT:
        return span_is(k, "reason") && (optional_string(r, 1, v, &e->reason), true);
    case EVENT_RENDERING_FAILURE:
        if (span_is(k, "templateName"))
            optional_string(r, 1, v, &e->template_name);
        else if (span_is(k, "errorMessage"))
            optional_string(r, 2, v, &e->error_message);
        else
            return false;
        return true;
    default:
        return false;
    }
}

int ses_read_object(struct ses_parser *p, struct json_walk *w, struct ses_event *e) {
    struct reading r = {p, w, 0, SES_FINE};
    struct json_value key, v;
    bool first = true;
    e->has_object = true;
    if (json_enter(w))
        while (json_member(w, &first, &key, &v))
            if (!read_object_member(&r, key_of(&r, &key), &v, e))
                json_pass(w, &v);
    return finish(&r);
}

struct span ses_object_name(enum event_type type) {
    static const char *const names[EVENT_TYPES] = {"send",          "delivery",     "bounce", "complaint",
                                                   "reject",        "open",         "click",  "failure",
                                                   "deliveryDelay", "subscription", ""};
    return span_of(names[type]);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* headers: [{"name":"X-SES-CONFIGURATION-SET","value":"news"}, ...]: only for records without the tag. */
static void configuration_set_from_headers(struct ses_parser *p, struct json_walk *w, struct ses_event *e) {
    struct reading r = {p, w, 0, SES_FINE};
    struct json_value item, key, v;
    bool first = true;
    if (!json_enter(w))
        return;
    while (json_element(w, &first, &item)) {
        if (item.kind != JSON_KIND_OBJECT) {
            json_pass(w, &item);
            continue;
        }
        struct span name = {0}, value = {0};
        bool first_member = true;
        if (!json_enter(w))
            return;
        while (json_member(w, &first_member, &key, &v)) {
            struct span k = key_of(&r, &key);
            struct span *to = span_is(k, "name") ? &name : span_is(k, "value") ? &value : NULL;
            if (to && v.kind == JSON_KIND_STRING)
                ses_string(p, w, &v, to);
            json_pass(w, &v);
        }
        if (span_eq_nocase(name, SPAN_LIT("X-SES-CONFIGURATION-SET"))) {
            e->configuration_set = value;
            return;
        }
    }
}

struct ses_list ses_recipients_of(const struct ses_event *e) {
    return e->object_recipients.count ? e->object_recipients : e->destination;
}

static bool needs_recipients(enum event_type type) {
    switch (type) {
    case EVENT_SEND:
    case EVENT_DELIVERY:
    case EVENT_BOUNCE:
    case EVENT_REJECT:
    case EVENT_RENDERING_FAILURE:
    case EVENT_DELIVERY_DELAY:
        return true;
    default:
        return false;
    }
}

/* By the rule of docs/counting.md: a time that is given, and is none, is not made up for by the other. */
static int find_time(struct ses_event *e) {
    bool is_own = e->type != EVENT_SEND && e->type != EVENT_REJECT && e->type != EVENT_RENDERING_FAILURE &&
                  e->type != EVENT_UNKNOWN;
    if (is_own && e->has_object_time) {
        e->time_ms = e->object_time_ms;
        return SES_FINE;
    }
    if (is_own && e->no_object_time != MALFORMED_MISSING_FIELD)
        return (int)e->no_object_time;
    e->time_ms = e->mail_time_ms;
    return e->has_mail_time ? SES_FINE : (int)e->no_mail_time;
}

int ses_finish(struct ses_parser *p, const struct json_index *ix, struct ses_event *e) {
    int reason = find_time(e);
    if (reason != SES_FINE)
        return reason;
    if (!e->message_id.len)
        return MALFORMED_MISSING_FIELD;
    if (e->type == EVENT_BOUNCE && !e->bounce_type.ptr)
        return MALFORMED_MISSING_FIELD;
    if (needs_recipients(e->type) && !ses_recipients_of(e).count)
        return (int)e->no_recipients;
    struct json_walk w = json_walk_at(ix, 0);
    if (!e->configuration_set.len && e->headers.len && e->headers.ptr[0] == '[') {
        w.at = (size_t)(e->headers.ptr - ix->text);
        configuration_set_from_headers(p, &w, e);
    }
    if (e->type == EVENT_SUBSCRIPTION)
        e->change = ses_subscription_change(p, ix, e->new_preferences, e->old_preferences);
    return SES_FINE;
}
