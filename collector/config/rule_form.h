/* A rule as it is written in a configuration file, and what becomes of it. */
#ifndef CONFIG_RULE_FORM_H
#define CONFIG_RULE_FORM_H

#include "config/binder.h"
#include "config/config.h"

/* Durations, shares and factors below 0 are not given; a window of 0 is the last sends. */
struct rule_form {
    char *name, *severity, *summary;
    enum rate rate;
    enum basis basis;
    unsigned by;
    double above, below, clear_below, clear_above;
    double changed_by, dropped_to, new_reason, grown_by, quota_used, confidence;
    unsigned quota; /* 0: of a day, 1: of a second */
    int event;      /* enum event_type; EVENT_TYPES: any */
    int64_t window_ms, silence_ms, for_ms, keep_ms;
    uint64_t min_volume;
    struct alert_brake brake;
    struct pair {
        char *name, *value;
    } * labels, *annotations;
    size_t label_count, annotation_count;
};

/* How a rule says what it watches. */
enum form_kind {
    FORM_ABOVE,
    FORM_BELOW,
    FORM_SILENCE,
    FORM_CHANGE,
    FORM_DROP,
    FORM_NEW_REASON,
    FORM_QUOTA,
    FORM_KINDS
};

struct rule_form rule_form_empty(void);

/* The kind of an entry that rule_form_check found good. */
enum form_kind rule_form_kind(const struct node *entry);
enum form_kind rule_form_kind_of(const struct alert_rule *r);
/* Whether rules of that kind have the key. */
bool rule_form_has(enum form_kind kind, const char *key);

/* What no single key can tell. */
bool rule_form_check(struct binder *b, const struct node *entry, const struct rule_form *f);

/* Fills in what the kind has for what is not given, and takes what the form holds. Window names of the last sends and
 * summaries that nobody wrote wait for rule_form_finish. */
void rule_form_take(struct rule_form *f, const struct node *entry, struct alert_rule *r);
void rule_form_finish(struct alert_rule *r, const struct config *c);

/* The other way. The form borrows all but `annotations`, which are new. */
struct rule_form rule_form_of(const struct alert_rule *r);

#endif
