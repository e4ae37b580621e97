/* How fast a Kafka topic can be read at all: librdkafka alone, from beginning to end, looking at nothing.
 *
 *     kafka_bare BROKERS TOPIC [NAME=VALUE...]    properties of librdkafka
 *
 * Prints one line: messages, bytes, seconds, messages per second. Time runs from the first message to the last
 * one, so that finding the brokers and learning that nothing follows are not part of it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { TIMEOUT_MS = 30000, BATCH = 1000 };

/* consume_batch_queue waits so long for a batch to be full, however much there is already: rather small. */
enum { WAIT_MS = 10 };

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "kafka_bare: %s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Reads all partitions from their beginning. Returns how many there are. */
static int assign_all(rd_kafka_t *consumer, const char *name) {
    const struct rd_kafka_metadata *found;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    rd_kafka_resp_err_t rc = rd_kafka_metadata(consumer, 0, topic, &found, TIMEOUT_MS);
    if (!rc)
        rc = found->topics[0].err;
    if (rc)
        die(name, rd_kafka_err2str(rc));
    int count = found->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rc = rd_kafka_assign(consumer, list);
    if (rc)
        die("assign", rd_kafka_err2str(rc));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(topic);
    return count;
}

static void read_all(rd_kafka_t *consumer, int partitions) {
    static rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    uint64_t count = 0, bytes = 0;
    double began = 0, ended = 0;
    while (partitions) {
        uint64_t before = count;
        ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        if (n < 0)
            die("consume", rd_kafka_err2str(rd_kafka_last_error()));
        if (n && began == 0)
            began = seconds();
        for (ssize_t i = 0; i < n; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                partitions--;
            else if (messages[i]->err)
                die("message", rd_kafka_message_errstr(messages[i]));
            else
                count++, bytes += messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
        if (count > before)
            ended = seconds();
    }
    double took = ended > began ? ended - began : 1e-9;
    printf("%" PRIu64 " messages, %" PRIu64 " bytes, %.3f s, %.0f messages/s, %.0f MB/s\n", count, bytes, took,
           (double)count / took, (double)bytes / took / 1e6);
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv) {
    char why[256];
    if (argc < 3)
        die("usage", "kafka_bare BROKERS TOPIC [NAME=VALUE...]");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", "kafka_bare");
    set(conf, "enable.partition.eof", "true");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.max.messages.kbytes", "262144");
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            die(argv[i], "expected NAME=VALUE");
        *equals = 0;
        set(conf, argv[i], equals + 1);
    }
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!consumer)
        die("consumer", why);
    rd_kafka_poll_set_consumer(consumer);
    read_all(consumer, assign_all(consumer, argv[2]));
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
