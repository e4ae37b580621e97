/* Where an account stands with AWS, and how far it is to the next threshold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/reputation.h"

static void states_and_distances(void **state) {
    (void)state;
    const struct {
        enum reputation_kind kind;
        uint64_t numerator, denominator;
        enum reputation_state state;
        uint64_t to_next;
        double threshold;
    } cases[] = {
        {REPUTATION_BOUNCE, 0, 0, REPUTATION_UNKNOWN, 0, 0},
        {REPUTATION_BOUNCE, 0, 10000, REPUTATION_HEALTHY, 500, 0.05},
        {REPUTATION_BOUNCE, 499, 10000, REPUTATION_HEALTHY, 1, 0.05},
        {REPUTATION_BOUNCE, 500, 10000, REPUTATION_UNDER_REVIEW, 500, 0.10},
        {REPUTATION_BOUNCE, 999, 10000, REPUTATION_UNDER_REVIEW, 1, 0.10},
        {REPUTATION_BOUNCE, 1000, 10000, REPUTATION_AT_RISK, 0, 0},
        {REPUTATION_BOUNCE, 0, 1, REPUTATION_HEALTHY, 1, 0.05},
        {REPUTATION_BOUNCE, 1, 1, REPUTATION_AT_RISK, 0, 0},
        {REPUTATION_BOUNCE, 0, 10010, REPUTATION_HEALTHY, 501, 0.05}, /* 500.5 is rounded up */
        {REPUTATION_COMPLAINT, 0, 1000, REPUTATION_HEALTHY, 1, 0.001},
        {REPUTATION_COMPLAINT, 1, 1000, REPUTATION_UNDER_REVIEW, 4, 0.005},
        {REPUTATION_COMPLAINT, 5, 1000, REPUTATION_AT_RISK, 0, 0},
        {REPUTATION_COMPLAINT, 9, 10000, REPUTATION_HEALTHY, 1, 0.001},
        {REPUTATION_COMPLAINT, 7, 3, REPUTATION_AT_RISK, 0, 0}, /* complaints of mail that was sent before */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double threshold = -1;
        assert_int_equal(reputation_state_of(cases[i].kind, cases[i].numerator, cases[i].denominator), cases[i].state);
        assert_int_equal(reputation_to_next(cases[i].kind, cases[i].numerator, cases[i].denominator, &threshold),
                         cases[i].to_next);
        assert_true(threshold == cases[i].threshold);
    }
}

/* So many more do reach it, and one fewer does not: for every denominator, whatever doubles make of 0.05. */
static void distance_is_exact(void **state) {
    (void)state;
    for (int kind = 0; kind < REPUTATION_KINDS; kind++)
        for (uint64_t denominator = 1; denominator < 30000; denominator += 1 + denominator / 50) {
            double threshold;
            enum reputation_kind k = (enum reputation_kind)kind;
            uint64_t more = reputation_to_next(k, 0, denominator, &threshold);
            assert_int_equal(threshold * 1000000 + 0.5, reputation_review(k) * 1000000 + 0.5);
            assert_true(reputation_state_of(k, more, denominator) > REPUTATION_HEALTHY);
            assert_int_equal(reputation_state_of(k, more - 1, denominator), REPUTATION_HEALTHY);
            uint64_t per = kind == REPUTATION_BOUNCE ? 20 : 1000; /* 5 % and 0.1 %, in whole numbers */
            assert_int_equal(more, (denominator + per - 1) / per);
        }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(reputation_kind_name(REPUTATION_BOUNCE), "bounce");
    assert_string_equal(reputation_kind_name(REPUTATION_COMPLAINT), "complaint");
    assert_int_equal(reputation_rate(REPUTATION_BOUNCE), RATE_REPUTATION_BOUNCE);
    assert_int_equal(reputation_rate(REPUTATION_COMPLAINT), RATE_COMPLAINT);
    assert_string_equal(reputation_state_name(REPUTATION_AT_RISK), "at_risk");
    assert_string_equal(reputation_state_name(REPUTATION_UNDER_REVIEW), "under_review");
    assert_string_equal(reputation_state_name(REPUTATION_HEALTHY), "healthy");
    assert_string_equal(reputation_state_name(REPUTATION_UNKNOWN), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_distances),
        cmocka_unit_test(distance_is_exact),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
