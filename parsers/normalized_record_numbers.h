/* The numbers of the compact form (docs/normalized-events.md has the same tables). They are for ever: what was written
 * with them lies in topics. A new value is appended with the next number; a value that goes leaves its number unused.
 * 0 is what a reader takes a number for that it does not know. */
#ifndef PARSERS_NORMALIZED_RECORD_NUMBERS_H
#define PARSERS_NORMALIZED_RECORD_NUMBERS_H

#include "model/bounce_reason.h"
#include "model/event.h"
#include "model/rate.h"

/* clang-format off */
#define NORMALIZED_TYPES(X)                                                                                            \
    X(0, EVENT_UNKNOWN) X(1, EVENT_SEND) X(2, EVENT_DELIVERY) X(3, EVENT_BOUNCE) X(4, EVENT_COMPLAINT)                 \
    X(5, EVENT_REJECT) X(6, EVENT_OPEN) X(7, EVENT_CLICK) X(8, EVENT_RENDERING_FAILURE) X(9, EVENT_DELIVERY_DELAY)     \
    X(10, EVENT_SUBSCRIPTION)

#define NORMALIZED_BOUNCE_TYPES(X)                                                                                     \
    X(0, BOUNCE_OTHER) X(1, BOUNCE_UNDETERMINED) X(2, BOUNCE_PERMANENT) X(3, BOUNCE_TRANSIENT)

#define NORMALIZED_BOUNCE_SUBTYPES(X)                                                                                  \
    X(0, SUBTYPE_OTHER) X(1, SUBTYPE_NONE) X(2, SUBTYPE_UNDETERMINED) X(3, SUBTYPE_GENERAL) X(4, SUBTYPE_NO_EMAIL)     \
    X(5, SUBTYPE_SUPPRESSED) X(6, SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST) X(7, SUBTYPE_ON_TENANT_SUPPRESSION_LIST)        \
    X(8, SUBTYPE_UNSUBSCRIBED_RECIPIENT) X(9, SUBTYPE_EMAIL_VALIDATION_SUPPRESSED) X(10, SUBTYPE_MAILBOX_FULL)         \
    X(11, SUBTYPE_MESSAGE_TOO_LARGE) X(12, SUBTYPE_CONTENT_REJECTED) X(13, SUBTYPE_ATTACHMENT_REJECTED)                \
    X(14, SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED)

#define NORMALIZED_FEEDBACK_TYPES(X)                                                                                   \
    X(0, FEEDBACK_OTHER) X(1, FEEDBACK_NONE) X(2, FEEDBACK_ABUSE) X(3, FEEDBACK_AUTH_FAILURE) X(4, FEEDBACK_FRAUD)     \
    X(5, FEEDBACK_NOT_SPAM) X(6, FEEDBACK_VIRUS) X(7, FEEDBACK_SUPPRESSED)

#define NORMALIZED_DELAY_TYPES(X)                                                                                      \
    X(0, DELAY_OTHER) X(1, DELAY_NONE) X(2, DELAY_INTERNAL_FAILURE) X(3, DELAY_GENERAL) X(4, DELAY_MAILBOX_FULL)       \
    X(5, DELAY_SPAM_DETECTED) X(6, DELAY_RECIPIENT_SERVER_ERROR) X(7, DELAY_IP_FAILURE)                                \
    X(8, DELAY_TRANSIENT_COMMUNICATION_FAILURE) X(9, DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE)                         \
    X(10, DELAY_UNDETERMINED) X(11, DELAY_SENDING_DEFERRAL)

#define NORMALIZED_REJECT_REASONS(X) X(0, REJECT_OTHER) X(1, REJECT_NONE) X(2, REJECT_BAD_CONTENT)

#define NORMALIZED_CHANGES(X) X(0, CHANGE_NONE) X(1, CHANGE_OPT_IN) X(2, CHANGE_OPT_OUT) X(3, CHANGE_UNSUBSCRIBE_ALL)

#define NORMALIZED_SOURCES(X)                                                                                          \
    X(0, SUBSCRIPTION_SOURCE_OTHER) X(1, SUBSCRIPTION_SOURCE_NONE) X(2, SUBSCRIPTION_SOURCE_UNSUBSCRIBE_HEADER)        \
    X(3, SUBSCRIPTION_SOURCE_PREFERENCES_PAGE)

#define NORMALIZED_VISITORS(X) X(0, VISITOR_HUMAN) X(1, VISITOR_PROXY) X(2, VISITOR_MACHINE)

