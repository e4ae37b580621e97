/* A batcher whose batches are kept, and texts to give it: for its tests. */
#ifndef TESTS_BATCHER_RUN_H
#define TESTS_BATCHER_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/batcher.h"
#include "unit/known.h"

/* --- what is behind it -------------------------------------------------------------------------------------------- */

/* All that was given, in its order. */
static struct given {
    struct batch *batches[4000];
    bool inside[4000];
    uint64_t record_end[4000];       /* of the batcher, as each was given */
    size_t count, taken, stop_after; /* 0: never */
} given;

static struct batcher batcher;
static struct dictionary dictionary;

static inline struct batch *take(void *context) {
    (void)context;
    if (given.stop_after && given.taken == given.stop_after)
        return NULL;
    given.taken++;
    struct batch *b = alloc_zeroed(1, sizeof *b);
    buf_init(&b->raw, BATCH_RAW_LIMIT);
    return b;
}

static inline void give(void *context, struct batch *batch, bool inside) {
    (void)context;
    assert_true(given.count < 4000);
    assert_true(batch->count <= BATCH_EVENTS && batch->note_count <= BATCH_NOTES);
    given.batches[given.count] = batch;
    given.inside[given.count] = inside;
    given.record_end[given.count++] = batcher.record_end;
}

static inline int begin(void **state) {
    (void)state;
    struct provider_table *providers = provider_table_create();
    dictionary = known_dictionary(providers, 100);
    batcher_init(&batcher, &dictionary, JSON_ISA_PLAIN);
    batcher.take = take;
    batcher.give = give;
    return 0;
}

static inline int end(void **state) {
    (void)state;
    batcher_flush(&batcher);
    batcher_deinit(&batcher);
    for (size_t i = 0; i < given.count; i++) {
        buf_deinit(&given.batches[i]->raw);
        free(given.batches[i]);
    }
    given = (struct given){0};
    provider_table_destroy((struct provider_table *)(uintptr_t)dictionary.providers);
    known_dictionary_end(&dictionary);
    return 0;
}

static inline struct accounting all_accounting(void) {
    struct accounting sum = {0};
    for (size_t i = 0; i < given.count; i++)
        accounting_add(&sum, &given.batches[i]->accounting);
    return sum;
}

static inline size_t all_events(void) {
    size_t n = 0;
    for (size_t i = 0; i < given.count; i++)
        n += given.batches[i]->count;
    return n;
}

/* A batch ends inside a record exactly when its last event is not the last of its record; the next goes on there. */
static inline void assert_seams(void) {
    bool inside = false;
    for (size_t i = 0; i < given.count; i++) {
        const struct batch *b = given.batches[i];
        for (unsigned n = 0; n < b->count; n++) {
            assert_int_equal(!(b->events[n].flags & EVENT_FIRST), inside);
            inside = !(b->events[n].flags & EVENT_LAST);
        }
        assert_int_equal(given.inside[i], inside);
    }
    assert_false(inside);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

struct text {
    char *bytes;
    size_t len, size;
};

static inline void add(struct text *t, const char *s) {
    size_t len = strlen(s);
    if (t->len + len + 1 > t->size)
        t->bytes = realloc(t->bytes, t->size = 2 * (t->len + len + 1));
    memcpy(t->bytes + t->len, s, len + 1);
    t->len += len;
}

static inline bool read_all(const struct text *t) {
    return batcher_read(&batcher, (struct span){t->bytes, t->len});
}

/* The value that a text with one record becomes. */
static inline struct buf compact(const struct text *t) {
    struct frame *f = frame_create(JSON_ISA_PLAIN);
    struct normaliser *n = alloc_zeroed(1, sizeof *n);
    struct frame_item item;
    struct buf out;
    enum frame_result result = FRAME_NEED_TEXT;
    buf_init(&out, RECORD_MAX_SIZE);
    normaliser_init(n, &dictionary);
    frame_begin(f, 0);
    for (size_t at = 0; result == FRAME_NEED_TEXT; result = frame_next(f, &item)) {
        size_t room;
        char *to = frame_space(f, &room);
        size_t piece = t->len - at < room ? t->len - at : room;
        memcpy(to, t->bytes + at, piece);
        at += piece;
        frame_filled(f, piece, at == t->len);
    }
    assert_int_equal(result, FRAME_EVENT);
    normalized_record_encode(n, item.event, &out);
    assert_false(out.failed);
    frame_destroy(f);
    free(n);
    return out;
}

#endif
