/* sinks/remote_write_series: numbers for labels, and what is forgotten. */
#include "sinks/remote_write_series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

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

static void give(struct remote_series *s, const char *id, int64_t time_ms) {
    struct exemplar x = {exemplar_message(span_of(id)), 1, time_ms};
    remote_series_exemplar(s, &x);
    memset(&x, 'x', sizeof x); /* it has a copy */
}

/* Takes the one that waits, as whoever makes requests does; NULL: none waits. */
static void expect_waiting(struct remote_series *s, const char *id, int64_t time_ms) {
    assert_int_equal(s->exemplar_waits, id != NULL);
    if (id) {
        assert_true(s->exemplar->message == exemplar_message(span_of(id)));
        assert_int_equal(s->exemplar->time_ms, time_ms);
    }
    s->exemplar_waits = false;
}

/* Their times rise, and each waits once, however often it is shown. */
static void exemplars_wait_once(void **state) {
    (void)state;
    struct remote_series_table table;
    remote_series_init(&table);
    uint32_t number = remote_series_find(&table, SPAN_LIT("a"), NULL);
    struct remote_series *s = &table.series[number];
    expect_waiting(s, NULL, 0);
    assert_null(s->exemplar);
    give(s, "first", -5); /* also before 1970 */
    expect_waiting(s, "first", -5);
    give(s, "first", -5);
    expect_waiting(s, NULL, 0);
    give(s, "same-time", -5);
    expect_waiting(s, NULL, 0);
    give(s, "older", -6);
    expect_waiting(s, NULL, 0);
    give(s, "later", 7);
    give(s, "latest", 9); /* before the one was taken: only the latest is sent */
    give(s, "between", 8);
    expect_waiting(s, "latest", 9);
    give(s, "latest", 9);
    expect_waiting(s, NULL, 0);
    give(s, "next", 10);
    give(s, "next", 10);
    expect_waiting(s, "next", 10);
    remote_series_deinit(&table);
}

/* A series that went and comes again knows nothing of before; others keep theirs. */
static void exemplars_go_with_their_series(void **state) {
    (void)state;
    struct remote_series_table table;
    remote_series_init(&table);
    uint32_t gone = remote_series_find(&table, SPAN_LIT("gone"), NULL);
    uint32_t kept = remote_series_find(&table, SPAN_LIT("kept"), NULL);
    give(&table.series[gone], "a", 100);
    give(&table.series[kept], "b", 200);
    table.series[gone].round = 1;
    table.series[kept].round = 2;
    remote_series_sweep(&table, 2);
    assert_int_equal(table.used, 1);
    expect_waiting(&table.series[kept], "b", 200);
    uint32_t again = remote_series_find(&table, SPAN_LIT("gone"), NULL);
    expect_waiting(&table.series[again], NULL, 0);
    give(&table.series[again], "c", 50);
    expect_waiting(&table.series[again], "c", 50);
    remote_series_deinit(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_come_and_go),
        cmocka_unit_test(exemplars_wait_once),
        cmocka_unit_test(exemplars_go_with_their_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
