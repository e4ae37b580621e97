#include "parsers/smtp_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct reply_case {
    const char *diagnostic;
    uint16_t code;
    const char *status; /* "": none */
    const char *joined;
};

static const struct reply_case replies[] = {
    {"", 0, "", ""},
    {"   ", 0, "", ""},
    {"smtp; 550 5.1.1 user unknown", 550, "5.1.1", "550 5.1.1 user unknown"},
    {"smtp;550 5.1.1 user unknown", 550, "5.1.1", "550 5.1.1 user unknown"},
    {"SMTP ; 550 5.1.1 user unknown", 550, "5.1.1", "550 5.1.1 user unknown"},
    {"x-unix; 550 full", 550, "", "550 full"},
    {"X-Postfix; smtp; 452 4.2.2 full", 452, "4.2.2", "452 4.2.2 full"},
    {"Amazon SES has suppressed; this", 0, "", "Amazon SES has suppressed; this"},
    {"550 RESOLVER.ADR.RecipNotFound; not found", 550, "", "550 RESOLVER.ADR.RecipNotFound; not found"},

    /* several lines: with line ends, and with blanks in their place */
    {"smtp; 550-5.1.1 The account\r\n550-5.1.1 does not\r\n550 5.1.1 exist", 550, "5.1.1",
     "550-5.1.1 The account does not exist"},
    {"smtp; 550-5.1.1 The account 550-5.1.1 does not 550 5.1.1 exist", 550, "5.1.1",
     "550-5.1.1 The account does not exist"},
    {"554-Transaction failed\n554-Reject\n554 see there", 554, "", "554-Transaction failed Reject see there"},
    {"554-one 554", 554, "", "554-one"},
    {"550-5.1.1 one\n550\n550- \t5.1.1 two\r\n 550-three", 550, "5.1.1", "550-5.1.1 one two three"},
    {"550-one\n550-5.1.1two\n5501 three\n550.four", 550, "", "550-one 5.1.1two 5501 three 550.four"},
    {"550-one\n451-two", 550, "", "550-one 451-two"},
    {"550 from 550-600 euros\n550-on", 550, "", "550 from 550-600 euros on"},
    {"sorry\n550-one\n550-two", 550, "", "sorry 550-one 550-two"}, /* it does not begin with a code */
    {"550 costs 550 euros", 550, "", "550 costs 550 euros"},       /* not continued: a number like any other */
    {"550 it\ncosts\n551 euros", 550, "", "550 it costs 551 euros"},
    {"a  b\t c\n d", 0, "", "a b c d"},

    /* which code is trusted */
    {"smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 Unable to lookup DNS>", 421, "4.4.0",
     "554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 Unable to lookup DNS>"},
    {"smtp; 554 4.4.7 Message expired", 554, "4.4.7", "554 4.4.7 Message expired"},
    {"500 5.0.0 Depot returns error: <552 5.2.2 Over quota>", 552, "5.2.2", NULL},
    {"550 5.1.1 first <452 4.2.2 second>", 550, "5.1.1", NULL},
    {"550 5.0.0 only", 550, "5.0.0", NULL},
    {"550 5.0.0 first 4.4.7 second", 550, "5.0.0", NULL},
    {"250 2.1.5 fine, then 4.4.7", 250, "4.4.7", NULL},
    {"452 it says: 421 4.4.7 expired, and 5.1.1", 452, "5.1.1", NULL}, /* not the code of a status that gave way */
    {"it says:\r421 no", 421, "", NULL},
    {"550 \v\f5.1.1", 550, "5.1.1", NULL},
    {"550 5.7.606 Access denied", 550, "5.7.606", NULL},
    {"554 no mailbox by that name. (#5.1.1)", 554, "5.1.1", NULL},
    {"554 #5.1.1 no mailbox", 554, "5.1.1", NULL},
    {"smtp; 550 4.2.2 over quota", 550, "4.2.2", NULL},
    {"host mx.example.com[192.0.2.1] said: 452 4.2.2 full", 452, "4.2.2", NULL},
    {"host mx.example.com said: 550 gone", 550, "", NULL},
    {"5.1.1", 0, "5.1.1", NULL},
    {"550 5.1.1", 550, "5.1.1", NULL},

    /* addresses and versions */
    {"550 [5.1.1.1] refused", 550, "", NULL},
    {"550 4.5.5.1 refused", 550, "", NULL},
    {"550 from 15.1.1 refused", 550, "", NULL},
    {"421 4.7.0 deferred - 4.16.55.1; see", 421, "4.7.0", NULL},
    {"550 Exim 4.94.2 says no", 550, "", NULL},
    {"550 Exim 4.2.2 says no", 550, "", NULL},
    {"550 version 5.1.1 says no", 550, "", NULL},
    {"550 v5.1.1 says no", 550, "", NULL},
    {"550 Foo/5.1.1 says no", 550, "", NULL},
    {"550 foo-5.1.1 says no", 550, "", NULL},
    {"550 5.1.1-rc1 says no", 550, "", NULL},
    {"550 5.1.1.example.com says no", 550, "", NULL},
    {"550 5.1.1@example.com says no", 550, "", NULL},
    {"550 5.1.1234 says no", 550, "", NULL},
    {"550 5.1.1. says no", 550, "5.1.1", NULL},
    {"550 (5.1.1), no", 550, "5.1.1", NULL},

    /* what is no reply code */
    {"Message of 552 bytes", 0, "", NULL},
    {"5501 x", 0, "", NULL},
    {"550x y", 0, "", NULL},
    {"192.0.2.1 x", 0, "", NULL},
    {"354 go on", 0, "", NULL},
};

