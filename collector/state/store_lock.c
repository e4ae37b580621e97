#include "state/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"

enum { ATTEMPTS = 100 };

static bool open_file(struct store_lock *lock) {
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    lock->made = lock->fd >= 0;
    if (lock->fd < 0 && errno == EEXIST)
        lock->fd = open(lock->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (lock->made)
        (void)fchmod(lock->fd, 0600); /* whatever the umask is */
    return lock->fd >= 0;
}

/* Who refuses to open a state removes its lock file. One that was opened just before is then a lock on nothing. */
static bool is_in_place(const struct store_lock *lock) {
    struct stat held, named;
    return fstat(lock->fd, &held) == 0 && stat(lock->path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static void write_pid(const struct store_lock *lock) {
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* Only a convenience for those who are refused: a full disk must not keep us from starting. */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)len, 0) != len)
        (void)!ftruncate(lock->fd, 0);
}

static long read_pid(const struct store_lock *lock) {
    char text[32] = "";
    ssize_t len = pread(lock->fd, text, sizeof text - 1, 0);
    return len > 0 ? strtol(text, NULL, 10) : 0;
}

static enum store_lock_result set_taken(const struct store_lock *lock, const char *state, struct err *err) {
    long pid = read_pid(lock);
    char who[48] = "";
    if (pid > 0)
        snprintf(who, sizeof who, " (process %ld)", pid);
    err_set(err, ERR_IO, "the state %s is in use by another instance%s: stop that one, or give this one another state",
            state, who);
    return STORE_LOCK_TAKEN;
}

static enum store_lock_result try_to_take(struct store_lock *lock, const char *state, struct err *err) {
    if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0) {
        write_pid(lock);
        return STORE_LOCK_HELD;
    }
    if (errno == EWOULDBLOCK)
        return set_taken(lock, state, err);
    err_set_errno(err, ERR_IO, errno, "the state %s cannot be locked by %s", state, lock->path);
    return STORE_LOCK_IMPOSSIBLE;
}

enum store_lock_result store_lock_take(struct store_lock *lock, const char *state, struct err *err) {
    size_t len = strlen(state);
    *lock = (struct store_lock){.path = alloc_zeroed(len + sizeof ".lock", 1), .fd = -1};
    memcpy(lock->path, state, len);
    memcpy(lock->path + len, ".lock", sizeof ".lock");
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!open_file(lock)) {
            if (errno == ENOENT && i + 1 < ATTEMPTS && access(state, F_OK) == 0)
                continue; /* removed between the two tries to open it */
            err_set_errno(err, ERR_IO, errno, "the state %s cannot be used: cannot write %s beside it", state,
                          lock->path);
            return STORE_LOCK_IMPOSSIBLE;
        }
        enum store_lock_result result = try_to_take(lock, state, err);
        if (result == STORE_LOCK_HELD && is_in_place(lock))
            return result;
        close(lock->fd);
        lock->fd = -1;
        lock->made = false;
        if (result != STORE_LOCK_HELD)
            return result;
    }
    err_set(err, ERR_IO, "the state %s cannot be locked: %s is replaced again and again", state, lock->path);
    return STORE_LOCK_IMPOSSIBLE;
}

void store_lock_release(struct store_lock *lock, bool forget) {
    if (lock->fd >= 0) {
        if (forget && lock->made)
            unlink(lock->path);
        close(lock->fd);
    }
    free(lock->path);
    *lock = (struct store_lock){.fd = -1};
}
