/* The process of a service: its signals, its limits, its end. Of `run`, and of `normalize` as a service. */
#ifndef COMMANDS_SERVICE_PROCESS_H
#define COMMANDS_SERVICE_PROCESS_H

#include <stdbool.h>

#include "core/err.h"

/* Signals (TERM, INT, HUP) are read from *fd, not handled. Before any thread, so that all inherit it. */
bool process_take_signals(int *fd, struct err *err);

/* The signal that has come, 0 when none comes within the time. What can be read from `wake` (-1: nothing) counts as
 * HUP. */
int process_next_signal(int signals, int wake, int timeout_ms);

/* No core file, for it would hold addresses; and as many descriptors as we may have, for connections need them. */
void process_set_limits(void);

/* From now on the process ends with the code after so long, whoever still takes leave. */
void process_end_within(int ms, int code);

#endif
