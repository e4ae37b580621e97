/* Messages for a webhook or Slack: one after the other, each until it is delivered, refused or too old.
 *
 * The messages of one incident keep their order: a later one waits for the earlier. Beyond that the one that has waited
 * longest since its last attempt goes first, so that a message which the peer cannot digest holds up its own
 * incident only. After a failure the target rests, too: a peer in trouble gets one attempt now and then, not one for
 * each message. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/map.h"
#include "sinks/notifier_internal.h"
#include "sinks/webhook.h"

enum {
    LOOK_MS = 1000, /* the longest sleep while something waits: the wall clock may have been set */
    DEFAULT_GIVE_UP_MS = 24 * 60 * 60 * 1000,
};

/* Of the thread alone. */
struct delivery {
    struct notifier_worker *worker;
    unsigned failures;     /* in a row */
    int64_t rest_until_ms; /* notifier_now_ms */
    int64_t looked_ms;     /* when old messages were last looked for */
};

/* --- Lists ------------------------------------------------------------------------------------------------------ */

static void hang(struct notifier_list *l, struct notifier_message *m) {
    m->next = NULL;
    *l->end = m;
    l->end = &m->next;
    l->count++;
}

/* `at` is where the message hangs. */
static struct notifier_message *take_off(struct notifier_list *l, struct notifier_message **at) {
    struct notifier_message *m = *at;
    *at = m->next;
    if (l->end == &m->next)
        l->end = at;
    l->count--;
    return m;
}

void notifier_list_deinit(struct notifier_list *l) {
    while (l->first) {
        struct notifier_message *m = take_off(l, &l->first);
        free(m->body);
        free(m);
    }
}

static void decide(struct notifier *n, struct notifier_message **at, enum message_fate fate) {
    struct notifier_message *m = take_off(&n->waiting, at);
    m->fate = fate;
    free(m->body);
    m->body = NULL;
    n->counts.dropped += fate >= MESSAGE_TOO_OLD;
    hang(&n->decided, m);
}

void notifier_enqueue(struct notifier *n, struct notifier_message *m) {
    if (m->fate != MESSAGE_DUE) {
        hang(&n->decided, m);
        return;
    }
    if (n->waiting.count >= NOTIFIER_QUEUE_MAX) {
        struct notifier_message **at = &n->waiting.first;
        decide(n, (*at)->in_flight ? &(*at)->next : at, MESSAGE_TOO_MANY);
    }
    hang(&n->waiting, m);
}

/* --- What comes next -------------------------------------------------------------------------------------------- */

/* All under the lock. */

static void decide_old(struct delivery *d) {
    struct notifier *n = d->worker->notifier;
    int64_t now = notifier_now_ms();
    if (d->looked_ms && now - d->looked_ms < LOOK_MS)
        return;
    d->looked_ms = now;
    int64_t most = n->target->give_up_ms > 0 ? n->target->give_up_ms : DEFAULT_GIVE_UP_MS;
    int64_t oldest = clock_wall_ms() - most;
    for (struct notifier_message **at = &n->waiting.first; *at;) {
        if ((*at)->created_ms <= oldest)
            decide(n, at, MESSAGE_TOO_OLD);
        else
            at = &(*at)->next;
    }
}

/* The message that is next, due or not; NULL: none waits. */
static struct notifier_message *next_message(struct notifier *n) {
    struct notifier_message *best = n->waiting.first;
    if (!best || !best->not_before_ms)
        return best; /* the oldest of all, and never tried */
    struct map incidents;
    map_init(&incidents, sizeof(char));
    for (struct notifier_message *m = n->waiting.first; m; m = m->next) {
        uint64_t key = m->incident & INT64_MAX;
        char *seen = map_get(&incidents, key);
        if (seen)
            continue; /* an earlier one of its incident waits */
        map_put(&incidents, key);
        if (m->not_before_ms < best->not_before_ms)
            best = m;
    }
    map_deinit(&incidents);
    return best;
}

/* --- Delivery --------------------------------------------------------------------------------------------------- */

static void log_fate(const struct notifier *n, const struct notifier_message *m) {
    const char *reason = m->fate == MESSAGE_TOO_OLD ? "it could not be delivered in time" : "too many are waiting";
    if (m->fate == MESSAGE_TOO_OLD || m->fate == MESSAGE_TOO_MANY)
        log_event(LOG_ERROR, "notification given up",
                  LOG_FIELDS({"target", n->target->name}, {"notification", .number = (int64_t)m->id},
                             {"reason", reason}, {"attempts", .number = m->attempts}));
}

