/* Downloads that run ahead of who reads the objects: while one is parsed, the next ones are already on their way. Each
 * waits with at most a window of its bytes. Thread-safe: several workers may take downloads. */
#ifndef SOURCE_S3_AHEAD_H
#define SOURCE_S3_AHEAD_H

#include <stdatomic.h>
#include <stddef.h>

#include "aws/s3.h"
#include "source/files.h"
#include "source/object.h"

struct s3_ahead;

enum { S3_AHEAD = 16, S3_AHEAD_WINDOW = 1 << 20 };

/* Borrows all but the counts. `ahead` downloads at once (0: S3_AHEAD), each with a window of S3_AHEAD_WINDOW. Returns
 * new. */
struct s3_ahead *s3_ahead_create(struct aws_session *session, const struct s3_bucket *bucket, unsigned ahead,
                                 const atomic_bool *stop);
void s3_ahead_destroy(struct s3_ahead *a); /* NULL is allowed */

/* These objects will be opened next, about in this order: their downloads begin as soon as there is room. Others may
 * stand in the list, too. It is borrowed until s3_ahead_plan is called again, or the end; those never opened are
 * dropped. */
void s3_ahead_plan(struct s3_ahead *a, const struct object_list *list);

/* What an object has as its opener. */
const struct object_opener *s3_ahead_opener(struct s3_ahead *a);

/* Adds an object of the bucket to a list: path "s3://bucket/key". */
void s3_ahead_add(struct s3_ahead *a, struct object_list *list, const char *key, const char *etag, uint64_t size,
                  int64_t time_ms);
/* The same for one that cannot be read before it is restored: it is not asked for, and opening it says so. */
void s3_ahead_add_archived(struct s3_ahead *a, struct object_list *list, const char *key, int64_t time_ms);

#endif
