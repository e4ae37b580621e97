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

/* The first request from number *at on that has this value; how many it has is no matter, a busy machine may make more.
 * *at is behind it then. */
static struct read_request request_with(size_t *at, double value) {
    for (;;) {
        struct read_request r = request((*at)++, false);
        if (series_of(&r)->value == value)
            return r;
        free(r.samples);
    }
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
    size_t at = 1;
    struct read_request second = request_with(&at, 42), third = request(at, false);
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
    enum { MANY_ROUNDS = 2000 }; /* samples; a round has fewer than 90 */
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
    for (int i = 0; i < 1500 && (i < 75 || counts.waiting < MANY_ROUNDS || !counts.failed); i++) {
        usleep(20000);
        remote_write_counts(w, &counts);
    }
    uint64_t waited = counts.waiting;
    assert_true(waited >= MANY_ROUNDS && counts.written == 0 && counts.failed >= 1);
    size_t failed = receiver_count(receiver);
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
    assert_true(failed < rounds / 3); /* not one for each round */
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
    assert_true(took >= 500 && took < 10000); /* 1000, on a machine that has time; the peer, 60000 */
    assert_true(remote_write_stop(NULL, 0) && remote_write_has_ended(NULL));
    remote_write_finish(NULL);
    remote_write_break_off(NULL);
    board_destroy(b);
    receiver_stop(receiver);
}

/* Milliseconds that the end of many takes whose peer hangs. */
static int64_t end_of_many(void) {
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
    for (int i = 0; i < MANY; i++)
        assert_true(remote_write_stop(all[i], 10000));
    int64_t took = (clock_monotonic_ns() - began) / 1000000;
    board_destroy(b);
    receiver_stop(receiver);
    return took;
}

static void many_end_at_the_same_time(void **state) {
    (void)state;
    int64_t least = INT64_MAX;
    for (int turn = 0; turn < 5 && least >= 1000; turn++) { /* the machine may be busy with something else */
        int64_t took = end_of_many();
        least = took < least ? took : least;
    }
    assert_true(least < 1000); /* one after the other: 100 ms each */
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

/* --- exemplars ---------------------------------------------------------------------------------------------------- */

/* A snapshot with a counter and a histogram that have some; freed whole, as it begins with the snapshot. */
struct with_exemplars {
    struct snapshot s;
    struct detail_row detail;
    struct view_row row;
    struct exemplar bounce, fast, slow;
};

#define BEGAN_MS           INT64_C(1763768000000)
#define MESSAGE(letter, n) ((uint64_t)(letter) << 8 | (uint64_t)(n))

/* Messages b-N, f-N, s-N; their times are N, and of the slow one half a second earlier. `mark` says which snapshot it
 * was. */
static void put_exemplars(struct board *b, int n, uint64_t mark) {
    struct with_exemplars *w = alloc_zeroed(1, sizeof *w);
    const int64_t time_ms = BEGAN_MS + n * 1000;
    w->bounce = (struct exemplar){MESSAGE('b', n), 1, time_ms};
    w->fast = (struct exemplar){MESSAGE('f', n), 0.05, time_ms};
    w->slow = (struct exemplar){MESSAGE('s', n), 2, time_ms - 500};
    w->s = made_up_snapshot();
    w->s.has_service = true;
    w->s.service.now_ms = clock_wall_ms();
    w->detail = (struct detail_row){DETAIL_BOUNCE, "Permanent", "NoEmail", "a", "gmail", 3, 0, &w->bounce};
    w->row = (struct view_row){.provider = "gmail", .configuration_set = "a"};
    w->row.tally[PERIOD_NOW].recipients[EVENT_DELIVERY] = 5;
    w->row.tally[PERIOD_NOW].delivery_count[0] = 3;
    w->row.tally[PERIOD_NOW].delivery_count[4] = 2;
    w->row.deliveries[0] = &w->fast;
    w->row.deliveries[4] = &w->slow;
    w->s.both = (struct view){.kind = VIEW_BOTH, .rows = &w->row, .count = 1};
    w->s.series = mark;
    w->s.details = &w->detail;
    w->s.detail_count = 1;
    board_put(b, &w->s);
}

static const char bounce_series[] = "__name__=ses_bounces_total;bounce_subtype=NoEmail;bounce_type=Permanent;"
                                    "configuration_set=a;provider=gmail;";
static const char fast_series[] = "__name__=ses_delivery_seconds_bucket;configuration_set=a;le=0.1;provider=gmail;";
static const char slow_series[] = "__name__=ses_delivery_seconds_bucket;configuration_set=a;le=2.5;provider=gmail;";
static const char whole_series[] = "__name__=ses_delivery_seconds;configuration_set=a;provider=gmail;";

/* All exemplars in the requests from number `first` on, in their order: " LETTER-N@seconds" for each of a series, with
 * its value where it is not 1. */
static void told(size_t first, bool second, const char *series, char out[400]) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = first; i < receiver_count(receiver); i++) {
        struct read_request r = request(i, second);
        const struct read_sample *s = read_find(&r, series);
        if (s && s->exemplar.is_one) {
            unsigned letter, n;
            assert_int_equal(sscanf(s->exemplar.labels, "message_hash=000000000000%2x%2x;", &letter, &n), 2);
            used += (size_t)snprintf(out + used, 400 - used, " %c-%u@%g", (char)letter, n,
                                     (double)(s->exemplar.time_ms - BEGAN_MS) / 1000);
            if (s->exemplar.value != 1)
                used += (size_t)snprintf(out + used, 400 - used, "=%g", s->exemplar.value);
            assert_true(used < 400);
        }
        free(r.samples);
    }
}

