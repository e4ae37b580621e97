/* Why mail bounced, provider by provider: from a snapshot's rows to what is told of them. */
#ifndef SINKS_REASONS_H
#define SINKS_REASONS_H

#include <stddef.h>
#include <stdint.h>

#include "model/bounce_reason.h"
#include "model/snapshot.h"

struct reason_share {
    enum bounce_reason reason;
    uint64_t count, before;
};

/* A provider's bounces (or delays), now and before; the reasons by falling number, then by name. */
struct provider_reasons {
    const char *provider;
    uint64_t total, total_before;
    struct reason_share shares[REASONS];
    unsigned share_count;
};

/* Over the whole of the periods; `kind`: DETAIL_BOUNCE_REASON or DETAIL_DELAY_REASON. Providers by falling total, then
 * by name; without the simulator. Returns new, for free(); its strings are the snapshot's. */
struct provider_reasons *reasons_of_period(const struct snapshot *s, enum detail_kind kind, size_t *count);

/* The same of two windows: `before` is the longer one, less what it shares with the shorter. */
struct provider_reasons *reasons_of_windows(const struct snapshot *s, int window, int longer, size_t *count);

#endif
