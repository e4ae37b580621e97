/* sinks/openmetrics: the history of counters, read back by rules of our own and held against a list of what happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/detail_key.h"
#include "history_names.h"
#include "random_numbers.h"
#include "sinks/openmetrics.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct history *create(int64_t step_minutes) {
    return history_create(step_minutes * MINUTE_MS, &names);
}

/* Ends the history. Returns new. */
static char *text_with(struct history *h, const struct metric_label *labels, size_t label_count,
                       struct openmetrics_totals *totals) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct err err = {0};
    assert_true(openmetrics_write_history(h, labels, label_count, out, totals, &err));
    fclose(out);
    history_destroy(h);
    return text;
}

static char *text_of(struct history *h, struct openmetrics_totals *totals) {
    return text_with(h, NULL, 0, totals);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

static void nothing(void **state) {
    (void)state;
    struct openmetrics_totals t;
    char *text = text_of(create(1), &t);
    assert_string_equal(text, "# EOF\n");
    assert_int_equal(t.samples, 0);
    assert_int_equal(t.series, 0);
    free(text);
}

/* One mail at 09:49, two at 09:53: the whole text. */
static void a_few_minutes(void **state) {
    (void)state;
    static const struct metric_label labels[] = {{"instance", "back\"fill"}, {"job", "ses"}};
    struct history *w = create(1);
    struct openmetrics_totals t;
    sends(w, NINE + 49, news, gmail, 1);
    sends(w, NINE + 53, news, gmail, 2);
    char *text = text_with(w, labels, 2, &t);
#define EVENTS "ses_events_total{event_type=\"send\",configuration_set=\"news\",instance=\"back\\\"fill\",job=\"ses\"} "
#define RECIPIENTS                                                                                                     \
    "ses_recipients_total{event_type=\"send\",configuration_set=\"news\",provider=\"gmail\","                          \
    "instance=\"back\\\"fill\",job=\"ses\"} "
#define SAMPLES(series)                                                                                                \
    series "0 35340\n"     /* 09:49 */                                                                                 \
        series "1 35400\n" /* 09:50 */                                                                                 \
        series "1 35520\n" /* 09:52: four minutes of the clock */                                                      \
        series "1 35580\n" /* 09:53: a step before a change */                                                         \
        series "3 35640\n" /* 09:54 */                                                                                 \
        series "3 35760\n" /* 09:56 */                                                                                 \
        series "3 36000\n" /* 10:00: the end of the hour */
    assert_string_equal(
        text,
        "# HELP ses_events Event records counted, after duplicates are taken out.\n"
        "# TYPE ses_events counter\n" SAMPLES(
            EVENTS) "# HELP ses_recipients Recipients that the counted events concern; complaint, open, click and "
                    "subscription: one per event.\n"
                    "# TYPE ses_recipients counter\n" SAMPLES(RECIPIENTS) "# EOF\n");
    assert_int_equal(t.samples, 14);
    assert_int_equal(t.series, 2);
    assert_true(t.from_ms == 35340000 && t.to_ms == 36000000);
    free(text);
}

/* Kinds, labels, and their order; details without a provider are one series for all of them. */
static void families(void **state) {
    (void)state;
    static const struct {
        enum detail_kind kind;
        uint32_t detail;
        const char *series;
    } cases[] = {
        {DETAIL_BOUNCE, EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_NO_EMAIL),
         "ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype=\"NoEmail\",configuration_set=\"news\","
         "provider=\"gmail\"} 5 "},
        {DETAIL_COMPLAINT, FEEDBACK_ABUSE,
         "ses_complaints_total{feedback_type=\"abuse\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_DELAY, DELAY_MAILBOX_FULL,
         "ses_delivery_delays_total{delay_type=\"MailboxFull\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_OPEN, VISITOR_HUMAN,
         "ses_opens_total{agent=\"human\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_CLICK, VISITOR_PROXY,
         "ses_clicks_total{agent=\"proxy\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_UNIQUE_OPEN, VISITOR_MACHINE,
         "ses_unique_opens_total{agent=\"machine\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_UNIQUE_CLICK, VISITOR_HUMAN,
         "ses_unique_clicks_total{agent=\"human\",configuration_set=\"news\",provider=\"gmail\"} 5 "},
        {DETAIL_SUBSCRIPTION, EVENT_DETAIL_PAIR(CHANGE_OPT_OUT, SUBSCRIPTION_SOURCE_UNSUBSCRIBE_HEADER),
         "ses_subscription_changes_total{change=\"opt_out\",source=\"UnsubscribeHeader\",configuration_set=\"news\"} "
         "12 "},
        {DETAIL_REJECT, REJECT_BAD_CONTENT, "ses_rejects_total{reason=\"Bad content\",configuration_set=\"news\"} 12 "},
    };
    struct history *w = create(1);
    struct openmetrics_totals t;
    for (size_t i = 0; i < COUNT(cases); i++) {
        detail(w, NINE, DETAIL_KEY(cases[i].kind, cases[i].detail, news, gmail), 5);
        detail(w, NINE, DETAIL_KEY(cases[i].kind, cases[i].detail, news, yahoo), 7);
    }
    detail(w, NINE, DETAIL_KEY(DETAIL_RENDERING_FAILURE, receipt, promo, gmail), 1);
    char *text = text_of(w, &t);
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!strstr(text, cases[i].series))
            fail_msg("no %s in:\n%s", cases[i].series, text);
    assert_non_null(
        strstr(text, "ses_rendering_failures_total{template=\"receipt\",configuration_set=\"pro\\\"mo\"} 1 "));
    assert_int_equal(t.series, 7 * 2 + 2 + 1);
    free(text);
}

