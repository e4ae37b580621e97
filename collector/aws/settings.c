#include "aws/settings.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

static void wipe(char **secret) {
    if (*secret)
        OPENSSL_cleanse(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void aws_settings_deinit(struct aws_settings *s) {
    wipe(&s->access_key_id);
    wipe(&s->secret_access_key);
    wipe(&s->session_token);
    wipe(&s->external_id);
    free(s->region);
    free(s->profile);
    free(s->role_arn);
    free(s->role_session_name);
    free(s->endpoint);
    free(s->ca_file);
    *s = (struct aws_settings){0};
}

static void inherit(char **own, const char *general) {
    if (!*own)
        *own = alloc_copy(general);
}

struct aws_settings aws_settings_copy(const struct aws_settings *s) {
    struct aws_settings new = {0};
    aws_settings_inherit(&new, s);
    return new;
}

void aws_settings_inherit(struct aws_settings *own, const struct aws_settings *general) {
    if (!own->profile && !own->access_key_id && !own->anonymous) {
        inherit(&own->profile, general->profile);
        inherit(&own->access_key_id, general->access_key_id);
        inherit(&own->secret_access_key, general->secret_access_key);
        inherit(&own->session_token, general->session_token);
        own->anonymous = general->anonymous;
    }
    if (!own->role_arn) {
        inherit(&own->role_arn, general->role_arn);
        inherit(&own->external_id, general->external_id);
    }
    inherit(&own->role_session_name, general->role_session_name);
    inherit(&own->region, general->region);
    inherit(&own->endpoint, general->endpoint);
    inherit(&own->ca_file, general->ca_file);
    own->fips |= general->fips;
    own->dual_stack |= general->dual_stack;
}

void aws_settings_inherit_identity(struct aws_settings *own, const struct aws_settings *general) {
    struct aws_settings identity = *general; /* borrowed */
    if (identity.endpoint)
        identity.endpoint = identity.ca_file = NULL;
    aws_settings_inherit(own, &identity);
}

bool aws_settings_check(const struct aws_settings *s, struct err *err) {
    if (!s->access_key_id != !s->secret_access_key)
        return err_set(err, ERR_CONFIG, "access_key_id and secret_access_key stand together, or neither does");
    if (s->session_token && !s->access_key_id)
        return err_set(err, ERR_CONFIG, "session_token goes with access_key_id and secret_access_key");
    if (s->profile && s->access_key_id)
        return err_set(err, ERR_CONFIG, "profile and access_key_id both say who we are; take one out");
    if (s->anonymous && (s->access_key_id || s->profile || s->role_arn))
        return err_set(err, ERR_CONFIG, "anonymous requests are not signed; take the keys, profile or role out");
    if (s->external_id && !s->role_arn)
        return err_set(err, ERR_CONFIG, "external_id goes with role_arn");
    return true;
}
