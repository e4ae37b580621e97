#include "sinks/csv.h"
#include "sinks/report_parts.h"

static void put_name(struct csv_writer *w, const char *before, const char *middle, const char *after) {
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", before, middle, after);
    csv_put_word(w, name);
}

static void put_type_names(struct csv_writer *w, const char *before) {
    for (int t = 0; t < EVENT_TYPES; t++)
        put_name(w, before, event_type_name((enum event_type)t), "");
}

static void put_tally_names(struct csv_writer *w, bool is_before) {
    put_type_names(w, is_before ? "before_records_" : "records_");
    put_type_names(w, is_before ? "before_recipients_" : "recipients_");
    const char *prefix = is_before ? "before_" : "";
    for (int r = 0; r < RATES; r++) {
        put_name(w, prefix, rate_name((enum rate)r), "_rate");
        put_name(w, prefix, rate_name((enum rate)r), "_numerator");
        put_name(w, prefix, rate_name((enum rate)r), "_denominator");
    }
}

static void put_header(struct csv_writer *w, bool compare) {
    csv_put_word(w, "by");
    csv_put_word(w, "provider");
    csv_put_word(w, "configuration_set");
    csv_put_word(w, "name");
    put_tally_names(w, false);
    if (compare) {
        put_tally_names(w, true);
        put_type_names(w, "change_recipients_");
        for (int r = 0; r < RATES; r++)
            put_name(w, "change_", rate_name((enum rate)r), "_rate");
    }
    csv_end_line(w);
}

static void put_tally(struct csv_writer *w, const struct tally *t) {
    for (int i = 0; i < EVENT_TYPES; i++)
        csv_put_u64(w, t->records[i]);
    for (int i = 0; i < EVENT_TYPES; i++)
        csv_put_u64(w, t->recipients[i]);
    for (int i = 0; i < RATES; i++) {
        enum rate rate = (enum rate)i;
        double value;
        if (rate_value(rate, &t->rates, &value))
            csv_put_double(w, value);
        else
            csv_put_empty(w);
        csv_put_u64(w, rate_numerator(rate, &t->rates));
        csv_put_u64(w, rate_denominator(rate, &t->rates));
    }
}

static void put_change(struct csv_writer *w, bool known, double change) {
    if (known)
        csv_put_double(w, change);
    else
        csv_put_empty(w);
}

static void put_changes(struct csv_writer *w, const struct tally *now, const struct tally *before) {
    double change = 0;
    for (int i = 0; i < EVENT_TYPES; i++) {
        bool known = report_volume_change(now->recipients[i], before->recipients[i], &change);
        put_change(w, known, change);
    }
    for (int i = 0; i < RATES; i++) {
        bool known = report_rate_change((enum rate)i, now, before, &change);
        put_change(w, known, change);
    }
}

void report_write_csv(FILE *out, const struct snapshot *s, bool compare) {
    struct csv_writer w = {.out = out};
    put_header(&w, compare);
    for (size_t v = 0; v < s->view_count; v++) {
        const struct view *view = &s->views[v];
        for (size_t i = 0; i < view->count && !ferror(out); i++) {
            const struct view_row *row = &view->rows[i];
            csv_put_text(&w, view->title);
            csv_put_text(&w, row->provider);
            csv_put_text(&w, row->configuration_set);
            csv_put_text(&w, row->name);
            put_tally(&w, &row->tally[PERIOD_NOW]);
            if (compare) {
                put_tally(&w, &row->tally[PERIOD_BEFORE]);
                put_changes(&w, &row->tally[PERIOD_NOW], &row->tally[PERIOD_BEFORE]);
            }
            csv_end_line(&w);
        }
    }
}
