/* The keys of events: what is the same happening, and what is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsers/normalise.h"
#include "unit/normalise_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef void (*change_fn)(struct ses_event *e);

static void nothing(struct ses_event *e) {
    (void)e;
}
static void no_fraction(struct ses_event *e) {
    e->time_ms -= e->time_ms % 1000;
}
static void next_millisecond(struct ses_event *e) {
    e->time_ms++;
}
static void next_second(struct ses_event *e) {
    e->time_ms += 1000;
}
static void other_message(struct ses_event *e) {
    e->message_id = SPAN_LIT("message-2");
}
static void upper_domain(struct ses_event *e) {
    e->recipients[0].address = SPAN_LIT("a@GMail.COM");
}
static void display_name(struct ses_event *e) {
    e->recipients[0].address = SPAN_LIT("\"A, B\" <a@gmail.com>");
}
static void upper_local(struct ses_event *e) {
    e->recipients[0].address = SPAN_LIT("A@gmail.com");
}
static void other_recipient(struct ses_event *e) {
    e->recipients[0].address = SPAN_LIT("b@gmail.com");
}
static void shifted_at(struct ses_event *e) { /* the same letters, cut elsewhere */
    e->recipients[0].address = SPAN_LIT("a@gmail.co");
}
static void feedback(struct ses_event *e) {
    e->feedback_id = SPAN_LIT("feedback-2");
}
static void agent(struct ses_event *e) {
    e->user_agent = SPAN_LIT("Mozilla/5.0");
}
static void address(struct ses_event *e) {
    e->ip_address = SPAN_LIT("192.0.2.1");
}
static void link_text(struct ses_event *e) {
    e->link = SPAN_LIT("https://shop.example/");
}
static void link_tags(struct ses_event *e) {
    e->link_tags = SPAN_LIT("{\"a\":[\"b\"]}");
}
static void delay_type(struct ses_event *e) {
    e->delay_type = SPAN_LIT("MailboxFull");
}
static void contact_list(struct ses_event *e) {
    e->contact_list = SPAN_LIT("list-2");
}
static void subscription_source(struct ses_event *e) {
    e->subscription_source = SPAN_LIT("UnsubscribeHeader");
}
static void type_name(struct ses_event *e) {
    e->type_name = SPAN_LIT("Read");
}
static void bounce_type(struct ses_event *e) {
    e->bounce_type = SPAN_LIT("Transient");
}
static void set_and_source(struct ses_event *e) {
    e->configuration_set = SPAN_LIT("set-2");
    e->source = SPAN_LIT("x@y.example");
}

static uint64_t key_after(enum event_type type, change_fn change) {
    struct made_up_record m = record_of(type, "a@gmail.com");
    m.event.recipients = m.recipients;
    change(&m.event);
    return only_event(&m).key;
}

/* Whether a record that differs in this way is the same happening. */
static void same_happening(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        change_fn change;
        bool same;
    } cases[] = {
        {EVENT_SEND, nothing, true},
        {EVENT_SEND, no_fraction, true},
        {EVENT_SEND, next_millisecond, true},
        {EVENT_SEND, next_second, false},
        {EVENT_SEND, other_message, false},
        {EVENT_SEND, upper_domain, true},
        {EVENT_SEND, display_name, true},
        {EVENT_SEND, upper_local, false},
        {EVENT_SEND, other_recipient, false},
        {EVENT_SEND, shifted_at, false},
        {EVENT_SEND, set_and_source, true},
        {EVENT_SEND, agent, true}, /* not a send's */
        {EVENT_SEND, feedback, true},
        {EVENT_DELIVERY, no_fraction, true},
        {EVENT_DELIVERY, next_second, false},
        {EVENT_DELIVERY, upper_domain, true},
        {EVENT_BOUNCE, no_fraction, true},
        {EVENT_BOUNCE, feedback, false},
        {EVENT_BOUNCE, bounce_type, true},
        {EVENT_BOUNCE, other_recipient, false},
        {EVENT_COMPLAINT, no_fraction, true},
        {EVENT_COMPLAINT, feedback, false},
        {EVENT_COMPLAINT, other_recipient, true}, /* counts per event */
        {EVENT_COMPLAINT, agent, true},
        {EVENT_REJECT, no_fraction, true},
        {EVENT_RENDERING_FAILURE, no_fraction, true},
        {EVENT_OPEN, nothing, true},
        {EVENT_OPEN, no_fraction, false},
        {EVENT_OPEN, next_millisecond, false},
        {EVENT_OPEN, agent, false}, /* two opens in one millisecond */
        {EVENT_OPEN, address, false},
        {EVENT_OPEN, link_text, true},
        {EVENT_OPEN, other_recipient, true},
        {EVENT_CLICK, next_millisecond, false},
        {EVENT_CLICK, agent, false},
        {EVENT_CLICK, address, false},
        {EVENT_CLICK, link_text, false},
        {EVENT_CLICK, link_tags, false},
        {EVENT_DELIVERY_DELAY, next_millisecond, false},
        {EVENT_DELIVERY_DELAY, delay_type, false},
        {EVENT_DELIVERY_DELAY, upper_domain, true},
        {EVENT_SUBSCRIPTION, no_fraction, true},
        {EVENT_SUBSCRIPTION, contact_list, false},
        {EVENT_SUBSCRIPTION, subscription_source, false},
        {EVENT_UNKNOWN, no_fraction, true},
        {EVENT_UNKNOWN, type_name, false},
        {EVENT_UNKNOWN, other_recipient, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool same = key_after(cases[i].type, cases[i].change) == key_after(cases[i].type, nothing);
        if (same != cases[i].same)
            print_error("case %zu\n", i);
        assert_int_equal(same, cases[i].same);
    }
}

