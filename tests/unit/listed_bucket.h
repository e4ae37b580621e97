/* A bucket in memory, for tests of what lists one: answers as S3 does, 1000 entries a request, and counts these. */
#ifndef TESTS_LISTED_BUCKET_H
#define TESTS_LISTED_BUCKET_H

#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "core/alloc.h"
#include "core/err.h"

struct listed_key {
    char *key; /* owned */
    int64_t modified_ms;
    uint64_t size;
    bool archived;
};

static struct listed_bucket {
    struct listed_key *keys;
    size_t count, capacity;
    bool sorted;
    uint64_t requests;
    unsigned fail_after;      /* requests; 0: never */
    const char *last_outside; /* a request left this prefix, if it is set */
    const char *scope;
} listed_bucket;

static inline void bucket_put_sized(const char *key, int64_t modified_ms, uint64_t size) {
    struct listed_bucket *b = &listed_bucket;
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 64;
        b->keys = alloc_resize(b->keys, b->capacity, sizeof *b->keys);
    }
    b->keys[b->count++] = (struct listed_key){alloc_string(key, strlen(key)), modified_ms, size, false};
    b->sorted = false;
}

static inline void bucket_put(const char *key, int64_t modified_ms) {
    bucket_put_sized(key, modified_ms, 100);
}

static inline void bucket_empty(void) {
    for (size_t i = 0; i < listed_bucket.count; i++)
        free(listed_bucket.keys[i].key);
    free(listed_bucket.keys);
    listed_bucket = (struct listed_bucket){0};
}

static int listed_by_key(const void *a, const void *b) {
    return strcmp(((const struct listed_key *)a)->key, ((const struct listed_key *)b)->key);
}

/* The first key that is not before `key`. */
static inline size_t listed_from(const char *key) {
    size_t low = 0, high = listed_bucket.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(listed_bucket.keys[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool s3_list_objects(struct aws_session *s, const struct s3_bucket *b, const struct s3_list *list,
                     const struct s3_list_hooks *hooks, const atomic_bool *stop, struct err *err) {
    (void)s, (void)b, (void)stop;
    struct listed_bucket *bucket = &listed_bucket;
    unsigned on_page = 0, given = 0;
    size_t prefix_len = strlen(list->prefix);
    if (!bucket->sorted && bucket->count)
        qsort(bucket->keys, bucket->count, sizeof *bucket->keys, listed_by_key);
    bucket->sorted = true;
    bucket->requests++;
    if (bucket->scope && strncmp(list->prefix, bucket->scope, strlen(bucket->scope)) != 0)
        bucket->last_outside = list->prefix;
    if (list->requests)
        (*list->requests)++;
    if (bucket->fail_after && bucket->requests >= bucket->fail_after)
        return err_set(err, ERR_IO, "made up");
    for (size_t i = listed_from(list->prefix); i < bucket->count; i++) {
        const struct listed_key *k = &bucket->keys[i];
        if (strncmp(k->key, list->prefix, prefix_len) != 0)
            break;
        const char *slash = list->folders ? strchr(k->key + prefix_len, '/') : NULL;
        char folder[1100] = "";
        if (slash) {
            size_t len = (size_t)(slash - k->key) + 1;
            memcpy(folder, k->key, len);
            folder[len] = 0;
            while (i + 1 < bucket->count && strncmp(bucket->keys[i + 1].key, folder, len) == 0)
                i++;
        }
        if (list->start_after && strcmp(slash ? folder : k->key, list->start_after) <= 0)
            continue;
        if (on_page == 1000) {
            on_page = 0;
            bucket->requests++;
            if (list->requests)
                (*list->requests)++;
        }
        on_page++;
        struct s3_object o = {k->key, "etag", k->size, k->modified_ms, k->archived};
        if (!(slash ? hooks->folder(hooks->context, folder) : hooks->object(hooks->context, &o)))
            return true;
        if (list->max && ++given == list->max)
            return true;
    }
    return true;
}

#endif
