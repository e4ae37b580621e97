#include "sinks/brake.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/log.h"

enum { FIRST_MS = 1000, MOST_MS = 5 * 60 * 1000, LOOK_MS = 60 * 1000, SLEEP_MS = 60 * 1000, DENIED_LOOKS = 60 };

/* An order that is not done yet: at most one for a name, and one more in the air. */
struct pending {
    struct brake_order order;
    unsigned failures;
    int64_t due_ms; /* monotonic */
    bool in_air;    /* the thread has it */
    bool unwanted;  /* given up once it is no longer in the air */
};

struct watched {
    char configuration_set[BRAKE_NAME_SIZE];
    int64_t due_ms;
};

struct brake {
    struct brake_caller caller;
    struct brake_timing timing;
    struct brake_hooks hooks;
    atomic_bool stop;
    pthread_t thread;
    uint64_t random;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool ended;
    struct pending *pending;
    size_t pending_count, pending_size;
    struct watched *watched;
    size_t watched_count, watched_size;
    struct brake_counts counts;
};

static int64_t now_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

/* What logs and messages call it. */
static const char *shown(const char *set) {
    return *set ? set : "(the account)";
}

/* --- lists; all under the lock ------------------------------------------------------------------------------------ */

static struct pending *find_pending(struct brake *b, uint64_t id) {
    for (size_t i = 0; i < b->pending_count; i++)
        if (b->pending[i].order.id == id)
            return &b->pending[i];
    return NULL;
}

static void remove_pending(struct brake *b, struct pending *p) {
    size_t behind = (size_t)(b->pending + b->pending_count - (p + 1));
    memmove(p, p + 1, behind * sizeof *p);
    b->pending_count--;
}

static bool is_pending(const struct brake *b, const char *set) {
    for (size_t i = 0; i < b->pending_count; i++)
        if (strcmp(b->pending[i].order.configuration_set, set) == 0)
            return true;
    return false;
}

static struct watched *find_watched(struct brake *b, const char *set) {
    for (size_t i = 0; i < b->watched_count; i++)
        if (strcmp(b->watched[i].configuration_set, set) == 0)
            return &b->watched[i];
    return NULL;
}

static void watch(struct brake *b, const char *set) {
    struct watched *w = find_watched(b, set);
    if (!w) {
        if (b->watched_count == b->watched_size) {
            b->watched_size = b->watched_size ? b->watched_size * 2 : 8;
            b->watched = alloc_resize(b->watched, b->watched_size, sizeof *b->watched);
        }
        w = &b->watched[b->watched_count++];
        snprintf(w->configuration_set, sizeof w->configuration_set, "%s", set);
    }
    w->due_ms = now_ms() + b->timing.look_ms;
}

static void unwatch(struct brake *b, const char *set) {
    struct watched *w = find_watched(b, set);
    if (w)
        *w = b->watched[--b->watched_count];
}

static void give_up(struct brake *b, const char *set, bool only_pauses) {
    for (size_t i = b->pending_count; i-- > 0;) {
        struct pending *p = &b->pending[i];
        bool spared = only_pauses && p->order.action != BRAKE_ACTION_PAUSE;
        if (spared || strcmp(p->order.configuration_set, set) != 0)
            continue;
        p->unwanted = true;
        if (p->in_air)
            continue;
        struct brake_order order = p->order;
        remove_pending(b, p);
        b->counts.trouble[0] = '\0';
        b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_GIVEN_UP);
    }
}

/* --- an attempt --------------------------------------------------------------------------------------------------- */

static int64_t backoff_ms(struct brake *b, unsigned failures) {
    int64_t ms = failures < 20 ? b->timing.first_ms << (failures - 1) : b->timing.most_ms;
    if (ms > b->timing.most_ms)
        ms = b->timing.most_ms;
    b->random = hash_mix(b->random + 0x9e3779b97f4a7c15u);
    return ms / 2 + (int64_t)(b->random >> 32) % (ms / 2 + 1);
}

static const char *name_of(enum brake_action action) {
    return action == BRAKE_ACTION_PAUSE ? "pause" : "resume";
}

