#include <string.h>

#include "sinks/report_cell.h"
#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { GAP = 2, MIN_NAMES = 24 };

/* Shared by all views, so that their columns stand below each other. */
struct layout {
    FILE *out;
    bool colour, compare;
    size_t max_rows;
    size_t names;    /* width of the name, or of both names and the gap between them */
    size_t provider; /* width of the first of two names */
    size_t set;      /* and of the second, if all of it were shown */
    bool shown[REPORT_COLUMNS];
    bool dropped[REPORT_COLUMNS]; /* for want of width */
    size_t width[REPORT_COLUMNS];
    enum cell_level worst; /* of all cells printed */
};

/* A view's rows without the simulator's, which are in no rate and come below the total. */
struct sums {
    size_t rows;
    struct tally total[PERIODS];
    struct tally simulator[PERIODS];
    bool has_simulator;
};

static bool is_simulator(const struct view_row *row) {
    return row->provider && strcmp(row->provider, "simulator") == 0;
}

static void sum_view(const struct view *view, struct sums *sums) {
    *sums = (struct sums){0};
    for (size_t i = 0; i < view->count; i++) {
        const struct view_row *row = &view->rows[i];
        bool simulator = is_simulator(row);
        struct tally *to = simulator ? sums->simulator : sums->total;
        for (int p = 0; p < PERIODS; p++)
            tally_add(&to[p], &row->tally[p]);
        sums->has_simulator = sums->has_simulator || simulator;
        sums->rows += !simulator;
    }
}

static size_t rows_shown(const struct layout *l, const struct sums *sums) {
    return l->max_rows && sums->rows > l->max_rows ? l->max_rows : sums->rows;
}

static const char *first_name(const struct view *view, const struct view_row *row) {
    const char *name = NULL;
    switch (view->kind) {
    case VIEW_PROVIDER:
    case VIEW_BOTH:
        name = row->provider;
        break;
    case VIEW_CONFIGURATION_SET:
        name = row->configuration_set;
        break;
    case VIEW_IDENTITY:
    case VIEW_TAG:
        name = row->name;
        break;
    case VIEW_ACCOUNT:
    case VIEW_KINDS:
        return "all mail";
    }
    return name && *name ? name : "(none)";
}

static const char *second_name(const struct view *view, const struct view_row *row) {
    if (view->kind != VIEW_BOTH)
        return NULL;
    return row->configuration_set && *row->configuration_set ? row->configuration_set : "(none)";
}

