/* The object named after the type: what happened. */
#include "model/event.h"
#include "simulate/record.h"
#include "simulate/timeline.h"

static const struct isp *isp_of(const struct record_writer *w) {
    uint32_t first = (uint32_t)__builtin_ctz(pending_recipients(w->event));
    uint32_t domain = w->form->forwarded ? w->form->forwarded_to.domain : w->message->recipients[first].domain;
    return &isps[w->catalog->domains[domain].isp];
}

static char *put_timestamp(struct record_writer *w, char *p) {
    p = PUT(p, "\"timestamp\":\"");
    p = put_time(p, &w->times, pending_event_ms(w->event), record_time_form(w));
    return PUT(p, "\"");
}

/* A server's text with its marks filled in (isp.h). `to` is the recipient that it speaks of. */
static char *put_server_text(struct record_writer *w, char *p, const char *text, struct span to) {
    uint64_t bits = prng_next(&w->random);
    for (; *text; text++) {
        switch (*text) {
        case '\001':
            p = put_hex(p, bits, 10);
            break;
        case '\002':
            p = put_u64(p, (uint64_t)pending_event_ms(w->event) / 1000);
            break;
        case '\003':
            p = put_span(p, (struct span){w->id, sizeof w->id});
            break;
        case '\004':
            p = put_span(p, to);
            break;
        case '\005':
            p = record_put_outgoing_ip(w, p);
            break;
        case '\006':
            p = put_decimal(p, 100 + (bits >> 40) % 900, 3);
            bits = prng_mix(bits);
            break;
        default:
            *p++ = *text;
        }
    }
    return p;
}

static char *put_reporting_mta(const struct record_writer *w, char *p) {
    p = PUT(p, ",\"reportingMTA\":\"");
    if (w->form->oddity != ODD_MTA)
        p = PUT(p, "dsn; ");
    else if (w->form->seed & 1)
        p = PUT(p, "dns; ");
    p = record_put_mta(w, p);
    return PUT(p, "\"");
}

static char *put_remote_ip(const struct record_writer *w, char *p) {
    if (w->form->oddity == ODD_NULLS)
        return PUT(p, ",\"remoteMtaIp\":null");
    if (!w->form->notification && w->form->seed % 4)
        return p;
    p = PUT(p, ",\"remoteMtaIp\":\"");
    p = put_address4(p, isp_of(w)->network, (uint32_t)(w->form->seed >> 30));
    return PUT(p, "\"");
}

static char *put_feedback_id(struct record_writer *w, char *p) {
    p = PUT(p, "\"feedbackId\":\"");
    p = record_put_id(p, w->catalog->identities[w->message->identity].id_prefix, pending_event_ms(w->event),
                      w->form->seed, prng_mix(~w->form->seed));
    return PUT(p, "\"");
}

static char *put_delivery(struct record_writer *w, char *p) {
    p = put_timestamp(w, PUT(p, "{"));
    p = PUT(p, ",\"processingTimeMillis\":");
    if (w->form->oddity == ODD_STRINGS)
        p = PUT(put_u64(PUT(p, "\""), w->event->after_ms), "\"");
    else
        p = put_u64(p, w->event->after_ms);
    p = PUT(p, ",\"recipients\":[");
    p = record_put_recipients(w, p, pending_recipients(w->event));
    p = PUT(p, "],\"smtpResponse\":");
    if (w->form->oddity == ODD_NULLS) {
        p = PUT(p, "null");
    } else {
        p = put_server_text(w, PUT(p, "\""), isp_of(w)->accepted, (struct span){0});
        p = PUT(p, "\"");
    }
    p = PUT(p, ",\"reportingMTA\":\"");
    p = PUT(record_put_mta(w, p), "\"");
    return PUT(put_remote_ip(w, p), "}");
}

