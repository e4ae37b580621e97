/* What a client says it can read (RFC 9110, section 12), and what it gets. Pure; any bytes are fine. */
#ifndef SINKS_HTTP_NEGOTIATE_H
#define SINKS_HTTP_NEGOTIATE_H

#include <stdbool.h>

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_OPENMETRICS_0_0_1, METRICS_FORMATS };

const char *metrics_format_content_type(enum metrics_format f);

/* The format with the highest q. OpenMetrics must be named, `*` does not ask for it; at equal q it goes before text.
 * Text 0.0.4 when nothing fits or `accept` is NULL: a scrape always gets something. */
enum metrics_format http_negotiate_metrics(const char *accept);

/* Whether the answer may be gzipped. `accept_encoding` may be NULL; gzip;q=0 is a no. */
bool http_negotiate_gzip(const char *accept_encoding);

#endif
