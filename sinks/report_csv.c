#include "sinks/csv.h"
#include "sinks/report_parts.h"

static void put_type_names(struct csv_writer *w, const char *before) {
    for (int t = 0; t < EVENT_TYPES; t++)
        csv_put_words(w, before, event_type_name((enum event_type)t), "");
}

static void put_tally_names(struct csv_writer *w, bool is_before) {
    put_type_names(w, is_before ? "before_records_" : "records_");
    put_type_names(w, is_before ? "before_recipients_" : "recipients_");
    const char *prefix = is_before ? "before_" : "";
    for (int r = 0; r < RATES; r++) {
        csv_put_words(w, prefix, rate_name((enum rate)r), "_rate");
        csv_put_words(w, prefix, rate_name((enum rate)r), "_numerator");
        csv_put_words(w, prefix, rate_name((enum rate)r), "_denominator");
    }
}

static void put_change_names(struct csv_writer *w) {
    put_type_names(w, "change_recipients_");
    for (int r = 0; r < RATES; r++)
        csv_put_words(w, "change_", rate_name((enum rate)r), "_rate");
}

static void put_tally(struct csv_writer *w, const struct tally *t) {
    for (int i = 0; i < EVENT_TYPES; i++)
        csv_put_u64(w, t->records[i]);
    for (int i = 0; i < EVENT_TYPES; i++)
        csv_put_u64(w, t->recipients[i]);
    for (int i = 0; i < RATES; i++) {
        enum rate rate = (enum rate)i;
        double value = 0;
        bool known = rate_value(rate, &t->rates, &value);
        csv_put_known(w, known, value);
        csv_put_u64(w, rate_numerator(rate, &t->rates));
        csv_put_u64(w, rate_denominator(rate, &t->rates));
    }
}

static void put_changes(struct csv_writer *w, const struct tally tally[PERIODS]) {
    const struct tally *now = &tally[PERIOD_NOW], *before = &tally[PERIOD_BEFORE];
    double change = 0;
    for (int i = 0; i < EVENT_TYPES; i++) {
        bool known = report_volume_change(now->recipients[i], before->recipients[i], &change);
        csv_put_known(w, known, change);
    }
    for (int i = 0; i < RATES; i++) {
        bool known = report_rate_change((enum rate)i, now, before, &change);
        csv_put_known(w, known, change);
    }
}

static void put_header(struct csv_writer *w, bool compare, const struct report_csv_row *form) {
    csv_put_word(w, "by");
    csv_put_word(w, "provider");
    csv_put_word(w, "configuration_set");
    csv_put_word(w, "name");
    form->titles(w, false);
    if (compare) {
        form->titles(w, true);
        form->change_titles(w);
    }
    csv_end_line(w);
}

void report_csv_put_views(FILE *out, const struct snapshot *s, bool compare, const struct report_csv_row *form) {
    struct csv_writer w = {.out = out};
    put_header(&w, compare, form);
    for (size_t v = 0; v < s->view_count; v++) {
        const struct view *view = &s->views[v];
        for (size_t i = 0; i < view->count && !ferror(out); i++) {
            const struct view_row *row = &view->rows[i];
            csv_put_text(&w, view->title);
            csv_put_text(&w, row->provider);
            csv_put_text(&w, row->configuration_set);
            csv_put_text(&w, row->name);
            form->figures(&w, &row->tally[PERIOD_NOW]);
            if (compare) {
                form->figures(&w, &row->tally[PERIOD_BEFORE]);
                form->changes(&w, row->tally);
            }
            csv_end_line(&w);
        }
    }
}

void report_write_csv(FILE *out, const struct snapshot *s, bool compare) {
    static const struct report_csv_row form = {put_tally_names, put_change_names, put_tally, put_changes};
    report_csv_put_views(out, s, compare, &form);
}
