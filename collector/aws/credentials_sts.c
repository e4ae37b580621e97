/* Roles, which STS lends (docs.aws.amazon.com/STS/latest/APIReference). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_internal.h"
#include "aws/date.h"
#include "aws/endpoint.h"
#include "aws/session_error.h"
#include "aws/session_retry.h"
#include "aws/sigv4.h"
#include "aws/xml.h"
#include "core/alloc.h"

enum { STS_TIMEOUT_MS = 10000, STS_ATTEMPTS = 3, URL_MAX = 1024, BODY_MAX = 64 << 10, TOKEN_FILE_MAX = 32 << 10 };

struct sts_request {
    const char *action, *role; /* for what is said */
    struct buf body;           /* a form */
    const char *region;
    const struct aws_credentials *base; /* NULL: not signed */
};

/* --- the form ----------------------------------------------------------------------------------------------------- */

static void add_field(struct buf *body, const char *name, const char *value) {
    if (!value)
        return;
    buf_append_str(body, body->len ? "&" : "");
    buf_append_str(body, name);
    buf_append_char(body, '=');
    sigv4_encode(body, span_of(value), false);
}

static void begin_form(struct sts_request *r, const struct search *s, const struct role *role, const char *action) {
    *r = (struct sts_request){.action = action, .role = role->arn};
    buf_init(&r->body, BODY_MAX);
    buf_reserve(&r->body, BODY_MAX); /* a token in it is not left behind where it was too small */
    add_field(&r->body, "Action", action);
    add_field(&r->body, "Version", "2011-06-15");
    add_field(&r->body, "RoleArn", role->arn);
    add_field(&r->body, "RoleSessionName", role->session_name ? role->session_name : "ses-collector");
    add_field(&r->body, "DurationSeconds", role->duration_s);
    r->region = credentials_region(s);
    if (!r->region)
        r->region = role->region;
}

static void end_form(struct sts_request *r) {
    if (r->body.data)
        aws_wipe(r->body.data, r->body.size);
    buf_deinit(&r->body);
}

