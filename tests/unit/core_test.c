/* collector/core: err, buf, span, map, hash, intern, base64, wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/hash.h"
#include "core/intern.h"
#include "core/map.h"
#include "core/span.h"
#include "core/utf8.h"
#include "core/wait.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Splitmix64: the same numbers in every run. */
static uint64_t next_random(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* --- err ---------------------------------------------------------------------------------------------------------- */

static void err_first_cause_wins(void **state) {
    (void)state;
    struct err e = {0};
    assert_false(err_set(&e, ERR_INPUT, "%s: %d", "deep", 7));
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "deep: 7");
    assert_false(err_set(&e, ERR_USAGE, "shallow"));
    assert_false(err_set_errno(&e, ERR_IO, ENOENT, "shallow"));
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "deep: 7");
    assert_false(err_set(NULL, ERR_IO, "nobody asks"));
    assert_false(err_set_errno(NULL, ERR_IO, ENOENT, "nobody asks"));
}

static void err_with_errno(void **state) {
    (void)state;
    struct err e = {0};
    char want[200];
    assert_false(err_set_errno(&e, ERR_IO, EACCES, "%s", "/a/file"));
    snprintf(want, sizeof want, "/a/file: %s", strerror(EACCES));
    assert_int_equal(e.code, ERR_IO);
    assert_string_equal(e.text, want);
}

static void err_is_cut_to_its_room(void **state) {
    (void)state;
    char longer[2 * sizeof((struct err *)0)->text];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct err e = {0};
    err_set_errno(&e, ERR_IO, ENOENT, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_memory_equal(e.text, longer, sizeof e.text - 1);
}

/* --- buf ---------------------------------------------------------------------------------------------------------- */

static void buf_collects(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_span(&b).len, 0);
    assert_true(buf_append(&b, "a\0b", 3));
    assert_true(buf_append_char(&b, '-'));
    assert_true(buf_append_str(&b, "str"));
    assert_true(buf_append(&b, NULL, 0));
    assert_true(buf_printf(&b, " %d %s", 42, "x"));
    assert_true(span_eq(buf_span(&b), SPAN_LIT("a\0b-str 42 x")));
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_true(buf_append_str(&b, "again"));
    assert_true(span_eq(buf_span(&b), SPAN_LIT("again")));
    buf_deinit(&b);
    assert_null(b.data);
}

static void buf_grows_whole(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 20000; i++)
        assert_true(buf_printf(&b, "%05d,", i));
    assert_int_equal(b.len, 120000);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(atoi(b.data + i * 6), i);
    buf_deinit(&b);
}

static void buf_has_a_ceiling(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_append(&b, "0123456789", 10));
    assert_false(b.failed);
    assert_false(buf_append_char(&b, 'x'));
    assert_true(b.failed);
    assert_false(buf_append(&b, NULL, 0)); /* sticky */
    assert_true(span_eq(buf_span(&b), SPAN_LIT("0123456789")));
    buf_clear(&b);
    assert_false(b.failed);
    assert_true(buf_append_str(&b, "12345"));
    assert_false(buf_reserve(&b, SIZE_MAX)); /* no overflow in the sum */
    assert_true(b.failed);
    assert_int_equal(b.len, 5);
    buf_clear(&b);
    assert_false(buf_printf(&b, "%s", "over the limit"));
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

/* --- span --------------------------------------------------------------------------------------------------------- */

static void spans(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same, same_nocase;
    } cases[] = {
        {"", "", true, true},
        {"a", "a", true, true},
        {"a", "A", false, true},
        {"a", "b", false, false},
        {"a", "ab", false, false},
        {"Zz09", "zZ09", false, true},
        {"@", "`", false, false},
        {"[", "{", false, false}, /* letters only, though 0x20 apart */
        {"\xc3\x84", "\xc3\xa4", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(span_eq(span_of(cases[i].a), span_of(cases[i].b)), cases[i].same);
        assert_int_equal(span_eq_nocase(span_of(cases[i].a), span_of(cases[i].b)), cases[i].same_nocase);
        assert_int_equal(span_eq_nocase(span_of(cases[i].b), span_of(cases[i].a)), cases[i].same_nocase);
    }
    assert_true(span_is(span_of("Send"), "Send"));
    assert_false(span_is(span_of("Sent"), "Send"));
    assert_false(span_is(span_of("Sen"), "Send"));
    assert_false(span_is(span_of("Sends"), "Send"));
    assert_int_equal(span_of(NULL).len, 0);
    assert_true(span_eq((struct span){NULL, 0}, span_of("")));
}

