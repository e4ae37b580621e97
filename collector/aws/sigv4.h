/* AWS Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "core/buf.h"
#include "core/span.h"
#include "http/pool.h"

struct sigv4_parameter {
    const char *name, *value; /* not encoded yet */
};

/* A GET without a body, signed in its query; valid from `now_ms` for `expires_s` seconds. */
struct sigv4_presign {
    const char *service, *region;
    const char *host; /* with the port, when it is not the scheme's */
    const char *path; /* begins with '/'; encoded already */
    const struct sigv4_parameter *parameters;
    size_t parameter_count; /* at most SIGV4_PARAMETERS_MAX */
    int64_t now_ms;
    unsigned expires_s;
};
enum { SIGV4_PARAMETERS_MAX = 16, SIGV4_HEADERS_MAX = 24 };

/* Appends "https://host/path?...&X-Amz-Signature=...". False when it does not fit. */
bool sigv4_presign_url(const struct sigv4_presign *request, const struct aws_credentials *credentials, struct buf *to);

/* A request that is signed in its headers. */
struct sigv4_request {
    const char *method, *service, *region;
    const char *host;
    const char *path; /* begins with '/'; not encoded yet. S3: sent and signed as it is, encoded once; others twice */
    const struct sigv4_parameter *parameters; /* of the query */
    size_t parameter_count;                   /* at most SIGV4_PARAMETERS_MAX */
    const struct http_header *headers;        /* those to be signed beside our own: x-amz-*, content-type */
    size_t header_count;                      /* at most SIGV4_HEADERS_MAX - 5 */
    struct span body;
    int64_t now_ms;
};

/* What goes out for it: all of it made here, so that what is sent and what is signed cannot differ. */
struct sigv4_signed {
    struct buf target;                             /* "/path?query", encoded; terminated by 0, which counts */
    struct buf text;                               /* what the headers point into */
    struct http_header headers[SIGV4_HEADERS_MAX]; /* the given ones, x-amz-date, x-amz-content-sha256 (S3),
                                                      x-amz-security-token, authorization; not host */
    size_t header_count;
};

/* Credentials NULL: not signed, only encoded. False when something does not fit. */
bool sigv4_sign(const struct sigv4_request *request, const struct aws_credentials *credentials,
                struct sigv4_signed *out);
void sigv4_signed_deinit(struct sigv4_signed *s); /* wipes */

/* Encodes everything but A-Z a-z 0-9 - . _ ~ as %XY; `slash` keeps '/' too. */
void sigv4_encode(struct buf *to, struct span text, bool slash);

#endif
