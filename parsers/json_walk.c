#include "parsers/json_walk.h"

static inline bool fail(struct json_walk *w, enum json_status status) {
    if (w->status == JSON_OK)
        w->status = status;
    return false;
}

static inline bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The same; the walk stays at the place where it broke. */
static inline bool fail_at(struct json_walk *w, enum json_status status, size_t at) {
    w->at = at;
    return fail(w, status);
}

/* The next byte that is no blank, at w->at. At the end of the text 0, and JSON_CUT; a raw 0 byte is no JSON either. */
static inline char next_byte(struct json_walk *w) {
    const char *text = w->ix->text;
    char c = text[w->at];
    if (__builtin_expect((unsigned char)c > ' ', 1))
        return c;
    while (is_blank(c))
        c = text[++w->at];
    if (w->at >= w->ix->len)
        fail(w, JSON_CUT);
    return c;
}

/* The first quote at or behind `from`; ix->len if there is none. Most strings end in this block or the next: both are
 * looked at without a branch, since where a string ends is what a processor cannot predict. */
static inline size_t next_quote(const struct json_index *ix, size_t from) {
    size_t b = from >> 6, blocks = (ix->len + 63) >> 6;
    if (__builtin_expect(b >= blocks, 0))
        return ix->len;
    uint64_t here = ix->blocks[b].quote & ~0ull << (from & 63);
    uint64_t next = ix->blocks[b + 1].quote; /* a block of zeros follows the last */
    size_t base = b * 64 + (here ? 0 : 64);
    uint64_t m = here ? here : next;
    if (__builtin_expect(m != 0, 1))
        return base + (size_t)__builtin_ctzll(m);
    for (b += 2; b < blocks; b++)
        if (ix->blocks[b].quote)
            return b * 64 + (size_t)__builtin_ctzll(ix->blocks[b].quote);
    return ix->len;
}

/* Where a line ended inside [from, to); `to` if nowhere. Only asked for text that is damaged somewhere. */
static size_t first_damage(const struct json_index *ix, size_t from, size_t to) {
    for (size_t at = from; at < to; at++)
        if (ix->blocks[at >> 6].damage >> (at & 63) & 1)
            return at;
    return to;
}

/* The string whose opening quote stands at `at`. */
static inline bool take_string(struct json_walk *w, struct json_value *v) {
    const struct json_index *ix = w->ix;
    size_t start = w->at + 1, end = next_quote(ix, start);
    if (__builtin_expect(ix->damaged, 0)) {
        size_t damage = first_damage(ix, start, end);
        if (damage < end)
            return fail_at(w, JSON_BAD, damage);
    }
    if (end >= ix->len)
        return fail(w, JSON_CUT);
    v->kind = JSON_KIND_STRING;
    v->start = start;
    v->end = end;
    w->at = end + 1;
    return true;
}

/* What may stand behind a number or a word, inside a container. */
static inline bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || is_blank(c);
}

/* What a number or a word cannot hold. Going on over a quote or a bracket would walk out of step with the index, and
 * swallow the record that follows one cut here: {"a":fal{"eventType": ... */
static inline bool breaks_scalar(char c) {
    return c == '"' || c == '{' || c == '[' || c == ':';
}

/* A number or a word. Only its first byte and where it ends are looked at: whoever reads it, checks it. */
static bool take_scalar(struct json_walk *w, struct json_value *v, char first) {
    const char *text = w->ix->text;
    size_t at = w->at, len = w->ix->len;
    switch (first) {
    case 't':
        v->kind = JSON_KIND_TRUE;
        break;
    case 'f':
        v->kind = JSON_KIND_FALSE;
        break;
    case 'n':
        v->kind = JSON_KIND_NULL;
        break;
    default:
        if (first != '-' && (unsigned char)(first - '0') > 9)
            return fail(w, JSON_BAD);
        v->kind = JSON_KIND_NUMBER;
        break;
    }
    while (at < len && !ends_scalar(text[at])) {
        if (breaks_scalar(text[at]))
            return fail(w, JSON_BAD);
        at++;
    }
    if (at == len)
        return fail(w, JSON_CUT);
    v->start = w->at;
    v->end = at;
    w->at = at;
    return true;
}

static inline bool take_value(struct json_walk *w, struct json_value *v) {
    char c = next_byte(w);
    if (c == '"')
        return take_string(w, v);
    if (c == '{' || c == '[') {
        v->kind = c == '{' ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
        v->start = w->at;
        v->end = 0;
        return true;
    }
    return w->status == JSON_OK && take_scalar(w, v, c);
}

