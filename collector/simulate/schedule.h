/* When messages are sent: either evenly, or along the curve of a business day and week (UTC). */
#ifndef SIMULATE_SCHEDULE_H
#define SIMULATE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    uint64_t seed;
    uint32_t uneven_ppm; /* the curve: an hour has up to so much more or less than it says, in millionths */
    int64_t start_ms, end_ms;
    uint64_t total;        /* messages in all */
    uint64_t issued;       /* messages given out */
    double interval;       /* evenly: milliseconds between two messages; 0 = along the curve */
    int64_t minute_ms;     /* the curve: the minute being filled, ... */
    uint64_t minute_first; /* ... the number of its first message, ... */
    uint64_t minute_count; /* ... and how many it has */
    uint64_t weight_before, weight_total;
};

void schedule_init_even(struct schedule *s, uint64_t seed, int64_t start_ms, int64_t end_ms, double per_second);
void schedule_init_curve(struct schedule *s, uint64_t seed, int64_t start_ms, int64_t end_ms, uint64_t messages,
                         uint32_t uneven_ppm);

/* The next message's time; never before that of the one before it. False when there is none left. */
bool schedule_next(struct schedule *s, int64_t *sent_ms);

#endif
