/* Subscriptions of SNS that wait for an operator: shows them, and confirms one. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/session.h"
#include "aws/sns.h"
#include "aws/sns_certificates.h"
#include "aws/sns_confirm.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "config/binder.h"
#include "config/config.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "parsers/timestamp.h"

static const char help[] =
    "Subscriptions of SNS that wait to be confirmed. When a topic is subscribed to a push source, SNS asks for a\n"
    "confirmation; the service checks who asks, keeps the request as a file, and follows no link. It is confirmed "
    "here.\n\n"
    "Usage: ses-collector sns list --config.file=FILE\n"
    "       ses-collector sns confirm REQUEST-FILE [OPTIONS]\n\n"
    "ses-collector sns list --help and ses-collector sns confirm --help say more.\n";

static const char list_help[] = "Lists the subscriptions that wait, of all push sources of a configuration.\n\n"
                                "Usage: ses-collector sns list --config.file=FILE\n\n"
                                "  --config.file FILE    the service's configuration\n"
                                "  --help\n\n"
                                "A line each: when it was asked for, the topic's ARN, and the file to confirm.\n"
                                "Exit: 0 done, 1 failed, 2 wrong usage, 78 the configuration is wrong.\n";

static const char confirm_help[] =
    "Confirms a subscription: checks the request's signature once more, shows what would be subscribed, asks, and "
    "tells\n"
    "SNS in the topic's own region. The request's file gets the ending .done.\n\n"
    "Usage: ses-collector sns confirm REQUEST-FILE [OPTIONS]\n\n"
    "  --config.file FILE    the service's configuration: the topic must be in it, and what it says of AWS counts\n"
    "  --endpoint-url URL    ask there instead of AWS (without --config.file)\n"
    "  --ca-file FILE        certificates to trust instead of the system's (without --config.file)\n"
    "  --certificate FILE    the certificate that signed the request, instead of fetching it from SNS\n"
    "                        (without --config.file)\n"
    "  --yes                 do not ask\n"
    "  --help\n\n"
    "No credentials are needed. Prints the subscription's ARN.\n"
    "Exit: 0 done, 1 failed or not wanted, 2 wrong usage, 78 the configuration is wrong.\n";

enum option_id { OPT_CONFIG = 256, OPT_ENDPOINT, OPT_CA, OPT_CERTIFICATE, OPT_YES, OPT_HELP };

static const struct option options[] = {
    {"config.file", required_argument, NULL, OPT_CONFIG},
    {"endpoint-url", required_argument, NULL, OPT_ENDPOINT},
    {"ca-file", required_argument, NULL, OPT_CA},
    {"certificate", required_argument, NULL, OPT_CERTIFICATE},
    {"yes", no_argument, NULL, OPT_YES},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct arguments {
    const char *config, *endpoint, *ca_file, *certificate, *file;
    bool yes, help;
};

static const int64_t token_ms = 3LL * 24 * 3600 * 1000; /* SNS takes it for so long */

static int fail(const struct err *err) {
    fprintf(stderr, "ses-collector: %s\n", err->text);
    if (err->code != ERR_USAGE)
        return err->code == ERR_CONFIG ? EXIT_BAD_CONFIG : EXIT_FAILED;
    fprintf(stderr, "ses-collector sns --help says more.\n");
    return EXIT_USAGE;
}

static bool take_option(struct arguments *a, int id) {
    switch (id) {
    case OPT_CONFIG:
        a->config = optarg;
        return true;
    case OPT_ENDPOINT:
        a->endpoint = optarg;
        return true;
    case OPT_CA:
        a->ca_file = optarg;
        return true;
    case OPT_CERTIFICATE:
        a->certificate = optarg;
        return true;
    case OPT_YES:
        a->yes = true;
        return true;
    case OPT_HELP:
        a->help = true;
        return true;
    default:
        return false;
    }
}

