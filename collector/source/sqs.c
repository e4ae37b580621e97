#include "source/sqs.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/wait.h"
#include "source/sqs_internal.h"

enum {
    NAP_MS = 50,            /* how long a stop may go unseen while waiting */
    FIRST_WAIT_S = 1,       /* of the first look, which says whether there is a backlog */
    EMPTY_PAUSE_MS = 1000,  /* between looks that do not wait */
    PAUSE_MAX_MS = 60000,   /* between looks that fail */
    PRUNE_MS = 600000,      /* between two prunings */
    TROUBLE_MS = 15 * 60000 /* since it was seen: longer than a message that is left stays away */
};

static const char texts_stream[] = "(messages)"; /* no object is called so: there is no slash in it */

static bool stopped(struct sqs_source *q) {
    return atomic_load(&q->source.stop);
}

static void publish(struct sqs_source *q, const struct err *trouble) {
    pthread_mutex_lock(&q->lock);
    q->trouble = *trouble;
    pthread_mutex_unlock(&q->lock);
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

/* How the loop of looks goes on. */
struct looks {
    unsigned wait_s;        /* of the next one */
    unsigned max;           /* messages */
    unsigned failed, empty; /* in a row */
    int64_t pruned_ns;
    int64_t asked_ns; /* when the last one began */
};

/* Nothing among them was sent longer ago than it takes to be here. */
static bool is_fresh(const struct sqs_received *r) {
    int64_t now_ms = clock_wall_ms();
    for (unsigned i = 0; i < r->count; i++)
        if (r->messages[i].receive_count == 1 && now_ms - r->messages[i].sent_ms > SQS_FRESH_MS)
            return false;
    return true;
}

/* Once it works again, one message is asked for first: it may be their size that nobody could take. */
static bool wait_after_failure(struct sqs_source *q, struct looks *l, const struct err *err) {
    log_event(LOG_WARN, "the queue cannot be read", LOG_FIELDS({"source", q->source.name}, {"cause", err->text}));
    publish(q, err);
    l->max = 1;
    l->wait_s = FIRST_WAIT_S;
    int64_t pause_ms = l->failed < 6 ? 1000LL << l->failed : PAUSE_MAX_MS;
    l->failed++;
    return wait_unless(&q->source.stop, pause_ms);
}

/* Messages with nothing more behind them. False when stopped. */
static bool after_empty(struct sqs_source *q, struct looks *l) {
    l->empty += sqs_keeper_count(&q->keeper) == 0;
    bool waited = clock_monotonic_ns() - l->asked_ns >= 1000000000; /* not every server does what it was asked for */
    return waited || wait_unless(&q->source.stop, q->source.exit_at_end ? NAP_MS : EMPTY_PAUSE_MS);
}

static bool prune(struct sqs_source *q, struct looks *l) {
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns - l->pruned_ns < PRUNE_MS * 1000000LL)
        return true;
    bool all;
    if (!sqs_prune(q, clock_wall_ms(), &all))
        return false;
    if (all) /* else the rest with the next look: a queue may name more in a day than a pruning every 10 min forgets */
        l->pruned_ns = now_ns;
    return true;
}

