/* An open-addressing table from a 64-bit number to a value of fixed size. Keys are our own ids, packed, or
 * keyed hashes; 0 is a legal key, UINT64_MAX is not. No removal: tables are dropped whole, as time cells are. Not for
 * several threads at once. */
#ifndef CORE_MAP_H
#define CORE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"

struct map {
    uint64_t *keys; /* key + 1; 0 = free */
    unsigned char *values;
    size_t slots; /* a power of two, or 0 while empty */
    size_t len;
    size_t value_size;
    uint64_t seed; /* of the places: see map.c */
    /* Once map_track was called: which keys were put since map_forget_changes. */
    bool tracked;
    unsigned char *is_changed; /* by slot */
    uint64_t *changed;
    size_t changed_count, changed_size;
};

void map_init(struct map *m, size_t value_size);
void map_deinit(struct map *m);
void map_clear(struct map *m); /* forgets the entries and the changes, frees the memory; a tracked map stays one */

/* From now on the map remembers which keys were put (a value may be changed only right after its map_put). */
void map_track(struct map *m);
void map_forget_changes(struct map *m);

/* The value of `key`, zeroed if it was not there. Valid until the next map_put. */
void *map_put(struct map *m, uint64_t key);

/* NULL if it is not there. */
void *map_get(const struct map *m, uint64_t key);

/* Visits every entry, in no order: for (size_t i = 0; map_next(m, &i, &key, &value);) */
bool map_next(const struct map *m, size_t *at, uint64_t *key, void **value);

static inline size_t map_memory(const struct map *m) {
    return m->slots * (sizeof(uint64_t) + m->value_size);
}

#endif
