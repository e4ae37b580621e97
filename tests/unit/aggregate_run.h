/* One aggregate at a time, fed by hand: for the tests of collector/aggregate. */
#ifndef TESTS_AGGREGATE_RUN_H
#define TESTS_AGGREGATE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate.h"
#include "model/batch.h"
#include "snapshot_text.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BIT(counter) (1u << (counter))
#define MINUTES(n)   ((int64_t)(n)*MINUTE_MS)
#define HOURS(n)     ((int64_t)(n)*HOUR_MS)
#define DAYS(n)      ((int64_t)(n)*DAY_MS)
#define NOON         (DAYS(20600) + HOURS(12))
#define NOON_MINUTE  (NOON / MINUTE_MS)

/* --- names -------------------------------------------------------------------------------------------------------- */

enum { SETS = 7, IDENTITIES = 5, TAG_VALUES = 6, TEMPLATES = 3, PROVIDERS_USED = 5 };

static struct snapshot_names names;
static uint32_t sets[SETS], identities[IDENTITIES], tag_values[TAG_VALUES], templates[TEMPLATES];
static uint16_t used_providers[PROVIDERS_USED]; /* gmail, mailru, yahoo, other, simulator */

static inline void name_all(struct intern **table, uint32_t *ids, int count, const char *stem) {
    *table = intern_create(1000);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s-%d", stem, i);
        ids[i] = intern_id(*table, span_of(name));
    }
}

static inline int set_up(void **state) {
    (void)state;
    struct provider_table *providers = provider_table_create();
    name_all(&names.sets, sets, SETS, "set");
    name_all(&names.identities, identities, IDENTITIES, "identity");
    name_all(&names.tags[0], tag_values, TAG_VALUES, "tag");
    name_all(&names.templates, templates, TEMPLATES, "template");
    static const char *const source_names[] = {"files"};
    names.sources = source_names;
    names.source_count = 1;
    names.providers = providers;
    used_providers[0] = provider_table_find(providers, span_of("gmail.com"));
    used_providers[1] = provider_table_find(providers, span_of("mail.ru"));
    used_providers[2] = provider_table_find(providers, span_of("yahoo.com"));
    used_providers[3] = PROVIDER_OTHER;
    used_providers[4] = PROVIDER_SIMULATOR;
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    intern_destroy(names.sets);
    intern_destroy(names.identities);
    intern_destroy(names.tags[0]);
    intern_destroy(names.templates);
    provider_table_destroy((struct provider_table *)(uintptr_t)names.providers);
    return 0;
}

#define GMAIL  (used_providers[0])
#define MAILRU (used_providers[1])

/* --- a run -------------------------------------------------------------------------------------------------------- */

struct run {
    struct aggregate *aggregate;
    struct batch *batch; /* filled up, then applied */
    FILE *closed;
    char *closed_text;
    size_t closed_len;
    int64_t last_closed;
    bool in_order;
};

static inline void on_closed(void *context, const struct closed_minute *m) {
    struct run *r = context;
    r->in_order &= m->minute > r->last_closed;
    r->last_closed = m->minute;
    closed_minute_text(r->closed, m);
}

static const struct aggregate_options usual = {
    .now_ms = NOON + DAYS(100),
    .lateness_ms = HOURS(72),
    .from_ms = INT64_MIN,
    .to_ms = INT64_MAX,
    .keep_steps = true,
    .tag_count = 1,
    .on_closed = on_closed,
};

static inline struct run *run_create(struct aggregate_options options) {
    struct run *r = calloc(1, sizeof *r);
    r->closed = open_memstream(&r->closed_text, &r->closed_len);
    r->last_closed = INT64_MIN;
    r->in_order = true;
    options.on_closed_context = r;
    r->aggregate = aggregate_create(&options);
    r->batch = calloc(1, sizeof *r->batch);
    return r;
}

static inline void flush(struct run *r) {
    aggregate_apply(r->aggregate, r->batch);
    batch_empty(r->batch);
}

static inline void give_event(struct run *r, const struct event *e) {
    if (r->batch->count == BATCH_EVENTS)
        flush(r);
    r->batch->accounting.read += e->flags & EVENT_FIRST ? 1 : 0;
    r->batch->events[r->batch->count++] = *e;
}

