/* Every format, in every size of input and output piece; cut anywhere, flipped anywhere, bombed, joined, padded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "parsers/inflate.h"

/* --- building objects -------------------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *data;
    size_t len, size;
};

static void put(struct bytes *b, const void *data, size_t len) {
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len) + 64;
        b->data = realloc(b->data, b->size);
        assert_non_null(b->data);
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void put_le(struct bytes *b, uint64_t v, unsigned len) {
    for (unsigned i = 0; i < len; i++)
        put(b, &(uint8_t){(uint8_t)(v >> (8 * i))}, 1);
}

static void put_be32(struct bytes *b, uint32_t v) {
    for (int i = 24; i >= 0; i -= 8)
        put(b, &(uint8_t){(uint8_t)(v >> i)}, 1);
}

static void drop(struct bytes *b) {
    free(b->data);
    *b = (struct bytes){0};
}

/* Like SES records: much repetition, some noise. */
static struct bytes records(unsigned count) {
    struct bytes b = {0};
    uint32_t noise = 12345;
    for (unsigned i = 0; i < count; i++) {
        char line[256];
        noise = noise * 1664525u + 1013904223u;
        int n = snprintf(
            line, sizeof line,
            "{\"eventType\":\"Delivery\",\"mail\":{\"messageId\":\"%08x-%u\",\"destination\":[\"u%u@example.com\"]}}\n",
            noise, i, noise % 977);
        put(&b, line, (size_t)n);
    }
    return b;
}

enum { RAW = -MAX_WBITS, GZIP = MAX_WBITS + 16 };

static void put_deflate(struct bytes *b, const void *data, size_t len, int window, int level, int strategy) {
    z_stream s = {0};
    assert_int_equal(deflateInit2(&s, level, Z_DEFLATED, window, 8, strategy), Z_OK);
    size_t room = deflateBound(&s, (uLong)len) + 64;
    uint8_t *out = malloc(room);
    assert_non_null(out);
    s.next_in = (Bytef *)(uintptr_t)data;
    s.avail_in = (uInt)len;
    s.next_out = out;
    s.avail_out = (uInt)room;
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    put(b, out, s.total_out);
    deflateEnd(&s);
    free(out);
}

static void put_gzip(struct bytes *b, const void *data, size_t len) {
    put_deflate(b, data, len, GZIP, 6, Z_DEFAULT_STRATEGY);
}

static uint32_t crc_of(const void *data, size_t len) {
    return (uint32_t)crc32_z(0, data, len);
}

enum { ZIP_STORED = 1, ZIP_SIGNED = 2, ZIP_UNSIGNED = 4, ZIP_64 = 8 }; /* 2 or 4: with a data descriptor */

static void put_zip_entry(struct bytes *b, const void *data, size_t len, unsigned how) {
    struct bytes body = {0};
    if (how & ZIP_STORED)
        put(&body, data, len);
    else
        put_deflate(&body, data, len, RAW, 6, Z_DEFAULT_STRATEGY);
    bool later = (how & (ZIP_SIGNED | ZIP_UNSIGNED)) && !(how & ZIP_STORED);
    bool extra = (how & ZIP_64) && !later;
    put(b, "PK\3\4\x14\0", 6);
    put_le(b, how & (ZIP_SIGNED | ZIP_UNSIGNED) ? 8 : 0, 2);
    put_le(b, how & ZIP_STORED ? 0 : 8, 2);
    put_le(b, 0x5a6b7c8d, 4);
    put_le(b, later ? 0 : crc_of(data, len), 4);
    put_le(b, later ? 0 : extra ? UINT32_MAX : body.len, 4);
    put_le(b, later ? 0 : extra ? UINT32_MAX : len, 4);
    put_le(b, 6, 2);
    put_le(b, extra ? 9 + 20 + 2 : 0, 2);
    put(b, "a.json", 6);
    if (extra) {
        put(b, "UT\5\0\3abcd", 9);
        put_le(b, 1, 2);
        put_le(b, 16, 2);
        put_le(b, len, 8);
        put_le(b, body.len, 8);
        put(b, "\0\0", 2);
    }
    put(b, body.data, body.len);
    if (how & ZIP_SIGNED)
        put(b, "PK\7\10", 4);
    if (how & (ZIP_SIGNED | ZIP_UNSIGNED)) {
        put_le(b, crc_of(data, len), 4);
        put_le(b, body.len, how & ZIP_64 ? 8 : 4);
        put_le(b, len, how & ZIP_64 ? 8 : 4);
    }
    drop(&body);
}

static void put_zip_end(struct bytes *b) {
    put(b, "PK\1\2\x14\0\x14\0\0\0\10\0", 12);
    for (int i = 0; i < 34; i++)
        put(b, "", 1);
    put(b, "PK\5\6\0\0\0\0\1\0\1\0", 12);
    for (int i = 0; i < 10; i++)
        put(b, "", 1);
}

