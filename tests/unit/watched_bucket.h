/* A bucket that is watched, and what the tests of the watcher do with it. */
#ifndef TESTS_UNIT_WATCHED_BUCKET_H
#define TESTS_UNIT_WATCHED_BUCKET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/s3_watch.h"
#include "unit/fake_bucket.h"
#include "unit/fake_pipeline.h"
#include "unit/known.h"

enum { DEADLINE_MS = 20000 };
static const int64_t hour = 3600000, day = 24 * 3600000, epoch = 1793500000000;

static struct provider_table *providers;
static struct dictionary dictionary;
static struct s3_watch_options options;

/* --- running ------------------------------------------------------------------------------------------------------ */

static inline struct source *open_saved(const struct saved_position *saved, size_t count, struct err *err) {
    return s3_watch_open(&options, saved, count, err);
}

static inline struct source *open_source(bool exit_at_end) {
    return pipeline_open(open_saved, &dictionary, exit_at_end);
}

/* One life from beginning to end, with what earlier ones committed. */
static inline void run_once(void) {
    struct source *s = open_source(true);
    struct err err = {0};
    if (!s->ops->run(s, &err))
        fail_msg("%s", err.text);
    s->ops->close(s);
}

static inline void run_and_fail(const char *text) {
    struct source *s = open_source(true);
    struct err err = {0};
    assert_false(s->ops->run(s, &err));
    assert_non_null(strstr(err.text, text));
    s->ops->close(s);
}

struct running {
    struct source *source;
    pthread_t thread;
    bool ok;
    struct err err;
};

static inline void *thread_body(void *context) {
    struct running *r = context;
    r->ok = r->source->ops->run(r->source, &r->err);
    atomic_store(&r->source->done, true);
    return NULL;
}

static inline void start(struct running *r) {
    *r = (struct running){.source = open_source(false)};
    assert_int_equal(pthread_create(&r->thread, NULL, thread_body, r), 0);
}

static inline void stop(struct running *r) {
    atomic_store(&r->source->stop, true);
    pthread_join(r->thread, NULL);
    assert_true(r->ok);
    r->source->ops->close(r->source);
}

static inline int64_t real_ns(void) {
    return clock_monotonic_ns() - atomic_load(&leap_ns);
}

/* All pauses are over, again and again. */
static inline void leap(void) {
    atomic_fetch_add(&leap_ns, 2 * hour * 1000000);
    poll(NULL, 0, 5);
}

#define await(condition)                                                                                               \
    do {                                                                                                               \
        int64_t until = real_ns() + DEADLINE_MS * 1000000LL;                                                           \
        while (!(condition) && real_ns() < until)                                                                      \
            poll(NULL, 0, 5);                                                                                          \
        assert_true(condition);                                                                                        \
    } while (0)

static inline bool is_caught_up(struct source *s) {
    struct source_row row = {0};
    s->ops->status(s, &row);
    free(row.trouble);
    return row.caught_up;
}

static inline bool has_trouble(struct source *s, const char *text) {
    struct source_row row = {0};
    s->ops->status(s, &row);
    bool has = row.trouble && strstr(row.trouble, text);
    free(row.trouble);
    return has;
}

#define leap_until(condition)                                                                                          \
    do {                                                                                                               \
        int64_t until = real_ns() + DEADLINE_MS * 1000000LL;                                                           \
        while (!(condition) && real_ns() < until)                                                                      \
            leap();                                                                                                    \
        assert_true(condition);                                                                                        \
    } while (0)

static inline void await_listings(unsigned n) {
    unsigned before = listings();
    await(listings() >= before + n);
}

static inline int64_t mark(void) {
    pthread_mutex_lock(&pipeline.lock);
    const struct kept *kept = pipeline_kept("(pass) bucket/");
    int64_t at = kept->forgotten ? -1 : kept->position.n[0];
    pthread_mutex_unlock(&pipeline.lock);
    return at;
}

static inline bool is_forgotten(const char *stream) {
    pthread_mutex_lock(&pipeline.lock);
    bool forgotten = pipeline_kept(stream)->forgotten;
    pthread_mutex_unlock(&pipeline.lock);
    return forgotten;
}

static inline int begin(void **state) {
    (void)state;
    static char name[] = "s3", bucket_name[] = "bucket", prefix[] = "";
    pipeline_clear();
    memset(bucket.things, 0, sizeof bucket.things);
    bucket.count = bucket.listings = 0;
    bucket.refuses = bucket.hangs = bucket.twice = false;
    bucket.least_from_ms = INT64_MAX;
    bucket.last_from_ms = bucket.longest_ms = 0;
    atomic_store(&now_ms, epoch);
    atomic_store(&leap_ns, 0);
    options = (struct s3_watch_options){.name = name,
                                        .place = {.bucket = {.name = bucket_name}, .prefix = prefix},
                                        .interval_ms = 10,
                                        .look_back_ms = 26 * hour,
                                        .start_ms = INT64_MIN};
    return 0;
}

static inline int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    dictionary = known_dictionary(providers, 100);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    pipeline_clear();
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

#endif
