/* Raw deflate by ISA-L or by zlib. Sound streams give the same bytes, and so do truncated and damaged ones the same
 * verdict, but what comes out before the damage may be a little shorter with ISA-L: it decodes up to three literals
 * in one look-up, and of an impossible match it has already counted the length (see deflate_note_failure). It also
 * decodes Huffman codes that leave bit patterns unused, where zlib refuses the block; no known writer makes such. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "parsers/inflate_internal.h"

enum { CHUNK_MAX = 1 << 30 }; /* both libraries count a call's bytes in 32 bits */

static uint32_t chunk_len(const uint8_t *from, const uint8_t *to) {
    size_t n = (size_t)(to - from);
    return n < CHUNK_MAX ? (uint32_t)n : (uint32_t)CHUNK_MAX;
}

#ifdef HAVE_ISAL

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

struct deflate_decoder {
    struct inflate_state state;
    bool failed; /* what was decoded before may still be in tmp_out_buffer */
};

struct deflate_decoder *deflate_decoder_create(void) {
    struct deflate_decoder *d = alloc_zeroed(1, sizeof *d);
    isal_inflate_init(&d->state);
    return d;
}

void deflate_decoder_destroy(struct deflate_decoder *d) {
    free(d);
}

void deflate_decoder_reset(struct deflate_decoder *d) {
    isal_inflate_reset(&d->state);
    d->failed = false;
}

/* On an error isal_inflate returns at once. Then avail_in and avail_out may be off (its assembly works with shortened
 * buffers) and the output may end with the room for a match whose distance turned out to be impossible: up to 258
 * bytes that were never written. They cannot be told from the sound ones before them, so all of them are taken back;
 * they are the newest bytes, so they lie in tmp_out_buffer or in what this call wrote. */
static void deflate_note_failure(struct deflate_decoder *d, struct inflate_io *io, int ret) {
    struct inflate_state *s = &d->state;
    d->failed = true;
    assert(s->next_out >= io->out && s->next_out <= io->out_end);
    assert(s->tmp_out_processed >= 0 && s->tmp_out_processed <= s->tmp_out_valid);
    assert((size_t)s->tmp_out_valid <= sizeof s->tmp_out_buffer);
    ptrdiff_t doubtful = ret == ISAL_INVALID_BLOCK ? 0 : ISAL_DEF_MAX_MATCH;
    ptrdiff_t waiting = s->tmp_out_valid - s->tmp_out_processed;
    ptrdiff_t cut = waiting < doubtful ? waiting : doubtful;
    s->tmp_out_valid -= (int32_t)cut;
    doubtful -= cut;
    ptrdiff_t wrote = s->next_out - io->out;
    io->out += wrote > doubtful ? wrote - doubtful : 0;
    if (s->next_in > io->in && s->next_in <= io->in_end)
        io->in = s->next_in;
}

/* What was decoded before the failure, but had no room. */
static enum deflate_result deflate_give_rest(struct inflate_state *s, struct inflate_io *io) {
    size_t n = (size_t)(s->tmp_out_valid - s->tmp_out_processed);
    size_t room = (size_t)(io->out_end - io->out);
    if (n > room)
        n = room;
    memcpy(io->out, s->tmp_out_buffer + s->tmp_out_processed, n);
    s->tmp_out_processed += (int32_t)n;
    io->out += n;
    return s->tmp_out_processed < s->tmp_out_valid ? DEFLATE_OUTPUT_FULL : DEFLATE_BAD;
}

