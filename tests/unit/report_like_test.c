/* sinks/report_like: the numbers as AWS shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "aggregate/cells.h"
#include "made_up_snapshot.h"
#include "sinks/report_like.h"

/* --- VDM ---------------------------------------------------------------------------------------------------------- */

/* Two providers, one without a feedback loop, and the period before. */
struct small {
    struct view_row rows[2];
    struct view view;
    struct snapshot s;
};

static struct tally tally_of(uint64_t sent, uint64_t delivered, uint64_t transient, uint64_t permanent,
                             uint64_t feedback, uint64_t complained, uint64_t opens, uint64_t clicks) {
    struct tally t = {0};
    t.rates.n[COUNT_SENT] = sent;
    t.rates.n[COUNT_DELIVERED] = delivered;
    t.rates.n[COUNT_TRANSIENT] = transient;
    t.rates.n[COUNT_PERMANENT] = permanent;
    t.rates.n[COUNT_DELIVERED_FEEDBACK] = feedback;
    t.rates.n[COUNT_COMPLAINED] = complained;
    t.rates.n[COUNT_OPENED] = opens / 2; /* messages opened: not what VDM counts */
    t.recipients[EVENT_OPEN] = opens;
    t.recipients[EVENT_CLICK] = clicks;
    return t;
}

static void make_small(struct small *m) {
    *m = (struct small){.rows = {{.provider = "microsoft"}, {.provider = "gmail"}}};
    m->rows[0].tally[PERIOD_NOW] = tally_of(12000, 11400, 60, 540, 11400, 57, 2850, 114);
    m->rows[0].tally[PERIOD_BEFORE] = tally_of(10000, 9800, 50, 150, 9800, 0, 980, 98);
    m->rows[1].tally[PERIOD_NOW] = tally_of(100000, 99999, 1, 0, 0, 0, 0, 0);
    m->view = (struct view){.kind = VIEW_PROVIDER, .title = "provider", .rows = m->rows, .count = 2};
    m->s = made_up_snapshot();
    m->s.views = &m->view;
    m->s.view_count = 1;
    m->s.has_before = true;
    m->s.from_ms = 1795132800000; /* 2026-11-20 */
    m->s.to_ms = 1795219200000;
    m->s.before_from_ms = 1795046400000;
    m->s.watermark_ms = 1795219199000;
}

static char *vdm(const struct snapshot *s, struct report_options o) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(report_vdm_write(out, s, &o, &err)));
    return text;
}

static void vdm_table(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    char *text = vdm(&m.s, (struct report_options){.format = REPORT_TABLE, .compare = true});
    static const char wanted[] =
        "Period    2026-11-20 00:00:00 to 2026-11-21 00:00:00 UTC\n"
        "Compared  with 2026-11-19 00:00:00 to 2026-11-20 00:00:00 UTC (third lines)\n\n"
        "ISP                              sends  deliveries    delivery   transient   permanent   complaint        "
        "open       click\n"
        "microsoft                       12,000      11,400     95.00 %      0.50 %      4.50 %     0.500 %     "
        "25.00 %      1.00 %\n"
        "                                                                        60         540          57       "
        "2,850         114\n"
        "                               +20.0 %     +16.3 %    -3.00 pp    +0.00 pp    +3.00 pp   +0.500 pp   "
        "+15.00 pp    +0.00 pp\n"
        "gmail                          100,000      99,999    >99.99 %     <0.01 %      0.00 %           -      "
        "0.00 %      0.00 %\n"
        "                                                                         1           0           0           "
        "0           0\n"
        "                                   new         new\n\n"
        "As Virtual Deliverability Manager counts";
    if (strncmp(text, wanted, sizeof wanted - 1) != 0)
        assert_string_equal(text, wanted);
    for (const char *end = text; (end = strchr(end, '\n')); end++)
        assert_true(end == text || end[-1] != ' ');
    free(text);

    text = vdm(&m.s, (struct report_options){.format = REPORT_TABLE, .max_rows = 1});
    assert_null(strstr(text, "gmail"));
    assert_non_null(strstr(text, "... and 1 more"));
    assert_null(strstr(text, "Compared"));
    free(text);
}

static double number_at(json_t *row, const char *path) {
    char copy[100];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *rest = copy, *key; (key = strsep(&rest, "/"));)
        row = json_object_get(row, key);
    assert_true(json_is_number(row) || json_is_null(row));
    return json_is_null(row) ? -1000 : json_number_value(row);
}

