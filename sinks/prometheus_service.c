#include <stdio.h>
#include <string.h>

#include "sinks/prometheus_parts.h"

static void write_state(struct exposition *to, const struct service_row *v) {
    exposition_begin(to, "ses_collector_ready", METRIC_GAUGE, "1 while /-/ready answers 200.");
    exposition_u64(to, NULL, 0, v->ready);
    exposition_begin(to, "ses_collector_behind", METRIC_GAUGE,
                     "1 while a backlog is read; alerts that begin then are held back.");
    exposition_u64(to, NULL, 0, v->behind);
    exposition_begin(to, "ses_collector_state_writable", METRIC_GAUGE,
                     "0 while the state file cannot be written; the input waits.");
    exposition_u64(to, NULL, 0, v->state_writable);
    exposition_begin(to, "ses_collector_state_bytes", METRIC_GAUGE, "Size of the state file.");
    exposition_u64(to, NULL, 0, v->state_bytes);
    exposition_begin(to, "ses_collector_commit_seconds", METRIC_HISTOGRAM, "Time that a commit of the state took.");
    exposition_histogram(to, NULL, 0, commit_bucket_bounds, COMMIT_BUCKETS - 1, v->commit_count, v->commit_seconds_sum);
    exposition_begin(to, "ses_collector_queue_batches", METRIC_GAUGE, "Batches that wait for the next stage.");
    exposition_u64(to, LABELS({"queue", "counting"}), 1, v->queued_batches);
}

static void write_configuration(struct exposition *to, const struct service_row *v) {
    exposition_begin(to, "ses_collector_config_last_reload_successful", METRIC_GAUGE,
                     "0 when the configuration on disk was refused, and the one before still runs.");
    exposition_u64(to, NULL, 0, v->reload_ok);
    exposition_begin(to, "ses_collector_config_last_reload_success_timestamp_seconds", METRIC_GAUGE,
                     "When the configuration that runs was taken over.");
    exposition_double(to, NULL, 0, (double)v->reload_ok_ms / 1000);
}

static void write_notifications(struct exposition *to, const struct service_row *v) {
    exposition_begin(to, "ses_collector_notifications_total", METRIC_COUNTER,
                     "Attempts to tell a target of alerts, failed ones included.");
    exposition_u64(to, NULL, 0, v->notifications_sent + v->notifications_failed);
    exposition_begin(to, "ses_collector_notifications_failed_total", METRIC_COUNTER,
                     "Attempts that failed; most are made again.");
    exposition_u64(to, NULL, 0, v->notifications_failed);
    exposition_begin(to, "ses_collector_notifications_dropped_total", METRIC_COUNTER, "Notifications given up.");
    exposition_u64(to, NULL, 0, v->notifications_dropped);
    exposition_begin(to, "ses_collector_notifications_waiting", METRIC_GAUGE, "Notifications not yet delivered.");
    exposition_u64(to, NULL, 0, v->notifications_waiting);
}

static void write_sources(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_collector_source_caught_up", METRIC_GAUGE,
                     "1 while everything that the source has is counted.");
    for (size_t i = 0; i < s->source_count; i++)
        exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].caught_up);
    exposition_begin(to, "ses_collector_source_trouble", METRIC_GAUGE,
                     "1 while something stands in the way of the source; the page and the log say what.");
    for (size_t i = 0; i < s->source_count; i++)
        exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].trouble != NULL);
    exposition_begin(to, "ses_collector_dead_letters_total", METRIC_COUNTER,
                     "Records that could not be understood, sent to the dead letter topic.");
    for (size_t i = 0; i < s->source_count; i++)
        exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].dead_letters);
    exposition_begin(to, "ses_collector_dead_letters_failed_total", METRIC_COUNTER,
                     "Dead letters that could not be sent.");
    for (size_t i = 0; i < s->source_count; i++)
        exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].dead_letters_failed);
}

/* Only what is ours now and known: another instance tells of the other partitions, and a sum over both must be right.
 */
static void write_lag(struct exposition *to, const struct source_row *source) {
    for (size_t i = 0; i < source->partition_count; i++) {
        const struct partition_row *row = &source->partitions[i];
        char number[16];
        snprintf(number, sizeof number, "%d", (int)row->partition);
        if (row->assigned && row->lag >= 0)
            exposition_u64(to, LABELS({"source", source->name}, {"topic", row->topic}, {"partition", number}), 3,
                           (uint64_t)row->lag);
    }
}

static void write_kafka(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_collector_kafka_lag_messages", METRIC_GAUGE,
                     "Messages not yet counted, of the partitions that this instance reads.");
    for (size_t i = 0; i < s->source_count; i++)
        write_lag(to, &s->sources[i]);
    exposition_begin(to, "ses_collector_kafka_lost_messages_total", METRIC_COUNTER,
                     "Messages that were gone from the topic before they could be read.");
    for (size_t i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].kind, "kafka") == 0)
            exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].messages_lost);
    exposition_begin(
        to, "ses_collector_kafka_counted_twice_total", METRIC_COUNTER,
        "Messages that another member of the group counted too, after a partition moved on without a word.");
    for (size_t i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].kind, "kafka") == 0)
            exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].counted_twice);
}

void prometheus_write_service(struct exposition *to, const struct snapshot *s) {
    write_state(to, &s->service);
    write_sources(to, s);
    write_kafka(to, s);
    write_configuration(to, &s->service);
    write_notifications(to, &s->service);
}
