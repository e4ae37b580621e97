/* The rule behind a time zone's last known change, as the footer of its file writes it: "CET-1CEST,M3.5.0,M10.5.0/3"
 * (POSIX TZ, with the hours of RFC 8536); and the calendar that it takes. */
#ifndef CORE_TIME_RULE_H
#define CORE_TIME_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"

struct time_rule_date {
    enum { RULE_MONTH, RULE_JULIAN, RULE_DAY } kind; /* Mm.w.d, Jn (29 February is not counted), n */
    int month, week, day;
    int32_t second; /* of that day by the clock before the change; may be negative, or past the day */
};

struct time_rule {
    int32_t standard, summer; /* seconds east of UTC */
    bool has_summer;
    struct time_rule_date start, end; /* of summer */
};

bool time_rule_parse(struct span text, struct time_rule *r);

/* Both in seconds since 1970, UTC; of a year as in 2026. */
int64_t time_rule_start(const struct time_rule *r, int64_t year);
int64_t time_rule_end(const struct time_rule *r, int64_t year);

/* The offset at a moment. */
int32_t time_rule_offset(const struct time_rule *r, int64_t utc);

/* The calendar's. */
int64_t time_rule_year_of(int64_t seconds);
int64_t time_rule_days_to(int64_t year, int month, int day); /* since 1970-01-01; month and day count from 1 */

#endif