/* Where nothing says a region, that of the role's partition does ("arn:aws-cn:iam:..."). */
static const char *region_of_role(const char *arn, char *scratch, size_t size) {
    const char *region = NULL;
    if (strncmp(arn, "arn:", 4) == 0) {
        snprintf(scratch, size, "%.*s", (int)strcspn(arn + 4, ":"), arn + 4);
        region = endpoint_partition_region(scratch);
    }
    return region ? region : "us-east-1";
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static void put(char **to, const char *text) {
    if (*to)
        aws_wipe(*to, strlen(*to));
    free(*to);
    *to = alloc_copy(text);
}

static bool take_element(void *context, const char *path, const char *text) {
    struct aws_credentials *c = context;
    const char *name = strstr(path, "/Credentials/");
    if (!name)
        return true;
    name += strlen("/Credentials/");
    if (strcmp(name, "AccessKeyId") == 0)
        put(&c->access_key, text);
    else if (strcmp(name, "SecretAccessKey") == 0)
        put(&c->secret_key, text);
    else if (strcmp(name, "SessionToken") == 0)
        put(&c->session_token, text);
    else if (strcmp(name, "Expiration") == 0 && !date_parse_iso(text, &c->expires_ms))
        c->expires_ms = 0;
    return true;
}

static bool take_answer(const struct sts_request *r, struct span body, struct aws_credentials *c, struct err *err) {
    *c = (struct aws_credentials){0};
    if (xml_walk(body, &(struct xml_hooks){c, take_element}, NULL) && c->access_key && c->secret_key &&
        c->session_token && c->expires_ms)
        return true;
    aws_credentials_deinit(c);
    return err_set(err, ERR_CONFIG, "STS %s gave no credentials for %.200s", r->action, r->role);
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

struct look {
    int64_t date_ms, retry_after_ms;
};

static void look_at(void *context, const struct http_exchange *x) {
    struct look *look = context;
    const char *date = http_header_of(x, "date");
    if (!date || !date_parse_http(date, &look->date_ms))
        look->date_ms = 0;
    look->retry_after_ms = http_retry_after_ms(x);
}

/* One attempt. Its status; 0 with `err`. */
static int ask_once(const struct search *s, const struct sts_request *r, const struct endpoint *e, bool fresh,
                    struct buf *answer, struct look *look, struct err *err) {
    static const struct http_header type = {"content-type", "application/x-www-form-urlencoded; charset=utf-8"};
    char url[URL_MAX], path[ENDPOINT_BASE_MAX + 1];
    struct sigv4_signed signed_request;
    int status = 0;
    snprintf(path, sizeof path, "%s/", e->base);
    struct sigv4_request request = {.method = "POST",
                                    .service = "sts",
                                    .region = r->region,
                                    .host = e->host,
                                    .path = path,
                                    .headers = &type,
                                    .header_count = 1,
                                    .body = buf_span(&r->body),
                                    .now_ms = aws_clock_now_ms(s->clock)};
    if (sigv4_sign(&request, r->base, &signed_request)) {
        snprintf(url, sizeof url, "%s://%s%s", e->scheme, e->host, signed_request.target.data);
        struct http_request http = {.method = "POST",
                                    .url = url,
                                    .headers = signed_request.headers,
                                    .header_count = signed_request.header_count,
                                    .body = buf_span(&r->body),
                                    .timeout_ms = STS_TIMEOUT_MS,
                                    .fresh = fresh};
        status = http_fetch(s->pool, &http, CREDENTIALS_ANSWER_MAX, answer, look_at, look, s->stop, err);
    } else {
        err_set(err, ERR_CONFIG, "the request to STS cannot be signed");
    }
    sigv4_signed_deinit(&signed_request);
    return status;
}

static bool resolve(const struct search *s, struct sts_request *r, char *scratch, size_t size, struct endpoint *e,
                    struct err *err) {
    struct endpoint_query q = {.service = "sts"};
    char *own = endpoint_configured(s->settings, s->profiles, s->profile, "sts");
    endpoint_flags(s->settings, s->profiles, s->profile, &q.fips, &q.dual_stack);
    if (!r->region)
        r->region = region_of_role(r->role, scratch, size);
    q.region = r->region;
    q.own = own;
    bool ok = endpoint_resolve(&q, e, err);
    free(own);
    return ok;
}

/* Whether to try once more after this; waits if so. */
static bool try_again(const struct search *s, const struct sts_request *r, const struct aws_problem *problem,
                      const struct look *look, unsigned attempt, bool *clock_learned) {
    enum aws_remedy remedy = problem->status ? aws_problem_remedy(problem) : REMEDY_WAIT;
    if (remedy == REMEDY_CLOCK && r->base && !*clock_learned) {
        *clock_learned = true;
        return aws_clock_learn(s->clock, look->date_ms);
    }
    if ((remedy != REMEDY_WAIT && remedy != REMEDY_THROTTLE) || attempt + 1 >= STS_ATTEMPTS)
        return false;
    return retry_pause(retry_wait_ms(attempt + 2, remedy == REMEDY_THROTTLE, look->retry_after_ms), s->stop);
}

static bool ask(const struct search *s, struct sts_request *r, struct aws_credentials *c, struct err *err) {
    struct endpoint e;
    char scratch[32];
    bool clock_learned = false, ok = false;
    if (r->body.failed)
        return err_set(err, ERR_CONFIG, "the request to STS is too long");
    if (!resolve(s, r, scratch, sizeof scratch, &e, err))
        return false;
    for (unsigned attempt = 0;; attempt++) {
        struct buf answer;
        struct err why = {0};
        struct look look = {0};
        struct aws_problem problem = {0};
        buf_init(&answer, CREDENTIALS_ANSWER_MAX);
        int status = ask_once(s, r, &e, attempt > 0, &answer, &look, &why);
        if (status >= 200 && status < 300)
            ok = take_answer(r, buf_span(&answer), c, err);
        else if (status)
            aws_problem_read(&problem, status, &(struct aws_problem_headers){0}, buf_span(&answer));
        if (answer.data)
            aws_wipe(answer.data, answer.size);
        buf_deinit(&answer);
        if (status >= 200 && status < 300)
            return ok;
        if (try_again(s, r, &problem, &look, attempt, &clock_learned))
            continue;
        if (!status)
            return err_set(err, why.code, "STS %s of %.120s: %s", r->action, r->role, why.text);
        return err_set(err, ERR_CONFIG, "STS %s of %.120s: %s (HTTP %d)%s%s", r->action, r->role,
                       *problem.code ? problem.code : "refused", status, *problem.message ? ": " : "", problem.message);
    }
}

bool credentials_of_role(const struct search *s, const struct role *role, const struct aws_credentials *base,
                         struct aws_credentials *c, struct err *err) {
    struct sts_request r;
    begin_form(&r, s, role, "AssumeRole");
    add_field(&r.body, "ExternalId", role->external_id);
    r.base = base;
    bool ok = ask(s, &r, c, err);
    end_form(&r);
    return ok;
}

bool credentials_of_web_identity(const struct search *s, const struct role *role, const char *token_file,
                                 struct aws_credentials *c, struct err *err) {
    size_t len;
    char *token = profile_read_file(token_file, TOKEN_FILE_MAX, &len, NULL, err);
    if (!token)
        return false;
    char *end = token + len;
    while (end > token && span_is_blank(end[-1]))
        *--end = 0;
    struct sts_request r;
    begin_form(&r, s, role, "AssumeRoleWithWebIdentity");
    add_field(&r.body, "WebIdentityToken", token);
    bool ok = *token ? ask(s, &r, c, err) : err_set(err, ERR_CONFIG, "%.200s holds no token", token_file);
    end_form(&r);
    aws_wipe(token, len);
    free(token);
    return ok;
}
