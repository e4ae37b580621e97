/* A keeper of state in plain lists: what is put is there only once it is confirmed. For the tests of what is saved. */
#ifndef TESTS_MEMORY_STATE_H
#define TESTS_MEMORY_STATE_H

#include <stdlib.h>
#include <string.h>

#include "model/state_io.h"

struct memory_row {
    int table;
    int64_t index;
    uint64_t key;
    size_t size;
    unsigned char *value;
};

struct memory_key {
    enum state_keys set;
    int64_t index;
    uint64_t key;
};

struct memory_rows {
    struct memory_row *rows; /* by table, index and (signed) key */
    size_t count;
    struct memory_key *keys;
    size_t key_count;
};

struct memory {
    struct memory_rows now, kept; /* what is written, and what is durable */
};

static inline void memory_free(struct memory_rows *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->rows[i].value);
    free(m->rows);
    free(m->keys);
    *m = (struct memory_rows){0};
}

static inline void memory_copy(struct memory_rows *to, const struct memory_rows *from) {
    memory_free(to);
    *to = *from;
    to->rows = calloc(from->count + 1, sizeof *to->rows);
    to->keys = calloc(from->key_count + 1, sizeof *to->keys);
    if (from->count)
        memcpy(to->rows, from->rows, from->count * sizeof *to->rows);
    if (from->key_count)
        memcpy(to->keys, from->keys, from->key_count * sizeof *to->keys);
    for (size_t i = 0; i < to->count; i++) {
        to->rows[i].value = malloc(to->rows[i].size + 1);
        memcpy(to->rows[i].value, from->rows[i].value, to->rows[i].size);
    }
}

static inline void memory_commit(struct memory *m) {
    memory_copy(&m->kept, &m->now);
}

static inline void memory_roll_back(struct memory *m) {
    memory_copy(&m->now, &m->kept);
}

static inline void memory_deinit(struct memory *m) {
    memory_free(&m->now);
    memory_free(&m->kept);
}

/* The first row at or behind a place. */
static inline size_t memory_find(const struct memory_rows *m, int table, int64_t index, uint64_t key) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct memory_row *r = &m->rows[middle];
        bool less = r->table != table   ? r->table < table
                    : r->index != index ? r->index < index
                                        : (int64_t)r->key < (int64_t)key;
        if (less)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline bool memory_is_at(const struct memory_rows *m, size_t at, int table, int64_t index, uint64_t key) {
    return at < m->count && m->rows[at].table == table && m->rows[at].index == index && m->rows[at].key == key;
}

static inline void memory_remove(struct memory_rows *m, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        free(m->rows[i].value);
    memmove(m->rows + from, m->rows + to, (m->count - to) * sizeof *m->rows);
    m->count -= to - from;
}

static inline void memory_put(void *context, int table, int64_t index, uint64_t key, const void *value, size_t size) {
    struct memory_rows *m = &((struct memory *)context)->now;
    size_t at = memory_find(m, table, index, key);
    if (!memory_is_at(m, at, table, index, key)) {
        m->rows = realloc(m->rows, (m->count + 1) * sizeof *m->rows);
        memmove(m->rows + at + 1, m->rows + at, (m->count - at) * sizeof *m->rows);
        m->count++;
    } else {
        free(m->rows[at].value);
    }
    m->rows[at] = (struct memory_row){table, index, key, size, malloc(size + 1)};
    memcpy(m->rows[at].value, value, size);
}

static inline void memory_drop(void *context, int table, int64_t index, uint64_t key) {
    struct memory_rows *m = &((struct memory *)context)->now;
    size_t at = memory_find(m, table, index, key);
    if (memory_is_at(m, at, table, index, key))
        memory_remove(m, at, at + 1);
}

static inline void memory_drop_below(void *context, int table, int64_t index) {
    struct memory_rows *m = &((struct memory *)context)->now;
    if (m->count)
        memory_remove(m, memory_find(m, table, INT64_MIN, (uint64_t)INT64_MIN),
                      memory_find(m, table, index, (uint64_t)INT64_MIN));
}

static inline void memory_add_keys(void *context, enum state_keys set, int64_t index, const uint64_t *keys,
                                   size_t count) {
    struct memory_rows *m = &((struct memory *)context)->now;
    m->keys = realloc(m->keys, (m->key_count + count) * sizeof *m->keys);
    for (size_t i = 0; i < count; i++)
        m->keys[m->key_count++] = (struct memory_key){set, index, keys[i]};
}

static inline void memory_drop_keys_below(void *context, enum state_keys set, int64_t index) {
    struct memory_rows *m = &((struct memory *)context)->now;
    size_t kept = 0;
    for (size_t i = 0; i < m->key_count; i++)
        if (m->keys[i].set != set || m->keys[i].index >= index)
            m->keys[kept++] = m->keys[i];
    m->key_count = kept;
}

static inline struct state_writer memory_writer(struct memory *m) {
    return (struct state_writer){
        m, memory_put, memory_drop, memory_drop_below, memory_add_keys, memory_drop_keys_below};
}

static inline bool memory_each(void *context, int table, size_t size, state_cell_fn each, void *each_context,
                               struct err *err) {
    const struct memory_rows *m = &((struct memory *)context)->kept;
    for (size_t i = 0; i < m->count; i++) {
        const struct memory_row *r = &m->rows[i];
        const struct span whole = {(const char *)r->value, r->size};
        if (r->table != table)
            continue;
        if (size && r->size != size)
            return err_set(err, ERR_INPUT, "table %d holds a value of %zu bytes", table, r->size);
        each(each_context, r->index, r->key, size ? (const void *)r->value : (const void *)&whole);
    }
    return true;
}

static inline bool memory_each_keys(void *context, enum state_keys set, state_keys_fn each, void *each_context,
                                    struct err *err) {
    const struct memory_rows *m = &((struct memory *)context)->kept;
    (void)err;
    for (size_t i = 0; i < m->key_count; i++)
        if (m->keys[i].set == set)
            each(each_context, m->keys[i].index, &m->keys[i].key, 1);
    return true;
}

/* Reads what is durable. */
static inline struct state_reader memory_reader(struct memory *m) {
    return (struct state_reader){m, memory_each, memory_each_keys};
}

/* Rows of a table that are durable. */
static inline size_t memory_count(const struct memory *m, int table) {
    size_t count = 0;
    for (size_t i = 0; i < m->kept.count; i++)
        count += m->kept.rows[i].table == table;
    return count;
}

#endif
