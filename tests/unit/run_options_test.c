/* collector/commands/run_options: every option, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands/run_options.h"

enum { MOST = 16, LINES = 64 };

/* The words of a command line behind `run`, parted by blanks. Each has memory of its own: getopt looks back. */
static bool parse(struct run_options *o, const char *line, struct err *err) {
    static char lines[LINES][400];
    static int used;
    char *text = lines[used++];
    char *argv[MOST] = {(char *)(uintptr_t) "run"};
    int argc = 1;
    *o = (struct run_options){0};
    *err = (struct err){0};
    snprintf(text, sizeof lines[0], "%s", line);
    for (char *rest = text, *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    assert_true(argc < MOST && used < LINES);
    opterr = 0;
    return run_options_parse(o, argc, argv, err);
}

static void assert_text(const char *got, const char *wanted) {
    if (wanted)
        assert_string_equal(got, wanted);
    else
        assert_null(got);
}

static void what_is_understood(void **state) {
    (void)state;
    static const struct {
        const char *line;
        struct run_options wanted;
    } cases[] = {
        {"--config.file=a.yaml", {.config_file = "a.yaml"}},
        {"--config.file a.yaml", {.config_file = "a.yaml"}},
        {"--config.file=a --config.file=b", {.config_file = "b"}},
        {"--config.file=a --exit-at-eof", {.config_file = "a", .exit_at_end = true}},
        {"--exit-at-eof --config.file=a", {.config_file = "a", .exit_at_end = true}},
        {"--config.file=a --metrics m.prom", {.config_file = "a", .metrics = "m.prom"}},
        {"--config.file=a --web.listen-address=:9000", {"a", {.listen_address = ":9000"}, NULL, false, false}},
        {"--config.file=a --web.config.file w.yml", {"a", {.web_config_file = "w.yml"}, NULL, false, false}},
        {"--config.file=a --log.level=debug", {"a", {.log_level = "debug"}, NULL, false, false}},
        {"--config.file=a --log.level=error", {"a", {.log_level = "error"}, NULL, false, false}},
        {"--config.file=a --log.format=json", {"a", {.log_format = "json"}, NULL, false, false}},
        {"--config.file=a --log.format=logfmt", {"a", {.log_format = "logfmt"}, NULL, false, false}},
        {"--help", {.help = true}},
        {"-h", {.help = true}},
        {"--help something", {.help = true}},
        {"--config.file=a --", {.config_file = "a"}},
        {"--web.listen-address [::1]:1 --web.config.file=w --log.level warn --log.format json --metrics=- "
         "--exit-at-eof "
         "--config.file c",
         {"c", {"[::1]:1", "w", "warn", "json"}, "-", true, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run_options o;
        struct err err;
        const struct run_options *w = &cases[i].wanted;
        if (!parse(&o, cases[i].line, &err))
            fail_msg("%s: %s", cases[i].line, err.text);
        assert_int_equal(err.code, ERR_NONE);
        assert_text(o.config_file, w->config_file);
        assert_text(o.metrics, w->metrics);
        assert_text(o.overrides.listen_address, w->overrides.listen_address);
        assert_text(o.overrides.web_config_file, w->overrides.web_config_file);
        assert_text(o.overrides.log_level, w->overrides.log_level);
        assert_text(o.overrides.log_format, w->overrides.log_format);
        assert_int_equal(o.exit_at_end, w->exit_at_end);
        assert_int_equal(o.help, w->help);
    }
}

static void what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "--config.file"},
        {"--exit-at-eof", "--config.file"},
        {"--config.file=a dumps/", "\"dumps/\""},
        {"--config.file=a -- --help", "\"--help\""},
        {"--config.file", "value is missing"},
        {"--config.file=a --metrics", "value is missing"},
        {"--config.file=a --exit-at-eof=yes", "run"},
        {"--config.file=a --no-such-thing", "option"},
        {"--config.file=a -x", "option"},
        {"--config.file=a --log.level=loud", "\"loud\""},
        {"--config.file=a --log.level=", "--log.level"},
        {"--config.file=a --log.level=DEBUG", "\"DEBUG\""},
        {"--config.file=a --log.format=xml", "\"xml\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run_options o;
        struct err err;
        if (parse(&o, cases[i].line, &err))
            fail_msg("%s is taken", cases[i].line);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s: \"%s\" does not say %s", cases[i].line, err.text, cases[i].says);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_understood),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
