#include "sinks/suppression.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aws/ses_suppression.h"
#include "aws/session.h"
#include "core/alloc.h"
#include "core/log.h"
#include "core/wait.h"
#include "sinks/http_client.h"
#include "sinks/notifier_payload.h"
#include "sinks/webhook.h"

enum {
    QUEUE_MAX = 1000,
    WEBHOOK_BATCH = 100, /* addresses in one message */
    TIMEOUT_MS = 10000,
    BACKOFF_MS = 1000,
    BACKOFF_MAX_MS = 5 * 60 * 1000,
};

struct entry {
    uint64_t id;
    unsigned why;
    int64_t time_ms;
    char *address; /* owned */
};

struct suppression_worker {
    const struct suppression_target *target;
    struct aws_session *session;
    struct http_client *client;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    struct entry queue[QUEUE_MAX]; /* a ring */
    size_t first, count;
    struct suppression_counts counts;
};

const char *suppression_why_name(unsigned why) {
    return why & SUPPRESSED_COMPLAINED ? "complaint" : "bounce";
}

void suppression_target_deinit(struct suppression_target *t) {
    free(t->url);
    alloc_forget(t->bearer_token);
    alloc_forget(t->hmac_secret);
    free(t->ca_file);
    aws_settings_deinit(&t->aws);
    *t = (struct suppression_target){0};
}

void suppression_options_deinit(struct suppression_options *o) {
    suppression_target_deinit(&o->ses);
    suppression_target_deinit(&o->webhook);
    free(o->file);
    *o = (struct suppression_options){0};
}

unsigned suppression_wanted(const struct suppression_options *o) {
    if (!o->file && !o->ses_enabled && !o->webhook.url)
        return 0;
    return (o->bounces ? (unsigned)SUPPRESSED_BOUNCED : 0) | (o->complaints ? (unsigned)SUPPRESSED_COMPLAINED : 0);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

/* How many wait; waits for the first. 0: to stop. */
static size_t wait_for_some(struct suppression_worker *w, size_t most) {
    pthread_mutex_lock(&w->lock);
    while (!w->count && !atomic_load(&w->stop))
        pthread_cond_wait(&w->changed, &w->lock);
    size_t count = atomic_load(&w->stop) ? 0 : w->count < most ? w->count : most;
    pthread_mutex_unlock(&w->lock);
    return count;
}

/* Only this thread takes out, so that what is at the front stays there. */
static const struct entry *entry_at(const struct suppression_worker *w, size_t i) {
    return &w->queue[(w->first + i) % QUEUE_MAX];
}

static void take_out(struct suppression_worker *w, size_t count, bool refused) {
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < count; i++) {
        struct entry *e = &w->queue[w->first];
        w->counts.done = e->id;
        free(e->address);
        e->address = NULL;
        w->first = (w->first + 1) % QUEUE_MAX;
    }
    w->count -= count;
    *(refused ? &w->counts.refused : &w->counts.told) += count;
    pthread_mutex_unlock(&w->lock);
}

static void note_failure(struct suppression_worker *w, unsigned failures, const char *reason) {
    pthread_mutex_lock(&w->lock);
    w->counts.failed++;
    pthread_mutex_unlock(&w->lock);
    log_event(LOG_WARN, "addresses could not be handed on for suppression; they wait",
              LOG_FIELDS({"to", w->target->url ? "webhook" : "ses", 0}, {"reason", reason, 0}));
    int64_t pause = BACKOFF_MS;
    for (unsigned i = 1; i < failures && pause < BACKOFF_MAX_MS; i++)
        pause *= 2;
    wait_unless(&w->stop, pause < BACKOFF_MAX_MS ? pause : BACKOFF_MAX_MS);
}

/* --- SES ---------------------------------------------------------------------------------------------------------- */

/* How many of the first `count` entries are dealt with. */
static size_t tell_ses(struct suppression_worker *w, size_t count, bool *refused, struct err *err) {
    const struct entry *e = entry_at(w, 0);
    (void)count;
    enum ses_suppression_reason reason = e->why & SUPPRESSED_COMPLAINED ? SES_SUPPRESS_COMPLAINT : SES_SUPPRESS_BOUNCE;
    enum ses_suppression_result result = ses_suppress(w->session, e->address, reason, &w->stop, err);
    *refused = result == SES_SUPPRESSION_REFUSED;
    return result != SES_SUPPRESSION_FAILED;
}

