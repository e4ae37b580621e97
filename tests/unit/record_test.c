/* One record: what it is taken for, and what is taken out of it. Every case is read with every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/record.h"
#include "unit/sample_records.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct record_reader readers[JSON_ISAS];
static char *last_text; /* an event's spans point into it */
static struct json_index last_index;

/* Reads a record that stands behind three blanks, in memory that ends where it ends. */
static struct record read_text(const char *record, size_t len, enum json_isa isa, struct ses_event *e) {
    free(last_text);
    last_text = malloc(len + 4);
    assert_non_null(last_text);
    memcpy(last_text, "   ", 3);
    memcpy(last_text + 3, record, len);
    last_text[len + 3] = 0;
    json_index_build(&last_index, last_text, len + 3, isa);
    return record_read(&readers[isa], &last_index, 3, e);
}

/* MAIL: a mail object that lacks nothing; MAIL_WITH: with more members. */
#define WHEN           "\"timestamp\":\"2026-11-20T08:15:30Z\""
#define MAIL_WITH(end) "\"mail\":{" WHEN ",\"messageId\":\"m\",\"destination\":[\"a@b.c\"]" end "}"
#define MAIL           MAIL_WITH("")
#define BARE(inside)   "\"mail\":{" inside "}"
#define SEND(mail)     "{\"eventType\":\"Send\"," mail "}"
#define SEND_WITH(end) SEND(MAIL_WITH(end))

enum { EVENT = -1, FILTERED = -2, LOST = -100 }; /* else a reason: MALFORMED; LOST + reason: the same, without an end */

struct record_case {
    const char *text;
    int is;
};

