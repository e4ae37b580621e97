#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "aggregate/aggregate.h"
#include "aggregate/cells.h"
#include "alert/rule.h"
#include "commands/commands.h"
#include "commands/progress.h"
#include "commands/replay_buckets.h"
#include "commands/replay_options.h"
#include "core/intern.h"
#include "model/provider.h"
#include "pipeline/alerting.h"
#include "pipeline/replay.h"
#include "sinks/alerts.h"
#include "sinks/cells.h"
#include "sinks/output.h"
#include "sinks/prometheus.h"
#include "sinks/quarantine.h"
#include "sinks/report.h"
#include "sinks/text.h"

/* Distinct names that are told apart while counting; what comes after them is `other` (docs/operations.md). */
enum { MAX_SETS = 65536, MAX_IDENTITIES = 65536, MAX_TAG_VALUES = 65536, MAX_TEMPLATES = 1000, MAX_TROUBLES = 20 };

/* A run of the command, with everything that it owns. */
struct command {
    struct replay_options options;
    struct config config; /* zeroed without --config.file */
    struct object_list objects;
    struct replay_buckets buckets;
    struct provider_table *providers;
    struct dictionary dictionary;
    struct snapshot_names names;
    struct aggregate *aggregate;
    struct alerting *alerting;
    struct quarantine *quarantine;
    struct output cells_output;
    struct cells_writer *cells;
    struct snapshot *snapshot;
    struct progress progress;
    unsigned troubles;
};

static volatile sig_atomic_t signalled;
static atomic_bool stop; /* the same, for other threads */

