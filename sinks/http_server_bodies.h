/* What the server answers with: rendered once for a snapshot, and from then on the same bytes, plain or gzipped, for
 * everybody who asks. */
#ifndef SINKS_HTTP_SERVER_BODIES_H
#define SINKS_HTTP_SERVER_BODIES_H

#include <stdbool.h>

#include <microhttpd.h>

#include "core/err.h"
#include "model/board.h"
#include "sinks/rates.h"

/* What the page relies on: styles and scripts within it, images as data:, and requests to this server only. */
#define HTTP_PAGE_POLICY                                                                                               \
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'; connect-src 'self'"

enum http_body { BODY_TEXT, BODY_OPENMETRICS, BODY_OPENMETRICS_0_0_1, BODY_ALERTS, BODY_PAGE, BODIES };

struct http_bodies;

struct http_bodies *http_bodies_create(struct board *board); /* borrows; returns new */
void http_bodies_destroy(struct http_bodies *b);             /* before the board; NULL is allowed */

/* Queues the answer. False when there is none to queue: with `err` empty there is no snapshot yet, with `err` set it
 * could not be rendered. `*queued` is for the HTTP library. Thread-safe. */
bool http_bodies_answer(struct http_bodies *b, struct MHD_Connection *c, enum http_body body, bool gzip,
                        enum MHD_Result *queued, struct err *err);
/* The same for /api/v1/rates, which is rendered each time. */
bool http_bodies_answer_rates(struct http_bodies *b, struct MHD_Connection *c, const struct rates_query *q, bool gzip,
                              enum MHD_Result *queued, struct err *err);

/* Whether the service has caught up, and a line that says so, or why not. Thread-safe. */
bool http_bodies_ready(struct http_bodies *b, char *text, size_t size);

/* Lets go of a snapshot that is no longer the latest. Does not wait. */
void http_bodies_refresh(struct http_bodies *b);

/* A response of one short text, with the headers that all have. Returns new. */
struct MHD_Response *http_bodies_text(const char *text);

#endif
