/* Alert rules and their evaluation: pure, time and numbers come as arguments. */
#ifndef ALERT_RULE_H
#define ALERT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rate.h"
#include "model/snapshot.h"

enum alert_scope { SCOPE_ACCOUNT, SCOPE_PROVIDER, SCOPE_CONFIGURATION_SET, ALERT_SCOPES };
const char *alert_scope_name(enum alert_scope scope);

enum alert_kind {
    ALERT_RATE_ABOVE, /* a rate at or over its threshold */
    ALERT_RATE_BELOW, /* a rate at or under its threshold */
    ALERT_SILENCE,    /* no event for the window, after at least min_volume events in the window before it */
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
    enum rate rate;          /* of ALERT_RATE_ABOVE and _BELOW */
    unsigned scopes;         /* bits 1 << enum alert_scope */
    int window;              /* minutes; a multiple of 60 when over 120 */
    const char *window_name; /* "1h" */
    double threshold;
    double clear;            /* it clears under this (_BELOW: over this), so that it does not flap */
    uint64_t min_volume;     /* the rate's denominator must reach this */
    int for_minutes;         /* must hold for so long before it fires */
    int keep_firing_minutes; /* must be clear for so long before it resolves */
    const struct label_pair *labels, *annotations; /* the operator's own; sorted by name */
    size_t label_count, annotation_count;
    struct alert_brake brake;
};

/* The AWS thresholds (developer guide, "reputation metrics"): bounce 5 % and 10 %, complaint 0.1 % and 0.5 %; and a
 * watchdog for silence. Static. */
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

enum alert_change { ALERT_SAME, ALERT_BECAME_PENDING, ALERT_FIRED, ALERT_RESOLVED_NOW, ALERT_CANCELLED };

/* After ALERT_RESOLVED_NOW the caller takes what it needs and zeroes the status.
 * Moves the state to `now_ms` (a minute's end, event time) with the numbers of the window that ends there. */
enum alert_change alert_step(const struct alert_rule *rule, struct alert_status *status, int64_t now_ms,
                             uint64_t numerator, uint64_t denominator);

#endif
