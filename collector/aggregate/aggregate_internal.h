/* What the files of the aggregate share. Nobody else includes this. */
#ifndef AGGREGATE_INTERNAL_H
#define AGGREGATE_INTERNAL_H

#include "aggregate/aggregate.h"
#include "aggregate/cells.h"
#include "aggregate/dedup.h"
#include "aggregate/detail_key.h"
#include "aggregate/domains.h"
#include "aggregate/exemplars.h"
#include "aggregate/visits.h"

struct open_minute {
    int64_t minute;
    uint32_t records[EVENT_TYPES];
    struct map series, cohorts, steps, details;
};

/* The earliest delay of a message and recipient. */
struct first_delay {
    struct event event;
    int period; /* DELAY_FORGOTTEN: an earlier one took its place */
};

enum { DELAY_MEMORY_DAYS = 4, DELAY_FORGOTTEN = -1 };

struct delay_day {
    int64_t day;
    struct map first; /* message_key -> struct first_delay, of that day's delays */
};

struct aggregate {
    struct aggregate_options options;
    int64_t before_from_ms;
    int64_t lateness_hours;
    int64_t watermark_ms; /* INT64_MIN: nothing counted yet */
    int64_t first_ms;
    int64_t latest_by_ms;
    int64_t last_event_ms[EVENT_TYPES];
    struct accounting accounting[AGGREGATE_SOURCES];
    bool accounting_changed[AGGREGATE_SOURCES];
    struct accounting *at; /* of the batch at hand */

    struct dedup dedup;
    struct domains domains;
    struct visits visits;
    struct exemplars exemplars;
    struct delay_day *delays; /* a ring of days */
    size_t delay_ring;
    struct open_minute **minutes; /* a ring; NULL: nothing was counted there */
    size_t minute_ring;
    int64_t next_close; /* the first minute that is not closed */
    struct grid grids[BASES];

    /* Counted over the whole of each period; values are struct tally[periods], of details uint64_t[periods]. */
    int periods;
    struct map pairs, identities, tags[EVENT_MAX_TAGS];
    struct map details; /* DETAIL_KEY */

    /* The record at hand; it may go on in the next batch. */
    struct {
        int fate; /* enum fate, in aggregate.c */
        int period;
        bool any_new;
        /* Of its events so far, counted before or not: of the first one; and whether others are elsewhere. */
        uint16_t table, number; /* by the tables; under which it is counted */
        uint64_t domain_key;
        bool mixed_tables, mixed_domains;
    } record;
};

static inline uint64_t aggregate_last_sends(const struct aggregate *a) {
    return a->options.last_sends ? a->options.last_sends : DEFAULT_LAST_SENDS;
}

/* --- aggregate_minutes.c: time as it passes ----------------------------------------------------------------------- */

void aggregate_init_minutes(struct aggregate *a);
void aggregate_deinit_minutes(struct aggregate *a);
void aggregate_widen_minutes(struct aggregate *a, size_t count); /* while none is open */
/* The open minute's place; claims it. */
struct open_minute *aggregate_open_minute(struct aggregate *a, int64_t minute);
struct open_minute *aggregate_find_minute(const struct aggregate *a, int64_t minute); /* NULL: nothing was counted */
void aggregate_move_watermark(struct aggregate *a, int64_t time_ms);

/* --- aggregate_count.c: adding up --------------------------------------------------------------------------------- */

struct tally *aggregate_tally(struct map *tallies, uint64_t key, int period);
/* Counts an event that is new; `e->provider` is the number under which it counts. */
void aggregate_count(struct aggregate *a, const struct event *e, int period);
/* A visit whose agent is known: a visit_judged_fn, for the aggregate. */
void aggregate_count_visit(void *context, const struct visit *v, int64_t minute, enum visitor agent, bool is_first);
/* Adds what a cell of the grid holds to the series that it is part of. */
void aggregate_add_series(const struct aggregate *a, const struct map *cells, bool wide, struct map *series);

/* --- aggregate_keep.c: what closed minutes hold ------------------------------------------------------------------- */

/* Makes the cohorts of the minutes that are open, where they were not kept so far. */
void aggregate_reopen_cohorts(struct aggregate *a);

/* --- aggregate_delays.c: first delays ----------------------------------------------------------------------------- */

void aggregate_init_delays(struct aggregate *a);
void aggregate_deinit_delays(struct aggregate *a);
/* A recipient counts as delayed once, at its earliest delay, in whatever order its delays are read. Calls
 * aggregate_count_delayed. */
void aggregate_note_delay(struct aggregate *a, const struct event *e, int period);
void aggregate_count_delayed(struct aggregate *a, const struct event *e, int period, int by);

#endif
