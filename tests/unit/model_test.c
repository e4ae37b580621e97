/* Names, parsers and arithmetic of collector/model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/event.h"
#include "model/rate.h"
#include "model/snapshot.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void event_types(void **state) {
    (void)state;
    static const struct {
        const char *aws;
        enum event_type type;
        const char *name;
    } cases[] = {
        {"Send", EVENT_SEND, "send"},
        {"Delivery", EVENT_DELIVERY, "delivery"},
        {"Bounce", EVENT_BOUNCE, "bounce"},
        {"Complaint", EVENT_COMPLAINT, "complaint"},
        {"Reject", EVENT_REJECT, "reject"},
        {"Open", EVENT_OPEN, "open"},
        {"Click", EVENT_CLICK, "click"},
        {"Rendering Failure", EVENT_RENDERING_FAILURE, "rendering_failure"},
        {"DeliveryDelay", EVENT_DELIVERY_DELAY, "delivery_delay"},
        {"Subscription", EVENT_SUBSCRIPTION, "subscription"},
        {"", EVENT_UNKNOWN, "unknown"},
        {"send", EVENT_UNKNOWN, "unknown"},
        {"Sent", EVENT_UNKNOWN, "unknown"},
        {"Bouncf", EVENT_UNKNOWN, "unknown"},
        {"RenderingFailure", EVENT_UNKNOWN, "unknown"},
        {"Received", EVENT_UNKNOWN, "unknown"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum event_type type = event_type_parse(span_of(cases[i].aws));
        assert_int_equal(type, cases[i].type);
        assert_string_equal(event_type_name(type), cases[i].name);
    }
}

/* Every name but "none" and "other" is AWS's own spelling: parsing it gives the value back. */
#define ROUND_TRIP(count, none, other, parse, name)                                                                    \
    do {                                                                                                               \
        for (int v = 0; v < (int)(count); v++) {                                                                       \
            const char *text = name(v);                                                                                \
            if (v != (int)(none) && v != (int)(other))                                                                 \
                assert_int_equal(parse(span_of(text)), v);                                                             \
            for (int w = 0; w < v; w++)                                                                                \
                assert_string_not_equal(text, name(w));                                                                \
        }                                                                                                              \
        assert_int_equal(parse(span_of("?")), other);                                                                  \
        assert_int_equal(parse(span_of("SomethingThatAwsAddsNextYearPerhaps")), other);                                \
        assert_string_equal(name(other), "other");                                                                     \
    } while (0)

static void enumerations(void **state) {
    (void)state;
    ROUND_TRIP(BOUNCE_TYPES, BOUNCE_OTHER, BOUNCE_OTHER, bounce_type_parse, bounce_type_name);
    ROUND_TRIP(SUBTYPES, SUBTYPE_NONE, SUBTYPE_OTHER, bounce_subtype_parse, bounce_subtype_name);
    ROUND_TRIP(FEEDBACK_TYPES, FEEDBACK_NONE, FEEDBACK_OTHER, feedback_type_parse, feedback_type_name);
    ROUND_TRIP(DELAY_TYPES, DELAY_NONE, DELAY_OTHER, delay_type_parse, delay_type_name);
    ROUND_TRIP(REJECT_REASONS, REJECT_NONE, REJECT_OTHER, reject_reason_parse, reject_reason_name);
    ROUND_TRIP(SUBSCRIPTION_SOURCES, SUBSCRIPTION_SOURCE_NONE, SUBSCRIPTION_SOURCE_OTHER, subscription_source_parse,
               subscription_source_name);
}

