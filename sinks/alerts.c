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
    static const char *const fixed[] = {"alertname",         "severity", "scope",  "provider",
                                        "configuration_set", "identity", "reason", NULL};
    json_put_key(w, "labels");
    json_put_open(w, '{');
    json_put_string_member(w, fixed[0], a->alertname);
    json_put_string_member(w, fixed[1], a->severity);
    json_put_string_member(w, fixed[2], a->scope);
    json_put_string_member(w, fixed[3], a->provider);
    json_put_string_member(w, fixed[4], a->configuration_set);
    if (a->identity && *a->identity)
        json_put_string_member(w, fixed[5], a->identity);
    if (a->reason && *a->reason)
        json_put_string_member(w, fixed[6], a->reason);
    put_own(w, a->labels, a->label_count, fixed);
    json_put_close(w, '}');
}

static void put_annotations(struct json_writer *w, const struct alert_row *a) {
    static const char *const fixed[] = {"summary", "description", NULL};
    json_put_key(w, "annotations");
    json_put_open(w, '{');
    json_put_string_member(w, fixed[0], a->summary);
    json_put_string_member(w, fixed[1], a->description);
    put_own(w, a->annotations, a->annotation_count, fixed);
    json_put_close(w, '}');
}

/* Members that are there only where they say something; in a batch run only incidents that mute others have a number.
 */
static void put_incident(struct json_writer *w, const struct alert_row *a) {
    if (a->held) {
        json_put_key(w, "held");
        fputs("true", w->out);
        w->comma = true;
    }
    if (a->incident) {
        json_put_u64_member(w, "incident", a->incident);
    }
    if (a->muted_by) {
        json_put_u64_member(w, "muted_by", a->muted_by);
    }
}

static void put_alert(struct json_writer *w, const struct alert_row *a) {
    json_put_line(w);
    json_put_open(w, '{');
    put_labels(w, a);
    put_annotations(w, a);
    json_put_string_member(w, "state", alert_state_name(a->state));
    json_put_time_member(w, "activeAt", a->active_ms != 0, a->active_ms);
    json_put_time_member(w, "firedAt", a->fired_ms != 0, a->fired_ms);
    json_put_time_member(w, "resolvedAt", a->resolved_ms != 0, a->resolved_ms);
    json_put_string_member(w, "rate", a->rate);
    json_put_string_member(w, "window", a->window);
    json_put_string_member(w, "basis", a->basis ? a->basis : basis_names[BASIS_EVENT]);
    json_put_key(w, "value");
    json_put_double(w, a->value);
    json_put_key(w, "threshold");
    json_put_double(w, a->threshold);
    json_put_u64_member(w, "numerator", a->numerator);
    json_put_u64_member(w, "denominator", a->denominator);
    put_incident(w, a);
    json_put_close(w, '}');
}

bool alerts_write(FILE *out, const struct snapshot *s, struct err *err) {
    struct json_writer w = {.out = out};
    errno = 0;
    json_put_open(&w, '{');
    json_put_string_member(&w, "status", "success");
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
