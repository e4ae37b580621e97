#include "aws/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

static char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? alloc_string(value, strlen(value)) : NULL;
}

bool aws_credentials_get(struct aws_credentials *c, struct err *err) {
    *c = (struct aws_credentials){.access_key = variable("AWS_ACCESS_KEY_ID"),
                                  .secret_key = variable("AWS_SECRET_ACCESS_KEY"),
                                  .session_token = variable("AWS_SESSION_TOKEN"),
                                  .expires_ms = INT64_MAX};
    if (c->access_key && c->secret_key)
        return true;
    aws_credentials_deinit(c);
    return err_set(err, ERR_CONFIG,
                   "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
}

static void wipe(char **secret) {
    if (*secret)
        OPENSSL_cleanse(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void aws_credentials_deinit(struct aws_credentials *c) {
    wipe(&c->access_key);
    wipe(&c->secret_key);
    wipe(&c->session_token);
}

void aws_wipe(void *data, size_t len) {
    OPENSSL_cleanse(data, len);
}
