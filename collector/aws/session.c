#include "aws/session.h"

#include <stdlib.h>
#include <string.h>

#include "aws/session_internal.h"
#include "core/alloc.h"

/* A download that runs ahead holds its connection until its turn comes. Were there no more than these, the one that is
 * read, once it has to begin anew, would wait for a connection for ever. */
enum { CONNECTIONS = 1024 };

/* --- opened and closed -------------------------------------------------------------------------------------------- */

static bool prepare(struct aws_session *s, struct err *err) {
    const struct aws_settings *settings = &s->settings;
    const char *profile = credentials_profile_name(settings);
    bool needs_files = !settings->access_key_id && !settings->anonymous;
    if (!aws_settings_check(settings, err))
        return false;
    if (!profile_set_load(s->profiles, needs_files ? err : NULL) && needs_files)
        return false;
    struct search search = {.settings = settings, .profiles = s->profiles, .profile = profile};
    s->region = alloc_copy(credentials_region(&search));
    endpoint_flags(settings, s->profiles, profile, &s->fips, &s->dual_stack);
    if (s->region && !endpoint_is_region(s->region))
        return err_set(err, ERR_CONFIG, "no AWS region: %.40s", s->region);
    const char *ca_file = settings->ca_file;
    if (!ca_file)
        ca_file = credentials_variable("AWS_CA_BUNDLE");
    if (!ca_file)
        ca_file = profile_value(s->profiles, profile, "ca_bundle");
    s->pool = http_pool_create(&(struct http_pool_options){.ca_file = ca_file, .connections = CONNECTIONS}, err);
    return s->pool != NULL;
}

struct aws_session *aws_session_open(const struct aws_settings *settings, struct err *err) {
    struct aws_session *s = alloc_zeroed(1, sizeof *s);
    s->settings = aws_settings_copy(settings);
    s->profiles = profile_set_create();
    pthread_mutex_init(&s->lock, NULL);
    retry_budget_init(&s->budget);
    if (!prepare(s, err)) {
        aws_session_close(s);
        return NULL;
    }
    s->identity = aws_identity_create(&s->settings, s->pool);
    return s;
}

void aws_session_close(struct aws_session *s) {
    if (!s)
        return;
    aws_identity_destroy(s->identity);
    http_pool_destroy(s->pool);
    profile_set_destroy(s->profiles);
    session_regions_deinit(s);
    pthread_mutex_destroy(&s->lock);
    aws_settings_deinit(&s->settings);
    free(s);
}

bool aws_session_credentials(struct aws_session *s, struct aws_credentials *c, const atomic_bool *stop,
                             struct err *err) {
    return aws_identity_get(s->identity, c, stop, err);
}

void aws_session_counts(const struct aws_session *s, struct aws_counts *to) {
    *to = (struct aws_counts){.requests = atomic_load(&s->requests),
                              .retries = atomic_load(&s->retries),
                              .throttled = atomic_load(&s->throttled),
                              .failed = atomic_load(&s->failed)};
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

void aws_answer_deinit(struct aws_answer *a) {
    buf_deinit(&a->body);
    *a = (struct aws_answer){0};
}

bool aws_perform(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer, const atomic_bool *stop,
                 struct err *err) {
    struct aws_flight f = {.session = s, .call = *call, .stop = stop};
    *answer = (struct aws_answer){0};
    bool ok = session_begin(&f, err);
    if (!ok)
        atomic_fetch_add(&s->failed, 1);
    ok = ok && session_finish(&f, answer, err);
    session_end(&f);
    return ok;
}

/* The exchange goes to the caller. */
static struct http_exchange *take_stream(struct aws_flight *f, struct aws_answer *answer, struct err *err) {
    struct http_exchange *x = NULL;
    *answer = (struct aws_answer){0};
    if (session_finish(f, answer, err)) {
        x = f->x;
        f->x = NULL;
    }
    session_end(f);
    return x;
}

struct http_exchange *aws_stream(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer,
                                 const atomic_bool *stop, struct err *err) {
    struct aws_flight f = {.session = s, .call = *call, .stop = stop, .is_stream = true};
    *answer = (struct aws_answer){0};
    if (session_begin(&f, err))
        return take_stream(&f, answer, err);
    atomic_fetch_add(&s->failed, 1);
    session_end(&f);
    return NULL;
}

/* --- flights ------------------------------------------------------------------------------------------------------ */

static const char *copy(const char *text) {
    return alloc_copy(text);
}

static void drop(const char *text) {
    free((char *)(uintptr_t)text);
}

static void own_call(struct aws_call *c) {
    struct sigv4_parameter *parameters = alloc_zeroed(c->parameter_count + 1, sizeof *parameters);
    struct http_header *headers = alloc_zeroed(c->header_count + 1, sizeof *headers);
    for (size_t i = 0; i < c->parameter_count; i++)
        parameters[i] = (struct sigv4_parameter){copy(c->parameters[i].name), copy(c->parameters[i].value)};
    for (size_t i = 0; i < c->header_count; i++)
        headers[i] = (struct http_header){copy(c->headers[i].name), copy(c->headers[i].value)};
    c->parameters = parameters;
    c->headers = headers;
    c->service = copy(c->service);
    c->prefix = copy(c->prefix);
    c->bucket = copy(c->bucket);
    c->region = copy(c->region);
    c->method = copy(c->method);
    c->path = copy(c->path);
    c->permission = copy(c->permission);
}

static void disown_call(struct aws_call *c) {
    for (size_t i = 0; i < c->parameter_count; i++)
        drop(c->parameters[i].name), drop(c->parameters[i].value);
    for (size_t i = 0; i < c->header_count; i++)
        drop(c->headers[i].name), drop(c->headers[i].value);
    free((struct sigv4_parameter *)(uintptr_t)c->parameters);
    free((struct http_header *)(uintptr_t)c->headers);
    drop(c->service);
    drop(c->prefix);
    drop(c->bucket);
    drop(c->region);
    drop(c->method);
    drop(c->path);
    drop(c->permission);
}

struct aws_flight *aws_stream_begin(struct aws_session *s, const struct aws_call *call, const atomic_bool *stop,
                                    struct err *err) {
    struct aws_flight *f = alloc_zeroed(1, sizeof *f);
    *f = (struct aws_flight){.session = s, .call = *call, .stop = stop, .is_stream = true};
    own_call(&f->call);
    if (session_begin(f, err))
        return f;
    atomic_fetch_add(&s->failed, 1);
    aws_stream_drop(f);
    return NULL;
}

struct http_exchange *aws_stream_wait(struct aws_flight *f, struct aws_answer *answer, struct err *err) {
    struct http_exchange *x = take_stream(f, answer, err);
    aws_stream_drop(f);
    return x;
}

void aws_stream_drop(struct aws_flight *f) {
    if (!f)
        return;
    session_end(f);
    disown_call(&f->call);
    free(f);
}
