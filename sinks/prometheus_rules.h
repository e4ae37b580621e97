/* Alert rules as a rules file of Prometheus: the same alerts in PromQL, over the metrics that we serve. What it cannot
 * say stands in comments, with the reason. */
#ifndef SINKS_PROMETHEUS_RULES_H
#define SINKS_PROMETHEUS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "alert/rule.h"
#include "model/provider.h"

/* All borrowed. */
struct prometheus_rules {
    const struct alert_rule *rules;
    size_t count;
    const struct provider_table *providers; /* says which of them have a feedback loop */
    bool verified_domains;                  /* some are configured: no counter tells their mail apart */
};

/* False: `out` could not be written. */
bool prometheus_rules_write(const struct prometheus_rules *p, FILE *out);

#endif
