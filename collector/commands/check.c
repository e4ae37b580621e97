#include <stdio.h>
#include <string.h>

#include "aws/credentials.h"
#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "config/config.h"
#include "model/provider.h"
#include "parsers/knowledge.h"
#include "sinks/normalized.h"

static const char help[] =
    "Checks a configuration file, and prints what it comes to: every key, defaults filled in, secrets left out.\n\n"
    "Usage: ses-collector check --config.file=FILE [OPTIONS]\n\n"
    "  --config.file FILE           the file to check (docs/configuration.md)\n"
    "  --web.config.file FILE       as for run: in the place of web.config_file\n"
    "  --web.listen-address ADDRESS as for run: in the place of web.listen_address\n"
    "  --log.level LEVEL, --log.format FORMAT\n"
    "                               as for run: in the place of log.level and log.format\n"
    "  --help-keys file|web|rules   prints every key, or the default rules, as Markdown\n"
    "  --help\n\n"
    "Nothing is connected to and nothing is written. Files that the configuration names are read, and the environment\n"
    "is looked at: run it as the user that the service is, with its variables.\n"
    "Exit: 0 all is fine, 2 wrong usage, 78 the configuration is wrong: the message begins with file:line:column.\n";

enum option_id { OPT_CONFIG = 256, OPT_WEB_CONFIG, OPT_LISTEN, OPT_LEVEL, OPT_FORMAT, OPT_HELP_KEYS, OPT_HELP };

static const struct option options[] = {
    {"config.file", required_argument, NULL, OPT_CONFIG},
    {"web.config.file", required_argument, NULL, OPT_WEB_CONFIG},
    {"web.listen-address", required_argument, NULL, OPT_LISTEN},
    {"log.level", required_argument, NULL, OPT_LEVEL},
    {"log.format", required_argument, NULL, OPT_FORMAT},
    {"help-keys", required_argument, NULL, OPT_HELP_KEYS},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct arguments {
    const char *file, *keys;
    struct config_overrides overrides;
    bool help;
};

static bool parse(struct arguments *a, int argc, char **argv, struct err *err) {
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;) {
        switch (id) {
        case OPT_CONFIG:
            a->file = optarg;
            break;
        case OPT_WEB_CONFIG:
            a->overrides.web_config_file = optarg;
            break;
        case OPT_LISTEN:
            a->overrides.listen_address = optarg;
            break;
        case OPT_LEVEL:
            a->overrides.log_level = optarg;
            break;
        case OPT_FORMAT:
            a->overrides.log_format = optarg;
            break;
        case OPT_HELP_KEYS:
            a->keys = optarg;
            break;
        case OPT_HELP:
            a->help = true;
            break;
        default:
            return false;
        }
    }
    if (a->help || a->keys)
        return true;
    if (optind < argc)
        return err_set(err, ERR_USAGE, "%s: not an option. Write --config.file=%s", argv[optind], argv[optind]);
    return a->file || err_set(err, ERR_USAGE, "nothing to check: write --config.file=FILE");
}

static int print_keys(const char *which) {
    static const char *const names[] = {"file", "web", "rules"}; /* as enum config_reference */
    for (int i = 0; i < 3; i++)
        if (strcmp(which, names[i]) == 0) {
            config_write_reference(stdout, (enum config_reference)i);
            return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
        }
    struct err err = {0};
    err_set(&err, ERR_USAGE, "--help-keys %s: not known. It is one of file, web, rules", which);
    return command_fail("check", &err);
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void say_worker(const struct config *c, const char *fingerprint) {
    const struct kafka_transform_options *n = &c->normalize;
    fprintf(stderr, "%s: for ses-collector normalize, not for run: what its group reads of %zu topic%s goes to %s",
            c->path, n->source->topic_count, plural(n->source->topic_count), n->topic);
    if (n->source->dead_letter_topic)
        fprintf(stderr, ", what cannot be read to %s", n->source->dead_letter_topic);
    fprintf(stderr, ", exactly once; the key's fingerprint is %s\n", fingerprint);
}

static void say_fine(const struct config *c, const char *fingerprint) {
    if (c->normalize.topic) {
        fprintf(stderr, "%s: fine\n", c->path);
        say_worker(c, fingerprint);
        return;
    }
    fprintf(stderr, "%s: fine: %zu source%s, %zu rule%s, %zu notification target%s\n", c->path, c->source_count,
            plural(c->source_count), c->rule_count, plural(c->rule_count), c->target_count, plural(c->target_count));
    if (config_has_brake(c))
        fprintf(stderr, "%s: the brake %s\n", c->path,
                c->brake_dry_run ? "only says what it would do (brake.dry_run: true)"
                                 : "is armed: rules with a brake pause sending (brake.dry_run: false)");
    if (!c->source_count)
        fprintf(stderr, "%s: without a source it serves replay, and not run\n", c->path);
}

/* The table has a form of its own, and says what is wrong with it by itself. */
static bool check_providers(const struct config *c, struct err *err) {
    struct provider_table *table = provider_table_create();
    struct knowledge *knowledge = NULL;
    if (!c->providers_file || provider_table_load(table, c->providers_file, err))
        knowledge = knowledge_create(table, &(struct knowledge_files){c->mx_table, c->bounce_rules}, err);
    bool ok = knowledge != NULL;
    knowledge_destroy(knowledge);
    provider_table_destroy(table);
    return ok;
}

/* A key that is too short is found before a worker is started with it. */
static bool check_key(const struct config *c, char *fingerprint, struct err *err) {
    unsigned char key[NORMALIZED_MAX_KEY];
    if (!c->normalize.topic)
        return true;
    size_t len = normalized_read_key(c->normalize_key_file, key, err);
    if (!len)
        return false;
    normalized_key_fingerprint(key, len, fingerprint);
    aws_wipe(key, sizeof key);
    return true;
}

int command_check(int argc, char **argv) {
    struct arguments a = {0};
    struct err err = {0};
    struct config c;
    if (!parse(&a, argc, argv, &err))
        return command_fail("check", &err);
    if (a.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (a.keys)
        return print_keys(a.keys);
    if (!config_load(&c, a.file, &a.overrides, &err))
        return command_fail("check", &err);
    char fingerprint[NORMALIZED_FINGERPRINT + 1] = "";
    bool ok = config_try_remote_writes(&c, &err) && check_providers(&c, &err) && check_key(&c, fingerprint, &err);
    if (ok && (!config_write(&c, stdout) || fflush(stdout) != 0))
        ok = err_set(&err, ERR_IO, "standard output cannot be written");
    if (ok)
        say_fine(&c, fingerprint);
    config_deinit(&c);
    return ok ? EXIT_DONE : command_fail("check", &err);
}
