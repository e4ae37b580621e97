/* source/kafka: against librdkafka's mock cluster, which can be made to fail in ways a real one cannot be asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "source/kafka_internal.h"
#include "tests/unit/c11_threads.h"
#include "tests/unit/kafka_run.h"
#include "tests/unit/side_by_side.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TOPIC        "events"

enum { BROKERS = 2, API_FETCH = 1, API_LIST_OFFSETS = 2, API_OFFSET_FETCH = 9, FIRST_MS = 1000 };

/* The cluster lives in a producer, which also fills it. */
static rd_kafka_t *producer;
static rd_kafka_mock_cluster_t *cluster;

static int set_up(void **state) {
    (void)state;
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", text, sizeof text);
    rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof text);
    rd_kafka_conf_set(conf, "allow.auto.create.topics", "false", text, sizeof text);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cluster = rd_kafka_handle_mock_cluster(producer);
    return producer && cluster ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    rd_kafka_destroy(producer);
    return 0;
}

static const char *brokers(void) {
    return rd_kafka_mock_cluster_bootstraps(cluster);
}

static void put(const char *topic, int32_t partition, const void *value, size_t len) {
    rd_kafka_resp_err_t e = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("key", 3),
                                              RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
                                              RD_KAFKA_V_TIMESTAMP(FIRST_MS), RD_KAFKA_V_END);
    assert_int_equal(e, 0);
}

static unsigned spacing_s = 1; /* of records in event time */

static size_t record(char *to, size_t room, unsigned number) {
    unsigned at = number * spacing_s;
    return (size_t)snprintf(to, room,
                            "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-%02uT%02u:%02u:%02u.000Z\","
                            "\"source\":\"a@b.example\","
                            "\"messageId\":\"m-%u\",\"destination\":[\"x@gmail.com\"]},\"send\":{}}",
                            1 + at / 86400, at / 3600 % 24, at / 60 % 60, at % 60, number);
}

static void put_records(const char *topic, int32_t partition, unsigned first, unsigned count) {
    char text[512];
    for (unsigned i = first; i < first + count; i++)
        put(topic, partition, text, record(text, sizeof text, i));
    assert_int_equal(rd_kafka_flush(producer, 20000), 0);
}

static void make_topic(const char *topic, int partitions) {
    assert_int_equal(rd_kafka_mock_topic_create(cluster, topic, partitions, 1), 0);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void reads_to_the_end_in_order(void **state) {
    (void)state;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 3000);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_true(run->result);
    assert_int_equal(run->accounting.read, 3000);
    assert_int_equal(run->events, 3000);
    for (size_t i = 1; i < run->events; i++)
        assert_int_equal(run->times[i], run->times[i - 1] + 1000);
    struct position at;
    assert_true(run_position(run, TOPIC "/0", &at));
    assert_int_equal(at.n[NEXT], 3000);
    assert_int_equal(at.n[ANCHOR], 2999);
    assert_int_equal(at.n[ANCHOR_TIME], FIRST_MS);
    assert_int_equal(at.n[FROM], 0);
    struct source_row row;
    run_status(run, &row);
    assert_true(row.caught_up);
    assert_null(row.trouble);
    assert_int_equal(row.partition_count, 1);
    assert_int_equal(row.partitions[0].next, 3000);
    assert_int_equal(row.partitions[0].lag, 0);
    run_status_free(&row);
    run_destroy(run);
}

/* Two partitions of two weeks each: neither is more than a day ahead of the other, whoever answers first. */
static void partitions_stay_together_in_time(void **state) {
    (void)state;
    enum { EACH = 20000, DAY_S = 86400 };
    make_topic(TOPIC, 2);
    spacing_s = 60;
    put_records(TOPIC, 0, 0, EACH);
    put_records(TOPIC, 1, 0, EACH);
    spacing_s = 1;
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_int_equal(run->accounting.read, 2 * EACH);
    int64_t highest = 0, worst = 0;
    for (size_t i = 0; i < run->events; i++) {
        highest = run->times[i] > highest ? run->times[i] : highest;
        worst = highest - run->times[i] > worst ? highest - run->times[i] : worst;
    }
    assert_in_range((uintmax_t)worst, 0, (DAY_S + 3600) * 1000);
    run_destroy(run);
}

