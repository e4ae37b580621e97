#include "sinks/json_writer.h"
#include "sinks/report_parts.h"

static void put_key_u64(struct json_writer *w, const char *key, uint64_t value) {
    json_put_key(w, key);
    json_put_u64(w, value);
}

static void put_key_time(struct json_writer *w, const char *key, bool known, int64_t ms) {
    json_put_key(w, key);
    if (known)
        json_put_time(w, ms);
    else
        json_put_null(w);
}

static void put_period(struct json_writer *w, const struct snapshot *s, bool compare) {
    json_put_key(w, "period");
    json_put_open(w, '{');
    put_key_time(w, "from", s->from_ms != INT64_MIN, s->from_ms);
    put_key_time(w, "to", s->to_ms != INT64_MAX, s->to_ms);
    put_key_time(w, "first", s->first_ms != 0, s->first_ms);
    put_key_time(w, "watermark", s->watermark_ms != 0, s->watermark_ms);
    if (compare)
        put_key_time(w, "before_from", true, s->before_from_ms);
    json_put_close(w, '}');
}

static void put_accounting(struct json_writer *w, const struct snapshot *s) {
    const struct accounting *a = &s->accounting;
    json_put_key(w, "accounting");
    json_put_open(w, '{');
    json_put_key(w, "source");
    json_put_string(w, s->sources[0].name);
    put_key_u64(w, "read", a->read);
    put_key_u64(w, "counted", a->counted);
    put_key_u64(w, "duplicate", a->duplicate);
    put_key_u64(w, "late", a->late);
    put_key_u64(w, "future", a->future);
    put_key_u64(w, "filtered", a->filtered);
    put_key_u64(w, "malformed", accounting_malformed(a));
    json_put_key(w, "malformed_by_reason");
    json_put_open(w, '{');
    for (int r = 0; r < MALFORMED_REASONS; r++)
        put_key_u64(w, malformed_reason_name((enum malformed_reason)r), a->malformed[r]);
    json_put_close(w, '}');
    put_key_u64(w, "bytes_read", a->bytes_read);
    put_key_u64(w, "bytes_decoded", a->bytes_decoded);
    json_put_key(w, "objects");
    json_put_open(w, '{');
    put_key_u64(w, "done", a->objects_done);
    put_key_u64(w, "empty", a->objects_empty);
    put_key_u64(w, "damaged", a->objects_damaged);
    put_key_u64(w, "unsupported", a->objects_unsupported);
    put_key_u64(w, "unreadable", a->objects_unreadable);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

static void put_types(struct json_writer *w, const char *key, const uint64_t counts[EVENT_TYPES]) {
    json_put_key(w, key);
    json_put_open(w, '{');
    for (int t = 0; t < EVENT_TYPES; t++)
        put_key_u64(w, event_type_name((enum event_type)t), counts[t]);
    json_put_close(w, '}');
}

/* The members of a row, or of its "before". */
static void put_tally(struct json_writer *w, const struct tally *t) {
    put_types(w, "records", t->records);
    put_types(w, "recipients", t->recipients);
    json_put_key(w, "rates");
    json_put_open(w, '{');
    for (int i = 0; i < RATES; i++) {
        enum rate rate = (enum rate)i;
        json_put_key(w, rate_name(rate));
        json_put_open(w, '{');
        json_put_key(w, "value");
        double value;
        if (rate_value(rate, &t->rates, &value))
            json_put_double(w, value);
        else
            json_put_null(w);
        put_key_u64(w, "numerator", rate_numerator(rate, &t->rates));
        put_key_u64(w, "denominator", rate_denominator(rate, &t->rates));
        json_put_close(w, '}');
    }
    json_put_close(w, '}');
}

static void put_change(struct json_writer *w, const char *key, bool known, double change) {
    json_put_key(w, key);
    if (known)
        json_put_double(w, change);
    else
        json_put_null(w);
}

static void put_changes(struct json_writer *w, const struct tally *now, const struct tally *before) {
    double change = 0;
    json_put_key(w, "change");
    json_put_open(w, '{');
    json_put_key(w, "recipients");
    json_put_open(w, '{');
    for (int t = 0; t < EVENT_TYPES; t++) {
        bool known = report_volume_change(now->recipients[t], before->recipients[t], &change);
        put_change(w, event_type_name((enum event_type)t), known, change);
    }
    json_put_close(w, '}');
    json_put_key(w, "rates");
    json_put_open(w, '{');
    for (int r = 0; r < RATES; r++) {
        bool known = report_rate_change((enum rate)r, now, before, &change);
        put_change(w, rate_name((enum rate)r), known, change);
    }
    json_put_close(w, '}');
    json_put_close(w, '}');
}

static void put_label(struct json_writer *w, const char *key, const char *value) {
    if (!value)
        return; /* the view does not have it */
    json_put_key(w, key);
    json_put_string(w, value);
}

static void put_row(struct json_writer *w, const struct view_row *row, bool compare) {
    json_put_line(w);
    json_put_open(w, '{');
    put_label(w, "provider", row->provider);
    put_label(w, "configuration_set", row->configuration_set);
    put_label(w, "name", row->name);
    put_tally(w, &row->tally[PERIOD_NOW]);
    if (compare) {
        json_put_key(w, "before");
        json_put_open(w, '{');
        put_tally(w, &row->tally[PERIOD_BEFORE]);
        json_put_close(w, '}');
        put_changes(w, &row->tally[PERIOD_NOW], &row->tally[PERIOD_BEFORE]);
    }
    json_put_close(w, '}');
}

/* One row a line: a person can look at it, and line tools can cut it. */
void report_write_json(FILE *out, const struct snapshot *s, bool compare) {
    struct json_writer w = {.out = out};
    json_put_open(&w, '{');
    json_put_key(&w, "status");
    json_put_string(&w, "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    put_period(&w, s, compare);
    json_put_line(&w);
    put_accounting(&w, s);
    json_put_line(&w);
    json_put_key(&w, "views");
    json_put_open(&w, '[');
    for (size_t v = 0; v < s->view_count; v++) {
        const struct view *view = &s->views[v];
        json_put_open(&w, '{');
        json_put_key(&w, "by");
        json_put_string(&w, view->title);
        put_key_u64(&w, "overflowed", view->overflowed);
        json_put_key(&w, "rows");
        json_put_open(&w, '[');
        for (size_t i = 0; i < view->count && !ferror(out); i++)
            put_row(&w, &view->rows[i], compare);
        json_put_close(&w, ']');
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
}
