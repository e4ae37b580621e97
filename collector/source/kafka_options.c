/* What the configuration says, as librdkafka takes it. */
#include <assert.h>
#include <stdlib.h>

#include "source/kafka_internal.h"

void kafka_options_deinit(struct kafka_options *o) {
    for (size_t i = 0; i < o->topic_count; i++)
        free(o->topics[i]);
    for (size_t i = 0; i < o->property_count; i++) {
        free(o->properties[i].name);
        free(o->properties[i].value);
    }
    free(o->topics);
    free(o->partitions);
    free(o->properties);
    free(o->name);
    free(o->dead_letter_topic);
    free(o->msk_iam_region);
    *o = (struct kafka_options){0};
}

bool kafka_property_is_secret(const char *name) {
    static const char *const names[] = {"sasl.username", "sasl.oauthbearer.config", "sasl.jaas.config", "ssl.key.pem"};
    if (strstr(name, "password") || strstr(name, "secret"))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* --- properties that are not the user's --------------------------------------------------------------------------- */

static const struct {
    const char *name, *reason;
} refused[] = {
    {"enable.auto.commit", "offsets are committed after what they stand for is"},
    {"auto.commit.enable", "offsets are committed after what they stand for is"},
    {"auto.commit.interval.ms", "offsets are committed after what they stand for is"},
    {"enable.auto.offset.store", "offsets are committed after what they stand for is"},
    {"auto.offset.reset", "it would skip or repeat messages without a word; `start` says where to begin"},
    {"enable.partition.eof", "the end of a partition must be seen"},
    {"offset.store.method", "positions are in the state"},
    {"offset.store.path", "positions are in the state"},
    {"transactional.id", "dead letters are sent without transactions"},
    {"plugin.library.paths", "no foreign code is loaded"},
    {"statistics.interval.ms", "nobody would read the statistics"},
};

static const char *reason_to_refuse(const struct kafka_options *o, const char *name) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(name, refused[i].name) == 0)
            return refused[i].reason;
    if (o->msk_iam_region && (strncmp(name, "sasl.", 5) == 0 || strcmp(name, "security.protocol") == 0))
        return "msk_iam_region sets it";
    return NULL;
}

/* --- properties --------------------------------------------------------------------------------------------------- */

struct setting {
    const char *name, *value;
};

/* Defaults that suit us; the user may say otherwise. The queue's bound is for each partition. */
static const struct setting common_defaults[] = {{"client.id", "ses-collector"}, {"log.connection.close", "false"}};
static const struct setting consumer_defaults[] = {
    {"group.id", "ses-collector"},          {"partition.assignment.strategy", "range,roundrobin"},
    {"isolation.level", "read_committed"},  {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},  {"topic.metadata.refresh.interval.ms", "10000"},
    {"queued.max.messages.kbytes", "4096"}, {"queued.min.messages", "10000"},
    {"fetch.max.bytes", "16777216"},        {"fetch.error.backoff.ms", "200"},
};
static const struct setting consumer_fixed[] = {{"enable.auto.commit", "false"},
                                                {"enable.auto.offset.store", "false"},
                                                {"auto.offset.reset", "error"},
                                                {"enable.partition.eof", "true"}};
static const struct setting producer_defaults[] = {
    {"acks", "all"}, {"message.timeout.ms", "30000"}, {"message.max.bytes", "16777216"}, {"linger.ms", "5"}};
/* Of workers. A member that died is missed after 10 s, and a transaction that it left open holds readers for no longer.
 */
static const struct setting worker_consumer_defaults[] = {
    {"session.timeout.ms", "10000"}, {"queued.max.messages.kbytes", "16384"}, {"queued.min.messages", "100000"}};
static const struct setting worker_consumer_fixed[] = {{"isolation.level", "read_committed"}};
static const struct setting worker_producer_defaults[] = {{"partitioner", "murmur2_random"},
                                                          {"compression.codec", "lz4"},
                                                          {"linger.ms", "20"},
                                                          {"batch.num.messages", "10000"},
                                                          {"queue.buffering.max.messages", "100000"},
                                                          {"queue.buffering.max.kbytes", "65536"},
                                                          {"transaction.timeout.ms", "10000"}};
static const struct setting msk_fixed[] = {{"security.protocol", "SASL_SSL"}, {"sasl.mechanisms", "OAUTHBEARER"}};

#define SET_ALL(conf, settings) set_all(conf, settings, sizeof(settings) / sizeof *(settings))

static void set_all(rd_kafka_conf_t *conf, const struct setting *settings, size_t count) {
    char text[256];
    for (size_t i = 0; i < count; i++) {
        rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, settings[i].name, settings[i].value, text, sizeof text);
        assert(result == RD_KAFKA_CONF_OK);
        (void)result;
    }
}

/* Known from 2.3 on; see kafka_nudge.c. */
static bool set_backoff(rd_kafka_conf_t *conf) {
    char ignored[256];
    return rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "5", ignored, sizeof ignored) == RD_KAFKA_CONF_OK;
}

