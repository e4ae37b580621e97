/* The columns of the table report, and what stands in each of their cells. */
#ifndef SINKS_REPORT_CELL_H
#define SINKS_REPORT_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "model/snapshot.h"

enum report_column {
    COLUMN_SENT,
    COLUMN_DELIVERED,
    COLUMN_BOUNCED,
    COLUMN_COMPLAINTS,
    COLUMN_DELIVERY_RATE,
    COLUMN_BOUNCE_RATE,
    COLUMN_PERMANENT_RATE,
    COLUMN_TRANSIENT_RATE,
    COLUMN_COMPLAINT_RATE,
    COLUMN_DELAY_RATE,
    COLUMN_OPENS,
    COLUMN_CLICKS,
    COLUMN_OPEN_RATE,       /* by people themselves */
    COLUMN_PROXY_OPEN_RATE, /* by people through a mail service: all of Gmail's and Yahoo's */
    COLUMN_CLICK_RATE,
    COLUMN_UNSUBSCRIBES,
    COLUMN_REJECTED,
    COLUMN_UNRENDERED,
    REPORT_COLUMNS
};

enum cell_level { LEVEL_NORMAL, LEVEL_WARNING, LEVEL_CRITICAL };

struct cell {
    char text[48];
    enum cell_level level;
};

const char *report_column_title(enum report_column column);

/* Of several columns, the one with the highest number is the first to go when the terminal is narrow. */
int report_column_rank(enum report_column column);

/* The figure. The volumes are those that the rates beside them are made of; the simulator, which is in no rate, shows
 * all its recipients instead. */
void report_cell_value(enum report_column column, const struct tally *t, bool simulator, struct cell *cell);

/* How it moved: "+12 %", "+1.20 pp", "new", "=" or nothing. */
void report_cell_change(enum report_column column, const struct tally now_and_before[PERIODS], bool simulator,
                        struct cell *cell);

/* Nothing to see in this row: the volume, or the rate's numerator, is 0. */
bool report_cell_is_zero(enum report_column column, const struct tally *t, bool simulator);

/* Terminal columns that a name takes as report_name prints it. */
size_t report_name_width(const char *name);

/* The name in at most `width` columns, its middle left out if it must be; characters that would steer or upset a
 * terminal become U+FFFD. Returns the columns it took. */
size_t report_name_print(FILE *out, const char *name, size_t width);

#endif
