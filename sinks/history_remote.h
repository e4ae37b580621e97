/* A history (sinks/history.h) by remote write: the samples that sinks/openmetrics.h would write, sent to a receiver.
 *
 * In slices of half an hour: all series of one, then all of the next; within a slice the samples of each series in the
 * order of time. So no sample lies more than half an hour behind the newest one sent before it. An empty Prometheus
 * takes that in without a window for samples out of order, since it accepts what lies within an hour of its newest
 * sample; one that has newer samples takes it with out_of_order_time_window.
 *
 * Of the target's patience (give_up_ms) at most five minutes count here, and 20 seconds before the receiver has taken
 * anything.
 *
 * Memory: 32 bytes for each series beside those of the history. */
#ifndef SINKS_HISTORY_REMOTE_H
#define SINKS_HISTORY_REMOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "sinks/exposition.h"
#include "sinks/history.h"
#include "sinks/remote_write.h"

struct history_remote_progress {
    int64_t at_ms;          /* everything before this time was given to the client */
    int64_t from_ms, to_ms; /* of the whole history */
    uint64_t samples;       /* given to it */
};

struct history_remote_options {
    const struct metric_label *labels; /* put on every series: a label of the target of that name gives way. Borrowed */
    size_t label_count;                /* at most HISTORY_MAX_LABELS */
    const atomic_bool *stop;           /* set: the sending ends at once, as a failure */
    void (*on_progress)(void *context, const struct history_remote_progress *progress); /* NULL: nobody */
    void *context;
};

struct history_remote_totals {
    uint64_t samples, series;          /* that were given to the client, of how many series */
    int64_t sent_ms;                   /* everything before this time was given; 0: nothing */
    struct remote_write_counts counts; /* what became of them */
    char refusal[512];                 /* the first answer that refused samples; "": none was refused */
};

/* Seals the history and sends everything. False with `err`: it could not go on, was stopped, or the temporary file
 * failed; the totals say what was sent. Samples that were refused are no failure here: the counts know them. */
bool history_remote_send(struct history *h, const struct remote_write_target *target,
                         const struct history_remote_options *options, struct history_remote_totals *totals,
                         struct err *err);

/* What to do about refused samples, for people: about the receiver's answer `refusal`, and how far back the history
 * goes, from `now_ms` on. A sentence, in `to`. */
void history_remote_advice(const char *refusal, int64_t from_ms, int64_t now_ms, char *to, size_t size);

#endif
