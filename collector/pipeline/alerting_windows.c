/* The sums that rules look at: windows that slide, and the hours of five weeks. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/alerting_internal.h"

/* --- what there has to be ----------------------------------------------------------------------------------------- */

static int window_of(struct alerting *a, enum basis basis, int minutes) {
    assert(minutes > 0);
    for (int i = 0; i < a->window_count; i++)
        if (a->windows[i].minutes == minutes && a->windows[i].basis == basis)
            return i;
    a->windows = alloc_resize(a->windows, (size_t)a->window_count + 1, sizeof *a->windows);
    struct sliding *w = &a->windows[a->window_count];
    *w = (struct sliding){.basis = basis, .minutes = minutes, .unit = minutes > 120 ? HOUR_MINUTES : 1};
    w->ring = minutes / w->unit + 2;
    w->units = alloc_zeroed((size_t)w->ring, sizeof *w->units);
    for (int64_t i = 0; i < w->ring; i++) {
        w->units[i].index = INT64_MIN;
        map_init(&w->units[i].cells, sizeof(struct cell_counts));
    }
    map_init(&w->sums, sizeof(struct rate_counts));
    return a->window_count++;
}

unsigned alerting_counters(enum rate rate) {
    unsigned bits = 0;
    for (int i = 0; i < RATE_COUNTERS; i++) {
        struct rate_counts one = {0};
        one.n[i] = 1;
        if (rate_numerator(rate, &one) || rate_denominator(rate, &one))
            bits |= 1u << i;
    }
    return bits;
}

/* The kinds of series that belong to the scopes; the account always does. */
static unsigned kinds_of(unsigned scopes) {
    static const uint64_t kinds[ALERT_SCOPES] = {
        [SCOPE_ACCOUNT] = CELL_ACCOUNT,         [SCOPE_PROVIDER] = CELL_PROVIDER, [SCOPE_CONFIGURATION_SET] = CELL_SET,
        [SCOPE_PROVIDER_CONFIGURATION_SET] = 0, [SCOPE_IDENTITY] = CELL_IDENTITY,
    };
    unsigned bits = 1u << (CELL_ACCOUNT >> 56);
    for (int i = 0; i < ALERT_SCOPES; i++)
        if (scopes & 1u << i)
            bits |= 1u << (kinds[i] >> 56);
    return bits;
}

static void want_hours(struct alerting *a, const struct alert_rule *rule) {
    struct hours *h = &a->hours[alerting_basis(rule)];
    const unsigned sent = 1u << COUNT_SENT, provider = 1u << (CELL_PROVIDER >> 56);
    switch (rule->kind) {
    case ALERT_CHANGE:
        hours_want(h, alerting_counters(rule->rate), kinds_of(rule->scopes));
        break;
    case ALERT_DROP:
        hours_want(h, sent, kinds_of(rule->scopes));
        break;
    case ALERT_NEW_REASON:
        hours_want(h, sent | 1u << COUNT_BOUNCED, kinds_of(0) | provider | 1u << (CELL_REASON >> 56));
        break;
    default: /* the last sends; of the account's the providers are told */
        hours_want(h, sent | alerting_counters(rule->rate), kinds_of(rule->scopes) | provider);
        break;
    }
}

void alerting_make_window(struct alerting *a, struct rule_state *r) {
    const struct alert_rule *rule = r->rule;
    r->window = -1;
    if (alerting_is_hourly(rule) || rule->kind == ALERT_CHANGE || rule->kind == ALERT_NEW_REASON)
        want_hours(a, rule);
    if (rule->kind == ALERT_QUOTA_DAY)
        r->window = window_of(a, BASIS_EVENT, 24 * HOUR_MINUTES);
    else if (rule->kind == ALERT_QUOTA_SECOND)
        r->window = window_of(a, BASIS_EVENT, 1);
    else if (rule->kind != ALERT_SILENCE && !alerting_is_hourly(rule))
        r->window = window_of(a, alerting_basis(rule), rule->window);
}

