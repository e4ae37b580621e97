/* What each kind of rule reads at a minute's end, and on which series. */
#include <stdlib.h>
#include <string.h>

#include "alert/wilson.h"
#include "model/bounce_reason.h"
#include "pipeline/alerting_internal.h"

static const struct rate_counts nothing;

/* --- which series ------------------------------------------------------------------------------------------------- */

static bool uses_scopes(const struct alert_rule *rule) {
    return rule->kind == ALERT_RATE_ABOVE || rule->kind == ALERT_RATE_BELOW || rule->kind == ALERT_CHANGE ||
           rule->kind == ALERT_DROP;
}

static unsigned scope_bit(uint64_t series) {
    switch (CELL_KIND(series)) {
    case 0:
        return 1u << SCOPE_PROVIDER_CONFIGURATION_SET;
    case CELL_IDENTITY:
        return 1u << SCOPE_IDENTITY;
    case CELL_PROVIDER:
        return 1u << SCOPE_PROVIDER;
    case CELL_SET:
        return 1u << SCOPE_CONFIGURATION_SET;
    case CELL_ACCOUNT:
        return 1u << SCOPE_ACCOUNT;
    default:
        return 0;
    }
}

bool alerting_is_for(const struct alert_rule *rule, uint64_t series) {
    if (uses_scopes(rule))
        return (rule->scopes & scope_bit(series)) != 0;
    return rule->kind == ALERT_NEW_REASON ? CELL_KIND(series) == CELL_REASON : series == CELL_ACCOUNT;
}

enum basis alerting_basis(const struct alert_rule *rule) {
    bool of_a_rate = uses_scopes(rule) && rule->kind != ALERT_DROP;
    return of_a_rate && rule->basis == BASIS_SENT ? BASIS_SENT : BASIS_EVENT;
}

bool alerting_is_hourly(const struct alert_rule *rule) {
    bool of_last_sends = rule->window == 0 && uses_scopes(rule);
    return rule->kind == ALERT_DROP || of_last_sends;
}

bool alerting_wants_wide(const struct alert_rule *rules, size_t count) {
    const unsigned wide = 1u << SCOPE_PROVIDER_CONFIGURATION_SET | 1u << SCOPE_IDENTITY;
    for (size_t i = 0; i < count; i++)
        if (uses_scopes(&rules[i]) && rules[i].scopes & wide)
            return true;
    return false;
}

bool alerting_wants_cohorts(const struct alert_rule *rules, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (alerting_basis(&rules[i]) == BASIS_SENT)
            return true;
    return false;
}

/* --- a rule on one series ----------------------------------------------------------------------------------------- */

static void deactivate(struct rule_state *r, uint64_t series) {
    for (size_t i = 0; i < r->active_count; i++)
        if (r->active[i] == series) {
            r->active[i] = r->active[--r->active_count];
            return;
        }
}

static bool same_standing(const struct watch *a, const struct watch *b) {
    return a->incident == b->incident && a->status.active_ms == b->status.active_ms &&
           a->status.fired_ms == b->status.fired_ms && a->status.clear_ms == b->status.clear_ms;
}

static void tell_standing(struct alerting *a, const struct alert_rule *rule, const struct watch *w,
                          const struct alert_reading *reading) {
    const struct alert_row *row = incidents_find(&a->incidents, w->incident);
    if (!row || !rule->brake.on || !a->live || !a->hooks.on_standing)
        return;
    struct alert_row now = *row;
    now.numerator = reading->numerator;
    now.denominator = reading->denominator;
    now.value = alert_value(rule, reading);
    a->hooks.on_standing(a->hooks.context, &now);
}

