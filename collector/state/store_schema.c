/* The tables, and every statement that is run on them. */
#include "state/store_internal.h"

_Static_assert(POSITION_NUMBERS == 6, "the table of positions has a column for each number");

/* Sizes and order of the columns are STORE_SCHEMA: whoever changes one raises the other. STRICT makes the check on
 * opening also look at the types of what is stored. */
const char *const store_tables[STORE_TABLES] = {
    "CREATE TABLE cell(tab INTEGER NOT NULL, idx INTEGER NOT NULL, key INTEGER NOT NULL, value BLOB NOT NULL, "
    "PRIMARY KEY(tab, idx, key)) STRICT, WITHOUT ROWID",
    /* id = place << 32 | part; the place is the index, and 2^30 more for each set of keys before. By row id, since a
       search in a table without one reads every value on its way. */
    "CREATE TABLE happening_keys(id INTEGER NOT NULL PRIMARY KEY, keys BLOB NOT NULL) STRICT",
    "CREATE TABLE name(tab TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, "
    "PRIMARY KEY(tab, id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE position(source TEXT NOT NULL, stream TEXT NOT NULL, n0 INTEGER NOT NULL, n1 INTEGER NOT NULL, "
    "n2 INTEGER NOT NULL, n3 INTEGER NOT NULL, n4 INTEGER NOT NULL, n5 INTEGER NOT NULL, "
    "PRIMARY KEY(source, stream)) STRICT, WITHOUT ROWID",
    "CREATE TABLE outbox(id INTEGER NOT NULL PRIMARY KEY, target TEXT NOT NULL, message BLOB NOT NULL) STRICT",
};

const char *const store_sql[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_PUT_CELL] = "REPLACE INTO cell(tab, idx, key, value) VALUES(?, ?, ?, ?)",
    [STORE_DROP_CELL] = "DELETE FROM cell WHERE tab = ? AND idx = ? AND key = ?",
    [STORE_DROP_CELLS_BELOW] = "DELETE FROM cell WHERE tab = ? AND idx < ?",
    [STORE_DROP_TABLE] = "DELETE FROM cell WHERE tab = ?",
    [STORE_EACH_CELL] = "SELECT idx, key, value FROM cell WHERE tab = ? ORDER BY idx, key",
    [STORE_ADD_KEYS] = ("INSERT INTO happening_keys(id, keys) VALUES((SELECT coalesce(max(id), ?1 << 32) + 1 "
                        "FROM happening_keys WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32), ?2)"),
    [STORE_DROP_KEYS_BELOW] = "DELETE FROM happening_keys WHERE id >= ? << 32 AND id < ? << 32",
    [STORE_EACH_KEYS] = "SELECT id >> 32, keys FROM happening_keys WHERE id >= ? << 32 AND id < ? << 32 ORDER BY id",
    [STORE_SMALL_ROWS] = ("SELECT id & 4294967295, keys FROM happening_keys "
                          "WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32 AND length(keys) < ?2 ORDER BY id"),
    [STORE_DROP_ROW] = "DELETE FROM happening_keys WHERE id = ? << 32 | ?",
    [STORE_PUT_ROW] = "INSERT INTO happening_keys(id, keys) VALUES(? << 32 | ?, ?)",
    [STORE_COUNT_PILES] = ("SELECT id >> 32 AS place, count(*) FROM happening_keys WHERE length(keys) < ? "
                           "GROUP BY place ORDER BY place DESC LIMIT ?"),
    [STORE_PUT_NAME] = "REPLACE INTO name(tab, id, name) VALUES(?, ?, ?)",
    [STORE_EACH_NAME] = "SELECT id, name FROM name WHERE tab = ? ORDER BY id",
    [STORE_PUT_VALUE] = "REPLACE INTO meta(name, value) VALUES(?, ?)",
    [STORE_GET_VALUE] = "SELECT value FROM meta WHERE name = ?",
    [STORE_PUT_POSITION] =
        "REPLACE INTO position(source, stream, n0, n1, n2, n3, n4, n5) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    [STORE_DROP_POSITION] = "DELETE FROM position WHERE source = ? AND stream = ?",
    [STORE_EACH_POSITION] = "SELECT stream, n0, n1, n2, n3, n4, n5 FROM position WHERE source = ? ORDER BY stream",
    [STORE_PUT_OUTBOX] = "REPLACE INTO outbox(id, target, message) VALUES(?, ?, ?)",
    [STORE_DROP_OUTBOX] = "DELETE FROM outbox WHERE id = ?",
    /* Ids are unsigned: those that SQLite takes for negative are the greatest. */
    [STORE_EACH_OUTBOX] = "SELECT id, target, message FROM outbox ORDER BY id < 0, id",
    [STORE_IS_EMPTY] = ("SELECT NOT (EXISTS(SELECT 1 FROM meta) OR EXISTS(SELECT 1 FROM cell) OR "
                        "EXISTS(SELECT 1 FROM happening_keys) OR EXISTS(SELECT 1 FROM name) OR "
                        "EXISTS(SELECT 1 FROM position) OR EXISTS(SELECT 1 FROM outbox))"),
};
