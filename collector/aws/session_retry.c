#include "aws/session_retry.h"

#include <stddef.h>
#include <time.h>

#include "core/clock.h"
#include "core/hash.h"

void retry_budget_init(struct retry_budget *b) {
    atomic_init(&b->left, RETRY_BUDGET);
}

bool retry_budget_take(struct retry_budget *b, int cost) {
    int left = atomic_load(&b->left);
    while (left >= cost)
        if (atomic_compare_exchange_weak(&b->left, &left, left - cost))
            return true;
    return false;
}

void retry_budget_give(struct retry_budget *b, int amount) {
    int left = atomic_load(&b->left), more;
    do {
        more = left + amount < RETRY_BUDGET ? left + amount : RETRY_BUDGET;
    } while (!atomic_compare_exchange_weak(&b->left, &left, more));
}

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static struct hash_key seed;
static _Atomic uint64_t drawn;

static void make_seed(void) {
    seed = hash_key_random();
}

int64_t retry_random(int64_t below) {
    pthread_once(&seed_once, make_seed);
    uint64_t number = atomic_fetch_add(&drawn, 1);
    return below > 0 ? (int64_t)(hash_bytes(&seed, &number, sizeof number) % (uint64_t)below) : 0;
}

int64_t retry_wait_ms(unsigned attempt, bool throttled, int64_t asked_ms) {
    int64_t most = throttled ? RETRY_BASE_THROTTLED_MS : RETRY_BASE_MS;
    for (; attempt && most < RETRY_WAIT_MAX_MS; attempt--)
        most *= 2;
    int64_t wait = retry_random((most < RETRY_WAIT_MAX_MS ? most : RETRY_WAIT_MAX_MS) + 1);
    if (asked_ms > RETRY_WAIT_MAX_MS)
        asked_ms = RETRY_WAIT_MAX_MS;
    return wait > asked_ms ? wait : asked_ms;
}

bool retry_is_stopped(const atomic_bool *stop) {
    return stop && atomic_load(stop);
}

bool retry_pause(int64_t ms, const atomic_bool *stop) {
    enum { STEP_MS = 50 };
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    while (!retry_is_stopped(stop)) {
        int64_t left = until - clock_monotonic_ns();
        if (left <= 0)
            return true;
        if (left > STEP_MS * INT64_C(1000000))
            left = STEP_MS * INT64_C(1000000);
        struct timespec t = {.tv_nsec = (long)left};
        nanosleep(&t, NULL);
    }
    return false;
}
