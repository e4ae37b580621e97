#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, PORT_MAX = 65535 };

static bool is_port(const char *s) {
    size_t len = strlen(s);
    if (len < 1 || len > 5 || strspn(s, "0123456789") != len)
        return false;
    return strtoul(s, NULL, 10) <= PORT_MAX;
}

/* Takes "[::1]:9465" apart. An empty host is every address of the machine. */
static bool split(const char *key, const char *address, char host[256], char port[6], struct err *err) {
    const char *colon = address ? strrchr(address, ':') : NULL;
    if (!colon || !is_port(colon + 1))
        return err_set(err, ERR_CONFIG, "%s \"%.100s\": give HOST:PORT, [IPv6]:PORT or :PORT, with a port up to 65535",
                       key, address ? address : "");
    const char *from = address;
    size_t len = (size_t)(colon - address);
    bool brackets = len >= 2 && from[0] == '[' && from[len - 1] == ']';
    if (brackets) {
        from++;
        len -= 2;
    }
    if (len >= 256 || (!brackets && memchr(from, ':', len)))
        return err_set(err, ERR_CONFIG, "%s \"%.100s\": an IPv6 address stands in brackets: [::1]:9465", key, address);
    memcpy(host, from, len);
    host[len] = 0;
    snprintf(port, 6, "%s", colon + 1);
    return true;
}

static int open_one(const struct addrinfo *a, bool both_families) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1, v6_only = !both_families;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static const char *advice(int cause) {
    switch (cause) {
    case EADDRINUSE:
        return "another program, or another ses-collector, listens there: stop it or choose another port";
    case EACCES:
        return "ports below 1024 are for root or CAP_NET_BIND_SERVICE: choose one above";
    case EADDRNOTAVAIL:
        return "this machine does not have that address: see `ip address`, or give only :PORT";
    default:
        return "choose another address";
    }
}

/* IPv6 first when both families are wanted: its socket takes IPv4 too. Without IPv6 in the kernel, IPv4 alone. */
static int open_any(const struct addrinfo *found, bool both) {
    int cause = EADDRNOTAVAIL;
    for (int pass = 0; pass < 2; pass++)
        for (const struct addrinfo *a = found; a; a = a->ai_next) {
            if ((a->ai_family == AF_INET6) != (pass == 0))
                continue;
            int fd = open_one(a, both);
            if (fd >= 0)
                return fd;
            if (errno != EAFNOSUPPORT)
                cause = errno;
            if (both && errno == EADDRINUSE)
                break;
        }
    errno = cause;
    return -1;
}

int http_listen(const char *key, const char *address, struct err *err) {
    char host[256] = "", port[6] = "";
    if (!split(key, address, host, port, err))
        return -1;
    bool both = !*host || !strcmp(host, "::");
    struct addrinfo wanted = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = getaddrinfo(*host ? host : NULL, port, &wanted, &found);
    if (rc) {
        err_set(err, ERR_CONFIG, "%s \"%.100s\": %s", key, address, gai_strerror(rc));
        return -1;
    }
    int fd = open_any(found, both);
    if (fd < 0)
        err_set(err, ERR_IO, "cannot listen on \"%.100s\": %s; %s", address, strerror(errno), advice(errno));
    freeaddrinfo(found);
    return fd;
}

int http_listen_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t len = sizeof a;
    if (getsockname(fd, &a.any, &len) != 0)
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

bool http_listen_is_local(const char *address) {
    char host[256] = "", port[6] = "";
    struct err ignored = {0};
    struct in_addr v4;
    if (!split("", address, host, port, &ignored))
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return !strcmp(host, "localhost") || !strcmp(host, "::1");
}
