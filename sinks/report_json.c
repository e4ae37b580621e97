#include "sinks/json_writer.h"
#include "sinks/report_parts.h"

static void put_period(struct json_writer *w, const struct snapshot *s, bool compare) {
    json_put_key(w, "period");
    json_put_open(w, '{');
    json_put_time_member(w, "from", s->from_ms != INT64_MIN, s->from_ms);
    json_put_time_member(w, "to", s->to_ms != INT64_MAX, s->to_ms);
    json_put_time_member(w, "first", s->first_ms != 0, s->first_ms);
    json_put_time_member(w, "watermark", s->watermark_ms != 0, s->watermark_ms);
    if (compare)
        json_put_time_member(w, "before_from", true, s->before_from_ms);
    json_put_close(w, '}');
}

static void put_accounting(struct json_writer *w, const struct snapshot *s) {
    const struct accounting *a = &s->accounting;
    json_put_key(w, "accounting");
    json_put_open(w, '{');
    json_put_string_member(w, "source", s->sources[0].name);
    json_put_u64_member(w, "read", a->read);
    json_put_u64_member(w, "counted", a->counted);
    json_put_u64_member(w, "duplicate", a->duplicate);
    json_put_u64_member(w, "late", a->late);
    json_put_u64_member(w, "future", a->future);
    json_put_u64_member(w, "filtered", a->filtered);
    json_put_u64_member(w, "malformed", accounting_malformed(a));
    json_put_key(w, "malformed_by_reason");
    json_put_open(w, '{');
    for (int r = 0; r < MALFORMED_REASONS; r++)
        json_put_u64_member(w, malformed_reason_name((enum malformed_reason)r), a->malformed[r]);
    json_put_close(w, '}');
    json_put_u64_member(w, "bytes_read", a->bytes_read);
    json_put_u64_member(w, "bytes_decoded", a->bytes_decoded);
    json_put_key(w, "objects");
    json_put_open(w, '{');
    json_put_u64_member(w, "done", a->objects_done);
    json_put_u64_member(w, "empty", a->objects_empty);
    json_put_u64_member(w, "damaged", a->objects_damaged);
    json_put_u64_member(w, "unsupported", a->objects_unsupported);
    json_put_u64_member(w, "unreadable", a->objects_unreadable);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

static void put_types(struct json_writer *w, const char *key, const uint64_t counts[EVENT_TYPES]) {
    json_put_key(w, key);
    json_put_open(w, '{');
    for (int t = 0; t < EVENT_TYPES; t++)
        json_put_u64_member(w, event_type_name((enum event_type)t), counts[t]);
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
        double value = 0;
        bool known = rate_value(rate, &t->rates, &value);
        json_put_double_member(w, "value", known, value);
        json_put_u64_member(w, "numerator", rate_numerator(rate, &t->rates));
        json_put_u64_member(w, "denominator", rate_denominator(rate, &t->rates));
        json_put_close(w, '}');
    }
    json_put_close(w, '}');
}

static void put_changes(struct json_writer *w, const struct tally tally[PERIODS]) {
    const struct tally *now = &tally[PERIOD_NOW], *before = &tally[PERIOD_BEFORE];
    double change = 0;
    json_put_key(w, "recipients");
    json_put_open(w, '{');
    for (int t = 0; t < EVENT_TYPES; t++) {
        bool known = report_volume_change(now->recipients[t], before->recipients[t], &change);
        json_put_double_member(w, event_type_name((enum event_type)t), known, change);
    }
    json_put_close(w, '}');
    json_put_key(w, "rates");
    json_put_open(w, '{');
    for (int r = 0; r < RATES; r++) {
        bool known = report_rate_change((enum rate)r, now, before, &change);
        json_put_double_member(w, rate_name((enum rate)r), known, change);
    }
    json_put_close(w, '}');
}

