/* The latest message of each counter and bucket, for those who want to see one. Not a part of the state: after a
 * restart the next events bring new ones. */
#ifndef AGGREGATE_EXEMPLARS_H
#define AGGREGATE_EXEMPLARS_H

#include <stdint.h>

#include "core/map.h"
#include "model/event.h"
#include "model/exemplar.h"
#include "model/snapshot.h"

enum {
    EXEMPLARS_MAX = 16384,           /* some 1 MB; then those that are not shown any more go, and the rest by halves */
    EXEMPLAR_SHOWN_MS = 2 * 3600000, /* those that are so much older than the watermark are not shown */
    EXEMPLAR_DELIVERY = DETAIL_KINDS /* in the place of a kind of detail; the detail is the bucket */
};

struct exemplars {
    struct map latest; /* DETAIL_KEY (aggregate/detail_key.h) -> struct exemplar */
    int64_t newest_ms; /* of all that were noted */
};

void exemplars_init(struct exemplars *x);
void exemplars_deinit(struct exemplars *x);

/* Of an event that is counted under `e->provider`. It stays until a later one comes, by event time: receivers want
 * these times to rise. */
void exemplars_note(struct exemplars *x, const struct event *e, uint64_t message);

/* Into a map of such: the later one stays; of two at the same time always the same, in whatever order they come. */
void exemplars_put(struct map *latest, uint64_t key, const struct exemplar *one);

#endif
