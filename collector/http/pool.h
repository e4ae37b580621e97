/* HTTP requests to others: the only place that knows libcurl. A pool is a set of connections with one thread behind
 * them; any number of exchanges may go on at once, each read by the thread that began it.
 *
 *     x = http_begin(pool, &request, &stop, err)    returns at once; the answer arrives in the background ...
 *     http_status(x, err)                           waits for status and headers
 *     n = http_read(x, to, room, err)               waits for some of the body; 0 at its end
 *     http_end(x)                                   at any time; breaks off what still goes on
 *
 * ... but never more than `window` bytes ahead of who reads: then the peer has to wait. A peer is not trusted: no
 * redirect is followed, nothing is decoded, http and https only, the head has a ceiling, every wait has a deadline.
 * Certificates are always verified, or the key is known beforehand. The environment's proxies count (https_proxy,
 * no_proxy, ...). */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/span.h"

/* All strings are copied. NULL where there is none. */
struct http_pool_options {
    const char *ca_file; /* instead of the system's certificates */
    const char *cert_file, *key_file;
    /* The peer must have the key of this certificate; then its names, its end and who signed it do not matter. For a
     * server of our own on this machine, whose certificate names another. */
    const char *pinned_cert_file;
    const char *username, *password; /* basic authentication of every request */
    unsigned connections;            /* to one host at most; 0: 32 */
};

struct http_pool;

struct http_pool *http_pool_create(const struct http_pool_options *o, struct err *err); /* returns new */
void http_pool_destroy(struct http_pool *p); /* all its exchanges have ended; NULL is allowed */

struct http_header {
    const char *name, *value;
};

enum { HTTP_WINDOW = 256 * 1024, HTTP_HEAD_MAX = 64 * 1024, HTTP_CONNECT_MS = 10000 };

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *url;    /* sent as it is: what has to be encoded is encoded already */
    const struct http_header *headers;
    size_t header_count;
    struct span body;   /* borrowed until http_end */
    int64_t timeout_ms; /* of the whole exchange; 0: none, then stall_ms must be given */
    int64_t stall_ms;   /* no byte for so long, while there is room for one: failed; 0: none */
    int64_t connect_ms; /* 0: HTTP_CONNECT_MS */
    size_t window;      /* 0: HTTP_WINDOW */
    bool direct;        /* past any proxy: addresses of the machine itself */
    bool fresh;         /* a new connection, and its name looked up anew: after a failure */
    bool forget;        /* a connection of its own, not kept: certainly not sent twice */
};
/* libcurl sends a request once more, on a new connection, when a kept one dies before the first byte of an answer: the
 * peer has most likely closed it before the request came. Who cannot bear that sets `forget`. */

struct http_exchange;

/* Returns new; NULL when the request cannot be made at all (`err`, never with the URL's path, query, or a header).
 * Everything but the body is copied. While *stop (may be NULL) is true every wait ends within 100 ms with a failure;
 * `stop` outlives the exchange. */
struct http_exchange *http_begin(struct http_pool *p, const struct http_request *request, const atomic_bool *stop,
                                 struct err *err);

/* Waits for the head. The status; 0 when none came (`err`: why, in words that hold no URL and no secret). */
int http_status(struct http_exchange *x, struct err *err);
const char *http_header_of(const struct http_exchange *x, const char *name); /* after http_status; NULL: not there */
int64_t http_retry_after_ms(const struct http_exchange *x); /* after http_status; 0: it does not say. At most 10^9 */

/* Waits for bytes of the body; `room` is not 0. 0 at its end, -1 when it broke off before (also when fewer bytes came
 * than were promised), after all that has come was read. A body without a length ends with its connection: whether that
 * was the whole of it nobody can tell. */
ssize_t http_read(struct http_exchange *x, char *to, size_t room, struct err *err);
void http_end(struct http_exchange *x); /* NULL is allowed */

/* The whole in one: begins, reads at most `max` bytes of body behind what `body` holds, ends. The status; 0 with `err`
 * when there is no whole answer, or it is longer. `look`, if given, may look at the headers before the end,
 * also of an answer whose body then breaks off. */
typedef void (*http_look_fn)(void *context, const struct http_exchange *x);
int http_fetch(struct http_pool *p, const struct http_request *request, size_t max, struct buf *body, http_look_fn look,
               void *context, const atomic_bool *stop, struct err *err);

/* Whether a URL is http:// or https:// with a host right behind that, and no control byte or blank. The text does not
 * repeat it. */
bool http_check_url(const char *url, struct err *err);
/* Whether this can stand in a request: a name of letters, digits, "-" and "_", no control byte in the value. */
bool http_check_header(const char *name, const char *value, struct err *err);

#endif
