/* Times as SES and its neighbours write them. */
#ifndef PARSERS_TIMESTAMP_H
#define PARSERS_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* ISO 8601 with a date and a time: `T`, `t` or one blank between them; seconds with 0 to 9 fraction digits (cut to
 * milliseconds, never rounded); then Z, z, or a blank or none and +hh:mm, +hhmm or +hh. Without a zone: UTC.
 * Years 0001 to 9999; a leap second :60 counts as :59.999. Leading and trailing blanks are ignored.
 * False for anything else. *ms: milliseconds since 1970, UTC; may be negative. */
bool timestamp_parse(struct span text, int64_t *ms);

/* "2026-11-21T23:34:30.123Z"; without the fraction when it is 0. */
enum { TIMESTAMP_SIZE = 32 };
void timestamp_format(int64_t ms, char out[TIMESTAMP_SIZE]);

/* What a person types for a point in time: as timestamp_parse, also a date alone (midnight UTC), "2026-11-21T23:34"
 * and "@1763768070" (Unix seconds). */
bool timestamp_parse_option(struct span text, int64_t *ms);

/* "90s", "5m", "1h30m", "2d", "1w": positive, no sign, at least one unit. False if it is not one or over 100 years. */
bool duration_parse(struct span text, int64_t *ms);

#endif
