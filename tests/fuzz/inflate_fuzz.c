/* Any bytes as an object, once whole and once in pieces: no crash, no standstill, and the same text and verdict.
 *
 *   first byte: bits 0-2 size of the input pieces, 3-5 of the output pieces, 6-7 spare; the rest is the object */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 1 << 20 };

#ifdef HAVE_ISAL
enum { HELD_BACK = 260 }; /* before damage; depends on the pieces: see inflate_deflate.c */
#else
enum { HELD_BACK = 0 };
#endif

struct result {
    enum inflate_status status;
    uint8_t *out;
    size_t len;
};

static void run(struct inflate *z, enum inflate_format format, const uint8_t *in, size_t len, size_t in_piece,
                size_t out_piece, struct result *r) {
    size_t at = 0, have = 0;
    r->len = 0;
    inflate_begin(z, format);
    for (;;) {
        if (at == have)
            have += len - have < in_piece ? len - have : in_piece;
        size_t room = OUTPUT_MAX + 1 - r->len, in_used, out_used;
        struct err err = {0};
        uint8_t *copy = malloc(have - at + 1); /* exactly as long as said, so that a sanitizer sees any over-read */
        assert(copy);
        memcpy(copy, in + at, have - at);
        r->status = inflate_step(z, copy, have - at, &in_used, have == len, r->out + r->len,
                                 out_piece < room ? out_piece : room, &out_used, &err);
        free(copy);
        assert(in_used <= have - at && out_used <= out_piece);
        at += in_used;
        r->len += out_used;
        assert(r->len <= OUTPUT_MAX);
        if (r->status == INFLATE_PROGRESS) {
            assert(in_used || out_used);
        } else if (r->status == INFLATE_NEED_INPUT) {
            assert(at == have && have < len);
        } else {
            assert((r->status == INFLATE_DONE) == (err.code == ERR_NONE));
            assert(r->status != INFLATE_DONE || at == len);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t in_pieces[8] = {1, 2, 3, 7, 16, 61, 300, 4096};
    static const size_t out_pieces[8] = {1, 5, 64, 257, 1000, 4096, 33000, 70000};
    static struct inflate *z; /* one for all, as a worker has: what an object leaves behind must not matter */
    static struct result whole, pieces;
    if (size < 2 || size > 1 << 16)
        return 0;
    if (!z) {
        z = inflate_create(&(struct inflate_limits){.max_output = OUTPUT_MAX});
        whole.out = malloc(OUTPUT_MAX + 1);
        pieces.out = malloc(OUTPUT_MAX + 1);
        assert(whole.out && pieces.out);
    }
    unsigned how = data[0];
    const uint8_t *object = data + 1;
    size_t len = size - 1;
    const char *what = NULL;
    enum inflate_format format = inflate_recognise(object, len < INFLATE_SNIFF ? len : INFLATE_SNIFF, &what);
    assert(what && inflate_format_name(format));
    if (format == INFLATE_PLAIN || format == INFLATE_UNSUPPORTED)
        format = INFLATE_GZIP + how % 5;
    run(z, format, object, len, len, OUTPUT_MAX + 1, &whole);
    size_t out_piece = out_pieces[how >> 3 & 7];
    if (whole.len > 20000 && out_piece < 1000)
        out_piece = 1000; /* bytewise through a megabyte only costs time */
    run(z, format, object, len, in_pieces[how & 7], out_piece, &pieces);
    size_t common = whole.len < pieces.len ? whole.len : pieces.len;
    size_t longer = whole.len > pieces.len ? whole.len : pieces.len;
    assert(memcmp(whole.out, pieces.out, common) == 0);
    if (whole.status == INFLATE_DONE || pieces.status == INFLATE_DONE)
        assert(whole.status == pieces.status && common == longer);
    /* Damage a little behind the limit may be seen before the limit is. */
    bool looks_ahead = HELD_BACK > 0 || format == INFLATE_ZSTD;
    assert(whole.status == pieces.status || looks_ahead);
    /* zstd refuses a frame of the wrong length together with its last block, of which pieces may be out already. */
    assert(longer - common <= HELD_BACK || format == INFLATE_ZSTD);
    return 0;
}
