#include "aws/s3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3_call.h"
#include "core/alloc.h"

static char *copy_string(const char *s) {
    return s ? alloc_string(s, strlen(s)) : NULL;
}

void s3_bucket_deinit(struct s3_bucket *b) {
    free(b->name);
    free(b->expected_owner);
    *b = (struct s3_bucket){0};
}

struct s3_bucket s3_bucket_copy(const struct s3_bucket *b) {
    struct s3_bucket copy = *b;
    copy.name = copy_string(b->name);
    copy.expected_owner = copy_string(b->expected_owner);
    return copy;
}

void s3_call_init(struct s3_call *c, const struct s3_bucket *b, const char *path) {
    c->call = (struct aws_call){.service = "s3",
                                .bucket = b->name,
                                .path_style = b->path_style,
                                .method = "GET",
                                .path = path,
                                .headers = c->headers};
    if (b->requester_pays)
        s3_call_add_header(c, "x-amz-request-payer", "requester");
    if (b->expected_owner)
        s3_call_add_header(c, "x-amz-expected-bucket-owner", b->expected_owner);
}

void s3_call_add_header(struct s3_call *c, const char *name, const char *value) {
    assert(c->call.header_count < S3_HEADERS_MAX);
    c->headers[c->call.header_count++] = (struct http_header){name, value};
}
