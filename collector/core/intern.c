#include "core/intern.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"

struct intern {
    pthread_mutex_t lock;
    struct hash_key key;
    size_t max_names;
    char **names; /* by id */
    size_t count;
    size_t size;
    uint64_t overflowed;
    uint32_t *slots; /* id + 1; 0 = free */
    size_t slot_count;
};

static uint32_t intern_add(struct intern *t, struct span name);

struct intern *intern_create(size_t max_names) {
    struct intern *t = alloc_zeroed(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->key = hash_key_random();
    t->max_names = max_names + 2; /* the two fixed names do not count */
    t->slot_count = 64;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    intern_id(t, SPAN_LIT(""));
    intern_id(t, SPAN_LIT("other"));
    return t;
}

void intern_destroy(struct intern *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->names[i]);
    free(t->names);
    free(t->slots);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static size_t intern_slot(const struct intern *t, struct span name) {
    size_t mask = t->slot_count - 1;
    size_t i = (size_t)hash_bytes(&t->key, name.ptr, name.len) & mask;
    while (t->slots[i] && !span_eq(span_of(t->names[t->slots[i] - 1]), name))
        i = (i + 1) & mask;
    return i;
}

static void intern_grow_slots(struct intern *t) {
    free(t->slots);
    t->slot_count *= 2;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    for (size_t id = 0; id < t->count; id++)
        t->slots[intern_slot(t, span_of(t->names[id]))] = (uint32_t)id + 1;
}

static uint32_t intern_add(struct intern *t, struct span name) {
    if (t->count == t->max_names) {
        t->overflowed++;
        return INTERN_OVERFLOW;
    }
    if (t->count == t->size) {
        t->size = t->size ? t->size * 2 : 64;
        t->names = alloc_resize(t->names, t->size, sizeof *t->names);
    }
    t->names[t->count] = alloc_string(name.ptr, name.len);
    t->slots[intern_slot(t, name)] = (uint32_t)t->count + 1;
    t->count++;
    if (t->count * 2 > t->slot_count)
        intern_grow_slots(t);
    return (uint32_t)t->count - 1;
}

uint32_t intern_id(struct intern *t, struct span name) {
    pthread_mutex_lock(&t->lock);
    size_t slot = intern_slot(t, name);
    uint32_t id = t->slots[slot] ? t->slots[slot] - 1 : intern_add(t, name);
    pthread_mutex_unlock(&t->lock);
    return id;
}

const char *intern_name(struct intern *t, uint32_t id) {
    pthread_mutex_lock(&t->lock);
    const char *name = id < t->count ? t->names[id] : "other";
    pthread_mutex_unlock(&t->lock);
    return name;
}

size_t intern_count(struct intern *t) {
    pthread_mutex_lock(&t->lock);
    size_t count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}

uint64_t intern_overflowed(struct intern *t) {
    pthread_mutex_lock(&t->lock);
    uint64_t overflowed = t->overflowed;
    pthread_mutex_unlock(&t->lock);
    return overflowed;
}

void intern_cache_init(struct intern_cache *c, struct intern *table, intern_clean_fn clean) {
    memset(c, 0, sizeof *c);
    c->table = table;
    c->clean = clean;
}

/* Not keyed: a collision costs a look-up in the shared table, never a wrong answer. */
static uint64_t cheap_hash(struct span name) {
    uint64_t h = name.len * 0x9e3779b97f4a7c15ull;
    size_t i = 0;
    for (; i + 8 <= name.len; i += 8) {
        uint64_t m;
        memcpy(&m, name.ptr + i, 8);
        h = hash_mix(h ^ m);
    }
    if (i < name.len) {
        uint64_t m = 0;
        memcpy(&m, name.ptr + i, name.len - i);
        h = hash_mix(h ^ m);
    }
    return h | 1;
}

static uint32_t intern_cleaned(struct intern_cache *c, struct span raw) {
    char scratch[INTERN_SCRATCH];
    return intern_id(c->table, c->clean(raw, scratch));
}

uint32_t intern_cached(struct intern_cache *c, struct span raw) {
    if (raw.len == 0)
        return INTERN_EMPTY;
    if (raw.len > sizeof c->slots[0].name)
        return intern_cleaned(c, raw);
    uint64_t h = cheap_hash(raw);
    size_t at = (size_t)(h >> 20) % (sizeof c->slots / sizeof c->slots[0]);
    if (c->slots[at].hash == h && c->slots[at].len == raw.len && memcmp(c->slots[at].name, raw.ptr, raw.len) == 0)
        return c->slots[at].id;
    c->slots[at].hash = h;
    c->slots[at].len = (uint32_t)raw.len;
    memcpy(c->slots[at].name, raw.ptr, raw.len);
    return c->slots[at].id = intern_cleaned(c, raw);
}
