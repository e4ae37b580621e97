/* What the two files of sinks/history share: how changes are kept. */
#ifndef SINKS_HISTORY_PARTS_H
#define SINKS_HISTORY_PARTS_H

#include <sys/types.h>

#include "core/map.h"
#include "sinks/history.h"

enum { HISTORY_BLOCK_CHANGES = 15 };

struct change {
    int64_t step; /* since 1970 */
    uint64_t by;
};

/* What is spilled at once, of one series. */
struct block {
    uint32_t next; /* the series' next block: on disk, or the one that is still in memory */
    uint32_t count;
    struct change changes[HISTORY_BLOCK_CHANGES];
};

struct series {
    uint32_t first; /* block on disk, from 1; 0: none */
    uint32_t own;   /* the number that the changes in memory will have as a block; 0: none yet */
    uint32_t count, capacity;
    struct change *changes; /* owned; the latest ones. At least one: a series is made by its first change */
};

struct named_series {
    int family; /* place in counter_families */
    struct family_values values;
    const struct series *series;
};

struct history {
    const struct snapshot_names *names;
    int64_t step_ms, step_s;
    struct map series;          /* DETAIL_KEY, with kinds of counter_families -> struct series */
    struct named_series *named; /* sorted; NULL before history_seal */
    struct history_stretch *stretches;
    size_t stretch_count;
    int64_t last_minute;
    int spill; /* -1: none yet */
    uint32_t blocks;
    struct err err; /* of the spill */
};

static inline off_t history_block_offset(uint32_t number) {
    return (off_t)(number - 1) * (off_t)sizeof(struct block);
}

#endif
