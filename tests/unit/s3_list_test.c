/* aws/s3_list: pages into entries, whatever a store makes of them; what is asked for; and what becomes of a page set
 * that breaks in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"

/* --- a session that answers as it was told ------------------------------------------------------------------------ */

enum { MAX_ANSWERS = 2000 };

static struct script {
    int status;
    const char *code, *body;
} script[MAX_ANSWERS];
static unsigned script_count, asked;
static char requests[MAX_ANSWERS][600]; /* "name=value&..." and "header: value" */

static void answer_with(int status, const char *body) {
    script[script_count++] = (struct script){status, "", body};
}

bool aws_perform(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer, const atomic_bool *stop,
                 struct err *err) {
    (void)s, (void)stop;
    assert_true(asked < script_count);
    const struct script *a = &script[asked];
    char *to = requests[asked++];
    *answer = (struct aws_answer){.status = a->status};
    assert_string_equal(call->service, "s3");
    assert_string_equal(call->bucket, "mail");
    assert_string_equal(call->path, "/");
    to[0] = 0;
    for (size_t i = 0; i < call->parameter_count; i++)
        sprintf(to + strlen(to), "%s=%s&", call->parameters[i].name, call->parameters[i].value);
    for (size_t i = 0; i < call->header_count; i++)
        sprintf(to + strlen(to), "%s: %s&", call->headers[i].name, call->headers[i].value);
    if (a->status != 200)
        return err_set(err, ERR_IO, "status %d", a->status);
    buf_init(&answer->body, AWS_ANSWER_MAX);
    buf_append_str(&answer->body, a->body);
    return true;
}

void aws_answer_deinit(struct aws_answer *a) {
    buf_deinit(&a->body);
}

/* --- what is given ------------------------------------------------------------------------------------------------ */

static char given[20000];
static unsigned stop_after;

static bool take_object(void *context, const struct s3_object *o) {
    (void)context;
    sprintf(given + strlen(given), "%s|%s|%llu|%lld%s\n", o->key, o->etag, (unsigned long long)o->size,
            (long long)o->modified_ms, o->archived ? "|archived" : "");
    return !stop_after || --stop_after;
}

static bool take_folder(void *context, const char *prefix) {
    (void)context;
    sprintf(given + strlen(given), "%s\n", prefix);
    return true;
}

static struct err last_err;
static uint64_t counted;

static bool list(struct s3_list l) {
    static char name[] = "mail", owner[] = "123456789012";
    struct s3_bucket bucket = {.name = name, .requester_pays = true, .expected_owner = owner};
    struct s3_list_hooks hooks = {NULL, take_object, take_folder};
    l.requests = &counted;
    asked = 0;
    counted = 0;
    given[0] = 0;
    last_err = (struct err){0};
    bool ok = s3_list_objects(NULL, &bucket, &l, &hooks, NULL, &last_err);
    assert_int_equal(counted, asked);
    assert_int_equal(ok, last_err.code == ERR_NONE);
    return ok;
}

static int reset(void **state) {
    (void)state;
    script_count = asked = stop_after = 0;
    return 0;
}

#define TIME     "<LastModified>2026-11-21T23:34:30.000Z</LastModified>"
#define HEAD     "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define MORE(t)  "<IsTruncated>true</IsTruncated><NextContinuationToken>" t "</NextContinuationToken>"
#define KEY(k)   "<Contents><Key>" k "</Key>" TIME "<ETag>&quot;e-1&quot;</ETag><Size>7</Size></Contents>"
#define TAIL     "</ListBucketResult>"
#define GIVEN(k) k "|e-1|7|1795304070000\n"

/* --- pages -------------------------------------------------------------------------------------------------------- */

