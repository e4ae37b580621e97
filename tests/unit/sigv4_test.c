/* aws/sigv4 and aws/msk_token: signatures as botocore 1.x makes them for the same request at the same time, and as AWS
 * has published them. tests/integration/sigv4.sh compares thousands more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
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

/* --- signed in the headers: examples that AWS has published ------------------------------------------------------- */

#define SUITE_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define S3_MS    INT64_C(1369353600000) /* 2013-05-24T00:00:00Z */
#define SUITE    .service = "service", .region = "us-east-1", .host = "example.amazonaws.com", .now_ms = SUITE_MS
#define S3       .service = "s3", .region = "us-east-1", .host = "examplebucket.s3.amazonaws.com", .now_ms = S3_MS

static char s3_access_key[] = "AKIAIOSFODNN7EXAMPLE", s3_secret_key[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#define PARAMETERS(...)                                                                                                \
    .parameters = (const struct sigv4_parameter[]){__VA_ARGS__},                                                       \
    .parameter_count = sizeof((const struct sigv4_parameter[]){__VA_ARGS__}) / sizeof(struct sigv4_parameter)
#define HEADERS(...)                                                                                                   \
    .headers = (const struct http_header[]){__VA_ARGS__},                                                              \
    .header_count = sizeof((const struct http_header[]){__VA_ARGS__}) / sizeof(struct http_header)

/* Of the suite of AWS's Signature Version 4 (but for its paths that are sent unencoded), of its General Reference, and
 * of S3's API Reference. */
static const struct {
    const char *name;
    struct sigv4_request request;
    const char *target, *signed_headers, *signature;
} published[] = {
    {"get-vanilla",
     {SUITE, .method = "GET", .path = "/"},
     "/",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"post-vanilla",
     {SUITE, .method = "POST", .path = "/"},
     "/",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"get-vanilla-query-order-key-case",
     {SUITE, .method = "GET", .path = "/", PARAMETERS({"Param2", "value2"}, {"Param1", "value1"})},
     "/?Param1=value1&Param2=value2",
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-unreserved",
     {SUITE, .method = "GET", .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
     "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     "host;x-amz-date",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-relative-relative",
     {SUITE, .method = "GET", .path = "/example1/example2/../.."},
     "/example1/example2/../..",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-dot-slash",
     {SUITE, .method = "GET", .path = "/./"},
     "/./",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-header-value-trim",
     {SUITE, .method = "GET", .path = "/", HEADERS({"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""})},
     "/",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"ListUsers",
     {.service = "iam",
      .region = "us-east-1",
      .host = "iam.amazonaws.com",
      .now_ms = SUITE_MS,
      .method = "GET",
      .path = "/",
      PARAMETERS({"Action", "ListUsers"}, {"Version", "2010-05-08"}),
      HEADERS({"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"})},
     "/?Action=ListUsers&Version=2010-05-08",
     "content-type;host;x-amz-date",
     "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
    {"GET Object",
     {S3, .method = "GET", .path = "/test.txt", HEADERS({"Range", "bytes=0-9"})},
     "/test.txt",
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT Object",
     {S3, .method = "PUT", .path = "/test$file.text",
      HEADERS({"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}),
      .body = {"Welcome to Amazon S3.", 21}},
     "/test%24file.text",
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET Bucket Lifecycle",
     {S3, .method = "GET", .path = "/", PARAMETERS({"lifecycle", ""})},
     "/?lifecycle=",
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"Get Bucket (List Objects)",
     {S3, .method = "GET", .path = "/", PARAMETERS({"prefix", "J"}, {"max-keys", "2"})},
     "/?max-keys=2&prefix=J",
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static const char *header_of(const struct sigv4_signed *s, const char *name) {
    for (size_t i = 0; i < s->header_count; i++)
        if (strcmp(s->headers[i].name, name) == 0)
            return s->headers[i].value;
    return NULL;
}

static void published_examples_are_signed_as_published(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(published); i++) {
        bool s3 = strcmp(published[i].request.service, "s3") == 0;
        struct aws_credentials c = {s3 ? s3_access_key : access_key, s3 ? s3_secret_key : secret_key, NULL, INT64_MAX};
        struct sigv4_signed out;
        char expected[512];
        assert_true(sigv4_sign(&published[i].request, &c, &out));
        const char *line = header_of(&out, "authorization");
        assert_non_null(line);
        const char *names = strstr(line, "SignedHeaders=");
        assert_non_null(names);
        snprintf(expected, sizeof expected, "SignedHeaders=%s, Signature=%s", published[i].signed_headers,
                 published[i].signature);
        if (strcmp(names, expected) != 0)
            fail_msg("%s: %s, not %s", published[i].name, names, expected);
        assert_string_equal(out.target.data, published[i].target);
        sigv4_signed_deinit(&out);
    }
}

/* --- signed in the headers: the rest ------------------------------------------------------------------------------ */

static void token_is_sent_and_signed(void **state) {
    (void)state;
    struct aws_credentials c = {access_key, secret_key, session_token, INT64_MAX};
    struct sigv4_request request = {S3, .method = "GET", .path = "/"};
    struct sigv4_signed out;
    assert_true(sigv4_sign(&request, &c, &out));
    assert_string_equal(header_of(&out, "x-amz-security-token"), TOKEN);
    assert_non_null(strstr(header_of(&out, "authorization"), ";x-amz-security-token,"));
    assert_null(strstr(header_of(&out, "authorization"), secret_key));
    sigv4_signed_deinit(&out);
}

static void without_credentials_nothing_is_signed(void **state) {
    (void)state;
    struct sigv4_request request = {S3, .method = "GET", .path = "/a b", PARAMETERS({"x", "+"}),
                                    HEADERS({"Range", "bytes=5-"})};
    struct sigv4_signed out;
    assert_true(sigv4_sign(&request, NULL, &out));
    assert_string_equal(out.target.data, "/a%20b?x=%2B");
    assert_int_equal(out.header_count, 1);
    assert_string_equal(out.headers[0].name, "Range");
    sigv4_signed_deinit(&out);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    struct aws_credentials c = {access_key, secret_key, NULL, INT64_MAX};
    struct sigv4_parameter many[SIGV4_PARAMETERS_MAX + 1];
    struct http_header headers[SIGV4_HEADERS_MAX];
    struct sigv4_signed out;
    char *path = malloc(100000);
    memset(path, '/', 99999);
    path[99999] = 0;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct sigv4_parameter){"a", "b"};
    for (size_t i = 0; i < COUNT(headers); i++)
        headers[i] = (struct http_header){"a", "b"};
    const struct sigv4_request bad[] = {
        {S3, .method = "GET", .path = "/", .parameters = many, .parameter_count = COUNT(many)},
        {S3, .method = "GET", .path = "/", .headers = headers, .header_count = COUNT(headers) - 4},
        {S3, .method = "GET", .path = path},
        {S3, .method = "GET", .path = "no/slash"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(sigv4_sign(&bad[i], &c, &out));
        sigv4_signed_deinit(&out);
    }
    struct sigv4_request most = {S3, .method = "GET", .path = "/", .headers = headers,
                                 .header_count = COUNT(headers) - 5};
    c.session_token = session_token;
    assert_true(sigv4_sign(&most, &c, &out));
    sigv4_signed_deinit(&out);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_aws),   cmocka_unit_test(too_small_a_place_is_no_url),
        cmocka_unit_test(token_is_the_url_in_base64url), cmocka_unit_test(published_examples_are_signed_as_published),
        cmocka_unit_test(token_is_sent_and_signed),      cmocka_unit_test(without_credentials_nothing_is_signed),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
