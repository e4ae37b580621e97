/* collector/pipeline/alerting: what is told of incidents that belong together, and that neither restarts nor reloads
 * change what any kind of rule tells. */
#include "aggregate_run.h"

#include "model/bounce_reason.h"
#include "unit/alerting_world.h"
#include "unit/random_numbers.h"

/* --- one alert for the cause -------------------------------------------------------------------------------------- */

#define HIGH(severity_, above_)                                                                                        \
    {                                                                                                                  \
        .name = "High", .severity = severity_, .summary = "s", .rate = RATE_BOUNCE, .scopes = 7, .window = 1,          \
        .window_name = "1m", .threshold = above_, .clear = above_, .min_volume = 10                                    \
    }
static const struct alert_rule high[] = {HIGH("warning", 0.1), HIGH("critical", 0.3)};

static void mail(struct world *w, int64_t minute, uint16_t provider, int sent, int bounced) {
    static uint64_t key = 1;
    for (int i = 0; i < sent + bounced; i++) {
        struct event e =
            event_of(i < sent ? EVENT_SEND : EVENT_BOUNCE, NOON + MINUTES(minute) + i, hash_mix(key++) | 1);
        e.provider = provider;
        e.set = sets[1];
        take(w, &e);
    }
}

/* Whom the telling of a minute is about. */
static void told_since(struct world *w, size_t *from, const char *text) {
    char *out;
    size_t len;
    fflush(w->log);
    FILE *file = open_memstream(&out, &len);
    for (const char *line = w->told + *from, *end; *line && (end = strchr(line, '\n')); line = end + 1)
        if (!memmem(line, (size_t)(end - line), "muted_by", 8))
            fprintf(file, "%.*s\n", (int)(strstr(line, "] ") + 2 + strcspn(strstr(line, "] ") + 2, " ") - line), line);
    fclose(file);
    assert_string_equal(out, text);
    free(out);
    *from = w->told_len;
}

/* In one minute the account, two providers and a set pass both thresholds: one is told, and says what it is made of. */
static void one_for_all(void **state) {
    (void)state;
    struct world *w = world_begin(high, 2, MINUTE_MS);
    size_t told = 0;
    mail(w, 0, used_providers[0], 10, 6);
    mail(w, 0, used_providers[2], 10, 4);
    clock_is(w, NOON_MINUTE + 1);
    size_t count;
    uint64_t dropped, cause = 0, muted = 0;
    struct alert_row *rows = alerting_rows(w->alerting, &count, &dropped);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].muted_by) {
            cause = rows[i].incident;
            assert_string_equal(rows[i].scope, "account");
            assert_string_equal(rows[i].severity, "critical");
            assert_non_null(strstr(rows[i].description, "(10 of 20 recipients sent to)"));
            assert_non_null(strstr(rows[i].description, "Most of it: gmail 60 %, yahoo 40 %."));
        }
        muted += rows[i].muted_by != 0;
    }
    assert_int_equal(muted, 7);
    for (size_t i = 0; i < count; i++)
        assert_true(!rows[i].muted_by || rows[i].muted_by == cause);
    free(rows);
    char text[64];
    snprintf(text, sizeof text, "#%" PRIu64 " High critical account [|] firing\n", cause);
    told_since(w, &told, text);
    world_end(w);
}

/* What was muted and outlives its cause is told then; over a restart and a reload, too. */
static void told_when_the_cause_is_over(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct world *w = world_begin(high, 1, MINUTE_MS);
        size_t told = 0;
        mail(w, 0, used_providers[0], 10, 6);
        clock_is(w, NOON_MINUTE + 1);
        told_since(w, &told, "#3 High warning account [|] firing\n");
        if (how)
            save(w);
        if (how == 1)
            restart(w, high, 1);
        else if (how == 2)
            change_rules(w, high, 1);
        mail(w, 1, used_providers[0], 10, 6);
        mail(w, 1, used_providers[2], 90, 0);
        clock_is(w, NOON_MINUTE + 2); /* the account: 6 %; the set: the same; gmail: 60 % */
        fflush(w->log);
        const char *text = w->told + told;
        assert_non_null(strstr(text, "High warning account [|] resolved"));
        assert_non_null(strstr(text, "High warning provider [gmail|] firing"));
        assert_null(strstr(strstr(text, "provider [gmail|] firing"), "muted"));
        assert_non_null(strstr(text, "[|set-1] resolved"));
        assert_non_null(strstr(strstr(text, "[|set-1] resolved"), "muted_by")); /* never told, and so is its end */
        world_end(w);
    }
}