struct bounce_text {
    const char *type, *subtype, *status;
    const char *text; /* NULL: the provider's own */
};
static const struct bounce_text bounce_texts[BOUNCE_KINDS] = {
    [BOUNCE_NO_SUCH_USER] = {"Permanent", "General", "5.1.1", 0},
    [BOUNCE_MAILBOX_FULL] = {"Transient", "MailboxFull", "4.2.2", 0},
    [BOUNCE_BLOCKED] = {"Permanent", "General", "5.7.1", 0},
    [BOUNCE_BLOCKED_NOW] = {"Transient", "General", "4.7.0", 0},
    [BOUNCE_CONTENT] = {"Transient", "ContentRejected", "5.7.1",
                        "smtp; 554 5.7.1 Message refused by the content filter, id \001"},
    [BOUNCE_ATTACHMENT] = {"Transient", "AttachmentRejected", "5.7.1",
                           "smtp; 552 5.7.0 The message holds an attachment of a type that is not allowed (\006)"},
    [BOUNCE_TOO_LARGE] = {"Transient", "MessageTooLarge", "5.3.4",
                          "smtp; 552 5.3.4 Message size exceeds fixed limit of 10485760"},
    [BOUNCE_EXPIRED] = {"Transient", "General", "4.4.7",
                        "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 Unable to lookup "
                        "DNS for the recipient's domain>"},
    [BOUNCE_TIMEOUT_EXCEEDED] = {"Transient", "CustomTimeoutExceeded", "4.4.7",
                                 "smtp; 554 4.4.7 Message expired: the time limit of its configuration set passed.<451 "
                                 "4.7.1 Please try again later \001>"},
    [BOUNCE_SUPPRESSED] = {"Permanent", "Suppressed", "5.1.1",
                           "Amazon SES has suppressed sending to this address because it has a recent history of "
                           "bouncing as an invalid address."},
    [BOUNCE_ACCOUNT_SUPPRESSED] = {"Permanent", "OnAccountSuppressionList", "5.1.1",
                                   "Amazon SES did not send the message to this address because it is on the "
                                   "suppression list for your account."},
    [BOUNCE_OUT_OF_OFFICE] = {"Transient", "General", 0, 0},
    [BOUNCE_UNCLEAR] = {"Undetermined", "Undetermined", "5.0.0", "smtp; 550 unknown failure \006"},
    [BOUNCE_INVALID_DOMAIN] = {"Transient", "General", "5.4.4", "smtp; 550 5.4.4 Invalid domain"},
    [BOUNCE_NEW_SUBTYPE] = {"Permanent", "PolicyRejected", "5.7.26",
                            "smtp; 550 5.7.26 Unauthenticated mail is not taken because of the sender's DMARC policy"},
};

static const char *diagnostic_of(const struct isp *isp, enum bounce_kind kind) {
    switch (kind) {
    case BOUNCE_NO_SUCH_USER:
        return isp->no_such_user;
    case BOUNCE_MAILBOX_FULL:
        return isp->mailbox_full;
    case BOUNCE_BLOCKED:
        return isp->blocked;
    case BOUNCE_BLOCKED_NOW:
        return isp->blocked_now;
    default:
        return bounce_texts[kind].text;
    }
}

static char *put_bounced(struct record_writer *w, char *p, struct span address, enum bounce_kind kind) {
    p = PUT(p, "{\"emailAddress\":\"");
    p = put_span(p, address);
    p = PUT(p, "\"");
    if (kind != BOUNCE_OUT_OF_OFFICE) {
        p = w->form->oddity == ODD_MTA ? PUT(p, ",\"action\":\"Failed\"") : PUT(p, ",\"action\":\"failed\"");
        p = PUT(p, ",\"status\":\"");
        p = put_str(p, bounce_texts[kind].status);
        p = PUT(p, "\",\"diagnosticCode\":\"");
        if (w->form->oddity != ODD_NO_DIAGNOSTIC)
            p = put_server_text(w, p, diagnostic_of(isp_of(w), kind), address);
        p = PUT(p, "\"");
    }
    return PUT(p, "},");
}

