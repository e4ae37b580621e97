/* The HTTP server over real sockets: what it serves, in which forms, what changes meanwhile, and when it does not
 * start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "http_site.h"

/* --- what it serves ----------------------------------------------------------------------------------------------- */

static void routes(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    static const char *const waiting[] = {"/metrics", "/", "/api/v1/alerts", "/api/v1/rates", "/-/ready"};
    for (size_t i = 0; i < MADE_UP_COUNT(waiting); i++) {
        expect(&site, "GET", waiting[i], "", 503, "starting");
        expect_header(&site, "GET", waiting[i], "", "Retry-After: 2");
    }
    expect(&site, "GET", "/-/healthy", "", 200, "Healthy.");
    board_put(site.board, new_snapshot(4711, false));
    expect(&site, "GET", "/-/ready", "", 503, "kafka is 17 messages behind");
    expect(&site, "GET", "/metrics", "", 200, "\nses_collector_series 4711\n");
    board_put(site.board, new_snapshot(4712, true));
    expect(&site, "GET", "/metrics", "", 200, "\nses_collector_series 4712\n");
    expect(&site, "GET", "/metrics?name[]=up", "", 200, "\nses_collector_series 4712\n");
    expect(&site, "GET", "/-/ready", "", 200, "Ready.");
    expect(&site, "GET", "/api/v1/alerts", "", 200, "\"alerts\"");
    expect(&site, "GET", "/api/v1/rates", "", 200, "gmail");
    expect(&site, "GET", "/api/v1/rates?scope=provider&provider=gmail&rate=bounce&window=1h", "", 200, "gmail");
    expect(&site, "GET", "/api/v1/rates?basis=event&scope=provider&rate=bounce", "", 200, "gmail");
    expect(&site, "GET", "/api/v1/rates?basis=sent", "", 200, "\"rates\":[]");
    expect(&site, "GET", "/api/v1/rates?colour=blue", "", 400, "scope=");
    expect(&site, "GET", "/api/v1/rates?scope=a&scope=b", "", 400, "once");
    expect(&site, "GET", "/", "", 200, "<html");
    expect(&site, "GET", "/favicon.ico", "", 404, "/metrics");
    expect(&site, "GET", "/metrics/", "", 404, "/metrics");
    expect(&site, "GET", "/%6detrics", "", 200, "ses_collector_series");
    close_site(&site);
}

static void methods_and_headers(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
    static const char *const refused[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"};
    for (size_t i = 0; i < MADE_UP_COUNT(refused); i++) {
        expect(&site, refused[i], "/metrics", "", 405, "method");
        expect_header(&site, refused[i], "/metrics", "", "Allow: GET, HEAD");
    }
    static const char *const served[] = {"/metrics", "/", "/api/v1/alerts", "/api/v1/rates", "/-/healthy", "/-/ready"};
    for (size_t i = 0; i < MADE_UP_COUNT(served); i++) {
        struct answer get = ask(&site, "GET", served[i], ""), head = ask(&site, "HEAD", served[i], "");
        char length[64];
        snprintf(length, sizeof length, "Content-Length: %zu", get.body_len);
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body_len, 0);
        assert_true(has_header(&head, length));
        assert_true(has_header(&get, length));
        assert_true(has_header(&get, "X-Content-Type-Options: nosniff"));
        assert_true(has_header(&get, "Cache-Control: no-store"));
        free(get.raw);
        free(head.raw);
    }
    expect_header(&site, "GET", "/api/v1/rates", "", "Content-Type: application/json");
    expect_header(&site, "GET", "/", "", "Content-Type: text/html; charset=utf-8");
    expect_header(&site, "GET", "/", "",
                  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                  "script-src 'unsafe-inline'; connect-src 'self'");
    expect(&site, "GET", "/-/reload", "", 405, "method");
    expect(&site, "POST", "/-/reload", "", 403, "not enabled");
    close_site(&site);
}

