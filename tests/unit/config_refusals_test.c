/* collector/config: what is refused, where exactly, and what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/config_text.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define EXPECT_ALL(table) expect_refusals(table, COUNT(table))

/* --- YAML itself -------------------------------------------------------------------------------------------------- */

static void yaml(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"log: [\n", "2:1", "not YAML", "brackets"},
        {"log: {level: info\n", "2:1", "not YAML", "brackets"},
        {"log:\n\tlevel: info\n", "2:1", "not YAML", "indentation"},
        {"log: \"x\n", "2:1", "not YAML", "quotes"},
        {"a: b: c\n", "1:5", "not YAML", "colons"},
        {"log: {level: \"\\xZZ\"}\n", "1:17", "not YAML", "quotes"},
        {"log:\n  level: \x01\n", "2:10", "no text has", "UTF-8"},
        {"# f\xc3\xbcr \xff\n", "1:7", "no text has", "UTF-8"},
        {"log: &x {level: info}\n", "1:6", "anchors", "where it is needed"},
        {"log: *x\n", "1:6", "aliases", "again"},
        {"log: !!map {level: info}\n", "1:6", "tags (!name)", "value alone"},
        {"log: {level: !secret x}\n", "1:14", "tags (!name)", "value alone"},
        {"log: {<<: {level: info}}\n", "1:7", "merge keys", "write out"},
        {"log: {level: info}\n---\nlog: {}\n", "2:1", "second document", "is one"},
        {"log: {level: info}\nweb: {}\nlog: {}\n", "3:1", "\"log\" stands here twice", "line 1"},
        {"log:\n  level: info\n  format: json\n  level: warn\n", "4:3", "\"level\" stands here twice", "line 2"},
        {"? [a]\n: b\n", "1:3", "a key must be a word", "name: value"},
        {"? {a: b}\n: b\n", "1:3", "a key must be a word", "name: value"},
        {"? \n: b\n", "1:2", "a key must be a word", "name: value"},
        {"log: {level: \"a\\0b\"}\n", "1:14", "zero byte", ""},
        {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "1:19", "nested too deep", ""},
        {"- state\n", "1:1", "must be a section", "name: value"},
        {"state\n", "1:1", "must be a section", "name: value"},
    };
    EXPECT_ALL(cases);
}

