/* Cells of the time grid: for one stretch of time, what was counted for each key. A key is a number that the caller
 * packs: a configuration set and a provider, an identity, ... Sparse: a key costs memory only where it was active. */
#ifndef AGGREGATE_CELLS_H
#define AGGREGATE_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "core/map.h"
#include "model/rate.h"

struct cell_counts {
    uint32_t n[RATE_COUNTERS];
};

/* Floor division: time before 1970 has cells too. */
static inline int64_t floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return q - (a % b < 0);
}

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

/* Keys of cells. */
#define CELL_PAIR(set, provider) ((uint64_t)(set) << 16 | (uint64_t)(provider))
#define CELL_PAIR_SET(key)       ((uint32_t)((key) >> 16))
#define CELL_PAIR_PROVIDER(key)  ((uint16_t)(key))
#define CELL_IDENTITY            (1ull << 56)
#define CELL_PROVIDER            (2ull << 56)
#define CELL_SET                 (3ull << 56)
#define CELL_ACCOUNT             (4ull << 56)
#define CELL_REASON              (5ull << 56)
#define CELL_KIND(key)           ((key) & (0xffull << 56))
/* Bounces of a provider for a reason (enum bounce_reason), under COUNT_BOUNCED. */
#define CELL_REASON_OF(provider, reason) (CELL_REASON | (uint64_t)(provider) << 8 | (uint64_t)(reason))
#define CELL_REASON_PROVIDER(key)        ((uint16_t)((key) >> 8))
#define CELL_REASON_REASON(key)          ((unsigned)((key)&0xff))
/* A series, and how many minutes lie between a mail and what became of it. Ids of series have 40 bits. */
#define CELL_COHORT(series, minutes) ((series) | (uint64_t)(minutes) << 40)
#define CELL_COHORT_SERIES(key)      ((key) & ~(0xffffull << 40))
#define CELL_COHORT_MINUTES(key)     ((int64_t)((key) >> 40 & 0xffff))
enum { CELL_COHORT_MAX = 0xffff }; /* minutes; what took longer is left out */
#define CELL_ID(key) ((uint32_t)(key))

/* Adds `by` (1 or -1) to each counter whose bit is set in `counters`. */
static inline void cell_add(struct map *cells, uint64_t key, unsigned counters, int by) {
    struct cell_counts *c = map_put(cells, key);
    for (unsigned bits = counters; bits; bits &= bits - 1)
        c->n[__builtin_ctz(bits)] += (uint32_t)by;
}

/* The grid: minutes for 3 h behind the watermark, hours for five weeks, days for 400 d. As the watermark moves, minutes
 * are folded into their hour and hours into their day, so that where a count lies depends on its age alone, never on
 * when it came. */
enum { GRID_MINUTES = 185, GRID_HOURS = 843, GRID_DAYS = 401 };

struct grid_cell {
    int64_t index; /* minutes, hours or days since 1970 */
    struct map cells;
};

struct grid {
    int64_t watermark_ms;
    bool started;
    struct grid_cell minutes[GRID_MINUTES], hours[GRID_HOURS], days[GRID_DAYS];
};

void grid_init(struct grid *g);
void grid_track(struct grid *g); /* its maps remember their changes */
void grid_forget_changes(struct grid *g);
void grid_deinit(struct grid *g);

/* Never moves back. */
void grid_advance(struct grid *g, int64_t watermark_ms);

/* Events older than the days kept change nothing. `time_ms` is at most the watermark. */
void grid_add(struct grid *g, int64_t time_ms, uint64_t key, unsigned counters, int by);

/* The cells that a time belongs to now, for several keys at once; NULL when it is older than the days kept. Until the
 * grid advances. */
struct map *grid_cells(struct grid *g, int64_t time_ms);

/* The cell of a minute, an hour or a day that is kept at this level now; NULL: none. Borrowed until the next change. */
const struct map *grid_minute(const struct grid *g, int64_t minute);
const struct map *grid_hour(const struct grid *g, int64_t hour);

/* All cells by their age, the newest first: of 0 .. GRID_CELLS - 1; NULL: nothing was counted there. */
enum { GRID_CELLS = GRID_MINUTES + GRID_HOURS + GRID_DAYS };
const struct map *grid_newest(const struct grid *g, int age);

/* A place for counts of earlier days, as they were kept: only right after grid_init and grid_advance. NULL when the
 * level does not hold the index. */
enum grid_level { GRID_LEVEL_MINUTE, GRID_LEVEL_HOUR, GRID_LEVEL_DAY };
struct cell_counts *grid_restore(struct grid *g, enum grid_level level, int64_t index, uint64_t key);

/* Sums by key of the window that ends at the watermark (WINDOW_5M to WINDOW_7D); `sums` holds struct rate_counts. */
void grid_window(const struct grid *g, int window, struct map *sums);

#endif
