/* The command `simulate`: what its options mean and refuse, and a reader that leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"

static int command(const char *line) {
    char copy[300], *argv[20], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof copy, "simulate %s", line);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    return command_simulate(argc, argv);
}

static void test_command(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"--help", EXIT_DONE},
        {"--messages 20 --quiet", EXIT_DONE},
        {"--messages=20 --seed=18446744073709551615 --incident=badlist@newsletter:0+5m --quiet", EXIT_DONE},
        {"--rate 2/s --duration 10s --tail 0 --framing crlf --compress gzip --quiet", EXIT_DONE},
        {"--size 10K --quiet --progress never --out -", EXIT_DONE},
        {"--messages 0", EXIT_USAGE},
        {"--messages -5", EXIT_USAGE},
        {"--messages 4294967296", EXIT_USAGE},
        {"--messages 5 --rate 2", EXIT_USAGE},
        {"--seed 1x", EXIT_USAGE},
        {"--seed 18446744073709551616", EXIT_USAGE},
        {"--start yesterday", EXIT_USAGE},
        {"--start 1969-12-31", EXIT_USAGE},
        {"--duration 0", EXIT_USAGE},
        {"--duration 5", EXIT_USAGE},
        {"--rate nan", EXIT_USAGE},
        {"--rate 1e-9", EXIT_USAGE},
        {"--size 1Q", EXIT_USAGE},
        {"--uneven 0.5 --messages 20 --quiet", EXIT_DONE},
        {"--uneven 0.95", EXIT_USAGE},
        {"--uneven x", EXIT_USAGE},
        {"--uneven 0.5 --rate 2", EXIT_USAGE},
        {"--uneven 0.5 --rate 2 --curve --duration 1m --quiet", EXIT_DONE},
        {"--curve", EXIT_USAGE},
        {"--curve --messages 5", EXIT_USAGE},
        {"--live --duration 1s --rate 50 --backfill 1m --quiet", EXIT_DONE},
        {"--live --start 2026-11-01 --duration 5m --quiet", EXIT_DONE}, /* all of it is past */
        {"--live --messages 50", EXIT_USAGE},
        {"--live --backfill 31d", EXIT_USAGE},
        {"--live --start 1970-01-01 --backfill 1d --duration 1s", EXIT_USAGE},
        {"--live --rate 10000 --backfill 1d", EXIT_USAGE},
        {"--live --incident blocklist@gmail:2m+1m --duration 1m --backfill 1h", EXIT_USAGE},
        {"--backfill 1h", EXIT_USAGE},
        {"--object-interval 10s --messages 20 --quiet", EXIT_DONE},
        {"--object-interval 1h", EXIT_USAGE},
        {"--object-interval 0", EXIT_USAGE},
        {"--messages 20 --quiet --incident surge@all:0+1m --incident drop@all:5m+1m", EXIT_DONE},
        {"--messages 20 --quiet --incident lost-deliveries@newsletter:0+1m --incident spamtrap@gmail:0+1m", EXIT_DONE},
        {"--incident surge@gmail:0+1m", EXIT_USAGE},
        {"--incident drop@gmail:0+1m", EXIT_USAGE},
        {"--incident lost-deliveries@gmail:0+1m", EXIT_USAGE},
        {"--incident spamtrap@newsletter:0+1m", EXIT_USAGE},
        {"--messages 429496730 --incident surge@all:0+1m", EXIT_USAGE},
        {"--size 99999999999999999999", EXIT_USAGE},
        {"--late 1.5", EXIT_USAGE},
        {"--multi x", EXIT_USAGE},
        {"--sets 10001", EXIT_USAGE},
        {"--framing xml", EXIT_USAGE},
        {"--compress zip", EXIT_USAGE},
        {"--stream a/b", EXIT_USAGE},
        {"--stream ..", EXIT_USAGE},
        {"--incident blocklist", EXIT_USAGE},
        {"--incident blocklist@gmail", EXIT_USAGE},
        {"--incident flood@gmail:0+1m", EXIT_USAGE},
        {"--incident blocklist@:0+1m", EXIT_USAGE},
        {"--incident blocklist@nobody:0+1m", EXIT_USAGE},
        {"--incident blocklist@newsletter:0+1m", EXIT_USAGE},
        {"--incident badlist@gmail:0+1m", EXIT_USAGE},
        {"--incident complaints@gmail:0+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:2h+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:x+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:1m+0", EXIT_USAGE},
        {"--colour", EXIT_USAGE},
        {"--seed", EXIT_USAGE},
        {"more", EXIT_USAGE},
        {"--messages 5 --truth /proc/none/x", EXIT_FAILED},
        {"--messages 5 --out /proc/none/x", EXIT_FAILED},
    };
    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), none = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dup2(none, STDOUT_FILENO);
        dup2(none, STDERR_FILENO);
        int code = command(cases[i].line);
        fflush(stdout);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        if (code != cases[i].code)
            fail_msg("simulate %s: %d instead of %d", cases[i].line, code, cases[i].code);
    }
    close(out);
    close(err);
    close(none);
}

/* head(1) has seen enough: no failure. */
static void test_reader_leaves(void **state) {
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    dup2(pipe_fds[1], STDOUT_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    int code = command("--messages 5000");
    dup2(out, STDOUT_FILENO);
    close(out);
    assert_int_equal(code, EXIT_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_reader_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
