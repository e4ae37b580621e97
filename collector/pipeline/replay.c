#include "pipeline/replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/worker.h"

enum {
    POOL_BATCHES = 160, /* 12 MB of events when all are in use */
    POOL_RESERVE = 16,  /* kept for the worker whose object is next */
    STRETCH = 16 << 20,
};

/* An object on its way: its batches, in order. */
struct job {
    struct batch *first, *last;
    bool done;
    char *trouble; /* owned; NULL: it was read to its end */
};

struct run {
    struct replay *replay;
    pthread_mutex_t lock;
    pthread_cond_t batch_given, batch_freed;
    struct job *jobs;
    size_t next_job; /* to be claimed */
    size_t head;     /* whose batches are being counted */
    struct batch *free;
    size_t free_count, made;
    bool stop;
};

/* A worker's thread, and which job it is at. */
struct thread {
    struct run *run;
    struct worker worker;
    size_t job;
    pthread_t id;
};

/* --- the pool of batches ------------------------------------------------------------------------------------------ */

static bool may_take(const struct run *run, size_t job) {
    size_t left = run->free_count + (POOL_BATCHES - run->made);
    return left > (job == run->head ? 0u : (size_t)POOL_RESERVE);
}

static void clear_batch(struct batch *b) {
    b->next = NULL;
    b->count = b->note_count = 0;
    memset(&b->accounting, 0, sizeof b->accounting);
    buf_clear(&b->raw);
}

static struct batch *make_batch(void) {
    struct batch *b = alloc_zeroed(1, sizeof *b);
    buf_init(&b->raw, BATCH_RAW_LIMIT);
    return b;
}

static struct batch *take(void *context) {
    struct thread *t = context;
    struct run *run = t->run;
    struct batch *b = NULL;
    pthread_mutex_lock(&run->lock);
    while (!run->stop && !may_take(run, t->job))
        pthread_cond_wait(&run->batch_freed, &run->lock);
    if (!run->stop) {
        b = run->free;
        if (b) {
            run->free = b->next;
            run->free_count--;
        } else {
            run->made++;
        }
    }
    bool stopped = run->stop;
    pthread_mutex_unlock(&run->lock);
    if (stopped)
        return NULL;
    if (!b)
        b = make_batch();
    clear_batch(b);
    return b;
}

static void give(void *context, struct batch *batch) {
    struct thread *t = context;
    struct run *run = t->run;
    pthread_mutex_lock(&run->lock);
    struct job *job = &run->jobs[t->job];
    if (job->last)
        job->last->next = batch;
    else
        job->first = batch;
    job->last = batch;
    if (t->job == run->head)
        pthread_cond_signal(&run->batch_given);
    pthread_mutex_unlock(&run->lock);
}

