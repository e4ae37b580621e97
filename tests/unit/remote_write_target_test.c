/* sinks/remote_write_target: which settings can be served. */
#include "sinks/remote_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void targets_are_checked(void **state) {
    (void)state;
    struct notify_header wrong[] = {{(char *)"Content-Type", (char *)"x"}, {(char *)"__x", (char *)"y"}};
    struct remote_write_target t = {.name = (char *)"t", .url = (char *)"http://a/b"};
    struct err err = {0};
    assert_true(remote_write_target_check(&t, &err));
    struct remote_write_target other = t;
    assert_true(remote_write_target_equal(&t, &other));
    other.labels = &wrong[1], other.label_count = 1;
    assert_false(remote_write_target_equal(&t, &other));
    assert_false(remote_write_target_check(&other, &err));
    assert_non_null(strstr(err.text, "begin with __"));
    err = (struct err){0};
    other = t, other.headers = wrong, other.header_count = 1;
    assert_false(remote_write_target_check(&other, &err));
    assert_non_null(strstr(err.text, "set by the collector itself"));
    err = (struct err){0};
    other = t, other.sigv4 = true, other.url = (char *)"http://a/b?c=d";
    assert_false(remote_write_target_check(&other, &err));
    err = (struct err){0};
    other = t, other.url = (char *)"ftp://secret/";
    assert_false(remote_write_target_check(&other, &err));
    assert_null(strstr(err.text, "secret"));
    err = (struct err){0};
    other = t, other.url = (char *)"http://me:secret@a/b";
    assert_false(remote_write_target_check(&other, &err));
    assert_non_null(strstr(err.text, "basic_auth"));
    assert_null(strstr(err.text, "secret"));
    other = t, other.url = (char *)"http://a/b@c?d=e@f";
    assert_true(remote_write_target_check(&other, &err));
    err = (struct err){0};
    assert_true(remote_write_target_try(&t, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
