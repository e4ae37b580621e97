/* collector/aggregate/cells: the time grid, held against a list of everything that was ever added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "model/snapshot.h"

#define MINUTES(n) ((int64_t)(n)*MINUTE_MS)
#define HOURS(n)   ((int64_t)(n)*HOUR_MS)
#define DAYS(n)    ((int64_t)(n)*DAY_MS)

enum { START_DAY = 20600 };
#define START (DAYS(START_DAY) + HOURS(13) + MINUTES(37) + 12345)

static uint64_t next_random(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static int64_t below(uint64_t *seed, int64_t limit) {
    return (int64_t)(next_random(seed) % (uint64_t)limit);
}

static void floors(void **state) {
    (void)state;
    static const struct {
        int64_t a, b, q;
    } cases[] = {{0, 60, 0},    {59, 60, 0},    {60, 60, 1},        {-1, 60, -1}, {-60, 60, -1},
                 {-61, 60, -2}, {-120, 60, -2}, {119999, 60000, 1}, {-1, 1, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(floor_div(cases[i].a, cases[i].b) == cases[i].q);
}

static void keys(void **state) {
    (void)state;
    uint64_t pair = CELL_PAIR(0xfffff, 0x3ff);
    assert_int_equal(CELL_PAIR_SET(pair), 0xfffff);
    assert_int_equal(CELL_PAIR_PROVIDER(pair), 0x3ff);
    assert_true(CELL_KIND(pair) == 0);
    const uint64_t kinds[] = {CELL_IDENTITY, CELL_PROVIDER, CELL_SET, CELL_ACCOUNT};
    for (size_t i = 0; i < 4; i++) {
        assert_true(CELL_KIND(kinds[i] | 0xffffffffu) == kinds[i]);
        assert_true(CELL_ID(kinds[i] | 77) == 77);
        for (size_t j = 0; j < i; j++)
            assert_true(kinds[i] != kinds[j]);
    }
}

/* --- the model ---------------------------------------------------------------------------------------------------- */

enum { MAX_ADDED = 20000, KEYS = 5 };

struct added {
    int64_t time_ms;
    uint64_t key;
    unsigned counters;
    int by;
};

struct model {
    struct added list[MAX_ADDED];
    size_t count;
    int64_t watermark_ms;
};

static void add_to_both(struct grid *g, struct model *m, struct added a) {
    assert_true(m->count < MAX_ADDED);
    grid_add(g, a.time_ms, a.key, a.counters, a.by);
    m->list[m->count++] = a;
}

static void advance_both(struct grid *g, struct model *m, int64_t to) {
    grid_advance(g, to);
    if (to > m->watermark_ms)
        m->watermark_ms = to;
}

/* The sum over a window by the words of docs/counting.md: all cells of the unit that it touches. */
static uint64_t model_sum(const struct model *m, int window, uint64_t key, int counter) {
    static const int64_t lengths[WINDOW_LAST_SENDS] = {MINUTES(5), MINUTES(60), HOURS(24), DAYS(7)};
    static const int64_t units[WINDOW_LAST_SENDS] = {MINUTE_MS, MINUTE_MS, HOUR_MS, DAY_MS};
    int64_t first = floor_div(m->watermark_ms - lengths[window], units[window]);
    uint64_t sum = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct added *a = &m->list[i];
        if (a->key == key && a->counters & 1u << counter && floor_div(a->time_ms, units[window]) >= first)
            sum += (uint64_t)a->by;
    }
    return sum;
}

