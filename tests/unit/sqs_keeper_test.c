/* collector/source/sqs_keeper: messages in hand stay hidden as long as they are, are deleted only when what came of
 * them is committed, and an end does not wait for a queue that hangs. The queue's calls are made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/sqs_keeper.h"

enum { SECOND = 1000000000, DEADLINE_MS = 20000 };
static const int64_t hour = 3600LL * SECOND;

/* --- the queue ---------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    char log[4096]; /* "hide r-1 120; delete r-1; ..." */
    bool fails, hangs;
    enum sqs_entry_result result;
    const char *bad; /* this receipt is refused */
    size_t largest;  /* entries in a call */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool answer(const char *what, struct sqs_entry *entries, size_t count, int64_t timeout_ms,
                   const atomic_bool *stop, struct err *err) {
    pthread_mutex_lock(&queue.lock);
    bool hangs = queue.hangs, fails = queue.fails;
    pthread_mutex_unlock(&queue.lock);
    int64_t until = clock_monotonic_ns() + (timeout_ms ? timeout_ms : DEADLINE_MS) * 1000000LL;
    while (hangs && !atomic_load(stop) && clock_monotonic_ns() < until)
        poll(NULL, 0, 5);
    if (hangs || fails)
        return err_set(err, ERR_IO, "queue q: made up");
    pthread_mutex_lock(&queue.lock);
    if (count > queue.largest)
        queue.largest = count;
    for (size_t i = 0; i < count; i++) {
        bool bad = queue.bad && strcmp(queue.bad, entries[i].receipt) == 0;
        entries[i].result = bad ? SQS_ENTRY_REFUSED : queue.result;
        size_t len = strlen(queue.log);
        snprintf(queue.log + len, sizeof queue.log - len, "%s %s", what, entries[i].receipt);
        len = strlen(queue.log);
        if (strcmp(what, "delete") != 0)
            snprintf(queue.log + len, sizeof queue.log - len, " %u", entries[i].visibility_s);
        strncat(queue.log, "; ", sizeof queue.log - strlen(queue.log) - 1);
    }
    pthread_mutex_unlock(&queue.lock);
    return true;
}

bool sqs_delete(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    (void)s, (void)q;
    return answer("delete", entries, count, timeout_ms, stop, err);
}

bool sqs_change_visibility(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                           int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    (void)s, (void)q;
    return answer("hide", entries, count, timeout_ms, stop, err);
}

/* What was asked of the queue since it was asked last. */
static void assert_asked(const char *wanted) {
    pthread_mutex_lock(&queue.lock);
    assert_string_equal(queue.log, wanted);
    queue.log[0] = 0;
    pthread_mutex_unlock(&queue.lock);
}

/* --- the keeper --------------------------------------------------------------------------------------------------- */

static struct sqs_keeper keeper;
static struct ledger_entry entry;

static int begin_with(int64_t visibility_ms) {
    queue.log[0] = 0;
    queue.fails = queue.hangs = false;
    queue.result = SQS_ENTRY_DONE;
    queue.bad = NULL;
    queue.largest = 0;
    memset(&entry, 0, sizeof entry);
    sqs_keeper_init(&keeper, NULL, NULL, "q", visibility_ms);
    return 0;
}

static int begin(void **state) {
    (void)state;
    return begin_with(120000);
}

static int end(void **state) {
    (void)state;
    sqs_keeper_end(&keeper);
    sqs_keeper_deinit(&keeper);
    return 0;
}

static struct sqs_held *hold(const char *id, const char *receipt, int64_t now_ns) {
    const struct sqs_message m = {.id = (char *)id, .receipt = (char *)receipt, .receive_count = 1, .sent_ms = 5000};
    return sqs_keeper_hold(&keeper, &m, now_ns, 7000);
}

