#include "source/s3_ahead.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

static const char scheme[] = "s3://";

/* A download that runs ahead of its reader. */
struct slot {
    size_t object; /* of the plan */
    struct s3_download *download;
};

struct s3_ahead {
    struct aws_session *session;    /* borrowed, as all of these */
    const struct s3_bucket *bucket; /* */
    const atomic_bool *stop;
    struct object_opener opener;
    size_t limit;

    pthread_mutex_t lock;
    const struct object_list *plan; /* NULL: none */
    bool *opened;                   /* owned; of the plan's objects: somebody has asked for it */
    size_t next;                    /* of the plan: those before have begun, or were opened */
    struct slot *slots;             /* owned; `limit` of them */
    size_t waiting;                 /* slots in use: not opened yet */
    size_t open;                    /* downloads being read */
};

/* What an object reads from. */
struct reading {
    struct s3_ahead *ahead;
    struct s3_download *download;
    const char *path; /* borrowed: the object's */
};

/* --- downloads ---------------------------------------------------------------------------------------------------- */

static const char *key_of(const struct s3_ahead *a, const char *path) {
    return path + strlen(scheme) + strlen(a->bucket->name) + 1;
}

static struct s3_download *begin(struct s3_ahead *a, const struct object *o) {
    return s3_download_begin(a->session, a->bucket, key_of(a, o->path), o->etag, o->size, S3_AHEAD_WINDOW, a->stop);
}

/* With the lock held: to begin a download waits for nobody, while there are credentials. One is always under way that
 * nobody reads yet, or workers would wait for each other's. */
static void fill(struct s3_ahead *a) {
    while (a->plan && a->next < a->plan->count && a->waiting < a->limit &&
           (a->waiting == 0 || a->waiting + a->open < a->limit)) {
        size_t i = a->next++;
        if (a->opened[i] || a->plan->objects[i].opener != &a->opener)
            continue; /* out of its turn; a file, or of another bucket */
        a->slots[a->waiting++] = (struct slot){i, begin(a, &a->plan->objects[i])};
    }
}

/* With the lock held: the download of the plan's object `i` that has begun; NULL: none. */
static struct s3_download *take_slot(struct s3_ahead *a, size_t i) {
    for (size_t k = 0; k < a->waiting; k++) {
        if (a->slots[k].object != i)
            continue;
        struct s3_download *d = a->slots[k].download;
        a->slots[k] = a->slots[--a->waiting];
        return d;
    }
    return NULL;
}

static bool is_of_plan(const struct s3_ahead *a, const struct object *o) {
    return a->plan && a->plan->count && (uintptr_t)o >= (uintptr_t)a->plan->objects &&
           (uintptr_t)o < (uintptr_t)(a->plan->objects + a->plan->count);
}

/* --- what an object sees ------------------------------------------------------------------------------------------ */

static ssize_t read_some(void *context, char *to, size_t room, struct err *err) {
    struct reading *r = context;
    struct err why = {0};
    ssize_t n = s3_download_read(r->download, to, room, &why);
    if (n < 0)
        err_set(err, why.code == ERR_NONE ? ERR_IO : why.code, "%s: %s", r->path, why.text);
    return n;
}

static enum object_loss loss_of(void *context) {
    const struct reading *r = context;
    switch (s3_download_result(r->download)) {
    case S3_READ_CHANGED:
        return OBJECT_LOSS_CHANGED;
    case S3_READ_MISSING:
        return OBJECT_LOSS_GONE;
    default:
        return OBJECT_LOSS_NONE;
    }
}

static void close_reading(void *context) {
    struct reading *r = context;
    struct s3_ahead *a = r->ahead;
    s3_download_end(r->download);
    free(r);
    pthread_mutex_lock(&a->lock);
    a->open--;
    fill(a);
    pthread_mutex_unlock(&a->lock);
}

static bool open_object(void *context, const struct object *o, struct object_bytes *to, struct err *err) {
    struct s3_ahead *a = context;
    struct s3_download *d = NULL;
    (void)err; /* what is wrong is said by the first read */
    pthread_mutex_lock(&a->lock);
    a->open++;
    if (is_of_plan(a, o)) {
        size_t i = (size_t)(o - a->plan->objects);
        d = take_slot(a, i);
        a->opened[i] = true;
    }
    if (!d)
        d = begin(a, o);
    fill(a);
    pthread_mutex_unlock(&a->lock);
    struct reading *r = alloc_zeroed(1, sizeof *r);
    *r = (struct reading){a, d, o->path};
    *to = (struct object_bytes){.context = r, .read = read_some, .loss = loss_of, .close = close_reading};
    return true;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct s3_ahead *s3_ahead_create(struct aws_session *session, const struct s3_bucket *bucket, unsigned ahead,
                                 const atomic_bool *stop) {
    struct s3_ahead *a = alloc_zeroed(1, sizeof *a);
    a->session = session;
    a->bucket = bucket;
    a->stop = stop;
    a->limit = ahead ? ahead : S3_AHEAD;
    a->slots = alloc_zeroed(a->limit, sizeof *a->slots);
    a->opener = (struct object_opener){a, open_object};
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

static void drop_slots(struct s3_ahead *a) {
    for (size_t i = 0; i < a->waiting; i++)
        s3_download_end(a->slots[i].download);
    a->waiting = 0;
}

void s3_ahead_destroy(struct s3_ahead *a) {
    if (!a)
        return;
    drop_slots(a);
    pthread_mutex_destroy(&a->lock);
    free(a->opened);
    free(a->slots);
    free(a);
}

void s3_ahead_plan(struct s3_ahead *a, const struct object_list *list) {
    pthread_mutex_lock(&a->lock);
    drop_slots(a);
    a->plan = list;
    free(a->opened);
    a->opened = alloc_zeroed(list->count + 1, sizeof *a->opened);
    a->next = 0;
    fill(a);
    pthread_mutex_unlock(&a->lock);
}

const struct object_opener *s3_ahead_opener(struct s3_ahead *a) {
    return &a->opener;
}

static char *make_path(const struct s3_ahead *a, const char *key) {
    size_t size = strlen(scheme) + strlen(a->bucket->name) + strlen(key) + 2;
    char *path = alloc_zeroed(size, 1);
    snprintf(path, size, "%s%s/%s", scheme, a->bucket->name, key);
    return path;
}

void s3_ahead_add(struct s3_ahead *a, struct object_list *list, const char *key, const char *etag, uint64_t size,
                  int64_t time_ms) {
    struct object o = {.path = make_path(a, key),
                       .size = size,
                       .end = UINT64_MAX,
                       .has_time = true,
                       .time_ms = time_ms,
                       .opener = &a->opener};
    if (etag && *etag)
        o.etag = alloc_string(etag, strlen(etag));
    object_list_add(list, &o);
}

static bool refuse_archived(void *context, const struct object *o, struct object_bytes *to, struct err *err) {
    (void)context, (void)to;
    return err_set(err, ERR_IO, "%s: it is archived: restore it first", o->path);
}

void s3_ahead_add_archived(struct s3_ahead *a, struct object_list *list, const char *key, int64_t time_ms) {
    static const struct object_opener archive = {NULL, refuse_archived};
    struct object o = {
        .path = make_path(a, key), .end = UINT64_MAX, .has_time = true, .time_ms = time_ms, .opener = &archive};
    object_list_add(list, &o);
}