static void compare(const struct grid *g, const struct model *m) {
    for (int window = 0; window < WINDOW_LAST_SENDS; window++) {
        struct map sums;
        map_init(&sums, sizeof(struct rate_counts));
        grid_window(g, window, &sums);
        for (uint64_t key = 0; key < KEYS; key++) {
            const struct rate_counts *c = map_get(&sums, key);
            for (int i = 0; i < RATE_COUNTERS; i++)
                assert_int_equal(c ? c->n[i] : 0, model_sum(m, window, key, i));
        }
        assert_true(sums.len <= KEYS);
        map_deinit(&sums);
    }
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

static uint64_t in_window(const struct grid *g, int window) {
    struct map sums;
    map_init(&sums, sizeof(struct rate_counts));
    grid_window(g, window, &sums);
    const struct rate_counts *c = map_get(&sums, 1);
    uint64_t n = c ? c->n[COUNT_SENT] : 0;
    map_deinit(&sums);
    return n;
}

static void nothing_yet(void **state) {
    (void)state;
    struct grid *g = calloc(1, sizeof *g);
    grid_init(g);
    for (int w = 0; w < WINDOW_LAST_SENDS; w++)
        assert_int_equal(in_window(g, w), 0);
    grid_deinit(g);
    free(g);
}

/* One event, and how long each window holds it while time moves on. */
static void leaves_its_windows(void **state) {
    (void)state;
    static const struct {
        int64_t later;
        int held[WINDOW_LAST_SENDS];
    } cases[] = {
        {0, {1, 1, 1, 1}},
        {MINUTES(5), {1, 1, 1, 1}}, /* the cells that the window touches */
        {MINUTES(6), {0, 1, 1, 1}},
        {MINUTES(60), {0, 1, 1, 1}},
        {MINUTES(61), {0, 0, 1, 1}},
        {HOURS(24), {0, 0, 1, 1}},
        {HOURS(24) + MINUTES(22), {0, 0, 1, 1}},
        {HOURS(24) + MINUTES(23), {0, 0, 0, 1}}, /* 13:37 the day after, past 14:00 */
        {DAYS(7) + HOURS(10), {0, 0, 0, 1}},
        {DAYS(7) + HOURS(11), {0, 0, 0, 0}},
        {DAYS(1000), {0, 0, 0, 0}},
    };
    for (int jump = 0; jump < 2; jump++) {
        struct grid *g = calloc(1, sizeof *g);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            if (i == 0 || jump) { /* in one jump, or by and by */
                if (i)
                    grid_deinit(g);
                grid_init(g);
                grid_advance(g, START);
                grid_add(g, START, 1, 1u << COUNT_SENT, 1);
            }
            grid_advance(g, START + cases[i].later);
            for (int w = 0; w < WINDOW_LAST_SENDS; w++)
                assert_int_equal(in_window(g, w), cases[i].held[w]);
        }
        grid_deinit(g);
        free(g);
    }
}

static void never_moves_back(void **state) {
    (void)state;
    struct grid *g = calloc(1, sizeof *g);
    grid_init(g);
    grid_advance(g, START);
    grid_add(g, START, 1, 1u << COUNT_SENT, 1);
    grid_advance(g, START + HOURS(3));
    grid_advance(g, START);
    assert_int_equal(in_window(g, WINDOW_1H), 0);
    assert_int_equal(in_window(g, WINDOW_24H), 1);
    grid_deinit(g);
    free(g);
}

/* What was added is taken away again, wherever it lies by then. */
static void taken_away(void **state) {
    (void)state;
    static const int64_t later[] = {0, MINUTES(1), MINUTES(119), MINUTES(180), HOURS(74), HOURS(90), DAYS(6)};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        struct grid *g = calloc(1, sizeof *g);
        grid_init(g);
        grid_advance(g, START);
        grid_add(g, START, 1, 1u << COUNT_SENT, 1);
        grid_add(g, START, 1, 1u << COUNT_SENT, 1);
        grid_advance(g, START + later[i]);
        grid_add(g, START, 1, 1u << COUNT_SENT, -1);
        assert_int_equal(in_window(g, WINDOW_7D), 1);
        grid_add(g, START, 1, 1u << COUNT_SENT, -1);
        assert_int_equal(in_window(g, WINDOW_7D), 0);
        grid_deinit(g);
        free(g);
    }
}

/* --- at random ---------------------------------------------------------------------------------------------------- */

/* How far the watermark moves: mostly a little, now and then very far. */
static int64_t random_step(uint64_t *seed) {
    switch (below(seed, 12)) {
    case 0:
        return below(seed, HOURS(3));
    case 1:
        return below(seed, DAYS(2));
    case 2:
        return below(seed, 20) ? HOURS(1) : DAYS(below(seed, 900));
    case 3:
        return below(seed, 8) ? 0 : DAYS(below(seed, 10));
    default:
        return below(seed, MINUTES(4));
    }
}

