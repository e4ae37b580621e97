/* Walking through indexed JSON without building anything: objects member by member, arrays element by element, and over
 * everything of no interest by counting brackets. No allocation, no recursion: the caller walks into what it wants.
 *
 *     {"mail":{"tags":{...},"source":"a@b"},"eventType":"Send"}
 *     ^at                                                        json_enter, then json_member until it returns false
 */
#ifndef PARSERS_JSON_WALK_H
#define PARSERS_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"
#include "parsers/json_index.h"

enum { JSON_MAX_DEPTH = 64 };

enum json_status {
    JSON_OK,
    JSON_CUT,  /* the text ends in the middle of a value */
    JSON_BAD,  /* the structure cannot be followed */
    JSON_DEEP, /* nested deeper than JSON_MAX_DEPTH */
};

enum json_kind {
    JSON_KIND_STRING,
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL
};

struct json_value {
    enum json_kind kind;
    size_t start; /* STRING: behind the opening quote; else its first byte */
    size_t end;   /* behind its last byte (STRING: the closing quote's place). Containers: 0 until skipped */
};

struct json_walk {
    const struct json_index *ix;
    size_t at;               /* after a failure: near the place where the structure broke */
    enum json_status status; /* sticky: every call after a failure fails */
    int depth;               /* containers that `at` is inside of */
};

static inline struct json_walk json_walk_at(const struct json_index *ix, size_t at) {
    return (struct json_walk){.ix = ix, .at = at};
}

static inline struct span json_text(const struct json_walk *w, const struct json_value *v) {
    return (struct span){w->ix->text + v->start, v->end - v->start};
}

/* Whether there is a backslash in [from, to): whether a string must be decoded. */
static inline bool json_has_escape(const struct json_index *ix, size_t from, size_t to) {
    size_t b = from >> 6, shift = from & 63, len = to - from;
    if (len == 0)
        return false;
    if (len > 64)
        return memchr(ix->text + from, '\\', len) != NULL;
    /* The block behind the last is zeros; two shifts, since one by 64 is none. */
    uint64_t bits = ix->blocks[b].escape >> shift | ix->blocks[b + 1].escape << 1 << (63 - shift);
    return (bits & ~0ull >> (64 - len)) != 0;
}

/* Goes into the object or array that begins at `at`. */
bool json_enter(struct json_walk *w);

/* The next member of the object entered. The walk then stands behind a scalar value, or at the bracket of a container:
 * there the caller enters it (and walks to its end) or skips it. False at the object's end (status OK, the walk stands
 * behind the bracket) and on failure. `*first` is true before the first call; the function keeps it.
 * `key` is raw: json_has_escape says whether it must be decoded before it is compared. */
bool json_member(struct json_walk *w, bool *first, struct json_value *key, struct json_value *value);

/* The next element of the array entered; the same rules. */
bool json_element(struct json_walk *w, bool *first, struct json_value *value);

/* Jumps over the container at `at`. Structure inside is followed only by counting: but never across a line end that
 * must end a record (json_newline_kind) and never across `}{`, so that a cut record cannot swallow the next. */
bool json_skip(struct json_walk *w);

/* Skips `value` if it is a container that was not entered, and sets its end. */
static inline bool json_pass(struct json_walk *w, struct json_value *value) {
    if (value->kind != JSON_KIND_OBJECT && value->kind != JSON_KIND_ARRAY)
        return true;
    if (!json_skip(w))
        return false;
    value->end = w->at;
    return true;
}

/* Whether the line end at `at` must end a record: what stands before and behind it cannot be neighbours inside one
 * (`"x"` line end `{`), or the next line begins as an SES record does, or nothing but blanks follows for long. UNKNOWN
 * when the text ends too early to tell, and more follows. *next: the first byte behind it that is no blank. */
enum { JSON_MAX_BLANKS = 4096 };
enum json_newline { JSON_NEWLINE_ENDS, JSON_NEWLINE_GOES_ON, JSON_NEWLINE_UNKNOWN };
enum json_newline json_newline_kind(const struct json_index *ix, size_t at, size_t *next);

/* The same for text without an index: `before` is the last byte before `at` that is no blank, `in_string` whether the
 * line end stands inside a string. */
enum json_newline json_newline_between(struct span text, bool is_last, size_t at, char before, bool in_string,
                                       size_t *next);

/* True if `text` begins as an SES record does: {"eventType" or {"notificationType". */
bool json_looks_like_record(const char *text, size_t len);

/* Undoes JSON's escapes into `out` (as long as the text at least). Returns the length, or -1 for an escape that JSON
 * does not have. Lone surrogates become U+FFFD: one broken character must not cost an event. */
ptrdiff_t json_unescape(struct span text, char *out);

#endif
