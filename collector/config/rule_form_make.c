/* From the form of a rule to the rule, and back. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/rule_form.h"
#include "config/words.h"
#include "core/alloc.h"

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)

#define USUAL_SCOPES (1u << SCOPE_ACCOUNT | 1u << SCOPE_PROVIDER | 1u << SCOPE_CONFIGURATION_SET)

/* What a kind has where nothing is said. */
static const struct {
    unsigned by;
    int64_t window_ms, for_ms, keep_ms;
    uint64_t min_volume;
} usual[FORM_KINDS] = {
    [FORM_ABOVE] = {USUAL_SCOPES, HOUR, 5 * MINUTE, 10 * MINUTE, 200},
    [FORM_BELOW] = {USUAL_SCOPES, HOUR, 5 * MINUTE, 10 * MINUTE, 200},
    [FORM_SILENCE] = {1u << SCOPE_ACCOUNT, 0, 0, 0, 1000},
    [FORM_CHANGE] = {USUAL_SCOPES, 6 * HOUR, 15 * MINUTE, 30 * MINUTE, 500},
    [FORM_DROP] = {1u << SCOPE_ACCOUNT, 3 * HOUR, 0, 0, 1000},
    [FORM_NEW_REASON] = {1u << SCOPE_PROVIDER, 6 * HOUR, 10 * MINUTE, 60 * MINUTE, 20},
    [FORM_QUOTA] = {1u << SCOPE_ACCOUNT, 0, 0, 10 * MINUTE, 0},
};

struct rule_form rule_form_empty(void) {
    return (struct rule_form){.above = -1,
                              .below = -1,
                              .clear_below = -1,
                              .clear_above = -1,
                              .changed_by = -1,
                              .dropped_to = -1,
                              .new_reason = -1,
                              .grown_by = -1,
                              .quota_used = -1,
                              .event = EVENT_TYPES,
                              .window_ms = -1,
                              .silence_ms = -1,
                              .for_ms = -1,
                              .keep_ms = -1};
}

/* --- to the rule -------------------------------------------------------------------------------------------------- */

/* As a person would have written it: 0.064, and not the double beside it. */
static double rounded(double share) {
    char text[SHARE_SIZE];
    snprintf(text, sizeof text, "%.12f", share);
    double round;
    return share_parse(text, &round) && round > 0 ? round : share;
}

static void fill_in(struct rule_form *f, const struct node *entry, enum form_kind kind) {
    if (!f->by)
        f->by = usual[kind].by;
    if (!tree_get(entry, "min_volume"))
        f->min_volume = usual[kind].min_volume;
    if (f->window_ms < 0)
        f->window_ms = usual[kind].window_ms;
    if (kind == FORM_SILENCE)
        f->window_ms = f->silence_ms;
    else if (kind == FORM_QUOTA)
        f->window_ms = f->quota ? MINUTE : 24 * HOUR;
    else if (f->window_ms == 0)
        f->basis = BASIS_SENT;
    if (f->for_ms < 0)
        f->for_ms = f->window_ms ? usual[kind].for_ms : 0; /* the last sends are looked at by the hour */
    if (f->keep_ms < 0)
        f->keep_ms = usual[kind].keep_ms;
    if (f->grown_by < 0)
        f->grown_by = 3;
    if (!rule_form_has(kind, "confidence"))
        f->confidence = 0;
}

