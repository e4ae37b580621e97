/* From text to batches: cuts text into records, reads and normalises them, and fills batches with their events. One
 * thread's. Batches come from `take` and leave through `give`, whatever stands behind them. */
#ifndef SOURCE_BATCHER_H
#define SOURCE_BATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"
#include "model/batch.h"
#include "parsers/frame.h"
#include "parsers/normalise.h"
#include "parsers/normalized_record.h"

struct batcher {
    struct frame *frame;
    struct normaliser normaliser;
    struct normalized_reader *normalized; /* NULL until a value of the compact form comes */
    bool keep_notes;                      /* somebody wants what is malformed or unknown */
    bool keep_exemplars;                  /* somebody wants messages as examples */
    /* Of the batch at hand: delivery times' buckets that have an exemplar, as bits; and how many other types have. */
    unsigned buckets_noted;
    unsigned char exemplars_of[EVENT_TYPES];
    /* take returns an empty batch, or NULL when the run is stopped. give gets a full one, or what batcher_flush gives;
     * `inside` says that a record goes on in the next. */
    struct batch *(*take)(void *context);
    void (*give)(void *context, struct batch *batch, bool inside);
    void *context;

    struct batch *batch; /* being filled; NULL: none. Its accounting may be added to */
    uint64_t record_end; /* how far the text is done with: behind the last record read to its end, or behind all */
};

void batcher_init(struct batcher *b, const struct dictionary *dictionary, enum json_isa isa);
void batcher_deinit(struct batcher *b); /* a batch that is being filled must have been flushed */

/* Sees to it that there is a batch. False when the run is stopped, as in all that follows. */
bool batcher_open(struct batcher *b);
void batcher_flush(struct batcher *b); /* gives the batch at hand, however little is in it */

/* A text in pieces, whose first byte is at `offset` of the whole: begin; then space, fill, filled, again and again. */
void batcher_begin(struct batcher *b, uint64_t offset);
char *batcher_space(struct batcher *b, size_t *room);
bool batcher_filled(struct batcher *b, size_t n, bool last);

/* A text that is there as a whole, of any size: one Kafka message, one queue message. */
bool batcher_read(struct batcher *b, struct span text);

/* A value of the compact form (normalized_record_is says so): one record, or a malformed one. There are no notes of
 * unknown values and of addresses: neither is in it. */
bool batcher_read_normalized(struct batcher *b, struct span value);

#endif
