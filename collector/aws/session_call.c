/* One call, attempt after attempt:
 *
 *     begin    credentials, region, endpoint, signature, and off it goes
 *     finish   waits; then it went well, or it is begun again (after a wait, with another clock, other credentials,
 *              another region), or it has failed */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/date.h"
#include "aws/session_internal.h"
#include "core/clock.h"
#include "core/log.h"

enum { ATTEMPT_MS = 30000, STALL_MS = 30000, URL_LIMIT = 64 << 10, PIECE = 64 << 10 };

/* --- begin -------------------------------------------------------------------------------------------------------- */

static bool is_anonymous(const struct aws_flight *f) {
    return f->call.anonymous || f->session->settings.anonymous;
}

static bool find_endpoint(struct aws_flight *f, struct endpoint *to, struct err *err) {
    const struct aws_session *s = f->session;
    const struct aws_call *call = &f->call;
    char *own = endpoint_configured(&s->settings, s->profiles, credentials_profile_name(&s->settings), call->service);
    struct endpoint_query q = {.service = call->service,
                               .prefix = call->prefix,
                               .region = f->region,
                               .bucket = call->bucket,
                               .path_style = call->path_style,
                               .fips = s->fips,
                               .dual_stack = s->dual_stack,
                               .own = own};
    f->own_endpoint = own != NULL;
    bool ok = endpoint_resolve(&q, to, err);
    free(own);
    return ok;
}

static bool start(struct aws_flight *f, const struct endpoint *e, const struct sigv4_signed *signed_request,
                  struct err *err) {
    const struct aws_call *call = &f->call;
    struct buf url;
    buf_init(&url, URL_LIMIT + ENDPOINT_HOST_MAX);
    bool ok = buf_printf(&url, "%s://%s", e->scheme, e->host) &&
              buf_append(&url, signed_request->target.data, signed_request->target.len);
    struct http_request request = {.method = call->method,
                                   .url = url.data,
                                   .headers = signed_request->headers,
                                   .header_count = signed_request->header_count,
                                   .body = call->body,
                                   .timeout_ms = call->timeout_ms,
                                   .window = call->window,
                                   .fresh = f->fresh,
                                   .forget = call->once};
    if (f->is_stream)
        request.stall_ms = STALL_MS;
    else if (!request.timeout_ms)
        request.timeout_ms = ATTEMPT_MS;
    f->patience_ms = request.timeout_ms ? request.timeout_ms : request.stall_ms;
    f->begun_ns = clock_monotonic_ns();
    if (ok) {
        f->x = http_begin(f->session->pool, &request, f->stop, err);
        atomic_fetch_add(&f->session->requests, 1);
    } else {
        err_set(err, ERR_CONFIG, "the request is too long");
    }
    buf_deinit(&url);
    return f->x != NULL;
}

static bool sign_and_start(struct aws_flight *f, const struct endpoint *e, struct err *err) {
    const struct aws_call *call = &f->call;
    struct aws_clock *clock = aws_identity_clock(f->session->identity);
    struct sigv4_signed signed_request;
    struct buf path;
    buf_init(&path, URL_LIMIT);
    buf_append_str(&path, e->base);
    if (e->bucket_in_path)
        buf_append_char(&path, '/'), buf_append_str(&path, call->bucket);
    buf_append(&path, call->path, strlen(call->path) + 1);
    f->offset_ms = atomic_load(&clock->offset_ms);
    struct sigv4_request request = {.method = call->method,
                                    .service = call->service,
                                    .region = f->region,
                                    .host = e->host,
                                    .path = path.data,
                                    .parameters = call->parameters,
                                    .parameter_count = call->parameter_count,
                                    .headers = call->headers,
                                    .header_count = call->header_count,
                                    .body = call->body,
                                    .now_ms = clock_wall_ms() + f->offset_ms};
    bool ok = false;
    if (path.failed) {
        err_set(err, ERR_CONFIG, "the request's path is too long");
    } else {
        ok = sigv4_sign(&request, is_anonymous(f) ? NULL : &f->credentials, &signed_request);
        ok = ok ? start(f, e, &signed_request, err) : err_set(err, ERR_CONFIG, "the request is too long to be signed");
        sigv4_signed_deinit(&signed_request);
    }
    buf_deinit(&path);
    return ok;
}

