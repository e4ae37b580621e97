/* Reads requests of remote write as a receiver does: a second reader of the same forms, written from their .proto files
 * and not from the encoder. Whatever is wrong in a request fails the test. */
#ifndef TESTS_REMOTE_WRITE_READER_H
#define TESTS_REMOTE_WRITE_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BOUNDS_MAX = 32 };

/* A native histogram as it was written; buckets that are in no span are 0. */
struct read_histogram {
    bool is_one;
    uint64_t count, buckets[READ_BOUNDS_MAX + 1];
    int64_t schema;
    double bounds[READ_BOUNDS_MAX];
    size_t bound_count, spans;
};

/* Of a series, beside its samples. */
struct read_exemplar {
    bool is_one;
    char labels[512]; /* as those of a sample */
    double value;
    int64_t time_ms;
};

struct read_sample {
    char labels[4096]; /* "name=value;..." in the order in which they came */
    double value;      /* of a histogram its sum */
    int64_t time_ms;
    struct read_histogram histogram;
    struct read_exemplar exemplar; /* on the first sample of its series */
    unsigned type;                 /* of 2.0's metadata; 0: none */
    char help[512], unit[64];
};

struct read_request {
    struct read_sample *samples;
    size_t count, room, series, exemplars;
};

struct pb {
    const unsigned char *at, *end;
};

static inline uint64_t pb_varint(struct pb *p) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(p->at < p->end && shift < 64);
        value |= (uint64_t)(*p->at & 0x7f) << shift;
        if (!(*p->at++ & 0x80))
            return value;
    }
}

/* The next field's number; 0 at the end. */
static inline unsigned pb_field(struct pb *p, unsigned *wire) {
    if (p->at == p->end)
        return 0;
    uint64_t tag = pb_varint(p);
    *wire = tag & 7;
    assert_true(tag >> 3 > 0 && tag >> 3 < 1000);
    return (unsigned)(tag >> 3);
}

static inline struct pb pb_message(struct pb *p, unsigned wire) {
    assert_int_equal(wire, 2);
    uint64_t len = pb_varint(p);
    assert_true(len <= (uint64_t)(p->end - p->at));
    struct pb inner = {p->at, p->at + len};
    p->at += len;
    return inner;
}

static inline double pb_double(struct pb *p, unsigned wire) {
    assert_int_equal(wire, 1);
    assert_true(p->end - p->at >= 8);
    uint64_t bits = 0;
    double value;
    for (int i = 7; i >= 0; i--)
        bits = bits << 8 | p->at[i];
    p->at += 8;
    memcpy(&value, &bits, 8);
    return value;
}

struct read_labels {
    char text[4096], last[256];
};

struct read_series {
    struct read_labels labels;
    struct read_sample head; /* what all samples share; a histogram is the only one of its series */
    struct {
        double value;
        int64_t time_ms;
    } samples[4096];
    size_t count;
};

static inline void read_label(struct read_labels *l, struct pb name, struct pb value) {
    char text[256];
    size_t used = strlen(l->text);
    snprintf(text, sizeof text, "%.*s", (int)(name.end - name.at), (const char *)name.at);
    assert_true(value.end > value.at);      /* no empty ones */
    assert_true(strcmp(l->last, text) < 0); /* sorted, each once */
    snprintf(l->last, sizeof l->last, "%s", text);
    snprintf(l->text + used, sizeof l->text - used, "%s=%.*s;", text, (int)(value.end - value.at),
             (const char *)value.at);
}

/* 1.0: a message of the name and the value. */
static inline void read_label_1(struct read_labels *l, struct pb p) {
    unsigned field, wire;
    struct pb name = {0}, value = {0};
    while ((field = pb_field(&p, &wire))) {
        assert_true(field == 1 || field == 2);
        *(field == 1 ? &name : &value) = pb_message(&p, wire);
    }
    read_label(l, name, value);
}

/* 2.0: numbers of symbols, name and value by turns. */
static inline void read_labels_2(struct read_labels *l, struct pb p, const struct pb *symbols, size_t count) {
    while (p.at < p.end) {
        uint64_t name = pb_varint(&p), value = pb_varint(&p);
        assert_true(name < count && value < count);
        read_label(l, symbols[name], symbols[value]);
    }
}