static char *put_bounce(struct record_writer *w, char *p) {
    enum bounce_kind kind = (enum bounce_kind)pending_detail(w->event);
    p = put_feedback_id(w, PUT(p, "{"));
    p = PUT(p, ",\"bounceType\":\"");
    p = put_str(p, bounce_texts[kind].type);
    p = PUT(p, "\",\"bounceSubType\":\"");
    /* Both are seen for an address that does not exist; the first far more often. */
    bool no_email = kind == BOUNCE_NO_SUCH_USER && w->form->seed % 8 == 0;
    p = no_email ? PUT(p, "NoEmail") : put_str(p, bounce_texts[kind].subtype);
    p = PUT(p, "\",\"bouncedRecipients\":[");
    if (w->form->forwarded) {
        char address[256];
        size_t len = record_make_address(w->catalog, &w->form->forwarded_to, BOX_NONE, address);
        p = put_bounced(w, p, (struct span){address, len}, kind);
    } else {
        for (uint32_t i = 0; i < w->message->recipient_count; i++) {
            if (pending_recipients(w->event) & 1u << i)
                p = put_bounced(w, p, (struct span){w->addresses[i].text, w->addresses[i].len}, kind);
        }
    }
    p = put_timestamp(w, PUT(p - 1, "],"));
    if (kind == BOUNCE_SUPPRESSED || kind == BOUNCE_ACCOUNT_SUPPRESSED)
        p = PUT(p, ",\"reportingMTA\":\"dns; amazonses.com\"");
    else if (kind != BOUNCE_OUT_OF_OFFICE)
        p = put_remote_ip(w, put_reporting_mta(w, p));
    return PUT(p, "}");
}

static char *put_address_list(struct record_writer *w, char *p) {
    uint32_t group = pending_recipients(w->event);
    for (uint32_t i = 0; i < w->message->recipient_count; i++) {
        if (!(group & 1u << i))
            continue;
        p = PUT(p, "{\"emailAddress\":\"");
        memcpy(p, w->addresses[i].text, w->addresses[i].len);
        p = PUT(p + w->addresses[i].len, "\"},");
    }
    return p - 1;
}

static char *put_complaint(struct record_writer *w, char *p) {
    static const char *const types[] = {
        [COMPLAINT_REPORT] = "abuse", [COMPLAINT_NOT_SPAM] = "not-spam", [COMPLAINT_NEW_TYPE] = "list-abuse"};
    enum complaint_cause cause = (enum complaint_cause)pending_detail(w->event);
    p = put_feedback_id(w, PUT(p, "{"));
    p = cause == COMPLAINT_SUPPRESSED ? PUT(p, ",\"complaintSubType\":\"OnAccountSuppressionList\"")
                                      : PUT(p, ",\"complaintSubType\":null");
    p = put_address_list(w, PUT(p, ",\"complainedRecipients\":["));
    p = put_timestamp(w, PUT(p, "],"));
    if (cause == COMPLAINT_BARE || cause == COMPLAINT_SUPPRESSED)
        return PUT(p, "}");
    p = PUT(p, ",\"userAgent\":\"");
    p = isp_of(w)->readers == READERS_YAHOO ? PUT(p, "Yahoo!-Mail-Feedback/2.0")
                                            : PUT(p, "Amazon SES Mailbox Feedback/1.0");
    p = PUT(p, "\",\"complaintFeedbackType\":\"");
    p = put_str(p, w->form->seed % 50 == 0 ? "fraud" : types[cause]);
    /* When the provider took the mail in, by its own clock and in its own zone. */
    p = PUT(p, "\",\"arrivalDate\":\"");
    p = put_time(p, &w->times, w->message->sent_ms + 900, w->form->seed & 2 ? TIME_OFFSET : TIME_PLAIN);
    return PUT(p, "\"}");
}

