/* collector/pipeline/alerting: every kind of rule, with an incident and a quiet time beside it. Expectations are worked
 * out by hand, from docs/counting.md. */
#include "aggregate_run.h"

#include "model/bounce_reason.h"
#include "unit/alerting_world.h"

/* --- mail, minute by minute --------------------------------------------------------------------------------------- */

#define START (NOON_MINUTE - 12 * 60) /* a day's first minute */
enum { HOUR = 60, DAY = 24 * 60, WEEK = 7 * DAY };

struct feed {
    struct alerting *a;
    struct map series, cohorts, steps;
    uint32_t records[EVENT_TYPES];
};

static void feed_begin(struct feed *f, const struct alert_rule *rules, size_t count) {
    *f = (struct feed){.a = alerting_create(rules, count, &names)};
    map_init(&f->series, sizeof(struct cell_counts));
    map_init(&f->cohorts, sizeof(struct cell_counts));
    map_init(&f->steps, sizeof(struct step_counts));
}

/* `n` of one counter, `age` minutes after its mail was sent. */
static void put_aged(struct feed *f, uint64_t series, enum rate_counter counter, uint32_t n, int64_t age) {
    ((struct cell_counts *)map_put(&f->series, series))->n[counter] += n;
    ((struct cell_counts *)map_put(&f->cohorts, CELL_COHORT(series, age)))->n[counter] += n;
}

static void put(struct feed *f, uint64_t series, enum rate_counter counter, uint32_t n) {
    put_aged(f, series, counter, n, 0);
}

/* The minute with what was put since the last one. */
static void end_minute(struct feed *f, int64_t minute) {
    struct closed_minute m = {.minute = minute, .series = &f->series, .cohorts = &f->cohorts, .steps = &f->steps};
    memcpy(m.records, f->records, sizeof m.records);
    alerting_minute(f->a, &m);
    map_clear(&f->series);
    map_clear(&f->cohorts);
    memset(f->records, 0, sizeof f->records);
}

/* What became of a rule, as text: "1234-1300" is one that fired at the end of minute 1234 of the feed and was over at
 * the end of minute 1300. */
static void expect(struct feed *f, const char *text) {
    size_t count, len;
    uint64_t dropped;
    char *found;
    FILE *out = open_memstream(&found, &len);
    struct alert_row *rows = alerting_rows(f->a, &count, &dropped);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].fired_ms)
            continue;
        fprintf(out, "%s%" PRId64 "-", ftell(out) ? " " : "", rows[i].fired_ms / MINUTE_MS - START - 1);
        if (rows[i].resolved_ms)
            fprintf(out, "%" PRId64, rows[i].resolved_ms / MINUTE_MS - START - 1);
    }
    fclose(out);
    assert_string_equal(found, text);
    free(found);
    free(rows);
}

static void feed_end(struct feed *f) {
    alerting_destroy(f->a);
    map_deinit(&f->series);
    map_deinit(&f->cohorts);
    map_deinit(&f->steps);
}

/* --- how sure ----------------------------------------------------------------------------------------------------- */

/* 5 of 50 are 10 %, and no incident at 5 % with confidence: Wilson's lower bound is 4.97 %. 6 are: 6.4 %. What fired
 * goes on between 4 % and 5 %, and is over under 4 %. */
static void few_are_not_enough(void **state) {
    (void)state;
    static const struct alert_rule rule = {.name = "R",
                                           .severity = "warning",
                                           .summary = "s",
                                           .rate = RATE_BOUNCE,
                                           .scopes = 1,
                                           .window = 1,
                                           .window_name = "1m",
                                           .confidence = 0.95,
                                           .threshold = 0.05,
                                           .clear = 0.04,
                                           .min_volume = 50};
    static const uint32_t sent[] = {50, 50, 1000, 1000, 1000, 1000, 1000};
    static const uint32_t bounced[] = {5, 6, 49, 40, 39, 55, 62};
    struct feed f;
    feed_begin(&f, &rule, 1);
    for (int i = 0; i < 7; i++) {
        put(&f, CELL_ACCOUNT, COUNT_SENT, sent[i]);
        put(&f, CELL_ACCOUNT, COUNT_BOUNCED, bounced[i]);
        end_minute(&f, START + i);
    }
    expect(&f, "1-4 6-");
    feed_end(&f);
}

