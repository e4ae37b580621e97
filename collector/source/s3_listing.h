/* Which objects of a bucket belong to a stretch of time, for as few requests as can be.
 *
 * Firehose puts the time into the key: ses/2026/11/21/23/..., ses/year=2026/month=11/..., dt=2026-11-21/hour=23/...,
 * below anything (streams, accounts). The listing finds out by itself where times begin ("time roots": one request a
 * folder level, remembered), learns each root's form from a key, and lists each from the first hour it needs, 1000 keys
 * a request. Below a prefix without times everything is listed. Nothing is concluded from the order of keys beyond
 * that: objects appear late, and in any order. */
#ifndef SOURCE_S3_LISTING_H
#define SOURCE_S3_LISTING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/s3.h"
#include "core/err.h"
#include "core/time_zone.h"

/* Strings are owned. */
struct s3_place {
    struct s3_bucket bucket;
    char *
        prefix; /* "": the whole bucket. Expressions as Firehose has them (!{timestamp:yyyy}, !{firehose:...}) end it */
    char *time_zone; /* of the times in keys, as Firehose's CustomTimeZone: "Europe/Berlin", "+05:30"; NULL: UTC */
    char **exclude;  /* glob patterns of keys (fnmatch) that are left out */
    size_t exclude_count;
    bool errors; /* what Firehose put below its error prefixes is read too */
};
void s3_place_deinit(struct s3_place *p);
struct s3_place s3_place_copy(const struct s3_place *p);

/* "s3://bucket/prefix", taken apart. The prefix may hold any byte of a key. False with `err`. */
bool s3_place_parse(const char *url, struct s3_place *p, struct err *err);

struct s3_listed {
    const char *key, *etag;
    uint64_t size;
    int64_t modified_ms;
    int64_t time_ms; /* by its key; else modified_ms */
    bool timed;      /* time_ms is of the key */
    bool archived;
};

struct s3_listing; /* keeps what it learned of the keys' forms */

/* Borrows both. NULL with `err` when the time zone is not known. Returns new. */
struct s3_listing *s3_listing_create(struct aws_session *session, const struct s3_place *place, struct err *err);
void s3_listing_destroy(struct s3_listing *l); /* NULL is allowed */

struct s3_listing_result {
    uint64_t objects;  /* given to `each` */
    uint64_t left_out; /* below error prefixes, or excluded */
    uint64_t untimed;  /* of those given: without a time in the key */
    uint64_t requests;
    bool odd_times; /* times in keys do not go with the times of the objects: the time zone is another one. What was
                       listed reaches 14 h further on both sides then, and the log says so */
};

/* Calls `each` for every object whose first record arrived in [from_ms, to_ms] by its key, or whose key has no time and
 * that was modified at or after from_ms. False from `each` ends it. False: not all could be listed (`err`). */
bool s3_listing_run(struct s3_listing *l, int64_t from_ms, int64_t to_ms,
                    bool (*each)(void *context, const struct s3_listed *o), void *context,
                    struct s3_listing_result *result, const atomic_bool *stop, struct err *err);

#endif
