#include "http/pool.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "http/pool_internal.h"

enum { CONNECTIONS = 32, LOOK_AT_STOP_MS = 100 };

/* --- The pool --------------------------------------------------------------------------------------------------- */

static void deinit(struct http_pool *p) {
    if (p->multi)
        curl_multi_cleanup(p->multi);
    pthread_mutex_destroy(&p->lock);
    free(p->ca_file);
    free(p->cert_file);
    free(p->key_file);
    alloc_forget(p->username);
    alloc_forget(p->password);
    free(p);
}

/* All signals are the main thread's. */
static bool start_thread(struct http_pool *p, struct err *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&p->thread, NULL, http_pool_run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !problem || err_set_errno(err, ERR_IO, problem, "cannot start a thread for HTTP");
}

struct http_pool *http_pool_create(const struct http_pool_options *o, struct err *err) {
    http_start_curl();
    struct http_pool *p = alloc_zeroed(1, sizeof *p);
    p->ca_file = alloc_copy(o->ca_file);
    p->cert_file = alloc_copy(o->cert_file);
    p->key_file = alloc_copy(o->key_file);
    p->username = alloc_copy(o->username);
    p->password = alloc_copy(o->password);
    pthread_mutex_init(&p->lock, NULL);
    TAILQ_INIT(&p->wanting);
    TAILQ_INIT(&p->active);
    if (o->pinned_cert_file && !http_tls_pin(o->pinned_cert_file, p->pin, err)) {
        deinit(p);
        return NULL;
    }
    p->multi = curl_multi_init();
    if (!p->multi) {
        err_set(err, ERR_IO, "cannot set up HTTP: out of memory or of file handles");
        deinit(p);
        return NULL;
    }
    long connections = o->connections ? (long)o->connections : CONNECTIONS;
    curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, connections); /* of those that are kept */
    if (!start_thread(p, err)) {
        deinit(p);
        return NULL;
    }
    return p;
}

void http_pool_destroy(struct http_pool *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_mutex_unlock(&p->lock);
    curl_multi_wakeup(p->multi);
    pthread_join(p->thread, NULL);
    deinit(p);
}

/* --- An exchange ------------------------------------------------------------------------------------------------ */

static void free_exchange(struct http_exchange *x) {
    http_tear_down(x);
    pthread_cond_destroy(&x->changed);
    buf_deinit(&x->head);
    free(x->ring);
    free(x);
}

static struct http_exchange *create_exchange(struct http_pool *p, const struct http_request *r,
                                             const atomic_bool *stop) {
    struct http_exchange *x = alloc_zeroed(1, sizeof *x);
    x->pool = p;
    x->stop = stop;
    x->timeout_ms = r->timeout_ms;
    x->stall_ms = r->stall_ms;
    x->connect_ms = r->connect_ms ? r->connect_ms : HTTP_CONNECT_MS;
    x->window = r->window ? r->window : HTTP_WINDOW;
    x->until_ns = r->timeout_ms ? clock_monotonic_ns() + r->timeout_ms * NS_PER_MS : INT64_MAX;
    buf_init(&x->head, 2 * HTTP_HEAD_MAX); /* each line stays as long as it was, at most */
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&x->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return x;
}

struct http_exchange *http_begin(struct http_pool *p, const struct http_request *request, const atomic_bool *stop,
                                 struct err *err) {
    assert(request->timeout_ms > 0 || request->stall_ms > 0);
    struct http_exchange *x = create_exchange(p, request, stop);
    if (!http_set_up(x, request, err)) {
        free_exchange(x);
        return NULL;
    }
    pthread_mutex_lock(&p->lock);
    http_want(x, HTTP_WANT_BEGIN);
    pthread_mutex_unlock(&p->lock);
    return x;
}

void http_end(struct http_exchange *x) {
    if (!x)
        return;
    pthread_mutex_lock(&x->pool->lock);
    if (!x->done)
        http_want(x, HTTP_WANT_END);
    x->waiting = true;
    while (!x->done)
        pthread_cond_wait(&x->changed, &x->pool->lock);
    pthread_mutex_unlock(&x->pool->lock);
    free_exchange(x);
}

