#include "source/push.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/listen.h"
#include "source/push_body.h"
#include "source/push_internal.h"

enum {
    ROUND = 64,           /* requests that share a commit's wait before what they brought is given */
    PIECE = 1 << 20,      /* text of a request is given in pieces of about this size */
    IDLE_MS = 100,        /* how soon a stop is seen */
    COMMIT_POLL_MS = 10,  /* how soon a commit is seen */
    LAST_COMMIT_MS = 700, /* what was given before a stop may still be committed, and is answered well then */
    LAST_ANSWERS_MS = 250,
    TROUBLE_MS = 300000,
};

static const int64_t ns_per_ms = 1000000;

static void nap(int64_t ms) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(ms * ns_per_ms)}, NULL);
}

/* --- what a request brings ---------------------------------------------------------------------------------------- */

/* A record that cannot be decoded is malformed like any other: counted, and kept if somebody wants it. */
static bool count_bad_record(struct push *p, struct span data) {
    struct batcher *b = &p->feed.batcher;
    if (!batcher_open(b))
        return false;
    struct batch *to = b->batch;
    to->accounting.read++;
    to->accounting.malformed[MALFORMED_BAD_ENVELOPE]++;
    size_t len = data.len < BATCH_RAW_FULL ? data.len : BATCH_RAW_FULL;
    struct batch_note note = {
        .reason = MALFORMED_BAD_ENVELOPE, .length = data.len, .raw_at = to->raw.len, .raw_len = len};
    if (b->keep_notes && to->note_count < BATCH_NOTES && buf_append(&to->raw, data.ptr, len))
        to->notes[to->note_count++] = note;
    to->raw.failed = false;
    if (to->note_count == BATCH_NOTES || to->raw.len >= BATCH_RAW_FULL)
        batcher_flush(b);
    return true;
}

/* False when stopped, as in all that follows. */
static bool give_text(struct push *p, struct buf *text) {
    bool went_on = !text->len || feed_text(&p->feed, buf_span(text), p->feed.entry, false);
    buf_clear(text);
    return went_on;
}

static bool give_records(struct push *p, struct push_body *body) {
    struct buf text;
    struct span data;
    bool went_on = true;
    buf_init(&text, PUSH_TEXT_MAX);
    push_decoder_begin(p->decoder);
    while (went_on && push_body_next(body, &data)) {
        if (!data.ptr || !push_decoder_add(p->decoder, data, &text))
            went_on = give_text(p, &text) && count_bad_record(p, data);
        else if (text.len >= PIECE)
            went_on = give_text(p, &text);
    }
    went_on = went_on && give_text(p, &text);
    buf_deinit(&text);
    return went_on;
}

static void keep_body_id(struct push_request *r, struct span id) {
    if (*r->id || !id.len || id.len > PUSH_REQUEST_ID_MAX)
        return;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f || id.ptr[i] == '\\')
            return;
    memcpy(r->id, id.ptr, id.len);
    r->id[id.len] = '\0';
}

enum taking { TAKEN, REFUSED, STOPPED };

static enum taking refuse(struct push *p, struct push_request *r, unsigned status, const char *text) {
    log_event(LOG_WARN, "a push that cannot be read was refused",
              LOG_FIELDS({"source", p->source.name}, {"cause", text}));
    push_answer(p, r, status, text);
    return REFUSED;
}

static enum taking take_text(struct push *p, struct push_request *r, struct span text) {
    struct push_body body;
    struct err err = {0};
    if (!push_body_check(&body, text, &err))
        return refuse(p, r, MHD_HTTP_BAD_REQUEST, "the body is not the JSON that Firehose sends");
    keep_body_id(r, body.request_id);
    return give_records(p, &body) ? TAKEN : STOPPED;
}

