/* What the parts of the pool share: pool.c (the side of who asks), pool_thread.c (the thread), pool_request.c (what
 * libcurl is told). Only the thread calls into libcurl for an exchange that it has been given; so every callback runs
 * there too. */
#ifndef HTTP_POOL_INTERNAL_H
#define HTTP_POOL_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/queue.h>

#include "http/pool.h"
#include "http/tls.h"

enum { NS_PER_MS = 1000000 };

enum http_want {
    HTTP_WANT_BEGIN = 1,
    HTTP_WANT_MORE = 2, /* there is room again */
    HTTP_WANT_END = 4,
};

TAILQ_HEAD(http_exchanges, http_exchange);

struct http_pool {
    char *ca_file, *cert_file, *key_file, *username, *password;
    char pin[HTTP_TLS_PIN_SIZE]; /* of the peer's key; empty: its certificate is verified */
    CURLM *multi;
    pthread_t thread;

    pthread_mutex_t lock;
    struct http_exchanges wanting; /* what the thread is asked for; under the lock */
    bool quit;                     /* under the lock */

    /* The thread's. */
    struct http_exchanges active;
    int64_t look_ns; /* no deadline passes before this time */
    bool untold;     /* somebody waits who has not been told of new bytes */
};

struct http_exchange {
    struct http_pool *pool;
    const atomic_bool *stop;
    int64_t timeout_ms, stall_ms, connect_ms;

    /* Under the pool's lock. */
    TAILQ_ENTRY(http_exchange) wanting_link;
    unsigned wants;         /* of http_want; in `wanting` while not 0 */
    pthread_cond_t changed; /* of those below; one thread waits at most */
    bool waiting;           /* it does */
    bool head_done, done;   /* nothing of the head, or of all the rest, changes any more */
    struct err cause;       /* why it failed; with `done` */
    /* The ring: bytes are copied outside of the lock. The thread writes behind `used`, the reader reads before it. */
    char *ring;
    size_t window, size, first, used;
    bool paused; /* the thread alone changes it */

    /* The thread's; `head` and `status` are anybody's after head_done. */
    TAILQ_ENTRY(http_exchange) active_link;
    CURL *easy;
    struct curl_slist *headers;
    bool added, sending, untold;
    int64_t until_ns, moved_ns; /* the end of the whole; when the last byte went or came */
    curl_off_t sent;            /* bytes, when that was last looked at */
    uint64_t received;
    struct buf head; /* of each header: name, \0, value, \0 */
    size_t head_read;
    bool head_begun;
    int status;
    const char *refused; /* why a callback broke it off */
    char reason[CURL_ERROR_SIZE];
};

void http_start_curl(void); /* once for the process; any number of calls */

/* Makes x->easy and x->headers, without callbacks. */
bool http_set_up(struct http_exchange *x, const struct http_request *request, struct err *err);
void http_tear_down(struct http_exchange *x); /* the opposite; wipes what may be secret */

void *http_pool_run(void *pool); /* the thread */
/* Asks the thread; under the lock. */
void http_want(struct http_exchange *x, enum http_want want);

#endif