static void put_snappy_block(struct bytes *b, const void *data, size_t len) {
    size_t n = snappy_max_compressed_length(len);
    char *out = malloc(n);
    assert_non_null(out);
    assert_int_equal(snappy_compress(data, len, out, &n), SNAPPY_OK);
    put_be32(b, (uint32_t)n);
    put(b, out, n);
    free(out);
}

static void put_xerial(struct bytes *b, const uint8_t *data, size_t len, size_t block) {
    put(b, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    for (size_t at = 0; at < len; at += block)
        put_snappy_block(b, data + at, len - at < block ? len - at : block);
}

static void put_hadoop(struct bytes *b, const uint8_t *data, size_t len, size_t frame, size_t block) {
    for (size_t at = 0; at < len; at += frame) {
        size_t n = len - at < frame ? len - at : frame;
        put_be32(b, (uint32_t)n);
        for (size_t i = 0; i < n; i += block)
            put_snappy_block(b, data + at + i, n - i < block ? n - i : block);
    }
}

static void put_zstd(struct bytes *b, const void *data, size_t len) {
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t room = ZSTD_compressBound(len);
    char *out = malloc(room);
    assert_non_null(out);
    size_t n = ZSTD_compress2(c, out, room, data, len);
    assert_false(ZSTD_isError(n));
    put(b, out, n);
    free(out);
    ZSTD_freeCCtx(c);
}

/* --- running ----------------------------------------------------------------------------------------------------- */

struct result {
    enum inflate_status status;
    struct bytes out;
    struct err err;
    size_t used;
};

/* Hands over `in` in pieces, each in memory of exactly its length; 0 = all at once. With `tell_late` the end is
 * announced by an empty last piece. */
static struct result run(struct inflate *z, enum inflate_format format, const uint8_t *in, size_t len, size_t in_piece,
                         size_t out_piece, bool tell_late) {
    struct result r = {0};
    uint8_t *out = malloc(out_piece);
    uint8_t *piece = NULL;
    size_t have = 0, at = 0, given = 0;
    assert_non_null(out);
    inflate_begin(z, format);
    if (in_piece == 0)
        in_piece = len;
    for (unsigned idle = 0;;) {
        if (at == have && given < len) {
            have = len - given < in_piece ? len - given : in_piece;
            free(piece);
            piece = malloc(have);
            assert_non_null(piece);
            memcpy(piece, in + given, have);
            given += have;
            at = 0;
        }
        size_t in_used, out_used;
        bool last = given == len && (!tell_late || at == have);
        r.status =
            inflate_step(z, piece ? piece + at : NULL, have - at, &in_used, last, out, out_piece, &out_used, &r.err);
        assert_true(in_used <= have - at && out_used <= out_piece);
        at += in_used;
        r.used += in_used;
        put(&r.out, out, out_used);
        if (r.status == INFLATE_PROGRESS) {
            assert_true(in_used || out_used);
            idle = 0;
        } else if (r.status == INFLATE_NEED_INPUT) {
            assert_true(at == have && !last);
            assert_true(in_used == 0 && out_used == 0);
            assert_true(idle++ == 0 || tell_late);
        } else {
            assert_int_equal(out_used, 0);
            break;
        }
    }
    /* How an object ended does not change. */
    size_t in_used, out_used;
    struct err again = {0};
    assert_int_equal(inflate_step(z, NULL, 0, &in_used, true, out, out_piece, &out_used, &again), r.status);
    assert_string_equal(again.text, r.err.text);
    assert_int_equal(in_used + out_used, 0);
    assert_int_equal(r.err.code, r.status == INFLATE_DONE ? ERR_NONE : ERR_INPUT);
    free(piece);
    free(out);
    return r;
}

static bool is_prefix(const struct bytes *part, const struct bytes *whole) {
    return part->len <= whole->len && (part->len == 0 || memcmp(part->data, whole->data, part->len) == 0);
}

static const size_t in_pieces[] = {1, 7, 4096, 0};
static const size_t out_pieces[] = {1, 3, 100, 4096, 65536, 1 << 20};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Sound, in all piece sizes. */
static void check_sound(enum inflate_format format, const struct bytes *object, const struct bytes *plain) {
    struct inflate *z = inflate_create(NULL);
    for (size_t i = 0; i < COUNT(in_pieces); i++)
        for (size_t o = plain->len > 20000 ? 2 : 0; o < COUNT(out_pieces); o++)
            for (int late = 0; late < 2; late++) {
                struct result r = run(z, format, object->data, object->len, in_pieces[i], out_pieces[o], late);
                if (r.status != INFLATE_DONE)
                    fail_msg("%s, pieces %zu and %zu: %s", inflate_format_name(format), in_pieces[i], out_pieces[o],
                             r.err.text);
                assert_int_equal(r.out.len, plain->len);
                assert_int_equal(r.used, object->len);
                assert_true(is_prefix(&r.out, plain));
                drop(&r.out);
            }
    inflate_destroy(z);
    const char *what;
    size_t sniff = object->len < INFLATE_SNIFF ? object->len : INFLATE_SNIFF;
    assert_int_equal(inflate_recognise(object->data, sniff, &what), format);
}

/* Ends as `status`, with a sentence that has `text` in it, after exactly `plain` (NULL: a prefix of it will not be
 * looked at). */
static void check_end(const struct inflate_limits *limits, enum inflate_format format, const struct bytes *object,
                      const struct bytes *plain, enum inflate_status status, const char *text) {
    struct inflate *z = inflate_create(limits);
    for (size_t i = 0; i < COUNT(in_pieces); i++) {
        struct result r = run(z, format, object->data, object->len, in_pieces[i], 5000, false);
        assert_int_equal(r.status, status);
        if (!strstr(r.err.text, text))
            fail_msg("wanted \"%s\", got \"%s\"", text, r.err.text);
        if (plain) {
            assert_int_equal(r.out.len, plain->len);
            assert_true(is_prefix(&r.out, plain));
        }
        drop(&r.out);
    }
    inflate_destroy(z);
}

/* --- the objects ------------------------------------------------------------------------------------------------- */

/* One of each kind. Returns false past the last. `end` is where the object may be cut without harm to the data. */
static bool make(unsigned kind, const struct bytes *plain, struct bytes *object, enum inflate_format *format,
                 size_t *end) {
    const uint8_t *p = plain->data;
    size_t n = plain->len, half = n / 2 + 13 < n ? n / 2 + 13 : n;
    *object = (struct bytes){0};
    *end = SIZE_MAX;
    *format = INFLATE_GZIP;
    switch (kind) {
    case 0:
        put_gzip(object, p, n);
        return true;
    case 1: /* stored blocks */
        put_deflate(object, p, n, GZIP, 0, Z_DEFAULT_STRATEGY);
        return true;
    case 2: /* fixed Huffman codes */
        put_deflate(object, p, n, GZIP, 9, Z_FIXED);
        return true;
    case 3: /* no matches: the longest literal runs */
        put_deflate(object, p, n, GZIP, 9, Z_HUFFMAN_ONLY);
        return true;
    case 4: /* every optional part of the header */
    {
        struct bytes head = {0};
        put(&head, "\x1f\x8b\x08\x1f\1\2\3\4\0\3\5\0abcdename\0a comment\0", 10 + 7 + 5 + 10);
        put(object, head.data, head.len);
        put_le(object, crc_of(head.data, head.len), 2);
        drop(&head);
        put_deflate(object, p, n, RAW, 6, Z_DEFAULT_STRATEGY);
        put_le(object, crc_of(p, n), 4);
        put_le(object, n, 4);
        return true;
    }
    case 5: /* members, one of them empty, a boundary inside a record, padding at the end */
        put_gzip(object, p, 0);
        put_gzip(object, p, half);
        put_gzip(object, p, 0);
        put_gzip(object, p + half, n - half);
        *end = object->len;
        put(object, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
        return true;
    case 6:
        *format = INFLATE_ZIP;
        put_zip_entry(object, p, n, ZIP_SIGNED);
        *end = object->len + 16; /* the descriptor is told from a header by reading on */
        put_zip_end(object);
        return true;
    case 7: /* entries of every form */
        *format = INFLATE_ZIP;
        put_zip_entry(object, p, half, ZIP_UNSIGNED);
        put_zip_entry(object, p, 0, ZIP_UNSIGNED);
        put_zip_entry(object, p, 0, ZIP_UNSIGNED | ZIP_64);
        put_zip_entry(object, p, 0, ZIP_SIGNED | ZIP_64);
        put_zip_entry(object, p, 0, ZIP_STORED);
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_STORED);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_SIGNED | ZIP_64);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_UNSIGNED | ZIP_64);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_STORED | ZIP_SIGNED);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_STORED | ZIP_64);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, (n - half) / 3, ZIP_64);
        half += (n - half) / 3;
        put_zip_entry(object, p + half, n - half, 0);
        *end = object->len + 16; /* the descriptor is told from a header by reading on */
        put_zip_end(object);
        return true;
    case 8: /* joined streams */
        *format = INFLATE_SNAPPY_XERIAL;
        put_xerial(object, p, half, 400);
        put_xerial(object, p + half, n - half, 32768);
        return true;
    case 9: /* frames of several blocks, and empty ones */
        *format = INFLATE_SNAPPY_HADOOP;
        put_hadoop(object, p, half, 900, 256);
        put_be32(object, 0);
        put_hadoop(object, p + half, n - half, 1 << 20, 32768);
        return true;
    case 10: /* frames, one of them skippable, one empty */
        *format = INFLATE_ZSTD;
        put(object, "\x52\x2a\x4d\x18\5\0\0\0abcde", 13);
        put_zstd(object, p, half);
        put_zstd(object, p, 0);
        put_zstd(object, p + half, n - half);
        return true;
    default:
        return false;
    }
}

