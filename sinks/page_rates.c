#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "sinks/page_parts.h"

static const struct rate_counts no_counts;

/* One name of a scope, with what the three lists of the snapshot say of it. */
struct line {
    const char *name;
    const struct rate_counts *hour, *day;
    const struct history_row *history;
};

static const char *name_in(const char *scope, const char *provider, const char *configuration_set) {
    return strcmp(scope, "provider") == 0 ? provider : strcmp(scope, "configuration_set") == 0 ? configuration_set : "";
}

static int by_name(const void *x, const void *y) {
    const struct line *a = x, *b = y;
    return strcmp(a->name, b->name);
}

/* The busiest first; equals by name. */
static int by_volume(const void *x, const void *y) {
    const struct line *a = x, *b = y;
    uint64_t p = a->day->n[COUNT_SENT], q = b->day->n[COUNT_SENT];
    return p != q ? (p < q) - (p > q) : by_name(a, b);
}

static struct line *find(struct line *lines, size_t count, const char *name) {
    struct line key = {.name = name};
    return count ? bsearch(&key, lines, count, sizeof *lines, by_name) : NULL;
}

/* `multiple` has first opens, and nothing that this table shows. */
static bool has_figures(const struct window_row *row) {
    static const enum rate_counter shown[] = {COUNT_SENT, COUNT_DELIVERED, COUNT_BOUNCED, COUNT_COMPLAINED};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (row->counts.n[shown[i]])
            return true;
    return false;
}

/* The lines of a scope, from the rows of its last 24 hours: what is not there was not active in the last hour either.
 * Returns new. */
static struct line *collect(const struct snapshot *s, const char *scope, size_t *count) {
    struct line *lines = alloc_zeroed(s->window_count + 1, sizeof *lines), *line;
    size_t n = 0;
    for (size_t i = 0; i < s->window_count; i++) {
        const struct window_row *row = &s->windows[i];
        if (row->window == WINDOW_24H && row->basis == BASIS_EVENT && strcmp(row->scope, scope) == 0 &&
            has_figures(row))
            lines[n++] =
                (struct line){name_in(scope, row->provider, row->configuration_set), &no_counts, &row->counts, NULL};
    }
    qsort(lines, n, sizeof *lines, by_name);
    for (size_t i = 0; i < s->window_count; i++) {
        const struct window_row *row = &s->windows[i];
        if (row->window == WINDOW_1H && row->basis == BASIS_EVENT && strcmp(row->scope, scope) == 0 &&
            (line = find(lines, n, name_in(scope, row->provider, row->configuration_set))))
            line->hour = &row->counts;
    }
    for (size_t i = 0; i < s->history_count; i++) {
        const struct history_row *row = &s->history[i];
        if (strcmp(row->scope, scope) == 0 &&
            (line = find(lines, n, name_in(scope, row->provider, row->configuration_set))))
            line->history = row;
    }
    qsort(lines, n, sizeof *lines, by_volume);
    *count = n;
    return lines;
}

static void put_rate_cells(FILE *out, const struct line *line, enum report_column column) {
    fputs("<td class=\"first\">", out);
    page_rate(out, column, line->day);
    fputs("</td><td>", out);
    page_rate(out, column, line->hour);
    fputs("</td>", out);
}

static void put_figures(FILE *out, const struct line *line) {
    fputs("<td class=\"first\">", out);
    page_count(out, line->day->n[COUNT_SENT]);
    fputs("</td><td class=\"pic\">", out);
    page_bars(out, line->history);
    fputs("</td>", out);
    put_rate_cells(out, line, COLUMN_BOUNCE_RATE);
    fputs("<td class=\"pic\">", out);
    page_line(out, line->history, RATE_BOUNCE);
    fputs("</td>", out);
    put_rate_cells(out, line, COLUMN_COMPLAINT_RATE);
    put_rate_cells(out, line, COLUMN_DELIVERY_RATE);
    fputs("</tr>\n", out);
}

static void put_line(FILE *out, const struct line *line) {
    fputs("<tr><th scope=\"row\">", out);
    page_name(out, line->name);
    fputs("</th>", out);
    put_figures(out, line);
}

