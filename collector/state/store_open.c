/* Opening: every reason to refuse is found before a byte of the file is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "state/store_internal.h"
#include "state/store_make.h"

/* --- The file before SQLite sees it ---- */

static bool refuse_path(const char *path, int error, struct err *err) {
    return err_set_errno(err, ERR_IO, error, "the state %s cannot be used", path);
}

/* The same lock for every name of a file: an absolute path without links. Returns new, NULL with `err`. */
static char *resolve(const char *path, struct err *err) {
    char *whole = realpath(path, NULL);
    struct stat st;
    if (whole)
        return whole;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    int error = errno;
    if (error != ENOENT || !*base || lstat(path, &st) == 0) { /* a link to nothing is no place for a new file */
        refuse_path(path, error, err);
        return NULL;
    }
    char *dir = slash ? alloc_string(path, (size_t)(slash - path) + 1) : alloc_string(".", 1);
    char *real = realpath(dir, NULL);
    if (!real)
        err_set_errno(err, ERR_IO, errno, "the state %s cannot be made: make its folder first", path);
    free(dir);
    if (!real)
        return NULL;
    size_t len = strlen(real) + strlen(base) + 2;
    whole = alloc_zeroed(len, 1);
    snprintf(whole, len, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base);
    free(real);
    return whole;
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum store_refusal refuse_foreign(const struct store *s, struct err *err) {
    err_set(err, ERR_INPUT, "%s is no state of ses-collector; it was left as it is. Name another file", s->path);
    return STORE_REFUSED_FOREIGN;
}

static enum store_refusal refuse_newer(const struct store *s, long long version, struct err *err) {
    err_set(err, ERR_INPUT,
            "the state %s is of a later version of ses-collector (%lld; this one knows %d); it was left as it is. Use "
            "that version, or name another file",
            s->path, version, STORE_SCHEMA);
    return STORE_REFUSED_NEWER;
}

static enum store_refusal refuse_damage(const struct store *s, const char *what, struct err *err) {
    store_set_damage(s, what, err);
    return STORE_REFUSED_CORRUPT;
}

/* The first bytes of an SQLite file (www.sqlite.org/fileformat.html):
 *
 *     0 "SQLite format 3" NUL   18 format to write, to read   56 encoding   60 user_version   68 application_id
 *
 * A state is whole when it first gets its name, so its marks are never only in the log. */
static enum store_refusal read_header(const struct store *s, struct err *err) {
    unsigned char h[100];
    int fd = open(s->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? pread(fd, h, sizeof h, 0) : -1;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (len < 0) {
        refuse_path(s->path, error, err);
        return STORE_REFUSED_SYSTEM;
    }
    if (len < (ssize_t)sizeof h || memcmp(h, "SQLite format 3", 16) != 0 || big_endian(h + 68) != STORE_APPLICATION_ID)
        return refuse_foreign(s, err);
    long long version = (int32_t)big_endian(h + 60);
    if (version > STORE_SCHEMA)
        return refuse_newer(s, version, err);
    if (h[18] < 1 || h[18] > 2 || h[19] < 1 || h[19] > 2 || big_endian(h + 56) != 1)
        return refuse_damage(s, "its header", err);
    return STORE_REFUSED_NONE;
}

/* A file that is missing or empty is made; a log without its file is the rest of another one, which SQLite would
 * read into the new file. */
static enum store_refusal make_if_missing(struct store *s, struct err *err) {
    struct stat st, log;
    bool there = stat(s->path, &st) == 0;
    if (!there && errno != ENOENT) {
        refuse_path(s->path, errno, err);
        return STORE_REFUSED_SYSTEM;
    }
    s->had_log = stat(s->log_path, &log) == 0;
    if (there && st.st_size > 0)
        return STORE_REFUSED_NONE;
    if (s->had_log && log.st_size > 0) {
        err_set(err, ERR_INPUT, "%s is there, but not the state it belongs to: move that back, or this away",
                s->log_path);
        return STORE_REFUSED_CORRUPT;
    }
    return store_make_file(s->path, err) ? STORE_REFUSED_NONE : STORE_REFUSED_SYSTEM;
}

static enum store_refusal take_file(struct store *s, const char *path, struct err *err) {
    struct stat st;
    s->path = resolve(path, err);
    if (!s->path)
        return STORE_REFUSED_SYSTEM;
    size_t len = strlen(s->path) + sizeof "-wal";
    s->log_path = alloc_zeroed(len, 1);
    snprintf(s->log_path, len, "%s-wal", s->path);
    if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "the state %s cannot be used: it is %s, not a file", s->path,
                S_ISDIR(st.st_mode) ? "a folder" : "something else");
        return STORE_REFUSED_SYSTEM;
    }
    enum store_lock_result lock = store_lock_take(&s->lock, s->path, err);
    if (lock != STORE_LOCK_HELD)
        return lock == STORE_LOCK_TAKEN ? STORE_REFUSED_LOCKED : STORE_REFUSED_SYSTEM;
    enum store_refusal why = make_if_missing(s, err);
    return why == STORE_REFUSED_NONE ? read_header(s, err) : why;
}

