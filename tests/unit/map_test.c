/* collector/core/map against a list of pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/map.h"
#include "random_numbers.h"

static void map_basics(void **state) {
    (void)state;
    struct map m;
    map_init(&m, 12); /* a size that is no power of two */
    assert_null(map_get(&m, 0));
    unsigned char *v = map_put(&m, 0); /* 0 is a legal key */
    for (int i = 0; i < 12; i++)
        assert_int_equal(v[i], 0);
    memset(v, 7, 12);
    assert_int_equal(((unsigned char *)map_get(&m, 0))[11], 7);
    assert_int_equal(((unsigned char *)map_put(&m, 0))[11], 7);
    assert_int_equal(((unsigned char *)map_put(&m, UINT64_MAX - 1))[0], 0);
    assert_int_equal(m.len, 2);
    assert_null(map_get(&m, 1));
    assert_true(map_memory(&m) >= 2 * (8 + 12));
    map_clear(&m);
    assert_null(map_get(&m, 0));
    assert_int_equal(m.len, 0);
    assert_int_equal(((unsigned char *)map_put(&m, 0))[11], 0);
    map_deinit(&m);
}

/* The model: a list of pairs. Keys from a small range, so that most come again. */
struct pair {
    uint64_t key, value;
};

static struct pair *model_find(struct pair *pairs, size_t count, uint64_t key) {
    for (size_t i = 0; i < count; i++)
        if (pairs[i].key == key)
            return &pairs[i];
    return NULL;
}

static void map_against_a_list(struct map *m, struct pair *model, size_t count) {
    size_t seen = 0;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(m, &at, &key, &value); seen++) {
        const struct pair *p = model_find(model, count, key);
        assert_non_null(p);
        assert_true(*(uint64_t *)value == p->value);
        assert_ptr_equal(map_get(m, key), value);
    }
    assert_int_equal(seen, count); /* each once, since keys are distinct and all were found */
    assert_int_equal(m->len, count);
}

/* Whoever chooses the keys cannot choose their places: two maps of the same keys have them in other places. */
static void map_places_are_secret(void **state) {
    (void)state;
    enum { KEYS = 100 };
    struct map maps[2];
    uint64_t order[2][KEYS], key;
    void *value;
    for (size_t m = 0; m < 2; m++) {
        size_t at = 0, n = 0;
        map_init(&maps[m], 1);
        for (uint64_t i = 0; i < KEYS; i++)
            map_put(&maps[m], i << 16);
        while (map_next(&maps[m], &at, &key, &value))
            order[m][n++] = key;
        assert_int_equal(n, KEYS);
        map_deinit(&maps[m]);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
}

static void map_random(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 30; round++) {
        struct map m;
        struct pair model[600];
        size_t count = 0;
        map_init(&m, sizeof(uint64_t));
        /* In some rounds keys differ only in high bits, as packed ids do. */
        int shift = round % 3 == 0 ? 0 : round % 3 == 1 ? 16 : 55;
        for (int step = 0; step < 1500; step++) {
            uint64_t key = next_random(&seed) % (shift == 55 ? 500 : 600) << shift;
            struct pair *p = model_find(model, count, key);
            if (step % 4 == 3) {
                uint64_t *found = map_get(&m, key);
                assert_int_equal(found != NULL, p != NULL);
                assert_true(!p || *found == p->value);
                continue;
            }
            if (!p)
                *(p = &model[count++]) = (struct pair){key, 0};
            uint64_t add = next_random(&seed);
            p->value += add;
            *(uint64_t *)map_put(&m, key) += add;
        }
        map_against_a_list(&m, model, count);
        map_deinit(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_basics),
        cmocka_unit_test(map_random),
        cmocka_unit_test(map_places_are_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
