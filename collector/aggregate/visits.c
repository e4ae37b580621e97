#include "aggregate/visits.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/cells.h"
#include "core/alloc.h"
#include "core/hash.h"

enum { DAY_MINUTES = 24 * 60, TAIL_FROM_MS = MINUTE_MS - VISIT_BURST_MS };

void visits_init(struct visits *v, size_t minutes, int64_t slack_days, size_t max_first) {
    *v = (struct visits){.ring = minutes,
                         .max_first = max_first,
                         .slack_days = slack_days,
                         .judged_day = INT64_MIN,
                         .floor_day = INT64_MIN};
    v->minutes = alloc_zeroed(minutes, sizeof *v->minutes);
    dedup_init(&v->first, (size_t)(VISIT_MEMORY_DAYS + slack_days) + 2);
}

void visits_deinit(struct visits *v) {
    for (size_t i = 0; i < v->ring; i++)
        free(v->minutes[i].list);
    free(v->minutes);
    free(v->late);
    free(v->tail);
    free(v->clicks);
    free(v->bursts);
    dedup_deinit(&v->first);
}

void visits_widen(struct visits *v, size_t minutes) {
    if (minutes <= v->ring)
        return;
    free(v->minutes);
    v->ring = minutes;
    v->minutes = alloc_zeroed(minutes, sizeof *v->minutes);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static struct visit_list *slot_of(const struct visits *v, int64_t minute) {
    int64_t ring = (int64_t)v->ring;
    return &v->minutes[((minute % ring) + ring) % ring];
}

static struct visit_list *list_of(const struct visits *v, int64_t minute) {
    struct visit_list *l = slot_of(v, minute);
    return l->count && l->minute == minute ? l : NULL;
}

static void add_late(struct late_visit **list, size_t *count, size_t *size, int64_t minute, const struct visit *visit) {
    if (*count == *size) {
        *size = *size ? *size * 2 : 16;
        *list = alloc_resize(*list, *size, sizeof **list);
    }
    (*list)[(*count)++] = (struct late_visit){minute, *visit};
}

void visits_add(struct visits *v, int64_t minute, const struct visit *visit, int64_t open_from) {
    if (minute < open_from) {
        add_late(&v->late, &v->late_count, &v->late_size, minute, visit);
        return;
    }
    struct visit_list *l = slot_of(v, minute);
    assert(!l->count || l->minute == minute);
    l->minute = minute;
    if (l->count == l->size) {
        l->size = l->size ? l->size + l->size / 2 : 8;
        l->list = alloc_resize(l->list, l->size, sizeof *l->list);
    }
    l->list[l->count++] = *visit;
}

/* --- bursts ------------------------------------------------------------------------------------------------------- */

static void add_click(struct visits *v, int64_t minute, const struct visit *visit) {
    if (visit->type != EVENT_CLICK || !visit->link)
        return;
    if (v->click_count == v->click_size) {
        v->click_size = v->click_size ? v->click_size * 2 : 64;
        v->clicks = alloc_resize(v->clicks, v->click_size, sizeof *v->clicks);
    }
    v->clicks[v->click_count++] = (struct visit_click){visit->message_key, minute * MINUTE_MS + visit->ms, visit->link};
}

static int by_message(const void *x, const void *y) {
    const struct visit_click *a = x, *b = y;
    if (a->message_key != b->message_key)
        return a->message_key < b->message_key ? -1 : 1;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return (a->link > b->link) - (a->link < b->link);
}

/* Stretches that overlap are one. Both their beginnings and their ends only go up within a message. */
static void add_burst(struct visits *v, uint64_t message_key, int64_t from_ms, int64_t to_ms) {
    struct visit_burst *last = v->burst_count ? &v->bursts[v->burst_count - 1] : NULL;
    if (last && last->message_key == message_key && from_ms <= last->to_ms) {
        last->to_ms = to_ms;
        return;
    }
    if (v->burst_count == v->burst_size) {
        v->burst_size = v->burst_size ? v->burst_size * 2 : 16;
        v->bursts = alloc_resize(v->bursts, v->burst_size, sizeof *v->bursts);
    }
    v->bursts[v->burst_count++] = (struct visit_burst){message_key, from_ms, to_ms};
}

/* The last three different links that were clicked, the latest first. */
struct latest {
    unsigned count;
    uint32_t links[VISIT_BURST_LINKS];
    int64_t times[VISIT_BURST_LINKS];
};

static void note_click(struct latest *l, const struct visit_click *c) {
    unsigned at = 0;
    while (at < l->count && l->links[at] != c->link)
        at++;
    if (at == l->count) { /* a new one: the oldest goes */
        l->count += l->count < VISIT_BURST_LINKS;
        at = l->count - 1;
    }
    for (; at > 0; at--) {
        l->links[at] = l->links[at - 1];
        l->times[at] = l->times[at - 1];
    }
    l->links[0] = c->link;
    l->times[0] = c->time_ms;
}

/* From the clicks at hand. Among stretches that end with one click the shortest with three links begins at the latest
 * click of the third link. Every stretch of two seconds that holds it lies between its end - 2 s and its begin + 2 s.
 */
static void find_bursts(struct visits *v) {
    struct latest latest = {0};
    v->burst_count = 0;
    if (v->click_count < VISIT_BURST_LINKS)
        return;
    qsort(v->clicks, v->click_count, sizeof *v->clicks, by_message);
    for (size_t i = 0; i < v->click_count; i++) {
        const struct visit_click *c = &v->clicks[i];
        if (i && c->message_key != v->clicks[i - 1].message_key)
            latest.count = 0;
        note_click(&latest, c);
        if (latest.count < VISIT_BURST_LINKS)
            continue;
        int64_t begin = latest.times[VISIT_BURST_LINKS - 1];
        if (c->time_ms - begin <= VISIT_BURST_MS)
            add_burst(v, c->message_key, c->time_ms - VISIT_BURST_MS, begin + VISIT_BURST_MS);
    }
}

static bool in_burst(const struct visits *v, uint64_t message_key, int64_t time_ms) {
    size_t low = 0, high = v->burst_count; /* the last that begins at or before it */
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct visit_burst *b = &v->bursts[middle];
        if (b->message_key < message_key || (b->message_key == message_key && b->from_ms <= time_ms))
            low = middle + 1;
        else
            high = middle;
    }
    return low && v->bursts[low - 1].message_key == message_key && time_ms <= v->bursts[low - 1].to_ms;
}

