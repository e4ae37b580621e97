/* sources[].s3 of a configuration: what it says comes to the watcher, `check` shows it again, and what cannot be right
 * is refused where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

static bool read_text(const char *text, struct config *c, struct err *err) {
    memset(err, 0, sizeof *err);
    return config_read(c, "c.yaml", span_of(text), NULL, err);
}

static void read_good(const char *text, struct config *c) {
    struct err err;
    if (!read_text(text, c, &err))
        fail_msg("%s", err.text);
}

static char *written(const struct config *c) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_true(config_write(c, out));
    fclose(out);
    return text;
}

static void says_little(void **state) {
    (void)state;
    struct config c;
    read_good("sources: [{s3: {bucket: my-bucket}}]\n", &c);
    assert_int_equal(c.source_count, 1);
    const struct s3_watch_options *o = &c.sources[0].s3;
    assert_string_equal(o->name, "s3");
    assert_string_equal(o->place.bucket.name, "my-bucket");
    assert_string_equal(o->place.prefix, "");
    assert_null(o->place.time_zone);
    assert_false(o->place.errors);
    assert_int_equal(o->start_ms, INT64_MIN);
    assert_int_equal(o->look_back_ms, 26 * 3600000LL);
    assert_int_equal(o->interval_ms, 60000);
    assert_int_equal(o->ahead, 16);
    config_deinit(&c);
}

static const char everything[] = "aws: {region: eu-west-1, access_key_id: AKIDGENERAL, secret_access_key: general}\n"
                                 "sources:\n"
                                 "  - s3:\n"
                                 "      name: news\n"
                                 "      bucket: my.bucket-1\n"
                                 "      prefix: \"ses/!{timestamp:yyyy/MM/dd}/\"\n"
                                 "      time_zone: \"+05:30\"\n"
                                 "      start: 2026-11-01\n"
                                 "      look_back: 3d\n"
                                 "      interval: 10s\n"
                                 "      exclude: [\"*/test/*\", \"*.tmp\"]\n"
                                 "      errors: true\n"
                                 "      requester_pays: true\n"
                                 "      path_style: true\n"
                                 "      expected_owner: \"123456789012\"\n"
                                 "      ahead: 4\n"
                                 "      aws: {profile: other, endpoint: \"http://127.0.0.1:9000\"}\n";

static void check_everything(const struct config *c) {
    const struct s3_watch_options *o = &c->sources[0].s3;
    assert_string_equal(o->name, "news");
    assert_string_equal(o->place.bucket.name, "my.bucket-1");
    assert_string_equal(o->place.prefix, "ses/!{timestamp:yyyy/MM/dd}/");
    assert_string_equal(o->place.time_zone, "+05:30");
    assert_int_equal(o->place.exclude_count, 2);
    assert_string_equal(o->place.exclude[1], "*.tmp");
    assert_true(o->place.errors && o->place.bucket.requester_pays && o->place.bucket.path_style);
    assert_string_equal(o->place.bucket.expected_owner, "123456789012");
    assert_true(o->start_ms == 1793491200000);
    assert_int_equal(o->look_back_ms, 3 * 86400000LL);
    assert_int_equal(o->interval_ms, 10000);
    assert_int_equal(o->ahead, 4);
    assert_string_equal(o->aws.profile, "other");
    assert_string_equal(o->aws.region, "eu-west-1"); /* of the general section */
    assert_null(o->aws.access_key_id);               /* another identity's */
}

static void says_all(void **state) {
    (void)state;
    struct config c, again;
    read_good(everything, &c);
    check_everything(&c);
    char *text = written(&c);
    assert_non_null(strstr(text, "2026-11-01T00:00:00Z"));
    config_deinit(&c);
    free(text);
    /* What `check` shows can be read again; but secrets are not shown. */
    static const char open[] =
        "sources: [{s3: {bucket: abc, start: \"2026-11-01T10:00Z\", exclude: x, prefix: a/b/}}]\n";
    read_good(open, &c);
    text = written(&c);
    read_good(text, &again);
    char *same = written(&again);
    assert_string_equal(text, same);
    assert_string_equal(again.sources[0].s3.place.prefix, "a/b/");
    assert_true(again.sources[0].s3.start_ms == c.sources[0].s3.start_ms);
    free(text);
    free(same);
    config_deinit(&c);
    config_deinit(&again);
}

