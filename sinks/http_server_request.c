/* A request from its head to the queued answer. Whatever is odd about a head ends its connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/log.h"
#include "sinks/http_negotiate.h"
#include "sinks/http_server_parts.h"

enum { MAX_TARGET = 2048, MAX_HEAD = 8192 };

#define RETRY_SECONDS "2"

/* --- answers ------------------------------------------------------------------------------------------------------ */

struct extra_header {
    const char *name, *value; /* NULL: none */
};

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *text, struct extra_header extra) {
    struct MHD_Response *r = http_bodies_text(text);
    if (extra.name)
        MHD_add_response_header(r, extra.name, extra.value);
    enum MHD_Result queued = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result say_plainly(struct MHD_Connection *c, unsigned status, const char *text) {
    return say(c, status, text, (struct extra_header){NULL, NULL});
}

static enum MHD_Result say_and_close(struct MHD_Connection *c, unsigned status, const char *text) {
    return say(c, status, text, (struct extra_header){"Connection", "close"});
}

static enum MHD_Result say_later(struct MHD_Connection *c, const char *text) {
    return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, text, (struct extra_header){"Retry-After", RETRY_SECONDS});
}

static const char *header_of(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static bool wants_gzip(struct MHD_Connection *c) {
    return http_negotiate_gzip(header_of(c, "Accept-Encoding"));
}

/* --- heads -------------------------------------------------------------------------------------------------------- */

static struct visit *visit_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Called with the request's line, before anything in it is decoded. */
void *http_request_begin(void *context, const char *target, struct MHD_Connection *c) {
    struct http_daemon *d = context;
    struct visit *entry = visit_of(c);
    if (!entry)
        return NULL;
    connections_set_state(&d->server->connections, &entry->connection, CONNECTION_HEAD, clock_monotonic_ns());
    entry->seen = false;
    entry->password = entry->reload = VERDICT_NONE;
    entry->long_target = strlen(target) > MAX_TARGET;
    entry->bad_target = target[0] != '/' || strstr(target, "%00");
    for (const char *p = target; *p; p++)
        entry->bad_target |= *p <= ' ' || *p == 0x7f; /* bytes over 0x7f are negative or not, both are fine */
    return entry;
}

struct head {
    unsigned hosts, lengths, authorizations;
    bool coded, has_body;
};

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct head *h = context;
    (void)kind;
    if (!strcasecmp(name, "Host")) {
        h->hosts++;
    } else if (!strcasecmp(name, "Authorization")) {
        h->authorizations++;
    } else if (!strcasecmp(name, "Transfer-Encoding")) {
        h->coded = true;
    } else if (!strcasecmp(name, "Content-Length")) {
        h->lengths++;
        h->has_body |= !value || strcmp(value, "0") != 0;
    }
    return MHD_YES;
}

struct refusal {
    unsigned status; /* 0: none */
    const char *text;
};

