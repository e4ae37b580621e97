/* A batch: the events of a stretch of one object, and what else became of its records. One owner at a time: a worker
 * fills it, the aggregate empties it. */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdint.h>

#include "core/buf.h"
#include "model/event.h"
#include "model/snapshot.h"

enum { BATCH_EVENTS = 1024, BATCH_NOTES = 256, BATCH_RAW_LIMIT = 4 << 20, BATCH_RAW_FULL = 512 << 10 };

/* A malformed record, or a value of an enumeration that is not known, for the quarantine. */
struct batch_note {
    const char *unknown_field;    /* a literal: the field whose value is new; NULL: a malformed record */
    enum malformed_reason reason; /* malformed */
    uint64_t offset, length;      /* malformed: of the record in the decoded text */
    size_t raw_at, raw_len;       /* in batch.raw: the record, or the value */
};

struct batch {
    struct batch *next;
    unsigned count, note_count;
    struct accounting accounting; /* only what a worker knows: read, filtered, malformed, bytes, objects */
    struct buf raw;
    struct batch_note notes[BATCH_NOTES];
    struct event events[BATCH_EVENTS];
};

#endif
