#include "commands/replay_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "commands/option_values.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "parsers/recipient.h"

enum { DEFAULT_LATENESS_HOURS = 72, DEFAULT_MAX_NAMES = 10000 };
#define MAX_LATENESS_MS (400 * (int64_t)DAY_MS)

static const char help_before[] =
    "Reads dumps of SES events to their end and reports what became of the mail.\n\n"
    "Usage: ses-collector replay [OPTIONS] PATH...\n\n"
    "PATH is a file, a folder (with everything below it), a glob pattern, - for standard input, or\n"
    "s3://BUCKET/PREFIX: JSON records as SES, SNS, EventBridge, Firehose and Kafka Connect write them; plain, gzip,\n"
    "zip, Snappy or zstd (told by content). With --from or --to only those hours of a bucket are listed and read.\n\n"
    "What to look at\n"
    "  --from TIME, --to TIME   only events from TIME on, before TIME (2026-11-21, 2026-11-21T23:34, @1763768070; "
    "UTC)\n"
    "  --by LIST                the tables to show, comma separated: account, provider, configuration_set,\n"
    "                           provider,configuration_set (both names together: one table), identity, tag:NAME.\n"
    "                           Repeat the option for several tables. Default: account, then provider\n"
    "  --compare                beside every figure the change against the period of the same length before --from\n"
    "  --lateness DURATION      how far behind the newest event one may be and still count (default 72h, at most "
    "400d)\n"
    "  --verified-domains LIST  your own domains: left out of the reputation bounce rate, as AWS does\n"
    "  --providers FILE         adds to the table of mailbox providers, or overrides it (docs/providers.md)\n"
    "  --mx-table FILE          domains and their mail servers: whose a company's own domain is (docs/providers.md)\n"
    "  --no-learning            domains that no table knows stay `other`, whatever replies tell of them\n"
    "  --bounce-rules FILE      rules that say why mail bounced, asked before the built-in ones (docs/reasons.md)\n"
    "  --last-sends N           the reputation is that of the last N sends (default 10000)\n"
    "  --max-visits N           first opens and clicks remembered, to count a message once (default 20000000)\n"
    "  --max-names N            names of a kind that are shown; the least busy beyond become `other` (default "
    "10000)\n\n"
    "What comes out\n"
    "  --format FORMAT          table (default), json or csv, on standard output\n"
    "  --rows N                 rows of each table; 0 for all (default 25; json and csv always have all)\n"
    "  --metrics FILE           the state at the end as Prometheus text\n"
    "  --alerts FILE            the alerts of the period as JSON: when each fired and ended, and its numbers\n"
    "  --cells FILE             the series behind the report as CSV, one row a step, event type, set and provider\n"
    "  --openmetrics FILE       the counters through all that time, for promtool to make blocks of (docs/history.md)\n"
    "  --remote-write TARGET    sends the same to Prometheus or VictoriaMetrics: a URL (http://HOST/api/v1/write), or "
    "the\n"
    "                           name of a target below `remote_write` of --config.file\n"
    "  --history-label NAME=VALUE  a label for all series of these two, as in instance=backfill; repeatable\n"
    "  --step DURATION          the step of --cells, --openmetrics and --remote-write: whole minutes (default 1m)\n"
    "  --like WHAT              the report as AWS shows it: vdm, get-send-statistics (docs/aws-numbers.md)\n"
    "  --quarantine DIR         keeps malformed records, with object, offset and reason, and unknown values\n"
    "                           FILE - is standard output (then the report is not written there)\n\n";
static const char help_behind[] =
    "How\n"
    "  --threads N              workers (default: one for each processor)\n"
    "  --strict                 exit with 3 when something was malformed or unreadable\n"
    "  --progress WHEN          auto (default: on a terminal), always, never\n"
    "  --quiet                  no report on standard output\n"
    "  --now TIME               takes TIME for the present: events over 5 minutes ahead of it are not counted\n"
    "  --config.file FILE       takes from a configuration (docs/configuration.md) what no option here says: rules,\n"
    "                           all of `counting`, quota, quarantine, aws\n"
    "  --isa NAME               scans with plain, sse2, avx2 or avx512 code (default: the best there is)\n"
    "  --help\n\n"
    "The last line on standard error accounts for every record. Exit: 0 done, 1 failed, 2 wrong usage, 3 see "
    "--strict,\n78 wrong configuration.\n\n"
    "Examples\n"
    "  ses-collector replay dumps/2026/11/21\n"
    "  ses-collector replay --by provider,configuration_set --format csv dumps > rates.csv\n"
    "  ses-collector replay --from 2026-11-20 --to 2026-11-21 --compare --by provider dumps\n"
    "  ses-collector replay --from 2026-11-21T05:00 --to 2026-11-21T07:00 s3://my-bucket/ses/\n"
    "  zcat old.json.gz | ses-collector replay --alerts alerts.json -\n";

