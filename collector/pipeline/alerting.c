#include "pipeline/alerting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/alerting_internal.h"

void alerting_push(uint64_t **list, size_t *count, size_t *size, uint64_t key) {
    if (*count == *size) {
        *size = *size ? *size * 2 : 64;
        *list = alloc_resize(*list, *size, sizeof **list);
    }
    (*list)[(*count)++] = key;
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static int window_of(struct alerting *a, int minutes) {
    for (int i = 0; i < a->window_count; i++)
        if (a->windows[i].minutes == minutes)
            return i;
    assert(a->window_count < MAX_WINDOWS);
    struct sliding *w = &a->windows[a->window_count];
    w->minutes = minutes;
    w->unit = minutes > 120 ? 60 : 1;
    w->ring = minutes / w->unit + 2;
    w->units = alloc_zeroed((size_t)w->ring, sizeof *w->units);
    for (int64_t i = 0; i < w->ring; i++) {
        w->units[i].index = INT64_MIN;
        map_init(&w->units[i].cells, sizeof(struct cell_counts));
    }
    map_init(&w->sums, sizeof(struct rate_counts));
    return a->window_count++;
}

static struct grid_cell *unit_slot(struct sliding *w, int64_t index) {
    return &w->units[((index % w->ring) + w->ring) % w->ring];
}

static void add_cells(struct map *to, const struct map *cells) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        const struct cell_counts *c = value;
        struct cell_counts *sum = map_put(to, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            sum->n[i] += c->n[i];
    }
}

static void add_to_sums(struct alerting *a, struct sliding *w, const struct map *cells, bool leaving) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        const struct cell_counts *c = value;
        struct rate_counts *sum = map_put(&w->sums, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            sum->n[i] = leaving ? sum->n[i] - c->n[i] : sum->n[i] + c->n[i];
        alerting_push(&a->changed, &a->changed_count, &a->changed_size, key);
    }
}

static void slide(struct alerting *a, struct sliding *w, int64_t minute, const struct map *cells) {
    int64_t gone = floor_div(minute + 1 - w->minutes, w->unit) - 1;
    struct grid_cell *old = unit_slot(w, gone);
    if (old->index == gone) {
        add_to_sums(a, w, &old->cells, true);
        map_clear(&old->cells);
        old->index = INT64_MIN;
    }
    if (!cells)
        return;
    struct grid_cell *now = unit_slot(w, floor_div(minute, w->unit));
    now->index = floor_div(minute, w->unit);
    add_cells(&now->cells, cells);
    add_to_sums(a, w, cells, false);
}

/* The first unit that belongs to the window that ends with `minute`. */
static int64_t first_unit(const struct sliding *w, int64_t minute) {
    return floor_div(minute + 1 - w->minutes, w->unit);
}

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
    map_put(&a->late, series);
}

void alerting_amend(struct alerting *a, int64_t minute, uint64_t series, unsigned counters, int by) {
    if (!a->started) {
        a->started = true;
        a->next = minute + 1;
    }
    alerting_advance(a, minute + 1); /* it is closed: so is all before it */
    for (int i = 0; i < a->window_count; i++)
        amend_window(a, &a->windows[i], minute, series, counters, by);
}

/* Fills a window from what the aggregate still has of the past. */
static void fill_window(struct alerting *a, struct sliding *w, const struct aggregate *counts) {
    int64_t last = a->next - 1;
    for (int64_t unit = first_unit(w, last); unit <= floor_div(last, w->unit); unit++) {
        struct grid_cell *cell = unit_slot(w, unit);
        map_clear(&cell->cells);
        cell->index = unit;
        if (w->unit > 1 && (unit + 1) * w->unit <= a->next)
            aggregate_past_hour(counts, unit, &cell->cells);
        else
            for (int64_t minute = unit * w->unit; minute < (unit + 1) * w->unit && minute <= last; minute++)
                aggregate_past_minute(counts, minute, &cell->cells);
        add_to_sums(a, w, &cell->cells, false);
    }
}