static int64_t random_age(uint64_t *seed) {
    switch (below(seed, 6)) {
    case 0:
        return below(seed, DAYS(9));
    case 1:
        return below(seed, DAYS(4));
    case 2:
        return below(seed, HOURS(80));
    case 3:
        return below(seed, MINUTES(130));
    default:
        return below(seed, MINUTES(8));
    }
}

static void random_life(uint64_t seed, int64_t start, int steps) {
    struct grid *g = calloc(1, sizeof *g);
    struct model *m = calloc(1, sizeof *m);
    grid_init(g);
    m->watermark_ms = INT64_MIN;
    advance_both(g, m, start);
    for (int i = 0; i < steps; i++) {
        advance_both(g, m, m->watermark_ms + random_step(&seed));
        for (int64_t n = below(&seed, 6); n > 0; n--) {
            struct added a = {.time_ms = m->watermark_ms - random_age(&seed),
                              .key = (uint64_t)below(&seed, KEYS),
                              .counters = (unsigned)below(&seed, 1 << RATE_COUNTERS),
                              .by = 1};
            add_to_both(g, m, a);
            if (below(&seed, 4) == 0) { /* and something that was added before goes again */
                struct added *old = &m->list[below(&seed, (int64_t)m->count)];
                if (old->by == 1 && old->time_ms > m->watermark_ms - DAYS(300)) {
                    struct added back = *old;
                    old->by = 2; /* spent: 2 and -1 are one */
                    grid_add(g, old->time_ms, old->key, old->counters, 1);
                    back.by = -1;
                    add_to_both(g, m, back);
                }
            }
        }
        if (i % 5 == 0 || i == steps - 1)
            compare(g, m);
    }
    grid_deinit(g);
    free(g);
    free(m);
}

static void against_the_model(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        random_life(seed, START, 500);
    random_life(100, -DAYS(3) - 1, 300); /* across 1970 */
}

/* Where a count lies depends on its age alone: the same events, added early or as late as may be, leave equal grids. */
static void order_does_not_matter(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct grid *early = calloc(1, sizeof *early), *late = calloc(1, sizeof *late);
        struct model *m = calloc(1, sizeof *m);
        grid_init(early);
        grid_init(late);
        grid_advance(early, START);
        grid_advance(late, START);
        int64_t now = START;
        uint64_t random = seed;
        for (int i = 0; i < 400; i++) {
            now += random_step(&random);
            grid_advance(early, now);
            struct added a = {now, (uint64_t)below(&random, KEYS), (unsigned)below(&random, 1 << RATE_COUNTERS), 1};
            add_to_both(early, m, a);
        }
        grid_advance(late, now);
        for (size_t i = m->count; i-- > 0;)
            grid_add(late, m->list[i].time_ms, m->list[i].key, m->list[i].counters, 1);
        m->watermark_ms = now;
        compare(early, m);
        compare(late, m);
        grid_deinit(early);
        grid_deinit(late);
        free(early);
        free(late);
        free(m);
    }
}

/* Every count is in exactly one cell, and the younger ones come first. */
static void newest_first(void **state) {
    (void)state;
    static const int64_t ages[] = {0,          MINUTES(184), MINUTES(185), HOURS(5),  HOURS(842),
                                   HOURS(843), DAYS(300),    DAYS(399),    DAYS(1000)};
    struct grid *g = calloc(1, sizeof *g);
    grid_init(g);
    assert_null(grid_newest(g, 0));
    grid_advance(g, START);
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++)
        grid_add(g, START - ages[i], i, 1u << COUNT_SENT, 1);
    size_t seen = 0;
    for (int age = 0; age < GRID_CELLS; age++) {
        const struct map *cells = grid_newest(g, age);
        uint64_t key;
        void *value;
        size_t of_cell = 0;
        for (size_t at = 0; cells && map_next(cells, &at, &key, &value);)
            of_cell++;
        for (size_t i = seen; i < seen + of_cell; i++)
            assert_non_null(map_get(cells, i));
        seen += of_cell;
    }
    assert_int_equal(seen, sizeof ages / sizeof ages[0] - 1); /* the last one was too old */
    grid_deinit(g);
    free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floors),
        cmocka_unit_test(keys),
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(leaves_its_windows),
        cmocka_unit_test(never_moves_back),
        cmocka_unit_test(taken_away),
        cmocka_unit_test(against_the_model),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
