/* Notifiers against receivers of the test's own: order, retries, giving up, stopping, Alertmanager's resending, and
 * that no secret gets into the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "http_receiver.h"
#include "made_up_alert.h"
#include "sinks/http_client.h"
#include "sinks/webhook.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define WAIT_FOR(condition)                                                                                            \
    do {                                                                                                               \
        for (int tries = 0; tries < 3000 && !(condition); tries++)                                                     \
            usleep(10000);                                                                                             \
        assert_true(condition);                                                                                        \
    } while (0)

enum { DEADLINE_MS = 5000 };

/* --- What all tests need ---------------------------------------------------------------------------------------- */

struct ended {
    pthread_mutex_t lock;
    uint64_t ids[20000];
    size_t count;
};

static void finished(void *context, uint64_t id) {
    struct ended *e = context;
    pthread_mutex_lock(&e->lock);
    e->ids[e->count++] = id;
    pthread_mutex_unlock(&e->lock);
}

static size_t ended_count(struct ended *e) {
    pthread_mutex_lock(&e->lock);
    size_t count = e->count;
    pthread_mutex_unlock(&e->lock);
    return count;
}

/* A target with one notifier and its receiver. */
struct scene {
    struct receiver *receiver;
    struct notify_target target;
    char address[100], *urls[2];
    struct ended ended;
    struct notifier *notifier;
};

static void scene_begin(struct scene *s, enum notify_kind kind, const char *path,
                        struct receiver_reply (*reply)(size_t, const struct receiver_request *)) {
    *s = (struct scene){.target = {.kind = kind, .name = (char *)"pager", .url_count = 1, .send_resolved = true}};
    pthread_mutex_init(&s->ended.lock, NULL);
    s->receiver = receiver_start(reply);
    snprintf(s->address, sizeof s->address, "http://127.0.0.1:%d%s", s->receiver->port, path);
    s->urls[0] = s->address;
    s->target.urls = s->urls;
    s->target.timeout_ms = 10000;
    s->target.give_up_ms = 3600000;
    s->target.resend_ms = 60000;
}

static void scene_start(struct scene *s, struct board *board) {
    struct err err = {0};
    s->notifier = notifier_start(&s->target, board, &(struct notifier_hooks){&s->ended, finished}, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s->notifier);
}

static void scene_end(struct scene *s) {
    int64_t start = clock_monotonic_ns();
    notifier_stop(s->notifier, DEADLINE_MS);
    assert_true(clock_monotonic_ns() - start < DEADLINE_MS * 1000000LL);
    receiver_stop(s->receiver);
    pthread_mutex_destroy(&s->ended.lock);
}

static void send_one(struct scene *s, uint64_t id, uint64_t incident, enum alert_state state) {
    struct notification n = {.id = id, .created_ms = clock_wall_ms()};
    char provider[32];
    snprintf(provider, sizeof provider, "isp%d", (int)incident);
    n.alert = made_up_alert(incident, provider, state);
    notifier_send(s->notifier, &n);
    memset(provider, 'x', sizeof provider); /* it was copied */
}

static struct notifier_counts counts_of(struct scene *s) {
    struct notifier_counts c;
    notifier_counts(s->notifier, &c);
    return c;
}

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

/* --- Standard error --------------------------------------------------------------------------------------------- */

static FILE *capture;
static int real_stderr;

static void capture_begin(void) {
    capture = tmpfile();
    assert_non_null(capture);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

/* Returns new. */
static char *capture_end(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    off_t size = lseek(fileno(capture), 0, SEEK_END);
    char *text = alloc_zeroed(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(capture), text, (size_t)size, 0), size);
    fclose(capture);
    return text;
}

/* --- Webhook and Slack ------------------------------------------------------------------------------------------ */

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

static struct receiver_reply hang(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.hang = true};
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

/* --- Alertmanager ----------------------------------------------------------------------------------------------- */

/* The providers of the alerts in a request, each with "+" (its end is ahead of the start by more than the event's) or
 * "-" (it is over), joined. */
static void describe(const struct receiver_request *r, char *to, size_t size) {
    *to = '\0';
    json_t *json = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_array(json));
    size_t i;
    json_t *alert;
    json_array_foreach(json, i, alert) {
        const char *end = json_string_value(json_object_get(alert, "endsAt"));
        bool over = strcmp(end, "2025-11-21T23:50:00.000Z") == 0;
        size_t used = strlen(to);
        snprintf(to + used, size - used, "%s%c",
                 json_string_value(json_object_get(json_object_get(alert, "labels"), "provider")), over ? '-' : '+');
    }
    json_decref(json);
}

/* Whether some request from `from` on says this and only this. */
static bool said(struct receiver *r, size_t from, const char *what) {
    for (size_t i = from, count = receiver_count(r); i < count; i++) {
        char text[300];
        describe(&r->requests[i], text, sizeof text);
        if (strcmp(text, what) == 0)
            return true;
    }
    return false;
}

