/* Basic authentication (RFC 7617) against bcrypt hashes, as Prometheus's exporter toolkit does it. bcrypt is slow on
 * purpose, so: what was right once is remembered (as a keyed hash of user, stored hash and password, never in clear),
 * and guesses may cost no more than a few computations in a second. */
#ifndef SINKS_HTTP_AUTH_H
#define SINKS_HTTP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "sinks/http_server.h"

enum {
    AUTH_MAX_COST = 14,       /* dearer hashes (over a second each) are refused by the configuration */
    AUTH_FAILURE_BURST = 5,   /* wrong passwords computed at once, */
    AUTH_FAILURES_PER_SEC = 2 /* and after those */
};

struct http_auth;

struct http_auth *http_auth_create(void); /* returns new */
void http_auth_destroy(struct http_auth *a);

/* Whether the users can be taken: bcrypt hashes of a fair cost. */
bool http_auth_check_users(const struct web_user *users, size_t count, struct err *err);

/* Takes over a copy of the users, which were checked. None: everybody is welcome. Pairs remembered for hashes that did
 * not change stay. Thread-safe. */
void http_auth_set_users(struct http_auth *a, const struct web_user *users, size_t count);

/* A name and a password as given. To be wiped with http_credentials_wipe. */
struct http_credentials {
    char user[129], password[257];
};
void http_credentials_wipe(struct http_credentials *c);

/* Reads the value of an Authorization header. False when it is none of the Basic kind or over the sizes above. */
bool http_credentials_parse(struct http_credentials *c, const char *header);

enum http_auth_answer {
    HTTP_AUTH_WELCOME,  /* nobody needs to say who he is, or the pair is remembered */
    HTTP_AUTH_WRONG,    /* nothing given, or nothing that could be right */
    HTTP_AUTH_TOO_MANY, /* unknown pair, and too many wrong ones lately */
    HTTP_AUTH_COMPUTE,  /* unknown pair: ask http_auth_compute, on a thread that may take its time */
};

/* Quick. `header` may be NULL. Fills `c` for HTTP_AUTH_COMPUTE. Thread-safe. */
enum http_auth_answer http_auth_ask(struct http_auth *a, const char *header, int64_t now_ns,
                                    struct http_credentials *c);

/* Slow, and as slow for an unknown user as for a wrong password. Must follow each HTTP_AUTH_COMPUTE. For one thread at
 * a time. */
bool http_auth_compute(struct http_auth *a, const struct http_credentials *c);

#endif
