/* What the files of alerting share. alerting.c has the minutes and the life; _windows the sums that rules look at;
 * _rules what each kind of rule makes of them; _incidents what is told; _state what is kept. */
#ifndef PIPELINE_ALERTING_INTERNAL_H
#define PIPELINE_ALERTING_INTERNAL_H

#include "aggregate/cells.h"
#include "alert/incidents.h"
#include "pipeline/alerting.h"
#include "pipeline/hours.h"

enum { KEPT_DAYS = 7, HOUR_MINUTES = 60, WEEK_HOURS = 7 * 24 };

/* The sums of a window that moves with time, made of units: minutes, or hours when it is longer than two. */
struct sliding {
    enum basis basis; /* by when it happened, or by when its mail was sent */
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

/* Records of a minute that was looked at. */
struct activity {
    int64_t minute;
    uint32_t records[EVENT_TYPES];
};

/* Of a rule of silence: events of what it waits for, and sends. */
enum { SILENT_EVENTS, SILENT_SENDS, SILENT_SUMS };

struct rule_state {
    const struct alert_rule *rule;
    uint32_t number;    /* of the rule, for ever; live only */
    double z;           /* of its confidence */
    int window;         /* index into windows; -1: it has none that slides */
    struct map watches; /* series key -> struct watch */
    uint64_t *active;   /* series pending or firing */
    size_t active_count, active_size;
    uint64_t recent[SILENT_SUMS], before[SILENT_SUMS]; /* silence: the window, and the one before it */
};

/* An incident that began in this minute. */
struct fresh {
    struct rule_state *r;
    uint64_t series, incident;
};

struct alerting {
    struct rule_state *rules;
    size_t rule_count;
    struct sliding *windows;
    int window_count;
    struct hours hours[BASES]; /* of the last 35 days; only what rules ask for */
    const struct snapshot_names *names;
    bool started;
    int64_t next;      /* the minute to look at next */
    int64_t settle;    /* minutes without events after which nothing can change any more */
    uint64_t *changed; /* series whose sums changed in this minute; may hold one twice */
    size_t changed_count, changed_size;
    uint64_t *at_hour; /* series looked at when an hour ends */
    size_t at_hour_count, at_hour_size;
    struct map late; /* series amended since the last minute that was looked at */
    /* Records of the last minutes, as many as rules of silence look back: a ring by minute; NULL without such rules. */
    uint32_t (*records)[EVENT_TYPES];
    int64_t records_kept;
    struct incidents incidents;
    struct fresh *fresh; /* to be told together */
    size_t fresh_count, fresh_size;
    bool some_ended; /* an incident did: those that it muted may have to be told */
    /* The service's: */
    bool live, held;
    struct alerting_hooks hooks;
    struct activity *activity; /* to be saved */
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

/* --- rules --- */

/* Whether the rule looks at the series. */
bool alerting_is_for(const struct alert_rule *rule, uint64_t series);
/* By what its windows count. */
enum basis alerting_basis(const struct alert_rule *rule);
/* It is looked at when an hour ends, and not between. */
bool alerting_is_hourly(const struct alert_rule *rule);
/* Bits of the counters that a rate is made of. */
unsigned alerting_counters(enum rate rate);

/* Moves the rule on all series that may have to move, at the end of `minute`. */
void alerting_step_rule(struct alerting *a, struct rule_state *r, int64_t minute);

/* Rules of silence: what they look at moves on by a minute; and anew from `records`, up to before a->next. */
void alerting_slide_silence(struct alerting *a, int64_t minute, const uint32_t records[EVENT_TYPES]);
void alerting_sum_silence(struct alerting *a);
/* The place of a minute's records. */
uint32_t *alerting_records(const struct alerting *a, int64_t minute);

/* --- windows --- */

/* Makes room for what the rule looks at. */
void alerting_make_window(struct alerting *a, struct rule_state *r);
void alerting_free_windows(struct alerting *a);
/* Moves all windows to end with `minute`; NULL: nothing happened in it. */
void alerting_slide_windows(struct alerting *a, int64_t minute, const struct closed_minute *m);
void alerting_amend_windows(struct alerting *a, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                            int by);
/* Fills all windows, empty so far, from what the aggregate has of the past. */
void alerting_fill_windows(struct alerting *a, const struct aggregate *counts);

/* --- incidents --- */

/* Forgets the incidents that were over before `minute`. */
void alerting_prune(struct alerting *a, int64_t minute);

/* An incident begins: it is listed, and told when the minute has been looked at. Returns its number, which may become
 * another one until then; 0: the list is full. */
uint64_t alerting_open_incident(struct alerting *a, struct rule_state *r, uint64_t series, const struct alert_status *s,
                                const struct alert_reading *reading, int64_t minute);
/* An incident ends, and is told of. */
void alerting_close_incident(struct alerting *a, uint64_t incident, int64_t now_ms);

/* The minute has been looked at: says which of what is new is a part of something else, and tells. */
void alerting_tell_together(struct alerting *a);

#endif
