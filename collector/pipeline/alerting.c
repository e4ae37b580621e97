#include "pipeline/alerting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "core/alloc.h"

enum { MAX_WINDOWS = 8, MAX_ROWS = 10000 };

/* The sums of a window that moves with time, made of units: minutes, or hours when it is longer than two. */
struct sliding {
    int minutes, unit;
    struct map sums;         /* series key -> struct rate_counts */
    struct grid_cell *units; /* a ring */
    int64_t ring;
};

/* A rule on one series. */
struct watch {
    struct alert_status status;
    size_t row; /* of the incident, while it fires; SIZE_MAX: the list was full */
};

struct rule_state {
    const struct alert_rule *rule;
    int window;         /* index into windows; not of silence */
    struct map watches; /* series key -> struct watch */
    uint64_t *active;   /* series pending or firing */
    size_t active_count, active_size;
    uint32_t *records; /* silence: records of the last two windows' minutes, a ring */
    uint64_t recent, before;
};

struct alerting {
    struct rule_state *rules;
    size_t rule_count;
    struct sliding windows[MAX_WINDOWS];
    int window_count;
    const struct snapshot_names *names;
    bool started;
    int64_t next;      /* the minute to look at next */
    int64_t settle;    /* minutes without events after which nothing can change any more */
    uint64_t *changed; /* series whose sums changed in this minute; may hold one twice */
    size_t changed_count, changed_size;
    struct alert_row *rows;
    size_t row_count, row_size;
    uint64_t dropped;
};

static void push(uint64_t **list, size_t *count, size_t *size, uint64_t key) {
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

static void add_to_sums(struct alerting *a, struct sliding *w, const struct map *cells, bool leaving) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        const struct cell_counts *c = value;
        struct rate_counts *sum = map_put(&w->sums, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            sum->n[i] = leaving ? sum->n[i] - c->n[i] : sum->n[i] + c->n[i];
        push(&a->changed, &a->changed_count, &a->changed_size, key);
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
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        const struct cell_counts *c = value;
        struct cell_counts *to = map_put(&now->cells, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            to->n[i] += c->n[i];
    }
    add_to_sums(a, w, cells, false);
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

static char *describe(const struct alert_rule *rule, const struct alert_status *s) {
    char text[200];
    if (rule->kind == ALERT_SILENCE)
        snprintf(text, sizeof text, "No event within %s; %llu within %s before.", rule->window_name,
                 (unsigned long long)s->denominator, rule->window_name);
    else
        snprintf(text, sizeof text, "The %s rate over %s was %.4g %% (%llu of %llu %s); the threshold is %.4g %%.",
                 rate_name(rule->rate), rule->window_name, s->value * 100, (unsigned long long)s->numerator,
                 (unsigned long long)s->denominator, rate_denominator_name(rule->rate), rule->above * 100);
    return alloc_string(text, strlen(text));
}

static size_t add_row(struct alerting *a, const struct alert_rule *rule, uint64_t series, const struct alert_status *s,
                      enum alert_state state) {
    if (a->row_count == MAX_ROWS) {
        a->dropped++;
        return SIZE_MAX;
    }
    if (a->row_count == a->row_size) {
        a->row_size = a->row_size ? a->row_size * 2 : 32;
        a->rows = alloc_resize(a->rows, a->row_size, sizeof *a->rows);
    }
    enum alert_scope scope = scope_of(series);
    a->rows[a->row_count] = (struct alert_row){
        .alertname = rule->name,
        .severity = rule->severity,
        .scope = alert_scope_name(scope),
        .provider = scope == SCOPE_PROVIDER ? provider_table_name(a->names->providers, (uint16_t)series) : "",
        .configuration_set = scope == SCOPE_CONFIGURATION_SET ? intern_name(a->names->sets, CELL_ID(series)) : "",
        .rate = rule->kind == ALERT_SILENCE ? "events" : rate_name(rule->rate),
        .window = rule->window_name,
        .summary = rule->summary,
        .description = describe(rule, s),
        .state = state,
        .active_ms = s->active_ms,
        .fired_ms = s->fired_ms,
        .value = s->value,
        .threshold = rule->above,
        .numerator = s->numerator,
        .denominator = s->denominator,
    };
    return a->row_count++;
}

/* --- rules on series ---------------------------------------------------------------------------------------------- */

static void deactivate(struct rule_state *r, uint64_t series) {
    for (size_t i = 0; i < r->active_count; i++)
        if (r->active[i] == series) {
            r->active[i] = r->active[--r->active_count];
            return;
        }
}

static void step_series(struct alerting *a, struct rule_state *r, uint64_t series, int64_t now_ms, uint64_t numerator,
                        uint64_t denominator) {
    const struct alert_rule *rule = r->rule;
    struct watch *w = map_get(&r->watches, series);
    struct alert_status fresh = {0};
    struct alert_status *s = w ? &w->status : &fresh;
    bool was_active = s->active_ms != 0;
    enum alert_change change = alert_step(rule, s, now_ms, numerator, denominator);
    if (change == ALERT_SAME && (w || !fresh.active_ms))
        return;
    if (!w) {
        w = map_put(&r->watches, series);
        w->status = fresh;
    }
    if (change == ALERT_FIRED)
        w->row = add_row(a, rule, series, &w->status, ALERT_FIRING);
    if (change == ALERT_RESOLVED_NOW) {
        if (w->row != SIZE_MAX) {
            a->rows[w->row].state = ALERT_RESOLVED;
            a->rows[w->row].resolved_ms = now_ms;
        }
        w->status = (struct alert_status){0};
    }
    bool is_active = w->status.active_ms != 0;
    if (is_active && !was_active)
        push(&r->active, &r->active_count, &r->active_size, series);
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

static void look_at_minute(struct alerting *a, int64_t minute, const struct map *cells, uint32_t records) {
    a->changed_count = 0;
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

void alerting_finish(struct alerting *a, int64_t watermark_ms) {
    if (a->started)
        pass_empty_minutes(a, floor_div(watermark_ms, MINUTE_MS) + 1);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct alerting *alerting_create(const struct alert_rule *rules, size_t count, const struct snapshot_names *names) {
    struct alerting *a = alloc_zeroed(1, sizeof *a);
    a->names = names;
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
    for (size_t i = 0; i < a->row_count; i++)
        free((char *)a->rows[i].description); /* made by describe() */
    free(a->rows);
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

struct alert_row *alerting_rows(struct alerting *a, size_t *count, uint64_t *dropped) {
    for (size_t i = 0; i < a->rule_count; i++)
        for (size_t j = 0; j < a->rules[i].active_count; j++) {
            const struct watch *w = map_get(&a->rules[i].watches, a->rules[i].active[j]);
            if (!w->status.fired_ms)
                add_row(a, a->rules[i].rule, a->rules[i].active[j], &w->status, ALERT_PENDING);
        }
    if (a->row_count) /* without rows there is no array */
        qsort(a->rows, a->row_count, sizeof *a->rows, by_time);
    *count = a->row_count;
    *dropped = a->dropped;
    return a->rows;
}
