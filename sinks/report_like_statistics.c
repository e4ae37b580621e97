#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "core/alloc.h"
#include "sinks/csv.h"
#include "sinks/json_writer.h"
#include "sinks/report_like.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { POINT_MINUTES = 15, FIGURES = 4 };

/* As the API names them, and what is counted for them. */
static const struct {
    const char *name, *title;
    enum rate_counter counter;
} figures[FIGURES] = {
    {"DeliveryAttempts", "attempts", COUNT_SENT},
    {"Bounces", "bounces", COUNT_PERMANENT},
    {"Complaints", "complaints", COUNT_COMPLAINED},
    {"Rejects", "rejects", COUNT_REJECTED},
};

struct point {
    int64_t quarter; /* since 1970 */
    uint64_t n[FIGURES];
};

struct send_statistics {
    struct point *points;
    size_t count, capacity;
};

struct send_statistics *send_statistics_create(void) {
    return alloc_zeroed(1, sizeof(struct send_statistics));
}

void send_statistics_destroy(struct send_statistics *s) {
    if (s)
        free(s->points);
    free(s);
}

static struct point *point_of(struct send_statistics *s, int64_t quarter) {
    if (s->count && s->points[s->count - 1].quarter == quarter)
        return &s->points[s->count - 1];
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 96;
        s->points = alloc_resize(s->points, s->capacity, sizeof *s->points);
    }
    s->points[s->count] = (struct point){.quarter = quarter};
    return &s->points[s->count++];
}

void send_statistics_minute(struct send_statistics *s, const struct closed_minute *minute) {
    const struct cell_counts *c = map_get(minute->series, CELL_ACCOUNT);
    uint64_t any = 0;
    for (int i = 0; c && i < FIGURES; i++)
        any += c->n[figures[i].counter];
    if (!any)
        return;
    struct point *p = point_of(s, floor_div(minute->minute, POINT_MINUTES));
    for (int i = 0; i < FIGURES; i++)
        p->n[i] += c->n[figures[i].counter];
}

/* Whole seconds: that is what AWS has. */
static void point_time(const struct point *p, char out[TEXT_TIME_SIZE]) {
    text_time(p->quarter * POINT_MINUTES * MINUTE_MS, out);
    memcpy(strchr(out, '.'), "Z", 2);
}

static void write_json(FILE *out, const struct send_statistics *s) {
    struct json_writer w = {.out = out};
    char time[TEXT_TIME_SIZE];
    json_put_open(&w, '{');
    json_put_key(&w, "SendDataPoints");
    json_put_open(&w, '[');
    for (size_t i = 0; i < s->count && !ferror(out); i++) {
        json_put_line(&w);
        json_put_open(&w, '{');
        point_time(&s->points[i], time);
        json_put_key(&w, "Timestamp");
        json_put_string(&w, time);
        for (int f = 0; f < FIGURES; f++) {
            json_put_key(&w, figures[f].name);
            json_put_u64(&w, s->points[i].n[f]);
        }
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    fputc('\n', out);
}

static void write_csv(FILE *out, const struct send_statistics *s) {
    struct csv_writer w = {.out = out};
    char time[TEXT_TIME_SIZE];
    csv_put_word(&w, "Timestamp");
    for (int f = 0; f < FIGURES; f++)
        csv_put_word(&w, figures[f].name);
    csv_end_line(&w);
    for (size_t i = 0; i < s->count && !ferror(out); i++) {
        point_time(&s->points[i], time);
        csv_put_word(&w, time);
        for (int f = 0; f < FIGURES; f++)
            csv_put_u64(&w, s->points[i].n[f]);
        csv_end_line(&w);
    }
}

static void write_row(FILE *out, const char *name, const uint64_t n[FIGURES]) {
    fprintf(out, "%-16s", name);
    for (int f = 0; f < FIGURES; f++) {
        char text[TEXT_NUMBER_SIZE];
        text_count(n[f], text);
        fprintf(out, "  %12s", text);
    }
    fputc('\n', out);
}

static void write_table(FILE *out, const struct send_statistics *s, const struct report_options *o) {
    const char *bold = report_style_begin(o->colour, STYLE_BOLD), *dim = report_style_begin(o->colour, STYLE_DIM);
    const char *end = report_style_end(o->colour, STYLE_BOLD);
    char text[TEXT_NUMBER_SIZE], time[TEXT_TIME_SIZE];
    uint64_t sums[FIGURES] = {0};
    size_t hidden = o->max_rows && s->count > o->max_rows ? s->count - o->max_rows : 0;
    fprintf(out, "%s15 MINUTES (UTC)", bold);
    for (int f = 0; f < FIGURES; f++)
        fprintf(out, "  %12s", figures[f].title);
    fprintf(out, "%s\n", end);
    if (hidden) {
        text_count(hidden, text);
        fprintf(out, "%s... %s earlier ones, --rows 0 shows all%s\n", dim, text, end);
    }
    for (size_t i = 0; i < s->count; i++) {
        for (int f = 0; f < FIGURES; f++)
            sums[f] += s->points[i].n[f];
        if (i < hidden)
            continue;
        text_time_plain(s->points[i].quarter * POINT_MINUTES * MINUTE_MS, time);
        *strrchr(time, ':') = '\0'; /* seconds */
        write_row(out, time, s->points[i].n);
    }
    write_row(out, "total", sums);
    fprintf(
        out,
        "\n%sAs GetSendStatistics has it: attempts are recipients of Send, bounces permanent ones. Without the mailbox"
        " simulator,\nthe account's suppression list, and reports of not-spam (docs/aws-numbers.md).%s\n",
        dim, end);
}

bool send_statistics_write(FILE *out, const struct send_statistics *s, const struct report_options *o,
                           struct err *err) {
    errno = 0;
    if (o->format == REPORT_JSON)
        write_json(out, s);
    else if (o->format == REPORT_CSV)
        write_csv(out, s);
    else
        write_table(out, s, o);
    return !ferror(out) || err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the report");
}
