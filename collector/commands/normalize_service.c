/* Workers: SES records from Kafka, normalised records to Kafka (docs/kafka.md, "Normalising workers"). They keep
 * nothing themselves, so a changed configuration is taken over by a restart. */
#include "commands/normalize_service.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/aggregate.h"
#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/normalize_records.h"
#include "commands/option_values.h"
#include "commands/service_process.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/systemd.h"
#include "model/board.h"
#include "sinks/http_server.h"
#include "version.h"

#define MS INT64_C(1000000)

enum { SHOW_MS = 1000, LOOK_MS = 200, ALIVE_MS = 30000, END_MS = 4500 };

static const char help[] =
    "Reads SES records from Kafka topics, and writes them normalised to another topic, exactly once by Kafka's\n"
    "transactions: work for as many processes as there are partitions, so that one that counts has little to do.\n\n"
    "Usage: ses-collector normalize --config.file=FILE [OPTIONS]\n\n"
    "  --config.file FILE          a configuration with normalize.topic (docs/kafka.md; ses-collector check)\n"
    "  --web.listen-address ADDR   where to serve /metrics, instead of what the file says (:9465)\n"
    "  --web.config.file FILE      TLS and users, in the form of Prometheus's exporters\n"
    "  --log.level LEVEL           debug, info, warn or error\n"
    "  --log.format FORMAT         logfmt or json\n"
    "  --exit-at-eof               ends when the partitions that it was given are read\n"
    "  --help\n\n"
    "TERM and INT end it within 5 seconds; a changed configuration holds from the next start. Exit: 0 ended, 1 "
    "failed,\n"
    "2 wrong usage, 78 wrong configuration.\n";

struct worker {
    const char *config_file;
    struct config_overrides overrides;
    bool exit_at_end, help;

    struct config config;
    struct normalize_records *records;
    struct kafka_transform *transform;
    struct board *board;
    struct http_server *http;
    pthread_t thread;
    int signals;
    int64_t started_ms, watchdog_ms;
    char *said; /* the trouble that the log knows of; owned */
};

/* --- the command line --------------------------------------------------------------------------------------------- */

bool normalize_is_service(int argc, char **argv) {
    static const char name[] = "--config.file";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], name, sizeof name - 1) == 0)
            return true;
    return false;
}

enum { OPT_CONFIG = 256, OPT_WEB, OPT_LISTEN, OPT_LEVEL, OPT_FORMAT, OPT_EXIT, OPT_HELP };

static bool take_option(struct worker *w, int id) {
    switch (id) {
    case OPT_CONFIG:
        w->config_file = optarg;
        return true;
    case OPT_WEB:
        w->overrides.web_config_file = optarg;
        return true;
    case OPT_LISTEN:
        w->overrides.listen_address = optarg;
        return true;
    case OPT_LEVEL:
        w->overrides.log_level = optarg;
        return true;
    case OPT_FORMAT:
        w->overrides.log_format = optarg;
        return true;
    case OPT_EXIT:
        return w->exit_at_end = true;
    case OPT_HELP:
        return w->help = true;
    default:
        return false;
    }
}

static bool parse(struct worker *w, int argc, char **argv, struct err *err) {
    static const struct option options[] = {
        {"config.file", required_argument, NULL, OPT_CONFIG},
        {"web.config.file", required_argument, NULL, OPT_WEB},
        {"web.listen-address", required_argument, NULL, OPT_LISTEN},
        {"log.level", required_argument, NULL, OPT_LEVEL},
        {"log.format", required_argument, NULL, OPT_FORMAT},
        {"exit-at-eof", no_argument, NULL, OPT_EXIT},
        {"help", no_argument, NULL, OPT_HELP},
        {0},
    };
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;)
        if (!take_option(w, id))
            return false;
    if (optind < argc && !w->help)
        return err_set(err, ERR_USAGE, "%s: with --config.file nothing else is read: the file names what to read",
                       argv[optind]);
    return true;
}

/* --- what is shown ------------------------------------------------------------------------------------------------ */

static bool has_changed(const char *a, const char *b) {
    return (a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0);
}

static void say_trouble(struct worker *w, const struct source_row *row) {
    if (!has_changed(w->said, row->trouble))
        return;
    if (row->trouble)
        log_event(LOG_WARN, "a source has trouble", LOG_FIELDS({"source", row->name, 0}, {"trouble", row->trouble, 0}));
    else
        log_event(LOG_INFO, "a source has no more trouble", LOG_FIELDS({"source", row->name, 0}));
    free(w->said);
    w->said = row->trouble ? alloc_string(row->trouble, strlen(row->trouble)) : NULL;
}