/* Ten levels of ten references each would be ten thousand million values: the first anchor ends it. */
static void billion_laughs(void **state) {
    (void)state;
    static const struct refusal bomb = {"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "1:4", "anchors", ""};
    assert_true(is_refused(&bomb));
}

/* --- keys and their types ----------------------------------------------------------------------------------------- */

static void keys(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"stat: {}\n", "1:1", "unknown key \"stat\"", "did you mean \"state\"?"},
        {"log:\n  levle: info\n", "2:3", "unknown key \"levle\"", "did you mean \"level\"?"},
        {"web: {listen: x}\n", "1:7", "unknown key \"listen\"", "listen_address, config_file"},
        {"zzzzzz: 1\n", "1:1", "unknown key \"zzzzzz\"", "state, counting, quota, quarantine"},
        {"log: info\n", "1:6", "must be a section", "name: value"},
        {"log: [info]\n", "1:6", "must be a section", "name: value"},
        {"log: {level: }\n", "1:14", "level has no value", "take the line out"},
        {"log: {level: [info]}\n", "1:14", "level is a list", "one value"},
        {"log: {level: {a: b}}\n", "1:14", "level has keys below it", "one value"},
        {"log: {level: loud}\n", "1:14", "\"loud\" is not good", "debug, info, warn, error"},
        {"log: {level: INFO}\n", "1:14", "\"INFO\" is not good", "debug, info, warn, error"},
        {"log: {format: xml}\n", "1:15", "\"xml\" is not good", "logfmt, json"},
        {"web: {enable_reload: yes}\n", "1:22", "\"yes\" is not good", "true or false"},
        {"web: {max_connections: many}\n", "1:24", "\"many\" is not good", "from 16 to 65536"},
        {"web: {max_connections: 0}\n", "1:24", "\"0\" is not good", "from 16 to 65536"},
        {"web: {max_connections: -5}\n", "1:24", "\"-5\" is not good", "from 16 to 65536"},
        {"web: {max_connections: 99999999999999999999}\n", "1:24", "is not good", "from 16 to 65536"},
        {"web: {listen_address: localhost}\n", "1:23", "\"localhost\" is not good", ":9465"},
        {"web: {listen_address: \"::1:9465\"}\n", "1:23", "is not good", "[::1]:9465"},
        {"web: {listen_address: \":70000\"}\n", "1:23", "is not good", ":9465"},
        {"web: {listen_address: \"\"}\n", "1:23", "listen_address is empty", "take the line out"},
        {"web: {config_file: /nowhere/web.yaml}\n", "1:20", "cannot be opened", ""},
        {"state: {commit_interval: 5}\n", "1:26", "\"5\" is not good", "90s, 5m"},
        {"state: {commit_interval: 2m}\n", "1:26", "\"2m\" is not good", "from 10ms to 1m"},
        {"state: {commit_interval: 0s}\n", "1:26", "\"0s\" is not good", "from 10ms to 1m"},
        {"counting: {lateness: 3 days}\n", "1:22", "is not good", "90s, 5m"},
        {"counting: {lateness: 401d}\n", "1:22", "is not good", "to 400d"},
        {"counting: {verified_domains: [a.example, not a domain]}\n", "1:42", "is not good", "shop.example"},
        {"counting: {verified_domains: [a.example, a.example]}\n", "1:42", "stands here twice", "take one out"},
        {"counting: {verified_domains: {a: b}}\n", "1:30", "has keys below it", "write a list"},
        {"counting: {verified_domains: [[a]]}\n", "1:31", "is a list", "one value"},
        {"counting: {tags: campaign}\n", "1:18", "tags is no list", "dash"},
        {"counting: {tags: [a, b, a]}\n", "1:25", "\"a\" stands here twice", "take one out"},
        {"counting: {tags: [a, b, c, d, e]}\n", "1:18", "has 5 entries", "at most 4"},
        {"counting: {tags: [[a]]}\n", "1:19", "not a name", "campaign"},
        {"counting: {max_names: 65537}\n", "1:23", "is not good", "from 1 to 65536"},
        {"counting: {providers_file: nowhere.csv}\n", "1:28", "cannot be read: No such file", "folder of this file"},
        {"counting: {providers_file: /}\n", "1:28", "is a folder", "name a file"},
        {"quarantine: {max_size: lots}\n", "1:24", "is not good", "512MiB"},
        {"quarantine: {max_size: 1KiB}\n", "1:24", "is not good", "from 1MiB"},
        {"quarantine: {max_size: 99999999TiB}\n", "1:24", "is not good", "512MiB"},
    };
    EXPECT_ALL(cases);
}

/* --- variables ---------------------------------------------------------------------------------------------------- */

