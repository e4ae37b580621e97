/* Thousands of clients who take their time, and one who scrapes. For http.sh.
 *
 *     http_slow_clients PORT CLIENTS SECONDS
 *
 * Clients come from 127.0.0.2 and on. Two thirds send the head of a request byte by byte and never finish it, the
 * others ask for everything and read nothing. The readers ask again and again. Whoever is thrown out comes back after
 * three seconds. Meanwhile a scraper asks for /metrics four times a second, and must get all of it. Prints "scrapes N
 * failed N slowest_ms N". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

enum {
    STEP_MS = 100,
    BACK_AFTER_MS = 3000,
    BYTE_EVERY_MS = 1000,
    SCRAPE_EVERY_MS = 250,
    SOURCES = 200,
    SLOW_READER = 3
};

static const char head[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ";
static const char whole[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct client {
    int fd; /* -1: out */
    int64_t next_ms;
    size_t sent;
};

static uint16_t port;
static atomic_bool done;
static unsigned thrown_out;

static int64_t now_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

static void come_in(struct client *c, unsigned number) {
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % SOURCES);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return;
    int small = 4096, no_port_yet = 1;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &no_port_yet, sizeof no_port_yet);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)) {
        close(c->fd);
        c->fd = -1;
    }
    c->sent = 0;
}

static void go_out(struct client *c, int64_t now) {
    close(c->fd);
    c->fd = -1;
    c->next_ms = now + BACK_AFTER_MS;
    thrown_out++;
}

/* They notice that they were thrown out when they send. */
static void step(struct client *c, unsigned number, int64_t now) {
    if (now < c->next_ms)
        return;
    c->next_ms = now + BYTE_EVERY_MS;
    if (c->fd < 0) {
        come_in(c, number);
        return;
    }
    ssize_t n;
    if (number % SLOW_READER == 0)
        n = send(c->fd, whole, sizeof whole - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        n = send(c->fd, c->sent < sizeof head - 1 ? head + c->sent : "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        c->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN)
        go_out(c, now);
}

/* --- the scraper -------------------------------------------------------------------------------------------------- */

static int connected(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 10};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Whether all bytes that Content-Length promises came. */
static bool scrape(void) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static char text[32 << 20];
    int fd = connected();
    if (fd < 0)
        return false;
    size_t len = 0, wanted = 0;
    send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
    for (ssize_t n; len < sizeof text - 1 && (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0;)
        len += (size_t)n;
    close(fd);
    text[len] = 0;
    const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    if (!body || !length || strncmp(text, "HTTP/1.1 200", 12) != 0 ||
        sscanf(length, "Content-Length: %zu", &wanted) != 1)
        return false;
    return wanted > 100000 && len - (size_t)(body + 4 - text) == wanted;
}

static void *keep_scraping(void *context) {
    (void)context;
    unsigned scrapes = 0, failed = 0;
    int64_t slowest = 0;
    while (!atomic_load(&done)) {
        int64_t from = now_ms();
        bool good = scrape();
        int64_t took = now_ms() - from;
        scrapes++;
        failed += !good;
        if (took > slowest)
            slowest = took;
        if (took < SCRAPE_EVERY_MS)
            poll(NULL, 0, (int)(SCRAPE_EVERY_MS - took));
    }
    printf("scrapes %u failed %u slowest_ms %d\n", scrapes, failed, (int)slowest);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    port = (uint16_t)atoi(argv[1]);
    unsigned count = (unsigned)atoi(argv[2]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct client *clients = calloc(count, sizeof *clients);
    int64_t from = now_ms(), until = from + atoi(argv[3]) * 1000LL;
    for (unsigned i = 0; i < count; i++) /* they come within two seconds */
        clients[i] = (struct client){.fd = -1, .next_ms = from + i * 2000LL / count};
    pthread_t scraper;
    if (pthread_create(&scraper, NULL, keep_scraping, NULL))
        return 1;
    for (int64_t now = from; now < until; now = now_ms()) {
        for (unsigned i = 0; i < count; i++)
            step(&clients[i], i, now);
        poll(NULL, 0, STEP_MS);
    }
    unsigned inside = 0;
    for (unsigned i = 0; i < count; i++)
        inside += clients[i].fd >= 0;
    atomic_store(&done, true);
    pthread_join(scraper, NULL);
    printf("clients %u still_connected %u thrown_out %u\n", count, inside, thrown_out);
    free(clients);
    return 0;
}
