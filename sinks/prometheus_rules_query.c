/* Alert rules in PromQL: where their numbers are, and what is asked of them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alert/rule.h"
#include "alert/wilson.h"
#include "sinks/prometheus_rules_parts.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- where the numbers are ---------------------------------------------------------------------------------------- */

bool rules_has_gauge(const struct alert_rule *r) {
    static const int served[] = {0, 5, 60, 24 * 60, 7 * 24 * 60};
    for (size_t i = 0; i < COUNT(served); i++)
        if (r->window == served[i])
            return true;
    return false;
}

/* Of a rule for sends: any rate whose denominator they are. */
static enum rate counted_rate(const struct alert_rule *r) {
    return r->kind == ALERT_DROP || r->kind == ALERT_QUOTA_DAY ? RATE_BOUNCE : r->rate;
}

static const char *rate_of(const struct alert_rule *r) {
    return rate_name(counted_rate(r));
}

/* Where the numbers of a rule are: in a gauge that we serve, or in what a rule of ours recorded. */
enum { SELECTOR_SIZE = 400 };
struct series {
    char numerator[SELECTOR_SIZE], denominator[SELECTOR_SIZE];
    char labels[SELECTOR_SIZE - 60]; /* of what is recorded about its past, too */
};

static struct series series_of(const struct alert_rule *r) {
    struct series s;
    char scopes[120] = "";
    for (int i = 0; i < ALERT_SCOPES; i++)
        if (r->scopes & 1u << i)
            snprintf(scopes + strlen(scopes), sizeof scopes - strlen(scopes), "%s%s", *scopes ? "|" : "",
                     alert_scope_name((enum alert_scope)i));
    snprintf(s.labels, sizeof s.labels, "{rate=\"%s\",window=\"%s\",basis=\"%s\",scope%s\"%s\"}", rate_of(r),
             r->window_name, basis_names[r->basis], strchr(scopes, '|') ? "=~" : "=", scopes);
    bool gauge = rules_has_gauge(r);
    snprintf(s.numerator, sizeof s.numerator, "%s%s", gauge ? "ses_rate_numerator" : "ses:rate_numerator:increase",
             s.labels);
    snprintf(s.denominator, sizeof s.denominator, "%s%s",
             gauge ? "ses_rate_denominator" : "ses:rate_denominator:increase", s.labels);
    return s;
}

/* --- rates from counters ------------------------------------------------------------------------------------------ */

/* What a rate's two numbers are made of. NULL: no counter tells it. */
static const struct parts {
    const char *numerator, *denominator;
} parts_of_rates[RATES] = {
    [RATE_DELIVERY] = {"ses_recipients_total{event_type=\"delivery\",provider!=\"simulator\"}", RULES_SENDS},
    [RATE_BOUNCE] = {"ses_bounces_total{bounce_subtype!=\"OnAccountSuppressionList\",provider!=\"simulator\"}",
                     RULES_SENDS},
    [RATE_PERMANENT_BOUNCE] =
        {"ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype!=\"OnAccountSuppressionList\","
         "provider!=\"simulator\"}",
         RULES_SENDS},
    [RATE_TRANSIENT_BOUNCE] =
        {"ses_bounces_total{bounce_type=\"Transient\",bounce_subtype!=\"OnAccountSuppressionList\","
         "provider!=\"simulator\"}",
         RULES_SENDS},
    [RATE_REPUTATION_BOUNCE] = {"ses_bounces_total{bounce_type=\"Permanent\",bounce_subtype!="
                                "\"OnAccountSuppressionList\",provider!=\"simulator\"}",
                                RULES_SENDS},
    [RATE_COMPLAINT] = {"ses_complaints_total{feedback_type!~\"OnAccountSuppressionList|not-spam\",provider!="
                        "\"simulator\"}",
                        "ses_recipients_total{event_type=\"delivery\",provider=~\"%s\"}"},
    [RATE_DELAY] = {NULL, NULL},
    [RATE_REJECT] = {"ses_recipients_total{event_type=\"reject\",provider!=\"simulator\"}",
                     "ses_recipients_total{event_type=~\"send|reject\",provider!=\"simulator\"}"},
    [RATE_RENDERING_FAILURE] = {"ses_recipients_total{event_type=\"rendering_failure\",provider!=\"simulator\"}",
                                "ses_recipients_total{event_type=~\"send|rendering_failure\",provider!="
                                "\"simulator\"}"},
    [RATE_UNSUBSCRIBE] = {"ses_subscription_changes_total{change=~\"opt_out|unsubscribe_all\"}",
                          "ses_recipients_total{event_type=\"delivery\",provider!=\"simulator\"}"},
#define UNIQUE(what, agent)                                                                                            \
    {                                                                                                                  \
        "ses_unique_" what "_total{agent=\"" agent "\",provider!=\"simulator\"}",                                      \
            "ses_recipients_total{event_type=\"delivery\",provider!=\"simulator\"}"                                    \
    }
    [RATE_OPEN] = UNIQUE("opens", "human"),
    [RATE_PROXY_OPEN] = UNIQUE("opens", "proxy"),
    [RATE_MACHINE_OPEN] = UNIQUE("opens", "machine"),
    [RATE_CLICK] = UNIQUE("clicks", "human"),
    [RATE_MACHINE_CLICK] = UNIQUE("clicks", "machine"),
};

