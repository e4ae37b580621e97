#include "source/push_body.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/base64.h"
#include "parsers/inflate.h"

enum { PIECE = 256 * 1024 };

/* --- JSON, without a tree ----------------------------------------------------------------------------------------- */

struct cursor {
    const char *at, *end;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next byte that is no blank, without taking it; 0 at the end. */
static char look(struct cursor *c) {
    while (c->at < c->end && is_space(*c->at))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}

static bool take(struct cursor *c, char wanted) {
    if (look(c) != wanted || c->at == c->end)
        return false;
    c->at++;
    return true;
}

/* From the opening quote on. Each quote and each backslash is searched for once: strings are long. */
static bool take_string(struct cursor *c, struct span *s) {
    if (!take(c, '"'))
        return false;
    const char *begin = c->at, *at = begin, *quote = NULL;
    for (;;) {
        if (!quote || quote < at)
            quote = at < c->end ? memchr(at, '"', (size_t)(c->end - at)) : NULL;
        if (!quote)
            return false;
        const char *escape = memchr(at, '\\', (size_t)(quote - at));
        if (!escape)
            break;
        at = escape + 2; /* may lie behind the quote, which was escaped then, or behind the end */
        if (at > c->end)
            return false;
    }
    *s = (struct span){begin, (size_t)(quote - begin)};
    c->at = quote + 1;
    return true;
}

static bool is_word_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

/* A number, true, false or null; not every one that is taken is right. */
static bool take_word(struct cursor *c) {
    const char *begin = c->at;
    while (c->at < c->end && is_word_byte(*c->at))
        c->at++;
    return c->at > begin;
}

/* Values that are open: a bit for each, 1 for an object. */
struct nesting {
    uint64_t objects;
    unsigned depth;
};

static bool open_value(struct nesting *n, bool object) {
    if (n->depth == PUSH_BODY_DEPTH)
        return false;
    n->objects = n->objects << 1 | object;
    n->depth++;
    return true;
}

static void close_value(struct nesting *n) {
    n->objects >>= 1;
    n->depth--;
}

static bool take_key(struct cursor *c, struct span *key) {
    return take_string(c, key) && take(c, ':');
}

/* Behind a value: over the brackets that close, up to where the next value begins. */
static bool go_on(struct cursor *c, struct nesting *n) {
    struct span key;
    while (n->depth) {
        bool in_object = n->objects & 1;
        if (take(c, ','))
            return !in_object || take_key(c, &key);
        if (!take(c, in_object ? '}' : ']'))
            return false;
        close_value(n);
    }
    return true;
}

/* `*opened`: the next value stands inside it. */
static bool begin_value(struct cursor *c, struct nesting *n, bool *opened) {
    struct span ignored;
    char first = look(c);
    *opened = false;
    if (first == '"')
        return take_string(c, &ignored);
    if (first != '{' && first != '[')
        return take_word(c);
    c->at++;
    if (!open_value(n, first == '{'))
        return false;
    if (look(c) == (first == '{' ? '}' : ']'))
        return true; /* empty: closed like any other */
    *opened = true;
    return first == '[' || take_key(c, &ignored);
}

static bool skip_value(struct cursor *c) {
    struct nesting n = {0};
    bool opened;
    do {
        if (!begin_value(c, &n, &opened) || (!opened && !go_on(c, &n)))
            return false;
    } while (n.depth);
    return true;
}

/* --- the body ----------------------------------------------------------------------------------------------------- */

/* An object: its `data`, and what else it may hold. */
static bool take_record(struct cursor *c, struct span *data) {
    struct span key;
    *data = (struct span){NULL, 0};
    if (!take(c, '{'))
        return false;
    if (take(c, '}'))
        return true;
    do {
        if (!take_key(c, &key))
            return false;
        bool is_data = span_is(key, "data") && look(c) == '"';
        if (is_data ? !take_string(c, data) : !skip_value(c))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

static bool take_records(struct cursor *c, struct push_body *b) {
    struct span data;
    if (b->records || !take(c, '['))
        return false;
    b->records = c->at;
    if (take(c, ']'))
        return true;
    do {
        if (!take_record(c, &data))
            return false;
        b->count++;
    } while (take(c, ','));
    return take(c, ']');
}

static bool take_body(struct cursor *c, struct push_body *b) {
    struct span key;
    if (!take(c, '{'))
        return false;
    if (take(c, '}'))
        return true;
    do {
        if (!take_key(c, &key))
            return false;
        bool good;
        if (span_is(key, "records"))
            good = take_records(c, b);
        else if (span_is(key, "requestId") && look(c) == '"')
            good = take_string(c, &b->request_id);
        else
            good = skip_value(c);
        if (!good)
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

bool push_body_check(struct push_body *b, struct span text, struct err *err) {
    *b = (struct push_body){0};
    struct cursor c = {text.ptr, text.ptr + text.len};
    if (!text.len || !take_body(&c, b) || look(&c) || c.at != c.end)
        return err_set(err, ERR_INPUT, "the body is not the JSON that Firehose sends");
    b->end = c.end;
    return b->records || err_set(err, ERR_INPUT, "the body has no records");
}

bool push_body_next(struct push_body *b, struct span *data) {
    struct cursor c = {b->records, b->end};
    if (look(&c) != '{' || !take_record(&c, data))
        return false;
    take(&c, ',');
    b->records = c.at;
    return true;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

struct push_decoder {
    struct inflate *of_body, *of_record;
    struct buf scratch; /* a compressed record, or one with escapes */
    uint64_t inflated;  /* by the records of this body */
};

struct push_decoder *push_decoder_create(void) {
    struct push_decoder *d = alloc_zeroed(1, sizeof *d);
    d->of_body = inflate_create(&(struct inflate_limits){.max_output = PUSH_BODY_MAX});
    d->of_record = inflate_create(&(struct inflate_limits){.max_output = PUSH_RECORD_MAX});
    buf_init(&d->scratch, PUSH_BODY_MAX);
    return d;
}

void push_decoder_destroy(struct push_decoder *d) {
    if (!d)
        return;
    inflate_destroy(d->of_body);
    inflate_destroy(d->of_record);
    buf_deinit(&d->scratch);
    free(d);
}

void push_decoder_begin(struct push_decoder *d) {
    d->inflated = 0;
}

static enum push_inflated inflate_whole(struct inflate *z, struct span from, struct buf *to) {
    struct err ignored = {0};
    size_t at = 0;
    inflate_begin(z, INFLATE_GZIP);
    for (;;) {
        size_t taken = 0, given = 0;
        if (!buf_reserve(to, PIECE))
            return PUSH_OVER_LIMIT;
        enum inflate_status status =
            inflate_step(z, from.ptr + at, from.len - at, &taken, true, to->data + to->len, PIECE, &given, &ignored);
        at += taken;
        to->len += given;
        if (status == INFLATE_DONE)
            return PUSH_INFLATED;
        if (status == INFLATE_LIMIT)
            return PUSH_OVER_LIMIT;
        if (status != INFLATE_PROGRESS)
            return PUSH_DAMAGED;
    }
}

enum push_inflated push_decoder_inflate(struct push_decoder *d, struct span body, struct buf *to) {
    if (!body.len)
        return PUSH_DAMAGED;
    return inflate_whole(d->of_body, body, to);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Base64 has no byte that needs an escape, but some write its slash as \/ and its plus as \u002B. The length, or -1. */
static ptrdiff_t unescape(struct span text, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\\') {
            out[n++] = text.ptr[i];
            continue;
        }
        if (i + 1 < text.len && text.ptr[i + 1] == '/') {
            out[n++] = '/';
            i++;
            continue;
        }
        if (i + 5 >= text.len || text.ptr[i + 1] != 'u' || text.ptr[i + 2] != '0' || text.ptr[i + 3] != '0')
            return -1;
        int high = hex_digit(text.ptr[i + 4]), low = hex_digit(text.ptr[i + 5]);
        if (high < 0 || low < 0 || high > 7)
            return -1;
        out[n++] = (char)(high << 4 | low);
        i += 5;
    }
    return (ptrdiff_t)n;
}

static bool is_gzip(struct span s) {
    return s.len >= 3 && (unsigned char)s.ptr[0] == 0x1f && (unsigned char)s.ptr[1] == 0x8b && s.ptr[2] == 8;
}

/* What was decoded behind `at` is gzip: what it becomes takes its place. */
static bool inflate_record(struct push_decoder *d, struct buf *to, size_t at) {
    buf_clear(&d->scratch);
    if (!buf_append(&d->scratch, to->data + at, to->len - at))
        return false;
    to->len = at;
    if (d->inflated > PUSH_INFLATED_MAX || inflate_whole(d->of_record, buf_span(&d->scratch), to) != PUSH_INFLATED) {
        d->inflated += to->len - at;
        return false;
    }
    d->inflated += to->len - at;
    return true;
}

bool push_decoder_add(struct push_decoder *d, struct span data, struct buf *to) {
    size_t at = to->len;
    if (data.len && memchr(data.ptr, '\\', data.len)) {
        buf_clear(&d->scratch);
        if (!buf_reserve(&d->scratch, data.len))
            return false;
        ptrdiff_t len = unescape(data, d->scratch.data);
        if (len < 0)
            return false;
        data = (struct span){d->scratch.data, (size_t)len};
    }
    if (!buf_reserve(to, data.len + 1)) {
        to->failed = false;
        return false;
    }
    ptrdiff_t len = data.len ? base64_decode(data, to->data + at) : 0;
    bool good = len >= 0;
    if (good)
        to->len = at + (size_t)len;
    if (good && is_gzip((struct span){to->data + at, to->len - at}))
        good = inflate_record(d, to, at);
    if (!good)
        to->len = at;
    to->failed = false;
    return good && buf_append_char(to, '\n');
}
