/* Where a service of AWS answers: partitions, FIPS, dual stack, S3's forms, and endpoints of the user's
 * (docs.aws.amazon.com/general/latest/gr/rande.html,
 * docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include <stdbool.h>

#include "aws/profile.h"
#include "aws/settings.h"
#include "core/err.h"
#include "core/span.h"

enum { ENDPOINT_HOST_MAX = 256, ENDPOINT_BASE_MAX = 256, ENDPOINT_REGION_MAX = 33 };

struct endpoint_query {
    const char *service; /* "s3", "sqs", ... */
    const char *prefix;  /* of the host; NULL: service */
    const char *region;
    const char *bucket; /* S3; NULL: none */
    bool path_style;
    bool fips, dual_stack;
    const char *own; /* URL of the user's endpoint; NULL: AWS's */
};

struct endpoint {
    char scheme[8];               /* "http" or "https" */
    char host[ENDPOINT_HOST_MAX]; /* with the port when it is not the scheme's: also the Host header */
    char base[ENDPOINT_BASE_MAX]; /* stands before every path, not encoded; "" or "/..." without a slash at its end */
    bool bucket_in_path;
};

/* False when the region, the bucket or the user's URL cannot be part of one. */
bool endpoint_resolve(const struct endpoint_query *q, struct endpoint *to, struct err *err);

/* The user's endpoint for a service: the settings', AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's (of its
 * [services], then its own), unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. `profiles` may be NULL. Returns new; NULL:
 * none.
 */
char *endpoint_configured(const struct aws_settings *s, const struct profile_set *profiles, const char *profile,
                          const char *service);

/* Whether FIPS and dual stack are wanted: by the settings, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, or the
 * profile. */
void endpoint_flags(const struct aws_settings *s, const struct profile_set *profiles, const char *profile, bool *fips,
                    bool *dual_stack);

/* Whether AWS's own names look like this: it goes into host names, and comes from outside. */
bool endpoint_is_region(const char *region);

/* The region that stands for a partition ("aws-cn"), as an ARN names it. */
const char *endpoint_partition_region(const char *partition);

/* The host without its port; an IPv6 address keeps its brackets. */
struct span endpoint_bare_host(struct span host);
bool endpoint_is_loopback(struct span bare_host);

/* Whether what goes to a URL can be read and changed on the way: http, and not to this machine. */
bool endpoint_is_open(const char *url);

/* "true" as AWS's tools write it. */
bool endpoint_is_true(const char *text); /* NULL: no */

#endif
