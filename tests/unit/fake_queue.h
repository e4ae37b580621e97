/* Stands in for a queue, a bucket and the sessions behind them: takes the place of collector/aws/sqs, of sessions and
 * of collector/source/s3_ahead when a test is linked. Messages are hidden and come back as SQS has it, but for the
 * clock: they come back when the test says so. */
#ifndef TESTS_UNIT_FAKE_QUEUE_H
#define TESTS_UNIT_FAKE_QUEUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "source/s3_ahead.h"

/* --- the queue ---------------------------------------------------------------------------------------------------- */

struct fake_message {
    char *body;
    unsigned receptions;
    int64_t sent_ms;
    bool hidden, deleted, damaged;
    unsigned hidden_s; /* asked for last */
};

static struct {
    pthread_mutex_t lock;
    struct fake_message messages[64];
    size_t count;
    bool fails; /* to be received from */
    bool keeps; /* deletions are lost on the way */
} fake_queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fake_queue_clear(void) {
    for (size_t i = 0; i < fake_queue.count; i++)
        free(fake_queue.messages[i].body);
    fake_queue.count = 0;
    fake_queue.fails = fake_queue.keeps = false;
}

/* Takes `body`. */
static inline struct fake_message *fake_queue_send(char *body) {
    pthread_mutex_lock(&fake_queue.lock);
    assert_true(fake_queue.count < 64);
    struct fake_message *m = &fake_queue.messages[fake_queue.count++];
    *m = (struct fake_message){.body = body, .sent_ms = clock_wall_ms()};
    pthread_mutex_unlock(&fake_queue.lock);
    return m;
}

/* What is hidden is hidden no longer. */
static inline void fake_queue_show(void) {
    pthread_mutex_lock(&fake_queue.lock);
    for (size_t i = 0; i < fake_queue.count; i++)
        fake_queue.messages[i].hidden = false;
    pthread_mutex_unlock(&fake_queue.lock);
}

static inline size_t fake_queue_left(void) {
    size_t left = 0;
    pthread_mutex_lock(&fake_queue.lock);
    for (size_t i = 0; i < fake_queue.count; i++)
        left += !fake_queue.messages[i].deleted;
    pthread_mutex_unlock(&fake_queue.lock);
    return left;
}

static inline unsigned fake_queue_receptions(const struct fake_message *m) {
    pthread_mutex_lock(&fake_queue.lock);
    unsigned receptions = m->receptions;
    pthread_mutex_unlock(&fake_queue.lock);
    return receptions;
}

bool sqs_queue_parse(const char *url, struct sqs_queue *q, struct err *err) {
    (void)err;
    *q = (struct sqs_queue){.url = alloc_string(url, strlen(url)), .name = alloc_string("q", 1)};
    return true;
}

void sqs_queue_deinit(struct sqs_queue *q) {
    free(q->url);
    free(q->name);
}

static inline char *fake_receipt(size_t number, unsigned reception) {
    char text[64];
    int n = snprintf(text, sizeof text, "r-%zu-%u", number, reception);
    return alloc_string(text, (size_t)n);
}

static inline char *fake_id(size_t number) {
    char text[32];
    int n = snprintf(text, sizeof text, "m-%zu", number);
    return alloc_string(text, (size_t)n);
}

bool sqs_receive(struct aws_session *s, const struct sqs_queue *q, unsigned max, unsigned wait_s, unsigned visibility_s,
                 struct sqs_received *r, const atomic_bool *stop, struct err *err) {
    (void)s, (void)q, (void)wait_s, (void)stop;
    memset(r, 0, sizeof *r);
    pthread_mutex_lock(&fake_queue.lock);
    bool fails = fake_queue.fails;
    for (size_t i = 0; !fails && i < fake_queue.count && r->count < max; i++) {
        struct fake_message *m = &fake_queue.messages[i];
        if (m->deleted || m->hidden)
            continue;
        m->hidden = true;
        m->hidden_s = visibility_s;
        m->receptions++;
        r->messages[r->count++] = (struct sqs_message){.id = fake_id(i),
                                                       .receipt = fake_receipt(i, m->receptions),
                                                       .body = alloc_string(m->body, strlen(m->body)),
                                                       .body_len = strlen(m->body),
                                                       .receive_count = m->receptions,
                                                       .sent_ms = m->sent_ms,
                                                       .damaged = m->damaged};
    }
    pthread_mutex_unlock(&fake_queue.lock);
    return !fails || err_set(err, ERR_IO, "queue q does not exist");
}

void sqs_received_deinit(struct sqs_received *r) {
    for (unsigned i = 0; i < r->count; i++) {
        free(r->messages[i].id);
        free(r->messages[i].receipt);
        free(r->messages[i].body);
    }
    r->count = 0;
}

/* Only the receipt of the last reception counts. */
static inline struct fake_message *fake_message_of(const char *receipt) {
    for (size_t i = 0; i < fake_queue.count; i++) {
        char *wanted = fake_receipt(i, fake_queue.messages[i].receptions);
        bool same = strcmp(wanted, receipt) == 0;
        free(wanted);
        if (same)
            return &fake_queue.messages[i];
    }
    return NULL;
}

bool sqs_delete(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    (void)s, (void)q, (void)timeout_ms, (void)stop;
    pthread_mutex_lock(&fake_queue.lock);
    bool keeps = fake_queue.keeps;
    for (size_t i = 0; i < count && !keeps; i++) {
        struct fake_message *m = fake_message_of(entries[i].receipt);
        entries[i].result = m ? SQS_ENTRY_DONE : SQS_ENTRY_REFUSED;
        if (m)
            m->deleted = true;
    }
    pthread_mutex_unlock(&fake_queue.lock);
    return !keeps || err_set(err, ERR_IO, "queue q: made up");
}

