/* Rates and the counters behind them. The one place that says what is divided by what (docs/metrics.md repeats it). */
#ifndef MODEL_RATE_H
#define MODEL_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Counted per recipient (complaint and opt-out: per event; opened and clicked: per message, once for each kind of
 * visitor). Simulator traffic is in none of them. */
enum rate_counter {
    COUNT_SENT,
    COUNT_SENT_REPUTATION, /* sent to domains that the account has not verified */
    COUNT_DELIVERED,
    COUNT_DELIVERED_FEEDBACK, /* delivered at providers that send complaint feedback to SES */
    COUNT_BOUNCED,            /* all bounces but those of the account's own suppression list */
    COUNT_PERMANENT,
    COUNT_TRANSIENT,
    COUNT_REPUTATION_BOUNCED, /* permanent, global suppression list included, to domains the account has not verified */
    COUNT_COMPLAINED,         /* without suppression-list complaints and "not-spam" reports */
    COUNT_DELAYED,            /* recipients delayed for the first time */
    COUNT_REJECTED,
    COUNT_RENDERING_FAILED,
    COUNT_OPTED_OUT,
    COUNT_OPENED, /* messages opened by a person for the first time */
    COUNT_PROXY_OPENED,
    COUNT_MACHINE_OPENED,
    COUNT_CLICKED,
    COUNT_PROXY_CLICKED,
    COUNT_MACHINE_CLICKED,
    RATE_COUNTERS
};

enum rate {
    RATE_DELIVERY,
    RATE_BOUNCE,
    RATE_PERMANENT_BOUNCE,
    RATE_TRANSIENT_BOUNCE,
    RATE_REPUTATION_BOUNCE,
    RATE_COMPLAINT,
    RATE_DELAY,
    RATE_REJECT,
    RATE_RENDERING_FAILURE,
    RATE_UNSUBSCRIBE,
    RATE_OPEN,
    RATE_PROXY_OPEN,
    RATE_MACHINE_OPEN,
    RATE_CLICK,
    RATE_MACHINE_CLICK,
    RATES
};

struct rate_counts {
    uint64_t n[RATE_COUNTERS];
};

const char *rate_name(enum rate rate);           /* as in the label rate: "permanent_bounce" */
const char *rate_numerator_name(enum rate rate); /* in words, for documentation and --help */
const char *rate_denominator_name(enum rate rate);
bool rate_parse(const char *name, enum rate *rate);

uint64_t rate_numerator(enum rate rate, const struct rate_counts *counts);
uint64_t rate_denominator(enum rate rate, const struct rate_counts *counts);

/* False when the denominator is 0: such a rate is absent, never 0 and never NaN. */
bool rate_value(enum rate rate, const struct rate_counts *counts, double *value);

#endif
