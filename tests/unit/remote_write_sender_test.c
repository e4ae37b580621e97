/* sinks/remote_write_sender: what is made of a receiver's answers. */
#include "remote_write_scene.h"

#include "sinks/remote_write_sender.h"

static struct receiver_reply in_trouble_twice(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.status = number < 2 ? 503 : 204, .body = "busy"};
}

static void trouble_is_tried_again(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(in_trouble_twice);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err) && remote_client_flush(c, &err));
    assert_int_equal(receiver_count(receiver), 3);
    assert_int_equal(counts_of(c).written, 1);
    assert_int_equal(counts_of(c).requests, 3);
    assert_int_equal(counts_of(c).failed, 2);
    assert_int_equal(counts_of(c).refused, 0);
    assert_string_equal(remote_client_refusal(c), "");
    struct read_request a = request(0, false), b = request(2, false);
    assert_int_equal(a.count, b.count);
    assert_string_equal(a.samples[0].labels, b.samples[0].labels);
    free(a.samples);
    free(b.samples);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply too_many_once(size_t number, const struct receiver_request *r) {
    (void)r;
    return number ? (struct receiver_reply){.status = 204}
                  : (struct receiver_reply){.status = 429, .headers = "Retry-After: 2\r\n"};
}

static void retry_after_is_kept(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(too_many_once);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err) && remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).written, 1);
    assert_true(receiver_wait(receiver, 1)->at_ms - receiver_wait(receiver, 0)->at_ms >= 1990);
    remote_client_close(c);
    receiver_stop(receiver);
}

/* A receiver that refuses every request with one of the bad series in it: numbers that can be divided by 40. */
static int bad_status;
static const char *bad_body;
static struct receiver_reply refuse_some(size_t number, const struct receiver_request *r) {
    (void)number;
    char length[32];
    receiver_header(r, "Content-Length", length, sizeof length);
    struct read_request read = read_request(r->body, strtoul(length, NULL, 10), false);
    bool bad = false;
    for (size_t i = 0; i < read.count; i++)
        bad = bad || (int)read.samples[i].value % 40 == 0;
    free(read.samples);
    return bad ? (struct receiver_reply){.status = bad_status, .body = bad_body}
               : (struct receiver_reply){.status = 204};
}

static void expect_search(int status, const char *body) {
    struct err err = {0};
    bad_status = status;
    bad_body = body;
    receiver = receiver_start(refuse_some);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    for (int i = 0; i < 100; i++)
        assert_true(add(c, i, &err));
    assert_true(remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).refused, 3); /* 0, 40, 80 */
    assert_int_equal(counts_of(c).written, 97);
    assert_true(counts_of(c).requests < 45);
    assert_non_null(strstr(remote_client_refusal(c), body));
    remote_client_close(c);
    receiver_stop(receiver);
}

static void bad_samples_are_found_among_good_ones(void **state) {
    (void)state;
    expect_search(400, "out of order sample");
    expect_search(500, "too old sample");
    expect_search(409, "whatever");
    expect_search(413, "too large");
}

/* A receiver without a window: of one series it takes what is newer than all before, and one sample it never takes. */
static int64_t newest_ms;
static struct receiver_reply take_in_order(size_t number, const struct receiver_request *r) {
    (void)number;
    char length[32];
    receiver_header(r, "Content-Length", length, sizeof length);
    struct read_request read = read_request(r->body, strtoul(length, NULL, 10), false);
    int64_t newest = newest_ms;
    bool bad = false;
    for (size_t i = 0; i < read.count; i++) {
        bad = bad || read.samples[i].time_ms <= newest || read.samples[i].value == 3;
        newest = read.samples[i].time_ms;
    }
    free(read.samples);
    if (!bad)
        newest_ms = newest;
    return bad ? (struct receiver_reply){.status = 400, .body = "out of order sample"}
               : (struct receiver_reply){.status = 204};
}

