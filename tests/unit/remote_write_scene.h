/* A receiver of remote write and a client of it, for the tests of remote write. */
#ifndef TESTS_REMOTE_WRITE_SCENE_H
#define TESTS_REMOTE_WRITE_SCENE_H

#include "remote_write_reader.h"

#include <stdatomic.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "http_receiver.h"
#include "sinks/remote_write.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct receiver *receiver;
static char url[64];

static inline struct remote_write_target target_of(enum remote_write_protocol protocol) {
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/v1/write", receiver->port);
    return (struct remote_write_target){.name = (char *)"t",
                                        .url = url,
                                        .protocol = protocol,
                                        .interval_ms = 60000,
                                        .timeout_ms = 5000,
                                        .give_up_ms = 60000,
                                        .max_samples = 100};
}

static inline struct read_request request(size_t number, bool second) {
    const struct receiver_request *r = receiver_wait(receiver, number);
    char length[32];
    assert_non_null(r);
    assert_non_null(receiver_header(r, "Content-Length", length, sizeof length));
    return read_request(r->body, strtoul(length, NULL, 10), second);
}

static inline void expect_header(size_t number, const char *name, const char *value) {
    char text[256];
    const char *found = receiver_header(receiver_wait(receiver, number), name, text, sizeof text);
    assert_non_null(found);
    assert_string_equal(found, value);
}

static inline struct remote_client *open_client(const struct remote_write_target *t) {
    struct err err = {0};
    struct remote_client *c = remote_client_open(t, NULL, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}

/* Series number `i`, with one sample. */
static inline bool add(struct remote_client *c, int i, struct err *err) {
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    return remote_client_add(c, "n_total", (struct metric_label[]){{"i", number}}, 1,
                             &(struct remote_sample){i, 1000 + i}, 1, err);
}

static inline struct remote_write_counts counts_of(const struct remote_client *c) {
    struct remote_write_counts counts;
    remote_client_counts(c, &counts);
    return counts;
}

static inline struct receiver_reply no_content(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 204};
}

#endif
