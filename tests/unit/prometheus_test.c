/* The metrics as text: the whole page of a small snapshot, and hostile names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "openmetrics_reader.h"
#include "rich_snapshot.h"
#include "sinks/exposition.h"
#include "sinks/prometheus.h"
#include "version.h"

static char *text_of(const struct snapshot *s) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(prometheus_write(out, s, &err)));
    return text;
}

/* The samples of one family, without HELP and TYPE. Returns new. */
static char *family_of(const char *text, const char *name) {
    char type[96];
    snprintf(type, sizeof type, "# TYPE %s ", name);
    const char *from = strstr(text, type);
    assert_non_null(from);
    from = strchr(from, '\n') + 1;
    const char *to = strstr(from, "# HELP");
    return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

static void expect_family(const struct snapshot *s, const char *name, const char *expected) {
    char *text = text_of(s), *family = family_of(text, name);
    assert_string_equal(family, expected);
    free(family);
    free(text);
}

static void escapes(void **state) {
    (void)state;
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"plain", "m{l=\"plain\"} 1\n"},
        {"", "m{l=\"\"} 1\n"},
        {NULL, "m{l=\"\"} 1\n"},
        {"a\"b\\c\nd", "m{l=\"a\\\"b\\\\c\\nd\"} 1\n"},
        {"\xea\xb0\x80{},=", "m{l=\"\xea\xb0\x80{},=\"} 1\n"},
        {"\xff\x01\x7f", "m{l=\"\\\\xff\\\\x01\\\\x7f\"} 1\n"},
        {"\xed\xa0\x80", "m{l=\"\\\\xed\\\\xa0\\\\x80\"} 1\n"}, /* a surrogate */
        {"\xc0\xaf", "m{l=\"\\\\xc0\\\\xaf\"} 1\n"},            /* an overlong slash */
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        char *text = NULL;
        MADE_UP_TEXT(text, struct exposition e = {.out = out}; e.family = "m";
                     exposition_u64(&e, &(struct metric_label){"l", cases[i].value}, 1, 1));
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
    char *text = NULL;
    MADE_UP_TEXT(text, struct exposition e = {.out = out}; exposition_begin(&e, "m", METRIC_GAUGE, "a\\b\nc\"d"));
    assert_string_equal(text, "# HELP m a\\\\b\\nc\"d\n# TYPE m gauge\n");
    free(text);
}

static void events_are_summed_over_providers(void **state) {
    (void)state;
    struct view_row rows[3] = {{.provider = "yahoo", .configuration_set = "b"},
                               {.provider = "gmail", .configuration_set = "b"},
                               {.provider = "gmail", .configuration_set = "a"}};
    rows[0].tally[0].records[EVENT_SEND] = 1;
    rows[1].tally[0].records[EVENT_SEND] = 20;
    rows[2].tally[0].records[EVENT_UNKNOWN] = 300;
    rows[1].tally[0].recipients[EVENT_SEND] = 25;
    struct snapshot s = made_up_snapshot();
    s.both = (struct view){.kind = VIEW_BOTH, .rows = rows, .count = 3};
    expect_family(&s, "ses_events_total",
                  "ses_events_total{event_type=\"send\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"delivery\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"bounce\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"complaint\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"reject\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"open\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"click\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"rendering_failure\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"delivery_delay\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"subscription\",configuration_set=\"a\"} 0\n"
                  "ses_events_total{event_type=\"unknown\",configuration_set=\"a\"} 300\n"
                  "ses_events_total{event_type=\"send\",configuration_set=\"b\"} 21\n"
                  "ses_events_total{event_type=\"delivery\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"bounce\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"complaint\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"reject\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"open\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"click\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"rendering_failure\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"delivery_delay\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"subscription\",configuration_set=\"b\"} 0\n"
                  "ses_events_total{event_type=\"unknown\",configuration_set=\"b\"} 0\n");
    char *text = text_of(&s);
    assert_non_null(
        strstr(text, "ses_recipients_total{event_type=\"send\",configuration_set=\"b\",provider=\"gmail\"} 25\n"));
    free(text);
}

