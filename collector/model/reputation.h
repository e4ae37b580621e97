/* An account's standing with AWS, as closely as its events tell: the rates that AWS looks at over a representative
 * volume of the latest mail, and how far each is from the next threshold. Pure.
 * Source of the thresholds: Amazon SES developer guide, "Using reputation metrics to track bounce and complaint rates",
 * and its FAQ on sending review. */
#ifndef MODEL_REPUTATION_H
#define MODEL_REPUTATION_H

#include <stdint.h>

#include "model/rate.h"

/* Put under review at it or over it; sending may be paused at it or over it. */
#define REPUTATION_BOUNCE_REVIEW    0.05
#define REPUTATION_BOUNCE_PAUSE     0.10
#define REPUTATION_COMPLAINT_REVIEW 0.001
#define REPUTATION_COMPLAINT_PAUSE  0.005

enum reputation_kind { REPUTATION_BOUNCE, REPUTATION_COMPLAINT, REPUTATION_KINDS };
const char *reputation_kind_name(enum reputation_kind kind); /* "bounce", "complaint" */
enum rate reputation_rate(enum reputation_kind kind);        /* RATE_REPUTATION_BOUNCE, RATE_COMPLAINT */
double reputation_review(enum reputation_kind kind);
double reputation_pause(enum reputation_kind kind);

/* AWS's own words for them, as labels. */
enum reputation_state {
    REPUTATION_UNKNOWN,      /* nothing to divide by */
    REPUTATION_HEALTHY,      /* "healthy" */
    REPUTATION_UNDER_REVIEW, /* "under_review" */
    REPUTATION_AT_RISK,      /* "at_risk": of being paused */
    REPUTATION_STATES
};
const char *reputation_state_name(enum reputation_state state);

enum reputation_state reputation_state_of(enum reputation_kind kind, uint64_t numerator, uint64_t denominator);

/* How many more bounces (complaints) among as many mails would reach the next threshold; `threshold` says which. 0 and
 * threshold 0 when there is none: at risk already, or unknown. */
uint64_t reputation_to_next(enum reputation_kind kind, uint64_t numerator, uint64_t denominator, double *threshold);

#endif
