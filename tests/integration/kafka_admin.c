/* What tests ask of a Kafka cluster besides producing; Kafka's own tools need two seconds for each.
 *
 *     kafka_admin BROKERS create TOPIC PARTITIONS [REPLICAS] [NAME=VALUE...]   REPLICAS: a number, or broker ids (2,1)
 *     kafka_admin BROKERS grow TOPIC PARTITIONS
 *     kafka_admin BROKERS delete TOPIC
 *     kafka_admin BROKERS cut TOPIC PARTITION OFFSET      deletes the records before it; -1: all
 *     kafka_admin BROKERS alter TOPIC NAME=VALUE...       the topic has these settings, and no others
 *     kafka_admin BROKERS offsets TOPIC                   a line "PARTITION FIRST NEXT" for each
 *     kafka_admin BROKERS leaders TOPIC                   a line "PARTITION LEADER" for each
 *     kafka_admin BROKERS committed TOPIC GROUP           a line "PARTITION OFFSET" for each; -1001: none
 *
 * Returns when it is done and says nothing, or why it is not. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

enum { TIMEOUT_MS = 30000, MAX_REPLICAS = 8, MAX_PARTITIONS = 1000 };

static rd_kafka_t *client;

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "kafka_admin: %s: %s\n", what, why);
    exit(1);
}

static void die_of(const char *what, rd_kafka_resp_err_t rc) {
    if (rc)
        die(what, rd_kafka_err2str(rc));
}

static rd_kafka_t *open_client(const char *brokers, const char *group) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why) ||
        (group && rd_kafka_conf_set(conf, "group.id", group, why, sizeof why)))
        die("configuration", why);
    rd_kafka_t *k = rd_kafka_new(group ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!k)
        die("client", why);
    return k;
}

/* --- requests to the controller ----------------------------------------------------------------------------------- */

/* The answer to a request that was sent with `queue`; what went wrong with any of its topics ends the program. */
static void await_answer(const char *what, rd_kafka_queue_t *queue) {
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (!answer)
        die(what, "no answer");
    if (rd_kafka_event_error(answer))
        die(what, rd_kafka_event_error_string(answer));
    const rd_kafka_topic_result_t **topics = NULL;
    const rd_kafka_ConfigResource_t **resources = NULL;
    size_t topic_count = 0, resource_count = 0;
    switch (rd_kafka_event_type(answer)) {
    case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
        topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &topic_count);
        break;
    case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
        topics = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(answer), &topic_count);
        break;
    case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
        topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer), &topic_count);
        break;
    case RD_KAFKA_EVENT_ALTERCONFIGS_RESULT:
        resources = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(answer), &resource_count);
        break;
    case RD_KAFKA_EVENT_DELETERECORDS_RESULT: {
        const rd_kafka_topic_partition_list_t *cut =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer));
        for (int i = 0; i < cut->cnt; i++)
            die_of(what, cut->elems[i].err);
        break;
    }
    default:
        die(what, rd_kafka_event_name(answer));
    }
    for (size_t i = 0; i < topic_count; i++)
        if (rd_kafka_topic_result_error(topics[i]))
            die(what, rd_kafka_topic_result_error_string(topics[i]));
    for (size_t i = 0; i < resource_count; i++)
        die_of(what, rd_kafka_ConfigResource_error(resources[i]));
    rd_kafka_event_destroy(answer);
}

static int number(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < -1 || n > MAX_PARTITIONS)
        die(text, "expected a small number");
    return (int)n;
}

/* "2,1": the broker ids of every partition's replicas, the first is to lead. */
static void assign_replicas(rd_kafka_NewTopic_t *topic, int partitions, const char *list) {
    int32_t ids[MAX_REPLICAS];
    size_t count = 0;
    char why[256];
    for (const char *p = list; p && count < MAX_REPLICAS; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        ids[count++] = (int32_t)strtol(p, NULL, 10);
    for (int i = 0; i < partitions; i++)
        if (rd_kafka_NewTopic_set_replica_assignment(topic, i, ids, count, why, sizeof why))
            die(list, why);
}

/* Splits NAME=VALUE in place. */
static char *value_of(char *text) {
    char *equals = strchr(text, '=');
    if (!equals)
        die(text, "expected NAME=VALUE");
    *equals = 0;
    return equals + 1;
}

static void create(rd_kafka_queue_t *queue, const char *name, int argc, char **argv) {
    char why[256];
    int partitions = number(argv[0]), at = 1;
    const char *replicas = argc > 1 && !strchr(argv[1], '=') ? argv[at++] : "-1";
    bool assigned = strchr(replicas, ',') != NULL;
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, partitions, assigned ? -1 : number(replicas), why, sizeof why);
    if (!topic)
        die(name, why);
    if (assigned)
        assign_replicas(topic, partitions, replicas);
    for (; at < argc; at++) {
        char *value = value_of(argv[at]);
        die_of(argv[at], rd_kafka_NewTopic_set_config(topic, argv[at], value));
    }
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    await_answer("create", queue);
    rd_kafka_NewTopic_destroy(topic);
}

