#include <errno.h>
#include <math.h>
#include <string.h>

#include "sinks/csv.h"
#include "sinks/json_writer.h"
#include "sinks/report_cell.h"
#include "sinks/report_like.h"
#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

const struct view_request vdm_views[VDM_VIEWS] = {
    {.kind = VIEW_ACCOUNT, .title = "account"},
    {.kind = VIEW_PROVIDER, .title = "provider"},
    {.kind = VIEW_IDENTITY, .title = "identity"},
    {.kind = VIEW_CONFIGURATION_SET, .title = "configuration_set"},
};

/* --- what VDM shows ----------------------------------------------------------------------------------------------- */

enum { VOLUMES = 2, VDM_RATES = 6 };

static const struct volume {
    const char *name;
    enum rate_counter counter;
} volumes[VOLUMES] = {{"sends", COUNT_SENT}, {"deliveries", COUNT_DELIVERED}};

/* Opens and clicks are all events of the type: the simulator's were filtered before. */
enum { BY_EVENTS = -1 };
static const struct vdm_rate {
    const char *name, *title;
    int above; /* enum rate_counter, or BY_EVENTS */
    enum event_type events;
    enum rate_counter below;
    int decimals;
} rates[VDM_RATES] = {
    {"delivery", "delivery", COUNT_DELIVERED, EVENT_TYPES, COUNT_SENT, 2},
    {"transient_bounce", "transient", COUNT_TRANSIENT, EVENT_TYPES, COUNT_SENT, 2},
    {"permanent_bounce", "permanent", COUNT_PERMANENT, EVENT_TYPES, COUNT_SENT, 2},
    {"complaint", "complaint", COUNT_COMPLAINED, EVENT_TYPES, COUNT_DELIVERED_FEEDBACK, 3},
    {"open", "open", BY_EVENTS, EVENT_OPEN, COUNT_DELIVERED, 2},
    {"click", "click", BY_EVENTS, EVENT_CLICK, COUNT_DELIVERED, 2},
};

static uint64_t volume_of(const struct volume *v, const struct tally *t) {
    return t->rates.n[v->counter];
}

static uint64_t count_of(const struct vdm_rate *r, const struct tally *t) {
    return r->above == BY_EVENTS ? t->recipients[r->events] : t->rates.n[r->above];
}

static uint64_t base_of(const struct vdm_rate *r, const struct tally *t) {
    return t->rates.n[r->below];
}

/* False when there is nothing to divide by. */
static bool rate_of(const struct vdm_rate *r, const struct tally *t, double *value) {
    uint64_t base = base_of(r, t);
    if (base)
        *value = (double)count_of(r, t) / (double)base;
    return base != 0;
}

