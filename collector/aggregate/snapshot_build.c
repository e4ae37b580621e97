/* From the aggregate's tables to a snapshot: names instead of numbers, the long tail under `other`, sorted rows. */
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate_internal.h"
#include "core/alloc.h"

struct builder {
    const struct aggregate *a;
    const struct snapshot_names *names;
    size_t max_names;
    uint32_t *kept_sets; /* by id: the id itself, or INTERN_OVERFLOW */
    uint64_t folded_sets;
};

/* --- which names keep theirs -------------------------------------------------------------------------------------- */

struct ranked {
    uint32_t id;
    uint64_t volume;
    const char *name;
};

static int by_volume(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    if (a->volume != b->volume)
        return a->volume < b->volume ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* `volumes` by id. Returns new: by id, what it is shown as. */
static uint32_t *keep_busiest(struct intern *table, const uint64_t *volumes, size_t count, size_t max,
                              uint64_t *folded) {
    uint32_t *kept = alloc_zeroed(count, sizeof *kept);
    struct ranked *ranked = alloc_zeroed(count, sizeof *ranked);
    size_t used = 0;
    for (uint32_t id = 0; id < count; id++) {
        kept[id] = id;
        if (volumes[id] && id != INTERN_OVERFLOW)
            ranked[used++] = (struct ranked){id, volumes[id], intern_name(table, id)};
    }
    qsort(ranked, used, sizeof *ranked, by_volume);
    *folded = 0;
    for (size_t i = max; i < used; i++) {
        kept[ranked[i].id] = INTERN_OVERFLOW;
        ++*folded;
    }
    free(ranked);
    return kept;
}

static uint64_t total_records(const struct tally *t) {
    uint64_t sum = 0;
    for (int i = 0; i < EVENT_TYPES; i++)
        sum += t->records[i];
    return sum;
}

/* What a name weighs: its records in both periods, so that both show the same names. At least 1 if it occurs at all. */
static uint64_t weight(const struct aggregate *a, const struct tally *tallies) {
    uint64_t sum = 1;
    for (int p = 0; p < a->periods; p++)
        sum += total_records(&tallies[p]);
    return sum;
}

static uint64_t *volumes_of(const struct aggregate *a, const struct map *tallies, bool pairs, size_t count) {
    uint64_t *volumes = alloc_zeroed(count, sizeof *volumes);
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(tallies, &at, &key, &value);)
        volumes[pairs ? CELL_PAIR_SET(key) : CELL_ID(key)] += weight(a, value);
    return volumes;
}

static uint32_t *kept_names(const struct builder *b, struct intern *table, const struct map *tallies, bool pairs,
                            uint64_t *folded) {
    size_t count = intern_count(table);
    uint64_t *volumes = volumes_of(b->a, tallies, pairs, count);
    uint32_t *kept = keep_busiest(table, volumes, count, b->max_names, folded);
    free(volumes);
    return kept;
}

/* --- views -------------------------------------------------------------------------------------------------------- */

static const char *set_name(const struct builder *b, uint32_t id) {
    return intern_name(b->names->sets, id);
}

static const char *provider_name(const struct builder *b, uint16_t id) {
    return provider_table_name(b->names->providers, id);
}

/* The row that an entry of the tables goes to. */
static uint64_t row_key(const struct builder *b, enum view_kind kind, uint64_t key) {
    switch (kind) {
    case VIEW_PROVIDER:
        return CELL_PAIR_PROVIDER(key);
    case VIEW_CONFIGURATION_SET:
        return b->kept_sets[CELL_PAIR_SET(key)];
    case VIEW_BOTH:
        return CELL_PAIR(b->kept_sets[CELL_PAIR_SET(key)], CELL_PAIR_PROVIDER(key));
    default:
        return 0;
    }
}

static struct view_row name_row(const struct builder *b, enum view_kind kind, uint64_t key, struct intern *table) {
    struct view_row row = {0};
    if (kind == VIEW_PROVIDER)
        row.provider = provider_name(b, (uint16_t)key);
    if (kind == VIEW_CONFIGURATION_SET)
        row.configuration_set = set_name(b, (uint32_t)key);
    if (kind == VIEW_BOTH) {
        row.configuration_set = set_name(b, CELL_PAIR_SET(key));
        row.provider = provider_name(b, CELL_PAIR_PROVIDER(key));
    }
    if (kind == VIEW_IDENTITY || kind == VIEW_TAG)
        row.name = intern_name(table, CELL_ID(key));
    return row;
}

