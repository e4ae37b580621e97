/* collector/commands/replay_options: what a command line means, and what is said about a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/cells.h"
#include "commands/replay_options.h"
#include "core/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { MAX_ARGS = 40, MAX_LINES = 200 };

/* A command line, cut at blanks. What was parsed points into its text, and getopt looks at the end of the line before
 * once more: texts stay. */
static char texts[MAX_LINES][400];
static unsigned text_count;

struct line {
    char *argv[MAX_ARGS + 2];
    int argc;
    struct replay_options options;
    struct err err;
    bool ok;
};

static void parse(struct line *l, const char *text) {
    memset(l, 0, sizeof *l);
    assert_true(text_count < MAX_LINES);
    char *kept = texts[text_count++];
    snprintf(kept, sizeof texts[0], "%s", text);
    static char name[] = "replay";
    l->argv[l->argc++] = name;
    for (char *rest = kept, *word; (word = strsep(&rest, " "));)
        if (*word) {
            assert_true(l->argc <= MAX_ARGS);
            l->argv[l->argc++] = word;
        }
    l->ok = replay_options_parse(&l->options, l->argc, l->argv, &l->err);
    assert_int_equal(l->ok, l->err.code == ERR_NONE);
}

static void drop(struct line *l) {
    replay_options_deinit(&l->options);
}

static void defaults(void **state) {
    (void)state;
    struct line l;
    int64_t before = clock_wall_ms();
    parse(&l, "dump");
    const struct replay_options *o = &l.options;
    assert_true(l.ok);
    assert_int_equal(o->input.path_count, 1);
    assert_string_equal(o->input.paths[0], "dump");
    assert_true(o->input.from_ms == INT64_MIN && o->input.to_ms == INT64_MAX);
    assert_true(o->now_ms >= before && o->now_ms <= clock_wall_ms());
    assert_true(o->lateness_ms == 72 * (int64_t)HOUR_MS);
    assert_true(o->step_ms == MINUTE_MS);
    assert_int_equal(o->format, 0); /* table */
    assert_int_equal(o->view_count, 2);
    assert_int_equal(o->views[0].kind, VIEW_ACCOUNT);
    assert_int_equal(o->views[1].kind, VIEW_PROVIDER);
    assert_int_equal(o->tag_count, 0);
    assert_false(o->compare || o->input.strict || o->quiet || o->input.help);
    assert_null(o->metrics);
    assert_null(o->alerts);
    assert_null(o->cells);
    assert_null(o->quarantine);
    assert_null(o->input.providers);
    assert_int_equal(o->verified_count, 0);
    assert_int_equal(o->max_names, 10000);
    assert_int_equal(o->max_rows, 25);
    assert_true(o->input.threads >= 1 && o->input.threads <= 256);
    assert_int_equal(o->input.isa, json_isa_best());
    assert_int_equal(o->input.progress, PROGRESS_AUTO);
    drop(&l);
}

static void everything_said(void **state) {
    (void)state;
    struct line l;
    parse(&l,
          "--from 2026-11-20 --to=2026-11-21T12:30 --now @1795304070 --compare --lateness 1d12h --step 5m "
          "--format csv --rows 0 --max-names 65536 --threads 256 --strict --quiet --progress never --isa plain a b");
    const struct replay_options *o = &l.options;
    assert_true(l.ok);
    assert_true(o->input.from_ms == 1795132800000 && o->input.to_ms == 1795264200000 && o->now_ms == 1795304070000);
    assert_true(o->lateness_ms == 36 * (int64_t)HOUR_MS && o->step_ms == 5 * MINUTE_MS);
    assert_int_equal(o->format, 2);
    assert_int_equal(o->max_rows, 0);
    assert_int_equal(o->max_names, 65536);
    assert_int_equal(o->input.threads, 256);
    assert_true(o->compare && o->input.strict && o->quiet);
    assert_int_equal(o->input.progress, PROGRESS_NEVER);
    assert_string_equal(json_isa_name(o->input.isa), "plain");
    assert_int_equal(o->input.path_count, 2);
    assert_string_equal(o->input.paths[1], "b");
    drop(&l);
    parse(&l, "a --metrics m.prom --alerts - --cells c.csv --quarantine q --providers p.txt --format json "
              "--progress always b -- --strange");
    assert_true(l.ok); /* options may stand behind paths, until -- */
    assert_string_equal(l.options.metrics, "m.prom");
    assert_string_equal(l.options.alerts, "-");
    assert_string_equal(l.options.cells, "c.csv");
    assert_string_equal(l.options.quarantine, "q");
    assert_string_equal(l.options.input.providers, "p.txt");
    assert_int_equal(l.options.format, 1);
    assert_int_equal(l.options.input.progress, PROGRESS_ALWAYS);
    assert_true(l.options.quiet); /* standard output is the alerts' */
    assert_int_equal(l.options.input.path_count, 3);
    assert_string_equal(l.options.input.paths[2], "--strange");
    drop(&l);
}