/* --- The file as SQLite sees it ---- */

static enum store_refusal refuse_code(const struct store *s, int rc, struct err *err) {
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err_set(err, ERR_IO, "the state %s is open in another program: end that one first", s->path);
        return STORE_REFUSED_LOCKED;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (s->db && sqlite3_system_errno(s->db)) {
            refuse_path(s->path, sqlite3_system_errno(s->db), err);
            return STORE_REFUSED_SYSTEM;
        }
        __attribute__((fallthrough));
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        err_set(err, ERR_IO, "the state %s cannot be used: %s", s->path, sqlite3_errstr(rc));
        return STORE_REFUSED_SYSTEM;
    default:
        return refuse_damage(s, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), err);
    }
}

static int configure(sqlite3 *db) {
    static const struct {
        int what, value;
    } settings[] = {
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, /* until it is accepted: see accept_file */
        {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},   {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && rc == SQLITE_OK; i++)
        rc = sqlite3_db_config(db, settings[i].what, settings[i].value, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, STORE_ROW_LIMIT);
    if (rc != SQLITE_OK)
        return rc;
    /* The exclusive mode comes before the first read: then no shared memory is made beside the file. */
    return sqlite3_exec(db,
                        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                        "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA cache_size = -65536;"
                        "PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 67108864",
                        NULL, NULL, NULL);
}

/* The first column of a statement's only row, as text. Returns new; NULL with *rc. */
static char *ask(sqlite3 *db, const char *sql, int *rc) {
    sqlite3_stmt *st = NULL;
    char *answer = NULL;
    *rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_step(st);
    if (*rc == SQLITE_ROW) {
        struct span text = span_of((const char *)sqlite3_column_text(st, 0));
        answer = alloc_string(text.len ? text.ptr : "", text.len);
    } else if (*rc == SQLITE_DONE) {
        *rc = SQLITE_CORRUPT;
    }
    sqlite3_finalize(st);
    return answer;
}

static enum store_refusal check_version(const struct store *s, struct err *err) {
    int rc;
    char *answer = ask(s->db, "PRAGMA user_version", &rc);
    if (!answer)
        return refuse_code(s, rc, err);
    long long version = strtoll(answer, NULL, 10);
    free(answer);
    if (version > STORE_SCHEMA)
        return refuse_newer(s, version, err);
    return version == STORE_SCHEMA ? STORE_REFUSED_NONE : refuse_damage(s, "its version", err);
}

static bool is_our_table(const char *sql) {
    for (int i = 0; i < STORE_TABLES; i++) {
        if (sql && strcmp(sql, store_tables[i]) == 0)
            return true;
    }
    return false;
}

/* Exactly our tables, and nothing else that could change what a statement does. */
static enum store_refusal check_tables(const struct store *s, struct err *err) {
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT sql FROM sqlite_schema", -1, &st, NULL), ours = 0, others = 0;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            *(is_our_table((const char *)sqlite3_column_text(st, 0)) ? &ours : &others) += 1;
    }
    sqlite3_finalize(st);
    if (rc != SQLITE_DONE)
        return refuse_code(s, rc, err);
    return ours == STORE_TABLES && others == 0 ? STORE_REFUSED_NONE : refuse_damage(s, "its tables", err);
}

static enum store_refusal check_pages(const struct store *s, struct err *err) {
    int rc;
    char *answer = ask(s->db, "PRAGMA quick_check(1)", &rc);
    if (!answer)
        return refuse_code(s, rc, err);
    enum store_refusal why = strcmp(answer, "ok") == 0 ? STORE_REFUSED_NONE : refuse_damage(s, "its pages", err);
    free(answer);
    return why;
}

