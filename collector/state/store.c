/* Putting and reading: everything but the keys of happenings. */
#include "state/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "state/store_internal.h"

/* --- Statements ---- */

static int bind(sqlite3_stmt *st, int at, const struct store_arg *arg) {
    /* Without a pointer it would be NULL, which is no empty value. */
    const char *ptr = arg->bytes.ptr ? arg->bytes.ptr : "";
    switch (arg->kind) {
    case STORE_ARG_INT:
        return sqlite3_bind_int64(st, at, arg->number);
    case STORE_ARG_TEXT:
        return sqlite3_bind_text64(st, at, ptr, arg->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case STORE_ARG_BLOB:
        return sqlite3_bind_blob64(st, at, ptr, arg->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int bind_all(sqlite3_stmt *st, const struct store_arg *args, int count) {
    int rc = SQLITE_OK;
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        rc = bind(st, i + 1, &args[i]);
    return rc;
}

void store_run(struct store *s, enum store_statement which, const struct store_arg *args, int count) {
    assert(s->in_transaction);
    if (s->result != STORE_OK) /* SQLite may have rolled back by itself: what came now would be committed alone */
        return;
    sqlite3_stmt *st = s->statements[which];
    errno = 0;
    int rc = bind_all(st, args, count);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc != SQLITE_DONE)
        store_note_failure(s, rc, errno);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

sqlite3_stmt *store_select(struct store *s, enum store_statement which, const struct store_arg *args, int count) {
    sqlite3_stmt *st = s->statements[which];
    assert(!sqlite3_stmt_busy(st));
    /* What is bound are short names and numbers: if it fails, the step that follows finds nothing but NULL. */
    return bind_all(st, args, count) == SQLITE_OK ? st : NULL;
}

static bool has_shape(sqlite3_stmt *st, int column, char shape) {
    int type = sqlite3_column_type(st, column);
    if (shape == 'i')
        return type == SQLITE_INTEGER;
    if (shape == 't')
        return type == SQLITE_TEXT;
    struct span bytes = store_column(st, column);
    if (shape == 's')
        return type == SQLITE_TEXT && !memchr(bytes.ptr, '\0', bytes.len);
    return type == SQLITE_BLOB && (shape == 'b' || (bytes.len > 0 && bytes.len % STORE_KEY_BYTES == 0));
}

bool store_next(struct store *s, sqlite3_stmt *st, const char *shape, bool *ok, struct err *err) {
    int rc = st ? sqlite3_step(st) : SQLITE_NOMEM;
    if (rc == SQLITE_DONE)
        return false;
    if (rc != SQLITE_ROW) {
        int primary = rc & 0xff;
        *ok = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB
                  ? store_set_damage(s, sqlite3_errstr(rc), err)
                  : err_set(err, ERR_IO, "the state %s cannot be read: %s", s->path, sqlite3_errstr(rc));
        return false;
    }
    for (int i = 0; shape[i]; i++) {
        if (!has_shape(st, i, shape[i])) {
            *ok = store_set_damage(s, "a value of the wrong kind or length", err);
            return false;
        }
    }
    return true;
}

struct span store_column(sqlite3_stmt *st, int column) {
    /* SQLite asks for this order: the pointer, then its length. */
    const char *ptr = sqlite3_column_type(st, column) == SQLITE_TEXT ? (const char *)sqlite3_column_text(st, column)
                                                                     : sqlite3_column_blob(st, column);
    size_t len = ptr ? (size_t)sqlite3_column_bytes(st, column) : 0;
    return (struct span){ptr ? ptr : "", len};
}

bool store_set_damage(const struct store *s, const char *what, struct err *err) {
    return err_set(err, ERR_INPUT,
                   "the state %s is damaged (%s); it was left as it is. Move it away, and %s-wal too if there is one: "
                   "counters then begin anew, and the input is read again from where its source begins",
                   s->path, what, s->path);
}

/* --- The whole ---- */

bool store_is_new(const struct store *s) {
    return s->empty;
}

uint64_t store_bytes(const struct store *s) {
    struct stat file, log;
    uint64_t bytes = stat(s->path, &file) == 0 ? (uint64_t)file.st_size : 0;
    return stat(s->log_path, &log) == 0 ? bytes + (uint64_t)log.st_size : bytes;
}

/* --- Cells ---- */

void store_put_cell(struct store *s, int table, int64_t index, uint64_t key, struct span value) {
    STORE_RUN(s, STORE_PUT_CELL, store_int(table), store_int(index), store_int((int64_t)key), store_blob(value));
}

void store_drop_cell(struct store *s, int table, int64_t index, uint64_t key) {
    STORE_RUN(s, STORE_DROP_CELL, store_int(table), store_int(index), store_int((int64_t)key));
}

void store_drop_cells_below(struct store *s, int table, int64_t index) {
    STORE_RUN(s, STORE_DROP_CELLS_BELOW, store_int(table), store_int(index));
}

void store_drop_table(struct store *s, int table) {
    STORE_RUN(s, STORE_DROP_TABLE, store_int(table));
}

bool store_each_cell(struct store *s, int table, store_cell_fn each, void *context, struct err *err) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_EACH_CELL, store_int(table));
    bool ok = true;
    while (ok && store_next(s, st, "iib", &ok, err))
        ok = each(context, sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1), store_column(st, 2));
    sqlite3_reset(st);
    return ok;
}

/* --- Names and single values ---- */

void store_put_name(struct store *s, const char *table, int64_t id, struct span name) {
    STORE_RUN(s, STORE_PUT_NAME, store_text(span_of(table)), store_int(id), store_text(name));
}

bool store_each_name(struct store *s, const char *table, store_name_fn each, void *context, struct err *err) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_EACH_NAME, store_text(span_of(table)));
    bool ok = true;
    while (ok && store_next(s, st, "it", &ok, err))
        ok = each(context, sqlite3_column_int64(st, 0), store_column(st, 1));
    sqlite3_reset(st);
    return ok;
}

