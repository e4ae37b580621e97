/* Time zones, from the system's own files (tzdata), without touching the process's. */
#ifndef CORE_TIME_ZONE_H
#define CORE_TIME_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

struct time_zone;

/* "UTC", "+05:30", "-08:00", or a name as in "Europe/Berlin" (read below TZDIR or /usr/share/zoneinfo; never "..",
 * never absolute). NULL with `err`. Returns new. */
struct time_zone *time_zone_open(const char *name, struct err *err);
/* The same from the bytes of such a file (TZif, RFC 8536). */
struct time_zone *time_zone_parse(struct span file, struct err *err);
void time_zone_close(struct time_zone *z); /* NULL is allowed */

/* Seconds east of UTC at that moment. */
int32_t time_zone_offset(const struct time_zone *z, int64_t utc_ms);

/* The moment at which a clock there shows this (ms as if it were UTC). When it shows it twice (the hour that an autumn
 * repeats), the earlier; when never (the hour that a spring leaves out), the moment of the change. */
int64_t time_zone_to_utc(const struct time_zone *z, int64_t local_ms);

#endif
