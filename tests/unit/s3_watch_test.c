/* collector/source/s3_watch: every object of a bucket once, however late it appears, whatever fails, and however long
 * nobody looked. The bucket, its listing, its downloads and the clock are this test's. */
#include "unit/watched_bucket.h"

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void test_each_object_once(void **state) {
    (void)state;
    put("c", epoch - hour, 0, 10);
    put("a", epoch - 2 * hour, 10, 10);
    put("b", epoch - 25 * hour, 20, 10);
    put("old", epoch - 27 * hour, 30, 10); /* before the look-back */
    run_once();
    pipeline_assert_events(30);
    assert_string_equal(pipeline.order[1], "bucket/b"); /* by their times; before them, from where */
    assert_string_equal(pipeline.order[2], "bucket/a");
    assert_string_equal(pipeline.order[3], "bucket/c");
    struct position p = pipeline_kept("bucket/b")->position;
    assert_int_equal(p.n[1], 10);
    assert_true(p.n[2] > 0);
    assert_int_equal(p.n[3], 1);
    assert_true(p.n[4] == epoch - 25 * hour);
    assert_true(mark() == epoch);
    pipeline_clear_counts();
    run_once(); /* a second life knows them all */
    assert_int_equal(pipeline.accounting.read, 0);
    put("d", epoch, 40, 5);
    run_once();
    pipeline_assert_events(5);
}

static void test_late_and_out_of_order(void **state) {
    (void)state;
    struct running r;
    put("a", epoch, 0, 3);
    start(&r);
    await(pipeline_read() == 3);
    for (unsigned i = 1; i <= 24; i++) {
        char key[16];
        snprintf(key, sizeof key, "late-%u", i);
        atomic_store(&now_ms, epoch + i * hour);
        put(key, epoch + i * hour - ((i * 7) % 25) * hour, 3 * i, 3);
        await(pipeline_read() == 3 + 3 * i);
    }
    await(is_caught_up(r.source));
    stop(&r);
    pipeline_assert_events(75);
}

static void test_outage_is_made_up_for(void **state) {
    (void)state;
    run_once();
    for (unsigned i = 0; i < 40; i++) { /* nine days, and what came late for the time before */
        char key[16];
        snprintf(key, sizeof key, "o-%u", i);
        put(key, epoch - 25 * hour + i * 6 * hour, 3 * i, 3);
    }
    atomic_store(&now_ms, epoch + 10 * day);
    run_once();
    pipeline_assert_events(120);
    assert_true(bucket.least_from_ms == epoch - 26 * hour);
    assert_true(bucket.longest_ms <= day + 28 * hour); /* never all at once */
    assert_true(mark() == epoch + 10 * day);
    pipeline_clear_counts();
    run_once();
    assert_int_equal(pipeline.accounting.read, 0);
    assert_true(bucket.last_from_ms == epoch + 10 * day - 26 * hour);
}

static void test_clock_set_back(void **state) {
    (void)state;
    put("a", epoch - hour, 0, 3);
    run_once();
    atomic_store(&now_ms, epoch - 5 * hour);
    put("b", epoch - 10 * hour, 3, 3);
    run_once();
    pipeline_assert_events(6);
    assert_true(bucket.last_from_ms == epoch - 31 * hour);
}

static void test_start(void **state) {
    (void)state;
    put("before", epoch - 100 * day - 1, 0, 3);
    put("after", epoch - 100 * day, 3, 3);
    put("now", epoch, 6, 3);
    options.start_ms = epoch - 100 * day;
    run_once();
    pipeline_assert_events(6);
    options.start_ms = epoch - 2 * hour; /* later than the look-back: and stays the floor */
    pipeline_clear();
    put("too-early", epoch - 3 * hour, 9, 3);
    run_once();
    run_once();
    pipeline_assert_events(3);
}

