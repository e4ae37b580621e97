/* source/kafka_transform: against librdkafka's mock cluster, which answers as it is told to. It keeps what was aborted,
 * so that each message is there once for readers of committed ones is shown with a real broker
 * (tests/integration/kafka_normalize.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/kafka_transform_internal.h"
#include "tests/unit/c11_threads.h"
#include "tests/unit/side_by_side.h"

enum {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_INIT_PRODUCER = 22,
    API_ADD_PARTITIONS = 24,
    API_END = 26,
    API_TXN_OFFSETS = 28,
    BROKERS = 2,
    DEADLINE_S = 60,
};

/* The cluster lives in a producer, which also fills it. */
static rd_kafka_t *filler;
static rd_kafka_mock_cluster_t *cluster;

struct job {
    struct kafka_options source;
    struct kafka_property properties[5], producer_properties[1];
    char *topics[1];
    struct kafka_transform_options options;
    struct kafka_transform *t;
    pthread_t thread;
    bool started;
    _Atomic size_t made; /* messages that came to the callback */
};

static char name[] = "test", input[] = "in", output[] = "out", group_id[] = "group.id", group[] = "g",
            servers[] = "bootstrap.servers", backoff[] = "reconnect.backoff.max.ms", backoff_ms[] = "500",
            fetch[] = "fetch.wait.max.ms", fetch_ms[] = "50",
            /* The mock cluster waits for a second less than this for members to come back, and at first for 3 s. */
    session[] = "session.timeout.ms", session_ms[] = "4000", transaction[] = "transaction.timeout.ms",
            transaction_ms[] = "4000";

static int set_up(void **state) {
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", text, sizeof text);
    rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof text);
    filler = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cluster = filler ? rd_kafka_handle_mock_cluster(filler) : NULL;
    if (!cluster)
        return -1;
    rd_kafka_mock_topic_create(cluster, input, 1, 1);
    rd_kafka_mock_topic_create(cluster, output, 1, 1);
    struct job *job = alloc_zeroed(1, sizeof *job);
    job->topics[0] = input;
    job->properties[0] = (struct kafka_property){servers, (char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(cluster)};
    job->properties[1] = (struct kafka_property){group_id, group};
    job->properties[2] = (struct kafka_property){backoff, backoff_ms};
    job->properties[3] = (struct kafka_property){fetch, fetch_ms};
    job->properties[4] = (struct kafka_property){session, session_ms};
    job->source = (struct kafka_options){.name = name,
                                         .topics = job->topics,
                                         .topic_count = 1,
                                         .properties = job->properties,
                                         .property_count = 5,
                                         .mode = KAFKA_GROUP,
                                         .start = KAFKA_START_BEGINNING};
    job->options = (struct kafka_transform_options){.topic = output, .interval_ms = 50, .source = &job->source};
    *state = job;
    return 0;
}

static void *run(void *job) {
    kafka_transform_run(((struct job *)job)->t);
    return NULL;
}

static int tear_down(void **state) {
    struct job *job = *state;
    if (job->started) {
        kafka_transform_stop(job->t);
        pthread_join(job->thread, NULL);
    }
    kafka_transform_close(job->t);
    rd_kafka_destroy(filler);
    free(job);
    return 0;
}

/* Each message is a record of two events. */
static void make(void *context, struct kafka_transform *t, struct span value, struct kafka_transformed *made) {
    struct job *job = context;
    atomic_fetch_add(&job->made, 1);
    made->accounting.read = made->accounting.counted = 1;
    made->events = 2;
    kafka_transform_put(t, (struct span){"key", 3}, value, 2);
}

static void begin(struct job *job) {
    struct err err = {0};
    assert_true(kafka_transform_check(&job->options, &err));
    job->t = kafka_transform_open(&job->options, make, job, false, &err);
    assert_non_null(job->t);
    job->started = pthread_create(&job->thread, NULL, run, job) == 0;
    assert_true(job->started);
}

static void fill(unsigned count) {
    char text[64];
    for (unsigned i = 0; i < count; i++) {
        int len = snprintf(text, sizeof text, "message %u", i);
        rd_kafka_resp_err_t e = rd_kafka_producev(filler, RD_KAFKA_V_TOPIC(input), RD_KAFKA_V_PARTITION(0),
                                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                                  RD_KAFKA_V_VALUE(text, (size_t)len), RD_KAFKA_V_END);
        assert_int_equal(e, 0);
    }
    assert_int_equal(rd_kafka_flush(filler, 20000), 0);
}

