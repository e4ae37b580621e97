/* Small helpers for keys and prefixes. Of the listing's own files. */
#ifndef SOURCE_S3_LISTING_TEXT_H
#define SOURCE_S3_LISTING_TEXT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

static inline char *copy_text(const char *s) {
    return alloc_string(s, strlen(s));
}

static inline char *join_text(const char *a, const char *b, const char *c) {
    size_t a_len = strlen(a), b_len = strlen(b), c_len = strlen(c);
    char *text = alloc_zeroed(a_len + b_len + c_len + 1, 1);
    memcpy(text, a, a_len);
    memcpy(text + a_len, b, b_len);
    memcpy(text + a_len + b_len, c, c_len);
    return text;
}

/* Zeroed before use. */
struct texts {
    char **list; /* owned, and each of them */
    size_t count, capacity;
};

/* False when it is full by now. */
static inline bool texts_add(struct texts *t, const char *text, size_t max) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 16;
        t->list = alloc_resize(t->list, t->capacity, sizeof *t->list);
    }
    t->list[t->count++] = copy_text(text);
    return t->count < max;
}

static inline void texts_deinit(struct texts *t) {
    for (size_t i = 0; i < t->count; i++)
        free(t->list[i]);
    free(t->list);
    *t = (struct texts){0};
}

#endif
