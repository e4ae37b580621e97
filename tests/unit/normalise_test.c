/* parsers/normalise: the rules of docs/counting.md, from a record to its events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/normalise.h"
#include "unit/normalise_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BIT(counter) (1u << (counter))

/* --- events of a record ------------------------------------------------------------------------------------------- */

static void events_and_providers(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        const char *to;
        const char *at; /* the events' providers */
    } cases[] = {
        {EVENT_SEND, "a@gmail.com", "gmail"},
        {EVENT_SEND, "a@gmail.com b@mail.ru c@gmail.com", "gmail mailru gmail"},
        {EVENT_SEND, "a@nowhere.example", "other"},
        {EVENT_SEND, "no-address", "other"},
        {EVENT_DELIVERY, "a@gmail.com b@mail.ru", "gmail mailru"},
        {EVENT_BOUNCE, "a@GMAIL.com <b@mail.ru>", "gmail mailru"},
        {EVENT_REJECT, "a@gmail.com b@mail.ru", "gmail mailru"},
        {EVENT_RENDERING_FAILURE, "a@gmail.com b@mail.ru", "gmail mailru"},
        {EVENT_DELIVERY_DELAY, "a@gmail.com b@mail.ru", "gmail mailru"},
        {EVENT_UNKNOWN, "a@gmail.com b@mail.ru", "gmail mailru"},
        {EVENT_UNKNOWN, "", "other"}, /* once all the same */
        {EVENT_COMPLAINT, "a@gmail.com", "gmail"},
        {EVENT_COMPLAINT, "a@gmail.com b@gmail.com", "gmail"},
        {EVENT_COMPLAINT, "a@gmail.com b@mail.ru", "multiple"},
        {EVENT_COMPLAINT, "a@gmail.com b@nowhere.example", "multiple"},
        {EVENT_COMPLAINT, "a@nowhere.example b@elsewhere.example", "other"},
        {EVENT_COMPLAINT, "", "other"},
        {EVENT_OPEN, "a@gmail.com a@gmail.com b@mail.ru", "multiple"},
        {EVENT_OPEN, "", "other"},
        {EVENT_CLICK, "a@mail.ru b@mail.ru", "mailru"},
        {EVENT_SUBSCRIPTION, "a@gmail.com b@mail.ru", "multiple"},
        {EVENT_SUBSCRIPTION, "x@simulator.amazonses.com", "simulator"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(cases[i].type, cases[i].to);
        struct event events[MAX_RECIPIENTS + 1];
        size_t count = events_of(&m, events);
        char at[200] = "";
        for (size_t j = 0; j < count; j++) {
            strcat(strcat(at, j ? " " : ""), provider_name(&events[j]));
            assert_int_equal(events[j].type, cases[i].type);
            int single = j == 0 && m.event.destination.count == 1 ? EVENT_SINGLE : 0;
            assert_int_equal(events[j].flags, (j == 0 ? EVENT_FIRST : 0) | (j + 1 == count ? EVENT_LAST : 0) | single);
        }
        assert_string_equal(at, cases[i].at);
    }
}

/* Of the message; where it does not say, of the event. */
static void one_recipient(void **state) {
    (void)state;
    static const struct {
        uint32_t destination, own;
        bool single;
    } cases[] = {{1, 0, true}, {2, 0, false}, {2, 1, false}, {1, 1, true}, {0, 1, true}, {0, 2, false}, {1, 2, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(EVENT_DELIVERY, "a@gmail.com b@gmail.com c@mail.ru d@mail.ru");
        m.event.destination.count = cases[i].destination;
        m.event.object_recipients = (struct ses_list){2, cases[i].own};
        struct event events[MAX_RECIPIENTS + 1];
        assert_true(events_of(&m, events) > 0);
        assert_int_equal((events[0].flags & EVENT_SINGLE) != 0, cases[i].single);
    }
}

/* The event's own list, where it has one. */
static void own_recipients(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_DELIVERY, "a@gmail.com b@gmail.com c@mail.ru");
    m.event.destination.count = 2;
    m.event.object_recipients = (struct ses_list){2, 1};
    struct event e = only_event(&m);
    assert_string_equal(provider_name(&e), "mailru");
}

