/* The report in its three formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "made_up_snapshot.h"
#include "sinks/report.h"
#include "sinks/report_cell.h"
#include "sinks/text.h"

static char *text_of(const struct snapshot *s, struct report_options o) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(report_write(out, s, &o, &err)));
    return text;
}

static void expect(const struct snapshot *s, struct report_options o, const char *expected) {
    char *text = text_of(s, o);
    assert_string_equal(text, expected);
    free(text);
}

static size_t widest_line(const char *text) {
    size_t widest = 0;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        char *copy = strndup(line, len);
        size_t width = report_name_width(copy);
        free(copy);
        assert_true(len == 0 || line[len - 1] != ' ');
        widest = width > widest ? width : widest;
        line += len + (line[len] == '\n');
    }
    return widest;
}

/* Two providers and the simulator, with a period before. */
struct small {
    struct view_row rows[3];
    struct view view;
    struct snapshot s;
};

static void make_small(struct small *m) {
    *m = (struct small){.rows = {{.provider = "gmail"}, {.provider = "simulator"}, {.provider = "other"}}};
    m->rows[0].tally[PERIOD_NOW] = made_up_tally(12000, 600, 0, 25);
    m->rows[0].tally[PERIOD_BEFORE] = made_up_tally(10000, 100, 0, 25);
    m->rows[1].tally[PERIOD_NOW] = made_up_simulator(9, 3);
    m->rows[2].tally[PERIOD_NOW] = made_up_tally(1000, 1, 5, 0);
    m->view = (struct view){.kind = VIEW_PROVIDER, .title = "provider", .rows = m->rows, .count = 3};
    m->s = made_up_snapshot();
    m->s.views = &m->view;
    m->s.view_count = 1;
    m->s.first_ms = 1763768070123;
    m->s.watermark_ms = 1763780000000;
    m->s.accounting = (struct accounting){.read = 13100, .counted = 13000, .duplicate = 98, .objects_done = 1};
    m->s.accounting.malformed[MALFORMED_TRUNCATED] = 2;
    m->s.accounting.bytes_read = 1536;
    m->s.accounting.bytes_decoded = 10 << 20;
}

static void nothing(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    expect(&s, (struct report_options){.format = REPORT_TABLE},
           "Period    no events\nSource    files: 0 objects, 0 B\nRecords   0 read = 0 counted\n");
    char *text = text_of(&s, (struct report_options){.format = REPORT_JSON});
    json_t *root = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "data"), "views")), 0);
    json_decref(root);
    free(text);
}

static void table(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    expect(&m.s, (struct report_options){.format = REPORT_TABLE},
           "Period    2025-11-21 23:34:30 to 2025-11-22 02:53:20 UTC\n"
           "Source    files: 1 object, 1.5 KiB (10.0 MiB decoded)\n"
           "Records   13,100 read = 13,000 counted + 98 duplicate + 2 malformed\n"
           "Malformed 2 truncated\n"
           "\n"
           "PROVIDER     sent  delivered  bounced  complaints  delivery    bounce   perm.  trans.   complaint  opens\n"
           "--------------------------------------------------------------------------------------------------------\n"
           "gmail      12,000     11,400      600           0   95.00 %  ! 5.00 %  3.33 %  1.67 %           -     25\n"
           "other       1,000        999        1           5   99.90 %    0.10 %  0.10 %  0.00 %  !! 0.501 %      0\n"
           "--------------------------------------------------------------------------------------------------------\n"
           "total      13,000     12,399      601           5   95.38 %    4.62 %  3.08 %  1.54 %  !! 0.501 %     25\n"
           "simulator       9          6        3           0         -         -       -       -           -      0\n"
           "\n"
           "!   bounce from 5 %, complaint from 0.1 %: AWS reviews the account\n"
           "!!  bounce from 10 %, complaint from 0.5 %: AWS may pause its sending\n");
}

