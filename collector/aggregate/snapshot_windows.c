/* The rows of a snapshot that are about time: windows, bounces by reason, the standing with AWS, the history. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/snapshot_internal.h"
#include "core/alloc.h"

/* --- windows ------------------------------------------------------------------------------------------------------ */

static void add_counts(struct map *sums, uint64_t key, const struct rate_counts *from) {
    struct rate_counts *to = map_put(sums, key);
    for (int i = 0; i < RATE_COUNTERS; i++)
        to->n[i] += from->n[i];
}

/* From pairs and identities to all scopes. */
static void spread_scopes(const struct snapshot_builder *b, const struct map *cells, const uint32_t *kept_identities,
                          struct map *scopes) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        if (CELL_KIND(key) == CELL_IDENTITY)
            add_counts(scopes, CELL_IDENTITY | kept_identities[CELL_ID(key)], value);
        if (CELL_KIND(key) != 0)
            continue;
        uint32_t set = b->kept_sets[CELL_PAIR_SET(key)];
        uint16_t provider = domains_provider(&b->a->domains, CELL_PAIR_PROVIDER(key), INT64_MAX);
        add_counts(scopes, CELL_ACCOUNT, value);
        add_counts(scopes, CELL_PROVIDER | provider, value);
        add_counts(scopes, CELL_SET | set, value);
        add_counts(scopes, CELL_PAIR(set, provider), value);
    }
}

static struct window_row name_window(const struct snapshot_builder *b, int window, enum basis basis, uint64_t key) {
    struct window_row row = {.window = window, .basis = basis, .provider = "", .configuration_set = "", .identity = ""};
    switch (CELL_KIND(key)) {
    case CELL_ACCOUNT:
        row.scope = "account";
        break;
    case CELL_PROVIDER:
        row.scope = "provider";
        row.provider = snapshot_provider_name(b, (uint16_t)key);
        break;
    case CELL_SET:
        row.scope = "configuration_set";
        row.configuration_set = snapshot_set_name(b, CELL_ID(key));
        break;
    case CELL_IDENTITY:
        row.scope = "identity";
        row.identity = intern_name(b->names->identities, CELL_ID(key));
        break;
    default:
        row.scope = "provider_configuration_set";
        row.provider = snapshot_provider_name(b, CELL_PAIR_PROVIDER(key));
        row.configuration_set = snapshot_set_name(b, CELL_PAIR_SET(key));
        break;
    }
    return row;
}