static void variables(void **state) {
    (void)state;
    unsetenv("SES_TEST_UNSET");
    static const struct refusal cases[] = {
        {"log:\n  level: ${SES_TEST_UNSET}\n", "2:10", "the variable SES_TEST_UNSET", "${SES_TEST_UNSET:-default}"},
        {"log: {level: \"${SES_TEST_UNSET:?say how loud}\"}\n", "1:14", "SES_TEST_UNSET is not set", "say how loud"},
        {"log: {level: \"${SES_TEST_UNSET\"}\n", "1:14", "without its }", "$${"},
        {"log: {level: \"${}\"}\n", "1:14", "is not understood", "${NAME:-default}"},
        {"log: {level: \"${1A}\"}\n", "1:14", "is not understood", "${NAME:-default}"},
        {"log: {level: \"${A:=x}\"}\n", "1:14", "is not understood", "${NAME:-default}"},
        {"log: {level: \"${A:-${B}}\"}\n", "1:14", "inside the default", "plain text"},
        {"log: {level: \"${SES_TEST_UNSET:-}\"}\n", "1:14", "\"\" is not good", "debug, info"},
    };
    EXPECT_ALL(cases);
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

#define KAFKA(rest) "sources:\n- kafka: {topics: [t], properties: {bootstrap.servers: b}, " rest "}\n"

static void sources(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"sources: {kafka: {}}\n", "1:10", "sources is no list", "dash"},
        {"sources: [kafka]\n", "1:11", "no source", "\"sqs:\" or \"push:\""},
        {"sources: [{}]\n", "1:11", "no source", "\"sqs:\" or \"push:\""},
        {"sources:\n- pulsar: {}\n", "2:3", "unknown kind of source \"pulsar\"", "\"sqs:\" or \"push:\""},
        {"sources:\n- files: {paths: [x]}\n  name: y\n", "3:3", "\"name\" beside \"files\"", "indent"},
        {"sources:\n- files: {}\n", "2:10", "paths is missing", ""},
        {"sources:\n- files: {paths: []}\n", "2:18", "paths is empty", "name at least one"},
        {"sources:\n- files: {paths: x, interval: 1ms}\n", "2:31", "is not good", "from 100ms"},
        {"sources:\n- files: {paths: x, name: a b}\n", "2:27", "\"a b\" is not good", "letters, digits"},
        {"sources:\n- files: {paths: x, name: a}\n- files: {paths: y, name: a}\n", "3:27",
         "two sources are called \"a\"", "another name"},
        {"sources:\n- kafka: {}\n", "2:10", "topics is missing", ""},
        {"sources:\n- kafka: {topics: [t]}\n", "2:10", "properties is missing", ""},
        {"sources:\n- kafka: {topics: ['t?'], properties: {}}\n", "2:20", "\"t?\" is not good", "a topic's name"},
        {"sources:\n- kafka: {topics: t, properties: {a: b}}\n", "2:34", "no bootstrap.servers", "add it"},
        {"sources:\n- kafka: {topics: t, properties: [a]}\n", "2:34", "not a list of \"name: value\" lines", ""},
        {"sources:\n- kafka:\n    topics: t\n    properties:\n      bootstrap.servers: b\n      no.such.thing: 1\n",
         "6:7", "no.such.thing", ""},
        {"sources:\n- kafka:\n    topics: t\n    properties:\n      bootstrap.servers: b\n      fetch.wait.max.ms: x\n",
         "6:7", "fetch.wait.max.ms", ""},
        {"sources:\n- kafka:\n    topics: t\n    properties:\n      bootstrap.servers: b\n      enable.auto.commit: "
         "true\n",
         "6:7", "enable.auto.commit", ""},
        {KAFKA("mode: both"), "2:66", "\"both\" is not good", "assign, group"},
        {KAFKA("mode: group, partitions: [0]"), "2:73", "mode group", "mode: assign"},
        {KAFKA("partitions: [0, -1]"), "2:76", "\"-1\" is not good", "from 0"},
        {KAFKA("partitions: [0, 0]"), "2:76", "stands here twice", "take one out"},
        {KAFKA("start: yesterday"), "2:67", "\"yesterday\" is not good", "2026-11-21T23:34:30Z"},
        {KAFKA("dead_letter_topic: t"), "2:79", "is also read", "another topic"},
        {KAFKA("msk_iam: {}"), "2:69", "region is missing", "eu-west-1"},
        {KAFKA("msk_iam: {region: Ireland}"), "2:78", "\"Ireland\" is not good", "eu-west-1"},
    };
    EXPECT_ALL(cases);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

#define RULE(rest) "alerts:\n  rules:\n  - {name: X, " rest "}\n"

