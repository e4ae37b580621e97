/* collector/aws/sqs: what is asked of a queue, and what its answers are taken for. What stands behind aws_perform is
 * made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs.h"
#include "core/alloc.h"

/* --- the other side ----------------------------------------------------------------------------------------------- */

static struct {
    const char *answer; /* NULL: refused with `code` */
    const char *code, *words;
    char *target, *region, *body; /* of the last call */
    int64_t timeout_ms;
    bool once;
    unsigned calls;
} peer;

static char *copy(const char *text, size_t len) {
    return text ? alloc_string(text, len) : NULL;
}

bool aws_perform(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer, const atomic_bool *stop,
                 struct err *err) {
    (void)s, (void)stop;
    *answer = (struct aws_answer){.status = peer.answer ? 200 : 400};
    buf_init(&answer->body, AWS_ANSWER_MAX);
    peer.calls++;
    free(peer.target);
    free(peer.region);
    free(peer.body);
    assert_string_equal(call->service, "sqs");
    assert_string_equal(call->method, "POST");
    assert_string_equal(call->path, "/");
    assert_int_equal(call->header_count, 2);
    assert_string_equal(call->headers[0].value, "application/x-amz-json-1.0");
    assert_string_equal(call->headers[1].name, "x-amz-target");
    peer.target = copy(call->headers[1].value, strlen(call->headers[1].value));
    peer.region = copy(call->region, call->region ? strlen(call->region) : 0);
    peer.body = copy(call->body.ptr, call->body.len);
    peer.timeout_ms = call->timeout_ms;
    peer.once = call->once;
    if (peer.answer)
        return buf_append_str(&answer->body, peer.answer);
    snprintf(answer->code, sizeof answer->code, "%s", peer.code);
    return err_set(err, ERR_IO, "%s", peer.words);
}

void aws_answer_deinit(struct aws_answer *a) {
    buf_deinit(&a->body);
}

static void answer_with(const char *text) {
    peer.answer = text;
}

static void refuse_with(const char *code, const char *words) {
    peer.answer = NULL;
    peer.code = code;
    peer.words = words;
}

static struct sqs_queue queue;

static int begin(void **state) {
    (void)state;
    struct err err = {0};
    memset(&peer, 0, sizeof peer);
    return sqs_queue_parse("https://sqs.eu-west-1.amazonaws.com/123456789012/ses-events", &queue, &err) ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    free(peer.target);
    free(peer.region);
    free(peer.body);
    sqs_queue_deinit(&queue);
    return 0;
}

/* --- where it is -------------------------------------------------------------------------------------------------- */

