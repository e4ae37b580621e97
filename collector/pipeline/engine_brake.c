/* The brake's place on the counting thread: what an incident makes it decide is committed with everything else, and
 * carried out after that by the outbox's brake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/incidents.h"
#include "alert/wilson.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "pipeline/engine_internal.h"

enum { STATE_LIMIT = 1 << 20 };
/* A pause that was decided so long ago and could not be carried out while the service was away is not wanted any more.
 */
static const int64_t stale_ms = 24 * 3600 * INT64_C(1000);

static const char value_name[] = "brake";

static const struct alert_rule *rule_of(const struct engine *e, const struct alert_row *a) {
    for (size_t i = 0; i < e->brake.rule_count; i++)
        if (strcmp(e->brake.rules[i].name, a->alertname) == 0 && strcmp(e->brake.rules[i].severity, a->severity) == 0)
            return &e->brake.rules[i];
    return NULL;
}

static struct brake_limits limits_of(const struct engine *e) {
    struct brake_limits limits = e->options.brake;
    limits.dry_run |= e->options.exit_at_end;
    return limits;
}

static void note_change(struct engine *e) {
    e->brake.changed = e->dirty = true;
}

/* --- decisions ---------------------------------------------------------------------------------------------------- */

static bool lacks_evidence(int said) {
    return said == BRAKE_TOO_LITTLE + 1 || said == BRAKE_NOT_SURE + 1;
}

/* Every decision leaves a line; one that is as good as that of a minute ago is no other. */
static bool is_news(struct engine *e, uint64_t incident, enum brake_decision d) {
    enum { SAID_MAX = 4 * INCIDENTS_MAX }; /* so that none of those that fire is forgotten at once */
    if (e->brake.said.len > SAID_MAX)
        map_clear(&e->brake.said);
    int *last = map_put(&e->brake.said, incident), now = (int)d + 1;
    bool news = *last != now && !(lacks_evidence(*last) && lacks_evidence(now));
    *last = now;
    return news;
}

static void say(struct engine *e, const struct alert_rule *rule, const struct alert_row *a, enum brake_decision d,
                bool dry_run) {
    char value[32], bound[32], threshold[32];
    e->brake.decisions[d]++;
    double confidence = rule && rule->brake.on ? rule->brake.confidence : 0.95;
    snprintf(value, sizeof value, "%.6f", a->value);
    snprintf(bound, sizeof bound, "%.6f", wilson_lower(a->numerator, a->denominator, confidence));
    snprintf(threshold, sizeof threshold, "%.6f", a->threshold);
    log_event_always(
        LOG_WARN, a->state == ALERT_RESOLVED ? "the brake decides at an incident's end" : "the brake decides",
        LOG_FIELDS({"decision", brake_decision_name(d), 0}, {"alert", a->alertname, 0}, {"severity", a->severity, 0},
                   {"scope", a->scope, 0}, {"provider", a->provider, 0}, {"configuration_set", a->configuration_set, 0},
                   {"value", value, 0}, {"lower_bound", bound, 0}, {"threshold", threshold, 0},
                   {"volume", NULL, (int64_t)a->denominator}, {"dry_run", dry_run ? "yes" : "no", 0},
                   {"incident", NULL, (int64_t)a->incident}));
}

static void begin(struct engine *e, const struct alert_rule *rule, const struct alert_row *a) {
    const struct brake_limits limits = limits_of(e);
    if (!rule || !rule->brake.on || brake_knows(&e->brake.state, &limits, a->incident))
        return;
    enum brake_decision d = brake_decide(&e->brake.state, &limits, rule, a, clock_wall_ms());
    if (is_news(e, a->incident, d))
        say(e, rule, a, d, limits.dry_run);
    if (brake_knows(&e->brake.state, &limits, a->incident))
        note_change(e);
    if (d == BRAKE_PAUSE)
        outbox_add_order(e->parts.outbox, BRAKE_ACTION_PAUSE, a->configuration_set);
}

static void end(struct engine *e, const struct alert_rule *rule, const struct alert_row *a) {
    struct brake_state *s = &e->brake.state;
    const struct brake_limits limits = limits_of(e);
    bool real = brake_knows(s, &(struct brake_limits){.dry_run = false}, a->incident);
    if (!brake_knows(s, &(struct brake_limits){.dry_run = true}, a->incident))
        return;
    enum brake_decision d = brake_decide(s, &limits, rule, a, clock_wall_ms());
    note_change(e);
    if (d != BRAKE_NOT_ASKED)
        say(e, rule, a, d, limits.dry_run);
    if (d == BRAKE_RESUME)
        outbox_add_order(e->parts.outbox, BRAKE_ACTION_RESUME, a->configuration_set);
    else if (real && !brake_wants(s, a->configuration_set, INT64_MIN))
        outbox_forget_pause(e->parts.outbox, a->configuration_set);
}

