/* sinks/remote_write_encode: what is written is read by a second reader. And the families of a snapshot, as a taker
 * gets them, are those of the text. */
#include "remote_write_reader.h"

#include "core/alloc.h"
#include "rich_snapshot.h"
#include "sinks/prometheus.h"
#include "sinks/remote_write_encode.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct remote_encoder encoder;

static int make_encoder(void **state) {
    (void)state;
    remote_encoder_init(&encoder);
    return 0;
}

static int drop_encoder(void **state) {
    (void)state;
    remote_encoder_deinit(&encoder);
    return 0;
}

static struct buf labels_of(const char *name, const char *suffix, const struct metric_label *labels, size_t count,
                            const struct metric_label *more, size_t more_count) {
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_true(remote_labels_append(&b, name, suffix, labels, count, more, more_count));
    return b;
}

static struct read_request encoded(bool second) {
    struct span body;
    assert_true(remote_encode_end(&encoder, &body));
    return read_request(body.ptr, body.len, second);
}

static void labels_are_sorted_and_whole(void **state) {
    (void)state;
    const struct metric_label own[] = {{"window", "1h"}, {"provider", "gmail"}, {"configuration_set", ""},
                                       {"empty", NULL},  {"Upper", "x"},        {"odd", "a\xff\x1b\n\xc3\xa4"}};
    const struct metric_label more[] = {{"instance", "one"}, {"provider", "not this"}, {"job", ""}};
    struct buf b = labels_of("ses_x", "_sum", own, COUNT(own), more, COUNT(more));
    for (int second = 0; second < 2; second++) {
        remote_encode_begin(&encoder, second);
        remote_encode_series(&encoder, buf_span(&b), NULL, &(struct remote_sample){1.5, 1700000000123}, 1);
        struct read_request r = encoded(second);
        assert_int_equal(r.count, 1);
        assert_string_equal(
            r.samples[0].labels,
            "Upper=x;__name__=ses_x_sum;instance=one;odd=a\\xff\\x1b\n\xc3\xa4;provider=gmail;window=1h;");
        assert_true(r.samples[0].value == 1.5);
        assert_int_equal(r.samples[0].time_ms, 1700000000123);
        assert_int_equal(r.samples[0].type, 0);
        free(r.samples);
    }
    buf_deinit(&b);
}

