/* The consumer group: partitions that come and go, and what the group is told of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_internal.h"

enum { METADATA_TEXT = 256, REVOKE_SECONDS = 10, REVOKE_COMMIT_MS = 5000 };
#define SECOND INT64_C(1000000000)

/* --- what stands beside an offset in the group -------------------------------------------------------------------- */

/*  "ses-collector" SP state id SP from: which state counts the partition, and since which offset without a break. */
#define METADATA_MARK "ses-collector "
#define NO_STATE      "-"

static const char *shown_id(const char *state_id) {
    return state_id && *state_id ? state_id : NO_STATE;
}

static bool read_metadata(struct span text, struct span *id, int64_t *from) {
    char copy[METADATA_TEXT];
    if (text.len >= sizeof copy || text.len < strlen(METADATA_MARK) ||
        memcmp(text.ptr, METADATA_MARK, strlen(METADATA_MARK)) != 0)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    char *space = strchr(copy + strlen(METADATA_MARK), ' '), *end;
    if (!space)
        return false;
    *from = strtoll(space + 1, &end, 10);
    *id = (struct span){text.ptr + strlen(METADATA_MARK), (size_t)(space - copy) - strlen(METADATA_MARK)};
    return end != space + 1 && *end == 0 && *from >= 0;
}

struct handover kafka_handover(const struct position *own, int64_t group_offset, struct span metadata,
                               const char *state_id) {
    struct handover h = {.next = group_offset};
    struct span id;
    int64_t from;
    if (!own)
        return h;
    bool is_other = read_metadata(metadata, &id, &from) && !span_eq(id, span_of(shown_id(state_id)));
    if (group_offset < 0 || (!is_other && own->n[NEXT] >= group_offset) || own->n[NEXT] == group_offset)
        h.use_position = true;
    if (!is_other || group_offset < 0)
        return h;
    int64_t first = from > own->n[FROM] ? from : own->n[FROM];
    int64_t end = group_offset < own->n[NEXT] ? group_offset : own->n[NEXT];
    h.twice = end > first ? (uint64_t)(end - first) : 0;
    return h;
}

/* --- telling the group -------------------------------------------------------------------------------------------- */

void kafka_offsets_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                             void *kafka) {
    struct kafka *k = kafka;
    (void)rk;
    if (!err || err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    bool refused =
        err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (refused)
        atomic_store(&k->commit_refused, true);
    log_event(LOG_WARN, refused ? "kafka group takes no offsets from us" : "kafka offsets not committed to the group",
              LOG_FIELDS({"source", k->base.name, 0}, {"error", rd_kafka_err2str(err), 0}));
    pthread_mutex_lock(&k->lock);
    for (int i = 0; list && i < list->cnt; i++) {
        struct kafka_partition *p = kafka_partition_find(k, list->elems[i].topic, list->elems[i].partition);
        if (p)
            p->group_offset = -1;
    }
    pthread_mutex_unlock(&k->lock);
}

/* An offset that belongs to this assignment and that the group does not know. Under the lock. */
static bool is_news(const struct kafka_partition *p, int64_t committed) {
    return p->fetching && p->has_given && committed >= p->start0 && committed <= p->given0 &&
           committed != p->group_offset;
}

static rd_kafka_topic_partition_list_t *news(struct kafka *k) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        int64_t committed = atomic_load(&p->stream.committed0);
        if (!is_news(p, committed))
            continue;
        p->group_offset = committed;
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, p->topic, p->number);
        char text[METADATA_TEXT];
        snprintf(text, sizeof text, METADATA_MARK "%s %" PRId64, shown_id(k->base.state_id), p->position.n[FROM]);
        to->offset = committed;
        to->metadata = alloc_string(text, strlen(text)); /* freed with the list */
        to->metadata_size = strlen(text);
    }
    pthread_mutex_unlock(&k->lock);
    return list;
}