/* What is of another place says nothing about this one. */
static void test_another_prefix_starts_anew(void **state) {
    (void)state;
    static char other[] = "other/";
    run_once();
    atomic_store(&now_ms, epoch + 50 * day);
    options.place.prefix = other;
    bucket.least_from_ms = INT64_MAX;
    run_once();
    assert_true(bucket.least_from_ms == epoch + 50 * day - 26 * hour);
}

static void test_forbidden_object(void **state) {
    (void)state;
    struct running r;
    put("a", epoch - 3 * hour, 0, 3);
    set_fate(put("b", epoch - 2 * hour, 3, 3), FATE_DENIED);
    put("c", epoch - hour, 6, 3);
    start(&r);
    await(pipeline_read() == 6); /* the others are read */
    await(has_trouble(r.source, "1 object cannot be read, tried again later: AccessDenied"));
    await(is_caught_up(r.source));
    atomic_store(&now_ms, epoch + 40 * hour);
    await_listings(20);
    await(mark() == epoch + 40 * hour); /* nothing waits for it */
    assert_true(has_trouble(r.source, "1 object cannot be read, tried again later: AccessDenied"));
    pthread_mutex_lock(&bucket.lock);
    assert_true(bucket.things[1].reads < 12); /* tried again, more and more seldom */
    pthread_mutex_unlock(&bucket.lock);
    set_fate(&bucket.things[1], FATE_GOOD);
    leap_until(pipeline_read() == 9); /* though it is not listed any more */
    await(!has_trouble(r.source, ""));
    stop(&r);
    pipeline_assert_events(9);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    assert_int_equal(pipeline.accounting.objects_done, 3);
}

static void test_forbidden_bucket(void **state) {
    (void)state;
    char key[16];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "%u", i);
        set_fate(put(key, epoch - hour, i, 1), FATE_DENIED);
    }
    run_and_fail("10 objects cannot be read"); /* and the others were not even tried */
    assert_int_equal(pipeline.accounting.objects_unreadable, 10);
    for (unsigned i = 0; i < 40; i++)
        set_fate(&bucket.things[i], FATE_GOOD);
    run_once();
    pipeline_assert_events(40);
}

static void test_changed_and_gone(void **state) {
    (void)state;
    struct running r;
    run_once();
    set_fate(put("gone", epoch - hour, 0, 3), FATE_GONE);
    struct thing *changed = put("changed", epoch - hour, 3, 3);
    set_fate(changed, FATE_CHANGED);
    changed->last_read = 2;
    atomic_store(&now_ms, epoch + hour);
    start(&r);
    await(has_trouble(r.source, "cannot be listed"));
    assert_true(mark() == epoch); /* the next listing is to tell */
    assert_int_equal(pipeline_read(), 0);
    pthread_mutex_lock(&bucket.lock);
    bucket.things[0] = bucket.things[--bucket.count]; /* it is gone, and the other is another one */
    bucket.things[0].fate = FATE_GOOD;
    bucket.things[0].from = 10;
    snprintf(bucket.things[0].etag, sizeof changed->etag, "new");
    bucket.refuses = false;
    pthread_mutex_unlock(&bucket.lock);
    await(pipeline_read() == 3);
    await(mark() == epoch + hour);
    await(!has_trouble(r.source, ""));
    stop(&r);
    assert_int_equal(pipeline.accounting.objects_unreadable, 0);
    pthread_mutex_lock(&bucket.lock);
    snprintf(bucket.things[0].etag, sizeof changed->etag, "newer"); /* written once more, after it was read */
    pthread_mutex_unlock(&bucket.lock);
    run_once();
    assert_int_equal(pipeline.accounting.read, 6);
}

static void test_archived_objects_are_passed_over(void **state) {
    (void)state;
    for (unsigned i = 0; i < 15; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        struct thing *t = put(key, epoch - hour, i, 1);
        t->fate = FATE_DENIED;
        t->archived = true;
    }
    put("good", epoch - hour, 20, 3);
    run_and_fail("15 archived objects cannot be read and are left out");
    pipeline_assert_events(3);
    assert_true(mark() == epoch);
    assert_int_equal(pipeline.accounting.objects_unreadable, 15);
    run_once();
    assert_int_equal(bucket.things[0].reads, 1);
}

