/* What the parts of the HTTP server share. */
#ifndef SINKS_HTTP_SERVER_PARTS_H
#define SINKS_HTTP_SERVER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "http/connections.h"
#include "http/tls.h"
#include "sinks/http_auth.h"
#include "sinks/http_server.h"
#include "sinks/http_server_bodies.h"

/* What the worker found out while a request waited. */
enum visit_verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_BAD, VERDICT_STOPPING };

/* A connection, and the request that it brings at present. */
struct visit {
    struct connection connection; /* first */
    /* Of the present request; for the thread that serves it, and the worker while it is suspended. */
    bool seen, bad_target, long_target;
    enum visit_verdict password, reload;
    char *reload_text; /* owned */
    /* Of the connection. */
    bool peer_checked;
};

/* --- worker: what takes longer than a request's thread may wait --------------------------------------------------- */

enum http_job_kind { JOB_PASSWORD, JOB_RELOAD };
enum { WORKER_QUEUE = 16 };

struct http_job {
    enum http_job_kind kind;
    struct MHD_Connection *request; /* suspended; resumed with a verdict in `visit` */
    struct visit *visit;
    struct http_credentials credentials;
};

struct http_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_job queue[WORKER_QUEUE]; /* a ring */
    size_t first, count;
    bool stopping;
    struct http_auth *auth;
    struct http_hooks hooks;
};

bool http_worker_start(struct http_worker *w, struct http_auth *auth, const struct http_hooks *hooks, struct err *err);
/* Suspends the request and queues the job, which is copied. False when the queue is full. */
bool http_worker_take(struct http_worker *w, const struct http_job *job);
/* Ends the present job, and resumes all that wait. */
void http_worker_stop(struct http_worker *w);

/* --- server ------------------------------------------------------------------------------------------------------- */

/* One run of the HTTP library, with its certificates. A changed certificate means a new one; the old one ends with its
 * last answer. */
struct http_daemon {
    struct http_daemon *older;
    struct http_server *server;
    struct MHD_Daemon *library;
    struct http_tls tls;
    unsigned generation, limit;
    int quiesced_fd; /* once it accepts nobody any more; -1: the library had none */
};

struct http_server {
    int listen_fd, wake_fd;
    char *listen_address;
    atomic_bool enable_reload, stopping;
    struct http_auth *auth;
    struct http_bodies *bodies;
    struct connections connections;
    struct http_worker worker;
    pthread_t sweeper;
    pthread_mutex_t lock;        /* over `daemons`, and held through a reconfiguration */
    struct http_daemon *daemons; /* the present one first, then those that are ending */
};

/* --- requests: the callbacks of the HTTP library; `context` is the http_daemon ------------------------------------ */

void *http_request_begin(void *context, const char *target, struct MHD_Connection *c);
enum MHD_Result http_request_answer(void *context, struct MHD_Connection *c, const char *path, const char *method,
                                    const char *version, const char *upload, size_t *upload_size, void **request);
void http_request_end(void *context, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode how);

#endif
