#include "pipeline/worker.h"

#include <string.h>

static struct batch *take(void *context) {
    struct worker *w = context;
    return w->take(w->context);
}

/* What the object has cost so far goes with the batch. */
static void give(void *context, struct batch *batch, bool inside) {
    struct worker *w = context;
    (void)inside; /* a job's batches stay together and in order */
    uint64_t bytes = object_bytes_read(w->reader);
    batch->accounting.bytes_read += bytes - w->bytes_given;
    w->bytes_given = bytes;
    w->give(w->context, batch);
}

void worker_init(struct worker *w, const struct dictionary *dictionary, enum json_isa isa,
                 const struct inflate_limits *limits) {
    memset(w, 0, sizeof *w);
    w->reader = object_reader_create(limits);
    batcher_init(&w->batcher, dictionary, isa);
    w->batcher.take = take;
    w->batcher.give = give;
    w->batcher.context = w;
}

void worker_deinit(struct worker *w) {
    object_reader_destroy(w->reader);
    batcher_deinit(&w->batcher);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

/* Whether the object ended well is only known once its text has ended; what was read before stands. */
static bool read_text(struct worker *w, enum object_status *status, struct err *err) {
    batcher_begin(&w->batcher, object_text_offset(w->reader));
    *status = OBJECT_MORE;
    while (*status == OBJECT_MORE) {
        size_t room, len;
        char *to = batcher_space(&w->batcher, &room);
        *status = object_read(w->reader, to, room, &len, err);
        if (!batcher_filled(&w->batcher, len, *status != OBJECT_MORE))
            return false;
    }
    return true;
}

bool worker_read_object(struct worker *w, const struct object *object, struct err *err) {
    enum object_status status = OBJECT_UNREADABLE;
    w->bytes_given = 0;
    if (!batcher_open(&w->batcher))
        return false;
    if (object_open(w->reader, object, err) && !read_text(w, &status, err)) {
        object_close(w->reader);
        return false;
    }
    if (object->start == 0) /* of a file cut into stretches, the first one counts as the object */
        object_count(&w->batcher.batch->accounting, status);
    batcher_flush(&w->batcher);
    object_close(w->reader);
    return true;
}