static const struct record_case cases[] = {
    /* Every type with as little as it needs. */
    {SEND(MAIL), EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"Transient\"}}", EVENT},
    {"{\"eventType\":\"Complaint\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Reject\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Open\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Rendering Failure\"," MAIL "}", EVENT},
    {"{\"eventType\":\"DeliveryDelay\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Something New\"," MAIL "}", EVENT},
    {"{\"eventType\":\"\"," MAIL "}", EVENT},
    {"{\"eventType\":\"send\"," MAIL "}", EVENT},

    /* The type's name. */
    {"{\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":null,\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":7,\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Send\",\"notificationType\":[]," MAIL "}", EVENT},
    {"{\"eventType\":7," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":[\"Send\"]," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":{}," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":true," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"notificationType\":7," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":null," MAIL "}", MALFORMED_MISSING_FIELD},
    {"{" MAIL "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"\\u0053end\"," MAIL "}", EVENT},
    {"{\"\\u0065ventType\":\"Send\"," MAIL "}", EVENT},

    /* mail. */
    {"{\"eventType\":\"Send\"}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"mail\":null}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"mail\":\"x\"}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":[]}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":7}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":{}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"Mail\":{}}", MALFORMED_MISSING_FIELD},

    /* messageId. */
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":\"\"")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":7")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":[\"m\"]")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":\"\\u006d\"")), EVENT},

    /* The event's time. */
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":7")), MALFORMED_WRONG_TYPE},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":{}")), MALFORMED_WRONG_TYPE},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"\"")), MALFORMED_BAD_TIME},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"today\"")), MALFORMED_BAD_TIME},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"2026-13-01T00:00:00Z\"")),
     MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":\"today\"}}", MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":7}}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":null}}", EVENT},
    /* A time that the event does not need may be anything. */
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"today\",\"messageId\":\"m\"},\"open\":{" WHEN "}}", EVENT},
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":7,\"messageId\":\"m\"},\"open\":{" WHEN "}}", EVENT},
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"today\",\"messageId\":\"m\"},\"open\":{}}", MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Send\"," MAIL ",\"send\":{\"timestamp\":\"today\"}}", EVENT},
    {"{\"eventType\":\"Reject\"," MAIL ",\"reject\":{\"timestamp\":[]}}", EVENT},

    /* The type's own object. */
    {"{\"eventType\":\"Send\"," MAIL ",\"send\":\"x\"}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":[]}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":null}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL ",\"click\":7}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":null}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":\"x\"}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":null}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":7}}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"\"}}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"New\",\"bounceSubType\":7}}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"complaint\":{\"bounceType\":\"Permanent\"}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Open\"," MAIL ",\"bounce\":{\"bounceType\":7}}", EVENT}, /* nobody reads it */

    /* Recipients. */
    {SEND(BARE(WHEN ",\"messageId\":\"m\"")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\"\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\" \"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":\"a@b\"")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":{\"a\":1}")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[7]")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[null,[\"a@b\"],7,\"a@b\"]")), EVENT},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\"no address\"]")), EVENT},
    {"{\"eventType\":\"Open\"," BARE(WHEN ",\"messageId\":\"m\",\"destination\":7") "}", EVENT},
    {"{\"eventType\":\"Complaint\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"Subscription\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"New\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"Reject\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Rendering Failure\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"DeliveryDelay\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Delivery\"," BARE(WHEN ",\"messageId\":\"m\"") ",\"delivery\":{\"recipients\":[\"a@b\"]}}",
     EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":[]}}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":\"a@b\"}}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":[{}]}}", EVENT},
    {"{\"eventType\":\"DeliveryDelay\"," BARE(WHEN
                                              ",\"messageId\":\"m\"") ",\"deliveryDelay\":{\"delayedRecipients\":[{"
                                                                      "\"emailAddress\":7}]}}",
     MALFORMED_MISSING_FIELD},

    /* Everything else may be missing, null or of another type. */
    {SEND_WITH(",\"source\":null,\"sourceArn\":7,\"sourceIp\":[],\"callerIdentity\":{},\"sendingAccountId\":true"),
     EVENT},
    {SEND_WITH(",\"headersTruncated\":\"false\",\"headers\":\"x\",\"commonHeaders\":[1],\"tags\":[]"), EVENT},
    {SEND_WITH(",\"headersTruncated\":null,\"headers\":null,\"commonHeaders\":null,\"tags\":null"), EVENT},
    {SEND_WITH(",\"headers\":[null,7,{},{\"name\":7},{\"value\":\"x\"},{\"name\":\"a\",\"value\":{}}]"), EVENT},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":7,\"ses:from-domain\":{},\"x\":null}"), EVENT},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[],\"ses:from-domain\":[[]],\"x\":[7]}"), EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"processingTimeMillis\":\"x\",\"smtpResponse\":7}}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL ",\"click\":{\"link\":[],\"linkTags\":null,\"ipAddress\":7,\"userAgent\":{}}}",
     EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL ",\"subscription\":{\"newTopicPreferences\":[7],"
     "\"oldTopicPreferences\":\"x\",\"source\":7,\"contactList\":null}}",
     EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL ",\"subscription\":{\"newTopicPreferences\":{\"unsubscribeAll\":\"true\","
     "\"topicSubscriptionStatus\":[7,null,{},{\"topicName\":7},[]]},\"oldTopicPreferences\":null}}",
     EVENT},

    /* Damage in what nobody reads costs nothing. */
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\\ud800\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"a\\u0000b\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\\q \\u12\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"n\":12345678901234567890,\"m\":1e400,\"o\":-,\"p\":01}"), EVENT},
    {SEND_WITH(",\"n\":12345678901234567890,\"m\":1e400,\"o\":--,\"p\":01,\"q\":nul"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\x01\t\x1f\r\x7f\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\xff\xfe\xc0\x80\xed\xa0\x80\"}"), EVENT},
    {SEND_WITH(",\"new\":[{\"a\":[1,2,{\"eventType\":\"Open\"}]}],\"mail\":{}"), EVENT},
    {SEND_WITH(",\"ne\\qw\":1"), EVENT},
    {"{\"x\\u12\":1,\"eventType\":\"Send\"," MAIL "}", EVENT},
    {"{\"x\":{\"eventType\":\"Open\",\"mail\":{}},\"eventType\":\"Send\"," MAIL "}", EVENT},
    {SEND_WITH(",\"source\":\"\\ud800 \\u0000\""), EVENT},
    /* In what is read, an escape that JSON does not have leaves no value. */
    {SEND_WITH(",\"source\":\"\\q\""), MALFORMED_STRUCTURE},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[\"\\q\"]}"), MALFORMED_STRUCTURE},
    {"{\"eventType\":\"\\q\"," MAIL "}", MALFORMED_WRONG_TYPE},

    /* The same key twice: nobody can know which one holds. */
    {"{\"eventType\":\"Send\",\"eventType\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":null,\"eventType\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"event\\u0054ype\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"notificationType\":\"Send\",\"notificationType\":\"Received\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"notificationType\":\"Send\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Send\"," MAIL "," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"mail\":null," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{},\"open\":{}}", MALFORMED_DUPLICATE_KEY},
    {"{\"open\":{},\"open\":{}," MAIL ",\"eventType\":\"Open\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Open\"," MAIL ",\"click\":{},\"click\":{}}", EVENT},
    {SEND_WITH(",\"messageId\":\"m\""), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"source\":\"a\",\"source\":\"a\""), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{},\"tags\":{}"), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[],\"ses:configuration-set\":[]}"), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{\"other\":[],\"other\":[]}"), EVENT},
    {SEND_WITH(",\"unknown\":1,\"unknown\":2"), EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"a\",\"bounceType\":\"a\"}}",
     MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"a\",\"bouncedRecipients\":[{\"emailAddress\":"
     "\"a@b\",\"emailAddress\":\"a@c\"}]}}",
     MALFORMED_DUPLICATE_KEY},
    {"{\"Message\":\"{}\",\"Message\":\"{}\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"Type\":\"a\",\"Type\":\"b\",\"Message\":\"text\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"payload\":1,\"payload\":2,\"eventType\":\"Send\"," MAIL "}", EVENT},

    /* No sending events. */
    {"{\"notificationType\":\"Received\",\"mail\":{},\"receipt\":{},\"content\":\"...\"}", FILTERED},
    {"{\"notificationType\":\"Received\"}", FILTERED},
    {"{\"notificationType\":\"AmazonSnsSubscriptionSucceeded\",\"message\":\"You have subscribed.\"}", FILTERED},
    {"{\"eventType\":\"Received\"," MAIL "}", EVENT}, /* a type that is new to us */
    {"{\"eventType\":\"Send\",\"notificationType\":\"Received\"," MAIL "}", EVENT},
    {"{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"You have chosen to subscribe\",\"SubscribeURL\":\"x\"}",
     FILTERED},
    {"{\"Message\":\"{\\\"eventType\\\":1}\",\"Type\":\"UnsubscribeConfirmation\"}", FILTERED},
    {"{\"Type\":\"Subscription\\u0043onfirmation\"}", FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\"Successfully validated SNS topic for Amazon SES event publishing.\"}",
     FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\"\"}", FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\" [1]\"}", FILTERED},
    {"{\"version\":\"0\",\"detail-type\":\"Sending Status Disabled\",\"detail\":{\"a\":1}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{\"eventType\":\"Send\"}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{\"notificationType\":\"Received\"}}", FILTERED},

    /* Envelopes. */
    {"{\"Message\":" SEND(MAIL) "}", EVENT},
    {"{\"detail\":" SEND(MAIL) "}", EVENT},
    {"{\"payload\":" SEND(MAIL) "}", EVENT},
    {"{\"Message\":null,\"detail\":7,\"rawData\":[],\"payload\":" SEND(MAIL) "}", EVENT},
    {"{\"payload\":{\"Message\":{\"detail\":" SEND(MAIL) "}}}", EVENT},
    {"{\"payload\":{\"payload\":{\"Message\":{\"detail\":" SEND(MAIL) "}}}}", MALFORMED_BAD_ENVELOPE},
    {"{\"Message\":{\"Message\":{\"Message\":{\"Message\":{\"Message\":1}}}}}", MALFORMED_BAD_ENVELOPE},
    {"{\"eventType\":\"Send\"," MAIL ",\"Message\":\"plain\",\"detail\":{},\"payload\":7}", EVENT},
    {"{\"Message\":" SEND(MAIL) ",\"eventType\":\"Open\"}", EVENT}, /* without mail it is no record itself */
    {"{\"Message\":7}", MALFORMED_BAD_ENVELOPE},
    {"{\"Message\":[]}", MALFORMED_BAD_ENVELOPE},
    {"{\"detail\":7}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":[1]}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":\"plain text\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":\"\\q\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":{}}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"!!!\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"cGxhaW4=\"}", MALFORMED_BAD_ENVELOPE},  /* plain */
    {"{\"rawData\":\"e30=\"}", MALFORMED_NOT_SES},           /* {} */
    {"{\"rawData\":\"eyJhIjo=\"}", MALFORMED_TRUNCATED},     /* {"a": */
    {"{\"rawData\":\"eyJhIiAxfQ==\"}", MALFORMED_STRUCTURE}, /* {"a" 1} */
    {"{\"Message\":\"{\\\"a\\\":1}\"}", MALFORMED_NOT_SES},
    {"{\"Message\":\"{\\\"a\\\":\"}", MALFORMED_TRUNCATED},
    {"{\"Message\":\"{a}\"}", MALFORMED_STRUCTURE},
    {"{\"Message\":\"\\ufeff{\\\"notificationType\\\":\\\"Received\\\"}\"}", FILTERED},
    {"{\"detail\":{\"payload\":{}}}", MALFORMED_NOT_SES},
    {"{}", MALFORMED_NOT_SES},
    {"{\"a\":[1,2,{\"b\":null}]}", MALFORMED_NOT_SES},
    {"{\"Records\":[" SEND(MAIL) "]}", MALFORMED_NOT_SES},

    /* Structure. */
    {"{\"eventType\":\"Send\"," MAIL, LOST + MALFORMED_TRUNCATED},
    {"{\"eventType\":\"Send\"," MAIL ",}", LOST + MALFORMED_STRUCTURE},
    {"{\"eventType\":\"Send\" " MAIL "}", LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"source\":\"a\nb\""), LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"x\":\"a\nb\""), LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"headers\":[{}{}]"), LOST + MALFORMED_STRUCTURE},
};