static const char *grouping(enum alert_scope scope) {
    static const char *const by[ALERT_SCOPES] = {"sum", "sum by (provider)", "sum by (configuration_set)",
                                                 "sum by (provider, configuration_set)", NULL};
    return by[scope];
}

static bool needs_rate(const struct alert_rule *r) {
    return r->kind == ALERT_RATE_ABOVE || r->kind == ALERT_RATE_BELOW || r->kind == ALERT_CHANGE;
}

unsigned rules_scopes(const struct prometheus_rules *p, const struct alert_rule *r, const char **why) {
    *why = "";
    if (rules_has_gauge(r) || (!needs_rate(r) && r->kind != ALERT_DROP))
        return r->scopes;
    if (needs_rate(r) && r->basis == BASIS_SENT) {
        *why = "rates by send time are served for 5m, 1h, 24h, 7d and the last sends; no counter has others";
        return 0;
    }
    if (needs_rate(r) && r->rate == RATE_DELAY) {
        *why = "no counter tells a recipient's first delay from the later ones; 5m, 1h, 24h and 7d are served";
        return 0;
    }
    if (needs_rate(r) && r->rate == RATE_REPUTATION_BOUNCE && p->verified_domains) {
        *why = "no counter leaves out counting.verified_domains; 5m, 1h, 24h, 7d and the last sends are served";
        return 0;
    }
    unsigned none = 1u << SCOPE_IDENTITY;
    if (r->scopes & none)
        *why = "no counter has identities; 5m, 1h, 24h and 7d are served";
    if (needs_rate(r) && r->rate == RATE_UNSUBSCRIBE) {
        none |= 1u << SCOPE_PROVIDER | 1u << SCOPE_PROVIDER_CONFIGURATION_SET;
        *why = r->scopes & none ? "subscriptions are counted without provider and identity" : "";
    }
    return r->scopes & ~none;
}

/* --- recording ---------------------------------------------------------------------------------------------------- */

static void write_record(FILE *out, const char *name, const char *window) {
    fprintf(out, "      - record: %s\n        labels: {window: %s}\n        expr: |\n", name, window);
}

/* Of a rate: with the labels of the gauges. */
static void write_rate_record(FILE *out, const char *name, const struct alert_rule *r, enum alert_scope scope) {
    fprintf(out, "      - record: %s\n        labels: {rate: %s, window: %s, basis: %s, scope: %s}\n        expr: |\n",
            name, rate_of(r), r->window_name, basis_names[r->basis], alert_scope_name(scope));
}

static void write_feedback_providers(const struct prometheus_rules *p, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < provider_table_count(p->providers); i++)
        if (provider_table_has_feedback_loop(p->providers, (uint16_t)i))
            snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? "|" : "",
                     provider_table_name(p->providers, (uint16_t)i));
}

static void write_selector(const struct prometheus_rules *p, const char *form, FILE *out, const char *window) {
    const char *mark = strstr(form, "%s");
    static char names[1 << 16];
    if (mark) {
        write_feedback_providers(p, names, sizeof names);
        fprintf(out, "%.*s%s%s", (int)(mark - form), form, names, mark + 2);
    } else {
        fputs(form, out);
    }
    fprintf(out, "[%s]", window);
}

