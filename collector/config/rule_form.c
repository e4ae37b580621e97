/* What a rule of the configuration file may say, and what it may not. */
#include "config/rule_form.h"

#include <assert.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"

#define MINUTE ((int64_t)60000)

#define SMALLEST_SHARE 1e-9 /* nobody sends so many messages */

enum {
    A = 1 << FORM_ABOVE,
    B = 1 << FORM_BELOW,
    S = 1 << FORM_SILENCE,
    C = 1 << FORM_CHANGE,
    D = 1 << FORM_DROP,
    N = 1 << FORM_NEW_REASON,
    Q = 1 << FORM_QUOTA
};

/* The key that makes a rule one of its kind, and what such a rule is called. */
static const struct {
    const char *key, *called;
} kinds[FORM_KINDS] = {
    [FORM_ABOVE] = {"above", "a rate above"}, [FORM_BELOW] = {"below", "a rate below"},
    [FORM_SILENCE] = {"silence", "silence"},  [FORM_CHANGE] = {"changed_by", "change"},
    [FORM_DROP] = {"dropped_to", "a drop"},   [FORM_NEW_REASON] = {"new_reason", "a new reason"},
    [FORM_QUOTA] = {"quota_used", "a quota"},
};

/* Which kinds have a key; one that is not here, all have. */
static const struct {
    const char *key;
    unsigned kinds;
} fitting[] = {
    {"rate", A | B | C},
    {"basis", A | B | C},
    {"window", A | B | C | D | N},
    {"above", A | C},
    {"below", B},
    {"clear_below", A | C | N | Q},
    {"clear_above", B | D},
    {"changed_by", C},
    {"dropped_to", D},
    {"silence", S},
    {"event", S},
    {"new_reason", N},
    {"grown_by", N},
    {"quota_used", Q},
    {"quota", Q},
    {"confidence", A | B | C | N},
    {"min_volume", A | B | C | D | S | N},
    {"by", A | B | C | D | S | Q},
    {"brake", A},
};

bool rule_form_has(enum form_kind kind, const char *key) {
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
        if (strcmp(fitting[i].key, key) == 0)
            return fitting[i].kinds >> kind & 1;
    return true;
}

static bool has(const struct node *map, const char *key) {
    return tree_get(map, key);
}

/* `above` goes with changed_by too, and makes no other kind of it. */
enum form_kind rule_form_kind(const struct node *entry) {
    for (int i = FORM_KINDS - 1; i > FORM_ABOVE; i--)
        if (has(entry, kinds[i].key))
            return (enum form_kind)i;
    return FORM_ABOVE;
}

enum form_kind rule_form_kind_of(const struct alert_rule *r) {
    static const enum form_kind of[ALERT_KINDS] = {
        [ALERT_RATE_ABOVE] = FORM_ABOVE, [ALERT_RATE_BELOW] = FORM_BELOW,   [ALERT_SILENCE] = FORM_SILENCE,
        [ALERT_CHANGE] = FORM_CHANGE,    [ALERT_DROP] = FORM_DROP,          [ALERT_NEW_REASON] = FORM_NEW_REASON,
        [ALERT_QUOTA_DAY] = FORM_QUOTA,  [ALERT_QUOTA_SECOND] = FORM_QUOTA,
    };
    return of[r->kind];
}

/* --- the kind ----------------------------------------------------------------------------------------------------- */

static bool check_kind(struct binder *b, const struct node *map) {
    int first = -1;
    for (int i = 0; i < FORM_KINDS; i++) {
        if (!has(map, kinds[i].key) || (i == FORM_ABOVE && has(map, "changed_by")))
            continue;
        if (first >= 0)
            return bind_error_at_key(b, tree_get(map, kinds[i].key), "%s and %s in one rule; write two rules",
                                     kinds[first].key, kinds[i].key);
        first = i;
    }
    if (first >= 0)
        return true;
    if (!has(map, "rate"))
        return bind_error(b, map,
                          "rate is missing; name one as in rate: bounce, or write silence: 1h, dropped_to: "
                          "30%%, new_reason: 1%% or quota_used: 80%%");
    return bind_error(b, map, "neither above nor below; write above: 5%%, below: 90%% or changed_by: 3");
}