/* Values may not run into each other: what moves from one field to the next makes another key. */
static void fields_are_apart(void **state) {
    (void)state;
    struct made_up_record a = record_of(EVENT_CLICK, "a@gmail.com"), b = a;
    a.event.ip_address = SPAN_LIT("ab"), a.event.user_agent = SPAN_LIT("c");
    b.event.ip_address = SPAN_LIT("a"), b.event.user_agent = SPAN_LIT("bc");
    assert_true(only_event(&a).key != only_event(&b).key);
    a.event.link = SPAN_LIT("x"), a.event.link_tags = SPAN_LIT("");
    b = a;
    b.event.link = SPAN_LIT(""), b.event.link_tags = SPAN_LIT("x");
    assert_true(only_event(&a).key != only_event(&b).key);
    for (int x = 0; x < EVENT_TYPES; x++) /* two events of one message in one second */
        for (int y = 0; y < x; y++)
            assert_true(key_after((enum event_type)x, nothing) != key_after((enum event_type)y, nothing));
}

static void seconds_before_1970(void **state) {
    (void)state;
    static const struct {
        int64_t a, b;
        bool same;
    } cases[] = {{-1, -1000, true}, {-1, 0, false}, {-1000, -1001, false}, {-1001, -2000, true}, {0, 999, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record x = record_of(EVENT_SEND, "a@gmail.com"), y = x;
        x.event.time_ms = cases[i].a;
        y.event.time_ms = cases[i].b;
        assert_int_equal(only_event(&x).key == only_event(&y).key, cases[i].same);
    }
}

/* One record's recipients have keys of their own, equal ones where the recipient is the same. */
static void recipients_in_a_record(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_BOUNCE, "a@gmail.com b@gmail.com a@GMAIL.com a@mail.ru");
    struct event events[MAX_RECIPIENTS + 1];
    assert_int_equal(events_of(&m, events), 4);
    assert_true(events[0].key == events[2].key);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_true(events[i].key != events[j].key || (i == 2 && j == 0));
    struct made_up_record alone = record_of(EVENT_BOUNCE, "b@gmail.com");
    assert_true(only_event(&alone).key == events[1].key);
}

/* A recipient's delays share their message_key, whatever else differs. */
static void message_keys(void **state) {
    (void)state;
    struct made_up_record a = record_of(EVENT_DELIVERY_DELAY, "a@gmail.com"), b = a;
    b.event.time_ms += 3600000;
    b.event.delay_type = SPAN_LIT("MailboxFull");
    b.recipients[0].address = SPAN_LIT("a@GMAIL.com");
    struct event x = only_event(&a), y = only_event(&b);
    assert_true(x.key != y.key && x.message_key == y.message_key);
    b.event.message_id = SPAN_LIT("message-2");
    assert_true(only_event(&b).message_key != x.message_key);
    b = a;
    b.recipients[0].address = SPAN_LIT("b@gmail.com");
    assert_true(only_event(&b).message_key != x.message_key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_happening),      cmocka_unit_test(fields_are_apart),
        cmocka_unit_test(seconds_before_1970), cmocka_unit_test(recipients_in_a_record),
        cmocka_unit_test(message_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
