/* A source of the service: a thread that turns bytes from somewhere into batches, and says how far they reach.
 *
 *     source thread:  port->take() .. fill .. port->give(chain)         bounded: take waits when counting is slower
 *     counting thread: apply .. commit .. stream->committed0 = position  the source may acknowledge what is committed
 *
 * What is given is counted in that order; what was given and not committed when the process dies is read again, from
 * the position that was. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "model/batch.h"
#include "model/snapshot.h"
#include "parsers/json_index.h"
#include "parsers/normalise.h"

/* What the pipeline offers to a source. Thread-safe; outlives it. */
struct source_port {
    void *context;
    /* An empty batch; waits for one. NULL: stop now. */
    struct batch *(*take)(void *context);
    /* Takes a chain of batches of one stream, in their order; the last one ends between two records. */
    void (*give)(void *context, struct batch *chain);
};

/* A position that an earlier run committed. */
struct saved_position {
    const char *stream; /* borrowed */
    struct position position;
};

struct source;

enum source_kind { SOURCE_KAFKA, SOURCE_FILES, SOURCE_S3, SOURCE_SQS, SOURCE_PUSH, SOURCE_KINDS };

/* What a kind of source does. Only collector/pipeline/sources.c names the kinds. */
struct source_ops {
    const char *kind;
    /* The thread's body: until *stop is true, or there is nothing more to read (exit at end). Checks stop at least ten
     * times a second. False when the source can never go on (`err`). */
    bool (*run)(struct source *s, struct err *err);
    /* Fills caught_up, trouble, partitions, and what else of the row the source knows; called by the counting thread.
     */
    void (*status)(struct source *s, struct source_row *row);
    /* Frees everything; after run has returned. */
    void (*close)(struct source *s);
};

/* The first member of every concrete source. */
struct source {
    const struct source_ops *ops;
    char *name;     /* owned by the concrete source; its label */
    unsigned index; /* of its accounting */
    const struct source_port *port;
    const struct dictionary *dictionary;
    enum json_isa isa;
    bool keep_notes;      /* somebody wants what is malformed or unknown */
    bool keep_exemplars;  /* somebody wants messages as examples of what is counted */
    bool exit_at_end;     /* run returns when everything there is was read */
    const char *state_id; /* says which state file counts this; "" without one */
    atomic_bool stop;
    atomic_bool done; /* run has returned */
};

#endif
