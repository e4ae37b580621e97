/* The life of a transform: connect, work until something breaks, leave, and after a pause again. */
#include "source/kafka_transform.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_transform_internal.h"

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

enum {
    ANSWER_MS = 1000,      /* one question to a broker */
    SETTLE_MS = 20000,     /* a commit with the brokers in trouble */
    LAST_SETTLE_MS = 2000, /* the one before the end, and as long again to abort it */
    LEAVE_MS = 1500,
    MAX_PAUSE_S = 30,
    STEADY_S = 60, /* who worked for so long begins with a short pause again */
    HELD_TEXT_LIMIT = 256 << 20,
};

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

void transform_beat(struct kafka_transform *t) {
    atomic_store(&t->beat_ns, clock_monotonic_ns());
}

int64_t kafka_transform_beat_ns(const struct kafka_transform *t) {
    return atomic_load(&t->beat_ns);
}

void transform_set_trouble(struct kafka_transform *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&t->lock);
    vsnprintf(t->trouble, sizeof t->trouble, fmt, args);
    pthread_mutex_unlock(&t->lock);
    va_end(args);
}

static bool is_fence(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR__FENCED || e == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           e == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH || e == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

void transform_break(struct kafka_transform *t, const char *what, rd_kafka_error_t *error) {
    bool first = !t->broken;
    if (first) {
        if (error)
            snprintf(t->why_broken, sizeof t->why_broken, "%.70s: %.180s", what, rd_kafka_error_string(error));
        else
            snprintf(t->why_broken, sizeof t->why_broken, "%.250s", what);
        t->was_fenced = error && is_fence(rd_kafka_error_code(error));
    }
    t->broken = true;
    if (error)
        rd_kafka_error_destroy(error);
}

bool transform_is_ours(struct kafka_transform *t, const rd_kafka_t *rk) {
    pthread_mutex_lock(&t->lock);
    bool ours = rk == t->consumer || rk == t->producer;
    pthread_mutex_unlock(&t->lock);
    return ours;
}

static void take_error(void *transform, rd_kafka_t *rk, rd_kafka_resp_err_t e) {
    struct kafka_transform *t = transform;
    if (e != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return;
    pthread_mutex_lock(&t->lock);
    t->brokers_down = t->brokers_down || rk == t->consumer || rk == t->producer;
    pthread_mutex_unlock(&t->lock);
}

/* An error that no later call mends. Fatal ones are kept by the client until it is asked. */
static void look_for_fatal(struct kafka_transform *t, rd_kafka_t *rk) {
    char text[TRANSFORM_TEXT];
    rd_kafka_resp_err_t e = rd_kafka_fatal_error(rk, text, sizeof text);
    if (!e || t->broken)
        return;
    transform_break(t, text, NULL);
    t->was_fenced = is_fence(e);
}

/* --- connect ------------------------------------------------------------------------------------------------------ */

static bool make_producer(struct kafka_transform *t, struct err *err) {
    rd_kafka_conf_t *conf = kafka_transform_producer_conf(t->options, t->instance, err);
    if (!conf)
        return false;
    rd_kafka_conf_set_dr_msg_cb(conf, transform_delivered);
    rd_kafka_t *rk = kafka_client_create(&t->handle, conf, RD_KAFKA_PRODUCER, err);
    pthread_mutex_lock(&t->lock);
    t->producer = rk;
    pthread_mutex_unlock(&t->lock);
    return rk != NULL;
}

static bool make_consumer(struct kafka_transform *t, struct err *err) {
    rd_kafka_conf_t *conf = kafka_conf_create(t->options->source, KAFKA_ROLE_WORKER_CONSUMER, err);
    rd_kafka_t *rk = conf ? kafka_client_create(&t->handle, conf, RD_KAFKA_CONSUMER, err) : NULL;
    if (!rk)
        return false;
    rd_kafka_poll_set_consumer(rk);
    pthread_mutex_lock(&t->lock);
    t->consumer = rk;
    pthread_mutex_unlock(&t->lock);
    if (!kafka_fetches_eagerly())
        t->nudge = kafka_nudge_start(rk);
    return true;
}

/* librdkafka 2.0.2 tells once that all brokers are down, and was seen not to when they refuse from the start: so they
 * are asked. */
static void look_for_brokers(struct kafka_transform *t) {
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(t->producer, 0, NULL, &found, ANSWER_MS);
    transform_beat(t);
    if (found)
        rd_kafka_metadata_destroy(found);
    if (e && e != RD_KAFKA_RESP_ERR__TRANSPORT)
        return;
    pthread_mutex_lock(&t->lock);
    t->brokers_down = e != 0;
    pthread_mutex_unlock(&t->lock);
}

/* Ends what an earlier client of the same name left open. */
static bool init_transactions(struct kafka_transform *t) {
    while (!transform_is_stopping(t)) {
        rd_kafka_error_t *error = rd_kafka_init_transactions(t->producer, ANSWER_MS);
        rd_kafka_poll(t->producer, 0);
        transform_beat(t);
        if (!error)
            return true;
        if (!rd_kafka_error_is_retriable(error)) {
            transform_break(t, "transactions cannot be used", error);
            return false;
        }
        transform_set_trouble(t, "waiting for the coordinator of transactions: %.150s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        if (!transform_is_stopping(t))
            look_for_brokers(t);
    }
    return false;
}

static bool has_topic(struct kafka_transform *t, const char *name, const char *key) {
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(t->producer, name, NULL);
    rd_kafka_resp_err_t e =
        topic ? rd_kafka_metadata(t->producer, 0, topic, &found, ANSWER_MS) : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    transform_beat(t);
    if (!e && found)
        e = found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        transform_set_trouble(t, "the topic %.150s (%s) does not exist; waiting for it", name, key);
    else if (e)
        transform_set_trouble(t, "the topic %.120s (%s): %s", name, key, rd_kafka_err2str(e));
    if (found)
        rd_kafka_metadata_destroy(found);
    if (topic)
        rd_kafka_topic_destroy(topic);
    return !e;
}

/* A member without a place to write to would keep partitions from those that have one. */
static bool wait_for_topics(struct kafka_transform *t) {
    const char *dead = t->options->source->dead_letter_topic;
    while (!transform_is_stopping(t)) {
        if (has_topic(t, t->options->topic, "normalize.topic") && (!dead || has_topic(t, dead, "dead_letter_topic")))
            return true;
        look_for_fatal(t, t->producer);
        if (t->broken)
            return false;
        for (int i = 0; i < 10 && !transform_is_stopping(t); i++)
            rd_kafka_poll(t->producer, KAFKA_TICK_MS);
        transform_beat(t);
    }
    return false;
}

static bool subscribe(struct kafka_transform *t) {
    const struct kafka_options *o = t->options->source;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)o->topic_count);
    for (size_t i = 0; i < o->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, o->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(t->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (e)
        transform_break(t, rd_kafka_err2str(e), NULL);
    return !e;
}

static bool connect_all(struct kafka_transform *t) {
    struct err err = {0};
    if (!make_producer(t, &err)) {
        transform_break(t, err.text, NULL);
        return false;
    }
    if (!init_transactions(t) || !wait_for_topics(t))
        return false;
    if (!make_consumer(t, &err)) {
        transform_break(t, err.text, NULL);
        return false;
    }
    pthread_mutex_lock(&t->lock);
    t->brokers_down = false;
    t->trouble[0] = 0;
    pthread_mutex_unlock(&t->lock);
    t->connected_ns = clock_monotonic_ns();
    return subscribe(t);
}

/* --- work --------------------------------------------------------------------------------------------------------- */

static bool has_read_all(const struct kafka_transform *t) {
    if (!t->is_member || t->messages)
        return false;
    for (size_t i = 0; i < t->partition_count; i++)
        if (!t->partitions[i]->at_end)
            return false;
    return true;
}

static int patience_ms(const struct kafka_transform *t) {
    int64_t ms = t->options->interval_ms;
    return ms < KAFKA_TICK_MS ? (int)ms : KAFKA_TICK_MS;
}

static bool are_down(struct kafka_transform *t) {
    pthread_mutex_lock(&t->lock);
    bool down = t->brokers_down;
    pthread_mutex_unlock(&t->lock);
    return down;
}

/* Whether they are back is asked: where nothing is written, nothing comes that would say so. */
static void ask_brokers(struct kafka_transform *t) {
    const struct rd_kafka_metadata *found = NULL;
    if (!are_down(t) || rd_kafka_metadata(t->consumer, 0, NULL, &found, ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_metadata_destroy(found);
    pthread_mutex_lock(&t->lock);
    t->brokers_down = false;
    pthread_mutex_unlock(&t->lock);
}

static void work(struct kafka_transform *t) {
    while (!transform_is_stopping(t) && !t->broken) {
        transform_collect(t, patience_ms(t));
        ask_brokers(t);
        look_for_fatal(t, t->producer);
        look_for_fatal(t, t->consumer);
        if (t->broken)
            return;
        if (t->messages && transform_is_due(t) && !transform_settle(t, SETTLE_MS) && !t->broken)
            usleep(2 * KAFKA_TICK_MS * 1000);
        transform_relocate(t);
        if (t->exit_at_end && has_read_all(t))
            return;
    }
    if (!t->broken && !are_down(t)) /* else it would only take time: whoever is next reads it again */
        transform_settle(t, LAST_SETTLE_MS);
}

/* --- leave -------------------------------------------------------------------------------------------------------- */

struct leaving {
    struct kafka_transform *t;
    rd_kafka_t *consumer, *producer;
    struct nudge *nudge;
};

static void *leave(void *leaving) {
    struct leaving *l = leaving;
    kafka_nudge_stop(l->nudge);
    if (l->consumer) {
        rd_kafka_consumer_close(l->consumer);
        rd_kafka_destroy(l->consumer);
    }
    if (l->producer) {
        rd_kafka_purge(l->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(l->producer);
    }
    free(l);
    return NULL;
}

/* librdkafka's end waits for its brokers' threads, and was seen to wait for ever. What is left behind still looks at
 * the handle and the options, so these stay. */
static void disconnect(struct kafka_transform *t) {
    struct leaving *l = alloc_zeroed(1, sizeof *l);
    pthread_t thread;
    int64_t until_ms = clock_wall_ms() + LEAVE_MS;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000 * MS)};
    t->closing = true;
    transform_forget_all(t);
    pthread_mutex_lock(&t->lock);
    *l = (struct leaving){t, t->consumer, t->producer, t->nudge};
    t->consumer = t->producer = NULL;
    pthread_mutex_unlock(&t->lock);
    t->nudge = NULL;
    if (pthread_create(&thread, NULL, leave, l) != 0) {
        leave(l);
    } else if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        pthread_detach(thread);
        t->left_behind = true;
        log_event(LOG_WARN, "a Kafka client does not end, it is left behind", LOG_NO_FIELDS);
    }
    transform_beat(t);
}

/* --- run ---------------------------------------------------------------------------------------------------------- */

static void say_broken(struct kafka_transform *t, int pause_s) {
    pthread_mutex_lock(&t->lock);
    t->worker.recreated++;
    t->worker.fenced += t->was_fenced;
    pthread_mutex_unlock(&t->lock);
    if (t->was_fenced)
        transform_set_trouble(t,
                              "another worker has taken over the transactional.id %.80s, or a transaction took too "
                              "long; give each worker its own normalize.instance",
                              t->instance);
    else
        transform_set_trouble(t, "%.250s", t->why_broken);
    log_event(LOG_ERROR, t->was_fenced ? "kafka clients made anew: fenced" : "kafka clients made anew",
              LOG_FIELDS({"source", t->handle.name, 0}, {"reason", t->why_broken, 0},
                         {"transactional_id", t->instance, 0}, {"pause_s", NULL, pause_s}));
}

/* Longer each time, so that two workers of one name do not fence each other all day. */
static void pause_after_failure(struct kafka_transform *t) {
    bool was_steady = t->connected_ns && clock_monotonic_ns() - t->connected_ns > STEADY_S * SECOND;
    t->failures = was_steady ? 0 : t->failures < 5 ? t->failures + 1 : 5;
    int pause_s = 1 << t->failures < MAX_PAUSE_S ? 1 << t->failures : MAX_PAUSE_S;
    int64_t until = clock_monotonic_ns() + pause_s * SECOND;
    say_broken(t, pause_s);
    while (!transform_is_stopping(t) && clock_monotonic_ns() < until) {
        transform_beat(t);
        usleep(KAFKA_TICK_MS * 1000);
    }
}

void kafka_transform_run(struct kafka_transform *t) {
    transform_beat(t);
    for (;;) {
        t->broken = t->was_fenced = t->closing = false;
        t->connected_ns = 0;
        if (connect_all(t))
            work(t);
        bool broken = t->broken;
        disconnect(t);
        if (transform_is_stopping(t) || !broken)
            break;
        pause_after_failure(t);
        if (transform_is_stopping(t))
            break;
    }
    atomic_store(&t->done, true);
}

void kafka_transform_stop(struct kafka_transform *t) {
    atomic_store(&t->stop, true);
}

bool kafka_transform_is_done(const struct kafka_transform *t) {
    return atomic_load(&t->done);
}

/* --- open and close ----------------------------------------------------------------------------------------------- */

struct kafka_transform *kafka_transform_open(const struct kafka_transform_options *o, kafka_transform_fn *make,
                                             void *context, bool exit_at_end, struct err *err) {
    rd_kafka_conf_t *conf = kafka_conf_create(o->source, KAFKA_ROLE_WORKER_CONSUMER, err);
    if (!conf)
        return NULL;
    char group[256];
    kafka_conf_read(conf, "group.id", group, sizeof group);
    rd_kafka_conf_destroy(conf);
    struct kafka_transform *t = alloc_zeroed(1, sizeof *t);
    t->options = o;
    t->make = make;
    t->context = context;
    t->exit_at_end = exit_at_end;
    t->group = alloc_string(group, strlen(group));
    t->instance = kafka_transform_instance(o, group);
    t->handle = (struct kafka_handle){.name = o->source->name,
                                      .options = o->source,
                                      .stop = &t->stop,
                                      .owner = t,
                                      .take_error = take_error,
                                      .rebalance = transform_rebalance};
    pthread_mutex_init(&t->lock, NULL);
    buf_init(&t->text, HELD_TEXT_LIMIT);
    transform_beat(t);
    return t;
}

void kafka_transform_close(struct kafka_transform *t) {
    if (!t || t->left_behind)
        return;
    transform_forget_all(t);
    transform_deinit_held(t);
    free(t->partitions);
    pthread_mutex_destroy(&t->lock);
    free(t->instance);
    free(t->group);
    free(t);
}