static bool parse(struct arguments *a, int argc, char **argv, bool takes_file, struct err *err) {
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;)
        if (!take_option(a, id))
            return false;
    if (a->help)
        return true;
    if (takes_file && optind < argc)
        a->file = argv[optind++];
    if (optind < argc)
        return err_set(err, ERR_USAGE, "%s: one thing too many", argv[optind]);
    if (a->config && (a->endpoint || a->ca_file || a->certificate))
        return err_set(err, ERR_USAGE, "--config.file says that already: leave the other options out");
    if (takes_file && !a->file)
        return err_set(err, ERR_USAGE, "nothing to confirm: name the file, as the service's log did");
    return takes_file || a->config || err_set(err, ERR_USAGE, "--config.file=FILE is missing");
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* Returns false with a sentence. */
static bool read_request(const char *path, struct sns_message *m, struct err *err) {
    size_t len = 0;
    struct err why = {0};
    char *text = bind_read_file(path, SNS_MESSAGE_MAX, true, &len, &why);
    bool good = text && sns_message_parse(m, (struct span){text, len}, &why);
    free(text);
    if (good && m->type == SNS_NOTIFICATION) {
        sns_message_deinit(m);
        good = err_set(&why, ERR_INPUT, "it is a message, and asks for nothing");
    }
    return good || err_set(err, ERR_IO, "%.200s: %s", path, why.text);
}

static void print_span(FILE *to, const char *title, struct span s) {
    fprintf(to, "%-10s %.*s\n", title, SPAN_ARG(s));
}

/* Everything here was looked at: parts of an ARN, and a time. */
static void show_request(const struct sns_message *m, int64_t now_ms) {
    char time[TIMESTAMP_SIZE];
    timestamp_format(m->time_ms, time);
    print_span(stderr, "topic", m->topic.name);
    print_span(stderr, "account", m->topic.account);
    print_span(stderr, "region", m->topic.region);
    fprintf(stderr, "%-10s %s\n", "asked for", time);
    if (m->type == SNS_UNSUBSCRIBE)
        fprintf(stderr, "The subscription was ended; to confirm this takes it up again.\n");
    if (now_ms - m->time_ms > token_ms)
        fprintf(stderr, "It is older than three days: SNS will not take it any more. Subscribe the topic anew.\n");
}

/* --- confirm ------------------------------------------------------------------------------------------------------ */

/* What confirming needs to know. */
struct setup {
    struct aws_settings aws;
    char **certificates; /* borrowed */
    size_t certificate_count;
};

static bool has_topic(const struct push_options *o, struct span arn) {
    for (size_t i = 0; o->sns_path && i < o->topic_count; i++)
        if (span_eq(arn, span_of(o->topics[i])))
            return true;
    return false;
}

static bool setup_of_config(const struct config *c, const struct sns_message *m, struct setup *s, struct err *err) {
    for (size_t i = 0; i < c->source_count; i++) {
        const struct push_options *o = &c->sources[i].push;
        if (c->sources[i].kind != SOURCE_PUSH || !has_topic(o, m->topic_arn))
            continue;
        s->aws = aws_settings_copy(&o->aws);
        s->certificates = o->sns_certificates;
        s->certificate_count = o->sns_certificate_count;
        return true;
    }
    return err_set(err, ERR_IO, "%s allows no such topic: add %.*s to sns.topics of a push source", c->path,
                   SPAN_ARG(m->topic_arn));
}

static void setup_of_arguments(struct arguments *a, struct setup *s) {
    s->aws.endpoint = alloc_copy(a->endpoint);
    s->aws.ca_file = alloc_copy(a->ca_file);
    s->certificates = (char **)&a->certificate;
    s->certificate_count = a->certificate ? 1 : 0;
}

static bool check_signature(const struct setup *s, const struct sns_message *m, struct err *err) {
    struct sns_certificates *c = sns_certificates_create(&s->aws, s->certificates, s->certificate_count, err);
    struct err why = {0};
    bool genuine = c && sns_certificates_check(c, m, clock_wall_ms(), NULL, &why) == SNS_GENUINE;
    sns_certificates_destroy(c);
    return genuine || err_set(err, ERR_IO, "the request was not shown to be from SNS: %s", why.text);
}

/* Only y or yes is one. */
static bool is_wanted(const struct arguments *a, struct err *err) {
    char answer[16] = "";
    if (a->yes)
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE, "there is no terminal to ask at: add --yes");
    fprintf(stderr, "Shall this topic send its messages here? [y/N] ");
    if (fgets(answer, sizeof answer, stdin) && (!strcmp(answer, "y\n") || !strcmp(answer, "yes\n")))
        return true;
    return err_set(err, ERR_IO, "not confirmed");
}

