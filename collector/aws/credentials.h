/* Who we are to AWS. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct aws_credentials {
    char *access_key, *secret_key; /* owned */
    char *session_token;           /* owned; NULL: none */
    int64_t expires_ms;            /* wall clock; INT64_MAX: never, as far as is known */
};

/* Finds credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment. False when
 * there are none (`err` says what was looked for, never what was found). */
bool aws_credentials_get(struct aws_credentials *c, struct err *err);

/* Wipes the memory before it is given back. All zero is allowed. */
void aws_credentials_deinit(struct aws_credentials *c);

/* Overwrites what nobody shall find in memory. */
void aws_wipe(void *data, size_t len);

#endif
