#include "source/folder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/batcher.h"
#include "source/files.h"
#include "source/folder_ledger.h"
#include "source/object.h"

enum {
    NAP_MS = 50,          /* how long a stop may go unseen while waiting */
    QUICK_MS = 1000,      /* a pass that takes no longer is no backlog, however short the interval */
    MISSED_LISTINGS = 2,  /* in a row, before a file counts as gone */
    SKIP_SIZE = 64 * 1024 /* text that was counted is passed over in pieces of this size */
};

struct folder {
    struct source source; /* first */
    struct folder_options options;
    struct folder_ledger ledger;
    struct object_reader *reader;
    struct batcher batcher;
    uint64_t listing; /* number of the last one */

    struct folder_file *file;        /* being read */
    bool ended;                      /* its text, and how it ended was counted */
    uint64_t text_at;                /* what of its text went to the batcher */
    uint64_t bytes_given;            /* what of its bytes stands in batches */
    struct batch *chain, *chain_end; /* held: a record goes on behind it */

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

/* False when stopped. */
static bool nap(struct folder *f, int64_t ms) {
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    int64_t left;
    while (!stopped(f) && (left = until - clock_monotonic_ns()) > 0)
        poll(NULL, 0, left > NAP_MS * 1000000LL ? NAP_MS : (int)((left + 999999) / 1000000));
    return !stopped(f);
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

static struct batch *take(void *context) {
    struct folder *f = context;
    return f->source.port->take(f->source.port->context);
}

static void give_chain(struct folder *f) {
    struct batch *chain = f->chain;
    if (!chain)
        return;
    f->chain_end->position = folder_file_position(f->file);
    f->chain = f->chain_end = NULL;
    f->file->kept = f->file->given = true;
    f->source.port->give(f->source.port->context, chain);
}

static void hold(struct folder *f, struct batch *batch) {
    batch->next = NULL;
    batch->source = f->source.index;
    batch->stream = &f->file->stream;
    batch->forget = false;
    batch->position = folder_file_position(f->file);
    if (f->chain)
        f->chain_end->next = batch;
    else
        f->chain = batch;
    f->chain_end = batch;
}

static void give(void *context, struct batch *batch, bool inside) {
    struct folder *f = context;
    uint64_t bytes = object_bytes_read(f->reader);
    batch->accounting.bytes_read += bytes - f->bytes_given;
    f->bytes_given = bytes;
    hold(f, batch);
    if (inside)
        return;
    f->file->offset = (int64_t)(f->ended ? f->text_at : f->batcher.record_end);
    f->file->done = f->ended;
    give_chain(f);
}

/* Stopped within a record: what is held of it goes back empty, with the position that was. */
static void abandon_chain(struct folder *f) {
    for (struct batch *b = f->chain; b; b = b->next) {
        b->count = b->note_count = 0;
        b->accounting = (struct accounting){0};
        buf_clear(&b->raw);
    }
    give_chain(f);
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

enum file_result { FILE_READ, FILE_STOPPED, FILE_SHORT };

/* Passes over the text that was counted. SHORT: it is not there any more. */
static enum file_result skip_text(struct folder *f, enum object_status *status, struct err *err) {
    char *text = alloc_zeroed(SKIP_SIZE, 1);
    uint64_t left = (uint64_t)f->file->offset;
    *status = OBJECT_MORE;
    while (left && *status == OBJECT_MORE && !stopped(f)) {
        size_t len;
        *status = object_read(f->reader, text, left < SKIP_SIZE ? (size_t)left : SKIP_SIZE, &len, err);
        left -= len;
    }
    free(text);
    if (!left)
        return FILE_READ;
    return *status == OBJECT_MORE ? FILE_STOPPED : *status == OBJECT_UNREADABLE ? FILE_READ : FILE_SHORT;
}

/* From here to the end. A file that the system stops giving is not at its end: the record at hand is left for later. */
static enum file_result read_text(struct folder *f, enum object_status *status, struct err *err) {
    batcher_begin(&f->batcher, f->text_at);
    while (*status == OBJECT_MORE) {
        if (stopped(f)) {
            batcher_flush(&f->batcher);
            return FILE_STOPPED;
        }
        size_t room, len;
        char *to = batcher_space(&f->batcher, &room);
        *status = object_read(f->reader, to, room, &len, err);
        f->text_at += len;
        bool last = *status != OBJECT_MORE && *status != OBJECT_UNREADABLE;
        if (!batcher_filled(&f->batcher, len, last)) {
            abandon_chain(f);
            return FILE_STOPPED;
        }
        if (f->chain)
            batcher_flush(&f->batcher); /* or batches that end within records would follow each other for ever */
    }
    return FILE_READ;
}

static enum file_result read_object(struct folder *f, enum object_status *status, struct err *err) {
    f->text_at = 0;
    enum file_result result = skip_text(f, status, err);
    if (result != FILE_READ || *status == OBJECT_UNREADABLE)
        return result;
    f->text_at = (uint64_t)f->file->offset;
    f->bytes_given = object_bytes_read(f->reader);
    return read_text(f, status, err);
}

static void log_ending(const struct folder *f, enum object_status status, const struct err *err) {
    const char *message = status == OBJECT_DAMAGED       ? "file is damaged; what came before the damage was counted"
                          : status == OBJECT_UNSUPPORTED ? "file has a format that is not read"
                                                         : "file cannot be read";
    if (status == OBJECT_DAMAGED || status == OBJECT_UNSUPPORTED || status == OBJECT_UNREADABLE)
        log_event(LOG_WARN, message, LOG_FIELDS({"source", f->source.name}, {"cause", err->text}));
}

/* Counts how the file ended, once. One that cannot be read is tried again with every listing. */
static bool end_file(struct folder *f, enum object_status status, const struct err *err, struct pass *p) {
    bool unreadable = status == OBJECT_UNREADABLE;
    if (unreadable)
        err_set(&p->trouble, ERR_IO, "%s", err->text);
    if (!unreadable || !f->file->complained) {
        if (!batcher_open(&f->batcher))
            return false;
        log_ending(f, status, err);
        object_count(&f->batcher.batch->accounting, status);
        f->file->complained = unreadable;
    }
    f->ended = !unreadable;
    batcher_flush(&f->batcher);
    return true;
}

/* Since it was listed. */
static bool is_gone(const struct object *object) {
    struct stat st;
    return stat(object->path, &st) != 0 && errno == ENOENT;
}

/* False when stopped. */
static bool read_file(struct folder *f, const struct object *object, struct pass *p) {
    enum object_status status = OBJECT_UNREADABLE;
    enum file_result result = FILE_SHORT;
    struct err err = {0};
    f->ended = false;
    f->bytes_given = 0;
    for (int try = 0; result == FILE_SHORT && try < 2; try++) {
        err = (struct err){0};
        if (try)
            f->file->offset = 0; /* the text is another one: all of it again */
        f->batcher.record_end = (uint64_t)f->file->offset;
        if (object_open(f->reader, object, &err))
            result = read_object(f, &status, &err);
        else if (is_gone(object))
            return true;
        else
            result = FILE_READ;
    }
    bool went_on = result == FILE_READ && end_file(f, status, &err, p);
    object_close(f->reader);
    return went_on;
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

/* Whether the file shall be read now; it is f->file then. */
static bool is_due(struct folder *f, const struct object *object, struct pass *p) {
    struct stat st;
    if (stat(object->path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    struct folder_file *file = folder_ledger_at(&f->ledger, object->path);
    file->seen = f->listing;
    file->missed = 0;
    file->first |= f->listing == 1;
    bool same = file->size == st.st_size && file->mtime_ns == nanoseconds(st.st_mtim);
    if ((same && file->done) || (f->source.exit_at_end && !file->first))
        return false;
    int64_t now_ms = clock_wall_ms();
    if (is_fresh(f, st.st_mtim, now_ms) || is_fresh(f, st.st_ctim, now_ms)) {
        p->waiting++;
        return false;
    }
    if (!same) {
        folder_file_reset(file);
        file->size = st.st_size;
        file->mtime_ns = nanoseconds(st.st_mtim);
    }
    f->file = file;
    return true;
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
        if (!stopped(f) && is_due(f, o, p))
            p->due.objects[kept++] = *o;
        else
            free(o->path);
    }
    p->due.count = kept;
    if (kept)
        files_sort(&p->due);
}

static bool forget(struct folder *f, struct folder_file *file) {
    struct batch *batch = take(f);
    if (!batch)
        return false;
    folder_file_reset(file);
    file->kept = false;
    f->file = file;
    hold(f, batch);
    batch->position = (struct position){0};
    batch->forget = true;
    f->chain = f->chain_end = NULL;
    f->source.port->give(f->source.port->context, batch);
    return true;
}

/* Files that are gone. A listing with nothing in it at all proves little: the folder may not be mounted. */
static bool forget_missing(struct folder *f, const struct pass *p) {
    if (!p->whole || !p->listed)
        return true;
    for (size_t i = 0; i < f->ledger.count; i++) {
        struct folder_file *file = f->ledger.files[i];
        if (file->kept && file->seen != f->listing && ++file->missed >= MISSED_LISTINGS && !forget(f, file))
            return false;
    }
    return true;
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

static bool takes_long(const struct folder *f, const struct pass *p) {
    int64_t limit = f->options.interval_ms > QUICK_MS ? f->options.interval_ms : QUICK_MS;
    return clock_monotonic_ns() - p->began_ns > limit * 1000000;
}

/* Reads what is due. False when stopped. While files come one by one all is caught up, also while one is being read; a
 * pass that takes long is a backlog, and what came in the meantime shows only in the next. */
static bool read_due(struct folder *f, struct pass *p) {
    for (size_t i = 0; i < p->due.count; i++) {
        if (stopped(f))
            return false;
        if (is_due(f, &p->due.objects[i], p) && !read_file(f, &p->due.objects[i], p))
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
    for (size_t i = 0; i < f->ledger.count; i++) {
        struct folder_file *file = f->ledger.files[i];
        if (file->given && atomic_load(&file->stream.committed0) < file->offset)
            return false;
    }
    return true;
}

/* What the first listing had is read, when it has settled; what cannot be read fails the run at its end. */
static bool read_to_end(struct folder *f, struct err *err) {
    struct pass p;
    do {
        if (!pass(f, &p))
            return true;
    } while (p.waiting && nap(f, NAP_MS));
    while (!all_is_committed(f))
        if (!nap(f, NAP_MS))
            return true;
    return p.trouble.code == ERR_NONE || err_set(err, p.trouble.code, "%s", p.trouble.text);
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static bool folder_run(struct source *s, struct err *err) {
    struct folder *f = (struct folder *)s;
    f->reader = object_reader_create(NULL);
    batcher_init(&f->batcher, s->dictionary, s->isa);
    f->batcher.keep_notes = s->keep_notes;
    f->batcher.take = take;
    f->batcher.give = give;
    f->batcher.context = f;
    bool ok = true;
    if (s->exit_at_end) {
        ok = read_to_end(f, err);
    } else {
        struct pass p;
        while (pass(f, &p) && nap(f, f->options.interval_ms))
            continue;
    }
    batcher_deinit(&f->batcher);
    object_reader_destroy(f->reader);
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
    folder_ledger_deinit(&f->ledger);
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
    folder_ledger_init(&f->ledger);
    for (size_t i = 0; i < saved_count; i++)
        folder_ledger_restore(&f->ledger, &saved[i]);
    return &f->source;
}
