/* Transactions: what is held is produced, committed with its positions, or aborted and done again. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_transform_internal.h"

#define MS INT64_C(1000000)

/* How much is sent before it is waited for, when something in it may be too large; how long it is thought so. */
enum { FEW_BYTES = 64 << 10, FLUSH_MS = 5000, REFUSED_MS = 60000 };

static int64_t left_ms(int64_t until_ns) {
    int64_t left = (until_ns - clock_monotonic_ns()) / MS;
    return left > 0 ? left : 0;
}

static int slice_ms(int64_t until_ns) { /* librdkafka takes 0 for "now", and -1 for "for ever" */
    int64_t left = left_ms(until_ns);
    return left > 1000 ? 1000 : left < 10 ? 10 : (int)left;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void must_abort(struct kafka_transform *t, const char *why) {
    if (!t->must_abort)
        snprintf(t->why_aborted, sizeof t->why_aborted, "%s", why);
    t->must_abort = true;
}

static size_t size_of(const struct transform_output *o) {
    return o->dead ? o->dead->len + o->dead->key_len : o->value_len + o->key_len;
}

/* What came back alone says what the topic takes: of those that are as large, none is tried for a while. */
static void refuse(struct kafka_transform *t, struct transform_output *o) {
    struct transform_partition *p = o->from;
    size_t *refused = &t->refused_size[o->dead != NULL];
    o->with = SEND_NEVER;
    if (!*refused || size_of(o) < *refused) { /* once for all that are as large: there may be very many */
        if (!*refused)
            t->refused_ns[o->dead != NULL] = clock_monotonic_ns();
        *refused = size_of(o);
        log_event(LOG_ERROR, "a record is too large for its topic",
                  LOG_FIELDS({"source", t->handle.name, 0},
                             {"topic", o->dead ? t->options->source->dead_letter_topic : t->options->topic, 0},
                             {"bytes", NULL, (int64_t)size_of(o)}));
    }
    if (o->dead) {
        p->dead--;
        p->dead_failed++;
        return;
    }
    p->pending.events -= o->events;
    p->pending.accounting.counted--;
    p->pending.accounting.malformed[MALFORMED_TOO_LARGE]++;
}

static void *tag_of(const struct kafka_transform *t, size_t i) {
    return (void *)(uintptr_t)((uint64_t)t->attempt << 32 | (uint32_t)i);
}

void transform_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *handle) {
    struct kafka_transform *t = ((struct kafka_handle *)handle)->owner;
    uint64_t tag = (uint64_t)(uintptr_t)m->_private;
    (void)rk;
    if (!m->err || tag >> 32 != t->attempt || (uint32_t)tag >= t->output_count)
        return;
    must_abort(t, rd_kafka_err2str(m->err));
    struct transform_output *o = &t->outputs[(uint32_t)tag];
    if (m->err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return;
    t->least = SEND_WITH_FEW;
    if (o->with == SEND_ALONE)
        refuse(t, o);
    else if (o->with != SEND_NEVER)
        o->with++;
}

static rd_kafka_resp_err_t send_record(struct kafka_transform *t, size_t i) {
    const struct transform_output *o = &t->outputs[i];
    const char *text = t->text.data;
    return rd_kafka_producev(t->producer, RD_KAFKA_V_TOPIC(t->options->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY((void *)(uintptr_t)(o->key_len ? text + o->key_at : NULL), o->key_len),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)(text + o->value_at), o->value_len),
                             RD_KAFKA_V_OPAQUE(tag_of(t, i)), RD_KAFKA_V_END);
}

