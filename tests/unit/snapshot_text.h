/* Everything that a snapshot or a closed minute says, as text: what two runs gave is held against each other so, and a
 * difference can be read. */
#ifndef TESTS_SNAPSHOT_TEXT_H
#define TESTS_SNAPSHOT_TEXT_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/aggregate.h"
#include "aggregate/cells.h"

static inline void snapshot_text_numbers(FILE *out, const char *what, const uint64_t *n, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (n[i])
            fprintf(out, " %s%zu=%" PRIu64, what, i, n[i]);
}

static inline void snapshot_text_tally(FILE *out, const struct tally *t) {
    snapshot_text_numbers(out, "records", t->records, EVENT_TYPES);
    snapshot_text_numbers(out, "recipients", t->recipients, EVENT_TYPES);
    snapshot_text_numbers(out, "rate", t->rates.n, RATE_COUNTERS);
    snapshot_text_numbers(out, "bucket", t->delivery_count, DELIVERY_BUCKETS);
    fprintf(out, " ms=%" PRIu64 "\n", t->delivery_ms_sum);
}

static inline void snapshot_text_view(FILE *out, const struct view *v) {
    fprintf(out, "view %d %s overflowed=%" PRIu64 "\n", (int)v->kind, v->title, v->overflowed);
    for (size_t i = 0; i < v->count; i++)
        for (int p = 0; p < PERIODS; p++) {
            const struct view_row *r = &v->rows[i];
            fprintf(out, "  [%s|%s|%s] %d:", r->provider ? r->provider : "-",
                    r->configuration_set ? r->configuration_set : "-", r->name ? r->name : "-", p);
            snapshot_text_tally(out, &r->tally[p]);
        }
}

static inline void snapshot_text_rows(FILE *out, const struct snapshot *s) {
    for (size_t i = 0; i < s->detail_count; i++) {
        const struct detail_row *d = &s->details[i];
        fprintf(out, "detail %d %s %s [%s|%s] %" PRIu64 " before=%" PRIu64 "\n", (int)d->kind, d->first,
                d->second ? d->second : "-", d->configuration_set, d->provider ? d->provider : "-", d->count,
                d->before);
    }
    for (size_t i = 0; i < s->window_count; i++) {
        const struct window_row *w = &s->windows[i];
        fprintf(out, "window %s %s %s [%s|%s|%s]", snapshot_window_name(s, w->window), basis_names[w->basis], w->scope,
                w->provider, w->configuration_set, w->identity);
        snapshot_text_numbers(out, "rate", w->counts.n, RATE_COUNTERS);
        fputc('\n', out);
    }
    for (size_t i = 0; i < s->reputation_count; i++) {
        const struct reputation_row *r = &s->reputation[i];
        fprintf(out, "reputation %s %s [%s] %" PRIu64 "/%" PRIu64 " %s %" PRIu64 " to %g\n",
                reputation_kind_name(r->kind), r->scope, r->configuration_set, r->numerator, r->denominator,
                reputation_state_name(r->state), r->to_next, r->next_threshold);
    }
    for (size_t i = 0; i < s->reason_count; i++) {
        const struct reason_row *r = &s->reasons[i];
        fprintf(out, "reason %s [%s] %s %" PRIu64 "\n", snapshot_window_name(s, r->window), r->provider,
                bounce_reason_name(r->reason), r->bounced);
    }
    fprintf(out, "domains %" PRIu64 " %" PRIu64 " visits forgotten %" PRIu64 "\n", s->domains_learned,
            s->domains_forgotten, s->visits_forgotten);
}

/* Without the accounting, which tells how the input was given. Returns new. */
static inline char *snapshot_text(const struct snapshot *s) {
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "%s watermark=%" PRId64 " first=%" PRId64 " before=%d %" PRId64 " %" PRId64 " %" PRId64 "\n",
            s->sources[0].name, s->watermark_ms, s->first_ms, s->has_before, s->from_ms, s->to_ms, s->before_from_ms);
    fprintf(out, "overflow %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " series %" PRIu64 "\n", s->overflow_set,
            s->overflow_identity, s->overflow_tag, s->overflow_template, s->series);
    for (int i = 0; i < EVENT_TYPES; i++)
        fprintf(out, "last %d %" PRId64 "\n", i, s->last_event_ms[i]);
    snapshot_text_view(out, &s->account);
    snapshot_text_view(out, &s->both);
    for (size_t i = 0; i < s->view_count; i++)
        snapshot_text_view(out, &s->views[i]);
    snapshot_text_rows(out, s);
    fclose(out);
    return text;
}

static inline int snapshot_text_by_key(const void *x, const void *y) {
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* The keys of a table in their order. Returns new. */
static inline uint64_t *snapshot_text_keys(const struct map *m) {
    uint64_t *keys = calloc(m->len + 1, sizeof *keys), key;
    void *value;
    size_t count = 0;
    for (size_t at = 0; map_next(m, &at, &key, &value);)
        keys[count++] = key;
    qsort(keys, count, sizeof *keys, snapshot_text_by_key);
    return keys;
}

static inline void snapshot_text_cells(FILE *out, const char *what, const struct map *cells) {
    uint64_t *keys = snapshot_text_keys(cells);
    for (size_t i = 0; i < cells->len; i++) {
        const struct cell_counts *c = map_get(cells, keys[i]);
        for (int n = 0; n < RATE_COUNTERS; n++)
            if (c->n[n])
                fprintf(out, "  %s %" PRIx64 " rate%d=%u\n", what, keys[i], n, c->n[n]);
    }
    free(keys);
}

/* A series that only holds zeros (a first delay that moved away) says as much as one that is not there. */
static inline void closed_minute_text(FILE *out, const struct closed_minute *m) {
    uint32_t records = 0;
    for (int i = 0; i < EVENT_TYPES; i++)
        records += m->records[i];
    fprintf(out, "minute %" PRId64 " records=%u\n", m->minute, records);
    for (int i = 0; i < EVENT_TYPES; i++)
        if (m->records[i])
            fprintf(out, "  type%d=%u\n", i, m->records[i]);
    snapshot_text_cells(out, "series", m->series);
    snapshot_text_cells(out, "cohort", m->cohorts);
    uint64_t *keys = snapshot_text_keys(m->steps);
    for (size_t i = 0; i < m->steps->len; i++) {
        const struct step_counts *c = map_get(m->steps, keys[i]);
        for (int n = 0; n < EVENT_TYPES; n++)
            if (c->records[n] || c->recipients[n])
                fprintf(out, "  step %" PRIx64 " type%d=%u %u\n", keys[i], n, c->records[n], c->recipients[n]);
    }
    free(keys);
    keys = snapshot_text_keys(m->details);
    for (size_t i = 0; i < m->details->len; i++)
        fprintf(out, "  detail %" PRIx64 " %" PRIu64 "\n", keys[i], *(const uint64_t *)map_get(m->details, keys[i]));
    free(keys);
}

#endif
