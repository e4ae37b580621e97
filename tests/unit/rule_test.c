/* collector/alert/rule: the states of a rule on one series, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "alert/rule.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define START        ((int64_t)1795304040000)

/* 10 % and more of at least 100; clear under 8 %. */
static const struct alert_rule plain = {.name = "Plain",
                                        .rate = RATE_BOUNCE,
                                        .window = 60,
                                        .threshold = 0.10,
                                        .clear = 0.08,
                                        .min_volume = 100,
                                        .event = EVENT_TYPES};

static enum alert_change step_with(const struct alert_rule *rule, struct alert_status *status, int64_t now_ms,
                                   uint64_t numerator, uint64_t denominator) {
    const struct alert_reading reading = {.numerator = numerator, .denominator = denominator};
    return alert_step(rule, status, now_ms, &reading);
}

struct step {
    int minute;
    uint64_t numerator, denominator;
    enum alert_change change;
};

struct story {
    const char *name;
    int for_minutes, keep_firing_minutes;
    enum alert_kind kind;
    struct step steps[14]; /* the rest are of minute 0 */
};

#define SAME     ALERT_SAME
#define PENDING  ALERT_BECAME_PENDING
#define FIRED    ALERT_FIRED
#define RESOLVED ALERT_RESOLVED_NOW
#define CANCEL   ALERT_CANCELLED

static const struct story stories[] = {
    {"below the threshold nothing happens", 0, 0, ALERT_RATE_ABOVE, {{1, 0, 100, SAME}, {2, 9, 100, SAME}}},
    {"at the threshold it fires, and resolves under the lower one",
     0,
     0,
     ALERT_RATE_ABOVE,
     {{1, 9, 100, SAME}, {2, 10, 100, FIRED}, {3, 11, 100, SAME}, {4, 7, 100, RESOLVED}, {5, 7, 100, SAME}}},
    {"between the two it goes on as it was",
     0,
     0,
     ALERT_RATE_ABOVE,
     {{1, 9, 100, SAME},
      {2, 10, 100, FIRED},
      {3, 9, 100, SAME},
      {4, 8, 100, SAME},
      {5, 7, 100, RESOLVED},
      {6, 9, 100, SAME},
      {7, 10, 100, FIRED}}},
    {"too little volume does not fire",
     0,
     0,
     ALERT_RATE_ABOVE,
     {{1, 99, 99, SAME}, {2, 0, 0, SAME}, {3, 10, 100, FIRED}}},
    {"too little volume is clear", 0, 0, ALERT_RATE_ABOVE, {{1, 50, 100, FIRED}, {2, 50, 99, RESOLVED}}},
    {"nothing at all is clear", 0, 0, ALERT_RATE_ABOVE, {{1, 50, 100, FIRED}, {2, 0, 0, RESOLVED}}},
    {"it must hold for a while",
     5,
     0,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING}, {2, 10, 100, SAME}, {5, 10, 100, SAME}, {6, 10, 100, FIRED}, {7, 10, 100, SAME}}},
    {"looked at seldom it fires when enough time has passed",
     5,
     0,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING}, {90, 10, 100, FIRED}}},
    {"it is cancelled when it does not hold on",
     5,
     0,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING},
      {5, 9, 100, CANCEL},
      {6, 9, 100, SAME},
      {7, 10, 100, PENDING},
      {11, 10, 100, SAME},
      {12, 10, 100, FIRED}}},
    {"pending knows no lower threshold: 9 of 100 cancel it",
     5,
     0,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING}, {2, 9, 100, CANCEL}}},
    {"pending is cancelled when the volume falls",
     5,
     0,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING}, {2, 10, 99, CANCEL}, {3, 99, 99, SAME}}},
    {"it goes on until it was clear for a while",
     0,
     10,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, FIRED}, {2, 7, 100, SAME}, {11, 7, 100, SAME}, {12, 7, 100, RESOLVED}, {13, 7, 100, SAME}}},
    {"what comes back in between begins that while anew",
     0,
     10,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, FIRED},
      {2, 7, 100, SAME},
      {11, 8, 100, SAME},
      {12, 7, 100, SAME},
      {21, 7, 100, SAME},
      {22, 7, 100, RESOLVED},
      {23, 10, 100, FIRED}}},
    {"both at once",
     2,
     3,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING},
      {2, 10, 100, SAME},
      {3, 20, 100, FIRED},
      {4, 0, 0, SAME},
      {5, 0, 0, SAME},
      {6, 0, 0, SAME},
      {7, 0, 0, RESOLVED},
      {8, 10, 100, PENDING},
      {9, 0, 100, CANCEL}}},
    {"stepping twice in a minute changes nothing",
     1,
     1,
     ALERT_RATE_ABOVE,
     {{1, 10, 100, PENDING},
      {1, 10, 100, SAME},
      {2, 10, 100, FIRED},
      {2, 10, 100, SAME},
      {3, 0, 100, SAME},
      {3, 0, 100, SAME},
      {4, 0, 100, RESOLVED},
      {4, 0, 100, SAME}}},
    {"silence after enough events",
     0,
     0,
     ALERT_SILENCE,
     {{1, 1, 100, SAME},
      {2, 0, 99, SAME},
      {3, 0, 100, FIRED},
      {4, 0, 50, SAME},
      {5, 0, 0, SAME},
      {6, 1, 0, RESOLVED},
      {7, 0, 99, SAME}}},
    {"silence that must last",
     2,
     0,
     ALERT_SILENCE,
     {{1, 0, 100, PENDING},
      {2, 0, 100, SAME},
      {3, 0, 100, FIRED},
      {4, 5, 0, RESOLVED},
      {5, 0, 500, PENDING},
      {6, 1, 500, CANCEL}}},
};

