/* Many phrases looked for in one text at once (Aho and Corasick 1975): one step for each byte of the text, however many
 * phrases there are. Letters of ASCII are equal in both cases. Built once, then read by all threads. */
#ifndef CORE_PHRASES_H
#define CORE_PHRASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

enum { PHRASES_MAX = 4096, PHRASE_MAX_LEN = 200 };

struct phrases;

struct phrases *phrases_create(void);    /* returns new */
void phrases_destroy(struct phrases *p); /* NULL is allowed */

/* The number of the phrase, from 0 on; the same phrase has one number. -1: it is empty, too long, or there are too
 * many. Before phrases_finish. */
int phrases_add(struct phrases *p, struct span phrase);
void phrases_finish(struct phrases *p);
size_t phrases_count(const struct phrases *p);

/* Which phrases stand in a text: a bit for each. */
struct phrases_found {
    uint64_t bits[PHRASES_MAX / 64];
};
static inline bool phrases_has(const struct phrases_found *found, int phrase) {
    return found->bits[phrase / 64] >> (phrase % 64) & 1;
}

/* Adds the phrases of `text` to `found`, whose first (phrases_count + 63) / 64 words the caller has zeroed. */
void phrases_find(const struct phrases *p, struct span text, struct phrases_found *found);

#endif
