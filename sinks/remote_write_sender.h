/* One receiver of remote write: what is sent in one request, and what is made of its answer. One thread's. */
#ifndef SINKS_REMOTE_WRITE_SENDER_H
#define SINKS_REMOTE_WRITE_SENDER_H

#include "core/buf.h"
#include "sinks/remote_write.h"
#include "sinks/remote_write_encode.h"

/* --- what is sent together ---------------------------------------------------------------------------------------- */

struct remote_entry {
    size_t labels_at, labels_len;
    const struct remote_metadata *metadata; /* borrowed until the batch is cleared */
    size_t first, count;                    /* of `samples` */
    bool is_histogram;                      /* native: of its one sample the time counts, not the value */
    size_t histogram_at, histogram_len;     /* beside the labels; 0 long: a stale marker */
    bool has_exemplar;
    size_t exemplar_at; /* the same */
};

/* Samples [from, to) of a batch. */
struct remote_range {
    size_t from, to;
};

/* A batch that a receiver refuses without saying which samples are to blame is cut in halves, these in quarters and so
 * on, until the bad ones are found or so many requests were spent; then what is left of it counts as refused. When
 * nothing of a batch was taken in the end, the next ones are given few requests, until one is answered well. */
enum { REMOTE_REQUESTS_MAX = 128, REMOTE_REQUESTS_HOPELESS = 16 };

struct remote_batch {
    struct buf labels; /* and histograms, exemplars */
    struct remote_entry *entries;
    size_t count, size;
    struct remote_sample *samples;
    size_t sample_count, sample_size;
    /* What was not sent yet: a ring. */
    struct remote_range todo[REMOTE_REQUESTS_MAX + 2];
    size_t todo_first, todo_count;
    unsigned requests; /* answered */
    bool any_written;
};

void remote_batch_init(struct remote_batch *b);
void remote_batch_deinit(struct remote_batch *b);
void remote_batch_clear(struct remote_batch *b);
/* Samples follow; false: no more room. */
bool remote_batch_series(struct remote_batch *b, struct span labels, const struct remote_metadata *metadata);
void remote_batch_sample(struct remote_batch *b, struct remote_sample sample); /* of the series that was added last */
/* A native histogram (remote_histogram_append; empty: stale) as its only sample; false: no more room. */
bool remote_batch_histogram(struct remote_batch *b, struct span histogram, int64_t time_ms);
/* Of the series that was added last. One that finds no room is left out. */
void remote_batch_exemplar(struct remote_batch *b, const struct exemplar *exemplar);
size_t remote_batch_left(const struct remote_batch *b); /* samples that were neither written nor refused */

/* --- the receiver ------------------------------------------------------------------------------------------------- */

enum remote_outcome {
    REMOTE_DONE,    /* nothing is left; single samples may have been refused */
    REMOTE_AGAIN,   /* what is left may go through later */
    REMOTE_FAILED,  /* it refuses everything: the settings are wrong, or it cannot do it */
    REMOTE_STOPPED, /* *stop is true */
};

enum { REMOTE_TEXT_SIZE = 360 };

struct remote_sender;

/* The target is borrowed, and `stop`. Returns new; NULL with `err`. Asks nobody yet. */
struct remote_sender *remote_sender_open(const struct remote_write_target *t, const atomic_bool *stop, struct err *err);
void remote_sender_close(struct remote_sender *s); /* NULL is allowed */

/* Sends what is left of the batch, by as many requests as it takes. It does not wait between them. */
enum remote_outcome remote_sender_send(struct remote_sender *s, struct remote_batch *b);

/* Of the last request that did not go well: a sentence without URL and secret; "" none. */
const char *remote_sender_reason(const struct remote_sender *s);
const char *remote_sender_refusal(const struct remote_sender *s); /* the first answer that refused samples */
/* Before the next attempt, after REMOTE_AGAIN: doubled each time from half a second to 30 s, less a part of it by
 * chance; or what the receiver asks for, up to five minutes. */
int64_t remote_sender_pause_ms(struct remote_sender *s);
/* The labels of every series, `metric_label`s of the target's. */
const struct metric_label *remote_sender_labels(const struct remote_sender *s, size_t *count);
/* `waiting` and `dropped` are the caller's. */
struct remote_write_counts *remote_sender_counts(struct remote_sender *s);

#endif
