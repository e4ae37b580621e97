/* Live: one thread takes samples from the board, another sends them. */
#include "sinks/remote_write.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "sinks/prometheus.h"
#include "sinks/remote_write_round.h"
#include "sinks/remote_write_sender.h"
#include "sinks/remote_write_series.h"

enum {
    FIRST_LOOK_MS = 100,   /* for the first snapshot */
    ENDING_PAUSE_MS = 200, /* between attempts while it ends */
    LABELS_BYTES_MAX = 1 << 20,
    STRING_BYTES_MAX = 1 << 16,
};

static const int64_t SAY_AGAIN_NS = 60000000000;

/* A family as it was seen first: its strings are copies. */
struct family {
    char *name, *help;
    struct remote_metadata metadata;
};

struct remote_write {
    const struct remote_write_target *target;
    struct board *board;
    struct remote_sender *sender;
    pthread_t taker_thread, sender_thread;
    atomic_bool broken_off; /* no request goes on */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    bool ending, taker_started, taker_done;
    size_t running; /* threads */
    struct remote_series_table series;
    struct round *oldest, **newest;
    size_t waiting_bytes;
    uint64_t waiting, dropped; /* samples; those of the batch wait too */
    struct remote_write_counts counts;

    /* Of the taker. */
    uint64_t round; /* their number, from 1 */
    int64_t last_ms;
    struct round *taking;
    struct buf labels;
    struct family **families; /* pointers: series point to their metadata */
    size_t family_count, family;
    bool clock_said;

    /* Of the sender. */
    struct remote_batch batch;
    int64_t batch_made_ns;
    bool down;         /* and said so */
    int64_t said_ns;   /* when refused samples were told of; 0: not yet */
    uint64_t not_said; /* samples refused since then */
};

/* --- rounds ------------------------------------------------------------------------------------------------------- */

/* Takes the oldest round off, whatever of it is still to be sent. Under the lock. */
static void take_off(struct remote_write *w) {
    struct round *r = w->oldest;
    for (size_t i = r->next; i < r->count; i++)
        w->series.series[r->series[i]].waiting--;
    w->waiting_bytes -= round_bytes(r);
    w->oldest = r->later;
    if (!w->oldest)
        w->newest = &w->oldest;
    round_destroy(r);
}

static void drop_oldest(struct remote_write *w) {
    size_t left = w->oldest->count - w->oldest->next;
    w->dropped += left;
    w->waiting -= left;
    take_off(w);
}

