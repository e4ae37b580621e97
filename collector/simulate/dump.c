#include "simulate/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/clock.h"
#include "simulate/damage.h"
#include "simulate/text.h"

enum {
    OBJECT_INTERVAL_MS = 300000, /* Firehose's buffer is written out after so long at the latest */
    BUFFER_SIZE = 256 * 1024,
    GZIP_LEVEL = 3, /* half the time of 6 for a tenth more bytes */
    GZIP_WINDOW = 15 + 16,
    LOOK_MS = 50, /* how often we look whether to stop, while a reader is slow */
};

struct dump {
    struct dump_options options;
    int fd; /* -1: no object is open */
    bool closed, left_out;
    int64_t give_up_ns; /* 0: not told to stop yet */
    bool object_open;
    bool deflating;
    int64_t object_ms; /* arrival of the object's first record */
    uint64_t object_bytes;
    uint64_t object_records;
    uint64_t bytes, objects;
    struct prng random;
    struct time_texts times;
    z_stream z;
    size_t used;
    struct buf spread;
    char path[PATH_MAX], part[PATH_MAX];
    unsigned char buffer[BUFFER_SIZE];
    unsigned char packed[BUFFER_SIZE];
};

/* Makes folder/tail and whatever is missing above it. */
static bool make_folders(const char *folder, const char *tail, struct err *err) {
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s%s", folder, tail);
    if (len < 0 || (size_t)len >= sizeof path)
        return err_set(err, ERR_IO, "the folder's name is too long: %s", folder);
    for (size_t i = strlen(folder) + 1; i <= (size_t)len; i++) {
        char was = path[i];
        if (was != '/' && was != 0)
            continue;
        path[i] = 0;
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return err_set_errno(err, ERR_IO, errno, "cannot make the folder %s", path);
        path[i] = was;
    }
    return true;
}

struct dump *dump_open(const struct dump_options *options, struct err *err) {
    struct dump *d = alloc_zeroed(1, sizeof *d);
    d->options = *options;
    if (!d->options.interval_ms)
        d->options.interval_ms = OBJECT_INTERVAL_MS;
    d->fd = options->folder ? -1 : options->fd;
    d->random.state = options->seed ^ 0x6f626a656374ull;
    buf_init(&d->spread, 4 << 20);
    if (options->folder && !make_folders("", options->folder, err)) {
        dump_destroy(d);
        return NULL;
    }
    if (!options->folder)
        fcntl(options->fd, F_SETPIPE_SZ, 1 << 20); /* fewer switches to the reader; not a pipe: no harm */
    return d;
}

/* Waits until the reader can take PIPE_BUF bytes. False when it is not waited for any longer. */
static bool has_room(struct dump *d) {
    struct pollfd room = {.fd = d->fd, .events = POLLOUT};
    for (;;) {
        if (atomic_load(d->options.stop) && !d->give_up_ns)
            d->give_up_ns = clock_monotonic_ns() + (int64_t)DUMP_GRACE_MS * 1000000;
        if (d->give_up_ns && clock_monotonic_ns() >= d->give_up_ns)
            return false;
        int n = poll(&room, 1, LOOK_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* what is wrong with it, writing tells */
    }
}

static bool write_all(struct dump *d, const unsigned char *data, size_t len, struct err *err) {
    bool may_wait = d->options.folder || !d->options.stop;
    while (len && !d->closed) {
        if (!may_wait && !has_room(d)) {
            d->closed = d->left_out = true;
            return false;
        }
        ssize_t n = write(d->fd, data, may_wait || len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE && !d->options.folder) {
            d->closed = true;
            return false;
        }
        if (n < 0)
            return err_set_errno(err, ERR_IO, errno, "cannot write %s",
                                 d->options.folder ? d->part : "to standard output");
        data += n;
        len -= (size_t)n;
    }
    return !d->closed;
}

static bool deflate_all(struct dump *d, int flush, struct err *err) {
    d->z.next_in = d->buffer;
    d->z.avail_in = (uInt)d->used;
    int status;
    do {
        d->z.next_out = d->packed;
        d->z.avail_out = sizeof d->packed;
        status = deflate(&d->z, flush);
        if (status == Z_STREAM_ERROR)
            return err_set(err, ERR_IO, "zlib cannot compress");
        if (!write_all(d, d->packed, sizeof d->packed - d->z.avail_out, err))
            return false;
    } while (d->z.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END));
    return true;
}

/* `how` of zlib: Z_NO_FLUSH, Z_SYNC_FLUSH or Z_FINISH. */
static bool flush_buffer(struct dump *d, int how, struct err *err) {
    bool ok = d->deflating ? deflate_all(d, how, err) : write_all(d, d->buffer, d->used, err);
    d->used = 0;
    return ok;
}

static bool put_bytes(struct dump *d, struct span s, struct err *err) {
    d->object_bytes += s.len;
    d->bytes += s.len;
    while (s.len) {
        if (d->used == sizeof d->buffer && !flush_buffer(d, Z_NO_FLUSH, err))
            return false;
        size_t n = sizeof d->buffer - d->used < s.len ? sizeof d->buffer - d->used : s.len;
        memcpy(d->buffer + d->used, s.ptr, n);
        d->used += n;
        s.ptr += n;
        s.len -= n;
    }
    return true;
}

/* DIR/2026/11/01/00/stream-1-2026-11-01-00-00-03-uuid.gz: the time at which the oldest record arrived. Written under
 * a hidden name first, as an object appears in a bucket only when it is whole. */
