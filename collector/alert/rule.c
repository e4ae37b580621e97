#include "alert/rule.h"

#include <math.h>
#include <string.h>

#include "alert/wilson.h"

#define ALL_SCOPES (1u << SCOPE_ACCOUNT | 1u << SCOPE_PROVIDER | 1u << SCOPE_CONFIGURATION_SET)

const char *alert_scope_name(enum alert_scope scope) {
    static const char *const names[ALERT_SCOPES] = {"account", "provider", "configuration_set",
                                                    "provider_configuration_set", "identity"};
    return names[scope];
}

static const struct alert_rule default_rules[] = {
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
     .confidence = 0.95,
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
     .confidence = 0.95,
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
     .confidence = 0.95,
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
     .confidence = 0.95,
     .for_minutes = 5,
     .keep_firing_minutes = 60},
    {.name = "StreamSilent",
     .severity = "warning",
     .summary = "No event of any type came, after a busy hour",
     .kind = ALERT_SILENCE,
     .event = EVENT_TYPES,
     .scopes = 1u << SCOPE_ACCOUNT,
     .window = 60,
     .window_name = "1h",
     .min_volume = 1000},
    {.name = "DeliveriesSilent",
     .severity = "warning",
     .summary = "Mail goes out, and no delivery is reported",
     .kind = ALERT_SILENCE,
     .event = EVENT_DELIVERY,
     .scopes = 1u << SCOPE_ACCOUNT,
     .window = 60,
     .window_name = "1h",
     .min_volume = 50},
    {.name = "BounceRateChanged",
     .severity = "warning",
     .summary = "Bounces are several times what they were in the weeks before",
     .kind = ALERT_CHANGE,
     .rate = RATE_BOUNCE,
     .scopes = ALL_SCOPES,
     .window = 6 * 60,
     .window_name = "6h",
     .factor = 2,
     .confidence = 0.999,
     .threshold = 0.02,
     .clear = 0.015,
     .min_volume = 200,
     .for_minutes = 5,
     .keep_firing_minutes = 30},
    {.name = "VolumeDropped",
     .severity = "warning",
     .summary = "Far less mail was sent than at this time of the weeks before",
     .kind = ALERT_DROP,
     .scopes = 1u << SCOPE_ACCOUNT,
     .window = 6 * 60,
     .window_name = "6h",
     .factor = 0.4,
     .clear = 0.6,
     .min_volume = 500},
    {.name = "NewBounceReason",
     .severity = "warning",
     .summary = "A provider bounces mail for a reason that was rare there in the week before",
     .kind = ALERT_NEW_REASON,
     .rate = RATE_BOUNCE,
     .scopes = 1u << SCOPE_PROVIDER,
     .window = 6 * 60,
     .window_name = "6h",
     .factor = 3,
     .confidence = 0.999,
     .threshold = 0.01,
     .clear = 0.008,
     .min_volume = 20,
     .for_minutes = 5,
     .keep_firing_minutes = 30},
};

const struct alert_rule *alert_default_rules(size_t *count) {
    *count = sizeof default_rules / sizeof default_rules[0];
    return default_rules;
}

/* --- what a rule says to a reading ------------------------------------------------------------------------------- */