static bool is_stopped(const struct http_exchange *x) {
    return x->stop && atomic_load(x->stop);
}

/* Under the lock; returns for no reason, too. */
static void wait_for_news(struct http_exchange *x) {
    x->waiting = true;
    if (x->stop) {
        enum { NS_PER_S = 1000000000 };
        int64_t ns = clock_monotonic_ns() + (int64_t)LOOK_AT_STOP_MS * NS_PER_MS;
        struct timespec until = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
        pthread_cond_timedwait(&x->changed, &x->pool->lock, &until);
    } else {
        pthread_cond_wait(&x->changed, &x->pool->lock);
    }
    x->waiting = false;
}

int http_status(struct http_exchange *x, struct err *err) {
    pthread_mutex_lock(&x->pool->lock);
    while (!x->head_done && !x->done && !is_stopped(x))
        wait_for_news(x);
    bool known = x->head_done, failed = x->done;
    pthread_mutex_unlock(&x->pool->lock);
    if (known)
        return x->status;
    err_set(err, ERR_IO, "%s", failed ? x->cause.text : "stopped");
    return 0;
}

const char *http_header_of(const struct http_exchange *x, const char *name) {
    const char *end = x->head.len ? x->head.data + x->head.len : NULL;
    for (const char *at = x->head.data; end && at < end;) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* The bytes that are there stay where they are while the lock is not held: the thread only adds others. */
static size_t take(struct http_exchange *x, char *to, size_t room) {
    size_t len = x->used < room ? x->used : room, first = x->first;
    const char *ring = x->ring;
    size_t straight = x->size - first < len ? x->size - first : len;
    pthread_mutex_unlock(&x->pool->lock);
    memcpy(to, ring + first, straight);
    memcpy(to + straight, ring, len - straight);
    pthread_mutex_lock(&x->pool->lock);
    x->first = (first + len) % x->size;
    x->used -= len;
    if (x->paused && !x->done && x->size - x->used >= x->size / 2)
        http_want(x, HTTP_WANT_MORE);
    return len;
}

ssize_t http_read(struct http_exchange *x, char *to, size_t room, struct err *err) {
    assert(room);
    ssize_t len = -1;
    pthread_mutex_lock(&x->pool->lock);
    while (!x->used && !x->done && !is_stopped(x))
        wait_for_news(x);
    bool stopped = is_stopped(x), failed = x->done && x->cause.code;
    if (!stopped && x->used)
        len = (ssize_t)take(x, to, room);
    else if (!stopped && !failed)
        len = 0;
    pthread_mutex_unlock(&x->pool->lock);
    if (len < 0)
        err_set(err, ERR_IO, "%s", stopped ? "stopped" : x->cause.text);
    return len;
}

/* --- The whole in one ------------------------------------------------------------------------------------------- */

static bool read_all(struct http_exchange *x, size_t max, struct buf *body, struct err *err) {
    enum { PIECE = 64 * 1024 };
    size_t got = 0;
    for (;;) {
        char beyond;
        size_t room = max - got < PIECE ? max - got : PIECE;
        if (room && !buf_reserve(body, room))
            return err_set(err, ERR_IO, "no memory for the answer");
        ssize_t n = http_read(x, room ? body->data + body->len : &beyond, room ? room : 1, err);
        if (n <= 0)
            return n == 0;
        if (!room)
            return err_set(err, ERR_IO, "the answer is longer than %zu bytes", max);
        body->len += (size_t)n;
        got += (size_t)n;
    }
}

int http_fetch(struct http_pool *p, const struct http_request *request, size_t max, struct buf *body, http_look_fn look,
               void *context, const atomic_bool *stop, struct err *err) {
    struct http_exchange *x = http_begin(p, request, stop, err);
    int status = x ? http_status(x, err) : 0;
    if (status && look)
        look(context, x);
    if (status && !read_all(x, max, body, err))
        status = 0;
    http_end(x);
    return status;
}
