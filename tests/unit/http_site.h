/* The HTTP server with a board of made-up snapshots, and a client that asks it, well or badly: for its tests. */
#ifndef TESTS_HTTP_SITE_H
#define TESTS_HTTP_SITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "made_up_snapshot.h"
#include "model/board.h"
#include "sinks/http_server.h"

/* --- a server ----------------------------------------------------------------------------------------------------- */

struct site {
    struct board *board;
    struct web_options options;
    struct http_hooks hooks;
    struct http_server *server;
    int port;
    bool reload_fails;
    atomic_int reloads;
};

static inline void free_snapshot(struct snapshot *s) {
    free(s->windows);
    free(s);
}

static inline struct snapshot *new_snapshot(uint64_t series, bool ready) {
    struct snapshot *s = malloc(sizeof *s);
    assert_non_null(s);
    *s = made_up_snapshot();
    s->series = series;
    s->has_service = true;
    s->service.ready = ready;
    snprintf(s->service.not_ready, sizeof s->service.not_ready, "kafka is 17 messages behind");
    s->windows = calloc(2, sizeof *s->windows);
    s->windows[0] =
        (struct window_row){WINDOW_1H, BASIS_EVENT, "account", "", "", "", made_up_tally(90, 9, 1, 3).rates};
    s->windows[1] =
        (struct window_row){WINDOW_1H, BASIS_EVENT, "provider", "gmail", "", "", made_up_tally(50, 2, 1, 3).rates};
    s->window_count = 2;
    return s;
}

static inline bool reload(void *context, struct err *err) {
    struct site *site = context;
    atomic_fetch_add(&site->reloads, 1);
    if (site->reload_fails)
        return err_set(err, ERR_CONFIG, "config.yaml:3:1: unknown key \"colour\"");
    site->options.max_connections++; /* so that the library is started anew under the request */
    return http_server_reconfigure(site->server, &site->options, err);
}

static inline void open_site(struct site *site) {
    struct err err = {0};
    site->board = board_create(free_snapshot);
    site->hooks = (struct http_hooks){site, reload};
    if (!site->options.listen_address)
        site->options.listen_address = (char *)(uintptr_t) "127.0.0.1:0";
    site->server = http_server_start(&site->options, site->board, &site->hooks, &err);
    if (!site->server)
        fail_msg("%s", err.text);
    site->port = http_server_port(site->server);
    assert_in_range(site->port, 1, 65535);
}

static inline void close_site(struct site *site) {
    http_server_stop(site->server);
    board_destroy(site->board);
}

/* --- a client ----------------------------------------------------------------------------------------------------- */

/* The end of a head that is written by hand. */
#define HOST "Host: x\r\nConnection: close\r\n"

struct answer {
    int status; /* 0: closed without an answer */
    char *head, *body;
    size_t body_len;
    char *raw; /* owned; the others point into it */
};

static inline int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = 30};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void send_all(int fd, const char *data, size_t len) {
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* refused in the middle: the answer tells */
        data += n;
        len -= (size_t)n;
    }
}

/* Everything until the server closes. */
static inline struct answer receive(int fd) {
    struct answer a = {0};
    size_t len = 0, size = 4096;
    a.raw = malloc(size + 1);
    for (;;) {
        ssize_t n = recv(fd, a.raw + len, size - len, 0);
        if (n < 0)
            assert_int_equal(errno, ECONNRESET); /* and not EAGAIN: it would wait for ever */
        if (n <= 0)
            break;
        len += (size_t)n;
        if (len == size)
            a.raw = realloc(a.raw, (size *= 2) + 1);
    }
    a.raw[len] = 0;
    char *end = strstr(a.raw, "\r\n\r\n");
    if (end) {
        sscanf(a.raw, "HTTP/1.%*d %d", &a.status);
        end[2] = 0;
        a.head = a.raw;
        a.body = end + 4;
        a.body_len = len - (size_t)(a.body - a.raw);
    }
    return a;
}

static inline struct answer exchange(const struct site *site, const char *request, size_t len) {
    int fd = dial(site->port);
    send_all(fd, request, len);
    struct answer a = receive(fd);
    close(fd);
    return a;
}

/* `headers` are whole lines. */
static inline struct answer ask(const struct site *site, const char *method, const char *target, const char *headers) {
    char request[4096];
    int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method,
                       target, headers);
    return exchange(site, request, (size_t)len);
}

static inline bool has_header(const struct answer *a, const char *line) {
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    return a->head && strstr(a->head, wanted);
}

static inline void expect(const struct site *site, const char *method, const char *target, const char *headers,
                          int status, const char *in_body) {
    struct answer a = ask(site, method, target, headers);
    if (a.status != status || (in_body && !strstr(a.body, in_body)))
        fail_msg("%s %s %s: %s", method, target, headers, a.raw);
    free(a.raw);
}

static inline void expect_header(const struct site *site, const char *method, const char *target, const char *headers,
                                 const char *line) {
    struct answer a = ask(site, method, target, headers);
    if (!has_header(&a, line))
        fail_msg("%s %s: not \"%s\" in %s", method, target, line, a.head ? a.head : "nothing");
    free(a.raw);
}

#endif