void replay_options_help(void) {
    fputs(help_before, stdout);
    fputs(bucket_options_help, stdout);
    fputs(help_behind, stdout);
}

/* --- views -------------------------------------------------------------------------------------------------------- */

static bool add_view(struct replay_options *o, enum view_kind kind, unsigned tag, const char *title, struct err *err) {
    for (size_t i = 0; i < o->view_count; i++)
        if (o->views[i].kind == kind && (kind != VIEW_TAG || o->views[i].tag == tag))
            return true;
    if (o->view_count == MAX_VIEWS)
        return err_set(err, ERR_USAGE, "--by: more than %d tables", MAX_VIEWS);
    o->views[o->view_count++] = (struct view_request){kind, tag, title};
    return true;
}

static bool add_tag_view(struct replay_options *o, const char *title, struct err *err) {
    struct span name = span_of(title + strlen("tag:"));
    unsigned tag = 0;
    if (!name.len)
        return err_set(err, ERR_USAGE, "--by tag: needs a name, as in tag:campaign");
    while (tag < o->tag_count && !span_eq(o->tag_names[tag], name))
        tag++;
    if (tag == EVENT_MAX_TAGS)
        return err_set(err, ERR_USAGE, "--by: more than %d tags", EVENT_MAX_TAGS);
    if (tag == o->tag_count)
        o->tag_names[o->tag_count++] = name;
    return add_view(o, VIEW_TAG, tag, title, err);
}

static bool add_named_view(struct replay_options *o, const char *name, struct err *err) {
    if (strcmp(name, "account") == 0)
        return add_view(o, VIEW_ACCOUNT, 0, "account", err);
    if (strcmp(name, "provider") == 0)
        return add_view(o, VIEW_PROVIDER, 0, "provider", err);
    if (strcmp(name, "configuration_set") == 0)
        return add_view(o, VIEW_CONFIGURATION_SET, 0, "configuration_set", err);
    if (strcmp(name, "identity") == 0)
        return add_view(o, VIEW_IDENTITY, 0, "identity", err);
    if (strncmp(name, "tag:", 4) == 0)
        return add_tag_view(o, name, err);
    return err_set(err, ERR_USAGE,
                   "--by %s: not known. It is one of account, provider, configuration_set, "
                   "provider,configuration_set, identity, tag:NAME",
                   name);
}

/* "provider,configuration_set" is one view of both; anything else is a list of views. Cuts `text` at its commas. */
static bool parse_by(struct replay_options *o, char *text, struct err *err) {
    if (strcmp(text, "provider,configuration_set") == 0 || strcmp(text, "configuration_set,provider") == 0)
        return add_view(o, VIEW_BOTH, 0, "provider,configuration_set", err);
    for (char *rest = text, *name; (name = strsep(&rest, ","));)
        if (!add_named_view(o, name, err))
            return false;
    return true;
}