/* Kind, threshold, clear and factor. */
static void set_numbers(const struct rule_form *f, enum form_kind kind, struct alert_rule *r) {
    double above = f->above < 0 ? 0 : f->above;
    switch (kind) {
    case FORM_ABOVE:
    case FORM_CHANGE:
        r->kind = kind == FORM_ABOVE ? ALERT_RATE_ABOVE : ALERT_CHANGE;
        r->threshold = above;
        r->clear = f->clear_below >= 0 ? f->clear_below : rounded(above * 0.8);
        r->factor = kind == FORM_CHANGE ? f->changed_by : 0;
        return;
    case FORM_BELOW:
        r->kind = ALERT_RATE_BELOW;
        r->threshold = f->below;
        r->clear = f->clear_above >= 0 ? f->clear_above : rounded(f->below + (1 - f->below) * 0.2);
        return;
    case FORM_SILENCE:
        r->kind = ALERT_SILENCE;
        return;
    case FORM_DROP:
        r->kind = ALERT_DROP;
        r->factor = f->dropped_to;
        r->clear = f->clear_above >= 0 ? f->clear_above : rounded(f->dropped_to + (1 - f->dropped_to) * 0.2);
        return;
    case FORM_NEW_REASON:
        r->kind = ALERT_NEW_REASON;
        r->threshold = f->new_reason;
        r->clear = f->clear_below >= 0 ? f->clear_below : rounded(f->new_reason * 0.8);
        r->factor = f->grown_by;
        return;
    default:
        assert(kind == FORM_QUOTA);
        r->kind = f->quota ? ALERT_QUOTA_SECOND : ALERT_QUOTA_DAY;
        r->threshold = f->quota_used;
        r->clear = f->clear_below >= 0 ? f->clear_below : rounded(f->quota_used * 0.95);
    }
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

static void take_pairs(struct rule_form *f, struct alert_rule *r) {
    take_summary(f, r);
    if (f->label_count)
        qsort(f->labels, f->label_count, sizeof *f->labels, by_name);
    if (f->annotation_count)
        qsort(f->annotations, f->annotation_count, sizeof *f->annotations, by_name);
    r->labels = (const struct label_pair *)f->labels;
    r->label_count = f->label_count;
    r->annotations = (const struct label_pair *)f->annotations;
    r->annotation_count = f->annotation_count;
}

void rule_form_take(struct rule_form *f, const struct node *entry, struct alert_rule *r) {
    enum form_kind kind = rule_form_kind(entry);
    char window[DURATION_SIZE];
    fill_in(f, entry, kind);
    duration_format(f->window_ms, window);
    *r = (struct alert_rule){
        .name = f->name,
        .severity = f->severity,
        .rate = rule_form_has(kind, "rate") ? f->rate : 0,
        .basis = f->basis,
        .scopes = f->by,
        .window = (int)(f->window_ms / MINUTE),
        .window_name = f->window_ms ? alloc_string(window, strlen(window)) : NULL,
        .event = f->event,
        .confidence = f->confidence,
        .min_volume = f->min_volume,
        .for_minutes = (int)(f->for_ms / MINUTE),
        .keep_firing_minutes = (int)(f->keep_ms / MINUTE),
        .brake = f->brake,
    };
    set_numbers(f, kind, r);
    take_pairs(f, r);
}

/* --- when all was read -------------------------------------------------------------------------------------------- */

static void say_rate(const struct alert_rule *r, char *text, size_t size) {
    char share[SHARE_SIZE], factor[SHARE_SIZE], of[80];
    share_format(r->threshold, share);
    factor_format(r->factor, factor);
    if (!r->window)
        snprintf(of, sizeof of, "of the last %" PRIu64 " sends", r->last_sends);
    else
        snprintf(of, sizeof of, r->basis == BASIS_SENT ? "of the mail sent in %s" : "over %s", r->window_name);
    if (r->kind == ALERT_CHANGE)
        snprintf(text, size, "The %s rate %s is %s times that of the same hours of the weeks before, or more",
                 rate_name(r->rate), of, factor);
    else
        snprintf(text, size, "The %s rate %s is %s or %s", rate_name(r->rate), of, share,
                 r->kind == ALERT_RATE_BELOW ? "less" : "more");
}

static char *usual_summary(const struct alert_rule *r) {
    char text[300], share[SHARE_SIZE];
    switch (r->kind) {
    case ALERT_SILENCE:
        if (r->event == EVENT_TYPES)
            snprintf(text, sizeof text, "No event of any type came for %s", r->window_name);
        else
            snprintf(text, sizeof text, "No event of the type %s came for %s",
                     event_type_name((enum event_type)r->event), r->window_name);
        break;
    case ALERT_DROP:
        share_format(r->factor, share);
        snprintf(text, sizeof text,
                 "Sends within %s fell to %s of those of the same hours of the weeks before, or less", r->window_name,
                 share);
        break;
    case ALERT_NEW_REASON:
        share_format(r->threshold, share);
        snprintf(text, sizeof text,
                 "A reason for bounces that is new at a provider reached %s of the mail to it over %s", share,
                 r->window_name);
        break;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        share_format(r->threshold, share);
        snprintf(text, sizeof text, "%s or more of the sending quota of a %s are used", share,
                 r->kind == ALERT_QUOTA_DAY ? "day" : "second");
        break;
    default:
        say_rate(r, text, sizeof text);
    }
    return alloc_string(text, strlen(text));
}

void rule_form_finish(struct alert_rule *r, const struct config *c) {
    if (!r->window) {
        char name[WINDOW_NAME_SIZE];
        int len = snprintf(name, sizeof name, "last_%" PRIu64, c->last_sends);
        free((char *)r->window_name);
        r->window_name = alloc_string(name, (size_t)len);
        r->last_sends = c->last_sends;
    }
    if (r->kind == ALERT_QUOTA_DAY || r->kind == ALERT_QUOTA_SECOND)
        r->quota = (double)(r->kind == ALERT_QUOTA_DAY ? c->quota_per_day : c->quota_per_second);
    if (!r->summary)
        r->summary = usual_summary(r);
}

/* --- back --------------------------------------------------------------------------------------------------------- */

static void numbers_back(const struct alert_rule *r, enum form_kind kind, struct rule_form *f) {
    switch (kind) {
    case FORM_ABOVE:
    case FORM_CHANGE:
        f->above = r->threshold > 0 ? r->threshold : -1;
        f->clear_below = r->threshold > 0 ? r->clear : -1;
        f->changed_by = kind == FORM_CHANGE ? r->factor : -1;
        return;
    case FORM_BELOW:
        f->below = r->threshold;
        f->clear_above = r->clear;
        return;
    case FORM_SILENCE:
        f->silence_ms = r->window * MINUTE;
        return;
    case FORM_DROP:
        f->dropped_to = r->factor;
        f->clear_above = r->clear;
        return;
    case FORM_NEW_REASON:
        f->new_reason = r->threshold;
        f->clear_below = r->clear;
        f->grown_by = r->factor;
        return;
    default:
        assert(kind == FORM_QUOTA);
        f->quota_used = r->threshold;
        f->clear_below = r->clear;
        f->quota = r->kind == ALERT_QUOTA_SECOND;
    }
}

struct rule_form rule_form_of(const struct alert_rule *r) {
    static char summary[] = "summary";
    struct rule_form f = rule_form_empty();
    enum form_kind kind = rule_form_kind_of(r);
    f.name = (char *)r->name;
    f.severity = (char *)r->severity;
    f.rate = r->rate;
    f.basis = r->basis;
    f.by = r->scopes;
    f.event = r->event;
    f.confidence = r->confidence;
    f.window_ms = r->window * MINUTE;
    numbers_back(r, kind, &f);
    f.min_volume = r->min_volume;
    f.for_ms = r->for_minutes * MINUTE;
    f.keep_ms = r->keep_firing_minutes * MINUTE;
    f.brake = r->brake;
    f.labels = (struct pair *)r->labels;
    f.label_count = r->label_count;
    f.annotation_count = r->annotation_count + 1;
    f.annotations = alloc_zeroed(f.annotation_count, sizeof *f.annotations);
    f.annotations[0] = (struct pair){summary, (char *)r->summary};
    if (r->annotation_count)
        memcpy(f.annotations + 1, r->annotations, r->annotation_count * sizeof *f.annotations);
    return f;
}
