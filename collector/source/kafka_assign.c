/* Partitions, and how librdkafka is told of them. */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/log.h"
#include "source/kafka_internal.h"

/* --- partitions --------------------------------------------------------------------------------------------------- */

struct kafka_partition *kafka_partition_find(struct kafka *k, const char *topic, int32_t number) {
    for (size_t i = 0; i < k->partition_count; i++)
        if (k->partitions[i]->number == number && strcmp(k->partitions[i]->topic, topic) == 0)
            return k->partitions[i];
    return NULL;
}

static void use_saved(struct kafka *k, struct kafka_partition *p) {
    for (size_t i = 0; i < k->saved_count; i++) {
        if (strcmp(k->saved[i].stream, p->stream.name) == 0) {
            p->position = k->saved[i].position;
            p->has_position = true;
        }
    }
    p->given0 = p->position.n[NEXT];
    p->stream.counted = p->position;
    atomic_store(&p->stream.committed0, p->given0);
}

struct kafka_partition *kafka_partition_add(struct kafka *k, const char *topic, int32_t number) {
    char name[300];
    struct kafka_partition *p = alloc_zeroed(1, sizeof *p);
    int len = snprintf(name, sizeof name, "%s/%d", topic, number);
    p->stream.name = alloc_string(name, (size_t)len < sizeof name ? (size_t)len : sizeof name - 1);
    p->topic = alloc_string(topic, strlen(topic));
    p->number = number;
    p->group_offset = -1;
    use_saved(k, p);
    if (k->partition_count == k->partition_room) {
        k->partition_room = k->partition_room ? 2 * k->partition_room : 16;
        k->partitions = alloc_resize(k->partitions, k->partition_room, sizeof(struct kafka_partition *));
    }
    return k->partitions[k->partition_count++] = p;
}

void kafka_partition_destroy(struct kafka_partition *p) {
    if (p->queue)
        rd_kafka_queue_destroy(p->queue);
    free(p->stream.name);
    free(p->topic);
    free(p);
}

/* --- librdkafka's assignment -------------------------------------------------------------------------------------- */

static void queue_filled(rd_kafka_t *rk, void *kafka) {
    (void)rk;
    kafka_wake(kafka);
}

/* Before it is assigned: later some messages would have gone the other way already. */
static void cut_off_queue(struct kafka *k, struct kafka_partition *p) {
    if (!p->queue) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(k->rk, p->topic, p->number);
        rd_kafka_queue_cb_event_enable(queue, queue_filled, k);
        pthread_mutex_lock(&k->lock);
        p->queue = queue;
        pthread_mutex_unlock(&k->lock);
    }
    rd_kafka_queue_forward(p->queue, NULL);
}

rd_kafka_topic_partition_list_t *kafka_list(struct kafka_partition **list, size_t count) {
    rd_kafka_topic_partition_list_t *to = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(to, list[i]->topic, list[i]->number)->offset =
            list[i]->position.n[list[i]->verify ? ANCHOR : NEXT];
    return to;
}

static bool is_fine(struct kafka *k, const char *what, rd_kafka_error_t *error) {
    if (!error)
        return true;
    log_event(LOG_ERROR, "kafka assignment refused",
              LOG_FIELDS({"source", k->base.name, 0}, {"call", what, 0}, {"error", rd_kafka_error_string(error), 0}));
    rd_kafka_error_destroy(error);
    return false;
}

static bool replace_all(struct kafka *k, struct kafka_partition **list, size_t count) {
    rd_kafka_topic_partition_list_t *to = kafka_list(list, count);
    rd_kafka_resp_err_t e = rd_kafka_assign(k->rk, to);
    rd_kafka_topic_partition_list_destroy(to);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_event(LOG_ERROR, "kafka assignment refused",
                  LOG_FIELDS({"source", k->base.name, 0}, {"call", "assign", 0}, {"error", rd_kafka_err2str(e), 0}));
    return e == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* One that is fetched already is taken out first. */
static bool add_some(struct kafka *k, struct kafka_partition **list, size_t count) {
    struct kafka_partition **old = alloc_zeroed(count + 1, sizeof(struct kafka_partition *));
    size_t old_count = 0;
    for (size_t i = 0; i < count; i++)
        if (list[i]->fetching)
            old[old_count++] = list[i];
    bool fine = true;
    if (old_count) {
        rd_kafka_topic_partition_list_t *out = kafka_list(old, old_count);
        fine = is_fine(k, "incremental unassign", rd_kafka_incremental_unassign(k->rk, out));
        rd_kafka_topic_partition_list_destroy(out);
    }
    free(old);
    rd_kafka_topic_partition_list_t *in = kafka_list(list, count);
    fine = fine && is_fine(k, "incremental assign", rd_kafka_incremental_assign(k->rk, in));
    rd_kafka_topic_partition_list_destroy(in);
    return fine;
}

/* With the eager protocol only the whole can be replaced: the others start anew where they are. */
static size_t add_others(struct kafka *k, struct kafka_partition ***list, size_t count) {
    struct kafka_partition **all = alloc_zeroed(k->partition_count + 1, sizeof(struct kafka_partition *));
    memcpy(all, *list, count * sizeof(struct kafka_partition *));
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        if (p->state == PARTITION_READ || p->state == PARTITION_VERIFY) {
            p->verify = p->state == PARTITION_VERIFY;
            all[count++] = p;
        }
    }
    pthread_mutex_unlock(&k->lock);
    *list = all;
    return count;
}

/* From here to the second call the reader leaves them alone. */
static void stop_reading(struct kafka *k, struct kafka_partition **list, size_t count) {
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < count; i++) {
        list[i]->state = PARTITION_LOCATE;
        list[i]->reason = LOCATE_AGAIN;
        list[i]->generation++;
    }
    pthread_mutex_unlock(&k->lock);
}

static void start_reading(struct kafka *k, struct kafka_partition **list, size_t count) {
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < count; i++) {
        struct kafka_partition *p = list[i];
        p->state = p->verify ? PARTITION_VERIFY : PARTITION_READ;
        p->start0 = p->position.n[NEXT];
        p->fetching = true;
        p->at_end = p->suspect = false;
        p->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    pthread_mutex_unlock(&k->lock);
    kafka_wake(k);
}

void kafka_start(struct kafka *k, struct kafka_partition **list, size_t count, bool answer) {
    bool eager = k->options->mode == KAFKA_GROUP && !kafka_is_cooperative(k->rk);
    struct kafka_partition **all = list;
    if (eager && !answer)
        count = add_others(k, &all, count);
    stop_reading(k, all, count);
    for (size_t i = 0; i < count; i++)
        cut_off_queue(k, all[i]);
    if (eager ? replace_all(k, all, count) : add_some(k, all, count))
        start_reading(k, all, count);
    if (all != list)
        free(all);
}

bool kafka_locate_all(struct kafka *k) {
    struct kafka_partition **list = alloc_zeroed(k->partition_count + 1, sizeof(struct kafka_partition *));
    size_t count = 0, located = 0;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->partition_count; i++)
        if (k->partitions[i]->state == PARTITION_LOCATE)
            list[count++] = k->partitions[i];
    pthread_mutex_unlock(&k->lock);
    for (size_t i = 0; i < count && !kafka_is_stopping(k); i++)
        if (kafka_locate(k, list[i]))
            list[located++] = list[i];
    if (located)
        kafka_start(k, list, located, false);
    free(list);
    return located == count;
}
