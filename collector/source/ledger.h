/* Which objects were read, and how far. One thread's.
 *
 * Position of an object: n[0] the next byte of its decoded text, n[1] size and n[2] version (a file's time of change in
 * ns; a hash of an ETag) of the object that was read, n[3] 1 when it was read to its end, n[4] the source's own time
 * for it (ms: what pruning goes by), n[5] since when the store refuses it (ms; 0: it does not). */
#ifndef SOURCE_LEDGER_H
#define SOURCE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/map.h"
#include "source/source.h"

/* What is known of an object. It stays where it is until it is dropped: the counting thread holds on to its stream. */
struct ledger_entry {
    struct stream stream;      /* named by the path, or bucket/key */
    int64_t size, version;     /* of the object that what follows is about; size -1: of none */
    int64_t offset;            /* text before it was given, up to the end of a record */
    bool done;                 /* all of it was given */
    int64_t time_ms;           /* the source's own */
    int64_t refused_ms;        /* wall clock: since when it cannot be read; 0: nothing is known of that */
    bool kept;                 /* the state has a position of it, or will have */
    uint64_t given;            /* chains given of it, by this run */
    bool complained;           /* that it cannot be read was counted already */
    uint64_t seen;             /* number of the last listing that had it */
    unsigned missed;           /* whole listings in a row that did not */
    bool first;                /* the first listing had it */
    unsigned attempts;         /* that failed, in a row */
    unsigned moved;            /* in a row: it was not what was listed when it was to be read */
    int64_t retry_ns;          /* monotonic: not before */
    bool archived;             /* the store keeps it where it cannot be read at once */
    size_t at;                 /* in ledger.entries */
    struct ledger_entry *next; /* with the same hash */
};

struct ledger {
    struct hash_key key;
    struct map by_name;            /* hash -> struct ledger_entry *, or NULL where the last one was dropped */
    struct ledger_entry **entries; /* owned, and each of them; in no order */
    size_t count, capacity;
};

void ledger_init(struct ledger *l);
void ledger_deinit(struct ledger *l);

/* The object's entry; a new one of which nothing is known if there was none. */
struct ledger_entry *ledger_at(struct ledger *l, const char *name);
struct ledger_entry *ledger_find(const struct ledger *l, const char *name); /* NULL: none */

/* What an earlier run committed. */
void ledger_restore(struct ledger *l, const struct saved_position *saved);

/* Frees an entry of which nothing is kept and all that was given is committed. The last entry takes its place in
 * `entries`: whoever walks them and drops goes backwards. */
void ledger_drop(struct ledger *l, struct ledger_entry *entry);

/* Nothing of it was read, or what was read does not count any more. Its time, and what was given, stay. */
void ledger_entry_reset(struct ledger_entry *entry);

struct position ledger_entry_position(const struct ledger_entry *entry);

/* An ETag, or whatever else says which object it is, as a version: a hash that is the same in every life of the
 * process, unlike the tables', since it stands in the state. NULL is as good as "". */
int64_t ledger_version(const char *tag);

#endif
