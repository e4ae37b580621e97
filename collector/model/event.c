#include "model/event.h"

#include <assert.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Every table below is indexed by its enumeration, so a missing name shows as a NULL and stops the first test. */
#define NAME_FUNCTION(function, type, table)                                                                           \
    const char *function(type v) {                                                                                     \
        assert((size_t)v < COUNT(table) && table[v]);                                                                  \
        return table[v];                                                                                               \
    }

static const char *const event_type_names[EVENT_TYPES] = {
    [EVENT_SEND] = "send",
    [EVENT_DELIVERY] = "delivery",
    [EVENT_BOUNCE] = "bounce",
    [EVENT_COMPLAINT] = "complaint",
    [EVENT_REJECT] = "reject",
    [EVENT_OPEN] = "open",
    [EVENT_CLICK] = "click",
    [EVENT_RENDERING_FAILURE] = "rendering_failure",
    [EVENT_DELIVERY_DELAY] = "delivery_delay",
    [EVENT_SUBSCRIPTION] = "subscription",
    [EVENT_UNKNOWN] = "unknown",
};

static const char *const visitor_names[VISITORS] = {
    [VISITOR_HUMAN] = "human",
    [VISITOR_PROXY] = "proxy",
    [VISITOR_MACHINE] = "machine",
};

static const char *const bounce_type_names[BOUNCE_TYPES] = {
    [BOUNCE_UNDETERMINED] = "Undetermined",
    [BOUNCE_PERMANENT] = "Permanent",
    [BOUNCE_TRANSIENT] = "Transient",
    [BOUNCE_OTHER] = "other",
};

static const char *const bounce_subtype_names[SUBTYPES] = {
    [SUBTYPE_NONE] = "none",
    [SUBTYPE_UNDETERMINED] = "Undetermined",
    [SUBTYPE_GENERAL] = "General",
    [SUBTYPE_NO_EMAIL] = "NoEmail",
    [SUBTYPE_SUPPRESSED] = "Suppressed",
    [SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST] = "OnAccountSuppressionList",
    [SUBTYPE_ON_TENANT_SUPPRESSION_LIST] = "OnTenantSuppressionList",
    [SUBTYPE_UNSUBSCRIBED_RECIPIENT] = "UnsubscribedRecipient",
    [SUBTYPE_EMAIL_VALIDATION_SUPPRESSED] = "EmailValidationSuppressed",
    [SUBTYPE_MAILBOX_FULL] = "MailboxFull",
    [SUBTYPE_MESSAGE_TOO_LARGE] = "MessageTooLarge",
    [SUBTYPE_CONTENT_REJECTED] = "ContentRejected",
    [SUBTYPE_ATTACHMENT_REJECTED] = "AttachmentRejected",
    [SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED] = "CustomTimeoutExceeded",
    [SUBTYPE_OTHER] = "other",
};

/* AWS's feedback type "other" and a type that is new to us share one label value: neither says anything. */
static const char *const feedback_type_names[FEEDBACK_TYPES] = {
    [FEEDBACK_NONE] = "none",
    [FEEDBACK_ABUSE] = "abuse",
    [FEEDBACK_AUTH_FAILURE] = "auth-failure",
    [FEEDBACK_FRAUD] = "fraud",
    [FEEDBACK_NOT_SPAM] = "not-spam",
    [FEEDBACK_VIRUS] = "virus",
    [FEEDBACK_SUPPRESSED] = "OnAccountSuppressionList",
    [FEEDBACK_OTHER] = "other",
};

static const char *const delay_type_names[DELAY_TYPES] = {
    [DELAY_NONE] = "none",
    [DELAY_INTERNAL_FAILURE] = "InternalFailure",
    [DELAY_GENERAL] = "General",
    [DELAY_MAILBOX_FULL] = "MailboxFull",
    [DELAY_SPAM_DETECTED] = "SpamDetected",
    [DELAY_RECIPIENT_SERVER_ERROR] = "RecipientServerError",
    [DELAY_IP_FAILURE] = "IPFailure",
    [DELAY_TRANSIENT_COMMUNICATION_FAILURE] = "TransientCommunicationFailure",
    [DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE] = "BYOIPHostNameLookupUnavailable",
    [DELAY_UNDETERMINED] = "Undetermined",
    [DELAY_SENDING_DEFERRAL] = "SendingDeferral",
    [DELAY_OTHER] = "other",
};

