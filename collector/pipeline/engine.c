#include "pipeline/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "pipeline/engine_internal.h"

/* Distinct names told apart while counting, as in replay (docs/operations.md). */
enum { MAX_SETS = 65536, MAX_IDENTITIES = 65536, MAX_TAG_VALUES = 65536, MAX_TEMPLATES = 1000, MAX_RULES = 10000 };

static const int64_t ns_per_ms = 1000000;

/* --- what is counted ---------------------------------------------------------------------------------------------- */

static void keep_note(struct engine *e, const char *object, const struct batch_note *n, struct span raw) {
    if (n->address_why) {
        if (e->suppression)
            suppression_add(e->suppression, n->address_why, n->time_ms, raw);
        return;
    }
    if (!e->parts.quarantine)
        return;
    if (n->unknown_field)
        quarantine_add_unknown(e->parts.quarantine, n->unknown_field, raw);
    else
        quarantine_add(e->parts.quarantine, span_of(object), n->offset, n->length, n->reason, raw);
}

static void keep_notes(struct engine *e, const struct batch *b) {
    const char *object = b->stream ? b->stream->name : "";
    for (unsigned i = 0; i < b->note_count; i++) {
        const struct batch_note *n = &b->notes[i];
        keep_note(e, object, n, (struct span){b->raw.data + n->raw_at, n->raw_len});
    }
}

/* Where the stream stands once the chain is counted. */
static void move_stream(struct engine *e, const struct batch *last) {
    struct stream *s = last->stream;
    if (!s)
        return;
    s->source = last->source;
    s->counted = last->position;
    s->forgotten = last->forget;
    s->counted_chains++;
    if (s->changed)
        return;
    s->changed = true;
    if (e->changed_count == e->changed_size) {
        e->changed_size = e->changed_size ? e->changed_size * 2 : 64;
        e->changed = alloc_resize(e->changed, e->changed_size, sizeof(struct stream *));
    }
    e->changed[e->changed_count++] = s;
}

static void count_chain(struct engine *e, struct batch *chain) {
    const struct batch *last = chain;
    for (const struct batch *b = chain; b; b = b->next) {
        aggregate_apply(e->aggregate, b);
        keep_notes(e, b);
        last = b;
    }
    move_stream(e, last);
    e->dirty = true;
    hopper_free(e->parts.hopper, chain);
}

static void on_closed(void *context, const struct closed_minute *minute) {
    struct engine *e = context;
    alerting_minute(e->alerting, minute);
}

static void on_amended(void *context, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters, int by) {
    struct engine *e = context;
    alerting_amend(e->alerting, minute, sent_minute, series, counters, by);
}

static void on_alert(void *context, const struct alert_row *incident) {
    struct engine *e = context;
    e->alerts_changed = e->dirty = true;
    engine_brake_incident(e, incident);
    if (incident->held || incident->muted_by)
        return;
    outbox_add(e->parts.outbox, incident, clock_wall_ms());
    log_event_always(incident->state == ALERT_FIRING ? LOG_WARN : LOG_INFO,
                     incident->state == ALERT_FIRING ? "alert fires" : "alert resolved",
                     LOG_FIELDS({"alert", incident->alertname, 0}, {"severity", incident->severity, 0},
                                {"scope", incident->scope, 0}, {"provider", incident->provider, 0},
                                {"configuration_set", incident->configuration_set, 0}));
}

static void on_standing(void *context, const struct alert_row *incident) {
    engine_brake_incident(context, incident);
}

/* --- commits ------------------------------------------------------------------------------------------------------ */

static void save_positions(struct engine *e, struct store *to) {
    for (size_t i = 0; i < e->changed_count; i++) {
        const struct stream *s = e->changed[i];
        if (s->forgotten)
            store_drop_position(to, e->source_names[s->source], s->name);
        else
            store_put_position(to, e->source_names[s->source], s->name, &s->counted);
    }
}

static void acknowledge(struct engine *e) {
    for (size_t i = 0; i < e->changed_count; i++) {
        struct stream *s = e->changed[i];
        s->changed = false;
        atomic_store(&s->committed0, s->counted.n[0]);
        atomic_store(&s->committed_chains, s->counted_chains); /* last: with it the source may free the stream */
    }
    e->changed_count = 0;
}

