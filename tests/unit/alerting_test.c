/* collector/pipeline/alerting, held against an evaluation that remembers nothing but the rules' states: for every
 * minute, every rule and every series it sums its window anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "pipeline/alerting.h"
#include "unit/random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { DAY = 24 * 60, YEAR = 365 * DAY, SETS = 2, SERIES = 5 };
#define ALL_SCOPES (1u << SCOPE_ACCOUNT | 1u << SCOPE_PROVIDER | 1u << SCOPE_CONFIGURATION_SET)

/* --- what is watched ---------------------------------------------------------------------------------------------- */

static struct snapshot_names names;
static uint64_t series[SERIES]; /* the account, two providers, two configuration sets */
static const char *provider_of[SERIES], *set_of[SERIES];

static int set_up(void **state) {
    (void)state;
    struct provider_table *providers = provider_table_create();
    static const char *const source_names[] = {"files"};
    names.sources = source_names;
    names.source_count = 1;
    names.providers = providers;
    names.sets = intern_create(100);
    series[0] = CELL_ACCOUNT;
    series[1] = CELL_PROVIDER | provider_table_find(providers, span_of("gmail.com"));
    series[2] = CELL_PROVIDER | PROVIDER_OTHER;
    series[3] = CELL_SET | intern_id(names.sets, span_of("news"));
    series[4] = CELL_SET | INTERN_EMPTY;
    for (int i = 0; i < SERIES; i++)
        provider_of[i] = set_of[i] = "";
    provider_of[1] = "gmail";
    provider_of[2] = "other";
    set_of[3] = "news";
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    intern_destroy(names.sets);
    provider_table_destroy((struct provider_table *)(uintptr_t)names.providers);
    return 0;
}

/* A minute with events, of each series: recipients sent to and bounced, delivered and complained about. */
struct minute {
    int64_t minute;
    uint32_t records;
    struct cell_counts counts[SERIES];
};

struct history {
    struct minute *minutes;
    size_t count, size;
};

static struct minute *add_minute(struct history *h, int64_t minute) {
    if (h->count == h->size) {
        h->size = h->size ? h->size * 2 : 256;
        h->minutes = realloc(h->minutes, h->size * sizeof *h->minutes);
    }
    struct minute *m = &h->minutes[h->count++];
    *m = (struct minute){.minute = minute};
    return m;
}

static void add_counts(struct minute *m, int at, uint32_t sent, uint32_t bounced, uint32_t complained) {
    for (int i = 0; i < 2; i++) { /* the series, and the account */
        uint32_t *n = m->counts[i ? 0 : at].n;
        n[COUNT_SENT] += sent;
        n[COUNT_BOUNCED] += bounced;
        n[COUNT_DELIVERED_FEEDBACK] += sent;
        n[COUNT_COMPLAINED] += complained;
        if (at == 0)
            break;
    }
    m->records += sent + bounced + complained;
}

/* --- the plain evaluation ----------------------------------------------------------------------------------------- */

struct incident {
    int rule, at; /* of the series */
    int64_t active_ms, fired_ms, resolved_ms;
    uint64_t numerator, denominator;
};

struct incidents {
    struct incident list[4000];
    size_t count;
};

static bool was_counted(const struct minute *m, int at) {
    for (int i = 0; i < RATE_COUNTERS; i++)
        if (m->counts[at].n[i])
            return true;
    return false;
}