struct shown {
    struct accounting accounting;
    struct worker_row worker;
    uint64_t lost;
    bool ready;
    int64_t next; /* of the partition; -1: it is not ours */
    char trouble[256];
};

static struct shown look(struct job *job) {
    struct source_row row;
    struct shown s = {.next = -1};
    char not_ready[256];
    kafka_transform_status(job->t, &row, &s.worker, not_ready, sizeof not_ready);
    s.accounting = row.accounting;
    s.lost = row.messages_lost;
    s.ready = !*not_ready;
    if (row.partition_count)
        s.next = row.partitions[0].next;
    snprintf(s.trouble, sizeof s.trouble, "%s", row.trouble ? row.trouble : "");
    source_row_deinit(&row);
    return s;
}

static bool has_read(const struct shown *s, uint64_t count) {
    return s->accounting.read >= count;
}
static bool is_ready(const struct shown *s, uint64_t wanted) {
    return s->ready == (wanted == 1);
}
static bool has_recreated(const struct shown *s, uint64_t count) {
    return s->worker.recreated >= count;
}
static bool has_committed(const struct shown *s, uint64_t count) {
    return s->worker.committed >= count;
}

static struct shown comes_to(struct job *job, bool (*is)(const struct shown *, uint64_t), uint64_t value) {
    int64_t until = clock_monotonic_ns() + DEADLINE_S * INT64_C(1000000000);
    struct shown s = look(job);
    while (!is(&s, value) && clock_monotonic_ns() < until) {
        usleep(10000);
        s = look(job);
    }
    if (!is(&s, value))
        fail_msg("read %d, committed %d, recreated %d, trouble: %s", (int)s.accounting.read, (int)s.worker.committed,
                 (int)s.worker.recreated, s.trouble);
    return s;
}

