#include "model/rate.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { NO_COUNTER = -1 };

/* The denominator of a rate is one counter, or two added up (the things that SES took in, or turned away). */
static const struct rate_rule {
    const char *name;
    const char *numerator_name;
    const char *denominator_name;
    enum rate_counter numerator;
    enum rate_counter denominator;
    int also; /* enum rate_counter, or NO_COUNTER */
} rules[RATES] = {
    [RATE_DELIVERY] = {"delivery", "recipients delivered to", "recipients sent to", COUNT_DELIVERED, COUNT_SENT,
                       NO_COUNTER},
    [RATE_BOUNCE] = {"bounce", "recipients bounced, without the account's suppression list", "recipients sent to",
                     COUNT_BOUNCED, COUNT_SENT, NO_COUNTER},
    [RATE_PERMANENT_BOUNCE] = {"permanent_bounce",
                               "recipients bounced permanently, without the account's suppression list",
                               "recipients sent to", COUNT_PERMANENT, COUNT_SENT, NO_COUNTER},
    [RATE_TRANSIENT_BOUNCE] = {"transient_bounce",
                               "recipients bounced after retries, without the account's suppression list",
                               "recipients sent to", COUNT_TRANSIENT, COUNT_SENT, NO_COUNTER},
    [RATE_REPUTATION_BOUNCE] = {"reputation_bounce",
                                "recipients bounced permanently at domains that the account has not verified",
                                "recipients sent to at domains that the account has not verified",
                                COUNT_REPUTATION_BOUNCED, COUNT_SENT_REPUTATION, NO_COUNTER},
    [RATE_COMPLAINT] = {"complaint", "complaints, without the account's suppression list and not-spam reports",
                        "recipients delivered to at providers with a feedback loop", COUNT_COMPLAINED,
                        COUNT_DELIVERED_FEEDBACK, NO_COUNTER},
    [RATE_DELAY] = {"delay", "recipients delayed for the first time", "recipients sent to", COUNT_DELAYED, COUNT_SENT,
                    NO_COUNTER},
    [RATE_REJECT] = {"reject", "recipients rejected", "recipients sent to or rejected", COUNT_REJECTED, COUNT_SENT,
                     COUNT_REJECTED},
    [RATE_RENDERING_FAILURE] = {"rendering_failure", "recipients whose message could not be rendered",
                                "recipients sent to or not rendered for", COUNT_RENDERING_FAILED, COUNT_SENT,
                                COUNT_RENDERING_FAILED},
    [RATE_UNSUBSCRIBE] = {"unsubscribe", "subscriptions that opt out, of one topic or of all",
                          "recipients delivered to", COUNT_OPTED_OUT, COUNT_DELIVERED, NO_COUNTER},
    [RATE_OPEN] = {"open", "messages that a person opened", "recipients delivered to", COUNT_OPENED, COUNT_DELIVERED,
                   NO_COUNTER},
    [RATE_PROXY_OPEN] = {"proxy_open", "messages opened through a mail service's proxy", "recipients delivered to",
                         COUNT_PROXY_OPENED, COUNT_DELIVERED, NO_COUNTER},
    [RATE_MACHINE_OPEN] = {"machine_open", "messages opened by a machine", "recipients delivered to",
                           COUNT_MACHINE_OPENED, COUNT_DELIVERED, NO_COUNTER},
    [RATE_CLICK] = {"click", "messages in which a person followed a link", "recipients delivered to", COUNT_CLICKED,
                    COUNT_DELIVERED, NO_COUNTER},
    [RATE_MACHINE_CLICK] = {"machine_click", "messages in which a machine followed a link", "recipients delivered to",
                            COUNT_MACHINE_CLICKED, COUNT_DELIVERED, NO_COUNTER},
};

static const struct rate_rule *rule_of(enum rate rate) {
    assert((size_t)rate < RATES);
    return &rules[rate];
}

const char *rate_name(enum rate rate) {
    return rule_of(rate)->name;
}

const char *rate_numerator_name(enum rate rate) {
    return rule_of(rate)->numerator_name;
}

const char *rate_denominator_name(enum rate rate) {
    return rule_of(rate)->denominator_name;
}

bool rate_parse(const char *name, enum rate *rate) {
    for (int i = 0; i < RATES; i++) {
        if (strcmp(rules[i].name, name) == 0) {
            *rate = (enum rate)i;
            return true;
        }
    }
    return false;
}

uint64_t rate_numerator(enum rate rate, const struct rate_counts *counts) {
    return counts->n[rule_of(rate)->numerator];
}

uint64_t rate_denominator(enum rate rate, const struct rate_counts *counts) {
    const struct rate_rule *rule = rule_of(rate);
    return counts->n[rule->denominator] + (rule->also == NO_COUNTER ? 0 : counts->n[rule->also]);
}

bool rate_value(enum rate rate, const struct rate_counts *counts, double *value) {
    uint64_t denominator = rate_denominator(rate, counts);
    if (denominator == 0)
        return false;
    *value = (double)rate_numerator(rate, counts) / (double)denominator;
    return true;
}