static void test_urls(void **state) {
    (void)state;
    static const struct {
        const char *url, *name, *region, *endpoint; /* name NULL: refused */
    } cases[] = {
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", "q.fifo", "eu-west-1", NULL},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "q", "cn-north-1", NULL},
        {"https://sqs.us-gov-west-1.amazonaws.com/123456789012/q", "q", "us-gov-west-1", NULL},
        {"https://eu-west-1.queue.amazonaws.com/123456789012/q", "q", "eu-west-1", NULL},
        {"https://queue.amazonaws.com/123456789012/q", "q", "us-east-1", NULL},
        {"https://sqs-fips.us-east-1.amazonaws.com/123456789012/q", "q", "us-east-1",
         "https://sqs-fips.us-east-1.amazonaws.com"},
        {"https://sqs.eu-west-1.api.aws/123456789012/q", "q", "eu-west-1", "https://sqs.eu-west-1.api.aws"},
        {"https://vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", "q", "eu-west-1",
         "https://vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com"},
        {"http://127.0.0.1:5000/123456789012/q", "q", NULL, "http://127.0.0.1:5000"},
        {"http://localhost:9324/queue/q", "q", NULL, "http://localhost:9324"},
        {"http://localhost:9324/q", "q", NULL, "http://localhost:9324"},
        {"https://sqs.eu-west-1.amazonaws.com:8443/123456789012/q", "q", "eu-west-1",
         "https://sqs.eu-west-1.amazonaws.com:8443"},
        {"https://sqs.eu-west-1.amazonaws.com.evil.example/123456789012/q", "q", NULL,
         "https://sqs.eu-west-1.amazonaws.com.evil.example"},
        {"https://sqs.eu-west-1.amazonaws.com/q", NULL},
        {"https://sqs.eu-west-1.amazonaws.com/1234/q", NULL},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/", NULL},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q/r", NULL},
        {"https://sqs.eu-west-1.amazonaws.com/", NULL},
        {"https://sqs.eu-west-1.amazonaws.com", NULL},
        {"https://host.example/q?x=1", NULL},
        {"https://user@host.example/1/q", NULL},
        {"ftp://host.example/1/q", NULL},
        {"arn:aws:sqs:eu-west-1:123456789012:q", NULL},
        {"ses-events", NULL},
        {"http:/host.example/1/q", NULL},
        {"http:///host.example/1/q", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sqs_queue q;
        struct err err = {0};
        bool ok = sqs_queue_parse(cases[i].url, &q, &err);
        if (ok != (cases[i].name != NULL))
            fail_msg("%s: %s", cases[i].url, ok ? "taken" : err.text);
        if (ok) {
            assert_string_equal(q.name, cases[i].name);
            assert_string_equal(q.region ? q.region : "-", cases[i].region ? cases[i].region : "-");
            assert_string_equal(q.endpoint ? q.endpoint : "-", cases[i].endpoint ? cases[i].endpoint : "-");
        }
        sqs_queue_deinit(&q);
    }
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static bool receive(struct sqs_received *r, struct err *err) {
    return sqs_receive(NULL, &queue, 10, 20, 120, r, NULL, err);
}

/* A server that gives more than it was asked for: what there is no room for comes again by itself. */
static void test_receives_no_more_than_asked(void **state) {
    (void)state;
    struct sqs_received r;
    struct err err = {0};
    answer_with("{\"Messages\":[{\"MessageId\":\"m-1\",\"ReceiptHandle\":\"r-1\",\"Body\":\"\"},"
                "{\"MessageId\":\"m-2\",\"ReceiptHandle\":\"r-2\",\"Body\":\"\"}]}");
    assert_true(sqs_receive(NULL, &queue, 1, 20, 120, &r, NULL, &err));
    assert_int_equal(r.count, 1);
    sqs_received_deinit(&r);
}

static void test_receives(void **state) {
    (void)state;
    struct sqs_received r;
    struct err err = {0};
    answer_with("{\"Messages\":[{\"MessageId\":\"m-1\",\"ReceiptHandle\":\"r-1\",\"Body\":\"hello\",\"MD5OfBody\":"
                "\"5d41402abc4b2a76b9719d911017c592\",\"Attributes\":{\"ApproximateReceiveCount\":\"3\","
                "\"SentTimestamp\":\"1795132800123\"}},"
                "{\"MessageId\":\"m-2\",\"ReceiptHandle\":\"r-2\",\"Body\":\"hell\\u0000\",\"MD5OfBody\":"
                "\"5d41402abc4b2a76b9719d911017c592\"},{\"MessageId\":\"m-3\"},7,"
                "{\"MessageId\":\"m-4\",\"ReceiptHandle\":\"r-4\",\"Body\":\"\",\"Attributes\":{"
                "\"ApproximateReceiveCount\":\"x\",\"SentTimestamp\":\"99999999999999999999\"}}]}");
    assert_true(receive(&r, &err));
    assert_int_equal(r.count, 3);
    assert_string_equal(r.messages[0].id, "m-1");
    assert_string_equal(r.messages[0].receipt, "r-1");
    assert_int_equal(r.messages[0].body_len, 5);
    assert_memory_equal(r.messages[0].body, "hello", 6);
    assert_int_equal(r.messages[0].receive_count, 3);
    assert_int_equal(r.messages[0].sent_ms, 1795132800123);
    assert_false(r.messages[0].damaged);
    assert_int_equal(r.messages[1].body_len, 5);
    assert_int_equal(r.messages[1].receive_count, 1);
    assert_true(r.messages[1].damaged);
    assert_int_equal(r.messages[2].receive_count, 1);
    assert_int_equal(r.messages[2].sent_ms, 0);
    assert_false(r.messages[2].damaged);
    sqs_received_deinit(&r);

    assert_string_equal(peer.target, "AmazonSQS.ReceiveMessage");
    assert_string_equal(peer.region, "eu-west-1");
    assert_true(peer.timeout_ms >= 25000); /* over the long poll's own time */
    json_error_t e;
    json_t *sent = json_loads(peer.body, 0, &e);
    assert_string_equal(json_string_value(json_object_get(sent, "QueueUrl")), queue.url);
    assert_int_equal(json_integer_value(json_object_get(sent, "MaxNumberOfMessages")), 10);
    assert_int_equal(json_integer_value(json_object_get(sent, "WaitTimeSeconds")), 20);
    assert_int_equal(json_integer_value(json_object_get(sent, "VisibilityTimeout")), 120);
    assert_int_equal(json_array_size(json_object_get(sent, "MessageSystemAttributeNames")), 2);
    json_decref(sent);
}

static void test_no_message(void **state) {
    (void)state;
    static const char *const answers[] = {"{}", "", "{\"Messages\":[]}", "{\"Messages\":null}"};
    for (size_t i = 0; i < 4; i++) {
        struct sqs_received r;
        struct err err = {0};
        answer_with(answers[i]);
        assert_true(receive(&r, &err));
        assert_int_equal(r.count, 0);
        sqs_received_deinit(&r);
    }
}

static void test_what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *code, *said;
    } cases[] = {
        {"QueueDoesNotExist", "queue ses-events does not exist"},
        {"AWS.SimpleQueueService.NonExistentQueue", "queue ses-events does not exist"},
        {"AccessDenied", "sqs:ReceiveMessage"},
        {"AccessDeniedException", "sqs:ReceiveMessage"},
        {"KmsAccessDenied", "kms:Decrypt"},
        {"InternalError", "queue ses-events: the words of the session"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sqs_received r;
        struct err err = {0};
        refuse_with(cases[i].code, "the words of the session");
        assert_false(receive(&r, &err));
        assert_int_equal(err.code, ERR_IO);
        if (!strstr(err.text, cases[i].said))
            fail_msg("%s: %s", cases[i].code, err.text);
    }
    static const char *const answers[] = {"[]", "<html>", "{\"Messages\":[", "7"};
    for (size_t i = 0; i < 4; i++) {
        struct sqs_received r;
        struct err err = {0};
        answer_with(answers[i]);
        assert_false(receive(&r, &err));
        assert_non_null(strstr(err.text, "is not SQS"));
    }
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static void test_batches(void **state) {
    (void)state;
    struct sqs_entry entries[SQS_BATCH];
    struct err err = {0};
    for (unsigned i = 0; i < SQS_BATCH; i++)
        entries[i] = (struct sqs_entry){.receipt = "r", .visibility_s = i, .result = SQS_ENTRY_DONE};
    answer_with("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"9\"},{\"Id\":\"10\"},{\"Id\":\"\"},7],\"Failed\":["
                "{\"Id\":\"1\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\"},"
                "{\"Id\":\"2\",\"SenderFault\":false,\"Code\":\"InternalError\"}]}");
    assert_true(sqs_delete(NULL, &queue, entries, SQS_BATCH, 0, NULL, &err));
    assert_string_equal(peer.target, "AmazonSQS.DeleteMessageBatch");
    assert_null(strstr(peer.body, "VisibilityTimeout"));
    assert_false(peer.once);
    static const enum sqs_entry_result wanted[SQS_BATCH] = {SQS_ENTRY_DONE, SQS_ENTRY_REFUSED, [9] = SQS_ENTRY_DONE};
    for (unsigned i = 0; i < SQS_BATCH; i++)
        assert_int_equal(entries[i].result, wanted[i]); /* not named: failed */

    answer_with("{\"Successful\":[{\"Id\":\"0\"}]}");
    assert_true(sqs_change_visibility(NULL, &queue, entries, 2, 300, NULL, &err));
    assert_string_equal(peer.target, "AmazonSQS.ChangeMessageVisibilityBatch");
    assert_non_null(strstr(peer.body, "\"VisibilityTimeout\":0"));
    assert_non_null(strstr(peer.body, "\"VisibilityTimeout\":1"));
    assert_true(peer.once);
    assert_int_equal(peer.timeout_ms, 300);

    refuse_with("AccessDenied", "no");
    assert_false(sqs_change_visibility(NULL, &queue, entries, 1, 0, NULL, &err));
    assert_int_equal(entries[0].result, SQS_ENTRY_FAILED);
    assert_non_null(strstr(err.text, "sqs:ChangeMessageVisibility"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_urls, begin, end),
        cmocka_unit_test_setup_teardown(test_receives, begin, end),
        cmocka_unit_test_setup_teardown(test_receives_no_more_than_asked, begin, end),
        cmocka_unit_test_setup_teardown(test_no_message, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said, begin, end),
        cmocka_unit_test_setup_teardown(test_batches, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
