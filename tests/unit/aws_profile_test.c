/* aws/profile, aws/endpoint, aws/xml, aws/date: what is read from files, the environment and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/date.h"
#include "aws/endpoint.h"
#include "aws/profile.h"
#include "aws/xml.h"
#include "core/buf.h"
#include "unit/aws_place.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- profiles ----------------------------------------------------------------------------------------------------- */

static const char config_text[] = "\xef\xbb\xbf# a comment\n"
                                  "[default]\n"
                                  "region = us-east-1\r\n"
                                  "output=json\n"
                                  "[profile default]\n"
                                  "region = eu-west-1 ; better\n"
                                  "\n"
                                  "  [profile  spaced]\n"
                                  "  role_arn = arn:aws:iam::1:role/x   # why\n"
                                  "  Source_Profile=base\n"
                                  "[profile \"with blank\"]\n"
                                  "credential_process = /opt/a b --x '#1' ; true\n"
                                  "[profile nested]\n"
                                  "s3 =\n"
                                  "    endpoint_url = http://nested\n"
                                  "    addressing_style = path\n"
                                  "services = mine\n"
                                  "endpoint_url = http://all\n"
                                  "long = begins\n"
                                  "    goes on\n"
                                  "[services mine]\n"
                                  "sqs =\n"
                                  "  endpoint_url = http://sqs\n"
                                  "[sso-session x]\n"
                                  "sso_region = a\n"
                                  "[plain]\n"
                                  "region = never\n"
                                  "[profile empty]\n";
static const char credentials_text[] = "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = a#b;c=d\n"
                                       "[spaced]\nregion = of-credentials-1\n"
                                       "[base]\naws_session_token = twice\n";

static const struct {
    const char *profile, *key, *value;
} values[] = {
    {"default", "region", "eu-west-1"},
    {"default", "output", "json"},
    {"spaced", "role_arn", "arn:aws:iam::1:role/x"},
    {"spaced", "source_profile", "base"},
    {"spaced", "region", "of-credentials-1"},
    {"with blank", "credential_process", "/opt/a b --x '#1' ; true"},
    {"nested", "s3.endpoint_url", "http://nested"},
    {"nested", "s3", NULL},
    {"nested", "services", "mine"},
    {"nested", "long", "begins"},
    {"base", "aws_secret_access_key", "a#b;c=d"},
    {"base", "aws_session_token", "twice"},
    {"plain", "region", NULL},
    {"nowhere", "region", NULL},
};

static void profiles_are_read_as_by_awss_tools(void **state) {
    (void)state;
    struct err err = {0};
    struct profile_set *s = profile_set_create();
    assert_true(profile_set_parse(s, PROFILE_CONFIG, SPAN_LIT(config_text), "config", &err));
    assert_true(profile_set_parse(s, PROFILE_CREDENTIALS, SPAN_LIT(credentials_text), "credentials", &err));
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *value = profile_value(s, values[i].profile, values[i].key);
        if (!values[i].value)
            assert_null(value);
        else
            assert_string_equal(value ? value : "nothing", values[i].value);
    }
    assert_true(profile_exists(s, "empty"));
    assert_false(profile_exists(s, "plain"));
    assert_string_equal(profile_service_value(s, "mine", "sqs.endpoint_url"), "http://sqs");
    profile_set_destroy(s);
}

static void damaged_files_are_named_by_line_and_not_by_content(void **state) {
    (void)state;
    static const char *const bad[] = {"[a]\nk = v\n" PLACE_SECRET "\n", "[a\nk = v\n", "k = " PLACE_SECRET "\n",
                                      "[a]\n= " PLACE_SECRET "\n"};
    static const char *const lines[] = {"line 3", "line 1", "line 1", "line 2"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        struct profile_set *s = profile_set_create();
        assert_false(profile_set_parse(s, PROFILE_CREDENTIALS, span_of(bad[i]), "the file", &err));
        assert_non_null(strstr(err.text, lines[i]));
        assert_null(strstr(err.text, "canary"));
        profile_set_destroy(s);
    }
}

static void files_are_found(void **state) {
    (void)state;
    struct err err = {0};
    place_clean_environment();
    struct profile_set *s = profile_set_create();
    assert_true(profile_set_load(s, &err)); /* there are none */
    assert_false(profile_exists(s, "default"));
    place_write("AWS_SHARED_CREDENTIALS_FILE", "creds", "[default]\naws_access_key_id=A\n");
    place_write("AWS_CONFIG_FILE", "conf", "[profile other]\nregion=b-1\n");
    assert_true(profile_set_load(s, &err));
    assert_true(profile_exists(s, "default"));
    assert_string_equal(profile_value(s, "other", "region"), "b-1");
    setenv("AWS_CONFIG_FILE", "/", 1);
    assert_false(profile_set_load(s, &err));
    profile_set_destroy(s);
}

/* --- endpoints ---------------------------------------------------------------------------------------------------- */

