/* Alerts in event time: takes the minutes that the aggregate closes, in their order, keeps the sums of the rules'
 * windows, and moves every rule on every series it is for. */
#ifndef PIPELINE_ALERTING_H
#define PIPELINE_ALERTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "alert/rule.h"

struct alerting;

/* What the aggregate has to be asked for, so that these rules can be looked at: closed minutes with pairs and
 * identities (aggregate_options.keep_wide), and with what became of mail by when it was sent (keep_cohorts). */
bool alerting_wants_wide(const struct alert_rule *rules, size_t count);
bool alerting_wants_cohorts(const struct alert_rule *rules, size_t count);

/* The rules and the names are borrowed. Returns new. */
struct alerting *alerting_create(const struct alert_rule *rules, size_t count, const struct snapshot_names *names);
void alerting_destroy(struct alerting *a); /* NULL is allowed */

void alerting_minute(struct alerting *a, const struct closed_minute *minute);

/* The input has ended: looks at the minutes up to the watermark's. */
void alerting_finish(struct alerting *a, int64_t watermark_ms);

/* Everything that fired, and what is pending now; by time. One block, for free(); NULL when there is nothing. */
struct alert_row *alerting_rows(const struct alerting *a, size_t *count, uint64_t *dropped);

/* --- the service -------------------------------------------------------------------------------------------------- */

struct alerting_hooks {
    void *context;
    /* An incident began or ended, or is no longer held or muted; one that is held, or muted, is to be told to nobody.
     * Those that begin together come when their minute has been looked at. The row is borrowed for the call. */
    void (*on_change)(void *context, const struct alert_row *incident);
    /* Every minute, for an incident that goes on and whose rule has a brake: its value and its two numbers are those of
     * now. NULL: nobody wants to know. */
    void (*on_standing)(void *context, const struct alert_row *incident);
};

/* Makes it one that runs for years: `rule_numbers` gives each rule (name and severity) its number for ever. Before the
 * first minute. */
void alerting_go_live(struct alerting *a, struct intern *rule_numbers, const struct alerting_hooks *hooks);

/* A minute that was looked at has changed after all: later windows are right, what was decided stands. As amended_fn.
 */
void alerting_amend(struct alerting *a, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                    int by);

/* Nothing came up to before `minute`: looks at the minutes until there. */
void alerting_advance(struct alerting *a, int64_t minute);

/* While a backlog is read incidents are held: listed, told to nobody. When that is over, those that still fire are
 * told. */
void alerting_hold(struct alerting *a, bool held);

/* As aggregate_save and _load. Loading also fills the windows from what `counts`, loaded before, has of the past; an
 * incident whose rule is gone is over. */
void alerting_save(struct alerting *a, const struct state_writer *to);
void alerting_saved(struct alerting *a);
bool alerting_load(struct alerting *a, const struct state_reader *from, const struct aggregate *counts,
                   struct err *err);

/* The incident fires. */
bool alerting_fires(const struct alerting *a, uint64_t incident);

/* Other rules from now on: takes over what `old` knows, and ends it. */
void alerting_take_over(struct alerting *a, struct alerting *old, const struct aggregate *counts);

#endif
