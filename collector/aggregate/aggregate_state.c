/* The aggregate's state, to and from wherever it is kept. What expires is dropped by its time, as the rings forget it.
 */
#include "aggregate/aggregate_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* Keys of STATE_NUMBERS_OF_AGGREGATE; for ever. Times of the last event follow from NUMBER_LAST_EVENT on. */
enum {
    NUMBER_WATERMARK,
    NUMBER_FIRST,
    NUMBER_LATEST_BY,
    NUMBER_OPEN_FROM,
    NUMBER_DOMAINS_FORGOTTEN,
    NUMBER_VISITS_FORGOTTEN,
    NUMBER_VISITS_FLOOR,
    NUMBER_LAST_EVENT = 32
};

/* Of the grids, by basis: minutes, hours, days. */
static const int grid_tables[BASES][3] = {
    [BASIS_EVENT] = {STATE_MINUTES, STATE_HOURS, STATE_DAYS},
    [BASIS_SENT] = {STATE_SENT_MINUTES, STATE_SENT_HOURS, STATE_SENT_DAYS},
};

/* --- saving ------------------------------------------------------------------------------------------------------- */

static void save_map(const struct state_writer *to, int table, int64_t index, const struct map *m) {
    for (size_t i = 0; i < m->changed_count; i++)
        to->put(to->context, table, index, m->changed[i], map_get(m, m->changed[i]), m->value_size);
}

static void save_number(const struct state_writer *to, uint64_t key, int64_t value) {
    to->put(to->context, STATE_NUMBERS, STATE_NUMBERS_OF_AGGREGATE, key, &value, sizeof value);
}

static void save_numbers(const struct aggregate *a, const struct state_writer *to) {
    save_number(to, NUMBER_WATERMARK, a->watermark_ms);
    save_number(to, NUMBER_FIRST, a->first_ms);
    save_number(to, NUMBER_LATEST_BY, a->latest_by_ms);
    save_number(to, NUMBER_OPEN_FROM, a->next_close);
    save_number(to, NUMBER_DOMAINS_FORGOTTEN, (int64_t)a->domains.forgotten);
    save_number(to, NUMBER_VISITS_FORGOTTEN, (int64_t)a->visits.forgotten);
    save_number(to, NUMBER_VISITS_FLOOR, a->visits.floor_day);
    for (int i = 0; i < EVENT_TYPES; i++)
        save_number(to, NUMBER_LAST_EVENT + (uint64_t)i, a->last_event_ms[i]);
    for (size_t i = 0; i < AGGREGATE_SOURCES; i++)
        if (a->accounting_changed[i])
            to->put(to->context, STATE_ACCOUNTING, 0, i, &a->accounting[i], sizeof a->accounting[i]);
}

/* Of the minutes that are still open; what alerting keeps of the closed ones is in the same table. */
static void save_activity(const struct aggregate *a, const struct state_writer *to) {
    for (size_t i = 0; i < a->minute_ring; i++)
        if (a->minutes[i])
            to->put(to->context, STATE_ACTIVITY, a->minutes[i]->minute, 0, a->minutes[i]->records,
                    sizeof a->minutes[i]->records);
}

static void save_grid_level(const struct state_writer *to, int table, const struct grid_cell *ring, size_t size,
                            int64_t oldest) {
    to->drop_below(to->context, table, oldest);
    for (size_t i = 0; i < size; i++)
        if (ring[i].index != INT64_MIN)
            save_map(to, table, ring[i].index, &ring[i].cells);
}

static void save_grid(const struct grid *g, const int tables[3], const struct state_writer *to) {
    if (!g->started)
        return;
    int64_t now = g->watermark_ms;
    save_grid_level(to, tables[0], g->minutes, GRID_MINUTES, floor_div(now, MINUTE_MS) - GRID_MINUTES + 1);
    save_grid_level(to, tables[1], g->hours, GRID_HOURS, floor_div(now, HOUR_MS) - GRID_HOURS + 1);
    save_grid_level(to, tables[2], g->days, GRID_DAYS, floor_div(now, DAY_MS) - GRID_DAYS + 1);
}

