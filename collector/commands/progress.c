#include "commands/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "sinks/text.h"

enum { INTERVAL_NS = 100000000 };

void progress_begin(struct progress *p, enum progress_mode mode) {
    *p = (struct progress){.started_ns = clock_monotonic_ns()};
    p->wanted = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && isatty(STDERR_FILENO));
    p->last_ns = p->started_ns;
}

/* Whether it is time for another line. */
static bool is_due(struct progress *p) {
    int64_t now = clock_monotonic_ns();
    if (!p->wanted || now - p->last_ns < INTERVAL_NS)
        return false;
    p->last_ns = now;
    return true;
}

void progress_say(struct progress *p, const char *text) {
    if (!is_due(p))
        return;
    fprintf(stderr, "\r%s\x1b[K", text);
    fflush(stderr);
    p->shown = true;
}

void progress_update(struct progress *p, const struct replay_progress *at) {
    if (!is_due(p))
        return;
    int64_t now = p->last_ns;
    double seconds = (double)(now - p->started_ns) / 1e9;
    char read[TEXT_NUMBER_SIZE], total[TEXT_NUMBER_SIZE], records[TEXT_NUMBER_SIZE], speed[TEXT_NUMBER_SIZE];
    text_bytes(at->bytes_read, read);
    text_bytes(at->bytes_total, total);
    text_count(at->records, records);
    text_count((uint64_t)((double)at->records / seconds), speed);
    fprintf(stderr, "\r%s", read);
    if (at->bytes_total >= at->bytes_read && at->bytes_total > 0) {
        double done = (double)at->bytes_read / (double)at->bytes_total;
        fprintf(stderr, " of %s (%.0f %%)", total, done * 100);
        if (done > 0.01) {
            long left = (long)(seconds / done - seconds + 0.5);
            fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
        }
    }
    fprintf(stderr, ", %s records, %s records/s\x1b[K", records, speed);
    fflush(stderr);
    p->shown = true;
}

void progress_clear(struct progress *p) {
    if (p->shown)
        fprintf(stderr, "\r\x1b[K");
    p->shown = false;
}
