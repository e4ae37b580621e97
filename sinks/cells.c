#include "sinks/cells.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "core/alloc.h"
#include "core/map.h"
#include "sinks/csv.h"
#include "sinks/text.h"

struct cells_writer {
    FILE *out;
    int64_t step_ms;
    const struct snapshot_names *names;
    int64_t step;    /* the one being summed */
    struct map sums; /* CELL_PAIR -> struct step_counts */
};

struct cells_writer *cells_create(FILE *out, int64_t step_ms, const struct snapshot_names *names) {
    struct cells_writer *w = alloc_zeroed(1, sizeof *w);
    *w = (struct cells_writer){.out = out, .step_ms = step_ms, .names = names, .step = INT64_MIN};
    map_init(&w->sums, sizeof(struct step_counts));
    fputs("time,event_type,configuration_set,provider,records,recipients\n", out);
    return w;
}

struct cell_row {
    const char *set, *provider;
    const struct step_counts *counts;
};

static int by_names(const void *x, const void *y) {
    const struct cell_row *a = x, *b = y;
    int c = strcmp(a->set, b->set);
    return c ? c : strcmp(a->provider, b->provider);
}

static void write_row(struct cells_writer *w, const char *time, enum event_type type, const struct cell_row *row) {
    struct csv_writer csv = {.out = w->out};
    csv_put_word(&csv, time);
    csv_put_word(&csv, event_type_name(type));
    csv_put_text(&csv, row->set);
    csv_put_text(&csv, row->provider);
    csv_put_u64(&csv, row->counts->records[type]);
    csv_put_u64(&csv, row->counts->recipients[type]);
    fputc('\n', w->out); /* not CSV's CR LF: this is for other programs on the same machine */
}

static void write_step(struct cells_writer *w) {
    size_t count = 0;
    uint64_t key;
    void *value;
    struct cell_row *rows = alloc_zeroed(w->sums.len, sizeof *rows);
    for (size_t at = 0; map_next(&w->sums, &at, &key, &value);)
        rows[count++] = (struct cell_row){intern_name(w->names->sets, CELL_PAIR_SET(key)),
                                          provider_table_name(w->names->providers, CELL_PAIR_PROVIDER(key)), value};
    qsort(rows, count, sizeof *rows, by_names);
    char time[TEXT_TIME_SIZE];
    text_time(w->step * w->step_ms, time);
    memcpy(strchr(time, '.'), "Z", 2); /* steps are whole minutes: no milliseconds */
    for (int type = 0; type < EVENT_TYPES; type++)
        for (size_t i = 0; i < count; i++)
            if (rows[i].counts->records[type] || rows[i].counts->recipients[type])
                write_row(w, time, (enum event_type)type, &rows[i]);
    free(rows);
    map_clear(&w->sums);
}

void cells_minute(struct cells_writer *w, const struct closed_minute *minute) {
    int64_t step = floor_div(minute->minute * MINUTE_MS, w->step_ms);
    if (step != w->step && w->step != INT64_MIN)
        write_step(w);
    w->step = step;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(minute->steps, &at, &key, &value);) {
        const struct step_counts *from = value;
        struct step_counts *to = map_put(&w->sums, key);
        for (int type = 0; type < EVENT_TYPES; type++) {
            to->records[type] += from->records[type];
            to->recipients[type] += from->recipients[type];
        }
    }
}

void cells_finish(struct cells_writer *w) {
    if (!w)
        return;
    if (w->step != INT64_MIN)
        write_step(w);
    map_deinit(&w->sums);
    free(w);
}
