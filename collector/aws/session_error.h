/* What AWS says when a call fails, read from its answer and made fit to be shown. */
#ifndef AWS_SESSION_ERROR_H
#define AWS_SESSION_ERROR_H

#include <stdbool.h>

#include "aws/endpoint.h"
#include "aws/session.h"
#include "core/span.h"

enum { AWS_PROBLEM_MAX = 64 << 10, AWS_MESSAGE_SIZE = 200 };

struct aws_problem {
    int status;
    char code[AWS_CODE_SIZE];         /* "" when AWS gives none */
    char message[AWS_MESSAGE_SIZE];   /* its own words: one line, without what might be a secret */
    char region[ENDPOINT_REGION_MAX]; /* where it says the bucket is; "": it does not */
};

/* The headers that count; each may be NULL. */
struct aws_problem_headers {
    const char *error_type;    /* x-amzn-errortype */
    const char *query_error;   /* x-amzn-query-error */
    const char *bucket_region; /* x-amz-bucket-region */
};

void aws_problem_read(struct aws_problem *p, int status, const struct aws_problem_headers *headers, struct span body);

enum aws_remedy {
    REMEDY_NONE,
    REMEDY_WAIT,     /* the same again later */
    REMEDY_THROTTLE, /* the same again, later than that */
    REMEDY_CLOCK,    /* signed at another time */
    REMEDY_IDENTITY, /* signed with other credentials */
};
enum aws_remedy aws_problem_remedy(const struct aws_problem *p);

/* Writes what may be shown of `text` to `to` (of `size` bytes, terminated always): one line; runs that look like keys,
 * tokens or signatures become "...", words with an "@" "<e-mail>". */
void aws_message_clean(char *to, size_t size, struct span text);

#endif
