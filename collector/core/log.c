#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log_line.h"

static atomic_int lowest = LOG_INFO;
static atomic_int chosen_format = LOG_LOGFMT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for `limit` */
static struct log_limit limit;

void log_configure(enum log_level level, enum log_format format) {
    atomic_store(&lowest, (int)level);
    atomic_store(&chosen_format, (int)format);
}

bool log_level_parse(const char *name, enum log_level *level) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(const char *name, enum log_format *format) {
    if (strcmp(name, "logfmt") == 0)
        *format = LOG_LOGFMT;
    else if (strcmp(name, "json") == 0)
        *format = LOG_JSON;
    else
        return false;
    return true;
}

/* One call for a line, so that lines of several threads do not mix. Whoever reads the log may be gone or slow: what
 * it does not take is lost, the service goes on. */
static void write_once(const struct buf *line) {
    ssize_t done;
    do
        done = write(STDERR_FILENO, line->data, line->len);
    while (done < 0 && errno == EINTR);
}

static void write_event(const struct log_line *event) {
    struct log_line what = *event;
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    if (!log_line_write(&line, (enum log_format)atomic_load(&chosen_format), &what)) {
        what.count = 0; /* too many long values: the event itself is worth more than none */
        buf_clear(&line);
        log_line_write(&line, (enum log_format)atomic_load(&chosen_format), &what);
    }
    write_once(&line);
    buf_deinit(&line);
}

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count) {
    if ((int)level < atomic_load(&lowest))
        return;
    int saved = errno;
    uint64_t suppressed;
    pthread_mutex_lock(&lock);
    bool pass = log_limit_pass(&limit, message, clock_monotonic_ns() / 1000000, &suppressed);
    pthread_mutex_unlock(&lock);
    if (pass)
        write_event(&(struct log_line){level, clock_wall_ms(), message, fields, count, suppressed});
    errno = saved;
}

void log_event_always(enum log_level level, const char *message, const struct log_field *fields, size_t count) {
    int saved = errno;
    if ((int)level >= atomic_load(&lowest))
        write_event(&(struct log_line){level, clock_wall_ms(), message, fields, count, 0});
    errno = saved;
}