/* --- against a list ----------------------------------------------------------------------------------------------- */

enum { MAX_THINGS = 20000, SERIES = 4, REPEAT = 240, HOUR = 3600 };

struct thing {
    int64_t minute;
    int series; /* provider gmail or yahoo x set news or promo */
    uint32_t n;
};

struct story {
    struct thing things[MAX_THINGS];
    size_t count;
};

static void happen(struct history *w, struct story *s, struct thing t) {
    assert_true(s->count < MAX_THINGS);
    s->things[s->count++] = t;
    sends(w, t.minute, t.series & 1 ? promo : news, t.series & 2 ? yahoo : gmail, t.n);
}

/* What happened before `time` seconds, whole steps of it. */
static uint64_t count_before(const struct story *s, int series, int64_t time, int64_t step) {
    uint64_t sum = 0;
    int64_t whole = floor_div(time, step * 60) * step;
    for (size_t i = 0; i < s->count; i++)
        if (s->things[i].series == series && s->things[i].minute < whole)
            sum += s->things[i].n;
    return sum;
}

/* In the family of recipients. */
static int series_of(const char *line) {
    return (strstr(line, "\"pro\\\"mo\"") ? 1 : 0) + (strstr(line, "\"yahoo\"") ? 2 : 0);
}

static int64_t first_of(const struct story *s, int series) {
    for (size_t i = 0; i < s->count; i++)
        if (s->things[i].series == series)
            return s->things[i].minute;
    return INT64_MIN;
}

struct reading {
    int64_t last[SERIES];
    uint64_t samples[SERIES];
    uint64_t holes; /* longer than REPEAT */
};

static void read_line(struct reading *r, const struct story *s, const char *line, int64_t step) {
    int series = series_of(line);
    unsigned long long value;
    long long time;
    assert_int_equal(sscanf(strchr(line, '}') + 2, "%llu %lld", &value, &time), 2);
    if (value != count_before(s, series, time, step))
        fail_msg("%s: not %llu", line, (unsigned long long)count_before(s, series, time, step));
    if (!r->samples[series]++) {
        assert_int_equal(value, 0);
        assert_true(time == floor_div(first_of(s, series), step) * step * 60);
    } else {
        assert_true(time > r->last[series]);
        r->holes += time - r->last[series] > REPEAT;
        int64_t hour = floor_div(time, HOUR) * HOUR; /* written, or this is the first of its hour */
        assert_true(time - r->last[series] > REPEAT || r->last[series] >= hour || time == hour);
    }
    r->last[series] = time;
}

