/* A decoder that is given an object in pieces, and what must come of it. */
#ifndef TESTS_INFLATE_RUN_H
#define TESTS_INFLATE_RUN_H

#include "unit/inflate_objects.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct result {
    enum inflate_status status;
    struct bytes out;
    struct err err;
    size_t used;
};

/* Hands over `in` in pieces, each in memory of exactly its length; 0 = all at once. With `tell_late` the end is
 * announced by an empty last piece. */
static inline struct result run(struct inflate *z, enum inflate_format format, const uint8_t *in, size_t len,
                                size_t in_piece, size_t out_piece, bool tell_late) {
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

static inline bool is_prefix(const struct bytes *part, const struct bytes *whole) {
    return part->len <= whole->len && (part->len == 0 || memcmp(part->data, whole->data, part->len) == 0);
}

static const size_t in_pieces[] = {1, 7, 4096, 0};

/* Ends as `status`, with a sentence that has `text` in it, after exactly `plain` (NULL: a prefix of it will not be
 * looked at). */
static inline void check_end(const struct inflate_limits *limits, enum inflate_format format,
                             const struct bytes *object, const struct bytes *plain, enum inflate_status status,
                             const char *text) {
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

#endif
