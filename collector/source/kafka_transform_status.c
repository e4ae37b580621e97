/* What a transform says of itself: by what is written under the lock alone. */
#include <stdlib.h>

#include "core/alloc.h"
#include "source/kafka_transform_internal.h"

static void fill_partition(const struct kafka_transform *t, const struct transform_partition *p,
                           struct partition_row *row) {
    int64_t low, high;
    int64_t next = p->committed;
    *row = (struct partition_row){.topic = alloc_string(p->topic, strlen(p->topic)),
                                  .partition = p->number,
                                  .next = next,
                                  .lag = -1,
                                  .assigned = true};
    if (t->consumer && next >= 0 &&
        rd_kafka_get_watermark_offsets(t->consumer, p->topic, p->number, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0)
        row->lag = high > next ? high - next : 0;
}

static int by_topic_and_number(const void *a, const void *b) {
    const struct partition_row *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static void say_trouble(const struct kafka_transform *t, char *text, size_t size) {
    text[0] = '\0';
    if (t->brokers_down)
        snprintf(text, size, "no broker answers");
    else if (t->trouble[0])
        snprintf(text, size, "%s", t->trouble);
    for (size_t i = 0; !*text && i < t->partition_count; i++)
        if (t->partitions[i]->trouble)
            snprintf(text, size, "%.120s/%d: %s", t->partitions[i]->topic, (int)t->partitions[i]->number,
                     rd_kafka_err2str(t->partitions[i]->trouble));
}

void kafka_transform_status(struct kafka_transform *t, struct source_row *row, struct worker_row *worker,
                            char *not_ready, size_t size) {
    char text[TRANSFORM_TEXT];
    pthread_mutex_lock(&t->lock);
    say_trouble(t, text, sizeof text);
    *row = (struct source_row){.name = t->handle.name,
                               .kind = "kafka",
                               .accounting = t->accounting,
                               .messages_lost = t->messages_lost,
                               .dead_letters = t->dead_letters,
                               .dead_letters_failed = t->dead_letters_failed,
                               .trouble = *text ? alloc_string(text, strlen(text)) : NULL};
    row->partitions = alloc_zeroed(t->partition_count + 1, sizeof *row->partitions);
    bool behind = !t->is_member || *text;
    for (size_t i = 0; i < t->partition_count; i++) {
        struct partition_row *to = &row->partitions[row->partition_count++];
        fill_partition(t, t->partitions[i], to);
        behind = behind || !t->partitions[i]->at_end;
    }
    qsort(row->partitions, row->partition_count, sizeof *row->partitions, by_topic_and_number);
    row->caught_up = !behind;
    *worker = t->worker;
    if (t->is_member && !t->brokers_down)
        snprintf(not_ready, size, "%s", "");
    else
        snprintf(not_ready, size, "%s", *text ? text : "not yet a member of the consumer group");
    pthread_mutex_unlock(&t->lock);
}
