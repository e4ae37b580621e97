/* The listening socket, which outlives the daemons behind it. */
#ifndef SINKS_HTTP_SERVER_LISTEN_H
#define SINKS_HTTP_SERVER_LISTEN_H

#include "core/err.h"

/* ":9465" (both families), "127.0.0.1:9465", "[::1]:9465", "host.example:9465". Returns a descriptor, -1 on error. */
int http_listen(const char *address, struct err *err);

int http_listen_port(int fd); /* 0 on error */

#endif
