/* TLS of a server: certificates and keys, read and checked before the HTTP library sees them, and the client's
 * certificate. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct MHD_Connection;

enum web_client_auth {
    WEB_CLIENT_NONE,
    WEB_CLIENT_REQUEST,
    WEB_CLIENT_REQUIRE,
    WEB_CLIENT_VERIFY_IF_GIVEN,
    WEB_CLIENT_REQUIRE_AND_VERIFY
};

/* What is asked for; borrowed. */
struct http_tls_files {
    const char *cert_file, *key_file, *client_ca_file; /* NULL: no TLS / no client certificates */
    enum web_client_auth client_auth;
    const char *min_version; /* "TLS12", "TLS13"; NULL: TLS12 */
};

struct http_tls {
    char *cert, *key, *client_ca; /* PEM, owned; NULL: none */
    const char *priorities;       /* GnuTLS's words for the versions allowed */
    enum web_client_auth client_auth;
};

/* Zeroed without certificates in `o`. False with the file's name in `err`; nothing is left to free then. */
bool http_tls_load(struct http_tls *tls, const struct http_tls_files *o, struct err *err);
void http_tls_deinit(struct http_tls *tls); /* wipes the key */
bool http_tls_equal(const struct http_tls *a, const struct http_tls *b);

/* The key of the certificate in that file, as libcurl wants to know a peer's: "sha256//..." */
enum { HTTP_TLS_PIN_SIZE = 64 };
bool http_tls_pin(const char *cert_file, char pin[HTTP_TLS_PIN_SIZE], struct err *err);

/* Whether the client's certificate is what `auth` asks for; after the handshake. */
bool http_tls_peer_is_welcome(struct MHD_Connection *c, enum web_client_auth auth);

#endif
