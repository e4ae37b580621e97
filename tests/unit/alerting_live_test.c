/* collector/pipeline/alerting as the service uses it, with an aggregate before it: late events, time without events,
 * holding, other rules, and taking up what was saved. */
#include "aggregate_run.h"

#include "unit/alerting_world.h"
#include "unit/random_numbers.h"

/* --- rules -------------------------------------------------------------------------------------------------------- */

#define BOUNCES(name_, window_, above_, clear_, least_, for_, keep_)                                                   \
    {                                                                                                                  \
        .name = name_, .severity = "x", .summary = "s", .rate = RATE_BOUNCE, .scopes = 7, .window = window_,           \
        .window_name = "w", .threshold = above_, .clear = clear_, .min_volume = least_, .for_minutes = for_,           \
        .keep_firing_minutes = keep_                                                                                   \
    }
#define SILENCE(name_, window_, least_, for_)                                                                          \
    {                                                                                                                  \
        .name = name_, .severity = "x", .summary = "s", .kind = ALERT_SILENCE, .event = EVENT_TYPES, .scopes = 1,      \
        .window = window_, .window_name = "w", .min_volume = least_, .for_minutes = for_                               \
    }

/* Whether these fire depends on nothing but their window. */
static const struct alert_rule direct_rules[] = {
    BOUNCES("W1h", 60, 0.3, 0.3, 2, 0, 0),    BOUNCES("W5m", 5, 0.4, 0.4, 2, 0, 0),
    BOUNCES("W2h", 120, 0.3, 0.3, 2, 0, 0),   BOUNCES("W24h", 1440, 0.3, 0.3, 2, 0, 0),
    BOUNCES("W7d", 10080, 0.3, 0.3, 2, 0, 0),
};

static const struct alert_rule mixed_rules[] = {
    BOUNCES("W1h", 60, 0.3, 0.2, 3, 7, 12),
    BOUNCES("W5m", 5, 0.4, 0.1, 2, 1, 0),
    BOUNCES("W24h", 1440, 0.3, 0.28, 5, 30, 60),
    BOUNCES("W7d", 10080, 0.29, 0.28, 5, 0, 10),
    SILENCE("S30m", 30, 4, 0),
    SILENCE("S90m", 90, 3, 20),
};
static const struct alert_rule two_hours[] = {BOUNCES("W2h", 120, 0.3, 0.3, 2, 0, 0)};

/* --- a stream of nine days ---------------------------------------------------------------------------------------- */

enum { STREAM = 5000 };

/* The n-th event; busy and quiet times, good and bad ones; some names are seldom heard of. */
static struct event event_at(uint64_t n, bool late) {
    uint64_t own = n * 131 + 3, block = n / 60;
    int64_t minute = (int64_t)n * 2 + (int64_t)(block / 5) * 100;
    bool bad = hash_mix(block + 3) % 3 == 0;
    struct event e = event_of(below(&own, 10) < (bad ? 4 : 1) ? EVENT_BOUNCE : EVENT_SEND, NOON, hash_mix(n + 1));
    e.provider = used_providers[below(&own, 30) ? below(&own, 2) : 2 + below(&own, 2)];
    e.set = sets[below(&own, 30) ? below(&own, 2) : 2 + below(&own, 4)];
    if (late && below(&own, 4) == 0)
        minute -= below(&own, 50);
    e.time_ms = e.sent_ms = NOON + MINUTES(minute) + below(&own, MINUTE_MS);
    return e;
}

enum act { NOTHING, RESTARTS, SAME_RULES };

static struct world *live(const struct alert_rule *rules, size_t count, int64_t settle_ms, bool late, enum act act,
                          unsigned batch) {
    struct world *w = world_begin(rules, count, settle_ms);
    uint64_t seed = 99;
    for (uint64_t n = 0; n < STREAM; n++) {
        struct event e = event_at(n, late);
        take(w, &e);
        if (n % batch == 0)
            tick(w);
        if (act == NOTHING || below(&seed, 40))
            continue;
        tick(w);
        if (act == SAME_RULES && below(&seed, 2))
            save(w);
        if (act == SAME_RULES)
            change_rules(w, rules, count);
        if (act == RESTARTS) {
            save(w);
            restart(w, rules, count);
        }
    }
    tick(w);
    return w;
}

