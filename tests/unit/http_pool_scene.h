/* A pool and a peer, for the tests of the HTTP pool. */
#ifndef TESTS_HTTP_POOL_SCENE_H
#define TESTS_HTTP_POOL_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clock.h"
#include "http/pool_internal.h"
#include "http_peer.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { LONG_MS = 60000, PIECE = 64 * 1024 };

static inline int64_t now_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

static inline void pause_ms(int ms) {
    poll(NULL, 0, ms);
}

struct scene {
    struct peer *peer;
    struct http_pool *pool;
    char url[128];
    struct err err;
};

static inline struct http_pool *create_pool(unsigned connections) {
    struct err err = {0};
    struct http_pool *pool = http_pool_create(&(struct http_pool_options){.connections = connections}, &err);
    assert_string_equal(err.text, "");
    assert_non_null(pool);
    return pool;
}

static inline void scene_begin(struct scene *s, peer_serve_fn serve) {
    *s = (struct scene){.peer = peer_start(serve), .pool = create_pool(0)};
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/", s->peer->port);
}

static inline void scene_end(struct scene *s) {
    http_pool_destroy(s->pool);
    peer_stop(s->peer);
}

static inline struct http_request get_of(const char *url) {
    return (struct http_request){.method = "GET", .url = url, .timeout_ms = LONG_MS};
}

static inline struct http_exchange *begin(struct scene *s, const struct http_request *r, const atomic_bool *stop) {
    struct http_exchange *x = http_begin(s->pool, r, stop, &s->err);
    assert_string_equal(s->err.text, "");
    assert_non_null(x);
    return x;
}

/* The status; the body, terminated, in `to`. */
static inline int fetch(struct scene *s, const struct http_request *r, char *to, size_t size) {
    struct buf body;
    buf_init(&body, size);
    s->err = (struct err){0};
    int status = http_fetch(s->pool, r, size - 1, &body, NULL, NULL, NULL, &s->err);
    snprintf(to, size, "%.*s", (int)body.len, body.data ? body.data : "");
    buf_deinit(&body);
    return status;
}

static inline int get(struct scene *s) {
    char body[4096];
    struct http_request r = get_of(s->url);
    return fetch(s, &r, body, sizeof body);
}

/* To its end. The bytes; -1: broke off, `err` says why. */
static inline int64_t read_rest(struct http_exchange *x, struct err *err) {
    static char piece[PIECE];
    int64_t all = 0;
    ssize_t n;
    while ((n = http_read(x, piece, sizeof piece, err)) > 0)
        all += n;
    assert_true(http_read(x, piece, sizeof piece, NULL) == n); /* it stays as it is */
    return n < 0 ? -1 : all;
}

#endif
