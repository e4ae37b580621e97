/* Records of every kind at random, written in odd ways, here and there with something missing or wrong, and the
 * envelopes they travel in. Set random_state, then put_record. */
#ifndef TESTS_RANDOM_RECORDS_H
#define TESTS_RANDOM_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "unit/jansson_event.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Not as in random_numbers.h: the test's seeds lie that one's step apart, and would give one sequence, shifted. */
static uint64_t random_state;

static inline uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static inline bool one_in(uint32_t n) {
    return random_below(n) == 0;
}

#define PICK(array) (array)[random_below(COUNT(array))]

/* --- writing JSON in odd ways ------------------------------------------------------------------------------------- */

struct writer {
    struct dump out;
    uint32_t blanks;  /* one blank in so many places; 0: none */
    uint32_t escapes; /* one character in so many is written as an escape; 0: none */
    bool lines;       /* line ends are blanks too */
};

static inline void put(struct writer *w, const char *text) {
    dump_bytes(&w->out, text, strlen(text));
}

static inline void put_blanks(struct writer *w) {
    while (w->blanks && one_in(w->blanks))
        put(w, w->lines && one_in(2) ? one_in(3) ? "\r\n" : "\n" : one_in(4) ? "\t" : " ");
}

static inline void put_token(struct writer *w, const char *token) {
    put_blanks(w);
    put(w, token);
    put_blanks(w);
}

/* The bytes of a JSON string: what must be escaped is, and more at random. Bytes over 0x7f are left as they are. */
static inline void put_string_bytes(struct writer *w, struct span s) {
    char escape[16];
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        static const char named[] = "\"\\/\b\f\n\r\t", letters[] = "\"\\/bfnrt";
        const char *short_form = c ? strchr(named, c) : NULL;
        bool is_needed = c < 0x20 || c == '"' || c == '\\';
        bool is_escaped = is_needed || (c < 0x80 && w->escapes && one_in(w->escapes));
        if (is_escaped && short_form && !one_in(4))
            snprintf(escape, sizeof escape, "\\%c", letters[short_form - named]);
        else if (is_escaped)
            snprintf(escape, sizeof escape, one_in(2) ? "\\u%04x" : "\\u%04X", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        put(w, escape);
        if (w->escapes && one_in(300))
            put(w, one_in(2) ? "\\u00e9" : "\\ud83d\\uDE00");
    }
}

static inline void put_string(struct writer *w, const char *s) {
    put_blanks(w);
    put(w, "\"");
    put_string_bytes(w, span_of(s));
    put(w, "\"");
    put_blanks(w);
}

static inline void put_key(struct writer *w, bool *first, const char *key) {
    if (!*first)
        put_token(w, ",");
    *first = false;
    put_string(w, key);
    put_token(w, ":");
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static const char *const words[] = {"",
                                    "a",
                                    "text",
                                    "{\"eventType\":\"Open\"}",
                                    "}{",
                                    "[\\]",
                                    "\"",
                                    "\\",
                                    "a,b:c",
                                    "line\nline",
                                    "\t",
                                    "Gr\xc3\xbcn",
                                    "\xe2\x82\xac",
                                    "\x7f",
                                    "0123456789012345678901234567890123456789012345678901234567890123456789"};
static const char *const numbers[] = {
    "0", "7", "-1", "12345", "1.5", "-0.25e-3", "1E5", "4294967295", "4294967296", "9007199254740993", "99999999999"};

/* Any value: nested at random, at most `depth` deep. */
static inline void put_anything(struct writer *w, int depth) {
    uint32_t n = random_below(4);
    bool first = true;
    switch (random_below(depth > 0 ? 9 : 6)) {
    case 0:
        put_token(w, "true");
        break;
    case 1:
        put_token(w, "false");
        break;
    case 2:
        put_token(w, "null");
        break;
    case 3:
        put_token(w, PICK(numbers));
        break;
    case 4:
    case 5:
        put_string(w, PICK(words));
        break;
    case 6:
        put_token(w, "[");
        for (uint32_t i = 0; i < n; i++) {
            if (i)
                put_token(w, ",");
            put_anything(w, depth - 1);
        }
        put_token(w, "]");
        break;
    default:
        put_token(w, "{");
        for (uint32_t i = 0; i < n; i++) {
            char key[32];
            snprintf(key, sizeof key, "%s%u", one_in(3) ? "mail" : "k", i);
            put_key(w, &first, key);
            put_anything(w, depth - 1);
        }
        put_token(w, "}");
        break;
    }
}

typedef void (*value_fn)(struct writer *w);

/* A member: as it should be, or missing, null or anything. */
static inline void put_member(struct writer *w, bool *first, const char *key, value_fn value) {
    uint32_t how = random_below(60);
    if (how == 0)
        return;
    if (how == 1) {
        char other[64];
        snprintf(other, sizeof other, "x-%s", key);
        put_key(w, first, other);
        put_anything(w, 4);
    }
    put_key(w, first, key);
    if (how == 2)
        put_token(w, "null");
    else if (how == 3)
        put_anything(w, 3);
    else
        value(w);
}

static inline void put_word(struct writer *w) {
    put_string(w, PICK(words));
}

static inline void put_any(struct writer *w) {
    put_anything(w, 3);
}

static inline void put_time(struct writer *w) {
    static const char *const times[] = {"2026-11-20T08:15:30.123Z",         "2026-11-20T08:15:30Z",
                                        "2018-10-08T14:05:45 +0000",        "2009-12-03T04:24:21.000-05:00",
                                        "2026-11-20T08:15:30.123456+03:00", "1969-12-31T23:59:59.999Z"};
    put_string(w, one_in(100) ? "yesterday" : PICK(times));
}

static inline void put_id(struct writer *w) {
    put_string(w, one_in(100) ? "" : "0102018f6a3b4c5d-0a1b2c3d-000000");
}

static inline void put_address(struct writer *w) {
    static const char *const addresses[] = {"anna@gmail.com", "Ben <ben@web.de>", " x@y.example ", "no address", "a@b"};
    put_string(w, one_in(60) ? one_in(2) ? "" : "  " : PICK(addresses));
}

static inline void put_list(struct writer *w, value_fn item, uint32_t most) {
    uint32_t n = one_in(20) ? 0 : 1 + random_below(most);
    put_token(w, "[");
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            put_token(w, ",");
        if (one_in(60))
            put_anything(w, 2);
        else
            item(w);
    }
    put_token(w, "]");
}

