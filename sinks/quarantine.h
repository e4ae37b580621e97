/* A folder that keeps what could not be read: damaged records, so that they can be looked at, mended and replayed; and
 * the values of AWS's enumerations that this version does not know. Its files hold addresses and are for the owner
 * only. */
#ifndef SINKS_QUARANTINE_H
#define SINKS_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/snapshot.h"

#define QUARANTINE_DEFAULT_BYTES ((uint64_t)1 << 30)

enum { QUARANTINE_MAX_UNKNOWN = 1000 }; /* distinct unknown values kept */

struct quarantine;

/* Opens DIR/malformed.ndjson for appending; creates DIR (0700) and the file (0600) if needed. The file never grows
 * past `max_bytes` (0 = the default), what it held before included. Returns new, NULL on error. */
struct quarantine *quarantine_open(const char *dir, uint64_t max_bytes, struct err *err);

/* One line in the form of Firehose's error output: replayed after mending, its rawData is the record. Past the cap, or
 * after a write failed, the record is only counted. Thread-safe. */
void quarantine_add(struct quarantine *q, struct span object_name, uint64_t offset, uint64_t length,
                    enum malformed_reason reason, struct span raw);

/* Counts a value seen in `field` (our own word, as "bounceSubType"). Thread-safe. */
void quarantine_add_unknown(struct quarantine *q, const char *field, struct span value);

/* Hands what was kept to the system: a process that dies after that loses none of it. */
void quarantine_flush(struct quarantine *q);

uint64_t quarantine_kept(struct quarantine *q);    /* records written */
uint64_t quarantine_dropped(struct quarantine *q); /* records only counted */

/* Writes DIR/unknown-values.csv if there were any, flushes, frees. False when anything could not be written.
 * NULL is allowed. */
bool quarantine_close(struct quarantine *q, struct err *err);

#endif
