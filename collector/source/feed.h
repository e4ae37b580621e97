/* Reads one object after the other into chains of batches, with the position of each in its ledger entry: what the
 * sources that read objects (folders, buckets, queues that name objects) have in common. The source thread's.
 *
 * An object that was read in part goes on behind the text that was given; one that is another by now (its version) is
 * read from the beginning, and what was counted is known. */
#ifndef SOURCE_FEED_H
#define SOURCE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/batcher.h"
#include "source/ledger.h"
#include "source/object.h"
#include "source/source.h"

struct feed {
    struct source *source; /* borrowed: port, stop, index, name */
    struct object_reader *reader;
    struct batcher batcher;
    struct ledger_entry *entry;      /* being read */
    bool in_text;                    /* it is a text that is there as a whole: its entry is the source's business */
    bool ended;                      /* its text, and how it ended was counted */
    uint64_t text_at;                /* what of its text went to the batcher */
    uint64_t bytes_read;             /* of a text: what was handed over */
    uint64_t bytes_given;            /* what of its bytes stands in batches */
    struct batch *chain, *chain_end; /* held: a record goes on behind it */
};

/* On the source's thread, after the pipeline has filled in the source. */
void feed_init(struct feed *f, struct source *source);
void feed_deinit(struct feed *f); /* gives what is still at hand */

enum feed_result {
    FEED_READ,       /* to its end, well or damaged or of a format that is not read: counted, and said in the log */
    FEED_UNREADABLE, /* the system or the store refused (`err`): counted once, to be tried again */
    FEED_GONE,       /* it is not there any more (`err`); nothing was counted of how it ended */
    FEED_CHANGED,    /* it is another object by now (`err`): list again; what was read of it stands */
    FEED_STOPPED,
};
/* `entry->size` and `version` say which object it is. Text that is at hand (feed_text) is given before. */
enum feed_result feed_object(struct feed *f, const struct object *object, struct ledger_entry *entry, struct err *err);

/* A text that is there as a whole: of a queue, of a push. Given as a chain of `entry`'s stream, with the position that
 * the entry shows then, when `flush` is true, the batch is full, or what follows is of another entry. False when
 * stopped: the text may have been given in part. */
bool feed_text(struct feed *f, struct span text, struct ledger_entry *entry, bool flush);

/* Gives a batch without events, so that the entry's position is committed as it stands; `forget`: the entry is reset,
 * and its position removed from the state. False when stopped. */
bool feed_position(struct feed *f, struct ledger_entry *entry, bool forget);

/* Everything that was given of it is committed. */
bool feed_is_committed(const struct ledger_entry *entry);

#endif
