/* Names and minutes for tests of histories. */
#ifndef TESTS_HISTORY_NAMES_H
#define TESTS_HISTORY_NAMES_H

#include "aggregate/cells.h"
#include "core/intern.h"
#include "model/provider.h"
#include "model/snapshot.h"
#include "sinks/history.h"

enum { NINE = 9 * 60 }; /* minutes: 1970-01-01T09:00 */

static struct snapshot_names names;
static uint32_t news, promo, receipt;
static uint16_t gmail, yahoo;

static int set_up(void **state) {
    (void)state;
    struct provider_table *providers = provider_table_create();
    names.sets = intern_create(100);
    names.templates = intern_create(100);
    names.providers = providers;
    news = intern_id(names.sets, span_of("news"));
    promo = intern_id(names.sets, span_of("pro\"mo")); /* has to be escaped */
    receipt = intern_id(names.templates, span_of("receipt"));
    gmail = provider_table_find(providers, span_of("gmail.com"));
    yahoo = provider_table_find(providers, span_of("yahoo.com"));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    intern_destroy(names.sets);
    intern_destroy(names.templates);
    provider_table_destroy((struct provider_table *)names.providers);
    return 0;
}

struct made_minute {
    struct map series, steps, details;
    struct closed_minute closed;
};

static inline struct closed_minute *minute_begin(struct made_minute *m, int64_t minute) {
    map_init(&m->series, sizeof(struct cell_counts));
    map_init(&m->steps, sizeof(struct step_counts));
    map_init(&m->details, sizeof(uint64_t));
    m->closed =
        (struct closed_minute){.minute = minute, .series = &m->series, .steps = &m->steps, .details = &m->details};
    return &m->closed;
}

static inline void minute_end(struct made_minute *m) {
    map_deinit(&m->series);
    map_deinit(&m->steps);
    map_deinit(&m->details);
}

/* A minute in which `n` mails of one set went to one provider. */
static inline void sends(struct history *h, int64_t minute, uint32_t set, uint16_t provider, uint32_t n) {
    struct made_minute m;
    struct closed_minute *closed = minute_begin(&m, minute);
    struct step_counts *c = map_put(&m.steps, CELL_PAIR(set, provider));
    c->records[EVENT_SEND] = c->recipients[EVENT_SEND] = n;
    history_minute(h, closed);
    minute_end(&m);
}

/* A minute that has nothing but a detail (DETAIL_KEY). */
static inline void detail(struct history *h, int64_t minute, uint64_t key, uint64_t n) {
    struct made_minute m;
    struct closed_minute *closed = minute_begin(&m, minute);
    *(uint64_t *)map_put(&m.details, key) = n;
    history_minute(h, closed);
    minute_end(&m);
}

#endif
