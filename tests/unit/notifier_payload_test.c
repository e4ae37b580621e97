/* What is sent, without sending it: the bodies, as a JSON reader sees them, the signature, and the outbox's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/pool.h"
#include "made_up_alert.h"
#include "sinks/alertmanager.h"
#include "sinks/notifier_payload.h"
#include "sinks/notifier_target.h"
#include "sinks/slack.h"
#include "sinks/webhook.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char external[] = "https://ses.example.com/";
static const struct notify_target target = {
    .name = (char *)"pager", .external_url = external, .resend_ms = 60000, .send_resolved = true};

static json_t *parsed(char *text) {
    json_error_t problem;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!json)
        fail_msg("%s in %s", problem.text, text);
    free(text);
    return json;
}

static void assert_json(json_t *json, const char *expected) {
    json_t *other = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(other);
    if (!json_equal(json, other)) {
        char *text = json_dumps(json, JSON_INDENT(1));
        fail_msg("got %s", text);
    }
    json_decref(other);
    json_decref(json);
}

/* --- Bodies ----------------------------------------------------------------------------------------------------- */

#define LABELS                                                                                                         \
    "{\"alertname\":\"HighBounceRate\",\"provider\":\"gmail\",\"scope\":\"provider\",\"severity\":\"critical\","       \
    "\"team\":\"mail\"}"
#define ANNOTATIONS                                                                                                    \
    "{\"runbook_url\":\"https://example.com/runbook\",\"summary\":\"Too many bounces.\","                              \
    "\"description\":\"13.7 % of 3,000 bounced.\"}"
/* Worked out apart, with the FNV-1a of the label set's names and values. */
#define FINGERPRINT "aac191ea4867ef2c"

static void webhook(void **state) {
    (void)state;
    struct alert_row a = made_up_alert(7, "gmail", ALERT_FIRING);
    assert_json(parsed(webhook_body(&target, &a)),
                "{\"version\":\"4\",\"groupKey\":\"{}:{alertname=\\\"HighBounceRate\\\", provider=\\\"gmail\\\", "
                "scope=\\\"provider\\\", severity=\\\"critical\\\", team=\\\"mail\\\"}\",\"truncatedAlerts\":0,"
                "\"status\":\"firing\",\"receiver\":\"pager\",\"groupLabels\":{\"alertname\":\"HighBounceRate\"},"
                "\"commonLabels\":" LABELS ",\"commonAnnotations\":" ANNOTATIONS
                ",\"externalURL\":\"https://ses.example.com/\",\"alerts\":[{\"status\":\"firing\",\"labels\":" LABELS
                ",\"annotations\":" ANNOTATIONS ",\"startsAt\":\"2025-11-21T23:35:00.000Z\","
                "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"https://ses.example.com/\","
                "\"fingerprint\":\"" FINGERPRINT "\"}]}");
    a.state = ALERT_RESOLVED;
    a.resolved_ms = 1763769000000;
    json_t *json = parsed(webhook_body(&target, &a));
    const json_t *alert = json_array_get(json_object_get(json, "alerts"), 0);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "resolved");
    assert_string_equal(json_string_value(json_object_get(alert, "status")), "resolved");
    assert_string_equal(json_string_value(json_object_get(alert, "endsAt")), "2025-11-21T23:50:00.000Z");
    assert_string_equal(json_string_value(json_object_get(alert, "fingerprint")), FINGERPRINT);
    json_decref(json);
}

static void alertmanager(void **state) {
    (void)state;
    struct alert_row a = made_up_alert(7, "gmail", ALERT_FIRING);
    assert_json(alertmanager_alert(&target, &a, 1763768160000),
                "{\"labels\":" LABELS ",\"annotations\":" ANNOTATIONS ",\"startsAt\":\"2025-11-21T23:35:00.000Z\","
                "\"endsAt\":\"2025-11-21T23:40:00.000Z\",\"generatorURL\":\"https://ses.example.com/\"}");
    a.state = ALERT_RESOLVED;
    a.resolved_ms = 1763769000000;
    static const struct {
        int64_t now_ms;
        const char *start, *end;
    } cases[] = {
        {1763769060000, "2025-11-21T23:35:00.000Z", "2025-11-21T23:50:00.000Z"},
        {1763768999000, "2025-11-21T23:35:00.000Z", "2025-11-21T23:49:59.000Z"}, /* event time is ahead of the clock */
        {1763768099000, "2025-11-21T23:34:59.000Z", "2025-11-21T23:34:59.000Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *json = alertmanager_alert(&target, &a, cases[i].now_ms);
        assert_string_equal(json_string_value(json_object_get(json, "startsAt")), cases[i].start);
        assert_string_equal(json_string_value(json_object_get(json, "endsAt")), cases[i].end);
        json_decref(json);
    }
}

static void alertmanager_addresses(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"http://am:9093", "http://am:9093/api/v2/alerts"},
        {"http://am:9093//", "http://am:9093/api/v2/alerts"},
        {"https://h/prefix/", "https://h/prefix/api/v2/alerts"},
        {"http://am:9093/api/v2/alerts", "http://am:9093/api/v2/alerts"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *url = alertmanager_url(cases[i][0]);
        assert_string_equal(url, cases[i][1]);
        free(url);
    }
}

