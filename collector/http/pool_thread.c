/* The thread of a pool: runs libcurl, fills the rings, watches the deadlines. */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "http/pool_internal.h"

static const char packed[] = "the answer comes in a transfer encoding that was not asked for";
static const char head_too_long[] = "the head of the answer is too long"; /* longer than HTTP_HEAD_MAX */

static void tell(struct http_exchange *x) {
    if (x->waiting)
        pthread_cond_signal(&x->changed);
}

/* --- The head --------------------------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK"; 0: it is none. libcurl has looked at it before. */
static int parse_status(struct span line) {
    const char *blank = memchr(line.ptr, ' ', line.len);
    int status = 0;
    for (const char *at = blank ? blank + 1 : line.ptr + line.len; at < line.ptr + line.len && status < 1000; at++) {
        if (*at < '0' || *at > '9')
            break;
        status = status * 10 + (*at - '0');
    }
    return status < 1000 ? status : 0;
}

static bool keep_header(struct http_exchange *x, struct span line) {
    const char *colon = memchr(line.ptr, ':', line.len);
    if (memchr(line.ptr, '\0', line.len)) {
        x->refused = "the answer is not HTTP";
        return false;
    }
    if (!colon || colon == line.ptr)
        return true;
    struct span name = {line.ptr, (size_t)(colon - line.ptr)};
    struct span value = span_trim((struct span){colon + 1, line.len - name.len - 1});
    /* libcurl would unpack a body that came gzipped in this way, wanted or not. */
    if (span_eq_nocase(name, SPAN_LIT("Transfer-Encoding")) && !span_eq_nocase(value, SPAN_LIT("chunked")) &&
        !span_eq_nocase(value, SPAN_LIT("identity"))) {
        x->refused = packed;
        return false;
    }
    buf_append(&x->head, name.ptr, name.len);
    buf_append_char(&x->head, '\0');
    buf_append(&x->head, value.ptr, value.len);
    buf_append_char(&x->head, '\0');
    return true;
}

/* Its empty line. "100 Continue" and its kind announce another head. */
static void end_head(struct http_exchange *x) {
    x->head_begun = false;
    if (x->status < 200)
        return;
    pthread_mutex_lock(&x->pool->lock);
    x->head_done = true;
    tell(x);
    pthread_mutex_unlock(&x->pool->lock);
}

static size_t take_header(char *data, size_t size, size_t count, void *context) {
    struct http_exchange *x = context;
    size_t len = size * count;
    x->moved_ns = clock_monotonic_ns();
    x->head_read += len; /* of all heads, and of the lines behind the body */
    if (x->head_read > HTTP_HEAD_MAX) {
        x->refused = head_too_long;
        return 0;
    }
    if (x->head_done)
        return len;
    struct span line = {data, len};
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (!line.len) {
        end_head(x);
    } else if (!x->head_begun) {
        x->head_begun = true;
        x->status = parse_status(line);
        buf_clear(&x->head);
    } else if (!keep_header(x, line)) {
        return 0;
    }
    return len;
}

/* --- The body --------------------------------------------------------------------------------------------------- */

/* Whether a piece goes into the ring. A piece always goes into an empty one, however large it is. */
static bool make_room(struct http_exchange *x, size_t len) {
    if (x->used && x->used + len > x->size)
        return false;
    if (!x->used) { /* nobody reads it now */
        x->first = 0;
        size_t size = len > x->window ? len : x->window;
        if (x->size < size) {
            x->ring = alloc_resize(x->ring, size, 1);
            x->size = size;
        }
    }
    return true;
}

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    struct http_exchange *x = context;
    struct http_pool *p = x->pool;
    size_t len = size * count;
    x->moved_ns = clock_monotonic_ns();
    pthread_mutex_lock(&p->lock);
    bool fits = make_room(x, len);
    x->paused = !fits;
    size_t end = x->size ? (x->first + x->used) % x->size : 0; /* stays where it is while the reader reads */
    pthread_mutex_unlock(&p->lock);
    if (!fits)
        return CURL_WRITEFUNC_PAUSE; /* libcurl will come with the same piece again */
    size_t straight = x->size - end < len ? x->size - end : len;
    memcpy(x->ring + end, data, straight);
    memcpy(x->ring, data + straight, len - straight);
    x->received += len;
    pthread_mutex_lock(&p->lock);
    x->used += len;
    /* Waking the reader for every piece would cost more than reading it. */
    if (x->used >= x->size / 2)
        tell(x);
    else
        p->untold = x->untold = true;
    pthread_mutex_unlock(&p->lock);
    return len;
}

static void tell_the_untold(struct http_pool *p) {
    pthread_mutex_lock(&p->lock);
    for (struct http_exchange *x = TAILQ_FIRST(&p->active); x; x = TAILQ_NEXT(x, active_link)) {
        if (x->untold)
            tell(x);
        x->untold = false;
    }
    p->untold = false;
    pthread_mutex_unlock(&p->lock);
}

