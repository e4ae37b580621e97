/* collector/alert/brake: when an incident pauses sending, when not, when sending goes on; and its state as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/brake.h"
#include "core/alloc.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define HOUR         (3600 * INT64_C(1000))
#define NOW          INT64_C(1795313670000)

static struct alert_rule rule_of(bool resume) {
    return (struct alert_rule){.name = "Bounces",
                               .severity = "critical",
                               .kind = ALERT_RATE_ABOVE,
                               .rate = RATE_BOUNCE,
                               .threshold = 0.05,
                               .brake = {.on = true, .min_volume = 1000, .confidence = 0.95, .resume = resume}};
}

static struct alert_row incident_of(uint64_t number, const char *set) {
    return (struct alert_row){.alertname = "Bounces",
                              .severity = "critical",
                              .scope = *set ? "configuration_set" : "account",
                              .provider = "",
                              .configuration_set = set,
                              .state = ALERT_FIRING,
                              .numerator = 200,
                              .denominator = 2000,
                              .incident = number};
}

static struct brake_state state;
static struct brake_limits limits;

static int begin(void **unused) {
    (void)unused;
    limits = (struct brake_limits){.max_per_day = 3};
    return 0;
}

static int end(void **unused) {
    (void)unused;
    brake_state_deinit(&state);
    return 0;
}

static void fires(uint64_t number, const char *set, bool resume, int64_t now, enum brake_decision wanted) {
    const struct alert_rule rule = rule_of(resume);
    const struct alert_row row = incident_of(number, set);
    assert_string_equal(brake_decision_name(brake_decide(&state, &limits, &rule, &row, now)),
                        brake_decision_name(wanted));
}

static void ends(uint64_t number, const char *set, bool resume, int64_t now, enum brake_decision wanted) {
    const struct alert_rule rule = rule_of(resume);
    struct alert_row row = incident_of(number, set);
    row.state = ALERT_RESOLVED;
    assert_string_equal(brake_decision_name(brake_decide(&state, &limits, &rule, &row, now)),
                        brake_decision_name(wanted));
}

/* "set", "(set)" when it is over, "?set" while it is not reached. */
static void expect_rows(const char *wanted) {
    struct brake_row rows[BRAKE_ROWS];
    char text[2048] = "";
    size_t count = brake_rows(&state, rows);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s%.64s%s", i ? " " : "", rows[i].over ? "(" : "",
                 rows[i].reached ? "" : "?", *rows[i].configuration_set ? rows[i].configuration_set : "account",
                 rows[i].over ? ")" : "");
    }
    assert_string_equal(text, wanted);
}

/* --- whether ------------------------------------------------------------------------------------------------------ */

