/* A batch run: objects in, counted, in the same result whatever the number of workers (pipeline/relay.h).
 *
 *     objects, in order          one worker each at a time              this thread, in the objects' order
 *     o1 o2 o3 o4 ...  ──claim──> read, inflate, frame, parse ──batches──> aggregate, quarantine, progress */
#ifndef PIPELINE_REPLAY_H
#define PIPELINE_REPLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "core/err.h"
#include "parsers/inflate.h"
#include "parsers/normalise.h"
#include "sinks/quarantine.h"
#include "source/files.h"

struct replay_progress {
    uint64_t bytes_read, bytes_total; /* total 0: not known */
    uint64_t bytes_decoded, records, malformed;
    uint64_t objects_done, objects_total;
};

struct replay {
    struct object_list *objects;         /* borrowed; sorted; big ones may be cut into stretches */
    const struct dictionary *dictionary; /* borrowed */
    struct aggregate *aggregate;         /* borrowed */
    struct quarantine *quarantine;       /* borrowed; NULL: none */
    const struct inflate_limits *limits; /* NULL: defaults */
    enum json_isa isa;
    unsigned threads;        /* at least 1 */
    const atomic_bool *stop; /* true: objects break off, and no more is counted; NULL: only on_progress stops */
    /* Called on the caller's thread after each batch; may be NULL. False stops the run. */
    bool (*on_progress)(void *context, const struct replay_progress *progress);
    /* Called on the caller's thread for each object that could not be read to its end; may be NULL. */
    void (*on_trouble)(void *context, const char *text);
    void *context;
};

/* False only when it was stopped. */
bool replay_run(struct replay *r);

/* Gives objects whose names say no time the time of the first events in them, so that an unordered folder is read in
 * the order of its events. Looks only at the beginning of each. */
void replay_find_times(struct object_list *objects, enum json_isa isa);

/* Cuts big plain files into stretches, so that several workers can share one. */
void replay_split(struct object_list *objects, unsigned threads);

#endif
