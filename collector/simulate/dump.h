/* Where the records go: standard output, or a folder of objects as Firehose lays them out. */
#ifndef SIMULATE_DUMP_H
#define SIMULATE_DUMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

enum dump_framing {
    DUMP_NEWLINE, /* a line feed after each record, as SES does */
    DUMP_NONE,    /* one after the other */
    DUMP_PRETTY,  /* each over many lines */
    DUMP_ARRAY,   /* one JSON array for an object */
    DUMP_CRLF,
    DUMP_FRAMINGS
};

struct dump_options {
    const char *folder; /* NULL: write to `fd` */
    int fd;
    const char *stream;   /* the delivery stream's name, part of every object's */
    uint64_t object_size; /* bytes before compression */
    int64_t interval_ms;  /* an object ends so long after its first record at the latest; 0: 300 s */
    uint64_t max_bytes;   /* 0 = no end */
    uint64_t seed;        /* of the objects' names */
    enum dump_framing framing;
    bool gzip;
    /* NULL: `fd` is waited for as long as it takes. Else only until this is true, and DUMP_GRACE_MS: what it does not
     * take by then is left out. */
    const atomic_bool *stop;
};

enum { DUMP_GRACE_MS = 300 };

struct dump;

/* Returns new; NULL on failure. Borrows the texts of the options. */
struct dump *dump_open(const struct dump_options *options, struct err *err);

/* `arrival_ms`: never before the last one's. On failure `err` says why; of a reader that went away it says nothing:
 * dump_is_closed() is true then. */
bool dump_write(struct dump *d, struct span record, int64_t arrival_ms, struct err *err);
bool dump_is_full(const struct dump *d);   /* max_bytes are written */
bool dump_is_closed(const struct dump *d); /* nobody reads any more, or was waited for any longer */
bool dump_left_out(const struct dump *d);  /* the latter: there was a reader, who took nothing */
uint64_t dump_bytes(const struct dump *d); /* of JSON, before compression */
uint64_t dump_objects(const struct dump *d);

/* For who follows the clock: hands over what was written so far. To a descriptor all of it; of a folder's object that
 * is open nothing, unless it is `interval_ms` old at `now_ms`: then it is ended, also when no further record comes. */
bool dump_flush(struct dump *d, int64_t now_ms, struct err *err);
void dump_set_interval(struct dump *d, int64_t interval_ms); /* from now on; not 0 */
int64_t dump_due_ms(const struct dump *d); /* when dump_flush has something to end; INT64_MAX: nothing is open */

/* Ends the last object. */
bool dump_finish(struct dump *d, struct err *err);
void dump_destroy(struct dump *d); /* removes an unfinished object. NULL is allowed */

#endif
