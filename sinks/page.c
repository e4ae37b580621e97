#include "sinks/page.h"

#include <errno.h>

#include "sinks/page_parts.h"
#include "version.h"

/* How the service is, in a word: what the headline, the title and the icon all show. */
struct health {
    const char *class, *word, *mark, *colour; /* colour: of the icon, %23 is # */
};

static bool has_trouble(const struct snapshot *s) {
    bool trouble = !s->service.state_writable || !s->service.reload_ok;
    for (size_t i = 0; i < s->source_count; i++)
        trouble = trouble || s->sources[i].trouble;
    return trouble;
}

static struct health health_of(const struct snapshot *s) {
    if (!s->has_service || !s->service.ready)
        return (struct health){"bad", "Not ready", "!!", "%23c4362b"};
    if (s->service.behind)
        return (struct health){"warn", "Behind", "!", "%23b87503"};
    if (has_trouble(s))
        return (struct health){"warn", "Ready, with trouble", "!", "%23b87503"};
    return (struct health){"good", "Ready", "", "%232e8b57"};
}

static size_t count_firing(const struct snapshot *s) {
    size_t firing = 0;
    for (size_t i = 0; i < s->alert_count; i++)
        firing += s->alerts[i].state == ALERT_FIRING;
    return firing;
}

static void put_head(FILE *out, const struct snapshot *s, const struct health *health) {
    size_t firing = count_firing(s);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<title>",
          out);
    if (firing) {
        page_count(out, firing);
        fputs(" firing, ", out);
    }
    fprintf(out,
            "%s - ses-collector</title>\n"
            "<link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
            "16'%%3E%%3Ccircle cx='8' cy='8' r='6' fill='%s'/%%3E%%3C/svg%%3E\">\n<style>\n",
            health->word, firing ? "%23c4362b" : health->colour);
    page_write_style(out);
    fputs("</style>\n</head>\n<body>\n", out);
}

static void put_behind(FILE *out, const struct snapshot *s) {
    fputs("<p class=\"mark\">", out);
    if (s->watermark_ms == 0) {
        fputs("No event has been counted yet.", out);
    } else {
        fputs("Newest event ", out);
        page_time(out, s->watermark_ms);
        if (s->has_service) {
            fputs(", <b>", out);
            page_duration(out, s->service.now_ms - s->watermark_ms);
            fputs("</b> behind now", out);
        }
    }
    fputs("</p>\n", out);
}

/* What a person should know, one line each. */
static void put_notes(FILE *out, const struct snapshot *s) {
    const struct service_row *v = &s->service;
    fputs("<ul class=\"notes\">", out);
    if (!v->ready) {
        fputs("<li>", out);
        page_text(out, v->not_ready);
        fputs("</li>", out);
    }
    if (v->behind)
        fputs("<li>A backlog is being read. Alerts that begin now are held back until it is done.</li>", out);
    if (!v->state_writable)
        fputs("<li>The state file cannot be written. Nothing is lost, but the input waits.</li>", out);
    if (!v->reload_ok)
        fputs("<li>The configuration on disk was refused. The one before still runs.</li>", out);
    if (s->alerts_dropped) {
        fputs("<li>", out);
        page_plural(out, s->alerts_dropped, "alert is", "alerts are");
        fputs(" beyond what the list holds.</li>", out);
    }
    for (size_t i = 0; i < s->source_count && i < PAGE_MAX_ROWS; i++)
        if (s->sources[i].trouble) {
            fputs("<li>Source <b>", out);
            page_name(out, s->sources[i].name);
            fputs("</b>: ", out);
            page_text(out, s->sources[i].trouble);
            fputs("</li>", out);
        }
    fputs("</ul>\n", out);
}

static void put_headline(FILE *out, const struct snapshot *s, const struct health *health) {
    fprintf(out,
            "<header class=\"%s\"><div class=\"top\"><h1><span class=\"dot\" aria-hidden=\"true\">%s</span>%s</h1>",
            health->class, health->mark, health->word);
    put_behind(out, s);
    fputs("</div>\n", out);
    if (s->has_service)
        put_notes(out, s);
    fputs("</header>\n", out);
}

static void put_bar(FILE *out, const struct snapshot *s) {
    fputs("<nav aria-label=\"Machine-readable\"><b>ses-collector</b> <a href=\"metrics\">Metrics</a> "
          "<a href=\"api/v1/alerts\">Alerts</a> <a href=\"api/v1/rates\">Rates</a><span class=\"asof\">",
          out);
    if (s->has_service) {
        fputs("as of ", out);
        page_time(out, s->service.now_ms);
        fputs(" UTC", out);
    }
    fputs("</span></nav>\n", out);
}

static void put_foot(FILE *out) {
    fputs("<footer><p>Windows end at the newest event. All times are UTC. <b class=\"warn\">!</b> marks bounces from "
          "5 % and complaints from 0.1 %, where AWS puts an account under review; <b class=\"bad\">!!</b> bounces from "
          "10 % and complaints from 0.5 %, where it may pause sending. Rates of fewer than 100 recipients (complaints: "
          "1,000) are not marked. Dashed lines are at 5 % and 0.1 %.</p><p>ses-collector " SES_COLLECTOR_VERSION
          "</p></footer>\n",
          out);
}

/* What a worker has nothing of. */
static void put_mail(FILE *out, const struct snapshot *s) {
    page_write_alerts(out, s);
    page_write_account(out, s);
    page_write_reputation(out, s);
    page_write_rates(out, s, "provider", "providers", "provider");
    page_write_rates(out, s, "configuration_set", "sets", "configuration set");
    page_write_reasons(out, s);
}

bool page_write(FILE *out, const struct snapshot *s, struct err *err) {
    struct health health = health_of(s);
    errno = 0;
    put_head(out, s, &health);
    fputs("<main>\n", out);
    put_bar(out, s);
    put_headline(out, s, &health);
    if (!s->has_worker)
        put_mail(out, s);
    page_write_sources(out, s);
    if (s->has_service && !s->has_worker)
        page_write_service(out, &s->service, s);
    put_foot(out);
    fputs("</main>\n<p id=\"lost\" role=\"status\"></p>\n<script>\n", out);
    page_write_script(out);
    fputs("</script>\n</body>\n</html>\n", out);
    if (ferror(out))
        return err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the page");
    return true;
}
