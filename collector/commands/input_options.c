#include "commands/input_options.h"

#include <unistd.h>

#include "commands/option_values.h"

enum { MAX_THREADS = 256 };

void input_options_init(struct input_options *o) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (struct input_options){
        .from_ms = INT64_MIN,
        .to_ms = INT64_MAX,
        .threads = processors < 1             ? 1
                   : processors > MAX_THREADS ? MAX_THREADS
                                              : (unsigned)processors,
        .isa = json_isa_best(),
    };
    bucket_options_init(&o->buckets);
}

void input_options_deinit(struct input_options *o) {
    bucket_options_deinit(&o->buckets);
}

static bool take_isa(struct input_options *o, const char *text, struct err *err) {
    const char *names[JSON_ISAS];
    int chosen = 0;
    for (int i = 0; i < JSON_ISAS; i++)
        names[i] = json_isa_name((enum json_isa)i);
    if (!option_parse_choice("isa", text, names, JSON_ISAS, &chosen, err))
        return false;
    o->isa = (enum json_isa)chosen;
    return json_isa_supported(o->isa) || err_set(err, ERR_USAGE, "--isa %s: this processor does not have it", text);
}

static bool take_option(struct input_options *o, int id, char *text, struct err *err) {
    static const char *const when[] = {"auto", "always", "never"}; /* as enum progress_mode */
    unsigned long n = 0;
    int chosen = 0;
    switch (id) {
    case INPUT_OPT_FROM:
        return option_parse_time("from", text, &o->from_ms, err);
    case INPUT_OPT_TO:
        return option_parse_time("to", text, &o->to_ms, err);
    case INPUT_OPT_PROVIDERS:
        o->providers = text;
        return true;
    case INPUT_OPT_MX_TABLE:
        o->mx_table = text;
        return true;
    case INPUT_OPT_BOUNCE_RULES:
        o->bounce_rules = text;
        return true;
    case INPUT_OPT_THREADS:
        if (!option_parse_number("threads", text, 1, MAX_THREADS, &n, err))
            return false;
        o->threads = (unsigned)n;
        return true;
    case INPUT_OPT_STRICT:
        return o->strict = true;
    case INPUT_OPT_PROGRESS:
        if (!option_parse_choice("progress", text, when, 3, &chosen, err))
            return false;
        o->progress = (enum progress_mode)chosen;
        return true;
    case INPUT_OPT_ISA:
        return take_isa(o, text, err);
    case INPUT_OPT_HELP:
        return o->help = true;
    default:
        return bucket_options_take(&o->buckets, id, text, err);
    }
}

bool input_options_parse(struct input_options *o, int argc, char **argv, const struct option *options,
                         bool (*take)(void *context, int id, char *text, struct err *err), void *context,
                         struct err *err) {
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;)
        if (id == OPTION_WRONG ||
            !(id < INPUT_OPTION_FIRST ? take(context, id, optarg, err) : take_option(o, id, optarg, err)))
            return false;
    o->paths = argv + optind;
    o->path_count = (size_t)(argc - optind);
    return true;
}

bool input_options_check(const struct input_options *o, struct err *err) {
    if (o->from_ms != INT64_MIN && o->to_ms != INT64_MAX && o->from_ms >= o->to_ms)
        return err_set(err, ERR_USAGE, "--from is not before --to: the period is empty");
    if (!o->path_count)
        return err_set(err, ERR_USAGE, "nothing to read: name a file, a folder, or - for standard input");
    return true;
}
