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
#include "model/state_io.h"

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

/* A change of a minute that was closed before: only where minutes close before nothing can change them any more. */
typedef void (*amended_fn)(void *context, int64_t minute, uint64_t series, unsigned counters, int by);

struct aggregate_options {
    int64_t now_ms;         /* events more than 5 minutes ahead of it are `future` */
    int64_t lateness_ms;    /* how far behind the watermark's hour an event's hour may be and still count */
    int64_t from_ms, to_ms; /* the period; INT64_MIN, INT64_MAX: open */
    bool has_before;        /* also count the period of the same length before it */
    bool keep_steps;
    unsigned tag_count;                   /* tags that are views */
    uint32_t tag_numbers[EVENT_MAX_TAGS]; /* which tags they are, for ever: where their counts are saved */
    closed_minute_fn on_closed;           /* NULL: nobody asks */
    void *on_closed_context;
    /* The service cannot wait until nothing can change: it closes minutes so long after they ended, and is told of
     * what comes later. 0: a batch run, where minutes close when they are too old to be counted. */
    int64_t settle_ms;
    amended_fn on_amended;
    bool keep_state; /* remember what changes, for aggregate_save */
};

/* Sources whose records are told apart. */
enum { AGGREGATE_SOURCES = 64 };

struct aggregate;

struct aggregate *aggregate_create(const struct aggregate_options *options); /* returns new */
void aggregate_destroy(struct aggregate *a);                                 /* NULL is allowed */

/* Counts a batch's events, and adds its accounting. Batches of one object must come in their order. */
void aggregate_apply(struct aggregate *a, const struct batch *batch);

/* The input has ended: closes all minutes. */
void aggregate_finish(struct aggregate *a);

/* The service's clock, for events from the future. */
void aggregate_set_now(struct aggregate *a, int64_t now_ms);

/* Closes the minutes that ended before `time_ms`, though no event says that time has come so far: nothing comes. */
void aggregate_close_until(struct aggregate *a, int64_t time_ms);

/* The first minute that is not closed; INT64_MIN before the first event. */
int64_t aggregate_open_from(const struct aggregate *a);

/* For a window that is to be looked at anew: the counts of a past minute or hour (since 1970), by series as in
 * closed_minute, added to `series`. False when such a fine count is not kept any more for that time. */
bool aggregate_past_minute(const struct aggregate *a, int64_t minute, struct map *series);
bool aggregate_past_hour(const struct aggregate *a, int64_t hour, struct map *series);

/* Writes what changed since the last save that was kept; between two records only. Once that is durable, says so:
 * before, the same changes are written again with the next save. */
void aggregate_save(struct aggregate *a, const struct state_writer *to);
void aggregate_saved(struct aggregate *a);
/* Takes up what was saved; only right after aggregate_create. */
bool aggregate_load(struct aggregate *a, const struct state_reader *from, struct err *err);

/* Event time of the latest event counted; INT64_MIN while there is none. */
int64_t aggregate_watermark_ms(const struct aggregate *a);

/* Names for a snapshot. Borrowed; the tables must outlive it. */
struct snapshot_names {
    struct intern *sets, *identities, *templates;
    struct intern *tags[EVENT_MAX_TAGS];
    const struct provider_table *providers;
    const char *const *sources; /* by batch.source */
    size_t source_count;
};

struct view_request {
    enum view_kind kind;
    unsigned tag;      /* VIEW_TAG: which */
    const char *title; /* borrowed by the snapshot */
};

/* Returns new; free with snapshot_destroy. The history is made where minutes settle (the service). Of each kind of name
 * the `max_names` busiest keep theirs, the rest is `other`. */
struct snapshot *aggregate_snapshot(const struct aggregate *a, const struct snapshot_names *names,
                                    const struct view_request *views, size_t view_count, size_t max_names);
void snapshot_destroy(struct snapshot *s); /* NULL is allowed; leaves `alerts` to whoever put them there */

#endif
