#include "sinks/remote_write_sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "aws/credentials.h"
#include "aws/sigv4.h"
#include "core/alloc.h"
#include "core/base64.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/utf8.h"
#include "http/pool.h"
#include "sinks/text.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes of an answer's body that are read */
    KEPT_MAX = 2048,        /* of these, looked at */
    LINE_SIZE = 200,
    WRITTEN_MAX = 1 << 30, /* more than a request can hold */
    WINDOW = 16 * 1024,
    SECRET_SHORTEST = 6,   /* what is shorter is a word, no secret */
    SECRET_LOOKED_AT = 16, /* its first bytes: an answer may hold a part of it */
    PAUSE_MS = 500,
    PAUSE_MAX_MS = 30000,
    RETRY_AFTER_MAX_MS = 5 * 60 * 1000,
    HEADERS_MAX = 64 + SIGV4_HEADERS_MAX,
    RANGES = REMOTE_REQUESTS_MAX + 2,
};

struct remote_sender {
    const struct remote_write_target *target;
    const atomic_bool *stop;
    struct http_pool *pool;
    char *authorization; /* "Bearer ..."; NULL: none */
    char *basic;         /* user and password in the form in which libcurl sends them; NULL: none */
    struct aws_identity *identity;
    char *region, *host;       /* sigv4: as signed; the host with its port */
    const char *path;          /* in the target's url */
    const char *session_token; /* of the request under way; NULL: none */
    struct metric_label *labels;

    struct remote_encoder encoder;
    bool second;        /* what is sent now: 2.0 */
    bool second_proved; /* the receiver has shown that it knows it */
    bool hopeless;      /* nothing of the last batch that was cut was taken */
    bool renewed;       /* new credentials were asked for after a refusal */
    unsigned failures;  /* in a row */
    int64_t retry_after_ms;
    uint64_t random;
    struct remote_write_counts counts;
    char reason[REMOTE_TEXT_SIZE], refusal[REMOTE_TEXT_SIZE];
};

struct answer {
    int status;           /* 0: none */
    int64_t written;      /* of 2.0; -1: it does not say */
    char line[LINE_SIZE]; /* the body's first line */
    bool sample_refused;  /* its body says that samples are too old, or out of order */
};

/* --- life --------------------------------------------------------------------------------------------------------- */

/* Where the host of a URL that was checked ends, and its path begins. */
static void split_url(struct remote_sender *s) {
    const char *host = strstr(s->target->url, "://") + 3;
    size_t len = strcspn(host, "/?#");
    s->host = alloc_string(host, len);
    s->path = host[len] == '/' ? host + len : "/";
}

static bool prepare_signing(struct remote_sender *s, struct err *err) {
    if (!s->target->sigv4)
        return true;
    s->identity = aws_identity_create(&s->target->aws, s->pool);
    s->region = remote_write_target_region(s->target, err);
    return s->region != NULL;
}

static void make_labels(struct remote_sender *s) {
    const struct remote_write_target *t = s->target;
    s->labels = alloc_zeroed(t->label_count ? t->label_count : 1, sizeof *s->labels);
    for (size_t i = 0; i < t->label_count; i++)
        s->labels[i] = (struct metric_label){t->labels[i].name, t->labels[i].value};
}

/* Returns new. */
static char *joined(const char *a, const char *between, const char *b) {
    size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
    char *text = alloc_zeroed(1, size);
    snprintf(text, size, "%s%s%s", a, between, b);
    return text;
}

static void make_authorization(struct remote_sender *s) {
    const struct remote_write_target *t = s->target;
    if (t->bearer_token)
        s->authorization = joined("Bearer ", "", t->bearer_token);
    if (!t->username)
        return;
    char *plain = joined(t->username, ":", t->password ? t->password : "");
    s->basic = alloc_zeroed(1, base64_encoded_size(strlen(plain)) + 1);
    base64_encode(span_of(plain), s->basic);
    alloc_forget(plain);
}

