/* How AWS sees the account and its configuration sets: an estimate (docs/counting.md, "Reputation"). */
#include "sinks/prometheus_parts.h"

static bool ratio_of(const struct reputation_row *r, double *value) {
    *value = r->denominator ? (double)r->numerator / (double)r->denominator : 0;
    return r->denominator != 0;
}

static bool to_next_of(const struct reputation_row *r, double *value) {
    *value = (double)r->to_next;
    return r->next_threshold > 0;
}

static void write_values(struct exposition *to, const struct snapshot *s) {
    static const struct {
        const char *name, *help;
        bool (*value_of)(const struct reputation_row *r, double *value);
    } families[] = {
        {"ses_reputation_ratio", "The rate that AWS judges by, over the last sends; absent without any. An estimate.",
         ratio_of},
        {"ses_reputation_to_next_threshold",
         "How many more bounces or complaints among as many mails reach the next threshold; absent at risk.",
         to_next_of},
    };
    for (size_t f = 0; f < COUNT(families); f++) {
        exposition_begin(to, families[f].name, METRIC_GAUGE, families[f].help);
        for (size_t i = 0; i < s->reputation_count; i++) {
            const struct reputation_row *r = &s->reputation[i];
            double value;
            if (families[f].value_of(r, &value))
                exposition_double(to,
                                  LABELS({"kind", reputation_kind_name(r->kind)}, {"scope", r->scope},
                                         {"configuration_set", r->configuration_set}),
                                  3, value);
        }
    }
}

static void write_states(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_reputation_state", METRIC_GAUGE, "1 for the state that the reputation is in.");
    for (size_t i = 0; i < s->reputation_count; i++)
        for (int state = 0; state < REPUTATION_STATES; state++) {
            const struct reputation_row *r = &s->reputation[i];
            exposition_u64(to,
                           LABELS({"kind", reputation_kind_name(r->kind)}, {"scope", r->scope},
                                  {"configuration_set", r->configuration_set},
                                  {"state", reputation_state_name((enum reputation_state)state)}),
                           4, r->state == (enum reputation_state)state);
        }
}

void prometheus_write_reputation(struct exposition *to, const struct snapshot *s) {
    write_values(to, s);
    write_states(to, s);
}