/* --- Its end ---------------------------------------------------------------------------------------------------- */

/* `x` may be gone afterwards. */
static void finish(struct http_exchange *x, const struct err *cause) {
    struct http_pool *p = x->pool;
    if (x->added) {
        curl_multi_remove_handle(p->multi, x->easy);
        TAILQ_REMOVE(&p->active, x, active_link);
    }
    http_tear_down(x);
    pthread_mutex_lock(&p->lock);
    if (x->wants)
        TAILQ_REMOVE(&p->wanting, x, wanting_link);
    x->wants = 0;
    x->cause = *cause;
    x->done = true;
    pthread_cond_signal(&x->changed);
    pthread_mutex_unlock(&p->lock);
}

/* "12 of 50 bytes" */
static void describe_received(const struct http_exchange *x, char *to, size_t size) {
    curl_off_t promised = -1;
    curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &promised);
    if (promised >= 0)
        snprintf(to, size, "%llu of %lld bytes", (unsigned long long)x->received, (long long)promised);
    else
        snprintf(to, size, "%llu bytes", (unsigned long long)x->received);
}

/* libcurl's own words name hosts and certificates, never a path or a header; only of TLS do they say more than the
 * code does. */
static void describe_code(const struct http_exchange *x, CURLcode code, struct err *cause) {
    bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
               code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE;
    long proxy = 0;
    curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (!x->sending && proxy >= 300)
        err_set(cause, ERR_IO, "the proxy answered with status %ld", proxy);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        err_set(cause, ERR_IO, "no connection within %lld ms", (long long)x->connect_ms);
    else if (code == CURLE_BAD_CONTENT_ENCODING)
        err_set(cause, ERR_IO, "%s", packed);
    else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        err_set(cause, ERR_IO, "the answer is not HTTP"); /* the URL has been looked at before */
    else
        err_set(cause, ERR_IO, "%s", tls && x->reason[0] ? x->reason : curl_easy_strerror(code));
}

/* One line that is too long, or very many: libcurl does not give them to us at all. */
static bool is_too_long(const struct http_exchange *x, CURLcode code) {
    enum { TOO_LARGE = 100 }; /* CURLE_TOO_LARGE, which came with 8.6 */
    return (int)code == TOO_LARGE || (x->sending && !x->head_done && code == CURLE_OUT_OF_MEMORY);
}

static void describe(const struct http_exchange *x, CURLcode code, struct err *cause) {
    char received[64];
    if (x->refused || is_too_long(x, code)) {
        err_set(cause, ERR_IO, "%s", x->refused ? x->refused : head_too_long);
    } else if (x->head_done && (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR)) {
        describe_received(x, received, sizeof received);
        err_set(cause, ERR_IO, "the transfer broke off after %s", received);
    } else if (!x->head_done && (code == CURLE_PARTIAL_FILE || code == CURLE_OK)) {
        err_set(cause, ERR_IO, "the answer broke off in its head");
    } else if (code != CURLE_OK) {
        describe_code(x, code, cause);
    }
}

static void collect(struct http_pool *p) {
    int left;
    for (CURLMsg *m = curl_multi_info_read(p->multi, &left); m; m = curl_multi_info_read(p->multi, &left)) {
        if (m->msg != CURLMSG_DONE)
            continue;
        struct http_exchange *x = NULL;
        struct err cause = {0};
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        describe(x, m->data.result, &cause);
        finish(x, &cause);
    }
}

/* --- Deadlines -------------------------------------------------------------------------------------------------- */

/* libcurl's own time limits go on while we keep the peer waiting; ours do not. */
static int64_t stalls_at(const struct http_exchange *x) {
    return x->stall_ms && x->sending && !x->paused ? x->moved_ns + x->stall_ms * NS_PER_MS : INT64_MAX;
}

static int64_t due_at(const struct http_exchange *x) {
    int64_t stall = stalls_at(x);
    return stall < x->until_ns ? stall : x->until_ns;
}

/* A long body of ours may still be on its way out. */
static bool has_sent_more(struct http_exchange *x, int64_t now) {
    curl_off_t sent = 0;
    curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (sent == x->sent)
        return false;
    x->sent = sent;
    x->moved_ns = now;
    return true;
}

/* False: its time is over, and it with it. */
static bool is_in_time(struct http_exchange *x, int64_t now) {
    char received[64];
    struct err cause = {0};
    if (due_at(x) > now || (x->until_ns > now && has_sent_more(x, now)))
        return true;
    describe_received(x, received, sizeof received);
    if (x->until_ns <= now)
        err_set(&cause, ERR_IO, "no whole answer within %lld ms", (long long)x->timeout_ms);
    else
        err_set(&cause, ERR_IO, "no byte came for %lld ms, after %s", (long long)x->stall_ms, received);
    finish(x, &cause);
    return false;
}

