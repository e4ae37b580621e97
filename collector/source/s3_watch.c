#include "source/s3_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/wait.h"
#include "parsers/timestamp.h"
#include "source/s3_watch_internal.h"

enum {
    NAP_MS = 50,    /* between two looks at what is waited for */
    LAST_ROUNDS = 3 /* of a run to the end, while objects change below its hands */
};

void s3_watch_publish(struct s3_watch *w, const struct err *trouble) {
    pthread_mutex_lock(&w->lock);
    w->trouble = *trouble;
    pthread_mutex_unlock(&w->lock);
}

/* --- the mark ----------------------------------------------------------------------------------------------------- */

/* Where a round begins: so far behind the mark that what came late since is seen. */
static int64_t round_start(const struct s3_watch *w, int64_t now_ms) {
    int64_t mark = w->mark->offset < now_ms ? w->mark->offset : now_ms;
    int64_t from = mark - w->options.look_back_ms;
    return from > w->options.start_ms ? from : w->options.start_ms;
}

/* Everything that was listed was read, up to the look-back before `time_ms`, or stands in the state as refused: one
 * object that stays unreadable must not have every day since listed anew. False when stopped. */
static bool move_mark(struct s3_watch *w, int64_t time_ms) {
    w->mark->size = 0;
    w->mark->offset = w->mark->time_ms = time_ms;
    return feed_position(&w->feed, w->mark, false);
}

/* The first start has its mark before anything is read: what cannot be read at first must not fall out of the
 * look-back.
 */
