/* The service: puts the parts together, waits for signals, takes them apart again. */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/run_internal.h"
#include "commands/service_process.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/systemd.h"
#include "sinks/output.h"
#include "sinks/prometheus.h"
#include "version.h"

/* How long the parts have to end after a signal: together under 5 seconds. */
enum { SOURCES_END_MS = 2000, ENGINE_END_MS = 1200, CLOSE_MS = 1500, ALIVE_MS = 20000 };
/* Of these, what receivers of remote write get for the last values; less when something else hangs. */
enum { REMOTE_WRITES_END_MS = 1000, REMOTE_WRITES_HURRY_MS = 700 };

enum { HOPPER_BATCHES = 256 }; /* 20 MB of events when all are in use */

/* --- making the parts --------------------------------------------------------------------------------------------- */

static int refuse_state(enum store_refusal why, const struct err *err) {
    fprintf(stderr, "ses-collector: %s\n", err->text);
    switch (why) {
    case STORE_REFUSED_LOCKED:
        return EXIT_LOCKED;
    case STORE_REFUSED_SYSTEM:
        return EXIT_FAILED;
    default:
        return EXIT_BAD_CONFIG;
    }
}

/* The alerts of a snapshot are a block of their own. */
static void destroy_snapshot(struct snapshot *s) {
    free(s->alerts);
    snapshot_destroy(s);
}

static bool make_engine(struct service *r, struct err *err) {
    const struct config *c = &r->config;
    struct engine_options options;
    service_engine_options(r, c, &options);
    if (c->quarantine_dir && !(r->quarantine = quarantine_open(c->quarantine_dir, c->quarantine_bytes, err)))
        return false;
    if (!outbox_set_targets(r->outbox, c->targets, c->target_count, err) || !service_set_brake(r, c, err))
        return false;
    const struct engine_parts parts = {r->keeper, r->board, r->hopper, r->outbox, r->quarantine};
    r->engine = engine_create(&options, &parts, c->rules, c->rule_count, err);
    return r->engine && engine_set_suppression(r->engine, &c->suppression, err);
}

static bool serve(struct service *r, struct err *err) {
    const struct http_hooks hooks = {r, service_ask_reload};
    r->http = http_server_start(&r->config.web, r->board, &hooks, err);
    return r->http != NULL;
}

/* What is only written later shall not fail only then. */
static bool can_write(const char *path, struct err *err) {
    if (!path || strcmp(path, "-") == 0)
        return true;
    char *copy = alloc_string(path, strlen(path));
    const char *folder = dirname(copy);
    bool ok =
        access(folder, W_OK | X_OK) == 0 || err_set_errno(err, ERR_CONFIG, errno, "cannot write %s: its folder", path);
    free(copy);
    return ok;
}

static int make_parts(struct service *r) {
    enum store_refusal why = STORE_REFUSED_NONE;
    struct err err = {0};
    if (!config_try_remote_writes(&r->config, &err))
        return command_fail("run", &err);
    if (!can_write(r->options.metrics, &err) || !can_write(r->config.alerts_file, &err))
        return command_fail("run", &err);
    r->keeper = keeper_open(r->config.state_path, &why, &err);
    if (!r->keeper)
        return refuse_state(why, &err);
    r->board = board_create(destroy_snapshot);
    r->hopper = hopper_create(HOPPER_BATCHES);
    r->outbox = outbox_create(r->board);
    /* The port first: nothing may be told to anybody by a process that cannot run. */
    if (!serve(r, &err) || !make_engine(r, &err) || !service_take_providers(r, &r->config, &err) ||
        !service_make_sources(r, &r->config, &err))
        return command_fail("run", &err);
    return EXIT_DONE;
}

