/* The command line of `run`. */
#ifndef COMMANDS_RUN_OPTIONS_H
#define COMMANDS_RUN_OPTIONS_H

#include <stdbool.h>

#include "config/config.h"
#include "core/err.h"

struct run_options {
    const char *config_file;
    struct config_overrides overrides;
    const char *metrics; /* file for the state at the end; NULL: none */
    bool exit_at_end;
    bool help;
};

/* Borrows from argv. */
bool run_options_parse(struct run_options *o, int argc, char **argv, struct err *err);
void run_options_help(void);

#endif
