#include "sinks/alerts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

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

/* The rule's own, behind the fixed ones; one that has the name of a fixed one is left out, since that is what others
 * match by. */
static void put_own(struct json_writer *w, const struct label_pair *pairs, size_t count, const char *const *fixed) {
    for (size_t i = 0; i < count; i++) {
        bool taken = i > 0 && strcmp(pairs[i].name, pairs[i - 1].name) == 0; /* they are sorted */
        for (const char *const *name = fixed; *name && !taken; name++)
            taken = strcmp(pairs[i].name, *name) == 0;
        if (taken)
            continue;
        json_put_span(w, span_of(pairs[i].name));
        fputc(':', w->out);
        w->comma = false;
        json_put_string(w, pairs[i].value);
    }
}

static void put_labels(struct json_writer *w, const struct alert_row *a) {
    static const char *const fixed[] = {"alertname", "severity", "scope", "provider", "configuration_set", NULL};
    json_put_key(w, "labels");
    json_put_open(w, '{');
    put_string(w, fixed[0], a->alertname);
    put_string(w, fixed[1], a->severity);
    put_string(w, fixed[2], a->scope);
    put_string(w, fixed[3], a->provider);
    put_string(w, fixed[4], a->configuration_set);
    put_own(w, a->labels, a->label_count, fixed);
    json_put_close(w, '}');
}

static void put_annotations(struct json_writer *w, const struct alert_row *a) {
    static const char *const fixed[] = {"summary", "description", NULL};
    json_put_key(w, "annotations");
    json_put_open(w, '{');
    put_string(w, fixed[0], a->summary);
    put_string(w, fixed[1], a->description);
    put_own(w, a->annotations, a->annotation_count, fixed);
    json_put_close(w, '}');
}

/* Members that only the service has, and only where they say something. */
static void put_incident(struct json_writer *w, const struct alert_row *a) {
    if (a->held) {
        json_put_key(w, "held");
        fputs("true", w->out);
        w->comma = true;
    }
    if (a->incident) {
        json_put_key(w, "incident");
        json_put_u64(w, a->incident);
    }
}

static void put_alert(struct json_writer *w, const struct alert_row *a) {
    json_put_line(w);
    json_put_open(w, '{');
    put_labels(w, a);
    put_annotations(w, a);
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
    put_incident(w, a);
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
