/* sinks/prometheus_rules: every kind of rule as PromQL, what is left out, and texts that mean something to YAML or to
 * Prometheus's templates. Whether Prometheus's alerts then fire where ours do, tests/integration/rules.sh shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "sinks/prometheus_rules.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct provider_table *providers;

static char *written(const struct alert_rule *rules, size_t count, bool verified) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    struct prometheus_rules p = {rules, count, providers, verified};
    assert_true(prometheus_rules_write(&p, out));
    fclose(out);
    return text;
}

static void expect(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("%s\n--- is not in\n%s", part, text);
}

enum {
    ACCOUNT = 1 << SCOPE_ACCOUNT,
    PROVIDER = 1 << SCOPE_PROVIDER,
    SET = 1 << SCOPE_CONFIGURATION_SET,
    IDENTITY = 1 << SCOPE_IDENTITY
};

#define NAMED .name = "X", .severity = "warning", .summary = "s"

static void every_kind(void **state) {
    (void)state;
    static const struct {
        struct alert_rule rule;
        const char *parts[4];
    } cases[] = {
        {{NAMED, .kind = ALERT_RATE_ABOVE, .rate = RATE_BOUNCE, .scopes = ACCOUNT | PROVIDER, .window = 60,
          .window_name = "1h", .threshold = 0.05, .min_volume = 200, .for_minutes = 5, .keep_firing_minutes = 90},
         {"ses_rate_numerator{rate=\"bounce\",window=\"1h\",basis=\"event\",scope=~\"account|provider\"} / "
          "ses_rate_denominator{",
          "} >= 0.05\n", "} >= 200\n", "        for: 5m\n        keep_firing_for: 90m\n"}},
        {{NAMED, .kind = ALERT_RATE_BELOW, .rate = RATE_OPEN, .basis = BASIS_SENT, .scopes = IDENTITY, .window = 0,
          .last_sends = 700, .window_name = "last_700", .threshold = 0.5, .confidence = 0.95},
         {"{rate=\"open\",window=\"last_700\",basis=\"sent\",scope=\"identity\"}", " + 1.64485363 * sqrt(",
          " + 2.70554345) <= 0.5\n", "} >= 1\n"}},
        {{NAMED, .kind = ALERT_RATE_ABOVE, .rate = RATE_COMPLAINT, .scopes = SET, .window = 360, .window_name = "6h",
          .threshold = 0.001},
         {"record: ses:rate_numerator:increase\n        labels: {rate: complaint, window: 6h, basis: event, scope: "
          "configuration_set}",
          "sum by (configuration_set) (increase(ses_complaints_total{feedback_type!~\"OnAccountSuppressionList|not-"
          "spam\",provider!=\"simulator\"}[6h]))",
          "|yahoo|", "ses:rate_numerator:increase{rate=\"complaint\",window=\"6h\""}},
        {{NAMED, .kind = ALERT_SILENCE, .scopes = ACCOUNT, .window = 60, .window_name = "1h", .event = EVENT_TYPES,
          .min_volume = 1000},
         {"sum(increase(ses_events_total[1h])) == 0\n", "and sum(increase(ses_events_total[1h] offset 1h)) >= 1000\n",
          "          scope: account\n", ""}},
        {{NAMED, .kind = ALERT_SILENCE, .scopes = ACCOUNT, .window = 60, .window_name = "1h", .event = EVENT_DELIVERY,
          .min_volume = 50},
         {"sum(increase(ses_events_total{event_type=\"delivery\"}[1h])) == 0\n",
          "and sum(increase(ses_events_total{event_type=\"send\"}[1h])) >= 50\n", " >= 20\n", ""}},
        {{NAMED, .kind = ALERT_CHANGE, .rate = RATE_BOUNCE, .scopes = PROVIDER, .window = 1440, .window_name = "24h",
          .factor = 3, .confidence = 0.95, .min_volume = 7},
         {"offset 4w or 0 * ses_rate_numerator{rate=\"bounce\",window=\"24h\",basis=\"event\",scope=\"provider\"}",
          " >= 3 * (ses:rate_numerator:past_weeks{", "ses:rate_weeks:past_weeks{", "} >= 2\n"}},
        {{NAMED, .kind = ALERT_DROP, .scopes = ACCOUNT, .window = 180, .window_name = "3h", .factor = 0.3,
          .clear = 0.44, .min_volume = 500},
         {"min without (week) (\n", " <= 0.3\n", "} >= 500\n", "it would end only over 44 %"}},
        {{NAMED, .kind = ALERT_NEW_REASON, .scopes = PROVIDER, .window = 360, .window_name = "6h", .factor = 3,
          .threshold = 0.01, .min_volume = 20},
         {"sum by (provider, reason) (increase(ses_bounce_reasons_total{", "[1w] offset 6h", " >= 0.01\n",
          "          scope: provider\n"}},
        {{NAMED, .kind = ALERT_QUOTA_DAY, .scopes = ACCOUNT, .window = 1440, .window_name = "24h", .quota = 50000,
          .threshold = 0.8},
         {"ses_rate_denominator{rate=\"bounce\",window=\"24h\",basis=\"event\",scope=\"account\"} / 50000 >= 0.8\n", "",
          "", ""}},
        {{NAMED, .kind = ALERT_QUOTA_SECOND, .scopes = ACCOUNT, .window = 1, .window_name = "1m", .quota = 14,
          .threshold = 1},
         {"[5m])) / 14 >= 1\n", "Lost: single minutes", "", ""}},
        {{NAMED, .kind = ALERT_RATE_ABOVE, .rate = RATE_BOUNCE, .scopes = ACCOUNT, .window = 60, .window_name = "1h",
          .threshold = 0.05, .brake = {.on = true}},
         {"Prometheus pauses nothing", "", "", ""}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = written(&cases[i].rule, 1, false);
        for (size_t j = 0; j < COUNT(cases[i].parts); j++)
            expect(text, cases[i].parts[j]);
        expect(text, "      - alert: \"X\"\n");
        free(text);
    }
}

static void left_out(void **state) {
    (void)state;
    static const struct {
        struct alert_rule rule;
        bool verified, in_part;
        const char *why;
    } cases[] = {
        {{NAMED, .rate = RATE_DELAY, .scopes = ACCOUNT, .window = 120, .window_name = "2h", .threshold = 0.1},
         false,
         false,
         "first delay"},
        {{NAMED, .rate = RATE_BOUNCE, .basis = BASIS_SENT, .scopes = ACCOUNT, .window = 120, .window_name = "2h",
          .threshold = 0.1},
         false,
         false,
         "by send time"},
        {{NAMED, .rate = RATE_REPUTATION_BOUNCE, .scopes = ACCOUNT, .window = 120, .window_name = "2h",
          .threshold = 0.1},
         true,
         false,
         "verified_domains"},
        {{NAMED, .rate = RATE_BOUNCE, .scopes = IDENTITY, .window = 120, .window_name = "2h", .threshold = 0.1},
         false,
         false,
         "identities"},
        {{NAMED, .rate = RATE_BOUNCE, .scopes = IDENTITY | SET, .window = 120, .window_name = "2h", .threshold = 0.1},
         false,
         true,
         "identities"},
        {{NAMED, .rate = RATE_UNSUBSCRIBE, .scopes = PROVIDER | SET, .window = 120, .window_name = "2h",
          .threshold = 0.1},
         false,
         true,
         "without provider"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = written(&cases[i].rule, 1, cases[i].verified);
        expect(text, cases[i].in_part ? "# \"X\" (\"warning\") in part: " : "# \"X\" (\"warning\") is left out: ");
        expect(text, cases[i].why);
        expect(text, cases[i].in_part ? "- alert: \"X\"" : "rules: []");
        free(text);
    }
    char *text = written(NULL, 0, false);
    expect(text, "    rules: []\n");
    free(text);
}

/* Two severities of a rule share what is recorded. */
static void recorded_once(void **state) {
    (void)state;
    static const struct alert_rule rules[] = {
        {NAMED, .rate = RATE_BOUNCE, .scopes = ACCOUNT, .window = 120, .window_name = "2h", .threshold = 0.1},
        {NAMED, .rate = RATE_BOUNCE, .scopes = ACCOUNT | SET, .window = 120, .window_name = "2h", .threshold = 0.2},
    };
    char *text = written(rules, 2, false);
    size_t records = 0, alerts = 0;
    for (const char *at = text; (at = strstr(at, "- record: ")); at++)
        records++;
    for (const char *at = text; (at = strstr(at, "- alert: ")); at++)
        alerts++;
    assert_int_equal(records, 4); /* two of the account, two of the sets */
    assert_int_equal(alerts, 2);
    free(text);
}