static void assert_same_life(const struct alert_rule *rules, size_t count, int64_t settle_ms, bool late, enum act act) {
    struct world *plain = live(rules, count, settle_ms, late, NOTHING, 1);
    struct world *w = live(rules, count, settle_ms, late, act, 1);
    assert_non_null(strstr(plain->told, "resolved"));
    assert_same_told(w, plain);
    save(w); /* what is old leaves the list */
    save(plain);
    assert_same(w, plain, false);
    world_end(w);
    world_end(plain);
}

static void restarts_change_nothing(void **state) {
    (void)state;
    assert_same_life(mixed_rules, COUNT(mixed_rules), MINUTE_MS, false, RESTARTS);
    assert_same_life(two_hours, 1, MINUTE_MS, false, RESTARTS);
}

static void restarts_amid_late_events(void **state) {
    (void)state;
    assert_same_life(mixed_rules, COUNT(mixed_rules), MINUTE_MS, true, RESTARTS);
}

static void restarts_with_a_long_delay(void **state) {
    (void)state;
    assert_same_life(mixed_rules, COUNT(mixed_rules), MINUTES(30), true, RESTARTS);
    assert_same_life(two_hours, 1, MINUTES(30), false, RESTARTS);
}

static void the_same_rules_again(void **state) {
    (void)state;
    assert_same_life(mixed_rules, COUNT(mixed_rules), MINUTE_MS, false, SAME_RULES);
    assert_same_life(mixed_rules, COUNT(mixed_rules), MINUTE_MS, true, SAME_RULES);
}

/* --- amendments --------------------------------------------------------------------------------------------------- */

static void give_minute(struct alerting *a, int64_t minute, uint32_t sent, uint32_t bounced) {
    struct map series, steps;
    map_init(&series, sizeof(struct cell_counts));
    map_init(&steps, sizeof(struct step_counts));
    if (sent || bounced) {
        struct cell_counts *c = map_put(&series, CELL_ACCOUNT);
        c->n[COUNT_SENT] = sent;
        c->n[COUNT_BOUNCED] = bounced;
    }
    alerting_minute(
        a, &(struct closed_minute){.minute = minute, .records = {sent + bounced}, .series = &series, .steps = &steps});
    map_deinit(&series);
}

static void amended_for_later_windows(void **state) {
    (void)state;
    static const struct alert_rule rule = BOUNCES("W5m", 5, 0.5, 0.5, 10, 0, 0);
    struct world *w = world_begin(&rule, 1, MINUTE_MS);
    give_minute(w->alerting, 100, 20, 0);
    alerting_advance(w->alerting, 103);
    for (int i = 0; i < 15; i++)
        alerting_amend(w->alerting, 101, 101, CELL_ACCOUNT, BIT(COUNT_BOUNCED), 1);
    alerting_amend(w->alerting, 98, 98, CELL_ACCOUNT, BIT(COUNT_BOUNCED), 1);   /* leaves with the next minute */
    alerting_amend(w->alerting, 100, 100, CELL_ACCOUNT, BIT(COUNT_BOUNCED), 1); /* and is taken back */
    alerting_amend(w->alerting, 100, 100, CELL_ACCOUNT, BIT(COUNT_BOUNCED), -1);
    assert_told(w, ""); /* what was decided stands */
    alerting_advance(w->alerting, 104);
    assert_told(w, "#1 W5m x account [|] firing 104 104 0 15/20\n");
    alerting_advance(w->alerting, 200);
    assert_int_equal(rows_with(w, "resolved 104 104 106 15/20"), 1);
    alerting_amend(w->alerting, 101, 101, CELL_ACCOUNT, BIT(COUNT_SENT) | BIT(COUNT_BOUNCED), 1); /* long gone */
    give_minute(w->alerting, 200, 10, 5);
    assert_int_equal(rows_with(w, "firing 201 201 0 5/10"), 1);
    world_end(w);
}