static void formats(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
#define TEXT            "Content-Type: text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS     "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"
#define OPENMETRICS_OLD "Content-Type: application/openmetrics-text; version=0.0.1; charset=utf-8"
    static const struct {
        const char *accept, *type;
    } cases[] = {
        {"", TEXT},
        {"Accept: */*\r\n", TEXT},
        {"Accept: text/html, image/png\r\n", TEXT},
        {"Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n",
         OPENMETRICS},
        {"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n",
         OPENMETRICS},
        {"Accept: application/openmetrics-text; version=0.0.1, text/plain;q=0.5\r\n", OPENMETRICS_OLD},
        {"Accept: application/openmetrics-text\r\n", OPENMETRICS},
        {"Accept: APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.3\r\n", OPENMETRICS},
        {"Accept: application/openmetrics-text;version=2.0.0\r\n", TEXT},
        {"Accept: application/openmetrics-text;q=0\r\n", TEXT},
        {"Accept: application/openmetrics-text;q=0.4,text/plain;q=0.5\r\n", TEXT},
        {"Accept: application/openmetrics-text;q=0.4,*/*;q=0.5\r\n", TEXT},
        {"Accept: application/openmetrics-text;q=0.5,text/*;q=0.5\r\n", OPENMETRICS},
        {"Accept: application/openmetrics-text;q=2\r\n", TEXT},
        {"Accept: application/openmetrics-text;q=banana\r\n", TEXT},
        {"Accept: ,;,;q=,=,;;=;q\r\n", TEXT},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++)
        expect_header(&site, "GET", "/metrics", cases[i].accept, cases[i].type);
    struct answer a = ask(&site, "GET", "/metrics", "Accept: application/openmetrics-text\r\n");
    assert_true(a.body_len > 6);
    assert_string_equal(a.body + a.body_len - 6, "# EOF\n");
    free(a.raw);
    close_site(&site);
}

static char *gunzip(const char *data, size_t len, size_t size) {
    char *text = calloc(1, size + 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    z.next_out = (Bytef *)text;
    z.avail_out = (uInt)size;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, size);
    assert_int_equal(z.avail_in, 0);
    inflateEnd(&z);
    return text;
}

static void gzip(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
    static const struct {
        const char *accept;
        bool zipped;
    } cases[] = {
        {"", false},
        {"Accept-Encoding: gzip\r\n", true},
        {"Accept-Encoding: deflate, GZIP;q=0.5\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: gzip; q=0.000, *\r\n", false},
        {"Accept-Encoding: *\r\n", true},
        {"Accept-Encoding: *;q=0\r\n", false},
        {"Accept-Encoding: br, identity\r\n", false},
        {"Accept-Encoding: gzip;q=0.5, identity;q=0.6\r\n", false},
        {"Accept-Encoding: gzipped\r\n", false},
    };
    static const char *const targets[] = {"/metrics", "/", "/api/v1/rates", "/api/v1/alerts"};
    for (size_t t = 0; t < MADE_UP_COUNT(targets); t++) {
        struct answer plain = ask(&site, "GET", targets[t], "");
        for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
            struct answer a = ask(&site, "GET", targets[t], cases[i].accept);
            assert_int_equal(has_header(&a, "Content-Encoding: gzip"), cases[i].zipped);
            assert_true(has_header(&a, "Vary: Accept, Accept-Encoding"));
            char *text = cases[i].zipped ? gunzip(a.body, a.body_len, plain.body_len) : strndup(a.body, a.body_len);
            assert_string_equal(text, plain.body);
            free(text);
            free(a.raw);
        }
        free(plain.raw);
    }
    close_site(&site);
}

/* --- reload ------------------------------------------------------------------------------------------------------- */

