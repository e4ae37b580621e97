/* From messages to what they are about: texts into the batcher, objects through their buckets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/files.h"
#include "source/s3_notification.h"
#include "source/sqs_internal.h"

enum {
    LEFT_FIRST_S = 30, /* a message that is left comes again after so long, then twice as long, ... */
    LEFT_MAX_S = 600,
    GIVE_UP_MS = 24 * 3600 * 1000, /* not before, what is there but cannot be read: the store may be down for hours */
};

/* A message, while it is being read. */
struct reading {
    struct sqs_held *held; /* NULL: not (or no longer) ours to read */
    const struct sqs_message *message;
    struct s3_notification notification;
    size_t pending; /* objects that are still to be read */
    bool refused;   /* an object of it must not be read */
    bool failed;    /* an object of it could not be read */
    bool useful;    /* something of it was to be read */
};

/* An object that is to be read. */
struct job {
    struct reading *reading;
    const struct s3_notified *object;
    struct ledger_entry *entry;
    int64_t version; /* what the entry says when it is this object that was read */
    struct sqs_bucket *bucket;
    size_t at;    /* in the bucket's list */
    bool twin;    /* the same as another one of these messages */
    bool current; /* what is there now, whichever it is */
    bool over;
};

struct round {
    struct reading readings[SQS_BATCH];
    unsigned reading_count;
    struct job *jobs; /* owned */
    size_t job_count, job_capacity;
};

/* --- one message -------------------------------------------------------------------------------------------------- */

static unsigned pause_after(unsigned receptions) {
    unsigned s = LEFT_FIRST_S;
    while (--receptions && s < LEFT_MAX_S)
        s *= 2;
    return s < LEFT_MAX_S ? s : LEFT_MAX_S;
}

static void settle(struct sqs_source *q, struct reading *r) {
    struct sqs_held *held = r->held;
    r->held = NULL;
    if (!r->refused && !r->failed) {
        if (!r->useful)
            q->counts.ignored++;
        sqs_keeper_settle(&q->keeper, held, SQS_HELD_READ, 0);
        return;
    }
    if (r->refused)
        q->counts.refused++;
    else
        q->counts.deferred++;
    q->left++;
    sqs_keeper_settle(&q->keeper, held, SQS_HELD_LEFT, pause_after(r->message->receive_count));
}

static void end_job(struct sqs_source *q, struct job *job) {
    job->over = true;
    if (--job->reading->pending == 0)
        settle(q, job->reading);
}

static void set_trouble(struct sqs_source *q, struct sqs_trouble *trouble, const char *what, const char *cause) {
    struct sqs_trouble new = {.seen_ns = clock_monotonic_ns()};
    err_set(&new.err, ERR_IO, "%s: %s", what, cause);
    pthread_mutex_lock(&q->lock);
    *trouble = new;
    pthread_mutex_unlock(&q->lock);
}

/* The entry's last attempt failed, or no longer did. Once none has, there is no trouble. */
static void set_failing(struct sqs_source *q, struct ledger_entry *entry, bool failed) {
    q->failing += (size_t)(failed && !entry->attempts) - (size_t)(!failed && entry->attempts);
    entry->attempts = failed ? entry->attempts + 1 : 0;
    pthread_mutex_lock(&q->lock);
    if (!q->failing)
        q->missing = (struct sqs_trouble){0};
    pthread_mutex_unlock(&q->lock);
}

/* --- what may be read --------------------------------------------------------------------------------------------- */

static struct sqs_bucket *bucket_of(struct sqs_source *q, const char *name) {
    for (size_t i = 0; i < q->options.bucket_count; i++)
        if (strcmp(q->options.buckets[i], name) == 0)
            return &q->buckets[i];
    return NULL;
}

static bool has_prefix(const struct sqs_options *o, const char *key) {
    for (size_t i = 0; i < o->prefix_count; i++)
        if (strncmp(key, o->prefixes[i], strlen(o->prefixes[i])) == 0)
            return true;
    return o->prefix_count == 0;
}

