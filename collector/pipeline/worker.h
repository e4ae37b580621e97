/* One worker's part: an object's bytes to batches. */
#ifndef PIPELINE_WORKER_H
#define PIPELINE_WORKER_H

#include <stdbool.h>

#include "model/batch.h"
#include "source/batcher.h"
#include "source/object.h"

struct worker {
    struct object_reader *reader;
    struct batcher batcher; /* its keep_notes is the caller's to set */
    /* Where batches come from and go to. take returns an empty one, or NULL when the run is stopped. */
    struct batch *(*take)(void *context);
    void (*give)(void *context, struct batch *batch);
    void *context;
    uint64_t bytes_given;
};

void worker_init(struct worker *w, const struct dictionary *dictionary, enum json_isa isa,
                 const struct inflate_limits *limits);
void worker_deinit(struct worker *w);

/* Reads the object to its end (or damage). The last batch says in its accounting how it ended; `err` is filled when it
 * was not read whole. False when the run was stopped. */
bool worker_read_object(struct worker *w, const struct object *object, struct err *err);

#endif
