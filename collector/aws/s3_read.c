#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/s3.h"
#include "aws/s3_call.h"
#include "core/alloc.h"

enum { TRIES = 5, PAUSE_FIRST_MS = 100, PAUSE_STEP_MS = 50, ETAG_SIZE = 256 };

#define UNKNOWN UINT64_MAX

struct s3_download {
    struct aws_session *session;    /* borrowed */
    const struct s3_bucket *bucket; /* borrowed */
    const atomic_bool *stop;        /* borrowed; may be NULL */
    char *path;                     /* owned; "/key" */
    size_t window;
    char etag[ETAG_SIZE];       /* which object; "": not known yet. Opaque, without quotes */
    bool named;                 /* `etag` came with the listing, as `listed` did */
    uint64_t listed;            /* the object's size by who wants it; UNKNOWN */
    uint64_t said;              /* the same by the answers' heads; UNKNOWN: none says it */
    bool doubted;               /* what lies behind `said` was asked for: it is less than `listed` */
    bool partial;               /* the open body need not reach the object's end: 206 */
    struct aws_flight *flight;  /* the first request, until it is waited for */
    struct http_exchange *body; /* NULL: none is open */
    uint64_t at;                /* bytes given */
    uint64_t skip;              /* bytes to come that were given before */
    unsigned tries;             /* without progress */
    bool at_end;
    enum s3_read_result result;
    struct err why; /* of the failure */
};

static bool is_stopped(const struct s3_download *d) {
    return d->stop && atomic_load(d->stop);
}

/* --- the request -------------------------------------------------------------------------------------------------- */

/* A name of bytes that may stand in a header. Another is not asked for: then the first answer says which it is. */
static void keep_etag(struct s3_download *d, const char *etag) {
    size_t len = etag ? strlen(etag) : 0;
    if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"')
        etag++, len -= 2;
    if (!len || len >= sizeof d->etag)
        return;
    for (size_t i = 0; i < len; i++)
        if (etag[i] <= ' ' || etag[i] >= 0x7f)
            return;
    memcpy(d->etag, etag, len);
    d->etag[len] = 0;
}

struct request {
    struct s3_call call;
    char if_match[ETAG_SIZE + 2], range[40];
};

static void make_request(const struct s3_download *d, struct request *r) {
    s3_call_init(&r->call, d->bucket, d->path);
    r->call.call.window = d->window;
    if (d->etag[0] && strncmp(d->etag, "W/", 2) != 0) { /* a weak one never matches: take_head compares it */
        snprintf(r->if_match, sizeof r->if_match, "\"%s\"", d->etag);
        s3_call_add_header(&r->call, "if-match", r->if_match);
    }
    if (d->at) {
        snprintf(r->range, sizeof r->range, "bytes=%" PRIu64 "-", d->at);
        s3_call_add_header(&r->call, "range", r->range);
    }
}

