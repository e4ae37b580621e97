/* SIGINT and SIGTERM end the commands that read to an end: what is under way breaks off. */
#ifndef COMMANDS_STOP_H
#define COMMANDS_STOP_H

#include <stdatomic.h>

/* Signals are caught from here on: the first of each; a second one ends the process as it always does. */
void stop_catch_signals(void);

int stop_signal(void);              /* that came; 0: none */
const atomic_bool *stop_flag(void); /* the same, for other threads */

#endif