void alerting_fill_windows(struct alerting *a, const struct aggregate *counts) {
    for (int i = 0; a->started && i < a->window_count; i++)
        fill_window(a, &a->windows[i], counts);
    for (size_t i = 0; i < a->changed_count; i++) /* whatever a rule makes of them, with the next minute */
        map_put(&a->late, a->changed[i]);
    a->changed_count = 0;
}

/* --- incidents ---------------------------------------------------------------------------------------------------- */

static enum alert_scope scope_of(uint64_t series) {
    switch (CELL_KIND(series)) {
    case CELL_PROVIDER:
        return SCOPE_PROVIDER;
    case CELL_SET:
        return SCOPE_CONFIGURATION_SET;
    default:
        return SCOPE_ACCOUNT;
    }
}

bool alerting_is_for(const struct alert_rule *rule, uint64_t series) {
    return rule->kind == ALERT_SILENCE ? series == CELL_ACCOUNT : (rule->scopes & 1u << scope_of(series)) != 0;
}

static void describe(const struct alert_rule *rule, const struct alert_status *s, char *text, size_t size) {
    if (rule->kind == ALERT_SILENCE)
        snprintf(text, size, "No event within %s; %llu within %s before.", rule->window_name,
                 (unsigned long long)s->denominator, rule->window_name);
    else
        snprintf(text, size, "The %s rate over %s was %.4g %% (%llu of %llu %s); the threshold is %.4g %%.",
                 rate_name(rule->rate), rule->window_name, s->value * 100, (unsigned long long)s->numerator,
                 (unsigned long long)s->denominator, rate_denominator_name(rule->rate), rule->threshold * 100);
}

/* The operator's own words, where the rule has some. */
static const char *description_of(const struct alert_rule *rule, const struct alert_status *s, char *text,
                                  size_t size) {
    for (size_t i = 0; i < rule->annotation_count; i++)
        if (strcmp(rule->annotations[i].name, "description") == 0)
            return rule->annotations[i].value;
    describe(rule, s, text, size);
    return text;
}

/* The row of a rule's standing on a series. All its texts are borrowed, `text` for the description. */
static struct alert_row make_row(const struct alerting *a, const struct alert_rule *rule, uint64_t series,
                                 const struct alert_status *s, enum alert_state state, char *text, size_t size) {
    enum alert_scope scope = scope_of(series);
    return (struct alert_row){
        .alertname = rule->name,
        .severity = rule->severity,
        .scope = alert_scope_name(scope),
        .provider = scope == SCOPE_PROVIDER ? provider_table_name(a->names->providers, (uint16_t)series) : "",
        .configuration_set = scope == SCOPE_CONFIGURATION_SET ? intern_name(a->names->sets, CELL_ID(series)) : "",
        .rate = rule->kind == ALERT_SILENCE ? "events" : rate_name(rule->rate),
        .window = rule->window_name,
        .summary = rule->summary,
        .description = description_of(rule, s, text, size),
        .state = state,
        .active_ms = s->active_ms,
        .fired_ms = s->fired_ms,
        .value = s->value,
        .threshold = rule->threshold,
        .numerator = s->numerator,
        .denominator = s->denominator,
        .labels = rule->labels,
        .label_count = rule->label_count,
        .annotations = rule->annotations,
        .annotation_count = rule->annotation_count,
    };
}

enum { DESCRIPTION_SIZE = 256 };

static void tell(struct alerting *a, const struct alert_row *row) {
    alerting_push(&a->touched, &a->touched_count, &a->touched_size, row->incident);
    if (a->live)
        a->hooks.on_change(a->hooks.context, row);
}

static uint64_t open_incident(struct alerting *a, const struct alert_rule *rule, uint64_t series,
                              const struct alert_status *s) {
    char text[DESCRIPTION_SIZE];
    struct alert_row row = make_row(a, rule, series, s, ALERT_FIRING, text, sizeof text);
    row.held = a->held;
    if (a->live && a->incidents.count == INCIDENTS_MAX) /* make room: what was over an hour ago was told */
        alerting_prune(a, a->next - 60);
    const struct alert_row *added = incidents_add(&a->incidents, &row);
    if (!added)
        return 0;
    tell(a, added);
    return added->incident;
}

