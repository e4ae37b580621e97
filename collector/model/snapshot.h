/* What has been counted, as everyone else sees it: immutable, self-contained, sorted. Made by aggregate, read by sinks.
 */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/bounce_reason.h"
#include "model/event.h"
#include "model/exemplar.h"
#include "model/rate.h"
#include "model/reputation.h"

/* Upper bounds, in seconds, of ses_delivery_seconds' buckets; the last bucket is +Inf. */
enum { DELIVERY_BUCKETS = 15 };
extern const double delivery_bucket_bounds[DELIVERY_BUCKETS - 1];
int delivery_bucket(uint32_t ms); /* which one a delivery time belongs to */

/* Everything that is counted for one row. */
struct tally {
    uint64_t records[EVENT_TYPES];    /* records counted */
    uint64_t recipients[EVENT_TYPES]; /* recipients they concern; complaint, open, click, subscription: one per event */
    struct rate_counts rates;
    uint64_t delivery_count[DELIVERY_BUCKETS]; /* not cumulative */
    uint64_t delivery_ms_sum;
};

void tally_add(struct tally *to, const struct tally *from);

enum { PERIOD_NOW, PERIOD_BEFORE, PERIODS };

/* A row of a view. A label that the view does not have is NULL. All strings live as long as the snapshot. */
struct view_row {
    const char *provider;
    const char *configuration_set;
    const char *name; /* identity or tag value */
    struct tally tally[PERIODS];
    const struct exemplar *deliveries[DELIVERY_BUCKETS]; /* of snapshot.both: by bucket; NULL: there is none */
};

enum view_kind { VIEW_ACCOUNT, VIEW_PROVIDER, VIEW_CONFIGURATION_SET, VIEW_BOTH, VIEW_IDENTITY, VIEW_TAG, VIEW_KINDS };

/* Rows by falling volume (records of PERIOD_NOW, then names), `multiple` and `other` last. Their tallies add up to the
 * account's. The provider "simulator" has a row of its own where the view has providers; elsewhere its traffic is in
 * the rows' records and recipients, but never in their rates. VIEW_ACCOUNT has exactly one row. */
struct view {
    enum view_kind kind;
    const char *title; /* as given to --by: "provider", "tag:campaign" */
    struct view_row *rows;
    size_t count;
    uint64_t overflowed; /* names folded into `other` by the cap */
};

/* What is counted beyond an event's type. Numbers are for ever: the state has them. */
enum detail_kind {
    DETAIL_BOUNCE,            /* bounce_type, bounce_subtype */
    DETAIL_COMPLAINT,         /* feedback_type */
    DETAIL_DELAY,             /* delay_type */
    DETAIL_SUBSCRIPTION,      /* change, source */
    DETAIL_REJECT,            /* reason */
    DETAIL_RENDERING_FAILURE, /* template */
    DETAIL_BOUNCE_REASON,     /* reason: enum bounce_reason */
    DETAIL_DELAY_REASON,      /* reason: the same */
    DETAIL_OPEN,              /* agent: enum visitor */
    DETAIL_CLICK,
    DETAIL_UNIQUE_OPEN, /* messages, once for each agent */
    DETAIL_UNIQUE_CLICK,
    DETAIL_KINDS
};

/* One counter of it. */
struct detail_row {
    enum detail_kind kind;
    const char *first;  /* see enum detail_kind */
    const char *second; /* NULL where there is none */
    const char *configuration_set;
    const char *provider; /* NULL for reject, rendering_failure and subscription */
    uint64_t count;
    uint64_t before;                 /* the same in PERIOD_BEFORE */
    const struct exemplar *exemplar; /* NULL: there is none */
};

/* A rate over a window that ends at the watermark. On the basis `event` it holds what happened in that time; on the
 * basis `sent` what became of the mail that was sent in it (so far). The last one is no time: it holds the mail of the
 * fewest latest cells that together have at least so many sends as were asked for (all, if there are fewer). */
enum { WINDOW_5M, WINDOW_1H, WINDOW_24H, WINDOW_7D, WINDOW_LAST_SENDS, WINDOWS };
enum basis { BASIS_EVENT, BASIS_SENT, BASES };
extern const char *const basis_names[BASES];
enum { WINDOW_NAME_SIZE = 32, DEFAULT_LAST_SENDS = 10000 };
struct snapshot;
/* "5m", ..., "last_10000". Borrowed. */
const char *snapshot_window_name(const struct snapshot *s, int window);
struct window_row {
    int window;
    enum basis basis;  /* WINDOW_LAST_SENDS: only BASIS_SENT */
    const char *scope; /* "account", "provider", "configuration_set", "provider_configuration_set", "identity" */
    const char *provider;
    const char *configuration_set;
    const char *identity; /* "" unless the scope is identity */
    struct rate_counts counts;
};

