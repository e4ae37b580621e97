/* collector/pipeline/outbox: what is to be told waits in the file, under one number, until it was told or nobody wants
 * it. Nobody answers these targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/log.h"
#include "made_up_alert.h"
#include "pipeline/outbox.h"
#include "unit/store_folder.h"

/* --- targets that nobody answers ---------------------------------------------------------------------------------- */

static char url[64];

/* A port of the loopback that was free just now, and where nobody listens. */
static void make_url(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
}

static struct notify_target target_of(const char *name, bool send_resolved) {
    static char *urls[] = {url};
    return (struct notify_target){.kind = NOTIFY_WEBHOOK,
                                  .name = (char *)(uintptr_t)name,
                                  .urls = urls,
                                  .url_count = 1,
                                  .send_resolved = send_resolved,
                                  .timeout_ms = 1000,
                                  .give_up_ms = 24 * 60 * 60 * 1000};
}

struct rig {
    struct store_folder folder;
    struct store *store;
    struct board *board;
    struct outbox *outbox;
};

static struct rig rig;

static void open_rig(const struct notify_target *targets, size_t count) {
    struct err err = {0};
    rig.store = store_must_open(&rig.folder);
    rig.board = board_create(made_up_destroy);
    rig.outbox = outbox_create(rig.board);
    if (!outbox_set_targets(rig.outbox, targets, count, &err) || !outbox_load(rig.outbox, rig.store, &err))
        fail_msg("%s", err.text);
}

static void close_rig(void) {
    outbox_destroy(rig.outbox);
    board_destroy(rig.board);
    store_close(rig.store);
}