static void hostile_texts(void **state) {
    (void)state;
    static const struct label_pair labels[] = {{"team", "{{ $x \\"}};
    static const struct label_pair annotations[] = {{"description", "a: {{ b }} # \"c\"\n\t\x01"},
                                                    {"runbook_url", "\xe2\x80\xa8\xc2\x85\xff"}};
    struct alert_rule r = {.name = "- {{ 'x' \"y\"",
                           .severity = "a\nb",
                           .summary = "{{{",
                           .rate = RATE_BOUNCE,
                           .scopes = ACCOUNT,
                           .window = 60,
                           .window_name = "1h",
                           .threshold = 0.1,
                           .labels = labels,
                           .label_count = 1,
                           .annotations = annotations,
                           .annotation_count = 2};
    char *text = written(&r, 1, false);
    expect(text, "- alert: \"- {{ 'x' \\\"y\\\"\"\n");
    expect(text, "severity: \"a\\u000ab\"\n");
    expect(text, "summary: \"{{ `{{` }}{\"\n");
    expect(text, "team: \"{{ `{{` }} $x \\\\\"\n");
    expect(text, "description: \"a: {{ `{{` }} b }} # \\\"c\\\"\\u000a\\u0009\\u0001\"\n");
    expect(text, "runbook_url: \"\\u2028\\u0085\\ufffd\"\n");
    free(text);
}

static void a_full_disk(void **state) {
    (void)state;
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    struct prometheus_rules p = {.providers = providers};
    p.rules = alert_default_rules(&p.count);
    assert_false(prometheus_rules_write(&p, out));
    fclose(out);
}

static int begin(void **state) {
    (void)state;
    providers = provider_table_create();
    return providers ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    provider_table_destroy(providers);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),    cmocka_unit_test(left_out),    cmocka_unit_test(recorded_once),
        cmocka_unit_test(hostile_texts), cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