struct remote_sender *remote_sender_open(const struct remote_write_target *t, const atomic_bool *stop,
                                         struct err *err) {
    struct err cause = {0};
    if (!remote_write_target_check(t, err))
        return NULL;
    struct http_pool *pool = http_pool_create(&(struct http_pool_options){.ca_file = t->ca_file,
                                                                          .cert_file = t->cert_file,
                                                                          .key_file = t->key_file,
                                                                          .username = t->username,
                                                                          .password = t->password,
                                                                          .connections = 1},
                                              &cause);
    if (!pool) {
        err_set(err, cause.code, "remote_write %.60s: %s", t->name, cause.text);
        return NULL;
    }
    struct remote_sender *s = alloc_zeroed(1, sizeof *s);
    s->target = t;
    s->stop = stop;
    s->pool = pool;
    s->second = t->protocol != REMOTE_WRITE_1;
    s->random = hash_key_random().k0;
    remote_encoder_init(&s->encoder);
    make_labels(s);
    split_url(s);
    make_authorization(s);
    if (!prepare_signing(s, &cause)) {
        err_set(err, cause.code, "remote_write %.60s: %s", t->name, cause.text);
        remote_sender_close(s);
        return NULL;
    }
    return s;
}

void remote_sender_close(struct remote_sender *s) {
    if (!s)
        return;
    aws_identity_destroy(s->identity);
    http_pool_destroy(s->pool);
    remote_encoder_deinit(&s->encoder);
    alloc_forget(s->authorization);
    alloc_forget(s->basic);
    free(s->region);
    free(s->host);
    free(s->labels);
    free(s);
}

const char *remote_sender_reason(const struct remote_sender *s) {
    return s->reason;
}

const char *remote_sender_refusal(const struct remote_sender *s) {
    return s->refusal;
}

const struct metric_label *remote_sender_labels(const struct remote_sender *s, size_t *count) {
    *count = s->target->label_count;
    return s->labels;
}

struct remote_write_counts *remote_sender_counts(struct remote_sender *s) {
    return &s->counts;
}

int64_t remote_sender_pause_ms(struct remote_sender *s) {
    int64_t ms = s->failures < 7 ? (int64_t)PAUSE_MS << s->failures : PAUSE_MAX_MS;
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    s->random = hash_mix(s->random + 0x9e3779b97f4a7c15u);
    ms = ms / 2 + (int64_t)(s->random >> 32) % (ms / 2 + 1);
    int64_t asked = s->retry_after_ms < RETRY_AFTER_MAX_MS ? s->retry_after_ms : RETRY_AFTER_MAX_MS;
    return ms > asked ? ms : asked;
}

/* --- what a peer says --------------------------------------------------------------------------------------------- */

static bool holds(struct span text, const char *secret) {
    size_t len = secret ? strlen(secret) : 0;
    return len >= SECRET_SHORTEST &&
           memmem(text.ptr, text.len, secret, len < SECRET_LOOKED_AT ? len : SECRET_LOOKED_AT);
}

/* A peer may say back what it got. */
static bool repeats_secret(const struct remote_sender *s, struct span text) {
    const struct remote_write_target *t = s->target;
    const char *query = strchr(t->url, '?');
    if (holds(text, t->password) || holds(text, t->bearer_token) || holds(text, t->aws.secret_access_key) ||
        holds(text, t->aws.session_token) || holds(text, query) || holds(text, s->basic) ||
        holds(text, s->session_token))
        return true;
    for (size_t i = 0; i < t->header_count; i++)
        if (holds(text, t->headers[i].value))
            return true;
    return false;
}

static void keep_line(const struct remote_sender *s, struct span rest, char line[LINE_SIZE]) {
    if (repeats_secret(s, rest)) {
        snprintf(line, LINE_SIZE, "(not shown: it repeats a secret)");
        return;
    }
    size_t len = 0;
    while (rest.len && *rest.ptr != '\n' && *rest.ptr != '\r') {
        uint32_t code = 0;
        size_t step = utf8_next(rest, &code);
        bool shown = step && !text_is_control(code);
        step = step ? step : 1;
        if (len + step >= LINE_SIZE)
            break;
        memcpy(line + len, shown ? rest.ptr : "?", shown ? step : 1);
        len += shown ? step : 1;
        rest.ptr += step;
        rest.len -= step;
    }
    line[len] = '\0';
}

/* Prometheus 2.42 says so with status 500, and would be asked for ever. */
static bool says_refused(const char *body) {
    static const char *const words[] = {"too old sample", "out of bounds", "out of order", "out-of-order",
                                        "duplicate sample"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(body, words[i]))
            return true;
    return false;
}

/* The first bytes of the body; what is behind ANSWER_MAX is not waited for. False: it broke off before. */
static bool read_body(struct http_exchange *x, char kept[KEPT_MAX], size_t *kept_len, struct err *err) {
    char piece[4096];
    size_t all = 0;
    ssize_t n;
    while ((n = http_read(x, piece, sizeof piece, err)) > 0 && all <= ANSWER_MAX) {
        size_t len = (size_t)n, room = KEPT_MAX - 1 - *kept_len;
        memcpy(kept + *kept_len, piece, len < room ? len : room);
        *kept_len += len < room ? len : room;
        all += len;
    }
    kept[*kept_len] = '\0';
    return n >= 0;
}

