/* sinks/remote_write_target: which settings can be served. */
#include "sinks/remote_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
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

static void expect_region(const char *url, char *said, const char *wanted) {
    struct err err = {0};
    struct remote_write_target t = {.url = (char *)(uintptr_t)url, .sigv4 = true, .aws.region = said};
    char *region = remote_write_target_region(&t, &err);
    if (strcmp(region ? region : "none", wanted) != 0)
        fail_msg("%s: %s, not %s", url, region ? region : err.text, wanted);
    free(region);
}

static void a_region_is_found(void **state) {
    (void)state;
    char frankfurt[] = "eu-central-1", odd[] = "Europe/1";
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    expect_region("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/w/api/v1/remote_write", NULL, "eu-west-1");
    expect_region("https://APS-workspaces.eu-west-1.amazonaws.com:443/w", frankfurt, "eu-west-1");
    expect_region("https://vpce-1.aps-workspaces.eu-west-1.vpce.amazonaws.com/w", frankfurt, "eu-central-1");
    expect_region("http://127.0.0.1:9/aps-workspaces.eu-west-1.amazonaws.com", NULL, "none");
    expect_region("http://aps-workspaces./w", frankfurt, "eu-central-1");
    expect_region("http://proxy.example/w", odd, "none");
    setenv("AWS_REGION", "ap-south-1", 1);
    expect_region("http://proxy.example/w", NULL, "ap-south-1");
    expect_region("http://proxy.example/w", frankfurt, "eu-central-1");
    unsetenv("AWS_REGION");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_checked),
        cmocka_unit_test(a_region_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
