#include "source/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

enum { FIRST_CAPACITY = 64 };

void ledger_init(struct ledger *l) {
    *l = (struct ledger){.key = hash_key_random()};
    map_init(&l->by_name, sizeof(struct ledger_entry *));
}

static void free_entry(struct ledger_entry *entry) {
    free(entry->stream.name);
    free(entry);
}

void ledger_deinit(struct ledger *l) {
    for (size_t i = 0; i < l->count; i++)
        free_entry(l->entries[i]);
    free(l->entries);
    map_deinit(&l->by_name);
    *l = (struct ledger){0};
}

void ledger_entry_reset(struct ledger_entry *entry) {
    entry->size = -1;
    entry->version = entry->offset = 0;
    entry->done = entry->complained = false;
    entry->attempts = 0;
    entry->retry_ns = entry->refused_ms = 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct ledger *l, const char *name) {
    return hash_bytes(&l->key, name, strlen(name)) >> 1; /* UINT64_MAX is no key of a map */
}

/* Where the pointer to the entry of this name is, or would be; `at` is the first of its hash. */
static struct ledger_entry **find_link(struct ledger_entry **at, const char *name) {
    while (*at && strcmp((*at)->stream.name, name) != 0)
        at = &(*at)->next;
    return at;
}

struct ledger_entry *ledger_find(const struct ledger *l, const char *name) {
    struct ledger_entry **at = map_get(&l->by_name, hash_of(l, name));
    return at ? *find_link(at, name) : NULL;
}

static struct ledger_entry *add_entry(struct ledger *l, const char *name) {
    struct ledger_entry *entry = alloc_zeroed(1, sizeof *entry);
    entry->stream.name = alloc_string(name, strlen(name));
    ledger_entry_reset(entry);
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : FIRST_CAPACITY;
        l->entries = alloc_resize(l->entries, l->capacity, sizeof(struct ledger_entry *));
    }
    entry->at = l->count;
    return l->entries[l->count++] = entry;
}

struct ledger_entry *ledger_at(struct ledger *l, const char *name) {
    struct ledger_entry **at = find_link(map_put(&l->by_name, hash_of(l, name)), name);
    if (!*at)
        *at = add_entry(l, name);
    return *at;
}

void ledger_restore(struct ledger *l, const struct saved_position *saved) {
    struct ledger_entry *entry = ledger_at(l, saved->stream);
    const int64_t *n = saved->position.n;
    entry->offset = n[0];
    entry->size = n[1];
    entry->version = n[2];
    entry->done = n[3] != 0;
    entry->time_ms = n[4];
    if (!entry->done && n[5]) {
        entry->refused_ms = n[5];
        entry->complained = true; /* by the run before */
        entry->attempts = 1;
    }
    entry->kept = true;
    entry->stream.counted = saved->position;
    atomic_store(&entry->stream.committed0, n[0]);
}

struct position ledger_entry_position(const struct ledger_entry *entry) {
    return (struct position){
        .n = {entry->offset, entry->size, entry->version, entry->done, entry->time_ms, entry->refused_ms}};
}

/* --- what is dropped ---------------------------------------------------------------------------------------------- */

/* A map takes nothing back: once most of its places lead nowhere, it is made anew. */
static void tidy(struct ledger *l) {
    if (l->by_name.len < FIRST_CAPACITY || l->by_name.len / 2 < l->count)
        return;
    map_clear(&l->by_name);
    for (size_t i = 0; i < l->count; i++) {
        struct ledger_entry **at = map_put(&l->by_name, hash_of(l, l->entries[i]->stream.name));
        l->entries[i]->next = *at;
        *at = l->entries[i];
    }
    if (l->capacity > FIRST_CAPACITY && l->capacity / 4 > l->count) {
        l->capacity = l->count > FIRST_CAPACITY ? l->count : FIRST_CAPACITY;
        l->entries = alloc_resize(l->entries, l->capacity, sizeof(struct ledger_entry *));
    }
}

void ledger_drop(struct ledger *l, struct ledger_entry *entry) {
    struct ledger_entry **at = find_link(map_get(&l->by_name, hash_of(l, entry->stream.name)), entry->stream.name);
    *at = entry->next;
    struct ledger_entry *last = l->entries[--l->count];
    l->entries[entry->at] = last;
    last->at = entry->at;
    free_entry(entry);
    tidy(l);
}

/* FNV-1a, without the sign. */
int64_t ledger_version(const char *tag) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = tag ? tag : ""; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    return (int64_t)(hash >> 1);
}