bool sqs_change_visibility(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                           int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    (void)s, (void)q, (void)timeout_ms, (void)stop, (void)err;
    pthread_mutex_lock(&fake_queue.lock);
    for (size_t i = 0; i < count; i++) {
        struct fake_message *m = fake_message_of(entries[i].receipt);
        entries[i].result = m ? SQS_ENTRY_DONE : SQS_ENTRY_REFUSED;
        if (m) {
            m->hidden_s = entries[i].visibility_s;
            m->hidden &= m->hidden_s > 0;
        }
    }
    pthread_mutex_unlock(&fake_queue.lock);
    return true;
}

/* --- the bucket --------------------------------------------------------------------------------------------------- */

struct fake_object {
    char *path, *etag, *text;
    bool denied;
    unsigned reads;
};
static struct {
    struct fake_object objects[64];
    size_t count;
} fake_store;

static inline void fake_store_clear(void) {
    for (size_t i = 0; i < fake_store.count; i++) {
        free(fake_store.objects[i].path);
        free(fake_store.objects[i].etag);
        free(fake_store.objects[i].text);
    }
    fake_store.count = 0;
}

/* Takes `text`. */
static inline struct fake_object *fake_store_put(const char *path, const char *etag, char *text) {
    struct fake_object *o = &fake_store.objects[fake_store.count++];
    *o = (struct fake_object){alloc_string(path, strlen(path)), alloc_string(etag, strlen(etag)), text, false, 0};
    return o;
}

static inline struct fake_object *fake_store_find(const char *path) {
    for (size_t i = fake_store.count; i--;)
        if (strcmp(fake_store.objects[i].path, path) == 0)
            return &fake_store.objects[i];
    return NULL;
}

/* One at a time. */
static struct {
    const struct object *object;
    size_t at;
    enum object_loss loss;
} fake_reading;

static inline ssize_t fake_read(void *context, char *to, size_t room, struct err *err) {
    (void)context;
    const struct object *o = fake_reading.object;
    struct fake_object *found = fake_store_find(o->path);
    fake_reading.loss = !found                                         ? OBJECT_LOSS_GONE
                        : o->etag && strcmp(o->etag, found->etag) != 0 ? OBJECT_LOSS_CHANGED
                                                                       : OBJECT_LOSS_NONE;
    if (fake_reading.loss != OBJECT_LOSS_NONE || found->denied) {
        err_set(err, ERR_IO, "%s: made up", o->path);
        return -1;
    }
    size_t left = strlen(found->text) - fake_reading.at, n = left < room ? left : room;
    found->reads += fake_reading.at == 0;
    memcpy(to, found->text + fake_reading.at, n);
    fake_reading.at += n;
    return (ssize_t)n;
}

static inline enum object_loss fake_loss(void *context) {
    (void)context;
    return fake_reading.loss;
}

static inline void fake_close(void *context) {
    (void)context;
    fake_reading.object = NULL;
}

static inline bool fake_open(void *context, const struct object *o, struct object_bytes *to, struct err *err) {
    (void)context, (void)err;
    assert_null(fake_reading.object);
    fake_reading.object = o;
    fake_reading.at = 0;
    *to = (struct object_bytes){.read = fake_read, .loss = fake_loss, .close = fake_close};
    return true;
}

static const struct object_opener fake_opener = {NULL, fake_open};

struct s3_ahead {
    char *bucket;
};

struct s3_ahead *s3_ahead_create(struct aws_session *session, const struct s3_bucket *bucket, unsigned ahead,
                                 const atomic_bool *stop) {
    (void)session, (void)ahead, (void)stop;
    struct s3_ahead *a = alloc_zeroed(1, sizeof *a);
    a->bucket = alloc_string(bucket->name, strlen(bucket->name));
    return a;
}

void s3_ahead_destroy(struct s3_ahead *a) {
    if (a)
        free(a->bucket);
    free(a);
}

void s3_ahead_plan(struct s3_ahead *a, const struct object_list *list) {
    (void)a, (void)list;
}

const struct object_opener *s3_ahead_opener(struct s3_ahead *a) {
    (void)a;
    return &fake_opener;
}

void s3_ahead_add(struct s3_ahead *a, struct object_list *list, const char *key, const char *etag, uint64_t size,
                  int64_t time_ms) {
    char path[512];
    snprintf(path, sizeof path, "s3://%s/%s", a->bucket, key);
    list->objects = alloc_resize(list->objects, list->count + 1, sizeof *list->objects);
    list->objects[list->count++] = (struct object){.path = alloc_string(path, strlen(path)),
                                                   .etag = etag ? alloc_string(etag, strlen(etag)) : NULL,
                                                   .size = size,
                                                   .time_ms = time_ms,
                                                   .end = UINT64_MAX,
                                                   .opener = &fake_opener};
}

void s3_bucket_deinit(struct s3_bucket *b) {
    free(b->name);
}

/* --- the sessions ------------------------------------------------------------------------------------------------- */

struct aws_session *aws_session_open(const struct aws_settings *s, struct err *err) {
    (void)s, (void)err;
    return alloc_zeroed(1, 1);
}

void aws_session_close(struct aws_session *s) {
    free(s);
}

#endif