static void too_many_labels_are_refused_and_long_ones_cut(void **state) {
    (void)state;
    struct metric_label many[REMOTE_LABELS_MAX];
    char names[REMOTE_LABELS_MAX][16], text[REMOTE_VALUE_MAX + 100];
    for (size_t i = 0; i < COUNT(many); i++) {
        snprintf(names[i], sizeof names[i], "l%03zu", i);
        many[i] = (struct metric_label){names[i], "v"};
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_false(remote_labels_append(&b, "n", "", many, COUNT(many), NULL, 0));
    buf_deinit(&b);
    memset(text, 'x', sizeof text);
    text[REMOTE_VALUE_MAX - 1] = (char)0xc3, text[REMOTE_VALUE_MAX] = (char)0xa4, text[sizeof text - 1] = '\0';
    b = labels_of("n", "", (struct metric_label[]){{"l", text}}, 1, NULL, 0);
    remote_encode_begin(&encoder, false);
    remote_encode_series(&encoder, buf_span(&b), NULL, &(struct remote_sample){1, 1}, 1);
    struct read_request r = encoded(false);
    /* Not in the middle of a character. */
    assert_int_equal(strlen(r.samples[0].labels), strlen("__name__=n;l=;") + REMOTE_VALUE_MAX - 1);
    free(r.samples);
    buf_deinit(&b);
}

static void values_keep_every_bit(void **state) {
    (void)state;
    const double values[] = {0, -0.0, 1, 1e308, 5e-324, remote_stale_marker(), 9007199254740993.0};
    struct remote_sample samples[COUNT(values)];
    for (size_t i = 0; i < COUNT(values); i++)
        samples[i] = (struct remote_sample){values[i], ((int64_t)1 << 40) + (int64_t)i};
    struct buf b = labels_of("n", "", NULL, 0, NULL, 0);
    for (int second = 0; second < 2; second++) {
        remote_encode_begin(&encoder, second);
        remote_encode_series(&encoder, buf_span(&b), NULL, samples, COUNT(samples));
        struct read_request r = encoded(second);
        assert_int_equal(r.count, COUNT(values));
        assert_int_equal(r.series, 1);
        for (size_t i = 0; i < COUNT(values); i++) {
            assert_memory_equal(&r.samples[i].value, &values[i], sizeof values[i]);
            assert_int_equal(r.samples[i].time_ms, samples[i].time_ms);
        }
        free(r.samples);
    }
    uint64_t bits;
    memcpy(&bits, &values[5], sizeof bits);
    assert_true(bits == 0x7ff0000000000002u);
    buf_deinit(&b);
}

static void second_tells_what_families_mean(void **state) {
    (void)state;
    const struct remote_metadata kinds[] = {{METRIC_COUNTER, "How many.", ""},
                                            {METRIC_GAUGE, "How much.", "bytes"},
                                            {METRIC_HISTOGRAM, "How long.", "seconds"},
                                            {METRIC_INFO, "", ""}};
    const unsigned types[] = {1, 2, 3, 6};
    remote_encode_begin(&encoder, true);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        struct buf b = labels_of(name, "", NULL, 0, NULL, 0);
        remote_encode_series(&encoder, buf_span(&b), &kinds[i], &(struct remote_sample){1, 1}, 1);
        buf_deinit(&b);
    }
    struct read_request r = encoded(true);
    assert_int_equal(r.count, COUNT(kinds));
    for (size_t i = 0; i < COUNT(kinds); i++) {
        assert_int_equal(r.samples[i].type, types[i]);
        assert_string_equal(r.samples[i].help, kinds[i].help);
        assert_string_equal(r.samples[i].unit, kinds[i].unit);
    }
    free(r.samples);
}

/* More symbols than the table has room for at first; again in buffers that are warm. */
static void many_series(void **state) {
    (void)state;
    enum { SERIES = 3000 };
    for (int round = 0; round < 4; round++) {
        bool second = round % 2;
        remote_encode_begin(&encoder, second);
        for (int i = 0; i < SERIES; i++) {
            char set[32], provider[32];
            snprintf(set, sizeof set, "set-%d", i);
            snprintf(provider, sizeof provider, "provider-%d", i % 7);
            struct buf b = labels_of(
                "n", "_total", (struct metric_label[]){{"configuration_set", set}, {"provider", provider}}, 2, NULL, 0);
            remote_encode_series(&encoder, buf_span(&b), NULL, &(struct remote_sample){i, 1000 + i}, 1);
            buf_deinit(&b);
        }
        struct read_request r = encoded(second);
        assert_int_equal(r.series, SERIES);
        for (int i = 0; i < SERIES; i++) {
            char want[128];
            snprintf(want, sizeof want, "__name__=n_total;configuration_set=set-%d;provider=provider-%d;", i, i % 7);
            assert_string_equal(r.samples[i].labels, want);
            assert_true(r.samples[i].value == i && r.samples[i].time_ms == 1000 + i);
        }
        free(r.samples);
    }
}

