#include "sinks/slack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "model/rate.h"
#include "sinks/notifier_payload.h"
#include "sinks/text.h"

enum { NAME_MAX_BYTES = 300, TEXT_MAX_BYTES = 1500 }; /* Slack cuts long texts, and not always well */

/* Appends a text from outside: &, < and > are Slack's only specials. What it takes for emphasis does no harm; line ends
 * and other controls become blanks. */
static void put_escaped(struct buf *to, const char *text, size_t max) {
    size_t len = text ? strnlen(text, max) : 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '&' || c == '<' || c == '>')
            buf_append_str(to, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else
            buf_append_char(to, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

/* "provider gmail, configuration set news" */
static void put_where(struct buf *to, const struct alert_row *a) {
    const struct {
        const char *word, *name;
    } parts[] = {{"provider ", a->provider},
                 {"configuration set ", a->configuration_set},
                 {"identity ", a->identity},
                 {"reason ", a->reason}};
    bool any = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].name || !*parts[i].name)
            continue;
        buf_append_str(to, any ? ", " : "");
        buf_append_str(to, parts[i].word);
        put_escaped(to, parts[i].name, NAME_MAX_BYTES);
        any = true;
    }
    if (any)
        return;
    if (a->scope && strcmp(a->scope, "configuration_set") == 0)
        buf_append_str(to, "mail without configuration set");
    else
        buf_append_str(to,
                       a->scope && strcmp(a->scope, "identity") == 0 ? "mail without identity" : "the whole account");
}

/* "bounce 13.7 % (411 of 3,000) over 1h, threshold 10 %", "sends 40 % (...)"; an alert on silence has no share. */
static void put_value(struct buf *to, const struct alert_row *a) {
    enum rate rate;
    char numerator[TEXT_NUMBER_SIZE], denominator[TEXT_NUMBER_SIZE];
    text_count(a->numerator, numerator);
    text_count(a->denominator, denominator);
    bool is_share = a->rate && (rate_parse(a->rate, &rate) || strcmp(a->rate, "sends") == 0 ||
                                strcmp(a->rate, "bounce_reason") == 0);
    if (is_share) {
        buf_printf(to, "%s %.3g %% (%s of %s)", a->rate, a->value * 100, numerator, denominator);
        buf_printf(to, " over %s, threshold %.4g %%", a->window ? a->window : "?", a->threshold * 100);
    } else {
        buf_printf(to, "%s events over %s", numerator, a->window ? a->window : "?");
    }
}

/* Slack shows the time in the reader's zone; the part behind the bar is for programs that do not know how. */
static void put_since(struct buf *to, int64_t ms) {
    char plain[TEXT_TIME_SIZE];
    text_time_plain(ms, plain);
    buf_printf(to, "<!date^%" PRId64 "^{date_num} {time_secs}|%s UTC>", ms / 1000, plain);
}

static void put_headline(struct buf *to, const struct alert_row *a, bool plain) {
    if (a->state == ALERT_RESOLVED)
        buf_append_str(to, plain ? "Resolved: " : ":white_check_mark: *Resolved:* ");
    else
        buf_append_str(to, plain ? "Firing: " : ":rotating_light: *Firing:* ");
    put_escaped(to, a->alertname, NAME_MAX_BYTES);
    buf_append_str(to, " (");
    put_escaped(to, a->severity, NAME_MAX_BYTES);
    buf_append_str(to, "), ");
    put_where(to, a);
}

static const char *colour_of(const struct alert_row *a) {
    if (a->state == ALERT_RESOLVED)
        return "good";
    return a->severity && strcmp(a->severity, "critical") == 0 ? "danger" : "warning";
}

/* Takes what is in `text` so far, and empties it. */
static json_t *taken(struct buf *text) {
    buf_append_char(text, '\0');
    json_t *json = payload_string(text->data);
    buf_clear(text);
    return json;
}

static void add_field(json_t *fields, const char *title, struct buf *text) {
    json_t *field = json_object();
    json_object_set_new(field, "title", json_string(title));
    json_object_set_new(field, "value", taken(text));
    json_object_set_new(field, "short", json_true());
    json_array_append_new(fields, field);
}

static json_t *fields_of(const struct alert_row *a, struct buf *text) {
    json_t *fields = json_array();
    put_escaped(text, a->severity, NAME_MAX_BYTES);
    add_field(fields, "Severity", text);
    put_where(text, a);
    add_field(fields, "Where", text);
    put_value(text, a);
    add_field(fields, "Value when it fired", text);
    put_since(text, a->fired_ms);
    add_field(fields, "Since", text);
    if (a->state == ALERT_RESOLVED) {
        put_since(text, a->resolved_ms);
        add_field(fields, "Resolved", text);
    }
    return fields;
}

static json_t *attachment_of(const struct notify_target *t, const struct alert_row *a, struct buf *text) {
    json_t *json = json_object();
    put_headline(text, a, true);
    json_object_set_new(json, "fallback", taken(text));
    json_object_set_new(json, "color", json_string(colour_of(a)));
    put_escaped(text, a->alertname, NAME_MAX_BYTES);
    json_object_set_new(json, "title", taken(text));
    if (t->external_url)
        json_object_set_new(json, "title_link", payload_string(t->external_url));
    put_escaped(text, a->summary, TEXT_MAX_BYTES);
    if (text->len && a->description && *a->description)
        buf_append_char(text, '\n');
    put_escaped(text, a->description, TEXT_MAX_BYTES);
    json_object_set_new(json, "text", taken(text));
    json_object_set_new(json, "fields", fields_of(a, text));
    return json;
}

char *slack_body(const struct notify_target *t, const struct alert_row *a) {
    struct buf text;
    buf_init(&text, PAYLOAD_TEXT_MAX * 3);
    json_t *json = json_object(), *attachments = json_array();
    put_headline(&text, a, false);
    json_object_set_new(json, "text", taken(&text));
    json_array_append_new(attachments, attachment_of(t, a, &text));
    json_object_set_new(json, "attachments", attachments);
    json_object_set_new(json, "unfurl_links", json_false());
    json_object_set_new(json, "unfurl_media", json_false());
    buf_deinit(&text);
    return payload_dump(json);
}
