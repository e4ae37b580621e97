/* A consumer of a group and a producer with transactions, joined: what is made of each message is written to another
 * topic in the same transaction as the position behind it, so that readers of committed messages see it exactly once
 * (docs/kafka.md, "Normalising workers"; docs/adr/0029). What it is that is made of a message, a callback says.
 *
 *     begin, messages > callback > produce, ..., send the positions, commit        at most every `interval_ms`
 *
 * The group's generation goes with the positions: a member that was thrown out cannot commit. What a transaction holds
 * is kept until it is committed, so one that must be aborted is done again without reading anything twice. Partitions
 * that are taken away are committed first, or forgotten. */
#ifndef SOURCE_KAFKA_TRANSFORM_H
#define SOURCE_KAFKA_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/snapshot.h"
#include "source/kafka.h"

/* Of the configuration file; owned by it, but for `source`. */
struct kafka_transform_options {
    char *topic;                       /* that is written to; NULL: there is nothing to transform */
    char *instance;                    /* transactional.id; NULL: of host and group */
    struct kafka_property *properties; /* of the producer, beside the source's */
    size_t property_count;
    int64_t interval_ms;
    const struct kafka_options *source; /* mode KAFKA_GROUP; its dead letter topic is ours; borrowed */
};

/* Without connecting: false with `err` for what librdkafka does not take, or what cannot be. Does not look at the
 * source's own options (kafka_options_check). */
bool kafka_transform_check(const struct kafka_transform_options *o, struct err *err);

/* What became of a message. The callback adds to it. */
struct kafka_transformed {
    struct accounting accounting; /* read, malformed, filtered; `counted`: records written */
    uint64_t events;              /* in the records written */
    bool is_dead;                 /* the message is to go to the dead letters, for this reason: */
    enum malformed_reason reason;
};

struct kafka_transform;

/* One message's value (without a schema registry's prefix), on the thread that runs. */
typedef void kafka_transform_fn(void *context, struct kafka_transform *t, struct span value,
                                struct kafka_transformed *made);
/* From within the callback: writes a message that holds so many events. Copies. An empty key is none. */
void kafka_transform_put(struct kafka_transform *t, struct span key, struct span value, uint64_t events);

/* The options are borrowed. Returns new; NULL with `err`. Connects only when it runs. */
struct kafka_transform *kafka_transform_open(const struct kafka_transform_options *o, kafka_transform_fn *make,
                                             void *context, bool exit_at_end, struct err *err);
/* Until it is stopped, whatever brokers do; or, with exit_at_end, until the partitions that it was given are read. */
void kafka_transform_run(struct kafka_transform *t);
/* These from any thread. Stopping is answered within about 4 seconds with no broker there; by brokers that hold their
 * connections and say nothing, librdkafka may be kept for as long as a transaction may take. */
void kafka_transform_stop(struct kafka_transform *t);
bool kafka_transform_is_done(const struct kafka_transform *t);
int64_t kafka_transform_beat_ns(const struct kafka_transform *t); /* when it last was alive */

/* Fills the row, and what is said of workers. `not_ready`: why not, empty when all is well. */
void kafka_transform_status(struct kafka_transform *t, struct source_row *row, struct worker_row *worker,
                            char *not_ready, size_t size);
void kafka_transform_close(struct kafka_transform *t); /* after run has returned */

#endif
