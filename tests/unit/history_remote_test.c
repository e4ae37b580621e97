/* sinks/history_remote: in which order the samples of a history go to a client, with which labels, and what is done
 * when it fails. The client here is a double that writes down what it is given; the real one against real receivers is
 * in tests/integration/remote_write.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history_names.h"
#include "random_numbers.h"
#include "sinks/history_remote.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- the double --------------------------------------------------------------------------------------------------- */

struct given {
    char series[400]; /* name and labels, in the order given */
    struct remote_sample sample;
};

static struct {
    struct given *all;
    size_t count, size;
    char target_labels[200];
    size_t open, flushed;
    uint64_t fail_after; /* samples; 0: never */
    bool fail_to_open, fail_to_flush;
    struct remote_write_counts counts;
    char refusal[800];
} client;

static void forget(void) {
    free(client.all);
    memset(&client, 0, sizeof client);
}

struct remote_client *remote_client_open(const struct remote_write_target *t, const atomic_bool *stop,
                                         struct err *err) {
    (void)stop;
    if (client.fail_to_open) {
        err_set(err, ERR_CONFIG, "no such host");
        return NULL;
    }
    client.open++;
    for (size_t i = 0; i < t->label_count; i++) {
        size_t len = strlen(client.target_labels);
        snprintf(client.target_labels + len, sizeof client.target_labels - len, "%s=%s,", t->labels[i].name,
                 t->labels[i].value);
    }
    return (struct remote_client *)&client;
}

void remote_client_close(struct remote_client *c) {
    if (c)
        client.open--;
}

bool remote_client_add(struct remote_client *c, const char *name, const struct metric_label *labels, size_t label_count,
                       const struct remote_sample *samples, size_t sample_count, struct err *err) {
    assert_ptr_equal(c, &client);
    assert_true(sample_count > 0);
    for (size_t i = 0; i < sample_count; i++) {
        if (client.count == client.size) {
            client.size = client.size ? 2 * client.size : 64;
            client.all = realloc(client.all, client.size * sizeof *client.all);
        }
        struct given *g = &client.all[client.count++];
        int len = snprintf(g->series, sizeof g->series, "%s", name);
        for (size_t k = 0; k < label_count; k++)
            len += snprintf(g->series + len, sizeof g->series - (size_t)len, " %s=%s", labels[k].name, labels[k].value);
        g->sample = samples[i];
    }
    if (client.fail_after && client.count >= client.fail_after)
        return err_set(err, ERR_IO, "it answered 401");
    client.counts.written = client.count;
    return true;
}

bool remote_client_flush(struct remote_client *c, struct err *err) {
    assert_ptr_equal(c, &client);
    client.flushed++;
    return !client.fail_to_flush || err_set(err, ERR_IO, "given up");
}

void remote_client_counts(const struct remote_client *c, struct remote_write_counts *to) {
    (void)c;
    *to = client.counts;
}

