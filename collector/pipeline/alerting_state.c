/* What alerting knows, to and from wherever it is kept, and from one set of rules to the next. Windows are not kept:
 * the aggregate has their counts. */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "pipeline/alerting_internal.h"
#include "sinks/notifier.h"

/* Keys of STATE_NUMBERS_OF_ALERTING; for ever. */
enum { NUMBER_NEXT, NUMBER_LAST_INCIDENT };

enum { ROW_LIMIT = 1 << 20 };

/* --- saving ------------------------------------------------------------------------------------------------------- */

static void save_watches(const struct rule_state *r, const struct state_writer *to) {
    for (size_t i = 0; i < r->watches.changed_count; i++) {
        uint64_t series = r->watches.changed[i];
        const struct watch *w = map_get(&r->watches, series);
        if (w->status.active_ms)
            to->put(to->context, STATE_WATCHES, r->number, series, w, sizeof *w);
        else
            to->drop(to->context, STATE_WATCHES, r->number, series);
    }
}

static void save_incidents(const struct alerting *a, const struct state_writer *to) {
    struct buf text;
    buf_init(&text, ROW_LIMIT);
    for (size_t i = 0; i < a->touched_count; i++) {
        const struct alert_row *row = incidents_find(&a->incidents, a->touched[i]);
        if (!row)
            continue;
        buf_clear(&text);
        if (notification_encode(&(struct notification){.id = row->incident, .alert = *row}, &text))
            to->put(to->context, STATE_INCIDENTS, 0, row->incident, text.data, text.len);
    }
    for (size_t i = 0; i < a->gone_count; i++)
        to->drop(to->context, STATE_INCIDENTS, 0, a->gone[i]);
    buf_deinit(&text);
}

static void save_number(const struct state_writer *to, uint64_t key, int64_t value) {
    to->put(to->context, STATE_NUMBERS, STATE_NUMBERS_OF_ALERTING, key, &value, sizeof value);
}

void alerting_save(struct alerting *a, const struct state_writer *to) {
    if (!a->started)
        return;
    alerting_prune(a, a->next - (int64_t)KEPT_DAYS * 24 * 60);
    save_number(to, NUMBER_NEXT, a->next);
    save_number(to, NUMBER_LAST_INCIDENT, (int64_t)a->incidents.last);
    for (size_t i = 0; i < a->activity_count; i++)
        to->put(to->context, STATE_ACTIVITY, a->activity[i].minute, 0, a->activity[i].records,
                sizeof a->activity[i].records);
    to->drop_below(to->context, STATE_ACTIVITY, a->next - a->records_kept);
    for (size_t i = 0; i < a->stale_count; i += 2)
        to->drop(to->context, STATE_WATCHES, (int64_t)a->stale[i], a->stale[i + 1]);
    for (size_t i = 0; i < a->rule_count; i++)
        save_watches(&a->rules[i], to);
    save_incidents(a, to);
}

