#include "aggregate/aggregate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate_internal.h"
#include "core/alloc.h"

enum { FUTURE_MS = 5 * MINUTE_MS };

/* What becomes of a record; asked in this order. */
enum fate { FATE_COUNT, FATE_FILTERED, FATE_FUTURE, FATE_LATE };

/* --- life --------------------------------------------------------------------------------------------------------- */

static void track_changes(struct aggregate *a) {
    a->dedup.tracked = a->visits.first.tracked = true;
    for (size_t i = 0; i < a->delay_ring; i++)
        map_track(&a->delays[i].first);
    for (int i = 0; i < BASES; i++)
        grid_track(&a->grids[i]);
    map_track(&a->pairs);
    map_track(&a->identities);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_track(&a->tags[i]);
    map_track(&a->details);
    map_track(&a->domains.known);
}

struct aggregate *aggregate_create(const struct aggregate_options *options) {
    struct aggregate *a = alloc_zeroed(1, sizeof *a);
    assert(options->learning != LEARN_FOR_ALL || !options->keep_state);
    a->options = *options;
    a->watermark_ms = a->first_ms = INT64_MIN;
    a->next_close = INT64_MIN;
    a->before_from_ms = options->has_before ? options->from_ms - (options->to_ms - options->from_ms) : options->from_ms;
    a->lateness_hours = options->lateness_ms / HOUR_MS; /* hours are compared whole: a part of one changes nothing */
    a->periods = options->has_before ? PERIODS : 1;
    dedup_init(&a->dedup, (size_t)a->lateness_hours + 1);
    domains_init(&a->domains, options->learning);
    exemplars_init(&a->exemplars);
    aggregate_init_delays(a);
    aggregate_init_minutes(a);
    for (int i = 0; i < BASES; i++)
        grid_init(&a->grids[i]);
    size_t tally_size = (size_t)a->periods * sizeof(struct tally);
    map_init(&a->pairs, tally_size);
    map_init(&a->identities, tally_size);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_init(&a->tags[i], tally_size);
    map_init(&a->details, (size_t)a->periods * sizeof(uint64_t));
    if (options->keep_state)
        track_changes(a);
    return a;
}

void aggregate_destroy(struct aggregate *a) {
    if (!a)
        return;
    dedup_deinit(&a->dedup);
    domains_deinit(&a->domains);
    exemplars_deinit(&a->exemplars);
    aggregate_deinit_delays(a);
    aggregate_deinit_minutes(a);
    for (int i = 0; i < BASES; i++)
        grid_deinit(&a->grids[i]);
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
    a->record.any_new = a->record.mixed_tables = a->record.mixed_domains = false;
    a->record.table = e->provider;
    a->record.domain_key = e->domain_key;
    bool left_out =
        a->options.single_recipient_only && (!(e->flags & EVENT_SINGLE) || e->provider == PROVIDER_SIMULATOR);
    if (a->record.period < 0 || left_out)
        a->record.fate = FATE_FILTERED;
    else if (e->time_ms > a->options.now_ms + FUTURE_MS)
        a->record.fate = FATE_FUTURE;
    else if (a->watermark_ms != INT64_MIN &&
             floor_div(e->time_ms, HOUR_MS) < floor_div(a->watermark_ms, HOUR_MS) - a->lateness_hours)
        a->record.fate = FATE_LATE;
    else
        a->record.fate = FATE_COUNT;
}

/* Where the record is: where all its events are. */
static uint16_t number_of_record(const struct aggregate *a) {
    if (a->record.mixed_tables)
        return PROVIDER_MULTIPLE;
    return a->record.mixed_domains ? a->record.table : a->record.number;
}

/* `message`: it may be an exemplar; or 0. */
static void count_event(struct aggregate *a, const struct event *e, uint64_t message) {
    struct event here = *e;
    here.provider = domains_number(&a->domains, e);
    if (e->domain_key)
        here.counters &= ~(1u << COUNT_DELIVERED_FEEDBACK); /* nobody knows whether that holds for hosted domains */
    if (e->flags & EVENT_FIRST)
        a->record.number = here.provider;
    a->record.mixed_tables |= a->record.table != e->provider;
    a->record.mixed_domains |= a->record.domain_key != e->domain_key;
    if (!dedup_add(&a->dedup, floor_div(e->time_ms, HOUR_MS), e->key))
        return;
    a->record.any_new = true;
    aggregate_move_watermark(a, e->time_ms);
    domains_learn(&a->domains, e);
    aggregate_count(a, &here, a->record.period);
    if (message)
        exemplars_note(&a->exemplars, &here, message);
}

/* The record itself, once its new events are known. */
static void count_record(struct aggregate *a, const struct event *e) {
    uint16_t provider = number_of_record(a);
    int period = a->record.period;
    a->at->counted++;
    aggregate_tally(&a->pairs, CELL_PAIR(e->set, provider), period)->records[e->type]++;
    aggregate_tally(&a->identities, e->identity, period)->records[e->type]++;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        aggregate_tally(&a->tags[i], e->tags[i], period)->records[e->type]++;
    if (a->first_ms == INT64_MIN || e->time_ms < a->first_ms)
        a->first_ms = e->time_ms;
    if (e->time_ms > a->last_event_ms[e->type])
        a->last_event_ms[e->type] = e->time_ms;
    if (period != PERIOD_NOW || !a->options.on_closed || floor_div(e->time_ms, MINUTE_MS) < a->next_close)
        return;
    struct open_minute *m = aggregate_open_minute(a, floor_div(e->time_ms, MINUTE_MS));
    m->records[e->type]++;
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

/* The message of a batch's event, where it may be an exemplar; events are asked for in their order. */
static uint64_t message_of(const struct batch *batch, unsigned event, unsigned *next) {
    if (*next == batch->exemplar_count || batch->exemplars[*next].event != event)
        return 0;
    return batch->exemplars[(*next)++].message;
}

void aggregate_apply(struct aggregate *a, const struct batch *batch) {
    enum { AHEAD = 12 }; /* events whose dedup slot is asked for early */
    assert(batch->source < AGGREGATE_SOURCES);
    a->at = &a->accounting[batch->source];
    a->accounting_changed[batch->source] = true;
    unsigned next_exemplar = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        if (i + AHEAD < batch->count) {
            const struct event *ahead = &batch->events[i + AHEAD];
            dedup_prefetch(&a->dedup, floor_div(ahead->time_ms, HOUR_MS), ahead->key);
        }
        const struct event *e = &batch->events[i];
        uint64_t message = message_of(batch, i, &next_exemplar);
        if (e->flags & EVENT_FIRST)
            begin_record(a, e);
        if (a->record.fate == FATE_COUNT)
            count_event(a, e, message);
        if (e->flags & EVENT_LAST)
            end_record(a, e);
    }
    accounting_add(a->at, &batch->accounting);
}
