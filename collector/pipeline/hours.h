/* What was counted in each of the last 35 days' hours, by series: what rules compare the present with. A series has
 * the hours in which it had something, and of these only the counters that some rule asks for: 4 bytes each, and 4 for
 * the hour. So 1,000 series that are busy all the time cost, with three counters, 13 MB. */
#ifndef PIPELINE_HOURS_H
#define PIPELINE_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/cells.h"
#include "core/map.h"
#include "model/rate.h"

enum { HOURS_KEPT = 35 * 24 };

struct hours {
    unsigned counters; /* bits; 0: nobody asks */
    unsigned kinds;    /* of series: bits 1 << (CELL_KIND >> 56) */
    unsigned width;    /* how many counters */
    struct map series; /* series key -> struct hour_list */
};

void hours_init(struct hours *h);
void hours_deinit(struct hours *h);
void hours_forget(struct hours *h); /* all that was counted */

/* Keeps these counters, too, and series of these kinds; before anything is counted. */
void hours_want(struct hours *h, unsigned counters, unsigned kinds);

/* Adds what a map from series to struct cell_counts has of what is wanted. Hours may come in any order. */
void hours_add(struct hours *h, int64_t hour, const struct map *cells);
void hours_add_cell(struct hours *h, int64_t hour, uint64_t series, const struct cell_counts *counts);
void hours_amend(struct hours *h, int64_t hour, uint64_t series, unsigned counters, int by);

/* Drops what is older than HOURS_KEPT, counted back from `hour` with it. */
void hours_trim(struct hours *h, int64_t hour);

/* Adds up the hours from `first` to `last`, both included. */
void hours_sum(const struct hours *h, uint64_t series, int64_t first, int64_t last, struct rate_counts *sum);

/* Adds up the latest hours, `last` the newest, until they hold `sends`, or all that are kept; returns the first hour of
 * them. */
int64_t hours_latest(const struct hours *h, uint64_t series, int64_t last, uint64_t sends, struct rate_counts *sum);

/* The first hour in which the series had something; INT64_MAX: none. */
int64_t hours_first(const struct hours *h, uint64_t series);

#endif