const char *remote_client_refusal(const struct remote_client *c) {
    (void)c;
    return client.refusal;
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static struct history *make_history(uint64_t seed, int changes, uint64_t most, int64_t pause_at) {
    struct history *h = history_create(MINUTE_MS, &names);
    int64_t minute = NINE;
    for (int i = 0; i < changes; i++) {
        minute += (int64_t)(next_random(&seed) % most) + (i == pause_at ? 100 * 1440 : 0);
        uint16_t provider = next_random(&seed) % 2 ? gmail : yahoo;
        uint32_t set = next_random(&seed) % 2 ? news : promo;
        sends(h, minute, set, provider, 1);
    }
    return h;
}

/* The samples of each series as one trace gives them, one series after the other. */
static size_t count_samples(struct history *h) {
    struct err err = {0};
    size_t count = 0;
    assert_true(history_seal(h, &err));
    struct history_trace *t = history_trace_create(h);
    for (size_t i = 0; i < history_series(h); i++) {
        struct history_place place = {0};
        struct history_sample s;
        history_trace_open(t, i, &place);
        while (history_trace_next(t, INT64_MAX, &s, &err) == HISTORY_SAMPLE)
            count++;
    }
    history_trace_destroy(t);
    return count;
}

/* Never behind the newest by more than half an hour, as an empty Prometheus demands; each series in order. */
static void check_order(void) {
    int64_t newest = INT64_MIN;
    struct {
        char name[400];
        int64_t last_ms;
        double value;
    } series[16];
    size_t series_count = 0;
    for (size_t i = 0; i < client.count; i++) {
        const struct given *g = &client.all[i];
        size_t k = 0;
        while (k < series_count && strcmp(series[k].name, g->series) != 0)
            k++;
        if (k == series_count) {
            assert_true(series_count < COUNT(series));
            strcpy(series[series_count++].name, g->series);
            assert_true(g->sample.value == 0);
        } else {
            assert_true(g->sample.time_ms > series[k].last_ms && g->sample.value >= series[k].value);
        }
        series[k].last_ms = g->sample.time_ms;
        series[k].value = g->sample.value;
        assert_true(newest == INT64_MIN || newest - g->sample.time_ms < 1800000);
        newest = g->sample.time_ms > newest ? g->sample.time_ms : newest;
    }
    assert_int_equal(series_count, 6);
}

static void by_slices(void **state) {
    (void)state;
    static const struct {
        int changes;
        uint64_t most;
        int64_t pause_at;
    } cases[] = {{30, 5, -1}, {2000, 3, -1}, {500, 90, 200}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        struct history *h = make_history(c + 1, cases[c].changes, cases[c].most, cases[c].pause_at);
        struct history_remote_totals t;
        struct err err = {0};
        assert_true(history_remote_send(h, &(struct remote_write_target){.name = "t"},
                                        &(struct history_remote_options){0}, &t, &err));
        assert_int_equal(client.count, count_samples(h));
        assert_int_equal(t.samples, client.count);
        assert_int_equal(t.counts.written, client.count);
        assert_int_equal(t.series, 6);
        assert_string_equal(t.refusal, "");
        assert_int_equal(client.flushed, 1);
        assert_int_equal(client.open, 0);
        check_order();
        history_destroy(h);
        forget();
    }
}

static void nothing(void **state) {
    (void)state;
    struct history *h = history_create(MINUTE_MS, &names);
    struct history_remote_totals t;
    struct err err = {0};
    assert_true(history_remote_send(h, &(struct remote_write_target){.name = "t"}, &(struct history_remote_options){0},
                                    &t, &err));
    assert_int_equal(t.samples, 0);
    assert_int_equal(t.series, 0);
    assert_int_equal(client.count, 0);
    history_destroy(h);
    forget();
}

/* --- labels ------------------------------------------------------------------------------------------------------- */

static void labels_of_the_history_win(void **state) {
    (void)state;
    struct notify_header target_labels[] = {{"instance", "live"}, {"job", "ses"}, {"region", "eu"}};
    static const struct metric_label own[] = {{"instance", "backfill"}, {"who", "me"}};
    struct remote_write_target target = {.name = "t", .labels = target_labels, .label_count = 3};
    struct history *h = history_create(MINUTE_MS, &names);
    struct history_remote_totals t;
    struct err err = {0};
    sends(h, NINE, news, gmail, 1);
    assert_true(
        history_remote_send(h, &target, &(struct history_remote_options){.labels = own, .label_count = 2}, &t, &err));
    assert_string_equal(client.target_labels, "job=ses,region=eu,");
    assert_string_equal(client.all[0].series,
                        "ses_events_total event_type=send configuration_set=news instance=backfill who=me");
    assert_int_equal(target.label_count, 3); /* as it was */
    history_destroy(h);
    forget();
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static bool send_failing(struct history_remote_totals *t, const atomic_bool *stop, struct err *err) {
    struct history *h = make_history(5, 500, 5, -1);
    bool ok = history_remote_send(h, &(struct remote_write_target){.name = "t"},
                                  &(struct history_remote_options){.stop = stop}, t, err);
    history_destroy(h);
    assert_int_equal(client.open, 0);
    return ok;
}

static void failures(void **state) {
    (void)state;
    struct history_remote_totals t;
    struct err err = {0};
    client.fail_to_open = true;
    assert_false(send_failing(&t, NULL, &err));
    assert_string_equal(err.text, "no such host");
    assert_int_equal(t.samples, 0);
    forget();

    err = (struct err){0};
    client.fail_after = 1000;
    assert_false(send_failing(&t, NULL, &err));
    assert_string_equal(err.text, "it answered 401");
    assert_true(t.samples >= 1000 && t.samples < 1100);
    assert_true(t.counts.written < 1000 && t.counts.written > 900);
    assert_true(t.sent_ms > (int64_t)NINE * MINUTE_MS);
    assert_int_equal(client.flushed, 0);
    forget();

    err = (struct err){0};
    client.fail_to_flush = true;
    assert_false(send_failing(&t, NULL, &err));
    assert_string_equal(err.text, "given up");
    forget();

    err = (struct err){0};
    atomic_bool stop = true;
    assert_false(send_failing(&t, &stop, &err));
    assert_non_null(strstr(err.text, "stopped"));
    assert_int_equal(t.samples, 0);
    forget();

    err = (struct err){0};
    memset(client.refusal, 'x', sizeof client.refusal - 1); /* longer than what is kept */
    client.counts.refused = 7;
    assert_true(send_failing(&t, NULL, &err)); /* refused samples are counted, no more */
    assert_int_equal(t.counts.refused, 7);
    assert_int_equal(strlen(t.refusal), sizeof t.refusal - 1);
    forget();
}

struct seen {
    uint64_t calls, samples;
    int64_t at_ms;
};

static void see(void *context, const struct history_remote_progress *p) {
    struct seen *s = context;
    assert_true(p->from_ms < p->to_ms && p->at_ms <= p->to_ms);
    assert_true(p->at_ms >= s->at_ms && p->samples >= s->samples);
    *s = (struct seen){s->calls + 1, p->samples, p->at_ms};
}

static void progress(void **state) {
    (void)state;
    struct seen seen = {0};
    struct history *h = make_history(3, 500, 5, -1);
    struct history_remote_totals t;
    struct err err = {0};
    assert_true(history_remote_send(h, &(struct remote_write_target){.name = "t"},
                                    &(struct history_remote_options){.on_progress = see, .context = &seen}, &t, &err));
    assert_true(seen.calls > 10 && seen.samples > t.samples / 2 && seen.samples <= t.samples);
    history_destroy(h);
    forget();
}

static void advice(void **state) {
    (void)state;
    static const struct {
        const char *refusal;
        int64_t days;
        const char *says;
    } cases[] = {
        {"400: out of order sample", 50, "out_of_order_time_window to 51d"},
        {"400: out of bounds", 0, "out_of_order_time_window to 1d"},
        {"500: too old sample", 2, "out_of_order_time_window to 3d"},
        {"400: Duplicate sample for timestamp", 2, "a label of its own"},
        {"418: a teapot", 9, "retention of 10d"},
        {"", 9, "retention of 10d"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[320];
        int64_t now = 60 * (int64_t)DAY_MS;
        history_remote_advice(cases[i].refusal, now - cases[i].days * DAY_MS - 1, now, text, sizeof text);
        if (!strstr(text, cases[i].says))
            fail_msg("%s: %s", cases[i].refusal, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_slices), cmocka_unit_test(nothing),  cmocka_unit_test(labels_of_the_history_win),
        cmocka_unit_test(failures),  cmocka_unit_test(progress), cmocka_unit_test(advice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
