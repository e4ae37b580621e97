/* aws/sigv4 and aws/msk_token: signatures as botocore 1.x makes them for the same request at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "aws/msk_token.h"
#include "aws/sigv4.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TOKEN        "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCWV1LXdlc3QtMSJHMEUCIQ+a/b=="

static char access_key[] = "AKIDEXAMPLE", secret_key[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token[] = TOKEN;

#define FIRST_MS  INT64_C(1795162530000) /* 2026-11-20T08:15:30Z */
#define SECOND_MS INT64_C(1709251199000) /* 2024-02-29T23:59:59Z */

static const struct sigv4_parameter connect_parameters[] = {{"Action", "kafka-cluster:Connect"}};
static const struct sigv4_parameter odd_parameters[] = {{"x", "a b+c/d~e_f-g.h*(')"}, {"versionId", ""}};
static const struct sigv4_parameter sorted_parameters[] = {
    {"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}, {"\xc3\x9c", "\xc3\xa4"}};

static const struct {
    struct sigv4_presign request;
    bool has_token;
    const char *signature;
} vectors[] = {
    {{"kafka-cluster", "eu-west-1", "kafka.eu-west-1.amazonaws.com", "/", connect_parameters, 1, FIRST_MS, 900},
     false,
     "c172dd890921a13940171c52e7877973cc7094e206c7b4bf67222656f848af91"},
    {{"kafka-cluster", "us-east-1", "kafka.us-east-1.amazonaws.com", "/", connect_parameters, 1, SECOND_MS, 900},
     true,
     "8ebac7064b6b12a4346885e609eb7aca21978bac05a33363493d37a26afa363f"},
    {{"s3", "eu-central-1", "bucket.s3.eu-central-1.amazonaws.com", "/a/b.json", odd_parameters, 2, FIRST_MS, 60},
     false,
     "ee0f24d9a7def4013741f648b6cef2516eb194ff086755c925ae8df112b04bd3"},
    {{"sts", "ap-southeast-2", "sts.ap-southeast-2.amazonaws.com", "/", sorted_parameters, 3, SECOND_MS, 604800},
     true,
     "8dc2598f096c5718b12db0ecd716b51b04388e2c3010fb262ed63c972cf1b858"},
};

static void signatures_are_those_of_aws(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct aws_credentials c = {access_key, secret_key, vectors[i].has_token ? session_token : NULL, INT64_MAX};
        struct buf url;
        buf_init(&url, 16 << 10);
        assert_true(sigv4_presign_url(&vectors[i].request, &c, &url));
        assert_true(buf_append_char(&url, 0));
        const char *signature = strstr(url.data, "X-Amz-Signature=");
        assert_non_null(signature);
        assert_string_equal(signature + strlen("X-Amz-Signature="), vectors[i].signature);
        assert_null(strstr(url.data, secret_key));
        buf_deinit(&url);
    }
}

static void too_small_a_place_is_no_url(void **state) {
    (void)state;
    struct aws_credentials c = {access_key, secret_key, NULL, INT64_MAX};
    struct buf url;
    buf_init(&url, 100);
    assert_false(sigv4_presign_url(&vectors[0].request, &c, &url));
    buf_deinit(&url);
}

static void token_is_the_url_in_base64url(void **state) {
    (void)state;
    static const char expected[] =
        "aHR0cHM6Ly9rYWZrYS5ldS13ZXN0LTEuYW1hem9uYXdzLmNvbS8_QWN0aW9uPWthZmthLWNsdXN0ZXIlM0FDb25uZWN0JlgtQW16LUFsZ29y"
        "aXRobT1BV1M0LUhNQUMtU0hBMjU2JlgtQW16LUNyZWRlbnRpYWw9QUtJREVYQU1QTEUlMkYyMDI2MTEyMCUyRmV1LXdlc3QtMSUyRmthZmth"
        "LWNsdXN0ZXIlMkZhd3M0X3JlcXVlc3QmWC1BbXotRGF0ZT0yMDI2MTEyMFQwODE1MzBaJlgtQW16LUV4cGlyZXM9OTAwJlgtQW16LVNpZ25l"
        "ZEhlYWRlcnM9aG9zdCZYLUFtei1TaWduYXR1cmU9YzE3MmRkODkwOTIxYTEzOTQwMTcxYzUyZTc4Nzc5NzNjYzcwOTRlMjA2YzdiNGJmNjcy"
        "MjI2NTZmODQ4YWY5MSZVc2VyLUFnZW50PXNlcy1jb2xsZWN0b3I";
    struct aws_credentials c = {access_key, secret_key, NULL, INT64_MAX};
    struct err err = {0};
    struct buf token;
    buf_init(&token, 16 << 10);
    assert_true(msk_token_make("eu-west-1", &c, FIRST_MS, &token, &err));
    assert_string_equal(token.data, expected);
    buf_deinit(&token);
}

static void credentials_are_of_the_environment(void **state) {
    (void)state;
    struct aws_credentials c;
    struct err err = {0};
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SESSION_TOKEN");
    setenv("AWS_SECRET_ACCESS_KEY", secret_key, 1);
    assert_false(aws_credentials_get(&c, &err));
    assert_non_null(strstr(err.text, "AWS_ACCESS_KEY_ID"));
    assert_null(strstr(err.text, secret_key));
    setenv("AWS_ACCESS_KEY_ID", access_key, 1);
    assert_true(aws_credentials_get(&c, &err));
    assert_string_equal(c.access_key, access_key);
    assert_string_equal(c.secret_key, secret_key);
    assert_null(c.session_token);
    aws_credentials_deinit(&c);
    setenv("AWS_SESSION_TOKEN", session_token, 1);
    assert_true(aws_credentials_get(&c, &err));
    assert_string_equal(c.session_token, session_token);
    aws_credentials_deinit(&c);
    assert_null(c.access_key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_aws),
        cmocka_unit_test(too_small_a_place_is_no_url),
        cmocka_unit_test(token_is_the_url_in_base64url),
        cmocka_unit_test(credentials_are_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