static void log_attempt(const struct brake_order *o, unsigned failures, enum ses_result result, const char *reason) {
    const struct log_field action = {"action", name_of(o->action), 0};
    const struct log_field set = {"configuration_set", shown(o->configuration_set), 0};
    if (result == SES_DONE)
        log_event_always(LOG_WARN,
                         o->action == BRAKE_ACTION_PAUSE ? "the brake has paused sending"
                                                         : "the brake has let sending go on",
                         LOG_FIELDS(action, set, {"attempts", NULL, (int64_t)failures + 1}));
    else if (result == SES_REFUSED)
        log_event_always(LOG_ERROR, "SES refuses what the brake asks for, it is given up",
                         LOG_FIELDS(action, set, {"reason", reason, 0}));
    else
        log_event(LOG_ERROR, "the brake cannot do its work, it tries again",
                  LOG_FIELDS(action, set, {"reason", reason, 0}, {"attempts", NULL, (int64_t)failures + 1}));
}

/* Under the lock. */
static void take_result(struct brake *b, uint64_t id, enum ses_result result, const char *reason) {
    struct pending *p = find_pending(b, id);
    assert(p); /* what is in the air stays */
    const struct brake_order order = p->order;
    bool pauses = order.action == BRAKE_ACTION_PAUSE;
    p->in_air = false;
    (result == SES_DONE ? b->counts.done : b->counts.failed)[order.action]++;
    b->counts.trouble[0] = '\0';
    if (pauses && (result == SES_DONE || result == SES_UNSURE))
        watch(b, order.configuration_set);
    if (!pauses && result == SES_DONE)
        unwatch(b, order.configuration_set);
    if (result == SES_DONE || result == SES_REFUSED || p->unwanted) {
        remove_pending(b, p);
    } else {
        p->due_ms = now_ms() + backoff_ms(b, ++p->failures);
        snprintf(b->counts.trouble, sizeof b->counts.trouble, "cannot %s %.64s: %.160s", name_of(order.action),
                 shown(order.configuration_set), reason);
    }
    if (result == SES_UNSURE)
        b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_UNSURE);
    if (result == SES_DONE)
        b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_DONE);
    else if (result == SES_REFUSED)
        b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_REFUSED);
    else if (!find_pending(b, id))
        b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_GIVEN_UP);
}

static void attempt(struct brake *b, struct pending *p) {
    const struct brake_order order = p->order;
    unsigned failures = p->failures;
    struct err err = {0};
    p->in_air = true;
    pthread_mutex_unlock(&b->lock);
    enum ses_result result =
        b->caller.set(b->caller.context, order.configuration_set, order.action == BRAKE_ACTION_RESUME, &b->stop, &err);
    bool broken_off = result != SES_DONE && atomic_load(&b->stop);
    if (!broken_off)
        log_attempt(&order, failures, result, err.text);
    pthread_mutex_lock(&b->lock);
    if (broken_off && result != SES_UNSURE) { /* it stays in the outbox */
        find_pending(b, order.id)->in_air = false;
        return;
    }
    take_result(b, order.id, result, err.text);
}