static inline void put_addresses(struct writer *w) {
    put_list(w, put_address, one_in(10) ? 50 : 3);
}

static inline void put_recipient(struct writer *w) {
    bool first = true;
    put_token(w, "{");
    put_member(w, &first, "emailAddress", put_address);
    if (one_in(2))
        put_member(w, &first, "action", put_word);
    if (one_in(2))
        put_member(w, &first, "status", put_word);
    if (one_in(2))
        put_member(w, &first, "diagnosticCode", put_word);
    put_token(w, "}");
}

static inline void put_recipients(struct writer *w) {
    put_list(w, put_recipient, 4);
}

static inline void put_tag_value(struct writer *w) {
    if (one_in(20))
        put_word(w);
    else
        put_list(w, put_word, 2);
}

static inline void put_tags(struct writer *w) {
    static const char *const names[] = {"ses:configuration-set", "ses:source-ip", "ses:from-domain", "campaign", "x",
                                        "ses:outgoing-ip"};
    bool first = true;
    put_token(w, "{");
    for (size_t i = 0; i < COUNT(names); i++)
        if (!one_in(3))
            put_member(w, &first, names[i], put_tag_value);
    put_token(w, "}");
}

static inline void put_header_name(struct writer *w) {
    static const char *const names[] = {"From", "X-SES-CONFIGURATION-SET", "x-ses-configuration-set", "Subject"};
    put_string(w, PICK(names));
}

static inline void put_header(struct writer *w) {
    bool first = true;
    put_token(w, "{");
    put_member(w, &first, "name", put_header_name);
    put_member(w, &first, "value", put_word);
    put_token(w, "}");
}

static inline void put_headers(struct writer *w) {
    put_list(w, put_header, 5);
}

static inline void put_bool(struct writer *w) {
    put_token(w, one_in(2) ? "true" : "false");
}

static inline void put_mail(struct writer *w) {
    static const struct {
        const char *key;
        value_fn value;
    } members[] = {{"timestamp", put_time},        {"messageId", put_id},          {"source", put_word},
                   {"sourceArn", put_word},        {"sourceIp", put_word},         {"callerIdentity", put_word},
                   {"sendingAccountId", put_word}, {"destination", put_addresses}, {"headersTruncated", put_bool},
                   {"headers", put_headers},       {"commonHeaders", put_any},     {"tags", put_tags}};
    bool first = true;
    size_t from = one_in(3) ? random_below(COUNT(members)) : 0;
    put_token(w, "{");
    for (size_t i = 0; i < COUNT(members); i++)
        put_member(w, &first, members[(from + i) % COUNT(members)].key, members[(from + i) % COUNT(members)].value);
    put_token(w, "}");
}

/* --- the types' objects ------------------------------------------------------------------------------------------- */

static inline void put_latency(struct writer *w) {
    if (one_in(3))
        put_string(w, one_in(2) ? "1876" : "0000000012");
    else
        put_token(w, PICK(numbers));
}

static inline void put_status(struct writer *w) {
    static const char *const states[] = {"OptIn", "OptOut", "OptIn", "OptOut", "Later"};
    put_string(w, PICK(states));
}

static inline void put_topic_name(struct writer *w) {
    static const char *const names[] = {"daily", "weekly", "monthly"};
    put_string(w, PICK(names));
}

static inline void put_topic(struct writer *w) {
    bool first = true;
    put_token(w, "{");
    put_member(w, &first, "topicName", put_topic_name);
    put_member(w, &first, "subscriptionStatus", put_status);
    put_token(w, "}");
}

static inline void put_topics(struct writer *w) {
    put_list(w, put_topic, 4);
}

static inline void put_unsubscribe_all(struct writer *w) {
    put_token(w, one_in(6) ? "true" : "false");
}