/* --- scopes ------------------------------------------------------------------------------------------------------- */

static void wide_scopes(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {{.name = "Pair",
                                               .severity = "warning",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .scopes = 1u << SCOPE_PROVIDER_CONFIGURATION_SET,
                                               .window = 5,
                                               .window_name = "5m",
                                               .threshold = 0.1,
                                               .clear = 0.1,
                                               .min_volume = 10},
                                              {.name = "Who",
                                               .severity = "warning",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .scopes = 1u << SCOPE_IDENTITY,
                                               .window = 5,
                                               .window_name = "5m",
                                               .threshold = 0.1,
                                               .clear = 0.1,
                                               .min_volume = 10}};
    const uint64_t series[] = {CELL_PAIR(sets[2], used_providers[0]), CELL_IDENTITY | identities[1], CELL_ACCOUNT};
    struct feed f;
    assert_true(alerting_wants_wide(rules, 2) && alerting_wants_wide(rules + 1, 1));
    assert_false(alerting_wants_wide(alert_default_rules(&(size_t){0}), 9) || alerting_wants_cohorts(rules, 2));
    feed_begin(&f, rules, 2);
    for (int i = 0; i < 3; i++) {
        put(&f, series[i], COUNT_SENT, 10);
        put(&f, series[i], COUNT_BOUNCED, 2);
    }
    end_minute(&f, START);
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(f.a, &count, &dropped);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].scope, "provider_configuration_set");
    assert_string_equal(rows[0].provider, "gmail");
    assert_string_equal(rows[0].configuration_set, "set-2");
    assert_string_equal(rows[0].identity, "");
    assert_string_equal(rows[1].scope, "identity");
    assert_string_equal(rows[1].identity, "identity-1");
    assert_string_equal(rows[1].provider, "");
    free(rows);
    feed_end(&f);
}

/* --- by when it was sent ------------------------------------------------------------------------------------------ */

/* 100 sent in minute 0, their 20 bounces come in minute 30: in the hour that ends there 100 more were sent, but of what
 * was sent in the last 20 minutes none bounced. */
static void bounces_count_where_they_were_sent(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {{.name = "Sent1h",
                                               .severity = "x",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .basis = BASIS_SENT,
                                               .scopes = 1,
                                               .window = 60,
                                               .window_name = "1h",
                                               .threshold = 0.1,
                                               .clear = 0.1,
                                               .min_volume = 10},
                                              {.name = "Sent20m",
                                               .severity = "x",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .basis = BASIS_SENT,
                                               .scopes = 1,
                                               .window = 20,
                                               .window_name = "20m",
                                               .threshold = 0.01,
                                               .clear = 0.01,
                                               .min_volume = 10},
                                              {.name = "Sent3h",
                                               .severity = "x",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .basis = BASIS_SENT,
                                               .scopes = 1,
                                               .window = 180,
                                               .window_name = "3h",
                                               .threshold = 0.1,
                                               .clear = 0.1,
                                               .min_volume = 10}};
    struct feed f;
    assert_true(alerting_wants_cohorts(rules, 1));
    feed_begin(&f, rules, 3);
    for (int i = 0; i <= 240; i++) {
        if (i == 0 || i == 30)
            put(&f, CELL_ACCOUNT, COUNT_SENT, 100);
        if (i == 30)
            put_aged(&f, CELL_ACCOUNT, COUNT_BOUNCED, 20, 30);
        end_minute(&f, START + i);
    }
    expect(&f, "30-60 30-239"); /* 1h: minute 0 leaves with 60; 3h: hour 0 leaves with the end of hour 3 */
    alerting_amend(f.a, START + 240, START + 200, CELL_ACCOUNT, BIT(COUNT_SENT), 1);
    feed_end(&f);
}

/* 40 an hour, and what is sent in the hours 5 to 7 bounces in the hour after. Of the last 100, three hours, 40 bounce
 * at the end of hour 6, when those of hour 5 have bounced. */