static void test_kept_hidden_at_half(void **state) {
    (void)state;
    hold("1", "r-1", 0);
    hold("2", "r-2", 10LL * SECOND);
    sqs_keeper_turn(&keeper, 59LL * SECOND);
    assert_asked("");
    sqs_keeper_turn(&keeper, 60LL * SECOND);
    assert_asked("hide r-1 120; ");
    sqs_keeper_turn(&keeper, 70LL * SECOND);
    assert_asked("hide r-2 120; ");
    sqs_keeper_turn(&keeper, 119LL * SECOND);
    assert_asked("");
    sqs_keeper_turn(&keeper, 131LL * SECOND);
    assert_asked("hide r-1 120; hide r-2 120; ");
}

/* All of them, ten at a time. */
static void test_many(void **state) {
    (void)state;
    char id[16];
    for (int i = 0; i < 25; i++) {
        snprintf(id, sizeof id, "%d", i);
        hold(id, id, 0);
    }
    sqs_keeper_turn(&keeper, 60LL * SECOND);
    assert_int_equal(queue.largest, 10);
    size_t n = 0;
    for (const char *at = queue.log; (at = strstr(at, "hide")); at++)
        n++;
    assert_int_equal(n, 25);
    sqs_keeper_turn(&keeper, 61LL * SECOND);
}

static void test_failure_is_tried_again(void **state) {
    (void)state;
    struct err err;
    hold("1", "r-1", 0);
    queue.fails = true;
    sqs_keeper_turn(&keeper, 60LL * SECOND);
    sqs_keeper_deleted(&keeper, &err);
    assert_string_equal(err.text, "queue q: made up");
    queue.fails = false;
    sqs_keeper_turn(&keeper, 60LL * SECOND + SECOND / 2);
    assert_asked("");
    sqs_keeper_turn(&keeper, 61LL * SECOND);
    assert_asked("hide r-1 120; ");
    sqs_keeper_deleted(&keeper, &err);
    assert_int_equal(err.code, ERR_NONE);
}

/* A receipt that is no good any more: until the message comes again. */
static void test_another_receipt(void **state) {
    (void)state;
    struct sqs_held *h = hold("1", "r-1", 0);
    queue.bad = "r-1";
    sqs_keeper_turn(&keeper, 60LL * SECOND);
    sqs_keeper_turn(&keeper, 120LL * SECOND);
    assert_asked("hide r-1 120; ");
    assert_null(hold("1", "r-2", 130LL * SECOND));
    sqs_keeper_turn(&keeper, 189LL * SECOND);
    assert_asked("");
    sqs_keeper_turn(&keeper, 190LL * SECOND);
    assert_asked("hide r-2 120; ");
    assert_int_equal(sqs_keeper_count(&keeper), 1);
    sqs_keeper_settle(&keeper, h, SQS_HELD_READ, 0);
    sqs_keeper_turn(&keeper, 191LL * SECOND);
    assert_asked("delete r-2; ");
    assert_int_equal(sqs_keeper_count(&keeper), 0);
}

/* SQS counts from the reception, and refuses what would come to more than 12 h. */
static void test_not_for_ever(void **state) {
    (void)state;
    hold("1", "r-1", 0);
    int64_t now = 0;
    while (now < 13 * hour) {
        sqs_keeper_turn(&keeper, now);
        for (const char *at = queue.log; (at = strstr(at, "hide r-1 ")); at++) {
            long s = strtol(at + 9, NULL, 10);
            assert_true(s > 0 && now / SECOND + s < SQS_VISIBILITY_MAX_S);
            assert_true(now < 11 * hour);
        }
        queue.log[0] = 0;
        now += 30LL * SECOND;
    }
}

static void test_long_times_are_cut(void **state) {
    (void)state;
    end(state);
    begin_with(SQS_VISIBILITY_MAX_S * 1000LL);
    test_not_for_ever(state);
}

