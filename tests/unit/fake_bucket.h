/* Stands in for a bucket behind the watcher: its listing, its downloads, its session, and the wall clock. Whoever
 * includes it has none of the real ones. */
#ifndef TESTS_UNIT_FAKE_BUCKET_H
#define TESTS_UNIT_FAKE_BUCKET_H

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/s3_ahead.h"
#include "source/s3_listing.h"

enum { OBJECTS = 64 };

/* --- the clock ---------------------------------------------------------------------------------------------------- */

static _Atomic int64_t now_ms;
static _Atomic int64_t leap_ns; /* by which the other clock goes ahead: pauses are over */

int64_t clock_wall_ms(void) {
    return atomic_load(&now_ms);
}

int64_t clock_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec + atomic_load(&leap_ns);
}

/* --- the bucket --------------------------------------------------------------------------------------------------- */

enum fate { FATE_GOOD, FATE_DENIED, FATE_GONE, FATE_CHANGED, FATE_BROKEN };

struct thing {
    char key[64], etag[32];
    int64_t time_ms;
    unsigned from, count; /* records */
    enum fate fate;
    bool archived;
    unsigned reads;
    unsigned last_read; /* then no listing succeeds; 0: that goes on */
};

static struct bucket {
    pthread_mutex_t lock;
    struct thing things[OBJECTS];
    size_t count;
    bool refuses, hangs; /* listings */
    bool twice;          /* they name each object twice */
    unsigned listings;
    int64_t last_from_ms, least_from_ms, longest_ms;
} bucket = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline struct thing *put(const char *key, int64_t time_ms, unsigned from, unsigned count) {
    pthread_mutex_lock(&bucket.lock);
    struct thing *t = &bucket.things[bucket.count];
    *t = (struct thing){.time_ms = time_ms, .from = from, .count = count};
    snprintf(t->key, sizeof t->key, "%s", key);
    snprintf(t->etag, sizeof t->etag, "etag-%u-%u", from, count);
    bucket.count++;
    pthread_mutex_unlock(&bucket.lock);
    return t;
}

static inline void set_fate(struct thing *t, enum fate fate) {
    pthread_mutex_lock(&bucket.lock);
    t->fate = fate;
    pthread_mutex_unlock(&bucket.lock);
}

static inline void set_refuses(bool refuses) {
    pthread_mutex_lock(&bucket.lock);
    bucket.refuses = refuses;
    pthread_mutex_unlock(&bucket.lock);
}

static inline unsigned reads_of(const struct thing *t) {
    pthread_mutex_lock(&bucket.lock);
    unsigned n = t->reads;
    pthread_mutex_unlock(&bucket.lock);
    return n;
}

/* Nothing lists it, and nothing is there. */
static inline void take_away(struct thing *t) {
    pthread_mutex_lock(&bucket.lock);
    t->time_ms = INT64_MIN;
    t->fate = FATE_GONE;
    pthread_mutex_unlock(&bucket.lock);
}

static inline unsigned listings(void) {
    pthread_mutex_lock(&bucket.lock);
    unsigned n = bucket.listings;
    pthread_mutex_unlock(&bucket.lock);
    return n;
}

/* --- what stands for the store's side ----------------------------------------------------------------------------- */

struct aws_session *aws_session_open(const struct aws_settings *s, struct err *err) {
    (void)s, (void)err;
    return (struct aws_session *)&bucket;
}

void aws_session_close(struct aws_session *s) {
    (void)s;
}

void aws_session_counts(const struct aws_session *s, struct aws_counts *to) {
    (void)s;
    *to = (struct aws_counts){.requests = listings()};
}

struct s3_place s3_place_copy(const struct s3_place *p) {
    struct s3_place copy = *p;
    copy.bucket.name = alloc_string(p->bucket.name, strlen(p->bucket.name));
    copy.prefix = alloc_string(p->prefix, strlen(p->prefix));
    return copy;
}

void s3_place_deinit(struct s3_place *p) {
    free(p->bucket.name);
    free(p->prefix);
}

struct s3_listing *s3_listing_create(struct aws_session *session, const struct s3_place *place, struct err *err) {
    (void)session, (void)place, (void)err;
    return (struct s3_listing *)&bucket;
}

void s3_listing_destroy(struct s3_listing *l) {
    (void)l;
}

static bool begin_listing(int64_t from_ms, int64_t to_ms, const atomic_bool *stop, struct err *err) {
    bucket.listings++;
    bucket.last_from_ms = from_ms;
    if (from_ms < bucket.least_from_ms)
        bucket.least_from_ms = from_ms;
    if (to_ms - from_ms > bucket.longest_ms)
        bucket.longest_ms = to_ms - from_ms;
    while (bucket.hangs && !atomic_load(stop))
        poll(NULL, 0, 5);
    return !bucket.refuses || err_set(err, ERR_IO, "the bucket cannot be listed");
}