/* Minute 5 is closed by the event of minute 10, and amended before anything looked at it. */
static void amended_between_two_looks(void **state) {
    (void)state;
    static const struct alert_rule rule = BOUNCES("W1h", 60, 0.5, 0.5, 2, 0, 0);
    struct world *w = world_begin(&rule, 1, MINUTE_MS);
    struct event e = event_of(EVENT_SEND, NOON, 1);
    take(w, &e);
    e = event_of(EVENT_SEND, NOON + MINUTES(10), 2);
    take(w, &e);
    e = event_of(EVENT_BOUNCE, NOON + MINUTES(5), 3);
    take(w, &e);
    clock_is(w, NOON_MINUTE + 12);
    assert_int_equal(rows_with(w, "account [|] firing"), 1);
    world_end(w);
}

/* The second event ever is late: nothing was looked at so far. */
static void amended_before_the_first_look(void **state) {
    (void)state;
    static const struct alert_rule rule = BOUNCES("W1h", 60, 0.5, 0.5, 2, 0, 0);
    struct world *w = world_begin(&rule, 1, MINUTE_MS);
    struct event e = event_of(EVENT_SEND, NOON, 1);
    take(w, &e);
    e = event_of(EVENT_BOUNCE, NOON - MINUTES(5), 2);
    take(w, &e);
    e = event_of(EVENT_SEND, NOON, 3);
    take(w, &e);
    clock_is(w, NOON_MINUTE + 2);
    assert_int_equal(rows_with(w, "account [|] firing"), 1);
    world_end(w);
}

/* However late and in whatever pieces events came, once they are there the windows are those of prompt ones. */
static void assert_late_as_prompt(unsigned batch) {
    struct world *late = world_begin(direct_rules, COUNT(direct_rules), MINUTE_MS);
    struct world *prompt = world_begin(direct_rules, COUNT(direct_rules), 12 * (int64_t)HOUR_MS);
    int64_t last = 0, looked = 0;
    size_t compared = 0;
    for (uint64_t n = 0; n < STREAM; n++) {
        struct event e = event_at(n, true);
        last = e.time_ms > last ? e.time_ms : last;
        take(late, &e);
        take(prompt, &e);
        if (n % batch == 0)
            tick(late);
        if ((n + 1) % 300)
            continue;
        looked = last / MINUTE_MS + 2; /* the hundred minutes without events begin */
        clock_is(late, looked);
        clock_is(prompt, looked);
        assert_same(late, prompt, true);
        compared++;
    }
    assert_int_equal(compared, STREAM / 300);
    world_end(late);
    world_end(prompt);
}

static void late_as_prompt(void **state) {
    (void)state;
    assert_late_as_prompt(1);
}

static void late_as_prompt_in_a_backlog(void **state) {
    (void)state;
    assert_late_as_prompt(100);
}

/* --- time without events ------------------------------------------------------------------------------------------ */

static void gaps_as_empty_minutes(void **state) {
    (void)state;
    static const unsigned gaps[] = {0, 0, 0, 1, 4, 29, 31, 60, 61, 200, 1440, 1500, 3000, 12000, 24000};
    uint64_t seed = 5;
    struct world *w[3];
    for (int i = 0; i < 3; i++)
        w[i] = world_begin(mixed_rules, COUNT(mixed_rules), MINUTE_MS);
    int64_t minute = 1000003;
    for (int i = 0; i < 400; i++) {
        bool bad = i / 9 % 2;
        uint32_t sent = 1 + below(&seed, 9), bounced = bad ? below(&seed, sent + 1) : 0;
        int64_t next = minute + 1 + gaps[below(&seed, below(&seed, 5) ? 6 : COUNT(gaps))];
        for (int which = 0; which < 3; which++)
            give_minute(w[which]->alerting, minute, sent, bounced);
        for (int64_t m = minute + 1; m < next; m++)
            give_minute(w[1]->alerting, m, 0, 0);
        for (int64_t m = minute; m < next;)
            alerting_advance(w[2]->alerting, m += 1 + below(&seed, 90));
        alerting_advance(w[2]->alerting, next - 3); /* time never goes back */
        minute = next + 91;
    }
    for (int i = 0; i < 3; i++)
        alerting_advance(w[i]->alerting, minute + 50000);
    assert_non_null(strstr(w[0]->told, "S30m"));
    assert_non_null(strstr(w[0]->told, "W7d"));
    assert_string_equal(w[0]->told, w[1]->told);
    assert_string_equal(w[0]->told, w[2]->told);
    assert_same(w[0], w[1], false);
    assert_same(w[0], w[2], false);
    for (int i = 0; i < 3; i++)
        world_end(w[i]);
}

