/* What this program knows of replies by itself: tables, read in order. docs/reasons.md shows them. */
#ifndef PARSERS_BOUNCE_RULES_BUILTIN_H
#define PARSERS_BOUNCE_RULES_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

#include "model/bounce_reason.h"

enum { BOUNCE_RULE_PHRASES = 4 };

/* All that is given must fit. Every row has an example of which the test demands that this row decides it. */
struct bounce_rule_builtin {
    enum bounce_reason reason;
    const char *in;                           /* only at these providers, separated by blanks; NULL: anywhere */
    const char *phrases[BOUNCE_RULE_PHRASES]; /* as smtp_reply_join makes the text: one line, single blanks */
    const char *code, *reply;                 /* patterns (bounce_rules_internal.h); NULL: any */
    bool guess;                               /* nobody has written down what it means: we think so */
    const char *example;
};
struct bounce_rule_list {
    const struct bounce_rule_builtin *rows;
    size_t count;
};

extern const struct bounce_rule_list bounce_rules_providers; /* what one provider, gateway or list says */
extern const struct bounce_rule_list bounce_rules_usual;     /* what many servers say */
extern const struct bounce_rule_list bounce_rules_vague;     /* what counts only where no code tells more */

/* A code that tells by itself; the first pattern that fits. */
struct bounce_code_builtin {
    enum bounce_reason reason;
    const char *pattern;
    bool guess;
    const char *means;
};
struct bounce_code_list {
    const struct bounce_code_builtin *rows;
    size_t count;
};

extern const struct bounce_code_list bounce_rules_codes;   /* enhanced codes */
extern const struct bounce_code_list bounce_rules_replies; /* replies of three digits */

#endif
