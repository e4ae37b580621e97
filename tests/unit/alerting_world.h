/* An aggregate with the alerts behind it, as the service has them: fed, saved, restarted and reloaded by hand. */
#ifndef TESTS_ALERTING_WORLD_H
#define TESTS_ALERTING_WORLD_H

#include "aggregate_run.h"

#include <inttypes.h>
#include <stdio.h>

#include "pipeline/alerting.h"
#include "unit/memory_state.h"

/* --- a service of the two ----------------------------------------------------------------------------------------- */

struct world {
    struct aggregate_options options;
    struct aggregate *counts;
    struct alerting *alerting;
    struct intern *numbers;
    struct memory memory;
    struct batch *batch;
    FILE *log; /* what was told */
    char *told;
    size_t told_len;
};

static inline void pass_minute(void *context, const struct closed_minute *m) {
    alerting_minute(((struct world *)context)->alerting, m);
}

static inline void pass_amendment(void *context, int64_t minute, int64_t sent_minute, uint64_t series,
                                  unsigned counters, int by) {
    alerting_amend(((struct world *)context)->alerting, minute, sent_minute, series, counters, by);
}

static inline void row_text(FILE *out, const struct alert_row *r) {
    static const char *const states[] = {"pending", "firing", "resolved"};
    fprintf(out, "#%" PRIu64 " %s %s %s [%s|%s] %s%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 "/%" PRIu64 "%s",
            r->incident, r->alertname, r->severity, r->scope, r->provider, r->configuration_set, states[r->state],
            r->held ? " held" : "", r->active_ms / MINUTE_MS, r->fired_ms / MINUTE_MS, r->resolved_ms / MINUTE_MS,
            r->numerator, r->denominator, *r->identity || *r->reason || r->muted_by ? " " : "\n");
    if (*r->identity || *r->reason || r->muted_by)
        fprintf(out, "%s%s%s muted_by %" PRIu64 "\n", r->identity, *r->reason ? " " : "", r->reason, r->muted_by);
}

static inline void tell(void *context, const struct alert_row *incident) {
    struct world *w = context;
    row_text(w->log, incident);
    fflush(w->log);
}

static inline struct alerting *make_alerting(struct world *w, const struct alert_rule *rules, size_t count) {
    struct alerting *a = alerting_create(rules, count, &names);
    alerting_go_live(a, w->numbers, &(struct alerting_hooks){w, tell});
    return a;
}

static inline struct world *world_begin(const struct alert_rule *rules, size_t count, int64_t settle_ms) {
    struct world *w = calloc(1, sizeof *w);
    w->options = usual;
    w->options.keep_steps = false;
    w->options.keep_state = true;
    w->options.settle_ms = settle_ms;
    w->options.on_closed = pass_minute;
    w->options.on_amended = pass_amendment;
    w->options.on_closed_context = w;
    w->options.keep_wide = alerting_wants_wide(rules, count);
    w->options.keep_cohorts = alerting_wants_cohorts(rules, count);
    w->counts = aggregate_create(&w->options);
    w->numbers = intern_create(1000);
    w->batch = calloc(1, sizeof *w->batch);
    w->log = open_memstream(&w->told, &w->told_len);
    w->alerting = make_alerting(w, rules, count);
    return w;
}

static inline void world_end(struct world *w) {
    alerting_destroy(w->alerting);
    aggregate_destroy(w->counts);
    intern_destroy(w->numbers);
    memory_deinit(&w->memory);
    fclose(w->log);
    free(w->told);
    free(w->batch);
    free(w);
}

static inline void take(struct world *w, const struct event *e) {
    w->batch->events[0] = *e;
    w->batch->count = 1;
    w->batch->accounting.read = 1;
    aggregate_apply(w->counts, w->batch);
}

static inline void tick(struct world *w) {
    if (aggregate_open_from(w->counts) != INT64_MIN)
        alerting_advance(w->alerting, aggregate_open_from(w->counts));
}

/* It is `minute` by the clock: everything before it is over. */
static inline void clock_is(struct world *w, int64_t minute) {
    aggregate_close_until(w->counts, minute * MINUTE_MS);
    tick(w);
}

static inline void save(struct world *w) {
    const struct state_writer to = memory_writer(&w->memory);
    aggregate_save(w->counts, &to);
    alerting_save(w->alerting, &to);
    memory_commit(&w->memory);
    aggregate_saved(w->counts);
    alerting_saved(w->alerting);
}