static void every_reply(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        const struct reply_case *c = &replies[i];
        struct smtp_reply reply = smtp_reply_parse(span_of(c->diagnostic));
        char status[16] = "", line[SMTP_REPLY_MAX];
        if (reply.status.class)
            snprintf(status, sizeof status, "%d.%d.%d", reply.status.class, reply.status.subject, reply.status.detail);
        if (strcmp(status, c->status) != 0 || reply.code != c->code)
            fail_msg("%s: found %d %s", c->diagnostic, reply.code, status);
        struct span joined = smtp_reply_join(&reply, line);
        if (c->joined && !span_eq(joined, span_of(c->joined)))
            fail_msg("%s: joined as %.*s", c->diagnostic, SPAN_ARG(joined));
    }
}

static void only_so_much_is_read(void **state) {
    (void)state;
    static char text[SMTP_REPLY_MAX + 10], line[SMTP_REPLY_MAX];
    memset(text, 'x', sizeof text);
    memcpy(text, "550 ", 4);
    memcpy(text + SMTP_REPLY_MAX - 2, " 5.1.1 ", 7);
    struct smtp_reply reply = smtp_reply_parse((struct span){text, sizeof text});
    assert_int_equal(reply.code, 550);
    assert_int_equal(reply.status.class, 0);
    assert_int_equal(smtp_reply_join(&reply, line).len, SMTP_REPLY_MAX); /* the blank and the 5 are within */
    reply = smtp_reply_parse((struct span){NULL, 0});
    assert_int_equal(smtp_reply_join(&reply, line).len, 0);
}

static void the_field_status(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint8_t class;
        bool weak;
    } cases[] = {
        {"5.1.1", 5, false},  {" 4.2.2 ", 4, false}, {"5.0.0", 5, true}, {"4.4.7", 4, true},
        {"5.4.7", 5, false},  {"2.0.0", 2, true},    {"", 0, false},     {"5.1", 0, false},
        {"5.1.1x", 0, false}, {"3.1.1", 0, false},   {"5..1", 0, false}, {"5.1.1 (full)", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct smtp_status s = smtp_status_parse(span_of(cases[i].text));
        assert_int_equal(s.class, cases[i].class);
        if (s.class)
            assert_int_equal(!!smtp_status_is_weak(&s), cases[i].weak);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply),
        cmocka_unit_test(only_so_much_is_read),
        cmocka_unit_test(the_field_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
