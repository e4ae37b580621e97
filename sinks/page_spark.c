#include <stddef.h>

#include "sinks/page_parts.h"

/* A picture has two units for each hour, and HEIGHT upwards; the page stretches it to the room there is. */
enum { WIDTH = 2 * HISTORY_POINTS, HEIGHT = 24 };

static void open_picture(FILE *out, const char *class, const char *what) {
    fprintf(out,
            "<svg class=\"spark %s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\"><title>%s in each "
            "of the last %d hours: ",
            class, WIDTH, HEIGHT, what, HISTORY_POINTS);
}

static void put_bar(FILE *out, size_t hour, uint64_t value, uint64_t most) {
    double height = (double)value / (double)most * HEIGHT;
    if (value > 0)
        fprintf(out, "M%zu.2 %dv-%.1fh1.6V%dz", 2 * hour, HEIGHT, height > 0.8 ? height : 0.8, HEIGHT);
}

/* The last hour has only begun, so it is drawn lighter: it is no drop. */
void page_bars(FILE *out, const struct history_row *row) {
    if (!row)
        return;
    uint64_t most = 0, sum = 0;
    for (size_t i = 0; i < HISTORY_POINTS; i++) {
        uint64_t sent = row->hours[i].n[COUNT_SENT];
        most = sent > most ? sent : most;
        sum += sent;
    }
    open_picture(out, "bars", "sent");
    page_count(out, sum);
    fputs(" in all, ", out);
    page_count(out, most);
    fputs(" at most</title><path d=\"", out);
    for (size_t i = 0; i + 1 < HISTORY_POINTS; i++)
        put_bar(out, i, row->hours[i].n[COUNT_SENT], most);
    fputs("\"/><path class=\"now\" d=\"", out);
    put_bar(out, HISTORY_POINTS - 1, row->hours[HISTORY_POINTS - 1].n[COUNT_SENT], most);
    fputs("\"/></svg>", out);
}

/* How a rate is drawn: from `floor` to at least `top`, so that rows can be compared at a glance and a quiet rate looks
 * quiet; and a line across at the level where it wants attention. */
static const struct scale {
    const char *name;
    double floor, top, level;
    uint64_t least; /* an hour with a smaller volume does not stretch the scale: it is cut off at the top */
} scales[RATES] = {
    [RATE_DELIVERY] = {"delivery rate", 0.8, 1, 0, 20},
    [RATE_BOUNCE] = {"bounce rate", 0, 0.1, 0.05, 20},
    [RATE_COMPLAINT] = {"complaint rate", 0, 0.005, 0.001, 200},
};

static double height_of(const struct scale *scale, double top, double value) {
    double part = (value - scale->floor) / (top - scale->floor);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return HEIGHT - 1 - part * (HEIGHT - 2);
}

static double top_of(const struct scale *scale, const struct history_row *row, enum rate rate) {
    double top = scale->top, value;
    for (size_t i = 0; i < HISTORY_POINTS; i++)
        if (rate_denominator(rate, &row->hours[i]) >= scale->least && rate_value(rate, &row->hours[i], &value) &&
            value > top && scale->floor == 0)
            top = value;
    return top;
}

void page_line(FILE *out, const struct history_row *row, enum rate rate) {
    const struct scale *scale = &scales[rate];
    if (!row || !scale->name)
        return;
    double top = top_of(scale, row, rate), value;
    open_picture(out, "line", scale->name);
    fprintf(out, "drawn from %.4g to %.4g %%</title>", scale->floor * 100, top * 100);
    if (scale->level > 0)
        fprintf(out, "<path class=\"level\" d=\"M0 %.1fH%d\"/>", height_of(scale, top, scale->level), WIDTH);
    fputs("<path d=\"", out);
    bool drawing = false; /* an hour without volume is a gap */
    for (size_t i = 0; i < HISTORY_POINTS; i++) {
        bool known = rate_value(rate, &row->hours[i], &value);
        if (known && !drawing)
            fprintf(out, "M%zu %.1fh.1", 2 * i + 1, height_of(scale, top, value));
        else if (known)
            fprintf(out, "L%zu %.1f", 2 * i + 1, height_of(scale, top, value));
        drawing = known;
    }
    fputs("\"/></svg>", out);
}