static void vdm_json(void **state) {
    (void)state;
    static const struct {
        const char *path;
        double value; /* -1000: null */
    } cases[] = {
        {"volume/sends", 12000},
        {"volume/deliveries", 11400},
        {"rates/delivery/value", 0.95},
        {"rates/transient_bounce/value", 0.005},
        {"rates/transient_bounce/count", 60},
        {"rates/permanent_bounce/value", 0.045},
        {"rates/permanent_bounce/of", 12000},
        {"rates/complaint/value", 0.005},
        {"rates/complaint/of", 11400},
        {"rates/open/value", 0.25},
        {"rates/open/count", 2850},
        {"rates/click/value", 0.01},
        {"before/volume/sends", 10000},
        {"before/rates/open/value", 0.1},
        {"change/volume/sends", 0.2},
        {"change/rates/delivery", -0.03},
        {"change/rates/permanent_bounce", 0.03},
        {"change/rates/open", 0.15},
    };
    struct small m;
    make_small(&m);
    char *text = vdm(&m.s, (struct report_options){.format = REPORT_JSON, .compare = true});
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_t *view = json_array_get(json_object_get(json_object_get(root, "data"), "views"), 0);
    assert_string_equal(json_string_value(json_object_get(view, "by")), "provider");
    json_t *row = json_array_get(json_object_get(view, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "provider")), "microsoft");
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        double value = number_at(row, cases[i].path);
        if (value < cases[i].value - 1e-12 || value > cases[i].value + 1e-12)
            fail_msg("%s is %g", cases[i].path, value);
    }
    row = json_array_get(json_object_get(view, "rows"), 1);
    assert_true(number_at(row, "rates/complaint/value") < -999);
    assert_true(number_at(row, "change/rates/delivery") < -999);
    assert_true(number_at(row, "change/volume/sends") < -999);
    json_decref(root);
    free(text);
}

static void vdm_csv(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    m.rows[0].provider = "=micro,soft";
    char *text = vdm(&m.s, (struct report_options){.format = REPORT_CSV});
    assert_string_equal(
        text, "by,provider,configuration_set,name,sends,deliveries,delivery_rate,delivery_count,delivery_of,"
              "transient_bounce_rate,transient_bounce_count,transient_bounce_of,permanent_bounce_rate,"
              "permanent_bounce_count,permanent_bounce_of,complaint_rate,complaint_count,complaint_of,open_rate,"
              "open_count,open_of,click_rate,click_count,click_of\r\n"
              "provider,\"'=micro,soft\",,,12000,11400,0.95,11400,12000,0.005,60,12000,0.045,540,12000,0.005,57,11400,"
              "0.25,2850,11400,0.01,114,11400\r\n"
              "provider,gmail,,,100000,99999,0.99999,99999,100000,1e-05,1,100000,0,0,100000,,0,0,0,0,99999,0,0,"
              "99999\r\n");
    free(text);
    text = vdm(&m.s, (struct report_options){.format = REPORT_CSV, .compare = true});
    const char *first = strchr(text, '\n') + 1;
    assert_non_null(strstr(first, ",0.2,")); /* the change of sends */
    free(text);
}

static void vdm_dimensions(void **state) {
    (void)state;
    static const enum view_kind kinds[VDM_VIEWS] = {VIEW_ACCOUNT, VIEW_PROVIDER, VIEW_IDENTITY, VIEW_CONFIGURATION_SET};
    for (int i = 0; i < VDM_VIEWS; i++)
        assert_int_equal(vdm_views[i].kind, kinds[i]);
}

/* --- GetSendStatistics -------------------------------------------------------------------------------------------- */

static void minute(struct send_statistics *s, int64_t at, uint32_t sent, uint32_t permanent, uint32_t complained,
                   uint32_t rejected) {
    struct map series;
    map_init(&series, sizeof(struct cell_counts));
    struct cell_counts *c = map_put(&series, CELL_ACCOUNT);
    c->n[COUNT_SENT] = sent;
    c->n[COUNT_PERMANENT] = permanent;
    c->n[COUNT_COMPLAINED] = complained;
    c->n[COUNT_REJECTED] = rejected;
    c->n[COUNT_DELIVERED] = 1; /* deliveries alone are no point */
    ((struct cell_counts *)map_put(&series, CELL_SET | 7))->n[COUNT_SENT] = 1000;
    send_statistics_minute(s, &(struct closed_minute){.minute = at, .series = &series});
    map_deinit(&series);
}

static char *statistics(const struct send_statistics *s, struct report_options o) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(send_statistics_write(out, s, &o, &err)));
    return text;
}

enum { NOVEMBER_20 = 29918880 }; /* minutes: 2026-11-20T00:00Z */

