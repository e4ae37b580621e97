/* What libcurl is told of a request, and what may be asked for at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "http/pool_internal.h"
#include "version.h"

enum { BUFFER_LEAST = 16 * 1024, BUFFER_MOST = 256 * 1024 };

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_start_curl(void) {
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

/* libcurl takes "http:/HOST" and "http:///HOST" too, where others would look for the host in another place. */
static bool begins_as_url(const char *url) {
    size_t len = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    return len && url[len] != '/';
}

bool http_check_url(const char *url, struct err *err) {
    http_start_curl();
    CURLU *parsed = curl_url();
    bool ok = parsed && begins_as_url(url) && !holds_control(url) && !strchr(url, ' ') &&
              curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK && is_web_scheme(parsed);
    curl_url_cleanup(parsed);
    return ok || err_set(err, ERR_CONFIG, "the URL must be of the form http://HOST/ or https://HOST/");
}

bool http_check_header(const char *name, const char *value, struct err *err) {
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (!len || name[len])
        return err_set(err, ERR_CONFIG, "a header's name consists of letters, digits, \"-\" and \"_\"");
    if (holds_control(value))
        return err_set(err, ERR_CONFIG, "the value of header %.100s holds a line end or another control byte", name);
    return true;
}

static bool check(const struct http_request *r, struct err *err) {
    if (!http_check_url(r->url, err))
        return false;
    for (size_t i = 0; i < r->header_count; i++)
        if (!http_check_header(r->headers[i].name, r->headers[i].value, err))
            return false;
    return true;
}

int64_t http_retry_after_ms(const struct http_exchange *x) {
    enum { MOST_SECONDS = 1000000 };
    const char *value = http_header_of(x, "Retry-After");
    if (!value || !*value)
        return 0;
    size_t digits = strspn(value, "0123456789");
    int64_t seconds = 0;
    if (!value[digits]) {
        for (size_t i = 0; i < digits && seconds < MOST_SECONDS; i++)
            seconds = seconds * 10 + (value[i] - '0');
    } else {
        int64_t at = curl_getdate(value, NULL);
        seconds = at < 0 ? 0 : at - clock_wall_ms() / 1000;
    }
    return seconds < 0 ? 0 : 1000 * (seconds < MOST_SECONDS ? seconds : MOST_SECONDS);
}

/* --- What libcurl is told --------------------------------------------------------------------------------------- */

static void wipe(struct curl_slist *list) {
    for (struct curl_slist *at = list; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool has_header(const struct http_request *r, const char *name) {
    for (size_t i = 0; i < r->header_count; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool add_line(struct http_exchange *x, const char *line) {
    struct curl_slist *longer = curl_slist_append(x->headers, line);
    if (longer)
        x->headers = longer;
    return longer;
}

static bool add_header(struct http_exchange *x, const struct http_header *h) {
    size_t size = strlen(h->name) + strlen(h->value) + 3;
    char *line = alloc_zeroed(1, size);
    /* "NAME;" is how libcurl is told of a header without a value. */
    snprintf(line, size, *h->value ? "%s: %s" : "%s;", h->name, h->value);
    bool ok = add_line(x, line);
    explicit_bzero(line, size);
    free(line);
    return ok;
}

/* "NAME:" takes out what libcurl would add by itself: the wait for "100 Continue", and the type of a form. */
static bool add_headers(struct http_exchange *x, const struct http_request *r) {
    for (size_t i = 0; i < r->header_count; i++)
        if (!add_header(x, &r->headers[i]))
            return false;
    return add_line(x, "Expect:") && (has_header(r, "Content-Type") || add_line(x, "Content-Type:"));
}

/* A program that we start must not inherit connections. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a) {
    (void)context, (void)purpose;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void set_manners(CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* "/a/../b" is a key like any other, and signed like that */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "ses-collector/" SES_COLLECTOR_VERSION);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server that does not answer */
#endif
}

static void set_security(CURL *easy, const struct http_pool *p) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, ""); /* else OpenSSL asks the terminal */
    if (p->pin[0]) {                               /* stricter than a name: nobody else has the key */
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, p->pin);
    }
    if (p->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, p->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* the distribution's folder would count beside it */
    }
    if (p->cert_file)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, p->cert_file);
    if (p->key_file)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, p->key_file);
    if (p->username) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, p->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, p->password ? p->password : "");
    }
}

static void set_connection(CURL *easy, const struct http_exchange *x, const struct http_request *r) {
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_ms);
    if (r->direct)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (r->fresh)
        curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    if (r->fresh || r->forget)
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (r->forget)
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    /* What is in there when the ring is full stays there: so it is no larger than the window. */
    size_t buffer = x->window < BUFFER_LEAST ? BUFFER_LEAST : x->window > BUFFER_MOST ? BUFFER_MOST : x->window;
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)buffer);
}

static void set_request(CURL *easy, const struct http_exchange *x, const struct http_request *r) {
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (r->body.len || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.len ? r->body.ptr : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
}

bool http_set_up(struct http_exchange *x, const struct http_request *request, struct err *err) {
    if (!check(request, err))
        return false;
    x->easy = curl_easy_init();
    if (!x->easy || !add_headers(x, request))
        return err_set(err, ERR_IO, "cannot set up a request: out of memory");
    set_manners(x->easy);
    set_security(x->easy, x->pool);
    set_connection(x->easy, x, request);
    set_request(x->easy, x, request);
    return true;
}

void http_tear_down(struct http_exchange *x) {
    if (x->easy)
        curl_easy_cleanup(x->easy);
    x->easy = NULL;
    wipe(x->headers);
    x->headers = NULL;
}
