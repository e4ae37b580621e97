/* The configured alerts as a rules file of Prometheus. */
#include <stdio.h>

#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "config/config.h"
#include "model/provider.h"
#include "sinks/prometheus_rules.h"

static const char help[] =
    "Prints alert rules as a rules file of Prometheus (2.42 or later), over the metrics that `run` serves.\n\n"
    "Usage: ses-collector rules [--config.file=FILE]\n\n"
    "  --config.file FILE    the configuration whose alerts to print (docs/configuration.md); without it the default\n"
    "                        rules\n"
    "  --help\n\n"
    "What Prometheus cannot say stands in comments, with the reason: that an alert ends under another share than it\n"
    "began at, the brake, rates that no counter tells.\n\n"
    "  ses-collector rules --config.file=ses-collector.yaml > ses-collector.rules.yml\n"
    "  promtool check rules ses-collector.rules.yml\n\n"
    "Exit: 0 done, 1 failed, 2 wrong usage, 78 the configuration is wrong.\n";

enum option_id { OPT_CONFIG = 256, OPT_HELP };

static const struct option options[] = {
    {"config.file", required_argument, NULL, OPT_CONFIG},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct arguments {
    const char *file;
    bool help;
};

static bool parse(struct arguments *a, int argc, char **argv, struct err *err) {
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;) {
        if (id == OPT_CONFIG)
            a->file = optarg;
        else if (id == OPT_HELP)
            a->help = true;
        else
            return false;
    }
    if (!a->help && optind < argc)
        return err_set(err, ERR_USAGE, "%s: not an option. Write --config.file=%s", argv[optind], argv[optind]);
    return true;
}

/* NULL: what there is without a configuration. */
static bool print(const struct config *c, struct err *err) {
    struct provider_table *providers = provider_table_create();
    struct prometheus_rules rules = {.providers = providers};
    bool ok = !c || !c->providers_file || provider_table_load(providers, c->providers_file, err);
    if (c) {
        rules.rules = c->rules;
        rules.count = c->rule_count;
        rules.verified_domains = c->verified_count > 0;
    } else {
        rules.rules = alert_default_rules(&rules.count);
    }
    if (ok && !prometheus_rules_write(&rules, stdout))
        ok = err_set(err, ERR_IO, "standard output cannot be written");
    provider_table_destroy(providers);
    return ok;
}

int command_rules(int argc, char **argv) {
    struct arguments a = {0};
    struct err err = {0};
    struct config c;
    if (!parse(&a, argc, argv, &err))
        return command_fail("rules", &err);
    if (a.help) {
        fputs(help, stdout);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    if (!a.file)
        return print(NULL, &err) ? EXIT_DONE : command_fail("rules", &err);
    if (!config_load(&c, a.file, NULL, &err))
        return command_fail("rules", &err);
    bool ok = print(&c, &err);
    config_deinit(&c);
    return ok ? EXIT_DONE : command_fail("rules", &err);
}
