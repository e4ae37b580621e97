/* The side of the push source that faces the network: heads, bodies, answers. Nothing of a body is looked at here. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/library.h"
#include "source/push_body.h"
#include "source/push_internal.h"

enum {
    LIBRARY_THREADS = 2,
    LAST_RESORT_SECONDS = 60, /* of the library, between two bytes; ours are shorter */
    FIRST_ROOM = 16 * 1024,
    RENEW_BYTES = 64 * 1024, /* a body that brings so much keeps its connection for another CONNECTION_BODY */
    SWEEP_MS = 100,
    SWEEP_SOON_MS = 10,
    ANSWER_SIZE = 2 * PUSH_REQUEST_ID_MAX + 400,
    TARGET_MAX = 2048,
};

#define RETRY_SECONDS "5"

static const int64_t ns_per_ms = 1000000;

/* The answer's time begins when the body is there, and holds the wait for the commit. */
static const struct connection_limits limits = {.ms = {[CONNECTION_HEAD] = 10000,
                                                       [CONNECTION_BODY] = 20000,
                                                       [CONNECTION_ANSWER] = PUSH_FIREHOSE_MS + 15000,
                                                       [CONNECTION_IDLE] = 60000}};

/* --- answers ------------------------------------------------------------------------------------------------------ */

static enum push_result result_of(unsigned status) {
    switch (status) {
    case MHD_HTTP_OK:
        return PUSH_ACCEPTED;
    case MHD_HTTP_UNAUTHORIZED:
        return PUSH_UNAUTHORIZED;
    case MHD_HTTP_FORBIDDEN:
        return PUSH_FORBIDDEN;
    case MHD_HTTP_CONTENT_TOO_LARGE:
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return PUSH_TOO_LARGE;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return PUSH_BUSY;
    default:
        return PUSH_MALFORMED;
    }
}

/* Only bytes that were looked at are in `id`: printable, and not many. */
static size_t write_answer(const struct push_request *r, char out[ANSWER_SIZE]) {
    size_t n = (size_t)snprintf(out, ANSWER_SIZE, "{\"requestId\":\"");
    for (const char *c = r->id; *c; c++) {
        if (*c == '"' || *c == '\\')
            out[n++] = '\\';
        out[n++] = *c;
    }
    n += (size_t)snprintf(out + n, ANSWER_SIZE - n, "\",\"timestamp\":%" PRId64, clock_wall_ms());
    if (r->status != MHD_HTTP_OK)
        n += (size_t)snprintf(out + n, ANSWER_SIZE - n, ",\"errorMessage\":\"%s\"", r->text ? r->text : "refused");
    n += (size_t)snprintf(out + n, ANSWER_SIZE - n, "}");
    return n;
}

static enum MHD_Result say(struct push *p, struct MHD_Connection *c, const struct push_request *r, bool close_after) {
    char text[ANSWER_SIZE];
    size_t len = write_answer(r, text);
    struct MHD_Response *answer = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_COPY);
    if (!answer)
        return MHD_NO;
    MHD_add_response_header(answer, "Content-Type", "application/json");
    if (r->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(answer, "Retry-After", RETRY_SECONDS);
    if (r->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(answer, "Allow", "POST");
    if (close_after)
        MHD_add_response_header(answer, "Connection", "close");
    enum MHD_Result queued = MHD_queue_response(c, r->status, answer);
    MHD_destroy_response(answer);
    atomic_fetch_add(&p->answered[r->endpoint][result_of(r->status)], 1);
    return queued;
}

static void refuse(struct push_request *r, unsigned status, const char *text) {
    if (r->status)
        return;
    r->status = status;
    r->text = text;
}

/* --- heads -------------------------------------------------------------------------------------------------------- */

struct head {
    unsigned lengths, keys, types;
    bool coded, waits;
    uint64_t length; /* UINT64_MAX: no number */
    const char *access_key, *request_id, *encoding, *sns_type, *sns_topic, *sns_raw;
};

static uint64_t number_of(const char *text) {
    uint64_t n = 0;
    if (!text || !*text || strlen(text) > 15)
        return UINT64_MAX;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return UINT64_MAX;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    return n;
}

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct head *h = context;
    struct {
        const char *name, **value;
    } plain[] = {{"X-Amz-Firehose-Request-Id", &h->request_id}, {"Content-Encoding", &h->encoding},
                 {"x-amz-sns-message-type", &h->sns_type},      {"x-amz-sns-topic-arn", &h->sns_topic},
                 {"x-amz-sns-rawdelivery", &h->sns_raw},        {"X-Amz-Firehose-Access-Key", &h->access_key}};
    (void)kind;
    if (!value)
        value = "";
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcasecmp(name, plain[i].name))
            *plain[i].value = value;
    if (!strcasecmp(name, "X-Amz-Firehose-Access-Key"))
        h->keys++;
    if (!strcasecmp(name, "Transfer-Encoding"))
        h->coded = true;
    if (!strcasecmp(name, "Expect"))
        h->waits = true;
    if (!strcasecmp(name, "Content-Length")) {
        h->lengths++;
        h->length = number_of(value);
    }
    return MHD_YES;
}