static void reloads(void **state) {
    (void)state;
    struct site site = {.options = {.enable_reload = true, .max_connections = 100}};
    open_site(&site);
    expect(&site, "POST", "/-/reload", "", 200, "Reloaded.");
    expect(&site, "PUT", "/-/reload", "", 200, "Reloaded.");
    expect_header(&site, "GET", "/-/reload", "", "Allow: POST, PUT");
    site.reload_fails = true;
    expect(&site, "POST", "/-/reload", "", 400, "config.yaml:3:1: unknown key \"colour\"");
    assert_int_equal(atomic_load(&site.reloads), 3);
    site.options.enable_reload = false;
    assert_true(http_server_reconfigure(site.server, &site.options, NULL));
    expect(&site, "POST", "/-/reload", "", 403, "not enabled");
    assert_int_equal(atomic_load(&site.reloads), 3);
    struct err err = {0};
    site.options.listen_address = (char *)(uintptr_t) "127.0.0.1:1";
    assert_false(http_server_reconfigure(site.server, &site.options, &err));
    assert_non_null(strstr(err.text, "restart"));
    close_site(&site);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

/* Two answers over one connection, asked for at once. */
static void keeps_connections(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    static const char twice[] = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
                                "HEAD /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct answer a = exchange(&site, twice, sizeof twice - 1);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "Healthy.\nHTTP/1.1 200 OK"));
    free(a.raw);
    close_site(&site);
}

/* Snapshots change and the library is started anew while several clients ask. */
struct asker {
    const struct site *site;
    pthread_t thread;
    atomic_bool *done;
    int asked, failed;
};

static void *keep_asking(void *context) {
    struct asker *asker = context;
    static const char *const headers[] = {"", "Accept-Encoding: gzip\r\n", "Accept: application/openmetrics-text\r\n"};
    while (!atomic_load(asker->done)) {
        char request[256];
        int len =
            snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\n" HOST "%s\r\n", headers[asker->asked % 3]);
        struct answer a = exchange(asker->site, request, (size_t)len);
        asker->asked++;
        asker->failed += a.status != 200;
        free(a.raw);
    }
    return NULL;
}

static void changes_while_it_serves(void **state) {
    (void)state;
    enum { ASKERS = 4, ROUNDS = 20 };
    struct site site = {.options = {.max_connections = 200}};
    open_site(&site);
    board_put(site.board, new_snapshot(0, true));
    atomic_bool done = false;
    struct asker askers[ASKERS];
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.site = &site, .done = &done};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, keep_asking, &askers[i]), 0);
    }
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        board_put(site.board, new_snapshot(i, true));
        usleep(20000);
        if (i % 5)
            continue;
        site.options.max_connections++;
        assert_true(http_server_reconfigure(site.server, &site.options, NULL));
    }
    atomic_store(&done, true);
    int asked = 0, failed = 0;
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        asked += askers[i].asked;
        failed += askers[i].failed;
    }
    assert_true(asked >= ASKERS);
    assert_int_equal(failed, 0);
    expect(&site, "GET", "/metrics", "", 200, "\nses_collector_series 20\n");
    close_site(&site);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void expect_no_start(const struct web_options *o, const char *part) {
    struct board *board = board_create(free_snapshot);
    struct err err = {0};
    struct http_server *s = http_server_start(o, board, NULL, &err);
    assert_null(s);
    if (!strstr(err.text, part))
        fail_msg("not \"%s\": %s", part, err.text);
    board_destroy(board);
}

static void errors_name_the_cause(void **state) {
    (void)state;
    struct site site = {0};
    open_site(&site);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", site.port);
    struct web_options o = {.listen_address = taken};
    expect_no_start(&o, taken);
    expect_no_start(&o, "another ses-collector");
    static const char *const addresses[][2] = {{"9465", "HOST:PORT"},         {":65536", "HOST:PORT"},
                                               {"127.0.0.1:", "HOST:PORT"},   {"::1:9465", "brackets"},
                                               {"192.0.2.1:0", "ip address"}, {":http", "HOST:PORT"}};
    for (size_t i = 0; i < MADE_UP_COUNT(addresses); i++) {
        o.listen_address = (char *)(uintptr_t)addresses[i][0];
        expect_no_start(&o, addresses[i][1]);
    }
    o.listen_address = (char *)(uintptr_t) "127.0.0.1:0";
    static const char *const hashes[][2] = {{"secret", "bcrypt"},
                                            {"$2y$31$abcdefghijklmnopqrstuuVNPJ.UVfsuNXlDjbjQ1Z0rxgRUCGmd2", "cost"},
                                            {"$6$abcdefgh$abcdefghijklmnopqrstuvwxyz", "bcrypt"}};
    for (size_t i = 0; i < MADE_UP_COUNT(hashes); i++) {
        struct web_user u = {(char *)(uintptr_t) "alice", (char *)(uintptr_t)hashes[i][0]};
        o.users = &u;
        o.user_count = 1;
        expect_no_start(&o, hashes[i][1]);
    }
    o.user_count = 0;
    o.cert_file = (char *)(uintptr_t) "/nonexistent/cert.pem";
    expect_no_start(&o, "go together");
    o.key_file = (char *)(uintptr_t) "/nonexistent/key.pem";
    expect_no_start(&o, "/nonexistent/cert.pem");
    close_site(&site);
}

static void both_families(void **state) {
    (void)state;
    struct site site = {.options = {.listen_address = (char *)(uintptr_t) ":0"}};
    open_site(&site);
    expect(&site, "GET", "/-/healthy", "", 200, NULL);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)site.port)};
    to.sin6_addr = in6addr_loopback;
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof to)) {
        send_all(fd, "GET /-/healthy HTTP/1.0\r\n\r\n", 27);
        struct answer a = receive(fd);
        assert_int_equal(a.status, 200);
        free(a.raw);
    }
    if (fd >= 0)
        close(fd);
    close_site(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),
        cmocka_unit_test(methods_and_headers),
        cmocka_unit_test(formats),
        cmocka_unit_test(gzip),
        cmocka_unit_test(reloads),
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(changes_while_it_serves),
        cmocka_unit_test(errors_name_the_cause),
        cmocka_unit_test(both_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