static void shared_fields(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_DELIVERY, "a@gmail.com b@mail.ru");
    m.event.configuration_set = SPAN_LIT("transactional");
    m.event.tag_values[0] = SPAN_LIT("autumn");
    m.event.processing_ms = 815;
    struct event events[MAX_RECIPIENTS + 1];
    assert_int_equal(events_of(&m, events), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(events[i].time_ms == 1795304070123);
        assert_int_equal(events[i].delivery_ms, 815);
        assert_string_equal(intern_name(dictionary.sets, events[i].set), "transactional");
        assert_string_equal(intern_name(dictionary.tags[0], events[i].tags[0]), "autumn");
        assert_int_equal(events[i].tags[1], INTERN_EMPTY);
    }
    m.event.type = EVENT_BOUNCE; /* processingTimeMillis is a delivery's */
    assert_int_equal(events_of(&m, events), 2);
    assert_true(events[0].delivery_ms == EVENT_NO_DELIVERY_MS);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

#define X16  "xxxxxxxxxxxxxxxx"
#define X126 X16 X16 X16 X16 X16 X16 X16 "xxxxxxxxxxxxxx"
#define X128 X126 "xx"

static void labels(void **state) {
    (void)state;
    static const struct {
        struct span raw;
        const char *shown; /* NULL: as it is */
    } cases[] = {
        {SPAN_LIT("plain-set_1"), NULL},
        {SPAN_LIT("with blanks and \"quotes\", commas"), NULL},
        {SPAN_LIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), NULL},
        {SPAN_LIT(X128), NULL},
        {SPAN_LIT(X128 "x"), "invalid"},
        {SPAN_LIT(X126 "\xc3\xa4"), NULL},
        {SPAN_LIT(X126 "x\xc3\xa4"), "invalid"}, /* bytes count, not characters */
        {SPAN_LIT("a\nb"), "invalid"},
        {SPAN_LIT("a\0b"), "invalid"},
        {SPAN_LIT("\x1f"), "invalid"},
        {SPAN_LIT("\x7f"), "invalid"},
        {SPAN_LIT("a\xc2\x85"), "invalid"},    /* U+0085, a control too */
        {SPAN_LIT("a\xc2\xa0"), NULL},         /* U+00A0 is none */
        {SPAN_LIT("\x80"), "invalid"},         /* no UTF-8: a continuation without a beginning, */
        {SPAN_LIT("a\xc3"), "invalid"},        /* a sequence cut off, */
        {SPAN_LIT("\xc3x"), "invalid"},        /* broken, */
        {SPAN_LIT("\xc0\xaf"), "invalid"},     /* overlong, */
        {SPAN_LIT("\xe0\x9f\xbf"), "invalid"}, /* again, */
        {SPAN_LIT("\xf0\x8f\xbf\xbf"), "invalid"},
        {SPAN_LIT("\xed\xa0\x80"), "invalid"},     /* a surrogate, */
        {SPAN_LIT("\xf4\x90\x80\x80"), "invalid"}, /* beyond U+10FFFF */
        {SPAN_LIT("\xff"), "invalid"},
        {SPAN_LIT("\xf4\x8f\xbf\xbf"), NULL},
        {SPAN_LIT(""), NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char scratch[INTERN_SCRATCH];
        struct span want = cases[i].shown ? span_of(cases[i].shown) : cases[i].raw;
        assert_true(span_eq(label_clean(cases[i].raw, scratch), want));
        struct made_up_record m = record_of(EVENT_SEND, "a@gmail.com");
        m.event.configuration_set = cases[i].raw;
        m.event.tag_values[1] = cases[i].raw;
        struct event e = only_event(&m);
        assert_true(span_eq(span_of(intern_name(dictionary.sets, e.set)), want));
        assert_true(span_eq(span_of(intern_name(dictionary.tags[1], e.tags[1])), want));
    }
}

#define ARN "arn:aws:ses:eu-west-1:123456789012:identity/"

