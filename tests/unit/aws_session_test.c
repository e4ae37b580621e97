/* aws/session: what is tried again and what is not, the budget, the clock, credentials that AWS refuses, regions that
 * it names, streams; and what is said when a call fails. Against a server that answers as the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/session.h"
#include "aws/session_internal.h"
#include "core/log.h"
#include "unit/aws_script.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct aws_session *session;
static struct err err;
static struct aws_answer got;

static void open_session(const struct aws_settings *settings) {
    aws_session_close(session);
    err = (struct err){0};
    session = aws_session_open(settings, &err);
    assert_non_null(session);
}

static const struct aws_call get = {.service = "s3", .bucket = "logs", .method = "GET", .path = "/year=2024/a+b"};
static const struct aws_call receive = {.service = "sqs",
                                        .method = "POST",
                                        .path = "/",
                                        .headers =
                                            (const struct http_header[]){{"x-amz-target", "AmazonSQS.ReceiveMessage"}},
                                        .header_count = 1,
                                        .body = {"{}", 2}};

static bool perform(const struct aws_call *call) {
    aws_answer_deinit(&got);
    err = (struct err){0};
    bool ok = aws_perform(session, call, &got, NULL, &err);
    assert_int_equal(ok, err.code == ERR_NONE);
    assert_null(strstr(err.text, "canary"));
    assert_null(strstr(err.text, "AKID"));
    assert_null(strstr(err.text, "year=2024"));
    return ok;
}

static void expect_words(const char *words) {
    if (!strstr(err.text, words))
        fail_msg("%s\n   does not say: %s", err.text, words);
}

#define ERROR(code, message) "<Error><Code>" code "</Code><Message>" message "</Message></Error>"

/* --- the ordinary ------------------------------------------------------------------------------------------------- */

