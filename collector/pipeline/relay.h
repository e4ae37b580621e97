/* Work shared by several threads, whose results come back in one order.
 *
 *     objects, in order          one worker each at a time              this thread, in the objects' order
 *     o1 o2 o3 o4 ...  ──claim──> read, parse, fill pieces  ──pieces──> take them, one by one
 *
 * Workers take whole objects (or stretches of a big plain file). Their pieces wait, object by object, until it is their
 * turn; a worker that is ahead waits when the pieces run out, except the one whose turn it is. */
#ifndef PIPELINE_RELAY_H
#define PIPELINE_RELAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "source/files.h"

/* The beginning of whatever the caller's pieces are. */
struct relay_piece {
    struct relay_piece *next;
};

struct relay_lane; /* a worker's way to the pieces */

struct relay {
    const struct object_list *objects; /* borrowed; sorted; big ones may be cut into stretches */
    unsigned threads;                  /* at least 1 */
    size_t pieces;                     /* at most so many are made */
    size_t reserve;                    /* and so many of them are kept for the worker whose object is next */
    const atomic_bool *stop;           /* true: no more is taken; NULL: only `take` stops */
    bool may_hang;                     /* RELAY_HUNG is allowed; else a stop waits for workers that wait for input */
    void *context;

    /* Pieces. `make` is called on any thread. */
    struct relay_piece *(*make)(void *context);
    void (*destroy)(struct relay_piece *piece);

    /* A worker: opened and closed on the caller's thread. `read` reads an object to its end (or damage: `err`), and is
     * false when relay_take said that the run is stopped. */
    void *(*open)(void *context, struct relay_lane *lane);
    bool (*read)(void *worker, const struct object *object, struct err *err);
    void (*close)(void *worker);

    /* On the caller's thread, in order: a piece of an object, which goes back to the pool when `take` returns (false
     * stops the run); and after its last piece the object's end, with what kept it from being read whole, or NULL. */
    bool (*take)(void *context, const struct object *object, struct relay_piece *piece);
    void (*end)(void *context, const char *trouble);
};

enum relay_result {
    RELAY_DONE,
    RELAY_STOPPED,
    RELAY_HUNG, /* stopped, but a worker waits for input that does not come: what it was given must not be freed, and
                 * the process had better end */
};

enum relay_result relay_run(const struct relay *r);

/* An empty piece to fill, as `make` made it or `take` left it. NULL: the run is stopped. */
struct relay_piece *relay_take(struct relay_lane *lane);
void relay_give(struct relay_lane *lane, struct relay_piece *piece);

#endif
