/* Alertmanager: changes at once, everything again and again, and members that are dead or hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notifier_scene.h"

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alertmanager_told),
        cmocka_unit_test(alertmanager_resends),
        cmocka_unit_test(alertmanager_complains),
        cmocka_unit_test(alertmanager_members),
    };
    return cmocka_run_group_tests(tests, without_proxies, NULL);
}