bool json_enter(struct json_walk *w) {
    if (w->depth == JSON_MAX_DEPTH)
        return fail(w, JSON_DEEP);
    w->depth++;
    w->at++;
    return true;
}

/* Passes what stands between two values of a container. False at its end, or on failure. */
static inline bool next_in_container(struct json_walk *w, bool *first, char closing) {
    if (w->status != JSON_OK)
        return false;
    char c = next_byte(w);
    if (c == closing) {
        w->at++;
        w->depth--;
        return false;
    }
    if (*first) {
        *first = false;
        return w->status == JSON_OK;
    }
    if (c != ',')
        return fail(w, JSON_BAD);
    w->at++;
    return true;
}

bool json_member(struct json_walk *w, bool *first, struct json_value *key, struct json_value *value) {
    if (!next_in_container(w, first, '}'))
        return false;
    if (next_byte(w) != '"')
        return fail(w, JSON_BAD);
    if (!take_string(w, key))
        return false;
    if (next_byte(w) != ':')
        return fail(w, JSON_BAD);
    w->at++;
    return take_value(w, value);
}

bool json_element(struct json_walk *w, bool *first, struct json_value *value) {
    return next_in_container(w, first, ']') && take_value(w, value);
}

/* How far json_skip has come. */
struct skip {
    int depth;
    size_t passed; /* line ends before it were judged: blank lines are read once */
};

/* Bit by bit: for words in which the container may end, or get too deep, or where a line ends. Returns true when
 * json_skip is over (the end was found, or a failure). */
static bool skip_word(struct json_walk *w, size_t base, uint64_t open, uint64_t close, uint64_t newline,
                      struct skip *s) {
    const struct json_index *ix = w->ix;
    for (uint64_t both = open | close | newline; both; both &= both - 1) {
        uint64_t bit = both & -both;
        size_t at = base + (size_t)__builtin_ctzll(both);
        if (newline & bit) {
            if (at < s->passed)
                continue;
            enum json_newline kind = json_newline_kind(ix, at, &s->passed);
            if (kind == JSON_NEWLINE_UNKNOWN)
                return !fail_at(w, JSON_CUT, at);
            if (kind == JSON_NEWLINE_ENDS || (ix->blocks[at >> 6].damage & bit))
                return !fail_at(w, JSON_BAD, at);
        } else if (open & bit) {
            if (++s->depth > JSON_MAX_DEPTH)
                return !fail_at(w, JSON_DEEP, at);
        } else if (--s->depth == w->depth) {
            w->at = at + 1;
            return true;
        }
    }
    return false;
}

/* ["one string"]: what most arrays of a record are. False: it is something else, look properly. */
static inline bool skip_short_array(struct json_walk *w) {
    const struct json_index *ix = w->ix;
    if (ix->damaged || w->depth == JSON_MAX_DEPTH || w->at + 1 >= ix->len || ix->text[w->at + 1] != '"')
        return false;
    size_t end = next_quote(ix, w->at + 2) + 1;
    if (end >= ix->len || ix->text[end] != ']')
        return false;
    w->at = end + 1;
    return true;
}

bool json_skip(struct json_walk *w) {
    const struct json_index *ix = w->ix;
    if (skip_short_array(w))
        return true;
    size_t b = w->at >> 6, blocks = (ix->len + 63) >> 6;
    uint64_t mask = ~0ull << (w->at & 63); /* the first block: only from the bracket on, and bit by bit */
    uint64_t close_before = 0;             /* the last byte of the block before was a closing bracket */
    struct skip s = {.depth = w->depth};
    for (; b < blocks; b++, mask = ~0ull) {
        const struct json_block *block = &ix->blocks[b];
        uint64_t open = block->open & mask, close = block->close & mask, newline = block->newline & mask;
        uint64_t adjacent = (close << 1 | close_before) & open; /* }{ is never inside a value */
        close_before = close >> 63;
        int opens = (int)block->opens, closes = (int)block->closes;
        if (mask == ~0ull && s.depth - closes > w->depth && s.depth + opens <= JSON_MAX_DEPTH && !newline &&
            !adjacent) {
            s.depth += opens - closes;
            continue;
        }
        /* It may end before two neighbours that cannot be; behind them it cannot go on. */
        uint64_t before = adjacent ? (adjacent & -adjacent) - 1 : ~0ull;
        if (skip_word(w, b * 64, open & before, close & before, newline & before, &s))
            return w->status == JSON_OK;
        if (adjacent)
            return fail_at(w, JSON_BAD, b * 64 + (size_t)__builtin_ctzll(adjacent));
    }
    return fail(w, JSON_CUT);
}

