/* parsers/normalise: the rules of docs/counting.md, from a record to its events, their names, their details. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "parsers/normalise.h"
#include "unit/normalise_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

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
        cmocka_unit_test(details),
        cmocka_unit_test(unknown_values),
        cmocka_unit_test(addresses_for_who_wants_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