/* Those that were told stay told; a lower severity is not told beside a higher one; a higher one is. */
static void told_stays_told(void **state) {
    (void)state;
    struct world *w = world_begin(high, 2, MINUTE_MS);
    size_t told = 0;
    mail(w, 0, used_providers[0], 10, 2); /* gmail 20 %, and with it the set; the account 2 % */
    mail(w, 0, used_providers[2], 90, 0);
    clock_is(w, NOON_MINUTE + 1);
    told_since(w, &told, "#1 High warning provider [gmail|] firing\n");
    mail(w, 1, used_providers[0], 10, 2);
    mail(w, 1, used_providers[2], 10, 6); /* yahoo 60 %; the account 40 % */
    clock_is(w, NOON_MINUTE + 2);
    fflush(w->log);
    const char *text = w->told + told;
    assert_non_null(strstr(text, "High critical account [|] firing"));
    assert_null(strstr(text, "gmail"));
    for (const char *line = text, *end; *line && (end = strchr(line, '\n')); line = end + 1)
        assert_true(memmem(line, (size_t)(end - line), "critical account", 16) ||
                    memmem(line, (size_t)(end - line), "muted_by", 8));
    world_end(w);
}

/* In a backlog nothing is told: what began up to ten minutes before the account's own is a part of it, too. */
static void held_before_the_cause(void **state) {
    (void)state;
    static const struct alert_rule rule = {.name = "High",
                                           .severity = "warning",
                                           .summary = "s",
                                           .rate = RATE_BOUNCE,
                                           .scopes = 3,
                                           .window = 60,
                                           .window_name = "1h",
                                           .threshold = 0.1,
                                           .clear = 0.1,
                                           .min_volume = 10};
    for (int gap = 9; gap <= 11; gap++) {
        struct world *w = world_begin(&rule, 1, MINUTE_MS);
        size_t told = 0;
        alerting_hold(w->alerting, true);
        mail(w, 0, used_providers[0], 10, 2);
        mail(w, 0, used_providers[2], 90, 0);
        clock_is(w, NOON_MINUTE + 1);
        mail(w, gap, used_providers[0], 10, 20);
        clock_is(w, NOON_MINUTE + gap + 1);
        fflush(w->log);
        told = w->told_len;
        alerting_hold(w->alerting, false);
        told_since(w, &told,
                   gap <= 10 ? "#2 High warning account [|] firing\n"
                             : "#1 High warning provider [gmail|] firing\n#2 High warning account [|] firing\n");
        world_end(w);
    }
}

/* --- over restarts ------------------------------------------------------------------------------------------------ */

#define KIND(name_, kind_, rate_, basis_, window_, ...)                                                                \
    {                                                                                                                  \
        .name = name_, .severity = "x", .summary = "s", .kind = kind_, .rate = rate_, .basis = basis_, .scopes = 31,   \
        .window = window_, .window_name = "w", .event = EVENT_TYPES, __VA_ARGS__                                       \
    }
