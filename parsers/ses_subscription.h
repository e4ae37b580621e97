/* What a Subscription event changed: its new topic preferences held against the old ones. */
#ifndef PARSERS_SES_SUBSCRIPTION_H
#define PARSERS_SES_SUBSCRIPTION_H

#include "core/span.h"
#include "model/event.h"
#include "parsers/json_index.h"
#include "parsers/ses_event.h"

/* Both are raw JSON inside the text of `ix`, or empty. The rule is that of docs/counting.md, "Rates". */
enum subscription_change ses_subscription_change(struct ses_parser *p, const struct json_index *ix,
                                                 struct span new_preferences, struct span old_preferences);

#endif
