/* Records at and over the limits of size and depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/frame_run.h"

static void check_sizes(struct text *t, const char *expected, enum malformed_reason reason) {
    struct results r = read_text(t);
    assert_string_equal(in_letters(&r), expected);
    for (size_t i = 0; i < r.count; i++) {
        if (r.all[i].kind == FRAME_MALFORMED) {
            assert_int_equal(r.all[i].reason, reason);
            assert_true(r.all[i].len <= RECORD_MAX_SIZE);
        }
    }
    drop(&r);
    clear(t);
}

/* A record whose Subject fills it up to exactly `size` bytes. */
static void put_sized(struct text *t, size_t size) {
    static const char head[] = "{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":"
                               "\"m\",\"commonHeaders\":{\"subject\":\"",
                      tail[] = "\"}}}";
    puts_to(t, head);
    put_times(t, "x", size - (sizeof head - 1) - (sizeof tail - 1));
    puts_to(t, tail);
}

static void test_large_records(void **state) {
    (void)state;
    struct text t = {0};
    for (int is_delimited = 0; is_delimited <= 1; is_delimited++) {
        const char *end = is_delimited ? "\n" : "";
        put_sized(&t, RECORD_MAX_SIZE);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "EE", MALFORMED_TOO_LARGE);

        put_sized(&t, RECORD_MAX_SIZE + 1);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "ME", MALFORMED_TOO_LARGE);

        puts_to(&t, LINE);
        put_sized(&t, 5 * RECORD_MAX_SIZE);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "EME", MALFORMED_TOO_LARGE);

        put_sized(&t, RECORD_MAX_SIZE + 70000);
        puts_to(&t, end);
        put_sized(&t, RECORD_MAX_SIZE - 70000);
        puts_to(&t, end);
        put_sized(&t, RECORD_MAX_SIZE + 200000);
        puts_to(&t, end);
        check_sizes(&t, "MEM", MALFORMED_TOO_LARGE);
    }
    put_times(&t, "no line ends here, ", 5 * RECORD_MAX_SIZE / 19);
    puts_to(&t, "\n" GOOD);
    check_sizes(&t, "ME", MALFORMED_NOT_JSON);

    put_times(&t, "no line ends here, ", 5 * RECORD_MAX_SIZE / 19);
    puts_to(&t, GOOD);
    check_sizes(&t, "ME", MALFORMED_NOT_JSON);

    put_times(&t, "{\"a\":[1,", 3 * RECORD_MAX_SIZE / 8);
    puts_to(&t, "\n" GOOD);
    check_sizes(&t, "ME", MALFORMED_TOO_DEEP);

    /* A good record of nearly the greatest size behind damage of some size. */
    for (size_t damage = 1; damage < RECORD_MAX_SIZE; damage = damage * 5 + 3) {
        put_times(&t, "!", damage);
        put_sized(&t, RECORD_MAX_SIZE - 3);
        puts_to(&t, GOOD);
        check_sizes(&t, "MEE", MALFORMED_NOT_JSON);
    }
    /* A whole MiB of nothing in the middle. */
    puts_to(&t, LINE);
    put_times(&t, " \n", RECORD_MAX_SIZE);
    puts_to(&t, GOOD);
    check_sizes(&t, "EE", MALFORMED_NOT_JSON);
    puts_to(&t, "{\"eventType\":\"Open\"");
    put_times(&t, " \n", RECORD_MAX_SIZE);
    puts_to(&t, GOOD);
    check_sizes(&t, "ME", MALFORMED_TOO_LARGE);
}

static void test_depth_bombs(void **state) {
    (void)state;
    static const char *const bombs[] = {"{\"a\":",    "{\"a\":[",     "[{\"a\":",         "{\"a\":\n",
                                        "{\"mail\":", "{\"detail\":", "{\"eventType\":[", "{\"payload\":{\"Message\":"};
    struct text t = {0};
    for (size_t i = 0; i < COUNT(bombs); i++) {
        put_times(&t, bombs[i], 1000000);
        puts_to(&t, "\n\n" GOOD "\n");
        struct results r = read_text(&t);
        assert_int_equal(r.events, 1);
        assert_int_equal(r.last->kind, FRAME_EVENT);
        assert_int_equal(r.malformed, 1);
        assert_int_equal(r.all[0].reason, MALFORMED_TOO_DEEP);
        drop(&r);
        clear(&t);
    }
    /* Brackets alone stand between values. */
    put_times(&t, "[", 1000000);
    puts_to(&t, GOOD);
    put_times(&t, "]", 1000000);
    check_sizes(&t, "E", MALFORMED_TOO_DEEP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_records),
        cmocka_unit_test(test_depth_bombs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