/* --- once for every agent ----------------------------------------------------------------------------------------- */

int64_t visits_oldest_day(const struct visits *v) {
    if (v->judged_day == INT64_MIN)
        return v->floor_day;
    int64_t oldest = v->judged_day - VISIT_MEMORY_DAYS - v->slack_days;
    return oldest > v->floor_day ? oldest : v->floor_day;
}

/* The day of the sending, if it can be believed. */
static int64_t remembered_day(const struct visits *v, const struct visit *visit, int64_t minute) {
    int64_t day = floor_div(minute, DAY_MINUTES), sent = floor_div(minute - visit->sent_minutes, DAY_MINUTES);
    if (day - sent > VISIT_MEMORY_DAYS)
        sent = day;
    return sent < v->floor_day ? v->floor_day : sent;
}

static void make_room(struct visits *v, int64_t today) {
    int64_t oldest;
    while (v->first.keys > v->max_first && dedup_oldest(&v->first, &oldest)) {
        v->forgotten += dedup_forget_below(&v->first, oldest + 1);
        v->floor_day = oldest < today ? oldest + 1 : oldest;
    }
}

static bool is_first(struct visits *v, const struct visit *visit, int64_t minute, enum visitor agent) {
    unsigned what = 1u + (unsigned)agent + (visit->type == EVENT_CLICK ? (unsigned)VISITORS : 0u);
    uint64_t key = hash_mix(visit->message_key + what * 0x9e3779b97f4a7c15ull);
    if (!dedup_add(&v->first, remembered_day(v, visit, minute), key))
        return false;
    make_room(v, floor_div(minute, DAY_MINUTES));
    return true;
}

/* --- judging ------------------------------------------------------------------------------------------------------ */

