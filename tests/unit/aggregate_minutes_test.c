/* collector/aggregate: the minutes that are over, and what still comes for them. */
#include "aggregate_run.h"

static void closed_minutes(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.lateness_ms = HOURS(1);
    struct run *r = run_create(o);
    const uint16_t at[] = {GMAIL, MAILRU};
    give(r, EVENT_SEND, NOON + MINUTES(5), 1);
    give(r, EVENT_OPEN, NOON + MINUTES(3), 2);
    give_record(r, event_of(EVENT_SEND, NOON + MINUTES(3), 3), at, 2);
    give(r, EVENT_SEND, NOON + MINUTES(3), 3); /* known */
    give(r, EVENT_SEND, NOON + HOURS(2) - 1, 5);
    flush(r);
    fflush(r->closed);
    assert_int_equal(r->closed_len, 0); /* 12:00 may still get events */
    give(r, EVENT_SEND, NOON + HOURS(2), 6);
    flush(r);
    char want[2000];
    int len = snprintf(want, sizeof want,
                       "minute %lld records=2\n  type0=1\n  type5=1\n"
                       "  series %llx rate0=1\n  series %llx rate1=1\n  series %llx rate13=1\n"
                       "  series %llx rate0=1\n  series %llx rate1=1\n"
                       "  series %llx rate0=2\n  series %llx rate1=2\n  series %llx rate13=1\n"
                       "  series %llx rate0=2\n  series %llx rate1=2\n  series %llx rate13=1\n"
                       "  step %llx type0=1 0\n  step %llx type0=0 1\n  step %llx type5=1 1\n  step %llx type0=0 1\n"
                       "minute %lld records=1\n  type0=1\n",
                       (long long)NOON_MINUTE + 3, CELL_PROVIDER | GMAIL, CELL_PROVIDER | GMAIL, CELL_PROVIDER | GMAIL,
                       CELL_PROVIDER | MAILRU, CELL_PROVIDER | MAILRU, CELL_SET | sets[0], CELL_SET | sets[0],
                       CELL_SET | sets[0], CELL_ACCOUNT, CELL_ACCOUNT, CELL_ACCOUNT,
                       (unsigned long long)CELL_PAIR(sets[0], PROVIDER_MULTIPLE),
                       (unsigned long long)CELL_PAIR(sets[0], GMAIL), (unsigned long long)CELL_PAIR(sets[0], GMAIL),
                       (unsigned long long)CELL_PAIR(sets[0], MAILRU), (long long)NOON_MINUTE + 5);
    assert_true(GMAIL < MAILRU && len < (int)sizeof want); /* the order of the keys above */
    fflush(r->closed);
    assert_non_null(r->closed_text);
    assert_int_equal(strncmp(r->closed_text, want, (size_t)len), 0);
    assert_null(strstr(r->closed_text + len, "minute"));
    struct snapshot *s;
    finish(r, &s);
    fflush(r->closed);
    int minutes = 0;
    for (const char *p = r->closed_text; (p = strstr(p, "minute")); p++)
        minutes++;
    assert_int_equal(minutes, 4); /* each once, the watermark's own among them */
    snapshot_destroy(s);
    run_destroy(r);
}

static void count_amended(void *context, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                          int by) {
    (void)minute, (void)sent_minute, (void)counters, (void)by;
    struct run *r = context;
    fprintf(r->closed, "%s", series == CELL_ACCOUNT ? "amended\n" : "");
}

/* What comes for a minute that has settled amends it, and opens no minute again: another one stands in its place. */
static void steps_of_settled_minutes(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.settle_ms = MINUTES(2);
    o.on_amended = count_amended;
    struct run *r = run_create(o);
    give(r, EVENT_SEND, NOON + MINUTES(30), 1);
    for (int i = 0; i < 30; i++)
        give(r, EVENT_SEND, NOON + MINUTES(i), 2 + (uint64_t)i);
    struct snapshot *s;
    finish(r, &s);
    fflush(r->closed);
    int amended = 0, steps = 0;
    for (const char *p = r->closed_text; (p = strstr(p, "amended")); p++)
        amended++;
    for (const char *p = r->closed_text; (p = strstr(p, "step ")); p++)
        steps++;
    assert_int_equal(amended, 28); /* of all minutes but the last three */
    assert_int_equal(steps, 3);
    assert_int_equal(s->accounting.counted, 31);
    snapshot_destroy(s);
    run_destroy(r);
}

/* Long silences: of hours, days, years. */
static void closed_across_gaps(void **state) {
    (void)state;
    static const int64_t gaps[] = {HOURS(1), HOURS(73), HOURS(74), HOURS(75), DAYS(30), DAYS(3650), DAYS(20000)};
    for (size_t i = 0; i < COUNT(gaps); i++) {
        struct aggregate_options o = usual;
        o.now_ms = INT64_MAX / 2;
        struct run *r = run_create(o);
        for (int n = 0; n < 5; n++) /* from before 1970, for the longest */
            give(r, EVENT_SEND, NOON - DAYS(21000) + n * gaps[i], 1 + (uint64_t)n);
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->accounting.counted, 5);
        fflush(r->closed);
        int minutes = 0;
        for (const char *p = r->closed_text; (p = strstr(p, "minute")); p++)
            minutes++;
        assert_int_equal(minutes, 5);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_minutes),
        cmocka_unit_test(steps_of_settled_minutes),
        cmocka_unit_test(closed_across_gaps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
