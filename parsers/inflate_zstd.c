/* zstd (RFC 8878): frames one after the other, skippable ones among them. */
#include <assert.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "parsers/inflate_internal.h"

enum { WINDOW_LOG_MAX = 23, BLOCK_HEADER_LEN = 3 };

void zstd_begin(struct inflate *z) {
    struct zstd_state *s = &z->zstd;
    if (!s->dctx) {
        s->dctx = ZSTD_createDCtx();
        assert(s->dctx); /* out of memory */
        size_t ret = ZSTD_DCtx_setParameter(s->dctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
        assert(!ZSTD_isError(ret));
        (void)ret;
    }
    ZSTD_DCtx_reset(s->dctx, ZSTD_reset_session_only);
    s->hint = 0;
    s->flushing = false;
    z->part = "a frame";
}

void zstd_deinit(struct inflate *z) {
    ZSTD_freeDCtx(z->zstd.dctx);
}

static enum inflate_run zstd_fail(struct inflate *z, const struct inflate_io *io, size_t code) {
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return inflate_fail(z, io, "a frame needs a window of more than %d MiB", 1 << (WINDOW_LOG_MAX - 20));
    case ZSTD_error_checksum_wrong:
        return inflate_fail(z, io, "the data of a frame does not match its checksum");
    case ZSTD_error_dictionary_wrong:
        return inflate_fail(z, io, "a frame needs a dictionary");
    default:
        return inflate_fail(z, io, "a frame cannot be decoded (%s)", ZSTD_getErrorName(code));
    }
}

/* How much to hand over. On an error the library does not say what output it gave in the same call, so one call must
 * decode at most one block and nothing else that can fail: first the block without the header that follows (which
 * the hint includes), then that header; and no input at all while output of the block before is pending. */
static size_t zstd_portion(const struct zstd_state *s, size_t there) {
    if (s->flushing)
        return 0;
    size_t n = s->hint > BLOCK_HEADER_LEN ? s->hint - BLOCK_HEADER_LEN : s->hint;
    return n < there ? n : there;
}

/* Checks the magic number here, because libzstd also knows the formats from before 2016, whose decoders keep to no
 * limit on the window, and finds theirs even where a frame's first bytes came in an earlier call. */
static enum inflate_run zstd_read_magic(struct inflate *z, struct inflate_io *io) {
    struct zstd_state *s = &z->zstd;
    bool whole = inflate_collect(z, io, 4);
    if (z->head_len)
        z->may_end = false;
    if (!whole)
        return RUN_NEED_INPUT;
    uint32_t magic = inflate_le32(z->head);
    if (magic != ZSTD_MAGICNUMBER && (magic & ZSTD_MAGIC_SKIPPABLE_MASK) != ZSTD_MAGIC_SKIPPABLE_START)
        return inflate_fail(z, io, "bytes that are no zstd follow the last frame");
    ZSTD_inBuffer in = {z->head, 4, 0};
    ZSTD_outBuffer out = {io->out, 0, 0};
    size_t ret = ZSTD_decompressStream(s->dctx, &out, &in);
    if (ZSTD_isError(ret))
        return zstd_fail(z, io, ret);
    assert(in.pos == 4 && ret > 0);
    z->head_len = 0;
    s->hint = ret;
    return RUN_ON;
}

enum inflate_run zstd_run(struct inflate *z, struct inflate_io *io) {
    struct zstd_state *s = &z->zstd;
    if (s->hint == 0)
        return zstd_read_magic(z, io);
    size_t there = (size_t)(io->in_end - io->in);
    if (there == 0 && !s->flushing)
        return RUN_NEED_INPUT;
    ZSTD_inBuffer in = {io->in, zstd_portion(s, there), 0};
    ZSTD_outBuffer out = {io->out, (size_t)(io->out_end - io->out), 0};
    size_t ret = ZSTD_decompressStream(s->dctx, &out, &in);
    if (ZSTD_isError(ret))
        return zstd_fail(z, io, ret);
    io->in += in.pos;
    io->out += out.pos;
    s->hint = ret; /* 0: the frame is over, and all of it given out */
    s->flushing = ret != 0 && out.pos == out.size;
    z->may_end = ret == 0;
    return RUN_ON;
}
