/* The step that all formats share: limits, progress, how an object ends. */
#include "parsers/inflate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "parsers/inflate_internal.h"

enum {
    DEFAULT_RATIO = 1100,
    RATIO_FROM = 16 << 20, /* below that a bomb does no harm, and tiny objects have odd ratios */
};
static const uint64_t DEFAULT_OUTPUT = 64ull << 30;

struct inflate *inflate_create(const struct inflate_limits *limits) {
    struct inflate *z = alloc_zeroed(1, sizeof *z);
    z->max_output = limits && limits->max_output ? limits->max_output : DEFAULT_OUTPUT;
    z->max_ratio = limits && limits->max_ratio ? limits->max_ratio : DEFAULT_RATIO;
    z->format = INFLATE_PLAIN;
    z->deflate = deflate_decoder_create();
    return z;
}

void inflate_destroy(struct inflate *z) {
    if (!z)
        return;
    deflate_decoder_destroy(z->deflate);
    snappy_deinit(z);
    zstd_deinit(z);
    free(z);
}

void inflate_begin(struct inflate *z, enum inflate_format format) {
    z->format = format;
    z->status = INFLATE_PROGRESS;
    z->failure = (struct err){0};
    z->starved = false;
    z->may_end = false;
    z->part = "";
    z->taken = z->given = 0;
    z->head_len = z->back_len = 0;
    switch (format) {
    case INFLATE_GZIP:
        gzip_begin(z);
        break;
    case INFLATE_ZIP:
        zip_begin(z);
        break;
    case INFLATE_SNAPPY_XERIAL:
    case INFLATE_SNAPPY_HADOOP:
        snappy_begin(z, format == INFLATE_SNAPPY_HADOOP);
        break;
    case INFLATE_ZSTD:
        zstd_begin(z);
        break;
    case INFLATE_PLAIN:
    case INFLATE_UNSUPPORTED:
        assert(false); /* no decoder: the caller asked for nonsense */
    }
}

static enum inflate_run inflate_run_part(struct inflate *z, struct inflate_io *io) {
    switch (z->format) {
    case INFLATE_GZIP:
        return gzip_run(z, io);
    case INFLATE_ZIP:
        return zip_run(z, io);
    case INFLATE_SNAPPY_XERIAL:
    case INFLATE_SNAPPY_HADOOP:
        return snappy_run(z, io);
    case INFLATE_ZSTD:
        return zstd_run(z, io);
    case INFLATE_PLAIN:
    case INFLATE_UNSUPPORTED:
        break;
    }
    assert(false); /* inflate_step without inflate_begin */
    return RUN_FAILED;
}

static void inflate_over_limit(struct inflate *z, const char *what, uint64_t value) {
    z->status = INFLATE_LIMIT;
    z->failure = (struct err){0};
    err_set(&z->failure, ERR_INPUT, "%s: %s %llu; stopped at input byte %llu after %llu bytes of output",
            inflate_format_name(z->format), what, (unsigned long long)value, (unsigned long long)z->taken,
            (unsigned long long)z->given);
}

/* What the run means for the object as a whole. `taken` and `given` are up to date. */
static void inflate_settle(struct inflate *z, const struct inflate_io *io, enum inflate_run run, bool last) {
    if (run == RUN_FAILED) {
        z->status = INFLATE_DAMAGED;
        return;
    }
    if (run == RUN_NEED_INPUT && last) {
        if (z->may_end) {
            z->status = INFLATE_DONE;
        } else {
            z->status = INFLATE_DAMAGED;
            inflate_fail(z, io, "the object ends inside %s", z->part);
        }
    }
    if (z->status != INFLATE_DAMAGED && z->given > RATIO_FROM && z->given / z->max_ratio > z->taken)
        inflate_over_limit(z, "more bytes of output for each of input than", z->max_ratio);
}

/* The results that end an object come alone: the call that returns them has given no output. */
static enum inflate_status inflate_result(const struct inflate *z, struct err *err) {
    if (z->status == INFLATE_DAMAGED || z->status == INFLATE_LIMIT)
        err_set(err, z->failure.code, "%s", z->failure.text);
    return z->status;
}