static bool change_of(const struct vdm_rate *r, const struct tally tally[PERIODS], double *change) {
    double now, before;
    if (!rate_of(r, &tally[PERIOD_NOW], &now) || !rate_of(r, &tally[PERIOD_BEFORE], &before))
        return false;
    *change = now - before;
    return true;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void put_figures(struct json_writer *w, const struct tally *t) {
    json_put_key(w, "volume");
    json_put_open(w, '{');
    for (int i = 0; i < VOLUMES; i++) {
        json_put_u64_member(w, volumes[i].name, volume_of(&volumes[i], t));
    }
    json_put_close(w, '}');
    json_put_key(w, "rates");
    json_put_open(w, '{');
    for (int i = 0; i < VDM_RATES; i++) {
        double value = 0;
        bool known = rate_of(&rates[i], t, &value);
        json_put_key(w, rates[i].name);
        json_put_open(w, '{');
        json_put_double_member(w, "value", known, value);
        json_put_u64_member(w, "count", count_of(&rates[i], t));
        json_put_u64_member(w, "of", base_of(&rates[i], t));
        json_put_close(w, '}');
    }
    json_put_close(w, '}');
}

static void put_changes(struct json_writer *w, const struct tally tally[PERIODS]) {
    double change = 0;
    json_put_key(w, "volume");
    json_put_open(w, '{');
    for (int i = 0; i < VOLUMES; i++) {
        bool known = report_volume_change(volume_of(&volumes[i], &tally[PERIOD_NOW]),
                                          volume_of(&volumes[i], &tally[PERIOD_BEFORE]), &change);
        json_put_double_member(w, volumes[i].name, known, change);
    }
    json_put_close(w, '}');
    json_put_key(w, "rates");
    json_put_open(w, '{');
    for (int i = 0; i < VDM_RATES; i++) {
        bool known = change_of(&rates[i], tally, &change);
        json_put_double_member(w, rates[i].name, known, change);
    }
    json_put_close(w, '}');
}

static void write_json(FILE *out, const struct snapshot *s, bool compare) {
    static const struct report_json_row form = {.figures = put_figures, .changes = put_changes};
    struct json_writer w = {.out = out};
    json_put_open(&w, '{');
    json_put_string_member(&w, "status", "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    json_put_key(&w, "period");
    json_put_open(&w, '{');
    json_put_time_member(&w, "from", s->from_ms != INT64_MIN, s->from_ms);
    json_put_time_member(&w, "to", s->to_ms != INT64_MAX, s->to_ms);
    if (compare)
        json_put_time_member(&w, "before_from", true, s->before_from_ms);
    json_put_close(&w, '}');
    report_json_put_views(&w, s, compare, &form);
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
}

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static void put_titles(struct csv_writer *w, bool is_before) {
    const char *before = is_before ? "before_" : "";
    for (int i = 0; i < VOLUMES; i++)
        csv_put_words(w, before, volumes[i].name, "");
    for (int i = 0; i < VDM_RATES; i++) {
        csv_put_words(w, before, rates[i].name, "_rate");
        csv_put_words(w, before, rates[i].name, "_count");
        csv_put_words(w, before, rates[i].name, "_of");
    }
}

static void put_change_titles(struct csv_writer *w) {
    for (int i = 0; i < VOLUMES; i++)
        csv_put_words(w, "change_", volumes[i].name, "");
    for (int i = 0; i < VDM_RATES; i++)
        csv_put_words(w, "change_", rates[i].name, "_rate");
}

static void put_cells(struct csv_writer *w, const struct tally *t) {
    for (int i = 0; i < VOLUMES; i++)
        csv_put_u64(w, volume_of(&volumes[i], t));
    for (int i = 0; i < VDM_RATES; i++) {
        double value = 0;
        bool known = rate_of(&rates[i], t, &value);
        csv_put_known(w, known, value);
        csv_put_u64(w, count_of(&rates[i], t));
        csv_put_u64(w, base_of(&rates[i], t));
    }
}

static void put_change_cells(struct csv_writer *w, const struct tally tally[PERIODS]) {
    double change = 0;
    for (int i = 0; i < VOLUMES; i++) {
        bool known = report_volume_change(volume_of(&volumes[i], &tally[PERIOD_NOW]),
                                          volume_of(&volumes[i], &tally[PERIOD_BEFORE]), &change);
        csv_put_known(w, known, change);
    }
    for (int i = 0; i < VDM_RATES; i++) {
        bool known = change_of(&rates[i], tally, &change);
        csv_put_known(w, known, change);
    }
}

static const struct report_csv_row csv_form = {put_titles, put_change_titles, put_cells, put_change_cells};

/* --- table -------------------------------------------------------------------------------------------------------- */

enum { NAME_WIDTH = 26, GAP = 2, CELL_WIDTH = 10 };

struct sheet {
    FILE *out;
    bool compare;
    size_t max_rows;
    const char *bold, *dim, *end;
    size_t blanks; /* between what the line holds and what comes next: no line ends in them */
};

/* Never rounded to what it is not: a rate above 0 does not show as 0, nor one below 100 % as 100 %. */
static void percent(double value, int decimals, char *out, size_t size) {
    double shown = value * 100, least = pow(10, -decimals);
    if (shown > 0 && shown < least / 2)
        snprintf(out, size, "<%.*f %%", decimals, least);
    else if (shown < 100 && shown >= 100 - least / 2)
        snprintf(out, size, ">%.*f %%", decimals, 100 - least);
    else
        snprintf(out, size, "%.*f %%", decimals, shown);
}

static void put_figure(struct sheet *t, const char *text) {
    size_t len = strlen(text);
    t->blanks += GAP + (len < CELL_WIDTH ? CELL_WIDTH - len : 0);
    if (len == 0)
        return;
    fprintf(t->out, "%*s%s", (int)t->blanks, "", text);
    t->blanks = 0;
}

static void end_line(struct sheet *t) {
    fprintf(t->out, "%s\n", t->end);
    t->blanks = 0;
}

static void put_count(struct sheet *t, uint64_t n) {
    char text[TEXT_NUMBER_SIZE];
    text_count(n, text);
    put_figure(t, text);
}

static void put_name(struct sheet *t, const char *name) {
    t->blanks = NAME_WIDTH - report_name_print(t->out, name, NAME_WIDTH);
}

static void put_rates_line(struct sheet *t, const char *name, const struct tally *now) {
    put_name(t, name);
    for (int i = 0; i < VOLUMES; i++)
        put_count(t, volume_of(&volumes[i], now));
    for (int i = 0; i < VDM_RATES; i++) {
        double value;
        char text[48] = "-";
        if (rate_of(&rates[i], now, &value))
            percent(value, rates[i].decimals, text, sizeof text);
        put_figure(t, text);
    }
    end_line(t);
}

/* The deliveries have a column of their own. */
static void put_counts_line(struct sheet *t, const struct tally *now) {
    put_name(t, "");
    for (int i = 0; i < VOLUMES + 1; i++)
        put_figure(t, "");
    for (int i = 1; i < VDM_RATES; i++)
        put_count(t, count_of(&rates[i], now));
    end_line(t);
}

static void put_change_line(struct sheet *t, const struct tally tally[PERIODS]) {
    double change;
    char text[48];
    fputs(t->dim, t->out);
    put_name(t, "");
    for (int i = 0; i < VOLUMES; i++) {
        uint64_t now = volume_of(&volumes[i], &tally[PERIOD_NOW]);
        uint64_t before = volume_of(&volumes[i], &tally[PERIOD_BEFORE]);
        snprintf(text, sizeof text, "%s", now ? "new" : "");
        if (report_volume_change(now, before, &change))
            snprintf(text, sizeof text, "%+.1f %%", change * 100);
        put_figure(t, text);
    }
    for (int i = 0; i < VDM_RATES; i++) {
        text[0] = '\0';
        if (change_of(&rates[i], tally, &change))
            snprintf(text, sizeof text, "%+.*f pp", rates[i].decimals, change * 100);
        put_figure(t, text);
    }
    end_line(t);
}

static void row_name(const struct view *view, const struct view_row *row, char *out, size_t size) {
    if (view->kind == VIEW_ACCOUNT) {
        snprintf(out, size, "all mail");
        return;
    }
    const char *parts[] = {row->provider, row->configuration_set, row->name};
    *out = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i])
            snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? ", " : "", *parts[i] ? parts[i] : "(none)");
}

