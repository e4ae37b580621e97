#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/mx_table.h"

static struct provider_table *providers;
static struct mail_hosts *hosts;
static char path[] = "/tmp/mx_table_test.XXXXXX";

static int open_tables(void **state) {
    (void)state;
    providers = provider_table_create();
    hosts = mail_hosts_create(providers);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int close_tables(void **state) {
    (void)state;
    mail_hosts_destroy(hosts);
    provider_table_destroy(providers);
    return unlink(path);
}

static struct mx_table *load_bytes(const char *text, size_t len, struct err *err) {
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    *err = (struct err){0};
    return mx_table_load(path, hosts, providers, err);
}

static const char *found(const struct mx_table *t, const char *domain) {
    return provider_table_name(providers, mx_table_find(t, span_of(domain)));
}

static void a_line_gives_a_domain(void **state) {
    (void)state;
    static const struct {
        const char *text, *domain, *provider;
    } cases[] = {
        {"example.com aspmx.l.google.com", "example.com", "google_workspace"},
        {"example.com aspmx.l.google.com", "mail.example.com", "other"},
        {"example.com aspmx.l.google.com", "", "other"},
        {"Example.COM.  ASPMX.L.GOOGLE.COM.\r\n", "example.com", "google_workspace"},
        {"\xef\xbb\xbf"
         "example.com\tcontoso-com.mail.protection.outlook.com.",
         "example.com", "microsoft_365"},
        {"example.com mx.example.com mx1.mimecast.com aspmx.l.google.com", "example.com", "gateway"},
        {"example.com mx.example.com", "example.com", "other"},
        {"example.com mx.example.com\nexample.com mx1.emailsrvr.com", "example.com", "rackspace"},
        {"example.com mx1.emailsrvr.com\nexample.com aspmx.l.google.com", "example.com", "rackspace"},
        {"example.com .", "example.com", "other"},
        {"example.com localhost", "example.com", "other"},
        {"example.com", "example.com", "other"},
        {"example.com provider=zoho", "example.com", "zoho"},
        {"example.com provider=zoho # said by them", "example.com", "zoho"},
        {"example.com aspmx.l.google.com\nexample.com provider=zoho", "example.com", "zoho"},
        {"example.com provider=zoho\nexample.com aspmx.l.google.com", "example.com", "zoho"},
        {"example.com provider=zoho\nexample.com provider=ovh", "example.com", "ovh"},
        {"# example.com provider=zoho", "example.com", "other"},
        {"; <<>> DiG 9.18 <<>> MX example.com\n;; global options: +cmd\n\n", "example.com", "other"},
        {"example.com. 300 IN MX 10 aspmx.l.google.com.", "example.com", "google_workspace"},
        {"example.com.\t\t300\tIN\tMX\t10 aspmx.l.google.com. ; a comment", "example.com", "google_workspace"},
        {"example.com. IN MX 10 aspmx.l.google.com.", "example.com", "google_workspace"},
        {"example.com mx 10 aspmx.l.google.com.", "example.com", "google_workspace"},
        {"example.com. 300 IN MX 0 .", "example.com", "other"},
        {"example.com. 300 IN CNAME example.net.\nexample.net. 300 IN MX 10 mx.zoho.com.", "example.com", "other"},
        {"example.com. 300 IN CNAME example.net.\nexample.net. 300 IN MX 10 mx.zoho.com.", "example.net", "zoho"},
        {"example.com. 300 IN MX 20 mx.zoho.com.\nexample.com. 300 IN MX 5 mx1.mail.ovh.net.", "example.com", "ovh"},
        {"example.com. 300 IN MX 5 mx1.mail.ovh.net.\nexample.com. 300 IN MX 20 mx.zoho.com.", "example.com", "ovh"},
        {"example.com. 300 IN MX 5 mx.example.com.\nexample.com. 300 IN MX 20 mx.zoho.com.", "example.com", "zoho"},
        {"example.com. 300 IN MX 65535 mx.zoho.com.", "example.com", "zoho"},
        {"xn--mller-kva.example mx.zoho.com", "xn--mller-kva.example", "zoho"},
        {"_a-b.example.com mx.zoho.com", "_a-b.example.com", "zoho"},
        {"mx.example mx.zoho.com\nin.example mx.zoho.com", "mx.example", "zoho"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct mx_table *t = load_bytes(cases[i].text, strlen(cases[i].text), &err);
        if (!t)
            fail_msg("%s: %s", cases[i].text, err.text);
        if (strcmp(found(t, cases[i].domain), cases[i].provider) != 0)
            fail_msg("%s: %s: %s", cases[i].text, cases[i].domain, found(t, cases[i].domain));
        mx_table_destroy(t);
    }
}

static void an_error_says_where_and_what_to_do(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *words;
    } cases[] = {
        {"example mx.zoho.com", ":1:1: \"example\" ", "is no domain"},
        {"a.example mx.zoho.com\n\n  *.example.com mx.zoho.com", ":3:3: \"*.example.com\" ", "is no domain"},
        {"-- mx.zoho.com", ":1:1: ", "is no domain"},
        {"a..example mx.zoho.com", ":1:1: ", "is no domain"},
        {".example.com mx.zoho.com", ":1:1: ", "is no domain"},
        {"m\xc3\xbcller.example mx.zoho.com", ":1:1: \"m??ller.example\" ", "A-labels (xn--...)"},
        {"user@example.com mx.zoho.com", ":1:1: ", "is no domain"},
        {"example.com provider=nobody", ":1:13: \"provider=nobody\" ", "names no provider"},
        {"example.com provider=", ":1:13: ", "names no provider"},
        {"example.com provider=other", ":1:13: ", "names no provider"},
        {"example.com provider=multiple", ":1:13: ", "names no provider"},
        {"example.com provider=simulator", ":1:13: ", "names no provider"},
        {"example.com provider=zoho ovh", ":1:27: \"ovh\" ", "nothing behind"},
        {"example.com mx.zoho.com,mx2.zoho.com", ":1:13: ", "is no mail server"},
        {"example.com\r\nexample.com mx.zoho.com http://x/", ":2:25: ", "is no mail server"},
        {"example.com. 300 IN MX", ":1:23: ", "ends too early"},
        {"example.com. 300 IN MX 10", ":1:26: ", "ends too early"},
        {"example.com. 300 IN MX mx.zoho.com", ":1:24: \"mx.zoho.com\" ", "is no preference"},
        {"example.com. 300 IN MX 65536 mx.zoho.com", ":1:24: ", "is no preference"},
        {"example.com. 300 IN MX 99999999999999999999 mx.zoho.com", ":1:24: ", "is no preference"},
        {"example.com. 300", ":1:17: ", "ends too early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        assert_null(load_bytes(cases[i].text, strlen(cases[i].text), &err));
        assert_int_equal(err.code, ERR_CONFIG);
        size_t file = strlen(path);
        if (strncmp(err.text, path, file) != 0 ||
            strncmp(err.text + file, cases[i].place, strlen(cases[i].place)) != 0 || !strstr(err.text, cases[i].words))
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static void hostile_bytes_are_refused(void **state) {
    (void)state;
    struct err err;
    assert_null(load_bytes("a.example\0 mx.zoho.com", 22, &err));
    assert_non_null(strstr(err.text, ":1:1: \"a.example?\" is no domain"));
    assert_null(load_bytes("a.example mx.zoho.com\x1b[31m", 26, &err));
    assert_null(strchr(err.text, '\x1b'));
    char line[600];
    memset(line, 'a', sizeof line);
    assert_null(load_bytes(line, sizeof line, &err));
    assert_non_null(strstr(err.text, "is too long"));
    line[64] = '.'; /* a label of 64 */
    assert_null(load_bytes(line, 70, &err));
    line[63] = '.', line[64] = 'a';
    struct mx_table *t = load_bytes(line, 70, &err);
    assert_non_null(t);
    mx_table_destroy(t);
    t = load_bytes("", 0, &err);
    assert_int_equal(mx_table_count(t), 0);
    memset(line, 'a', sizeof line);
    assert_int_equal(mx_table_find(t, (struct span){line, sizeof line}), PROVIDER_OTHER);
    mx_table_destroy(t);
    mx_table_destroy(NULL);
}

static void a_missing_file_is_an_error_of_the_system(void **state) {
    (void)state;
    struct err err = {0};
    assert_null(mx_table_load("/nowhere/mx.txt", hosts, providers, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/mx.txt"));
    err = (struct err){0};
    assert_null(mx_table_load("/tmp", hosts, providers, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void only_what_is_known_is_kept(void **state) {
    (void)state;
    static const char text[] = "a.example mx.zoho.com\nb.example mx.b.example\nc.example provider=ovh\n"
                               "a.example. 1 IN MX 1 mx2.zoho.com.\n";
    struct err err;
    struct mx_table *t = load_bytes(text, sizeof text - 1, &err);
    assert_int_equal(mx_table_count(t), 2);
    mx_table_destroy(t);
}

/* A million is the limit, all of them found, and one more is refused. */
static void a_million_domains(void **state) {
    (void)state;
    static const char *const servers[] = {"mx.zoho.com", "mx1.mail.ovh.net", "aspmx.l.google.com"};
    static const char *const owners[] = {"zoho", "ovh", "google_workspace"};
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    for (int i = 0; i < 1000000; i++)
        fprintf(f, "company-%d.example %s\n", i, servers[i % 3]);
    assert_int_equal(fclose(f), 0);
    struct err err = {0};
    struct mx_table *t = mx_table_load(path, hosts, providers, &err);
    assert_non_null(t);
    assert_int_equal(mx_table_count(t), 1000000);
    for (int i = 0; i < 1000000; i += 37) {
        char domain[64];
        snprintf(domain, sizeof domain, "company-%d.example", i);
        assert_string_equal(found(t, domain), owners[i % 3]);
    }
    assert_string_equal(found(t, "company-1000000.example"), "other");
    mx_table_destroy(t);

    f = fopen(path, "ae");
    fprintf(f, "company-7.example mx.zoho.com\nunknown.example mx.unknown.example\none-more.example mx.zoho.com\n");
    assert_int_equal(fclose(f), 0);
    assert_null(mx_table_load(path, hosts, providers, &err));
    assert_non_null(strstr(err.text, ":1000003:18: \"mx.zoho.com\" is one too many"));
}

static void a_file_of_more_than_64_mib_is_refused(void **state) {
    (void)state;
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(truncate(path, (64 << 20) + 1), 0);
    struct err err = {0};
    assert_null(mx_table_load(path, hosts, providers, &err));
    assert_non_null(strstr(err.text, "at most 64 MiB"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_gives_a_domain),
        cmocka_unit_test(an_error_says_where_and_what_to_do),
        cmocka_unit_test(hostile_bytes_are_refused),
        cmocka_unit_test(a_missing_file_is_an_error_of_the_system),
        cmocka_unit_test(only_what_is_known_is_kept),
        cmocka_unit_test(a_million_domains),
        cmocka_unit_test(a_file_of_more_than_64_mib_is_refused),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