/* An account's or a configuration set's standing with AWS, over the last sends. */
struct reputation_row {
    enum reputation_kind kind;
    const char *scope;             /* "account", "configuration_set" */
    const char *configuration_set; /* "" of the account */
    uint64_t numerator, denominator;
    enum reputation_state state;
    uint64_t to_next;      /* more bounces or complaints to the next threshold */
    double next_threshold; /* 0: none */
};

/* Bounces at a provider for one reason, in a window by event time; only those that are in the rates. */
struct reason_row {
    int window;
    const char *provider;
    enum bounce_reason reason;
    uint64_t bounced;
};

struct label_pair {
    const char *name, *value;
};

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };
struct alert_row {
    const char *alertname;
    const char *severity;
    const char *scope;
    const char *provider;          /* "" unless the scope has it */
    const char *configuration_set; /* the same */
    const char *identity;          /* the same */
    const char *reason;            /* the bounce reason that it is about; "" of other kinds */
    const char *rate;              /* what is watched: a rate's name, "events", "sends", ... */
    const char *window;
    const char *basis;   /* "event", "sent" */
    const char *summary; /* one sentence */
    const char *description;
    enum alert_state state;
    int64_t active_ms, fired_ms, resolved_ms; /* event time; 0 = not yet */
    double value, threshold;                  /* value and its two numbers are those of the moment it fired */
    uint64_t numerator, denominator;
    uint64_t incident;               /* which incident it is, for ever; 0 = none yet (pending), or a batch run */
    bool held;                       /* not to be announced: it was seen while a backlog was read */
    uint64_t muted_by;               /* not to be announced: it is a part of that incident, which fires; 0 = none */
    const struct label_pair *labels; /* the rule's own, beside the fixed ones; sorted by name */
    size_t label_count;
    const struct label_pair *annotations; /* the rule's own, beside summary and description */
    size_t annotation_count;
};

/* What the brake made of an incident (alert/brake.h). */
enum brake_decision {
    BRAKE_NOT_ASKED, /* the rule has no brake, or the incident is of a scope that cannot be paused (a provider), or of
                        names folded together, or held */
    BRAKE_PAUSE,
    BRAKE_WOULD_PAUSE,    /* dry run */
    BRAKE_TOO_LITTLE,     /* the volume is under the rule's floor */
    BRAKE_NOT_SURE,       /* the confidence is not reached */
    BRAKE_TOO_MANY,       /* as many pauses in the last 24 h as are allowed */
    BRAKE_PAUSED_ALREADY, /* by an incident that still fires */
    BRAKE_RESUME,         /* we paused it, the incident is over, and the rule says resume */
    BRAKE_WOULD_RESUME,
    BRAKE_STAYS, /* the incident is over, and what is paused stays so: until somebody else says otherwise */
    BRAKE_DECISIONS
};

/* What the brake has paused. */
enum { BRAKE_NAME_SIZE = 65, BRAKE_ROWS = 128 };
struct brake_row {
    char configuration_set[BRAKE_NAME_SIZE]; /* "": the account */
    int64_t since_ms;                        /* wall clock */
    bool reached;                            /* SES has said so; until then it is being paused */
    bool over;                               /* no incident holds it any more */
};
enum brake_action { BRAKE_ACTION_PAUSE, BRAKE_ACTION_RESUME, BRAKE_ACTIONS };

/* Why a record was malformed. The names are label values. */
enum malformed_reason {
    MALFORMED_NOT_JSON,      /* bytes that begin no JSON object */
    MALFORMED_STRUCTURE,     /* brackets, commas or colons out of place */
    MALFORMED_TRUNCATED,     /* the record ends in the middle */
    MALFORMED_TOO_LARGE,     /* over 1 MiB */
    MALFORMED_TOO_DEEP,      /* nested over 64 levels */
    MALFORMED_DUPLICATE_KEY, /* a key that we read stands twice */
    MALFORMED_MISSING_FIELD, /* a field that we need is not there */
    MALFORMED_WRONG_TYPE,    /* a field that we need is of another type */
    MALFORMED_BAD_TIME,      /* a time that is none */
    MALFORMED_NOT_SES,       /* a JSON object, but neither an SES record nor an envelope that we know; or a compact
                              * record of a later version */
    MALFORMED_BAD_ENVELOPE,  /* an envelope whose content cannot be taken out, or nested over 3 levels */
    MALFORMED_REASONS
};
const char *malformed_reason_name(enum malformed_reason r);
const char *malformed_reason_text(enum malformed_reason r); /* a sentence for a person */

