/* alerts.rules */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"
#include "core/alloc.h"

#define MINUTE ((int64_t)60000)
#define DAY    (24 * 60 * MINUTE)

#define SMALLEST_SHARE 1e-9 /* nobody sends so many messages */

/* A rule as it is written. */
struct rule_form {
    char *name, *severity, *summary;
    enum rate rate;
    unsigned by;
    double above, below, clear_below, clear_above;
    int64_t window_ms, silence_ms, for_ms, keep_ms;
    uint64_t min_volume;
    struct alert_brake brake;
    struct pair {
        char *name, *value;
    } * labels, *annotations;
    size_t label_count, annotation_count;
};

static const char *choice_of_rate(unsigned i) {
    return i < RATES ? rate_name((enum rate)i) : NULL;
}

static const char *choice_of_scope(unsigned i) {
    return i < ALERT_SCOPES ? alert_scope_name((enum alert_scope)i) : NULL;
}

static const char *rule_name_wrong(const char *text) {
    return strlen(text) > 100 ? "at most 100 bytes" : line_wrong(text);
}

static const char *extra_label_wrong(const char *text) {
    static const char *const ours[] = {"alertname", "severity", "scope", "provider", "configuration_set"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(text, ours[i]) == 0)
            return "this label is set by ses-collector itself; choose another name";
    return strncmp(text, "__", 2) == 0 ? "names that begin with __ belong to Prometheus; choose another"
                                       : label_wrong(text);
}

static const struct key brake_keys[] = {
    {"pause", KEY_BOOL, 0, FIELD(struct rule_form, brake.on), .fallback = "false",
     .means = "Whether an incident pauses the sending of its configuration set, or of the account when it is about the "
              "account. Incidents of a provider never do."},
    {"min_volume", KEY_NUMBER, 0, FIELD(struct rule_form, brake.min_volume), .fallback = "1000", .min = 1,
     .max = 1000000000000, .means = "It pauses only from this on, of what the rate is divided by."},
    {"confidence", KEY_SHARE, 0, FIELD(struct rule_form, brake.confidence), .fallback = "95%",
     .means = "How sure it must be that the true rate is at `above` or over it, 50% to 99.99%: the lower bound of the "
              "Wilson interval, one-sided."},
    {"resume", KEY_BOOL, 0, FIELD(struct rule_form, brake.resume), .fallback = "false",
     .means = "Whether sending goes on when the incident is over; else somebody has to see to it. Without mail there "
              "are no bounces, so that comes soon, whatever the cause was."},
};
static const struct section brake_section_of_rule = {"alerts.rules[].brake", KEYS_OF(brake_keys)};