static const char *describe(const struct record *r) {
    static const char *const kinds[] = {"event", "filtered", "malformed", "lost", "cut"};
    static char text[64];
    snprintf(text, sizeof text, "%s %s", kinds[r->kind],
             r->kind >= RECORD_MALFORMED ? malformed_reason_name(r->reason) : "");
    return text;
}

static bool is_expected(const struct record *r, int is, size_t end) {
    if (is == EVENT)
        return r->kind == RECORD_EVENT && r->end == end;
    if (is == FILTERED)
        return r->kind == RECORD_FILTERED && r->end == end;
    if (is < EVENT)
        return r->kind == (is == LOST + MALFORMED_TRUNCATED ? RECORD_CUT : RECORD_LOST) && (int)r->reason == is - LOST;
    return r->kind == RECORD_MALFORMED && (int)r->reason == is && r->end == end;
}

static void check(const char *text, int is) {
    struct ses_event e;
    for (int isa = 0; isa < JSON_ISAS; isa++) {
        if (!json_isa_supported((enum json_isa)isa))
            continue;
        struct record r = read_text(text, strlen(text), (enum json_isa)isa, &e);
        if (!is_expected(&r, is, strlen(text) + 3))
            fail_msg("%s: %s, end %zu", text, describe(&r), r.end);
    }
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, cases[i].is);
    for (size_t i = 0; i < SAMPLE_RECORDS; i++)
        check(sample_records[i], EVENT);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static struct ses_event read_event(const char *text) {
    struct ses_event e;
    struct record r = read_text(text, strlen(text), json_isa_best(), &e);
    if (r.kind != RECORD_EVENT)
        fail_msg("%s: %s", text, describe(&r));
    return e;
}

