#include "sinks/http_server_bodies.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "sinks/alerts.h"
#include "sinks/http_gzip.h"
#include "sinks/http_negotiate.h"
#include "sinks/page.h"
#include "sinks/prometheus.h"

#define MAX_BODY ((size_t)64 << 20)

enum { PLAIN, GZIP, ENCODINGS };

struct http_bodies {
    struct board *board;
    pthread_mutex_t lock; /* over all below, and held while rendering: two scrapes at once cost one */
    const struct snapshot *snapshot;
    struct rendered {
        const char *text; /* of the plain response */
        size_t len;
        struct MHD_Response *response[ENCODINGS]; /* NULL: nobody has asked for it */
    } made[BODIES];
};

/* --- rendering ---------------------------------------------------------------------------------------------------- */

static ssize_t write_capped(void *cookie, const char *data, size_t len) {
    return buf_append(cookie, data, len) ? (ssize_t)len : 0;
}

/* Calls the writer of `body`, or that of the rates when there is a query. */
static bool write_body(FILE *out, enum http_body body, const struct snapshot *s, const struct rates_query *q,
                       struct err *err) {
    if (q)
        return rates_write(out, s, q, err);
    switch (body) {
    case BODY_TEXT:
        return prometheus_write(out, s, err);
    case BODY_ALERTS:
        return alerts_write(out, s, err);
    case BODY_PAGE:
        return page_write(out, s, err);
    default:
        return openmetrics_write(out, s, err);
    }
}

static bool render(struct buf *text, enum http_body body, const struct snapshot *s, const struct rates_query *q,
                   struct err *err) {
    buf_init(text, MAX_BODY);
    FILE *out = fopencookie(text, "w", (cookie_io_functions_t){.write = write_capped});
    if (!out)
        return err_set(err, ERR_IO, "no memory for the answer");
    bool good = write_body(out, body, s, q, err);
    good = !fclose(out) && good && !text->failed;
    if (!good) {
        buf_deinit(text);
        err_set(err, ERR_IO, "the answer could not be made: it may have at most 64 MiB");
    }
    return good;
}

/* --- responses ---------------------------------------------------------------------------------------------------- */

static struct MHD_Response *with_common_headers(struct MHD_Response *r, const char *content_type) {
    if (!r)
        abort(); /* no memory */
    MHD_add_response_header(r, "Content-Type", content_type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    return r;
}

struct MHD_Response *http_bodies_text(const char *text) {
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    return with_common_headers(r, "text/plain; charset=utf-8");
}

static const char json[] = "application/json";

static const char *content_type_of(enum http_body body) {
    switch (body) {
    case BODY_ALERTS:
        return json;
    case BODY_OPENMETRICS:
        return metrics_format_content_type(METRICS_OPENMETRICS);
    case BODY_OPENMETRICS_0_0_1:
        return metrics_format_content_type(METRICS_OPENMETRICS_0_0_1);
    case BODY_PAGE:
        return "text/html; charset=utf-8";
    default:
        return metrics_format_content_type(METRICS_TEXT);
    }
}

/* Takes the data. Returns new. */
static struct MHD_Response *make_response(char *data, size_t len, const char *content_type, bool gzip) {
    struct MHD_Response *r = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
    with_common_headers(r, content_type);
    MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
    if (gzip)
        MHD_add_response_header(r, "Content-Encoding", "gzip");
    return r;
}

static void add_page_headers(struct MHD_Response *r) {
    MHD_add_response_header(r, "Content-Security-Policy", HTTP_PAGE_POLICY);
    MHD_add_response_header(r, "X-Frame-Options", "DENY");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
}

/* --- cache -------------------------------------------------------------------------------------------------------- */

struct http_bodies *http_bodies_create(struct board *board) {
    struct http_bodies *b = alloc_zeroed(1, sizeof *b);
    b->board = board;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

/* Answers that are still being sent keep their bytes: the library counts who uses them. Under the lock. */
static void let_go(struct http_bodies *b) {
    for (int i = 0; i < BODIES; i++) {
        for (int e = 0; e < ENCODINGS; e++)
            if (b->made[i].response[e])
                MHD_destroy_response(b->made[i].response[e]);
        b->made[i] = (struct rendered){0};
    }
    board_release(b->board, b->snapshot);
    b->snapshot = NULL;
}

void http_bodies_destroy(struct http_bodies *b) {
    if (!b)
        return;
    let_go(b);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* Makes the latest snapshot the held one. Under the lock. */
static void take_latest(struct http_bodies *b) {
    const struct snapshot *latest = board_look(b->board);
    if (latest == b->snapshot) {
        board_release(b->board, latest);
        return;
    }
    let_go(b);
    b->snapshot = latest;
}

/* The plain text is made once; the gzipped one from it, so that both say the same. Under the lock, with a snapshot.
 * Returns borrowed, NULL on error. */
static struct MHD_Response *find_or_make(struct http_bodies *b, enum http_body body, int encoding, struct err *err) {
    struct rendered *m = &b->made[body];
    if (!m->response[PLAIN]) {
        struct buf text;
        if (!render(&text, body, b->snapshot, NULL, err))
            return NULL;
        m->text = text.data;
        m->len = text.len;
        m->response[PLAIN] = make_response(text.data, text.len, content_type_of(body), false);
        if (body == BODY_PAGE)
            add_page_headers(m->response[PLAIN]);
    }
    if (!m->response[encoding]) {
        size_t len;
        char *data = http_gzip(m->text, m->len, &len);
        m->response[encoding] = make_response(data, len, content_type_of(body), true);
        if (body == BODY_PAGE)
            add_page_headers(m->response[encoding]);
    }
    return m->response[encoding];
}

bool http_bodies_answer(struct http_bodies *b, struct MHD_Connection *c, enum http_body body, bool gzip,
                        enum MHD_Result *queued, struct err *err) {
    pthread_mutex_lock(&b->lock);
    take_latest(b);
    struct MHD_Response *r = b->snapshot ? find_or_make(b, body, gzip ? GZIP : PLAIN, err) : NULL;
    if (r) /* under the lock, since nobody else keeps it alive; nothing is sent yet */
        *queued = MHD_queue_response(c, MHD_HTTP_OK, r);
    pthread_mutex_unlock(&b->lock);
    return r;
}

bool http_bodies_answer_rates(struct http_bodies *b, struct MHD_Connection *c, const struct rates_query *q, bool gzip,
                              enum MHD_Result *queued, struct err *err) {
    struct buf text;
    const struct snapshot *s = board_look(b->board);
    bool good = s && render(&text, BODIES, s, q, err);
    board_release(b->board, s);
    if (!good)
        return false;
    char *data = text.data;
    size_t len = text.len;
    if (gzip) {
        data = http_gzip(text.data, text.len, &len);
        buf_deinit(&text);
    }
    struct MHD_Response *r = make_response(data, len, json, gzip);
    *queued = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return true;
}

bool http_bodies_ready(struct http_bodies *b, char *text, size_t size) {
    const struct snapshot *s = board_look(b->board);
    bool ready = s && (!s->has_service || s->service.ready);
    snprintf(text, size, "%s%s\n", ready ? "Ready." : "Not ready: ",
             ready ? ""
             : s   ? s->service.not_ready
                   : "the service is starting");
    board_release(b->board, s);
    return ready;
}

void http_bodies_refresh(struct http_bodies *b) {
    if (pthread_mutex_trylock(&b->lock))
        return; /* somebody is rendering the latest one */
    if (b->snapshot)
        take_latest(b);
    pthread_mutex_unlock(&b->lock);
}
