/* alerts.rules */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/rule_form.h"
#include "config/words.h"
#include "core/alloc.h"

#define MINUTE ((int64_t)60000)
#define DAY    (24 * 60 * MINUTE)

static const char *choice_of_rate(unsigned i) {
    return i < RATES ? rate_name((enum rate)i) : NULL;
}

static const char *choice_of_scope(unsigned i) {
    return i < ALERT_SCOPES ? alert_scope_name((enum alert_scope)i) : NULL;
}

static const char *choice_of_basis(unsigned i) {
    return i < BASES ? basis_names[i] : NULL;
}

static const char *choice_of_event(unsigned i) {
    return i < EVENT_TYPES ? event_type_name((enum event_type)i) : i == EVENT_TYPES ? "any" : NULL;
}

static const char *choice_of_quota(unsigned i) {
    static const char *const names[] = {"day", "second"};
    return i < 2 ? names[i] : NULL;
}

static const char *rule_name_wrong(const char *text) {
    return strlen(text) > 100 ? "at most 100 bytes" : line_wrong(text);
}

static const char *extra_label_wrong(const char *text) {
    static const char *const ours[] = {"alertname",         "severity", "scope", "provider",
                                       "configuration_set", "identity", "reason"};
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
     .shown_default = "required with above, below and changed_by",
     .means = "The rate that is watched ([what is divided by what](metrics.md#the-rates))."},
    {"basis", KEY_CHOICE, 0, FIELD(struct rule_form, basis), .fallback = "event", .choice = choice_of_basis,
     .shown_default = "`event`; with `window: last_sends` it is `sent`",
     .means = "Of a rate: whether an event counts when it happened, or when its mail was sent "
              "([three bases](counting.md#three-bases))."},
    {"by", KEY_FLAGS, 0, FIELD(struct rule_form, by), .choice = choice_of_scope,
     .shown_default = "`account`, `provider` and `configuration_set`; dropped_to, silence, quota_used: `account`; "
                      "new_reason: `provider`, for each reason",
     .means = "For what each it is watched."},
    {"window", KEY_DURATION, 0, FIELD(struct rule_form, window_ms), .word = "last_sends", .min = MINUTE, .max = 7 * DAY,
     .shown_default = "`1h`; changed_by, new_reason: `6h`; dropped_to: `3h`",
     .means = "The time over which it is taken: whole minutes up to 2h, whole hours beyond; of dropped_to always whole "
              "hours. `last_sends` (above and below): as many of the last sends as `counting.last_sends` says."},
    {"above", KEY_SHARE, 0, FIELD(struct rule_form, above),
     .means = "Raised at this rate or over it. With changed_by: only at this rate or over it."},
    {"below", KEY_SHARE, 0, FIELD(struct rule_form, below), .means = "Raised at this rate or under it."},
    {"clear_below", KEY_SHARE, 0, FIELD(struct rule_form, clear_below),
     .shown_default = "80 % of `above` or new_reason, 95 % of quota_used",
     .means = "With these: it ends only when the rate is under this, so that it does not flap."},
    {"clear_above", KEY_SHARE, 0, FIELD(struct rule_form, clear_above),
     .shown_default = "`below` or dropped_to, and a fifth of what lacks to 100 %",
     .means = "With these: it ends only when the rate is over this."},
    {"changed_by", KEY_FACTOR, 0, FIELD(struct rule_form, changed_by),
     .means = "Of a rate: raised when it is so many times that of the same hours of the weeks before (up to four, at "
              "least two), or more."},
    {"dropped_to", KEY_SHARE, 0, FIELD(struct rule_form, dropped_to),
     .means = "In place of a rate: raised when so small a share is sent, or less, of the smallest number that was sent "
              "in the same hours of the weeks before (up to four, at least two)."},
    {"silence", KEY_DURATION, 0, FIELD(struct rule_form, silence_ms), .min = MINUTE, .max = 7 * DAY,
     .means =
         "In place of a rate: raised when no event came for so long, after at least `min_volume` in as long a time "
         "before."},
    {"event", KEY_CHOICE, 0, FIELD(struct rule_form, event), .choice = choice_of_event, .shown_default = "`any`",
     .means =
         "With silence: the type of event that is missed. Of one other than `send` it is missed only while mail is "
         "sent."},
    {"new_reason", KEY_SHARE, 0, FIELD(struct rule_form, new_reason),
     .means = "In place of a rate: raised when this share of the mail to a provider, or more, bounced for one reason "
              "([reasons](reasons.md)), and that is new."},
    {"grown_by", KEY_FACTOR, 0, FIELD(struct rule_form, grown_by), .shown_default = "`3`",
     .means = "With new_reason: how many times the share of the week before it must be to be new."},
    {"quota_used", KEY_SHARE, 0, FIELD(struct rule_form, quota_used),
     .means =
         "In place of a rate: raised when this share of the account's sending quota (the section `quota`) is used, "
         "or more."},
    {"quota", KEY_CHOICE, 0, FIELD(struct rule_form, quota), .fallback = "day", .choice = choice_of_quota,
     .means = "With quota_used: the sends of 24 hours, or those of a minute as sends a second."},
    {"confidence", KEY_SHARE, 0, FIELD(struct rule_form, confidence), .fallback = "95%", .word = "off",
     .means = "Of a rate or a new reason: how sure it must be that the true share has reached the threshold, 50% to "
              "99.99%: the bound of the Wilson interval, one-sided, must pass it, so that five bounces of fifty are no "
              "incident. `off`: the share as it is."},
    {"min_volume", KEY_NUMBER, 0, FIELD(struct rule_form, min_volume), .max = 1000000000000,
     .shown_default = "`200`; changed_by: `500`; dropped_to, silence: `1000`; new_reason: `20`",
     .means = "What the rate is divided by must be at least this; smaller numbers say too little. Of dropped_to: the "
              "sends of each week before. Of new_reason: the bounces."},
    {"for", KEY_DURATION, 0, FIELD(struct rule_form, for_ms), .max = 7 * DAY,
     .shown_default = "`5m`; changed_by: `15m`; new_reason: `10m`; last_sends, dropped_to, silence, quota_used: `0s`",
     .means = "How long it must hold before it is raised: whole minutes."},
    {"keep_firing_for", KEY_DURATION, 0, FIELD(struct rule_form, keep_ms), .max = 7 * DAY,
     .shown_default = "`10m`; changed_by: `30m`; new_reason: `1h`; dropped_to, silence: `0s`",
     .means = "How long it must be clear before it ends: whole minutes."},
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

