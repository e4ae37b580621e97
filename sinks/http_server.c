/* The server's life. The listening socket and our own threads are made once; the HTTP library behind it may be started
 * anew with other certificates, while the old one sends its last answers. */
#include "sinks/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/library.h"
#include "http/listen.h"
#include "sinks/http_server_parts.h"

enum {
    DEFAULT_CONNECTIONS = 512,
    LIBRARY_THREADS = 2, /* the other one serves while one renders */
    CONNECTION_MEMORY = 32 * 1024,
    LAST_RESORT_SECONDS = 60, /* of the library; ours are shorter */
    OTHER_DESCRIPTORS = 128,  /* of the program beside the connections */
    LEAST_CONNECTIONS = 16,
    SWEEP_MS = 100,
    SWEEP_SOON_MS = 10,
};

/* From its first byte on no request takes longer than 15 s. */
static const struct connection_limits limits = {
    .ms = {
        [CONNECTION_HEAD] = 5000, [CONNECTION_BODY] = 10000, [CONNECTION_ANSWER] = 10000, [CONNECTION_IDLE] = 30000}};

void web_options_deinit(struct web_options *o) {
    for (size_t i = 0; i < o->user_count; i++) {
        free(o->users[i].name);
        free(o->users[i].bcrypt);
    }
    free(o->users);
    free(o->listen_address);
    free(o->cert_file);
    free(o->key_file);
    free(o->client_ca_file);
    free(o->min_version);
    *o = (struct web_options){0};
}

/* --- callbacks of the library ------------------------------------------------------------------------------------- */

static void connection_changed(void *context, struct MHD_Connection *c, void **socket_context,
                               enum MHD_ConnectionNotificationCode how) {
    struct http_daemon *d = context;
    if (how == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct visit *v = *socket_context;
        if (v) {
            free(v->reload_text);
            connections_leave(&d->server->connections, &v->connection);
        }
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        *socket_context =
            connections_enter(&d->server->connections, info->connect_fd, d->generation, clock_monotonic_ns());
}

/* --- daemons ------------------------------------------------------------------------------------------------------ */

/* What the configuration asks for, or what the limit on descriptors leaves. */
static unsigned connection_limit(const struct web_options *o) {
    unsigned wanted = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
    if (wanted < LEAST_CONNECTIONS)
        wanted = LEAST_CONNECTIONS;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur >= (rlim_t)wanted + OTHER_DESCRIPTORS)
        return wanted;
    unsigned possible = files.rlim_cur > OTHER_DESCRIPTORS ? (unsigned)(files.rlim_cur - OTHER_DESCRIPTORS) : 0;
    if (possible < LEAST_CONNECTIONS)
        possible = LEAST_CONNECTIONS;
    log_event(LOG_WARN, "the limit on open files allows fewer connections than configured",
              LOG_FIELDS({"configured", NULL, wanted}, {"connections", NULL, possible}));
    return possible;
}

static struct MHD_OptionItem item(enum MHD_OPTION option, intptr_t value, void *pointer) {
    return (struct MHD_OptionItem){option, value, pointer};
}

/* In the order in which the library reads them: the logger first. */
static void list_options(struct http_daemon *d, int listen_fd, struct MHD_OptionItem options[16]) {
    size_t n = 0;
    options[n++] = item(MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)http_library_log, NULL);
    options[n++] = item(MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL);
    options[n++] = item(MHD_OPTION_THREAD_POOL_SIZE, LIBRARY_THREADS, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_LIMIT, (intptr_t)d->limit, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_TIMEOUT, LAST_RESORT_SECONDS, NULL);
    options[n++] = item(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, d);
    options[n++] = item(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_request_end, d);
    options[n++] = item(MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_request_begin, d);
    if (d->tls.cert) {
        options[n++] = item(MHD_OPTION_HTTPS_MEM_CERT, 0, d->tls.cert);
        options[n++] = item(MHD_OPTION_HTTPS_MEM_KEY, 0, d->tls.key);
        options[n++] = item(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)d->tls.priorities);
        if (d->tls.client_ca)
            options[n++] = item(MHD_OPTION_HTTPS_MEM_TRUST, 0, d->tls.client_ca);
    }
    options[n] = item(MHD_OPTION_END, 0, NULL);
}

