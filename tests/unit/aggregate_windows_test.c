/* collector/aggregate: what a snapshot says about windows, the last sends, the standing with AWS, and why mail bounced;
 * and past hours, on both bases. */
#include "aggregate_run.h"

static void windows(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    give(r, EVENT_SEND, NOON, 1);
    give(r, EVENT_SEND, NOON - MINUTES(30), 2);
    give(r, EVENT_SEND, NOON - HOURS(20), 3);
    give(r, EVENT_SEND, NOON - HOURS(70), 4);
    give(r, EVENT_OPEN, NOON, 5); /* in no rate: no row for it */
    struct snapshot *s;
    finish(r, &s);
    static const char *const scopes[] = {"account", "provider", "configuration_set", "provider_configuration_set",
                                         "identity"};
    assert_int_equal(s->window_count, (WINDOWS + WINDOW_LAST_SENDS) * COUNT(scopes));
    for (int n = 0; n < WINDOWS + WINDOW_LAST_SENDS; n++)
        for (size_t i = 0; i < COUNT(scopes); i++) {
            int w = n % WINDOWS; /* all of what was sent is less than the last sends could be */
            const struct window_row *row = window_on(s, n < WINDOWS ? BASIS_SENT : BASIS_EVENT, w, scopes[i]);
            assert_non_null(row);
            assert_int_equal(row->counts.n[COUNT_SENT], w < WINDOW_LAST_SENDS ? w + 1 : 4);
            assert_string_equal(row->provider, i == 1 || i == 3 ? "gmail" : "");
            assert_string_equal(row->configuration_set, i == 2 || i == 3 ? "set-0" : "");
            assert_string_equal(row->identity, i == 4 ? "identity-0" : "");
        }
    snapshot_destroy(s);
    run_destroy(r);
}