static void test_sound(void **state) {
    (void)state;
    static const unsigned counts[] = {1, 12, 3000};
    for (size_t c = 0; c < COUNT(counts); c++) {
        struct bytes plain = records(counts[c]), object;
        enum inflate_format format;
        size_t end;
        for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
            check_sound(format, &object, &plain);
            drop(&object);
        }
        drop(&plain);
    }
}

/* Objects of different kinds one after the other through one decoder, some left in the middle. */
static void test_reuse(void **state) {
    (void)state;
    struct inflate *z = inflate_create(NULL);
    struct bytes plain = records(300), object;
    enum inflate_format format;
    size_t end;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
            struct result r = run(z, format, object.data, object.len, 0, 4096, false);
            assert_int_equal(r.status, INFLATE_DONE);
            assert_int_equal(r.out.len, plain.len);
            drop(&r.out);
            r = run(z, format, object.data, object.len / 3, 100, 50, false);
            assert_true(is_prefix(&r.out, &plain));
            drop(&r.out);
            uint8_t byte;
            size_t in_used, out_used;
            inflate_begin(z, format);
            assert_int_equal(inflate_step(z, object.data, object.len / 2, &in_used, false, &byte, 1, &out_used, NULL),
                             INFLATE_PROGRESS);
            drop(&object);
        }
    drop(&plain);
    inflate_destroy(z);
}

