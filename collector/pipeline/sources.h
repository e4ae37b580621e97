/* The sources of the service: the one table of their kinds, and their threads. */
#ifndef PIPELINE_SOURCES_H
#define PIPELINE_SOURCES_H

#include <pthread.h>

#include "pipeline/hopper.h"
#include "source/folder.h"
#include "source/kafka.h"
#include "source/push.h"
#include "source/s3_watch.h"
#include "source/source.h"
#include "source/sqs.h"

/* A source as it is configured. Borrowed. */
struct source_spec {
    enum source_kind kind;
    union {
        const struct kafka_options *kafka;
        const struct folder_options *files;
        const struct s3_watch_options *s3;
        const struct sqs_options *sqs;
        const struct push_options *push;
    };
};
const char *source_spec_name(const struct source_spec *spec);
const char *source_spec_kind(const struct source_spec *spec);

/* A source and its thread. */
struct running_source {
    struct source *source;
    struct source_port port;
    struct hopper *hopper;
    pthread_t thread;
    bool started;
    atomic_bool failed; /* it can never go on: `err` */
    struct err err;
};

struct source_environment {
    const struct dictionary *dictionary;
    struct hopper *hopper;
    enum json_isa isa;
    bool keep_notes, keep_exemplars, exit_at_end;
    const char *state_id;
};

/* Makes a source that does not run yet. `index` is that of its accounting. */
bool source_make(struct running_source *s, const struct source_spec *spec, const struct source_environment *env,
                 unsigned index, const struct saved_position *saved, size_t saved_count, struct err *err);
void source_start(struct running_source *s);
void source_stop(struct running_source *s); /* asks it to; returns at once */
bool source_is_done(const struct running_source *s);
void source_join(struct running_source *s); /* waits, and frees it */

#endif
