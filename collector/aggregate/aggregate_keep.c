/* What closed minutes hold may be asked for later: rules change while the service runs. */
#include <assert.h>

#include "aggregate/aggregate_internal.h"

/* Open minutes have no pairs and identities so far: the grid has. */
static void widen_open_minutes(struct aggregate *a) {
    if (a->next_close == INT64_MIN)
        return;
    for (int64_t minute = a->next_close; minute <= floor_div(a->watermark_ms, MINUTE_MS); minute++) {
        const struct map *cells = grid_minute(&a->grids[BASIS_EVENT], minute);
        struct open_minute *m = aggregate_find_minute(a, minute);
        if (!m || !cells)
            continue;
        map_clear(&m->series);
        aggregate_add_series(a, cells, true, &m->series);
    }
}

/* What became so far of mail sent before the open minutes is told with the past. Mail sent within them is not: of that
 * the grid knows how much there is, but no more in which minute what happened to it; it counts for the minute in which
 * it was sent. */
void aggregate_reopen_cohorts(struct aggregate *a) {
    if (a->next_close == INT64_MIN)
        return;
    for (int64_t minute = a->next_close; minute <= floor_div(a->watermark_ms, MINUTE_MS); minute++) {
        const struct map *cells = grid_minute(&a->grids[BASIS_SENT], minute);
        struct open_minute *m = aggregate_find_minute(a, minute);
        if (m)
            map_clear(&m->cohorts);
        if (cells && cells->len) /* CELL_COHORT(series, 0) is the series */
            aggregate_add_series(a, cells, a->options.keep_wide, &aggregate_open_minute(a, minute)->cohorts);
    }
}

void aggregate_set_learning(struct aggregate *a, bool learn) {
    assert(a->options.learning != LEARN_FOR_ALL);
    a->options.learning = a->domains.learning = learn ? LEARN_FOR_LATER : LEARN_NOTHING;
}

void aggregate_keep(struct aggregate *a, bool wide, bool cohorts) {
    bool wider = wide && !a->options.keep_wide, more = cohorts && !a->options.keep_cohorts;
    if (wider)
        widen_open_minutes(a);
    a->options.keep_wide = wide;
    a->options.keep_cohorts = cohorts;
    if (cohorts && (wider || more))
        aggregate_reopen_cohorts(a);
}
