/* Where a partition goes on, and what to say when that is not where it left off. */
#include "core/log.h"
#include "source/kafka_internal.h"

void kafka_begin_at(struct kafka_partition *p, int64_t offset) {
    p->position = (struct position){.n = {[NEXT] = offset, [ANCHOR] = -1, [FROM] = offset}};
    p->has_position = p->unannounced = true;
    p->verify = p->has_mark = false;
}

static bool later(struct kafka *k, const struct kafka_partition *p, const char *what, rd_kafka_resp_err_t e) {
    pthread_mutex_lock(&k->lock);
    kafka_set_trouble(k, "%s of %s: %s", what, p->stream.name, rd_kafka_err2str(e));
    pthread_mutex_unlock(&k->lock);
    return false;
}

static bool begin_at(struct kafka *k, struct kafka_partition *p, int64_t offset) {
    pthread_mutex_lock(&k->lock);
    kafka_begin_at(p, offset);
    pthread_mutex_unlock(&k->lock);
    log_event(LOG_INFO, "kafka partition begins",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0}, {"offset", NULL, offset}));
    return true;
}

/* The first offset that is there, and the one after the last. */
static bool ask_range(struct kafka *k, struct kafka_partition *p, int64_t *low, int64_t *high) {
    rd_kafka_resp_err_t e = rd_kafka_query_watermark_offsets(k->rk, p->topic, p->number, low, high, KAFKA_CALL_MS);
    return e == RD_KAFKA_RESP_ERR_NO_ERROR || later(k, p, "asking for the offsets", e);
}

static bool begin_at_beginning(struct kafka *k, struct kafka_partition *p) {
    int64_t low, high;
    return ask_range(k, p, &low, &high) && begin_at(k, p, low);
}

static bool begin_at_end(struct kafka *k, struct kafka_partition *p) {
    int64_t low, high;
    return ask_range(k, p, &low, &high) && begin_at(k, p, high);
}

/* --- a partition without a position ------------------------------------------------------------------------------- */

static bool is_refusal(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static bool begin_at_stored(struct kafka *k, struct kafka_partition *p) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, p->number);
    rd_kafka_resp_err_t e = rd_kafka_committed(k->rk, list, KAFKA_CALL_MS);
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
        e = list->elems[0].err;
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (is_refusal(e)) {
        log_event(LOG_WARN, "kafka group may not be asked, beginning at the beginning",
                  LOG_FIELDS({"source", k->base.name, 0}, {"error", rd_kafka_err2str(e), 0}));
        return begin_at_beginning(k, p);
    }
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
        return later(k, p, "asking for the group's offset", e);
    return offset >= 0 ? begin_at(k, p, offset) : begin_at_beginning(k, p);
}

static bool begin_at_time(struct kafka *k, struct kafka_partition *p) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset = k->options->start_ms;
    rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(k->rk, list, KAFKA_CALL_MS);
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
        e = list->elems[0].err;
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
        return later(k, p, "asking for the offset of a time", e);
    return offset >= 0 ? begin_at(k, p, offset) : begin_at_end(k, p);
}

static bool begin_as_told(struct kafka *k, struct kafka_partition *p) {
    switch (k->options->start) {
    case KAFKA_START_STORED:
        return begin_at_stored(k, p);
    case KAFKA_START_END:
        return begin_at_end(k, p);
    case KAFKA_START_TIME:
        return begin_at_time(k, p);
    default:
        return begin_at_beginning(k, p);
    }
}

/* --- a position that is not there any more ------------------------------------------------------------------------ */

static bool go_on(struct kafka *k, struct kafka_partition *p) {
    pthread_mutex_lock(&k->lock);
    p->verify = false;
    pthread_mutex_unlock(&k->lock);
    return true;
}

/* Retention was faster than we: what lies between is gone. */
static bool go_on_after_loss(struct kafka *k, struct kafka_partition *p, int64_t low) {
    int64_t lost = low - p->position.n[NEXT];
    pthread_mutex_lock(&k->lock);
    k->messages_lost += (uint64_t)lost;
    kafka_set_notice(k, "%lld messages of %s were deleted by retention before they were read", (long long)lost,
                     p->stream.name);
    pthread_mutex_unlock(&k->lock);
    log_event(LOG_ERROR, "kafka messages lost to retention",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0}, {"lost", NULL, lost},
                         {"next", NULL, low}));
    return begin_at(k, p, low);
}

/* Not the topic that was counted, or an end of it is missing. Read again from the beginning: what was counted is known
 * by its keys. */
static bool begin_again(struct kafka *k, struct kafka_partition *p, int64_t low) {
    pthread_mutex_lock(&k->lock);
    kafka_set_notice(k, "%s was recreated or cut short: it is read again from its beginning", p->stream.name);
    pthread_mutex_unlock(&k->lock);
    log_event(LOG_ERROR, "kafka partition was recreated or truncated",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0},
                         {"counted_to", NULL, p->position.n[NEXT]}, {"next", NULL, low}));
    return begin_at(k, p, low);
}

bool kafka_locate(struct kafka *k, struct kafka_partition *p) {
    int64_t low, high, next = p->position.n[NEXT];
    switch (p->reason) {
    case LOCATE_NEW:
        if (!p->has_position)
            return begin_at_beginning(k, p);
        break;
    case LOCATE_START:
        if (!p->has_position)
            return begin_as_told(k, p);
        break;
    case LOCATE_OUT_OF_RANGE:
    case LOCATE_GAP:
        if (!ask_range(k, p, &low, &high))
            return false;
        if (next < low)
            return go_on_after_loss(k, p, low);
        return next > high ? begin_again(k, p, low) : go_on(k, p);
    case LOCATE_RECREATED:
        return ask_range(k, p, &low, &high) && begin_again(k, p, low);
    default:
        break;
    }
    pthread_mutex_lock(&k->lock);
    p->verify = p->position.n[ANCHOR] >= 0;
    pthread_mutex_unlock(&k->lock);
    return true;
}
