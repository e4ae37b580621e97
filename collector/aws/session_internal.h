/* What the files of the session share.
 *
 *     session.c         opened, closed; what callers call
 *     session_call.c    one call, attempt after attempt
 *     session_region.c  which region it goes to
 *     session_text.c    what is said when it fails */
#ifndef AWS_SESSION_INTERNAL_H
#define AWS_SESSION_INTERNAL_H

#include <pthread.h>

#include "aws/credentials_internal.h"
#include "aws/endpoint.h"
#include "aws/session.h"
#include "aws/session_error.h"
#include "aws/session_retry.h"

enum { LEARNED_MAX = 256 };

struct aws_session {
    struct aws_settings settings;
    struct profile_set *profiles; /* as they were when it was opened; not changed */
    struct http_pool *pool;
    struct aws_identity *identity;
    bool fips, dual_stack;
    struct retry_budget budget;

    pthread_mutex_t lock; /* of the regions */
    char *region;         /* NULL: not known yet */
    int64_t ask_again_ms; /* the machine, for it; monotonic */
    struct learned {
        char *bucket; /* owned */
        char region[ENDPOINT_REGION_MAX];
    } learned[LEARNED_MAX]; /* a ring */
    size_t learned_count, learned_next;

    atomic_bool store_is_told; /* in the log: that the user's store wants another region */
    _Atomic uint64_t requests, retries, throttled, failed;
};

/* --- session_region.c --------------------------------------------------------------------------------------------- */

/* The region that a call goes to, written to `to`. */
bool session_region_of(struct aws_session *s, const struct aws_call *call, char to[ENDPOINT_REGION_MAX],
                       const atomic_bool *stop, struct err *err);
void session_learn_region(struct aws_session *s, const char *bucket, const char *region);
void session_regions_deinit(struct aws_session *s);

/* --- session_call.c ----------------------------------------------------------------------------------------------- */

struct aws_flight {
    struct aws_session *session;
    struct aws_call call;
    const atomic_bool *stop;
    bool is_stream;

    unsigned attempt; /* how often it was tried again, the remedies below not counted */
    bool fresh, clock_tried, identity_tried, region_tried;

    /* Of the attempt that goes on. */
    struct http_exchange *x;
    struct aws_credentials credentials;
    char region[ENDPOINT_REGION_MAX];
    bool own_endpoint;
    int64_t offset_ms; /* of the clock it was signed by */
    int64_t begun_ns, patience_ms;
};

/* The first attempt. False with `err`: it cannot be made at all. */
bool session_begin(struct aws_flight *f, struct err *err);

/* Waits, and tries again as often as it helps. True: 2xx; the body of a stream is still to be read from f->x. */
bool session_finish(struct aws_flight *f, struct aws_answer *answer, struct err *err);

/* Ends what goes on, and forgets the credentials. */
void session_end(struct aws_flight *f);

/* --- session_text.c ----------------------------------------------------------------------------------------------- */

/* "s3:GetObject", as far as it can be told; "" if not. */
void session_permission(const struct aws_call *call, char *to, size_t size);

/* The sentence for a call that failed. `why`: of a failure without an answer. Returns false. */
bool session_explain(const struct aws_flight *f, const struct aws_problem *problem, const struct err *why,
                     struct err *err);

#endif