/* Samples and native histograms that the receiver wrote; -1: it does not say, or not in numbers. */
static int64_t written_of(const struct http_exchange *x) {
    static const char *const names[] = {"X-Prometheus-Remote-Write-Samples-Written",
                                        "X-Prometheus-Remote-Write-Histograms-Written"};
    int64_t all = -1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = http_header_of(x, names[i]);
        if (!text)
            continue;
        char *behind = NULL;
        long long n = strtoll(text, &behind, 10);
        if (behind == text || *behind || n < 0)
            return -1;
        all = (all < 0 ? 0 : all) + (n < WRITTEN_MAX ? n : WRITTEN_MAX);
    }
    return all;
}

static bool read_answer(struct remote_sender *s, struct http_exchange *x, struct answer *a, struct err *err) {
    char kept[KEPT_MAX];
    size_t len = 0;
    int status = http_status(x, err);
    if (!status)
        return false;
    a->written = written_of(x);
    s->retry_after_ms = http_retry_after_ms(x);
    /* Whether a good answer's body comes whole does not matter: the samples are written. */
    if (!read_body(x, kept, &len, err) && (status < 200 || status > 299))
        return false;
    a->status = status;
    a->sample_refused = says_refused(kept);
    keep_line(s, (struct span){kept, len}, a->line);
    return true;
}

/* --- a request ---------------------------------------------------------------------------------------------------- */

static size_t add_headers(const struct remote_sender *s, struct http_header *headers) {
    const struct remote_write_target *t = s->target;
    size_t n = 0;
    headers[n++] =
        (struct http_header){"Content-Type", s->second ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                                                       : "application/x-protobuf"};
    headers[n++] = (struct http_header){"Content-Encoding", "snappy"};
    headers[n++] = (struct http_header){"X-Prometheus-Remote-Write-Version", s->second ? "2.0.0" : "0.1.0"};
    if (s->authorization)
        headers[n++] = (struct http_header){"Authorization", s->authorization};
    for (size_t i = 0; i < t->header_count && n < HEADERS_MAX - SIGV4_HEADERS_MAX; i++)
        headers[n++] = (struct http_header){t->headers[i].name, t->headers[i].value};
    return n;
}

static bool sign(struct remote_sender *s, struct span body, struct aws_credentials *c, struct sigv4_signed *out,
                 struct err *err) {
    if (!aws_identity_get(s->identity, c, s->stop, err))
        return false;
    const struct sigv4_request request = {.method = "POST",
                                          .service = "aps",
                                          .region = s->region,
                                          .host = s->host,
                                          .path = s->path,
                                          .body = body,
                                          .now_ms = clock_wall_ms()};
    return sigv4_sign(&request, c, out) || err_set(err, ERR_CONFIG, "the request cannot be signed: it is too long");
}

static bool exchange(struct remote_sender *s, struct span body, struct answer *a, struct err *err) {
    struct http_header headers[HEADERS_MAX];
    struct aws_credentials credentials = {0};
    struct sigv4_signed signature = {0};
    size_t count = add_headers(s, headers);
    bool ok = !s->identity || sign(s, body, &credentials, &signature, err);
    for (size_t i = 0; ok && i < signature.header_count; i++)
        headers[count++] = signature.headers[i];
    const struct http_request request = {.method = "POST",
                                         .url = s->target->url,
                                         .headers = headers,
                                         .header_count = count,
                                         .body = body,
                                         .timeout_ms = s->target->timeout_ms,
                                         .window = WINDOW,
                                         .fresh = s->failures > 0};
    struct http_exchange *x = ok ? http_begin(s->pool, &request, s->stop, err) : NULL;
    s->session_token = credentials.session_token;
    ok = x && read_answer(s, x, a, err);
    s->session_token = NULL;
    http_end(x);
    if (a->status == 403 && s->identity)
        aws_identity_refused(s->identity, &credentials);
    sigv4_signed_deinit(&signature);
    aws_credentials_deinit(&credentials);
    return ok;
}