bool kafka_fetches_eagerly(void) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool known = set_backoff(conf);
    rd_kafka_conf_destroy(conf);
    return known;
}

bool kafka_conf_add(const struct kafka_options *o, rd_kafka_conf_t *conf, const struct kafka_property *p,
                    struct err *err) {
    const char *reason = reason_to_refuse(o, p->name);
    if (reason)
        return err_set(err, ERR_CONFIG, "the Kafka property %s cannot be set: %s", p->name, reason);
    char text[256];
    switch (rd_kafka_conf_set(conf, p->name, p->value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        return err_set(err, ERR_CONFIG, "librdkafka %s knows no property %s", rd_kafka_version_str(), p->name);
    default:
        if (kafka_property_is_secret(p->name))
            return err_set(err, ERR_CONFIG, "librdkafka does not take the value of the property %s", p->name);
        return err_set(err, ERR_CONFIG, "the Kafka property %s: %s", p->name, text);
    }
}

void kafka_conf_read(const rd_kafka_conf_t *conf, const char *name, char *text, size_t size) {
    if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
        *text = 0;
}

static void set_defaults(rd_kafka_conf_t *conf, enum kafka_role role) {
    SET_ALL(conf, common_defaults);
    switch (role) {
    case KAFKA_ROLE_CONSUMER:
    case KAFKA_ROLE_WORKER_CONSUMER:
        SET_ALL(conf, consumer_defaults);
        set_backoff(conf);
        if (role == KAFKA_ROLE_WORKER_CONSUMER)
            SET_ALL(conf, worker_consumer_defaults);
        return;
    case KAFKA_ROLE_PRODUCER:
        SET_ALL(conf, producer_defaults);
        return;
    case KAFKA_ROLE_WORKER_PRODUCER:
        SET_ALL(conf, worker_producer_defaults);
        return;
    }
}

static void set_fixed(const struct kafka_options *o, rd_kafka_conf_t *conf, enum kafka_role role) {
    if (role == KAFKA_ROLE_CONSUMER || role == KAFKA_ROLE_WORKER_CONSUMER)
        SET_ALL(conf, consumer_fixed);
    if (role == KAFKA_ROLE_WORKER_CONSUMER)
        SET_ALL(conf, worker_consumer_fixed);
    if (o->msk_iam_region)
        SET_ALL(conf, msk_fixed);
}

rd_kafka_conf_t *kafka_conf_create(const struct kafka_options *o, enum kafka_role role, struct err *err) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set_defaults(conf, role);
    for (size_t i = 0; i < o->property_count; i++) {
        if (!kafka_conf_add(o, conf, &o->properties[i], err)) {
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    set_fixed(o, conf, role);
    return conf;
}

/* --- check -------------------------------------------------------------------------------------------------------- */

static bool has_brokers(const struct kafka_options *o) {
    for (size_t i = 0; i < o->property_count; i++) {
        const char *name = o->properties[i].name;
        if ((strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0) &&
            *o->properties[i].value)
            return true;
    }
    return false;
}

static bool check_topics(const struct kafka_options *o, struct err *err) {
    if (!o->topic_count)
        return err_set(err, ERR_CONFIG, "the Kafka source has no topic");
    for (size_t i = 0; i < o->topic_count; i++) {
        if (!*o->topics[i] || strlen(o->topics[i]) > 249 || o->topics[i][0] == '^')
            return err_set(err, ERR_CONFIG, "\"%.60s\" is not the name of a Kafka topic", o->topics[i]);
        if (o->dead_letter_topic && strcmp(o->topics[i], o->dead_letter_topic) == 0)
            return err_set(err, ERR_CONFIG, "the dead letter topic %s is also read: each would come back",
                           o->dead_letter_topic);
        for (size_t j = 0; j < i; j++)
            if (strcmp(o->topics[i], o->topics[j]) == 0)
                return err_set(err, ERR_CONFIG, "the topic %s is named twice", o->topics[i]);
    }
    return true;
}

bool kafka_options_check(const struct kafka_options *o, struct err *err) {
    if (!check_topics(o, err))
        return false;
    if (o->mode == KAFKA_GROUP && o->partition_count)
        return err_set(err, ERR_CONFIG, "partitions cannot be named where the group shares them out");
    for (size_t i = 0; i < o->partition_count; i++)
        if (o->partitions[i] < 0)
            return err_set(err, ERR_CONFIG, "%d is not the number of a partition", o->partitions[i]);
    if (!has_brokers(o))
        return err_set(err, ERR_CONFIG, "the Kafka property bootstrap.servers is missing: it names the brokers");
    rd_kafka_conf_t *conf = kafka_conf_create(o, KAFKA_ROLE_CONSUMER, err);
    if (!conf)
        return false;
    rd_kafka_conf_destroy(conf);
    return true;
}
