/* collector/core/hash: it is SipHash-1-3, and says where fields end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/hash.h"
#include "random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void reference_round(uint64_t v[4]) {
    v[0] += v[1], v[1] = ROTATE(v[1], 13), v[1] ^= v[0], v[0] = ROTATE(v[0], 32);
    v[2] += v[3], v[3] = ROTATE(v[3], 16), v[3] ^= v[2];
    v[0] += v[3], v[3] = ROTATE(v[3], 21), v[3] ^= v[0];
    v[2] += v[1], v[1] = ROTATE(v[1], 17), v[1] ^= v[2], v[2] = ROTATE(v[2], 32);
}

/* SipHash-1-3 of bytes, by the paper: 8 bytes at a time, little-endian, the length in the last byte. */
static uint64_t reference_hash(uint64_t k0, uint64_t k1, const unsigned char *bytes, size_t len) {
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull, k0 ^ 0x6c7967656e657261ull,
                     k1 ^ 0x7465646279746573ull};
    for (size_t at = 0; at <= len; at += 8) {
        uint64_t m = at + 8 > len ? (uint64_t)len << 56 : 0;
        for (size_t i = 0; i < 8 && at + i < len; i++)
            m |= (uint64_t)bytes[at + i] << (8 * i);
        v[3] ^= m;
        reference_round(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        reference_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const struct hash_key counting_key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

static uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count) {
    struct hash_state s;
    hash_begin(&s, key);
    for (size_t i = 0; i < count; i++)
        hash_u64(&s, words[i]);
    return hash_end(&s);
}

/* The three literals are what OpenSSL's SIPHASH with c-rounds 1 and d-rounds 3 gives for the bytes 0, 1, 2, ... */
static void hash_is_siphash(void **state) {
    (void)state;
    static const struct {
        size_t words;
        uint64_t hash;
    } cases[] = {{0, 0xabac0158050fc4dcull}, {1, 0x369095118d299a8eull}, {8, 0xf17997ec4b4a6065ull}};
    unsigned char bytes[64];
    uint64_t words[40];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(words, bytes, sizeof bytes);
        assert_true(hash_words(&counting_key, words, cases[i].words) == cases[i].hash);
        assert_true(reference_hash(counting_key.k0, counting_key.k1, bytes, cases[i].words * 8) == cases[i].hash);
    }
    uint64_t seed = 2;
    for (int round = 0; round < 200; round++) { /* up to 320 bytes: the length wraps its byte */
        struct hash_key key = {next_random(&seed), next_random(&seed)};
        size_t count = next_random(&seed) % COUNT(words);
        unsigned char raw[sizeof words];
        for (size_t i = 0; i < count; i++)
            words[i] = next_random(&seed);
        memcpy(raw, words, sizeof words);
        assert_true(hash_words(&key, words, count) == reference_hash(key.k0, key.k1, raw, count * 8));
    }
}

static uint64_t hash_fields(const struct hash_key *key, const char *const *fields, size_t count) {
    struct hash_state s;
    hash_begin(&s, key);
    for (size_t i = 0; i < count; i++)
        hash_field(&s, fields[i], strlen(fields[i]));
    return hash_end(&s);
}

/* All of these are different things to say, so all hashes differ: where a field ends is part of it. */
static void hash_field_boundaries(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"ab", "c", ""},
        {"a", "bc", ""},
        {"abc", "", ""},
        {"", "abc", ""},
        {"", "", "abc"},
        {"a", "b", "c"},
        {"", "ab", "c"},
        {"12345678", "9", ""},
        {"123456789", "", ""},
        {"1234567", "89", ""},
        {"", "", ""},
        {"12345678", "12345678", ""},
        {"1234567812345678", "", ""},
        {"", "1234567812345678", ""},
    };
    uint64_t hashes[COUNT(cases)];
    for (size_t i = 0; i < COUNT(cases); i++) {
        hashes[i] = hash_fields(&counting_key, cases[i], 3);
        assert_true(hashes[i] == hash_fields(&counting_key, cases[i], 3));
        for (size_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    }
    assert_true(hash_bytes(&counting_key, "a", 1) != hash_bytes(&counting_key, "a\0", 2));
    assert_true(hash_bytes(&counting_key, "", 0) != hash_bytes(&counting_key, "\0", 1));
    const char *one[] = {"some text"};
    assert_true(hash_bytes(&counting_key, "some text", 9) == hash_fields(&counting_key, one, 1));
}

/* Every byte counts, and where the bytes lie does not. */
static void hash_every_byte(void **state) {
    (void)state;
    char at[80];
    for (size_t len = 1; len < 40; len++) {
        memset(at, 'x', sizeof at);
        uint64_t plain = hash_bytes(&counting_key, at, len);
        for (size_t shift = 1; shift < 8; shift++)
            assert_true(hash_bytes(&counting_key, at + shift, len) == plain);
        at[len] = 'y'; /* behind the end */
        assert_true(hash_bytes(&counting_key, at, len) == plain);
        for (size_t i = 0; i < len; i++) {
            at[i] ^= 1;
            assert_true(hash_bytes(&counting_key, at, len) != plain);
            at[i] ^= 1;
        }
    }
}

static void hash_key_matters(void **state) {
    (void)state;
    struct hash_key a = counting_key, b = counting_key;
    for (int bit = 0; bit < 64; bit++) {
        a.k0 = counting_key.k0 ^ 1ull << bit;
        b.k1 = counting_key.k1 ^ 1ull << bit;
        uint64_t same = hash_bytes(&counting_key, "text", 4);
        assert_true(hash_bytes(&a, "text", 4) != same);
        assert_true(hash_bytes(&b, "text", 4) != same);
    }
    struct hash_key x = hash_key_random(), y = hash_key_random();
    assert_true(x.k0 != y.k0 && x.k1 != y.k1);
}

/* hash_end may be asked in the middle: normalise keeps one state for all recipients of a record. */
static void hash_end_leaves_the_state(void **state) {
    (void)state;
    struct hash_state s;
    hash_begin(&s, &counting_key);
    hash_u64(&s, 1);
    uint64_t first = hash_end(&s);
    assert_true(hash_end(&s) == first);
    hash_u64(&s, 2);
    assert_true(hash_end(&s) == hash_words(&counting_key, (uint64_t[]){1, 2}, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_siphash),           cmocka_unit_test(hash_field_boundaries),
        cmocka_unit_test(hash_every_byte),           cmocka_unit_test(hash_key_matters),
        cmocka_unit_test(hash_end_leaves_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
