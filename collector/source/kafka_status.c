/* What the source says of itself. */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/kafka_internal.h"

#define CAUGHT_UP_NS (10 * INT64_C(1000000000)) /* messages that just came do not make us late */

static bool is_ours(const struct kafka_partition *p) {
    return p->state != PARTITION_GONE;
}

/* Counted as far as given, given as far as there is. `counted` is this thread's. */
static bool is_counted_to_end(struct kafka *k, const struct kafka_partition *p) {
    return p->state == PARTITION_READ && !p->suspect && kafka_at_end(k, p) && !p->unannounced &&
           (!p->has_given || p->stream.counted.n[NEXT] == p->given0);
}

static bool is_caught_up(struct kafka *k, int64_t now_ns) {
    bool caught_up = k->complete;
    for (size_t i = 0; i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        if (!is_ours(p)) {
            p->end_seen_ns = 0;
            continue;
        }
        if (!k->brokers_down && !p->trouble && !k->trouble[0] && is_counted_to_end(k, p))
            p->end_seen_ns = now_ns;
        if (!p->end_seen_ns || now_ns - p->end_seen_ns > CAUGHT_UP_NS)
            caught_up = false;
    }
    return caught_up;
}

/* --- trouble ------------------------------------------------------------------------------------------------------ */

static const char *brokers(const struct kafka *k) {
    for (size_t i = 0; i < k->options->property_count; i++) {
        const struct kafka_property *p = &k->options->properties[i];
        if (strcmp(p->name, "bootstrap.servers") == 0 || strcmp(p->name, "metadata.broker.list") == 0)
            return p->value;
    }
    return "";
}

/* The gravest thing only. Returns new, or NULL. */
static char *trouble(struct kafka *k, int64_t now_ns) {
    char text[TROUBLE_TEXT + 64] = "";
    if (k->failed)
        snprintf(text, sizeof text, "%.250s", k->failure.text);
    else if (k->brokers_down)
        snprintf(text, sizeof text, "no broker answers: %.200s", brokers(k));
    else if (k->trouble[0])
        snprintf(text, sizeof text, "%s", k->trouble);
    for (size_t i = 0; !*text && i < k->partition_count; i++)
        if (is_ours(k->partitions[i]) && k->partitions[i]->trouble)
            snprintf(text, sizeof text, "%.180s: %.100s", k->partitions[i]->stream.name,
                     rd_kafka_err2str(k->partitions[i]->trouble));
    if (!*text && now_ns < k->notice_until_ns)
        snprintf(text, sizeof text, "%s", k->notice);
    return *text ? alloc_string(text, strlen(text)) : NULL;
}

/* --- partitions --------------------------------------------------------------------------------------------------- */

static int by_topic_and_number(const void *a, const void *b) {
    const struct partition_row *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static void fill_partition(struct kafka *k, const struct kafka_partition *p, struct partition_row *row) {
    int64_t low, high;
    *row = (struct partition_row){.topic = alloc_string(p->topic, strlen(p->topic)),
                                  .partition = p->number,
                                  .next = -1,
                                  .lag = -1,
                                  .assigned = true};
    if (p->has_position)
        row->next = p->has_given ? atomic_load(&p->stream.committed0) : p->position.n[NEXT];
    if (p->fetching && row->next >= 0 &&
        rd_kafka_get_watermark_offsets(k->rk, p->topic, p->number, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0)
        row->lag = high > row->next ? high - row->next : 0;
}

static void fill_partitions(struct kafka *k, struct source_row *row) {
    row->partitions = alloc_zeroed(k->partition_count + 1, sizeof *row->partitions);
    row->partition_count = 0;
    for (size_t i = 0; i < k->partition_count; i++)
        if (is_ours(k->partitions[i]))
            fill_partition(k, k->partitions[i], &row->partitions[row->partition_count++]);
    qsort(row->partitions, row->partition_count, sizeof *row->partitions, by_topic_and_number);
}

void kafka_status(struct source *s, struct source_row *row) {
    struct kafka *k = (struct kafka *)s;
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&k->lock);
    row->caught_up = is_caught_up(k, now_ns);
    row->trouble = trouble(k, now_ns);
    row->messages_lost = k->messages_lost;
    row->counted_twice = k->counted_twice;
    if (k->dead_letters)
        dead_letters_count(k->dead_letters, &row->dead_letters, &row->dead_letters_failed);
    fill_partitions(k, row);
    pthread_mutex_unlock(&k->lock);
}
