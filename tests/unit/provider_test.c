#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "model/provider.h"
#include "model/provider_builtin.h"

struct expectation {
    const char *domain, *provider;
};

static const struct expectation builtin_domains[] = {
    {"gmail.com", "gmail"},
    {"googlemail.com", "gmail"},
    {"google.com", "other"},
    {"mail.gmail.com", "other"},
    {"gmail.co", "other"},
    {"hotmail.com", "microsoft"},
    {"hotmail.de", "microsoft"},
    {"hotmail.co.kr", "microsoft"},
    {"hotmail.com.br", "microsoft"},
    {"live.co.uk", "microsoft"},
    {"live.jp", "microsoft"},
    {"outlook.kr", "microsoft"},
    {"outlook.com.vn", "microsoft"},
    {"msn.com", "microsoft"},
    {"livemail.tw", "microsoft"},
    {"onmicrosoft.com", "microsoft_365"},
    {"contoso.onmicrosoft.com", "microsoft_365"},
    {"contoso.mail.onmicrosoft.com", "microsoft_365"},
    {"notonmicrosoft.com", "other"},
    {"yahoo.com", "yahoo"},
    {"yahoo.de", "yahoo"},
    {"yahoo.co.in", "yahoo"},
    {"yahoo.com.ar", "yahoo"},
    {"yahoo.co.jp", "yahoo_japan"},
    {"ybb.ne.jp", "yahoo_japan"},
    {"yahoo.ne.jp", "yahoo"},
    {"yahoo.co.kr", "kr_legacy"},
    {"aol.com", "yahoo"},
    {"aol.co.uk", "yahoo"},
    {"att.net", "yahoo"},
    {"sbcglobal.net", "yahoo"},
    {"currently.com", "yahoo"},
    {"verizon.net", "yahoo"},
    {"cox.net", "yahoo"},
    {"sky.com", "yahoo"},
    {"icloud.com", "apple"},
    {"me.com", "apple"},
    {"comcast.net", "comcast"},
    {"rr.com", "charter"},
    {"tampabay.rr.com", "charter"},
    {"q.com", "centurylink"},
    {"ix.netcom.com", "earthlink"},
    {"netcom.com", "other"},
    {"optonline.net", "optonline"},
    {"shaw.ca", "canada"},
    {"naver.com", "naver"},
    {"hanmail.net", "kakao"},
    {"daum.net", "kakao"},
    {"kakao.com", "kakao"},
    {"nate.com", "nate"},
    {"dreamwiz.com", "kr_legacy"},
    {"docomo.ne.jp", "docomo"},
    {"ezweb.ne.jp", "au_kddi"},
    {"q.vodafone.ne.jp", "softbank"},
    {"a.vodafone.ne.jp", "other"},
    {"vodafone.ne.jp", "other"},
    {"dk.pdx.ne.jp", "softbank"},
    {"nifty.com", "jp_isp"},
    {"vip.qq.com", "tencent"},
    {"163.com", "netease"},
    {"sina.cn", "sina"},
    {"sohu.com", "sohu"},
    {"aliyun.com", "aliyun"},
    {"bk.ru", "mailru"},
    {"ya.ru", "yandex"},
    {"rambler.ru", "rambler"},
    {"ukr.net", "ukrnet"},
    {"web.de", "gmx_webde"},
    {"gmx.li", "gmx_webde"},
    {"gmx.co.uk", "gmx_webde"},
    {"mail.com", "gmx_webde"},
    {"t-online.de", "t_online"},
    {"arcor.de", "vodafone_de"},
    {"online.de", "1and1"},
    {"wanadoo.fr", "orange"},
    {"free.fr", "free"},
    {"neuf.fr", "sfr"},
    {"laposte.net", "laposte"},
    {"bbox.fr", "bbox"},
    {"virgilio.it", "italiaonline"},
    {"alice.it", "tim"},
    {"pec.it", "aruba"},
    {"btinternet.com", "uk"},
    {"virginmedia.com", "uk"},
    {"xs4all.nl", "kpn"},
    {"upcmail.nl", "ziggo"},
    {"skynet.be", "proximus"},
    {"telenet.be", "telenet"},
    {"post.cz", "seznam"},
    {"poczta.onet.pl", "onet"},
    {"go2.pl", "o2_pl"},
    {"meo.pt", "sapo"},
    {"bol.com.br", "uol"},
    {"xtra.co.nz", "xtra"},
    {"zoho.eu", "zoho"},
    {"fastmail.com.au", "fastmail"},
    {"pm.me", "proton"},
    {"simulator.amazonses.com", "simulator"},
    {"x.simulator.amazonses.com", "other"},
    /* Next to a pattern. */
    {"www.hotmail.de", "other"},
    {"hotmail", "other"},
    {"hotmail.", "other"},
    {"hotmail.d", "other"},
    {"hotmail.info", "other"},
    {"hotmail.d1", "other"},
    {"hotmail.xx.de", "other"},
    {"hotmail.co.com", "other"},
    {"hotmail.example.com", "other"},
    {"myhotmail.de", "other"},
    {"hotmai.de", "other"},
    {".de", "other"},
    {".onmicrosoft.com", "microsoft_365"},
    {"", "other"},
    {".", "other"},
    {"a", "other"},
    {"example.org", "other"},
};

