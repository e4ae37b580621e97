/* collector/alert/wilson: quantiles and the two ends of the interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "alert/wilson.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The quantiles are those of any table of the normal distribution; the bounds were computed by another program. */
static void confidence(void **unused) {
    (void)unused;
    static const struct {
        double confidence, z;
    } table[] = {{0.5, 0},          {0.6, 0.253347},  {0.75, 0.674490},  {0.9, 1.281552},   {0.95, 1.644854},
                 {0.975, 1.959964}, {0.99, 2.326348}, {0.995, 2.575829}, {0.999, 3.090232}, {0.9999, 3.719016}};
    for (size_t i = 0; i < COUNT(table); i++)
        assert_true(fabs(wilson_quantile(table[i].confidence) - table[i].z) < 2e-6);
}

/* The Wilson bound is where the score test is just at z: (p - x) = z sqrt(x (1 - x) / n). */
static void lower_bounds(void **unused) {
    (void)unused;
    static const uint64_t volumes[] = {1, 10, 200, 1000, 123456, 1000000000};
    static const double sures[] = {0.5, 0.8, 0.95, 0.9999};
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (size_t c = 0; c < COUNT(sures); c++)
            for (uint64_t tenth = 1; tenth <= 10; tenth++) {
                uint64_t part = volumes[v] * tenth / 10;
                double n = (double)volumes[v], p = (double)part / n;
                double x = wilson_lower(part, volumes[v], sures[c]);
                assert_true(x >= 0 && x <= p + 1e-12);
                assert_true(fabs((p - x) - wilson_quantile(sures[c]) * sqrt(x * (1 - x) / n)) < 1e-9);
            }
    assert_true(wilson_lower(0, 0, 0.95) == 0);
    assert_true(wilson_lower(0, 1000, 0.95) < 1e-15);
    assert_true(wilson_lower(20, 10, 0.5) == 1); /* rates whose parts come at different times */
    assert_true(fabs(wilson_lower(60, 1000, 0.95) - 0.048794) < 2e-6);
}

/* What is at most a share is, from the other side, what is at least its rest. */
static void upper_bounds(void **unused) {
    (void)unused;
    static const uint64_t volumes[] = {1, 10, 200, 123456};
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (uint64_t tenth = 0; tenth <= 10; tenth++) {
            uint64_t part = volumes[v] * tenth / 10;
            double upper = wilson_upper(part, volumes[v], 0.95);
            assert_true(fabs(upper - (1 - wilson_lower(volumes[v] - part, volumes[v], 0.95))) < 1e-12);
            assert_true(upper >= (double)part / (double)volumes[v] - 1e-12);
        }
    assert_true(wilson_upper(0, 0, 0.95) == 1);
    assert_true(wilson_upper(20, 10, 0.95) == 1);
}

/* Without a z it is the share, to the last bit: thresholds are reached by exactly that share. */
static void plain_shares(void **unused) {
    (void)unused;
    for (uint64_t part = 0; part <= 1000; part++) {
        assert_true(wilson_lower_z(part, 1000, 0) == (double)part / 1000);
        assert_true(wilson_upper_z(part, 1000, 0) == (double)part / 1000);
    }
    assert_true(wilson_lower_z(5, 50, 1.644854) < 0.05 && wilson_lower_z(6, 50, 1.644854) > 0.05);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidence),
        cmocka_unit_test(lower_bounds),
        cmocka_unit_test(upper_bounds),
        cmocka_unit_test(plain_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