/* The first of history's minutes at or behind `minute`. */
static size_t first_at(const struct history *h, int64_t minute) {
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (h->minutes[mid].minute < minute)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint64_t records_in(const struct history *h, int64_t first, int64_t behind) {
    uint64_t sum = 0;
    for (size_t i = first_at(h, first); i < h->count && h->minutes[i].minute < behind; i++)
        sum += h->minutes[i].records;
    return sum;
}

/* The window that ends with `minute`: exact up to two hours, else the hours that it touches. */
static void window_at(const struct history *h, const struct alert_rule *rule, int at, int64_t minute, uint64_t *above,
                      uint64_t *under) {
    int64_t behind = minute + 1, first = behind - rule->window;
    if (rule->kind == ALERT_SILENCE) {
        *above = records_in(h, first, behind);
        *under = records_in(h, first - rule->window, first);
        return;
    }
    if (rule->window > 120)
        first = floor_div(first, 60) * 60;
    struct rate_counts sum = {0};
    for (size_t i = first_at(h, first); i < h->count && h->minutes[i].minute < behind; i++)
        for (int n = 0; n < RATE_COUNTERS; n++)
            sum.n[n] += h->minutes[i].counts[at].n[n];
    *above = rate_numerator(rule->rate, &sum);
    *under = rate_denominator(rule->rate, &sum);
}

/* The states written out once more, by docs/counting.md and alert/rule.h. */
#define NEVER INT64_MIN

struct state {
    int64_t active, clear; /* minutes' ends; NEVER: it is not */
    int64_t incident;      /* index; -1: none */
};

static void step(const struct alert_rule *rule, int rule_index, int at, struct state *s, int64_t end, uint64_t above,
                 uint64_t under, struct incidents *found) {
    bool silence = rule->kind == ALERT_SILENCE, enough = under > 0 && under >= rule->min_volume;
    double share = under ? (double)above / (double)under : 0;
    bool holds = enough && (silence ? above == 0 : share >= rule->threshold);
    bool clear = silence ? above > 0 : !enough || share < rule->clear;
    if (s->incident >= 0) {
        s->clear = !clear ? NEVER : s->clear == NEVER ? end : s->clear;
        if (clear && end - s->clear >= rule->keep_firing_minutes) {
            found->list[s->incident].resolved_ms = end * 60000;
            *s = (struct state){NEVER, NEVER, -1};
        }
        return;
    }
    s->active = !holds ? NEVER : s->active == NEVER ? end : s->active;
    if (holds && end - s->active >= rule->for_minutes) {
        assert_true(found->count < COUNT(found->list));
        s->incident = (int64_t)found->count;
        found->list[found->count++] =
            (struct incident){rule_index, at, s->active * 60000, end * 60000, 0, above, under};
    }
}

static bool is_for(const struct alert_rule *rule, int at) {
    int scope = at == 0 ? SCOPE_ACCOUNT : at <= 2 ? SCOPE_PROVIDER : SCOPE_CONFIGURATION_SET;
    return rule->scopes & 1u << scope;
}

/* A stretch of years without events is not walked through: three times all that a rule can remember, and the state is
 * what it is. */
static void evaluate(const struct history *h, int64_t last, const struct alert_rule *rules, size_t rule_count,
                     struct incidents *found, struct incidents *pending) {
    for (size_t i = 0; i < rule_count; i++)
        for (int at = 0; at < SERIES; at++) {
            struct state s = {NEVER, NEVER, -1};
            if (!is_for(&rules[i], at))
                continue;
            for (int64_t minute = h->minutes[0].minute; minute <= last; minute++) {
                uint64_t above, under;
                window_at(h, &rules[i], at, minute, &above, &under);
                step(&rules[i], (int)i, at, &s, minute + 1, above, under, found);
                size_t next = first_at(h, minute + 1);
                int64_t resume = next < h->count ? h->minutes[next].minute : last + 1;
                int64_t before = next ? h->minutes[next - 1].minute : minute;
                if (minute - before > 3 * (2 * DAY + 400) && resume > minute + 1)
                    minute = resume - 1;
            }
            if (s.active != NEVER && s.incident < 0)
                pending->list[pending->count++] = (struct incident){(int)i, at, s.active * 60000, 0, 0, 0, 0};
        }
}

/* --- the two side by side ----------------------------------------------------------------------------------------- */

static void give_minute(struct alerting *a, const struct minute *m) {
    struct map cells, steps;
    map_init(&cells, sizeof(struct cell_counts));
    map_init(&steps, sizeof(struct step_counts));
    for (int at = 0; at < SERIES; at++)
        if (was_counted(m, at))
            *(struct cell_counts *)map_put(&cells, series[at]) = m->counts[at];
    struct closed_minute closed = {.minute = m->minute, .records = {m->records}, .series = &cells, .steps = &steps};
    alerting_minute(a, &closed);
    map_deinit(&cells);
    map_deinit(&steps);
}

static bool is_row(const struct alert_row *r, const struct incident *i, const struct alert_rule *rules) {
    return r->active_ms == i->active_ms && r->fired_ms == i->fired_ms && r->resolved_ms == i->resolved_ms &&
           r->numerator == i->numerator && r->denominator == i->denominator &&
           strcmp(r->alertname, rules[i->rule].name) == 0 && strcmp(r->severity, rules[i->rule].severity) == 0 &&
           strcmp(r->provider, provider_of[i->at]) == 0 && strcmp(r->configuration_set, set_of[i->at]) == 0;
}

static size_t find_all(const struct alert_row *rows, size_t count, const struct incidents *found,
                       const struct alert_rule *rules) {
    size_t missing = 0;
    for (size_t i = 0; i < found->count; i++) {
        size_t same = 0;
        for (size_t row = 0; row < count; row++)
            same += is_row(&rows[row], &found->list[i], rules);
        missing += same != 1;
    }
    return missing;
}

/* Returns the number of incidents. */
static size_t compare(const struct history *h, int64_t last, const struct alert_rule *rules, size_t rule_count) {
    struct alerting *a = alerting_create(rules, rule_count, &names);
    for (size_t i = 0; i < h->count; i++)
        give_minute(a, &h->minutes[i]);
    alerting_finish(a, last * MINUTE_MS);
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(a, &count, &dropped);
    struct incidents *found = calloc(1, sizeof *found), *pending = calloc(1, sizeof *pending);
    evaluate(h, last, rules, rule_count, found, pending);
    assert_int_equal(count, found->count + pending->count);
    assert_int_equal(find_all(rows, count, found, rules), 0);
    assert_int_equal(find_all(rows, count, pending, rules), 0);
    assert_int_equal(dropped, 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].state, rows[i].resolved_ms ? ALERT_RESOLVED
                                        : rows[i].fired_ms  ? ALERT_FIRING
                                                            : ALERT_PENDING);
        assert_true(i == 0 || rows[i].active_ms >= rows[i - 1].active_ms);
    }
    size_t incidents = found->count;
    free(found);
    free(pending);
    free(rows);
    alerting_destroy(a);
    return incidents;
}

