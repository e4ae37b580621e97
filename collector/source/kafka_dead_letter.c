/* Messages that cannot be read go to a topic of their own, as Kafka Connect's dead letters do: key, value and headers
 * as they were, and headers that say where they came from and what is wrong with them. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/log.h"
#include "source/kafka_internal.h"

struct dead_letters {
    struct kafka *k;
    rd_kafka_t *producer;
    const char *topic;             /* borrowed */
    _Atomic uint64_t sent, failed; /* delivered; given up */
};

static void fail(struct dead_letters *d, const char *reason) {
    atomic_fetch_add(&d->failed, 1);
    log_event(LOG_ERROR, "kafka dead letter not delivered",
              LOG_FIELDS({"source", d->k->base.name, 0}, {"topic", d->topic, 0}, {"error", reason, 0}));
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *kafka) {
    struct dead_letters *d = m->_private;
    (void)rk;
    (void)kafka;
    if (m->err)
        fail(d, rd_kafka_err2str(m->err));
    else
        atomic_fetch_add(&d->sent, 1);
}

struct dead_letters *dead_letters_open(struct kafka *k, struct err *err) {
    rd_kafka_conf_t *conf = kafka_conf_create(k->options, KAFKA_ROLE_PRODUCER, err);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *producer = kafka_client_create(&k->handle, conf, RD_KAFKA_PRODUCER, err);
    if (!producer)
        return NULL;
    struct dead_letters *d = alloc_zeroed(1, sizeof *d);
    d->k = k;
    d->producer = producer;
    d->topic = k->options->dead_letter_topic;
    return d;
}

void dead_letters_close(struct dead_letters *d) {
    if (!d)
        return;
    rd_kafka_purge(d->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(d->producer, KAFKA_TICK_MS);
    rd_kafka_destroy(d->producer);
    free(d);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void add_text(rd_kafka_headers_t *headers, const char *name, const char *text) {
    rd_kafka_header_remove(headers, name);
    rd_kafka_header_add(headers, name, -1, text, (ssize_t)strlen(text));
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    add_text(headers, name, text);
}

rd_kafka_headers_t *dead_letter_headers(const char *source, const rd_kafka_message_t *m, enum malformed_reason reason) {
    rd_kafka_headers_t *old, *headers;
    if (rd_kafka_message_headers(m, &old) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = rd_kafka_headers_copy(old);
    else
        headers = rd_kafka_headers_new(8);
    add_text(headers, "__connect.errors.topic", rd_kafka_topic_name(m->rkt));
    add_number(headers, "__connect.errors.partition", m->partition);
    add_number(headers, "__connect.errors.offset", m->offset);
    add_text(headers, "__connect.errors.connector.name", source);
    add_text(headers, "__connect.errors.stage", "VALUE_CONVERTER");
    add_text(headers, "__connect.errors.class.name", "ses-collector");
    add_text(headers, "__connect.errors.exception.class.name", malformed_reason_name(reason));
    add_text(headers, "__connect.errors.exception.message", malformed_reason_text(reason));
    return headers;
}

void dead_letters_send(struct dead_letters *d, const rd_kafka_message_t *m, enum malformed_reason reason) {
    for (;;) {
        rd_kafka_headers_t *headers = dead_letter_headers(d->k->base.name, m, reason);
        rd_kafka_resp_err_t e =
            rd_kafka_producev(d->producer, RD_KAFKA_V_TOPIC(d->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_VALUE(m->payload, m->len),
                              RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(d), RD_KAFKA_V_END);
        if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
            return;
        rd_kafka_headers_destroy(headers);
        if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fail(d, rd_kafka_err2str(e));
            return;
        }
        if (kafka_is_stopping(d->k))
            return; /* dead_letters_settle will say that not all is delivered: the message is read again */
        rd_kafka_poll(d->producer, KAFKA_TICK_MS);
    }
}

/* Ends by itself: librdkafka gives every message up after message.timeout.ms. */
bool dead_letters_settle(struct dead_letters *d) {
    while (rd_kafka_outq_len(d->producer) > 0) {
        if (kafka_is_stopping(d->k))
            return false;
        rd_kafka_flush(d->producer, KAFKA_TICK_MS);
    }
    return true;
}

void dead_letters_count(const struct dead_letters *d, uint64_t *sent, uint64_t *failed) {
    *sent = atomic_load(&d->sent);
    *failed = atomic_load(&d->failed);
}
