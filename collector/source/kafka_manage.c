/* The manager: keeps the consumer alive, looks for partitions, tells the group what is counted. */
#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_internal.h"

#define SECOND INT64_C(1000000000)

enum { POLL_MS = 50, LOOK_SECONDS = 10, RETRY_SECONDS = 1, MISSING_SECONDS = 30 };

/* --- looking for partitions --------------------------------------------------------------------------------------- */

static bool is_wanted(const struct kafka_options *o, int32_t number) {
    for (size_t i = 0; i < o->partition_count; i++)
        if (o->partitions[i] == number)
            return true;
    return o->partition_count == 0;
}

static bool has_partition(const struct rd_kafka_metadata_topic *topic, int32_t number) {
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].id == number)
            return true;
    return false;
}

/* Under the lock, as what follows. */
static void add_partitions(struct kafka *k, const struct rd_kafka_metadata_topic *topic, bool was_seen) {
    for (int i = 0; i < topic->partition_cnt; i++) {
        int32_t number = topic->partitions[i].id;
        if (!is_wanted(k->options, number) || kafka_partition_find(k, topic->topic, number))
            continue;
        struct kafka_partition *p = kafka_partition_add(k, topic->topic, number);
        p->state = PARTITION_LOCATE;
        p->reason = was_seen ? LOCATE_NEW : LOCATE_START;
        k->locate_at_ns = 0;
    }
}

/* A topic that was gone is back: it may be another of the same name. */
static void look_again(struct kafka *k, const char *topic) {
    for (size_t i = 0; i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        if (!p->suspect || strcmp(p->topic, topic) != 0 || p->state == PARTITION_GONE)
            continue;
        p->suspect = false;
        p->state = PARTITION_LOCATE;
        p->reason = LOCATE_AGAIN;
        p->generation++;
        k->locate_at_ns = 0;
    }
}

/* NULL: any topic. */
static void suspect(struct kafka *k, const char *topic) {
    for (size_t i = 0; i < k->partition_count; i++)
        if (!topic || strcmp(k->partitions[i]->topic, topic) == 0)
            k->partitions[i]->suspect = true;
}

void kafka_look_soon(struct kafka *k) {
    pthread_mutex_lock(&k->lock);
    suspect(k, NULL);
    pthread_mutex_unlock(&k->lock);
    k->discover_at_ns = 0;
}

static bool all_named_are_there(struct kafka *k, const struct rd_kafka_metadata_topic *topic) {
    for (size_t i = 0; i < k->options->partition_count; i++) {
        if (!has_partition(topic, k->options->partitions[i])) {
            kafka_set_trouble(k, "the topic %s has no partition %d", topic->topic, k->options->partitions[i]);
            return false;
        }
    }
    return true;
}

static bool take_topic(struct kafka *k, const struct rd_kafka_metadata_topic *topic, bool was_seen) {
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        kafka_set_trouble(k, "the topic %s does not exist; waiting for it", topic->topic);
        suspect(k, topic->topic);
        return false;
    }
    if (topic->err) {
        kafka_set_trouble(k, "the topic %s: %s", topic->topic, rd_kafka_err2str(topic->err));
        return false;
    }
    look_again(k, topic->topic);
    if (k->options->mode == KAFKA_GROUP)
        return true;
    add_partitions(k, topic, was_seen);
    return all_named_are_there(k, topic);
}

/* False when a topic is not there or no broker answers. */
static bool look_for(struct kafka *k, size_t i) {
    const struct rd_kafka_metadata *found;
    rd_kafka_resp_err_t e = rd_kafka_metadata(k->rk, 0, k->topics[i], &found, KAFKA_CALL_MS);
    bool fine = !e && found->topic_cnt == 1;
    pthread_mutex_lock(&k->lock);
    if (fine) {
        k->brokers_down = false;
        fine = take_topic(k, &found->topics[0], k->topic_seen[i]);
        k->topic_seen[i] = true;
    } else {
        kafka_set_trouble(k, "looking for the topic %s: %s", k->options->topics[i], rd_kafka_err2str(e));
    }
    pthread_mutex_unlock(&k->lock);
    if (!e)
        rd_kafka_metadata_destroy(found);
    return fine;
}