void engine_brake_incident(struct engine *e, const struct alert_row *a) {
    if (a->state == ALERT_RESOLVED)
        end(e, rule_of(e, a), a);
    else
        begin(e, rule_of(e, a), a);
}

/* --- what came of them -------------------------------------------------------------------------------------------- */

/* Whether an order that waited over a restart is still to be carried out. */
static bool is_wanted(void *context, const struct brake_order *order) {
    const struct engine *e = context;
    const struct brake_state *s = &e->brake.state;
    if (order->action == BRAKE_ACTION_RESUME)
        return !brake_wants(s, order->configuration_set, INT64_MIN);
    return brake_wants(s, order->configuration_set, clock_wall_ms() - stale_ms);
}

static void on_pause_done(struct engine *e, const char *set) {
    struct brake_state *s = &e->brake.state;
    brake_reached(s, set, BRAKE_REACHED);
    if (brake_is_left_over(s, set) && !limits_of(e).dry_run) /* it was in the air when its incident ended */
        outbox_add_order(e->parts.outbox, BRAKE_ACTION_RESUME, set);
}

static void on_news(void *context, const struct brake_order *order, enum brake_news news) {
    struct engine *e = context;
    struct brake_state *s = &e->brake.state;
    const char *set = order->configuration_set;
    bool pauses = order->action == BRAKE_ACTION_PAUSE;
    note_change(e);
    switch (news) {
    case BRAKE_NEWS_DONE:
        if (pauses)
            on_pause_done(e, set);
        else
            brake_resumed(s, set);
        break;
    case BRAKE_NEWS_UNSURE:
        if (pauses)
            brake_reached(s, set, BRAKE_MAYBE);
        break;
    case BRAKE_NEWS_GIVEN_UP:
        if (pauses)
            brake_given_up(s, set);
        break;
    case BRAKE_NEWS_REFUSED:
    case BRAKE_NEWS_RELEASED:
        brake_released(s, set);
        break;
    }
}

void engine_brake_advance(struct engine *e) {
    outbox_take_news(e->parts.outbox);
    if (brake_prune(&e->brake.state, clock_wall_ms()))
        note_change(e);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

bool engine_brake_load(struct engine *e, struct err *err) {
    char *text = alloc_zeroed(1, STATE_LIMIT);
    size_t len = 0;
    bool ok = true;
    map_init(&e->brake.said, sizeof(int));
    outbox_hear_brake(e->parts.outbox, &(struct outbox_brake_hooks){e, is_wanted, on_news});
    if (store_get_value(keeper_store(e->parts.keeper), value_name, text, STATE_LIMIT, &len))
        ok = brake_state_decode((struct span){text, len < STATE_LIMIT ? len : STATE_LIMIT}, &e->brake.state, err);
    free(text);
    return ok;
}

static bool fires(void *context, uint64_t incident) {
    return alerting_fires(context, incident);
}

void engine_brake_loaded(struct engine *e) {
    if (brake_close_others(&e->brake.state, fires, e->alerting, clock_wall_ms()))
        note_change(e);
    engine_brake_watch(e);
}

void engine_brake_save(struct engine *e, struct store *to) {
    struct buf text;
    if (!e->brake.changed)
        return;
    buf_init(&text, STATE_LIMIT);
    brake_state_encode(&e->brake.state, &text);
    store_put_value(to, value_name, buf_span(&text));
    buf_deinit(&text);
}

void engine_brake_watch(struct engine *e) {
    struct brake_row rows[BRAKE_ROWS];
    size_t count = brake_rows(&e->brake.state, rows);
    for (size_t i = 0; i < count; i++)
        if (rows[i].reached || rows[i].over)
            outbox_watch(e->parts.outbox, rows[i].configuration_set);
}

void engine_brake_show(const struct engine *e, struct snapshot *s, struct service_row *row) {
    for (size_t i = 0; i < e->brake.rule_count; i++)
        row->brake_asked |= e->brake.rules[i].brake.on;
    row->brake_dry_run = limits_of(e).dry_run;
    memcpy(row->brake_decisions, e->brake.decisions, sizeof row->brake_decisions);
    if (s)
        s->brake_count = brake_rows(&e->brake.state, s->brakes);
}

void engine_brake_deinit(struct engine *e) {
    brake_state_deinit(&e->brake.state);
    if (e->brake.said.value_size)
        map_deinit(&e->brake.said);
}
