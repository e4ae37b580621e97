#include "sinks/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "sinks/text.h"
#include "version.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes of header and body that are read */
    KEPT_MAX = 1024,        /* bytes of the body that are looked at for its first line */
    CONNECT_MAX_MS = 10000,
    SECRETS_MAX = 32,
    SECRET_SHORTEST = 6, /* pieces of a URL shorter than this are words, not secrets */
};

struct http_client {
    char *url, *username, *password, *authorization; /* "Bearer ..." */
    char *ca_file, *cert_file, *key_file;
    int64_t timeout_ms;
    CURLM *multi;
    atomic_bool stopped;
    char *secrets[SECRETS_MAX]; /* what no line that we show may hold */
    size_t secret_count;
};

/* Of one post. */
struct exchange {
    struct curl_slist *headers;
    size_t read;   /* bytes of header and body */
    bool too_long; /* the body */
    char kept[KEPT_MAX];
    size_t kept_len;
    char reason[CURL_ERROR_SIZE];
};

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void start_curl_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
}

/* --- What may be asked for -------------------------------------------------------------------------------------- */

static bool holds_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool is_web_scheme(CURLU *parsed) {
    char *scheme = NULL, *host = NULL;
    bool ok = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
              curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host;
    curl_free(scheme);
    curl_free(host);
    return ok;
}

bool http_client_check_url(const char *url, struct err *err) {
    start_curl_once();
    CURLU *parsed = curl_url();
    bool ok = parsed && !holds_control(url) && !strchr(url, ' ') &&
              curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK && is_web_scheme(parsed);
    curl_url_cleanup(parsed);
    return ok || err_set(err, ERR_CONFIG, "the URL must be of the form http://HOST/ or https://HOST/");
}

bool http_client_check_header(const char *name, const char *value, struct err *err) {
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (!len || name[len])
        return err_set(err, ERR_CONFIG, "a header's name consists of letters, digits, \"-\" and \"_\"");
    if (holds_control(value))
        return err_set(err, ERR_CONFIG, "the value of header %.100s holds a line end or another control byte", name);
    return true;
}

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

static char *copy(const char *text) {
    return text ? alloc_string(text, strlen(text)) : NULL;
}

static void forget(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static bool check_options(const struct http_client_options *o, struct err *err) {
    if (!http_client_check_url(o->url, err))
        return false;
    if ((o->username && holds_control(o->username)) || (o->password && holds_control(o->password)))
        return err_set(err, ERR_CONFIG, "the user name or the password holds a line end or another control byte");
    if (o->bearer_token && (!*o->bearer_token || holds_control(o->bearer_token)))
        return err_set(err, ERR_CONFIG, "the bearer token is empty, or holds a line end or another control byte");
    return true;
}

struct http_client *http_client_create(const struct http_client_options *o, struct err *err) {
    start_curl_once();
    if (!check_options(o, err))
        return NULL;
    struct http_client *c = alloc_zeroed(1, sizeof *c);
    c->url = copy(o->url);
    c->username = copy(o->username);
    c->password = copy(o->password);
    if (o->bearer_token) {
        size_t size = strlen(o->bearer_token) + sizeof "Bearer ";
        c->authorization = alloc_zeroed(1, size);
        snprintf(c->authorization, size, "Bearer %s", o->bearer_token);
    }
    c->ca_file = copy(o->ca_file);
    c->cert_file = copy(o->cert_file);
    c->key_file = copy(o->key_file);
    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : CONNECT_MAX_MS;
    add_secrets_of_url(c, o->url);
    c->multi = curl_multi_init();
    if (!c->multi) {
        err_set(err, ERR_IO, "cannot set up HTTP: out of memory or of file handles");
        http_client_destroy(c);
        return NULL;
    }
    return c;
}

void http_client_destroy(struct http_client *c) {
    if (!c)
        return;
    if (c->multi)
        curl_multi_cleanup(c->multi);
    forget(c->url);
    forget(c->username);
    forget(c->password);
    forget(c->authorization);
    free(c->ca_file);
    free(c->cert_file);
    free(c->key_file);
    for (size_t i = 0; i < c->secret_count; i++)
        forget(c->secrets[i]);
    free(c);
}

void http_client_stop(struct http_client *c) {
    atomic_store(&c->stopped, true);
    curl_multi_wakeup(c->multi);
}

/* --- An exchange ------------------------------------------------------------------------------------------------ */

static size_t take_header(char *data, size_t size, size_t count, void *context) {
    (void)data;
    struct exchange *x = context;
    x->read += size * count;
    return x->read > ANSWER_MAX ? 0 : size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    struct exchange *x = context;
    size_t len = size * count, room = sizeof x->kept - x->kept_len;
    x->read += len;
    memcpy(x->kept + x->kept_len, data, len < room ? len : room);
    x->kept_len += len < room ? len : room;
    x->too_long = x->read > ANSWER_MAX;
    return x->too_long ? 0 : len;
}

static void add_header(struct exchange *x, const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = alloc_zeroed(1, size);
    /* "NAME;" is how libcurl is told of a header without a value. */
    snprintf(line, size, *value ? "%s: %s" : "%s;", name, value);
    x->headers = curl_slist_append(x->headers, line);
    forget(line);
}

static void set_manners(CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* posts are rare, and a stale connection would send one twice */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server that does not answer */
#endif
}

static void set_security(CURL *easy, const struct http_client *c) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, ""); /* else OpenSSL asks the terminal */
    if (c->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* the distribution's folder would count beside it */
    }
    if (c->cert_file)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
    if (c->key_file)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
    if (c->username) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, c->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password ? c->password : "");
    }
}

