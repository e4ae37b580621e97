/* The HTTP server and clients that are broken, greedy, slow, or too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/clock.h"
#include "http_site.h"

/* --- heads -------------------------------------------------------------------------------------------------------- */

static void hostile_heads(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
#define HEAD_CASE(text, least, most)                                                                                   \
    { text, sizeof(text) - 1, least, most }
    static const struct {
        const char *text;
        size_t len;
        int least, most; /* statuses; 0: closed without a word */
    } cases[] = {
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "\r\n", 200, 200),
        HEAD_CASE("GET /metrics HTTP/1.0\r\n\r\n", 200, 200),
        HEAD_CASE("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", 400, 400),
        HEAD_CASE("GET /metrics HTTP/1.1\r\nHost: y\r\n" HOST "\r\n", 400, 400),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, 200),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, 400),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nGET /", 400, 413),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 0, 413),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 0, 413),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0x0\r\n\r\n", 0, 413),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 400),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 400, 400),
        HEAD_CASE("POST /-/reload HTTP/1.1\r\n" HOST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  400, 400),
        HEAD_CASE("POST /-/reload HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 400, 413),
        HEAD_CASE("GET /metrics%00.html HTTP/1.1\r\n" HOST "\r\n", 400, 400),
        HEAD_CASE("GET /metrics\0.html HTTP/1.1\r\n" HOST "\r\n", 0, 404),
        HEAD_CASE("GET http://x/metrics HTTP/1.1\r\n" HOST "\r\n", 400, 400),
        HEAD_CASE("GET metrics HTTP/1.1\r\n" HOST "\r\n", 400, 400),
        HEAD_CASE("GET * HTTP/1.1\r\n" HOST "\r\n", 400, 400),
        HEAD_CASE("GET /metrics HTTP/3.7\r\n" HOST "\r\n", 400, 505),
        HEAD_CASE("GET /metrics ICECAST/1.1\r\n" HOST "\r\n", 400, 505),
        HEAD_CASE("GET /metrics\r\n\r\n", 0, 505),
        HEAD_CASE("GET /metrics HTTP/1.1\r\n" HOST "Authorization: Basic eDp5\r\nAuthorization: Basic eDp6\r\n\r\n",
                  400, 400),
        HEAD_CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 0, 505),
        HEAD_CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505),
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        int fd = dial(site.port);
        send_all(fd, cases[i].text, cases[i].len);
        shutdown(fd, SHUT_WR);
        struct answer a = receive(fd);
        close(fd);
        if (a.status < cases[i].least || a.status > cases[i].most || (a.status > 0 && a.status < 200))
            fail_msg("case %zu: %.60s: %s", i, cases[i].text, a.raw);
        /* (Library 0.9.75 says the head of its own refusals twice.) */
        if (a.status && (strstr(a.body, "HTTP/1.1 2") || (a.status == 200 && strstr(a.body, "\r\nDate:"))))
            fail_msg("case %zu: two answers: %s, %s", i, a.head, a.body);
        free(a.raw);
    }
    expect(&site, "GET", "/-/healthy", "", 200, NULL);
    close_site(&site);
}

static void long_heads(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    static const struct {
        const char *before, *after;
        size_t filling;
        int least, most;
    } cases[] = {
        {"GET /-/healthy?", " HTTP/1.1\r\n" HOST "\r\n", 2000, 200, 200},
        {"GET /", " HTTP/1.1\r\n" HOST "\r\n", 3000, 414, 414},
        {"GET /", " HTTP/1.1\r\n" HOST "\r\n", 1 << 20, 0, 431},
        {"GET /-/healthy HTTP/1.1\r\nCookie: ", "\r\n" HOST "\r\n", 7000, 200, 200},
        {"GET /-/healthy HTTP/1.1\r\nCookie: ", "\r\n" HOST "\r\n", 9000, 431, 431},
        {"GET /-/healthy HTTP/1.1\r\nCookie: ", "\r\n" HOST "\r\n", 1 << 20, 0, 431},
        {"", " /-/healthy HTTP/1.1\r\n" HOST "\r\n", 5000, 0, 431},
    };
    char *text = malloc((1 << 20) + 512);
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        size_t len = strlen(cases[i].before);
        memcpy(text, cases[i].before, len);
        memset(text + len, 'a', cases[i].filling);
        len += cases[i].filling;
        strcpy(text + len, cases[i].after);
        struct answer a = exchange(&site, text, len + strlen(cases[i].after));
        if (a.status < cases[i].least || a.status > cases[i].most)
            fail_msg("case %zu: %s", i, a.raw);
        free(a.raw);
    }
    free(text);
    close_site(&site);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void slow_heads_are_cut(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    int64_t from = clock_monotonic_ns();
    int fd = dial(site.port);
    send_all(fd, "GET /-/healthy HTTP/1.1\r\nHo", 27);
    struct answer a = receive(fd);
    assert_true(clock_monotonic_ns() - from > INT64_C(4000000000));
    assert_int_not_equal(a.status, 200);
    close(fd);
    free(a.raw);
    close_site(&site);
}

static void a_crowd_makes_room(void **state) {
    (void)state;
    enum { CROWD = 300 };
    struct site site = {.options = {.max_connections = 32}};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
    int fds[CROWD];
    for (int i = 0; i < CROWD; i++) {
        fds[i] = dial(site.port);
        send_all(fds[i], "GET /metrics HTTP/1.1\r\n", 23);
        if (i % 20 == 19)
            expect(&site, "GET", "/metrics", "", 200, "ses_collector_series");
    }
    int64_t from = clock_monotonic_ns();
    close_site(&site);
    assert_true(clock_monotonic_ns() - from < INT64_C(5000000000));
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_heads),
        cmocka_unit_test(long_heads),
        cmocka_unit_test(slow_heads_are_cut),
        cmocka_unit_test(a_crowd_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
