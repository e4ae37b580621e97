/* Which partition is read next. Partitions are read side by side in event time: one that ran far ahead would move the
 * watermark, and the others' events would then be too late to count. */
#include "source/kafka_internal.h"

#define MILLISECOND INT64_C(1000000)
#define HOUR_MS     INT64_C(3600000)

/* How long a partition that is behind and silent is waited for, while others have something: usually the broker only
 * needs a moment. One that never said anything may still be connecting. One that would be left so far behind that its
 * events come too late to count (lateness is 72 h by default) is waited for longer; for ever would stop everything. */
static const int64_t patience_ns = 200 * MILLISECOND, first_patience_ns = 5000 * MILLISECOND,
                     far_patience_ns = 300000 * MILLISECOND, far_ms = 24 * HOUR_MS,
                     near_ms = HOUR_MS, /* how far one may run ahead of others that have something too */
    close_ms = HOUR_MS / 6;             /* and so close nobody is waited for: the broker needs a moment for each */

bool kafka_at_end(struct kafka *k, const struct kafka_partition *p) {
    int64_t low, high;
    if (p->at_end)
        return true;
    return p->has_position &&
           rd_kafka_get_watermark_offsets(k->rk, p->topic, p->number, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           high >= 0 && p->position.n[NEXT] == high;
}

static bool is_known(const struct kafka_partition *p) {
    return p->time_count || p->is_assumed;
}

static bool is_before(const struct kafka_partition *a, const struct kafka_partition *b) {
    if (!is_known(a) || !is_known(b))
        return !is_known(a) && is_known(b);
    return a->time_ms < b->time_ms;
}

static bool is_read(const struct kafka_partition *p) {
    return p->state == PARTITION_VERIFY || p->state == PARTITION_READ;
}

/* Whether `first` must not be read yet for the sake of `p`, which has nothing queued. */
static bool is_waited_for(const struct kafka_partition *p, const struct kafka_partition *first, int64_t now_ns) {
    int64_t patience = patience_ns;
    if (!is_known(p))
        patience = first_patience_ns;
    else if (!is_before(p, first) || first->time_ms - p->time_ms <= close_ms)
        return false;
    else if (first->time_ms - p->time_ms > far_ms)
        patience = far_patience_ns;
    return now_ns - p->silent_since_ns < patience;
}

/* How far in event time another lets a partition go. INT64_MIN: one message, then it is chosen again. */
static int64_t allowed(const struct kafka_partition *other, bool is_queued, int64_t now_ns) {
    if (!is_queued && now_ns - other->silent_since_ns > far_patience_ns)
        return INT64_MAX;
    if (!is_known(other))
        return INT64_MIN;
    return other->time_ms + (is_queued ? near_ms : far_ms);
}

/* What `p`, which is not `first`, means for it: false when it is waited for. */
static bool lets_go(struct kafka *k, struct kafka_partition *p, const struct kafka_partition *first, int64_t now_ns,
                    int64_t *until_ms) {
    bool is_queued = is_read(p) && kafka_has_queued(p);
    if (is_queued || p->state == PARTITION_GONE || kafka_at_end(k, p))
        p->silent_since_ns = 0;
    else if (!p->silent_since_ns)
        p->silent_since_ns = now_ns;
    if (!is_queued && !p->silent_since_ns)
        return true;
    bool go = is_queued || !is_waited_for(p, first, now_ns);
    if (go && !is_queued && !is_known(p) && is_known(first)) {
        p->is_assumed = true;
        p->time_ms = first->time_ms;
    }
    int64_t limit = allowed(p, is_queued, now_ns);
    *until_ms = limit < *until_ms ? limit : *until_ms;
    return go;
}

/* The one that is furthest back of those that have something. One whose position nobody knows yet goes first. */
static struct kafka_partition *furthest_back(struct kafka *k) {
    struct kafka_partition *first = NULL;
    for (size_t i = 0; i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        if (!is_read(p))
            continue;
        if (p->unannounced)
            return p;
        if (kafka_has_queued(p) && (!first || is_before(p, first)))
            first = p;
    }
    return first;
}

struct kafka_partition *kafka_choose(struct kafka *k, int64_t now_ns, int64_t *until_ms) {
    bool go = true;
    *until_ms = INT64_MAX;
    pthread_mutex_lock(&k->lock);
    struct kafka_partition *first = furthest_back(k);
    for (size_t i = 0; first && i < k->partition_count; i++)
        if (k->partitions[i] != first)
            go = lets_go(k, k->partitions[i], first, now_ns, until_ms) && go;
    if (first && first->unannounced)
        go = true;
    if (first)
        first->silent_since_ns = 0;
    pthread_mutex_unlock(&k->lock);
    return go ? first : NULL;
}

void kafka_note_time(struct kafka_partition *p, int64_t time_ms) {
    int64_t sorted[KAFKA_TIMES] = {0};
    p->times[p->time_count++ % KAFKA_TIMES] = time_ms;
    if (p->time_count == 2 * KAFKA_TIMES) /* it must not run over in a partition that is read for years */
        p->time_count = KAFKA_TIMES;
    unsigned count = p->time_count < KAFKA_TIMES ? p->time_count : KAFKA_TIMES;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at && sorted[at - 1] > p->times[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = p->times[i];
    }
    p->time_ms = sorted[count / 2];
}
