#include "core/wait.h"

#include <time.h>

#include "core/clock.h"

static const int64_t nap_ns = 50000000;

bool wait_unless(const atomic_bool *stop, int64_t ms) {
    int64_t until = clock_monotonic_ns() + ms * 1000000, left;
    while (!atomic_load(stop) && (left = until - clock_monotonic_ns()) > 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)(left < nap_ns ? left : nap_ns)}, NULL);
    return !atomic_load(stop);
}
