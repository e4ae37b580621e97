/* What an object is, from its first bytes. Text is what is left over: no JSON text begins with any of these. */
#include <string.h>

#include "parsers/inflate.h"
#include "parsers/inflate_internal.h"

#define MAGIC(bytes) bytes, sizeof(bytes) - 1

static const struct magic {
    const char *bytes;
    unsigned len;
    unsigned at;
    enum inflate_format format;
    const char *what;
} magics[] = {
    {MAGIC("\x1f\x8b"), 0, INFLATE_GZIP, "gzip"},
    {MAGIC("PK\x03\x04"), 0, INFLATE_ZIP, "zip"},
    {MAGIC("PK\x05\x06"), 0, INFLATE_ZIP, "zip"}, /* without entries */
    {MAGIC("\x82SNAPPY\0"), 0, INFLATE_SNAPPY_XERIAL, "Snappy (snappy-java)"},
    {MAGIC("\x28\xb5\x2f\xfd"), 0, INFLATE_ZSTD, "Zstandard"},
    {MAGIC("PAR1"), 0, INFLATE_UNSUPPORTED, "Apache Parquet"},
    {MAGIC("PARE"), 0, INFLATE_UNSUPPORTED, "Apache Parquet (encrypted)"},
    {MAGIC("ORC"), 0, INFLATE_UNSUPPORTED, "Apache ORC"},
    {MAGIC("Obj\x01"), 0, INFLATE_UNSUPPORTED, "Apache Avro"},
    {MAGIC("SEQ\x06"), 0, INFLATE_UNSUPPORTED, "Hadoop SequenceFile"},
    {MAGIC("\xff\x06\0\0sNaPpY"), 0, INFLATE_UNSUPPORTED, "Snappy (framing format)"},
    {MAGIC("\xfd"
           "7zXZ\0"),
     0, INFLATE_UNSUPPORTED, "xz"},
    {MAGIC("BZh"), 0, INFLATE_UNSUPPORTED, "bzip2"},
    {MAGIC("\x04\x22\x4d\x18"), 0, INFLATE_UNSUPPORTED, "LZ4"},
    {MAGIC("\x02\x21\x4c\x18"), 0, INFLATE_UNSUPPORTED, "LZ4 (legacy)"},
    {MAGIC("\x78\x01"), 0, INFLATE_UNSUPPORTED, "zlib"},
    {MAGIC("\x78\x9c"), 0, INFLATE_UNSUPPORTED, "zlib"},
    {MAGIC("\x78\xda"), 0, INFLATE_UNSUPPORTED, "zlib"},
    {MAGIC("7z\xbc\xaf\x27\x1c"), 0, INFLATE_UNSUPPORTED, "7-Zip"},
    {MAGIC("PK\x07\x08"), 0, INFLATE_UNSUPPORTED, "zip (split)"},
    {MAGIC("ustar"), 257, INFLATE_UNSUPPORTED, "tar"},
};

/* Skippable frames belong to zstd and to LZ4 alike; what follows them decides. A zstd one when that is not to be
 * seen: pzstd begins every object so. */
static const char *skippable_frame(const uint8_t *first, size_t len) {
    size_t at = 0;
    while (len - at >= 8 && (inflate_le32(first + at) & 0xfffffff0u) == 0x184d2a50u) {
        uint32_t size = inflate_le32(first + at + 4);
        if (size > len - at - 8)
            return "Zstandard";
        at += 8 + size;
    }
    if (at == 0)
        return NULL;
    return len - at >= 4 && inflate_le32(first + at) == 0x184d2204u ? "LZ4" : "Zstandard";
}

enum inflate_format inflate_recognise(const void *first, size_t len, const char **what) {
    const char *name = NULL;
    enum inflate_format format = INFLATE_PLAIN;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0] && !name; i++) {
        const struct magic *m = &magics[i];
        if (len >= m->at + m->len && memcmp((const char *)first + m->at, m->bytes, m->len) == 0) {
            format = m->format;
            name = m->what;
        }
    }
    if (!name && (name = skippable_frame(first, len)))
        format = name[0] == 'L' ? INFLATE_UNSUPPORTED : INFLATE_ZSTD;
    if (!name && snappy_looks_like_hadoop(first, len)) {
        format = INFLATE_SNAPPY_HADOOP;
        name = "Snappy (Hadoop)";
    }
    if (what)
        *what = name ? name : "text";
    return format;
}

const char *inflate_format_name(enum inflate_format f) {
    switch (f) {
    case INFLATE_PLAIN:
        return "plain";
    case INFLATE_GZIP:
        return "gzip";
    case INFLATE_ZIP:
        return "zip";
    case INFLATE_SNAPPY_XERIAL:
        return "snappy-java";
    case INFLATE_SNAPPY_HADOOP:
        return "hadoop-snappy";
    case INFLATE_ZSTD:
        return "zstd";
    case INFLATE_UNSUPPORTED:
        break;
    }
    return "unsupported";
}
