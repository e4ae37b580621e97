/* sinks/history: labels, order, and traces that are broken off and gone on with: whatever the slices, the samples are
 * those of a trace that is read at once. What these samples must be, openmetrics_test.c says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "history_names.h"
#include "random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct samples {
    struct history_sample *all;
    size_t count, size;
};

/* Takes what lies before `until`. */
static void take(struct history_trace *t, size_t series, struct history_place *place, int64_t until,
                 struct samples *to) {
    struct history_sample s;
    struct err err = {0};
    enum history_next next;
    history_trace_open(t, series, place);
    while ((next = history_trace_next(t, until, &s, &err)) == HISTORY_SAMPLE) {
        assert_true(s.time < until);
        if (to->count)
            assert_true(s.time > to->all[to->count - 1].time);
        if (to->count == to->size) {
            to->size = to->size ? 2 * to->size : 64;
            to->all = realloc(to->all, to->size * sizeof *to->all);
        }
        to->all[to->count++] = s;
    }
    assert_int_equal(next, HISTORY_NO_MORE);
    assert_int_equal(err.code, ERR_NONE);
}

static void make_story(struct history *h, uint64_t seed, int changes, uint64_t most_minutes, int pauses) {
    int64_t minute = -3000; /* across 1970 */
    for (int i = 0; i < changes; i++) {
        minute += (int64_t)(next_random(&seed) % most_minutes);
        if (pauses && i % (changes / pauses + 1) == 1)
            minute += 32 * 1440 + (int64_t)(next_random(&seed) % 100000);
        uint32_t count = 1 + (uint32_t)(next_random(&seed) % 9);
        uint16_t provider = next_random(&seed) % 2 ? gmail : yahoo;
        uint32_t set = next_random(&seed) % 2 ? news : promo;
        sends(h, minute, set, provider, count);
    }
}

/* Slices of a fixed length, or of random ones (0), over all series in turn, as a sender takes them. */
static void check_slices(const struct history *h, const struct samples *whole, int64_t slice, uint64_t seed) {
    size_t series = history_series(h), stretch_count;
    const struct history_stretch *stretches = history_stretches(h, &stretch_count);
    struct history_place *places = calloc(series, sizeof *places);
    struct samples *pieces = calloc(series, sizeof *pieces);
    struct history_trace *t = history_trace_create(h);
    for (size_t s = 0; s < stretch_count; s++)
        for (int64_t at = stretches[s].start; at <= stretches[s].end;) {
            at += slice ? slice : 1 + (int64_t)(next_random(&seed) % 20000);
            for (size_t i = 0; i < series; i++)
                take(t, i, &places[i], at, &pieces[i]);
        }
    for (size_t i = 0; i < series; i++) {
        assert_int_equal(pieces[i].count, whole[i].count);
        assert_memory_equal(pieces[i].all, whole[i].all, whole[i].count * sizeof *whole[i].all);
        take(t, i, &places[i], INT64_MAX, &pieces[i]);
        assert_int_equal(pieces[i].count, whole[i].count);
        free(pieces[i].all);
    }
    history_trace_destroy(t);
    free(pieces);
    free(places);
}

static void slices_are_the_whole(void **state) {
    (void)state;
    static const struct {
        int64_t step;
        int changes;
        uint64_t most;
        int pauses;
    } cases[] = {{1, 5, 20, 0},   {1, 800, 12, 0},   {1, 300, 200, 4},
                 {5, 400, 60, 2}, {60, 200, 300, 1}, {1440, 90, 4000, 1}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        struct history *h = history_create(cases[c].step * MINUTE_MS, &names);
        struct err err = {0};
        make_story(h, c + 1, cases[c].changes, cases[c].most, cases[c].pauses);
        assert_true(history_seal(h, &err));
        size_t series = history_series(h);
        assert_int_equal(series, 2 + 4);
        struct samples *whole = calloc(series, sizeof *whole);
        struct history_trace *t = history_trace_create(h);
        for (size_t i = 0; i < series; i++) {
            take(t, i, &(struct history_place){0}, INT64_MAX, &whole[i]);
            assert_true(whole[i].count > 1);
            assert_int_equal(whole[i].all[0].value, 0);
        }
        history_trace_destroy(t);
        static const int64_t slices[] = {60, 240, 1800, 3600, 0};
        for (size_t k = 0; k < COUNT(slices); k++)
            check_slices(h, whole, slices[k], k + 77);
        for (size_t i = 0; i < series; i++)
            free(whole[i].all);
        free(whole);
        history_destroy(h);
    }
}

