#include "sinks/report_cell.h"
#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { SETS_SHOWN = 10 };

static enum report_style style_of(enum reputation_state state) {
    switch (state) {
    case REPUTATION_AT_RISK:
        return STYLE_CRITICAL;
    case REPUTATION_UNDER_REVIEW:
        return STYLE_WARNING;
    default:
        return STYLE_PLAIN;
    }
}

static const char *words_of(enum reputation_state state) {
    static const char *const words[REPUTATION_STATES] = {"unknown", "healthy", "under review", "at risk of a pause"};
    return words[state];
}

/* "bounce 1.20 % healthy (380 more to 5 %)" */
static void put_standing(FILE *out, const struct reputation_row *r, bool colour) {
    fprintf(out, "%s ", reputation_kind_name(r->kind));
    if (r->state == REPUTATION_UNKNOWN) {
        fputs("unknown", out);
        return;
    }
    double percent = 100 * (double)r->numerator / (double)r->denominator;
    fprintf(out, "%.*f %% %s%s%s", percent < 1 ? 3 : 2, percent, report_style_begin(colour, style_of(r->state)),
            words_of(r->state), report_style_end(colour, style_of(r->state)));
    if (r->next_threshold > 0) {
        char more[TEXT_NUMBER_SIZE];
        text_count(r->to_next, more);
        fprintf(out, " (%s more to %.10g %%)", more, r->next_threshold * 100);
    }
}

static bool is_account(const struct reputation_row *r) {
    return r->configuration_set[0] == '\0' && r->scope[0] == 'a';
}

static bool in_trouble(const struct reputation_row *r) {
    return r->state == REPUTATION_UNDER_REVIEW || r->state == REPUTATION_AT_RISK;
}

/* The account's, and the sets that are in trouble: as AWS sees them, an estimate. */
void report_write_reputation(FILE *out, const struct snapshot *s, bool colour) {
    bool any = false;
    for (size_t i = 0; i < s->reputation_count; i++) {
        const struct reputation_row *r = &s->reputation[i];
        if (!is_account(r) || r->state == REPUTATION_UNKNOWN)
            continue;
        if (!any)
            fprintf(out, "%s%-10s%s%s: ", report_style_begin(colour, STYLE_BOLD), "AWS sees",
                    report_style_end(colour, STYLE_BOLD), s->last_sends_name);
        else
            fputs(", ", out);
        put_standing(out, r, colour);
        any = true;
    }
    if (any)
        fputc('\n', out);
    unsigned shown = 0;
    for (size_t i = 0; i < s->reputation_count && shown < SETS_SHOWN; i++) {
        const struct reputation_row *r = &s->reputation[i];
        if (is_account(r) || !in_trouble(r))
            continue;
        fputs("          set ", out);
        if (*r->configuration_set)
            report_name_print(out, r->configuration_set, 64);
        else
            fputs("(none)", out);
        fputs(": ", out);
        put_standing(out, r, colour);
        fputc('\n', out);
        shown++;
    }
}