static const char *find(const struct provider_table *t, const char *domain) {
    return provider_table_name(t, provider_table_find(t, span_of(domain)));
}

static int id_of(const struct provider_table *t, const char *name) {
    for (size_t i = 0; i < provider_table_count(t); i++)
        if (strcmp(provider_table_name(t, (uint16_t)i), name) == 0)
            return (int)i;
    return -1;
}

static bool has_loop(const struct provider_table *t, const char *name) {
    int id = id_of(t, name);
    assert_true(id >= 0);
    return provider_table_has_feedback_loop(t, (uint16_t)id);
}

static void check_domains(const struct provider_table *t, const struct expectation *e, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *got = find(t, e[i].domain);
        if (strcmp(got, e[i].provider) != 0)
            fail_msg("%s is %s, expected %s", e[i].domain, got, e[i].provider);
    }
}

static void knows_the_builtin_domains(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    check_domains(t, builtin_domains, sizeof builtin_domains / sizeof builtin_domains[0]);
    provider_table_destroy(t);
    provider_table_destroy(NULL);
}

static void knows_the_reserved_names(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    assert_string_equal(provider_table_name(t, PROVIDER_OTHER), "other");
    assert_string_equal(provider_table_name(t, PROVIDER_MULTIPLE), "multiple");
    assert_string_equal(provider_table_name(t, PROVIDER_SIMULATOR), "simulator");
    assert_string_equal(provider_table_name(t, UINT16_MAX), "other");
    assert_false(provider_table_has_feedback_loop(t, UINT16_MAX));
    assert_int_equal(provider_table_count(t), provider_builtin_count + 3);
    provider_table_destroy(t);
}

static void knows_the_feedback_loops(void **state) {
    (void)state;
    static const char *const with[] = {"microsoft",    "yahoo",  "comcast", "fastmail", "gandi",
                                       "italiaonline", "mailru", "laposte", "orange",   "seznam",
                                       "rackspace",    "zoho",   "ziggo",   "telenet"};
    struct provider_table *t = provider_table_create();
    size_t count = 0;
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
        if (!has_loop(t, with[i]))
            fail_msg("%s has no feedback loop", with[i]);
    for (size_t i = 0; i < provider_table_count(t); i++)
        count += provider_table_has_feedback_loop(t, (uint16_t)i);
    assert_int_equal(count, sizeof with / sizeof with[0]);
    provider_table_destroy(t);
}

