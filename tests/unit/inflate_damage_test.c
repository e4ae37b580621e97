/* Objects that are cut anywhere, flipped anywhere, joined, padded, followed by garbage; and what each format can tell
 * of its damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "unit/inflate_run.h"

/* --- where it ends ------------------------------------------------------------------------------------------------ */

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

/* --- damage ------------------------------------------------------------------------------------------------------- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_cut_between), cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_bit_flips),     cmocka_unit_test(test_gzip_damage), cmocka_unit_test(test_zip_damage),
        cmocka_unit_test(test_snappy_damage), cmocka_unit_test(test_zstd_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
