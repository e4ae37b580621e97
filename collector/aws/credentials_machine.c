/* What the place where we run gives: a container's endpoint (ECS, EKS pod identity), and the machine's (EC2, IMDSv2).
 * Both are addresses of the machine itself: never through a proxy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials_internal.h"
#include "aws/endpoint.h"
#include "aws/session_retry.h"
#include "aws/sigv4.h"
#include "core/alloc.h"

enum { URL_MAX = 1024, TOKEN_MAX = 16 << 10 };

static void wipe_buf(struct buf *b) {
    if (b->data)
        aws_wipe(b->data, b->size);
    buf_deinit(b);
}

/* --- the container ------------------------------------------------------------------------------------------------ */

enum { CONTAINER_TIMEOUT_MS = 2000, TRIES = 3 };

/* The token that goes there must not go to anybody else: without TLS only to the machine itself. */
static bool is_allowed_url(const char *url, struct err *err) {
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    if (!http_check_url(url, err))
        return false;
    if (strncasecmp(url, "https://", 8) == 0)
        return true;
    const char *start = strstr(url, "://") + 3;
    struct span host = {start, strcspn(start, "/?#")};
    if (memchr(host.ptr, '@', host.len))
        return err_set(err, ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI names a user");
    host = endpoint_bare_host(host);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (span_eq_nocase(host, span_of(hosts[i])))
            return true;
    return endpoint_is_loopback(host) ||
           err_set(err, ERR_CONFIG,
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of the "
                   "machine itself");
}

/* The token is read anew each time: it is renewed in its file. *token NULL: none is needed. Returns new. */
static bool container_token(char **token, struct err *err) {
    const char *file = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *direct = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    size_t len = 0;
    *token = NULL;
    if (file) {
        *token = profile_read_file(file, TOKEN_MAX, &len, NULL, err);
        if (!*token)
            return false;
        while (len && ((*token)[len - 1] == '\n' || (*token)[len - 1] == '\r'))
            (*token)[--len] = 0;
    } else if (direct) {
        *token = alloc_copy(direct);
        len = strlen(direct);
    }
    if (!*token || (!memchr(*token, 0, len) && http_check_header("authorization", *token, NULL)))
        return true;
    aws_wipe(*token, len);
    free(*token);
    *token = NULL;
    return err_set(err, ERR_CONFIG, "the container's authorization token holds a line's end or another control byte");
}

static enum found container_url(char url[URL_MAX], struct err *err) {
    const char *relative = credentials_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = credentials_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full) {
        err_set(err, ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
        return FOUND_NOTHING;
    }
    if (relative && *relative != '/') {
        err_set(err, ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
        return FOUND_FAILED;
    }
    int n = relative ? snprintf(url, URL_MAX, "http://169.254.170.2%s", relative) : snprintf(url, URL_MAX, "%s", full);
    if (n < 0 || n >= URL_MAX) {
        err_set(err, ERR_CONFIG, "the address of the container's credentials is too long");
        return FOUND_FAILED;
    }
    return is_allowed_url(url, err) ? FOUND_OK : FOUND_FAILED;
}

/* Not now, but perhaps in a moment. */
static bool is_busy(int status) {
    return status == 429 || status >= 500;
}

/* Status, or 0 with `err`. Asked again while it is busy and, if `silence` is worth it, when there is no answer. */
static int fetch_patiently(const struct search *s, const struct http_request *request, size_t max, bool silence,
                           struct buf *body, struct err *err) {
    for (unsigned attempt = 0;; attempt++) {
        struct err why = {0};
        buf_clear(body);
        int status = http_fetch(s->pool, request, max, body, NULL, NULL, s->stop, &why);
        bool again = status ? is_busy(status) : silence;
        if (again && attempt + 1 < TRIES && retry_pause(retry_wait_ms(attempt + 2, false, 0), s->stop))
            continue;
        if (!status)
            err_set(err, why.code, "%s", why.text);
        return status;
    }
}

/* Status, or 0 with `err`. */
static int container_fetch(const struct search *s, const char *url, const char *token, struct buf *body,
                           struct err *err) {
    struct http_header header = {"authorization", token};
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .headers = &header,
                                   .header_count = token != NULL,
                                   .timeout_ms = CONTAINER_TIMEOUT_MS,
                                   .connect_ms = CONTAINER_TIMEOUT_MS,
                                   .direct = true,
                                   .forget = true};
    return fetch_patiently(s, &request, CREDENTIALS_ANSWER_MAX, true, body, err);
}

enum found credentials_of_container(const struct search *s, struct aws_credentials *c, struct err *err) {
    static const struct credentials_words words = {"the container's endpoint", "Token", "Expiration", true};
    char url[URL_MAX];
    char *token;
    enum found found = container_url(url, err);
    if (found != FOUND_OK)
        return found;
    if (!container_token(&token, err))
        return FOUND_FAILED;
    struct buf body;
    struct err why = {0};
    buf_init(&body, CREDENTIALS_ANSWER_MAX);
    int status = container_fetch(s, url, token, &body, &why);
    bool ok = status == 200 && credentials_of_json(buf_span(&body), &words, c, err);
    if (!status)
        err_set(err, why.code, "the container's endpoint: %s", why.text);
    else if (status != 200)
        err_set(err, ERR_CONFIG, "the container's endpoint answers HTTP %d", status);
    wipe_buf(&body);
    if (token)
        aws_wipe(token, strlen(token));
    free(token);
    return ok ? FOUND_OK : FOUND_FAILED;
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

enum { MACHINE_TIMEOUT_MS = 1000, MACHINE_ANSWER_MAX = 4 << 10, STALE_MS = 5 * 60 * 1000 };

#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

static const char *machine_base(void) {
    const char *own = credentials_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = credentials_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (own)
        return own;
    return mode && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

/* Status, or 0 with `err`. The answer is terminated. */
static int machine_fetch(const struct search *s, const char *method, const char *path, const struct http_header *header,
                         struct buf *body, struct err *err) {
    char url[URL_MAX];
    const char *base = machine_base();
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    int n = snprintf(url, sizeof url, "%.*s%s", (int)len, base, path);
    if (n < 0 || n >= (int)sizeof url || !http_check_url(url, err)) {
        err_set(err, ERR_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL");
        return 0;
    }
    struct http_request request = {.method = method,
                                   .url = url,
                                   .headers = header,
                                   .header_count = 1,
                                   .timeout_ms = MACHINE_TIMEOUT_MS,
                                   .connect_ms = MACHINE_TIMEOUT_MS,
                                   .direct = true};
    int status = fetch_patiently(s, &request, body->limit - 1, false, body, err); /* silence: most likely no EC2 */
    buf_append_char(body, 0);
    return status;
}

/* A machine that allows only IMDSv2 and one that allows both answer alike; the older way is never taken. */
static bool machine_token(const struct search *s, struct buf *token, bool *busy, struct err *err) {
    static const struct http_header ttl = {"x-aws-ec2-metadata-token-ttl-seconds", "21600"};
    struct err why = {0};
    int status = machine_fetch(s, "PUT", "/latest/api/token", &ttl, token, &why);
    if (!status)
        return err_set(err, why.code, "%s", why.text);
    *busy = is_busy(status);
    if (status != 200)
        return err_set(err, *busy ? ERR_IO : ERR_CONFIG, "no IMDSv2 token (HTTP %d)", status);
    return http_check_header("x-aws-ec2-metadata-token", token->data, NULL) ||
           err_set(err, ERR_CONFIG, "the IMDSv2 token is damaged");
}

static bool is_switched_off(struct err *err) {
    if (!endpoint_is_true(getenv("AWS_EC2_METADATA_DISABLED")))
        return false;
    err_set(err, ERR_CONFIG, "AWS_EC2_METADATA_DISABLED");
    return true;
}

/* The name of the machine's role, encoded, behind the path of them all. */
static bool role_path(struct buf *body, struct buf *path, struct err *err) {
    struct span name = span_trim(span_of(body->data));
    const char *end = memchr(name.ptr, '\n', name.len);
    if (end)
        name.len = (size_t)(end - name.ptr);
    if (!name.len || name.len > 128)
        return err_set(err, ERR_CONFIG, "no role is attached to the machine");
    buf_append_str(path, ROLES_PATH);
    sigv4_encode(path, name, false);
    return buf_append_char(path, 0);
}

/* {"Code": "Success", ...}; anything else there is why not. */
static bool take_machine(struct buf *body, struct search const *s, struct aws_credentials *c, struct err *err) {
    static const struct credentials_words words = {"the machine's endpoint", "Token", "Expiration", true};
    if (strstr(body->data, "\"Code\"") && !strstr(body->data, "\"Success\""))
        return err_set(err, ERR_CONFIG, "the machine's endpoint has a role, and no credentials for it now");
    if (!credentials_of_json(span_of(body->data), &words, c, err))
        return false;
    /* When AWS cannot renew them it goes on giving the last ones, and goes on taking them: static stability. */
    int64_t now_ms = aws_clock_now_ms(s->clock);
    if (c->expires_ms <= now_ms)
        c->expires_ms = now_ms + STALE_MS;
    return true;
}

static enum found ask_machine(const struct search *s, struct buf *token, struct buf *body, struct buf *path,
                              struct aws_credentials *c, struct err *err) {
    bool busy = false;
    if (!machine_token(s, token, &busy, err))
        return busy ? FOUND_FAILED : FOUND_NOTHING; /* most likely this is no EC2 */
    struct http_header header = {"x-aws-ec2-metadata-token", token->data};
    int status = machine_fetch(s, "GET", ROLES_PATH, &header, body, err);
    if (status == 404)
        err_set(err, ERR_CONFIG, "no role is attached to the machine");
    else if (status && status != 200)
        err_set(err, ERR_CONFIG, "the machine's endpoint answers HTTP %d", status);
    if (status != 200)
        return status == 404 ? FOUND_NOTHING : FOUND_FAILED;
    if (!role_path(body, path, err))
        return FOUND_NOTHING;
    status = machine_fetch(s, "GET", path->data, &header, body, err);
    if (status && status != 200)
        err_set(err, ERR_CONFIG, "the machine's endpoint answers HTTP %d for its role", status);
    return status == 200 && take_machine(body, s, c, err) ? FOUND_OK : FOUND_FAILED;
}

enum found credentials_of_machine(const struct search *s, struct aws_credentials *c, struct err *err) {
    struct buf token, body, path;
    if (is_switched_off(err))
        return FOUND_NOTHING;
    buf_init(&token, MACHINE_ANSWER_MAX);
    buf_init(&body, CREDENTIALS_ANSWER_MAX);
    buf_init(&path, URL_MAX);
    enum found found = ask_machine(s, &token, &body, &path, c, err);
    wipe_buf(&token);
    wipe_buf(&body);
    buf_deinit(&path);
    return found;
}

char *credentials_machine_region(const struct search *s, struct err *err) {
    struct buf token, body;
    char *region = NULL;
    bool busy = false;
    if (is_switched_off(err))
        return NULL;
    buf_init(&token, MACHINE_ANSWER_MAX);
    buf_init(&body, MACHINE_ANSWER_MAX);
    if (machine_token(s, &token, &busy, err)) {
        struct http_header header = {"x-aws-ec2-metadata-token", token.data};
        int status = machine_fetch(s, "GET", "/latest/meta-data/placement/region", &header, &body, err);
        if (status == 200 && endpoint_is_region(body.data))
            region = alloc_copy(body.data);
        else if (status)
            err_set(err, ERR_CONFIG, "the machine's endpoint gives no region (HTTP %d)", status);
    }
    wipe_buf(&token);
    wipe_buf(&body);
    return region;
}
