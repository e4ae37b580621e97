/* collector/core/base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "core/base64.h"
#include "random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void base64_vectors(void **state) { /* RFC 4648, section 10, and bytes over 0x7f */
    (void)state;
    static const struct {
        const char *plain, *encoded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
        {"\xff\xff\xff\xff", "/////w=="},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[32];
        struct span plain = span_of(cases[i].plain), encoded = span_of(cases[i].encoded);
        assert_int_equal(base64_encoded_size(plain.len), encoded.len);
        assert_true(span_eq((struct span){out, base64_encode(plain, out)}, encoded));
        ptrdiff_t len = base64_decode(encoded, out);
        assert_true(len >= 0 && span_eq((struct span){out, (size_t)len}, plain));
    }
}

static void base64_accepted_and_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *plain; /* NULL: refused */
    } cases[] = {
        {"Zg", "f"},
        {"Zm8", "fo"},
        {"Zm9v\nYmFy", "foobar"},
        {"Zm9v\r\nYmE=\r\n", "fooba"},
        {"Z\ng\n=\n=", "f"},
        {"Zg=", "f"},
        {"Z", NULL},
        {"Zm9vY", NULL},
        {"Z===", NULL},
        {"Zm9v!", NULL},
        {"Zm 9v", NULL},
        {"Zg==Zg==", NULL},
        {"Zm9-", NULL},
        {"Zm9_", NULL},
        {"\xc3\xa4==", NULL},
        {"Zg==\t", NULL},
        {"{\"a\":1}", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[64];
        ptrdiff_t len = base64_decode(span_of(cases[i].text), out);
        if (cases[i].plain)
            assert_true(len >= 0 && span_eq((struct span){out, (size_t)len}, span_of(cases[i].plain)));
        else
            assert_int_equal(len, -1);
    }
    char out[8];
    assert_int_equal(base64_decode((struct span){"Zm\0v", 4}, out), -1);
}

static void base64_round_trip(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (size_t len = 0; len < 300; len++) {
        /* Sizes to the byte, so that a sanitizer sees any step beyond. */
        char *plain = malloc(len + 1), *encoded = malloc(base64_encoded_size(len) + 1), *back = malloc(len + 3);
        for (size_t i = 0; i < len; i++)
            plain[i] = (char)next_random(&seed);
        size_t size = base64_encode((struct span){plain, len}, encoded);
        assert_int_equal(size, base64_encoded_size(len));
        assert_int_equal(base64_decode((struct span){encoded, size}, back), len);
        assert_memory_equal(back, plain, len);
        free(plain);
        free(encoded);
        free(back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_accepted_and_refused),
        cmocka_unit_test(base64_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
