/* Webhooks and Slack against receivers of the test's own: order, retries, giving up, stopping, and that no secret gets
 * into the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "notifier_scene.h"
#include "sinks/http_client.h"
#include "sinks/webhook.h"

/* "firing isp1" of a webhook's body. */
static void expect_message(const struct receiver_request *r, const char *expected) {
    assert_non_null(r);
    json_t *json = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    char text[100];
    snprintf(text, sizeof text, "%s %s", json_string_value(json_object_get(json, "status")),
             json_string_value(json_object_get(json_object_get(json, "commonLabels"), "provider")));
    assert_string_equal(text, expected);
    json_decref(json);
}

static void delivered(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/hook?x=1", NULL);
    struct notify_header headers[] = {{(char *)"X-Team", (char *)"mail"}, {(char *)"X-Empty", (char *)""}};
    s.target.headers = headers;
    s.target.header_count = COUNT(headers);
    s.target.hmac_secret = (char *)"signing-secret";
    s.target.bearer_token = (char *)"bearer-secret";
    scene_start(&s, NULL);
    send_one(&s, 42, 1, ALERT_FIRING);
    const struct receiver_request *r = receiver_wait(s.receiver, 0);
    expect_message(r, "firing isp1");
    char value[200], signature[WEBHOOK_SIGNATURE_SIZE];
    assert_memory_equal(r->head, "POST /hook?x=1 HTTP/1.1\r\n", 25);
    assert_string_equal(receiver_header(r, "Content-Type", value, sizeof value), "application/json");
    assert_memory_equal(receiver_header(r, "User-Agent", value, sizeof value), "ses-collector/", 14);
    assert_string_equal(receiver_header(r, "X-Team", value, sizeof value), "mail");
    assert_string_equal(receiver_header(r, "Authorization", value, sizeof value), "Bearer bearer-secret");
    assert_non_null(strstr(r->head, "\r\nX-Empty:"));
    assert_null(receiver_header(r, "Expect", value, sizeof value));
    assert_null(receiver_header(r, "Accept-Encoding", value, sizeof value));
    webhook_sign("signing-secret", span_of(r->body), signature);
    assert_string_equal(receiver_header(r, "X-Ses-Collector-Signature", value, sizeof value), signature);
    assert_true(strlen(receiver_header(r, "Idempotency-Key", value, sizeof value)) > 16);
    WAIT_FOR(ended_count(&s.ended) == 1);
    assert_int_equal(s.ended.ids[0], 42);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.sent == 1 && c.failed == 0 && c.dropped == 0 && c.waiting == 0);
    scene_end(&s);
}

static struct receiver_reply fail_three_times(size_t number, const struct receiver_request *r) {
    (void)r;
    static const struct receiver_reply replies[] = {
        {.status = 500}, {.status = 429, .headers = "Retry-After: 2\r\n"}, {.cut = true}};
    return number < COUNT(replies) ? replies[number] : (struct receiver_reply){.status = 204, .body = ""};
}

static void retried_in_order(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", fail_three_times);
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    send_one(&s, 2, 1, ALERT_RESOLVED);
    WAIT_FOR(ended_count(&s.ended) == 2);
    char first[200], value[200];
    receiver_header(&s.receiver->requests[0], "Idempotency-Key", first, sizeof first);
    for (size_t i = 0; i < 4; i++) {
        expect_message(&s.receiver->requests[i], "firing isp1");
        assert_string_equal(receiver_header(&s.receiver->requests[i], "Idempotency-Key", value, sizeof value), first);
    }
    expect_message(&s.receiver->requests[4], "resolved isp1");
    assert_string_not_equal(receiver_header(&s.receiver->requests[4], "Idempotency-Key", value, sizeof value), first);
    assert_true(s.receiver->requests[2].at_ms - s.receiver->requests[1].at_ms >= 1900); /* Retry-After */
    assert_true(s.ended.ids[0] == 1 && s.ended.ids[1] == 2);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.sent == 2 && c.failed == 3 && c.dropped == 0);
    scene_end(&s);
}

static struct receiver_reply fail_isp1(size_t number, const struct receiver_request *r) {
    (void)number;
    return (struct receiver_reply){.status = strstr(r->body, "isp1") ? 503 : 200};
}

