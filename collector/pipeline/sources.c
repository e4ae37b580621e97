#include "pipeline/sources.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

const char *source_spec_name(const struct source_spec *spec) {
    switch (spec->kind) {
    case SOURCE_KAFKA:
        return spec->kafka->name;
    case SOURCE_FILES:
        return spec->files->name;
    case SOURCE_S3:
        return spec->s3->name;
    case SOURCE_SQS:
        return spec->sqs->name;
    case SOURCE_PUSH:
        return spec->push->name;
    case SOURCE_KINDS:
        break;
    }
    abort();
}

const char *source_spec_kind(const struct source_spec *spec) {
    static const char *const words[SOURCE_KINDS] = {"kafka", "files", "s3", "sqs", "push"};
    return words[spec->kind];
}

static struct source *open_source(const struct source_spec *spec, const struct saved_position *saved,
                                  size_t saved_count, struct err *err) {
    switch (spec->kind) {
    case SOURCE_KAFKA:
        return kafka_open(spec->kafka, saved, saved_count, err);
    case SOURCE_FILES:
        return folder_open(spec->files, saved, saved_count, err);
    case SOURCE_S3:
        return s3_watch_open(spec->s3, saved, saved_count, err);
    case SOURCE_SQS:
        return sqs_open(spec->sqs, saved, saved_count, err);
    case SOURCE_PUSH:
        return push_open(spec->push, saved, saved_count, err);
    case SOURCE_KINDS:
        break;
    }
    abort();
}

static struct batch *take(void *context) {
    struct running_source *s = context;
    struct batch *b = hopper_take(s->hopper, &s->source->stop);
    if (b)
        b->source = s->source->index;
    return b;
}

static void give(void *context, struct batch *chain) {
    struct running_source *s = context;
    hopper_give(s->hopper, chain);
}

bool source_make(struct running_source *s, const struct source_spec *spec, const struct source_environment *env,
                 unsigned index, const struct saved_position *saved, size_t saved_count, struct err *err) {
    memset(s, 0, sizeof *s);
    s->source = open_source(spec, saved, saved_count, err);
    if (!s->source)
        return false;
    s->hopper = env->hopper;
    s->port = (struct source_port){s, take, give};
    s->source->index = index;
    s->source->port = &s->port;
    s->source->dictionary = env->dictionary;
    s->source->isa = env->isa;
    s->source->keep_notes = env->keep_notes;
    s->source->keep_exemplars = env->keep_exemplars;
    s->source->exit_at_end = env->exit_at_end;
    s->source->state_id = env->state_id;
    return true;
}

static void *run(void *context) {
    struct running_source *s = context;
    if (!s->source->ops->run(s->source, &s->err)) {
        log_event(LOG_ERROR, "a source cannot go on",
                  LOG_FIELDS({"source", s->source->name, 0}, {"reason", s->err.text, 0}));
        atomic_store(&s->failed, true);
    }
    atomic_store(&s->source->done, true);
    hopper_wake(s->hopper);
    return NULL;
}

void source_start(struct running_source *s) {
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        abort(); /* no thread: nothing can go on */
    s->started = true;
}

void source_stop(struct running_source *s) {
    if (!s->source)
        return;
    atomic_store(&s->source->stop, true);
    hopper_wake(s->hopper);
}

bool source_is_done(const struct running_source *s) {
    return !s->started || atomic_load(&s->source->done);
}

void source_join(struct running_source *s) {
    if (s->started)
        pthread_join(s->thread, NULL);
    if (s->source)
        s->source->ops->close(s->source);
    memset(s, 0, sizeof *s);
}
