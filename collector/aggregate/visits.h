/* Opens and clicks that wait for their minute to close, and which messages were opened or clicked before: who it was is
 * judged by all that came within two seconds, and every message counts once for every agent (docs/counting.md, "Who
 * opened").
 *
 * Minutes are judged in their order. What comes for a minute that was judged waits apart, and is judged with what came
 * with it. */
#ifndef AGGREGATE_VISITS_H
#define AGGREGATE_VISITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/dedup.h"
#include "model/event.h"
#include "model/state_io.h"

/* An open or a click, in as little as will do. */
struct visit {
    uint64_t message_key, key;
    uint32_t set, identity;
    uint32_t link;         /* 0: none is known */
    uint32_t sent_minutes; /* how many minutes before its own the mail was sent; UINT32_MAX: as many or more */
    uint32_t tags[EVENT_MAX_TAGS];
    uint16_t provider;
    uint16_t ms; /* in its minute */
    uint8_t type, visitor, period;
    uint8_t unused; /* 0 */
};
_Static_assert(sizeof(struct visit) == 56, "what waits is many");

/* One with its minute; also as it is kept. */
struct late_visit {
    int64_t minute;
    struct visit visit;
};

struct visit_list {
    int64_t minute; /* of all of them, where there are any */
    struct visit *list;
    uint32_t count, size, saved; /* the first `saved` of them are kept already */
};

struct visit_click {
    uint64_t message_key;
    int64_t time_ms;
    uint32_t link;
};

/* From .. to: what a message's burst makes a machine's. */
struct visit_burst {
    uint64_t message_key;
    int64_t from_ms, to_ms;
};

struct visits {
    struct visit_list *minutes; /* a ring */
    size_t ring;
    struct late_visit *late; /* of minutes that were judged */
    size_t late_count, late_size, late_saved;
    struct late_visit *tail; /* clicks of the last two seconds that were judged: the next minute's bursts */
    size_t tail_count, tail_size;
    bool tail_saved;
    /* Messages by day of sending that were opened or clicked, once for each agent. */
    struct dedup first;
    size_t max_first;
    int64_t slack_days; /* how much older than the minutes being judged a late one's day may be */
    int64_t judged_day; /* the latest */
    int64_t floor_day;  /* days before it were forgotten for want of room: what is sent then counts as sent now */
    uint64_t forgotten; /* keys of those days */
    struct visit_click *clicks; /* at hand */
    struct visit_burst *bursts;
    size_t click_count, click_size, burst_count, burst_size;
};

enum { VISIT_BURST_LINKS = 3, VISIT_BURST_MS = 2000, VISIT_MEMORY_DAYS = 62 };

/* `minutes`: that may wait at once. `slack_days`: how many days older than the minutes that close a late visit may be;
 * 0 where there are none. */
void visits_init(struct visits *v, size_t minutes, int64_t slack_days, size_t max_first);
void visits_deinit(struct visits *v);
void visits_widen(struct visits *v, size_t minutes); /* while nothing waits */

/* `open_from`: the first minute that is not judged. */
void visits_add(struct visits *v, int64_t minute, const struct visit *visit, int64_t open_from);

/* By time, then message and key. `is_first`: no other of the message by this agent was before. */
typedef void (*visit_judged_fn)(void *context, const struct visit *visit, int64_t minute, enum visitor agent,
                                bool is_first);
void visits_judge_late(struct visits *v, visit_judged_fn judged, void *context);
void visits_judge_minute(struct visits *v, int64_t minute, visit_judged_fn judged, void *context);

/* All minutes before this one are judged. */
void visits_enter_minute(struct visits *v, int64_t minute);

/* As aggregate_save, _saved and _load. */
void visits_save(struct visits *v, const struct state_writer *to, int64_t open_from);
void visits_saved(struct visits *v);
/* A row of STATE_VISITS. `was_open_from` when it was saved, and now, which is not less. */
void visits_load(struct visits *v, int64_t index, const struct late_visit *row, int64_t was_open_from,
                 int64_t open_from);
int64_t visits_oldest_day(const struct visits *v); /* no older day is remembered */

#endif