#define assert_span(span, text)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((span).len, strlen(text));                                                                    \
        assert_true((span).len == 0 || memcmp((span).ptr, text, (span).len) == 0);                                     \
    } while (0)

static void check_mail(const struct ses_event *e) {
    assert_span(e->message_id, SAMPLE_ID);
    assert_span(e->source, "Shop <news@mail.shop.example>");
    assert_span(e->source_arn, "arn:aws:ses:eu-west-1:123456789012:identity/shop.example");
    assert_span(e->sending_account_id, "123456789012");
    assert_span(e->headers_truncated, "false");
    assert_span(e->configuration_set, "newsletter");
    assert_span(e->from_domain, "mail.shop.example");
    assert_span(e->tag_values[0], "spring");
    assert_span(e->tag_values[1], "");
    assert_true(e->headers.len > 2 && e->headers.ptr[0] == '[' && e->headers.ptr[e->headers.len - 1] == ']');
    assert_span(e->common_headers, "{\"from\":[\"news@mail.shop.example\"],\"subject\":\"Hi\"}");
    assert_true(e->tags.ptr[0] == '{' && e->tags.ptr[e->tags.len - 1] == '}');
    assert_true(e->has_mail_time);
    assert_int_equal(e->mail_time_ms, 1795162530123);
    assert_int_equal(e->destination.count, 2);
    assert_span(e->recipients[e->destination.first].address, "anna@gmail.com");
    assert_span(e->recipients[e->destination.first + 1].address, "ben@web.de");
    assert_false(e->notification);
}

static const int64_t sample_times[SAMPLE_RECORDS] = {1795162530123, 1795162531999, 1795162533500, 1795165200000,
                                                     1795162530123, 1795168800001, 1795168805000, 1795162530123,
                                                     1795162800000, 1795172400000, 1795162530123};