bool s3_listing_run(struct s3_listing *l, int64_t from_ms, int64_t to_ms,
                    bool (*each)(void *context, const struct s3_listed *o), void *context,
                    struct s3_listing_result *result, const atomic_bool *stop, struct err *err) {
    (void)l;
    pthread_mutex_lock(&bucket.lock);
    bool ok = begin_listing(from_ms, to_ms, stop, err), on = true;
    *result = (struct s3_listing_result){.requests = 1};
    for (size_t i = bucket.count; ok && on && i--;) { /* in no useful order */
        const struct thing *t = &bucket.things[i];
        if (t->time_ms < from_ms || t->time_ms > to_ms)
            continue;
        for (int again = 0; on && again <= (int)bucket.twice; again++, result->objects++)
            on = each(context,
                      &(struct s3_listed){t->key, t->etag, t->count, t->time_ms, t->time_ms, true, t->archived});
    }
    pthread_mutex_unlock(&bucket.lock);
    return ok;
}

struct download {
    char *text;
    size_t len, at;
    enum fate fate;
    bool archived;
};

static ssize_t download_read(void *context, char *to, size_t room, struct err *err) {
    struct download *d = context;
    if (d->fate != FATE_GOOD && d->at == 0) {
        err_set(err, ERR_IO, "%s",
                d->fate == FATE_BROKEN ? "the connection broke"
                : d->archived          ? "s3://bucket/it: it is archived: restore it first"
                                       : "AccessDenied, or so");
        return -1;
    }
    size_t n = d->len - d->at < room ? d->len - d->at : room;
    memcpy(to, d->text + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static enum object_loss download_loss(void *context) {
    const struct download *d = context;
    return d->fate == FATE_GONE ? OBJECT_LOSS_GONE : d->fate == FATE_CHANGED ? OBJECT_LOSS_CHANGED : OBJECT_LOSS_NONE;
}

static void download_close(void *context) {
    struct download *d = context;
    free(d->text);
    free(d);
}

static bool ahead_open(void *context, const struct object *o, struct object_bytes *to, struct err *err) {
    (void)context, (void)err;
    struct download *d = alloc_zeroed(1, sizeof *d);
    FILE *out = open_memstream(&d->text, &d->len);
    pthread_mutex_lock(&bucket.lock);
    struct thing *t = bucket.things;
    while (t < bucket.things + bucket.count && strcmp(t->key, strrchr(o->path, '/') + 1) != 0)
        t++;
    bool there = t < bucket.things + bucket.count;
    d->fate = !there ? FATE_GONE : o->etag && strcmp(t->etag, o->etag) != 0 ? FATE_CHANGED : t->fate;
    d->archived = there && t->archived;
    t->reads += there;
    bucket.refuses |= there && t->reads == t->last_read;
    for (unsigned i = t->from; there && i < t->from + t->count; i++)
        fprintf(out,
                "{\"eventType\":\"Send\",\"send\":{},\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\",\"tags\":{},"
                "\"source\":\"x@shop.example\",\"messageId\":\"m-%u\",\"destination\":[\"a@x.example\"]}}\n",
                i);
    pthread_mutex_unlock(&bucket.lock);
    fclose(out);
    *to = (struct object_bytes){d, download_read, download_loss, download_close};
    return true;
}

static const struct object_opener opener = {NULL, ahead_open};

struct s3_ahead *s3_ahead_create(struct aws_session *session, const struct s3_bucket *b, unsigned ahead,
                                 const atomic_bool *stop) {
    (void)session, (void)b, (void)ahead, (void)stop;
    return (struct s3_ahead *)&bucket;
}

void s3_ahead_destroy(struct s3_ahead *a) {
    (void)a;
}

void s3_ahead_plan(struct s3_ahead *a, const struct object_list *list) {
    (void)a, (void)list;
}

void s3_ahead_add(struct s3_ahead *a, struct object_list *list, const char *key, const char *etag, uint64_t size,
                  int64_t time_ms) {
    (void)a;
    char path[128];
    snprintf(path, sizeof path, "s3://bucket/%s", key);
    object_list_add(list, &(struct object){.path = alloc_string(path, strlen(path)),
                                           .size = size,
                                           .end = UINT64_MAX,
                                           .has_time = true,
                                           .time_ms = time_ms,
                                           .opener = &opener,
                                           .etag = etag ? alloc_string(etag, strlen(etag)) : NULL});
}

#endif
