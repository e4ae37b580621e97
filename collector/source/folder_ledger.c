#include "source/folder_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

void folder_ledger_init(struct folder_ledger *l) {
    *l = (struct folder_ledger){.key = hash_key_random()};
    map_init(&l->by_path, sizeof(struct folder_file *));
}

void folder_ledger_deinit(struct folder_ledger *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->files[i]->stream.name);
        free(l->files[i]);
    }
    free(l->files);
    map_deinit(&l->by_path);
    *l = (struct folder_ledger){0};
}

void folder_file_reset(struct folder_file *file) {
    file->size = -1;
    file->mtime_ns = file->offset = 0;
    file->done = file->given = file->complained = false;
    atomic_store(&file->stream.committed0, -1); /* so that even the position 0 is waited for */
}

static struct folder_file *add_file(struct folder_ledger *l, const char *path) {
    struct folder_file *file = alloc_zeroed(1, sizeof *file);
    file->stream.name = alloc_string(path, strlen(path));
    folder_file_reset(file);
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 64;
        l->files = alloc_resize(l->files, l->capacity, sizeof(struct folder_file *));
    }
    return l->files[l->count++] = file;
}

struct folder_file *folder_ledger_at(struct folder_ledger *l, const char *path) {
    uint64_t hash = hash_bytes(&l->key, path, strlen(path)) >> 1; /* UINT64_MAX is no key of a map */
    struct folder_file **at = map_put(&l->by_path, hash);
    while (*at && strcmp((*at)->stream.name, path) != 0)
        at = &(*at)->next;
    if (!*at)
        *at = add_file(l, path);
    return *at;
}

void folder_ledger_restore(struct folder_ledger *l, const struct saved_position *saved) {
    struct folder_file *file = folder_ledger_at(l, saved->stream);
    const int64_t *n = saved->position.n;
    file->offset = n[0];
    file->size = n[1];
    file->mtime_ns = n[2];
    file->done = n[3] != 0;
    file->kept = true;
    file->stream.counted = saved->position;
    atomic_store(&file->stream.committed0, n[0]);
}

struct position folder_file_position(const struct folder_file *file) {
    return (struct position){.n = {file->offset, file->size, file->mtime_ns, file->done}};
}
