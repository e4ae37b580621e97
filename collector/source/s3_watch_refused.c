#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/s3_watch_internal.h"

/* Objects that are listed and cannot be read. The state knows them, so that nothing waits for them: the mark moves on,
 * and when they are too old to be listed they are tried by what the ledger knows of them. */

/* The key of an object of this place as it is configured now; NULL: it is of another, or excluded by now. */
static const char *key_of(const struct s3_watch *w, const struct ledger_entry *entry) {
    const struct s3_place *place = &w->options.place;
    const char *name = entry->stream.name, *expression = strstr(place->prefix, "!{");
    size_t bucket_len = strlen(place->bucket.name);
    size_t prefix_len = expression ? (size_t)(expression - place->prefix) : strlen(place->prefix);
    if (strncmp(name, place->bucket.name, bucket_len) != 0 || name[bucket_len] != '/')
        return NULL;
    const char *key = name + bucket_len + 1;
    for (size_t i = 0; i < place->exclude_count; i++)
        if (fnmatch(place->exclude[i], key, 0) == 0)
            return NULL;
    return strncmp(key, place->prefix, prefix_len) == 0 ? key : NULL;
}

bool s3_watch_is_refused(const struct s3_watch *w, const struct ledger_entry *entry) {
    return entry->refused_ms && !entry->done && key_of(w, entry);
}

/* --- what is due -------------------------------------------------------------------------------------------------- */

void s3_watch_try_again(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const char *key,
                        const char *etag) {
    p->refused++;
    if (entry->retry_ns > clock_monotonic_ns() || p->again.count == S3_WATCH_AGAIN_MAX)
        return;
    if (!etag)
        entry->offset = 0; /* it may be another one by now, of another size: all of it, and what was counted is known */
    s3_ahead_add(w->ahead, &p->again, key, etag, etag ? (uint64_t)entry->size : 0, entry->time_ms);
}

/* What is not so old and was not listed is gone. */
void s3_watch_try_old(struct s3_watch *w, struct s3_pass *p) {
    for (size_t i = 0; i < w->ledger.count; i++) {
        struct ledger_entry *entry = w->ledger.entries[i];
        if (entry->seen != w->listings && entry->time_ms < p->from_ms && s3_watch_is_refused(w, entry))
            s3_watch_try_again(w, p, entry, key_of(w, entry), NULL);
    }
}

/* An object's turn among those that are tried again. */
struct turn {
    int64_t retry_ns;
    size_t at; /* by its time */
};

static int by_turn(const void *x, const void *y) {
    const struct turn *a = x, *b = y;
    if (a->retry_ns != b->retry_ns)
        return a->retry_ns < b->retry_ns ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* By their times the oldest would always come first, and those behind them never, while a pass goes no further than
 * some failures. */
size_t s3_watch_order(struct s3_watch *w, struct s3_pass *p) {
    static const size_t scheme_len = sizeof "s3://" - 1;
    size_t fresh = p->due.count, count = p->again.count;
    struct turn *turns = alloc_zeroed(count + 1, sizeof *turns);
    files_sort(&p->due);
    files_sort(&p->again);
    for (size_t i = 0; i < count; i++) {
        const struct ledger_entry *entry = ledger_find(&w->ledger, p->again.objects[i].path + scheme_len);
        turns[i] = (struct turn){entry ? entry->retry_ns : 0, i};
    }
    qsort(turns, count, sizeof *turns, by_turn);
    for (size_t i = 0; i < count; i++)
        object_list_add(&p->due, &p->again.objects[turns[i].at]);
    p->again.count = 0; /* they are the other list's */
    free(turns);
    return fresh;
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */

/* Longer after each failure. */
static int64_t next_try_ns(const struct s3_watch *w, unsigned attempts) {
    int64_t pause = w->options.interval_ms;
    while (attempts-- && pause < S3_WATCH_PAUSE_MAX_MS)
        pause = pause * 2 < S3_WATCH_PAUSE_MAX_MS ? pause * 2 : S3_WATCH_PAUSE_MAX_MS;
    return clock_monotonic_ns() + pause * 1000000;
}

void s3_watch_forgive(struct s3_pass *p, struct ledger_entry *entry) {
    if (entry->refused_ms && p->refused)
        p->refused--;
    entry->refused_ms = 0;
    entry->attempts = entry->moved = 0;
}

static bool give_up(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry) {
    s3_watch_forgive(p, entry);
    entry->done = true;
    return feed_position(&w->feed, entry, false);
}

/* The state has to know when that began, before the mark moves. */
bool s3_watch_note_refused(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err) {
    int64_t now = clock_wall_ms();
    bool first = !entry->refused_ms;
    w->cause = *err;
    entry->retry_ns = next_try_ns(w, entry->attempts++);
    if (!first && now - entry->refused_ms >= s3_watch_refused_ms) {
        p->given_up++;
        return give_up(w, p, entry);
    }
    p->refused += first;
    if (!first && entry->refused_ms <= now)
        return true;
    entry->refused_ms = now; /* also after the clock was set back */
    return feed_position(&w->feed, entry, false);
}

bool s3_watch_note_unlisted(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err,
                            bool gone) {
    if (gone && ++entry->moved >= S3_WATCH_MOVED_MAX)
        return give_up(w, p, entry); /* somebody deleted it */
    return s3_watch_note_refused(w, p, entry, err);
}
