/* Requests that wait: for their signature, for the source thread, for the commit. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "source/push_internal.h"

static const int64_t ns_per_ms = 1000000;

/* --- memory ------------------------------------------------------------------------------------------------------- */

static bool add_within(_Atomic uint64_t *held, uint64_t more, uint64_t limit) {
    uint64_t before = atomic_load(held);
    do {
        if (more > limit || before > limit - more)
            return false;
    } while (!atomic_compare_exchange_weak(held, &before, before + more));
    return true;
}

bool push_hold(struct push *p, struct push_request *r, uint64_t more) {
    bool is_sns = r->endpoint == PUSH_SNS;
    if (is_sns && !add_within(&p->held_by_sns, more, p->options.memory / PUSH_SNS_SHARE))
        return false;
    if (!add_within(&p->held, more, p->options.memory)) {
        if (is_sns)
            atomic_fetch_sub(&p->held_by_sns, more);
        return false;
    }
    r->held += more;
    return true;
}

void push_release(struct push *p, struct push_request *r) {
    free(r->body);
    r->body = NULL;
    r->len = r->room = 0;
    atomic_fetch_sub(&p->held, r->held);
    if (r->endpoint == PUSH_SNS)
        atomic_fetch_sub(&p->held_by_sns, r->held);
    r->held = 0;
}

/* --- queues ------------------------------------------------------------------------------------------------------- */

void push_append(struct push_queue *q, struct push_request *r) {
    r->next = NULL;
    if (!q->first)
        q->last = &q->first;
    *q->last = r;
    q->last = &r->next;
    q->count++;
}

struct push_request *push_take_first(struct push_queue *q) {
    struct push_request *r = q->first;
    if (!r)
        return NULL;
    q->first = r->next;
    q->count--;
    r->next = NULL;
    return r;
}

void push_queue_for(struct push *p, struct push_queue *q, struct push_request *r) {
    pthread_mutex_lock(&p->lock);
    bool closing = atomic_load(&p->closing);
    if (!closing) {
        push_append(q, r);
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    if (closing)
        push_answer(p, r, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
}

struct push_request *push_next(struct push *p, struct push_queue *q, int64_t wait_ms) {
    int64_t until_ns = clock_monotonic_ns() + wait_ms * ns_per_ms;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};
    pthread_mutex_lock(&p->lock);
    while (!q->first && !atomic_load(&p->closing) && clock_monotonic_ns() < until_ns)
        pthread_cond_timedwait(&p->changed, &p->lock, &until);
    struct push_request *r = push_take_first(q);
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* The request is not ours any more once it goes on. */
void push_answer(struct push *p, struct push_request *r, unsigned status, const char *text) {
    struct MHD_Connection *c = r->connection;
    push_release(p, r);
    r->text = text;
    r->status = status;
    MHD_resume_connection(c);
}

static void answer_list(struct push *p, struct push_request *list, const char *text) {
    while (list) {
        struct push_request *r = list;
        list = r->next;
        push_answer(p, r, MHD_HTTP_SERVICE_UNAVAILABLE, text);
    }
}

void push_answer_all(struct push *p, struct push_queue *q, const char *text) {
    pthread_mutex_lock(&p->lock);
    struct push_request *list = q->first;
    *q = (struct push_queue){0};
    pthread_mutex_unlock(&p->lock);
    answer_list(p, list, text);
}

static bool is_expired(const struct push_request *r, int64_t now_ns) {
    return now_ns - r->began_ns > (r->endpoint == PUSH_SNS ? PUSH_SNS_MS : PUSH_FIREHOSE_MS) * ns_per_ms;
}

static void take_expired(struct push_queue *q, struct push_queue *expired, int64_t now_ns) {
    struct push_queue kept = {0};
    for (struct push_request *r; (r = push_take_first(q));)
        push_append(is_expired(r, now_ns) ? expired : &kept, r);
    *q = kept;
    if (!q->first)
        q->last = &q->first;
}

void push_expire(struct push *p, int64_t now_ns) {
    struct push_queue expired = {0};
    pthread_mutex_lock(&p->lock);
    take_expired(&p->to_verify, &expired, now_ns);
    take_expired(&p->arrived, &expired, now_ns);
    take_expired(&p->waiting, &expired, now_ns);
    pthread_mutex_unlock(&p->lock);
    answer_list(p, expired.first, "not committed in time");
}