static void slack(void **state) {
    (void)state;
    struct alert_row a = made_up_alert(7, "<b> & co", ALERT_FIRING);
    json_t *json = parsed(slack_body(&target, &a));
    assert_string_equal(json_string_value(json_object_get(json, "text")),
                        ":rotating_light: *Firing:* HighBounceRate (critical), provider &lt;b&gt; &amp; co");
    const json_t *attachment = json_array_get(json_object_get(json, "attachments"), 0);
    assert_string_equal(json_string_value(json_object_get(attachment, "color")), "danger");
    assert_string_equal(json_string_value(json_object_get(attachment, "title_link")), external);
    assert_string_equal(json_string_value(json_object_get(attachment, "text")),
                        "Too many bounces.\n13.7 % of 3,000 bounced.");
    static const char *const values[] = {"critical", "provider &lt;b&gt; &amp; co",
                                         "bounce 13.7 % (411 of 3,000) over 1h, threshold 10 %",
                                         "<!date^1763768100^{date_num} {time_secs}|2025-11-21 23:35:00 UTC>"};
    const json_t *fields = json_object_get(attachment, "fields");
    assert_int_equal(json_array_size(fields), COUNT(values));
    for (size_t i = 0; i < COUNT(values); i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(fields, i), "value")), values[i]);
    json_decref(json);

    a.state = ALERT_RESOLVED;
    a.resolved_ms = 1763769000000;
    json = parsed(slack_body(&target, &a));
    attachment = json_array_get(json_object_get(json, "attachments"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(json, "text")), ":white_check_mark: *Resolved:*"));
    assert_string_equal(json_string_value(json_object_get(attachment, "color")), "good");
    assert_int_equal(json_array_size(json_object_get(attachment, "fields")), COUNT(values) + 1);
    json_decref(json);
}

/* Names from outside may hold anything; texts may be huge or missing. */
static void hostile(void **state) {
    (void)state;
    static char huge[100000];
    memset(huge, '<', sizeof huge - 1);
    static const char *const names[] = {"\"quoted\" \\ {}",
                                        "line\nend\r\t",
                                        "\xff\xfe\xc0\x80 bad",
                                        "\x01\x1b[31m",
                                        "",
                                        "\xf0\x9f\x93\xa7",
                                        huge,
                                        NULL};
    struct label_pair odd[] = {{"1digit", "x"}, {"a-b", "x"}, {"", "x"}, {"ok", "\xff"}, {"ok", "second"}, {"n", NULL}};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct alert_row a = made_up_alert(1, names[i], i % 2 ? ALERT_RESOLVED : ALERT_FIRING);
        a.configuration_set = a.summary = a.description = a.rate = a.window = a.severity = a.scope = names[i];
        a.labels = odd;
        a.label_count = COUNT(odd);
        json_t *json = parsed(webhook_body(&target, &a));
        const json_t *labels = json_object_get(json, "commonLabels");
        assert_string_equal(json_string_value(json_object_get(labels, "ok")), "\xef\xbf\xbd");
        bool empty = !names[i] || !*names[i];
        assert_int_equal(json_object_size(labels), empty ? 2 : 6);
        if (i < 2)
            assert_string_equal(json_string_value(json_object_get(labels, "provider")), names[i]);
        if (i == 2)
            assert_string_equal(json_string_value(json_object_get(labels, "provider")),
                                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd bad");
        json_decref(json);
        json_decref(parsed(slack_body(&target, &a)));
        json_decref(alertmanager_alert(&target, &a, 1763768160000));
    }
}

