/* What a normaliser makes of what is known beforehand: whose a domain is, why mail bounced, who opened, and the keys by
 * which the aggregate puts the events of a message and of a domain together. */
#include "unit/normalise_run.h"

static struct made_up_record sent_to(enum event_type type, const char *to, int64_t mail_ms, int64_t time_ms) {
    struct made_up_record m = record_of(type, to);
    m.event.has_mail_time = true;
    m.event.mail_time_ms = mail_ms;
    m.event.time_ms = time_ms;
    return m;
}

static void a_send_time_never_lies_after_the_event(void **state) {
    (void)state;
    struct made_up_record m = sent_to(EVENT_BOUNCE, "a@gmail.com", 1000, 5000);
    assert_int_equal(only_event(&m).sent_ms, 1000);
    m = sent_to(EVENT_BOUNCE, "a@gmail.com", 7000, 5000); /* notifications cut the event's own time */
    assert_int_equal(only_event(&m).sent_ms, 5000);
    m = record_of(EVENT_BOUNCE, "a@gmail.com");
    assert_int_equal(only_event(&m).sent_ms, m.event.time_ms);
}

static void unknown_domains_have_keys(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_SEND, "a@gmail.com");
    assert_int_equal(only_event(&m).domain_key, 0);
    m = record_of(EVENT_SEND, "a@company.example");
    uint64_t key = only_event(&m).domain_key;
    assert_int_not_equal(key, 0);
    m = record_of(EVENT_DELIVERY, "<b@COMPANY.example.>"); /* another type, another person, the same domain */
    assert_true(only_event(&m).domain_key == key);
    m = record_of(EVENT_SEND, "a@other-company.example");
    assert_true(only_event(&m).domain_key != key);
    m = record_of(EVENT_SEND, "no-address");
    assert_int_equal(only_event(&m).domain_key, 0);
    m = record_of(EVENT_OPEN, "a@company.example b@company.example"); /* one event: the domain that both have */
    assert_true(only_event(&m).domain_key == key);
    m = record_of(EVENT_OPEN, "a@company.example b@other-company.example");
    struct event e = only_event(&m);
    assert_int_equal(e.domain_key, 0);
    assert_string_equal(provider_name(&e), "other");
    m = record_of(EVENT_OPEN, "a@company.example b@gmail.com");
    e = only_event(&m);
    assert_int_equal(e.domain_key, 0);
    assert_string_equal(provider_name(&e), "multiple");
}

static void replies_give_hints(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_DELIVERY, "a@company.example");
    m.event.smtp_response = SPAN_LIT("250 2.0.0 OK  1795304070 5b1f17b1804b1-4ed si121 - gsmtp");
    struct event e = only_event(&m);
    assert_string_equal(provider_name(&e), "other");
    assert_string_equal(provider_table_name(providers, e.hint), "google_workspace");
    m = record_of(EVENT_DELIVERY, "a@gmail.com"); /* whose it is is known already */
    m.event.smtp_response = SPAN_LIT("250 2.0.0 OK  1795304070 5b1f17b1804b1-4ed si121 - gsmtp");
    assert_int_equal(only_event(&m).hint, PROVIDER_OTHER);
    m = record_of(EVENT_BOUNCE, "a@company.example");
    m.recipients[0].diagnostic_code = SPAN_LIT("smtp; 550 5.4.1 Recipient address rejected: Access denied. "
                                               "[DB1EUR01FT031.eop-EUR01.prod.protection.outlook.com]");
    e = only_event(&m);
    assert_string_equal(provider_table_name(providers, e.hint), "microsoft_365");
    m.recipients[0].diagnostic_code = SPAN_LIT("550 no");
    m.event.reporting_mta = SPAN_LIT("dns; mx0a.pphosted.com");
    e = only_event(&m);
    assert_string_equal(provider_table_name(providers, e.hint), "gateway");
    m = record_of(EVENT_DELIVERY_DELAY, "a@company.example");
    m.event.reporting_mta = SPAN_LIT("dns; mx0a.pphosted.com");
    e = only_event(&m);
    assert_string_equal(provider_table_name(providers, e.hint), "gateway");
    m = record_of(EVENT_DELIVERY, "a@company.example"); /* a delivery's says who sent it */
    m.event.reporting_mta = SPAN_LIT("mx0a.pphosted.com");
    assert_int_equal(only_event(&m).hint, PROVIDER_OTHER);
    m.event.remote_mta_ip = SPAN_LIT("17.1.2.3");
    e = only_event(&m);
    assert_string_equal(provider_table_name(providers, e.hint), "apple");
    m = record_of(EVENT_SEND, "a@company.example");
    m.event.smtp_response = SPAN_LIT("gsmtp");
    assert_int_equal(only_event(&m).hint, PROVIDER_OTHER);
}

