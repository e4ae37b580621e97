#include "parsers/record.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/base64.h"

enum { LEVEL_SIZE = RECORD_MAX_SIZE + JSON_PADDING };

void record_reader_init(struct record_reader *r, enum json_isa isa) {
    memset(r, 0, sizeof *r);
    r->isa = isa;
    ses_parser_init(&r->parser);
    for (int i = 0; i < RECORD_MAX_ENVELOPES; i++)
        json_index_init(&r->levels[i].index);
}

void record_reader_deinit(struct record_reader *r) {
    ses_parser_deinit(&r->parser);
    for (int i = 0; i < RECORD_MAX_ENVELOPES; i++) {
        json_index_deinit(&r->levels[i].index);
        free(r->levels[i].text);
    }
}

/* --- the root object ---------------------------------------------------------------------------------------------- */

enum { NOWHERE = 0 }; /* no value can begin at 0: the root's bracket stands there or later */

/* eventType, notificationType or SNS's Type. */
struct type_member {
    bool is_seen, is_string;
    bool is_broken; /* of another type, or with escapes that JSON does not have */
    struct span name;
};

/* What the root object holds, as far as it concerns us. */
struct root {
    const struct json_index *ix;
    struct type_member event_type, notification_type, sns_type;
    bool mail_seen, has_mail;
    struct json_value mail;                   /* when it is no object */
    struct json_value objects[EVENT_UNKNOWN]; /* the types' objects, still to be read; start NOWHERE: none */
    bool object_read;
    unsigned objects_twice; /* bits of the types */
    struct json_value message, detail, raw_data, payload;
    bool type_twice, envelope_twice;
    int reason;
    enum json_status status;
    size_t end;
};

static inline void note(struct root *root, int reason) {
    if (root->reason == SES_FINE)
        root->reason = reason;
}

/* A member that holds a type's name. */
static void take_type(struct record_reader *r, struct json_walk *w, struct json_value *v, struct type_member *member,
                      bool *is_twice) {
    *is_twice = *is_twice || member->is_seen;
    member->is_seen = true;
    if (v->kind == JSON_KIND_STRING) {
        member->is_string = ses_string(&r->parser, w, v, &member->name);
        member->is_broken = !member->is_string;
        return;
    }
    member->is_broken = v->kind != JSON_KIND_NULL;
    json_pass(w, v);
}

static void take_mail(struct record_reader *r, struct json_walk *w, struct root *root, struct json_value *v,
                      struct ses_event *e) {
    if (root->mail_seen)
        note(root, MALFORMED_DUPLICATE_KEY);
    root->mail_seen = true;
    if (v->kind == JSON_KIND_OBJECT) {
        root->has_mail = true;
        int reason = ses_read_mail(&r->parser, w, e);
        if (reason != SES_FINE)
            note(root, reason);
        return;
    }
    root->mail = *v;
    json_pass(w, v);
}

/* A type's object: read at once when it is the record's own type, which AWS writes first; else kept for later. */
static void take_object(struct record_reader *r, struct json_walk *w, struct root *root, struct json_value *v,
                        enum event_type type, struct ses_event *e) {
    if (root->objects[type].start != NOWHERE)
        root->objects_twice |= 1u << type;
    root->objects[type] = *v;
    bool own = root->event_type.is_string && event_type_parse(root->event_type.name) == type;
    if (own && v->kind == JSON_KIND_OBJECT && !root->object_read) {
        root->object_read = true;
        e->type = type;
        int reason = ses_read_object(&r->parser, w, e);
        if (reason != SES_FINE)
            note(root, reason);
        return;
    }
    json_pass(w, v);
}

static void take_envelope(struct json_walk *w, struct root *root, struct json_value *v, struct json_value *kept) {
    root->envelope_twice = root->envelope_twice || kept->start != NOWHERE;
    if (json_pass(w, v))
        *kept = *v;
}

#define OBJECT(name, type)                                                                                             \
    if (span_is(k, name)) {                                                                                            \
        take_object(r, w, root, v, type, e);                                                                           \
        return;                                                                                                        \
    }
