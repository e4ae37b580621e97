#include "source/sqs_keeper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"

enum {
    TICK_MS = 50,
    RETRY_MS = 1000,
    DELETE_TRIES = 5,  /* it comes again then, and is only deleted */
    RESERVE_MS = 60000 /* below SQS's 12 h, for clocks and slow calls */
};

/* --- what is in hand ---------------------------------------------------------------------------------------------- */

void sqs_keeper_init(struct sqs_keeper *k, struct aws_session *session, const struct sqs_queue *queue, const char *name,
                     int64_t visibility_ms) {
    *k = (struct sqs_keeper){.session = session, .queue = queue, .name = name, .visibility_ms = visibility_ms};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&k->change, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&k->lock, NULL);
    k->held = alloc_zeroed(SQS_HELD_MAX, sizeof(struct sqs_held *));
}

static void free_held(struct sqs_held *h) {
    free(h->id);
    free(h->receipt);
    free(h->awaited);
    free(h);
}

void sqs_keeper_deinit(struct sqs_keeper *k) {
    for (size_t i = 0; i < k->count; i++)
        free_held(k->held[i]);
    free(k->held);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->change);
}

static struct sqs_held *find(const struct sqs_keeper *k, const char *id) {
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->held[i]->id, id) == 0)
            return k->held[i];
    return NULL;
}

static void hide(struct sqs_keeper *k, struct sqs_held *h, const char *receipt, int64_t now_ns) {
    free(h->receipt);
    h->receipt = alloc_string(receipt, strlen(receipt));
    h->received_ns = h->hidden_ns = now_ns;
    h->hidden_ms = k->visibility_ms;
    h->retry_ns = 0;
    h->expired = false;
}

struct sqs_held *sqs_keeper_hold(struct sqs_keeper *k, const struct sqs_message *m, int64_t now_ns, int64_t now_ms) {
    pthread_mutex_lock(&k->lock);
    struct sqs_held *h = find(k, m->id), *added = NULL;
    if (!h) {
        assert(k->count < SQS_HELD_MAX);
        added = h = alloc_zeroed(1, sizeof *h);
        h->id = alloc_string(m->id, strlen(m->id));
        h->first_ms = m->sent_ms && m->receive_count == 1 ? m->sent_ms : now_ms; /* one that was left is no backlog */
        k->held[k->count++] = h;
    }
    hide(k, h, m->receipt, now_ns);
    pthread_cond_broadcast(&k->change);
    pthread_mutex_unlock(&k->lock);
    return added;
}

void sqs_keeper_await(struct sqs_held *h, struct ledger_entry *entry) {
    h->awaited = alloc_resize(h->awaited, h->awaited_count + 1, sizeof *h->awaited);
    h->awaited[h->awaited_count++] = (struct sqs_awaited){entry, entry->given};
}

void sqs_keeper_settle(struct sqs_keeper *k, struct sqs_held *h, enum sqs_held_state state, unsigned left_s) {
    pthread_mutex_lock(&k->lock);
    h->state = state;
    h->left_s = left_s;
    h->retry_ns = 0;
    pthread_cond_broadcast(&k->change);
    pthread_mutex_unlock(&k->lock);
}

size_t sqs_keeper_count(struct sqs_keeper *k) {
    pthread_mutex_lock(&k->lock);
    size_t count = k->count;
    pthread_mutex_unlock(&k->lock);
    return count;
}

bool sqs_keeper_has_older(struct sqs_keeper *k, int64_t ms) {
    bool has = false;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count && !has; i++)
        has = k->held[i]->state != SQS_HELD_LEFT && k->held[i]->first_ms < ms;
    pthread_mutex_unlock(&k->lock);
    return has;
}

uint64_t sqs_keeper_deleted(struct sqs_keeper *k, struct err *trouble) {
    pthread_mutex_lock(&k->lock);
    uint64_t deleted = k->deleted;
    *trouble = k->trouble;
    pthread_mutex_unlock(&k->lock);
    return deleted;
}

void sqs_keeper_mark(struct sqs_keeper *k, uint64_t seen) {
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        for (size_t j = 0; j < k->held[i]->awaited_count; j++)
            k->held[i]->awaited[j].entry->seen = seen;
    pthread_mutex_unlock(&k->lock);
}

/* --- errands: one call about several messages --------------------------------------------------------------------- */

struct errand {
    struct sqs_held *held[SQS_BATCH]; /* they stay: only we remove any */
    struct sqs_entry entries[SQS_BATCH];
    char *receipts[SQS_BATCH]; /* owned: of the moment */
    size_t count;
};

typedef bool (*want_fn)(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns, unsigned *visibility_s);

