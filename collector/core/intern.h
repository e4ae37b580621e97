/* Strings as small numbers, shared by all threads. A number once given stays; names are never removed, so the
 * table has a ceiling: past it every new name gets INTERN_OVERFLOW. */
#ifndef CORE_INTERN_H
#define CORE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

enum {
    INTERN_EMPTY = 0,    /* "" */
    INTERN_OVERFLOW = 1, /* "other" */
};

struct intern;

struct intern *intern_create(size_t max_names); /* returns new */
void intern_destroy(struct intern *t);          /* NULL is allowed */

/* Takes a lock: workers keep a cache of their own before it (struct intern_cache). No name may hold a 0 byte. */
uint32_t intern_id(struct intern *t, struct span name);

/* Borrowed, terminated; valid as long as the table. */
const char *intern_name(struct intern *t, uint32_t id);
size_t intern_count(struct intern *t); /* ids are 0 .. count-1 */
/* How often a name was refused for the ceiling. A name may be refused several times: more than 0 is what counts. */
uint64_t intern_overflowed(struct intern *t);

/* Makes a name fit to be one: returns `raw`, or what stands for it (in `scratch`, or a literal). */
enum { INTERN_SCRATCH = 320 };
typedef struct span (*intern_clean_fn)(struct span raw, char scratch[INTERN_SCRATCH]);

/* One thread's front of a table: remembers the names it saw last, so that neither cleaning nor the lock is paid again.
 */
struct intern_cache {
    struct intern *table; /* borrowed */
    intern_clean_fn clean;
    struct {
        uint64_t hash; /* 0 = free */
        uint32_t id;
        uint32_t len;
        char name[112];
    } slots[512];
};

void intern_cache_init(struct intern_cache *c, struct intern *table, intern_clean_fn clean);
uint32_t intern_cached(struct intern_cache *c, struct span raw); /* INTERN_EMPTY for an empty name */

#endif