/* Cut at every byte: a prefix, once, and never DONE, but where the format has no end mark. */
static void test_truncated(void **state) {
    (void)state;
    static const size_t pieces[][2] = {{0, 4096}, {1, 1}, {7, 100}, {64, 65536}};
    struct bytes plain = records(40), object;
    enum inflate_format format;
    size_t end;
    struct inflate *z = inflate_create(NULL);
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
        unsigned done = 0;
        for (size_t len = 1; len < object.len; len++)
            for (size_t i = 0; i < COUNT(pieces); i++) {
                struct result r = run(z, format, object.data, len, pieces[i][0], pieces[i][1], len & 1);
                assert_true(is_prefix(&r.out, &plain));
                if (r.status == INFLATE_DONE) {
                    done++;
                    if (len >= end)
                        assert_int_equal(r.out.len, plain.len);
                } else {
                    assert_int_equal(r.status, INFLATE_DAMAGED);
                    assert_true(len < end);
                    assert_non_null(strstr(r.err.text, "ends inside"));
                }
                drop(&r.out);
            }
        if (kind <= 4)
            assert_int_equal(done, 0);
        drop(&object);
    }
    inflate_destroy(z);
    drop(&plain);
}

/* A member boundary is a sound end of gzip, a frame's of zstd, a block's of Snappy; an entry's is none of zip. */
static void test_cut_between(void **state) {
    (void)state;
    struct bytes plain = records(30), object = {0};
    size_t half = plain.len / 2;
    struct bytes first = {plain.data, half, 0};
    struct bytes cut;
    put_gzip(&object, plain.data, half);
    check_end(NULL, INFLATE_GZIP, &object, &first, INFLATE_DONE, "");
    drop(&object);
    put_zstd(&object, plain.data, half);
    check_end(NULL, INFLATE_ZSTD, &object, &first, INFLATE_DONE, "");
    drop(&object);
    put_xerial(&object, plain.data, half, 100);
    check_end(NULL, INFLATE_SNAPPY_XERIAL, &object, &first, INFLATE_DONE, "");
    put(&object, "\0\0\0", 3);
    check_end(NULL, INFLATE_SNAPPY_XERIAL, &object, &first, INFLATE_DAMAGED, "ends inside a block's length");
    drop(&object);
    put_hadoop(&object, plain.data, half, 100, 100);
    check_end(NULL, INFLATE_SNAPPY_HADOOP, &object, &first, INFLATE_DONE, "");
    drop(&object);
    put_hadoop(&object, plain.data, half, half, half - 10); /* two blocks in one frame, the second cut off */
    cut = (struct bytes){object.data, 0, 0};
    struct bytes block = {0};
    put_snappy_block(&block, plain.data, half - 10);
    cut.len = 4 + block.len;
    struct bytes some = {plain.data, half - 10, 0};
    check_end(NULL, INFLATE_SNAPPY_HADOOP, &cut, &some, INFLATE_DAMAGED, "ends inside a frame");
    drop(&block);
    drop(&object);
    put_zip_entry(&object, plain.data, half, 0);
    check_end(NULL, INFLATE_ZIP, &object, &first, INFLATE_DAMAGED, "before the central directory");
    drop(&object);
    drop(&plain);
}