/* `symbols`: of 2.0; NULL: 1.0. One at most is written for a series. */
static inline void read_exemplar_of(struct read_series *s, struct pb p, const struct pb *symbols, size_t count) {
    struct read_exemplar *x = &s->head.exemplar;
    struct read_labels labels = {0};
    unsigned field, wire;
    bool has_value = false;
    assert_false(x->is_one);
    x->is_one = true;
    while ((field = pb_field(&p, &wire))) {
        assert_true(field >= 1 && field <= 3);
        if (field == 1 && symbols)
            read_labels_2(&labels, pb_message(&p, wire), symbols, count);
        else if (field == 1)
            read_label_1(&labels, pb_message(&p, wire));
        else if (field == 2)
            x->value = pb_double(&p, wire), has_value = true;
        else
            assert_int_equal(wire, 0), x->time_ms = (int64_t)pb_varint(&p);
    }
    assert_true(has_value && x->time_ms && *labels.text && strlen(labels.text) < sizeof x->labels);
    strcpy(x->labels, labels.text);
}

static inline void read_sample_of(struct read_series *s, struct pb p) {
    unsigned field, wire;
    assert_true(s->count < sizeof s->samples / sizeof s->samples[0]);
    while ((field = pb_field(&p, &wire)))
        if (field == 1)
            s->samples[s->count].value = pb_double(&p, wire);
        else if (field == 2)
            s->samples[s->count].time_ms = (int64_t)pb_varint(&p);
        else
            fail_msg("a sample has a field %u", field);
    assert_true(s->count == 0 || s->samples[s->count].time_ms > s->samples[s->count - 1].time_ms);
    s->count++;
}