static void table_compared(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    m.s.has_before = true;
    m.s.from_ms = 1763769600000;
    m.s.to_ms = 1763773200000;
    m.s.before_from_ms = 1763766000000;
    expect(
        &m.s, (struct report_options){.format = REPORT_TABLE, .compare = true},
        "Period    2025-11-22 00:00:00 to 2025-11-22 01:00:00 UTC\n"
        "Compared  with 2025-11-21 23:00:00 to 2025-11-22 00:00:00 UTC (second lines)\n"
        "Source    files: 1 object, 1.5 KiB (10.0 MiB decoded)\n"
        "Records   13,100 read = 13,000 counted + 98 duplicate + 2 malformed\n"
        "Malformed 2 truncated\n"
        "\n"
        "PROVIDER     sent  delivered  bounced  complaints  delivery    bounce     perm.    trans.   complaint  opens\n"
        "------------------------------------------------------------------------------------------------------------\n"
        "gmail      12,000     11,400      600           0   95.00 %  ! 5.00 %    3.33 %    1.67 %           -     25\n"
        "            +20 %      +15 %   +500 %              -4.00 pp  +4.00 pp  +2.66 pp  +1.34 pp                  =\n"
        "other       1,000        999        1           5   99.90 %    0.10 %    0.10 %    0.00 %  !! 0.501 %      0\n"
        "              new        new      new         new\n"
        "------------------------------------------------------------------------------------------------------------\n"
        "total      13,000     12,399      601           5   95.38 %    4.62 %    3.08 %    1.54 %  !! 0.501 %     25\n"
        "            +30 %      +25 %   +501 %         new  -3.62 pp  +3.62 pp  +2.41 pp  +1.21 pp                  =\n"
        "simulator       9          6        3           0         -         -         -         -           -      0\n"
        "              new        new      new\n"
        "\n"
        "!   bounce from 5 %, complaint from 0.1 %: AWS reviews the account\n"
        "!!  bounce from 10 %, complaint from 0.5 %: AWS may pause its sending\n");
}

static void table_cut_to_rows(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    char *text = text_of(&m.s, (struct report_options){.format = REPORT_TABLE, .max_rows = 1});
    assert_non_null(strstr(text, "\n... and 1 more, --format csv shows all\n"));
    assert_null(strstr(text, "\nother"));
    assert_non_null(strstr(text, "\nsimulator "));
    free(text);
}

/* No line of the tables is wider than the terminal, whatever the names; what matters most stays. */
static void table_fits_the_terminal(void **state) {
    (void)state;
    struct view_row rows[3] = {
        {.provider = "gmail", .configuration_set = "a-very-long-name-of-a-configuration-set-that-somebody-chose-2026"},
        {.provider = "\xea\xb0\x80\xeb\x82\x98\xeb\x8b\xa4\xea\xb0\x80\xeb\x82\x98\xeb\x8b\xa4\xea\xb0\x80\xeb\x82\x98",
         .configuration_set = ""},
        {.provider = "a-provider-whose-name-is-very-long-as-well", .configuration_set = "x\x1b[31m\xff"}};
    for (int i = 0; i < 3; i++)
        rows[i].tally[0] = made_up_tally(123456789, 23456789, 1234567, 34567890);
    struct view views[] = {{.kind = VIEW_BOTH, .title = "provider,configuration_set", .rows = rows, .count = 3},
                           {.kind = VIEW_CONFIGURATION_SET, .title = "configuration_set", .rows = rows, .count = 3}};
    struct snapshot s = made_up_snapshot();
    s.views = views;
    s.view_count = 2;
    for (int width = 72; width <= 200; width++) {
        char *text = text_of(&s, (struct report_options){.format = REPORT_TABLE, .width = width});
        assert_true(widest_line(text) <= (size_t)width);
        assert_null(strchr(text, '\x1b'));
        assert_non_null(strstr(text, "!! 19.00 %"));
        free(text);
    }
}

static void colours(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    char *text = text_of(&m.s, (struct report_options){.format = REPORT_TABLE, .colour = true});
    assert_non_null(strstr(text, "\x1b[33m! 5.00 %\x1b[0m"));
    assert_non_null(strstr(text, "\x1b[1;31m!! 0.501 %\x1b[0m"));
    free(text);
}

static void percentages(void **state) {
    (void)state;
    static const struct {
        uint64_t sent, bounced;
        const char *expected;
    } cases[] = {
        {0, 0, "-"},
        {1, 0, "0.00 %"},
        {100000, 1, "<0.01 %"},
        {10000, 1, "0.01 %"},
        {1000, 49, "4.90 %"},
        {1000, 50, "! 5.00 %"},
        {100, 10, "!! 10.00 %"},
        {1, 1, "!! 100.00 %"},
        {1000000, 999999, "!! >99.99 %"},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        struct tally t = made_up_tally(cases[i].sent, cases[i].bounced, 0, 0);
        struct cell cell;
        report_cell_value(COLUMN_BOUNCE_RATE, &t, false, &cell);
        assert_string_equal(cell.text, cases[i].expected);
    }
}

