/* Broken records, and other ways to lay a record out. */
#ifndef SIMULATE_DAMAGE_H
#define SIMULATE_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/span.h"
#include "simulate/prng.h"

/* Replaces `out` by a broken copy of the sound record `record`. Without `by_line` only such damage is done as leaves
 * the brackets in order: elsewhere than on a line of its own, a torn record could take its neighbour along. */
void damage_record(struct prng *r, struct span record, bool by_line, struct buf *out);

/* Appends the record spread over lines, two blanks a level. */
void damage_spread(struct span record, struct buf *out);

#endif
