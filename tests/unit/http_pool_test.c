/* The HTTP pool against peers that write what they like: what is sent and understood, how connections are kept and
 * shared, and proxies. What goes wrong is in http_pool_failures_test.c. */
#include "http_pool_scene.h"

/* --- Requests --------------------------------------------------------------------------------------------------- */

/* Says back what came. */
static bool echo(struct peer *p, int fd, const struct peer_request *r) {
    char text[4096];
    snprintf(text, sizeof text, "%.2000s\n\n%.*s", r->head, (int)r->body_len, r->body);
    return peer_answer(p, fd, 200, "X-One: 1\r\nx-two:\t 2 \r\nX-Empty:\r\n", text);
}

static void requests(void **state) {
    (void)state;
    static const struct http_header headers[] = {{"X-Given", "some thing"}, {"X-None", ""}};
    static const struct {
        const char *method, *path, *body, *expected;
    } cases[] = {
        {"GET", "a/../b//c/%2f%2F./x%20y?q=%2b&=+&&", "", "GET /a/../b//c/%2f%2F./x%20y?q=%2b&=+&& HTTP/1.1\r\n"},
        {"DELETE", "k", "", "DELETE /k HTTP/1.1\r\n"},
        {"POST", "", "some body", "POST / HTTP/1.1\r\n"},
        {"PUT", "?x", "", "PUT /?x HTTP/1.1\r\n"},
    };
    struct scene s;
    scene_begin(&s, echo);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char url[256], said[4096];
        snprintf(url, sizeof url, "%s%s", s.url, cases[i].path);
        struct http_request r = get_of(url);
        r.method = cases[i].method;
        r.body = span_of(cases[i].body);
        r.headers = headers;
        r.header_count = COUNT(headers);
        assert_int_equal(fetch(&s, &r, said, sizeof said), 200);
        if (strncmp(said, cases[i].expected, strlen(cases[i].expected)) != 0)
            fail_msg("%s", said);
        assert_string_equal(strstr(said, "\n\n") + 2, cases[i].body);
        assert_non_null(strcasestr(said, "\r\nuser-agent: ses-collector/"));
        assert_non_null(strcasestr(said, "\r\nx-given: some thing"));
        assert_non_null(strcasestr(said, "\r\nx-none:"));
        static const char *const unwanted[] = {
            "\r\nexpect:", "\r\naccept-encoding:", "\r\ncontent-type:", "\r\ntransfer-encoding:"};
        for (size_t k = 0; k < COUNT(unwanted); k++)
            assert_null(strcasestr(said, unwanted[k]));
        assert_true((strcasestr(said, "\r\ncontent-length:") != NULL) == (*cases[i].method == 'P'));
    }
    assert_int_equal(s.peer->connections, 1);
    scene_end(&s);
}

static void look(void *context, const struct http_exchange *x) {
    bool *looked = context;
    assert_string_equal(http_header_of(x, "x-one"), "1");
    assert_string_equal(http_header_of(x, "X-Two"), "2");
    assert_string_equal(http_header_of(x, "X-Empty"), "");
    assert_null(http_header_of(x, "X-Three"));
    assert_null(http_header_of(x, "1"));
    *looked = true;
}

static void fetches(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, echo);
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_append_str(&body, "before ");
    bool looked = false;
    struct http_request r = get_of(s.url);
    assert_int_equal(http_fetch(s.pool, &r, 4096, &body, look, &looked, NULL, &s.err), 200);
    assert_true(looked);
    assert_memory_equal(body.data, "before GET / ", 13);
    size_t len = body.len - 7;
    assert_int_equal(http_fetch(s.pool, &r, len, &body, NULL, NULL, NULL, &s.err), 200);
    assert_int_equal(body.len, 7 + 2 * len);
    assert_int_equal(http_fetch(s.pool, &r, len - 1, &body, NULL, NULL, NULL, &s.err), 0);
    assert_non_null(strstr(s.err.text, "longer than"));
    buf_deinit(&body);
    scene_end(&s);
}

/* 100 and 103 come before the answer; the second connection shows what a head cut in pieces looks like. */
static bool interim(struct peer *p, int fd, const struct peer_request *r) {
    (void)r;
    static const char answer[] =
        "HTTP/1.1 100 Continue\r\nX-A: wrong\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 429 Slow Down\r\nX-A: right\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nok";
    for (size_t i = 0; i < sizeof answer - 1; i++)
        if (!peer_send(p, fd, answer + i, 1))
            return false;
    return true;
}

