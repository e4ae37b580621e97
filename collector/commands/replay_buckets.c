#include "commands/replay_buckets.h"

#include <stdlib.h>
#include <string.h>

#include "aws/session.h"
#include "core/alloc.h"
#include "source/s3_ahead.h"
#include "source/s3_listing.h"

/* Objects in memory: a list of more is read in several runs. */
enum { OBJECTS_MAX = 5 * 1000 * 1000 };
/* How much older a record may be than the object that it ends: Firehose buffers for 15 minutes at most. */
#define BUFFERING_MS ((int64_t)3600 * 1000)

struct replay_bucket {
    struct s3_bucket bucket;
    struct s3_ahead *ahead;
};

bool replay_buckets_is_url(const char *path) {
    return strncmp(path, "s3://", 5) == 0;
}

/* --- where and when ----------------------------------------------------------------------------------------------- */

static void set_place(struct s3_place *place, const struct bucket_options *o) {
    place->bucket.path_style = o->path_style;
    place->bucket.requester_pays = o->requester_pays;
    place->errors = o->errors;
    if (o->time_zone)
        place->time_zone = alloc_string(o->time_zone, strlen(o->time_zone));
    if (o->exclude_count)
        place->exclude = alloc_zeroed(o->exclude_count, sizeof *place->exclude);
    for (; place->exclude_count < o->exclude_count; place->exclude_count++) {
        const char *pattern = o->exclude[place->exclude_count];
        place->exclude[place->exclude_count] = alloc_string(pattern, strlen(pattern));
    }
}

/* In which times events of the period, and of what is read before it, arrived. */
static void arrival_of(const struct replay_buckets *b, int64_t *from_ms, int64_t *to_ms) {
    const struct input_options *o = b->options;
    *from_ms = o->from_ms == INT64_MIN ? INT64_MIN : o->from_ms - b->before_ms - BUFFERING_MS;
    *to_ms = o->to_ms == INT64_MAX ? INT64_MAX : o->to_ms + o->buckets.arrival_slack_ms;
}

/* One bucket has one set of downloads, however many paths name it. */
static struct replay_bucket *bucket_of(struct replay_buckets *b, const struct s3_bucket *bucket) {
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->list[i].bucket.name, bucket->name) == 0)
            return &b->list[i];
    if (b->count == b->options->path_count)
        return NULL; /* cannot be: there is one for each path at most */
    struct replay_bucket *r = &b->list[b->count++];
    r->bucket = s3_bucket_copy(bucket);
    r->ahead = s3_ahead_create(b->session, &r->bucket, b->options->buckets.ahead, b->stop);
    return r;
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

struct listing {
    struct replay_buckets *buckets;
    struct replay_bucket *bucket;
    struct object_list *objects;
    const char *url;
    struct s3_listing_result result;
    bool too_many;
};

static bool take_listed(void *context, const struct s3_listed *o) {
    struct listing *l = context;
    struct replay_buckets *b = l->buckets;
    if (l->objects->count >= OBJECTS_MAX) {
        l->too_many = true;
        return false;
    }
    if (o->archived) {
        b->archived++;
        s3_ahead_add_archived(l->bucket->ahead, l->objects, o->key, o->time_ms);
    } else {
        s3_ahead_add(l->bucket->ahead, l->objects, o->key, o->etag, o->size, o->time_ms);
    }
    if (b->on_listing)
        b->on_listing(b->context, l->url, l->result.objects, l->result.requests);
    return !atomic_load(b->stop);
}

static bool list_place(struct listing *l, const struct s3_place *place, struct err *err) {
    struct replay_buckets *b = l->buckets;
    int64_t from_ms, to_ms;
    struct s3_listing *listing = s3_listing_create(b->session, place, err);
    if (!listing)
        return false;
    arrival_of(b, &from_ms, &to_ms);
    bool ok = s3_listing_run(listing, from_ms, to_ms, take_listed, l, &l->result, b->stop, err);
    s3_listing_destroy(listing);
    b->list_requests += l->result.requests;
    b->left_out += l->result.left_out;
    if (ok && l->too_many)
        return err_set(err, ERR_INPUT, "%s: more than %d objects; read it in pieces, with --from and --to", l->url,
                       OBJECTS_MAX);
    if (ok && !l->result.objects && !l->result.left_out && from_ms == INT64_MIN && to_ms == INT64_MAX)
        return err_set(err, ERR_IO, "%s: there is nothing", l->url);
    return ok;
}

bool replay_buckets_add(struct replay_buckets *b, struct object_list *objects, const char *url, struct err *err) {
    struct s3_place place;
    if (!s3_place_parse(url, &place, err))
        return false;
    set_place(&place, &b->options->buckets);
    if (!b->session)
        b->session = aws_session_open(&b->options->buckets.aws, err);
    if (!b->list)
        b->list = alloc_zeroed(b->options->path_count, sizeof *b->list);
    bool ok = b->session != NULL;
    if (ok) {
        struct listing l = {.buckets = b, .bucket = bucket_of(b, &place.bucket), .objects = objects, .url = url};
        ok = l.bucket && list_place(&l, &place, err);
    }
    s3_place_deinit(&place);
    return ok;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

void replay_buckets_plan(struct replay_buckets *b, const struct object_list *objects) {
    for (size_t i = 0; i < b->count; i++)
        s3_ahead_plan(b->list[i].ahead, objects);
}

uint64_t replay_buckets_requests(const struct replay_buckets *b) {
    struct aws_counts counts = {0};
    if (b->session)
        aws_session_counts(b->session, &counts);
    return counts.requests;
}

void replay_buckets_deinit(struct replay_buckets *b) {
    for (size_t i = 0; i < b->count; i++) {
        s3_ahead_destroy(b->list[i].ahead);
        s3_bucket_deinit(&b->list[i].bucket);
    }
    free(b->list);
    aws_session_close(b->session);
    *b = (struct replay_buckets){0};
}