/* --- at random ---------------------------------------------------------------------------------------------------- */

#define SHORT_RULE(severity_, above_, clear_, least, for_, keep)                                                       \
    {                                                                                                                  \
        .name = "Bounces", .severity = severity_, .summary = "s", .rate = RATE_BOUNCE, .scopes = ALL_SCOPES,           \
        .window = 60, .window_name = "1h", .threshold = above_, .clear = clear_, .min_volume = least,                  \
        .for_minutes = for_, .keep_firing_minutes = keep                                                               \
    }
#define LONG_RULE(severity_, above_, clear_, least, for_, keep)                                                        \
    {                                                                                                                  \
        .name = "Complaints", .severity = severity_, .summary = "s", .rate = RATE_COMPLAINT, .scopes = ALL_SCOPES,     \
        .window = DAY, .window_name = "24h", .threshold = above_, .clear = clear_, .min_volume = least,                \
        .for_minutes = for_, .keep_firing_minutes = keep                                                               \
    }

static const struct alert_rule mixed_rules[] = {
    SHORT_RULE("warning", 0.25, 0.20, 60, 5, 10),
    SHORT_RULE("critical", 0.35, 0.35, 20, 0, 0),
    LONG_RULE("warning", 0.02, 0.018, 200, 5, 60),
    LONG_RULE("critical", 0.03, 0.02, 0, 0, 1),
    {.name = "Five",
     .severity = "x",
     .summary = "s",
     .rate = RATE_BOUNCE,
     .scopes = 1u << SCOPE_PROVIDER,
     .window = 5,
     .window_name = "5m",
     .threshold = 0.4,
     .clear = 0.1,
     .min_volume = 1,
     .for_minutes = 1,
     .keep_firing_minutes = 2},
    {.name = "TwoHours",
     .severity = "x",
     .summary = "s",
     .rate = RATE_BOUNCE,
     .scopes = 1u << SCOPE_CONFIGURATION_SET,
     .window = 120,
     .window_name = "2h",
     .threshold = 0.3,
     .clear = 0.25,
     .min_volume = 40,
     .for_minutes = 30,
     .keep_firing_minutes = 0},
    {.name = "Silent",
     .severity = "x",
     .summary = "s",
     .kind = ALERT_SILENCE,
     .event = EVENT_TYPES,
     .scopes = 1u << SCOPE_ACCOUNT,
     .window = 60,
     .window_name = "1h",
     .min_volume = 50},
    {.name = "SilentLong",
     .severity = "x",
     .summary = "s",
     .kind = ALERT_SILENCE,
     .event = EVENT_TYPES,
     .scopes = 1u << SCOPE_ACCOUNT,
     .window = 90,
     .window_name = "90m",
     .min_volume = 20,
     .for_minutes = 30},
};