enum deflate_result deflate_decoder_run(struct deflate_decoder *d, struct inflate_io *io) {
    struct inflate_state *s = &d->state;
    for (;;) {
        if (d->failed)
            return deflate_give_rest(s, io);
        uint32_t in_len = chunk_len(io->in, io->in_end), out_len = chunk_len(io->out, io->out_end);
        s->next_in = (uint8_t *)(uintptr_t)io->in;
        s->avail_in = in_len;
        s->next_out = io->out;
        s->avail_out = out_len;
        int ret = isal_inflate(s);
        if (ret < 0) {
            deflate_note_failure(d, io, ret);
            continue;
        }
        assert(s->avail_in <= in_len && s->avail_out <= out_len);
        io->in += in_len - s->avail_in;
        io->out += out_len - s->avail_out;
        if (s->block_state == ISAL_BLOCK_FINISH)
            return DEFLATE_END;
        if (io->out == io->out_end)
            return DEFLATE_OUTPUT_FULL;
        if (io->in == io->in_end)
            return DEFLATE_NEED_INPUT;
        if (s->avail_in == in_len && s->avail_out == out_len)
            return DEFLATE_BAD; /* room and input, but no step forward: never wait for a decoder that is stuck */
    }
}

unsigned deflate_decoder_unused(struct deflate_decoder *d, uint8_t bytes[DEFLATE_UNUSED_MAX]) {
    struct inflate_state *s = &d->state;
    assert(s->read_in_length >= 0 && s->read_in_length <= 8 * DEFLATE_UNUSED_MAX);
    unsigned n = (unsigned)s->read_in_length / 8;
    uint64_t bits = s->read_in >> ((unsigned)s->read_in_length % 8); /* the rest of the stream's last byte */
    for (unsigned i = 0; i < n; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    return n;
}

uint32_t inflate_crc32(uint32_t crc, const void *data, size_t len) {
    return crc32_gzip_refl(crc, data, len);
}

#else

#include <zlib.h>

struct deflate_decoder {
    z_stream stream;
};

static void *deflate_alloc(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return alloc_zeroed(count, size);
}

static void deflate_free(void *opaque, void *p) {
    (void)opaque;
    free(p);
}

struct deflate_decoder *deflate_decoder_create(void) {
    struct deflate_decoder *d = alloc_zeroed(1, sizeof *d);
    d->stream.zalloc = deflate_alloc;
    d->stream.zfree = deflate_free;
    int ret = inflateInit2(&d->stream, -MAX_WBITS); /* negative: no zlib or gzip wrapping */
    assert(ret == Z_OK);
    (void)ret;
    return d;
}

void deflate_decoder_destroy(struct deflate_decoder *d) {
    if (d)
        inflateEnd(&d->stream);
    free(d);
}

void deflate_decoder_reset(struct deflate_decoder *d) {
    inflateReset(&d->stream);
}

enum deflate_result deflate_decoder_run(struct deflate_decoder *d, struct inflate_io *io) {
    z_stream *s = &d->stream;
    for (;;) {
        uint32_t in_len = chunk_len(io->in, io->in_end), out_len = chunk_len(io->out, io->out_end);
        s->next_in = (Bytef *)(uintptr_t)io->in;
        s->avail_in = in_len;
        s->next_out = io->out;
        s->avail_out = out_len;
        int ret = inflate(s, Z_SYNC_FLUSH);
        io->in = s->next_in;
        io->out = s->next_out;
        if (ret == Z_STREAM_END)
            return DEFLATE_END;
        if (ret != Z_OK && ret != Z_BUF_ERROR)
            return DEFLATE_BAD;
        if (io->out == io->out_end)
            return DEFLATE_OUTPUT_FULL;
        if (io->in == io->in_end)
            return DEFLATE_NEED_INPUT;
        if (s->avail_in == in_len && s->avail_out == out_len)
            return DEFLATE_BAD;
    }
}

/* zlib moves next_in back to the stream's end, and never holds a whole byte from one call to the next. */
unsigned deflate_decoder_unused(struct deflate_decoder *d, uint8_t bytes[DEFLATE_UNUSED_MAX]) {
    (void)d;
    (void)bytes;
    return 0;
}

uint32_t inflate_crc32(uint32_t crc, const void *data, size_t len) {
    return (uint32_t)crc32_z(crc, data, len);
}

#endif
