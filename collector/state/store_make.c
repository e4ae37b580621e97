#include "state/store_make.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "state/store_internal.h"

enum { SUFFIX_MAX = 16 };

/* Also what a start that was killed left. */
static void remove_rest(const char *fresh) {
    static const char *const suffixes[] = {"", "-journal", "-wal"};
    size_t size = strlen(fresh) + SUFFIX_MAX;
    char *name = alloc_zeroed(size, 1);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, size, "%s%s", fresh, suffixes[i]);
        unlink(name);
    }
    free(name);
}

int store_create_tables(sqlite3 *db) {
    char numbers[160];
    snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
             STORE_SCHEMA);
    int rc = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 4096; BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, numbers, NULL, NULL, NULL);
    for (int i = 0; i < STORE_TABLES && rc == SQLITE_OK; i++)
        rc = sqlite3_exec(db, store_tables[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT; PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    return rc;
}

static bool fill(const char *fresh, const char *path, struct err *err) {
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(fresh, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK)
        rc = store_create_tables(db);
    int error = db ? sqlite3_system_errno(db) : 0;
    int closed = sqlite3_close(db);
    rc = rc == SQLITE_OK ? closed : rc;
    if (rc == SQLITE_OK)
        return true;
    if (((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) && error)
        return err_set_errno(err, ERR_IO, error, "the state %s cannot be made", path);
    return err_set(err, ERR_IO, "the state %s cannot be made: %s", path, sqlite3_errstr(rc));
}

static bool sync_folder(const char *path) {
    char *copy = alloc_string(path, strlen(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return ok;
}

static bool make_fresh(const char *fresh, const char *path, struct err *err) {
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_IO, errno, "the state %s cannot be made", path);
    bool ok = fchmod(fd, 0600) == 0 || err_set_errno(err, ERR_IO, errno, "the state %s cannot be made", path);
    close(fd); /* before SQLite locks it: closing any descriptor of a file lets go of the process's locks on it */
    ok = ok && fill(fresh, path, err);
    fd = ok ? open(fresh, O_RDWR | O_CLOEXEC) : -1;
    if (ok && (fd < 0 || fsync(fd) != 0 || rename(fresh, path) != 0 || !sync_folder(path)))
        ok = err_set_errno(err, ERR_IO, errno, "the state %s cannot be made", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool store_make_file(const char *path, struct err *err) {
    size_t size = strlen(path) + SUFFIX_MAX;
    char *fresh = alloc_zeroed(size, 1);
    snprintf(fresh, size, "%s.new", path);
    remove_rest(fresh);
    bool ok = make_fresh(fresh, path, err);
    if (!ok)
        remove_rest(fresh);
    free(fresh);
    return ok;
}