static struct send_statistics *made_statistics(void) {
    struct send_statistics *s = send_statistics_create();
    minute(s, NOVEMBER_20, 1000, 1, 0, 0);
    minute(s, NOVEMBER_20 + 14, 234, 0, 2, 0);
    minute(s, NOVEMBER_20 + 15, 5, 0, 0, 3);
    minute(s, NOVEMBER_20 + 31, 0, 0, 0, 0);
    minute(s, NOVEMBER_20 + 24 * 60 + 59, 0, 4, 0, 0);
    return s;
}

static void statistics_formats(void **state) {
    (void)state;
    struct send_statistics *s = made_statistics();
    char *text = statistics(s, (struct report_options){.format = REPORT_JSON});
    assert_string_equal(text, "{\"SendDataPoints\":[\n"
                              "{\"Timestamp\":\"2026-11-20T00:00:00Z\",\"DeliveryAttempts\":1234,\"Bounces\":1,"
                              "\"Complaints\":2,\"Rejects\":0},\n"
                              "{\"Timestamp\":\"2026-11-20T00:15:00Z\",\"DeliveryAttempts\":5,\"Bounces\":0,"
                              "\"Complaints\":0,\"Rejects\":3},\n"
                              "{\"Timestamp\":\"2026-11-21T00:45:00Z\",\"DeliveryAttempts\":0,\"Bounces\":4,"
                              "\"Complaints\":0,\"Rejects\":0}]}\n");
    free(text);
    text = statistics(s, (struct report_options){.format = REPORT_CSV});
    assert_string_equal(text, "Timestamp,DeliveryAttempts,Bounces,Complaints,Rejects\r\n"
                              "2026-11-20T00:00:00Z,1234,1,2,0\r\n"
                              "2026-11-20T00:15:00Z,5,0,0,3\r\n"
                              "2026-11-21T00:45:00Z,0,4,0,0\r\n");
    free(text);
    text = statistics(s, (struct report_options){.format = REPORT_TABLE, .max_rows = 2});
    static const char table[] = "15 MINUTES (UTC)      attempts       bounces    complaints       rejects\n"
                                "... 1 earlier ones, --rows 0 shows all\n"
                                "2026-11-20 00:15             5             0             0             3\n"
                                "2026-11-21 00:45             0             4             0             0\n"
                                "total                    1,239             5             2             3\n\n"
                                "As GetSendStatistics has it";
    if (strncmp(text, table, sizeof table - 1) != 0)
        assert_string_equal(text, table);
    free(text);
    send_statistics_destroy(s);
    s = send_statistics_create();
    text = statistics(s, (struct report_options){.format = REPORT_JSON});
    assert_string_equal(text, "{\"SendDataPoints\":[]}\n");
    free(text);
    send_statistics_destroy(s);
    send_statistics_destroy(NULL);
}

/* More points than there was room for at first. */
static void a_fortnight(void **state) {
    (void)state;
    struct send_statistics *s = send_statistics_create();
    for (int i = 0; i < 14 * 24 * 60; i++)
        minute(s, NOVEMBER_20 + i, 1, 0, 0, 0);
    char *text = statistics(s, (struct report_options){.format = REPORT_JSON});
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *point;
    json_t *points = json_object_get(root, "SendDataPoints");
    size_t i;
    assert_int_equal(json_array_size(points), 14 * 24 * 4);
    json_array_foreach(points, i, point)
        assert_int_equal(json_integer_value(json_object_get(point, "DeliveryAttempts")), 15);
    json_decref(root);
    free(text);
    send_statistics_destroy(s);
}

static void full_disks(void **state) {
    (void)state;
    struct small m;
    make_small(&m);
    struct send_statistics *s = made_statistics();
    for (int format = REPORT_TABLE; format <= REPORT_CSV; format++) {
        struct report_options o = {.format = (enum report_format)format};
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        setvbuf(full, NULL, _IONBF, 0);
        struct err err = {0};
        assert_false(report_vdm_write(full, &m.s, &o, &err));
        assert_int_equal(err.code, ERR_IO);
        clearerr(full);
        err = (struct err){0};
        assert_false(send_statistics_write(full, s, &o, &err));
        assert_int_equal(err.code, ERR_IO);
        fclose(full);
    }
    send_statistics_destroy(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vdm_table),      cmocka_unit_test(vdm_json),           cmocka_unit_test(vdm_csv),
        cmocka_unit_test(vdm_dimensions), cmocka_unit_test(statistics_formats), cmocka_unit_test(a_fortnight),
        cmocka_unit_test(full_disks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