static void step_series(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute,
                        const struct alert_reading *reading) {
    const struct watch *known = map_get(&r->watches, series);
    const struct watch before = known ? *known : (struct watch){0};
    struct watch w = before;
    int64_t now_ms = (minute + 1) * MINUTE_MS;
    bool was_active = w.status.active_ms != 0;
    enum alert_change change = alert_step(r->rule, &w.status, now_ms, reading);
    if (change == ALERT_FIRED)
        w.incident = alerting_open_incident(a, r, series, &w.status, reading, minute);
    if (change == ALERT_RESOLVED_NOW) {
        alerting_close_incident(a, w.incident, now_ms);
        w = (struct watch){0};
    }
    if (change == ALERT_SAME && w.status.fired_ms && w.status.fired_ms < now_ms)
        tell_standing(a, r->rule, &w, reading);
    if (same_standing(&w, &before))
        return;
    *(struct watch *)map_put(&r->watches, series) = w;
    bool is_active = w.status.active_ms != 0;
    if (is_active && !was_active)
        alerting_push(&r->active, &r->active_count, &r->active_size, series);
    if (!is_active && was_active)
        deactivate(r, series);
}

static bool is_active(const struct rule_state *r, uint64_t series) {
    const struct watch *w = map_get(&r->watches, series);
    return w && w->status.active_ms;
}

/* --- rates -------------------------------------------------------------------------------------------------------- */

static const struct rate_counts *sum_of(const struct alerting *a, const struct rule_state *r, uint64_t series) {
    const struct rate_counts *sum = map_get(&a->windows[r->window].sums, series);
    return sum ? sum : &nothing;
}

/* What was before is looked up only where it can change something. */
static bool needs_before(const struct rule_state *r, uint64_t series, const struct alert_reading *reading) {
    return is_active(r, series) ||
           wilson_lower_z(reading->numerator, reading->denominator, reading->z) >= r->rule->threshold;
}

/* The hours that the same window touched so many weeks before. */
static void week_before(const struct alerting *a, const struct alert_rule *rule, uint64_t series, int64_t minute,
                        int week, struct rate_counts *sum) {
    int64_t end = minute + 1, first = floor_div(end - rule->window, HOUR_MINUTES) - (int64_t)week * WEEK_HOURS;
    int64_t last = floor_div(end - 1, HOUR_MINUTES) - (int64_t)week * WEEK_HOURS;
    hours_sum(&a->hours[alerting_basis(rule)], series, first, last, sum);
}

static void read_weeks(const struct alerting *a, const struct rule_state *r, uint64_t series, int64_t minute,
                       struct alert_reading *reading) {
    for (int week = 1; week <= ALERT_WEEKS; week++) {
        struct rate_counts sum = {0};
        week_before(a, r->rule, series, minute, week, &sum);
        uint64_t denominator = rate_denominator(r->rule->rate, &sum);
        reading->before_numerator += rate_numerator(r->rule->rate, &sum);
        reading->before_denominator += denominator;
        reading->weeks += denominator > 0;
    }
}

static void step_rate(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    const struct rate_counts *sum = sum_of(a, r, series);
    struct alert_reading reading = {.numerator = rate_numerator(r->rule->rate, sum),
                                    .denominator = rate_denominator(r->rule->rate, sum),
                                    .z = r->z};
    if (r->rule->kind == ALERT_CHANGE && needs_before(r, series, &reading))
        read_weeks(a, r, series, minute, &reading);
    step_series(a, r, series, minute, &reading);
}

/* Bounces for a reason lie under its own series, the sends under the provider's. */
static void step_reason(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    uint64_t provider = CELL_PROVIDER | CELL_REASON_PROVIDER(series);
    struct alert_reading reading = {.numerator = sum_of(a, r, series)->n[COUNT_BOUNCED],
                                    .denominator = sum_of(a, r, provider)->n[COUNT_SENT],
                                    .z = r->z};
    if (needs_before(r, series, &reading)) {
        struct rate_counts bounced = {0}, sent = {0};
        int64_t behind = floor_div(minute + 1 - r->rule->window, HOUR_MINUTES);
        hours_sum(&a->hours[BASIS_EVENT], series, behind - WEEK_HOURS, behind - 1, &bounced);
        hours_sum(&a->hours[BASIS_EVENT], provider, behind - WEEK_HOURS, behind - 1, &sent);
        reading.before_numerator = bounced.n[COUNT_BOUNCED];
        reading.before_denominator = sent.n[COUNT_SENT];
    }
    step_series(a, r, series, minute, &reading);
}

/* The provider's sends changed: so did the share of each of its reasons. */
static void step_reasons_of(struct alerting *a, struct rule_state *r, uint16_t provider, int64_t minute) {
    for (uint64_t reason = 0; reason < REASONS; reason++)
        if (sum_of(a, r, CELL_REASON_OF(provider, reason))->n[COUNT_BOUNCED])
            step_reason(a, r, CELL_REASON_OF(provider, reason), minute);
}

