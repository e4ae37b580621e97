/* collector/commands/option_values: what is taken, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "commands/option_values.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value; /* 0: refused */
    } cases[] = {{"16M", 16 << 20},
                 {"2G", (uint64_t)2 << 30},
                 {"1048576", 1 << 20},
                 {"1024K", 1 << 20},
                 {"1T", (uint64_t)1 << 40},
                 {"", 0},
                 {"M", 0},
                 {"-1M", 0},
                 {"1MB", 0},
                 {"1m", 0},
                 {" 1M", 0},
                 {"1023K", 0},
                 {"99999999999999999999", 0},
                 {"17000000T", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        uint64_t value;
        bool ok = option_parse_bytes("max-memory", cases[i].text, 1 << 20, &value, &err);
        if (ok != (cases[i].value != 0) || (ok && value != cases[i].value))
            fail_msg("%s", cases[i].text);
        if (!ok)
            assert_int_equal(err.code, ERR_USAGE);
    }
}

static void others(void **state) {
    (void)state;
    static const char *const names[] = {"table", "csv"};
    struct err err = {0};
    int64_t ms;
    unsigned long n;
    int chosen;
    assert_true(option_parse_time("from", "2026-11-01T00:10", &ms, &err) && ms == 1793491800000);
    assert_true(option_parse_duration("step", "90s", &ms, &err) && ms == 90000);
    assert_true(option_parse_number("threads", "256", 1, 256, &n, &err) && n == 256);
    assert_true(option_parse_choice("format", "csv", names, 2, &chosen, &err) && chosen == 1);
    assert_false(option_parse_time("from", "yesterday", &ms, &err));
    assert_non_null(strstr(err.text, "--from yesterday: not a time"));
    err = (struct err){0};
    assert_false(option_parse_choice("format", "xml", names, 2, &chosen, &err));
    assert_non_null(strstr(err.text, "It is one of table, csv"));
    assert_false(option_parse_duration("step", "90", &ms, NULL));
    assert_false(option_parse_number("threads", "257", 1, 256, &n, NULL));
    assert_false(option_parse_number("threads", "+1", 1, 256, &n, NULL));
    assert_false(option_parse_number("threads", "1x", 1, 256, &n, NULL));
}

/* What a command line comes to: `f=a` an option with its value, `q` one without, `|b` what is left, or what is said. */
static const char *read_line(const char *line) {
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'}, {"quiet", no_argument, NULL, 'q'}, {0}};
    static char words[200], said[sizeof(struct err)];
    char *argv[10] = {words};
    int argc = 0;
    struct err err = {0};
    snprintf(words, sizeof words, "%s", line);
    for (char *rest = words, *word; (word = strsep(&rest, " "));)
        argv[argc++] = word;
    said[0] = '\0';
    option_begin();
    for (int id; (id = option_next(argc, argv, options, &err)) != OPTION_END;) {
        if (id == OPTION_WRONG) {
            assert_int_equal(err.code, ERR_USAGE);
            snprintf(said, sizeof said, "%s", err.text);
            return said;
        }
        size_t len = strlen(said);
        snprintf(said + len, sizeof said - len, "%c%s%s ", id, optarg ? "=" : "", optarg ? optarg : "");
    }
    for (int i = optind; i < argc; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "|%s", argv[i]);
    return said;
}

static void one_after_another(void **state) {
    (void)state;
    assert_string_equal(read_line("x"), "");
    assert_string_equal(read_line("x --file a b --quiet --file=c"), "f=a q f=c |b");
    assert_string_equal(read_line("x --qui -- --file"), "q |--file");
    assert_string_equal(read_line("x --file"), "--file: needs a value");
    assert_string_equal(read_line("x --fool"), "--fool: no such option, or it takes no value");
    assert_string_equal(read_line("x --quiet=1 a"), "--quiet=1: no such option, or it takes no value");
    assert_string_equal(read_line("x -q"), "-q: no such option, or it takes no value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(others),
        cmocka_unit_test(one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