static bool check_fitting(struct binder *b, const struct node *map, enum form_kind kind) {
    if (kind == FORM_ABOVE && has(map, "clear_above"))
        return bind_error_at_key(b, tree_get(map, "clear_above"),
                                 "clear_above does not go with above; write clear_below");
    if (kind == FORM_BELOW && has(map, "clear_below"))
        return bind_error_at_key(b, tree_get(map, "clear_below"),
                                 "clear_below does not go with below; write clear_above");
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
        const struct node *n = tree_get(map, fitting[i].key);
        if (n && !(fitting[i].kinds >> kind & 1) && fitting[i].kinds != A) /* of the brake check_brake tells more */
            return bind_error_at_key(b, n, "a rule of %s has no %s; take it out, or take out %s", kinds[kind].called,
                                     fitting[i].key, kinds[kind].key);
    }
    if (rule_form_has(kind, "rate") && !has(map, "rate"))
        return bind_error(b, map, "rate is missing; name one as in rate: bounce");
    return true;
}

/* --- times -------------------------------------------------------------------------------------------------------- */

static bool check_minutes(struct binder *b, const struct node *map, const char *key, int64_t ms) {
    if (ms <= 0 || ms % MINUTE == 0)
        return true;
    return bind_error(b, bind_place(map, key), "%s: not whole minutes; write 1m, 5m, 1h and the like", key);
}

static bool check_length(struct binder *b, const struct node *map, const char *key, int64_t ms) {
    if (!check_minutes(b, map, key, ms))
        return false;
    if (ms <= FINE_RULE_MINUTES * MINUTE || ms % (60 * MINUTE) == 0)
        return true;
    return bind_error(b, bind_place(map, key), "%s: over 2h it must be whole hours; write 3h, 24h, 7d and the like",
                      key);
}

static bool check_window(struct binder *b, const struct node *map, const struct rule_form *f, enum form_kind kind) {
    const struct node *at = bind_place(map, "window");
    if (f->window_ms < 0)
        return true;
    if (f->window_ms == 0 && kind != FORM_ABOVE && kind != FORM_BELOW)
        return bind_error(b, at, "window: last_sends goes with above and below; write 1h, 6h, 24h and the like");
    if (f->window_ms == 0 && has(map, "basis") && f->basis == BASIS_EVENT)
        return bind_error(b, bind_place(map, "basis"),
                          "basis: the last sends are known by when they were sent; write sent, or take it out");
    if (kind == FORM_DROP && f->window_ms % (60 * MINUTE) != 0)
        return bind_error(b, at, "window: sends are held against the past by the hour; write 1h, 3h, 24h and the like");
    return check_length(b, map, "window", f->window_ms);
}

/* --- shares ------------------------------------------------------------------------------------------------------- */

/* Of `above`, new_reason and quota_used. */
static bool check_over(struct binder *b, const struct node *map, const char *key, double share, double clear) {
    if (has(map, key) && share < SMALLEST_SHARE)
        return bind_error(b, bind_place(map, key), "%s: 0 is always reached; write a share over 0 as in 5%%", key);
    if (has(map, "clear_below") && !has(map, key))
        return bind_error_at_key(b, tree_get(map, "clear_below"), "clear_below goes with %s; write that too", key);
    if (has(map, "clear_below") && clear <= 0)
        return bind_error(b, bind_place(map, "clear_below"), "clear_below: no rate is under 0; write a share over 0");
    if (has(map, "clear_below") && clear > share)
        return bind_error(b, bind_place(map, "clear_below"),
                          "clear_below is over %s; write the same share or a smaller one", key);
    return true;
}

