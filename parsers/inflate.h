/* From an object's bytes to text: recognises what the bytes are compressed with and streams them out.
 *
 * Recognised by content, never by name: gzip (RFC 1952, any number of members, trailing zero padding), zip (deflated or
 * stored entries, sizes in the header or in a data descriptor), Snappy as snappy-java (xerial) and as Hadoop's
 * BlockCompressorStream write it (Firehose's "Snappy" and "HADOOP_SNAPPY"), zstd (RFC 8878, several frames), plain.
 * Parquet, ORC, Avro, xz, bzip2, lz4 and tar are recognised in order to say so.
 *
 * Everything before the first damage is given out exactly once. */
#ifndef PARSERS_INFLATE_H
#define PARSERS_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum inflate_format {
    INFLATE_PLAIN,
    INFLATE_GZIP,
    INFLATE_ZIP,
    INFLATE_SNAPPY_XERIAL,
    INFLATE_SNAPPY_HADOOP,
    INFLATE_ZSTD,
    INFLATE_UNSUPPORTED, /* known, but not read here: `what` of inflate_recognise says what it is */
};
const char *inflate_format_name(enum inflate_format f); /* "gzip", "snappy-java", ... */

/* Bytes that inflate_recognise wants to see when the object has that many. */
enum { INFLATE_SNIFF = 512 };

/* What the first bytes of an object are. `len` < INFLATE_SNIFF only at the object's end. `what` (may be NULL) gets a
 * literal: the format's name for people, "Apache Parquet" for example. An empty object is plain. */
enum inflate_format inflate_recognise(const void *first, size_t len, const char **what);

struct inflate_limits {
    uint64_t max_output; /* bytes one object may become; 0 = the default, 64 GiB */
    uint32_t max_ratio;  /* output per input byte, looked at beyond 16 MiB of output; 0 = the default, 1100
                          * (deflate's own limit is about 1030) */
};

enum inflate_status {
    INFLATE_PROGRESS, /* some input was taken or some output was given: call again */
    INFLATE_NEED_INPUT,
    INFLATE_DONE,    /* the end, all of it sound */
    INFLATE_DAMAGED, /* checksum, structure, or the end came too early: `err` says what. What was given out stands. */
    INFLATE_LIMIT,   /* over max_output or max_ratio */
};

struct inflate;

/* Reusable for any number of objects, so that a worker allocates once. Returns new. Holds at most 1.5 MiB, and what a
 * zstd window needs (refused over 8 MiB) or a Snappy block (refused over 4 MiB). */
struct inflate *inflate_create(const struct inflate_limits *limits); /* NULL: defaults */
void inflate_destroy(struct inflate *z);                             /* NULL is allowed */

/* Starts an object of that format (not PLAIN, not UNSUPPORTED). */
void inflate_begin(struct inflate *z, enum inflate_format format);

/* DONE, DAMAGED and LIMIT come alone, without output, and are repeated if asked again; DONE only once `last` was given
 * and all input was taken. `out_len` is at least 1.
 * Takes from `in` (advancing *in_used) and writes to `out` (advancing *out_used). `last` says that no input follows
 * what `in` holds. On DAMAGED and LIMIT `err` is filled with a sentence that names what and at which input offset. */
enum inflate_status inflate_step(struct inflate *z, const void *in, size_t in_len, size_t *in_used, bool last,
                                 void *out, size_t out_len, size_t *out_used, struct err *err);

#endif