static void set_request(CURL *easy, const struct http_client *c, struct exchange *x, struct span body) {
    curl_easy_setopt(easy, CURLOPT_URL, c->url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(c->timeout_ms < CONNECT_MAX_MS ? c->timeout_ms : CONNECT_MAX_MS));
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
}

/* Runs until the exchange has ended or is to stop. False: stopped. */
static bool run(struct http_client *c, CURLcode *code) {
    int running = 1;
    *code = CURLE_FAILED_INIT;
    while (!atomic_load(&c->stopped)) {
        if (curl_multi_perform(c->multi, &running) != CURLM_OK)
            return true;
        if (!running) {
            int left;
            for (CURLMsg *m = curl_multi_info_read(c->multi, &left); m; m = curl_multi_info_read(c->multi, &left))
                if (m->msg == CURLMSG_DONE)
                    *code = m->data.result;
            return true;
        }
        curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
    }
    return false;
}

static void keep_line(const struct http_client *c, const struct exchange *x, const struct http_header *headers,
                      size_t count, char line[HTTP_LINE_SIZE]) {
    struct span rest = {x->kept, x->kept_len};
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

/* libcurl's own words name hosts and certificates, never a path or a header; only of TLS do they say more than the
 * code does. */
static enum http_result failed(const struct exchange *x, CURLcode code, struct err *err) {
    bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
               code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE;
    if (x->read > ANSWER_MAX)
        err_set(err, ERR_IO, "the header of the answer is longer than %d bytes", ANSWER_MAX);
    else
        err_set(err, ERR_IO, "%s", tls && x->reason[0] ? x->reason : curl_easy_strerror(code));
    return HTTP_FAILED;
}

static enum http_result finish(CURL *easy, CURLcode code, const struct exchange *x, struct http_answer *answer,
                               struct err *err) {
    if (code != CURLE_OK && !x->too_long)
        return failed(x, code, err);
    long status = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
    answer->status = (int)status;
    answer->retry_after_ms = wait > 0 && wait < 1000000 ? (int64_t)wait * 1000 : wait > 0 ? 1000000000 : 0;
    return HTTP_ANSWERED;
}

enum http_result http_client_post(struct http_client *c, struct span body, const struct http_header *headers,
                                  size_t count, struct http_answer *answer, struct err *err) {
    *answer = (struct http_answer){0};
    if (atomic_load(&c->stopped))
        return HTTP_STOPPED;
    CURL *easy = curl_easy_init();
    if (!easy) {
        err_set(err, ERR_IO, "cannot set up a request: out of memory");
        return HTTP_FAILED;
    }
    struct exchange *x = alloc_zeroed(1, sizeof *x);
    add_header(x, "Content-Type", "application/json");
    add_header(x, "User-Agent", "ses-collector/" SES_COLLECTOR_VERSION);
    x->headers = curl_slist_append(x->headers, "Expect:"); /* no waiting for "100 Continue" */
    if (c->authorization)
        add_header(x, "Authorization", c->authorization);
    for (size_t i = 0; i < count; i++)
        add_header(x, headers[i].name, headers[i].value);
    set_manners(easy);
    set_security(easy, c);
    set_request(easy, c, x, body);
    CURLcode code;
    enum http_result result = HTTP_STOPPED;
    curl_multi_add_handle(c->multi, easy);
    if (run(c, &code))
        result = finish(easy, code, x, answer, err);
    if (result == HTTP_ANSWERED)
        keep_line(c, x, headers, count, answer->line);
    curl_multi_remove_handle(c->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(x->headers);
    free(x);
    return result;
}
