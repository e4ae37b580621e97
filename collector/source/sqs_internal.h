/* What the parts of the queue's source share. */
#ifndef SOURCE_SQS_INTERNAL_H
#define SOURCE_SQS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "aws/s3.h"
#include "aws/sqs.h"
#include "source/feed.h"
#include "source/ledger.h"
#include "source/s3_ahead.h"
#include "source/sqs.h"
#include "source/sqs_keeper.h"

/* A bucket whose objects may be read. */
struct sqs_bucket {
    struct s3_bucket bucket;
    struct s3_ahead *ahead;
    struct object_list due; /* of the messages at hand */
};

/* Messages, each time they come. */
struct sqs_counts {
    _Atomic uint64_t received, redelivered;
    _Atomic uint64_t refused;  /* left, since they name an object that may not be read */
    _Atomic uint64_t deferred; /* left, since an object could not be read */
    _Atomic uint64_t ignored;  /* with nothing in them to be read */
};

/* With what messages are about. */
struct sqs_trouble {
    struct err err;
    int64_t seen_ns; /* the last time; monotonic */
};

struct sqs_source {
    struct source source; /* first */
    struct sqs_options options;
    struct sqs_queue queue;
    struct aws_session *session;    /* for the queue */
    struct aws_session *s3_session; /* for the objects; may be the same */
    struct sqs_bucket *buckets;     /* option.bucket_count of them */
    struct ledger ledger;
    struct ledger_entry *texts; /* the stream of what stands in messages themselves */
    struct feed feed;
    struct sqs_keeper keeper;
    uint64_t pass; /* number of the last time that entries were marked */
    struct sqs_counts counts;
    size_t failing; /* entries whose last attempt failed, and that may be tried again */
    uint64_t left;  /* messages that were left, by this run */

    atomic_bool fresh;          /* the last answer of the queue had nothing but what was sent just now */
    pthread_mutex_t lock;       /* for what follows */
    struct err trouble;         /* with the queue */
    struct sqs_trouble missing; /* with objects that cannot be read */
    struct sqs_trouble refused; /* with objects that must not be read */
};

enum { SQS_FRESH_MS = 60000 /* what was sent longer ago is a backlog */ };

/* Reads what the messages are about, and settles them. False when stopped. */
bool sqs_read(struct sqs_source *q, const struct sqs_received *r);

/* Forgets objects that no message will name any more, so many at a time; `all`: there are no more of them. False when
 * stopped. */
bool sqs_prune(struct sqs_source *q, int64_t now_ms, bool *all);

#endif
