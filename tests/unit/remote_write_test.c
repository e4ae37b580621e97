/* sinks/remote_write: what is sent live, and how it ends. */
#include "remote_write_scene.h"

#include "made_up_snapshot.h"
#include "sinks/remote_write_encode.h"

static struct receiver_reply hang(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.hang = true};
}

static void destroy_snapshot(struct snapshot *s) {
    free(s);
}

static void put(struct board *b, int64_t now_ms, uint64_t sent, const char *version) {
    static struct source_row source = {.name = "files", .kind = "files"};
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    *s = made_up_snapshot();
    source.accounting.read = sent;
    s->sources = &source;
    s->has_service = true;
    s->service.now_ms = now_ms;
    s->series = sent;
    s->watermark_ms = *version ? 1000 : 0;
    board_put(b, s);
}

static const struct read_sample *series_of(const struct read_request *r) {
    return read_find(r, "__name__=ses_collector_series;");
}

/* A NaN equals nothing, itself included: its bits tell. */
static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_stale(double value) {
    return bits_of(value) == bits_of(remote_stale_marker());
}

static void live_values_and_their_end(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(no_content);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.interval_ms = 300;
    t.max_samples = 100000;
    struct board *b = board_create(destroy_snapshot);
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    usleep(250000);
    assert_int_equal(receiver_count(receiver), 0); /* there is nothing yet */
    put(b, clock_wall_ms(), 41, "x");
    struct read_request first = request(0, false);
    assert_true(series_of(&first)->value == 41);
    assert_non_null(read_find(&first, "__name__=ses_collector_watermark_timestamp_seconds;"));
    put(b, clock_wall_ms(), 42, ""); /* a series less */
    struct read_request second = request(1, false), third = request(2, false);
    assert_true(series_of(&second)->value == 42);
    const struct read_sample *gone = read_find(&second, "__name__=ses_collector_watermark_timestamp_seconds;");
    assert_true(gone && is_stale(gone->value));
    assert_null(read_find(&third, "__name__=ses_collector_watermark_timestamp_seconds;"));
    assert_true(series_of(&third)->value == 42); /* the same snapshot, at a later time */
    assert_true(series_of(&first)->time_ms < series_of(&second)->time_ms &&
                series_of(&second)->time_ms < series_of(&third)->time_ms);
    put(b, clock_wall_ms(), 43, "");
    struct remote_write_counts counts;
    remote_write_counts(w, &counts);
    assert_true(counts.written >= first.count + second.count);
    remote_write_stop(w, 5000);
    size_t all = receiver_count(receiver);
    struct read_request last = request(all - 2, false), end = request(all - 1, false);
    assert_true(series_of(&last)->value == 43);
    assert_true(is_stale(series_of(&end)->value));
    assert_int_equal(end.count, last.count);
    assert_int_equal(series_of(&end)->time_ms, series_of(&last)->time_ms + 1);
    for (size_t i = 0; i < end.count; i++)
        assert_true(is_stale(end.samples[i].value));
    struct read_request *const read[] = {&first, &second, &third, &last, &end};
    for (size_t i = 0; i < COUNT(read); i++)
        free(read[i]->samples);
    board_destroy(b);
    receiver_stop(receiver);
}

static const char commit_series[] = "__name__=ses_collector_commit_seconds;";

static struct receiver_reply took_some(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 204,
                                   .headers = "X-Prometheus-Remote-Write-Samples-Written: 10000\r\n"
                                              "X-Prometheus-Remote-Write-Histograms-Written: 1\r\n"};
}

/* One series in the place of all buckets, sum and count; its end is a histogram too. */
static void histograms_go_as_native_ones(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(took_some);
    struct remote_write_target t = target_of(REMOTE_WRITE_2);
    t.native_histograms = true;
    t.max_samples = 100000;
    struct board *b = board_create(destroy_snapshot);
    put(b, clock_wall_ms(), 41, "x");
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    struct read_request first = request(0, true);
    const struct read_sample *commit = read_find(&first, commit_series);
    assert_true(commit && commit->histogram.is_one && commit->histogram.bound_count > 3);
    assert_int_equal(commit->type, 3);
    for (size_t i = 0; i < first.count; i++)
        assert_null(strstr(first.samples[i].labels, "_bucket;"));
    assert_true(series_of(&first)->value == 41 && !series_of(&first)->histogram.is_one);
    remote_write_stop(w, 5000);
    struct read_request end = request(receiver_count(receiver) - 1, true);
    commit = read_find(&end, commit_series);
    assert_true(commit && commit->histogram.is_one && is_stale(commit->value));
    assert_true(is_stale(series_of(&end)->value));
    free(first.samples);
    free(end.samples);
    board_destroy(b);
    receiver_stop(receiver);
}

static atomic_bool is_down;
static struct receiver_reply down_for_a_while(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = atomic_load(&is_down) ? 503 : 204};
}

