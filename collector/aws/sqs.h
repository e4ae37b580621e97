/* Queues: receiving messages, deleting them, and keeping them invisible (docs.aws.amazon.com/AWSSimpleQueueService,
 * the JSON protocol). */
#ifndef AWS_SQS_H
#define AWS_SQS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/session.h"
#include "core/err.h"
#include "core/span.h"

/* AWS's own limits. */
enum { SQS_BATCH = 10, SQS_WAIT_MAX_S = 20, SQS_VISIBILITY_MAX_S = 12 * 3600 };

/* Where a queue is, by its URL. Strings are owned. */
struct sqs_queue {
    char *url;
    char *name;     /* the last part of the URL's path: what messages call it */
    char *region;   /* by an URL of AWS's; NULL: it does not say */
    char *endpoint; /* "https://host[:port]" of an URL that is not AWS's public one; NULL: AWS's own */
};

/* https://sqs.eu-west-1.amazonaws.com/123456789012/name and its kind, or any http(s) URL with a path. False with `err`,
 * which begins with what is wrong with it. */
bool sqs_queue_parse(const char *url, struct sqs_queue *q, struct err *err);
void sqs_queue_deinit(struct sqs_queue *q);

struct sqs_message {
    char *id, *receipt; /* owned */
    char *body;         /* owned; terminated, and may hold any byte */
    size_t body_len;
    unsigned receive_count; /* how often it was received, this time included; about; at least 1 */
    int64_t sent_ms;        /* 0: it does not say */
    bool damaged;           /* the body is not what its MD5 says: not to be used, not to be deleted */
};

struct sqs_received {
    struct sqs_message messages[SQS_BATCH];
    unsigned count;
};
void sqs_received_deinit(struct sqs_received *r);

/* Waits up to `wait_s` for at least one message and takes up to `max`, which nobody else sees for `visibility_s`. None
 * is no failure. `r` is zeroed by the call. In all calls: false with `err`, a sentence that names the queue, and what
 * to do where that is known. */
bool sqs_receive(struct aws_session *s, const struct sqs_queue *q, unsigned max, unsigned wait_s, unsigned visibility_s,
                 struct sqs_received *r, const atomic_bool *stop, struct err *err);

/* One message of a call about several. */
enum sqs_entry_result {
    SQS_ENTRY_FAILED, /* to be tried again */
    SQS_ENTRY_DONE,
    SQS_ENTRY_REFUSED, /* never: the receipt is too old, the message is gone or visible again */
};
struct sqs_entry {
    const char *receipt;   /* borrowed */
    unsigned visibility_s; /* sqs_change_visibility: from now on; 0: visible at once */
    enum sqs_entry_result result;
};

/* Fill in each entry's result; at most SQS_BATCH of them. `timeout_ms` 0: the usual one, with all retries; else one
 * attempt of so long. True when AWS has answered, however single entries fared. */
bool sqs_delete(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                int64_t timeout_ms, const atomic_bool *stop, struct err *err);
bool sqs_change_visibility(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                           int64_t timeout_ms, const atomic_bool *stop, struct err *err);

#endif
