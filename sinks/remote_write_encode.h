/* Remote write's bodies: protobuf by hand, compressed as one block of snappy.
 *
 * 1.0, prometheus.WriteRequest (https://prometheus.io/docs/specs/prw/remote_write_spec/):
 *     1 timeseries { 1 labels { 1 name, 2 value }, 2 samples { 1 double, 2 int64 ms },
 *                    3 exemplars { 1 labels as above, 2 double, 3 int64 ms } }
 * 2.0, io.prometheus.write.v2.Request (https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/):
 *     4 symbols (the first is ""), 5 timeseries { 1 refs of symbols, packed, 2 samples as above or 3 histograms,
 *                                                 4 exemplars { 1 refs, packed, 2 double, 3 int64 ms },
 *                                                 5 metadata { 1 type, 3 ref of help, 4 ref of unit } }
 * A native histogram with custom buckets (https://prometheus.io/docs/specs/native_histograms/):
 *     1 count, 3 sum, 4 schema (-53), 11 spans { 1 first bucket, 2 how many }, 12 what each bucket alone has more than
 *     the one before, packed, 15 int64 ms, 16 upper bounds without +Inf, packed
 *
 * A series' labels are kept in the form that 1.0 sends, which is the same for equal sets of labels: it is their key. */
#ifndef SINKS_REMOTE_WRITE_ENCODE_H
#define SINKS_REMOTE_WRITE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/hash.h"
#include "sinks/remote_write.h"

enum {
    REMOTE_LABELS_MAX = 64,      /* of a series */
    REMOTE_VALUE_MAX = 2048,     /* bytes of a label's value; what is longer is cut */
    REMOTE_BODY_MAX = 256 << 20, /* bytes of a request before compression */
};

/* The value that ends a series: no other NaN does. */
static inline double remote_stale_marker(void) {
    uint64_t bits = 0x7ff0000000000002u;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Appends the labels of one series, sorted, without empty ones, with name and suffix as __name__. `more` are put on all
 * series; where a series has one of the same name its own counts. False: too many, or `to` is full. */
bool remote_labels_append(struct buf *to, const char *name, const char *suffix, const struct metric_label *labels,
                          size_t count, const struct metric_label *more, size_t more_count);

/* Appends a native histogram but for its time: `counts` are those of each bucket alone, bounds + 1 of them, the bounds
 * rising and finite. Never empty. False: `to` is full; what it held before is still there. */
bool remote_histogram_append(struct buf *to, const double *bounds, size_t bound_count, const uint64_t *counts,
                             double sum);

/* Of a family, for 2.0. */
struct remote_metadata {
    enum metric_type type;
    const char *help, *unit; /* "" none */
};

struct remote_symbol {
    size_t at; /* in `symbols` */
    uint32_t len;
};

struct remote_encoder {
    bool second;           /* 2.0 */
    struct buf series;     /* the timeseries of the request */
    struct buf one;        /* one of them */
    struct buf exemplar;   /* of the next one; empty: none */
    struct buf symbols;    /* as encoded */
    struct buf body, sent; /* the whole; compressed */
    struct hash_key key;
    uint32_t *slots; /* symbol + 1; 0 = free */
    size_t slot_count;
    struct remote_symbol *table;
    size_t table_count, table_size;
};

void remote_encoder_init(struct remote_encoder *e);
void remote_encoder_deinit(struct remote_encoder *e);

/* One request after the other; nothing is allocated once the buffers have the size that is needed. */
void remote_encode_begin(struct remote_encoder *e, bool second);
/* Of the series that is added next. */
void remote_encode_exemplar(struct remote_encoder *e, const struct exemplar *exemplar);
/* `labels` as remote_labels_append makes them. `metadata`: NULL: not known. */
void remote_encode_series(struct remote_encoder *e, struct span labels, const struct remote_metadata *metadata,
                          const struct remote_sample *samples, size_t count);
/* The same, of a native histogram, in 2.0 only. `histogram` as remote_histogram_append makes it; empty: the series
 * ends. */
void remote_encode_histogram(struct remote_encoder *e, struct span labels, const struct remote_metadata *metadata,
                             struct span histogram, int64_t time_ms);
/* The compressed body, valid until the next begin. False: over REMOTE_BODY_MAX, or out of memory. */
bool remote_encode_end(struct remote_encoder *e, struct span *body);

#endif
