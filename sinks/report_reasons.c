#include <stdlib.h>

#include "sinks/reasons.h"
#include "sinks/report_cell.h"
#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { SHARES_SHOWN = 3, GAP = 2, MIN_NAME = 10 };

static double share(uint64_t part, uint64_t whole) {
    return whole ? 100 * (double)part / (double)whole : 0;
}

/* "62 % reputation_block, up from 4 %" */
static void put_share(FILE *out, const struct provider_reasons *row, const struct reason_share *r, bool compare) {
    double now = share(r->count, row->total), before = share(r->before, row->total_before);
    fprintf(out, "%.*f %% %s", now < 10 ? 1 : 0, now, bounce_reason_name(r->reason));
    if (compare && row->total_before && (now - before >= 1 || before - now >= 1))
        fprintf(out, " (%s from %.*f %%)", now > before ? "up" : "down", before < 10 ? 1 : 0, before);
}

static void put_row(FILE *out, const struct provider_reasons *row, size_t width, bool compare) {
    char total[TEXT_NUMBER_SIZE];
    text_count(row->total, total);
    size_t used = report_name_print(out, row->provider, width);
    fprintf(out, "%*s%10s  ", (int)(width - used + GAP), "", total);
    for (unsigned i = 0; i < row->share_count && i < SHARES_SHOWN && row->shares[i].count; i++) {
        if (i)
            fputs(", ", out);
        put_share(out, row, &row->shares[i], compare);
    }
    fputc('\n', out);
}

void report_write_reasons(FILE *out, const struct snapshot *s, const struct report_options *o) {
    size_t count, width = MIN_NAME, shown = 0, more = 0;
    struct provider_reasons *rows = reasons_of_period(s, DETAIL_BOUNCE_REASON, &count);
    for (size_t i = 0; i < count; i++) {
        size_t needed = report_name_width(rows[i].provider);
        width = needed > width ? needed : width;
    }
    for (size_t i = 0; i < count && rows[i].total; i++) {
        if (shown == 0)
            fprintf(out, "\n%s%-*s%10s  WHY%s\n", report_style_begin(o->colour, STYLE_BOLD), (int)(width + GAP),
                    "BOUNCES AT", "bounced", report_style_end(o->colour, STYLE_BOLD));
        if (o->max_rows && shown == o->max_rows) {
            more++;
            continue;
        }
        put_row(out, &rows[i], width, o->compare && s->has_before);
        shown++;
    }
    if (more)
        fprintf(out, "%s... and %zu more, --rows 0 shows all%s\n", report_style_begin(o->colour, STYLE_DIM), more,
                report_style_end(o->colour, STYLE_DIM));
    free(rows);
}
