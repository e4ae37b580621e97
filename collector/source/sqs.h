/* An SQS queue: S3 notifications (bare, through SNS, through EventBridge), whose objects are read, and SES events
 * themselves (through SNS or EventBridge, or raw). A message is deleted only after everything in it is committed; until
 * then it is kept invisible. What comes twice changes nothing. */
#ifndef SOURCE_SQS_H
#define SOURCE_SQS_H

#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "source/source.h"

struct sqs_options {
    char *name;
    char *queue_url;
    char **buckets; /* objects of others are not read; none given: objects of no bucket are */
    size_t bucket_count;
    char **prefixes; /* keys must begin with one; none given: any */
    size_t prefix_count;
    int64_t wait_ms;       /* long polling; whole seconds, 0 to 20 */
    int64_t visibility_ms; /* what is being worked on is kept invisible by so much at a time */
    unsigned attempts;     /* an object that is not there is given up after so many receptions of its message; one that
                              cannot be read when the message is a day old too; 0: never */
    bool errors;           /* what Firehose put below its error prefixes is read too */
    bool path_style, requester_pays;
    unsigned ahead;
    struct aws_settings aws;
};
void sqs_options_deinit(struct sqs_options *o);

struct source *sqs_open(const struct sqs_options *o, const struct saved_position *saved, size_t saved_count,
                        struct err *err);

#endif