/* A snapshot with one empty row of mail, as readers expect it, and of ourselves what there is. */
static void show(struct worker *w) {
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    s->account.kind = VIEW_ACCOUNT;
    s->account.rows = alloc_zeroed(1, sizeof *s->account.rows);
    s->account.count = 1;
    s->both.kind = VIEW_BOTH;
    s->sources = alloc_zeroed(1, sizeof *s->sources);
    s->source_count = 1;
    s->has_service = s->has_worker = true;
    s->from_ms = INT64_MIN;
    s->to_ms = INT64_MAX;
    struct service_row *v = &s->service;
    kafka_transform_status(w->transform, &s->sources[0], &s->worker, v->not_ready, sizeof v->not_ready);
    snprintf(s->worker.key, sizeof s->worker.key, "%s", normalize_records_fingerprint(w->records));
    s->accounting = s->sources[0].accounting;
    v->ready = v->not_ready[0] == '\0';
    v->now_ms = clock_wall_ms();
    v->started_ms = v->reload_ok_ms = w->started_ms;
    v->state_writable = v->reload_ok = true;
    say_trouble(w, &s->sources[0]);
    board_put(w->board, s);
}

static bool refuse_reload(void *worker, struct err *err) {
    (void)worker;
    return err_set(err, ERR_CONFIG, "a worker takes over a changed configuration when it is started again");
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static void *run_transform(void *worker) {
    kafka_transform_run(((struct worker *)worker)->transform);
    return NULL;
}

static bool start(struct worker *w, struct err *err) {
    const struct http_hooks hooks = {w, refuse_reload};
    w->started_ms = clock_wall_ms();
    w->board = board_create(snapshot_destroy);
    w->records = normalize_records_create(&w->config, err);
    if (!w->records)
        return false;
    w->transform = kafka_transform_open(&w->config.normalize, normalize_records_make, w->records, w->exit_at_end, err);
    if (!w->transform)
        return false;
    show(w);
    w->http = http_server_start(&w->config.web, w->board, &hooks, err);
    if (!w->http)
        return false;
    if (pthread_create(&w->thread, NULL, run_transform, w) != 0)
        return err_set(err, ERR_IO, "no thread can be started");
    log_event(LOG_INFO, "started",
              LOG_FIELDS({"version", SES_COLLECTOR_VERSION, 0}, {"normalize", w->config.normalize.topic, 0},
                         {"key_fingerprint", normalize_records_fingerprint(w->records), 0},
                         {"port", NULL, http_server_port(w->http)}));
    systemd_notify("READY=1");
    return true;
}

static void ping_watchdog(const struct worker *w, int64_t now_ns, int64_t *pinged_ns) {
    if (!w->watchdog_ms || now_ns - *pinged_ns < w->watchdog_ms * MS / 3)
        return;
    if (now_ns - kafka_transform_beat_ns(w->transform) < ALIVE_MS * MS)
        systemd_notify("WATCHDOG=1");
    *pinged_ns = now_ns;
}

static void wait_for_end(struct worker *w) {
    int64_t pinged_ns = 0, shown_ns = 0;
    while (!kafka_transform_is_done(w->transform)) {
        int signal_number = process_next_signal(w->signals, -1, LOOK_MS);
        int64_t now = clock_monotonic_ns();
        if (signal_number == SIGHUP)
            log_event(LOG_WARN, "a worker takes over a changed configuration when it is started again", LOG_NO_FIELDS);
        else if (signal_number)
            return;
        if (now - shown_ns >= SHOW_MS * MS) {
            show(w);
            shown_ns = now;
        }
        ping_watchdog(w, now, &pinged_ns);
    }
}

/* What is not committed is read again by whoever is next, so who does not end in time is left. */
static int end(struct worker *w) {
    systemd_notify("STOPPING=1");
    process_end_within(END_MS, EXIT_DONE);
    kafka_transform_stop(w->transform);
    pthread_join(w->thread, NULL);
    show(w);
    struct source_row row;
    struct worker_row counts;
    char ignored[256];
    kafka_transform_status(w->transform, &row, &counts, ignored, sizeof ignored);
    log_event(LOG_INFO, "ended",
              LOG_FIELDS({"records", NULL, (int64_t)counts.records}, {"events", NULL, (int64_t)counts.events},
                         {"committed", NULL, (int64_t)counts.committed}, {"aborted", NULL, (int64_t)counts.aborted},
                         {"read", NULL, (int64_t)row.accounting.read}));
    source_row_deinit(&row);
    return EXIT_DONE;
}

static void destroy(struct worker *w) {
    http_server_stop(w->http);
    kafka_transform_close(w->transform);
    board_destroy(w->board);
    normalize_records_destroy(w->records);
    free(w->said);
}

static bool load(struct worker *w, struct err *err) {
    if (!config_load(&w->config, w->config_file, &w->overrides, err))
        return false;
    log_configure(w->config.log_level, w->config.log_format);
    if (w->config.normalize.topic)
        return true;
    return err_set(err, ERR_CONFIG, "%s: normalize.topic is missing: where normalised records are to be written to",
                   w->config.path);
}

int normalize_serve(int argc, char **argv) {
    static struct worker w;
    struct err err = {0};
    if (!parse(&w, argc, argv, &err))
        return command_fail("normalize", &err);
    if (w.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (!load(&w, &err))
        return command_fail("normalize", &err);
    process_set_limits();
    w.watchdog_ms = systemd_watchdog_ms();
    int code = EXIT_DONE;
    if (!process_take_signals(&w.signals, &err) || !start(&w, &err)) {
        code = command_fail("normalize", &err);
    } else {
        wait_for_end(&w);
        code = end(&w);
    }
    destroy(&w);
    return code;
}