static void details(void **state) {
    (void)state;
    struct detail_row rows[] = {
        {DETAIL_BOUNCE, "Transient", "General", "a", "gmail", 2},
        {DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "gmail", 3},
        {DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "gmail", 4}, /* twice the same: one series */
        {DETAIL_COMPLAINT, "abuse", NULL, "", "yahoo", 5},
        {DETAIL_DELAY, "MailboxFull", NULL, "a", "other", 6},
        {DETAIL_SUBSCRIPTION, "opt_out", "UnsubscribeHeader", "a", NULL, 7},
        {DETAIL_REJECT, "Bad content", NULL, "a", NULL, 8},
        {DETAIL_RENDERING_FAILURE, "welcome \"x\"", NULL, "a", NULL, 9},
        {DETAIL_BOUNCE_REASON, "mailbox_full", NULL, "a", "gmail", 10},
        {DETAIL_DELAY_REASON, "throttled", NULL, "a", "gmail", 11},
        {DETAIL_OPEN, "proxy", NULL, "a", "gmail", 12},
        {DETAIL_CLICK, "human", NULL, "a", "gmail", 13},
        {DETAIL_UNIQUE_OPEN, "human", NULL, "a", "gmail", 14},
        {DETAIL_UNIQUE_CLICK, "machine", NULL, "a", "gmail", 15},
    };
    struct snapshot s = made_up_snapshot();
    s.details = rows;
    s.detail_count = MADE_UP_COUNT(rows);
    expect_family(&s, "ses_bounces_total",
                  "ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype=\"NoEmail\",configuration_set=\"a\","
                  "provider=\"gmail\"} 7\n"
                  "ses_bounces_total{bounce_type=\"Transient\",bounce_subtype=\"General\",configuration_set=\"a\","
                  "provider=\"gmail\"} 2\n");
    expect_family(&s, "ses_complaints_total",
                  "ses_complaints_total{feedback_type=\"abuse\",configuration_set=\"\",provider=\"yahoo\"} 5\n");
    expect_family(
        &s, "ses_delivery_delays_total",
        "ses_delivery_delays_total{delay_type=\"MailboxFull\",configuration_set=\"a\",provider=\"other\"} 6\n");
    expect_family(&s, "ses_subscription_changes_total",
                  "ses_subscription_changes_total{change=\"opt_out\",source=\"UnsubscribeHeader\","
                  "configuration_set=\"a\"} 7\n");
    expect_family(&s, "ses_rejects_total", "ses_rejects_total{reason=\"Bad content\",configuration_set=\"a\"} 8\n");
    expect_family(&s, "ses_rendering_failures_total",
                  "ses_rendering_failures_total{template=\"welcome \\\"x\\\"\",configuration_set=\"a\"} 9\n");
    static const char *const others[][2] = {
        {"ses_bounce_reasons_total", "{reason=\"mailbox_full\",configuration_set=\"a\",provider=\"gmail\"} 10\n"},
        {"ses_delay_reasons_total", "{reason=\"throttled\",configuration_set=\"a\",provider=\"gmail\"} 11\n"},
        {"ses_opens_total", "{agent=\"proxy\",configuration_set=\"a\",provider=\"gmail\"} 12\n"},
        {"ses_clicks_total", "{agent=\"human\",configuration_set=\"a\",provider=\"gmail\"} 13\n"},
        {"ses_unique_opens_total", "{agent=\"human\",configuration_set=\"a\",provider=\"gmail\"} 14\n"},
        {"ses_unique_clicks_total", "{agent=\"machine\",configuration_set=\"a\",provider=\"gmail\"} 15\n"},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(others); i++) {
        char series[200];
        snprintf(series, sizeof series, "%s%s", others[i][0], others[i][1]);
        expect_family(&s, others[i][0], series);
    }
}

