/* collector/config/keys_remote_write: what remote_write comes to, and what is refused in it, where and why. */
#include "config_text.h"

#include <stdlib.h>

#define SOURCE "sources:\n  - files: {paths: [/in]}\n"
#define KEPT   "counting: {exemplars: true}\n"
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
    assert_false(t->exemplars);
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

/* Nothing in the environment but what a test puts there. */
static int nowhere_in_aws(void **state) {
    (void)state;
    static const char *const gone[] = {"AWS_REGION",     "AWS_DEFAULT_REGION",          "AWS_PROFILE",
                                       "HOME",           "AWS_SHARED_CREDENTIALS_FILE", "AWS_DEFAULT_PROFILE",
                                       "AWS_CONFIG_FILE"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        unsetenv(gone[i]);
    return setenv("AWS_CONFIG_FILE", "/nowhere", 1);
}

static void expect_tried(const char *text, const char *wanted) {
    struct config c;
    struct err err = {0};
    read_good(&c, text);
    if (config_try_remote_writes(&c, &err) != !*wanted || strcmp(err.text, wanted) != 0)
        fail_msg("%s--- wanted %s\n--- got    %s\n", text, wanted, err.text);
    if (*wanted)
        assert_int_equal(err.code, ERR_CONFIG);
    config_deinit(&c);
}

/* Read by every command; tried by those that would write. */
static void test_sigv4_needs_a_region(void **state) {
    (void)state;
    static const char unknown[] = "c.yaml:4:5: remote_write remote-write: sigv4: the region is not known; write aws: "
                                  "{region: eu-west-1}, or yours, or set AWS_REGION";
    expect_tried(WRITE, "");
    expect_tried(WRITE "    sigv4: true\n", unknown);
    expect_tried(WRITE "    sigv4: true\n    aws: {region: eu-west-1}\n", "");
    expect_tried("aws: {region: eu-west-1}\n" WRITE "    sigv4: true\n", "");
    expect_tried(SOURCE "remote_write:\n  - url: https://aps-workspaces.eu-west-1.amazonaws.com/w\n    sigv4: true\n",
                 "");
    setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
    expect_tried(WRITE "    sigv4: true\n", "");
    setenv("AWS_REGION", "Europe", 1);
    expect_tried(WRITE "    sigv4: true\n", "c.yaml:4:5: remote_write remote-write: sigv4: Europe is no region of AWS; "
                                            "write aws: {region: eu-west-1}, or yours");
    nowhere_in_aws(NULL);
    expect_tried(WRITE "  - url: http://second.example/\n    sigv4: true\n    name: second\n",
                 "c.yaml:5:5: remote_write second: sigv4: the region is not known; write aws: {region: eu-west-1}, or "
                 "yours, or set AWS_REGION");
}

static void test_a_reload_changes_all(void **state) {
    (void)state;
    expect_reloadable(SOURCE, WRITE);
    expect_reloadable(WRITE, WRITE "    interval: 5s\n    labels: {a: b}\n");
}

/* Returns new. */
static char *written(const struct config *c) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_true(config_write(c, out));
    fclose(out);
    return text;
}

/* What check prints loads again, but for its secrets, which it does not show. */
static void test_shown(void **state) {
    (void)state;
    struct config c;
    read_good(&c, WRITE "    bearer_token: hidden-token\n    labels: {job: ses}\n");
    char *text = written(&c);
    assert_non_null(strstr(text, "remote_write:"));
    assert_non_null(strstr(text, "job: ses"));
    assert_null(strstr(text, "hidden-token"));
    assert_non_null(strstr(text, "max_samples: 5000"));
    free(text);
    config_deinit(&c);
}

/* --- exemplars ---------------------------------------------------------------------------------------------------- */

static void test_exemplars(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool kept, first, second;
    } cases[] = {
        {WRITE, false, false, false},
        {WRITE "    exemplars: false\n", false, false, false},
        {"counting: {exemplars: false}\n" WRITE, false, false, false},
        {KEPT WRITE, true, false, false},
        {KEPT WRITE "    exemplars: true\n", true, true, false},
        {WRITE "    exemplars: true\n" KEPT, true, true, false}, /* whatever comes first */
        {KEPT WRITE "    protocol: auto\n  - url: http://b.example/\n    exemplars: true\n", true, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c;
        read_good(&c, cases[i].text);
        assert_int_equal(c.exemplars, cases[i].kept);
        assert_int_equal(c.remote_writes[0].exemplars, cases[i].first);
        assert_int_equal(c.remote_write_count > 1 && c.remote_writes[1].exemplars, cases[i].second);
        config_deinit(&c);
    }
}