static void standard_input(void **state) {
    (void)state;
    struct line l;
    parse(&l, "-");
    assert_true(l.ok);
    assert_int_equal(l.options.input.path_count, 1);
    assert_string_equal(l.options.input.paths[0], "-");
    drop(&l);
}

static void help_needs_no_path(void **state) {
    (void)state;
    struct line l;
    parse(&l, "--help");
    assert_true(l.ok);
    assert_true(l.options.input.help);
    drop(&l);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const char *views_of(const struct replay_options *o) {
    static const char letters[VIEW_KINDS] = {
        [VIEW_ACCOUNT] = 'a', [VIEW_PROVIDER] = 'p', [VIEW_CONFIGURATION_SET] = 'c',
        [VIEW_BOTH] = 'b',    [VIEW_IDENTITY] = 'i', [VIEW_TAG] = 't',
    };
    static char text[2 * MAX_VIEWS + 1];
    size_t len = 0;
    for (size_t i = 0; i < o->view_count; i++) {
        text[len++] = letters[o->views[i].kind];
        if (o->views[i].kind == VIEW_TAG)
            text[len++] = (char)('0' + o->views[i].tag);
    }
    text[len] = '\0';
    return text;
}

static void tables(void **state) {
    (void)state;
    static const struct {
        const char *line, *views;
    } cases[] = {
        {"x", "ap"},
        {"--by account x", "a"},
        {"--by provider x", "p"},
        {"--by configuration_set x", "c"},
        {"--by identity x", "i"},
        {"--by tag:campaign x", "t0"},
        /* Both names together are one table; in a longer list, or in two options, each is its own. */
        {"--by provider,configuration_set x", "b"},
        {"--by configuration_set,provider x", "b"},
        {"--by provider,configuration_set,identity x", "pci"},
        {"--by provider --by configuration_set x", "pc"},
        {"--by provider,configuration_set --by provider,identity x", "bpi"},
        {"--by identity,account x", "ia"},
        {"--by provider,provider x", "p"}, /* once */
        {"--by provider --by account,provider x", "pa"},
        {"--by provider,configuration_set --by configuration_set,provider x", "b"},
        {"--by tag:a,tag:b,tag:a x", "t0t1"},
        {"--by tag:a --by tag:b --by tag:c --by tag:d x", "t0t1t2t3"},
        {"--by account,provider,configuration_set,identity,tag:a,tag:b,tag:c,tag:d --by provider,configuration_set x",
         "apcit0t1t2t3b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line l;
        parse(&l, cases[i].line);
        assert_true(l.ok);
        assert_string_equal(views_of(&l.options), cases[i].views);
        drop(&l);
    }
}

static void titles(void **state) {
    (void)state;
    struct line l;
    parse(&l, "--by tag:campaign,account,tag:ses:operation --by configuration_set,provider x");
    assert_true(l.ok);
    assert_string_equal(l.options.views[0].title, "tag:campaign");
    assert_string_equal(l.options.views[1].title, "account");
    assert_string_equal(l.options.views[2].title, "tag:ses:operation");
    assert_string_equal(l.options.views[3].title, "provider,configuration_set");
    assert_int_equal(l.options.tag_count, 2);
    assert_true(span_eq(l.options.tag_names[0], SPAN_LIT("campaign")));
    assert_true(span_eq(l.options.tag_names[1], SPAN_LIT("ses:operation")));
    drop(&l);
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static void verified_domains(void **state) {
    (void)state;
    struct line l;
    parse(&l, "--verified-domains Shop.Example,mail.shop.example --verified-domains M\xc3\xbcller.example,a.example x");
    assert_true(l.ok);
    static const char *const want[] = {"a.example", "mail.shop.example", "shop.example", "xn--mller-kva.example"};
    assert_int_equal(l.options.verified_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) /* sorted, as a normaliser looks them up */
        assert_true(span_eq(l.options.verified_domains[i], span_of(want[i])));
    drop(&l);
    parse(&l, "--verified-domains a.example,not_a@domain[ x");
    assert_false(l.ok);
    drop(&l);
}

/* --- a configuration ---------------------------------------------------------------------------------------------- */

/* Stands for one that was loaded. */
static char provider_path[] = "/p.csv", quarantine_path[] = "/q", tag_a[] = "a", tag_b[] = "b", domain[] = "a.example";
static char *domains[] = {domain};
static const struct alert_rule a_rule = {.name = "X"};

static struct config made_up_config(void) {
    return (struct config){
        .lateness_ms = HOUR_MS,
        .providers_file = provider_path,
        .verified_domains = domains,
        .verified_count = 1,
        .tags = {tag_a, tag_b},
        .tag_count = 2,
        .max_names = 7,
        .quarantine_dir = quarantine_path,
        .quarantine_bytes = 1 << 20,
        .rules = (struct alert_rule *)&a_rule,
        .rule_count = 1,
    };
}

static void configuration_fills_in(void **state) {
    (void)state;
    struct line l;
    struct config c = made_up_config();
    parse(&l, "--config.file c.yaml x");
    assert_true(l.ok);
    assert_string_equal(l.options.config_file, "c.yaml");
    size_t defaults_count;
    assert_ptr_equal(l.options.rules, alert_default_rules(&defaults_count)); /* until the configuration is there */
    assert_int_equal(l.options.rule_count, defaults_count);
    replay_options_configure(&l.options, &c);
    const struct replay_options *o = &l.options;
    assert_true(o->lateness_ms == HOUR_MS);
    assert_string_equal(o->input.providers, "/p.csv");
    assert_string_equal(o->quarantine, "/q");
    assert_int_equal(o->quarantine_bytes, 1 << 20);
    assert_int_equal(o->max_names, 7);
    assert_int_equal(o->verified_count, 1);
    assert_true(span_eq(o->verified_domains[0], SPAN_LIT("a.example")));
    assert_string_equal(views_of(o), "apt0t1");
    assert_string_equal(o->views[3].title, "tag:b");
    assert_true(span_eq(o->tag_names[1], SPAN_LIT("b")));
    assert_ptr_equal(o->rules, &a_rule);
    assert_int_equal(o->rule_count, 1);
    drop(&l);
}

static void command_line_wins(void **state) {
    (void)state;
    struct line l;
    struct config c = made_up_config();
    parse(&l,
          "--config.file c.yaml --lateness 2h --providers p --quarantine q --max-names 9 --verified-domains b.example "
          "--by tag:c x");
    assert_true(l.ok);
    replay_options_configure(&l.options, &c);
    const struct replay_options *o = &l.options;
    assert_true(o->lateness_ms == 2 * (int64_t)HOUR_MS);
    assert_string_equal(o->input.providers, "p");
    assert_string_equal(o->quarantine, "q");
    assert_int_equal(o->quarantine_bytes, 0);
    assert_int_equal(o->max_names, 9);
    assert_int_equal(o->verified_count, 1);
    assert_true(span_eq(o->verified_domains[0], SPAN_LIT("b.example")));
    assert_string_equal(views_of(o), "t0");
    assert_int_equal(o->tag_count, 1);
    assert_int_equal(o->rule_count, 1); /* there is no option for rules */
    drop(&l);
}

/* --- wrong command lines ------------------------------------------------------------------------------------------ */

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *line, *said, *advice;
    } cases[] = {
        {"", "nothing to read", "name a file, a folder, or -"},
        {"--quiet", "nothing to read", "name a file, a folder, or -"},
        {"--bogus x", "--bogus", "no such option"},
        {"x --bogus=1", "--bogus=1", "no such option"},
        {"--compare=yes x", "--compare=yes", "takes no value"},
        {"-x", "-x", "no such option"},
        {"x --from", "--from", "needs a value"},
        {"--from yesterday x", "--from yesterday", "Write 2026-11-21"},
        {"--to 2026-02-30 x", "--to 2026-02-30", "Write 2026-11-21"},
        {"--now soon x", "--now soon", "Write 2026-11-21"},
        {"--from 2026-11-21 --to 2026-11-21 x", "--from is not before --to", "empty"},
        {"--from 2026-11-22 --to 2026-11-21 x", "--from is not before --to", "empty"},
        {"--compare x", "--compare needs --from and --to", "before --from"},
        {"--compare --from 2026-11-21 x", "--compare needs --from and --to", "before --from"},
        {"--compare --to 2026-11-21 x", "--compare needs --from and --to", "before --from"},
        {"--lateness 3 x", "--lateness 3", "Write 90s, 5m"},
        {"--lateness -1h x", "--lateness -1h", "not a duration"},
        {"--lateness 401d x", "--lateness 401d", "at most 400d"},
        {"--step 0m x", "--step 0m", "not a duration"},
        {"--step 90s x", "--step 90s", "whole number of minutes"},
        {"--by everything x", "--by everything", "account, provider, configuration_set"},
        {"--by provider, x", "--by ", "account, provider, configuration_set"},
        {"--by Provider x", "--by Provider", "tag:NAME"},
        {"--by tag: x", "--by tag:", "as in tag:campaign"},
        {"--by tag:a,tag:b,tag:c,tag:d,tag:e x", "--by", "more than 4 tags"},
        {"--verified-domains @ x", "--verified-domains @", "Write example.com"},
        {"--verified-domains a.example,,b.example x", "--verified-domains", "Write example.com"},
        {"--max-names 0 x", "--max-names 0", "from 1 to 65536"},
        {"--max-names 65537 x", "--max-names 65537", "from 1 to 65536"},
        {"--max-names ten x", "--max-names ten", "from 1 to 65536"},
        {"--max-names 5x x", "--max-names 5x", "from 1 to 65536"},
        {"--max-names +5 x", "--max-names +5", "from 1 to 65536"},
        {"--rows -1 x", "--rows -1", "not a number"},
        {"--rows 99999999999999999999999 x", "--rows 9999", "not a number"},
        {"--threads 0 x", "--threads 0", "from 1 to 256"},
        {"--threads 257 x", "--threads 257", "from 1 to 256"},
        {"--format xml x", "--format xml", "table, json, csv"},
        {"--progress sometimes x", "--progress sometimes", "auto, always, never"},
        {"--isa mmx x", "--isa mmx", "sse2"},
        {"--metrics - --alerts - x", "only one of", "can be -"},
        {"--metrics - --cells - x", "only one of", "can be -"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line l;
        parse(&l, cases[i].line);
        if (l.ok || !strstr(l.err.text, cases[i].said) || !strstr(l.err.text, cases[i].advice))
            print_error("%s: %s\n", cases[i].line, l.err.text);
        assert_false(l.ok);
        assert_int_equal(l.err.code, ERR_USAGE);
        assert_non_null(strstr(l.err.text, cases[i].said));
        assert_non_null(strstr(l.err.text, cases[i].advice));
        drop(&l);
    }
}

/* The edges of what is allowed. */
static void just_right(void **state) {
    (void)state;
    static const char *const lines[] = {
        "--lateness 400d x",
        "--threads 1 x",
        "--max-names 1 x",
        "--rows 1000000000 x",
        "--step 1d x",
        "--metrics - x",
        "--metrics m --alerts - x",
        "--from 2026-11-20 --to 2026-11-21 --compare x",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct line l;
        parse(&l, lines[i]);
        if (!l.ok)
            print_error("%s: %s\n", lines[i], l.err.text);
        assert_true(l.ok);
        drop(&l);
    }
}

/* --- buckets ------------------------------------------------------------------------------------------------------ */

static void bucket_options(void **state) {
    (void)state;
    struct line l;
    parse(&l, "s3://mail/x");
    const struct bucket_options *o = &l.options.input.buckets;
    assert_true(l.ok);
    assert_true(!o->aws.region && !o->aws.profile && !o->aws.endpoint && !o->time_zone && !o->exclude_count);
    assert_false(o->aws.anonymous || o->requester_pays || o->path_style || o->errors || o->ahead);
    assert_int_equal(o->arrival_slack_ms, 26 * HOUR_MS);
    drop(&l);
    parse(&l,
          "--region eu-west-1 --profile mail --endpoint-url http://127.0.0.1:9000 --no-sign-request --request-payer "
          "--path-style --time-zone +05:30 --exclude *.tmp --exclude a/* --replay-errors --arrival-slack 25h --ahead 4 "
          "s3://mail/x");
    assert_true(l.ok);
    assert_string_equal(o->aws.region, "eu-west-1");
    assert_string_equal(o->aws.profile, "mail");
    assert_string_equal(o->aws.endpoint, "http://127.0.0.1:9000");
    assert_string_equal(o->time_zone, "+05:30");
    assert_int_equal(o->exclude_count, 2);
    assert_string_equal(o->exclude[1], "a/*");
    assert_true(o->aws.anonymous && o->requester_pays && o->path_style && o->errors);
    assert_int_equal(o->ahead, 4);
    assert_int_equal(o->arrival_slack_ms, 25 * HOUR_MS);
    drop(&l);
    parse(&l, "--request-payer=requester --region a --region b s3://mail/x");
    assert_true(l.ok && o->requester_pays);
    assert_string_equal(o->aws.region, "b");
    drop(&l);
    static const char *const wrong[] = {"--ahead 0 x",           "--ahead 257 x",      "--request-payer=me x",
                                        "--time-zone Mars x",    "--arrival-slack x",  "--endpoint-url ftp://x x",
                                        "--no-sign-request=1 x", "--arrival-slack 5 x"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        parse(&l, wrong[i]);
        assert_false(l.ok);
        assert_int_equal(l.err.code, ERR_USAGE);
        drop(&l);
    }
    struct config c = {0};
    static char region[] = "us-east-1", role[] = "arn:aws:iam::1:role/x";
    c.aws.region = region;
    c.aws.role_arn = role;
    parse(&l, "--region eu-west-1 s3://mail/x");
    replay_options_configure(&l.options, &c);
    assert_string_equal(o->aws.region, "eu-west-1");
    assert_string_equal(o->aws.role_arn, role);
    drop(&l);
}

/* --- help --------------------------------------------------------------------------------------------------------- */

/* The help names every option that is taken, and its defaults are the real ones. */
static void help_names_everything(void **state) {
    (void)state;
    static const char *const options[] = {"from",
                                          "to",
                                          "by",
                                          "compare",
                                          "lateness",
                                          "verified-domains",
                                          "providers",
                                          "max-names",
                                          "format",
                                          "rows",
                                          "metrics",
                                          "alerts",
                                          "cells",
                                          "step",
                                          "quarantine",
                                          "threads",
                                          "strict",
                                          "progress",
                                          "quiet",
                                          "now",
                                          "isa",
                                          "config.file",
                                          "help",
                                          "region",
                                          "profile",
                                          "endpoint-url",
                                          "no-sign-request",
                                          "request-payer",
                                          "path-style",
                                          "time-zone",
                                          "exclude",
                                          "replay-errors",
                                          "arrival-slack",
                                          "ahead"};
    char path[] = "/tmp/replay_options_test.XXXXXX", text[12000] = "";
    int fd = mkstemp(path), kept = dup(STDOUT_FILENO);
    assert_true(fd >= 0 && kept >= 0);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    replay_options_help();
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 1000);
    for (size_t i = 0; i < COUNT(options); i++) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "--%s", options[i]);
        assert_non_null(strstr(text, wanted));
    }
    assert_non_null(strstr(text, "default 72h"));
    assert_non_null(strstr(text, "default 25"));
    assert_non_null(strstr(text, "10000)"));
    close(fd);
    close(kept);
    unlink(path);
}

