#include "parsers/bounce_rules_builtin.h"

/* Words that mean something only where neither the text nor the field `status` has a code that tells more. `spam` has a
 * blank or a bracket beside it, since it also stands in names of servers: mx.antispamcloud.com. */
static const struct bounce_rule_builtin rows[] = {
    /* An answer of a machine on a person's behalf. */
    {REASON_AUTOREPLY, .phrases = {"out of office"}, .example = "Out of office: back on Monday"},
    {REASON_AUTOREPLY, .phrases = {"autoreply"}, .example = "smtp; Autoreply: I am away"},
    {REASON_AUTOREPLY, .phrases = {"automatic reply"}, .example = "Automatic reply: on holiday"},
    {REASON_AUTOREPLY, .phrases = {"vacation"}, .example = "I am on vacation until Monday"},
    /* The rest. */
    {REASON_INVALID_RECIPIENT, .phrases = {"mailbox unavailable"}, .guess = true,
     .example = "smtp; 550 Requested action not taken: mailbox unavailable"},
    {REASON_INVALID_RECIPIENT, .phrases = {"recipient rejected"}, .guess = true,
     .example = "smtp; 550 recipient rejected"},
    {REASON_INVALID_RECIPIENT, .phrases = {"recipient address rejected"}, .guess = true,
     .example = "smtp; 550 5.0.0 <anna@example.com>: Recipient address rejected"},
    {REASON_INVALID_RECIPIENT, .phrases = {"address rejected"}, .guess = true, .example = "smtp; 550 address rejected"},
    {REASON_EXPIRED, .phrases = {"message expired"},
     .example = "smtp; 554 Message expired: unable to deliver in 840 minutes."},
    {REASON_EXPIRED, .phrases = {"delivery time expired"}, .example = "smtp; Delivery time expired"},
    {REASON_EXPIRED, .phrases = {"unable to deliver in"}, .example = "smtp; 554 unable to deliver in 840 minutes."},
    {REASON_RATE_LIMITED, .phrases = {"try again later"}, .reply = "4xx", .guess = true,
     .example = "smtp; 451 Please try again later"},
    {REASON_RATE_LIMITED, .phrases = {"try later"}, .reply = "4xx", .guess = true, .example = "smtp; 450 try later"},
    {REASON_RATE_LIMITED, .phrases = {"temporarily deferred"}, .reply = "4xx", .guess = true,
     .example = "smtp; 450 Message temporarily deferred"},
    {REASON_NETWORK, .phrases = {"timed out"}, .guess = true, .example = "smtp; the session timed out"},
    {REASON_NETWORK, .phrases = {"timeout"}, .guess = true, .example = "smtp; 451 Timeout - closing connection"},
    {REASON_POLICY, .phrases = {"access denied"}, .guess = true, .example = "smtp; 550 Access denied"},
    {REASON_POLICY, .phrases = {"not authorized"}, .guess = true, .example = "smtp; 550 not authorized"},
    {REASON_POLICY, .phrases = {"client host rejected"}, .guess = true,
     .example = "smtp; 554 Client host rejected: refused"},
    {REASON_SPAM_CONTENT, .phrases = {" spam"}, .example = "smtp; 554 rejected as spam"},
    {REASON_SPAM_CONTENT, .phrases = {"spam "}, .example = "smtp; 554 rejected by the antispam filter"},
    {REASON_SPAM_CONTENT, .phrases = {"(spam"}, .example = "smtp; 554 rejected (spam)"},
    {REASON_SPAM_CONTENT, .phrases = {"[spam"}, .example = "smtp; 554 rejected [SPAM]"},
    {REASON_POLICY, .phrases = {"blocked"}, .guess = true, .example = "smtp; 550 blocked"},
    {REASON_POLICY, .phrases = {"policy"}, .guess = true, .example = "smtp; 550 this is against our policy"},
    {REASON_PROTOCOL, .phrases = {"syntax error"}, .example = "smtp; 555 syntax error in parameters"},
    {REASON_PROTOCOL, .phrases = {"bad sequence of commands"}, .example = "smtp; 503 bad sequence of commands"},
    {REASON_PROTOCOL, .phrases = {"protocol error"}, .example = "smtp; 554 SMTP protocol error"},
};

const struct bounce_rule_list bounce_rules_vague = {rows, sizeof rows / sizeof *rows};
