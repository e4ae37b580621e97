/* From a stream of text to records: finds where each begins and ends, reads it, and finds the next one after damage.
 *
 *     char *to = frame_space(f, &room);       fill it with text ...
 *     frame_filled(f, n, last);
 *     while ((result = frame_next(f, &item)) != FRAME_NEED_TEXT && result != FRAME_END) ...
 *
 * One buffer of fixed size holds the piece of text that is being read; what is left of a record at its end is moved to
 * the front. Nothing is allocated per record. */
#ifndef PARSERS_FRAME_H
#define PARSERS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parsers/record.h"

enum frame_result {
    FRAME_EVENT,     /* item.event */
    FRAME_FILTERED,  /* a record that is no sending event */
    FRAME_MALFORMED, /* item.reason, item.raw */
    FRAME_NEED_TEXT, /* everything that is there was read: fill in more */
    FRAME_END,       /* and nothing follows */
};

struct frame_item {
    uint64_t offset;              /* of the record, in the decoded text */
    struct span raw;              /* its bytes; for damage over 1 MiB only the first of them */
    enum malformed_reason reason; /* MALFORMED only */
    struct ses_event *event;      /* EVENT only; valid until the next call */
};

struct frame;

/* Text is asked for in pieces of about FRAME_PIECE bytes: small enough that a piece, inflated, is still in the cache
 * when it is scanned. */
enum { FRAME_PIECE = 128 * 1024 };

struct frame *frame_create(enum json_isa isa); /* returns new; about 3 MiB */
void frame_destroy(struct frame *f);           /* NULL is allowed */

/* The tags whose values events shall carry; borrowed. At most EVENT_MAX_TAGS. */
void frame_set_tags(struct frame *f, const struct span *names, unsigned count);

/* Starts a new object, whose text begins at `offset` of the whole. */
void frame_begin(struct frame *f, uint64_t offset);

/* Where to put the next text; *room >= FRAME_PIECE. Only after FRAME_NEED_TEXT (or at the start). */
char *frame_space(struct frame *f, size_t *room);
void frame_filled(struct frame *f, size_t n, bool last);

enum frame_result frame_next(struct frame *f, struct frame_item *item);

/* How far the text is done with: behind the last record, or where damage began that has not ended yet. */
uint64_t frame_position(const struct frame *f);

#endif