static void busy_minute(struct minute *m, unsigned badness, uint64_t *seed) {
    for (unsigned n = 1 + below(seed, 3); n > 0; n--) {
        uint32_t sent = below(seed, 12), bounced = 0;
        for (uint32_t i = 0; i < sent; i++)
            bounced += below(seed, 100) < badness;
        add_counts(m, 1 + (int)below(seed, SERIES - 1), sent, bounced, below(seed, 400) < badness);
    }
}

/* Minutes in bursts, bad and good ones, with gaps between. */
static void make_history(struct history *h, int64_t begin, int bursts, const unsigned *gaps, size_t gap_count,
                         uint64_t *seed) {
    int64_t minute = begin;
    for (int i = 0; i < bursts; i++) {
        unsigned badness = (unsigned[]){2, 15, 30, 45}[below(seed, 4)], thin = 1 + below(seed, 6);
        for (unsigned n = 20 + below(seed, 120); n > 0; n--) {
            if (below(seed, thin) == 0)
                busy_minute(add_minute(h, minute), badness, seed);
            minute++;
        }
        minute += gaps[below(seed, (unsigned)gap_count)];
    }
}

static void random_histories(int64_t begin, int bursts, const unsigned *gaps, size_t gap_count, uint64_t seeds,
                             size_t least_incidents) {
    size_t incidents = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct history h = {0};
        uint64_t random = seed * 977;
        make_history(&h, begin, bursts, gaps, gap_count, &random);
        int64_t last = h.minutes[h.count - 1].minute + (seed % 2 ? 0 : below(&random, 200));
        incidents += compare(&h, last, mixed_rules, COUNT(mixed_rules));
        free(h.minutes);
    }
    assert_true(incidents >= least_incidents); /* so that there was something to compare */
}

static void short_gaps(void **state) {
    (void)state;
    static const unsigned gaps[] = {0, 1, 7, 59, 60, 61, 119, 121, 180};
    random_histories(29800000, 14, gaps, COUNT(gaps), 5, 100);
    random_histories(-700, 12, gaps, COUNT(gaps), 2, 40); /* across 1970 */
}

static void gaps_of_days(void **state) {
    (void)state;
    static const unsigned gaps[] = {5, 23 * 60, DAY, DAY + 60, 2 * DAY, 3 * DAY + 100, 5 * DAY};
    random_histories(29800011, 8, gaps, COUNT(gaps), 3, 40);
}

static void gaps_of_years(void **state) {
    (void)state;
    static const unsigned gaps[] = {30, YEAR, 3 * YEAR + 17, 20 * YEAR};
    random_histories(29800000, 6, gaps, COUNT(gaps), 3, 30);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

/* One bad minute: how long a window of 24 hours holds it. */
static void long_window_by_hand(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {LONG_RULE("warning", 0.5, 0.5, 100, 0, 0)};
    struct history h = {0};
    int64_t minute = 500000 * 60 + 17; /* at :17 */
    add_counts(add_minute(&h, minute), 1, 100, 0, 60);
    struct alerting *a = alerting_create(rules, 1, &names);
    give_minute(a, &h.minutes[0]);
    alerting_finish(a, (minute + 3 * DAY) * MINUTE_MS);
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(a, &count, &dropped);
    assert_int_equal(count, 2); /* the account and the provider; not of a configuration set */
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(rows[i].alertname, "Complaints");
        assert_string_equal(rows[i].scope, i ? "provider" : "account");
        assert_string_equal(rows[i].provider, i ? "gmail" : "");
        assert_string_equal(rows[i].rate, "complaint");
        assert_string_equal(rows[i].window, "24h");
        assert_true(rows[i].fired_ms == (minute + 1) * MINUTE_MS);
        /* Its hour is touched up to 24 hours after that hour's end. */
        assert_true(rows[i].resolved_ms == (int64_t)(500000 * 60 + 60 + DAY) * MINUTE_MS);
        assert_true(rows[i].value == 0.6 && rows[i].threshold == 0.5);
        assert_int_equal(rows[i].numerator, 60);
        assert_int_equal(rows[i].denominator, 100);
        assert_non_null(strstr(rows[i].description, "60 of 100"));
    }
    free(rows);
    alerting_destroy(a);
    free(h.minutes);
}

