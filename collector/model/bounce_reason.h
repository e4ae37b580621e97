/* Why a message bounced or was delayed: our classes, the label `reason`. Which text or code means which is
 * parsers/bounce_rules; docs/reasons.md says what to do about each. */
#ifndef MODEL_BOUNCE_REASON_H
#define MODEL_BOUNCE_REASON_H

#include <stdbool.h>

enum bounce_reason {
    REASON_UNDETERMINED, /* nothing says why */
    REASON_INVALID_RECIPIENT,
    REASON_BAD_DOMAIN,
    REASON_INACTIVE_MAILBOX,
    REASON_MAILBOX_FULL,
    REASON_TOO_LARGE,
    REASON_SENDER_INVALID,
    REASON_AUTH_FAILED,
    REASON_PTR,
    REASON_REPUTATION_BLOCK,
    REASON_SPAM_CONTENT,
    REASON_POLICY,
    REASON_RATE_LIMITED,
    REASON_RELAY_DENIED,
    REASON_NETWORK,
    REASON_DNS,
    REASON_ROUTING,
    REASON_EXPIRED,
    REASON_PROTOCOL,
    REASON_CONTENT,
    REASON_SUPPRESSED, /* SES did not even try */
    REASON_AUTOREPLY,
    REASONS
};

const char *bounce_reason_name(enum bounce_reason r);    /* the label: "reputation_block" */
const char *bounce_reason_meaning(enum bounce_reason r); /* a sentence for a person */
bool bounce_reason_parse(const char *name, enum bounce_reason *r);

#endif
