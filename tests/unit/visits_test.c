/* collector/aggregate/visits: who opened and clicked, and once for every agent; held against the words of
 * docs/counting.md, tried out one stretch of time after another. */
#include "aggregate_run.h"

#include "aggregate/visits.h"
#include "unit/random_numbers.h"

enum { MOST = 400 };

struct seen {
    int64_t time_ms;
    struct visit visit;
    enum visitor agent;
    bool is_first;
};

struct seen_list {
    struct seen list[MOST];
    size_t count;
};

static void note(void *context, const struct visit *v, int64_t minute, enum visitor agent, bool is_first) {
    struct seen_list *l = context;
    assert_true(l->count < MOST);
    l->list[l->count++] = (struct seen){minute * MINUTE_MS + v->ms, *v, agent, is_first};
}

static struct event visit_at(bool click, uint64_t message, int64_t time_ms, uint32_t link, enum visitor visitor) {
    static uint64_t key;
    struct event e = event_of(click ? EVENT_CLICK : EVENT_OPEN, time_ms, ++key);
    e.message_key = message;
    e.link = link;
    e.visitor = (uint8_t)visitor;
    return e;
}

static void add(struct visits *v, const struct event *e, int64_t open_from) {
    int64_t minute = floor_div(e->time_ms, MINUTE_MS);
    struct visit visit = {
        .message_key = e->message_key,
        .key = e->key,
        .link = e->link,
        .sent_minutes = (uint32_t)(minute - floor_div(e->sent_ms, MINUTE_MS)),
        .ms = (uint16_t)(e->time_ms - minute * MINUTE_MS),
        .type = e->type,
        .visitor = e->visitor,
    };
    visits_add(v, minute, &visit, open_from);
}

/* --- bursts ------------------------------------------------------------------------------------------------------- */

/* A stretch of two seconds that holds the time and clicks on three links of the message: looked for millisecond by
 * millisecond. */
static bool burst_by_trying(const struct event *events, size_t count, const struct event *e) {
    for (int64_t begin = e->time_ms - 2000; begin <= e->time_ms; begin++) {
        uint32_t links[3];
        unsigned found = 0;
        for (size_t i = 0; i < count && found < 3; i++) {
            const struct event *c = &events[i];
            bool known = c->type != EVENT_CLICK || c->link == 0 || c->message_key != e->message_key ||
                         c->time_ms < begin || c->time_ms > begin + 2000;
            for (unsigned n = 0; n < found; n++)
                known |= links[n] == c->link;
            if (!known)
                links[found++] = c->link;
        }
        if (found == 3)
            return true;
    }
    return false;
}

