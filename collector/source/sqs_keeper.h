/* The messages that are in hand: keeps them invisible to others while they are read and until what came of them is
 * committed, then deletes them. A thread of its own, since reading one big object may take longer than a message stays
 * invisible.
 *
 *     source's thread:  hold .. read .. await an entry, and another .. settle
 *     keeper's thread:  extend, extend, ..                                     all committed: delete
 *                                                                              left: invisible for a while, let go */
#ifndef SOURCE_SQS_KEEPER_H
#define SOURCE_SQS_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/sqs.h"
#include "source/ledger.h"

enum {
    SQS_HELD_MAX = 1000,
    SQS_HOLD_MAX_MS = 11 * 3600 * 1000, /* SQS hides a message for 12 h at most: given back before that */
    SQS_END_MS = 500                    /* what giving back at the end may take */
};

enum sqs_held_state {
    SQS_HELD_READING,
    SQS_HELD_READ, /* to be deleted once what it waits for is committed */
    SQS_HELD_LEFT, /* not to be deleted: it shall come again */
};

/* Chains of an entry that have to be committed. */
struct sqs_awaited {
    struct ledger_entry *entry; /* borrowed */
    uint64_t chains;
};

struct sqs_held {
    char *id, *receipt; /* owned */
    enum sqs_held_state state;
    struct sqs_awaited *awaited; /* owned; the source's until it is settled */
    size_t awaited_count;
    unsigned left_s;     /* LEFT: invisible for so long from now on */
    int64_t received_ns; /* when it came (last) */
    int64_t hidden_ns;   /* when it was hidden last ... */
    int64_t hidden_ms;   /* ... and for how long */
    int64_t retry_ns;    /* after a failed call: not before */
    unsigned tries;      /* to delete it */
    bool expired;        /* it cannot be kept hidden any more */
    int64_t first_ms;    /* wall clock: sent, or received if it was before or that is not known */
};

struct sqs_keeper {
    struct aws_session *session;   /* borrowed */
    const struct sqs_queue *queue; /* borrowed */
    const char *name;              /* of the source */
    int64_t visibility_ms;
    atomic_bool stop; /* calls that go on end */
    atomic_bool cut;  /* those of the end too */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t change;
    struct sqs_held **held; /* owned, and each of them; removed only by the keeper */
    size_t count;
    bool ended;
    int64_t end_ns; /* when all has to be over; 0: not yet */
    uint64_t deleted;
    struct err trouble; /* of the last call */
};

/* Borrows all. */
void sqs_keeper_init(struct sqs_keeper *k, struct aws_session *session, const struct sqs_queue *queue, const char *name,
                     int64_t visibility_ms);
void sqs_keeper_deinit(struct sqs_keeper *k); /* after the end */

void sqs_keeper_start(struct sqs_keeper *k);
/* Deletes what is committed and makes visible what is not, as far as SQS_END_MS goes. Nothing if it was not started. */
void sqs_keeper_end(struct sqs_keeper *k);

/* Takes the message into hand. NULL: it is in hand already, and was only given another receipt. There must be room. */
struct sqs_held *sqs_keeper_hold(struct sqs_keeper *k, const struct sqs_message *m, int64_t now_ns, int64_t now_ms);

/* What was given of the entry until now has to be committed before the message may be deleted. */
void sqs_keeper_await(struct sqs_held *held, struct ledger_entry *entry);

/* The message is done with, as far as the source goes, and must not be touched by it any more. */
void sqs_keeper_settle(struct sqs_keeper *k, struct sqs_held *held, enum sqs_held_state state, unsigned left_s);

size_t sqs_keeper_count(struct sqs_keeper *k); /* in hand */
/* Whether one is in hand that was sent before `ms`, and will not come again. */
bool sqs_keeper_has_older(struct sqs_keeper *k, int64_t ms);
uint64_t sqs_keeper_deleted(struct sqs_keeper *k, struct err *trouble);

/* Sets `seen` of all entries that something in hand waits for. The source's thread. */
void sqs_keeper_mark(struct sqs_keeper *k, uint64_t seen);

/* One round of what the thread does, for tests. */
void sqs_keeper_turn(struct sqs_keeper *k, int64_t now_ns);

#endif