static void identities(void **state) {
    (void)state;
    static const struct {
        const char *arn, *from_domain, *source;
        const char *identity;
    } cases[] = {
        {ARN "shop.example", "no.example", "x@no.example", "shop.example"},
        {ARN "Shop.Example", "", "", "shop.example"},
        {ARN "Jane.Doe@Shop.Example", "", "", "*@shop.example"},
        {ARN "\"a@b\"@shop.example", "", "", "*@shop.example"},
        {ARN, "from.example", "", "from.example"},
        {"arn:aws:ses:eu-west-1:123456789012:configuration-set/x", "From.Example", "", "from.example"},
        {"", "From.Example", "x@no.example", "from.example"},
        {"", "me@from.example", "", "*@from.example"},
        {"", "", "me@Source.Example", "source.example"},
        {"", "", "Me <me@source.example>", "source.example"},
        {"", "", "me@M\xc3\xbcller.example", "xn--mller-kva.example"},
        {"", "", "nobody", ""},
        {"", "", "", ""},
        {ARN X128, "", "", X128},
        {ARN X128 "x", "", "", "invalid"},
        {ARN "me@" X126, "", "", "*@" X126},
        {ARN "me@" X126 "x", "", "", "invalid"},
        {ARN X128 X128 "@shop.example", "", "", "*@shop.example"},
        {ARN "a\nb", "", "", "invalid"},
        {"", "a\xff", "", "invalid"},
    };
    for (int twice = 0; twice < 2; twice++) /* the second time out of the caches */
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct made_up_record m = record_of(EVENT_SEND, "a@gmail.com");
            m.event.source_arn = span_of(cases[i].arn);
            m.event.from_domain = span_of(cases[i].from_domain);
            m.event.source = span_of(cases[i].source);
            struct event e = only_event(&m);
            assert_string_equal(intern_name(dictionary.identities, e.identity), cases[i].identity);
        }
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

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

/* --- rate counters ------------------------------------------------------------------------------------------------ */