/* --- holding ------------------------------------------------------------------------------------------------------ */

static const struct alert_rule one_minute[] = {BOUNCES("W1m", 1, 0.5, 0.5, 1, 0, 0)};

static void held_and_released(void **state) {
    (void)state;
    struct world *w = world_begin(one_minute, 1, MINUTE_MS);
    give_minute(w->alerting, 100, 1, 1);
    assert_told(w, "#1 W1m x account [|] firing 101 101 0 1/1\n");
    alerting_hold(w->alerting, true);
    alerting_hold(w->alerting, true);
    alerting_advance(w->alerting, 103); /* told before: its end is told, too */
    give_minute(w->alerting, 103, 1, 1);
    alerting_advance(w->alerting, 105); /* over before anyone was told */
    give_minute(w->alerting, 105, 2, 1);
    assert_int_equal(rows_with(w, "held"), 2);
    assert_int_equal(rows_with(w, "firing held"), 1);
    alerting_hold(w->alerting, false);
    alerting_hold(w->alerting, false);
    assert_told(w, "#1 W1m x account [|] firing 101 101 0 1/1\n"
                   "#1 W1m x account [|] resolved 101 101 102 1/1\n"
                   "#2 W1m x account [|] firing held 104 104 0 1/1\n"
                   "#2 W1m x account [|] resolved held 104 104 105 1/1\n"
                   "#3 W1m x account [|] firing held 106 106 0 1/2\n"
                   "#3 W1m x account [|] firing 106 106 0 1/2\n");
    alerting_advance(w->alerting, 110);
    assert_int_equal(rows_with(w, "#3 W1m x account [|] resolved 106 106 107 1/2"), 1);
    world_end(w);
}

/* The process ends while an incident is held; after that nothing is behind any more. */
static void held_over_a_restart(void **state) {
    (void)state;
    struct world *w = world_begin(one_minute, 1, MINUTE_MS);
    alerting_hold(w->alerting, true);
    struct event e = event_of(EVENT_SEND, NOON, 1);
    take(w, &e);
    e = event_of(EVENT_BOUNCE, NOON, 2);
    take(w, &e);
    e = event_of(EVENT_SEND, NOON + MINUTES(1), 3);
    take(w, &e);
    e = event_of(EVENT_BOUNCE, NOON + MINUTES(1), 4);
    take(w, &e);
    clock_is(w, NOON_MINUTE + 1);
    assert_int_equal(rows_with(w, "account [|] firing held"), 1);
    save(w);
    restart(w, one_minute, 1);
    assert_int_equal(rows_with(w, "account [|] firing held"), 1);
    alerting_hold(w->alerting, false);
    assert_int_equal(rows_with(w, "account [|] firing held"), 0);
    assert_int_equal(rows_with(w, "account [|] firing"), 1);
    world_end(w);
}

/* --- other rules -------------------------------------------------------------------------------------------------- */

static void another_threshold_keeps_the_standing(void **state) {
    (void)state;
    static const struct alert_rule before = BOUNCES("W5m", 5, 0.5, 0.5, 2, 10, 3);
    static const struct alert_rule lower = BOUNCES("W5m", 5, 0.2, 0.2, 2, 10, 3);
    static const struct alert_rule higher = BOUNCES("W5m", 5, 0.9, 0.9, 2, 10, 3);
    struct world *w = world_begin(&before, 1, MINUTE_MS);
    for (int64_t i = 0; i < 40; i++) { /* one of two bounces */
        struct event e = event_of(EVENT_SEND, NOON + MINUTES(i), (uint64_t)i * 3 + 1);
        take(w, &e);
        e = event_of(EVENT_SEND, NOON + MINUTES(i), (uint64_t)i * 3 + 2);
        take(w, &e);
        e = event_of(EVENT_BOUNCE, NOON + MINUTES(i), (uint64_t)i * 3 + 3);
        take(w, &e);
        tick(w);
        if (i == 5 || i == 20) {
            char *rows = rows_of(w, false);
            change_rules(w, &lower, 1);
            char *now = rows_of(w, false);
            assert_string_equal(rows, now);
            assert_non_null(strstr(rows, i == 5 ? "pending" : "firing"));
            free(rows);
            free(now);
        }
    }
    assert_int_equal(rows_with(w, "#"), 3);
    assert_int_equal(rows_with(w, "resolved"), 0);
    change_rules(w, &higher, 1); /* clear now, for three minutes */
    int64_t next = aggregate_open_from(w->counts);
    clock_is(w, next + 3);
    assert_int_equal(rows_with(w, "resolved"), 0);
    clock_is(w, next + 4);
    assert_int_equal(rows_with(w, "resolved"), 3);
    world_end(w);
}

