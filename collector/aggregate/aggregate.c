#include "aggregate/aggregate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate_internal.h"
#include "core/alloc.h"

enum { FUTURE_MS = 5 * MINUTE_MS };

/* What becomes of a record; asked in this order. */
enum fate { FATE_COUNT, FATE_FILTERED, FATE_FUTURE, FATE_LATE };

/* --- life -----------------------------------------------------------------------------------------------------------
 */

/* Minutes that can be open at once: those that are waited for, the present one, and events that are a little ahead. */
static size_t open_minutes(const struct aggregate *a) {
    if (a->options.settle_ms)
        return (size_t)(a->options.settle_ms / MINUTE_MS) + FUTURE_MS / MINUTE_MS + 3;
    return (size_t)(a->lateness_hours + 2) * 60;
}

static void init_minutes(struct aggregate *a) {
    a->minute_ring = open_minutes(a);
    a->minutes = alloc_zeroed(a->minute_ring, sizeof *a->minutes);
    for (size_t i = 0; i < a->minute_ring; i++) {
        a->minutes[i].minute = INT64_MIN;
        map_init(&a->minutes[i].series, sizeof(struct cell_counts));
        map_init(&a->minutes[i].steps, sizeof(struct step_counts));
    }
}

static void init_delays(struct aggregate *a) {
    /* Days that a delay may be of, and those that it may have to be held against. */
    a->delay_ring = (size_t)(a->lateness_hours / 24) + DELAY_MEMORY_DAYS + 3;
    a->delays = alloc_zeroed(a->delay_ring, sizeof *a->delays);
    for (size_t i = 0; i < a->delay_ring; i++) {
        a->delays[i].day = INT64_MIN;
        map_init(&a->delays[i].first, sizeof(struct first_delay));
    }
}

static void track_changes(struct aggregate *a) {
    a->dedup.tracked = true;
    for (size_t i = 0; i < a->delay_ring; i++)
        map_track(&a->delays[i].first);
    grid_track(&a->grid);
    map_track(&a->pairs);
    map_track(&a->identities);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_track(&a->tags[i]);
    map_track(&a->details);
}

struct aggregate *aggregate_create(const struct aggregate_options *options) {
    struct aggregate *a = alloc_zeroed(1, sizeof *a);
    a->options = *options;
    a->watermark_ms = a->first_ms = INT64_MIN;
    a->next_close = INT64_MIN;
    a->before_from_ms = options->has_before ? options->from_ms - (options->to_ms - options->from_ms) : options->from_ms;
    a->lateness_hours = options->lateness_ms / HOUR_MS; /* hours are compared whole: a part of one changes nothing */
    a->periods = options->has_before ? PERIODS : 1;
    dedup_init(&a->dedup, (size_t)a->lateness_hours + 1);
    init_delays(a);
    init_minutes(a);
    grid_init(&a->grid);
    size_t tally_size = (size_t)a->periods * sizeof(struct tally);
    map_init(&a->pairs, tally_size);
    map_init(&a->identities, tally_size);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_init(&a->tags[i], tally_size);
    map_init(&a->details, sizeof(uint64_t));
    if (options->keep_state)
        track_changes(a);
    return a;
}

void aggregate_destroy(struct aggregate *a) {
    if (!a)
        return;
    dedup_deinit(&a->dedup);
    for (size_t i = 0; i < a->delay_ring; i++)
        map_deinit(&a->delays[i].first);
    free(a->delays);
    for (size_t i = 0; i < a->minute_ring; i++) {
        map_deinit(&a->minutes[i].series);
        map_deinit(&a->minutes[i].steps);
    }
    free(a->minutes);
    grid_deinit(&a->grid);
    map_deinit(&a->pairs);
    map_deinit(&a->identities);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_deinit(&a->tags[i]);
    map_deinit(&a->details);
    free(a);
}

int64_t aggregate_watermark_ms(const struct aggregate *a) {
    return a->watermark_ms;
}

/* --- minutes of event time ---------------------------------------------------------------------------------------- */

static struct open_minute *minute_slot(struct aggregate *a, int64_t minute) {
    int64_t ring = (int64_t)a->minute_ring;
    return &a->minutes[((minute % ring) + ring) % ring];
}

