/* What the parts of the bucket watcher share. */
#ifndef SOURCE_S3_WATCH_INTERNAL_H
#define SOURCE_S3_WATCH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/feed.h"
#include "source/ledger.h"
#include "source/s3_ahead.h"
#include "source/s3_listing.h"
#include "source/s3_watch.h"

enum {
    S3_WATCH_QUICK_MS = 1000,    /* a round that takes no longer is no backlog, however short the interval */
    S3_WATCH_DUE_MAX = 200000,   /* objects that one pass reads: more wait for the next */
    S3_WATCH_AGAIN_MAX = 100000, /* and that it tries again */
    S3_WATCH_FAILURES_MAX = 10,  /* in a row: the pass goes no further, what stands in the way is not these objects */
    S3_WATCH_MOVED_MAX = 3,      /* in a row: an object that never is what was listed is one that is refused */
    S3_WATCH_PAUSE_MAX_MS = 3600000 /* between two tries at an object */
};
static const int64_t s3_watch_refused_ms = (int64_t)14 * 86400000; /* then an object is given up */
static const int64_t s3_watch_slice_ms = 86400000;                 /* of a backlog: so much is listed at once */
static const int64_t s3_watch_ahead_ms = 3600000;                  /* keys may be ahead of our clock */
static const int64_t s3_watch_margin_ms = 15 * 3600000; /* how far a listing may reach back beyond what it was asked */

struct s3_watch {
    struct source source; /* first */
    struct s3_watch_options options;
    struct ledger ledger;
    struct ledger_entry *mark; /* a stream of its own: up to when all was read. Its offset is that time */
    struct feed feed;
    struct aws_session *session;
    struct s3_listing *listing;
    struct s3_ahead *ahead;
    uint64_t listings;  /* number of the last one */
    bool told_left_out; /* in the log */
    struct err cause;   /* why the last object that could not be read could not be */

    atomic_bool caught_up;
    pthread_mutex_t lock; /* for what follows */
    struct err trouble;
};

/* A stretch of time, listed and read. */
struct s3_pass {
    int64_t from_ms, to_ms;
    int64_t round_began_ns; /* monotonic */
    struct object_list due;
    struct object_list again; /* what was refused before, and is due */
    size_t listed_due;        /* what was due for the first time */
    bool cut;                 /* more is due than the list holds */
    bool gave_up;             /* too many failed one after the other, and others were not tried yet */
    size_t refused;           /* objects that cannot be read, and are tried again: now or later */
    size_t given_up;          /* objects that could not be read for too long */
    size_t archived;          /* objects that could not be read, and are not tried again */
    size_t moved;             /* objects that were gone, or others by now: a listing will tell */
    struct err listing_err, trouble;
};

/* Lists and reads. False when stopped. */
bool s3_watch_pass(struct s3_watch *w, struct s3_pass *p);

/* Forgets what no listing that begins at `from_ms` can show again. False when stopped. */
bool s3_watch_prune(struct s3_watch *w, int64_t from_ms);

void s3_watch_publish(struct s3_watch *w, const struct err *trouble);

/* --- what is refused (s3_watch_refused.c) --- */

/* It is refused, and stands in the state: the mark may pass it. */
bool s3_watch_is_refused(const struct s3_watch *w, const struct ledger_entry *entry);

/* Counts an object that is refused, and makes it due when its pause is over. `etag` NULL: it is not listed. */
void s3_watch_try_again(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const char *key,
                        const char *etag);

/* The same for all that are too old to be listed. */
void s3_watch_try_old(struct s3_watch *w, struct s3_pass *p);

/* Puts in order what is due: what never was tried first, then what waits longest. Returns how many are of the first. */
size_t s3_watch_order(struct s3_watch *w, struct s3_pass *p);

/* After an object was tried. False when stopped. */
bool s3_watch_note_refused(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err);
bool s3_watch_note_unlisted(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err,
                            bool gone);
/* It is done with: read, archived, or gone. */
void s3_watch_forgive(struct s3_pass *p, struct ledger_entry *entry);

/* What began then takes so long that it is a backlog. */
bool s3_watch_is_long(const struct s3_watch *w, int64_t began_ns);

#endif