static void look(struct kafka *k, int64_t now_ns) {
    bool all = true;
    for (size_t i = 0; i < k->options->topic_count && !kafka_is_stopping(k); i++)
        all = look_for(k, i) && all;
    k->is_discovered = all;
    k->discover_at_ns = clock_monotonic_ns() + (all ? LOOK_SECONDS : RETRY_SECONDS) * SECOND;
    if (all)
        k->missing_since_ns = 0;
    else if (!k->missing_since_ns)
        k->missing_since_ns = now_ns;
    /* Who reads to the end and leaves wants to hear that there is nothing to read. */
    if (!all && k->base.exit_at_end && now_ns - k->missing_since_ns > MISSING_SECONDS * SECOND) {
        pthread_mutex_lock(&k->lock);
        char text[TROUBLE_TEXT];
        memcpy(text, k->trouble, sizeof text);
        pthread_mutex_unlock(&k->lock);
        kafka_fail(k, text);
    }
}

/* --- the consumer's own queue ------------------------------------------------------------------------------------- */

/* A message should never come this way. If one does, the partition is read again from there. */
static void take_stray(struct kafka *k, const rd_kafka_message_t *m) {
    pthread_mutex_lock(&k->lock);
    struct kafka_partition *p = kafka_partition_find(k, rd_kafka_topic_name(m->rkt), m->partition);
    if (p && p->state != PARTITION_GONE) {
        if (m->offset < p->position.n[NEXT])
            kafka_begin_at(p, m->offset);
        p->position.n[ANCHOR] = -1;
        p->state = PARTITION_LOCATE;
        p->reason = LOCATE_AGAIN;
        p->generation++;
        k->locate_at_ns = 0;
    }
    pthread_mutex_unlock(&k->lock);
}

static void poll_consumer(struct kafka *k) {
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, POLL_MS);
    if (!m)
        return;
    if (!m->err) {
        take_stray(k, m);
    } else {
        pthread_mutex_lock(&k->lock);
        kafka_set_trouble(k, "%s", rd_kafka_message_errstr(m));
        pthread_mutex_unlock(&k->lock);
        k->is_discovered = false; /* so that it is cleared when all is well */
        k->discover_at_ns = clock_monotonic_ns() + RETRY_SECONDS * SECOND;
        log_event(LOG_WARN, "kafka consumer trouble",
                  LOG_FIELDS({"source", k->base.name, 0}, {"error", rd_kafka_err2str(m->err), 0}));
    }
    rd_kafka_message_destroy(m);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static bool subscribe(struct kafka *k) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->options->topic_count);
    for (size_t i = 0; i < k->options->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, k->options->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (e)
        kafka_fail(k, rd_kafka_err2str(e));
    return !e;
}

static void settle_trouble(struct kafka *k) {
    pthread_mutex_lock(&k->lock);
    if (k->is_discovered && k->is_located) {
        k->trouble[0] = 0;
        k->complete = k->complete || k->options->mode == KAFKA_ASSIGN;
    }
    pthread_mutex_unlock(&k->lock);
}

static void tick(struct kafka *k) {
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns >= k->discover_at_ns)
        look(k, now_ns);
    pthread_mutex_lock(&k->lock);
    bool is_due = now_ns >= k->locate_at_ns;
    pthread_mutex_unlock(&k->lock);
    if (is_due) {
        k->is_located = kafka_locate_all(k);
        k->locate_at_ns = clock_monotonic_ns() + (k->is_located ? SECOND / 10 : RETRY_SECONDS * SECOND);
    }
    settle_trouble(k);
    if (now_ns >= k->watch_at_ns)
        kafka_watch(k, now_ns);
    if (now_ns >= k->commit_at_ns) {
        kafka_commit(k, 0);
        k->commit_at_ns = now_ns + SECOND;
    }
}

void *kafka_manage(void *kafka) {
    struct kafka *k = kafka;
    if (k->options->mode == KAFKA_GROUP && !subscribe(k))
        return NULL;
    while (!kafka_is_stopping(k)) {
        tick(k);
        poll_consumer(k);
    }
    return NULL;
}