static int compare_names(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

/* Rows that stand for no one name come last: `multiple`, then `other`. */
static int rank(const struct view_row *r) {
    const char *last = r->name ? r->name : r->provider ? r->provider : r->configuration_set;
    if (!last)
        return 0;
    if (r->provider && strcmp(last, "multiple") == 0)
        return 1;
    return strcmp(last, "other") == 0 ? 2 : 0;
}

static int by_row_volume(const void *x, const void *y) {
    const struct view_row *a = x, *b = y;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    uint64_t va = total_records(&a->tally[PERIOD_NOW]), vb = total_records(&b->tally[PERIOD_NOW]);
    if (va != vb)
        return va < vb ? 1 : -1;
    int c = compare_names(a->configuration_set, b->configuration_set);
    c = c ? c : compare_names(a->provider, b->provider);
    return c ? c : compare_names(a->name, b->name);
}

static void collect_rows(const struct builder *b, struct view *v, const struct map *sums, struct intern *table) {
    uint64_t key;
    void *value;
    v->rows = alloc_zeroed(sums->len, sizeof *v->rows);
    for (size_t at = 0; map_next(sums, &at, &key, &value);) {
        struct view_row *row = &v->rows[v->count++];
        *row = name_row(b, v->kind, key, table);
        memcpy(row->tally, value, (size_t)b->a->periods * sizeof(struct tally));
    }
    qsort(v->rows, v->count, sizeof *v->rows, by_row_volume);
}

static void add_tallies(const struct builder *b, struct map *sums, uint64_t key, const struct tally *from) {
    struct tally *to = map_put(sums, key);
    for (int p = 0; p < b->a->periods; p++)
        tally_add(&to[p], &from[p]);
}

/* Account, provider, configuration set, both: all from the pairs. */
static void build_pair_view(const struct builder *b, struct view *v) {
    struct map sums;
    uint64_t key;
    void *value;
    map_init(&sums, (size_t)b->a->periods * sizeof(struct tally));
    if (v->kind == VIEW_ACCOUNT)
        map_put(&sums, 0); /* one row even when nothing was counted */
    for (size_t at = 0; map_next(&b->a->pairs, &at, &key, &value);)
        add_tallies(b, &sums, row_key(b, v->kind, key), value);
    collect_rows(b, v, &sums, NULL);
    if (v->kind == VIEW_CONFIGURATION_SET || v->kind == VIEW_BOTH)
        v->overflowed = b->folded_sets;
    map_deinit(&sums);
}

static void build_name_view(const struct builder *b, struct view *v, const struct map *tallies, struct intern *table) {
    struct map sums;
    uint64_t key;
    void *value;
    uint32_t *kept = kept_names(b, table, tallies, false, &v->overflowed);
    map_init(&sums, (size_t)b->a->periods * sizeof(struct tally));
    for (size_t at = 0; map_next(tallies, &at, &key, &value);)
        add_tallies(b, &sums, kept[CELL_ID(key)], value);
    collect_rows(b, v, &sums, table);
    map_deinit(&sums);
    free(kept);
}

static void build_view(const struct builder *b, struct view *v, const struct view_request *request) {
    *v = (struct view){.kind = request->kind, .title = request->title};
    if (v->kind == VIEW_IDENTITY)
        build_name_view(b, v, &b->a->identities, b->names->identities);
    else if (v->kind == VIEW_TAG)
        build_name_view(b, v, &b->a->tags[request->tag], b->names->tags[request->tag]);
    else
        build_pair_view(b, v);
}

/* --- details ------------------------------------------------------------------------------------------------------ */

static struct detail_row name_detail(const struct builder *b, uint64_t key) {
    uint32_t detail = DETAIL_KEY_DETAIL(key);
    struct detail_row row = {
        .type = DETAIL_KEY_TYPE(key),
        .configuration_set = set_name(b, DETAIL_KEY_SET(key)),
        .provider = provider_name(b, DETAIL_KEY_PROVIDER(key)),
    };
    switch (row.type) {
    case EVENT_BOUNCE:
        row.first = bounce_type_name((enum bounce_type)(detail >> 8));
        row.second = bounce_subtype_name((enum bounce_subtype)(detail & 0xff));
        return row;
    case EVENT_COMPLAINT:
        row.first = feedback_type_name((enum feedback_type)detail);
        return row;
    case EVENT_DELIVERY_DELAY:
        row.first = delay_type_name((enum delay_type)detail);
        return row;
    case EVENT_REJECT:
        row.first = reject_reason_name((enum reject_reason)detail);
        break;
    case EVENT_RENDERING_FAILURE:
        row.first = intern_name(b->names->templates, detail);
        break;
    default:
        row.first = subscription_change_name((enum subscription_change)(detail >> 8));
        row.second = subscription_source_name((enum subscription_source)(detail & 0xff));
        break;
    }
    row.provider = NULL;
    return row;
}

static int by_detail(const void *x, const void *y) {
    const struct detail_row *a = x, *b = y;
    if (a->type != b->type)
        return (int)a->type - (int)b->type;
    int c = compare_names(a->first, b->first);
    c = c ? c : compare_names(a->second, b->second);
    c = c ? c : compare_names(a->configuration_set, b->configuration_set);
    return c ? c : compare_names(a->provider, b->provider);
}

static bool has_provider(enum event_type type) {
    return type == EVENT_BOUNCE || type == EVENT_COMPLAINT || type == EVENT_DELIVERY_DELAY;
}

static void build_details(const struct builder *b, struct snapshot *s) {
    struct map sums;
    uint64_t key;
    void *value;
    map_init(&sums, sizeof(uint64_t));
    for (size_t at = 0; map_next(&b->a->details, &at, &key, &value);) {
        enum event_type type = DETAIL_KEY_TYPE(key);
        uint16_t provider = has_provider(type) ? DETAIL_KEY_PROVIDER(key) : 0;
        uint64_t *sum =
            map_put(&sums, DETAIL_KEY(type, DETAIL_KEY_DETAIL(key), b->kept_sets[DETAIL_KEY_SET(key)], provider));
        *sum += *(uint64_t *)value;
    }
    s->details = alloc_zeroed(sums.len, sizeof *s->details);
    for (size_t at = 0; map_next(&sums, &at, &key, &value);) {
        struct detail_row *row = &s->details[s->detail_count++];
        *row = name_detail(b, key);
        row->count = *(uint64_t *)value;
    }
    qsort(s->details, s->detail_count, sizeof *s->details, by_detail);
    map_deinit(&sums);
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static void add_counts(struct map *sums, uint64_t key, const struct rate_counts *from) {
    struct rate_counts *to = map_put(sums, key);
    for (int i = 0; i < RATE_COUNTERS; i++)
        to->n[i] += from->n[i];
}

/* From pairs and identities to all scopes. */
static void spread_scopes(const struct builder *b, const struct map *cells, const uint32_t *kept_identities,
                          struct map *scopes) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        if (CELL_KIND(key) == CELL_IDENTITY) {
            add_counts(scopes, CELL_IDENTITY | kept_identities[CELL_ID(key)], value);
            continue;
        }
        uint32_t set = b->kept_sets[CELL_PAIR_SET(key)];
        uint16_t provider = CELL_PAIR_PROVIDER(key);
        add_counts(scopes, CELL_ACCOUNT, value);
        add_counts(scopes, CELL_PROVIDER | provider, value);
        add_counts(scopes, CELL_SET | set, value);
        add_counts(scopes, CELL_PAIR(set, provider), value);
    }
}

