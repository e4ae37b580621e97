/* collector/config: what a file comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MINUTE       ((int64_t)60000)
#define HOUR         (60 * MINUTE)

static char folder[PATH_MAX]; /* of this run */

static void write_file(const char *name, const char *text) {
    char path[PATH_MAX + 60];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static const char *in_folder(const char *name) {
    static char path[4][PATH_MAX + 60];
    static unsigned turn;
    char *to = path[turn++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static bool load(struct config *c, const char *text, const struct config_overrides *overrides, struct err *err) {
    write_file("c.yaml", text);
    memset(err, 0, sizeof *err);
    return config_load(c, in_folder("c.yaml"), overrides, err);
}

static void load_good(struct config *c, const char *text) {
    struct err err;
    if (!load(c, text, NULL, &err))
        fail_msg("%s", err.text);
}

static const struct alert_rule *rule_of(const struct config *c, const char *name, const char *severity) {
    for (size_t i = 0; i < c->rule_count; i++)
        if (strcmp(c->rules[i].name, name) == 0 && strcmp(c->rules[i].severity, severity) == 0)
            return &c->rules[i];
    fail_msg("no rule %s %s", name, severity);
    return NULL;
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

static void expect_defaults(const struct config *c) {
    size_t default_rules;
    const struct alert_rule *rules = alert_default_rules(&default_rules);
    assert_null(c->state_path);
    assert_true(c->commit_ms == 1000 && c->lateness_ms == 72 * HOUR);
    assert_null(c->providers_file);
    assert_int_equal(c->verified_count, 0);
    assert_int_equal(c->tag_count, 0);
    assert_int_equal(c->max_names, 200);
    assert_true(c->quota_per_day == 0 && c->quota_per_second == 0);
    assert_null(c->quarantine_dir);
    assert_true(c->quarantine_bytes == 1 << 30);
    assert_int_equal(c->log_level, LOG_INFO);
    assert_int_equal(c->log_format, LOG_LOGFMT);
    assert_string_equal(c->web.listen_address, ":9465");
    assert_false(c->web.enable_reload);
    assert_int_equal(c->web.max_connections, 512);
    assert_null(c->web.cert_file);
    assert_int_equal(c->web.user_count, 0);
    assert_int_equal(c->source_count, 0);
    assert_int_equal(c->target_count, 0);
    assert_null(c->alerts_file);
    assert_true(c->alert_delay_ms == MINUTE && c->hold_behind_ms == 15 * MINUTE);
    assert_int_equal(c->rule_count, default_rules);
    for (size_t i = 0; i < default_rules; i++) {
        assert_string_equal(c->rules[i].name, rules[i].name);
        assert_string_equal(c->rules[i].summary, rules[i].summary);
        assert_true(c->rules[i].threshold == rules[i].threshold);
        assert_int_equal(c->rules[i].window, rules[i].window);
    }
}

static void defaults(void **state) {
    (void)state;
    static const char *const empty[] = {"",
                                        "# nothing\n",
                                        "---\n",
                                        "{}\n",
                                        "~\n",
                                        "log:\nweb:\nsources:\nalerts:\n  rules:\n",
                                        "\xef\xbb\xbf# a mark before it\nlog: {}\n",
                                        "log: {}\r\nweb: {}\r\n"};
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct config c;
        load_good(&c, empty[i]);
        expect_defaults(&c);
        assert_string_equal(c.path, in_folder("c.yaml"));
        config_deinit(&c);
    }
}

static void every_scalar(void **state) {
    (void)state;
    struct config c;
    write_file("p.csv", "");
    load_good(&c, "state: {path: state/x.db, commit_interval: 500ms}\n"
                  "counting:\n"
                  "  lateness: 1d12h\n"
                  "  providers_file: ./p.csv\n"
                  "  verified_domains: [Shop.Example, b.example, M\xc3\xbcller.example, shop.example.]\n"
                  "  tags: [campaign, 'ses:operation']\n"
                  "  max_names: 100\n"
                  "quarantine: {directory: /q, max_size: 2MiB}\n"
                  "log: {level: error, format: json}\n"
                  "web: {listen_address: '[::1]:80', enable_reload: true, max_connections: 16}\n"
                  "alerts: {file: a.json, delay: 1s, hold_when_behind: 1h, default_rules: false}\n");
    assert_string_equal(c.state_path, in_folder("state/x.db"));
    assert_true(c.commit_ms == 500 && c.lateness_ms == 36 * HOUR);
    assert_string_equal(c.providers_file, in_folder("./p.csv"));
    assert_int_equal(c.verified_count, 3); /* one of them stood there twice */
    assert_string_equal(c.verified_domains[0], "b.example");
    assert_string_equal(c.verified_domains[1], "shop.example");
    assert_string_equal(c.verified_domains[2], "xn--mller-kva.example");
    assert_int_equal(c.tag_count, 2);
    assert_string_equal(c.tags[1], "ses:operation");
    assert_int_equal(c.max_names, 100);
    assert_string_equal(c.quarantine_dir, "/q");
    assert_true(c.quarantine_bytes == 2 << 20);
    assert_int_equal(c.log_level, LOG_ERROR);
    assert_int_equal(c.log_format, LOG_JSON);
    assert_string_equal(c.web.listen_address, "[::1]:80");
    assert_true(c.web.enable_reload);
    assert_int_equal(c.web.max_connections, 16);
    assert_string_equal(c.alerts_file, in_folder("a.json"));
    assert_true(c.alert_delay_ms == 1000 && c.hold_behind_ms == HOUR);
    assert_int_equal(c.rule_count, 0);
    config_deinit(&c);
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

static void sources(void **state) {
    (void)state;
    struct config c;
    write_file("kafka-password", "pa$$ ${word}\r\n");
    load_good(
        &c,
        "sources:\n"
        "- kafka:\n"
        "    topics: [ses-events, ses-more]\n"
        "    partitions: [0, 7]\n"
        "    start: 2026-11-21T00:00:00Z\n"
        "    properties: {bootstrap.servers: 'a:9092', fetch.wait.max.ms: 100, sasl.password_file: kafka-password}\n"
        "    dead_letter_topic: dead\n"
        "- kafka: {topics: ses-events, mode: group, properties: {bootstrap.servers: a, group.id: g},\n"
        "          msk_iam: {region: eu-west-1}}\n"
        "- files: {paths: [/var/spool/ses, dumps/*.gz], interval: 1m, settle: 0s}\n"
        "- files: {name: files-2, paths: x}\n"
        "- files: {paths: y}\n");
    assert_int_equal(c.source_count, 5);
    const struct kafka_options *k = &c.sources[0].kafka, *g = &c.sources[1].kafka;
    const struct folder_options *f = &c.sources[2].files;
    assert_int_equal(c.sources[0].kind, SOURCE_KAFKA);
    assert_string_equal(k->name, "kafka");
    assert_int_equal(k->topic_count, 2);
    assert_string_equal(k->topics[1], "ses-more");
    assert_int_equal(k->partition_count, 2);
    assert_int_equal(k->partitions[1], 7);
    assert_int_equal(k->mode, KAFKA_ASSIGN);
    assert_int_equal(k->start, KAFKA_START_TIME);
    assert_true(k->start_ms == 1795219200000);
    assert_int_equal(k->property_count, 3);
    assert_string_equal(k->properties[2].name, "sasl.password");
    assert_string_equal(k->properties[2].value, "pa$$ ${word}"); /* what a file holds is not expanded */
    assert_string_equal(k->dead_letter_topic, "dead");
    assert_null(k->msk_iam_region);
    assert_string_equal(g->name, "kafka-2");
    assert_int_equal(g->mode, KAFKA_GROUP);
    assert_int_equal(g->start, KAFKA_START_STORED);
    assert_string_equal(g->msk_iam_region, "eu-west-1");
    assert_int_equal(c.sources[2].kind, SOURCE_FILES);
    assert_string_equal(f->name, "files"); /* the other name that would come is taken */
    assert_string_equal(f->paths[0], "/var/spool/ses");
    assert_string_equal(f->paths[1], in_folder("dumps/*.gz"));
    assert_true(f->interval_ms == MINUTE && f->settle_ms == 0);
    assert_string_equal(c.sources[4].files.name, "files-3");
    assert_true(c.sources[4].files.interval_ms == 10000 && c.sources[4].files.settle_ms == 5000);
    config_deinit(&c);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static void rules(void **state) {
    (void)state;
    struct config c;
    load_good(
        &c,
        "alerts:\n"
        "  rules:\n"
        "  - {name: HighBounceRate, severity: critical, rate: bounce, above: 8%}\n"
        "  - {name: HighBounceRate, severity: page, rate: permanent_bounce, by: provider, window: 3h, above: 0.07,\n"
        "     clear_below: 0.7%, min_volume: 10, for: 0s, keep_firing_for: 2h, labels: {team: mail, area: eu},\n"
        "     annotations: {summary: Too many, runbook_url: 'https://wiki.example/${X:-y}', description: d}}\n"
        "  - {name: FewDelivered, rate: delivery, below: 90%}\n"
        "  - {name: StreamSilent, silence: 2d, min_volume: 1}\n");
    size_t default_rules;
    alert_default_rules(&default_rules);
    assert_int_equal(c.rule_count, default_rules - 2 + 4); /* two took the place of a default */
    const struct alert_rule *r = rule_of(&c, "HighBounceRate", "critical");
    assert_true(r->kind == ALERT_RATE_ABOVE && r->rate == RATE_BOUNCE && r->scopes == 7 && r->window == 60);
    assert_true(r->threshold == 0.08 && r->clear == 0.064 && r->min_volume == 200);
    assert_true(r->for_minutes == 5 && r->keep_firing_minutes == 10);
    assert_string_equal(r->window_name, "1h");
    assert_string_equal(r->summary, "The bounce rate over 1h is 8% or more");
    r = rule_of(&c, "HighBounceRate", "page");
    assert_true(r->rate == RATE_PERMANENT_BOUNCE && r->scopes == 1u << SCOPE_PROVIDER && r->window == 180);
    assert_true(r->threshold == 0.07 && r->clear == 0.007 && r->min_volume == 10);
    assert_true(r->for_minutes == 0 && r->keep_firing_minutes == 120);
    assert_int_equal(r->label_count, 2);
    assert_string_equal(r->labels[0].name, "area"); /* sorted */
    assert_string_equal(r->labels[1].value, "mail");
    assert_string_equal(r->summary, "Too many");
    assert_int_equal(r->annotation_count, 2);
    assert_string_equal(r->annotations[0].name, "description");
    assert_string_equal(r->annotations[1].value, "https://wiki.example/y");
    r = rule_of(&c, "FewDelivered", "warning");
    assert_true(r->kind == ALERT_RATE_BELOW && r->threshold == 0.9 && r->clear == 0.92);
    r = rule_of(&c, "StreamSilent", "warning");
    assert_true(r->kind == ALERT_SILENCE && r->window == 2880 && r->min_volume == 1 && r->for_minutes == 0);
    assert_true(r->scopes == 1u << SCOPE_ACCOUNT);
    assert_string_equal(r->window_name, "48h");
    assert_string_equal(rule_of(&c, "HighBounceRate", "warning")->window_name, "1h"); /* a default */
    config_deinit(&c);
}

/* --- targets ------------------------------------------------------------------------------------------------------ */

static void targets(void **state) {
    (void)state;
    struct config c;
    write_file("url", "https://hooks.slack.example/T0/B0/hush\n");
    write_file("password", " hush \n");
    write_file("x.pem", "");
    setenv("SES_TEST_TOKEN", "to: [ken]", 1);
    load_good(&c, "alerts:\n"
                  "  slack: [{url_file: url, send_resolved: false}, {url: 'https://b.example'}]\n"
                  "  alertmanagers:\n"
                  "  - urls: ['http://a:9093', 'http://b:9093/prefix']\n"
                  "    basic_auth: {username: u, password_file: password}\n"
                  "    tls: {ca_file: x.pem, cert_file: x.pem, key_file: x.pem}\n"
                  "    resend_interval: 30s\n"
                  "    external_url: https://ses.example/\n"
                  "  webhooks:\n"
                  "  - {name: w, url: 'http://w', headers: {X-A: b, X-Api-Key_file: password}, hmac_secret: s,\n"
                  "     bearer_token: '${SES_TEST_TOKEN}', timeout: 3s, give_up_after: 1h}\n");
    assert_int_equal(c.target_count, 4);
    const struct notify_target *t = &c.targets[0];
    assert_int_equal(t->kind, NOTIFY_SLACK);
    assert_string_equal(t->name, "slack");
    assert_int_equal(t->url_count, 1);
    assert_string_equal(t->urls[0], "https://hooks.slack.example/T0/B0/hush");
    assert_false(t->send_resolved);
    assert_true(t->timeout_ms == 10000 && t->give_up_ms == 24 * HOUR);
    assert_string_equal(c.targets[1].name, "slack-2");
    assert_true(c.targets[1].send_resolved);
    t = &c.targets[2];
    assert_int_equal(t->kind, NOTIFY_ALERTMANAGER);
    assert_string_equal(t->name, "alertmanager");
    assert_int_equal(t->url_count, 2);
    assert_string_equal(t->password, " hush "); /* the line break at the end is none of it */
    assert_string_equal(t->ca_file, in_folder("x.pem"));
    assert_true(t->resend_ms == 30000);
    assert_string_equal(t->external_url, "https://ses.example/");
    t = &c.targets[3];
    assert_int_equal(t->kind, NOTIFY_WEBHOOK);
    assert_string_equal(t->name, "w");
    assert_string_equal(t->bearer_token, "to: [ken]"); /* never read as YAML */
    assert_int_equal(t->header_count, 2);
    assert_string_equal(t->headers[1].name, "X-Api-Key");
    assert_string_equal(t->headers[1].value, " hush ");
    assert_string_equal(t->hmac_secret, "s");
    assert_true(t->timeout_ms == 3000 && t->give_up_ms == HOUR);
    config_deinit(&c);
}

static void secret_files(void **state) {
    (void)state;
    static const struct {
        const char *content, *said;
    } cases[] = {{"", "is empty"}, {"\n", "is empty"}, {"\r\n", "is empty"}, {"<secret>", "was taken out"}};
    struct config c;
    struct err err;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_file("secret", cases[i].content);
        assert_false(load(&c, "alerts: {webhooks: [{url: 'http://w', hmac_secret_file: secret}]}\n", NULL, &err));
        assert_non_null(strstr(err.text, cases[i].said));
        assert_non_null(strstr(err.text, "c.yaml:1:57: "));
    }
    FILE *f = fopen(in_folder("secret"), "w");
    assert_non_null(f);
    for (int i = 0; i <= 64 << 10; i++)
        fputc('x', f);
    fclose(f);
    assert_false(load(&c, "alerts: {webhooks: [{url: 'http://w', hmac_secret_file: secret}]}\n", NULL, &err));
    assert_non_null(strstr(err.text, "larger than 64 KiB"));
    unlink(in_folder("secret"));
    assert_int_equal(mkfifo(in_folder("secret"), 0600), 0); /* does not hang */
    assert_false(load(&c, "alerts: {webhooks: [{url: 'http://w', hmac_secret_file: secret}]}\n", NULL, &err));
    assert_non_null(strstr(err.text, "is no file"));
    unlink(in_folder("secret"));
}

/* --- the file of web.config_file ---------------------------------------------------------------------------------- */

#define HASH "$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV0123456./"

static void web_file(void **state) {
    (void)state;
    struct config c;
    write_file("x.pem", "");
    write_file("web.yaml", "tls_server_config: {cert_file: x.pem, key_file: x.pem, client_ca_file: x.pem,\n"
                           "  client_auth_type: RequireAndVerifyClientCert, min_version: TLS13}\n"
                           "http_server_config: {http2: false}\n"
                           "basic_auth_users: {prometheus: " HASH "}\n");
    load_good(&c, "web: {config_file: web.yaml}\n");
    assert_string_equal(c.web_config_file, in_folder("web.yaml"));
    assert_string_equal(c.web.cert_file, in_folder("x.pem"));
    assert_string_equal(c.web.client_ca_file, in_folder("x.pem"));
    assert_int_equal(c.web.client_auth, WEB_CLIENT_REQUIRE_AND_VERIFY);
    assert_string_equal(c.web.min_version, "TLS13");
    assert_int_equal(c.web.user_count, 1);
    assert_string_equal(c.web.users[0].name, "prometheus");
    assert_string_equal(c.web.users[0].bcrypt, HASH); /* its $ are its own */
    assert_string_equal(c.web.listen_address, ":9465");
    config_deinit(&c);
    write_file("web.yaml", "");
    load_good(&c, "web: {config_file: web.yaml}\n");
    assert_null(c.web.cert_file);
    config_deinit(&c);
}

static void web_file_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *said;
    } cases[] = {
        {"tls_server_confg: {}\n", "1:1", "did you mean \"tls_server_config\"?"},
        {"tls_server_config: {}\n", "1:20", "needs cert_file and key_file"},
        {"tls_server_config: {cert_file: x.pem}\n", "1:20", "add key_file"},
        {"tls_server_config: {cert_file: y.pem}\n", "1:32", "cannot be read"},
        {"tls_server_config: {min_version: TLS10}\n", "1:34", "broken; write TLS12"},
        {"tls_server_config: {min_version: SSL3}\n", "1:34", "one of TLS12, TLS13"},
        {"tls_server_config: {client_auth_type: Yes}\n", "1:39", "NoClientCert"},
        {"tls_server_config: {cert_file: x.pem, key_file: x.pem, client_ca_file: x.pem}\n", "1:72", "client_auth_type"},
        {"tls_server_config: {cert_file: x.pem, key_file: x.pem, client_auth_type: RequestClientCert}\n", "1:74",
         "needs client_ca_file"},
        {"tls_server_config: {cipher_suites: [a]}\n", "1:21", "not supported"},
        {"tls_server_config: {cert: PEM}\n", "1:21", "put it into a file"},
        {"http_server_config: {http2: true}\n", "1:29", "HTTP/1.1"},
        {"http_server_config: {headers: {a: b}}\n", "1:22", "not supported"},
        {"basic_auth_users: {a: hush}\n", "1:23", "bcrypt"},
        {"basic_auth_users: [a]\n", "1:19", "name: value"},
        {"basic_auth_users: {a: b\n", "2:1", "not YAML"},
    };
    struct config c;
    struct err err;
    write_file("x.pem", "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        char start[PATH_MAX + 100];
        write_file("web.yaml", cases[i].text);
        assert_false(load(&c, "web: {config_file: web.yaml}\n", NULL, &err));
        snprintf(start, sizeof start, "%s:%s: ", in_folder("web.yaml"), cases[i].place);
        if (strncmp(err.text, start, strlen(start)) != 0 || !strstr(err.text, cases[i].said))
            print_error("wanted %s%s\ngot    %s\n", start, cases[i].said, err.text);
        assert_int_equal(strncmp(err.text, start, strlen(start)), 0);
        assert_non_null(strstr(err.text, cases[i].said));
        assert_null(strstr(err.text, "hush"));
        assert_int_equal(err.code, ERR_CONFIG);
    }
}

/* --- the command line ----------------------------------------------------------------------------------------------
 */

static void overrides(void **state) {
    (void)state;
    struct config c;
    struct err err;
    write_file("web.yaml", "basic_auth_users: {a: " HASH "}\n");
    const char *file = in_folder("web.yaml");
    struct config_overrides all = {
        .listen_address = "127.0.0.1:0", .web_config_file = file, .log_level = "warn", .log_format = "json"};
    assert_true(load(&c, "web: {listen_address: ':1', config_file: /nowhere}\nlog: {level: debug}\n", &all, &err));
    assert_string_equal(c.web.listen_address, "127.0.0.1:0");
    assert_string_equal(c.web_config_file, file);
    assert_int_equal(c.web.user_count, 1);
    assert_int_equal(c.log_level, LOG_WARN);
    assert_int_equal(c.log_format, LOG_JSON);
    config_deinit(&c);
    static const struct {
        struct config_overrides o;
        enum err_code code;
        const char *said;
    } wrong[] = {
        {{.listen_address = "9465"}, ERR_USAGE, "--web.listen-address 9465"},
        {{.log_level = "loud"}, ERR_USAGE, "--log.level loud"},
        {{.log_format = "xml"}, ERR_USAGE, "--log.format xml"},
        {{.web_config_file = "/nowhere/web.yaml"}, ERR_CONFIG, "--web.config.file: /nowhere/web.yaml cannot be opened"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(load(&c, "", &wrong[i].o, &err));
        assert_int_equal(err.code, wrong[i].code);
        assert_non_null(strstr(err.text, wrong[i].said));
    }
}

/* --- what a reload cannot change -----------------------------------------------------------------------------------
 */

static void fixed_differences(void **state) {
    (void)state;
    static const char base[] = "state: {path: /a}\nsources:\n- files: {paths: x}\n";
    static const struct {
        const char *text, *differences;
    } cases[] = {
        {"state: {path: /a}\nsources:\n- files: {paths: x}\n", ""},
        {"state: {path: /a, commit_interval: 5s}\nlog: {level: warn}\nsources:\n- files: {paths: x}\n"
         "alerts: {default_rules: false, hold_when_behind: 5m}\nweb: {max_connections: 20}\n",
         ""},
        {"state: {path: /b}\nsources:\n- files: {paths: x}\n", "state.path"},
        {"sources:\n- files: {paths: x}\n", "state.path"},
        {"state: {path: /a}\nsources:\n- files: {paths: x, interval: 1s}\n", ""},
        {"state: {path: /a}\nsources:\n- files: {paths: x}\nweb: {listen_address: ':1'}\n"
         "counting: {tags: [a], lateness: 1h, verified_domains: [a.example]}\nquarantine: {directory: /q}\n",
         "counting.lateness, counting.tags, quarantine.directory, web.listen_address"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config running, wanted;
        char text[400];
        load_good(&running, base);
        load_good(&wanted, cases[i].text);
        config_fixed_differences(&running, &wanted, text, sizeof text);
        assert_string_equal(text, cases[i].differences);
        config_deinit(&running);
        config_deinit(&wanted);
    }
    struct config a, b;
    char little[8];
    load_good(&a, base);
    load_good(&b, "state: {path: /b}\nsources:\n- files: {paths: x}\n");
    config_fixed_differences(&a, &b, little, sizeof little); /* the text is cut, not written over */
    assert_true(strlen(little) < sizeof little);
    config_deinit(&a);
    config_deinit(&b);
}

/* A configuration named by its name alone, from its folder. */
static void relative_path(void **state) {
    (void)state;
    struct config c;
    struct err err = {0};
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0);
    write_file("c.yaml", "state: {path: x.db}\n");
    assert_int_equal(chdir(folder), 0);
    bool ok = config_load(&c, "c.yaml", NULL, &err);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_true(ok);
    assert_string_equal(c.path, "c.yaml");
    assert_string_equal(c.state_path, in_folder("x.db"));
    config_deinit(&c);
}

static int make_folder(void **state) {
    (void)state;
    char made[] = "/tmp/config_test.XXXXXX";
    return mkdtemp(made) && realpath(made, folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"c.yaml",   "p.csv", "kafka-password", "url",
                                        "password", "x.pem", "secret",         "web.yaml"};
    for (size_t i = 0; i < COUNT(names); i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),      cmocka_unit_test(every_scalar),      cmocka_unit_test(sources),
        cmocka_unit_test(rules),         cmocka_unit_test(targets),           cmocka_unit_test(secret_files),
        cmocka_unit_test(web_file),      cmocka_unit_test(web_file_refusals), cmocka_unit_test(overrides),
        cmocka_unit_test(relative_path), cmocka_unit_test(fixed_differences),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