static void delivery_times_are_cumulative(void **state) {
    (void)state;
    struct view_row row = {.provider = "gmail", .configuration_set = "a"};
    row.tally[0].recipients[EVENT_DELIVERY] = 7;
    row.tally[0].delivery_count[0] = 1;
    row.tally[0].delivery_count[4] = 2;
    row.tally[0].delivery_count[DELIVERY_BUCKETS - 1] = 3; /* and one without a time */
    row.tally[0].delivery_ms_sum = 123456789;
    struct snapshot s = made_up_snapshot();
    s.both = (struct view){.kind = VIEW_BOTH, .rows = &row, .count = 1};
#define BUCKET(le, n) "ses_delivery_seconds_bucket{configuration_set=\"a\",provider=\"gmail\",le=\"" le "\"} " n "\n"
    expect_family(
        &s, "ses_delivery_seconds",
        BUCKET("0.1", "1") BUCKET("0.25", "1") BUCKET("0.5", "1") BUCKET("1", "1") BUCKET("2.5", "3") BUCKET("5", "3")
            BUCKET("10", "3") BUCKET("30", "3") BUCKET("60", "3") BUCKET("300", "3") BUCKET("900", "3")
                BUCKET("1800", "3") BUCKET("3600", "3") BUCKET("14400", "3") BUCKET(
                    "+Inf", "6") "ses_delivery_seconds_sum{configuration_set=\"a\",provider=\"gmail\"} 123456.789\n"
                                 "ses_delivery_seconds_count{configuration_set=\"a\",provider=\"gmail\"} 6\n");
}

static void an_absent_rate_has_its_numbers_only(void **state) {
    (void)state;
    struct window_row rows[] = {
        {WINDOW_1H, BASIS_EVENT, "identity", "", "", "example.com", {{[COUNT_SENT] = 3, [COUNT_BOUNCED] = 1}}},
    };
    struct snapshot s = made_up_snapshot();
    s.windows = rows;
    s.window_count = 1;
    char *text = text_of(&s);
#define RATE(name)                                                                                                     \
    "{rate=\"" name "\",window=\"1h\",basis=\"event\",scope=\"identity\",provider=\"\","                               \
    "configuration_set=\"\",identity=\"example.com\"} "
    assert_non_null(strstr(text, "ses_rate_ratio" RATE("bounce") "0.3333333333333333\n"));
    assert_non_null(strstr(text, "ses_rate_numerator" RATE("bounce") "1\n"));
    assert_non_null(strstr(text, "ses_rate_denominator" RATE("bounce") "3\n"));
    assert_null(strstr(text, "ses_rate_ratio" RATE("complaint")));
    assert_non_null(strstr(text, "ses_rate_denominator" RATE("complaint") "0\n"));
    free(text);
}

static void an_alert_is_one_series(void **state) {
    (void)state;
    struct alert_row rows[] = {
        {.alertname = "A", .severity = "warning", .scope = "provider", .provider = "x", .state = ALERT_FIRING},
        {.alertname = "A", .severity = "warning", .scope = "provider", .provider = "x", .state = ALERT_RESOLVED},
        {.alertname = "A", .severity = "warning", .scope = "account", .provider = "", .state = ALERT_PENDING},
    };
    struct snapshot s = made_up_snapshot();
    s.alerts = rows;
    s.alert_count = MADE_UP_COUNT(rows);
    expect_family(&s, "ses_alert_firing",
                  "ses_alert_firing{alert=\"A\",severity=\"warning\",scope=\"account\",provider=\"\","
                  "configuration_set=\"\"} 0\n"
                  "ses_alert_firing{alert=\"A\",severity=\"warning\",scope=\"provider\",provider=\"x\","
                  "configuration_set=\"\"} 1\n");
}

