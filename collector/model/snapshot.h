/* What has been counted, as everyone else sees it: immutable, self-contained, sorted. Made by aggregate, read by sinks.
 */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "model/rate.h"

/* Upper bounds, in seconds, of ses_delivery_seconds' buckets; the last bucket is +Inf. */
enum { DELIVERY_BUCKETS = 15 };
extern const double delivery_bucket_bounds[DELIVERY_BUCKETS - 1];

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

/* One counter of what is counted beyond the event's type: a bounce subtype, a delay type, a template, ... */
struct detail_row {
    enum event_type type;
    const char *first;  /* bounce_type, feedback_type, delay_type, reason, template, change */
    const char *second; /* bounce_subtype, source; NULL where there is none */
    const char *configuration_set;
    const char *provider; /* NULL for reject, rendering_failure and subscription */
    uint64_t count;
};

/* A rate over a window that ends at the watermark. */
enum { WINDOW_5M, WINDOW_1H, WINDOW_24H, WINDOW_7D, WINDOWS };
extern const char *const window_names[WINDOWS];
struct window_row {
    int window;
    const char *scope; /* "account", "provider", "configuration_set", "provider_configuration_set", "identity" */
    const char *provider;
    const char *configuration_set;
    const char *identity; /* "" unless the scope is identity */
    struct rate_counts counts;
};

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };
struct alert_row {
    const char *alertname;
    const char *severity;
    const char *scope;
    const char *provider;          /* "" unless the scope has it */
    const char *configuration_set; /* the same */
    const char *rate;
    const char *window;
    const char *summary; /* one sentence */
    const char *description;
    enum alert_state state;
    int64_t active_ms, fired_ms, resolved_ms; /* event time; 0 = not yet */
    double value, threshold;                  /* value and its two numbers are those of the moment it fired */
    uint64_t numerator, denominator;
};

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
    MALFORMED_NOT_SES,       /* a JSON object, but neither an SES record nor an envelope that we know */
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

struct snapshot {
    struct accounting accounting;
    const char *source;                 /* label of the accounting series: "files" */
    int64_t watermark_ms;               /* 0 = no event yet */
    int64_t first_ms;                   /* earliest event counted; 0 = none */
    int64_t latest_by_ms;               /* how far behind the watermark the latest of the late records lay; 0 = none */
    int64_t last_event_ms[EVENT_TYPES]; /* 0 = none */
    bool has_before;                    /* --compare: PERIOD_BEFORE is filled */
    int64_t from_ms, to_ms;             /* the period asked for; INT64_MIN / INT64_MAX = open */
    int64_t before_from_ms;
    struct view *views; /* the views asked for, in that order */
    size_t view_count;
    struct view account, both; /* always there: one row; and provider x configuration set */
    struct detail_row *details;
    size_t detail_count;
    struct window_row *windows;
    size_t window_count;
    struct alert_row *alerts; /* by time of activity */
    size_t alert_count;
    uint64_t alerts_dropped;                                                   /* beyond the list's cap */
    uint64_t overflow_set, overflow_identity, overflow_tag, overflow_template; /* names folded into `other` */
    uint64_t series;                                                           /* time series held */
};

#endif
