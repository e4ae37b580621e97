#include "sinks/report_cell.h"

#include <math.h>
#include <string.h>

#include "core/utf8.h"
#include "sinks/report_parts.h"
#include "sinks/text.h"

enum { NOT_A_COUNTER = -1 };

/* The levels are AWS's. The alerts judge by the same ones, with a minimum volume; here they only draw the eye. */
static const struct column {
    const char *title;
    int rank;
    /* A volume: a rate counter, or where no rate counts it, recipients of an event type. */
    int counter;
    int event_type;
    /* A rate. */
    int rate; /* enum rate, or NOT_A_COUNTER for a volume */
    int decimals;
    double warning, critical; /* 0: it has no levels */
} columns[REPORT_COLUMNS] = {
    [COLUMN_SENT] = {"sent", 0, COUNT_SENT, EVENT_SEND, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_DELIVERED] = {"delivered", 4, COUNT_DELIVERED, EVENT_DELIVERY, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_BOUNCED] = {"bounced", 5, COUNT_BOUNCED, EVENT_BOUNCE, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_COMPLAINTS] = {"complaints", 6, COUNT_COMPLAINED, EVENT_COMPLAINT, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_DELIVERY_RATE] = {"delivery", 3, NOT_A_COUNTER, NOT_A_COUNTER, RATE_DELIVERY, 2, 0, 0},
    [COLUMN_BOUNCE_RATE] = {"bounce", 1, NOT_A_COUNTER, NOT_A_COUNTER, RATE_BOUNCE, 2, REPUTATION_BOUNCE_REVIEW,
                            REPUTATION_BOUNCE_PAUSE},
    [COLUMN_PERMANENT_RATE] = {"perm.", 8, NOT_A_COUNTER, NOT_A_COUNTER, RATE_PERMANENT_BOUNCE, 2, 0, 0},
    [COLUMN_TRANSIENT_RATE] = {"trans.", 9, NOT_A_COUNTER, NOT_A_COUNTER, RATE_TRANSIENT_BOUNCE, 2, 0, 0},
    [COLUMN_COMPLAINT_RATE] = {"complaint", 2, NOT_A_COUNTER, NOT_A_COUNTER, RATE_COMPLAINT, 3,
                               REPUTATION_COMPLAINT_REVIEW, REPUTATION_COMPLAINT_PAUSE},
    [COLUMN_DELAY_RATE] = {"delay", 7, NOT_A_COUNTER, NOT_A_COUNTER, RATE_DELAY, 2, 0, 0},
    [COLUMN_OPENS] = {"opens", 10, NOT_A_COUNTER, EVENT_OPEN, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_CLICKS] = {"clicks", 11, NOT_A_COUNTER, EVENT_CLICK, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_OPEN_RATE] = {"human open", 12, NOT_A_COUNTER, NOT_A_COUNTER, RATE_OPEN, 2, 0, 0},
    [COLUMN_PROXY_OPEN_RATE] = {"proxy open", 13, NOT_A_COUNTER, NOT_A_COUNTER, RATE_PROXY_OPEN, 2, 0, 0},
    [COLUMN_CLICK_RATE] = {"human click", 14, NOT_A_COUNTER, NOT_A_COUNTER, RATE_CLICK, 2, 0, 0},
    [COLUMN_UNSUBSCRIBES] = {"unsubs", 15, COUNT_OPTED_OUT, NOT_A_COUNTER, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_REJECTED] = {"rejected", 16, COUNT_REJECTED, EVENT_REJECT, NOT_A_COUNTER, 0, 0, 0},
    [COLUMN_UNRENDERED] = {"unrendered", 17, COUNT_RENDERING_FAILED, EVENT_RENDERING_FAILURE, NOT_A_COUNTER, 0, 0, 0},
};

const char *report_column_title(enum report_column column) {
    return columns[column].title;
}

int report_column_rank(enum report_column column) {
    return columns[column].rank;
}

static bool is_rate(const struct column *c) {
    return c->rate != NOT_A_COUNTER;
}

static uint64_t volume(const struct column *c, const struct tally *t, bool simulator) {
    if (c->counter != NOT_A_COUNTER && !simulator)
        return t->rates.n[c->counter];
    return c->event_type == NOT_A_COUNTER ? 0 : t->recipients[c->event_type];
}

/* Never rounded to what it is not: a rate above 0 does not show as 0, nor one below 100 % as 100 %. */
static void percent(double value, int decimals, char *out, size_t size) {
    double shown = value * 100, step = pow(10, -decimals);
    if (shown > 0 && shown < step / 2)
        snprintf(out, size, "<%.*f %%", decimals, step);
    else if (shown < 100 && shown >= 100 - step / 2)
        snprintf(out, size, ">%.*f %%", decimals, 100 - step);
    else
        snprintf(out, size, "%.*f %%", decimals, shown);
}