static char *put_delay(struct record_writer *w, char *p) {
    static const struct {
        const char *type, *status, *text;
    } causes[] = {
        [DELAYED_BY_RATE] = {"TransientCommunicationFailure", "4.7.1", 0},
        [DELAYED_BY_FULL_MAILBOX] = {"MailboxFull", "4.2.2", 0},
        [DELAYED_BY_SERVER] = {"RecipientServerError", "4.3.2", "smtp; 451 4.3.2 Internal error (\006)"},
        [DELAYED_BY_OUTAGE] = {"TransientCommunicationFailure", "4.4.1",
                               "smtp; 421 4.4.1 Unable to connect to remote host"},
        [DELAYED_NEW_TYPE] = {"ConnectionThrottled", "4.7.1", "smtp; 421 4.7.1 Too many connections (\006)"},
    };
    enum delay_cause cause = (enum delay_cause)pending_detail(w->event);
    const char *text = cause == DELAYED_BY_RATE           ? isp_of(w)->deferred
                       : cause == DELAYED_BY_FULL_MAILBOX ? isp_of(w)->mailbox_full
                                                          : causes[cause].text;
    p = put_timestamp(w, PUT(p, "{"));
    p = PUT(p, ",\"delayType\":\"");
    p = put_str(p, causes[cause].type);
    p = PUT(p, "\",\"expirationTime\":\"");
    p = put_time(p, &w->times, w->message->sent_ms + EXPIRES_MS, TIME_PLAIN);
    p = PUT(p, "\",\"delayedRecipients\":[");
    for (uint32_t i = 0; i < w->message->recipient_count; i++) {
        if (!(pending_recipients(w->event) & 1u << i))
            continue;
        struct span address = {w->addresses[i].text, w->addresses[i].len};
        p = put_span(PUT(p, "{\"emailAddress\":\""), address);
        p = put_str(PUT(p, "\",\"status\":\""), causes[cause].status);
        p = put_server_text(w, PUT(p, "\",\"diagnosticCode\":\""), text, address);
        p = PUT(p, "\"},");
    }
    return PUT(put_reporting_mta(w, PUT(p - 1, "]")), "}");
}

