/* The subcommands. Each gets its own arguments (argv[0] is its name) and returns the exit code of the program. */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_PARTIAL = 3, /* done, but some input was malformed or unreadable; only with --strict */
    EXIT_LOCKED = 75, /* another instance has the state */
    EXIT_BAD_CONFIG = 78,
};

int command_replay(int argc, char **argv);
int command_run(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_healthcheck(int argc, char **argv);
int command_check(int argc, char **argv);
int command_sns(int argc, char **argv);
int command_rules(int argc, char **argv);
int command_find(int argc, char **argv);
int command_normalize(int argc, char **argv);

#endif
