/* collector/aws/sns: what a message of SNS must hold, what is signed of it, which certificates sign, and where they may
 * come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/sns_certificates.h"
#include "core/clock.h"
#include "sns_maker.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static EVP_PKEY *key, *other_key;
static char *certificate;

static int make_keys(void **state) {
    (void)state;
    key = maker_key(2048);
    other_key = maker_key(2048);
    certificate = maker_certificate(key, "sns.amazonaws.com", -3600, 86400);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    free(certificate);
    return 0;
}

/* --- topics ------------------------------------------------------------------------------------------------------- */

static void topics(void **state) {
    (void)state;
    static const struct {
        const char *arn, *domain; /* NULL: no topic */
    } cases[] = {
        {MAKER_TOPIC, "amazonaws.com"},
        {"arn:aws-us-gov:sns:us-gov-west-1:123456789012:t", "amazonaws.com"},
        {"arn:aws-cn:sns:cn-north-1:123456789012:t", "amazonaws.com.cn"},
        {"arn:aws-eusc:sns:eusc-de-east-1:123456789012:t", "amazonaws.eu"},
        {"arn:aws:sns:eu-west-1:123456789012:a-b_c.fifo", "amazonaws.com"},
        {"", NULL},
        {"arn:aws:sns:eu-west-1:123456789012:", NULL},
        {"arn:aws:sns:eu-west-1:123456789012", NULL},
        {"arn:aws:sns:eu-west-1:12345678901:t", NULL},
        {"arn:aws:sns:eu-west-1:12345678901x:t", NULL},
        {"arn:aws:sns:eu.evil.example/:123456789012:t", NULL},
        {"arn:aws:sns::123456789012:t", NULL},
        {"arn:aws:sns:EU-west-1:123456789012:t", NULL},
        {"arn:aws:sqs:eu-west-1:123456789012:t", NULL},
        {"arn:evil:sns:eu-west-1:123456789012:t", NULL},
        {"urn:aws:sns:eu-west-1:123456789012:t", NULL},
        {"arn:aws:sns:eu-west-1:123456789012:a:b", NULL},
        {"arn:aws:sns:eu-west-1:123456789012:a b", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sns_topic t;
        bool good = sns_topic_parse(span_of(cases[i].arn), &t);
        if (good != (cases[i].domain != NULL) || (good && strcmp(t.domain, cases[i].domain) != 0))
            fail_msg("%s", cases[i].arn);
    }
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

#define REST                                                                                                           \
    "\"MessageId\":\"i\",\"TopicArn\":\"" MAKER_TOPIC "\",\"Message\":\"m\",\"Timestamp\":\"2026-11-20T08:15:30."      \
    "123Z\""
#define SIGNED ",\"SignatureVersion\":\"1\",\"Signature\":\"AAAA\",\"SigningCertURL\":\"" MAKER_URL "\"}"

static void messages(void **state) {
    (void)state;
    static const struct {
        const char *body, *wrong; /* NULL: good */
    } cases[] = {
        {"{\"Type\":\"Notification\"," REST SIGNED, NULL},
        {"{\"Type\":\"Notification\",\"New\":[1,{}]," REST SIGNED, NULL},
        {"{\"Type\":\"UnsubscribeConfirmation\",\"Token\":\"t\",\"SubscribeURL\":\"u\"," REST SIGNED, NULL},
        {"{\"Type\":\"SubscriptionConfirmation\"," REST SIGNED, "Token"},
        {"{\"Type\":\"SubscriptionConfirmation\",\"Token\":\"\",\"SubscribeURL\":\"u\"," REST SIGNED, "Token"},
        {"{\"Type\":\"Other\"," REST SIGNED, "Type"},
        {"{" REST SIGNED, "Type"},
        {"{\"Type\":1," REST SIGNED, "Type"},
        {"{\"Type\":\"Notification\",\"Type\":\"Notification\"," REST SIGNED, "JSON"},
        {"{\"Type\":\"Notification\"," REST "}", "signature"},
        {"{\"Type\":\"Notification\"," REST ",\"SignatureVersion\":\"3\",\"Signature\":\"A\",\"SigningCertURL\":\"u\"}",
         "signature"},
        {"{\"Type\":\"Notification\",\"MessageId\":\"i\",\"TopicArn\":\"x\",\"Message\":\"m\"" SIGNED, "TopicArn"},
        {"{\"Type\":\"Notification\",\"MessageId\":\"i\",\"TopicArn\":\"" MAKER_TOPIC
         "\",\"Message\":\"m\",\"Timestamp\":\"yesterday\"" SIGNED,
         "Timestamp"},
        {"{\"Type\":\"Notification\",\"MessageId\":\"i\",\"TopicArn\":\"" MAKER_TOPIC
         "\",\"Message\":\"m\",\"Timestamp\":\"2026-11-20T08:15:30.123Z\\u0000\"" SIGNED,
         "Timestamp"},
        {"[]", "JSON"},
        {"", "JSON"},
        {"{", "JSON"},
        {"null", "JSON"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sns_message m;
        struct err err = {0};
        bool good = sns_message_parse(&m, span_of(cases[i].body), &err);
        if (good == (cases[i].wrong != NULL) || (!good && !strstr(err.text, cases[i].wrong)))
            fail_msg("%s: %s", cases[i].body, err.text);
        if (good)
            assert_int_equal(m.time_ms, 1795162530123);
        sns_message_deinit(&m);
    }
}

static void expect_text(const char *body, const char *wanted) {
    struct sns_message m;
    struct err err = {0};
    struct buf text;
    buf_init(&text, 4096);
    assert_true(sns_message_parse(&m, span_of(body), &err));
    sns_signed_text(&m, &text);
    buf_append_char(&text, '\0');
    assert_string_equal(text.data, wanted);
    buf_deinit(&text);
    sns_message_deinit(&m);
}

/* The forms of the documentation: a subject only where there is one, the token only where something is confirmed. */
static void signed_texts(void **state) {
    (void)state;
    expect_text("{\"Type\":\"Notification\"," REST SIGNED,
                "Message\nm\nMessageId\ni\nTimestamp\n2026-11-20T08:15:30.123Z"
                "\nTopicArn\n" MAKER_TOPIC "\nType\nNotification\n");
    expect_text(
        "{\"Type\":\"Notification\",\"Subject\":\"\\u00e9\\n\"," REST SIGNED,
        "Message\nm\nMessageId\ni\nSubject\n\xc3\xa9\n\nTimestamp\n2026-11-20T08:15:30.123Z\nTopicArn\n" MAKER_TOPIC
        "\nType\nNotification\n");
    expect_text(
        "{\"Type\":\"SubscriptionConfirmation\",\"Subject\":\"no\",\"Token\":\"t\",\"SubscribeURL\":\"u\"," REST SIGNED,
        "Message\nm\nMessageId\ni\nSubscribeURL\nu\nTimestamp\n2026-11-20T08:15:30.123Z\nToken\nt\nTopicArn"
        "\n" MAKER_TOPIC "\nType\nSubscriptionConfirmation\n");
}

/* --- signatures --------------------------------------------------------------------------------------------------- */

static bool is_verified(const char *body, const char *pem, struct err *err) {
    struct sns_message m;
    *err = (struct err){0};
    bool good = sns_message_parse(&m, span_of(body), err) && sns_verify(&m, span_of(pem), clock_wall_ms(), err);
    sns_message_deinit(&m);
    return good;
}

static void genuine(void **state) {
    (void)state;
    static const struct maker_message cases[] = {
        {.message = "hello"},
        {.message = "hello", .version = "1"},
        {.message = "hello", .subject = "of what"},
        {.message = ""},
        {.message = "confirm", .type = "SubscriptionConfirmation"},
        {.message = "gone", .type = "UnsubscribeConfirmation", .version = "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        char *body = maker_body(key, &cases[i], cases[i].message);
        if (!is_verified(body, certificate, &err))
            fail_msg("%s: %s", body, err.text);
        free(body);
    }
}

/* Whatever byte of a signed value is changed, it is noticed. */
static void forged(void **state) {
    (void)state;
    struct err err;
    char *body = maker_body(key, &(struct maker_message){.message = "hello", .subject = "of what"}, "hello");
    static const char *const changes[][2] = {{"\"hello\"", "\"hellp\""},
                                             {"\"of what\"", "\"of that\""},
                                             {"\"id-1\"", "\"id-2\""},
                                             {"ses-events\"", "ses-other_\""},
                                             {"08:15:30", "08:15:31"},
                                             {"\"SignatureVersion\":\"2\"", "\"SignatureVersion\":\"1\""},
                                             {"\"Signature\":\"", "\"Signature\":\"AAAA"},
                                             {"\"Subject\"", "\"Object_\""}};
    for (size_t i = 0; i < COUNT(changes); i++) {
        char changed[4096];
        char *at = strstr(body, changes[i][0]);
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - body), body, changes[i][1],
                 at + strlen(changes[i][0]));
        if (is_verified(changed, certificate, &err))
            fail_msg("%s", changes[i][1]);
    }
    free(body);
    body = maker_body(other_key, &(struct maker_message){.message = "hello"}, "hello");
    assert_false(is_verified(body, certificate, &err));
    assert_string_equal(err.text, "the signature is wrong");
    free(body);
}

static void certificates(void **state) {
    (void)state;
    static const struct {
        const char *name, *topic;
        long from_s, to_s;
        const char *wrong;
    } cases[] = {
        {"sns.amazonaws.com", NULL, -10, 86400, NULL},
        {"sns.eu-west-1.amazonaws.com", NULL, -10, 86400, NULL},
        {"sns.amazonaws.com", "arn:aws-cn:sns:cn-north-1:123456789012:t", -10, 86400, NULL},
        {"sns.cn-north-1.amazonaws.com.cn", "arn:aws-cn:sns:cn-north-1:123456789012:t", -10, 86400, NULL},
        {"sns.cn-north-1.amazonaws.com.cn", NULL, -10, 86400, "for SNS"},
        {"sns.amazonaws.com.evil.example", NULL, -10, 86400, "for SNS"},
        {"evil-sns.amazonaws.com", NULL, -10, 86400, "for SNS"},
        {"sns.a.b.amazonaws.com", NULL, -10, 86400, "for SNS"},
        {"sns..amazonaws.com", NULL, -10, 86400, "for SNS"},
        {"sqs.amazonaws.com", NULL, -10, 86400, "for SNS"},
        {"sns.amazonaws.com", NULL, 3600, 86400, "in its time"},
        {"sns.amazonaws.com", NULL, -86400, -3600, "in its time"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        char *pem = maker_certificate(key, cases[i].name, cases[i].from_s, cases[i].to_s);
        char *body = maker_body(key, &(struct maker_message){.message = "x", .topic = cases[i].topic}, "x");
        bool good = is_verified(body, pem, &err);
        if (good == (cases[i].wrong != NULL) || (!good && !strstr(err.text, cases[i].wrong)))
            fail_msg("%s: %s", cases[i].name, err.text);
        free(pem);
        free(body);
    }
}

static void poor_certificates(void **state) {
    (void)state;
    struct err err = {0};
    EVP_PKEY *small = maker_key(1024), *curve = EVP_EC_gen("P-256");
    char *of_small = maker_certificate(small, "sns.amazonaws.com", -10, 86400);
    char *of_curve = maker_certificate(curve, "sns.amazonaws.com", -10, 86400);
    char *body = maker_body(small, &(struct maker_message){.message = "x"}, "x");
    assert_false(is_verified(body, of_small, &err));
    assert_non_null(strstr(err.text, "2048"));
    assert_false(is_verified(body, of_curve, &err));
    assert_false(is_verified(body, "", &err));
    assert_false(is_verified(body, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &err));
    free(body);
    free(of_small);
    free(of_curve);
    EVP_PKEY_free(small);
    EVP_PKEY_free(curve);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

#define NAME "SimpleNotificationService-0123456789abcdef.pem"

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *url, *endpoint, *topic;
        bool good;
    } cases[] = {
        {MAKER_URL, NULL, NULL, true},
        {"https://sns.eu-west-1.amazonaws.com/" NAME, NULL, NULL, true},
        {"https://sns.cn-north-1.amazonaws.com.cn/" NAME, NULL, "arn:aws-cn:sns:cn-north-1:123456789012:t", true},
        {"http://127.0.0.1:1234/" NAME, "http://127.0.0.1:1234/", NULL, true},
        {"https://sns.eu-west-1.amazonaws.com/" NAME, "http://127.0.0.1:1234", NULL, false},
        {"https://sns.us-east-1.amazonaws.com/" NAME, NULL, NULL, false}, /* another region */
        {"http://sns.eu-west-1.amazonaws.com/" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com.evil.example/" NAME, NULL, NULL, false},
        {"https://evil.example/" NAME, NULL, NULL, false},
        {"https://user@sns.eu-west-1.amazonaws.com/" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com@evil.example/" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com:444/" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com//" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/x/" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/" NAME "?x", NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/../" NAME, NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/", NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem", NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789ABCDEF.pem", NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcde/.pem", NULL, NULL, false},
        {"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&x=.pem", NULL, NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sns_message m;
        struct err err = {0};
        struct buf url;
        buf_init(&url, 512);
        char *body =
            maker_body(key, &(struct maker_message){.message = "x", .url = cases[i].url, .topic = cases[i].topic}, "x");
        assert_true(sns_message_parse(&m, span_of(body), &err));
        bool good = sns_certificate_url(&m, cases[i].endpoint, &url, &err);
        if (good != cases[i].good || (good && !span_eq(buf_span(&url), span_of(cases[i].url))))
            fail_msg("%s", cases[i].url);
        sns_message_deinit(&m);
        buf_deinit(&url);
        free(body);
    }
}

static void names(void **state) {
    (void)state;
    char one[SNS_NAME_SIZE], two[SNS_NAME_SIZE];
    struct sns_message m;
    struct err err = {0};
    char *body = maker_body(key, &(struct maker_message){.type = "SubscriptionConfirmation", .message = "x"}, "x");
    assert_true(sns_message_parse(&m, span_of(body), &err));
    sns_confirmation_name(&m, one);
    m.token.len--;
    sns_confirmation_name(&m, two);
    assert_int_equal(strspn(one, "0123456789abcdef"), SNS_NAME_SIZE - 1);
    assert_string_not_equal(one, two);
    assert_null(strstr(one, "0123456789abcdef"));
    sns_message_deinit(&m);
    free(body);
}

/* --- certificates as files ---------------------------------------------------------------------------------------- */

static void files(void **state) {
    (void)state;
    char path[] = "/tmp/sns_test.XXXXXX";
    char *list[] = {path};
    const struct aws_settings settings = {0};
    struct err err = {0};
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    assert_null(sns_certificates_create(&settings, list, 1, &err)); /* empty */
    fputs(certificate, f);
    fclose(f);
    err = (struct err){0};
    struct sns_certificates *c = sns_certificates_create(&settings, list, 1, &err);
    assert_non_null(c);
    for (int forged_one = 0; forged_one < 2; forged_one++) {
        struct sns_message m;
        char *body = maker_body(forged_one ? other_key : key, &(struct maker_message){.message = "x"}, "x");
        assert_true(sns_message_parse(&m, span_of(body), &err));
        assert_int_equal(sns_certificates_check(c, &m, clock_wall_ms(), NULL, &err),
                         forged_one ? SNS_FORGED : SNS_GENUINE);
        sns_message_deinit(&m);
        free(body);
    }
    sns_certificates_destroy(c);
    remove(path);
    err = (struct err){0};
    assert_null(sns_certificates_create(&settings, list, 1, &err));
    assert_int_equal(err.code, ERR_CONFIG);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics),       cmocka_unit_test(messages),
        cmocka_unit_test(signed_texts), cmocka_unit_test(genuine),
        cmocka_unit_test(forged),       cmocka_unit_test(certificates),
        cmocka_unit_test(addresses),    cmocka_unit_test(names),
        cmocka_unit_test(files),        cmocka_unit_test(poor_certificates),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
