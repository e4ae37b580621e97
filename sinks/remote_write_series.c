#include "sinks/remote_write_series.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

enum { SLOTS_MIN = 1024 };

void remote_series_init(struct remote_series_table *t) {
    *t = (struct remote_series_table){.key = hash_key_random()};
}

void remote_series_deinit(struct remote_series_table *t) {
    for (size_t i = 0; i < t->count; i++) {
        free(t->series[i].labels);
        free(t->series[i].exemplar);
    }
    free(t->series);
    free(t->slots);
    free(t->free_places);
}

static size_t slot_of(const struct remote_series_table *t, uint64_t hash, struct span labels) {
    size_t mask = t->slot_count - 1, at = (size_t)hash & mask;
    for (; t->slots[at]; at = (at + 1) & mask) {
        const struct remote_series *s = &t->series[t->slots[at] - 1];
        if (s->hash == hash && s->len == labels.len && memcmp(s->labels, labels.ptr, labels.len) == 0)
            break;
    }
    return at;
}

/* Anew: there is no taking out of such a table. */
static void rebuild(struct remote_series_table *t, size_t slots) {
    free(t->slots);
    t->slots = alloc_zeroed(slots, sizeof *t->slots);
    t->slot_count = slots;
    t->used = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct remote_series *s = &t->series[i];
        if (!s->labels)
            continue;
        t->slots[slot_of(t, s->hash, (struct span){s->labels, s->len})] = i + 1;
        t->used++;
    }
}

static uint32_t take_place(struct remote_series_table *t) {
    if (t->free_count)
        return t->free_places[--t->free_count];
    if (t->count == t->size) {
        t->size = t->size ? t->size * 2 : SLOTS_MIN / 2;
        t->series = alloc_resize(t->series, t->size, sizeof *t->series);
    }
    return (uint32_t)t->count++;
}

uint32_t remote_series_find(struct remote_series_table *t, struct span labels, const struct remote_metadata *metadata) {
    uint64_t hash = hash_bytes(&t->key, labels.ptr, labels.len);
    if (t->used * 2 >= t->slot_count)
        rebuild(t, t->slot_count ? t->slot_count * 2 : SLOTS_MIN);
    size_t slot = slot_of(t, hash, labels);
    if (t->slots[slot])
        return t->slots[slot] - 1;
    uint32_t number = take_place(t);
    t->series[number] = (struct remote_series){.labels = alloc_string(labels.ptr, labels.len),
                                               .len = (uint32_t)labels.len,
                                               .hash = hash,
                                               .metadata = metadata};
    t->slots[slot] = number + 1;
    t->used++;
    t->bytes += labels.len;
    return number;
}

void remote_series_exemplar(struct remote_series *s, const struct exemplar *exemplar) {
    if (!s->exemplar)
        s->exemplar = alloc_zeroed(1, sizeof *s->exemplar);
    else if (exemplar->time_ms <= s->exemplar->time_ms)
        return; /* receivers want their times to rise */
    *s->exemplar = *exemplar;
    s->exemplar_waits = true;
}

static void give_place(struct remote_series_table *t, uint32_t number) {
    if (t->free_count == t->free_size) {
        t->free_size = t->free_size ? t->free_size * 2 : 64;
        t->free_places = alloc_resize(t->free_places, t->free_size, sizeof *t->free_places);
    }
    t->free_places[t->free_count++] = number;
}

void remote_series_sweep(struct remote_series_table *t, uint64_t round) {
    bool any = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct remote_series *s = &t->series[i];
        if (!s->labels || s->waiting || s->round >= round)
            continue;
        t->bytes -= s->len;
        free(s->labels);
        free(s->exemplar);
        *s = (struct remote_series){0};
        give_place(t, i);
        any = true;
    }
    if (any)
        rebuild(t, t->slot_count);
}
