/* collector/core/map, what it remembers of its changes, held against plain lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/map.h"
#include "unit/random_numbers.h"

enum { KEYS = 3000 };

/* A plain map over the numbers below KEYS: key i stands for key_of(i). */
struct model {
    bool is_there[KEYS], is_changed[KEYS];
    uint32_t value[KEYS];
    size_t count, changed;
};

static uint64_t key_of(unsigned i) {
    return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 40 : UINT64_MAX - 1 - i;
}

static unsigned number_of(uint64_t key) {
    if (key < KEYS)
        return (unsigned)key;
    return key >= UINT64_MAX - 1 - KEYS ? (unsigned)(UINT64_MAX - 1 - key) : (unsigned)(key >> 40);
}

static void model_put(struct model *m, unsigned i, uint32_t value) {
    m->count += !m->is_there[i];
    m->changed += !m->is_changed[i];
    m->is_there[i] = m->is_changed[i] = true;
    m->value[i] = value;
}

static void compare(const struct map *map, const struct model *m) {
    assert_int_equal(map->len, m->count);
    assert_int_equal(map->changed_count, m->changed);
    static bool seen[KEYS];
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < map->changed_count; i++) {
        unsigned n = number_of(map->changed[i]);
        assert_true(map->changed[i] == key_of(n));
        assert_true(m->is_changed[n]);
        assert_false(seen[n]); /* once each */
        seen[n] = true;
    }
    size_t visited = 0;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(map, &at, &key, &value); visited++)
        assert_int_equal(*(uint32_t *)value, m->value[number_of(key)]);
    assert_int_equal(visited, m->count);
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(map_get(map, key_of(i)) != NULL, m->is_there[i]);
}

static void put(struct map *map, struct model *m, unsigned i, uint32_t value) {
    *(uint32_t *)map_put(map, key_of(i)) = value;
    model_put(m, i, value);
}

static void at_random(void **state) {
    (void)state;
    for (uint64_t run = 1; run <= 20; run++) {
        static struct model m;
        struct map map;
        uint64_t seed = run;
        memset(&m, 0, sizeof m);
        map_init(&map, sizeof(uint32_t));
        map_track(&map);
        unsigned reach = 1 + below(&seed, KEYS);
        for (int step = 0; step < 4000; step++) {
            unsigned what = below(&seed, 1000);
            if (what == 0) {
                map_clear(&map);
                memset(&m, 0, sizeof m);
            } else if (what < 8) {
                map_forget_changes(&map);
                memset(m.is_changed, 0, sizeof m.is_changed);
                m.changed = 0;
            } else {
                put(&map, &m, below(&seed, reach), (uint32_t)step);
            }
            if (step % 400 == 0)
                compare(&map, &m);
        }
        compare(&map, &m);
        map_deinit(&map);
    }
}

/* What was forgotten before the table grew stays forgotten; what was not is still known. */
static void over_growth(void **state) {
    (void)state;
    static struct model m;
    struct map map;
    map_init(&map, sizeof(uint32_t));
    map_track(&map);
    for (unsigned i = 0; i < 5; i++)
        put(&map, &m, i, i);
    map_forget_changes(&map);
    memset(m.is_changed, 0, sizeof m.is_changed);
    m.changed = 0;
    put(&map, &m, 2, 7);
    for (unsigned i = 100; i < 1100; i++)
        put(&map, &m, i, i);
    compare(&map, &m);
    put(&map, &m, 4, 1); /* again known as changed, once */
    put(&map, &m, 4, 2);
    compare(&map, &m);
    map_deinit(&map);
}

/* Tracking begins in the middle: what is there is no change; a map that is empty, or cleared, tracks from the start. */
static void begun_late(void **state) {
    (void)state;
    struct map map;
    map_init(&map, sizeof(uint32_t));
    for (uint64_t i = 0; i < 50; i++)
        map_put(&map, i);
    assert_int_equal(map.changed_count, 0);
    map_track(&map);
    assert_int_equal(map.changed_count, 0);
    map_put(&map, 7);
    map_track(&map); /* twice does no harm */
    map_put(&map, 7);
    assert_int_equal(map.changed_count, 1);
    assert_true(map.changed[0] == 7);
    map_clear(&map);
    assert_int_equal(map.changed_count, 0);
    map_forget_changes(&map);
    map_put(&map, 0);
    assert_int_equal(map.changed_count, 1);
    map_deinit(&map);
    map_init(&map, 1);
    map_put(&map, 1);
    assert_int_equal(map.changed_count, 0);
    assert_null(map.is_changed); /* nobody asked */
    map_deinit(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_random),
        cmocka_unit_test(over_growth),
        cmocka_unit_test(begun_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
