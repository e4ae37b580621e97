/* What a user may say about AWS; nothing of it has to be said. */
#ifndef AWS_SETTINGS_H
#define AWS_SETTINGS_H

#include <stdbool.h>

#include "core/err.h"

/* Strings are owned; NULL: not said, and found as AWS's own tools find it (environment, profile, machine). */
struct aws_settings {
    char *region;
    char *profile;
    char *access_key_id, *secret_access_key, *session_token;
    char *role_arn;          /* assumed with what was found before it is used */
    char *role_session_name; /* NULL: ses-collector */
    char *external_id;
    char *endpoint; /* URL for every service, instead of AWS's own */
    char *ca_file;
    bool fips, dual_stack;
    bool anonymous; /* requests are not signed: public buckets */
};

void aws_settings_deinit(struct aws_settings *s); /* wipes secrets */
struct aws_settings aws_settings_copy(const struct aws_settings *s);

/* What `own` does not say is taken from `general`, but for keys of another kind: who names a profile or keys of its own
 * does not inherit keys, and the flags are those of either. */
void aws_settings_inherit(struct aws_settings *own, const struct aws_settings *general);

/* The same for what talks to AWS itself and to nobody who stands for its buckets: without the endpoint, and without the
 * certificates that go with one. */
void aws_settings_inherit_identity(struct aws_settings *own, const struct aws_settings *general);

/* What cannot be right together (a key without its secret, keys and a profile, ...). */
bool aws_settings_check(const struct aws_settings *s, struct err *err);

#endif
