#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} commands[] = {
    {"run", command_run, "the service: reads sources for ever, serves metrics and alerts"},
    {"replay", command_replay, "reads dumps of SES events and reports rates, metrics and alerts"},
    {"find", command_find, "finds messages in dumps, and shows what happened to each"},
    {"normalize", command_normalize, "writes SES events of all forms as lines of JSON, one for each event"},
    {"check", command_check, "checks a configuration file, and says where it is wrong"},
    {"rules", command_rules, "prints the configured alerts as a rules file of Prometheus"},
    {"sns", command_sns, "lists and confirms subscriptions of SNS to a push source"},
    {"healthcheck", command_healthcheck, "asks a running service whether it is well"},
    {"simulate", command_simulate, "writes a realistic, seeded stream of SES events"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out) {
    fprintf(out, "Rates, metrics and alerts from the sending events of Amazon SES.\n\n"
                 "Usage: ses-collector COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].does);
    fprintf(out, "\nses-collector COMMAND --help says more. ses-collector --version says which this is.\n\n"
                 "Try it:\n"
                 "  ses-collector simulate --duration 3h --incident blocklist@gmail:2h+30m --out dumps\n"
                 "  ses-collector replay --by provider dumps\n");
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a reader that went away shows as an error of the write */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("ses-collector %s\n", SES_COLLECTOR_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "ses-collector: there is no command \"%s\". ses-collector --help lists the commands.\n", argv[1]);
    return EXIT_USAGE;
}
