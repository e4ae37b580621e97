/* One line on standard error that says how far a long job is, about ten times a second. */
#ifndef COMMANDS_PROGRESS_H
#define COMMANDS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/replay.h"

struct progress {
    bool shown; /* a line stands on the terminal */
    bool wanted;
    int64_t started_ns, last_ns;
};

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* AUTO: only when standard error is a terminal. */
void progress_begin(struct progress *p, enum progress_mode mode);
void progress_update(struct progress *p, const struct replay_progress *at);
void progress_say(struct progress *p, const char *text); /* what goes on before there is anything to count */
void progress_clear(struct progress *p);                 /* before other text, and at the end */

#endif
