/* What every request to a bucket has in common. Of this folder's own. */
#ifndef AWS_S3_CALL_H
#define AWS_S3_CALL_H

#include "aws/s3.h"
#include "aws/session.h"

enum { S3_HEADERS_MAX = 8 };

/* A GET of `path` with the bucket's headers. Borrows all of it. */
struct s3_call {
    struct aws_call call;
    struct http_header headers[S3_HEADERS_MAX];
};
void s3_call_init(struct s3_call *c, const struct s3_bucket *b, const char *path);
void s3_call_add_header(struct s3_call *c, const char *name, const char *value);

#endif
