/* collector/source/push over real sockets: what it answers, and that nothing is answered well before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "push_run.h"

/* --- Firehose ----------------------------------------------------------------------------------------------------- */

static void accepted(void **state) {
    (void)state;
    start_source();
    struct reply r = post("/firehose", HEADERS, body_of(0, 50));
    expect(r, 200, "{\"requestId\":\"id-\\\"1\\\"\\\\\",\"timestamp\":");
    expect(r, 200, "Content-Type: application/json\r\n");
    assert_false(has(&r, "errorMessage"));
    assert_false(has(&r, "Content-Encoding"));
    expect(post("/firehose", "X-Amz-Firehose-Access-Key: " KEY "\r\n", body_of(50, 10)), 200, "\"of-the-body\"");
    expect(post("/firehose?x=1", HEADERS, "{\"records\":[]}"), 200, "timestamp");
    stop_source();
    assert_int_equal(pipeline.accounting.read, 60);
    pipeline_assert_events(60);
    assert_int_equal(pipeline.kept_count, 1);
    assert_string_equal(pipeline.kept[0].path, "(firehose)");
}

static void refused(void **state) {
    (void)state;
    start_source();
    static const struct {
        const char *path, *headers, *body;
        int status;
    } cases[] = {
        {"/firehose", "", "{\"records\":[]}", 401},
        {"/firehose", "X-Amz-Firehose-Access-Key: \r\n", "{\"records\":[]}", 401},
        {"/firehose", "X-Amz-Firehose-Access-Key: 0123456789abcdeF\r\n", "{\"records\":[]}", 401},
        {"/firehose", "X-Amz-Firehose-Access-Key: 0123456789abcdef0\r\n", "{\"records\":[]}", 401},
        {"/firehose", "X-Amz-Firehose-Access-Key: 0123456789abcde\r\n", "{\"records\":[]}", 401},
        {"/firehose", HEADERS HEADERS, "{\"records\":[]}", 401},
        {"/firehose", HEADERS, "{\"records\":[}", 400},
        {"/firehose", HEADERS, "", 400},
        {"/firehose", HEADERS "Content-Encoding: gzip\r\n", "{\"records\":[]}", 400},
        {"/firehose", HEADERS "Content-Encoding: br\r\n", "{\"records\":[]}", 415},
        {"/firehose/", HEADERS, "{\"records\":[]}", 404},
        {"/", HEADERS, "{\"records\":[]}", 404},
        {"/firehose%00", HEADERS, "{\"records\":[]}", 400},
        {"/firehose", HEADERS "Content-Length: 3\r\n", "{\"records\":[]}", 400},
        {"/firehose", HEADERS "Transfer-Encoding: chunked\r\n", "{\"records\":[]}", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply r = post(cases[i].path, cases[i].headers, cases[i].body);
        if (r.status != cases[i].status || !has(&r, "errorMessage"))
            fail_msg("%zu: %d not %d: %s", i, r.status, cases[i].status, r.text);
    }
    int fd = dial();
    static const char get[] = "GET /firehose HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    send_all(fd, get, strlen(get));
    expect(finish(fd), 405, "Allow: POST");
    stop_source();
    assert_int_equal(pipeline.accounting.read, 0);
}

/* What is wrong with a record is counted, and never sent again. */
static void bad_records(void **state) {
    (void)state;
    start_source();
    expect(
        post("/firehose", HEADERS,
             "{\"records\":[{\"data\":\"!!!!\"},{\"data\":\"aGVsbG8=\"},{},{\"data\":\"\"},{\"data\":\"H4sIAAAA\"}]}"),
        200, "timestamp");
    stop_source();
    assert_int_equal(pipeline.accounting.read, 4);
    assert_int_equal(pipeline.accounting.malformed[MALFORMED_BAD_ENVELOPE], 3);
    assert_int_equal(pipeline.accounting.malformed[MALFORMED_NOT_JSON], 1);
}

/* A body in chunks, of no length that was promised. */
static void chunks(void **state) {
    (void)state;
    start_source();
    const char *body = body_of(0, 30);
    size_t len = strlen(body);
    char head[400];
    int fd = dial();
    snprintf(head, sizeof head,
             "POST /firehose HTTP/1.1\r\nHost: h\r\n" HEADERS
             "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    send_all(fd, head, strlen(head));
    for (size_t at = 0; at < len; at += 777) {
        size_t n = len - at < 777 ? len - at : 777;
        snprintf(head, sizeof head, "%zx\r\n", n);
        send_all(fd, head, strlen(head));
        send_all(fd, body + at, n);
        send_all(fd, "\r\n", 2);
    }
    send_all(fd, "0\r\n\r\n", 5);
    expect(finish(fd), 200, "timestamp");
    stop_source();
    pipeline_assert_events(30);
}

static void too_large(void **state) {
    (void)state;
    start_source();
    int fd = dial();
    static const char head[] = "POST /firehose HTTP/1.1\r\nHost: h\r\n" HEADERS "Content-Length: 67108865\r\n\r\n";
    send_all(fd, head, strlen(head));
    expect(finish(fd), 413, "errorMessage");
    fd = dial();
    static const char sns[] =
        "POST /sns HTTP/1.1\r\nHost: h\r\nx-amz-sns-message-type: Notification\r\nContent-Length: 1048577\r\n\r\n";
    send_all(fd, sns, strlen(sns));
    expect(finish(fd), 413, "errorMessage");
    stop_source();
}

/* SNS has a quarter of the memory: 16 bodies that are never sent to their end take it all, and Firehose goes on. */
static void memory(void **state) {
    (void)state;
    enum { SENDERS = 20, LEN = 1 << 20 };
    start_source();
    static char bytes[LEN];
    int fds[SENDERS];
    static const char head[] =
        "POST /sns HTTP/1.1\r\nHost: h\r\nx-amz-sns-message-type: Notification\r\nConnection: close\r\n"
        "Content-Length: 1048576\r\n\r\n";
    memset(bytes, 'x', sizeof bytes);
    for (int i = 0; i < SENDERS; i++) {
        fds[i] = dial();
        send_all(fds[i], head, strlen(head));
        send_all(fds[i], bytes, LEN - 1);
    }
    expect(post("/firehose", HEADERS, body_of(0, 5)), 200, "timestamp");
    int busy = 0, wrong = 0;
    for (int i = 0; i < SENDERS; i++)
        send_all(fds[i], bytes, 1);
    for (int i = 0; i < SENDERS; i++) {
        struct reply r = finish(fds[i]);
        busy += r.status == 503 && has(&r, "Retry-After: 5");
        wrong += r.status == 400;
    }
    assert_int_equal(busy + wrong, SENDERS);
    assert_true(busy > 0 && wrong > 0);
    expect(post("/firehose", HEADERS, body_of(5, 5)), 200, "timestamp"); /* and all of it is free again */
    stop_source();
    pipeline_assert_events(10);
}

/* --- commits ------------------------------------------------------------------------------------------------------ */

static bool is_answered(int fd, int wait_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static void wait_for_read(uint64_t n) {
    while (pipeline_read() < n)
        poll(NULL, 0, 5);
}

static void commit_all(struct stream *s) {
    pthread_mutex_lock(&pipeline.lock);
    atomic_store(&s->committed_chains, s->counted_chains);
    pthread_mutex_unlock(&pipeline.lock);
}

static void only_after_the_commit(void **state) {
    (void)state;
    start(false);
    const char *body = body_of(0, 20);
    int first = begin("/firehose", HEADERS, body, strlen(body));
    wait_for_read(20);
    assert_false(is_answered(first, 300));
    commit_all(last_stream);
    expect(finish(first), 200, "timestamp");
    body = body_of(20, 20);
    int second = begin("/firehose", HEADERS, body, strlen(body));
    wait_for_read(40);
    assert_false(is_answered(second, 300));
    stop_source(); /* it was never committed */
    expect(finish(second), 503, "stopping");
}

/* Committed while it stops. */
static void committed_at_the_end(void **state) {
    (void)state;
    start(false);
    const char *body = body_of(0, 20);
    int fd = begin("/firehose", HEADERS, body, strlen(body));
    wait_for_read(20);
    atomic_store(&now_running.source->stop, true);
    poll(NULL, 0, 150);
    commit_all(last_stream);
    expect(finish(fd), 200, "timestamp");
    stop_source();
}

/* A client that is gone before it is answered leaves nothing behind. */
static void gone(void **state) {
    (void)state;
    start(false);
    for (int i = 0; i < 10; i++) {
        const char *body = body_of(10 * i, 10);
        close(begin("/firehose", HEADERS, body, i % 2 ? strlen(body) : strlen(body) / 2));
    }
    wait_for_read(40);
    pthread_mutex_lock(&pipeline.lock);
    pipeline.commits = true;
    pthread_mutex_unlock(&pipeline.lock);
    commit_all(last_stream);
    expect(post("/firehose", HEADERS, body_of(200, 1)), 200, "timestamp");
    stop_source();
}

/* --- refused before it runs --------------------------------------------------------------------------------------- */

static void cannot_open(void **state) {
    (void)state;
    struct err err = {0};
    start_source();
    char address[40], missing[] = "/nowhere/x.pem";
    snprintf(address, sizeof address, "127.0.0.1:%d", now_running.tcp);
    struct push_options o = now_running.options;
    o.listen_address = address;
    assert_null(push_open(&o, NULL, 0, &err));
    assert_non_null(strstr(err.text, "listens there"));
    char *list[] = {missing};
    err = (struct err){0};
    o.sns_certificates = list;
    assert_null(push_open(&o, NULL, 0, &err));
    assert_non_null(strstr(err.text, "/nowhere/x.pem"));
    err = (struct err){0};
    o.cert_file = o.key_file = missing;
    assert_null(push_open(&o, NULL, 0, &err));
    assert_non_null(strstr(err.text, "cert_file"));
    stop_source();
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(bad_records),
        cmocka_unit_test(chunks),
        cmocka_unit_test(too_large),
        cmocka_unit_test(memory),
        cmocka_unit_test(only_after_the_commit),
        cmocka_unit_test(committed_at_the_end),
        cmocka_unit_test(gone),
        cmocka_unit_test(cannot_open),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
