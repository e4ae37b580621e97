/* Posts a body to one URL, by a pool of its own (collector/http/pool.h).
 *
 * A peer is not trusted: of the answer 64 KiB are read and one line is kept, and every exchange has a deadline. */
#ifndef SINKS_HTTP_CLIENT_H
#define SINKS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "http/pool.h"

/* All strings are copied. NULL where there is none. */
struct http_client_options {
    const char *url; /* http:// or https:// */
    const char *username, *password, *bearer_token;
    const char *ca_file, *cert_file, *key_file; /* ca_file stands instead of the system's certificates */
    int64_t timeout_ms;                         /* of the whole exchange */
};

enum { HTTP_LINE_SIZE = 200 };
struct http_answer {
    int status;
    int64_t retry_after_ms;    /* 0 = the peer does not say */
    char line[HTTP_LINE_SIZE]; /* the body's first line; not shown when it repeats a secret of ours */
};

enum http_result {
    HTTP_ANSWERED, /* with any status */
    HTTP_FAILED,   /* no answer, or not a whole one */
    HTTP_STOPPED,  /* http_client_stop */
};

struct http_client;

/* Returns new; NULL with the reason when an option is wrong. No text holds the URL, a password or a token. */
struct http_client *http_client_create(const struct http_client_options *o, struct err *err);
void http_client_destroy(struct http_client *c); /* no post may be running; NULL is allowed */

/* One thread at a time. The reason of HTTP_FAILED is in `err`, without URL or secret. */
enum http_result http_client_post(struct http_client *c, struct span body, const struct http_header *headers,
                                  size_t count, struct http_answer *answer, struct err *err);

/* Ends a running post within 100 ms, and every later one before it begins. Any thread. */
void http_client_stop(struct http_client *c);

#endif