static const struct alert_rule all_kinds[] = {
    KIND("Above", ALERT_RATE_ABOVE, RATE_BOUNCE, BASIS_EVENT, 60, .threshold = 0.2, .clear = 0.1, .min_volume = 5,
         .confidence = 0.8),
    KIND("Sent", ALERT_RATE_ABOVE, RATE_BOUNCE, BASIS_SENT, 120, .threshold = 0.2, .clear = 0.1, .min_volume = 5),
    KIND("SentDay", ALERT_RATE_ABOVE, RATE_BOUNCE, BASIS_SENT, 1440, .threshold = 0.2, .clear = 0.2, .min_volume = 5),
    KIND("Last", ALERT_RATE_ABOVE, RATE_BOUNCE, BASIS_SENT, 0, .last_sends = 50, .threshold = 0.25, .clear = 0.2,
         .min_volume = 20),
    KIND("Changed", ALERT_CHANGE, RATE_BOUNCE, BASIS_EVENT, 360, .threshold = 0.1, .factor = 1.3, .min_volume = 5),
    KIND("ChangedSent", ALERT_CHANGE, RATE_BOUNCE, BASIS_SENT, 360, .threshold = 0.1, .factor = 1.3, .min_volume = 5),
    KIND("Dropped", ALERT_DROP, RATE_BOUNCE, BASIS_EVENT, 720, .factor = 0.6, .min_volume = 20),
    KIND("Reason", ALERT_NEW_REASON, RATE_BOUNCE, BASIS_EVENT, 180, .threshold = 0.1, .factor = 1.5, .min_volume = 5,
         .confidence = 0.6),
    KIND("Day", ALERT_QUOTA_DAY, RATE_BOUNCE, BASIS_EVENT, 1440, .quota = 400, .threshold = 0.5),
    {.name = "Silent",
     .severity = "x",
     .summary = "s",
     .kind = ALERT_SILENCE,
     .event = EVENT_SEND,
     .scopes = 1,
     .window = 20,
     .window_name = "w",
     .min_volume = 3},
};

/* The n-th event of four weeks; bounces up to two hours after their mail. */
static struct event event_at(uint64_t n) {
    uint64_t own = n * 131 + 3, block = n / 90;
    bool bad = hash_mix(block + 3) % 4 == 0, thin = hash_mix(n / 400) % 5 == 0;
    int64_t minute = (int64_t)n * 5 + (thin ? 3 * (int64_t)(n % 400) : 0);
    struct event e = event_of(below(&own, 10) < (bad ? 5 : 1) ? EVENT_BOUNCE : EVENT_SEND, NOON, hash_mix(n + 1));
    e.provider = used_providers[below(&own, 2)];
    e.set = sets[below(&own, 2)];
    e.identity = identities[below(&own, 2)];
    e.reason = (uint8_t)(bad ? REASON_REPUTATION_BLOCK : REASON_MAILBOX_FULL);
    e.time_ms = NOON + MINUTES(minute) + below(&own, MINUTE_MS);
    e.sent_ms = e.type == EVENT_BOUNCE ? e.time_ms - MINUTES(below(&own, 120)) : e.time_ms;
    return e;
}

enum act { NOTHING, RESTARTS, RELOADS };

static struct world *live(enum act act, size_t rule_count, int64_t *end) {
    enum { STREAM = 9000 };
    struct world *w = world_begin(all_kinds, rule_count, MINUTE_MS);
    uint64_t seed = 7;
    int64_t latest = 0;
    for (uint64_t n = 0; n < STREAM; n++) {
        struct event e = event_at(n);
        if (e.time_ms < latest)
            continue;
        latest = e.time_ms;
        /* All that was counted is judged: what happened to mail of a window by when it was sent is kept by the minute
         * it was sent in alone. */
        clock_is(w, latest / MINUTE_MS);
        if (below(&seed, 100) == 0 && act != NOTHING) {
            save(w);
            if (act == RESTARTS)
                restart(w, all_kinds, rule_count);
            else
                change_rules(w, all_kinds, rule_count);
        }
        take(w, &e);
        tick(w);
    }
    *end = latest / MINUTE_MS;
    clock_is(w, *end + 1);
    return w;
}

static void as_if_nothing_had_been(void **state) {
    (void)state;
    int64_t end;
    struct world *plain = live(NOTHING, COUNT(all_kinds), &end);
    for (size_t i = 0; i < COUNT(all_kinds); i++) {
        char text[64];
        fflush(plain->log);
        snprintf(text, sizeof text, " %s x ", all_kinds[i].name);
        if (!strstr(plain->told, text))
            fail_msg("%s is never told", all_kinds[i].name);
    }
    for (enum act act = RESTARTS; act <= RELOADS; act++) {
        struct world *w = live(act, COUNT(all_kinds), &end);
        save(w);
        save(plain);
        assert_same_told(w, plain);
        world_end(w);
    }
    world_end(plain);
}

/* --- in the midst of a minute ------------------------------------------------------------------------------------- */

