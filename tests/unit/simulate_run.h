/* The simulator run to its end, and what it wrote: for its tests. */
#ifndef TESTS_SIMULATE_RUN_H
#define TESTS_SIMULATE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "simulate/simulate.h"

struct text {
    char *data; /* owned, terminated */
    size_t len;
};

static inline struct text read_fd(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    struct text t = {alloc_zeroed((size_t)st.st_size + 1, 1), (size_t)st.st_size};
    assert_int_equal(pread(fd, t.data, t.len, 0), (ssize_t)t.len);
    return t;
}

static inline struct simulate_totals run_all(const struct simulate_options *o) {
    struct err err = {0};
    struct simulate *s = simulate_open(o, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s);
    enum simulate_status status;
    while ((status = simulate_step(s, &err)) == SIMULATE_MORE)
        ;
    assert_string_equal(err.text, "");
    assert_int_equal(status, SIMULATE_DONE);
    struct simulate_totals totals;
    simulate_totals(s, &totals);
    simulate_destroy(s);
    return totals;
}

static inline struct simulate_options options_of(uint64_t seed, uint64_t messages) {
    struct simulate_options o;
    simulate_options_init(&o);
    o.seed = seed;
    o.messages = messages;
    return o;
}

static inline struct text simulate_text(struct simulate_options o, struct simulate_totals *totals) {
    o.dump.fd = memfd_create("records", MFD_CLOEXEC);
    assert_true(o.dump.fd >= 0);
    struct simulate_totals t = run_all(&o);
    struct text text = read_fd(o.dump.fd);
    close(o.dump.fd);
    if (totals)
        *totals = t;
    return text;
}

/* The next record. Returns new; NULL at the end. */
static inline json_t *next_value(const char **p, const char *end) {
    while (*p < end && strchr(" \r\n,", **p))
        (*p)++;
    if (*p >= end)
        return NULL;
    json_error_t error;
    json_t *value = json_loadb(*p, (size_t)(end - *p), JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s at %d in %.200s", error.text, error.position, *p);
    *p += error.position;
    return value;
}

#endif
