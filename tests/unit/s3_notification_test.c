/* collector/source/s3_notification: which objects a message is about, in every form in which S3's notifications come,
 * and what is none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/s3_notification.h"
#include "unit/sample_records.h"

/* --- making them -------------------------------------------------------------------------------------------------- */

#define OBJECT(key) "{\"key\":\"" key "\",\"size\":1024,\"eTag\":\"d41d8cd9\",\"sequencer\":\"0055AED6DCD90281E5\"}"
#define RECORD_OF(name, object)                                                                                        \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"awsRegion\":\"eu-west-1\",\"eventTime\":"                  \
    "\"2026-11-21T23:34:30.000Z\",\"eventName\":\"" name                                                               \
    "\",\"userIdentity\":{\"principalId\":\"AWS:x\"},\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"c\","   \
    "\"bucket\":{\"name\":\"dumps\",\"arn\":\"arn:aws:s3:::dumps\"},\"object\":" object "}}"
#define CREATED(key)    RECORD_OF("ObjectCreated:Put", OBJECT(key))
#define RECORDS(inside) "{\"Records\":[" inside "]}"
#define EVENT(type, object)                                                                                            \
    "{\"version\":\"0\",\"id\":\"1\",\"detail-type\":\"" type                                                          \
    "\",\"source\":\"aws.s3\",\"account\":\"1\",\"time\":\"2026-11-21T23:34:30Z\",\"region\":\"eu-west-1\","           \
    "\"resources\":[],\"detail\":{\"version\":\"0\",\"bucket\":{\"name\":\"dumps\"},\"object\":" object                \
    ",\"reason\":\"PutObject\"}}"
#define TEST_EVENT                                                                                                     \
    "{\"Service\":\"Amazon "                                                                                           \
    "S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2026-11-21T23:34:30.000Z\",\"Bucket\":\"dumps\"}"

/* "bucket/key etag size version sequencer; ..." and what else there is, for comparing. Caller frees. */
static char *summary(const char *body, size_t len) {
    static const char *const kinds[] = {"none", "test", "objects"};
    struct s3_notification n;
    char *text = NULL;
    size_t size = 0;
    s3_notification_read((struct span){body, len}, &n);
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%s", kinds[n.kind]);
    for (size_t i = 0; i < n.count; i++) {
        const struct s3_notified *o = &n.objects[i];
        fprintf(out, " [%s/%s %s %lld %s %s]", o->bucket, o->key, o->etag ? o->etag : "-", (long long)o->size,
                o->version_id ? o->version_id : "-", o->sequencer ? o->sequencer : "-");
    }
    if (n.ignored)
        fprintf(out, " ignored %zu", n.ignored);
    if (n.broken)
        fprintf(out, " broken %zu", n.broken);
    fclose(out);
    s3_notification_deinit(&n);
    return text;
}

static bool is(const char *body, const char *wanted) {
    /* exactly as long as it is, so that a byte too far is seen */
    size_t len = strlen(body);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, body, len);
    char *got = summary(exact, len);
    bool same = strcmp(got, wanted) == 0;
    if (!same)
        print_error("%.300s\n--- wanted %s\n--- got    %s\n", body, wanted, got);
    free(exact);
    free(got);
    return same;
}

struct example {
    const char *body, *wanted;
};

static void expect(const struct example *cases, size_t count) {
    size_t right = 0;
    for (size_t i = 0; i < count; i++)
        right += is(cases[i].body, cases[i].wanted);
    assert_int_equal(right, count);
}
#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof(cases)[0])

#define A "[dumps/a d41d8cd9 1024 - 0055AED6DCD90281E5]"

/* --- forms -------------------------------------------------------------------------------------------------------- */