/* --- a rule ------------------------------------------------------------------------------------------------------- */

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
    struct rule_form form = rule_form_empty();
    bind_defaults(&rule_section, &form);
    if (!bind_section(b, &rule_section, &form, entry) || !rule_form_check(b, entry, &form)) {
        bind_free(&rule_section, &form);
        return false;
    }
    c->rules = alloc_resize(c->rules, c->rule_count + 1, sizeof *c->rules);
    rule_form_take(&form, entry, &c->rules[c->rule_count++]);
    return check_name(b, c, entry);
}

/* --- all rules together ------------------------------------------------------------------------------------------- */

static const char *copy(const char *text) {
    return alloc_string(text, strlen(text));
}

static void add_default(struct config *c, const struct alert_rule *rule, size_t given) {
    for (size_t i = 0; i < given; i++)
        if (same_rule(rule, &c->rules[i]))
            return;
    c->rules = alloc_resize(c->rules, c->rule_count + 1, sizeof *c->rules);
    struct alert_rule *r = &c->rules[c->rule_count++];
    *r = *rule;
    r->name = copy(rule->name);
    r->severity = copy(rule->severity);
    r->summary = copy(rule->summary);
    r->window_name = copy(rule->window_name);
}

const struct alert_rule *config_quota_rules(size_t *count) {
    static const struct alert_rule rules[] = {
        {.name = "QuotaNearlyUsed",
         .severity = "warning",
         .summary = "Most of what may be sent in 24 hours is sent; SES refuses what comes beyond the quota",
         .kind = ALERT_QUOTA_DAY,
         .scopes = 1u << SCOPE_ACCOUNT,
         .window = 24 * 60,
         .window_name = "24h",
         .event = EVENT_TYPES,
         .threshold = 0.8,
         .clear = 0.76,
         .keep_firing_minutes = 10},
        {.name = "QuotaNearlyUsed",
         .severity = "critical",
         .summary = "Nearly all of what may be sent in 24 hours is sent; SES refuses what comes beyond the quota",
         .kind = ALERT_QUOTA_DAY,
         .scopes = 1u << SCOPE_ACCOUNT,
         .window = 24 * 60,
         .window_name = "24h",
         .event = EVENT_TYPES,
         .threshold = 0.95,
         .clear = 0.9,
         .keep_firing_minutes = 10},
    };
    *count = sizeof rules / sizeof rules[0];
    return rules;
}