static int by_hour(const void *x, const void *y) {
    const struct dedup_added *a = x, *b = y;
    return a->hour < b->hour ? -1 : a->hour > b->hour;
}

/* Together by their hour, however they came: few long rows, not many short ones. */
static void save_keys(struct dedup *d, enum state_keys set, int64_t oldest, const struct state_writer *to) {
    enum { TOGETHER = 4096 };
    if (d->added_count)
        qsort(d->added, d->added_count, sizeof *d->added, by_hour);
    uint64_t *keys = alloc_zeroed(d->added_count < TOGETHER ? d->added_count + 1 : TOGETHER, sizeof *keys);
    for (size_t i = 0, n; i < d->added_count; i += n) {
        for (n = 0; n < TOGETHER && i + n < d->added_count && d->added[i + n].hour == d->added[i].hour; n++)
            keys[n] = d->added[i + n].key;
        to->add_keys(to->context, set, d->added[i].hour, keys, n);
    }
    free(keys);
    to->drop_keys_below(to->context, set, oldest);
}

static void save_delays(const struct aggregate *a, const struct state_writer *to) {
    to->drop_below(to->context, STATE_DELAYS, floor_div(a->watermark_ms, DAY_MS) - (int64_t)a->delay_ring + 1);
    for (size_t i = 0; i < a->delay_ring; i++)
        save_map(to, STATE_DELAYS, a->delays[i].day, &a->delays[i].first);
}

static int64_t oldest_hour(const struct aggregate *a) {
    return floor_div(a->watermark_ms, HOUR_MS) - a->lateness_hours;
}

void aggregate_save(struct aggregate *a, const struct state_writer *to) {
    assert(a->options.keep_state);
    save_numbers(a, to);
    if (a->watermark_ms == INT64_MIN)
        return;
    for (int i = 0; i < BASES; i++)
        save_grid(&a->grids[i], grid_tables[i], to);
    save_keys(&a->dedup, STATE_KEYS_HAPPENINGS, oldest_hour(a), to);
    save_keys(&a->visits.first, STATE_KEYS_VISITS, visits_oldest_day(&a->visits), to);
    visits_save(&a->visits, to, a->next_close);
    save_map(to, STATE_DOMAINS, 0, &a->domains.known);
    save_delays(a, to);
    save_activity(a, to);
    save_map(to, STATE_PAIRS, 0, &a->pairs);
    save_map(to, STATE_IDENTITIES, 0, &a->identities);
    for (unsigned i = 0; i < a->options.tag_count; i++)
        save_map(to, STATE_TAGS + (int)a->options.tag_numbers[i], 0, &a->tags[i]);
    save_map(to, STATE_DETAILS, 0, &a->details);
}

