#include "pipeline/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "model/batch.h"
#include "pipeline/relay.h"
#include "source/object.h"

enum { RESERVE = 8, NOTES = 64, RAW_LIMIT = 2 << 20, RAW_FULL = 256 << 10 };

/* What a stretch of an object became. */
struct block {
    struct relay_piece link;
    struct buf text;
    struct buf raw; /* of the notes */
    struct batch_note notes[NOTES];
    unsigned note_count;
    struct accounting accounting;
    uint64_t passed;
    bool idle;
};

/* A worker. */
struct scan_out {
    const struct scan *scan;
    struct relay_lane *lane;
    struct object_reader *reader;
    struct frame *frame;
    void *visitor;
    struct block *block; /* being filled; NULL: none */
    uint64_t bytes_given;
};

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static struct relay_piece *make_block(void *context) {
    (void)context;
    struct block *b = alloc_zeroed(1, sizeof *b);
    buf_init(&b->text, SCAN_LIMIT);
    buf_init(&b->raw, RAW_LIMIT);
    return &b->link;
}

static void destroy_block(struct relay_piece *link) {
    struct block *b = (struct block *)link;
    buf_deinit(&b->text);
    buf_deinit(&b->raw);
    free(b);
}

static bool open_block(struct scan_out *w) {
    if (w->block)
        return true;
    struct block *b = w->block = (struct block *)relay_take(w->lane);
    if (!b)
        return false;
    buf_clear(&b->text);
    buf_clear(&b->raw);
    b->note_count = 0;
    b->passed = 0;
    b->idle = false;
    memset(&b->accounting, 0, sizeof b->accounting);
    return true;
}

/* What the object has cost so far goes with the block. */
static void give_block(struct scan_out *w) {
    if (!w->block)
        return;
    uint64_t bytes = object_bytes_read(w->reader);
    w->block->accounting.bytes_read += bytes - w->bytes_given;
    w->bytes_given = bytes;
    relay_give(w->lane, &w->block->link);
    w->block = NULL;
}

static bool is_full(const struct block *b) {
    return b->text.len >= SCAN_FULL || b->note_count == NOTES || b->raw.len >= RAW_FULL;
}

struct buf *scan_buf(struct scan_out *out) {
    return &out->block->text;
}

