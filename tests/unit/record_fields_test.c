/* What is taken out of a record: the fields of every type, times, recipients, preferences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/record_run.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_every_type),
        cmocka_unit_test(test_key_order),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_odd_forms),
        cmocka_unit_test(test_recipient_lists),
        cmocka_unit_test(test_subscription_changes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
