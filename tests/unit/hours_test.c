/* collector/pipeline/hours, held against a plain table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pipeline/hours.h"
#include "unit/random_numbers.h"

enum { SPAN = 900, SERIES = 3, BEGIN = -100 };
#define SENT    (1u << COUNT_SENT)
#define BOUNCED (1u << COUNT_BOUNCED)

static uint32_t table[SERIES][SPAN][2]; /* sent, bounced */
static const uint64_t series[SERIES] = {CELL_ACCOUNT, CELL_PROVIDER | 3, CELL_PAIR(2, 5)};

static void fill(struct hours *h, uint64_t *seed) {
    memset(table, 0, sizeof table);
    for (int i = 0; i < 6000; i++) {
        unsigned s = below(seed, SERIES), hour = below(seed, SPAN), sent = below(seed, 20), bounced = below(seed, 3);
        struct cell_counts c = {0};
        c.n[COUNT_SENT] = sent;
        c.n[COUNT_BOUNCED] = bounced;
        c.n[COUNT_DELIVERED] = 1; /* nobody asks for it */
        hours_add_cell(h, BEGIN + (int)hour, series[s], &c);
        table[s][hour][0] += sent;
        table[s][hour][1] += bounced;
        if (table[s][hour][0] && below(seed, 10) == 0) { /* taken back */
            hours_amend(h, BEGIN + (int)hour, series[s], SENT, -1);
            table[s][hour][0]--;
        }
    }
}

static void assert_sums(const struct hours *h, int oldest, uint64_t *seed) {
    for (int i = 0; i < 2000; i++) {
        unsigned s = below(seed, SERIES);
        int first = oldest + (int)below(seed, (unsigned)(SPAN - oldest)), last = first + (int)below(seed, 200);
        struct rate_counts sum = {0}, truth = {0};
        hours_sum(h, series[s], BEGIN + first, BEGIN + last, &sum);
        for (int hour = first; hour <= last && hour < SPAN; hour++) {
            truth.n[COUNT_SENT] += table[s][hour][0];
            truth.n[COUNT_BOUNCED] += table[s][hour][1];
        }
        assert_memory_equal(&sum, &truth, sizeof sum);
    }
}

static void assert_latest(const struct hours *h, uint64_t *seed) {
    for (int i = 0; i < 500; i++) {
        unsigned s = below(seed, SERIES), wanted = 1 + below(seed, 9000);
        int last = SPAN - 1 - (int)below(seed, 50), hour = last;
        struct rate_counts sum = {0};
        uint64_t sent = 0, bounced = 0;
        hours_latest(h, series[s], BEGIN + last, wanted, &sum);
        for (; hour >= 0 && hour > last - HOURS_KEPT && sent < wanted; hour--) {
            sent += table[s][hour][0];
            bounced += table[s][hour][1];
        }
        assert_int_equal(sum.n[COUNT_SENT], sent);
        assert_int_equal(sum.n[COUNT_BOUNCED], bounced);
    }
}

static void as_a_table(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed * 31;
        struct hours h;
        hours_init(&h);
        hours_want(&h, SENT | BOUNCED, 1u << (CELL_ACCOUNT >> 56) | 1u << (CELL_PROVIDER >> 56) | 1u);
        fill(&h, &random);
        assert_sums(&h, 0, &random);
        assert_latest(&h, &random);
        hours_trim(&h, BEGIN + SPAN - 1);
        assert_sums(&h, SPAN - HOURS_KEPT, &random);
        assert_latest(&h, &random);
        struct rate_counts gone = {0}, none = {0};
        hours_sum(&h, CELL_ACCOUNT, BEGIN, BEGIN + SPAN - 1 - HOURS_KEPT, &gone);
        assert_memory_equal(&gone, &none, sizeof none);
        hours_deinit(&h);
    }
}

/* What nobody asked for is not kept. */
static void only_what_is_wanted(void **state) {
    (void)state;
    struct hours h;
    struct cell_counts c = {0};
    struct rate_counts sum = {0};
    c.n[COUNT_SENT] = c.n[COUNT_BOUNCED] = 5;
    hours_init(&h);
    hours_add_cell(&h, 10, CELL_ACCOUNT, &c);
    assert_int_equal(h.series.len, 0);
    hours_want(&h, BOUNCED, 1u << (CELL_ACCOUNT >> 56));
    hours_add_cell(&h, 10, CELL_ACCOUNT, &c);
    hours_add_cell(&h, 10, CELL_SET | 1, &c);
    c.n[COUNT_BOUNCED] = 0;
    hours_add_cell(&h, 9, CELL_ACCOUNT, &c);
    assert_int_equal(h.series.len, 1);
    assert_int_equal(hours_first(&h, CELL_ACCOUNT), 10);
    assert_true(hours_first(&h, CELL_SET | 1) == INT64_MAX);
    hours_sum(&h, CELL_ACCOUNT, 0, 20, &sum);
    assert_int_equal(sum.n[COUNT_BOUNCED], 5);
    assert_int_equal(sum.n[COUNT_SENT], 0);
    hours_deinit(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_table),
        cmocka_unit_test(only_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