static inline void restart(struct world *w, const struct alert_rule *rules, size_t count) {
    struct err err = {0};
    const struct state_reader from = memory_reader(&w->memory);
    memory_roll_back(&w->memory);
    w->options.keep_wide = alerting_wants_wide(rules, count);
    w->options.keep_cohorts = alerting_wants_cohorts(rules, count);
    alerting_destroy(w->alerting);
    aggregate_destroy(w->counts);
    w->counts = aggregate_create(&w->options);
    w->alerting = make_alerting(w, rules, count);
    if (!aggregate_load(w->counts, &from, &err) || !alerting_load(w->alerting, &from, w->counts, &err))
        fail_msg("%s", err.text);
}

static inline void change_rules(struct world *w, const struct alert_rule *rules, size_t count) {
    struct alerting *old = w->alerting;
    w->options.keep_wide = alerting_wants_wide(rules, count);
    w->options.keep_cohorts = alerting_wants_cohorts(rules, count);
    aggregate_keep(w->counts, w->options.keep_wide, w->options.keep_cohorts);
    w->alerting = make_alerting(w, rules, count);
    alerting_take_over(w->alerting, old, w->counts);
}

/* --- what there is to see ----------------------------------------------------------------------------------------- */

static inline int by_text(const void *x, const void *y) {
    return strcmp(*(char *const *)x, *(char *const *)y);
}

/* The lines of `text` in their order, without the numbers of incidents: those of one minute are given in no order. */
static inline char *sorted(const char *text) {
    char **lines = calloc(strlen(text) + 1, sizeof *lines), *copy = strdup(text), *rest = copy, *out;
    size_t count = 0, len;
    while ((lines[count] = strsep(&rest, "\n")) != NULL)
        if (*lines[count])
            lines[count] = *lines[count] == '#' ? strchr(lines[count], ' ') : lines[count], count++;
    qsort(lines, count, sizeof *lines, by_text);
    FILE *file = open_memstream(&out, &len);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s\n", lines[i]);
    fclose(file);
    free(lines);
    free(copy);
    return out;
}

/* All rows in an order of their own; `firing_only`: just which they are. Returns new. */
static inline char *rows_of(struct world *w, bool firing_only) {
    size_t count, len, kept = 0;
    uint64_t dropped;
    struct alert_row *rows = alerting_rows(w->alerting, &count, &dropped);
    char **lines = calloc(count + 1, sizeof *lines), *text;
    for (size_t i = 0; i < count; i++) {
        if (firing_only && rows[i].state != ALERT_FIRING)
            continue;
        FILE *line = open_memstream(&lines[kept++], &len);
        if (firing_only)
            fprintf(line, "%s %s [%s|%s]\n", rows[i].alertname, rows[i].scope, rows[i].provider,
                    rows[i].configuration_set);
        else
            row_text(line, &rows[i]);
        fclose(line);
    }
    qsort(lines, kept, sizeof *lines, by_text);
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < kept; i++) {
        fputs(lines[i], out);
        free(lines[i]);
    }
    fclose(out);
    free(lines);
    free(rows);
    return text;
}

/* Takes both. */
static inline void assert_same_lines(char *one, char *other) {
    char *left = sorted(one), *right = sorted(other);
    size_t same = 0;
    while (left[same] && left[same] == right[same])
        same++;
    if (left[same] || right[same])
        fail_msg("...%.300s\n--- is not ---\n...%.300s", left + same - (same < 60 ? same : 60),
                 right + same - (same < 60 ? same : 60));
    free(left);
    free(right);
    free(one);
    free(other);
}

static inline void assert_same(struct world *a, struct world *b, bool firing_only) {
    assert_same_lines(rows_of(a, firing_only), rows_of(b, firing_only));
}

/* They told the same; in no order. */
static inline void assert_same_told(struct world *a, struct world *b) {
    fflush(a->log);
    fflush(b->log);
    assert_same_lines(strdup(a->told), strdup(b->told));
}

static inline size_t rows_with(struct world *w, const char *what) {
    char *text = rows_of(w, false);
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    free(text);
    return n;
}

static inline void assert_told(struct world *w, const char *text) {
    fflush(w->log);
    assert_string_equal(w->told, text);
}

#endif