static struct refusal find_refusal(struct MHD_Connection *c, const struct visit *entry, const char *version) {
    struct head h = {0};
    MHD_get_connection_values(c, MHD_HEADER_KIND, look_at_header, &h);
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    bool is_1_1 = !strcmp(version, "HTTP/1.1");
    if (!is_1_1 && strcmp(version, "HTTP/1.0") != 0)
        return (struct refusal){MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 are spoken here.\n"};
    if (entry->long_target)
        return (struct refusal){MHD_HTTP_URI_TOO_LONG, "The address may have 2048 bytes.\n"};
    if (entry->bad_target)
        return (struct refusal){MHD_HTTP_BAD_REQUEST, "The address is no path.\n"};
    if (size && size->header_size > MAX_HEAD)
        return (struct refusal){MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "A request may have 8192 bytes.\n"};
    if (h.coded || h.lengths > 1)
        return (struct refusal){MHD_HTTP_BAD_REQUEST, "Content-Length stands once at most, Transfer-Encoding never.\n"};
    if (h.has_body)
        return (struct refusal){MHD_HTTP_CONTENT_TOO_LARGE, "A request has no body.\n"};
    if (h.hosts > 1 || (is_1_1 && !h.hosts) || h.authorizations > 1)
        return (struct refusal){MHD_HTTP_BAD_REQUEST, "Host stands once, Authorization once at most.\n"};
    return (struct refusal){0, NULL};
}

/* --- who asks ----------------------------------------------------------------------------------------------------- */

static enum MHD_Result say_unauthorized(struct MHD_Connection *c) {
    return say(c, MHD_HTTP_UNAUTHORIZED, "Unauthorized.\n",
               (struct extra_header){"WWW-Authenticate", "Basic realm=\"ses-collector\", charset=\"UTF-8\""});
}

static enum MHD_Result say_too_many(struct MHD_Connection *c) {
    return say(c, MHD_HTTP_TOO_MANY_REQUESTS, "Too many wrong passwords lately.\n",
               (struct extra_header){"Retry-After", RETRY_SECONDS});
}

/* True when the request may go on; else `*result` is what the callback returns: it was refused or suspended. */
static bool is_authorized(struct http_server *s, struct MHD_Connection *c, struct visit *entry,
                          enum MHD_Result *result) {
    if (entry->password == VERDICT_GOOD)
        return true;
    if (entry->password == VERDICT_BAD) {
        *result = say_unauthorized(c);
        return false;
    }
    struct http_job job = {.kind = JOB_PASSWORD, .request = c, .visit = entry};
    switch (http_auth_ask(s->auth, header_of(c, "Authorization"), clock_monotonic_ns(), &job.credentials)) {
    case HTTP_AUTH_WELCOME:
        return true;
    case HTTP_AUTH_WRONG:
        *result = say_unauthorized(c);
        break;
    case HTTP_AUTH_TOO_MANY:
        *result = say_too_many(c);
        break;
    case HTTP_AUTH_COMPUTE:
        *result = http_worker_take(&s->worker, &job) ? MHD_YES : say_too_many(c);
        break;
    }
    http_credentials_wipe(&job.credentials);
    return false;
}

/* --- routes ------------------------------------------------------------------------------------------------------- */

enum route_kind { ROUTE_BODY, ROUTE_METRICS, ROUTE_RATES, ROUTE_HEALTHY, ROUTE_READY, ROUTE_RELOAD };

static const struct route {
    const char *path;
    enum route_kind kind;
    enum http_body body; /* of ROUTE_BODY */
} routes[] = {
    {"/metrics", ROUTE_METRICS, BODY_TEXT},      {"/", ROUTE_BODY, BODY_PAGE},
    {"/api/v1/alerts", ROUTE_BODY, BODY_ALERTS}, {"/api/v1/rates", ROUTE_RATES, BODIES},
    {"/-/healthy", ROUTE_HEALTHY, BODIES},       {"/-/ready", ROUTE_READY, BODIES},
    {"/-/reload", ROUTE_RELOAD, BODIES},
};

static const char not_found[] =
    "Not found. There are: / /metrics /api/v1/rates /api/v1/alerts /-/healthy /-/ready and, "
    "with POST, /-/reload\n";

static const struct route *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (!strcmp(routes[i].path, path))
            return &routes[i];
    return NULL;
}

static bool is_allowed(const struct route *r, const char *method) {
    if (r->kind == ROUTE_RELOAD)
        return !strcmp(method, "POST") || !strcmp(method, "PUT");
    return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

/* When a body could not be queued. */
static enum MHD_Result say_why(struct MHD_Connection *c, const struct err *err) {
    if (err->code == ERR_NONE)
        return say_later(c, "Nothing has been counted yet: the service is starting.\n");
    log_event(LOG_ERROR, "an answer of the web server could not be made", LOG_FIELDS({"reason", err->text}));
    return say_plainly(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "The answer could not be made; the log says why.\n");
}

static enum MHD_Result answer_body(struct http_server *s, struct MHD_Connection *c, enum http_body body) {
    struct err err = {0};
    enum MHD_Result queued;
    return http_bodies_answer(s->bodies, c, body, wants_gzip(c), &queued, &err) ? queued : say_why(c, &err);
}

static enum MHD_Result answer_metrics(struct http_server *s, struct MHD_Connection *c) {
    static const enum http_body bodies[METRICS_FORMATS] = {BODY_TEXT, BODY_OPENMETRICS, BODY_OPENMETRICS_0_0_1};
    return answer_body(s, c, bodies[http_negotiate_metrics(header_of(c, "Accept"))]);
}

struct rates_arguments {
    struct rates_query query;
    bool odd;
};

static enum MHD_Result look_at_argument(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct rates_arguments *a = context;
    (void)kind;
    struct {
        const char *name, **value;
    } known[] = {{"scope", &a->query.scope},       {"window", &a->query.window},
                 {"basis", &a->query.basis},       {"rate", &a->query.rate},
                 {"provider", &a->query.provider}, {"configuration_set", &a->query.configuration_set}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name)) {
            a->odd |= *known[i].value || !value;
            *known[i].value = value;
            return MHD_YES;
        }
    a->odd = true;
    return MHD_YES;
}

