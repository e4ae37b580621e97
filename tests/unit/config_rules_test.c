/* collector/config: the kinds of alert rules: what each comes to, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/config_text.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define RULE(rest)   "alerts:\n  default_rules: false\n  rules:\n  - {name: X, " rest "}\n"

enum {
    ACC = 1 << SCOPE_ACCOUNT,
    PRO = 1 << SCOPE_PROVIDER,
    SET = 1 << SCOPE_CONFIGURATION_SET,
    THREE = ACC | PRO | SET
};

/* What little one has to say, and what it comes to. */
static void every_kind(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct alert_rule is;
        const char *summary;
    } cases[] = {
        {RULE("rate: bounce, above: 5%"),
         {.kind = ALERT_RATE_ABOVE,
          .rate = RATE_BOUNCE,
          .scopes = THREE,
          .window = 60,
          .window_name = "1h",
          .threshold = 0.05,
          .clear = 0.04,
          .confidence = 0.95,
          .min_volume = 200,
          .for_minutes = 5,
          .keep_firing_minutes = 10},
         "The bounce rate over 1h is 5% or more"},
        {RULE("rate: delivery, below: 90%, basis: sent, confidence: off, by: [identity, provider_configuration_set]"),
         {.kind = ALERT_RATE_BELOW,
          .rate = RATE_DELIVERY,
          .basis = BASIS_SENT,
          .scopes = 1 << SCOPE_IDENTITY | 1 << SCOPE_PROVIDER_CONFIGURATION_SET,
          .window = 60,
          .window_name = "1h",
          .threshold = 0.9,
          .clear = 0.92,
          .confidence = 0,
          .min_volume = 200,
          .for_minutes = 5,
          .keep_firing_minutes = 10},
         "The delivery rate of the mail sent in 1h is 90% or less"},
        {RULE("rate: complaint, above: 0.1%, window: last_sends, confidence: 0%"),
         {.kind = ALERT_RATE_ABOVE,
          .rate = RATE_COMPLAINT,
          .basis = BASIS_SENT,
          .scopes = THREE,
          .window = 0,
          .last_sends = 10000,
          .window_name = "last_10000",
          .threshold = 0.001,
          .clear = 0.0008,
          .min_volume = 200,
          .keep_firing_minutes = 10},
         "The complaint rate of the last 10000 sends is 0.1% or more"},
        {RULE(
             "rate: bounce, above: 5%, window: last_sends, basis: sent, min_volume: 0") "counting: {last_sends: 555}\n",
         {.kind = ALERT_RATE_ABOVE,
          .rate = RATE_BOUNCE,
          .basis = BASIS_SENT,
          .scopes = THREE,
          .window = 0,
          .last_sends = 555,
          .window_name = "last_555",
          .threshold = 0.05,
          .clear = 0.04,
          .confidence = 0.95,
          .min_volume = 0,
          .keep_firing_minutes = 10},
         "The bounce rate of the last 555 sends is 5% or more"},
        {RULE("silence: 1h"),
         {.kind = ALERT_SILENCE,
          .scopes = ACC,
          .window = 60,
          .window_name = "1h",
          .event = EVENT_TYPES,
          .min_volume = 1000},
         "No event of any type came for 1h"},
        {RULE("silence: 3h, event: delivery, min_volume: 10"),
         {.kind = ALERT_SILENCE,
          .scopes = ACC,
          .window = 180,
          .window_name = "3h",
          .event = EVENT_DELIVERY,
          .min_volume = 10},
         "No event of the type delivery came for 3h"},
        {RULE("rate: bounce, changed_by: 3"),
         {.kind = ALERT_CHANGE,
          .rate = RATE_BOUNCE,
          .scopes = THREE,
          .window = 360,
          .window_name = "6h",
          .factor = 3,
          .confidence = 0.95,
          .min_volume = 500,
          .for_minutes = 15,
          .keep_firing_minutes = 30},
         "The bounce rate over 6h is 3 times that of the same hours of the weeks before, or more"},
        {RULE("rate: open, changed_by: 1.1, above: 2%, window: 90m, by: account"),
         {.kind = ALERT_CHANGE,
          .rate = RATE_OPEN,
          .scopes = ACC,
          .window = 90,
          .window_name = "90m",
          .factor = 1.1,
          .threshold = 0.02,
          .clear = 0.016,
          .confidence = 0.95,
          .min_volume = 500,
          .for_minutes = 15,
          .keep_firing_minutes = 30},
         "The open rate over 90m is 1.1 times that of the same hours of the weeks before, or more"},
        {RULE("dropped_to: 30%"),
         {.kind = ALERT_DROP,
          .scopes = ACC,
          .window = 180,
          .window_name = "3h",
          .factor = 0.3,
          .clear = 0.44,
          .min_volume = 1000},
         "Sends within 3h fell to 30% of those of the same hours of the weeks before, or less"},
        {RULE("new_reason: 1%"),
         {.kind = ALERT_NEW_REASON,
          .scopes = PRO,
          .window = 360,
          .window_name = "6h",
          .factor = 3,
          .threshold = 0.01,
          .clear = 0.008,
          .confidence = 0.95,
          .min_volume = 20,
          .for_minutes = 10,
          .keep_firing_minutes = 60},
         "A reason for bounces that is new at a provider reached 1% of the mail to it over 6h"},
        {RULE("new_reason: 2%, grown_by: 10, window: 1h, clear_below: 0.5%"),
         {.kind = ALERT_NEW_REASON,
          .scopes = PRO,
          .window = 60,
          .window_name = "1h",
          .factor = 10,
          .threshold = 0.02,
          .clear = 0.005,
          .confidence = 0.95,
          .min_volume = 20,
          .for_minutes = 10,
          .keep_firing_minutes = 60},
         "A reason for bounces that is new at a provider reached 2% of the mail to it over 1h"},
        {RULE("quota_used: 80%") "quota: {per_day: 50000}\n",
         {.kind = ALERT_QUOTA_DAY,
          .scopes = ACC,
          .window = 1440,
          .window_name = "24h",
          .quota = 50000,
          .threshold = 0.8,
          .clear = 0.76,
          .keep_firing_minutes = 10},
         "80% or more of the sending quota of a day are used"},
        {"quota: {per_second: 14}\n" RULE("quota_used: 1, quota: second, for: 5m"),
         {.kind = ALERT_QUOTA_SECOND,
          .scopes = ACC,
          .window = 1,
          .window_name = "1m",
          .quota = 14,
          .threshold = 1,
          .clear = 0.95,
          .for_minutes = 5,
          .keep_firing_minutes = 10},
         "100% or more of the sending quota of a second are used"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c;
        read_good(&c, cases[i].text);
        assert_int_equal(c.rule_count, 1);
        const struct alert_rule *r = &c.rules[0], *is = &cases[i].is;
        bool same = r->kind == is->kind && r->basis == is->basis && r->scopes == is->scopes &&
                    r->window == is->window && r->last_sends == is->last_sends &&
                    strcmp(r->window_name, is->window_name) == 0 && r->factor == is->factor && r->quota == is->quota &&
                    r->threshold == is->threshold && r->clear == is->clear && r->confidence == is->confidence &&
                    r->min_volume == is->min_volume && r->for_minutes == is->for_minutes &&
                    r->keep_firing_minutes == is->keep_firing_minutes &&
                    (r->kind != ALERT_SILENCE || r->event == is->event) && r->rate == is->rate;
        if (!same)
            fail_msg("%s is not what it should be", cases[i].text);
        assert_string_equal(r->summary, cases[i].summary);
        assert_string_equal(r->severity, "warning");
        config_deinit(&c);
    }
}