static void look(struct http_pool *p) {
    int64_t now = clock_monotonic_ns();
    if (now < p->look_ns)
        return;
    p->look_ns = INT64_MAX;
    struct http_exchange *next;
    for (struct http_exchange *x = TAILQ_FIRST(&p->active); x; x = next) {
        next = TAILQ_NEXT(x, active_link);
        if (is_in_time(x, now) && due_at(x) < p->look_ns)
            p->look_ns = due_at(x);
    }
}

static void look_no_later(struct http_pool *p, int64_t due_ns) {
    if (due_ns < p->look_ns)
        p->look_ns = due_ns;
}

/* --- What the thread is asked for ------------------------------------------------------------------------------- */

/* The connection stands. A request that waits for a free one does not stall. */
static int take_connection(void *context, char *there, char *here, int there_port, int here_port) {
    (void)there, (void)here, (void)there_port, (void)here_port;
    struct http_exchange *x = context;
    x->sending = true;
    x->moved_ns = clock_monotonic_ns();
    look_no_later(x->pool, due_at(x));
    return CURL_PREREQFUNC_OK;
}

static bool begin(struct http_exchange *x) {
    CURL *easy = x->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, take_connection);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
    if (curl_multi_add_handle(x->pool->multi, easy) != CURLM_OK)
        return false;
    x->added = true;
    TAILQ_INSERT_TAIL(&x->pool->active, x, active_link);
    look_no_later(x->pool, due_at(x));
    return true;
}

static void go_on(struct http_exchange *x) {
    pthread_mutex_lock(&x->pool->lock);
    x->paused = false;
    pthread_mutex_unlock(&x->pool->lock);
    x->moved_ns = clock_monotonic_ns();
    look_no_later(x->pool, due_at(x));
    curl_easy_pause(x->easy, CURLPAUSE_CONT); /* gives us what it kept, at once; an error comes with the end */
}

static void serve(struct http_exchange *x, unsigned wants) {
    struct err cause = {0};
    if (wants & HTTP_WANT_END) {
        err_set(&cause, ERR_IO, "ended");
        finish(x, &cause);
    } else if (wants & HTTP_WANT_BEGIN && !begin(x)) {
        err_set(&cause, ERR_IO, "cannot set up a request: out of memory");
        finish(x, &cause);
    } else if (wants & HTTP_WANT_MORE) {
        go_on(x);
    }
}

/* False: the pool ends. */
static bool serve_all(struct http_pool *p) {
    for (;;) {
        pthread_mutex_lock(&p->lock);
        struct http_exchange *x = TAILQ_FIRST(&p->wanting);
        bool quit = p->quit && !x;
        unsigned wants = 0;
        if (x) {
            wants = x->wants;
            x->wants = 0;
            TAILQ_REMOVE(&p->wanting, x, wanting_link);
        }
        pthread_mutex_unlock(&p->lock);
        if (!x)
            return !quit;
        serve(x, wants);
    }
}

void http_want(struct http_exchange *x, enum http_want want) {
    if (!x->wants)
        TAILQ_INSERT_TAIL(&x->pool->wanting, x, wanting_link);
    x->wants |= want;
    curl_multi_wakeup(x->pool->multi);
}

/* --- The thread ------------------------------------------------------------------------------------------------- */

/* Memory, or a promise between us and libcurl, has run out: nobody shall wait for ever. */
static void break_off(struct http_pool *p, CURLMcode code) {
    struct err cause = {0};
    err_set(&cause, ERR_IO, "%s", curl_multi_strerror(code));
    while (!TAILQ_EMPTY(&p->active))
        finish(TAILQ_FIRST(&p->active), &cause);
}

static void wait_for_work(struct http_pool *p) {
    enum { LONGEST_MS = 60000, AFTER_FAILURE_MS = 10 };
    int64_t ms = LONGEST_MS;
    if (p->look_ns < INT64_MAX) {
        ms = (p->look_ns - clock_monotonic_ns()) / NS_PER_MS + 1;
        ms = ms < 0 ? 0 : ms < LONGEST_MS ? ms : LONGEST_MS;
    }
    if (curl_multi_poll(p->multi, NULL, 0, (int)ms, NULL) != CURLM_OK)
        poll(NULL, 0, AFTER_FAILURE_MS);
}

void *http_pool_run(void *context) {
    struct http_pool *p = context;
    p->look_ns = INT64_MAX;
    while (serve_all(p)) {
        int running;
        CURLMcode code = curl_multi_perform(p->multi, &running);
        if (p->untold)
            tell_the_untold(p);
        collect(p);
        if (code != CURLM_OK)
            break_off(p, code);
        look(p);
        wait_for_work(p);
    }
    assert(TAILQ_EMPTY(&p->active)); /* all have ended */
    return NULL;
}
