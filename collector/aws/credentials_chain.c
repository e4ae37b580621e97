/* Which place is asked after which, and what their answers look like. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_internal.h"
#include "aws/date.h"
#include "core/alloc.h"

const char *credentials_variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *credentials_profile_name(const struct aws_settings *s) {
    const char *name = s->profile ? s->profile : credentials_variable("AWS_PROFILE");
    if (!name)
        name = credentials_variable("AWS_DEFAULT_PROFILE");
    return name ? name : "default";
}

const char *credentials_region(const struct search *s) {
    const char *region = s->settings->region;
    if (!region)
        region = credentials_variable("AWS_REGION");
    if (!region)
        region = credentials_variable("AWS_DEFAULT_REGION");
    if (!region && s->profiles)
        region = profile_value(s->profiles, s->profile, "region");
    return region;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static const char *string_of(const json_t *json, const char *name) {
    const char *value = json_string_value(json_object_get(json, name));
    return value && *value ? value : NULL;
}

static bool take_json(const json_t *json, const struct credentials_words *w, struct aws_credentials *c,
                      struct err *err) {
    const char *key = string_of(json, "AccessKeyId"), *secret = string_of(json, "SecretAccessKey");
    const char *end = string_of(json, w->expiration);
    int64_t expires_ms = INT64_MAX;
    if (!key || !secret)
        return err_set(err, ERR_CONFIG, "%s gave no AccessKeyId and SecretAccessKey", w->who);
    if (!end && w->must_expire)
        return err_set(err, ERR_CONFIG, "%s does not say when its credentials end", w->who);
    if (end && !date_parse_iso(end, &expires_ms))
        return err_set(err, ERR_CONFIG, "%s gave credentials whose end is no time", w->who);
    *c = (struct aws_credentials){.access_key = alloc_copy(key),
                                  .secret_key = alloc_copy(secret),
                                  .session_token = alloc_copy(string_of(json, w->token)),
                                  .expires_ms = expires_ms};
    return true;
}

/* The reader's own copies are not left behind either. */
static void wipe_json(json_t *json) {
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) {
        if (json_is_string(value))
            aws_wipe((char *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
    json_decref(json);
}

bool credentials_of_json(struct span text, const struct credentials_words *w, struct aws_credentials *c,
                         struct err *err) {
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return err_set(err, ERR_CONFIG, "%s gave no JSON object", w->who);
    }
    bool ok = take_json(json, w, c, err);
    wipe_json(json);
    return ok;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

static enum found of_settings(const struct aws_settings *s, struct aws_credentials *c) {
    if (!s->access_key_id || !s->secret_access_key)
        return FOUND_NOTHING;
    *c = (struct aws_credentials){.access_key = alloc_copy(s->access_key_id),
                                  .secret_key = alloc_copy(s->secret_access_key),
                                  .session_token = alloc_copy(s->session_token),
                                  .expires_ms = INT64_MAX};
    return FOUND_OK;
}

enum found credentials_of_environment(struct aws_credentials *c, struct err *err) {
    const char *key = credentials_variable("AWS_ACCESS_KEY_ID"),
               *secret = credentials_variable("AWS_SECRET_ACCESS_KEY");
    if (!key) {
        err_set(err, ERR_CONFIG, "AWS_ACCESS_KEY_ID is not set");
        return FOUND_NOTHING;
    }
    if (!secret) {
        err_set(err, ERR_CONFIG, "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
        return FOUND_FAILED;
    }
    *c = (struct aws_credentials){.access_key = alloc_copy(key),
                                  .secret_key = alloc_copy(secret),
                                  .session_token = alloc_copy(credentials_variable("AWS_SESSION_TOKEN")),
                                  .expires_ms = INT64_MAX};
    return FOUND_OK;
}

static enum found environment(const struct search *s, struct aws_credentials *c, struct err *err) {
    (void)s;
    return credentials_of_environment(c, err);
}

static enum found web_identity(const struct search *s, struct aws_credentials *c, struct err *err) {
    const char *file = credentials_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    struct role role = {.arn = credentials_variable("AWS_ROLE_ARN"),
                        .session_name = credentials_variable("AWS_ROLE_SESSION_NAME")};
    if (!file) {
        err_set(err, ERR_CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        return FOUND_NOTHING;
    }
    if (!role.arn) {
        err_set(err, ERR_CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
        return FOUND_FAILED;
    }
    return credentials_of_web_identity(s, &role, file, c, err) ? FOUND_OK : FOUND_FAILED;
}

/* --- the chain ---------------------------------------------------------------------------------------------------- */

static const struct place {
    const char *name;
    enum found (*find)(const struct search *s, struct aws_credentials *c, struct err *err);
    bool despite_profile; /* asked also when the settings name a profile */
} places[] = {
    {"environment", environment, false},
    {"web identity", web_identity, false},
    {"profile", credentials_of_profile, true},
    {"container", credentials_of_container, true},
    {"EC2 metadata", credentials_of_machine, true},
};

static enum found ask_all(const struct search *s, struct aws_credentials *c, struct err *err) {
    struct buf tried;
    buf_init(&tried, sizeof err->text);
    enum found found = FOUND_NOTHING;
    for (size_t i = 0; i < sizeof places / sizeof *places && found == FOUND_NOTHING; i++) {
        struct err why = {0};
        if (s->settings->profile && !places[i].despite_profile)
            continue;
        found = places[i].find(s, c, &why);
        if (found == FOUND_FAILED)
            err_set(err, why.code, "AWS credentials, %s: %s", places[i].name, why.text);
        else if (found == FOUND_NOTHING)
            buf_printf(&tried, "%s%s: %.90s", tried.len ? "; " : "", places[i].name, why.text);
    }
    if (found == FOUND_NOTHING)
        err_set(err, ERR_CONFIG, "no AWS credentials: %.*s", SPAN_ARG(buf_span(&tried)));
    buf_deinit(&tried);
    return found;
}

enum found credentials_find(const struct search *s, struct aws_credentials *c, struct err *err) {
    const struct aws_settings *settings = s->settings;
    struct aws_credentials base = {0};
    enum found found = of_settings(settings, &base);
    if (found == FOUND_NOTHING)
        found = ask_all(s, &base, err);
    if (found != FOUND_OK || !settings->role_arn) {
        *c = base;
        return found;
    }
    struct role role = {
        .arn = settings->role_arn, .session_name = settings->role_session_name, .external_id = settings->external_id};
    if (!credentials_of_role(s, &role, &base, c, err))
        found = FOUND_FAILED;
    aws_credentials_deinit(&base);
    return found;
}