static void odd_values(void **state) {
    (void)state;
    char text[512], framed[600];
    make_topic(TOPIC, 1);
    size_t len = record(text, sizeof text, 7);
    put(TOPIC, 0, text, len);
    memcpy(framed, "\0\0\0\0\7", 5); /* a schema registry's prefix */
    memcpy(framed + 5, text, len);
    put(TOPIC, 0, framed, len + 5);
    memset(framed, 1, 17);
    memcpy(framed + 17, text, len);
    put(TOPIC, 0, framed, len + 17);
    put(TOPIC, 0, NULL, 0);
    put(TOPIC, 0, "", 0);
    put(TOPIC, 0, " \n", 2);
    put(TOPIC, 0, "\0\0\0\0\7Avro", 9);
    put(TOPIC, 0, "{\"eventType\":", 13);
    int n = snprintf(framed, sizeof framed, "{\"schema\":null,\"payload\":%s}", text);
    put(TOPIC, 0, framed, (size_t)n);
    assert_int_equal(rd_kafka_flush(producer, 20000), 0);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_int_equal(run->events, 4);
    assert_int_equal(run->accounting.filtered, 3);
    assert_int_equal(run->accounting.read, 9);
    assert_int_equal(accounting_malformed(&run->accounting), 2);
    assert_int_equal(run->accounting.malformed[MALFORMED_NOT_JSON], 1);
    run_destroy(run);
}

static void dead_letters_are_sent(void **state) {
    (void)state;
    static char topic[] = "dead";
    make_topic(TOPIC, 1);
    make_topic(topic, 1);
    put_records(TOPIC, 0, 0, 5);
    put(TOPIC, 0, "no record", 9);
    put_records(TOPIC, 0, 5, 5);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    run->options.dead_letter_topic = topic;
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_int_equal(run->accounting.read, 11);
    struct source_row row;
    run_status(run, &row);
    assert_int_equal(row.dead_letters, 1);
    assert_int_equal(row.dead_letters_failed, 0);
    run_status_free(&row);
    run_destroy(run);
}

/* Compact records beside SES's: each message is one record; what cannot be read is a dead letter. */
static void both_forms_in_a_topic(void **state) {
    (void)state;
    static char topic[] = "dead";
    static const char good[] = "\x9e\1\1\0\0\x0a\3"
                               "12345678",
                      later[] = "\x9e\2 of a later version";
    make_topic(TOPIC, 1);
    make_topic(topic, 1);
    put_records(TOPIC, 0, 0, 5);
    put(TOPIC, 0, good, sizeof good - 1);
    put(TOPIC, 0, good, sizeof good - 2);
    put_records(TOPIC, 0, 5, 5);
    put(TOPIC, 0, later, sizeof later - 1);
    put(TOPIC, 0, good, sizeof good - 1);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    run->options.dead_letter_topic = topic;
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_int_equal(run->accounting.read, 14);
    assert_int_equal(accounting_malformed(&run->accounting), 2);
    assert_int_equal(run->accounting.malformed[MALFORMED_TRUNCATED], 1);
    assert_int_equal(run->accounting.malformed[MALFORMED_NOT_SES], 1);
    struct source_row row;
    run_status(run, &row);
    assert_int_equal(row.dead_letters, 2);
    run_status_free(&row);
    run_destroy(run);
}

/* --- going on ----------------------------------------------------------------------------------------------------- */

/* Reads all there is; returns the position. */
static struct position read_all(const struct saved_position *saved, uint64_t expected, uint64_t *lost) {
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, saved, saved ? 1 : 0, true));
    assert_true(run_finish(run));
    assert_true(run->result);
    assert_int_equal(run->accounting.read, expected);
    struct position at = {0};
    run_position(run, TOPIC "/0", &at);
    struct source_row row;
    run_status(run, &row);
    *lost = row.messages_lost;
    run_status_free(&row);
    run_destroy(run);
    return at;
}

static void goes_on_behind_its_anchor(void **state) {
    (void)state;
    uint64_t lost;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 100);
    struct saved_position saved = {TOPIC "/0", read_all(NULL, 100, &lost)};
    put_records(TOPIC, 0, 100, 50);
    struct position at = read_all(&saved, 50, &lost);
    assert_int_equal(at.n[NEXT], 150);
    assert_int_equal(at.n[FROM], 0);
    assert_int_equal(lost, 0);
}

static void another_anchor_is_another_topic(void **state) {
    (void)state;
    uint64_t lost;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 100);
    struct saved_position saved = {TOPIC "/0", {.n = {80, 79, FIRST_MS, 4711, 0}}};
    struct position at = read_all(&saved, 100, &lost);
    assert_int_equal(at.n[NEXT], 100);
    assert_int_equal(lost, 0);
}