/* "PROVIDER", "TAG campaign": a tag's name keeps its letters, since they matter. */
static void view_titles(const struct view *view, char first[160], const char **second) {
    static const char *const titles[VIEW_KINDS] = {
        [VIEW_ACCOUNT] = "ACCOUNT", [VIEW_PROVIDER] = "PROVIDER", [VIEW_CONFIGURATION_SET] = "CONFIGURATION SET",
        [VIEW_BOTH] = "PROVIDER",   [VIEW_IDENTITY] = "IDENTITY", [VIEW_TAG] = "TAG"};
    const char *colon = view->kind == VIEW_TAG && view->title ? strchr(view->title, ':') : NULL;
    snprintf(first, 160, "%s%s%.128s", titles[view->kind], colon ? " " : "", colon ? colon + 1 : "");
    *second = view->kind == VIEW_BOTH ? "CONFIGURATION SET" : NULL;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void measure_names(struct layout *l, const char *first, const char *second) {
    size_t width = report_name_width(first);
    if (!second) {
        l->names = larger(l->names, width);
        return;
    }
    l->provider = larger(l->provider, width);
    l->set = larger(l->set, report_name_width(second));
}

static void measure_cells(struct layout *l, const struct tally tally[PERIODS], bool simulator) {
    for (int c = 0; c < REPORT_COLUMNS; c++) {
        enum report_column column = (enum report_column)c;
        struct cell cell;
        report_cell_value(column, &tally[PERIOD_NOW], simulator, &cell);
        l->width[c] = larger(l->width[c], strlen(cell.text));
        l->shown[c] = l->shown[c] || !report_cell_is_zero(column, &tally[PERIOD_NOW], simulator);
        if (!l->compare)
            continue;
        report_cell_change(column, tally, simulator, &cell);
        l->width[c] = larger(l->width[c], strlen(cell.text));
        l->shown[c] = l->shown[c] || !report_cell_is_zero(column, &tally[PERIOD_BEFORE], simulator);
    }
}

static void measure_view(struct layout *l, const struct view *view) {
    char title[160];
    const char *second;
    struct sums sums;
    sum_view(view, &sums);
    view_titles(view, title, &second);
    measure_names(l, title, second);
    measure_names(l, sums.has_simulator ? "simulator" : "total", second ? "" : NULL);
    measure_cells(l, sums.total, false);
    if (sums.has_simulator)
        measure_cells(l, sums.simulator, true);
    size_t left = rows_shown(l, &sums);
    for (size_t i = 0; left && i < view->count; i++) {
        const struct view_row *row = &view->rows[i];
        if (is_simulator(row))
            continue;
        measure_names(l, first_name(view, row), second_name(view, row));
        measure_cells(l, row->tally, false);
        left--;
    }
}

static size_t line_width(const struct layout *l) {
    size_t width = l->names;
    for (int c = 0; c < REPORT_COLUMNS; c++)
        width += l->shown[c] ? GAP + l->width[c] : 0;
    return width;
}

/* Names give way first, down to a quarter of the line; then the columns that matter least. */
static void fit(struct layout *l, size_t width) {
    size_t most = larger(width / 4, MIN_NAMES);
    while (line_width(l) > width && l->names > most)
        l->names--;
    if (l->set && l->provider + GAP + l->set > l->names) {
        size_t half = (l->names - GAP) / 2, rest = l->names - GAP;
        l->provider = l->set < half ? rest - l->set : smaller(l->provider, half);
    }
    if (line_width(l) <= width)
        return;
    bool wanted[REPORT_COLUMNS];
    memcpy(wanted, l->shown, sizeof wanted);
    memset(l->shown, 0, sizeof l->shown);
    for (int rank = 0; rank < REPORT_COLUMNS; rank++) {
        for (int c = 0; c < REPORT_COLUMNS; c++) {
            if (!wanted[c] || report_column_rank((enum report_column)c) != rank)
                continue;
            l->shown[c] = c == COLUMN_SENT || line_width(l) + GAP + l->width[c] <= width;
            l->dropped[c] = !l->shown[c];
        }
    }
}

static void measure(struct layout *l, const struct snapshot *s, size_t width) {
    for (int c = 0; c < REPORT_COLUMNS; c++)
        l->width[c] = strlen(report_column_title((enum report_column)c));
    l->shown[COLUMN_SENT] = true;
    for (size_t v = 0; v < s->view_count; v++)
        measure_view(l, &s->views[v]);
    if (l->set)
        l->names = larger(l->names, l->provider + GAP + l->set);
    if (width)
        fit(l, width);
}

static void put_blanks(const struct layout *l, size_t count) {
    fprintf(l->out, "%*s", (int)count, "");
}

static void put_name(const struct layout *l, const char *name, size_t width) {
    put_blanks(l, width - report_name_print(l->out, name, width));
}

static void put_names(const struct layout *l, const char *first, const char *second) {
    if (!second) {
        put_name(l, first, l->names);
        return;
    }
    put_name(l, first, l->provider);
    put_blanks(l, GAP);
    put_name(l, second, l->names - l->provider - GAP);
}

static void put_rule(const struct layout *l) {
    fputs(report_style_begin(l->colour, STYLE_DIM), l->out);
    for (size_t i = line_width(l); i > 0; i--)
        fputc('-', l->out);
    fprintf(l->out, "%s\n", report_style_end(l->colour, STYLE_DIM));
}

/* `blanks` stand between what the line holds already and this cell; an empty cell adds to them, so that no line ends
 * in blanks. */
static void put_cell(struct layout *l, enum report_column column, const struct cell *cell, enum report_style style,
                     size_t *blanks) {
    if (cell->level != LEVEL_NORMAL)
        style = cell->level == LEVEL_CRITICAL ? STYLE_CRITICAL : STYLE_WARNING;
    if (cell->level > l->worst)
        l->worst = cell->level;
    size_t len = strlen(cell->text);
    *blanks += GAP + l->width[column] - len;
    if (len == 0)
        return;
    put_blanks(l, *blanks);
    fprintf(l->out, "%s%s%s", report_style_begin(l->colour, style), cell->text, report_style_end(l->colour, style));
    *blanks = 0;
}

/* The line under a row: how its figures moved. Left away when there is nothing to tell. */
static void put_changes(struct layout *l, const struct tally tally[PERIODS], bool simulator) {
    struct cell cell;
    size_t blanks = l->names;
    bool any = false;
    for (int c = 0; c < REPORT_COLUMNS; c++) {
        if (!l->shown[c])
            continue;
        report_cell_change((enum report_column)c, tally, simulator, &cell);
        put_cell(l, (enum report_column)c, &cell, STYLE_DIM, &blanks);
        any = any || cell.text[0];
    }
    if (any)
        fputc('\n', l->out);
}

static void put_row(struct layout *l, const char *first, const char *second, const struct tally tally[PERIODS],
                    bool simulator, enum report_style style) {
    struct cell cell;
    size_t blanks = 0;
    fputs(report_style_begin(l->colour, style), l->out);
    put_names(l, first, second);
    fputs(report_style_end(l->colour, style), l->out);
    for (int c = 0; c < REPORT_COLUMNS; c++) {
        if (!l->shown[c])
            continue;
        report_cell_value((enum report_column)c, &tally[PERIOD_NOW], simulator, &cell);
        put_cell(l, (enum report_column)c, &cell, style, &blanks);
    }
    fputc('\n', l->out);
    if (l->compare)
        put_changes(l, tally, simulator);
}

static void put_header(const struct layout *l, const struct view *view) {
    char first[160];
    const char *second;
    view_titles(view, first, &second);
    fprintf(l->out, "\n%s", report_style_begin(l->colour, STYLE_BOLD));
    put_names(l, first, second);
    for (int c = 0; c < REPORT_COLUMNS; c++)
        if (l->shown[c])
            fprintf(l->out, "%*s", (int)(GAP + l->width[c]), report_column_title((enum report_column)c));
    fprintf(l->out, "%s\n", report_style_end(l->colour, STYLE_BOLD));
    put_rule(l);
}

static void put_note(const struct layout *l, uint64_t count, const char *before, const char *after) {
    char text[TEXT_NUMBER_SIZE];
    text_count(count, text);
    fprintf(l->out, "%s%s%s%s%s\n", report_style_begin(l->colour, STYLE_DIM), before, text, after,
            report_style_end(l->colour, STYLE_DIM));
}

static void put_view(struct layout *l, const struct view *view) {
    struct sums sums;
    sum_view(view, &sums);
    put_header(l, view);
    size_t left = rows_shown(l, &sums);
    size_t hidden = sums.rows - left;
    for (size_t i = 0; left && i < view->count && !ferror(l->out); i++) {
        const struct view_row *row = &view->rows[i];
        if (is_simulator(row))
            continue;
        put_row(l, first_name(view, row), second_name(view, row), row->tally, false, STYLE_PLAIN);
        left--;
    }
    if (hidden)
        put_note(l, hidden, "... and ", " more, --format csv shows all");
    const char *no_second = view->kind == VIEW_BOTH ? "" : NULL;
    if (sums.rows > 1) {
        put_rule(l);
        put_row(l, "total", no_second, sums.total, false, STYLE_BOLD);
    }
    if (sums.has_simulator)
        put_row(l, "simulator", no_second, sums.simulator, true, STYLE_DIM);
    if (view->overflowed)
        put_note(l, view->overflowed, "", " further names are counted as other");
}

/* Only a terminal's width drops columns, so the list of them keeps to that width, too. */
static void put_dropped(const struct layout *l) {
    static const char intro[] = "No room for";
    size_t at = 0;
    for (int c = 0; c < REPORT_COLUMNS; c++) {
        if (!l->dropped[c])
            continue;
        const char *title = report_column_title((enum report_column)c);
        if (at == 0)
            at = (size_t)fprintf(l->out, "\n%s%s", report_style_begin(l->colour, STYLE_DIM), intro);
        else
            at += (size_t)fprintf(l->out, ",");
        if (at + 1 + strlen(title) + 1 > larger(line_width(l), 60)) {
            fprintf(l->out, "\n%*s", (int)sizeof intro - 1, "");
            at = sizeof intro - 1;
        }
        at += (size_t)fprintf(l->out, " %s", title);
    }
    if (at)
        fprintf(l->out, "\n--format csv has all columns%s\n", report_style_end(l->colour, STYLE_DIM));
}

/* What the marks mean, and what did not fit. */
static void put_legend(const struct layout *l) {
    const char *dim = report_style_begin(l->colour, STYLE_DIM), *end = report_style_end(l->colour, STYLE_DIM);
    if (l->worst != LEVEL_NORMAL)
        fprintf(l->out, "\n%s!   bounce from 5 %%, complaint from 0.1 %%: AWS reviews the account%s\n", dim, end);
    if (l->worst == LEVEL_CRITICAL)
        fprintf(l->out, "%s!!  bounce from 10 %%, complaint from 0.5 %%: AWS may pause its sending%s\n", dim, end);
    put_dropped(l);
}

void report_write_table(FILE *out, const struct snapshot *s, const struct report_options *o) {
    struct layout l = {
        .out = out, .colour = o->colour, .compare = o->compare && s->has_before, .max_rows = o->max_rows};
    report_write_summary(out, s, l.colour, l.compare);
    measure(&l, s, o->width > 0 ? (size_t)o->width : 0);
    for (size_t v = 0; v < s->view_count; v++)
        put_view(&l, &s->views[v]);
    put_legend(&l);
    report_write_reasons(out, s, o);
    if (s->alert_count)
        report_write_alerts(out, s, o);
}
