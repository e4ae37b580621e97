/* sinks/brake: orders are carried out, tried again for as long as it takes, and give way to newer ones; what was paused
 * is looked at. Instead of SES there is a table that says what comes next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "sinks/brake.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- SES, and what was heard -------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    const char
        *answers; /* of set, one for each call: d(one), r(efused), f(ailed), u(nsure), h(angs); the last for ever */
    enum ses_result look;
    bool enabled; /* what get finds */
    unsigned sets, gets;
    bool closed, hangs;
    char said[2000]; /* calls and news, in their order */
} ses = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(const char *a, const char *b) {
    size_t used = strlen(ses.said);
    snprintf(ses.said + used, sizeof ses.said - used, "%s %s; ", a, b);
}

static enum ses_result set(void *context, const char *name, bool enabled, const atomic_bool *stop, struct err *err) {
    assert_ptr_equal(context, &ses);
    pthread_mutex_lock(&ses.lock);
    ses.sets++;
    note(enabled ? "on" : "off", name);
    char answer = *ses.answers;
    if (ses.answers[1])
        ses.answers++;
    while (answer == 'h' && ses.hangs && !atomic_load(stop)) {
        pthread_mutex_unlock(&ses.lock);
        usleep(1000);
        pthread_mutex_lock(&ses.lock);
    }
    pthread_mutex_unlock(&ses.lock);
    if (answer != 'd' && answer != 'h')
        err_set(err, ERR_IO, "SES says %c", answer);
    return answer == 'r' ? SES_REFUSED : answer == 'f' ? SES_FAILED : answer == 'u' ? SES_UNSURE : SES_DONE;
}

static enum ses_result get(void *context, const char *name, bool *enabled, const atomic_bool *stop, struct err *err) {
    (void)context, (void)name, (void)stop;
    pthread_mutex_lock(&ses.lock);
    ses.gets++;
    *enabled = ses.enabled;
    enum ses_result result = ses.look;
    pthread_mutex_unlock(&ses.lock);
    if (result != SES_DONE)
        err_set(err, ERR_IO, "not to be looked at");
    return result;
}

static void close_it(void *context) {
    (void)context;
    ses.closed = true;
}

static void news(void *context, const struct brake_order *order, enum brake_news what) {
    static const char *const names[] = {"done", "unsure", "refused", "given up", "released"};
    char text[100];
    assert_ptr_equal(context, &ses);
    snprintf(text, sizeof text, "%s#%d", order->action == BRAKE_ACTION_PAUSE ? "pause" : "resume", (int)order->id);
    pthread_mutex_lock(&ses.lock);
    note(text, names[what]);
    pthread_mutex_unlock(&ses.lock);
}

static struct brake *brake;

static void start(const char *answers, int64_t first_ms, int64_t look_ms) {
    const struct brake_caller caller = {&ses, set, get, close_it};
    const struct brake_timing timing = {first_ms, 20 * first_ms, look_ms};
    struct err err = {0};
    log_configure(LOG_ERROR, LOG_LOGFMT);
    ses.answers = answers;
    ses.said[0] = '\0';
    ses.sets = ses.gets = 0;
    ses.look = SES_DONE;
    ses.enabled = ses.closed = false;
    ses.hangs = true;
    brake = brake_start_with(&caller, &timing, &(struct brake_hooks){&ses, news}, &err);
    assert_non_null(brake);
}

static void stop(void) {
    brake_stop(brake, 10000);
    assert_true(ses.closed);
}

static void send(uint64_t id, enum brake_action action, const char *name) {
    struct brake_order order = {.id = id, .action = action};
    snprintf(order.configuration_set, sizeof order.configuration_set, "%s", name);
    brake_send(brake, &order);
}

static bool has_said(const char *text) {
    pthread_mutex_lock(&ses.lock);
    bool has = strstr(ses.said, text) != NULL;
    pthread_mutex_unlock(&ses.lock);
    return has;
}

