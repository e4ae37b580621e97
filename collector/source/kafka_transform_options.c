/* What the configuration says of workers, as librdkafka takes it. */
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "source/kafka_transform_internal.h"

enum { MAX_INSTANCE = 200 };

/* Two workers of one host need names of their own: they are told so when they meet. */
char *kafka_transform_instance(const struct kafka_transform_options *o, const char *group) {
    char host[128] = "", name[MAX_INSTANCE * 2 + 16];
    if (o->instance)
        return alloc_string(o->instance, strlen(o->instance));
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%.200s-%s", group, *host ? host : "worker");
    return alloc_string(name, strlen(name));
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err) {
    char text[200];
    return rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK ||
           err_set(err, ERR_CONFIG, "the Kafka property %s: %s", name, text);
}

static const char *reason_to_refuse(const char *name) {
    static const struct {
        const char *name, *reason;
    } refused[] = {
        {"transactional.id", "`instance` says it"}, {"enable.idempotence", "transactions need it"},
        {"acks", "transactions need all"},          {"request.required.acks", "transactions need all"},
        {"group.id", "it is the source's"},         {"isolation.level", "only what is committed may be read"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(name, refused[i].name) == 0)
            return refused[i].reason;
    return NULL;
}

rd_kafka_conf_t *kafka_transform_producer_conf(const struct kafka_transform_options *o, const char *instance,
                                               struct err *err) {
    rd_kafka_conf_t *conf = kafka_conf_create(o->source, KAFKA_ROLE_WORKER_PRODUCER, err);
    bool ok = conf != NULL;
    for (size_t i = 0; ok && i < o->property_count; i++) {
        const struct kafka_property *p = &o->properties[i];
        const char *reason = reason_to_refuse(p->name);
        ok = reason ? err_set(err, ERR_CONFIG, "the Kafka property %s cannot be set here: %s", p->name, reason)
                    : kafka_conf_add(o->source, conf, p, err);
    }
    ok = ok && set(conf, "enable.idempotence", "true", err) && set(conf, "transactional.id", instance, err);
    if (ok)
        return conf;
    if (conf)
        rd_kafka_conf_destroy(conf);
    return NULL;
}

static bool check_source(const struct kafka_options *s, const char *topic, struct err *err) {
    if (s->mode != KAFKA_GROUP)
        return err_set(err, ERR_CONFIG, "workers share the partitions out: write mode: group");
    if (s->start == KAFKA_START_TIME)
        return err_set(err, ERR_CONFIG, "start cannot be a time here: write stored, beginning or end");
    for (size_t i = 0; i < s->topic_count; i++)
        if (strcmp(s->topics[i], topic) == 0)
            return err_set(err, ERR_CONFIG, "topic: %.100s is also read: it would be normalised again", topic);
    if (s->dead_letter_topic && strcmp(s->dead_letter_topic, topic) == 0)
        return err_set(err, ERR_CONFIG, "topic: %.100s is the dead letter topic as well", topic);
    for (size_t i = 0; i < s->property_count; i++)
        if (strcmp(s->properties[i].name, "isolation.level") == 0 &&
            strcmp(s->properties[i].value, "read_committed") != 0)
            return err_set(err, ERR_CONFIG,
                           "isolation.level must be read_committed here: what a worker aborts must not "
                           "be seen by another");
    return true;
}

bool kafka_transform_check(const struct kafka_transform_options *o, struct err *err) {
    if (o->instance && (!*o->instance || strlen(o->instance) > MAX_INSTANCE))
        return err_set(err, ERR_CONFIG, "instance: a name of at most %d characters", MAX_INSTANCE);
    if (!check_source(o->source, o->topic, err))
        return false;
    rd_kafka_conf_t *producer = kafka_transform_producer_conf(o, "check", err);
    rd_kafka_conf_t *consumer = producer ? kafka_conf_create(o->source, KAFKA_ROLE_WORKER_CONSUMER, err) : NULL;
    bool ok = producer && consumer;
    if (producer)
        rd_kafka_conf_destroy(producer);
    if (consumer)
        rd_kafka_conf_destroy(consumer);
    return ok;
}