static void commit_waiting(struct kafka *k, const rd_kafka_topic_partition_list_t *list, int wait_ms) {
    rd_kafka_queue_t *answers = rd_kafka_queue_new(k->rk);
    int64_t end_ns = clock_monotonic_ns() + wait_ms * INT64_C(1000000);
    if (rd_kafka_commit_queue(k->rk, list, answers, kafka_offsets_committed, k) == RD_KAFKA_RESP_ERR_NO_ERROR)
        while (!rd_kafka_queue_poll_callback(answers, KAFKA_TICK_MS) && clock_monotonic_ns() < end_ns)
            ;
    rd_kafka_queue_destroy(answers);
}

void kafka_commit(struct kafka *k, int wait_ms) {
    if (atomic_load(&k->commit_refused))
        return;
    rd_kafka_topic_partition_list_t *list = news(k);
    if (list->cnt && wait_ms)
        commit_waiting(k, list, wait_ms);
    else if (list->cnt)
        kafka_offsets_committed(k->rk, rd_kafka_commit(k->rk, list, 1), list, k);
    rd_kafka_topic_partition_list_destroy(list);
}

/* --- partitions come ---------------------------------------------------------------------------------------------- */

static void say_twice(struct kafka *k, const struct kafka_partition *p, uint64_t twice) {
    kafka_set_notice(k, "%" PRIu64 " messages of %s were counted here and by another state", twice, p->stream.name);
    k->counted_twice += twice;
    log_event(LOG_WARN, "kafka messages counted by two states",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0},
                         {"messages", NULL, (int64_t)twice}, {"since_start", NULL, (int64_t)k->counted_twice}));
}

/* Under the lock. */
static void take_over(struct kafka *k, struct kafka_partition *p, const rd_kafka_topic_partition_t *group) {
    struct handover h = kafka_handover(p->has_position ? &p->position : NULL, group->offset,
                                       (struct span){group->metadata, group->metadata_size}, k->base.state_id);
    int64_t from = p->position.n[FROM], next = p->position.n[NEXT];
    bool joins = p->has_position && h.next >= from && h.next <= next;
    if (!h.use_position && h.next >= 0) {
        kafka_begin_at(p, h.next);
        if (joins)
            p->position.n[FROM] = from;
    }
    if (h.twice)
        say_twice(k, p, h.twice);
    p->state = PARTITION_LOCATE;
    p->reason = LOCATE_START;
    p->generation++;
    p->fetching = false;
    p->group_offset = -1;
}

static bool ask_group(struct kafka *k, rd_kafka_topic_partition_list_t *list) {
    rd_kafka_resp_err_t e = rd_kafka_committed(k->rk, list, KAFKA_CALL_MS);
    for (int i = 0; e == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        e = list->elems[i].err;
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    pthread_mutex_lock(&k->lock);
    kafka_set_trouble(k, "asking for the group's offsets: %s", rd_kafka_err2str(e));
    pthread_mutex_unlock(&k->lock);
    return false;
}

static bool locate_each(struct kafka *k, struct kafka_partition **list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while (!kafka_locate(k, list[i])) {
            if (kafka_is_stopping(k))
                return false;
            usleep(KAFKA_TICK_MS * 1000);
        }
    }
    return true;
}

/* Until it is done or we stop: a partition whose place is not known cannot be read, and nobody else reads it now. */
static bool partitions_come(struct kafka *k, rd_kafka_topic_partition_list_t *given) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(given);
    while (list->cnt && !ask_group(k, list)) {
        if (kafka_is_stopping(k)) {
            rd_kafka_topic_partition_list_destroy(list);
            return false;
        }
        usleep(KAFKA_TICK_MS * 1000);
    }
    size_t count = (size_t)list->cnt;
    struct kafka_partition **ours = alloc_zeroed(count + 1, sizeof(struct kafka_partition *));
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *e = &list->elems[i];
        struct kafka_partition *p = kafka_partition_find(k, e->topic, e->partition);
        ours[i] = p ? p : kafka_partition_add(k, e->topic, e->partition);
        take_over(k, ours[i], e);
    }
    pthread_mutex_unlock(&k->lock);
    bool located = locate_each(k, ours, count);
    if (located)
        kafka_start(k, ours, count, true);
    free(ours);
    rd_kafka_topic_partition_list_destroy(list);
    pthread_mutex_lock(&k->lock);
    k->complete = true;
    if (located)
        k->trouble[0] = 0;
    pthread_mutex_unlock(&k->lock);
    return located;
}