static void about_itself(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    struct source_row sources[2] = {{.name = "files", .kind = "files"}, {.name = "other", .kind = "kafka"}};
    struct accounting *a = &sources[0].accounting;
    *a = (struct accounting){.read = UINT64_MAX, .counted = 2, .duplicate = 3, .late = 4, .future = 5};
    a->filtered = 6;
    a->bytes_read = 7;
    a->bytes_decoded = 8;
    a->malformed[MALFORMED_BAD_TIME] = 9;
    a->objects_unreadable = 10;
    sources[1].accounting.counted = 13;
    s.sources = sources;
    s.source_count = 2;
    s.series = 11;
    s.overflow_tag = 12;
    s.watermark_ms = 1763768070123;
    s.last_event_ms[EVENT_OPEN] = 1763768070000;
    char *text = text_of(&s);
    static const char *const lines[] = {
        "\nses_collector_records_read_total{source=\"files\"} 18446744073709551615\n",
        "\nses_collector_records_counted_total{source=\"files\"} 2\n",
        "\nses_collector_events_duplicate_total{source=\"files\"} 3\n",
        "\nses_collector_events_late_total{source=\"files\"} 4\n",
        "\nses_collector_events_future_total{source=\"files\"} 5\n",
        "\nses_collector_records_filtered_total{source=\"files\"} 6\n",
        "\nses_collector_bytes_read_total{source=\"files\"} 7\n",
        "\nses_collector_bytes_decoded_total{source=\"files\"} 8\n",
        "\nses_collector_records_malformed_total{source=\"files\",reason=\"bad_time\"} 9\n",
        "\nses_collector_records_malformed_total{source=\"files\",reason=\"truncated\"} 0\n",
        "\nses_collector_objects_read_total{source=\"files\",result=\"unreadable\"} 10\n",
        "\nses_collector_records_counted_total{source=\"other\"} 13\n",
        "\nses_collector_records_malformed_total{source=\"other\",reason=\"truncated\"} 0\n",
        "\nses_collector_objects_read_total{source=\"other\",result=\"done\"} 0\n",
        "\nses_collector_series 11\n",
        "\nses_collector_label_overflow_total{label=\"tag\"} 12\n",
        "\nses_collector_watermark_timestamp_seconds 1763768070.123\n",
        "\nses_collector_last_event_timestamp_seconds{event_type=\"open\"} 1763768070\n",
        "\nses_collector_build_info{version=\"" SES_COLLECTOR_VERSION "\"} 1\n",
    };
    for (size_t i = 0; i < MADE_UP_COUNT(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("missing: %s", lines[i]);
    assert_null(strstr(text, "event_type=\"send\""));
    assert_null(strstr(text, "ses_collector_ready")); /* that is the service's */
    assert_null(strstr(text, "process_"));
    free(text);
}

static void about_the_service(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *text = text_of(&r->s);
    static const char *const lines[] = {
        "\nses_collector_ready 1\n",
        "\nses_collector_behind 0\n",
        "\nses_collector_state_writable 1\n",
        "\nses_collector_state_bytes 52428800\n",
        "\nses_collector_commit_seconds_bucket{le=\"0.0025\"} 0\n",
        "\nses_collector_commit_seconds_bucket{le=\"0.005\"} 4000\n",
        "\nses_collector_commit_seconds_bucket{le=\"5\"} 5000\n",
        "\nses_collector_commit_seconds_bucket{le=\"+Inf\"} 5001\n",
        "\nses_collector_commit_seconds_sum 31.5\n",
        "\nses_collector_commit_seconds_count 5001\n",
        "\nses_collector_queue_batches{queue=\"counting\"} 2\n",
        "\nses_collector_source_caught_up{source=\"events\"} 1\n",
        "\nses_collector_source_caught_up{source=\"archive\"} 0\n",
        "\nses_collector_dead_letters_total{source=\"events\"} 68\n",
        "\nses_collector_dead_letters_failed_total{source=\"archive\"} 2\n",
        "\nses_collector_kafka_lost_messages_total{source=\"archive\"} 12\n",
        "\nses_collector_kafka_lost_messages_total{source=\"events\"} 0\n",
        "\nses_collector_kafka_lag_messages{source=\"events\",topic=\"ses-events\",partition=\"5\"} 35\n",
        "\nses_collector_config_last_reload_successful 1\n",
        "\nses_collector_config_last_reload_success_timestamp_seconds 1795310070\n",
        "\nses_collector_notifications_total 23\n",
        "\nses_collector_notifications_failed_total 2\n",
        "\nses_collector_notifications_dropped_total 0\n",
        "\nses_collector_notifications_waiting 1\n",
        "\nprocess_start_time_seconds 1795133670\n",
    };
    for (size_t i = 0; i < MADE_UP_COUNT(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("missing: %s", lines[i]);
    /* Not ours, and not known: partitions 2 and 3. A source that is no topic has no messages to lose. */
    assert_null(strstr(text, "topic=\"ses-events\",partition=\"2\""));
    assert_null(strstr(text, "topic=\"ses-events\",partition=\"3\""));
    assert_null(strstr(text, "lost_messages_total{source=\"dumps\"}"));
    free(text);
    free(r);
}

/* What a family of one sample without labels says. */
static double value_of(const char *text, const char *name) {
    char *family = family_of(text, name);
    assert_memory_equal(family, name, strlen(name));
    double value = strtod(family + strlen(name), NULL);
    free(family);
    return value;
}

static void about_the_process(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *text = text_of(&r->s);
    double before = value_of(text, "process_open_fds");
    assert_true(before >= 3 && before < value_of(text, "process_max_fds"));
    assert_true(value_of(text, "process_resident_memory_bytes") > 1 << 20);
    assert_true(value_of(text, "process_virtual_memory_bytes") >= value_of(text, "process_resident_memory_bytes"));
    assert_true(value_of(text, "process_cpu_seconds_total") > 0);
    free(text);
    FILE *one_more = fopen("/dev/null", "r");
    assert_non_null(one_more);
    text = text_of(&r->s);
    assert_true(value_of(text, "process_open_fds") == before + 1);
    fclose(one_more);
    free(text);
    free(r);
}

static char *openmetrics_of(const struct snapshot *s) {
    char *text = NULL;
    MADE_UP_TEXT(text, assert_true(openmetrics_write(out, s, NULL)));
    return text;
}

static void openmetrics_has_its_own_forms(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *text = openmetrics_of(&r->s);
    static const char *const pieces[] = {
        "# TYPE ses_events counter\nses_events_total{",
        "# HELP ses_collector_build Always 1; the labels say what runs.\n# TYPE ses_collector_build info\n"
        "ses_collector_build_info{version=\"" SES_COLLECTOR_VERSION "\"} 1\n",
        "# TYPE ses_delivery_seconds histogram\n# UNIT ses_delivery_seconds seconds\nses_delivery_seconds_bucket{",
        ",le=\"0.1\"}",
        ",le=\"1.0\"}",
        ",le=\"14400.0\"}",
        ",le=\"+Inf\"}",
        "# UNIT ses_rate_ratio ratio\n",
        "# UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total ",
        "# UNIT ses_collector_state_bytes bytes\n",
    };
    for (size_t i = 0; i < MADE_UP_COUNT(pieces); i++)
        if (!strstr(text, pieces[i]))
            fail_msg("missing: %s", pieces[i]);
    assert_null(strstr(text, "_total counter"));
    assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
    free(text);
    text = text_of(&r->s);
    assert_null(strstr(text, "# UNIT"));
    assert_null(strstr(text, "# EOF"));
    assert_null(strstr(text, " info\n"));
    free(text);
    MADE_UP_TEXT(text, struct exposition e = {.out = out}; e.format = EXPOSITION_OPENMETRICS;
                 exposition_begin(&e, "m", METRIC_GAUGE, "a\\b\nc\"d"));
    assert_string_equal(text, "# HELP m a\\\\b\\nc\\\"d\n# TYPE m gauge\n");
    free(text);
    free(r);
}

static void openmetrics_is_right(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(40);
    struct snapshot empty = made_up_snapshot();
    const struct snapshot *const snapshots[] = {&r->s, &empty};
    for (size_t i = 0; i < MADE_UP_COUNT(snapshots); i++) {
        size_t samples;
        char *text = openmetrics_of(snapshots[i]), *problem = openmetrics_check(text, &samples);
        if (problem)
            fail_msg("%s", problem);
        assert_true(samples > (i == 0 ? 5000 : 20));
        free(text);
    }
    free(r);
}

/* --- exemplars ---------------------------------------------------------------------------------------------------- */

/* The lines of `text` that begin with `name`, and each of them ends with its line end. Returns new. */
static char *lines_of(const char *text, const char *name) {
    char *lines = NULL;
    MADE_UP_TEXT(
        lines, for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
            if (strncmp(line, name, strlen(name)) == 0)
                fprintf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
        });
    return lines;
}

static void expect_lines(const char *text, const char *name, const char *expected) {
    char *lines = lines_of(text, name);
    assert_string_equal(lines, expected);
    free(lines);
}

static void exemplars_are_in_openmetrics_only(void **state) {
    (void)state;
    static const struct exemplar bounce = {0xba7816bf8f01cfea, 1, 1763768070123}, old = {0x1f, 1, 1763768070000},
                                 fast = {1, 0.1, 1763768071000}, slow = {UINT64_MAX, 20000.5, 1763768072500};
    struct detail_row details[] = {
        {DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "gmail", 3, 0, &bounce},
        {DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "yahoo", 4, 0, NULL},
        {DETAIL_REJECT, "Bad content", NULL, "a", NULL, 8, 0, &old},
        {DETAIL_REJECT, "Bad content", NULL, "a", NULL, 1, 0, NULL}, /* the same series: it keeps its exemplar */
    };
    struct view_row row = {.provider = "gmail", .configuration_set = "a"};
    row.tally[0].recipients[EVENT_DELIVERY] = row.tally[0].records[EVENT_DELIVERY] = 7;
    row.tally[0].delivery_count[0] = 1;
    row.tally[0].delivery_count[DELIVERY_BUCKETS - 1] = 3;
    row.deliveries[0] = &fast;
    row.deliveries[DELIVERY_BUCKETS - 1] = &slow;
    struct snapshot s = made_up_snapshot();
    s.both = (struct view){.kind = VIEW_BOTH, .rows = &row, .count = 1};
    s.details = details;
    s.detail_count = MADE_UP_COUNT(details);
    char *text = openmetrics_of(&s);
    expect_lines(text, "ses_bounces_total",
                 "ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype=\"NoEmail\",configuration_set=\"a\","
                 "provider=\"gmail\"} 3 # {message_hash=\"ba7816bf8f01cfea\"} 1 1763768070.123\n"
                 "ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype=\"NoEmail\",configuration_set=\"a\","
                 "provider=\"yahoo\"} 4\n");
    expect_lines(
        text, "ses_rejects_total",
        "ses_rejects_total{reason=\"Bad content\",configuration_set=\"a\"} 9 # {message_hash=\"000000000000001f\"} 1 "
        "1763768070\n");
#define DELIVERY "ses_delivery_seconds_bucket{configuration_set=\"a\",provider=\"gmail\",le="
    expect_lines(text, DELIVERY "\"0.1\"",
                 DELIVERY "\"0.1\"} 1 # {message_hash=\"0000000000000001\"} 0.1 1763768071\n");
    expect_lines(text, DELIVERY "\"0.25\"", DELIVERY "\"0.25\"} 1\n");
    expect_lines(text, DELIVERY "\"14400.0\"", DELIVERY "\"14400.0\"} 1\n");
    expect_lines(text, DELIVERY "\"+Inf\"",
                 DELIVERY "\"+Inf\"} 4 # {message_hash=\"ffffffffffffffff\"} 20000.5 1763768072.5\n");
    size_t exemplars;
    char *problem = openmetrics_check_all(text, NULL, &exemplars);
    if (problem)
        fail_msg("%s", problem);
    assert_int_equal(exemplars, 4);
    free(text);
    text = text_of(&s);
    assert_null(strstr(text, "message_hash"));
    assert_null(strstr(text, " # "));
    expect_lines(text, DELIVERY "\"+Inf\"", DELIVERY "\"+Inf\"} 4\n");
    free(text);
}

/* Short enough for the format, whatever it says and wherever it stands. */
static void the_longest_exemplar_is_short_enough(void **state) {
    (void)state;
    const struct exemplar longest = {UINT64_MAX, 4294967.294, INT64_C(253402300799999)};
    struct detail_row details[DETAIL_KINDS];
    for (int kind = 0; kind < DETAIL_KINDS; kind++)
        details[kind] = (struct detail_row){(enum detail_kind)kind, "a", "b", "c", "d", 1, 0, &longest};
    struct view_row row = {.provider = "gmail", .configuration_set = "a"};
    row.tally[0].recipients[EVENT_DELIVERY] = 1;
    row.tally[0].delivery_count[DELIVERY_BUCKETS - 1] = 1;
    row.deliveries[DELIVERY_BUCKETS - 1] = &longest;
    struct snapshot s = made_up_snapshot();
    s.both = (struct view){.kind = VIEW_BOTH, .rows = &row, .count = 1};
    s.details = details;
    s.detail_count = DETAIL_KINDS;
    size_t exemplars;
    char *text = openmetrics_of(&s), *problem = openmetrics_check_all(text, NULL, &exemplars);
    if (problem)
        fail_msg("%s", problem);
    assert_int_equal(exemplars, DETAIL_KINDS + 1);
    assert_non_null(strstr(text, "fff\"} 4294967.294 253402300799.999\n"));
    assert_true(strlen(EXEMPLAR_LABEL) + EXEMPLAR_DIGITS <= 128);
    free(text);
}

/* The reader would see it if it were not. */
static void openmetrics_reader_sees(void **state) {
    (void)state;
#define GAUGE     "# TYPE m gauge\n"
#define HISTOGRAM "# TYPE h histogram\n"
#define COUNTER   "# TYPE c counter\n"
#define HUNDRED   "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {GAUGE "m 1\n# EOF\n", NULL},
        {GAUGE "m{a=\"\",b=\"}\\\"\"} 1\n# EOF\n", NULL},
        {HISTOGRAM "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n# EOF\n", NULL},
        {GAUGE "m 1\n", "no # EOF"},
        {GAUGE "m 1\n# EOF", "a line without an end"},
        {GAUGE "m 1\n# EOF\nm 2\n", "text behind the end"},
        {GAUGE "m 1\n\n# EOF\n", "no sample"},
        {GAUGE "m 1\nm 1\n# EOF\n", "a series comes twice"},
        {GAUGE "m 1 1763768070\n# EOF\n", "a bad value"},
        {GAUGE "m{a=\"\xff\"} 1\n# EOF\n", "not UTF-8"},
        {GAUGE "m{a=\"\\x\"} 1\n# EOF\n", "a bad label value"},
        {GAUGE "m{a=\"} 1\n# EOF\n", "a bad label value"},
        {GAUGE "n 1\n# EOF\n", "a sample outside"},
        {GAUGE "m 1\n# HELP m late\n# EOF\n", "metadata after"},
        {GAUGE "# TYPE n gauge\n" GAUGE "# EOF\n", "a family comes twice"},
        {"# HELP m a \"quote\"\n# EOF\n", "HELP with"},
        {"# UNIT m seconds\n# EOF\n", "a unit"},
        {"# TYPE m counter\nm 1\n# EOF\n", "a name or value"},
        {"# TYPE m_total counter\nm_total 1\n# EOF\n", "a name or value"},
        {HISTOGRAM "h_bucket{le=\"1\"} 1\n# EOF\n", "le is no"},
        {HISTOGRAM "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\n# EOF\n", "buckets that"},
        {HISTOGRAM "h_bucket{le=\"+Inf\"} 2\nh_count 3\n# EOF\n", "_count is not"},
        {COUNTER "c_total 1 # {id=\"a\"} 1 1.5\n# EOF\n", NULL},
        {COUNTER "c_total{a=\" # {\"} 1\n# EOF\n", NULL}, /* a label that looks like one */
        {COUNTER "c_total 1 # {id=\"a\"} 1\n# EOF\n", "an exemplar without value"},
        {COUNTER "c_total 1 # {id=\"a\"} 1 x\n# EOF\n", "an exemplar without value"},
        {COUNTER "c_total 1 # {id=\"a\" } 1 1\n# EOF\n", "a bad exemplar"},
        {COUNTER "c_total 1 # {x=\"" HUNDRED "\",y=\"01234567890123456789012345\"} 1 1\n# EOF\n", NULL},
        {COUNTER "c_total 1 # {x=\"" HUNDRED "\",y=\"012345678901234567890123456\"} 1 1\n# EOF\n",
         "an exemplar that is too long"},
        {GAUGE "m 1 # {id=\"a\"} 1 1\n# EOF\n", "an exemplar where none may be"},
        {HISTOGRAM "h_bucket{le=\"1.0\"} 1 # {a=\"b\"} 1 5\nh_bucket{le=\"+Inf\"} 2 # {a=\"b\"} 1.5 5\n# EOF\n", NULL},
        {HISTOGRAM "h_bucket{le=\"1.0\"} 1 # {a=\"b\"} 1.5 5\n# EOF\n", "an exemplar of another bucket"},
        {HISTOGRAM "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2 # {a=\"b\"} 1 5\n# EOF\n",
         "an exemplar of another bucket"},
        {HISTOGRAM "h_bucket{le=\"+Inf\"} 1\nh_sum 1 # {a=\"b\"} 1 5\n# EOF\n", "an exemplar where none may be"},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        char *problem = openmetrics_check(cases[i].text, NULL);
        if (!cases[i].problem != !problem ||
            (problem && strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0))
            fail_msg("case %zu: %s", i, problem ? problem : "nothing found");
        free(problem);
    }
}

/* promtool is part of Prometheus; where it is not installed this is left out. It reads the text format only. */
static void promtool_finds_nothing(void **state) {
    (void)state;
    if (system("promtool --version >/dev/null 2>&1") != 0)
        skip();
    struct rich *r = rich_snapshot(0);
    struct detail_row detail[] = {{DETAIL_BOUNCE, "other", "other", "\xfe", "gmail", 1},
                                  {DETAIL_RENDERING_FAILURE, "\x01\t\r", NULL, "\\\"", NULL, 1}};
    r->rows[0].configuration_set = "} 1\n# EOF";
    r->s.details = detail;
    r->s.detail_count = MADE_UP_COUNT(detail);
    r->s.last_event_ms[EVENT_SEND] = r->s.watermark_ms;
    FILE *pipe = popen("promtool check metrics 2>&1", "w");
    assert_non_null(pipe);
    assert_true(prometheus_write(pipe, &r->s, NULL));
    assert_int_equal(pclose(pipe), 0);
    free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(events_are_summed_over_providers),
        cmocka_unit_test(details),
        cmocka_unit_test(delivery_times_are_cumulative),
        cmocka_unit_test(an_absent_rate_has_its_numbers_only),
        cmocka_unit_test(an_alert_is_one_series),
        cmocka_unit_test(about_itself),
        cmocka_unit_test(about_the_service),
        cmocka_unit_test(about_the_process),
        cmocka_unit_test(openmetrics_has_its_own_forms),
        cmocka_unit_test(openmetrics_is_right),
        cmocka_unit_test(exemplars_are_in_openmetrics_only),
        cmocka_unit_test(the_longest_exemplar_is_short_enough),
        cmocka_unit_test(openmetrics_reader_sees),
        cmocka_unit_test(promtool_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