static void test_trailing(void **state) {
    (void)state;
    struct bytes plain = records(30), object = {0};
    put_gzip(&object, plain.data, plain.len);
    size_t sound = object.len;
    put(&object, "garbage that is longer than a header", 36);
    check_end(NULL, INFLATE_GZIP, &object, &plain, INFLATE_DAMAGED, "no gzip follow");
    object.len = sound;
    put(&object, "\0\0\0x", 4);
    check_end(NULL, INFLATE_GZIP, &object, &plain, INFLATE_DAMAGED, "no gzip follow");
    object.len = sound;
    put(&object, "\x1f garbage that is longer", 25);
    check_end(NULL, INFLATE_GZIP, &object, &plain, INFLATE_DAMAGED, "no gzip follow");
    object.len = sound;
    put(&object, "\0\0\0", 3); /* padded objects, joined */
    put_gzip(&object, plain.data, 0);
    check_end(NULL, INFLATE_GZIP, &object, &plain, INFLATE_DONE, "");
    drop(&object);
    put_zstd(&object, plain.data, plain.len);
    sound = object.len;
    put(&object, "garbage", 7);
    check_end(NULL, INFLATE_ZSTD, &object, &plain, INFLATE_DAMAGED, "no zstd follow");
    object.len = sound;
    put(&object, "\x28\x27\xb5\x2f\xfd\x40\0X\xff\xff\1!", 12); /* the format of zstd 0.7, one byte on */
    check_end(NULL, INFLATE_ZSTD, &object, &plain, INFLATE_DAMAGED, "no zstd follow");
    drop(&object);
    put_xerial(&object, plain.data, plain.len, 1000);
    put(&object, "garbage", 7);
    check_end(NULL, INFLATE_SNAPPY_XERIAL, &object, &plain, INFLATE_DAMAGED, "not between 1 and");
    drop(&object);
    put_hadoop(&object, plain.data, plain.len, 1000, 1000);
    put(&object, "\x90garbage", 8);
    check_end(NULL, INFLATE_SNAPPY_HADOOP, &object, &plain, INFLATE_DAMAGED, "cannot be right");
    drop(&object);
    put_zip_entry(&object, plain.data, plain.len, 0);
    put(&object, "garbage", 7);
    check_end(NULL, INFLATE_ZIP, &object, &plain, INFLATE_DAMAGED, "neither an entry");
    drop(&object);
    drop(&plain);
}

#ifdef HAVE_ISAL
enum { HELD_BACK = 260 }; /* a match and two literals: see inflate_deflate.c */
#else
enum { HELD_BACK = 0 };
#endif

/* One bit wrong, one or two of each byte's: gzip, zip and zstd notice it; whatever was given before is right up to
 * there. */
static void test_bit_flips(void **state) {
    (void)state;
    struct bytes plain = records(40), object;
    enum inflate_format format;
    size_t end;
    struct inflate *z = inflate_create(NULL);
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++)
        for (size_t bit = 0; bit < 8 * object.len || (drop(&object), false); bit += 5) {
            object.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct result r = run(z, format, object.data, object.len, bit % 3 ? 0 : 7, 3000, false);
            struct result cut = run(z, format, object.data, bit / 8 ? bit / 8 : 1, 0, 3000, false);
            /* What can be decoded without the wrong byte is what was there. */
            if (bit / 8)
                assert_true(is_prefix(&cut.out, &plain));
            assert_true(cut.out.len <= r.out.len + HELD_BACK);
            size_t common = cut.out.len < r.out.len ? cut.out.len : r.out.len;
            assert_true(common == 0 || memcmp(cut.out.data, r.out.data, common) == 0);
            if (r.status == INFLATE_DONE && (format == INFLATE_GZIP || format == INFLATE_ZIP))
                assert_true(is_prefix(&r.out, &plain)); /* only fields that mean nothing: time, name */
            drop(&r.out);
            drop(&cut.out);
            object.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    inflate_destroy(z);
    drop(&plain);
}

static void test_gzip_damage(void **state) {
    (void)state;
    struct bytes plain = records(30), object = {0};
    struct bytes none = {plain.data, 0, 0};
    static const struct {
        int at; /* below 0: from the end */
        uint8_t flip;
        const char *text;
        bool all; /* the data comes out before it is noticed */
    } cases[] = {
        {-8, 1, "member 1 does not match its checksum", true},
        {-1, 0x80, "not as long as its trailer says", true},
        {0, 1, "this is not gzip", false},
        {2, 1, "unknown compression method 9", false},
        {3, 0x20, "reserved flags", false},
        {10, 6, "member 1 cannot be decoded", false}, /* block type 3 */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_gzip(&object, plain.data, plain.len);
        object.data[10] = (uint8_t)(object.data[10] & ~6) | (cases[i].at == 10 ? 0 : object.data[10] & 6);
        object.data[cases[i].at < 0 ? object.len + (size_t)cases[i].at : (size_t)cases[i].at] ^= cases[i].flip;
        check_end(NULL, INFLATE_GZIP, &object, cases[i].all ? &plain : &none, INFLATE_DAMAGED, cases[i].text);
        drop(&object);
    }
    put_gzip(&object, plain.data, plain.len); /* the second member's checksum */
    put_gzip(&object, "", 0);
    object.data[object.len - 8] ^= 1;
    check_end(NULL, INFLATE_GZIP, &object, &plain, INFLATE_DAMAGED, "member 2 does not match its checksum");
    drop(&object);
    put(&object, "\x1f\x8b\x08\x02\0\0\0\0\0\3\1\2rest", 16);
    check_end(NULL, INFLATE_GZIP, &object, &none, INFLATE_DAMAGED, "header of member 1 does not match");
    drop(&object);
    drop(&plain);
}

