/* One notifier and its receiver, and what goes to standard error: for the tests of the notifiers. */
#ifndef TESTS_NOTIFIER_SCENE_H
#define TESTS_NOTIFIER_SCENE_H

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

#include "http_receiver.h"
#include "made_up_alert.h"
#include "sinks/notifier.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define WAIT_FOR(condition)                                                                                            \
    do {                                                                                                               \
        for (int tries = 0; tries < 3000 && !(condition); tries++)                                                     \
            usleep(10000);                                                                                             \
        assert_true(condition);                                                                                        \
    } while (0)

enum { DEADLINE_MS = 5000 };

/* --- a target and its receiver ------------------------------------------------------------------------------------ */

/* What the notifier is done with. */
struct ended {
    pthread_mutex_t lock;
    uint64_t ids[20000];
    size_t count;
};

static inline void finished(void *context, uint64_t id) {
    struct ended *e = context;
    pthread_mutex_lock(&e->lock);
    e->ids[e->count++] = id;
    pthread_mutex_unlock(&e->lock);
}

static inline size_t ended_count(struct ended *e) {
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

static inline void scene_begin(struct scene *s, enum notify_kind kind, const char *path,
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

static inline void scene_start(struct scene *s, struct board *board) {
    struct err err = {0};
    s->notifier = notifier_start(&s->target, board, &(struct notifier_hooks){&s->ended, finished}, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s->notifier);
}

static inline void scene_end(struct scene *s) {
    int64_t start = clock_monotonic_ns();
    notifier_stop(s->notifier, DEADLINE_MS);
    assert_true(clock_monotonic_ns() - start < DEADLINE_MS * 1000000LL);
    receiver_stop(s->receiver);
    pthread_mutex_destroy(&s->ended.lock);
}

static inline void send_one(struct scene *s, uint64_t id, uint64_t incident, enum alert_state state) {
    struct notification n = {.id = id, .created_ms = clock_wall_ms()};
    char provider[32];
    snprintf(provider, sizeof provider, "isp%d", (int)incident);
    n.alert = made_up_alert(incident, provider, state);
    notifier_send(s->notifier, &n);
    memset(provider, 'x', sizeof provider); /* it was copied */
}

static inline struct notifier_counts counts_of(struct scene *s) {
    struct notifier_counts c;
    notifier_counts(s->notifier, &c);
    return c;
}

/* What a receiver may answer: nothing, ever. */
static inline struct receiver_reply hang(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.hang = true};
}

/* Requests go straight to the receivers, whatever the environment says. */
static inline int without_proxies(void **state) {
    (void)state;
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < COUNT(proxies); i++)
        unsetenv(proxies[i]);
    return 0;
}

/* --- standard error ----------------------------------------------------------------------------------------------- */

static FILE *capture;
static int real_stderr;

static inline void capture_begin(void) {
    capture = tmpfile();
    assert_non_null(capture);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

/* Returns new. */
static inline char *capture_end(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    off_t size = lseek(fileno(capture), 0, SEEK_END);
    char *text = alloc_zeroed(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(capture), text, (size_t)size, 0), size);
    fclose(capture);
    return text;
}

#endif