/* One mail at 09:49, two at 09:53. */
static void a_few_minutes(void **state) {
    (void)state;
    static const struct history_sample wanted[] = {{35340, 0}, {35400, 1}, {35520, 1}, {35580, 1},
                                                   {35640, 3}, {35760, 3}, {36000, 3}};
    struct history *h = history_create(MINUTE_MS, &names);
    struct err err = {0};
    sends(h, NINE + 49, news, gmail, 1);
    sends(h, NINE + 53, news, gmail, 2);
    assert_true(history_seal(h, &err));
    assert_true(history_seal(h, &err)); /* once more is nothing */
    assert_int_equal(history_series(h), 2);
    size_t stretches;
    const struct history_stretch *stretch = history_stretches(h, &stretches);
    assert_int_equal(stretches, 1);
    assert_true(stretch->start == 35340 && stretch->end == 36000);
    struct history_trace *t = history_trace_create(h);
    for (size_t i = 0; i < 2; i++) {
        struct samples got = {0};
        take(t, i, &(struct history_place){0}, INT64_MAX, &got);
        assert_int_equal(got.count, COUNT(wanted));
        assert_memory_equal(got.all, wanted, sizeof wanted);
        free(got.all);
    }
    struct metric_label labels[FAMILY_MAX_LABELS];
    assert_string_equal(history_family(h, 0)->name, "ses_events_total");
    assert_int_equal(history_labels(h, 0, labels), 2);
    assert_string_equal(history_family(h, 1)->name, "ses_recipients_total");
    assert_int_equal(history_labels(h, 1, labels), 3);
    assert_string_equal(labels[0].value, "send");
    assert_string_equal(labels[1].value, "news");
    assert_string_equal(labels[2].value, "gmail");
    history_trace_destroy(t);
    history_destroy(h);
}

static void nothing(void **state) {
    (void)state;
    struct history *h = history_create(MINUTE_MS, &names);
    struct err err = {0};
    size_t stretches;
    assert_true(history_seal(h, &err));
    assert_int_equal(history_series(h), 0);
    history_stretches(h, &stretches);
    assert_int_equal(stretches, 0);
    history_destroy(h);
    history_destroy(NULL);
    history_trace_destroy(NULL);
}

/* --- what cannot be ----------------------------------------------------------------------------------------------- */

static void labels(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool fine;
    } cases[] = {{"instance", true}, {"job", true},     {"_x9", true},        {"Backfill", true},
                 {"", false},        {"9x", false},     {"a-b", false},       {"__name__", false},
                 {"a b", false},     {"source", false}, {"provider", false},  {"configuration_set", false},
                 {"agent", false},   {"reason", false}, {"template", false},  {"\xc3\xa4", false},
                 {"a\nb", false},    {"change", false}, {"event_type", false}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(history_label_problem(cases[i].name) == NULL, cases[i].fine);
}

static void no_folder_for_the_spill(void **state) {
    (void)state;
    char *old = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    struct history *h = history_create(MINUTE_MS, &names);
    struct err err = {0};
    for (int i = 0; i < 40; i++)
        sends(h, NINE + i, news, gmail, 1);
    assert_false(history_seal(h, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    history_destroy(h);
    if (old)
        setenv("TMPDIR", old, 1);
    else
        unsetenv("TMPDIR");
    free(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_the_whole),
        cmocka_unit_test(a_few_minutes),
        cmocka_unit_test(nothing),
        cmocka_unit_test(labels),
        cmocka_unit_test(no_folder_for_the_spill),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