static void expect_all(const struct shown *s, uint64_t count) {
    assert_int_equal(s->accounting.read, count);
    assert_int_equal(s->accounting.counted, count);
    assert_int_equal(s->worker.records, count);
    assert_int_equal(s->worker.events, 2 * count);
    assert_int_equal(s->lost, 0);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void all_is_written(void **state) {
    struct job *job = *state;
    fill(3000);
    begin(job);
    struct shown s = comes_to(job, has_read, 3000);
    expect_all(&s, 3000);
    assert_int_equal(s.next, 3000);
    assert_int_equal(job->made, 3000);
    assert_int_equal(s.worker.aborted, 0);
    int64_t low, high;
    assert_int_equal(rd_kafka_query_watermark_offsets(filler, output, 0, &low, &high, 10000), 0);
    assert_int_equal(high, 3000);
}

/* The group says that we are not its member: nothing is committed, and nothing is read again. */
static void what_is_aborted_is_done_again_from_memory(void **state) {
    struct job *job = *state;
    job->options.interval_ms = 500; /* the first time all is delivered by then */
    fill(500);
    rd_kafka_mock_push_request_errors(cluster, API_TXN_OFFSETS, 2, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    begin(job);
    struct shown s = comes_to(job, has_read, 500);
    expect_all(&s, 500);
    assert_int_equal(job->made, 500);
    assert_int_equal(s.worker.aborted, 2);
    int64_t low, high;
    assert_int_equal(rd_kafka_query_watermark_offsets(filler, output, 0, &low, &high, 10000), 0);
    assert_in_range((uintmax_t)high, 1000, 1500); /* and the last time; of the second, what was sent before its end */
    assert_int_equal(s.worker.recreated, 0);
    assert_string_equal(s.trouble, "");
}

/* Nothing was committed, so all is read again by the new clients. */
static void breaks_with(struct job *job, int16_t api, rd_kafka_resp_err_t e, uint64_t fenced, const char *trouble) {
    fill(100);
    rd_kafka_mock_push_request_errors(cluster, api, 1, e);
    begin(job);
    struct shown s = comes_to(job, has_recreated, 1);
    assert_int_equal(s.worker.fenced, fenced);
    assert_false(s.ready);
    if (!strstr(s.trouble, trouble))
        fail_msg("it says: %s", s.trouble);
    s = comes_to(job, has_read, 100);
    expect_all(&s, 100);
    assert_int_equal(s.worker.recreated, 1);
    assert_string_equal(comes_to(job, is_ready, 1).trouble, "");
}

static void a_fenced_producer(void **state) {
    breaks_with(*state, API_END, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, "give each worker its own normalize.instance");
}

static void an_old_epoch(void **state) {
    breaks_with(*state, API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1,
                "give each worker its own normalize.instance");
}

static void a_fatal_error(void **state) {
    breaks_with(*state, API_INIT_PRODUCER, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 0,
                "transactions cannot be used");
}

/* With the next message it is known that the offset is right: nothing is written twice. */
static void out_of_range_and_yet_there(void **state) {
    struct job *job = *state;
    fill(200);
    begin(job);
    comes_to(job, has_read, 200);
    rd_kafka_mock_push_request_errors(cluster, API_FETCH, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    usleep(300000);
    fill(50);
    struct shown s = comes_to(job, has_read, 250);
    usleep(300000);
    s = look(job);
    expect_all(&s, 250);
    assert_int_equal(job->made, 250);
}

/* Refused with all the others, with few, and alone. */
static void too_large_for_its_topic(void **state) {
    struct job *job = *state;
    fill(1);
    rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 3, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    begin(job);
    struct shown s = comes_to(job, has_read, 1);
    assert_int_equal(s.accounting.malformed[MALFORMED_TOO_LARGE], 1);
    assert_int_equal(s.accounting.counted, 0);
    assert_int_equal(s.worker.records, 0);
    assert_int_equal(s.worker.events, 0);
    assert_int_equal(s.worker.committed, 1);
}

/* Else one that starts after messages have come would begin behind them. */
static void an_end_is_told_to_the_group(void **state) {
    struct job *job = *state;
    fill(70);
    job->source.start = KAFKA_START_END;
    begin(job);
    struct shown s = comes_to(job, has_committed, 1);
    assert_int_equal(s.next, 70);
    assert_int_equal(s.accounting.read, 0);
    fill(5);
    s = comes_to(job, has_read, 5);
    expect_all(&s, 5);
}

/* Though no message comes that would say so. */
static void brokers_go_and_come_back(void **state) {
    struct job *job = *state;
    fill(10);
    begin(job);
    comes_to(job, has_read, 10);
    comes_to(job, is_ready, 1);
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_down(cluster, id);
    assert_string_equal(comes_to(job, is_ready, 0).trouble, "no broker answers");
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_up(cluster, id);
    struct shown s = comes_to(job, is_ready, 1);
    assert_string_equal(s.trouble, "");
    expect_all(&s, 10);
}

static void ends_within(struct job *job, uintmax_t seconds) {
    int64_t start = clock_monotonic_ns();
    kafka_transform_stop(job->t);
    pthread_join(job->thread, NULL);
    job->started = false;
    assert_true(kafka_transform_is_done(job->t));
    assert_in_range((uintmax_t)(clock_monotonic_ns() - start), 0, seconds * 1000000000);
}

static void ends_while_brokers_are_silent(void **state) {
    struct job *job = *state;
    job->options.interval_ms = 500;
    job->producer_properties[0] = (struct kafka_property){transaction, transaction_ms};
    job->options.properties = job->producer_properties;
    job->options.property_count = 1;
    fill(10);
    begin(job);
    comes_to(job, has_read, 10);
    fill(10);
    usleep(200000); /* something is held */
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_rtt(cluster, id, 60000);
    usleep(1000000); /* and is being committed */
    /* librdkafka 2.0 looks at no time that it is given to send positions, but at the transaction's own: here 4 s,
     * else 10. The process does not wait for so long (process_end_within). */
    ends_within(job, 9);
}

static void ends_before_it_begins(void **state) {
    struct job *job = *state;
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_down(cluster, id);
    begin(job);
    usleep(300000);
    assert_false(look(job).ready);
    ends_within(job, 4);
}

/* One that was left behind still answers its group, on a thread of its own: the partitions are others now. */
static void a_client_left_behind_takes_nothing(void **state) {
    struct job *job = *state;
    fill(10);
    begin(job);
    comes_to(job, has_read, 10);
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "group.id", "another", text, sizeof text);
    rd_kafka_t *old = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, input, 0);
    transform_rebalance(old, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, list, job->t);
    assert_int_equal(look(job).next, 10);
    job->t->handle.take_error(job->t, old, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN);
    assert_true(look(job).ready);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(old);
}

int main(int argc, char **argv) {
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(all_is_written),
        EACH(what_is_aborted_is_done_again_from_memory),
        EACH(a_fenced_producer),
        EACH(an_old_epoch),
        EACH(a_fatal_error),
        EACH(out_of_range_and_yet_there),
        EACH(too_large_for_its_topic),
        EACH(an_end_is_told_to_the_group),
        EACH(brokers_go_and_come_back),
        EACH(ends_while_brokers_are_silent),
        EACH(ends_before_it_begins),
        EACH(a_client_left_behind_takes_nothing),
    };
    return run_side_by_side(tests, sizeof tests / sizeof *tests, argc > 1 ? argv[1] : NULL);
}
