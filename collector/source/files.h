/* Files, folders and globs as a list of objects, in the order in which they are to be read. */
#ifndef SOURCE_FILES_H
#define SOURCE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "core/span.h"

/* Why an object can no longer be read as it was listed. */
enum object_loss {
    OBJECT_LOSS_NONE,
    OBJECT_LOSS_GONE,    /* it is not there any more */
    OBJECT_LOSS_CHANGED, /* it is another one by now */
};

/* Bytes that are no file. */
struct object_bytes {
    void *context;
    /* Waits for some; 0 at the end, -1 with `err`. */
    ssize_t (*read)(void *context, char *to, size_t room, struct err *err);
    enum object_loss (*loss)(void *context); /* why read failed; NULL: nothing is known of that */
    void (*close)(void *context);
};
struct object;
struct object_opener {
    void *context;
    bool (*open)(void *context, const struct object *o, struct object_bytes *to, struct err *err);
};

struct object {
    char *path;        /* owned; "-" is standard input */
    uint64_t size;     /* bytes, as far as known beforehand; 0 for pipes */
    uint64_t start;    /* the stretch of the file to read: text that begins in [start, end) */
    uint64_t end;      /* UINT64_MAX: to the end */
    bool regular_only; /* a pipe that took its place since it was found is not waited for */
    bool has_time;
    int64_t time_ms;                    /* when the first of its records arrived, by its name */
    uint64_t sequence;                  /* order in which it was found: by path, argument by argument */
    const struct object_opener *opener; /* borrowed; NULL: a file. Then path says where it is, for people */
    char *etag;                         /* owned; which object it is, for the opener; NULL: none */
};

struct object_list {
    struct object *objects; /* owned */
    size_t count, capacity;
    uint64_t total_size;
    size_t skipped;  /* links, sockets, devices found in folders: left out */
    size_t left_out; /* files found below Firehose's folders of errors */
};

void object_list_deinit(struct object_list *list);

/* Adds what `path` names: a file (also a pipe or device, when named itself), "-", a folder with everything below it (in
 * byte order of the keys; regular files only, links are not followed, hidden ones are left out, and what Firehose put
 * below folders of errors, unless `path` lies in one), or a glob pattern of those. False if there is no such thing. */
bool files_add(struct object_list *list, const char *path, struct err *err);
bool files_add_all(struct object_list *list, const char *path, bool errors, struct err *err); /* errors: these too */

/* Adds an object as it is but for its sequence; its strings become the list's. */
void object_list_add(struct object_list *list, const struct object *o);

/* Sorts by time (see object.time_ms), then by the order found. Objects without a time keep their place in front. */
void files_sort(struct object_list *list);

/* The time in an object's key as Firehose writes it: "...-2026-11-21-23-34-30-<uuid>", or a path with
 * .../2026/11/21/23/ (also year=2026/month=11/day=21/hour=23). False if there is none. */
bool files_key_time(const char *path, int64_t *time_ms);
bool files_name_time(const char *path, int64_t *time_ms); /* of the name alone */

/* Whether a folder's name is one below which Firehose puts what it could not deliver ("processing-failed", also behind
 * a "word=" and before a year); whether a path has such a folder. */
bool files_is_error_folder(struct span name);
bool files_is_error_key(const char *path);

#endif
