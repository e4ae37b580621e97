/* What a queue's message says about objects of buckets: S3's own notification, as it is, in SNS's envelope, or as
 * EventBridge puts it (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html). Pure. */
#ifndef SOURCE_S3_NOTIFICATION_H
#define SOURCE_S3_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* SQS takes messages up to 1 MiB; S3 puts one record into each. More of anything is no notification. */
enum { S3_NOTIFICATION_MAX = 1 << 20, S3_NOTIFICATION_RECORDS = 1000 };

/* An object that was made. Strings are owned. */
struct s3_notified {
    char *bucket, *key; /* the key as the bucket has it: decoded */
    char *etag;         /* without quotes; NULL: it does not say */
    char *version_id;   /* NULL: the bucket has no versions */
    char *sequencer;    /* NULL: it does not say */
    int64_t size;       /* -1: it does not say */
};

enum s3_notification_kind {
    S3_NOTIFICATION_NONE,    /* something else: a text for whoever knows more */
    S3_NOTIFICATION_TEST,    /* what S3 sends when notifications are set up */
    S3_NOTIFICATION_OBJECTS, /* objects, or other happenings of buckets, of which nothing is to be read */
};

struct s3_notification {
    enum s3_notification_kind kind;
    struct s3_notified *objects; /* owned */
    size_t count;
    size_t ignored; /* happenings that make no object: removed, restored, tagged, ... */
    size_t broken;  /* records of S3's that cannot be understood: the text is worth to be looked at as a whole */
};

void s3_notification_read(struct span body, struct s3_notification *n);
void s3_notification_deinit(struct s3_notification *n);

#endif
