#include "pipeline/replay.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/relay.h"
#include "pipeline/worker.h"

enum {
    POOL_BATCHES = 160, /* 12 MB of events when all are in use */
    POOL_RESERVE = 16,  /* kept for the worker whose object is next */
    STRETCH = 16 << 20,
};

/* --- batches ------------------------------------------------------------------------------------------------------ */

struct piece {
    struct relay_piece link;
    struct batch batch;
};

static struct relay_piece *make_piece(void *context) {
    (void)context;
    struct piece *p = alloc_zeroed(1, sizeof *p);
    buf_init(&p->batch.raw, BATCH_RAW_LIMIT);
    return &p->link;
}

static void destroy_piece(struct relay_piece *link) {
    struct piece *p = (struct piece *)link;
    buf_deinit(&p->batch.raw);
    free(p);
}

static struct batch *take(void *context) {
    struct piece *p = (struct piece *)relay_take(context);
    if (!p)
        return NULL;
    struct batch *b = &p->batch;
    b->next = NULL;
    batch_empty(b);
    return b;
}

static void give(void *context, struct batch *batch) {
    relay_give(context, (struct relay_piece *)((char *)batch - offsetof(struct piece, batch)));
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

struct run {
    struct replay *replay;
    struct replay_progress progress;
};

static void *open_worker(void *context, struct relay_lane *lane) {
    struct run *run = context;
    struct replay *r = run->replay;
    struct worker *w = alloc_zeroed(1, sizeof *w);
    worker_init(w, r->dictionary, r->isa, r->limits);
    w->batcher.keep_notes = r->quarantine != NULL;
    w->take = take;
    w->give = give;
    w->context = lane;
    return w;
}

static bool read_object(void *worker, const struct object *object, struct err *err) {
    struct worker *w = worker;
    bool went_on = worker_read_object(w, object, err);
    if (!went_on) /* stopped in the middle */
        batcher_flush(&w->batcher);
    return went_on;
}

static void close_worker(void *worker) {
    worker_deinit(worker);
    free(worker);
}

/* --- the counting side -------------------------------------------------------------------------------------------- */

static void keep_notes(struct quarantine *q, const char *object, const struct batch *b) {
    for (unsigned i = 0; i < b->note_count; i++) {
        const struct batch_note *n = &b->notes[i];
        struct span raw = {b->raw.data + n->raw_at, n->raw_len};
        if (n->unknown_field)
            quarantine_add_unknown(q, n->unknown_field, raw);
        else
            quarantine_add(q, span_of(object), n->offset, n->length, n->reason, raw);
    }
}

static bool count_batch(void *context, const struct object *object, struct relay_piece *piece) {
    struct run *run = context;
    struct replay *r = run->replay;
    struct replay_progress *progress = &run->progress;
    const struct batch *b = &((struct piece *)piece)->batch;
    aggregate_apply(r->aggregate, b);
    if (r->quarantine)
        keep_notes(r->quarantine, object->path, b);
    progress->bytes_read += b->accounting.bytes_read;
    progress->bytes_decoded += b->accounting.bytes_decoded;
    progress->records += b->accounting.read;
    progress->malformed += accounting_malformed(&b->accounting);
    return !r->on_progress || r->on_progress(r->context, progress);
}

static void end_object(void *context, const char *trouble) {
    struct run *run = context;
    if (trouble && run->replay->on_trouble)
        run->replay->on_trouble(run->replay->context, trouble);
    run->progress.objects_done++;
}

bool replay_run(struct replay *r) {
    struct run run = {.replay = r,
                      .progress = {.bytes_total = r->objects->total_size, .objects_total = r->objects->count}};
    struct relay relay = {
        .objects = r->objects,
        .threads = r->threads,
        .pieces = POOL_BATCHES,
        .reserve = POOL_RESERVE,
        .stop = r->stop,
        .context = &run,
        .make = make_piece,
        .destroy = destroy_piece,
        .open = open_worker,
        .read = read_object,
        .close = close_worker,
        .take = count_batch,
        .end = end_object,
    };
    return relay_run(&relay) == RELAY_DONE;
}

/* --- the order of objects ----------------------------------------------------------------------------------------- */

/* The latest of the event times at the object's beginning. */
static bool peek_time(struct object_reader *reader, struct frame *frame, const struct object *o, int64_t *time_ms) {
    struct frame_item item;
    size_t room, len;
    bool found = false;
    struct err ignored = {0}; /* whoever reads the object will say it */
    if (!object_open(reader, o, &ignored))
        return false;
    frame_begin(frame, 0);
    char *to = frame_space(frame, &room);
    enum object_status status = object_read(reader, to, room, &len, &ignored);
    frame_filled(frame, len, status != OBJECT_MORE);
    for (enum frame_result r; (r = frame_next(frame, &item)) != FRAME_NEED_TEXT && r != FRAME_END;) {
        if (r == FRAME_EVENT && (!found || item.event->time_ms > *time_ms))
            *time_ms = item.event->time_ms;
        found |= r == FRAME_EVENT;
    }
    object_close(reader);
    return found;
}

void replay_find_times(struct object_list *objects, enum json_isa isa) {
    if (objects->count < 2)
        return;
    struct object_reader *reader = object_reader_create(NULL);
    struct frame *frame = frame_create(isa);
    for (size_t i = 0; i < objects->count; i++) {
        struct object *o = &objects->objects[i];
        if (!o->has_time && o->size && strcmp(o->path, "-") != 0)
            o->has_time = peek_time(reader, frame, o, &o->time_ms);
    }
    frame_destroy(frame);
    object_reader_destroy(reader);
}

void replay_split(struct object_list *objects, unsigned threads) {
    if (threads < 2)
        return;
    struct object_list cut = {
        .total_size = objects->total_size, .skipped = objects->skipped, .left_out = objects->left_out};
    for (size_t i = 0; i < objects->count; i++) {
        struct object *o = &objects->objects[i];
        bool split = o->size > 2 * (uint64_t)STRETCH && object_is_splittable(o);
        uint64_t step = split ? STRETCH : UINT64_MAX;
        size_t pieces = split ? (size_t)((o->size + STRETCH - 1) / STRETCH) : 1;
        cut.objects = alloc_resize(cut.objects, cut.count + pieces, sizeof *cut.objects);
        for (size_t p = 0; p < pieces; p++) {
            struct object *piece = &cut.objects[cut.count++];
            *piece = *o;
            piece->path = p ? alloc_string(o->path, strlen(o->path)) : o->path;
            if (p)
                piece->etag = NULL; /* a file has none */
            if (split) {
                piece->start = p * step;
                piece->end = (p + 1) * step;
            }
        }
    }
    free(objects->objects);
    *objects = cut;
}