/* What the peer cannot digest holds up its own incident only. */
static void others_overtake(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", fail_isp1);
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    send_one(&s, 2, 1, ALERT_RESOLVED);
    send_one(&s, 3, 2, ALERT_FIRING);
    send_one(&s, 4, 2, ALERT_RESOLVED);
    WAIT_FOR(ended_count(&s.ended) == 2);
    assert_true(s.ended.ids[0] == 3 && s.ended.ids[1] == 4);
    for (size_t i = 0, count = receiver_count(s.receiver); i < count; i++)
        assert_null(strstr(s.receiver->requests[i].body,
                           "\"status\":\"resolved\",\"receiver\":\"pager\",\"groupLabels\":"
                           "{\"alertname\":\"HighBounceRate\"},\"commonLabels\":{"
                           "\"alertname\":\"HighBounceRate\",\"provider\":\"isp1\""));
    assert_int_equal(counts_of(&s).waiting, 2);
    scene_end(&s);
}

static struct receiver_reply refuse(size_t number, const struct receiver_request *r) {
    (void)number;
    static char body[300];
    snprintf(body, sizeof body, "Cannot%.200s", strchr(r->head, ' ')); /* as some servers do: the path, token and all */
    return (struct receiver_reply){.status = number ? 400 : 404, .body = number ? "invalid_payload\nmore" : body};
}

static void refused(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_SLACK, "/services/T00SECRET/B00SECRET/SECRETtoken", refuse);
    capture_begin();
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    send_one(&s, 2, 1, ALERT_RESOLVED);
    WAIT_FOR(ended_count(&s.ended) == 2);
    struct notifier_counts c = counts_of(&s);
    scene_end(&s);
    char *log = capture_end();
    assert_true(c.sent == 0 && c.failed == 2 && c.dropped == 2 && c.waiting == 0);
    assert_non_null(strstr(log, "refused"));
    assert_non_null(strstr(log, "HTTP 404"));
    assert_non_null(strstr(log, "HTTP 400: invalid_payload\""));
    assert_non_null(strstr(log, "pager"));
    assert_null(strstr(log, "SECRET"));
    assert_null(strstr(log, "127.0.0.1"));
    free(log);
}

static struct receiver *elsewhere;
static struct receiver_reply redirect(size_t number, const struct receiver_request *r) {
    (void)r, (void)number;
    static char location[100];
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/\r\n", elsewhere->port);
    return (struct receiver_reply){.status = 307, .headers = location};
}

static void redirect_not_followed(void **state) {
    (void)state;
    struct scene s;
    elsewhere = receiver_start(NULL);
    scene_begin(&s, NOTIFY_WEBHOOK, "/", redirect);
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    WAIT_FOR(ended_count(&s.ended) == 1);
    assert_int_equal(counts_of(&s).dropped, 1);
    assert_int_equal(receiver_count(elsewhere), 0);
    scene_end(&s);
    receiver_stop(elsewhere);
}

static struct receiver_reply long_answer(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.body = "0123456789abcdef", .repeat = 65536};
}

static void long_answer_is_one(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", long_answer);
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    WAIT_FOR(ended_count(&s.ended) == 1);
    assert_int_equal(counts_of(&s).sent, 1);
    scene_end(&s);
}

static struct receiver_reply always_503(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 503};
}

static void given_up(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", always_503);
    s.target.give_up_ms = 1500;
    capture_begin();
    scene_start(&s, NULL);
    struct notification old = {.id = 9, .created_ms = clock_wall_ms() - 5000};
    old.alert = made_up_alert(9, "old", ALERT_FIRING);
    notifier_send(s.notifier, &old); /* was in the outbox for too long: not even tried */
    send_one(&s, 1, 1, ALERT_FIRING);
    WAIT_FOR(ended_count(&s.ended) == 2);
    struct notifier_counts c = counts_of(&s);
    scene_end(&s);
    char *log = capture_end();
    assert_true(c.dropped == 2 && c.sent == 0 && c.waiting == 0 && c.failed >= 1);
    assert_non_null(strstr(log, "given up"));
    free(log);
}

static void unwanted(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", NULL);
    s.target.send_resolved = false;
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_RESOLVED);
    struct notification held = {.id = 2, .created_ms = clock_wall_ms()};
    held.alert = made_up_alert(2, "held", ALERT_FIRING);
    held.alert.held = true;
    notifier_send(s.notifier, &held);
    send_one(&s, 3, 3, ALERT_FIRING);
    WAIT_FOR(ended_count(&s.ended) == 3);
    assert_int_equal(receiver_count(s.receiver), 1);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.sent == 1 && c.dropped == 0);
    scene_end(&s);
}