static void expect_told(size_t first, bool second, const char *series, const char *wanted) {
    char got[400];
    told(first, second, series, got);
    assert_string_equal(got, wanted);
}

/* Until so many more requests have come behind the one that shows the snapshot. */
static void wait_for_snapshot(bool second, uint64_t mark, size_t more) {
    size_t number = 0;
    for (bool there = false; !there; number++) {
        struct read_request r = request(number, second);
        const struct read_sample *s = series_of(&r);
        there = s && s->value == (double)mark;
        free(r.samples);
    }
    assert_non_null(receiver_wait(receiver, number + more - 1));
}

static size_t all_exemplars(bool second) {
    size_t count = 0;
    for (size_t i = 0; i < receiver_count(receiver); i++) {
        struct read_request r = request(i, second);
        count += r.exemplars;
        free(r.samples);
    }
    return count;
}

/* Snapshots with new ones, the same again, and older ones: what is new is sent, once. */
static void show_exemplars(struct remote_write_target t, bool second) {
    static const int shown[] = {1, 1, 2, 1, 4};
    struct err err = {0};
    t.interval_ms = 60;
    t.max_samples = 100000;
    struct board *b = board_create(destroy_snapshot);
    put_exemplars(b, shown[0], 100);
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    for (size_t i = 1; i < COUNT(shown); i++) {
        wait_for_snapshot(second, 99 + i, 2);
        put_exemplars(b, shown[i], 100 + i);
    }
    wait_for_snapshot(second, 99 + COUNT(shown), 2);
    assert_true(remote_write_stop(w, 5000));
    struct read_request last = request(receiver_count(receiver) - 1, second); /* the series' end has none */
    assert_true(is_stale(read_find(&last, bounce_series)->value));
    assert_int_equal(last.exemplars, 0);
    free(last.samples);
    board_destroy(b);
}

static void each_exemplar_is_sent_once(void **state) {
    (void)state;
    for (int second = 0; second < 2; second++) {
        receiver = receiver_start(second ? took_some : no_content);
        struct remote_write_target t = target_of(second ? REMOTE_WRITE_2 : REMOTE_WRITE_1);
        t.exemplars = true;
        show_exemplars(t, second);
        expect_told(0, second, bounce_series, " b-1@1 b-2@2 b-4@4");
        expect_told(0, second, fast_series, " f-1@1=0.05 f-2@2=0.05 f-4@4=0.05");
        expect_told(0, second, slow_series, " s-1@0.5=2 s-2@1.5=2 s-4@3.5=2");
        assert_int_equal(all_exemplars(second), 9); /* no other series has any */
        receiver_stop(receiver);
    }
}

/* A native histogram is one series: it has the latest of its buckets'. */
static void native_histograms_have_the_latest(void **state) {
    (void)state;
    receiver = receiver_start(took_some);
    struct remote_write_target t = target_of(REMOTE_WRITE_2);
    t.exemplars = t.native_histograms = true;
    show_exemplars(t, true);
    expect_told(0, true, whole_series, " f-1@1=0.05 f-2@2=0.05 f-4@4=0.05");
    expect_told(0, true, bounce_series, " b-1@1 b-2@2 b-4@4");
    assert_int_equal(all_exemplars(true), 6);
    receiver_stop(receiver);
}

