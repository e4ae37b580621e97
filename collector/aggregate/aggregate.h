/* All state there is, in one place and on one thread: what was counted, what was seen before, and how far time has
 * come. Batches go in, a snapshot comes out. The rules are those of docs/counting.md. */
#ifndef AGGREGATE_AGGREGATE_H
#define AGGREGATE_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/intern.h"
#include "core/map.h"
#include "model/batch.h"
#include "model/provider.h"
#include "model/snapshot.h"

/* What was recorded in one step of event time for one configuration set and provider: a row of `replay --cells`. */
struct step_counts {
    uint32_t records[EVENT_TYPES];
    uint32_t recipients[EVENT_TYPES];
};

/* A minute that nothing can change any more. Minutes come in order, those without events are left out. */
struct closed_minute {
    int64_t minute;           /* minutes since 1970 */
    uint32_t records;         /* of all types, simulator included */
    const struct map *series; /* CELL_ACCOUNT, CELL_PROVIDER | id, CELL_SET | id -> struct cell_counts */
    const struct map *steps;  /* CELL_PAIR -> struct step_counts; empty unless keep_steps */
};
typedef void (*closed_minute_fn)(void *context, const struct closed_minute *minute);

struct aggregate_options {
    int64_t now_ms;         /* events more than 5 minutes ahead of it are `future` */
    int64_t lateness_ms;    /* how far behind the watermark's hour an event's hour may be and still count */
    int64_t from_ms, to_ms; /* the period; INT64_MIN, INT64_MAX: open */
    bool has_before;        /* also count the period of the same length before it */
    bool keep_steps;
    unsigned tag_count;         /* tags that are views */
    closed_minute_fn on_closed; /* NULL: nobody asks */
    void *on_closed_context;
};

struct aggregate;

struct aggregate *aggregate_create(const struct aggregate_options *options); /* returns new */
void aggregate_destroy(struct aggregate *a);                                 /* NULL is allowed */

/* Counts a batch's events, and adds its accounting. Batches of one object must come in their order. */
void aggregate_apply(struct aggregate *a, const struct batch *batch);

/* The input has ended: closes all minutes. */
void aggregate_finish(struct aggregate *a);

/* Event time of the latest event counted; INT64_MIN while there is none. */
int64_t aggregate_watermark_ms(const struct aggregate *a);

/* Names for a snapshot. Borrowed; the tables must outlive it. */
struct snapshot_names {
    struct intern *sets, *identities, *templates;
    struct intern *tags[EVENT_MAX_TAGS];
    const struct provider_table *providers;
};

struct view_request {
    enum view_kind kind;
    unsigned tag;      /* VIEW_TAG: which */
    const char *title; /* borrowed by the snapshot */
};

/* Returns new; free with snapshot_destroy. Of each kind of name the `max_names` busiest keep theirs, the rest is
 * `other`. */
struct snapshot *aggregate_snapshot(const struct aggregate *a, const struct snapshot_names *names,
                                    const struct view_request *views, size_t view_count, size_t max_names);
void snapshot_destroy(struct snapshot *s); /* NULL is allowed; leaves `alerts` to whoever put them there */

#endif
