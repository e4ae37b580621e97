/* Every format, in every size of input and output piece; one decoder for many objects; limits, and bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/inflate_run.h"

/* --- sound objects ------------------------------------------------------------------------------------------------ */

static const size_t out_pieces[] = {1, 3, 100, 4096, 65536, 1 << 20};

/* Sound, in all piece sizes. */
static void check_sound(enum inflate_format format, const struct bytes *object, const struct bytes *plain) {
    struct inflate *z = inflate_create(NULL);
    for (size_t i = 0; i < COUNT(in_pieces); i++)
        for (size_t o = plain->len > 20000 ? 2 : 0; o < COUNT(out_pieces); o++)
            for (int late = 0; late < 2; late++) {
                struct result r = run(z, format, object->data, object->len, in_pieces[i], out_pieces[o], late);
                if (r.status != INFLATE_DONE)
                    fail_msg("%s, pieces %zu and %zu: %s", inflate_format_name(format), in_pieces[i], out_pieces[o],
                             r.err.text);
                assert_int_equal(r.out.len, plain->len);
                assert_int_equal(r.used, object->len);
                assert_true(is_prefix(&r.out, plain));
                drop(&r.out);
            }
    inflate_destroy(z);
    const char *what;
    size_t sniff = object->len < INFLATE_SNIFF ? object->len : INFLATE_SNIFF;
    assert_int_equal(inflate_recognise(object->data, sniff, &what), format);
}

static void test_sound(void **state) {
    (void)state;
    static const unsigned counts[] = {1, 12, 3000};
    for (size_t c = 0; c < COUNT(counts); c++) {
        struct bytes plain = records(counts[c]), object;
        enum inflate_format format;
        size_t end;
        for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
            check_sound(format, &object, &plain);
            drop(&object);
        }
        drop(&plain);
    }
}

/* Objects of different kinds one after the other through one decoder, some left in the middle. */
static void test_reuse(void **state) {
    (void)state;
    struct inflate *z = inflate_create(NULL);
    struct bytes plain = records(300), object;
    enum inflate_format format;
    size_t end;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
            struct result r = run(z, format, object.data, object.len, 0, 4096, false);
            assert_int_equal(r.status, INFLATE_DONE);
            assert_int_equal(r.out.len, plain.len);
            drop(&r.out);
            r = run(z, format, object.data, object.len / 3, 100, 50, false);
            assert_true(is_prefix(&r.out, &plain));
            drop(&r.out);
            uint8_t byte;
            size_t in_used, out_used;
            inflate_begin(z, format);
            assert_int_equal(inflate_step(z, object.data, object.len / 2, &in_used, false, &byte, 1, &out_used, NULL),
                             INFLATE_PROGRESS);
            drop(&object);
        }
    drop(&plain);
    inflate_destroy(z);
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static void test_limits(void **state) {
    (void)state;
    struct bytes plain = records(500), object;
    enum inflate_format format;
    size_t end;
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
        struct bytes cut = {plain.data, plain.len - 1, 0};
        struct inflate_limits exact = {.max_output = plain.len}, less = {.max_output = plain.len - 1}, one = {1, 0};
        check_end(&exact, format, &object, &plain, INFLATE_DONE, "");
        check_end(&less, format, &object, &cut, INFLATE_LIMIT, "more output than the limit");
        cut.len = 1;
        check_end(&one, format, &object, &cut, INFLATE_LIMIT, "more output than the limit of 1;");
        drop(&object);
    }
    drop(&plain);
}

/* 40 MiB of zeros: about 1030 times smaller as gzip, some 20 as Snappy, thousands of times as zstd. */
static void test_bomb(void **state) {
    (void)state;
    struct bytes plain = {calloc(1, 40 << 20), 40 << 20, 0}, object;
    enum inflate_format format;
    size_t end;
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
        bool stored = kind == 1, snappy = kind == 8 || kind == 9, zstd = kind == 10;
        bool mixed = kind == 7; /* stored in part */
        struct inflate_limits ratio = {.max_ratio = snappy ? 10 : 500};
        struct inflate_limits output = {.max_output = 1 << 20};
        for (unsigned i = 0; i < 3; i++) {
            const struct inflate_limits *limits = i == 0 ? NULL : i == 1 ? &ratio : &output;
            struct inflate *z = inflate_create(limits);
            struct result r = run(z, format, object.data, object.len, 65536, 1 << 18, false);
            if (i == 0 && !zstd) {
                assert_int_equal(r.status, INFLATE_DONE);
            } else if (i == 2) {
                assert_int_equal(r.status, INFLATE_LIMIT);
                assert_int_equal(r.out.len, 1 << 20);
            } else if (!stored && !mixed && kind != 2 && kind != 3) {
                assert_int_equal(r.status, INFLATE_LIMIT);
                assert_non_null(strstr(r.err.text, "for each of input"));
                assert_true(r.out.len >= 16 << 20 && r.out.len <= (16 << 20) + (20 << 20));
            }
            drop(&r.out);
            inflate_destroy(z);
        }
        drop(&object);
    }
    drop(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