static void test_deleted_when_committed(void **state) {
    (void)state;
    struct ledger_entry other = {.given = 1};
    struct sqs_held *h = hold("1", "r-1", 0);
    entry.given = 2;
    sqs_keeper_await(h, &entry);
    sqs_keeper_await(h, &other);
    entry.given = 5; /* for somebody else */
    atomic_store(&entry.stream.committed_chains, 2);
    atomic_store(&other.stream.committed_chains, 1);
    sqs_keeper_turn(&keeper, 1);
    assert_asked(""); /* it is still being read */
    atomic_store(&entry.stream.committed_chains, 1);
    sqs_keeper_settle(&keeper, h, SQS_HELD_READ, 0);
    sqs_keeper_turn(&keeper, 2);
    assert_asked("");
    sqs_keeper_mark(&keeper, 77);
    assert_int_equal(entry.seen, 77);
    sqs_keeper_turn(&keeper, 60LL * SECOND);
    assert_asked("hide r-1 120; "); /* while it waits, too */
    atomic_store(&entry.stream.committed_chains, 2);
    sqs_keeper_turn(&keeper, 61LL * SECOND);
    assert_asked("delete r-1; ");
    struct err err;
    assert_int_equal(sqs_keeper_deleted(&keeper, &err), 1);
    assert_int_equal(sqs_keeper_count(&keeper), 0);
}

static void test_deletion_that_fails(void **state) {
    (void)state;
    sqs_keeper_settle(&keeper, hold("1", "r-1", 0), SQS_HELD_READ, 0);
    queue.result = SQS_ENTRY_FAILED;
    for (int i = 0; i < 20; i++)
        sqs_keeper_turn(&keeper, i * (int64_t)SECOND);
    assert_asked("delete r-1; delete r-1; delete r-1; delete r-1; delete r-1; ");
    assert_int_equal(sqs_keeper_count(&keeper), 0); /* it comes again */
}

static void test_left(void **state) {
    (void)state;
    sqs_keeper_settle(&keeper, hold("1", "r-1", 0), SQS_HELD_LEFT, 240);
    hold("2", "r-2", 0);
    assert_true(sqs_keeper_has_older(&keeper, 5001));
    assert_false(sqs_keeper_has_older(&keeper, 5000));
    sqs_keeper_turn(&keeper, 1);
    assert_asked("hide r-1 240; ");
    assert_int_equal(sqs_keeper_count(&keeper), 1);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void await_count(size_t count) {
    int64_t until = clock_monotonic_ns() + DEADLINE_MS * 1000000LL;
    while (sqs_keeper_count(&keeper) != count && clock_monotonic_ns() < until)
        poll(NULL, 0, 5);
    assert_int_equal(sqs_keeper_count(&keeper), count);
}

static void test_end_gives_back(void **state) {
    (void)state;
    sqs_keeper_start(&keeper);
    int64_t now = clock_monotonic_ns();
    sqs_keeper_settle(&keeper, hold("1", "r-1", now), SQS_HELD_READ, 0);
    await_count(0);
    struct sqs_held *h = hold("2", "r-2", now);
    entry.given = 1;
    sqs_keeper_await(h, &entry);
    sqs_keeper_settle(&keeper, h, SQS_HELD_READ, 0);
    hold("3", "r-3", now);
    sqs_keeper_end(&keeper);
    assert_asked("delete r-1; hide r-2 0; hide r-3 0; ");
}

static void test_end_does_not_wait(void **state) {
    (void)state;
    char id[16];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "%d", i);
        hold(id, id, 0); /* long ago: it hangs in what keeps them hidden */
    }
    queue.hangs = true;
    sqs_keeper_start(&keeper);
    poll(NULL, 0, 50);
    int64_t began = clock_monotonic_ns();
    sqs_keeper_end(&keeper);
    assert_true(clock_monotonic_ns() - began < 3LL * SECOND); /* 500 ms, on a machine that has time */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_hidden_at_half, begin, end),
        cmocka_unit_test_setup_teardown(test_many, begin, end),
        cmocka_unit_test_setup_teardown(test_failure_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(test_another_receipt, begin, end),
        cmocka_unit_test_setup_teardown(test_not_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(test_long_times_are_cut, begin, end),
        cmocka_unit_test_setup_teardown(test_deleted_when_committed, begin, end),
        cmocka_unit_test_setup_teardown(test_deletion_that_fails, begin, end),
        cmocka_unit_test_setup_teardown(test_left, begin, end),
        cmocka_unit_test_setup_teardown(test_end_gives_back, begin, end),
        cmocka_unit_test_setup_teardown(test_end_does_not_wait, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