/* What became of every record read: read == counted + duplicate + late + future + malformed + filtered. */
struct accounting {
    uint64_t read, counted, duplicate, late, future, filtered;
    uint64_t malformed[MALFORMED_REASONS];
    uint64_t bytes_read, bytes_decoded;
    uint64_t objects_done, objects_empty, objects_damaged, objects_unsupported, objects_unreadable;
};
uint64_t accounting_malformed(const struct accounting *a); /* the sum over reasons */
bool accounting_holds(const struct accounting *a);
void accounting_add(struct accounting *to, const struct accounting *from);

/* A partition of a Kafka topic, as its source sees it. */
struct partition_row {
    char *topic;
    int32_t partition;
    int64_t next;  /* the offset after the last message counted; -1 = none yet */
    int64_t lag;   /* messages between it and the end; -1 = not known yet */
    bool assigned; /* it is ours now */
};

/* Requests that were pushed to us, by what they were answered. The names are label values. */
enum push_endpoint { PUSH_FIREHOSE, PUSH_SNS, PUSH_NOWHERE, PUSH_ENDPOINTS };
enum push_result {
    PUSH_ACCEPTED,
    PUSH_UNAUTHORIZED, /* the access key is missing or wrong */
    PUSH_FORBIDDEN,    /* not from SNS, not of a topic that may, or too old */
    PUSH_MALFORMED,    /* not a request that we know */
    PUSH_TOO_LARGE,
    PUSH_BUSY, /* to be sent again */
    PUSH_RESULTS
};
extern const char *const push_endpoint_names[PUSH_ENDPOINTS], *const push_result_names[PUSH_RESULTS];

/* A source, and what was read from it. */
struct source_row {
    const char *name, *kind; /* "files" and "kafka" are kinds */
    struct accounting accounting;
    bool caught_up;         /* everything there is, is counted */
    char *trouble;          /* owned; what stands in the way, for a person; NULL = nothing */
    uint64_t messages_lost; /* records that were gone before they could be read (retention, truncation) */
    uint64_t counted_twice; /* by this state and by another one, after a partition moved on without a word */
    uint64_t dead_letters, dead_letters_failed;
    uint64_t requests; /* to the store that holds a bucket's objects, by this process; only kind "s3" */
    /* Of a queue, by this process, each time one comes; only kind "sqs". */
    uint64_t messages_received, messages_redelivered, messages_deleted;
    uint64_t messages_refused;                     /* left in the queue: they name what must not be read */
    uint64_t messages_deferred;                    /* left in the queue: what they name could not be read */
    uint64_t messages_ignored;                     /* with nothing in them to be read */
    uint64_t pushes[PUSH_ENDPOINTS][PUSH_RESULTS]; /* by this process; only kind "push" */
    struct partition_row *partitions;              /* owned, by topic and number */
    size_t partition_count;
};

void source_row_deinit(struct source_row *row); /* what it owns */

/* One scope's counts over the last HISTORY_POINTS hours of event time, oldest first: for small graphs. */
enum { HISTORY_POINTS = 48 };
struct history_row {
    const char *scope;                        /* "account", "provider", "configuration_set" */
    const char *provider, *configuration_set; /* "" unless the scope is it */
    struct rate_counts hours[HISTORY_POINTS];
};

/* Upper bounds, in seconds, of ses_collector_commit_seconds' buckets; the last bucket is +Inf. */
enum { COMMIT_BUCKETS = 12 };
extern const double commit_bucket_bounds[COMMIT_BUCKETS - 1];

/* The list of addresses to be suppressed; all 0 when none is kept. */
struct suppression_row {
    uint64_t addresses; /* kept */
    uint64_t dropped;   /* came when the list was full */
    uint64_t told, refused,
        failed;       /* by this process, over all targets: taken, never to be taken, attempts that failed */
    uint64_t waiting; /* to be told */
};

