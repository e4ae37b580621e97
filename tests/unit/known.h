/* What normalisers know beforehand, for tests that are about something else: the built-in knowledge. */
#ifndef TESTS_UNIT_KNOWN_H
#define TESTS_UNIT_KNOWN_H

#include <assert.h>
#include <stdlib.h>

#include "parsers/knowledge.h"
#include "parsers/normalise.h"

enum { KNOWN_MAX = 4096 };
static struct knowledge *known_made[KNOWN_MAX];
static size_t known_count;

static void known_forget(void) {
    while (known_count)
        knowledge_destroy(known_made[--known_count]);
}

/* Lives until the program ends. */
static inline const struct knowledge *known(const struct provider_table *providers) {
    struct err err = {0};
    assert(known_count < KNOWN_MAX);
    if (!known_count)
        atexit(known_forget);
    struct knowledge *k = knowledge_create(providers, &(struct knowledge_files){0}, &err);
    assert(k);
    return known_made[known_count++] = k;
}

/* All that normalisers need, with room for `names` of each kind. known_dictionary_end it; the providers stay. */
static inline struct dictionary known_dictionary(const struct provider_table *providers, size_t names) {
    return (struct dictionary){.providers = providers,
                               .knowledge = known(providers),
                               .key = {1, 2},
                               .sets = intern_create(names),
                               .identities = intern_create(names),
                               .templates = intern_create(names)};
}

static inline void known_dictionary_end(struct dictionary *d) {
    intern_destroy(d->sets);
    intern_destroy(d->identities);
    intern_destroy(d->templates);
}

#endif
