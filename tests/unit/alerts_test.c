/* The list of alerts, as text and as a JSON reader sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "made_up_snapshot.h"
#include "sinks/alerts.h"

static const struct alert_row made_up_alert = {
    .alertname = "HighBounceRate",
    .severity = "critical",
    .scope = "provider",
    .provider = "gmail",
    .configuration_set = "",
    .rate = "bounce",
    .window = "1h",
    .summary = "Too many bounces.",
    .description = "AWS may pause the account.",
    .state = ALERT_FIRING,
    .active_ms = 1763768070123,
    .fired_ms = 1763768100000,
    .value = 0.137,
    .threshold = 0.1,
    .numerator = 411,
    .denominator = 3000,
};

static char *text_of(const struct snapshot *s) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(alerts_write(out, s, &err)));
    return text;
}

static void none(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    char *text = text_of(&s);
    assert_string_equal(text, "{\"status\":\"success\",\"data\":{\"alerts\":[]}}\n");
    free(text);
}

static void one(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    struct alert_row alert = made_up_alert;
    s.alerts = &alert;
    s.alert_count = 1;
    char *text = text_of(&s);
    assert_string_equal(
        text, "{\"status\":\"success\",\"data\":{\"alerts\":[\n"
              "{\"labels\":{\"alertname\":\"HighBounceRate\",\"severity\":\"critical\",\"scope\":\"provider\","
              "\"provider\":\"gmail\",\"configuration_set\":\"\"},"
              "\"annotations\":{\"summary\":\"Too many bounces.\",\"description\":\"AWS may pause the account.\"},"
              "\"state\":\"firing\",\"activeAt\":\"2025-11-21T23:34:30.123Z\",\"firedAt\":\"2025-11-21T23:35:00.000Z\","
              "\"resolvedAt\":null,\"rate\":\"bounce\",\"window\":\"1h\",\"basis\":\"event\",\"value\":0.137,"
              "\"threshold\":0.1,\"numerator\":411,\"denominator\":3000}]}}\n");
    free(text);
}

/* What only some alerts have. */
static void labels_of_some(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    struct alert_row alert = made_up_alert;
    alert.identity = "example.com";
    alert.reason = "reputation_block";
    alert.basis = "sent";
    alert.muted_by = 7;
    s.alerts = &alert;
    s.alert_count = 1;
    char *text = text_of(&s);
    assert_non_null(
        strstr(text, "\"configuration_set\":\"\",\"identity\":\"example.com\",\"reason\":\"reputation_block\"}"));
    assert_non_null(strstr(text, "\"basis\":\"sent\""));
    assert_non_null(strstr(text, "\"denominator\":3000,\"muted_by\":7}"));
    free(text);
}

static void several_with_hostile_names(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    struct alert_row alerts[3] = {made_up_alert, made_up_alert, made_up_alert};
    alerts[0].configuration_set = "a\"b\\c\n\x01\xff\xed\xa0\x80</script>";
    alerts[0].value = NAN;
    alerts[1].state = ALERT_PENDING;
    alerts[1].fired_ms = 0;
    alerts[1].numerator = INT64_MAX;
    alerts[2].state = ALERT_RESOLVED;
    alerts[2].resolved_ms = 1763768160000;
    s.alerts = alerts;
    s.alert_count = 3;
    char *text = text_of(&s);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *list = json_object_get(json_object_get(root, "data"), "alerts");
    assert_int_equal(json_array_size(list), 3);
    json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1), *third = json_array_get(list, 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(first, "labels"), "configuration_set")),
                        "a\"b\\c\n\x01\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</script>");
    assert_true(json_is_null(json_object_get(first, "value")));
    assert_string_equal(json_string_value(json_object_get(second, "state")), "pending");
    assert_true(json_is_null(json_object_get(second, "firedAt")));
    assert_true(json_integer_value(json_object_get(second, "numerator")) == INT64_MAX);
    assert_string_equal(json_string_value(json_object_get(third, "resolvedAt")), "2025-11-21T23:36:00.000Z");
    json_decref(root);
    free(text);
}

/* What only the service knows: the rule's own labels and annotations, the incident, and that it is held. */
static void a_rule_of_the_operators(void **state) {
    (void)state;
    static const struct label_pair labels[] = {
        {"provider", "forged"}, {"severity", "none"}, {"team", "mail"}, {"te\"am", "\n\xff"}, {"zone", NULL}};
    static const struct label_pair annotations[] = {{"runbook_url", "https://example.com/"}, {"summary", "forged"}};
    struct snapshot s = made_up_snapshot();
    struct alert_row alert = made_up_alert;
    alert.labels = labels;
    alert.label_count = MADE_UP_COUNT(labels);
    alert.annotations = annotations;
    alert.annotation_count = MADE_UP_COUNT(annotations);
    alert.incident = UINT64_C(9007199254740993);
    alert.held = true;
    s.alerts = &alert;
    s.alert_count = 1;
    char *text = text_of(&s);
    assert_non_null(strstr(text, "\"provider\":\"gmail\",\"configuration_set\":\"\",\"team\":\"mail\","
                                 "\"te\\\"am\":\"\\n\\ufffd\",\"zone\":null},"));
    assert_non_null(strstr(text, "\"description\":\"AWS may pause the account.\","
                                 "\"runbook_url\":\"https://example.com/\"},"));
    assert_non_null(strstr(text, "\"denominator\":3000,\"held\":true,\"incident\":9007199254740993}]}}\n"));
    assert_null(strstr(text, "forged"));
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_decref(root);
    free(text);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    struct err err = {0};
    assert_false(alerts_write(full, &s, &err));
    assert_string_equal(err.text, "cannot write the list of alerts: No space left on device");
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(one),
        cmocka_unit_test(labels_of_some),
        cmocka_unit_test(several_with_hostile_names),
        cmocka_unit_test(a_rule_of_the_operators),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
