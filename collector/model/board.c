#include "model/board.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/alloc.h"

/* A snapshot that hangs or is being read; the board itself holds one of the readers' places. */
struct pinned {
    struct pinned *next;
    struct snapshot *snapshot;
    unsigned readers;
    struct pinned *base; /* whose content it shows; it holds one of the base's readers' places */
};

struct board {
    pthread_mutex_t lock;
    void (*destroy)(struct snapshot *);
    struct pinned *latest; /* the first of those that are held; NULL: none yet */
};

struct board *board_create(void (*destroy)(struct snapshot *)) {
    struct board *b = alloc_zeroed(1, sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    b->destroy = destroy;
    return b;
}

/* Takes one place back; returns the entry when that was the last, unlinked. Under the lock. */
static struct pinned *let_go(struct board *b, const struct snapshot *s) {
    for (struct pinned **at = &b->latest; *at; at = &(*at)->next) {
        struct pinned *p = *at;
        if (p->snapshot != s)
            continue;
        if (--p->readers)
            return NULL;
        *at = p->next;
        return p;
    }
    return NULL;
}

static void destroy_pinned(struct board *b, struct pinned *p) {
    if (!p)
        return;
    if (p->base) {
        board_release(b, p->base->snapshot);
        free(p->snapshot);
    } else {
        b->destroy(p->snapshot);
    }
    free(p);
}

static void put(struct board *b, struct pinned *p) {
    p->readers = 1;
    pthread_mutex_lock(&b->lock);
    struct pinned *before = b->latest;
    p->next = before;
    b->latest = p;
    struct pinned *gone = before ? let_go(b, before->snapshot) : NULL;
    pthread_mutex_unlock(&b->lock);
    destroy_pinned(b, gone);
}

void board_put(struct board *b, struct snapshot *s) {
    struct pinned *p = alloc_zeroed(1, sizeof *p);
    p->snapshot = s;
    put(b, p);
}

void board_amend(struct board *b, const struct service_row *service) {
    pthread_mutex_lock(&b->lock);
    struct pinned *latest = b->latest, *base = latest && latest->base ? latest->base : latest;
    if (base)
        base->readers++;
    pthread_mutex_unlock(&b->lock);
    if (!base)
        return;
    struct pinned *p = alloc_zeroed(1, sizeof *p);
    p->base = base;
    p->snapshot = alloc_zeroed(1, sizeof *p->snapshot);
    *p->snapshot = *base->snapshot;
    p->snapshot->service = *service;
    put(b, p);
}

void board_destroy(struct board *b) {
    if (!b)
        return;
    struct pinned *latest = b->latest;
    b->latest = latest ? latest->next : NULL;
    destroy_pinned(b, latest); /* and with it what it was made from */
    assert(!b->latest);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

const struct snapshot *board_look(struct board *b) {
    pthread_mutex_lock(&b->lock);
    const struct snapshot *s = NULL;
    if (b->latest) {
        b->latest->readers++;
        s = b->latest->snapshot;
    }
    pthread_mutex_unlock(&b->lock);
    return s;
}

void board_release(struct board *b, const struct snapshot *s) {
    if (!s)
        return;
    pthread_mutex_lock(&b->lock);
    struct pinned *gone = let_go(b, s);
    pthread_mutex_unlock(&b->lock);
    destroy_pinned(b, gone);
}
