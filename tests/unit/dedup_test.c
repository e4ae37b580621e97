/* collector/aggregate/dedup: what was counted is known, exactly as long as its hour may be counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/dedup.h"

static uint64_t next_random(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static void new_once(void **state) {
    (void)state;
    struct dedup d;
    dedup_init(&d, 3);
    assert_true(dedup_add(&d, 100, 7));
    assert_false(dedup_add(&d, 100, 7));
    assert_true(dedup_add(&d, 100, 8));
    assert_true(dedup_add(&d, 101, 7)); /* a key is of its hour */
    assert_false(dedup_add(&d, 101, 7));
    assert_false(dedup_add(&d, 100, 8));
    assert_int_equal(d.keys, 3);
    dedup_deinit(&d);
}

/* 0 marks a free slot inside; as a key it is one like the others (but for its neighbour 1). */
static void odd_keys(void **state) {
    (void)state;
    struct dedup d;
    dedup_init(&d, 1);
    static const uint64_t keys[] = {0, UINT64_MAX, 1ull << 63, 64, 128, UINT64_MAX - 63};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_true(dedup_add(&d, 5, keys[i]));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_false(dedup_add(&d, 5, keys[i]));
    dedup_deinit(&d);
}

static void hours_out_of_reach_are_forgotten(void **state) {
    (void)state;
    static const int64_t starts[] = {0, 1000, -2, -1000000, 490000};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        int64_t h = starts[i];
        struct dedup d;
        dedup_init(&d, 3);
        for (int64_t hour = h; hour < h + 3; hour++)
            assert_true(dedup_add(&d, hour, 42));
        for (int64_t hour = h; hour < h + 3; hour++)
            assert_false(dedup_add(&d, hour, 42));
        assert_true(dedup_add(&d, h + 3, 42)); /* takes the place of h */
        assert_int_equal(d.keys, 3);
        assert_false(dedup_add(&d, h + 1, 42));
        assert_false(dedup_add(&d, h + 2, 42));
        assert_true(dedup_add(&d, h + 1000000, 42)); /* a long jump */
        assert_false(dedup_add(&d, h + 1000000, 42));
        dedup_deinit(&d);
    }
}

/* Against a plain list, over hours that move on; keys with few different low bits, so that slots collide. */
static void against_a_list(void **state) {
    (void)state;
    enum { RING = 4, STEPS = 6000 };
    uint64_t seed = 1;
    for (int round = 0; round < 6; round++) {
        struct {
            int64_t hour;
            uint64_t key;
        } *model = calloc(STEPS, sizeof *model);
        size_t count = 0, held = 0;
        struct dedup d;
        dedup_init(&d, RING);
        int64_t now = -3;
        for (int step = 0; step < STEPS; step++) {
            if (next_random(&seed) % 400 == 0)
                now += 1 + (int64_t)(next_random(&seed) % 3);
            int64_t hour = now - (int64_t)(next_random(&seed) % RING);
            uint64_t key = next_random(&seed) % 700 << (round * 11);
            if (key == 0)
                key = 1; /* these two are one to a dedup */
            dedup_prefetch(&d, hour, key);
            bool known = false;
            for (size_t i = 0; i < count && !known; i++)
                known = model[i].hour == hour && model[i].key == key;
            assert_int_equal(dedup_add(&d, hour, key), !known);
            if (!known) {
                model[count].hour = hour;
                model[count++].key = key;
            }
        }
        for (size_t i = 0; i < count; i++)
            held += model[i].hour > now - RING;
        assert_true(d.keys >= held && d.keys <= count);
        dedup_deinit(&d);
        free(model);
    }
}

static void forgotten_on_demand(void **state) {
    (void)state;
    struct dedup d;
    int64_t oldest = 0;
    dedup_init(&d, 5);
    assert_false(dedup_oldest(&d, &oldest));
    for (int64_t hour = -2; hour < 3; hour++)
        for (uint64_t key = 0; key < 10; key++)
            dedup_add(&d, hour, 100 + key);
    assert_true(dedup_oldest(&d, &oldest) && oldest == -2);
    assert_int_equal(dedup_forget_below(&d, -2), 0);
    assert_int_equal(dedup_forget_below(&d, 1), 30);
    assert_int_equal(d.keys, 20);
    assert_true(dedup_oldest(&d, &oldest) && oldest == 1);
    assert_true(dedup_add(&d, -2, 100)); /* new again */
    assert_false(dedup_add(&d, 1, 100));
    dedup_deinit(&d);
}

static void many_keys(void **state) {
    (void)state;
    enum { KEYS = 50000 };
    struct dedup d;
    uint64_t seed = 9;
    dedup_init(&d, 2);
    for (int i = 0; i < KEYS; i++)
        assert_true(dedup_add(&d, 10, next_random(&seed)));
    seed = 9;
    for (int i = 0; i < KEYS; i++)
        assert_false(dedup_add(&d, 10, next_random(&seed)));
    assert_int_equal(d.keys, KEYS);
    dedup_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_once),
        cmocka_unit_test(odd_keys),
        cmocka_unit_test(hours_out_of_reach_are_forgotten),
        cmocka_unit_test(against_a_list),
        cmocka_unit_test(forgotten_on_demand),
        cmocka_unit_test(many_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