#define ENVELOPE(name, member)                                                                                         \
    if (span_is(k, name)) {                                                                                            \
        take_envelope(w, root, v, &root->member);                                                                      \
        return;                                                                                                        \
    }

static void take_member(struct record_reader *r, struct json_walk *w, struct root *root, struct span k,
                        struct json_value *v, struct ses_event *e) {
    switch (k.len) {
    case 4:
        if (span_is(k, "mail")) {
            take_mail(r, w, root, v, e);
            return;
        }
        if (span_is(k, "Type")) {
            take_type(r, w, v, &root->sns_type, &root->envelope_twice);
            return;
        }
        OBJECT("send", EVENT_SEND)
        OBJECT("open", EVENT_OPEN)
        break;
    case 5:
        OBJECT("click", EVENT_CLICK)
        break;
    case 6:
        OBJECT("bounce", EVENT_BOUNCE)
        OBJECT("reject", EVENT_REJECT)
        ENVELOPE("detail", detail)
        break;
    case 7:
        OBJECT("failure", EVENT_RENDERING_FAILURE)
        ENVELOPE("Message", message)
        ENVELOPE("rawData", raw_data)
        ENVELOPE("payload", payload)
        break;
    case 8:
        OBJECT("delivery", EVENT_DELIVERY)
        break;
    case 9:
        if (span_is(k, "eventType")) {
            take_type(r, w, v, &root->event_type, &root->type_twice);
            return;
        }
        OBJECT("complaint", EVENT_COMPLAINT)
        break;
    case 12:
        OBJECT("subscription", EVENT_SUBSCRIPTION)
        break;
    case 13:
        OBJECT("deliveryDelay", EVENT_DELIVERY_DELAY)
        break;
    case 16:
        if (span_is(k, "notificationType")) {
            take_type(r, w, v, &root->notification_type, &root->type_twice);
            return;
        }
        break;
    default:
        break;
    }
    json_pass(w, v);
}

static void read_root(struct record_reader *r, const struct json_index *ix, size_t at, struct root *root,
                      struct ses_event *e) {
    struct json_walk w = json_walk_at(ix, at);
    struct json_value key, v;
    bool first = true;
    memset(root, 0, sizeof *root);
    root->ix = ix;
    root->reason = SES_FINE;
    ses_event_begin(&r->parser, e);
    if (json_enter(&w)) {
        while (json_member(&w, &first, &key, &v)) {
            struct span k;
            ses_string(&r->parser, &w, &key, &k); /* a key that cannot be decoded is none of ours */
            take_member(r, &w, root, k, &v, e);
        }
    }
    root->status = w.status;
    root->end = w.at;
}

/* --- an SES record ------------------------------------------------------------------------------------------------ */

static struct record malformed(int reason) {
    return (struct record){.kind = RECORD_MALFORMED, .reason = (enum malformed_reason)reason};
}

/* The type's name; NULL when there is none. */
static const struct type_member *type_of(const struct root *root) {
    return root->event_type.is_string          ? &root->event_type
           : root->notification_type.is_string ? &root->notification_type
                                               : NULL;
}

/* Whether there is something where the type's name should be. */
static bool is_typed(const struct root *root) {
    return type_of(root) || root->event_type.is_broken || root->notification_type.is_broken;
}

/* Inbound mail, and what SES publishes once a topic has been set up. */
static bool is_no_sending_event(const struct root *root) {
    if (root->event_type.is_string || !root->notification_type.is_string)
        return false;
    struct span type = root->notification_type.name;
    return span_is(type, "Received") || span_is(type, "AmazonSnsSubscriptionSucceeded");
}

/* The type's object, if it was not read on the way. Of another type, it counts as missing: a bounce cannot do without.
 */
