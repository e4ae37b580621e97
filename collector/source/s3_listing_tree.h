/* Where times begin in a bucket's keys, and which stretches of keys hold a stretch of time. Used by
 * source/s3_listing.c.
 *
 *     ses/                       a level: looked at once, folder by folder
 *     ses/2025/.. ses/2026/..    a root: its folders are times
 *     ses/other/                 a level below it, and so on
 *
 * A stretch is cut where every folder on the way to its border is one of times, of one shape, with no objects between
 * them. Where that is not so, everything there belongs to it. */
#ifndef SOURCE_S3_LISTING_TREE_H
#define SOURCE_S3_LISTING_TREE_H

#include "aws/s3.h"
#include "source/s3_listing_key.h"

enum {
    TREE_DEPTH = 12,
    TREE_LEVELS = 10000,
    TREE_SHAPES = 4096,      /* kept */
    TREE_PROBE_FOLDERS = 100 /* more than so many below one level: it is looked whether they are worth looking into */
};

/* A folder without a time. */
struct tree_level {
    char *prefix; /* owned */
    unsigned depth;
    bool loose;     /* objects lie in it */
    bool flat;      /* it was not worth looking into: it is a root, too ... */
    char *given_to; /* owned; ... but its objects up to this were given when it was looked at; NULL: none */
};

/* Folders of one shape below one level, or everything below a prefix. */
struct tree_root {
    char *parent; /* owned */
    bool flat;    /* everything */
    struct key_shape shape;
    struct key_time base; /* what `parent` says of the time already: the user named a folder within one */
};

/* A folder of times was looked into: what is there. */
struct tree_shape {
    char *prefix; /* owned */
    enum { TREE_EMPTY, TREE_TIMES, TREE_OBJECTS, TREE_MIXED } kind;
    struct key_shape shape; /* of TREE_TIMES */
    bool years;             /* of TREE_MIXED: a year stands below, so what stands above is none */
};

struct tree {
    struct aws_session *session;    /* borrowed, as all of these */
    const struct s3_bucket *bucket; /* */
    const char *scope;              /* what is asked for: nothing outside is looked at */
    bool errors;                    /* folders of errors count */
    const atomic_bool *stop;
    uint64_t *requests, *left_out;
    /* Called for objects that lie in a level; false ends everything. */
    bool (*loose)(void *context, const struct s3_object *o);
    void *context;
    bool ended;

    struct tree_level *levels; /* owned; all of these */
    size_t level_count, level_capacity;
    struct tree_root *roots;
    size_t root_count, root_capacity;
    struct tree_shape *shapes;
    size_t shape_count, shape_capacity;
    bool capped; /* there are too many folders: what is left is listed whole */
};

void tree_clear(struct tree *t); /* forgets what it found */

/* Finds levels and roots, and gives the objects that lie in levels. */
bool tree_discover(struct tree *t, struct err *err);
/* Gives the objects of the levels that have some, once more. */
bool tree_give_loose(struct tree *t, struct err *err);
/* Whether it is an object of a level. */
bool tree_is_loose(const struct tree *t, const char *key);

/* Keys behind `from`, before `to`, all with a prefix. Owned. */
struct key_range {
    char *prefix, *from, *to;
};
void key_range_deinit(struct key_range *r);

/* The root's keys for [lo, hi] (local ms; INT64_MIN, INT64_MAX: open). */
bool tree_range(struct tree *t, const struct tree_root *root, int64_t lo, int64_t hi, struct key_range *r,
                struct err *err);

#endif
