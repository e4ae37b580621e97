/* Buckets: listing them, and reading their objects. Any S3-compatible store. */
#ifndef AWS_S3_H
#define AWS_S3_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "aws/session.h"
#include "core/err.h"

/* Strings are owned. */
struct s3_bucket {
    char *name;
    bool path_style; /* else where AWS needs it: names with dots, endpoints of the user's */
    bool requester_pays;
    char *expected_owner; /* account id that must own the bucket; NULL: any */
};
void s3_bucket_deinit(struct s3_bucket *b);
struct s3_bucket s3_bucket_copy(const struct s3_bucket *b);

/* --- listing ------------------------------------------------------------------------------------------------------ */

struct s3_object {
    const char *key;  /* decoded; any bytes but NUL */
    const char *etag; /* without quotes */
    uint64_t size;
    int64_t modified_ms;
    bool archived; /* GLACIER, DEEP_ARCHIVE: cannot be read before it is restored */
};

struct s3_list {
    const char *prefix;      /* "": everything */
    const char *start_after; /* NULL: from the beginning */
    bool folders;            /* what lies below the next '/' is named once, and not listed */
    unsigned max;            /* stop after so many entries; 0: all */
    uint64_t *requests;      /* raised by one for each page that is asked for; NULL: not wanted */
};

/* Called for each entry, in the keys' byte order within a kind; false ends the listing well. */
struct s3_list_hooks {
    void *context;
    bool (*object)(void *context, const struct s3_object *o);
    bool (*folder)(void *context, const char *prefix); /* only with `folders`; ends with '/' */
};

/* ListObjectsV2, page after page. All entries, or false: a page set that broke in the middle is begun again from the
 * last key seen (at most 3 times). A store that does not list in order is refused: keys could be missed. */
bool s3_list_objects(struct aws_session *s, const struct s3_bucket *b, const struct s3_list *list,
                     const struct s3_list_hooks *hooks, const atomic_bool *stop, struct err *err);

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* One object being downloaded: exactly the bytes of the object with `etag` (If-Match), and all of them: a body that
 * ends before the object's size broke off. A transfer that breaks off goes on where it was (Range), at most 5 times
 * without progress. */
struct s3_download;

enum s3_read_result {
    S3_READ_OK,
    S3_READ_CHANGED, /* 412: the object is another one by now: list again */
    S3_READ_MISSING, /* 404 */
    S3_READ_DENIED,  /* 403, archived */
    S3_READ_FAILED,  /* everything was tried */
};

/* Returns at once; the request is in the air. `etag` NULL: whatever is there, pinned from its first answer on. `size`,
 * as listed or told, counts where no answer says one; 0: not known. Copies the strings; the session, the bucket and
 * stop are borrowed. Returns new; never NULL: what is wrong is said by read. */
struct s3_download *s3_download_begin(struct aws_session *s, const struct s3_bucket *b, const char *key,
                                      const char *etag, uint64_t size, size_t window, const atomic_bool *stop);
/* Waits for bytes; 0 at the end, -1 on failure (`err`; s3_download_result says of which kind). */
ssize_t s3_download_read(struct s3_download *d, char *to, size_t room, struct err *err);
enum s3_read_result s3_download_result(const struct s3_download *d);
void s3_download_end(struct s3_download *d); /* NULL is allowed */

#endif