bool json_looks_like_record(const char *text, size_t len) {
    static const char event[] = "{\"eventType\"", notification[] = "{\"notificationType\"";
    return (len >= sizeof event - 1 && memcmp(text, event, sizeof event - 1) == 0) ||
           (len >= sizeof notification - 1 && memcmp(text, notification, sizeof notification - 1) == 0);
}

enum json_newline json_newline_between(struct span text, bool is_last, size_t at, char before, bool in_string,
                                       size_t *next) {
    size_t i = at + 1, limit = text.len - at > JSON_MAX_BLANKS ? at + JSON_MAX_BLANKS : text.len;
    while (i < limit && is_blank(text.ptr[i]))
        i++;
    *next = i;
    if (i == at + JSON_MAX_BLANKS)
        return JSON_NEWLINE_ENDS;
    if (i >= text.len)
        return is_last ? JSON_NEWLINE_ENDS : JSON_NEWLINE_UNKNOWN;
    char after = text.ptr[i];
    if (!is_last && after == '{' && text.len - i < 20) /* room to see {"notificationType" */
        return JSON_NEWLINE_UNKNOWN;
    if (after == '}' || after == ']' || after == ',' || after == ':' || after == '"')
        return JSON_NEWLINE_GOES_ON;
    if (in_string)
        return JSON_NEWLINE_ENDS;
    if (json_looks_like_record(text.ptr + i, text.len - i))
        return before == ':' ? JSON_NEWLINE_GOES_ON : JSON_NEWLINE_ENDS;
    return before == '{' || before == '[' || before == ',' || before == ':' ? JSON_NEWLINE_GOES_ON : JSON_NEWLINE_ENDS;
}

enum json_newline json_newline_kind(const struct json_index *ix, size_t at, size_t *next) {
    size_t before = at;
    while (before > 0 && is_blank(ix->text[before - 1]))
        before--;
    bool in_string = ix->blocks[at >> 6].damage >> (at & 63) & 1;
    return json_newline_between((struct span){ix->text, ix->len}, ix->last, at, before ? ix->text[before - 1] : '{',
                                in_string, next);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits; -1 if they are none. */
static int hex4(const char *p, const char *end) {
    if (end - p < 4)
        return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static char *put_utf8(char *out, unsigned cp) {
    if (cp < 0x80) {
        *out++ = (char)cp;
    } else if (cp < 0x800) {
        *out++ = (char)(0xc0 | cp >> 6);
        *out++ = (char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        *out++ = (char)(0xe0 | cp >> 12);
        *out++ = (char)(0x80 | (cp >> 6 & 0x3f));
        *out++ = (char)(0x80 | (cp & 0x3f));
    } else {
        *out++ = (char)(0xf0 | cp >> 18);
        *out++ = (char)(0x80 | (cp >> 12 & 0x3f));
        *out++ = (char)(0x80 | (cp >> 6 & 0x3f));
        *out++ = (char)(0x80 | (cp & 0x3f));
    }
    return out;
}

/* Behind "\u": one code point, taking a second \uXXXX for a surrogate pair. NULL when the digits are none. */
static const char *take_code_point(const char *p, const char *end, unsigned *cp) {
    int first = hex4(p, end);
    if (first < 0)
        return NULL;
    p += 4;
    *cp = (unsigned)first;
    if (first < 0xd800 || first > 0xdfff)
        return p;
    if (first < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int second = hex4(p + 2, end);
        if (second >= 0xdc00 && second <= 0xdfff) {
            *cp = 0x10000u + ((unsigned)(first - 0xd800) << 10) + (unsigned)(second - 0xdc00);
            return p + 6;
        }
    }
    *cp = 0xfffd;
    return p;
}

ptrdiff_t json_unescape(struct span text, char *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = text.ptr, *end = text.ptr + text.len;
    char *o = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memmove(o, p, plain);
        o += plain;
        p += plain;
        if (p == end)
            break;
        if (end - p < 2)
            return -1;
        char c = p[1];
        p += 2;
        if (c == 'u') {
            unsigned cp;
            p = take_code_point(p, end, &cp);
            if (!p)
                return -1;
            o = put_utf8(o, cp);
            continue;
        }
        const char *known = c ? strchr(from, c) : NULL;
        if (!known)
            return -1;
        *o++ = to[known - from];
    }
    return o - out;
}