static void write_increases(const struct prometheus_rules *p, const struct alert_rule *r, enum alert_scope scope,
                            FILE *out) {
    const struct parts *parts = &parts_of_rates[counted_rate(r)];
    const char *by = grouping(scope);
    fputc('\n', out);
    write_rate_record(out, "ses:rate_denominator:increase", r, scope);
    fprintf(out, "          %s (increase(", by);
    write_selector(p, parts->denominator, out, r->window_name);
    fputs("))\n", out);
    write_rate_record(out, "ses:rate_numerator:increase", r, scope);
    fprintf(out, "          %s (increase(", by);
    write_selector(p, parts->numerator, out, r->window_name);
    fprintf(out, "))\n            or 0 * %s (increase(", by);
    write_selector(p, parts->denominator, out, r->window_name);
    fputs("))\n", out);
}

static bool has_increases(const struct alert_rule *r) {
    return !rules_has_gauge(r) && (needs_rate(r) || r->kind == ALERT_DROP);
}

static bool has_past(const struct alert_rule *r) {
    return r->kind == ALERT_CHANGE || r->kind == ALERT_DROP;
}

static void write_all_increases(const struct prometheus_rules *p, size_t at, FILE *out) {
    const struct alert_rule *r = &p->rules[at];
    const char *why;
    unsigned left = has_increases(r) ? rules_scopes(p, r, &why) : 0;
    for (size_t i = 0; i < at; i++) {
        const struct alert_rule *x = &p->rules[i];
        if (has_increases(x) && x->window == r->window && counted_rate(x) == counted_rate(r))
            left &= ~rules_scopes(p, x, &why);
    }
    for (int scope = 0; scope < ALERT_SCOPES; scope++)
        if (left & 1u << scope)
            write_increases(p, r, (enum alert_scope)scope, out);
}

/* A number of the rule of that kind over the same hours of the weeks before. */
static void write_sum_of_weeks(FILE *out, const char *series) {
    for (int week = 1; week <= ALERT_WEEKS; week++)
        fprintf(out, "          %s(%s offset %dw or 0 * %s)\n", week == 1 ? "" : "+ ", series, week, series);
}

static void write_each_week(FILE *out, const char *fold, const char *series) {
    fprintf(out, "          %s without (week) (\n", fold);
    for (int week = 1; week <= ALERT_WEEKS; week++)
        fprintf(out, "            %slabel_replace(%s offset %dw > 0, \"week\", \"%d\", \"\", \"\")\n",
                week == 1 ? "" : "or ", series, week, week);
    fputs("          )\n", out);
}

static void write_past_of_scope(const struct alert_rule *rule, enum alert_scope scope, FILE *out) {
    struct alert_rule r = *rule;
    r.scopes = 1u << scope;
    struct series s = series_of(&r);
    fputc('\n', out);
    if (r.kind == ALERT_DROP) {
        write_rate_record(out, "ses:sends_least:past_weeks", &r, scope);
        write_each_week(out, "min", s.denominator);
        write_rate_record(out, "ses:sends_weeks:past_weeks", &r, scope);
    } else {
        write_rate_record(out, "ses:rate_numerator:past_weeks", &r, scope);
        write_sum_of_weeks(out, s.numerator);
        write_rate_record(out, "ses:rate_denominator:past_weeks", &r, scope);
        write_sum_of_weeks(out, s.denominator);
        write_rate_record(out, "ses:rate_weeks:past_weeks", &r, scope);
    }
    write_each_week(out, "count", s.denominator);
}

static void write_past(const struct prometheus_rules *p, size_t at, FILE *out) {
    const struct alert_rule *r = &p->rules[at];
    const char *why;
    unsigned left = rules_scopes(p, r, &why);
    for (size_t i = 0; i < at; i++) {
        const struct alert_rule *x = &p->rules[i];
        if (x->kind == r->kind && x->window == r->window && counted_rate(x) == counted_rate(r) && x->basis == r->basis)
            left &= ~rules_scopes(p, x, &why);
    }
    for (int scope = 0; scope < ALERT_SCOPES; scope++)
        if (left & 1u << scope)
            write_past_of_scope(r, (enum alert_scope)scope, out);
}

