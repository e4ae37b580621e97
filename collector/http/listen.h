/* The listening socket of a server, which outlives what serves behind it. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stdbool.h>

#include "core/err.h"

/* ":9465" (both families), "127.0.0.1:9465", "[::1]:9465", "host.example:9465". `key` is what the configuration calls
 * the address. Returns a descriptor, -1 on error. */
int http_listen(const char *key, const char *address, struct err *err);

int http_listen_port(int fd); /* 0 on error */

/* Whether nobody but this machine can reach that address. */
bool http_listen_is_local(const char *address);

#endif
