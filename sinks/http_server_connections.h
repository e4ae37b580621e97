/* Who is connected, since when, and in the middle of what: so that a client who takes its time loses its place, and not
 * the one who only wants to scrape. Times are of the monotonic clock. Thread-safe. */
#ifndef SINKS_HTTP_SERVER_CONNECTIONS_H
#define SINKS_HTTP_SERVER_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_HEAD,   /* the head of a request is not complete, or the TLS handshake is not: 5 s */
    CONNECTION_ANSWER, /* it is, and the answer has not left: 10 s, so that nothing takes longer than 15 s */
    CONNECTION_IDLE,   /* between two requests: 30 s */
    CONNECTION_CUT,    /* shut down by us; the HTTP library is about to close it */
    CONNECTION_STATES
};

/* What the worker found out while the request waited. */
enum connection_verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_BAD, VERDICT_STOPPING };

struct connection {
    struct connection *prev, *next; /* those of the same state, oldest first */
    int fd;
    enum connection_state state;
    int64_t since_ns;
    unsigned generation;
    /* Of the present request; for the thread that serves it, and the worker while it is suspended. */
    bool seen, bad_target, long_target;
    enum connection_verdict password, reload;
    char *reload_text; /* owned */
    /* Of the connection. */
    bool peer_checked;
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first[CONNECTION_STATES], *last[CONNECTION_STATES];
    unsigned count[CONNECTION_STATES];
    unsigned limit;
    unsigned generation; /* connections of earlier ones end with their present request */
};

void connections_init(struct connections *t, unsigned limit);
void connections_deinit(struct connections *t); /* all must have left */
void connections_set_limit(struct connections *t, unsigned limit);

/* Returns new; `fd` stays open until connections_leave. Over three quarters of the limit, one is cut: the
 * oldest, where one who has sent a whole request counts as twenty times younger. */
struct connection *connections_enter(struct connections *t, int fd, unsigned generation, int64_t now_ns);
void connections_leave(struct connections *t, struct connection *c); /* takes c */

/* Starts the time of that state, unless it is in it already. */
void connections_set_state(struct connections *t, struct connection *c, enum connection_state state, int64_t now_ns);

/* Cuts those whose time is over, and once more those that were cut and are still there: library 0.9.75, with its
 * edge-triggered events, sometimes overlooks the first time, and would keep their places. True when there are such:
 * come again soon. */
bool connections_sweep(struct connections *t, int64_t now_ns);

/* From now on, connections of another generation are cut when their present request is answered. */
void connections_begin_generation(struct connections *t, unsigned generation);
unsigned connections_of_generation(struct connections *t, unsigned generation);
void connections_cut_all(struct connections *t);

#endif