static void test_fields_of_every_type(void **state) {
    (void)state;
    for (int isa = 0; isa < JSON_ISAS; isa++) {
        readers[isa].parser.tag_names[0] = SPAN_LIT("campaign");
        readers[isa].parser.tag_names[1] = SPAN_LIT("nowhere");
        readers[isa].parser.tag_count = 2;
    }
    for (size_t i = 0; i < SAMPLE_RECORDS; i++) {
        struct ses_event e = read_event(sample_records[i]);
        assert_int_equal(e.type, i);
        assert_int_equal(e.time_ms, sample_times[i]);
        check_mail(&e);
    }
    struct ses_event e = read_event(sample_records[EVENT_DELIVERY]);
    assert_int_equal(e.processing_ms, 1876);
    assert_span(e.smtp_response, "250 2.0.0 OK");
    assert_span(e.remote_mta_ip, "192.0.2.7");
    assert_span(e.reporting_mta, "a7-30.smtp-out.eu-west-1.amazonses.com");
    assert_int_equal(ses_recipients_of(&e).count, 1);

    e = read_event(sample_records[EVENT_BOUNCE]);
    assert_span(e.bounce_type, "Permanent");
    assert_span(e.bounce_subtype, "NoEmail");
    assert_span(e.feedback_id, "0102-bounce");
    struct ses_list to = ses_recipients_of(&e);
    assert_int_equal(to.count, 2);
    assert_span(e.recipients[to.first].address, "anna@gmail.com");
    assert_span(e.recipients[to.first].action, "failed");
    assert_span(e.recipients[to.first].status, "5.1.1");
    assert_span(e.recipients[to.first].diagnostic_code, "smtp; 550 5.1.1 \"no such {user}\"");
    assert_span(e.recipients[to.first + 1].address, "ben@web.de");
    assert_span(e.recipients[to.first + 1].status, "");

    e = read_event(sample_records[EVENT_COMPLAINT]);
    assert_span(e.complaint_feedback_type, "abuse");
    assert_span(e.complaint_subtype, "");
    assert_span(e.user_agent, "Feedback/1.0");
    assert_span(e.arrival_date, "2026-11-20T08:59:00.000Z");

    assert_span(read_event(sample_records[EVENT_REJECT]).reason, "Bad content");
    e = read_event(sample_records[EVENT_OPEN]);
    assert_span(e.ip_address, "198.51.100.1");
    assert_span(e.user_agent, "Mozilla/5.0 (X11; Linux)");
    assert_int_equal(ses_recipients_of(&e).count, 2);
    e = read_event(sample_records[EVENT_CLICK]);
    assert_span(e.link, "https://shop.example/?a={b}");
    assert_span(e.link_tags, "{\"button\":[\"buy\",\"top\"]}");
    e = read_event(sample_records[EVENT_RENDERING_FAILURE]);
    assert_span(e.template_name, "welcome");
    assert_span(e.error_message, "Attribute 'name' is not present");
    e = read_event(sample_records[EVENT_DELIVERY_DELAY]);
    assert_span(e.delay_type, "MailboxFull");
    assert_span(e.expiration_time, "2026-11-21T08:15:30.123Z");
    assert_span(e.recipients[ses_recipients_of(&e).first].status, "4.2.2");
    e = read_event(sample_records[EVENT_SUBSCRIPTION]);
    assert_span(e.contact_list, "readers");
    assert_span(e.subscription_source, "UnsubscribeHeader");
    assert_int_equal(e.change, CHANGE_OPT_OUT);
    assert_span(read_event(sample_records[EVENT_UNKNOWN]).type_name, "Teleport");
}