static void pages_and_what_is_asked(void **state) {
    (void)state;
    answer_with(200, HEAD MORE("t+/=1") KEY("a/1") TAIL);
    answer_with(200, HEAD MORE("t2") TAIL); /* empty, and yet not the last */
    answer_with(200, HEAD "<IsTruncated>false</IsTruncated>" KEY("a/2") TAIL);
    assert_true(list((struct s3_list){.prefix = "a/", .start_after = "a/0"}));
    assert_string_equal(given, GIVEN("a/1") GIVEN("a/2"));
    assert_string_equal(requests[0], "list-type=2&encoding-type=url&max-keys=1000&prefix=a/&start-after=a/0&"
                                     "x-amz-request-payer: requester&x-amz-expected-bucket-owner: 123456789012&");
    assert_string_equal(requests[1], "list-type=2&encoding-type=url&max-keys=1000&prefix=a/&continuation-token=t+/=1&"
                                     "x-amz-request-payer: requester&x-amz-expected-bucket-owner: 123456789012&");
    assert_non_null(strstr(requests[2], "continuation-token=t2&"));
    assert_null(strstr(requests[2], "start-after"));
}

static void folders(void **state) {
    (void)state;
    answer_with(200,
                HEAD KEY("a/x") "<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>a/c/"
                                "</Prefix></CommonPrefixes>" TAIL);
    assert_true(list((struct s3_list){.prefix = "a/", .folders = true}));
    assert_string_equal(given, GIVEN("a/x") "a/b/\na/c/\n");
    assert_non_null(strstr(requests[0], "delimiter=/&"));
    /* What cannot be one below this prefix. */
    reset(NULL);
    answer_with(200, HEAD "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>a/c</Prefix>"
                          "</CommonPrefixes><CommonPrefixes><Prefix>b/c/</Prefix></CommonPrefixes>" TAIL);
    assert_true(list((struct s3_list){.prefix = "a/", .folders = true}));
    assert_string_equal(given, "");
}

/* Keys are decoded only when the answer says that they are encoded. */
static void encodings(void **state) {
    (void)state;
    answer_with(200, HEAD KEY("year%3D2026/a+b%2B%e2%82%ac%0A") "<EncodingType>url</EncodingType>" TAIL);
    assert_true(list((struct s3_list){.prefix = ""}));
    assert_string_equal(given, GIVEN("year=2026/a b+\xe2\x82\xac\n"));
    reset(NULL);
    answer_with(200, HEAD KEY("100%+&amp;x") TAIL);
    assert_true(list((struct s3_list){.prefix = ""}));
    assert_string_equal(given, GIVEN("100%+&x"));
    static const char *const wrong[] = {HEAD "<EncodingType>url</EncodingType>" KEY("a%0") TAIL,
                                        HEAD "<EncodingType>url</EncodingType>" KEY("a%zz") TAIL,
                                        HEAD "<EncodingType>url</EncodingType>" KEY("a%00b") TAIL};
    for (unsigned i = 0; i < 3; i++) {
        reset(NULL);
        for (unsigned k = 0; k < 4; k++)
            answer_with(200, wrong[i]);
        assert_false(list((struct s3_list){.prefix = ""}));
        assert_string_equal(given, "");
    }
}

static void fields(void **state) {
    (void)state;
    answer_with(200, "<x:ListBucketResult xmlns:x=\"http://doc.s3.amazonaws.com/2006-03-01/\"><x:Contents>"
                     "<x:Key>a</x:Key><x:LastModified>2026-11-21T23:34:30Z</x:LastModified><x:ETag>W/&quot;w&quot;"
                     "</x:ETag><x:Size>5000000000000</x:Size><x:StorageClass>DEEP_ARCHIVE</x:StorageClass>"
                     "</x:Contents><x:Contents><x:Key>b</x:Key><x:LastModified>2026-11-21T23:34:30.5Z</x:LastModified>"
                     "<x:Size>0</x:Size><x:StorageClass>GLACIER_IR</x:StorageClass></x:Contents><x:Contents>"
                     "<x:Key>c</x:Key><x:LastModified>1970-01-01T00:00:00.000Z</x:LastModified><x:Size>1</x:Size>"
                     "<x:StorageClass>GLACIER</x:StorageClass><x:Owner><x:ID>1</x:ID></x:Owner></x:Contents>"
                     "</x:ListBucketResult>");
    assert_true(list((struct s3_list){.prefix = ""}));
    assert_string_equal(given, "a|W/\"w\"|5000000000000|1795304070000|archived\nb||0|1795304070500\nc||1|0|archived\n");
}