/* Of `normalize` as a service, which counts no mail. */
struct worker_row {
    uint64_t records, events;    /* written, in transactions that were committed */
    uint64_t committed, aborted; /* transactions */
    uint64_t recreated, fenced; /* clients made anew after an error that nothing else mends; those for another's sake */
    char key[9];                /* what may be shown of the key by which duplicates are known; "": nothing */
};

/* A receiver of remote write. */
enum { REMOTE_WRITE_ROWS = 16, REMOTE_WRITE_NAME_SIZE = 65 };
struct remote_write_row {
    char target[REMOTE_WRITE_NAME_SIZE];
    uint64_t written, refused, dropped, waiting; /* samples */
    uint64_t requests, failed;
    int64_t last_ms; /* the newest sample's time that was written; 0: none */
};

/* The service itself; absent in a batch run. */
struct service_row {
    int64_t now_ms, started_ms; /* wall clock, when the snapshot was made, and when the service started */
    bool ready;
    char not_ready[256];                   /* why not, for a person */
    bool behind;                           /* a backlog is being read: new incidents are held */
    bool state_writable;                   /* false: the disk is full, and the input waits */
    uint64_t state_bytes;                  /* size of the state file */
    uint64_t commit_count[COMMIT_BUCKETS]; /* not cumulative */
    double commit_seconds_sum;
    uint64_t queued_batches;
    bool reload_ok;
    int64_t reload_ok_ms;                              /* of the last good one (or the start) */
    uint64_t notifications_sent, notifications_failed; /* attempts, over all targets */
    uint64_t notifications_dropped;                    /* given up */
    uint64_t notifications_waiting;
    bool brake_asked, brake_dry_run; /* some rule has a brake; it only says what it would do */
    uint64_t brake_decisions[BRAKE_DECISIONS];
    uint64_t brake_done[BRAKE_ACTIONS], brake_failed[BRAKE_ACTIONS]; /* calls */
    char brake_trouble[256]; /* what stands in the way of the brake, for a person; "" = nothing */
    struct suppression_row suppression;
    struct remote_write_row remote_writes[REMOTE_WRITE_ROWS];
    size_t remote_write_count;
};

struct snapshot {
    struct accounting accounting; /* over all sources */
    struct source_row *sources;   /* at least one */
    size_t source_count;
    bool has_service;
    struct service_row service;
    bool has_worker; /* it is a worker's: nothing of mail is counted */
    struct worker_row worker;
    struct history_row *history; /* account, providers, sets; only where has_service */
    size_t history_count;
    int64_t history_start_ms;           /* where hours[0] begins */
    int64_t watermark_ms;               /* 0 = no event yet */
    int64_t first_ms;                   /* earliest event counted; 0 = none */
    int64_t latest_by_ms;               /* how far behind the watermark the latest of the late records lay; 0 = none */
    int64_t last_event_ms[EVENT_TYPES]; /* 0 = none */
    bool has_before;                    /* --compare: PERIOD_BEFORE is filled */
    int64_t from_ms, to_ms;             /* the period asked for; INT64_MIN / INT64_MAX = open */
    int64_t before_from_ms;
    struct view *views; /* the views asked for, in that order */
    size_t view_count;
    struct view account, both;  /* always there: one row; and provider x configuration set */
    struct exemplar *exemplars; /* what rows point to */
    struct detail_row *details;
    size_t detail_count;
    struct window_row *windows;
    size_t window_count;
    char last_sends_name[WINDOW_NAME_SIZE]; /* of WINDOW_LAST_SENDS */
    struct reputation_row *reputation;      /* the account's, then sets by name; of each kind one */
    size_t reputation_count;
    struct reason_row *reasons; /* by window, provider, and falling number */
    size_t reason_count;
    uint64_t domains_learned;   /* whose provider was told by what replies say */
    uint64_t domains_forgotten; /* found no place; their mail stays with `other` */
    uint64_t visits_forgotten;  /* first opens and clicks that were forgotten before their time: the ceiling */
    struct alert_row *alerts;   /* by time of activity */
    size_t alert_count;
    uint64_t alerts_dropped;             /* beyond the list's cap */
    struct brake_row brakes[BRAKE_ROWS]; /* what is paused */
    size_t brake_count;
    uint64_t overflow_set, overflow_identity, overflow_tag, overflow_template; /* names folded into `other` */
    uint64_t series;                                                           /* time series held */
};

#endif