static const struct key rule_keys[] = {
    {"name", KEY_TEXT, KEY_REQUIRED, FIELD(struct rule_form, name), .wrong = rule_name_wrong,
     .means = "The label alertname, as in HighBounceRate."},
    {"severity", KEY_TEXT, 0, FIELD(struct rule_form, severity), .fallback = "warning", .wrong = name_wrong,
     .means = "The label severity. Rules of one name differ in it."},
    {"rate", KEY_CHOICE, 0, FIELD(struct rule_form, rate), .choice = choice_of_rate,
     .shown_default = "required, but for silence",
     .means = "The rate that is watched ([what is divided by what](metrics.md))."},
    {"by", KEY_FLAGS, 0, FIELD(struct rule_form, by), .choice = choice_of_scope,
     .shown_default = "all of them; silence: `account`", .means = "For what each the rate is watched."},
    {"window", KEY_DURATION, 0, FIELD(struct rule_form, window_ms), .fallback = "1h", .min = MINUTE, .max = 7 * DAY,
     .means = "The time over which the rate is taken: whole minutes up to 2h, whole hours beyond."},
    {"above", KEY_SHARE, 0, FIELD(struct rule_form, above), .means = "Raised at this rate or over it."},
    {"below", KEY_SHARE, 0, FIELD(struct rule_form, below), .means = "Raised at this rate or under it."},
    {"clear_below", KEY_SHARE, 0, FIELD(struct rule_form, clear_below), .shown_default = "80 % of `above`",
     .means = "With `above`: it ends only when the rate is under this, so that it does not flap."},
    {"clear_above", KEY_SHARE, 0, FIELD(struct rule_form, clear_above),
     .shown_default = "`below` and a fifth of what lacks to 100 %",
     .means = "With `below`: it ends only when the rate is over this."},
    {"silence", KEY_DURATION, 0, FIELD(struct rule_form, silence_ms), .min = MINUTE, .max = 7 * DAY,
     .means =
         "In place of a rate: raised when no event came for so long, after at least `min_volume` in as long a time "
         "before."},
    {"min_volume", KEY_NUMBER, 0, FIELD(struct rule_form, min_volume), .max = 1000000000000,
     .shown_default = "`200`; silence: `1000`",
     .means = "What the rate is divided by must be at least this; smaller numbers say too little."},
    {"for", KEY_DURATION, 0, FIELD(struct rule_form, for_ms), .max = 7 * DAY, .shown_default = "`5m`; silence: `0s`",
     .means = "How long it must hold before it is raised: whole minutes."},
    {"keep_firing_for", KEY_DURATION, 0, FIELD(struct rule_form, keep_ms), .max = 7 * DAY,
     .shown_default = "`10m`; silence: `0s`", .means = "How long it must be clear before it ends: whole minutes."},
    {"brake", KEY_SECTION, 0, .section = &brake_section_of_rule,
     .means = "Pauses sending, within what the section `brake` of the file allows. With `above` only."},
    {"labels", KEY_PAIRS, 0, LIST_FIELD(struct rule_form, labels, label_count), .max = MAX_EXTRA_LABELS,
     .wrong = extra_label_wrong, .wrong_value = line_wrong, .means = "Labels of your own, for routing."},
    {"annotations", KEY_PAIRS, 0, LIST_FIELD(struct rule_form, annotations, annotation_count), .max = MAX_EXTRA_LABELS,
     .wrong = label_wrong,
     .means = "Texts of your own: `summary` and `description` take the place of the usual ones; `runbook_url` and the "
              "like are passed on."},
};
const struct section rule_section = {"alerts.rules[]", KEYS_OF(rule_keys)};

/* --- checks ------------------------------------------------------------------------------------------------------- */

static bool has(const struct node *map, const char *key) {
    return tree_get(map, key);
}

static bool check_minutes(struct binder *b, const struct node *map, const char *key, int64_t ms) {
    if (ms <= 0 || ms % MINUTE == 0)
        return true;
    return bind_error(b, bind_place(map, key), "%s: not whole minutes; write 1m, 5m, 1h and the like", key);
}

static bool check_window(struct binder *b, const struct node *map, const char *key, int64_t ms) {
    if (!check_minutes(b, map, key, ms))
        return false;
    if (ms <= FINE_RULE_MINUTES * MINUTE || ms % (60 * MINUTE) == 0)
        return true;
    return bind_error(b, bind_place(map, key), "%s: over 2h it must be whole hours; write 3h, 24h, 7d and the like",
                      key);
}

