/* Transactions: begun, committed or undone, and what becomes of the write-ahead log. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "state/store_internal.h"

/* --- Failures ---- */

static bool is_no_room(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* No room is the one thing that passes. A failed fsync never is: the kernel may have thrown away what it could not
 * write and forgotten about it, so nobody knows what the disk holds; that is for the next start to find out. */
static enum store_result judge(int rc, int error) {
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return STORE_FULL;
    case SQLITE_CANTOPEN:
        return is_no_room(error) ? STORE_FULL : STORE_FAILED;
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_CLOSE)
            return STORE_FAILED;
        return is_no_room(error) ? STORE_FULL : STORE_FAILED;
    default:
        return STORE_FAILED;
    }
}

static void note(struct store *s, enum store_result result, const char *what, int error) {
    if (s->result != STORE_OK)
        return;
    s->result = result;
    s->problem = (struct err){0};
    if (result == STORE_FULL)
        err_set(&s->problem, ERR_IO, "no room to write the state %s: make room where it lies; nothing of it is lost",
                s->path);
    else if (error)
        err_set_errno(&s->problem, ERR_IO, error, "the state %s cannot be written: %s", s->path, what);
    else
        err_set(&s->problem, ERR_IO, "the state %s cannot be written: %s", s->path, what);
}

void store_note_failure(struct store *s, int rc, int error) {
    int primary = rc & 0xff;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        store_note_damage(s);
    else
        note(s, judge(rc, error), rc == SQLITE_IOERR_FSYNC ? "fsync failed" : sqlite3_errmsg(s->db),
             primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? error : 0);
}

void store_note_damage(struct store *s) {
    if (s->result != STORE_OK)
        return;
    s->result = STORE_FAILED;
    s->problem = (struct err){0};
    store_set_damage(s, "found while writing", &s->problem);
}

/* --- The log ---- */

/* What was committed lies in the log, and on the disk. That it cannot be copied into the file for want of room does no
 * harm: the log grows, and it is tried again. Any other failure ends the store, but not the commit before it. */
static void copy_log(struct store *s) {
    errno = 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), error = errno;
    if (rc == SQLITE_OK)
        s->log_pages = 0;
    else if (judge(rc, error) == STORE_FAILED)
        store_note_failure(s, rc, error);
}

/* --- Transactions ---- */

void store_begin(struct store *s) {
    assert(!s->in_transaction);
    s->in_transaction = true;
    if (s->result == STORE_OK)
        store_run(s, STORE_BEGIN, NULL, 0);
}

static void roll_back(struct store *s) {
    if (sqlite3_get_autocommit(s->db)) /* SQLite did so itself */
        return;
    int rc = sqlite3_step(s->statements[STORE_ROLLBACK]);
    sqlite3_reset(s->statements[STORE_ROLLBACK]);
    if (rc != SQLITE_DONE || !sqlite3_get_autocommit(s->db)) {
        s->result = STORE_OK; /* this one counts more */
        note(s, STORE_FAILED, "the transaction cannot be undone", 0);
    }
}

/* Copying the log makes room in it: the next transaction writes from its beginning again. */
static void recover_from_full(struct store *s) {
    s->result = STORE_OK;
    s->merge_pause = STORE_MERGE_PAUSE;
    copy_log(s);
    struct err err = {0};
    if (!store_count_piles(s, &err))
        note(s, STORE_FAILED, err.text, 0);
}

enum store_result store_commit(struct store *s, struct err *err) {
    assert(s->in_transaction);
    store_merge_pile(s);
    store_run(s, STORE_COMMIT, NULL, 0);
    if (s->result != STORE_OK)
        roll_back(s);
    s->in_transaction = false;
    enum store_result result = s->result;
    if (result == STORE_OK) {
        s->empty = false;
        if (s->log_pages >= STORE_LOG_PAGES)
            copy_log(s);
        return STORE_OK;
    }
    err_set(err, s->problem.code, "%s", s->problem.text);
    if (result == STORE_FULL)
        recover_from_full(s);
    return result;
}
