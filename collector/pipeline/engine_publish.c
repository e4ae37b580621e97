/* What the service shows of itself after a commit: the snapshot with its sources, and the list of alerts as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "pipeline/engine_internal.h"
#include "sinks/alerts.h"
#include "sinks/output.h"

/* A snapshot of many series takes its time to make: no more than a tenth of the thread's goes into them. */
enum { PUBLISH_SHARE = 10 };

/* Trouble is shown for as long as it lasts, and logged when it begins, changes or ends. */
static void log_trouble(struct engine *e, unsigned index, const char *trouble) {
    char **before = &e->troubles[index];
    if ((!trouble && !*before) || (trouble && *before && strcmp(trouble, *before) == 0))
        return;
    if (trouble)
        log_event(LOG_WARN, "a source has trouble",
                  LOG_FIELDS({"source", e->source_names[index], 0}, {"trouble", trouble, 0}));
    else
        log_event(LOG_INFO, "a source has no more trouble", LOG_FIELDS({"source", e->source_names[index], 0}));
    free(*before);
    *before = trouble ? alloc_string(trouble, strlen(trouble)) : NULL;
}

static void show_source(struct engine *e, struct snapshot *s, const struct running_source *from) {
    unsigned index = from->source->index;
    struct source_row *row = &s->sources[index];
    from->source->ops->status(from->source, row);
    row->name = e->source_names[index];
    row->kind = e->source_kinds[index];
    log_trouble(e, index, row->trouble);
}

static void show_sources(struct engine *e, struct snapshot *s) {
    for (size_t i = 0; i < s->source_count; i++) {
        s->sources[i].kind = e->source_kinds[i];
        s->sources[i].caught_up = true; /* one that is configured no more has nothing left */
    }
    for (size_t i = 0; i < e->source_count; i++)
        show_source(e, s, &e->sources[i]);
}

/* As it was shown last; NULL: none. */
static const char *any_trouble(const struct engine *e) {
    for (size_t i = 0; i < AGGREGATE_SOURCES; i++)
        if (e->troubles[i])
            return e->troubles[i];
    return NULL;
}

static void judge_readiness(const struct engine *e, struct service_row *row) {
    if (e->full)
        snprintf(row->not_ready, sizeof row->not_ready,
                 "the state file cannot be written: no room; the input waits until there is some");
    else if (!e->was_caught_up && e->behind && any_trouble(e))
        snprintf(row->not_ready, sizeof row->not_ready, "a source has trouble: %.200s", any_trouble(e));
    else if (!e->was_caught_up && e->behind)
        snprintf(row->not_ready, sizeof row->not_ready, "a backlog is being read");
    row->ready = row->not_ready[0] == '\0';
}

static struct service_row show_service(struct engine *e, int64_t now_ms) {
    struct service_row row = e->service;
    row.now_ms = now_ms;
    row.behind = e->behind;
    row.state_writable = !e->full;
    row.state_bytes = keeper_bytes(e->parts.keeper);
    row.queued_batches = hopper_waiting(e->parts.hopper);
    outbox_counts(e->parts.outbox, &row);
    if (e->suppression)
        suppression_counts(e->suppression, &row.suppression);
    if (e->show_remote_writes)
        e->show_remote_writes(e->remote_writes, &row);
    judge_readiness(e, &row);
    atomic_store(&e->ready, row.ready);
    return row;
}

static struct snapshot *make_snapshot(struct engine *e) {
    struct view_request views[EVENT_MAX_TAGS];
    for (unsigned i = 0; i < e->options.tag_count; i++)
        views[i] = (struct view_request){
            .kind = VIEW_TAG, .tag = i, .title = intern_name(e->kept.tag_names, e->kept.tag_numbers[i])};
    return aggregate_snapshot(e->aggregate, &e->names, views, e->options.tag_count, e->options.max_names);
}

static void write_alerts(struct engine *e, const struct snapshot *s) {
    struct output to;
    struct err err = {0};
    if (!e->options.alerts_file || !e->alerts_changed)
        return;
    bool written = output_open(&to, e->options.alerts_file, &err);
    if (written) {
        alerts_write(to.file, s, &err);
        written = output_commit(&to, &err);
    }
    if (!written)
        log_event(LOG_ERROR, "the list of alerts cannot be written", LOG_FIELDS({"reason", err.text, 0}));
    e->alerts_changed = !written;
}

void engine_publish(struct engine *e, int64_t now_ms) {
    int64_t began = clock_monotonic_ns();
    if (e->full) { /* what was counted since the last commit must not be seen */
        struct service_row row = show_service(e, now_ms);
        engine_brake_show(e, NULL, &row);
        board_amend(e->parts.board, &row);
        return;
    }
    if (began < e->next_publish_ns)
        return;
    struct snapshot *s = make_snapshot(e);
    s->alerts = alerting_rows(e->alerting, &s->alert_count, &s->alerts_dropped);
    show_sources(e, s);
    s->has_service = true;
    s->service = show_service(e, now_ms);
    engine_brake_show(e, s, &s->service);
    write_alerts(e, s);
    board_put(e->parts.board, s);
    e->next_publish_ns = began + PUBLISH_SHARE * (clock_monotonic_ns() - began);
}
