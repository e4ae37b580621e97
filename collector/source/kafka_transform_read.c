/* The consumer's side: the group gives and takes partitions, and messages become what the callback makes of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_transform_internal.h"

#define MS INT64_C(1000000)

enum { REVOKE_MS = 4000, NUDGE_EVERY = 1000, NO_POSITION = -1 };

/* --- partitions --------------------------------------------------------------------------------------------------- */

static struct transform_partition *find(const struct kafka_transform *t, const char *topic, int32_t number) {
    for (size_t i = 0; i < t->partition_count; i++)
        if (t->partitions[i]->number == number && strcmp(t->partitions[i]->topic, topic) == 0)
            return t->partitions[i];
    return NULL;
}

/* Under the lock. */
static void forget(struct kafka_transform *t, struct transform_partition *p) {
    for (size_t i = 0; i < t->partition_count; i++)
        if (t->partitions[i] == p)
            t->partitions[i] = t->partitions[--t->partition_count];
    free(p->topic);
    free(p);
}

void transform_forget_all(struct kafka_transform *t) {
    transform_drop_all(t);
    pthread_mutex_lock(&t->lock);
    while (t->partition_count)
        forget(t, t->partitions[0]);
    t->is_member = false;
    pthread_mutex_unlock(&t->lock);
}

/* Under the lock. */
static void add(struct kafka_transform *t, const char *topic, int32_t number, int64_t next) {
    struct transform_partition *p = find(t, topic, number);
    if (!p) {
        p = alloc_zeroed(1, sizeof *p);
        p->topic = alloc_string(topic, strlen(topic));
        p->number = number;
        t->partitions = alloc_resize(t->partitions, t->partition_count + 1, sizeof(struct transform_partition *));
        t->partitions[t->partition_count++] = p;
    }
    p->next = p->committed = next;
    p->at_end = p->out_of_range = false;
}

static void assign(struct kafka_transform *t, rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_error_t *error = NULL;
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (kafka_is_cooperative(rk))
        error = rd_kafka_incremental_assign(rk, list);
    else
        e = rd_kafka_assign(rk, list);
    if (e)
        transform_break(t, rd_kafka_err2str(e), NULL);
    if (error)
        transform_break(t, "partitions cannot be assigned", error);
}

static void unassign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list) {
    if (!kafka_is_cooperative(rk)) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(rk, list);
    if (error)
        rd_kafka_error_destroy(error);
}

/* --- where a partition goes on ------------------------------------------------------------------------------------ */

/* The group's offsets, stable ones: a transaction that is still open is waited for. False: we stop, or the partitions
 * went to others meanwhile. */
static bool ask_group(struct kafka_transform *t, rd_kafka_topic_partition_list_t *list) {
    for (;;) {
        rd_kafka_resp_err_t e = rd_kafka_committed(t->consumer, list, KAFKA_CALL_MS);
        for (int i = 0; !e && i < list->cnt; i++)
            e = list->elems[i].err;
        transform_beat(t);
        if (!e)
            return true;
        if (transform_is_stopping(t) || rd_kafka_assignment_lost(t->consumer))
            return false;
        transform_set_trouble(t, "asking for the group's offsets: %s", rd_kafka_err2str(e));
        usleep(KAFKA_TICK_MS * 1000);
    }
}

static int64_t where_to_start(const struct kafka_transform *t) {
    return t->options->source->start == KAFKA_START_END ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
}

static void partitions_come(struct kafka_transform *t, const rd_kafka_topic_partition_list_t *given) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(given);
    bool known = !list->cnt || ask_group(t, list);
    int64_t start = where_to_start(t);
    pthread_mutex_lock(&t->lock);
    for (int i = 0; known && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *e = &list->elems[i];
        bool has_position = e->offset >= 0;
        if (!has_position)
            e->offset = start;
        add(t, e->topic, e->partition, has_position ? e->offset : NO_POSITION);
    }
    t->is_member = known;
    if (known)
        t->trouble[0] = 0;
    pthread_mutex_unlock(&t->lock);
    if (known) /* else the next rebalance says what is ours */
        assign(t, t->consumer, list);
    else
        unassign(t->consumer, given);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Everything is pointed anew where it is: an offset that is given outright is never sought. */