static void test_zip_damage(void **state) {
    (void)state;
    struct bytes plain = records(30), object = {0};
    struct bytes none = {plain.data, 0, 0};
    static const struct {
        unsigned how;
        unsigned at;
        uint8_t flip;
        const char *text;
        bool all;
    } cases[] = {
        {0, 6, 1, "entry 1 is encrypted", false},
        {0, 6, 0x20, "entry 1 is a patch", false},
        {0, 7, 0x20, "entry 1 is encrypted", false},
        {0, 8, 4, "compressed by method 12", false},
        {0, 14, 1, "does not match its checksum", true},
        {0, 18, 1, "not as long as its header says", true},
        {0, 22, 1, "not as long as its header says", true},
        {ZIP_STORED, 14, 1, "does not match its checksum", true},
        {ZIP_STORED, 22, 1, "not as long as its header says", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_zip_entry(&object, plain.data, plain.len, cases[i].how);
        put_zip_end(&object);
        object.data[cases[i].at] ^= cases[i].flip;
        check_end(NULL, INFLATE_ZIP, &object, cases[i].all ? &plain : &none, INFLATE_DAMAGED, cases[i].text);
        drop(&object);
    }
    for (unsigned how = 0; how < 4; how++) { /* each byte of each form of descriptor */
        unsigned form = (how & 1 ? ZIP_SIGNED : ZIP_UNSIGNED) | (how & 2 ? ZIP_64 : 0);
        unsigned len = (how & 1 ? 4 : 0) + 4 + (how & 2 ? 16 : 8);
        for (unsigned at = 1; at <= len; at++) {
            put_zip_entry(&object, plain.data, plain.len, form);
            object.data[object.len - at] ^= 0x10;
            put_zip_end(&object);
            check_end(NULL, INFLATE_ZIP, &object, &plain, INFLATE_DAMAGED, "checksum or sizes");
            drop(&object);
        }
    }
    put_zip_entry(&object, plain.data, plain.len, ZIP_STORED | ZIP_SIGNED); /* stored, the size only behind the data */
    memset(object.data + 14, 0, 12);
    put_zip_end(&object);
    check_end(NULL, INFLATE_ZIP, &object, &none, INFLATE_DAMAGED, "a size that its header does not give");
    drop(&object);
    put(&object, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22); /* no entries */
    check_end(NULL, INFLATE_ZIP, &object, &none, INFLATE_DONE, "");
    drop(&object);
    drop(&plain);
}

static void test_snappy_damage(void **state) {
    (void)state;
    struct bytes none = {(uint8_t *)"", 0, 0};
    static const struct {
        enum inflate_format format;
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPX\0\0\0\0\1\0\0\0\1", 16, "header is damaged"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\0", 20, "a block of 0 bytes"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\x40\0\0\0", 20, "a block of 1073741824 bytes"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\5\xff\xff\xff\xff\xff", 25, "no valid length"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\5\xff\xff\xff\x0f\0", 25, "over the limit"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\3\5\1\1", 23, "cannot be decoded"},
        {INFLATE_SNAPPY_XERIAL, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\x82SNAP", 21, "ends inside the header"},
        {INFLATE_SNAPPY_HADOOP, "\0\0\0\1\0\0\0\4\2\4ab", 12, "longer than the rest of its frame"},
        {INFLATE_SNAPPY_HADOOP, "\0\0\0\3\0\0\0\0", 8, "a block of 0 bytes"},
        {INFLATE_SNAPPY_HADOOP, "\0\0\0\3\0\0", 6, "ends inside a frame"},
        {INFLATE_SNAPPY_HADOOP, "\0\0", 2, "ends inside a frame"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes object = {(uint8_t *)(uintptr_t)cases[i].bytes, cases[i].len, 0};
        check_end(NULL, cases[i].format, &object, &none, INFLATE_DAMAGED, cases[i].text);
    }
}

static void test_zstd_damage(void **state) {
    (void)state;
    struct bytes plain = records(4000), object = {0};
    put_zstd(&object, plain.data, plain.len);
    object.data[object.len - 1] ^= 1;
    check_end(NULL, INFLATE_ZSTD, &object, &plain, INFLATE_DAMAGED, "does not match its checksum");
    drop(&object);
    ZSTD_CCtx *c = ZSTD_createCCtx(); /* a window of 16 MiB */
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 24);
    char out[512];
    ZSTD_inBuffer in = {plain.data, 200, 0};
    ZSTD_outBuffer to = {out, sizeof out, 0};
    assert_int_equal(ZSTD_compressStream2(c, &to, &in, ZSTD_e_flush), 0);
    ZSTD_freeCCtx(c);
    put(&object, out, to.pos);
    struct bytes none = {plain.data, 0, 0};
    check_end(NULL, INFLATE_ZSTD, &object, &none, INFLATE_DAMAGED, "more than 8 MiB");
    drop(&object);
    drop(&plain);
}

static void test_limits(void **state) {
    (void)state;
    struct bytes plain = records(500), object;
    enum inflate_format format;
    size_t end;
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
        struct bytes cut = {plain.data, plain.len - 1, 0};
        struct inflate_limits exact = {.max_output = plain.len}, less = {.max_output = plain.len - 1}, one = {1, 0};
        check_end(&exact, format, &object, &plain, INFLATE_DONE, "");
        check_end(&less, format, &object, &cut, INFLATE_LIMIT, "more output than the limit");
        cut.len = 1;
        check_end(&one, format, &object, &cut, INFLATE_LIMIT, "more output than the limit of 1;");
        drop(&object);
    }
    drop(&plain);
}