static void write_reasons(const struct prometheus_rules *p, size_t at, FILE *out) {
    const char *window = p->rules[at].window_name;
    static const char bounces[] = "ses_bounce_reasons_total{reason!=\"suppressed\",provider!=\"simulator\"}";
    static const char sends[] = RULES_SENDS;
    for (size_t i = 0; i < at; i++)
        if (p->rules[i].kind == ALERT_NEW_REASON && p->rules[i].window == p->rules[at].window)
            return;
    fputs("\n      # Without the reason suppressed: some of it is the account's own list, which is in no rate.\n", out);
    write_record(out, "ses:reason_bounces:increase", window);
    fprintf(out, "          sum by (provider, reason) (increase(%s[%s]))\n", bounces, window);
    write_record(out, "ses:reason_sends:increase", window);
    fprintf(out,
            "          0 * ses:reason_bounces:increase{window=\"%s\"}\n"
            "            + on (provider) group_left () sum by (provider) (increase(%s[%s]))\n",
            window, sends, window);
    write_record(out, "ses:reason_bounces:week_before", window);
    fprintf(out,
            "          sum by (provider, reason) (increase(%s[1w] offset %s))\n"
            "            or sum by (provider, reason) (0 * ses:reason_bounces:increase{window=\"%s\"})\n",
            bounces, window, window);
    write_record(out, "ses:reason_sends:week_before", window);
    fprintf(out,
            "          0 * ses:reason_bounces:increase{window=\"%s\"}\n"
            "            + on (provider) group_left () sum by (provider) (increase(%s[1w] offset %s))\n",
            window, sends, window);
}

void rules_write_records(const struct prometheus_rules *p, size_t at, FILE *out) {
    write_all_increases(p, at, out);
    if (has_past(&p->rules[at]))
        write_past(p, at, out);
    if (p->rules[at].kind == ALERT_NEW_REASON)
        write_reasons(p, at, out);
}

/* --- alerts ------------------------------------------------------------------------------------------------------- */

/* One end of Wilson's interval, as rule.c has it: of a share over 1, that of 1. `side`: - or +. */
static void write_bound(FILE *out, double z, const char *n, const char *d, char side) {
    fprintf(out, "(%s + %.9g %c %.9g * sqrt(%s * clamp_min(%s - %s, 0) / %s + %.9g)) / (%s + %.9g)", n, z * z / 2, side,
            z, n, d, n, d, z * z / 4, d, z * z);
}

static void write_share(FILE *out, double z, const char *n, const char *d, char side) {
    if (z > 0)
        write_bound(out, z, n, d, side);
    else
        fprintf(out, "%s / %s", n, d);
}

/* "and LEFT >= RIGHT" on a line of its own. */
static void write_and(FILE *out, int indent) {
    fprintf(out, "\n%*sand ", indent, "");
}

static void write_rate_expression(const struct alert_rule *r, FILE *out, int indent) {
    struct series s = series_of(r);
    const char *n = s.numerator, *d = s.denominator;
    double z = r->confidence > 0 ? wilson_quantile(r->confidence) : 0;
    bool below = r->kind == ALERT_RATE_BELOW;
    fprintf(out, "%*s%s / %s", indent, "", n, d);
    if (below || r->threshold > 0) {
        if (z > 0) { /* else the value itself is what is held against the threshold */
            write_and(out, indent);
            write_bound(out, z, n, d, below ? '+' : '-');
        }
        fprintf(out, " %s %.12g", below ? "<=" : ">=", r->threshold);
    }
    if (r->kind == ALERT_CHANGE) {
        char before_n[SELECTOR_SIZE], before_d[SELECTOR_SIZE];
        snprintf(before_n, sizeof before_n, "ses:rate_numerator:past_weeks%s", s.labels);
        snprintf(before_d, sizeof before_d, "ses:rate_denominator:past_weeks%s", s.labels);
        write_and(out, indent);
        write_share(out, z, n, d, '-');
        fprintf(out, " >= %.12g * ", r->factor);
        write_share(out, z, before_n, before_d, '+');
        write_and(out, indent);
        fprintf(out, "ses:rate_weeks:past_weeks%s >= %d", s.labels, ALERT_LEAST_WEEKS);
    }
    write_and(out, indent);
    fprintf(out, "%s >= %llu\n", d, (unsigned long long)(r->min_volume ? r->min_volume : 1));
}