static void rules(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"alerts: {rules: [{}]}\n", "1:18", "name is missing", ""},
        {RULE("window: 1h"), "3:5", "rate is missing", "rate: bounce"},
        {RULE("rate: bounces, above: 5%"), "3:21", "\"bounces\" is not good", "delivery, bounce"},
        {RULE("rate: bounce"), "3:5", "neither above nor below", "above: 5%"},
        {RULE("rate: bounce, above: 5"), "3:36", "\"5\" is not good", "at most 100%"},
        {RULE("rate: bounce, above: 101%"), "3:36", "\"101%\" is not good", "at most 100%"},
        {RULE("rate: bounce, above: five"), "3:36", "\"five\" is not good", "5% or 0.05"},
        {RULE("rate: bounce, above: -5%"), "3:36", "\"-5%\" is not good", "5% or 0.05"},
        {RULE("rate: bounce, above: 1e-2"), "3:36", "is not good", "5% or 0.05"},
        {RULE("rate: bounce, above: 0"), "3:36", "always reached", "over 0"},
        {RULE("rate: delivery, below: 100%"), "3:38", "always reached", "under it"},
        {RULE("rate: bounce, above: 5%, below: 1%"), "3:40", "above and below", "two rules"},
        {RULE("rate: bounce, above: 5%, clear_below: 6%"), "3:53", "clear_below is over above", "smaller"},
        {RULE("rate: bounce, above: 5%, clear_below: 0"), "3:53", "no rate is under 0", "over 0"},
        {RULE("rate: bounce, above: 5%, clear_above: 6%"), "3:40", "does not go with above", "clear_below"},
        {RULE("rate: delivery, below: 90%, clear_above: 80%"), "3:56", "clear_above is under below", "larger"},
        {RULE("rate: delivery, below: 90%, clear_above: 100%"), "3:56", "no rate is over 100%", "under it"},
        {RULE("rate: delivery, below: 90%, clear_below: 80%"), "3:43", "does not go with below", "clear_above"},
        {RULE("rate: bounce, above: 5%, window: 90s"), "3:48", "not whole minutes", "5m"},
        {RULE("rate: bounce, above: 5%, window: 30s"), "3:48", "is not good", "from 1m"},
        {RULE("rate: bounce, above: 5%, window: 121m"), "3:48", "whole hours", "3h"},
        {RULE("rate: bounce, above: 5%, window: 150m"), "3:48", "whole hours", "3h"},
        {RULE("rate: bounce, above: 5%, window: 8d"), "3:48", "is not good", "to 7d"},
        {RULE("rate: bounce, above: 5%, for: 30s"), "3:45", "not whole minutes", "1m"},
        {RULE("rate: bounce, above: 5%, keep_firing_for: 90s"), "3:57", "not whole minutes", "1m"},
        {RULE("rate: bounce, above: 5%, by: [isp]"), "3:45", "\"isp\" is not good", "account, provider"},
        {RULE("rate: bounce, above: 5%, by: []"), "3:44", "by is empty", "provider"},
        {RULE("rate: bounce, above: 5%, min_volume: few"), "3:52", "\"few\" is not good", "whole number"},
        {RULE("rate: bounce, above: 5%, labels: {severity: x}"), "3:49", "\"severity\" is not good", "another name"},
        {RULE("rate: bounce, above: 5%, labels: {__x: x}"), "3:49", "\"__x\" is not good", "another"},
        {RULE("rate: bounce, above: 5%, labels: {a-b: x}"), "3:49", "\"a-b\" is not good", "digits and _"},
        {RULE("rate: bounce, above: 5%, severity: very bad"), "3:50", "\"very bad\" is not good", "letters"},
        {RULE("silence: 1h, rate: bounce"), "3:28", "a rule of silence has no rate", "take it out"},
        {RULE("silence: 1h, window: 2h"), "3:28", "silence has no window", "take it out"},
        {RULE("silence: 1h, by: provider"), "3:32", "for the account only", "[account]"},
        {RULE("silence: 130m"), "3:24", "whole hours", "3h"},
        {"alerts:\n  rules:\n  - {name: A, silence: 1h}\n  - {name: B, silence: 1h}\n  - {name: A, silence: 2h}\n",
         "5:12", "two rules are called \"A\"", "another name or severity"},
        {"alerts: {delay: 25h}\n", "1:17", "is not good", "to 1h"},
        {"alerts: {hold_when_behind: 1s}\n", "1:28", "is not good", "from 1m"},
    };
    EXPECT_ALL(cases);
}

/* The default rules bring 1h and 24h; six more may come. */
static void ninth_window(void **state) {
    (void)state;
    static const char *const windows[] = {"5m", "10m", "15m", "2h", "3h", "6h", "12h"};
    char text[2000] = "alerts:\n  rules:\n";
    for (size_t i = 0; i < COUNT(windows); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "  - {name: R%zu, rate: bounce, above: 5%%, window: %s}\n", i, windows[i]);
    struct refusal r = {text, "9:49", "the ninth", "eight"};
    assert_true(is_refused(&r));
    snprintf(text + strlen(text), sizeof text - strlen(text), "  default_rules: false\n");
    struct config c;
    struct err err;
    assert_true(read_text(&c, text, &err));
    assert_int_equal(c.rule_count, COUNT(windows));
    config_deinit(&c);
}

/* --- targets ------------------------------------------------------------------------------------------------------ */

