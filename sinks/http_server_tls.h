/* TLS: the files of --web.config.file, read and checked before the HTTP library sees them, and the client's
 * certificate. */
#ifndef SINKS_HTTP_SERVER_TLS_H
#define SINKS_HTTP_SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <microhttpd.h>

#include "core/err.h"
#include "sinks/http_server.h"

struct http_tls {
    char *cert, *key, *client_ca; /* PEM, owned; NULL: none */
    const char *priorities;       /* GnuTLS's words for the versions allowed */
    enum web_client_auth client_auth;
};

/* Zeroed without certificates in `o`. False with the file's name in `err`; nothing is left to free then. */
bool http_tls_load(struct http_tls *tls, const struct web_options *o, struct err *err);
void http_tls_deinit(struct http_tls *tls); /* wipes the key */
bool http_tls_equal(const struct http_tls *a, const struct http_tls *b);

/* Whether the client's certificate is what `auth` asks for; after the handshake. */
bool http_tls_peer_is_welcome(struct MHD_Connection *c, enum web_client_auth auth);

#endif
