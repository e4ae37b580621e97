/* Random numbers of our own (splitmix64, Steele, Lea and Flood 2014), so that a seed gives the same bytes everywhere.
 * Everything here is integer arithmetic: a maths library's last digit must not decide what is written. */
#ifndef SIMULATE_PRNG_H
#define SIMULATE_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/* A bijection of 64-bit numbers: different inputs always give different outputs. */
static inline uint64_t prng_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static inline uint64_t prng_next(struct prng *r) {
    return prng_mix(r->state += 0x9e3779b97f4a7c15ull);
}

/* 0 .. n-1; n > 0. */
static inline uint32_t prng_below(struct prng *r, uint32_t n) {
    return (uint32_t)(((prng_next(r) >> 32) * n) >> 32);
}

/* low .. high, both included. */
static inline uint32_t prng_between(struct prng *r, uint32_t low, uint32_t high) {
    return low + prng_below(r, high - low + 1);
}

static inline bool prng_chance(struct prng *r, uint32_t parts_per_million) {
    return prng_below(r, 1000000) < parts_per_million;
}

/* A draw from a distribution given by `count` >= 2 equidistant quantiles (first = minimum, last = maximum), with
 * straight lines between them. */
static inline uint32_t prng_quantile(struct prng *r, const uint32_t *points, uint32_t count) {
    uint64_t u = (prng_next(r) >> 32) * (count - 1);
    uint32_t i = (uint32_t)(u >> 32);
    uint64_t fraction = u & 0xffffffffu;
    return points[i] + (uint32_t)(((points[i + 1] - points[i]) * fraction) >> 32);
}
#define PRNG_QUANTILE(r, table) prng_quantile((r), (table), (uint32_t)(sizeof(table) / sizeof((table)[0])))

#endif
