#include "sinks/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "core/map.h"
#include "core/utf8.h"
#include "sinks/csv.h"
#include "sinks/json_writer.h"
#include "sinks/output.h"
#include "sinks/text.h"

enum { VALUE_BYTES = 64 }; /* of an unknown value, before escaping */

struct unknown_value {
    char field[48];
    char value[VALUE_BYTES * 4 + 1]; /* every byte may become \xHH */
    uint64_t count;
};

struct quarantine {
    pthread_mutex_t lock; /* guards everything below */
    char *records_path;
    char *unknown_path;
    FILE *records;
    uint64_t used, max_bytes;
    uint64_t kept, dropped;
    int failure; /* errno of the first write that failed; nothing is written after it */
    struct hash_key key;
    struct map index; /* hash of field and value -> position in unknown */
    struct unknown_value *unknown;
    size_t unknown_count, unknown_size;
    uint64_t unknown_beyond; /* seen past QUARANTINE_MAX_UNKNOWN */
};

static char *path_in(const char *dir, const char *name) {
    size_t dir_len = strlen(dir), name_len = strlen(name);
    char *path = alloc_zeroed(dir_len + name_len + 2, 1);
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    memcpy(path + dir_len + 1, name, name_len);
    return path;
}

/* A run that was cut short may have left half a line; the next record must not be glued to it. */
static bool end_last_line(int fd, uint64_t *size) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    *size = (uint64_t)st.st_size;
    char last = '\n';
    if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
        return false;
    if (last == '\n')
        return true;
    *size += 1;
    return write(fd, "\n", 1) == 1;
}