static void test_bare(void **state) {
    (void)state;
    static const struct example cases[] = {
        {RECORDS(CREATED("a")), "objects " A},
        {" \r\n" RECORDS(CREATED("a")) "\n", "objects " A},
        {RECORDS(CREATED("a") "," CREATED("a")), "objects " A " " A},
        {RECORDS(RECORD_OF("ObjectCreated:CompleteMultipartUpload", OBJECT("a"))), "objects " A},
        {RECORDS(RECORD_OF("s3:ObjectCreated:Copy", OBJECT("a"))), "objects " A},
        {RECORDS(RECORD_OF("ObjectRemoved:Delete", OBJECT("a"))), "objects ignored 1"},
        {RECORDS(RECORD_OF("ObjectRemoved:DeleteMarkerCreated", OBJECT("a")) "," CREATED("a")),
         "objects " A " ignored 1"},
        {RECORDS(RECORD_OF("ReducedRedundancyLostObject", OBJECT("a"))), "objects ignored 1"},
        {RECORDS(RECORD_OF("ObjectCreatedToo", OBJECT("a"))), "objects ignored 1"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a\"}")), "objects [dumps/a - -1 - -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put",
                           "{\"key\":\"a\",\"size\":0,\"eTag\":\"\\\"e-2\\\"\",\"versionId\":\"v_1\"}")),
         "objects [dumps/a e-2 0 v_1 -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a\",\"size\":-7,\"eTag\":\"a b\",\"versionId\":7}")),
         "objects [dumps/a - -1 - -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a\",\"eTag\":\"x\\r\\nHost: y\"}")),
         "objects [dumps/a - -1 - -]"},
    };
    EXPECT(cases);
}

/* AWS encodes keys as forms are. */
static void test_keys_are_decoded(void **state) {
    (void)state;
    static const struct example cases[] = {
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"red+flower.jpg\"}")),
         "objects [dumps/red flower.jpg - -1 - -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a%2Bb/year%3D2026/x%252B\"}")),
         "objects [dumps/a+b/year=2026/x%2B - -1 - -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"%C3%A4%e2%82%ac\"}")),
         "objects [dumps/\xc3\xa4\xe2\x82\xac - -1 - -]"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"../../etc/passwd\"}")),
         "objects [dumps/../../etc/passwd - -1 - -]"}, /* a key is no path */
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a%2\"}")), "objects broken 1"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a%\"}")), "objects broken 1"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a%zz\"}")), "objects broken 1"},
        {RECORDS(RECORD_OF("ObjectCreated:Put", "{\"key\":\"a%00b\"}")), "objects broken 1"},
    };
    EXPECT(cases);
}

static void test_eventbridge(void **state) {
    (void)state;
    static const struct example cases[] = {
        {EVENT("Object Created",
               "{\"key\":\"a+b%2B\",\"size\":5,\"etag\":\"e\",\"version-id\":\"v\",\"sequencer\":\"0\"}"),
         "objects [dumps/a+b%2B e 5 v 0]"}, /* as it is */
        {EVENT("Object Deleted", "{\"key\":\"a\"}"), "objects ignored 1"},
        {EVENT("Object Tags Added", "{\"key\":\"a\"}"), "objects ignored 1"},
        {EVENT("Object Created", "{\"key\":\"\"}"), "objects broken 1"},
        {EVENT("Object Created", "7"), "objects broken 1"},
    };
    EXPECT(cases);
}

static void test_test_event(void **state) {
    (void)state;
    char *wrapped = sample_in_sns(TEST_EVENT);
    assert_true(is(TEST_EVENT, "test"));
    assert_true(is(wrapped, "test"));
    free(wrapped);
}

static void test_sns(void **state) {
    (void)state;
    char *once = sample_in_sns(RECORDS(CREATED("a+b"))), *twice = sample_in_sns(once), *thrice = sample_in_sns(twice),
         *four_times = sample_in_sns(thrice);
    char *event = sample_in_sns(EVENT("Object Created", "{\"key\":\"a\"}"));
    assert_true(is(once, "objects [dumps/a b d41d8cd9 1024 - 0055AED6DCD90281E5]"));
    assert_true(is(thrice, "objects [dumps/a b d41d8cd9 1024 - 0055AED6DCD90281E5]"));
    assert_true(is(four_times, "none"));
    assert_true(is(event, "objects [dumps/a - -1 - -]"));
    free(once);
    free(twice);
    free(thrice);
    free(four_times);
    free(event);
}

/* --- what is none ------------------------------------------------------------------------------------------------- */

static void test_ses_events_are_texts(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLE_RECORDS; i++) {
        char *sns = sample_in_sns(sample_records[i]), *event = sample_in_eventbridge(sample_records[i]);
        assert_true(is(sample_records[i], "none"));
        assert_true(is(sns, "none"));
        assert_true(is(event, "none"));
        free(sns);
        free(event);
    }
}