static void quota_rules(void **state) {
    (void)state;
    size_t defaults;
    alert_default_rules(&defaults);
    struct config c;
    read_good(&c, "quota: {per_second: 14}\n");
    assert_int_equal(c.rule_count, defaults);
    config_deinit(&c);
    read_good(&c, "quota: {per_day: 200}\n");
    assert_int_equal(c.rule_count, defaults + 2);
    for (size_t i = defaults; i < c.rule_count; i++) {
        assert_string_equal(c.rules[i].name, "QuotaNearlyUsed");
        assert_true(c.rules[i].kind == ALERT_QUOTA_DAY && c.rules[i].quota == 200);
        assert_true(c.rules[i].threshold == (i == defaults ? 0.8 : 0.95));
    }
    config_deinit(&c);
    read_good(&c, "quota: {per_day: 200}\nalerts:\n  rules: [{name: QuotaNearlyUsed, quota_used: 60%}]\n");
    assert_int_equal(c.rule_count, defaults + 2);
    assert_string_equal(c.rules[defaults].severity, "critical"); /* the other one has given place */
    assert_true(c.rules[defaults + 1].threshold == 0.6);
    config_deinit(&c);
    read_good(&c, "quota: {per_day: 200}\nalerts: {default_rules: false}\n");
    assert_int_equal(c.rule_count, 0);
    config_deinit(&c);
}

