/* Runs the cases of a program at the same time, each in a process of its own: for those that wait for others far more
 * than they work. What they print comes in the order of the cases. */
#ifndef TESTS_UNIT_SIDE_BY_SIDE_H
#define TESTS_UNIT_SIDE_BY_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDES_MAX = 64 };

struct side {
    pid_t pid;
    FILE *said;
};

/* Of a child. It does not outlive its parent. */
static inline void side_run(const struct CMUnitTest *test, FILE *said) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(fileno(said), STDOUT_FILENO) < 0 || dup2(fileno(said), STDERR_FILENO) < 0)
        _exit(1);
    int failed = _cmocka_run_group_tests(test->name, test, 1, NULL, NULL);
    fflush(NULL);
    exit(failed ? 1 : 0); /* as ever: a sanitizer has its say */
}

static inline bool side_begin(struct side *s, const struct CMUnitTest *test) {
    fflush(NULL);
    s->said = tmpfile();
    s->pid = s->said ? fork() : -1;
    if (s->pid == 0)
        side_run(test, s->said);
    return s->pid > 0;
}

static inline bool side_end(struct side *s) {
    int status = 1;
    char text[4096];
    bool good = waitpid(s->pid, &status, 0) == s->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    rewind(s->said);
    for (size_t n; (n = fread(text, 1, sizeof text, s->said)) > 0;)
        fwrite(text, 1, n, stdout);
    fclose(s->said);
    if (WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
    return good;
}

/* To be called before anything has a thread. Returns how many failed; with a name only that case is run, here. */
static inline int run_side_by_side(const struct CMUnitTest *tests, size_t count, const char *only) {
    struct side sides[SIDES_MAX];
    int failed = 0;
    if (count > SIDES_MAX)
        abort();
    for (size_t i = 0; only && i < count; i++)
        if (strcmp(only, tests[i].name) == 0)
            return _cmocka_run_group_tests(only, &tests[i], 1, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        if (!side_begin(&sides[i], &tests[i]))
            abort();
    for (size_t i = 0; i < count; i++)
        if (!side_end(&sides[i])) {
            printf("FAILED: %s\n", tests[i].name);
            failed++;
        }
    printf("%zu cases, %d failed\n", count, failed);
    return failed;
}

#endif