static int by_bytes(const void *x, const void *y) {
    const struct span *a = x, *b = y;
    int c = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

static bool parse_domains(struct replay_options *o, char *text, struct err *err) {
    for (char *rest = text, *name; (name = strsep(&rest, ","));) {
        char address[RECIPIENT_DOMAIN_SIZE + 2], domain[RECIPIENT_DOMAIN_SIZE];
        snprintf(address, sizeof address, "@%s", name);
        size_t len = recipient_domain(span_of(address), domain);
        if (!len)
            return err_set(err, ERR_USAGE, "--verified-domains %s: not a domain. Write example.com,example.org", name);
        o->verified_domains = alloc_resize(o->verified_domains, o->verified_count + 1, sizeof *o->verified_domains);
        o->verified_domains[o->verified_count++] = (struct span){alloc_string(domain, len), len};
    }
    qsort(o->verified_domains, o->verified_count, sizeof *o->verified_domains, by_bytes);
    return true;
}

/* --- the options -------------------------------------------------------------------------------------------------- */

enum option_id {
    OPT_BY = 256,
    OPT_COMPARE,
    OPT_LATENESS,
    OPT_VERIFIED,
    OPT_NO_LEARNING,
    OPT_LAST_SENDS,
    OPT_MAX_VISITS,
    OPT_MAX_NAMES,
    OPT_FORMAT,
    OPT_ROWS,
    OPT_METRICS,
    OPT_ALERTS,
    OPT_CELLS,
    OPT_OPENMETRICS,
    OPT_REMOTE_WRITE,
    OPT_HISTORY_LABEL,
    OPT_OPENMETRICS_LABEL,
    OPT_LIKE,
    OPT_STEP,
    OPT_QUARANTINE,
    OPT_QUIET,
    OPT_NOW,
    OPT_CONFIG,
};
_Static_assert(OPT_CONFIG < (int)INPUT_OPTION_FIRST, "ids of options overlap");

static const struct option options[] = {
    {"by", required_argument, NULL, OPT_BY},
    {"compare", no_argument, NULL, OPT_COMPARE},
    {"lateness", required_argument, NULL, OPT_LATENESS},
    {"verified-domains", required_argument, NULL, OPT_VERIFIED},
    {"no-learning", no_argument, NULL, OPT_NO_LEARNING},
    {"last-sends", required_argument, NULL, OPT_LAST_SENDS},
    {"max-visits", required_argument, NULL, OPT_MAX_VISITS},
    {"max-names", required_argument, NULL, OPT_MAX_NAMES},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"rows", required_argument, NULL, OPT_ROWS},
    {"metrics", required_argument, NULL, OPT_METRICS},
    {"alerts", required_argument, NULL, OPT_ALERTS},
    {"cells", required_argument, NULL, OPT_CELLS},
    {"openmetrics", required_argument, NULL, OPT_OPENMETRICS},
    {"remote-write", required_argument, NULL, OPT_REMOTE_WRITE},
    {"history-label", required_argument, NULL, OPT_HISTORY_LABEL},
    {"openmetrics-label", required_argument, NULL, OPT_OPENMETRICS_LABEL}, /* its name up to 0.4 */
    {"like", required_argument, NULL, OPT_LIKE},
    {"step", required_argument, NULL, OPT_STEP},
    {"quarantine", required_argument, NULL, OPT_QUARANTINE},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"now", required_argument, NULL, OPT_NOW},
    {"config.file", required_argument, NULL, OPT_CONFIG},
    INPUT_OPTIONS,
    {0},
};

static bool parse_lateness(struct replay_options *o, const char *text, struct err *err) {
    if (!option_parse_duration("lateness", text, &o->lateness_ms, err))
        return false;
    if (o->lateness_ms > MAX_LATENESS_MS)
        return err_set(err, ERR_USAGE, "--lateness %s: at most 400d", text);
    return true;
}

static bool parse_step(struct replay_options *o, const char *text, struct err *err) {
    if (!option_parse_duration("step", text, &o->step_ms, err))
        return false;
    if (o->step_ms % MINUTE_MS)
        return err_set(err, ERR_USAGE, "--step %s: not a whole number of minutes", text);
    return true;
}

/* NAME=VALUE; cuts `text` at the sign. */
static bool parse_label(struct replay_options *o, const char *option, char *text, struct err *err) {
    char *value = strchr(text, '=');
    if (!value || !value[1])
        return err_set(err, ERR_USAGE, "--%s %s: write NAME=VALUE, as in instance=backfill", option, text);
    *value++ = '\0';
    const char *problem = history_label_problem(text);
    if (problem)
        return err_set(err, ERR_USAGE, "--%s %s: %s", option, text, problem);
    for (size_t i = 0; i < o->history_label_count; i++)
        if (strcmp(o->history_labels[i].name, text) == 0)
            return err_set(err, ERR_USAGE, "--%s %s: said twice", option, text);
    if (o->history_label_count == HISTORY_MAX_LABELS)
        return err_set(err, ERR_USAGE, "--%s: more than %d labels", option, HISTORY_MAX_LABELS);
    o->history_labels[o->history_label_count++] = (struct metric_label){text, value};
    return true;
}