/* --- partitions go ------------------------------------------------------------------------------------------------ */

static bool is_settled(struct kafka *k, struct kafka_partition **list, size_t count) {
    bool settled = true;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; settled && i < count; i++)
        settled =
            !list[i]->busy && (!list[i]->has_given || atomic_load(&list[i]->stream.committed0) == list[i]->given0);
    pthread_mutex_unlock(&k->lock);
    return settled;
}

/* False: we stop, and what was given is committed only after that. */
static bool wait_until_settled(struct kafka *k, struct kafka_partition **list, size_t count) {
    int64_t end_ns = clock_monotonic_ns() + REVOKE_SECONDS * SECOND;
    while (!is_settled(k, list, count)) {
        if (kafka_is_stopping(k))
            return false;
        if (clock_monotonic_ns() > end_ns) {
            log_event(LOG_WARN, "kafka partitions handed over before all was committed",
                      LOG_FIELDS({"source", k->base.name, 0}));
            return true;
        }
        usleep(10 * 1000);
    }
    return true;
}

/* False: the group is answered when we close, for until then they are ours to commit. */
static bool partitions_go(struct kafka *k, const rd_kafka_topic_partition_list_t *given, bool lost) {
    struct kafka_partition **list = alloc_zeroed((size_t)given->cnt + 1, sizeof(struct kafka_partition *));
    size_t count = 0;
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < given->cnt; i++) {
        struct kafka_partition *p = kafka_partition_find(k, given->elems[i].topic, given->elems[i].partition);
        if (!p)
            continue;
        list[count++] = p;
        p->state = PARTITION_GONE;
        p->generation += lost; /* what is at hand belongs to somebody else already */
    }
    pthread_mutex_unlock(&k->lock);
    if (!lost && !k->closing) {
        if (!wait_until_settled(k, list, count)) {
            free(list);
            return false;
        }
        kafka_commit(k, REVOKE_COMMIT_MS);
    }
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < count; i++) {
        list[i]->generation++;
        list[i]->fetching = list[i]->at_end = false;
        list[i]->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    pthread_mutex_unlock(&k->lock);
    free(list);
    return true;
}

/* --- rebalance ---------------------------------------------------------------------------------------------------- */

static void say(struct kafka *k, const char *what, int count) {
    log_event(LOG_INFO, "kafka group shared out partitions anew",
              LOG_FIELDS({"source", k->base.name, 0}, {"change", what, 0}, {"partitions", NULL, count}));
}

static void unassign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list, bool cooperative) {
    if (cooperative) {
        rd_kafka_error_t *error = rd_kafka_incremental_unassign(rk, list);
        if (error)
            rd_kafka_error_destroy(error);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}

void kafka_answer_group(struct kafka *k) {
    if (!k->unanswered)
        return;
    unassign(k->rk, k->unanswered, kafka_is_cooperative(k->rk));
    rd_kafka_topic_partition_list_destroy(k->unanswered);
    k->unanswered = NULL;
}

void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *kafka) {
    struct kafka *k = kafka;
    bool cooperative = kafka_is_cooperative(rk);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        say(k, "assigned", list->cnt);
        if (k->closing || !partitions_come(k, list))
            unassign(rk, list, cooperative);
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        bool lost = rd_kafka_assignment_lost(rk);
        say(k, lost ? "lost" : "revoked", list->cnt);
        if (partitions_go(k, list, lost))
            unassign(rk, list, cooperative);
        else
            k->unanswered = rd_kafka_topic_partition_list_copy(list);
    } else {
        log_event(LOG_ERROR, "kafka rebalance failed",
                  LOG_FIELDS({"source", k->base.name, 0}, {"error", rd_kafka_err2str(err), 0}));
        rd_kafka_assign(rk, NULL);
    }
}
