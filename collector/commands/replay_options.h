/* The command line of `replay`. */
#ifndef COMMANDS_REPLAY_OPTIONS_H
#define COMMANDS_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/aggregate.h"
#include "commands/input_options.h"
#include "config/config.h"
#include "core/err.h"
#include "sinks/history.h"
#include "sinks/report.h"
#include "sinks/report_like.h"

enum { MAX_VIEWS = 16, MAX_TAG_TITLE = 300 };

struct replay_options {
    struct input_options input;
    int64_t now_ms;
    int64_t lateness_ms, step_ms;
    enum report_format format;
    struct view_request views[MAX_VIEWS];
    size_t view_count;
    struct span tag_names[EVENT_MAX_TAGS];
    unsigned tag_count;
    char tag_titles[EVENT_MAX_TAGS][MAX_TAG_TITLE]; /* of the configuration's tags */
    bool compare, quiet;
    const char *metrics, *alerts, *cells, *openmetrics; /* paths; NULL: not wanted */
    const char *quarantine;                             /* the same */
    const char *remote_write; /* URL, or a target's name in the configuration; NULL: not wanted */
    struct metric_label history_labels[HISTORY_MAX_LABELS]; /* for --openmetrics and --remote-write */
    size_t history_label_count;
    enum report_like like;
    bool no_learning;
    uint64_t last_sends, max_visits; /* 0: the default */
    uint64_t quarantine_bytes;       /* 0: the default */
    const char *config_file;         /* NULL: none */
    const struct alert_rule *rules;  /* borrowed: the configured ones, or the defaults */
    size_t rule_count;
    struct span *verified_domains; /* owned; sorted */
    size_t verified_count;
    size_t max_names, max_rows;
    bool has_lateness, has_max_names, has_views; /* said on the command line: the configuration does not count */
};

/* False with ERR_USAGE and a sentence that says what to type instead. */
bool replay_options_parse(struct replay_options *o, int argc, char **argv, struct err *err);
/* Takes from the configuration what the command line did not say: the providers file, verified domains, lateness, names
 * shown, quarantine, what no option says of AWS, and, without --by, a table for each tag; and the rules. The
 * configuration is borrowed. */
void replay_options_configure(struct replay_options *o, const struct config *c);
void replay_options_deinit(struct replay_options *o);
void replay_options_help(void); /* to standard output */

#endif