bool session_begin(struct aws_flight *f, struct err *err) {
    struct endpoint e;
    struct err why = {0};
    bool ok = (is_anonymous(f) || aws_identity_get(f->session->identity, &f->credentials, f->stop, &why)) &&
              session_region_of(f->session, &f->call, f->region, f->stop, &why) && find_endpoint(f, &e, &why) &&
              sign_and_start(f, &e, &why);
    return ok || session_explain(f, &(struct aws_problem){0}, &why, err);
}

static void end_attempt(struct aws_flight *f) {
    http_end(f->x);
    f->x = NULL;
    aws_credentials_deinit(&f->credentials);
}

void session_end(struct aws_flight *f) {
    end_attempt(f);
}

/* --- what came back ----------------------------------------------------------------------------------------------- */

static bool read_body(struct http_exchange *x, struct buf *body, struct err *err) {
    for (;;) {
        if (!buf_reserve(body, body->len + PIECE <= body->limit ? PIECE : body->limit - body->len))
            return err_set(err, ERR_IO, "no memory for the answer");
        char beyond;
        size_t room = body->size < body->limit ? body->size - body->len : body->limit - body->len;
        ssize_t n = http_read(x, room ? body->data + body->len : &beyond, room ? room : 1, err);
        if (n <= 0)
            return n == 0;
        if (!room)
            return err_set(err, ERR_IO, "the answer is longer than %zu bytes", body->limit);
        body->len += (size_t)n;
    }
}