static void a_call_is_signed_and_answered(void **state) {
    (void)state;
    SCRIPT({.headers = "ETag: \"abc\"\r\nDate: Fri, 20 Nov 2026 08:15:30 GMT\r\n", .body = "hello"});
    struct aws_call call = get;
    call.parameters = (const struct sigv4_parameter[]){{"b", "+"}, {"a", ""}};
    call.parameter_count = 2;
    assert_true(perform(&call));
    assert_int_equal(got.status, 200);
    assert_int_equal(got.body.len, 5);
    assert_string_equal(got.etag, "abc");
    assert_int_equal(got.date_ms, 1795162530000);
    assert_non_null(strstr(request(0)->head, "GET /logs/year%3D2024/a%2Bb?a=&b=%2B HTTP"));
    assert_non_null(strcasestr(request(0)->head, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIDENV/"));
    assert_non_null(strstr(request(0)->head, "/eu-west-1/s3/aws4_request"));
    assert_non_null(strcasestr(request(0)->head, "\r\nx-amz-security-token: " PLACE_TOKEN));
}

static void anonymous_calls_are_not_signed(void **state) {
    (void)state;
    open_session(&(struct aws_settings){.anonymous = true});
    SCRIPT({0}, {.status = 403, .body = ERROR("AccessDenied", "Access Denied")});
    assert_true(perform(&get));
    assert_null(strcasestr(request(0)->head, "\r\nauthorization:"));
    assert_false(perform(&get));
    expect_words("is it public?");
}

static void a_region_is_needed_but_for_s3(void **state) {
    (void)state;
    unsetenv("AWS_REGION");
    open_session(&(struct aws_settings){0});
    SCRIPT({0});
    assert_true(perform(&get));
    assert_non_null(strstr(request(0)->head, "/us-east-1/s3/"));
    assert_false(perform(&receive));
    expect_words("no AWS region for sqs: give it as aws.region, in AWS_REGION, or as region in the profile");
    struct aws_call call = receive;
    call.region = "eu-north-1";
    assert_true(perform(&call));
    assert_non_null(strstr(request(1)->head, "/eu-north-1/sqs/"));
}

/* --- again -------------------------------------------------------------------------------------------------------- */

static void what_may_help_is_tried_again(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *headers, *body;
        size_t attempts;
    } cases[] = {
        {500, NULL, "", 2},
        {502, NULL, "", 2},
        {503, NULL, "not XML", 2},
        {504, NULL, "", 2},
        {429, NULL, "", 2},
        {509, NULL, "", 2},
        {400, NULL, ERROR("RequestTimeout", "slow"), 2},
        {403, NULL, "{\"__type\":\"com.amazonaws.sqs#RequestThrottled\"}", 2},
        {400, "x-amzn-errortype: ThrottlingException:http://x\r\n", "{}", 2},
        {400, NULL, ERROR("InvalidRequest", "no"), 1},
        {404, NULL, ERROR("NoSuchKey", "none"), 1},
        {403, NULL, ERROR("AccessDenied", "no"), 1},
        {412, NULL, "", 1},
        {302, "Location: http://127.0.0.1:1/\r\n", "", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        SCRIPT({.status = cases[i].status, .headers = cases[i].headers, .body = cases[i].body}, {.body = "fine"});
        assert_int_equal(perform(&get), cases[i].attempts == 2);
        assert_int_equal(requests(), cases[i].attempts);
    }
}

static void broken_answers_are_tried_again(void **state) {
    (void)state;
    SCRIPT({.cut = true, .body = "half"}, {.body = "whole"});
    assert_true(perform(&get));
    assert_int_equal(got.body.len, 5);
    assert_int_equal(requests(), 2);
    SCRIPT({.cut = true});
    struct aws_call call = get;
    call.once = true;
    assert_false(perform(&call));
    assert_int_equal(requests(), 1);
}

static void five_times_and_no_more(void **state) {
    (void)state;
    struct aws_counts counts;
    SCRIPT({.status = 500, .body = ERROR("InternalError", "We encountered an internal error.")});
    assert_false(perform(&get));
    assert_int_equal(requests(), 5);
    expect_words("s3:GetObject, bucket logs: InternalError (HTTP 500): We encountered an internal error.");
    assert_string_equal(got.code, "InternalError");
    assert_int_equal(got.status, 500);
    aws_session_counts(session, &counts);
    assert_int_equal(counts.requests, 5);
    assert_int_equal(counts.retries, 4);
    assert_int_equal(counts.failed, 1);
    SCRIPT({.status = 503, .body = ERROR("SlowDown", "slow")}, {0});
    struct aws_call call = get;
    call.once = true;
    assert_false(perform(&call));
    aws_session_counts(session, &counts);
    assert_int_equal(counts.throttled, 1);
}

static void the_budget_ends_a_storm(void **state) {
    (void)state;
    atomic_store(&session->budget.left, 2 * RETRY_COST);
    SCRIPT({.status = 500});
    assert_false(perform(&get));
    assert_int_equal(requests(), 3);
    assert_false(perform(&get));
    assert_int_equal(requests(), 4);
    SCRIPT({0});
    for (int i = 0; i < RETRY_COST; i++)
        assert_true(perform(&get));
    SCRIPT({.status = 500}, {0});
    assert_true(perform(&get));
    assert_int_equal(requests(), 2);
}

static void waits_double_have_a_ceiling_and_listen(void **state) {
    (void)state;
    int64_t most = 0;
    for (unsigned i = 0; i < 1000; i++) {
        assert_in_range(retry_wait_ms(0, false, 0), 0, 50);
        assert_in_range(retry_wait_ms(2, true, 0), 0, 4000);
        assert_in_range(retry_wait_ms(40, true, 0), 0, 20000);
        most = retry_wait_ms(40, true, 0) > most ? retry_wait_ms(40, true, 0) : most;
    }
    assert_true(most > 1000);
    assert_in_range(retry_wait_ms(0, false, 3000), 3000, 3000);
    assert_in_range(retry_wait_ms(0, false, 3600000), 20000, 20000);
}

static void *stop_soon(void *stop) {
    usleep(300000);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void a_wait_ends_when_told_to_stop(void **state) {
    (void)state;
    atomic_bool stop = false;
    pthread_t thread;
    struct aws_answer a;
    SCRIPT({.status = 503, .headers = "Retry-After: 20\r\n"});
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    int64_t begun_ns = clock_monotonic_ns();
    assert_false(aws_perform(session, &get, &a, &stop, &err));
    assert_true(clock_monotonic_ns() - begun_ns < INT64_C(10000000000));
    assert_int_equal(requests(), 1);
    aws_answer_deinit(&a);
    pthread_join(thread, NULL);
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

static const char *date_header(int64_t ahead_s, char to[64]) {
    time_t at = time(NULL) + (time_t)ahead_s;
    struct tm utc;
    gmtime_r(&at, &utc);
    strftime(to, 64, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return to;
}

static int64_t signed_ahead_s(size_t number) {
    char value[64];
    struct tm utc = {0};
    assert_non_null(receiver_header(request(number), "x-amz-date", value, sizeof value));
    assert_non_null(strptime(value, "%Y%m%dT%H%M%SZ", &utc));
    return (int64_t)timegm(&utc) - (int64_t)time(NULL);
}

static void the_clock_is_learned_once_for_all(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body;
    } refusals[] = {
        {403, ERROR("RequestTimeTooSkewed", "The difference is too large")},
        {400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 2015 is now earlier\"}"},
        {403, ERROR("SignatureDoesNotMatch", "Signature not yet current: 2015 is still later")},
    };
    char date[64];
    for (size_t i = 0; i < COUNT(refusals); i++) {
        open_session(&(struct aws_settings){0});
        SCRIPT({.status = refusals[i].status, .headers = date_header(7200, date), .body = refusals[i].body}, {0});
        assert_true(perform(&get));
        assert_int_equal(requests(), 2);
        assert_in_range(signed_ahead_s(0) + 60, 0, 120);
        assert_in_range(signed_ahead_s(1) - 7200 + 60, 0, 120);
        assert_true(perform(&get));
        assert_in_range(signed_ahead_s(2) - 7200 + 60, 0, 120);
    }
}

static void a_clock_that_is_days_off_is_not_believed(void **state) {
    (void)state;
    char date[64];
    SCRIPT({.status = 403,
            .headers = date_header(25 * 3600, date),
            .body = ERROR("RequestTimeTooSkewed", "The difference is too large")});
    assert_false(perform(&get));
    assert_int_equal(requests(), 1);
    expect_words("; the clock of this machine is wrong");
    SCRIPT({.status = 403,
            .headers = date_header(3600, date),
            .body = ERROR("RequestTimeTooSkewed", "The difference is too large")});
    assert_false(perform(&get));
    assert_int_equal(requests(), 2);
}

/* --- credentials -------------------------------------------------------------------------------------------------- */

static void use_process(const char *command) {
    char text[512];
    snprintf(text, sizeof text, "[default]\ncredential_process = %s\n", command);
    place_write("AWS_CONFIG_FILE", "conf", text);
    unsetenv("AWS_ACCESS_KEY_ID");
    open_session(&(struct aws_settings){0});
}

static void expired_credentials_are_looked_for_once(void **state) {
    (void)state;
    char command[256];
    snprintf(command, sizeof command,
             "printf '{\"Version\":1,\"AccessKeyId\":\"AKIDP%%s\",\"SecretAccessKey\":\"%s\"}' $(date +%%s%%N)",
             PLACE_SECRET);
    use_process(command);
    SCRIPT({.status = 400, .body = ERROR("ExpiredToken", "The provided token has expired.")}, {0});
    assert_true(perform(&get));
    assert_int_equal(requests(), 2);
    const char *first = strstr(request(0)->head, "Credential="), *second = strstr(request(1)->head, "Credential=");
    assert_int_not_equal(strncmp(first, second, 35), 0);
    SCRIPT({.status = 403, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}"});
    assert_false(perform(&receive)); /* just looked for: not again so soon */
    assert_int_equal(requests(), 1);
    expect_words("sqs:ReceiveMessage: ExpiredTokenException (HTTP 403): expired; the credentials have expired");
}

static void the_same_credentials_are_not_tried_twice(void **state) {
    (void)state;
    SCRIPT({.status = 403, .body = ERROR("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist")});
    assert_false(perform(&get));
    assert_int_equal(requests(), 1);
    expect_words("; AWS does not know the access key");
}

/* --- regions ------------------------------------------------------------------------------------------------------ */

static void the_stores_region_is_learned_for_the_signature(void **state) {
    (void)state;
    static const char malformed[] =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region "
        "'eu-west-1' is wrong; expecting 'mars-north-1'</Message></Error>";
    SCRIPT({.status = 400, .body = malformed}, {0});
    assert_true(perform(&get));
    assert_int_equal(requests(), 2);
    assert_non_null(strstr(request(1)->head, "/mars-north-1/s3/"));
    assert_true(perform(&get));
    assert_non_null(strstr(request(2)->head, "/mars-north-1/s3/"));
    struct aws_call other = get;
    other.bucket = "other";
    assert_true(perform(&other));
    assert_non_null(strstr(request(3)->head, "/eu-west-1/s3/"));
    SCRIPT({.status = 400, .body = malformed}); /* once */
    struct aws_call third = get;
    third.bucket = "third";
    assert_false(perform(&third));
    assert_int_equal(requests(), 2);
}

static void who_has_an_endpoint_is_not_sent_elsewhere(void **state) {
    (void)state;
    SCRIPT({.status = 301,
            .headers = "x-amz-bucket-region: eu-south-2\r\nLocation: http://127.0.0.1:1/\r\n",
            .body = ERROR("PermanentRedirect", "The bucket is elsewhere")});
    assert_false(perform(&get));
    assert_int_equal(requests(), 1);
    expect_words("the endpoint says that the bucket is in region eu-south-2, not eu-west-1: set aws.region");
    SCRIPT({.status = 301, .headers = "x-amz-bucket-region: evil.example/#\r\n"});
    assert_false(perform(&get));
    assert_null(strstr(err.text, "evil"));
}

/* Without an endpoint of the user's the next attempt would go to AWS: only what is learned is looked at. */
static void a_buckets_region_is_learned(void **state) {
    (void)state;
    char region[ENDPOINT_REGION_MAX];
    for (int i = 0; i < 2 * LEARNED_MAX; i++) {
        char bucket[32];
        snprintf(bucket, sizeof bucket, "bucket%d", i);
        session_learn_region(session, bucket, "eu-south-1");
    }
    session_learn_region(session, "logs", "eu-south-2");
    session_learn_region(session, "logs", "eu-south-2");
    assert_true(session_region_of(session, &get, region, NULL, &err));
    assert_string_equal(region, "eu-south-2");
    struct aws_call old = get;
    old.bucket = "bucket1";
    assert_true(session_region_of(session, &old, region, NULL, &err));
    assert_string_equal(region, "eu-west-1");
    assert_int_equal(session->learned_count, LEARNED_MAX);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

static size_t read_stream(struct http_exchange *x) {
    char piece[1000];
    ssize_t n;
    size_t all = 0;
    while ((n = http_read(x, piece, sizeof piece, &err)) > 0)
        all += (size_t)n;
    assert_int_equal(n, 0);
    http_end(x);
    return all;
}

static void a_stream_begins_in_the_air(void **state) {
    (void)state;
    SCRIPT({.status = 500}, {.headers = "ETag: \"e\"\r\n", .body = "0123456789", .repeat = 100000});
    char path[] = "/a", name[] = "Range", value[] = "bytes=5-";
    struct http_header header = {name, value};
    struct aws_call call = get;
    call.path = path;
    call.headers = &header;
    call.header_count = 1;
    struct aws_flight *f = aws_stream_begin(session, &call, NULL, &err);
    assert_non_null(f);
    memset(path, 'x', 2); /* it has copies */
    memset(value, 'x', 5);
    assert_non_null(receiver_wait(place_server, script.from));
    struct http_exchange *x = aws_stream_wait(f, &got, &err);
    assert_non_null(x);
    assert_string_equal(got.etag, "e");
    assert_int_equal(read_stream(x), 1000000);
    assert_non_null(strstr(request(1)->head, "GET /logs/a HTTP"));
    assert_non_null(strcasestr(request(1)->head, "\r\nrange: bytes=5-"));
    aws_answer_deinit(&got);
}

static void a_stream_that_fails_says_why(void **state) {
    (void)state;
    SCRIPT({.status = 404, .body = ERROR("NoSuchKey", "The specified key does not exist.")});
    assert_null(aws_stream(session, &get, &got, NULL, &err));
    assert_int_equal(got.status, 404);
    assert_string_equal(got.code, "NoSuchKey");
    aws_answer_deinit(&got);
    struct aws_flight *f = aws_stream_begin(session, &get, NULL, &err);
    assert_non_null(f);
    receiver_wait(place_server, script.from + 1); /* or it would arrive in the next test */
    aws_stream_drop(f);
    aws_stream_drop(NULL);
    unsetenv("AWS_ACCESS_KEY_ID");
    open_session(&(struct aws_settings){0});
    err = (struct err){0};
    assert_null(aws_stream_begin(session, &get, NULL, &err));
    expect_words("s3:GetObject, bucket logs: no AWS credentials: environment");
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static void failures_say_what_to_do_and_no_secret(void **state) {
    (void)state;
    static const struct {
        const char *service, *method, *path;
        int status;
        const char *body, *words;
    } cases[] = {
        {"s3", "GET", "/", 403, ERROR("AccessDenied", "Access Denied"),
         "s3:ListBucket, bucket logs: AccessDenied (HTTP 403): Access Denied; the permission s3:ListBucket may be "
         "missing"},
        {"s3", "GET", "/k", 403, ERROR("AccessDenied", "not authorized to perform: kms:Decrypt on it"),
         "allow kms:Decrypt"},
        {"s3", "GET", "/k", 403, "", "s3:GetObject, bucket logs: HTTP 403; the permission s3:GetObject may be missing"},
        {"s3", "GET", "/k", 403,
         "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not "
         "match.</Message><AWSAccessKeyId>AKIDENV</AWSAccessKeyId><StringToSign>" PLACE_TOKEN
         "</StringToSign><CanonicalRequest>" PLACE_TOKEN "</CanonicalRequest></Error>",
         "does not match.; the secret key is wrong, or something on the way changes requests"},
        {"sqs", "POST", "/", 403,
         "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"The request signature we calculated does not match. "
         "Consult "
         "the service documentation for details.\\n\\nThe Canonical String for this request should have been\\n'POST\\n"
         "x-amz-security-token:" PLACE_TOKEN "'\"}",
         "does not match.; the secret key"},
        {"sqs", "POST", "/", 400,
         "{\"__type\":\"IncompleteSignature\",\"message\":\"x Authorization=AWS4-HMAC-SHA256 " PLACE_SECRET "\"}",
         "sqs POST: IncompleteSignature (HTTP 400): x"},
        {"sqs", "POST", "/", 400, "{\"__type\":\"x#Odd\",\"message\":\"has " PLACE_SECRET " inside\"}",
         "has ... inside"},
        {"ses", "PUT", "/v2/email/x", 400,
         "{\"code\":\"MessageRejected\",\"message\":\"Email address is not verified: a.b@canary.example, x\"}",
         "is not verified: <e-mail> x"},
        {"ses", "PUT", "/v2/email/configuration-sets/news/sending", 403, "{\"code\":\"AccessDeniedException\"}",
         "the permission ses:PutConfigurationSetSendingOptions may be missing"},
        {"ses", "PUT", "/v2/email/account/sending", 403, "{\"code\":\"AccessDeniedException\"}",
         "the permission ses:PutAccountSendingAttributes may be missing"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aws_call call = {.service = cases[i].service,
                                .bucket = strcmp(cases[i].service, "s3") == 0 ? "logs" : NULL,
                                .method = cases[i].method,
                                .path = cases[i].path};
        SCRIPT({.status = cases[i].status, .body = cases[i].body});
        assert_false(perform(&call));
        assert_int_equal(requests(), 1);
        expect_words(cases[i].words);
    }
    struct aws_call call = get;
    call.permission = "s3:GetObjectVersion";
    SCRIPT({.status = 403, .body = ERROR("AccessDenied", "Access Denied")});
    assert_false(perform(&call));
    expect_words("s3:GetObjectVersion may be missing");
}

static void settings_that_cannot_be_are_refused(void **state) {
    (void)state;
    char key[] = "AKID", region[] = "not a region";
    struct err why = {0};
    assert_null(aws_session_open(&(struct aws_settings){.access_key_id = key}, &why));
    assert_true(why.text[0]);
    why = (struct err){0};
    assert_null(aws_session_open(&(struct aws_settings){.region = region}, &why));
    assert_non_null(strstr(why.text, "not a region"));
    place_write("AWS_CONFIG_FILE", "conf", "damaged\n");
    why = (struct err){0};
    assert_null(aws_session_open(&(struct aws_settings){0}, &why));
    assert_non_null(strstr(why.text, "line 1"));
}

/* --- many at once ------------------------------------------------------------------------------------------------- */

static void *call_often(void *failed) {
    for (int i = 0; i < 20; i++) {
        struct aws_answer a;
        if (!aws_perform(session, &get, &a, NULL, NULL))
            atomic_fetch_add((atomic_int *)failed, 1);
        aws_answer_deinit(&a);
    }
    return NULL;
}

static void many_threads_share_a_session(void **state) {
    (void)state;
    char date[64];
    pthread_t threads[8];
    atomic_int failed = 0;
    SCRIPT({.status = 403, .headers = date_header(3600, date), .body = ERROR("RequestTimeTooSkewed", "x")},
           {.status = 500}, {.status = 400, .body = ERROR("AuthorizationHeaderMalformed", "expecting 'mars-1'")}, {0});
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &failed), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failed, 0);
    assert_int_equal(requests(), 8 * 20 + 3);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int open_place(void **state) {
    (void)state;
    log_configure(LOG_ERROR, LOG_LOGFMT);
    script.count = 1;
    place_open(script_answer);
    return 0;
}

static int close_place(void **state) {
    (void)state;
    place_close();
    return 0;
}

static int begin(void **state) {
    (void)state;
    place_clean_environment();
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", PLACE_SECRET, 1);
    setenv("AWS_SESSION_TOKEN", PLACE_TOKEN, 1);
    setenv("AWS_REGION", "eu-west-1", 1);
    place_set("AWS_ENDPOINT_URL", "http://127.0.0.1:%d");
    open_session(&(struct aws_settings){0});
    return 0;
}

static int end(void **state) {
    (void)state;
    aws_answer_deinit(&got);
    aws_session_close(session);
    session = NULL;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_signed_and_answered),
        TEST(anonymous_calls_are_not_signed),
        TEST(a_region_is_needed_but_for_s3),
        TEST(what_may_help_is_tried_again),
        TEST(broken_answers_are_tried_again),
        TEST(five_times_and_no_more),
        TEST(the_budget_ends_a_storm),
        TEST(waits_double_have_a_ceiling_and_listen),
        TEST(a_wait_ends_when_told_to_stop),
        TEST(the_clock_is_learned_once_for_all),
        TEST(a_clock_that_is_days_off_is_not_believed),
        TEST(expired_credentials_are_looked_for_once),
        TEST(the_same_credentials_are_not_tried_twice),
        TEST(the_stores_region_is_learned_for_the_signature),
        TEST(who_has_an_endpoint_is_not_sent_elsewhere),
        TEST(a_buckets_region_is_learned),
        TEST(a_stream_begins_in_the_air),
        TEST(a_stream_that_fails_says_why),
        TEST(failures_say_what_to_do_and_no_secret),
        TEST(settings_that_cannot_be_are_refused),
        TEST(many_threads_share_a_session),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