static void keep_id(struct push_request *r, const char *id) {
    size_t len = id ? strlen(id) : 0;
    if (!len || len > PUSH_REQUEST_ID_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        if (id[i] <= ' ' || id[i] >= 0x7f)
            return;
    memcpy(r->id, id, len + 1);
}

/* Takes as long for every key of a length, whatever it holds. */
static bool is_same_key(const char *given, const char *wanted) {
    size_t len = strlen(given), wanted_len = strlen(wanted);
    unsigned char different = len != wanted_len;
    for (size_t i = 0; i < len; i++)
        different |= (unsigned char)(given[i] ^ wanted[wanted_len ? i % wanted_len : 0]);
    return !different;
}

static void check_firehose(const struct push *p, const struct head *h, struct push_request *r) {
    const char *key = p->options.firehose_access_key;
    keep_id(r, h->request_id);
    if (key && (h->keys != 1 || !is_same_key(h->access_key, key))) {
        log_event(LOG_WARN, "a push without the right access key was refused",
                  LOG_FIELDS({"source", p->source.name}, {"key", h->keys ? "wrong" : "missing"}));
        refuse(r, MHD_HTTP_UNAUTHORIZED, "the access key is missing or wrong");
    }
    r->gzip = h->encoding && !strcasecmp(h->encoding, "gzip");
    if (h->encoding && !r->gzip && strcasecmp(h->encoding, "identity") != 0)
        refuse(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Encoding is gzip, or there is none");
}

static void check_sns(const struct push *p, const struct head *h, struct push_request *r) {
    r->raw = h->sns_raw && !strcasecmp(h->sns_raw, "true");
    if (!h->sns_type)
        refuse(r, MHD_HTTP_BAD_REQUEST, "x-amz-sns-message-type is missing");
    if (r->raw && (!p->options.allow_raw || strcmp(h->sns_type ? h->sns_type : "", "Notification") != 0)) {
        log_event(LOG_WARN, "raw messages of SNS are not signed and were refused: turn raw message delivery off",
                  LOG_FIELDS({"source", p->source.name}));
        refuse(r, MHD_HTTP_FORBIDDEN, "raw message delivery is not signed, and not allowed here");
    }
    if (h->sns_topic ? !push_allows_topic(p, span_of(h->sns_topic)) : r->raw) {
        log_event(LOG_WARN, "a message of a topic that is not allowed was refused",
                  LOG_FIELDS({"source", p->source.name}, {"topic", h->sns_topic ? h->sns_topic : "(none)"}));
        refuse(r, MHD_HTTP_FORBIDDEN, "this topic may not publish here");
    }
}

static uint64_t ceiling_of(const struct push_request *r) {
    return r->endpoint == PUSH_SNS ? SNS_MESSAGE_MAX : PUSH_BODY_MAX;
}

static bool is_path(const char *path, const char *of_ours) {
    return of_ours && !strcmp(path, of_ours);
}

/* True: to be answered at once, and the connection closed. Else a refusal waits until the body has gone by, or the
 * sender would see a broken connection instead of it. */
static bool check_head(struct push *p, struct MHD_Connection *c, const struct push_visit *v, struct push_request *r,
                       const char *path, const char *method, const char *version) {
    struct head h = {0};
    MHD_get_connection_values(c, MHD_HEADER_KIND, look_at_header, &h);
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    r->endpoint = is_path(path, p->options.firehose_path) ? PUSH_FIREHOSE
                  : is_path(path, p->options.sns_path)    ? PUSH_SNS
                                                          : PUSH_NOWHERE;
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        refuse(r, MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 are spoken here");
    else if (size && size->header_size > PUSH_HEAD_MAX)
        refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "a head may have 80 KiB");
    else if (h.lengths > 1 || (h.lengths && h.coded) || h.length == UINT64_MAX || v->odd_target)
        refuse(r, MHD_HTTP_BAD_REQUEST, "the head is not right");
    if (r->status)
        return true;
    r->promised = h.length;
    if (r->endpoint == PUSH_NOWHERE)
        refuse(r, MHD_HTTP_NOT_FOUND, "nothing is received here");
    else if (strcmp(method, "POST") != 0)
        refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, "only POST is for this path");
    else if (r->endpoint == PUSH_FIREHOSE)
        check_firehose(p, &h, r);
    else
        check_sns(p, &h, r);
    bool too_large = h.length > ceiling_of(r);
    if (too_large)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than it can ever be");
    if (atomic_load(&p->closing))
        refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
    return r->status && (too_large || h.waits);
}

/* --- bodies ------------------------------------------------------------------------------------------------------- */

/* Grows by doubling, up to what was promised or can be at all. */
static bool make_room(struct push *p, struct push_request *r, size_t more) {
    uint64_t ceiling = ceiling_of(r), need = r->len + more;
    if (need <= r->room)
        return true;
    if (r->promised && r->promised < ceiling)
        ceiling = r->promised;
    uint64_t room = 2 * r->room > FIRST_ROOM ? 2 * r->room : FIRST_ROOM;
    if (room < need)
        room = need;
    if (room > ceiling && need <= ceiling)
        room = ceiling;
    if (!push_hold(p, r, room - r->room))
        return false;
    r->body = alloc_resize(r->body, (size_t)room, 1);
    r->room = (size_t)room;
    return true;
}

/* False: the connection is closed. */
static bool take_bytes(struct push *p, struct push_visit *v, const char *bytes, size_t len) {
    struct push_request *r = &v->request;
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns - r->began_ns > PUSH_BODY_MS * ns_per_ms)
        return false;
    if (!r->status && len > ceiling_of(r) - r->len)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than it can ever be");
    else if (!r->status && !make_room(p, r, len))
        refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory is left for more now");
    if (r->status) {
        push_release(p, r);
        v->discarded += len;
        if (v->discarded > 2 * (uint64_t)PUSH_BODY_MAX)
            return false;
    } else {
        memcpy(r->body + r->len, bytes, len);
        r->len += len;
    }
    if (r->len + v->discarded - v->renewed_len >= RENEW_BYTES) {
        v->renewed_len = r->len + v->discarded;
        connections_renew(&p->connections, &v->connection, now_ns);
    }
    return true;
}

