#include "simulate/schedule.h"

#include "simulate/prng.h"

enum { MINUTE_MS = 60000, MINUTES_A_DAY = 1440 };

/* Mail by hour of the day (UTC), in percent of an ordinary hour: quiet nights, a peak in the morning, one after lunch.
 */
static const uint32_t hour_weight[25] = {55,  45,  40,  38,  42,  55,  80,  115, 150, 170, 165, 150, 135,
                                         145, 160, 155, 140, 125, 115, 110, 100, 90,  75,  65,  55};
/* By day of the week, Thursday first, as 1970 began. */
static const uint32_t weekday_weight[7] = {110, 100, 62, 58, 105, 115, 112};

/* How the hour differs from the curve, in thousandths of what that says: no two Tuesdays are alike. */
static uint64_t hour_factor(const struct schedule *s, int64_t hour) {
    uint64_t up_to = s->uneven_ppm / 1000,
             draw = prng_mix(prng_mix(s->seed + 0x756e6576656eull) + (uint64_t)hour) >> 32;
    return 1000 - up_to + (draw * (2 * up_to + 1) >> 32);
}

static uint64_t minute_weight(const struct schedule *s, int64_t minute_ms) {
    int64_t minute = minute_ms / MINUTE_MS;
    uint32_t of_day = (uint32_t)(minute % MINUTES_A_DAY), hour = of_day / 60, rest = of_day % 60;
    uint64_t weight = hour_weight[hour] * (60 - rest) + hour_weight[hour + 1] * rest;
    int64_t length = (minute + 1) * MINUTE_MS - minute_ms;
    if (length > s->end_ms - minute_ms)
        length = s->end_ms - minute_ms;
    if (s->uneven_ppm)
        weight *= hour_factor(s, minute / 60);
    /* In half seconds: a partial minute counts for its part, and ten years still fit into 64 bits. */
    return weight * weekday_weight[(minute / MINUTES_A_DAY) % 7] * (uint64_t)((length + 499) / 500);
}

static int64_t minute_after(int64_t minute_ms) {
    return (minute_ms / MINUTE_MS + 1) * MINUTE_MS;
}

void schedule_init_even(struct schedule *s, uint64_t seed, int64_t start_ms, int64_t end_ms, double per_second) {
    *s = (struct schedule){.seed = seed, .start_ms = start_ms, .end_ms = end_ms, .interval = 1000.0 / per_second};
    s->total = (uint64_t)((double)(end_ms - start_ms) / s->interval);
}

void schedule_init_curve(struct schedule *s, uint64_t seed, int64_t start_ms, int64_t end_ms, uint64_t messages,
                         uint32_t uneven_ppm) {
    *s = (struct schedule){
        .seed = seed, .uneven_ppm = uneven_ppm, .start_ms = start_ms, .end_ms = end_ms, .total = messages};
    for (int64_t minute = start_ms; minute < end_ms; minute = minute_after(minute))
        s->weight_total += minute_weight(s, minute);
    s->minute_ms = start_ms;
    s->minute_count =
        (uint64_t)((__extension__(unsigned __int128) messages) * minute_weight(s, start_ms) / s->weight_total);
}

/* Goes on to the next minute that has messages. There is one, as long as not all are issued. */
static void schedule_next_minute(struct schedule *s) {
    while (s->issued == s->minute_first + s->minute_count) {
        s->weight_before += minute_weight(s, s->minute_ms);
        s->minute_ms = minute_after(s->minute_ms);
        uint64_t weight = s->weight_before;
        if (s->minute_ms < s->end_ms)
            weight += minute_weight(s, s->minute_ms);
        uint64_t until = (uint64_t)((__extension__(unsigned __int128) s->total) * weight / s->weight_total);
        s->minute_first = s->issued;
        s->minute_count = until - s->issued;
    }
}

bool schedule_next(struct schedule *s, int64_t *sent_ms) {
    if (s->issued == s->total)
        return false;
    uint64_t jitter = prng_mix(s->seed + s->issued) >> 44; /* 20 bits */
    if (s->interval > 0) {
        double at = ((double)s->issued + (double)jitter / 1048576.0) * s->interval;
        *sent_ms = s->start_ms + (int64_t)at;
    } else {
        schedule_next_minute(s);
        int64_t length = minute_after(s->minute_ms) - s->minute_ms;
        if (length > s->end_ms - s->minute_ms)
            length = s->end_ms - s->minute_ms;
        uint64_t slot = ((s->issued - s->minute_first) << 20) + jitter;
        *sent_ms = s->minute_ms +
                   (int64_t)((__extension__(unsigned __int128) slot) * (uint64_t)length / s->minute_count >> 20);
    }
    s->issued++;
    return true;
}