static void targets(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"alerts: {alertmanagers: [{}]}\n", "1:26", "urls is missing", ""},
        {"alerts: {alertmanagers: [{urls: []}]}\n", "1:33", "urls is empty", "at least one"},
        {"alerts: {alertmanagers: [{urls: ['ftp://x']}]}\n", "1:34", "\"ftp://x\" is not good", "http:// or https://"},
        {"alerts: {alertmanagers: [{urls: ['http://']}]}\n", "1:34", "is not good", "a host"},
        {"alerts: {alertmanagers: [{urls: ['http://u:p@x']}]}\n", "1:34", "is not good", "basic_auth"},
        {"alerts: {alertmanagers: [{urls: ['http://x:0']}]}\n", "1:34", "is not good", "a host"},
        {"alerts: {alertmanagers: [{urls: ['http://x y']}]}\n", "1:34", "is not good", "%20"},
        {"alerts: {alertmanagers: [{urls: ['http://x/#a']}]}\n", "1:34", "is not good", "from # on"},
        {"alerts: {alertmanagers: [{urls: 'http://x', basic_auth: {username: u}}]}\n", "1:57", "password is missing",
         ""},
        {"alerts: {alertmanagers: [{urls: 'http://x', basic_auth: {username: 'a:b', password: p}}]}\n", "1:68",
         "is not good", "colon"},
        {"alerts: {alertmanagers: [{urls: 'http://x', bearer_token: t, basic_auth: {username: u, password: p}}]}\n",
         "1:45", "basic_auth and bearer_token", "keep one"},
        {"alerts: {alertmanagers: [{urls: 'http://x', tls: {ca_file: nowhere}}]}\n", "1:60", "cannot be read",
         "folder"},
        {"alerts: {alertmanagers: [{urls: 'http://x', tls: {cert_file: /dev/null}}]}\n", "1:50", "without key_file",
         "both"},
        {"alerts: {alertmanagers: [{urls: 'http://x', timeout: 0s}]}\n", "1:54", "is not good", "from 1s"},
        {"alerts: {alertmanagers: [{urls: 'http://x', send_resolved: true}]}\n", "1:45", "unknown key", "known here"},
        {"alerts: {webhooks: [{}]}\n", "1:21", "url is missing", ""},
        {"alerts: {webhooks: [{url: 'http://x', url_file: y}]}\n", "1:39", "url and url_file are both given",
         "keep one"},
        {"alerts: {webhooks: [{url_file: nowhere}]}\n", "1:32", "cannot be opened", ""},
        {"alerts: {webhooks: [{url_file: /dev/null}]}\n", "1:32", "is no file", ""},
        {"alerts: {webhooks: [{url_file: /}]}\n", "1:32", "is no file", ""},
        {"alerts: {webhooks: [{url: 'http://x', headers: {'a b': c}}]}\n", "1:49", "is not good", "letters"},
        {"alerts: {webhooks: [{url: 'http://x', headers: {Content-Length: 1}}]}\n", "1:49", "is not good", "itself"},
        {"alerts: {webhooks: [{url: 'http://x', headers: {a: \"b\\nc\"}}]}\n", "1:52", "a is not good", "line breaks"},
        {"alerts: {webhooks: [{url: 'http://x', bearer_token: t, headers: {Authorization: z}}]}\n", "1:56",
         "Authorization", "keep one"},
        {"alerts: {webhooks: [{url: 'http://x', bearer_token: <secret>}]}\n", "1:53", "was taken out", "secret itself"},
        {"alerts: {slack: [{url: 'http://x', headers: {}}]}\n", "1:36", "unknown key \"headers\"", "known here"},
        {"alerts: {slack: [{url: 'http://x', name: n}], webhooks: [{url: 'http://x', name: n}]}\n", "1:82",
         "are called \"n\"", "another name"},
        {"alerts: {slack: [{url: 'http://x', give_up_after: 1s}]}\n", "1:51", "is not good", "from 1m"},
    };
    EXPECT_ALL(cases);
}

/* A wrong secret is not repeated. */
static void secrets_stay_secret(void **state) {
    (void)state;
    struct config c;
    struct err err;
    assert_false(read_text(&c, "alerts: {slack: [{url: 'ftp://hooks.example/T0/B0/hush'}]}\n", &err));
    assert_null(strstr(err.text, "hush"));
    assert_non_null(strstr(err.text, "url is not good"));
    assert_false(read_text(
        &c, "sources:\n- kafka: {topics: t, properties: {bootstrap.servers: b, ssl.key.password: \"hu\\nsh\"}}\n",
        &err));
    assert_null(strstr(err.text, "hu\n"));
    assert_non_null(strstr(err.text, "ssl.key.password"));
}

/* --- size --------------------------------------------------------------------------------------------------------- */