void aggregate_saved(struct aggregate *a) {
    dedup_forget_added(&a->dedup);
    for (size_t i = 0; i < a->delay_ring; i++)
        map_forget_changes(&a->delays[i].first);
    for (int i = 0; i < BASES; i++)
        grid_forget_changes(&a->grids[i]);
    visits_saved(&a->visits);
    map_forget_changes(&a->domains.known);
    map_forget_changes(&a->pairs);
    map_forget_changes(&a->identities);
    for (int i = 0; i < EVENT_MAX_TAGS; i++)
        map_forget_changes(&a->tags[i]);
    map_forget_changes(&a->details);
    memset(a->accounting_changed, 0, sizeof a->accounting_changed);
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

static void load_number(void *context, int64_t index, uint64_t key, const void *value) {
    struct aggregate *a = context;
    int64_t number;
    memcpy(&number, value, sizeof number);
    if (index != STATE_NUMBERS_OF_AGGREGATE)
        return;
    if (key == NUMBER_WATERMARK)
        a->watermark_ms = number;
    else if (key == NUMBER_FIRST)
        a->first_ms = number;
    else if (key == NUMBER_LATEST_BY)
        a->latest_by_ms = number;
    else if (key == NUMBER_OPEN_FROM)
        a->next_close = number;
    else if (key == NUMBER_DOMAINS_FORGOTTEN)
        a->domains.forgotten = (uint64_t)number;
    else if (key == NUMBER_VISITS_FORGOTTEN)
        a->visits.forgotten = (uint64_t)number;
    else if (key == NUMBER_VISITS_FLOOR)
        a->visits.floor_day = number;
    else if (key >= NUMBER_LAST_EVENT && key < NUMBER_LAST_EVENT + EVENT_TYPES)
        a->last_event_ms[key - NUMBER_LAST_EVENT] = number;
}

static void load_accounting(void *context, int64_t index, uint64_t key, const void *value) {
    struct aggregate *a = context;
    (void)index;
    if (key < AGGREGATE_SOURCES)
        memcpy(&a->accounting[key], value, sizeof a->accounting[key]);
}

/* For tables that are one map. */
static void load_value(void *context, int64_t index, uint64_t key, const void *value) {
    struct map *m = context;
    (void)index;
    memcpy(map_put(m, key), value, m->value_size);
}

struct grid_load {
    struct grid *grid;
    enum grid_level level;
};

static void load_cell(void *context, int64_t index, uint64_t key, const void *value) {
    const struct grid_load *load = context;
    struct cell_counts *to = grid_restore(load->grid, load->level, index, key);
    if (to)
        memcpy(to, value, sizeof *to);
}

static void load_delay(void *context, int64_t index, uint64_t key, const void *value) {
    struct aggregate *a = context;
    int64_t today = floor_div(a->watermark_ms, DAY_MS), ring = (int64_t)a->delay_ring;
    if (index <= today - ring || index > today + 1)
        return;
    struct delay_day *d = &a->delays[((index % ring) + ring) % ring];
    d->day = index;
    memcpy(map_put(&d->first, key), value, sizeof(struct first_delay));
}

/* Hours that the lateness asked for now does not reach are left out: nothing of them is counted any more. A longer one
 * than before cannot bring back what was forgotten: what is that old may be counted again, as the operator is told. */
static void load_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    struct aggregate *a = context;
    int64_t now = floor_div(a->watermark_ms, HOUR_MS);
    if (hour < oldest_hour(a) || hour > now)
        return;
    for (size_t i = 0; i < count; i++)
        dedup_add(&a->dedup, hour, keys[i]);
}

static void load_first_visits(void *context, int64_t day, const uint64_t *keys, size_t count) {
    struct aggregate *a = context;
    if (day < visits_oldest_day(&a->visits) || day > floor_div(a->watermark_ms, DAY_MS) + 1)
        return;
    for (size_t i = 0; i < count; i++)
        dedup_add(&a->visits.first, day, keys[i]);
}

static void load_activity(void *context, int64_t index, uint64_t key, const void *value) {
    struct aggregate *a = context;
    (void)key;
    if (index >= a->next_close && index <= floor_div(a->watermark_ms, MINUTE_MS))
        memcpy(aggregate_open_minute(a, index)->records, value, EVENT_TYPES * sizeof(uint32_t));
}

struct visit_load {
    struct aggregate *a;
    int64_t was_open_from;
};

static void load_visit(void *context, int64_t index, uint64_t key, const void *value) {
    const struct visit_load *load = context;
    struct late_visit row;
    (void)key;
    memcpy(&row, value, sizeof row);
    if (row.minute <= floor_div(load->a->watermark_ms, MINUTE_MS) && row.visit.visitor < VISITORS &&
        row.visit.period == PERIOD_NOW)
        visits_load(&load->a->visits, index, &row, load->was_open_from, load->a->next_close);
}