static void a_position_behind_the_end_starts_again(void **state) {
    (void)state;
    uint64_t lost;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 100);
    struct saved_position far = {TOPIC "/0", {.n = {5000, 4999, FIRST_MS, 4711, 0}}};
    assert_int_equal(read_all(&far, 100, &lost).n[NEXT], 100);
    struct saved_position just = {TOPIC "/0", {.n = {101, 100, FIRST_MS, 4711, 0}}};
    assert_int_equal(read_all(&just, 100, &lost).n[NEXT], 100);
}

static void start_at_the_end_is_remembered(void **state) {
    (void)state;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 100);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    run->options.start = KAFKA_START_END;
    assert_true(run_start(run, NULL, 0, true));
    assert_true(run_finish(run));
    assert_int_equal(run->accounting.read, 0);
    struct position at;
    assert_true(run_position(run, TOPIC "/0", &at));
    assert_int_equal(at.n[NEXT], 100);
    assert_int_equal(at.n[ANCHOR], -1);
    run_destroy(run);
    put_records(TOPIC, 0, 100, 10);
    struct saved_position saved = {TOPIC "/0", at};
    uint64_t lost;
    assert_int_equal(read_all(&saved, 10, &lost).n[NEXT], 110);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static void survives_errors_of_the_brokers(void **state) {
    (void)state;
    make_topic(TOPIC, 2);
    put_records(TOPIC, 0, 0, 2000);
    put_records(TOPIC, 1, 0, 2000);
    rd_kafka_mock_push_request_errors(cluster, API_FETCH, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                      RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    rd_kafka_mock_push_request_errors(cluster, API_LIST_OFFSETS, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, NULL, 0, false));
    assert_true(run_reaches(run, 1000));
    rd_kafka_mock_partition_set_leader(cluster, TOPIC, 0, 2);
    rd_kafka_mock_partition_set_leader(cluster, TOPIC, 1, 1);
    put_records(TOPIC, 0, 2000, 500);
    assert_true(run_reaches(run, 4500));
    usleep(200000);
    assert_int_equal(run_read(run), 4500); /* and not one more */
    run_destroy(run);
}

static bool has_trouble(struct kafka_run *run, const char *text) {
    struct source_row row;
    run_status(run, &row);
    bool has = text ? row.trouble && strstr(row.trouble, text) : !row.trouble;
    run_status_free(&row);
    return has;
}

static bool comes_to(struct kafka_run *run, const char *trouble) {
    for (int i = 0; i < RUN_DEADLINE_S * 20; i++) {
        if (has_trouble(run, trouble))
            return true;
        usleep(50000);
    }
    return false;
}

static void brokers_down_is_said_and_passes(void **state) {
    (void)state;
    make_topic(TOPIC, 1);
    put_records(TOPIC, 0, 0, 100);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    assert_true(run_start(run, NULL, 0, false));
    assert_true(run_reaches(run, 100));
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_down(cluster, id);
    assert_true(comes_to(run, "no broker answers: 127.0.0.1"));
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_up(cluster, id);
    assert_true(comes_to(run, NULL));
    put_records(TOPIC, 0, 100, 100);
    assert_true(run_reaches(run, 200));
    run_destroy(run);
}

