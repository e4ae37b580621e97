/* Another clock for a program under test: LD_PRELOAD this, and the wall clock is ahead by the milliseconds that stand,
 * as a number of 8 bytes, in the file that CLOCK_SHIFT names; it is looked at with every call, so that a test can let
 * days go by. What measures durations is left alone.
 *
 *     cc -D_GNU_SOURCE -shared -fPIC -o clock_shift.so clock_shift.c */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *shift_ms;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_shift(void) {
    const char *name = getenv("CLOCK_SHIFT");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift_ms, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        abort();
    shift_ms = at;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *to) {
    long result = syscall(SYS_clock_gettime, clock, to);
    if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return (int)result;
    pthread_once(&once, find_shift);
    int64_t ns = to->tv_sec * INT64_C(1000000000) + to->tv_nsec + *shift_ms * 1000000;
    to->tv_sec = ns / 1000000000;
    to->tv_nsec = ns % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *to = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}