/* What stands behind `s3: `, and what is said of it. */
static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *body, *said, *advice;
    } cases[] = {
        {"{}", "bucket is missing", ""},
        {"{bucket: ab}", "\"ab\" is not good", "3 to 63"},
        {"{bucket: My-Bucket}", "\"My-Bucket\" is not good", "lower case"},
        {"{bucket: my_bucket}", "is not good", "3 to 63"},
        {"{bucket: -abc}", "is not good", "3 to 63"},
        {"{bucket: abc.}", "is not good", "3 to 63"},
        {"{bucket: a234567890123456789012345678901234567890123456789012345678901234}", "is not good", "3 to 63"},
        {"{bucket: \"arn:aws:s3:::my-bucket\"}", "is not good", "-s3alias"},
        {"{bucket: \"s3://my-bucket\"}", "is not good", "`prefix`"},
        {"{bucket: my-bucket/ses}", "is not good", "`prefix`"},
        {"{bucket: abc, prefix: /ses/}", "\"/ses/\" is not good", "without the slash"},
        {"{bucket: abc, prefix: \"s3://abc/ses\"}", "is not good", "alone"},
        {"{bucket: abc, time_zone: Mars/Olympus}", "\"Mars/Olympus\" is not good", "Europe/Berlin"},
        {"{bucket: abc, time_zone: ../../etc/passwd}", "is not good", "+05:30"},
        {"{bucket: abc, start: yesterday}", "\"yesterday\" is not good", "2026-11-21"},
        {"{bucket: abc, look_back: 59m}", "\"59m\" is not good", "from 1h to 30d"},
        {"{bucket: abc, look_back: 31d}", "\"31d\" is not good", "from 1h to 30d"},
        {"{bucket: abc, interval: 10ms}", "\"10ms\" is not good", "from 100ms to 24h"},
        {"{bucket: abc, ahead: 0}", "\"0\" is not good", "from 1 to 64"},
        {"{bucket: abc, ahead: 65}", "\"65\" is not good", "from 1 to 64"},
        {"{bucket: abc, expected_owner: me}", "\"me\" is not good", "12 digits"},
        {"{bucket: abc, errors: perhaps}", "\"perhaps\" is not good", "true or false"},
        {"{bucket: abc, region: eu-west-1}", "unknown key \"region\"", ""},
        {"{bucket: abc, aws: {region: Ireland}}", "\"Ireland\" is not good", ""},
        {"{bucket: abc, aws: {access_key_id: AKID}}", "secret_access_key", "together"},
        {"{bucket: abc, aws: {anonymous: true, profile: x}}", "anonymous", "take the keys"},
        {"{bucket: abc, aws: {endpoint: \"ftp://x\"}}", "is not good", "http"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        struct config c;
        struct err err;
        snprintf(text, sizeof text, "sources: [{s3: %s}]\n", cases[i].body);
        bool ok = read_text(text, &c, &err);
        bool good = !ok && err.code == ERR_CONFIG && strncmp(err.text, "c.yaml:1:", 9) == 0 &&
                    strstr(err.text, cases[i].said) && strstr(err.text, cases[i].advice);
        if (!good)
            fail_msg("%s: %s", cases[i].body, err.text);
    }
}

static void names_differ(void **state) {
    (void)state;
    struct config c;
    struct err err;
    read_good("sources: [{s3: {bucket: abc}}, {s3: {bucket: abc, prefix: b}}]\n", &c);
    assert_string_equal(c.sources[0].s3.name, "s3");
    assert_string_equal(c.sources[1].s3.name, "s3-2");
    config_deinit(&c);
    assert_false(read_text("sources: [{s3: {bucket: abc, name: a}}, {s3: {bucket: abd, name: a}}]\n", &c, &err));
    assert_non_null(strstr(err.text, "another name"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_little),
        cmocka_unit_test(says_all),
        cmocka_unit_test(refusals),
        cmocka_unit_test(names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