static void empty_is_none(void **state) {
    (void)state;
    struct span empty = {NULL, 0};
    assert_int_equal(bounce_type_parse(empty), BOUNCE_OTHER);
    assert_int_equal(bounce_subtype_parse(empty), SUBTYPE_NONE);
    assert_int_equal(feedback_type_parse(empty), FEEDBACK_NONE);
    assert_int_equal(delay_type_parse(empty), DELAY_NONE);
    assert_int_equal(reject_reason_parse(empty), REJECT_NONE);
    assert_int_equal(subscription_source_parse(empty), SUBSCRIPTION_SOURCE_NONE);
    assert_int_equal(event_type_parse(empty), EVENT_UNKNOWN);
    assert_string_equal(bounce_subtype_name(SUBTYPE_NONE), "none");
}

static void other_spellings(void **state) {
    (void)state;
    assert_int_equal(delay_type_parse(span_of("BYOIP HostNameLookupUnavailable")),
                     DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE);
    assert_int_equal(reject_reason_parse(span_of("Bad Content")), REJECT_BAD_CONTENT);
    assert_int_equal(feedback_type_parse(span_of("other")), FEEDBACK_OTHER);
    assert_string_equal(subscription_change_name(CHANGE_UNSUBSCRIBE_ALL), "unsubscribe_all");
}

static void rates(void **state) {
    (void)state;
    struct rate_counts counts;
    for (int i = 0; i < RATE_COUNTERS; i++)
        counts.n[i] = 1000u + (unsigned)i;
    static const struct {
        enum rate rate;
        const char *name;
        uint64_t numerator, denominator;
    } cases[] = {
        {RATE_DELIVERY, "delivery", 1000 + COUNT_DELIVERED, 1000 + COUNT_SENT},
        {RATE_BOUNCE, "bounce", 1000 + COUNT_BOUNCED, 1000 + COUNT_SENT},
        {RATE_PERMANENT_BOUNCE, "permanent_bounce", 1000 + COUNT_PERMANENT, 1000 + COUNT_SENT},
        {RATE_TRANSIENT_BOUNCE, "transient_bounce", 1000 + COUNT_TRANSIENT, 1000 + COUNT_SENT},
        {RATE_REPUTATION_BOUNCE, "reputation_bounce", 1000 + COUNT_REPUTATION_BOUNCED, 1000 + COUNT_SENT_REPUTATION},
        {RATE_COMPLAINT, "complaint", 1000 + COUNT_COMPLAINED, 1000 + COUNT_DELIVERED_FEEDBACK},
        {RATE_DELAY, "delay", 1000 + COUNT_DELAYED, 1000 + COUNT_SENT},
        {RATE_REJECT, "reject", 1000 + COUNT_REJECTED, 2000 + COUNT_SENT + COUNT_REJECTED},
        {RATE_RENDERING_FAILURE, "rendering_failure", 1000 + COUNT_RENDERING_FAILED,
         2000 + COUNT_SENT + COUNT_RENDERING_FAILED},
        {RATE_UNSUBSCRIBE, "unsubscribe", 1000 + COUNT_OPTED_OUT, 1000 + COUNT_DELIVERED},
        {RATE_OPEN, "open", 1000 + COUNT_OPENED, 1000 + COUNT_DELIVERED},
        {RATE_PROXY_OPEN, "proxy_open", 1000 + COUNT_PROXY_OPENED, 1000 + COUNT_DELIVERED},
        {RATE_MACHINE_OPEN, "machine_open", 1000 + COUNT_MACHINE_OPENED, 1000 + COUNT_DELIVERED},
        {RATE_CLICK, "click", 1000 + COUNT_CLICKED, 1000 + COUNT_DELIVERED},
        {RATE_MACHINE_CLICK, "machine_click", 1000 + COUNT_MACHINE_CLICKED, 1000 + COUNT_DELIVERED},
    };
    assert_int_equal(COUNT(cases), RATES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum rate parsed;
        assert_string_equal(rate_name(cases[i].rate), cases[i].name);
        assert_true(rate_parse(cases[i].name, &parsed));
        assert_int_equal(parsed, cases[i].rate);
        assert_int_equal(rate_numerator(parsed, &counts), cases[i].numerator);
        assert_int_equal(rate_denominator(parsed, &counts), cases[i].denominator);
        double value;
        assert_true(rate_value(parsed, &counts, &value));
        assert_true(value == (double)cases[i].numerator / (double)cases[i].denominator);
        assert_true(strlen(rate_numerator_name(parsed)) && strlen(rate_denominator_name(parsed)));
    }
    enum rate parsed;
    assert_false(rate_parse("opens", &parsed));
    assert_false(rate_parse("", &parsed));
}