static void stories_are_followed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct alert_rule rule = plain;
        rule.for_minutes = stories[i].for_minutes;
        rule.keep_firing_minutes = stories[i].keep_firing_minutes;
        rule.kind = stories[i].kind;
        struct alert_status s = {0};
        for (size_t j = 0; j < COUNT(stories[i].steps) && stories[i].steps[j].minute; j++) {
            const struct step *step = &stories[i].steps[j];
            enum alert_change change =
                step_with(&rule, &s, START + step->minute * 60000, step->numerator, step->denominator);
            if (change != step->change)
                print_error("%s: minute %d\n", stories[i].name, step->minute);
            assert_int_equal(change, step->change);
            if (change == ALERT_RESOLVED_NOW)
                s = (struct alert_status){0};
            if (change == ALERT_CANCELLED)
                assert_memory_equal(&s, &(struct alert_status){0}, sizeof s);
        }
    }
}

/* What is kept of the moment it fired. */
static void remembers_the_moment(void **state) {
    (void)state;
    struct alert_rule rule = plain;
    rule.for_minutes = 2;
    struct alert_status s = {0};
    step_with(&rule, &s, START, 10, 100);
    assert_true(s.active_ms == START && s.fired_ms == 0);
    step_with(&rule, &s, START + 60000, 20, 100);
    assert_true(s.active_ms == START && s.fired_ms == 0);
    assert_int_equal(step_with(&rule, &s, START + 120000, 30, 200), ALERT_FIRED);
    step_with(&rule, &s, START + 180000, 90, 100);
    assert_true(s.active_ms == START && s.fired_ms == START + 120000);
    assert_true(s.value > 0.1499 && s.value < 0.1501);
    assert_int_equal(s.numerator, 30);
    assert_int_equal(s.denominator, 200);
    rule.kind = ALERT_SILENCE;
    s = (struct alert_status){0};
    rule.for_minutes = 0;
    assert_int_equal(step_with(&rule, &s, START, 0, 150), ALERT_FIRED);
    assert_true(s.value == 0);
    assert_int_equal(s.denominator, 150);
}

/* A threshold is reached by exactly that share, at any size. */
static void exact_thresholds(void **state) {
    (void)state;
    static const double thresholds[] = {0.05, 0.10, 0.001, 0.005};
    for (size_t i = 0; i < COUNT(thresholds); i++)
        for (uint64_t n = 1000; n <= 100000000; n *= 10) {
            struct alert_rule rule = plain;
            rule.threshold = rule.clear = thresholds[i];
            struct alert_status s = {0};
            uint64_t at = (uint64_t)((double)n * thresholds[i] + 0.5);
            assert_int_equal(step_with(&rule, &s, START, at - 1, n), ALERT_SAME);
            assert_int_equal(step_with(&rule, &s, START, at, n), ALERT_FIRED);
        }
}

/* A rule without a least volume still needs something to divide by. */
static void no_least_volume(void **state) {
    (void)state;
    struct alert_rule rule = plain;
    struct alert_status s = {0};
    rule.min_volume = 0;
    assert_int_equal(step_with(&rule, &s, START, 0, 0), ALERT_SAME);
    assert_int_equal(step_with(&rule, &s, START, 1, 0), ALERT_SAME);
    assert_int_equal(step_with(&rule, &s, START, 1, 1), ALERT_FIRED);
    rule.kind = ALERT_SILENCE;
    s = (struct alert_status){0};
    assert_int_equal(step_with(&rule, &s, START, 0, 0), ALERT_SAME);
}

static void default_rules(void **state) {
    (void)state;
    size_t count;
    const struct alert_rule *rules = alert_default_rules(&count);
    assert_int_equal(count, 9);
    for (size_t i = 0; i < count; i++) {
        const struct alert_rule *r = &rules[i];
        assert_true(r->name && r->severity && r->summary && r->window_name && r->scopes);
        assert_true(r->kind == ALERT_DROP ? r->clear >= r->factor : r->clear <= r->threshold);
        assert_true(r->window > 0 && (r->window <= 120 || r->window % 60 == 0));
        assert_true(r->min_volume > 0);
    }
    static const struct {
        const char *name, *severity;
        enum rate rate;
        double above;
    } aws[] = {
        {"HighBounceRate", "warning", RATE_BOUNCE, 0.05},
        {"HighBounceRate", "critical", RATE_BOUNCE, 0.10},
        {"HighComplaintRate", "warning", RATE_COMPLAINT, 0.001},
        {"HighComplaintRate", "critical", RATE_COMPLAINT, 0.005},
    };
    for (size_t i = 0; i < COUNT(aws); i++) {
        assert_string_equal(rules[i].name, aws[i].name);
        assert_string_equal(rules[i].severity, aws[i].severity);
        assert_int_equal(rules[i].rate, aws[i].rate);
        assert_true(rules[i].threshold == aws[i].above);
        assert_int_equal(rules[i].kind, ALERT_RATE_ABOVE);
    }
    assert_int_equal(rules[4].kind, ALERT_SILENCE);
    assert_string_equal(alert_scope_name(SCOPE_ACCOUNT), "account");
    assert_string_equal(alert_scope_name(SCOPE_PROVIDER), "provider");
    assert_string_equal(alert_scope_name(SCOPE_CONFIGURATION_SET), "configuration_set");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_are_followed), cmocka_unit_test(remembers_the_moment),
        cmocka_unit_test(exact_thresholds),     cmocka_unit_test(no_least_volume),
        cmocka_unit_test(default_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
