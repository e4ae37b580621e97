/* Who we are to AWS: the standard chain of its own tools, in this order: what the settings say; the environment
 * (AWS_ACCESS_KEY_ID ...); a web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the profile (keys, role with its
 * source, credential_process); the container's endpoint; the machine's (IMDSv2). A role of the settings is assumed on
 * top.
 *
 * Found once, kept, and renewed ahead of their end: one thread renews, the others go on with what there is. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "http/pool.h"

struct aws_credentials {
    char *access_key, *secret_key; /* owned */
    char *session_token;           /* owned; NULL: none */
    int64_t expires_ms;            /* wall clock; INT64_MAX: never, as far as is known */
};

/* Wipes the memory before it is given back. All zero is allowed. */
void aws_credentials_deinit(struct aws_credentials *c);

/* Overwrites what nobody shall find in memory. */
void aws_wipe(void *data, size_t len);

struct aws_identity;

/* The settings and the pool are borrowed. Asks nobody yet. Returns new. */
struct aws_identity *aws_identity_create(const struct aws_settings *s, struct http_pool *pool);
void aws_identity_destroy(struct aws_identity *i); /* NULL is allowed */

/* A copy of what is valid now. False when there is nothing: `err` says what was tried and why each did not do, never
 * what was found. Thread-safe. */
bool aws_identity_get(struct aws_identity *i, struct aws_credentials *c, const atomic_bool *stop, struct err *err);

/* AWS has refused these as expired or invalid: the next get looks for newer ones (but not more than once in 10 s). */
void aws_identity_refused(struct aws_identity *i, const struct aws_credentials *c);

/* The region as found: settings, AWS_REGION, AWS_DEFAULT_REGION, the profile, the machine (IMDS; only when `ask` is
 * true). Returns new; NULL: none. */
char *aws_identity_region(struct aws_identity *i, bool ask, const atomic_bool *stop);

#endif
