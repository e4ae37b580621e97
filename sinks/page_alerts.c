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

/* Told by another one while both fire. */
static bool is_part(const struct alert_row *a) {
    return a->muted_by != 0 && a->state != ALERT_PENDING;
}

static bool wanted(const struct snapshot *s, const struct alert_row *a) {
    return a->state != ALERT_RESOLVED || a->resolved_ms + LATELY_MS >= s->watermark_ms;
}

static void put_where(FILE *out, const struct alert_row *a) {
    const struct {
        const char *what, *name;
    } parts[] = {{"provider", a->provider}, {"configuration set", a->configuration_set}, {"identity", a->identity}};
    bool named = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        bool of_scope = i == 0   ? strncmp(a->scope, "provider", 8) == 0
                        : i == 1 ? strstr(a->scope, "configuration_set") != NULL
                                 : strcmp(a->scope, "identity") == 0;
        if (!of_scope)
            continue;
        fprintf(out, "%s%s <b>", named ? ", " : "", parts[i].what);
        page_name(out, parts[i].name);
        fputs("</b>", out);
        named = true;
    }
    if (!named)
        page_text(out, a->scope);
    if (a->reason && *a->reason) {
        fputs(" &middot; ", out);
        page_text(out, a->reason);
    }
}

/* As many decimals as say something: 13.70 %, 0.123 %. */
static void put_value(FILE *out, const struct alert_row *a) {
    enum rate rate;
    if (!rate_parse(a->rate, &rate)) { /* no share: its own words say it */
        page_text(out, a->description);
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

/* Which providers an account's alert is made of, as its description says. */
static void put_makers(FILE *out, const struct alert_row *a) {
    enum rate rate;
    const char *makers = a->description ? strstr(a->description, "Most of it: ") : NULL;
    if (!makers || !rate_parse(a->rate, &rate)) /* without a rate the description stands above as a whole */
        return;
    fputs(". <b>", out);
    page_text(out, makers);
    fputs("</b>", out);
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
    put_makers(out, a);
    put_runbook(out, a);
    fputs("</p></div><p class=\"when quiet\">", out);
    put_when(out, s, a);
    if (a->muted_by)
        fputs(" <span class=\"tag\" title=\"It is a part of another alert: nobody was told\">part of another</span>",
              out);
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

/* Parts of a wider alert are there for whoever wants them, folded: they are no cause of their own. */
static void put_parts(FILE *out, const struct snapshot *s, const struct alert_row **rows, size_t count) {
    if (!count)
        return;
    fputs("<details id=\"parts\"><summary>", out);
    page_plural(out, count, "alert", "alerts");
    fputs(" that the ones above are made of</summary>\n<ul class=\"alerts\">\n", out);
    for (size_t i = 0; i < count && i < PAGE_MAX_ROWS; i++)
        put_alert(out, s, rows[i]);
    fputs("</ul></details>\n", out);
}

/* Those to be shown, by urgency; those that are parts of others at the end. Returns new. */
static const struct alert_row **collect(const struct snapshot *s, size_t *own, size_t *parts) {
    const struct alert_row **rows = alloc_zeroed(s->alert_count + 1, sizeof(struct alert_row *));
    *own = *parts = 0;
    for (size_t i = 0; i < s->alert_count; i++)
        if (wanted(s, &s->alerts[i]) && !is_part(&s->alerts[i]))
            rows[(*own)++] = &s->alerts[i];
    for (size_t i = 0; i < s->alert_count; i++)
        if (wanted(s, &s->alerts[i]) && is_part(&s->alerts[i]))
            rows[*own + (*parts)++] = &s->alerts[i];
    qsort(rows, *own, sizeof(struct alert_row *), by_urgency);
    qsort(rows + *own, *parts, sizeof(struct alert_row *), by_urgency);
    return rows;
}

void page_write_alerts(FILE *out, const struct snapshot *s) {
    size_t count, parts;
    const struct alert_row **rows = collect(s, &count, &parts);
    bool firing = count && rows[0]->state == ALERT_FIRING;
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
    put_parts(out, s, rows + count, parts);
    fputs("</section>\n", out);
    free(rows);
}
