/* Carries the addresses that hard-bounced or complained to where they are suppressed: SES's own list, or a webhook. One
 * thread for each target; a slow or dead one holds up nobody. Opt-in, since it moves addresses; none ever shows in a
 * log. */
#ifndef SINKS_SUPPRESSION_H
#define SINKS_SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "core/span.h"

enum suppression_why { SUPPRESSED_BOUNCED = 1, SUPPRESSED_COMPLAINED = 2 }; /* as ADDRESS_* of parsers/normalise.h */
const char *suppression_why_name(unsigned why);                             /* "bounce", "complaint" */

struct suppressed {
    uint64_t id; /* rises by one; never used again */
    unsigned why;
    int64_t time_ms; /* of the event */
    const char *address;
};

/* Of the configuration file; owned by it. */
struct suppression_target {
    char *url; /* of a webhook; NULL: SES's own list */
    char *bearer_token, *hmac_secret, *ca_file;
    struct aws_settings aws; /* SES */
};
void suppression_target_deinit(struct suppression_target *t);

enum { SUPPRESSION_TARGETS = 2, SUPPRESSION_ADDRESS_MAX = 320 };

/* The same. */
struct suppression_options {
    bool bounces, complaints;
    char *file;               /* NULL: none */
    int64_t file_interval_ms; /* it is written anew so often at most */
    uint64_t max_addresses;   /* what comes beyond is counted, and not kept */
    bool ses_enabled;
    struct suppression_target ses, webhook; /* a webhook without URL: none */
};
void suppression_options_deinit(struct suppression_options *o);
unsigned suppression_wanted(const struct suppression_options *o); /* SUPPRESSED_*; 0: nothing is asked for */

struct suppression_worker;

/* The target is borrowed until the end. NULL with `err` when its settings are wrong. Returns new. */
struct suppression_worker *suppression_worker_start(const struct suppression_target *t, struct err *err);

/* Copies it. False when its queue is full: offer it again later. By rising ids, on one thread. */
bool suppression_worker_offer(struct suppression_worker *w, const struct suppressed *s);

struct suppression_counts {
    uint64_t told, refused, failed; /* addresses taken; never to be taken; attempts that failed */
    uint64_t done;                  /* everything up to this id was told or refused */
};
void suppression_worker_counts(struct suppression_worker *w, struct suppression_counts *to);

/* Within a second; what was not told is told again after the next start. NULL is allowed. */
void suppression_worker_stop(struct suppression_worker *w);

#endif
