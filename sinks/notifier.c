#include "sinks/notifier.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/log.h"
#include "sinks/alertmanager.h"
#include "sinks/notifier_internal.h"
#include "sinks/notifier_target.h"
#include "sinks/slack.h"
#include "sinks/webhook.h"

/* --- Waiting ---------------------------------------------------------------------------------------------------- */

int64_t notifier_now_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

void notifier_wait(struct notifier *n, int64_t ms) {
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_cond_timedwait(&n->changed, &n->lock, &at);
}

bool notifier_sleep(struct notifier *n, int64_t ms) {
    int64_t until = notifier_now_ms() + ms;
    pthread_mutex_lock(&n->lock);
    for (int64_t left = ms; left > 0 && !n->stopping; left = until - notifier_now_ms())
        notifier_wait(n, left);
    bool go_on = !n->stopping;
    pthread_mutex_unlock(&n->lock);
    return go_on;
}

int64_t notifier_backoff_ms(struct notifier_worker *w, unsigned failures, int64_t most_ms) {
    int64_t ms = failures < 16 ? 500 << failures : most_ms;
    if (ms > most_ms)
        ms = most_ms;
    w->random = hash_mix(w->random + 0x9e3779b97f4a7c15u);
    return ms / 2 + (int64_t)(w->random >> 32) % (ms / 2 + 1);
}

/* --- An attempt ------------------------------------------------------------------------------------------------- */

void notifier_count(struct notifier *n, uint64_t sent, uint64_t failed) {
    n->counts.sent += sent;
    n->counts.failed += failed;
}

static enum verdict judge(int status) {
    if (status >= 200 && status < 300)
        return VERDICT_DELIVERED;
    return status == 408 || status == 429 || status >= 500 ? VERDICT_RETRY : VERDICT_REFUSED;
}

void notifier_attempt(struct notifier_worker *w, struct span body, const struct http_header *headers, size_t count,
                      struct attempt *result) {
    struct http_answer answer;
    struct err err = {0};
    *result = (struct attempt){.verdict = VERDICT_STOPPED};
    switch (http_client_post(w->client, body, headers, count, &answer, &err)) {
    case HTTP_STOPPED:
        return;
    case HTTP_FAILED:
        result->verdict = VERDICT_RETRY;
        snprintf(result->reason, sizeof result->reason, "%.400s", err.text);
        break;
    case HTTP_ANSWERED:
        result->verdict = judge(answer.status);
        result->status = answer.status;
        result->retry_after_ms =
            answer.retry_after_ms < NOTIFIER_RETRY_AFTER_MAX_MS ? answer.retry_after_ms : NOTIFIER_RETRY_AFTER_MAX_MS;
        snprintf(result->reason, sizeof result->reason, "HTTP %d%s%s", answer.status, *answer.line ? ": " : "",
                 answer.line);
        break;
    }
    pthread_mutex_lock(&w->notifier->lock);
    notifier_count(w->notifier, result->verdict == VERDICT_DELIVERED, result->verdict != VERDICT_DELIVERED);
    pthread_mutex_unlock(&w->notifier->lock);
}

/* --- Threads ---------------------------------------------------------------------------------------------------- */

static void *run(void *context) {
    struct notifier_worker *w = context;
    struct notifier *n = w->notifier;
    if (n->target->kind == NOTIFY_ALERTMANAGER)
        alertmanager_run(w);
    else
        notifier_deliver(w);
    pthread_mutex_lock(&n->lock);
    n->running--;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

static bool create_client(struct notifier_worker *w, struct err *err) {
    const struct notify_target *t = w->notifier->target;
    char *url = t->kind == NOTIFY_ALERTMANAGER ? alertmanager_url(t->urls[w->number - 1]) : NULL;
    struct http_client_options o = {.url = url ? url : t->urls[w->number - 1],
                                    .username = t->username,
                                    .password = t->password,
                                    .bearer_token = t->bearer_token,
                                    .ca_file = t->ca_file,
                                    .cert_file = t->cert_file,
                                    .key_file = t->key_file,
                                    .timeout_ms = t->timeout_ms};
    struct err cause = {0};
    w->client = http_client_create(&o, &cause);
    free(url);
    return w->client || err_set(err, cause.code, "notification target %.60s: %s", t->name, cause.text);
}

/* All signals are the main thread's. */
static bool start_thread(struct notifier_worker *w, struct err *err) {
    struct notifier *n = w->notifier;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&n->lock);
    int problem = pthread_create(&w->thread, NULL, run, w);
    n->running += problem == 0;
    pthread_mutex_unlock(&n->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !problem || err_set_errno(err, ERR_IO, problem, "cannot start a thread for target %.60s", n->target->name);
}

static struct notifier *create(const struct notify_target *t, struct board *board, const struct notifier_hooks *hooks) {
    struct notifier *n = alloc_zeroed(1, sizeof *n);
    n->target = t;
    n->board = board;
    n->hooks = *hooks;
    n->worker_count = t->url_count;
    n->workers = alloc_zeroed(n->worker_count, sizeof *n->workers);
    n->waiting.end = &n->waiting.first;
    n->decided.end = &n->decided.first;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&n->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < n->worker_count; i++) {
        n->workers[i].notifier = n;
        n->workers[i].number = i + 1;
        n->workers[i].random = hash_key_random().k0;
    }
    return n;
}