void store_put_value(struct store *s, const char *name, struct span value) {
    STORE_RUN(s, STORE_PUT_VALUE, store_text(span_of(name)), store_blob(value));
}

bool store_get_value(struct store *s, const char *name, void *to, size_t size, size_t *len) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_GET_VALUE, store_text(span_of(name)));
    bool ok = true, found = store_next(s, st, "b", &ok, NULL);
    if (found) {
        struct span value = store_column(st, 0);
        *len = value.len;
        if (size && value.len)
            memcpy(to, value.ptr, value.len < size ? value.len : size);
    }
    sqlite3_reset(st);
    return found;
}

/* --- Positions ---- */

void store_put_position(struct store *s, const char *source, const char *stream, const struct position *p) {
    STORE_RUN(s, STORE_PUT_POSITION, store_text(span_of(source)), store_text(span_of(stream)), store_int(p->n[0]),
              store_int(p->n[1]), store_int(p->n[2]), store_int(p->n[3]), store_int(p->n[4]), store_int(p->n[5]));
}

void store_drop_position(struct store *s, const char *source, const char *stream) {
    STORE_RUN(s, STORE_DROP_POSITION, store_text(span_of(source)), store_text(span_of(stream)));
}

bool store_each_position(struct store *s, const char *source, store_position_fn each, void *context, struct err *err) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_EACH_POSITION, store_text(span_of(source)));
    bool ok = true;
    while (ok && store_next(s, st, "siiiiii", &ok, err)) {
        struct position p;
        for (int i = 0; i < POSITION_NUMBERS; i++)
            p.n[i] = sqlite3_column_int64(st, i + 1);
        ok = each(context, store_column(st, 0).ptr, &p);
    }
    sqlite3_reset(st);
    return ok;
}

/* --- The outbox ---- */

void store_put_outbox(struct store *s, uint64_t id, const char *target, struct span message) {
    STORE_RUN(s, STORE_PUT_OUTBOX, store_int((int64_t)id), store_text(span_of(target)), store_blob(message));
}

void store_drop_outbox(struct store *s, uint64_t id) {
    STORE_RUN(s, STORE_DROP_OUTBOX, store_int((int64_t)id));
}

bool store_each_outbox(struct store *s, store_outbox_fn each, void *context, struct err *err) {
    sqlite3_stmt *st = store_select(s, STORE_EACH_OUTBOX, NULL, 0);
    bool ok = true;
    while (ok && store_next(s, st, "isb", &ok, err))
        ok = each(context, (uint64_t)sqlite3_column_int64(st, 0), store_column(st, 1).ptr, store_column(st, 2));
    sqlite3_reset(st);
    return ok;
}
