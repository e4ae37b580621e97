#include "source/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"

enum {
    INPUT_SIZE = 256 * 1024,
    SEARCH_FIRST = 64 * 1024,
    SEARCH_SIZE =
        2 << 20, /* how far a stretch's end looks for the line that it ends with: over a record's greatest size */
};

struct object_reader {
    int fd;
    bool has_bytes; /* no file is open, but these */
    struct object_bytes bytes;
    enum object_loss loss;
    const char *path; /* borrowed from the object */
    bool started, at_end;
    enum inflate_format format;
    struct inflate *inflate;
    char *input; /* INPUT_SIZE */
    size_t input_at, input_len;
    uint64_t bytes_read;
    uint64_t at, end; /* plain stretches: where the file is read, and up to where */
    uint64_t text_offset;
    enum object_status status;
};

struct object_reader *object_reader_create(const struct inflate_limits *limits) {
    struct object_reader *r = alloc_zeroed(1, sizeof *r);
    r->fd = -1;
    r->input = alloc_zeroed(INPUT_SIZE, 1);
    r->inflate = inflate_create(limits);
    return r;
}

void object_reader_destroy(struct object_reader *r) {
    if (!r)
        return;
    object_close(r);
    inflate_destroy(r->inflate);
    free(r->input);
    free(r);
}

void object_close(struct object_reader *r) {
    if (r->fd > STDIN_FILENO)
        close(r->fd);
    r->fd = -1;
    if (r->has_bytes)
        r->bytes.close(r->bytes.context);
    r->has_bytes = false;
}

enum object_loss object_loss(const struct object_reader *r) {
    return r->loss;
}

uint64_t object_bytes_read(const struct object_reader *r) {
    return r->bytes_read;
}

uint64_t object_text_offset(const struct object_reader *r) {
    return r->text_offset;
}

/* --- stretches of a plain file ------------------------------------------------------------------------------------ */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first place in text[0..len) where one record has ended and the next begins on a new line: `}` line end `{`.
 * Inside a JSON value that cannot stand (two values without a comma), so the place is the same for whoever looks for
 * it. Returns the place of the `{`, or len. */
static size_t find_line_of_record(const char *text, size_t len) {
    const char *p = text;
    while ((p = memchr(p, '\n', (size_t)(text + len - p)))) {
        const char *before = p, *behind = p + 1;
        while (before > text && is_blank(before[-1]))
            before--;
        while (behind < text + len && is_blank(*behind))
            behind++;
        if (before > text && before[-1] == '}' && behind < text + len && *behind == '{')
            return (size_t)(behind - text);
        p++;
    }
    return len;
}

/* Moves a stretch's border to the next record at or behind it. When there is none near, the stretches on its two sides
 * are one: the one behind it is empty, the one before goes on to the next border. */
static bool settle_border(int fd, uint64_t border, uint64_t *settled) {
    char *text = alloc_zeroed(SEARCH_SIZE, 1);
    uint64_t from = border ? border - 1 : 0;
    size_t len = 0, at = 0;
    ssize_t n = 1;
    /* Nearly always the first piece has it. */
    for (size_t want = SEARCH_FIRST; at == len && n > 0 && len < SEARCH_SIZE; want *= 4) {
        if (want > SEARCH_SIZE)
            want = SEARCH_SIZE;
        while (len < want && (n = pread(fd, text + len, want - len, (off_t)(from + len))) > 0)
            len += (size_t)n;
        at = find_line_of_record(text, len);
    }
    free(text);
    *settled = from + at;
    return at < len;
}

/* The stretch's real borders. An end without a record near moves on by the stretch's own length. */
static void settle_stretch(struct object_reader *r, const struct object *o, uint64_t file_size) {
    uint64_t step = o->end - o->start;
    r->at = 0;
    if (o->start && !settle_border(r->fd, o->start, &r->at)) {
        r->at = r->end = 0; /* belongs to the stretch before */
        return;
    }
    uint64_t border = o->end;
    while (border < file_size && !settle_border(r->fd, border, &r->end))
        border += step;
    if (border >= file_size)
        r->end = file_size;
}

bool object_is_splittable(const struct object *o) {
    char text[64 * 1024];
    if (o->opener)
        return false;
    int fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, text, sizeof text, 0);
    close(fd);
    if (n < (ssize_t)sizeof text)
        return false;
    size_t sniff = INFLATE_SNIFF;
    return inflate_recognise(text, sniff, NULL) == INFLATE_PLAIN && find_line_of_record(text, (size_t)n) < (size_t)n;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static bool open_file(struct object_reader *r, const struct object *o, struct err *err) {
    if (o->opener)
        return r->has_bytes = o->opener->open(o->opener->context, o, &r->bytes, err);
    if (strcmp(o->path, "-") == 0) {
        r->fd = STDIN_FILENO;
        return true;
    }
    r->fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (o->regular_only ? O_NONBLOCK | O_NOFOLLOW : 0));
    if (r->fd < 0)
        return err_set_errno(err, ERR_IO, errno, "%s", o->path);
    struct stat st;
    if (o->regular_only && (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode)))
        return err_set(err, ERR_IO, "%s: no longer a file", o->path);
    if (fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode)) {
        posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        if (o->start || o->end != UINT64_MAX)
            settle_stretch(r, o, (uint64_t)st.st_size);
    }
    return true;
}