/* --- callbacks of the library ------------------------------------------------------------------------------------- */

static void connection_changed(void *context, struct MHD_Connection *c, void **socket_context,
                               enum MHD_ConnectionNotificationCode how) {
    struct push *p = context;
    if (how == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context)
            connections_leave(&p->connections, *socket_context);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        *socket_context = connections_enter(&p->connections, info->connect_fd, 0, clock_monotonic_ns());
}

/* Called with the request's line. */
static void *begin(void *context, const char *target, struct MHD_Connection *c) {
    struct push *p = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct push_visit *v = info ? info->socket_context : NULL;
    if (!v)
        return NULL;
    int64_t now_ns = clock_monotonic_ns();
    connections_set_state(&p->connections, &v->connection, CONNECTION_HEAD, now_ns);
    v->request = (struct push_request){.connection = c, .endpoint = PUSH_NOWHERE, .began_ns = now_ns};
    v->seen = false;
    v->odd_target = target[0] != '/' || strlen(target) > TARGET_MAX || strstr(target, "%00");
    v->discarded = v->renewed_len = 0;
    return v;
}

static enum MHD_Result receive_head(struct push *p, struct MHD_Connection *c, struct push_visit *v, const char *path,
                                    const char *method, const char *version) {
    v->seen = true;
    connections_set_state(&p->connections, &v->connection, CONNECTION_BODY, clock_monotonic_ns());
    return check_head(p, c, v, &v->request, path, method, version) ? say(p, c, &v->request, true) : MHD_YES;
}

