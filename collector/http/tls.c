#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/base64.h"

enum { MAX_PEM = 1 << 20 };

/* --- files -------------------------------------------------------------------------------------------------------- */

static bool read_all(int fd, char *text, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, text + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0) {
            errno = EIO; /* it shrank under our eyes */
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* Returns new, NULL on error. `what` is the key in the configuration. */
static char *read_pem(const char *what, const char *path, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text = NULL;
    if (fd < 0 || fstat(fd, &st)) {
        err_set_errno(err, ERR_CONFIG, errno, "%s: %.200s", what, path);
    } else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_PEM) {
        err_set(err, ERR_CONFIG, "%s: %.200s: no PEM file of at most 1 MiB", what, path);
    } else {
        text = alloc_zeroed(1, (size_t)st.st_size + 1);
        if (!read_all(fd, text, (size_t)st.st_size)) {
            err_set_errno(err, ERR_CONFIG, errno, "%s: %.200s", what, path);
            free(text);
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static gnutls_datum_t datum_of(const char *pem) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
}

/* The first one in it; NULL: none. */
static gnutls_x509_crt_t certificate_in(const char *pem) {
    gnutls_x509_crt_t x = NULL;
    gnutls_datum_t text = datum_of(pem);
    if (gnutls_x509_crt_init(&x) == 0 && gnutls_x509_crt_import(x, &text, GNUTLS_X509_FMT_PEM) == 0)
        return x;
    if (x)
        gnutls_x509_crt_deinit(x);
    return NULL;
}

/* A pass phrase is never asked for at a terminal. */
static gnutls_privkey_t key_in(const char *pem) {
    gnutls_privkey_t key = NULL;
    gnutls_datum_t text = datum_of(pem);
    if (gnutls_privkey_init(&key) == 0 && gnutls_privkey_import_x509_raw(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) == 0)
        return key;
    if (key)
        gnutls_privkey_deinit(key);
    return NULL;
}

static bool belong_together(gnutls_x509_crt_t cert, gnutls_privkey_t key) {
    unsigned char ids[2][64];
    size_t sizes[2] = {sizeof ids[0], sizeof ids[1]};
    gnutls_pubkey_t public_key = NULL;
    bool same_key = gnutls_pubkey_init(&public_key) == 0 && gnutls_pubkey_import_privkey(public_key, key, 0, 0) == 0 &&
                    gnutls_pubkey_get_key_id(public_key, 0, ids[0], &sizes[0]) == 0 &&
                    gnutls_x509_crt_get_key_id(cert, 0, ids[1], &sizes[1]) == 0 && sizes[0] == sizes[1] &&
                    memcmp(ids[0], ids[1], sizes[0]) == 0;
    if (public_key)
        gnutls_pubkey_deinit(public_key);
    return same_key;
}

/* Here, because the HTTP library would only say that TLS did not start. */
static bool check_pair(const struct http_tls *tls, const struct http_tls_files *o, struct err *err) {
    gnutls_x509_crt_t cert = certificate_in(tls->cert);
    gnutls_privkey_t key = key_in(tls->key);
    bool good = true;
    if (!cert)
        good = err_set(err, ERR_CONFIG, "cert_file: %.200s: no certificate in PEM form", o->cert_file);
    else if (!key)
        good =
            err_set(err, ERR_CONFIG, "key_file: %.200s: no private key in PEM form without a pass phrase", o->key_file);
    else if (!belong_together(cert, key))
        good = err_set(err, ERR_CONFIG, "key_file: %.200s: not the key of the certificate in %.200s", o->key_file,
                       o->cert_file);
    if (cert)
        gnutls_x509_crt_deinit(cert);
    if (key)
        gnutls_privkey_deinit(key);
    return good;
}

static bool load_pair(struct http_tls *tls, const struct http_tls_files *o, struct err *err) {
    tls->cert = read_pem("cert_file", o->cert_file, err);
    tls->key = tls->cert ? read_pem("key_file", o->key_file, err) : NULL;
    return tls->key && check_pair(tls, o, err);
}

static bool load_client_ca(struct http_tls *tls, const struct http_tls_files *o, struct err *err) {
    tls->client_auth = o->client_auth;
    if ((o->client_auth == WEB_CLIENT_NONE) != !o->client_ca_file)
        return err_set(err, ERR_CONFIG,
                       "tls_server_config: client_ca_file and client_auth_type go together; one of them is missing");
    if (!o->client_ca_file)
        return true;
    tls->client_ca = read_pem("client_ca_file", o->client_ca_file, err);
    if (!tls->client_ca)
        return false;
    gnutls_x509_crt_t ca = certificate_in(tls->client_ca);
    if (!ca)
        return err_set(err, ERR_CONFIG, "client_ca_file: %.200s: no certificate in PEM form", o->client_ca_file);
    gnutls_x509_crt_deinit(ca);
    return true;
}

static bool choose_versions(struct http_tls *tls, const char *min_version, struct err *err) {
    if (!min_version || !strcmp(min_version, "TLS12"))
        tls->priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
    else if (!strcmp(min_version, "TLS13"))
        tls->priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:%SERVER_PRECEDENCE";
    else
        return err_set(err, ERR_CONFIG, "min_version: \"%.20s\": TLS12 and TLS13 are known", min_version);
    return true;
}

bool http_tls_load(struct http_tls *tls, const struct http_tls_files *o, struct err *err) {
    *tls = (struct http_tls){0};
    if (!o->cert_file && !o->key_file) {
        if (o->client_ca_file || o->client_auth != WEB_CLIENT_NONE)
            return err_set(err, ERR_CONFIG, "tls_server_config: client certificates need cert_file and key_file");
        return true;
    }
    if (!o->cert_file || !o->key_file)
        return err_set(err, ERR_CONFIG,
                       "tls_server_config: cert_file and key_file go together; one of them is missing");
    if (choose_versions(tls, o->min_version, err) && load_pair(tls, o, err) && load_client_ca(tls, o, err))
        return true;
    http_tls_deinit(tls);
    return false;
}

void http_tls_deinit(struct http_tls *tls) {
    if (tls->key)
        explicit_bzero(tls->key, strlen(tls->key));
    free(tls->key);
    free(tls->cert);
    free(tls->client_ca);
    *tls = (struct http_tls){0};
}

static bool same(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}

bool http_tls_equal(const struct http_tls *a, const struct http_tls *b) {
    return same(a->cert, b->cert) && same(a->key, b->key) && same(a->client_ca, b->client_ca) &&
           same(a->priorities, b->priorities) && a->client_auth == b->client_auth;
}

bool http_tls_pin(const char *cert_file, char pin[HTTP_TLS_PIN_SIZE], struct err *err) {
    char *pem = read_pem("cert_file", cert_file, err);
    if (!pem)
        return false;
    gnutls_x509_crt_t cert = certificate_in(pem);
    gnutls_pubkey_t key = NULL;
    gnutls_datum_t der = {0};
    char digest[32];
    size_t size = sizeof digest;
    bool good = cert && gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509(key, cert, 0) == 0 &&
                gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) == 0 &&
                gnutls_fingerprint(GNUTLS_DIG_SHA256, &der, digest, &size) == 0;
    if (good) {
        static const char form[] = "sha256//";
        size_t at = sizeof form - 1;
        memcpy(pin, form, at);
        pin[at + base64_encode((struct span){digest, size}, pin + at)] = 0;
    } else {
        err_set(err, ERR_CONFIG, "cert_file: %.200s: no certificate in PEM form", cert_file);
    }
    gnutls_free(der.data);
    if (key)
        gnutls_pubkey_deinit(key);
    if (cert)
        gnutls_x509_crt_deinit(cert);
    free(pem);
    return good;
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

/* Signed by the client CA, in its time, and made for clients. */
static bool is_verified(gnutls_session_t session) {
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 && status == 0;
}

bool http_tls_peer_is_welcome(struct MHD_Connection *c, enum web_client_auth auth) {
    if (auth == WEB_CLIENT_NONE || auth == WEB_CLIENT_REQUEST)
        return true;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info)
        return false;
    gnutls_session_t session = info->tls_session;
    unsigned given = 0;
    gnutls_certificate_get_peers(session, &given);
    if (auth == WEB_CLIENT_REQUIRE)
        return given > 0;
    if (given == 0)
        return auth == WEB_CLIENT_VERIFY_IF_GIVEN;
    return is_verified(session);
}