static rd_kafka_resp_err_t send_dead(struct kafka_transform *t, size_t i) {
    const struct transform_output *o = &t->outputs[i];
    rd_kafka_headers_t *headers = dead_letter_headers(t->handle.name, o->dead, o->reason);
    rd_kafka_resp_err_t e = rd_kafka_producev(
        t->producer, RD_KAFKA_V_TOPIC(t->options->source->dead_letter_topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(o->dead->key, o->dead->key_len), RD_KAFKA_V_VALUE(o->dead->payload, o->dead->len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(tag_of(t, i)), RD_KAFKA_V_END);
    if (e)
        rd_kafka_headers_destroy(headers);
    return e;
}

/* What is known not to be taken; 0: nothing. */
static size_t refused_size(struct kafka_transform *t, bool dead) {
    if (t->refused_size[dead] && clock_monotonic_ns() - t->refused_ns[dead] > REFUSED_MS * MS)
        t->refused_size[dead] = 0;
    return t->refused_size[dead];
}

/* False: the transaction must be aborted, or we stop. */
static bool send_output(struct kafka_transform *t, size_t i) {
    size_t refused = refused_size(t, t->outputs[i].dead != NULL);
    if (refused && size_of(&t->outputs[i]) >= refused) {
        refuse(t, &t->outputs[i]);
        return true;
    }
    for (;;) {
        rd_kafka_resp_err_t e = t->outputs[i].dead ? send_dead(t, i) : send_record(t, i);
        switch ((int)e) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return true;
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: /* the brokers are slower than we are: they say when there is room */
            rd_kafka_poll(t->producer, KAFKA_TICK_MS);
            transform_beat(t);
            if (!transform_is_stopping(t) && !t->must_abort)
                continue;
            must_abort(t, "stopped");
            return false;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            refuse(t, &t->outputs[i]);
            return true;
        default:
            must_abort(t, rd_kafka_err2str(e));
            return false;
        }
    }
}

/* --- what is held ------------------------------------------------------------------------------------------------- */

static bool begin(struct kafka_transform *t) {
    rd_kafka_error_t *error = rd_kafka_begin_transaction(t->producer);
    if (error) {
        transform_break(t, "a transaction cannot be begun", error);
        return false;
    }
    t->in_transaction = true;
    t->must_abort = false;
    t->attempt++;
    return true;
}

/* With nothing held before, the transaction begins with this; while one is to be done again, it is only kept. So it is
 * when batches have to be small: all are sent at the end. */
static bool ready_to_send(struct kafka_transform *t, bool first) {
    if (t->least != SEND_WITH_ALL)
        return false;
    if (first && !t->in_transaction && !t->broken)
        begin(t);
    return t->in_transaction && !t->must_abort && !t->broken;
}

static struct transform_output *add_output(struct kafka_transform *t, struct transform_partition *p) {
    if (t->output_count == t->output_room) {
        t->output_room = t->output_room ? t->output_room * 2 : 1024;
        t->outputs = alloc_resize(t->outputs, t->output_room, sizeof *t->outputs);
    }
    struct transform_output *o = &t->outputs[t->output_count++];
    *o = (struct transform_output){.from = p, .with = t->least};
    return o;
}

void kafka_transform_put(struct kafka_transform *t, struct span key, struct span value, uint64_t events) {
    bool first = t->output_count == 0;
    struct transform_output *o = add_output(t, t->taking);
    o->events = events;
    o->key_at = t->text.len;
    o->key_len = key.len;
    o->value_at = t->text.len + key.len;
    o->value_len = value.len;
    if (!buf_append(&t->text, key.ptr, key.len) || !buf_append(&t->text, value.ptr, value.len)) {
        t->text.failed = false;
        t->text.len = o->key_at;
        o->value_len = o->key_len = 0;
        refuse(t, o);
        return;
    }
    t->held_bytes += key.len + value.len;
    if (ready_to_send(t, first))
        send_output(t, t->output_count - 1);
}

void transform_add_dead(struct kafka_transform *t, struct transform_partition *p, rd_kafka_message_t *m,
                        enum malformed_reason reason) {
    bool first = t->output_count == 0;
    struct transform_output *o = add_output(t, p);
    o->dead = m;
    o->reason = reason;
    p->dead++;
    t->held_bytes += m->len + m->key_len;
    if (ready_to_send(t, first))
        send_output(t, t->output_count - 1);
}

static void forget_pending(struct transform_partition *p) {
    p->touched = false;
    p->pending = (struct kafka_transformed){0};
    p->dead = p->dead_failed = 0;
}

static void clear(struct kafka_transform *t) {
    for (size_t i = 0; i < t->output_count; i++)
        if (t->outputs[i].dead)
            rd_kafka_message_destroy(t->outputs[i].dead);
    for (size_t i = 0; i < t->partition_count; i++)
        forget_pending(t->partitions[i]);
    buf_clear(&t->text);
    t->output_count = t->held_bytes = t->messages = 0;
    t->in_transaction = t->must_abort = false;
    t->began_ns = 0;
}

void transform_drop_all(struct kafka_transform *t) {
    clear(t);
}

void transform_drop(struct kafka_transform *t, const struct transform_partition *p) {
    size_t kept = 0;
    for (size_t i = 0; i < t->output_count; i++) {
        struct transform_output *o = &t->outputs[i];
        if (o->from != p)
            t->outputs[kept++] = *o;
        else if (o->dead)
            rd_kafka_message_destroy(o->dead);
    }
    t->output_count = kept; /* their text goes with the others' */
    bool any = false;
    for (size_t i = 0; i < t->partition_count; i++)
        any = any || (t->partitions[i] != p && t->partitions[i]->touched);
    if (!any)
        clear(t);
}

void transform_deinit_held(struct kafka_transform *t) {
    clear(t);
    free(t->outputs);
    buf_deinit(&t->text);
}

/* --- again -------------------------------------------------------------------------------------------------------- */

static bool flush(struct kafka_transform *t) {
    int64_t until = clock_monotonic_ns() + FLUSH_MS * MS;
    while (rd_kafka_flush(t->producer, slice_ms(until)) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        transform_beat(t);
        if (transform_is_stopping(t) || left_ms(until) == 0)
            must_abort(t, "messages are not delivered in time");
        if (t->must_abort)
            return false;
    }
    return !t->must_abort;
}

static bool send_all(struct kafka_transform *t, enum send_with with) {
    size_t waiting = 0;
    bool any = false;
    for (size_t i = 0; i < t->output_count; i++) {
        const struct transform_output *o = &t->outputs[i];
        size_t size = size_of(o);
        if (o->with != with)
            continue;
        /* One that is large is not mixed with those before it. */
        bool apart = with == SEND_ALONE || (with == SEND_WITH_FEW && waiting + size > FEW_BYTES);
        if (apart && waiting && !flush(t))
            return false;
        waiting = apart ? size : waiting + size;
        any = true;
        if (!send_output(t, i))
            return false;
        if (i % 1000 == 0)
            rd_kafka_poll(t->producer, 0);
    }
    return with == SEND_WITH_ALL || !any || flush(t);
}

static bool send_again(struct kafka_transform *t) {
    bool has_suspects = false;
    for (size_t i = 0; i < t->output_count; i++)
        has_suspects = has_suspects || t->outputs[i].with == SEND_WITH_FEW || t->outputs[i].with == SEND_ALONE;
    if (!send_all(t, SEND_WITH_ALL))
        return false;
    if (!has_suspects)
        return true;
    log_event(LOG_WARN, "a batch was too large for its topic, it is sent in parts: batch.size should be lower",
              LOG_FIELDS({"source", t->handle.name, 0}));
    return flush(t) && send_all(t, SEND_WITH_FEW) && send_all(t, SEND_ALONE);
}

/* --- commit ------------------------------------------------------------------------------------------------------- */

/* Who we are to the group now; NULL when that would be nobody: brokers let an anonymous one commit whatever it likes.
 */
static rd_kafka_consumer_group_metadata_t *who_we_are(struct kafka_transform *t) {
    rd_kafka_consumer_group_metadata_t *us = rd_kafka_consumer_group_metadata(t->consumer);
    rd_kafka_consumer_group_metadata_t *nobody = rd_kafka_consumer_group_metadata_new(t->group);
    void *a = NULL, *b = NULL;
    size_t a_len = 0, b_len = 0;
    rd_kafka_error_t *e1 = us ? rd_kafka_consumer_group_metadata_write(us, &a, &a_len) : NULL;
    rd_kafka_error_t *e2 = rd_kafka_consumer_group_metadata_write(nobody, &b, &b_len);
    bool known = us && !e1 && !e2 && !(a_len == b_len && memcmp(a, b, a_len) == 0);
    if (e1)
        rd_kafka_error_destroy(e1);
    if (e2)
        rd_kafka_error_destroy(e2);
    rd_kafka_mem_free(NULL, a);
    rd_kafka_mem_free(NULL, b);
    rd_kafka_consumer_group_metadata_destroy(nobody);
    if (known && !rd_kafka_assignment_lost(t->consumer))
        return us;
    if (us)
        rd_kafka_consumer_group_metadata_destroy(us);
    return NULL;
}

static rd_kafka_topic_partition_list_t *positions(const struct kafka_transform *t) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)t->partition_count);
    for (size_t i = 0; i < t->partition_count; i++) {
        const struct transform_partition *p = t->partitions[i];
        if (p->touched)
            rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset = p->next;
    }
    return list;
}

