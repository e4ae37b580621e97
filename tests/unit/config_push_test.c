/* collector/config/keys_push: what a push source may say, what is refused and where, and that it comes back as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TOPIC        "arn:aws:sns:eu-west-1:123456789012:ses-events"

#define PUSH     "sources:\n  - push:\n"
#define LOCAL    PUSH "      listen_address: 127.0.0.1:9470\n"
#define OPEN     PUSH "      listen_address: \":9470\"\n"
#define FIREHOSE "      firehose: {access_key: 0123456789abcdef}\n"
#define SNS      "      sns: {topics: [\"" TOPIC "\"]}\n"

static bool read_text(const char *text, struct config *c, struct err *err) {
    memset(err, 0, sizeof *err);
    return config_read(c, "/etc/c.yaml", span_of(text), NULL, err);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *said, *advice;
    } cases[] = {
        {PUSH "      firehose: {}\n", "3:7", "listen_address is missing", "where pushes are received"},
        {LOCAL, "3:7", "nothing is received here", "firehose: or sns:"},
        {OPEN "      firehose: {path: /x}\n", "4:17", "access_key is missing", "add it"},
        {OPEN "      firehose:\n", "4:16", "access_key is missing", "add it"},
        {PUSH "      listen_address: localhost\n" FIREHOSE, "3:23", "is not good", ":9465"},
        {LOCAL "      firehose: {access_key: short}\n", "4:30", "access_key is not good", "16 bytes"},
        {LOCAL "      firehose: {access_key: \"0123456789 abcdef\"}\n", "4:30", "access_key", "without blanks"},
        {LOCAL "      firehose: {path: firehose}\n", "4:24", "is not good", "begins with /"},
        {LOCAL "      firehose: {path: \"/a?b\"}\n", "4:24", "is not good", "letters, digits"},
        {LOCAL "      firehose: {key: x}\n", "4:18", "unknown key", "access_key"},
        {LOCAL "      sns: {}\n", "4:12", "topics is missing", "the ARNs"},
        {LOCAL "      sns: {topics: []}\n", "4:21", "topics is empty", "at least one"},
        {LOCAL "      sns: {topics: [ses-events]}\n", "4:22", "\"ses-events\"", "arn:aws:sns"},
        {LOCAL "      sns: {topics: [\"arn:aws:sqs:eu-west-1:123456789012:x\"]}\n", "4:22", "is not good",
         "arn:aws:sns"},
        {LOCAL "      sns: {topics: [\"" TOPIC "\"], allow_raw: yes}\n", "4:83", "is not good", "true or false"},
        {LOCAL FIREHOSE "      sns: {path: /firehose, topics: [\"" TOPIC "\"]}\n", "5:19", "that of firehose",
         "another"},
        {LOCAL FIREHOSE "      memory: 1MiB\n", "5:15", "is not good", "64MiB"},
        {LOCAL FIREHOSE "      max_connections: 1\n", "5:24", "is not good", "16"},
        {LOCAL FIREHOSE "      cert_file: /dev/null\n", "5:18", "go together", "key_file"},
        {LOCAL FIREHOSE "      key_file: /dev/null\n", "5:17", "go together", "cert_file"},
        {LOCAL FIREHOSE "      cert_file: /nowhere/x.pem\n", "5:18", "cannot be read", "relative paths"},
        {LOCAL FIREHOSE "      paths: [x]\n", "5:7", "unknown key", ""},
        {LOCAL FIREHOSE "      aws: {region: x}\n", "5:21", "is not good", "eu-west-1"},
    };
    size_t refused = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c;
        struct err err;
        char start[60];
        snprintf(start, sizeof start, "/etc/c.yaml:%s: ", cases[i].place);
        bool good = !read_text(cases[i].text, &c, &err) && err.code == ERR_CONFIG &&
                    strncmp(err.text, start, strlen(start)) == 0 && strstr(err.text, cases[i].said) &&
                    strstr(err.text, cases[i].advice);
        if (!good)
            print_error("%s--- wanted %s%s; %s\n--- got    %s\n", cases[i].text, start, cases[i].said, cases[i].advice,
                        err.text);
        refused += good;
    }
    assert_int_equal(refused, COUNT(cases));
}

static void load(const char *text, struct config *c) {
    struct err err;
    if (!read_text(text, c, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c->source_count, 1);
    assert_int_equal(c->sources[0].kind, SOURCE_PUSH);
}

static void defaults(void **state) {
    (void)state;
    struct config c;
    load(OPEN FIREHOSE, &c);
    const struct push_options *o = &c.sources[0].push;
    assert_string_equal(o->name, "push");
    assert_string_equal(o->firehose_path, "/firehose");
    assert_string_equal(o->firehose_access_key, "0123456789abcdef");
    assert_null(o->sns_path);
    assert_null(o->confirmations);
    assert_int_equal(o->memory, 256 << 20);
    assert_int_equal(o->max_connections, 256);
    config_deinit(&c);
    load(LOCAL "      firehose:\n" SNS, &c); /* behind a proxy on the same machine, which may ask for the key */
    assert_null(c.sources[0].push.firehose_access_key);
    assert_string_equal(c.sources[0].push.sns_path, "/sns");
    assert_string_equal(c.sources[0].push.topics[0], TOPIC);
    assert_false(c.sources[0].push.allow_raw);
    config_deinit(&c);
    load(OPEN SNS, &c);
    assert_null(c.sources[0].push.firehose_path);
    config_deinit(&c);
}

/* Beside the state, wherever in the file that is said; or where it says itself. */
static void confirmations(void **state) {
    (void)state;
    static const struct {
        const char *text, *folder;
    } cases[] = {
        {LOCAL SNS "state: {path: /var/lib/x/state.db}\n", "/var/lib/x/sns"},
        {"state: {path: s.db}\n" LOCAL SNS, "/etc/sns"},
        {"state: {path: s.db}\n" LOCAL "      sns: {topics: [\"" TOPIC "\"], confirmations: waiting}\n",
         "/etc/waiting"},
        {LOCAL SNS, NULL},
        {"state: {path: s.db}\n" LOCAL FIREHOSE, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c;
        load(cases[i].text, &c);
        const char *folder = c.sources[0].push.confirmations;
        if (cases[i].folder)
            assert_string_equal(folder ? folder : "(none)", cases[i].folder);
        else
            assert_null(folder);
        config_deinit(&c);
    }
}

static char *written(const struct config *c) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_true(config_write(c, out));
    fclose(out);
    return text;
}

static void comes_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        LOCAL "      firehose:\n",
        "state: {path: s.db}\n" OPEN SNS,
        "state: {path: s.db}\naws: {region: eu-west-1}\n" LOCAL
        "      name: in\n      memory: 1GiB\n      firehose: {path: /a}\n      sns: {path: /b, topics: "
        "\"" TOPIC "\", confirmations: /x/y, certificates: [/a.pem, /b.pem], allow_raw: true}\n"
        "      aws: {endpoint: \"http://127.0.0.1:5\"}\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config c, again;
        load(texts[i], &c);
        char *once = written(&c);
        load(once, &again);
        char *twice = written(&again);
        assert_string_equal(once, twice);
        free(once);
        free(twice);
        config_deinit(&c);
        config_deinit(&again);
    }
    struct config c;
    load(OPEN FIREHOSE, &c);
    char *text = written(&c);
    assert_null(strstr(text, "0123456789abcdef"));
    assert_non_null(strstr(text, "<secret>"));
    assert_null(strstr(text, "sns:"));
    free(text);
    config_deinit(&c);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(defaults),
        cmocka_unit_test(confirmations),
        cmocka_unit_test(comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
