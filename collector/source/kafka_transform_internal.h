/* What the files of kafka_transform.h share. One thread runs (kafka_transform_run): it reads, calls back, produces and
 * commits, and librdkafka's callbacks come on it. Others ask for the status only. */
#ifndef SOURCE_KAFKA_TRANSFORM_INTERNAL_H
#define SOURCE_KAFKA_TRANSFORM_INTERNAL_H

#include "core/buf.h"
#include "source/kafka_internal.h"
#include "source/kafka_transform.h"

/* What one transaction holds at most; a message is never divided, so a little more is possible. */
enum { TRANSFORM_MESSAGES = 50000, TRANSFORM_BYTES = 32 << 20, TRANSFORM_BYTES_OF_FEW = 4 << 20, TRANSFORM_TEXT = 256 };

/* A partition that is ours. */
struct transform_partition {
    char *topic; /* owned */
    int32_t number;
    int64_t next;      /* behind the last message that was taken; -1: none yet, and no position */
    int64_t committed; /* shown: behind the last one that is committed, as far as we know; -1: the same */
    bool touched;      /* the transaction at hand has something of it */
    bool at_end;       /* everything there was, was taken */
    bool is_damaged;   /* a broken batch was left out: what is missing is counted with the next message */
    bool out_of_range; /* there is no such offset: it is to be pointed elsewhere */
    rd_kafka_resp_err_t trouble;
    struct kafka_transformed pending; /* of the transaction at hand */
    uint64_t dead, dead_failed;       /* the same */
};

/* How a message is sent: with others as the client likes; with few others; alone; not at all. One that came back as too
 * large goes a step on: the fault may be another's of its batch. */
enum send_with { SEND_WITH_ALL, SEND_WITH_FEW, SEND_ALONE, SEND_NEVER };

struct transform_output {
    struct transform_partition *from;
    size_t key_at, key_len, value_at, value_len; /* in `text` */
    rd_kafka_message_t *dead;                    /* a dead letter instead; owned */
    enum malformed_reason reason;
    uint64_t events; /* in it */
    enum send_with with;
};

struct kafka_transform {
    struct kafka_handle handle;
    const struct kafka_transform_options *options; /* borrowed */
    kafka_transform_fn *make;
    void *context;
    bool exit_at_end;
    char *instance, *group; /* owned: transactional.id, group.id */
    atomic_bool stop, done;
    _Atomic int64_t beat_ns;

    pthread_mutex_t lock;                    /* what the status reads: all to the next blank line is written under it */
    rd_kafka_t *consumer, *producer;         /* NULL: not connected */
    struct transform_partition **partitions; /* of an entry only `committed`, `at_end` and `trouble` */
    size_t partition_count;
    bool is_member, brokers_down;
    char trouble[TRANSFORM_TEXT]; /* "": none */
    struct accounting accounting; /* of what is committed, as all that follows */
    struct worker_row worker;
    uint64_t messages_lost, dead_letters, dead_letters_failed;

    struct nudge *nudge;
    unsigned since_nudge;
    bool left_behind;     /* a client that does not end still looks at us */
    bool closing, broken; /* the clients are to be made anew, for this reason: */
    bool was_fenced;
    char why_broken[TRANSFORM_TEXT];
    unsigned failures; /* one after the other: the pauses grow */
    int64_t connected_ns;

    /* The transaction at hand, and what it holds; without one, what is to be done again. */
    bool in_transaction, must_abort;
    uint32_t attempt; /* delivery reports of an earlier one say nothing of this one */
    struct transform_output *outputs;
    size_t output_count, output_room, held_bytes;
    struct buf text;
    enum send_with least;               /* a batch was too large for its topic: no more than a few from then on */
    size_t refused_size[2];             /* of records, of dead letters: what the topic did not take; 0: nothing */
    int64_t refused_ns[2];              /* when it did not: topics are altered, so it is tried again after a while */
    struct transform_partition *taking; /* within the callback */
    size_t messages;
    int64_t began_ns; /* when its first message was taken */
    char why_aborted[TRANSFORM_TEXT];
};

static inline bool transform_is_stopping(const struct kafka_transform *t) {
    return atomic_load(&t->stop);
}

/* --- kafka_transform.c -------------------------------------------------------------------------------------------- */

void transform_beat(struct kafka_transform *t);
/* Whether it is one of the clients at hand: one that was left behind may still call. Any thread. */
bool transform_is_ours(struct kafka_transform *t, const rd_kafka_t *rk);
void transform_set_trouble(struct kafka_transform *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Only new clients can go on. Takes the error, which may be NULL. */
void transform_break(struct kafka_transform *t, const char *what, rd_kafka_error_t *error);

/* --- kafka_transform_options.c ------------------------------------------------------------------------------------ */

char *kafka_transform_instance(const struct kafka_transform_options *o, const char *group); /* returns new */
/* Returns new, without callbacks; NULL with `err`. */
rd_kafka_conf_t *kafka_transform_producer_conf(const struct kafka_transform_options *o, const char *instance,
                                               struct err *err);

/* --- kafka_transform_read.c --------------------------------------------------------------------------------------- */

void transform_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *transform);
/* Takes messages until the transaction is full or old enough, or something else than a message comes; at least one
 * look, of at most `wait_ms`. */
void transform_collect(struct kafka_transform *t, int wait_ms);
bool transform_is_due(const struct kafka_transform *t); /* what is held is to be committed */
void transform_relocate(struct kafka_transform *t);     /* those out of range; only while nothing is held */
void transform_forget_all(struct kafka_transform *t);

/* --- kafka_transform_commit.c ------------------------------------------------------------------------------------- */

void transform_add_dead(struct kafka_transform *t, struct transform_partition *p, rd_kafka_message_t *m,
                        enum malformed_reason reason); /* takes the message */
/* Commits what is held. False: nothing was committed, and it is held still, unless the transform is broken. Takes up to
 * about `limit_ms`, and as long again to abort. */
bool transform_settle(struct kafka_transform *t, int limit_ms);
/* Forgets what is held of the partition; only outside a transaction. */
void transform_drop(struct kafka_transform *t, const struct transform_partition *p);
void transform_drop_all(struct kafka_transform *t);
void transform_abort(struct kafka_transform *t, int limit_ms);
void transform_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *handle);
void transform_deinit_held(struct kafka_transform *t);

#endif
