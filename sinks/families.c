#include "sinks/families.h"

const struct counter_family counter_families[COUNTER_FAMILIES] = {
    {FAMILY_EVENTS, "ses_events_total", "Event records counted, after duplicates are taken out.", "event_type", NULL,
     false},
    {FAMILY_RECIPIENTS, "ses_recipients_total",
     "Recipients that the counted events concern; complaint, open, click and subscription: one per event.",
     "event_type", NULL, true},
    {DETAIL_BOUNCE, "ses_bounces_total", "Recipients bounced, by the type and subtype that SES gives.", "bounce_type",
     "bounce_subtype", true},
    {DETAIL_BOUNCE_REASON, "ses_bounce_reasons_total", "Recipients bounced, by why: our classes (docs/reasons.md).",
     "reason", NULL, true},
    {DETAIL_COMPLAINT, "ses_complaints_total", "Complaints, by the feedback type that the provider reports.",
     "feedback_type", NULL, true},
    {DETAIL_DELAY, "ses_delivery_delays_total",
     "Recipients in delivery delay events; one recipient can be delayed several times.", "delay_type", NULL, true},
    {DETAIL_DELAY_REASON, "ses_delay_reasons_total",
     "Recipients in delivery delay events, by why: our classes (docs/reasons.md).", "reason", NULL, true},
    {DETAIL_OPEN, "ses_opens_total", "Opens, by who fetched the picture (docs/engagement.md).", "agent", NULL, true},
    {DETAIL_CLICK, "ses_clicks_total", "Clicks, by who followed the link (docs/engagement.md).", "agent", NULL, true},
    {DETAIL_UNIQUE_OPEN, "ses_unique_opens_total", "Messages opened, each counted once for every agent that opened it.",
     "agent", NULL, true},
    {DETAIL_UNIQUE_CLICK, "ses_unique_clicks_total",
     "Messages in which a link was followed, each counted once for every agent that did.", "agent", NULL, true},
    {DETAIL_SUBSCRIPTION, "ses_subscription_changes_total", "Changes of subscription preferences.", "change", "source",
     false},
    {DETAIL_REJECT, "ses_rejects_total", "Recipients of messages that SES took in and then refused to send.", "reason",
     NULL, false},
    {DETAIL_RENDERING_FAILURE, "ses_rendering_failures_total",
     "Recipients of messages that could not be made from their template.", "template", NULL, false},
};

size_t counter_family_labels(const struct counter_family *family, const struct family_values *values,
                             struct metric_label labels[FAMILY_MAX_LABELS]) {
    size_t n = 0;
    labels[n++] = (struct metric_label){family->first, values->first};
    if (family->second)
        labels[n++] = (struct metric_label){family->second, values->second};
    labels[n++] = (struct metric_label){"configuration_set", values->configuration_set};
    if (family->has_provider)
        labels[n++] = (struct metric_label){"provider", values->provider};
    return n;
}
