#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands/run_internal.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/systemd.h"

enum { SOURCES_STOP_MS = 15000, RELOAD_WAIT_S = 60 };
static const int64_t retry_after_ns = 10000000000;

bool service_init(struct service *r, struct err *err) {
    int fds[2];
    pthread_mutex_init(&r->reload_lock, NULL);
    pthread_mutex_init(&r->remote_lock, NULL);
    pthread_cond_init(&r->reload_done, NULL);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_set_errno(err, ERR_IO, errno, "cannot make a pipe");
    r->wake_read = fds[0];
    r->wake_write = fds[1];
    return true;
}

void service_deinit(struct service *r) {
    for (size_t i = 0; i < r->retired_count; i++)
        config_deinit(&r->retired[i]);
    free(r->retired);
    free(r->verified_domains);
    free(r->sources);
    free(r->specs);
    close(r->wake_read);
    close(r->wake_write);
    close(r->signals);
}

void service_engine_options(const struct service *r, const struct config *c, struct engine_options *options) {
    *options = (struct engine_options){
        .commit_ms = c->commit_ms,
        .lateness_ms = c->lateness_ms,
        .settle_ms = c->alert_delay_ms,
        .idle_after_ms = c->idle_after_ms,
        .hold_behind_ms = c->hold_behind_ms,
        .max_names = c->max_names,
        .learn_domains = c->learn_domains,
        .last_sends = c->last_sends,
        .max_visits = c->max_visits,
        .alerts_file = c->alerts_file,
        .exit_at_end = r->options.exit_at_end,
        .show_the_end = r->options.exit_at_end || r->options.metrics,
        .tag_count = c->tag_count,
        .brake = {.dry_run = c->brake_dry_run, .max_per_day = c->brake_max_per_day},
    };
    for (unsigned i = 0; i < c->tag_count; i++)
        options->tags[i] = span_of(c->tags[i]);
}

bool service_set_brake(struct service *r, const struct config *c, struct err *err) {
    bool acts = config_has_brake(c) && !c->brake_dry_run && !r->options.exit_at_end;
    return outbox_set_brake(r->outbox, acts ? &c->brake_aws : NULL, err);
}

void service_say_brake(const struct service *r) {
    bool dry = r->config.brake_dry_run || r->options.exit_at_end;
    if (config_has_brake(&r->config))
        log_event_always(LOG_WARN,
                         dry ? "the brake says what it would do, and does nothing"
                             : "the brake is armed: it may pause sending",
                         LOG_FIELDS({"max_per_day", NULL, r->config.brake_max_per_day}));
}