static bool begin_mark(struct s3_watch *w) {
    int64_t now = clock_wall_ms();
    if (w->mark->kept)
        return true;
    if (w->options.start_ms == INT64_MIN || w->options.start_ms > now - w->options.look_back_ms)
        return move_mark(w, now);
    return move_mark(w, w->options.start_ms + w->options.look_back_ms);
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

/* From where all was read up to now: one pass as a rule, and a pass for each day of a backlog, so that a year of
 * objects is neither listed at once nor again after a restart. */
struct round {
    bool seen;    /* everything there is was listed, and tried */
    bool whole;   /* and read, or refused */
    bool any;     /* something new was there */
    size_t moved; /* objects that were not what was listed */
    struct err trouble;
};

bool s3_watch_is_long(const struct s3_watch *w, int64_t began_ns) {
    int64_t limit = w->options.interval_ms > S3_WATCH_QUICK_MS ? w->options.interval_ms : S3_WATCH_QUICK_MS;
    return clock_monotonic_ns() - began_ns > limit * 1000000;
}

static void add_pass(struct round *r, const struct s3_pass *p) {
    r->seen = p->listing_err.code == ERR_NONE && !p->gave_up;
    r->any |= p->listed_due > 0;
    r->moved += p->moved;
    if (p->trouble.code != ERR_NONE)
        err_set(&r->trouble, p->trouble.code, "%s", p->trouble.text);
}

/* As often as it takes to read all that is due. False when stopped. */
static bool run_pass(struct s3_watch *w, struct round *r, const struct s3_pass *wanted) {
    struct s3_pass p;
    do {
        p = *wanted;
        if (!s3_watch_pass(w, &p))
            return false;
        add_pass(r, &p);
    } while (p.cut && r->seen);
    r->whole = r->whole && r->seen && !p.moved; /* the last one listed all that is left */
    return true;
}

/* False when stopped. */
static bool run_round(struct s3_watch *w, struct round *r) {
    *r = (struct round){.seen = true, .whole = true};
    int64_t began_ns = clock_monotonic_ns(), from = round_start(w, clock_wall_ms());
    for (bool last = false; !last && r->seen;) {
        int64_t now = clock_wall_ms(), slice_end = from + s3_watch_slice_ms;
        last = slice_end >= now - w->options.look_back_ms;
        struct s3_pass p = {
            .from_ms = from, .to_ms = last ? now + s3_watch_ahead_ms : slice_end, .round_began_ns = began_ns};
        if (!run_pass(w, r, &p))
            return false;
        if (r->whole && !(move_mark(w, last ? now : slice_end + w->options.look_back_ms) && s3_watch_prune(w, from)))
            return false;
        from = slice_end;
    }
    /* While rounds are short all is caught up, also while one is under way; what came during a long one shows only in
     * the next. Who cannot look knows nothing. */
    if (!r->seen)
        atomic_store(&w->caught_up, false);
    else if (!r->any || !s3_watch_is_long(w, began_ns))
        atomic_store(&w->caught_up, true);
    return true;
}

static void watch(struct s3_watch *w) {
    struct round r;
    while (run_round(w, &r))
        if ((!r.seen || atomic_load(&w->caught_up)) && !wait_unless(&w->source.stop, w->options.interval_ms))
            return;
}

static bool all_is_committed(const struct s3_watch *w) {
    for (size_t i = 0; i < w->ledger.count; i++)
        if (!feed_is_committed(w->ledger.entries[i]))
            return false;
    return true;
}

/* What there is now; what cannot be read fails the run at its end. */
static bool read_to_end(struct s3_watch *w, struct err *err) {
    struct round r;
    int rounds = 0;
    do {
        if (!run_round(w, &r))
            return true;
    } while (r.moved && ++rounds < LAST_ROUNDS);
    while (!all_is_committed(w))
        if (!wait_unless(&w->source.stop, NAP_MS))
            return true;
    if (r.trouble.code != ERR_NONE)
        return err_set(err, r.trouble.code, "%s", r.trouble.text);
    if (r.whole)
        return true;
    return err_set(err, ERR_IO, "s3://%s/%s: objects change faster than they are read", w->options.place.bucket.name,
                   w->options.place.prefix);
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static void log_start(const struct s3_watch *w) {
    char from[TIMESTAMP_SIZE];
    timestamp_format(round_start(w, clock_wall_ms()), from);
    log_event(LOG_INFO, "a bucket is watched",
              LOG_FIELDS({"source", w->source.name, 0}, {"bucket", w->options.place.bucket.name, 0},
                         {"prefix", w->options.place.prefix, 0}, {"from", from, 0},
                         {"known", NULL, (int64_t)w->ledger.count - 1}));
}

static bool s3_watch_run(struct source *s, struct err *err) {
    struct s3_watch *w = (struct s3_watch *)s;
    bool ok = true;
    feed_init(&w->feed, s);
    bool begun = begin_mark(w);
    log_start(w);
    if (begun && s->exit_at_end)
        ok = read_to_end(w, err);
    else if (begun)
        watch(w);
    feed_deinit(&w->feed);
    return ok;
}

static void s3_watch_status(struct source *s, struct source_row *row) {
    struct s3_watch *w = (struct s3_watch *)s;
    struct aws_counts counts;
    aws_session_counts(w->session, &counts);
    row->requests = counts.requests;
    row->caught_up = atomic_load(&w->caught_up);
    pthread_mutex_lock(&w->lock);
    row->trouble = w->trouble.code == ERR_NONE ? NULL : alloc_string(w->trouble.text, strlen(w->trouble.text));
    pthread_mutex_unlock(&w->lock);
}

static void s3_watch_close(struct source *s) {
    struct s3_watch *w = (struct s3_watch *)s;
    s3_ahead_destroy(w->ahead);
    s3_listing_destroy(w->listing);
    aws_session_close(w->session);
    ledger_deinit(&w->ledger);
    s3_watch_options_deinit(&w->options);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static const struct source_ops s3_watch_ops = {
    .kind = "s3", .run = s3_watch_run, .status = s3_watch_status, .close = s3_watch_close};

void s3_watch_options_deinit(struct s3_watch_options *o) {
    s3_place_deinit(&o->place);
    aws_settings_deinit(&o->aws);
    free(o->name);
    *o = (struct s3_watch_options){0};
}

static struct s3_watch_options copy_options(const struct s3_watch_options *o) {
    struct s3_watch_options copy = *o;
    copy.name = alloc_string(o->name, strlen(o->name));
    copy.place = s3_place_copy(&o->place);
    copy.aws = aws_settings_copy(&o->aws);
    return copy;
}

/* Another place has a mark of its own. No bucket has a bracket in its name. */
static struct ledger_entry *restore(struct s3_watch *w, const struct saved_position *saved, size_t saved_count) {
    const struct s3_place *place = &w->options.place;
    size_t size = strlen(place->bucket.name) + strlen(place->prefix) + sizeof "(pass) /";
    char *name = alloc_zeroed(size, 1);
    ledger_init(&w->ledger);
    for (size_t i = 0; i < saved_count; i++)
        ledger_restore(&w->ledger, &saved[i]);
    snprintf(name, size, "(pass) %s/%s", place->bucket.name, place->prefix);
    struct ledger_entry *mark = ledger_at(&w->ledger, name);
    free(name);
    return mark;
}

struct source *s3_watch_open(const struct s3_watch_options *o, const struct saved_position *saved, size_t saved_count,
                             struct err *err) {
    struct s3_watch *w = alloc_zeroed(1, sizeof *w);
    w->options = copy_options(o);
    w->source.ops = &s3_watch_ops;
    w->source.name = w->options.name;
    w->source.state_id = "";
    pthread_mutex_init(&w->lock, NULL);
    w->mark = restore(w, saved, saved_count);
    if (!(w->session = aws_session_open(&w->options.aws, err)) ||
        !(w->listing = s3_listing_create(w->session, &w->options.place, err))) {
        s3_watch_close(&w->source);
        return NULL;
    }
    w->ahead = s3_ahead_create(w->session, &w->options.place.bucket, w->options.ahead, &w->source.stop);
    return &w->source;
}
