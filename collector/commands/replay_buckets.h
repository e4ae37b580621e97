/* Buckets among what is replayed, or only read: listed for the period, downloaded ahead of the workers. */
#ifndef COMMANDS_REPLAY_BUCKETS_H
#define COMMANDS_REPLAY_BUCKETS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/input_options.h"
#include "source/files.h"

struct replay_buckets {
    const struct input_options *options; /* borrowed */
    int64_t before_ms;                   /* so much before the period is read, too */
    struct aws_session *session;         /* NULL before the first bucket */
    struct replay_bucket *list;          /* owned */
    size_t count;
    uint64_t list_requests, left_out, archived;
    const atomic_bool *stop;
    /* Called now and then while a bucket is listed; may be NULL. */
    void (*on_listing)(void *context, const char *url, uint64_t objects, uint64_t requests);
    void *context;
};

bool replay_buckets_is_url(const char *path); /* "s3://..." */

/* Adds the objects of an s3:// path whose records may be of the period. */
bool replay_buckets_add(struct replay_buckets *b, struct object_list *objects, const char *url, struct err *err);

/* The downloads begin, in the list's order, which stays as it is from here on. */
void replay_buckets_plan(struct replay_buckets *b, const struct object_list *objects);

uint64_t replay_buckets_requests(const struct replay_buckets *b); /* all, by now */
void replay_buckets_deinit(struct replay_buckets *b);             /* no object is open any more */

#endif