static void histories(void **state) {
    (void)state;
    struct line l;
    parse(&l, "--openmetrics h.om --openmetrics-label instance=backfill --openmetrics-label a=b=c --step 1d dump");
    assert_true(l.ok);
    assert_string_equal(l.options.openmetrics, "h.om");
    assert_int_equal(l.options.history_label_count, 2);
    assert_string_equal(l.options.history_labels[0].name, "instance");
    assert_string_equal(l.options.history_labels[0].value, "backfill");
    assert_string_equal(l.options.history_labels[1].value, "b=c");
    assert_false(l.options.quiet);
    assert_null(l.options.remote_write);
    drop(&l);
    parse(&l, "--remote-write http://h:9090/api/v1/write --history-label instance=backfill --step 5m dump");
    assert_true(l.ok);
    assert_string_equal(l.options.remote_write, "http://h:9090/api/v1/write");
    assert_string_equal(l.options.history_labels[0].value, "backfill");
    assert_null(l.options.openmetrics);
    drop(&l);
    parse(&l, "--remote-write main --config.file c.yaml --history-label instance=backfill dump");
    assert_true(l.ok);
    drop(&l);
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"--remote-write main dump", "neither a URL"},
        {"--remote-write main --config.file c.yaml dump", "a label of its own"},
        {"--remote-write http://h --step 25h dump", "--remote-write: --step is at most 1d"},
        {"--history-label backfill dump", "--history-label backfill: write NAME=VALUE"},
        {"--history-label a=b --openmetrics-label a=c dump", "twice"},
        {"--openmetrics-label backfill dump", "NAME=VALUE"},
        {"--openmetrics-label a= dump", "NAME=VALUE"},
        {"--openmetrics-label =b dump", "not a label's name"},
        {"--openmetrics-label 1=b dump", "not a label's name"},
        {"--openmetrics-label provider=b dump", "already"},
        {"--openmetrics-label __a=b dump", "for itself"},
        {"--openmetrics-label a=b --openmetrics-label a=c dump", "twice"},
        {"--openmetrics-label a=1 --openmetrics-label b=1 --openmetrics-label c=1 --openmetrics-label d=1 "
         "--openmetrics-label e=1 --openmetrics-label f=1 --openmetrics-label g=1 --openmetrics-label h=1 "
         "--openmetrics-label i=1 dump",
         "more than 8"},
        {"--openmetrics h.om --step 25h dump", "at most 1d"},
        {"--openmetrics - --cells - dump", "only one of"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        parse(&l, wrong[i].text);
        if (l.ok || l.err.code != ERR_USAGE || !strstr(l.err.text, wrong[i].says))
            fail_msg("%s: %s", wrong[i].text, l.err.text);
        drop(&l);
    }
}

