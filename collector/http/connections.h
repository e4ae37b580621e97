/* Who is connected, since when, and in the middle of what: so that a client who takes its time loses its place, and not
 * the one who only wants to scrape. Times are of the monotonic clock. Thread-safe. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_HEAD,   /* the head of a request is not complete, or the TLS handshake is not */
    CONNECTION_BODY,   /* it is, and its body is not */
    CONNECTION_ANSWER, /* all of it is, and the answer has not left */
    CONNECTION_IDLE,   /* between two requests */
    CONNECTION_CUT,    /* shut down by us; the HTTP library is about to close it */
    CONNECTION_STATES
};

/* How long a connection may be in each state. */
struct connection_limits {
    int64_t ms[CONNECTION_CUT];
};

/* The first member of what a server keeps for a connection. */
struct connection {
    struct connection *prev, *next; /* those of the same state, oldest first */
    int fd;
    enum connection_state state;
    int64_t since_ns;
    unsigned generation;
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first[CONNECTION_STATES], *last[CONNECTION_STATES];
    unsigned count[CONNECTION_STATES];
    unsigned limit;
    struct connection_limits limits;
    size_t entry_size;
    unsigned generation; /* connections of earlier ones end with their present request */
};

/* `entry_size`: of the struct that begins with struct connection. */
void connections_init(struct connections *t, unsigned limit, const struct connection_limits *limits, size_t entry_size);
void connections_deinit(struct connections *t); /* all must have left */
void connections_set_limit(struct connections *t, unsigned limit);

/* Returns new, zeroed behind the connection itself; `fd` stays open until connections_leave. Over three quarters of the
 * limit, one is cut: the oldest, where one who has sent a whole request counts as twenty times younger. */
struct connection *connections_enter(struct connections *t, int fd, unsigned generation, int64_t now_ns);
void connections_leave(struct connections *t, struct connection *c); /* takes c */

/* Starts the time of that state, unless it is in it already. */
void connections_set_state(struct connections *t, struct connection *c, enum connection_state state, int64_t now_ns);
/* Starts the time of its state again: enough has come. */
void connections_renew(struct connections *t, struct connection *c, int64_t now_ns);

/* Cuts those whose time is over, and once more those that were cut and are still there: library 0.9.75, with its
 * edge-triggered events, sometimes overlooks the first time, and would keep their places. True when there are such:
 * come again soon. */
bool connections_sweep(struct connections *t, int64_t now_ns);

/* From now on, connections of another generation are cut when their present request is answered. */
void connections_begin_generation(struct connections *t, unsigned generation);
unsigned connections_of_generation(struct connections *t, unsigned generation);
unsigned connections_in_state(struct connections *t, enum connection_state state);
void connections_cut_all(struct connections *t);

#endif