static struct window_row name_window(const struct builder *b, int window, uint64_t key) {
    struct window_row row = {.window = window, .provider = "", .configuration_set = "", .identity = ""};
    switch (CELL_KIND(key)) {
    case CELL_ACCOUNT:
        row.scope = "account";
        break;
    case CELL_PROVIDER:
        row.scope = "provider";
        row.provider = provider_name(b, (uint16_t)key);
        break;
    case CELL_SET:
        row.scope = "configuration_set";
        row.configuration_set = set_name(b, CELL_ID(key));
        break;
    case CELL_IDENTITY:
        row.scope = "identity";
        row.identity = intern_name(b->names->identities, CELL_ID(key));
        break;
    default:
        row.scope = "provider_configuration_set";
        row.provider = provider_name(b, CELL_PAIR_PROVIDER(key));
        row.configuration_set = set_name(b, CELL_PAIR_SET(key));
        break;
    }
    return row;
}

static int by_window(const void *x, const void *y) {
    const struct window_row *a = x, *b = y;
    int c = strcmp(a->scope, b->scope);
    c = c ? c : a->window - b->window;
    c = c ? c : strcmp(a->configuration_set, b->configuration_set);
    c = c ? c : strcmp(a->provider, b->provider);
    return c ? c : strcmp(a->identity, b->identity);
}

