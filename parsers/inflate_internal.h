/* What the files behind inflate.h share. A format is a small state machine over one step's input and output: it
 * goes on until the output is full or the input used up, and keeps `may_end` true exactly where the object may soundly
 * stop. */
#ifndef PARSERS_INFLATE_INTERNAL_H
#define PARSERS_INFLATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "parsers/inflate.h"

/* One step's window on the caller's buffers. */
struct inflate_io {
    const uint8_t *start; /* where this step's input began */
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
};

/* How a format's *_run ended. It reads one part (a header, a body, a trailer) and is called until it says something
 * else than RUN_ON, or the output is full. */
enum inflate_run {
    RUN_ON,
    RUN_NEED_INPUT, /* in == in_end, and everything that follows from it was given out */
    RUN_FAILED,     /* inflate_fail was called */
};

/* --- raw deflate (RFC 1951): ISA-L where it was found at build time, else zlib ----------------------------------- */

enum deflate_result {
    DEFLATE_OUTPUT_FULL,
    DEFLATE_NEED_INPUT,
    DEFLATE_END, /* the final block is over and all of it was given out */
    DEFLATE_BAD, /* as END, but because what follows cannot be decoded */
};

enum { DEFLATE_UNUSED_MAX = 8 };

struct deflate_decoder;

struct deflate_decoder *deflate_decoder_create(void); /* returns new */
void deflate_decoder_destroy(struct deflate_decoder *d);
void deflate_decoder_reset(struct deflate_decoder *d); /* before each stream */
enum deflate_result deflate_decoder_run(struct deflate_decoder *d, struct inflate_io *io);

/* After END: bytes that were taken from the input but lie behind the stream. They may come from an earlier step, so
 * moving `in` back would not do. Returns how many. */
unsigned deflate_decoder_unused(struct deflate_decoder *d, uint8_t bytes[DEFLATE_UNUSED_MAX]);

uint32_t inflate_crc32(uint32_t crc, const void *data, size_t len); /* starts from 0 */

/* --- the formats' state ------------------------------------------------------------------------------------------ */

struct gzip_state {
    int state;
    uint32_t flags;
    uint32_t header_crc;
    uint64_t skip; /* bytes of the extra field still to pass */
    uint64_t members;
};

struct zip_state {
    int state;
    uint32_t flags;
    uint32_t method;
    uint32_t crc;                        /* as the local header has it */
    uint64_t packed_size, unpacked_size; /* likewise, or from its zip64 field */
    uint64_t skip;                       /* bytes of the name or of an extra field still to pass */
    uint32_t extra_left;                 /* bytes of the extra area still to read */
    uint64_t body_at;                    /* input offset of the data */
    uint64_t stored_left;
    uint64_t entries;
};

struct snappy_state {
    int state;
    bool hadoop;
    uint32_t frame_left; /* Hadoop: uncompressed bytes the frame still owes */
    uint32_t block_len;  /* compressed bytes of the block */
    uint32_t block_have;
    uint8_t *packed; /* owned: a block that did not lie in one piece in the input */
    size_t packed_size;
    uint8_t *plain; /* owned: a block that did not fit the output */
    size_t plain_size;
    size_t plain_len, plain_given;
};

struct zstd_state {
    struct ZSTD_DCtx_s *dctx; /* owned; NULL until the first zstd object */
    size_t hint;              /* input libzstd asks for next; 0 between frames */
    bool flushing;            /* it still holds output of the block before */
};

struct inflate {
    uint64_t max_output;
    uint32_t max_ratio;
    enum inflate_format format;

    enum inflate_status status; /* PROGRESS while the object is open, then how it ended */
    struct err failure;         /* for DAMAGED and LIMIT */
    bool starved;               /* nothing comes before there is more input */
    bool may_end;               /* the object may end at this point */
    const char *part;           /* what is being read: for "ends inside ..." */
    uint64_t taken, given;      /* this object, before this step */

    uint8_t head[32]; /* a fixed-size field being collected, over steps if need be */
    unsigned head_len;
    uint8_t back[32]; /* input that was taken too early; read before the rest */
    unsigned back_len;

    struct deflate_decoder *deflate; /* owned */
    uint32_t body_crc;               /* of the deflated or stored data so far */
    uint64_t body_len;

    struct gzip_state gzip;
    struct zip_state zip;
    struct snappy_state snappy;
    struct zstd_state zstd;
};

void gzip_begin(struct inflate *z);
enum inflate_run gzip_run(struct inflate *z, struct inflate_io *io);

void zip_begin(struct inflate *z);
enum inflate_run zip_run(struct inflate *z, struct inflate_io *io);

void snappy_begin(struct inflate *z, bool hadoop);
void snappy_deinit(struct inflate *z);
enum inflate_run snappy_run(struct inflate *z, struct inflate_io *io);

/* Could these be the first bytes of Hadoop's Snappy framing? Strict: it has no magic number. */
bool snappy_looks_like_hadoop(const uint8_t *first, size_t len);

void zstd_begin(struct inflate *z);
void zstd_deinit(struct inflate *z);
enum inflate_run zstd_run(struct inflate *z, struct inflate_io *io);

/* --- helpers ----------------------------------------------------------------------------------------------------- */

/* Offset in the object of the next input byte. */
uint64_t inflate_position(const struct inflate *z, const struct inflate_io *io);

/* Records what is wrong; the position is added. Always returns RUN_FAILED. */
enum inflate_run inflate_fail(struct inflate *z, const struct inflate_io *io, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Collects the next `need` bytes (at most 32, and at least head_len) in `head`. False: input used up first. The
 * caller sets head_len to 0 when it has read them. */
bool inflate_collect(struct inflate *z, struct inflate_io *io, unsigned need);

bool inflate_next_byte(struct inflate *z, struct inflate_io *io, uint8_t *byte);
bool inflate_skip(struct inflate *z, struct inflate_io *io, uint64_t *left); /* false: input used up first */
void inflate_put_back(struct inflate *z, const uint8_t *bytes, unsigned len);

/* A deflated body, from inflate_body_begin to DEFLATE_END: runs the decoder, keeps body_crc and body_len. */
void inflate_body_begin(struct inflate *z);
enum deflate_result inflate_body_run(struct inflate *z, struct inflate_io *io);

static inline uint32_t inflate_le16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t inflate_le32(const uint8_t *p) {
    return inflate_le16(p) | inflate_le16(p + 2) << 16;
}
static inline uint64_t inflate_le64(const uint8_t *p) {
    return inflate_le32(p) | (uint64_t)inflate_le32(p + 4) << 32;
}
static inline uint32_t inflate_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

#endif
