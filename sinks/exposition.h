/* Writes metric families in a text exposition format. What a family is called and means is the caller's; how lines
 * are formed and escaped is here. Format: Prometheus text 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef SINKS_EXPOSITION_H
#define SINKS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
    const char *name;  /* our own word */
    const char *value; /* may hold any byte; NULL is "" */
};

struct exposition {
    FILE *out;          /* borrowed; write errors stay in it (ferror) */
    const char *family; /* the one that samples go to; borrowed until the next begins */
};

/* HELP and TYPE. `name` is the full name of the samples, with _total where it is a counter. */
void exposition_begin(struct exposition *e, const char *name, enum metric_type type, const char *help);

/* One sample of the family. The label sets of a family's samples must differ. */
void exposition_u64(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value);
void exposition_double(struct exposition *e, const struct metric_label *labels, size_t count, double value);

/* One histogram: `counts` are those of each bucket alone, bounds + 1 of them, the last without an upper bound. At most
 * EXPOSITION_MAX_LABELS - 1 labels. */
enum { EXPOSITION_MAX_LABELS = 12 };
void exposition_histogram(struct exposition *e, const struct metric_label *labels, size_t count, const double *bounds,
                          size_t bound_count, const uint64_t *counts, double sum);

#endif