static enum MHD_Result answer_rates(struct http_server *s, struct MHD_Connection *c) {
    struct rates_arguments a = {0};
    struct err err = {0};
    enum MHD_Result queued;
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, look_at_argument, &a);
    if (a.odd)
        return say_plainly(
            c, MHD_HTTP_BAD_REQUEST,
            "Give scope=, window=, basis=, rate=, provider= and configuration_set=, each once at most.\n");
    return http_bodies_answer_rates(s->bodies, c, &a.query, wants_gzip(c), &queued, &err) ? queued : say_why(c, &err);
}

static enum MHD_Result answer_ready(struct http_daemon *d, struct MHD_Connection *c) {
    char text[sizeof((struct service_row *)0)->not_ready + 32];
    bool ready = http_bodies_ready(d->server->bodies, text, sizeof text);
    return ready ? say_plainly(c, MHD_HTTP_OK, text) : say_later(c, text);
}

static enum MHD_Result answer_reload(struct http_server *s, struct MHD_Connection *c, struct visit *entry) {
    if (!atomic_load(&s->enable_reload) || !s->worker.hooks.reload)
        return say_plainly(c, MHD_HTTP_FORBIDDEN, "Reloading by HTTP is not enabled: see web.enable_reload.\n");
    if (entry->reload == VERDICT_GOOD)
        return say_plainly(c, MHD_HTTP_OK, "Reloaded.\n");
    if (entry->reload == VERDICT_BAD) {
        char text[sizeof((struct err *)0)->text + 64];
        snprintf(text, sizeof text, "Not reloaded, the old configuration stays: %s\n", entry->reload_text);
        return say_plainly(c, MHD_HTTP_BAD_REQUEST, text);
    }
    struct http_job job = {.kind = JOB_RELOAD, .request = c, .visit = entry};
    return http_worker_take(&s->worker, &job) ? MHD_YES : say_later(c, "Too many requests are waiting.\n");
}

static enum MHD_Result answer_route(struct http_daemon *d, struct MHD_Connection *c, struct visit *entry,
                                    const struct route *r) {
    switch (r->kind) {
    case ROUTE_METRICS:
        return answer_metrics(d->server, c);
    case ROUTE_RATES:
        return answer_rates(d->server, c);
    case ROUTE_HEALTHY:
        return say_plainly(c, MHD_HTTP_OK, "Healthy.\n");
    case ROUTE_READY:
        return answer_ready(d, c);
    case ROUTE_RELOAD:
        return answer_reload(d->server, c, entry);
    default:
        return answer_body(d->server, c, r->body);
    }
}

/* --- callbacks ---------------------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct http_daemon *d, struct MHD_Connection *c, struct visit *entry, const char *path,
                              const char *method) {
    enum MHD_Result result;
    if (entry->password == VERDICT_STOPPING || entry->reload == VERDICT_STOPPING)
        return say_and_close(c, MHD_HTTP_SERVICE_UNAVAILABLE, "The service is stopping.\n");
    if (!entry->peer_checked && !http_tls_peer_is_welcome(c, d->tls.client_auth))
        return say_and_close(c, MHD_HTTP_FORBIDDEN, "A client certificate of the right authority is needed.\n");
    entry->peer_checked = true;
    if (!is_authorized(d->server, c, entry, &result))
        return result;
    entry->password = VERDICT_GOOD; /* should the request be suspended, it is not asked again */
    const struct route *r = find_route(path);
    if (!r)
        return say_plainly(c, MHD_HTTP_NOT_FOUND, not_found);
    if (!is_allowed(r, method))
        return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "This method is not for this path.\n",
                   (struct extra_header){"Allow", r->kind == ROUTE_RELOAD ? "POST, PUT" : "GET, HEAD"});
    return answer_route(d, c, entry, r);
}

/* Called once with the head, and again until an answer is queued or the request suspended. */
enum MHD_Result http_request_answer(void *context, struct MHD_Connection *c, const char *path, const char *method,
                                    const char *version, const char *upload, size_t *upload_size, void **request) {
    struct http_daemon *d = context;
    struct visit *entry = *request;
    (void)upload;
    if (!entry || *upload_size)
        return MHD_NO; /* heads that announce a body were refused */
    if (entry->seen)
        return answer(d, c, entry, path, method);
    entry->seen = true;
    connections_set_state(&d->server->connections, &entry->connection, CONNECTION_ANSWER, clock_monotonic_ns());
    struct refusal r = find_refusal(c, entry, version);
    return r.status ? say_and_close(c, r.status, r.text) : MHD_YES;
}

void http_request_end(void *context, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode how) {
    struct http_daemon *d = context;
    struct visit *entry = *request;
    (void)c, (void)how;
    if (!entry)
        return;
    free(entry->reload_text);
    entry->reload_text = NULL;
    connections_set_state(&d->server->connections, &entry->connection, CONNECTION_IDLE, clock_monotonic_ns());
    *request = NULL;
}
