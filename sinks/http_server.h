/* The HTTP server: metrics, API, page and health, read from the board. libmicrohttpd, with limits of our own around it:
 * GET and HEAD only (POST for /-/reload), small heads, no bodies, few seconds for a request, and when the connections
 * run out the oldest unfinished one goes. */
#ifndef SINKS_HTTP_SERVER_H
#define SINKS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "http/tls.h"
#include "model/board.h"

/* Of --web.config.file, in the form of Prometheus's exporter toolkit. Owned by the configuration. */
struct web_user {
    char *name, *bcrypt;
};
struct web_options {
    char *listen_address; /* ":9465", "127.0.0.1:9465", "[::1]:9465" */
    bool enable_reload;
    unsigned max_connections;                    /* 0: the default, 512 */
    char *cert_file, *key_file, *client_ca_file; /* NULL: no TLS / no client certificates */
    enum web_client_auth client_auth;
    char *min_version; /* "TLS12", "TLS13"; NULL: TLS12 */
    struct web_user *users;
    size_t user_count;
};
void web_options_deinit(struct web_options *o);

struct http_server;

/* What the server asks of the program. Thread-safe. */
struct http_hooks {
    void *context;
    /* POST /-/reload: reads the configuration again. False with `err` when it was refused. */
    bool (*reload)(void *context, struct err *err);
};

/* Listens and serves on threads of its own; the board is borrowed. Returns new, NULL on error (address in use, bad
 * certificate, ...). */
struct http_server *http_server_start(const struct web_options *o, struct board *board, const struct http_hooks *hooks,
                                      struct err *err);
/* Takes over changed certificates, users and limits without closing the listening socket. The address must be the same.
 * False and nothing changed on error. */
bool http_server_reconfigure(struct http_server *s, const struct web_options *o, struct err *err);
void http_server_stop(struct http_server *s);      /* within a second; NULL is allowed */
int http_server_port(const struct http_server *s); /* the port it listens on: for port 0 */

#endif