/* A first delay that moved to an earlier time leaves zeros behind: without rows for them, what is shown does not depend
 * on the order of the input. */
static bool counts_nothing(const struct rate_counts *c) {
    for (int i = 0; i < RATE_COUNTERS; i++)
        if (c->n[i])
            return false;
    return true;
}

static void build_windows(const struct builder *b, struct snapshot *s) {
    uint32_t *identities = kept_names(b, b->names->identities, &b->a->identities, false, &s->overflow_identity);
    for (int window = 0; window < WINDOWS; window++) {
        struct map cells, scopes;
        uint64_t key;
        void *value;
        map_init(&cells, sizeof(struct rate_counts));
        map_init(&scopes, sizeof(struct rate_counts));
        grid_window(&b->a->grid, window, &cells);
        spread_scopes(b, &cells, identities, &scopes);
        s->windows = alloc_resize(s->windows, s->window_count + scopes.len, sizeof *s->windows);
        for (size_t at = 0; map_next(&scopes, &at, &key, &value);) {
            if (counts_nothing(value))
                continue;
            struct window_row *row = &s->windows[s->window_count++];
            *row = name_window(b, window, key);
            row->counts = *(struct rate_counts *)value;
        }
        map_deinit(&cells);
        map_deinit(&scopes);
    }
    free(identities);
    qsort(s->windows, s->window_count, sizeof *s->windows, by_window);
}

/* --- past minutes and hours --------------------------------------------------------------------------------------- */

static void add_series(const struct map *cells, struct map *series) {
    uint64_t key;
    void *value;
    for (size_t at = 0; cells && map_next(cells, &at, &key, &value);) {
        if (CELL_KIND(key) == CELL_IDENTITY)
            continue;
        const struct cell_counts *from = value;
        const uint64_t keys[] = {CELL_ACCOUNT, CELL_PROVIDER | CELL_PAIR_PROVIDER(key), CELL_SET | CELL_PAIR_SET(key)};
        for (int i = 0; i < 3; i++) {
            struct cell_counts *to = map_put(series, keys[i]);
            for (int n = 0; n < RATE_COUNTERS; n++)
                to->n[n] += from->n[n];
        }
    }
}

bool aggregate_past_minute(const struct aggregate *a, int64_t minute, struct map *series) {
    add_series(grid_minute(&a->grid, minute), series);
    return a->grid.started && minute > floor_div(a->grid.watermark_ms, MINUTE_MS) - GRID_MINUTES;
}

bool aggregate_past_hour(const struct aggregate *a, int64_t hour, struct map *series) {
    add_series(grid_hour(&a->grid, hour), series);
    for (int64_t minute = hour * 60; minute < (hour + 1) * 60; minute++)
        add_series(grid_minute(&a->grid, minute), series);
    return a->grid.started && hour > floor_div(a->grid.watermark_ms, HOUR_MS) - GRID_HOURS;
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

static void build_sources(const struct builder *b, struct snapshot *s) {
    s->source_count = b->names->source_count;
    s->sources = alloc_zeroed(s->source_count, sizeof *s->sources);
    for (size_t i = 0; i < s->source_count; i++) {
        s->sources[i].name = s->sources[i].kind = b->names->sources[i];
        s->sources[i].accounting = b->a->accounting[i];
        accounting_add(&s->accounting, &b->a->accounting[i]);
    }
}

/* --- history ------------------------------------------------------------------------------------------------------ */

/* Where each of the last hours is added up: a map from series to struct rate_counts[HISTORY_POINTS]. */
static void add_to_history(const struct map *cells, size_t point, struct map *rows, const struct builder *b) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        if (CELL_KIND(key) == CELL_IDENTITY)
            continue;
        const struct cell_counts *counts = value;
        const uint64_t series[] = {CELL_ACCOUNT, CELL_PROVIDER | CELL_PAIR_PROVIDER(key),
                                   CELL_SET | b->kept_sets[CELL_PAIR_SET(key)]};
        for (int i = 0; i < 3; i++) {
            struct rate_counts *hours = map_put(rows, series[i]);
            for (int n = 0; n < RATE_COUNTERS; n++)
                hours[point].n[n] += counts->n[n];
        }
    }
}