/* Wherever the type and its object stand, the same event comes out. */
static void test_key_order(void **state) {
    (void)state;
    static const char *const bounce = "\"bounce\":{\"bounceType\":\"Permanent\",\"feedbackId\":\"f\",\"timestamp\":"
                                      "\"2026-11-20T08:15:31Z\",\"bouncedRecipients\":[{\"emailAddress\":\"x@y\"}]}";
    const char *parts[] = {"\"eventType\":\"Bounce\"", MAIL, bounce};
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < COUNT(orders); i++) {
        char text[512];
        snprintf(text, sizeof text, "{%s,\"open\":{\"ipAddress\":\"no\"},%s,%s}", parts[orders[i][0]],
                 parts[orders[i][1]], parts[orders[i][2]]);
        struct ses_event e = read_event(text);
        assert_int_equal(e.type, EVENT_BOUNCE);
        assert_int_equal(e.time_ms, 1795162531000);
        assert_span(e.bounce_type, "Permanent");
        assert_span(e.feedback_id, "f");
        assert_span(e.ip_address, "");
        assert_int_equal(ses_recipients_of(&e).count, 1);
        assert_span(e.recipients[ses_recipients_of(&e).first].address, "x@y");
    }
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {
        {"2026-11-20T08:15:30.123Z", 1795162530123},      {"2026-11-20T08:15:30 +0000", 1795162530000},
        {"2026-11-20T03:15:30.000-05:00", 1795162530000}, {"2026-11-20T08:15:30.1239Z", 1795162530123},
        {"2026-11-20 08:15:30", 1795162530000},           {"2026-11-20T08\\u003a15:30Z", 1795162530000},
    };
    for (size_t i = 0; i < COUNT(times); i++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"%s\",\"messageId\":\"m\",\"destination\":[\"a@b\"]}}",
            times[i].text);
        assert_int_equal(read_event(text).time_ms, times[i].ms);
    }
    /* Which of the two: the object's for a delivery, mail's for a rejection. */
    struct ses_event e = read_event("{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"timestamp\":"
                                    "\"2026-11-20T08:15:31Z\"}}");
    assert_int_equal(e.time_ms, 1795162531000);
    e = read_event("{\"eventType\":\"Reject\"," MAIL ",\"reject\":{\"timestamp\":\"2026-11-20T08:15:31Z\"}}");
    assert_int_equal(e.time_ms, 1795162530000);
    e = read_event("{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{}}");
    assert_int_equal(e.time_ms, 1795162530000);
}

static void test_odd_forms(void **state) {
    (void)state;
    struct ses_event e = read_event(SEND_WITH(",\"source\":\"\\u0061\\n\\ud83d\\ude00\\ud800\",\"tags\":{\"ses:"
                                              "configuration-set\":[\"a\\/b\"],\"ses:from-domain\":\"bare.example\"}"));
    assert_span(e.source, "a\n\xf0\x9f\x98\x80\xef\xbf\xbd");
    assert_span(e.configuration_set, "a/b");
    assert_span(e.from_domain, "bare.example");
    e = read_event(SEND_WITH(",\"tags\":{\"ses:configuration-set\":[7,\"second\"]}"));
    assert_span(e.configuration_set, ""); /* the first element, not the first string */
    e = read_event(SEND_WITH(",\"headers\":[{\"name\":\"A\",\"value\":\"b\"},{\"value\":\"set\",\"name\":"
                             "\"x-ses-Configuration-Set\"},{\"name\":\"X-SES-CONFIGURATION-SET\",\"value\":\"no\"}]"));
    assert_span(e.configuration_set, "set");
    e = read_event(SEND_WITH(",\"headers\":[{\"name\":\"X-SES-CONFIGURATION-SET\",\"value\":\"no\"}],\"tags\":{\"ses:"
                             "configuration-set\":[\"tag\"]}"));
    assert_span(e.configuration_set, "tag");

    static const struct {
        const char *text;
        uint32_t ms;
    } latencies[] = {{"0", 0},
                     {"\"12\"", 12},
                     {"4294967294", 4294967294},
                     {"4294967295", EVENT_NO_DELIVERY_MS},
                     {"99999999999", EVENT_NO_DELIVERY_MS},
                     {"-1", EVENT_NO_DELIVERY_MS},
                     {"1.5", EVENT_NO_DELIVERY_MS},
                     {"\"\"", EVENT_NO_DELIVERY_MS},
                     {"null", EVENT_NO_DELIVERY_MS},
                     {"[1]", EVENT_NO_DELIVERY_MS}};
    for (size_t i = 0; i < COUNT(latencies); i++) {
        char *text = sample_print(
            "{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"processingTimeMillis\":", latencies[i].text, "}}");
        assert_int_equal(read_event(text).processing_ms, latencies[i].ms);
        free(text);
    }
}