static bool check_silence(struct binder *b, const struct node *map, const struct rule_form *f) {
    static const char *const others[] = {"rate", "above", "below", "clear_below", "clear_above", "window"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (has(map, others[i]))
            return bind_error_at_key(b, tree_get(map, others[i]),
                                     "a rule of silence has no %s; take it out, or take out silence", others[i]);
    if (f->by & ~(1u << SCOPE_ACCOUNT))
        return bind_error(b, bind_place(map, "by"), "by: silence is watched for the account only; write [account]");
    return check_window(b, map, "silence", f->silence_ms);
}

static bool check_above(struct binder *b, const struct node *map, const struct rule_form *f) {
    if (f->above < SMALLEST_SHARE)
        return bind_error(b, bind_place(map, "above"), "above: 0 is always reached; write a share over 0 as in 5%%");
    if (has(map, "clear_above"))
        return bind_error_at_key(b, tree_get(map, "clear_above"),
                                 "clear_above does not go with above; write clear_below");
    if (has(map, "clear_below") && f->clear_below <= 0)
        return bind_error(b, bind_place(map, "clear_below"), "clear_below: no rate is under 0; write a share over 0");
    if (has(map, "clear_below") && f->clear_below > f->above)
        return bind_error(b, bind_place(map, "clear_below"),
                          "clear_below is over above; write the same share or a smaller one");
    return true;
}

static bool check_below(struct binder *b, const struct node *map, const struct rule_form *f) {
    if (f->below > 1 - SMALLEST_SHARE)
        return bind_error(b, bind_place(map, "below"),
                          "below: 100%% is always reached; write a share under it as in 90%%");
    if (has(map, "clear_below"))
        return bind_error_at_key(b, tree_get(map, "clear_below"),
                                 "clear_below does not go with below; write clear_above");
    if (has(map, "clear_above") && f->clear_above >= 1)
        return bind_error(b, bind_place(map, "clear_above"),
                          "clear_above: no rate is over 100%%; write a share under it");
    if (has(map, "clear_above") && f->clear_above < f->below)
        return bind_error(b, bind_place(map, "clear_above"),
                          "clear_above is under below; write the same share or a larger one");
    return true;
}

static bool check_rate(struct binder *b, const struct node *map, const struct rule_form *f) {
    if (!has(map, "rate"))
        return bind_error(b, map, "rate is missing; name one as in rate: bounce, or write silence: 1h");
    if (!has(map, "above") && !has(map, "below"))
        return bind_error(b, map, "neither above nor below; write above: 5%% or below: 90%%");
    if (has(map, "above") && has(map, "below"))
        return bind_error_at_key(b, tree_get(map, "below"), "above and below in one rule; write two rules");
    return check_window(b, map, "window", f->window_ms) &&
           (has(map, "above") ? check_above(b, map, f) : check_below(b, map, f));
}

static bool check_brake(struct binder *b, const struct node *map, const struct rule_form *f) {
    const struct node *brake = tree_get(map, "brake");
    const unsigned pausable = 1u << SCOPE_ACCOUNT | 1u << SCOPE_CONFIGURATION_SET;
    if (f->brake.confidence < 0.5 || f->brake.confidence > 0.9999)
        return bind_error(b, bind_place(brake, "confidence"), "confidence: write a share from 50%% to 99.99%%");
    if (!f->brake.on)
        return true;
    if (!has(map, "above"))
        return bind_error_at_key(b, brake, "brake: only a rule with above can pause sending; take it out");
    if (f->by && !(f->by & pausable))
        return bind_error_at_key(
            b, brake, "brake: a provider cannot be paused; add account or configuration_set to by, or take it out");
    return true;
}

static bool check_form(struct binder *b, const struct node *map, const struct rule_form *f) {
    if (has(map, "by") && !f->by)
        return bind_error(b, bind_place(map, "by"), "by is empty; name account, provider or configuration_set");
    return check_minutes(b, map, "for", f->for_ms) && check_minutes(b, map, "keep_firing_for", f->keep_ms) &&
           check_brake(b, map, f) && (has(map, "silence") ? check_silence(b, map, f) : check_rate(b, map, f));
}

/* --- from the form to the rule ------------------------------------------------------------------------------------ */

/* As a person would have written it: 0.064, and not the double beside it. */
static double rounded(double share) {
    char text[SHARE_SIZE];
    snprintf(text, sizeof text, "%.12f", share);
    double round;
    return share_parse(text, &round) && round > 0 ? round : share;
}

static void fill_in(struct rule_form *f, const struct node *map) {
    bool silence = has(map, "silence");
    if (!f->by)
        f->by = silence ? 1u << SCOPE_ACCOUNT : (1u << ALERT_SCOPES) - 1;
    if (!has(map, "min_volume"))
        f->min_volume = silence ? 1000 : 200;
    if (!has(map, "for"))
        f->for_ms = silence ? 0 : 5 * MINUTE;
    if (!has(map, "keep_firing_for"))
        f->keep_ms = silence ? 0 : 10 * MINUTE;
    if (f->clear_below < 0)
        f->clear_below = rounded(f->above * 0.8);
    if (f->clear_above < 0)
        f->clear_above = rounded(f->below + (1 - f->below) * 0.2);
}

static char *usual_summary(const struct alert_rule *r) {
    char text[200], share[SHARE_SIZE];
    share_format(r->threshold, share);
    if (r->kind == ALERT_SILENCE)
        snprintf(text, sizeof text, "No event of any type came for %s", r->window_name);
    else
        snprintf(text, sizeof text, "The %s rate over %s is %s or %s", rate_name(r->rate), r->window_name, share,
                 r->kind == ALERT_RATE_BELOW ? "less" : "more");
    return alloc_string(text, strlen(text));
}

static int by_name(const void *x, const void *y) {
    const struct pair *a = x, *b = y;
    return strcmp(a->name, b->name);
}

/* Annotations but `summary`, which the rule has a place for. */
static void take_summary(struct rule_form *f, struct alert_rule *r) {
    size_t kept = 0;
    for (size_t i = 0; i < f->annotation_count; i++) {
        struct pair *p = &f->annotations[i];
        if (strcmp(p->name, "summary") == 0) {
            free(p->name);
            r->summary = p->value;
        } else {
            f->annotations[kept++] = *p;
        }
    }
    f->annotation_count = kept;
}

/* Takes what the form holds. */
static void rule_from_form(struct rule_form *f, bool silence, bool above, struct alert_rule *r) {
    char window[DURATION_SIZE];
    int64_t window_ms = silence ? f->silence_ms : f->window_ms;
    duration_format(window_ms, window);
    *r = (struct alert_rule){
        .name = f->name,
        .severity = f->severity,
        .kind = silence ? ALERT_SILENCE
                : above ? ALERT_RATE_ABOVE
                        : ALERT_RATE_BELOW,
        .rate = silence ? 0 : f->rate,
        .scopes = f->by,
        .window = (int)(window_ms / MINUTE),
        .window_name = alloc_string(window, strlen(window)),
        .threshold = silence ? 0
                     : above ? f->above
                             : f->below,
        .clear = silence ? 0
                 : above ? f->clear_below
                         : f->clear_above,
        .min_volume = f->min_volume,
        .for_minutes = (int)(f->for_ms / MINUTE),
        .keep_firing_minutes = (int)(f->keep_ms / MINUTE),
        .brake = f->brake,
    };
    take_summary(f, r);
    if (!r->summary)
        r->summary = usual_summary(r);
    if (f->label_count)
        qsort(f->labels, f->label_count, sizeof *f->labels, by_name);
    if (f->annotation_count)
        qsort(f->annotations, f->annotation_count, sizeof *f->annotations, by_name);
    r->labels = (const struct label_pair *)f->labels;
    r->label_count = f->label_count;
    r->annotations = (const struct label_pair *)f->annotations;
    r->annotation_count = f->annotation_count;
}

static void free_labels(const struct label_pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free((char *)pairs[i].name);
        free((char *)pairs[i].value);
    }
    free((struct label_pair *)pairs);
}