static bool parse_like(struct replay_options *o, const char *text, struct err *err) {
    static const char *const kinds[] = {"vdm", "get-send-statistics"};
    int chosen = 0;
    if (!option_parse_choice("like", text, kinds, 2, &chosen, err))
        return false;
    o->like = chosen == 0 ? LIKE_VDM : LIKE_SEND_STATISTICS;
    return true;
}

static bool take_option(void *context, int id, char *text, struct err *err) {
    static const char *const formats[] = {"table", "json", "csv"};
    struct replay_options *o = context;
    unsigned long n = 0;
    int chosen = 0;
    switch (id) {
    case OPT_NOW:
        return option_parse_time("now", text, &o->now_ms, err);
    case OPT_BY:
        o->has_views = true;
        return parse_by(o, text, err);
    case OPT_LATENESS:
        o->has_lateness = true;
        return parse_lateness(o, text, err);
    case OPT_STEP:
        return parse_step(o, text, err);
    case OPT_VERIFIED:
        return parse_domains(o, text, err);
    case OPT_MAX_NAMES:
        if (!option_parse_number("max-names", text, 1, 65536, &n, err))
            return false;
        o->max_names = n;
        o->has_max_names = true;
        return true;
    case OPT_ROWS:
        if (!option_parse_number("rows", text, 0, 1000000000, &n, err))
            return false;
        o->max_rows = n;
        return true;
    case OPT_FORMAT:
        if (!option_parse_choice("format", text, formats, 3, &chosen, err))
            return false;
        o->format = (enum report_format)chosen;
        return true;
    case OPT_NO_LEARNING:
        o->no_learning = true;
        return true;
    case OPT_LAST_SENDS:
        if (!option_parse_number("last-sends", text, 100, 1000000000, &n, err))
            return false;
        o->last_sends = n;
        return true;
    case OPT_MAX_VISITS:
        if (!option_parse_number("max-visits", text, 1000, 10000000000, &n, err))
            return false;
        o->max_visits = n;
        return true;
    case OPT_METRICS:
        o->metrics = text;
        return true;
    case OPT_ALERTS:
        o->alerts = text;
        return true;
    case OPT_CELLS:
        o->cells = text;
        return true;
    case OPT_OPENMETRICS:
        o->openmetrics = text;
        return true;
    case OPT_REMOTE_WRITE:
        o->remote_write = text;
        return true;
    case OPT_HISTORY_LABEL:
        return parse_label(o, "history-label", text, err);
    case OPT_OPENMETRICS_LABEL:
        return parse_label(o, "openmetrics-label", text, err);
    case OPT_LIKE:
        return parse_like(o, text, err);
    case OPT_QUARANTINE:
        o->quarantine = text;
        return true;
    case OPT_CONFIG:
        o->config_file = text;
        return true;
    case OPT_COMPARE:
        return o->compare = true;
    default:
        return o->quiet = true;
    }
}

static bool is_url(const char *text) {
    return strstr(text, "://") != NULL;
}

/* A target by its name gets live series, too. */
static bool check_remote_write(const struct replay_options *o, struct err *err) {
    if (!o->remote_write || is_url(o->remote_write))
        return true;
    if (!o->config_file)
        return err_set(err, ERR_USAGE,
                       "--remote-write %s: neither a URL, as in http://localhost:9090/api/v1/write, nor is there a "
                       "--config.file with a target of that name",
                       o->remote_write);
    if (!o->history_label_count)
        return err_set(err, ERR_USAGE,
                       "--remote-write %s: this target gets live series, too. Give the history a label of its own, as "
                       "in --history-label instance=backfill",
                       o->remote_write);
    return true;
}

static bool check_outputs(struct replay_options *o, struct err *err) {
    const char *const outputs[] = {o->metrics, o->alerts, o->cells, o->openmetrics};
    const int count = (int)(sizeof outputs / sizeof outputs[0]);
    int on_stdout = 0, wanted = 0;
    for (int i = 0; i < count; i++) {
        wanted += outputs[i] != NULL;
        on_stdout += outputs[i] && strcmp(outputs[i], "-") == 0;
    }
    if (on_stdout > 1)
        return err_set(err, ERR_USAGE, "only one of --metrics, --alerts, --cells and --openmetrics can be -");
    if (o->like == LIKE_VDM && (wanted || o->remote_write))
        return err_set(err, ERR_USAGE,
                       "--like vdm leaves out mail to several recipients: it goes without --metrics, --alerts, "
                       "--cells, --openmetrics and --remote-write");
    if ((o->openmetrics || o->remote_write) && o->step_ms > DAY_MS)
        return err_set(err, ERR_USAGE, "%s: --step is at most 1d", o->openmetrics ? "--openmetrics" : "--remote-write");
    if (on_stdout)
        o->quiet = true;
    return true;
}

