/* Where sources put their batches and the counting thread takes them out. Bounded by what waits in it: a source that
 * asks for an empty batch while counting is behind has to wait. */
#ifndef PIPELINE_HOPPER_H
#define PIPELINE_HOPPER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "model/batch.h"

struct hopper;

struct hopper *hopper_create(size_t max_batches); /* returns new */
void hopper_destroy(struct hopper *h);            /* nobody uses it any more; NULL is allowed */

/* Of sources. take: an empty batch; NULL once *stop is true. give: a chain. */
struct batch *hopper_take(struct hopper *h, const atomic_bool *stop);
void hopper_give(struct hopper *h, struct batch *chain);

/* Of the counting thread: the next chain; NULL when none came until `deadline_ns` of the monotonic clock, or somebody
 * woke it. */
struct batch *hopper_next(struct hopper *h, int64_t deadline_ns);
void hopper_free(struct hopper *h, struct batch *chain);
size_t hopper_waiting(struct hopper *h); /* batches */

/* Makes hopper_next return, and everybody who waits look at their stop. Thread-safe. */
void hopper_wake(struct hopper *h);

#endif