static void wait_until_said(const char *text) {
    for (int i = 0; i < 20000 && !has_said(text); i++)
        usleep(1000);
    if (!has_said(text))
        fail_msg("not said: \"%s\", but \"%s\"", text, ses.said);
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void done_at_once(void **unused) {
    (void)unused;
    struct brake_counts c;
    start("d", 1, 100000);
    send(1, BRAKE_ACTION_PAUSE, "news");
    wait_until_said("pause#1 done");
    send(2, BRAKE_ACTION_PAUSE, "");
    wait_until_said("pause#2 done");
    send(3, BRAKE_ACTION_RESUME, "news");
    wait_until_said("resume#3 done");
    assert_string_equal(ses.said, "off news; pause#1 done; off ; pause#2 done; on news; resume#3 done; ");
    brake_counts(brake, &c);
    assert_int_equal(c.done[BRAKE_ACTION_PAUSE], 2);
    assert_int_equal(c.done[BRAKE_ACTION_RESUME], 1);
    assert_int_equal(c.failed[BRAKE_ACTION_PAUSE], 0);
    assert_string_equal(c.trouble, "");
    stop();
}

static void tried_again(void **unused) {
    (void)unused;
    struct brake_counts c;
    start("ffufd", 1, 100000);
    send(1, BRAKE_ACTION_PAUSE, "news");
    wait_until_said("pause#1 done");
    assert_string_equal(ses.said, "off news; off news; off news; pause#1 unsure; off news; off news; pause#1 done; ");
    brake_counts(brake, &c);
    assert_int_equal(c.done[BRAKE_ACTION_PAUSE], 1);
    assert_int_equal(c.failed[BRAKE_ACTION_PAUSE], 4);
    assert_string_equal(c.trouble, "");
    stop();
}

static void trouble(void **unused) {
    (void)unused;
    struct brake_counts c;
    start("f", 100000, 100000);
    send(1, BRAKE_ACTION_PAUSE, "");
    do {
        usleep(1000);
        brake_counts(brake, &c);
    } while (!c.failed[BRAKE_ACTION_PAUSE]);
    assert_string_equal(c.trouble, "cannot pause (the account): SES says f");
    stop(); /* at once, though the next attempt is far */
    assert_int_equal(ses.sets, 1);
    assert_false(has_said("#1")); /* it stays in the outbox */
}

static void refused(void **unused) {
    (void)unused;
    start("rd", 1, 100000);
    send(1, BRAKE_ACTION_PAUSE, "gone");
    send(2, BRAKE_ACTION_PAUSE, "news");
    wait_until_said("pause#2 done");
    assert_string_equal(ses.said, "off gone; pause#1 refused; off news; pause#2 done; ");
    stop();
}

/* One that waits for its next attempt holds up nobody else, and makes way for what is newer. */
static void newer_ones_first(void **unused) {
    (void)unused;
    start("fd", 100000, 100000);
    send(1, BRAKE_ACTION_PAUSE, "a");
    wait_until_said("off a");
    send(2, BRAKE_ACTION_PAUSE, "b");
    wait_until_said("pause#2 done");
    assert_false(has_said("#1"));
    send(3, BRAKE_ACTION_RESUME, "a");
    wait_until_said("resume#3 done");
    assert_string_equal(ses.said, "off a; off b; pause#2 done; pause#1 given up; on a; resume#3 done; ");
    stop();
}

static void forgotten(void **unused) {
    (void)unused;
    start("f", 100000, 100000);
    send(1, BRAKE_ACTION_PAUSE, "a");
    send(2, BRAKE_ACTION_RESUME, "b");
    wait_until_said("on b");
    brake_forget(brake, "a");
    brake_forget(brake, "b"); /* only pauses */
    wait_until_said("pause#1 given up");
    stop();
    assert_false(has_said("#2"));
}

/* In the air: it may be done, and is not tried again. */
static void overtaken_in_the_air(void **unused) {
    (void)unused;
    start("hd", 1, 100000);
    send(1, BRAKE_ACTION_PAUSE, "a");
    wait_until_said("off a");
    brake_forget(brake, "a");
    send(2, BRAKE_ACTION_RESUME, "a");
    usleep(5000);
    assert_false(has_said("#"));
    pthread_mutex_lock(&ses.lock);
    ses.hangs = false;
    pthread_mutex_unlock(&ses.lock);
    wait_until_said("resume#2 done");
    assert_string_equal(ses.said, "off a; pause#1 done; on a; resume#2 done; ");
    stop();
}

static void stops_what_hangs(void **unused) {
    (void)unused;
    start("h", 1, 100000);
    send(1, BRAKE_ACTION_PAUSE, "a");
    wait_until_said("off a");
    stop();
}

static unsigned looks(void) {
    pthread_mutex_lock(&ses.lock);
    unsigned gets = ses.gets;
    pthread_mutex_unlock(&ses.lock);
    return gets;
}

static void wait_for_look(unsigned number) {
    for (int i = 0; i < 20000 && looks() < number; i++)
        usleep(1000);
    assert_true(looks() >= number);
}

static void find(enum ses_result result, bool enabled) {
    pthread_mutex_lock(&ses.lock);
    ses.look = result;
    ses.enabled = enabled;
    pthread_mutex_unlock(&ses.lock);
}

static void looked_at(void **unused) {
    (void)unused;
    start("d", 1, 2);
    send(1, BRAKE_ACTION_PAUSE, "a");
    wait_until_said("pause#1 done");
    wait_for_look(3);
    assert_false(has_said("released"));
    find(SES_DONE, true);
    wait_until_said("resume#0 released");
    unsigned before = looks();
    usleep(20000);
    assert_int_equal(looks(), before); /* no more */
    find(SES_REFUSED, false);          /* the set was deleted */
    brake_watch(brake, "b");
    wait_until_said("released; resume#0 released");
    stop();
    assert_string_equal(ses.said, "off a; pause#1 done; resume#0 released; resume#0 released; ");
}

/* Who may not look tells nothing, and asks seldom. */
static void not_to_be_looked_at(void **unused) {
    (void)unused;
    start("d", 1, 20);
    find(SES_FAILED, true);
    brake_watch(brake, "a");
    wait_for_look(1);
    usleep(200000);
    assert_true(looks() <= 2);
    stop();
    assert_string_equal(ses.said, "");
}

static void orders_as_text(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        bool good;
        enum brake_action action;
        const char *name;
    } cases[] = {
        {"pause news", true, BRAKE_ACTION_PAUSE, "news"},
        {"resume news_-1", true, BRAKE_ACTION_RESUME, "news_-1"},
        {"pause ", true, BRAKE_ACTION_PAUSE, ""},
        {"pause", false, 0, NULL},
        {"", false, 0, NULL},
        {"stop news", false, 0, NULL},
        {"pause ../x", false, 0, NULL},
        {"pause a b", false, 0, NULL},
        {"pause 12345678901234567890123456789012345678901234567890123456789012345", false, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct brake_order order;
        if (brake_order_decode(span_of(cases[i].text), &order) != cases[i].good)
            fail_msg("%s", cases[i].text);
        if (!cases[i].good)
            continue;
        struct buf text;
        buf_init(&text, 100);
        assert_int_equal(order.action, cases[i].action);
        assert_string_equal(order.configuration_set, cases[i].name);
        assert_true(brake_order_encode(&order, &text));
        assert_int_equal(text.len, strlen(cases[i].text));
        assert_memory_equal(text.data, cases[i].text, text.len);
        buf_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_at_once),
        cmocka_unit_test(tried_again),
        cmocka_unit_test(trouble),
        cmocka_unit_test(refused),
        cmocka_unit_test(newer_ones_first),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(overtaken_in_the_air),
        cmocka_unit_test(stops_what_hangs),
        cmocka_unit_test(looked_at),
        cmocka_unit_test(not_to_be_looked_at),
        cmocka_unit_test(orders_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