/* One look at the queue, and what came of it is read. False when stopped, or when it failed and that is the end. */
static bool look(struct sqs_source *q, struct looks *l, struct err *err) {
    size_t room = SQS_HELD_MAX - sqs_keeper_count(&q->keeper);
    if (!room)
        return wait_unless(&q->source.stop, NAP_MS); /* for a commit */
    struct sqs_received r;
    unsigned max = room < l->max ? (unsigned)room : l->max;
    struct err cause = {0};
    l->asked_ns = clock_monotonic_ns();
    if (!sqs_receive(q->session, &q->queue, max, l->wait_s, (unsigned)(q->options.visibility_ms / 1000), &r,
                     &q->source.stop, &cause)) {
        atomic_store(&q->fresh, false);
        if (stopped(q))
            return false;
        if (q->source.exit_at_end)
            return err_set(err, cause.code, "%s", cause.text);
        return wait_after_failure(q, l, &cause);
    }
    publish(q, &cause);
    l->failed = 0;
    l->wait_s = (unsigned)(q->options.wait_ms / 1000);
    l->max = 2 * l->max < SQS_BATCH ? 2 * l->max : SQS_BATCH;
    atomic_store(&q->fresh, is_fresh(&r));
    if (r.count)
        l->empty = 0;
    bool went_on = r.count ? sqs_read(q, &r) : after_empty(q, l);
    sqs_received_deinit(&r);
    return went_on && prune(q, l);
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static bool sqs_run(struct source *s, struct err *err) {
    struct sqs_source *q = (struct sqs_source *)s;
    struct looks l = {.wait_s = FIRST_WAIT_S, .max = SQS_BATCH, .pruned_ns = clock_monotonic_ns()};
    struct err cause = {0};
    feed_init(&q->feed, s);
    sqs_keeper_start(&q->keeper);
    while (look(q, &l, &cause) && !(s->exit_at_end && l.empty >= 2))
        continue;
    sqs_keeper_end(&q->keeper);
    feed_deinit(&q->feed);
    if (cause.code != ERR_NONE)
        return err_set(err, cause.code, "%s", cause.text);
    if (s->exit_at_end && !stopped(q) && q->left)
        return err_set(err, ERR_IO, "queue %s: %llu messages could not be read and were left in it", q->queue.name,
                       (unsigned long long)q->left);
    return true;
}

static const struct err *recent(const struct sqs_trouble *t, int64_t now_ns) {
    return t->err.code != ERR_NONE && now_ns - t->seen_ns < TROUBLE_MS * 1000000LL ? &t->err : NULL;
}

static const struct err *trouble_of(const struct sqs_source *q, const struct err *keeper, int64_t now_ns) {
    if (q->trouble.code != ERR_NONE)
        return &q->trouble;
    if (keeper->code != ERR_NONE)
        return keeper;
    const struct err *missing = recent(&q->missing, now_ns);
    return missing ? missing : recent(&q->refused, now_ns);
}

static void sqs_status(struct source *s, struct source_row *row) {
    struct sqs_source *q = (struct sqs_source *)s;
    struct err keeper;
    row->messages_deleted = sqs_keeper_deleted(&q->keeper, &keeper);
    row->messages_received = atomic_load(&q->counts.received);
    row->messages_redelivered = atomic_load(&q->counts.redelivered);
    row->messages_refused = atomic_load(&q->counts.refused);
    row->messages_deferred = atomic_load(&q->counts.deferred);
    row->messages_ignored = atomic_load(&q->counts.ignored);
    /* A queue in use is never empty: it is caught up when what comes was sent just now, and is not kept long. */
    row->caught_up = atomic_load(&q->fresh) && !sqs_keeper_has_older(&q->keeper, clock_wall_ms() - SQS_FRESH_MS);
    pthread_mutex_lock(&q->lock);
    const struct err *trouble = trouble_of(q, &keeper, clock_monotonic_ns());
    row->trouble = trouble ? alloc_string(trouble->text, strlen(trouble->text)) : NULL;
    pthread_mutex_unlock(&q->lock);
}

static void close_buckets(struct sqs_source *q) {
    for (size_t i = 0; q->buckets && i < q->options.bucket_count; i++) {
        s3_ahead_destroy(q->buckets[i].ahead);
        object_list_deinit(&q->buckets[i].due);
        s3_bucket_deinit(&q->buckets[i].bucket);
    }
    free(q->buckets);
}

static void sqs_close(struct source *s) {
    struct sqs_source *q = (struct sqs_source *)s;
    close_buckets(q);
    if (q->s3_session != q->session)
        aws_session_close(q->s3_session);
    aws_session_close(q->session);
    sqs_keeper_deinit(&q->keeper);
    ledger_deinit(&q->ledger);
    sqs_queue_deinit(&q->queue);
    sqs_options_deinit(&q->options);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static const struct source_ops sqs_ops = {.kind = "sqs", .run = sqs_run, .status = sqs_status, .close = sqs_close};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void sqs_options_deinit(struct sqs_options *o) {
    free(o->name);
    free(o->queue_url);
    free_texts(o->buckets, o->bucket_count);
    free_texts(o->prefixes, o->prefix_count);
    aws_settings_deinit(&o->aws);
    *o = (struct sqs_options){0};
}

static char **copy_texts(char **texts, size_t count) {
    char **copy = alloc_zeroed(count ? count : 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = alloc_string(texts[i], strlen(texts[i]));
    return copy;
}

static struct sqs_options copy_options(const struct sqs_options *o) {
    struct sqs_options copy = *o;
    copy.name = alloc_string(o->name, strlen(o->name));
    copy.queue_url = alloc_string(o->queue_url, strlen(o->queue_url));
    copy.buckets = copy_texts(o->buckets, o->bucket_count);
    copy.prefixes = copy_texts(o->prefixes, o->prefix_count);
    copy.aws = aws_settings_copy(&o->aws);
    return copy;
}

/* The queue's URL says where it is: its region, when nobody says otherwise, and its host, when that is none of AWS's
 * own and no endpoint is set. That host is not where the buckets are. */
static bool open_sessions(struct sqs_source *q, struct err *err) {
    struct aws_settings settings = aws_settings_copy(&q->options.aws);
    bool apart = q->queue.endpoint && !settings.endpoint;
    if (!settings.region && q->queue.region)
        settings.region = alloc_string(q->queue.region, strlen(q->queue.region));
    q->s3_session = aws_session_open(&settings, err);
    if (q->s3_session && apart) {
        settings.endpoint = alloc_string(q->queue.endpoint, strlen(q->queue.endpoint));
        q->session = aws_session_open(&settings, err);
    } else {
        q->session = q->s3_session;
    }
    aws_settings_deinit(&settings);
    return q->session != NULL;
}

/* They share what may be downloaded at once. */
static void open_buckets(struct sqs_source *q) {
    const struct sqs_options *o = &q->options;
    size_t all = o->ahead ? o->ahead : S3_AHEAD, each = o->bucket_count ? all / o->bucket_count : all;
    q->buckets = alloc_zeroed(o->bucket_count ? o->bucket_count : 1, sizeof *q->buckets);
    for (size_t i = 0; i < o->bucket_count; i++) {
        struct s3_bucket *b = &q->buckets[i].bucket;
        b->name = alloc_string(o->buckets[i], strlen(o->buckets[i]));
        b->path_style = o->path_style;
        b->requester_pays = o->requester_pays;
        q->buckets[i].ahead = s3_ahead_create(q->s3_session, b, each ? (unsigned)each : 1, &q->source.stop);
    }
}

struct source *sqs_open(const struct sqs_options *o, const struct saved_position *saved, size_t saved_count,
                        struct err *err) {
    struct sqs_queue queue;
    struct err cause = {0};
    if (!sqs_queue_parse(o->queue_url, &queue, &cause)) {
        err_set(err, ERR_CONFIG, "source %s: queue %s", o->name, cause.text);
        return NULL;
    }
    struct sqs_source *q = alloc_zeroed(1, sizeof *q);
    q->queue = queue;
    q->options = copy_options(o);
    q->source.ops = &sqs_ops;
    q->source.name = q->options.name;
    q->source.state_id = "";
    pthread_mutex_init(&q->lock, NULL);
    ledger_init(&q->ledger);
    bool ok = open_sessions(q, err);
    sqs_keeper_init(&q->keeper, q->session, &q->queue, q->options.name, o->visibility_ms);
    if (!ok) {
        sqs_close(&q->source);
        return NULL;
    }
    open_buckets(q);
    for (size_t i = 0; i < saved_count; i++)
        ledger_restore(&q->ledger, &saved[i]);
    q->texts = ledger_at(&q->ledger, texts_stream);
    return &q->source;
}
