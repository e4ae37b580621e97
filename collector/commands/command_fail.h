/* How a command says that it cannot go on. */
#ifndef COMMANDS_COMMAND_FAIL_H
#define COMMANDS_COMMAND_FAIL_H

#include "core/err.h"

/* On standard error: why, and after wrong usage where the options of `command` ("replay") are listed. Returns the exit
 * code that goes with it. */
int command_fail(const char *command, const struct err *err);

#endif
