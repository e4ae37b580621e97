/* The counters of mail that are shown by labels: their families, as /metrics and the backfill (sinks/openmetrics.h)
 * both write them. */
#ifndef SINKS_FAMILIES_H
#define SINKS_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/snapshot.h"
#include "sinks/exposition.h"

/* What a family counts: one of enum detail_kind, or one of these. */
enum {
    FAMILY_EVENTS = DETAIL_KINDS, /* records, by type */
    FAMILY_RECIPIENTS,
    COUNTER_FAMILIES
};

struct counter_family {
    int kind;
    const char *name, *help;
    const char *first, *second; /* the labels before configuration_set; no second: NULL */
    bool has_provider;
};

/* In the order in which they are written. */
extern const struct counter_family counter_families[COUNTER_FAMILIES];

enum { FAMILY_MAX_LABELS = 4 };

/* A series' values. */
struct family_values {
    const char *first, *second, *configuration_set, *provider;
};

/* Its labels, values borrowed. Returns how many. */
size_t counter_family_labels(const struct counter_family *family, const struct family_values *values,
                             struct metric_label labels[FAMILY_MAX_LABELS]);

#endif
