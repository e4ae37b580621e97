/* The Kafka source's life. */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_internal.h"

#define SECOND    INT64_C(1000000000)
#define NOTICE_NS (3600 * SECOND) /* how long a loss is shown */

enum { LAST_COMMIT_MS = 2000, CLOSE_SECONDS = 3 };

/* --- waking ------------------------------------------------------------------------------------------------------- */

void kafka_wake(struct kafka *k) {
    pthread_mutex_lock(&k->wake_lock);
    k->awake = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->wake_lock);
}

void kafka_wait(struct kafka *k, int64_t ms) {
    int64_t end_ns = clock_monotonic_ns() + ms * INT64_C(1000000);
    struct timespec end = {.tv_sec = (time_t)(end_ns / SECOND), .tv_nsec = (long)(end_ns % SECOND)};
    pthread_mutex_lock(&k->wake_lock);
    while (!k->awake && pthread_cond_timedwait(&k->wake, &k->wake_lock, &end) == 0)
        ;
    k->awake = false;
    pthread_mutex_unlock(&k->wake_lock);
}

static void init_locks(struct kafka *k) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&k->lock, NULL);
    pthread_mutex_init(&k->wake_lock, NULL);
}

/* --- what went wrong ---------------------------------------------------------------------------------------------- */

void kafka_fail(struct kafka *k, const char *text) {
    pthread_mutex_lock(&k->lock);
    k->failed = true;
    err_set(&k->failure, ERR_INPUT, "Kafka source %s: %s", k->base.name, text);
    pthread_mutex_unlock(&k->lock);
    kafka_wake(k);
}

void kafka_set_trouble(struct kafka *k, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(k->trouble, sizeof k->trouble, fmt, args);
    va_end(args);
}

void kafka_set_notice(struct kafka *k, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(k->notice, sizeof k->notice, fmt, args);
    va_end(args);
    k->notice_until_ns = clock_monotonic_ns() + NOTICE_NS;
}

static bool has_failed(struct kafka *k) {
    pthread_mutex_lock(&k->lock);
    bool failed = k->failed;
    pthread_mutex_unlock(&k->lock);
    return failed;
}

/* --- what the client says ----------------------------------------------------------------------------------------- */

static void take_error(void *kafka, rd_kafka_t *rk, rd_kafka_resp_err_t e) {
    struct kafka *k = kafka;
    if (rd_kafka_type(rk) != RD_KAFKA_CONSUMER)
        return;
    if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        pthread_mutex_lock(&k->lock);
        k->brokers_down = true;
        pthread_mutex_unlock(&k->lock);
    }
    if (!k->closing && (e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART))
        kafka_look_soon(k); /* called from rd_kafka_consumer_poll, so this is the manager's thread */
    if (e == RD_KAFKA_RESP_ERR__FATAL) {
        char text[TROUBLE_TEXT];
        rd_kafka_fatal_error(rk, text, sizeof text);
        kafka_fail(k, text);
    }
}

/* --- run ---------------------------------------------------------------------------------------------------------- */

static bool connect_consumer(struct kafka *k, struct err *err) {
    rd_kafka_conf_t *conf = kafka_conf_create(k->options, KAFKA_ROLE_CONSUMER, err);
    rd_kafka_t *rk = conf ? kafka_client_create(&k->handle, conf, RD_KAFKA_CONSUMER, err) : NULL;
    if (!rk)
        return false;
    rd_kafka_poll_set_consumer(rk);
    struct dead_letters *dead_letters = NULL;
    if (k->options->dead_letter_topic && !(dead_letters = dead_letters_open(k, err))) {
        rd_kafka_destroy(rk);
        return false;
    }
    pthread_mutex_lock(&k->lock);
    k->rk = rk;
    k->dead_letters = dead_letters;
    pthread_mutex_unlock(&k->lock);
    for (size_t i = 0; i < k->options->topic_count; i++)
        k->topics[i] = rd_kafka_topic_new(rk, k->options->topics[i], NULL);
    return true;
}

