#include "source/batcher.h"

#include <string.h>

void batcher_init(struct batcher *b, const struct dictionary *dictionary, enum json_isa isa) {
    memset(b, 0, sizeof *b);
    b->frame = frame_create(isa);
    frame_set_tags(b->frame, dictionary->tag_names, dictionary->tag_count);
    normaliser_init(&b->normaliser, dictionary);
}

void batcher_deinit(struct batcher *b) {
    frame_destroy(b->frame);
    normalized_reader_destroy(b->normalized);
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

bool batcher_open(struct batcher *b) {
    if (!b->batch) {
        b->batch = b->take(b->context);
        b->buckets_noted = 0;
        memset(b->exemplars_of, 0, sizeof b->exemplars_of);
    }
    return b->batch != NULL;
}

static bool give(struct batcher *b, bool inside) {
    struct batch *full = b->batch;
    b->batch = NULL;
    b->give(b->context, full, inside);
    return true;
}

void batcher_flush(struct batcher *b) {
    if (b->batch)
        give(b, false);
}

static bool batch_is_full(const struct batch *b) {
    return b->count == BATCH_EVENTS || b->note_count + UNKNOWN_VALUES_MAX >= BATCH_NOTES ||
           b->raw.len >= BATCH_RAW_FULL;
}

static bool make_room(struct batcher *b, bool inside) {
    return !batch_is_full(b->batch) || (give(b, inside) && batcher_open(b));
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void note(struct batcher *b, struct batch_note n, struct span raw) {
    struct batch *to = b->batch;
    n.raw_at = to->raw.len;
    n.raw_len = raw.len;
    if (buf_append(&to->raw, raw.ptr, raw.len))
        to->notes[to->note_count++] = n;
    to->raw.failed = false;
}

static void note_unknown(struct batcher *b) {
    for (unsigned i = 0; i < b->normaliser.unknown_count; i++)
        note(b, (struct batch_note){.unknown_field = b->normaliser.unknown[i].field}, b->normaliser.unknown[i].value);
}

/* Whether one more message would be an example of something. Each type has its share of a batch, so that a flood of
 * bounces leaves room for the one complaint; deliveries one for each bucket. */
static bool is_wanted(struct batcher *b, const struct event *e) {
    static const unsigned char most[EVENT_TYPES] = {
        [EVENT_BOUNCE] = 20, [EVENT_COMPLAINT] = 8,         [EVENT_DELIVERY_DELAY] = 12,
        [EVENT_REJECT] = 3,  [EVENT_RENDERING_FAILURE] = 3, [EVENT_SUBSCRIPTION] = 3,
    };
    _Static_assert(20 + 8 + 12 + 3 + 3 + 3 + DELIVERY_BUCKETS <= BATCH_EXEMPLARS, "all shares find room");
    if (e->type != EVENT_DELIVERY)
        return b->exemplars_of[e->type] < most[e->type] && ++b->exemplars_of[e->type];
    unsigned bit = e->delivery_ms == EVENT_NO_DELIVERY_MS ? 0 : 1u << delivery_bucket(e->delivery_ms);
    bool wanted = bit && !(b->buckets_noted & bit);
    b->buckets_noted |= bit;
    return wanted;
}

/* Of the event that is the next in the batch. */
static void keep_exemplar(struct batcher *b, const struct event *e, struct span message_id) {
    struct batch *to = b->batch;
    if (is_wanted(b, e))
        to->exemplars[to->exemplar_count++] = (struct batch_exemplar){to->count, exemplar_message(message_id)};
}

static bool take_event(struct batcher *b, const struct ses_event *event) {
    normalise_begin(&b->normaliser, event);
    if (b->keep_notes && b->normaliser.unknown_count)
        note_unknown(b);
    b->batch->accounting.read++;
    struct event *to = &b->batch->events[b->batch->count];
    while (normalise_next(&b->normaliser, to)) {
        bool inside = !(to->flags & EVENT_LAST);
        if (b->normaliser.address_why)
            note(b, (struct batch_note){.address_why = b->normaliser.address_why, .time_ms = to->time_ms},
                 b->normaliser.address);
        if (b->keep_exemplars)
            keep_exemplar(b, to, event->message_id);
        b->batch->count++;
        if (!make_room(b, inside))
            return false;
        to = &b->batch->events[b->batch->count];
    }
    return true;
}

static bool take_malformed(struct batcher *b, const struct frame_item *item) {
    b->batch->accounting.read++;
    b->batch->accounting.malformed[item->reason]++;
    if (b->keep_notes)
        note(b, (struct batch_note){.reason = item->reason, .offset = item->offset, .length = item->raw.len},
             item->raw);
    return make_room(b, false);
}

/* Everything that the frame can give from the text it has. */
static bool take_records(struct batcher *b) {
    struct frame_item item;
    for (;;) {
        enum frame_result result = frame_next(b->frame, &item);
        if (result == FRAME_NEED_TEXT)
            return true;
        b->record_end = frame_position(b->frame);
        if (result == FRAME_END)
            return true;
        bool went_on = true;
        if (result == FRAME_EVENT)
            went_on = take_event(b, item.event);
        else if (result == FRAME_MALFORMED)
            went_on = take_malformed(b, &item);
        else
            b->batch->accounting.read++, b->batch->accounting.filtered++;
        if (!went_on)
            return false;
    }
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

void batcher_begin(struct batcher *b, uint64_t offset) {
    frame_begin(b->frame, offset);
    b->record_end = offset;
}

char *batcher_space(struct batcher *b, size_t *room) {
    return frame_space(b->frame, room);
}

bool batcher_filled(struct batcher *b, size_t n, bool last) {
    if (!batcher_open(b))
        return false;
    b->batch->accounting.bytes_decoded += n;
    frame_filled(b->frame, n, last);
    return take_records(b);
}

bool batcher_read(struct batcher *b, struct span text) {
    size_t at = 0;
    batcher_begin(b, 0);
    do {
        size_t room;
        char *to = batcher_space(b, &room);
        size_t n = text.len - at < room ? text.len - at : room;
        if (n)
            memcpy(to, text.ptr + at, n);
        at += n;
        if (!batcher_filled(b, n, at == text.len))
            return false;
    } while (at < text.len);
    return true;
}

/* --- the compact form --------------------------------------------------------------------------------------------- */

static bool take_normalized_events(struct batcher *b) {
    struct event *to = &b->batch->events[b->batch->count];
    while (normalized_reader_next(b->normalized, to)) {
        bool inside = !(to->flags & EVENT_LAST);
        b->batch->count++;
        if (!make_room(b, inside))
            return false;
        to = &b->batch->events[b->batch->count];
    }
    return true;
}

bool batcher_read_normalized(struct batcher *b, struct span value) {
    struct frame_item item = {.raw = value};
    if (!batcher_open(b))
        return false;
    if (!b->normalized)
        b->normalized = normalized_reader_create(b->normaliser.dictionary);
    b->record_end = value.len;
    b->batch->accounting.bytes_decoded += value.len;
    if (!normalized_reader_begin(b->normalized, value, &item.reason)) {
        if (value.len > RECORD_MAX_SIZE)
            item.raw.len = RECORD_MAX_SIZE;
        return take_malformed(b, &item);
    }
    b->batch->accounting.read++;
    return take_normalized_events(b);
}
