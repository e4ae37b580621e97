/* Writing text fast: each function writes at `p` and returns the place behind. The caller has made room. */
#ifndef SIMULATE_TEXT_H
#define SIMULATE_TEXT_H

#include <stdint.h>
#include <string.h>

#include "core/span.h"

/* A literal: its length is known to the compiler. */
#define PUT(p, literal) ((char *)memcpy((p), (literal), sizeof(literal) - 1) + (sizeof(literal) - 1))

static inline char *put_span(char *p, struct span s) {
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static inline char *put_str(char *p, const char *s) {
    return put_span(p, span_of(s));
}

static inline char *put_u64(char *p, uint64_t n) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    memcpy(p, digits + at, sizeof digits - at);
    return p + (sizeof digits - at);
}

/* Exactly that many digits, the upper ones cut off. */
static inline char *put_decimal(char *p, uint64_t n, uint32_t digits) {
    for (uint32_t i = digits; i--; n /= 10)
        p[i] = (char)('0' + n % 10);
    return p + digits;
}

static inline char *put_hex(char *p, uint64_t n, uint32_t digits) {
    for (uint32_t i = digits; i--; n >>= 4)
        p[i] = "0123456789abcdef"[n & 15];
    return p + digits;
}

/* "142.251" and 16 bits: the four parts of an address, the last one never 0 or 255. */
static inline char *put_address4(char *p, const char *network, uint32_t bits) {
    p = put_str(p, network);
    *p++ = '.';
    p = put_u64(p, bits >> 8 & 0xff);
    *p++ = '.';
    return put_u64(p, 1 + (bits & 0xff) % 254);
}

/* Times as text. Events of one moment stand side by side, so seconds are kept once they are made. */
struct time_text {
    int64_t second;
    char iso[19];  /* 2026-11-21T23:34:30 */
    char mail[25]; /* Sat, 21 Nov 2026 23:34:30 */
};
enum { TIME_TEXTS = 512 };
struct time_texts {
    struct time_text slots[TIME_TEXTS]; /* by second modulo their number; zeroed before use */
};

/* `ms` >= 0, before the year 10000. Valid until the next call. */
const struct time_text *time_text_of(struct time_texts *t, int64_t ms);

enum time_form {
    TIME_PLAIN,   /* 2026-11-21T23:34:30.123Z */
    TIME_CUT,     /* 2026-11-21T23:34:30.000Z, as notifications have it */
    TIME_SECONDS, /* 2026-11-21T23:34:30 +0000 */
    TIME_OFFSET,  /* 2026-11-21T18:34:30.123-05:00 */
    TIME_LONG,    /* 2026-11-22T02:34:30.123456+03:00 */
};
char *put_time(char *p, struct time_texts *t, int64_t ms, enum time_form form);

#endif