static void read_head(const struct http_exchange *x, struct aws_answer *answer) {
    const char *etag = http_header_of(x, "etag"), *date = http_header_of(x, "date");
    if (!date || !date_parse_http(date, &answer->date_ms))
        answer->date_ms = 0;
    struct span tag = span_of(etag);
    if (tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"')
        tag = (struct span){tag.ptr + 1, tag.len - 2};
    if (tag.len < sizeof answer->etag && tag.len)
        memcpy(answer->etag, tag.ptr, tag.len);
}

static void read_problem(struct http_exchange *x, int status, struct aws_problem *p) {
    struct aws_problem_headers headers = {.error_type = http_header_of(x, "x-amzn-errortype"),
                                          .query_error = http_header_of(x, "x-amzn-query-error"),
                                          .bucket_region = http_header_of(x, "x-amz-bucket-region")};
    struct buf body;
    buf_init(&body, AWS_PROBLEM_MAX);
    read_body(x, &body, NULL); /* as much as there is of it */
    aws_problem_read(p, status, &headers, buf_span(&body));
    buf_deinit(&body);
}

/* Waits for the answer. 2xx, and for what is no stream all of it: true. */
static bool take_answer(struct aws_flight *f, struct aws_answer *answer, struct aws_problem *p, struct err *why) {
    *p = (struct aws_problem){0};
    aws_answer_deinit(answer);
    buf_init(&answer->body, AWS_ANSWER_MAX);
    int status = http_status(f->x, why);
    if (!status)
        return false;
    read_head(f->x, answer);
    if (status < 200 || status > 299) {
        read_problem(f->x, status, p);
        answer->status = status;
        snprintf(answer->code, sizeof answer->code, "%s", p->code);
        return false;
    }
    if (!f->is_stream && !read_body(f->x, &answer->body, why))
        return false;
    answer->status = status;
    return true;
}

/* --- what helps --------------------------------------------------------------------------------------------------- */

/* Another call may have learned it meanwhile. */
static bool fix_clock(struct aws_flight *f, int64_t date_ms) {
    struct aws_clock *clock = aws_identity_clock(f->session->identity);
    int64_t since = atomic_load(&clock->offset_ms) - f->offset_ms;
    if (f->clock_tried || is_anonymous(f))
        return false;
    f->clock_tried = true;
    return since > CLOCK_LEARN_MS || since < -CLOCK_LEARN_MS || aws_clock_learn(clock, date_ms);
}

/* The same credentials again would be refused again. */
static bool fix_identity(struct aws_flight *f) {
    struct aws_identity *identity = f->session->identity;
    struct aws_credentials new;
    if (f->identity_tried || is_anonymous(f))
        return false;
    f->identity_tried = true;
    aws_identity_refused(identity, &f->credentials);
    if (!aws_identity_get(identity, &new, f->stop, NULL))
        return false;
    bool is_new = strcmp(new.access_key, f->credentials.access_key) != 0 ||
                  strcmp(new.session_token ? new.session_token : "",
                         f->credentials.session_token ? f->credentials.session_token : "") != 0;
    aws_credentials_deinit(&new);
    return is_new;
}

/* Where an endpoint of the user's is set, nothing but the signature's region may change. */
static bool fix_region(struct aws_flight *f, const struct aws_problem *p) {
    bool moved = p->status == 301 || p->status == 307;
    bool malformed = p->status == 400 && strcmp(p->code, "AuthorizationHeaderMalformed") == 0;
    if (!(moved || malformed) || !*p->region || !f->call.bucket || f->region_tried ||
        strcmp(p->region, f->region) == 0 || (f->own_endpoint && !malformed))
        return false;
    f->region_tried = true;
    session_learn_region(f->session, f->call.bucket, p->region);
    if (f->own_endpoint && !atomic_exchange(&f->session->store_is_told, true))
        log_event(LOG_WARN, "the endpoint wants requests signed for another region: set aws.region",
                  LOG_FIELDS({"region", p->region, 0}));
    return true;
}

/* A wait out of the budget. */
static bool wait_again(struct aws_flight *f, const struct aws_problem *p, enum aws_remedy remedy) {
    bool was_timeout =
        !p->status && clock_monotonic_ns() - f->begun_ns >= (f->patience_ms - 100) * INT64_C(1000000) && f->patience_ms;
    int64_t asked_ms = p->status ? http_retry_after_ms(f->x) : 0;
    if (f->attempt + 1 >= RETRY_ATTEMPTS ||
        !retry_budget_take(&f->session->budget, was_timeout ? RETRY_COST_TIMEOUT : RETRY_COST))
        return false;
    f->fresh = !p->status;
    return retry_pause(retry_wait_ms(f->attempt++, remedy == REMEDY_THROTTLE, asked_ms), f->stop);
}

static bool helps_again(struct aws_flight *f, const struct aws_problem *p, int64_t date_ms) {
    enum aws_remedy remedy = p->status ? aws_problem_remedy(p) : REMEDY_WAIT;
    if (remedy == REMEDY_THROTTLE)
        atomic_fetch_add(&f->session->throttled, 1);
    if (f->call.once || retry_is_stopped(f->stop))
        return false;
    f->fresh = false;
    switch (remedy) {
    case REMEDY_CLOCK:
        return fix_clock(f, date_ms);
    case REMEDY_IDENTITY:
        return fix_identity(f);
    case REMEDY_WAIT:
    case REMEDY_THROTTLE:
        return wait_again(f, p, remedy);
    case REMEDY_NONE:
        break;
    }
    return fix_region(f, p);
}

bool session_finish(struct aws_flight *f, struct aws_answer *answer, struct err *err) {
    struct aws_session *s = f->session;
    for (;;) {
        struct aws_problem problem;
        struct err why = {0};
        if (take_answer(f, answer, &problem, &why)) {
            retry_budget_give(&s->budget, 1);
            return true;
        }
        if (!helps_again(f, &problem, answer->date_ms)) {
            atomic_fetch_add(&s->failed, 1);
            return session_explain(f, &problem, &why, err);
        }
        atomic_fetch_add(&s->retries, 1);
        end_attempt(f);
        if (!session_begin(f, err)) {
            atomic_fetch_add(&s->failed, 1);
            return false;
        }
    }
}