static void like_aws(void **state) {
    (void)state;
    struct line l;
    parse(&l, "--like vdm dump");
    assert_true(l.ok);
    assert_int_equal(l.options.like, LIKE_VDM);
    assert_int_equal(l.options.view_count, VDM_VIEWS);
    assert_int_equal(l.options.views[2].kind, VIEW_IDENTITY);
    assert_false(l.options.compare);
    drop(&l);
    parse(&l, "--like vdm --by provider --from 2026-11-20 --to 2026-11-21 dump");
    assert_true(l.ok && l.options.compare);
    assert_int_equal(l.options.view_count, 1);
    drop(&l);
    parse(&l, "--like vdm --from 2026-11-20 dump");
    assert_true(l.ok && !l.options.compare);
    drop(&l);
    parse(&l, "--like get-send-statistics --metrics m --from 2026-11-20 --to 2026-11-21 dump");
    assert_true(l.ok && !l.options.compare);
    assert_int_equal(l.options.like, LIKE_SEND_STATISTICS);
    drop(&l);
    static const char *const wrong[] = {
        "--like console dump",        "--like vdm --metrics m dump",     "--like vdm --cells c dump",
        "--like vdm --alerts a dump", "--like vdm --openmetrics h dump", "--like vdm --remote-write http://h dump"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        parse(&l, wrong[i]);
        assert_false(l.ok);
        assert_int_equal(l.err.code, ERR_USAGE);
        drop(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories),
        cmocka_unit_test(like_aws),
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything_said),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(help_needs_no_path),
        cmocka_unit_test(tables),
        cmocka_unit_test(titles),
        cmocka_unit_test(verified_domains),
        cmocka_unit_test(errors),
        cmocka_unit_test(configuration_fills_in),
        cmocka_unit_test(command_line_wins),
        cmocka_unit_test(just_right),
        cmocka_unit_test(bucket_options),
        cmocka_unit_test(help_names_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
