#include "aggregate/dedup.h"

#include <stdlib.h>

#include "core/alloc.h"

enum { FIRST_SIZE = 64 };

void dedup_init(struct dedup *d, size_t hours) {
    *d = (struct dedup){.ring = hours};
    d->hours = alloc_zeroed(hours, sizeof *d->hours);
}

void dedup_deinit(struct dedup *d) {
    for (size_t i = 0; i < d->ring; i++)
        free(d->hours[i].slots);
    free(d->hours);
    free(d->added);
    *d = (struct dedup){0};
}

static inline struct dedup_hour *hour_slot(const struct dedup *d, int64_t hour) {
    int64_t ring = (int64_t)d->ring;
    return &d->hours[((hour % ring) + ring) % ring];
}

/* Keys are keyed hashes already: their low bits serve as they are. */
static inline size_t find(const uint64_t *slots, size_t size, uint64_t key) {
    size_t i = (size_t)key & (size - 1);
    while (slots[i] && slots[i] != key)
        i = (i + 1) & (size - 1);
    return i;
}

static void grow(struct dedup_hour *h) {
    size_t size = h->size ? h->size * 2 : FIRST_SIZE;
    uint64_t *slots = alloc_zeroed(size, sizeof *slots);
    for (size_t i = 0; i < h->size; i++)
        if (h->slots[i])
            slots[find(slots, size, h->slots[i])] = h->slots[i];
    free(h->slots);
    h->slots = slots;
    h->size = size;
}

static void note_added(struct dedup *d, int64_t hour, uint64_t key) {
    if (d->added_count == d->added_size) {
        d->added_size = d->added_size ? d->added_size * 2 : 1024;
        d->added = alloc_resize(d->added, d->added_size, sizeof *d->added);
    }
    d->added[d->added_count++] = (struct dedup_added){hour, key};
}

void dedup_forget_added(struct dedup *d) {
    d->added_count = 0;
}

static void restart_hour(struct dedup *d, struct dedup_hour *h, int64_t hour) {
    d->keys -= h->used;
    free(h->slots);
    *h = (struct dedup_hour){.hour = hour};
}

size_t dedup_forget_below(struct dedup *d, int64_t hour) {
    size_t before = d->keys;
    for (size_t i = 0; i < d->ring; i++)
        if (d->hours[i].used && d->hours[i].hour < hour)
            restart_hour(d, &d->hours[i], d->hours[i].hour);
    return before - d->keys;
}

bool dedup_oldest(const struct dedup *d, int64_t *hour) {
    bool any = false;
    for (size_t i = 0; i < d->ring; i++) {
        const struct dedup_hour *h = &d->hours[i];
        if (h->used && (!any || h->hour < *hour)) {
            *hour = h->hour;
            any = true;
        }
    }
    return any;
}

bool dedup_add(struct dedup *d, int64_t hour, uint64_t key) {
    struct dedup_hour *h = hour_slot(d, hour);
    if (h->hour != hour)
        restart_hour(d, h, hour);
    if (!key)
        key = 1; /* 0 marks a free slot */
    if (h->used * 5 >= h->size * 4)
        grow(h);
    size_t i = find(h->slots, h->size, key);
    if (h->slots[i])
        return false;
    h->slots[i] = key;
    h->used++;
    d->keys++;
    if (d->tracked)
        note_added(d, hour, key);
    return true;
}

void dedup_prefetch(const struct dedup *d, int64_t hour, uint64_t key) {
    const struct dedup_hour *h = hour_slot(d, hour);
    if (h->size)
        __builtin_prefetch(&h->slots[(size_t)key & (h->size - 1)], 1);
}