/* RFC 4231, test case 2. */
static void signature(void **state) {
    (void)state;
    char text[WEBHOOK_SIGNATURE_SIZE];
    webhook_sign("Jefe", SPAN_LIT("what do ya want for nothing?"), text);
    assert_string_equal(text, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* --- The outbox ------------------------------------------------------------------------------------------------- */

static struct notification made_up_notification(void) {
    struct notification n = {.id = 12345678901, .created_ms = 1763768101000};
    n.alert = made_up_alert(UINT64_MAX, "gmail \"x\" \xff", ALERT_RESOLVED);
    n.alert.held = true;
    n.alert.identity = "example.com";
    n.alert.reason = "policy";
    n.alert.basis = "sent";
    n.alert.muted_by = 77;
    n.alert.value = 0.1;
    return n;
}

static void round_trip(void **state) {
    (void)state;
    struct notification n = made_up_notification(), back;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_append_str(&b, "before");
    assert_true(notification_encode(&n, &b));
    assert_memory_equal(b.data, "before{", 7);
    assert_true(notification_decode((struct span){b.data + 6, b.len - 6}, &back));
    assert_int_equal(back.id, n.id);
    assert_int_equal(back.created_ms, n.created_ms);
    const struct alert_row *x = &back.alert, *y = &n.alert;
    assert_string_equal(x->alertname, y->alertname);
    assert_string_equal(x->severity, y->severity);
    assert_string_equal(x->scope, y->scope);
    assert_string_equal(x->provider, "gmail \"x\" \xef\xbf\xbd");
    assert_string_equal(x->configuration_set, "");
    assert_string_equal(x->rate, y->rate);
    assert_string_equal(x->window, y->window);
    assert_string_equal(x->summary, y->summary);
    assert_string_equal(x->description, y->description);
    assert_int_equal(x->state, y->state);
    assert_int_equal(x->active_ms, y->active_ms);
    assert_int_equal(x->fired_ms, y->fired_ms);
    assert_int_equal(x->resolved_ms, y->resolved_ms);
    assert_true(x->value == y->value && x->threshold == y->threshold);
    assert_int_equal(x->numerator, y->numerator);
    assert_int_equal(x->denominator, y->denominator);
    assert_string_equal(x->identity, "example.com");
    assert_string_equal(x->reason, "policy");
    assert_string_equal(x->basis, "sent");
    assert_true(x->incident == UINT64_MAX && x->held && x->muted_by == 77);
    assert_int_equal(x->label_count, y->label_count);
    for (size_t i = 0; i < x->label_count; i++) {
        assert_string_equal(x->labels[i].name, y->labels[i].name);
        assert_string_equal(x->labels[i].value, y->labels[i].value);
    }
    assert_int_equal(x->annotation_count, 1);
    assert_string_equal(x->annotations[0].value, y->annotations[0].value);
    notification_deinit(&back);
    buf_deinit(&b);

    n.alert.value = NAN;
    buf_init(&b, 1 << 20);
    assert_true(notification_encode(&n, &b));
    assert_true(notification_decode(buf_span(&b), &back));
    assert_true(isnan(back.alert.value));
    notification_deinit(&back);
    buf_deinit(&b);
    buf_init(&b, 100); /* too small */
    assert_false(notification_encode(&n, &b));
    buf_deinit(&b);
    n.alert.label_count = PAYLOAD_LABELS_MAX + 1;
    buf_init(&b, 1 << 20);
    assert_false(notification_encode(&n, &b));
    buf_deinit(&b);
}

static bool decodes(const char *text, size_t len) {
    struct notification n;
    bool ok = notification_decode((struct span){text, len}, &n);
    if (ok)
        notification_deinit(&n);
    return ok;
}

static bool decodes_json(const json_t *json) {
    char *text = json_dumps(json, 0);
    bool ok = decodes(text, strlen(text));
    free(text);
    return ok;
}

/* A message that an earlier version left in the outbox. */
static void an_earlier_version(void **state) {
    (void)state;
    static const char *const newer[] = {"identity", "reason", "basis", "muted_by"};
    struct notification n = made_up_notification(), back;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_true(notification_encode(&n, &b));
    json_t *json = json_loadb(b.data, b.len, 0, NULL);
    json_object_set_new(json, "version", json_integer(1));
    assert_false(decodes_json(json));
    for (size_t i = 0; i < COUNT(newer); i++)
        json_object_del(json, newer[i]);
    char *text = json_dumps(json, 0);
    assert_true(notification_decode(span_of(text), &back));
    assert_string_equal(back.alert.identity, "");
    assert_string_equal(back.alert.reason, "");
    assert_string_equal(back.alert.basis, "event");
    assert_true(back.alert.muted_by == 0 && back.alert.incident == UINT64_MAX);
    notification_deinit(&back);
    json_object_set_new(json, "version", json_integer(3));
    assert_false(decodes_json(json));
    free(text);
    json_decref(json);
    buf_deinit(&b);
}

/* Labels that only some alerts have. */
static void labels_of_some(void **state) {
    (void)state;
    struct payload_labels labels;
    struct alert_row a = made_up_alert(1, "gmail", ALERT_FIRING);
    a.identity = "";
    a.reason = "policy";
    payload_labels_of(&a, &labels);
    assert_string_equal(labels.pairs[2].name, "reason");
    assert_string_equal(labels.pairs[2].value, "policy");
    size_t count = labels.count;
    a.identity = "example.com";
    payload_labels_of(&a, &labels);
    assert_int_equal(labels.count, count + 1);
    assert_string_equal(labels.pairs[1].name, "identity");
    char *text = slack_body(&target, &a);
    assert_non_null(strstr(text, "provider gmail, identity example.com, reason policy"));
    free(text);
}

static void strict(void **state) {
    (void)state;
    struct notification n = made_up_notification();
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_true(notification_encode(&n, &b));
    for (size_t len = 0; len < b.len; len++)
        assert_false(decodes(b.data, len));
    json_t *json = json_loadb(b.data, b.len, 0, NULL);
    assert_true(decodes_json(json));
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(json, next, key, value) {
        json_t *other = json_copy(json);
        json_object_del(other, key);
        assert_false(decodes_json(other));
        json_object_set_new(other, "unknown", json_null()); /* one gone, one too many */
        assert_false(decodes_json(other));
        json_decref(other);
        other = json_copy(json);
        json_object_set_new(other, key, json_object()); /* of another type */
        assert_false(decodes_json(other));
        json_decref(other);
    }
    static const char *const odd[] = {"", "null", "[]", "{}", "{\"version\":1}", "\xff"};
    for (size_t i = 0; i < COUNT(odd); i++)
        assert_false(decodes(odd[i], strlen(odd[i])));
    json_object_set_new(json, "state", json_integer(3));
    assert_false(decodes_json(json));
    json_object_set_new(json, "state", json_integer(1));
    assert_true(decodes_json(json));
    json_object_set_new(json, "labels", json_pack("[sss]", "a", "b", "c"));
    assert_false(decodes_json(json));
    json_object_set_new(json, "labels", json_pack("[si]", "a", 1));
    assert_false(decodes_json(json));
    json_decref(json);
    buf_deinit(&b);
}

/* --- Settings --------------------------------------------------------------------------------------------------- */

static void urls(void **state) {
    (void)state;
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"http://127.0.0.1:9093", true},
        {"https://hooks.slack.com/services/T0/B0/x", true},
        {"https://user:pw@host/path?x=1", true},
        {"http://[::1]:9093/", true},
        {"ftp://host/", false},
        {"file:///etc/passwd", false},
        {"gopher://host/", false},
        {"host:9093", false},
        {"http://", false},
        {"http:/host/", false}, /* libcurl takes both */
        {"https:///host/", false},
        {"HTTPS://host", true},
        {"", false},
        {"http://host/\r\nX: y", false},
        {"http://host/a b", false},
        {"http://host:99999/", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        if (http_check_url(cases[i].url, &err) != cases[i].good)
            fail_msg("%s", cases[i].url);
        assert_true(cases[i].good || err.code == ERR_CONFIG);
    }
}

static void target_settings(void **state) {
    (void)state;
    static const struct {
        struct notify_header header;
        const char *reason; /* NULL: it is fine */
    } cases[] = {
        {{(char *)"X-Team", (char *)"mail"}, NULL},
        {{(char *)"X-Empty", (char *)""}, NULL},
        {{(char *)"X-Team", (char *)"secretvalue\r\nX-Other: y"}, "X-Team"},
        {{(char *)"X-Team", (char *)"a\nb"}, "control byte"},
        {{(char *)"X Team", (char *)"a"}, "letters"},
        {{(char *)"X:", (char *)"a"}, "letters"},
        {{(char *)"", (char *)"a"}, "letters"},
        {{(char *)"content-length", (char *)"5"}, "itself"},
        {{(char *)"X-SES-Collector-Signature", (char *)"a"}, "itself"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *url = (char *)"https://host/secretpath";
        struct notify_header header = cases[i].header;
        struct notify_target t = {.kind = NOTIFY_WEBHOOK, .name = (char *)"pager", .urls = &url, .url_count = 1};
        t.headers = &header;
        t.header_count = 1;
        struct err err = {0};
        assert_int_equal(notify_target_check(&t, &err), cases[i].reason == NULL);
        if (cases[i].reason) {
            assert_non_null(strstr(err.text, "pager"));
            assert_non_null(strstr(err.text, cases[i].reason));
            assert_null(strstr(err.text, "secret"));
        }
    }
    struct notify_target none = {.kind = NOTIFY_ALERTMANAGER, .name = (char *)"am"};
    assert_false(notify_target_check(&none, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook),
        cmocka_unit_test(alertmanager),
        cmocka_unit_test(alertmanager_addresses),
        cmocka_unit_test(slack),
        cmocka_unit_test(hostile),
        cmocka_unit_test(signature),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(an_earlier_version),
        cmocka_unit_test(labels_of_some),
        cmocka_unit_test(strict),
        cmocka_unit_test(urls),
        cmocka_unit_test(target_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