static void a_missing_topic_is_waited_for(void **state) {
    (void)state;
    rd_kafka_mock_topic_set_error(cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    struct kafka_run *run = run_create(brokers(), TOPIC);
    run->options.start = KAFKA_START_END;
    assert_true(run_start(run, NULL, 0, false));
    assert_true(comes_to(run, "does not exist"));
    rd_kafka_mock_topic_set_error(cluster, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    put_records(TOPIC, 0, 0, 10); /* it is new: nothing of it may be left out */
    assert_true(run_reaches(run, 10));
    assert_true(comes_to(run, NULL));
    run_destroy(run);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* One reads half and leaves; another state goes on there; the first comes back and goes on behind both. */
static void a_group_goes_on_where_another_left(void **state) {
    (void)state;
    static const char *const ids[] = {"state-1", "state-2", "state-1"};
    struct saved_position saved[2];
    char names[2][32];
    make_topic(TOPIC, 2);
    for (unsigned round = 0; round < COUNT(ids); round++) {
        for (int32_t p = 0; p < 2; p++)
            put_records(TOPIC, p, round * 500, 500);
        struct kafka_run *run = run_create(brokers(), TOPIC);
        run_set(run, "session.timeout.ms", "4000"); /* the mock only believes that a member left when it is silent */
        run_set(run, "heartbeat.interval.ms", "500");
        run->options.mode = KAFKA_GROUP;
        run->options.start = KAFKA_START_STORED;
        assert_true(run_start_as(run, ids[round], saved, round == 2 ? 2 : 0, true));
        assert_true(run_finish(run));
        assert_int_equal(run->accounting.read, 1000);
        for (unsigned p = 0; p < 2; p++) {
            snprintf(names[p], sizeof names[p], TOPIC "/%u", p);
            struct saved_position *to = &saved[p];
            struct position at = {0};
            assert_true(run_position(run, names[p], &at));
            assert_int_equal(at.n[NEXT], (round + 1) * 500);
            assert_int_equal(at.n[FROM], round * 500);
            if (round == 0)
                *to = (struct saved_position){names[p], at};
        }
        run_destroy(run);
    }
}

static void handovers(void **state) {
    (void)state;
    static const struct {
        int64_t own_next, own_from, group; /* own_next -1: none */
        const char *metadata;
        bool use_position;
        int64_t next;
        uint64_t twice;
    } cases[] = {
        {-1, 0, -1, "", false, -1, 0},
        {-1, 0, 70, "ses-collector other 0", false, 70, 0},
        {100, 0, -1, "", true, -1, 0},
        {100, 0, 90, "", true, 90, 0},
        {100, 0, 110, "", false, 110, 0},
        {100, 0, 90, "ses-collector mine 0", true, 90, 0},
        {100, 0, 110, "ses-collector mine 0", false, 110, 0},
        {1000, 0, 1500, "ses-collector other 1000", false, 1500, 0},
        {1000, 0, 1500, "ses-collector other 900", false, 1500, 100},
        {1000, 200, 1500, "ses-collector other 0", false, 1500, 800},
        {1000, 0, 950, "ses-collector other 900", false, 950, 50},
        {1000, 0, 1000, "ses-collector other 1000", true, 1000, 0},
        {1000, 0, 950, "ses-collector other", true, 950, 0},
        {1000, 0, 950, "somebody else's words", true, 950, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct position own = {.n = {[NEXT] = cases[i].own_next, [FROM] = cases[i].own_from}};
        struct handover h =
            kafka_handover(cases[i].own_next < 0 ? NULL : &own, cases[i].group, span_of(cases[i].metadata), "mine");
        assert_int_equal(h.use_position, cases[i].use_position);
        assert_int_equal(h.next, cases[i].next);
        assert_int_equal(h.twice, cases[i].twice);
    }
}

/* --- options and values ------------------------------------------------------------------------------------------- */

static void options_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *said; /* NULL: it is fine */
    } cases[] = {
        {"client.id", "x", NULL},
        {"isolation.level", "read_uncommitted", NULL},
        {"no.such.thing", "1", "no.such.thing"},
        {"fetch.min.bytes", "many", "fetch.min.bytes"},
        {"enable.auto.commit", "true", "committed after"},
        {"auto.offset.reset", "latest", "`start`"},
        {"plugin.library.paths", "/tmp/x.so", "foreign code"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kafka_run *run = run_create("127.0.0.1:1", TOPIC);
        struct err err = {0};
        run_set(run, cases[i].name, cases[i].value);
        bool fine = kafka_options_check(&run->options, &err);
        assert_int_equal(fine, cases[i].said == NULL);
        if (cases[i].said)
            assert_non_null(strstr(err.text, cases[i].said));
        run_destroy(run);
    }
    assert_true(kafka_property_is_secret("sasl.password"));
    assert_true(kafka_property_is_secret("ssl.key.password"));
    assert_true(kafka_property_is_secret("ssl.key.pem"));
    assert_false(kafka_property_is_secret("sasl.mechanisms"));
    assert_false(kafka_property_is_secret("bootstrap.servers"));
}

static void hash_never_changes(void **state) {
    (void)state;
    assert_int_equal(kafka_value_hash(SPAN_LIT("{}")), kafka_value_hash(SPAN_LIT("{}")));
    assert_int_not_equal(kafka_value_hash(SPAN_LIT("{}")), kafka_value_hash(SPAN_LIT("{} ")));
}

#define MOCKED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(handovers),
        cmocka_unit_test(hash_never_changes),
        MOCKED(reads_to_the_end_in_order),
        MOCKED(partitions_stay_together_in_time),
        MOCKED(odd_values),
        MOCKED(dead_letters_are_sent),
        MOCKED(both_forms_in_a_topic),
        MOCKED(goes_on_behind_its_anchor),
        MOCKED(another_anchor_is_another_topic),
        MOCKED(a_position_behind_the_end_starts_again),
        MOCKED(start_at_the_end_is_remembered),
        MOCKED(survives_errors_of_the_brokers),
        MOCKED(brokers_down_is_said_and_passes),
        MOCKED(a_missing_topic_is_waited_for),
        MOCKED(a_group_goes_on_where_another_left),
    };
    return run_side_by_side(tests, COUNT(tests), argc > 1 ? argv[1] : NULL);
}