static void test_listing_fails(void **state) {
    (void)state;
    struct running r;
    put("a", epoch - hour, 0, 3);
    start(&r);
    await(pipeline_read() == 3);
    await(is_caught_up(r.source));
    set_refuses(true);
    await(has_trouble(r.source, "cannot be listed"));
    await(!is_caught_up(r.source)); /* who cannot look knows nothing */
    put("b", epoch - hour, 3, 3);
    atomic_store(&now_ms, epoch + 3 * day);
    await_listings(3);
    assert_true(mark() == epoch);
    set_refuses(false);
    await(pipeline_read() == 6);
    await(is_caught_up(r.source));
    await(!has_trouble(r.source, ""));
    stop(&r);
    set_refuses(true);
    run_and_fail("cannot be listed");
}

static void test_ledger_is_pruned(void **state) {
    (void)state;
    struct running r;
    put("a", epoch - hour, 0, 3);
    put("b", epoch, 3, 3);
    start(&r);
    await(pipeline_read() == 6);
    atomic_store(&now_ms, epoch + 3 * day - 6 * hour);
    await_listings(4);
    assert_false(is_forgotten("bucket/a")); /* for twice the look-back, and more */
    atomic_store(&now_ms, epoch + 4 * day);
    await(is_forgotten("bucket/a") && is_forgotten("bucket/b"));
    assert_false(is_forgotten("(pass) bucket/"));
    put("c", epoch + 4 * day, 6, 3);
    await(pipeline_read() == 9);
    stop(&r);
    run_once();
    pipeline_assert_events(9);
}

static void test_killed_before_the_commit(void **state) {
    (void)state;
    put("a", epoch - hour, 0, 4000);
    pipeline.stop_after = 3;
    struct source *s = open_source(true);
    struct err err = {0};
    assert_true(s->ops->run(s, &err));
    s->ops->close(s);
    atomic_store(&now_ms, epoch + 40 * hour);
    assert_true(mark() == epoch);
    size_t before = pipeline.key_count;
    assert_true(before > 0 && before < 4000);
    pipeline.stop_after = 0;
    run_once();
    pipeline_assert_events(4000);
    assert_true(mark() == epoch + 40 * hour);
}

static void test_end_waits_for_the_commit(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    put("a", epoch - hour, 0, 3);
    r = (struct running){.source = open_source(true)};
    assert_int_equal(pthread_create(&r.thread, NULL, thread_body, &r), 0);
    await(pipeline_read() == 3);
    poll(NULL, 0, 200);
    assert_false(atomic_load(&r.source->done));
    stop(&r);
}

static void test_stops_at_once(void **state) {
    (void)state;
    struct running r;
    options.interval_ms = 3600000;
    start(&r);
    await(is_caught_up(r.source)); /* asleep */
    int64_t began = clock_monotonic_ns();
    stop(&r);
    bucket.hangs = true;
    start(&r);
    poll(NULL, 0, 50);
    int64_t hung = clock_monotonic_ns();
    stop(&r);
    assert_true(hung - began < 5000000000 && clock_monotonic_ns() - hung < 5000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_each_object_once),
        TEST(test_late_and_out_of_order),
        TEST(test_outage_is_made_up_for),
        TEST(test_clock_set_back),
        TEST(test_start),
        TEST(test_another_prefix_starts_anew),
        TEST(test_forbidden_object),
        TEST(test_forbidden_bucket),
        TEST(test_changed_and_gone),
        TEST(test_archived_objects_are_passed_over),
        TEST(test_listing_fails),
        TEST(test_ledger_is_pruned),
        TEST(test_killed_before_the_commit),
        TEST(test_end_waits_for_the_commit),
        TEST(test_stops_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
