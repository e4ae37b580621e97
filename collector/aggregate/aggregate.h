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

/* A minute that nothing can change any more. Minutes come in order, those without events are left out. Providers are
 * those known by then: a domain's own one from the hour on in which an event first told whose it is. */
struct closed_minute {
    int64_t minute;                /* minutes since 1970 */
    uint32_t records[EVENT_TYPES]; /* simulator included */
    /* CELL_ACCOUNT, CELL_PROVIDER | id, CELL_SET | id, CELL_REASON_OF(provider, reason) (its COUNT_BOUNCED), and with
     * keep_wide CELL_PAIR and CELL_IDENTITY | id -> struct cell_counts */
    const struct map *series;
    /* The same counts by when their mail was sent: CELL_COHORT(series, minutes between) -> struct cell_counts; empty
     * unless keep_cohorts. */
    const struct map *cohorts;
    const struct map *steps;   /* CELL_PAIR -> struct step_counts; empty unless keep_steps */
    const struct map *details; /* DETAIL_KEY (aggregate/detail_key.h) -> uint64_t; empty unless keep_details */
};
typedef void (*closed_minute_fn)(void *context, const struct closed_minute *minute);

/* A change of a minute that was closed before: only where minutes close before nothing can change them any more.
 * `sent_minute`: when its mail was sent; never after `minute`. */
typedef void (*amended_fn)(void *context, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                           int by);

/* What is made of events that tell whose an unknown domain's mailboxes are (event.hint). */
enum learning {
    LEARN_NOTHING,
    LEARN_FOR_ALL,  /* a batch run: the first such event, by its time, decides for all of the domain's mail */
    LEARN_FOR_LATER /* the service, whose counters never go back: for mail sent after the first such event */
};

struct aggregate_options {
    int64_t now_ms;         /* events more than 5 minutes ahead of it are `future` */
    int64_t lateness_ms;    /* how far behind the watermark's hour an event's hour may be and still count */
    int64_t from_ms, to_ms; /* the period; INT64_MIN, INT64_MAX: open */
    bool has_before;        /* also count the period of the same length before it */
    bool keep_steps, keep_details, keep_cohorts, keep_wide; /* what closed minutes have */
    enum learning learning;
    size_t max_visits;                    /* first opens and clicks remembered; 0: MAX_VISITS */
    uint64_t last_sends;                  /* of WINDOW_LAST_SENDS; 0: DEFAULT_LAST_SENDS */
    unsigned tag_count;                   /* tags that are views */
    uint32_t tag_numbers[EVENT_MAX_TAGS]; /* which tags they are, for ever: where their counts are saved */
    closed_minute_fn on_closed;           /* NULL: nobody asks */
    void *on_closed_context;
    /* The service cannot wait until nothing can change: it closes minutes so long after they ended, and is told of
     * what comes later. 0: a batch run, where minutes close when they are too old to be counted. */
    int64_t settle_ms;
    amended_fn on_amended;
    bool keep_state;            /* remember what changes, for aggregate_save */
    bool single_recipient_only; /* what VDM counts: mail to several recipients and to the simulator is `filtered` */
};

/* First opens and clicks that are remembered, to count a message once: 10 to 20 bytes each, up to 62 days. */
enum { MAX_VISITS = 20000000 };
/* Domains whose provider can be learned. A batch run counts each apart until its end, the service only remembers. */
enum { MAX_DOMAINS_FOR_ALL = 20000, MAX_DOMAINS_FOR_LATER = 1000000 };

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

/* The service's configuration changed: whether hints are taken and hold from now on. What was learned is kept. */
void aggregate_set_learning(struct aggregate *a, bool learn);

/* The service's rules changed: aggregate_options.keep_wide and keep_cohorts from now on. */
void aggregate_keep(struct aggregate *a, bool wide, bool cohorts);

/* Closes the minutes that ended before `time_ms`, though no event says that time has come so far: nothing comes. */
void aggregate_close_until(struct aggregate *a, int64_t time_ms);

/* The first minute that is not closed; INT64_MIN before the first event. */
int64_t aggregate_open_from(const struct aggregate *a);

/* For a window that is to be looked at anew: the counts of a past minute or hour (since 1970), by series as in
 * closed_minute, added to `series`. False when such a fine count is not kept any more for that time. */
bool aggregate_past_minute(const struct aggregate *a, enum basis basis, int64_t minute, struct map *series);
bool aggregate_past_hour(const struct aggregate *a, enum basis basis, int64_t hour, struct map *series);

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
