/* Files that appear whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/output.h"

static char folder[64], target[96];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/output_test.XXXXXX");
    snprintf(target, sizeof target, "%s", mkdtemp(folder));
    snprintf(target, sizeof target, "%s/out", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(target);
    return rmdir(folder); /* fails if a temporary file is left */
}

static void expect_text(const char *path, const char *expected) {
    char text[64] = "";
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    fclose(in);
    assert_string_equal(text, expected);
}

static void put(const char *path, const char *text) {
    struct output o;
    struct err err = {0};
    assert_true(output_open(&o, path, &err));
    fputs(text, o.file);
    assert_true(output_commit(&o, &err));
    assert_string_equal(err.text, "");
}

static void replaces_the_file_at_the_end(void **state) {
    (void)state;
    put(target, "old");
    assert_int_equal(chmod(target, 0640), 0);
    struct output o;
    assert_true(output_open(&o, target, NULL));
    fputs("new", o.file);
    fflush(o.file);
    expect_text(target, "old");
    assert_true(output_commit(&o, NULL));
    expect_text(target, "new");
    struct stat st;
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void an_abort_changes_nothing(void **state) {
    (void)state;
    put(target, "old");
    struct output o;
    assert_true(output_open(&o, target, NULL));
    fputs("new", o.file);
    output_abort(&o);
    expect_text(target, "old");
}

static void keeps_a_link(void **state) {
    (void)state;
    char real[96];
    snprintf(real, sizeof real, "%s/real", folder);
    put(real, "old");
    assert_int_equal(symlink("real", target), 0);
    put(target, "new");
    expect_text(real, "new");
    struct stat st;
    assert_int_equal(lstat(target, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    unlink(real);
}

static void writes_to_a_pipe_directly(void **state) {
    (void)state;
    assert_int_equal(mkfifo(target, 0600), 0);
    int reader = open(target, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    put(target, "through");
    char text[16] = "";
    assert_int_equal(read(reader, text, sizeof text), 7);
    assert_string_equal(text, "through");
    close(reader);
}

static void says_why_not(void **state) {
    (void)state;
    struct output o;
    struct err err = {0};
    assert_false(output_open(&o, "/nonexistent/out", &err));
    assert_string_equal(err.text, "cannot write /nonexistent/out: No such file or directory");
    err = (struct err){0};
    assert_false(output_open(&o, folder, &err));
    assert_non_null(strstr(err.text, ": Is a directory"));
    err = (struct err){0};
    assert_true(output_open(&o, "/dev/full", &err));
    fputs("x", o.file);
    assert_false(output_commit(&o, &err));
    assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
    assert_false(o.reader_gone);
}

/* More than a buffer, so that the write that fails is not the last one. */
static void a_reader_that_went_away(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    close(ends[0]);
    struct output o;
    struct err err = {0};
    bool opened = output_open(&o, "-", &err);
    for (int i = 0; i < 100000; i++)
        fputs("xxxxxxxxxx", o.file);
    bool committed = output_commit(&o, &err);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_true(opened);
    assert_false(committed);
    assert_true(o.reader_gone);
    assert_string_equal(err.text, "cannot write standard output: Broken pipe");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces_the_file_at_the_end, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_abort_changes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(keeps_a_link, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(writes_to_a_pipe_directly, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(says_why_not, make_folder, remove_folder),
        cmocka_unit_test(a_reader_that_went_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
