/* One round of live samples: those of all series at one moment, as they wait to be sent. */
#ifndef SINKS_REMOTE_WRITE_ROUND_H
#define SINKS_REMOTE_WRITE_ROUND_H

#include <stdlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/clock.h"
#include "sinks/remote_write.h"

enum { REMOTE_ROUND_MIN = 1024 };

union round_value {
    double sample;
    struct {
        uint32_t at, len; /* in the round's `histograms`; 0 long: a stale marker */
    } histogram;          /* of a native histogram's series */
};

/* All samples of one moment; those before `next` are in the batch already. */
struct round {
    struct round *later;
    int64_t time_ms, made_ns;
    size_t count, next, size;
    uint32_t *series;
    union round_value *values;
    struct buf histograms;
};

static inline size_t round_bytes(const struct round *r) {
    return sizeof *r + r->count * (sizeof *r->series + sizeof *r->values) + r->histograms.len;
}

static inline struct round *round_create(int64_t time_ms, size_t size) {
    struct round *r = alloc_zeroed(1, sizeof *r);
    r->time_ms = time_ms;
    r->made_ns = clock_monotonic_ns();
    r->size = size > REMOTE_ROUND_MIN ? size : REMOTE_ROUND_MIN;
    r->series = alloc_resize(NULL, r->size, sizeof *r->series);
    r->values = alloc_resize(NULL, r->size, sizeof *r->values);
    buf_init(&r->histograms, REMOTE_WRITE_WAITING_BYTES);
    return r;
}

static inline void round_destroy(struct round *r) {
    if (!r)
        return;
    buf_deinit(&r->histograms);
    free(r->series);
    free(r->values);
    free(r);
}

static inline void round_add(struct round *r, uint32_t series, union round_value value) {
    if (r->count == r->size) {
        r->size *= 2;
        r->series = alloc_resize(r->series, r->size, sizeof *r->series);
        r->values = alloc_resize(r->values, r->size, sizeof *r->values);
    }
    r->series[r->count] = series;
    r->values[r->count++] = value;
}

#endif