static const char *const reject_reason_names[REJECT_REASONS] = {
    [REJECT_NONE] = "none",
    [REJECT_BAD_CONTENT] = "Bad content",
    [REJECT_OTHER] = "other",
};

static const char *const subscription_change_names[CHANGES] = {
    [CHANGE_NONE] = "none",
    [CHANGE_OPT_IN] = "opt_in",
    [CHANGE_OPT_OUT] = "opt_out",
    [CHANGE_UNSUBSCRIBE_ALL] = "unsubscribe_all",
};

static const char *const subscription_source_names[SUBSCRIPTION_SOURCES] = {
    [SUBSCRIPTION_SOURCE_NONE] = "none",
    [SUBSCRIPTION_SOURCE_UNSUBSCRIBE_HEADER] = "UnsubscribeHeader",
    [SUBSCRIPTION_SOURCE_PREFERENCES_PAGE] = "PreferencesPage",
    [SUBSCRIPTION_SOURCE_OTHER] = "other",
};

NAME_FUNCTION(event_type_name, enum event_type, event_type_names)
NAME_FUNCTION(visitor_name, enum visitor, visitor_names)
NAME_FUNCTION(bounce_type_name, enum bounce_type, bounce_type_names)
NAME_FUNCTION(bounce_subtype_name, enum bounce_subtype, bounce_subtype_names)
NAME_FUNCTION(feedback_type_name, enum feedback_type, feedback_type_names)
NAME_FUNCTION(delay_type_name, enum delay_type, delay_type_names)
NAME_FUNCTION(reject_reason_name, enum reject_reason, reject_reason_names)
NAME_FUNCTION(subscription_change_name, enum subscription_change, subscription_change_names)
NAME_FUNCTION(subscription_source_name, enum subscription_source, subscription_source_names)

/* The parsers switch on the length first: at most a few names share one, and each is then one short memcmp. */
enum event_type event_type_parse(struct span name) {
    switch (name.len) {
    case 4:
        return span_is(name, "Send") ? EVENT_SEND : span_is(name, "Open") ? EVENT_OPEN : EVENT_UNKNOWN;
    case 5:
        return span_is(name, "Click") ? EVENT_CLICK : EVENT_UNKNOWN;
    case 6:
        return span_is(name, "Bounce") ? EVENT_BOUNCE : span_is(name, "Reject") ? EVENT_REJECT : EVENT_UNKNOWN;
    case 8:
        return span_is(name, "Delivery") ? EVENT_DELIVERY : EVENT_UNKNOWN;
    case 9:
        return span_is(name, "Complaint") ? EVENT_COMPLAINT : EVENT_UNKNOWN;
    case 12:
        return span_is(name, "Subscription") ? EVENT_SUBSCRIPTION : EVENT_UNKNOWN;
    case 13:
        return span_is(name, "DeliveryDelay") ? EVENT_DELIVERY_DELAY : EVENT_UNKNOWN;
    case 17:
        return span_is(name, "Rendering Failure") ? EVENT_RENDERING_FAILURE : EVENT_UNKNOWN;
    default:
        return EVENT_UNKNOWN;
    }
}

enum bounce_type bounce_type_parse(struct span name) {
    switch (name.len) {
    case 9:
        return span_is(name, "Permanent")   ? BOUNCE_PERMANENT
               : span_is(name, "Transient") ? BOUNCE_TRANSIENT
                                            : BOUNCE_OTHER;
    case 12:
        return span_is(name, "Undetermined") ? BOUNCE_UNDETERMINED : BOUNCE_OTHER;
    default:
        return BOUNCE_OTHER;
    }
}

