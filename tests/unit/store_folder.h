/* A folder for a test's state, and a store that must open. */
#ifndef UNIT_STORE_FOLDER_H
#define UNIT_STORE_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/store.h"

struct store_folder {
    char base[64];
    char state[96], log[104], lock[104];
};

static inline void store_folder_name(struct store_folder *f) {
    snprintf(f->state, sizeof f->state, "%s/state.db", f->base);
    snprintf(f->log, sizeof f->log, "%s-wal", f->state);
    snprintf(f->lock, sizeof f->lock, "%s.lock", f->state);
}

static inline void store_folder_make(struct store_folder *f) {
    snprintf(f->base, sizeof f->base, "/tmp/store_test.XXXXXX");
    if (!mkdtemp(f->base))
        abort();
    store_folder_name(f);
}

/* Files in the folder; `remove_them` empties it. */
static inline int store_folder_count(const struct store_folder *f, bool remove_them) {
    DIR *dir = opendir(f->base);
    struct dirent *entry;
    int count = 0;
    while (dir && (entry = readdir(dir))) {
        char path[400];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", f->base, entry->d_name);
        count++;
        if (remove_them && unlink(path) != 0)
            rmdir(path);
    }
    if (dir)
        closedir(dir);
    return count;
}

static inline void store_folder_remove(struct store_folder *f) {
    store_folder_count(f, true);
    rmdir(f->base);
}

static inline struct store *store_must_open(const struct store_folder *f) {
    struct err err = {0};
    enum store_refusal why = STORE_REFUSED_NONE;
    struct store *s = store_open(f->state, &why, &err);
    if (!s || why != STORE_REFUSED_NONE || err.code != ERR_NONE) {
        fprintf(stderr, "%s is refused (%d): %s\n", f->state, (int)why, err.text);
        abort();
    }
    return s;
}

static inline void store_must_commit(struct store *s) {
    struct err err = {0};
    enum store_result result = store_commit(s, &err);
    if (result != STORE_OK) {
        fprintf(stderr, "the commit fails (%d): %s\n", (int)result, err.text);
        abort();
    }
}

#endif
