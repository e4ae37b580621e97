/* A seeded stream of SES records: the same options give the same bytes, and what was made can be told exactly. It is
 * written at once, or, live, as time goes by: the same records then, each when its time comes. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "model/event.h"
#include "simulate/dump.h"
#include "simulate/incident.h"

struct simulate_incident {
    enum incident_kind kind;
    char what[80];               /* "all", a provider or a configuration set */
    int64_t start_ms, length_ms; /* from the period's start; live: from where the clock is followed */
};

struct simulate_options {
    uint64_t seed;
    int64_t start_ms, duration_ms; /* live: of all, what is past at the beginning, too */
    int64_t tail_ms;               /* how long after the last message things still happen */
    uint64_t messages;             /* 0: by per_second, or as many as max_bytes takes */
    double per_second;             /* 0: by messages */
    bool curve;                    /* with per_second: that is the average along the curve of a business day and week */
    uint32_t uneven_ppm;           /* along the curve: how much an hour differs from it, at most; in millionths */
    uint32_t duplicates_ppm, late_ppm, malformed_ppm, multi_ppm; /* shares in millionths */
    uint32_t sets, identities;
    struct dump_options dump;  /* its seed is set from `seed` */
    const char *truth;         /* NULL: none */
    const char *truth_summary; /* NULL: none */
    struct simulate_incident incidents[INCIDENT_MAX];
    uint32_t incident_count;
    /* Live: simulate_step_to says what time it is. No record is written after the period's end, and tail_ms is counted
     * from each message, so that not more and more is kept for later. */
    bool live;
    int64_t backfill_ms; /* so much of the period is past when the clock is followed, and written at once */
};

/* All that `ses-collector simulate` takes for granted. */
void simulate_options_init(struct simulate_options *o);

struct simulate_totals {
    uint64_t messages;
    uint64_t records; /* all that was written: duplicates and malformed ones, too */
    uint64_t duplicates, malformed, late;
    uint64_t bytes; /* of JSON */
    uint64_t objects;
    uint64_t records_of[EVENT_TYPES], recipients_of[EVENT_TYPES]; /* without duplicates */
};

struct simulate;

/* Returns new; NULL on failure: ERR_USAGE for options that make no sense, ERR_IO for what cannot be opened. */
struct simulate *simulate_open(const struct simulate_options *options, struct err *err);

enum simulate_status {
    SIMULATE_MORE,
    SIMULATE_DONE, /* everything is written, the files are closed */
    SIMULATE_FAILED,
};

/* Goes on for some thousand records. */
enum simulate_status simulate_step(struct simulate *s, struct err *err);

/* Live: the same, for records whose time has come by `now_ms`, and hands them over. With SIMULATE_MORE the caller comes
 * back when it is `*due_ms`, or earlier; that is not later than `now_ms` when more is due already. */
enum simulate_status simulate_step_to(struct simulate *s, int64_t now_ms, int64_t *due_ms, struct err *err);
/* Live: the end, before that of the period. False with `err` when something could not be written, or was left out
 * (dump_left_out). */
bool simulate_finish(struct simulate *s, struct err *err);
/* Live, without a length: the longest (ms) that the numbers of messages last, at most ten years. */
int64_t simulate_longest_ms(double per_second);
void simulate_totals(const struct simulate *s, struct simulate_totals *totals);
bool simulate_reader_left(const struct simulate *s); /* nobody reads standard output any more: it ended early */
double simulate_progress(const struct simulate *s);  /* 0 to 1 */
void simulate_destroy(struct simulate *s);           /* NULL is allowed */

/* For usage texts and checks: "blocklist", ... */
extern const char *const incident_names[INCIDENTS];

#endif
