#include "sinks/rates.h"

#include <errno.h>
#include <string.h>

#include "sinks/json_writer.h"

static bool matches(const char *wanted, const char *value) {
    return !wanted || strcmp(wanted, value) == 0;
}

static bool row_matches(const struct snapshot *s, const struct rates_query *q, const struct window_row *row) {
    return matches(q->scope, row->scope) && matches(q->window, snapshot_window_name(s, row->window)) &&
           matches(q->basis, basis_names[row->basis]) && matches(q->provider, row->provider) &&
           matches(q->configuration_set, row->configuration_set);
}

static void put_rate(struct json_writer *w, const struct snapshot *s, const struct window_row *row, enum rate rate) {
    double value = 0;
    bool known = rate_value(rate, &row->counts, &value);
    json_put_line(w);
    json_put_open(w, '{');
    json_put_string_member(w, "rate", rate_name(rate));
    json_put_string_member(w, "window", snapshot_window_name(s, row->window));
    json_put_string_member(w, "basis", basis_names[row->basis]);
    json_put_string_member(w, "scope", row->scope);
    json_put_string_member(w, "provider", row->provider);
    json_put_string_member(w, "configuration_set", row->configuration_set);
    json_put_string_member(w, "identity", row->identity);
    json_put_double_member(w, "value", known, value);
    json_put_u64_member(w, "numerator", rate_numerator(rate, &row->counts));
    json_put_u64_member(w, "denominator", rate_denominator(rate, &row->counts));
    json_put_close(w, '}');
}

bool rates_write(FILE *out, const struct snapshot *s, const struct rates_query *query, struct err *err) {
    struct json_writer w = {.out = out};
    errno = 0;
    json_put_open(&w, '{');
    json_put_string_member(&w, "status", "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    json_put_time_member(&w, "watermark", s->watermark_ms != 0, s->watermark_ms);
    json_put_key(&w, "rates");
    json_put_open(&w, '[');
    for (size_t i = 0; i < s->window_count && !ferror(out); i++)
        for (int rate = 0; rate < RATES && row_matches(s, query, &s->windows[i]); rate++)
            if (matches(query->rate, rate_name((enum rate)rate)))
                put_rate(&w, s, &s->windows[i], (enum rate)rate);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
    if (ferror(out))
        return err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the list of rates");
    return true;
}
