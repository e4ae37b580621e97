#include "source/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/log.h"

enum { SKIP_SIZE = 64 * 1024 /* text that was counted is passed over in pieces of this size */ };

static bool stopped(struct feed *f) {
    return atomic_load(&f->source->stop);
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

static struct batch *take(void *context) {
    struct feed *f = context;
    return f->source->port->take(f->source->port->context);
}

static void give_to_port(struct feed *f, struct batch *chain) {
    f->entry->given++;
    f->source->port->give(f->source->port->context, chain);
}

static void give_chain(struct feed *f) {
    struct batch *chain = f->chain;
    if (!chain)
        return;
    f->chain_end->position = ledger_entry_position(f->entry);
    f->chain = f->chain_end = NULL;
    f->entry->kept = true;
    give_to_port(f, chain);
}

static void label(struct feed *f, struct batch *batch) {
    batch->next = NULL;
    batch->source = f->source->index;
    batch->stream = &f->entry->stream;
    batch->forget = false;
    batch->position = ledger_entry_position(f->entry);
}

static void hold(struct feed *f, struct batch *batch) {
    label(f, batch);
    if (f->chain)
        f->chain_end->next = batch;
    else
        f->chain = batch;
    f->chain_end = batch;
}

static void give(void *context, struct batch *batch, bool inside) {
    struct feed *f = context;
    uint64_t bytes = f->in_text ? f->bytes_read : object_bytes_read(f->reader);
    batch->accounting.bytes_read += bytes - f->bytes_given;
    f->bytes_given = bytes;
    hold(f, batch);
    if (inside)
        return;
    if (!f->in_text) {
        f->entry->offset = (int64_t)(f->ended ? f->text_at : f->batcher.record_end);
        f->entry->done = f->ended;
    }
    give_chain(f);
}

/* Stopped within a record: what is held of it goes back empty, with the position that was. */
static void abandon_chain(struct feed *f) {
    for (struct batch *b = f->chain; b; b = b->next)
        batch_empty(b);
    give_chain(f);
}

/* --- the text of an object ---------------------------------------------------------------------------------------- */

enum text_result { TEXT_READ, TEXT_STOPPED, TEXT_SHORT };

/* Passes over the text that was counted. SHORT: it is not there any more. */
static enum text_result skip_text(struct feed *f, enum object_status *status, struct err *err) {
    char *text = alloc_zeroed(SKIP_SIZE, 1);
    uint64_t left = (uint64_t)f->entry->offset;
    *status = OBJECT_MORE;
    while (left && *status == OBJECT_MORE && !stopped(f)) {
        size_t len;
        *status = object_read(f->reader, text, left < SKIP_SIZE ? (size_t)left : SKIP_SIZE, &len, err);
        left -= len;
    }
    free(text);
    if (!left)
        return TEXT_READ;
    return *status == OBJECT_MORE ? TEXT_STOPPED : *status == OBJECT_UNREADABLE ? TEXT_READ : TEXT_SHORT;
}

/* From here to the end. An object that one stops giving is not at its end: the record at hand is left for later. */
static enum text_result read_text(struct feed *f, enum object_status *status, struct err *err) {
    batcher_begin(&f->batcher, f->text_at);
    while (*status == OBJECT_MORE) {
        if (stopped(f)) {
            batcher_flush(&f->batcher);
            return TEXT_STOPPED;
        }
        size_t room, len;
        char *to = batcher_space(&f->batcher, &room);
        *status = object_read(f->reader, to, room, &len, err);
        if (*status == OBJECT_UNREADABLE && len == 0)
            break; /* no batch for nothing: it may not even be there */
        f->text_at += len;
        bool last = *status != OBJECT_MORE && *status != OBJECT_UNREADABLE;
        if (!batcher_filled(&f->batcher, len, last)) {
            abandon_chain(f);
            return TEXT_STOPPED;
        }
        if (f->chain)
            batcher_flush(&f->batcher); /* or batches that end within records would follow each other for ever */
    }
    return TEXT_READ;
}

static enum text_result read_object(struct feed *f, enum object_status *status, struct err *err) {
    f->text_at = 0;
    enum text_result result = skip_text(f, status, err);
    if (result != TEXT_READ || *status == OBJECT_UNREADABLE)
        return result;
    f->text_at = (uint64_t)f->entry->offset;
    f->bytes_given = object_bytes_read(f->reader);
    return read_text(f, status, err);
}

/* --- how it ended ------------------------------------------------------------------------------------------------- */

static void log_ending(const struct feed *f, bool is_file, enum object_status status, const struct err *err) {
    const char *message = NULL;
    if (status == OBJECT_DAMAGED)
        message = is_file ? "file is damaged; what came before the damage was counted"
                          : "object is damaged; what came before the damage was counted";
    else if (status == OBJECT_UNSUPPORTED)
        message = is_file ? "file has a format that is not read" : "object has a format that is not read";
    else if (status == OBJECT_UNREADABLE)
        message = is_file ? "file cannot be read" : "object cannot be read";
    if (message)
        log_event(LOG_WARN, message, LOG_FIELDS({"source", f->source->name}, {"cause", err->text}));
}

/* Counts how the object ended, once. One that cannot be read is tried again by who listed it. */
static bool end_object(struct feed *f, bool is_file, enum object_status status, const struct err *err) {
    bool unreadable = status == OBJECT_UNREADABLE;
    if (!unreadable || !f->entry->complained) {
        if (!batcher_open(&f->batcher))
            return false;
        log_ending(f, is_file, status, err);
        object_count(&f->batcher.batch->accounting, status);
        f->entry->complained = unreadable;
    }
    f->ended = !unreadable;
    batcher_flush(&f->batcher);
    return true;
}

/* Since it was listed. A file that is open is read to its end, wherever its name leads by now. */
static enum object_loss find_loss(const struct feed *f, const struct object *object, bool opened) {
    struct stat st;
    if (object->opener)
        return object_loss(f->reader);
    return !opened && stat(object->path, &st) != 0 && errno == ENOENT ? OBJECT_LOSS_GONE : OBJECT_LOSS_NONE;
}

static enum feed_result judge(struct feed *f, const struct object *object, bool opened, enum object_status status,
                              const struct err *cause) {
    enum object_loss loss = status == OBJECT_UNREADABLE ? find_loss(f, object, opened) : OBJECT_LOSS_NONE;
    if (loss != OBJECT_LOSS_NONE)
        return loss == OBJECT_LOSS_GONE ? FEED_GONE : FEED_CHANGED;
    if (!end_object(f, !object->opener, status, cause))
        return FEED_STOPPED;
    return status == OBJECT_UNREADABLE ? FEED_UNREADABLE : FEED_READ;
}

static void begin_object(struct feed *f, struct ledger_entry *entry) {
    batcher_flush(&f->batcher); /* of texts */
    f->entry = entry;
    f->in_text = f->ended = false;
    f->bytes_given = 0;
}

enum feed_result feed_object(struct feed *f, const struct object *object, struct ledger_entry *entry, struct err *err) {
    enum object_status status = OBJECT_UNREADABLE;
    enum text_result read = TEXT_SHORT;
    enum feed_result result = FEED_STOPPED;
    struct err cause = {0};
    bool opened = false;
    begin_object(f, entry);
    for (int try = 0; read == TEXT_SHORT && try < 2; try++) {
        cause = (struct err){0};
        if (try)
            entry->offset = 0; /* the text is another one: all of it again */
        f->batcher.record_end = (uint64_t)entry->offset;
        opened = object_open(f->reader, object, &cause);
        read = opened ? read_object(f, &status, &cause) : TEXT_READ;
    }
    /* A download that a stop ends says nothing of its object. */
    if (read == TEXT_READ && !(status == OBJECT_UNREADABLE && stopped(f)))
        result = judge(f, object, opened, status, &cause);
    batcher_flush(&f->batcher);
    object_close(f->reader);
    if (cause.code != ERR_NONE)
        err_set(err, cause.code, "%s", cause.text);
    return result;
}

/* --- texts and positions ------------------------------------------------------------------------------------------ */

bool feed_text(struct feed *f, struct span text, struct ledger_entry *entry, bool flush) {
    if (f->entry != entry)
        batcher_flush(&f->batcher);
    if (!f->in_text)
        f->bytes_read = f->bytes_given = 0;
    f->entry = entry;
    f->in_text = true;
    f->bytes_read += text.len;
    if (!batcher_read(&f->batcher, text)) {
        abandon_chain(f);
        return false;
    }
    if (flush || f->chain) /* a chain that is held would grow with every text */
        batcher_flush(&f->batcher);
    return true;
}

bool feed_position(struct feed *f, struct ledger_entry *entry, bool forget) {
    batcher_flush(&f->batcher);
    struct batch *batch = take(f);
    if (!batch)
        return false;
    f->entry = entry;
    if (forget)
        ledger_entry_reset(entry);
    entry->kept = !forget;
    label(f, batch);
    if (forget)
        batch->position = (struct position){0};
    batch->forget = forget;
    give_to_port(f, batch);
    return true;
}

bool feed_is_committed(const struct ledger_entry *entry) {
    return atomic_load(&entry->stream.committed_chains) >= entry->given;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void feed_init(struct feed *f, struct source *source) {
    *f = (struct feed){.source = source, .reader = object_reader_create(NULL)};
    batcher_init(&f->batcher, source->dictionary, source->isa);
    f->batcher.keep_notes = source->keep_notes;
    f->batcher.keep_exemplars = source->keep_exemplars;
    f->batcher.take = take;
    f->batcher.give = give;
    f->batcher.context = f;
}

void feed_deinit(struct feed *f) {
    batcher_flush(&f->batcher);
    batcher_deinit(&f->batcher);
    object_reader_destroy(f->reader);
    *f = (struct feed){0};
}
