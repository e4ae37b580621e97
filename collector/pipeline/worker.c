#include "pipeline/worker.h"

#include <string.h>

void worker_init(struct worker *w, const struct dictionary *dictionary, enum json_isa isa,
                 const struct inflate_limits *limits) {
    memset(w, 0, sizeof *w);
    w->reader = object_reader_create(limits);
    w->frame = frame_create(isa);
    frame_set_tags(w->frame, dictionary->tag_names, dictionary->tag_count);
    normaliser_init(&w->normaliser, dictionary);
}

void worker_deinit(struct worker *w) {
    object_reader_destroy(w->reader);
    frame_destroy(w->frame);
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static bool take_batch(struct worker *w) {
    w->batch = w->take(w->context);
    return w->batch != NULL;
}

static void give_batch(struct worker *w) {
    uint64_t bytes = object_bytes_read(w->reader);
    w->batch->accounting.bytes_read += bytes - w->bytes_given;
    w->bytes_given = bytes;
    w->give(w->context, w->batch);
    w->batch = NULL;
}

static bool batch_is_full(const struct batch *b) {
    return b->count == BATCH_EVENTS || b->note_count + UNKNOWN_VALUES_MAX >= BATCH_NOTES ||
           b->raw.len >= BATCH_RAW_FULL;
}

static bool make_room(struct worker *w) {
    if (!batch_is_full(w->batch))
        return true;
    give_batch(w);
    return take_batch(w);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void note(struct worker *w, struct batch_note n, struct span raw) {
    struct batch *b = w->batch;
    n.raw_at = b->raw.len;
    n.raw_len = raw.len;
    if (buf_append(&b->raw, raw.ptr, raw.len))
        b->notes[b->note_count++] = n;
    b->raw.failed = false;
}

static void note_unknown(struct worker *w) {
    for (unsigned i = 0; i < w->normaliser.unknown_count; i++)
        note(w, (struct batch_note){.unknown_field = w->normaliser.unknown[i].field}, w->normaliser.unknown[i].value);
}

static bool take_event(struct worker *w, const struct ses_event *event) {
    normalise_begin(&w->normaliser, event);
    if (w->keep_notes && w->normaliser.unknown_count)
        note_unknown(w);
    w->batch->accounting.read++;
    while (normalise_next(&w->normaliser, &w->batch->events[w->batch->count])) {
        w->batch->count++;
        if (!make_room(w))
            return false;
    }
    return true;
}

static bool take_malformed(struct worker *w, const struct frame_item *item) {
    w->batch->accounting.read++;
    w->batch->accounting.malformed[item->reason]++;
    if (w->keep_notes)
        note(w, (struct batch_note){.reason = item->reason, .offset = item->offset, .length = item->raw.len},
             item->raw);
    return make_room(w);
}

/* Everything that the frame can give from the text it has. False when the run was stopped. */
static bool take_records(struct worker *w) {
    struct frame_item item;
    for (;;) {
        switch (frame_next(w->frame, &item)) {
        case FRAME_EVENT:
            if (!take_event(w, item.event))
                return false;
            break;
        case FRAME_MALFORMED:
            if (!take_malformed(w, &item))
                return false;
            break;
        case FRAME_FILTERED:
            w->batch->accounting.read++;
            w->batch->accounting.filtered++;
            break;
        case FRAME_NEED_TEXT:
        case FRAME_END:
            return true;
        }
    }
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static void count_object(struct accounting *a, enum object_status status) {
    switch (status) {
    case OBJECT_MORE:
    case OBJECT_DONE:
        a->objects_done++;
        break;
    case OBJECT_EMPTY:
        a->objects_empty++;
        break;
    case OBJECT_DAMAGED:
        a->objects_damaged++;
        break;
    case OBJECT_UNSUPPORTED:
        a->objects_unsupported++;
        break;
    case OBJECT_UNREADABLE:
        a->objects_unreadable++;
        break;
    }
}

/* Whether the object ended well is only known once its text has ended; what was read before stands. */
static bool read_text(struct worker *w, enum object_status *status, struct err *err) {
    frame_begin(w->frame, object_text_offset(w->reader));
    *status = OBJECT_MORE;
    while (*status == OBJECT_MORE) {
        size_t room, len;
        char *to = frame_space(w->frame, &room);
        *status = object_read(w->reader, to, room, &len, err);
        w->batch->accounting.bytes_decoded += len;
        frame_filled(w->frame, len, *status != OBJECT_MORE);
        if (!take_records(w))
            return false;
    }
    return true;
}

bool worker_read_object(struct worker *w, const struct object *object, struct err *err) {
    enum object_status status = OBJECT_UNREADABLE;
    w->bytes_given = 0;
    if (!take_batch(w))
        return false;
    if (object_open(w->reader, object, err) && !read_text(w, &status, err)) {
        object_close(w->reader);
        return false;
    }
    if (object->start == 0) /* of a file cut into stretches, the first one counts as the object */
        count_object(&w->batch->accounting, status);
    object_close(w->reader);
    give_batch(w);
    return true;
}
