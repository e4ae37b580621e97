#include "commands/stop.h"

#include <signal.h>
#include <stdbool.h>

static volatile sig_atomic_t signalled;
static atomic_bool stop; /* the same, for other threads */

static void on_signal(int number) {
    signalled = number;
    atomic_store(&stop, true);
}

void stop_catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int stop_signal(void) {
    return signalled;
}

const atomic_bool *stop_flag(void) {
    return &stop;
}
