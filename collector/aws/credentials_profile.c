/* Profiles: keys, commands, and roles that are assumed with what another profile, or the machine, gives. */
#include <string.h>

#include "aws/credentials_internal.h"

#include "core/alloc.h"

enum { ROLES_MAX = 5 };

static const char *value(const struct search *s, const char *profile, const char *key) {
    return profile_value(s->profiles, profile, key);
}

static bool has_keys(const struct search *s, const char *profile) {
    return value(s, profile, "aws_access_key_id") && value(s, profile, "aws_secret_access_key");
}

/* A role that is assumed with credentials; not one with a web identity, which needs none. */
static bool is_role(const struct search *s, const char *profile) {
    return value(s, profile, "role_arn") && !value(s, profile, "web_identity_token_file");
}

static struct role role_of(const struct search *s, const char *profile) {
    return (struct role){.arn = value(s, profile, "role_arn"),
                         .session_name = value(s, profile, "role_session_name"),
                         .external_id = value(s, profile, "external_id"),
                         .duration_s = value(s, profile, "duration_seconds"),
                         .region = value(s, profile, "region")};
}

static enum found take_keys(const struct search *s, const char *profile, struct aws_credentials *c) {
    *c = (struct aws_credentials){.access_key = alloc_copy(value(s, profile, "aws_access_key_id")),
                                  .secret_key = alloc_copy(value(s, profile, "aws_secret_access_key")),
                                  .session_token = alloc_copy(value(s, profile, "aws_session_token")),
                                  .expires_ms = INT64_MAX};
    return FOUND_OK;
}

/* A profile that is no role. */
static enum found take_plain(const struct search *s, const char *profile, struct aws_credentials *c, struct err *err) {
    const char *token_file = value(s, profile, "web_identity_token_file");
    const char *command = value(s, profile, "credential_process");
    if (token_file) {
        struct role role = role_of(s, profile);
        if (role.arn)
            return credentials_of_web_identity(s, &role, token_file, c, err) ? FOUND_OK : FOUND_FAILED;
        err_set(err, ERR_CONFIG, "profile %.60s has a web_identity_token_file, and no role_arn", profile);
        return FOUND_FAILED;
    }
    if (has_keys(s, profile))
        return take_keys(s, profile, c);
    if (value(s, profile, "aws_access_key_id") || value(s, profile, "aws_secret_access_key")) {
        err_set(err, ERR_CONFIG, "profile %.60s has half a key: aws_access_key_id and aws_secret_access_key", profile);
        return FOUND_FAILED;
    }
    if (command)
        return credentials_of_process(command, s, c, err);
    if (value(s, profile, "sso_session") || value(s, profile, "sso_start_url") || value(s, profile, "login_session")) {
        err_set(err, ERR_CONFIG,
                "profile %.60s logs in (SSO), which is not supported: use another profile with credential_process = "
                "aws configure export-credentials --profile %.60s --format process",
                profile, profile);
        return FOUND_FAILED;
    }
    err_set(err, ERR_CONFIG, "profile %.60s has no credentials", profile);
    return FOUND_NOTHING;
}

static enum found take_source(const struct search *s, const char *profile, const char *source,
                              struct aws_credentials *c, struct err *err) {
    struct err why = {0};
    enum found found;
    if (strcmp(source, "Environment") == 0)
        found = credentials_of_environment(c, &why);
    else if (strcmp(source, "EcsContainer") == 0)
        found = credentials_of_container(s, c, &why);
    else if (strcmp(source, "Ec2InstanceMetadata") == 0)
        found = credentials_of_machine(s, c, &why);
    else
        return err_set(err, ERR_CONFIG,
                       "profile %.60s: credential_source is Environment, EcsContainer or Ec2InstanceMetadata", profile),
               FOUND_FAILED;
    if (found != FOUND_OK)
        err_set(err, why.code, "profile %.60s, credential_source %s: %s", profile, source, why.text);
    return found == FOUND_OK ? FOUND_OK : FOUND_FAILED;
}

/* The roles on the way to what they are assumed with: each named by the one before. */
struct way {
    const char *roles[ROLES_MAX];
    unsigned count;
    const char *last;   /* the profile without a role; NULL: */
    const char *source; /* a credential_source, of the last role */
};

static bool find_way(const struct search *s, const char *profile, struct way *way, struct err *err) {
    for (const char *at = profile;;) {
        /* Keys of its own are enough for a profile that others lean on; so one may also name itself. */
        if (!is_role(s, at) || (way->count && has_keys(s, at))) {
            way->last = at;
            return true;
        }
        for (unsigned i = 0; i < way->count; i++)
            if (strcmp(way->roles[i], at) == 0)
                return err_set(err, ERR_CONFIG, "profile %.60s: its source_profile leads back to it", at);
        if (way->count == ROLES_MAX)
            return err_set(err, ERR_CONFIG, "profile %.60s: more than %d roles in a row", profile, ROLES_MAX);
        way->roles[way->count++] = at;
        const char *next = value(s, at, "source_profile"), *source = value(s, at, "credential_source");
        if (!next == !source)
            return err_set(err, ERR_CONFIG, "profile %.60s: role_arn needs source_profile or credential_source", at);
        way->source = source;
        if (source)
            return true;
        if (!profile_exists(s->profiles, next))
            return err_set(err, ERR_CONFIG, "profile %.60s: its source_profile %.60s does not exist", at, next);
        at = next;
    }
}

static enum found assume_all(const struct search *s, const struct way *way, struct aws_credentials *c,
                             struct err *err) {
    for (unsigned i = way->count; i-- > 0;) {
        struct aws_credentials base = *c;
        struct role role = role_of(s, way->roles[i]);
        *c = (struct aws_credentials){0};
        bool ok = credentials_of_role(s, &role, &base, c, err);
        aws_credentials_deinit(&base);
        if (!ok)
            return FOUND_FAILED;
    }
    return FOUND_OK;
}

enum found credentials_of_profile(const struct search *s, struct aws_credentials *c, struct err *err) {
    const char *profile = s->profile;
    struct way way = {0};
    if (!profile_exists(s->profiles, profile)) {
        bool named = strcmp(profile, "default") != 0;
        err_set(err, ERR_CONFIG, "there is no profile %.60s in ~/.aws/config and ~/.aws/credentials%s", profile,
                named ? " (or what AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name)" : "");
        return named || s->settings->profile ? FOUND_FAILED : FOUND_NOTHING;
    }
    if (!find_way(s, profile, &way, err))
        return FOUND_FAILED;
    enum found found =
        way.source ? take_source(s, way.roles[way.count - 1], way.source, c, err) : take_plain(s, way.last, c, err);
    if (found == FOUND_NOTHING && way.count)
        found = FOUND_FAILED;
    return found == FOUND_OK ? assume_all(s, &way, c, err) : found;
}
