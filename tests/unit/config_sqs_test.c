/* collector/config/keys_sqs: what a queue's section comes to, and what is refused in it, where and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

#define QUEUE "https://sqs.eu-west-1.amazonaws.com/123456789012/ses-events"
#define SQS   "sources:\n  - sqs:\n      queue: " QUEUE "\n"

static bool read_text(const char *text, struct config *c, struct err *err) {
    memset(err, 0, sizeof *err);
    return config_read(c, "c.yaml", span_of(text), NULL, err);
}

static void test_defaults(void **state) {
    (void)state;
    struct config c;
    struct err err;
    if (!read_text(SQS, &c, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c.source_count, 1);
    assert_int_equal(c.sources[0].kind, SOURCE_SQS);
    const struct sqs_options *o = &c.sources[0].sqs;
    assert_string_equal(o->name, "sqs");
    assert_string_equal(o->queue_url, QUEUE);
    assert_int_equal(o->bucket_count, 0);
    assert_int_equal(o->prefix_count, 0);
    assert_int_equal(o->wait_ms, 20000);
    assert_int_equal(o->visibility_ms, 120000);
    assert_int_equal(o->attempts, 5);
    assert_int_equal(o->ahead, 16);
    assert_false(o->errors || o->path_style || o->requester_pays);
    assert_null(o->aws.region);
    config_deinit(&c);
}

static void test_everything(void **state) {
    (void)state;
    struct config c;
    struct err err;
    if (!read_text("aws: {region: eu-central-1, profile: mail}\n" SQS "      name: dumps\n"
                   "      buckets: [dumps-a, Dumps.B]\n      prefixes: ses/\n      wait: 5s\n      visibility: 12h\n"
                   "      attempts: 0\n      errors: true\n      path_style: true\n      requester_pays: true\n"
                   "      ahead: 4\n      aws: {region: eu-west-3}\n",
                   &c, &err))
        fail_msg("%s", err.text);
    const struct sqs_options *o = &c.sources[0].sqs;
    assert_string_equal(o->name, "dumps");
    assert_int_equal(o->bucket_count, 2);
    assert_string_equal(o->buckets[1], "Dumps.B");
    assert_int_equal(o->prefix_count, 1);
    assert_string_equal(o->prefixes[0], "ses/");
    assert_int_equal(o->wait_ms, 5000);
    assert_int_equal(o->visibility_ms, 43200000);
    assert_int_equal(o->attempts, 0);
    assert_int_equal(o->ahead, 4);
    assert_true(o->errors && o->path_style && o->requester_pays);
    assert_string_equal(o->aws.region, "eu-west-3");
    assert_string_equal(o->aws.profile, "mail");
    config_deinit(&c);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *said, *advice;
    } cases[] = {
        {"sources:\n  - sqs: {}\n", "2:", "queue", ""},
        {"sources:\n  - sqs: {queue: ses-events}\n", "2:18", "is not good", "https://sqs.eu-west-1.amazonaws.com"},
        {"sources:\n  - sqs: {queue: \"arn:aws:sqs:eu-west-1:123456789012:q\"}\n", "2:18", "is not good", "URL"},
        {"sources:\n  - sqs: {queue: https://sqs.eu-west-1.amazonaws.com/q}\n", "2:18", "is not good", "URL"},
        {SQS "      buckets: [s3://dumps/ses]\n", "4:17", "is not good", "name alone"},
        {SQS "      buckets: [a]\n", "4:17", "is not good", "name alone"},
        {SQS "      buckets: [dumps, dumps]\n", "4:24", "stands here twice", "take one out"},
        {SQS "      buckets: [dumps]\n      prefixes: [/ses]\n", "5:18", "is not good", "how keys begin"},
        {SQS "      prefixes: [ses/]\n", "4:17", "none is named", "add buckets"},
        {SQS "      wait: 21s\n", "4:13", "is not good", "20s"},
        {SQS "      wait: 1500ms\n", "4:13", "not in whole seconds", "20s"},
        {SQS "      visibility: 9s\n", "4:19", "is not good", "10s"},
        {SQS "      visibility: 13h\n", "4:19", "is not good", "12h"},
        {SQS "      visibility: 10500ms\n", "4:19", "not in whole seconds", "20s"},
        {SQS "      attempts: -1\n", "4:17", "is not good", "from 0"},
        {SQS "      ahead: 0\n", "4:14", "is not good", "from 1 to 64"},
        {SQS "      aws: {access_key_id: AKIAEXAMPLE}\n", "4:", "aws: access_key_id and secret_access_key", "together"},
        {SQS "      aws: {region: Ireland}\n", "4:21", "is not good", ""},
        {SQS "      que: x\n", "4:7", "unknown key", "queue"},
    };
    size_t refused = 0, count = sizeof cases / sizeof cases[0];
    for (size_t i = 0; i < count; i++) {
        struct config c;
        struct err err;
        char start[60];
        snprintf(start, sizeof start, "c.yaml:%s", cases[i].place);
        bool ok = read_text(cases[i].text, &c, &err);
        bool good = !ok && err.code == ERR_CONFIG && strncmp(err.text, start, strlen(start)) == 0 &&
                    strstr(err.text, cases[i].said) && strstr(err.text, cases[i].advice);
        if (!good)
            print_error("%s--- wanted %s ... %s; %s\n--- got    %s\n", cases[i].text, start, cases[i].said,
                        cases[i].advice, err.text);
        if (ok)
            config_deinit(&c);
        refused += good;
    }
    assert_int_equal(refused, count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