static void on_signal(int number) {
    signalled = number;
    atomic_store(&stop, true);
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- before ------------------------------------------------------------------------------------------------------- */

static bool load_providers(struct command *c, struct err *err) {
    c->providers = provider_table_create();
    if (!c->options.providers || provider_table_load(c->providers, c->options.providers, err))
        return true;
    err->code = ERR_CONFIG; /* also when the file is not there */
    return false;
}

static void make_names(struct command *c) {
    static const char *const source_names[] = {"files"};
    const struct replay_options *o = &c->options;
    struct dictionary *d = &c->dictionary;
    *d = (struct dictionary){
        .providers = c->providers,
        .key = hash_key_random(),
        .sets = intern_create(MAX_SETS),
        .identities = intern_create(MAX_IDENTITIES),
        .templates = intern_create(MAX_TEMPLATES),
        .tag_count = o->tag_count,
        .verified_domains = o->verified_domains,
        .verified_count = o->verified_count,
    };
    c->names = (struct snapshot_names){.sets = d->sets,
                                       .identities = d->identities,
                                       .templates = d->templates,
                                       .providers = c->providers,
                                       .sources = source_names,
                                       .source_count = 1};
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
}

static void make_aggregate(struct command *c) {
    const struct replay_options *o = &c->options;
    c->alerting = alerting_create(o->rules, o->rule_count, &c->names);
    struct aggregate_options options = {
        .now_ms = o->now_ms,
        .lateness_ms = o->lateness_ms,
        .from_ms = o->from_ms,
        .to_ms = o->to_ms,
        .has_before = o->compare,
        .keep_steps = c->cells != NULL,
        .tag_count = o->tag_count,
        .on_closed = on_closed,
        .on_closed_context = c,
    };
    c->aggregate = aggregate_create(&options);
}

static void on_listing(void *context, const char *url, uint64_t objects, uint64_t requests) {
    struct command *c = context;
    char text[512], count[TEXT_NUMBER_SIZE], pages[TEXT_NUMBER_SIZE];
    text_count(objects, count);
    text_count(requests, pages);
    snprintf(text, sizeof text, "listing %.300s: %s objects, %s requests", url, count, pages);
    progress_say(&c->progress, text);
}

static bool find_objects(struct command *c, struct err *err) {
    const struct replay_options *o = &c->options;
    bool ok = true;
    c->buckets = (struct replay_buckets){.options = o, .stop = &stop, .on_listing = on_listing, .context = c};
    progress_begin(&c->progress, o->progress);
    for (size_t i = 0; ok && i < o->path_count; i++)
        ok = replay_buckets_is_url(o->paths[i]) ? replay_buckets_add(&c->buckets, &c->objects, o->paths[i], err)
                                                : files_add_all(&c->objects, o->paths[i], o->buckets.errors, err);
    progress_clear(&c->progress);
    if (!ok)
        return false;
    replay_find_times(&c->objects, c->options.isa);
    files_sort(&c->objects);
    replay_split(&c->objects, c->options.threads);
    return true;
}

static bool prepare(struct command *c, struct err *err) {
    const struct replay_options *o = &c->options;
    if (!load_providers(c, err) || !find_objects(c, err))
        return false;
    make_names(c);
    if (o->quarantine && !(c->quarantine = quarantine_open(o->quarantine, o->quarantine_bytes, err)))
        return false;
    if (o->cells) {
        if (!output_open(&c->cells_output, o->cells, err))
            return false;
        c->cells = cells_create(c->cells_output.file, o->step_ms, &c->names);
    }
    make_aggregate(c);
    return true;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static bool on_progress(void *context, const struct replay_progress *at) {
    struct command *c = context;
    progress_update(&c->progress, at);
    return !signalled;
}

/* Names of files and keys may hold any byte: none of them speaks to the terminal. */
static void say_safely(const char *text) {
    fputs("ses-collector: ", stderr);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        fprintf(stderr, c < ' ' || c == 0x7f ? "\\x%02x" : "%c", c);
    }
    fputc('\n', stderr);
}

static void on_trouble(void *context, const char *text) {
    struct command *c = context;
    progress_clear(&c->progress);
    if (c->troubles++ < MAX_TROUBLES)
        say_safely(text);
}

static bool count_objects(struct command *c) {
    struct replay r = {
        .objects = &c->objects,
        .dictionary = &c->dictionary,
        .aggregate = c->aggregate,
        .quarantine = c->quarantine,
        .isa = c->options.isa,
        .threads = c->options.threads,
        .stop = &stop,
        .on_progress = on_progress,
        .on_trouble = on_trouble,
        .context = c,
    };
    if (r.threads > c->objects.count)
        r.threads = c->objects.count ? (unsigned)c->objects.count : 1;
    progress_begin(&c->progress, c->options.progress);
    replay_buckets_plan(&c->buckets, &c->objects);
    bool done = replay_run(&r);
    progress_clear(&c->progress);
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

static int terminal_width(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 0;
}

static bool write_report(const struct command *c, struct err *err) {
    const struct replay_options *o = &c->options;
    struct output out;
    if (o->quiet)
        return true;
    bool terminal = isatty(STDOUT_FILENO);
    const char *no_colour = getenv("NO_COLOR");
    struct report_options options = {
        .format = o->format,
        .colour = terminal && !(no_colour && *no_colour),
        .compare = o->compare,
        .max_rows = o->max_rows,
        .width = terminal ? terminal_width() : 0,
    };
    if (!output_open(&out, "-", err))
        return false;
    struct err said_by_commit = {0};
    report_write(out.file, c->snapshot, &options, &said_by_commit);
    return output_commit(&out, err) || out.reader_gone;
}

static bool write_all(struct command *c, struct err *err) {
    bool ok = true;
    if (c->cells) {
        cells_finish(c->cells);
        c->cells = NULL;
        ok = output_commit(&c->cells_output, err) || c->cells_output.reader_gone;
    }
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
    return ok;
}

static void say_buckets(const struct replay_buckets *b) {
    if (!b->session)
        return;
    fprintf(stderr, "ses-collector: %llu requests to buckets, %llu of them to list\n",
            (unsigned long long)replay_buckets_requests(b), (unsigned long long)b->list_requests);
    if (b->left_out)
        fprintf(stderr,
                "ses-collector: %llu objects or folders of errors in buckets were left out, or are excluded; "
                "--replay-errors reads the errors\n",
                (unsigned long long)b->left_out);
    if (b->archived)
        fprintf(stderr, "ses-collector: %llu archived objects in buckets cannot be read before they are restored\n",
                (unsigned long long)b->archived);
}

/* Objects of which a part was read, or that hold something else, are read. */
static bool is_nothing_read(const struct accounting *a) {
    return a->objects_unreadable && !a->bytes_read &&
           !(a->objects_done || a->objects_empty || a->objects_damaged || a->objects_unsupported);
}

static void say_what_was_left_out(const struct command *c) {
    const struct accounting *a = &c->snapshot->accounting;
    if (c->troubles > MAX_TROUBLES)
        fprintf(stderr, "ses-collector: and %u more objects that could not be read to their end\n",
                c->troubles - MAX_TROUBLES);
    if (c->objects.skipped)
        fprintf(stderr, "ses-collector: %zu links, pipes and the like in folders were left out\n", c->objects.skipped);
    if (c->objects.left_out)
        fprintf(stderr, "ses-collector: %zu files below folders of errors were left out; --replay-errors reads them\n",
                c->objects.left_out);
    say_buckets(&c->buckets);
    if (is_nothing_read(a))
        fprintf(stderr, "ses-collector: nothing could be read: not one of %llu objects\n",
                (unsigned long long)a->objects_unreadable);
    long long hours = c->snapshot->latest_by_ms / HOUR_MS;
    if (a->late)
        fprintf(
            stderr,
            "ses-collector: %llu records lay too far behind the newest one read before them and were not counted, up "
            "to %lld h; --lateness %lldh would count them all\n",
            (unsigned long long)a->late, hours, hours + 1);
    for (int i = 0; i < MALFORMED_REASONS; i++)
        if (a->malformed[i])
            fprintf(stderr, "ses-collector: %llu records malformed: %s\n", (unsigned long long)a->malformed[i],
                    malformed_reason_text((enum malformed_reason)i));
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
    if (c->snapshot)
        free(c->snapshot->alerts);
    snapshot_destroy(c->snapshot);
    aggregate_destroy(c->aggregate);
    alerting_destroy(c->alerting);
    quarantine_close(c->quarantine, NULL);
    intern_destroy(c->dictionary.sets);
    intern_destroy(c->dictionary.identities);
    intern_destroy(c->dictionary.templates);
    for (unsigned i = 0; i < c->dictionary.tag_count; i++)
        intern_destroy(c->dictionary.tags[i]);
    provider_table_destroy(c->providers);
    object_list_deinit(&c->objects);
    replay_buckets_deinit(&c->buckets);
    replay_options_deinit(&c->options);
    config_deinit(&c->config);
}

static int exit_code_of(const struct err *err) {
    switch (err->code) {
    case ERR_USAGE:
        return EXIT_USAGE;
    case ERR_CONFIG:
        return EXIT_BAD_CONFIG;
    default:
        return EXIT_FAILED;
    }
}

static int fail(const struct err *err) {
    fprintf(stderr, "ses-collector: %s\n", err->text);
    if (err->code == ERR_USAGE)
        fprintf(stderr, "ses-collector replay --help lists the options.\n");
    return exit_code_of(err);
}

static int run(struct command *c) {
    struct err err = {0};
    if (!prepare(c, &err) && !signalled)
        return fail(&err);
    if (signalled || !count_objects(c)) {
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
    if (is_nothing_read(a))
        return EXIT_FAILED;
    bool partial = accounting_malformed(a) || c->troubles;
    return code == EXIT_DONE && c->options.strict && partial ? EXIT_PARTIAL : code;
}

int command_replay(int argc, char **argv) {
    static struct command c;
    struct err err = {0};
    if (!replay_options_parse(&c.options, argc, argv, &err)) {
        replay_options_deinit(&c.options);
        return fail(&err);
    }
    if (c.options.help) {
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
    catch_signals();
    int code = run(&c);
    destroy(&c);
    if (signalled)
        raise(signalled);
    return code;
}