static void a_search_keeps_the_order_of_a_series(void **state) {
    (void)state;
    struct err err = {0};
    struct remote_sample samples[60];
    for (int i = 0; i < 60; i++)
        samples[i] = (struct remote_sample){i, 1000 + i};
    newest_ms = 0;
    receiver = receiver_start(take_in_order);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    assert_true(remote_client_add(c, "n_total", NULL, 0, samples, 60, &err) && remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).refused, 1);
    assert_int_equal(counts_of(c).written, 59);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply page_of_a_proxy(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.status = number ? 204 : 503, .body = "the service is out of order"};
}

static void only_500_may_be_about_samples(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(page_of_a_proxy);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err) && remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).written, 1);
    assert_int_equal(counts_of(c).refused, 0);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply refuse_all(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 400, .body = "out of bounds"};
}

static void the_search_has_an_end(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(refuse_all);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.max_samples = 5000;
    struct remote_client *c = open_client(&t);
    for (int i = 0; i < 5000; i++)
        assert_true(add(c, i, &err));
    assert_true(remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).refused, 5000);
    assert_int_equal(counts_of(c).written, 0);
    assert_true(counts_of(c).requests <= 128);
    /* Nothing was taken: the next is given up earlier. */
    uint64_t before = counts_of(c).requests;
    for (int i = 0; i < 5000; i++)
        assert_true(add(c, i, &err));
    assert_true(remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).refused, 10000);
    assert_true(counts_of(c).requests - before <= 16);
    remote_client_close(c);
    receiver_stop(receiver);
}

/* Of the first hundred it takes nothing. */
static struct receiver_reply better_later(size_t number, const struct receiver_request *r) {
    char length[32];
    receiver_header(r, "Content-Length", length, sizeof length);
    struct read_request read = read_request(r->body, strtoul(length, NULL, 10), false);
    bool early = read.samples[0].value < 100;
    free(read.samples);
    return early ? (struct receiver_reply){.status = 400, .body = "too old"} : refuse_some(number, r);
}

static void a_good_answer_gives_hope(void **state) {
    (void)state;
    struct err err = {0};
    bad_status = 400;
    bad_body = "out of bounds";
    receiver = receiver_start(better_later);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    for (int i = 0; i < 200; i++)
        assert_true(add(c, i, &err));
    assert_true(remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).refused, 102); /* and 120, 160 */
    assert_int_equal(counts_of(c).written, 98);
    remote_client_close(c);
    receiver_stop(receiver);
}

static void old_receivers_are_told_apart(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(no_content); /* as Prometheus 2.42: all is well, and nothing stored */
    struct remote_write_target t = target_of(REMOTE_WRITE_AUTO);
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err) && remote_client_flush(c, &err));
    struct read_request a = request(0, true), b = request(1, false);
    assert_string_equal(a.samples[0].labels, b.samples[0].labels);
    free(a.samples);
    free(b.samples);
    assert_true(add(c, 2, &err) && remote_client_flush(c, &err));
    assert_int_equal(receiver_count(receiver), 3); /* 1.0 from now on */
    expect_header(2, "X-Prometheus-Remote-Write-Version", "0.1.0");
    assert_int_equal(counts_of(c).written, 2);
    remote_client_close(c);

    t.protocol = REMOTE_WRITE_2;
    c = open_client(&t);
    assert_true(add(c, 1, &err));
    assert_false(remote_client_flush(c, &err));
    assert_non_null(strstr(err.text, "does not know remote write 2.0"));
    assert_non_null(strstr(err.text, "set protocol to 1.0 or auto"));
    assert_int_equal(counts_of(c).written, 0);
    assert_int_equal(counts_of(c).refused, 1);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply not_that_type(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.status = number ? 204 : 415};
}

static void another_type_is_wanted(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(not_that_type);
    struct remote_write_target t = target_of(REMOTE_WRITE_AUTO);
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err) && remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).written, 1);
    remote_client_close(c);
    receiver_stop(receiver);
}

