#include "sinks/prometheus_rules.h"

#include <inttypes.h>
#include <string.h>

#include "core/utf8.h"
#include "sinks/prometheus_rules_parts.h"

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* What YAML takes for a control character, a line break or a mark of byte order. */
static bool is_odd(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

static void quote(FILE *out, const char *text, bool template) {
    fputc('"', out);
    size_t len;
    for (struct span rest = {text, strlen(text)}; rest.len; rest.ptr += len, rest.len -= len) {
        uint32_t code = 0;
        len = utf8_next(rest, &code);
        if (template && rest.len > 1 && memcmp(rest.ptr, "{{", 2) == 0) {
            fputs("{{ `{{` }}", out);
            len = 2;
        } else if (!len) {
            fputs("\\ufffd", out);
            len = 1;
        } else if (is_odd(code)) {
            fprintf(out, "\\u%04x", code);
        } else if (code == '"' || code == '\\') {
            fprintf(out, "\\%c", (char)code);
        } else {
            fwrite(rest.ptr, 1, len, out);
        }
    }
    fputc('"', out);
}

void rules_quote(FILE *out, const char *text) {
    quote(out, text, false);
}

void rules_quote_template(FILE *out, const char *text) {
    quote(out, text, true);
}

/* "90m", "6h", "7d" */
static void write_minutes(FILE *out, int minutes) {
    if (minutes && minutes % 1440 == 0)
        fprintf(out, "%dd", minutes / 1440);
    else if (minutes && minutes % 60 == 0)
        fprintf(out, "%dh", minutes / 60);
    else
        fprintf(out, "%dm", minutes);
}

/* --- what is lost ------------------------------------------------------------------------------------------------- */

static bool is_quota(const struct alert_rule *r) {
    return r->kind == ALERT_QUOTA_DAY || r->kind == ALERT_QUOTA_SECOND;
}

static void say_what_is_lost(const struct alert_rule *r, FILE *out) {
    if (r->clear > 0) {
        bool below = r->kind == ALERT_RATE_BELOW || r->kind == ALERT_DROP;
        fprintf(out,
                "      # Lost: it would end only %s %.6g %%. Prometheus ends it as soon as the expression is false",
                below ? "over" : "under", r->clear * 100);
        fputs(r->keep_firing_minutes ? ",\n      # for keep_firing_for.\n" : ".\n", out);
    }
    if (r->kind == ALERT_DROP)
        fputs("      # Lost: it would be looked at when an hour has ended, not within one.\n", out);
    if (r->kind == ALERT_QUOTA_SECOND)
        fputs("      # Lost: single minutes. Scrapes are too far apart; these are 5 minutes.\n", out);
    if (r->kind == ALERT_NEW_REASON)
        fputs(
            "      # Lost: the first bounce for a reason. Prometheus sees a counter's rise only once it has a value.\n",
            out);
    if (r->brake.on)
        fputs("      # Lost: the brake. Prometheus pauses nothing.\n", out);
}

/* --- an alert ----------------------------------------------------------------------------------------------------- */

static const struct label_pair *annotation_of(const struct alert_rule *r, const char *name) {
    for (size_t i = 0; i < r->annotation_count; i++)
        if (strcmp(r->annotations[i].name, name) == 0)
            return &r->annotations[i];
    return NULL;
}

/* Our words, for want of the operator's: a template, which fills in whom it is about and the value. */
static void write_description(const struct alert_rule *r, FILE *out) {
    static const char who[] = "{{ with $labels.provider }} {{ . }}{{ end }}{{ with $labels.configuration_set }} {{ . }}"
                              "{{ end }}{{ with $labels.identity }} {{ . }}{{ end }}";
    static const char share[] = "{{ $value | humanizePercentage }}";
    fputs("          description: '", out);
    switch (r->kind) {
    case ALERT_SILENCE:
        fprintf(out, "{{ $value }} events within %s.", r->window_name);
        break;
    case ALERT_DROP:
        fprintf(out, "{{ $labels.scope }}%s: sends within %s are %s of the smallest number of the weeks before.", who,
                r->window_name, share);
        break;
    case ALERT_NEW_REASON:
        fprintf(out, "%s of the mail to {{ $labels.provider }} bounced within %s: {{ $labels.reason }}.", share,
                r->window_name);
        break;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        fprintf(out, "%s of the sending quota are used.", share);
        break;
    default:
        fprintf(out, "{{ $labels.scope }}%s: the %s rate over %s is %s.", who, rate_name(r->rate), r->window_name,
                share);
    }
    fputs("'\n", out);
}

static void write_texts(const struct alert_rule *r, FILE *out) {
    fputs("        labels:\n          severity: ", out);
    rules_quote_template(out, r->severity);
    fputc('\n', out);
    if (is_quota(r) || r->kind == ALERT_SILENCE)
        fputs("          scope: account\n", out);
    if (r->kind == ALERT_NEW_REASON)
        fputs("          scope: provider\n", out);
    for (size_t i = 0; i < r->label_count; i++) {
        fprintf(out, "          %s: ", r->labels[i].name);
        rules_quote_template(out, r->labels[i].value);
        fputc('\n', out);
    }
    fputs("        annotations:\n          summary: ", out);
    rules_quote_template(out, r->summary);
    fputc('\n', out);
    if (!annotation_of(r, "description"))
        write_description(r, out);
    for (size_t i = 0; i < r->annotation_count; i++) {
        fprintf(out, "          %s: ", r->annotations[i].name);
        rules_quote_template(out, r->annotations[i].value);
        fputc('\n', out);
    }
}

static void write_alert(const struct prometheus_rules *p, size_t at, FILE *out) {
    struct alert_rule r = p->rules[at];
    const char *why;
    r.scopes = rules_scopes(p, &r, &why);
    if (*why) {
        fputs("\n      # ", out);
        rules_quote(out, r.name);
        fputs(" (", out);
        rules_quote(out, r.severity);
        fprintf(out, ")%s: %s\n", r.scopes ? " in part" : " is left out", why);
    }
    if (!r.scopes)
        return;
    rules_write_records(p, at, out);
    fputc('\n', out);
    say_what_is_lost(&r, out);
    fputs("      - alert: ", out);
    rules_quote(out, r.name);
    fputs("\n        expr: |\n", out);
    rules_write_expression(&r, out, 10);
    if (r.for_minutes) {
        fputs("        for: ", out);
        write_minutes(out, r.for_minutes);
        fputc('\n', out);
    }
    if (r.keep_firing_minutes) {
        fputs("        keep_firing_for: ", out);
        write_minutes(out, r.keep_firing_minutes);
        fputc('\n', out);
    }
    write_texts(&r, out);
}

bool prometheus_rules_write(const struct prometheus_rules *p, FILE *out) {
    fputs(
        "# Alerts of ses-collector for Prometheus 2.42 or later, made by `ses-collector rules`.\n"
        "#\n"
        "# The rules are those that the service judges itself, minute by minute in event time. Prometheus sees the\n"
        "# metrics at the time of a scrape: events that come late move its alerts, and while no events come, the "
        "rates\n"
        "# stay what they were at the last one. An alert of the account does not mute those of the providers and sets\n"
        "# that it is made of; that is Alertmanager's: inhibit_rules with the source scope=\"account\".\n"
        "groups:\n"
        "  - name: ses-collector-alerts\n",
        out);
    unsigned any = 0;
    const char *why;
    for (size_t i = 0; i < p->count; i++)
        any |= rules_scopes(p, &p->rules[i], &why);
    fputs(any ? "    rules:\n" : "    rules: []\n", out);
    for (size_t i = 0; i < p->count; i++)
        write_alert(p, i, out);
    return fflush(out) == 0 && !ferror(out);
}
