/* Everything that must survive the process, in one SQLite file: one connection, one thread, one transaction at a time.
 *
 *     store_begin .. store_put_* .. store_commit        all of it or nothing; only then may anyone see or acknowledge
 * it
 *
 * WAL, synchronous=FULL, exclusive lock. Integers of rows are SQLite integers, values of cells are bytes as the
 * caller gives them: their shape belongs to STORE_SCHEMA, which changes when they do. Not thread-safe. */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/batch.h"
#include "model/state_io.h"

enum { STORE_SCHEMA = 1, STORE_APPLICATION_ID = 0x53455343 /* "SESC" */ };

enum store_result {
    STORE_OK,
    STORE_FULL,   /* no room: nothing was changed; try again later */
    STORE_FAILED, /* what is on the disk is not known any more, or cannot be changed: end the process */
};

enum store_refusal {
    STORE_REFUSED_NONE,
    STORE_REFUSED_LOCKED,  /* another instance has it */
    STORE_REFUSED_FOREIGN, /* no state of ours */
    STORE_REFUSED_NEWER,   /* of a later version */
    STORE_REFUSED_CORRUPT,
    STORE_REFUSED_SYSTEM, /* missing folder, no permission, read-only */
};

struct store;

/* Opens or makes the file (0600); NULL path: in memory, gone when it is closed. NULL when it is refused: the file is
 * left as it is, `why` and `err` say why and what to do. Returns new. */
struct store *store_open(const char *path, enum store_refusal *why, struct err *err);
void store_close(struct store *s); /* rolls back what was not committed; NULL is allowed */

bool store_is_new(const struct store *s);    /* nothing was ever committed */
uint64_t store_bytes(const struct store *s); /* of the file and its log */

/* A failing put makes the commit fail in the same way: only the commit's result need be looked at. */
void store_begin(struct store *s);
enum store_result store_commit(struct store *s, struct err *err);

/* Cells: a value for a table (any small number of the caller's), an index and a key. */
void store_put_cell(struct store *s, int table, int64_t index, uint64_t key, struct span value);
void store_drop_cell(struct store *s, int table, int64_t index, uint64_t key);
void store_drop_cells_below(struct store *s, int table, int64_t index); /* every cell whose index is less */
void store_drop_table(struct store *s, int table);
typedef bool (*store_cell_fn)(void *context, int64_t index, uint64_t key, struct span value);
/* By index, then key (as signed numbers). False when the function said so, or the file cannot be read (`err`). */
bool store_each_cell(struct store *s, int table, store_cell_fn each, void *context, struct err *err);

/* Keys, in sets, by hour (of happenings) or another index: appended, dropped by the index, each set by itself. Read by
 * ascending index, some at a time, within an index in no particular order. Indexes lie within STORE_INDEX_LIMIT of 0.
 */
enum { STORE_INDEX_LIMIT = 1 << 29 };
void store_add_keys(struct store *s, enum state_keys set, int64_t index, const uint64_t *keys, size_t count);
void store_drop_keys_below(struct store *s, enum state_keys set, int64_t index);
typedef bool (*store_keys_fn)(void *context, int64_t index, const uint64_t *keys, size_t count);
bool store_each_keys(struct store *s, enum state_keys set, store_keys_fn each, void *context, struct err *err);

/* Names by number, in tables ("set", "provider", ...), and single values by name in the table "meta". */
void store_put_name(struct store *s, const char *table, int64_t id, struct span name);
typedef bool (*store_name_fn)(void *context, int64_t id, struct span name);
bool store_each_name(struct store *s, const char *table, store_name_fn each, void *context,
                     struct err *err); /* by id */
void store_put_value(struct store *s, const char *name, struct span value);
/* False when there is none. Copies at most `size` bytes; *len is the value's length. */
bool store_get_value(struct store *s, const char *name, void *to, size_t size, size_t *len);

/* Positions of streams. */
void store_put_position(struct store *s, const char *source, const char *stream, const struct position *p);
void store_drop_position(struct store *s, const char *source, const char *stream);
typedef bool (*store_position_fn)(void *context, const char *stream, const struct position *p);
bool store_each_position(struct store *s, const char *source, store_position_fn each, void *context, struct err *err);

/* What is to be told to someone, until it was: by ascending id. */
void store_put_outbox(struct store *s, uint64_t id, const char *target, struct span message);
void store_drop_outbox(struct store *s, uint64_t id);
typedef bool (*store_outbox_fn)(void *context, uint64_t id, const char *target, struct span message);
bool store_each_outbox(struct store *s, store_outbox_fn each, void *context, struct err *err);

#endif
