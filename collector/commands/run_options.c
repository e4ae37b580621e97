#include "commands/run_options.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "Runs the service: reads SES events from its sources for as long as it lives, counts each of them once, and shows\n"
    "rates and alerts to Prometheus, to people and to whoever is to be told.\n\n"
    "Usage: ses-collector run --config.file=FILE [OPTIONS]\n\n"
    "  --config.file FILE          the configuration (docs/configuration.md; ses-collector check tells what is wrong)\n"
    "  --web.listen-address ADDR   where to serve /metrics and the page, instead of what the file says (:9465)\n"
    "  --web.config.file FILE      TLS and users, in the form of Prometheus's exporters\n"
    "  --log.level LEVEL           debug, info, warn or error\n"
    "  --log.format FORMAT         logfmt or json\n"
    "  --exit-at-eof               ends when everything there is was read: a batch run over the same sources\n"
    "  --metrics FILE              writes the metrics there at the end\n"
    "  --help\n\n"
    "Signals: HUP reads the configuration again (all of it takes effect, or nothing); TERM and INT commit and end "
    "within\n"
    "5 seconds. Exit: 0 ended, 1 failed, 2 wrong usage, 75 another instance has the state, 78 wrong configuration or "
    "a\n"
    "state file that is refused.\n\n"
    "Examples\n"
    "  ses-collector run --config.file=/etc/ses-collector/ses-collector.yaml\n"
    "  ses-collector run --config.file=backlog.yaml --exit-at-eof --metrics backlog.prom\n";

void run_options_help(void) {
    fputs(help, stdout);
}

enum { OPTION_CONFIG = 256, OPTION_LISTEN, OPTION_WEB, OPTION_LEVEL, OPTION_FORMAT, OPTION_EXIT, OPTION_METRICS };

static bool take_option(struct run_options *o, int option, const char *value, struct err *err) {
    enum log_level level;
    enum log_format format;
    switch (option) {
    case OPTION_CONFIG:
        o->config_file = value;
        return true;
    case OPTION_LISTEN:
        o->overrides.listen_address = value;
        return true;
    case OPTION_WEB:
        o->overrides.web_config_file = value;
        return true;
    case OPTION_LEVEL:
        o->overrides.log_level = value;
        return log_level_parse(value, &level) ||
               err_set(err, ERR_USAGE, "--log.level is debug, info, warn or error, not \"%s\"", value);
    case OPTION_FORMAT:
        o->overrides.log_format = value;
        return log_format_parse(value, &format) ||
               err_set(err, ERR_USAGE, "--log.format is logfmt or json, not \"%s\"", value);
    case OPTION_EXIT:
        o->exit_at_end = true;
        return true;
    case OPTION_METRICS:
        o->metrics = value;
        return true;
    case 'h':
        o->help = true;
        return true;
    default:
        return err_set(err, ERR_USAGE, "run does not know this option, or its value is missing");
    }
}

bool run_options_parse(struct run_options *o, int argc, char **argv, struct err *err) {
    static const struct option options[] = {
        {"config.file", required_argument, NULL, OPTION_CONFIG},
        {"web.listen-address", required_argument, NULL, OPTION_LISTEN},
        {"web.config.file", required_argument, NULL, OPTION_WEB},
        {"log.level", required_argument, NULL, OPTION_LEVEL},
        {"log.format", required_argument, NULL, OPTION_FORMAT},
        {"exit-at-eof", no_argument, NULL, OPTION_EXIT},
        {"metrics", required_argument, NULL, OPTION_METRICS},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!take_option(o, option, optarg, err))
            return false;
    if (o->help)
        return true;
    if (optind < argc)
        return err_set(err, ERR_USAGE, "run takes no argument \"%s\": sources are named in the configuration",
                       argv[optind]);
    return o->config_file || err_set(err, ERR_USAGE, "run needs --config.file=FILE");
}