static struct reading hold_against(struct history *w, const struct story *s, int64_t step) {
    struct openmetrics_totals t;
    struct reading r = {0};
    char *text = text_of(w, &t), *save = NULL;
    uint64_t lines = 0;
    int before = -1, seen = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        lines += *line != '#';
        if (strncmp(line, "ses_recipients_total", 20) != 0)
            continue;
        read_line(&r, s, line, step);
        if (series_of(line) != before) { /* the samples of a series stand together */
            before = series_of(line);
            assert_false(seen & 1 << before);
            seen |= 1 << before;
        }
    }
    assert_true(lines == t.samples);
    free(text);
    return r;
}

static void random_story(uint64_t seed, int64_t step, int things, int64_t most) {
    struct story *s = calloc(1, sizeof *s);
    struct history *w = create(step);
    int64_t minute = -5000; /* across 1970 */
    for (int i = 0; i < things; i++) {
        minute += (int64_t)(next_random(&seed) % 4 ? next_random(&seed) % 3 : next_random(&seed) % (uint64_t)most);
        happen(w, s,
               (struct thing){minute, (int)(next_random(&seed) % SERIES), 1 + (uint32_t)(next_random(&seed) % 9)});
    }
    struct reading r = hold_against(w, s, step);
    int64_t end = (floor_div(minute, 60) + 1) * HOUR;
    if ((floor_div(minute, step) + 1) * step * 60 > end)
        end = (floor_div(minute, step) + 1) * step * 60;
    for (int i = 0; i < SERIES; i++)
        assert_true(r.last[i] == end || first_of(s, i) == INT64_MIN);
    assert_int_equal(r.holes, 0);
    free(s);
}

static void no_hole_and_nothing_wrong(void **state) {
    (void)state;
    static const struct {
        int64_t step;
        int things;
        int64_t most;
    } cases[] = {{1, 8, 30},    {1, 2000, 20},  {1, 700, 300},  {5, 1000, 60},
                 {7, 300, 100}, {60, 500, 200}, {90, 200, 400}, {1440, 300, 3000}};
    for (size_t i = 0; i < COUNT(cases); i++)
        random_story(i + 1, cases[i].step, cases[i].things, cases[i].most);
}

/* 31 days without any mail are filled, more are not: then all series pause, and go on together. */
static void long_pauses(void **state) {
    (void)state;
    static const struct {
        int64_t days;
        uint64_t holes; /* in both series */
    } cases[] = {{31, 0}, {32, 2}, {4000, 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct story *s = calloc(1, sizeof *s);
        struct history *w = create(1);
        int64_t later = NINE + cases[i].days * 1440;
        happen(w, s, (struct thing){NINE, 0, 1});
        happen(w, s, (struct thing){NINE + 5, 1, 1});
        happen(w, s, (struct thing){later, 1, 1});
        happen(w, s, (struct thing){later + 10, 2, 1});
        struct reading r = hold_against(w, s, 1);
        assert_int_equal(r.holes, cases[i].holes);
        for (int k = 0; k < 3; k++)
            assert_true(r.last[k] == (floor_div(later + 10, 60) + 1) * HOUR);
        free(s);
    }
}

/* --- what cannot be ----------------------------------------------------------------------------------------------- */

static void full_disks(void **state) {
    (void)state;
    struct openmetrics_totals t;
    struct err err = {0};
    struct history *w = create(1);
    for (int i = 0; i < 2000; i++)
        sends(w, NINE + i, news, gmail, 1);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(openmetrics_write_history(w, NULL, 0, full, &t, &err));
    assert_int_equal(err.code, ERR_IO);
    fclose(full);
    history_destroy(w);

    char *old = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    w = create(1);
    for (int i = 0; i < 40; i++)
        sends(w, NINE + i, news, gmail, 1);
    err = (struct err){0};
    assert_false(openmetrics_write_history(w, NULL, 0, stdout, &t, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    history_destroy(w);
    if (old)
        setenv("TMPDIR", old, 1);
    else
        unsetenv("TMPDIR");
    free(old);
    history_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),     cmocka_unit_test(a_few_minutes),
        cmocka_unit_test(families),    cmocka_unit_test(no_hole_and_nothing_wrong),
        cmocka_unit_test(long_pauses), cmocka_unit_test(full_disks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