static void test_rubbish(void **state) {
    (void)state;
    static const struct example cases[] = {
        {"", "none"},
        {"{", "none"},
        {"{}", "none"},
        {"[]", "none"},
        {"null", "none"},
        {"\"Records\"", "none"},
        {"Successfully validated SNS topic for Amazon SES event publishing.", "none"},
        {RECORDS(""), "none"},
        {"{\"Records\":{}}", "none"},
        {"{\"Records\":[7]}", "none"},
        {"{\"Records\":[{\"eventSource\":\"aws:ses\",\"eventName\":\"x\"}]}", "none"},
        {RECORDS(CREATED("a") ",{\"eventSource\":\"aws:sqs\"}"), "none"}, /* nobody sends that */
        {RECORDS(CREATED("a")) "x", "none"},
        {"{\"Type\":\"Notification\",\"Message\":7}", "none"},
        {"{\"Type\":\"Notification\",\"Message\":\"\"}", "none"},
        {"{\"Type\":\"UnsubscribeConfirmation\",\"Message\":\"{}\"}", "none"},
        {"{\"source\":\"aws.s3\"}", "none"},
        {"{\"Event\":7}", "none"},
    };
    EXPECT(cases);
}

/* What is good is taken, and that something is not is said. */
static void test_broken_records(void **state) {
    (void)state;
    static const struct example cases[] = {
        {RECORDS(CREATED("a") ",{\"eventSource\":\"aws:s3\"}," CREATED("a")), "objects " A " " A " broken 1"},
        {RECORDS("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}"), "objects broken 1"},
        {RECORDS("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":7},"
                 "\"object\":{\"key\":\"a\"}}}"),
         "objects broken 1"},
        {RECORDS(
             "{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"a/b\"},"
             "\"object\":{\"key\":\"a\"}}}"),
         "objects broken 1"},
        {RECORDS("{\"eventVersion\":\"3.0\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{"
                 "\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"a\"}}}"),
         "objects broken 1"},
        {RECORDS("{\"eventVersion\":\"2.9\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{"
                 "\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"a\"}}}"),
         "objects [b/a - -1 - -]"},
    };
    EXPECT(cases);
}

/* --- too much ----------------------------------------------------------------------------------------------------- */

static char *repeated(const char *before, const char *text, size_t n, const char *behind) {
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    fputs(before, f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s%s", i ? "," : "", text);
    fputs(behind, f);
    fclose(f);
    return out;
}

static void test_ceilings(void **state) {
    (void)state;
    struct s3_notification n;
    char *full = repeated("{\"Records\":[", CREATED("a"), S3_NOTIFICATION_RECORDS, "]}");
    s3_notification_read(span_of(full), &n);
    assert_int_equal(n.count, S3_NOTIFICATION_RECORDS);
    s3_notification_deinit(&n);
    char *over = repeated("{\"Records\":[", CREATED("a"), S3_NOTIFICATION_RECORDS + 1, "]}");
    assert_true(is(over, "none"));
    char *values = repeated("{\"Records\":[", "[]", 200000, "]}");
    assert_true(is(values, "none"));
    char *deep = alloc_zeroed(500001, 1);
    for (size_t i = 0; i + 5 <= 500000; i += 5)
        memcpy(deep + i, "{\"a\":", 5);
    assert_true(is(deep, "none"));
    char *blanks = alloc_zeroed(S3_NOTIFICATION_MAX + 1000, 1);
    memset(blanks, ' ', S3_NOTIFICATION_MAX + 999);
    memcpy(blanks, "{\"Records\":[]", 13);
    blanks[S3_NOTIFICATION_MAX + 998] = '}';
    assert_true(is(blanks, "none"));
    char *key = alloc_zeroed(1100, 1);
    memset(key, 'k', 1025);
    char *object = sample_print("{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{"
                                "\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"",
                                key, "\"}}}]}");
    assert_true(is(object, "objects broken 1"));
    free(full);
    free(over);
    free(values);
    free(deep);
    free(blanks);
    free(key);
    free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),        cmocka_unit_test(test_keys_are_decoded),
        cmocka_unit_test(test_eventbridge), cmocka_unit_test(test_test_event),
        cmocka_unit_test(test_sns),         cmocka_unit_test(test_ses_events_are_texts),
        cmocka_unit_test(test_rubbish),     cmocka_unit_test(test_broken_records),
        cmocka_unit_test(test_ceilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