static void grow(rd_kafka_queue_t *queue, const char *name, int argc, char **argv) {
    char why[256];
    (void)argc;
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(name, (size_t)number(argv[0]), why, sizeof why);
    if (!more)
        die(name, why);
    rd_kafka_CreatePartitions(client, &more, 1, NULL, queue);
    await_answer("grow", queue);
    rd_kafka_NewPartitions_destroy(more);
}

static void delete_topic(rd_kafka_queue_t *queue, const char *name, int argc, char **argv) {
    (void)argc, (void)argv;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    await_answer("delete", queue);
    rd_kafka_DeleteTopic_destroy(topic);
}

static void cut(rd_kafka_queue_t *queue, const char *name, int argc, char **argv) {
    (void)argc;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, number(argv[0]))->offset = strtoll(argv[1], NULL, 10);
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(client, &records, 1, NULL, queue);
    await_answer("cut", queue);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
}

static void alter(rd_kafka_queue_t *queue, const char *name, int argc, char **argv) {
    rd_kafka_ConfigResource_t *topic = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    for (int i = 0; i < argc; i++) {
        char *value = value_of(argv[i]);
        die_of(argv[i], rd_kafka_ConfigResource_set_config(topic, argv[i], value));
    }
    rd_kafka_AlterConfigs(client, &topic, 1, NULL, queue);
    await_answer("alter", queue);
    rd_kafka_ConfigResource_destroy(topic);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static const struct rd_kafka_metadata *metadata_of(const char *name) {
    const struct rd_kafka_metadata *found;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    die_of("metadata", rd_kafka_metadata(client, 0, topic, &found, TIMEOUT_MS));
    rd_kafka_topic_destroy(topic);
    die_of(name, found->topics[0].err);
    return found;
}

static void print_offsets(const char *name) {
    const struct rd_kafka_metadata *found = metadata_of(name);
    for (int i = 0; i < found->topics[0].partition_cnt; i++) {
        int64_t first, next;
        die_of("offsets", rd_kafka_query_watermark_offsets(client, name, i, &first, &next, TIMEOUT_MS));
        printf("%d %" PRId64 " %" PRId64 "\n", i, first, next);
    }
    rd_kafka_metadata_destroy(found);
}

static int by_id(const void *x, const void *y) {
    return ((const struct rd_kafka_metadata_partition *)x)->id - ((const struct rd_kafka_metadata_partition *)y)->id;
}

static void print_leaders(const char *name) {
    const struct rd_kafka_metadata *found = metadata_of(name);
    struct rd_kafka_metadata_topic *topic = &found->topics[0];
    qsort(topic->partitions, (size_t)topic->partition_cnt, sizeof *topic->partitions, by_id);
    for (int i = 0; i < topic->partition_cnt; i++)
        printf("%d %d\n", topic->partitions[i].id, topic->partitions[i].leader);
    rd_kafka_metadata_destroy(found);
}

static void print_committed(const char *name) {
    const struct rd_kafka_metadata *found = metadata_of(name);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(found->topics[0].partition_cnt);
    rd_kafka_topic_partition_list_add_range(list, name, 0, found->topics[0].partition_cnt - 1);
    die_of("committed", rd_kafka_committed(client, list, TIMEOUT_MS));
    for (int i = 0; i < list->cnt; i++)
        printf("%d %" PRId64 "\n", list->elems[i].partition, list->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(found);
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int arguments; /* behind the topic, at least */
    void (*request)(rd_kafka_queue_t *queue, const char *topic, int argc, char **argv);
    void (*question)(const char *topic);
} commands[] = {
    {"create", 1, create, NULL},         {"grow", 1, grow, NULL},
    {"delete", 0, delete_topic, NULL},   {"cut", 2, cut, NULL},
    {"alter", 1, alter, NULL},           {"offsets", 0, NULL, print_offsets},
    {"leaders", 0, NULL, print_leaders}, {"committed", 1, NULL, print_committed},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc >= 4 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[2]) != 0 || argc - 4 < commands[i].arguments)
            continue;
        bool of_group = commands[i].question == print_committed;
        client = open_client(argv[1], of_group ? argv[4] : NULL);
        if (commands[i].request) {
            rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
            commands[i].request(queue, argv[3], argc - 4, argv + 4);
            rd_kafka_queue_destroy(queue);
        } else {
            commands[i].question(argv[3]);
        }
        rd_kafka_destroy(client);
        return 0;
    }
    fprintf(stderr,
            "kafka_admin: expected BROKERS COMMAND TOPIC ...: see the head of tests/integration/kafka_admin.c\n");
    return 2;
}
