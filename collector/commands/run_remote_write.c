/* The service's receivers of remote write: started, changed by a reload, shown, ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands/run_internal.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "sinks/remote_write.h"

enum {
    CHANGE_END_MS = 2000, /* for those that a reload takes away */
    NAP_MS = 20,
    NS_PER_MS = 1000000,
};

struct running_remote_write {
    const struct remote_write_target *target; /* of this configuration, or of one that is retired */
    struct remote_write *writer;
};

static struct remote_write *take_running(struct running_remote_write *running, size_t count,
                                         struct running_remote_write *to, const struct remote_write_target *target) {
    for (size_t i = 0; i < count; i++) {
        if (!running[i].writer || !remote_write_target_equal(running[i].target, target))
            continue;
        *to = running[i];
        running[i].writer = NULL;
        return to->writer;
    }
    return NULL;
}

static bool have_ended(const struct running_remote_write *running, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!remote_write_has_ended(running[i].writer))
            return false;
    return true;
}

/* All at the same time: each has the whole of it, and so do all together. Earlier when `hurry` says so. False when one
 * of them was left behind: what it borrowed must stay. */
static bool end_all(struct running_remote_write *running, size_t count, int64_t deadline_ms, bool (*hurry)(void)) {
    int64_t until_ns = clock_monotonic_ns() + (deadline_ms - REMOTE_WRITE_BREAK_OFF_MS) * NS_PER_MS;
    bool all = true;
    for (size_t i = 0; i < count; i++)
        remote_write_finish(running[i].writer);
    while (!have_ended(running, count) && clock_monotonic_ns() < until_ns && !(hurry && hurry()))
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * NS_PER_MS}, NULL);
    until_ns = clock_monotonic_ns() + REMOTE_WRITE_BREAK_OFF_MS * NS_PER_MS;
    for (size_t i = 0; i < count; i++)
        remote_write_break_off(running[i].writer);
    for (size_t i = 0; i < count; i++) {
        int64_t left_ns = until_ns - clock_monotonic_ns();
        all = remote_write_stop(running[i].writer, left_ns > 0 ? left_ns / NS_PER_MS : 0) && all;
    }
    return all;
}

static void start(struct service *r, struct running_remote_write *to, const struct remote_write_target *target) {
    struct err err = {0};
    struct remote_write *writer = remote_write_start(target, r->board, &err);
    if (!writer)
        log_event(LOG_ERROR, "a target of remote write cannot be started", LOG_FIELDS({"reason", err.text, 0}));
    pthread_mutex_lock(&r->remote_lock);
    *to = (struct running_remote_write){target, writer};
    pthread_mutex_unlock(&r->remote_lock);
}

/* Those that stay as they are go over to `wanted`, which is what is shown from now on. Returns how many. */
static size_t keep_equal(struct service *r, const struct config *c, struct running_remote_write *wanted) {
    size_t kept = 0;
    pthread_mutex_lock(&r->remote_lock);
    for (size_t i = 0; i < c->remote_write_count; i++)
        kept += take_running(r->remote_writes, r->remote_write_count, &wanted[i], &c->remote_writes[i]) != NULL;
    r->remote_writes = wanted;
    r->remote_write_count = c->remote_write_count;
    pthread_mutex_unlock(&r->remote_lock);
    return kept;
}

void service_take_remote_writes(struct service *r, const struct config *c) {
    size_t count = c->remote_write_count, before_count = r->remote_write_count;
    struct running_remote_write *before = r->remote_writes;
    struct running_remote_write *wanted = alloc_zeroed(count ? count : 1, sizeof *wanted);
    size_t kept = keep_equal(r, c, wanted);
    /* Before the same series are written anew. */
    if (!end_all(before, before_count, CHANGE_END_MS, service_is_asked_to_end))
        r->remote_write_hangs = true;
    for (size_t i = 0; i < count; i++)
        if (!wanted[i].writer)
            start(r, &wanted[i], &c->remote_writes[i]);
    free(before);
    if (count || before_count)
        log_event(LOG_INFO, "remote write",
                  LOG_FIELDS({"targets", NULL, (int64_t)count}, {"as_before", NULL, (int64_t)kept}));
}

/* What ends is not looked at any more. Returns what was there. */
static struct running_remote_write *take_all(struct service *r) {
    pthread_mutex_lock(&r->remote_lock);
    struct running_remote_write *running = r->remote_writes;
    r->remote_writes = NULL;
    r->remote_write_count = 0;
    pthread_mutex_unlock(&r->remote_lock);
    return running;
}

bool service_end_remote_writes(struct service *r, int64_t deadline_ms) {
    size_t count = r->remote_write_count;
    struct running_remote_write *running = take_all(r);
    bool ended = end_all(running, count, deadline_ms, NULL);
    free(running);
    return ended && !r->remote_write_hangs;
}

static void show(struct remote_write_row *row, const struct running_remote_write *from) {
    struct remote_write_counts counts;
    remote_write_counts(from->writer, &counts);
    *row = (struct remote_write_row){.written = counts.written,
                                     .refused = counts.refused,
                                     .dropped = counts.dropped,
                                     .waiting = counts.waiting,
                                     .requests = counts.requests,
                                     .failed = counts.failed,
                                     .last_ms = counts.last_ms};
    snprintf(row->target, sizeof row->target, "%s", from->target->name);
}

void service_show_remote_writes(void *service, struct service_row *row) {
    struct service *r = service;
    size_t count = 0;
    pthread_mutex_lock(&r->remote_lock);
    for (size_t i = 0; i < r->remote_write_count && count < REMOTE_WRITE_ROWS; i++)
        if (r->remote_writes[i].writer)
            show(&row->remote_writes[count++], &r->remote_writes[i]);
    row->remote_write_count = count;
    pthread_mutex_unlock(&r->remote_lock);
}