static void step_in_window(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    if (r->rule->kind == ALERT_NEW_REASON && CELL_KIND(series) == CELL_PROVIDER)
        step_reasons_of(a, r, (uint16_t)series, minute);
    else if (!alerting_is_for(r->rule, series))
        return;
    else if (r->rule->kind == ALERT_NEW_REASON)
        step_reason(a, r, series, minute);
    else
        step_rate(a, r, series, minute);
}

/* The hours that the rule compares with are others than a minute ago. */
static bool before_moves(const struct alert_rule *rule, int64_t minute) {
    bool compares = rule->kind == ALERT_CHANGE || rule->kind == ALERT_NEW_REASON;
    return compares && ((minute + 1 - rule->window) % HOUR_MINUTES == 0 || minute % HOUR_MINUTES == 0);
}

static void step_all(struct alerting *a, struct rule_state *r, int64_t minute) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&a->windows[r->window].sums, &at, &key, &value);)
        if (alerting_is_for(r->rule, key))
            step_in_window(a, r, key, minute);
}

/* Those that are active first: stepping takes some of them off the list, so from its end. A series that also changed is
 * stepped twice with the same numbers at the same time, which changes nothing. */
static void step_windows(struct alerting *a, struct rule_state *r, int64_t minute) {
    for (size_t i = r->active_count; i-- > 0;)
        if (i < r->active_count)
            step_in_window(a, r, r->active[i], minute);
    if (before_moves(r->rule, minute)) {
        step_all(a, r, minute);
        return;
    }
    for (size_t i = 0; i < a->changed_count; i++)
        step_in_window(a, r, a->changed[i], minute);
}

/* --- when an hour ends -------------------------------------------------------------------------------------------- */

/* Weeks that the account does not have, are none; in those it has, a series without sends had none. */
static void step_drop(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    const struct hours *h = &a->hours[BASIS_EVENT];
    int64_t last = floor_div(minute, HOUR_MINUTES), window = (r->rule->window + HOUR_MINUTES - 1) / HOUR_MINUTES;
    int64_t known_from = hours_first(h, CELL_ACCOUNT);
    struct rate_counts now = {0};
    struct alert_reading reading = {0};
    hours_sum(h, series, last - window + 1, last, &now);
    reading.numerator = now.n[COUNT_SENT];
    for (int week = 1; week <= ALERT_WEEKS; week++) {
        struct rate_counts sum = {0};
        int64_t end = last - (int64_t)week * WEEK_HOURS;
        if (end - window + 1 < known_from)
            break;
        hours_sum(h, series, end - window + 1, end, &sum);
        if (!reading.weeks++ || sum.n[COUNT_SENT] < reading.denominator)
            reading.denominator = sum.n[COUNT_SENT];
    }
    step_series(a, r, series, minute, &reading);
}

static void step_last_sends(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    struct rate_counts sum = {0};
    hours_latest(&a->hours[BASIS_SENT], series, floor_div(minute, HOUR_MINUTES), r->rule->last_sends, &sum);
    const struct alert_reading reading = {.numerator = rate_numerator(r->rule->rate, &sum),
                                          .denominator = rate_denominator(r->rule->rate, &sum),
                                          .z = r->z};
    step_series(a, r, series, minute, &reading);
}

static void step_hourly(struct alerting *a, struct rule_state *r, uint64_t series, int64_t minute) {
    if (r->rule->kind == ALERT_DROP)
        step_drop(a, r, series, minute);
    else
        step_last_sends(a, r, series, minute);
}

