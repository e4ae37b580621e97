/* The options of a command line about AWS and buckets. */
#ifndef COMMANDS_AWS_OPTIONS_H
#define COMMANDS_AWS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"

struct bucket_options {
    struct aws_settings aws; /* owned */
    bool requester_pays, path_style;
    bool errors;              /* what lies below Firehose's folders of errors is read, too */
    const char *time_zone;    /* borrowed; NULL: UTC */
    const char **exclude;     /* the array is owned, the patterns are borrowed */
    size_t exclude_count;     /* */
    int64_t arrival_slack_ms; /* events arrive so long after their time */
    unsigned ahead;           /* downloads at once; 0: the default */
};

void bucket_options_init(struct bucket_options *o);
void bucket_options_deinit(struct bucket_options *o);

/* Beside those of getopt_long's table; their ids begin at AWS_OPTION_FIRST. */
enum { AWS_OPTION_FIRST = 1024 };
#define AWS_OPTIONS                                                                                                    \
    {"region", required_argument, NULL, AWS_OPT_REGION}, {"profile", required_argument, NULL, AWS_OPT_PROFILE},        \
        {"endpoint-url", required_argument, NULL, AWS_OPT_ENDPOINT},                                                   \
        {"no-sign-request", no_argument, NULL, AWS_OPT_ANONYMOUS},                                                     \
        {"request-payer", optional_argument, NULL, AWS_OPT_PAYER},                                                     \
        {"path-style", no_argument, NULL, AWS_OPT_PATH_STYLE}, {"time-zone", required_argument, NULL, AWS_OPT_ZONE},   \
        {"exclude", required_argument, NULL, AWS_OPT_EXCLUDE}, {"replay-errors", no_argument, NULL, AWS_OPT_ERRORS},   \
        {"arrival-slack", required_argument, NULL, AWS_OPT_SLACK}, {                                                   \
        "ahead", required_argument, NULL, AWS_OPT_AHEAD                                                                \
    }
enum aws_option {
    AWS_OPT_REGION = AWS_OPTION_FIRST,
    AWS_OPT_PROFILE,
    AWS_OPT_ENDPOINT,
    AWS_OPT_ANONYMOUS,
    AWS_OPT_PAYER,
    AWS_OPT_PATH_STYLE,
    AWS_OPT_ZONE,
    AWS_OPT_EXCLUDE,
    AWS_OPT_ERRORS,
    AWS_OPT_SLACK,
    AWS_OPT_AHEAD,
};
extern const char bucket_options_help[];

/* `text` is borrowed; NULL where the option has no value. False with ERR_USAGE. */
bool bucket_options_take(struct bucket_options *o, int id, const char *text, struct err *err);

#endif