static void free_window(struct sliding *w) {
    for (int64_t i = 0; i < w->ring; i++)
        map_deinit(&w->units[i].cells);
    free(w->units);
    map_deinit(&w->sums);
}

void alerting_free_windows(struct alerting *a) {
    for (int i = 0; i < a->window_count; i++)
        free_window(&a->windows[i]);
    free(a->windows);
    for (int i = 0; i < BASES; i++)
        hours_deinit(&a->hours[i]);
}

/* --- minutes ------------------------------------------------------------------------------------------------------ */

static struct grid_cell *unit_slot(struct sliding *w, int64_t index) {
    return &w->units[((index % w->ring) + w->ring) % w->ring];
}

/* The first unit that belongs to the window that ends with `minute`. */
static int64_t first_unit(const struct sliding *w, int64_t minute) {
    return floor_div(minute + 1 - w->minutes, w->unit);
}

static void add_cell(struct map *to, uint64_t series, const struct cell_counts *c) {
    struct cell_counts *sum = map_put(to, series);
    for (int i = 0; i < RATE_COUNTERS; i++)
        sum->n[i] += c->n[i];
}

/* A cell can be below zero: a first delay that moved away, and was in the sum already when the cell was made anew. */
static void add_to_sum(struct alerting *a, struct sliding *w, uint64_t series, const struct cell_counts *c,
                       bool leaving) {
    struct rate_counts *sum = map_put(&w->sums, series);
    for (int i = 0; i < RATE_COUNTERS; i++) {
        uint64_t n = (uint64_t)(int64_t)(int32_t)c->n[i];
        sum->n[i] = leaving ? sum->n[i] - n : sum->n[i] + n;
    }
    alerting_push(&a->changed, &a->changed_count, &a->changed_size, series);
}

static void add_to_sums(struct alerting *a, struct sliding *w, const struct map *cells, bool leaving) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);)
        add_to_sum(a, w, key, value, leaving);
}

static void drop_old_unit(struct alerting *a, struct sliding *w, int64_t minute) {
    int64_t gone = first_unit(w, minute) - 1;
    struct grid_cell *old = unit_slot(w, gone);
    if (old->index != gone)
        return;
    add_to_sums(a, w, &old->cells, true);
    map_clear(&old->cells);
    old->index = INT64_MIN;
}

static void add_unit(struct alerting *a, struct sliding *w, int64_t minute, uint64_t series,
                     const struct cell_counts *c) {
    struct grid_cell *unit = unit_slot(w, floor_div(minute, w->unit));
    unit->index = floor_div(minute, w->unit);
    add_cell(&unit->cells, series, c);
    add_to_sum(a, w, series, c, false);
}

static void slide(struct alerting *a, struct sliding *w, const struct closed_minute *m) {
    const struct map *cells = w->basis == BASIS_SENT ? m->cohorts : m->series;
    int64_t first = first_unit(w, m->minute);
    uint64_t key;
    void *value;
    for (size_t at = 0; cells && map_next(cells, &at, &key, &value);) {
        int64_t minute = m->minute - (w->basis == BASIS_SENT ? CELL_COHORT_MINUTES(key) : 0);
        if (floor_div(minute, w->unit) >= first)
            add_unit(a, w, minute, w->basis == BASIS_SENT ? CELL_COHORT_SERIES(key) : key, value);
    }
}

static void add_hours(struct alerting *a, const struct closed_minute *m) {
    uint64_t key;
    void *value;
    if (m->series)
        hours_add(&a->hours[BASIS_EVENT], floor_div(m->minute, HOUR_MINUTES), m->series);
    for (size_t at = 0; a->hours[BASIS_SENT].counters && m->cohorts && map_next(m->cohorts, &at, &key, &value);)
        hours_add_cell(&a->hours[BASIS_SENT], floor_div(m->minute - CELL_COHORT_MINUTES(key), HOUR_MINUTES),
                       CELL_COHORT_SERIES(key), value);
}