void alerting_saved(struct alerting *a) {
    a->activity_count = a->touched_count = a->gone_count = a->stale_count = 0;
    for (size_t i = 0; i < a->rule_count; i++)
        map_forget_changes(&a->rules[i].watches);
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

static void load_number(void *context, int64_t index, uint64_t key, const void *value) {
    struct alerting *a = context;
    int64_t number;
    memcpy(&number, value, sizeof number);
    if (index != STATE_NUMBERS_OF_ALERTING)
        return;
    if (key == NUMBER_NEXT) {
        a->started = true;
        a->next = number;
    } else if (key == NUMBER_LAST_INCIDENT) {
        a->incidents.last = (uint64_t)number;
    }
}

static void load_incident(void *context, int64_t index, uint64_t key, const void *value) {
    struct alerting *a = context;
    struct notification n;
    (void)index, (void)key;
    if (!notification_decode(*(const struct span *)value, &n))
        return; /* one line of the list less */
    const struct alert_row *row = &n.alert;
    a->held |= row->held && row->state == ALERT_FIRING; /* until somebody says that they need not be */
    incidents_restore(&a->incidents, alert_rows_copy(&row, 1));
    notification_deinit(&n);
}

static struct rule_state *rule_of(struct alerting *a, int64_t number) {
    for (size_t i = 0; i < a->rule_count; i++)
        if (a->rules[i].number == number)
            return &a->rules[i];
    return NULL;
}

/* A standing that is left over from a rule that was gone for a while is no standing: its incident is over. */
static bool is_over(const struct alerting *a, const struct watch *w) {
    const struct alert_row *row = incidents_find(&a->incidents, w->incident);
    return w->status.fired_ms && w->incident && (!row || row->state == ALERT_RESOLVED);
}

static void put_watch(struct alerting *a, struct rule_state *r, uint32_t number, uint64_t series,
                      const struct watch *w) {
    if (!r || !alerting_is_for(r->rule, series))
        alerting_push(&a->orphans, &a->orphan_count, &a->orphan_size, w->incident);
    if (!r || !alerting_is_for(r->rule, series) || !w->status.active_ms || is_over(a, w)) {
        alerting_push(&a->stale, &a->stale_count, &a->stale_size, number);
        alerting_push(&a->stale, &a->stale_count, &a->stale_size, series);
        return;
    }
    *(struct watch *)map_put(&r->watches, series) = *w;
    alerting_push(&r->active, &r->active_count, &r->active_size, series);
}

static void load_watch(void *context, int64_t index, uint64_t key, const void *value) {
    struct alerting *a = context;
    struct rule_state *r = rule_of(a, index);
    struct watch w;
    memcpy(&w, value, sizeof w);
    put_watch(a, r, (uint32_t)index, key, &w);
}

static void put_activity(struct alerting *a, int64_t minute, const uint32_t records[EVENT_TYPES]) {
    if (minute < a->next && minute >= a->next - a->records_kept)
        memcpy(alerting_records(a, minute), records, sizeof *a->records);
}

static void load_activity(void *context, int64_t index, uint64_t key, const void *value) {
    uint32_t records[EVENT_TYPES];
    (void)key;
    memcpy(records, value, sizeof records);
    put_activity(context, index, records);
}

/* Nobody watches these any more. */
static void close_orphans(struct alerting *a) {
    for (size_t i = 0; i < a->orphan_count; i++)
        alerting_close_incident(a, a->orphans[i], a->next * MINUTE_MS);
    a->orphan_count = 0;
}

/* Numbers of incidents rise, but the highest known may belong to one that was pruned: it is taken last. */
bool alerting_load(struct alerting *a, const struct state_reader *from, const struct aggregate *counts,
                   struct err *err) {
    if (!from->each(from->context, STATE_INCIDENTS, 0, load_incident, a, err) ||
        !from->each(from->context, STATE_NUMBERS, sizeof(int64_t), load_number, a, err) ||
        !from->each(from->context, STATE_WATCHES, sizeof(struct watch), load_watch, a, err) ||
        !from->each(from->context, STATE_ACTIVITY, EVENT_TYPES * sizeof(uint32_t), load_activity, a, err))
        return false;
    size_t stale = a->stale_count;
    alerting_saved(a);
    a->stale_count = stale;
    alerting_sum_silence(a);
    alerting_fill_windows(a, counts);
    close_orphans(a);
    a->some_ended = true; /* what muted others may be gone */
    return true;
}

/* --- other rules -------------------------------------------------------------------------------------------------- */

static void take_watches(struct alerting *a, const struct rule_state *from) {
    struct rule_state *to = rule_of(a, from->number);
    for (size_t i = 0; i < from->active_count; i++) {
        const struct watch *w = map_get(&from->watches, from->active[i]);
        put_watch(a, to, from->number, from->active[i], w);
    }
}

static void take_activity(struct alerting *a, const struct alerting *old) {
    for (int64_t minute = a->next - old->records_kept; minute < a->next; minute++)
        put_activity(a, minute, alerting_records(old, minute));
    alerting_sum_silence(a);
}

/* What was not saved yet must be saved all the same. */
static void take_unsaved(struct alerting *a, struct alerting *old) {
    a->activity = old->activity, a->activity_count = old->activity_count, a->activity_size = old->activity_size;
    a->touched = old->touched, a->touched_count = old->touched_count, a->touched_size = old->touched_size;
    a->gone = old->gone, a->gone_count = old->gone_count, a->gone_size = old->gone_size;
    a->stale = old->stale, a->stale_count = old->stale_count, a->stale_size = old->stale_size;
    old->activity = NULL;
    old->touched = old->gone = old->stale = NULL;
}

void alerting_take_over(struct alerting *a, struct alerting *old, const struct aggregate *counts) {
    a->started = old->started;
    a->next = old->next;
    a->held = old->held;
    a->some_ended = old->some_ended;
    a->incidents = old->incidents;
    old->incidents = (struct incidents){0};
    take_unsaved(a, old);
    if (a->started) {
        for (size_t i = 0; i < old->rule_count; i++)
            take_watches(a, &old->rules[i]);
        take_activity(a, old);
        alerting_fill_windows(a, counts);
        close_orphans(a);
    }
    alerting_destroy(old);
}