static void the_last_sends(void **state) {
    (void)state;
    static const struct alert_rule rule = {.name = "Last",
                                           .severity = "x",
                                           .summary = "s",
                                           .rate = RATE_BOUNCE,
                                           .basis = BASIS_SENT,
                                           .scopes = 3,
                                           .window = 0,
                                           .last_sends = 100,
                                           .window_name = "last_100",
                                           .threshold = 0.3,
                                           .clear = 0.3,
                                           .min_volume = 100};
    const uint64_t gmail = CELL_PROVIDER | used_providers[0];
    struct feed f;
    feed_begin(&f, &rule, 1);
    for (int hour = 0; hour < 12; hour++)
        for (int i = 0; i < 60; i++) {
            for (int s = 0; s < 2; s++) {
                uint64_t series = s ? gmail : CELL_ACCOUNT;
                if (i == 0)
                    put(&f, series, COUNT_SENT, 40);
                if (i == 30 && hour >= 6 && hour <= 8)
                    put_aged(&f, series, COUNT_BOUNCED, 40, 90);
            }
            end_minute(&f, START + hour * 60 + i);
        }
    /* Hours 4, 5, 6: 40 of 120. At the end of hour 9: 7, 8, 9: 40 of 120. Hour 10: none. */
    expect(&f, "419-659 419-659");
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(f.a, &count, &dropped);
    const struct alert_row *account = rows[0].muted_by ? &rows[1] : &rows[0],
                           *part = rows[0].muted_by ? rows : rows + 1;
    assert_non_null(strstr(account->description, "Most of it: gmail 100 %."));
    assert_string_equal(account->basis, "sent");
    assert_true(account->incident && part->muted_by == account->incident && !part->incident);
    assert_int_equal(account->numerator, 40);
    assert_int_equal(account->denominator, 120);
    free(rows);
    feed_end(&f);
}

/* --- weeks -------------------------------------------------------------------------------------------------------- */

/* Three weeks and more: every minute 10 sent; of an hour's 600 in the first weeks `before` bounce. */
static void weeks_of(struct feed *f, int64_t minutes, uint32_t before, int64_t from, uint32_t then) {
    for (int64_t i = 0; i < minutes; i++) {
        put(f, CELL_ACCOUNT, COUNT_SENT, 10);
        if (i % 60 == 30)
            put(f, CELL_ACCOUNT, COUNT_BOUNCED, i >= from ? then : before);
        end_minute(f, START + i);
    }
}

#define CHANGED(factor_)                                                                                               \
    {                                                                                                                  \
        .name = "Changed", .severity = "x", .summary = "s", .kind = ALERT_CHANGE, .rate = RATE_BOUNCE, .scopes = 1,    \
        .window = 60, .window_name = "1h", .factor = factor_, .confidence = 0.95, .threshold = 0.01, .min_volume = 100 \
    }

/* From 2 % (before, of 2,400: at most 2.53 %) to 10 % (60 of 600: at least 8.16 %): three times it is, four it is not.
 */
static void a_change(void **state) {
    (void)state;
    static const struct alert_rule three = CHANGED(3), four = CHANGED(4);
    int64_t change = 3 * WEEK;
    struct feed f;
    feed_begin(&f, &three, 1);
    weeks_of(&f, change + 5 * HOUR, 12, change, 60);
    expect(&f, "30270-"); /* 3 weeks and 30 minutes */
    feed_end(&f);
    feed_begin(&f, &four, 1);
    weeks_of(&f, change + 5 * HOUR, 12, change, 60);
    expect(&f, "");
    feed_end(&f);
}

/* With one week to compare with nobody knows; with what it always was there is nothing to tell. */
static void no_change(void **state) {
    (void)state;
    static const struct alert_rule three = CHANGED(3);
    struct feed f;
    feed_begin(&f, &three, 1);
    weeks_of(&f, WEEK + 5 * HOUR, 12, WEEK, 90);
    expect(&f, "");
    feed_end(&f);
    feed_begin(&f, &three, 1);
    weeks_of(&f, 3 * WEEK, 60, 0, 60);
    expect(&f, "");
    feed_end(&f);
}

/* By the plain share three times 2 % are 6 %: 7 % goes on, 5 % ends it. */
static void a_change_ends(void **state) {
    (void)state;
    static const struct alert_rule three = CHANGED(3);
    int64_t change = 2 * WEEK;
    struct feed f;
    feed_begin(&f, &three, 1);
    weeks_of(&f, change, 12, change, 0);
    for (int64_t hour = 0; hour < 6; hour++)
        for (int i = 0; i < 60; i++) {
            put(&f, CELL_ACCOUNT, COUNT_SENT, 10);
            if (i == 30)
                put(&f, CELL_ACCOUNT, COUNT_BOUNCED, (uint32_t[]){60, 42, 42, 30, 30, 30}[hour]);
            end_minute(&f, START + change + hour * 60 + i);
        }
    expect(&f, "20190-20370"); /* from 30 minutes after the change to the first window with 30 */
    feed_end(&f);
}

