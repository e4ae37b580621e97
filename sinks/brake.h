/* Carries out what the brake decided: pauses sending, lets it go on, one call to SES at a time on a thread of its own.
 * What fails is tried again, for ever, with growing pauses, until something newer is asked for the same configuration
 * set (or the account) or it is given up. What was paused is looked at now and then: a person may have let it go on. */
#ifndef SINKS_BRAKE_H
#define SINKS_BRAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/ses.h"
#include "aws/settings.h"
#include "core/buf.h"
#include "core/err.h"
#include "model/snapshot.h"

/* One thing to do. */
struct brake_order {
    uint64_t id; /* of the outbox: the same for every attempt, over restarts too */
    enum brake_action action;
    char configuration_set[BRAKE_NAME_SIZE]; /* "": the account */
};

/* As kept in the outbox; decode takes only what encode writes. */
bool brake_order_encode(const struct brake_order *order, struct buf *to);
bool brake_order_decode(struct span from, struct brake_order *order);

enum brake_news {
    BRAKE_NEWS_DONE,
    BRAKE_NEWS_UNSURE,   /* an attempt may have done it; it is tried again */
    BRAKE_NEWS_REFUSED,  /* it never will be done: there is no such configuration set */
    BRAKE_NEWS_GIVEN_UP, /* it is not wanted any more */
    BRAKE_NEWS_RELEASED, /* no order: sending is enabled, by somebody else */
};

struct brake_hooks {
    void *context;
    /* On the brake's thread, or on the caller's of brake_send and brake_forget. Every order ends with DONE,
     * REFUSED or GIVEN_UP; then it may leave the outbox. RELEASED has the id 0. It must not call back. */
    void (*news)(void *context, const struct brake_order *order, enum brake_news news);
};

/* Who does it. The default is SES itself; tests have their own. */
struct brake_caller {
    void *context;
    enum ses_result (*set)(void *context, const char *configuration_set, bool enabled, const atomic_bool *stop,
                           struct err *err);
    enum ses_result (*get)(void *context, const char *configuration_set, bool *enabled, const atomic_bool *stop,
                           struct err *err);
    void (*close)(void *context);
};

struct brake_timing {
    int64_t first_ms, most_ms; /* between attempts: doubled from the first to the most */
    int64_t look_ms;           /* how often what is paused is looked at */
};

struct brake;

/* Asks nobody yet. Returns new; NULL when the settings cannot be right. */
struct brake *brake_start(const struct aws_settings *settings, const struct brake_hooks *hooks, struct err *err);
/* The same with other parts; takes the caller. */
struct brake *brake_start_with(const struct brake_caller *caller, const struct brake_timing *timing,
                               const struct brake_hooks *hooks, struct err *err);
/* Ends within `deadline_ms`, whatever the peer does; what was not done stays in the outbox. NULL is allowed. */
void brake_stop(struct brake *b, int64_t deadline_ms);

/* Returns at once. What waits for the same name is given up. */
void brake_send(struct brake *b, const struct brake_order *order);
/* Gives up a pause that waits. One that is in the air just now may still be done. */
void brake_forget(struct brake *b, const char *configuration_set);
/* It is paused, as far as we know: to be looked at. */
void brake_watch(struct brake *b, const char *configuration_set);

struct brake_counts {
    uint64_t done[BRAKE_ACTIONS], failed[BRAKE_ACTIONS];
    char trouble[256]; /* of the attempt before, while it waits for the next; "": none */
};
void brake_counts(struct brake *b, struct brake_counts *to);

#endif