static void changes(void **state) {
    (void)state;
    static const struct {
        uint64_t now, before;
        const char *expected;
    } cases[] = {
        {0, 0, ""},          {5, 5, "="},        {5, 0, "new"},          {0, 5, "-100 %"},
        {112, 100, "+12 %"}, {88, 100, "-12 %"}, {1012, 1000, "+1.2 %"}, {300, 100, "+200 %"},
        {2000, 100, "x20"},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        struct tally t[PERIODS] = {[PERIOD_NOW] = made_up_tally(cases[i].now, 0, 0, 0),
                                   [PERIOD_BEFORE] = made_up_tally(cases[i].before, 0, 0, 0)};
        struct cell cell;
        report_cell_change(COLUMN_SENT, t, false, &cell);
        assert_string_equal(cell.text, cases[i].expected);
    }
}

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t width;
        const char *expected;
    } cases[] = {
        {"gmail", 10, "gmail"},
        {"gmail", 5, "gmail"},
        {"marketing-eu-2026", 12, "marke..-2026"},
        {"\x1b[31mred", 20, "\xef\xbf\xbd[31mred"},
        {"a\xff\xe2\x80\xae"
         "b",
         20,
         "a\xef\xbf\xbd\xef\xbf\xbd"
         "b"},
        {"\xea\xb0\x80\xeb\x82\x98", 4, "\xea\xb0\x80\xeb\x82\x98"},
        {"\xea\xb0\x80\xeb\x82\x98\xeb\x8b\xa4", 5, ".."}, /* no room for half a character */
        {"", 4, ""},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        char *text = NULL;
        size_t width = 0;
        MADE_UP_TEXT(text, width = report_name_print(out, cases[i].name, cases[i].width));
        assert_true(width <= cases[i].width);
        if (strcmp(cases[i].expected, "..") != 0)
            assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void alerts(void **state) {
    (void)state;
    struct alert_row rows[] = {
        {.alertname = "HighComplaintRate",
         .severity = "warning",
         .scope = "configuration_set",
         .provider = "",
         .configuration_set = "news",
         .rate = "complaint",
         .window = "24h",
         .state = ALERT_RESOLVED,
         .active_ms = 1763768000000,
         .fired_ms = 1763768070000,
         .resolved_ms = 1763771000000,
         .value = 0.0025,
         .threshold = 0.001,
         .numerator = 5,
         .denominator = 2000},
        {.alertname = "HighBounceRate",
         .severity = "critical",
         .scope = "provider",
         .provider = "gmail",
         .configuration_set = "",
         .rate = "bounce",
         .window = "1h",
         .state = ALERT_FIRING,
         .active_ms = 1763768000000,
         .fired_ms = 1763768070000,
         .value = 0.137,
         .threshold = 0.1,
         .numerator = 411,
         .denominator = 3000},
        {.alertname = "StreamSilent",
         .severity = "warning",
         .scope = "account",
         .provider = "",
         .configuration_set = "",
         .rate = NULL,
         .window = "1h",
         .summary = "No event came.",
         .state = ALERT_PENDING,
         .active_ms = 1763768000000},
    };
    struct snapshot s = made_up_snapshot();
    s.alerts = rows;
    s.alert_count = MADE_UP_COUNT(rows);
    char *text = text_of(&s, (struct report_options){.format = REPORT_TABLE});
    assert_string_equal(strstr(text, "\nALERTS"),
                        "\n"
                        "ALERTS\n"
                        "critical  HighBounceRate     provider gmail  bounce 13.70 % (411/3,000) over 1h, threshold 10 "
                        "%     2025-11-21 23:34 .. still firing\n"
                        "warning   HighComplaintRate  set news        complaint 0.250 % (5/2,000) over 24h, threshold "
                        "0.1 %  2025-11-21 23:34 .. 2025-11-22 00:23\n"
                        "warning   StreamSilent       account         No event came.                                   "
                        "      pending since 2025-11-21 23:33\n");
    free(text);
    text = text_of(&s, (struct report_options){.format = REPORT_TABLE, .width = 80, .max_rows = 1});
    assert_string_equal(strstr(text, "\nALERTS"), "\n"
                                                  "ALERTS\n"
                                                  "critical  HighBounceRate     provider gmail\n"
                                                  "          bounce 13.70 % (411/3,000) over 1h, threshold 10 %\n"
                                                  "          2025-11-21 23:34 .. still firing\n"
                                                  "... and 2 more, --alerts FILE lists all\n");
    free(text);
}

static void csv(void **state) {
    (void)state;
    struct view_row rows[] = {{.provider = "gmail", .configuration_set = "=cmd|'x'!A1"},
                              {.provider = "other", .configuration_set = "a,\"b\"\r\nc\xff"}};
    rows[0].tally[0] = made_up_tally(8, 2, 0, 3);
    struct view view = {.kind = VIEW_BOTH, .title = "provider,configuration_set", .rows = rows, .count = 2};
    struct snapshot s = made_up_snapshot();
    s.views = &view;
    s.view_count = 1;
    char *text = text_of(&s, (struct report_options){.format = REPORT_CSV, .max_rows = 1});
    assert_string_equal(
        text, "by,provider,configuration_set,name,records_send,records_delivery,records_bounce,records_complaint,"
              "records_reject,records_open,records_click,records_rendering_failure,records_delivery_delay,"
              "records_subscription,records_unknown,recipients_send,recipients_delivery,recipients_bounce,"
              "recipients_complaint,recipients_reject,recipients_open,recipients_click,"
              "recipients_rendering_failure,recipients_delivery_delay,recipients_subscription,recipients_unknown,"
              "delivery_rate,delivery_numerator,delivery_denominator,bounce_rate,bounce_numerator,"
              "bounce_denominator,permanent_bounce_rate,permanent_bounce_numerator,permanent_bounce_denominator,"
              "transient_bounce_rate,transient_bounce_numerator,transient_bounce_denominator,"
              "reputation_bounce_rate,reputation_bounce_numerator,reputation_bounce_denominator,complaint_rate,"
              "complaint_numerator,complaint_denominator,delay_rate,delay_numerator,delay_denominator,reject_rate,"
              "reject_numerator,reject_denominator,rendering_failure_rate,rendering_failure_numerator,"
              "rendering_failure_denominator,unsubscribe_rate,unsubscribe_numerator,unsubscribe_denominator,"
              "open_rate,open_numerator,open_denominator,proxy_open_rate,proxy_open_numerator,proxy_open_denominator,"
              "machine_open_rate,machine_open_numerator,machine_open_denominator,click_rate,click_numerator,"
              "click_denominator,machine_click_rate,machine_click_numerator,machine_click_denominator\r\n"
              "\"provider,configuration_set\",gmail,'=cmd|'x'!A1,,8,6,2,0,0,3,0,0,0,0,0,8,6,2,0,0,3,0,0,0,0,0,0.75,"
              "6,8,0.25,2,8,0.25,2,8,0,0,8,0.25,2,8,,0,0,0,0,8,0,0,8,0,0,8,0,0,6,"
              "0,0,6,0,0,6,0,0,6,0,0,6,0,0,6\r\n"
              "\"provider,configuration_set\",other,\"a,\"\"b\"\"\r\n"
              "c\xef\xbf\xbd\",,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,,0,0,,0,0,,0,0,,0,0,,0,0,,0,0,,0,0,,0,"
              "0,,0,0,,0,0,,0,0,,0,0,,0,0,,0,0,,0,0\r\n");
    free(text);
}

static void csv_compared_has_as_many_cells_as_names(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    m.s.has_before = true;
    char *text = text_of(&m.s, (struct report_options){.format = REPORT_CSV, .compare = true});
    size_t cells = 0, lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        size_t n = 1;
        for (const char *p = line; *p; p++)
            n += *p == ',';
        assert_true(lines == 0 || n == cells);
        cells = n;
    }
    assert_int_equal(lines, 4);
    assert_int_equal(cells, 4 + 2 * (2 * EVENT_TYPES + 3 * RATES) + EVENT_TYPES + RATES);
    free(text);
}