static void utf8_sequences(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len; /* 0: no UTF-8 */
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},
        {"\xc3", 0, 0},
        {"\xc0\x80", 0, 0},
        {"\xe0\x80\x80", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xff", 0, 0},
        {"\xe2\x82", 0, 0},
        {"\xc3(", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_next(span_of(cases[i].text), &code), cases[i].len);
        if (cases[i].len)
            assert_int_equal(code, cases[i].code);
    }
}

static void spans_trimmed(void **state) {
    (void)state;
    static const struct {
        const char *raw, *trimmed;
    } cases[] = {{"", ""},           {" \t\r\n ", ""},           {"a", "a"},
                 {"  a b\n", "a b"}, {"\x01x\x1f", "\x01x\x1f"}, {"\xff ", "\xff"}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(span_eq(span_trim(span_of(cases[i].raw)), span_of(cases[i].trimmed)));
}

/* --- map ---------------------------------------------------------------------------------------------------------- */

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

/* --- hash --------------------------------------------------------------------------------------------------------- */

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

/* --- intern ------------------------------------------------------------------------------------------------------- */

static void intern_names(void **state) {
    (void)state;
    struct intern *t = intern_create(100);
    assert_int_equal(intern_count(t), 2);
    assert_int_equal(intern_id(t, span_of("")), INTERN_EMPTY);
    assert_int_equal(intern_id(t, span_of("other")), INTERN_OVERFLOW);
    assert_int_equal(intern_id(t, (struct span){NULL, 0}), INTERN_EMPTY);
    uint32_t a = intern_id(t, span_of("a")), b = intern_id(t, span_of("ab"));
    assert_true(a > INTERN_OVERFLOW && b > INTERN_OVERFLOW && a != b);
    assert_int_equal(intern_id(t, (struct span){"abc", 1}), a); /* the length decides, not a terminator */
    assert_int_equal(intern_id(t, (struct span){"abc", 2}), b);
    assert_string_equal(intern_name(t, a), "a");
    assert_string_equal(intern_name(t, b), "ab");
    assert_string_equal(intern_name(t, INTERN_EMPTY), "");
    assert_string_equal(intern_name(t, INTERN_OVERFLOW), "other");
    assert_string_equal(intern_name(t, 12345), "other");
    assert_int_equal(intern_count(t), 4);
    assert_int_equal(intern_overflowed(t), 0);
    intern_destroy(t);
    intern_destroy(NULL);
}

static void intern_grows_and_overflows(void **state) {
    (void)state;
    enum { MAX = 3000 };
    struct intern *t = intern_create(MAX);
    char name[32];
    const char *first = NULL;
    for (uint32_t i = 0; i < 2 * MAX; i++) {
        int len = snprintf(name, sizeof name, "name-%u", i);
        uint32_t id = intern_id(t, (struct span){name, (size_t)len});
        assert_int_equal(id, i < MAX ? i + 2 : INTERN_OVERFLOW);
        if (i == 0)
            first = intern_name(t, id);
    }
    assert_int_equal(intern_count(t), MAX + 2);
    assert_int_equal(intern_overflowed(t), MAX);
    assert_string_equal(first, "name-0"); /* borrowed as long as the table lives */
    for (uint32_t i = 0; i < MAX; i++) {  /* who has a number keeps it */
        snprintf(name, sizeof name, "name-%u", i);
        assert_int_equal(intern_id(t, span_of(name)), i + 2);
        assert_string_equal(intern_name(t, i + 2), name);
    }
    intern_destroy(t);
}

static int cleaned;

static struct span shout(struct span raw, char scratch[INTERN_SCRATCH]) {
    cleaned++;
    if (raw.len > 200)
        return SPAN_LIT("long");
    for (size_t i = 0; i < raw.len; i++)
        scratch[i] = (char)(raw.ptr[i] >= 'a' && raw.ptr[i] <= 'z' ? raw.ptr[i] - 32 : raw.ptr[i]);
    return (struct span){scratch, raw.len};
}

static void intern_caches(void **state) {
    (void)state;
    struct intern *t = intern_create(5000);
    struct intern_cache *c = calloc(1, sizeof *c);
    intern_cache_init(c, t, shout);
    cleaned = 0;
    assert_int_equal(intern_cached(c, span_of("")), INTERN_EMPTY);
    uint32_t id = intern_cached(c, span_of("shop"));
    assert_string_equal(intern_name(t, id), "SHOP");
    assert_int_equal(intern_cached(c, span_of("shop")), id);
    assert_int_equal(cleaned, 1); /* the second came out of the cache */
    assert_int_equal(intern_cached(c, span_of("SHOP")), id);
    assert_int_equal(intern_count(t), 3);
    char text[400];
    memset(text, 'q', sizeof text);
    for (size_t len = 100; len < 130; len++) { /* on both sides of what a slot holds */
        id = intern_cached(c, (struct span){text, len});
        assert_int_equal(strlen(intern_name(t, id)), len);
        assert_int_equal(intern_cached(c, (struct span){text, len}), id);
    }
    assert_string_equal(intern_name(t, intern_cached(c, (struct span){text, 400})), "long");
    /* More names than slots: they push each other out, and every answer stays right. */
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3000; i++) {
            char want[32];
            snprintf(text, sizeof text, "set-%d", i);
            snprintf(want, sizeof want, "SET-%d", i);
            assert_string_equal(intern_name(t, intern_cached(c, span_of(text))), want);
        }
    assert_int_equal(intern_count(t), 3 + 30 + 1 + 3000);
    free(c);
    intern_destroy(t);
}

