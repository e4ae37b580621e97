#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate.h"
#include "aggregate/cells.h"
#include "alert/rule.h"
#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/input.h"
#include "commands/replay_history.h"
#include "commands/replay_options.h"
#include "commands/stop.h"
#include "commands/terminal.h"
#include "core/intern.h"
#include "pipeline/alerting.h"
#include "pipeline/replay.h"
#include "sinks/alerts.h"
#include "sinks/cells.h"
#include "sinks/output.h"
#include "sinks/prometheus.h"
#include "sinks/quarantine.h"
#include "sinks/report.h"
#include "sinks/report_like.h"

/* Distinct names that are told apart while counting; what comes after them is `other` (docs/operations.md). */
enum { MAX_NAMES = 65536, MAX_TAG_VALUES = 65536, MAX_TEMPLATES = 1000 };

/* A run of the command, with everything that it owns. */
struct command {
    struct replay_options options;
    struct config config; /* zeroed without --config.file */
    struct input input;
    struct snapshot_names names;
    struct aggregate *aggregate;
    struct alerting *alerting;
    struct quarantine *quarantine;
    struct output cells_output;
    struct cells_writer *cells;
    struct replay_history history;
    struct send_statistics *statistics;
    struct snapshot *snapshot;
};

/* --- before ------------------------------------------------------------------------------------------------------- */

static void make_names(struct command *c) {
    static const char *const source_names[] = {"files"};
    const struct replay_options *o = &c->options;
    struct dictionary *d = &c->input.dictionary;
    c->names = (struct snapshot_names){.sets = d->sets,
                                       .identities = d->identities,
                                       .templates = d->templates,
                                       .providers = c->input.providers,
                                       .sources = source_names,
                                       .source_count = 1};
    d->verified_domains = o->verified_domains;
    d->verified_count = o->verified_count;
    d->tag_count = o->tag_count;
    for (unsigned i = 0; i < o->tag_count; i++) {
        d->tag_names[i] = o->tag_names[i];
        d->tags[i] = c->names.tags[i] = intern_create(MAX_TAG_VALUES);
    }
}

static void on_closed(void *context, const struct closed_minute *minute) {
    struct command *c = context;
    alerting_minute(c->alerting, minute);
    if (c->cells)
        cells_minute(c->cells, minute);
    if (c->history.history)
        history_minute(c->history.history, minute);
    if (c->statistics)
        send_statistics_minute(c->statistics, minute);
}

static void make_aggregate(struct command *c) {
    const struct replay_options *o = &c->options;
    c->alerting = alerting_create(o->rules, o->rule_count, &c->names);
    struct aggregate_options options = {
        .now_ms = o->now_ms,
        .lateness_ms = o->lateness_ms,
        .from_ms = o->input.from_ms,
        .to_ms = o->input.to_ms,
        .has_before = o->compare,
        .keep_steps = c->cells || c->history.history,
        .keep_details = c->history.history != NULL,
        .keep_wide = alerting_wants_wide(o->rules, o->rule_count),
        .keep_cohorts = alerting_wants_cohorts(o->rules, o->rule_count),
        .single_recipient_only = o->like == LIKE_VDM,
        .learning = o->no_learning ? LEARN_NOTHING : LEARN_FOR_ALL,
        .last_sends = o->last_sends,
        .max_visits = o->max_visits,
        .tag_count = o->tag_count,
        .on_closed = on_closed,
        .on_closed_context = c,
    };
    c->aggregate = aggregate_create(&options);
}

static bool open_outputs(struct command *c, struct err *err) {
    const struct replay_options *o = &c->options;
    if (o->quarantine && !(c->quarantine = quarantine_open(o->quarantine, o->quarantine_bytes, err)))
        return false;
    if (o->cells) {
        if (!output_open(&c->cells_output, o->cells, err))
            return false;
        c->cells = cells_create(c->cells_output.file, o->step_ms, &c->names);
    }
    if (!replay_history_open(&c->history, o, &c->config, &c->names, err))
        return false;
    if (o->like == LIKE_SEND_STATISTICS)
        c->statistics = send_statistics_create();
    return true;
}