void alerting_close_incident(struct alerting *a, uint64_t incident, int64_t now_ms) {
    struct alert_row *row = incidents_find(&a->incidents, incident);
    if (!row || row->state == ALERT_RESOLVED)
        return;
    row->state = ALERT_RESOLVED;
    row->resolved_ms = now_ms;
    tell(a, row);
}

void alerting_hold(struct alerting *a, bool held) {
    bool released = a->held && !held;
    a->held = held;
    for (size_t i = 0; released && i < a->incidents.count; i++) {
        struct alert_row *row = a->incidents.rows[i];
        if (!row->held || row->state != ALERT_FIRING)
            continue;
        row->held = false;
        tell(a, row);
    }
}

/* --- rules on series ---------------------------------------------------------------------------------------------- */

static void deactivate(struct rule_state *r, uint64_t series) {
    for (size_t i = 0; i < r->active_count; i++)
        if (r->active[i] == series) {
            r->active[i] = r->active[--r->active_count];
            return;
        }
}

static bool same_standing(const struct watch *a, const struct watch *b) {
    return a->incident == b->incident && a->status.active_ms == b->status.active_ms &&
           a->status.fired_ms == b->status.fired_ms && a->status.clear_ms == b->status.clear_ms;
}

bool alerting_fires(const struct alerting *a, uint64_t incident) {
    const struct alert_row *row = incidents_find(&a->incidents, incident);
    return row && row->state == ALERT_FIRING;
}

static void tell_standing(struct alerting *a, const struct alert_rule *rule, const struct watch *w, uint64_t numerator,
                          uint64_t denominator) {
    const struct alert_row *row = incidents_find(&a->incidents, w->incident);
    if (!row || !rule->brake.on || !a->live || !a->hooks.on_standing)
        return;
    struct alert_row now = *row;
    now.numerator = numerator;
    now.denominator = denominator;
    now.value = denominator ? (double)numerator / (double)denominator : 0;
    a->hooks.on_standing(a->hooks.context, &now);
}

static void step_series(struct alerting *a, struct rule_state *r, uint64_t series, int64_t now_ms, uint64_t numerator,
                        uint64_t denominator) {
    const struct alert_rule *rule = r->rule;
    const struct watch *known = map_get(&r->watches, series);
    const struct watch before = known ? *known : (struct watch){0};
    struct watch w = before;
    bool was_active = w.status.active_ms != 0;
    enum alert_change change = alert_step(rule, &w.status, now_ms, numerator, denominator);
    if (change == ALERT_FIRED)
        w.incident = open_incident(a, rule, series, &w.status);
    if (change == ALERT_RESOLVED_NOW) {
        alerting_close_incident(a, w.incident, now_ms);
        w = (struct watch){0};
    }
    if (change == ALERT_SAME && w.status.fired_ms)
        tell_standing(a, rule, &w, numerator, denominator);
    if (same_standing(&w, &before))
        return;
    *(struct watch *)map_put(&r->watches, series) = w;
    bool is_active = w.status.active_ms != 0;
    if (is_active && !was_active)
        alerting_push(&r->active, &r->active_count, &r->active_size, series);
    if (!is_active && was_active)
        deactivate(r, series);
}

static void step_rate(struct alerting *a, struct rule_state *r, uint64_t series, int64_t now_ms) {
    static const struct rate_counts none;
    if (!(r->rule->scopes & 1u << scope_of(series)))
        return;
    const struct rate_counts *sum = map_get(&a->windows[r->window].sums, series);
    if (!sum)
        sum = &none;
    step_series(a, r, series, now_ms, rate_numerator(r->rule->rate, sum), rate_denominator(r->rule->rate, sum));
}