static bool gather(struct sqs_keeper *k, want_fn want, int64_t now_ns, struct errand *e) {
    *e = (struct errand){0};
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count && e->count < SQS_BATCH; i++) {
        struct sqs_held *h = k->held[i];
        unsigned visibility_s = 0;
        if (!want(k, h, now_ns, &visibility_s))
            continue;
        char *receipt = alloc_string(h->receipt, strlen(h->receipt));
        e->held[e->count] = h;
        e->receipts[e->count] = receipt;
        e->entries[e->count++] = (struct sqs_entry){.receipt = receipt, .visibility_s = visibility_s};
    }
    pthread_mutex_unlock(&k->lock);
    return e->count;
}

static void remove_held(struct sqs_keeper *k, struct sqs_held *h) {
    for (size_t i = 0; i < k->count; i++)
        if (k->held[i] == h) {
            k->held[i] = k->held[--k->count];
            free_held(h);
            return;
        }
}

typedef void (*apply_fn)(struct sqs_keeper *k, struct sqs_held *h, const struct sqs_entry *entry, bool same,
                         int64_t now_ns);

/* `same`: the message has not come again in the meantime, with another receipt. */
static void settle_errand(struct sqs_keeper *k, struct errand *e, apply_fn apply, const struct err *err,
                          int64_t now_ns) {
    pthread_mutex_lock(&k->lock);
    if (!atomic_load(&k->stop))
        k->trouble = *err;
    for (size_t i = 0; i < e->count; i++) {
        bool same = strcmp(e->held[i]->receipt, e->receipts[i]) == 0;
        apply(k, e->held[i], &e->entries[i], same, now_ns);
        free(e->receipts[i]);
    }
    pthread_mutex_unlock(&k->lock);
}

typedef bool (*call_fn)(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                        int64_t timeout_ms, const atomic_bool *stop, struct err *err);

struct kind {
    call_fn call;
    want_fn want;
    apply_fn apply;
};

/* False when there was nothing (more) to do. */
static bool run_errand(struct sqs_keeper *k, const struct kind *kind, int64_t now_ns) {
    struct errand e;
    struct err err = {0};
    if (!gather(k, kind->want, now_ns, &e))
        return false;
    if (!kind->call(k->session, k->queue, e.entries, e.count, 0, &k->stop, &err) && !atomic_load(&k->stop))
        log_event(LOG_WARN, "a call to the queue failed", LOG_FIELDS({"source", k->name}, {"cause", err.text}));
    settle_errand(k, &e, kind->apply, &err, now_ns);
    return e.count == SQS_BATCH && err.code == ERR_NONE && !atomic_load(&k->stop);
}

/* --- deleting ----------------------------------------------------------------------------------------------------- */

static bool is_committed(const struct sqs_held *h) {
    for (size_t i = 0; i < h->awaited_count; i++)
        if (atomic_load(&h->awaited[i].entry->stream.committed_chains) < h->awaited[i].chains)
            return false;
    return true;
}

static bool wants_deletion(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns, unsigned *visibility) {
    (void)k, (void)visibility;
    return h->state == SQS_HELD_READ && now_ns >= h->retry_ns && is_committed(h);
}

/* One that cannot be deleted comes again; nothing of it is counted twice, and it is deleted then. */
static void apply_deletion(struct sqs_keeper *k, struct sqs_held *h, const struct sqs_entry *entry, bool same,
                           int64_t now_ns) {
    k->deleted += entry->result == SQS_ENTRY_DONE;
    h->retry_ns = same ? now_ns + RETRY_MS * 1000000LL : 0;
    if (entry->result == SQS_ENTRY_DONE || (same && (entry->result == SQS_ENTRY_REFUSED || ++h->tries >= DELETE_TRIES)))
        remove_held(k, h);
}

static const struct kind deletion = {sqs_delete, wants_deletion, apply_deletion};

/* --- keeping hidden ----------------------------------------------------------------------------------------------- */

/* No longer than AWS allows for all the time together, or the whole call would be refused. */
static unsigned longest_s(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns) {
    int64_t left_ms = SQS_VISIBILITY_MAX_S * 1000LL - RESERVE_MS - (now_ns - h->received_ns) / 1000000;
    return (unsigned)((left_ms < k->visibility_ms ? left_ms : k->visibility_ms) / 1000);
}

static bool wants_extension(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns,
                            unsigned *visibility_s) {
    if (h->state == SQS_HELD_LEFT || h->expired || now_ns < h->retry_ns)
        return false;
    if (now_ns - h->hidden_ns < h->hidden_ms * 1000000 / 2 || now_ns - h->received_ns >= SQS_HOLD_MAX_MS * 1000000LL)
        return false;
    *visibility_s = longest_s(k, h, now_ns);
    return true;
}