static const struct {
    const char *network;
    const char *agents[2];
} visitors[] = {
    [AGENT_PERSON] =
        {"81.2",
         {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/141.0.0.0 Safari/537.36",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/18.6 Mobile/15E148 Safari/604.1"}},
    [AGENT_GMAIL] = {"66.249",
                     {"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
                      "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}},
    [AGENT_YAHOO] = {"98.139",
                     {"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
                      "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"}},
    [AGENT_APPLE] = {"104.28",
                     {"Mozilla/5.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, "
                                     "like Gecko)"}},
    [AGENT_GATEWAY] = {"209.222", {"Mozilla/5.0 (X11; Linux x64) Barracuda Sentinel (EE)", "HeadlessChrome/120.0.0.0"}},
    [AGENT_MICROSOFT] = {"40.107",
                         {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                          "Chrome/79.0.3945.74 Safari/537.36 Edg/79.0.309.43",
                          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                          "Chrome/91.0.4472.124 Safari/537.36"}},
    [AGENT_GMAIL_SCAN] = {"66.102",
                          {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                           "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
                           ""}},
};

/* An agent keeps its address and name during a message, as one reader (or one gateway) does. */
static char *put_visitor(struct record_writer *w, char *p, uint32_t agent) {
    uint64_t bits = prng_mix(w->message->seed + agent);
    uint32_t place = (uint32_t)(bits >> 16) & 0xffff;
    if (agent == AGENT_GMAIL)
        place = 84u << 8 | (place & 0xff);
    else if (agent == AGENT_GATEWAY)
        place = 82u << 8 | (place & 0xff);
    p = PUT(p, "\"ipAddress\":\"");
    p = put_address4(p, visitors[agent].network, place);
    p = PUT(p, "\",\"userAgent\":\"");
    p = put_str(p, visitors[agent].agents[bits & 1]);
    return PUT(p, "\",");
}

static char *put_visit(struct record_writer *w, char *p, bool click) {
    uint32_t agent = pending_detail(w->event) & 7, link = pending_detail(w->event) >> 3;
    p = put_visitor(w, PUT(p, "{"), agent);
    p = put_timestamp(w, p);
    if (!click)
        return PUT(p, "}");
    struct span campaign = w->catalog->campaigns[w->message->campaign];
    p = PUT(p, ",\"link\":\"https://");
    p = put_span(p, w->catalog->identities[w->message->identity].domain);
    p = put_span(PUT(p, "/go/"), campaign);
    p = put_u64(PUT(p, "/item-"), link + 1);
    p = put_span(PUT(p, "?utm_source=ses&utm_medium=email&utm_campaign="), campaign);
    if (w->form->oddity == ODD_NULLS || link & 1)
        return PUT(p, "\",\"linkTags\":null}");
    p = put_u64(PUT(p, "\",\"linkTags\":{\"position\":[\""), link + 1);
    p = put_span(PUT(p, "\"],\"campaign\":[\""), campaign);
    return PUT(p, "\"]}}");
}

static char *put_preferences(struct record_writer *w, char *p, bool all, bool in) {
    p = all ? PUT(p, "{\"unsubscribeAll\":true") : PUT(p, "{\"unsubscribeAll\":false");
    p = put_span(PUT(p, ",\"topicSubscriptionStatus\":[{\"topicName\":\""),
                 w->catalog->campaigns[w->message->campaign]);
    p = in ? PUT(p, "\",\"subscriptionStatus\":\"OptIn\"}],") : PUT(p, "\",\"subscriptionStatus\":\"OptOut\"}],");
    return PUT(p,
               "\"topicDefaultSubscriptionStatus\":[{\"topicName\":\"general\",\"subscriptionStatus\":\"OptOut\"}]}");
}

static char *put_subscription(struct record_writer *w, char *p) {
    uint32_t kind = prng_below(&w->random, 10); /* most leave it all, some a topic, a few come back */
    p = PUT(p, "{\"contactList\":\"shop-contacts\",");
    p = put_timestamp(w, p);
    p = kind < 7 ? PUT(p, ",\"source\":\"UnsubscribeHeader\"") : PUT(p, ",\"source\":\"PreferencesPage\"");
    p = put_preferences(w, PUT(p, ",\"newTopicPreferences\":"), kind < 6, kind == 9);
    p = put_preferences(w, PUT(p, ",\"oldTopicPreferences\":"), false, kind != 9);
    return PUT(p, "}");
}

static char *put_failure(struct record_writer *w, char *p) {
    p = put_str(PUT(p, "{\"templateName\":\""), w->catalog->sets[w->message->set].use->name);
    p = w->form->seed & 1
            ? PUT(p, "-v2\",\"errorMessage\":\"Attribute 'firstName' is not present in the rendering data.\"}")
            : PUT(p, "-v2\",\"errorMessage\":\"Attribute 'orderNumber' is not present in the rendering data.\"}");
    return p;
}

char *record_put_event(struct record_writer *w, char *p) {
    switch ((enum event_type)pending_type(w->event)) {
    case EVENT_DELIVERY:
        return put_delivery(w, p);
    case EVENT_BOUNCE:
        return put_bounce(w, p);
    case EVENT_COMPLAINT:
        return put_complaint(w, p);
    case EVENT_REJECT:
        return PUT(p, "{\"reason\":\"Bad content\"}");
    case EVENT_OPEN:
        return put_visit(w, p, false);
    case EVENT_CLICK:
        return put_visit(w, p, true);
    case EVENT_RENDERING_FAILURE:
        return put_failure(w, p);
    case EVENT_DELIVERY_DELAY:
        return put_delay(w, p);
    case EVENT_SUBSCRIPTION:
        return put_subscription(w, p);
    default: /* send is empty; what we do not know says little */
        return pending_type(w->event) == EVENT_SEND ? PUT(p, "{}") : PUT(p, "{\"verdict\":\"PASS\",\"rules\":[1,2.5]}");
    }
}