/* O_NOFOLLOW: whoever may write to the folder must not send the records elsewhere. */
static bool open_records(struct quarantine *q) {
    int fd = open(q->records_path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return false;
    if (end_last_line(fd, &q->used) && (q->records = fdopen(fd, "a")))
        return true;
    int reason = errno;
    close(fd);
    errno = reason;
    return false;
}

static void quarantine_free(struct quarantine *q) {
    pthread_mutex_destroy(&q->lock);
    map_deinit(&q->index);
    free(q->unknown);
    free(q->records_path);
    free(q->unknown_path);
    free(q);
}

struct quarantine *quarantine_open(const char *dir, uint64_t max_bytes, struct err *err) {
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        err_set_errno(err, ERR_IO, errno, "cannot create the quarantine folder %s", dir);
        return NULL;
    }
    struct quarantine *q = alloc_zeroed(1, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    map_init(&q->index, sizeof(size_t));
    q->key = hash_key_random();
    q->max_bytes = max_bytes ? max_bytes : QUARANTINE_DEFAULT_BYTES;
    q->records_path = path_in(dir, "malformed.ndjson");
    q->unknown_path = path_in(dir, "unknown-values.csv");
    if (!open_records(q)) {
        err_set_errno(err, ERR_IO, errno, "cannot write %s", q->records_path);
        quarantine_free(q);
        return NULL;
    }
    return q;
}

/* An upper bound: every byte of the name may become six; the words and numbers of a line fit in 320. */
static uint64_t line_bound(struct span object_name, struct span raw) {
    return 6 * (uint64_t)object_name.len + (uint64_t)(raw.len / 3 + 1) * 4 + 320;
}

static void put_line(FILE *out, struct span object_name, uint64_t offset, uint64_t length, enum malformed_reason reason,
                     struct span raw) {
    struct json_writer w = {.out = out};
    json_put_open(&w, '{');
    json_put_key(&w, "object");
    json_put_span(&w, object_name);
    json_put_key(&w, "offset");
    json_put_u64(&w, offset);
    json_put_key(&w, "length");
    json_put_u64(&w, length);
    json_put_key(&w, "errorCode");
    json_put_string(&w, malformed_reason_name(reason));
    json_put_key(&w, "errorMessage");
    json_put_string(&w, malformed_reason_text(reason));
    json_put_key(&w, "rawData");
    json_put_base64(&w, raw);
    json_put_close(&w, '}');
    fputc('\n', out);
}

void quarantine_add(struct quarantine *q, struct span object_name, uint64_t offset, uint64_t length,
                    enum malformed_reason reason, struct span raw) {
    uint64_t bound = line_bound(object_name, raw);
    pthread_mutex_lock(&q->lock);
    if (q->failure || q->used > q->max_bytes || bound > q->max_bytes - q->used) {
        q->dropped++;
    } else {
        errno = 0;
        put_line(q->records, object_name, offset, length, reason, raw);
        if (ferror(q->records)) {
            q->failure = errno ? errno : EIO;
            q->dropped++;
        } else {
            off_t end = ftello(q->records);
            q->used = end >= 0 && (uint64_t)end > q->used ? (uint64_t)end : q->used + bound;
            q->kept++;
        }
    }
    pthread_mutex_unlock(&q->lock);
}

/* At most VALUE_BYTES of the value, no character cut in two; what is no printable text as \xHH, the backslash doubled.
 */
static void escape_value(struct span value, char out[VALUE_BYTES * 4 + 1]) {
    size_t at = 0;
    for (size_t i = 0; i < value.len;) {
        uint32_t c = 0;
        size_t len = utf8_next((struct span){value.ptr + i, value.len - i}, &c);
        bool plain = len && !text_is_control(c);
        size_t step = len ? len : 1;
        if (i + step > VALUE_BYTES)
            break;
        for (size_t k = 0; k < step; k++) {
            if (plain && c == '\\')
                out[at++] = '\\';
            if (plain)
                out[at++] = value.ptr[i + k];
            else
                at += (size_t)snprintf(out + at, 5, "\\x%02x", (unsigned char)value.ptr[i + k]);
        }
        i += step;
    }
    out[at] = '\0';
}

static void count_unknown(struct quarantine *q, const char *field, const char *value) {
    struct hash_state h;
    hash_begin(&h, &q->key);
    hash_field(&h, field, strlen(field));
    hash_field(&h, value, strlen(value));
    uint64_t id = hash_end(&h);
    size_t *at = map_get(&q->index, id);
    if (at) {
        q->unknown[*at].count++;
        return;
    }
    if (q->unknown_count == QUARANTINE_MAX_UNKNOWN) {
        q->unknown_beyond++;
        return;
    }
    if (q->unknown_count == q->unknown_size) {
        q->unknown_size = q->unknown_size ? 2 * q->unknown_size : 16;
        q->unknown = alloc_resize(q->unknown, q->unknown_size, sizeof *q->unknown);
    }
    struct unknown_value *u = &q->unknown[q->unknown_count];
    *u = (struct unknown_value){.count = 1};
    snprintf(u->field, sizeof u->field, "%s", field);
    memcpy(u->value, value, strlen(value) + 1);
    at = map_put(&q->index, id);
    *at = q->unknown_count++;
}

void quarantine_add_unknown(struct quarantine *q, const char *field, struct span value) {
    char escaped[VALUE_BYTES * 4 + 1];
    escape_value(value, escaped);
    pthread_mutex_lock(&q->lock);
    count_unknown(q, field, escaped);
    pthread_mutex_unlock(&q->lock);
}

void quarantine_flush(struct quarantine *q) {
    pthread_mutex_lock(&q->lock);
    if (!q->failure && fflush(q->records) != 0)
        q->failure = errno;
    pthread_mutex_unlock(&q->lock);
}

uint64_t quarantine_kept(struct quarantine *q) {
    pthread_mutex_lock(&q->lock);
    uint64_t kept = q->kept;
    pthread_mutex_unlock(&q->lock);
    return kept;
}

uint64_t quarantine_dropped(struct quarantine *q) {
    pthread_mutex_lock(&q->lock);
    uint64_t dropped = q->dropped;
    pthread_mutex_unlock(&q->lock);
    return dropped;
}

static int by_field_and_value(const void *a, const void *b) {
    const struct unknown_value *x = a, *y = b;
    int order = strcmp(x->field, y->field);
    return order ? order : strcmp(x->value, y->value);
}

static bool write_unknown(struct quarantine *q, struct err *err) {
    struct output o;
    if (!output_open(&o, q->unknown_path, err))
        return false;
    if (fchmod(fileno(o.file), 0600) != 0) {
        err_set_errno(err, ERR_IO, errno, "cannot write %s", q->unknown_path);
        output_abort(&o);
        return false;
    }
    if (q->unknown_count)
        qsort(q->unknown, q->unknown_count, sizeof *q->unknown, by_field_and_value);
    struct csv_writer w = {.out = o.file};
    csv_put_word(&w, "field");
    csv_put_word(&w, "value");
    csv_put_word(&w, "count");
    csv_end_line(&w);
    for (size_t i = 0; i < q->unknown_count; i++) {
        csv_put_text(&w, q->unknown[i].field);
        csv_put_text(&w, q->unknown[i].value);
        csv_put_u64(&w, q->unknown[i].count);
        csv_end_line(&w);
    }
    if (q->unknown_beyond) {
        csv_put_word(&w, "(values beyond the first 1000)");
        csv_put_empty(&w);
        csv_put_u64(&w, q->unknown_beyond);
        csv_end_line(&w);
    }
    return output_commit(&o, err);
}

bool quarantine_close(struct quarantine *q, struct err *err) {
    if (!q)
        return true;
    bool good = true;
    errno = 0;
    if (fclose(q->records) != 0 && !q->failure)
        q->failure = errno ? errno : EIO;
    if (q->failure)
        good = err_set_errno(err, ERR_IO, q->failure, "cannot write %s", q->records_path);
    if (q->unknown_count && !write_unknown(q, err))
        good = false;
    quarantine_free(q);
    return good;
}