static const struct {
    struct endpoint_query query;
    const char *scheme, *host, *base;
    bool bucket_in_path;
} places[] = {
    {{"s3", NULL, "eu-west-1", "logs"}, "https", "logs.s3.eu-west-1.amazonaws.com", "", false},
    {{"s3", NULL, "eu-west-1", "with.dots"}, "https", "s3.eu-west-1.amazonaws.com", "", true},
    {{"s3", NULL, "eu-west-1", "UPPER"}, "https", "s3.eu-west-1.amazonaws.com", "", true},
    {{"s3", NULL, "eu-west-1", "logs", true}, "https", "s3.eu-west-1.amazonaws.com", "", true},
    {{"s3", NULL, "cn-north-1", "logs", false, false, true},
     "https",
     "logs.s3.dualstack.cn-north-1.amazonaws.com.cn",
     "",
     false},
    {{"s3", NULL, "us-east-2", "logs", false, true, true},
     "https",
     "logs.s3-fips.dualstack.us-east-2.amazonaws.com",
     "",
     false},
    {{"ses", "email", "eu-west-1"}, "https", "email.eu-west-1.amazonaws.com", "", false},
    {{"sqs", NULL, "eusc-de-east-1"}, "https", "sqs.eusc-de-east-1.amazonaws.eu", "", false},
    {{"s3", NULL, "x", "logs", .own = "http://MinIO:9000/"}, "http", "minio:9000", "", true},
    {{"s3", NULL, "x", "logs", .own = "https://h.example:443/a/b"}, "https", "h.example", "/a/b", true},
    {{"sqs", NULL, "x", .own = "http://[::1]:80"}, "http", "[::1]", "", false},
};

static void endpoints_are_found(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct endpoint e;
        struct err err = {0};
        assert_true(endpoint_resolve(&places[i].query, &e, &err));
        assert_string_equal(e.scheme, places[i].scheme);
        assert_string_equal(e.host, places[i].host);
        assert_string_equal(e.base, places[i].base);
        assert_int_equal(e.bucket_in_path, places[i].bucket_in_path);
    }
}

static void what_cannot_be_a_hosts_name_is_refused(void **state) {
    (void)state;
    static const struct endpoint_query bad[] = {
        {"s3", NULL, "evil.example/", "b"},
        {"s3", NULL, "", "b"},
        {"s3", NULL, "EU-WEST-1", "b"},
        {"s3", NULL, "eu-west-1", ""},
        {"s3", NULL, "eu-west-1", "a/b"},
        {"s3", NULL, "eu-west-1", "b", .own = "ftp://x"},
        {"s3", NULL, "eu-west-1", "b", .own = "http://user:pass@x"},
        {"s3", NULL, "eu-west-1", "b", .own = "http://x/?q"},
        {"s3", NULL, "eu-west-1", "b", .own = "http:/x"},
        {"s3", NULL, "eu-west-1", "b", .own = "https:///x"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct endpoint e;
        struct err err = {0};
        assert_false(endpoint_resolve(&bad[i], &e, &err));
        assert_true(err.text[0]);
        assert_null(strstr(err.text, "pass"));
    }
}

static void only_http_to_others_can_be_read_on_the_way(void **state) {
    (void)state;
    static const char *const open_ones[] = {"http://minio:9000",
                                            "HTTP://10.0.0.1/a",
                                            "http://127.0.0.1.example",
                                            "http://127.example.com/",
                                            "http://[::2]:80/",
                                            "http://localhost.example/",
                                            "http://[::1",
                                            "http://example.com/127.0.0.1"};
    static const char *const closed[] = {"https://minio:9000", "http://127.0.0.1:9000", "http://127.1.2.3/x",
                                         "http://[::1]:9000/", "http://LocalHost:80"};
    for (size_t i = 0; i < COUNT(open_ones); i++)
        if (!endpoint_is_open(open_ones[i]))
            fail_msg("%s", open_ones[i]);
    for (size_t i = 0; i < COUNT(closed); i++)
        if (endpoint_is_open(closed[i]))
            fail_msg("%s", closed[i]);
}

static void the_users_endpoint_is_the_most_specific_one(void **state) {
    (void)state;
    char own[] = "http://settings";
    struct aws_settings none = {0}, with = {.endpoint = own};
    struct err err = {0};
    struct profile_set *s = profile_set_create();
    place_clean_environment();
    assert_true(profile_set_parse(s, PROFILE_CONFIG, SPAN_LIT(config_text), "config", &err));
    const struct {
        const struct aws_settings *settings;
        const char *variable, *service, *expected;
    } steps[] = {
        {&none, NULL, "s3", "http://all"},
        {&none, NULL, "sqs", "http://sqs"},
        {&none, "AWS_ENDPOINT_URL", "sqs", "v"},
        {&none, "AWS_ENDPOINT_URL_SQS", "sqs", "v"},
        {&none, NULL, "s3", "http://of-all"},
        {&with, NULL, "sqs", "http://settings"},
        {&none, "AWS_ENDPOINT_URL_SESV2", "ses", "v"},
    };
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (steps[i].variable)
            setenv(steps[i].variable, strcmp(steps[i].variable, "AWS_ENDPOINT_URL") == 0 ? "http://of-all" : "v", 1);
        char *url = endpoint_configured(steps[i].settings, s, "nested", steps[i].service);
        const char *expected = i == 2 ? "http://of-all" : steps[i].expected;
        assert_string_equal(url ? url : "none", expected);
        free(url);
    }
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_null(endpoint_configured(&none, s, "nested", "sqs"));
    place_clean_environment();
    profile_set_destroy(s);
}