static inline int64_t pb_zigzag(struct pb *p) {
    uint64_t n = pb_varint(p);
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static inline void read_span(struct pb p, int64_t *offset, uint64_t *length) {
    unsigned field, wire;
    while ((field = pb_field(&p, &wire))) {
        assert_true(wire == 0 && (field == 1 || field == 2));
        if (field == 1)
            *offset = pb_zigzag(&p);
        else
            *length = pb_varint(&p);
    }
}

/* The fields that have a length: 11 spans (one at most is written here), 12 deltas, 16 bounds. */
static inline void read_histogram_list(struct read_histogram *h, unsigned field, struct pb p, int64_t *at,
                                       uint64_t *length) {
    int64_t value = 0;
    if (field == 11) {
        read_span(p, at, length);
        h->spans++;
        return;
    }
    assert_true(field == 12 || field == 16);
    while (field == 12 && p.at < p.end) {
        assert_true(h->spans == 1 && *length && *at >= 0 && *at <= READ_BOUNDS_MAX);
        value += pb_zigzag(&p);
        assert_true(value >= 0);
        h->buckets[(*at)++] = (uint64_t)value;
        (*length)--;
    }
    while (field == 16 && p.at < p.end) {
        assert_true(h->bound_count < READ_BOUNDS_MAX);
        h->bounds[h->bound_count++] = pb_double(&p, 1);
    }
}

static inline void read_histogram_of(struct read_series *s, struct pb p) {
    unsigned field, wire;
    int64_t at = 0;
    uint64_t length = 0;
    assert_int_equal(s->count, 0);
    struct read_histogram *h = &s->head.histogram;
    h->is_one = true;
    while ((field = pb_field(&p, &wire))) {
        if (wire == 2)
            read_histogram_list(h, field, pb_message(&p, wire), &at, &length);
        else if (field == 1)
            h->count = pb_varint(&p);
        else if (field == 3)
            s->samples[s->count].value = pb_double(&p, wire);
        else if (field == 4)
            h->schema = pb_zigzag(&p);
        else if (field == 15)
            s->samples[s->count].time_ms = (int64_t)pb_varint(&p);
        else
            fail_msg("a histogram has a field %u", field);
    }
    /* As many counts as the span says, none behind +Inf. */
    assert_true(length == 0 && at <= (int64_t)h->bound_count + 1);
    s->count++;
}

static inline void read_series_1(struct read_series *s, struct pb p) {
    unsigned field, wire;
    while ((field = pb_field(&p, &wire))) {
        struct pb m = pb_message(&p, wire);
        if (field == 1)
            read_label_1(&s->labels, m);
        else if (field == 2)
            read_sample_of(s, m);
        else if (field == 3)
            read_exemplar_of(s, m, NULL, 0);
        else
            fail_msg("a series has a field %u", field);
    }
}

static inline void read_metadata(struct read_series *s, struct pb p, const struct pb *symbols, size_t count) {
    unsigned field, wire;
    while ((field = pb_field(&p, &wire))) {
        assert_int_equal(wire, 0);
        uint64_t n = pb_varint(&p);
        if (field == 1) {
            s->head.type = (unsigned)n;
            continue;
        }
        assert_true(n < count && (field == 3 || field == 4));
        snprintf(field == 3 ? s->head.help : s->head.unit, field == 3 ? sizeof s->head.help : sizeof s->head.unit,
                 "%.*s", (int)(symbols[n].end - symbols[n].at), (const char *)symbols[n].at);
    }
}

static inline void read_series_2(struct read_series *s, struct pb p, const struct pb *symbols, size_t count) {
    unsigned field, wire;
    while ((field = pb_field(&p, &wire))) {
        struct pb m = pb_message(&p, wire);
        if (field == 1)
            read_labels_2(&s->labels, m, symbols, count);
        else if (field == 2)
            read_sample_of(s, m);
        else if (field == 3)
            read_histogram_of(s, m);
        else if (field == 4)
            read_exemplar_of(s, m, symbols, count);
        else if (field == 5)
            read_metadata(s, m, symbols, count);
        else
            fail_msg("a series has a field %u", field);
    }
}

static inline void keep_series(struct read_request *r, const struct read_series *s) {
    assert_true(s->count > 0);
    if (r->count + s->count > r->room) {
        r->room = 2 * (r->count + s->count);
        r->samples = realloc(r->samples, r->room * sizeof *r->samples);
        assert_non_null(r->samples);
    }
    for (size_t i = 0; i < s->count; i++) {
        struct read_sample *to = &r->samples[r->count++];
        *to = s->head;
        memcpy(to->labels, s->labels.text, sizeof to->labels);
        to->exemplar.is_one &= i == 0;
        to->value = s->samples[i].value;
        to->time_ms = s->samples[i].time_ms;
    }
    r->series++;
    r->exemplars += s->head.exemplar.is_one;
}

/* Frees with free(r.samples). */
static inline struct read_request read_request(const char *body, size_t len, bool second) {
    enum { SYMBOLS_MAX = 100000 };
    struct read_request r = {0};
    struct read_series *s = calloc(1, sizeof *s);
    struct pb *symbols = calloc(SYMBOLS_MAX, sizeof *symbols);
    size_t size = 0, symbol_count = 0;
    assert_true(s && symbols);
    assert_int_equal(snappy_uncompressed_length(body, len, &size), SNAPPY_OK);
    char *plain = malloc(size ? size : 1);
    assert_non_null(plain);
    assert_int_equal(snappy_uncompress(body, len, plain, &size), SNAPPY_OK);
    struct pb p = {(unsigned char *)plain, (unsigned char *)plain + size};
    unsigned field, wire;
    while ((field = pb_field(&p, &wire))) {
        struct pb m = pb_message(&p, wire);
        if (second && field == 4) {
            assert_true(symbol_count < SYMBOLS_MAX);
            symbols[symbol_count++] = m;
            continue;
        }
        assert_int_equal(field, second ? 5 : 1);
        memset(s, 0, sizeof *s);
        if (second)
            read_series_2(s, m, symbols, symbol_count);
        else
            read_series_1(s, m);
        keep_series(&r, s);
    }
    assert_true(!second || (symbol_count && symbols[0].at == symbols[0].end)); /* the first is "" */
    free(plain);
    free(symbols);
    free(s);
    return r;
}

static inline const struct read_sample *read_find(const struct read_request *r, const char *labels) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->samples[i].labels, labels) == 0)
            return &r->samples[i];
    return NULL;
}

#endif
