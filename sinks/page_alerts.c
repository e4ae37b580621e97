#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "sinks/alerts.h"
#include "sinks/page_parts.h"

/* An alert that resolved is of interest for a day; after that the list behind /api/v1/alerts has it. */
static const int64_t LATELY_MS = 24 * 3600 * INT64_C(1000);

static int64_t latest_ms(const struct alert_row *a) {
    return a->state == ALERT_RESOLVED ? a->resolved_ms : a->state == ALERT_FIRING ? a->fired_ms : a->active_ms;
}

static int rank_of(const struct alert_row *a) {
    static const int ranks[] = {[ALERT_FIRING] = 0, [ALERT_PENDING] = 2, [ALERT_RESOLVED] = 4};
    return ranks[a->state] + (strcmp(a->severity, "critical") != 0);
}

/* What wants an answer first; of equals the latest. */
static int by_urgency(const void *x, const void *y) {
    const struct alert_row *a = *(const struct alert_row *const *)x, *b = *(const struct alert_row *const *)y;
    int rank = rank_of(a) - rank_of(b);
    if (a->state == ALERT_RESOLVED && b->state == ALERT_RESOLVED)
        rank = 0; /* past is past, critical or not */
    int64_t p = latest_ms(a), q = latest_ms(b);
    int order = rank ? rank : (p < q) - (p > q);
    return order ? order : (a > b) - (a < b); /* as they stand in the list */
}

static bool wanted(const struct snapshot *s, const struct alert_row *a) {
    return a->state != ALERT_RESOLVED || a->resolved_ms + LATELY_MS >= s->watermark_ms;
}

static void put_where(FILE *out, const struct alert_row *a) {
    if (strcmp(a->scope, "provider") == 0) {
        fputs("provider <b>", out);
        page_name(out, a->provider);
        fputs("</b>", out);
    } else if (strcmp(a->scope, "configuration_set") == 0) {
        fputs("configuration set <b>", out);
        page_name(out, a->configuration_set);
        fputs("</b>", out);
    } else {
        page_text(out, a->scope);
    }
}

/* As many decimals as say something: 13.70 %, 0.123 %. */
static void put_value(FILE *out, const struct alert_row *a) {
    enum rate rate;
    if (!rate_parse(a->rate, &rate)) { /* the watchdog for silence: what is counted are events */
        page_plural(out, a->numerator, "event", "events");
        fputs(" in ", out);
        page_text(out, a->window);
        fputs(", ", out);
        page_count(out, a->denominator);
        fputs(" before that", out);
        return;
    }
    fputs("<b>", out);
    fprintf(out, "%.*f %%</b> ", a->value < 0.01 ? 3 : 2, a->value * 100);
    page_text(out, a->rate);
    fputs(" in ", out);
    page_text(out, a->window);
    fprintf(out, ", threshold %.10g %% <span class=\"quiet\">(", a->threshold * 100);
    page_count(out, a->numerator);
    fputs(" of ", out);
    page_count(out, a->denominator);
    fputs(")</span>", out);
}

static void put_when(FILE *out, const struct snapshot *s, const struct alert_row *a) {
    if (a->state == ALERT_RESOLVED) {
        fputs("<span>from ", out);
        page_time(out, a->fired_ms);
        fputs("</span> <span>to ", out);
        page_time(out, a->resolved_ms);
    } else {
        fputs("<span>for <b>", out);
        page_duration(out, s->watermark_ms - latest_ms(a));
        fputs("</b></span> <span>since ", out);
        page_time(out, latest_ms(a));
    }
    fputs("</span>", out);
}

/* The operator's own link to what is to be done. Nothing else of what is written in a rule becomes a link. */
static void put_runbook(FILE *out, const struct alert_row *a) {
    for (size_t i = 0; i < a->annotation_count; i++) {
        const struct label_pair *pair = &a->annotations[i];
        if (strcmp(pair->name, "runbook_url") != 0 || !pair->value ||
            (strncmp(pair->value, "https://", 8) != 0 && strncmp(pair->value, "http://", 7) != 0))
            continue;
        fputs(" <a rel=\"noopener noreferrer\" href=\"", out);
        page_text(out, pair->value);
        fputs("\">What to do</a>", out);
        return;
    }
}