/* A delivery's answer is one for all its recipients, and the next record has its own. */
static void a_hint_is_of_one_record(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_DELIVERY, "a@company.example b@gmail.com c@other-company.example");
    static const struct {
        const char *answer, *hint;
    } records[] = {{"250 ok - gsmtp", "google_workspace"}, {"250 ok", "other"}};
    for (size_t i = 0; i < 2; i++) {
        struct event events[MAX_RECIPIENTS + 1];
        m.event.smtp_response = span_of(records[i].answer);
        assert_int_equal(events_of(&m, events), 3);
        for (int to = 0; to < 3; to++)
            assert_string_equal(provider_table_name(providers, events[to].hint), to == 1 ? "other" : records[i].hint);
    }
}

static void bounces_and_delays_have_reasons(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_BOUNCE, "a@gmail.com");
    m.recipients[0].diagnostic_code = SPAN_LIT("smtp; 550-5.1.1 The email account that you tried to reach does not "
                                               "exist.");
    assert_int_equal(only_event(&m).reason, REASON_INVALID_RECIPIENT);
    m.event.bounce_type = SPAN_LIT("Transient");
    m.event.bounce_subtype = SPAN_LIT("MailboxFull");
    assert_int_equal(only_event(&m).reason, REASON_MAILBOX_FULL);
    m = record_of(EVENT_DELIVERY_DELAY, "a@gmail.com");
    m.event.delay_type = SPAN_LIT("MailboxFull");
    assert_int_equal(only_event(&m).reason, REASON_MAILBOX_FULL);
    m = record_of(EVENT_DELIVERY, "a@gmail.com");
    assert_int_equal(only_event(&m).reason, REASON_UNDETERMINED);
}

static void visits_know_their_message_link_and_visitor(void **state) {
    (void)state;
    struct made_up_record open = record_of(EVENT_OPEN, "a@gmail.com"), click = record_of(EVENT_CLICK, "b@mail.ru");
    open.event.user_agent = SPAN_LIT("python-requests/2.31.0");
    click.event.user_agent = SPAN_LIT("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
                                      "Gecko) Chrome/120.0.0.0 Safari/537.36");
    click.event.link = SPAN_LIT("https://example.com/a");
    struct event e = only_event(&open), f = only_event(&click);
    assert_true(e.message_key != 0 && e.message_key == f.message_key);
    assert_int_equal(e.visitor, VISITOR_MACHINE);
    assert_int_equal(f.visitor, VISITOR_HUMAN);
    assert_int_equal(e.link, 0);
    click.event.link = SPAN_LIT("https://example.com/b");
    assert_true(only_event(&click).link != f.link);
    click.event.link = (struct span){0};
    assert_int_equal(only_event(&click).link, 0);
    click.event.message_id = SPAN_LIT("message-2");
    assert_true(only_event(&click).message_key != f.message_key);
    struct made_up_record send = record_of(EVENT_SEND, "a@gmail.com");
    assert_int_equal(only_event(&send).message_key, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_time_never_lies_after_the_event),
        cmocka_unit_test(unknown_domains_have_keys),
        cmocka_unit_test(replies_give_hints),
        cmocka_unit_test(a_hint_is_of_one_record),
        cmocka_unit_test(bounces_and_delays_have_reasons),
        cmocka_unit_test(visits_know_their_message_link_and_visitor),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