/* A quota that a running service may take over. */
static void reloaded(void **state) {
    (void)state;
    expect_reloadable("quota: {per_day: 200}\n", "quota: {per_day: 300, per_second: 2}\n");
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *rule, *place, *said, *advice;
    } cases[] = {
        {"severity: x", "4:5", "rate is missing", "dropped_to: 30%"},
        {"rate: bounce", "4:5", "neither above nor below", "changed_by: 3"},
        {"changed_by: 3", "4:5", "rate is missing", "rate: bounce"},
        {"above: 3%", "4:5", "rate is missing", "rate: bounce"},
        {"silence: 1h, above: 5%", "4:15", "above and silence in one rule", "two rules"},
        {"rate: bounce, changed_by: 3, below: 5%", "4:29", "below and changed_by in one rule", "two rules"},
        {"dropped_to: 30%, silence: 1h", "4:15", "silence and dropped_to in one rule", "two rules"},
        {"new_reason: 1%, quota_used: 80%", "4:31", "new_reason and quota_used in one rule", "two rules"},
        {"dropped_to: 30%, rate: bounce", "4:32", "a rule of a drop has no rate",
         "take it out, or take out dropped_to"},
        {"dropped_to: 30%, confidence: 90%", "4:32", "a drop has no confidence", "take it out"},
        {"dropped_to: 30%, clear_below: 20%", "4:32", "a drop has no clear_below", "take it out"},
        {"dropped_to: 30%, window: 90m", "4:40", "by the hour", "3h"},
        {"dropped_to: 30%, clear_above: 20%", "4:45", "clear_above is under dropped_to", "larger"},
        {"dropped_to: 0", "4:27", "silence: 1h", "30%"},
        {"dropped_to: 100%", "4:27", "always reached", "30%"},
        {"silence: 1h, event: sent", "4:35", "\"sent\" is not good", "send, delivery"},
        {"silence: 1h, basis: sent", "4:28", "silence has no basis", "take it out"},
        {"rate: bounce, above: 5%, event: send", "4:40", "a rate above has no event", "take out above"},
        {"rate: bounce, above: 5%, grown_by: 3", "4:40", "has no grown_by", "take it out"},
        {"rate: bounce, above: 5%, quota: day", "4:40", "has no quota", "take it out"},
        {"rate: bounce, changed_by: 1", "4:41", "\"1\" is not good", "from 1.1 to 1000"},
        {"rate: bounce, changed_by: 1.09", "4:41", "is not good", "from 1.1 to 1000"},
        {"rate: bounce, changed_by: 1001", "4:41", "is not good", "as in 3"},
        {"rate: bounce, changed_by: 300%", "4:41", "is not good", "as in 3"},
        {"rate: bounce, changed_by: 3x", "4:41", "is not good", "as in 3"},
        {"rate: bounce, changed_by: nan", "4:41", "is not good", "as in 3"},
        {"rate: bounce, changed_by: 3, window: last_sends", "4:52", "last_sends goes with above and below", "6h"},
        {"rate: bounce, changed_by: 3, clear_below: 1%", "4:44", "clear_below goes with above", "that too"},
        {"rate: bounce, changed_by: 3, clear_above: 1%", "4:44", "change has no clear_above", "take it out"},
        {"new_reason: 1%, window: last_sends", "4:39", "goes with above and below", "24h"},
        {"new_reason: 0", "4:27", "always reached", "5%"},
        {"new_reason: 1%, by: account", "4:31", "a new reason has no by", "take it out"},
        {"new_reason: 1%, clear_below: 2%", "4:44", "clear_below is over new_reason", "smaller"},
        {"new_reason: 1%, grown_by: 0.5", "4:41", "is not good", "from 1.1"},
        {"rate: bounce, above: 5%, basis: sends", "4:47", "\"sends\" is not good", "event, sent"},
        {"rate: bounce, above: 5%, basis: event, window: last_sends", "4:47", "known by when they were sent",
         "write sent"},
        {"rate: bounce, above: 5%, window: last_10", "4:48", "\"last_10\" is not good", "or last_sends"},
        {"rate: bounce, above: 5%, confidence: 40%", "4:52", "from 50% to 99.99%", "off"},
        {"rate: bounce, above: 5%, confidence: 100%", "4:52", "from 50% to 99.99%", "off"},
        {"rate: bounce, above: 5%, confidence: no", "4:52", "\"no\" is not good", "or off"},
        {"quota_used: 80%", "4:15", "of which quota?", "quota: {per_day: 50000}"},
        {"quota_used: 80%, quota: second", "4:15", "of which quota?", "quota: {per_second: 14}"},
        {"quota_used: 80%, quota: hour", "4:39", "\"hour\" is not good", "day, second"},
        {"quota_used: 80%, min_volume: 5", "4:32", "a quota has no min_volume", "take it out"},
        {"quota_used: 80%, by: provider", "4:36", "for the account only", "[account]"},
        {"quota_used: 0", "4:27", "always reached", "over 0"},
        {"quota_used: 80%, brake: {pause: true}", "4:32", "only a rule with above", "take it out"},
        {"rate: bounce, above: 5%, labels: {identity: x}", "4:49", "\"identity\" is not good", "another name"},
        {"rate: bounce, above: 5%, labels: {reason: x}", "4:49", "\"reason\" is not good", "another name"},
    };
    size_t refused = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[300];
        snprintf(text, sizeof text, RULE("%s"), cases[i].rule);
        refused += is_refused(&(struct refusal){text, cases[i].place, cases[i].said, cases[i].advice});
    }
    assert_int_equal(refused, COUNT(cases));
    struct config c;
    struct err err;
    assert_false(read_text(&c, "quota: {per_day: -1}\n", &err));
    assert_non_null(strstr(err.text, "c.yaml:1:18: per_day: \"-1\" is not good; write a whole number from 0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(quota_rules),
        cmocka_unit_test(reloaded),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
