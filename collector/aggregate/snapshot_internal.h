/* What the files that make a snapshot share. Nobody else includes this. */
#ifndef AGGREGATE_SNAPSHOT_INTERNAL_H
#define AGGREGATE_SNAPSHOT_INTERNAL_H

#include "aggregate/aggregate_internal.h"

struct snapshot_builder {
    const struct aggregate *a;
    const struct snapshot_names *names;
    size_t max_names;
    const struct map *pairs, *details; /* as the aggregate's, with providers in the place of domains */
    struct map own_pairs, own_details;
    uint32_t *kept_sets; /* by id: the id itself, or INTERN_OVERFLOW */
    uint64_t folded_sets;
    struct map exemplars; /* DETAIL_KEY, as details are shown -> uint32_t, an index of snapshot.exemplars */
};

static inline const char *snapshot_set_name(const struct snapshot_builder *b, uint32_t id) {
    return intern_name(b->names->sets, id);
}

static inline const char *snapshot_provider_name(const struct snapshot_builder *b, uint16_t id) {
    return provider_table_name(b->names->providers, id);
}

/* By id, what it is shown as. Returns new. */
uint32_t *snapshot_kept_names(const struct snapshot_builder *b, struct intern *table, const struct map *tallies,
                              bool pairs, uint64_t *folded);

/* snapshot_exemplars.c: those that are fresh, once the names are known; and the one of a counter or bucket, which lives
 * as long as the snapshot. NULL: there is none. */
void snapshot_build_exemplars(struct snapshot_builder *b, struct snapshot *s);
const struct exemplar *snapshot_exemplar(const struct snapshot_builder *b, const struct snapshot *s, uint64_t key);

/* snapshot_windows.c */
void snapshot_build_windows(const struct snapshot_builder *b, struct snapshot *s);
void snapshot_build_history(const struct snapshot_builder *b, struct snapshot *s);

/* snapshot_last.c: the last sends. Takes what identities are shown as. Series (CELL_ACCOUNT, ...) -> struct
 * rate_counts; makes `sums`. */
void snapshot_last_sends(const struct snapshot_builder *b, const uint32_t *identities, struct map *sums);

#endif
