/* Whether a topic that is read is still the one it was. Deleted and made again within a moment, and filled beyond where
 * we are, it gives no error at all: what follows our position is simply another topic's, and what precedes it would be
 * missed. But the first offset of a time or a later one never falls while a topic lives, and of another topic it is
 * another: usually 0, for its messages are newer. */
#include "source/kafka_internal.h"

#define SECOND INT64_C(1000000000)

enum { WATCH_SECONDS = 10, WATCH_MAX = 1000 };

struct watch {
    struct kafka_partition *p;
    unsigned generation;
    int64_t time_ms; /* of the anchor now: the next mark */
    int64_t offset;  /* the first offset of that time or later; -1: none */
    bool is_known;   /* `offset` */
};

/* A mark at offset 0 is none: no other topic can be told by it. So it is with the first messages of a topic, as long as
 * those that follow have the same time. */
static bool has_mark(const struct kafka_partition *p) {
    return p->has_mark && (p->mark_offset > 0 || p->position.n[ANCHOR] == 0);
}

/* One with a mark is looked at now and then, one without at once. */
static size_t choose(struct kafka *k, bool is_due, struct watch *list) {
    size_t count = 0;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->partition_count && count < WATCH_MAX; i++) {
        struct kafka_partition *p = k->partitions[i];
        const int64_t *n = p->position.n;
        if (p->state == PARTITION_READ && p->fetching && n[ANCHOR] >= 0 && n[ANCHOR_TIME] > 0 &&
            (is_due || !has_mark(p)))
            list[count++] = (struct watch){.p = p, .generation = p->generation, .time_ms = n[ANCHOR_TIME]};
    }
    pthread_mutex_unlock(&k->lock);
    return count;
}

/* For each the first offset of its anchor's time, or of its mark's. */
static void ask(struct kafka *k, struct watch *list, size_t count, bool of_mark) {
    rd_kafka_topic_partition_list_t *times = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        list[i].is_known = false;
        if (!of_mark || list[i].p->has_mark)
            rd_kafka_topic_partition_list_add(times, list[i].p->topic, list[i].p->number)->offset =
                of_mark ? list[i].p->mark_ms : list[i].time_ms;
    }
    rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (times->cnt)
        e = rd_kafka_offsets_for_times(k->rk, times, KAFKA_CALL_MS);
    for (size_t i = 0; i < count && e == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(times, list[i].p->topic, list[i].p->number);
        if (!found || found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        list[i].is_known = true;
        list[i].offset = found->offset >= 0 ? found->offset : -1;
    }
    rd_kafka_topic_partition_list_destroy(times);
}

/* Nothing of that time is there any more: retention, if it took the message that was; else it is another topic. */
static bool is_still_kept(struct kafka *k, const struct kafka_partition *p) {
    int64_t low, high;
    return rd_kafka_query_watermark_offsets(k->rk, p->topic, p->number, &low, &high, KAFKA_CALL_MS) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           low <= p->mark_offset;
}

static bool is_another(struct kafka *k, const struct watch *w) {
    if (w->offset < 0)
        return w->p->mark_offset >= 0 && is_still_kept(k, w->p);
    return w->offset < w->p->mark_offset;
}

static void read_again(struct kafka *k, const struct watch *w) {
    struct kafka_partition *p = w->p;
    pthread_mutex_lock(&k->lock);
    if (p->generation == w->generation && p->state != PARTITION_GONE) {
        p->state = PARTITION_LOCATE;
        p->reason = LOCATE_RECREATED;
        p->generation++;
        k->locate_at_ns = 0;
    }
    pthread_mutex_unlock(&k->lock);
}

/* The new marks are asked for before the old ones are compared: if those still hold, these are of the same topic. */
static bool look_at(struct kafka *k, struct watch *list, size_t count) {
    struct watch old[WATCH_MAX];
    bool complete = true;
    ask(k, list, count, false);
    memcpy(old, list, count * sizeof *list);
    ask(k, old, count, true);
    for (size_t i = 0; i < count; i++) {
        struct kafka_partition *p = list[i].p;
        if (old[i].is_known && is_another(k, &old[i])) {
            read_again(k, &old[i]);
        } else if (list[i].is_known && (old[i].is_known || !p->has_mark)) {
            p->has_mark = true;
            p->mark_ms = list[i].time_ms;
            p->mark_offset = list[i].offset;
        }
        complete = complete && list[i].is_known && list[i].offset > 0;
    }
    return complete;
}

void kafka_watch(struct kafka *k, int64_t now_ns) {
    struct watch list[WATCH_MAX];
    bool is_due = now_ns >= k->watch_all_at_ns;
    size_t count = choose(k, is_due, list);
    bool complete = !count || look_at(k, list, count);
    if (is_due)
        k->watch_all_at_ns = now_ns + WATCH_SECONDS * SECOND;
    k->watch_at_ns = now_ns + (complete ? SECOND / 10 : SECOND);
}