void alerting_slide_windows(struct alerting *a, int64_t minute, const struct closed_minute *m) {
    const int64_t day = 24 * HOUR_MINUTES;
    for (int i = 0; i < a->window_count; i++) {
        drop_old_unit(a, &a->windows[i], minute);
        if (m)
            slide(a, &a->windows[i], m);
    }
    if (m)
        add_hours(a, m);
    for (int i = 0; i < BASES && minute % day == 0; i++)
        hours_trim(&a->hours[i], floor_div(minute, HOUR_MINUTES));
}

/* --- what comes late ---------------------------------------------------------------------------------------------- */

static void amend_window(struct alerting *a, struct sliding *w, int64_t minute, uint64_t series, unsigned counters,
                         int by) {
    int64_t unit = floor_div(minute, w->unit);
    if (unit < first_unit(w, a->next - 1))
        return;
    struct grid_cell *cell = unit_slot(w, unit);
    cell->index = unit;
    cell_add(&cell->cells, series, counters, by);
    struct rate_counts *sum = map_put(&w->sums, series);
    for (unsigned bits = counters; bits; bits &= bits - 1)
        sum->n[__builtin_ctz(bits)] += (uint64_t)(int64_t)by;
}

void alerting_amend_windows(struct alerting *a, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                            int by) {
    for (int i = 0; i < a->window_count; i++)
        amend_window(a, &a->windows[i], a->windows[i].basis == BASIS_SENT ? sent_minute : minute, series, counters, by);
    hours_amend(&a->hours[BASIS_EVENT], floor_div(minute, HOUR_MINUTES), series, counters, by);
    hours_amend(&a->hours[BASIS_SENT], floor_div(sent_minute, HOUR_MINUTES), series, counters, by);
    map_put(&a->late, series);
}

/* --- the past ----------------------------------------------------------------------------------------------------- */

/* Adds what was counted in the part of an hour that lies before a->next. */
static void add_past_hour(const struct alerting *a, const struct aggregate *counts, enum basis basis, int64_t hour,
                          struct map *cells) {
    if ((hour + 1) * HOUR_MINUTES <= a->next) {
        aggregate_past_hour(counts, basis, hour, cells);
        return;
    }
    for (int64_t minute = hour * HOUR_MINUTES; minute < a->next; minute++)
        aggregate_past_minute(counts, basis, minute, cells);
}

static void fill_window(struct alerting *a, struct sliding *w, const struct aggregate *counts) {
    int64_t last = a->next - 1;
    for (int64_t unit = first_unit(w, last); unit <= floor_div(last, w->unit); unit++) {
        struct grid_cell *cell = unit_slot(w, unit);
        map_clear(&cell->cells);
        cell->index = unit;
        if (w->unit > 1)
            add_past_hour(a, counts, w->basis, unit, &cell->cells);
        else
            aggregate_past_minute(counts, w->basis, unit, &cell->cells);
        add_to_sums(a, w, &cell->cells, false);
    }
}

static void fill_hours(struct alerting *a, enum basis basis, const struct aggregate *counts) {
    struct hours *h = &a->hours[basis];
    int64_t last = floor_div(a->next - 1, HOUR_MINUTES);
    for (int64_t hour = last - HOURS_KEPT + 1; h->counters && hour <= last; hour++) {
        struct map cells;
        map_init(&cells, sizeof(struct cell_counts));
        add_past_hour(a, counts, basis, hour, &cells);
        hours_add(h, hour, &cells);
        map_deinit(&cells);
    }
}

void alerting_fill_windows(struct alerting *a, const struct aggregate *counts) {
    for (int i = 0; a->started && i < a->window_count; i++)
        fill_window(a, &a->windows[i], counts);
    for (int i = 0; a->started && i < BASES; i++)
        fill_hours(a, (enum basis)i, counts);
    for (size_t i = 0; i < a->changed_count; i++) /* whatever a rule makes of them, with the next minute */
        map_put(&a->late, a->changed[i]);
    a->changed_count = 0;
}