static void test_recipient_lists(void **state) {
    (void)state;
    /* What names nobody is left out; the list falls back to mail.destination only when nothing is left. */
    struct ses_event e = read_event("{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"a\","
                                    "\"bouncedRecipients\":[{},null,{\"emailAddress\":\"x@y\"},\"z@y\",{"
                                    "\"emailAddress\":\"  \"},7]}}");
    struct ses_list to = ses_recipients_of(&e);
    assert_int_equal(to.count, 2);
    assert_span(e.recipients[to.first].address, "x@y");
    assert_span(e.recipients[to.first + 1].address, "z@y");
    e = read_event("{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":[null,{}]}}");
    to = ses_recipients_of(&e);
    assert_int_equal(to.count, 1);
    assert_span(e.recipients[to.first].address, "a@b.c");

    /* Many: the memory grows while spans are handed out. */
    enum { MANY = 5000 };
    char *text = malloc(64 + MANY * 16), *p = text;
    assert_non_null(text);
    p += sprintf(p, "{\"eventType\":\"Send\",\"mail\":{" WHEN ",\"messageId\":\"m\",\"destination\":[");
    for (int i = 0; i < MANY; i++)
        p += sprintf(p, "%s\"a%d@b.c\"", i ? "," : "", i);
    sprintf(p, "]}}");
    e = read_event(text);
    assert_int_equal(ses_recipients_of(&e).count, MANY);
    assert_span(e.recipients[4999].address, "a4999@b.c");
    free(text);
}

static void test_subscription_changes(void **state) {
    (void)state;
#define TOPIC(name, status) "{\"topicName\":\"" name "\",\"subscriptionStatus\":\"" status "\"}"
    static const struct {
        const char *now, *before; /* topicSubscriptionStatus; NULL: no preferences */
        bool all;
        enum subscription_change change;
    } changes[] = {
        {"", "", false, CHANGE_NONE},
        {"", NULL, true, CHANGE_UNSUBSCRIBE_ALL},
        {NULL, TOPIC("a", "OptIn"), false, CHANGE_NONE},
        {TOPIC("a", "OptOut"), TOPIC("a", "OptIn"), false, CHANGE_OPT_OUT},
        {TOPIC("a", "OptOut"), TOPIC("a", "OptOut"), false, CHANGE_NONE},
        {TOPIC("a", "OptOut"), NULL, false, CHANGE_OPT_OUT},
        {TOPIC("a", "OptOut"), TOPIC("b", "OptOut"), false, CHANGE_OPT_OUT},
        {TOPIC("a", "OptIn"), TOPIC("a", "OptOut"), false, CHANGE_OPT_IN},
        {TOPIC("a", "OptIn"), "", false, CHANGE_OPT_IN},
        {TOPIC("a", "OptIn") "," TOPIC("b", "OptOut"), "", false, CHANGE_OPT_OUT},
        {TOPIC("b", "OptOut") "," TOPIC("a", "OptIn"), "", false, CHANGE_OPT_OUT},
        {TOPIC("a", "Opt\\u004fut"), TOPIC("a", "OptIn"), false, CHANGE_OPT_OUT},
        {TOPIC("a", "Perhaps"), TOPIC("a", "OptIn"), false, CHANGE_NONE},
        {"7,null,[]," TOPIC("a", "OptOut"), "7,[]," TOPIC("a", "OptIn"), false, CHANGE_OPT_OUT},
        {TOPIC("a", "OptIn"), TOPIC("a", "OptOut"), true, CHANGE_UNSUBSCRIBE_ALL},
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        char now[256] = "null", before[256] = "null", text[1024];
        if (changes[i].now)
            snprintf(now, sizeof now, "{\"topicSubscriptionStatus\":[%s],\"unsubscribeAll\":%s}", changes[i].now,
                     changes[i].all ? "true" : "false");
        if (changes[i].before)
            snprintf(before, sizeof before, "{\"topicSubscriptionStatus\":[%s]}", changes[i].before);
        snprintf(text, sizeof text,
                 "{\"eventType\":\"Subscription\",\"subscription\":{\"oldTopicPreferences\":%s,"
                 "\"newTopicPreferences\":%s}," MAIL "}",
                 before, now);
        if (read_event(text).change != changes[i].change)
            fail_msg("%s", text);
    }
}

/* --- envelopes ---------------------------------------------------------------------------------------------------- */

static char *in_sns_as_object(const char *text) {
    return sample_print("{\"Type\":\"Notification\",\"Message\":", text, "}");
}

static char *in_sns_from_php(const char *text) {
    char *message = sample_quoted(text, 1);
    char *out = sample_print("{\"Message\":", message, ",\"Type\":\"Notification\"}");
    free(message);
    return out;
}

static char *in_connect_as_string(const char *text) {
    char *payload = sample_quoted(text, 0);
    char *out = sample_in_connect(payload);
    free(payload);
    return out;
}

/* Firehose's base64, its slashes escaped. */
static char *in_firehose_error_escaped(const char *text) {
    char *plain = sample_in_firehose_error(text), *out = malloc(2 * strlen(plain) + 1), *p = out;
    assert_non_null(out);
    for (const char *c = plain; *c; c++) {
        if (*c == '/')
            *p++ = '\\';
        *p++ = *c;
    }
    *p = 0;
    free(plain);
    return out;
}