/* No thread runs any more. */
static void destroy(struct notifier *n) {
    for (size_t i = 0; i < n->worker_count; i++)
        http_client_destroy(n->workers[i].client);
    notifier_list_deinit(&n->waiting);
    notifier_list_deinit(&n->decided);
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
    free(n->workers);
    free(n);
}

struct notifier *notifier_start(const struct notify_target *t, struct board *board, const struct notifier_hooks *hooks,
                                struct err *err) {
    assert(t->kind != NOTIFY_ALERTMANAGER || board);
    if (!notify_target_check(t, err))
        return NULL;
    struct notifier *n = create(t, board, hooks);
    for (size_t i = 0; i < n->worker_count; i++) {
        if (!create_client(&n->workers[i], err)) {
            destroy(n);
            return NULL;
        }
    }
    for (size_t i = 0; i < n->worker_count; i++) {
        if (start_thread(&n->workers[i], err))
            continue;
        enum { BREAK_OFF_MS = 1000 };
        for (size_t idle = i; idle < n->worker_count; idle++)
            http_client_destroy(n->workers[idle].client);
        n->worker_count = i; /* those that run are stopped as ever */
        notifier_stop(n, BREAK_OFF_MS);
        return NULL;
    }
    return n;
}

void notifier_stop(struct notifier *n, int64_t deadline_ms) {
    if (!n)
        return;
    int64_t until = notifier_now_ms() + deadline_ms;
    pthread_mutex_lock(&n->lock);
    n->stopping = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    for (size_t i = 0; i < n->worker_count; i++)
        http_client_stop(n->workers[i].client);
    pthread_mutex_lock(&n->lock);
    for (int64_t left = deadline_ms; n->running && left > 0; left = until - notifier_now_ms())
        notifier_wait(n, left);
    bool ended = n->running == 0;
    pthread_mutex_unlock(&n->lock);
    if (!ended) {
        /* Its memory stays with the thread, which hangs in `finished` or in the system. */
        log_event(LOG_ERROR, "a notifier does not end and is left behind", LOG_FIELDS({"target", n->target->name}));
        for (size_t i = 0; i < n->worker_count; i++)
            pthread_detach(n->workers[i].thread);
        return;
    }
    for (size_t i = 0; i < n->worker_count; i++)
        pthread_join(n->workers[i].thread, NULL);
    destroy(n);
}

/* --- Messages --------------------------------------------------------------------------------------------------- */

void notifier_send(struct notifier *n, const struct notification *what) {
    assert(n->target->kind != NOTIFY_ALERTMANAGER);
    struct notifier_message *m = alloc_zeroed(1, sizeof *m);
    m->id = what->id;
    m->incident = what->alert.incident;
    m->created_ms = what->created_ms;
    bool over = what->alert.state == ALERT_RESOLVED;
    if (what->alert.state == ALERT_PENDING || what->alert.held || (over && !n->target->send_resolved))
        m->fate = MESSAGE_UNWANTED;
    else
        m->body = n->target->kind == NOTIFY_SLACK ? slack_body(n->target, &what->alert)
                                                  : webhook_body(n->target, &what->alert);
    pthread_mutex_lock(&n->lock);
    notifier_enqueue(n, m);
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

void notifier_counts(struct notifier *n, struct notifier_counts *to) {
    pthread_mutex_lock(&n->lock);
    *to = n->counts;
    to->waiting = n->waiting.count;
    pthread_mutex_unlock(&n->lock);
}