static void note_commit(struct engine *e, int64_t took_ns) {
    double seconds = (double)took_ns / 1e9;
    int i = 0;
    while (i < COMMIT_BUCKETS - 1 && seconds > commit_bucket_bounds[i])
        i++;
    e->service.commit_count[i]++;
    e->service.commit_seconds_sum += seconds;
}

static void note_full(struct engine *e, const struct err *err) {
    if (!e->full)
        log_event(LOG_ERROR, "the state cannot be written, the input waits", LOG_FIELDS({"reason", err->text, 0}));
    e->full = true;
}

static bool write_state(struct engine *e, struct err *err) {
    struct keeper *k = e->parts.keeper;
    const struct state_writer to = keeper_writer(k);
    if (e->parts.quarantine)
        quarantine_flush(e->parts.quarantine);
    keeper_begin(k);
    aggregate_save(e->aggregate, &to);
    alerting_save(e->alerting, &to);
    save_positions(e, keeper_store(k));
    engine_brake_save(e, keeper_store(k));
    outbox_save(e->parts.outbox, keeper_store(k));
    if (e->suppression)
        suppression_save(e->suppression, keeper_store(k));
    switch (keeper_commit(k, e->names.providers, err)) {
    case STORE_OK:
        return true;
    case STORE_FULL:
        note_full(e, err);
        return false;
    case STORE_FAILED:
        break;
    }
    log_event(LOG_ERROR, "the state cannot be trusted any more, the process ends",
              LOG_FIELDS({"reason", err->text, 0}));
    atomic_store(&e->failed, true);
    return false;
}

/* Durable first, then seen, then acknowledged and told. */
static bool commit(struct engine *e) {
    struct err err = {0};
    int64_t began = clock_monotonic_ns();
    engine_brake_advance(e);
    if (!e->dirty && !e->full && !outbox_has_news(e->parts.outbox) &&
        !(e->suppression && suppression_has_news(e->suppression)))
        return true;
    if (!write_state(e, &err))
        return false;
    note_commit(e, clock_monotonic_ns() - began);
    if (e->full) {
        log_event(LOG_INFO, "the state can be written again", LOG_NO_FIELDS);
        e->next_publish_ns = 0;
    }
    e->full = e->dirty = false;
    aggregate_saved(e->aggregate);
    alerting_saved(e->alerting);
    e->brake.changed = false;
    return true;
}

static bool tick(struct engine *e) {
    int64_t now_ms = engine_present_ms(e);
    uint64_t asked = atomic_load(&e->asked);
    engine_move_time(e, now_ms);
    bool committed = commit(e);
    if (committed) {
        acknowledge(e);
        outbox_saved(e->parts.outbox);
        if (e->suppression)
            suppression_saved(e->suppression, keeper_store(e->parts.keeper));
    }
    if (!atomic_load(&e->failed))
        engine_publish(e, now_ms);
    atomic_store(&e->answered, asked);
    return committed;
}

void engine_count_next(struct engine *e) {
    struct batch *chain = hopper_next(e->parts.hopper, 0);
    if (chain)
        count_chain(e, chain);
}

bool engine_holds_streams(const struct engine *e) {
    return e->changed_count > 0;
}