/* Appends one, encodes it and reads it back. */
static struct read_request histogram_of(const double *bounds, size_t bound_count, const uint64_t *counts, double sum) {
    const struct remote_metadata metadata = {METRIC_HISTOGRAM, "How long.", "seconds"};
    struct buf b = labels_of("n_seconds", "", (struct metric_label[]){{"a", "b"}}, 1, NULL, 0), form;
    buf_init(&form, 1 << 16);
    if (bounds)
        assert_true(remote_histogram_append(&form, bounds, bound_count, counts, sum) && form.len);
    remote_encode_begin(&encoder, true);
    remote_encode_histogram(&encoder, buf_span(&b), &metadata, buf_span(&form), 1700000000123);
    struct read_request r = encoded(true);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.samples[0].labels, "__name__=n_seconds;a=b;");
    assert_int_equal(r.samples[0].type, 3);
    assert_string_equal(r.samples[0].unit, "seconds");
    assert_int_equal(r.samples[0].time_ms, 1700000000123);
    assert_true(r.samples[0].histogram.is_one);
    buf_deinit(&form);
    buf_deinit(&b);
    return r;
}

static void native_histograms_keep_every_bucket(void **state) {
    (void)state;
    static const double bounds[] = {0.005, 1, 2.5, 1e6};
    static const uint64_t cases[][COUNT(bounds) + 1] = {
        {0, 0, 0, 0, 0},
        {1, 2, 3, 4, 5},
        {0, 0, 7, 0, 0},
        {0, 9, 0, 300000, 0},
        {0, 0, 0, 0, 1},
        {1, 0, 0, 0, 0},
        {0, (uint64_t)1 << 60, 0, (uint64_t)1 << 61, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct read_request r = histogram_of(bounds, COUNT(bounds), cases[i], 0.1 + (double)i);
        const struct read_histogram *h = &r.samples[0].histogram;
        uint64_t all = 0;
        assert_true(r.samples[0].value == 0.1 + (double)i);
        assert_int_equal(h->schema, -53);
        assert_int_equal(h->bound_count, COUNT(bounds));
        assert_memory_equal(h->bounds, bounds, sizeof bounds);
        for (size_t k = 0; k < COUNT(cases[i]); k++) {
            assert_true(h->buckets[k] == cases[i][k]);
            all += cases[i][k];
        }
        assert_true(h->count == all && h->spans == (all > 0));
        free(r.samples);
    }
}

static void a_native_histogram_ends(void **state) {
    (void)state;
    const double marker = remote_stale_marker();
    struct read_request r = histogram_of(NULL, 0, NULL, 0);
    assert_memory_equal(&r.samples[0].value, &marker, sizeof marker);
    assert_int_equal(r.samples[0].histogram.count, 0);
    assert_int_equal(r.samples[0].histogram.bound_count + r.samples[0].histogram.spans, 0);
    free(r.samples);
}

static void a_histogram_that_does_not_fit_leaves_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 40);
    assert_true(buf_append_str(&b, "before"));
    assert_false(remote_histogram_append(&b, (double[]){1, 2, 3}, 3, (uint64_t[]){1, 1, 1, 1}, 5));
    assert_int_equal(b.len, strlen("before"));
    buf_deinit(&b);
}

static void an_empty_request_can_be_read(void **state) {
    (void)state;
    for (int second = 0; second < 2; second++) {
        remote_encode_begin(&encoder, second);
        struct read_request r = encoded(second);
        size_t count = r.count;
        free(r.samples);
        assert_int_equal(count, 0);
    }
}

/* --- the taker ---------------------------------------------------------------------------------------------------- */

/* The OpenMetrics text once more, from what a taker gets. */
struct retold {
    FILE *out;
    const char *family;
    size_t families, samples, exemplars;
};

static void retell_family(void *context, const char *name, enum metric_type type, const char *help) {
    struct retold *r = context;
    (void)type;
    assert_true(*help);
    r->family = name;
    r->families++;
}

static void put_escaped(FILE *out, const char *value) {
    char plain[4096];
    size_t len = exposition_plain_value(value, plain, sizeof plain);
    for (size_t i = 0; i < len; i++)
        if (plain[i] == '\n')
            fputs("\\n", out);
        else
            fprintf(out, "%s%c", plain[i] == '"' || plain[i] == '\\' ? "\\" : "", plain[i]);
}

