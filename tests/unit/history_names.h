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
static uint32_t news, promo;
static uint16_t gmail, yahoo;

static int set_up(void **state) {
    (void)state;
    struct provider_table *providers = provider_table_create();
    names.sets = intern_create(100);
    names.templates = intern_create(100);
    names.providers = providers;
    news = intern_id(names.sets, span_of("news"));
    promo = intern_id(names.sets, span_of("promo"));
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

/* A minute in which `n` mails of one set went to one provider. */
static void sends(struct history *h, int64_t minute, uint32_t set, uint16_t provider, uint32_t n) {
    struct map series, steps, details;
    map_init(&series, sizeof(struct cell_counts));
    map_init(&steps, sizeof(struct step_counts));
    map_init(&details, sizeof(uint64_t));
    struct step_counts *c = map_put(&steps, CELL_PAIR(set, provider));
    c->records[EVENT_SEND] = c->recipients[EVENT_SEND] = n;
    history_minute(h,
                   &(struct closed_minute){.minute = minute, .series = &series, .steps = &steps, .details = &details});
    map_deinit(&series);
    map_deinit(&steps);
    map_deinit(&details);
}

#endif
