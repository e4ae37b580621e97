#include "sinks/alerts.h"

#include <assert.h>
#include <errno.h>

#include "sinks/json_writer.h"

const char *alert_state_name(enum alert_state state) {
    static const char *const names[] = {
        [ALERT_PENDING] = "pending", [ALERT_FIRING] = "firing", [ALERT_RESOLVED] = "resolved"};
    assert((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

static void put_string(struct json_writer *w, const char *key, const char *value) {
    json_put_key(w, key);
    json_put_string(w, value);
}

static void put_time(struct json_writer *w, const char *key, int64_t ms) {
    json_put_key(w, key);
    if (ms)
        json_put_time(w, ms);
    else
        json_put_null(w);
}

static void put_alert(struct json_writer *w, const struct alert_row *a) {
    json_put_line(w);
    json_put_open(w, '{');
    json_put_key(w, "labels");
    json_put_open(w, '{');
    put_string(w, "alertname", a->alertname);
    put_string(w, "severity", a->severity);
    put_string(w, "scope", a->scope);
    put_string(w, "provider", a->provider);
    put_string(w, "configuration_set", a->configuration_set);
    json_put_close(w, '}');
    json_put_key(w, "annotations");
    json_put_open(w, '{');
    put_string(w, "summary", a->summary);
    put_string(w, "description", a->description);
    json_put_close(w, '}');
    put_string(w, "state", alert_state_name(a->state));
    put_time(w, "activeAt", a->active_ms);
    put_time(w, "firedAt", a->fired_ms);
    put_time(w, "resolvedAt", a->resolved_ms);
    put_string(w, "rate", a->rate);
    put_string(w, "window", a->window);
    put_string(w, "basis", "event");
    json_put_key(w, "value");
    json_put_double(w, a->value);
    json_put_key(w, "threshold");
    json_put_double(w, a->threshold);
    json_put_key(w, "numerator");
    json_put_u64(w, a->numerator);
    json_put_key(w, "denominator");
    json_put_u64(w, a->denominator);
    json_put_close(w, '}');
}

bool alerts_write(FILE *out, const struct snapshot *s, struct err *err) {
    struct json_writer w = {.out = out};
    errno = 0;
    json_put_open(&w, '{');
    put_string(&w, "status", "success");
    json_put_key(&w, "data");
    json_put_open(&w, '{');
    json_put_key(&w, "alerts");
    json_put_open(&w, '[');
    for (size_t i = 0; i < s->alert_count && !ferror(out); i++)
        put_alert(&w, &s->alerts[i]);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    fputc('\n', out);
    if (ferror(out))
        return err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the list of alerts");
    return true;
}