static void step_rule(struct alerting *a, struct rule_state *r, int64_t now_ms) {
    /* Those that are active first: stepping takes some of them off the list, so from its end. A series that also
     * changed is stepped twice with the same numbers at the same time, which changes nothing. */
    for (size_t i = r->active_count; i-- > 0;)
        if (i < r->active_count)
            step_rate(a, r, r->active[i], now_ms);
    for (size_t i = 0; i < a->changed_count; i++)
        step_rate(a, r, a->changed[i], now_ms);
}

static void step_silence(struct alerting *a, struct rule_state *r, int64_t minute, uint32_t records) {
    int64_t window = r->rule->window, ring = 2 * window;
    int64_t at = ((minute % ring) + ring) % ring, middle = (at + window) % ring;
    r->before +=
        r->records[middle] - (uint64_t)r->records[at]; /* one minute comes in from `recent`, one is forgotten */
    r->recent += records - (uint64_t)r->records[middle];
    r->records[at] = records;
    step_series(a, r, CELL_ACCOUNT, (minute + 1) * MINUTE_MS, r->recent, r->before);
}

static void note_activity(struct alerting *a, int64_t minute, uint32_t records) {
    if (!a->live || !records)
        return;
    if (a->activity_count == a->activity_size) {
        a->activity_size = a->activity_size ? a->activity_size * 2 : 64;
        a->activity = alloc_resize(a->activity, a->activity_size, sizeof *a->activity);
    }
    a->activity[a->activity_count++] = (struct activity){minute, records};
}

static void look_at_minute(struct alerting *a, int64_t minute, const struct map *cells, uint32_t records) {
    a->changed_count = 0;
    uint64_t series;
    void *nothing;
    for (size_t at = 0; map_next(&a->late, &at, &series, &nothing);)
        alerting_push(&a->changed, &a->changed_count, &a->changed_size, series);
    if (a->late.len)
        map_clear(&a->late);
    note_activity(a, minute, records);
    for (int i = 0; i < a->window_count; i++)
        slide(a, &a->windows[i], minute, cells);
    for (size_t i = 0; i < a->rule_count; i++) {
        if (a->rules[i].rule->kind == ALERT_SILENCE)
            step_silence(a, &a->rules[i], minute, records);
        else
            step_rule(a, &a->rules[i], (minute + 1) * MINUTE_MS);
    }
}

/* Minutes without events, up to before `minute`. After `settle` of them all sums are 0 and no rule moves. */
static void pass_empty_minutes(struct alerting *a, int64_t minute) {
    int64_t last = minute - a->next > a->settle ? a->next + a->settle : minute;
    for (int64_t m = a->next; m < last; m++)
        look_at_minute(a, m, NULL, 0);
}

void alerting_minute(struct alerting *a, const struct closed_minute *m) {
    if (a->started)
        pass_empty_minutes(a, m->minute);
    a->started = true;
    look_at_minute(a, m->minute, m->series, m->records);
    a->next = m->minute + 1;
}

void alerting_advance(struct alerting *a, int64_t minute) {
    if (!a->started || minute <= a->next)
        return;
    pass_empty_minutes(a, minute);
    a->next = minute;
}

