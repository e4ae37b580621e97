/* A borrowed run of bytes. Not terminated, may hold any byte. */
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN_LIT(s) ((struct span){(s), sizeof(s) - 1})
/* For printf: printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, (s).ptr

static inline struct span span_of(const char *s) {
    return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_eq(struct span a, struct span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Compares with a literal; the length is known at compile time, so the memcmp becomes a few loads. */
#define span_is(s, lit) ((s).len == sizeof(lit) - 1 && memcmp((s).ptr, (lit), sizeof(lit) - 1) == 0)

/* ASCII only. */
static inline bool span_eq_nocase(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned char x = (unsigned char)a.ptr[i], y = (unsigned char)b.ptr[i];
        x = (unsigned char)(x >= 'A' && x <= 'Z' ? x | 0x20 : x);
        y = (unsigned char)(y >= 'A' && y <= 'Z' ? y | 0x20 : y);
        if (x != y)
            return false;
    }
    return true;
}

/* Blanks as text has them: space and \t to \r. Any other control character is damage, and stays. */
static inline bool span_is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline struct span span_trim(struct span s) {
    while (s.len && span_is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && span_is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

#endif
