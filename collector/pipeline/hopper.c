#include "pipeline/hopper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"

enum { RAW_KEPT = 64 << 10 };

struct hopper {
    pthread_mutex_t lock;
    pthread_cond_t given, taken;
    struct chain *first, **last; /* chains that wait */
    struct chain *spare;         /* places for more */
    size_t waiting, max;
    struct batch *free;
    bool woken;
};

/* A chain that waits. Batches of a chain are linked with each other, so chains need links of their own. */
struct chain {
    struct chain *next;
    struct batch *batches;
};

struct hopper *hopper_create(size_t max_batches) {
    struct hopper *h = alloc_zeroed(1, sizeof *h);
    pthread_condattr_t monotonic;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->given, &monotonic);
    pthread_cond_init(&h->taken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    h->last = &h->first;
    h->max = max_batches;
    return h;
}

static void destroy_batches(struct batch *b) {
    while (b) {
        struct batch *next = b->next;
        buf_deinit(&b->raw);
        free(b);
        b = next;
    }
}

static void destroy_chains(struct chain *c) {
    while (c) {
        struct chain *next = c->next;
        destroy_batches(c->batches);
        free(c);
        c = next;
    }
}

void hopper_destroy(struct hopper *h) {
    if (!h)
        return;
    destroy_chains(h->first);
    destroy_chains(h->spare);
    destroy_batches(h->free);
    pthread_cond_destroy(&h->given);
    pthread_cond_destroy(&h->taken);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static struct timespec time_of(int64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

static struct batch *make_batch(void) {
    struct batch *b = alloc_zeroed(1, sizeof *b);
    buf_init(&b->raw, BATCH_RAW_LIMIT);
    return b;
}

static void clear_batch(struct batch *b) {
    b->next = NULL;
    b->stream = NULL;
    b->position = (struct position){0};
    b->forget = false;
    batch_empty(b);
    if (b->raw.size > RAW_KEPT) { /* a flood of damage must not be remembered by every batch */
        buf_deinit(&b->raw);
        buf_init(&b->raw, BATCH_RAW_LIMIT);
    }
}

struct batch *hopper_take(struct hopper *h, const atomic_bool *stop) {
    pthread_mutex_lock(&h->lock);
    while (h->waiting >= h->max && !atomic_load(stop)) {
        struct timespec until = time_of(clock_monotonic_ns() + 100000000); /* a stop is seen even if nobody wakes us */
        pthread_cond_timedwait(&h->taken, &h->lock, &until);
    }
    struct batch *b = h->free;
    bool stopped = atomic_load(stop);
    if (b && !stopped)
        h->free = b->next;
    pthread_mutex_unlock(&h->lock);
    if (stopped)
        return NULL;
    if (!b)
        return make_batch();
    clear_batch(b);
    return b;
}

static size_t length_of(const struct batch *chain) {
    size_t n = 0;
    for (; chain; chain = chain->next)
        n++;
    return n;
}

void hopper_give(struct hopper *h, struct batch *chain) {
    size_t length = length_of(chain);
    pthread_mutex_lock(&h->lock);
    struct chain *c = h->spare;
    if (c)
        h->spare = c->next;
    else
        c = alloc_zeroed(1, sizeof *c);
    *c = (struct chain){.batches = chain};
    *h->last = c;
    h->last = &c->next;
    h->waiting += length;
    pthread_cond_signal(&h->given);
    pthread_mutex_unlock(&h->lock);
}

struct batch *hopper_next(struct hopper *h, int64_t deadline_ns) {
    struct timespec until = time_of(deadline_ns);
    struct batch *batches = NULL;
    pthread_mutex_lock(&h->lock);
    while (!h->first && !h->woken)
        if (pthread_cond_timedwait(&h->given, &h->lock, &until) != 0)
            break;
    h->woken = false;
    struct chain *c = h->first;
    if (c) {
        h->first = c->next;
        if (!h->first)
            h->last = &h->first;
        batches = c->batches;
        c->batches = NULL;
        c->next = h->spare;
        h->spare = c;
        h->waiting -= length_of(batches);
        pthread_cond_broadcast(&h->taken);
    }
    pthread_mutex_unlock(&h->lock);
    return batches;
}

void hopper_free(struct hopper *h, struct batch *chain) {
    struct batch *last = chain;
    if (!chain)
        return;
    while (last->next)
        last = last->next;
    pthread_mutex_lock(&h->lock);
    last->next = h->free;
    h->free = chain;
    pthread_mutex_unlock(&h->lock);
}

size_t hopper_waiting(struct hopper *h) {
    pthread_mutex_lock(&h->lock);
    size_t waiting = h->waiting;
    pthread_mutex_unlock(&h->lock);
    return waiting;
}

void hopper_wake(struct hopper *h) {
    pthread_mutex_lock(&h->lock);
    h->woken = true;
    pthread_cond_broadcast(&h->given);
    pthread_cond_broadcast(&h->taken);
    pthread_mutex_unlock(&h->lock);
}
