/* Wakes librdkafka's fetching. A version before 2.3 that found a partition's queue full looks at it again only after a
 * second, however soon it was read empty; but it looks whenever there is anything else to do for the same broker. So a
 * cheap question is put to the broker of a partition that is being read faster than it is filled. Later versions have a
 * property for it (fetch.queue.backoff.ms), and need no questions. */
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/kafka_internal.h"

enum { PAUSE_MS = 1, ASK_MS = 1000 };

/* The topic's name and the partition's number: the partition itself may be gone when the question is put. */
struct nudge {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    rd_kafka_t *rk;
    char *topic; /* owned; NULL: nothing is asked for */
    int32_t partition;
    bool stop;
};

static void ask(struct nudge *n, const char *topic, int32_t partition) {
    int64_t low, high;
    rd_kafka_query_watermark_offsets(n->rk, topic, partition, &low, &high, ASK_MS);
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

static void *run(void *nudge) {
    struct nudge *n = nudge;
    pthread_mutex_lock(&n->lock);
    while (!n->stop) {
        char *topic = n->topic;
        int32_t partition = n->partition;
        if (!topic) {
            pthread_cond_wait(&n->asked, &n->lock);
            continue;
        }
        n->topic = NULL;
        pthread_mutex_unlock(&n->lock);
        ask(n, topic, partition);
        free(topic);
        pthread_mutex_lock(&n->lock);
    }
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

struct nudge *kafka_nudge_start(rd_kafka_t *rk) {
    struct nudge *n = alloc_zeroed(1, sizeof *n);
    n->rk = rk;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->asked, NULL);
    if (pthread_create(&n->thread, NULL, run, n) == 0)
        return n;
    free(n);
    return NULL; /* slower, and right */
}

void kafka_nudge(struct nudge *n, const char *topic, int32_t partition) {
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    if (!n->topic) {
        n->topic = alloc_string(topic, strlen(topic));
        n->partition = partition;
        pthread_cond_signal(&n->asked);
    }
    pthread_mutex_unlock(&n->lock);
}

void kafka_nudge_stop(struct nudge *n) {
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_cond_signal(&n->asked);
    pthread_mutex_unlock(&n->lock);
    pthread_join(n->thread, NULL);
    free(n->topic);
    pthread_cond_destroy(&n->asked);
    pthread_mutex_destroy(&n->lock);
    free(n);
}
