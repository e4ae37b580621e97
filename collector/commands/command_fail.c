#include "commands/command_fail.h"

#include <stdio.h>

#include "commands/commands.h"

int command_fail(const char *command, const struct err *err) {
    fprintf(stderr, "ses-collector: %s\n", err->text);
    switch (err->code) {
    case ERR_USAGE:
        fprintf(stderr, "ses-collector %s --help lists the options.\n", command);
        return EXIT_USAGE;
    case ERR_CONFIG:
        return EXIT_BAD_CONFIG;
    default:
        return EXIT_FAILED;
    }
}