static struct world *bad_news(const struct alert_rule *rules, size_t count) {
    struct world *w = world_begin(rules, count, MINUTE_MS);
    for (uint64_t i = 0; i < 10; i++) {
        struct event e = event_of(i % 2 ? EVENT_BOUNCE : EVENT_SEND, NOON, i + 1);
        take(w, &e);
    }
    clock_is(w, NOON_MINUTE + 2);
    return w;
}

static void a_removed_rule_closes(void **state) {
    (void)state;
    struct world *w = bad_news(direct_rules, 2);
    assert_int_equal(rows_with(w, "firing"), 6);
    change_rules(w, direct_rules, 1);
    assert_int_equal(rows_with(w, "firing"), 3);
    assert_int_equal(rows_with(w, "resolved"), 3);
    assert_non_null(strstr(w->told, "W5m x account [|] resolved"));
    size_t told = w->told_len;
    save(w);
    restart(w, direct_rules, 1);
    restart(w, direct_rules, 0);
    fflush(w->log);
    assert_true(w->told_len > told); /* those of the other rule, in a restart */
    assert_int_equal(rows_with(w, "resolved"), 6);
    world_end(w);
}

/* The rule of before is still there, but looks at fewer series. */
static void a_narrower_rule_closes(void **state) {
    (void)state;
    struct alert_rule narrow = direct_rules[0];
    narrow.scopes = 1u << SCOPE_ACCOUNT;
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world *w = bad_news(direct_rules, 1);
        assert_int_equal(rows_with(w, "firing"), 3);
        save(w);
        if (restarts)
            restart(w, &narrow, 1);
        else
            change_rules(w, &narrow, 1);
        clock_is(w, NOON_MINUTE + 500); /* long over */
        assert_int_equal(rows_with(w, "firing"), 0);
        assert_int_equal(rows_with(w, "resolved"), 3);
        world_end(w);
    }
}

/* A rule that comes back after a time begins anew: its `for` starts from the beginning. */
static void a_rule_that_comes_back(void **state) {
    (void)state;
    static const struct alert_rule rule = BOUNCES("W5m", 5, 0.5, 0.5, 2, 10, 0);
    struct world *w = bad_news(&rule, 1);
    assert_int_equal(rows_with(w, "pending"), 3);
    save(w);
    change_rules(w, &rule, 0);
    save(w);
    clock_is(w, NOON_MINUTE + 1000);
    save(w);
    restart(w, &rule, 0);
    save(w);
    restart(w, &rule, 1);
    assert_int_equal(rows_with(w, "pending"), 0);
    world_end(w);
}

/* --- rules that begin in the middle ------------------------------------------------------------------------------- */

/* Fires or not, minute for minute, as if it had been there from the start. */
static void assert_as_from_the_start(int64_t settle_ms, bool by_restart, const struct alert_rule *rules, size_t count) {
    struct world *always = world_begin(rules, count, settle_ms), *later = world_begin(rules, 0, settle_ms);
    uint64_t seed = 3;
    size_t begun = 0;
    for (uint64_t n = 0; n < STREAM; n++) {
        struct event e = event_at(n, false);
        take(always, &e);
        take(later, &e);
        tick(always);
        tick(later);
        if (n % 250 == 249) { /* away, and a little later back */
            change_rules(later, rules, 0);
            begun = n + 1 + below(&seed, 200);
        }
        if (n != begun)
            continue;
        save(later);
        if (by_restart)
            restart(later, rules, count);
        else
            change_rules(later, rules, count);
        int64_t next = aggregate_open_from(later->counts);
        clock_is(always, next + 1);
        clock_is(later, next + 1);
        assert_same(later, always, true);
        for (uint64_t more = n + 1; more < STREAM && more % 250 != 249; more++) {
            e = event_at(more, false);
            take(always, &e);
            take(later, &e);
            tick(always);
            tick(later);
            n = more;
            assert_same(later, always, true);
        }
    }
    world_end(always);
    world_end(later);
}

