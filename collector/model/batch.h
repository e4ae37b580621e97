/* A batch: the events of a stretch of one object, and what else became of its records. One owner at a time: a worker
 * fills it, the aggregate empties it. */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "model/event.h"
#include "model/exemplar.h"
#include "model/snapshot.h"

enum {
    BATCH_EVENTS = 1024,
    BATCH_NOTES = 256,
    BATCH_EXEMPLARS = 64,
    BATCH_RAW_LIMIT = 4 << 20,
    BATCH_RAW_FULL = 512 << 10
};

/* Beside what is counted: a malformed record or a value of an enumeration that is not known, for the quarantine; or the
 * address of a recipient, for who suppresses it. */
struct batch_note {
    const char *unknown_field;    /* a literal: the field whose value is new; NULL: a malformed record or an address */
    unsigned address_why;         /* not 0: an address, and ADDRESS_* says why it is here */
    int64_t time_ms;              /* an address: of the event */
    enum malformed_reason reason; /* malformed */
    uint64_t offset, length;      /* malformed: of the record in the decoded text */
    size_t raw_at, raw_len;       /* in batch.raw: the record, the value, or the address */
};

/* The message of one of the batch's events, where that may become an exemplar. */
struct batch_exemplar {
    unsigned event;   /* which; they rise */
    uint64_t message; /* exemplar_message */
};

/* How far a stream is counted. What the numbers mean is the source's business; all 0 is the beginning. */
enum { POSITION_NUMBERS = 6 };
struct position {
    int64_t n[POSITION_NUMBERS];
};

/* One ordered part of a source: a Kafka partition, a file. Owned by its source, and there as long as the source is. */
struct stream {
    char *name;                 /* "topic/3", a path: with the source's name it says for ever which stream it is */
    unsigned source;            /* the counting thread's: whose it is */
    struct position counted;    /* the counting thread's: after the last batch applied */
    bool changed;               /* the counting thread's: `counted` is not committed yet */
    bool forgotten;             /* the counting thread's: its position shall be removed */
    _Atomic int64_t committed0; /* n[0] of the last position that is durable, for the source to acknowledge */
    uint64_t counted_chains;    /* the counting thread's: of this stream, since the process began */
    _Atomic uint64_t committed_chains; /* the same, of what is durable */
};

/* Batches travel in chains: a record's events may go on in the next batch of a chain, never in another chain. */
struct batch {
    struct batch *next;
    unsigned source;          /* whose it is: an index into the accounting of sources */
    struct stream *stream;    /* NULL: a batch run, which keeps no positions */
    struct position position; /* of the stream, once this batch is counted */
    bool forget;              /* the stream is gone for good: forget its position */
    unsigned count, note_count, exemplar_count;
    struct accounting accounting; /* only what a worker knows: read, filtered, malformed, bytes, objects */
    struct buf raw;
    struct batch_note notes[BATCH_NOTES];
    struct batch_exemplar exemplars[BATCH_EXEMPLARS];
    struct event events[BATCH_EVENTS];
};

/* As if nothing had been put in; whose it is stays. */
static inline void batch_empty(struct batch *b) {
    b->count = b->note_count = b->exemplar_count = 0;
    b->accounting = (struct accounting){0};
    buf_clear(&b->raw);
}

#endif
