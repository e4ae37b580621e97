/* What the files that write the page share. Only sinks/page*.c include it. */
#ifndef SINKS_PAGE_PARTS_H
#define SINKS_PAGE_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "model/snapshot.h"
#include "sinks/report_cell.h"

enum { PAGE_MAX_ROWS = 50 }; /* of a table; what is beyond is told as a sum */

/* Text from outside, for an element or a quoted attribute: markup is escaped; what is no UTF-8, and characters that
 * steer or hide text, become U+FFFD. NULL is nothing. */
void page_text(FILE *out, const char *text);
void page_name(FILE *out, const char *name); /* the same for a name, where "" is a name too: "none", set apart */
void page_count(FILE *out, uint64_t value);  /* 1,234,567 */
void page_time(FILE *out, int64_t ms);       /* a <time>: 2026-11-21 23:34:30 */
void page_duration(FILE *out, int64_t ms);   /* "12 s", "5 min", "3 h 20 min", "4 d 2 h"; below 0 is 0 */
void page_plural(FILE *out, uint64_t n, const char *one, const char *many); /* "1 message", "1,200 messages" */

/* A rate: its figure, and beyond a level its mark, in words as well as in colour. "none" while there is no volume.
 * `column`: one of the rates of report_cell.h. */
void page_rate(FILE *out, enum report_column column, const struct rate_counts *counts);

/* Small graphs of a row's last hours. A row that is NULL gives nothing. */
void page_bars(FILE *out, const struct history_row *row);                 /* what was sent in each hour */
void page_line(FILE *out, const struct history_row *row, enum rate rate); /* a rate in each hour */

/* Sections. */
void page_write_account(FILE *out, const struct snapshot *s);
void page_write_rates(FILE *out, const struct snapshot *s, const char *scope, const char *id, const char *title);
void page_write_reputation(FILE *out, const struct snapshot *s);
void page_write_reasons(FILE *out, const struct snapshot *s);
void page_write_alerts(FILE *out, const struct snapshot *s);
void page_write_sources(FILE *out, const struct snapshot *s);
void page_write_service(FILE *out, const struct service_row *v, const struct snapshot *s);

void page_write_style(FILE *out);
void page_write_script(FILE *out);

#endif