static int begin(void **state) {
    (void)state;
    make_url();
    log_configure(LOG_ERROR, LOG_LOGFMT);
    store_folder_make(&rig.folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    store_folder_remove(&rig.folder);
    return 0;
}

static void save(bool committed) {
    store_begin(rig.store);
    outbox_save(rig.outbox, rig.store);
    if (!committed)
        return; /* rolled back when the store is closed */
    store_must_commit(rig.store);
    outbox_saved(rig.outbox);
}

static void add(uint64_t incident, enum alert_state state) {
    const struct alert_row row = made_up_alert(incident, "gmail", state);
    outbox_add(rig.outbox, &row, clock_wall_ms());
}

static uint64_t waiting(void) {
    struct service_row row = {0};
    outbox_counts(rig.outbox, &row);
    return row.notifications_waiting;
}

/* --- what is in the file ------------------------------------------------------------------------------------------ */

struct listing {
    char text[2000];
    bool wrong;
};

static bool list_one(void *context, uint64_t id, const char *target, struct span message) {
    struct listing *l = context;
    struct notification n;
    char line[100];
    bool decoded = notification_decode(message, &n);
    l->wrong |= !decoded || n.id != id;
    snprintf(line, sizeof line, "%d %s #%d%s; ", (int)id, target, decoded ? (int)n.alert.incident : -1,
             decoded && n.alert.state == ALERT_RESOLVED ? " over" : "");
    strncat(l->text, line, sizeof l->text - strlen(l->text) - 1);
    if (decoded)
        notification_deinit(&n);
    return true;
}

static void assert_kept(const char *wanted) {
    struct listing l = {0};
    struct err err = {0};
    assert_true(store_each_outbox(rig.store, list_one, &l, &err));
    assert_false(l.wrong);
    assert_string_equal(l.text, wanted);
}

static void wait_for_news(void) {
    for (int tries = 0; tries < 3000 && !outbox_has_news(rig.outbox); tries++)
        usleep(10000);
    assert_true(outbox_has_news(rig.outbox));
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void kept_under_one_number(void **state) {
    (void)state;
    const struct notify_target targets[] = {target_of("hook", true), target_of("other", true)};
    open_rig(targets, 2);
    assert_false(outbox_has_news(rig.outbox));
    add(5, ALERT_FIRING);
    assert_true(outbox_has_news(rig.outbox));
    assert_int_equal(waiting(), 2);
    assert_kept("");
    save(true);
    assert_false(outbox_has_news(rig.outbox));
    assert_kept("1 hook #5; 2 other #5; ");
    assert_int_equal(waiting(), 2);
    close_rig();
    for (int i = 0; i < 2; i++) {
        open_rig(targets, 2);
        assert_int_equal(waiting(), 2);
        assert_kept("1 hook #5; 2 other #5; ");
        close_rig();
    }
    open_rig(targets, 2);
    add(5, ALERT_RESOLVED);
    save(true);
    assert_kept("1 hook #5; 2 other #5; 3 hook #5 over; 4 other #5 over; ");
    close_rig();
}

/* What was not committed is as if it never was; with the next commit it is written, once. */
static void a_commit_that_fails(void **state) {
    (void)state;
    const struct notify_target targets[] = {target_of("hook", true)};
    open_rig(targets, 1);
    add(1, ALERT_FIRING);
    save(false);
    close_rig();
    open_rig(targets, 1);
    assert_kept("");
    add(2, ALERT_FIRING);
    store_begin(rig.store);
    outbox_save(rig.outbox, rig.store);
    assert_true(outbox_has_news(rig.outbox));
    store_must_commit(rig.store);
    add(3, ALERT_FIRING);
    save(true); /* the one before was written, but nobody said so */
    assert_kept("1 hook #2; 2 hook #3; ");
    assert_int_equal(waiting(), 2);
    close_rig();
}

static void finished_ones_are_dropped(void **state) {
    (void)state;
    const struct notify_target patient[] = {target_of("hook", true)};
    open_rig(patient, 1);
    add(1, ALERT_FIRING);
    add(2, ALERT_FIRING);
    save(true);
    close_rig();
    struct notify_target hasty = target_of("hook", true);
    hasty.give_up_ms = 1; /* both are too old now */
    usleep(20000);
    open_rig(&hasty, 1);
    wait_for_news();
    for (int tries = 0; tries < 3000 && waiting(); tries++)
        usleep(10000);
    struct service_row row = {0};
    outbox_counts(rig.outbox, &row);
    assert_int_equal(row.notifications_dropped, 2);
    for (int tries = 0; tries < 3000; tries++) { /* the second may be told of a moment later */
        struct listing l = {0};
        struct err err = {0};
        save(true);
        assert_true(store_each_outbox(rig.store, list_one, &l, &err));
        if (!*l.text)
            break;
        usleep(10000);
    }
    assert_kept("");
    close_rig();
    open_rig(patient, 1);
    assert_int_equal(waiting(), 0);
    add(3, ALERT_FIRING);
    save(true);
    assert_kept("3 hook #3; "); /* a number is given once, though none is in the file */
    close_rig();
}

static void of_a_target_that_is_gone(void **state) {
    (void)state;
    const struct notify_target both[] = {target_of("gone", true), target_of("hook", true)};
    open_rig(both, 2);
    add(1, ALERT_FIRING);
    save(true);
    close_rig();
    open_rig(both + 1, 1);
    assert_int_equal(waiting(), 1);
    assert_true(outbox_has_news(rig.outbox));
    assert_kept("1 gone #1; 2 hook #1; ");
    save(true);
    assert_kept("2 hook #1; ");
    close_rig();
    open_rig(both, 2);
    assert_int_equal(waiting(), 1);
    close_rig();
}

static void damaged_messages_are_dropped(void **state) {
    (void)state;
    const struct notify_target targets[] = {target_of("hook", true)};
    open_rig(targets, 1);
    store_begin(rig.store);
    store_put_outbox(rig.store, 7, "hook", SPAN_LIT("{\"version\":1}"));
    store_must_commit(rig.store);
    close_rig();
    open_rig(targets, 1);
    save(true);
    assert_kept("");
    add(1, ALERT_FIRING);
    save(true);
    assert_kept("8 hook #1; ");
    close_rig();
}

static void ends_only_for_who_wants_them(void **state) {
    (void)state;
    struct notify_target targets[] = {target_of("starts", false), target_of("both", true), target_of("am", true)};
    targets[2].kind = NOTIFY_ALERTMANAGER;
    targets[2].resend_ms = 60000;
    open_rig(targets, 3);
    add(1, ALERT_FIRING);
    add(1, ALERT_RESOLVED);
    save(true);
    assert_kept("1 starts #1; 2 both #1; 3 both #1 over; "); /* Alertmanager looks at the board */
    close_rig();
}

/* --- other targets in mid-flight ---------------------------------------------------------------------------------- */

static void other_targets_take_over(void **state) {
    (void)state;
    const struct notify_target before[] = {target_of("a", true), target_of("b", true)};
    const struct notify_target after[] = {target_of("b", true)};
    struct err err = {0};
    open_rig(before, 2);
    add(1, ALERT_FIRING);
    save(true);
    struct notify_target wrong = target_of("wrong", true);
    char *no_url[] = {(char *)(uintptr_t) "no url"};
    wrong.urls = no_url;
    assert_false(outbox_set_targets(rig.outbox, &wrong, 1, &err)); /* and nothing changed */
    assert_int_equal(waiting(), 2);
    assert_true(outbox_set_targets(rig.outbox, after, 1, &err));
    assert_true(outbox_load(rig.outbox, rig.store, &err));
    assert_int_equal(waiting(), 1);
    save(true);
    assert_kept("2 b #1; ");
    add(1, ALERT_RESOLVED);
    save(true);
    assert_kept("2 b #1; 3 b #1 over; ");
    assert_true(outbox_set_targets(rig.outbox, NULL, 0, &err));
    assert_true(outbox_load(rig.outbox, rig.store, &err));
    save(true);
    assert_kept("");
    close_rig();
}

/* The file was full when the targets changed: what is not written yet belongs to the ones of before. */
static void other_targets_before_the_commit(void **state) {
    (void)state;
    const struct notify_target before[] = {target_of("a", true), target_of("b", true)};
    const struct notify_target after[] = {target_of("b", true)};
    struct err err = {0};
    open_rig(before, 2);
    add(1, ALERT_FIRING);
    assert_true(outbox_set_targets(rig.outbox, after, 1, &err));
    assert_true(outbox_load(rig.outbox, rig.store, &err));
    save(true);
    assert_kept("2 b #1; ");
    close_rig();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept_under_one_number, begin, end),
        cmocka_unit_test_setup_teardown(a_commit_that_fails, begin, end),
        cmocka_unit_test_setup_teardown(finished_ones_are_dropped, begin, end),
        cmocka_unit_test_setup_teardown(of_a_target_that_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(damaged_messages_are_dropped, begin, end),
        cmocka_unit_test_setup_teardown(ends_only_for_who_wants_them, begin, end),
        cmocka_unit_test_setup_teardown(other_targets_take_over, begin, end),
        cmocka_unit_test_setup_teardown(other_targets_before_the_commit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
