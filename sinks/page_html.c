#include <string.h>

#include "core/span.h"
#include "core/utf8.h"
#include "sinks/page_parts.h"
#include "sinks/text.h"

static const char *entity_of(uint32_t c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return text_is_control(c) ? "\xef\xbf\xbd" : NULL;
    }
}

void page_text(FILE *out, const char *text) {
    struct span s = text ? span_of(text) : (struct span){0};
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0; /* what is no UTF-8 is written as a control character is */
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        const char *entity = entity_of(len ? c : 0);
        if (entity)
            fputs(entity, out);
        else
            fwrite(s.ptr + i, 1, len, out);
        i += len ? len : 1;
    }
}

void page_name(FILE *out, const char *name) {
    if (name && *name)
        page_text(out, name);
    else
        fputs("<em>none</em>", out);
}

void page_count(FILE *out, uint64_t value) {
    char text[TEXT_NUMBER_SIZE];
    text_count(value, text);
    fputs(text, out);
}

void page_plural(FILE *out, uint64_t n, const char *one, const char *many) {
    page_count(out, n);
    fprintf(out, " %s", n == 1 ? one : many);
}

void page_time(FILE *out, int64_t ms) {
    char machine[TEXT_TIME_SIZE], plain[TEXT_TIME_SIZE];
    text_time(ms, machine);
    text_time_plain(ms, plain);
    fprintf(out, "<time datetime=\"%s\">%s</time>", machine, plain);
}

void page_duration(FILE *out, int64_t ms) {
    long long s = ms > 0 ? ms / 1000 : 0;
    if (s < 120)
        fprintf(out, "%lld s", s);
    else if (s < 2 * 3600)
        fprintf(out, "%lld min", s / 60);
    else if (s < 2 * 86400)
        fprintf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        fprintf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

/* Below so many recipients a rate is shown, but not judged: one bounce of ten is no sign of anything. */
static uint64_t least_volume(enum report_column column) {
    return column == COLUMN_COMPLAINT_RATE ? 1000 : 100;
}

static enum rate rate_of(enum report_column column) {
    switch (column) {
    case COLUMN_BOUNCE_RATE:
        return RATE_BOUNCE;
    case COLUMN_COMPLAINT_RATE:
        return RATE_COMPLAINT;
    default:
        return RATE_DELIVERY;
    }
}

void page_rate(FILE *out, enum report_column column, const struct rate_counts *counts) {
    struct tally tally = {.rates = *counts};
    struct cell cell;
    report_cell_value(column, &tally, false, &cell);
    enum rate rate = rate_of(column);
    uint64_t denominator = rate_denominator(rate, counts);
    if (denominator == 0) {
        fputs("<span class=\"none\" title=\"nothing to divide by\">&ndash;</span>", out);
        return;
    }
    static const struct {
        const char *class, *mark, *words;
    } levels[] = {
        [LEVEL_NORMAL] = {"", "", ""},
        [LEVEL_WARNING] = {" class=\"warn\"", "!", "high: "},
        [LEVEL_CRITICAL] = {" class=\"bad\"", "!!", "very high: "},
    };
    enum cell_level level = denominator < least_volume(column) ? LEVEL_NORMAL : cell.level;
    fprintf(out, "<span%s title=\"", levels[level].class);
    page_count(out, rate_numerator(rate, counts));
    fputs(" of ", out);
    page_count(out, denominator);
    fputs("\">", out);
    if (level != LEVEL_NORMAL)
        fprintf(out, "<i aria-hidden=\"true\">%s</i><b class=\"vh\">%s</b>", levels[level].mark, levels[level].words);
    page_text(out, cell.text + strspn(cell.text, "! "));
    fputs("</span>", out);
}
