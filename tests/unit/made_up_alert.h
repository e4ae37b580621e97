/* Made-up incidents for the tests of the notifiers. */
#ifndef TESTS_MADE_UP_ALERT_H
#define TESTS_MADE_UP_ALERT_H

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "model/board.h"

static const struct label_pair made_up_labels[] = {{"empty", ""}, {"severity", "not this"}, {"team", "mail"}};
static const struct label_pair made_up_annotations[] = {{"runbook_url", "https://example.com/runbook"}};

static inline struct alert_row made_up_alert(uint64_t incident, const char *provider, enum alert_state state) {
    return (struct alert_row){
        .alertname = "HighBounceRate",
        .severity = "critical",
        .scope = "provider",
        .provider = provider,
        .configuration_set = "",
        .rate = "bounce",
        .window = "1h",
        .summary = "Too many bounces.",
        .description = "13.7 % of 3,000 bounced.",
        .state = state,
        .active_ms = 1763768070123,
        .fired_ms = 1763768100000,
        .resolved_ms = state == ALERT_RESOLVED ? 1763769000000 : 0,
        .value = 0.137,
        .threshold = 0.1,
        .numerator = 411,
        .denominator = 3000,
        .incident = incident,
        .labels = made_up_labels,
        .label_count = sizeof made_up_labels / sizeof made_up_labels[0],
        .annotations = made_up_annotations,
        .annotation_count = 1,
    };
}

static inline void made_up_destroy(struct snapshot *s) {
    free(s->alerts);
    free(s);
}

/* Puts a snapshot with these alerts on the board; their strings are borrowed. */
static inline void made_up_put(struct board *b, const struct alert_row *alerts, size_t count) {
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    s->alerts = alloc_zeroed(count + 1, sizeof *alerts);
    memcpy(s->alerts, alerts, count * sizeof *alerts);
    s->alert_count = count;
    board_put(b, s);
}

#endif