void rule_deinit(struct alert_rule *r) {
    free((char *)r->name);
    free((char *)r->severity);
    free((char *)r->summary);
    free((char *)r->window_name);
    free_labels(r->labels, r->label_count);
    free_labels(r->annotations, r->annotation_count);
}

static struct rule_form empty_form(void) {
    return (struct rule_form){
        .above = -1, .below = -1, .clear_below = -1, .clear_above = -1, .window_ms = -1, .silence_ms = -1};
}

static bool same_rule(const struct alert_rule *a, const struct alert_rule *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->severity, b->severity) == 0;
}

static bool check_name(struct binder *b, const struct config *c, const struct node *entry) {
    const struct alert_rule *newest = &c->rules[c->rule_count - 1];
    for (const struct alert_rule *r = c->rules; r < newest; r++)
        if (same_rule(r, newest))
            return bind_error(
                b, bind_place(entry, "name"),
                "name: two rules are called \"%s\" with the severity %s; give this one another name or severity",
                newest->name, newest->severity);
    return true;
}

bool take_rule(struct binder *b, void *base, const struct node *entry) {
    struct config *c = base;
    struct rule_form form = empty_form();
    bind_defaults(&rule_section, &form);
    if (!bind_section(b, &rule_section, &form, entry) || !check_form(b, entry, &form)) {
        bind_free(&rule_section, &form);
        return false;
    }
    fill_in(&form, entry);
    c->rules = alloc_resize(c->rules, c->rule_count + 1, sizeof *c->rules);
    rule_from_form(&form, has(entry, "silence"), has(entry, "above"), &c->rules[c->rule_count++]);
    return check_name(b, c, entry);
}