static void silence_by_hand(void **state) {
    (void)state;
    const struct alert_rule *rule = &mixed_rules[6];
    struct history h = {0};
    add_counts(add_minute(&h, 1000), 1, 60, 0, 0);
    add_counts(add_minute(&h, 1000 + 2 * YEAR), 1, 1, 0, 0);
    struct alerting *a = alerting_create(rule, 1, &names);
    give_minute(a, &h.minutes[0]);
    give_minute(a, &h.minutes[1]);
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(a, &count, &dropped);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].alertname, "Silent");
    assert_string_equal(rows[0].scope, "account");
    assert_string_equal(rows[0].rate, "events");
    assert_true(rows[0].fired_ms == 1061 * MINUTE_MS); /* the hour after its minute is over */
    assert_true(rows[0].resolved_ms == (int64_t)(1001 + 2 * YEAR) * MINUTE_MS);
    assert_int_equal(rows[0].denominator, 60);
    assert_int_equal(rows[0].state, ALERT_RESOLVED);
    free(rows);
    alerting_destroy(a);
    free(h.minutes);
}

/* The end of the input is looked at too: its last minute, and none behind it. */
static void up_to_the_watermark(void **state) {
    (void)state;
    for (int64_t last = 1059; last <= 1060; last++) {
        struct history h = {0};
        add_counts(add_minute(&h, 1000), 1, 60, 0, 0);
        struct alerting *a = alerting_create(&mixed_rules[6], 1, &names);
        give_minute(a, &h.minutes[0]);
        alerting_finish(a, last * MINUTE_MS + 59999);
        size_t count;
        uint64_t dropped;
        struct alert_row *rows = alerting_rows(a, &count, &dropped);
        assert_int_equal(count, last == 1060);
        assert_true(count == 0 || rows[0].state == ALERT_FIRING);
        free(rows);
        alerting_destroy(a);
        free(h.minutes);
    }
}

static void nothing_at_all(void **state) {
    (void)state;
    size_t rule_count, count = 1;
    uint64_t dropped = 1;
    const struct alert_rule *rules = alert_default_rules(&rule_count);
    struct alerting *a = alerting_create(rules, rule_count, &names);
    alerting_finish(a, 1795304070123);
    alerting_rows(a, &count, &dropped);
    assert_int_equal(count, 0);
    assert_int_equal(dropped, 0);
    alerting_destroy(a);
}

/* The list of incidents has a ceiling; what comes beyond is counted. */
static void too_many_incidents(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {{.name = "Flaps",
                                               .severity = "x",
                                               .summary = "s",
                                               .rate = RATE_BOUNCE,
                                               .scopes = 1u << SCOPE_ACCOUNT,
                                               .window = 1,
                                               .window_name = "1m",
                                               .threshold = 0.5,
                                               .clear = 0.5,
                                               .min_volume = 1}};
    struct alerting *a = alerting_create(rules, 1, &names);
    struct history h = {0};
    enum { TIMES = 10050 };
    for (int i = 0; i < TIMES; i++) {
        h.count = 0;
        add_counts(add_minute(&h, 2 * i), 0, 1, 1, 0);
        give_minute(a, &h.minutes[0]);
    }
    size_t count;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(a, &count, &dropped);
    assert_int_equal(count, 10000);
    assert_int_equal(dropped, TIMES - 10000);
    assert_true(rows[9999].resolved_ms == (2 * 9999 + 2) * (int64_t)MINUTE_MS);
    free(rows);
    alerting_destroy(a);
    free(h.minutes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_gaps),      cmocka_unit_test(gaps_of_days),
        cmocka_unit_test(gaps_of_years),   cmocka_unit_test(long_window_by_hand),
        cmocka_unit_test(silence_by_hand), cmocka_unit_test(up_to_the_watermark),
        cmocka_unit_test(nothing_at_all),  cmocka_unit_test(too_many_incidents),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
