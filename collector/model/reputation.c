#include "model/reputation.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static const struct {
    const char *name;
    enum rate rate;
    double review, pause;
} kinds[REPUTATION_KINDS] = {
    [REPUTATION_BOUNCE] = {"bounce", RATE_REPUTATION_BOUNCE, REPUTATION_BOUNCE_REVIEW, REPUTATION_BOUNCE_PAUSE},
    [REPUTATION_COMPLAINT] = {"complaint", RATE_COMPLAINT, REPUTATION_COMPLAINT_REVIEW, REPUTATION_COMPLAINT_PAUSE},
};

const char *reputation_kind_name(enum reputation_kind kind) {
    assert((size_t)kind < REPUTATION_KINDS);
    return kinds[kind].name;
}

enum rate reputation_rate(enum reputation_kind kind) {
    assert((size_t)kind < REPUTATION_KINDS);
    return kinds[kind].rate;
}

double reputation_review(enum reputation_kind kind) {
    assert((size_t)kind < REPUTATION_KINDS);
    return kinds[kind].review;
}

double reputation_pause(enum reputation_kind kind) {
    assert((size_t)kind < REPUTATION_KINDS);
    return kinds[kind].pause;
}

const char *reputation_state_name(enum reputation_state state) {
    static const char *const names[REPUTATION_STATES] = {"unknown", "healthy", "under_review", "at_risk"};
    assert((size_t)state < REPUTATION_STATES);
    return names[state];
}

/* The smallest number that, divided by `denominator`, is at the threshold or over it. */
static uint64_t reaches(double threshold, uint64_t denominator) {
    uint64_t n = (uint64_t)floor(threshold * (double)denominator);
    while ((double)n / (double)denominator < threshold)
        n++;
    return n;
}

enum reputation_state reputation_state_of(enum reputation_kind kind, uint64_t numerator, uint64_t denominator) {
    if (denominator == 0)
        return REPUTATION_UNKNOWN;
    if (numerator >= reaches(reputation_pause(kind), denominator))
        return REPUTATION_AT_RISK;
    return numerator >= reaches(reputation_review(kind), denominator) ? REPUTATION_UNDER_REVIEW : REPUTATION_HEALTHY;
}

uint64_t reputation_to_next(enum reputation_kind kind, uint64_t numerator, uint64_t denominator, double *threshold) {
    switch (reputation_state_of(kind, numerator, denominator)) {
    case REPUTATION_HEALTHY:
        *threshold = reputation_review(kind);
        break;
    case REPUTATION_UNDER_REVIEW:
        *threshold = reputation_pause(kind);
        break;
    default:
        *threshold = 0;
        return 0;
    }
    return reaches(*threshold, denominator) - numerator;
}
