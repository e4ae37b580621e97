/* The thread that computes passwords and reloads the configuration, while the request that asked for it is suspended
 * and all others are served. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/log.h"
#include "sinks/http_server_parts.h"

static void reload(struct http_worker *w, struct visit *c) {
    struct err err = {0};
    bool good = w->hooks.reload(w->hooks.context, &err);
    free(c->reload_text);
    c->reload_text = alloc_string(err.text, strlen(err.text));
    c->reload = good ? VERDICT_GOOD : VERDICT_BAD;
}

static void work(struct http_worker *w, const struct http_job *job) {
    if (job->kind == JOB_RELOAD) {
        reload(w, job->visit);
        return;
    }
    bool good = http_auth_compute(w->auth, &job->credentials);
    job->visit->password = good ? VERDICT_GOOD : VERDICT_BAD;
    if (!good)
        log_event(LOG_WARN, "a wrong user or password was given to the web server", LOG_NO_FIELDS);
}

static struct http_job take_first(struct http_worker *w) {
    struct http_job job = w->queue[w->first];
    OPENSSL_cleanse(&w->queue[w->first], sizeof job);
    w->first = (w->first + 1) % WORKER_QUEUE;
    w->count--;
    return job;
}

static void *run(void *context) {
    struct http_worker *w = context;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->count && !w->stopping)
            pthread_cond_wait(&w->changed, &w->lock);
        if (!w->count)
            break;
        struct http_job job = take_first(w);
        if (w->stopping) {
            job.visit->password = job.visit->reload = VERDICT_STOPPING;
        } else {
            pthread_mutex_unlock(&w->lock);
            work(w, &job);
            pthread_mutex_lock(&w->lock);
        }
        http_credentials_wipe(&job.credentials);
        MHD_resume_connection(job.request);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

bool http_worker_start(struct http_worker *w, struct http_auth *auth, const struct http_hooks *hooks, struct err *err) {
    *w = (struct http_worker){.auth = auth};
    if (hooks)
        w->hooks = *hooks;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    int rc = pthread_create(&w->thread, NULL, run, w);
    return !rc || err_set_errno(err, ERR_IO, rc, "cannot start a thread of the web server");
}

bool http_worker_take(struct http_worker *w, const struct http_job *job) {
    pthread_mutex_lock(&w->lock);
    bool fits = w->count < WORKER_QUEUE && !w->stopping;
    if (fits) {
        MHD_suspend_connection(job->request);
        w->queue[(w->first + w->count++) % WORKER_QUEUE] = *job;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return fits;
}

void http_worker_stop(struct http_worker *w) {
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}