static int prepare_all(struct store *s) {
    int rc = SQLITE_OK;
    for (int i = 0; i < STORE_STATEMENTS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(s->db, store_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);
    return rc;
}

static bool read_emptiness(struct store *s, struct err *err) {
    sqlite3_stmt *st = store_select(s, STORE_IS_EMPTY, NULL, 0);
    bool ok = true;
    if (store_next(s, st, "i", &ok, err))
        s->empty = sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return ok;
}

static int note_log_pages(void *context, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    ((struct store *)context)->log_pages = pages;
    return SQLITE_OK;
}

/* From here on the file may change. */
static enum store_refusal accept_file(struct store *s, struct err *err) {
    int rc;
    char *mode = ask(s->db, "PRAGMA journal_mode = WAL", &rc);
    if (!mode)
        return refuse_code(s, rc, err);
    bool wal = strcmp(mode, "wal") == 0;
    free(mode);
    if (!wal)
        return refuse_code(s, SQLITE_READONLY, err);
    sqlite3_wal_hook(s->db, note_log_pages, s);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return STORE_REFUSED_NONE;
}

static enum store_refusal open_database(struct store *s, struct err *err) {
    int rc =
        sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK)
        rc = configure(s->db);
    if (rc != SQLITE_OK)
        return refuse_code(s, rc, err);
    enum store_refusal why = check_version(s, err);
    if (why == STORE_REFUSED_NONE)
        why = check_tables(s, err);
    if (why == STORE_REFUSED_NONE)
        why = check_pages(s, err);
    if (why == STORE_REFUSED_NONE && (rc = prepare_all(s)) != SQLITE_OK)
        why = refuse_code(s, rc, err);
    if (why == STORE_REFUSED_NONE && (!read_emptiness(s, err) || !store_count_piles(s, err)))
        why = STORE_REFUSED_CORRUPT;
    if (why == STORE_REFUSED_NONE && sqlite3_db_readonly(s->db, "main") != 0)
        why = refuse_code(s, SQLITE_READONLY, err);
    return why == STORE_REFUSED_NONE ? accept_file(s, err) : why;
}

/* --- Opening and closing ---- */

static void close_database(struct store *s) {
    for (int i = 0; i < STORE_STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
}

static void destroy(struct store *s, bool forget_lock) {
    store_lock_release(&s->lock, forget_lock);
    free(s->log_path);
    free(s->path);
    free(s);
}

static void abandon(struct store *s) {
    struct stat log;
    close_database(s);
    /* Looking at the file may have made an empty log. Only who holds the lock may remove it. */
    if (s->db && !s->had_log && stat(s->log_path, &log) == 0 && log.st_size == 0)
        unlink(s->log_path);
    destroy(s, true);
}

/* The same tables, for as long as the process lives. */
static enum store_refusal open_memory(struct store *s, struct err *err) {
    static const char name[] = "(in memory)";
    s->path = alloc_string(name, sizeof name - 1);
    s->log_path = alloc_string("", 0);
    s->empty = true;
    int rc =
        sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK)
        rc = store_create_tables(s->db);
    if (rc == SQLITE_OK)
        rc = prepare_all(s);
    return rc == SQLITE_OK ? STORE_REFUSED_NONE : refuse_code(s, rc, err);
}

struct store *store_open(const char *path, enum store_refusal *why, struct err *err) {
    struct store *s = alloc_zeroed(1, sizeof *s);
    s->lock.fd = -1;
    if (!path) {
        *why = open_memory(s, err);
        if (*why == STORE_REFUSED_NONE)
            return s;
        abandon(s);
        return NULL;
    }
    *why = take_file(s, path, err);
    if (*why == STORE_REFUSED_NONE)
        *why = open_database(s, err);
    if (*why == STORE_REFUSED_NONE)
        return s;
    abandon(s);
    return NULL;
}

void store_close(struct store *s) {
    if (!s)
        return;
    /* After a failure the files are left as they are: the next start reads what the disk really holds. */
    if (s->result == STORE_FAILED)
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_step(s->statements[STORE_ROLLBACK]);
    close_database(s);
    destroy(s, false);
}