/* Every round of the time that it was down arrives, in order, each once. */
static void nothing_is_lost_while_it_is_down(void **state) {
    (void)state;
    struct err err = {0};
    atomic_store(&is_down, true);
    receiver = receiver_start(down_for_a_while);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.interval_ms = 50;
    struct board *b = board_create(destroy_snapshot);
    struct remote_write_counts counts;
    put(b, clock_wall_ms(), 1, "");
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    usleep(1500000);
    remote_write_counts(w, &counts);
    uint64_t waited = counts.waiting;
    assert_true(waited > 500 && counts.written == 0 && counts.failed >= 1);
    size_t failed = receiver_count(receiver);
    assert_true(failed <= 6); /* not one for each round */
    atomic_store(&is_down, false);
    for (int i = 0; i < 400 && counts.written < waited; i++) {
        usleep(20000);
        remote_write_counts(w, &counts);
    }
    assert_true(counts.written >= waited);
    remote_write_stop(w, 5000);
    int64_t before = 0;
    size_t rounds = 0;
    for (size_t i = failed; i < receiver_count(receiver); i++) {
        struct read_request r = request(i, false);
        const struct read_sample *s = series_of(&r);
        assert_true(!s || s->time_ms > before);
        before = s ? s->time_ms : before;
        rounds += s != NULL;
        free(r.samples);
    }
    assert_true(rounds > 20);
    board_destroy(b);
    receiver_stop(receiver);
}

static void old_samples_are_given_up(void **state) {
    (void)state;
    struct err err = {0};
    atomic_store(&is_down, true);
    receiver = receiver_start(down_for_a_while);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.interval_ms = 50;
    t.give_up_ms = 400;
    struct board *b = board_create(destroy_snapshot);
    struct remote_write_counts counts;
    put(b, clock_wall_ms(), 1, "");
    struct remote_write *w = remote_write_start(&t, b, &err);
    for (int i = 0; i < 500; i++) {
        usleep(20000);
        remote_write_counts(w, &counts);
        if (counts.dropped)
            break;
    }
    assert_true(counts.dropped > 0 && counts.written == 0);
    remote_write_stop(w, 300);
    board_destroy(b);
    receiver_stop(receiver);
}

static void it_ends_in_time_whatever_the_peer_does(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(hang);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.timeout_ms = 60000;
    struct board *b = board_create(destroy_snapshot);
    put(b, clock_wall_ms(), 1, "");
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(receiver_wait(receiver, 0));
    int64_t began = clock_monotonic_ns();
    remote_write_stop(w, 1000);
    int64_t took = (clock_monotonic_ns() - began) / 1000000;
    assert_true(took >= 500 && took < 1300);
    assert_true(remote_write_stop(NULL, 0) && remote_write_has_ended(NULL));
    remote_write_finish(NULL);
    remote_write_break_off(NULL);
    board_destroy(b);
    receiver_stop(receiver);
}

static void many_end_at_the_same_time(void **state) {
    (void)state;
    enum { MANY = 16 };
    struct err err = {0};
    receiver = receiver_start(hang);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    struct board *b = board_create(destroy_snapshot);
    struct remote_write *all[MANY];
    put(b, clock_wall_ms(), 1, "");
    for (int i = 0; i < MANY; i++)
        assert_non_null(all[i] = remote_write_start(&t, b, &err));
    assert_non_null(receiver_wait(receiver, 0));
    for (int i = 0; i < MANY; i++)
        remote_write_finish(all[i]);
    usleep(300000);
    assert_false(remote_write_has_ended(all[0]));
    int64_t began = clock_monotonic_ns();
    for (int i = 0; i < MANY; i++)
        remote_write_break_off(all[i]);
    for (int i = 0; i < MANY; i++) {
        int64_t left = 2000 - (clock_monotonic_ns() - began) / 1000000;
        assert_true(remote_write_stop(all[i], left > 0 ? left : 0));
    }
    assert_true((clock_monotonic_ns() - began) / 1000000 < 1000); /* one after the other: 100 ms each */
    board_destroy(b);
    receiver_stop(receiver);
}

static struct receiver_reply refuse_whole(size_t number, const struct receiver_request *r) {
    (void)number, (void)r;
    return (struct receiver_reply){.status = 401, .body = "password secret-of-mine is wrong"};
}

/* What is refused as a whole is not tried again; later samples are. */
static void refused_is_not_repeated(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(refuse_whole);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.interval_ms = 200;
    t.max_samples = 100000;
    struct board *b = board_create(destroy_snapshot);
    struct remote_write_counts counts;
    put(b, clock_wall_ms(), 1, "");
    struct remote_write *w = remote_write_start(&t, b, &err);
    struct read_request first = request(0, false), second = request(1, false);
    assert_true(series_of(&second)->time_ms > series_of(&first)->time_ms);
    remote_write_counts(w, &counts);
    assert_true(counts.refused >= first.count && counts.written == 0);
    free(first.samples);
    free(second.samples);
    remote_write_stop(w, 1000);
    board_destroy(b);
    receiver_stop(receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_values_and_their_end),    cmocka_unit_test(nothing_is_lost_while_it_is_down),
        cmocka_unit_test(old_samples_are_given_up),     cmocka_unit_test(it_ends_in_time_whatever_the_peer_does),
        cmocka_unit_test(many_end_at_the_same_time),    cmocka_unit_test(refused_is_not_repeated),
        cmocka_unit_test(histograms_go_as_native_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
