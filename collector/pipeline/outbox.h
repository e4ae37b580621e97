/* What is to be told about incidents, and what the brake is to do, from the moment it is known until it was told:
 * written with the commit that made it, handed to its target after that, dropped with a commit after it was delivered.
 * A crash in between tells it again under the same number. The counting thread's, but for what the targets' threads
 * report. */
#ifndef PIPELINE_OUTBOX_H
#define PIPELINE_OUTBOX_H

#include "model/board.h"
#include "sinks/brake.h"
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

/* --- the brake ---------------------------------------------------------------------------------------------------- */

/* Who is asked, on the counting thread. */
struct outbox_brake_hooks {
    void *context;
    bool (*wanted)(void *context, const struct brake_order *order); /* still, after a restart */
    void (*news)(void *context, const struct brake_order *order, enum brake_news news);
};
void outbox_hear_brake(struct outbox *o, const struct outbox_brake_hooks *hooks);

/* Calls SES with these settings from now on; NULL: not at all. False and nothing changed on error. */
bool outbox_set_brake(struct outbox *o, const struct aws_settings *settings, struct err *err);
/* The same with other parts; takes the caller. */
bool outbox_set_brake_with(struct outbox *o, const struct brake_caller *caller, const struct brake_timing *timing,
                           struct err *err);

/* As outbox_add: goes out when it is durable. It takes the place of what waits for the same name. */
void outbox_add_order(struct outbox *o, enum brake_action action, const char *configuration_set);
void outbox_forget_pause(struct outbox *o, const char *configuration_set); /* one that waits */
void outbox_watch(struct outbox *o, const char *configuration_set);        /* brake_watch */
/* Passes on what the brake had to say. Before outbox_save: what the hook makes of it belongs to the same commit. */
void outbox_take_news(struct outbox *o);

#endif