static void read_until_stopped(struct kafka *k) {
    kafka_read_begin(k);
    while (!atomic_load(&k->base.stop) && !has_failed(k)) {
        if (kafka_read_some(k))
            continue;
        if (k->base.exit_at_end && kafka_is_finished(k))
            break;
        kafka_wait(k, KAFKA_TICK_MS / 2);
    }
    kafka_read_end(k);
}

static bool run(struct source *s, struct err *err) {
    struct kafka *k = (struct kafka *)s;
    if (!connect_consumer(k, err))
        return false;
    if (pthread_create(&k->manager, NULL, kafka_manage, k) != 0)
        return err_set(err, ERR_IO, "Kafka source %s: no thread can be started", k->base.name);
    read_until_stopped(k);
    atomic_store(&k->stop_managing, true);
    pthread_join(k->manager, NULL);
    return !k->failed || err_set(err, k->failure.code, "%s", k->failure.text);
}

/* --- open and close ----------------------------------------------------------------------------------------------- */

/* What the pipeline committed after run returned is told to the group; then the group may have the partitions. */
static void disconnect(struct kafka *k) {
    k->closing = true;
    kafka_commit(k, LAST_COMMIT_MS);
    kafka_answer_group(k);
    dead_letters_close(k->dead_letters);
    rd_kafka_consumer_close(k->rk);
}

static void *end_source(void *kafka) {
    struct kafka *k = kafka;
    if (k->rk)
        disconnect(k);
    for (size_t i = 0; i < k->partition_count; i++)
        kafka_partition_destroy(k->partitions[i]);
    for (size_t i = 0; k->rk && i < k->options->topic_count; i++)
        if (k->topics[i])
            rd_kafka_topic_destroy(k->topics[i]);
    if (k->rk)
        rd_kafka_destroy(k->rk);
    for (size_t i = 0; i < k->saved_count; i++)
        free((char *)(uintptr_t)k->saved[i].stream);
    free(k->saved);
    free(k->partitions);
    free(k->topics);
    free(k->topic_seen);
    free(k->base.name);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->wake_lock);
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
}

/* librdkafka's end waits for its brokers' threads, and was seen to wait for ever. The source is then left to its
 * thread: everything that was counted is committed. */
static void close_source(struct source *s) {
    pthread_t thread;
    struct timespec until = {.tv_sec = (time_t)(clock_wall_ms() / 1000) + CLOSE_SECONDS};
    if (pthread_create(&thread, NULL, end_source, s) != 0) {
        end_source(s);
        return;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return;
    pthread_detach(thread);
    log_event(LOG_WARN, "a Kafka consumer does not end, it is left behind", LOG_NO_FIELDS);
}

static const struct source_ops ops = {.kind = "kafka", .run = run, .status = kafka_status, .close = close_source};

struct source *kafka_open(const struct kafka_options *o, const struct saved_position *saved, size_t saved_count,
                          struct err *err) {
    if (!kafka_options_check(o, err))
        return NULL;
    struct kafka *k = alloc_zeroed(1, sizeof *k);
    init_locks(k);
    k->base.ops = &ops;
    k->base.name = alloc_string(o->name, strlen(o->name));
    k->options = o;
    k->handle = (struct kafka_handle){.name = k->base.name,
                                      .options = o,
                                      .stop = &k->base.stop,
                                      .owner = k,
                                      .take_error = take_error,
                                      .rebalance = kafka_rebalance,
                                      .offsets_committed = kafka_offsets_committed};
    k->saved = alloc_zeroed(saved_count + 1, sizeof *k->saved);
    for (; k->saved_count < saved_count; k->saved_count++) {
        const struct saved_position *from = &saved[k->saved_count];
        k->saved[k->saved_count] =
            (struct saved_position){alloc_string(from->stream, strlen(from->stream)), from->position};
    }
    k->topics = alloc_zeroed(o->topic_count, sizeof(rd_kafka_topic_t *));
    k->topic_seen = alloc_zeroed(o->topic_count, sizeof *k->topic_seen);
    return &k->base;
}
