/* The normalised event: what is left of an SES record once it is understood, one per recipient it concerns.
 * Plain numbers only, so that a batch of them can be handed to another thread, or another process, as it is. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"

enum event_type {
    EVENT_SEND,
    EVENT_DELIVERY,
    EVENT_BOUNCE,
    EVENT_COMPLAINT,
    EVENT_REJECT,
    EVENT_OPEN,
    EVENT_CLICK,
    EVENT_RENDERING_FAILURE,
    EVENT_DELIVERY_DELAY,
    EVENT_SUBSCRIPTION,
    EVENT_UNKNOWN, /* an eventType that this version does not know */
    EVENT_TYPES
};

/* As in the label event_type: "send", "rendering_failure", ... */
const char *event_type_name(enum event_type type);
/* From eventType as AWS writes it ("Rendering Failure"); EVENT_UNKNOWN when it is new. */
enum event_type event_type_parse(struct span name);

/* Enumerations of AWS's values. Each ends in OTHER (a value this version does not know) and begins, where AWS may
 * leave the value out, with NONE. Names are the label values: AWS's own spelling, "none", "other". */
enum bounce_type { BOUNCE_UNDETERMINED, BOUNCE_PERMANENT, BOUNCE_TRANSIENT, BOUNCE_OTHER, BOUNCE_TYPES };
enum bounce_subtype {
    SUBTYPE_NONE,
    SUBTYPE_UNDETERMINED,
    SUBTYPE_GENERAL,
    SUBTYPE_NO_EMAIL,
    SUBTYPE_SUPPRESSED, /* SES's global suppression list */
    SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST,
    SUBTYPE_ON_TENANT_SUPPRESSION_LIST,
    SUBTYPE_UNSUBSCRIBED_RECIPIENT,
    SUBTYPE_EMAIL_VALIDATION_SUPPRESSED,
    SUBTYPE_MAILBOX_FULL,
    SUBTYPE_MESSAGE_TOO_LARGE,
    SUBTYPE_CONTENT_REJECTED,
    SUBTYPE_ATTACHMENT_REJECTED,
    SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED,
    SUBTYPE_OTHER,
    SUBTYPES
};
enum feedback_type {
    FEEDBACK_NONE,
    FEEDBACK_ABUSE,
    FEEDBACK_AUTH_FAILURE,
    FEEDBACK_FRAUD,
    FEEDBACK_NOT_SPAM,
    FEEDBACK_VIRUS,
    FEEDBACK_SUPPRESSED, /* complaintSubType OnAccountSuppressionList: SES did not send, nobody complained anew */
    FEEDBACK_OTHER,
    FEEDBACK_TYPES
};
enum delay_type {
    DELAY_NONE,
    DELAY_INTERNAL_FAILURE,
    DELAY_GENERAL,
    DELAY_MAILBOX_FULL,
    DELAY_SPAM_DETECTED,
    DELAY_RECIPIENT_SERVER_ERROR,
    DELAY_IP_FAILURE,
    DELAY_TRANSIENT_COMMUNICATION_FAILURE,
    DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE,
    DELAY_UNDETERMINED,
    DELAY_SENDING_DEFERRAL,
    DELAY_OTHER,
    DELAY_TYPES
};
enum reject_reason { REJECT_NONE, REJECT_BAD_CONTENT, REJECT_OTHER, REJECT_REASONS };
enum subscription_change { CHANGE_NONE, CHANGE_OPT_IN, CHANGE_OPT_OUT, CHANGE_UNSUBSCRIBE_ALL, CHANGES };
enum subscription_source {
    SUBSCRIPTION_SOURCE_NONE,
    SUBSCRIPTION_SOURCE_UNSUBSCRIBE_HEADER,
    SUBSCRIPTION_SOURCE_PREFERENCES_PAGE,
    SUBSCRIPTION_SOURCE_OTHER,
    SUBSCRIPTION_SOURCES
};

/* Who fetched the picture of an open, or followed the link of a click: the label `agent`. */
enum visitor {
    VISITOR_HUMAN,
    VISITOR_PROXY,   /* a mail service on behalf of a person: the person is real, where and with what is not */
    VISITOR_MACHINE, /* nobody: a scanner, a tool, a picture fetched in advance */
    VISITORS
};

const char *visitor_name(enum visitor v);
const char *bounce_type_name(enum bounce_type v);
const char *bounce_subtype_name(enum bounce_subtype v);
const char *feedback_type_name(enum feedback_type v);
const char *delay_type_name(enum delay_type v);
const char *reject_reason_name(enum reject_reason v);
const char *subscription_change_name(enum subscription_change v);
const char *subscription_source_name(enum subscription_source v);

/* Each returns the value's OTHER for what it does not know; an empty span gives NONE where there is one. */
enum bounce_type bounce_type_parse(struct span name);
enum bounce_subtype bounce_subtype_parse(struct span name);
enum feedback_type feedback_type_parse(struct span name);
enum delay_type delay_type_parse(struct span name);
enum reject_reason reject_reason_parse(struct span name);
enum subscription_source subscription_source_parse(struct span name);

/* `detail` of an event: what is counted beyond its type, by type.
 *   bounce             type << 8 | subtype
 *   complaint          feedback type
 *   delivery_delay     delay type
 *   reject             reason
 *   rendering_failure  the template's interned name
 *   subscription       change << 8 | source
 *   others             0 */
#define EVENT_DETAIL_PAIR(high, low) ((uint32_t)(high) << 8 | (uint32_t)(low))

enum { EVENT_MAX_TAGS = 4 }; /* tags an operator can name as views at once */

struct event {
    uint64_t key;         /* says which happening this is: equal keys are the same thing seen twice */
    uint64_t message_key; /* delay: message and recipient, whatever the event; open, click: the message; others: 0 */
    uint64_t domain_key;  /* the recipients' domain, hashed, when no table says whose it is; 0: there is no such one */
    int64_t time_ms;      /* event time, UTC */
    int64_t sent_ms;      /* mail.timestamp, but never after time_ms; time_ms where it was not given */
    uint32_t set;         /* configuration set, interned */
    uint32_t identity;    /* sending identity, interned */
    uint32_t detail;
    uint32_t counters;             /* which rate counters it adds one to: bits 1 << enum rate_counter */
    uint32_t delivery_ms;          /* delivery: processingTimeMillis; EVENT_NO_DELIVERY_MS if it was not given */
    uint32_t link;                 /* click: which link it is, hashed; 0: none was given */
    uint32_t tags[EVENT_MAX_TAGS]; /* values of the tags that are views, interned */
    uint16_t provider;
    uint16_t hint;   /* whose the domain is, as this event's own text tells; PROVIDER_OTHER: it tells nothing */
    uint8_t type;    /* enum event_type */
    uint8_t flags;   /* EVENT_FIRST, EVENT_LAST: of the events that one record became; the first: EVENT_SINGLE */
    uint8_t reason;  /* bounce, delay: enum bounce_reason */
    uint8_t visitor; /* open, click: enum visitor, by what the event itself says */
};

/* A record's events follow each other, in one batch or across several. EVENT_SINGLE: its message has one recipient. */
enum { EVENT_FIRST = 1, EVENT_LAST = 2, EVENT_SINGLE = 4 };

#define EVENT_NO_DELIVERY_MS UINT32_MAX

#endif
