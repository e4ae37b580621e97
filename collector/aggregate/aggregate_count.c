/* Adding up: the tallies of all time, the grids, the open minutes. */
#include <string.h>

#include "aggregate/aggregate_internal.h"
#include "aggregate/detail_names.h"

struct tally *aggregate_tally(struct map *tallies, uint64_t key, int period) {
    return (struct tally *)map_put(tallies, key) + period;
}

/* --- by time ------------------------------------------------------------------------------------------------------ */

static void count_in_grid(struct grid *g, int64_t time_ms, const struct event *e, unsigned counters, int by) {
    struct map *cells = grid_cells(g, time_ms);
    if (!cells)
        return;
    cell_add(cells, CELL_PAIR(e->set, e->provider), counters, by);
    cell_add(cells, CELL_IDENTITY | e->identity, counters, by);
    if (counters & 1u << COUNT_BOUNCED)
        cell_add(cells, CELL_REASON_OF(e->provider, e->reason), 1u << COUNT_BOUNCED, by);
}

/* A series that an event is part of. */
struct part {
    uint64_t series;
    unsigned counters;
};

static int parts_of(const struct aggregate *a, const struct event *e, unsigned counters, struct part parts[6]) {
    int count = 0;
    parts[count++] = (struct part){CELL_ACCOUNT, counters};
    parts[count++] = (struct part){CELL_PROVIDER | e->provider, counters};
    parts[count++] = (struct part){CELL_SET | e->set, counters};
    if (counters & 1u << COUNT_BOUNCED)
        parts[count++] = (struct part){CELL_REASON_OF(e->provider, e->reason), 1u << COUNT_BOUNCED};
    if (a->options.keep_wide) {
        parts[count++] = (struct part){CELL_PAIR(e->set, e->provider), counters};
        parts[count++] = (struct part){CELL_IDENTITY | e->identity, counters};
    }
    return count;
}

static void count_in_minute(struct aggregate *a, int64_t minute, int64_t sent_minute, const struct part *parts,
                            int count, int by) {
    struct open_minute *m = aggregate_open_minute(a, minute);
    for (int i = 0; i < count; i++)
        cell_add(&m->series, parts[i].series, parts[i].counters, by);
    if (!a->options.keep_cohorts || minute - sent_minute > CELL_COHORT_MAX)
        return;
    for (int i = 0; i < count; i++)
        cell_add(&m->cohorts, CELL_COHORT(parts[i].series, minute - sent_minute), parts[i].counters, by);
}

/* Adds `by` to rate counters everywhere they are kept by time. The period before is there to compare with only. */
static void count_in_time(struct aggregate *a, const struct event *e, int period, unsigned counters, int by) {
    if (!counters || period != PERIOD_NOW)
        return;
    count_in_grid(&a->grids[BASIS_EVENT], e->time_ms, e, counters, by);
    count_in_grid(&a->grids[BASIS_SENT], e->sent_ms, e, counters, by);
    if (!a->options.on_closed)
        return;
    struct part parts[6];
    int count = parts_of(a, e, counters, parts);
    int64_t minute = floor_div(e->time_ms, MINUTE_MS), sent_minute = floor_div(e->sent_ms, MINUTE_MS);
    if (minute >= a->next_close) {
        count_in_minute(a, minute, sent_minute, parts, count, by);
        return;
    }
    for (int i = 0; i < count; i++)
        a->options.on_amended(a->options.on_closed_context, minute, sent_minute, parts[i].series, parts[i].counters,
                              by);
}

/* --- tallies ------------------------------------------------------------------------------------------------------ */

static void count_in_tally(struct tally *t, const struct event *e, int bucket) {
    t->recipients[e->type]++;
    for (unsigned bits = e->counters; bits; bits &= bits - 1)
        t->rates.n[__builtin_ctz(bits)]++;
    if (bucket >= 0) {
        t->delivery_count[bucket]++;
        t->delivery_ms_sum += e->delivery_ms;
    }
}

