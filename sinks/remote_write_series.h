/* The series that a target is sent, by number, for as long as they are there or samples of them wait. One thread at a
 * time. */
#ifndef SINKS_REMOTE_WRITE_SERIES_H
#define SINKS_REMOTE_WRITE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/span.h"
#include "sinks/remote_write_encode.h"

struct remote_series {
    char *labels; /* owned; NULL: a free place */
    uint32_t len;
    uint32_t waiting; /* its samples that wait */
    uint64_t hash;
    uint64_t round; /* in which it was there last */
    const struct remote_metadata *metadata;
    struct exemplar *exemplar; /* owned; the latest that came; NULL: none so far */
    bool exemplar_waits;       /* it was not put in a request yet */
};

struct remote_series_table {
    struct remote_series *series;
    size_t count, size;
    uint32_t *slots; /* number + 1 by hash; 0 = free */
    size_t slot_count, used;
    uint32_t *free_places;
    size_t free_count, free_size;
    struct hash_key key;
    size_t bytes; /* of labels */
};

void remote_series_init(struct remote_series_table *t);
void remote_series_deinit(struct remote_series_table *t);
/* The number of the series with these labels, which are copied when it is new. */
uint32_t remote_series_find(struct remote_series_table *t, struct span labels, const struct remote_metadata *metadata);
/* The series' exemplar, as it is shown now; only one that is new waits. It is the latest that is sent: whoever draws
 * dots wants one from now and then. */
void remote_series_exemplar(struct remote_series *s, const struct exemplar *exemplar);
/* Forgets the series that were there before `round` last and have no sample that waits. */
void remote_series_sweep(struct remote_series_table *t, uint64_t round);

#endif
