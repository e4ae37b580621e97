/* AWS Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "core/buf.h"

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
enum { SIGV4_PARAMETERS_MAX = 16 };

/* Appends "https://host/path?...&X-Amz-Signature=...". False when it does not fit. */
bool sigv4_presign_url(const struct sigv4_presign *request, const struct aws_credentials *credentials, struct buf *to);

#endif
