/* What the files that write Prometheus's rules share. Only sinks/prometheus_rules*.c include it. */
#ifndef SINKS_PROMETHEUS_RULES_PARTS_H
#define SINKS_PROMETHEUS_RULES_PARTS_H

#include "sinks/prometheus_rules.h"

/* A text in double quotes, as YAML reads it back: whatever bytes it has. */
void rules_quote(FILE *out, const char *text);
/* The same for what Prometheus takes for a template: `{{` stays `{{`. */
void rules_quote_template(FILE *out, const char *text);

/* The rule's window is one that we serve as a gauge. */
bool rules_has_gauge(const struct alert_rule *r);
/* The scopes that Prometheus can see; in `why`, why the others are missing ("" if none is). */
unsigned rules_scopes(const struct prometheus_rules *p, const struct alert_rule *r, const char **why);

/* The recording rules that a rule needs and none before it has. `at`: its place among the rules. */
void rules_write_records(const struct prometheus_rules *p, size_t at, FILE *out);
/* The expression of an alert, each line indented by `indent` blanks. */
void rules_write_expression(const struct alert_rule *r, FILE *out, int indent);

/* Sends in ses_recipients_total, without the simulator's. */
#define RULES_SENDS "ses_recipients_total{event_type=\"send\",provider!=\"simulator\"}"

#endif
