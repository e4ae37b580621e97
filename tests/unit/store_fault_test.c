/* A store whose disk fails: writes and fsync that the system refuses, one after the other. What the system refuses is
 * decided here: SQLite's pwrite is replaced through its own interface, fdatasync and fsync by functions of this
 * program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "store_folder.h"

int fsync(int fd);
int fdatasync(int fd);

/* --- Faults ---- */

static int syncs_until_fault = -1; /* -1: none */
static int fault;                  /* errno of writes; 0: none */
static const char *fault_suffix;   /* of the file whose writes fail */

static int sync_or_fail(long number, int fd) {
    if (syncs_until_fault == 0) {
        errno = EIO;
        return -1;
    }
    syncs_until_fault -= syncs_until_fault > 0;
    return (int)syscall(number, fd);
}

int fsync(int fd) {
    return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return sync_or_fail(SYS_fdatasync, fd);
}

static bool is_at_fault(int fd) {
    char link[32], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    size_t suffix = strlen(fault_suffix);
    return len >= (ssize_t)suffix && memcmp(path + len - suffix, fault_suffix, suffix) == 0;
}

static ssize_t pwrite_or_fail(int fd, const void *data, size_t len, off_t at) {
    if (fault && is_at_fault(fd)) {
        errno = fault;
        return -1;
    }
    return pwrite(fd, data, len, at);
}

static int replace_pwrite(void **state) {
    (void)state;
    sqlite3_initialize();
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const char *name = NULL;
    while ((name = vfs->xNextSystemCall(vfs, name))) {
        if (strncmp(name, "pwrite", 6) == 0) /* pwrite64 on some */
            assert_int_equal(vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)pwrite_or_fail), SQLITE_OK);
    }
    return 0;
}

static int make(void **state) {
    struct store_folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_folder_make(f);
    *state = f;
    fault = 0;
    syncs_until_fault = -1;
    return 0;
}

static int clear(void **state) {
    store_folder_remove(*state);
    free(*state);
    return 0;
}

/* --- Numbered transactions ---- */

static enum store_result commit_number(struct store *s, int n, size_t bytes, struct err *err) {
    static char value[2 << 20];
    uint64_t key = (uint64_t)n;
    memset(value, n, bytes);
    store_begin(s);
    store_put_cell(s, 1, n % 4, 0, (struct span){value, bytes});
    store_put_value(s, "n", (struct span){(const char *)&n, sizeof n});
    store_add_keys(s, STATE_KEYS_HAPPENINGS, n, &key, 1);
    return store_commit(s, err);
}

static bool next_key(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    int *n = context;
    return hour == ++*n && count == 1 && keys[0] == (uint64_t)hour;
}

static bool count_cell(void *context, int64_t index, uint64_t key, struct span value) {
    (void)index;
    (void)key;
    (void)value;
    ++*(int *)context;
    return true;
}

static int last_number(struct store *s) {
    int n = 0, counted = 0;
    size_t len;
    (void)store_get_value(s, "n", &n, sizeof n, &len);
    assert_true(store_each_keys(s, STATE_KEYS_HAPPENINGS, next_key, &counted, NULL));
    assert_int_equal(n, counted);
    return n;
}

static void expect_commit(struct store *s, int n, size_t bytes, enum store_result expected, const char *words) {
    struct err err = {0};
    enum store_result result = commit_number(s, n, bytes, &err);
    if (result != expected || !strstr(err.text, words))
        fail_msg("transaction %d: %d, %s", n, (int)result, err.text);
}

/* --- Tests ---- */

/* Whichever fsync fails, the store is at an end, says so from then on, and nothing committed is lost. */
static void ends_when_fsync_fails(void **state) {
    const struct store_folder *f = *state;
    int refused = 0, failed = 0;
    for (int k = 0; k < 40; k++) {
        enum store_refusal why;
        struct err err = {0};
        int n = 0;
        syncs_until_fault = k;
        struct store *s = store_open(f->state, &why, &err);
        if (s) {
            enum store_result result;
            while ((result = commit_number(s, n + 1, 1 << 20, &err)) == STORE_OK)
                n++;
            assert_int_equal(result, STORE_FAILED);
            assert_non_null(strstr(err.text, "fsync failed: Input/output error"));
            syncs_until_fault = -1; /* the disk seems to be well again: too late */
            expect_commit(s, n + 2, 10, STORE_FAILED, "fsync failed");
            expect_commit(s, n + 3, 10, STORE_FAILED, "fsync failed");
            store_close(s);
            failed++;
        } else {
            assert_int_equal(why, STORE_REFUSED_SYSTEM);
            refused++;
        }
        syncs_until_fault = -1;
        s = store_must_open(f);
        int found = last_number(s);
        assert_in_range(found, n, n + 1);
        store_close(s);
        store_folder_count(f, true);
    }
    assert_true(refused > 0 && failed > 20);
}