/* All of it is there: it goes to who works on it, and comes back with a status. */
static enum MHD_Result hand_over(struct push *p, struct MHD_Connection *c, struct push_request *r) {
    struct push_queue *to = r->endpoint == PUSH_SNS && !r->raw ? &p->to_verify : &p->arrived;
    MHD_suspend_connection(c);
    push_queue_for(p, to, r);
    return MHD_YES;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **request) {
    struct push *p = context;
    struct push_visit *v = *request;
    if (!v)
        return MHD_NO;
    if (!v->seen)
        return receive_head(p, c, v, path, method, version);
    if (*upload_size) {
        bool good = take_bytes(p, v, upload, *upload_size);
        *upload_size = 0;
        return good ? MHD_YES : MHD_NO;
    }
    connections_set_state(&p->connections, &v->connection, CONNECTION_ANSWER, clock_monotonic_ns());
    return v->request.status ? say(p, c, &v->request, false) : hand_over(p, c, &v->request);
}

static void end(void *context, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode how) {
    struct push *p = context;
    struct push_visit *v = *request;
    (void)c, (void)how;
    if (!v)
        return;
    push_release(p, &v->request);
    connections_set_state(&p->connections, &v->connection, CONNECTION_IDLE, clock_monotonic_ns());
    *request = NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void *sweep(void *context) {
    struct push *p = context;
    bool soon = false;
    while (!atomic_load(&p->swept)) {
        poll(NULL, 0, soon ? SWEEP_SOON_MS : SWEEP_MS);
        int64_t now_ns = clock_monotonic_ns();
        soon = connections_sweep(&p->connections, now_ns);
        push_expire(p, now_ns);
    }
    return NULL;
}

static struct MHD_OptionItem item(enum MHD_OPTION option, intptr_t value, void *pointer) {
    return (struct MHD_OptionItem){option, value, pointer};
}

/* In the order in which the library reads them: the logger first. */
static void list_options(struct push *p, int listen_fd, struct MHD_OptionItem options[16]) {
    size_t n = 0;
    options[n++] = item(MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)http_library_log, NULL);
    options[n++] = item(MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL);
    options[n++] = item(MHD_OPTION_THREAD_POOL_SIZE, LIBRARY_THREADS, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_LIMIT, (intptr_t)p->options.max_connections, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_MEMORY_LIMIT, PUSH_CONNECTION_MEMORY, NULL);
    options[n++] = item(MHD_OPTION_CONNECTION_TIMEOUT, LAST_RESORT_SECONDS, NULL);
    options[n++] = item(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, p);
    options[n++] = item(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)end, p);
    options[n++] = item(MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)begin, p);
    if (p->tls.cert) {
        options[n++] = item(MHD_OPTION_HTTPS_MEM_CERT, 0, p->tls.cert);
        options[n++] = item(MHD_OPTION_HTTPS_MEM_KEY, 0, p->tls.key);
        options[n++] = item(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)p->tls.priorities);
    }
    options[n] = item(MHD_OPTION_END, 0, NULL);
}

/* On a descriptor of its own for the same socket, since the library closes what it was given. */
static bool start_library(struct push *p, struct err *err) {
    struct MHD_OptionItem options[16];
    int fd = fcntl(p->listen_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_set_errno(err, ERR_IO, errno, "source %s: cannot listen", p->source.name);
    list_options(p, fd, options);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (p->tls.cert)
        flags |= MHD_USE_TLS;
    p->library = MHD_start_daemon(flags, 0, NULL, NULL, answer, p, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (p->library)
        return true;
    return err_set(err, ERR_IO, "source %s: the HTTP library does not start", p->source.name);
}

bool push_server_start(struct push *p, struct err *err) {
    connections_init(&p->connections, p->options.max_connections, &limits, sizeof(struct push_visit));
    if (!start_library(p, err)) {
        connections_deinit(&p->connections);
        return false;
    }
    int rc = pthread_create(&p->sweeper, NULL, sweep, p);
    p->sweeps = rc == 0;
    if (p->sweeps)
        return true;
    push_server_stop(p);
    return err_set_errno(err, ERR_IO, rc, "source %s: cannot start a thread", p->source.name);
}

void push_server_stop(struct push *p) {
    int quiesced_fd = MHD_quiesce_daemon(p->library);
    atomic_store(&p->swept, true);
    if (p->sweeps)
        pthread_join(p->sweeper, NULL);
    connections_cut_all(&p->connections);
    MHD_stop_daemon(p->library);
    if (quiesced_fd >= 0)
        close(quiesced_fd);
    p->library = NULL;
    connections_deinit(&p->connections);
}