static void refuse(struct sqs_source *q, struct reading *r, const struct s3_notified *object, bool known_bucket) {
    if (!r->refused)
        log_event(LOG_WARN,
                  known_bucket
                      ? "a message names an object below no prefix of the configuration; it is left in the queue"
                      : "a message names a bucket that the configuration does not; it is left in the queue",
                  LOG_FIELDS({"source", q->source.name}, {"bucket", object->bucket}));
    r->refused = true;
    set_trouble(q, &q->refused,
                known_bucket ? "messages name objects below no prefix of the configuration; they stay in the queue"
                             : "messages name a bucket that the configuration does not; they stay in the queue",
                object->bucket);
}

/* --- which objects ------------------------------------------------------------------------------------------------ */

static bool is_done(const struct job *job) {
    const struct ledger_entry *e = job->entry;
    return e->done && e->version == job->version && (job->object->size < 0 || e->size == job->object->size);
}

static struct ledger_entry *entry_of(struct sqs_source *q, const struct s3_notified *o) {
    size_t size = strlen(o->bucket) + strlen(o->key) + 2;
    char *name = alloc_zeroed(size, 1);
    snprintf(name, size, "%s/%s", o->bucket, o->key);
    struct ledger_entry *entry = ledger_at(&q->ledger, name);
    free(name);
    return entry;
}

static bool has_twin(const struct round *d, const struct job *job) {
    for (size_t i = 0; i < d->job_count; i++)
        if (d->jobs[i].entry == job->entry && d->jobs[i].version == job->version)
            return true;
    return false;
}

static void add_job(struct sqs_source *q, struct round *d, struct job job) {
    job.twin = job.entry->seen == q->pass && has_twin(d, &job);
    job.entry->seen = q->pass;
    if (d->job_count == d->job_capacity) {
        d->job_capacity = d->job_capacity ? 2 * d->job_capacity : 16;
        d->jobs = alloc_resize(d->jobs, d->job_capacity, sizeof *d->jobs);
    }
    d->jobs[d->job_count++] = job;
    job.reading->pending++;
}

static void choose_object(struct sqs_source *q, struct round *d, struct reading *r, const struct s3_notified *o) {
    struct sqs_bucket *bucket = bucket_of(q, o->bucket);
    if (!bucket || !has_prefix(&q->options, o->key)) {
        refuse(q, r, o, bucket != NULL);
        return;
    }
    if (!q->options.errors && files_is_error_key(o->key))
        return;
    r->useful = true;
    struct job job = {.reading = r,
                      .object = o,
                      .entry = entry_of(q, o),
                      .version = ledger_version(o->etag ? o->etag : o->sequencer),
                      .bucket = bucket};
    if (is_done(&job))
        sqs_keeper_await(r->held, job.entry);
    else
        add_job(q, d, job);
}

/* --- one object --------------------------------------------------------------------------------------------------- */

/* Counts an object that is not there, once. False when stopped. */
static bool count_missing(struct sqs_source *q, struct ledger_entry *entry) {
    struct feed *f = &q->feed;
    batcher_flush(&f->batcher);
    f->entry = entry;
    f->in_text = true; /* nothing is read of it */
    f->bytes_read = f->bytes_given = 0;
    if (!batcher_open(&f->batcher))
        return false;
    object_count(&f->batcher.batch->accounting, OBJECT_UNREADABLE);
    entry->complained = true;
    batcher_flush(&f->batcher);
    return true;
}

static bool is_given_up(const struct sqs_source *q, const struct job *job, bool gone) {
    const struct sqs_message *m = job->reading->message;
    if (!q->options.attempts || m->receive_count < q->options.attempts)
        return false;
    return gone || (m->sent_ms && clock_wall_ms() - m->sent_ms >= GIVE_UP_MS);
}

/* It could not be read, now or for ever. False when stopped. */
static bool fail_job(struct sqs_source *q, struct job *job, bool gone, const struct err *err) {
    bool for_ever = is_given_up(q, job, gone);
    set_trouble(q, &q->missing, gone ? "an object is not there" : "an object cannot be read", err->text);
    if (!for_ever) {
        if (gone)
            log_event(LOG_WARN, "an object is not there; its message is left in the queue for now",
                      LOG_FIELDS({"source", q->source.name}, {"cause", err->text}));
        job->reading->failed = true;
        set_failing(q, job->entry, true);
        end_job(q, job);
        return true;
    }
    log_event(LOG_WARN, gone ? "an object is not there, and is given up" : "an object cannot be read, and is given up",
              LOG_FIELDS({"source", q->source.name}, {"cause", err->text},
                         {"receptions", NULL, job->reading->message->receive_count}));
    set_failing(q, job->entry, false);
    if (!job->entry->complained && !count_missing(q, job->entry))
        return false;
    sqs_keeper_await(job->reading->held, job->entry);
    end_job(q, job);
    return true;
}