static void bursts_by_hand(void **state) {
    (void)state;
    static const struct {
        int64_t times[4];
        uint32_t links[4]; /* 9: an open */
        const char *machine;
    } cases[] = {
        {{0, 1000, 2000, 2001}, {1, 2, 3, 9}, "yyyn"}, {{0, 1000, 2001, 3000}, {1, 2, 3, 9}, "nnnn"},
        {{0, 1000, 2000, 9000}, {1, 2, 2, 9}, "nnnn"}, {{0, 0, 0, 2000}, {1, 2, 3, 9}, "yyyy"},
        {{0, 0, 0, 2001}, {1, 2, 3, 9}, "yyyn"},       {{2000, 2000, 2000, 0}, {1, 2, 3, 9}, "yyyy"},
        {{0, 500, 1000, 5000}, {1, 2, 3, 3}, "yyyn"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int64_t shift = 0; shift < 3; shift++) { /* within a minute, and over its end */
            struct visits v;
            struct seen_list seen = {0};
            int64_t base = NOON + MINUTES(1) - 1500 * shift;
            visits_init(&v, 10, 0, 1000);
            for (int n = 0; n < 4; n++) {
                bool open = cases[i].links[n] == 9;
                struct event e = visit_at(!open, 7, base + cases[i].times[n], open ? 0 : cases[i].links[n], 0);
                e.key = (uint64_t)n;
                add(&v, &e, NOON_MINUTE);
            }
            for (int64_t minute = NOON_MINUTE; minute < NOON_MINUTE + 5; minute++)
                visits_judge_minute(&v, minute, note, &seen);
            assert_int_equal(seen.count, 4);
            for (size_t n = 0; n < 4; n++) {
                bool machine = cases[i].machine[seen.list[n].visit.key] == 'y';
                assert_int_equal(seen.list[n].agent, machine ? VISITOR_MACHINE : VISITOR_HUMAN);
            }
            visits_deinit(&v);
        }
}

static void bursts_by_trying(void **state) {
    (void)state;
    size_t machines = 0, all = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct event events[60];
        struct visits v;
        struct seen_list seen = {0};
        uint64_t random = seed;
        visits_init(&v, 10, 0, 1000);
        for (size_t i = 0; i < COUNT(events); i++) {
            events[i] = visit_at(below(&random, 3) != 0, 1 + below(&random, 3),
                                 NOON + MINUTES(1 + below(&random, 3)) - 3000 + (int64_t)below(&random, 6000),
                                 below(&random, 5), (enum visitor)below(&random, VISITORS));
            add(&v, &events[i], NOON_MINUTE);
        }
        for (int64_t minute = NOON_MINUTE; minute < NOON_MINUTE + 5; minute++)
            visits_judge_minute(&v, minute, note, &seen);
        assert_int_equal(seen.count, COUNT(events));
        for (size_t i = 0; i < seen.count; i++) {
            const struct event *e = NULL;
            for (size_t n = 0; n < COUNT(events) && !e; n++)
                e = events[n].key == seen.list[i].visit.key ? &events[n] : NULL;
            bool burst = burst_by_trying(events, COUNT(events), e);
            machines += burst;
            assert_int_equal(seen.list[i].agent, burst ? VISITOR_MACHINE : e->visitor);
            assert_true(i == 0 || seen.list[i - 1].time_ms <= seen.list[i].time_ms);
        }
        all += seen.count;
        visits_deinit(&v);
    }
    assert_in_range(machines, all / 10, all * 9 / 10);
}

/* One message clicked very often costs no more than many that are clicked once. */
static void many_clicks(void **state) {
    (void)state;
    enum { CLICKS = 200000 };
    struct aggregate_options o = usual;
    o.lateness_ms = 0;
    struct run *r = run_create(o);
    for (int i = 0; i < CLICKS; i++) {
        struct event e = visit_at(true, 1, NOON + i % 1500, 1 + (uint32_t)i % 2, VISITOR_HUMAN);
        give_event(r, &e);
    }
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->detail_count, 2); /* clicks, and one that is the first */
    assert_int_equal(s->details[0].count, CLICKS);
    assert_int_equal(s->details[1].count, 1);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- once for every agent ----------------------------------------------------------------------------------------- */

static uint64_t unique(const struct snapshot *s, enum detail_kind kind) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->detail_count; i++)
        n += s->details[i].kind == kind ? s->details[i].count : 0;
    return n;
}