/* Whole cells, the newest first, until there are enough; each series for itself. */
static void last_sends(void **state) {
    (void)state;
    static const struct {
        int64_t ago;
        int sends[2]; /* of set-0, set-1 */
    } cells[] = {{0, {2, 0}}, {MINUTES(1), {3, 1}}, {HOURS(30), {5, 0}}, {DAYS(50), {7, 1}}};
    static const struct {
        uint64_t last, account, set_0, set_1;
    } cases[] = {{1, 2, 2, 1}, {2, 2, 2, 2}, {3, 6, 5, 2}, {6, 6, 10, 2}, {7, 11, 10, 2}, {1000, 19, 17, 2}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        struct aggregate_options o = usual;
        o.lateness_ms = DAYS(60);
        o.last_sends = cases[c].last;
        struct run *r = run_create(o);
        uint64_t key = 0;
        for (size_t i = 0; i < COUNT(cells); i++)
            for (int set = 0; set < 2; set++)
                for (int n = 0; n < cells[i].sends[set]; n++) {
                    struct event e =
                        event_of(EVENT_SEND, NOON, ++key); /* by when it was sent, not by when it is told */
                    e.sent_ms = NOON - cells[i].ago;
                    e.set = sets[set];
                    give_event(r, &e);
                }
        struct snapshot *s;
        finish(r, &s);
        char name[40];
        snprintf(name, sizeof name, "last_%d", (int)cases[c].last);
        assert_string_equal(s->last_sends_name, name);
        uint64_t got[3] = {0};
        for (size_t i = 0; i < s->window_count; i++) {
            const struct window_row *w = &s->windows[i];
            if (w->window != WINDOW_LAST_SENDS)
                continue;
            assert_int_equal(w->basis, BASIS_SENT);
            int at = strcmp(w->scope, "account") == 0             ? 0
                     : strcmp(w->scope, "configuration_set") != 0 ? -1
                     : strcmp(w->configuration_set, "set-0") == 0 ? 1
                                                                  : 2;
            if (at >= 0)
                got[at] = w->counts.n[COUNT_SENT];
        }
        assert_int_equal(got[0], cases[c].account);
        assert_int_equal(got[1], cases[c].set_0);
        assert_int_equal(got[2], cases[c].set_1);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

static void standing_with_aws(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    uint64_t key = 0;
    for (int i = 0; i < 100; i++)
        give(r, EVENT_SEND, NOON, ++key);
    for (int i = 0; i < 6; i++)
        give(r, EVENT_BOUNCE, NOON, ++key);
    struct event other = event_of(EVENT_OPEN, NOON, ++key);
    other.set = sets[1];
    give_event(r, &other);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->reputation_count, 3 * REPUTATION_KINDS);
    static const struct {
        const char *scope, *set;
        enum reputation_kind kind;
        uint64_t numerator, denominator, to_next;
        enum reputation_state state;
    } rows[] = {
        {"account", "", REPUTATION_BOUNCE, 6, 100, 4, REPUTATION_UNDER_REVIEW},
        {"account", "", REPUTATION_COMPLAINT, 0, 0, 0, REPUTATION_UNKNOWN},
        {"configuration_set", "set-0", REPUTATION_BOUNCE, 6, 100, 4, REPUTATION_UNDER_REVIEW},
        {"configuration_set", "set-0", REPUTATION_COMPLAINT, 0, 0, 0, REPUTATION_UNKNOWN},
        {"configuration_set", "set-1", REPUTATION_BOUNCE, 0, 0, 0, REPUTATION_UNKNOWN},
        {"configuration_set", "set-1", REPUTATION_COMPLAINT, 0, 0, 0, REPUTATION_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reputation_row *got = &s->reputation[i];
        assert_string_equal(got->scope, rows[i].scope);
        assert_string_equal(got->configuration_set, rows[i].set);
        assert_int_equal(got->kind, rows[i].kind);
        assert_int_equal(got->numerator, rows[i].numerator);
        assert_int_equal(got->denominator, rows[i].denominator);
        assert_int_equal(got->state, rows[i].state);
        assert_int_equal(got->to_next, rows[i].to_next);
    }
    snapshot_destroy(s);
    run_destroy(r);
}

static void bounces_by_reason(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    static const enum bounce_reason reasons[] = {REASON_POLICY, REASON_MAILBOX_FULL, REASON_MAILBOX_FULL};
    for (uint64_t i = 0; i < 4; i++) {
        struct event e = event_of(EVENT_BOUNCE, NOON - MINUTES(20), 1 + i);
        e.reason = (uint8_t)reasons[i % 3];
        if (i == 3)
            e.counters = 0; /* as of the account's own suppression list: in no rate */
        give_event(r, &e);
    }
    give(r, EVENT_SEND, NOON, 9);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->reason_count, 2 * 3); /* not of the last five minutes */
    assert_int_equal(s->reasons[0].window, WINDOW_1H);
    assert_int_equal(s->reasons[0].reason, REASON_MAILBOX_FULL);
    assert_int_equal(s->reasons[0].bounced, 2);
    assert_int_equal(s->reasons[1].reason, REASON_POLICY);
    assert_int_equal(s->reasons[1].bounced, 1);
    assert_string_equal(s->reasons[1].provider, "gmail");
    snapshot_destroy(s);
    run_destroy(r);
}

/* By when it was sent: what is counted in minutes that are open comes when they close. */
static void past_hours(void **state) {
    (void)state;
    for (int cohorts = 0; cohorts < 2; cohorts++) {
        struct aggregate_options o = usual;
        o.keep_cohorts = cohorts;
        struct run *r = run_create(o);
        struct event e = event_of(EVENT_BOUNCE, NOON, 1);
        e.sent_ms = NOON - HOURS(5);
        e.reason = REASON_POLICY;
        give_event(r, &e);
        for (int closed = 0; closed < 2; closed++) {
            struct map series[BASES][2];
            flush(r);
            for (int basis = 0; basis < BASES; basis++)
                for (int ago = 0; ago < 2; ago++) {
                    struct map *m = &series[basis][ago];
                    map_init(m, sizeof(struct cell_counts));
                    assert_true(aggregate_past_hour(r->aggregate, (enum basis)basis, NOON / HOUR_MS - 5 * ago, m));
                }
            const uint64_t keys[] = {CELL_ACCOUNT,
                                     CELL_PROVIDER | GMAIL,
                                     CELL_SET | sets[0],
                                     CELL_PAIR(sets[0], GMAIL),
                                     CELL_IDENTITY | identities[0],
                                     CELL_REASON_OF(GMAIL, REASON_POLICY)};
            for (size_t i = 0; i < COUNT(keys); i++) {
                const struct cell_counts *event = map_get(&series[BASIS_EVENT][0], keys[i]);
                const struct cell_counts *sent = map_get(&series[BASIS_SENT][1], keys[i]);
                assert_int_equal(event->n[COUNT_BOUNCED], 1);
                if (i < 3 || i == 5 || !cohorts) /* the wide ones are in no minute here */
                    assert_int_equal(sent->n[COUNT_BOUNCED], closed || !cohorts);
                assert_null(map_get(&series[BASIS_EVENT][1], keys[i]));
            }
            for (int i = 0; i < 4; i++)
                map_deinit(&series[i / 2][i % 2]);
            aggregate_finish(r->aggregate);
        }
        run_destroy(r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),           cmocka_unit_test(last_sends), cmocka_unit_test(standing_with_aws),
        cmocka_unit_test(bounces_by_reason), cmocka_unit_test(past_hours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