static void become(struct sqs_source *q, const struct job *job) {
    struct ledger_entry *entry = job->entry;
    int64_t size = job->object->size < 0 ? 0 : job->object->size;
    if (job->current || entry->version != job->version || entry->size != size) {
        set_failing(q, entry, false);
        ledger_entry_reset(entry);
        entry->version = job->version;
        entry->size = size;
        entry->time_ms = clock_wall_ms();
    }
}

/* False when stopped. A job that is not over then is for the next time round: the object is another one by now than
 * the notification says, and what is there now is read, under the name of what was told of. */
static bool run_job(struct sqs_source *q, struct job *job) {
    struct err err = {0};
    if (is_done(job)) {
        sqs_keeper_await(job->reading->held, job->entry);
        end_job(q, job);
        return true;
    }
    become(q, job);
    switch (feed_object(&q->feed, &job->bucket->due.objects[job->at], job->entry, &err)) {
    case FEED_READ:
        set_failing(q, job->entry, false);
        sqs_keeper_await(job->reading->held, job->entry);
        end_job(q, job);
        return true;
    case FEED_CHANGED:
        if (job->current)
            return fail_job(q, job, false, &err);
        job->current = true;
        return true;
    case FEED_GONE:
        return fail_job(q, job, true, &err);
    case FEED_UNREADABLE:
        return fail_job(q, job, false, &err);
    case FEED_STOPPED:
        break;
    }
    return false;
}

/* --- all objects of the messages at hand -------------------------------------------------------------------------- */

static bool is_next(const struct job *job, bool current) {
    return !job->over && !job->twin && job->current == current;
}

/* Each bucket's downloads begin now, in the order in which they will be read. */
static void plan(struct sqs_source *q, struct round *d, bool current) {
    for (size_t i = 0; i < d->job_count; i++) {
        struct job *job = &d->jobs[i];
        if (!is_next(job, current))
            continue;
        const struct s3_notified *o = job->object;
        struct object_list *due = &job->bucket->due;
        job->at = due->count;
        s3_ahead_add(job->bucket->ahead, due, o->key, current ? NULL : o->etag,
                     current || o->size < 0 ? 0 : (uint64_t)o->size, clock_wall_ms());
    }
    for (size_t i = 0; i < q->options.bucket_count; i++)
        if (q->buckets[i].due.count)
            s3_ahead_plan(q->buckets[i].ahead, &q->buckets[i].due);
}

static void end_plan(struct sqs_source *q) {
    static const struct object_list none;
    for (size_t i = 0; i < q->options.bucket_count; i++)
        if (q->buckets[i].due.count) {
            s3_ahead_plan(q->buckets[i].ahead, &none);
            object_list_deinit(&q->buckets[i].due);
        }
}

static bool run_jobs(struct sqs_source *q, struct round *d, bool current) {
    bool went_on = true;
    plan(q, d, current);
    for (size_t i = 0; i < d->job_count && went_on; i++)
        if (is_next(&d->jobs[i], current) && !atomic_load(&q->source.stop))
            went_on = run_job(q, &d->jobs[i]);
    end_plan(q);
    return went_on && !atomic_load(&q->source.stop);
}

/* What was read for another one is done; what failed for it has failed. */
static void end_twins(struct sqs_source *q, struct round *d) {
    for (size_t i = 0; i < d->job_count; i++) {
        struct job *job = &d->jobs[i];
        if (job->over)
            continue;
        if (is_done(job))
            sqs_keeper_await(job->reading->held, job->entry);
        else
            job->reading->failed = true;
        end_job(q, job);
    }
}