struct s3_download *s3_download_begin(struct aws_session *s, const struct s3_bucket *b, const char *key,
                                      const char *etag, uint64_t size, size_t window, const atomic_bool *stop) {
    struct s3_download *d = alloc_zeroed(1, sizeof *d);
    struct request r;
    size_t len = strlen(key);
    d->session = s;
    d->bucket = b;
    d->stop = stop;
    d->window = window;
    d->listed = size ? size : UNKNOWN;
    d->said = UNKNOWN;
    d->path = alloc_zeroed(len + 2, 1);
    d->path[0] = '/';
    memcpy(d->path + 1, key, len);
    keep_etag(d, etag);
    d->named = d->etag[0] != 0;
    make_request(d, &r);
    d->flight = aws_stream_begin(s, &r.call.call, stop, &d->why);
    if (!d->flight)
        d->result = S3_READ_FAILED;
    return d;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static bool fail(struct s3_download *d, enum s3_read_result result, const char *text) {
    d->result = result;
    d->why = (struct err){0};
    return err_set(&d->why, ERR_IO, "%s", text);
}

static bool fail_replaced(struct s3_download *d) {
    return fail(d, S3_READ_CHANGED, "it was replaced while it was read");
}

/* What comes has another length than it should. Was only the key known, it is likely that it is another object. */
static bool fail_length(struct s3_download *d, const char *text) {
    return d->named ? fail(d, S3_READ_FAILED, text) : fail_replaced(d);
}

/* An answer's head is about the object that it pins; a size that was told may be another one's. */
static uint64_t size_of(const struct s3_download *d) {
    return d->said != UNKNOWN ? d->said : d->listed;
}

/* Nothing is behind what was given, says the store: it broke off after the last byte. A store that gave only a part of
 * it before, and takes that for the whole, says so too. */
static bool take_end(struct s3_download *d) {
    if (d->listed != UNKNOWN && d->at < d->listed && d->at < d->said)
        return fail_length(d, "the store says that it is shorter than it is listed");
    d->at_end = true;
    return true;
}

/* The call failed, and the session has tried what could help. */
static bool take_failure(struct s3_download *d, const struct aws_answer *answer, const struct err *why) {
    if (answer->status == 412)
        return fail_replaced(d);
    if (answer->status == 404 && strcmp(answer->code, "NoSuchBucket") != 0)
        return fail(d, S3_READ_MISSING, "it is not there any more");
    if (answer->status == 403 && strcmp(answer->code, "InvalidObjectState") == 0)
        return fail(d, S3_READ_DENIED, "it is archived: restore it first");
    if (answer->status == 416 && d->at && d->etag[0])
        return take_end(d);
    if (answer->status == 403) {
        struct err said = {0};
        err_set(&said, ERR_IO, "%s (reading it takes s3:GetObject, and kms:Decrypt on its key where it has one)",
                why->text);
        return fail(d, S3_READ_DENIED, said.text);
    }
    return fail(d, S3_READ_FAILED, why->text);
}

/* Where the digits end; NULL: there are none, or too many. */
static const char *take_number(const char *p, uint64_t *n) {
    unsigned digits = 0;
    for (*n = 0; *p >= '0' && *p <= '9' && digits < 19; p++, digits++)
        *n = *n * 10 + (uint64_t)(*p - '0');
    return digits && !(*p >= '0' && *p <= '9') ? p : NULL;
}

/* "bytes 17-99/100" */
static bool range_begins(const char *text, uint64_t at) {
    static const char unit[] = "bytes ";
    if (!text || strncmp(text, unit, sizeof unit - 1) != 0)
        return false;
    uint64_t n;
    const char *p = take_number(text + sizeof unit - 1, &n);
    return p && *p == '-' && n == at;
}

/* How long the whole object is by the head of an answer; UNKNOWN: it does not say. */
static uint64_t size_in_head(const struct http_exchange *body, int status) {
    uint64_t size;
    const char *text = http_header_of(body, status == 206 ? "content-range" : "content-length");
    if (status == 206)
        text = text ? strchr(text, '/') : NULL;
    else if (http_header_of(body, "transfer-encoding"))
        text = NULL; /* then a length means nothing */
    const char *end = text ? take_number(text + (status == 206), &size) : NULL;
    return end && !*end ? size : UNKNOWN;
}

/* Of two heads that differ the one that is right by the listing counts. `pinned`: the head names the object that was
 * asked for, or none was; one that does not, and has another length, is anything. */
static bool take_size(struct s3_download *d, uint64_t size, bool pinned) {
    if (size == UNKNOWN)
        return true;
    if (!pinned && d->listed != UNKNOWN && size != d->listed)
        return fail(d, S3_READ_FAILED, "the answer is something else: it has neither the object's ETag nor its size");
    if (size < d->at || (size != d->listed && d->said != UNKNOWN && size != d->said))
        return fail_replaced(d);
    d->said = size;
    return true;
}

static const char *bare_etag(const char *etag, size_t *len) {
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    *len = strlen(etag);
    if (*len >= 2 && etag[0] == '"' && etag[*len - 1] == '"') {
        *len -= 2;
        return etag + 1;
    }
    return etag;
}

static bool same_etag(const char *a, const char *b) {
    size_t a_len, b_len;
    a = bare_etag(a, &a_len);
    b = bare_etag(b, &b_len);
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Whether the body is what was asked for: the same object, from where we are. */
static bool take_head(struct s3_download *d) {
    struct err why = {0};
    int status = http_status(d->body, &why);
    const char *etag = http_header_of(d->body, "etag");
    if (etag && d->etag[0] && !same_etag(etag, d->etag))
        return fail_replaced(d);
    if (etag && !d->etag[0] && d->at == 0)
        keep_etag(d, etag);
    d->skip = 0;
    d->partial = status == 206;
    if (d->partial && !range_begins(http_header_of(d->body, "content-range"), d->at))
        return fail(d, S3_READ_FAILED, "the store answers with another stretch than it was asked for");
    if (!d->partial)
        d->skip = d->at; /* a store without Range */
    return take_size(d, size_in_head(d->body, status), etag || !d->named);
}

/* Waits; false when there is nothing more to hope for. */
static bool open_body(struct s3_download *d) {
    struct aws_answer answer = {0};
    struct err why = {0};
    if (d->flight) {
        struct aws_flight *flight = d->flight;
        d->flight = NULL;
        d->body = aws_stream_wait(flight, &answer, &why);
    } else {
        struct request r;
        make_request(d, &r);
        d->body = aws_stream(d->session, &r.call.call, &answer, d->stop, &why);
    }
    bool ok = d->body ? take_head(d) : take_failure(d, &answer, &why);
    aws_answer_deinit(&answer);
    return ok;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Longer from try to try; looks in between whether it shall stop. */
static void pause_before_try(const struct s3_download *d) {
    int64_t left = (int64_t)PAUSE_FIRST_MS << (d->tries - 1);
    for (; left > 0 && !is_stopped(d); left -= PAUSE_STEP_MS)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_STEP_MS * 1000000L}, NULL);
}

/* The transfer broke off: another one takes it up, unless that was tried too often. Without knowing which object it was
 * nothing can be taken up: its rest may be another's. */
static bool break_off(struct s3_download *d, const struct err *why) {
    http_end(d->body);
    d->body = NULL;
    if (d->at && !d->etag[0])
        return fail(d, S3_READ_FAILED, why->text);
    if (++d->tries > TRIES || is_stopped(d))
        return fail(d, S3_READ_FAILED, why->text);
    pause_before_try(d);
    return true;
}

/* All that the head promised has come. When more was listed, the store is asked for it once: a head may be wrong, too.
 * False when nothing more is to be read. */
static bool doubt_end(struct s3_download *d) {
    if (d->listed == UNKNOWN || d->at >= d->listed || d->doubted || !d->etag[0]) {
        d->at_end = true;
        return false;
    }
    d->doubted = true;
    http_end(d->body);
    d->body = NULL;
    return true;
}

/* The body has ended as if it were whole: one without a length does so wherever its connection ends. False when nothing
 * more is to be read. */
static bool end_body(struct s3_download *d) {
    uint64_t size = size_of(d);
    if (size == UNKNOWN && d->skip)
        return fail_replaced(d); /* the same name, and fewer bytes than were given */
    if (size == UNKNOWN ? !d->partial : d->at >= size && !d->skip)
        return doubt_end(d);
    struct err why = {0};
    if (size == UNKNOWN)
        err_set(&why, ERR_IO, "the transfer broke off after %" PRIu64 " bytes", d->at);
    else
        err_set(&why, ERR_IO, "the transfer broke off after %" PRIu64 " of %" PRIu64 " bytes", d->at - d->skip, size);
    return break_off(d, &why);
}

/* What of `n` bytes is new: moved to the front. */
static size_t drop_known(struct s3_download *d, char *to, size_t n) {
    size_t known = d->skip < n ? (size_t)d->skip : n;
    d->skip -= known;
    memmove(to, to + known, n - known);
    return n - known;
}

static ssize_t give_up(const struct s3_download *d, struct err *err) {
    err_set(err, ERR_IO, "%s", d->why.text);
    return -1;
}

ssize_t s3_download_read(struct s3_download *d, char *to, size_t room, struct err *err) {
    while (d->result == S3_READ_OK && !d->at_end) {
        struct err why = {0};
        if (!d->body && !open_body(d))
            break;
        if (d->at_end)
            break;
        ssize_t n = http_read(d->body, to, room, &why);
        if (n < 0) {
            if (!break_off(d, &why))
                break;
            continue;
        }
        if (n == 0) {
            if (!end_body(d))
                break;
            continue;
        }
        size_t made = drop_known(d, to, (size_t)n);
        if (made > size_of(d) - d->at) {
            fail_length(d, "more bytes of it come than it is long");
            break;
        }
        if (made) {
            d->at += made;
            d->tries = 0;
            return (ssize_t)made;
        }
    }
    return d->result == S3_READ_OK ? 0 : give_up(d, err);
}

enum s3_read_result s3_download_result(const struct s3_download *d) {
    return d->result;
}

void s3_download_end(struct s3_download *d) {
    if (!d)
        return;
    if (d->flight)
        aws_stream_drop(d->flight);
    http_end(d->body);
    free(d->path);
    free(d);
}