/* The defaults that no rule takes the place of, then the rules. */
static void add_defaults(struct config *c) {
    size_t count, given = c->rule_count, quotas;
    const struct alert_rule *rules = alert_default_rules(&count), *quota_rules = config_quota_rules(&quotas);
    for (size_t i = 0; i < count; i++)
        add_default(c, &rules[i], given);
    for (size_t i = 0; c->quota_per_day && i < quotas; i++)
        add_default(c, &quota_rules[i], given);
    struct alert_rule *all = alloc_zeroed(c->rule_count, sizeof *all);
    size_t added = c->rule_count - given;
    memcpy(all, c->rules + given, added * sizeof *all);
    if (given)
        memcpy(all + added, c->rules, given * sizeof *all);
    free(c->rules);
    c->rules = all;
}

/* Rules that keep sums of their own of that length. */
static bool has_window(const struct alert_rule *r) {
    return r->window && r->kind != ALERT_SILENCE && r->kind != ALERT_DROP;
}

static bool check_windows(struct binder *b, const struct config *c, const struct node *entry, size_t first_given) {
    int windows[MAX_RULE_WINDOWS], count = 0;
    for (size_t i = 0; i < c->rule_count; i++) {
        const struct alert_rule *r = &c->rules[i];
        int at = 0;
        while (at < count && windows[at] != r->window)
            at++;
        if (has_window(r) && at == MAX_RULE_WINDOWS)
            return bind_error(b, bind_place(entry, "window"),
                              "window: the ninth of different length; all rules of rates together, the default ones "
                              "too, may have eight");
        if (has_window(r) && at == count)
            windows[count++] = r->window;
        if (i >= first_given) {
            assert(entry);
            entry = entry->next;
        }
    }
    return true;
}

static bool check_quotas(struct binder *b, const struct config *c, const struct node *entry, size_t first_given) {
    for (size_t i = first_given; i < c->rule_count; i++, entry = entry->next) {
        const struct alert_rule *r = &c->rules[i];
        assert(entry);
        bool day = r->kind == ALERT_QUOTA_DAY;
        if (r->quota > 0 || (!day && r->kind != ALERT_QUOTA_SECOND))
            continue;
        return bind_error_at_key(b, tree_get(entry, "quota_used"),
                                 "quota_used: of which quota? Write quota: {%s} into the file, beside alerts",
                                 day ? "per_day: 50000" : "per_second: 14");
    }
    return true;
}

bool finish_rules(struct binder *b, struct config *c, const struct node *root) {
    const struct node *list = tree_get(tree_get(root, "alerts"), "rules"), *first = list ? list->first : NULL;
    size_t given = c->rule_count;
    if (c->default_rules)
        add_defaults(c);
    for (size_t i = 0; i < c->rule_count; i++)
        rule_form_finish(&c->rules[i], c);
    return check_quotas(b, c, first, c->rule_count - given) && check_windows(b, c, first, c->rule_count - given);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void show_rule(struct writer *w, const struct alert_rule *r) {
    struct rule_form f = rule_form_of(r);
    enum form_kind kind = rule_form_kind_of(r);
    w->terse = true; /* what is of the other kinds of rules is no news here */
    for (size_t i = 0; i < rule_section.count; i++)
        if (rule_form_has(kind, rule_section.keys[i].name) &&
            (r->brake.on || rule_section.keys[i].section != &brake_section_of_rule))
            write_key(w, &rule_section.keys[i], &f);
    w->terse = false;
    free(f.annotations);
}

void show_rules(struct writer *w, const void *base) {
    const struct config *c = base;
    if (!c->rule_count || c->normalize.topic) /* a worker's file: it may not have any */
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