static void put_view(struct sheet *t, const struct view *view) {
    static const char *const titles[VIEW_KINDS] = {[VIEW_ACCOUNT] = "ACCOUNT",
                                                   [VIEW_PROVIDER] = "ISP",
                                                   [VIEW_IDENTITY] = "SENDING IDENTITY",
                                                   [VIEW_CONFIGURATION_SET] = "CONFIGURATION SET",
                                                   [VIEW_BOTH] = "ISP, CONFIGURATION SET",
                                                   [VIEW_TAG] = "TAG"};
    fprintf(t->out, "\n%s", t->bold);
    put_name(t, titles[view->kind]);
    for (int i = 0; i < VOLUMES; i++)
        put_figure(t, volumes[i].name);
    for (int i = 0; i < VDM_RATES; i++)
        put_figure(t, rates[i].title);
    end_line(t);
    size_t shown = t->max_rows && view->count > t->max_rows ? t->max_rows : view->count;
    for (size_t i = 0; i < shown && !ferror(t->out); i++) {
        char name[600];
        row_name(view, &view->rows[i], name, sizeof name);
        put_rates_line(t, name, &view->rows[i].tally[PERIOD_NOW]);
        put_counts_line(t, &view->rows[i].tally[PERIOD_NOW]);
        if (t->compare)
            put_change_line(t, view->rows[i].tally);
    }
    if (shown < view->count)
        fprintf(t->out, "%s... and %zu more, --format csv shows all%s\n", t->dim, view->count - shown, t->end);
}

static void put_period(struct sheet *t, const struct snapshot *s) {
    char from[TEXT_TIME_SIZE] = "..", to[TEXT_TIME_SIZE] = "..", before[TEXT_TIME_SIZE];
    int64_t first = s->from_ms == INT64_MIN && s->first_ms ? s->first_ms : s->from_ms;
    int64_t last = s->to_ms == INT64_MAX && s->watermark_ms ? s->watermark_ms : s->to_ms;
    if (first != INT64_MIN)
        text_time_plain(first, from);
    if (last != INT64_MAX)
        text_time_plain(last, to);
    fprintf(t->out, "%sPeriod%s    %s to %s UTC\n", t->bold, t->end, from, to);
    if (t->compare) {
        text_time_plain(s->before_from_ms, before);
        fprintf(t->out, "%sCompared%s  with %s to %s UTC (third lines)\n", t->bold, t->end, before, from);
    }
}

static void write_table(FILE *out, const struct snapshot *s, const struct report_options *o, bool compare) {
    struct sheet t = {.out = out,
                      .compare = compare,
                      .max_rows = o->max_rows,
                      .bold = report_style_begin(o->colour, STYLE_BOLD),
                      .dim = report_style_begin(o->colour, STYLE_DIM),
                      .end = report_style_end(o->colour, STYLE_BOLD)};
    put_period(&t, s);
    for (size_t v = 0; v < s->view_count; v++)
        put_view(&t, &s->views[v]);
    fprintf(out,
            "\n%sAs Virtual Deliverability Manager counts: mail to one recipient, without the simulator and bounces by "
            "the account's\nsuppression list. Below each rate its count. Complaints are over deliveries to providers "
            "with a feedback loop. Opens and\nclicks are all events, machines' too, over all deliveries: events do "
            "not tell which mail was HTML or had tracked links,\nso AWS's open and click rates are higher "
            "(docs/aws-numbers.md).%s\n",
            t.dim, t.end);
}

bool report_vdm_write(FILE *out, const struct snapshot *s, const struct report_options *o, struct err *err) {
    bool compare = o->compare && s->has_before;
    errno = 0;
    if (o->format == REPORT_JSON)
        write_json(out, s, compare);
    else if (o->format == REPORT_CSV)
        report_csv_put_views(out, s, compare, &csv_form);
    else
        write_table(out, s, o, compare);
    return !ferror(out) || err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the report");
}
