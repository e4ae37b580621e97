/* Whose the mailboxes of unknown domains are, as some of their events tell (docs/counting.md, "Whose mailboxes a
 * company's domain has").
 *
 * A batch run counts every unknown domain under a number of its own, PROVIDER_MAX and up, and puts providers in their
 * place when anything leaves the aggregate: by then the earliest hint is known. The service only remembers what it was
 * told, and since when. */
#ifndef AGGREGATE_DOMAINS_H
#define AGGREGATE_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "core/map.h"
#include "model/event.h"

/* Whose a domain is, and since when that is known; also as it is kept. */
struct domain_hint {
    int64_t time_ms;
    uint16_t provider; /* PROVIDER_OTHER: nothing told so far */
    uint16_t unused[3];
};

struct domains {
    enum learning learning;
    struct map known;          /* LEARN_FOR_ALL: domain_key -> uint32_t slot + 1; _LATER: -> struct domain_hint */
    struct domain_hint *hints; /* LEARN_FOR_ALL: by slot */
    uint32_t count, size;
    uint64_t learned, forgotten; /* domains whose provider is known; hints that found no place */
};

void domains_init(struct domains *d, enum learning learning);
void domains_deinit(struct domains *d);

/* The number under which an event is counted: a provider's, or that of a domain. */
uint16_t domains_number(struct domains *d, const struct event *e);

/* Takes the hint of an event that is counted, if it has one. */
void domains_learn(struct domains *d, const struct event *e);

/* The provider that a number stands for, as known by the end of an hour (since 1970); INT64_MAX: finally. */
uint16_t domains_provider(const struct domains *d, uint16_t number, int64_t hour);
uint64_t domains_cell_key(const struct domains *d, uint64_t key, int64_t hour);   /* the same in a key of cells.h */
uint64_t domains_detail_key(const struct domains *d, uint64_t key, int64_t hour); /* and of detail_key.h */

/* Adds up, under the providers, what was counted under numbers. Values are counters of `word` bytes (4 or 8). Makes
 * `to`; map_deinit it. */
typedef uint64_t (*domains_key_fn)(const struct domains *d, uint64_t key, int64_t hour);
void domains_fold(const struct domains *d, const struct map *from, domains_key_fn key_of, size_t word, int64_t hour,
                  struct map *to);

#endif