static int by_time(const void *x, const void *y) {
    const struct visit *a = x, *b = y;
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    if (a->message_key != b->message_key)
        return a->message_key < b->message_key ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

static int by_minute(const void *x, const void *y) {
    const struct late_visit *a = x, *b = y;
    if (a->minute != b->minute)
        return a->minute < b->minute ? -1 : 1;
    return by_time(&a->visit, &b->visit);
}

static void judge(struct visits *v, const struct visit *visit, int64_t minute, visit_judged_fn judged, void *context) {
    bool machine = v->burst_count && in_burst(v, visit->message_key, minute * MINUTE_MS + visit->ms);
    enum visitor agent = machine ? VISITOR_MACHINE : (enum visitor)visit->visitor;
    judged(context, visit, minute, agent, is_first(v, visit, minute, agent));
}

void visits_judge_late(struct visits *v, visit_judged_fn judged, void *context) {
    if (!v->late_count)
        return;
    v->click_count = 0;
    for (size_t i = 0; i < v->late_count; i++)
        add_click(v, v->late[i].minute, &v->late[i].visit);
    find_bursts(v);
    qsort(v->late, v->late_count, sizeof *v->late, by_minute);
    for (size_t i = 0; i < v->late_count; i++)
        judge(v, &v->late[i].visit, v->late[i].minute, judged, context);
    free(v->late);
    v->late = NULL;
    v->late_count = v->late_size = v->late_saved = 0;
}

/* Clicks of the minute, of two seconds before it and of two after it. */
static void collect_clicks(struct visits *v, const struct visit_list *l) {
    const struct visit_list *next = list_of(v, l->minute + 1);
    v->click_count = 0;
    for (size_t i = 0; i < v->tail_count; i++)
        if (v->tail[i].minute == l->minute - 1)
            add_click(v, v->tail[i].minute, &v->tail[i].visit);
    for (uint32_t i = 0; i < l->count; i++)
        add_click(v, l->minute, &l->list[i]);
    for (uint32_t i = 0; next && i < next->count; i++)
        if (next->list[i].ms < VISIT_BURST_MS)
            add_click(v, next->minute, &next->list[i]);
}

static void keep_tail(struct visits *v, int64_t minute, const struct visit *visit) {
    if (visit->type == EVENT_CLICK && visit->ms >= TAIL_FROM_MS)
        add_late(&v->tail, &v->tail_count, &v->tail_size, minute, visit);
}

void visits_enter_minute(struct visits *v, int64_t minute) {
    int64_t day = floor_div(minute, DAY_MINUTES);
    if (day <= v->judged_day)
        return;
    v->judged_day = day;
    dedup_forget_below(&v->first, visits_oldest_day(v));
}

void visits_judge_minute(struct visits *v, int64_t minute, visit_judged_fn judged, void *context) {
    struct visit_list *l = list_of(v, minute);
    if (!l)
        return;
    collect_clicks(v, l);
    find_bursts(v);
    qsort(l->list, l->count, sizeof *l->list, by_time);
    v->tail_count = 0;
    v->tail_saved = false;
    for (uint32_t i = 0; i < l->count; i++) {
        judge(v, &l->list[i], minute, judged, context);
        keep_tail(v, minute, &l->list[i]);
    }
    free(l->list);
    *l = (struct visit_list){0};
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static void save_one(const struct state_writer *to, int64_t index, const struct late_visit *row) {
    to->put(to->context, STATE_VISITS, index, row->visit.key, row, sizeof *row);
}

/* A row's index is the minute with which it is judged. */
void visits_save(struct visits *v, const struct state_writer *to, int64_t open_from) {
    to->drop_below(to->context, STATE_VISITS, open_from - 1);
    for (size_t i = 0; i < v->ring; i++) {
        const struct visit_list *l = &v->minutes[i];
        for (uint32_t j = l->saved; j < l->count; j++)
            save_one(to, l->minute, &(struct late_visit){l->minute, l->list[j]});
    }
    for (size_t i = v->late_saved; i < v->late_count; i++)
        save_one(to, open_from, &v->late[i]);
    for (size_t i = 0; !v->tail_saved && i < v->tail_count; i++)
        if (v->tail[i].minute == open_from - 1)
            save_one(to, v->tail[i].minute, &v->tail[i]);
}

void visits_saved(struct visits *v) {
    for (size_t i = 0; i < v->ring; i++)
        v->minutes[i].saved = v->minutes[i].count;
    v->late_saved = v->late_count;
    v->tail_saved = true;
    dedup_forget_added(&v->first);
}

void visits_load(struct visits *v, int64_t index, const struct late_visit *row, int64_t was_open_from,
                 int64_t open_from) {
    if (index >= was_open_from)
        visits_add(v, row->minute, &row->visit, open_from);
    else if (index == was_open_from - 1 && row->minute == index)
        keep_tail(v, row->minute, &row->visit);
}