static inline void put_preferences(struct writer *w) {
    bool first = true;
    put_token(w, "{");
    put_member(w, &first, "unsubscribeAll", put_unsubscribe_all);
    put_member(w, &first, "topicSubscriptionStatus", put_topics);
    put_token(w, "}");
}

struct member {
    const char *key;
    value_fn value;
};

enum { MAX_MEMBERS = 8 };

static const struct object_form {
    const char *type, *object;
    struct member members[MAX_MEMBERS];
} forms[] = {
    {"Send", "send", {{NULL, NULL}}},
    {"Delivery",
     "delivery",
     {{"processingTimeMillis", put_latency}, {"recipients", put_addresses}, {"smtpResponse", put_word}}},
    {"Bounce",
     "bounce",
     {{"bounceType", put_word}, {"bounceSubType", put_word}, {"bouncedRecipients", put_recipients}}},
    {"Complaint",
     "complaint",
     {{"complainedRecipients", put_recipients},
      {"complaintSubType", put_word},
      {"complaintFeedbackType", put_word},
      {"userAgent", put_word},
      {"arrivalDate", put_time}}},
    {"Reject", "reject", {{"reason", put_word}}},
    {"Open", "open", {{"ipAddress", put_word}, {"userAgent", put_word}}},
    {"Click", "click", {{"ipAddress", put_word}, {"userAgent", put_word}, {"link", put_word}, {"linkTags", put_tags}}},
    {"Rendering Failure", "failure", {{"templateName", put_word}, {"errorMessage", put_word}}},
    {"DeliveryDelay",
     "deliveryDelay",
     {{"delayType", put_word}, {"delayedRecipients", put_recipients}, {"expirationTime", put_time}}},
    {"Subscription",
     "subscription",
     {{"contactList", put_word},
      {"source", put_word},
      {"newTopicPreferences", put_preferences},
      {"oldTopicPreferences", put_preferences}}},
    {"Something New", "somethingNew", {{"x", put_any}}},
};

static const struct object_form *form; /* of the record being written */

static inline void put_object(struct writer *w) {
    bool first = true, time_is_last = one_in(2);
    put_token(w, "{");
    if (!time_is_last)
        put_member(w, &first, "timestamp", put_time);
    for (int i = 0; i < MAX_MEMBERS && form->members[i].key; i++)
        put_member(w, &first, form->members[i].key, form->members[i].value);
    if (one_in(2))
        put_member(w, &first, "feedbackId", put_word);
    if (one_in(2))
        put_member(w, &first, "reportingMTA", put_word);
    if (one_in(4))
        put_member(w, &first, "remoteMtaIp", put_word);
    if (time_is_last)
        put_member(w, &first, "timestamp", put_time);
    put_token(w, "}");
}

static inline void put_type(struct writer *w) {
    put_string(w, form->type);
}

static inline void put_record(struct writer *w) {
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int *order = PICK(orders);
    bool first = true;
    form = &PICK(forms);
    put_token(w, "{");
    for (int i = 0; i < 3; i++) {
        if (one_in(30)) {
            char key[32];
            snprintf(key, sizeof key, "%s%d", one_in(2) ? "Message" : "new", i);
            put_key(w, &first, key);
            put_anything(w, 5);
        }
        if (order[i] == 0)
            put_member(w, &first, one_in(8) ? "notificationType" : "eventType", put_type);
        else if (order[i] == 1)
            put_member(w, &first, "mail", put_mail);
        else
            put_member(w, &first, one_in(50) ? PICK(forms).object : form->object, put_object);
    }
    if (one_in(60))
        put_member(w, &first, one_in(2) ? "payload" : "Type", put_any);
    put_token(w, "}");
}

/* --- envelopes ---------------------------------------------------------------------------------------------------- */

/* Puts what `w` holds into an envelope. */
static inline void wrap(struct writer *w) {
    struct dump inner = w->out;
    uint32_t kind = random_below(6);
    bool first = true;
    w->out = (struct dump){0};
    put_token(w, "{");
    if (one_in(2)) {
        put_key(w, &first, kind == 0 ? "Type" : "version");
        put_string(w, one_in(20) ? "SubscriptionConfirmation" : "Notification");
    }
    static const char *const keys[] = {"Message", "Message", "detail", "rawData", "payload", "payload"};
    put_key(w, &first, keys[kind]);
    if (kind == 0 || kind == 4) {
        put(w, "\"");
        put_string_bytes(w, (struct span){inner.bytes, inner.len});
        put(w, one_in(2) ? "\\n\"" : "\"");
    } else if (kind == 3) {
        char *data = malloc(base64_encoded_size(inner.len));
        assert_non_null(data);
        size_t len = base64_encode((struct span){inner.bytes, inner.len}, data);
        put(w, "\"");
        put_string_bytes(w, (struct span){data, len});
        put(w, "\"");
        free(data);
    } else {
        dump_bytes(&w->out, inner.bytes, inner.len);
    }
    if (one_in(2)) {
        put_key(w, &first, "other");
        put_anything(w, 3);
    }
    put_token(w, "}");
    free(inner.bytes);
}

#endif
