#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "source/s3_watch_internal.h"

enum { NAME_SIZE = 4096 };

static const char scheme[] = "s3://";

static bool stopped(struct s3_watch *w) {
    return atomic_load(&w->source.stop);
}

/* --- which object it is ------------------------------------------------------------------------------------------- */

/* The entry of an object that was listed, when it is to be read. */
static struct ledger_entry *find_due(struct s3_watch *w, const char *name, const struct s3_listed *o) {
    struct ledger_entry *entry = ledger_at(&w->ledger, name);
    int64_t version = ledger_version(o->etag);
    bool same = entry->size == (int64_t)o->size && entry->version == version;
    bool seen = entry->seen == w->listings; /* a page that was asked for twice */
    entry->seen = w->listings;
    if (same && (entry->done || seen))
        return NULL;
    if (!same) {
        ledger_entry_reset(entry);
        entry->size = (int64_t)o->size;
        entry->version = version;
    }
    entry->time_ms = o->time_ms;
    entry->archived = o->archived;
    return entry;
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

struct listing {
    struct s3_watch *watch;
    struct s3_pass *pass;
    char name[NAME_SIZE];
};

static bool take_listed(void *context, const struct s3_listed *o) {
    struct listing *l = context;
    struct s3_watch *w = l->watch;
    struct s3_pass *p = l->pass;
    int len = snprintf(l->name, sizeof l->name, "%s/%s", w->options.place.bucket.name, o->key);
    if (len < 0 || (size_t)len >= sizeof l->name) {
        log_event(LOG_WARN, "object is left out: no key is that long", LOG_FIELDS({"source", w->source.name, 0}));
        return true;
    }
    struct ledger_entry *entry = find_due(w, l->name, o);
    if (!entry)
        return !stopped(w);
    if (entry->refused_ms) {
        s3_watch_try_again(w, p, entry, o->key, o->etag);
        return !stopped(w);
    }
    if (p->due.count == S3_WATCH_DUE_MAX) {
        p->cut = true;
        return false;
    }
    s3_ahead_add(w->ahead, &p->due, o->key, o->etag, o->size, o->time_ms);
    return !stopped(w);
}

static void tell_left_out(struct s3_watch *w, const struct s3_listing_result *result) {
    if (w->told_left_out || !result->left_out)
        return;
    w->told_left_out = true;
    log_event(LOG_INFO, "objects are left out: below error prefixes, or excluded",
              LOG_FIELDS({"source", w->source.name, 0}, {"objects", NULL, (int64_t)result->left_out}));
}

static void list(struct s3_watch *w, struct s3_pass *p) {
    struct listing l = {.watch = w, .pass = p};
    struct s3_listing_result result = {0};
    w->listings++;
    bool whole =
        s3_listing_run(w->listing, p->from_ms, p->to_ms, take_listed, &l, &result, &w->source.stop, &p->listing_err);
    if (!whole && p->listing_err.code == ERR_NONE)
        err_set(&p->listing_err, ERR_IO, "%s cannot be listed", w->options.place.bucket.name);
    if (whole) {
        p->listing_err = (struct err){0};
        s3_watch_try_old(w, p);
    }
    tell_left_out(w, &result);
    log_event(LOG_DEBUG, "bucket listed",
              LOG_FIELDS({"source", w->source.name, 0}, {"objects", NULL, (int64_t)result.objects},
                         {"new", NULL, (int64_t)p->due.count}, {"requests", NULL, (int64_t)result.requests}));
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void publish(struct s3_watch *w, struct s3_pass *p) {
    p->trouble = p->listing_err;
    if (p->refused)
        err_set(&p->trouble, ERR_IO, "%zu object%s cannot be read, tried again later%s%s", p->refused,
                p->refused == 1 ? "" : "s", *w->cause.text ? ": " : "", w->cause.text);
    if (p->given_up)
        err_set(&p->trouble, ERR_IO, "%zu object%s could not be read for 14 days and %s given up: %s", p->given_up,
                p->given_up == 1 ? "" : "s", p->given_up == 1 ? "is" : "are", w->cause.text);
    if (p->archived)
        err_set(&p->trouble, ERR_IO, "%zu archived object%s cannot be read and %s left out: %s", p->archived,
                p->archived == 1 ? "" : "s", p->archived == 1 ? "is" : "are", w->cause.text);
    s3_watch_publish(w, &p->trouble);
}

/* The store itself says that it is archived, at the end of the cause. Whatever else fails says nothing of that: the
 * object may have been restored. */
static bool stays_archived(const struct ledger_entry *entry, const struct err *err) {
    static const char says[] = ": it is archived: restore it first";
    size_t len = strlen(err->text), says_len = sizeof says - 1;
    return entry->archived && len >= says_len && strcmp(err->text + len - says_len, says) == 0;
}

/* Counted, once, is that it cannot be read. An archived object stays one, and that was all; others are tried again.
 * False when stopped. */
static bool note_unreadable(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err) {
    bool on;
    if (stays_archived(entry, err)) {
        w->cause = *err;
        s3_watch_forgive(p, entry);
        p->archived++;
        entry->done = true;
        on = feed_position(&w->feed, entry, false);
    } else {
        on = s3_watch_note_refused(w, p, entry, err);
    }
    if (on)
        publish(w, p);
    return on;
}

/* The next listing tells what became of it; but some stores list for ever what they do not give. False when stopped. */
static bool note_moved(struct s3_watch *w, struct s3_pass *p, struct ledger_entry *entry, const struct err *err) {
    if (++entry->moved >= S3_WATCH_MOVED_MAX) {
        if (!entry->complained)
            log_event(LOG_WARN, "object cannot be read: it is listed, and not there, or another one",
                      LOG_FIELDS({"source", w->source.name, 0}, {"cause", err->text, 0}));
        entry->complained = true;
        return s3_watch_note_refused(w, p, entry, err);
    }
    p->moved++;
    log_event(LOG_INFO, "object is gone or another one by now, the next listing will tell",
              LOG_FIELDS({"source", w->source.name, 0}, {"cause", err->text, 0}));
    return true;
}

/* False when stopped. */
static bool read_object(struct s3_watch *w, struct s3_pass *p, const struct object *o, unsigned *failures) {
    struct ledger_entry *entry = ledger_find(&w->ledger, o->path + strlen(scheme));
    struct err err = {0};
    if (!entry || entry->done) /* it was listed twice */
        return true;
    enum feed_result result = feed_object(&w->feed, o, entry, &err);
    switch (result) {
    case FEED_READ:
        s3_watch_forgive(p, entry);
        *failures = 0;
        return true;
    case FEED_UNREADABLE:
        *failures += stays_archived(entry, &err) ? 0 : 1;
        return note_unreadable(w, p, entry, &err);
    case FEED_GONE:
    case FEED_CHANGED:
        if (entry->seen != w->listings)
            return s3_watch_note_unlisted(w, p, entry, &err, result == FEED_GONE);
        return note_moved(w, p, entry, &err);
    case FEED_STOPPED:
        break;
    }
    return false;
}

/* What never was tried comes first, and decides whether all there is was seen: the others stand in the state. */
static bool read_due(struct s3_watch *w, struct s3_pass *p) {
    unsigned failures = 0;
    size_t fresh = s3_watch_order(w, p);
    s3_ahead_plan(w->ahead, &p->due);
    for (size_t i = 0; i < p->due.count && failures < S3_WATCH_FAILURES_MAX; i++) {
        if (stopped(w) || !read_object(w, p, &p->due.objects[i], &failures))
            return false;
        p->gave_up = failures == S3_WATCH_FAILURES_MAX && i + 1 < fresh;
        if (i < fresh && s3_watch_is_long(w, p->round_began_ns))
            atomic_store(&w->caught_up, false);
    }
    if (p->given_up)
        log_event(LOG_WARN, "objects are given up: they could not be read for 14 days",
                  LOG_FIELDS({"source", w->source.name, 0}, {"objects", NULL, (int64_t)p->given_up},
                             {"cause", w->cause.text, 0}));
    return true;
}

bool s3_watch_pass(struct s3_watch *w, struct s3_pass *p) {
    static const struct object_list nothing;
    list(w, p);
    p->listed_due = p->due.count;
    if (!stopped(w))
        publish(w, p);
    bool went_on = !stopped(w) && ((!p->due.count && !p->again.count) || read_due(w, p));
    s3_ahead_plan(w->ahead, &nothing); /* it borrows the list */
    object_list_deinit(&p->due);
    object_list_deinit(&p->again);
    if (went_on)
        publish(w, p);
    return went_on;
}

/* --- forgetting --------------------------------------------------------------------------------------------------- */

bool s3_watch_prune(struct s3_watch *w, int64_t from_ms) {
    int64_t limit = from_ms - w->options.look_back_ms - s3_watch_margin_ms;
    for (size_t i = w->ledger.count; i--;) {
        struct ledger_entry *entry = w->ledger.entries[i];
        if (entry == w->mark || entry->seen == w->listings || entry->time_ms >= limit || s3_watch_is_refused(w, entry))
            continue;
        if (entry->kept && !feed_position(&w->feed, entry, true))
            return false;
        if (!entry->kept && feed_is_committed(entry))
            ledger_drop(&w->ledger, entry);
    }
    return true;
}
