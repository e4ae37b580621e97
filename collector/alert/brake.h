/* Whether an incident shall pause sending: pure, time and numbers come as arguments. Off unless a rule says so.
 *
 * What is paused is held by incidents: by the one that paused it, and by those that would have and found it paused. It
 * goes on when the last of them is over and all of them say `resume`; else somebody has to let it go on by hand. An
 * incident that is over does not stand in the way of the next one, which pauses again: that harms nothing. */
#ifndef ALERT_BRAKE_H
#define ALERT_BRAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert/rule.h"
#include "core/buf.h"
#include "core/err.h"
#include "model/snapshot.h"

const char *brake_decision_name(enum brake_decision d); /* a label's value */

/* "" (the account), or what SES takes for the name of a configuration set. A name comes from a record, so it may be
 * anything; one that SES cannot know is nothing that could be paused. */
bool brake_is_name(const char *configuration_set);

/* How far a pause got. */
enum brake_reach { BRAKE_NOT_REACHED, BRAKE_MAYBE /* asked for, and no answer */, BRAKE_REACHED };

/* An incident that holds a pause; kept in the state. */
struct brake_pause {
    char configuration_set[BRAKE_NAME_SIZE]; /* "": the account */
    uint64_t incident;
    int64_t since_ms, over_ms; /* wall clock; over 0: the incident goes on */
    enum brake_reach reach;    /* the same for all that hold the same */
    bool dry;                  /* decided in a dry run: nothing is paused */
    bool joined;               /* found it paused: does not count for the day */
    bool stays;                /* it ended and does not let sending go on */
    bool ended;                /* sending goes on again, by us or by somebody else; or it was never paused */
};

enum { BRAKE_PAUSES_MAX = 4096 }; /* more are not decided: too many */
struct brake_state {
    struct brake_pause *pauses; /* owned; by time of the decision */
    size_t count, capacity;
};
void brake_state_deinit(struct brake_state *s);

struct brake_limits {
    bool dry_run;
    unsigned max_per_day;
};

/* An incident that fires (its numbers are those of now) or has just ended. `rule` NULL: there is no such rule any more.
 * Changes the state as the decision says; PAUSE and RESUME are for the caller to carry out. After an end, what waits to
 * be carried out is to be given up when brake_wants says no. */
enum brake_decision brake_decide(struct brake_state *s, const struct brake_limits *limits,
                                 const struct alert_rule *rule, const struct alert_row *incident, int64_t now_ms);

/* The incident holds a pause (in a dry run: or would), or did: there is nothing more to decide while it fires. */
bool brake_knows(const struct brake_state *s, const struct brake_limits *limits, uint64_t incident);
/* An incident that fires, and began to hold it at `from_ms` or later, wants it paused. */
bool brake_wants(const struct brake_state *s, const char *configuration_set, int64_t from_ms);

/* What came of an order, by the name of what it was about. False: nothing changed. */
bool brake_reached(struct brake_state *s, const char *configuration_set, enum brake_reach reach);
bool brake_given_up(struct brake_state *s, const char *configuration_set); /* a pause that nobody wanted any more */
bool brake_resumed(struct brake_state *s, const char *configuration_set);  /* as we asked for */
bool brake_released(struct brake_state *s,
                    const char *configuration_set); /* by somebody else; or there is no such set */
/* It got paused when its incidents were over already, and all of them wanted sending to go on. */
bool brake_is_left_over(const struct brake_state *s, const char *configuration_set);

/* Forgets what is over, shown long enough, and of no day that counts. False: nothing changed. */
bool brake_prune(struct brake_state *s, int64_t now_ms);

/* Incidents that are over without a word of it (a damaged state): false for those that still fire. */
bool brake_close_others(struct brake_state *s, bool (*fires)(void *context, uint64_t incident), void *context,
                        int64_t now_ms);

/* What is paused, by time, each name once; at most BRAKE_ROWS. Returns how many. */
size_t brake_rows(const struct brake_state *s, struct brake_row rows[BRAKE_ROWS]);

/* As lines of text, for the state file. Decode takes only what encode writes; on false the state is empty. */
bool brake_state_encode(const struct brake_state *s, struct buf *to);
bool brake_state_decode(struct span from, struct brake_state *s, struct err *err);

#endif