#define NORMALIZED_REASONS(X)                                                                                          \
    X(0, REASON_UNDETERMINED) X(1, REASON_INVALID_RECIPIENT) X(2, REASON_BAD_DOMAIN) X(3, REASON_INACTIVE_MAILBOX)     \
    X(4, REASON_MAILBOX_FULL) X(5, REASON_TOO_LARGE) X(6, REASON_SENDER_INVALID) X(7, REASON_AUTH_FAILED)              \
    X(8, REASON_PTR) X(9, REASON_REPUTATION_BLOCK) X(10, REASON_SPAM_CONTENT) X(11, REASON_POLICY)                     \
    X(12, REASON_RATE_LIMITED) X(13, REASON_RELAY_DENIED) X(14, REASON_NETWORK) X(15, REASON_DNS)                      \
    X(16, REASON_ROUTING) X(17, REASON_EXPIRED) X(18, REASON_PROTOCOL) X(19, REASON_CONTENT)                           \
    X(20, REASON_SUPPRESSED) X(21, REASON_AUTOREPLY)

/* Bits: of the counters that an event can have. Those of opens and clicks are made where it is counted. The first seven
 * share a byte: nearly all mail has no others. */
#define NORMALIZED_COUNTERS(X)                                                                                         \
    X(0, COUNT_SENT) X(1, COUNT_SENT_REPUTATION) X(2, COUNT_DELIVERED) X(3, COUNT_DELIVERED_FEEDBACK)                  \
    X(4, COUNT_BOUNCED) X(5, COUNT_PERMANENT) X(6, COUNT_REPUTATION_BOUNCED) X(7, COUNT_TRANSIENT)                     \
    X(8, COUNT_COMPLAINED) X(9, COUNT_DELAYED) X(10, COUNT_REJECTED) X(11, COUNT_RENDERING_FAILED)                     \
    X(12, COUNT_OPTED_OUT)
/* clang-format on */

/* Tables out of the lists: [value] = number, and [number] = value. */
#define NORMALIZED_NUMBER_OF(number, value) [value] = (number),
#define NORMALIZED_VALUE_OF(number, value)  [number] = (value),
#define NORMALIZED_ONE(number, value)       +1

/* Every value has a number: who adds one is stopped here. */
_Static_assert(0 NORMALIZED_TYPES(NORMALIZED_ONE) == EVENT_TYPES, "a type has no number");
_Static_assert(0 NORMALIZED_BOUNCE_TYPES(NORMALIZED_ONE) == BOUNCE_TYPES, "a bounce type has no number");
_Static_assert(0 NORMALIZED_BOUNCE_SUBTYPES(NORMALIZED_ONE) == SUBTYPES, "a bounce subtype has no number");
_Static_assert(0 NORMALIZED_FEEDBACK_TYPES(NORMALIZED_ONE) == FEEDBACK_TYPES, "a feedback type has no number");
_Static_assert(0 NORMALIZED_DELAY_TYPES(NORMALIZED_ONE) == DELAY_TYPES, "a delay type has no number");
_Static_assert(0 NORMALIZED_REJECT_REASONS(NORMALIZED_ONE) == REJECT_REASONS, "a reject reason has no number");
_Static_assert(0 NORMALIZED_CHANGES(NORMALIZED_ONE) == CHANGES, "a change has no number");
_Static_assert(0 NORMALIZED_SOURCES(NORMALIZED_ONE) == SUBSCRIPTION_SOURCES, "a subscription source has no number");
_Static_assert(0 NORMALIZED_VISITORS(NORMALIZED_ONE) == VISITORS, "a visitor has no number");
_Static_assert(0 NORMALIZED_REASONS(NORMALIZED_ONE) == REASONS, "a reason has no number");
_Static_assert(0 NORMALIZED_COUNTERS(NORMALIZED_ONE) == COUNT_OPENED, "a counter has no bit");

/* The record's second byte after the version, and each event's first: bits that say what follows. */
enum {
    RECORD_SINGLE = 1, /* its message has one recipient */
    RECORD_SENT = 2,
    RECORD_SET = 4,
    RECORD_IDENTITY = 8,
    RECORD_TAGS = 16,
    RECORD_SEVERAL = 32, /* events: their number follows; otherwise there is one */
    RECORD_BITS = 63,

    AT_SAME = 0, /* as the event before it, domain key included */
    AT_NAMED = 1,
    AT_OTHER = 2,
    AT_DOMAIN = 3, /* other, and a domain key follows */
    AT_BITS = 3,
    EVENT_HINT = 4,
    EVENT_COUNTERS = 8, /* they follow; otherwise as the event before it; before the first: none */
    EVENT_BITS = 15,
};

/* Milliseconds since 1970: years 0000 to 10000. SES records have 0001 to 9999, and any time zone. */
#define NORMALIZED_TIME_FIRST INT64_C(-62167219200000)
#define NORMALIZED_TIME_LAST  INT64_C(253433923199999)

enum { NORMALIZED_MAX_TAGS = 16 };

#endif
