#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "alert/brake.h"
#include "sinks/prometheus_parts.h"

static void write_ready(struct exposition *to, const struct service_row *v) {
    exposition_begin(to, "ses_collector_ready", METRIC_GAUGE, "1 while /-/ready answers 200.");
    exposition_u64(to, NULL, 0, v->ready);
}

static void write_state(struct exposition *to, const struct service_row *v) {
    write_ready(to, v);
    exposition_begin(to, "ses_collector_behind", METRIC_GAUGE,
                     "1 while a backlog is read; alerts that begin then are held back.");
    exposition_u64(to, NULL, 0, v->behind);
    exposition_begin(to, "ses_collector_state_writable", METRIC_GAUGE,
                     "0 while the state file cannot be written; the input waits.");
    exposition_u64(to, NULL, 0, v->state_writable);
    exposition_begin(to, "ses_collector_state_bytes", METRIC_GAUGE, "Size of the state file.");
    exposition_u64(to, NULL, 0, v->state_bytes);
    exposition_begin(to, "ses_collector_commit_seconds", METRIC_HISTOGRAM, "Time that a commit of the state took.");
    exposition_histogram(to, NULL, 0, commit_bucket_bounds, COMMIT_BUCKETS - 1, v->commit_count, v->commit_seconds_sum,
                         NULL);
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

static void write_brake(struct exposition *to, const struct snapshot *s) {
    static const char *const actions[BRAKE_ACTIONS] = {"pause", "resume"};
    const struct service_row *v = &s->service;
    exposition_begin(to, "ses_collector_brake_decisions_total", METRIC_COUNTER,
                     "What the brake made of incidents of rules that have one.");
    for (int d = 0; v->brake_asked && d < BRAKE_DECISIONS; d++)
        exposition_u64(to, LABELS({"decision", brake_decision_name((enum brake_decision)d)}), 1, v->brake_decisions[d]);
    exposition_begin(to, "ses_collector_brake_actions_total", METRIC_COUNTER,
                     "Calls to SES that pause sending or let it go on; those that failed are made again.");
    for (int a = 0; v->brake_asked && a < BRAKE_ACTIONS; a++) {
        exposition_u64(to, LABELS({"action", actions[a]}, {"result", "done"}), 2, v->brake_done[a]);
        exposition_u64(to, LABELS({"action", actions[a]}, {"result", "failed"}), 2, v->brake_failed[a]);
    }
    exposition_begin(to, "ses_collector_brake_paused", METRIC_GAUGE,
                     "1 while sending is paused by the brake, as far as it knows; without a name it is the account's.");
    for (size_t i = 0; i < s->brake_count; i++)
        if (s->brakes[i].reached)
            exposition_u64(to, LABELS({"configuration_set", s->brakes[i].configuration_set}), 1, 1);
    exposition_begin(to, "ses_collector_brake_trouble", METRIC_GAUGE,
                     "1 while the brake cannot do what it decided; the page and the log say why.");
    if (v->brake_asked)
        exposition_u64(to, NULL, 0, v->brake_trouble[0] != '\0');
}

static void write_suppression(struct exposition *to, const struct suppression_row *row) {
    exposition_begin(to, "ses_collector_suppression_addresses", METRIC_GAUGE,
                     "Addresses on the list of those that bounced for good or complained.");
    exposition_u64(to, NULL, 0, row->addresses);
    exposition_begin(to, "ses_collector_suppression_dropped_total", METRIC_COUNTER,
                     "Addresses that came when the list was full.");
    exposition_u64(to, NULL, 0, row->dropped);
    exposition_begin(to, "ses_collector_suppression_told_total", METRIC_COUNTER,
                     "Addresses handed on to SES or a webhook: taken, or refused for good; and attempts that failed.");
    exposition_u64(to, LABELS({"result", "taken"}), 1, row->told);
    exposition_u64(to, LABELS({"result", "refused"}), 1, row->refused);
    exposition_u64(to, LABELS({"result", "failed"}), 1, row->failed);
    exposition_begin(to, "ses_collector_suppression_waiting", METRIC_GAUGE, "Addresses still to be handed on.");
    exposition_u64(to, NULL, 0, row->waiting);
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

static void write_buckets(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_collector_s3_requests_total", METRIC_COUNTER,
                     "Requests to the store of a bucket that is watched: listings and downloads, with those that were "
                     "tried again.");
    for (size_t i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].kind, "s3") == 0)
            exposition_u64(to, LABELS({"source", s->sources[i].name}), 1, s->sources[i].requests);
}

static void write_sqs(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_collector_sqs_messages_total", METRIC_COUNTER,
                     "Messages of a queue, each time they come: received, and among these redelivered, deleted, left "
                     "there (refused, deferred), and ignored since nothing in them was to be read.");
    for (size_t i = 0; i < s->source_count; i++) {
        const struct source_row *row = &s->sources[i];
        if (strcmp(row->kind, "sqs") != 0)
            continue;
        const struct {
            const char *result;
            uint64_t count;
        } results[] = {
            {"received", row->messages_received}, {"redelivered", row->messages_redelivered},
            {"deleted", row->messages_deleted},   {"refused", row->messages_refused},
            {"deferred", row->messages_deferred}, {"ignored", row->messages_ignored},
        };
        for (size_t j = 0; j < sizeof results / sizeof results[0]; j++)
            exposition_u64(to, LABELS({"source", row->name}, {"result", results[j].result}), 2, results[j].count);
    }
}