bool service_take_providers(struct service *r, const struct config *c, struct err *err) {
    struct dictionary *d = engine_dictionary(r->engine);
    struct provider_table *table = keeper_make_providers(r->keeper, err);
    if (!table)
        return false;
    struct knowledge *knowledge = NULL;
    if (!c->providers_file || provider_table_load(table, c->providers_file, err))
        knowledge = knowledge_create(table, &(struct knowledge_files){c->mx_table, c->bounce_rules}, err);
    if (!knowledge) {
        provider_table_destroy(table);
        return false;
    }
    engine_set_providers(r->engine, table, knowledge);
    free(r->verified_domains);
    r->verified_domains = d->verified_domains = alloc_zeroed(c->verified_count, sizeof *d->verified_domains);
    d->verified_count = c->verified_count;
    for (size_t i = 0; i < c->verified_count; i++)
        d->verified_domains[i] = span_of(c->verified_domains[i]);
    return true;
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

struct positions {
    struct saved_position *saved;
    size_t count, size;
};

static bool take_position(void *context, const char *stream, const struct position *position) {
    struct positions *p = context;
    if (p->count == p->size) {
        p->size = p->size ? p->size * 2 : 64;
        p->saved = alloc_resize(p->saved, p->size, sizeof *p->saved);
    }
    p->saved[p->count++] = (struct saved_position){alloc_string(stream, strlen(stream)), *position};
    return true;
}

static void free_positions(struct positions *p) {
    for (size_t i = 0; i < p->count; i++)
        free((char *)p->saved[i].stream);
    free(p->saved);
}

static bool make_source(struct service *r, size_t i, const struct source_environment *env, struct err *err) {
    const char *name = source_spec_name(&r->specs[i]);
    int index = engine_source_index(r->engine, name, source_spec_kind(&r->specs[i]));
    if (index < 0)
        return err_set(err, ERR_CONFIG, "source %s: the state has room for the counts of %d sources, old ones included",
                       name, AGGREGATE_SOURCES);
    struct positions positions = {0};
    bool made = store_each_position(keeper_store(r->keeper), name, take_position, &positions, err) &&
                source_make(&r->sources[i], &r->specs[i], env, (unsigned)index, positions.saved, positions.count, err);
    free_positions(&positions);
    return made;
}

static struct source_environment environment_of(struct service *r) {
    return (struct source_environment){
        .dictionary = engine_dictionary(r->engine),
        .hopper = r->hopper,
        .isa = json_isa_best(),
        .keep_notes = r->quarantine != NULL,
        .keep_exemplars = r->config.exemplars,
        .exit_at_end = r->options.exit_at_end,
        .state_id = keeper_id(r->keeper),
    };
}

static struct source_spec spec_of(const struct config_source *s) {
    struct source_spec spec = {.kind = s->kind};
    switch (s->kind) {
    case SOURCE_KAFKA:
        spec.kafka = &s->kafka;
        break;
    case SOURCE_FILES:
        spec.files = &s->files;
        break;
    case SOURCE_S3:
        spec.s3 = &s->s3;
        break;
    case SOURCE_SQS:
        spec.sqs = &s->sqs;
        break;
    case SOURCE_PUSH:
        spec.push = &s->push;
        break;
    case SOURCE_KINDS:
        break;
    }
    return spec;
}

bool service_make_sources(struct service *r, const struct config *c, struct err *err) {
    struct source_environment env = environment_of(r);
    r->sources = alloc_zeroed(c->source_count, sizeof *r->sources);
    r->specs = alloc_zeroed(c->source_count, sizeof *r->specs);
    for (size_t i = 0; i < c->source_count; i++) {
        r->specs[i] = spec_of(&c->sources[i]);
        if (!make_source(r, i, &env, err))
            return false;
        r->source_count++;
    }
    engine_show_sources(r->engine, r->sources, r->source_count);
    return true;
}

void service_start_sources(struct service *r) {
    for (size_t i = 0; i < r->source_count; i++)
        source_start(&r->sources[i]);
}

void service_close_sources(struct service *r) {
    if (r->engine)
        engine_show_sources(r->engine, NULL, 0);
    for (size_t i = 0; i < r->source_count; i++)
        source_join(&r->sources[i]);
    free(r->sources);
    free(r->specs);
    r->sources = NULL;
    r->specs = NULL;
    r->source_count = 0;
}

struct restart {
    struct service *service;
    bool ok;
};

/* Counts and commits what sources that have ended left: their streams go with them. False when it cannot be committed.
 */
static bool settle_streams(struct service *r, struct engine *e) {
    for (size_t waiting = hopper_waiting(r->hopper); waiting; waiting--)
        engine_count_next(e);
    return engine_commit(e) && !engine_holds_streams(e);
}

/* Only those that ended before their streams were settled: of one that ends in the meantime something may still wait.
 */
static bool *find_ended(const struct service *r) {
    bool *ended = alloc_zeroed(r->source_count, sizeof *ended);
    for (size_t i = 0; i < r->source_count; i++)
        ended[i] = source_is_done(&r->sources[i]) && atomic_load(&r->sources[i].failed);
    return ended;
}

static void restart_ended(struct restart *restart, struct engine *e, const bool *ended) {
    struct service *r = restart->service;
    struct source_environment env = environment_of(r);
    struct err err = {0};
    if (!settle_streams(r, e))
        return; /* no room now: tried again later */
    engine_show_sources(e, NULL, 0);
    for (size_t i = 0; i < r->source_count && restart->ok; i++) {
        if (!ended[i])
            continue;
        source_join(&r->sources[i]);
        restart->ok = make_source(r, i, &env, &err);
        if (restart->ok)
            source_start(&r->sources[i]);
        else
            log_event(LOG_ERROR, "a source cannot be made anew", LOG_FIELDS({"reason", err.text, 0}));
    }
    if (restart->ok)
        engine_show_sources(e, r->sources, r->source_count);
}

static void restart_on_engine(void *context, struct engine *e) {
    struct restart *restart = context;
    bool *ended = find_ended(restart->service);
    restart_ended(restart, e, ended);
    free(ended);
}

bool service_restart_failed(struct service *r, int64_t now_ns) {
    if (!r->retry_ns)
        r->retry_ns = now_ns + retry_after_ns;
    if (now_ns < r->retry_ns)
        return true;
    r->retry_ns = 0;
    struct restart restart = {r, true};
    engine_run(r->engine, restart_on_engine, &restart);
    return restart.ok;
}

/* --- reading the configuration again ------------------------------------------------------------------------------ */

struct change {
    struct service *service;
    struct config *config;
    bool ok;
    struct err err;
};

static bool is_done(const struct service *r) {
    for (size_t i = 0; i < r->source_count; i++)
        if (!source_is_done(&r->sources[i]))
            return false;
    return true;
}

/* Signals wait until they are read: one that ends the service is not kept waiting for a reload. */
bool service_is_asked_to_end(void) {
    sigset_t waiting;
    return sigpending(&waiting) == 0 && (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
}

static bool stop_sources(struct service *r) {
    int64_t until = clock_monotonic_ns() + (int64_t)SOURCES_STOP_MS * 1000000;
    for (size_t i = 0; i < r->source_count; i++)
        source_stop(&r->sources[i]);
    while (!is_done(r) && clock_monotonic_ns() < until && !service_is_asked_to_end()) {
        engine_commit_soon(r->engine, 1000);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (r->watchdog_ms)
            systemd_notify("WATCHDOG=1");
    }
    return is_done(r);
}

/* Everything that a configuration decides, on the counting thread, while no source runs. */
static bool apply(struct service *r, struct config *c, struct err *err) {
    struct engine_options options;
    service_engine_options(r, c, &options);
    if (!service_take_providers(r, c, err) || !outbox_set_targets(r->outbox, c->targets, c->target_count, err) ||
        !service_set_brake(r, c, err))
        return false;
    if (!service_make_sources(r, c, err) || !outbox_load(r->outbox, keeper_store(r->keeper), err))
        return false;
    if (!engine_set_suppression(r->engine, &c->suppression, err))
        return false;
    engine_set_options(r->engine, &options);
    engine_set_rules(r->engine, c->rules, c->rule_count); /* last: it may tell of incidents that are over */
    return true;
}

static void change_on_engine(void *context, struct engine *e) {
    struct change *change = context;
    struct service *r = change->service;
    if (!settle_streams(r, e)) {
        change->ok = err_set(&change->err, ERR_IO, "the state file cannot be written now");
        return;
    }
    service_close_sources(r);
    change->ok = apply(r, change->config, &change->err);
    if (change->ok)
        return;
    struct err again = {0};
    service_close_sources(r);
    r->broken = !apply(r, &r->config, &again);
    if (r->broken)
        log_event(LOG_ERROR, "the old configuration cannot be restored, the process ends",
                  LOG_FIELDS({"reason", again.text, 0}));
}

/* What can be found out without touching anything. */
static bool is_possible(const struct service *r, const struct config *c, struct err *err) {
    char fixed[256];
    config_fixed_differences(&r->config, c, fixed, sizeof fixed);
    if (fixed[0])
        return err_set(err, ERR_CONFIG, "%s: only a restart can change %s", c->path, fixed);
    if (!c->source_count)
        return err_set(err, ERR_CONFIG, "%s: there is nothing to read: name at least one under sources", c->path);
    if (!config_try_remote_writes(c, err))
        return false;
    if (c->normalize.topic)
        return err_set(err, ERR_CONFIG, "%s: with normalize.topic this file is for ses-collector normalize", c->path);
    struct provider_table *table = provider_table_create();
    struct knowledge *knowledge = NULL;
    if (!c->providers_file || provider_table_load(table, c->providers_file, err))
        knowledge = knowledge_create(table, &(struct knowledge_files){c->mx_table, c->bounce_rules}, err);
    bool ok = knowledge != NULL;
    knowledge_destroy(knowledge);
    provider_table_destroy(table);
    return ok;
}

/* The old sources have ended, and no new ones took their place: they are made anew soon. */
static void revive_sources(struct service *r) {
    for (size_t i = 0; i < r->source_count; i++) {
        if (r->sources[i].started)
            atomic_store(&r->sources[i].failed, true);
        else
            source_start(&r->sources[i]);
    }
}

static bool take_configuration(struct service *r, struct config *c, struct err *err) {
    if (!is_possible(r, c, err) || !http_server_reconfigure(r->http, &c->web, err))
        return false;
    struct change change = {.service = r, .config = c};
    r->retry_ns = 0;
    if (!stop_sources(r))
        err_set(&change.err, ERR_IO, "a source did not stop in time");
    else
        engine_run(r->engine, change_on_engine, &change);
    if (change.ok) {
        service_start_sources(r);
        return true;
    }
    revive_sources(r);
    struct err ignored = {0};
    http_server_reconfigure(r->http, &r->config.web, &ignored);
    *err = change.err;
    return false;
}

static void retire(struct service *r, const struct config *c) {
    r->retired = alloc_resize(r->retired, r->retired_count + 1, sizeof *r->retired);
    r->retired[r->retired_count++] = *c;
}

static bool reload(struct service *r, struct err *err) {
    struct config wanted = {0};
    if (!config_load(&wanted, r->options.config_file, &r->options.overrides, err))
        return false;
    if (!take_configuration(r, &wanted, err)) {
        if (r->broken) /* parts of it are in use */
            retire(r, &wanted);
        else
            config_deinit(&wanted);
        return false;
    }
    retire(r, &r->config);
    r->config = wanted;
    service_take_remote_writes(r, &r->config);
    log_configure(r->config.log_level, r->config.log_format);
    return true;
}

static void note_reload(void *context, struct engine *e) {
    engine_note_reload(e, *(const bool *)context);
}

static void answer_reload(struct service *r, bool ok, const struct err *err) {
    pthread_mutex_lock(&r->reload_lock);
    r->reloading = false;
    r->reload_ok = ok;
    r->reload_err = *err;
    r->reloads++;
    pthread_cond_broadcast(&r->reload_done);
    pthread_mutex_unlock(&r->reload_lock);
}

void service_reload(struct service *r) {
    char text[64];
    struct err err = {0};
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_monotonic_ns() / 1000));
    systemd_notify(text);
    pthread_mutex_lock(&r->reload_lock);
    r->reloading = true;
    pthread_mutex_unlock(&r->reload_lock);
    bool ok = reload(r, &err);
    if (ok) {
        log_event(LOG_INFO, "configuration taken over", LOG_FIELDS({"file", r->config.path, 0}));
        service_say_brake(r);
    } else {
        log_event(LOG_ERROR, "configuration refused, the old one goes on", LOG_FIELDS({"reason", err.text, 0}));
    }
    engine_run(r->engine, note_reload, &ok);
    answer_reload(r, ok, &err);
    systemd_notify("READY=1");
}

bool service_ask_reload(void *service, struct err *err) {
    struct service *r = service;
    struct timespec until = {.tv_sec = (time_t)(clock_wall_ms() / 1000) + RELOAD_WAIT_S};
    pthread_mutex_lock(&r->reload_lock);
    /* One that is under way has read its file already: not that one's answer. */
    uint64_t wanted = r->reloads + 1 + (r->reloading ? 1 : 0);
    bool in_time = !r->stopping && (write(r->wake_write, "r", 1) == 1 || errno == EAGAIN);
    while (in_time && !r->stopping && r->reloads < wanted)
        in_time = pthread_cond_timedwait(&r->reload_done, &r->reload_lock, &until) == 0;
    bool ok = in_time && r->reloads >= wanted && r->reload_ok;
    if (r->stopping)
        err_set(err, ERR_IO, "the service ends");
    else if (!in_time)
        err_set(err, ERR_IO, "the configuration is still being read");
    else if (!ok)
        *err = r->reload_err;
    pthread_mutex_unlock(&r->reload_lock);
    return ok;
}

void service_refuse_reloads(struct service *r) {
    pthread_mutex_lock(&r->reload_lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->reload_done);
    pthread_mutex_unlock(&r->reload_lock);
}
