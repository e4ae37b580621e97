/* History: the counters of mail as they would have stood at every step of event time. What changed is collected minute
 * by minute; then every series gives its samples, in the order of time, as far as one asks. Sinks bring them to their
 * place: as text (sinks/openmetrics.h), by remote write (sinks/history_remote.h). Families and labels are those of
 * /metrics (sinks/families.h). See docs/history.md.
 *
 * A counter's value at a time is the count of events before it. Times are the ends of steps. A series begins with a 0
 * one step before its first change. It has a sample at each change and one step before, and every four minutes (of the
 * clock, so on every full hour), until the end of the hour of the last event: no graph has a hole, and an increase over
 * whole hours is exact. Where no mail moved at all for over 31 days, all series pause.
 *
 * Memory: 70 to 330 bytes for each series while minutes come, and beyond 15 changes of it a temporary file without a
 * name (in $TMPDIR, else /var/tmp), 17 bytes for each change; 48 bytes more for each series from history_seal on. Names
 * are those that were told apart while counting (the first 65,536 configuration sets): which ones a snapshot would fold
 * into `other` is not known before. */
#ifndef SINKS_HISTORY_H
#define SINKS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "core/err.h"
#include "sinks/exposition.h"
#include "sinks/families.h"

enum { HISTORY_MAX_LABELS = 8 };

/* NULL when `name` can be a label of all series beside their own; else a few words that say why not. */
const char *history_label_problem(const char *name);

struct history;

/* `step_ms`: whole minutes, at most a day. `names` is borrowed. Returns new. */
struct history *history_create(int64_t step_ms, const struct snapshot_names *names);
void history_destroy(struct history *h); /* NULL is allowed */

/* Minutes come in order, with steps and details. */
void history_minute(struct history *h, const struct closed_minute *minute);

/* --- after the last minute ---------------------------------------------------------------------------------------- */

/* Sorts the series by their names; from now on they have numbers. May be called again, and does nothing then. False
 * when the temporary file failed. */
bool history_seal(struct history *h, struct err *err);

size_t history_series(const struct history *h);
const struct counter_family *history_family(const struct history *h, size_t series);
/* The labels of the series itself; values borrowed from the names. Returns how many. */
size_t history_labels(const struct history *h, size_t series, struct metric_label labels[FAMILY_MAX_LABELS]);

/* Times without pauses between them, in order, in seconds: samples lie in [start, end] of one of these. */
struct history_stretch {
    int64_t start, end;
};
const struct history_stretch *history_stretches(const struct history *h, size_t *count);

/* How far the samples of a series were taken. Zeroed: none of them. */
struct history_place {
    int64_t last; /* time of the sample taken last; of the first one, while that was only looked at */
    uint64_t value;
    uint32_t stretch;
    uint32_t block; /* of changes, on disk */
    uint8_t at;     /* the next change, in its block or in what is still in memory */
    bool begun, looked_at, in_memory;
};

struct history_sample {
    int64_t time; /* seconds */
    uint64_t value;
};

enum history_next { HISTORY_SAMPLE, HISTORY_NO_MORE, HISTORY_FAILED };

/* Takes samples of one series, from its place on. The place is the caller's and can be gone on from later, by another
 * trace of the same series. Several traces may be open at once, of one thread. */
struct history_trace;
struct history_trace *history_trace_create(const struct history *h); /* returns new; for one series after the other */
void history_trace_destroy(struct history_trace *t);                 /* NULL is allowed */
void history_trace_open(struct history_trace *t, size_t series, struct history_place *place); /* borrowed */
/* The next sample, if its time is before `until`. HISTORY_FAILED, with `err`: the temporary file could not be read. */
enum history_next history_trace_next(struct history_trace *t, int64_t until, struct history_sample *sample,
                                     struct err *err);

#endif
