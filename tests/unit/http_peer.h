/* A small HTTP server on a free port of the loopback for tests of the client's side: any number of connections, each
 * with a thread that reads requests and lets the test write whatever it likes, good HTTP or not. */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"

struct peer_request {
    size_t number;    /* from 0, of all */
    const char *line; /* "GET /x HTTP/1.1" */
    const char *head; /* all of it */
    const char *body;
    size_t body_len;
};

struct peer;
/* Answers. True: the connection is kept. */
typedef bool (*peer_serve_fn)(struct peer *p, int fd, const struct peer_request *r);

enum { PEER_CONNECTIONS_MAX = 512 };
struct peer {
    peer_serve_fn serve;
    int listener, port;
    pthread_t thread;
    atomic_bool stopping;
    atomic_size_t connections, requests, open, open_most; /* open: now, and at most so far */
    pthread_t threads[PEER_CONNECTIONS_MAX];
    int fds[PEER_CONNECTIONS_MAX];
    atomic_llong sent; /* by peer_send */
};

struct peer_connection {
    struct peer *peer;
    int fd;
};

/* False: the other side has gone. */
static inline bool peer_send(struct peer *p, int fd, const void *data, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        done += (size_t)n;
        atomic_fetch_add(&p->sent, n);
    }
    return true;
}

static inline bool peer_say(struct peer *p, int fd, const char *text) {
    return peer_send(p, fd, text, strlen(text));
}

static inline bool peer_answer(struct peer *p, int fd, int status, const char *headers, const char *body) {
    char head[2048];
    snprintf(head, sizeof head, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\n\r\n", status, headers, strlen(body));
    return peer_say(p, fd, head) && peer_say(p, fd, body);
}

/* Until the other side goes, or the test ends. */
static inline void peer_hang(int fd) {
    char rest[256];
    while (recv(fd, rest, sizeof rest, 0) > 0)
        continue;
}

static inline bool peer_take(struct peer *p, int fd, char *text, size_t size) {
    size_t len = 0, want = 0;
    char *end = NULL;
    while (!end || len < (size_t)(end + 4 - text) + want) {
        ssize_t n = len + 1 < size ? recv(fd, text + len, size - 1 - len, 0) : 0;
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        if (!end && (end = strstr(text, "\r\n\r\n"))) {
            const char *length = strcasestr(text, "\r\ncontent-length:");
            want = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        }
    }
    *end = '\0';
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\r"), text);
    struct peer_request r = {atomic_fetch_add(&p->requests, 1), line, text, end + 4, want};
    return p->serve(p, fd, &r);
}

static inline void *peer_connection_run(void *context) {
    enum { SIZE = 4 << 20 };
    struct peer_connection c = *(struct peer_connection *)context;
    free(context);
    char *text = alloc_zeroed(1, SIZE);
    while (!atomic_load(&c.peer->stopping) && peer_take(c.peer, c.fd, text, SIZE))
        continue;
    free(text);
    shutdown(c.fd, SHUT_RDWR); /* closed by peer_stop, which may still want to shut it down */
    atomic_fetch_sub(&c.peer->open, 1);
    return NULL;
}

static inline void *peer_run(void *context) {
    struct peer *p = context;
    for (;;) {
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        size_t number = atomic_load(&p->connections), open = atomic_fetch_add(&p->open, 1) + 1;
        assert(number < PEER_CONNECTIONS_MAX);
        if (open > atomic_load(&p->open_most))
            atomic_store(&p->open_most, open);
        struct peer_connection *c = alloc_zeroed(1, sizeof *c);
        *c = (struct peer_connection){p, fd};
        p->fds[number] = fd;
        int problem = pthread_create(&p->threads[number], NULL, peer_connection_run, c);
        assert(!problem);
        atomic_store(&p->connections, number + 1);
    }
}

/* Returns new. */
static inline struct peer *peer_start(peer_serve_fn serve) {
    struct peer *p = alloc_zeroed(1, sizeof *p);
    p->serve = serve;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int problem = p->listener < 0 || bind(p->listener, (struct sockaddr *)&at, sizeof at) || listen(p->listener, 128) ||
                  getsockname(p->listener, (struct sockaddr *)&at, &size);
    assert(!problem);
    p->port = ntohs(at.sin_port);
    problem = pthread_create(&p->thread, NULL, peer_run, p);
    assert(!problem);
    return p;
}

static inline void peer_stop(struct peer *p) {
    atomic_store(&p->stopping, true);
    shutdown(p->listener, SHUT_RDWR); /* wakes accept */
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < atomic_load(&p->connections); i++)
        shutdown(p->fds[i], SHUT_RDWR);
    for (size_t i = 0; i < atomic_load(&p->connections); i++) {
        pthread_join(p->threads[i], NULL);
        close(p->fds[i]);
    }
    close(p->listener);
    free(p);
}

#endif
