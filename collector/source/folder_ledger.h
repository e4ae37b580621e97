/* Which files were read, and how far. One thread's. */
#ifndef SOURCE_FOLDER_LEDGER_H
#define SOURCE_FOLDER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/map.h"
#include "source/source.h"

/* What is known of a file. It stays where it is as long as the ledger: the counting thread holds on to its stream. */
struct folder_file {
    struct stream stream;     /* named by the path */
    int64_t size, mtime_ns;   /* of the file that what follows is about; size -1: of none */
    int64_t offset;           /* text before it was given, up to the end of a record */
    bool done;                /* all of it was given */
    bool kept;                /* the state has a position of it, or will have */
    bool given;               /* by this run, since it was reset */
    bool complained;          /* that it cannot be read was counted already */
    uint64_t seen;            /* number of the last listing that had it */
    unsigned missed;          /* whole listings in a row that did not */
    bool first;               /* the first listing had it */
    struct folder_file *next; /* with the same hash */
};

struct folder_ledger {
    struct hash_key key;
    struct map by_path;         /* hash -> struct folder_file * */
    struct folder_file **files; /* owned, and each of them */
    size_t count, capacity;
};

void folder_ledger_init(struct folder_ledger *l);
void folder_ledger_deinit(struct folder_ledger *l);

/* The file at `path`; a new one of which nothing is known if there was none. */
struct folder_file *folder_ledger_at(struct folder_ledger *l, const char *path);

/* What an earlier run committed. */
void folder_ledger_restore(struct folder_ledger *l, const struct saved_position *saved);

/* Nothing of it was read, or what was read does not count any more. */
void folder_file_reset(struct folder_file *file);

struct position folder_file_position(const struct folder_file *file);

#endif