static void destroy_batches(struct batch *b) {
    while (b) {
        struct batch *next = b->next;
        buf_deinit(&b->raw);
        free(b);
        b = next;
    }
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

static bool claim_job(struct thread *t) {
    struct run *run = t->run;
    pthread_mutex_lock(&run->lock);
    bool any = !run->stop && run->next_job < run->replay->objects->count;
    if (any)
        t->job = run->next_job++;
    pthread_mutex_unlock(&run->lock);
    return any;
}

static void finish_job(struct thread *t, const struct err *trouble) {
    struct run *run = t->run;
    pthread_mutex_lock(&run->lock);
    run->jobs[t->job].done = true;
    if (trouble->code != ERR_NONE)
        run->jobs[t->job].trouble = alloc_string(trouble->text, strlen(trouble->text));
    pthread_cond_signal(&run->batch_given);
    pthread_mutex_unlock(&run->lock);
}

static void *work(void *context) {
    struct thread *t = context;
    while (claim_job(t)) {
        struct err trouble = {0};
        bool went_on = worker_read_object(&t->worker, &t->run->replay->objects->objects[t->job], &trouble);
        if (!went_on) /* stopped in the middle */
            batcher_flush(&t->worker.batcher);
        finish_job(t, &trouble);
    }
    return NULL;
}

static void start_threads(struct run *run, struct thread *threads) {
    struct replay *r = run->replay;
    for (unsigned i = 0; i < r->threads; i++) {
        struct thread *t = &threads[i];
        t->run = run;
        worker_init(&t->worker, r->dictionary, r->isa, r->limits);
        t->worker.batcher.keep_notes = r->quarantine != NULL;
        t->worker.take = take;
        t->worker.give = give;
        t->worker.context = t;
        if (pthread_create(&t->id, NULL, work, t) != 0)
            abort(); /* no thread: nothing can go on, and nothing was counted yet */
    }
}

static void stop_threads(struct run *run, struct thread *threads) {
    pthread_mutex_lock(&run->lock);
    run->stop = true;
    pthread_cond_broadcast(&run->batch_freed);
    pthread_mutex_unlock(&run->lock);
    for (unsigned i = 0; i < run->replay->threads; i++) {
        pthread_join(threads[i].id, NULL);
        worker_deinit(&threads[i].worker);
    }
}

/* --- the counting side -------------------------------------------------------------------------------------------- */

static void keep_notes(struct quarantine *q, const char *object, const struct batch *b) {
    for (unsigned i = 0; i < b->note_count; i++) {
        const struct batch_note *n = &b->notes[i];
        struct span raw = {b->raw.data + n->raw_at, n->raw_len};
        if (n->unknown_field)
            quarantine_add_unknown(q, n->unknown_field, raw);
        else
            quarantine_add(q, span_of(object), n->offset, n->length, n->reason, raw);
    }
}

static void count_batch(struct run *run, const struct object *object, const struct batch *b,
                        struct replay_progress *progress) {
    struct replay *r = run->replay;
    aggregate_apply(r->aggregate, b);
    if (r->quarantine)
        keep_notes(r->quarantine, object->path, b);
    progress->bytes_read += b->accounting.bytes_read;
    progress->bytes_decoded += b->accounting.bytes_decoded;
    progress->records += b->accounting.read;
    progress->malformed += accounting_malformed(&b->accounting);
}

/* The head job's next batch; NULL when it has none left and is done. */
static struct batch *next_batch(struct run *run) {
    struct job *job = &run->jobs[run->head];
    pthread_mutex_lock(&run->lock);
    while (!job->first && !job->done)
        pthread_cond_wait(&run->batch_given, &run->lock);
    struct batch *b = job->first;
    if (b) {
        job->first = b->next;
        if (!job->first)
            job->last = NULL;
    }
    pthread_mutex_unlock(&run->lock);
    return b;
}

static void free_batch(struct run *run, struct batch *b) {
    pthread_mutex_lock(&run->lock);
    b->next = run->free;
    run->free = b;
    run->free_count++;
    pthread_cond_broadcast(&run->batch_freed);
    pthread_mutex_unlock(&run->lock);
}

static void next_head(struct run *run) {
    pthread_mutex_lock(&run->lock);
    run->head++;
    pthread_cond_broadcast(&run->batch_freed); /* the new head may use the reserve */
    pthread_mutex_unlock(&run->lock);
}

static bool is_stopped(const struct run *run) {
    return run->replay->stop && atomic_load(run->replay->stop);
}

static bool count_jobs(struct run *run) {
    struct replay *r = run->replay;
    struct replay_progress progress = {.bytes_total = r->objects->total_size, .objects_total = r->objects->count};
    while (run->head < r->objects->count) {
        const struct object *object = &r->objects->objects[run->head];
        struct batch *b;
        while ((b = next_batch(run))) {
            count_batch(run, object, b, &progress);
            free_batch(run, b);
            if (r->on_progress && !r->on_progress(r->context, &progress))
                return false;
        }
        if (is_stopped(run))
            return false; /* what objects say now is not their own trouble */
        if (run->jobs[run->head].trouble && r->on_trouble)
            r->on_trouble(r->context, run->jobs[run->head].trouble);
        progress.objects_done++;
        next_head(run);
    }
    return true;
}

bool replay_run(struct replay *r) {
    struct run run = {.replay = r};
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.batch_given, NULL);
    pthread_cond_init(&run.batch_freed, NULL);
    run.jobs = alloc_zeroed(r->objects->count, sizeof *run.jobs);
    struct thread *threads = alloc_zeroed(r->threads, sizeof *threads);
    start_threads(&run, threads);
    bool done = count_jobs(&run);
    stop_threads(&run, threads);
    for (size_t i = 0; i < r->objects->count; i++) {
        destroy_batches(run.jobs[i].first);
        free(run.jobs[i].trouble);
    }
    destroy_batches(run.free);
    free(threads);
    free(run.jobs);
    pthread_cond_destroy(&run.batch_freed);
    pthread_cond_destroy(&run.batch_given);
    pthread_mutex_destroy(&run.lock);
    return done;
}

/* --- the order of objects ----------------------------------------------------------------------------------------- */

/* The latest of the event times at the object's beginning. */
static bool peek_time(struct object_reader *reader, struct frame *frame, const struct object *o, int64_t *time_ms) {
    struct frame_item item;
    size_t room, len;
    bool found = false;
    struct err ignored = {0}; /* whoever reads the object will say it */
    if (!object_open(reader, o, &ignored))
        return false;
    frame_begin(frame, 0);
    char *to = frame_space(frame, &room);
    enum object_status status = object_read(reader, to, room, &len, &ignored);
    frame_filled(frame, len, status != OBJECT_MORE);
    for (enum frame_result r; (r = frame_next(frame, &item)) != FRAME_NEED_TEXT && r != FRAME_END;) {
        if (r == FRAME_EVENT && (!found || item.event->time_ms > *time_ms))
            *time_ms = item.event->time_ms;
        found |= r == FRAME_EVENT;
    }
    object_close(reader);
    return found;
}

void replay_find_times(struct object_list *objects, enum json_isa isa) {
    if (objects->count < 2)
        return;
    struct object_reader *reader = object_reader_create(NULL);
    struct frame *frame = frame_create(isa);
    for (size_t i = 0; i < objects->count; i++) {
        struct object *o = &objects->objects[i];
        if (!o->has_time && o->size && strcmp(o->path, "-") != 0)
            o->has_time = peek_time(reader, frame, o, &o->time_ms);
    }
    frame_destroy(frame);
    object_reader_destroy(reader);
}

void replay_split(struct object_list *objects, unsigned threads) {
    if (threads < 2)
        return;
    struct object_list cut = {
        .total_size = objects->total_size, .skipped = objects->skipped, .left_out = objects->left_out};
    for (size_t i = 0; i < objects->count; i++) {
        struct object *o = &objects->objects[i];
        bool split = o->size > 2 * (uint64_t)STRETCH && object_is_splittable(o);
        uint64_t step = split ? STRETCH : UINT64_MAX;
        size_t pieces = split ? (size_t)((o->size + STRETCH - 1) / STRETCH) : 1;
        cut.objects = alloc_resize(cut.objects, cut.count + pieces, sizeof *cut.objects);
        for (size_t p = 0; p < pieces; p++) {
            struct object *piece = &cut.objects[cut.count++];
            *piece = *o;
            piece->path = p ? alloc_string(o->path, strlen(o->path)) : o->path;
            if (p)
                piece->etag = NULL; /* a file has none */
            if (split) {
                piece->start = p * step;
                piece->end = (p + 1) * step;
            }
        }
    }
    free(objects->objects);
    *objects = cut;
}
