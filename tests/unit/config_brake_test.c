/* collector/config: the brake of a rule and of the file: off and dry unless said otherwise, and refused where nothing
 * could be paused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "unit/config_text.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define RULE(rest)   "alerts:\n  default_rules: false\n  rules:\n  - {name: X, rate: bounce, above: 5%" rest "}\n"

static void off_by_itself(void **state) {
    (void)state;
    static const char *const texts[] = {"{}\n",
                                        "brake: {dry_run: false}\n",
                                        RULE(""),
                                        RULE(", brake: {}"),
                                        RULE(", brake: {pause: false, resume: true}"),
                                        RULE(", brake: ~")};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config c;
        read_good(&c, texts[i]);
        assert_false(config_has_brake(&c));
        assert_int_equal(c.brake_dry_run, i != 1);
        assert_int_equal(c.brake_max_per_day, 3);
        config_deinit(&c);
    }
}

static void defaults(void **state) {
    (void)state;
    struct config c;
    read_good(&c, RULE(", brake: {pause: true}"));
    const struct alert_brake *b = &c.rules[0].brake;
    assert_true(config_has_brake(&c));
    assert_true(c.brake_dry_run);
    assert_true(b->on && !b->resume && b->min_volume == 1000 && b->confidence == 0.95);
    config_deinit(&c);
}

/* What is written is read again, and says the same. */
static void written(void **state) {
    (void)state;
    struct config c, again;
    char *text = NULL;
    size_t len = 0;
    read_good(
        &c,
        RULE(
            ", by: [account, configuration_set], brake: {pause: true, min_volume: 77, confidence: 99.5%, "
            "resume: true}}\n  - {name: Y, silence: 1h}\n  - {name: Z, rate: delivery, below: 90%") "brake: {dry_run: "
                                                                                                    "false, "
                                                                                                    "max_per_day: 9, "
                                                                                                    "aws: {region: "
                                                                                                    "eu-west-3, "
                                                                                                    "endpoint: "
                                                                                                    "'http://h:1'}}\n");
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_true(config_write(&c, out));
    fclose(out);
    read_good(&again, text);
    assert_int_equal(again.rule_count, 3);
    assert_false(again.rules[1].brake.on || again.rules[2].brake.on);
    for (int i = 0; i < 2; i++) {
        const struct config *x = i ? &again : &c;
        const struct alert_brake *b = &x->rules[0].brake;
        assert_true(b->on && b->resume && b->min_volume == 77 && b->confidence == 0.995);
        assert_false(x->brake_dry_run);
        assert_int_equal(x->brake_max_per_day, 9);
        assert_string_equal(x->brake_aws.region, "eu-west-3");
        assert_string_equal(x->brake_aws.endpoint, "http://h:1");
    }
    free(text);
    config_deinit(&c);
    config_deinit(&again);
}

static void inherits(void **state) {
    (void)state;
    struct config c;
    read_good(&c, "aws: {region: eu-west-1, profile: mail, ca_file: /dev/null}\nbrake: {aws: {region: us-east-1}}\n");
    assert_string_equal(c.brake_aws.region, "us-east-1");
    assert_string_equal(c.brake_aws.profile, "mail");
    assert_string_equal(c.brake_aws.ca_file, "/dev/null");
    config_deinit(&c);
    /* A store of buckets is no SES, and its certificates are none of AWS's. */
    read_good(&c, "aws: {endpoint: 'http://127.0.0.1:9000', ca_file: /dev/null}\n"
                  "sources: [{s3: {bucket: abc}}, {push: {listen_address: '127.0.0.1:0', sns: {topics: "
                  "['arn:aws:sns:eu-west-1:123456789012:t']}}}]\n");
    assert_string_equal(c.sources[0].s3.aws.endpoint, "http://127.0.0.1:9000");
    assert_null(c.sources[1].push.aws.endpoint);
    assert_null(c.brake_aws.endpoint);
    assert_null(c.suppression.ses.aws.endpoint);
    assert_null(c.brake_aws.ca_file);
    config_deinit(&c);
}

/* A running service can take over everything about it. */
static void reloaded(void **state) {
    (void)state;
    expect_reloadable(RULE(", brake: {pause: true}"),
                      RULE("") "brake: {dry_run: false, max_per_day: 1, aws: {region: eu-west-1}}\n");
}

static void refused(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {RULE(", by: [provider], brake: {pause: true}"), "4:56", "a provider cannot be paused", ""},
        {"alerts:\n  rules:\n  - {name: X, silence: 1h, brake: {pause: true}}\n", "3:28", "only a rule with above", ""},
        {"alerts:\n  rules:\n  - {name: X, rate: delivery, below: 9%, brake: {pause: true}}\n", "3:42",
         "only a rule with above", ""},
        {RULE(", brake: {pause: true, confidence: 49%}"), "4:73", "from 50% to 99.99%", ""},
        {RULE(", brake: {pause: true, confidence: 1}"), "4:73", "from 50% to 99.99%", ""},
        {RULE(", brake: {pause: true, confidence: 99.995%}"), "4:73", "from 50% to 99.99%", ""},
        {RULE(", brake: {pause: true, min_volume: 0}"), "4:73", "min_volume", ""},
        {RULE(", brake: {pause: maybe}"), "4:55", "pause", ""},
        {RULE(", brake: {paused: true}"), "4:48", "paused", ""},
        {RULE(", brake: true"), "4:47", "section", ""},
        {"brake: {max_per_day: 0}\n", "1:22", "max_per_day", ""},
        {"brake: {max_per_day: 101}\n", "1:22", "max_per_day", ""},
        {"brake: {armed: true}\n", "1:9", "armed", ""},
        {"brake: {aws: {access_key_id: A}}\n", "1:14", "secret_access_key", ""},
    };
    expect_refusals(cases, COUNT(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_by_itself), cmocka_unit_test(defaults), cmocka_unit_test(written),
        cmocka_unit_test(inherits),      cmocka_unit_test(reloaded), cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
