#include "model/bounce_reason.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *meaning;
} reasons[REASONS] = {
    [REASON_UNDETERMINED] = {"undetermined", "Nothing in the event says why."},
    [REASON_INVALID_RECIPIENT] = {"invalid_recipient", "There is no such mailbox."},
    [REASON_BAD_DOMAIN] = {"bad_domain", "The domain takes no mail, or does not exist."},
    [REASON_INACTIVE_MAILBOX] = {"inactive_mailbox", "The mailbox exists, but is closed or not used any more."},
    [REASON_MAILBOX_FULL] = {"mailbox_full", "The mailbox is full."},
    [REASON_TOO_LARGE] = {"too_large", "The message is too large for the mailbox or its server."},
    [REASON_SENDER_INVALID] = {"sender_invalid", "The sender's address or domain was refused."},
    [REASON_AUTH_FAILED] = {"auth_failed", "SPF, DKIM or DMARC did not pass, or was missing."},
    [REASON_PTR] = {"ptr", "The sending address has no name in the DNS that fits."},
    [REASON_REPUTATION_BLOCK] = {"reputation_block",
                                 "The sending address or domain is on a list, or has a bad name there."},
    [REASON_SPAM_CONTENT] = {"spam_content", "The content was taken for spam."},
    [REASON_POLICY] = {"policy", "The receiver's policy forbids it."},
    [REASON_RATE_LIMITED] = {"rate_limited", "Too many messages in a short time."},
    [REASON_RELAY_DENIED] = {"relay_denied", "The server does not take mail for that domain."},
    [REASON_NETWORK] = {"network", "The receiving server could not be reached."},
    [REASON_DNS] = {"dns", "The DNS gave no answer."},
    [REASON_ROUTING] = {"routing", "Mail servers send the message to each other, or nowhere."},
    [REASON_EXPIRED] = {"expired", "It could not be delivered in the time that was allowed."},
    [REASON_PROTOCOL] = {"protocol", "The servers did not understand each other."},
    [REASON_CONTENT] = {"content", "The form of the message cannot be taken: a type, an encoding, an attachment."},
    [REASON_SUPPRESSED] = {"suppressed", "A suppression list held it back: nothing was sent."},
    [REASON_AUTOREPLY] = {"autoreply", "An automatic answer, such as out of office: it was delivered."},
};

const char *bounce_reason_name(enum bounce_reason r) {
    assert((size_t)r < REASONS);
    return reasons[r].name;
}

const char *bounce_reason_meaning(enum bounce_reason r) {
    assert((size_t)r < REASONS);
    return reasons[r].meaning;
}

bool bounce_reason_parse(const char *name, enum bounce_reason *r) {
    for (int i = 0; i < REASONS; i++) {
        if (strcmp(reasons[i].name, name) == 0) {
            *r = (enum bounce_reason)i;
            return true;
        }
    }
    return false;
}
