#include "source/folder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/wait.h"
#include "source/feed.h"
#include "source/files.h"
#include "source/ledger.h"

enum {
    NAP_MS = 50,        /* between two looks at what is waited for */
    QUICK_MS = 1000,    /* a pass that takes no longer is no backlog, however short the interval */
    MISSED_LISTINGS = 2 /* in a row, before a file counts as gone */
};

struct folder {
    struct source source; /* first */
    struct folder_options options;
    struct ledger ledger;
    struct feed feed;
    uint64_t listing; /* number of the last one */

    atomic_bool caught_up;
    pthread_mutex_t lock; /* for what follows */
    struct err trouble;
};

/* One look at the paths, and what came of it. */
struct pass {
    struct object_list due;
    bool whole;     /* everything could be listed */
    size_t listed;  /* files */
    size_t waiting; /* files that changed just now */
    int64_t began_ns;
    struct err trouble;
};

static bool stopped(struct folder *f) {
    return atomic_load(&f->source.stop);
}

static void publish_trouble(struct folder *f, const struct err *trouble) {
    pthread_mutex_lock(&f->lock);
    f->trouble = *trouble;
    pthread_mutex_unlock(&f->lock);
}

/* --- listings ----------------------------------------------------------------------------------------------------- */

static int64_t nanoseconds(struct timespec t) {
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Changed so little ago, in either direction, that it may still be being written. */
static bool is_fresh(const struct folder *f, struct timespec t, int64_t now_ms) {
    int64_t age = now_ms - nanoseconds(t) / 1000000;
    return age < f->options.settle_ms && -age < f->options.settle_ms;
}

/* The file's entry when it shall be read now, else NULL. */
static struct ledger_entry *find_due(struct folder *f, const struct object *object, struct pass *p) {
    struct stat st;
    if (stat(object->path, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    struct ledger_entry *file = ledger_at(&f->ledger, object->path);
    file->seen = f->listing;
    file->missed = 0;
    file->first |= f->listing == 1;
    bool same = file->size == st.st_size && file->version == nanoseconds(st.st_mtim);
    if ((same && file->done) || (f->source.exit_at_end && !file->first))
        return NULL;
    int64_t now_ms = clock_wall_ms();
    if (is_fresh(f, st.st_mtim, now_ms) || is_fresh(f, st.st_ctim, now_ms)) {
        p->waiting++;
        return NULL;
    }
    if (!same) {
        ledger_entry_reset(file);
        file->size = st.st_size;
        file->version = nanoseconds(st.st_mtim);
    }
    return file;
}

static void list_paths(struct folder *f, struct pass *p) {
    p->whole = true;
    for (size_t i = 0; i < f->options.path_count && !stopped(f); i++)
        p->whole &= files_add(&p->due, f->options.paths[i], &p->trouble);
    p->listed = p->due.count;
}

/* Keeps of everything listed what is to be read. */
static void choose_due(struct folder *f, struct pass *p) {
    size_t kept = 0;
    for (size_t i = 0; i < p->due.count; i++) {
        struct object *o = &p->due.objects[i];
        o->regular_only = true;
        if (!stopped(f) && find_due(f, o, p))
            p->due.objects[kept++] = *o;
        else
            free(o->path);
    }
    p->due.count = kept;
    if (kept)
        files_sort(&p->due);
}

/* One that is gone: its position first, then, once that is committed, all that is known of it. False when stopped. */
static bool forget(struct folder *f, struct ledger_entry *file) {
    if (file->kept)
        return feed_position(&f->feed, file, true);
    if (feed_is_committed(file))
        ledger_drop(&f->ledger, file);
    return true;
}

/* Files that are gone. A listing with nothing in it at all proves little: the folder may not be mounted. */
static bool forget_missing(struct folder *f, const struct pass *p) {
    if (!p->whole || !p->listed)
        return true;
    for (size_t i = f->ledger.count; i--;) {
        struct ledger_entry *file = f->ledger.entries[i];
        if (file->seen != f->listing && ++file->missed >= MISSED_LISTINGS && !forget(f, file))
            return false;
    }
    return true;
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

static bool takes_long(const struct folder *f, const struct pass *p) {
    int64_t limit = f->options.interval_ms > QUICK_MS ? f->options.interval_ms : QUICK_MS;
    return clock_monotonic_ns() - p->began_ns > limit * 1000000;
}

/* False when stopped. One that is gone is the next listing's business. */
static bool read_file(struct folder *f, const struct object *object, struct ledger_entry *file, struct pass *p) {
    struct err err = {0};
    enum feed_result result = feed_object(&f->feed, object, file, &err);
    if (result == FEED_UNREADABLE)
        err_set(&p->trouble, ERR_IO, "%s", err.text);
    return result != FEED_STOPPED;
}

/* Reads what is due. False when stopped. While files come one by one all is caught up, also while one is being read; a
 * pass that takes long is a backlog, and what came in the meantime shows only in the next. */
static bool read_due(struct folder *f, struct pass *p) {
    for (size_t i = 0; i < p->due.count; i++) {
        if (stopped(f))
            return false;
        struct ledger_entry *file = find_due(f, &p->due.objects[i], p);
        if (file && !read_file(f, &p->due.objects[i], file, p))
            return false;
        if (takes_long(f, p))
            atomic_store(&f->caught_up, false);
    }
    if (!p->due.count || !takes_long(f, p))
        atomic_store(&f->caught_up, true);
    return true;
}

/* False when stopped. */
static bool pass(struct folder *f, struct pass *p) {
    *p = (struct pass){.began_ns = clock_monotonic_ns()};
    f->listing++;
    list_paths(f, p);
    choose_due(f, p);
    publish_trouble(f, &p->trouble);
    bool went_on = !stopped(f) && forget_missing(f, p) && read_due(f, p);
    publish_trouble(f, &p->trouble);
    object_list_deinit(&p->due);
    return went_on;
}

static bool all_is_committed(const struct folder *f) {
    for (size_t i = 0; i < f->ledger.count; i++)
        if (!feed_is_committed(f->ledger.entries[i]))
            return false;
    return true;
}

/* What the first listing had is read, when it has settled; what cannot be read fails the run at its end. */
static bool read_to_end(struct folder *f, struct err *err) {
    struct pass p;
    do {
        if (!pass(f, &p))
            return true;
    } while (p.waiting && wait_unless(&f->source.stop, NAP_MS));
    while (!all_is_committed(f))
        if (!wait_unless(&f->source.stop, NAP_MS))
            return true;
    return p.trouble.code == ERR_NONE || err_set(err, p.trouble.code, "%s", p.trouble.text);
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static bool folder_run(struct source *s, struct err *err) {
    struct folder *f = (struct folder *)s;
    feed_init(&f->feed, s);
    bool ok = true;
    if (s->exit_at_end) {
        ok = read_to_end(f, err);
    } else {
        struct pass p;
        while (pass(f, &p) && wait_unless(&f->source.stop, f->options.interval_ms))
            continue;
    }
    feed_deinit(&f->feed);
    return ok;
}

static void folder_status(struct source *s, struct source_row *row) {
    struct folder *f = (struct folder *)s;
    row->caught_up = atomic_load(&f->caught_up);
    pthread_mutex_lock(&f->lock);
    row->trouble = f->trouble.code == ERR_NONE ? NULL : alloc_string(f->trouble.text, strlen(f->trouble.text));
    pthread_mutex_unlock(&f->lock);
}

static void folder_close(struct source *s) {
    struct folder *f = (struct folder *)s;
    ledger_deinit(&f->ledger);
    folder_options_deinit(&f->options);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static const struct source_ops folder_ops = {
    .kind = "files", .run = folder_run, .status = folder_status, .close = folder_close};

void folder_options_deinit(struct folder_options *o) {
    for (size_t i = 0; i < o->path_count; i++)
        free(o->paths[i]);
    free(o->paths);
    free(o->name);
    *o = (struct folder_options){0};
}

static struct folder_options copy_options(const struct folder_options *o) {
    struct folder_options copy = *o;
    copy.name = alloc_string(o->name, strlen(o->name));
    copy.paths = alloc_zeroed(o->path_count, sizeof *copy.paths);
    for (size_t i = 0; i < o->path_count; i++)
        copy.paths[i] = alloc_string(o->paths[i], strlen(o->paths[i]));
    return copy;
}

struct source *folder_open(const struct folder_options *o, const struct saved_position *saved, size_t saved_count,
                           struct err *err) {
    for (size_t i = 0; i < o->path_count; i++) {
        if (strcmp(o->paths[i], "-") == 0) {
            err_set(err, ERR_CONFIG, "source %s: \"-\" cannot be watched: name files or folders", o->name);
            return NULL;
        }
    }
    struct folder *f = alloc_zeroed(1, sizeof *f);
    f->options = copy_options(o);
    f->source.ops = &folder_ops;
    f->source.name = f->options.name;
    f->source.state_id = "";
    pthread_mutex_init(&f->lock, NULL);
    ledger_init(&f->ledger);
    for (size_t i = 0; i < saved_count; i++)
        ledger_restore(&f->ledger, &saved[i]);
    return &f->source;
}