static json_t *rate_of(json_t *row, const char *rate) {
    return json_object_get(json_object_get(row, "rates"), rate);
}

static void json(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    m.rows[2].provider = "a\"b\\\n\xff\xe2\x80\xae";
    m.rows[2].tally[0].records[EVENT_CLICK] = INT64_MAX;
    m.s.has_before = true;
    m.s.before_from_ms = 1763766000000;
    char *text = text_of(&m.s, (struct report_options){.format = REPORT_JSON, .compare = true, .max_rows = 1});
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "status")), "success");
    json_t *data = json_object_get(root, "data"), *period = json_object_get(data, "period");
    assert_true(json_is_null(json_object_get(period, "from")));
    assert_string_equal(json_string_value(json_object_get(period, "first")), "2025-11-21T23:34:30.123Z");
    json_t *accounting = json_object_get(data, "accounting");
    assert_int_equal(json_integer_value(json_object_get(accounting, "read")), 13100);
    assert_int_equal(json_integer_value(json_object_get(accounting, "malformed")), 2);
    json_t *view = json_array_get(json_object_get(data, "views"), 0), *rows = json_object_get(view, "rows");
    assert_string_equal(json_string_value(json_object_get(view, "by")), "provider");
    assert_int_equal(json_array_size(rows), 3); /* max_rows is for the table */
    json_t *gmail = json_array_get(rows, 0), *simulator = json_array_get(rows, 1), *odd = json_array_get(rows, 2);
    assert_null(json_object_get(gmail, "configuration_set")); /* the view has none */
    json_t *bounce = rate_of(gmail, "bounce");
    assert_true(json_number_value(json_object_get(bounce, "value")) == 0.05);
    assert_int_equal(json_integer_value(json_object_get(bounce, "numerator")), 600);
    assert_int_equal(json_integer_value(json_object_get(bounce, "denominator")), 12000);
    assert_true(json_is_null(json_object_get(rate_of(gmail, "complaint"), "value")));
    assert_int_equal(json_integer_value(json_object_get(rate_of(gmail, "complaint"), "denominator")), 0);
    assert_true(json_number_value(rate_of(json_object_get(gmail, "change"), "bounce")) == 0.05 - 0.01);
    assert_true(json_number_value(
                    json_object_get(json_object_get(json_object_get(gmail, "change"), "recipients"), "send")) == 0.2);
    assert_true(json_is_null(rate_of(json_object_get(odd, "change"), "bounce")));
    assert_true(json_is_null(json_object_get(rate_of(simulator, "delivery"), "value")));
    assert_string_equal(json_string_value(json_object_get(odd, "provider")), "a\"b\\\n\xef\xbf\xbd\xe2\x80\xae");
    assert_true(json_integer_value(json_object_get(json_object_get(odd, "records"), "click")) == INT64_MAX);
    json_decref(root);
    free(text);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    for (int format = REPORT_TABLE; format <= REPORT_CSV; format++) {
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        setvbuf(full, NULL, _IONBF, 0);
        struct err err = {0};
        assert_false(report_write(full, &m.s, &(struct report_options){.format = (enum report_format)format}, &err));
        assert_string_equal(err.text, "cannot write the report: No space left on device");
        fclose(full);
    }
}