static void retell_sample(void *context, const char *suffix, const struct metric_label *labels, size_t count,
                          double value, const struct exemplar *exemplar) {
    struct retold *r = context;
    bool shown = strncmp(r->family, "process_", 8) != 0; /* read anew each time */
    r->samples++;
    if (!shown)
        return;
    fprintf(r->out, "%s%s", r->family, suffix);
    for (size_t i = 0; i < count; i++) {
        fprintf(r->out, "%s%s=\"", i ? "," : "{", labels[i].name);
        put_escaped(r->out, labels[i].value ? labels[i].value : "");
        fputc('"', r->out);
    }
    fprintf(r->out, "%s %.17g", count ? "}" : "", value);
    if (exemplar)
        fprintf(r->out, " # {message_hash=\"%016llx\"} %.17g %.17g", (unsigned long long)exemplar->message,
                exemplar->value, (double)exemplar->time_ms / 1000);
    fputc('\n', r->out);
    r->exemplars += exemplar != NULL;
}

/* Numbers get one form: the sample's, and those of its exemplar. */
static void put_plain(FILE *out, const char *line, size_t n) {
    const char *exemplar = memmem(line, n, " # {", 4);
    size_t len = exemplar ? (size_t)(exemplar - line) : n;
    const char *blank = memrchr(line, ' ', len);
    assert_non_null(blank);
    fprintf(out, "%.*s %.17g", (int)(blank - line), line, strtod(blank, NULL));
    if (exemplar) {
        const char *end = memchr(exemplar, '}', n - len);
        char *time;
        double value = strtod(end + 1, &time);
        fprintf(out, "%.*s %.17g %.17g", (int)(end + 1 - exemplar), exemplar, value, strtod(time, NULL));
    }
    fputc('\n', out);
}

static char *plain_samples(const char *text) {
    char *to = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&to, &len);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        if (*line != '#' && n && strncmp(line, "process_", 8) != 0)
            put_plain(out, line, n);
        line += n + (line[n] == '\n');
    }
    fclose(out);
    return to;
}

static const struct exemplar some[] = {
    {0xba7816bf8f01cfea, 1, 1763768070123}, {0x2, 0.07, 1763768070200}, {UINT64_MAX, 0.9, 1763768070100}};

/* Of a counter, and of two buckets. */
static void add_exemplars(struct snapshot *s, struct detail_row *detail) {
    struct view_row *row = &s->both.rows[0];
    assert_true(s->both.count && !s->detail_count);
    *detail = (struct detail_row){DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "gmail", 3, 0, &some[0]};
    s->details = detail;
    s->detail_count = 1;
    row->tally[PERIOD_NOW].delivery_count[0]++;
    row->tally[PERIOD_NOW].delivery_count[3]++;
    row->deliveries[0] = &some[1];
    row->deliveries[3] = &some[2];
}

static void a_taker_gets_what_the_text_shows(void **state) {
    (void)state;
    struct rich *rich = rich_snapshot(20);
    struct detail_row detail;
    const struct snapshot *s = &rich->s;
    char *text, *told;
    add_exemplars(&rich->s, &detail);
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(openmetrics_write(out, s, &err)));
    struct retold r = {0};
    const struct exposition_taker taker = {&r, retell_family, retell_sample, NULL};
    MADE_UP_TEXT(told, (r.out = out, prometheus_feed(&taker, s)));
    char *want = plain_samples(text), *got = plain_samples(told);
    assert_true(r.samples > 100 && r.families > 30);
    assert_int_equal(r.exemplars, 3);
    assert_string_equal(got, want);
    free(want);
    free(got);
    free(text);
    free(told);
    free(rich);
}

struct whole {
    size_t samples, histograms, exemplars;
    uint64_t counted;
};

static void see_family(void *context, const char *name, enum metric_type type, const char *help) {
    (void)context, (void)name, (void)type, (void)help;
}

