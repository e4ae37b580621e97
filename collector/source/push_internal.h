/* What the parts of the push source share.
 *
 *     threads of the HTTP library: head, body ... suspended --+              +--> resumed: the answer leaves
 *     verifier (SNS only):              to_verify -> signature, certificate --+ (403, 503)
 *     source thread:                    arrived -> feed -> waiting -> committed: 200
 *     sweeper:                          whoever waits too long: 503
 *
 * A request is in one queue at a time, or in the hands of the thread that took it out of one. */
#ifndef SOURCE_PUSH_INTERNAL_H
#define SOURCE_PUSH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "aws/sns.h"
#include "aws/sns_certificates.h"
#include "http/connections.h"
#include "http/tls.h"
#include "source/feed.h"
#include "source/ledger.h"
#include "source/push.h"

enum {
    PUSH_REQUEST_ID_MAX = 256,
    PUSH_HEAD_MAX = 80 * 1024, /* 50 common attributes of 1280 bytes each are allowed to Firehose */
    PUSH_CONNECTION_MEMORY = 128 * 1024,
    PUSH_SNS_SHARE = 4, /* of the memory SNS gets so much of: who sends there is known only by what was sent */
};

/* Milliseconds from the head of a request on. Firehose waits 3 minutes for its answer, SNS 15 seconds. */
enum { PUSH_BODY_MS = 150000, PUSH_FIREHOSE_MS = 170000, PUSH_SNS_MS = 14000 };

struct push_request {
    struct push_request *next;         /* in its queue */
    struct MHD_Connection *connection; /* suspended while in a queue */
    enum push_endpoint endpoint;
    char id[PUSH_REQUEST_ID_MAX + 1]; /* of Firehose's request; "" when there is none that can be repeated */
    bool gzip, raw;
    int64_t began_ns;
    uint64_t promised; /* Content-Length; 0: not said */
    char *body;        /* owned */
    size_t len, room;
    uint64_t held;    /* bytes that are taken from the memory for it */
    uint64_t ticket;  /* number of chains that must be committed */
    unsigned status;  /* of the answer; 0: not known yet */
    const char *text; /* a literal: what is wrong */
};

/* A connection, and the request that it brings at present. */
struct push_visit {
    struct connection connection; /* first */
    struct push_request request;
    bool seen, odd_target;
    uint64_t discarded;   /* bytes of a body that is refused already */
    uint64_t renewed_len; /* what had come when its time was last renewed */
};

struct push_queue {
    struct push_request *first, **last;
    size_t count;
};

struct push {
    struct source source; /* first */
    struct push_options options;
    int listen_fd;
    struct http_tls tls;
    struct connections connections;
    struct MHD_Daemon *library;
    pthread_t sweeper, verifier;
    bool sweeps, verifies;              /* those threads run */
    atomic_bool closing;                /* nothing is taken any more */
    atomic_bool swept;                  /* the sweeper shall end */
    _Atomic uint64_t held, held_by_sns; /* bytes */
    _Atomic uint64_t answered[PUSH_ENDPOINTS][PUSH_RESULTS];

    pthread_mutex_t lock; /* over the queues and the trouble */
    pthread_cond_t changed;
    struct push_queue to_verify, arrived, waiting;
    struct err trouble;
    int64_t trouble_ns;

    /* The source thread's. */
    struct feed feed;
    struct ledger ledger;
    struct ledger_entry *firehose_entry, *sns_entry;
    struct push_decoder *decoder;
    struct push_queue given; /* not flushed yet */

    /* The verifier's. */
    struct sns_certificates *certificates;
};

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* False when there is no memory left for so much more. */
bool push_hold(struct push *p, struct push_request *r, uint64_t more);
/* Frees the body. */
void push_release(struct push *p, struct push_request *r);

/* Hands over a suspended request. When nothing is taken any more it is answered. */
void push_queue_for(struct push *p, struct push_queue *q, struct push_request *r);
void push_append(struct push_queue *q, struct push_request *r); /* under the lock, or the owner's */
struct push_request *push_take_first(struct push_queue *q);     /* the same; NULL: none */
struct push_request *push_next(struct push *p, struct push_queue *q, int64_t wait_ms); /* waits */

/* Decides the answer of a suspended request, and lets it go. */
void push_answer(struct push *p, struct push_request *r, unsigned status, const char *text);
void push_answer_all(struct push *p, struct push_queue *q, const char *text); /* 503 */

/* Answers those who have waited too long. */
void push_expire(struct push *p, int64_t now_ns);

/* --- server ------------------------------------------------------------------------------------------------------- */

bool push_server_start(struct push *p, struct err *err);
void push_server_stop(struct push *p); /* no request is in a queue any more */

/* --- SNS ---------------------------------------------------------------------------------------------------------- */

bool push_allows_topic(const struct push *p, struct span arn);
void *push_verify(void *context); /* the verifier's thread */
/* Keeps a verified subscription for the operator. False with `err` when it cannot be kept. */
bool push_keep_confirmation(struct push *p, const struct sns_message *m, struct span body, struct err *err);

#endif