static void put_label(struct json_writer *w, const char *key, const char *value) {
    if (!value)
        return; /* the view does not have it */
    json_put_string_member(w, key, value);
}

static void put_row(struct json_writer *w, const struct view_row *row, bool compare,
                    const struct report_json_row *form) {
    json_put_line(w);
    json_put_open(w, '{');
    put_label(w, "provider", row->provider);
    put_label(w, "configuration_set", row->configuration_set);
    put_label(w, "name", row->name);
    form->figures(w, &row->tally[PERIOD_NOW]);
    if (compare) {
        json_put_key(w, "before");
        json_put_open(w, '{');
        form->figures(w, &row->tally[PERIOD_BEFORE]);
        json_put_close(w, '}');
        json_put_key(w, "change");
        json_put_open(w, '{');
        form->changes(w, row->tally);
        json_put_close(w, '}');
    }
    json_put_close(w, '}');
}

/* One row a line: a person can look at it, and line tools can cut it. */
void report_json_put_views(struct json_writer *w, const struct snapshot *s, bool compare,
                           const struct report_json_row *form) {
    json_put_key(w, "views");
    json_put_open(w, '[');
    for (size_t v = 0; v < s->view_count; v++) {
        const struct view *view = &s->views[v];
        json_put_open(w, '{');
        json_put_string_member(w, "by", view->title);
        if (form->overflowed)
            json_put_u64_member(w, "overflowed", view->overflowed);
        json_put_key(w, "rows");
        json_put_open(w, '[');
        for (size_t i = 0; i < view->count && !ferror(w->out); i++)
            put_row(w, &view->rows[i], compare, form);
        json_put_close(w, ']');
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static void put_reputation(struct json_writer *w, const struct snapshot *s) {
    json_put_key(w, "reputation");
    json_put_open(w, '[');
    for (size_t i = 0; i < s->reputation_count; i++) {
        const struct reputation_row *r = &s->reputation[i];
        json_put_line(w);
        json_put_open(w, '{');
        put_label(w, "kind", reputation_kind_name(r->kind));
        put_label(w, "scope", r->scope);
        put_label(w, "configuration_set", r->configuration_set);
        put_label(w, "window", s->last_sends_name);
        put_label(w, "state", reputation_state_name(r->state));
        json_put_u64_member(w, "numerator", r->numerator);
        json_put_u64_member(w, "denominator", r->denominator);
        json_put_double_member(w, "next_threshold", r->next_threshold > 0, r->next_threshold);
        json_put_u64_member(w, "to_next_threshold", r->to_next);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static void put_reasons(struct json_writer *w, const struct snapshot *s, bool compare) {
    json_put_key(w, "reasons");
    json_put_open(w, '[');
    for (size_t i = 0; i < s->detail_count && !ferror(w->out); i++) {
        const struct detail_row *d = &s->details[i];
        if (d->kind != DETAIL_BOUNCE_REASON && d->kind != DETAIL_DELAY_REASON)
            continue;
        json_put_line(w);
        json_put_open(w, '{');
        put_label(w, "of", d->kind == DETAIL_BOUNCE_REASON ? "bounce" : "delay");
        put_label(w, "reason", d->first);
        put_label(w, "provider", d->provider);
        put_label(w, "configuration_set", d->configuration_set);
        json_put_u64_member(w, "recipients", d->count);
        if (compare)
            json_put_u64_member(w, "before", d->before);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

void report_write_json(FILE *out, const struct snapshot *s, bool compare) {
    static const struct report_json_row form = {put_tally, put_changes, true};
    struct json_writer w = {.out = out};
    json_put_open(&w, '{');
    json_put_string_member(&w, "status", "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    put_period(&w, s, compare);
    json_put_line(&w);
    put_accounting(&w, s);
    json_put_line(&w);
    put_reputation(&w, s);
    json_put_line(&w);
    put_reasons(&w, s, compare);
    json_put_line(&w);
    report_json_put_views(&w, s, compare, &form);
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
}