static void mark_done(const char *path) {
    size_t size = strlen(path) + sizeof ".done";
    char *done = alloc_zeroed(size, 1);
    snprintf(done, size, "%s.done", path);
    if (rename(path, done) != 0)
        fprintf(stderr, "ses-collector: %s cannot be renamed (%s): delete it\n", path, strerror(errno));
    free(done);
}

static bool tell_sns(const struct arguments *a, const struct setup *s, const struct sns_message *m, struct err *err) {
    struct buf arn;
    buf_init(&arn, 4096);
    struct aws_session *session = aws_session_open(&s->aws, err);
    bool good = session && sns_confirm(session, m, &arn, NULL, err);
    aws_session_close(session);
    if (good) {
        printf("%.*s\n", SPAN_ARG(buf_span(&arn)));
        mark_done(a->file);
    }
    buf_deinit(&arn);
    return good && (fflush(stdout) == 0 || err_set(err, ERR_IO, "standard output cannot be written"));
}

static bool confirm(struct arguments *a, struct err *err) {
    struct sns_message m = {0};
    struct config c = {0};
    struct setup s = {0};
    if (a->config && !config_load(&c, a->config, NULL, err))
        return false;
    bool good = read_request(a->file, &m, err);
    if (good) {
        if (!a->config)
            setup_of_arguments(a, &s);
        good = (!a->config || setup_of_config(&c, &m, &s, err)) && check_signature(&s, &m, err);
        if (good)
            show_request(&m, clock_wall_ms());
        good = good && is_wanted(a, err) && tell_sns(a, &s, &m, err);
        aws_settings_deinit(&s.aws);
        sns_message_deinit(&m);
    }
    if (a->config)
        config_deinit(&c);
    return good;
}

/* --- list --------------------------------------------------------------------------------------------------------- */

static int by_name(const void *x, const void *y) {
    char *const *a = x, *const *b = y;
    return strcmp(*a, *b);
}

static void print_request(const char *folder, const char *name) {
    struct sns_message m = {0};
    struct err err = {0};
    char time[TIMESTAMP_SIZE];
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = alloc_zeroed(size, 1);
    snprintf(path, size, "%s/%s", folder, name);
    if (read_request(path, &m, &err)) {
        timestamp_format(m.time_ms, time);
        printf("%s %.*s %s\n", time, SPAN_ARG(m.topic_arn), path);
        sns_message_deinit(&m);
    } else {
        fprintf(stderr, "ses-collector: %s\n", err.text);
    }
    free(path);
}

/* The folder may not be there yet. */
static bool list_folder(const char *folder, struct err *err) {
    enum { MOST = 1000 };
    char *names[MOST];
    size_t count = 0;
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT || err_set_errno(err, ERR_IO, errno, "%.200s", folder);
    for (const struct dirent *e; count < MOST && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".json") == 0)
            names[count++] = alloc_string(e->d_name, len);
    }
    closedir(d);
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        print_request(folder, names[i]);
        free(names[i]);
    }
    return true;
}

static bool list(const struct arguments *a, struct err *err) {
    struct config c = {0};
    if (!config_load(&c, a->config, NULL, err))
        return false;
    bool good = true;
    for (size_t i = 0; good && i < c.source_count; i++)
        if (c.sources[i].kind == SOURCE_PUSH && c.sources[i].push.confirmations)
            good = list_folder(c.sources[i].push.confirmations, err);
    config_deinit(&c);
    return good && (fflush(stdout) == 0 || err_set(err, ERR_IO, "standard output cannot be written"));
}

/* --- the command -------------------------------------------------------------------------------------------------- */

int command_sns(int argc, char **argv) {
    struct arguments a = {0};
    struct err err = {0};
    const char *what = argc > 1 ? argv[1] : "";
    bool confirms = strcmp(what, "confirm") == 0;
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (!confirms && strcmp(what, "list") != 0) {
        err_set(&err, ERR_USAGE,
                *what ? "sns %s: not known. It is list or confirm" : "sns%s: write list or confirm behind it", what);
        return fail(&err);
    }
    if (!parse(&a, argc - 1, argv + 1, confirms, &err))
        return fail(&err);
    if (a.help) {
        fputs(confirms ? confirm_help : list_help, stdout);
        return EXIT_DONE;
    }
    return (confirms ? confirm(&a, &err) : list(&a, &err)) ? EXIT_DONE : fail(&err);
}
