/* The HTTP pool and TLS: a certificate of somebody else, for another name or over in time, or an old version, is never
 * talked to, and a body that is cut off is no whole one. */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include "http_pool_scene.h"

/* A server with one certificate, signed by itself. */
struct tls_server {
    SSL_CTX *context;
    int listener;
    pthread_t thread;
    atomic_size_t requests;
    char url[128], ca_file[64];
};

static void add_name(X509 *cert, const char *names) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Returns new. */
static X509 *make_certificate(EVP_PKEY *key, const char *names, long valid_s) {
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -100000);
    X509_gmtime_adj(X509_getm_notAfter(cert), valid_s);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"made up", -1,
                               -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    add_name(cert, names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* A body with TLS's own goodbye behind it, or one that is cut off. */
static void serve(struct tls_server *s, SSL *ssl) {
    char request[4096];
    int len = SSL_accept(ssl) == 1 ? SSL_read(ssl, request, sizeof request - 1) : 0;
    if (len <= 0)
        return;
    request[len] = '\0';
    atomic_fetch_add(&s->requests, 1);
    bool cut = strstr(request, "/cut");
    char answer[128];
    len = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nbody", cut ? 10 : 4);
    SSL_write(ssl, answer, len);
    if (!cut)
        SSL_shutdown(ssl);
}

static void *run(void *context) {
    struct tls_server *s = context;
    for (int fd; (fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        struct timeval most = {.tv_sec = 20};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
        SSL *ssl = SSL_new(s->context);
        SSL_set_fd(ssl, fd);
        serve(s, ssl);
        SSL_free(ssl);
    }
    return NULL;
}

static void listen_anywhere(struct tls_server *s) {
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at) || listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(s->url, sizeof s->url, "https://127.0.0.1:%d/SECRETpath", ntohs(at.sin_port));
}

static void server_start(struct tls_server *s, const char *names, long valid_s, int newest) {
    *s = (struct tls_server){.context = SSL_CTX_new(TLS_server_method())};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key, names, valid_s);
    SSL_CTX_set_cipher_list(s->context, "ALL:@SECLEVEL=0"); /* else old versions would fail for the wrong reason */
    SSL_CTX_set_min_proto_version(s->context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(s->context, newest);
    assert_true(SSL_CTX_use_certificate(s->context, cert) == 1 && SSL_CTX_use_PrivateKey(s->context, key) == 1);
    strcpy(s->ca_file, "/tmp/ses-collector-tls-XXXXXX");
    FILE *f = fdopen(mkstemp(s->ca_file), "w");
    assert_true(f && PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
    listen_anywhere(s);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

static void server_stop(struct tls_server *s) {
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    SSL_CTX_free(s->context);
    unlink(s->ca_file);
}

/* The status; 0: `err` says why. */
static int ask_with(const struct http_pool_options *o, const char *url, struct err *err) {
    struct http_pool *pool = http_pool_create(o, NULL);
    struct http_request r = get_of(url);
    struct buf body;
    buf_init(&body, 100);
    *err = (struct err){0};
    int status = http_fetch(pool, &r, 100, &body, NULL, NULL, NULL, err);
    assert_true(!status || span_is(buf_span(&body), "body"));
    buf_deinit(&body);
    http_pool_destroy(pool);
    assert_null(strstr(err->text, "SECRET"));
    return status;
}

static int ask(const char *url, const char *ca_file, struct err *err) {
    return ask_with(&(struct http_pool_options){.ca_file = ca_file}, url, err);
}

static void good_certificate(void **state) {
    (void)state;
    struct tls_server s;
    struct err err;
    server_start(&s, "IP:127.0.0.1", 100000, TLS1_3_VERSION);
    assert_int_equal(ask(s.url, s.ca_file, &err), 200);
    char cut[256];
    snprintf(cut, sizeof cut, "%.*s/cut", (int)(strrchr(s.url, '/') - s.url), s.url);
    assert_int_equal(ask(cut, s.ca_file, &err), 0);
    assert_string_equal(err.text, "the transfer broke off after 4 of 10 bytes");
    server_stop(&s);
    server_start(&s, "IP:127.0.0.1", 100000, TLS1_2_VERSION);
    assert_int_equal(ask(s.url, s.ca_file, &err), 200);
    server_stop(&s);
}

static void wrong_certificates(void **state) {
    (void)state;
    static const struct {
        const char *names;
        long valid_s;
        int newest;
        bool trusted;
    } cases[] = {
        {"IP:127.0.0.1", 100000, TLS1_3_VERSION, false},
        {"IP:127.0.0.2,DNS:other.example", 100000, TLS1_3_VERSION, true},
        {"IP:127.0.0.1", -1000, TLS1_3_VERSION, true},
        {"IP:127.0.0.1", 100000, TLS1_1_VERSION, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tls_server s;
        struct err err;
        server_start(&s, cases[i].names, cases[i].valid_s, cases[i].newest);
        assert_int_equal(ask(s.url, cases[i].trusted ? s.ca_file : NULL, &err), 0);
        assert_true(strlen(err.text) > 10);
        assert_int_equal(s.requests, 0);
        assert_int_equal(ask(s.url, "/nonexistent/ca.pem", &err), 0);
        assert_int_equal(s.requests, 0);
        server_stop(&s);
    }
}

/* Its key is enough, whatever else is in it; and no other key is. */
static void pinned_certificate(void **state) {
    (void)state;
    struct tls_server s, other;
    struct err err;
    server_start(&s, "DNS:other.example", -1000, TLS1_3_VERSION);
    server_start(&other, "IP:127.0.0.1", 100000, TLS1_3_VERSION);
    assert_int_equal(ask_with(&(struct http_pool_options){.pinned_cert_file = s.ca_file}, s.url, &err), 200);
    assert_int_equal(ask_with(&(struct http_pool_options){.pinned_cert_file = other.ca_file}, s.url, &err), 0);
    assert_true(strlen(err.text) > 10);
    /* Not even one that is trusted otherwise. */
    struct http_pool_options both = {.pinned_cert_file = s.ca_file, .ca_file = other.ca_file};
    assert_int_equal(ask_with(&both, other.url, &err), 0);
    assert_int_equal(s.requests, 1);
    assert_int_equal(other.requests, 0);
    server_stop(&s);
    server_stop(&other);
    err = (struct err){0};
    assert_null(http_pool_create(&(struct http_pool_options){.pinned_cert_file = "/dev/null"}, &err));
    assert_non_null(strstr(err.text, "/dev/null"));
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* the server's: OpenSSL writes to peers that have gone */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificate),
        cmocka_unit_test(wrong_certificates),
        cmocka_unit_test(pinned_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