static bool encode(struct remote_sender *s, const struct remote_batch *b, struct remote_range r, struct span *body) {
    remote_encode_begin(&s->encoder, s->second);
    for (size_t i = 0; i < b->count; i++) {
        const struct remote_entry *e = &b->entries[i];
        size_t from = e->first > r.from ? e->first : r.from;
        size_t to = e->first + e->count < r.to ? e->first + e->count : r.to;
        struct span labels = {b->labels.data + e->labels_at, e->labels_len};
        struct exemplar exemplar;
        if (e->has_exemplar)
            memcpy(&exemplar, b->labels.data + e->exemplar_at, sizeof exemplar);
        if (from < to && e->has_exemplar)
            remote_encode_exemplar(&s->encoder, &exemplar);
        if (from < to && e->is_histogram)
            remote_encode_histogram(&s->encoder, labels, e->metadata,
                                    (struct span){b->labels.data + e->histogram_at, e->histogram_len},
                                    b->samples[from].time_ms);
        else if (from < to)
            remote_encode_series(&s->encoder, labels, e->metadata, b->samples + from, to - from);
    }
    return remote_encode_end(&s->encoder, body);
}

/* --- what to make of an answer ------------------------------------------------------------------------------------ */

enum judgement {
    GOOD,
    PARTLY,    /* it says how many it wrote */
    UNCLEAR,   /* some sample is bad; others may be written or not */
    TOO_LARGE, /* cut it */
    NOT_NOW,
    OLD_ONLY, /* it does not know 2.0 */
    NEVER,
};

static enum judgement judge(const struct remote_sender *s, const struct answer *a, size_t sent) {
    bool is_good = a->status >= 200 && a->status <= 299;
    if (s->second && (a->status == 415 || (is_good && a->written < 0)))
        return OLD_ONLY; /* a receiver of 1.0 alone finds nothing in 2.0's body, and says that all is well */
    if (s->second && !s->second_proved && s->target->protocol == REMOTE_WRITE_AUTO && a->status == 400 &&
        a->written < 0)
        return OLD_ONLY;
    if (is_good)
        return s->second && (uint64_t)a->written < sent ? PARTLY : GOOD;
    if (s->second && a->status >= 400 && a->status <= 499 && a->status != 429 && a->written > 0)
        return PARTLY;
    switch (a->status) {
    case 400: /* Prometheus, Mimir */
    case 409: /* Thanos */
    case 422:
        return UNCLEAR;
    case 413:
        return TOO_LARGE;
    case 429:
        return NOT_NOW;
    default:
        break;
    }
    if (a->status >= 500) /* of the others a page of a proxy may hold any words: "out of order" */
        return a->status == 500 && a->sample_refused ? UNCLEAR : NOT_NOW;
    return NEVER;
}

static const char *advice(const struct remote_sender *s, int status) {
    switch (status) {
    case 401:
        return "user and password, or the token, are wrong";
    case 403:
        return s->identity ? "these credentials may not write there; they need aps:RemoteWrite"
                           : "these credentials may not write there";
    case 404:
        return "nothing takes remote write at this path; Prometheus needs --web.enable-remote-write-receiver and the "
               "path /api/v1/write";
    case 405:
        return "nothing takes remote write at this path";
    case 415:
        return "it does not take this form";
    default:
        return status >= 300 && status < 400 ? "it answers with another address, which is not followed; write that one"
                                             : "it refuses the request";
    }
}

static void say(struct remote_sender *s, const struct answer *a, const char *what) {
    snprintf(s->reason, sizeof s->reason, "HTTP %d%s%s%s%s", a->status, *what ? ": " : "", what, *a->line ? ": " : "",
             a->line);
}

static void refuse(struct remote_sender *s, size_t samples) {
    s->counts.refused += samples;
    if (samples && !*s->refusal)
        snprintf(s->refusal, sizeof s->refusal, "%s", s->reason);
}

static void note_written(struct remote_sender *s, struct remote_batch *b, struct remote_range r, size_t count) {
    s->counts.written += count;
    if (count) {
        b->any_written = true;
        s->hopeless = false;
    }
    for (size_t i = r.from; count && i < r.to; i++)
        if (b->samples[i].time_ms > s->counts.last_ms)
            s->counts.last_ms = b->samples[i].time_ms;
}

static struct remote_range pop(struct remote_batch *b) {
    struct remote_range r = b->todo[b->todo_first];
    b->todo_first = (b->todo_first + 1) % RANGES;
    b->todo_count--;
    return r;
}

static void push(struct remote_batch *b, struct remote_range r) {
    b->todo[(b->todo_first + b->todo_count++) % RANGES] = r;
}

static void push_first(struct remote_batch *b, struct remote_range r) {
    b->todo_first = (b->todo_first + RANGES - 1) % RANGES;
    b->todo[b->todo_first] = r;
    b->todo_count++;
}

