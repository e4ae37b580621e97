#include <string.h>

#include "sinks/alerts.h"
#include "sinks/report_cell.h"
#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { TEXT = 320, GAP = 2 };

/* The parts of an alert's line; made once to measure and once to print. */
struct alert_text {
    char where[TEXT]; /* "provider gmail" */
    char what[TEXT];  /* "bounce 13.70 % (411/3,000) over 1h, threshold 10 %" */
    char when[TEXT];
};

struct widths {
    size_t severity, name, where, what, when;
};

static void write_where(const struct alert_row *a, char out[TEXT]) {
    bool has_provider = a->provider && *a->provider, has_set = a->configuration_set && *a->configuration_set;
    const char *scope = strcmp(a->scope, "configuration_set") == 0 ? "set" : a->scope;
    if (a->identity && *a->identity)
        snprintf(out, TEXT, "identity %s", a->identity);
    else if (has_provider && has_set)
        snprintf(out, TEXT, "%s, %s", a->provider, a->configuration_set);
    else if (has_provider || has_set)
        snprintf(out, TEXT, "%s %s%s%s", scope, has_provider ? a->provider : a->configuration_set,
                 a->reason && *a->reason ? ", " : "", a->reason ? a->reason : "");
    else
        snprintf(out, TEXT, "%s", strcmp(scope, "set") == 0 ? "set (none)" : scope);
}

/* As many decimals as say something: 13.70 %, 0.500 %. */
static int decimals_for(double value) {
    return value < 0.01 ? 3 : 2;
}

static void write_what(const struct alert_row *a, char out[TEXT]) {
    enum rate rate;
    if (!a->rate || !rate_parse(a->rate, &rate)) {
        snprintf(out, TEXT, "%s", a->description ? a->description : a->summary ? a->summary : "");
        return;
    }
    char numerator[TEXT_NUMBER_SIZE], denominator[TEXT_NUMBER_SIZE];
    text_count(a->numerator, numerator);
    text_count(a->denominator, denominator);
    snprintf(out, TEXT, "%s %.*f %% (%s/%s) over %s, threshold %.15g %%", a->rate, decimals_for(a->value),
             a->value * 100, numerator, denominator, a->window, a->threshold * 100);
}

/* "2026-11-21 23:34": alerts are judged by the minute. */
static void write_minute(int64_t ms, char out[TEXT_TIME_SIZE]) {
    text_time_plain(ms, out);
    char *seconds = strrchr(out, ':');
    if (seconds)
        *seconds = '\0';
}

static void write_when(const struct alert_row *a, char out[TEXT]) {
    char from[TEXT_TIME_SIZE], to[TEXT_TIME_SIZE];
    if (a->state == ALERT_PENDING) {
        write_minute(a->active_ms, from);
        snprintf(out, TEXT, "pending since %s", from);
        return;
    }
    write_minute(a->fired_ms, from);
    if (a->state == ALERT_FIRING) {
        snprintf(out, TEXT, "%s .. still firing", from);
        return;
    }
    write_minute(a->resolved_ms, to);
    const char *shown = strncmp(from, to, 10) == 0 && strlen(to) > 11 ? to + 11 : to; /* the same day */
    snprintf(out, TEXT, "%s .. %s", from, shown);
}

/* A part of another alert says so: whoever reads both should not look for two causes. */
static void note_muting(const struct alert_row *a, char out[TEXT]) {
    size_t len = strlen(out);
    if (a->muted_by)
        snprintf(out + len, TEXT - len, " (part of a wider alert)");
}

static void describe(const struct alert_row *a, struct alert_text *t) {
    write_where(a, t->where);
    write_what(a, t->what);
    write_when(a, t->when);
    note_muting(a, t->when);
}

static void widen(size_t *width, const char *text) {
    size_t needed = report_name_width(text);
    if (needed > *width)
        *width = needed;
}

static void put_padded(FILE *out, const char *text, size_t width) {
    size_t used = report_name_print(out, text, width);
    fprintf(out, "%*s", (int)(width - used + GAP), "");
}

/* A part and the gap to the next, or a line's end and the next line's indent. */
static void put_part(FILE *out, const char *text, size_t width, size_t indent) {
    if (indent == 0) {
        put_padded(out, text, width);
        return;
    }
    report_name_print(out, text, SIZE_MAX);
    fprintf(out, "\n%*s", (int)indent, "");
}

static enum report_style style_of(const struct alert_row *a) {
    if (a->state != ALERT_FIRING)
        return STYLE_DIM;
    return strcmp(a->severity, "critical") == 0 ? STYLE_CRITICAL : STYLE_WARNING;
}

/* One line; on a narrow terminal the figures and times go to a second and third. */
static void put_alert(FILE *out, const struct alert_row *a, const struct widths *w, bool colour, size_t width) {
    struct alert_text t;
    describe(a, &t);
    fputs(report_style_begin(colour, style_of(a)), out);
    put_padded(out, a->severity, w->severity);
    fputs(report_style_end(colour, style_of(a)), out);
    size_t left = w->severity + w->name + w->where + 3 * GAP;
    bool two_lines = width && left + w->what + GAP + w->when > width;
    bool three_lines = two_lines && w->severity + GAP + w->what + GAP + w->when > width;
    put_padded(out, a->alertname, w->name);
    put_part(out, t.where, w->where, two_lines ? w->severity + GAP : 0);
    put_part(out, t.what, w->what, three_lines ? w->severity + GAP : 0);
    fprintf(out, "%s\n", t.when);
}

static size_t put_state(FILE *out, const struct snapshot *s, const struct report_options *o, const struct widths *w,
                        bool firing, size_t room) {
    size_t put = 0;
    for (size_t i = 0; i < s->alert_count && put < room; i++) {
        if ((s->alerts[i].state == ALERT_FIRING) != firing)
            continue;
        put_alert(out, &s->alerts[i], w, o->colour, o->width > 0 ? (size_t)o->width : 0);
        put++;
    }
    return put;
}

/* Those that still fire come first: they are what someone has to act on. */
void report_write_alerts(FILE *out, const struct snapshot *s, const struct report_options *o) {
    struct widths w = {0};
    for (size_t i = 0; i < s->alert_count; i++) {
        struct alert_text t;
        describe(&s->alerts[i], &t);
        widen(&w.severity, s->alerts[i].severity);
        widen(&w.name, s->alerts[i].alertname);
        widen(&w.where, t.where);
        widen(&w.what, t.what);
        widen(&w.when, t.when);
    }
    fprintf(out, "\n%sALERTS%s\n", report_style_begin(o->colour, STYLE_BOLD), report_style_end(o->colour, STYLE_BOLD));
    size_t room = o->max_rows ? o->max_rows : SIZE_MAX;
    size_t put = put_state(out, s, o, &w, true, room);
    put += put_state(out, s, o, &w, false, room - put);
    uint64_t more = s->alert_count - put + s->alerts_dropped;
    if (more) {
        char text[TEXT_NUMBER_SIZE];
        text_count(more, text);
        fprintf(out, "%s... and %s more, --alerts FILE %s%s\n", report_style_begin(o->colour, STYLE_DIM), text,
                s->alerts_dropped ? "lists the first of them" : "lists all", report_style_end(o->colour, STYLE_DIM));
    }
}