static void take_aged(struct world *w, enum event_type type, int64_t minute, int64_t sent_minute, int count) {
    static uint64_t key = 1000000;
    for (int i = 0; i < count; i++) {
        struct event e = event_of(type, NOON + MINUTES(minute) + i, hash_mix(key++) | 1);
        e.sent_ms = NOON + MINUTES(sent_minute) + i;
        e.message_key = (uint64_t)(i + 1) * 16;
        take(w, &e);
        tick(w);
    }
}

static const struct alert_rule of_what_was_sent[] = {
    KIND("Bounced", ALERT_RATE_ABOVE, RATE_BOUNCE, BASIS_SENT, 60, .threshold = 0.6, .clear = 0.6, .min_volume = 10),
    KIND("Delayed", ALERT_RATE_ABOVE, RATE_DELAY, BASIS_SENT, 60, .threshold = 0.5, .clear = 0.5, .min_volume = 10),
};

/* Mail that was sent in a minute that is not judged yet belongs to the windows after a restart, and after a reload that
 * asks for them for the first time: 6 of 20 bounced, not 6 of 10. */
static void sent_in_an_open_minute(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct world *w = world_begin(of_what_was_sent, how == 2 ? 0 : 1, MINUTES(5));
        take_aged(w, EVENT_SEND, 0, 0, 10);
        take_aged(w, EVENT_SEND, 8, 8, 10); /* minutes from 3 on are open */
        save(w);
        if (how == 1)
            restart(w, of_what_was_sent, 1);
        else if (how == 2)
            change_rules(w, of_what_was_sent, 1);
        take_aged(w, EVENT_BOUNCE, 9, 8, 6);
        clock_is(w, NOON_MINUTE + 20);
        assert_told(w, "");
        take_aged(w, EVENT_BOUNCE, 21, 8, 6); /* 12 of 20 */
        clock_is(w, NOON_MINUTE + 30);
        assert_int_equal(rows_with(w, "Bounced"), 5);
        assert_int_equal(rows_with(w, " 12/20"), 5);
        world_end(w);
    }
}

/* A first delay moves to an earlier minute; the minute that it leaves was open when the service ended. */
static void delay_that_moves_after_a_restart(void **state) {
    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world *w = world_begin(of_what_was_sent, COUNT(of_what_was_sent), MINUTES(5));
        take_aged(w, EVENT_SEND, -20, -20, 10);
        take_aged(w, EVENT_DELIVERY_DELAY, 8, -20, 1);
        save(w);
        if (restarts)
            restart(w, of_what_was_sent, COUNT(of_what_was_sent));
        take_aged(w, EVENT_DELIVERY_DELAY, 7, -20, 1); /* before the one that was counted */
        clock_is(w, NOON_MINUTE + 20);
        assert_told(w, "");
        world_end(w);
    }
}

/* The cause goes with its rule, and before the next minute the rules change once more. */
static void two_reloads_in_a_minute(void **state) {
    (void)state;
    static const struct alert_rule others[] = {HIGH("warning", 0.1)};
    struct alert_rule providers_only[] = {HIGH("warning", 0.1)};
    providers_only[0].scopes = 1u << SCOPE_PROVIDER;
    struct world *w = world_begin(others, 1, MINUTE_MS);
    mail(w, 0, used_providers[0], 10, 6);
    clock_is(w, NOON_MINUTE + 1);
    change_rules(w, providers_only, 1);
    change_rules(w, providers_only, 1);
    size_t told = 0;
    fflush(w->log);
    told = w->told_len;
    mail(w, 1, used_providers[0], 10, 6);
    clock_is(w, NOON_MINUTE + 2);
    told_since(w, &told, "#1 High warning provider [gmail|] firing\n");
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_all),
        cmocka_unit_test(told_when_the_cause_is_over),
        cmocka_unit_test(told_stays_told),
        cmocka_unit_test(held_before_the_cause),
        cmocka_unit_test(as_if_nothing_had_been),
        cmocka_unit_test(sent_in_an_open_minute),
        cmocka_unit_test(delay_that_moves_after_a_restart),
        cmocka_unit_test(two_reloads_in_a_minute),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