static enum cell_level level_of(const struct column *c, double value) {
    if (c->critical > 0 && value >= c->critical)
        return LEVEL_CRITICAL;
    return c->warning > 0 && value >= c->warning ? LEVEL_WARNING : LEVEL_NORMAL;
}

/* The mark stands before the figure, so that figures stay in line; it says without colour what the colour says. */
void report_cell_value(enum report_column column, const struct tally *t, bool simulator, struct cell *cell) {
    const struct column *c = &columns[column];
    *cell = (struct cell){.text = "-"};
    if (!is_rate(c)) {
        char text[TEXT_NUMBER_SIZE];
        text_count(volume(c, t, simulator), text);
        snprintf(cell->text, sizeof cell->text, "%s", text);
        return;
    }
    double value;
    if (simulator || !rate_value((enum rate)c->rate, &t->rates, &value))
        return;
    static const char *const marks[] = {[LEVEL_NORMAL] = "", [LEVEL_WARNING] = "! ", [LEVEL_CRITICAL] = "!! "};
    cell->level = level_of(c, value);
    char text[40];
    percent(value, c->decimals, text, sizeof text);
    snprintf(cell->text, sizeof cell->text, "%s%s", marks[cell->level], text);
}

static void volume_change(uint64_t now, uint64_t before, struct cell *cell) {
    double change;
    if (now == before)
        snprintf(cell->text, sizeof cell->text, "%s", now ? "=" : "");
    else if (!report_volume_change(now, before, &change))
        snprintf(cell->text, sizeof cell->text, "new");
    else if (fabs(change) >= 10) /* 10 times and more: a percentage says little */
        snprintf(cell->text, sizeof cell->text, "x%.0f", change + 1);
    else
        snprintf(cell->text, sizeof cell->text, "%+.*f %%", fabs(change) < 0.0995 ? 1 : 0, change * 100);
}

void report_cell_change(enum report_column column, const struct tally now_and_before[PERIODS], bool simulator,
                        struct cell *cell) {
    const struct column *c = &columns[column];
    const struct tally *now = &now_and_before[PERIOD_NOW], *before = &now_and_before[PERIOD_BEFORE];
    *cell = (struct cell){0};
    if (!is_rate(c)) {
        volume_change(volume(c, now, simulator), volume(c, before, simulator), cell);
        return;
    }
    double change;
    if (simulator || !report_rate_change((enum rate)c->rate, now, before, &change))
        return;
    double points = change * 100;
    if (fabs(points) < pow(10, -c->decimals) / 2)
        snprintf(cell->text, sizeof cell->text, "=");
    else
        snprintf(cell->text, sizeof cell->text, "%+.*f pp", c->decimals, points);
}

bool report_cell_is_zero(enum report_column column, const struct tally *t, bool simulator) {
    const struct column *c = &columns[column];
    if (!is_rate(c))
        return volume(c, t, simulator) == 0;
    return simulator || rate_numerator((enum rate)c->rate, &t->rates) == 0;
}

/* East Asian wide and emoji blocks take two columns, combining marks none. Not wcwidth: that depends on the locale,
 * which says nothing about the terminal that reads a file later. */
static size_t character_width(uint32_t c) {
    static const struct {
        uint32_t first, last;
        size_t width;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0}, {0x20d0, 0x20ff, 0},
        {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0},
        {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2},
        {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

/* One character of a name: its bytes as shown, its width. Returns how many bytes of the name it was. */
static size_t next_character(struct span rest, struct span *shown, size_t *width) {
    uint32_t c = 0;
    size_t len = utf8_next(rest, &c);
    if (len && !text_is_control(c)) {
        *shown = (struct span){rest.ptr, len};
        *width = character_width(c);
        return len;
    }
    *shown = SPAN_LIT("\xef\xbf\xbd");
    *width = 1;
    return len ? len : 1;
}

size_t report_name_width(const char *name) {
    struct span rest = span_of(name), shown;
    size_t total = 0, width;
    while (rest.len) {
        size_t len = next_character(rest, &shown, &width);
        rest = (struct span){rest.ptr + len, rest.len - len};
        total += width;
    }
    return total;
}

size_t report_name_print(FILE *out, const char *name, size_t width) {
    size_t full = report_name_width(name);
    /* Cut in the middle: names of one family differ at their end. */
    size_t head = full <= width || width < 4 ? width : (width - 2) / 2;
    size_t tail_from = full <= width || width < 4 ? SIZE_MAX : full - (width - 2 - head);
    struct span rest = span_of(name), shown;
    size_t at = 0, printed = 0, step;
    bool cut = false;
    while (rest.len) {
        size_t len = next_character(rest, &shown, &step);
        rest = (struct span){rest.ptr + len, rest.len - len};
        if ((at + step <= head && !cut) || at >= tail_from) {
            fwrite(shown.ptr, 1, shown.len, out);
            printed += step;
        } else if (!cut) {
            cut = true;
            if (tail_from != SIZE_MAX) {
                fputs("..", out);
                printed += 2;
            }
        }
        at += step;
    }
    return printed;
}
