#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/recipient.h"

struct pair {
    struct span text, wanted;
};

#define PAIR(text, wanted)                                                                                             \
    {                                                                                                                  \
        {(text), sizeof(text) - 1}, {                                                                                  \
            (wanted), sizeof(wanted) - 1                                                                               \
        }                                                                                                              \
    }

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define NAME_253                                                                                                       \
    LABEL_63 "." LABEL_63 "." LABEL_63 "."                                                                             \
             "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg"

static const struct pair domains[] = {
    /* Usual ones. */
    PAIR("john@example.com", "example.com"),
    PAIR("john@EXAMPLE.Com", "example.com"),
    PAIR("john+tag@mail.example.co.uk", "mail.example.co.uk"),
    PAIR("a@b", "b"),
    PAIR("@b.org", "b.org"),
    PAIR("a@my_host.example-1.org", "my_host.example-1.org"),
    PAIR("a@b@c.org", "c.org"),
    PAIR("a@example.com.", "example.com"),
    PAIR("a@" NAME_253, NAME_253),
    PAIR("a@" NAME_253 ".", NAME_253),
    PAIR("a@" LABEL_63 ".org", LABEL_63 ".org"),
    /* Blanks. */
    PAIR("  a@b.org", "b.org"),
    PAIR("a@b.org \t\r\n", "b.org"),
    PAIR("\n a@b.org. ", "b.org"),
    /* Names and brackets. */
    PAIR("<a@b.org>", "b.org"),
    PAIR("Doe <j@x.org>", "x.org"),
    PAIR(" John Doe  < j@X.org > ", "x.org"),
    PAIR("\"Doe, J\" <j@x.org>", "x.org"),
    PAIR("\"a@y.org\" <j@x.org>", "x.org"),
    PAIR("a@y.org <j@x.org>", "x.org"),
    PAIR("\"<a@y.org>\" <j@x.org>", "x.org"),
    PAIR("\"a \\\" <a@y.org>\" <j@x.org>", "x.org"),
    PAIR("<a@y.org> <j@x.org>", "x.org"),
    PAIR("<<j@x.org>>", "x.org"),
    PAIR("a < b <j@x.org>", "x.org"),
    PAIR("Doe <j@x.org", "x.org"),
    PAIR("=?utf-8?q?J=C3=B6rg?= <j@x.org>", "x.org"),
    PAIR("J\xc3\xb6rg <j@x.org>", "x.org"),
    PAIR("\"Doe <j@x.org>", "x.org"),
    /* Quoted local parts. */
    PAIR("\"a@b\"@c.org", "c.org"),
    PAIR("\"a@b\\\"@d\"@c.org ", "c.org"),
    PAIR("<\"a@b\"@c.org>", "c.org"),
    PAIR("<\"a>b\"@c.org>", "c.org"),
    PAIR("\"a<b\"@c.org", "c.org"),
    PAIR("\"a b\"@c.org ", "c.org"),
    PAIR("\"a@b.org ", "b.org"),
    PAIR("\"a\\@b.org ", "b.org"),
    /* Internationalised names. */
    PAIR("a@m\xc3\xbcller.de", "xn--mller-kva.de"),
    PAIR("a@M\xc3\x9cLLER.DE.", "xn--mller-kva.de"),
    PAIR("a@mu\xcc\x88ller.de", "xn--mller-kva.de"),
    PAIR("a@stra\xc3\x9f"
         "e.de",
         "xn--strae-oqa.de"),
    PAIR("a@\xed\x95\x9c\xea\xb5\xad.kr", "xn--3e0b707e.kr"),
    PAIR("a@\xef\xbd\x87mail.com", "gmail.com"),
    PAIR("a@example\xe3\x80\x82"
         "com\xe3\x80\x82",
         "example.com"),
    PAIR("J <a@m\xc3\xbcller.de>", "xn--mller-kva.de"),
    PAIR("\xc3\xb6@example.com", "example.com"),
    PAIR("a@xn--mller-kva.de", "xn--mller-kva.de"),
    /* None. */
    PAIR("", ""),
    PAIR(" ", ""),
    PAIR("john", ""),
    PAIR("example.com", ""),
    PAIR("a@", ""),
    PAIR("a@.", ""),
    PAIR("a@..", ""),
    PAIR("a@ ", ""),
    PAIR("@", ""),
    PAIR("<>", ""),
    PAIR("Doe <>", ""),
    PAIR("a@b.org <", ""),
    PAIR("<a@b.org> (work)", ""),
    PAIR("\"a@b.org\"", ""),
    PAIR("a@.b.org", ""),
    PAIR("a@b..org", ""),
    PAIR("a@b.org..", ""),
    PAIR("a@b org", ""),
    PAIR("a@ b.org", ""),
    PAIR("a@b.org,", ""),
    PAIR("a@b\norg", ""),
    PAIR("a@b\0.org", ""),
    PAIR("a@b.org\0", ""),
    PAIR("a@b.org\x7f", ""),
    PAIR("a@\"b\".org", ""),
    PAIR("a@[192.0.2.1]", ""),
    PAIR("a@[IPv6:2001:db8::1]", ""),
    PAIR("a@b.org\"", ""),
    PAIR("a@b/c.org", ""),
    PAIR("a@b{c=\"d\"}.org", ""),
    PAIR("a@" NAME_253 "g", ""),
    PAIR("a@" LABEL_63 "g.org", ""),
    PAIR("a@\xff.org", ""),
    PAIR("a@b\xc3", ""),
    PAIR("a@\xed\xa0\x80.org", ""),
    PAIR("a@\xe2\x80\x8b", ""),
    PAIR("a@\xc3\xbc b.org", ""),
    PAIR("a@-\xc3\xbc.org", ""),
};

