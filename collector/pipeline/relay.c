#include "pipeline/relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"

/* How soon a stop is seen by who waits for input, and how long workers have then. */
enum { LOOK_MS = 100, PATIENCE_MS = 1000 };

/* An object on its way: its pieces, in order. */
struct job {
    struct relay_piece *first, *last;
    bool done;
    char *trouble; /* owned; NULL: it was read to its end */
};

struct run {
    const struct relay *relay;
    pthread_mutex_t lock;
    pthread_cond_t given, freed;
    struct job *jobs;
    size_t next_job; /* to be claimed */
    size_t head;     /* whose pieces are being taken */
    struct relay_piece *free;
    size_t free_count, made;
    bool stop;
    struct relay_lane *lanes;
};

/* A worker's thread, and which job it is at. */
struct relay_lane {
    struct run *run;
    void *worker;
    size_t job;
    pthread_t id;
};

/* --- the pool of pieces ------------------------------------------------------------------------------------------- */

static bool may_take(const struct run *run, size_t job) {
    size_t left = run->free_count + (run->relay->pieces - run->made);
    return left > (job == run->head ? 0u : run->relay->reserve);
}

struct relay_piece *relay_take(struct relay_lane *lane) {
    struct run *run = lane->run;
    struct relay_piece *piece = NULL;
    pthread_mutex_lock(&run->lock);
    while (!run->stop && !may_take(run, lane->job))
        pthread_cond_wait(&run->freed, &run->lock);
    if (!run->stop) {
        piece = run->free;
        if (piece) {
            run->free = piece->next;
            run->free_count--;
        } else {
            run->made++;
        }
    }
    bool stopped = run->stop;
    pthread_mutex_unlock(&run->lock);
    if (stopped)
        return NULL;
    if (!piece)
        piece = run->relay->make(run->relay->context);
    piece->next = NULL;
    return piece;
}

void relay_give(struct relay_lane *lane, struct relay_piece *piece) {
    struct run *run = lane->run;
    pthread_mutex_lock(&run->lock);
    struct job *job = &run->jobs[lane->job];
    if (job->last)
        job->last->next = piece;
    else
        job->first = piece;
    job->last = piece;
    if (lane->job == run->head)
        pthread_cond_signal(&run->given);
    pthread_mutex_unlock(&run->lock);
}

static void free_piece(struct run *run, struct relay_piece *piece) {
    pthread_mutex_lock(&run->lock);
    piece->next = run->free;
    run->free = piece;
    run->free_count++;
    pthread_cond_broadcast(&run->freed);
    pthread_mutex_unlock(&run->lock);
}

