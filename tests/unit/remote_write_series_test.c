/* sinks/remote_write_series: numbers for labels, and what is forgotten. */
#include "sinks/remote_write_series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

static void series_come_and_go(void **state) {
    (void)state;
    struct remote_series_table table;
    remote_series_init(&table);
    for (unsigned round = 1; round <= 50; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            char labels[32];
            snprintf(labels, sizeof labels, "%u", i + round * 100);
            uint32_t n = remote_series_find(&table, span_of(labels), NULL);
            assert_int_equal(remote_series_find(&table, span_of(labels), NULL), n);
            assert_string_equal(table.series[n].labels, labels);
            table.series[n].round = round;
        }
        remote_series_sweep(&table, round);
        assert_int_equal(table.used, 2000);
    }
    assert_true(table.count < 2200); /* places are used again */
    remote_series_deinit(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
