#include "pipeline/hours.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* Entries of 1 + width numbers each, the hour first; by rising hour. */
struct hour_list {
    uint32_t *entries;
    size_t count, size;
};

void hours_init(struct hours *h) {
    *h = (struct hours){0};
    map_init(&h->series, sizeof(struct hour_list));
}

void hours_forget(struct hours *h) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&h->series, &at, &key, &value);)
        free(((struct hour_list *)value)->entries);
    map_clear(&h->series);
}

void hours_deinit(struct hours *h) {
    hours_forget(h);
    map_deinit(&h->series);
}

void hours_want(struct hours *h, unsigned counters, unsigned kinds) {
    h->counters |= counters;
    h->kinds |= kinds;
    h->width = (unsigned)__builtin_popcount(h->counters);
}

/* --- one series --------------------------------------------------------------------------------------------------- */

static size_t stride_of(const struct hours *h) {
    return 1 + h->width;
}

static int64_t hour_of(const struct hours *h, const struct hour_list *l, size_t i) {
    return (int32_t)l->entries[i * stride_of(h)];
}

/* The first entry at or behind `hour`; looks at the end first, where most are wanted. */
static size_t entry_at(const struct hours *h, const struct hour_list *l, int64_t hour) {
    size_t low = 0, high = l->count;
    if (high && hour_of(h, l, high - 1) < hour)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hour_of(h, l, middle) < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The counters of an hour, zeroed if it was not there. */
static uint32_t *put_hour(struct hours *h, uint64_t series, int64_t hour) {
    struct hour_list *l = map_put(&h->series, series);
    size_t stride = stride_of(h), at = entry_at(h, l, hour);
    if (at == l->count || hour_of(h, l, at) != hour) {
        if (l->count == l->size) {
            l->size = l->size ? l->size * 2 : 4;
            l->entries = alloc_resize(l->entries, l->size, stride * sizeof *l->entries);
        }
        uint32_t *place = l->entries + at * stride;
        memmove(place + stride, place, (l->count - at) * stride * sizeof *place);
        memset(place, 0, stride * sizeof *place);
        place[0] = (uint32_t)(int32_t)hour;
        l->count++;
    }
    return l->entries + at * stride + 1;
}

static bool is_wanted(const struct hours *h, uint64_t series) {
    return h->counters && h->kinds >> (CELL_KIND(series) >> 56) & 1;
}

void hours_add_cell(struct hours *h, int64_t hour, uint64_t series, const struct cell_counts *counts) {
    uint32_t any = 0;
    if (!is_wanted(h, series))
        return;
    for (unsigned bits = h->counters; bits; bits &= bits - 1)
        any |= counts->n[__builtin_ctz(bits)];
    if (!any)
        return;
    uint32_t *to = put_hour(h, series, hour);
    for (unsigned bits = h->counters; bits; bits &= bits - 1)
        *to++ += counts->n[__builtin_ctz(bits)];
}

void hours_add(struct hours *h, int64_t hour, const struct map *cells) {
    uint64_t key;
    void *value;
    for (size_t at = 0; h->counters && map_next(cells, &at, &key, &value);)
        hours_add_cell(h, hour, key, value);
}

void hours_amend(struct hours *h, int64_t hour, uint64_t series, unsigned counters, int by) {
    struct cell_counts counts = {0};
    for (unsigned bits = counters; bits; bits &= bits - 1)
        counts.n[__builtin_ctz(bits)] += (uint32_t)by;
    hours_add_cell(h, hour, series, &counts);
}

void hours_trim(struct hours *h, int64_t hour) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&h->series, &at, &key, &value);) {
        struct hour_list *l = value;
        size_t stride = stride_of(h), gone = entry_at(h, l, hour - HOURS_KEPT + 1);
        if (!gone)
            continue;
        l->count -= gone;
        memmove(l->entries, l->entries + gone * stride, l->count * stride * sizeof *l->entries);
    }
}

/* --- asked for ---------------------------------------------------------------------------------------------------- */

static void add_entry(const struct hours *h, const struct hour_list *l, size_t i, struct rate_counts *sum) {
    const uint32_t *from = l->entries + i * stride_of(h) + 1;
    for (unsigned bits = h->counters; bits; bits &= bits - 1)
        sum->n[__builtin_ctz(bits)] += *from++;
}

void hours_sum(const struct hours *h, uint64_t series, int64_t first, int64_t last, struct rate_counts *sum) {
    const struct hour_list *l = map_get(&h->series, series);
    for (size_t i = l ? entry_at(h, l, first) : 0; l && i < l->count && hour_of(h, l, i) <= last; i++)
        add_entry(h, l, i, sum);
}

int64_t hours_latest(const struct hours *h, uint64_t series, int64_t last, uint64_t sends, struct rate_counts *sum) {
    const struct hour_list *l = map_get(&h->series, series);
    int64_t first = last + 1;
    for (size_t i = l ? entry_at(h, l, last + 1) : 0; i-- > 0;) {
        if (sum->n[COUNT_SENT] >= sends || hour_of(h, l, i) <= last - HOURS_KEPT)
            break;
        add_entry(h, l, i, sum);
        first = hour_of(h, l, i);
    }
    return first;
}

int64_t hours_first(const struct hours *h, uint64_t series) {
    const struct hour_list *l = map_get(&h->series, series);
    return l && l->count ? hour_of(h, l, 0) : INT64_MAX;
}
