/* What is to be told about incidents, from the moment it is known until it was told: written with the commit that made
 * it, handed to its target after that, dropped with a commit after it was delivered. A crash in between tells it again
 * under the same number. The counting thread's, but for what the targets' threads report. */
#ifndef PIPELINE_OUTBOX_H
#define PIPELINE_OUTBOX_H

#include "model/board.h"
#include "sinks/notifier.h"
#include "state/store.h"

struct outbox;

struct outbox *outbox_create(struct board *board); /* returns new; the board is borrowed */
void outbox_destroy(struct outbox *o);             /* stops the targets; NULL is allowed */

/* These targets from now on (borrowed), instead of those before. False and nothing changed on error. */
bool outbox_set_targets(struct outbox *o, const struct notify_target *targets, size_t count, struct err *err);
/* Hands over what waits in the file: at the start, and after outbox_set_targets. What waits for nobody is dropped. */
bool outbox_load(struct outbox *o, struct store *from, struct err *err);

void outbox_add(struct outbox *o, const struct alert_row *incident, int64_t now_ms);
bool outbox_has_news(struct outbox *o); /* something is to be written */
void outbox_save(struct outbox *o, struct store *to);
void outbox_saved(struct outbox *o); /* durable: out with it */
void outbox_counts(struct outbox *o, struct service_row *row);

#endif