static void counters(void **state) {
    (void)state;
    enum {
        SENT = BIT(COUNT_SENT) | BIT(COUNT_SENT_REPUTATION),
        PERMANENT = BIT(COUNT_BOUNCED) | BIT(COUNT_PERMANENT) | BIT(COUNT_REPUTATION_BOUNCED),
    };
    static const struct {
        enum event_type type;
        const char *to;
        const char *kind, *subkind; /* bounceType and bounceSubType; complaintFeedbackType and complaintSubType */
        unsigned counters;
    } cases[] = {
        {EVENT_SEND, "a@gmail.com", "", "", SENT},
        {EVENT_SEND, "a@simulator.amazonses.com", "", "", 0},
        {EVENT_DELIVERY, "a@gmail.com", "", "", BIT(COUNT_DELIVERED)}, /* no feedback loop */
        {EVENT_DELIVERY, "a@mail.ru", "", "", BIT(COUNT_DELIVERED) | BIT(COUNT_DELIVERED_FEEDBACK)},
        {EVENT_DELIVERY, "a@simulator.amazonses.com", "", "", 0},
        {EVENT_BOUNCE, "a@gmail.com", "Permanent", "General", PERMANENT},
        {EVENT_BOUNCE, "a@gmail.com", "Permanent", "Suppressed", PERMANENT}, /* the global list counts */
        {EVENT_BOUNCE, "a@gmail.com", "Permanent", "OnAccountSuppressionList", 0},
        {EVENT_BOUNCE, "a@gmail.com", "Permanent", "NewInNextYear", PERMANENT},
        {EVENT_BOUNCE, "a@gmail.com", "Transient", "MailboxFull", BIT(COUNT_BOUNCED) | BIT(COUNT_TRANSIENT)},
        {EVENT_BOUNCE, "a@gmail.com", "Undetermined", "Undetermined", BIT(COUNT_BOUNCED)},
        {EVENT_BOUNCE, "a@gmail.com", "NewInNextYear", "", BIT(COUNT_BOUNCED)},
        {EVENT_BOUNCE, "bounce@simulator.amazonses.com", "Permanent", "General", 0},
        {EVENT_COMPLAINT, "a@gmail.com", "abuse", "", BIT(COUNT_COMPLAINED)},
        {EVENT_COMPLAINT, "a@gmail.com", "", "", BIT(COUNT_COMPLAINED)},
        {EVENT_COMPLAINT, "a@gmail.com b@mail.ru", "abuse", "", BIT(COUNT_COMPLAINED)},
        {EVENT_COMPLAINT, "a@gmail.com", "not-spam", "", 0},
        {EVENT_COMPLAINT, "a@gmail.com", "", "OnAccountSuppressionList", 0},
        {EVENT_COMPLAINT, "a@gmail.com", "abuse", "OnAccountSuppressionList", 0},
        {EVENT_COMPLAINT, "complaint@simulator.amazonses.com", "abuse", "", 0},
        {EVENT_REJECT, "a@gmail.com", "", "", BIT(COUNT_REJECTED)},
        {EVENT_RENDERING_FAILURE, "a@gmail.com", "", "", BIT(COUNT_RENDERING_FAILED)},
        {EVENT_DELIVERY_DELAY, "a@gmail.com", "", "", BIT(COUNT_DELAYED)},
        {EVENT_DELIVERY_DELAY, "ooto@simulator.amazonses.com", "", "", 0},
        {EVENT_OPEN, "a@gmail.com", "", "", 0},
        {EVENT_CLICK, "a@gmail.com", "", "", 0},
        {EVENT_UNKNOWN, "a@gmail.com", "", "", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(cases[i].type, cases[i].to);
        if (cases[i].type == EVENT_BOUNCE) {
            m.event.bounce_type = span_of(cases[i].kind);
            m.event.bounce_subtype = span_of(cases[i].subkind);
        }
        m.event.complaint_feedback_type = span_of(cases[i].kind);
        m.event.complaint_subtype = span_of(cases[i].subkind);
        assert_int_equal(only_event(&m).counters, cases[i].counters);
    }
}

static void opt_outs(void **state) {
    (void)state;
    static const struct {
        enum subscription_change change;
        const char *to;
        unsigned counters;
    } cases[] = {
        {CHANGE_NONE, "a@gmail.com", 0},
        {CHANGE_OPT_IN, "a@gmail.com", 0},
        {CHANGE_OPT_OUT, "a@gmail.com", BIT(COUNT_OPTED_OUT)},
        {CHANGE_UNSUBSCRIBE_ALL, "a@gmail.com", BIT(COUNT_OPTED_OUT)},
        {CHANGE_UNSUBSCRIBE_ALL, "a@simulator.amazonses.com", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(EVENT_SUBSCRIPTION, cases[i].to);
        m.event.change = cases[i].change;
        m.event.subscription_source = SPAN_LIT("PreferencesPage");
        struct event e = only_event(&m);
        assert_int_equal(e.counters, cases[i].counters);
        assert_int_equal(e.detail, EVENT_DETAIL_PAIR(cases[i].change, SUBSCRIPTION_SOURCE_PREFERENCES_PAGE));
    }
}

static void verified_domains(void **state) {
    (void)state;
    static struct span verified[] = {SPAN_LIT("a.example"), SPAN_LIT("gmail.com"), SPAN_LIT("mail.a.example"),
                                     SPAN_LIT("z.example")};
    static const struct {
        const char *to;
        bool verified;
    } cases[] = {
        {"x@a.example", true},      {"x@A.Example", true}, {"x@gmail.com", true},  {"x@mail.a.example", true},
        {"x@z.example", true},      {"x@example", false},  {"x@a.exampl", false},  {"x@a.examplee", false},
        {"x@www.a.example", false}, {"x@mail.ru", false},  {"x@0.example", false}, {"x@zz.example", false},
        {"nothing", false},
    };
    for (size_t count = 0; count <= COUNT(verified); count += COUNT(verified)) {
        dictionary.verified_domains = verified;
        dictionary.verified_count = count;
        for (size_t i = 0; i < COUNT(cases); i++) {
            bool left_out = count && cases[i].verified;
            struct made_up_record m = record_of(EVENT_SEND, cases[i].to);
            unsigned bits = only_event(&m).counters;
            assert_true(bits & BIT(COUNT_SENT));
            assert_int_equal(!(bits & BIT(COUNT_SENT_REPUTATION)), left_out);
            m = record_of(EVENT_BOUNCE, cases[i].to);
            bits = only_event(&m).counters;
            assert_true(bits & BIT(COUNT_BOUNCED) && bits & BIT(COUNT_PERMANENT));
            assert_int_equal(!(bits & BIT(COUNT_REPUTATION_BOUNCED)), left_out);
        }
    }
    dictionary.verified_count = 0;
}

/* --- details and unknown values ----------------------------------------------------------------------------------- */

static void details(void **state) {
    (void)state;
    struct made_up_record m = record_of(EVENT_BOUNCE, "a@gmail.com");
    assert_int_equal(only_event(&m).detail, EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_GENERAL));
    m = record_of(EVENT_COMPLAINT, "a@gmail.com");
    m.event.complaint_feedback_type = SPAN_LIT("fraud");
    assert_int_equal(only_event(&m).detail, FEEDBACK_FRAUD);
    m.event.complaint_subtype = SPAN_LIT("OnAccountSuppressionList");
    assert_int_equal(only_event(&m).detail, FEEDBACK_SUPPRESSED);
    m = record_of(EVENT_DELIVERY_DELAY, "a@gmail.com");
    m.event.delay_type = SPAN_LIT("IPFailure");
    assert_int_equal(only_event(&m).detail, DELAY_IP_FAILURE);
    m = record_of(EVENT_REJECT, "a@gmail.com");
    m.event.reason = SPAN_LIT("Bad content");
    assert_int_equal(only_event(&m).detail, REJECT_BAD_CONTENT);
    m = record_of(EVENT_RENDERING_FAILURE, "a@gmail.com");
    assert_string_equal(intern_name(dictionary.templates, only_event(&m).detail), "none");
    m.event.template_name = SPAN_LIT("welcome");
    assert_string_equal(intern_name(dictionary.templates, only_event(&m).detail), "welcome");
    m = record_of(EVENT_OPEN, "a@gmail.com");
    assert_int_equal(only_event(&m).detail, 0);
}

static void unknown_values(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        const char *value;  /* in every field */
        const char *fields; /* that are said to be unknown */
    } cases[] = {
        {EVENT_BOUNCE, "NewInNextYear", "bounceType bounceSubType"},
        {EVENT_COMPLAINT, "NewInNextYear", "complaintSubType complaintFeedbackType"},
        {EVENT_COMPLAINT, "other", "complaintSubType"}, /* a feedback type that AWS documents */
        {EVENT_DELIVERY_DELAY, "NewInNextYear", "delayType"},
        {EVENT_REJECT, "NewInNextYear", "reason"},
        {EVENT_SUBSCRIPTION, "NewInNextYear", "source"},
        {EVENT_UNKNOWN, "NewInNextYear", "eventType"},
        {EVENT_SEND, "NewInNextYear", ""},
        {EVENT_OPEN, "NewInNextYear", ""},
        {EVENT_COMPLAINT, "", ""},
        {EVENT_DELIVERY_DELAY, "", ""},
        {EVENT_REJECT, "", ""},
        {EVENT_SUBSCRIPTION, "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(cases[i].type, "a@gmail.com");
        struct span v = span_of(cases[i].value);
        m.event.bounce_type = m.event.bounce_subtype = m.event.complaint_subtype = m.event.complaint_feedback_type = v;
        m.event.delay_type = m.event.reason = m.event.subscription_source = m.event.type_name = v;
        only_event(&m); /* counted all the same */
        char fields[200] = "";
        for (unsigned j = 0; j < normaliser->unknown_count; j++) {
            strcat(strcat(fields, j ? " " : ""), normaliser->unknown[j].field);
            assert_true(span_eq(normaliser->unknown[j].value, v));
        }
        assert_string_equal(fields, cases[i].fields);
    }
    struct made_up_record fine = record_of(EVENT_BOUNCE, "a@gmail.com");
    only_event(&fine);
    assert_int_equal(normaliser->unknown_count, 0); /* forgotten with the record */
}

/* The address that goes with the last event, or "". */
static const char *wanted_address(struct made_up_record *m, unsigned *why) {
    static char text[64];
    struct event events[MAX_RECIPIENTS + 1];
    m->event.recipients = m->recipients;
    normalise_begin(normaliser, &m->event);
    *why = 0;
    *text = 0;
    for (size_t i = 0; i <= MAX_RECIPIENTS && normalise_next(normaliser, &events[i]); i++)
        if (normaliser->address_why) {
            *why = normaliser->address_why;
            snprintf(text, sizeof text, "%.*s", SPAN_ARG(normaliser->address));
        }
    return text;
}

static void addresses_for_who_wants_them(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        const char *bounce_type, *subtype, *feedback, *to;
        unsigned wanted, why;
        const char *address;
    } cases[] = {
        {EVENT_BOUNCE, "Permanent", "General", "", "a@gmail.com", 0, 0, ""}, /* nobody asked */
        {EVENT_BOUNCE, "Permanent", "General", "", "a@gmail.com", 3, ADDRESS_BOUNCED, "a@gmail.com"},
        {EVENT_BOUNCE, "Permanent", "NoEmail", "", "x@gmail.com y@mail.ru", 3, ADDRESS_BOUNCED, "y@mail.ru"},
        {EVENT_BOUNCE, "Permanent", "Suppressed", "", "a@gmail.com", 1, ADDRESS_BOUNCED, "a@gmail.com"},
        {EVENT_BOUNCE, "Permanent", "General", "", "a@gmail.com", ADDRESS_COMPLAINED, 0, ""},
        {EVENT_BOUNCE, "Permanent", "OnAccountSuppressionList", "", "a@gmail.com", 3, 0, ""},
        {EVENT_BOUNCE, "Permanent", "UnsubscribedRecipient", "", "a@gmail.com", 3, 0, ""},
        {EVENT_BOUNCE, "Transient", "MailboxFull", "", "a@gmail.com", 3, 0, ""},
        {EVENT_BOUNCE, "Undetermined", "Undetermined", "", "a@gmail.com", 3, 0, ""},
        {EVENT_BOUNCE, "Permanent", "General", "", "bounce@simulator.amazonses.com", 3, 0, ""},
        {EVENT_COMPLAINT, "", "", "abuse", "a@gmail.com", 3, ADDRESS_COMPLAINED, "a@gmail.com"},
        {EVENT_COMPLAINT, "", "", "abuse", "a@gmail.com b@gmail.com", 3, 0, ""}, /* who of the two? */
        {EVENT_COMPLAINT, "", "", "not-spam", "a@gmail.com", 3, 0, ""},
        {EVENT_DELIVERY, "", "", "", "a@gmail.com", 3, 0, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made_up_record m = record_of(cases[i].type, cases[i].to);
        m.event.bounce_type = span_of(cases[i].bounce_type);
        m.event.bounce_subtype = span_of(cases[i].subtype);
        m.event.complaint_feedback_type = span_of(cases[i].feedback);
        unsigned why;
        dictionary.wanted_addresses = cases[i].wanted;
        assert_string_equal(wanted_address(&m, &why), cases[i].address);
        assert_int_equal(why, cases[i].why);
    }
    dictionary.wanted_addresses = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_and_providers),
        cmocka_unit_test(one_recipient),
        cmocka_unit_test(own_recipients),
        cmocka_unit_test(shared_fields),
        cmocka_unit_test(labels),
        cmocka_unit_test(identities),
        cmocka_unit_test(same_happening),
        cmocka_unit_test(fields_are_apart),
        cmocka_unit_test(seconds_before_1970),
        cmocka_unit_test(recipients_in_a_record),
        cmocka_unit_test(message_keys),
        cmocka_unit_test(counters),
        cmocka_unit_test(opt_outs),
        cmocka_unit_test(verified_domains),
        cmocka_unit_test(details),
        cmocka_unit_test(unknown_values),
        cmocka_unit_test(addresses_for_who_wants_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