static void no_exemplars_unless_wanted(void **state) {
    (void)state;
    for (int second = 0; second < 2; second++) {
        receiver = receiver_start(second ? took_some : no_content);
        struct remote_write_target t = target_of(second ? REMOTE_WRITE_2 : REMOTE_WRITE_1);
        t.native_histograms = second;
        show_exemplars(t, second);
        assert_int_equal(all_exemplars(second), 0);
        receiver_stop(receiver);
    }
}

static atomic_size_t up_from; /* the first request that was taken */
static struct receiver_reply down_at_first(size_t number, const struct receiver_request *r) {
    struct receiver_reply reply = down_for_a_while(number, r);
    if (reply.status != 503 && !atomic_load(&up_from))
        atomic_store(&up_from, number);
    return reply;
}

/* Until the samples of that many more rounds wait: the second one of them began after now. */
static void wait_for_rounds(struct remote_write *w, size_t samples) {
    struct remote_write_counts counts;
    remote_write_counts(w, &counts);
    uint64_t wanted = counts.waiting + samples;
    for (int i = 0; i < 1000 && counts.waiting < wanted; i++) {
        usleep(10000);
        remote_write_counts(w, &counts);
    }
    assert_true(counts.waiting >= wanted);
}

/* A request that is sent again is the same; what was shown in the meantime and is outdated is not sent at all. */
static void exemplars_while_it_is_down(void **state) {
    (void)state;
    struct err err = {0};
    atomic_store(&is_down, true);
    atomic_store(&up_from, 0);
    receiver = receiver_start(down_at_first);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.exemplars = true;
    t.interval_ms = 50;
    t.max_samples = 100000;
    struct board *b = board_create(destroy_snapshot);
    put_exemplars(b, 1, 1);
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    struct read_request first = request(0, false);
    for (int n = 2; n <= 5; n++) {
        put_exemplars(b, n, (uint64_t)n);
        wait_for_rounds(w, 2 * first.count);
    }
    atomic_store(&is_down, false);
    wait_for_snapshot(false, 5, 1);
    assert_true(remote_write_stop(w, 5000));
    size_t up = atomic_load(&up_from);
    assert_true(up > 0);
    for (size_t i = 0; i <= up; i++) {
        struct read_request r = request(i, false);
        assert_int_equal(r.count, first.count);
        assert_string_equal(read_find(&r, bounce_series)->exemplar.labels, "message_hash=0000000000006201;");
        free(r.samples);
    }
    expect_told(up, false, bounce_series, " b-1@1 b-5@5");
    expect_told(up, false, slow_series, " s-1@0.5=2 s-5@4.5=2");
    free(first.samples);
    board_destroy(b);
    receiver_stop(receiver);
}

/* Requests of few series: each exemplar goes with its own. */
static void exemplars_in_small_requests(void **state) {
    (void)state;
    struct err err = {0};
    receiver = receiver_start(no_content);
    struct remote_write_target t = target_of(REMOTE_WRITE_1);
    t.exemplars = true;
    t.max_samples = 1;
    struct board *b = board_create(destroy_snapshot);
    put_exemplars(b, 3, 3);
    struct remote_write *w = remote_write_start(&t, b, &err);
    assert_non_null(w);
    assert_true(remote_write_stop(w, 5000));
    expect_told(0, false, bounce_series, " b-3@3");
    expect_told(0, false, fast_series, " f-3@3=0.05");
    expect_told(0, false, slow_series, " s-3@2.5=2");
    assert_int_equal(all_exemplars(false), 3);
    board_destroy(b);
    receiver_stop(receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_values_and_their_end),         cmocka_unit_test(nothing_is_lost_while_it_is_down),
        cmocka_unit_test(old_samples_are_given_up),          cmocka_unit_test(it_ends_in_time_whatever_the_peer_does),
        cmocka_unit_test(many_end_at_the_same_time),         cmocka_unit_test(refused_is_not_repeated),
        cmocka_unit_test(histograms_go_as_native_ones),      cmocka_unit_test(each_exemplar_is_sent_once),
        cmocka_unit_test(native_histograms_have_the_latest), cmocka_unit_test(no_exemplars_unless_wanted),
        cmocka_unit_test(exemplars_while_it_is_down),        cmocka_unit_test(exemplars_in_small_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