static void final_head_counts(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, interim);
    struct http_request r = get_of(s.url);
    struct http_exchange *x = begin(&s, &r, NULL);
    assert_int_equal(http_status(x, &s.err), 429);
    assert_string_equal(http_header_of(x, "X-A"), "right");
    assert_null(http_header_of(x, "Link"));
    assert_int_equal(http_retry_after_ms(x), 7000);
    assert_int_equal(read_rest(x, &s.err), 2);
    http_end(x);
    scene_end(&s);
}

static bool with_retry_after(struct peer *p, int fd, const struct peer_request *r) {
    static const char *const values[] = {
        "", "0", "99999999999999999999", "Thu, 01 Jan 2026 00:00:00 GMT", "Fri, 31 Dec 2060 23:59:59 GMT", "soon"};
    char header[128];
    snprintf(header, sizeof header, "Retry-After: %s\r\n", values[r->number]);
    return peer_answer(p, fd, 503, header, "");
}

static void retry_after(void **state) {
    (void)state;
    static const int64_t expected[] = {0, 0, 1000000000, 0, 1000000000, 0};
    struct scene s;
    scene_begin(&s, with_retry_after);
    struct http_request r = get_of(s.url);
    for (size_t i = 0; i < COUNT(expected); i++) {
        struct http_exchange *x = begin(&s, &r, NULL);
        assert_int_equal(http_status(x, &s.err), 503);
        assert_int_equal(http_retry_after_ms(x), expected[i]);
        http_end(x);
    }
    scene_end(&s);
}

static void wrong_requests(void **state) {
    (void)state;
    static const struct http_header good = {"X-A", "b"}, cut = {"X-A", "SECRET\r\nX-B: c"}, blank = {"X A", "SECRET"};
    static const struct {
        const char *url;
        const struct http_header *header;
    } cases[] = {
        {"file:///etc/passwd?SECRET", &good},
        {"ftp://user:SECRET@host/", &good},
        {"gopher://host/SECRET", &good},
        {"host/SECRET", &good},
        {"http://h/SECRET\r\nX: y", &good},
        {"http://h/SECRET y", &good},
        {"http://", &good},
        {"http://127.0.0.1:1/SECRET", &cut},
        {"http://127.0.0.1:1/", &blank},
    };
    struct http_pool *pool = create_pool(0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        struct http_request r = get_of(cases[i].url);
        r.headers = cases[i].header;
        r.header_count = 1;
        assert_null(http_begin(pool, &r, NULL, &err));
        assert_true(strlen(err.text) > 10);
        assert_null(strstr(err.text, "SECRET"));
    }
    http_pool_destroy(pool);
    http_end(NULL);
    http_pool_destroy(NULL);
}

/* --- Connections ------------------------------------------------------------------------------------------------ */

static bool brief(struct peer *p, int fd, const struct peer_request *r) {
    (void)r;
    return peer_answer(p, fd, 200, "", "ok");
}

static void connections_are_kept(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, brief);
    char body[16];
    for (int i = 0; i < 10; i++)
        assert_int_equal(get(&s), 200);
    assert_int_equal(s.peer->connections, 1);
    struct http_request r = get_of(s.url);
    r.forget = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(fetch(&s, &r, body, sizeof body), 200);
    assert_int_equal(s.peer->connections, 3);
    assert_int_equal(get(&s), 200); /* the first is still there */
    assert_int_equal(s.peer->connections, 3);
    r = get_of(s.url);
    r.fresh = true;
    assert_int_equal(fetch(&s, &r, body, sizeof body), 200);
    assert_int_equal(s.peer->connections, 4);
    scene_end(&s);
}

/* Closes without a word after each answer. */
static bool close_behind(struct peer *p, int fd, const struct peer_request *r) {
    brief(p, fd, r);
    return false;
}

static void closed_connection_is_no_failure(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, close_behind);
    for (int i = 0; i < 20; i++)
        assert_int_equal(get(&s), 200);
    scene_end(&s);
}

enum { MANY = 20 };
static bool all_together(struct peer *p, int fd, const struct peer_request *r) {
    for (int i = 0; i < 6000 && atomic_load(&p->requests) < MANY; i++)
        pause_ms(5);
    char body[32];
    snprintf(body, sizeof body, "%.4s", r->line + 5);
    return peer_answer(p, fd, 200, "", body);
}

