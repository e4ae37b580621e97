/* Calls to AWS: who we are, where the service is, signed, tried again when that helps. Thread-safe: any number of calls
 * at once.
 *
 * Tried again: connection errors, 429, 500, 502, 503, 504, 509, and the error codes that mean throttling or "too slow";
 * at most 5 times, after rand(0, min(20 s, base * 2^i)) with base 50 ms, 1 s when throttled, out of a budget that all
 * calls of the session share (so that a storm does not become two). RequestTimeTooSkewed: the clock's offset is learned
 * from Date (at most 24 h) and kept. ExpiredToken and its kind: new credentials, once. A redirect to another region is
 * never followed; the region that AWS names is learned once for each bucket, when no endpoint of the user's is set. */
#ifndef AWS_SESSION_H
#define AWS_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "aws/settings.h"
#include "aws/sigv4.h"
#include "core/buf.h"
#include "core/err.h"
#include "http/pool.h"

struct aws_session;

/* Copies the settings. Asks nobody yet. Returns new. */
struct aws_session *aws_session_open(const struct aws_settings *s, struct err *err);
void aws_session_close(struct aws_session *s); /* no call goes on; NULL is allowed */

/* A copy of the credentials in use, for what is signed elsewhere (MSK). */
bool aws_session_credentials(struct aws_session *s, struct aws_credentials *c, const atomic_bool *stop,
                             struct err *err);

struct aws_call {
    const char *service; /* as signed: "s3", "sqs", "sts", "sns", "ses" */
    const char *prefix;  /* of the endpoint's host, where it is another word ("email" for SES); NULL: service */
    const char *bucket;  /* S3: NULL for others */
    bool path_style;     /* S3: the bucket stands in the path in any case (it does where it has to) */
    const char *region;  /* NULL: the session's, or the bucket's as learned */
    const char *method;  /* "GET", ... */
    const char *path;    /* behind the bucket; begins with '/'; not encoded */
    const struct sigv4_parameter *parameters;
    size_t parameter_count;
    const struct http_header *headers;
    size_t header_count;
    struct span body;
    int64_t timeout_ms;     /* of one attempt, whole; 0: 30 s (streams: no limit but 30 s without a byte) */
    bool once;              /* never tried again, as when twice would be wrong */
    bool anonymous;         /* not signed */
    size_t window;          /* of a stream; see http_request */
    const char *permission; /* "s3:GetObject": named when AWS refuses; NULL: as far as it can be told from the rest */
};

enum { AWS_ANSWER_MAX = 16 << 20, AWS_CODE_SIZE = 64 };

struct aws_answer {
    int status;               /* 2xx, or what the call failed with; 0: no answer */
    char code[AWS_CODE_SIZE]; /* AWS's error code ("NoSuchKey"); "" when it went well, or there is none */
    struct buf body;          /* 2xx: all of it */
    char etag[128];
    int64_t date_ms; /* of the answer, by the peer's clock; 0: it does not say */
};

/* True for 2xx. Else `err` is a sentence: what was called, on what (bucket, queue; never a key of ours), what AWS said
 * (code, its words with anything like a secret left out), and what to do where that is known (AccessDenied: which
 * permission). `answer` is zeroed by the call, and always to be deinited. */
bool aws_perform(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer, const atomic_bool *stop,
                 struct err *err);
void aws_answer_deinit(struct aws_answer *a);

/* The same for a body of any length: waits for a 2xx head with the same retries, and gives the exchange to read the
 * body from. NULL when the call failed; `answer` then says how (its body is not filled in either case). */
struct http_exchange *aws_stream(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer,
                                 const atomic_bool *stop, struct err *err);

/* Begins a stream and returns at once (but for the first credentials, which are waited for); the first attempt is in
 * the air. For downloads that run ahead: aws_stream_wait does then what aws_stream does, whose first attempt has begun.
 * The call is copied but for its body. NULL with `err`: it cannot be made at all. */
struct aws_flight;
struct aws_flight *aws_stream_begin(struct aws_session *s, const struct aws_call *call, const atomic_bool *stop,
                                    struct err *err);
struct http_exchange *aws_stream_wait(struct aws_flight *f, struct aws_answer *answer, struct err *err); /* takes f */
void aws_stream_drop(struct aws_flight *f);                                                              /* takes f */

/* Counts since the session began, for metrics. */
struct aws_counts {
    uint64_t requests, retries, throttled, failed;
};
void aws_session_counts(const struct aws_session *s, struct aws_counts *to);

#endif
