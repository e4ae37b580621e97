#include "sinks/http_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "http/pool.h"
#include "sinks/text.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes of the body that are read */
    KEPT_MAX = 1024,        /* bytes of the body that are looked at for its first line */
    TIMEOUT_MS = 10000,
    WINDOW = 16 * 1024,
    SECRETS_MAX = 32,
    SECRET_SHORTEST = 6, /* pieces of a URL shorter than this are words, not secrets */
};

struct http_client {
    char *url, *password, *authorization; /* "Bearer ..." */
    int64_t timeout_ms;
    struct http_pool *pool;
    atomic_bool stopped;
    char *secrets[SECRETS_MAX]; /* what no line that we show may hold */
    size_t secret_count;
};

/* --- Secrets ---------------------------------------------------------------------------------------------------- */

static void add_secret(struct http_client *c, const char *text, size_t len) {
    if (len >= SECRET_SHORTEST && c->secret_count < SECRETS_MAX)
        c->secrets[c->secret_count++] = alloc_string(text, len);
}

/* What stands behind the host: the tokens of Slack and its kind are pieces of the path. */
static void add_secrets_of_url(struct http_client *c, const char *url) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t end = strcspn(host, "/?#");
    for (size_t i = end; i > 0; i--) {
        if (host[i - 1] != '@')
            continue;
        for (size_t at = 0; at < i - 1;) { /* user:password@ */
            size_t len = strcspn(host + at, ":@");
            add_secret(c, host + at, len);
            at += len + 1;
        }
        break;
    }
    for (const char *at = host + end; *at;) {
        size_t len = strcspn(at, "/?#&=");
        add_secret(c, at, len);
        at += len + (at[len] != '\0');
    }
}