static void destroy_pieces(const struct run *run, struct relay_piece *piece) {
    while (piece) {
        struct relay_piece *next = piece->next;
        run->relay->destroy(piece);
        piece = next;
    }
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

static bool claim_job(struct relay_lane *lane) {
    struct run *run = lane->run;
    pthread_mutex_lock(&run->lock);
    bool any = !run->stop && run->next_job < run->relay->objects->count;
    if (any)
        lane->job = run->next_job++;
    pthread_mutex_unlock(&run->lock);
    return any;
}

static void finish_job(struct relay_lane *lane, const struct err *trouble) {
    struct run *run = lane->run;
    pthread_mutex_lock(&run->lock);
    run->jobs[lane->job].done = true;
    if (trouble->code != ERR_NONE)
        run->jobs[lane->job].trouble = alloc_string(trouble->text, strlen(trouble->text));
    pthread_cond_signal(&run->given);
    pthread_mutex_unlock(&run->lock);
}

static void *work(void *context) {
    struct relay_lane *lane = context;
    const struct relay *r = lane->run->relay;
    while (claim_job(lane)) {
        struct err trouble = {0};
        r->read(lane->worker, &r->objects->objects[lane->job], &trouble);
        finish_job(lane, &trouble);
    }
    return NULL;
}

static void start_threads(struct run *run) {
    const struct relay *r = run->relay;
    for (unsigned i = 0; i < r->threads; i++) {
        struct relay_lane *lane = &run->lanes[i];
        lane->run = run;
        lane->worker = r->open(r->context, lane);
        if (pthread_create(&lane->id, NULL, work, lane) != 0)
            abort(); /* no thread: nothing can go on, and nothing was taken yet */
    }
}

static struct timespec wall_in(int64_t ms) {
    int64_t at = clock_wall_ms() + ms;
    return (struct timespec){.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
}

static bool is_stopped(const struct relay *r) {
    return r->stop && atomic_load(r->stop);
}

/* When all was taken, the workers have nothing left to do; else one may wait for input that does not come. */
static bool stop_threads(struct run *run, bool done) {
    const struct relay *r = run->relay;
    struct timespec until = wall_in(PATIENCE_MS);
    pthread_mutex_lock(&run->lock);
    run->stop = true;
    pthread_cond_broadcast(&run->freed);
    pthread_mutex_unlock(&run->lock);
    for (unsigned i = 0; i < r->threads; i++) {
        struct relay_lane *lane = &run->lanes[i];
        if (!r->may_hang || done)
            pthread_join(lane->id, NULL);
        else if (pthread_timedjoin_np(lane->id, NULL, &until) != 0)
            return false;
        r->close(lane->worker);
    }
    return true;
}

/* --- the taking side ---------------------------------------------------------------------------------------------- */

/* The head job's next piece; NULL when it has none left and is done, or when the run is stopped. */
static struct relay_piece *next_piece(struct run *run) {
    struct job *job = &run->jobs[run->head];
    pthread_mutex_lock(&run->lock);
    while (!job->first && !job->done && !is_stopped(run->relay)) {
        struct timespec until = wall_in(LOOK_MS);
        pthread_cond_timedwait(&run->given, &run->lock, &until);
    }
    struct relay_piece *piece = job->first;
    if (piece) {
        job->first = piece->next;
        if (!job->first)
            job->last = NULL;
    }
    pthread_mutex_unlock(&run->lock);
    return piece;
}

static void next_head(struct run *run) {
    pthread_mutex_lock(&run->lock);
    run->head++;
    pthread_cond_broadcast(&run->freed); /* the new head may use the reserve */
    pthread_mutex_unlock(&run->lock);
}

static bool take_all(struct run *run) {
    const struct relay *r = run->relay;
    while (run->head < r->objects->count) {
        const struct object *object = &r->objects->objects[run->head];
        struct relay_piece *piece;
        while ((piece = next_piece(run))) {
            bool went_on = r->take(r->context, object, piece);
            free_piece(run, piece);
            if (!went_on)
                return false;
        }
        if (is_stopped(r))
            return false; /* what objects say now is not their own trouble */
        r->end(r->context, run->jobs[run->head].trouble);
        next_head(run);
    }
    return true;
}

/* Made on the heap, and left there when a worker hangs. */
static struct run *make_run(const struct relay *r) {
    struct run *run = alloc_zeroed(1, sizeof *run);
    run->relay = r;
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->given, NULL);
    pthread_cond_init(&run->freed, NULL);
    run->jobs = alloc_zeroed(r->objects->count, sizeof *run->jobs);
    run->lanes = alloc_zeroed(r->threads, sizeof *run->lanes);
    return run;
}

static void destroy_run(struct run *run) {
    for (size_t i = 0; i < run->relay->objects->count; i++) {
        destroy_pieces(run, run->jobs[i].first);
        free(run->jobs[i].trouble);
    }
    destroy_pieces(run, run->free);
    free(run->lanes);
    free(run->jobs);
    pthread_cond_destroy(&run->freed);
    pthread_cond_destroy(&run->given);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

enum relay_result relay_run(const struct relay *r) {
    struct relay *own = alloc_zeroed(1, sizeof *own); /* the caller's may be gone before a worker that hangs */
    *own = *r;
    struct run *run = make_run(own);
    start_threads(run);
    bool done = take_all(run);
    if (!stop_threads(run, done))
        return RELAY_HUNG;
    destroy_run(run);
    free(own);
    return done ? RELAY_DONE : RELAY_STOPPED;
}