static void too_large(void **state) {
    (void)state;
    char path[] = "/tmp/config_refusals_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    for (int i = 0; i < CONFIG_MAX_BYTES; i++)
        fputc('\n', f);
    fflush(f);
    struct config c;
    struct err err = {0};
    assert_true(config_load(&c, path, NULL, &err)); /* just as large as is allowed, and all defaults */
    config_deinit(&c);
    fputc('#', f);
    fclose(f);
    assert_false(config_load(&c, path, NULL, &err));
    assert_non_null(strstr(err.text, "larger than 1024 KiB"));
    assert_int_equal(err.code, ERR_CONFIG);
    remove(path);
    err = (struct err){0};
    assert_false(config_load(&c, path, NULL, &err));
    assert_non_null(strstr(err.text, "cannot be opened: No such file"));
    err = (struct err){0};
    assert_false(config_load(&c, "/", NULL, &err));
    assert_non_null(strstr(err.text, "is no file"));
}

static void too_many_entries(void **state) {
    (void)state;
    enum { SIZE = 200000 };
    char *text = calloc(SIZE, 1);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, SIZE, "counting: {verified_domains: [");
    for (int i = 0; i < TREE_MAX_ENTRIES + 1; i++)
        len += (size_t)snprintf(text + len, SIZE - len, "d%d.example,", i);
    snprintf(text + len, SIZE - len, "]}\n");
    struct config c;
    struct err err;
    assert_false(read_text(&c, text, &err));
    assert_non_null(strstr(err.text, "more than 10000 entries"));
    free(text);
}

/* --- a worker's file ---------------------------------------------------------------------------------------------- */

#define WORKER(source, rest)                                                                                           \
    "sources:\n- kafka: {topics: [t], mode: group, properties: {bootstrap.servers: b}" source "}\n" rest

static void worker(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"normalize: {instance: a}\n", "1:12", "normalize has no topic", "add it"},
        {WORKER("", "normalize: {topic: o}\n"), "3:12", "hash_key_file is missing", "openssl rand"},
        {WORKER("", "normalize: {topic: o, hash_key_file: /nowhere}\n"), "3:38", "hash_key_file", ""},
        {WORKER("", "normalize: {topic: t, hash_key_file: /etc/hostname}\n"), "3:13", "t is also read", ""},
        {WORKER(", dead_letter_topic: o", "normalize: {topic: o, hash_key_file: /etc/hostname}\n"), "3:13",
         "the dead letter topic", ""},
        {WORKER(", start: 2026-11-21T23:34:30Z", "normalize: {topic: o, hash_key_file: /etc/hostname}\n"), "3:1",
         "start cannot be a time", "stored"},
        {WORKER("", "normalize: {topic: o, hash_key_file: /etc/hostname}\nstate: {path: /x}\n"), "4:9",
         "keeps no state", "take it out"},
        {WORKER("", "normalize: {topic: o, hash_key_file: /etc/hostname}\nalerts: {file: /x}\n"), "4:10",
         "raises no alerts", "take it out"},
        {WORKER("", "normalize: {topic: o, hash_key_file: /etc/hostname}\nquarantine: {directory: /x}\n"), "4:14",
         "dead_letter_topic", "take it out"},
        {WORKER("", "normalize: {topic: o, hash_key_file: /etc/hostname, properties: {transactional.id: a}}\n"), "3:66",
         "`instance` says it", ""},
        {WORKER("", "normalize: {topic: o, hash_key_file: /etc/hostname, properties: {no.such: a}}\n"), "3:66",
         "knows no property", ""},
        {"sources:\n- kafka: {topics: [t], mode: group, properties: {bootstrap.servers: b, isolation.level: "
         "read_uncommitted}}\nnormalize: {topic: o, hash_key_file: /etc/hostname}\n",
         "2:72", "must be read_committed", ""},
        {"sources:\n- kafka: {topics: [t], properties: {bootstrap.servers: b}}\nnormalize: {topic: o, hash_key_file: "
         "/etc/hostname}\n",
         "2:10", "shared out", "mode: group"},
        {"sources:\n- files: {paths: [/tmp]}\nnormalize: {topic: o, hash_key_file: /etc/hostname}\n", "2:1",
         "one source", "here are 1"},
    };
    EXPECT_ALL(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml),         cmocka_unit_test(billion_laughs),   cmocka_unit_test(keys),
        cmocka_unit_test(variables),    cmocka_unit_test(sources),          cmocka_unit_test(rules),
        cmocka_unit_test(ninth_window), cmocka_unit_test(targets),          cmocka_unit_test(secrets_stay_secret),
        cmocka_unit_test(too_large),    cmocka_unit_test(too_many_entries), cmocka_unit_test(worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