/* 40 MiB of zeros: about 1030 times smaller as gzip, some 20 as Snappy, thousands of times as zstd. */
static void test_bomb(void **state) {
    (void)state;
    struct bytes plain = {calloc(1, 40 << 20), 40 << 20, 0}, object;
    enum inflate_format format;
    size_t end;
    for (unsigned kind = 0; make(kind, &plain, &object, &format, &end); kind++) {
        bool stored = kind == 1, snappy = kind == 8 || kind == 9, zstd = kind == 10;
        bool mixed = kind == 7; /* stored in part */
        struct inflate_limits ratio = {.max_ratio = snappy ? 10 : 500};
        struct inflate_limits output = {.max_output = 1 << 20};
        for (unsigned i = 0; i < 3; i++) {
            const struct inflate_limits *limits = i == 0 ? NULL : i == 1 ? &ratio : &output;
            struct inflate *z = inflate_create(limits);
            struct result r = run(z, format, object.data, object.len, 65536, 1 << 18, false);
            if (i == 0 && !zstd) {
                assert_int_equal(r.status, INFLATE_DONE);
            } else if (i == 2) {
                assert_int_equal(r.status, INFLATE_LIMIT);
                assert_int_equal(r.out.len, 1 << 20);
            } else if (!stored && !mixed && kind != 2 && kind != 3) {
                assert_int_equal(r.status, INFLATE_LIMIT);
                assert_non_null(strstr(r.err.text, "for each of input"));
                assert_true(r.out.len >= 16 << 20 && r.out.len <= (16 << 20) + (20 << 20));
            }
            drop(&r.out);
            inflate_destroy(z);
        }
        drop(&object);
    }
    drop(&plain);
}

/* --- recognition ------------------------------------------------------------------------------------------------- */

static void test_recognise(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum inflate_format format;
        const char *what;
    } cases[] = {
#define CASE(bytes, format, what) {bytes, sizeof(bytes) - 1, format, what}
        CASE("\x1f\x8b\x08\0", INFLATE_GZIP, "gzip"),
        CASE("\x1f\x8b", INFLATE_GZIP, "gzip"),
        CASE("\x1f", INFLATE_PLAIN, "text"),
        CASE("PK\3\4", INFLATE_ZIP, "zip"),
        CASE("PK\5\6", INFLATE_ZIP, "zip"),
        CASE("PK", INFLATE_PLAIN, "text"),
        CASE("PK\7\10", INFLATE_UNSUPPORTED, "zip (split)"),
        CASE("\x82SNAPPY\0\0\0\0\1", INFLATE_SNAPPY_XERIAL, "Snappy (snappy-java)"),
        CASE("\x28\xb5\x2f\xfd", INFLATE_ZSTD, "Zstandard"),
        CASE("\x50\x2a\x4d\x18\1\0\0\0x\x28\xb5\x2f\xfd", INFLATE_ZSTD, "Zstandard"),
        CASE("\x5f\x2a\x4d\x18\xff\xff\xff\xff", INFLATE_ZSTD, "Zstandard"),
        CASE("\x50\x2a\x4d\x18\1\0\0\0x\x04\x22\x4d\x18", INFLATE_UNSUPPORTED, "LZ4"),
        CASE("PAR1\x15\x04", INFLATE_UNSUPPORTED, "Apache Parquet"),
        CASE("ORC\x11", INFLATE_UNSUPPORTED, "Apache ORC"),
        CASE("Obj\1\4", INFLATE_UNSUPPORTED, "Apache Avro"),
        CASE("SEQ\6", INFLATE_UNSUPPORTED, "Hadoop SequenceFile"),
        CASE("\xfd"
             "7zXZ\0",
             INFLATE_UNSUPPORTED, "xz"),
        CASE("BZh91AY&SY", INFLATE_UNSUPPORTED, "bzip2"),
        CASE("\x04\x22\x4d\x18", INFLATE_UNSUPPORTED, "LZ4"),
        CASE("\xff\x06\0\0sNaPpY", INFLATE_UNSUPPORTED, "Snappy (framing format)"),
        CASE("\x78\x9c\x03\0", INFLATE_UNSUPPORTED, "zlib"),
        CASE("\0\0\0\3\0\0\0\5\3\10abc", INFLATE_SNAPPY_HADOOP, "Snappy (Hadoop)"),
        CASE("\0\0\0\2\0\0\0\5\3\10abc", INFLATE_PLAIN, "text"),       /* block longer than its frame */
        CASE("\0\0\0\3\0\0\0\5\3\11abc", INFLATE_PLAIN, "text"),       /* a copy from nowhere */
        CASE("\0\0\0\3\0\0\0\5\3\14abcd", INFLATE_PLAIN, "text"),      /* literal longer than the block */
        CASE("\0\0\0\3\0\0\1\0\3\10abc", INFLATE_PLAIN, "text"),       /* far too long for 3 bytes */
        CASE("\0\1\0\0\0\0\0\5\x80\x80\4\xf0", INFLATE_PLAIN, "text"), /* far too short for 64 KiB */
        CASE("\0\1\0\0\0\0\x0d\x80\x80\x80\4\xf0", INFLATE_SNAPPY_HADOOP, "Snappy (Hadoop)"),
        CASE("\0\0\0\3\0\0\0\5\xff\xff\xff\xff\xff", INFLATE_PLAIN, "text"),
        CASE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0", INFLATE_PLAIN, "text"),
        CASE("\0\0\0\3", INFLATE_PLAIN, "text"),
        CASE("", INFLATE_PLAIN, "text"),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *what = NULL;
        uint8_t *exact = malloc(cases[i].len ? cases[i].len : 1);
        assert_non_null(exact);
        memcpy(exact, cases[i].bytes, cases[i].len);
        if (inflate_recognise(exact, cases[i].len, &what) != cases[i].format || strcmp(what, cases[i].what) != 0)
            fail_msg("case %zu: taken for %s, not %s", i, what, cases[i].what);
        assert_int_equal(inflate_recognise(exact, cases[i].len, NULL), cases[i].format);
        free(exact);
    }
    char tar[INFLATE_SNIFF] = "events.json";
    memcpy(tar + 257, "ustar", 5);
    const char *what;
    assert_int_equal(inflate_recognise(tar, sizeof tar, &what), INFLATE_UNSUPPORTED);
    assert_string_equal(what, "tar");
    assert_int_equal(inflate_recognise(tar, 261, &what), INFLATE_PLAIN);
}