static void put_alert(FILE *out, const struct snapshot *s, const struct alert_row *a) {
    const char *class = a->state != ALERT_FIRING               ? alert_state_name(a->state)
                        : strcmp(a->severity, "critical") == 0 ? "bad"
                                                               : "warn";
    fprintf(out, "<li class=\"%s\"><p class=\"state\"><b>%s</b> <span>", class, alert_state_name(a->state));
    page_text(out, a->severity);
    fputs("</span></p><div><p class=\"what\"><b>", out);
    page_text(out, a->alertname);
    fputs("</b> &middot; ", out);
    put_where(out, a);
    fputs("</p><p>", out);
    put_value(out, a);
    fputs("</p><p class=\"quiet\">", out);
    page_text(out, a->summary);
    put_runbook(out, a);
    fputs("</p></div><p class=\"when quiet\">", out);
    put_when(out, s, a);
    if (a->held)
        fputs(" <span class=\"tag\" title=\"It began while a backlog was read: nobody was told\">held back</span>",
              out);
    fputs("</p></li>\n", out);
}

/* What a person must not overlook: mail that is not sent. */
static void put_paused(FILE *out, const struct snapshot *s) {
    if (!s->brake_count && !s->service.brake_trouble[0])
        return;
    fputs("<ul class=\"alerts\" id=\"brake\">\n", out);
    for (size_t i = 0; i < s->brake_count && i < PAGE_MAX_ROWS; i++) {
        const struct brake_row *b = &s->brakes[i];
        fprintf(out, "<li class=\"bad\"><p class=\"state\"><b>%s</b> <span>brake</span></p><div><p class=\"what\">",
                b->reached ? "paused"
                : b->over  ? "unsure"
                           : "pausing");
        fprintf(out, "%s of ",
                b->reached ? "Sending is paused by the brake: that"
                : b->over  ? "Sending may be paused by the brake: that"
                           : "Sending is being paused by the brake: that");
        fputs(*b->configuration_set ? "configuration set <b>" : "the whole <b>account", out);
        page_text(out, b->configuration_set);
        fputs("</b></p>", out);
        if (b->over)
            fputs("<p class=\"quiet\">The incident is over. Sending stays paused until it is enabled at SES.</p>", out);
        fputs("</div><p class=\"when quiet\"><span>since ", out);
        page_time(out, b->since_ms);
        fputs("</span></p></li>\n", out);
    }
    if (s->service.brake_trouble[0]) {
        fputs("<li class=\"bad\"><p class=\"state\"><b>trouble</b> <span>brake</span></p><div><p class=\"what\">", out);
        fputs("The brake cannot do its work</p><p class=\"quiet\">", out);
        page_text(out, s->service.brake_trouble);
        fputs("</p></div><p class=\"when\"></p></li>\n", out);
    }
    fputs("</ul>\n", out);
}

void page_write_alerts(FILE *out, const struct snapshot *s) {
    const struct alert_row **rows = alloc_zeroed(s->alert_count + 1, sizeof(struct alert_row *));
    size_t count = 0, firing = 0;
    for (size_t i = 0; i < s->alert_count; i++) {
        if (wanted(s, &s->alerts[i]))
            rows[count++] = &s->alerts[i];
        firing += s->alerts[i].state == ALERT_FIRING;
    }
    qsort(rows, count, sizeof(struct alert_row *), by_urgency);
    fputs("<section id=\"alerts\" aria-labelledby=\"alerts-title\"><h2 id=\"alerts-title\">Alerts", out);
    fprintf(out, "%s</h2>\n", firing ? "" : " <small>none fires</small>");
    if (s->has_service)
        put_paused(out, s);
    size_t shown = count > PAGE_MAX_ROWS ? PAGE_MAX_ROWS : count;
    if (shown)
        fputs("<ul class=\"alerts\">\n", out);
    for (size_t i = 0; i < shown; i++)
        put_alert(out, s, rows[i]);
    if (shown)
        fputs("</ul>\n", out);
    if (count > shown) {
        fputs("<p class=\"quiet\">And ", out);
        page_count(out, count - shown);
        fputs(" more: <a href=\"api/v1/alerts\">the whole list</a>.</p>\n", out);
    }
    fputs("</section>\n", out);
    free(rows);
}
