/* What `find` and `normalize` share: commands that read SES events to their end, and count nothing. */
#ifndef COMMANDS_SCAN_COMMAND_H
#define COMMANDS_SCAN_COMMAND_H

#include <getopt.h>
#include <stdbool.h>

#include "commands/input.h"
#include "commands/input_options.h"
#include "core/err.h"
#include "pipeline/scan.h"
#include "sinks/quarantine.h"

/* A command's own part. */
struct scan_form {
    const char *name;                                                 /* "find" */
    const struct option *options;                                     /* getopt_long's table, with INPUT_OPTIONS */
    const char *help_before, *help_behind;                            /* what both commands have stands between them */
    bool (*take)(void *context, int id, char *text, struct err *err); /* an option of its own; false with ERR_USAGE */
};

struct scan_command {
    struct input input; /* first: see input_on_progress */
    struct input_options options;
    const struct scan_form *form;
    const char *quarantine_dir; /* NULL: none */
    struct quarantine *quarantine;
};

/* Reads the command line, and catches signals from here on. `context` is form->take's. False when there is nothing more
 * to do, since it was wrong or asked for help: then `*code` is the exit code. */
bool scan_command_begin(struct scan_command *c, const struct scan_form *form, int argc, char **argv, void *context,
                        int *code);
void scan_command_deinit(struct scan_command *c);

/* Loads the tables and finds the objects; `in_time_order`: in the order in which replay would read them. */
bool scan_command_prepare(struct scan_command *c, bool in_time_order, struct err *err);
/* Whether all objects can be read a second time; then scan_command_again finds them anew. */
bool scan_command_is_readable_again(const struct scan_command *c);
bool scan_command_again(struct scan_command *c, struct err *err);

/* Runs the scan; fills in everything but the visitor and `take`. Their context is `c`: the command's own struct begins
 * with it. False when it was stopped. */
bool scan_command_run(struct scan_command *c, struct scan *s);

/* On standard error: what could not be read, the malformed by reason. */
void scan_command_say(const struct scan_command *c, const struct scan *s);

/* Says why; the exit code. */
int scan_command_fail(const struct scan_command *c, const struct err *err);
/* The exit code of a run that is done. */
int scan_command_exit_code(const struct scan_command *c, const struct scan *s);

#endif
