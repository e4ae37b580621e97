/* gzip (RFC 1952): members one after the other, zero bytes between and behind them.
 *
 *   1f 8b 08 FLG MTIME(4) XFL OS  [XLEN(2) extra] [name 00] [comment 00] [CRC16]  deflate...  CRC32(4) ISIZE(4) */
#include "parsers/inflate_internal.h"

enum { FHCRC = 0x02, FEXTRA = 0x04, FNAME = 0x08, FCOMMENT = 0x10, FRESERVED = 0xe0 };

enum gzip_part {
    GZIP_HEADER,
    GZIP_EXTRA_LEN,
    GZIP_EXTRA,
    GZIP_NAME,
    GZIP_COMMENT,
    GZIP_HEADER_CRC,
    GZIP_BODY,
    GZIP_TRAILER,
    GZIP_BETWEEN,
};

void gzip_begin(struct inflate *z) {
    z->gzip = (struct gzip_state){.state = GZIP_HEADER};
    z->part = "a member's header";
}

static void gzip_note(struct gzip_state *g, const void *bytes, size_t len) {
    if (g->flags & FHCRC)
        g->header_crc = inflate_crc32(g->header_crc, bytes, len);
}

/* The header's optional parts, in their order; each goes to the next. */
static void gzip_next_part(struct inflate *z) {
    struct gzip_state *g = &z->gzip;
    z->head_len = 0;
    if (g->state < GZIP_EXTRA_LEN && g->flags & FEXTRA) {
        g->state = GZIP_EXTRA_LEN;
    } else if (g->state < GZIP_NAME && g->flags & FNAME) {
        g->state = GZIP_NAME;
    } else if (g->state < GZIP_COMMENT && g->flags & FCOMMENT) {
        g->state = GZIP_COMMENT;
    } else if (g->state < GZIP_HEADER_CRC && g->flags & FHCRC) {
        g->state = GZIP_HEADER_CRC;
    } else {
        g->state = GZIP_BODY;
        z->part = "a member's data";
        inflate_body_begin(z);
    }
}

static enum inflate_run gzip_read_header(struct inflate *z, struct inflate_io *io) {
    struct gzip_state *g = &z->gzip;
    if (!inflate_collect(z, io, 10))
        return RUN_NEED_INPUT;
    const uint8_t *h = z->head;
    unsigned long long member = (unsigned long long)g->members + 1;
    if (h[0] != 0x1f || h[1] != 0x8b)
        return g->members ? inflate_fail(z, io, "bytes that are no gzip follow the last member")
                          : inflate_fail(z, io, "this is not gzip");
    if (h[2] != 8)
        return inflate_fail(z, io, "member %llu has the unknown compression method %u", member, h[2]);
    if (h[3] & FRESERVED)
        return inflate_fail(z, io, "the header of member %llu has reserved flags set", member);
    g->flags = h[3];
    g->header_crc = 0;
    gzip_note(g, h, 10);
    gzip_next_part(z);
    return RUN_ON;
}

static enum inflate_run gzip_read_extra(struct inflate *z, struct inflate_io *io) {
    struct gzip_state *g = &z->gzip;
    if (g->state == GZIP_EXTRA_LEN) {
        if (!inflate_collect(z, io, 2))
            return RUN_NEED_INPUT;
        gzip_note(g, z->head, 2);
        g->skip = inflate_le16(z->head);
        z->head_len = 0;
        g->state = GZIP_EXTRA;
    }
    for (; g->skip; g->skip--) {
        uint8_t byte;
        if (!inflate_next_byte(z, io, &byte))
            return RUN_NEED_INPUT;
        gzip_note(g, &byte, 1);
    }
    gzip_next_part(z);
    return RUN_ON;
}

static enum inflate_run gzip_read_text(struct inflate *z, struct inflate_io *io) {
    uint8_t byte;
    do {
        if (!inflate_next_byte(z, io, &byte))
            return RUN_NEED_INPUT;
        gzip_note(&z->gzip, &byte, 1);
    } while (byte);
    gzip_next_part(z);
    return RUN_ON;
}

static enum inflate_run gzip_read_header_crc(struct inflate *z, struct inflate_io *io) {
    if (!inflate_collect(z, io, 2))
        return RUN_NEED_INPUT;
    if (inflate_le16(z->head) != (z->gzip.header_crc & 0xffff))
        return inflate_fail(z, io, "the header of member %llu does not match its checksum",
                            (unsigned long long)z->gzip.members + 1);
    gzip_next_part(z);
    return RUN_ON;
}

static enum inflate_run gzip_read_body(struct inflate *z, struct inflate_io *io) {
    switch (inflate_body_run(z, io)) {
    case DEFLATE_NEED_INPUT:
        return RUN_NEED_INPUT;
    case DEFLATE_BAD:
        return inflate_fail(z, io, "the data of member %llu cannot be decoded",
                            (unsigned long long)z->gzip.members + 1);
    case DEFLATE_END:
        z->gzip.state = GZIP_TRAILER;
        z->part = "a member's trailer";
        break;
    case DEFLATE_OUTPUT_FULL:
        break;
    }
    return RUN_ON;
}

static enum inflate_run gzip_read_trailer(struct inflate *z, struct inflate_io *io) {
    struct gzip_state *g = &z->gzip;
    if (!inflate_collect(z, io, 8))
        return RUN_NEED_INPUT;
    unsigned long long member = (unsigned long long)g->members + 1;
    if (inflate_le32(z->head) != z->body_crc)
        return inflate_fail(z, io, "the data of member %llu does not match its checksum", member);
    if (inflate_le32(z->head + 4) != (uint32_t)z->body_len)
        return inflate_fail(z, io, "member %llu is not as long as its trailer says", member);
    g->members++;
    g->state = GZIP_BETWEEN;
    z->head_len = 0;
    z->may_end = true;
    return RUN_ON;
}

/* Zero bytes pad an object to a block size; a member may follow them, when such objects were joined. */
static enum inflate_run gzip_read_between(struct inflate *z, struct inflate_io *io) {
    uint8_t byte;
    do {
        if (!inflate_next_byte(z, io, &byte))
            return RUN_NEED_INPUT;
    } while (byte == 0);
    z->may_end = false;
    if (byte != 0x1f)
        return inflate_fail(z, io, "bytes that are no gzip follow the last member");
    z->head[0] = byte;
    z->head_len = 1;
    z->gzip.state = GZIP_HEADER;
    z->part = "a member's header";
    return RUN_ON;
}

enum inflate_run gzip_run(struct inflate *z, struct inflate_io *io) {
    switch ((enum gzip_part)z->gzip.state) {
    case GZIP_HEADER:
        return gzip_read_header(z, io);
    case GZIP_EXTRA_LEN:
    case GZIP_EXTRA:
        return gzip_read_extra(z, io);
    case GZIP_NAME:
    case GZIP_COMMENT:
        return gzip_read_text(z, io);
    case GZIP_HEADER_CRC:
        return gzip_read_header_crc(z, io);
    case GZIP_BODY:
        return gzip_read_body(z, io);
    case GZIP_TRAILER:
        return gzip_read_trailer(z, io);
    case GZIP_BETWEEN:
        return gzip_read_between(z, io);
    }
    return RUN_FAILED;
}
