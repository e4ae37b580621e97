/* For which rates an event counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsers/normalise.h"
#include "unit/normalise_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BIT(counter) (1u << (counter))

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters),
        cmocka_unit_test(opt_outs),
        cmocka_unit_test(verified_domains),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
