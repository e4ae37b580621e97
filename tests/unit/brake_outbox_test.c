/* collector/pipeline/outbox with a brake: an order goes out when it is durable, is there again after a crash, and
 * leaves the file only with the commit that knows what came of it. SES is a function that hangs until it may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/log.h"
#include "made_up_alert.h"
#include "pipeline/outbox.h"
#include "unit/store_folder.h"

static struct {
    struct store_folder folder;
    struct store *store;
    struct board *board;
    struct outbox *outbox;
    atomic_uint calls;
    atomic_bool answers, fails;
    bool wanted;
    char news[1000];
} rig;

static enum ses_result set(void *context, const char *name, bool enabled, const atomic_bool *stop, struct err *err) {
    (void)context, (void)name, (void)enabled;
    atomic_fetch_add(&rig.calls, 1);
    while (!atomic_load(&rig.answers) && !atomic_load(stop))
        usleep(1000);
    if (atomic_load(&rig.answers) && !atomic_load(&rig.fails))
        return SES_DONE;
    err_set(err, ERR_IO, "not now");
    return SES_FAILED;
}

static enum ses_result get(void *context, const char *name, bool *enabled, const atomic_bool *stop, struct err *err) {
    (void)context, (void)name, (void)stop, (void)err;
    *enabled = false;
    return SES_DONE;
}

static void close_nothing(void *context) {
    (void)context;
}

static bool is_wanted(void *context, const struct brake_order *order) {
    (void)context, (void)order;
    return rig.wanted;
}

static void on_news(void *context, const struct brake_order *order, enum brake_news news) {
    static const char *const names[] = {"done", "unsure", "refused", "given up", "released"};
    size_t used = strlen(rig.news);
    (void)context;
    snprintf(rig.news + used, sizeof rig.news - used, "#%d %s; ", (int)order->id, names[news]);
}

static void open_rig(bool with_brake) {
    const struct brake_caller caller = {NULL, set, get, close_nothing};
    const struct brake_timing timing = {100000, 100000, 100000};
    struct err err = {0};
    log_configure(LOG_ERROR, LOG_LOGFMT);
    atomic_store(&rig.calls, 0);
    atomic_store(&rig.answers, false);
    atomic_store(&rig.fails, false);
    rig.news[0] = '\0';
    rig.store = store_must_open(&rig.folder);
    rig.board = board_create(made_up_destroy);
    rig.outbox = outbox_create(rig.board);
    outbox_hear_brake(rig.outbox, &(struct outbox_brake_hooks){NULL, is_wanted, on_news});
    assert_true(!with_brake || outbox_set_brake_with(rig.outbox, &caller, &timing, &err));
    assert_true(outbox_load(rig.outbox, rig.store, &err));
}

static void close_rig(void) {
    outbox_destroy(rig.outbox);
    board_destroy(rig.board);
    store_close(rig.store);
}

static int begin(void **state) {
    (void)state;
    rig.wanted = true;
    store_folder_make(&rig.folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    store_folder_remove(&rig.folder);
    return 0;
}

static void save(bool committed) {
    outbox_take_news(rig.outbox);
    store_begin(rig.store);
    outbox_save(rig.outbox, rig.store);
    if (!committed)
        return;
    store_must_commit(rig.store);
    outbox_saved(rig.outbox);
}

static bool list_one(void *context, uint64_t id, const char *target, struct span message) {
    char *text = context, line[200];
    snprintf(line, sizeof line, "%d %s %.*s; ", (int)id, target, (int)message.len, message.ptr);
    strcat(text, line);
    return true;
}

static void assert_kept(const char *wanted) {
    char text[1000] = "";
    struct err err = {0};
    assert_true(store_each_outbox(rig.store, list_one, text, &err));
    assert_string_equal(text, wanted);
}

static void wait_for_calls(unsigned count) {
    for (int i = 0; i < 20000 && atomic_load(&rig.calls) < count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&rig.calls), count);
}

static void wait_for_news(void) {
    for (int i = 0; i < 20000 && !outbox_has_news(rig.outbox); i++)
        usleep(1000);
    assert_true(outbox_has_news(rig.outbox));
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void carried_out_after_the_commit(void **state) {
    (void)state;
    open_rig(true);
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "news");
    assert_true(outbox_has_news(rig.outbox));
    usleep(20000);
    assert_int_equal(atomic_load(&rig.calls), 0);
    save(true);
    assert_kept("1 (brake) pause news; ");
    wait_for_calls(1);
    assert_false(outbox_has_news(rig.outbox));
    atomic_store(&rig.answers, true);
    wait_for_news();
    assert_kept("1 (brake) pause news; ");
    save(true);
    assert_string_equal(rig.news, "#1 done; ");
    assert_kept("");
    assert_false(outbox_has_news(rig.outbox));
    struct service_row row = {0};
    outbox_counts(rig.outbox, &row);
    assert_int_equal(row.brake_done[BRAKE_ACTION_PAUSE], 1);
    close_rig();
}

static void there_again_after_a_crash(void **state) {
    (void)state;
    open_rig(true);
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "");
    save(true);
    wait_for_calls(1);
    close_rig(); /* in the air */
    for (int i = 0; i < 2; i++) {
        open_rig(true);
        wait_for_calls(1);
        if (i == 1)
            atomic_store(&rig.answers, true);
        if (i == 1)
            wait_for_news(); /* done, but not committed */
        close_rig();
    }
    open_rig(true);
    assert_kept("1 (brake) pause ; ");
    atomic_store(&rig.answers, true);
    wait_for_calls(1);
    wait_for_news();
    outbox_add_order(rig.outbox, BRAKE_ACTION_RESUME, ""); /* numbers go on */
    save(true);
    assert_string_equal(rig.news, "#1 done; ");
    assert_kept("2 (brake) resume ; ");
    close_rig();
}

