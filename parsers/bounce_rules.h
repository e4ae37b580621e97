/* From what a bounce or a delay says to why it happened (model/bounce_reason.h). In this order: the subtypes of SES's
 * own lists, the operator's rules, the subtype where it is specific, the text, the enhanced code in the text, the field
 * `status`, weak words, the reply code, the bounce type. */
#ifndef PARSERS_BOUNCE_RULES_H
#define PARSERS_BOUNCE_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/bounce_reason.h"
#include "model/event.h"
#include "model/provider.h"

/* What an event says of one recipient. */
struct bounce_facts {
    enum event_type type;         /* EVENT_BOUNCE or EVENT_DELIVERY_DELAY */
    enum bounce_type bounce_type; /* bounce */
    enum bounce_subtype bounce_subtype;
    enum delay_type delay_type; /* delay */
    uint16_t provider;          /* of the recipient, or whose its server is by its text */
    struct span diagnostic, status, action;
};

struct bounce_rules;

/* The built-in rules, and those of a file (NULL: none), which come first. Returns new; NULL with a text that names
 * file, line and column. The providers are borrowed while it is made. Form of the file: docs/reasons.md. */
struct bounce_rules *bounce_rules_create(const char *path, const struct provider_table *providers, struct err *err);
void bounce_rules_destroy(struct bounce_rules *r); /* NULL is allowed */

enum bounce_reason bounce_rules_find(const struct bounce_rules *r, const struct bounce_facts *facts);

#endif