static void write_pushes(struct exposition *to, const struct source_row *source) {
    for (int endpoint = 0; endpoint < PUSH_ENDPOINTS; endpoint++)
        for (int result = 0; result < PUSH_RESULTS; result++)
            exposition_u64(to,
                           LABELS({"source", source->name}, {"endpoint", push_endpoint_names[endpoint]},
                                  {"result", push_result_names[result]}),
                           3, source->pushes[endpoint][result]);
}

static void write_push(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "ses_collector_push_requests_total", METRIC_COUNTER,
                     "Requests that Firehose, SNS or others sent to a push source, by how they were answered.");
    for (size_t i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].kind, "push") == 0)
            write_pushes(to, &s->sources[i]);
}

static void write_remote_counters(struct exposition *to, const struct service_row *v) {
    static const struct {
        const char *name, *help;
        size_t at;
    } families[] = {
        {"ses_collector_remote_write_samples_total", "Samples that a receiver of remote write took.",
         offsetof(struct remote_write_row, written)},
        {"ses_collector_remote_write_samples_refused_total",
         "Samples that a receiver of remote write refused for good.", offsetof(struct remote_write_row, refused)},
        {"ses_collector_remote_write_samples_dropped_total",
         "Samples given up: not written for too long, or too many waiting.",
         offsetof(struct remote_write_row, dropped)},
        {"ses_collector_remote_write_requests_total", "Requests to a receiver of remote write, failed ones included.",
         offsetof(struct remote_write_row, requests)},
        {"ses_collector_remote_write_requests_failed_total",
         "Requests to a receiver of remote write that were not answered, or not well.",
         offsetof(struct remote_write_row, failed)},
    };
    for (size_t f = 0; f < COUNT(families); f++) {
        exposition_begin(to, families[f].name, METRIC_COUNTER, families[f].help);
        for (size_t i = 0; i < v->remote_write_count; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&v->remote_writes[i] + families[f].at, sizeof value);
            exposition_u64(to, LABELS({"target", v->remote_writes[i].target}), 1, value);
        }
    }
}

static void write_remote(struct exposition *to, const struct service_row *v) {
    write_remote_counters(to, v);
    exposition_begin(to, "ses_collector_remote_write_samples_waiting", METRIC_GAUGE,
                     "Samples that are still to be written.");
    for (size_t i = 0; i < v->remote_write_count; i++)
        exposition_u64(to, LABELS({"target", v->remote_writes[i].target}), 1, v->remote_writes[i].waiting);
    exposition_begin(to, "ses_collector_remote_write_last_written_timestamp_seconds", METRIC_GAUGE,
                     "Time of the newest sample that was written. Absent before the first.");
    for (size_t i = 0; i < v->remote_write_count; i++)
        if (v->remote_writes[i].last_ms)
            exposition_double(to, LABELS({"target", v->remote_writes[i].target}), 1,
                              (double)v->remote_writes[i].last_ms / 1000);
}

static void write_worker(struct exposition *to, const struct worker_row *w) {
    exposition_begin(to, "ses_collector_normalized_records_total", METRIC_COUNTER,
                     "Normalised records written by a worker, in transactions that were committed.");
    exposition_u64(to, NULL, 0, w->records);
    exposition_begin(to, "ses_collector_normalized_events_total", METRIC_COUNTER,
                     "Events in the normalised records written by a worker.");
    exposition_u64(to, NULL, 0, w->events);
    exposition_begin(to, "ses_collector_transactions_total", METRIC_COUNTER,
                     "Transactions of a worker, by how they ended; what was aborted is done again.");
    exposition_u64(to, LABELS({"result", "committed"}), 1, w->committed);
    exposition_u64(to, LABELS({"result", "aborted"}), 1, w->aborted);
    exposition_begin(to, "ses_collector_clients_recreated_total", METRIC_COUNTER,
                     "Kafka clients that a worker made anew: since another worker has its name (fenced), or after "
                     "another error that nothing else mends.");
    exposition_u64(to, LABELS({"reason", "fenced"}), 1, w->fenced);
    exposition_u64(to, LABELS({"reason", "error"}), 1, w->recreated - w->fenced);
    exposition_begin(to, "ses_collector_hash_key_info", METRIC_GAUGE,
                     "Always 1. The fingerprint of a worker's hash_key_file: where workers of one topic show two, "
                     "duplicates are not known any more.");
    if (w->key[0])
        exposition_u64(to, LABELS({"fingerprint", w->key}), 1, 1);
}

/* It keeps no counts, tells nobody, and has no state: what is left of a service. */
static void write_service_of_worker(struct exposition *to, const struct snapshot *s) {
    write_ready(to, &s->service);
    write_sources(to, s);
    write_kafka(to, s);
    write_worker(to, &s->worker);
}

void prometheus_write_service(struct exposition *to, const struct snapshot *s) {
    if (s->has_worker) {
        write_service_of_worker(to, s);
        return;
    }
    write_state(to, &s->service);
    write_sources(to, s);
    write_kafka(to, s);
    write_push(to, s);
    write_buckets(to, s);
    write_sqs(to, s);
    write_configuration(to, &s->service);
    write_notifications(to, &s->service);
    write_brake(to, s);
    write_suppression(to, &s->service.suppression);
    write_remote(to, &s->service);
}
