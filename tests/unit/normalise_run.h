/* A normaliser and records made up for it. */
#ifndef TESTS_UNIT_NORMALISE_RUN_H
#define TESTS_UNIT_NORMALISE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/normalise.h"
#include "unit/known.h"

enum { MAX_RECIPIENTS = 8 };

/* One for all tests. */
static struct provider_table *providers;
static struct dictionary dictionary;
static struct normaliser *normaliser;

static inline int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    dictionary = (struct dictionary){
        .providers = providers,
        .knowledge = known(providers),
        .key = {1, 2},
        .sets = intern_create(1000),
        .identities = intern_create(1000),
        .templates = intern_create(1000),
        .tags = {intern_create(1000), intern_create(1000)},
        .tag_names = {SPAN_LIT("campaign"), SPAN_LIT("team")},
        .tag_count = 2,
    };
    normaliser = calloc(1, sizeof *normaliser);
    normaliser_init(normaliser, &dictionary);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    free(normaliser);
    intern_destroy(dictionary.sets);
    intern_destroy(dictionary.identities);
    intern_destroy(dictionary.templates);
    intern_destroy(dictionary.tags[0]);
    intern_destroy(dictionary.tags[1]);
    provider_table_destroy(providers);
    return 0;
}

/* A record with what every test needs; the rest is set by hand. */
struct made_up_record {
    struct ses_event event;
    struct ses_recipient recipients[MAX_RECIPIENTS];
};

static inline struct made_up_record record_of(enum event_type type, const char *to) {
    struct made_up_record m = {.event = {
                                   .type = type,
                                   .time_ms = 1795304070123,
                                   .message_id = SPAN_LIT("message-1"),
                                   .processing_ms = EVENT_NO_DELIVERY_MS,
                                   .bounce_type = SPAN_LIT("Permanent"),
                                   .bounce_subtype = SPAN_LIT("General"),
                               }};
    struct ses_event *e = &m.event;
    while (to && *to) {
        size_t len = strcspn(to, " ");
        m.recipients[e->destination.count++].address = (struct span){to, len};
        to += len + (to[len] == ' ');
    }
    e->recipient_count = e->destination.count;
    return m;
}

static inline size_t events_of(struct made_up_record *m, struct event events[MAX_RECIPIENTS + 1]) {
    size_t count = 0;
    m->event.recipients = m->recipients;
    normalise_begin(normaliser, &m->event);
    while (count <= MAX_RECIPIENTS && normalise_next(normaliser, &events[count]))
        count++;
    return count;
}

static inline struct event only_event(struct made_up_record *m) {
    struct event events[MAX_RECIPIENTS + 1];
    assert_int_equal(events_of(m, events), 1);
    assert_int_equal(events[0].flags & (EVENT_FIRST | EVENT_LAST), EVENT_FIRST | EVENT_LAST);
    return events[0];
}

static inline const char *provider_name(const struct event *e) {
    return provider_table_name(providers, e->provider);
}

#endif
