#include "core/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* Who writes the records chooses the names, and so the ids, that keys are made of: the places in the table depend on
 * what nobody knows. And each map has an order of its own: keys that went from one table into another in the order of
 * both would pile up at its beginning. */
static struct hash_key secret;
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static atomic_uint_least64_t maps;

static void make_secret(void) {
    secret = hash_key_random();
    secret.k1 |= 1;
}

void map_init(struct map *m, size_t value_size) {
    pthread_once(&secret_once, make_secret);
    uint64_t number = atomic_fetch_add_explicit(&maps, 1, memory_order_relaxed);
    *m = (struct map){.value_size = value_size, .seed = secret.k0 + number * 0x9e3779b97f4a7c15ull};
}

void map_deinit(struct map *m) {
    free(m->keys);
    free(m->values);
    free(m->is_changed);
    free(m->changed);
    *m = (struct map){0};
}

void map_clear(struct map *m) {
    size_t value_size = m->value_size;
    bool tracked = m->tracked;
    map_deinit(m);
    map_init(m, value_size);
    m->tracked = tracked;
}

static size_t map_slot(const struct map *m, uint64_t key) {
    size_t mask = m->slots - 1;
    unsigned __int128 product = (unsigned __int128)((key + 1) ^ m->seed) * secret.k1;
    size_t i = ((size_t)product ^ (size_t)(product >> 64)) & mask;
    while (m->keys[i] && m->keys[i] != key + 1)
        i = (i + 1) & mask;
    return i;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static void note_change(struct map *m, size_t slot, uint64_t key) {
    if (m->is_changed[slot])
        return;
    m->is_changed[slot] = 1;
    if (m->changed_count == m->changed_size) {
        m->changed_size = m->changed_size ? m->changed_size * 2 : 16;
        m->changed = alloc_resize(m->changed, m->changed_size, sizeof *m->changed);
    }
    m->changed[m->changed_count++] = key;
}

void map_track(struct map *m) {
    m->tracked = true;
    if (m->slots && !m->is_changed)
        m->is_changed = alloc_zeroed(m->slots, 1);
}

/* Only what changed is touched: a map may be large and change little. */
void map_forget_changes(struct map *m) {
    for (size_t i = 0; i < m->changed_count; i++)
        m->is_changed[map_slot(m, m->changed[i])] = 0;
    m->changed_count = 0;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static void map_grow(struct map *m) {
    struct map bigger = {.value_size = m->value_size, .len = m->len, .seed = m->seed};
    bigger.slots = m->slots ? m->slots * 2 : 8;
    bigger.keys = alloc_zeroed(bigger.slots, sizeof *bigger.keys);
    bigger.values = alloc_zeroed(bigger.slots, m->value_size);
    for (size_t i = 0; i < m->slots; i++) {
        if (!m->keys[i])
            continue;
        size_t to = map_slot(&bigger, m->keys[i] - 1);
        bigger.keys[to] = m->keys[i];
        memcpy(bigger.values + to * m->value_size, m->values + i * m->value_size, m->value_size);
    }
    free(m->keys);
    free(m->values);
    m->keys = bigger.keys;
    m->values = bigger.values;
    m->slots = bigger.slots;
    if (!m->tracked)
        return;
    free(m->is_changed);
    m->is_changed = alloc_zeroed(m->slots, 1);
    for (size_t i = 0; i < m->changed_count; i++)
        m->is_changed[map_slot(m, m->changed[i])] = 1;
}

void *map_put(struct map *m, uint64_t key) {
    assert(key != UINT64_MAX);
    if (m->len * 4 >= m->slots * 3) /* load 0.75 */
        map_grow(m);
    size_t i = map_slot(m, key);
    if (!m->keys[i]) {
        m->keys[i] = key + 1;
        m->len++;
    }
    if (m->tracked)
        note_change(m, i, key);
    return m->values + i * m->value_size;
}

void *map_get(const struct map *m, uint64_t key) {
    if (!m->slots)
        return NULL;
    size_t i = map_slot(m, key);
    return m->keys[i] ? m->values + i * m->value_size : NULL;
}

bool map_next(const struct map *m, size_t *at, uint64_t *key, void **value) {
    for (size_t i = *at; i < m->slots; i++) {
        if (!m->keys[i])
            continue;
        *at = i + 1;
        *key = m->keys[i] - 1;
        *value = m->values + i * m->value_size;
        return true;
    }
    return false;
}