static void stops_while_peer_hangs(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", hang);
    s.target.timeout_ms = 600000;
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    assert_non_null(receiver_wait(s.receiver, 0));
    assert_int_equal(counts_of(&s).waiting, 1);
    scene_end(&s); /* asserts the deadline */
    assert_int_equal(s.ended.count, 0);
}

static struct receiver_reply hang_once(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.hang = number == 0};
}

static void timeout_is_retried(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", hang_once);
    s.target.timeout_ms = 300;
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    WAIT_FOR(ended_count(&s.ended) == 1);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.sent == 1 && c.failed == 1);
    scene_end(&s);
}

static void queue_is_bounded(void **state) {
    (void)state;
    enum { MOST = 10000, MORE = 5 };
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", hang);
    s.target.timeout_ms = 600000;
    capture_begin();
    scene_start(&s, NULL);
    send_one(&s, 1, 1, ALERT_FIRING);
    assert_non_null(receiver_wait(s.receiver, 0)); /* it is on its way: the next are the oldest that can go */
    for (uint64_t id = 2; id <= MOST + MORE; id++)
        send_one(&s, id, id, ALERT_FIRING);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.waiting == MOST && c.dropped == MORE);
    scene_end(&s);
    char *log = capture_end();
    free(log);
    assert_int_equal(s.ended.count, MORE);
    for (size_t i = 0; i < MORE; i++)
        assert_int_equal(s.ended.ids[i], i + 2);
}

static void wrong_settings(void **state) {
    (void)state;
    static char *const urls[] = {(char *)"ftp://user:SECRET@host/SECRET", (char *)"https://h/SECRET\r\nX: y"};
    for (size_t i = 0; i < COUNT(urls); i++) {
        char *url = urls[i];
        struct notify_target t = {.kind = NOTIFY_WEBHOOK, .name = (char *)"pager", .urls = &url, .url_count = 1};
        struct err err = {0};
        assert_null(notifier_start(&t, NULL, &(struct notifier_hooks){0}, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.text, "pager"));
        assert_null(strstr(err.text, "SECRET"));
    }
    char *url = (char *)"https://h/";
    struct notify_target t = {.kind = NOTIFY_WEBHOOK, .name = (char *)"pager", .urls = &url, .url_count = 1};
    t.bearer_token = (char *)"SECRET\r\nX: y";
    struct err err = {0};
    assert_null(notifier_start(&t, NULL, &(struct notifier_hooks){0}, &err));
    assert_null(strstr(err.text, "SECRET"));
}

/* TLS where there is none: a failure that is tried again, and that says what is wrong. */
static void no_tls(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, NOTIFY_WEBHOOK, "/", NULL);
    char url[100];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/SECRETpath", s.receiver->port);
    struct http_client *c = http_client_create(&(struct http_client_options){.url = url, .timeout_ms = 2000}, NULL);
    assert_non_null(c);
    struct http_answer answer;
    struct err err = {0};
    assert_int_equal(http_client_post(c, SPAN_LIT("{}"), NULL, 0, &answer, &err), HTTP_FAILED);
    assert_true(strlen(err.text) > 5);
    assert_null(strstr(err.text, "SECRET"));
    http_client_stop(c);
    assert_int_equal(http_client_post(c, SPAN_LIT("{}"), NULL, 0, &answer, &err), HTTP_STOPPED);
    http_client_destroy(c);
    receiver_stop(s.receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivered),
        cmocka_unit_test(retried_in_order),
        cmocka_unit_test(others_overtake),
        cmocka_unit_test(refused),
        cmocka_unit_test(redirect_not_followed),
        cmocka_unit_test(long_answer_is_one),
        cmocka_unit_test(given_up),
        cmocka_unit_test(unwanted),
        cmocka_unit_test(stops_while_peer_hangs),
        cmocka_unit_test(timeout_is_retried),
        cmocka_unit_test(queue_is_bounded),
        cmocka_unit_test(wrong_settings),
        cmocka_unit_test(no_tls),
    };
    return cmocka_run_group_tests(tests, without_proxies, NULL);
}
