#include "alert/brake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alert/wilson.h"
#include "core/alloc.h"

static const int64_t DAY_MS = 24 * 3600 * INT64_C(1000);
/* What stays paused is shown for so long if nobody can tell whether somebody has let it go on. */
static const int64_t SHOWN_MS = 7 * 24 * 3600 * INT64_C(1000);

const char *brake_decision_name(enum brake_decision d) {
    static const char *const names[BRAKE_DECISIONS] = {
        [BRAKE_NOT_ASKED] = "not_asked",     [BRAKE_PAUSE] = "pause",
        [BRAKE_WOULD_PAUSE] = "would_pause", [BRAKE_TOO_LITTLE] = "too_little",
        [BRAKE_NOT_SURE] = "not_sure",       [BRAKE_TOO_MANY] = "too_many",
        [BRAKE_RESUME] = "resume",           [BRAKE_PAUSED_ALREADY] = "paused_already",
        [BRAKE_STAYS] = "stays_paused",      [BRAKE_WOULD_RESUME] = "would_resume",
    };
    assert((size_t)d < BRAKE_DECISIONS);
    return names[d];
}

/* --- what can be paused ------------------------------------------------------------------------------------------- */

bool brake_is_name(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len < BRAKE_NAME_SIZE && name[len] == '\0';
}

/* The name of what an incident is about; NULL: nothing that could be paused. Mail without a set belongs to none, and
 * `other` are many. */
static const char *name_of(const struct alert_row *a) {
    if (strcmp(a->scope, alert_scope_name(SCOPE_ACCOUNT)) == 0)
        return "";
    if (strcmp(a->scope, alert_scope_name(SCOPE_CONFIGURATION_SET)) != 0)
        return NULL;
    const char *set = a->configuration_set;
    return *set && strcmp(set, "other") != 0 && brake_is_name(set) ? set : NULL;
}

static bool is_asked(const struct alert_rule *rule, const struct alert_row *a) {
    return rule && rule->brake.on && rule->kind == ALERT_RATE_ABOVE && a->state == ALERT_FIRING && !a->held &&
           a->incident && name_of(a);
}

/* --- who holds what ----------------------------------------------------------------------------------------------- */

static bool is_of(const struct brake_pause *p, const char *name, bool dry) {
    return !p->ended && p->dry == dry && strcmp(p->configuration_set, name) == 0;
}

static bool holds(const struct brake_pause *p) {
    return !p->ended && !p->over_ms;
}

static struct brake_pause *find(const struct brake_state *s, uint64_t incident) {
    for (size_t i = 0; i < s->count; i++)
        if (s->pauses[i].incident == incident)
            return &s->pauses[i];
    return NULL;
}

static bool is_held(const struct brake_state *s, const char *name, bool dry) {
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, dry) && holds(&s->pauses[i]))
            return true;
    return false;
}

static enum brake_reach reach_of(const struct brake_state *s, const char *name) {
    enum brake_reach most = BRAKE_NOT_REACHED;
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, false) && s->pauses[i].reach > most)
            most = s->pauses[i].reach;
    return most;
}

static bool stays(const struct brake_state *s, const char *name, bool dry) {
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, dry) && s->pauses[i].stays)
            return true;
    return false;
}

static bool end_all(struct brake_state *s, const char *name, bool dry) {
    bool any = false;
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, dry))
            any = s->pauses[i].ended = true;
    return any;
}

/* --- decisions ---------------------------------------------------------------------------------------------------- */

/* A clock that was set back makes pauses of the future: they count too. */
static unsigned pauses_of_the_day(const struct brake_state *s, bool dry, int64_t now_ms) {
    unsigned count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += !s->pauses[i].joined && (dry || !s->pauses[i].dry) && s->pauses[i].since_ms > now_ms - DAY_MS;
    return count;
}

static void drop(struct brake_state *s, struct brake_pause *p) {
    size_t behind = (size_t)(s->pauses + s->count - (p + 1));
    memmove(p, p + 1, behind * sizeof *p);
    s->count--;
}

static struct brake_pause *add(struct brake_state *s, const char *name, uint64_t incident, int64_t now_ms) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 8;
        s->pauses = alloc_resize(s->pauses, s->capacity, sizeof *s->pauses);
    }
    struct brake_pause *p = &s->pauses[s->count++];
    *p = (struct brake_pause){.incident = incident, .since_ms = now_ms > 0 ? now_ms : 0};
    memcpy(p->configuration_set, name, strlen(name));
    return p;
}

static enum brake_decision decide_pause(struct brake_state *s, const struct brake_limits *limits,
                                        const struct alert_rule *rule, const struct alert_row *a, int64_t now_ms) {
    const char *name = name_of(a);
    const struct alert_brake *brake = &rule->brake;
    bool dry = limits->dry_run, held = is_held(s, name, false) || (dry && is_held(s, name, true));
    if (!a->denominator || a->denominator < brake->min_volume)
        return BRAKE_TOO_LITTLE;
    if (wilson_lower(a->numerator, a->denominator, brake->confidence) < rule->threshold)
        return BRAKE_NOT_SURE;
    struct brake_pause *before = find(s, a->incident); /* of a dry run that is over */
    if (!before && s->count >= BRAKE_PAUSES_MAX)
        return held ? BRAKE_PAUSED_ALREADY : BRAKE_TOO_MANY;
    if (!held && pauses_of_the_day(s, dry, now_ms) >= limits->max_per_day)
        return BRAKE_TOO_MANY;
    enum brake_reach reach = reach_of(s, name);
    if (before)
        drop(s, before);
    struct brake_pause *p = add(s, name, a->incident, now_ms);
    p->joined = held;
    p->dry = dry;
    p->reach = held && !dry ? reach : BRAKE_NOT_REACHED;
    return held ? BRAKE_PAUSED_ALREADY : dry ? BRAKE_WOULD_PAUSE : BRAKE_PAUSE;
}

