/* A Kafka source at work for a test: a port that collects what it gives, and says at once that it is committed. */
#ifndef TESTS_UNIT_KAFKA_RUN_H
#define TESTS_UNIT_KAFKA_RUN_H

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/kafka.h"
#include "unit/known.h"

enum { RUN_STREAMS = 16, RUN_EVENTS = 200000, RUN_DEADLINE_S = 60 };

struct kafka_run {
    struct kafka_options options;
    struct kafka_property properties[12];
    char *topics[4];
    struct provider_table *providers;
    struct dictionary dictionary;
    struct source_port port;
    struct source *source;
    pthread_t thread;
    bool started, result, keep_uncommitted;
    struct err err;

    pthread_mutex_t lock;
    struct accounting accounting;
    size_t events, chains;
    int64_t times[RUN_EVENTS]; /* of the events, in the order in which they came */
    struct {
        struct stream *stream;
        struct position position;
        size_t chains;
    } streams[RUN_STREAMS];
    size_t stream_count;
};

static struct batch *run_take(void *context) {
    struct kafka_run *run = context;
    if (atomic_load(&run->source->stop))
        return NULL;
    struct batch *b = alloc_zeroed(1, sizeof *b);
    buf_init(&b->raw, BATCH_RAW_LIMIT);
    return b;
}

static void run_count(struct kafka_run *run, const struct batch *b) {
    size_t i = 0;
    while (i < run->stream_count && run->streams[i].stream != b->stream)
        i++;
    if (i == run->stream_count)
        run->streams[run->stream_count++].stream = b->stream;
    run->streams[i].position = b->position;
    run->streams[i].chains++;
    accounting_add(&run->accounting, &b->accounting);
    for (unsigned e = 0; e < b->count && run->events < RUN_EVENTS; e++)
        run->times[run->events++] = b->events[e].time_ms;
}

static void run_give(void *context, struct batch *chain) {
    struct kafka_run *run = context;
    pthread_mutex_lock(&run->lock);
    run->chains++;
    while (chain) {
        struct batch *next = chain->next;
        run_count(run, chain);
        chain->stream->counted = chain->position;
        if (!run->keep_uncommitted)
            atomic_store(&chain->stream->committed0, chain->position.n[0]);
        buf_deinit(&chain->raw);
        free(chain);
        chain = next;
    }
    pthread_mutex_unlock(&run->lock);
}

static void run_set(struct kafka_run *run, const char *name, const char *value) {
    struct kafka_property *p = &run->properties[run->options.property_count++];
    p->name = alloc_string(name, strlen(name));
    p->value = alloc_string(value, strlen(value));
}

static struct kafka_run *run_create(const char *brokers, const char *topic) {
    static char name[] = "test";
    struct kafka_run *run = alloc_zeroed(1, sizeof *run);
    pthread_mutex_init(&run->lock, NULL);
    run->providers = provider_table_create();
    run->dictionary = known_dictionary(run->providers, 1000);
    run->topics[0] = alloc_string(topic, strlen(topic));
    run->options = (struct kafka_options){.name = name,
                                          .topics = run->topics,
                                          .topic_count = 1,
                                          .properties = run->properties,
                                          .start = KAFKA_START_BEGINNING};
    run_set(run, "bootstrap.servers", brokers);
    run_set(run, "fetch.wait.max.ms", "50");
    run_set(run, "reconnect.backoff.max.ms", "500");
    run->port = (struct source_port){run, run_take, run_give};
    return run;
}

static void *run_body(void *context) {
    struct kafka_run *run = context;
    run->result = run->source->ops->run(run->source, &run->err);
    atomic_store(&run->source->done, true);
    return NULL;
}

static bool run_start_as(struct kafka_run *run, const char *state_id, const struct saved_position *saved, size_t count,
                         bool exit_at_end) {
    run->source = kafka_open(&run->options, saved, count, &run->err);
    if (!run->source)
        return false;
    run->source->port = &run->port;
    run->source->dictionary = &run->dictionary;
    run->source->isa = json_isa_best();
    run->source->state_id = state_id;
    run->source->exit_at_end = exit_at_end;
    run->started = pthread_create(&run->thread, NULL, run_body, run) == 0;
    return run->started;
}

static bool run_start(struct kafka_run *run, const struct saved_position *saved, size_t count, bool exit_at_end) {
    return run_start_as(run, "state-1", saved, count, exit_at_end);
}

/* True when it came to its end by itself. */
static bool run_finish(struct kafka_run *run) {
    int64_t end_ns = clock_monotonic_ns() + RUN_DEADLINE_S * INT64_C(1000000000);
    while (!atomic_load(&run->source->done) && clock_monotonic_ns() < end_ns)
        usleep(10000);
    return atomic_load(&run->source->done);
}

static uint64_t run_read(struct kafka_run *run) {
    pthread_mutex_lock(&run->lock);
    uint64_t read = run->accounting.read;
    pthread_mutex_unlock(&run->lock);
    return read;
}

/* Waits until so many records were read. */
static bool run_reaches(struct kafka_run *run, uint64_t read) {
    int64_t end_ns = clock_monotonic_ns() + RUN_DEADLINE_S * INT64_C(1000000000);
    while (run_read(run) < read && clock_monotonic_ns() < end_ns)
        usleep(10000);
    return run_read(run) >= read;
}

static bool run_position(struct kafka_run *run, const char *stream, struct position *position) {
    for (size_t i = 0; i < run->stream_count; i++) {
        if (strcmp(run->streams[i].stream->name, stream) == 0) {
            *position = run->streams[i].position;
            return true;
        }
    }
    return false;
}

static void run_status(struct kafka_run *run, struct source_row *row) {
    *row = (struct source_row){0};
    run->source->ops->status(run->source, row);
}

static void run_status_free(struct source_row *row) {
    for (size_t i = 0; i < row->partition_count; i++)
        free(row->partitions[i].topic);
    free(row->partitions);
    free(row->trouble);
}

static void run_stop(struct kafka_run *run) {
    if (!run->started)
        return;
    atomic_store(&run->source->stop, true);
    pthread_join(run->thread, NULL);
    run->started = false;
}

static void run_destroy(struct kafka_run *run) {
    run_stop(run);
    if (run->source)
        run->source->ops->close(run->source);
    for (size_t i = 0; i < run->options.property_count; i++) {
        free(run->properties[i].name);
        free(run->properties[i].value);
    }
    for (size_t i = 0; i < run->options.topic_count; i++)
        free(run->topics[i]);
    known_dictionary_end(&run->dictionary);
    provider_table_destroy(run->providers);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

#endif