struct open_minute *aggregate_open_minute(struct aggregate *a, int64_t minute) {
    struct open_minute *m = minute_slot(a, minute);
    assert(m->minute == minute || m->minute == INT64_MIN);
    m->minute = minute;
    return m;
}

static struct open_minute *open_minute(struct aggregate *a, int64_t time_ms) {
    return aggregate_open_minute(a, floor_div(time_ms, MINUTE_MS));
}

static void close_minute(struct aggregate *a, struct open_minute *m) {
    if (a->options.on_closed) {
        struct closed_minute closed = {m->minute, m->records, &m->series, &m->steps};
        a->options.on_closed(a->options.on_closed_context, &closed);
    }
    map_clear(&m->series);
    map_clear(&m->steps);
    m->records = 0;
    m->minute = INT64_MIN;
}

/* Closes the minutes before `end`, in their order. At most the ring's length of them are open. */
static void close_minutes(struct aggregate *a, int64_t end) {
    if (a->next_close == INT64_MIN || end <= a->next_close)
        return;
    int64_t last = end - a->next_close > (int64_t)a->minute_ring ? a->next_close + (int64_t)a->minute_ring : end;
    for (int64_t minute = a->next_close; minute < last; minute++) {
        struct open_minute *m = minute_slot(a, minute);
        if (m->minute == minute)
            close_minute(a, m);
    }
    a->next_close = end;
}

/* The first minute that stays open when the watermark is at `time_ms`. */
static int64_t first_open_minute(const struct aggregate *a, int64_t time_ms) {
    if (a->options.settle_ms)
        return floor_div(time_ms - a->options.settle_ms, MINUTE_MS);
    return (floor_div(time_ms, HOUR_MS) - a->lateness_hours) * 60;
}

static void move_watermark(struct aggregate *a, int64_t time_ms) {
    if (time_ms <= a->watermark_ms)
        return;
    int64_t first = first_open_minute(a, time_ms);
    if (a->next_close == INT64_MIN)
        a->next_close = first;
    else
        close_minutes(a, first);
    a->watermark_ms = time_ms;
    grid_advance(&a->grid, time_ms);
}

