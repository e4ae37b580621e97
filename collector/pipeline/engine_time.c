/* The engine's time: how far the minutes that are judged have come, by events, by the clock, and at the end. */
#include "aggregate/cells.h"
#include "core/clock.h"
#include "pipeline/engine_internal.h"

static const int64_t ns_per_ms = 1000000;

bool engine_all_caught_up(const struct engine *e) {
    if (!e->source_count) /* they are being exchanged */
        return false;
    for (size_t i = 0; i < e->source_count; i++) {
        struct source_row row = {0};
        e->sources[i].source->ops->status(e->sources[i].source, &row);
        source_row_deinit(&row);
        if (!row.caught_up)
            return false;
    }
    return hopper_waiting(e->parts.hopper) == 0;
}

/* How far time has come although no event says so: once nothing came for a while, and nothing more is there to be read,
 * it goes on with the clock. Not before: a stream that arrives in bursts is not silent between them. */
static int64_t idle_time_ms(const struct engine *e, bool caught_up, int64_t now_ns) {
    int64_t idle_ms = (now_ns - e->moved_ns) / ns_per_ms - e->options.idle_after_ms;
    if (!caught_up || e->options.exit_at_end || idle_ms <= 0)
        return INT64_MIN;
    return aggregate_watermark_ms(e->aggregate) + idle_ms - e->options.settle_ms;
}

/* The clock, but never behind where it once was: a clock that is set back must not make the present a future, whose
 * events are not counted. */
int64_t engine_present_ms(const struct engine *e) {
    int64_t wall = clock_wall_ms();
    int64_t since_start = e->service.started_ms + (clock_monotonic_ns() - e->started_ns) / ns_per_ms;
    int64_t watermark = aggregate_watermark_ms(e->aggregate);
    int64_t latest = wall > since_start ? wall : since_start;
    return latest > watermark ? latest : watermark;
}

/* Moves the minutes that are judged: behind the events, and behind the clock while there are none. */
void engine_move_time(struct engine *e, int64_t now_ms) {
    bool caught_up = engine_all_caught_up(e);
    int64_t before = aggregate_open_from(e->aggregate), now_ns = clock_monotonic_ns();
    aggregate_set_now(e->aggregate, now_ms);
    e->was_caught_up |= caught_up;
    int64_t judged_ms = before == INT64_MIN ? INT64_MIN : before * MINUTE_MS;
    e->behind = !caught_up && (judged_ms == INT64_MIN || now_ms - judged_ms > e->options.hold_behind_ms);
    alerting_hold(e->alerting, e->behind);
    if (before == INT64_MIN)
        return;
    if (aggregate_watermark_ms(e->aggregate) != e->seen_watermark_ms) {
        e->seen_watermark_ms = aggregate_watermark_ms(e->aggregate);
        e->moved_ns = now_ns;
    }
    int64_t idle_ms = idle_time_ms(e, caught_up, now_ns);
    if (idle_ms != INT64_MIN)
        aggregate_close_until(e->aggregate, idle_ms);
    alerting_advance(e->alerting, aggregate_open_from(e->aggregate));
    e->dirty |= aggregate_open_from(e->aggregate) != before;
}

/* The end of a batch run: all minutes there are, are over. */
void engine_finish_time(struct engine *e) {
    int64_t watermark = aggregate_watermark_ms(e->aggregate);
    if (watermark == INT64_MIN)
        return;
    aggregate_finish(e->aggregate);
    alerting_finish(e->alerting, watermark);
    e->dirty = true;
}