static void a_rate_without_denominator_is_absent(void **state) {
    (void)state;
    struct rate_counts counts = {.n[COUNT_BOUNCED] = 3};
    double value = 7;
    for (int r = 0; r < RATES; r++)
        assert_false(rate_value((enum rate)r, &counts, &value));
    assert_true(value == 7);
}

static void tallies_add_up(void **state) {
    (void)state;
    struct tally a = {0}, b;
    memset(&b, 0, sizeof b);
    uint64_t *words = (uint64_t *)&b;
    for (size_t i = 0; i < sizeof b / sizeof *words; i++)
        words[i] = i + 1;
    tally_add(&a, &b);
    tally_add(&a, &b);
    words = (uint64_t *)&a; /* every member is a counter: none may be forgotten */
    for (size_t i = 0; i < sizeof a / sizeof *words; i++)
        assert_int_equal(words[i], 2 * (i + 1));
}

static void accountings_add_up(void **state) {
    (void)state;
    struct accounting a = {0}, b;
    uint64_t *words = (uint64_t *)&b;
    for (size_t i = 0; i < sizeof b / sizeof *words; i++)
        words[i] = i + 1;
    accounting_add(&a, &b);
    accounting_add(&a, &b);
    words = (uint64_t *)&a;
    for (size_t i = 0; i < sizeof a / sizeof *words; i++)
        assert_int_equal(words[i], 2 * (i + 1));

    struct accounting good = {.read = 21, .counted = 1, .duplicate = 2, .late = 3, .future = 4, .filtered = 5};
    good.malformed[MALFORMED_NOT_JSON] = 2;
    good.malformed[MALFORMED_BAD_ENVELOPE] = 4;
    assert_int_equal(accounting_malformed(&good), 6);
    assert_true(accounting_holds(&good));
    good.read++;
    assert_false(accounting_holds(&good));
}

static void names_and_bounds(void **state) {
    (void)state;
    for (int r = 0; r < MALFORMED_REASONS; r++) {
        assert_true(strlen(malformed_reason_name((enum malformed_reason)r)) > 0);
        assert_true(strlen(malformed_reason_text((enum malformed_reason)r)) > 0);
        for (int q = 0; q < r; q++)
            assert_string_not_equal(malformed_reason_name((enum malformed_reason)r),
                                    malformed_reason_name((enum malformed_reason)q));
    }
    assert_string_equal(malformed_reason_name(MALFORMED_TRUNCATED), "truncated");
    for (size_t i = 1; i < DELIVERY_BUCKETS - 1; i++)
        assert_true(delivery_bucket_bounds[i] > delivery_bucket_bounds[i - 1]);
    assert_true(delivery_bucket_bounds[0] == 0.1 && delivery_bucket_bounds[DELIVERY_BUCKETS - 2] == 14400);
    const struct snapshot s = {.last_sends_name = "last_500"};
    assert_string_equal(snapshot_window_name(&s, WINDOW_5M), "5m");
    assert_string_equal(snapshot_window_name(&s, WINDOW_7D), "7d");
    assert_string_equal(snapshot_window_name(&s, WINDOW_LAST_SENDS), "last_500");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_types),
        cmocka_unit_test(enumerations),
        cmocka_unit_test(empty_is_none),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(rates),
        cmocka_unit_test(a_rate_without_denominator_is_absent),
        cmocka_unit_test(tallies_add_up),
        cmocka_unit_test(accountings_add_up),
        cmocka_unit_test(names_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