static int by_number(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* In an order that does not depend on how the hours came to be known. */
static void step_at_hour(struct alerting *a, struct rule_state *r, int64_t minute) {
    uint64_t key;
    void *value;
    if ((minute + 1) % HOUR_MINUTES != 0)
        return;
    a->at_hour_count = 0;
    for (size_t i = 0; i < r->active_count; i++)
        alerting_push(&a->at_hour, &a->at_hour_count, &a->at_hour_size, r->active[i]);
    for (size_t at = 0; map_next(&a->hours[alerting_basis(r->rule)].series, &at, &key, &value);)
        if (alerting_is_for(r->rule, key) && !is_active(r, key))
            alerting_push(&a->at_hour, &a->at_hour_count, &a->at_hour_size, key);
    if (a->at_hour_count)
        qsort(a->at_hour, a->at_hour_count, sizeof *a->at_hour, by_number);
    for (size_t i = 0; i < a->at_hour_count; i++)
        step_hourly(a, r, a->at_hour[i], minute);
}

/* --- quotas, silence ---------------------------------------------------------------------------------------------- */

static void step_quota(struct alerting *a, struct rule_state *r, int64_t minute) {
    double quota = r->rule->kind == ALERT_QUOTA_SECOND ? 60 * r->rule->quota : r->rule->quota;
    const struct alert_reading reading = {.numerator = sum_of(a, r, CELL_ACCOUNT)->n[COUNT_SENT],
                                          .denominator = quota >= 1 ? (uint64_t)(quota + 0.5) : 0};
    step_series(a, r, CELL_ACCOUNT, minute, &reading);
}

uint32_t *alerting_records(const struct alerting *a, int64_t minute) {
    return a->records[((minute % a->records_kept) + a->records_kept) % a->records_kept];
}

static void add_records(const struct alert_rule *rule, const uint32_t records[EVENT_TYPES], uint64_t sums[SILENT_SUMS],
                        bool leaving) {
    uint64_t events = 0, sends = records[EVENT_SEND];
    for (int type = 0; type < EVENT_TYPES; type++)
        events += rule->event == EVENT_TYPES || rule->event == type ? records[type] : 0;
    sums[SILENT_EVENTS] += leaving ? -events : events;
    sums[SILENT_SENDS] += leaving ? -sends : sends;
}

/* The minute comes into the window, one goes from there to the window before, and one is forgotten. */
void alerting_slide_silence(struct alerting *a, int64_t minute, const uint32_t records[EVENT_TYPES]) {
    if (!a->records)
        return;
    for (size_t i = 0; i < a->rule_count; i++) {
        struct rule_state *r = &a->rules[i];
        if (r->rule->kind != ALERT_SILENCE)
            continue;
        const uint32_t *middle = alerting_records(a, minute - r->rule->window);
        add_records(r->rule, records, r->recent, false);
        add_records(r->rule, middle, r->recent, true);
        add_records(r->rule, middle, r->before, false);
        add_records(r->rule, alerting_records(a, minute - 2 * (int64_t)r->rule->window), r->before, true);
    }
    memcpy(alerting_records(a, minute), records, sizeof *a->records);
}

void alerting_sum_silence(struct alerting *a) {
    for (size_t i = 0; i < a->rule_count; i++) {
        struct rule_state *r = &a->rules[i];
        int64_t window = r->rule->window;
        memset(r->recent, 0, sizeof r->recent);
        memset(r->before, 0, sizeof r->before);
        for (int64_t age = 1; r->rule->kind == ALERT_SILENCE && age <= 2 * window; age++)
            add_records(r->rule, alerting_records(a, a->next - age), age <= window ? r->recent : r->before, false);
    }
}

static void step_silence(struct alerting *a, struct rule_state *r, int64_t minute) {
    struct alert_reading reading = {.numerator = r->recent[SILENT_EVENTS], .denominator = r->before[SILENT_EVENTS]};
    if (r->rule->event != EVENT_TYPES && r->rule->event != EVENT_SEND) {
        reading.denominator = r->recent[SILENT_SENDS];
        reading.before_numerator = r->before[SILENT_EVENTS];
        reading.before_denominator = r->before[SILENT_SENDS];
    }
    step_series(a, r, CELL_ACCOUNT, minute, &reading);
}

void alerting_step_rule(struct alerting *a, struct rule_state *r, int64_t minute) {
    switch (r->rule->kind) {
    case ALERT_SILENCE:
        step_silence(a, r, minute);
        break;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        step_quota(a, r, minute);
        break;
    default:
        if (alerting_is_hourly(r->rule))
            step_at_hour(a, r, minute);
        else
            step_windows(a, r, minute);
        break;
    }
}
