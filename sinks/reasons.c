#include "sinks/reasons.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* Rows while they are collected: there are few providers, so a walk finds them. */
struct list {
    struct provider_reasons *rows;
    size_t count, size;
};

static struct provider_reasons *row_of(struct list *l, const char *provider) {
    for (size_t i = l->count; i-- > 0;)
        if (strcmp(l->rows[i].provider, provider) == 0)
            return &l->rows[i];
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 16;
        l->rows = alloc_resize(l->rows, l->size, sizeof *l->rows);
    }
    l->rows[l->count] = (struct provider_reasons){.provider = provider};
    return &l->rows[l->count++];
}

static void add(struct list *l, const char *provider, enum bounce_reason reason, uint64_t now, uint64_t before) {
    if (strcmp(provider, "simulator") == 0 || (now == 0 && before == 0))
        return;
    struct provider_reasons *row = row_of(l, provider);
    struct reason_share *share = NULL;
    for (unsigned i = 0; i < row->share_count && !share; i++)
        if (row->shares[i].reason == reason)
            share = &row->shares[i];
    if (!share) {
        share = &row->shares[row->share_count++];
        *share = (struct reason_share){.reason = reason};
    }
    share->count += now;
    share->before += before;
    row->total += now;
    row->total_before += before;
}

static int by_share(const void *x, const void *y) {
    const struct reason_share *a = x, *b = y;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(bounce_reason_name(a->reason), bounce_reason_name(b->reason));
}

static int by_total(const void *x, const void *y) {
    const struct provider_reasons *a = x, *b = y;
    if (a->total != b->total)
        return a->total < b->total ? 1 : -1;
    return strcmp(a->provider, b->provider);
}

static struct provider_reasons *sorted(struct list *l, size_t *count) {
    for (size_t i = 0; i < l->count; i++)
        qsort(l->rows[i].shares, l->rows[i].share_count, sizeof l->rows[i].shares[0], by_share);
    if (l->count)
        qsort(l->rows, l->count, sizeof *l->rows, by_total);
    *count = l->count;
    return l->rows;
}

struct provider_reasons *reasons_of_period(const struct snapshot *s, enum detail_kind kind, size_t *count) {
    struct list l = {0};
    for (size_t i = 0; i < s->detail_count; i++) {
        const struct detail_row *d = &s->details[i];
        enum bounce_reason reason;
        if (d->kind == kind && bounce_reason_parse(d->first, &reason))
            add(&l, d->provider, reason, d->count, d->before);
    }
    return sorted(&l, count);
}

struct provider_reasons *reasons_of_windows(const struct snapshot *s, int window, int longer, size_t *count) {
    struct list l = {0};
    for (size_t i = 0; i < s->reason_count; i++)
        if (s->reasons[i].window == window)
            add(&l, s->reasons[i].provider, s->reasons[i].reason, s->reasons[i].bounced, 0);
    size_t shorter = l.count;
    for (size_t i = 0; i < s->reason_count; i++)
        if (s->reasons[i].window == longer)
            add(&l, s->reasons[i].provider, s->reasons[i].reason, 0, s->reasons[i].bounced);
    for (size_t i = 0; i < shorter; i++) { /* the longer window holds the shorter one */
        struct provider_reasons *row = &l.rows[i];
        row->total_before -= row->total < row->total_before ? row->total : row->total_before;
        for (unsigned r = 0; r < row->share_count; r++) {
            struct reason_share *share = &row->shares[r];
            share->before -= share->count < share->before ? share->count : share->before;
        }
    }
    return sorted(&l, count);
}
