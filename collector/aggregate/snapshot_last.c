/* The last sends: for every series the fewest latest cells that together hold enough sends. All series are filled in
 * one walk over the cells, the newest first, and each is left alone once it is full. */
#include <assert.h>
#include <stdlib.h>

#include "aggregate/snapshot_internal.h"
#include "core/alloc.h"

enum { MOST_SERIES = 4 }; /* that a key of a cell is part of */

/* What becomes of a key's counts; where its series are, is looked up once. */
struct last_key {
    unsigned count;
    uint32_t series[MOST_SERIES];
};

struct last_series {
    uint64_t key;
    struct rate_counts counts;
    bool full;
};

struct last_walk {
    const struct snapshot_builder *b;
    const uint32_t *identities;
    uint64_t enough;
    struct map keys;    /* of cells -> struct last_key */
    struct map numbers; /* of series -> uint32_t, the number and 1 */
    struct last_series *series;
    uint32_t count, size;
    uint32_t not_full;
};

static uint32_t number_of(struct last_walk *w, uint64_t series) {
    uint32_t *number = map_put(&w->numbers, series);
    if (*number)
        return *number - 1;
    if (w->count == w->size) {
        w->size = w->size ? w->size * 2 : 64;
        w->series = alloc_resize(w->series, w->size, sizeof *w->series);
    }
    w->series[w->count] = (struct last_series){.key = series};
    w->not_full++;
    *number = ++w->count;
    return w->count - 1;
}

static struct last_key make_key(struct last_walk *w, uint64_t key) {
    struct last_key k = {0};
    if (CELL_KIND(key) == CELL_IDENTITY)
        k.series[k.count++] = number_of(w, CELL_IDENTITY | w->identities[CELL_ID(key)]);
    if (CELL_KIND(key) != 0)
        return k;
    uint32_t set = w->b->kept_sets[CELL_PAIR_SET(key)];
    uint16_t provider = domains_provider(&w->b->a->domains, CELL_PAIR_PROVIDER(key), INT64_MAX);
    k.series[k.count++] = number_of(w, CELL_ACCOUNT);
    k.series[k.count++] = number_of(w, CELL_PROVIDER | provider);
    k.series[k.count++] = number_of(w, CELL_SET | set);
    k.series[k.count++] = number_of(w, CELL_PAIR(set, provider));
    return k;
}

static void add_cell(struct last_walk *w, const struct map *cells) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        struct last_key *k = map_get(&w->keys, key);
        if (!k) {
            struct last_key made = make_key(w, key);
            k = map_put(&w->keys, key);
            *k = made;
        }
        const struct cell_counts *counts = value;
        for (unsigned i = 0; i < k->count; i++) {
            struct last_series *s = &w->series[k->series[i]];
            for (int n = 0; !s->full && n < RATE_COUNTERS; n++)
                s->counts.n[n] += counts->n[n];
        }
    }
}

/* Between two cells: within one it is all or nothing. */
static void find_full(struct last_walk *w) {
    for (uint32_t i = 0; i < w->count; i++) {
        struct last_series *s = &w->series[i];
        if (s->full || s->counts.n[COUNT_SENT] < w->enough)
            continue;
        s->full = true;
        w->not_full--;
    }
}

static bool has_rates(const struct tally *t) {
    for (int i = 0; i < RATE_COUNTERS; i++)
        if (t->rates.n[i])
            return true;
    return false;
}

/* All series that there can be: when they are full, nothing is left to be found. */
static void know_series(struct last_walk *w) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(w->b->pairs, &at, &key, &value);)
        if (has_rates(value))
            *(struct last_key *)map_put(&w->keys, key) = make_key(w, key);
    for (size_t at = 0; map_next(&w->b->a->identities, &at, &key, &value);)
        if (has_rates(value))
            *(struct last_key *)map_put(&w->keys, CELL_IDENTITY | key) = make_key(w, CELL_IDENTITY | key);
}

void snapshot_last_sends(const struct snapshot_builder *b, const uint32_t *identities, struct map *sums) {
    struct last_walk w = {.b = b, .identities = identities, .enough = aggregate_last_sends(b->a)};
    map_init(&w.keys, sizeof(struct last_key));
    map_init(&w.numbers, sizeof(uint32_t));
    know_series(&w);
    for (int age = 0; age < GRID_CELLS && w.not_full; age++) {
        const struct map *cells = grid_newest(&b->a->grids[BASIS_SENT], age);
        if (!cells)
            continue;
        add_cell(&w, cells);
        find_full(&w);
    }
    map_init(sums, sizeof(struct rate_counts));
    for (uint32_t i = 0; i < w.count; i++)
        *(struct rate_counts *)map_put(sums, w.series[i].key) = w.series[i].counts;
    free(w.series);
    map_deinit(&w.keys);
    map_deinit(&w.numbers);
}
