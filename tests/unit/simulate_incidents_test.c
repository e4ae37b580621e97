/* What the simulator's incidents do to rates and to the number of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulate_run.h"

/* --- rates -------------------------------------------------------------------------------------------------------- */

static double share(const struct simulate_totals *t, enum event_type type, enum event_type of) {
    return (double)t->recipients_of[type] / (double)t->recipients_of[of];
}

static void test_incidents(void **state) {
    (void)state;
    static const struct {
        struct simulate_incident incident;
        enum event_type type, of;
        double low, high;
    } cases[] = {
        {{INCIDENT_BLOCKLIST, "nothing", 0, 0}, EVENT_BOUNCE, EVENT_SEND, 0.01, 0.03}, /* none: the ordinary share */
        {{INCIDENT_BLOCKLIST, "gmail", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.20, 0.30},
        {{INCIDENT_BADLIST, "all", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.24, 0.29},
        {{INCIDENT_OUTAGE, "gmail", 0, 3600000}, EVENT_DELIVERY_DELAY, EVENT_SEND, 0.4, 2.0},
        {{INCIDENT_COMPLAINTS, "nothing", 0, 0}, EVENT_COMPLAINT, EVENT_DELIVERY, 0, 0.0015},
        {{INCIDENT_COMPLAINTS, "all", 0, 3600000}, EVENT_COMPLAINT, EVENT_DELIVERY, 0.0015, 0.01},
        {{INCIDENT_SPAMTRAP, "gmail", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.02, 0.04},
        {{INCIDENT_LOST, "all", 0, 3600000}, EVENT_DELIVERY, EVENT_SEND, 0, 0.06}, /* what comes after the hour */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct simulate_options o = options_of(30 + i, 8000);
        o.incidents[0] = cases[i].incident;
        o.incident_count = cases[i].incident.length_ms > 0;
        struct simulate_totals totals;
        free(simulate_text(o, &totals).data);
        double is = share(&totals, cases[i].type, cases[i].of);
        if (is < cases[i].low || is > cases[i].high)
            fail_msg("case %zu: %f is not in %f .. %f", i, is, cases[i].low, cases[i].high);
    }
    struct simulate_options o = options_of(1, 5000);
    o.incidents[0] = (struct simulate_incident){INCIDENT_SILENCE, "all", 0, 3600000};
    o.incident_count = 1;
    struct simulate_totals totals;
    free(simulate_text(o, &totals).data);
    assert_int_equal(totals.messages, 0);
    assert_int_equal(totals.records, 0);
}

/* --- volumes ------------------------------------------------------------------------------------------------------ */

static uint64_t messages_with(enum incident_kind kind, const char *what, int64_t start_ms, int64_t length_ms) {
    struct simulate_options o = options_of(8, 10000);
    o.incidents[0] = (struct simulate_incident){.kind = kind, .start_ms = start_ms, .length_ms = length_ms};
    snprintf(o.incidents[0].what, sizeof o.incidents[0].what, "%s", what);
    o.incident_count = 1;
    struct simulate_totals totals;
    free(simulate_text(o, &totals).data);
    return totals.messages;
}

/* Half an hour of the hour, in the simulator's quiet night: nearly half of the messages. */
static void test_volumes(void **state) {
    (void)state;
    assert_in_range(messages_with(INCIDENT_DROP, "all", 0, 1800000), 5000, 5900);
    assert_in_range(messages_with(INCIDENT_SURGE, "all", 0, 1800000), 51000, 59000);
    assert_int_equal(messages_with(INCIDENT_LOST, "all", 0, 1800000), 10000);
    /* Of one set: what it sends is some share, ten times of which is there besides. */
    uint64_t kept = messages_with(INCIDENT_DROP, "newsletter", 0, 3600000);
    uint64_t more = messages_with(INCIDENT_SURGE, "newsletter", 0, 3600000);
    double sends = (double)(10000 - kept) / 0.9, besides = (double)(more - 10000) / 9;
    assert_true(sends > 500 && besides > 0.85 * sends && besides < 1.15 * sends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incidents),
        cmocka_unit_test(test_volumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