static bool prepare(struct command *c, struct err *err) {
    const struct input_options *o = &c->options.input;
    int64_t before_ms = c->options.compare ? o->to_ms - o->from_ms : 0;
    c->input.options = o;
    if (!input_load(&c->input, MAX_NAMES, MAX_TEMPLATES, err) || !input_find_objects(&c->input, before_ms, true, err))
        return false;
    make_names(c);
    if (!open_outputs(c, err))
        return false;
    make_aggregate(c);
    return true;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static bool count_objects(struct command *c) {
    struct replay r = {
        .objects = &c->input.objects,
        .dictionary = &c->input.dictionary,
        .aggregate = c->aggregate,
        .quarantine = c->quarantine,
        .isa = c->options.input.isa,
        .threads = input_threads(&c->input),
        .stop = stop_flag(),
        .on_progress = input_on_progress,
        .on_trouble = input_on_trouble,
        .context = &c->input,
    };
    input_begin(&c->input);
    bool done = replay_run(&r);
    input_end(&c->input);
    return done;
}

static void take_snapshot(struct command *c) {
    aggregate_finish(c->aggregate);
    int64_t watermark = aggregate_watermark_ms(c->aggregate);
    if (watermark != INT64_MIN)
        alerting_finish(c->alerting, watermark);
    c->snapshot =
        aggregate_snapshot(c->aggregate, &c->names, c->options.views, c->options.view_count, c->options.max_names);
    c->snapshot->alerts = alerting_rows(c->alerting, &c->snapshot->alert_count, &c->snapshot->alerts_dropped);
}

/* --- after -------------------------------------------------------------------------------------------------------- */

typedef bool (*write_fn)(FILE *out, const struct snapshot *s, struct err *err);

static bool write_file(const struct command *c, const char *path, write_fn write, struct err *err) {
    struct output o;
    if (!path)
        return true;
    if (!output_open(&o, path, err))
        return false;
    struct err said_by_commit = {0}; /* a sink fails only when its stream does, and the commit knows why */
    write(o.file, c->snapshot, &said_by_commit);
    return output_commit(&o, err) || o.reader_gone;
}

static bool write_report(const struct command *c, struct err *err) {
    const struct replay_options *o = &c->options;
    struct output out;
    if (o->quiet)
        return true;
    struct terminal terminal = terminal_of_stdout();
    struct report_options options = {
        .format = o->format,
        .colour = terminal.colour,
        .compare = o->compare,
        .max_rows = o->max_rows,
        .width = terminal.width,
    };
    if (!output_open(&out, "-", err))
        return false;
    struct err said_by_commit = {0};
    switch (o->like) {
    case LIKE_NOTHING:
        report_write(out.file, c->snapshot, &options, &said_by_commit);
        break;
    case LIKE_VDM:
        report_vdm_write(out.file, c->snapshot, &options, &said_by_commit);
        break;
    case LIKE_SEND_STATISTICS:
        send_statistics_write(out.file, c->statistics, &options, &said_by_commit);
        break;
    }
    return output_commit(&out, err) || out.reader_gone;
}

static bool write_all(struct command *c, struct err *err) {
    bool ok = true;
    if (c->cells) {
        cells_finish(c->cells);
        c->cells = NULL;
        ok = output_commit(&c->cells_output, err) || c->cells_output.reader_gone;
    }
    ok = replay_history_write(&c->history, &c->options, err) && ok;
    ok = write_file(c, c->options.metrics, prometheus_write, err) && ok;
    ok = write_file(c, c->options.alerts, alerts_write, err) && ok;
    ok = write_report(c, err) && ok;
    if (c->quarantine) {
        uint64_t dropped = quarantine_dropped(c->quarantine);
        if (dropped)
            fprintf(stderr, "ses-collector: %s is full: %llu malformed records were counted but not kept\n",
                    c->options.quarantine, (unsigned long long)dropped);
        ok = quarantine_close(c->quarantine, err) && ok;
        c->quarantine = NULL;
    }
    /* Last: it waits for somebody else. */
    return replay_history_send(&c->history, &c->options, &c->input.progress, err) && ok;
}

static void say_what_was_left_out(const struct command *c) {
    const struct accounting *a = &c->snapshot->accounting;
    input_say_unread(&c->input, a);
    long long hours = c->snapshot->latest_by_ms / HOUR_MS;
    if (a->late)
        fprintf(
            stderr,
            "ses-collector: %llu records lay too far behind the newest one read before them and were not counted, up "
            "to %lld h; --lateness %lldh would count them all\n",
            (unsigned long long)a->late, hours, hours + 1);
    input_say_malformed(a);
    if (accounting_malformed(a) && !c->options.quarantine)
        fprintf(stderr, "ses-collector: --quarantine DIR keeps malformed records, with object and offset\n");
}

static void say_accounting(const struct accounting *a) {
    fprintf(stderr,
            "records read %llu = counted %llu + duplicate %llu + late %llu + future %llu + malformed %llu + "
            "filtered %llu\n",
            (unsigned long long)a->read, (unsigned long long)a->counted, (unsigned long long)a->duplicate,
            (unsigned long long)a->late, (unsigned long long)a->future, (unsigned long long)accounting_malformed(a),
            (unsigned long long)a->filtered);
}

static void destroy(struct command *c) {
    if (c->cells) { /* stopped: the file stays what it was before */
        cells_finish(c->cells);
        output_abort(&c->cells_output);
    }
    replay_history_close(&c->history);
    send_statistics_destroy(c->statistics);
    if (c->snapshot)
        free(c->snapshot->alerts);
    snapshot_destroy(c->snapshot);
    aggregate_destroy(c->aggregate);
    alerting_destroy(c->alerting);
    quarantine_close(c->quarantine, NULL);
    input_deinit(&c->input);
    replay_options_deinit(&c->options);
    config_deinit(&c->config);
}

static int fail(const struct err *err) {
    return command_fail("replay", err);
}

static int run(struct command *c) {
    struct err err = {0};
    if (!prepare(c, &err) && !stop_signal())
        return fail(&err);
    if (stop_signal() || !count_objects(c)) {
        fprintf(stderr, "ses-collector: stopped; no report was written\n");
        return EXIT_FAILED;
    }
    take_snapshot(c);
    const struct accounting *a = &c->snapshot->accounting;
    int code = write_all(c, &err) ? EXIT_DONE : fail(&err);
    say_what_was_left_out(c);
    say_accounting(a);
    if (!accounting_holds(a)) {
        fprintf(stderr, "ses-collector: the line above does not add up: please report this\n");
        return EXIT_FAILED;
    }
    if (input_is_nothing_read(a))
        return EXIT_FAILED;
    bool partial = accounting_malformed(a) || c->input.troubles;
    return code == EXIT_DONE && c->options.input.strict && partial ? EXIT_PARTIAL : code;
}

int command_replay(int argc, char **argv) {
    static struct command c;
    struct err err = {0};
    if (!replay_options_parse(&c.options, argc, argv, &err)) {
        replay_options_deinit(&c.options);
        return fail(&err);
    }
    if (c.options.input.help) {
        replay_options_help();
        return EXIT_DONE;
    }
    if (c.options.config_file) {
        if (!config_load(&c.config, c.options.config_file, NULL, &err)) {
            replay_options_deinit(&c.options);
            return fail(&err);
        }
        replay_options_configure(&c.options, &c.config);
    }
    stop_catch_signals();
    int code = run(&c);
    destroy(&c);
    if (stop_signal())
        raise(stop_signal());
    return code;
}
