/* What the parts of bounce_rules share; its test looks in here too. */
#ifndef PARSERS_BOUNCE_RULES_INTERNAL_H
#define PARSERS_BOUNCE_RULES_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/phrases.h"
#include "parsers/bounce_rules.h"
#include "parsers/bounce_rules_builtin.h"
#include "parsers/smtp_reply.h"

/* Which enhanced codes: `5.7.1`, `x.7.1` (any class), `5.5.*` (any detail), `5.7.606-649`. */
struct code_pattern {
    uint8_t class; /* 0: any */
    uint16_t subject, from, to;
};
bool code_pattern_parse(struct span text, struct code_pattern *p);
bool code_pattern_fits(const struct code_pattern *p, const struct smtp_status *s);

/* Which replies: `550`, `55x`, `5xx`, `500-504`. */
struct reply_pattern {
    uint16_t from, to;
};
bool reply_pattern_parse(struct span text, struct reply_pattern *p);

enum {
    BOUNCE_FILE_MAX = 64 << 10,     /* bytes; every byte of a phrase may become a state of the search */
    BOUNCE_FILE_RULES_MAX = 1000,   /* rules of a file, ... */
    BOUNCE_FILE_PHRASES_MAX = 3000, /* ... and their phrases; the others are for the built-in rules */
    BOUNCE_RULE_PROVIDERS_MAX = 4,  /* of one rule */
};

/* A rule as it is looked for. */
struct bounce_rule {
    enum bounce_reason reason;
    bool has_code, has_reply;
    uint8_t provider_count, phrase_count;
    uint16_t providers[BOUNCE_RULE_PROVIDERS_MAX]; /* one of them; none: anywhere */
    uint16_t phrases[BOUNCE_RULE_PHRASES];         /* all of them */
    struct code_pattern code;
    struct reply_pattern reply;
    uint32_t next_same; /* the next rule with the same first phrase, + 1; 0: none */
};

/* Adds a phrase to a rule. False when it is too long, or too many. */
bool bounce_rule_add_phrase(struct bounce_rule *rule, struct phrases *phrases, struct span phrase);
/* PROVIDER_OTHER: there is none of that name. */
uint16_t bounce_rule_provider(const struct provider_table *providers, struct span name);

/* Calls `put` for each rule of a text in the form of docs/reasons.md. False with a text that names `path`, line and
 * column. */
typedef void bounce_rule_put(void *context, const struct bounce_rule *rule);
bool bounce_rules_read(struct span text, const char *path, const struct provider_table *providers,
                       struct phrases *phrases, bounce_rule_put *put, void *context, struct err *err);
/* The same of a file. */
bool bounce_rules_load(const char *path, const struct provider_table *providers, struct phrases *phrases,
                       bounce_rule_put *put, void *context, struct err *err);

/* What decided. */
enum bounce_step {
    STEP_SUPPRESSED, /* SES's own lists */
    STEP_OPERATOR,
    STEP_SUBTYPE,
    STEP_PROVIDER_TEXT,
    STEP_USUAL_TEXT,
    STEP_CODE,
    STEP_STATUS,
    STEP_VAGUE_TEXT,
    STEP_REPLY,
    STEP_TYPE,
};
struct bounce_decision {
    enum bounce_reason reason;
    enum bounce_step step;
    size_t row; /* of the step's table */
};
struct bounce_decision bounce_rules_decide(const struct bounce_rules *r, const struct bounce_facts *facts);

#endif