static int read_kept_object(struct record_reader *r, const struct root *root, struct ses_event *e) {
    if (e->type == EVENT_UNKNOWN)
        return SES_FINE;
    const struct json_value *object = &root->objects[e->type];
    if (root->objects_twice >> e->type & 1)
        return MALFORMED_DUPLICATE_KEY;
    if (root->object_read || object->start == NOWHERE)
        return SES_FINE;
    if (object->kind == JSON_KIND_OBJECT) {
        struct json_walk w = json_walk_at(root->ix, object->start);
        return ses_read_object(&r->parser, &w, e);
    }
    return e->type == EVENT_BOUNCE && object->kind != JSON_KIND_NULL ? MALFORMED_WRONG_TYPE : SES_FINE;
}

static struct record finish_event(struct record_reader *r, struct root *root, struct ses_event *e) {
    const struct type_member *type = type_of(root);
    if (root->type_twice)
        return malformed(MALFORMED_DUPLICATE_KEY);
    if (root->reason != SES_FINE)
        return malformed(root->reason);
    if (!type)
        return malformed(MALFORMED_WRONG_TYPE);
    e->notification = type == &root->notification_type;
    e->type_name = type->name;
    e->type = event_type_parse(e->type_name);
    int reason = read_kept_object(r, root, e);
    if (reason == SES_FINE)
        reason = ses_finish(&r->parser, root->ix, e);
    return reason == SES_FINE ? (struct record){.kind = RECORD_EVENT} : malformed(reason);
}

/* --- envelopes ---------------------------------------------------------------------------------------------------- */

/* Where the next object to read is; ix NULL: `result` is the answer. */
struct inner {
    const struct json_index *ix;
    size_t at;
    struct record result;
};

static struct inner no_inner(struct record result) {
    return (struct inner){.result = result};
}