static void waits_when_there_is_no_room(void **state) {
    const struct store_folder *f = *state;
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG};
    struct store *s = store_must_open(f);
    int n = 0;
    fault_suffix = "-wal";
    for (int i = 0; i < 3; i++) {
        expect_commit(s, ++n, 5000, STORE_OK, "");
        fault = errors[i];
        expect_commit(s, n + 1, 5000, STORE_FULL, "no room");
        expect_commit(s, n + 1, 40 << 10, STORE_FULL, "no room");
        assert_int_equal(last_number(s), n);
        fault = 0;
    }
    expect_commit(s, ++n, 5000, STORE_OK, "");
    store_close(s);
    s = store_must_open(f);
    assert_int_equal(last_number(s), n);
    store_close(s);
}

/* More than is kept in memory: written to the log long before the commit, and undone. */
static void undoes_a_large_transaction(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    static char value[1 << 20];
    expect_commit(s, 1, 100, STORE_OK, "");
    fault_suffix = "-wal";
    store_begin(s);
    for (int i = 0; i < 60; i++) {
        fault = i < 30 ? 0 : ENOSPC;
        store_put_cell(s, 2, i, 0, (struct span){value, sizeof value});
    }
    fault = 0; /* there is room again, but what was put is not whole */
    store_put_cell(s, 2, 60, 0, (struct span){value, sizeof value});
    assert_int_equal(store_commit(s, NULL), STORE_FULL);
    assert_int_equal(last_number(s), 1);
    int cells = 0;
    assert_true(store_each_cell(s, 2, count_cell, &cells, NULL));
    assert_int_equal(cells, 0);
    store_close(s);
}

static void ends_when_a_write_fails(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    expect_commit(s, 1, 5000, STORE_OK, "");
    fault_suffix = "-wal";
    fault = EIO;
    expect_commit(s, 2, 5000, STORE_FAILED, "Input/output error");
    fault = 0;
    expect_commit(s, 2, 5000, STORE_FAILED, "Input/output error");
    store_close(s);
    s = store_must_open(f);
    assert_in_range(last_number(s), 1, 2);
    store_close(s);
}

/* The log is in its place, the file has no room for a copy of it: nothing failed. */
static void commits_while_the_log_cannot_be_copied(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    fault_suffix = "state.db";
    fault = ENOSPC;
    int n = 0;
    while (n < 20)
        expect_commit(s, ++n, 2 << 20, STORE_OK, "");
    assert_true(store_bytes(s) > 40 << 20);
    fault = 0;
    while (n < 40)
        expect_commit(s, ++n, 2 << 20, STORE_OK, "");
    assert_in_range(store_bytes(s), 8 << 20, 60 << 20); /* of 80 MB: it is used again */
    fault = EIO; /* another error ends the store: after the commit that it did not harm */
    enum store_result result;
    struct err err = {0};
    while ((result = commit_number(s, n + 1, 2 << 20, &err)) == STORE_OK)
        assert_in_range(++n, 41, 60);
    assert_int_equal(result, STORE_FAILED);
    fault = 0;
    store_close(s);
    s = store_must_open(f);
    assert_int_equal(last_number(s), n);
    store_close(s);
}

int main(void) {
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(ends_when_fsync_fails),
        IN_A_FOLDER(waits_when_there_is_no_room),
        IN_A_FOLDER(undoes_a_large_transaction),
        IN_A_FOLDER(ends_when_a_write_fails),
        IN_A_FOLDER(commits_while_the_log_cannot_be_copied),
    };
    return cmocka_run_group_tests(tests, replace_pwrite, NULL);
}