static void point(struct kafka_transform *t, const struct transform_partition *p, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)t->partition_count);
    bool one = kafka_is_cooperative(t->consumer);
    for (size_t i = 0; i < t->partition_count; i++) {
        const struct transform_partition *q = t->partitions[i];
        if (one && q != p)
            continue;
        int64_t next = q == p ? offset : q->next >= 0 ? q->next : where_to_start(t);
        rd_kafka_topic_partition_list_add(list, q->topic, q->number)->offset = next;
    }
    if (one)
        unassign(t->consumer, list);
    assign(t, t->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void say_gone(struct kafka_transform *t, const struct transform_partition *p, const char *what, int64_t lost) {
    char name[300];
    snprintf(name, sizeof name, "%s/%" PRId32, p->topic, p->number);
    log_event(LOG_ERROR, what, LOG_FIELDS({"source", t->handle.name, 0}, {"partition", name, 0}, {"lost", NULL, lost}));
}

static void count_lost(struct kafka_transform *t, int64_t lost) {
    pthread_mutex_lock(&t->lock);
    t->messages_lost += (uint64_t)lost;
    pthread_mutex_unlock(&t->lock);
}

static void relocate(struct kafka_transform *t, struct transform_partition *p) {
    int64_t low, high;
    rd_kafka_resp_err_t e =
        rd_kafka_query_watermark_offsets(t->consumer, p->topic, p->number, &low, &high, KAFKA_CALL_MS);
    transform_beat(t);
    if (e) {
        transform_set_trouble(t, "where %.120s/%d begins: %s", p->topic, (int)p->number, rd_kafka_err2str(e));
        return;
    }
    int64_t to = low;
    if (p->next > high) {
        say_gone(t, p, "kafka partition was recreated or truncated, it is read from its beginning", 0);
    } else if (p->next >= low) {
        to = p->next; /* the broker thinks better of it: from the beginning all would be written again */
    } else if (p->next >= 0) {
        say_gone(t, p, "kafka messages lost to retention", low - p->next);
        count_lost(t, low - p->next);
    }
    pthread_mutex_lock(&t->lock);
    p->out_of_range = false;
    p->next = p->committed = to;
    pthread_mutex_unlock(&t->lock);
    point(t, p, to);
}

void transform_relocate(struct kafka_transform *t) {
    for (size_t i = 0; i < t->partition_count && !t->messages; i++)
        if (t->partitions[i]->out_of_range)
            relocate(t, t->partitions[i]);
}

/* --- rebalance ---------------------------------------------------------------------------------------------------- */

/* What is held is committed as long as it is ours; what cannot be is somebody else's to do. */
static void partitions_go(struct kafka_transform *t, const rd_kafka_topic_partition_list_t *list, bool lost) {
    if (!lost && !t->closing && !t->broken)
        transform_settle(t, REVOKE_MS);
    if (t->messages && t->in_transaction) {
        snprintf(t->why_aborted, sizeof t->why_aborted, "partitions were %s", lost ? "lost" : "taken away");
        transform_abort(t, REVOKE_MS);
    }
    for (int i = 0; i < list->cnt; i++) {
        struct transform_partition *p = find(t, list->elems[i].topic, list->elems[i].partition);
        if (!p)
            continue;
        transform_drop(t, p);
        pthread_mutex_lock(&t->lock);
        forget(t, p);
        pthread_mutex_unlock(&t->lock);
    }
}

void transform_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list,
                         void *transform) {
    struct kafka_transform *t = transform;
    bool comes = e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, goes = e == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
    bool lost = goes && rd_kafka_assignment_lost(rk);
    if (!transform_is_ours(t, rk)) { /* maybe not on the thread that runs: everything was settled */
        unassign(rk, list);
        return;
    }
    log_event(LOG_INFO, "kafka group shared out partitions anew",
              LOG_FIELDS({"source", t->handle.name, 0},
                         {"change",
                          comes  ? "assigned"
                          : lost ? "lost"
                          : goes ? "revoked"
                                 : rd_kafka_err2name(e),
                          0},
                         {"partitions", NULL, list->cnt}));
    if (comes) {
        /* It may have to wait until the transactions of others are ended; ours would time out meanwhile. */
        if (t->in_transaction)
            transform_settle(t, REVOKE_MS);
        partitions_come(t, list);
        return;
    }
    partitions_go(t, list, lost || !goes);
    if (goes)
        unassign(rk, list);
    else
        rd_kafka_assign(rk, NULL);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void set_shown(struct kafka_transform *t, struct transform_partition *p, bool at_end,
                      rd_kafka_resp_err_t trouble) {
    pthread_mutex_lock(&t->lock);
    p->at_end = at_end;
    p->trouble = trouble;
    pthread_mutex_unlock(&t->lock);
}

static void count_damage(struct kafka_transform *t, struct transform_partition *p, int64_t missing) {
    p->is_damaged = false;
    if (missing <= 0)
        return;
    say_gone(t, p, "kafka messages damaged", missing);
    count_lost(t, missing);
}

/* Takes the message. */
static void make(struct kafka_transform *t, struct transform_partition *p, rd_kafka_message_t *m) {
    struct kafka_transformed made = {.accounting = {.bytes_read = m->len + m->key_len}};
    t->taking = p;
    if (m->payload)
        t->make(t->context, t, kafka_value_strip((struct span){m->payload, m->len}), &made);
    if (!made.accounting.read) { /* a tombstone, or blanks */
        made.accounting.read = made.accounting.filtered = 1;
    }
    accounting_add(&p->pending.accounting, &made.accounting);
    p->pending.events += made.events;
    if (made.is_dead && t->options->source->dead_letter_topic)
        transform_add_dead(t, p, m, made.reason);
    else
        rd_kafka_message_destroy(m);
}

/* The transaction at hand has something. */
static void hold(struct kafka_transform *t) {
    if (!t->messages++)
        t->began_ns = clock_monotonic_ns();
}

static void take_message(struct kafka_transform *t, rd_kafka_message_t *m) {
    const char *topic = rd_kafka_topic_name(m->rkt);
    struct transform_partition *p = find(t, topic, m->partition);
    if (!p || m->offset < p->next) { /* librdkafka 2.0 repeats some around a rebalance */
        rd_kafka_message_destroy(m);
        return;
    }
    if (p->is_damaged && p->next >= 0)
        count_damage(t, p, m->offset - p->next);
    hold(t);
    p->next = m->offset + 1;
    p->touched = true;
    if (p->at_end || p->trouble)
        set_shown(t, p, false, RD_KAFKA_RESP_ERR_NO_ERROR);
    if (t->nudge && ++t->since_nudge >= NUDGE_EVERY) {
        kafka_nudge(t->nudge, topic, m->partition);
        t->since_nudge = 0;
        rd_kafka_poll(t->producer, 0);
    }
    make(t, p, m);
}

static void take_end(struct kafka_transform *t, struct transform_partition *p, int64_t offset) {
    set_shown(t, p, true, RD_KAFKA_RESP_ERR_NO_ERROR);
    if (offset > p->next) /* marks of transactions, which nobody is shown */
        p->next = offset;
    if (p->touched)
        return;
    if (p->committed < 0) { /* the group is told, or the next one would begin at an end that is further on */
        hold(t);
        p->touched = true;
    }
    pthread_mutex_lock(&t->lock);
    p->committed = p->next;
    pthread_mutex_unlock(&t->lock);
}

static void take_error(struct kafka_transform *t, const rd_kafka_message_t *m) {
    struct transform_partition *p = m->rkt ? find(t, rd_kafka_topic_name(m->rkt), m->partition) : NULL;
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (p)
            take_end(t, p, m->offset);
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (p)
            p->out_of_range = true;
        return;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        if (p)
            p->is_damaged = true;
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        transform_set_trouble(t, "the topic %.180s does not exist; waiting for it",
                              m->rkt ? rd_kafka_topic_name(m->rkt) : t->options->source->topics[0]);
        break;
    default:
        transform_set_trouble(t, "%s", rd_kafka_message_errstr(m));
    }
    if (p)
        set_shown(t, p, p->at_end, m->err);
    log_event(LOG_WARN, "kafka consumer trouble",
              LOG_FIELDS({"source", t->handle.name, 0}, {"error", rd_kafka_err2str(m->err), 0}));
}

bool transform_is_due(const struct kafka_transform *t) {
    /* Few at a time take long, and brokers wait for a transaction no longer than for any other. */
    size_t bytes = t->least == SEND_WITH_ALL ? TRANSFORM_BYTES : TRANSFORM_BYTES_OF_FEW;
    if (t->messages >= TRANSFORM_MESSAGES || t->held_bytes >= bytes)
        return true;
    return t->began_ns && clock_monotonic_ns() - t->began_ns >= t->options->interval_ms * MS;
}

void transform_collect(struct kafka_transform *t, int wait_ms) {
    do {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, wait_ms);
        if (!m) {
            rd_kafka_poll(t->producer, 0);
            transform_beat(t);
            return;
        }
        if (!m->err) {
            take_message(t, m);
        } else { /* these may come without an end: others look whether something is broken */
            take_error(t, m);
            rd_kafka_message_destroy(m);
            break;
        }
    } while (!transform_is_due(t) && !t->broken && !transform_is_stopping(t));
    rd_kafka_poll(t->producer, 0);
    transform_beat(t);
}
