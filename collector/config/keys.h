/* The tables of keys of the configuration file, and what they need of each other. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config/binder.h"
#include "config/config.h"

extern const struct section root_section;    /* of struct config: the whole file */
extern const struct section sources_section; /* what an entry of `sources` can be */
extern const struct section rule_section, alertmanager_section, webhook_section, slack_section;
extern const struct section brake_section, suppression_section; /* of struct config */
extern const struct section remote_write_section;
extern const struct section normalize_section; /* the same */
extern const struct section web_file_section;  /* of struct web_options: the file that web.config_file names */

/* A kind of source. */
struct source_keys {
    bool (*take)(struct binder *b, struct config_source *s, const struct node *map); /* `s` is zeroed */
    void (*show)(struct writer *w, const struct config_source *s);
    void (*deinit)(struct config_source *s);
    char **(*name)(struct config_source *s);
};
extern const struct section kafka_section, files_section, s3_section, sqs_section, push_section;
extern const struct source_keys kafka_source_keys, files_source_keys, s3_source_keys, sqs_source_keys, push_source_keys;
const char *source_name_wrong(const char *text);
/* Where subscriptions are kept, if nothing says it; and its aws. */
void finish_push(struct push_options *o, const char *state_path, const struct aws_settings *general);
void config_source_deinit(struct config_source *s);

enum {
    MAX_SOURCES = 64,
    MAX_TARGETS = 64,
    MAX_RULES = 200,
    MAX_RULE_WINDOWS = 8,           /* different ones, over all rules of rates */
    MAX_RULE_MINUTES = 7 * 24 * 60, /* of a window */
    FINE_RULE_MINUTES = 120,        /* up to here by the minute, beyond by the hour */
    MAX_EXTRA_LABELS = 32,
};

/* Entries of lists. `base` is a struct config. */
bool take_source(struct binder *b, void *base, const struct node *entry);
void show_sources(struct writer *w, const void *base);
bool take_rule(struct binder *b, void *base, const struct node *entry);
void show_rules(struct writer *w, const void *base);
bool take_alertmanager(struct binder *b, void *base, const struct node *entry);
bool take_webhook(struct binder *b, void *base, const struct node *entry);
bool take_slack(struct binder *b, void *base, const struct node *entry);
void show_alertmanagers(struct writer *w, const void *base);
void show_webhooks(struct writer *w, const void *base);
void show_slacks(struct writer *w, const void *base);
bool take_remote_write(struct binder *b, void *base, const struct node *entry);
void show_remote_writes(struct writer *w, const void *base);

/* What can be said only when all was read. `root` is the file's tree. */
void finish_sources(struct config *c);                                                   /* names */
bool finish_rules(struct binder *b, struct config *c, const struct node *root);          /* adds the default rules */
void finish_targets(struct config *c);                                                   /* names */
void finish_remote_writes(struct config *c);                                             /* names, aws */
bool check_exemplars(struct binder *b, const struct config *c, const struct node *root); /* what targets want is kept */
bool finish_brake(struct binder *b, struct config *c, const struct node *root);          /* its aws */
bool finish_suppression(struct binder *b, struct config *c, const struct node *root);    /* the same */
bool finish_normalize(struct binder *b, struct config *c, const struct node *root);

/* For the property of librdkafka that `text` names: the place of the longest one found in its words. */
const struct node *place_of_property(const struct node *map, const char *text);
const char *property_wrong(const char *text);

/* The file of --web.config.file, into what of `o` it is about. The path is absolute: where its folder is. */
bool read_web_text(const char *path, struct span text, struct web_options *o, struct err *err);

void rule_deinit(struct alert_rule *r);

/* "kafka", or "kafka-2" and so on when `is_taken` says so. Returns new. */
char *name_for(const char *kind, bool (*is_taken)(const struct config *c, const char *name), const struct config *c);

/* config_load for a text that is in memory already; `path` is what messages call it, and where its folder is. */
bool config_read(struct config *c, const char *path, struct span text, const struct config_overrides *overrides,
                 struct err *err);

#endif
