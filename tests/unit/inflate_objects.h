/* Compressed objects of every format, made of records, for the tests of parsers/inflate. */
#ifndef TESTS_INFLATE_OBJECTS_H
#define TESTS_INFLATE_OBJECTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "parsers/inflate.h"

/* --- bytes -------------------------------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *data;
    size_t len, size;
};

static inline void put(struct bytes *b, const void *data, size_t len) {
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len) + 64;
        b->data = realloc(b->data, b->size);
        assert_non_null(b->data);
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static inline void put_le(struct bytes *b, uint64_t v, unsigned len) {
    for (unsigned i = 0; i < len; i++)
        put(b, &(uint8_t){(uint8_t)(v >> (8 * i))}, 1);
}

static inline void put_be32(struct bytes *b, uint32_t v) {
    for (int i = 24; i >= 0; i -= 8)
        put(b, &(uint8_t){(uint8_t)(v >> i)}, 1);
}

static inline void drop(struct bytes *b) {
    free(b->data);
    *b = (struct bytes){0};
}

/* Like SES records: much repetition, some noise. */
static inline struct bytes records(unsigned count) {
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

/* --- formats ------------------------------------------------------------------------------------------------------ */

enum { RAW = -MAX_WBITS, GZIP = MAX_WBITS + 16 };

static inline void put_deflate(struct bytes *b, const void *data, size_t len, int window, int level, int strategy) {
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

static inline void put_gzip(struct bytes *b, const void *data, size_t len) {
    put_deflate(b, data, len, GZIP, 6, Z_DEFAULT_STRATEGY);
}

static inline uint32_t crc_of(const void *data, size_t len) {
    return (uint32_t)crc32_z(0, data, len);
}

enum { ZIP_STORED = 1, ZIP_SIGNED = 2, ZIP_UNSIGNED = 4, ZIP_64 = 8 }; /* 2 or 4: with a data descriptor */

static inline void put_zip_entry(struct bytes *b, const void *data, size_t len, unsigned how) {
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

static inline void put_zip_end(struct bytes *b) {
    put(b, "PK\1\2\x14\0\x14\0\0\0\10\0", 12);
    for (int i = 0; i < 34; i++)
        put(b, "", 1);
    put(b, "PK\5\6\0\0\0\0\1\0\1\0", 12);
    for (int i = 0; i < 10; i++)
        put(b, "", 1);
}

static inline void put_snappy_block(struct bytes *b, const void *data, size_t len) {
    size_t n = snappy_max_compressed_length(len);
    char *out = malloc(n);
    assert_non_null(out);
    assert_int_equal(snappy_compress(data, len, out, &n), SNAPPY_OK);
    put_be32(b, (uint32_t)n);
    put(b, out, n);
    free(out);
}

static inline void put_xerial(struct bytes *b, const uint8_t *data, size_t len, size_t block) {
    put(b, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    for (size_t at = 0; at < len; at += block)
        put_snappy_block(b, data + at, len - at < block ? len - at : block);
}

static inline void put_hadoop(struct bytes *b, const uint8_t *data, size_t len, size_t frame, size_t block) {
    for (size_t at = 0; at < len; at += frame) {
        size_t n = len - at < frame ? len - at : frame;
        put_be32(b, (uint32_t)n);
        for (size_t i = 0; i < n; i += block)
            put_snappy_block(b, data + at + i, n - i < block ? n - i : block);
    }
}

static inline void put_zstd(struct bytes *b, const void *data, size_t len) {
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

/* --- one of each kind --------------------------------------------------------------------------------------------- */

/* One of each kind. Returns false past the last. `end` is where the object may be cut without harm to the data. */
static inline bool make(unsigned kind, const struct bytes *plain, struct bytes *object, enum inflate_format *format,
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

#endif