enum bounce_subtype bounce_subtype_parse(struct span name) {
    switch (name.len) {
    case 0:
        return SUBTYPE_NONE;
    case 7:
        return span_is(name, "General") ? SUBTYPE_GENERAL : span_is(name, "NoEmail") ? SUBTYPE_NO_EMAIL : SUBTYPE_OTHER;
    case 10:
        return span_is(name, "Suppressed") ? SUBTYPE_SUPPRESSED : SUBTYPE_OTHER;
    case 11:
        return span_is(name, "MailboxFull") ? SUBTYPE_MAILBOX_FULL : SUBTYPE_OTHER;
    case 12:
        return span_is(name, "Undetermined") ? SUBTYPE_UNDETERMINED : SUBTYPE_OTHER;
    case 15:
        return span_is(name, "MessageTooLarge")   ? SUBTYPE_MESSAGE_TOO_LARGE
               : span_is(name, "ContentRejected") ? SUBTYPE_CONTENT_REJECTED
                                                  : SUBTYPE_OTHER;
    case 18:
        return span_is(name, "AttachmentRejected") ? SUBTYPE_ATTACHMENT_REJECTED : SUBTYPE_OTHER;
    case 21:
        return span_is(name, "UnsubscribedRecipient")   ? SUBTYPE_UNSUBSCRIBED_RECIPIENT
               : span_is(name, "CustomTimeoutExceeded") ? SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED
                                                        : SUBTYPE_OTHER;
    case 23:
        return span_is(name, "OnTenantSuppressionList") ? SUBTYPE_ON_TENANT_SUPPRESSION_LIST : SUBTYPE_OTHER;
    case 24:
        return span_is(name, "OnAccountSuppressionList") ? SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST : SUBTYPE_OTHER;
    case 25:
        return span_is(name, "EmailValidationSuppressed") ? SUBTYPE_EMAIL_VALIDATION_SUPPRESSED : SUBTYPE_OTHER;
    default:
        return SUBTYPE_OTHER;
    }
}

enum feedback_type feedback_type_parse(struct span name) {
    switch (name.len) {
    case 0:
        return FEEDBACK_NONE;
    case 5:
        return span_is(name, "abuse")   ? FEEDBACK_ABUSE
               : span_is(name, "fraud") ? FEEDBACK_FRAUD
               : span_is(name, "virus") ? FEEDBACK_VIRUS
                                        : FEEDBACK_OTHER;
    case 8:
        return span_is(name, "not-spam") ? FEEDBACK_NOT_SPAM : FEEDBACK_OTHER;
    case 12:
        return span_is(name, "auth-failure") ? FEEDBACK_AUTH_FAILURE : FEEDBACK_OTHER;
    case 24:
        return span_is(name, "OnAccountSuppressionList") ? FEEDBACK_SUPPRESSED : FEEDBACK_OTHER;
    default:
        return FEEDBACK_OTHER;
    }
}

enum delay_type delay_type_parse(struct span name) {
    switch (name.len) {
    case 0:
        return DELAY_NONE;
    case 7:
        return span_is(name, "General") ? DELAY_GENERAL : DELAY_OTHER;
    case 9:
        return span_is(name, "IPFailure") ? DELAY_IP_FAILURE : DELAY_OTHER;
    case 11:
        return span_is(name, "MailboxFull") ? DELAY_MAILBOX_FULL : DELAY_OTHER;
    case 12:
        return span_is(name, "SpamDetected")   ? DELAY_SPAM_DETECTED
               : span_is(name, "Undetermined") ? DELAY_UNDETERMINED
                                               : DELAY_OTHER;
    case 15:
        return span_is(name, "InternalFailure")   ? DELAY_INTERNAL_FAILURE
               : span_is(name, "SendingDeferral") ? DELAY_SENDING_DEFERRAL
                                                  : DELAY_OTHER;
    case 20:
        return span_is(name, "RecipientServerError") ? DELAY_RECIPIENT_SERVER_ERROR : DELAY_OTHER;
    case 29:
        return span_is(name, "TransientCommunicationFailure") ? DELAY_TRANSIENT_COMMUNICATION_FAILURE : DELAY_OTHER;
    case 30:
        return span_is(name, "BYOIPHostNameLookupUnavailable") ? DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE : DELAY_OTHER;
    case 31: /* the same, as some records spell it */
        return span_is(name, "BYOIP HostNameLookupUnavailable") ? DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE
                                                                : DELAY_OTHER;
    default:
        return DELAY_OTHER;
    }
}

/* Case-blind: the words are a phrase for people, not an identifier. */
enum reject_reason reject_reason_parse(struct span name) {
    if (name.len == 0)
        return REJECT_NONE;
    return span_eq_nocase(name, SPAN_LIT("Bad content")) ? REJECT_BAD_CONTENT : REJECT_OTHER;
}

enum subscription_source subscription_source_parse(struct span name) {
    switch (name.len) {
    case 0:
        return SUBSCRIPTION_SOURCE_NONE;
    case 15:
        return span_is(name, "PreferencesPage") ? SUBSCRIPTION_SOURCE_PREFERENCES_PAGE : SUBSCRIPTION_SOURCE_OTHER;
    case 17:
        return span_is(name, "UnsubscribeHeader") ? SUBSCRIPTION_SOURCE_UNSUBSCRIBE_HEADER : SUBSCRIPTION_SOURCE_OTHER;
    default:
        return SUBSCRIPTION_SOURCE_OTHER;
    }
}