static bool open_object(struct dump *d, int64_t arrival_ms, struct err *err) {
    const char *t = time_text_of(&d->times, arrival_ms)->iso;
    uint64_t a = prng_next(&d->random), b = prng_next(&d->random);
    char hour[32], name[512];
    snprintf(hour, sizeof hour, "/%.4s/%.2s/%.2s/%.2s", t, t + 5, t + 8, t + 11);
    snprintf(name, sizeof name, "%s-1-%.10s-%.2s-%.2s-%.2s-%08x-%04x-4%03x-8%03x-%012llx%s", d->options.stream, t,
             t + 11, t + 14, t + 17, (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(b >> 52), (unsigned long long)(b & 0xffffffffffffull), d->options.gzip ? ".gz" : "");
    if (!make_folders(d->options.folder, hour, err))
        return false;
    int n = snprintf(d->path, sizeof d->path, "%s%s/%s", d->options.folder, hour, name);
    int k = snprintf(d->part, sizeof d->part, "%s%s/.%s.part", d->options.folder, hour, name);
    if (n < 0 || k < 0 || (size_t)n >= sizeof d->path || (size_t)k >= sizeof d->part)
        return err_set(err, ERR_IO, "the folder's name is too long: %s", d->options.folder);
    d->fd = open(d->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (d->fd < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", d->part);
    return true;
}

static bool begin_object(struct dump *d, int64_t arrival_ms, struct err *err) {
    if (d->options.folder && !open_object(d, arrival_ms, err))
        return false;
    if (d->options.gzip) {
        d->z = (z_stream){0};
        if (deflateInit2(&d->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK)
            return err_set(err, ERR_IO, "zlib cannot start");
        d->deflating = true;
    }
    d->object_open = true;
    d->object_ms = arrival_ms;
    d->object_bytes = 0;
    d->object_records = 0;
    d->objects++;
    return true;
}

static bool end_object(struct dump *d, struct err *err) {
    if (!d->object_open)
        return true;
    if (d->options.framing == DUMP_ARRAY && !put_bytes(d, SPAN_LIT("]\n"), err))
        return false;
    if (!flush_buffer(d, Z_FINISH, err))
        return false;
    if (d->deflating)
        deflateEnd(&d->z);
    d->deflating = false;
    d->object_open = false;
    if (!d->options.folder)
        return true;
    int fd = d->fd;
    d->fd = -1;
    if (close(fd) != 0)
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", d->part);
    if (rename(d->part, d->path) != 0)
        return err_set_errno(err, ERR_IO, errno, "cannot rename %s", d->part);
    return true;
}

/* The bytes around a record. */
static struct span before_record(const struct dump *d) {
    if (d->options.framing != DUMP_ARRAY)
        return (struct span){"", 0};
    return d->object_records ? SPAN_LIT(",\n") : SPAN_LIT("[");
}
static struct span after_record(const struct dump *d) {
    switch (d->options.framing) {
    case DUMP_NEWLINE:
    case DUMP_PRETTY:
        return SPAN_LIT("\n");
    case DUMP_CRLF:
        return SPAN_LIT("\r\n");
    default:
        return (struct span){"", 0};
    }
}

bool dump_write(struct dump *d, struct span record, int64_t arrival_ms, struct err *err) {
    if (d->options.framing == DUMP_PRETTY) {
        buf_clear(&d->spread);
        damage_spread(record, &d->spread);
        if (d->spread.failed)
            return err_set(err, ERR_IO, "out of memory");
        record = buf_span(&d->spread);
    }
    bool full = d->object_bytes && d->object_bytes + record.len + 2 > d->options.object_size;
    if (d->object_open && d->options.folder && (full || arrival_ms - d->object_ms >= d->options.interval_ms)) {
        if (!end_object(d, err))
            return false;
    }
    if (!d->object_open && !begin_object(d, arrival_ms, err))
        return false;
    if (!put_bytes(d, before_record(d), err) || !put_bytes(d, record, err) || !put_bytes(d, after_record(d), err))
        return false;
    d->object_records++;
    return true;
}

int64_t dump_due_ms(const struct dump *d) {
    return d->object_open && d->options.folder ? d->object_ms + d->options.interval_ms : INT64_MAX;
}

bool dump_flush(struct dump *d, int64_t now_ms, struct err *err) {
    if (!d->object_open)
        return true;
    if (d->options.folder)
        return now_ms < dump_due_ms(d) || end_object(d, err);
    return (!d->used && !d->deflating) || flush_buffer(d, Z_SYNC_FLUSH, err);
}

void dump_set_interval(struct dump *d, int64_t interval_ms) {
    d->options.interval_ms = interval_ms;
}

bool dump_is_full(const struct dump *d) {
    return d->options.max_bytes && d->bytes >= d->options.max_bytes;
}

bool dump_is_closed(const struct dump *d) {
    return d->closed;
}

bool dump_left_out(const struct dump *d) {
    return d->left_out;
}

uint64_t dump_bytes(const struct dump *d) {
    return d->bytes;
}

uint64_t dump_objects(const struct dump *d) {
    return d->options.folder ? d->objects : 0;
}

bool dump_finish(struct dump *d, struct err *err) {
    return end_object(d, err) || d->closed;
}

void dump_destroy(struct dump *d) {
    if (!d)
        return;
    if (d->deflating)
        deflateEnd(&d->z);
    if (d->options.folder && d->fd >= 0) {
        close(d->fd);
        unlink(d->part);
    }
    buf_deinit(&d->spread);
    free(d);
}
