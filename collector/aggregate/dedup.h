/* Which happenings were counted already: exact sets of keys, one for each hour of event time, kept exactly as long as
 * that hour may still be counted. What can still count can still be checked, so that reading anything twice changes
 * nothing. First opens and clicks are remembered in the same way, with days in the place of hours.
 *
 * Exact sets, not filters: a filter's false positive would swallow a complaint. Two keys of 64 keyed bits are equal by
 * chance once in about 10^12 happenings held at a time of a few million. Memory: 10 to 20 bytes a key. */
#ifndef AGGREGATE_DEDUP_H
#define AGGREGATE_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dedup_hour {
    int64_t hour;    /* hours since 1970 */
    uint64_t *slots; /* 0 = free */
    size_t size;     /* a power of two; 0 while empty */
    size_t used;
};

/* A key that was added, for whoever keeps a copy elsewhere. */
struct dedup_added {
    int64_t hour;
    uint64_t key;
};

struct dedup {
    struct dedup_hour *hours; /* a ring: hour h is at h mod ring */
    size_t ring;
    size_t keys; /* held in all hours */
    bool tracked;
    struct dedup_added *added; /* while tracked: since dedup_forget_added, in their order */
    size_t added_count, added_size;
};

/* Holds `hours` consecutive hours. */
void dedup_init(struct dedup *d, size_t hours);
void dedup_deinit(struct dedup *d);

/* True if the key is new in that hour, and is now held. The hour must be within the ring's reach of all hours used
 * since; an hour that takes the place of an older one forgets the older one's keys. */
bool dedup_add(struct dedup *d, int64_t hour, uint64_t key);

void dedup_forget_added(struct dedup *d);

/* Forgets the keys of all hours before `hour`; returns how many. */
size_t dedup_forget_below(struct dedup *d, int64_t hour);

/* The earliest hour that has keys; false when there are none. */
bool dedup_oldest(const struct dedup *d, int64_t *hour);

/* Asks the processor for the memory that dedup_add will touch. */
void dedup_prefetch(const struct dedup *d, int64_t hour, uint64_t key);

#endif
