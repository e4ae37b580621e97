/* The counting thread of the service: the only one that touches what is counted.
 *
 *     hopper ──chains──> aggregate, alerting ──every commit_ms──> commit ──> snapshot up, streams acknowledged,
 * messages out
 *
 * Nothing is seen outside before it is committed. When the file has no room, nothing is taken in until it has. */
#ifndef PIPELINE_ENGINE_H
#define PIPELINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "alert/brake.h"
#include "model/board.h"
#include "parsers/normalise.h"
#include "pipeline/alerting.h"
#include "pipeline/hopper.h"
#include "pipeline/keeper.h"
#include "pipeline/outbox.h"
#include "pipeline/sources.h"
#include "pipeline/suppression.h"
#include "sinks/quarantine.h"

struct engine_options {
    int64_t commit_ms;
    int64_t lateness_ms;
    int64_t settle_ms;      /* minutes are judged so long after they ended */
    int64_t idle_after_ms;  /* time goes on with the clock when no newer event came for so long */
    int64_t hold_behind_ms; /* further behind than this, incidents are held */
    size_t max_names;
    bool learn_domains; /* this and the next two: as aggregate_options */
    uint64_t last_sends, max_visits;
    const char *alerts_file;   /* NULL: none */
    bool exit_at_end;          /* time moves with the events alone */
    bool show_the_end;         /* the board has the last word: a snapshot of the state at the end */
    struct brake_limits brake; /* a run that ends with its input never brakes */
    struct span tags[EVENT_MAX_TAGS];
    unsigned tag_count;
};

struct engine;

/* Takes up what the state file has. The keeper, the board, the hopper, the outbox and the quarantine (may be NULL) are
 * borrowed. Returns new. */
struct engine_parts {
    struct keeper *keeper;
    struct board *board;
    struct hopper *hopper;
    struct outbox *outbox;
    struct quarantine *quarantine;
};
struct engine *engine_create(const struct engine_options *options, const struct engine_parts *parts,
                             const struct alert_rule *rules, size_t rule_count, struct err *err);
void engine_destroy(struct engine *e); /* after engine_stop; NULL is allowed */

void engine_start(struct engine *e);
/* Counts what waits, commits, and ends the thread. False when that did not come about within `deadline_ms`: then the
 * engine still runs, and only the end of the process is left. */
bool engine_stop(struct engine *e, int64_t deadline_ms);

/* Runs `work` on the counting thread, between two chains, and waits for its end. False when it has ended before. */
bool engine_run(struct engine *e, void (*work)(void *context, struct engine *e), void *context);
/* Has a commit made, and waits for it `deadline_ms` at most. False when it did not come about in that time. */
bool engine_commit_soon(struct engine *e, int64_t deadline_ms);

bool engine_is_committed(const struct engine *e); /* after engine_stop: everything that was counted */
bool engine_failed(const struct engine *e);       /* the state file cannot be written any more: end the process */
int64_t engine_beat_ns(const struct engine *e);   /* when the thread was last seen alive, monotonic */
bool engine_is_ready(const struct engine *e);

/* Before engine_start, or on the counting thread: */
struct dictionary *engine_dictionary(struct engine *e); /* what sources work with; its providers may be replaced */
/* The number of a source's accounting; -1 when there are too many. */
int engine_source_index(struct engine *e, const char *name, const char *kind);
/* The sources whose state is shown; borrowed. */
void engine_show_sources(struct engine *e, struct running_source *sources, size_t count);
void engine_set_rules(struct engine *e, const struct alert_rule *rules, size_t count);
/* Takes both. */
void engine_set_providers(struct engine *e, struct provider_table *providers, struct knowledge *knowledge);
/* Borrows the options until the next call. What was kept stays in the state when nothing is asked for any more. */
bool engine_set_suppression(struct engine *e, const struct suppression_options *options, struct err *err);
/* Who fills in the rows of remote write, on the counting thread, each time a snapshot is made. Before engine_start. */
void engine_ask_remote_writes(struct engine *e, void (*show)(void *context, struct service_row *row), void *context);
void engine_set_options(struct engine *e, const struct engine_options *options);
void engine_note_reload(struct engine *e, bool ok);
/* Counts the next chain, if one waits. */
void engine_count_next(struct engine *e);
/* Commits what there is, now; for what must come after it. */
bool engine_commit(struct engine *e); /* false: there is no room */
/* The last commit failed: streams of sources are still waiting for one, and must not go away. */
bool engine_holds_streams(const struct engine *e);

#endif