bool scan_room(struct scan_out *out) {
    if (out->block && is_full(out->block))
        give_block(out);
    return open_block(out);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void take_malformed(struct scan_out *w, const struct frame_item *item) {
    struct block *b = w->block;
    b->accounting.read++;
    b->accounting.malformed[item->reason]++;
    if (!w->scan->quarantine)
        return;
    struct batch_note n = {.reason = item->reason,
                           .offset = item->offset,
                           .length = item->raw.len,
                           .raw_at = b->raw.len,
                           .raw_len = item->raw.len};
    if (buf_append(&b->raw, item->raw.ptr, item->raw.len))
        b->notes[b->note_count++] = n;
    b->raw.failed = false;
}

static bool take_event(struct scan_out *w, const struct ses_event *event) {
    enum scan_verdict verdict = w->scan->visit(w->visitor, event, w);
    if (!w->block)
        return false;
    assert(!w->block->text.failed);
    w->block->accounting.read++;
    if (verdict == SCAN_TAKEN)
        w->block->accounting.counted++;
    else
        w->block->passed++;
    return true;
}

/* Everything that the frame can give from the text it has. */
static bool take_records(struct scan_out *w) {
    struct frame_item item;
    for (;;) {
        enum frame_result result = frame_next(w->frame, &item);
        if (result == FRAME_NEED_TEXT || result == FRAME_END)
            return true;
        if (result == FRAME_EVENT) {
            if (!take_event(w, item.event))
                return false;
        } else if (result == FRAME_MALFORMED) {
            take_malformed(w, &item);
        } else {
            w->block->accounting.read++;
            w->block->accounting.filtered++;
        }
        if (!scan_room(w))
            return false;
    }
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

/* A pipe that gave less than there was room for has no more at the moment: what it gave is passed on. */
static bool read_text(struct scan_out *w, enum object_status *status, struct err *err) {
    frame_begin(w->frame, object_text_offset(w->reader));
    *status = OBJECT_MORE;
    while (*status == OBJECT_MORE) {
        size_t room, len;
        char *to = frame_space(w->frame, &room);
        *status = object_read(w->reader, to, room, &len, err);
        if (!open_block(w))
            return false;
        w->block->accounting.bytes_decoded += len;
        frame_filled(w->frame, len, *status != OBJECT_MORE);
        if (!take_records(w))
            return false;
        if (*status == OBJECT_MORE && len < room) {
            w->block->idle = true;
            give_block(w);
        }
    }
    return true;
}

static bool read_object(void *worker, const struct object *object, struct err *err) {
    struct scan_out *w = worker;
    enum object_status status = OBJECT_UNREADABLE;
    bool went_on = true;
    w->bytes_given = 0;
    if (!open_block(w))
        return false;
    if (object_open(w->reader, object, err))
        went_on = read_text(w, &status, err);
    if (went_on && open_block(w) && object->start == 0) /* of a file cut into stretches, the first one counts */
        object_count(&w->block->accounting, status);
    give_block(w);
    object_close(w->reader);
    return went_on;
}

struct run {
    struct scan *scan;
    struct replay_progress progress;
};

static void *open_worker(void *context, struct relay_lane *lane) {
    const struct scan *s = ((struct run *)context)->scan;
    struct scan_out *w = alloc_zeroed(1, sizeof *w);
    w->scan = s;
    w->lane = lane;
    w->reader = object_reader_create(s->limits);
    w->frame = frame_create(s->isa);
    frame_set_tags(w->frame, s->tag_names, s->tag_count);
    w->visitor = s->open(s->context);
    return w;
}

static void close_worker(void *worker) {
    struct scan_out *w = worker;
    w->scan->close(w->visitor);
    frame_destroy(w->frame);
    object_reader_destroy(w->reader);
    free(w);
}

/* --- the caller's side -------------------------------------------------------------------------------------------- */

static void keep_notes(struct quarantine *q, const char *object, const struct block *b) {
    for (unsigned i = 0; i < b->note_count; i++) {
        const struct batch_note *n = &b->notes[i];
        struct span raw = {b->raw.data + n->raw_at, n->raw_len};
        quarantine_add(q, span_of(object), n->offset, n->length, n->reason, raw);
    }
}

static bool take_block(void *context, const struct object *object, struct relay_piece *link) {
    struct run *run = context;
    struct scan *s = run->scan;
    const struct block *b = (struct block *)link;
    accounting_add(&s->accounting, &b->accounting);
    s->passed += b->passed;
    if (s->quarantine)
        keep_notes(s->quarantine, object->path, b);
    if ((b->text.len || b->idle) && !s->take(s->context, buf_span(&b->text), b->idle))
        return false;
    run->progress.bytes_read = s->accounting.bytes_read;
    run->progress.bytes_decoded = s->accounting.bytes_decoded;
    run->progress.records = s->accounting.read;
    run->progress.malformed = accounting_malformed(&s->accounting);
    return !s->on_progress || s->on_progress(s->context, &run->progress);
}

static void end_object(void *context, const char *trouble) {
    struct run *run = context;
    if (trouble && run->scan->on_trouble)
        run->scan->on_trouble(run->scan->context, trouble);
    run->progress.objects_done++;
}

bool scan_run(struct scan *s) {
    struct run run = {.scan = s,
                      .progress = {.bytes_total = s->objects->total_size, .objects_total = s->objects->count}};
    struct relay relay = {
        .objects = s->objects,
        .threads = s->threads,
        .pieces = SCAN_BUFFERS,
        .reserve = RESERVE,
        .stop = s->stop,
        .may_hang = true,
        .context = &run,
        .make = make_block,
        .destroy = destroy_block,
        .open = open_worker,
        .read = read_object,
        .close = close_worker,
        .take = take_block,
        .end = end_object,
    };
    memset(&s->accounting, 0, sizeof s->accounting);
    s->passed = 0;
    enum relay_result result = relay_run(&relay);
    s->hung = result == RELAY_HUNG;
    return result == RELAY_DONE;
}