static const struct pair addresses[] = {
    PAIR("a@b.org", "a@b.org"),
    PAIR(" a@b.org\n", "a@b.org"),
    PAIR("Doe <a@b.org>", "a@b.org"),
    PAIR("\"Doe, J\" <a@b.org> ", "a@b.org"),
    PAIR("\"a<b\"@c.org", "\"a<b\"@c.org"),
    PAIR("< a@b.org >", "a@b.org"),
    PAIR("<<a@b.org>>", "a@b.org"),
    PAIR("Doe <a@b.org", "a@b.org"),
    PAIR("<a@b.org> c", "<a@b.org> c"),
    PAIR("<>", ""),
    PAIR("", ""),
    PAIR("Doe", "Doe"),
};

/* An exact copy on the heap, so that a sanitizer sees any read beyond it. */
static size_t domain_of(struct span text, char out[RECIPIENT_DOMAIN_SIZE]) {
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    size_t len = recipient_domain((struct span){copy, text.len}, out);
    free(copy);
    return len;
}

static void finds_the_domain(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        char out[RECIPIENT_DOMAIN_SIZE];
        size_t len = domain_of(domains[i].text, out);
        if (!span_eq((struct span){out, len}, domains[i].wanted))
            fail_msg("%s gave \"%s\"", domains[i].text.ptr, out);
        assert_int_equal(out[len], '\0');
    }
}

static void finds_the_address(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct span got = recipient_address(addresses[i].text);
        if (!span_eq(got, addresses[i].wanted))
            fail_msg("%s gave \"%.*s\"", addresses[i].text.ptr, SPAN_ARG(got));
        const char *end = addresses[i].text.ptr + addresses[i].text.len;
        assert_true(got.ptr >= addresses[i].text.ptr && got.ptr + got.len <= end);
    }
    assert_int_equal(recipient_address((struct span){NULL, 0}).len, 0);
}

static void survives_nothing_and_much(void **state) {
    (void)state;
    char out[RECIPIENT_DOMAIN_SIZE];
    assert_int_equal(recipient_domain((struct span){NULL, 0}, out), 0);
    const size_t size = 1 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    static const char fillers[] = {'@', '<', '>', '"', '\\', 'a', '.', ' ', '\xc3', '\0'};
    for (size_t i = 0; i < sizeof fillers; i++) {
        memset(text, fillers[i], size);
        assert_int_equal(recipient_domain((struct span){text, size}, out), 0);
        text[0] = 'a', text[1] = '@';
        assert_int_equal(recipient_domain((struct span){text, size}, out), 0);
    }
    free(text);
}

/* The fast way and the slow one agree: blanks around an address send it the slow way. */
static void both_ways_agree(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        char text[600] = " ", out[RECIPIENT_DOMAIN_SIZE];
        struct span t = domains[i].text;
        memcpy(text + 1, t.ptr, t.len);
        text[t.len + 1] = '\n';
        size_t len = domain_of((struct span){text, t.len + 2}, out);
        if (!span_eq((struct span){out, len}, domains[i].wanted))
            fail_msg("%s between blanks gave \"%s\"", t.ptr, out);
    }
}

/* Every byte in a domain: letters, digits, - . _ pass (the dot alone would be an empty label), nothing else. */
static void knows_every_byte(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = "a@bxc.org", out[RECIPIENT_DOMAIN_SIZE];
        text[3] = (char)c;
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool wanted = is_letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (c == '@')
            continue;
        assert_int_equal(domain_of((struct span){text, sizeof text - 1}, out), wanted ? 7 : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_domain),          cmocka_unit_test(finds_the_address),
        cmocka_unit_test(survives_nothing_and_much), cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(knows_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
