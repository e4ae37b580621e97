/* Time as it passes: the minutes that are open, and how they close. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate_internal.h"
#include "core/alloc.h"

enum { AHEAD_MINUTES = 5 }; /* how far events may be ahead of the clock */

/* Minutes that can be open at once: those that are waited for, the present one, and events that are a little ahead. */
static size_t open_minutes(const struct aggregate *a) {
    if (a->options.settle_ms)
        return (size_t)(a->options.settle_ms / MINUTE_MS) + AHEAD_MINUTES + 3;
    return (size_t)(a->lateness_hours + 2) * 60;
}

void aggregate_init_minutes(struct aggregate *a) {
    size_t max = a->options.max_visits ? a->options.max_visits : MAX_VISITS;
    a->minute_ring = open_minutes(a);
    a->minutes = alloc_zeroed(a->minute_ring, sizeof(struct open_minute *));
    visits_init(&a->visits, a->minute_ring, a->options.settle_ms ? a->lateness_hours / 24 + 2 : 0, max);
}

void aggregate_widen_minutes(struct aggregate *a, size_t count) {
    free(a->minutes);
    a->minute_ring = count;
    a->minutes = alloc_zeroed(count, sizeof(struct open_minute *));
    visits_widen(&a->visits, count);
}

static struct open_minute **minute_slot(const struct aggregate *a, int64_t minute) {
    int64_t ring = (int64_t)a->minute_ring;
    return &a->minutes[((minute % ring) + ring) % ring];
}

static struct open_minute *make_minute(int64_t minute) {
    struct open_minute *m = alloc_zeroed(1, sizeof *m);
    m->minute = minute;
    map_init(&m->series, sizeof(struct cell_counts));
    map_init(&m->cohorts, sizeof(struct cell_counts));
    map_init(&m->steps, sizeof(struct step_counts));
    map_init(&m->details, sizeof(uint64_t));
    return m;
}

static void free_minute(struct open_minute *m) {
    if (!m)
        return;
    map_deinit(&m->series);
    map_deinit(&m->cohorts);
    map_deinit(&m->steps);
    map_deinit(&m->details);
    free(m);
}

void aggregate_deinit_minutes(struct aggregate *a) {
    for (size_t i = 0; i < a->minute_ring; i++)
        free_minute(a->minutes[i]);
    free(a->minutes);
    visits_deinit(&a->visits);
}

struct open_minute *aggregate_find_minute(const struct aggregate *a, int64_t minute) {
    struct open_minute *m = *minute_slot(a, minute);
    return m && m->minute == minute ? m : NULL;
}

struct open_minute *aggregate_open_minute(struct aggregate *a, int64_t minute) {
    struct open_minute **slot = minute_slot(a, minute);
    if (!*slot)
        *slot = make_minute(minute);
    assert((*slot)->minute == minute);
    return *slot;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

static void tell(const struct aggregate *a, const struct open_minute *m, const struct map *series,
                 const struct map *cohorts, const struct map *steps, const struct map *details) {
    struct closed_minute closed = {
        .minute = m->minute, .series = series, .cohorts = cohorts, .steps = steps, .details = details};
    memcpy(closed.records, m->records, sizeof closed.records);
    a->options.on_closed(a->options.on_closed_context, &closed);
}

/* With providers in the place of domains, as they are known by the end of the minute's hour. */
static void tell_with_providers(const struct aggregate *a, const struct open_minute *m) {
    int64_t hour = floor_div(m->minute, 60);
    struct map series, cohorts, steps, details;
    domains_fold(&a->domains, &m->series, domains_cell_key, sizeof(uint32_t), hour, &series);
    domains_fold(&a->domains, &m->cohorts, domains_cell_key, sizeof(uint32_t), hour, &cohorts);
    domains_fold(&a->domains, &m->steps, domains_cell_key, sizeof(uint32_t), hour, &steps);
    domains_fold(&a->domains, &m->details, domains_detail_key, sizeof(uint64_t), hour, &details);
    tell(a, m, &series, &cohorts, &steps, &details);
    map_deinit(&series);
    map_deinit(&cohorts);
    map_deinit(&steps);
    map_deinit(&details);
}

static void close_minute(struct aggregate *a, int64_t minute) {
    struct open_minute *m = aggregate_find_minute(a, minute);
    if (!m)
        return;
    if (a->options.on_closed && a->domains.count)
        tell_with_providers(a, m);
    else if (a->options.on_closed)
        tell(a, m, &m->series, &m->cohorts, &m->steps, &m->details);
    free_minute(m);
    *minute_slot(a, minute) = NULL;
}

/* Closes the minutes before `end`, in their order. At most the ring's length of them are open. */
static void close_minutes(struct aggregate *a, int64_t end) {
    if (a->next_close == INT64_MIN || end <= a->next_close)
        return;
    visits_judge_late(&a->visits, aggregate_count_visit, a);
    int64_t last = end - a->next_close > (int64_t)a->minute_ring ? a->next_close + (int64_t)a->minute_ring : end;
    while (a->next_close < last) {
        visits_judge_minute(&a->visits, a->next_close, aggregate_count_visit, a);
        close_minute(a, a->next_close);
        a->next_close++;
    }
    a->next_close = end;
    visits_enter_minute(&a->visits, end - 1);
}

/* The first minute that stays open when the watermark is at `time_ms`. In a batch run one more than those that can
 * still be counted: opens and clicks are judged by what came within two seconds of them. */
static int64_t first_open_minute(const struct aggregate *a, int64_t time_ms) {
    if (a->options.settle_ms)
        return floor_div(time_ms - a->options.settle_ms, MINUTE_MS);
    return (floor_div(time_ms, HOUR_MS) - a->lateness_hours) * 60 - 1;
}

void aggregate_move_watermark(struct aggregate *a, int64_t time_ms) {
    if (time_ms <= a->watermark_ms)
        return;
    int64_t first = first_open_minute(a, time_ms);
    if (a->next_close == INT64_MIN)
        a->next_close = first;
    else
        close_minutes(a, first);
    a->watermark_ms = time_ms;
    for (int i = 0; i < BASES; i++)
        grid_advance(&a->grids[i], time_ms);
}

void aggregate_finish(struct aggregate *a) {
    if (a->watermark_ms == INT64_MIN)
        return;
    close_minutes(a, floor_div(a->watermark_ms, MINUTE_MS) + 1);
    visits_judge_late(&a->visits, aggregate_count_visit, a);
}

void aggregate_set_now(struct aggregate *a, int64_t now_ms) {
    a->options.now_ms = now_ms;
}

void aggregate_close_until(struct aggregate *a, int64_t time_ms) {
    close_minutes(a, floor_div(time_ms, MINUTE_MS));
}

int64_t aggregate_open_from(const struct aggregate *a) {
    return a->next_close;
}