/* The same, and it may be an exemplar, as sources say it. */
static inline void give_with(struct run *r, struct event e, const char *message_id) {
    if (r->batch->count == BATCH_EVENTS || r->batch->exemplar_count == BATCH_EXEMPLARS)
        flush(r);
    r->batch->exemplars[r->batch->exemplar_count++] =
        (struct batch_exemplar){r->batch->count, exemplar_message(span_of(message_id))};
    give_event(r, &e);
}

static const struct view_request all_views[] = {
    {VIEW_ACCOUNT, 0, "account"}, {VIEW_PROVIDER, 0, "provider"}, {VIEW_CONFIGURATION_SET, 0, "configuration_set"},
    {VIEW_BOTH, 0, "both"},       {VIEW_IDENTITY, 0, "identity"}, {VIEW_TAG, 0, "tag:campaign"},
};

static inline struct snapshot *look(struct run *r, size_t max_names) {
    flush(r);
    return aggregate_snapshot(r->aggregate, &names, all_views, COUNT(all_views), max_names);
}

static inline const struct snapshot *finish(struct run *r, struct snapshot **s) {
    flush(r);
    aggregate_finish(r->aggregate);
    *s = look(r, 1000);
    assert_true(accounting_holds(&(*s)->accounting));
    assert_true(r->in_order);
    return *s;
}

static inline void run_destroy(struct run *r) {
    aggregate_destroy(r->aggregate);
    fclose(r->closed);
    free(r->closed_text);
    free(r->batch);
    free(r);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static const uint16_t counters_by_type[EVENT_TYPES] = {
    [EVENT_SEND] = BIT(COUNT_SENT) | BIT(COUNT_SENT_REPUTATION),
    [EVENT_DELIVERY] = BIT(COUNT_DELIVERED) | BIT(COUNT_DELIVERED_FEEDBACK),
    [EVENT_BOUNCE] = BIT(COUNT_BOUNCED) | BIT(COUNT_PERMANENT) | BIT(COUNT_REPUTATION_BOUNCED),
    [EVENT_COMPLAINT] = BIT(COUNT_COMPLAINED),
    [EVENT_REJECT] = BIT(COUNT_REJECTED),
    [EVENT_RENDERING_FAILURE] = BIT(COUNT_RENDERING_FAILED),
    [EVENT_DELIVERY_DELAY] = BIT(COUNT_DELAYED),
    [EVENT_SUBSCRIPTION] = BIT(COUNT_OPTED_OUT),
};

static inline struct event event_of(enum event_type type, int64_t time_ms, uint64_t key) {
    return (struct event){
        .type = (uint8_t)type,
        .time_ms = time_ms,
        .sent_ms = time_ms,
        .key = key,
        .message_key = key,
        .set = sets[0],
        .identity = identities[0],
        .tags = {tag_values[0]},
        .provider = GMAIL,
        .counters = counters_by_type[type],
        .delivery_ms = EVENT_NO_DELIVERY_MS,
        .flags = EVENT_FIRST | EVENT_LAST,
    };
}

static inline void give(struct run *r, enum event_type type, int64_t time_ms, uint64_t key) {
    struct event e = event_of(type, time_ms, key);
    give_event(r, &e);
}

/* One record of several recipients: keys key, key + 1, ... */
static inline void give_record(struct run *r, struct event e, const uint16_t *at, int count) {
    for (int i = 0; i < count; i++) {
        e.provider = at[i];
        e.flags = (uint8_t)((i == 0 ? EVENT_FIRST : 0) | (i + 1 == count ? EVENT_LAST : 0));
        give_event(r, &e);
        e.key++;
    }
}

static inline const struct view_row *row_of(const struct view *v, const char *name) {
    for (size_t i = 0; i < v->count; i++) {
        const struct view_row *r = &v->rows[i];
        const char *label = r->name ? r->name : r->configuration_set ? r->configuration_set : r->provider;
        if (strcmp(label, name) == 0)
            return r;
    }
    return NULL;
}

static inline const struct window_row *window_on(const struct snapshot *s, enum basis basis, int window,
                                                 const char *scope) {
    for (size_t i = 0; i < s->window_count; i++)
        if (s->windows[i].window == window && s->windows[i].basis == basis && strcmp(s->windows[i].scope, scope) == 0)
            return &s->windows[i];
    return NULL;
}

static inline const struct window_row *window_of(const struct snapshot *s, int window, const char *scope) {
    return window_on(s, BASIS_EVENT, window, scope);
}

#endif