/* In which period the input lies, and whether there is any, is said last. */
static bool check_together(struct replay_options *o, struct err *err) {
    if (!check_outputs(o, err) || !check_remote_write(o, err))
        return false;
    if (o->compare && (o->input.from_ms == INT64_MIN || o->input.to_ms == INT64_MAX))
        return err_set(err, ERR_USAGE,
                       "--compare needs --from and --to: it compares with the period of the same length before --from");
    return input_options_check(&o->input, err);
}

static void set_defaults(struct replay_options *o) {
    *o = (struct replay_options){
        .now_ms = clock_wall_ms(),
        .lateness_ms = DEFAULT_LATENESS_HOURS * (int64_t)HOUR_MS,
        .step_ms = MINUTE_MS,
        .max_names = DEFAULT_MAX_NAMES,
        .max_rows = REPORT_DEFAULT_ROWS,
    };
    o->rules = alert_default_rules(&o->rule_count);
    input_options_init(&o->input);
}

bool replay_options_parse(struct replay_options *o, int argc, char **argv, struct err *err) {
    set_defaults(o);
    if (!input_options_parse(&o->input, argc, argv, options, take_option, o, err))
        return false;
    if (o->input.help)
        return true;
    for (size_t i = 0; o->like == LIKE_VDM && !o->has_views && i < VDM_VIEWS; i++)
        o->views[o->view_count++] = vdm_views[i];
    o->has_views |= o->like != LIKE_NOTHING;
    o->compare |= o->like == LIKE_VDM && o->input.from_ms != INT64_MIN && o->input.to_ms != INT64_MAX;
    if (!o->view_count) {
        add_view(o, VIEW_ACCOUNT, 0, "account", err);
        add_view(o, VIEW_PROVIDER, 0, "provider", err);
    }
    return check_together(o, err);
}

void replay_options_configure(struct replay_options *o, const struct config *c) {
    if (!o->input.providers)
        o->input.providers = c->providers_file;
    if (!o->input.mx_table)
        o->input.mx_table = c->mx_table;
    if (!o->input.bounce_rules)
        o->input.bounce_rules = c->bounce_rules;
    o->no_learning |= !c->learn_domains;
    if (!o->last_sends)
        o->last_sends = c->last_sends;
    if (!o->max_visits)
        o->max_visits = c->max_visits;
    if (!o->has_lateness)
        o->lateness_ms = c->lateness_ms;
    if (!o->has_max_names)
        o->max_names = c->max_names;
    if (!o->quarantine && c->quarantine_dir) {
        o->quarantine = c->quarantine_dir;
        o->quarantine_bytes = c->quarantine_bytes;
    }
    for (size_t i = 0; !o->has_views && i < c->tag_count; i++) {
        struct span name = span_of(c->tags[i]);
        char *title = o->tag_titles[i];
        snprintf(title, sizeof o->tag_titles[i], "tag:%.*s", (int)sizeof o->tag_titles[i] - 5, name.ptr);
        o->tag_names[o->tag_count] = name;
        o->views[o->view_count++] = (struct view_request){VIEW_TAG, o->tag_count++, title};
    }
    if (!o->verified_count && c->verified_count) {
        o->verified_domains = alloc_resize(NULL, c->verified_count, sizeof *o->verified_domains);
        for (; o->verified_count < c->verified_count; o->verified_count++) {
            const char *domain = c->verified_domains[o->verified_count];
            o->verified_domains[o->verified_count] = span_of(alloc_string(domain, strlen(domain)));
        }
    }
    aws_settings_inherit(&o->input.buckets.aws, &c->aws);
    o->rules = c->rules;
    o->rule_count = c->rule_count;
}

void replay_options_deinit(struct replay_options *o) {
    for (size_t i = 0; i < o->verified_count; i++)
        free((char *)o->verified_domains[i].ptr); /* made by parse_domains */
    free(o->verified_domains);
    input_options_deinit(&o->input);
}