/* Of `below` and dropped_to. */
static bool check_under(struct binder *b, const struct node *map, const char *key, double share, double clear) {
    if (share > 1 - SMALLEST_SHARE)
        return bind_error(b, bind_place(map, key), "%s: 100%% is always reached; write a share under it as in %s", key,
                          strcmp(key, "below") == 0 ? "90%" : "30%");
    if (has(map, "clear_above") && clear >= 1)
        return bind_error(b, bind_place(map, "clear_above"),
                          "clear_above: no rate is over 100%%; write a share under it");
    if (has(map, "clear_above") && clear < share)
        return bind_error(b, bind_place(map, "clear_above"),
                          "clear_above is under %s; write the same share or a larger one", key);
    return true;
}

static bool check_drop(struct binder *b, const struct node *map, const struct rule_form *f) {
    if (f->dropped_to < SMALLEST_SHARE)
        return bind_error(b, bind_place(map, "dropped_to"),
                          "dropped_to: for no mail at all write silence: 1h; else a share over 0 as in 30%%");
    return check_under(b, map, "dropped_to", f->dropped_to, f->clear_above);
}

static bool check_confidence(struct binder *b, const struct node *map, double confidence) {
    if (confidence <= 0 || (confidence >= 0.5 && confidence <= 0.9999))
        return true;
    return bind_error(b, bind_place(map, "confidence"),
                      "confidence: write a share from 50%% to 99.99%%, or off for the rate as it is");
}

static bool check_kind_of_numbers(struct binder *b, const struct node *map, const struct rule_form *f,
                                  enum form_kind kind) {
    switch (kind) {
    case FORM_ABOVE:
    case FORM_CHANGE:
        return check_over(b, map, "above", f->above, f->clear_below);
    case FORM_BELOW:
        return check_under(b, map, "below", f->below, f->clear_above);
    case FORM_SILENCE:
        return check_length(b, map, "silence", f->silence_ms);
    case FORM_DROP:
        return check_drop(b, map, f);
    case FORM_NEW_REASON:
        return check_over(b, map, "new_reason", f->new_reason, f->clear_below);
    default:
        assert(kind == FORM_QUOTA);
        return check_over(b, map, "quota_used", f->quota_used, f->clear_below);
    }
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static bool check_by(struct binder *b, const struct node *map, const struct rule_form *f, enum form_kind kind) {
    if (has(map, "by") && !f->by)
        return bind_error(b, bind_place(map, "by"), "by is empty; name account, provider or configuration_set");
    if ((kind == FORM_SILENCE || kind == FORM_QUOTA) && f->by & ~(1u << SCOPE_ACCOUNT))
        return bind_error(b, bind_place(map, "by"), "by: %s is watched for the account only; write [account]",
                          kinds[kind].called);
    return true;
}

static bool check_brake(struct binder *b, const struct node *map, const struct rule_form *f, enum form_kind kind) {
    const struct node *brake = tree_get(map, "brake");
    const unsigned pausable = 1u << SCOPE_ACCOUNT | 1u << SCOPE_CONFIGURATION_SET;
    if (f->brake.confidence < 0.5 || f->brake.confidence > 0.9999)
        return bind_error(b, bind_place(brake, "confidence"), "confidence: write a share from 50%% to 99.99%%");
    if (!f->brake.on)
        return true;
    if (kind != FORM_ABOVE)
        return bind_error_at_key(b, brake, "brake: only a rule with above can pause sending; take it out");
    if (f->by && !(f->by & pausable))
        return bind_error_at_key(
            b, brake, "brake: a provider cannot be paused; add account or configuration_set to by, or take it out");
    return true;
}

bool rule_form_check(struct binder *b, const struct node *entry, const struct rule_form *f) {
    if (!check_kind(b, entry))
        return false;
    enum form_kind kind = rule_form_kind(entry);
    return check_minutes(b, entry, "for", f->for_ms) && check_minutes(b, entry, "keep_firing_for", f->keep_ms) &&
           check_brake(b, entry, f, kind) && check_fitting(b, entry, kind) && check_window(b, entry, f, kind) &&
           check_kind_of_numbers(b, entry, f, kind) && check_by(b, entry, f, kind) &&
           check_confidence(b, entry, f->confidence);
}