static void alertmanager_told(void **state) {
    (void)state;
    struct scene s;
    struct board *board = board_create(made_up_destroy);
    scene_begin(&s, NOTIFY_ALERTMANAGER, "", NULL);
    scene_start(&s, board);
    struct alert_row rows[] = {made_up_alert(1, "a", ALERT_FIRING), made_up_alert(2, "b", ALERT_PENDING),
                               made_up_alert(3, "c", ALERT_FIRING)};
    rows[2].held = true;
    made_up_put(board, rows, 3);
    WAIT_FOR(said(s.receiver, 0, "a+"));
    char value[100];
    assert_memory_equal(s.receiver->requests[0].head, "POST /api/v2/alerts HTTP/1.1\r\n", 30);
    assert_string_equal(receiver_header(&s.receiver->requests[0], "Content-Type", value, sizeof value),
                        "application/json");
    rows[1].state = ALERT_FIRING;
    made_up_put(board, rows, 3);
    WAIT_FOR(said(s.receiver, 1, "b+")); /* the change alone */
    rows[0] = made_up_alert(1, "a", ALERT_RESOLVED);
    made_up_put(board, rows, 3);
    WAIT_FOR(said(s.receiver, 2, "a-"));
    /* It fires again as a new incident, while the old one is still listed: only the latest state is told. */
    struct alert_row again[] = {rows[0], rows[1], made_up_alert(4, "a", ALERT_FIRING)};
    made_up_put(board, again, 3);
    WAIT_FOR(said(s.receiver, 3, "a+"));
    usleep(1500000); /* nothing changes: nothing is said before the interval is over */
    assert_int_equal(receiver_count(s.receiver), 4);
    struct notifier_counts c = counts_of(&s);
    assert_true(c.sent == 4 && c.failed == 0);
    scene_end(&s);
    board_destroy(board);
}

static void alertmanager_resends(void **state) {
    (void)state;
    struct scene s;
    struct board *board = board_create(made_up_destroy);
    scene_begin(&s, NOTIFY_ALERTMANAGER, "", NULL);
    s.target.resend_ms = 1000;
    struct alert_row rows[] = {made_up_alert(1, "a", ALERT_FIRING), made_up_alert(2, "b", ALERT_RESOLVED),
                               made_up_alert(3, "c", ALERT_RESOLVED)};
    rows[2].held = true;
    made_up_put(board, rows, 3);
    scene_start(&s, board); /* a restart: what was resolved before is told as well */
    for (size_t i = 0; i < 3; i++) {
        char text[100];
        const struct receiver_request *r = receiver_wait(s.receiver, i);
        assert_non_null(r);
        describe(r, text, sizeof text);
        assert_true(strcmp(text, "a+b-") == 0 || strcmp(text, "b-a+") == 0);
    }
    scene_end(&s);
    s.target.send_resolved = false;
    s.receiver = receiver_start(NULL);
    snprintf(s.address, sizeof s.address, "http://127.0.0.1:%d/", s.receiver->port);
    scene_start(&s, board);
    WAIT_FOR(said(s.receiver, 0, "a+"));
    scene_end(&s);
    board_destroy(board);
}

static struct receiver_reply bad_alerts(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.status = number == 0 ? 503 : 400, .body = "\"bad label\""};
}

static void alertmanager_complains(void **state) {
    (void)state;
    struct scene s;
    struct board *board = board_create(made_up_destroy);
    scene_begin(&s, NOTIFY_ALERTMANAGER, "", bad_alerts);
    s.target.resend_ms = 1000;
    struct alert_row row = made_up_alert(1, "a", ALERT_FIRING);
    made_up_put(board, &row, 1);
    capture_begin();
    scene_start(&s, board);
    assert_non_null(receiver_wait(s.receiver, 4));
    scene_end(&s);
    char *log = capture_end();
    const char *first = strstr(log, "HTTP 400: \\\"bad label\\\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "HTTP 400")); /* once */
    assert_non_null(strstr(log, "HTTP 503"));
    free(log);
    board_destroy(board);
}

/* One member is dead, one hangs, one is well: the last hears of it as if it were alone. */
static void alertmanager_members(void **state) {
    (void)state;
    struct scene s;
    struct board *board = board_create(made_up_destroy);
    scene_begin(&s, NOTIFY_ALERTMANAGER, "", NULL);
    s.target.timeout_ms = 600000;
    struct receiver *hanging = receiver_start(hang), *dead = receiver_start(NULL);
    char addresses[2][64];
    snprintf(addresses[0], sizeof addresses[0], "http://127.0.0.1:%d", dead->port);
    snprintf(addresses[1], sizeof addresses[1], "http://127.0.0.1:%d", hanging->port);
    receiver_stop(dead); /* its port is free now, and refuses */
    char *urls[] = {addresses[0], addresses[1], s.address};
    s.target.urls = urls;
    s.target.url_count = 3;
    capture_begin();
    scene_start(&s, board);
    struct alert_row row = made_up_alert(1, "a", ALERT_FIRING);
    made_up_put(board, &row, 1);
    WAIT_FOR(said(s.receiver, 0, "a+"));
    row = made_up_alert(1, "a", ALERT_RESOLVED);
    made_up_put(board, &row, 1);
    WAIT_FOR(said(s.receiver, 1, "a-"));
    WAIT_FOR(counts_of(&s).failed >= 1);
    assert_non_null(receiver_wait(hanging, 0));
    scene_end(&s); /* within the deadline, with one hanging */
    char *log = capture_end();
    assert_non_null(strstr(log, "cannot be reached"));
    assert_non_null(strstr(log, "member=1"));
    free(log);
    receiver_stop(hanging);
    board_destroy(board);
}

int main(void) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < COUNT(proxies); i++)
        unsetenv(proxies[i]);
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
        cmocka_unit_test(alertmanager_told),
        cmocka_unit_test(alertmanager_resends),
        cmocka_unit_test(alertmanager_complains),
        cmocka_unit_test(alertmanager_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