/* A store that does not know start-after, or gives what was not asked for. */
static void what_was_not_asked_for(void **state) {
    (void)state;
    answer_with(200, HEAD KEY("a/1") KEY("a/2") KEY("a/3") KEY("b/1") TAIL);
    assert_true(list((struct s3_list){.prefix = "a/", .start_after = "a/1"}));
    assert_string_equal(given, GIVEN("a/2") GIVEN("a/3"));
}

static void enough(void **state) {
    (void)state;
    answer_with(200, HEAD MORE("t") KEY("a") KEY("b") KEY("c") TAIL);
    assert_true(list((struct s3_list){.prefix = "", .max = 2}));
    assert_string_equal(given, GIVEN("a") GIVEN("b"));
    assert_non_null(strstr(requests[0], "max-keys=2&"));
    stop_after = 1;
    assert_true(list((struct s3_list){.prefix = ""}));
    assert_string_equal(given, GIVEN("a"));
}

/* --- trouble ------------------------------------------------------------------------------------------------------ */

static void begins_again(void **state) {
    (void)state;
    answer_with(200, HEAD MORE("t1") KEY("a") KEY("b") TAIL);
    answer_with(400, NULL); /* the token is not known any more */
    answer_with(200, HEAD MORE("t2") KEY("b") KEY("c") TAIL);
    answer_with(503, NULL);
    answer_with(200, HEAD KEY("d"));
    answer_with(200, HEAD KEY("d") "<Key");
    answer_with(200, HEAD KEY("d") TAIL);
    assert_true(list((struct s3_list){.prefix = "", .start_after = "0"}));
    assert_string_equal(given, GIVEN("a") GIVEN("b") GIVEN("c") GIVEN("d"));
    assert_non_null(strstr(requests[2], "start-after=b&"));
    assert_non_null(strstr(requests[4], "start-after=c&"));
    assert_non_null(strstr(requests[6], "start-after=c&"));
    assert_int_equal(asked, 7);
    /* Folders, too. */
    reset(NULL);
    answer_with(200, HEAD MORE("t1") KEY("x/a") "<CommonPrefixes><Prefix>x/b/</Prefix></CommonPrefixes>" TAIL);
    answer_with(500, NULL);
    answer_with(200, HEAD "<CommonPrefixes><Prefix>x/b/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>x/c/</Prefix>"
                          "</CommonPrefixes>" TAIL);
    assert_true(list((struct s3_list){.prefix = "x/", .folders = true}));
    assert_string_equal(given, GIVEN("x/a") "x/b/\nx/c/\n");
    assert_non_null(strstr(requests[2], "start-after=x/b/&"));
}

static void gives_up(void **state) {
    (void)state;
    answer_with(200, HEAD MORE("t") KEY("a") TAIL);
    answer_with(503, NULL);
    answer_with(503, NULL); /* and without a token */
    assert_false(list((struct s3_list){.prefix = ""}));
    assert_string_equal(last_err.text, "status 503");
    assert_int_equal(asked, 3);
    static const int final[] = {400, 403, 404, 301, 0, 503};
    for (unsigned i = 0; i < 6; i++) {
        reset(NULL);
        answer_with(final[i], NULL);
        assert_false(list((struct s3_list){.prefix = ""}));
        assert_int_equal(asked, 1);
    }
}