void alerting_finish(struct alerting *a, int64_t watermark_ms) {
    alerting_advance(a, floor_div(watermark_ms, MINUTE_MS) + 1);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct alerting *alerting_create(const struct alert_rule *rules, size_t count, const struct snapshot_names *names) {
    struct alerting *a = alloc_zeroed(1, sizeof *a);
    a->names = names;
    map_init(&a->late, 1);
    a->rules = alloc_zeroed(count, sizeof *a->rules);
    a->rule_count = count;
    for (size_t i = 0; i < count; i++) {
        struct rule_state *r = &a->rules[i];
        r->rule = &rules[i];
        map_init(&r->watches, sizeof(struct watch));
        if (rules[i].kind == ALERT_SILENCE)
            r->records = alloc_zeroed((size_t)rules[i].window * 2, sizeof *r->records);
        else
            r->window = window_of(a, rules[i].window);
        int64_t settle = 2 * (int64_t)rules[i].window + rules[i].for_minutes + rules[i].keep_firing_minutes + 62;
        if (settle > a->settle)
            a->settle = settle;
    }
    return a;
}

void alerting_go_live(struct alerting *a, struct intern *rule_numbers, const struct alerting_hooks *hooks) {
    a->live = true;
    a->hooks = *hooks;
    for (size_t i = 0; i < a->rule_count; i++) {
        char name[INTERN_SCRATCH];
        int len = snprintf(name, sizeof name, "%s/%s", a->rules[i].rule->name, a->rules[i].rule->severity);
        a->rules[i].number =
            intern_id(rule_numbers, (struct span){name, len < (int)sizeof name ? (size_t)len : sizeof name - 1});
        map_track(&a->rules[i].watches);
    }
}

void alerting_destroy(struct alerting *a) {
    if (!a)
        return;
    for (size_t i = 0; i < a->rule_count; i++) {
        map_deinit(&a->rules[i].watches);
        free(a->rules[i].active);
        free(a->rules[i].records);
    }
    for (int i = 0; i < a->window_count; i++) {
        for (int64_t j = 0; j < a->windows[i].ring; j++)
            map_deinit(&a->windows[i].units[j].cells);
        free(a->windows[i].units);
        map_deinit(&a->windows[i].sums);
    }
    incidents_deinit(&a->incidents);
    free(a->activity);
    free(a->touched);
    free(a->gone);
    free(a->orphans);
    free(a->stale);
    map_deinit(&a->late);
    free(a->rules);
    free(a->changed);
    free(a);
}

static int by_time(const void *x, const void *y) {
    const struct alert_row *a = x, *b = y;
    if (a->active_ms != b->active_ms)
        return a->active_ms < b->active_ms ? -1 : 1;
    int c = strcmp(a->alertname, b->alertname);
    c = c ? c : strcmp(a->severity, b->severity);
    c = c ? c : strcmp(a->scope, b->scope);
    c = c ? c : strcmp(a->provider, b->provider);
    return c ? c : strcmp(a->configuration_set, b->configuration_set);
}

/* The rules that wait for their `for`, as rows; each is a block of its own. */
static size_t pending_rows(const struct alerting *a, struct alert_row **blocks) {
    size_t count = 0;
    for (size_t i = 0; i < a->rule_count; i++)
        for (size_t j = 0; j < a->rules[i].active_count; j++) {
            const struct watch *w = map_get(&a->rules[i].watches, a->rules[i].active[j]);
            if (w->status.fired_ms)
                continue;
            if (blocks) {
                char text[DESCRIPTION_SIZE];
                struct alert_row row =
                    make_row(a, a->rules[i].rule, a->rules[i].active[j], &w->status, ALERT_PENDING, text, sizeof text);
                const struct alert_row *one = &row;
                blocks[count] = alert_rows_copy(&one, 1);
            }
            count++;
        }
    return count;
}

struct alert_row *alerting_rows(const struct alerting *a, size_t *count, uint64_t *dropped) {
    size_t fired = a->incidents.count, pending = pending_rows(a, NULL);
    struct alert_row **all = alloc_zeroed(fired + pending, sizeof(struct alert_row *));
    if (fired)
        memcpy(all, a->incidents.rows, fired * sizeof(struct alert_row *));
    pending_rows(a, all + fired);
    struct alert_row *rows = alert_rows_copy((const struct alert_row *const *)all, fired + pending);
    for (size_t i = fired; i < fired + pending; i++)
        free(all[i]);
    free(all);
    for (size_t i = 0; !a->live && i < fired; i++)
        rows[i].incident = 0;
    if (rows)
        qsort(rows, fired + pending, sizeof *rows, by_time);
    *count = fired + pending;
    *dropped = a->incidents.dropped;
    return rows;
}