/* --- a drop ------------------------------------------------------------------------------------------------------- */

#define DROPPED                                                                                                        \
    {                                                                                                                  \
        .name = "Dropped", .severity = "x", .summary = "s", .kind = ALERT_DROP, .scopes = 1, .window = 180,            \
        .window_name = "3h", .factor = 0.5, .clear = 0.7, .min_volume = 100                                            \
    }

static void sends(struct feed *f, int64_t from, int64_t behind, uint32_t each) {
    for (int64_t i = from; i < behind; i++) {
        put(f, CELL_ACCOUNT, COUNT_SENT, each);
        end_minute(f, START + i);
    }
}

/* 600 an hour, then 100: with two hours of them the three hold 800 of 1,800, under a half. Then 600 again: the hours
 * 100, 100, 600 are 800; 100, 600, 600 are 1,300 of 1,800: over 70 %. */
static void a_drop(void **state) {
    (void)state;
    static const struct alert_rule rule = DROPPED;
    struct feed f;
    feed_begin(&f, &rule, 1);
    sends(&f, 0, 2 * WEEK + DAY, 10);
    for (int hour = 0; hour < 6; hour++)
        for (int i = 0; i < 60; i++) {
            put(&f, CELL_ACCOUNT, COUNT_SENT, i < 50 && hour < 3 ? 2 : hour < 3 ? 0 : 10);
            end_minute(&f, START + 2 * WEEK + DAY + hour * 60 + i);
        }
    expect(&f, "21719-21899");
    feed_end(&f);
}

/* One week to compare with; a week that was small, too; and silence, which is a drop as well. */
static void no_drop(void **state) {
    (void)state;
    static const struct alert_rule rule = DROPPED;
    struct feed f;
    feed_begin(&f, &rule, 1);
    sends(&f, 0, WEEK, 10);
    sends(&f, WEEK, 2 * WEEK, 4);
    expect(&f, "");
    sends(&f, 2 * WEEK, 3 * WEEK, 2); /* of 4: a half, and under 720 by more than noise */
    expect(&f, "20339-"); /* with the third hour, since of the first week the first hours have none before them */
    feed_end(&f);
    feed_begin(&f, &rule, 1);
    sends(&f, 0, 2 * WEEK + DAY, 10);
    alerting_finish(f.a, (START + 2 * WEEK + DAY + 5 * HOUR) * MINUTE_MS);
    expect(&f, "21719-"); /* 600 of 1,800 at the end of the second hour; 1,200 with the first are too many */
    feed_end(&f);
}

/* --- silence ------------------------------------------------------------------------------------------------------ */

static void records(struct feed *f, int64_t from, int64_t behind, uint32_t sent, uint32_t delivered) {
    for (int64_t i = from; i < behind; i++) {
        f->records[EVENT_SEND] = sent;
        f->records[EVENT_DELIVERY] = delivered;
        end_minute(f, START + i);
    }
}

static const struct alert_rule no_deliveries = {.name = "Silent",
                                                .severity = "x",
                                                .summary = "s",
                                                .kind = ALERT_SILENCE,
                                                .event = EVENT_DELIVERY,
                                                .scopes = 1,
                                                .window = 30,
                                                .window_name = "30m",
                                                .min_volume = 10};

static void a_type_falls_silent(void **state) {
    (void)state;
    struct feed f;
    feed_begin(&f, &no_deliveries, 1);
    records(&f, 0, 100, 2, 2);
    records(&f, 100, 200, 2, 0);
    records(&f, 200, 210, 2, 2);
    expect(&f, "129-200");
    feed_end(&f);
}

/* A night in which nothing is sent, or so little that fewer than 20 deliveries were to be expected, is none. */
static void a_quiet_night(void **state) {
    (void)state;
    struct feed f;
    feed_begin(&f, &no_deliveries, 1);
    records(&f, 0, 100, 2, 2);
    records(&f, 100, 200, 0, 0);
    records(&f, 200, 260, 2, 2);
    for (int64_t i = 260; i < 400; i++)
        records(&f, i, i + 1, i % 30 < 19, 0); /* 19 in 30 minutes */
    expect(&f, "");
    feed_end(&f);
}

