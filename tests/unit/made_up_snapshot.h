/* Made-up snapshots for the tests of the sinks. */
#ifndef TESTS_MADE_UP_SNAPSHOT_H
#define TESTS_MADE_UP_SNAPSHOT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"

#define MADE_UP_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* One recipient to a record; a third of what bounced bounced for a time only. */
static inline struct tally made_up_tally(uint64_t sent, uint64_t bounced, uint64_t complained, uint64_t opened) {
    uint64_t delivered = sent - bounced;
    struct tally t = {0};
    t.records[EVENT_SEND] = t.recipients[EVENT_SEND] = t.rates.n[COUNT_SENT] = sent;
    t.records[EVENT_DELIVERY] = t.recipients[EVENT_DELIVERY] = t.rates.n[COUNT_DELIVERED] = delivered;
    t.records[EVENT_BOUNCE] = t.recipients[EVENT_BOUNCE] = t.rates.n[COUNT_BOUNCED] = bounced;
    t.records[EVENT_COMPLAINT] = t.recipients[EVENT_COMPLAINT] = t.rates.n[COUNT_COMPLAINED] = complained;
    t.records[EVENT_OPEN] = t.recipients[EVENT_OPEN] = opened;
    t.rates.n[COUNT_SENT_REPUTATION] = sent;
    t.rates.n[COUNT_DELIVERED_FEEDBACK] = complained ? delivered : 0;
    t.rates.n[COUNT_TRANSIENT] = bounced / 3;
    t.rates.n[COUNT_PERMANENT] = t.rates.n[COUNT_REPUTATION_BOUNCED] = bounced - bounced / 3;
    t.delivery_count[3] = delivered;
    t.delivery_ms_sum = delivered * 800;
    return t;
}

/* The simulator's traffic is in no rate. */
static inline struct tally made_up_simulator(uint64_t sent, uint64_t bounced) {
    struct tally t = made_up_tally(sent, bounced, 0, 0);
    memset(&t.rates, 0, sizeof t.rates);
    return t;
}

static inline struct snapshot made_up_snapshot(void) {
    static struct source_row source = {.name = "files", .kind = "files"};
    return (struct snapshot){.sources = &source, .source_count = 1, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
}

/* Calls `write` with a stream into memory. Returns new text. */
#define MADE_UP_TEXT(text, call)                                                                                       \
    do {                                                                                                               \
        size_t text_len;                                                                                               \
        FILE *out = open_memstream(&(text), &text_len);                                                                \
        assert(out);                                                                                                   \
        call;                                                                                                          \
        fclose(out);                                                                                                   \
    } while (0)

#endif