static bool load_grids(struct aggregate *a, const struct state_reader *from, struct err *err) {
    for (int basis = 0; basis < BASES; basis++)
        for (int level = 0; level < 3; level++) {
            struct grid_load load = {&a->grids[basis], (enum grid_level)level};
            if (!from->each(from->context, grid_tables[basis][level], sizeof(struct cell_counts), load_cell, &load,
                            err))
                return false;
        }
    return true;
}

static bool load_tables(struct aggregate *a, const struct state_reader *from, struct err *err) {
    for (unsigned i = 0; i < a->options.tag_count; i++)
        if (!from->each(from->context, STATE_TAGS + (int)a->options.tag_numbers[i], a->tags[i].value_size, load_value,
                        &a->tags[i], err))
            return false;
    return load_grids(a, from, err) &&
           from->each(from->context, STATE_ACCOUNTING, sizeof a->accounting[0], load_accounting, a, err) &&
           from->each(from->context, STATE_PAIRS, a->pairs.value_size, load_value, &a->pairs, err) &&
           from->each(from->context, STATE_IDENTITIES, a->identities.value_size, load_value, &a->identities, err) &&
           from->each(from->context, STATE_DETAILS, a->details.value_size, load_value, &a->details, err) &&
           from->each(from->context, STATE_DELAYS, sizeof(struct first_delay), load_delay, a, err) &&
           from->each_keys(from->context, STATE_KEYS_HAPPENINGS, load_keys, a, err) &&
           from->each_keys(from->context, STATE_KEYS_VISITS, load_first_visits, a, err);
}

/* Whether it holds is asked when something is counted: learning may be turned on again. */
static bool load_domains(struct aggregate *a, const struct state_reader *from, struct err *err) {
    bool ok = from->each(from->context, STATE_DOMAINS, a->domains.known.value_size, load_value, &a->domains.known, err);
    a->domains.learned = a->domains.known.len;
    return ok;
}

/* The minutes that are still open, from the grid. */
static void reopen_minutes(struct aggregate *a) {
    int64_t last = floor_div(a->watermark_ms, MINUTE_MS), ring = (int64_t)a->minute_ring;
    if (a->next_close == INT64_MIN || a->next_close <= last - GRID_MINUTES)
        a->next_close = last - GRID_MINUTES + 1;
    if (a->next_close <= last - ring) /* the delay was made shorter since: all that waits is still to be closed */
        aggregate_widen_minutes(a, (size_t)(last - a->next_close + ring));
    for (int64_t minute = a->next_close; minute <= last; minute++) {
        const struct map *cells = grid_minute(&a->grids[BASIS_EVENT], minute);
        if (cells)
            aggregate_add_series(a, cells, a->options.keep_wide, &aggregate_open_minute(a, minute)->series);
    }
    if (a->options.keep_cohorts)
        aggregate_reopen_cohorts(a);
    visits_enter_minute(&a->visits, a->next_close - 1);
}

bool aggregate_load(struct aggregate *a, const struct state_reader *from, struct err *err) {
    assert(a->options.keep_state && a->options.settle_ms);
    a->dedup.tracked = a->visits.first.tracked = false; /* what is loaded need not be saved */
    if (!from->each(from->context, STATE_NUMBERS, sizeof(int64_t), load_number, a, err))
        return false;
    struct visit_load visits = {a, a->next_close};
    if (a->watermark_ms != INT64_MIN) {
        for (int i = 0; i < BASES; i++)
            grid_advance(&a->grids[i], a->watermark_ms);
        visits_enter_minute(&a->visits, a->next_close - 1);
    }
    if (!load_domains(a, from, err) || !load_tables(a, from, err))
        return false;
    if (a->watermark_ms != INT64_MIN)
        reopen_minutes(a);
    if (!from->each(from->context, STATE_ACTIVITY, EVENT_TYPES * sizeof(uint32_t), load_activity, a, err) ||
        !from->each(from->context, STATE_VISITS, sizeof(struct late_visit), load_visit, &visits, err))
        return false;
    aggregate_saved(a);
    a->dedup.tracked = a->visits.first.tracked = true;
    return true;
}
