/* What the files of the store share. Nobody else includes this. */
#ifndef STATE_STORE_INTERNAL_H
#define STATE_STORE_INTERNAL_H

#include <sqlite3.h>

#include "state/store.h"
#include "state/store_lock.h"

enum {
    STORE_TABLES = 6,
    STORE_KEY_BYTES = 8,
    STORE_KEYS_ROW = 128 << 10, /* keys of one row at most, when they are added */
    STORE_PILES = 512,          /* places whose small rows are watched */
    STORE_PILE_ROWS = 600,      /* small rows of a place before they are merged */
    STORE_SMALL_ROW = 32 << 10, /* bytes of a row that is no longer small */
    STORE_MERGE_BYTES = 2 << 20,
    STORE_MERGE_ROWS = 1024,
    STORE_MERGE_PAUSE = 100,   /* commits without a merge after the disk was full: a merge needs room of its own */
    STORE_LOG_PAGES = 2000,    /* pages in the write-ahead log before they are copied into the file */
    STORE_ROW_LIMIT = 64 << 20 /* bytes of a row that are read or written at most */
};

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_PUT_CELL,
    STORE_DROP_CELL,
    STORE_DROP_CELLS_BELOW,
    STORE_DROP_TABLE,
    STORE_EACH_CELL,
    STORE_ADD_KEYS,
    STORE_DROP_KEYS_BELOW,
    STORE_EACH_KEYS,
    STORE_SMALL_ROWS,
    STORE_DROP_ROW,
    STORE_PUT_ROW,
    STORE_COUNT_PILES,
    STORE_PUT_NAME,
    STORE_EACH_NAME,
    STORE_PUT_VALUE,
    STORE_GET_VALUE,
    STORE_PUT_POSITION,
    STORE_DROP_POSITION,
    STORE_EACH_POSITION,
    STORE_PUT_OUTBOX,
    STORE_DROP_OUTBOX,
    STORE_EACH_OUTBOX,
    STORE_IS_EMPTY,
    STORE_STATEMENTS
};

extern const char *const store_tables[STORE_TABLES]; /* their CREATE TABLE, as sqlite_schema keeps it */
extern const char *const store_sql[STORE_STATEMENTS];

int store_create_tables(sqlite3 *db); /* in an empty database; SQLite's code */

/* How many small rows of keys a place has: an index of a set. */
struct store_pile {
    int64_t place;
    unsigned rows;
};

struct store {
    char *path, *log_path; /* absolute; the log is SQLite's PATH-wal */
    struct store_lock lock;
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];
    bool had_log; /* the log was there before we came */
    bool empty;
    bool in_transaction;
    enum store_result result; /* of the transaction in hand; STORE_FAILED stays for ever */
    struct err problem;       /* why it is not STORE_OK */
    int log_pages;            /* in the write-ahead log after the last commit */
    unsigned pile_count;
    unsigned merge_pause;
    struct store_pile piles[STORE_PILES]; /* in no order */
};

/* A parameter of a statement. */
struct store_arg {
    enum { STORE_ARG_INT, STORE_ARG_TEXT, STORE_ARG_BLOB } kind;
    int64_t number;
    struct span bytes; /* borrowed while the statement runs */
};

static inline struct store_arg store_int(int64_t number) {
    return (struct store_arg){STORE_ARG_INT, number, {NULL, 0}};
}

static inline struct store_arg store_text(struct span text) {
    return (struct store_arg){STORE_ARG_TEXT, 0, text};
}

static inline struct store_arg store_blob(struct span blob) {
    return (struct store_arg){STORE_ARG_BLOB, 0, blob};
}

/* Runs a writing statement; the first failure is kept for store_commit, and nothing is run after it. */
void store_run(struct store *s, enum store_statement which, const struct store_arg *args, int count);
#define STORE_RUN(s, which, ...)                                                                                       \
    store_run(s, which, (const struct store_arg[]){__VA_ARGS__},                                                       \
              (int)(sizeof((const struct store_arg[]){__VA_ARGS__}) / sizeof(struct store_arg)))

/* Begins a reading statement: sqlite3_reset ends it. Not while it is still being read. */
sqlite3_stmt *store_select(struct store *s, enum store_statement which, const struct store_arg *args, int count);
#define STORE_SELECT(s, which, ...)                                                                                    \
    store_select(s, which, (const struct store_arg[]){__VA_ARGS__},                                                    \
                 (int)(sizeof((const struct store_arg[]){__VA_ARGS__}) / sizeof(struct store_arg)))

/* True with a row of that shape, a letter for a column: i number, t text, s text without a NUL, b bytes, k keys. False
 * at the end, or, with *ok = false and `err`, when the file cannot be read or holds something else. */
bool store_next(struct store *s, sqlite3_stmt *st, const char *shape, bool *ok, struct err *err);
struct span store_column(sqlite3_stmt *st, int column); /* text or bytes; until the next step */

/* Remembers why the transaction in hand cannot be committed. `error` is what errno became meanwhile: for a failed
 * COMMIT SQLite itself does not tell which error of the system it was. */
void store_note_failure(struct store *s, int rc, int error);
void store_note_damage(struct store *s);
bool store_set_damage(const struct store *s, const char *what, struct err *err); /* always false */

/* The rows of keys: counted anew after opening and after a rollback; a place's small rows are merged now and then. */
bool store_count_piles(struct store *s, struct err *err);
void store_merge_pile(struct store *s);

#endif