static void add(struct rate_counts *to, const struct rate_counts *from) {
    for (int i = 0; i < RATE_COUNTERS; i++)
        to->n[i] += from->n[i];
}

static void put_rest(FILE *out, const struct line *lines, size_t count) {
    struct rate_counts hour = {0}, day = {0};
    for (size_t i = 0; i < count; i++) {
        add(&hour, lines[i].hour);
        add(&day, lines[i].day);
    }
    fputs("<tr class=\"rest\"><th scope=\"row\">", out);
    page_count(out, count);
    fputs(" more, together</th>", out);
    put_figures(out, &(struct line){.hour = &hour, .day = &day});
}

static void put_head(FILE *out, const char *title) {
    static const char *const pairs[] = {"Complaints", "Delivered"};
    fprintf(out, "<thead><tr><th scope=\"col\" rowspan=\"2\">%s</th>", title);
    fputs("<th scope=\"colgroup\" colspan=\"2\">Sent</th><th scope=\"colgroup\" colspan=\"3\">Bounced</th>", out);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        fprintf(out, "<th scope=\"colgroup\" colspan=\"2\">%s</th>", pairs[i]);
#define DAY  "<th scope=\"col\" class=\"first\">24 h</th>"
#define HOUR "<th scope=\"col\">1 h</th>"
#define PIC  "<th scope=\"col\" class=\"pic\">48 h</th>"
    fputs("</tr>\n<tr>" DAY PIC DAY HOUR PIC DAY HOUR DAY HOUR "</tr></thead>\n<tbody>", out);
#undef DAY
#undef HOUR
#undef PIC
}

void page_write_rates(FILE *out, const struct snapshot *s, const char *scope, const char *id, const char *title) {
    size_t count;
    struct line *lines = collect(s, scope, &count);
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"%s-title\"><h2 id=\"%s-title\">By %s</h2>\n", id, id, id, title);
    if (count == 0) {
        fputs("<p class=\"quiet\">Nothing in the last 24 hours.</p></section>\n", out);
        free(lines);
        return;
    }
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-title\" id=\"%s-table\">"
            "<table class=\"rates\">",
            id, id);
    put_head(out, strcmp(scope, "provider") == 0 ? "Provider" : "Configuration set");
    size_t shown = count > PAGE_MAX_ROWS ? PAGE_MAX_ROWS : count;
    for (size_t i = 0; i < shown; i++)
        put_line(out, &lines[i]);
    if (count > shown)
        put_rest(out, lines + shown, count - shown);
    fputs("</tbody></table></div></section>\n", out);
    free(lines);
}

static void put_tile(FILE *out, const struct line *line, const char *title, enum report_column column, enum rate rate) {
    fprintf(out, "<li><h3>%s</h3><p class=\"big\">", title);
    page_rate(out, column, line->day);
    fputs("</p><p class=\"quiet\">1 h: ", out);
    page_rate(out, column, line->hour);
    fputs("</p>", out);
    page_line(out, line->history, rate);
    fputs("</li>\n", out);
}

void page_write_account(FILE *out, const struct snapshot *s) {
    size_t count;
    struct line *lines = collect(s, "account", &count);
    struct line line = count ? lines[0] : (struct line){"", &no_counts, &no_counts, NULL};
    free(lines);
    fputs("<section id=\"account\" aria-labelledby=\"account-title\"><h2 id=\"account-title\">Account "
          "<small>24 hours</small></h2><ul class=\"tiles\">\n<li><h3>Sent</h3><p class=\"big\">",
          out);
    page_count(out, line.day->n[COUNT_SENT]);
    fputs("</p><p class=\"quiet\">1 h: ", out);
    page_count(out, line.hour->n[COUNT_SENT]);
    fputs("</p>", out);
    page_bars(out, line.history);
    fputs("</li>\n", out);
    put_tile(out, &line, "Bounced", COLUMN_BOUNCE_RATE, RATE_BOUNCE);
    put_tile(out, &line, "Complaints", COLUMN_COMPLAINT_RATE, RATE_COMPLAINT);
    put_tile(out, &line, "Delivered", COLUMN_DELIVERY_RATE, RATE_DELIVERY);
    fputs("</ul></section>\n", out);
}