static char *with_newline(const char *text) {
    return sample_print(text, "", "\n");
}

typedef char *(*wrap_fn)(const char *text);
static const wrap_fn wraps[] = {
    sample_in_sns,        in_sns_as_object,      in_sns_from_php,          sample_in_connect,
    in_connect_as_string, sample_in_eventbridge, sample_in_firehose_error, in_firehose_error_escaped};

static char *wrap(char *text, wrap_fn fn) {
    char *out = fn(text);
    free(text);
    return out;
}

static void check_wrapped(char *text, size_t sample) {
    struct ses_event e = read_event(text);
    assert_int_equal(e.type, sample);
    assert_int_equal(e.time_ms, sample_times[sample]);
    assert_span(e.message_id, SAMPLE_ID);
    assert_span(e.configuration_set, "newsletter");
    assert_int_equal(e.destination.count, 2);
    free(text);
}

static void test_envelopes(void **state) {
    (void)state;
    for (size_t sample = 0; sample < SAMPLE_RECORDS; sample++) {
        for (size_t i = 0; i < COUNT(wraps); i++) {
            check_wrapped(wraps[i](sample_records[sample]), sample);
            check_wrapped(wrap(with_newline(sample_records[sample]), wraps[i]), sample);
            for (size_t j = 0; j < COUNT(wraps); j++)
                for (size_t k = 0; k < COUNT(wraps); k++)
                    check_wrapped(wrap(wrap(wraps[i](sample_records[sample]), wraps[j]), wraps[k]), sample);
        }
    }
}

static void test_four_envelopes_are_too_many(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(wraps); i++) {
        char *text = wrap(wrap(wrap(wraps[i](sample_records[0]), wraps[0]), wraps[5]), wraps[(i + 3) % COUNT(wraps)]);
        check(text, MALFORMED_BAD_ENVELOPE);
        text = wrap(wrap(text, wraps[3]), wraps[i]);
        check(text, MALFORMED_BAD_ENVELOPE);
        free(text);
    }
}

/* Several records in one piece of base64: the first one counts, and what it counts as is one record. */
static void test_first_of_several(void **state) {
    (void)state;
    char *two = sample_print(sample_records[EVENT_OPEN], sample_records[EVENT_CLICK], "\n{\"eventType\"");
    check_wrapped(wrap(two, sample_in_firehose_error), EVENT_OPEN);
}

static void test_depth(void **state) {
    (void)state;
    for (size_t levels = 60; levels < 64; levels++) {
        char open[65] = "", close[65] = "", text[512];
        for (size_t i = 0; i < levels; i++) {
            strcat(open, "[");
            strcat(close, "]");
        }
        snprintf(text, sizeof text, "{\"eventType\":\"Send\"," MAIL ",\"x\":%s%s}", open, close);
        check(text, EVENT);
        snprintf(text, sizeof text, SEND_WITH(",\"headers\":%s%s"), open, close);
        check(text, levels <= 62 ? EVENT : LOST + MALFORMED_TOO_DEEP);
        snprintf(text, sizeof text, SEND_WITH(",\"headers\":%s\"x\"%s"), open, close);
        check(text, levels <= 62 ? EVENT : LOST + MALFORMED_TOO_DEEP);
    }
    size_t levels = 1000000;
    char *bomb = malloc(6 * levels + 1);
    assert_non_null(bomb);
    for (size_t i = 0; i < levels; i++)
        memcpy(bomb + 6 * i, "{\"a\":[", 6);
    bomb[6 * levels] = 0;
    check(bomb, LOST + MALFORMED_TOO_DEEP);
    free(bomb);
}

static int set_up(void **state) {
    (void)state;
    json_index_init(&last_index);
    for (int i = 0; i < JSON_ISAS; i++)
        record_reader_init(&readers[i], json_isa_supported((enum json_isa)i) ? (enum json_isa)i : JSON_ISA_PLAIN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < JSON_ISAS; i++)
        record_reader_deinit(&readers[i]);
    json_index_deinit(&last_index);
    free(last_text);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_fields_of_every_type),
        cmocka_unit_test(test_key_order),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_odd_forms),
        cmocka_unit_test(test_recipient_lists),
        cmocka_unit_test(test_subscription_changes),
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_four_envelopes_are_too_many),
        cmocka_unit_test(test_first_of_several),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