static void start(struct service *r) {
    engine_ask_remote_writes(r->engine, service_show_remote_writes, r);
    engine_start(r->engine);
    service_take_remote_writes(r, &r->config);
    service_start_sources(r);
    log_event(LOG_INFO, "started",
              LOG_FIELDS({"version", SES_COLLECTOR_VERSION, 0}, {"sources", NULL, (int64_t)r->source_count},
                         {"rules", NULL, (int64_t)r->config.rule_count},
                         {"state", r->config.state_path ? r->config.state_path : "(in memory)", 0},
                         {"port", NULL, http_server_port(r->http)}));
    service_say_brake(r);
    if (!r->config.state_path)
        log_event(LOG_WARN, "without state.path a restart counts from nothing", LOG_NO_FIELDS);
    systemd_notify("READY=1");
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void ping_watchdog(const struct service *r, int64_t now_ns) {
    if (r->watchdog_ms && now_ns - engine_beat_ns(r->engine) < (int64_t)ALIVE_MS * 1000000)
        systemd_notify("WATCHDOG=1");
}

static bool all_sources_done(const struct service *r) {
    for (size_t i = 0; i < r->source_count; i++)
        if (!source_is_done(&r->sources[i]))
            return false;
    return true;
}

static bool any_source_failed(const struct service *r) {
    for (size_t i = 0; i < r->source_count; i++)
        if (atomic_load(&r->sources[i].failed))
            return true;
    return false;
}

/* Returns the signal that ends it; 0: there is nothing more to read; -1: it cannot go on. */
static int run_until_end(struct service *r) {
    int64_t pinged_ns = 0;
    for (;;) {
        int signal_number = process_next_signal(r->signals, r->wake_read, 200);
        int64_t now = clock_monotonic_ns();
        if (signal_number == SIGHUP)
            service_reload(r);
        else if (signal_number)
            return signal_number;
        if (engine_failed(r->engine) || r->broken)
            return -1;
        if (any_source_failed(r) && (r->options.exit_at_end || !service_restart_failed(r, now)))
            return -1;
        if (r->options.exit_at_end && all_sources_done(r))
            return 0;
        if (r->watchdog_ms && now - pinged_ns > r->watchdog_ms * 1000000 / 3) {
            ping_watchdog(r, now);
            pinged_ns = now;
        }
    }
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

/* Sources that hand over what they counted need its commit before they can. */
static void end_sources(struct service *r) {
    int64_t until = clock_monotonic_ns() + (int64_t)SOURCES_END_MS * 1000000;
    for (size_t i = 0; i < r->source_count; i++)
        source_stop(&r->sources[i]);
    while (!all_sources_done(r) && clock_monotonic_ns() < until) {
        engine_commit_soon(r->engine, (until - clock_monotonic_ns()) / 1000000);
        usleep(20000);
    }
}

static bool write_metrics(struct service *r, struct err *err) {
    struct output to;
    if (!r->options.metrics)
        return true;
    const struct snapshot *s = board_look(r->board);
    bool ok = s && output_open(&to, r->options.metrics, err);
    if (ok) {
        struct err said_by_commit = {0};
        prometheus_write(to.file, s, &said_by_commit);
        ok = output_commit(&to, err) || to.reader_gone;
    }
    board_release(r->board, s);
    return ok;
}

/* Everything in order; whoever hangs is left to the end of the process. */
static int end(struct service *r, int reason) {
    struct err err = {0};
    int code = reason < 0 ? EXIT_FAILED : EXIT_DONE;
    systemd_notify("STOPPING=1");
    service_refuse_reloads(r);
    if (!engine_failed(r->engine))
        end_sources(r);
    bool stopped = engine_stop(r->engine, ENGINE_END_MS);
    bool committed = stopped && engine_is_committed(r->engine), done = all_sources_done(r);
    if (stopped && !write_metrics(r, &err))
        code = command_fail("run", &err);
    if (!committed) /* nothing is lost: it is read again */
        code = EXIT_FAILED;
    log_event(LOG_INFO, "ended",
              LOG_FIELDS({"committed", committed ? "yes" : "no", 0}, {"sources", done ? "closed" : "left hanging", 0}));
    if (stopped) {
        quarantine_close(r->quarantine, NULL);
        r->quarantine = NULL;
    }
    if (!stopped || !done) {
        service_end_remote_writes(r, REMOTE_WRITES_HURRY_MS);
        fflush(NULL);
        _exit(stopped ? code : EXIT_FAILED);
    }
    process_end_within(CLOSE_MS, code);
    if (!service_end_remote_writes(r, REMOTE_WRITES_END_MS)) {
        fflush(NULL);
        _exit(code);
    }
    return code;
}

static void destroy(struct service *r) {
    http_server_stop(r->http);
    service_close_sources(r);
    outbox_destroy(r->outbox);
    board_destroy(r->board);
    engine_destroy(r->engine);
    hopper_destroy(r->hopper);
    keeper_close(r->keeper);
    quarantine_close(r->quarantine, NULL);
    config_deinit(&r->config);
    service_deinit(r);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

int command_run(int argc, char **argv) {
    static struct service r;
    struct err err = {0};
    if (!run_options_parse(&r.options, argc, argv, &err))
        return command_fail("run", &err);
    if (r.options.help) {
        run_options_help();
        return EXIT_DONE;
    }
    if (!config_load(&r.config, r.options.config_file, &r.options.overrides, &err))
        return command_fail("run", &err);
    log_configure(r.config.log_level, r.config.log_format);
    if (!r.config.source_count) {
        err_set(&err, ERR_CONFIG, "%s: there is nothing to read: name at least one under sources", r.config.path);
        config_deinit(&r.config);
        return command_fail("run", &err);
    }
    if (r.config.normalize.topic) {
        err_set(&err, ERR_CONFIG, "%s: this file is for ses-collector normalize: it has normalize.topic",
                r.config.path);
        config_deinit(&r.config);
        return command_fail("run", &err);
    }
    process_set_limits();
    r.watchdog_ms = systemd_watchdog_ms();
    if (!service_init(&r, &err) || !process_take_signals(&r.signals, &err))
        return command_fail("run", &err);
    int code = make_parts(&r);
    if (code == EXIT_DONE) {
        start(&r);
        code = end(&r, run_until_end(&r));
    }
    destroy(&r);
    return code;
}
