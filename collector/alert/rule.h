/* Alert rules and their evaluation: pure, time and numbers come as arguments. */
#ifndef ALERT_RULE_H
#define ALERT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rate.h"
#include "model/snapshot.h"

enum alert_scope {
    SCOPE_ACCOUNT,
    SCOPE_PROVIDER,
    SCOPE_CONFIGURATION_SET,
    SCOPE_PROVIDER_CONFIGURATION_SET,
    SCOPE_IDENTITY,
    ALERT_SCOPES
};
const char *alert_scope_name(enum alert_scope scope);

/* docs/counting.md, "Alerts", says what each holds against what. "Before" are the same hours one to four weeks before,
 * of the weeks that have any; at least two must. */
enum alert_kind {
    ALERT_RATE_ABOVE,   /* a rate at or over its threshold */
    ALERT_RATE_BELOW,   /* a rate at or under its threshold */
    ALERT_SILENCE,      /* the account: no event (of `event`) for the window, though there should have been some */
    ALERT_CHANGE,       /* a rate at least `factor` times that of before, and at or over the threshold */
    ALERT_DROP,         /* sends at or under `factor` times the smallest of before; looked at when an hour ends */
    ALERT_NEW_REASON,   /* bounces of a provider for one reason, over its sends: at or over the threshold, and at least
                           `factor` times what it was in the week before the window; `scopes` says nothing here */
    ALERT_QUOTA_DAY,    /* the account's sends of 24 h, over its quota of a day: at or over the threshold */
    ALERT_QUOTA_SECOND, /* the account's sends of a minute, over 60 times its quota of a second: the same */
    ALERT_KINDS
};

/* What a rule may do beside telling: pause the sending that an incident is about. */
struct alert_brake {
    bool on;
    uint64_t min_volume; /* the denominator at the moment it fired must reach this */
    double confidence;   /* 0.5 to below 1: the Wilson lower bound at this confidence must pass the threshold */
    bool resume;         /* what we paused goes on when the incident is over */
};

struct alert_rule {
    const char *name;
    const char *severity;
    const char *summary; /* what it means, one sentence */
    enum alert_kind kind;
    enum rate rate;   /* of ALERT_RATE_ABOVE, _BELOW and ALERT_CHANGE */
    enum basis basis; /* of these: by when it happened, or by when its mail was sent */
    unsigned scopes;  /* bits 1 << enum alert_scope */
    /* Minutes, up to 7 d; a multiple of 60 when over 120, and of ALERT_DROP. QUOTA_DAY: 1440, QUOTA_SECOND: 1. 0: the
     * last `last_sends` sends (RATE_ABOVE and _BELOW, BASIS_SENT): whole hours of sending, the newest first, until
     * there are so many, of the last 35 d; looked at when an hour ends. */
    int window;
    uint64_t last_sends;     /* with window 0 */
    const char *window_name; /* "1h", "last_10000" */
    int event;               /* ALERT_SILENCE: enum event_type; EVENT_TYPES: any */
    double factor;           /* ALERT_CHANGE, ALERT_DROP, ALERT_NEW_REASON */
    double quota;            /* ALERT_QUOTA_*: sends of a day, or of a second */
    /* 0: the share as it is. 0.5 to below 1: so sure must it be that the true share is past the threshold (the bound of
     * Wilson's interval), so that five of fifty are no incident. */
    double confidence;
    double threshold;
    /* It clears when the plain share is under this (_BELOW: over this), so that it does not flap; CHANGE and NEW_REASON
     * also under `factor` times the share of before. DROP: over this, or over `factor` when that is more. */
    double clear;
    /* The rate's denominator must reach this. SILENCE: the records (sends, for a type) of the window before; of another
     * type than sends, the sends of the window. DROP: the sends of each week before. NEW_REASON: the bounces. */
    uint64_t min_volume;
    int for_minutes;                               /* must hold for so long before it fires */
    int keep_firing_minutes;                       /* must be clear for so long before it resolves */
    const struct label_pair *labels, *annotations; /* the operator's own; sorted by name */
    size_t label_count, annotation_count;
    struct alert_brake brake;
};

/* The AWS thresholds (developer guide, "reputation metrics"): bounce 5 % and 10 %, complaint 0.1 % and 0.5 %; watchdogs
 * for silence, and what else is worth waking somebody for without knowing the account. Static. */
const struct alert_rule *alert_default_rules(size_t *count);

/* Several rows, with everything that they point to, in one block: free() ends it. Returns new; NULL for none. */
struct alert_row *alert_rows_copy(const struct alert_row *const *rows, size_t count);

/* State of one rule on one series. Zeroed before use. */
struct alert_status {
    int64_t active_ms; /* since when the condition holds; 0 = it does not */
    int64_t fired_ms;  /* 0 = not firing */
    int64_t clear_ms;  /* firing, but clear since then; 0 = not clear */
    double value;      /* of the moment it fired */
    uint64_t numerator, denominator;
};

/* Of the four weeks before so many must have something to compare with. */
enum { ALERT_WEEKS = 4, ALERT_LEAST_WEEKS = 2 };
/* SILENCE of another type than sends: only where so many of it would have been expected. */
#define ALERT_SILENCE_EXPECTED 20.0
/* DROP: sends are Poisson noise at least; fewer must be by more than so many of its standard deviations. */
#define ALERT_DROP_SIGMAS 4.0

/* What a rule sees at a minute's end. */
struct alert_reading {
    /* The rate's two in the window. SILENCE: events in it; records (sends) of the window before, of another type than
     * sends the sends of the window. DROP: sends; the smallest number of before. NEW_REASON: bounces; sends. QUOTA:
     * sends; the quota. */
    uint64_t numerator, denominator;
    /* CHANGE, NEW_REASON: the same, before. SILENCE of another type than sends: events and sends of the window before.
     */
    uint64_t before_numerator, before_denominator;
    unsigned weeks; /* CHANGE, DROP: how many weeks before there are */
    double z;       /* wilson_quantile(confidence); 0 where the rule has none */
};

enum alert_change { ALERT_SAME, ALERT_BECAME_PENDING, ALERT_FIRED, ALERT_RESOLVED_NOW, ALERT_CANCELLED };

/* After ALERT_RESOLVED_NOW the caller takes what it needs and zeroes the status.
 * Moves the state to `now_ms` (a minute's end, event time) with the numbers of the window that ends there. */
enum alert_change alert_step(const struct alert_rule *rule, struct alert_status *status, int64_t now_ms,
                             const struct alert_reading *reading);

/* What is shown as the value: a share, or of SILENCE the events. */
double alert_value(const struct alert_rule *rule, const struct alert_reading *reading);
/* What that had to reach: with what was before it may be more than the rule's own. */
double alert_threshold(const struct alert_rule *rule, const struct alert_reading *reading);
/* What is watched: the label of a rate, "sends", "events", "delivery_events", "bounce_reason". Static. */
const char *alert_watched(const struct alert_rule *rule);

/* critical, error, warning, and whatever else there is: a higher number is worse. */
int alert_severity_rank(const char *severity);

#endif
