/* A small HTTP server on a free port of the loopback, for tests of what posts: it keeps every request and answers as it
 * is told, or not at all. One connection at a time. */
#ifndef TESTS_HTTP_RECEIVER_H
#define TESTS_HTTP_RECEIVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"

struct receiver_request {
    char *head, *body;
    int64_t at_ms; /* a clock that does not jump */
};

struct receiver_reply {
    int status;          /* 0 = 200 */
    const char *headers; /* whole lines, or NULL */
    const char *body;    /* NULL = "ok" */
    size_t repeat;       /* the body so often; 0 = once */
    bool hang;           /* read, and never answer */
    bool cut;            /* close in the middle of the body */
};

enum { RECEIVER_MAX = 20000 };
struct receiver {
    int listener, port, stop[2];
    pthread_t thread;
    pthread_mutex_t lock;
    struct receiver_request requests[RECEIVER_MAX];
    size_t count;
    /* What to answer to the request with this number (from 0); NULL: 200. */
    struct receiver_reply (*reply)(size_t number, const struct receiver_request *r);
};

/* False: the test wants to end, or the peer has gone. */
static inline bool receiver_read(struct receiver *r, int fd, char *to, size_t size, size_t *len) {
    struct pollfd fds[] = {{fd, POLLIN, 0}, {r->stop[0], POLLIN, 0}};
    if (poll(fds, 2, 30000) <= 0 || fds[1].revents || *len + 1 >= size)
        return false;
    ssize_t got = recv(fd, to + *len, size - 1 - *len, 0);
    if (got <= 0)
        return false;
    *len += (size_t)got;
    to[*len] = '\0';
    return true;
}

static inline bool receiver_take(struct receiver *r, int fd, struct receiver_request *request) {
    enum { SIZE = 4 << 20 };
    char *text = alloc_zeroed(1, SIZE), *end = NULL;
    size_t len = 0, want = 0;
    bool ok = true;
    while (ok && !(end = strstr(text, "\r\n\r\n")))
        ok = receiver_read(r, fd, text, SIZE, &len);
    const char *length = ok ? strcasestr(text, "\r\ncontent-length:") : NULL;
    want = length ? strtoul(length + 17, NULL, 10) : 0;
    while (ok && len < (size_t)(end + 4 - text) + want)
        ok = receiver_read(r, fd, text, SIZE, &len);
    if (ok) {
        request->head = alloc_string(text, (size_t)(end - text));
        request->body = alloc_string(end + 4, want);
        request->at_ms = clock_monotonic_ns() / 1000000;
    }
    free(text);
    return ok;
}

static inline void receiver_answer(struct receiver *r, int fd, const struct receiver_reply *reply) {
    if (reply->hang) {
        char rest[64];
        size_t len = 0;
        receiver_read(r, fd, rest, sizeof rest, &len); /* until the peer gives up, or the test ends */
        return;
    }
    const char *body = reply->body ? reply->body : "ok";
    size_t repeat = reply->repeat ? reply->repeat : 1;
    char head[1024];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
                       reply->status ? reply->status : 200, reply->headers ? reply->headers : "",
                       strlen(body) * repeat + (reply->cut ? 10 : 0));
    bool ok = send(fd, head, (size_t)len, MSG_NOSIGNAL) == len;
    for (size_t i = 0; ok && i < repeat; i++)
        ok = send(fd, body, strlen(body), MSG_NOSIGNAL) > 0;
}

static inline void *receiver_run(void *context) {
    struct receiver *r = context;
    for (;;) {
        struct pollfd fds[] = {{r->listener, POLLIN, 0}, {r->stop[0], POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 || fds[1].revents)
            return NULL;
        int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        struct receiver_request request;
        if (fd >= 0 && receiver_take(r, fd, &request)) {
            pthread_mutex_lock(&r->lock);
            assert(r->count < RECEIVER_MAX);
            size_t number = r->count;
            struct receiver_reply reply = r->reply ? r->reply(number, &request) : (struct receiver_reply){0};
            r->requests[r->count++] = request;
            pthread_mutex_unlock(&r->lock);
            receiver_answer(r, fd, &reply);
        }
        if (fd >= 0)
            close(fd);
    }
}

/* Returns new. */
static inline struct receiver *receiver_start(struct receiver_reply (*reply)(size_t, const struct receiver_request *)) {
    struct receiver *r = alloc_zeroed(1, sizeof *r);
    r->reply = reply;
    pthread_mutex_init(&r->lock, NULL);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int problem = r->listener < 0 || bind(r->listener, (struct sockaddr *)&at, sizeof at) || listen(r->listener, 64) ||
                  getsockname(r->listener, (struct sockaddr *)&at, &size) || pipe(r->stop);
    assert(!problem);
    r->port = ntohs(at.sin_port);
    problem = pthread_create(&r->thread, NULL, receiver_run, r);
    assert(!problem);
    return r;
}

static inline void receiver_stop(struct receiver *r) {
    ssize_t done = write(r->stop[1], "x", 1);
    assert(done == 1);
    pthread_join(r->thread, NULL);
    for (size_t i = 0; i < r->count; i++) {
        free(r->requests[i].head);
        free(r->requests[i].body);
    }
    close(r->listener);
    close(r->stop[0]);
    close(r->stop[1]);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static inline size_t receiver_count(struct receiver *r) {
    pthread_mutex_lock(&r->lock);
    size_t count = r->count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

/* Waits for the request with this number; NULL: it did not come. What it points to stays. */
static inline const struct receiver_request *receiver_wait(struct receiver *r, size_t number) {
    for (int i = 0; i < 3000; i++) {
        if (receiver_count(r) > number)
            return &r->requests[number];
        usleep(10000);
    }
    return NULL;
}

/* The value of a header, in a buffer of the caller's; NULL: it is not there. */
static inline const char *receiver_header(const struct receiver_request *request, const char *name, char *to,
                                          size_t size) {
    char start[128];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strcasestr(request->head, start);
    if (!at)
        return NULL;
    at += strlen(start);
    snprintf(to, size, "%.*s", (int)strcspn(at, "\r"), at);
    return to;
}

#endif