/* A target can only send what counting keeps; and those that differ in nothing else write the same series. */
static void test_exemplars_refused(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {WRITE "    exemplars: true\n", "5:16", "exemplars: none are kept", "set counting: {exemplars: true}"},
        {"counting: {exemplars: false}\n" WRITE "    exemplars: true\n", "6:16", "exemplars: none are kept",
         "or take it out"},
        {"counting: {max_names: 10}\n" WRITE "    exemplars: false\n  - url: http://b.example/\n    protocol: auto\n"
         "    exemplars:   true\n",
         "9:18", "exemplars: none are kept", "set counting: {exemplars: true}"},
        {WRITE "    exemplars: sometimes\n", "5:16", "exemplars", "true"},
        {"counting: {exemplars: 1}\n" SOURCE, "1:23", "exemplars", "true"},
        {KEPT WRITE "    exemplars: true\n  - url: http://p.example:9090/api/v1/write\n    name: b\n", "7:5",
         "the same series", "other labels"},
    };
    expect_refusals(cases, sizeof cases / sizeof cases[0]);
}

/* The target's is taken over by a reload; what counting keeps is fixed. */
static void test_exemplars_and_a_reload(void **state) {
    (void)state;
    static const struct {
        const char *before, *after, *fixed;
    } cases[] = {
        {KEPT WRITE, KEPT WRITE "    exemplars: true\n", ""},
        {KEPT WRITE "    exemplars: true\n", KEPT WRITE "    exemplars: false\n", ""},
        {WRITE, "counting: {exemplars: false}\n" WRITE, ""},
        {WRITE, KEPT WRITE, "counting.exemplars"},
        {KEPT WRITE, WRITE, "counting.exemplars"},
        {WRITE, KEPT WRITE "    exemplars: true\n", "counting.exemplars"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config before, after;
        char fixed[256];
        read_good(&before, cases[i].before);
        read_good(&after, cases[i].after);
        config_fixed_differences(&before, &after, fixed, sizeof fixed);
        assert_string_equal(fixed, cases[i].fixed);
        /* The running writer is only kept where the target is the same. */
        assert_int_equal(remote_write_target_equal(&before.remote_writes[0], &after.remote_writes[0]),
                         before.remote_writes[0].exemplars == after.remote_writes[0].exemplars);
        config_deinit(&before);
        config_deinit(&after);
    }
}

/* The URLs are secrets, which are not shown: each is put back. Returns new. */
static char *with_urls(const char *text, const struct config *c) {
    char *out = NULL;
    size_t len = 0, target = 0;
    FILE *to = open_memstream(&out, &len);
    for (const char *at; (at = strstr(text, "\"<secret>\"")); text = at + strlen("\"<secret>\"")) {
        assert_true(target < c->remote_write_count);
        fprintf(to, "%.*s%s", (int)(at - text), text, c->remote_writes[target++].url);
    }
    fputs(text, to);
    fclose(to);
    return out;
}

/* The effective configuration says both keys, whether they were written or not, and is read as the same. */
static void test_exemplars_there_and_back(void **state) {
    (void)state;
    static const char *const texts[] = {WRITE, KEPT WRITE,
                                        KEPT WRITE "    exemplars: true\n  - url: http://b.example/\n    name: b\n"};
    static const size_t said_true[] = {0, 1, 2};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config first, second;
        size_t all = 0, with = 0;
        read_good(&first, texts[i]);
        char *once = written(&first);
        for (const char *at = once; (at = strstr(at, "exemplars: ")); at++, all++)
            with += strncmp(at, "exemplars: true", 15) == 0;
        assert_int_equal(all, 1 + first.remote_write_count);
        assert_int_equal(with, said_true[i]);
        char *loadable = with_urls(once, &first);
        read_good(&second, loadable);
        assert_int_equal(second.exemplars, first.exemplars);
        for (size_t t = 0; t < first.remote_write_count; t++)
            assert_true(remote_write_target_equal(&first.remote_writes[t], &second.remote_writes[t]));
        char *twice = written(&second);
        assert_string_equal(once, twice);
        free(once);
        free(loadable);
        free(twice);
        config_deinit(&first);
        config_deinit(&second);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_reload_changes_all),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_twice_to_one_receiver),
        cmocka_unit_test(test_exemplars),
        cmocka_unit_test(test_exemplars_refused),
        cmocka_unit_test(test_exemplars_and_a_reload),
        cmocka_unit_test(test_exemplars_there_and_back),
        cmocka_unit_test_setup(test_sigv4_needs_a_region, nowhere_in_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
