/* What run.c puts together and run_reload.c changes while it runs. */
#ifndef COMMANDS_RUN_INTERNAL_H
#define COMMANDS_RUN_INTERNAL_H

#include <pthread.h>

#include "commands/run_options.h"
#include "config/config.h"
#include "model/board.h"
#include "pipeline/engine.h"
#include "sinks/http_server.h"

struct service {
    struct run_options options;
    struct config config;
    struct config *retired; /* configurations of before: what hangs on ending may still look at them */
    size_t retired_count;
    struct keeper *keeper;
    struct board *board;
    struct hopper *hopper;
    struct outbox *outbox;
    struct quarantine *quarantine;
    struct engine *engine;
    struct http_server *http;
    struct running_remote_write *remote_writes;
    size_t remote_write_count;
    bool remote_write_hangs;       /* one was left behind: configurations and board may not be freed any more */
    pthread_mutex_t remote_lock;   /* of the first two: the counting thread shows them */
    struct span *verified_domains; /* what the dictionary looks at */
    struct running_source *sources;
    struct source_spec *specs;
    size_t source_count;
    bool broken;      /* neither configuration could be put into force: only the end is left */
    int64_t retry_ns; /* when a source that failed is tried again; 0 = none failed */
    int signals;      /* signalfd */
    int wake_read, wake_write;
    int64_t watchdog_ms;

    pthread_mutex_t reload_lock; /* of the request that another thread waits for */
    pthread_cond_t reload_done;
    bool reloading, reload_ok, stopping;
    uint64_t reloads; /* ended */
    struct err reload_err;
};

bool service_init(struct service *r, struct err *err);
void service_deinit(struct service *r);

void service_engine_options(const struct service *r, const struct config *c, struct engine_options *options);
/* A brake that may act, if the configuration has one. */
bool service_set_brake(struct service *r, const struct config *c, struct err *err);
void service_say_brake(const struct service *r); /* in the log */
/* These three only while the engine does not run, or on its thread. */
bool service_take_providers(struct service *r, const struct config *c, struct err *err);
bool service_make_sources(struct service *r, const struct config *c, struct err *err);
void service_close_sources(struct service *r); /* waits for their threads */
void service_start_sources(struct service *r);

/* Receivers of remote write: those that are configured as before go on. What fails to start is logged, and missing. */
void service_take_remote_writes(struct service *r, const struct config *c);
/* False: a thread of one hangs, so that nothing it may look at can be freed. */
bool service_end_remote_writes(struct service *r, int64_t deadline_ms);
void service_show_remote_writes(void *service, struct service_row *row); /* any thread */

/* A source that failed is made anew after a while. False when that is not possible. */
bool service_restart_failed(struct service *r, int64_t now_ns);

/* Reads the configuration again: the whole of it takes effect, or nothing. */
void service_reload(struct service *r);
/* The same, asked for by another thread, which waits for what comes of it. A hook of the HTTP server. */
bool service_ask_reload(void *service, struct err *err);
void service_refuse_reloads(struct service *r); /* from now on: the service ends */
bool service_is_asked_to_end(void);             /* a signal waits to be read: nothing shall keep it waiting */

#endif
