/* The two framings of raw Snappy blocks that Firehose writes. Neither has checksums or an end mark.
 *
 *   snappy-java:  82 'S' 'N' 'A' 'P' 'P' 'Y' 00  version(4) compatible(4)  { length(4) block }*   (the header again
 *                 where streams were joined)
 *   Hadoop:       { uncompressed length of the frame(4)  { length(4) block }*, until the frame is complete }*
 *
 * Numbers are big-endian. A block is given out whole or not at all. */
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "parsers/inflate_internal.h"

enum {
    BLOCK_MAX = 4 << 20,                         /* uncompressed; writers use 32 to 256 KiB */
    PACKED_MAX = 32 + BLOCK_MAX + BLOCK_MAX / 6, /* what snappy_max_compressed_length says of it */
    XERIAL_HEADER_LEN = 16,
    FRAME_MAX = 0x7fffffff, /* an int in Java */
    FRAME_LIKELY = 0x08ffffff,
};

static const uint8_t XERIAL_MAGIC[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

enum snappy_part {
    SNAPPY_HEADER,
    SNAPPY_FRAME,
    SNAPPY_LENGTH,
    SNAPPY_BLOCK,
    SNAPPY_GIVE,
};

void snappy_begin(struct inflate *z, bool hadoop) {
    struct snappy_state *s = &z->snappy;
    s->state = hadoop ? SNAPPY_FRAME : SNAPPY_HEADER;
    s->hadoop = hadoop;
    s->frame_left = 0;
    z->may_end = hadoop;
    z->part = hadoop ? "a frame" : "the header";
}

void snappy_deinit(struct inflate *z) {
    free(z->snappy.packed);
    free(z->snappy.plain);
}

static uint8_t *snappy_room(uint8_t **buf, size_t *size, size_t need) {
    if (need > *size) {
        free(*buf); /* what it held is no longer wanted: nothing to copy */
        *buf = alloc_zeroed(need, 1);
        *size = need;
    }
    return *buf;
}

/* After a block, and at the start: what may come next. */
static void snappy_next_block(struct inflate *z) {
    struct snappy_state *s = &z->snappy;
    bool in_frame = s->hadoop && s->frame_left;
    s->state = s->hadoop && !in_frame ? SNAPPY_FRAME : SNAPPY_LENGTH;
    z->may_end = !in_frame;
    z->part = in_frame ? "a frame" : "a block's length";
}

static enum inflate_run snappy_read_header(struct inflate *z, struct inflate_io *io) {
    z->may_end = false;
    z->part = "the header";
    if (!inflate_collect(z, io, XERIAL_HEADER_LEN))
        return RUN_NEED_INPUT;
    if (memcmp(z->head, XERIAL_MAGIC, sizeof XERIAL_MAGIC) != 0)
        return inflate_fail(z, io, "the stream's header is damaged");
    z->head_len = 0; /* the two versions have only ever been 1, and not every writer sets them */
    snappy_next_block(z);
    return RUN_ON;
}

static enum inflate_run snappy_read_frame(struct inflate *z, struct inflate_io *io) {
    bool whole = inflate_collect(z, io, 4);
    z->may_end = z->head_len == 0;
    if (!whole)
        return RUN_NEED_INPUT;
    struct snappy_state *s = &z->snappy;
    uint32_t len = inflate_be32(z->head);
    z->head_len = 0;
    if (len > FRAME_MAX)
        return inflate_fail(z, io, "a frame of %u bytes cannot be right", len);
    s->frame_left = len; /* 0 is how Hadoop ends an empty stream */
    snappy_next_block(z);
    return RUN_ON;
}

static enum inflate_run snappy_read_length(struct inflate *z, struct inflate_io *io) {
    struct snappy_state *s = &z->snappy;
    bool whole = inflate_collect(z, io, 4);
    if (z->head_len)
        z->may_end = false;
    if (!whole)
        return RUN_NEED_INPUT;
    if (!s->hadoop && memcmp(z->head, XERIAL_MAGIC, 4) == 0) { /* as a length it would be negative */
        s->state = SNAPPY_HEADER;
        return RUN_ON;
    }
    s->block_len = inflate_be32(z->head);
    s->block_have = 0;
    z->head_len = 0;
    if (s->block_len == 0 || s->block_len > PACKED_MAX)
        return inflate_fail(z, io, "a block of %u bytes: not between 1 and %d", s->block_len, PACKED_MAX);
    s->state = SNAPPY_BLOCK;
    z->part = "a block";
    return RUN_ON;
}

static enum inflate_run snappy_unpack(struct inflate *z, struct inflate_io *io, const uint8_t *packed) {
    struct snappy_state *s = &z->snappy;
    size_t len;
    if (snappy_uncompressed_length((const char *)packed, s->block_len, &len) != SNAPPY_OK)
        return inflate_fail(z, io, "a block has no valid length");
    if (len > BLOCK_MAX)
        return inflate_fail(z, io, "a block of %zu bytes uncompressed is over the limit of %d", len, BLOCK_MAX);
    if (s->hadoop && len > s->frame_left)
        return inflate_fail(z, io, "a block is longer than the rest of its frame");
    bool direct = len <= (size_t)(io->out_end - io->out);
    uint8_t *to = direct ? io->out : snappy_room(&s->plain, &s->plain_size, len);
    if (snappy_uncompress((const char *)packed, s->block_len, (char *)to, &len) != SNAPPY_OK)
        return inflate_fail(z, io, "a block cannot be decoded");
    if (s->hadoop)
        s->frame_left -= (uint32_t)len;
    if (direct) {
        io->out += len;
        snappy_next_block(z);
    } else {
        s->plain_len = len;
        s->plain_given = 0;
        s->state = SNAPPY_GIVE;
    }
    return RUN_ON;
}

static enum inflate_run snappy_read_block(struct inflate *z, struct inflate_io *io) {
    struct snappy_state *s = &z->snappy;
    size_t there = (size_t)(io->in_end - io->in);
    if (s->block_have == 0 && there >= s->block_len) { /* in one piece: no copy */
        const uint8_t *packed = io->in;
        io->in += s->block_len;
        return snappy_unpack(z, io, packed);
    }
    uint8_t *packed = snappy_room(&s->packed, &s->packed_size, s->block_len);
    uint32_t missing = s->block_len - s->block_have;
    uint32_t n = there < missing ? (uint32_t)there : missing;
    memcpy(packed + s->block_have, io->in, n);
    s->block_have += n;
    io->in += n;
    return n < missing ? RUN_NEED_INPUT : snappy_unpack(z, io, packed);
}

static enum inflate_run snappy_give(struct inflate *z, struct inflate_io *io) {
    struct snappy_state *s = &z->snappy;
    size_t n = s->plain_len - s->plain_given, room = (size_t)(io->out_end - io->out);
    if (n > room)
        n = room;
    memcpy(io->out, s->plain + s->plain_given, n);
    io->out += n;
    s->plain_given += n;
    if (s->plain_given == s->plain_len)
        snappy_next_block(z);
    return RUN_ON;
}

enum inflate_run snappy_run(struct inflate *z, struct inflate_io *io) {
    switch ((enum snappy_part)z->snappy.state) {
    case SNAPPY_HEADER:
        return snappy_read_header(z, io);
    case SNAPPY_FRAME:
        return snappy_read_frame(z, io);
    case SNAPPY_LENGTH:
        return snappy_read_length(z, io);
    case SNAPPY_BLOCK:
        return snappy_read_block(z, io);
    case SNAPPY_GIVE:
        return snappy_give(z, io);
    }
    return RUN_FAILED;
}

/* frame(4) length(4) | varint of the block's uncompressed length | first element: nothing to copy from yet, so a
 * literal. The first byte is at most 8, where no text begins: JSON has 09, 0a, 0d, 20 or a printable character. */
bool snappy_looks_like_hadoop(const uint8_t *first, size_t len) {
    if (len < 10)
        return false;
    uint32_t frame = inflate_be32(first), packed = inflate_be32(first + 4);
    if (frame == 0 || frame > FRAME_LIKELY || packed < 3 || packed > PACKED_MAX)
        return false;
    uint32_t plain = 0, at = 8;
    for (unsigned shift = 0;; shift += 7) {
        if (at >= len || shift > 21) /* 28 bits are far over BLOCK_MAX */
            return false;
        plain |= (uint32_t)(first[at] & 0x7f) << shift;
        if (!(first[at++] & 0x80))
            break;
    }
    if (plain == 0 || plain > frame || plain > BLOCK_MAX || at >= len)
        return false;
    /* A literal costs its own bytes and up to a sixth more; a copy makes at most 64 bytes of 3. */
    if (packed > 32 + plain + plain / 6 || packed < plain / 22)
        return false;
    uint32_t tag = first[at];
    uint32_t literal = (tag >> 2) + 1; /* from 61 on: the length is in the 1 to 4 bytes behind */
    return (tag & 3) == 0 && (literal > 60 || literal <= plain);
}
