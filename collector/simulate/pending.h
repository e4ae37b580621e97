/* Records that are still to come, by the time they arrive: a heap of small numbers, since a whole day of them waits. */
#ifndef SIMULATE_PENDING_H
#define SIMULATE_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pending_flags { PENDING_DUPLICATE = 1, PENDING_LATE = 2 };

struct pending {
    int64_t arrival_ms;
    uint32_t waited_ms;  /* arrival less the message's time: 49 days at most */
    uint32_t after_ms;   /* the event's time less the message's */
    uint32_t message;    /* its number */
    uint16_t recipients; /* bits: those of the message that the event concerns; the upper 6 bits are its detail */
    uint8_t what;        /* enum event_type; flags in the upper 4 bits */
    uint8_t ordinal;     /* which of the message's events */
};

enum { PENDING_RECIPIENTS = 0x3ff, PENDING_DETAIL_SHIFT = 10, PENDING_DETAILS = 64 };

static inline uint32_t pending_recipients(const struct pending *e) {
    return e->recipients & PENDING_RECIPIENTS;
}
static inline uint32_t pending_detail(const struct pending *e) {
    return (uint32_t)e->recipients >> PENDING_DETAIL_SHIFT;
}
static inline uint32_t pending_type(const struct pending *e) {
    return e->what & 15;
}
static inline bool pending_is(const struct pending *e, enum pending_flags flag) {
    return (uint32_t)e->what >> 4 & (uint32_t)flag;
}
static inline int64_t pending_sent_ms(const struct pending *e) {
    return e->arrival_ms - e->waited_ms;
}
static inline int64_t pending_event_ms(const struct pending *e) {
    return pending_sent_ms(e) + e->after_ms;
}

struct pending_heap {
    struct pending *items; /* owned; each of four children is not before its parent */
    size_t count, size;
};

void pending_push(struct pending_heap *h, const struct pending *e);
bool pending_pop(struct pending_heap *h, struct pending *e); /* the earliest arrival; false when there is none */
void pending_deinit(struct pending_heap *h);

#endif