static void a_commit_that_fails(void **state) {
    (void)state;
    open_rig(true);
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "news");
    save(false);
    close_rig();
    open_rig(true);
    assert_kept("");
    usleep(20000);
    assert_int_equal(atomic_load(&rig.calls), 0);
    close_rig();
}

static void given_up(void **state) {
    (void)state;
    open_rig(true);
    atomic_store(&rig.answers, true);
    atomic_store(&rig.fails, true);
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "a");
    save(true);
    struct service_row row = {0};
    for (int i = 0; i < 20000 && !row.brake_failed[BRAKE_ACTION_PAUSE]; i++) {
        usleep(1000);
        outbox_counts(rig.outbox, &row);
    }
    assert_string_equal(row.brake_trouble, "cannot pause a: not now");
    outbox_forget_pause(rig.outbox, "a");
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "b"); /* not even durable */
    outbox_forget_pause(rig.outbox, "b");
    save(true);
    assert_string_equal(rig.news, "#1 given up; #2 given up; ");
    assert_kept("");
    close_rig();
}

/* After a restart: nobody wants it any more, or it is a dry run now. */
static void not_to_be_done_any_more(void **state) {
    (void)state;
    for (int dry = 0; dry < 2; dry++) {
        rig.wanted = true;
        open_rig(true);
        outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "a");
        save(true);
        close_rig();
        rig.wanted = dry;
        open_rig(!dry);
        usleep(20000);
        assert_int_equal(atomic_load(&rig.calls), 0);
        save(true);
        assert_non_null(strstr(rig.news, dry ? "refused" : "given up"));
        assert_kept("");
        close_rig();
    }
}

static void without_a_brake(void **state) {
    (void)state;
    open_rig(false);
    outbox_add_order(rig.outbox, BRAKE_ACTION_PAUSE, "a");
    outbox_forget_pause(rig.outbox, "a");
    outbox_watch(rig.outbox, "a");
    assert_false(outbox_has_news(rig.outbox));
    close_rig();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(carried_out_after_the_commit, begin, end),
        cmocka_unit_test_setup_teardown(there_again_after_a_crash, begin, end),
        cmocka_unit_test_setup_teardown(a_commit_that_fails, begin, end),
        cmocka_unit_test_setup_teardown(given_up, begin, end),
        cmocka_unit_test_setup_teardown(not_to_be_done_any_more, begin, end),
        cmocka_unit_test_setup_teardown(without_a_brake, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
