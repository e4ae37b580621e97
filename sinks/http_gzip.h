/* The body of an HTTP answer, gzipped (RFC 1952) in one go. */
#ifndef SINKS_HTTP_GZIP_H
#define SINKS_HTTP_GZIP_H

#include <stddef.h>

/* Returns new, for free(); its length in `*out_len`. The length is at most that of a snapshot's page, 64 MiB. */
char *http_gzip(const char *data, size_t len, size_t *out_len);

#endif
