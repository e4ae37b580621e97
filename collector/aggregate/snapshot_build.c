/* From the aggregate's tables to a snapshot: names instead of numbers, the long tail under `other`, sorted rows. */
#include <stdlib.h>
#include <string.h>

#include "aggregate/detail_names.h"
#include "aggregate/snapshot_internal.h"
#include "core/alloc.h"

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

/* What a name weighs: its records in both periods, so that both show the same names; and 1, if it occurs at all. */
static uint64_t *volumes_of(const struct aggregate *a, const struct map *tallies, bool pairs, size_t count) {
    uint64_t *volumes = alloc_zeroed(count, sizeof *volumes);
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(tallies, &at, &key, &value);) {
        uint64_t *volume = &volumes[pairs ? CELL_PAIR_SET(key) : CELL_ID(key)];
        *volume += *volume == 0;
        for (int p = 0; p < a->periods; p++)
            *volume += total_records((const struct tally *)value + p);
    }
    return volumes;
}

uint32_t *snapshot_kept_names(const struct snapshot_builder *b, struct intern *table, const struct map *tallies,
                              bool pairs, uint64_t *folded) {
    size_t count = intern_count(table);
    uint64_t *volumes = volumes_of(b->a, tallies, pairs, count);
    uint32_t *kept = keep_busiest(table, volumes, count, b->max_names, folded);
    free(volumes);
    return kept;
}

/* --- views -------------------------------------------------------------------------------------------------------- */

