/* A seeded stream of SES records: the same options give the same bytes, and what was made can be told exactly. */
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
    int64_t start_ms, length_ms; /* from the period's start */
};

struct simulate_options {
    uint64_t seed;
    int64_t start_ms, duration_ms;
    int64_t tail_ms;     /* how long after the last message things still happen */
    uint64_t messages;   /* 0: by per_second, or as many as max_bytes takes */
    double per_second;   /* 0: by messages */
    uint32_t uneven_ppm; /* by messages: how much an hour differs from the curve, at most; in millionths */
    uint32_t duplicates_ppm, late_ppm, malformed_ppm, multi_ppm; /* shares in millionths */
    uint32_t sets, identities;
    struct dump_options dump;  /* its seed is set from `seed` */
    const char *truth;         /* NULL: none */
    const char *truth_summary; /* NULL: none */
    struct simulate_incident incidents[INCIDENT_MAX];
    uint32_t incident_count;
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
void simulate_totals(const struct simulate *s, struct simulate_totals *totals);
bool simulate_reader_left(const struct simulate *s); /* nobody reads standard output any more: it ended early */
double simulate_progress(const struct simulate *s);  /* 0 to 1 */
void simulate_destroy(struct simulate *s);           /* NULL is allowed */

/* For usage texts and checks: "blocklist", ... */
extern const char *const incident_names[INCIDENTS];

#endif