/* --- the webhook -------------------------------------------------------------------------------------------------- */

static char *body_of(const struct suppression_worker *w, size_t count) {
    json_t *json = json_object(), *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = entry_at(w, i);
        json_t *item = json_object();
        json_object_set_new(item, "address", payload_string(e->address));
        json_object_set_new(item, "reason", json_string(suppression_why_name(e->why)));
        json_object_set_new(item, "time", payload_time(e->time_ms));
        json_array_append_new(list, item);
    }
    json_object_set_new(json, "version", json_string("1"));
    json_object_set_new(json, "suppressed", list);
    return payload_dump(json);
}

static size_t tell_webhook(struct suppression_worker *w, size_t count, bool *refused, struct err *err) {
    struct http_answer answer;
    char signature[WEBHOOK_SIGNATURE_SIZE];
    struct http_header header = {"X-Ses-Collector-Signature", signature};
    char *body = body_of(w, count);
    if (w->target->hmac_secret)
        webhook_sign(w->target->hmac_secret, span_of(body), signature);
    enum http_result result =
        http_client_post(w->client, span_of(body), &header, w->target->hmac_secret ? 1 : 0, &answer, err);
    free(body);
    *refused = false;
    if (result == HTTP_ANSWERED && answer.status / 100 == 2)
        return count;
    if (result == HTTP_ANSWERED) /* its words may repeat an address */
        err_set(err, ERR_IO, "the webhook answered with status %d", answer.status);
    return 0;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void *run(void *context) {
    struct suppression_worker *w = context;
    bool ses = !w->target->url;
    unsigned failures = 0;
    size_t count;
    while ((count = wait_for_some(w, ses ? 1 : WEBHOOK_BATCH))) {
        struct err err = {0};
        bool refused = false;
        size_t done = ses ? tell_ses(w, count, &refused, &err) : tell_webhook(w, count, &refused, &err);
        if (atomic_load(&w->stop) && !done)
            break;
        failures = done ? 0 : failures + 1;
        if (done)
            take_out(w, done, refused);
        else
            note_failure(w, failures, err.text);
    }
    return NULL;
}

static bool connect(struct suppression_worker *w, struct err *err) {
    const struct suppression_target *t = w->target;
    if (!t->url) {
        w->session = aws_session_open(&t->aws, err);
        return w->session != NULL;
    }
    const struct http_client_options options = {
        .url = t->url, .bearer_token = t->bearer_token, .ca_file = t->ca_file, .timeout_ms = TIMEOUT_MS};
    w->client = http_client_create(&options, err);
    return w->client != NULL;
}

struct suppression_worker *suppression_worker_start(const struct suppression_target *t, struct err *err) {
    struct suppression_worker *w = alloc_zeroed(1, sizeof *w);
    w->target = t;
    if (!connect(w, err)) {
        free(w);
        return NULL;
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        abort(); /* no thread: nothing can go on */
    return w;
}

bool suppression_worker_offer(struct suppression_worker *w, const struct suppressed *s) {
    pthread_mutex_lock(&w->lock);
    bool room = w->count < QUEUE_MAX;
    if (room) {
        w->queue[(w->first + w->count++) % QUEUE_MAX] =
            (struct entry){s->id, s->why, s->time_ms, alloc_string(s->address, strlen(s->address))};
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

void suppression_worker_counts(struct suppression_worker *w, struct suppression_counts *to) {
    pthread_mutex_lock(&w->lock);
    *to = w->counts;
    pthread_mutex_unlock(&w->lock);
}

void suppression_worker_stop(struct suppression_worker *w) {
    if (!w)
        return;
    atomic_store(&w->stop, true);
    if (w->client)
        http_client_stop(w->client);
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    for (size_t i = 0; i < w->count; i++)
        free(w->queue[(w->first + i) % QUEUE_MAX].address);
    http_client_destroy(w->client);
    aws_session_close(w->session);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