/* Halves wait behind what waits already: breadth first, so that the good ones go through before the last request is
 * spent on the worst. But where a series has several samples, their order must stay: a receiver refuses what is older
 * than what it has. */
static void cut(struct remote_sender *s, struct remote_batch *b) {
    struct remote_range r = pop(b);
    size_t most = s->hopeless ? REMOTE_REQUESTS_HOPELESS : REMOTE_REQUESTS_MAX;
    if (r.to - r.from == 1 || b->requests + 1 + b->todo_count + 2 > most) {
        refuse(s, r.to - r.from);
        s->hopeless = s->hopeless || (b->todo_count == 0 && !b->any_written);
        return;
    }
    size_t middle = r.from + (r.to - r.from) / 2;
    if (b->sample_count > b->count) {
        push_first(b, (struct remote_range){middle, r.to});
        push_first(b, (struct remote_range){r.from, middle});
    } else {
        push(b, (struct remote_range){r.from, middle});
        push(b, (struct remote_range){middle, r.to});
    }
}

/* False: the target has to be 2.0. */
static bool fall_back(struct remote_sender *s, const struct answer *a) {
    if (s->target->protocol == REMOTE_WRITE_AUTO) {
        s->second = false;
        log_event(LOG_INFO, "a receiver of remote write does not know 2.0, 1.0 is sent from now on",
                  LOG_FIELDS({"target", s->target->name, 0}, {"status", NULL, a->status}));
        return true;
    }
    snprintf(s->reason, sizeof s->reason,
             "the receiver does not know remote write 2.0: it answered %d without saying how many samples it wrote; "
             "set protocol to 1.0 or auto",
             a->status);
    return false;
}

static enum remote_outcome take_answer(struct remote_sender *s, struct remote_batch *b, const struct answer *a) {
    struct remote_range r = b->todo[b->todo_first];
    size_t sent = r.to - r.from;
    enum judgement j = judge(s, a, sent);
    if (j == OLD_ONLY)
        return fall_back(s, a) ? REMOTE_DONE : REMOTE_FAILED;
    s->second_proved = s->second_proved || (s->second && a->written >= 0);
    s->counts.failed += j != GOOD;
    if (j != GOOD)
        say(s, a, j == NEVER ? advice(s, a->status) : "");
    switch (j) {
    case GOOD:
        pop(b);
        note_written(s, b, r, sent);
        break;
    case PARTLY:
        pop(b);
        size_t written = (uint64_t)a->written < sent ? (size_t)a->written : sent;
        note_written(s, b, r, written);
        refuse(s, sent - written);
        break;
    case UNCLEAR:
    case TOO_LARGE:
        cut(s, b);
        break;
    case NOT_NOW:
        return REMOTE_AGAIN;
    case NEVER:
    case OLD_ONLY:
        if (a->status == 403 && s->identity && !s->renewed) {
            s->renewed = true; /* credentials may have ended: once with new ones */
            return REMOTE_AGAIN;
        }
        return REMOTE_FAILED;
    }
    b->requests++;
    s->renewed = false;
    return REMOTE_DONE;
}

/* What cannot be sent at all is not sent again. */
static enum remote_outcome send_next(struct remote_sender *s, struct remote_batch *b) {
    struct answer a = {.written = -1};
    struct err err = {0};
    struct span body;
    s->retry_after_ms = 0;
    if (!encode(s, b, b->todo[b->todo_first], &body)) {
        snprintf(s->reason, sizeof s->reason, "a request would be over %d MiB", REMOTE_BODY_MAX >> 20);
        cut(s, b);
        return REMOTE_DONE;
    }
    bool answered = exchange(s, body, &a, &err);
    if (!answered && s->stop && atomic_load(s->stop))
        return REMOTE_STOPPED;
    s->counts.requests++;
    enum remote_outcome outcome = REMOTE_AGAIN;
    if (answered) {
        outcome = take_answer(s, b, &a);
    } else {
        s->counts.failed++;
        snprintf(s->reason, sizeof s->reason, "%.350s", err.text);
    }
    s->failures = outcome == REMOTE_AGAIN ? s->failures + 1 : 0;
    return outcome;
}

enum remote_outcome remote_sender_send(struct remote_sender *s, struct remote_batch *b) {
    enum remote_outcome outcome = REMOTE_DONE;
    while (b->todo_count && outcome == REMOTE_DONE) {
        if (s->stop && atomic_load(s->stop))
            return REMOTE_STOPPED;
        outcome = send_next(s, b);
    }
    return outcome;
}
