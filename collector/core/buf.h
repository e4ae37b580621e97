/* A growable byte buffer with a ceiling: no buffer that input can grow is without one. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* owned; NULL while nothing was reserved */
    size_t len;
    size_t size;
    size_t limit; /* `len` never passes this */
    bool failed;  /* sticky: an append did not fit or memory ran out; what was there is kept */
};

void buf_init(struct buf *b, size_t limit);
void buf_deinit(struct buf *b);
void buf_clear(struct buf *b); /* len = 0 and failed = false; keeps the memory */

/* Makes room for `more` bytes behind `len`. False (and `failed`) when over the limit or out of memory. */
bool buf_reserve(struct buf *b, size_t more);
bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_append_str(struct buf *b, const char *s);
bool buf_append_char(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct span buf_span(const struct buf *b) {
    return (struct span){b->data, b->len};
}

#endif