static int by_window(const void *x, const void *y) {
    const struct window_row *a = x, *b = y;
    int c = strcmp(a->scope, b->scope);
    c = c ? c : (int)a->basis - (int)b->basis;
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

/* Takes the sums of all series of a window. */
static void add_window(const struct snapshot_builder *b, struct snapshot *s, int window, enum basis basis,
                       const struct map *sums) {
    uint64_t key;
    void *value;
    s->windows = alloc_resize(s->windows, s->window_count + sums->len, sizeof *s->windows);
    for (size_t at = 0; map_next(sums, &at, &key, &value);) {
        if (counts_nothing(value))
            continue;
        struct window_row *row = &s->windows[s->window_count++];
        *row = name_window(b, window, basis, key);
        row->counts = *(struct rate_counts *)value;
    }
}

/* --- why mail bounced --------------------------------------------------------------------------------------------- */

static int by_reason(const void *x, const void *y) {
    const struct reason_row *a = x, *b = y;
    if (a->window != b->window)
        return a->window - b->window;
    int c = strcmp(a->provider, b->provider);
    if (c)
        return c;
    if (a->bounced != b->bounced)
        return a->bounced < b->bounced ? 1 : -1;
    return (int)a->reason - (int)b->reason;
}

static void add_reasons(const struct snapshot_builder *b, struct snapshot *s, int window, const struct map *cells) {
    struct map sums;
    uint64_t key;
    void *value;
    map_init(&sums, sizeof(struct rate_counts));
    for (size_t at = 0; map_next(cells, &at, &key, &value);)
        if (CELL_KIND(key) == CELL_REASON)
            add_counts(&sums, domains_cell_key(&b->a->domains, key, INT64_MAX), value);
    s->reasons = alloc_resize(s->reasons, s->reason_count + sums.len, sizeof *s->reasons);
    for (size_t at = 0; map_next(&sums, &at, &key, &value);)
        s->reasons[s->reason_count++] = (struct reason_row){
            .window = window,
            .provider = snapshot_provider_name(b, CELL_REASON_PROVIDER(key)),
            .reason = (enum bounce_reason)CELL_REASON_REASON(key),
            .bounced = ((const struct rate_counts *)value)->n[COUNT_BOUNCED],
        };
    map_deinit(&sums);
}

/* --- standing with AWS -------------------------------------------------------------------------------------------- */

static struct reputation_row make_standing(enum reputation_kind kind, const struct rate_counts *counts) {
    enum rate rate = reputation_rate(kind);
    struct reputation_row row = {
        .kind = kind,
        .numerator = rate_numerator(rate, counts),
        .denominator = rate_denominator(rate, counts),
    };
    row.state = reputation_state_of(kind, row.numerator, row.denominator);
    row.to_next = reputation_to_next(kind, row.numerator, row.denominator, &row.next_threshold);
    return row;
}

static void add_standing(struct snapshot *s, const struct map *sums, uint64_t series, const char *scope,
                         const char *set) {
    static const struct rate_counts none;
    const struct rate_counts *counts = map_get(sums, series);
    for (int kind = 0; kind < REPUTATION_KINDS; kind++) {
        struct reputation_row *row = &s->reputation[s->reputation_count++];
        *row = make_standing((enum reputation_kind)kind, counts ? counts : &none);
        row->scope = scope;
        row->configuration_set = set;
    }
}

static int by_set(const void *x, const void *y) {
    const struct reputation_row *a = x, *b = y;
    int c = strcmp(a->configuration_set, b->configuration_set);
    return c ? c : (int)a->kind - (int)b->kind;
}

static void build_reputation(const struct snapshot_builder *b, struct snapshot *s, const struct map *sums) {
    struct map sets;
    uint64_t key;
    void *value;
    map_init(&sets, 1);
    for (size_t at = 0; map_next(b->pairs, &at, &key, &value);)
        map_put(&sets, b->kept_sets[CELL_PAIR_SET(key)]);
    s->reputation = alloc_zeroed((sets.len + 1) * REPUTATION_KINDS, sizeof *s->reputation);
    add_standing(s, sums, CELL_ACCOUNT, "account", "");
    for (size_t at = 0; map_next(&sets, &at, &key, &value);)
        add_standing(s, sums, CELL_SET | key, "configuration_set", snapshot_set_name(b, (uint32_t)key));
    qsort(s->reputation + REPUTATION_KINDS, s->reputation_count - REPUTATION_KINDS, sizeof *s->reputation, by_set);
    map_deinit(&sets);
}

/* --- all windows -------------------------------------------------------------------------------------------------- */

static void build_window(const struct snapshot_builder *b, struct snapshot *s, int window, enum basis basis,
                         const uint32_t *identities) {
    struct map cells, scopes;
    map_init(&cells, sizeof(struct rate_counts));
    map_init(&scopes, sizeof(struct rate_counts));
    grid_window(&b->a->grids[basis], window, &cells);
    spread_scopes(b, &cells, identities, &scopes);
    add_window(b, s, window, basis, &scopes);
    if (basis == BASIS_EVENT)
        add_reasons(b, s, window, &cells);
    map_deinit(&cells);
    map_deinit(&scopes);
}

static void build_last_sends(const struct snapshot_builder *b, struct snapshot *s, const uint32_t *identities) {
    struct map sums;
    snapshot_last_sends(b, identities, &sums);
    add_window(b, s, WINDOW_LAST_SENDS, BASIS_SENT, &sums);
    build_reputation(b, s, &sums);
    map_deinit(&sums);
}

void snapshot_build_windows(const struct snapshot_builder *b, struct snapshot *s) {
    uint32_t *identities =
        snapshot_kept_names(b, b->names->identities, &b->a->identities, false, &s->overflow_identity);
    for (int window = 0; window < WINDOW_LAST_SENDS; window++) {
        build_window(b, s, window, BASIS_EVENT, identities);
        build_window(b, s, window, BASIS_SENT, identities);
    }
    build_last_sends(b, s, identities);
    free(identities);
    snprintf(s->last_sends_name, sizeof s->last_sends_name, "last_%" PRIu64, aggregate_last_sends(b->a));
    qsort(s->windows, s->window_count, sizeof *s->windows, by_window);
    qsort(s->reasons, s->reason_count, sizeof *s->reasons, by_reason);
}

/* --- history ------------------------------------------------------------------------------------------------------ */

/* Where each of the last hours is added up: a map from series to struct rate_counts[HISTORY_POINTS]. */
static void add_to_history(const struct map *cells, size_t point, struct map *rows, const struct snapshot_builder *b) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(cells, &at, &key, &value);) {
        if (CELL_KIND(key) != 0)
            continue;
        const struct cell_counts *counts = value;
        uint16_t provider = domains_provider(&b->a->domains, CELL_PAIR_PROVIDER(key), INT64_MAX);
        const uint64_t series[] = {CELL_ACCOUNT, CELL_PROVIDER | provider, CELL_SET | b->kept_sets[CELL_PAIR_SET(key)]};
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

void snapshot_build_history(const struct snapshot_builder *b, struct snapshot *s) {
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
        const struct map *cells = grid_hour(&a->grids[BASIS_EVENT], hour);
        if (cells)
            add_to_history(cells, (size_t)(hour - first), &rows, b);
    }
    for (int64_t minute = (last - 3) * 60; minute < (last + 1) * 60; minute++) {
        const struct map *cells = grid_minute(&a->grids[BASIS_EVENT], minute);
        if (cells)
            add_to_history(cells, (size_t)(floor_div(minute, 60) - first), &rows, b);
    }
    s->history = alloc_zeroed(rows.len, sizeof *s->history);
    for (size_t at = 0; map_next(&rows, &at, &key, &value);) {
        struct window_row name = name_window(b, 0, BASIS_EVENT, key);
        struct history_row *row = &s->history[s->history_count++];
        *row = (struct history_row){
            .scope = name.scope, .provider = name.provider, .configuration_set = name.configuration_set};
        memcpy(row->hours, value, sizeof row->hours);
    }
    qsort(s->history, s->history_count, sizeof *s->history, by_history);
    map_deinit(&rows);
}