enum { THREADS = 6, SHARED_NAMES = 400 };

struct interning {
    struct intern *table;
    unsigned number;
    uint32_t ids[SHARED_NAMES];
    unsigned wrong_names;
};

/* Every thread asks for the same names, each in an order of its own. */
static void *intern_all(void *context) {
    struct interning *w = context;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < SHARED_NAMES; i++) {
            unsigned at = (i * 7 + w->number * 61) % SHARED_NAMES;
            char name[32];
            int len = snprintf(name, sizeof name, "shared-%u", at);
            w->ids[at] = intern_id(w->table, (struct span){name, (size_t)len});
            w->wrong_names += strcmp(intern_name(w->table, w->ids[at]), name) != 0;
        }
    return NULL;
}

static void intern_threads(void **state) {
    (void)state;
    struct intern *t = intern_create(1000);
    pthread_t ids[THREADS];
    struct interning *w = calloc(THREADS, sizeof *w);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].table = t;
        w[i].number = i;
        assert_int_equal(pthread_create(&ids[i], NULL, intern_all, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(intern_count(t), SHARED_NAMES + 2);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(w[i].wrong_names, 0);
        assert_memory_equal(w[i].ids, w[0].ids, sizeof w[i].ids);
    }
    free(w);
    intern_destroy(t);
}

/* --- base64 ------------------------------------------------------------------------------------------------------- */

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

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void *stop_soon(void *stop) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void waits(void **state) {
    (void)state;
    atomic_bool stop = false;
    int64_t began = clock_monotonic_ns();
    assert_true(wait_unless(&stop, 30));
    assert_true(clock_monotonic_ns() - began >= 30000000);
    assert_true(wait_unless(&stop, 0));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    began = clock_monotonic_ns();
    assert_false(wait_unless(&stop, 60000));
    assert_true(clock_monotonic_ns() - began < 30000000000);
    pthread_join(thread, NULL);
    assert_false(wait_unless(&stop, 60000)); /* at once */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits),
        cmocka_unit_test(err_first_cause_wins),
        cmocka_unit_test(err_with_errno),
        cmocka_unit_test(err_is_cut_to_its_room),
        cmocka_unit_test(buf_collects),
        cmocka_unit_test(buf_grows_whole),
        cmocka_unit_test(buf_has_a_ceiling),
        cmocka_unit_test(spans),
        cmocka_unit_test(spans_trimmed),
        cmocka_unit_test(utf8_sequences),
        cmocka_unit_test(map_basics),
        cmocka_unit_test(map_random),
        cmocka_unit_test(map_places_are_secret),
        cmocka_unit_test(hash_is_siphash),
        cmocka_unit_test(hash_field_boundaries),
        cmocka_unit_test(hash_every_byte),
        cmocka_unit_test(hash_key_matters),
        cmocka_unit_test(hash_end_leaves_the_state),
        cmocka_unit_test(intern_names),
        cmocka_unit_test(intern_grows_and_overflows),
        cmocka_unit_test(intern_caches),
        cmocka_unit_test(intern_threads),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_accepted_and_refused),
        cmocka_unit_test(base64_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
