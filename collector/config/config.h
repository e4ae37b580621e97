/* The configuration file: YAML, strict. Everything that it can say, with its defaults, in the shape in which the
 * modules take it. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "alert/rule.h"
#include "core/err.h"
#include "core/log.h"
#include "model/event.h"
#include "sinks/http_server.h"
#include "sinks/notifier.h"
#include "sinks/remote_write.h"
#include "sinks/suppression.h"
#include "source/folder.h"
#include "source/kafka.h"
#include "source/kafka_transform.h"
#include "source/push.h"
#include "source/s3_watch.h"
#include "source/sqs.h"

struct config_source {
    enum source_kind kind;
    union {
        struct kafka_options kafka;
        struct folder_options files;
        struct s3_watch_options s3;
        struct sqs_options sqs;
        struct push_options push;
    };
};

struct config {
    char *path; /* of the file itself */

    /* state: */
    char *state_path;  /* NULL: in memory only */
    int64_t commit_ms; /* default 1 s */
    /* counting: */
    int64_t lateness_ms;     /* default 72 h */
    char *providers_file;    /* NULL: the built-in table */
    char *mx_table;          /* NULL: none */
    bool learn_domains;      /* default: true */
    bool exemplars;          /* default: false */
    char *bounce_rules;      /* NULL: the built-in ones */
    uint64_t last_sends;     /* default DEFAULT_LAST_SENDS */
    uint64_t max_visits;     /* default MAX_VISITS */
    char **verified_domains; /* lower case, sorted by bytes */
    size_t verified_count;
    char *tags[EVENT_MAX_TAGS];
    unsigned tag_count;
    size_t max_names; /* of configuration sets, identities, tag values shown; default as replay's */
    /* quota: */
    uint64_t quota_per_day, quota_per_second; /* of sends; 0: not known */
    /* quarantine: */
    char *quarantine_dir; /* NULL: none */
    uint64_t quarantine_bytes;
    /* log: */
    enum log_level log_level;
    enum log_format log_format;
    /* web: and the file that web.config_file names */
    struct web_options web;
    char *web_config_file;
    /* aws: */
    struct aws_settings aws; /* what sources and the brake do not say themselves */
    /* sources: */
    struct config_source *sources;
    size_t source_count;
    /* normalize: the file is a worker's if it has a topic */
    struct kafka_transform_options normalize;
    char *normalize_key_file;
    /* alerts: */
    char *alerts_file;        /* NULL: none */
    int64_t alert_delay_ms;   /* minutes are judged so long after they ended; default 1 min */
    bool default_rules;       /* as given; `rules` has them already */
    int64_t idle_after_ms;    /* without newer events for so long, time goes on with the clock; default 15 min */
    int64_t hold_behind_ms;   /* while event time is further behind the clock, incidents are held; default 15 min */
    struct alert_rule *rules; /* the configured ones, or the defaults */
    size_t rule_count;
    struct notify_target *targets;
    size_t target_count;
    /* brake: */
    bool brake_dry_run;         /* default: true */
    uint32_t brake_max_per_day; /* pauses; default 3 */
    struct aws_settings brake_aws;
    /* suppression: */
    struct suppression_options suppression;
    /* remote_write: */
    struct remote_write_target *remote_writes;
    size_t remote_write_count;
};

/* Reads and checks the file. On error the text is "file:line:column: what is wrong, and what would be right". The
 * overrides are those of the command line (--web.listen-address, --web.config.file); NULL: none. */
struct config_overrides {
    const char *listen_address, *web_config_file, *log_level, *log_format;
};
bool config_load(struct config *c, const char *path, const struct config_overrides *overrides, struct err *err);
void config_deinit(struct config *c);

/* Whether the targets of remote_write can be written to from where the process is: for sigv4 a region has to be known
 * here. Asks nobody; the error is as that of config_load. */
bool config_try_remote_writes(const struct config *c, struct err *err);

/* The effective configuration as YAML: every key, defaults filled in, secrets as "<secret>". Loads again as it is, but
 * for the secrets. */
bool config_write(const struct config *c, FILE *out);

/* As Markdown: every key with its type, default and meaning, of the file or of the one that web.config_file names; and
 * the default rules. */
enum config_reference { CONFIG_REFERENCE_FILE, CONFIG_REFERENCE_WEB, CONFIG_REFERENCE_RULES };
void config_write_reference(FILE *out, enum config_reference which);

/* The rules that stand beside the default ones once quota.per_day is known; their quota is 0 here. Static. */
const struct alert_rule *config_quota_rules(size_t *count);

/* Some rule has a brake. It is armed when it is not a dry run, too. */
bool config_has_brake(const struct config *c);

/* Which keys differ that a running service cannot take over ("state.path", "counting.tags", ...), as a list for a
 * person; empty when all can. */
void config_fixed_differences(const struct config *running, const struct config *wanted, char *text, size_t size);

#endif