/* Each domain stands once, and leads to the provider it stands at. */
static void builtin_table_is_sound(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    for (size_t i = 0; i < provider_builtin_count; i++) {
        const struct provider_builtin *b = &provider_builtins[i];
        assert_int_equal(id_of(t, b->name), (int)i + 3);
        assert_int_equal(strspn(b->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(b->name));
        char *domains = strdup(b->domains), *rest = domains;
        assert_non_null(domains);
        for (char *d = strsep(&rest, " "); d && *d; d = strsep(&rest, " ")) {
            char example[300];
            size_t len = strlen(d);
            bool is_name = d[len - 1] == '*';
            snprintf(example, sizeof example, "%s%.*s%s", d[0] == '*' ? "some" : "",
                     (int)(len - is_name - (d[0] == '*')), d + (d[0] == '*'), is_name ? "zz" : "");
            if (strcmp(find(t, example), b->name) != 0)
                fail_msg("%s at %s leads to %s", d, b->name, find(t, example));
        }
        free(domains);
    }
    provider_table_destroy(t);
}

/* docs/providers.md holds exactly the rows that scripts/providers-doc makes. */
static void page_is_up_to_date(void **state) {
    (void)state;
    FILE *f = fopen("docs/providers.md", "re");
    if (!f)
        skip(); /* not run from the source's root */
    static char page[1 << 17];
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    const char *at = strstr(page, "<!-- table: begin -->\n");
    assert_non_null(at);
    at = strstr(at, "| --- | --- | --- |\n") + strlen("| --- | --- | --- |\n");
    for (size_t i = 0; i < provider_builtin_count; i++) {
        const struct provider_builtin *b = &provider_builtins[i];
        struct buf row;
        buf_init(&row, 1 << 16);
        buf_printf(&row, "| `%s` | %s | ", b->name, b->feedback_loop ? "yes" : "no");
        for (const char *d = b->domains; *d;) {
            size_t n = strcspn(d, " ");
            buf_printf(&row, "%s`%.*s`", d == b->domains ? "" : " ", (int)n, d);
            d += n + strspn(d + n, " ");
        }
        buf_append_str(&row, " |\n");
        if (strncmp(at, row.data, row.len) != 0)
            fail_msg("the row of %s is behind the source: run scripts/providers-doc", b->name);
        at += row.len;
        buf_deinit(&row);
    }
    assert_int_equal(strncmp(at, "<!-- table: end -->\n", 20), 0);
}

static void write_file(char path[64], const char *text, size_t len) {
    strcpy(path, "/tmp/provider_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    close(fd);
}

static bool load(struct provider_table *t, struct span text, struct err *err, char path[64]) {
    write_file(path, text.ptr, text.len);
    bool ok = provider_table_load(t, path, err);
    unlink(path);
    return ok;
}

static void load_ok(struct provider_table *t, const char *text) {
    struct err err = {0};
    char path[64];
    if (!load(t, span_of(text), &err, path))
        fail_msg("%s", err.text);
}

static void loads_a_file(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    size_t builtin = provider_table_count(t);
    load_ok(t, "\xef\xbb\xbf# mine\r\n"
               "provider example_telecom feedback_loop=yes # a comment: m\xc3\xbcller\r\n"
               "Example.NET\tmail.example.net.\r\n"
               "  *.customers.example.net#another\r\n"
               "\r\n"
               "provider 1_2\n"
               "example.* xn--mller-kva.example\n"
               "provider comcast\n"
               "q.com *.q.com *.a.q.com *.museum\n"
               "provider example_telecom\n"
               "b.a.q.com *.b.a.q.com _x.under-score.org\n"
               "provider uk feedback_loop=yes\n"
               "provider yahoo feedback_loop=no\n"
               "aim.com hotmail.*\n"
               "provider gmail");
    static const struct expectation cases[] = {
        {"example.net", "example_telecom"},
        {"mail.example.net", "example_telecom"},
        {"customers.example.net", "other"},
        {"a.customers.example.net", "example_telecom"},
        {"a.b.customers.example.net", "example_telecom"},
        {"example.org", "1_2"},
        {"example.co.uk", "1_2"},
        {"xn--mller-kva.example", "1_2"},
        {"q.com", "comcast"},
        {"x.q.com", "comcast"},
        {"b.a.q.com", "example_telecom"},
        {"c.b.a.q.com", "example_telecom"},
        {"d.c.b.a.q.com", "example_telecom"},
        {"c.a.q.com", "comcast"},
        {"louvre.museum", "comcast"},
        {"_x.under-score.org", "example_telecom"},
        {"hotmail.com", "microsoft"},
        {"hotmail.de", "yahoo"},
        {"aim.com", "yahoo"},
        {"embarqmail.com", "centurylink"},
    };
    check_domains(t, cases, sizeof cases / sizeof cases[0]);
    assert_int_equal(provider_table_count(t), builtin + 2);
    assert_true(has_loop(t, "example_telecom"));
    assert_false(has_loop(t, "1_2"));
    assert_true(has_loop(t, "comcast"));
    assert_true(has_loop(t, "uk"));
    assert_false(has_loop(t, "yahoo"));
    load_ok(t, "");
    load_ok(t, "provider again\nexample.net\n");
    assert_string_equal(find(t, "example.net"), "again");
    assert_string_equal(find(t, "mail.example.net"), "example_telecom");
    provider_table_destroy(t);
}

struct mistake {
    struct span text;
    const char *where, *what; /* behind the file's name */
};

#define MISTAKE(text, where, what)                                                                                     \
    { {(text), sizeof(text) - 1}, (where), (what) }

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define NAME_253                                                                                                       \
    LABEL_63 "." LABEL_63 "." LABEL_63 "."                                                                             \
             "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg"

static const struct mistake mistakes[] = {
    MISTAKE("provider", ":1:9: ", "expected a name"),
    MISTAKE("provider ", ":1:10: ", "expected a name"),
    MISTAKE("\n provider # x", ":2:11: ", "expected a name"),
    MISTAKE("provider Foo", ":1:10: ", "\"Foo\" is no provider's name"),
    MISTAKE("provider a-b", ":1:10: ", "is no provider's name"),
    MISTAKE("provider example.com", ":1:10: ", "is no provider's name"),
    MISTAKE("provider aaaaaaaaaabbbbbbbbbbccccccccccddddddddddd", ":1:10: ", "is no provider's name"),
    MISTAKE("provider other", ":1:10: ", "\"other\" is a reserved name"),
    MISTAKE("provider multiple", ":1:10: ", "reserved"),
    MISTAKE("provider  simulator feedback_loop=no", ":1:11: ", "reserved"),
    MISTAKE("provider a feedback_loop", ":1:12: ", "expected feedback_loop=yes or feedback_loop=no"),
    MISTAKE("provider a feedback_loop=maybe", ":1:12: ", "\"feedback_loop=maybe\" is no option"),
    MISTAKE("provider a feedback_loop = yes", ":1:12: ", "is no option"),
    MISTAKE("provider a example.com", ":1:12: ", "\"example.com\" is no option"),
    MISTAKE("provider a feedback_loop=yes feedback_loop=no", ":1:30: ", "is too much"),
    MISTAKE("provider a feedback_loop=yes example.com", ":1:30: ", "is too much"),
    MISTAKE("example.com", ":1:1: ", "\"example.com\" belongs to nobody"),
    MISTAKE("# x\n\n  example.com\nprovider a", ":3:3: ", "expected a line `provider NAME`"),
    MISTAKE("Provider a", ":1:1: ", "is no domain: expected example.com, a pattern"),
    MISTAKE("provider a\nlocalhost", ":2:1: ", "is no domain"),
    MISTAKE("provider a\nexample.com b..c", ":2:13: ", "\"b..c\" is no domain"),
    MISTAKE("provider a\n.example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\nexample.com..", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n.", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n*.", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n.*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n*.*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n*.example.*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\na.*.example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\nexample.co.*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n*example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n-a.example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\na-.example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\na@example.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\na.com,b.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\na.com\0b.com", ":2:1: ", "\"a.com?b.com\" is no domain"),
    MISTAKE("provider a\n\x1b[2J.com", ":2:1: ", "\"?[2J.com\" is no domain"),
    MISTAKE("provider a\n\tm\xc3\xbcller.de", ":2:2: ", "\"m??ller.de\" is not ASCII: write an internationalised"),
    MISTAKE("provider a\n" LABEL_63 "g.com", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n" LABEL_63 "g.*", ":2:1: ", "is no domain"),
    MISTAKE("provider a\n" NAME_253 "g", ":2:1: ", "is too long"),
    MISTAKE("provider a\nsimulator.AMAZONSES.com.", ":2:1: ", "is SES's mailbox simulator"),
};

static void names_the_place_of_a_mistake(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    size_t count = provider_table_count(t);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct err err = {0};
        char path[64];
        if (load(t, mistakes[i].text, &err, path))
            fail_msg("accepted %s", mistakes[i].text.ptr);
        size_t n = strlen(path), m = strlen(mistakes[i].where);
        if (err.code != ERR_CONFIG || strncmp(err.text, path, n) != 0 ||
            strncmp(err.text + n, mistakes[i].where, m) != 0 || !strstr(err.text + n + m, mistakes[i].what))
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(provider_table_count(t), count);
    }
    provider_table_destroy(t);
}

static void a_mistake_changes_nothing(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    struct err err = {0};
    char path[64];
    assert_false(load(t, span_of("provider new\ngmail.com\nprovider gmail feedback_loop=yes\n?\n"), &err, path));
    assert_int_equal(id_of(t, "new"), -1);
    assert_string_equal(find(t, "gmail.com"), "gmail");
    assert_false(has_loop(t, "gmail"));
    provider_table_destroy(t);
}

static void takes_long_names(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    load_ok(t, "provider a\n" NAME_253 " *." LABEL_63 ".com " LABEL_63 ".*\n");
    assert_string_equal(find(t, NAME_253), "a");
    assert_string_equal(find(t, "x." LABEL_63 ".com"), "a");
    assert_string_equal(find(t, LABEL_63 ".de"), "a");
    assert_string_equal(find(t, LABEL_63 "g.de"), "other");
    char much[4096];
    memset(much, '.', sizeof much);
    assert_int_equal(provider_table_find(t, (struct span){much, sizeof much}), PROVIDER_OTHER);
    assert_int_equal(provider_table_find(t, (struct span){much, 253}), PROVIDER_OTHER);
    assert_int_equal(provider_table_find(t, (struct span){NULL, 0}), PROVIDER_OTHER);
    provider_table_destroy(t);
}

static void has_ceilings(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    struct buf text;
    struct err err = {0};
    char path[64];
    buf_init(&text, 32 << 20);
    for (size_t i = provider_table_count(t); i < 1000; i++)
        buf_printf(&text, "provider p%zu\n", i);
    assert_true(load(t, buf_span(&text), &err, path));
    assert_int_equal(provider_table_count(t), 1000);
    assert_false(load(t, span_of("provider p999\nprovider one_more"), &err, path));
    assert_non_null(strstr(err.text, ":2:10: \"one_more\" is one too many: expected at most 1000 providers"));

    buf_clear(&text);
    buf_append_str(&text, "provider p999\n");
    for (size_t i = 0; i < 99000; i++)
        buf_printf(&text, "d%zu.example.com ", i);
    err = (struct err){0};
    assert_true(load(t, buf_span(&text), &err, path));
    assert_string_equal(find(t, "d0.example.com"), "p999");
    assert_string_equal(find(t, "d98999.example.com"), "p999");
    assert_string_equal(find(t, "d99000.example.com"), "other");
    assert_string_equal(find(t, "gmail.com"), "gmail");
    for (size_t i = 99000; i < 100000; i++)
        buf_printf(&text, "d%zu.example.com ", i);
    assert_false(load(t, buf_span(&text), &err, path));
    assert_non_null(strstr(err.text, "is one too many: expected at most 100000 domains"));

    while (text.len <= 16 << 20)
        buf_append_str(&text, "                                                              #\n");
    err = (struct err){0};
    assert_false(load(t, buf_span(&text), &err, path));
    assert_non_null(strstr(err.text, "is too large: expected at most 16 MiB"));
    assert_int_equal(err.code, ERR_CONFIG);
    buf_deinit(&text);
    provider_table_destroy(t);
}

static void reports_a_file_that_cannot_be_read(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    struct err err = {0};
    assert_false(provider_table_load(t, "/nonexistent/providers.txt", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.text, "cannot open /nonexistent/providers.txt: No such file or directory");
    err = (struct err){0};
    assert_false(provider_table_load(t, "/tmp", &err));
    assert_string_equal(err.text, "cannot read /tmp: Is a directory");
    err = (struct err){0};
    assert_false(provider_table_load(t, "/dev/zero", &err));
    assert_int_equal(err.code, ERR_CONFIG);
    provider_table_destroy(t);
}

static void *look_up(void *arg) {
    const struct provider_table *t = arg;
    for (int i = 0; i < 200; i++)
        check_domains(t, builtin_domains, sizeof builtin_domains / sizeof builtin_domains[0]);
    return NULL;
}

static void threads_share_a_table(void **state) {
    (void)state;
    struct provider_table *t = provider_table_create();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, t), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    provider_table_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_builtin_domains),
        cmocka_unit_test(knows_the_reserved_names),
        cmocka_unit_test(knows_the_feedback_loops),
        cmocka_unit_test(builtin_table_is_sound),
        cmocka_unit_test(page_is_up_to_date),
        cmocka_unit_test(loads_a_file),
        cmocka_unit_test(names_the_place_of_a_mistake),
        cmocka_unit_test(a_mistake_changes_nothing),
        cmocka_unit_test(takes_long_names),
        cmocka_unit_test(has_ceilings),
        cmocka_unit_test(reports_a_file_that_cannot_be_read),
        cmocka_unit_test(threads_share_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