/* Of what was only said in a dry run. */
static enum brake_decision decide_dry_end(struct brake_state *s, const struct brake_pause *p) {
    const char *name = p->configuration_set;
    if (is_held(s, name, true))
        return BRAKE_NOT_ASKED;
    bool would = !stays(s, name, true);
    end_all(s, name, true);
    return would ? BRAKE_WOULD_RESUME : BRAKE_NOT_ASKED;
}

static enum brake_decision decide_end(struct brake_state *s, const struct brake_limits *limits,
                                      const struct alert_rule *rule, uint64_t incident, int64_t now_ms) {
    struct brake_pause *p = find(s, incident);
    if (!p || p->over_ms)
        return BRAKE_NOT_ASKED;
    p->over_ms = now_ms > 0 ? now_ms : 1;
    p->stays = !(rule && rule->brake.on && rule->brake.resume);
    if (p->ended) /* somebody has let it go on before */
        return BRAKE_NOT_ASKED;
    if (p->dry)
        return decide_dry_end(s, p);
    if (is_held(s, p->configuration_set, false))
        return BRAKE_STAYS;
    if (reach_of(s, p->configuration_set) == BRAKE_NOT_REACHED)
        return BRAKE_NOT_ASKED;
    if (stays(s, p->configuration_set, false))
        return BRAKE_STAYS;
    return limits->dry_run ? BRAKE_WOULD_RESUME : BRAKE_RESUME;
}

enum brake_decision brake_decide(struct brake_state *s, const struct brake_limits *limits,
                                 const struct alert_rule *rule, const struct alert_row *a, int64_t now_ms) {
    if (a->state == ALERT_RESOLVED)
        return decide_end(s, limits, rule, a->incident, now_ms);
    if (!is_asked(rule, a))
        return BRAKE_NOT_ASKED;
    return brake_knows(s, limits, a->incident) ? BRAKE_PAUSED_ALREADY : decide_pause(s, limits, rule, a, now_ms);
}

bool brake_knows(const struct brake_state *s, const struct brake_limits *limits, uint64_t incident) {
    const struct brake_pause *p = find(s, incident);
    return p && (limits->dry_run || !p->dry);
}

bool brake_wants(const struct brake_state *s, const char *name, int64_t from_ms) {
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, false) && holds(&s->pauses[i]) && s->pauses[i].since_ms >= from_ms)
            return true;
    return false;
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */

bool brake_reached(struct brake_state *s, const char *name, enum brake_reach reach) {
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        struct brake_pause *p = &s->pauses[i];
        if (!is_of(p, name, false) || p->reach >= reach)
            continue;
        p->reach = reach;
        any = true;
    }
    return any;
}

bool brake_given_up(struct brake_state *s, const char *name) {
    return !is_held(s, name, false) && reach_of(s, name) == BRAKE_NOT_REACHED && end_all(s, name, false);
}

/* What an incident has begun to hold since then is yet to be paused. */
bool brake_resumed(struct brake_state *s, const char *name) {
    bool any = false;
    for (size_t i = 0; i < s->count; i++)
        if (is_of(&s->pauses[i], name, false) && s->pauses[i].over_ms)
            any = s->pauses[i].ended = true;
    return any;
}

bool brake_released(struct brake_state *s, const char *name) {
    return end_all(s, name, false);
}

bool brake_is_left_over(const struct brake_state *s, const char *name) {
    return !is_held(s, name, false) && !stays(s, name, false) && reach_of(s, name) == BRAKE_REACHED;
}

bool brake_prune(struct brake_state *s, int64_t now_ms) {
    size_t kept = 0, before = s->count;
    for (size_t i = 0; i < before; i++) {
        const struct brake_pause *p = &s->pauses[i];
        bool counts = p->since_ms > now_ms - DAY_MS, shown = !p->ended && p->over_ms > now_ms - SHOWN_MS;
        if (!p->over_ms || counts || shown)
            s->pauses[kept++] = *p;
    }
    s->count = kept;
    return kept < before;
}

bool brake_close_others(struct brake_state *s, bool (*fires)(void *context, uint64_t incident), void *context,
                        int64_t now_ms) {
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        struct brake_pause *p = &s->pauses[i];
        if (p->over_ms || fires(context, p->incident))
            continue;
        p->over_ms = now_ms > 0 ? now_ms : 1;
        any = p->stays = true;
    }
    return any;
}

size_t brake_rows(const struct brake_state *s, struct brake_row rows[BRAKE_ROWS]) {
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct brake_pause *p = &s->pauses[i];
        size_t at = 0;
        while (at < count && strcmp(rows[at].configuration_set, p->configuration_set) != 0)
            at++;
        if (p->dry || p->ended || at == BRAKE_ROWS || (p->over_ms && p->reach == BRAKE_NOT_REACHED))
            continue;
        struct brake_row *row = &rows[at];
        if (at == count) {
            count++;
            *row = (struct brake_row){.since_ms = p->since_ms, .over = true};
            memcpy(row->configuration_set, p->configuration_set, sizeof row->configuration_set);
        }
        row->reached |= p->reach == BRAKE_REACHED;
        row->over &= p->over_ms != 0;
    }
    return count;
}

void brake_state_deinit(struct brake_state *s) {
    free(s->pauses);
    *s = (struct brake_state){0};
}