static void hang(struct remote_write *w, struct round *r) {
    if (!r->count) {
        round_destroy(r);
        return;
    }
    for (size_t i = 0; i < r->count; i++)
        w->series.series[r->series[i]].waiting++;
    w->waiting += r->count;
    w->waiting_bytes += round_bytes(r);
    *w->newest = r;
    w->newest = &r->later;
    while (w->waiting_bytes > REMOTE_WRITE_WAITING_BYTES && w->oldest != r)
        drop_oldest(w);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

static struct family *family_create(const char *name, enum metric_type type, const char *help) {
    struct family *f = alloc_zeroed(1, sizeof *f);
    f->name = alloc_copy(name);
    f->help = alloc_copy(help);
    f->metadata = (struct remote_metadata){type, f->help, exposition_unit(name, type)};
    return f;
}

/* They come in the same order each time, but for some that are left out: the next is nearly always the right one. */
static void take_family(void *context, const char *name, enum metric_type type, const char *help) {
    struct remote_write *w = context;
    for (size_t i = 1; i <= w->family_count; i++) {
        size_t at = (w->family + i) % w->family_count;
        if (strcmp(w->families[at]->name, name) == 0) {
            w->family = at;
            return;
        }
    }
    w->families = alloc_resize(w->families, w->family_count + 1, sizeof(struct family *));
    w->family = w->family_count++;
    w->families[w->family] = family_create(name, type, help);
}

/* The family's series with these labels, once in a round. False: it is left out. */
static bool take_series(struct remote_write *w, const char *suffix, const struct metric_label *labels, size_t count,
                        uint32_t *number) {
    const struct family *f = w->families[w->family];
    size_t more_count;
    const struct metric_label *more = remote_sender_labels(w->sender, &more_count);
    buf_clear(&w->labels);
    if (!remote_labels_append(&w->labels, f->name, suffix, labels, count, more, more_count))
        return false;
    *number = remote_series_find(&w->series, buf_span(&w->labels), &f->metadata);
    struct remote_series *s = &w->series.series[*number];
    if (s->round == w->round)
        return false; /* names that differ only where they were cut */
    s->round = w->round;
    return true;
}

static void take_exemplar(struct remote_write *w, uint32_t number, const struct exemplar *exemplar) {
    if (exemplar && w->target->exemplars)
        remote_series_exemplar(&w->series.series[number], exemplar);
}

static void take_sample(void *context, const char *suffix, const struct metric_label *labels, size_t count,
                        double value, const struct exemplar *exemplar) {
    struct remote_write *w = context;
    uint32_t number;
    if (!take_series(w, suffix, labels, count, &number))
        return;
    round_add(w->taking, number, (union round_value){.sample = value});
    take_exemplar(w, number, exemplar);
}

static const struct exemplar *latest_of(const struct exemplar *const *exemplars, size_t count) {
    const struct exemplar *latest = NULL;
    for (size_t i = 0; exemplars && i < count; i++)
        if (exemplars[i] && (!latest || exemplars[i]->time_ms > latest->time_ms))
            latest = exemplars[i];
    return latest;
}

static void take_histogram(void *context, const struct metric_label *labels, size_t count, const double *bounds,
                           size_t bound_count, const uint64_t *counts, double sum,
                           const struct exemplar *const *exemplars) {
    struct remote_write *w = context;
    struct buf *to = &w->taking->histograms;
    size_t at = to->len;
    uint32_t number;
    if (!take_series(w, "", labels, count, &number))
        return;
    if (!remote_histogram_append(to, bounds, bound_count, counts, sum)) {
        w->dropped++; /* as many as may wait in all */
        return;
    }
    round_add(w->taking, number, (union round_value){.histogram = {(uint32_t)at, (uint32_t)(to->len - at)}});
    take_exemplar(w, number, latest_of(exemplars, bound_count + 1));
}

/* All series of a family are, or none. */
static bool is_native(const struct remote_write *w, const struct remote_series *s) {
    return w->target->native_histograms && s->metadata->type == METRIC_HISTOGRAM;
}

/* Those that were there the time before, or all. Under the lock. */
static void mark_stale(struct remote_write *w, struct round *r, uint64_t there_in) {
    const union round_value marker = {.sample = remote_stale_marker()};
    for (uint32_t i = 0; i < w->series.count; i++) {
        const struct remote_series *s = &w->series.series[i];
        if (s->labels && s->round == there_in)
            round_add(r, i, is_native(w, s) ? (union round_value){.histogram = {0, 0}} : marker);
    }
}

/* A series may have one value only at a moment: the snapshot's time, or when it is the one of before, now. 0: the
 * clock was set back, and there is no such moment yet. */
static int64_t time_of(struct remote_write *w, const struct snapshot *s) {
    int64_t now_ms = clock_wall_ms(), made_ms = s->has_service ? s->service.now_ms : 0;
    if (made_ms > w->last_ms && made_ms <= now_ms) {
        w->clock_said = false;
        return made_ms;
    }
    if (now_ms > w->last_ms)
        return now_ms;
    if (!w->clock_said)
        log_event(LOG_WARN, "the clock was set back: nothing is written until it is where it was",
                  LOG_FIELDS({"target", w->target->name, 0}));
    w->clock_said = true;
    return 0;
}

static void take_round(struct remote_write *w, const struct snapshot *s) {
    const struct exposition_taker taker = {w, take_family, take_sample,
                                           w->target->native_histograms ? take_histogram : NULL};
    int64_t time_ms = time_of(w, s);
    if (!time_ms)
        return;
    pthread_mutex_lock(&w->lock);
    w->round++;
    w->last_ms = time_ms;
    w->taking = round_create(time_ms, w->series.used);
    prometheus_feed(&taker, s);
    mark_stale(w, w->taking, w->round - 1);
    hang(w, w->taking);
    w->taking = NULL;
    remote_series_sweep(&w->series, w->round);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* At once behind the last values: a process that starts anew writes later ones. */
static void end_series(struct remote_write *w) {
    pthread_mutex_lock(&w->lock);
    if (w->round) {
        struct round *r = round_create(w->last_ms + 1, w->series.used);
        mark_stale(w, r, w->round);
        hang(w, r);
    }
    pthread_mutex_unlock(&w->lock);
}

static bool look(struct remote_write *w) {
    const struct snapshot *s = board_look(w->board);
    if (s)
        take_round(w, s);
    board_release(w->board, s);
    return s != NULL;
}

static int64_t now_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

/* Under the lock. */
static void wait_until(struct remote_write *w, int64_t until_ms) {
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&w->changed, &w->lock, &at);
}

static bool pause_until(struct remote_write *w, int64_t until_ms) {
    pthread_mutex_lock(&w->lock);
    while (!w->ending && now_ms() < until_ms)
        wait_until(w, until_ms);
    bool go_on = !w->ending;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void end_thread(struct remote_write *w, bool is_taker) {
    pthread_mutex_lock(&w->lock);
    w->taker_done = w->taker_done || is_taker;
    w->running--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void *take_all(void *context) {
    struct remote_write *w = context;
    int64_t interval = w->target->interval_ms > 0 ? w->target->interval_ms : 1, due = now_ms();
    do {
        bool there = look(w);
        int64_t now = now_ms();
        due += there ? interval : FIRST_LOOK_MS;
        if (due < now) /* it was asleep */
            due = now + interval;
    } while (pause_until(w, due));
    look(w); /* the last values */
    end_series(w);
    end_thread(w, true);
    return NULL;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* False: the batch is full. */
static bool add_to_batch(struct remote_write *w, const struct round *r, struct remote_series *s) {
    const union round_value *value = &r->values[r->next];
    if (!remote_batch_series(&w->batch, (struct span){s->labels, s->len}, s->metadata))
        return false;
    if (is_native(w, s)) {
        struct span histogram = {0};
        if (value->histogram.len)
            histogram = (struct span){r->histograms.data + value->histogram.at, value->histogram.len};
        if (!remote_batch_histogram(&w->batch, histogram, r->time_ms))
            return false;
    } else {
        remote_batch_sample(&w->batch, (struct remote_sample){value->sample, r->time_ms});
    }
    if (s->exemplar_waits)
        remote_batch_exemplar(&w->batch, s->exemplar);
    s->exemplar_waits = false;
    return true;
}

static bool fill(struct remote_write *w) {
    struct round *r = w->oldest;
    size_t max = w->target->max_samples ? w->target->max_samples : 1;
    remote_batch_clear(&w->batch);
    if (!r)
        return false;
    w->batch_made_ns = r->made_ns;
    size_t count = 0;
    for (; r->next < r->count && count < max; r->next++, count++) {
        struct remote_series *s = &w->series.series[r->series[r->next]];
        if (!add_to_batch(w, r, s))
            break;
        s->waiting--;
    }
    if (r->next == r->count)
        take_off(w);
    return true;
}

/* Under the lock. */
static void show_counts(struct remote_write *w) {
    w->counts = *remote_sender_counts(w->sender);
}

static void say_down(struct remote_write *w) {
    const char *reason = remote_sender_reason(w->sender);
    if (!w->down)
        log_event(LOG_WARN, "remote write does not go through and is tried again",
                  LOG_FIELDS({"target", w->target->name, 0}, {"reason", reason, 0}));
    w->down = true;
}

static void say_up(struct remote_write *w) {
    if (w->down)
        log_event(LOG_INFO, "remote write goes through again",
                  LOG_FIELDS({"target", w->target->name, 0}, {"waiting", NULL, (int64_t)w->waiting}));
    w->down = false;
}

/* Samples that are too old are given up, in the batch and behind it. Under the lock. */
static void give_up_old(struct remote_write *w) {
    int64_t before = clock_monotonic_ns() - w->target->give_up_ms * 1000000;
    uint64_t dropped = w->dropped;
    if (w->batch.todo_count && w->batch_made_ns < before) {
        size_t left = remote_batch_left(&w->batch);
        w->dropped += left;
        w->waiting -= left;
        remote_batch_clear(&w->batch);
    }
    while (w->oldest && w->oldest->made_ns < before)
        drop_oldest(w);
    if (w->dropped > dropped)
        log_event(LOG_WARN, "samples for remote write are given up",
                  LOG_FIELDS({"target", w->target->name, 0}, {"samples", NULL, (int64_t)(w->dropped - dropped)}));
}

/* Once a minute: with wrong settings it is every request. */
static void say_refused(struct remote_write *w, enum log_level level, const char *what, uint64_t samples) {
    int64_t now_ns = clock_monotonic_ns();
    w->not_said += samples;
    if (w->said_ns && now_ns - w->said_ns < SAY_AGAIN_NS)
        return;
    log_event(level, what,
              LOG_FIELDS({"target", w->target->name, 0}, {"reason", remote_sender_reason(w->sender), 0},
                         {"samples", NULL, (int64_t)w->not_said}));
    w->said_ns = now_ns;
    w->not_said = 0;
}

/* The whole batch is refused: not sent again. The next may be taken; the settings may be right by then. */
static void refuse_batch(struct remote_write *w, size_t left) {
    say_refused(w, LOG_ERROR, "remote write is refused", left);
    remote_sender_counts(w->sender)->refused += left;
    remote_batch_clear(&w->batch);
}

/* Sends the batch once, without the lock. Returns how long to wait before the next attempt. */
static int64_t send_batch(struct remote_write *w) {
    size_t before = remote_batch_left(&w->batch), left;
    uint64_t refused = remote_sender_counts(w->sender)->refused;
    enum remote_outcome outcome = remote_sender_send(w->sender, &w->batch);
    left = remote_batch_left(&w->batch);
    if (remote_sender_counts(w->sender)->refused > refused)
        say_refused(w, LOG_WARN, "samples were refused by a receiver of remote write",
                    remote_sender_counts(w->sender)->refused - refused);
    pthread_mutex_lock(&w->lock);
    int64_t pause = 0;
    if (outcome == REMOTE_FAILED) {
        refuse_batch(w, left);
        left = 0;
    }
    w->waiting -= before - left;
    if (outcome == REMOTE_DONE)
        say_up(w);
    if (outcome == REMOTE_AGAIN) {
        say_down(w);
        pause = remote_sender_pause_ms(w->sender);
    }
    show_counts(w);
    pthread_mutex_unlock(&w->lock);
    return pause;
}

/* Waits for samples, and for the end of a pause. False: it ends, and nothing is left. Under the lock. */
static bool wait_for_work(struct remote_write *w, int64_t not_before_ms) {
    for (;;) {
        int64_t now = now_ms();
        int64_t until = w->ending && not_before_ms > now + ENDING_PAUSE_MS ? now + ENDING_PAUSE_MS : not_before_ms;
        bool work = w->batch.todo_count || w->oldest;
        if (atomic_load(&w->broken_off) || (w->taker_done && !work))
            return false;
        if (work && now >= until)
            return true;
        not_before_ms = until;
        wait_until(w, work ? until : now + 60000);
    }
}

static void *send_all(void *context) {
    struct remote_write *w = context;
    int64_t not_before_ms = 0;
    pthread_mutex_lock(&w->lock);
    while (wait_for_work(w, not_before_ms)) {
        give_up_old(w);
        if (!w->batch.todo_count && !fill(w))
            continue;
        pthread_mutex_unlock(&w->lock);
        not_before_ms = now_ms() + send_batch(w);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    end_thread(w, false);
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static struct remote_write *create(const struct remote_write_target *t, struct board *board) {
    struct remote_write *w = alloc_zeroed(1, sizeof *w);
    w->target = t;
    w->board = board;
    w->newest = &w->oldest;
    w->last_ms = clock_wall_ms() - 1; /* the same series may have been written until now, under other settings */
    remote_series_init(&w->series);
    remote_batch_init(&w->batch);
    buf_init(&w->labels, LABELS_BYTES_MAX);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return w;
}

/* No thread runs any more. */
static void destroy(struct remote_write *w) {
    while (w->oldest)
        take_off(w);
    remote_sender_close(w->sender);
    remote_batch_deinit(&w->batch);
    remote_series_deinit(&w->series);
    buf_deinit(&w->labels);
    for (size_t i = 0; i < w->family_count; i++) {
        free(w->families[i]->name);
        free(w->families[i]->help);
        free(w->families[i]);
    }
    free(w->families);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* All signals are the main thread's. */
static bool start_thread(struct remote_write *w, pthread_t *thread, void *(*run)(void *), struct err *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&w->lock);
    int problem = pthread_create(thread, NULL, run, w);
    w->running += problem == 0;
    pthread_mutex_unlock(&w->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !problem ||
           err_set_errno(err, ERR_IO, problem, "cannot start a thread for remote_write %.60s", w->target->name);
}

struct remote_write *remote_write_start(const struct remote_write_target *t, struct board *board, struct err *err) {
    struct remote_write *w = create(t, board);
    w->sender = remote_sender_open(t, &w->broken_off, err);
    if (!w->sender || !start_thread(w, &w->sender_thread, send_all, err)) {
        destroy(w);
        return NULL;
    }
    if (!start_thread(w, &w->taker_thread, take_all, err)) {
        pthread_mutex_lock(&w->lock);
        w->taker_done = true;
        pthread_mutex_unlock(&w->lock);
        remote_write_stop(w, REMOTE_WRITE_BREAK_OFF_MS);
        return NULL;
    }
    w->taker_started = true;
    return w;
}

bool remote_write_target_try(const struct remote_write_target *t, struct err *err) {
    struct remote_sender *s = remote_sender_open(t, NULL, err);
    remote_sender_close(s);
    return s != NULL;
}

void remote_write_counts(struct remote_write *w, struct remote_write_counts *to) {
    pthread_mutex_lock(&w->lock);
    *to = w->counts;
    to->dropped = w->dropped;
    to->waiting = w->waiting;
    pthread_mutex_unlock(&w->lock);
}

void remote_write_finish(struct remote_write *w) {
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void remote_write_break_off(struct remote_write *w) {
    if (!w)
        return;
    atomic_store(&w->broken_off, true);
    remote_write_finish(w); /* wakes whoever pauses */
}

static bool wait_for_end(struct remote_write *w, int64_t until_ms) {
    pthread_mutex_lock(&w->lock);
    while (w->running && now_ms() < until_ms)
        wait_until(w, until_ms);
    bool ended = w->running == 0;
    pthread_mutex_unlock(&w->lock);
    return ended;
}

bool remote_write_has_ended(struct remote_write *w) {
    return !w || wait_for_end(w, 0);
}

bool remote_write_stop(struct remote_write *w, int64_t deadline_ms) {
    if (!w)
        return true;
    int64_t until = now_ms() + deadline_ms;
    remote_write_finish(w);
    if (!wait_for_end(w, until - REMOTE_WRITE_BREAK_OFF_MS)) {
        remote_write_break_off(w);
        if (!wait_for_end(w, until)) {
            log_event(LOG_ERROR, "remote write does not end and is left behind",
                      LOG_FIELDS({"target", w->target->name, 0}));
            return false; /* its memory stays with the thread */
        }
    }
    pthread_join(w->sender_thread, NULL);
    if (w->taker_started)
        pthread_join(w->taker_thread, NULL);
    if (w->waiting)
        log_event(LOG_WARN, "samples for remote write are given up at the end",
                  LOG_FIELDS({"target", w->target->name, 0}, {"samples", NULL, (int64_t)w->waiting}));
    destroy(w);
    return true;
}