static int whole_status;
static struct receiver_reply refuse_whole(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = whole_status, .body = "password secret-of-mine is wrong"};
}

static void wrong_settings_fail_at_once(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *said;
    } cases[] = {{401, "are wrong"}, {403, "may not write"}, {404, "enable-remote-write-receiver"}, {302, "followed"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        whole_status = cases[i].status;
        receiver = receiver_start(refuse_whole);
        struct remote_write_target t = target_of(REMOTE_WRITE_1);
        t.username = (char *)"u", t.password = (char *)"secret-of-mine";
        struct remote_client *c = open_client(&t);
        assert_true(add(c, 1, &err));
        assert_false(remote_client_flush(c, &err));
        assert_non_null(strstr(err.text, cases[i].said));
        assert_null(strstr(err.text, "secret-of-mine"));
        assert_int_equal(receiver_count(receiver), 1);
        assert_int_equal(counts_of(c).refused, 1);
        remote_client_close(c);
        receiver_stop(receiver);
    }
}

/* Says back who asked. */
static struct receiver_reply repeat_authorization(size_t number, const struct receiver_request *r) {
    static char text[4096];
    (void)number;
    assert_non_null(receiver_header(r, "Authorization", text, sizeof text));
    return (struct receiver_reply){.status = 401, .body = text};
}

static void secrets_that_are_said_back_are_not_shown(void **state) {
    (void)state;
    static char token[3000];
    memset(token, 'k', sizeof token - 1);
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        receiver = receiver_start(repeat_authorization);
        struct remote_write_target t = target_of(REMOTE_WRITE_1);
        if (i)
            t.bearer_token = token; /* more than is kept of an answer */
        else
            t.username = (char *)"me", t.password = (char *)"secret-of-mine";
        struct remote_client *c = open_client(&t);
        assert_true(add(c, 1, &err));
        assert_false(remote_client_flush(c, &err));
        assert_non_null(strstr(err.text, "repeats a secret"));
        assert_null(strstr(err.text, i ? "kkkkkkkk" : "bWU6c2Vj")); /* me:sec */
        remote_client_close(c);
        receiver_stop(receiver);
    }
}

static struct receiver_reply hang(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.hang = true};
}

static void a_hanging_peer_is_given_up(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(hang);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.timeout_ms = 200;
    t.give_up_ms = 1500;
    struct remote_client *c = open_client(&t);
    int64_t began = clock_monotonic_ns();
    assert_true(add(c, 1, &err));
    assert_false(remote_client_flush(c, &err));
    assert_true((clock_monotonic_ns() - began) / 1000000 < 20000);
    assert_non_null(strstr(err.text, "given up"));
    assert_int_equal(counts_of(c).dropped, 1);
    assert_int_equal(counts_of(c).waiting, 0);
    assert_true(receiver_count(receiver) >= 2);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply take_signed(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 200};
}

static void requests_are_signed(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(take_signed);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.sigv4 = true;
    t.aws = (struct aws_settings){.region = (char *)"eu-west-1",
                                  .access_key_id = (char *)"AKIDEXAMPLE",
                                  .secret_access_key = (char *)"secret-key",
                                  .session_token = (char *)"session-token"};
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 1, &err));
    if (!remote_client_flush(c, &err))
        fail_msg("%s", err.text);
    char text[512];
    const struct receiver_request *r = receiver_wait(receiver, 0);
    assert_non_null(receiver_header(r, "Authorization", text, sizeof text));
    assert_memory_equal(text, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", 40);
    assert_non_null(strstr(text, "/eu-west-1/aps/aws4_request"));
    expect_header(0, "X-Amz-Security-Token", "session-token");
    remote_client_close(c);
    receiver_stop(receiver);
}

