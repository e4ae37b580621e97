/* Files, folders and globs as a list of objects, in the order in which they are to be read. */
#ifndef SOURCE_FILES_H
#define SOURCE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct object {
    char *path;        /* owned; "-" is standard input */
    uint64_t size;     /* bytes, as far as known beforehand; 0 for pipes */
    uint64_t start;    /* the stretch of the file to read: text that begins in [start, end) */
    uint64_t end;      /* UINT64_MAX: to the end */
    bool regular_only; /* a pipe that took its place since it was found is not waited for */
    bool has_time;
    int64_t time_ms;   /* when the first of its records arrived, by its name */
    uint64_t sequence; /* order in which it was found: by path, argument by argument */
};

struct object_list {
    struct object *objects; /* owned */
    size_t count, capacity;
    uint64_t total_size;
    size_t skipped; /* links, sockets, devices found in folders: left out */
};

void object_list_deinit(struct object_list *list);

/* Adds what `path` names: a file (also a pipe or device, when named itself), "-", a folder with everything below it (in
 * byte order of the keys; regular files only, links are not followed, hidden ones are left out), or a glob pattern of
 * those. False if there is no such thing. */
bool files_add(struct object_list *list, const char *path, struct err *err);

/* Sorts by time (see object.time_ms), then by the order found. Objects without a time keep their place in front. */
void files_sort(struct object_list *list);

/* The time in an object's key as Firehose writes it: "...-2026-11-21-23-34-30-<uuid>", or a path with
 * .../2026/11/21/23/ (also year=2026/month=11/day=21/hour=23). False if there is none. */
bool files_key_time(const char *path, int64_t *time_ms);

#endif
