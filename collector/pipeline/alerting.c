#include "pipeline/alerting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/wilson.h"
#include "core/alloc.h"
#include "pipeline/alerting_internal.h"

void alerting_push(uint64_t **list, size_t *count, size_t *size, uint64_t key) {
    if (*count == *size) {
        *size = *size ? *size * 2 : 64;
        *list = alloc_resize(*list, *size, sizeof **list);
    }
    (*list)[(*count)++] = key;
}

/* --- minutes ------------------------------------------------------------------------------------------------------ */

static void note_activity(struct alerting *a, const struct closed_minute *m) {
    uint64_t sum = 0;
    for (int i = 0; i < EVENT_TYPES; i++)
        sum += m->records[i];
    if (!a->live || !sum)
        return;
    if (a->activity_count == a->activity_size) {
        a->activity_size = a->activity_size ? a->activity_size * 2 : 64;
        a->activity = alloc_resize(a->activity, a->activity_size, sizeof *a->activity);
    }
    struct activity *to = &a->activity[a->activity_count++];
    to->minute = m->minute;
    memcpy(to->records, m->records, sizeof to->records);
}

/* `m` NULL: nothing happened in the minute. */
static void look_at_minute(struct alerting *a, int64_t minute, const struct closed_minute *m) {
    static const uint32_t none[EVENT_TYPES];
    a->changed_count = 0;
    uint64_t series;
    void *nothing;
    for (size_t at = 0; map_next(&a->late, &at, &series, &nothing);)
        alerting_push(&a->changed, &a->changed_count, &a->changed_size, series);
    if (a->late.len)
        map_clear(&a->late);
    if (m)
        note_activity(a, m);
    alerting_slide_silence(a, minute, m ? m->records : none);
    alerting_slide_windows(a, minute, m);
    for (size_t i = 0; i < a->rule_count; i++)
        alerting_step_rule(a, &a->rules[i], minute);
    alerting_tell_together(a);
}

/* Minutes without events, up to before `minute`. After `settle` of them all sums are 0 and no rule moves. */
static void pass_empty_minutes(struct alerting *a, int64_t minute) {
    int64_t last = minute - a->next > a->settle ? a->next + a->settle : minute;
    for (int64_t m = a->next; m < last; m++)
        look_at_minute(a, m, NULL);
}

void alerting_minute(struct alerting *a, const struct closed_minute *m) {
    if (a->started)
        pass_empty_minutes(a, m->minute);
    a->started = true;
    look_at_minute(a, m->minute, m);
    a->next = m->minute + 1;
}

void alerting_advance(struct alerting *a, int64_t minute) {
    if (!a->started || minute <= a->next)
        return;
    pass_empty_minutes(a, minute);
    a->next = minute;
}

void alerting_finish(struct alerting *a, int64_t watermark_ms) {
    alerting_advance(a, floor_div(watermark_ms, MINUTE_MS) + 1);
}

void alerting_amend(struct alerting *a, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                    int by) {
    if (!a->started) {
        a->started = true;
        a->next = minute + 1;
    }
    alerting_advance(a, minute + 1); /* it is closed: so is all before it */
    alerting_amend_windows(a, minute, sent_minute, series, counters, by);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* After so many minutes without events nothing that the rule looks at can change any more. */
static int64_t settle_of(const struct alert_rule *rule) {
    int64_t minutes = 2 * (int64_t)rule->window + rule->for_minutes + rule->keep_firing_minutes + 62;
    bool remembers = alerting_is_hourly(rule) || rule->kind == ALERT_CHANGE || rule->kind == ALERT_NEW_REASON;
    if (rule->kind == ALERT_QUOTA_DAY)
        minutes += 2 * 24 * HOUR_MINUTES;
    return remembers ? minutes + (HOURS_KEPT + 1) * HOUR_MINUTES : minutes;
}

static void make_rule(struct alerting *a, struct rule_state *r, const struct alert_rule *rule) {
    bool of_a_share = rule->kind != ALERT_QUOTA_DAY && rule->kind != ALERT_QUOTA_SECOND;
    r->rule = rule;
    r->z = rule->confidence > 0 && of_a_share ? wilson_quantile(rule->confidence) : 0;
    map_init(&r->watches, sizeof(struct watch));
    alerting_make_window(a, r);
    if (rule->kind == ALERT_SILENCE && 2 * (int64_t)rule->window > a->records_kept)
        a->records_kept = 2 * (int64_t)rule->window;
    if (settle_of(rule) > a->settle)
        a->settle = settle_of(rule);
}

struct alerting *alerting_create(const struct alert_rule *rules, size_t count, const struct snapshot_names *names) {
    struct alerting *a = alloc_zeroed(1, sizeof *a);
    a->names = names;
    map_init(&a->late, 1);
    for (int i = 0; i < BASES; i++)
        hours_init(&a->hours[i]);
    a->rules = alloc_zeroed(count, sizeof *a->rules);
    a->rule_count = count;
    for (size_t i = 0; i < count; i++)
        make_rule(a, &a->rules[i], &rules[i]);
    if (a->records_kept)
        a->records = alloc_zeroed((size_t)a->records_kept, sizeof *a->records);
    return a;
}

void alerting_go_live(struct alerting *a, struct intern *rule_numbers, const struct alerting_hooks *hooks) {
    a->live = true;
    a->hooks = *hooks;
    for (size_t i = 0; i < a->rule_count; i++) {
        char name[INTERN_SCRATCH];
        int len = snprintf(name, sizeof name, "%s/%s", a->rules[i].rule->name, a->rules[i].rule->severity);
        a->rules[i].number =
            intern_id(rule_numbers, (struct span){name, len < (int)sizeof name ? (size_t)len : sizeof name - 1});
        map_track(&a->rules[i].watches);
    }
}

void alerting_destroy(struct alerting *a) {
    if (!a)
        return;
    for (size_t i = 0; i < a->rule_count; i++) {
        map_deinit(&a->rules[i].watches);
        free(a->rules[i].active);
    }
    alerting_free_windows(a);
    incidents_deinit(&a->incidents);
    free(a->records);
    free(a->activity);
    free(a->touched);
    free(a->gone);
    free(a->orphans);
    free(a->stale);
    free(a->fresh);
    free(a->at_hour);
    map_deinit(&a->late);
    free(a->rules);
    free(a->changed);
    free(a);
}
