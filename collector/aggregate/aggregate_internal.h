/* What aggregate.c counts and snapshot_build.c shows. */
#ifndef AGGREGATE_INTERNAL_H
#define AGGREGATE_INTERNAL_H

#include "aggregate/aggregate.h"
#include "aggregate/cells.h"
#include "aggregate/dedup.h"

/* Details are counted under type, detail, configuration set and provider. */
#define DETAIL_KEY(type, detail, set, provider)                                                                        \
    ((uint64_t)(type) << 56 | (uint64_t)(detail) << 32 | (uint64_t)(set) << 12 | (uint64_t)(provider))
#define DETAIL_KEY_TYPE(key)     ((enum event_type)((key) >> 56))
#define DETAIL_KEY_DETAIL(key)   ((uint32_t)((key) >> 32) & 0xffffffu)
#define DETAIL_KEY_SET(key)      ((uint32_t)((key) >> 12) & 0xfffffu)
#define DETAIL_KEY_PROVIDER(key) ((uint16_t)((key)&0xfffu))

struct open_minute {
    int64_t minute; /* INT64_MIN: free */
    uint32_t records;
    struct map series, steps;
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
    struct delay_day *delays; /* a ring of days */
    size_t delay_ring;
    struct open_minute *minutes; /* a ring */
    size_t minute_ring;
    int64_t next_close; /* the first minute that is not closed */
    struct grid grid;

    /* Counted over the whole of each period; values are struct tally[periods]. */
    int periods;
    struct map pairs, identities, tags[EVENT_MAX_TAGS];
    struct map details; /* DETAIL_KEY -> uint64_t, PERIOD_NOW only */

    /* The record at hand; it may go on in the next batch. */
    struct {
        int fate; /* enum fate, in aggregate.c */
        int period;
        bool any_new;
        uint16_t provider; /* of its events so far, counted before or not */
        bool mixed;        /* they are at several */
    } record;
};

/* The open minute's place; claims it. */
struct open_minute *aggregate_open_minute(struct aggregate *a, int64_t minute);

#endif