static int by_history(const void *x, const void *y) {
    const struct history_row *a = x, *b = y;
    int c = strcmp(a->scope, b->scope);
    c = c ? c : strcmp(a->configuration_set, b->configuration_set);
    return c ? c : strcmp(a->provider, b->provider);
}

static void build_history(const struct builder *b, struct snapshot *s) {
    const struct aggregate *a = b->a;
    struct map rows;
    uint64_t key;
    void *value;
    if (!a->options.settle_ms || a->watermark_ms == INT64_MIN)
        return;
    map_init(&rows, HISTORY_POINTS * sizeof(struct rate_counts));
    int64_t last = floor_div(a->watermark_ms, HOUR_MS), first = last - HISTORY_POINTS + 1;
    s->history_start_ms = first * HOUR_MS;
    for (int64_t hour = first; hour <= last; hour++) {
        const struct map *cells = grid_hour(&a->grid, hour);
        if (cells)
            add_to_history(cells, (size_t)(hour - first), &rows, b);
    }
    for (int64_t minute = (last - 3) * 60; minute < (last + 1) * 60; minute++) {
        const struct map *cells = grid_minute(&a->grid, minute);
        if (cells)
            add_to_history(cells, (size_t)(floor_div(minute, 60) - first), &rows, b);
    }
    s->history = alloc_zeroed(rows.len, sizeof *s->history);
    for (size_t at = 0; map_next(&rows, &at, &key, &value);) {
        struct window_row name = name_window(b, 0, key);
        struct history_row *row = &s->history[s->history_count++];
        *row = (struct history_row){
            .scope = name.scope, .provider = name.provider, .configuration_set = name.configuration_set};
        memcpy(row->hours, value, sizeof row->hours);
    }
    qsort(s->history, s->history_count, sizeof *s->history, by_history);
    map_deinit(&rows);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void build_scalars(const struct builder *b, struct snapshot *s) {
    const struct aggregate *a = b->a;
    s->watermark_ms = a->watermark_ms == INT64_MIN ? 0 : a->watermark_ms;
    s->first_ms = a->first_ms == INT64_MIN ? 0 : a->first_ms;
    s->latest_by_ms = a->latest_by_ms;
    memcpy(s->last_event_ms, a->last_event_ms, sizeof s->last_event_ms);
    s->has_before = a->options.has_before;
    s->from_ms = a->options.from_ms;
    s->to_ms = a->options.to_ms;
    s->before_from_ms = a->before_from_ms;
    s->overflow_set = b->folded_sets + intern_overflowed(b->names->sets);
    s->overflow_template = intern_overflowed(b->names->templates);
    s->series = a->pairs.len + a->identities.len + a->details.len;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        s->series += a->tags[i].len;
}

struct snapshot *aggregate_snapshot(const struct aggregate *a, const struct snapshot_names *names,
                                    const struct view_request *views, size_t view_count, size_t max_names) {
    struct builder b = {.a = a, .names = names, .max_names = max_names};
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    b.kept_sets = kept_names(&b, names->sets, &a->pairs, true, &b.folded_sets);
    build_scalars(&b, s);
    build_view(&b, &s->account, &(struct view_request){.kind = VIEW_ACCOUNT, .title = "account"});
    build_view(&b, &s->both, &(struct view_request){.kind = VIEW_BOTH, .title = "provider,configuration_set"});
    s->views = alloc_zeroed(view_count, sizeof *s->views);
    for (size_t i = 0; i < view_count; i++) {
        build_view(&b, &s->views[i], &views[i]);
        if (views[i].kind == VIEW_TAG)
            s->overflow_tag += s->views[i].overflowed;
    }
    s->view_count = view_count;
    build_details(&b, s);
    build_windows(&b, s);
    build_sources(&b, s);
    build_history(&b, s);
    s->overflow_identity += intern_overflowed(names->identities);
    free(b.kept_sets);
    return s;
}

void snapshot_destroy(struct snapshot *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->view_count; i++)
        free(s->views[i].rows);
    free(s->views);
    free(s->account.rows);
    free(s->both.rows);
    free(s->details);
    free(s->windows);
    for (size_t i = 0; i < s->source_count; i++)
        source_row_deinit(&s->sources[i]);
    free(s->sources);
    free(s->history);
    free(s);
}