static void apply_extension(struct sqs_keeper *k, struct sqs_held *h, const struct sqs_entry *entry, bool same,
                            int64_t now_ns) {
    (void)k;
    if (!same)
        return;
    if (entry->result == SQS_ENTRY_DONE) {
        h->hidden_ns = now_ns;
        h->hidden_ms = entry->visibility_s * 1000LL;
    } else if (entry->result == SQS_ENTRY_REFUSED) {
        h->expired = true; /* until it comes again, with another receipt */
    } else {
        h->retry_ns = now_ns + RETRY_MS * 1000000LL;
    }
}

static const struct kind extension = {sqs_change_visibility, wants_extension, apply_extension};

/* --- letting go --------------------------------------------------------------------------------------------------- */

static bool wants_leaving(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns,
                          unsigned *visibility_s) {
    (void)k, (void)now_ns;
    *visibility_s = h->left_s;
    return h->state == SQS_HELD_LEFT;
}

/* Whatever AWS said: it comes again, if not now then when its time is over. */
static void apply_leaving(struct sqs_keeper *k, struct sqs_held *h, const struct sqs_entry *entry, bool same,
                          int64_t now_ns) {
    (void)entry, (void)same, (void)now_ns;
    remove_held(k, h);
}

static const struct kind leaving = {sqs_change_visibility, wants_leaving, apply_leaving};

/* --- the thread --------------------------------------------------------------------------------------------------- */

void sqs_keeper_turn(struct sqs_keeper *k, int64_t now_ns) {
    while (run_errand(k, &extension, now_ns)) /* first: it is what has a deadline */
        continue;
    while (run_errand(k, &deletion, now_ns))
        continue;
    while (run_errand(k, &leaving, now_ns))
        continue;
}

static bool wants_release(const struct sqs_keeper *k, const struct sqs_held *h, int64_t now_ns,
                          unsigned *visibility_s) {
    (void)k, (void)now_ns;
    *visibility_s = h->state == SQS_HELD_LEFT ? h->left_s : 0;
    return true;
}

/* What the next start need not wait for. A call that fails ends it: the messages come by themselves, later. */
static void finish(struct sqs_keeper *k) {
    static const struct kind release = {sqs_change_visibility, wants_release, apply_leaving};
    const struct kind *kinds[] = {&deletion, &release};
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        k->held[i]->retry_ns = 0;
    pthread_mutex_unlock(&k->lock);
    bool ok = true;
    for (size_t i = 0; i < 2; i++) {
        struct errand e;
        int64_t now_ns = clock_monotonic_ns(), left_ms;
        while (ok && (left_ms = (k->end_ns - now_ns) / 1000000) > 0 && gather(k, kinds[i]->want, now_ns, &e)) {
            struct err err = {0};
            ok = kinds[i]->call(k->session, k->queue, e.entries, e.count, left_ms, &k->cut, &err);
            settle_errand(k, &e, kinds[i]->apply, &err, now_ns);
            now_ns = clock_monotonic_ns();
        }
    }
}

static void wait_until(struct sqs_keeper *k, int64_t ns) {
    struct timespec until = {ns / 1000000000, ns % 1000000000};
    pthread_cond_timedwait(&k->change, &k->lock, &until);
}

static void *thread_body(void *context) {
    struct sqs_keeper *k = context;
    pthread_mutex_lock(&k->lock);
    while (!k->end_ns) {
        if (!k->count) {
            pthread_cond_wait(&k->change, &k->lock);
            continue;
        }
        pthread_mutex_unlock(&k->lock);
        sqs_keeper_turn(k, clock_monotonic_ns());
        pthread_mutex_lock(&k->lock);
        if (!k->end_ns)
            wait_until(k, clock_monotonic_ns() + TICK_MS * 1000000LL);
    }
    pthread_mutex_unlock(&k->lock);
    finish(k);
    pthread_mutex_lock(&k->lock);
    k->ended = true;
    pthread_cond_broadcast(&k->change);
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

void sqs_keeper_start(struct sqs_keeper *k) {
    if (pthread_create(&k->thread, NULL, thread_body, k) != 0)
        abort(); /* no thread: nothing can go on */
    k->started = true;
}

void sqs_keeper_end(struct sqs_keeper *k) {
    if (!k->started)
        return;
    atomic_store(&k->stop, true);
    int64_t end_ns = clock_monotonic_ns() + SQS_END_MS * 1000000LL;
    pthread_mutex_lock(&k->lock);
    k->end_ns = end_ns;
    pthread_cond_broadcast(&k->change);
    while (!k->ended && clock_monotonic_ns() < end_ns)
        wait_until(k, end_ns);
    pthread_mutex_unlock(&k->lock);
    atomic_store(&k->cut, true);
    pthread_join(k->thread, NULL);
    k->started = false;
}