/* --- XML ---------------------------------------------------------------------------------------------------------- */

struct seen {
    char text[512];
    unsigned left;
};

static bool see(void *context, const char *path, const char *text) {
    struct seen *s = context;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%s=%s;", path, text);
    return s->left == 0 || --s->left > 0;
}

static bool walk(const char *xml, struct seen *s, struct err *err) {
    return xml_walk(span_of(xml), &(struct xml_hooks){s, see}, err);
}

static void xml_is_walked_by_local_names(void **state) {
    (void)state;
    struct err err = {0};
    struct seen s = {0};
    assert_true(
        walk("<?xml version=\"1.0\"?><a xmlns=\"urn:x\"><p:b xmlns:p='urn:y'>1 &lt; &#x32;</p:b><c/></a>", &s, &err));
    assert_string_equal(s.text, "a/b=1 < 2;a/c=;a=;");
    s = (struct seen){.left = 1};
    assert_true(walk("<a><b>1</b><c>2</c></a>", &s, &err));
    assert_string_equal(s.text, "a/b=1;");
}

static void xml_that_is_none_or_too_much_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "<a>",
                                      "<a></b>",
                                      "<!DOCTYPE a><a/>",
                                      "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                                      "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
                                      "<a>&x;</a>"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        struct seen s = {0};
        assert_false(walk(bad[i], &s, &err));
        assert_true(err.text[0]);
    }
    struct buf deep, wide;
    struct err err = {0};
    struct seen s = {0};
    buf_init(&deep, 1 << 20);
    buf_init(&wide, 1 << 20);
    for (int i = 0; i < 17; i++)
        buf_append_str(&deep, "<a>");
    buf_append_char(&deep, 0);
    buf_append_str(&wide, "<a>");
    for (int i = 0; i < 66000; i++)
        buf_append_char(&wide, 'x');
    buf_append(&wide, "</a>", 5);
    assert_false(walk(deep.data, &s, &err));
    assert_non_null(strstr(err.text, "deep"));
    err = (struct err){0};
    assert_false(walk(wide.data, &s, &err));
    assert_non_null(strstr(err.text, "long"));
    buf_deinit(&deep);
    buf_deinit(&wide);
}

/* --- times -------------------------------------------------------------------------------------------------------- */

static void times_are_read(void **state) {
    (void)state;
    static const struct {
        bool (*parse)(const char *text, int64_t *ms);
        const char *text;
        int64_t ms; /* -1: no time */
    } cases[] = {
        {date_parse_iso, "2026-11-20T08:15:30Z", 1795162530000},
        {date_parse_iso, "2026-11-20T08:15:30.25Z", 1795162530250},
        {date_parse_iso, "2026-11-20T09:15:30+01:00", 1795162530000},
        {date_parse_iso, "2026-11-20 03:15:30-0500", 1795162530000},
        {date_parse_iso, "2026-11-20T08:15:30", -1},
        {date_parse_iso, "2026-13-20T08:15:30Z", -1},
        {date_parse_iso, "2026-11-20T08:15:30Zx", -1},
        {date_parse_iso, "", -1},
        {date_parse_http, "Fri, 20 Nov 2026 08:15:30 GMT", 1795162530000},
        {date_parse_http, "Fri, 20 Nov 2026 08:15:30 CET", -1},
        {date_parse_http, "Fri, 20 Foo 2026 08:15:30 GMT", -1},
        {date_parse_http, "Friday, 20-Nov-26 08:15:30 GMT", -1},
        {date_parse_http, ",", -1},
        {date_parse_http, "", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        assert_int_equal(cases[i].parse(cases[i].text, &ms), cases[i].ms != -1);
        if (cases[i].ms != -1)
            assert_int_equal(ms, cases[i].ms);
    }
}

static int open_place(void **state) {
    (void)state;
    place_open(NULL);
    return 0;
}

static int close_place(void **state) {
    (void)state;
    place_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_read_as_by_awss_tools),
        cmocka_unit_test(damaged_files_are_named_by_line_and_not_by_content),
        cmocka_unit_test(files_are_found),
        cmocka_unit_test(only_http_to_others_can_be_read_on_the_way),
        cmocka_unit_test(endpoints_are_found),
        cmocka_unit_test(what_cannot_be_a_hosts_name_is_refused),
        cmocka_unit_test(the_users_endpoint_is_the_most_specific_one),
        cmocka_unit_test(xml_is_walked_by_local_names),
        cmocka_unit_test(xml_that_is_none_or_too_much_is_refused),
        cmocka_unit_test(times_are_read),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
