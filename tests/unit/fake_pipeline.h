/* Stands in for the pipeline behind a source: counts what it is given, keeps the positions, and commits at once. */
#ifndef TESTS_UNIT_FAKE_PIPELINE_H
#define TESTS_UNIT_FAKE_PIPELINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/source.h"

enum { FAKE_SOURCE = 3 }; /* the index that a source must have */

struct kept {
    char *path;
    struct position position;
    bool forgotten;
};

static struct pipeline {
    pthread_mutex_t lock;
    struct accounting accounting;
    uint64_t *keys; /* of the events */
    size_t key_count, key_capacity;
    struct kept *kept;
    size_t kept_count;
    char *order[8]; /* the first files, as their first chains came */
    size_t order_count;
    size_t chains, batches_taken;
    size_t stop_after; /* batches; 0 = never */
    bool commits;
} pipeline = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline struct batch *pipeline_take(void *context) {
    (void)context;
    struct batch *b = NULL;
    pthread_mutex_lock(&pipeline.lock);
    if (!pipeline.stop_after || pipeline.batches_taken < pipeline.stop_after) {
        pipeline.batches_taken++;
        b = alloc_zeroed(1, sizeof *b);
        buf_init(&b->raw, BATCH_RAW_LIMIT);
    }
    pthread_mutex_unlock(&pipeline.lock);
    return b;
}

static inline struct kept *pipeline_kept(const char *path) {
    for (size_t i = pipeline.kept_count; i--;)
        if (strcmp(pipeline.kept[i].path, path) == 0)
            return &pipeline.kept[i];
    pipeline.kept = alloc_resize(pipeline.kept, pipeline.kept_count + 1, sizeof *pipeline.kept);
    pipeline.kept[pipeline.kept_count] = (struct kept){.path = alloc_string(path, strlen(path))};
    if (pipeline.order_count < 8)
        pipeline.order[pipeline.order_count++] = pipeline.kept[pipeline.kept_count].path;
    return &pipeline.kept[pipeline.kept_count++];
}

static inline void count_batch(const struct batch *b) {
    accounting_add(&pipeline.accounting, &b->accounting);
    if (pipeline.key_count + b->count > pipeline.key_capacity) {
        pipeline.key_capacity = 2 * (pipeline.key_count + b->count);
        pipeline.keys = alloc_resize(pipeline.keys, pipeline.key_capacity, sizeof *pipeline.keys);
    }
    for (unsigned i = 0; i < b->count; i++)
        pipeline.keys[pipeline.key_count++] = b->events[i].key;
}

static inline void pipeline_give(void *context, struct batch *chain) {
    (void)context;
    pthread_mutex_lock(&pipeline.lock);
    pipeline.chains++;
    while (chain) {
        struct batch *b = chain;
        chain = b->next;
        assert_int_equal(b->source, FAKE_SOURCE);
        assert_non_null(b->stream);
        count_batch(b);
        if (!chain) {
            struct kept *kept = pipeline_kept(b->stream->name);
            kept->position = b->position;
            kept->forgotten = b->forget;
            struct stream *stream = b->stream;
            stream->counted_chains++;
            if (pipeline.commits) {
                atomic_store(&stream->committed0, b->position.n[0]);
                atomic_store(&stream->committed_chains, stream->counted_chains); /* from here on it may be freed */
            }
        }
        buf_deinit(&b->raw);
        free(b);
    }
    pthread_mutex_unlock(&pipeline.lock);
}

static inline void pipeline_clear_counts(void) {
    pipeline.accounting = (struct accounting){0};
    pipeline.key_count = pipeline.chains = pipeline.batches_taken = pipeline.stop_after = 0;
}

static inline void pipeline_clear(void) {
    pipeline_clear_counts();
    for (size_t i = 0; i < pipeline.kept_count; i++)
        free(pipeline.kept[i].path);
    free(pipeline.kept);
    free(pipeline.keys);
    pipeline.kept = NULL;
    pipeline.keys = NULL;
    pipeline.kept_count = pipeline.key_capacity = pipeline.order_count = 0;
    pipeline.commits = true;
}

/* A kind of source, with the test's options. */
typedef struct source *(*open_fn)(const struct saved_position *saved, size_t count, struct err *err);

/* Opens a source as the pipeline does, with what earlier runs committed. */
static inline struct source *pipeline_open(open_fn open, const struct dictionary *dictionary, bool exit_at_end) {
    static const struct source_port port = {.take = pipeline_take, .give = pipeline_give};
    struct saved_position *saved = alloc_zeroed(pipeline.kept_count + 1, sizeof *saved);
    size_t count = 0;
    for (size_t i = 0; i < pipeline.kept_count; i++)
        if (!pipeline.kept[i].forgotten)
            saved[count++] = (struct saved_position){pipeline.kept[i].path, pipeline.kept[i].position};
    struct err err = {0};
    struct source *s = open(saved, count, &err);
    assert_non_null(s);
    free(saved);
    s->index = FAKE_SOURCE;
    s->port = &port;
    s->dictionary = dictionary;
    s->exit_at_end = exit_at_end;
    return s;
}

/* Records number [from, from + n), to one recipient each. Caller frees. */
static inline char *made_up_records(unsigned from, unsigned n) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = from; i < from + n; i++)
        fprintf(out,
                "{\"eventType\":\"Send\",\"send\":{},\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\","
                "\"source\":\"x@shop.example\",\"messageId\":\"m-%u\",\"destination\":[\"a@mail%u.example\"],"
                "\"tags\":{}}}\n",
                i, i % 7);
    fclose(out);
    return text;
}

static inline int by_number(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

static inline size_t pipeline_different_keys(void) {
    size_t different = 0;
    if (pipeline.key_count)
        qsort(pipeline.keys, pipeline.key_count, sizeof *pipeline.keys, by_number);
    for (size_t i = 0; i < pipeline.key_count; i++)
        different += i == 0 || pipeline.keys[i] != pipeline.keys[i - 1];
    return different;
}

/* So many events were counted, and none of them twice. */
static inline void pipeline_assert_events(size_t n) {
    assert_int_equal(pipeline.key_count, n);
    assert_int_equal(pipeline_different_keys(), n);
}

static inline uint64_t pipeline_read(void) {
    pthread_mutex_lock(&pipeline.lock);
    uint64_t n = pipeline.accounting.read;
    pthread_mutex_unlock(&pipeline.lock);
    return n;
}

#endif