static void see_sample(void *context, const char *suffix, const struct metric_label *labels, size_t count, double value,
                       const struct exemplar *exemplar) {
    struct whole *w = context;
    (void)labels, (void)count, (void)value;
    assert_true(!exemplar || exemplar == &some[0]);
    w->exemplars += exemplar != NULL;
    assert_string_equal(suffix, ""); /* no part of a histogram */
    w->samples++;
}

static void see_histogram(void *context, const struct metric_label *labels, size_t count, const double *bounds,
                          size_t bound_count, const uint64_t *counts, double sum,
                          const struct exemplar *const *exemplars) {
    struct whole *w = context;
    (void)labels, (void)count;
    for (size_t i = 0; exemplars && i <= bound_count; i++)
        if (exemplars[i]) {
            assert_ptr_equal(exemplars[i], i == 0 ? &some[1] : i == 3 ? &some[2] : NULL);
            w->exemplars++;
        }
    assert_true(bound_count && sum >= 0);
    for (size_t i = 1; i < bound_count; i++)
        assert_true(bounds[i] > bounds[i - 1]);
    for (size_t i = 0; i <= bound_count; i++)
        w->counted += counts[i];
    w->histograms++;
}

static void a_taker_may_have_histograms_whole(void **state) {
    (void)state;
    struct rich *rich = rich_snapshot(20);
    struct detail_row detail;
    struct whole w = {0};
    add_exemplars(&rich->s, &detail);
    const struct exposition_taker taker = {&w, see_family, see_sample, see_histogram};
    prometheus_feed(&taker, &rich->s);
    assert_true(w.samples > 100 && w.histograms > 1 && w.counted > 0);
    assert_int_equal(w.exemplars, 3);
    free(rich);
}

/* --- exemplars ---------------------------------------------------------------------------------------------------- */

static void expect_read(const struct read_sample *s, const struct exemplar *x) {
    char labels[128] = "";
    assert_int_equal(s->exemplar.is_one, x != NULL);
    if (!x)
        return;
    snprintf(labels, sizeof labels, "message_hash=%016llx;", (unsigned long long)x->message);
    assert_string_equal(s->exemplar.labels, labels);
    assert_memory_equal(&s->exemplar.value, &x->value, sizeof x->value);
    assert_int_equal(s->exemplar.time_ms, x->time_ms);
}

/* Of the series behind it, and of no other; in the next request neither. */
static void an_exemplar_is_of_the_next_series(void **state) {
    (void)state;
    const struct exemplar late = {UINT64_MAX - 1, 1e-3, INT64_C(253402300799999)};
    const struct exemplar *const of[] = {NULL, &some[0], NULL, &late, &some[0], NULL};
    const struct remote_metadata metadata = {METRIC_COUNTER, "How many.", ""};
    struct remote_sample samples[] = {{1, 1763768080000}, {2, 1763768090000}};
    for (int round = 0; round < 4; round++) {
        bool second = round % 2;
        remote_encode_begin(&encoder, second);
        for (size_t i = 0; i < COUNT(of); i++) {
            char name[8];
            snprintf(name, sizeof name, "n%zu", i);
            struct buf b = labels_of(name, "_total", (struct metric_label[]){{"a", "ba7816bf8f01cfea"}}, 1, NULL, 0);
            if (of[i])
                remote_encode_exemplar(&encoder, of[i]);
            remote_encode_series(&encoder, buf_span(&b), &metadata, samples, COUNT(samples));
            buf_deinit(&b);
        }
        if (round < 2) /* one that no series came for */
            remote_encode_exemplar(&encoder, &some[1]);
        struct read_request r = encoded(second);
        assert_int_equal(r.series, COUNT(of));
        assert_int_equal(r.exemplars, 3);
        for (size_t i = 0; i < COUNT(of); i++) {
            char labels[64];
            snprintf(labels, sizeof labels, "__name__=n%zu_total;a=ba7816bf8f01cfea;", i);
            const struct read_sample *s = &r.samples[2 * i];
            assert_string_equal(s->labels, labels);
            assert_true(s[0].value == 1 && s[1].value == 2);
            assert_int_equal(s[1].time_ms, samples[1].time_ms);
            assert_int_equal(s->type, second ? 1 : 0);
            expect_read(s, of[i]);
        }
        free(r.samples);
    }
}

