/* collector/aws/ses: which calls are made, and what their answers mean. Instead of a session there is one prepared
 * answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aws/ses.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- the session -------------------------------------------------------------------------------------------------- */

static struct {
    bool ok;
    int status;
    const char *code, *body;
    char called[500];
    unsigned deinits;
} session;

bool aws_perform(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer, const atomic_bool *stop,
                 struct err *err) {
    (void)s, (void)stop;
    assert_string_equal(call->service, "ses");
    assert_string_equal(call->prefix, "email");
    assert_null(call->bucket);
    assert_int_equal(call->parameter_count, 0);
    assert_true(call->timeout_ms > 0);
    assert_false(call->once || call->anonymous);
    assert_int_equal(call->header_count, call->body.len ? 1 : 0);
    snprintf(session.called, sizeof session.called, "%s %s %.*s", call->method, call->path, (int)call->body.len,
             call->body.len ? call->body.ptr : "");
    *answer = (struct aws_answer){.status = session.status};
    snprintf(answer->code, sizeof answer->code, "%s", session.code);
    buf_init(&answer->body, 1000);
    if (session.ok && session.body)
        buf_append_str(&answer->body, session.body);
    return session.ok || err_set(err, ERR_IO, "as prepared");
}

void aws_answer_deinit(struct aws_answer *a) {
    session.deinits++;
    buf_deinit(&a->body);
}

static void prepare(bool ok, int status, const char *code, const char *body) {
    session.ok = ok;
    session.status = status;
    session.code = code;
    session.body = body;
    session.deinits = 0;
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void calls(void **state) {
    (void)state;
    static const struct {
        const char *set;
        bool enabled;
        const char *called;
    } cases[] = {
        {"", false, "PUT /v2/email/account/sending {\"SendingEnabled\":false}"},
        {"", true, "PUT /v2/email/account/sending {\"SendingEnabled\":true}"},
        {"news_-1", false, "PUT /v2/email/configuration-sets/news_-1/sending {\"SendingEnabled\":false}"},
        {"1234567890123456789012345678901234567890123456789012345678901234", true,
         "PUT /v2/email/configuration-sets/1234567890123456789012345678901234567890123456789012345678901234/sending "
         "{\"SendingEnabled\":true}"},
    };
    prepare(true, 200, "", "{}");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        assert_int_equal(ses_set_sending(NULL, cases[i].set, cases[i].enabled, NULL, &err), SES_DONE);
        assert_string_equal(session.called, cases[i].called);
    }
    assert_int_equal(session.deinits, COUNT(cases));
}

static void answers(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *code;
        enum ses_result wanted;
    } cases[] = {
        {0, "", SES_UNSURE},
        {500, "InternalFailure", SES_UNSURE},
        {503, "", SES_UNSURE},
        {403, "AccessDeniedException", SES_FAILED},
        {403, "ExpiredTokenException", SES_FAILED},
        {400, "Throttling", SES_FAILED},
        {429, "TooManyRequestsException", SES_FAILED},
        {404, "NotFoundException", SES_REFUSED},
        {404, "", SES_FAILED}, /* not SES's own words: somebody else's server */
        {400, "BadRequestException", SES_REFUSED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        bool enabled = true;
        prepare(false, cases[i].status, cases[i].code, NULL);
        assert_int_equal(ses_set_sending(NULL, "a", false, NULL, &err), cases[i].wanted);
        assert_int_equal(ses_get_sending(NULL, "a", &enabled, NULL, &err), cases[i].wanted);
        assert_false(enabled);
        assert_string_equal(err.text, "as prepared");
        assert_int_equal(session.deinits, 2);
    }
}

static void looking(void **state) {
    (void)state;
    static const struct {
        const char *set, *body;
        enum ses_result wanted;
        bool enabled;
    } cases[] = {
        {"", "{\"SendingEnabled\":true,\"EnforcementStatus\":\"HEALTHY\"}", SES_DONE, true},
        {"", "{\"SendingEnabled\":false}", SES_DONE, false},
        {"a", "{\"ConfigurationSetName\":\"a\",\"SendingOptions\":{\"SendingEnabled\":true}}", SES_DONE, true},
        {"a", "{\"SendingOptions\":{\"SendingEnabled\":false}}", SES_DONE, false},
        {"a", "{\"SendingEnabled\":true}", SES_FAILED, false},
        {"", "{\"SendingEnabled\":\"true\"}", SES_FAILED, false},
        {"", "[]", SES_FAILED, false},
        {"", "", SES_FAILED, false},
        {"", "<html>", SES_FAILED, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        bool enabled;
        prepare(true, 200, "", cases[i].body);
        assert_int_equal(ses_get_sending(NULL, cases[i].set, &enabled, NULL, &err), cases[i].wanted);
        assert_int_equal(enabled, cases[i].enabled);
        assert_string_equal(session.called,
                            *cases[i].set ? "GET /v2/email/configuration-sets/a " : "GET /v2/email/account ");
        assert_true((err.text[0] != '\0') == (cases[i].wanted != SES_DONE));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls), cmocka_unit_test(answers), cmocka_unit_test(looking)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
