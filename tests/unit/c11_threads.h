/* librdkafka uses the threads of C11, which the thread sanitizer does not know: it crashes in a thread that it did not
 * see begin. For builds with it, the same functions by way of POSIX threads, which glibc makes both of. */
#ifndef TESTS_UNIT_C11_THREADS_H
#define TESTS_UNIT_C11_THREADS_H

#if defined(__SANITIZE_THREAD__)
#define C11_THREADS_NEEDED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define C11_THREADS_NEEDED 1
#endif
#endif

#ifdef C11_THREADS_NEEDED

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

/* It does not see the counts of references by which librdkafka knows when to free what it lent us. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "race:librdkafka.so\n";
}

struct c11_thread {
    thrd_start_t body;
    void *argument;
};

static void *c11_thread_body(void *context) {
    struct c11_thread t = *(struct c11_thread *)context;
    free(context);
    return (void *)(intptr_t)t.body(t.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t body, void *argument) {
    struct c11_thread *t = malloc(sizeof *t);
    if (!t)
        return thrd_nomem;
    *t = (struct c11_thread){body, argument};
    return pthread_create(thread, NULL, c11_thread_body, t) ? thrd_error : thrd_success;
}

int thrd_join(thrd_t thread, int *result) {
    void *value;
    if (pthread_join(thread, &value))
        return thrd_error;
    if (result)
        *result = (int)(intptr_t)value;
    return thrd_success;
}

int thrd_detach(thrd_t thread) {
    return pthread_detach(thread) ? thrd_error : thrd_success;
}

#define C11_MUTEX(m)     ((pthread_mutex_t *)(m))
#define C11_CONDITION(c) ((pthread_cond_t *)(c))

int mtx_init(mtx_t *m, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int failed = pthread_mutex_init(C11_MUTEX(m), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed ? thrd_error : thrd_success;
}

void mtx_destroy(mtx_t *m) {
    pthread_mutex_destroy(C11_MUTEX(m));
}

int mtx_lock(mtx_t *m) {
    return pthread_mutex_lock(C11_MUTEX(m)) ? thrd_error : thrd_success;
}

int mtx_trylock(mtx_t *m) {
    int failed = pthread_mutex_trylock(C11_MUTEX(m));
    return failed == EBUSY ? thrd_busy : failed ? thrd_error : thrd_success;
}

int mtx_unlock(mtx_t *m) {
    return pthread_mutex_unlock(C11_MUTEX(m)) ? thrd_error : thrd_success;
}

int cnd_init(cnd_t *c) {
    return pthread_cond_init(C11_CONDITION(c), NULL) ? thrd_error : thrd_success;
}

void cnd_destroy(cnd_t *c) {
    pthread_cond_destroy(C11_CONDITION(c));
}

int cnd_signal(cnd_t *c) {
    return pthread_cond_signal(C11_CONDITION(c)) ? thrd_error : thrd_success;
}

int cnd_broadcast(cnd_t *c) {
    return pthread_cond_broadcast(C11_CONDITION(c)) ? thrd_error : thrd_success;
}

int cnd_wait(cnd_t *c, mtx_t *m) {
    return pthread_cond_wait(C11_CONDITION(c), C11_MUTEX(m)) ? thrd_error : thrd_success;
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until) {
    int failed = pthread_cond_timedwait(C11_CONDITION(c), C11_MUTEX(m), until);
    return failed == ETIMEDOUT ? thrd_timedout : failed ? thrd_error : thrd_success;
}

#endif
#endif
