/* Prometheus's remote write: samples to a receiver (https://prometheus.io/docs/specs/prw/remote_write_spec/ for 1.0,
 * .../remote_write_spec_2_0/ for 2.0), live from the board, or a history by its caller.
 *
 * Live: every `interval_ms` all families of /metrics, stamped with the time at which the snapshot was made; two threads
 * for each target, one that takes samples and one that sends them: a slow or dead receiver holds up nobody, and no
 * samples are missed meanwhile. Series that were there the time before and no longer are get a stale marker; at the end
 * all of them do, after the last values.
 *
 * What waits is at most REMOTE_WRITE_WAITING_BYTES for each target, 12 bytes a sample (a native histogram: and its
 * encoded form), and beside it the labels of each series once; beyond that the oldest samples are dropped.
 *
 * Sent again are samples after 429, 5xx, and requests without an answer, for `give_up_ms` at most. Any other 4xx is
 * not: its samples are counted as refused. Where single samples are to blame (400, 409, 413, 422; and 500 that says so:
 * "too old sample") the request is cut in halves until the bad ones are found, by at most 128 requests. */
#ifndef SINKS_REMOTE_WRITE_H
#define SINKS_REMOTE_WRITE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "model/board.h"
#include "sinks/exposition.h"
#include "sinks/notifier.h"

enum {
    REMOTE_WRITE_TARGETS_MAX = 16,
    REMOTE_WRITE_HEADERS_MAX = 32,
    REMOTE_WRITE_LABELS_MAX = 32,
    REMOTE_WRITE_WAITING_BYTES = 64 << 20,
};

enum remote_write_protocol {
    REMOTE_WRITE_1,    /* prometheus.WriteRequest */
    REMOTE_WRITE_2,    /* io.prometheus.write.v2.Request; a receiver that does not know it fails */
    REMOTE_WRITE_AUTO, /* 2.0, and 1.0 from the moment on at which the receiver shows that it does not know 2.0 */
};

/* Of the configuration file; owned by it. Secrets are already read from their files. */
struct remote_write_target {
    char *name; /* the label `target` */
    char *url;
    enum remote_write_protocol protocol;      /* default: REMOTE_WRITE_1 */
    bool native_histograms;                   /* with REMOTE_WRITE_2 only: histograms whole, not by bucket */
    bool exemplars;                           /* the exemplars of /metrics too */
    char *username, *password, *bearer_token; /* NULL: none */
    struct notify_header *headers;
    size_t header_count;
    char *ca_file, *cert_file, *key_file; /* TLS; NULL: the system's */
    bool sigv4;                           /* signed for Amazon Managed Service for Prometheus ("aps") */
    struct aws_settings aws;              /* of sigv4 */
    struct notify_header *labels;         /* put on every series: at least what says which instance this is */
    size_t label_count;
    int64_t interval_ms;   /* live; default 15 s */
    int64_t timeout_ms;    /* of one request, whole; default 30 s */
    int64_t give_up_ms;    /* samples that could not be written for so long are dropped, and counted; default 1 h */
    uint32_t max_samples;  /* in a request; default 5000 */
    unsigned line, column; /* where it stands in the configuration file; 0: nowhere */
};
void remote_write_target_deinit(struct remote_write_target *t);
/* URL, headers, labels. The reason names the target and holds no URL and no secret. */
bool remote_write_target_check(const struct remote_write_target *t, struct err *err);
/* The same, and whether a request could be signed; asks nobody. */
bool remote_write_target_try(const struct remote_write_target *t, struct err *err);
/* The region that sigv4 signs for: that of AWS's own host in the URL, else what settings, environment or profile say;
 * the machine is not asked. Returns new; NULL with `err`, a sentence without the target's name. */
char *remote_write_target_region(const struct remote_write_target *t, struct err *err);
bool remote_write_target_equal(const struct remote_write_target *a, const struct remote_write_target *b);

/* What became of samples and requests, since the start. */
struct remote_write_counts {
    uint64_t written;          /* samples that the receiver took */
    uint64_t refused;          /* samples that it refused for good (4xx, too old, partly written): not sent again */
    uint64_t dropped;          /* samples given up after give_up_ms, or because too many waited */
    uint64_t requests, failed; /* attempts; those that failed */
    uint64_t waiting;          /* samples not yet written */
    int64_t last_ms;           /* the newest sample's time that was written; 0: none */
};

/* --- live --------------------------------------------------------------------------------------------------------- */

enum { REMOTE_WRITE_BREAK_OFF_MS = 250 }; /* of a deadline: what it takes to break off a request */

struct remote_write;

/* Target and board are borrowed until remote_write_stop has returned true. Returns new; NULL with `err`. */
struct remote_write *remote_write_start(const struct remote_write_target *t, struct board *board, struct err *err);
void remote_write_counts(struct remote_write *w, struct remote_write_counts *to); /* any thread */
/* To end several of them at the same time: the first begins it and returns at once, the second breaks off whatever
 * request is under way. NULL is allowed. */
void remote_write_finish(struct remote_write *w);
void remote_write_break_off(struct remote_write *w);
bool remote_write_has_ended(struct remote_write *w); /* only remote_write_stop is still to be called */
/* The last values and the stale markers are sent, as far as the receiver takes them in time; what is left then is
 * dropped. Ends within `deadline_ms`, whatever the peer does. False: a thread of it hangs all the same, and may use
 * target and board until the process ends. NULL is allowed. */
bool remote_write_stop(struct remote_write *w, int64_t deadline_ms);

/* --- by its caller: a history ------------------------------------------------------------------------------------- */

struct remote_client;

/* The target is borrowed. One thread's. Returns new; NULL with `err`. */
struct remote_client *remote_client_open(const struct remote_write_target *t, const atomic_bool *stop, struct err *err);
void remote_client_close(struct remote_client *c); /* NULL is allowed; sends nothing */

/* Adds samples of one series, times rising, in ms. `name` is that of the sample ("ses_events_total"). Sends what is
 * full, and waits for that, with retries. False with `err`: it can not go on (refused for good as a whole: 401, 404; or
 * given up); samples that the receiver refuses singly are counted, and the first such answer is kept for the end. */
struct remote_sample {
    double value;
    int64_t time_ms;
};
bool remote_client_add(struct remote_client *c, const char *name, const struct metric_label *labels, size_t label_count,
                       const struct remote_sample *samples, size_t sample_count, struct err *err);
bool remote_client_flush(struct remote_client *c, struct err *err); /* sends the rest */
void remote_client_counts(const struct remote_client *c, struct remote_write_counts *to);
const char *remote_client_refusal(const struct remote_client *c); /* the first answer that refused samples; "" none */

#endif