/* Decoded text of an envelope: indexed in the level's own memory, its first object looked up. */
static struct inner index_level(struct record_reader *r, int level, size_t len) {
    struct json_index *ix = &r->levels[level].index;
    char *text = r->levels[level].text;
    size_t at = 0;
    while (at < len && (unsigned char)text[at] <= ' ')
        at++;
    if (len - at >= 3 && memcmp(text + at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    if (at == len || text[at] != '{')
        return no_inner((struct record){.kind = RECORD_FILTERED}); /* "Successfully validated SNS topic ..." */
    text[len] = 0;
    json_index_build(ix, text, len, r->isa);
    return (struct inner){.ix = ix, .at = at};
}

typedef ptrdiff_t (*decode_fn)(struct span text, char *out);

static struct inner open_text(struct record_reader *r, int level, const struct json_index *from,
                              const struct json_value *v, decode_fn decode) {
    struct span text = {from->text + v->start, v->end - v->start};
    if (!r->levels[level].text)
        r->levels[level].text = alloc_zeroed(LEVEL_SIZE, 1);
    if (text.len > RECORD_MAX_SIZE)
        return no_inner(malformed(MALFORMED_TOO_LARGE));
    ptrdiff_t len = decode(text, r->levels[level].text);
    return len < 0 ? no_inner(malformed(MALFORMED_BAD_ENVELOPE)) : index_level(r, level, (size_t)len);
}

/* Base64 may itself stand in JSON with its slashes escaped. */
static ptrdiff_t decode_escaped_base64(struct span text, char *out) {
    ptrdiff_t len = json_unescape(text, out);
    return len < 0 ? -1 : base64_decode((struct span){out, (size_t)len}, out);
}

/* An object inside is read where it is; a string is decoded first. */
static struct inner open_value(struct record_reader *r, int level, const struct json_index *from,
                               const struct json_value *v) {
    if (v->kind == JSON_KIND_OBJECT)
        return (struct inner){.ix = from, .at = v->start};
    if (v->kind == JSON_KIND_STRING)
        return open_text(r, level, from, v, json_unescape);
    return no_inner(malformed(MALFORMED_BAD_ENVELOPE));
}

static bool is_present(const struct json_value *v) {
    return v->start != NOWHERE && v->kind != JSON_KIND_NULL;
}

static bool can_be_opened(const struct json_value *v) {
    return v->start != NOWHERE && (v->kind == JSON_KIND_STRING || v->kind == JSON_KIND_OBJECT);
}

/* Plain text is no damage where SNS and EventBridge carry notices of other kinds too; elsewhere it is. */
static struct inner no_plain_text(struct inner inner) {
    if (!inner.ix && inner.result.kind == RECORD_FILTERED)
        inner.result = malformed(MALFORMED_BAD_ENVELOPE);
    return inner;
}

/* *eventbridge: whether what is inside is the detail of an EventBridge event. */
static struct inner open_envelope(struct record_reader *r, int level, const struct root *root, bool *eventbridge) {
    const struct json_index *ix = root->ix;
    *eventbridge = false;
    if (root->envelope_twice)
        return no_inner(malformed(MALFORMED_DUPLICATE_KEY));
    if (can_be_opened(&root->message))
        return open_value(r, level, ix, &root->message);
    if (can_be_opened(&root->detail)) {
        *eventbridge = true;
        return open_value(r, level, ix, &root->detail);
    }
    if (can_be_opened(&root->raw_data) && root->raw_data.kind == JSON_KIND_STRING)
        return no_plain_text(open_text(r, level, ix, &root->raw_data, decode_escaped_base64));
    if (can_be_opened(&root->payload))
        return no_plain_text(open_value(r, level, ix, &root->payload));
    return no_inner(malformed(MALFORMED_BAD_ENVELOPE));
}

static bool is_envelope(const struct root *root) {
    return is_present(&root->message) || is_present(&root->detail) || is_present(&root->raw_data) ||
           is_present(&root->payload);
}

static bool is_confirmation(const struct root *root) {
    return root->sns_type.is_string && (span_is(root->sns_type.name, "SubscriptionConfirmation") ||
                                        span_is(root->sns_type.name, "UnsubscribeConfirmation"));
}

/* A root that is neither an SES record nor an envelope. */
static struct record not_a_record(const struct root *root, bool eventbridge) {
    bool typed = is_typed(root);
    bool is_mail_wrong = typed && is_present(&root->mail);
    if (eventbridge && !is_mail_wrong)
        return (struct record){.kind = RECORD_FILTERED};
    if (is_mail_wrong)
        return malformed(MALFORMED_WRONG_TYPE);
    return malformed(typed || root->has_mail ? MALFORMED_MISSING_FIELD : MALFORMED_NOT_SES);
}

struct record record_read(struct record_reader *r, const struct json_index *ix, size_t at, struct ses_event *event) {
    struct root root;
    size_t end = 0;
    bool eventbridge = false;
    struct record result;
    for (int level = 0;; level++) {
        read_root(r, ix, at, &root, event);
        if (level == 0) {
            end = root.end;
            if (root.status == JSON_CUT)
                return (struct record){.kind = RECORD_CUT, .reason = MALFORMED_TRUNCATED};
            if (root.status != JSON_OK)
                return (struct record){
                    .kind = RECORD_LOST, .reason = (enum malformed_reason)ses_reason_of(root.status), .end = end};
        }
        if (root.status != JSON_OK) {
            result = malformed(ses_reason_of(root.status));
            break;
        }
        if (is_no_sending_event(&root)) {
            result = root.type_twice ? malformed(MALFORMED_DUPLICATE_KEY) : (struct record){.kind = RECORD_FILTERED};
            break;
        }
        if (is_typed(&root) && root.has_mail) {
            result = finish_event(r, &root, event);
            break;
        }
        if (is_confirmation(&root)) {
            result = (struct record){.kind = RECORD_FILTERED};
            break;
        }
        if (!is_envelope(&root)) {
            result = not_a_record(&root, eventbridge);
            break;
        }
        if (level == RECORD_MAX_ENVELOPES) {
            result = malformed(MALFORMED_BAD_ENVELOPE);
            break;
        }
        struct inner inner = open_envelope(r, level, &root, &eventbridge);
        if (!inner.ix) {
            result = inner.result;
            break;
        }
        ix = inner.ix;
        at = inner.at;
    }
    result.end = end;
    return result;
}
