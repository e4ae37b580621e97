/* Text made of records, cut into pieces, and read through parsers/frame: for its tests. */
#ifndef TESTS_FRAME_RUN_H
#define TESTS_FRAME_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/frame.h"
#include "random_numbers.h"
#include "unit/sample_records.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The least record that counts, and the same as a line. */
#define GOOD "{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":\"m\"}}"
#define LINE GOOD "\n"

/* --- text --------------------------------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t len, size;
};

static inline void put(struct text *t, const char *bytes, size_t len) {
    if (t->len + len + 1 > t->size) {
        t->size = 2 * (t->len + len + 1);
        t->bytes = realloc(t->bytes, t->size);
        assert_non_null(t->bytes);
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = 0;
}

static inline void puts_to(struct text *t, const char *s) {
    put(t, s, strlen(s));
}

static inline void put_times(struct text *t, const char *s, size_t times) {
    for (size_t i = 0; i < times; i++)
        puts_to(t, s);
}

static inline void clear(struct text *t) {
    free(t->bytes);
    *t = (struct text){0};
}

static uint64_t random_state = 20261122;

static inline uint32_t random_below(uint32_t n) {
    return below(&random_state, n);
}

/* As Python's json.dumps(indent=...) writes it. */
static inline void put_pretty(struct text *t, const char *record, size_t indent) {
    size_t depth = 0;
    bool in_string = false;
    for (const char *c = record; *c; c++) {
        if (in_string) {
            put(t, c, 1);
            if (*c == '\\')
                put(t, ++c, 1);
            else if (*c == '"')
                in_string = false;
            continue;
        }
        bool is_empty = (*c == '{' || *c == '[') && (c[1] == '}' || c[1] == ']');
        if (is_empty) {
            put(t, c++, 2);
            continue;
        }
        if (*c == '}' || *c == ']') {
            puts_to(t, "\n");
            put_times(t, " ", --depth * indent);
        }
        put(t, c, 1);
        if (*c == '{' || *c == '[' || *c == ',') {
            depth += *c != ',';
            puts_to(t, "\n");
            put_times(t, " ", depth * indent);
        }
        if (*c == ':')
            puts_to(t, " ");
        in_string = *c == '"';
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* What one call of frame_next gave, as far as it can be compared later. */
struct result {
    enum frame_result kind;
    uint64_t offset;
    size_t len;        /* of raw */
    uint64_t raw_hash; /* FNV-1a */
    int reason;
    enum event_type type;
    int64_t time_ms;
    uint64_t id_hash;
    uint32_t recipients;
};

struct results {
    struct result *all;
    size_t count, size;
    size_t events, filtered, malformed;
    struct result *last;
};

static inline uint64_t hash(struct span s) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h;
}

static inline void keep(struct results *r, enum frame_result kind, const struct frame_item *item) {
    if (r->count == r->size) {
        r->size = r->size ? 2 * r->size : 64;
        r->all = realloc(r->all, r->size * sizeof *r->all);
        assert_non_null(r->all);
    }
    r->last = &r->all[r->count++];
    *r->last = (struct result){.kind = kind, .offset = item->offset, .len = item->raw.len, .reason = -1};
    r->last->raw_hash = hash(item->raw);
    if (kind == FRAME_MALFORMED) {
        r->malformed++;
        r->last->reason = (int)item->reason;
    } else if (kind == FRAME_FILTERED) {
        r->filtered++;
    } else {
        r->events++;
        r->last->type = item->event->type;
        r->last->time_ms = item->event->time_ms;
        r->last->id_hash = hash(item->event->message_id);
        r->last->recipients = ses_recipients_of(item->event).count;
    }
}

static struct frame *frame, *plain_frame; /* for all: what an object leaves behind must not matter for the next */

enum { RANDOM_PIECES = 0 };

/* Reads a text that comes in pieces of `piece` bytes. */
static inline void read_pieces(const char *text, size_t len, size_t piece, struct results *r) {
    size_t at = 0;
    bool is_over = false;
    r->count = r->events = r->filtered = r->malformed = 0;
    frame_begin(frame, 0);
    while (!is_over) {
        size_t room, n = piece == RANDOM_PIECES ? random_below(300) : piece;
        char *to = frame_space(frame, &room);
        assert_true(room >= FRAME_PIECE);
        n = n < room ? n : room;
        n = n < len - at ? n : len - at;
        memcpy(to, text + at, n);
        at += n;
        frame_filled(frame, n, at == len);
        struct frame_item item;
        enum frame_result kind;
        while ((kind = frame_next(frame, &item)) != FRAME_NEED_TEXT && kind != FRAME_END) {
            assert_true(item.offset + item.raw.len <= at);
            if (item.raw.len)
                assert_memory_equal(item.raw.ptr, text + item.offset, item.raw.len);
            if (r->count)
                assert_true(item.offset >= r->last->offset + (r->last->len < RECORD_MAX_SIZE / 2 ? r->last->len : 0));
            keep(r, kind, &item);
        }
        is_over = kind == FRAME_END;
        assert_int_equal(is_over, at == len);
    }
}

static inline struct results read_text(const struct text *t) {
    struct results r = {0};
    read_pieces(t->bytes ? t->bytes : "", t->len, FRAME_PIECE, &r);
    return r;
}

static inline void drop(struct results *r) {
    free(r->all);
    *r = (struct results){0};
}

static inline void check_same(const struct results *expected, const struct results *found, bool with_raw,
                              const char *what, size_t number) {
    if (expected->count != found->count)
        fail_msg("%s %zu: %zu results, expected %zu", what, number, found->count, expected->count);
    for (size_t i = 0; i < expected->count; i++) {
        const struct result *a = &expected->all[i], *b = &found->all[i];
        bool same = a->kind == b->kind && a->reason == b->reason && a->type == b->type && a->time_ms == b->time_ms &&
                    a->id_hash == b->id_hash && a->recipients == b->recipients;
        if (with_raw)
            same = same && a->offset == b->offset && a->len == b->len && a->raw_hash == b->raw_hash;
        if (!same)
            fail_msg(
                "%s %zu: result %zu differs: kind %d, reason %d, offset %llu, length %zu; expected %d, %d, %llu, %zu",
                what, number, i, (int)b->kind, b->reason, (unsigned long long)b->offset, b->len, (int)a->kind,
                a->reason, (unsigned long long)a->offset, a->len);
    }
}

/* E event, F filtered, M malformed, in their order. */
static inline const char *in_letters(const struct results *r) {
    static char letters[64];
    assert_true(r->count < sizeof letters);
    for (size_t i = 0; i < r->count; i++)
        letters[i] = "EFM"[r->all[i].kind];
    letters[r->count] = 0;
    return letters;
}

/* --- a corpus ----------------------------------------------------------------------------------------------------- */

enum { MAX_CORPUS = 64 };
static char *corpus[MAX_CORPUS]; /* good records, bare and in envelopes */
static size_t corpus_size;

static inline int set_up(void **state) {
    (void)state;
    frame = frame_create(json_isa_best());
    plain_frame = frame_create(JSON_ISA_PLAIN);
    for (size_t i = 0; i < SAMPLE_RECORDS; i++)
        corpus[corpus_size++] = strdup(sample_records[i]);
    corpus[corpus_size++] = sample_in_sns(sample_records[EVENT_BOUNCE]);
    char *line = sample_print(sample_records[EVENT_OPEN], "", "\n");
    corpus[corpus_size++] = sample_in_sns(line);
    free(line);
    corpus[corpus_size++] = sample_in_eventbridge(sample_records[EVENT_CLICK]);
    corpus[corpus_size++] = sample_in_firehose_error(sample_records[EVENT_REJECT]);
    corpus[corpus_size++] = sample_in_connect(sample_records[EVENT_DELIVERY]);
    corpus[corpus_size++] = strdup("{\"mail\":{\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":"
                                   "\"2026-11-20T08:15:30Z\"},\"notificationType\":\"Delivery\"}");
    corpus[corpus_size++] = strdup("{\"Type\":\"Notification\",\"Message\":\"plain text\"}");
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    frame_destroy(frame);
    frame_destroy(plain_frame);
    frame_destroy(NULL);
    for (size_t i = 0; i < corpus_size; i++)
        free(corpus[i]);
    return 0;
}

#endif