bool engine_commit(struct engine *e) {
    return tick(e);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void run_errand(struct engine *e) {
    pthread_mutex_lock(&e->errand_lock);
    struct errand *errand = e->errand;
    e->errand = NULL;
    pthread_mutex_unlock(&e->errand_lock);
    if (!errand)
        return;
    errand->work(errand->context, e);
    pthread_mutex_lock(&e->errand_lock);
    errand->done = true;
    pthread_cond_broadcast(&e->errand_done);
    pthread_mutex_unlock(&e->errand_lock);
}

/* While the state cannot be written nothing is taken from the hopper: it fills up, and the sources wait. */
static void count_for_a_while(struct engine *e) {
    struct batch *chain = NULL;
    if (!e->full)
        chain = hopper_next(e->parts.hopper, e->next_commit_ns);
    else
        nanosleep(&(struct timespec){.tv_nsec = 50 * (long)ns_per_ms}, NULL);
    if (chain)
        count_chain(e, chain);
}

static void drain(struct engine *e) {
    struct batch *chain;
    while (!e->full && (chain = hopper_next(e->parts.hopper, 0)))
        count_chain(e, chain);
    if (e->options.exit_at_end)
        engine_finish_time(e);
    e->next_publish_ns = e->options.show_the_end ? 0 : INT64_MAX;
    atomic_store(&e->committed, engine_commit(e));
}

static void *run(void *context) {
    struct engine *e = context;
    e->next_commit_ns = clock_monotonic_ns();
    while (!atomic_load(&e->stop) && !atomic_load(&e->failed)) {
        int64_t now = clock_monotonic_ns();
        atomic_store(&e->beat_ns, now);
        run_errand(e);
        if (now >= e->next_commit_ns || atomic_load(&e->asked) != atomic_load(&e->answered)) {
            tick(e);
            e->next_commit_ns = clock_monotonic_ns() + e->options.commit_ms * ns_per_ms;
        }
        count_for_a_while(e);
    }
    if (!atomic_load(&e->failed))
        drain(e);
    pthread_mutex_lock(&e->errand_lock);
    atomic_store(&e->ended, true);
    pthread_cond_broadcast(&e->errand_done);
    pthread_mutex_unlock(&e->errand_lock);
    return NULL;
}

void engine_start(struct engine *e) {
    if (pthread_create(&e->thread, NULL, run, e) != 0)
        abort(); /* no thread: nothing can go on */
    e->started = true;
}

bool engine_stop(struct engine *e, int64_t deadline_ms) {
    int64_t until = clock_monotonic_ns() + deadline_ms * ns_per_ms;
    if (!e->started)
        return true;
    atomic_store(&e->stop, true);
    hopper_wake(e->parts.hopper);
    while (!atomic_load(&e->ended)) {
        if (clock_monotonic_ns() > until)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 2 * (long)ns_per_ms}, NULL);
    }
    pthread_join(e->thread, NULL);
    e->started = false;
    return true;
}

bool engine_run(struct engine *e, void (*work)(void *context, struct engine *e), void *context) {
    struct errand errand = {work, context, false};
    pthread_mutex_lock(&e->errand_lock);
    e->errand = &errand;
    hopper_wake(e->parts.hopper);
    while (!errand.done && !atomic_load(&e->ended))
        pthread_cond_wait(&e->errand_done, &e->errand_lock);
    e->errand = NULL;
    pthread_mutex_unlock(&e->errand_lock);
    return errand.done;
}

bool engine_commit_soon(struct engine *e, int64_t deadline_ms) {
    int64_t until = clock_monotonic_ns() + deadline_ms * ns_per_ms;
    uint64_t mine = atomic_fetch_add(&e->asked, 1) + 1;
    hopper_wake(e->parts.hopper);
    while (atomic_load(&e->answered) < mine && !atomic_load(&e->ended)) {
        if (clock_monotonic_ns() > until)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 2 * (long)ns_per_ms}, NULL);
    }
    return true;
}

bool engine_is_committed(const struct engine *e) {
    return atomic_load(&e->committed);
}

bool engine_failed(const struct engine *e) {
    return atomic_load(&e->failed);
}

int64_t engine_beat_ns(const struct engine *e) {
    return atomic_load(&e->beat_ns);
}