enum inflate_status inflate_step(struct inflate *z, const void *in, size_t in_len, size_t *in_used, bool last,
                                 void *out, size_t out_len, size_t *out_used, struct err *err) {
    assert(out_len > 0);
    *in_used = *out_used = 0;
    if (z->status != INFLATE_PROGRESS)
        return inflate_result(z, err);
    if (z->starved && in_len == 0 && !last)
        return INFLATE_NEED_INPUT;

    /* With the allowance used up one more byte is asked for, beside the caller's buffer: an object that ends exactly
     * there is sound. */
    uint8_t spare;
    uint64_t room = z->max_output - z->given;
    uint8_t *to = room ? out : &spare;
    size_t to_len = room == 0 ? 1 : out_len < room ? out_len : (size_t)room;
    static const uint8_t nothing;
    const uint8_t *from = in_len ? in : &nothing;
    struct inflate_io io = {from, from, from + in_len, to, to + to_len};
    enum inflate_run run;
    do
        run = inflate_run_part(z, &io);
    while (run == RUN_ON && io.out < io.out_end);

    *in_used = (size_t)(io.in - from);
    size_t gave = (size_t)(io.out - to);
    assert(run != RUN_NEED_INPUT || io.in == io.in_end);
    z->taken += *in_used;
    io.start = io.in; /* `taken` counts it now */
    z->starved = run == RUN_NEED_INPUT;
    if (!room && gave) {
        inflate_over_limit(z, "more output than the limit of", z->max_output);
        return inflate_result(z, err);
    }
    *out_used = gave;
    z->given += gave;
    inflate_settle(z, &io, run, last);
    if (z->status != INFLATE_PROGRESS && gave == 0)
        return inflate_result(z, err);
    return *in_used || gave ? INFLATE_PROGRESS : INFLATE_NEED_INPUT;
}

uint64_t inflate_position(const struct inflate *z, const struct inflate_io *io) {
    return z->taken + (uint64_t)(io->in - io->start) - z->back_len;
}

enum inflate_run inflate_fail(struct inflate *z, const struct inflate_io *io, const char *fmt, ...) {
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(&z->failure, ERR_INPUT, "%s: %s (input byte %llu)", inflate_format_name(z->format), text,
            (unsigned long long)inflate_position(z, io));
    return RUN_FAILED;
}

bool inflate_next_byte(struct inflate *z, struct inflate_io *io, uint8_t *byte) {
    if (z->back_len) {
        *byte = z->back[0];
        z->back_len--;
        memmove(z->back, z->back + 1, z->back_len);
        return true;
    }
    if (io->in == io->in_end)
        return false;
    *byte = *io->in++;
    return true;
}

bool inflate_collect(struct inflate *z, struct inflate_io *io, unsigned need) {
    assert(need <= sizeof z->head && z->head_len <= need);
    while (z->head_len < need) {
        if (!inflate_next_byte(z, io, &z->head[z->head_len]))
            return false;
        z->head_len++;
    }
    return true;
}

bool inflate_skip(struct inflate *z, struct inflate_io *io, uint64_t *left) {
    uint8_t byte;
    while (*left && z->back_len) {
        inflate_next_byte(z, io, &byte);
        --*left;
    }
    uint64_t there = (uint64_t)(io->in_end - io->in);
    uint64_t n = *left < there ? *left : there;
    io->in += n;
    *left -= n;
    return *left == 0;
}

void inflate_put_back(struct inflate *z, const uint8_t *bytes, unsigned len) {
    assert(z->back_len == 0 && len <= sizeof z->back);
    memcpy(z->back, bytes, len);
    z->back_len = len;
}

void inflate_body_begin(struct inflate *z) {
    assert(z->back_len == 0); /* every header is longer than what can be put back */
    deflate_decoder_reset(z->deflate);
    z->body_crc = 0;
    z->body_len = 0;
}

enum deflate_result inflate_body_run(struct inflate *z, struct inflate_io *io) {
    const uint8_t *from = io->out;
    enum deflate_result r = deflate_decoder_run(z->deflate, io);
    size_t n = (size_t)(io->out - from);
    z->body_crc = inflate_crc32(z->body_crc, from, n);
    z->body_len += n;
    if (r == DEFLATE_END) {
        uint8_t unused[DEFLATE_UNUSED_MAX];
        inflate_put_back(z, unused, deflate_decoder_unused(z->deflate, unused));
    }
    return r;
}
