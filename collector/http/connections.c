#include "http/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/alloc.h"

static const int64_t ns_per_ms = 1000000;

/* In a crowd, whoever has sent a whole head may take so many times as long as who has not. */
static const int64_t patience[CONNECTION_CUT] = {
    [CONNECTION_HEAD] = 1,
    [CONNECTION_BODY] = 20,
    [CONNECTION_ANSWER] = 20,
    [CONNECTION_IDLE] = 20,
};

/* --- lists, under the lock ---------------------------------------------------------------------------------------- */

static void unlink_connection(struct connections *t, struct connection *c) {
    if (c->prev)
        c->prev->next = c->next;
    else
        t->first[c->state] = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        t->last[c->state] = c->prev;
    t->count[c->state]--;
}

/* Times only grow, so the end of the list is the right place. */
static void append(struct connections *t, struct connection *c, enum connection_state state, int64_t now_ns) {
    c->state = state;
    c->since_ns = now_ns;
    c->next = NULL;
    c->prev = t->last[state];
    if (c->prev)
        c->prev->next = c;
    else
        t->first[state] = c;
    t->last[state] = c;
    t->count[state]++;
}

/* The library then reads an end, or fails to write, and closes the descriptor itself. */
static void cut(struct connections *t, struct connection *c) {
    unlink_connection(t, c);
    shutdown(c->fd, SHUT_RDWR);
    append(t, c, CONNECTION_CUT, c->since_ns);
}

/* Who goes when there are too many: the oldest, weighed with our patience. */
static struct connection *most_overdue(const struct connections *t, const struct connection *but, int64_t now_ns) {
    struct connection *found = NULL;
    int64_t most = -1;
    for (int state = 0; state < CONNECTION_CUT; state++) {
        struct connection *c = t->first[state];
        if (c == but && c)
            c = c->next;
        if (!c)
            continue;
        int64_t weighed = (now_ns - c->since_ns) / patience[state];
        if (weighed > most) {
            most = weighed;
            found = c;
        }
    }
    return found;
}

/* --- table -------------------------------------------------------------------------------------------------------- */

void connections_init(struct connections *t, unsigned limit, const struct connection_limits *limits,
                      size_t entry_size) {
    assert(entry_size >= sizeof(struct connection));
    *t = (struct connections){.limit = limit, .limits = *limits, .entry_size = entry_size};
    pthread_mutex_init(&t->lock, NULL);
}

void connections_deinit(struct connections *t) {
    for (int state = 0; state < CONNECTION_STATES; state++)
        assert(!t->first[state]);
    pthread_mutex_destroy(&t->lock);
}

void connections_set_limit(struct connections *t, unsigned limit) {
    pthread_mutex_lock(&t->lock);
    t->limit = limit;
    pthread_mutex_unlock(&t->lock);
}

struct connection *connections_enter(struct connections *t, int fd, unsigned generation, int64_t now_ns) {
    struct connection *c = alloc_zeroed(1, t->entry_size);
    c->fd = fd;
    c->generation = generation;
    pthread_mutex_lock(&t->lock);
    append(t, c, CONNECTION_HEAD, now_ns);
    unsigned living = 0;
    for (int state = 0; state < CONNECTION_CUT; state++)
        living += t->count[state];
    if (living > t->limit - t->limit / 4) {
        struct connection *victim = most_overdue(t, c, now_ns);
        if (victim)
            cut(t, victim);
    }
    pthread_mutex_unlock(&t->lock);
    return c;
}

void connections_leave(struct connections *t, struct connection *c) {
    pthread_mutex_lock(&t->lock);
    unlink_connection(t, c);
    pthread_mutex_unlock(&t->lock);
    free(c);
}

void connections_set_state(struct connections *t, struct connection *c, enum connection_state state, int64_t now_ns) {
    pthread_mutex_lock(&t->lock);
    if (c->state != CONNECTION_CUT && c->state != state) {
        unlink_connection(t, c);
        append(t, c, state, now_ns);
        if (state == CONNECTION_IDLE && c->generation != t->generation)
            cut(t, c);
    }
    pthread_mutex_unlock(&t->lock);
}

void connections_renew(struct connections *t, struct connection *c, int64_t now_ns) {
    pthread_mutex_lock(&t->lock);
    if (c->state != CONNECTION_CUT) {
        unlink_connection(t, c);
        append(t, c, c->state, now_ns);
    }
    pthread_mutex_unlock(&t->lock);
}

bool connections_sweep(struct connections *t, int64_t now_ns) {
    pthread_mutex_lock(&t->lock);
    for (int state = 0; state < CONNECTION_CUT; state++)
        while (t->first[state] && now_ns - t->first[state]->since_ns > t->limits.ms[state] * ns_per_ms)
            cut(t, t->first[state]);
    for (const struct connection *c = t->first[CONNECTION_CUT]; c; c = c->next)
        shutdown(c->fd, SHUT_RDWR);
    bool some_left = t->first[CONNECTION_CUT];
    pthread_mutex_unlock(&t->lock);
    return some_left;
}

void connections_begin_generation(struct connections *t, unsigned generation) {
    pthread_mutex_lock(&t->lock);
    t->generation = generation;
    for (struct connection *c = t->first[CONNECTION_IDLE], *next; c; c = next) {
        next = c->next;
        if (c->generation != generation)
            cut(t, c);
    }
    pthread_mutex_unlock(&t->lock);
}

unsigned connections_of_generation(struct connections *t, unsigned generation) {
    unsigned n = 0;
    pthread_mutex_lock(&t->lock);
    for (int state = 0; state < CONNECTION_STATES; state++)
        for (const struct connection *c = t->first[state]; c; c = c->next)
            n += c->generation == generation;
    pthread_mutex_unlock(&t->lock);
    return n;
}

unsigned connections_in_state(struct connections *t, enum connection_state state) {
    pthread_mutex_lock(&t->lock);
    unsigned n = t->count[state];
    pthread_mutex_unlock(&t->lock);
    return n;
}

void connections_cut_all(struct connections *t) {
    pthread_mutex_lock(&t->lock);
    for (int state = 0; state < CONNECTION_CUT; state++)
        while (t->first[state])
            cut(t, t->first[state]);
    pthread_mutex_unlock(&t->lock);
}
