/* The token with which a Kafka client proves to Amazon MSK who it is (SASL/OAUTHBEARER with IAM): a presigned URL that
 * nobody ever opens, in base64url without padding. */
#ifndef AWS_MSK_TOKEN_H
#define AWS_MSK_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "core/buf.h"
#include "core/err.h"

enum { MSK_TOKEN_SECONDS = 900 }; /* how long a token is good for: AWS's own limit */

/* `region` as in "eu-west-1". Appends the token, terminated by 0, which counts. False with `err`. */
bool msk_token_make(const char *region, const struct aws_credentials *credentials, int64_t now_ms, struct buf *token,
                    struct err *err);

#endif