/* --- new reasons -------------------------------------------------------------------------------------------------- */

static const struct alert_rule new_reason = {.name = "New",
                                             .severity = "x",
                                             .summary = "s",
                                             .kind = ALERT_NEW_REASON,
                                             .scopes = 1u << SCOPE_PROVIDER,
                                             .window = 60,
                                             .window_name = "1h",
                                             .factor = 3,
                                             .confidence = 0.95,
                                             .threshold = 0.01,
                                             .clear = 0.01,
                                             .min_volume = 20};

/* 10 a minute at a provider; two reasons: one always has 2 %, the other nothing before, and then 5 %. It fires with the
 * 20th bounce: 20 of 600, at least 2.3 %; before, none of 28,800. */
static void a_new_reason(void **state) {
    (void)state;
    uint16_t gmail = used_providers[0];
    struct feed f;
    feed_begin(&f, &new_reason, 1);
    for (int64_t i = 0; i < 2 * DAY + 5 * HOUR; i++) {
        put(&f, CELL_PROVIDER | gmail, COUNT_SENT, 10);
        put(&f, CELL_REASON_OF(gmail, REASON_MAILBOX_FULL), COUNT_BOUNCED, i % 5 == 0);
        if (i >= 2 * DAY && i < 2 * DAY + 2 * HOUR)
            put(&f, CELL_REASON_OF(gmail, REASON_REPUTATION_BLOCK), COUNT_BOUNCED, (uint32_t)(i % 2));
        end_minute(&f, START + i);
    }
    /* Bounces in the odd minutes, the 20th in minute 39. From minute 120 on they leave: fewer than 20 are left, and
     * the rule is over, with minute 2 * 60 + 21 of that time. */
    expect(&f, "2919-3021");
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(f.a, &count, &dropped);
    assert_string_equal(rows[0].provider, "gmail");
    assert_string_equal(rows[0].reason, "reputation_block");
    assert_string_equal(rows[0].scope, "provider");
    assert_string_equal(rows[0].rate, "bounce_reason");
    free(rows);
    feed_end(&f);
}

/* --- quotas ------------------------------------------------------------------------------------------------------- */

static void quotas(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {{.name = "Day",
                                               .severity = "x",
                                               .summary = "s",
                                               .kind = ALERT_QUOTA_DAY,
                                               .scopes = 1,
                                               .window = DAY,
                                               .window_name = "24h",
                                               .quota = 10000,
                                               .threshold = 0.8,
                                               .clear = 0.7},
                                              {.name = "Second",
                                               .severity = "x",
                                               .summary = "s",
                                               .kind = ALERT_QUOTA_SECOND,
                                               .scopes = 1,
                                               .window = 1,
                                               .window_name = "1m",
                                               .quota = 1.5,
                                               .threshold = 0.9,
                                               .clear = 0.9,
                                               .for_minutes = 1}};
    struct feed f;
    feed_begin(&f, rules, 2);
    for (int i = 0; i < 100; i++) {
        put(&f, CELL_ACCOUNT, COUNT_SENT, i == 20 || (i > 30 && i < 40) ? 81 : 80);
        end_minute(&f, START + i);
    }
    /* 81 of 90 a minute are 90 %: two minutes of it. 8,000 of a day: with the 100th minute, 10 minutes of one more. */
    expect(&f, "32-40 99-");
    alerting_finish(f.a, (START + 2 * DAY) * MINUTE_MS);
    expect(&f, "32-40 99-1499"); /* the first hour leaves when the 24 after it are over */
    feed_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_not_enough),
        cmocka_unit_test(wide_scopes),
        cmocka_unit_test(bounces_count_where_they_were_sent),
        cmocka_unit_test(the_last_sends),
        cmocka_unit_test(a_change),
        cmocka_unit_test(no_change),
        cmocka_unit_test(a_change_ends),
        cmocka_unit_test(a_drop),
        cmocka_unit_test(no_drop),
        cmocka_unit_test(a_type_falls_silent),
        cmocka_unit_test(a_quiet_night),
        cmocka_unit_test(a_new_reason),
        cmocka_unit_test(quotas),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