static void count_in_tallies(struct aggregate *a, const struct event *e, int period) {
    int bucket = e->delivery_ms == EVENT_NO_DELIVERY_MS ? -1 : delivery_bucket(e->delivery_ms);
    count_in_tally(aggregate_tally(&a->pairs, CELL_PAIR(e->set, e->provider), period), e, bucket);
    count_in_tally(aggregate_tally(&a->identities, e->identity, period), e, bucket);
    for (unsigned i = 0; i < a->options.tag_count; i++)
        count_in_tally(aggregate_tally(&a->tags[i], e->tags[i], period), e, bucket);
}

/* One rate counter alone. */
static void count_rate(struct aggregate *a, const struct event *e, int period, enum rate_counter counter, int by) {
    uint64_t n = (uint64_t)(int64_t)by; /* adding 2^64 - 1 takes one away */
    aggregate_tally(&a->pairs, CELL_PAIR(e->set, e->provider), period)->rates.n[counter] += n;
    aggregate_tally(&a->identities, e->identity, period)->rates.n[counter] += n;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        aggregate_tally(&a->tags[i], e->tags[i], period)->rates.n[counter] += n;
    count_in_time(a, e, period, 1u << counter, by);
}

void aggregate_count_delayed(struct aggregate *a, const struct event *e, int period, int by) {
    count_rate(a, e, period, COUNT_DELAYED, by);
}

/* --- details ------------------------------------------------------------------------------------------------------ */

/* In the minute too, where that is asked for and the minute is open. */
static struct open_minute *minute_for_details(struct aggregate *a, const struct event *e, int period) {
    int64_t minute = floor_div(e->time_ms, MINUTE_MS);
    bool wanted = a->options.keep_details && a->options.on_closed && period == PERIOD_NOW && minute >= a->next_close;
    return wanted ? aggregate_open_minute(a, minute) : NULL;
}

static void count_one_detail(struct aggregate *a, const struct event *e, int period, enum detail_kind kind,
                             uint32_t detail) {
    uint64_t key = DETAIL_KEY(kind, detail, e->set, e->provider);
    struct open_minute *m = minute_for_details(a, e, period);
    ++((uint64_t *)map_put(&a->details, key))[period];
    if (m)
        ++*(uint64_t *)map_put(&m->details, key);
}

static void count_details(struct aggregate *a, const struct event *e, int period) {
    struct detail details[EVENT_DETAILS];
    unsigned count = detail_of_event(e, details);
    for (unsigned i = 0; i < count; i++)
        count_one_detail(a, e, period, details[i].kind, details[i].detail);
}

/* --- opens and clicks --------------------------------------------------------------------------------------------- */

static void let_wait(struct aggregate *a, const struct event *e, int period) {
    int64_t minute = floor_div(e->time_ms, MINUTE_MS), ago = minute - floor_div(e->sent_ms, MINUTE_MS);
    struct visit v = {
        .message_key = e->message_key,
        .key = e->key,
        .set = e->set,
        .identity = e->identity,
        .link = e->link,
        .sent_minutes = ago < UINT32_MAX ? (uint32_t)ago : UINT32_MAX,
        .provider = e->provider,
        .ms = (uint16_t)(e->time_ms - minute * MINUTE_MS),
        .type = e->type,
        .visitor = e->visitor,
        .period = (uint8_t)period,
    };
    memcpy(v.tags, e->tags, sizeof v.tags);
    visits_add(&a->visits, minute, &v, a->next_close);
}