static void floors(void **unused) {
    (void)unused;
    static const struct {
        uint64_t numerator, denominator;
        double confidence;
        enum brake_decision wanted;
    } cases[] = {
        {0, 0, 0.95, BRAKE_TOO_LITTLE},       {999, 999, 0.95, BRAKE_TOO_LITTLE}, {1000, 1000, 0.95, BRAKE_PAUSE},
        {50, 1000, 0.95, BRAKE_NOT_SURE},     {50, 1000, 0.5, BRAKE_PAUSE},       {49, 1000, 0.5, BRAKE_NOT_SURE},
        {61, 1000, 0.95, BRAKE_NOT_SURE},     {62, 1000, 0.95, BRAKE_PAUSE},      {62, 1000, 0.99, BRAKE_NOT_SURE},
        {5100, 100000, 0.95, BRAKE_NOT_SURE}, {5200, 100000, 0.95, BRAKE_PAUSE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct alert_rule rule = rule_of(false);
        struct alert_row row = incident_of(i + 1, "news");
        struct brake_state own = {0};
        rule.brake.confidence = cases[i].confidence;
        row.numerator = cases[i].numerator;
        row.denominator = cases[i].denominator;
        enum brake_decision d = brake_decide(&own, &limits, &rule, &row, NOW);
        if (d != cases[i].wanted)
            fail_msg("%zu: %s", i, brake_decision_name(d));
        assert_int_equal(own.count, d == BRAKE_PAUSE);
        brake_state_deinit(&own);
    }
}

static void what_can_be_paused(void **unused) {
    (void)unused;
    static const char *const bad[] = {
        "other",    "../account", "a b",
        "a/b",      "a%2fb",      "a.b",
        "\xc3\xa9", "a\n",        "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < COUNT(bad); i++)
        fires(i + 1, bad[i], false, NOW, BRAKE_NOT_ASKED);
    struct alert_rule rule = rule_of(false);
    struct alert_row row = incident_of(1, "");
    row.scope = "configuration_set"; /* mail that belongs to no set */
    assert_int_equal(brake_decide(&state, &limits, &rule, &row, NOW), BRAKE_NOT_ASKED);
    row = incident_of(1, "");
    row.scope = "provider";
    row.provider = "gmail";
    assert_int_equal(brake_decide(&state, &limits, &rule, &row, NOW), BRAKE_NOT_ASKED);
    row = incident_of(1, "news");
    row.held = true;
    assert_int_equal(brake_decide(&state, &limits, &rule, &row, NOW), BRAKE_NOT_ASKED);
    row.held = false;
    row.state = ALERT_PENDING;
    assert_int_equal(brake_decide(&state, &limits, &rule, &row, NOW), BRAKE_NOT_ASKED);
    row.state = ALERT_FIRING;
    assert_int_equal(brake_decide(&state, &limits, NULL, &row, NOW), BRAKE_NOT_ASKED);
    rule.brake.on = false;
    assert_int_equal(brake_decide(&state, &limits, &rule, &row, NOW), BRAKE_NOT_ASKED);
    assert_int_equal(state.count, 0);
    fires(1, "news", false, NOW, BRAKE_PAUSE);
    fires(2, "", false, NOW, BRAKE_PAUSE);
    fires(3, "1234567890123456789012345678901234567890123456789012345678901_-A", false, NOW, BRAKE_PAUSE);
    expect_rows("?news ?account ?1234567890123456789012345678901234567890123456789012345678901_-A");
}

static void so_many_a_day(void **unused) {
    (void)unused;
    fires(1, "a", false, NOW, BRAKE_PAUSE);
    fires(2, "b", false, NOW + 10 * HOUR, BRAKE_PAUSE);
    fires(3, "b", false, NOW + 10 * HOUR, BRAKE_PAUSED_ALREADY); /* counts for nothing */
    fires(4, "c", false, NOW + 11 * HOUR, BRAKE_PAUSE);
    fires(5, "d", false, NOW + 12 * HOUR, BRAKE_TOO_MANY);
    ends(2, "b", false, NOW + 12 * HOUR, BRAKE_STAYS);
    ends(3, "b", false, NOW + 12 * HOUR, BRAKE_NOT_ASKED); /* it never came to be */
    fires(5, "d", false, NOW + 24 * HOUR - 1, BRAKE_TOO_MANY);
    brake_prune(&state, NOW + 24 * HOUR - 1);
    fires(5, "d", false, NOW + 24 * HOUR - 1, BRAKE_TOO_MANY);
    fires(5, "d", false, NOW - 100 * HOUR, BRAKE_TOO_MANY); /* a clock that was set back */
    fires(5, "d", false, NOW + 24 * HOUR, BRAKE_PAUSE);
    fires(6, "e", false, NOW + 24 * HOUR, BRAKE_TOO_MANY);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void stays_paused(void **unused) {
    (void)unused;
    fires(1, "a", false, NOW, BRAKE_PAUSE);
    expect_rows("?a");
    assert_true(brake_wants(&state, "a", NOW));
    assert_false(brake_wants(&state, "a", NOW + 1));
    assert_true(brake_reached(&state, "a", BRAKE_REACHED));
    expect_rows("a");
    ends(1, "a", false, NOW + HOUR, BRAKE_STAYS);
    ends(1, "a", false, NOW + HOUR, BRAKE_NOT_ASKED); /* once */
    expect_rows("(a)");
    assert_false(brake_is_left_over(&state, "a"));
    fires(2, "a", true, NOW + 2 * HOUR, BRAKE_PAUSE); /* anew: it may have been enabled by hand */
    brake_reached(&state, "a", BRAKE_REACHED);
    expect_rows("a");
    ends(2, "a", true, NOW + 3 * HOUR, BRAKE_STAYS); /* the first one said so, for all we know */
    assert_true(brake_released(&state, "a"));
    expect_rows("");
    fires(3, "a", true, NOW + 4 * HOUR, BRAKE_PAUSE);
    brake_reached(&state, "a", BRAKE_REACHED);
    ends(3, "a", true, NOW + 5 * HOUR, BRAKE_RESUME);
}

static void goes_on(void **unused) {
    (void)unused;
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    brake_reached(&state, "a", BRAKE_REACHED);
    fires(2, "a", true, NOW + HOUR, BRAKE_PAUSED_ALREADY);
    ends(1, "a", true, NOW + 2 * HOUR, BRAKE_STAYS); /* the other one holds it */
    expect_rows("a");
    ends(2, "a", true, NOW + 3 * HOUR, BRAKE_RESUME);
    expect_rows("(a)");
    fires(3, "a", true, NOW + 4 * HOUR, BRAKE_PAUSE); /* before sending went on */
    assert_true(brake_resumed(&state, "a"));
    expect_rows("?a"); /* what is new is still to be paused */
    brake_reached(&state, "a", BRAKE_REACHED);
    expect_rows("a");
}

/* The rule was taken out of the configuration: nobody says resume. */
static void without_its_rule(void **unused) {
    (void)unused;
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    brake_reached(&state, "a", BRAKE_REACHED);
    struct alert_row row = incident_of(1, "a");
    row.state = ALERT_RESOLVED;
    assert_int_equal(brake_decide(&state, &limits, NULL, &row, NOW + HOUR), BRAKE_STAYS);
}

static void never_carried_out(void **unused) {
    (void)unused;
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    ends(1, "a", true, NOW + HOUR, BRAKE_NOT_ASKED); /* a person may have paused it: not ours to enable */
    assert_false(brake_wants(&state, "a", INT64_MIN));
    expect_rows("");
    assert_true(brake_given_up(&state, "a"));
    fires(2, "a", true, NOW, BRAKE_PAUSE);
    assert_false(brake_given_up(&state, "a")); /* wanted again */
    brake_reached(&state, "a", BRAKE_MAYBE);
    ends(2, "a", true, NOW + HOUR, BRAKE_RESUME); /* better once too often */
    brake_resumed(&state, "a");
    fires(3, "a", true, NOW, BRAKE_PAUSE);
    ends(3, "a", true, NOW + HOUR, BRAKE_NOT_ASKED);
    brake_reached(&state, "a", BRAKE_REACHED); /* it was in the air */
    assert_true(brake_is_left_over(&state, "a"));
}

/* A person let it go on while the incident fires: that is not undone. */
static void released(void **unused) {
    (void)unused;
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    brake_reached(&state, "a", BRAKE_REACHED);
    assert_true(brake_released(&state, "a"));
    assert_false(brake_released(&state, "a"));
    assert_true(brake_knows(&state, &limits, 1));
    expect_rows("");
    fires(2, "a", true, NOW, BRAKE_PAUSE); /* another incident is another matter */
    ends(1, "a", true, NOW + HOUR, BRAKE_NOT_ASKED);
    expect_rows("?a");
}

static void dry_run(void **unused) {
    (void)unused;
    limits.dry_run = true;
    limits.max_per_day = 2;
    fires(1, "a", true, NOW, BRAKE_WOULD_PAUSE);
    fires(2, "a", false, NOW, BRAKE_PAUSED_ALREADY);
    fires(3, "b", true, NOW, BRAKE_WOULD_PAUSE);
    fires(4, "c", true, NOW, BRAKE_TOO_MANY);
    expect_rows("");
    assert_false(brake_wants(&state, "a", INT64_MIN));
    assert_false(brake_reached(&state, "a", BRAKE_REACHED));
    ends(3, "b", true, NOW + HOUR, BRAKE_WOULD_RESUME);
    ends(1, "a", true, NOW + HOUR, BRAKE_NOT_ASKED);
    limits.dry_run = false; /* what was only said stands in nobody's way */
    assert_false(brake_knows(&state, &limits, 2));
    fires(2, "a", false, NOW + HOUR, BRAKE_PAUSE);
    assert_true(brake_knows(&state, &limits, 2));
    brake_reached(&state, "a", BRAKE_REACHED);
    fires(5, "b", true, NOW + HOUR, BRAKE_PAUSE);
    brake_reached(&state, "b", BRAKE_REACHED);
    expect_rows("a b");
    limits.dry_run = true; /* what was done is there, but nothing more is done */
    ends(5, "b", true, NOW + 2 * HOUR, BRAKE_WOULD_RESUME);
    expect_rows("a (b)");
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static void pruned(void **unused) {
    (void)unused;
    fires(1, "a", false, NOW, BRAKE_PAUSE);
    brake_reached(&state, "a", BRAKE_REACHED);
    assert_false(brake_prune(&state, NOW + 1000 * HOUR)); /* its incident goes on */
    ends(1, "a", false, NOW + 1000 * HOUR, BRAKE_STAYS);
    assert_false(brake_prune(&state, NOW + 1100 * HOUR));
    expect_rows("(a)");
    assert_true(brake_prune(&state, NOW + 1169 * HOUR));
    expect_rows("");
}

static bool odd_ones_fire(void *context, uint64_t incident) {
    (void)context;
    return incident % 2;
}

static void incidents_that_are_lost(void **unused) {
    (void)unused;
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    fires(2, "b", true, NOW, BRAKE_PAUSE);
    brake_reached(&state, "b", BRAKE_REACHED);
    assert_true(brake_close_others(&state, odd_ones_fire, NULL, NOW + HOUR));
    assert_false(brake_close_others(&state, odd_ones_fire, NULL, NOW + HOUR));
    expect_rows("?a (b)");
}

static char *encoded(void) {
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_true(brake_state_encode(&state, &text));
    char *copy = alloc_string(text.data, text.len);
    buf_deinit(&text);
    return copy;
}

static void over_a_restart(void **unused) {
    (void)unused;
    struct err err = {0};
    fires(1, "a", true, NOW, BRAKE_PAUSE);
    fires(2, "", false, NOW + 1, BRAKE_PAUSE);
    fires(UINT64_MAX, "a", true, NOW + 2, BRAKE_PAUSED_ALREADY);
    brake_reached(&state, "", BRAKE_MAYBE);
    brake_reached(&state, "a", BRAKE_REACHED);
    ends(2, "", false, NOW + HOUR, BRAKE_STAYS);
    char *before = encoded();
    brake_state_deinit(&state);
    assert_true(brake_state_decode(span_of(before), &state, &err));
    char *after = encoded();
    assert_string_equal(before, after);
    assert_string_equal(after, "brake 1\n"
                               "1 1795313670000 0 2 0 a\n"
                               "2 1795313670001 1795317270000 1 4 \n"
                               "18446744073709551615 1795313670002 0 2 2 a\n");
    fires(4, "b", false, NOW + HOUR, BRAKE_PAUSE);
    fires(5, "c", false, NOW + HOUR, BRAKE_TOO_MANY); /* those before the restart count */
    ends(1, "a", true, NOW + HOUR, BRAKE_STAYS);
    ends(UINT64_MAX, "a", true, NOW + HOUR, BRAKE_RESUME);
    free(before);
    free(after);
}

static void damaged(void **unused) {
    (void)unused;
    static const char *const texts[] = {"",
                                        "brake 2\n",
                                        "brake 1",
                                        "brake 1\n1 2 3 0 0 a",
                                        "brake 1\n1 2 3 0 0\n",
                                        "brake 1\n1 2 3 0 0 a b\n",
                                        "brake 1\n-1 2 3 0 0 a\n",
                                        "brake 1\n1 2 3 3 0 a\n",
                                        "brake 1\n1 2 3 0 16 a\n",
                                        "brake 1\n1 9223372036854775808 3 0 0 a\n",
                                        "brake 1\n18446744073709551616 2 3 0 0 a\n",
                                        "brake 1\n1 2 3 0 0 ../account\n",
                                        "brake 1\n1 2 3 0 0 a\n\n",
                                        ("brake 1\n1 2 3 0 0 "
                                         "12345678901234567890123456789012345678901234567890123456789012345\n")};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct err err = {0};
        if (brake_state_decode(span_of(texts[i]), &state, &err))
            fail_msg("taken: %s", texts[i]);
        assert_non_null(strstr(err.text, "damaged"));
        assert_int_equal(state.count, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {

        cmocka_unit_test_setup_teardown(floors, begin, end),
        cmocka_unit_test_setup_teardown(what_can_be_paused, begin, end),
        cmocka_unit_test_setup_teardown(so_many_a_day, begin, end),
        cmocka_unit_test_setup_teardown(stays_paused, begin, end),
        cmocka_unit_test_setup_teardown(goes_on, begin, end),
        cmocka_unit_test_setup_teardown(without_its_rule, begin, end),
        cmocka_unit_test_setup_teardown(never_carried_out, begin, end),
        cmocka_unit_test_setup_teardown(released, begin, end),
        cmocka_unit_test_setup_teardown(dry_run, begin, end),
        cmocka_unit_test_setup_teardown(pruned, begin, end),
        cmocka_unit_test_setup_teardown(incidents_that_are_lost, begin, end),
        cmocka_unit_test_setup_teardown(over_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(damaged, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
