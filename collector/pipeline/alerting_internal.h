/* What alerting.c moves and alerting_state.c keeps. */
#ifndef PIPELINE_ALERTING_INTERNAL_H
#define PIPELINE_ALERTING_INTERNAL_H

#include "aggregate/cells.h"
#include "alert/incidents.h"
#include "pipeline/alerting.h"

enum { MAX_WINDOWS = 8, KEPT_DAYS = 7 };

/* The sums of a window that moves with time, made of units: minutes, or hours when it is longer than two. */
struct sliding {
    int minutes, unit;
    struct map sums;         /* series key -> struct rate_counts */
    struct grid_cell *units; /* a ring */
    int64_t ring;
};

/* A rule on one series. */
struct watch {
    struct alert_status status;
    uint64_t incident; /* while it fires; 0: the list was full */
};

/* Records of a minute that was looked at, to be saved. */
struct activity {
    int64_t minute;
    uint32_t records;
};

struct rule_state {
    const struct alert_rule *rule;
    uint32_t number;    /* of the rule, for ever; live only */
    int window;         /* index into windows; not of silence */
    struct map watches; /* series key -> struct watch */
    uint64_t *active;   /* series pending or firing */
    size_t active_count, active_size;
    uint32_t *records; /* silence: records of the last two windows' minutes, a ring */
    uint64_t recent, before;
};

struct alerting {
    struct rule_state *rules;
    size_t rule_count;
    struct sliding windows[MAX_WINDOWS];
    int window_count;
    const struct snapshot_names *names;
    bool started;
    int64_t next;      /* the minute to look at next */
    int64_t settle;    /* minutes without events after which nothing can change any more */
    uint64_t *changed; /* series whose sums changed in this minute; may hold one twice */
    size_t changed_count, changed_size;
    struct map late; /* series amended since the last minute that was looked at */
    struct incidents incidents;
    /* The service's: */
    bool live, held;
    struct alerting_hooks hooks;
    struct activity *activity;
    size_t activity_count, activity_size;
    uint64_t *touched, *gone; /* incidents that changed, or were pruned, since the last save; may hold one twice */
    size_t touched_count, touched_size, gone_count, gone_size;
    uint64_t *stale; /* rule and series in turn: standings in the file that are none any more */
    size_t stale_count, stale_size;
    uint64_t *orphans; /* incidents whose rule is gone, while they are found */
    size_t orphan_count, orphan_size;
};

/* Appends to a list that grows. */
void alerting_push(uint64_t **list, size_t *count, size_t *size, uint64_t key);

/* Whether the rule looks at the series. */
bool alerting_is_for(const struct alert_rule *rule, uint64_t series);

/* Forgets the incidents that were over before `minute`. */
void alerting_prune(struct alerting *a, int64_t minute);

/* Fills all windows, empty so far, from what the aggregate has of the past. */
void alerting_fill_windows(struct alerting *a, const struct aggregate *counts);

/* An incident ends, and is told of. */
void alerting_close_incident(struct alerting *a, uint64_t incident, int64_t now_ms);

#endif