/* Two samples and three native histograms; the receiver says in `says` what it wrote of them. */
static const char *says;
static struct receiver_reply says_written(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 204, .headers = says};
}

static void expect_written(const char *headers, enum remote_outcome outcome, uint64_t written, uint64_t refused) {
    struct err err = {0};
    struct remote_batch b;
    struct buf form, labels;
    says = headers;
    receiver = receiver_start(says_written);
    struct remote_write_target t = target_of(REMOTE_WRITE_2);
    struct remote_sender *s = remote_sender_open(&t, NULL, &err);
    assert_non_null(s);
    remote_batch_init(&b);
    buf_init(&form, 1000);
    buf_init(&labels, 1000);
    assert_true(remote_histogram_append(&form, (double[]){1}, 1, (uint64_t[]){2, 3}, 4));
    for (int i = 0; i < 5; i++) {
        buf_clear(&labels);
        assert_true(remote_labels_append(&labels, "n", "", (struct metric_label[]){{"i", &"abcde"[i]}}, 1, NULL, 0));
        assert_true(remote_batch_series(&b, buf_span(&labels), NULL));
        if (i < 2)
            remote_batch_sample(&b, (struct remote_sample){1, 1000});
        else
            assert_true(remote_batch_histogram(&b, i < 4 ? buf_span(&form) : (struct span){0}, 1000));
    }
    assert_int_equal(remote_sender_send(s, &b), outcome);
    struct read_request r = request(0, true);
    assert_int_equal(r.count, 5);
    assert_true(!r.samples[1].histogram.is_one && r.samples[2].histogram.count == 5);
    assert_true(r.samples[3].value == 4 && r.samples[4].histogram.is_one && r.samples[4].histogram.count == 0);
    free(r.samples);
    assert_int_equal(remote_sender_counts(s)->written, written);
    assert_int_equal(remote_sender_counts(s)->refused, refused);
    buf_deinit(&labels);
    buf_deinit(&form);
    remote_batch_deinit(&b);
    remote_sender_close(s);
    receiver_stop(receiver);
}

#define SAMPLES    "X-Prometheus-Remote-Write-Samples-Written: "
#define HISTOGRAMS "X-Prometheus-Remote-Write-Histograms-Written: "

static void histograms_count_as_written(void **state) {
    (void)state;
    expect_written(SAMPLES "2\r\n" HISTOGRAMS "3\r\n", REMOTE_DONE, 5, 0);
    expect_written(SAMPLES "2\r\n" HISTOGRAMS "1\r\n", REMOTE_DONE, 3, 2);
    expect_written(SAMPLES "2\r\n", REMOTE_DONE, 2, 3);
    expect_written(HISTOGRAMS "3\r\n", REMOTE_DONE, 3, 2);
    expect_written(SAMPLES "9223372036854775807\r\n" HISTOGRAMS "9223372036854775807\r\n", REMOTE_DONE, 5, 0);
    expect_written(SAMPLES "2\r\n" HISTOGRAMS "many\r\n", REMOTE_FAILED, 0, 0);
    expect_written(NULL, REMOTE_FAILED, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histograms_count_as_written),
        cmocka_unit_test(trouble_is_tried_again),
        cmocka_unit_test(retry_after_is_kept),
        cmocka_unit_test(bad_samples_are_found_among_good_ones),
        cmocka_unit_test(a_search_keeps_the_order_of_a_series),
        cmocka_unit_test(only_500_may_be_about_samples),
        cmocka_unit_test(the_search_has_an_end),
        cmocka_unit_test(a_good_answer_gives_hope),
        cmocka_unit_test(old_receivers_are_told_apart),
        cmocka_unit_test(another_type_is_wanted),
        cmocka_unit_test(wrong_settings_fail_at_once),
        cmocka_unit_test(secrets_that_are_said_back_are_not_shown),
        cmocka_unit_test(a_hanging_peer_is_given_up),
        cmocka_unit_test(requests_are_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
