#include "alert/rule.h"

#define ALL_SCOPES (1u << SCOPE_ACCOUNT | 1u << SCOPE_PROVIDER | 1u << SCOPE_CONFIGURATION_SET)

const char *alert_scope_name(enum alert_scope scope) {
    static const char *const names[ALERT_SCOPES] = {"account", "provider", "configuration_set"};
    return names[scope];
}

const struct alert_rule *alert_default_rules(size_t *count) {
    static const struct alert_rule rules[] = {
        {.name = "HighBounceRate",
         .severity = "warning",
         .summary = "Bounces reached the rate at which AWS puts an account under review",
         .rate = RATE_BOUNCE,
         .scopes = ALL_SCOPES,
         .window = 60,
         .window_name = "1h",
         .threshold = 0.05,
         .clear = 0.04,
         .min_volume = 200,
         .for_minutes = 5,
         .keep_firing_minutes = 10},
        {.name = "HighBounceRate",
         .severity = "critical",
         .summary = "Bounces reached the rate at which AWS may pause an account's sending",
         .rate = RATE_BOUNCE,
         .scopes = ALL_SCOPES,
         .window = 60,
         .window_name = "1h",
         .threshold = 0.10,
         .clear = 0.08,
         .min_volume = 200,
         .for_minutes = 5,
         .keep_firing_minutes = 10},
        {.name = "HighComplaintRate",
         .severity = "warning",
         .summary = "Complaints reached the rate at which AWS puts an account under review",
         .rate = RATE_COMPLAINT,
         .scopes = ALL_SCOPES,
         .window = 24 * 60,
         .window_name = "24h",
         .threshold = 0.001,
         .clear = 0.0008,
         .min_volume = 2000,
         .for_minutes = 5,
         .keep_firing_minutes = 60},
        {.name = "HighComplaintRate",
         .severity = "critical",
         .summary = "Complaints reached the rate at which AWS may pause an account's sending",
         .rate = RATE_COMPLAINT,
         .scopes = ALL_SCOPES,
         .window = 24 * 60,
         .window_name = "24h",
         .threshold = 0.005,
         .clear = 0.004,
         .min_volume = 2000,
         .for_minutes = 5,
         .keep_firing_minutes = 60},
        {.name = "StreamSilent",
         .severity = "warning",
         .summary = "No event of any type came, after a busy hour",
         .kind = ALERT_SILENCE,
         .scopes = 1u << SCOPE_ACCOUNT,
         .window = 60,
         .window_name = "1h",
         .min_volume = 1000},
    };
    *count = sizeof rules / sizeof rules[0];
    return rules;
}

/* The rate, or for silence the events of the window: what is held against the threshold. */
static double rule_value(const struct alert_rule *rule, uint64_t numerator, uint64_t denominator) {
    if (rule->kind == ALERT_SILENCE)
        return (double)numerator;
    return denominator ? (double)numerator / (double)denominator : 0;
}

static bool rule_holds(const struct alert_rule *rule, uint64_t numerator, uint64_t denominator) {
    if (denominator < rule->min_volume || denominator == 0)
        return false;
    if (rule->kind == ALERT_SILENCE)
        return numerator == 0;
    double value = (double)numerator / (double)denominator;
    return rule->kind == ALERT_RATE_BELOW ? value <= rule->threshold : value >= rule->threshold;
}

static bool rule_is_clear(const struct alert_rule *rule, uint64_t numerator, uint64_t denominator) {
    if (rule->kind == ALERT_SILENCE)
        return numerator > 0;
    if (denominator < rule->min_volume || denominator == 0)
        return true;
    double value = (double)numerator / (double)denominator;
    return rule->kind == ALERT_RATE_BELOW ? value > rule->clear : value < rule->clear;
}

static enum alert_change step_inactive(const struct alert_rule *rule, struct alert_status *s, int64_t now_ms,
                                       uint64_t numerator, uint64_t denominator) {
    if (!rule_holds(rule, numerator, denominator)) {
        bool was_pending = s->active_ms != 0;
        *s = (struct alert_status){0};
        return was_pending ? ALERT_CANCELLED : ALERT_SAME;
    }
    bool new = s->active_ms == 0;
    if (new)
        s->active_ms = now_ms;
    if (now_ms - s->active_ms < (int64_t)rule->for_minutes * 60000)
        return new ? ALERT_BECAME_PENDING : ALERT_SAME;
    s->fired_ms = now_ms;
    s->value = rule_value(rule, numerator, denominator);
    s->numerator = numerator;
    s->denominator = denominator;
    return ALERT_FIRED;
}

static enum alert_change step_firing(const struct alert_rule *rule, struct alert_status *s, int64_t now_ms,
                                     uint64_t numerator, uint64_t denominator) {
    if (!rule_is_clear(rule, numerator, denominator)) {
        s->clear_ms = 0;
        return ALERT_SAME;
    }
    if (s->clear_ms == 0)
        s->clear_ms = now_ms;
    return now_ms - s->clear_ms >= (int64_t)rule->keep_firing_minutes * 60000 ? ALERT_RESOLVED_NOW : ALERT_SAME;
}

enum alert_change alert_step(const struct alert_rule *rule, struct alert_status *status, int64_t now_ms,
                             uint64_t numerator, uint64_t denominator) {
    if (status->fired_ms)
        return step_firing(rule, status, now_ms, numerator, denominator);
    return step_inactive(rule, status, now_ms, numerator, denominator);
}