static void many_at_once(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, all_together);
    struct http_exchange *xs[MANY];
    for (int i = 0; i < MANY; i++) {
        char url[256];
        snprintf(url, sizeof url, "%s%04d", s.url, i);
        struct http_request r = get_of(url);
        xs[i] = begin(&s, &r, NULL);
    }
    for (int i = MANY - 1; i >= 0; i--) {
        char body[32] = "", expected[32];
        snprintf(expected, sizeof expected, "%04d", i);
        assert_int_equal(http_status(xs[i], &s.err), 200);
        assert_int_equal(http_read(xs[i], body, sizeof body, &s.err), 4);
        assert_int_equal(http_read(xs[i], body + 4, sizeof body - 4, &s.err), 0);
        assert_string_equal(body, expected);
        http_end(xs[i]);
    }
    assert_int_equal(s.peer->connections, MANY);
    scene_end(&s);
}

static bool rather_slow(struct peer *p, int fd, const struct peer_request *r) {
    pause_ms(200);
    return brief(p, fd, r);
}

/* Those that wait for a connection are not taken for stalled. */
static void connections_are_limited(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, rather_slow);
    http_pool_destroy(s.pool);
    s.pool = create_pool(2);
    struct http_exchange *xs[MANY];
    struct http_request r = get_of(s.url);
    r.timeout_ms = 0;
    r.stall_ms = 1200;
    for (int i = 0; i < MANY; i++)
        xs[i] = begin(&s, &r, NULL);
    for (int i = 0; i < MANY; i++) {
        if (i % 5 == 4) { /* one that has not had its turn, most likely */
            http_end(xs[i]);
            continue;
        }
        assert_int_equal(http_status(xs[i], &s.err), 200);
        assert_int_equal(read_rest(xs[i], &s.err), 2);
        http_end(xs[i]);
    }
    assert_string_equal(s.err.text, "");
    assert_true(s.peer->open_most <= 3); /* one that was broken off may still be open there */
    scene_end(&s);
}

static void *fetch_many(void *context) {
    struct scene *s = context;
    for (int i = 0; i < 200; i++) {
        char body[16];
        struct err err = {0};
        struct http_request r = get_of(s->url);
        struct http_exchange *x = http_begin(s->pool, &r, NULL, &err);
        assert(x && http_status(x, &err) == 200);
        if (i % 3)
            assert(http_read(x, body, sizeof body, &err) == 2);
        http_end(x);
    }
    return NULL;
}

static void threads_share_a_pool(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, brief);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_many, &s), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s.peer->requests, 4 * 200);
    scene_end(&s);
}

/* Says back what came, absolute URL and all. */
static void proxy(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, echo);
    http_pool_destroy(s.pool);
    setenv("http_proxy", s.url, 1);
    setenv("https_proxy", s.url, 1);
    s.pool = create_pool(0);
    char said[4096];
    struct http_request r = get_of("http://made-up.invalid/x");
    assert_int_equal(fetch(&s, &r, said, sizeof said), 200);
    assert_memory_equal(said, "GET http://made-up.invalid/x HTTP/1.1", 37);
    r = get_of(s.url);
    r.direct = true;
    assert_int_equal(fetch(&s, &r, said, sizeof said), 200);
    assert_memory_equal(said, "GET / HTTP/1.1", 14);
    http_pool_destroy(s.pool);
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    s.pool = NULL;
    scene_end(&s);
}

static bool refuse_tunnel(struct peer *p, int fd, const struct peer_request *r) {
    assert(strncmp(r->line, "CONNECT made-up.invalid:443 ", 28) == 0);
    return peer_answer(p, fd, 407, "X-A: b\r\n", "no");
}

static void refusing_proxy(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, refuse_tunnel);
    http_pool_destroy(s.pool);
    setenv("https_proxy", s.url, 1);
    s.pool = create_pool(0);
    char said[4096];
    struct http_request r = get_of("https://made-up.invalid/SECRET?SECRET");
    assert_int_equal(fetch(&s, &r, said, sizeof said), 0);
    assert_string_equal(s.err.text, "the proxy answered with status 407");
    http_pool_destroy(s.pool);
    unsetenv("https_proxy");
    s.pool = NULL;
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(fetches),
        cmocka_unit_test(final_head_counts),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(closed_connection_is_no_failure),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(threads_share_a_pool),
        cmocka_unit_test(proxy),
        cmocka_unit_test(refusing_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
