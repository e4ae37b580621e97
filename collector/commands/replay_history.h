/* The history that `replay` makes: collected while it counts, then written to a file (--openmetrics), sent to a
 * receiver
 * (--remote-write), or both. */
#ifndef COMMANDS_REPLAY_HISTORY_H
#define COMMANDS_REPLAY_HISTORY_H

#include <stdbool.h>

#include "commands/progress.h"
#include "commands/replay_options.h"
#include "config/config.h"
#include "core/err.h"
#include "sinks/history.h"
#include "sinks/output.h"
#include "sinks/remote_write.h"

/* Zeroed before use. */
struct replay_history {
    struct history *history; /* NULL: none is wanted */
    struct output output;
    bool has_output;
    const struct remote_write_target *target; /* NULL: none */
    struct remote_write_target by_url;        /* when the command line gave a URL */
    char name[256];                           /* of that target: its host, without secrets */
};

/* Before the counting: what is wrong with file or target is known early. Names and configuration are borrowed. */
bool replay_history_open(struct replay_history *r, const struct replay_options *o, const struct config *c,
                         const struct snapshot_names *names, struct err *err);
/* After it, in this order; each does nothing where it is not wanted. What was written, or sent, is said on standard
 * error. Sending may take as long as the receiver likes; it is false as well when samples were refused. */
bool replay_history_write(struct replay_history *r, const struct replay_options *o, struct err *err);
bool replay_history_send(struct replay_history *r, const struct replay_options *o, struct progress *progress,
                         struct err *err);
/* What was not written stays what it was before. */
void replay_history_close(struct replay_history *r);

#endif