static bool holds(struct span text, const char *part) {
    return part && *part && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* A peer may say back what it got ("Cannot POST /services/..."). */
static bool repeats_secret(const struct http_client *c, struct span text, const struct http_header *headers,
                           size_t count) {
    for (size_t i = 0; i < c->secret_count; i++)
        if (holds(text, c->secrets[i]))
            return true;
    if (holds(text, c->password) || (c->authorization && holds(text, c->authorization + strlen("Bearer "))))
        return true;
    for (size_t i = 0; i < count; i++)
        if (strlen(headers[i].value) >= SECRET_SHORTEST && holds(text, headers[i].value))
            return true;
    return false;
}

/* --- Life ------------------------------------------------------------------------------------------------------- */

static bool holds_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool check_options(const struct http_client_options *o, struct err *err) {
    if (!http_check_url(o->url, err))
        return false;
    if ((o->username && holds_control(o->username)) || (o->password && holds_control(o->password)))
        return err_set(err, ERR_CONFIG, "the user name or the password holds a line end or another control byte");
    if (o->bearer_token && (!*o->bearer_token || holds_control(o->bearer_token)))
        return err_set(err, ERR_CONFIG, "the bearer token is empty, or holds a line end or another control byte");
    return true;
}

struct http_client *http_client_create(const struct http_client_options *o, struct err *err) {
    if (!check_options(o, err))
        return NULL;
    struct http_pool *pool = http_pool_create(&(struct http_pool_options){.ca_file = o->ca_file,
                                                                          .cert_file = o->cert_file,
                                                                          .key_file = o->key_file,
                                                                          .username = o->username,
                                                                          .password = o->password,
                                                                          .connections = 1},
                                              err);
    if (!pool)
        return NULL;
    struct http_client *c = alloc_zeroed(1, sizeof *c);
    c->pool = pool;
    c->url = alloc_copy(o->url);
    c->password = alloc_copy(o->password);
    if (o->bearer_token) {
        size_t size = strlen(o->bearer_token) + sizeof "Bearer ";
        c->authorization = alloc_zeroed(1, size);
        snprintf(c->authorization, size, "Bearer %s", o->bearer_token);
    }
    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    add_secrets_of_url(c, o->url);
    return c;
}

void http_client_destroy(struct http_client *c) {
    if (!c)
        return;
    http_pool_destroy(c->pool);
    alloc_forget(c->url);
    alloc_forget(c->password);
    alloc_forget(c->authorization);
    for (size_t i = 0; i < c->secret_count; i++)
        alloc_forget(c->secrets[i]);
    free(c);
}

void http_client_stop(struct http_client *c) {
    atomic_store(&c->stopped, true); /* whoever waits for an answer looks at it */
}

/* --- An exchange ------------------------------------------------------------------------------------------------ */

static void keep_line(const struct http_client *c, struct span rest, const struct http_header *headers, size_t count,
                      char line[HTTP_LINE_SIZE]) {
    if (repeats_secret(c, rest, headers, count)) {
        snprintf(line, HTTP_LINE_SIZE, "(not shown: it repeats a secret)");
        return;
    }
    size_t len = 0;
    while (rest.len && *rest.ptr != '\n' && *rest.ptr != '\r') {
        uint32_t code;
        size_t step = utf8_next(rest, &code);
        bool shown = step && !text_is_control(code);
        if (len + (step ? step : 1) >= HTTP_LINE_SIZE)
            break;
        memcpy(line + len, shown ? rest.ptr : "?", shown ? step : 1);
        len += shown ? step : 1;
        rest.ptr += step ? step : 1;
        rest.len -= step ? step : 1;
    }
    line[len] = '\0';
}

/* The first bytes of the body; what is behind ANSWER_MAX is not waited for. False: it broke off before. */
static bool read_body(struct http_exchange *x, char kept[KEPT_MAX], size_t *kept_len, struct err *err) {
    char piece[4096];
    size_t all = 0;
    ssize_t n;
    while ((n = http_read(x, piece, sizeof piece, err)) > 0 && all <= ANSWER_MAX) {
        size_t len = (size_t)n, room = KEPT_MAX - *kept_len;
        memcpy(kept + *kept_len, piece, len < room ? len : room);
        *kept_len += len < room ? len : room;
        all += len;
    }
    return n >= 0;
}

static bool read_answer(const struct http_client *c, struct http_exchange *x, const struct http_header *headers,
                        size_t count, struct http_answer *answer, struct err *err) {
    char kept[KEPT_MAX];
    size_t len = 0;
    int status = http_status(x, err);
    if (!status || !read_body(x, kept, &len, err))
        return false;
    answer->status = status;
    answer->retry_after_ms = http_retry_after_ms(x);
    keep_line(c, (struct span){kept, len}, headers, count, answer->line);
    return true;
}

/* Posts are rare, and a connection that has gone stale would send one twice: each has its own. */
enum http_result http_client_post(struct http_client *c, struct span body, const struct http_header *headers,
                                  size_t count, struct http_answer *answer, struct err *err) {
    *answer = (struct http_answer){0};
    if (atomic_load(&c->stopped))
        return HTTP_STOPPED;
    struct http_header *all = alloc_zeroed(count + 2, sizeof *all);
    size_t used = 0;
    all[used++] = (struct http_header){"Content-Type", "application/json"};
    if (c->authorization)
        all[used++] = (struct http_header){"Authorization", c->authorization};
    for (size_t i = 0; i < count; i++)
        all[used++] = headers[i];
    struct http_request request = {.method = "POST",
                                   .url = c->url,
                                   .headers = all,
                                   .header_count = used,
                                   .body = body,
                                   .timeout_ms = c->timeout_ms,
                                   .window = WINDOW,
                                   .forget = true};
    struct err cause = {0};
    struct http_exchange *x = http_begin(c->pool, &request, &c->stopped, &cause);
    free(all);
    enum http_result result = HTTP_ANSWERED;
    if (!x || !read_answer(c, x, headers, count, answer, &cause))
        result = x && atomic_load(&c->stopped) ? HTTP_STOPPED : HTTP_FAILED;
    http_end(x);
    if (result == HTTP_FAILED)
        err_set(err, cause.code, "%s", cause.text);
    return result;
}