/* By the day of sending, for 62 days; a send time that cannot be believed is that of the event. */
static void remembered(void **state) {
    (void)state;
    static const struct {
        int64_t sent_days, days[3]; /* before the first; of the opens, INT64_MIN: no more */
        uint64_t unique;
    } cases[] = {
        {0, {0, 1, 62}, 1},  {0, {0, 62, 63}, 2}, /* the last does not believe its send time, and is of its own day */
        {0, {0, 63, 64}, 3}, {62, {0, 0, 0}, 1},  {62, {0, 1, 1}, 2},
        {90, {0, 0, 1}, 2},  {5, {0, 57, 57}, 1}, {5, {0, 58, 58}, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aggregate_options o = usual;
        struct run *r = run_create(o);
        for (int n = 0; n < 3; n++) {
            struct event e = visit_at(false, 77, NOON + DAYS(cases[i].days[n]) + n, 0, VISITOR_PROXY);
            e.sent_ms = NOON - DAYS(cases[i].sent_days);
            give_event(r, &e);
        }
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(unique(s, DETAIL_OPEN), 3);
        assert_int_equal(unique(s, DETAIL_UNIQUE_OPEN), cases[i].unique);
        assert_int_equal(s->account.rows[0].tally[0].rates.n[COUNT_PROXY_OPENED], cases[i].unique);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* The earliest of an agent counts, at its time and with its labels, however the input is ordered. */
static void earliest_counts(void **state) {
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        struct run *r = run_create(usual);
        for (int n = 0; n < 2; n++) {
            bool second = (n == 1) != turned;
            struct event e = visit_at(true, 77, NOON + (second ? MINUTES(90) : 0), 1, VISITOR_HUMAN);
            e.sent_ms = NOON - HOURS(1);
            e.set = sets[second];
            give_event(r, &e);
        }
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(row_of(&s->views[2], "set-0")->tally[0].rates.n[COUNT_CLICKED], 1);
        assert_int_equal(row_of(&s->views[2], "set-1")->tally[0].rates.n[COUNT_CLICKED], 0);
        assert_int_equal(row_of(&s->views[2], "set-1")->tally[0].recipients[EVENT_CLICK], 1);
        assert_null(window_on(s, BASIS_EVENT, WINDOW_1H, "account"));
        assert_int_equal(window_on(s, BASIS_EVENT, WINDOW_24H, "account")->counts.n[COUNT_CLICKED], 1);
        assert_int_equal(window_on(s, BASIS_SENT, WINDOW_24H, "account")->counts.n[COUNT_CLICKED], 1);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

static void simulator_is_in_no_rate(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = visit_at(false, 77, NOON, 0, VISITOR_HUMAN);
    e.provider = PROVIDER_SIMULATOR;
    give_event(r, &e);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(unique(s, DETAIL_OPEN), 1);
    assert_int_equal(unique(s, DETAIL_UNIQUE_OPEN), 1);
    assert_int_equal(s->window_count, 0);
    assert_int_equal(s->account.rows[0].tally[0].rates.n[COUNT_OPENED], 0);
    snapshot_destroy(s);
    run_destroy(r);
}

/* With a ceiling the oldest day goes, and that is said. */
static void ceiling(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.max_visits = 10;
    struct run *r = run_create(o);
    for (uint64_t day = 0; day < 3; day++)
        for (uint64_t n = 0; n < 4; n++) {
            struct event e = visit_at(false, 100 * day + n, NOON + DAYS((int64_t)day), 0, VISITOR_HUMAN);
            give_event(r, &e);
        }
    struct event again = visit_at(false, 0, NOON + DAYS(3), 0, VISITOR_HUMAN); /* of the day that was forgotten */
    again.sent_ms = NOON;
    give_event(r, &again);
    struct event known = visit_at(false, 101, NOON + DAYS(3), 0, VISITOR_HUMAN);
    known.sent_ms = NOON + DAYS(1);
    give_event(r, &known);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->visits_forgotten, 4);
    assert_int_equal(unique(s, DETAIL_OPEN), 14);
    assert_int_equal(unique(s, DETAIL_UNIQUE_OPEN), 13);
    snapshot_destroy(s);
    run_destroy(r);
}

/* In the period before, too: for its own rates. */
static void period_before(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.from_ms = NOON;
    o.to_ms = NOON + HOURS(2);
    o.has_before = true;
    struct run *r = run_create(o);
    const struct {
        uint64_t message;
        int64_t time_ms;
    } opens[] = {{1, NOON - MINUTES(5)}, {1, NOON + MINUTES(5)}, {2, NOON + MINUTES(6)}};
    for (size_t i = 0; i < COUNT(opens); i++) {
        struct event e = visit_at(false, opens[i].message, opens[i].time_ms, 0, VISITOR_HUMAN);
        e.sent_ms = NOON - HOURS(1);
        give_event(r, &e);
    }
    struct snapshot *s;
    finish(r, &s);
    const struct tally *t = s->account.rows[0].tally;
    assert_int_equal(t[PERIOD_BEFORE].rates.n[COUNT_OPENED], 1);
    assert_int_equal(t[PERIOD_NOW].rates.n[COUNT_OPENED], 1); /* message 1 was opened before */
    assert_int_equal(s->details[0].count, 2);
    assert_int_equal(s->details[0].before, 1);
    fflush(r->closed);
    assert_null(strstr(r->closed_text, "minute 29664715")); /* no minute of the period before is told */
    snapshot_destroy(s);
    run_destroy(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_by_hand), cmocka_unit_test(bursts_by_trying), cmocka_unit_test(many_clicks),
        cmocka_unit_test(remembered),     cmocka_unit_test(earliest_counts),  cmocka_unit_test(simulator_is_in_no_rate),
        cmocka_unit_test(ceiling),        cmocka_unit_test(period_before),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
