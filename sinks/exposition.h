/* Writes metric families in a text exposition format. What a family is called and means is the caller's; how lines
 * are formed and escaped is here. Two formats: Prometheus text 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/). Who wants the samples and no text (remote write) gives a
 * taker in the place of a file. */
#ifndef SINKS_EXPOSITION_H
#define SINKS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/exemplar.h"

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* METRIC_INFO: a gauge that is always 1; its name ends in _info. */
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

struct metric_label {
    const char *name;  /* our own word */
    const char *value; /* may hold any byte; NULL is "" */
};

/* What is called for each family and each of its samples, in order. What is passed is borrowed for the call; that a
 * family's name and help are the same each time says nothing about where they are. An exemplar is NULL where there is
 * none. A sample's name is the family's with
 * `suffix` behind it ("", or "_bucket", "_sum", "_count" of a histogram); values of labels may hold any byte, or be
 * NULL. */
struct exposition_taker {
    void *context;
    void (*family)(void *context, const char *name, enum metric_type type, const char *help);
    void (*sample)(void *context, const char *suffix, const struct metric_label *labels, size_t count, double value,
                   const struct exemplar *exemplar);
    /* A histogram whole, as exposition_histogram gets it, in the place of its samples; NULL: not wanted. */
    void (*histogram)(void *context, const struct metric_label *labels, size_t count, const double *bounds,
                      size_t bound_count, const uint64_t *counts, double sum, const struct exemplar *const *exemplars);
};

struct exposition {
    FILE *out;          /* borrowed; write errors stay in it (ferror) */
    const char *family; /* the one that samples go to; borrowed until the next begins */
    enum exposition_format format;
    const struct exposition_taker
        *taker; /* not NULL: it gets all; `out` is not used, `format` says how `le` is written */
};

/* The unit that the name of a family ends in, before the suffix of its type: "seconds", "bytes", "ratio"; "" none. */
const char *exposition_unit(const char *name, enum metric_type type);

/* A label's value as every format has it: bytes that are no UTF-8 and control characters but the line end as \xHH.
 * Writes at most `size` bytes, whole characters, not terminated. Returns how many. */
size_t exposition_plain_value(const char *value, char *to, size_t size);

/* HELP and TYPE, and in OpenMetrics the unit where the name ends in one. `name` is the full name of the samples, with
 * _total where it is a counter; that OpenMetrics calls the family otherwise is done here. */
void exposition_begin(struct exposition *e, const char *name, enum metric_type type, const char *help);

/* One sample of the family. The label sets of a family's samples must differ. */
void exposition_u64(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value);
/* With an example of what is counted (only OpenMetrics shows it); NULL: there is none. */
void exposition_counter(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value,
                        const struct exemplar *exemplar);
void exposition_double(struct exposition *e, const struct metric_label *labels, size_t count, double value);

/* What such a line begins with: name and labels, up to the value. For whoever writes many samples of one series. Not
 * with a taker. */
void exposition_series(struct exposition *e, const struct metric_label *labels, size_t count);

/* One histogram: `counts` are those of each bucket alone, bounds + 1 of them, the last without an upper bound. At most
 * EXPOSITION_MAX_LABELS - 1 labels. `exemplars`: one for each bucket, or NULL where there is none; NULL: none at all.
 */
enum { EXPOSITION_MAX_LABELS = 12 };
void exposition_histogram(struct exposition *e, const struct metric_label *labels, size_t count, const double *bounds,
                          size_t bound_count, const uint64_t *counts, double sum,
                          const struct exemplar *const *exemplars);

/* After the last family: what OpenMetrics wants at the end. */
void exposition_end(struct exposition *e);

#endif
