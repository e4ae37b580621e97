/* The options that `replay`, `find` and `normalize` share: what is read, and how. */
#ifndef COMMANDS_INPUT_OPTIONS_H
#define COMMANDS_INPUT_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/aws_options.h"
#include "commands/progress.h"
#include "core/err.h"
#include "parsers/json_index.h"

struct input_options {
    char **paths; /* borrowed from argv */
    size_t path_count;
    int64_t from_ms, to_ms;                          /* INT64_MIN, INT64_MAX: open */
    const char *providers, *mx_table, *bounce_rules; /* paths; NULL: none */
    unsigned threads;
    enum json_isa isa;
    enum progress_mode progress;
    bool strict, help;
    struct bucket_options buckets; /* owned */
};

/* Beside those of getopt_long's table; ids of a command's own lie before INPUT_OPTION_FIRST. */
enum { INPUT_OPTION_FIRST = 512 };
enum input_option {
    INPUT_OPT_FROM = INPUT_OPTION_FIRST,
    INPUT_OPT_TO,
    INPUT_OPT_PROVIDERS,
    INPUT_OPT_MX_TABLE,
    INPUT_OPT_BOUNCE_RULES,
    INPUT_OPT_THREADS,
    INPUT_OPT_STRICT,
    INPUT_OPT_PROGRESS,
    INPUT_OPT_ISA,
    INPUT_OPT_HELP,
};
#define INPUT_OPTIONS                                                                                                  \
    {"from", required_argument, NULL, INPUT_OPT_FROM}, {"to", required_argument, NULL, INPUT_OPT_TO},                  \
        {"providers", required_argument, NULL, INPUT_OPT_PROVIDERS},                                                   \
        {"mx-table", required_argument, NULL, INPUT_OPT_MX_TABLE},                                                     \
        {"bounce-rules", required_argument, NULL, INPUT_OPT_BOUNCE_RULES},                                             \
        {"threads", required_argument, NULL, INPUT_OPT_THREADS}, {"strict", no_argument, NULL, INPUT_OPT_STRICT},      \
        {"progress", required_argument, NULL, INPUT_OPT_PROGRESS}, {"isa", required_argument, NULL, INPUT_OPT_ISA},    \
        {"help", no_argument, NULL, INPUT_OPT_HELP}, AWS_OPTIONS

void input_options_init(struct input_options *o);
void input_options_deinit(struct input_options *o);

/* Reads the whole command line; `take` gets the options that are the command's own. False with ERR_USAGE. */
bool input_options_parse(struct input_options *o, int argc, char **argv, const struct option *options,
                         bool (*take)(void *context, int id, char *text, struct err *err), void *context,
                         struct err *err);

/* What must hold of them together, unless help is wanted. False with ERR_USAGE. */
bool input_options_check(const struct input_options *o, struct err *err);

#endif