static double share(uint64_t part, uint64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

static bool is_of_a_type(const struct alert_rule *rule) {
    return rule->event != EVENT_TYPES && rule->event != EVENT_SEND;
}

double alert_value(const struct alert_rule *rule, const struct alert_reading *r) {
    if (rule->kind == ALERT_SILENCE)
        return (double)r->numerator;
    return share(r->numerator, r->denominator);
}

double alert_threshold(const struct alert_rule *rule, const struct alert_reading *r) {
    if (rule->kind == ALERT_DROP)
        return rule->factor;
    double before = rule->factor * share(r->before_numerator, r->before_denominator);
    bool compares = rule->kind == ALERT_CHANGE || rule->kind == ALERT_NEW_REASON;
    return compares && before > rule->threshold ? before : rule->threshold;
}

const char *alert_watched(const struct alert_rule *rule) {
    static const char *const events[EVENT_TYPES] = {
        [EVENT_SEND] = "send_events",
        [EVENT_DELIVERY] = "delivery_events",
        [EVENT_BOUNCE] = "bounce_events",
        [EVENT_COMPLAINT] = "complaint_events",
        [EVENT_REJECT] = "reject_events",
        [EVENT_OPEN] = "open_events",
        [EVENT_CLICK] = "click_events",
        [EVENT_RENDERING_FAILURE] = "rendering_failure_events",
        [EVENT_DELIVERY_DELAY] = "delivery_delay_events",
        [EVENT_SUBSCRIPTION] = "subscription_events",
        [EVENT_UNKNOWN] = "unknown_events",
    };
    switch (rule->kind) {
    case ALERT_SILENCE:
        return rule->event == EVENT_TYPES ? "events" : events[rule->event];
    case ALERT_DROP:
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        return "sends";
    case ALERT_NEW_REASON:
        return "bounce_reason";
    default:
        return rate_name(rule->rate);
    }
}

int alert_severity_rank(const char *severity) {
    static const char *const names[] = {"warning", "error", "critical"};
    for (int i = 0; i < 3; i++)
        if (strcmp(severity, names[i]) == 0)
            return i + 1;
    return 0;
}

static bool has_volume(const struct alert_rule *rule, const struct alert_reading *r) {
    switch (rule->kind) {
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        return r->denominator > 0;
    case ALERT_NEW_REASON:
        return r->denominator > 0 && r->numerator >= rule->min_volume;
    default:
        return r->denominator > 0 && r->denominator >= rule->min_volume;
    }
}

static bool is_silent(const struct alert_rule *rule, const struct alert_reading *r) {
    if (r->numerator)
        return false;
    double expected = share(r->before_numerator, r->before_denominator) * (double)r->denominator;
    return !is_of_a_type(rule) || expected >= ALERT_SILENCE_EXPECTED;
}

static bool has_dropped(const struct alert_rule *rule, const struct alert_reading *r) {
    double sends = (double)r->numerator, least = (double)r->denominator;
    return r->weeks >= ALERT_LEAST_WEEKS && sends <= rule->factor * least &&
           sends + ALERT_DROP_SIGMAS * sqrt(sends + least) <= least;
}

/* By its bound the share is past the threshold, and far enough from what it was before. */
static bool has_risen(const struct alert_rule *rule, const struct alert_reading *r) {
    double least = wilson_lower_z(r->numerator, r->denominator, r->z);
    return least >= rule->threshold &&
           least >= rule->factor * wilson_upper_z(r->before_numerator, r->before_denominator, r->z);
}

static bool rule_holds(const struct alert_rule *rule, const struct alert_reading *r) {
    if (!has_volume(rule, r))
        return false;
    switch (rule->kind) {
    case ALERT_SILENCE:
        return is_silent(rule, r);
    case ALERT_DROP:
        return has_dropped(rule, r);
    case ALERT_CHANGE:
        return r->weeks >= ALERT_LEAST_WEEKS && has_risen(rule, r);
    case ALERT_NEW_REASON:
        return has_risen(rule, r);
    case ALERT_RATE_BELOW:
        return wilson_upper_z(r->numerator, r->denominator, r->z) <= rule->threshold;
    default: /* quotas, too: their z is 0 */
        return wilson_lower_z(r->numerator, r->denominator, r->z) >= rule->threshold;
    }
}

/* By the plain share, so that a share at which it fired never clears it: the bound lies on this side of it. */
static bool rule_is_clear(const struct alert_rule *rule, const struct alert_reading *r) {
    double value = alert_value(rule, r), before = share(r->before_numerator, r->before_denominator);
    if (rule->kind == ALERT_SILENCE)
        return r->numerator > 0;
    if (!has_volume(rule, r))
        return true;
    switch (rule->kind) {
    case ALERT_RATE_BELOW:
        return value > rule->clear;
    case ALERT_DROP:
        return r->weeks < ALERT_LEAST_WEEKS || value > (rule->clear > rule->factor ? rule->clear : rule->factor);
    case ALERT_CHANGE:
        return r->weeks < ALERT_LEAST_WEEKS || value < rule->clear || value < rule->factor * before;
    case ALERT_NEW_REASON:
        return value < rule->clear || value < rule->factor * before;
    default:
        return value < rule->clear;
    }
}

/* --- its states -------------------------------------------------------------------------------------------------- */

static enum alert_change step_inactive(const struct alert_rule *rule, struct alert_status *s, int64_t now_ms,
                                       const struct alert_reading *r) {
    if (!rule_holds(rule, r)) {
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
    s->value = alert_value(rule, r);
    s->numerator = r->numerator;
    s->denominator = r->denominator;
    return ALERT_FIRED;
}

static enum alert_change step_firing(const struct alert_rule *rule, struct alert_status *s, int64_t now_ms,
                                     const struct alert_reading *r) {
    if (!rule_is_clear(rule, r)) {
        s->clear_ms = 0;
        return ALERT_SAME;
    }
    if (s->clear_ms == 0)
        s->clear_ms = now_ms;
    return now_ms - s->clear_ms >= (int64_t)rule->keep_firing_minutes * 60000 ? ALERT_RESOLVED_NOW : ALERT_SAME;
}

enum alert_change alert_step(const struct alert_rule *rule, struct alert_status *status, int64_t now_ms,
                             const struct alert_reading *reading) {
    if (status->fired_ms)
        return step_firing(rule, status, now_ms, reading);
    return step_inactive(rule, status, now_ms, reading);
}
