/* packaging/ses-collector.yaml: it loads, as it is and with every key in use; it comes back from config_write; and no
 * damage to it does more than a message with a place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/keys.h"
#include "random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SAMPLE       "packaging/ses-collector.yaml"

/* What the sample names; each holds what is good for any of its uses. */
static const char *const named_files[] = {
    "providers.csv",    "web.yaml",        "kafka-password",  "alertmanager-password",
    "ca.pem",           "client.pem",      "client.key",      "webhook-secret",
    "aws-secret",       "aws-token",       "server.pem",      "server.key",
    "firehose-key",     "suppress-token",  "suppress-secret", "mx.csv",
    "bounce-rules.csv", "remote-password", "remote-token"};

static char folder[PATH_MAX], *sample, *full;
static size_t full_len;

static char *path_of(const char *name) {
    static char path[PATH_MAX + 60];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Takes the # away from "#  key: ..." lines. */
static char *with_every_key(const char *text) {
    char *to = calloc(strlen(text) + 1, 1), *end = to;
    assert_non_null(to);
    bool at_start = true;
    for (const char *c = text; *c; c++) {
        if (!(at_start && strncmp(c, "#  ", 3) == 0))
            *end++ = *c;
        at_start = *c == '\n';
    }
    return to;
}

static bool read_named(struct config *c, const char *text, size_t len, struct err *err) {
    char path[PATH_MAX + 20];
    snprintf(path, sizeof path, "%s/c.yaml", folder);
    memset(err, 0, sizeof *err);
    return config_read(c, path, (struct span){text, len}, NULL, err);
}

static void read_good(struct config *c, const char *text) {
    struct err err;
    if (!read_named(c, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

/* --- the sample ----------------------------------------------------------------------------------------------------
 */

static void loads_as_it_is(void **state) {
    (void)state;
    struct config c;
    struct err err = {0};
    if (!config_load(&c, SAMPLE, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c.source_count, 1);
    assert_int_equal(c.target_count, 0);
    assert_string_equal(c.state_path, "/var/lib/ses-collector/state.db");
    config_deinit(&c);
}

static void loads_with_every_key(void **state) {
    (void)state;
    struct config c;
    read_good(&c, full);
    assert_int_equal(c.source_count, 6);
    assert_int_equal(c.target_count, 3);
    size_t defaults;
    alert_default_rules(&defaults);
    assert_int_equal(c.rule_count, defaults + 2 - 1 + 9); /* those of the quota; one takes the place of a default */
    assert_int_equal(c.tag_count, 1);
    assert_int_equal(c.log_level, LOG_INFO);
    config_deinit(&c);
}

/* "name:" or "name_file:" as a word of its own. */
static bool has_key(const char *text, const char *name) {
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at++)
        if ((at == text || strchr(" {\n", at[-1])) && (at[len] == ':' || strncmp(at + len, "_file:", 6) == 0))
            return true;
    return false;
}

static void expect_keys(const struct section *s) {
    for (size_t i = 0; i < s->count; i++) {
        if (!has_key(full, s->keys[i].name))
            fail_msg("%s does not name %s of %s", SAMPLE, s->keys[i].name, s->name);
        if (s->keys[i].section)
            expect_keys(s->keys[i].section);
    }
}

static void names_every_key(void **state) {
    (void)state;
    expect_keys(&root_section);
}

/* Where the sample shows a scalar's value behind a #, it is the default; a few are examples. */
static void shows_defaults(void **state) {
    (void)state;
    struct config shown, plain;
    read_good(&shown, full);
    read_good(&plain, "");
    assert_true(shown.commit_ms == plain.commit_ms && shown.lateness_ms == plain.lateness_ms);
    assert_true(shown.max_names == plain.max_names && shown.quarantine_bytes == plain.quarantine_bytes);
    assert_true(shown.log_level == plain.log_level && shown.log_format == plain.log_format);
    assert_string_equal(shown.web.listen_address, plain.web.listen_address);
    assert_true(shown.web.enable_reload == plain.web.enable_reload);
    assert_true(shown.web.max_connections == plain.web.max_connections);
    assert_true(shown.alert_delay_ms == plain.alert_delay_ms && shown.hold_behind_ms == plain.hold_behind_ms);
    assert_true(shown.default_rules == plain.default_rules);
    assert_true(shown.learn_domains == plain.learn_domains && shown.last_sends == plain.last_sends);
    assert_true(shown.max_visits == plain.max_visits);
    config_deinit(&shown);
    config_deinit(&plain);
}

/* --- there and back ------------------------------------------------------------------------------------------------
 */

static char *written(const struct config *c) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_true(config_write(c, out));
    fclose(out);
    return text;
}

static char *replace_all(const char *text, const char *what, const char *by) {
    char *to = calloc(strlen(text) * 4 + 1, 1), *end = to;
    assert_non_null(to);
    while (*text) {
        if (strncmp(text, what, strlen(what)) == 0) {
            end = stpcpy(end, by);
            text += strlen(what);
        } else {
            *end++ = *text++;
        }
    }
    return to;
}

/* What is written loads again, and is then written the same. */
static void comes_back(void **state) {
    (void)state;
    const char *const texts[] = {
        "",
        sample,
        full,
        "alerts:\n  default_rules: false\n",
        "alerts:\n  rules:\n  - {name: \"$$ \\\" \\\\ \xc3\xbc \\u0085\\u2028\\ufeff\", rate: bounce, above: 0.7%, "
        "annotations: {a: "
        "\"x\\ny\\t$\"}}\n",
        "quota: {per_day: 5000, per_second: 14}\ncounting: {last_sends: 700}\nalerts:\n  rules:\n"
        "  - {name: A, rate: open, below: 5%, window: last_sends, confidence: off, clear_above: 7%, by: identity}\n"
        "  - {name: B, rate: bounce, changed_by: 2.25, basis: sent, window: 24h, by: [provider_configuration_set]}\n"
        "  - {name: C, rate: bounce, changed_by: 1000, above: 0.3%, clear_below: 0.1%}\n"
        "  - {name: D, dropped_to: 1%, window: 1h}\n"
        "  - {name: E, silence: 2h, event: delivery}\n"
        "  - {name: F, silence: 2h, event: any}\n"
        "  - {name: G, new_reason: 0.5%, grown_by: 1.1, clear_below: 0.2%}\n"
        "  - {name: H, quota_used: 1, quota: second, for: 2m}\n",
        "counting: {tags: ['null', '~', 'a: b', '#x']}\n",
        "sources:\n- files: {paths: ['a b', \"c'd\", '{e}', '*']}\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config first, second;
        read_good(&first, texts[i]);
        char *once = written(&first);
        assert_null(strstr(once, "hush"));
        /* A secret has to be put back; any URL is good for one. */
        char *loadable = replace_all(once, "\"<secret>\"", "https://secret.example");
        read_good(&second, loadable);
        char *twice = written(&second);
        assert_string_equal(once, twice);
        assert_true(first.rule_count == second.rule_count && first.target_count == second.target_count);
        for (size_t r = 0; r < first.rule_count; r++) {
            assert_true(first.rules[r].threshold == second.rules[r].threshold);
            assert_true(first.rules[r].clear == second.rules[r].clear);
            assert_true(first.rules[r].kind == second.rules[r].kind && first.rules[r].basis == second.rules[r].basis);
            assert_true(first.rules[r].factor == second.rules[r].factor);
            assert_true(first.rules[r].kind != ALERT_SILENCE || first.rules[r].event == second.rules[r].event);
            assert_true(first.rules[r].confidence == second.rules[r].confidence);
            assert_true(first.rules[r].quota == second.rules[r].quota);
            assert_int_equal(first.rules[r].window, second.rules[r].window);
            assert_string_equal(first.rules[r].window_name, second.rules[r].window_name);
        }
        free(once);
        free(twice);
        free(loadable);
        config_deinit(&first);
        config_deinit(&second);
    }
}

static void hides_secrets(void **state) {
    (void)state;
    struct config c;
    read_good(&c,
              "sources:\n- kafka: {topics: t, properties: {bootstrap.servers: b, sasl.password: hush1}}\n"
              "alerts:\n"
              "  slack: [{url: 'http://x/hush2'}]\n"
              "  webhooks: [{url: 'http://x/hush3', hmac_secret: hush4, headers: {Authorization: hush5, X-Queue: q}}]\n"
              "  alertmanagers: [{urls: 'http://am', bearer_token: hush6},\n"
              "    {urls: 'http://am', basic_auth: {username: u, password: hush7}}]\n");
    char *text = written(&c);
    assert_null(strstr(text, "hush"));
    size_t hidden = 0;
    for (const char *at = text; (at = strstr(at, "<secret>")); at++)
        hidden++;
    assert_int_equal(hidden, 7);
    assert_non_null(strstr(text, "http://am"));
    assert_non_null(strstr(text, "X-Queue: q"));
    free(text);
    config_deinit(&c);
}

/* --- damage --------------------------------------------------------------------------------------------------------
 */

/* "path:line:column: " */
static bool has_place(const char *text) {
    const char *at = strstr(text, "c.yaml:");
    unsigned line, column;
    char space = 0;
    return at && sscanf(at, "c.yaml:%u:%u:%c", &line, &column, &space) == 3 && line && column && space == ' ';
}

static void mutate(uint64_t *seed, char *text, size_t *len) {
    size_t at = below(seed, (unsigned)*len), many;
    switch (below(seed, 5)) {
    case 0: /* a bit turns */
        text[at] = (char)(text[at] ^ 1 << below(seed, 8));
        return;
    case 1: /* a byte is lost */
        many = 1;
        break;
    case 2: /* a piece is lost */
        many = 1 + below(seed, 40);
        break;
    case 3: /* the end is lost */
        *len = at;
        return;
    default: /* a byte that means something in YAML comes in the place of another */
        text[at] = "\n\t :-[]{}#&*!|>'\"%@`,?$\\"[below(seed, 24)];
        return;
    }
    if (many > *len - at)
        many = *len - at;
    memmove(text + at, text + at + many, *len - at - many);
    *len -= many;
}

static void survives_mutations(void **state) {
    (void)state;
    uint64_t seed = 20261122;
    char *text = malloc(full_len);
    assert_non_null(text);
    unsigned loaded = 0, refused = 0;
    for (int i = 0; i < 500; i++) {
        size_t len = full_len;
        struct config c;
        struct err err;
        memcpy(text, full, full_len);
        for (size_t n = 1 + below(&seed, 3); n && len; n--)
            mutate(&seed, text, &len);
        if (read_named(&c, text, len, &err)) {
            free(written(&c));
            config_deinit(&c);
            loaded++;
            continue;
        }
        if (!has_place(err.text))
            fail_msg("mutation %d: %s", i, err.text);
        refused++;
    }
    assert_int_equal(loaded + refused, 500);
    assert_true(loaded > 20 && refused > 100);
    free(text);
}

static char *read_sample(void) {
    size_t len;
    struct err err = {0};
    char *text = bind_read_file(SAMPLE, CONFIG_MAX_BYTES, true, &len, &err);
    if (!text)
        print_error("%s\n", err.text);
    return text;
}

static int begin(void **state) {
    (void)state;
    char made[] = "/tmp/config_sample_test.XXXXXX";
    if (!mkdtemp(made) || !realpath(made, folder) || !(sample = read_sample()))
        return -1;
    full = with_every_key(sample);
    full_len = strlen(full);
    for (size_t i = 0; i < COUNT(named_files); i++)
        write_file(named_files[i], strchr(named_files[i], '.') ? "" : "hush-hush-hush-hush\n");
    write_file("slack-url", "https://hooks.slack.example/services/T0/B0/hush\n");
    return 0;
}

static int end(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(named_files); i++)
        unlink(path_of(named_files[i]));
    unlink(path_of("slack-url"));
    free(sample);
    free(full);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_as_it_is),     cmocka_unit_test(loads_with_every_key), cmocka_unit_test(names_every_key),
        cmocka_unit_test(shows_defaults),     cmocka_unit_test(comes_back),           cmocka_unit_test(hides_secrets),
        cmocka_unit_test(survives_mutations),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
