/* A pass over objects that counts nothing: every record goes, on a worker's thread, to a visitor, which writes what it
 * makes of it into a buffer; the buffers come to the caller's thread in the objects' order (pipeline/relay.h), so that
 * the result does not depend on the number of workers. No record is late, future or a duplicate here. */
#ifndef PIPELINE_SCAN_H
#define PIPELINE_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/span.h"
#include "model/snapshot.h"
#include "parsers/frame.h"
#include "parsers/inflate.h"
#include "pipeline/replay.h"
#include "sinks/quarantine.h"
#include "source/files.h"

/* A buffer is handed over once SCAN_FULL bytes are in it; what a visitor writes between two calls of scan_room is at
 * most SCAN_LIMIT - SCAN_FULL. At most SCAN_BUFFERS are made. */
enum { SCAN_FULL = 256 << 10, SCAN_LIMIT = 2 << 20, SCAN_BUFFERS = 64 };

/* Where a visitor writes. */
struct scan_out;
struct buf *scan_buf(struct scan_out *out);

/* To be called before each piece that a record becomes: hands a full buffer over. False when the run is stopped: then
 * there is no buffer, and the visitor returns. */
bool scan_room(struct scan_out *out);

/* What became of a record, for the last line. */
enum scan_verdict { SCAN_TAKEN, SCAN_PASSED };

struct scan {
    struct object_list *objects;         /* borrowed; sorted; big ones may be cut into stretches */
    struct quarantine *quarantine;       /* borrowed; NULL: none */
    const struct inflate_limits *limits; /* NULL: defaults */
    enum json_isa isa;
    const struct span *tag_names; /* borrowed; tags that records shall carry, at most EVENT_MAX_TAGS */
    unsigned tag_count;
    unsigned threads;        /* at least 1 */
    const atomic_bool *stop; /* NULL: only `take` and on_progress stop */
    void *context;

    /* A worker's own: opened and closed on the caller's thread, used on the worker's. */
    void *(*open)(void *context);
    enum scan_verdict (*visit)(void *visitor, const struct ses_event *record, struct scan_out *out);
    void (*close)(void *visitor);

    /* On the caller's thread: what was written, in order. `idle`: the input paused, nothing more may come for long.
     * False stops the run. */
    bool (*take)(void *context, struct span text, bool idle);
    bool (*on_progress)(void *context, const struct replay_progress *progress); /* may be NULL; false stops the run */
    void (*on_trouble)(void *context, const char *text);                        /* may be NULL */

    /* The result. `counted` are the records taken, `filtered` those that are no sending events. */
    struct accounting accounting;
    uint64_t passed;
    bool hung; /* after a stop: a worker waits for input, nothing it uses may be freed */
};

/* False only when it was stopped. May be called again: the result starts from 0. */
bool scan_run(struct scan *s);

#endif
