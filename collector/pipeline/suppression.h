/* The recipients that hard-bounced or complained: each once, kept in the state, and handed on to a file, a webhook or
 * SES's own list. Opt-in, since it holds addresses: without it the state knows none. The counting thread's.
 *
 *     a batch's notes -> add -> commit -> told to the targets -> how far each was told: with a later commit
 *
 * A crash in between tells an address again, which changes nothing. */
#ifndef PIPELINE_SUPPRESSION_H
#define PIPELINE_SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/span.h"
#include "model/snapshot.h"
#include "sinks/suppression.h"
#include "state/store.h"

struct suppression;

/* The options are copied, their texts borrowed. Takes up what the file has. Returns new; NULL with `err`. */
struct suppression *suppression_create(const struct suppression_options *o, const struct hash_key *key,
                                       struct store *from, struct err *err);
void suppression_destroy(struct suppression *s); /* stops the targets; NULL is allowed */

void suppression_add(struct suppression *s, unsigned why, int64_t time_ms, struct span address);
bool suppression_has_news(struct suppression *s); /* something is to be committed */
void suppression_save(struct suppression *s, struct store *to);
/* What was saved is durable: out with it. */
void suppression_saved(struct suppression *s, struct store *from);
void suppression_counts(struct suppression *s, struct suppression_row *row);

#endif
