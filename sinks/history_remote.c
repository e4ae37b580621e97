#include "sinks/history_remote.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "core/alloc.h"

/* Prometheus's head takes samples up to half a chunk's range, an hour, behind its newest one. Steps and repetitions are
 * whole minutes, so that a series has at most 30 samples in a slice. */
enum { FIRST_GIVE_UP_MS = 20000, GIVE_UP_MS = 300000, SLICE_S = 1800, MAX_SAMPLES = 64, PROGRESS_SERIES = 64 };

struct sender {
    const struct history *history;
    const struct history_remote_options *options;
    struct history_remote_totals *totals;
    struct remote_write_target target; /* as the client has it: with labels and patience for a history */
    int64_t give_up_ms;                /* once the receiver has taken something */
    struct remote_client *client;
    struct history_trace *trace;
    struct history_place *places; /* of each series */
    struct history_remote_progress progress;
};

/* --- one slice ---------------------------------------------------------------------------------------------------- */

static bool give(struct sender *s, size_t series, const struct remote_sample *samples, size_t count, struct err *err) {
    struct metric_label labels[FAMILY_MAX_LABELS + HISTORY_MAX_LABELS];
    size_t label_count = history_labels(s->history, series, labels);
    for (size_t i = 0; i < s->options->label_count; i++)
        labels[label_count++] = s->options->labels[i];
    s->totals->samples += count;
    s->progress.samples += count;
    return remote_client_add(s->client, history_family(s->history, series)->name, labels, label_count, samples, count,
                             err);
}

/* The samples of one series before `until`. */
static bool send_series(struct sender *s, size_t series, int64_t until, struct err *err) {
    struct remote_sample samples[MAX_SAMPLES];
    struct history_sample sample;
    enum history_next next;
    size_t count = 0;
    history_trace_open(s->trace, series, &s->places[series]);
    while ((next = history_trace_next(s->trace, until, &sample, err)) == HISTORY_SAMPLE) {
        samples[count++] = (struct remote_sample){(double)sample.value, sample.time * 1000};
        if (count == MAX_SAMPLES) {
            if (!give(s, series, samples, count, err))
                return false;
            count = 0;
        }
    }
    if (next == HISTORY_FAILED)
        return false;
    return count == 0 || give(s, series, samples, count, err);
}

static bool is_stopped(const struct sender *s, struct err *err) {
    const atomic_bool *stop = s->options->stop;
    return stop && atomic_load(stop) && !err_set(err, ERR_IO, "stopped");
}

static bool send_slice(struct sender *s, int64_t until, struct err *err) {
    for (size_t i = 0; i < history_series(s->history); i++) {
        if (is_stopped(s, err) || !send_series(s, i, until, err))
            return false;
        if (s->options->on_progress && i % PROGRESS_SERIES == 0)
            s->options->on_progress(s->options->context, &s->progress);
    }
    return true;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static bool send_slices(struct sender *s, struct err *err) {
    size_t count;
    const struct history_stretch *stretches = history_stretches(s->history, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t at = floor_div(stretches[i].start, SLICE_S) * SLICE_S;
        for (; at <= stretches[i].end; at += SLICE_S) {
            s->progress.at_ms = at * 1000;
            if (!send_slice(s, at + SLICE_S, err))
                return false;
            s->totals->sent_ms = (at + SLICE_S) * 1000;
            remote_client_counts(s->client, &s->totals->counts);
            if (s->totals->counts.written)
                s->target.give_up_ms = s->give_up_ms;
        }
    }
    return remote_client_flush(s->client, err);
}

/* Takes the target without those of its labels that the history has a value of its own for, and not so patient: live
 * samples may wait for an hour, somebody who waits for a command may not, the less if the address is wrong. */
static void take_target(struct sender *s, const struct remote_write_target *target) {
    const struct history_remote_options *o = s->options;
    struct remote_write_target *t = &s->target;
    *t = *target;
    t->labels = alloc_zeroed(target->label_count + 1, sizeof *t->labels);
    t->label_count = 0;
    for (size_t i = 0; i < target->label_count; i++) {
        bool keeps = true;
        for (size_t k = 0; k < o->label_count; k++)
            keeps = keeps && strcmp(o->labels[k].name, target->labels[i].name) != 0;
        if (keeps)
            t->labels[t->label_count++] = target->labels[i];
    }
    s->give_up_ms = target->give_up_ms < GIVE_UP_MS ? target->give_up_ms : GIVE_UP_MS;
    t->give_up_ms = s->give_up_ms < FIRST_GIVE_UP_MS ? s->give_up_ms : FIRST_GIVE_UP_MS;
}

static bool send_all(struct sender *s, struct err *err) {
    size_t stretch_count;
    const struct history_stretch *stretches = history_stretches(s->history, &stretch_count);
    s->client = remote_client_open(&s->target, s->options->stop, err);
    if (!s->client)
        return false;
    if (stretch_count) {
        s->progress.from_ms = stretches[0].start * 1000;
        s->progress.to_ms = stretches[stretch_count - 1].end * 1000;
    }
    s->totals->series = history_series(s->history);
    s->places = alloc_zeroed(s->totals->series + 1, sizeof *s->places);
    s->trace = history_trace_create(s->history);
    bool ok = send_slices(s, err);
    remote_client_counts(s->client, &s->totals->counts);
    snprintf(s->totals->refusal, sizeof s->totals->refusal, "%s", remote_client_refusal(s->client));
    history_trace_destroy(s->trace);
    free(s->places);
    remote_client_close(s->client);
    return ok;
}

bool history_remote_send(struct history *h, const struct remote_write_target *target,
                         const struct history_remote_options *options, struct history_remote_totals *totals,
                         struct err *err) {
    assert(options->label_count <= HISTORY_MAX_LABELS);
    *totals = (struct history_remote_totals){0};
    if (!history_seal(h, err))
        return false;
    struct sender s = {.history = h, .options = options, .totals = totals};
    take_target(&s, target);
    bool ok = send_all(&s, err);
    free(s.target.labels);
    return ok;
}

/* --- what to do --------------------------------------------------------------------------------------------------- */

static bool says_any(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

void history_remote_advice(const char *refusal, int64_t from_ms, int64_t now_ms, char *to, size_t size) {
    static const char *const old[] = {"out of order", "out-of-order", "out of bounds", "too old", "too far behind"};
    static const char *const duplicate[] = {"duplicate sample"};
    int64_t days = now_ms > from_ms ? (now_ms - from_ms) / DAY_MS + 1 : 1;
    if (says_any(refusal, old, sizeof old / sizeof old[0]))
        snprintf(to, size,
                 "the receiver has newer samples, and takes older ones only within a window: in Prometheus set "
                 "storage.tsdb.out_of_order_time_window to %lldd or more, and send the history again",
                 (long long)days);
    else if (says_any(refusal, duplicate, sizeof duplicate / sizeof duplicate[0]))
        snprintf(to, size,
                 "the receiver has other values at the same times: give this history a label of its own "
                 "(--history-label), or take the old one out");
    else
        snprintf(to, size, "the receiver's log says more; a history needs a retention of %lldd or more there",
                 (long long)days);
}