void aggregate_finish(struct aggregate *a) {
    if (a->watermark_ms != INT64_MIN)
        close_minutes(a, floor_div(a->watermark_ms, MINUTE_MS) + 1);
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

/* --- counting ----------------------------------------------------------------------------------------------------- */

static struct tally *tally_of(struct map *tallies, uint64_t key, int period) {
    return (struct tally *)map_put(tallies, key) + period;
}

static int delivery_bucket(uint32_t ms) {
    double seconds = ms / 1000.0;
    int i = 0;
    while (i < DELIVERY_BUCKETS - 1 && seconds > delivery_bucket_bounds[i])
        i++;
    return i;
}

static void count_in_tally(struct tally *t, const struct event *e, int bucket) {
    t->recipients[e->type]++;
    for (unsigned bits = e->counters; bits; bits &= bits - 1)
        t->rates.n[__builtin_ctz(bits)]++;
    if (bucket >= 0) {
        t->delivery_count[bucket]++;
        t->delivery_ms_sum += e->delivery_ms;
    }
}

/* Adds `by` to rate counters everywhere they are kept by time. The period before is there to compare with only. */
static void count_in_time(struct aggregate *a, const struct event *e, int period, unsigned counters, int by) {
    if (!counters || period != PERIOD_NOW)
        return;
    grid_add(&a->grid, e->time_ms, CELL_PAIR(e->set, e->provider), counters, by);
    grid_add(&a->grid, e->time_ms, CELL_IDENTITY | e->identity, counters, by);
    if (!a->options.on_closed)
        return;
    const uint64_t keys[] = {CELL_ACCOUNT, CELL_PROVIDER | e->provider, CELL_SET | e->set};
    int64_t minute = floor_div(e->time_ms, MINUTE_MS);
    if (minute < a->next_close) {
        for (int i = 0; i < 3; i++)
            a->options.on_amended(a->options.on_closed_context, minute, keys[i], counters, by);
        return;
    }
    struct map *series = &open_minute(a, e->time_ms)->series;
    for (int i = 0; i < 3; i++)
        cell_add(series, keys[i], counters, by);
}

static void count_in_tallies(struct aggregate *a, const struct event *e, int period) {
    int bucket = e->delivery_ms == EVENT_NO_DELIVERY_MS ? -1 : delivery_bucket(e->delivery_ms);
    count_in_tally(tally_of(&a->pairs, CELL_PAIR(e->set, e->provider), period), e, bucket);
    count_in_tally(tally_of(&a->identities, e->identity, period), e, bucket);
    for (unsigned i = 0; i < a->options.tag_count; i++)
        count_in_tally(tally_of(&a->tags[i], e->tags[i], period), e, bucket);
}

static bool has_detail(enum event_type type) {
    return type == EVENT_BOUNCE || type == EVENT_COMPLAINT || type == EVENT_DELIVERY_DELAY || type == EVENT_REJECT ||
           type == EVENT_RENDERING_FAILURE || type == EVENT_SUBSCRIPTION;
}

static void count_detail(struct aggregate *a, const struct event *e) {
    if (!has_detail((enum event_type)e->type))
        return;
    uint64_t *n = map_put(&a->details, DETAIL_KEY(e->type, e->detail, e->set, e->provider));
    ++*n;
}

/* --- first delays ------------------------------------------------------------------------------------------------- */

static struct delay_day *delay_slot(struct aggregate *a, int64_t day) {
    int64_t ring = (int64_t)a->delay_ring;
    return &a->delays[((day % ring) + ring) % ring];
}

/* The first delay that is remembered when another comes at `time_ms`: four days before it or after it. Of the same
 * message and recipient there is at most one on either side, since two are more than four days apart; the earlier one
 * is asked for first. */
static struct first_delay *find_delay(struct aggregate *a, uint64_t key, int64_t time_ms) {
    const int64_t memory = DELAY_MEMORY_DAYS * (int64_t)DAY_MS;
    int64_t last = floor_div(time_ms + memory, DAY_MS);
    for (int64_t day = floor_div(time_ms - memory, DAY_MS); day <= last; day++) {
        struct delay_day *d = delay_slot(a, day);
        struct first_delay *found = d->day == day ? map_get(&d->first, key) : NULL;
        if (found && found->period != DELAY_FORGOTTEN && found->event.time_ms >= time_ms - memory &&
            found->event.time_ms <= time_ms + memory)
            return found;
    }
    return NULL;
}

static struct first_delay *put_delay(struct aggregate *a, uint64_t key, int64_t time_ms) {
    int64_t day = floor_div(time_ms, DAY_MS);
    struct delay_day *d = delay_slot(a, day);
    if (d->day != day) {
        map_clear(&d->first);
        d->day = day;
    }
    return map_put(&d->first, key);
}

static void count_delayed(struct aggregate *a, const struct event *e, int period, int by) {
    const unsigned delayed = 1u << COUNT_DELAYED;
    uint64_t n = (uint64_t)by; /* adding 2^64 - 1 takes one away */
    tally_of(&a->pairs, CELL_PAIR(e->set, e->provider), period)->rates.n[COUNT_DELAYED] += n;
    tally_of(&a->identities, e->identity, period)->rates.n[COUNT_DELAYED] += n;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        tally_of(&a->tags[i], e->tags[i], period)->rates.n[COUNT_DELAYED] += n;
    count_in_time(a, e, period, delayed, by);
}

/* A recipient counts as delayed once, at its earliest delay, in whatever order its delays are read. */
static void note_delay(struct aggregate *a, const struct event *e, int period) {
    uint64_t key = e->message_key >> 1; /* a map takes no UINT64_MAX; 63 keyed bits tell recipients apart as well */
    struct first_delay *known = find_delay(a, key, e->time_ms);
    if (known && known->event.time_ms <= e->time_ms)
        return;
    if (known) {
        count_delayed(a, &known->event, known->period, -1);
        put_delay(a, key, known->event.time_ms)->period = DELAY_FORGOTTEN; /* put: it must be saved, too */
    }
    *put_delay(a, key, e->time_ms) = (struct first_delay){*e, period};
    count_delayed(a, e, period, 1);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static int period_of(const struct aggregate *a, int64_t time_ms) {
    if (time_ms >= a->options.from_ms && time_ms < a->options.to_ms)
        return PERIOD_NOW;
    if (a->options.has_before && time_ms >= a->before_from_ms && time_ms < a->options.from_ms)
        return PERIOD_BEFORE;
    return -1;
}

static void begin_record(struct aggregate *a, const struct event *e) {
    a->record.period = period_of(a, e->time_ms);
    a->record.any_new = a->record.mixed = false;
    a->record.provider = e->provider;
    if (a->record.period < 0)
        a->record.fate = FATE_FILTERED;
    else if (e->time_ms > a->options.now_ms + FUTURE_MS)
        a->record.fate = FATE_FUTURE;
    else if (a->watermark_ms != INT64_MIN &&
             floor_div(e->time_ms, HOUR_MS) < floor_div(a->watermark_ms, HOUR_MS) - a->lateness_hours)
        a->record.fate = FATE_LATE;
    else
        a->record.fate = FATE_COUNT;
}

static void count_event(struct aggregate *a, const struct event *e) {
    a->record.mixed |= a->record.provider != e->provider;
    if (!dedup_add(&a->dedup, floor_div(e->time_ms, HOUR_MS), e->key))
        return;
    move_watermark(a, e->time_ms);
    int period = a->record.period;
    a->record.any_new = true;

    struct event plain = *e;
    plain.counters &= (uint16_t) ~(1u << COUNT_DELAYED);
    count_in_tallies(a, &plain, period);
    count_in_time(a, &plain, period, plain.counters, 1);
    if (e->counters & 1u << COUNT_DELAYED)
        note_delay(a, e, period);
    if (period == PERIOD_NOW) {
        count_detail(a, e);
        if (a->options.keep_steps) {
            struct step_counts *s = map_put(&open_minute(a, e->time_ms)->steps, CELL_PAIR(e->set, e->provider));
            s->recipients[e->type]++;
        }
    }
}

/* The record itself, once its new events are known. */
static void count_record(struct aggregate *a, const struct event *e) {
    uint16_t provider = a->record.mixed ? PROVIDER_MULTIPLE : a->record.provider;
    int period = a->record.period;
    a->at->counted++;
    tally_of(&a->pairs, CELL_PAIR(e->set, provider), period)->records[e->type]++;
    tally_of(&a->identities, e->identity, period)->records[e->type]++;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        tally_of(&a->tags[i], e->tags[i], period)->records[e->type]++;
    if (a->first_ms == INT64_MIN || e->time_ms < a->first_ms)
        a->first_ms = e->time_ms;
    if (e->time_ms > a->last_event_ms[e->type])
        a->last_event_ms[e->type] = e->time_ms;
    if (period != PERIOD_NOW || !a->options.on_closed || floor_div(e->time_ms, MINUTE_MS) < a->next_close)
        return;
    struct open_minute *m = open_minute(a, e->time_ms);
    m->records++;
    if (a->options.keep_steps) {
        struct step_counts *s = map_put(&m->steps, CELL_PAIR(e->set, provider));
        s->records[e->type]++;
    }
}

static void end_record(struct aggregate *a, const struct event *e) {
    switch ((enum fate)a->record.fate) {
    case FATE_FILTERED:
        a->at->filtered++;
        break;
    case FATE_FUTURE:
        a->at->future++;
        break;
    case FATE_LATE:
        a->at->late++;
        if (a->watermark_ms - e->time_ms > a->latest_by_ms)
            a->latest_by_ms = a->watermark_ms - e->time_ms;
        break;
    case FATE_COUNT:
        if (a->record.any_new)
            count_record(a, e);
        else
            a->at->duplicate++;
        break;
    }
}

void aggregate_apply(struct aggregate *a, const struct batch *batch) {
    enum { AHEAD = 12 }; /* events whose dedup slot is asked for early */
    assert(batch->source < AGGREGATE_SOURCES);
    a->at = &a->accounting[batch->source];
    a->accounting_changed[batch->source] = true;
    for (unsigned i = 0; i < batch->count; i++) {
        if (i + AHEAD < batch->count) {
            const struct event *ahead = &batch->events[i + AHEAD];
            dedup_prefetch(&a->dedup, floor_div(ahead->time_ms, HOUR_MS), ahead->key);
        }
        const struct event *e = &batch->events[i];
        if (e->flags & EVENT_FIRST)
            begin_record(a, e);
        if (a->record.fate == FATE_COUNT)
            count_event(a, e);
        if (e->flags & EVENT_LAST)
            end_record(a, e);
    }
    accounting_add(a->at, &batch->accounting);
}