/* What an answer of the coordinator means. Takes the error. */
enum answer { ANSWER_GOOD, ANSWER_AGAIN, ANSWER_ABORT, ANSWER_BROKEN };

static enum answer take_answer(struct kafka_transform *t, const char *what, rd_kafka_error_t *error) {
    transform_beat(t);
    if (!error)
        return ANSWER_GOOD;
    if (rd_kafka_error_is_retriable(error)) {
        rd_kafka_error_destroy(error);
        return ANSWER_AGAIN;
    }
    if (rd_kafka_error_txn_requires_abort(error)) {
        must_abort(t, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return ANSWER_ABORT;
    }
    transform_break(t, what, error);
    return ANSWER_BROKEN;
}

/* Who is to stop asks once: brokers that do not answer would keep us for longer than we have. */
static bool may_ask_again(const struct kafka_transform *t, int64_t until_ns) {
    return !transform_is_stopping(t) && left_ms(until_ns);
}

static bool send_positions(struct kafka_transform *t, int64_t until_ns) {
    rd_kafka_consumer_group_metadata_t *us = who_we_are(t);
    if (!us) {
        must_abort(t, "the group has given our partitions to others");
        return false;
    }
    rd_kafka_topic_partition_list_t *list = positions(t);
    enum answer answer;
    do {
        answer = take_answer(t, "positions cannot be sent",
                             rd_kafka_send_offsets_to_transaction(t->producer, list, us, slice_ms(until_ns)));
    } while (answer == ANSWER_AGAIN && may_ask_again(t, until_ns));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(us);
    if (answer == ANSWER_AGAIN)
        must_abort(t, "the group's coordinator does not answer");
    return answer == ANSWER_GOOD;
}

/* When the coordinator does not say in time whether it did, only a new client can find out. */
static bool commit(struct kafka_transform *t, int64_t until_ns) {
    enum answer answer;
    do {
        answer = take_answer(t, "a transaction cannot be committed",
                             rd_kafka_commit_transaction(t->producer, slice_ms(until_ns)));
    } while (answer == ANSWER_AGAIN && may_ask_again(t, until_ns));
    if (answer == ANSWER_AGAIN)
        transform_break(t, "no answer whether a transaction is committed", NULL);
    return answer == ANSWER_GOOD;
}

static void note_committed(struct kafka_transform *t) {
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->partition_count; i++) {
        struct transform_partition *p = t->partitions[i];
        if (!p->touched)
            continue;
        accounting_add(&t->accounting, &p->pending.accounting);
        t->worker.records += p->pending.accounting.counted;
        t->worker.events += p->pending.events;
        t->dead_letters += p->dead;
        t->dead_letters_failed += p->dead_failed;
        p->committed = p->next;
    }
    t->worker.committed++;
    t->trouble[0] = 0;
    pthread_mutex_unlock(&t->lock);
    clear(t);
}