static void numbers_and_times(void **state) {
    (void)state;
    char out[TEXT_TIME_SIZE];
    text_time(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z");
    text_time(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
    text_time(INT64_MIN, out); /* some text, no crash */
    text_time(INT64_MAX, out);
    text_time_plain(1763768070123, out);
    assert_string_equal(out, "2025-11-21 23:34:30");
    char number[TEXT_NUMBER_SIZE];
    text_count(UINT64_MAX, number);
    assert_string_equal(number, "18,446,744,073,709,551,615");
    text_count(999, number);
    assert_string_equal(number, "999");
    text_bytes(1536, number);
    assert_string_equal(number, "1.5 KiB");
    text_bytes(UINT64_MAX, number);
    assert_string_equal(number, "16.0 EiB");
    text_double(0.1, number);
    assert_string_equal(number, "0.1");
    text_double(1.0 / 3, number);
    assert_true(strtod(number, NULL) == 1.0 / 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(table),
        cmocka_unit_test(table_compared),
        cmocka_unit_test(table_cut_to_rows),
        cmocka_unit_test(table_fits_the_terminal),
        cmocka_unit_test(colours),
        cmocka_unit_test(percentages),
        cmocka_unit_test(changes),
        cmocka_unit_test(names),
        cmocka_unit_test(alerts),
        cmocka_unit_test(csv),
        cmocka_unit_test(csv_compared_has_as_many_cells_as_names),
        cmocka_unit_test(json),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(numbers_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
