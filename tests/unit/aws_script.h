/* The server of aws_place.h as a list of answers. */
#ifndef TESTS_UNIT_AWS_SCRIPT_H
#define TESTS_UNIT_AWS_SCRIPT_H

#include "unit/aws_place.h"

enum { SCRIPT_MAX = 16 };

/* The answers, one after the other; the last one again and again. */
static struct {
    struct receiver_reply replies[SCRIPT_MAX];
    size_t count, from; /* the number of the first request */
} script;

static inline struct receiver_reply script_answer(size_t number, const struct receiver_request *r) {
    (void)r;
    size_t at = number - script.from;
    return script.replies[at < script.count ? at : script.count - 1];
}

#define SCRIPT(...)                                                                                                    \
    set_script((const struct receiver_reply[]){__VA_ARGS__},                                                           \
               sizeof((const struct receiver_reply[]){__VA_ARGS__}) / sizeof(struct receiver_reply))

static inline void set_script(const struct receiver_reply *replies, size_t count) {
    pthread_mutex_lock(&place_server->lock);
    memcpy(script.replies, replies, count * sizeof *replies);
    script.count = count;
    script.from = place_server->count;
    pthread_mutex_unlock(&place_server->lock);
}

static inline size_t requests(void) {
    return receiver_count(place_server) - script.from;
}

static inline const struct receiver_request *request(size_t number) {
    return &place_server->requests[script.from + number];
}

#endif