void transform_abort(struct kafka_transform *t, int limit_ms) {
    int64_t until = clock_monotonic_ns() + limit_ms * MS;
    if (!t->in_transaction || t->broken)
        return;
    log_event(LOG_WARN, "kafka transaction aborted, it is done again",
              LOG_FIELDS({"source", t->handle.name, 0}, {"messages", NULL, (int64_t)t->messages},
                         {"reason", t->why_aborted, 0}));
    transform_set_trouble(t, "a transaction was aborted: %.200s", t->why_aborted);
    enum answer answer;
    do {
        answer =
            take_answer(t, "a transaction cannot be aborted", rd_kafka_abort_transaction(t->producer, slice_ms(until)));
    } while (answer == ANSWER_AGAIN && may_ask_again(t, until));
    if (answer != ANSWER_GOOD && answer != ANSWER_BROKEN)
        transform_break(t, "no answer whether a transaction is aborted", NULL);
    t->in_transaction = t->must_abort = false;
    t->attempt++;
    pthread_mutex_lock(&t->lock);
    t->worker.aborted++;
    pthread_mutex_unlock(&t->lock);
}

bool transform_settle(struct kafka_transform *t, int limit_ms) {
    int64_t until = clock_monotonic_ns() + limit_ms * MS;
    if (!t->messages)
        return true;
    if (t->broken)
        return false;
    bool sent = t->in_transaction ? !t->must_abort : begin(t) && send_again(t);
    if (sent && !t->broken && send_positions(t, until) && commit(t, until)) {
        note_committed(t);
        return true;
    }
    if (!t->broken)
        transform_abort(t, limit_ms);
    return false;
}