static enum taking take_firehose(struct push *p, struct push_request *r) {
    p->feed.entry = p->firehose_entry;
    if (!r->gzip)
        return take_text(p, r, (struct span){r->body, r->len});
    struct buf text;
    enum taking taking;
    buf_init(&text, PUSH_TEXT_MAX);
    switch (push_decoder_inflate(p->decoder, (struct span){r->body, r->len}, &text)) {
    case PUSH_INFLATED:
        taking = take_text(p, r, buf_span(&text));
        break;
    case PUSH_OVER_LIMIT:
        taking = refuse(p, r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than it can ever be");
        break;
    default:
        taking = refuse(p, r, MHD_HTTP_BAD_REQUEST, "the body is damaged gzip");
    }
    buf_deinit(&text);
    return taking;
}

/* SES's note that it may publish to the topic is plain text, and no damage. */
static bool is_plain_text(struct span s) {
    if (s.len >= 3 && memcmp(s.ptr, "\xef\xbb\xbf", 3) == 0)
        return false;
    s = span_trim(s);
    return !s.len || (s.ptr[0] != '{' && s.ptr[0] != '[');
}

static enum taking take_sns(struct push *p, struct push_request *r) {
    struct span text = {r->body, r->len};
    p->feed.entry = p->sns_entry;
    if (!is_plain_text(text))
        return feed_text(&p->feed, text, p->sns_entry, false) ? TAKEN : STOPPED;
    if (!batcher_open(&p->feed.batcher))
        return STOPPED;
    p->feed.batcher.batch->accounting.read++;
    p->feed.batcher.batch->accounting.filtered++;
    return TAKEN;
}

/* What is in the batcher belongs to one stream. */
static enum taking take_request(struct push *p, struct push_request *r) {
    const struct ledger_entry *entry = r->endpoint == PUSH_SNS ? p->sns_entry : p->firehose_entry;
    if (p->feed.entry != entry)
        batcher_flush(&p->feed.batcher);
    return r->endpoint == PUSH_SNS ? take_sns(p, r) : take_firehose(p, r);
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

static struct ledger_entry *entry_of(const struct push *p, const struct push_request *r) {
    return r->endpoint == PUSH_SNS ? p->sns_entry : p->firehose_entry;
}

/* What the requests of a round brought is given now; they wait until it is committed. */
static void flush_round(struct push *p) {
    batcher_flush(&p->feed.batcher);
    for (struct push_request *r; (r = push_take_first(&p->given));) {
        r->ticket = entry_of(p, r)->given;
        push_queue_for(p, &p->waiting, r);
    }
}

/* Stopped within a record: what is held was given back empty, and that may be more than the last request's. */
static void refuse_given(struct push *p) {
    for (struct push_request *r; (r = push_take_first(&p->given));)
        push_answer(p, r, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
}

/* Takes requests while there are more, up to a round. */
static void run_round(struct push *p, int64_t wait_ms) {
    struct push_request *r = push_next(p, &p->arrived, wait_ms);
    for (size_t n = 0; r && n < ROUND; n++) {
        enum taking taking = take_request(p, r);
        if (taking == TAKEN) {
            push_release(p, r);
            push_append(&p->given, r);
        } else if (taking == STOPPED) {
            push_append(&p->given, r);
            refuse_given(p);
        }
        r = n + 1 < ROUND ? push_next(p, &p->arrived, 0) : NULL;
    }
    flush_round(p);
}

/* 200, and only now. Returns how many still wait. */
static size_t answer_committed(struct push *p) {
    struct push_queue committed = {0}, left = {0};
    uint64_t firehose = atomic_load(&p->firehose_entry->stream.committed_chains);
    uint64_t sns = atomic_load(&p->sns_entry->stream.committed_chains);
    pthread_mutex_lock(&p->lock);
    for (struct push_request *r; (r = push_take_first(&p->waiting));)
        push_append(r->ticket <= (r->endpoint == PUSH_SNS ? sns : firehose) ? &committed : &left, r);
    p->waiting.first = left.first;
    p->waiting.last = left.first ? left.last : NULL;
    size_t waiting = p->waiting.count = left.count;
    pthread_mutex_unlock(&p->lock);
    for (struct push_request *r; (r = push_take_first(&committed));)
        push_answer(p, r, MHD_HTTP_OK, NULL);
    return waiting;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void close_queues(struct push *p) {
    static const char stopping[] = "the service is stopping";
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->closing, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->verifies)
        pthread_join(p->verifier, NULL);
    push_answer_all(p, &p->to_verify, stopping);
    push_answer_all(p, &p->arrived, stopping);
    int64_t until_ns = clock_monotonic_ns() + LAST_COMMIT_MS * ns_per_ms;
    while (answer_committed(p) && clock_monotonic_ns() < until_ns)
        nap(COMMIT_POLL_MS);
    push_answer_all(p, &p->waiting, stopping);
    until_ns = clock_monotonic_ns() + LAST_ANSWERS_MS * ns_per_ms;
    while (connections_in_state(&p->connections, CONNECTION_ANSWER) && clock_monotonic_ns() < until_ns)
        nap(COMMIT_POLL_MS);
}

static bool start_verifier(struct push *p, struct err *err) {
    if (!p->options.sns_path)
        return true;
    int rc = pthread_create(&p->verifier, NULL, push_verify, p);
    p->verifies = rc == 0;
    return p->verifies || err_set_errno(err, ERR_IO, rc, "source %s: cannot start a thread", p->source.name);
}

static void tell_start(const struct push *p) {
    log_event(LOG_INFO, "listening for pushes",
              LOG_FIELDS({"source", p->source.name}, {"port", NULL, http_listen_port(p->listen_fd)},
                         {"firehose", p->options.firehose_path ? p->options.firehose_path : "(no)"},
                         {"sns", p->options.sns_path ? p->options.sns_path : "(no)"}));
    if (!p->tls.cert && !http_listen_is_local(p->options.listen_address))
        log_event(LOG_WARN, "pushes come without TLS: only a proxy in front may let others in",
                  LOG_FIELDS({"source", p->source.name}, {"address", p->options.listen_address}));
}

static void serve(struct push *p) {
    tell_start(p);
    while (!atomic_load(&p->source.stop))
        run_round(p, answer_committed(p) ? COMMIT_POLL_MS : IDLE_MS);
    close_queues(p);
}

static bool push_run(struct source *s, struct err *err) {
    struct push *p = (struct push *)s;
    if (s->exit_at_end)
        return true; /* there is nothing that could be read to its end */
    p->decoder = push_decoder_create();
    feed_init(&p->feed, s);
    p->feed.in_text = true;
    p->feed.entry = p->firehose_entry;
    bool good = push_server_start(p, err);
    if (good) {
        good = start_verifier(p, err);
        if (good)
            serve(p);
        else
            close_queues(p);
        push_server_stop(p);
    }
    feed_deinit(&p->feed);
    push_decoder_destroy(p->decoder);
    return good;
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static void push_status(struct source *s, struct source_row *row) {
    struct push *p = (struct push *)s;
    row->caught_up = true; /* what was sent and not counted is still the sender's */
    for (int endpoint = 0; endpoint < PUSH_ENDPOINTS; endpoint++)
        for (int result = 0; result < PUSH_RESULTS; result++)
            row->pushes[endpoint][result] = atomic_load(&p->answered[endpoint][result]);
    pthread_mutex_lock(&p->lock);
    bool recent = p->trouble.code != ERR_NONE && clock_monotonic_ns() - p->trouble_ns < TROUBLE_MS * ns_per_ms;
    row->trouble = recent ? alloc_string(p->trouble.text, strlen(p->trouble.text)) : NULL;
    pthread_mutex_unlock(&p->lock);
}

static void push_close(struct source *s) {
    struct push *p = (struct push *)s;
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    sns_certificates_destroy(p->certificates);
    http_tls_deinit(&p->tls);
    ledger_deinit(&p->ledger);
    push_options_deinit(&p->options);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static const struct source_ops push_ops = {.kind = "push", .run = push_run, .status = push_status, .close = push_close};

/* --- options ------------------------------------------------------------------------------------------------------ */

static void free_list(char **list, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void push_options_deinit(struct push_options *o) {
    free(o->name);
    free(o->listen_address);
    free(o->cert_file);
    free(o->key_file);
    free(o->firehose_path);
    if (o->firehose_access_key)
        aws_wipe(o->firehose_access_key, strlen(o->firehose_access_key));
    free(o->firehose_access_key);
    free(o->sns_path);
    free_list(o->topics, o->topic_count);
    free(o->confirmations);
    free_list(o->sns_certificates, o->sns_certificate_count);
    aws_settings_deinit(&o->aws);
    *o = (struct push_options){0};
}

static char **copy_list(char *const *list, size_t count) {
    char **copy = alloc_zeroed(count ? count : 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = alloc_copy(list[i]);
    return copy;
}

static struct push_options copy_options(const struct push_options *o) {
    struct push_options copy = *o;
    copy.name = alloc_copy(o->name);
    copy.listen_address = alloc_copy(o->listen_address);
    copy.cert_file = alloc_copy(o->cert_file);
    copy.key_file = alloc_copy(o->key_file);
    copy.firehose_path = alloc_copy(o->firehose_path);
    copy.firehose_access_key = alloc_copy(o->firehose_access_key);
    copy.sns_path = alloc_copy(o->sns_path);
    copy.topics = copy_list(o->topics, o->topic_count);
    copy.confirmations = alloc_copy(o->confirmations);
    copy.sns_certificates = copy_list(o->sns_certificates, o->sns_certificate_count);
    copy.aws = aws_settings_copy(&o->aws);
    return copy;
}

/* The port and the files: what is wrong with them shall be known before anything runs. */
static bool open_parts(struct push *p, struct err *err) {
    const struct push_options *o = &p->options;
    const struct http_tls_files files = {.cert_file = o->cert_file, .key_file = o->key_file};
    if (!http_tls_load(&p->tls, &files, err))
        return false;
    if (o->sns_path &&
        !(p->certificates = sns_certificates_create(&o->aws, o->sns_certificates, o->sns_certificate_count, err)))
        return false;
    p->listen_fd = http_listen("listen_address", o->listen_address, err);
    return p->listen_fd >= 0;
}

struct source *push_open(const struct push_options *o, const struct saved_position *saved, size_t saved_count,
                         struct err *err) {
    struct push *p = alloc_zeroed(1, sizeof *p);
    pthread_condattr_t monotonic;
    p->options = copy_options(o);
    p->source.ops = &push_ops;
    p->source.name = p->options.name;
    p->source.state_id = "";
    p->listen_fd = -1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ledger_init(&p->ledger);
    for (size_t i = 0; i < saved_count; i++)
        ledger_restore(&p->ledger, &saved[i]);
    p->firehose_entry = ledger_at(&p->ledger, "(firehose)");
    p->sns_entry = ledger_at(&p->ledger, "(sns)");
    struct err why = {0};
    if (open_parts(p, &why))
        return &p->source;
    err_set(err, why.code, "source %s: %s", o->name, why.text);
    push_close(&p->source);
    return NULL;
}