/* Starts the library on a descriptor of its own for the same socket, since it closes what it was given. */
static bool start_library(struct http_daemon *d, struct err *err) {
    int fd = fcntl(d->server->listen_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot start the web server");
    struct MHD_OptionItem options[16];
    list_options(d, fd, options);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (d->tls.cert)
        flags |= MHD_USE_TLS;
    d->library =
        MHD_start_daemon(flags, 0, NULL, NULL, http_request_answer, d, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (d->library)
        return true;
    return err_set(err, ERR_IO, "the web server does not start: the HTTP library refuses%s",
                   d->tls.cert ? " the certificates, or has no TLS" : "");
}

/* Takes `tls`. Returns new, NULL on error. */
static struct http_daemon *daemon_create(struct http_server *s, struct http_tls *tls, unsigned limit,
                                         unsigned generation, struct err *err) {
    struct http_daemon *d = alloc_zeroed(1, sizeof *d);
    d->server = s;
    d->tls = *tls;
    *tls = (struct http_tls){0};
    d->limit = limit;
    d->generation = generation;
    if (start_library(d, err))
        return d;
    http_tls_deinit(&d->tls);
    free(d);
    return NULL;
}

/* Accepts nobody any more. The descriptor is closed with the daemon: its threads may just be about to use it. */
static void daemon_quiesce(struct http_daemon *d) {
    d->quiesced_fd = MHD_quiesce_daemon(d->library);
}

/* After daemon_quiesce; no request of it may be suspended. */
static void daemon_destroy(struct http_daemon *d) {
    MHD_stop_daemon(d->library);
    if (d->quiesced_fd >= 0)
        close(d->quiesced_fd);
    http_tls_deinit(&d->tls);
    free(d);
}

/* --- sweeper ------------------------------------------------------------------------------------------------------ */

/* Those before the present one that have no connection left. */
static void destroy_ended(struct http_server *s) {
    struct http_daemon *ended = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct http_daemon **at = &s->daemons->older; *at;) {
        struct http_daemon *d = *at;
        if (connections_of_generation(&s->connections, d->generation)) {
            at = &d->older;
            continue;
        }
        *at = d->older;
        d->older = ended;
        ended = d;
    }
    pthread_mutex_unlock(&s->lock);
    while (ended) {
        struct http_daemon *d = ended;
        ended = d->older;
        daemon_destroy(d);
    }
}

static void *sweep(void *context) {
    struct http_server *s = context;
    struct pollfd wake = {.fd = s->wake_fd, .events = POLLIN};
    bool soon = false;
    while (!atomic_load(&s->stopping)) {
        poll(&wake, 1, soon ? SWEEP_SOON_MS : SWEEP_MS);
        soon = connections_sweep(&s->connections, clock_monotonic_ns());
        http_bodies_refresh(s->bodies);
        destroy_ended(s);
    }
    return NULL;
}

/* --- server ------------------------------------------------------------------------------------------------------- */

/* What does not need the options; each part is undone by destroy_parts. */
static struct http_server *create_parts(const struct web_options *o, struct board *board) {
    struct http_server *s = alloc_zeroed(1, sizeof *s);
    s->listen_fd = -1;
    s->wake_fd = -1;
    s->listen_address = alloc_string(o->listen_address, strlen(o->listen_address));
    s->auth = http_auth_create();
    s->bodies = http_bodies_create(board);
    connections_init(&s->connections, DEFAULT_CONNECTIONS, &limits, sizeof(struct visit));
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void destroy_parts(struct http_server *s) {
    connections_deinit(&s->connections);
    http_bodies_destroy(s->bodies);
    http_auth_destroy(s->auth);
    pthread_mutex_destroy(&s->lock);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s->listen_address);
    free(s);
}

static bool open_descriptors(struct http_server *s, struct err *err) {
    s->listen_fd = http_listen("web.listen_address", s->listen_address, err);
    if (s->listen_fd < 0)
        return false;
    s->wake_fd = eventfd(0, EFD_CLOEXEC);
    return s->wake_fd >= 0 || err_set_errno(err, ERR_IO, errno, "cannot start the web server");
}

/* Worker, first daemon, sweeper: the last to start is the first to stop. */
static bool start_threads(struct http_server *s, const struct web_options *o, const struct http_hooks *hooks,
                          struct http_tls *tls, struct err *err) {
    if (!http_worker_start(&s->worker, s->auth, hooks, err))
        return false;
    unsigned limit = connection_limit(o);
    connections_set_limit(&s->connections, limit);
    s->daemons = daemon_create(s, tls, limit, 0, err);
    if (s->daemons) {
        int rc = pthread_create(&s->sweeper, NULL, sweep, s);
        if (!rc)
            return true;
        err_set_errno(err, ERR_IO, rc, "cannot start a thread of the web server");
    }
    http_worker_stop(&s->worker);
    if (s->daemons) {
        daemon_quiesce(s->daemons);
        daemon_destroy(s->daemons);
    }
    return false;
}

static bool load_tls(struct http_tls *tls, const struct web_options *o, struct err *err) {
    return http_tls_load(
        tls, &(struct http_tls_files){o->cert_file, o->key_file, o->client_ca_file, o->client_auth, o->min_version},
        err);
}

struct http_server *http_server_start(const struct web_options *o, struct board *board, const struct http_hooks *hooks,
                                      struct err *err) {
    struct http_tls tls;
    if (!http_auth_check_users(o->users, o->user_count, err) || !load_tls(&tls, o, err))
        return NULL;
    struct http_server *s = create_parts(o, board);
    http_auth_set_users(s->auth, o->users, o->user_count);
    atomic_store(&s->enable_reload, o->enable_reload);
    bool good = open_descriptors(s, err) && start_threads(s, o, hooks, &tls, err);
    http_tls_deinit(&tls);
    if (good)
        return s;
    destroy_parts(s);
    return NULL;
}

/* The new one accepts before the old one stops to, so that nobody is turned away. Under the lock. */
static bool replace_daemon(struct http_server *s, struct http_tls *tls, unsigned limit, struct err *err) {
    struct http_daemon *old = s->daemons;
    unsigned generation = old->generation + 1;
    struct http_daemon *d = daemon_create(s, tls, limit, generation, err);
    if (!d)
        return false;
    d->older = old;
    s->daemons = d;
    connections_set_limit(&s->connections, limit);
    daemon_quiesce(old);
    connections_begin_generation(&s->connections, generation);
    return true;
}

bool http_server_reconfigure(struct http_server *s, const struct web_options *o, struct err *err) {
    struct http_tls tls;
    if (strcmp(o->listen_address, s->listen_address) != 0)
        return err_set(err, ERR_CONFIG, "web.listen_address cannot change while the service runs: restart it");
    if (!http_auth_check_users(o->users, o->user_count, err) || !load_tls(&tls, o, err))
        return false;
    bool good = true;
    pthread_mutex_lock(&s->lock);
    unsigned limit = connection_limit(o);
    if (limit != s->daemons->limit || !http_tls_equal(&tls, &s->daemons->tls))
        good = replace_daemon(s, &tls, limit, err);
    if (good) {
        http_auth_set_users(s->auth, o->users, o->user_count);
        atomic_store(&s->enable_reload, o->enable_reload);
    }
    pthread_mutex_unlock(&s->lock);
    http_tls_deinit(&tls);
    return good;
}

void http_server_stop(struct http_server *s) {
    if (!s)
        return;
    uint64_t one = 1;
    atomic_store(&s->stopping, true);
    if (write(s->wake_fd, &one, sizeof one) < 0)
        log_event(LOG_DEBUG, "the sweeper wakes up by itself", LOG_NO_FIELDS);
    pthread_join(s->sweeper, NULL);
    http_worker_stop(&s->worker);
    daemon_quiesce(s->daemons); /* the older ones are */
    connections_cut_all(&s->connections);
    for (struct http_daemon *d = s->daemons, *older; d; d = older) {
        older = d->older;
        daemon_destroy(d);
    }
    destroy_parts(s);
}

int http_server_port(const struct http_server *s) {
    return http_listen_port(s->listen_fd);
}