static void no_listings(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "<html><body>Hello</body></html>",
        "<Error><Code>InternalError</Code></Error>",
        HEAD KEY("a"),
        HEAD "<IsTruncated>true</IsTruncated>" KEY("a") TAIL,
        HEAD "<Contents><Size>1</Size></Contents>" TAIL,
        HEAD "<Contents><Key>a</Key><Size>-1</Size></Contents>" TAIL,
        HEAD "<Contents><Key>a</Key><Size>99999999999999999999</Size></Contents>" TAIL,
        HEAD "<Contents><Key>a</Key><LastModified>yesterday</LastModified></Contents>" TAIL,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reset(NULL);
        for (unsigned k = 0; k < 4; k++)
            answer_with(200, wrong[i]);
        assert_false(list((struct s3_list){.prefix = ""}));
        assert_non_null(strstr(last_err.text, "bucket mail: what it answers is no listing"));
        assert_string_equal(given, ""); /* nothing of a page that is not whole */
        assert_int_equal(asked, 4);
    }
}

/* A store that lists in another order: what stands behind a greater key must not be taken for given. */
static void out_of_order(void **state) {
    (void)state;
#define FOLDER(k) "<CommonPrefixes><Prefix>" k "</Prefix></CommonPrefixes>"
    static const struct {
        const char *first, *second, *given;
    } cases[] = {
        {HEAD KEY("b") KEY("a") TAIL, NULL, ""}, /* nothing of the page */
        {HEAD MORE("t") KEY("a") KEY("c") TAIL, HEAD KEY("b") KEY("d") TAIL, GIVEN("a") GIVEN("c")},
        {HEAD FOLDER("b/") FOLDER("a/") TAIL, NULL, ""},
        {HEAD MORE("t") FOLDER("b/") TAIL, HEAD FOLDER("a/") TAIL, "b/\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reset(NULL);
        answer_with(200, cases[i].first);
        if (cases[i].second)
            answer_with(200, cases[i].second);
        assert_false(list((struct s3_list){.prefix = "", .folders = true}));
        assert_non_null(strstr(last_err.text, "bucket mail: its listing is not in the order of the keys"));
        assert_non_null(strstr(last_err.text, "directory buckets"));
        assert_string_equal(given, cases[i].given);
        assert_int_equal(asked, script_count); /* to begin again would not help */
    }
    reset(NULL); /* also among what was given before it was begun again */
    answer_with(200, HEAD MORE("t") KEY("a") KEY("b") TAIL);
    answer_with(503, NULL);
    answer_with(200, HEAD KEY("b") KEY("a") KEY("c") TAIL);
    assert_false(list((struct s3_list){.prefix = ""}));
    assert_string_equal(given, GIVEN("a") GIVEN("b"));
    reset(NULL); /* from the beginning again, by a store that does not know start-after; pages that overlap */
    answer_with(200, HEAD MORE("t") KEY("b") KEY("c") FOLDER("a/") TAIL);
    answer_with(503, NULL);
    answer_with(200, HEAD MORE("t") KEY("a") KEY("b") KEY("c") KEY("d") FOLDER("a/") TAIL);
    answer_with(200, HEAD KEY("d") KEY("e") FOLDER("a/") FOLDER("f/") TAIL);
    assert_true(list((struct s3_list){.prefix = "", .folders = true}));
    assert_string_equal(given, GIVEN("b") GIVEN("c") "a/\n" GIVEN("d") GIVEN("e") "f/\n");
#undef FOLDER
}

static void never_ends(void **state) {
    (void)state;
    for (unsigned i = 0; i < MAX_ANSWERS; i++)
        answer_with(200, HEAD MORE("t") KEY("a") TAIL);
    assert_false(list((struct s3_list){.prefix = ""}));
    assert_non_null(strstr(last_err.text, "does not come to an end"));
    assert_string_equal(given, GIVEN("a"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pages_and_what_is_asked, reset),
        cmocka_unit_test_setup(folders, reset),
        cmocka_unit_test_setup(encodings, reset),
        cmocka_unit_test_setup(fields, reset),
        cmocka_unit_test_setup(what_was_not_asked_for, reset),
        cmocka_unit_test_setup(enough, reset),
        cmocka_unit_test_setup(begins_again, reset),
        cmocka_unit_test_setup(gives_up, reset),
        cmocka_unit_test_setup(no_listings, reset),
        cmocka_unit_test_setup(out_of_order, reset),
        cmocka_unit_test_setup(never_ends, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