bool engine_is_ready(const struct engine *e) {
    return atomic_load(&e->ready);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static bool make_names(struct engine *e, struct err *err) {
    struct keeper_names *k = &e->kept;
    struct dictionary *d = &e->dictionary;
    k->tag_names = intern_create(1024);
    if (!keeper_load_tag_names(e->parts.keeper, k->tag_names, err))
        return false;
    k->sets = d->sets = intern_create(MAX_SETS);
    k->identities = d->identities = intern_create(MAX_IDENTITIES);
    k->templates = d->templates = intern_create(MAX_TEMPLATES);
    k->sources = intern_create(AGGREGATE_SOURCES);
    k->rules = intern_create(MAX_RULES);
    k->tag_count = d->tag_count = e->options.tag_count;
    for (unsigned i = 0; i < k->tag_count; i++) {
        d->tag_names[i] = e->options.tags[i];
        d->tags[i] = k->tags[i] = e->names.tags[i] = intern_create(MAX_TAG_VALUES);
        k->tag_numbers[i] = intern_id(k->tag_names, d->tag_names[i]);
    }
    d->key = *keeper_key(e->parts.keeper);
    e->names.sets = d->sets;
    e->names.identities = d->identities;
    e->names.templates = d->templates;
    e->names.sources = e->source_names;
    return keeper_load_names(e->parts.keeper, k, err);
}

static void name_sources(struct engine *e) {
    size_t count = intern_count(e->kept.sources);
    e->names.source_count = count - SOURCE_NAME_IDS;
    for (size_t i = 0; i < e->names.source_count; i++) {
        e->source_names[i] = intern_name(e->kept.sources, (uint32_t)(i + SOURCE_NAME_IDS));
        if (!e->source_kinds[i])
            e->source_kinds[i] = "removed";
    }
}

static bool load(struct engine *e, struct err *err) {
    const struct state_reader from = keeper_reader(e->parts.keeper);
    /* The outbox first: loading the alerts may end an incident, and its message must not take a number that is used. */
    return aggregate_load(e->aggregate, &from, err) && engine_brake_load(e, err) &&
           outbox_load(e->parts.outbox, keeper_store(e->parts.keeper), err) &&
           alerting_load(e->alerting, &from, e->aggregate, err);
}

static struct alerting *make_alerting(struct engine *e, const struct alert_rule *rules, size_t count) {
    const struct alerting_hooks hooks = {e, on_alert, on_standing};
    e->brake.rules = rules;
    e->brake.rule_count = count;
    struct alerting *a = alerting_create(rules, count, &e->names);
    alerting_go_live(a, e->kept.rules, &hooks);
    return a;
}

static void make_aggregate(struct engine *e, const struct alert_rule *rules, size_t rule_count) {
    struct aggregate_options options = {
        .now_ms = clock_wall_ms(),
        .lateness_ms = e->options.lateness_ms,
        .from_ms = INT64_MIN,
        .to_ms = INT64_MAX,
        .tag_count = e->options.tag_count,
        .on_closed = on_closed,
        .on_closed_context = e,
        .on_amended = on_amended,
        .keep_wide = alerting_wants_wide(rules, rule_count),
        .keep_cohorts = alerting_wants_cohorts(rules, rule_count),
        .settle_ms = e->options.settle_ms,
        .keep_state = true,
        .learning = e->options.learn_domains ? LEARN_FOR_LATER : LEARN_NOTHING,
        .last_sends = e->options.last_sends,
        .max_visits = e->options.max_visits,
    };
    memcpy(options.tag_numbers, e->kept.tag_numbers, sizeof options.tag_numbers);
    e->aggregate = aggregate_create(&options);
}

struct engine *engine_create(const struct engine_options *options, const struct engine_parts *parts,
                             const struct alert_rule *rules, size_t rule_count, struct err *err) {
    struct engine *e = alloc_zeroed(1, sizeof *e);
    e->options = *options;
    e->parts = *parts;
    e->service.started_ms = e->service.reload_ok_ms = clock_wall_ms();
    e->service.reload_ok = true;
    e->alerts_changed = true;
    e->started_ns = e->moved_ns = clock_monotonic_ns();
    atomic_store(&e->beat_ns, e->moved_ns);
    pthread_mutex_init(&e->errand_lock, NULL);
    pthread_cond_init(&e->errand_done, NULL);
    struct provider_table *providers;
    if (!make_names(e, err) || !(providers = keeper_make_providers(parts->keeper, err))) {
        engine_destroy(e);
        return NULL;
    }
    engine_set_providers(e, providers, knowledge_create(providers, &(struct knowledge_files){0}, err));
    name_sources(e);
    make_aggregate(e, rules, rule_count);
    e->alerting = make_alerting(e, rules, rule_count);
    if (!load(e, err)) {
        engine_destroy(e);
        return NULL;
    }
    engine_brake_loaded(e);
    return e;
}

void engine_destroy(struct engine *e) {
    if (!e)
        return;
    aggregate_destroy(e->aggregate);
    alerting_destroy(e->alerting);
    engine_brake_deinit(e);
    suppression_destroy(e->suppression);
    intern_destroy(e->kept.sets);
    intern_destroy(e->kept.identities);
    intern_destroy(e->kept.templates);
    intern_destroy(e->kept.sources);
    intern_destroy(e->kept.rules);
    intern_destroy(e->kept.tag_names);
    for (unsigned i = 0; i < e->kept.tag_count; i++)
        intern_destroy(e->kept.tags[i]);
    for (size_t i = 0; i < AGGREGATE_SOURCES; i++)
        free(e->troubles[i]);
    for (size_t i = 0; i < e->provider_tables; i++) {
        knowledge_destroy(e->knowledge[i]);
        provider_table_destroy(e->providers[i]);
    }
    free(e->knowledge);
    free(e->providers);
    free(e->changed);
    pthread_mutex_destroy(&e->errand_lock);
    pthread_cond_destroy(&e->errand_done);
    free(e);
}

/* --- what may change ---------------------------------------------------------------------------------------------- */

struct dictionary *engine_dictionary(struct engine *e) {
    return &e->dictionary;
}

int engine_source_index(struct engine *e, const char *name, const char *kind) {
    uint32_t id = intern_id(e->kept.sources, span_of(name));
    if (id < SOURCE_NAME_IDS || id - SOURCE_NAME_IDS >= AGGREGATE_SOURCES)
        return -1;
    name_sources(e);
    e->source_kinds[id - SOURCE_NAME_IDS] = kind;
    return (int)(id - SOURCE_NAME_IDS);
}

void engine_show_sources(struct engine *e, struct running_source *sources, size_t count) {
    e->sources = sources;
    e->source_count = count;
}

void engine_set_rules(struct engine *e, const struct alert_rule *rules, size_t count) {
    struct alerting *old = e->alerting;
    aggregate_keep(e->aggregate, alerting_wants_wide(rules, count), alerting_wants_cohorts(rules, count));
    e->alerting = make_alerting(e, rules, count);
    alerting_take_over(e->alerting, old, e->aggregate);
    e->alerts_changed = true;
}

void engine_set_providers(struct engine *e, struct provider_table *providers, struct knowledge *knowledge) {
    size_t at = e->provider_tables++;
    e->providers = alloc_resize(e->providers, at + 1, sizeof(struct provider_table *));
    e->knowledge = alloc_resize(e->knowledge, at + 1, sizeof(struct knowledge *));
    e->providers[at] = providers;
    e->knowledge[at] = knowledge;
    e->dictionary.providers = e->names.providers = providers;
    e->dictionary.knowledge = knowledge;
}

void engine_set_options(struct engine *e, const struct engine_options *options) {
    e->options = *options;
    e->alerts_changed = true;
    aggregate_set_learning(e->aggregate, options->learn_domains);
    engine_brake_watch(e);
}

void engine_ask_remote_writes(struct engine *e, void (*show)(void *context, struct service_row *row), void *context) {
    e->show_remote_writes = show;
    e->remote_writes = context;
}

bool engine_set_suppression(struct engine *e, const struct suppression_options *options, struct err *err) {
    struct suppression *list = NULL;
    suppression_destroy(e->suppression);
    e->suppression = NULL;
    e->dictionary.wanted_addresses = suppression_wanted(options);
    if (e->dictionary.wanted_addresses &&
        !(list = suppression_create(options, &e->dictionary.key, keeper_store(e->parts.keeper), err)))
        return false;
    e->suppression = list;
    return true;
}

void engine_note_reload(struct engine *e, bool ok) {
    e->service.reload_ok = ok;
    if (ok)
        e->service.reload_ok_ms = clock_wall_ms();
}