static bool read_objects(struct sqs_source *q, struct round *d) {
    q->pass++;
    for (unsigned i = 0; i < d->reading_count; i++) {
        struct reading *r = &d->readings[i];
        r->pending = 1; /* so that it is not settled before all of it is known */
        for (size_t j = 0; j < r->notification.count; j++)
            choose_object(q, d, r, &r->notification.objects[j]);
        if (--r->pending == 0)
            settle(q, r);
    }
    if (!run_jobs(q, d, false) || !run_jobs(q, d, true))
        return false;
    end_twins(q, d);
    return true;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* A damaged notification is one too: it is counted as malformed, and kept in the quarantine. */
static bool is_text(const struct reading *r) {
    return r->notification.kind == S3_NOTIFICATION_NONE || r->notification.broken;
}

/* False when stopped. */
static bool read_texts(struct sqs_source *q, struct round *d) {
    unsigned last = d->reading_count;
    for (unsigned i = 0; i < d->reading_count; i++)
        if (is_text(&d->readings[i]))
            last = i;
    for (unsigned i = 0; i < d->reading_count; i++) {
        struct reading *r = &d->readings[i];
        struct span text = {r->message->body, r->message->body_len};
        if (is_text(r) && !feed_text(&q->feed, text, q->texts, i == last))
            return false;
    }
    for (unsigned i = 0; i < d->reading_count; i++)
        if (is_text(&d->readings[i])) {
            d->readings[i].useful = true;
            sqs_keeper_await(d->readings[i].held, q->texts); /* with what stood beside it in a batch */
        }
    return true;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void take_messages(struct sqs_source *q, struct round *d, const struct sqs_received *r) {
    int64_t now_ns = clock_monotonic_ns(), now_ms = clock_wall_ms();
    for (unsigned i = 0; i < r->count; i++) {
        const struct sqs_message *m = &r->messages[i];
        q->counts.received++;
        q->counts.redelivered += m->receive_count > 1;
        if (m->damaged) {
            log_event(LOG_WARN, "a message came damaged; it is left in the queue",
                      LOG_FIELDS({"source", q->source.name}));
            q->counts.deferred++;
            q->left++;
            continue;
        }
        struct sqs_held *held = sqs_keeper_hold(&q->keeper, m, now_ns, now_ms);
        if (!held)
            continue;
        struct reading *reading = &d->readings[d->reading_count++];
        reading->held = held;
        reading->message = m;
        s3_notification_read((struct span){m->body, m->body_len}, &reading->notification);
    }
}

bool sqs_read(struct sqs_source *q, const struct sqs_received *r) {
    struct round d = {0};
    take_messages(q, &d, r);
    bool went_on = read_texts(q, &d) && read_objects(q, &d);
    for (unsigned i = 0; i < d.reading_count; i++)
        s3_notification_deinit(&d.readings[i].notification);
    free(d.jobs);
    return went_on;
}

/* --- pruning ------------------------------------------------------------------------------------------------------ */

/* Messages live for 4 days unless the queue says otherwise; what comes later is read again, and known event by event.
 */
static const int64_t horizon_ms = 4 * 86400000LL;
enum { LEDGER_MAX = 500000, FORGET_AT_ONCE = 1000 };

bool sqs_prune(struct sqs_source *q, int64_t now_ms, bool *all) {
    struct ledger *l = &q->ledger;
    size_t forgotten = 0;
    bool crowded = l->count > LEDGER_MAX;
    int64_t age_ms = crowded ? horizon_ms / 4 : horizon_ms;
    sqs_keeper_mark(&q->keeper, ++q->pass);
    for (size_t i = l->count; i-- && forgotten < FORGET_AT_ONCE;) {
        struct ledger_entry *entry = l->entries[i];
        if (entry == q->texts || entry->seen == q->pass)
            continue;
        /* Of names that lead nowhere a message may bring a thousand: in a crowd they go at any age. */
        if (now_ms - entry->time_ms < age_ms && !(crowded && !entry->kept))
            continue;
        if (!entry->kept && feed_is_committed(entry)) {
            set_failing(q, entry, false);
            ledger_drop(l, entry);
        } else if (entry->kept) {
            forgotten++;
            set_failing(q, entry, false);
            if (!feed_position(&q->feed, entry, true))
                return false;
        }
    }
    *all = forgotten < FORGET_AT_ONCE;
    return true;
}
