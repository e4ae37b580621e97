/* collector/config/keys_remote_write: what remote_write comes to, and what is refused in it, where and why. */
#include "config_text.h"

#include <stdlib.h>

#define SOURCE "sources:\n  - files: {paths: [/in]}\n"
#define WRITE  SOURCE "remote_write:\n  - url: http://p.example:9090/api/v1/write\n"

static void test_defaults(void **state) {
    (void)state;
    struct config c;
    read_good(&c, WRITE);
    assert_int_equal(c.remote_write_count, 1);
    const struct remote_write_target *t = &c.remote_writes[0];
    assert_string_equal(t->name, "remote-write");
    assert_string_equal(t->url, "http://p.example:9090/api/v1/write");
    assert_int_equal(t->protocol, REMOTE_WRITE_1);
    assert_false(t->native_histograms);
    assert_int_equal(t->interval_ms, 15000);
    assert_int_equal(t->timeout_ms, 30000);
    assert_int_equal(t->give_up_ms, 3600000);
    assert_int_equal(t->max_samples, 5000);
    assert_int_equal(t->header_count + t->label_count, 0);
    assert_null(t->username);
    assert_null(t->bearer_token);
    assert_false(t->sigv4);
    config_deinit(&c);
    read_good(&c, SOURCE);
    assert_int_equal(c.remote_write_count, 0);
    config_deinit(&c);
}

static void test_everything(void **state) {
    (void)state;
    struct config c;
    read_good(&c, "aws: {region: eu-central-1, profile: mail, endpoint: http://store.example}\n" WRITE
                  "    name: one\n    protocol: auto\n    interval: 1m\n    timeout: 5s\n    give_up_after: 10m\n"
                  "    max_samples: 100\n    labels: {job: ses, instance: a-1}\n    headers: {X-Scope-OrgID: mail}\n"
                  "    basic_auth: {username: u, password: p}\n"
                  "  - url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write\n"
                  "    sigv4: true\n    protocol: 2.0\n    native_histograms: true\n    aws: {region: eu-west-1}\n"
                  "  - url: http://third.example/\n    bearer_token: t\n");
    assert_int_equal(c.remote_write_count, 3);
    const struct remote_write_target *t = c.remote_writes;
    assert_string_equal(t[0].name, "one");
    assert_int_equal(t[0].protocol, REMOTE_WRITE_AUTO);
    assert_int_equal(t[0].interval_ms, 60000);
    assert_int_equal(t[0].timeout_ms, 5000);
    assert_int_equal(t[0].give_up_ms, 600000);
    assert_int_equal(t[0].max_samples, 100);
    assert_int_equal(t[0].label_count, 2);
    assert_string_equal(t[0].labels[1].name, "instance");
    assert_string_equal(t[0].labels[1].value, "a-1");
    assert_string_equal(t[0].headers[0].value, "mail");
    assert_string_equal(t[0].username, "u");
    assert_string_equal(t[0].password, "p");
    assert_string_equal(t[1].name, "remote-write");
    assert_true(t[1].sigv4);
    assert_int_equal(t[1].protocol, REMOTE_WRITE_2);
    assert_true(t[1].native_histograms);
    assert_string_equal(t[1].aws.region, "eu-west-1");
    assert_string_equal(t[1].aws.profile, "mail");
    assert_null(t[1].aws.endpoint);
    assert_string_equal(t[2].name, "remote-write-2");
    assert_string_equal(t[2].bearer_token, "t");
    config_deinit(&c);
}

/* What differs in a label, or in who sends, are other series. */
static void test_twice_to_one_receiver(void **state) {
    (void)state;
    struct config c;
    read_good(&c, WRITE "  - url: http://p.example:9090/api/v1/write\n    labels: {run: b}\n"
                        "  - url: http://p.example:9090/api/v1/write\n    headers: {X-Scope-OrgID: b}\n");
    assert_int_equal(c.remote_write_count, 3);
    config_deinit(&c);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {SOURCE "remote_write:\n  - name: x\n", "4:5", "url is missing", "add it"},
        {SOURCE "remote_write:\n  - url: ftp://x/\n", "4:10", "url", "http"},
        {WRITE "    protocol: 3.0\n", "5:15", "protocol", "1.0"},
        {WRITE "    native_histograms: true\n", "5:24", "native_histograms", "protocol: 2.0"},
        {WRITE "    protocol: auto\n    native_histograms: true\n", "6:24", "native_histograms", "protocol: 2.0"},
        {WRITE "    protocol: 2.0\n  - url: http://p.example:9090/api/v1/write\n    protocol: 2.0\n"
               "    native_histograms: true\n    name: b\n",
         "6:5", "the same series", "other labels"},
        {WRITE "    interval: 10ms\n", "5:15", "interval", "1s"},
        {WRITE "    max_samples: 0\n", "5:18", "max_samples", "1"},
        {WRITE "    labels: {__name__: x}\n", "5:14", "labels", "Prometheus's own"},
        {WRITE "    labels: {a-b: x}\n", "5:14", "labels", "letters"},
        {WRITE "    basic_auth: {username: u, password: p}\n    bearer_token: t\n", "6:5",
         "basic_auth and bearer_token", "keep one"},
        {WRITE "    headers: {Content-Type: x}\n", "5:15", "headers", "collector"},
        {WRITE "    headers: {X-Prometheus-Remote-Write-Version: x}\n", "4:5", "X-Prometheus-Remote-Write-Version",
         "set by the collector itself"},
        {WRITE "    sigv4: true\n    bearer_token: t\n", "4:5", "sigv4 signs requests by itself", "take out"},
        {WRITE "    aws: {access_key_id: A}\n", "5:5", "aws", "secret"},
        {WRITE "    name: a\n  - url: http://b/\n    name: a\n", "7:11", "two targets", "another name"},
        {WRITE "    interval: 5s\n  - url: http://p.example:9090/api/v1/write\n    name: b\n", "6:5", "the same series",
         "other labels"},
        {SOURCE "remote_write:\n  - url: http://me:hidden@h/w\n", "4:10", "url", "basic_auth"},
        {WRITE "    retries: 3\n", "5:5", "retries", ""},
    };
    expect_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void test_a_reload_changes_all(void **state) {
    (void)state;
    expect_reloadable(SOURCE, WRITE);
    expect_reloadable(WRITE, WRITE "    interval: 5s\n    labels: {a: b}\n");
}

/* What check prints loads again, but for its secrets, which it does not show. */
static void test_shown(void **state) {
    (void)state;
    struct config c;
    char *text = NULL;
    size_t len = 0;
    read_good(&c, WRITE "    bearer_token: hidden-token\n    labels: {job: ses}\n");
    FILE *out = open_memstream(&text, &len);
    assert_true(config_write(&c, out));
    fclose(out);
    assert_non_null(strstr(text, "remote_write:"));
    assert_non_null(strstr(text, "job: ses"));
    assert_null(strstr(text, "hidden-token"));
    assert_non_null(strstr(text, "max_samples: 5000"));
    free(text);
    config_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_a_reload_changes_all),
        cmocka_unit_test(test_shown),    cmocka_unit_test(test_twice_to_one_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