/* The row that an entry of the tables goes to. */
static uint64_t row_key(const struct snapshot_builder *b, enum view_kind kind, uint64_t key) {
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

static struct view_row name_row(const struct snapshot_builder *b, enum view_kind kind, uint64_t key,
                                struct intern *table) {
    struct view_row row = {0};
    if (kind == VIEW_PROVIDER)
        row.provider = snapshot_provider_name(b, (uint16_t)key);
    if (kind == VIEW_CONFIGURATION_SET)
        row.configuration_set = snapshot_set_name(b, (uint32_t)key);
    if (kind == VIEW_BOTH) {
        row.configuration_set = snapshot_set_name(b, CELL_PAIR_SET(key));
        row.provider = snapshot_provider_name(b, CELL_PAIR_PROVIDER(key));
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

static void find_deliveries(const struct snapshot_builder *b, const struct snapshot *s, uint64_t pair,
                            struct view_row *row) {
    for (uint32_t i = 0; b->exemplars.len && i < DELIVERY_BUCKETS; i++)
        row->deliveries[i] =
            snapshot_exemplar(b, s, DETAIL_KEY(EXEMPLAR_DELIVERY, i, CELL_PAIR_SET(pair), CELL_PAIR_PROVIDER(pair)));
}

static void collect_rows(const struct snapshot_builder *b, const struct snapshot *s, struct view *v,
                         const struct map *sums, struct intern *table) {
    uint64_t key;
    void *value;
    v->rows = alloc_zeroed(sums->len, sizeof *v->rows);
    for (size_t at = 0; map_next(sums, &at, &key, &value);) {
        struct view_row *row = &v->rows[v->count++];
        *row = name_row(b, v->kind, key, table);
        memcpy(row->tally, value, (size_t)b->a->periods * sizeof(struct tally));
        if (v->kind == VIEW_BOTH)
            find_deliveries(b, s, key, row);
    }
    qsort(v->rows, v->count, sizeof *v->rows, by_row_volume);
}

static void add_tallies(const struct snapshot_builder *b, struct map *sums, uint64_t key, const struct tally *from) {
    struct tally *to = map_put(sums, key);
    for (int p = 0; p < b->a->periods; p++)
        tally_add(&to[p], &from[p]);
}

/* Account, provider, configuration set, both: all from the pairs. */
static void build_pair_view(const struct snapshot_builder *b, const struct snapshot *s, struct view *v) {
    struct map sums;
    uint64_t key;
    void *value;
    map_init(&sums, (size_t)b->a->periods * sizeof(struct tally));
    if (v->kind == VIEW_ACCOUNT)
        map_put(&sums, 0); /* one row even when nothing was counted */
    for (size_t at = 0; map_next(b->pairs, &at, &key, &value);)
        add_tallies(b, &sums, row_key(b, v->kind, key), value);
    collect_rows(b, s, v, &sums, NULL);
    if (v->kind == VIEW_CONFIGURATION_SET || v->kind == VIEW_BOTH)
        v->overflowed = b->folded_sets;
    map_deinit(&sums);
}

static void build_name_view(const struct snapshot_builder *b, const struct snapshot *s, struct view *v,
                            const struct map *tallies, struct intern *table) {
    struct map sums;
    uint64_t key;
    void *value;
    uint32_t *kept = snapshot_kept_names(b, table, tallies, false, &v->overflowed);
    map_init(&sums, (size_t)b->a->periods * sizeof(struct tally));
    for (size_t at = 0; map_next(tallies, &at, &key, &value);)
        add_tallies(b, &sums, kept[CELL_ID(key)], value);
    collect_rows(b, s, v, &sums, table);
    map_deinit(&sums);
    free(kept);
}

static void build_view(const struct snapshot_builder *b, const struct snapshot *s, struct view *v,
                       const struct view_request *request) {
    *v = (struct view){.kind = request->kind, .title = request->title};
    if (v->kind == VIEW_IDENTITY)
        build_name_view(b, s, v, &b->a->identities, b->names->identities);
    else if (v->kind == VIEW_TAG)
        build_name_view(b, s, v, &b->a->tags[request->tag], b->names->tags[request->tag]);
    else
        build_pair_view(b, s, v);
}

/* --- details ------------------------------------------------------------------------------------------------------ */

static struct detail_row name_detail(const struct snapshot_builder *b, uint64_t key) {
    enum detail_kind kind = DETAIL_KEY_KIND(key);
    struct detail_row row = {
        .kind = kind,
        .configuration_set = snapshot_set_name(b, DETAIL_KEY_SET(key)),
        .provider = detail_has_provider(kind) ? snapshot_provider_name(b, DETAIL_KEY_PROVIDER(key)) : NULL,
    };
    detail_names(kind, DETAIL_KEY_DETAIL(key), b->names->templates, &row.first, &row.second);
    return row;
}

static int by_detail(const void *x, const void *y) {
    const struct detail_row *a = x, *b = y;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    int c = compare_names(a->first, b->first);
    c = c ? c : compare_names(a->second, b->second);
    c = c ? c : compare_names(a->configuration_set, b->configuration_set);
    return c ? c : compare_names(a->provider, b->provider);
}

static void build_details(const struct snapshot_builder *b, struct snapshot *s) {
    struct map sums;
    uint64_t key;
    void *value;
    map_init(&sums, PERIODS * sizeof(uint64_t));
    for (size_t at = 0; map_next(b->details, &at, &key, &value);) {
        enum detail_kind kind = DETAIL_KEY_KIND(key);
        uint16_t provider = detail_has_provider(kind) ? DETAIL_KEY_PROVIDER(key) : 0;
        uint64_t *sum =
            map_put(&sums, DETAIL_KEY(kind, DETAIL_KEY_DETAIL(key), b->kept_sets[DETAIL_KEY_SET(key)], provider));
        for (int p = 0; p < b->a->periods; p++)
            sum[p] += ((const uint64_t *)value)[p];
    }
    s->details = alloc_zeroed(sums.len, sizeof *s->details);
    for (size_t at = 0; map_next(&sums, &at, &key, &value);) {
        struct detail_row *row = &s->details[s->detail_count++];
        *row = name_detail(b, key);
        row->count = ((const uint64_t *)value)[PERIOD_NOW];
        row->before = ((const uint64_t *)value)[PERIOD_BEFORE];
        row->exemplar = snapshot_exemplar(b, s, key);
    }
    qsort(s->details, s->detail_count, sizeof *s->details, by_detail);
    map_deinit(&sums);
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

static void build_sources(const struct snapshot_builder *b, struct snapshot *s) {
    s->source_count = b->names->source_count;
    s->sources = alloc_zeroed(s->source_count, sizeof *s->sources);
    for (size_t i = 0; i < s->source_count; i++) {
        s->sources[i].name = s->sources[i].kind = b->names->sources[i];
        s->sources[i].accounting = b->a->accounting[i];
        accounting_add(&s->accounting, &b->a->accounting[i]);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void build_scalars(const struct snapshot_builder *b, struct snapshot *s) {
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
    s->series = b->pairs->len + a->identities.len + b->details->len;
    for (unsigned i = 0; i < a->options.tag_count; i++)
        s->series += a->tags[i].len;
    s->domains_learned = a->domains.learned;
    s->domains_forgotten = a->domains.forgotten;
    s->visits_forgotten = a->visits.forgotten;
}

/* With providers in the place of domains: the tables themselves, where there are no domains. */
static void resolve_domains(struct snapshot_builder *b) {
    const struct aggregate *a = b->a;
    b->pairs = &a->pairs;
    b->details = &a->details;
    if (!a->domains.count)
        return;
    domains_fold(&a->domains, &a->pairs, domains_cell_key, sizeof(uint64_t), INT64_MAX, &b->own_pairs);
    domains_fold(&a->domains, &a->details, domains_detail_key, sizeof(uint64_t), INT64_MAX, &b->own_details);
    b->pairs = &b->own_pairs;
    b->details = &b->own_details;
}

struct snapshot *aggregate_snapshot(const struct aggregate *a, const struct snapshot_names *names,
                                    const struct view_request *views, size_t view_count, size_t max_names) {
    struct snapshot_builder b = {.a = a, .names = names, .max_names = max_names};
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    resolve_domains(&b);
    b.kept_sets = snapshot_kept_names(&b, names->sets, b.pairs, true, &b.folded_sets);
    build_scalars(&b, s);
    snapshot_build_exemplars(&b, s);
    build_view(&b, s, &s->account, &(struct view_request){.kind = VIEW_ACCOUNT, .title = "account"});
    build_view(&b, s, &s->both, &(struct view_request){.kind = VIEW_BOTH, .title = "provider,configuration_set"});
    s->views = alloc_zeroed(view_count, sizeof *s->views);
    for (size_t i = 0; i < view_count; i++) {
        build_view(&b, s, &s->views[i], &views[i]);
        if (views[i].kind == VIEW_TAG)
            s->overflow_tag += s->views[i].overflowed;
    }
    s->view_count = view_count;
    build_details(&b, s);
    snapshot_build_windows(&b, s);
    build_sources(&b, s);
    snapshot_build_history(&b, s);
    s->overflow_identity += intern_overflowed(names->identities);
    free(b.kept_sets);
    map_deinit(&b.own_pairs);
    map_deinit(&b.own_details);
    map_deinit(&b.exemplars);
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
    free(s->exemplars);
    free(s->windows);
    free(s->reputation);
    free(s->reasons);
    for (size_t i = 0; i < s->source_count; i++)
        source_row_deinit(&s->sources[i]);
    free(s->sources);
    free(s->history);
    free(s);
}