bool object_open(struct object_reader *r, const struct object *o, struct err *err) {
    object_close(r);
    r->path = o->path;
    r->started = r->at_end = false;
    r->input_at = r->input_len = 0;
    r->bytes_read = 0;
    r->at = r->text_offset = 0;
    r->end = UINT64_MAX;
    r->format = INFLATE_PLAIN;
    r->status = OBJECT_MORE;
    r->loss = OBJECT_LOSS_NONE;
    if (!open_file(r, o, err))
        return false;
    r->text_offset = r->at;
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* What the opener gives. It says itself what it could not read. */
static ssize_t read_bytes(struct object_reader *r, char *to, size_t len, struct err *err) {
    ssize_t n = r->bytes.read(r->bytes.context, to, len, err);
    if (n < 0 && r->bytes.loss)
        r->loss = r->bytes.loss(r->bytes.context);
    return n;
}

/* Up to `len` bytes; 0 at the end (at_end is set), -1 on failure. */
static ssize_t read_some(struct object_reader *r, char *to, size_t len, struct err *err) {
    bool stretch = r->end != UINT64_MAX;
    if (stretch && len > r->end - r->at)
        len = (size_t)(r->end - r->at);
    ssize_t n = 0;
    if (r->has_bytes) {
        if ((n = read_bytes(r, to, len, err)) < 0)
            return -1;
    } else if (len) {
        do
            n = stretch ? pread(r->fd, to, len, (off_t)r->at) : read(r->fd, to, len);
        while (n < 0 && errno == EINTR);
    }
    if (n < 0) {
        err_set_errno(err, ERR_IO, errno, "%s: cannot be read at byte %llu", r->path,
                      (unsigned long long)r->bytes_read);
        return -1;
    }
    if (n == 0)
        r->at_end = true;
    r->at += (uint64_t)n;
    r->bytes_read += (uint64_t)n;
    return n;
}

/* Fills the input up: a pipe may give little at a time, and recognising a format needs its first bytes together. */
static bool fill_input(struct object_reader *r, size_t want, struct err *err) {
    if (r->input_at) {
        memmove(r->input, r->input + r->input_at, r->input_len - r->input_at);
        r->input_len -= r->input_at;
        r->input_at = 0;
    }
    while (!r->at_end && r->input_len < want) {
        ssize_t n = read_some(r, r->input + r->input_len, INPUT_SIZE - r->input_len, err);
        if (n < 0)
            return false;
        r->input_len += (size_t)n;
    }
    return true;
}

static enum object_status start_reading(struct object_reader *r, struct err *err) {
    const char *what = NULL;
    r->started = true;
    if (r->end != UINT64_MAX)
        return OBJECT_MORE; /* a stretch is plain text: it was looked at before it was cut */
    if (!fill_input(r, INFLATE_SNIFF, err))
        return OBJECT_UNREADABLE;
    if (r->input_len == 0)
        return OBJECT_EMPTY;
    r->format = inflate_recognise(r->input, r->input_len < INFLATE_SNIFF ? r->input_len : INFLATE_SNIFF, &what);
    if (r->format == INFLATE_UNSUPPORTED) {
        err_set(err, ERR_INPUT, "%s: %s is not read by this program; SES events are read from JSON%s", r->path,
                what ? what : "this format",
                what && strncmp(what, "Apache", 6) == 0 ? " (turn off record format conversion in Firehose)" : "");
        return OBJECT_UNSUPPORTED;
    }
    if (r->format != INFLATE_PLAIN)
        inflate_begin(r->inflate, r->format);
    return OBJECT_MORE;
}

static enum object_status read_plain(struct object_reader *r, char *to, size_t room, size_t *len, struct err *err) {
    if (r->input_at < r->input_len) {
        size_t n = r->input_len - r->input_at < room ? r->input_len - r->input_at : room;
        memcpy(to, r->input + r->input_at, n);
        r->input_at += n;
        *len = n;
        return OBJECT_MORE;
    }
    ssize_t n = r->at_end ? 0 : read_some(r, to, room, err);
    if (n < 0)
        return OBJECT_UNREADABLE;
    *len = (size_t)n;
    return n == 0 ? OBJECT_DONE : OBJECT_MORE;
}

static enum object_status read_inflated(struct object_reader *r, char *to, size_t room, size_t *len, struct err *err) {
    while (*len < room) {
        size_t used = 0, made = 0;
        struct err cause = {0};
        enum inflate_status status = inflate_step(r->inflate, r->input + r->input_at, r->input_len - r->input_at, &used,
                                                  r->at_end, to + *len, room - *len, &made, &cause);
        r->input_at += used;
        *len += made;
        switch (status) {
        case INFLATE_PROGRESS:
            break;
        case INFLATE_NEED_INPUT:
            if (!fill_input(r, r->input_len - r->input_at + 1, err))
                return OBJECT_UNREADABLE;
            break;
        case INFLATE_DONE:
            return OBJECT_DONE;
        case INFLATE_DAMAGED:
        case INFLATE_LIMIT:
            err_set(err, ERR_INPUT, "%s: %s", r->path, cause.text);
            return OBJECT_DAMAGED;
        }
    }
    return OBJECT_MORE;
}

enum object_status object_read(struct object_reader *r, char *to, size_t room, size_t *len, struct err *err) {
    *len = 0;
    if (r->status == OBJECT_MORE && !r->started)
        r->status = start_reading(r, err);
    if (r->status != OBJECT_MORE)
        return r->status;
    r->status = r->format == INFLATE_PLAIN ? read_plain(r, to, room, len, err) : read_inflated(r, to, room, len, err);
    return r->status;
}

void object_count(struct accounting *a, enum object_status status) {
    switch (status) {
    case OBJECT_MORE:
    case OBJECT_DONE:
        a->objects_done++;
        break;
    case OBJECT_EMPTY:
        a->objects_empty++;
        break;
    case OBJECT_DAMAGED:
        a->objects_damaged++;
        break;
    case OBJECT_UNSUPPORTED:
        a->objects_unsupported++;
        break;
    case OBJECT_UNREADABLE:
        a->objects_unreadable++;
        break;
    }
}
