#include "sinks/rates.h"

#include <errno.h>
#include <string.h>

#include "sinks/json_writer.h"

static void put_string(struct json_writer *w, const char *key, const char *value) {
    json_put_key(w, key);
    json_put_string(w, value);
}

static bool matches(const char *wanted, const char *value) {
    return !wanted || strcmp(wanted, value) == 0;
}

static bool row_matches(const struct rates_query *q, const struct window_row *row) {
    return matches(q->scope, row->scope) && matches(q->window, window_names[row->window]) &&
           matches(q->provider, row->provider) && matches(q->configuration_set, row->configuration_set);
}

static void put_rate(struct json_writer *w, const struct window_row *row, enum rate rate) {
    double value;
    json_put_line(w);
    json_put_open(w, '{');
    put_string(w, "rate", rate_name(rate));
    put_string(w, "window", window_names[row->window]);
    put_string(w, "basis", "event");
    put_string(w, "scope", row->scope);
    put_string(w, "provider", row->provider);
    put_string(w, "configuration_set", row->configuration_set);
    put_string(w, "identity", row->identity);
    json_put_key(w, "value");
    if (rate_value(rate, &row->counts, &value))
        json_put_double(w, value);
    else
        json_put_null(w);
    json_put_key(w, "numerator");
    json_put_u64(w, rate_numerator(rate, &row->counts));
    json_put_key(w, "denominator");
    json_put_u64(w, rate_denominator(rate, &row->counts));
    json_put_close(w, '}');
}

bool rates_write(FILE *out, const struct snapshot *s, const struct rates_query *query, struct err *err) {
    struct json_writer w = {.out = out};
    errno = 0;
    json_put_open(&w, '{');
    put_string(&w, "status", "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    json_put_key(&w, "watermark");
    if (s->watermark_ms)
        json_put_time(&w, s->watermark_ms);
    else
        json_put_null(&w);
    json_put_key(&w, "rates");
    json_put_open(&w, '[');
    for (size_t i = 0; i < s->window_count && !ferror(out); i++)
        for (int rate = 0; rate < RATES && row_matches(query, &s->windows[i]); rate++)
            if (matches(query->rate, rate_name((enum rate)rate)))
                put_rate(&w, &s->windows[i], (enum rate)rate);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
    if (ferror(out))
        return err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the list of rates");
    return true;
}
