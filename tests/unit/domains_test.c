/* collector/aggregate/domains: whose unknown domains are, for a batch run and for the service; and what the aggregate
 * makes of it. */
#include "aggregate_run.h"

#include "aggregate/detail_key.h"
#include "aggregate/domains.h"

static struct event mail_at(uint64_t domain, int64_t time_ms, uint16_t hint) {
    struct event e = event_of(EVENT_DELIVERY, time_ms, (uint64_t)time_ms * 31 + domain * 7 + hint);
    e.provider = PROVIDER_OTHER;
    e.domain_key = domain;
    e.hint = hint;
    return e;
}

static uint16_t finally(struct domains *d, const struct event *e) {
    return domains_provider(d, domains_number(d, e), INT64_MAX);
}

/* The earliest hint decides, in whatever order they come; of two at once the provider that comes first. */
static void earliest_hint(void **state) {
    (void)state;
    static const struct {
        int64_t times[3];
        int hints[3]; /* of used_providers; -1: none */
        int provider;
    } cases[] = {
        {{1, 2, 3}, {0, 1, 1}, 0},  {{3, 2, 1}, {0, 1, 1}, 1},   {{2, 1, 3}, {0, -1, 1}, 0},
        {{5, 5, 9}, {1, 0, 1}, 0},  {{5, 5, 5}, {0, 1, 1}, 0},   {{1, 2, 3}, {-1, -1, -1}, 3},
        {{9, 8, 9}, {-1, 1, 0}, 1}, {{-5, -6, 0}, {0, 1, 0}, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct domains d;
        domains_init(&d, LEARN_FOR_ALL);
        struct event e = mail_at(7, 0, PROVIDER_OTHER);
        for (int n = 0; n < 3; n++) {
            int hint = cases[i].hints[n];
            e = mail_at(7, cases[i].times[n], hint < 0 ? PROVIDER_OTHER : used_providers[hint]);
            assert_int_equal(domains_number(&d, &e), PROVIDER_MAX);
            domains_learn(&d, &e);
        }
        assert_int_equal(finally(&d, &e), used_providers[cases[i].provider]);
        assert_int_equal(d.learned, cases[i].provider != 3);
        domains_deinit(&d);
    }
    assert_true(GMAIL < MAILRU);
}

/* What is told hour by hour knows a domain from the hour of its hint on. */
static void hour_by_hour(void **state) {
    (void)state;
    struct domains d;
    domains_init(&d, LEARN_FOR_ALL);
    struct event e = mail_at(7, NOON + MINUTES(30), GMAIL);
    domains_learn(&d, &e);
    uint16_t number = domains_number(&d, &e);
    assert_int_equal(domains_provider(&d, number, NOON / HOUR_MS - 1), PROVIDER_OTHER);
    assert_int_equal(domains_provider(&d, number, NOON / HOUR_MS), GMAIL);
    assert_int_equal(domains_provider(&d, number, INT64_MAX), GMAIL);
    assert_int_equal(domains_provider(&d, MAILRU, 0), MAILRU);
    /* In keys. */
    const struct {
        uint64_t key, resolved;
    } cells[] = {
        {CELL_PAIR(5, number), CELL_PAIR(5, GMAIL)},
        {CELL_PROVIDER | number, CELL_PROVIDER | GMAIL},
        {CELL_REASON_OF(number, REASON_POLICY), CELL_REASON_OF(GMAIL, REASON_POLICY)},
        {CELL_COHORT(CELL_REASON_OF(number, 3), 77), CELL_COHORT(CELL_REASON_OF(GMAIL, 3), 77)},
        {CELL_COHORT(CELL_PAIR(5, number), 0xffff), CELL_COHORT(CELL_PAIR(5, GMAIL), 0xffff)},
        {CELL_SET | number, CELL_SET | number},
        {CELL_IDENTITY | number, CELL_IDENTITY | number},
        {CELL_ACCOUNT, CELL_ACCOUNT},
    };
    for (size_t i = 0; i < COUNT(cells); i++)
        assert_true(domains_cell_key(&d, cells[i].key, INT64_MAX) == cells[i].resolved);
    assert_true(domains_detail_key(&d, DETAIL_KEY(DETAIL_CLICK, 2, 9, number), INT64_MAX) ==
                DETAIL_KEY(DETAIL_CLICK, 2, 9, GMAIL));
    domains_deinit(&d);
}

/* Those beyond the ceiling stay with `other`, and those before it have places of their own. */
static void ceiling(void **state) {
    (void)state;
    struct domains d;
    domains_init(&d, LEARN_FOR_ALL);
    for (uint64_t i = 1; i <= MAX_DOMAINS_FOR_ALL + 5; i++) {
        struct event e = mail_at(i, 1, GMAIL);
        uint16_t number = domains_number(&d, &e);
        assert_int_equal(number, i <= MAX_DOMAINS_FOR_ALL ? PROVIDER_MAX + i - 1 : PROVIDER_OTHER);
        domains_learn(&d, &e);
    }
    assert_int_equal(d.learned, MAX_DOMAINS_FOR_ALL);
    assert_int_equal(d.forgotten, 5);
    domains_deinit(&d);
}

/* The service: the first hint that is counted holds, for mail that was sent from its time on. */
static void for_later(void **state) {
    (void)state;
    struct domains d;
    domains_init(&d, LEARN_FOR_LATER);
    struct event e = mail_at(7, NOON, GMAIL);
    assert_int_equal(domains_number(&d, &e), PROVIDER_OTHER); /* its own event comes before it is known */
    domains_learn(&d, &e);
    static const struct {
        int64_t sent, time;
        bool known;
    } cases[] = {{0, 0, true}, {-1, 0, false}, {-1, DAYS(1), false}, {1, 1, true}, {DAYS(9), DAYS(9), true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        e = mail_at(7, NOON + cases[i].time, PROVIDER_OTHER);
        e.sent_ms = NOON + cases[i].sent;
        assert_int_equal(domains_number(&d, &e), cases[i].known ? GMAIL : PROVIDER_OTHER);
    }
    e = mail_at(7, NOON - HOURS(1), MAILRU); /* earlier, but too late */
    domains_learn(&d, &e);
    e = mail_at(7, NOON, PROVIDER_OTHER);
    assert_int_equal(domains_number(&d, &e), GMAIL);
    assert_int_equal(d.learned, 1);
    domains_deinit(&d);
}

static void nothing_is_learned(void **state) {
    (void)state;
    struct domains d;
    domains_init(&d, LEARN_NOTHING);
    struct event e = mail_at(7, NOON, GMAIL);
    domains_learn(&d, &e);
    assert_int_equal(domains_number(&d, &e), PROVIDER_OTHER);
    e.domain_key = 0;
    e.provider = MAILRU;
    assert_int_equal(domains_number(&d, &e), MAILRU);
    assert_int_equal(d.learned, 0);
    domains_deinit(&d);
}

/* --- in the aggregate --------------------------------------------------------------------------------------------- */

static uint64_t delivered_at(const struct snapshot *s, const char *provider) {
    const struct view_row *row = row_of(&s->views[1], provider);
    return row ? row->tally[0].rates.n[COUNT_DELIVERED] : 0;
}

/* All mail of the domain in the report; the closed minutes before the hint's hour still say `other`. And what was
 * learned is in no denominator of complaints. */
static void in_a_batch_run(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.learning = LEARN_FOR_ALL;
    struct run *r = run_create(o);
    struct event e = mail_at(7, NOON, PROVIDER_OTHER);
    give_event(r, &e);
    e = mail_at(7, NOON + MINUTES(59), PROVIDER_OTHER);
    give_event(r, &e);
    e = mail_at(7, NOON + HOURS(1) + MINUTES(30), GMAIL);
    give_event(r, &e);
    e = mail_at(7, NOON + HOURS(1), PROVIDER_OTHER);
    give_event(r, &e);
    e = mail_at(8, NOON + HOURS(1), PROVIDER_OTHER);
    give_event(r, &e);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(delivered_at(s, "gmail"), 4);
    assert_int_equal(delivered_at(s, "other"), 1);
    assert_int_equal(s->account.rows[0].tally[0].rates.n[COUNT_DELIVERED_FEEDBACK], 0);
    assert_int_equal(s->domains_learned, 1);
    assert_int_equal(s->both.count, 2);
    fflush(r->closed);
    char want[400];
    snprintf(want, sizeof want, "minute %lld records=1\n  type%d=1\n  series %llx rate%d=1\n  series %llx",
             (long long)NOON_MINUTE + 59, EVENT_DELIVERY, CELL_PROVIDER | PROVIDER_OTHER, COUNT_DELIVERED,
             CELL_SET | sets[0]);
    assert_non_null(strstr(r->closed_text, want));
    snprintf(want, sizeof want, "minute %lld records=2\n  type%d=2\n  series %llx rate%d=1\n  series %llx rate%d=1\n",
             (long long)NOON_MINUTE + 60, EVENT_DELIVERY, CELL_PROVIDER | PROVIDER_OTHER, COUNT_DELIVERED,
             CELL_PROVIDER | GMAIL, COUNT_DELIVERED);
    assert_non_null(strstr(r->closed_text, want));
    snapshot_destroy(s);
    run_destroy(r);
}

/* Where a record belongs whose recipients are at several places. */
static void records(void **state) {
    (void)state;
    const struct {
        uint64_t domains[3]; /* 0: listed, or none */
        uint16_t tables[3];
        const char *provider;
    } cases[] = {
        {{1, 1, 1}, {0, 0, 0}, "gmail"}, /* domain 1 is learned, domain 2 is not, domain 3 is gmail, too */
        {{2, 2, 2}, {0, 0, 0}, "other"},
        {{1, 3, 1}, {0, 0, 0}, "other"},
        {{1, 2, 1}, {0, 0, 0}, "other"},
        {{0, 0, 0}, {GMAIL, GMAIL, GMAIL}, "gmail"},
        {{0, 1, 1}, {0, 0, 0}, "other"},
        {{1, 0, 1}, {0, GMAIL, 0}, "multiple"},
        {{0, 0, 1}, {GMAIL, MAILRU, 0}, "multiple"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aggregate_options o = usual;
        o.learning = LEARN_FOR_ALL;
        struct run *r = run_create(o);
        for (uint64_t key = 0; key < 3; key++) {
            struct event e = event_of(EVENT_SEND, NOON, 10 + key);
            e.provider = cases[i].tables[key];
            e.domain_key = cases[i].domains[key];
            e.flags = (uint8_t)((key == 0 ? EVENT_FIRST : 0) | (key == 2 ? EVENT_LAST : 0));
            give_event(r, &e);
        }
        for (uint64_t domain = 1; domain <= 3; domain += 2) {
            struct event hint = mail_at(domain, NOON + 5, GMAIL);
            give_event(r, &hint);
        }
        struct snapshot *s;
        finish(r, &s);
        for (size_t row = 0; row < s->views[1].count; row++)
            assert_int_equal(s->views[1].rows[row].tally[0].records[EVENT_SEND],
                             strcmp(s->views[1].rows[row].provider, cases[i].provider) == 0);
        assert_int_equal(s->account.rows[0].tally[0].recipients[EVENT_SEND], 3);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* A reload turns learning off and on: what was learned holds again. */
static void learning_can_be_turned_off_and_on(void **state) {
    (void)state;
    struct domains d;
    domains_init(&d, LEARN_FOR_LATER);
    struct event hint = mail_at(7, 1000, used_providers[0]), later = mail_at(7, 2000, PROVIDER_OTHER);
    later.sent_ms = 2000;
    domains_learn(&d, &hint);
    assert_int_equal(finally(&d, &later), used_providers[0]);
    d.learning = LEARN_NOTHING;
    struct event unheard = mail_at(8, 1500, used_providers[1]);
    domains_learn(&d, &unheard);
    assert_int_equal(finally(&d, &later), PROVIDER_OTHER);
    d.learning = LEARN_FOR_LATER;
    assert_int_equal(finally(&d, &later), used_providers[0]);
    later.domain_key = 8;
    assert_int_equal(finally(&d, &later), PROVIDER_OTHER);
    domains_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_can_be_turned_off_and_on),
        cmocka_unit_test(earliest_hint),
        cmocka_unit_test(hour_by_hour),
        cmocka_unit_test(ceiling),
        cmocka_unit_test(for_later),
        cmocka_unit_test(nothing_is_learned),
        cmocka_unit_test(in_a_batch_run),
        cmocka_unit_test(records),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
