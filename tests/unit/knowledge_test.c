/* What is known beforehand, put together: an operator's files are refused with a place, and every part is asked. */
#include "unit/normalise_run.h"

#include <stdio.h>
#include <unistd.h>

static char mx_path[] = "/tmp/knowledge_test_mx.XXXXXX", rules_path[] = "/tmp/knowledge_test_rules.XXXXXX";

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* `said` follows the file's name, and begins what is said from there. */
static void check_refused(const struct knowledge_files *files, const char *wrong, const char *said) {
    struct err err = {0};
    assert_null(knowledge_create(providers, files, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    const char *at = strstr(err.text, wrong);
    if (!at || strncmp(at + strlen(wrong), said, strlen(said)) != 0)
        fail_msg("%s", err.text);
    assert_null(knowledge_create(providers, files, NULL));
}

static void wrong_files_are_refused_with_the_place(void **state) {
    (void)state;
    static const struct {
        const char *mx, *rules, *said;
        bool in_mx;
    } cases[] = {
        {"a.example mx.zoho.com\n*.b.example mx.zoho.com", "policy \"x\"", ":2:1: \"*.b.example\" is no domain", true},
        {"a.example provider=nobody", "policy \"x\"", ":1:11: \"provider=nobody\" names no provider", true},
        {"a.example mx.zoho.com", "# x\nspam \"x\"", ":2:1: \"spam\" is no reason", false},
        {"a.example mx.zoho.com", "policy \"x", ":1:8: \"\"\" is never closed", false},
        {"a.example mx.zoho.com", "policy provider=nobody \"x\"", ":1:8: \"provider=nobody\" names no provider", false},
        {"a.example provider=nobody", "policy", ":1:1: \"policy\" has nothing to go by", false}, /* the first error */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(mx_path, cases[i].mx);
        write_file(rules_path, cases[i].rules);
        struct knowledge_files files = {mx_path, rules_path};
        check_refused(&files, cases[i].in_mx ? mx_path : rules_path, cases[i].said);
    }
}

static void missing_files_are_errors_of_the_configuration(void **state) {
    (void)state;
    write_file(mx_path, "a.example mx.zoho.com");
    write_file(rules_path, "policy \"x\"");
    struct knowledge_files no_mx = {"/nonexistent/mx", rules_path}, no_rules = {mx_path, "/nonexistent/rules"},
                           folder = {"/tmp", NULL};
    check_refused(&no_mx, "cannot open /nonexistent/mx", ": No such file or directory");
    check_refused(&no_rules, "cannot open /nonexistent/rules", ": No such file or directory");
    check_refused(&folder, "cannot read /tmp", ": Is a directory");
}

/* Alone each of the two says that the system refused: what that means is for who named the file. */
static void readers_alone_blame_the_system(void **state) {
    (void)state;
    struct mail_hosts *hosts = mail_hosts_create(providers);
    struct err err = {0};
    assert_null(mx_table_load("/nonexistent/list", hosts, providers, &err));
    assert_int_equal(err.code, ERR_IO);
    err = (struct err){0};
    assert_null(bounce_rules_create("/nonexistent/list", providers, &err));
    assert_int_equal(err.code, ERR_IO);
    err = (struct err){0};
    assert_false(provider_table_load(providers, "/nonexistent/list", &err));
    assert_int_equal(err.code, ERR_IO);
    mail_hosts_destroy(hosts);
}

static void no_files_are_needed(void **state) {
    (void)state;
    struct err err = {0};
    struct knowledge *k = knowledge_create(providers, &(struct knowledge_files){0}, &err);
    assert_non_null(k);
    assert_int_equal(err.code, ERR_NONE);
    assert_null(k->mx);
    assert_true(k->hosts && k->hosted && k->rules && k->visitors);
    knowledge_destroy(k);
    knowledge_destroy(NULL);
}

static const char *name_of(uint16_t provider) {
    return provider_table_name(providers, provider);
}

/* A domain of the operator's table, and a rule of theirs that holds at its provider only. */
static void check_bounces(void) {
    struct made_up_record m = record_of(EVENT_BOUNCE, "a@Company.Example");
    m.recipients[0].diagnostic_code = SPAN_LIT("smtp; 550 5.1.1 No Newsletters, please");
    struct event e = only_event(&m);
    assert_string_equal(name_of(e.provider), "zoho");
    assert_int_equal(e.hint, PROVIDER_OTHER);
    assert_int_equal(e.reason, REASON_POLICY);
    m.recipients[0].address = SPAN_LIT("a@named.example");
    e = only_event(&m);
    assert_string_equal(name_of(e.provider), "ovh");
    assert_int_equal(e.reason, REASON_INVALID_RECIPIENT);
    m.recipients[0].address = SPAN_LIT("a@unknown.example"); /* the text tells whose it is, and the rule holds there */
    m.recipients[0].diagnostic_code = SPAN_LIT("smtp; 550 5.1.1 mx.zoho.com: no newsletters, please");
    e = only_event(&m);
    assert_string_equal(name_of(e.provider), "other");
    assert_string_equal(name_of(e.hint), "zoho");
    assert_int_equal(e.reason, REASON_POLICY);
}

static void all_parts_work_together(void **state) {
    (void)state;
    write_file(mx_path, "company.example mx.zoho.com\nnamed.example provider=ovh\n");
    write_file(rules_path, "policy provider=zoho \"no newsletters\"\n");
    struct err err = {0};
    struct knowledge *k = knowledge_create(providers, &(struct knowledge_files){mx_path, rules_path}, &err);
    if (!k)
        fail_msg("%s", err.text);
    assert_int_equal(mx_table_count(k->mx), 2);
    assert_string_equal(name_of(mail_hosts_find(k->hosts, SPAN_LIT("aspmx.l.google.com"))), "google_workspace");
    const struct knowledge *usual = dictionary.knowledge;
    dictionary.knowledge = k;

    check_bounces();
    struct made_up_record delay = record_of(EVENT_DELIVERY_DELAY, "a@company.example");
    delay.event.delay_type = SPAN_LIT("MailboxFull");
    assert_int_equal(only_event(&delay).reason, REASON_MAILBOX_FULL);
    struct made_up_record delivery = record_of(EVENT_DELIVERY, "a@unknown.example");
    delivery.event.smtp_response = SPAN_LIT("250 2.0.0 OK  1795304070 5b1f17b1804b1-4ed si121 - gsmtp");
    assert_string_equal(name_of(only_event(&delivery).hint), "google_workspace");
    struct made_up_record open = record_of(EVENT_OPEN, "a@company.example");
    open.event.user_agent = SPAN_LIT("python-requests/2.31.0");
    struct event e = only_event(&open);
    assert_string_equal(name_of(e.provider), "zoho");
    assert_int_equal(e.visitor, VISITOR_MACHINE);

    dictionary.knowledge = usual; /* without the files neither is known */
    struct made_up_record bounce = record_of(EVENT_BOUNCE, "a@company.example");
    bounce.recipients[0].diagnostic_code = SPAN_LIT("smtp; 550 5.1.1 No Newsletters, please");
    e = only_event(&bounce);
    assert_string_equal(name_of(e.provider), "other");
    assert_int_equal(e.reason, REASON_INVALID_RECIPIENT);
    knowledge_destroy(k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_refused_with_the_place),
        cmocka_unit_test(missing_files_are_errors_of_the_configuration),
        cmocka_unit_test(readers_alone_blame_the_system),
        cmocka_unit_test(no_files_are_needed),
        cmocka_unit_test(all_parts_work_together),
    };
    int mx = mkstemp(mx_path), rules = mkstemp(rules_path);
    if (mx < 0 || rules < 0 || close(mx) != 0 || close(rules) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    unlink(mx_path);
    unlink(rules_path);
    return failed;
}