void aggregate_count_visit(void *context, const struct visit *v, int64_t minute, enum visitor agent, bool is_first) {
    struct aggregate *a = context;
    struct event e = {
        .time_ms = minute * MINUTE_MS + v->ms,
        .sent_ms = (minute - v->sent_minutes) * MINUTE_MS,
        .set = v->set,
        .identity = v->identity,
        .provider = v->provider,
        .type = v->type,
    };
    memcpy(e.tags, v->tags, sizeof e.tags);
    bool open = v->type == EVENT_OPEN;
    count_one_detail(a, &e, v->period, open ? DETAIL_OPEN : DETAIL_CLICK, agent);
    if (!is_first)
        return;
    count_one_detail(a, &e, v->period, open ? DETAIL_UNIQUE_OPEN : DETAIL_UNIQUE_CLICK, agent);
    if (v->provider != PROVIDER_SIMULATOR)
        count_rate(a, &e, v->period, (open ? COUNT_OPENED : COUNT_CLICKED) + agent, 1);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

void aggregate_count(struct aggregate *a, const struct event *e, int period) {
    struct event plain = *e;
    plain.counters &= ~(1u << COUNT_DELAYED);
    count_in_tallies(a, &plain, period);
    count_in_time(a, &plain, period, plain.counters, 1);
    if (e->counters & 1u << COUNT_DELAYED)
        aggregate_note_delay(a, e, period);
    count_details(a, e, period);
    if (e->type == EVENT_OPEN || e->type == EVENT_CLICK)
        let_wait(a, e, period);
    int64_t minute = floor_div(e->time_ms, MINUTE_MS);
    if (period == PERIOD_NOW && a->options.keep_steps && a->options.on_closed && minute >= a->next_close) {
        struct open_minute *m = aggregate_open_minute(a, minute);
        struct step_counts *s = map_put(&m->steps, CELL_PAIR(e->set, e->provider));
        s->recipients[e->type]++;
    }
}

/* --- past minutes and hours --------------------------------------------------------------------------------------- */

static void add_counts(struct map *series, uint64_t key, const struct cell_counts *from) {
    struct cell_counts *to = map_put(series, key);
    for (int n = 0; n < RATE_COUNTERS; n++)
        to->n[n] += from->n[n];
}

void aggregate_add_series(const struct aggregate *a, const struct map *cells, bool wide, struct map *series) {
    uint64_t key;
    void *value;
    for (size_t at = 0; cells && map_next(cells, &at, &key, &value);) {
        key = domains_cell_key(&a->domains, key, INT64_MAX);
        if (wide || CELL_KIND(key) == CELL_REASON)
            add_counts(series, key, value);
        if (CELL_KIND(key) != 0)
            continue;
        add_counts(series, CELL_ACCOUNT, value);
        add_counts(series, CELL_PROVIDER | CELL_PAIR_PROVIDER(key), value);
        add_counts(series, CELL_SET | CELL_PAIR_SET(key), value);
    }
}

/* What was sent in the minutes from `first` to `last` and counted in minutes that are still open is taken away again:
 * it is told when they close. */
static void leave_out_open(const struct aggregate *a, int64_t first, int64_t last, struct map *series) {
    uint64_t key;
    void *value;
    for (size_t i = 0; a->options.keep_cohorts && i < a->minute_ring; i++) {
        const struct open_minute *m = a->minutes[i];
        for (size_t at = 0; m && map_next(&m->cohorts, &at, &key, &value);) {
            int64_t sent = m->minute - CELL_COHORT_MINUTES(key);
            if (sent < first || sent > last)
                continue;
            const struct cell_counts *from = value;
            struct cell_counts *to = map_put(series, domains_cell_key(&a->domains, CELL_COHORT_SERIES(key), INT64_MAX));
            for (int n = 0; n < RATE_COUNTERS; n++)
                to->n[n] -= from->n[n];
        }
    }
}

bool aggregate_past_minute(const struct aggregate *a, enum basis basis, int64_t minute, struct map *series) {
    const struct grid *g = &a->grids[basis];
    bool kept = g->started && minute > floor_div(g->watermark_ms, MINUTE_MS) - GRID_MINUTES;
    aggregate_add_series(a, grid_minute(g, minute), true, series);
    if (kept && basis == BASIS_SENT)
        leave_out_open(a, minute, minute, series);
    return kept;
}

bool aggregate_past_hour(const struct aggregate *a, enum basis basis, int64_t hour, struct map *series) {
    const struct grid *g = &a->grids[basis];
    bool kept = g->started && hour > floor_div(g->watermark_ms, HOUR_MS) - GRID_HOURS;
    aggregate_add_series(a, grid_hour(g, hour), true, series);
    for (int64_t minute = hour * 60; minute < (hour + 1) * 60; minute++)
        aggregate_add_series(a, grid_minute(g, minute), true, series);
    if (kept && basis == BASIS_SENT)
        leave_out_open(a, hour * 60, hour * 60 + 59, series);
    return kept;
}