/* Whatever JSON or text an object may begin with is plain, at every length. */
static void test_recognise_text(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"eventType\":\"Bounce\",\"mail\":{\"timestamp\":\"2026-01-01T00:00:00Z\"}}",
                                        "{}",
                                        "{ }",
                                        "[]",
                                        "[{\"eventType\":\"Send\"},",
                                        "\n",
                                        "\r\n",
                                        " \t\r\n{\"a\":1}",
                                        "\t\t\t\t\t\t\t\t\t\t\t\t\t\t",
                                        "          {",
                                        "\n\n\n\n\n\n\n\n\n\n\n\n{",
                                        "\xef\xbb\xbf{\"a\":1}",
                                        "null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1.5e10",
                                        "12345678901234567890",
                                        "\"text\"",
                                        "\"\\u0000\"",
                                        "{\"Type\" : \"Notification\",\n  \"MessageId\" : \"",
                                        "{\n  \"eventType\": \"Open\"\n}",
                                        "}{",
                                        "}\n{",
                                        ",{",
                                        "2026-01-01 00:00:00 INFO",
                                        "eventType,messageId\nBounce,1",
                                        "<?xml version=\"1.0\"?>",
                                        "# comment",
                                        "x",
                                        "xyz",
                                        "PKG",
                                        "PARTIAL",
                                        "OR ",
                                        "Object",
                                        "BZ",
                                        "7z",
                                        "SEQUENCE",
                                        "(\xc2\xb5",
                                        "ustar",
                                        "\177ELF",
                                        "\xff\xfe{\0",
                                        "\xfe\xff\0{"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t len = strlen(texts[i]);
        for (size_t n = 0; n <= len; n++)
            if (inflate_recognise(texts[i], n, NULL) != INFLATE_PLAIN)
                fail_msg("\"%.*s\" is taken for something else", (int)n, texts[i]);
    }
    /* No text of white space and printable characters, whatever they are, is taken for Hadoop's framing. */
    uint32_t noise = 1;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t first[16];
        for (size_t k = 0; k < sizeof first; k++) {
            noise = noise * 1664525u + 1013904223u;
            unsigned c = noise >> 24;
            first[k] = c < 16 ? (uint8_t) "\t\n\r "[c % 4] : c < 0x20 ? (uint8_t)' ' : (uint8_t)c;
        }
        first[0] = (uint8_t)("\t\n\r {[\"0123456789-tfn\xef"[noise >> 8 & 15]);
        assert_int_equal(inflate_recognise(first, sizeof first, NULL), INFLATE_PLAIN);
    }
    for (unsigned c = 9; c < 256; c++) {
        uint8_t first[16] = {(uint8_t)c, 0, 0, 3, 0, 0, 0, 5, 3, 8, 'a', 'b', 'c'};
        assert_int_not_equal(inflate_recognise(first, sizeof first, NULL), INFLATE_SNAPPY_HADOOP);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),       cmocka_unit_test(test_reuse),          cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_cut_between), cmocka_unit_test(test_trailing),       cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_gzip_damage), cmocka_unit_test(test_zip_damage),     cmocka_unit_test(test_snappy_damage),
        cmocka_unit_test(test_zstd_damage), cmocka_unit_test(test_limits),         cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_recognise),   cmocka_unit_test(test_recognise_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