/* --- all rules together ------------------------------------------------------------------------------------------- */

static const char *copy(const char *text) {
    return alloc_string(text, strlen(text));
}

/* The defaults that no rule takes the place of, then the rules. */
static void add_defaults(struct config *c) {
    size_t default_count, given = c->rule_count, kept = 0;
    const struct alert_rule *defaults = alert_default_rules(&default_count);
    struct alert_rule *all = alloc_zeroed(default_count + given, sizeof *all);
    for (size_t i = 0; i < default_count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < given; j++)
            replaced = replaced || same_rule(&defaults[i], &c->rules[j]);
        if (replaced)
            continue;
        all[kept] = defaults[i];
        all[kept].name = copy(defaults[i].name);
        all[kept].severity = copy(defaults[i].severity);
        all[kept].summary = copy(defaults[i].summary);
        all[kept++].window_name = copy(defaults[i].window_name);
    }
    if (given)
        memcpy(all + kept, c->rules, given * sizeof *all);
    free(c->rules);
    c->rules = all;
    c->rule_count = kept + given;
}

static bool check_windows(struct binder *b, const struct config *c, const struct node *entry, size_t first_given) {
    int windows[MAX_RULE_WINDOWS], count = 0;
    for (size_t i = 0; i < c->rule_count; i++) {
        const struct alert_rule *r = &c->rules[i];
        int at = 0;
        while (at < count && windows[at] != r->window)
            at++;
        if (r->kind != ALERT_SILENCE && at == MAX_RULE_WINDOWS)
            return bind_error(b, bind_place(entry, "window"),
                              "window: the ninth of different length; all rules of rates together, the default ones "
                              "too, may have eight");
        if (r->kind != ALERT_SILENCE && at == count)
            windows[count++] = r->window;
        if (i >= first_given) {
            assert(entry);
            entry = entry->next;
        }
    }
    return true;
}

bool finish_rules(struct binder *b, struct config *c, const struct node *root) {
    const struct node *list = tree_get(tree_get(root, "alerts"), "rules");
    size_t given = c->rule_count;
    if (c->default_rules)
        add_defaults(c);
    return check_windows(b, c, list ? list->first : NULL, c->rule_count - given);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void show_rule(struct writer *w, const struct alert_rule *r) {
    struct rule_form f = empty_form();
    bool silence = r->kind == ALERT_SILENCE, above = r->kind == ALERT_RATE_ABOVE;
    f.name = (char *)r->name;
    f.severity = (char *)r->severity;
    f.rate = r->rate;
    f.by = r->scopes;
    *(silence ? &f.silence_ms : &f.window_ms) = r->window * MINUTE;
    if (!silence) {
        *(above ? &f.above : &f.below) = r->threshold;
        *(above ? &f.clear_below : &f.clear_above) = r->clear;
    }
    f.min_volume = r->min_volume;
    f.for_ms = r->for_minutes * MINUTE;
    f.keep_ms = r->keep_firing_minutes * MINUTE;
    f.brake = r->brake;
    f.labels = (struct pair *)r->labels;
    f.label_count = r->label_count;
    f.annotation_count = r->annotation_count + 1;
    f.annotations = alloc_zeroed(f.annotation_count, sizeof *f.annotations);
    static char summary[] = "summary";
    f.annotations[0] = (struct pair){summary, (char *)r->summary};
    if (r->annotation_count)
        memcpy(f.annotations + 1, r->annotations, r->annotation_count * sizeof *f.annotations);
    w->terse = true; /* what is of the other kinds of rules is no news here */
    for (size_t i = 0; i < rule_section.count; i++)
        if ((!silence || rule_section.keys[i].choice != choice_of_rate) &&
            (r->brake.on || rule_section.keys[i].section != &brake_section_of_rule))
            write_key(w, &rule_section.keys[i], &f);
    w->terse = false;
    free(f.annotations);
}

void show_rules(struct writer *w, const void *base) {
    const struct config *c = base;
    if (!c->rule_count)
        return;
    write_begin(w, "rules");
    for (size_t i = 0; i < c->rule_count; i++) {
        w->indent++;
        w->dash = true;
        show_rule(w, &c->rules[i]);
        w->indent--;
    }
    write_end(w);
}
