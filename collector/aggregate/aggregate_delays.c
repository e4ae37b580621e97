/* When a message was delayed for a recipient for the first time. */
#include <stdlib.h>

#include "aggregate/aggregate_internal.h"
#include "core/alloc.h"

void aggregate_init_delays(struct aggregate *a) {
    /* Days that a delay may be of, and those that it may have to be held against. */
    a->delay_ring = (size_t)(a->lateness_hours / 24) + DELAY_MEMORY_DAYS + 3;
    a->delays = alloc_zeroed(a->delay_ring, sizeof *a->delays);
    for (size_t i = 0; i < a->delay_ring; i++) {
        a->delays[i].day = INT64_MIN;
        map_init(&a->delays[i].first, sizeof(struct first_delay));
    }
}

void aggregate_deinit_delays(struct aggregate *a) {
    for (size_t i = 0; i < a->delay_ring; i++)
        map_deinit(&a->delays[i].first);
    free(a->delays);
}

static struct delay_day *delay_slot(struct aggregate *a, int64_t day) {
    int64_t ring = (int64_t)a->delay_ring;
    return &a->delays[((day % ring) + ring) % ring];
}

/* The first delay that is remembered when another comes at `time_ms`: four days before it or after it. Of the same
 * message and recipient there is at most one on either side, since two are more than four days apart; the earlier one
 * is asked for first. */
static struct first_delay *find_delay(struct aggregate *a, uint64_t key, int64_t time_ms) {
    const int64_t memory = DELAY_MEMORY_DAYS * (int64_t)DAY_MS;
    int64_t last = floor_div(time_ms + memory, DAY_MS);
    for (int64_t day = floor_div(time_ms - memory, DAY_MS); day <= last; day++) {
        struct delay_day *d = delay_slot(a, day);
        struct first_delay *found = d->day == day ? map_get(&d->first, key) : NULL;
        if (found && found->period != DELAY_FORGOTTEN && found->event.time_ms >= time_ms - memory &&
            found->event.time_ms <= time_ms + memory)
            return found;
    }
    return NULL;
}

static struct first_delay *put_delay(struct aggregate *a, uint64_t key, int64_t time_ms) {
    int64_t day = floor_div(time_ms, DAY_MS);
    struct delay_day *d = delay_slot(a, day);
    if (d->day != day) {
        map_clear(&d->first);
        d->day = day;
    }
    return map_put(&d->first, key);
}

void aggregate_note_delay(struct aggregate *a, const struct event *e, int period) {
    uint64_t key = e->message_key >> 1; /* a map takes no UINT64_MAX; 63 keyed bits tell recipients apart as well */
    struct first_delay *known = find_delay(a, key, e->time_ms);
    if (known && known->event.time_ms <= e->time_ms)
        return;
    if (known) {
        aggregate_count_delayed(a, &known->event, known->period, -1);
        put_delay(a, key, known->event.time_ms)->period = DELAY_FORGOTTEN; /* put: it must be saved, too */
    }
    *put_delay(a, key, e->time_ms) = (struct first_delay){*e, period};
    aggregate_count_delayed(a, e, period, 1);
}
