/* What becomes of a message: its records, with the time of each. */
#ifndef SIMULATE_TIMELINE_H
#define SIMULATE_TIMELINE_H

#include "simulate/incident.h"
#include "simulate/message.h"
#include "simulate/pending.h"

/* Details of pending events. */
enum bounce_kind {
    BOUNCE_NO_SUCH_USER,
    BOUNCE_MAILBOX_FULL,
    BOUNCE_BLOCKED,
    BOUNCE_BLOCKED_NOW,
    BOUNCE_CONTENT,
    BOUNCE_ATTACHMENT,
    BOUNCE_TOO_LARGE,
    BOUNCE_EXPIRED,
    BOUNCE_TIMEOUT_EXCEEDED,
    BOUNCE_SUPPRESSED,         /* SES's own list */
    BOUNCE_ACCOUNT_SUPPRESSED, /* the account's list */
    BOUNCE_OUT_OF_OFFICE,
    BOUNCE_UNCLEAR,
    BOUNCE_INVALID_DOMAIN,
    BOUNCE_NEW_SUBTYPE, /* a subtype that nobody has heard of */
    BOUNCE_KINDS
};
enum delay_cause { DELAYED_BY_RATE, DELAYED_BY_FULL_MAILBOX, DELAYED_BY_SERVER, DELAYED_BY_OUTAGE, DELAYED_NEW_TYPE };
enum complaint_cause { COMPLAINT_REPORT, COMPLAINT_BARE, COMPLAINT_SUPPRESSED, COMPLAINT_NOT_SPAM, COMPLAINT_NEW_TYPE };
enum agent { AGENT_PERSON, AGENT_GMAIL, AGENT_YAHOO, AGENT_APPLE, AGENT_GATEWAY, AGENT_MICROSOFT, AGENT_GMAIL_SCAN };
/* Opens and clicks: the agent, and the number of the link times 8. */
static inline uint32_t visit_detail(uint32_t agent, uint32_t link) {
    return agent | link << 3;
}

enum { TIMELINE_MAX = 160, EXPIRES_MS = 840 * 60000 };

struct timeline {
    uint32_t count;
    struct pending events[TIMELINE_MAX]; /* in no order; without arrival */
};

/* No two events of a message are the same happening: opens and clicks are at least a millisecond apart. */
void timeline_make(const struct catalog *c, const struct incidents *incidents, const struct message *m,
                   struct timeline *t);

#endif
