/* What a run makes, counted cell by cell: minute x event type x configuration set x provider, as docs/counting.md has
 * it. Written to a file as minutes get old enough that no record of them can come any more. */
#ifndef SIMULATE_TRUTH_H
#define SIMULATE_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "simulate/catalog.h"

enum { TRUTH_NO_SET = UINT32_MAX };

struct truth;

/* `start_ms`: no event is before it. No event is counted later than `longest_ms` after it happened. Returns new; NULL
 * on failure. */
struct truth *truth_open(const char *path, const struct catalog *c, int64_t start_ms, int64_t longest_ms,
                         struct err *err);

/* Adds to one cell. `now_ms`: the record's arrival, never going back. */
bool truth_add(struct truth *t, int64_t event_ms, int64_t now_ms, uint32_t type, uint32_t set, uint32_t isp,
               uint32_t records, uint32_t recipients, struct err *err);

/* Writes what is left. */
bool truth_finish(struct truth *t, struct err *err);
void truth_destroy(struct truth *t); /* NULL is allowed */

#endif
