#include "commands/service_process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

bool process_take_signals(int *fd, struct err *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && (*fd = signalfd(-1, &set, SFD_CLOEXEC)) >= 0)
        return true;
    return err_set_errno(err, ERR_IO, errno, "cannot take signals");
}

int process_next_signal(int signals, int wake, int timeout_ms) {
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    struct signalfd_siginfo info;
    char drained[16];
    if (poll(fds, 2, timeout_ms) <= 0)
        return 0;
    if ((fds[1].revents & POLLIN) && read(wake, drained, sizeof drained) > 0)
        return SIGHUP; /* /-/reload */
    if (!(fds[0].revents & POLLIN) || read(signals, &info, sizeof info) != sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

void process_set_limits(void) {
    struct rlimit files;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static struct { int ms, code; } end;

static void *leave_in_time(void *unused) {
    (void)unused;
    nanosleep(&(struct timespec){.tv_sec = end.ms / 1000, .tv_nsec = end.ms % 1000 * 1000000L}, NULL);
    _exit(end.code);
}

void process_end_within(int ms, int code) {
    pthread_t thread;
    end.ms = ms;
    end.code = code;
    if (pthread_create(&thread, NULL, leave_in_time, NULL) == 0)
        pthread_detach(thread);
}
