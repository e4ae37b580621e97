#include "sinks/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"

static char *copy_of(const char *s) {
    return alloc_string(s, strlen(s));
}

static void output_free(struct output *o) {
    free(o->name);
    free(o->target);
    free(o->temporary);
    bool reader_gone = o->reader_gone;
    *o = (struct output){.reader_gone = reader_gone};
}

static bool fail(struct output *o, int errnum, struct err *err) {
    err_set_errno(err, ERR_IO, errnum, "cannot write %s", o->name);
    output_free(o);
    return false;
}

/* In the target's folder, since a rename works only within one file system. The name does not grow with the target's,
 * begins with a dot and ends in .tmp: what reads "*.prom" or "*.json" there passes it over. */
static int open_temporary(struct output *o, mode_t mode) {
    const char *slash = strrchr(o->target, '/');
    int folder_len = slash ? (int)(slash - o->target) + 1 : 0;
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        char *path = NULL;
        if (asprintf(&path, "%.*s.ses-collector.%ld.%u.tmp", folder_len, o->target, (long)getpid(), attempt) < 0) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0) {
            o->temporary = path;
            return fd;
        }
        int reason = errno;
        free(path);
        errno = reason;
        if (reason != EEXIST)
            return -1;
    }
    return -1;
}

static bool open_stdout(struct output *o, struct err *err) {
    o->name = copy_of("standard output");
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
        return fail(o, errno, err);
    o->file = stdout;
    return true;
}

bool output_open(struct output *o, const char *path, struct err *err) {
    *o = (struct output){0};
    if (strcmp(path, "-") == 0)
        return open_stdout(o, err);

    o->name = copy_of(path);
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (!exists && errno != ENOENT)
        return fail(o, errno, err);
    if (exists && S_ISDIR(st.st_mode))
        return fail(o, EISDIR, err);

    int fd;
    if (exists && !S_ISREG(st.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        o->target = exists ? realpath(path, NULL) : copy_of(path);
        fd = o->target ? open_temporary(o, 0666) : -1;
    }
    if (fd < 0)
        return fail(o, errno, err);
    if (exists && o->target && fchmod(fd, st.st_mode & 07777) != 0) {
        /* Not ours to keep the old permissions, on this file system; those of a new file do. */
    }
    o->file = fdopen(fd, "w");
    if (!o->file) {
        int reason = errno;
        close(fd);
        if (o->temporary)
            unlink(o->temporary);
        return fail(o, reason, err);
    }
    return true;
}

/* Pipes and some file systems cannot sync; there is nothing to lose there. */
static bool sync_file(int fd) {
    return fsync(fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP || errno == ENOSYS;
}

/* What an earlier write failed with is no longer known. A pipe still tells whether its reader is there. */
static int earlier_failure(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) ? EPIPE : EIO;
}

/* The errno of the first thing that failed, or 0. */
static int finish(struct output *o) {
    int reason = 0;
    errno = 0;
    if (fflush(o->file) != 0)
        reason = errno ? errno : EIO;
    else if (ferror(o->file))
        reason = earlier_failure(fileno(o->file));
    if (o->file == stdout) {
        clearerr(stdout);
        return reason;
    }
    if (!reason && o->target && !sync_file(fileno(o->file)))
        reason = errno;
    if (fclose(o->file) != 0 && !reason)
        reason = errno;
    if (!reason && o->target && rename(o->temporary, o->target) != 0)
        reason = errno;
    return reason;
}

bool output_commit(struct output *o, struct err *err) {
    int reason = finish(o);
    if (reason) {
        if (o->temporary)
            unlink(o->temporary);
        o->reader_gone = reason == EPIPE;
        return fail(o, reason, err);
    }
    output_free(o);
    return true;
}

void output_abort(struct output *o) {
    if (o->file && o->file != stdout)
        fclose(o->file);
    if (o->temporary)
        unlink(o->temporary);
    output_free(o);
}
