/* How AWS sees the account, and why mail bounced lately. */
#include <stdlib.h>

#include "sinks/page_parts.h"
#include "sinks/reasons.h"

enum { SHARES_SHOWN = 3 };

/* --- reputation --------------------------------------------------------------------------------------------------- */

static void put_state(FILE *out, enum reputation_state state) {
    static const char *const words[REPUTATION_STATES] = {"unknown", "healthy", "under review", "at risk of a pause"};
    static const char *const classes[REPUTATION_STATES] = {"none", "good", "warn", "bad"};
    fprintf(out, "<b class=\"%s\">%s</b>", classes[state], words[state]);
}

static void put_standing(FILE *out, const struct reputation_row *r) {
    double percent = r->denominator ? 100 * (double)r->numerator / (double)r->denominator : 0;
    fputs("<tr><th scope=\"row\">", out);
    if (r->scope[0] == 'a')
        fputs("account", out);
    else
        page_name(out, r->configuration_set);
    fprintf(out, "</th><td class=\"left\">%s</td><td>", reputation_kind_name(r->kind));
    if (r->denominator)
        fprintf(out, "%.*f %%", percent < 1 ? 3 : 2, percent);
    fputs("</td><td class=\"quiet\">", out);
    page_count(out, r->numerator);
    fputs(" of ", out);
    page_count(out, r->denominator);
    fputs("</td><td class=\"left\">", out);
    put_state(out, r->state);
    fputs("</td><td class=\"left\">", out);
    if (r->next_threshold > 0) {
        page_count(out, r->to_next);
        fprintf(out, " more to %.10g %%", r->next_threshold * 100);
    }
    fputs("</td></tr>\n", out);
}

/* Sets that are healthy, or sent nothing that could be judged, say nothing to a person who looks for trouble. */
static bool is_shown(const struct reputation_row *r) {
    return r->scope[0] == 'a' || r->state == REPUTATION_UNDER_REVIEW || r->state == REPUTATION_AT_RISK;
}

void page_write_reputation(FILE *out, const struct snapshot *s) {
    if (!s->reputation_count)
        return;
    fputs("<section id=\"reputation\" aria-labelledby=\"reputation-title\"><h2 id=\"reputation-title\">As AWS sees it "
          "<small>an estimate over the last sends</small></h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
          "aria-labelledby=\"reputation-title\" id=\"reputation-table\"><table><thead><tr><th scope=\"col\">Of</th>"
          "<th scope=\"col\" class=\"left\">Rate</th><th scope=\"col\"></th><th scope=\"col\"></th>"
          "<th scope=\"col\" class=\"left\">State</th><th scope=\"col\" class=\"left\">Next threshold</th></tr></thead>"
          "\n<tbody>",
          out);
    size_t shown = 0;
    for (size_t i = 0; i < s->reputation_count && shown < PAGE_MAX_ROWS; i++)
        if (is_shown(&s->reputation[i])) {
            put_standing(out, &s->reputation[i]);
            shown++;
        }
    fputs("</tbody></table></div></section>\n", out);
}

/* --- reasons ------------------------------------------------------------------------------------------------------ */

static double share(uint64_t part, uint64_t whole) {
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void put_share(FILE *out, const struct provider_reasons *row, const struct reason_share *r) {
    double now = share(r->count, row->total), before = share(r->before, row->total_before);
    fprintf(out, "<span title=\"%s\"><b>%.*f %%</b> %s", bounce_reason_meaning(r->reason), now < 10 ? 1 : 0, now,
            bounce_reason_name(r->reason));
    if (row->total_before && (now - before >= 1 || before - now >= 1))
        fprintf(out, " <span class=\"quiet\">%s from %.*f %%</span>", now > before ? "up" : "down", before < 10 ? 1 : 0,
                before);
    fputs("</span>", out);
}

static void put_row(FILE *out, const struct provider_reasons *row) {
    fputs("<tr><th scope=\"row\">", out);
    page_name(out, row->provider);
    fputs("</th><td>", out);
    page_count(out, row->total);
    fputs("</td><td class=\"left wide\">", out);
    for (unsigned i = 0; i < row->share_count && i < SHARES_SHOWN && row->shares[i].count; i++) {
        if (i)
            fputs(", ", out);
        put_share(out, row, &row->shares[i]);
    }
    fputs("</td></tr>\n", out);
}

void page_write_reasons(FILE *out, const struct snapshot *s) {
    size_t count, shown = 0;
    struct provider_reasons *rows = reasons_of_windows(s, WINDOW_24H, WINDOW_7D, &count);
    if (count && rows[0].total) {
        fputs("<section id=\"reasons\" aria-labelledby=\"reasons-title\"><h2 id=\"reasons-title\">Why mail bounced "
              "<small>24 hours, against the week before</small></h2>\n<div class=\"scroll\" role=\"region\" "
              "tabindex=\"0\" aria-labelledby=\"reasons-title\" id=\"reasons-table\"><table><thead><tr>"
              "<th scope=\"col\">Provider</th><th scope=\"col\">Bounced</th><th scope=\"col\" class=\"left\">Why</th>"
              "</tr></thead>\n<tbody>",
              out);
        for (; shown < count && shown < PAGE_MAX_ROWS && rows[shown].total; shown++)
            put_row(out, &rows[shown]);
        fputs("</tbody></table></div></section>\n", out);
    }
    free(rows);
}