static void write_drop_expression(const struct alert_rule *r, FILE *out, int indent) {
    struct series s = series_of(r);
    const char *d = s.denominator;
    char least[SELECTOR_SIZE];
    snprintf(least, sizeof least, "ses:sends_least:past_weeks%s", s.labels);
    fprintf(out, "%*s%s / %s <= %.12g", indent, "", d, least, r->factor);
    write_and(out, indent);
    fprintf(out, "%s + %.9g * sqrt(%s + %s) <= %s", d, ALERT_DROP_SIGMAS, d, least, least);
    write_and(out, indent);
    fprintf(out, "ses:sends_weeks:past_weeks%s >= %d", s.labels, ALERT_LEAST_WEEKS);
    write_and(out, indent);
    fprintf(out, "%s >= %llu\n", least, (unsigned long long)r->min_volume);
}

static void write_silence_expression(const struct alert_rule *r, FILE *out, int indent) {
    const char *w = r->window_name;
    char events[100] = "ses_events_total";
    static const char sends[] = "ses_events_total{event_type=\"send\"}";
    if (r->event != EVENT_TYPES)
        snprintf(events, sizeof events, "ses_events_total{event_type=\"%s\"}",
                 event_type_name((enum event_type)r->event));
    fprintf(out, "%*ssum(increase(%s[%s])) == 0", indent, "", events, w);
    write_and(out, indent);
    if (r->event == EVENT_TYPES || r->event == EVENT_SEND) {
        fprintf(out, "sum(increase(%s[%s] offset %s)) >= %llu\n", events, w, w,
                (unsigned long long)(r->min_volume ? r->min_volume : 1));
        return;
    }
    fprintf(out, "sum(increase(%s[%s])) >= %llu", sends, w, (unsigned long long)(r->min_volume ? r->min_volume : 1));
    write_and(out, indent);
    fprintf(out, "sum(increase(%s[%s] offset %s)) / sum(increase(%s[%s] offset %s)) * sum(increase(%s[%s])) >= %.9g\n",
            events, w, w, sends, w, w, sends, w, ALERT_SILENCE_EXPECTED);
}

static void write_reason_expression(const struct alert_rule *r, FILE *out, int indent) {
    char n[100], d[100], before_n[100], before_d[100];
    snprintf(n, sizeof n, "ses:reason_bounces:increase{window=\"%s\"}", r->window_name);
    snprintf(d, sizeof d, "ses:reason_sends:increase{window=\"%s\"}", r->window_name);
    snprintf(before_n, sizeof before_n, "ses:reason_bounces:week_before{window=\"%s\"}", r->window_name);
    snprintf(before_d, sizeof before_d, "ses:reason_sends:week_before{window=\"%s\"}", r->window_name);
    double z = r->confidence > 0 ? wilson_quantile(r->confidence) : 0;
    fprintf(out, "%*s%s / %s", indent, "", n, d);
    write_and(out, indent);
    write_share(out, z, n, d, '-');
    fprintf(out, " >= %.12g", r->threshold);
    write_and(out, indent);
    write_share(out, z, n, d, '-');
    fprintf(out, " >= %.12g * ", r->factor);
    write_share(out, z, before_n, before_d, '+');
    write_and(out, indent);
    fprintf(out, "%s >= %llu\n", n, (unsigned long long)r->min_volume);
}

static void write_quota_expression(const struct alert_rule *r, FILE *out, int indent) {
    if (r->kind == ALERT_QUOTA_DAY)
        fprintf(out, "%*s%s / %.12g >= %.12g\n", indent, "", series_of(r).denominator, r->quota, r->threshold);
    else
        fprintf(out, "%*ssum(rate(%s[5m])) / %.12g >= %.12g\n", indent, "", RULES_SENDS, r->quota, r->threshold);
}

void rules_write_expression(const struct alert_rule *r, FILE *out, int indent) {
    switch (r->kind) {
    case ALERT_SILENCE:
        write_silence_expression(r, out, indent);
        return;
    case ALERT_DROP:
        write_drop_expression(r, out, indent);
        return;
    case ALERT_NEW_REASON:
        write_reason_expression(r, out, indent);
        return;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        write_quota_expression(r, out, indent);
        return;
    default:
        write_rate_expression(r, out, indent);
    }
}
