/* collector/core/intern: names and their numbers, caches of them, many threads at one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intern_names),
        cmocka_unit_test(intern_grows_and_overflows),
        cmocka_unit_test(intern_caches),
        cmocka_unit_test(intern_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