/* Tells of those whose fate is known. Called with the lock, which it lets go in between. */
static void settle(struct notifier *n) {
    while (n->decided.first) {
        struct notifier_message *m = take_off(&n->decided, &n->decided.first);
        pthread_mutex_unlock(&n->lock);
        log_fate(n, m);
        if (n->hooks.finished)
            n->hooks.finished(n->hooks.context, m->id);
        free(m);
        pthread_mutex_lock(&n->lock);
    }
}

/* The same for every attempt, over restarts too; and another for each target and for a state file that was begun
 * anew, whose numbers start again at 1. */
static void write_idempotency_key(const struct notifier *n, const struct notifier_message *m, char *to, size_t size) {
    static const struct hash_key key = {0x7365732d636f6c6c, 0x6563746f722d6b65};
    snprintf(to, size, "%016" PRIx64 "-%" PRIx64 "-%" PRIu64,
             hash_bytes(&key, n->target->name, strlen(n->target->name)), (uint64_t)m->created_ms, m->id);
}

static void post(struct notifier_worker *w, const struct notifier_message *m, struct attempt *result) {
    const struct notify_target *t = w->notifier->target;
    struct span body = span_of(m->body);
    struct http_header *headers = alloc_zeroed(t->header_count + 2, sizeof *headers);
    size_t count = 0;
    char key[80], signature[WEBHOOK_SIGNATURE_SIZE];
    write_idempotency_key(w->notifier, m, key, sizeof key);
    headers[count++] = (struct http_header){"Idempotency-Key", key};
    if (t->hmac_secret) {
        webhook_sign(t->hmac_secret, body, signature);
        headers[count++] = (struct http_header){"X-Ses-Collector-Signature", signature};
    }
    for (size_t i = 0; i < t->header_count; i++)
        headers[count++] = (struct http_header){t->headers[i].name, t->headers[i].value};
    notifier_attempt(w, body, headers, count, result);
    free(headers);
}

static void log_attempt(const struct notifier *n, const struct notifier_message *m, const struct attempt *a) {
    if (a->verdict == VERDICT_REFUSED)
        log_event(
            LOG_ERROR, "notification refused and given up",
            LOG_FIELDS({"target", n->target->name}, {"notification", .number = (int64_t)m->id}, {"reason", a->reason}));
    else if (a->verdict == VERDICT_RETRY)
        log_event(LOG_WARN, "notification not delivered, it is tried again",
                  LOG_FIELDS({"target", n->target->name}, {"notification", .number = (int64_t)m->id},
                             {"reason", a->reason}, {"attempts", .number = m->attempts}));
}

static int64_t later_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Under the lock. */
static void take_result(struct delivery *d, struct notifier_message *m, const struct attempt *a) {
    struct notifier *n = d->worker->notifier;
    m->in_flight = false;
    if (a->verdict == VERDICT_STOPPED)
        return;
    if (a->verdict == VERDICT_RETRY) {
        d->failures++;
        int64_t now = notifier_now_ms(), own = notifier_backoff_ms(d->worker, m->attempts, NOTIFIER_BACKOFF_MAX_MS);
        int64_t rest = notifier_backoff_ms(d->worker, d->failures, NOTIFIER_BACKOFF_MAX_MS);
        m->not_before_ms = now + later_of(own, a->retry_after_ms);
        d->rest_until_ms = now + later_of(rest, a->retry_after_ms);
        return;
    }
    d->failures = 0;
    struct notifier_message **at = &n->waiting.first;
    while (*at != m)
        at = &(*at)->next;
    decide(n, at, a->verdict == VERDICT_DELIVERED ? MESSAGE_DELIVERED : MESSAGE_REFUSED);
}

void notifier_deliver(struct notifier_worker *w) {
    struct notifier *n = w->notifier;
    struct delivery d = {.worker = w};
    pthread_mutex_lock(&n->lock);
    while (!n->stopping) {
        decide_old(&d);
        settle(n);
        if (n->stopping)
            break;
        struct notifier_message *m = next_message(n);
        int64_t left = m ? later_of(m->not_before_ms, d.rest_until_ms) - notifier_now_ms() : LOOK_MS;
        if (left > 0) {
            notifier_wait(n, left < LOOK_MS ? left : LOOK_MS);
            continue;
        }
        m->in_flight = true;
        m->attempts++;
        pthread_mutex_unlock(&n->lock);
        struct attempt result;
        post(w, m, &result);
        log_attempt(n, m, &result);
        pthread_mutex_lock(&n->lock);
        take_result(&d, m, &result);
    }
    settle(n); /* what was delivered must not be sent again after a restart */
    pthread_mutex_unlock(&n->lock);
}