/* Whether somebody has let go on what we paused. Who may not look asks seldom. */
static void look(struct brake *b, struct watched *w) {
    char set[BRAKE_NAME_SIZE];
    bool enabled = false;
    struct err err = {0};
    memcpy(set, w->configuration_set, sizeof set);
    w->due_ms = INT64_MAX;
    pthread_mutex_unlock(&b->lock);
    enum ses_result result = b->caller.get(b->caller.context, set, &enabled, &b->stop, &err);
    if (result != SES_DONE && !atomic_load(&b->stop))
        log_event(LOG_INFO, "the brake cannot look whether sending is still paused",
                  LOG_FIELDS({"configuration_set", shown(set), 0}, {"reason", err.text, 0}));
    pthread_mutex_lock(&b->lock);
    if ((w = find_watched(b, set)) == NULL)
        return;
    w->due_ms = now_ms() + b->timing.look_ms * (result == SES_FAILED ? DENIED_LOOKS : 1);
    if (is_pending(b, set) || (result != SES_REFUSED && !(result == SES_DONE && enabled)))
        return;
    unwatch(b, set);
    log_event_always(LOG_WARN, "sending that the brake had paused goes on, not by the brake",
                     LOG_FIELDS({"configuration_set", shown(set), 0}));
    struct brake_order order = {.action = BRAKE_ACTION_RESUME};
    memcpy(order.configuration_set, set, sizeof set);
    b->hooks.news(b->hooks.context, &order, BRAKE_NEWS_RELEASED);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void sleep_until(struct brake *b, int64_t until_ms) {
    int64_t most = now_ms() + SLEEP_MS, at = until_ms < most ? until_ms : most;
    struct timespec when = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
    pthread_cond_timedwait(&b->changed, &b->lock, &when);
}

static void *run(void *context) {
    struct brake *b = context;
    pthread_mutex_lock(&b->lock);
    while (!atomic_load(&b->stop)) {
        struct pending *p = NULL;
        struct watched *w = NULL;
        for (size_t i = 0; i < b->pending_count; i++)
            if (!p || b->pending[i].due_ms < p->due_ms)
                p = &b->pending[i];
        for (size_t i = 0; i < b->watched_count; i++)
            if (!w || b->watched[i].due_ms < w->due_ms)
                w = &b->watched[i];
        int64_t now = now_ms(), order_due = p ? p->due_ms : INT64_MAX, look_due = w ? w->due_ms : INT64_MAX;
        if (p && order_due <= now)
            attempt(b, p);
        else if (w && look_due <= now)
            look(b, w);
        else
            sleep_until(b, order_due < look_due ? order_due : look_due);
    }
    b->ended = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void destroy(struct brake *b) {
    b->caller.close(b->caller.context);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    free(b->pending);
    free(b->watched);
    free(b);
}

struct brake *brake_start_with(const struct brake_caller *caller, const struct brake_timing *timing,
                               const struct brake_hooks *hooks, struct err *err) {
    struct brake *b = alloc_zeroed(1, sizeof *b);
    pthread_condattr_t attributes;
    sigset_t all, before;
    b->caller = *caller;
    b->timing = *timing;
    b->hooks = *hooks;
    b->random = hash_key_random().k0;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&b->thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!problem)
        return b;
    err_set_errno(err, ERR_IO, problem, "cannot start the brake's thread");
    destroy(b);
    return NULL;
}

/* For one that is left behind: who listened may be gone by then. */
static void tell_nobody(void *context, const struct brake_order *order, enum brake_news news) {
    (void)context, (void)order, (void)news;
}

void brake_stop(struct brake *b, int64_t deadline_ms) {
    if (!b)
        return;
    int64_t until = now_ms() + deadline_ms;
    struct timespec when = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    atomic_store(&b->stop, true);
    pthread_mutex_lock(&b->lock);
    pthread_cond_broadcast(&b->changed);
    while (!b->ended && now_ms() < until)
        pthread_cond_timedwait(&b->changed, &b->lock, &when);
    bool ended = b->ended;
    if (!ended)
        b->hooks.news = tell_nobody;
    pthread_mutex_unlock(&b->lock);
    if (!ended) { /* its memory stays with the thread */
        log_event(LOG_ERROR, "the brake does not end and is left behind", LOG_NO_FIELDS);
        pthread_detach(b->thread);
        return;
    }
    pthread_join(b->thread, NULL);
    destroy(b);
}

/* --- orders ------------------------------------------------------------------------------------------------------- */

void brake_send(struct brake *b, const struct brake_order *order) {
    pthread_mutex_lock(&b->lock);
    give_up(b, order->configuration_set, false);
    if (b->pending_count == b->pending_size) {
        b->pending_size = b->pending_size ? b->pending_size * 2 : 8;
        b->pending = alloc_resize(b->pending, b->pending_size, sizeof *b->pending);
    }
    b->pending[b->pending_count++] = (struct pending){.order = *order, .due_ms = now_ms()};
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void brake_forget(struct brake *b, const char *configuration_set) {
    pthread_mutex_lock(&b->lock);
    give_up(b, configuration_set, true);
    pthread_mutex_unlock(&b->lock);
}

void brake_watch(struct brake *b, const char *configuration_set) {
    pthread_mutex_lock(&b->lock);
    watch(b, configuration_set);
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void brake_counts(struct brake *b, struct brake_counts *to) {
    pthread_mutex_lock(&b->lock);
    *to = b->counts;
    pthread_mutex_unlock(&b->lock);
}

/* --- SES ---------------------------------------------------------------------------------------------------------- */

static enum ses_result set_at_ses(void *context, const char *set, bool enabled, const atomic_bool *stop,
                                  struct err *err) {
    return ses_set_sending(context, set, enabled, stop, err);
}

static enum ses_result get_at_ses(void *context, const char *set, bool *enabled, const atomic_bool *stop,
                                  struct err *err) {
    return ses_get_sending(context, set, enabled, stop, err);
}

static void close_ses(void *context) {
    aws_session_close(context);
}

struct brake *brake_start(const struct aws_settings *settings, const struct brake_hooks *hooks, struct err *err) {
    static const struct brake_timing timing = {FIRST_MS, MOST_MS, LOOK_MS};
    struct aws_session *session = aws_session_open(settings, err);
    if (!session)
        return NULL;
    const struct brake_caller caller = {session, set_at_ses, get_at_ses, close_ses};
    return brake_start_with(&caller, &timing, hooks, err);
}
