/* sinks/remote_write_client and its batches: what goes out in a request. */
#include "remote_write_scene.h"

static void first_version_as_the_specification_says(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(no_content);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.headers = &(struct notify_header){(char *)"X-Scope-OrgID", (char *)"mail"};
    t.header_count = 1;
    t.bearer_token = (char *)"token-of-mine";
    t.labels = &(struct notify_header){(char *)"job", (char *)"ses"};
    t.label_count = 1;
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 7, &err) && add(c, 8, &err));
    assert_int_equal(receiver_count(receiver), 0);
    assert_int_equal(counts_of(c).waiting, 2);
    assert_true(remote_client_flush(c, &err));
    struct read_request r = request(0, false);
    assert_int_equal(r.count, 2);
    assert_non_null(read_find(&r, "__name__=n_total;i=7;job=ses;"));
    free(r.samples);
    expect_header(0, "Content-Type", "application/x-protobuf");
    expect_header(0, "Content-Encoding", "snappy");
    expect_header(0, "X-Prometheus-Remote-Write-Version", "0.1.0");
    expect_header(0, "X-Scope-OrgID", "mail");
    expect_header(0, "Authorization", "Bearer token-of-mine");
    char agent[128];
    assert_non_null(receiver_header(receiver_wait(receiver, 0), "User-Agent", agent, sizeof agent));
    assert_memory_equal(agent, "ses-collector/", 14);
    assert_int_equal(counts_of(c).written, 2);
    assert_int_equal(counts_of(c).last_ms, 1008);
    assert_int_equal(counts_of(c).waiting, 0);
    remote_client_close(c);
    receiver_stop(receiver);
}

static struct receiver_reply take_second(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 204, .headers = "X-Prometheus-Remote-Write-Samples-Written: 1\r\n"};
}

static void second_version_as_the_specification_says(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(take_second);
    struct remote_write_target t = target_of(REMOTE_WRITE_2);
    t.username = (char *)"u", t.password = (char *)"p";
    struct remote_client *c = open_client(&t);
    assert_true(add(c, 7, &err) && remote_client_flush(c, &err));
    struct read_request r = request(0, true);
    const struct read_sample *s = read_find(&r, "__name__=n_total;i=7;");
    assert_true(s && s->value == 7 && s->time_ms == 1007 && s->type == 1);
    free(r.samples);
    expect_header(0, "Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    expect_header(0, "X-Prometheus-Remote-Write-Version", "2.0.0");
    expect_header(0, "Authorization", "Basic dTpw");
    assert_int_equal(counts_of(c).written, 1);
    /* Of three it takes one. */
    assert_true(add(c, 1, &err) && add(c, 2, &err) && add(c, 3, &err) && remote_client_flush(c, &err));
    assert_int_equal(counts_of(c).written, 2);
    assert_int_equal(counts_of(c).refused, 2);
    assert_int_equal(counts_of(c).requests, 2);
    remote_client_close(c);
    receiver_stop(receiver);
}

static void batches_keep_a_series_whole(void **state) {
    (void)state;
    enum { SERIES = 5, SAMPLES = 40 };
    struct err err = {0};
    receiver = receiver_start(no_content);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct remote_client *c = open_client(&t);
    struct remote_sample samples[250];
    for (int i = 0; i < 250; i++)
        samples[i] = (struct remote_sample){i, 1000 + i};
    for (int i = 0; i < SERIES; i++) {
        const struct metric_label label = {"i", (const char *[]){"0", "1", "2", "3", "4"}[i]};
        assert_true(remote_client_add(c, "n", &label, 1, samples, SAMPLES, &err));
    }
    assert_true(remote_client_flush(c, &err));
    for (size_t i = 0; i < 3; i++) {
        struct read_request r = request(i, false);
        assert_int_equal(r.series, i < 2 ? 2 : 1);
        assert_int_equal(r.count, i < 2 ? 80 : 40);
        free(r.samples);
    }
    /* One that has more than a request may is cut, in the order of its times. */
    assert_true(remote_client_add(c, "long", NULL, 0, samples, 250, &err) && remote_client_flush(c, &err));
    for (size_t i = 3, at = 0; i < 6; i++) {
        struct read_request r = request(i, false);
        assert_int_equal(r.count, i < 5 ? 100 : 50);
        for (size_t j = 0; j < r.count; j++, at++)
            assert_int_equal(r.samples[j].time_ms, 1000 + at);
        free(r.samples);
    }
    assert_int_equal(counts_of(c).written, SERIES * SAMPLES + 250);
    remote_client_close(c);
    receiver_stop(receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_version_as_the_specification_says),
        cmocka_unit_test(second_version_as_the_specification_says),
        cmocka_unit_test(batches_keep_a_series_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