static void new_rules_know_the_past(void **state) {
    (void)state;
    assert_as_from_the_start(MINUTE_MS, false, direct_rules, COUNT(direct_rules));
}

static void new_rules_know_the_past_after_a_restart(void **state) {
    (void)state;
    assert_as_from_the_start(MINUTE_MS, true, direct_rules, COUNT(direct_rules));
}

/* --- incidents ---------------------------------------------------------------------------------------------------- */

static void numbers_are_not_given_again(void **state) {
    (void)state;
    struct world *w = bad_news(one_minute, 1);
    clock_is(w, NOON_MINUTE + 10);
    assert_int_equal(rows_with(w, "resolved"), 3);
    save(w);
    assert_int_equal(memory_count(&w->memory, STATE_INCIDENTS), 3);
    clock_is(w, NOON_MINUTE + 9 * 24 * 60);
    save(w); /* a week later they are forgotten */
    assert_int_equal(memory_count(&w->memory, STATE_INCIDENTS), 0);
    assert_int_equal(memory_count(&w->memory, STATE_WATCHES), 0);
    assert_int_equal(rows_with(w, "#"), 0);
    restart(w, one_minute, 1);
    struct event e = event_of(EVENT_SEND, NOON + DAYS(10), 100);
    take(w, &e);
    e = event_of(EVENT_BOUNCE, NOON + DAYS(10), 101);
    take(w, &e);
    clock_is(w, NOON_MINUTE + 10 * 24 * 60 + 1);
    assert_int_equal(rows_with(w, "#4 "), 1);
    assert_int_equal(rows_with(w, "firing"), 3);
    world_end(w);
}

/* Of the minutes' records as many are kept as rules of silence look at. */
static void activity_is_dropped(void **state) {
    (void)state;
    static const struct alert_rule silence = SILENCE("S30m", 30, 4, 0);
    for (size_t rules = 0; rules < 2; rules++) {
        struct world *w = world_begin(&silence, rules, MINUTE_MS);
        for (int64_t i = 0; i < 300; i++) {
            struct event e = event_of(EVENT_SEND, NOON + MINUTES(i), (uint64_t)i + 1);
            take(w, &e);
            tick(w);
            if (i % 7 == 0)
                save(w);
        }
        save(w);
        assert_true(memory_count(&w->memory, STATE_ACTIVITY) <= (rules ? 60 : 0) + 2);
        assert_true(memory_count(&w->memory, STATE_ACTIVITY) >= (rules ? 60 : 1));
        world_end(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(restarts_amid_late_events),
        cmocka_unit_test(restarts_with_a_long_delay),
        cmocka_unit_test(the_same_rules_again),
        cmocka_unit_test(amended_for_later_windows),
        cmocka_unit_test(amended_between_two_looks),
        cmocka_unit_test(amended_before_the_first_look),
        cmocka_unit_test(late_as_prompt),
        cmocka_unit_test(late_as_prompt_in_a_backlog),
        cmocka_unit_test(gaps_as_empty_minutes),
        cmocka_unit_test(held_and_released),
        cmocka_unit_test(held_over_a_restart),
        cmocka_unit_test(another_threshold_keeps_the_standing),
        cmocka_unit_test(a_removed_rule_closes),
        cmocka_unit_test(a_narrower_rule_closes),
        cmocka_unit_test(a_rule_that_comes_back),
        cmocka_unit_test(new_rules_know_the_past),
        cmocka_unit_test(new_rules_know_the_past_after_a_restart),
        cmocka_unit_test(numbers_are_not_given_again),
        cmocka_unit_test(activity_is_dropped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