static void the_last_exemplar_that_was_said_counts(void **state) {
    (void)state;
    struct buf b = labels_of("n", "", NULL, 0, NULL, 0);
    for (int second = 0; second < 2; second++) {
        remote_encode_begin(&encoder, second);
        remote_encode_exemplar(&encoder, &some[1]);
        remote_encode_exemplar(&encoder, &some[0]);
        remote_encode_series(&encoder, buf_span(&b), NULL, &(struct remote_sample){1, 1}, 1);
        struct read_request r = encoded(second);
        assert_int_equal(r.count, 1);
        expect_read(&r.samples[0], &some[0]);
        free(r.samples);
    }
    buf_deinit(&b);
}

/* Histograms with and without one by turns, a stale one among them. */
static void exemplars_of_native_histograms(void **state) {
    (void)state;
    const struct remote_metadata metadata = {METRIC_HISTOGRAM, "How long.", "seconds"};
    static const double bounds[] = {0.1, 1};
    struct buf form;
    buf_init(&form, 1 << 16);
    assert_true(remote_histogram_append(&form, bounds, 2, (uint64_t[]){1, 2, 3}, 4.5));
    remote_encode_begin(&encoder, true);
    for (size_t i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%zu_seconds", i);
        struct buf b = labels_of(name, "", NULL, 0, NULL, 0);
        if (i % 2)
            remote_encode_exemplar(&encoder, &some[i / 2]);
        remote_encode_histogram(&encoder, buf_span(&b), &metadata, i == 5 ? (struct span){0} : buf_span(&form),
                                1763768080000 + (int64_t)i);
        buf_deinit(&b);
    }
    struct read_request r = encoded(true);
    assert_int_equal(r.count, 6);
    for (size_t i = 0; i < 6; i++) {
        expect_read(&r.samples[i], i % 2 ? &some[i / 2] : NULL);
        assert_true(r.samples[i].histogram.is_one);
        assert_int_equal(r.samples[i].histogram.count, i == 5 ? 0 : 6);
        assert_int_equal(r.samples[i].time_ms, 1763768080000 + (int64_t)i);
        assert_string_equal(r.samples[i].unit, "seconds");
    }
    free(r.samples);
    buf_deinit(&form);
}

static void units_are_told_by_names(void **state) {
    (void)state;
    assert_string_equal(exposition_unit("ses_delivery_seconds", METRIC_HISTOGRAM), "seconds");
    assert_string_equal(exposition_unit("x_cpu_seconds_total", METRIC_COUNTER), "seconds");
    assert_string_equal(exposition_unit("ses_rate_ratio", METRIC_GAUGE), "ratio");
    assert_string_equal(exposition_unit("ses_events_total", METRIC_COUNTER), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_sorted_and_whole),
        cmocka_unit_test(too_many_labels_are_refused_and_long_ones_cut),
        cmocka_unit_test(values_keep_every_bit),
        cmocka_unit_test(second_tells_what_families_mean),
        cmocka_unit_test(many_series),
        cmocka_unit_test(native_histograms_keep_every_bucket),
        cmocka_unit_test(a_native_histogram_ends),
        cmocka_unit_test(a_histogram_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(an_empty_request_can_be_read),
        cmocka_unit_test(a_taker_gets_what_the_text_shows),
        cmocka_unit_test(a_taker_may_have_histograms_whole),
        cmocka_unit_test(an_exemplar_is_of_the_next_series),
        cmocka_unit_test(the_last_exemplar_that_was_said_counts),
        cmocka_unit_test(exemplars_of_native_histograms),
        cmocka_unit_test(units_are_told_by_names),
    };
    return cmocka_run_group_tests(tests, make_encoder, drop_encoder);
}
