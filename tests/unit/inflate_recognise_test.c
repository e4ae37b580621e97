/* What an object is taken for by its first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/inflate.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

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
        cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_recognise_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
