/* collector/source/s3_watch: objects that cannot be read. Neither new ones nor the mark wait for them, nothing of them
 * is lost while they may become readable, and what is kept of them comes to an end. */
#include "unit/watched_bucket.h"

enum { BAD = 40 };

static struct thing *put_denied(const char *key, int64_t time_ms, unsigned from, unsigned count) {
    struct thing *t = put(key, time_ms, from, count);
    set_fate(t, FATE_DENIED);
    return t;
}

static int64_t last_from(void) {
    pthread_mutex_lock(&bucket.lock);
    int64_t from = bucket.last_from_ms;
    pthread_mutex_unlock(&bucket.lock);
    return from;
}

/* A whole pass was made at this time. */
static void go_to(int64_t ms) {
    atomic_store(&now_ms, ms);
    leap_until(mark() == ms);
}

static unsigned least_reads(struct thing *const *things) {
    unsigned least = UINT32_MAX;
    for (unsigned i = 0; i < BAD; i++)
        least = reads_of(things[i]) < least ? reads_of(things[i]) : least;
    return least;
}

/* Their pauses are always over, and a pass ends after ten failures: the new one comes first all the same, and none of
 * the old ones is passed over for ever. */
static void test_none_is_starved(void **state) {
    (void)state;
    struct thing *bad[BAD];
    struct running r;
    char key[16];
    for (unsigned i = 0; i < BAD; i++) {
        snprintf(key, sizeof key, "bad-%u", i);
        bad[i] = put_denied(key, epoch - 2 * hour + i, 1000 + i, 1);
    }
    put("good", epoch - hour, 1, 1);
    start(&r);
    leap_until(pipeline_read() == 1);
    leap_until(least_reads(bad) >= 3);
    put("later", epoch, 2, 1);
    leap_until(pipeline_read() == 2);
    go_to(epoch + hour); /* though no pass tries them all */
    await(has_trouble(r.source, "40 objects cannot be read, tried again later: AccessDenied"));
    set_fate(bad[BAD - 1], FATE_GOOD);
    leap_until(pipeline_read() == 3);
    stop(&r);
    assert_int_equal(pipeline.accounting.objects_unreadable, BAD);
    pipeline_assert_events(3);
}

static void test_nothing_waits(void **state) {
    (void)state;
    struct running r;
    struct thing *bad = put_denied("bad", epoch - hour, 1000, 5);
    start(&r);
    await(has_trouble(r.source, "1 object cannot be read"));
    for (unsigned d = 1; d <= 12; d++) {
        char key[16];
        snprintf(key, sizeof key, "good-%u", d);
        put(key, epoch + d * day - hour, d, 1);
        go_to(epoch + d * day);
        assert_int_equal(pipeline_read(), d);
        assert_true(has_trouble(r.source, "1 object cannot be read, tried again later: AccessDenied"));
        if (d == 6) { /* the state knows it */
            stop(&r);
            start(&r);
        }
    }
    await_listings(3);
    assert_true(last_from() == epoch + 12 * day - 26 * hour);
    await(is_forgotten("bucket/good-1") && is_forgotten("bucket/good-8"));
    assert_false(is_forgotten("bucket/bad"));
    unsigned before = reads_of(bad);
    leap_until(reads_of(bad) > before + 2);
    set_fate(bad, FATE_GOOD);
    leap_until(pipeline_read() == 17);
    await(!has_trouble(r.source, ""));
    await(is_forgotten("bucket/bad"));
    stop(&r);
    pipeline_assert_events(17);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
}

/* By when it was refused first, not by its own time. */
static void test_given_up_in_the_end(void **state) {
    (void)state;
    struct running r;
    options.start_ms = epoch - 50 * day;
    struct thing *bad = put_denied("bad", epoch - 49 * day, 0, 5), *other = put_denied("other", epoch - 49 * day, 5, 5);
    start(&r);
    leap_until(mark() == epoch);
    await(has_trouble(r.source, "2 objects cannot be read"));
    set_fate(other, FATE_GOOD);
    leap_until(pipeline_read() == 5);
    go_to(epoch + 14 * day - 1);
    stop(&r);
    start(&r);
    unsigned before = reads_of(bad);
    leap_until(reads_of(bad) > before + 2);
    assert_true(has_trouble(r.source, "1 object cannot be read"));
    go_to(epoch + 14 * day);
    leap_until(!has_trouble(r.source, ""));
    await(is_forgotten("bucket/bad"));
    before = reads_of(bad);
    set_fate(bad, FATE_GOOD);
    for (unsigned i = 0; i < 20; i++)
        leap();
    assert_int_equal(reads_of(bad), before);
    stop(&r);
    pipeline_assert_events(5);
    assert_int_equal(pipeline.accounting.objects_unreadable, 2);
}

/* A run to the end says so once more. */
static void test_given_up_is_told(void **state) {
    (void)state;
    put_denied("bad", epoch - hour, 0, 5);
    run_and_fail("1 object cannot be read");
    atomic_store(&now_ms, epoch + 15 * day);
    run_and_fail("1 object could not be read for 14 days and is given up: AccessDenied");
    run_once();
}

static void test_clock_set_back(void **state) {
    (void)state;
    options.start_ms = epoch - 60 * day;
    put_denied("bad", epoch - 50 * day, 0, 5);
    run_and_fail("1 object cannot be read");
    atomic_store(&now_ms, epoch - 20 * day);
    run_and_fail("1 object cannot be read"); /* from here on 14 days */
    assert_true(pipeline_kept("bucket/bad")->position.n[5] == epoch - 20 * day);
    atomic_store(&now_ms, epoch - 5 * day);
    run_and_fail("is given up");
    run_once();
}

/* Some stores list for ever what they do not give. */
static void test_listed_and_not_there(void **state) {
    (void)state;
    struct running r;
    run_once();
    struct thing *ghost = put("ghost", epoch - hour, 0, 3), *other = put("other", epoch - hour, 3, 3);
    set_fate(ghost, FATE_GONE);
    set_fate(other, FATE_CHANGED);
    atomic_store(&now_ms, epoch + hour);
    start(&r);
    await(has_trouble(r.source, "2 objects cannot be read, tried again later"));
    await(mark() == epoch + hour);
    assert_true(reads_of(ghost) >= 3);
    set_fate(other, FATE_GOOD);
    leap_until(pipeline_read() == 3);
    await(has_trouble(r.source, "1 object cannot be read, tried again later"));
    take_away(ghost);
    await(!has_trouble(r.source, "")); /* the next listing does not show it */
    stop(&r);
    pipeline_assert_events(3);
}

/* Deleted when no listing showed it any more. */
static void test_old_and_deleted(void **state) {
    (void)state;
    struct running r;
    struct thing *bad = put_denied("bad", epoch - hour, 0, 3);
    start(&r);
    await(has_trouble(r.source, "1 object cannot be read"));
    go_to(epoch + 4 * day);
    unsigned before = reads_of(bad);
    leap_until(reads_of(bad) > before);
    take_away(bad);
    leap_until(!has_trouble(r.source, ""));
    await(is_forgotten("bucket/bad"));
    stop(&r);
    assert_int_equal(pipeline_read(), 0);
}

/* What was read of it may have been another one's. */
static void test_old_and_another_one(void **state) {
    (void)state;
    struct thing *bad = put_denied("bad", epoch - hour, 0, 3);
    run_and_fail("1 object cannot be read");
    atomic_store(&now_ms, epoch + 4 * day);
    run_and_fail("1 object cannot be read");
    pipeline_kept("bucket/bad")->position.n[0] = 300;
    pthread_mutex_lock(&bucket.lock);
    snprintf(bad->etag, sizeof bad->etag, "new");
    bad->from = 10;
    bad->count = 6;
    bad->fate = FATE_GOOD;
    pthread_mutex_unlock(&bucket.lock);
    run_once();
    pipeline_assert_events(6);
}

static void test_of_another_place(void **state) {
    (void)state;
    static char other[] = "other/", pattern[] = "ba*", *patterns[] = {pattern};
    struct thing *bad = put_denied("bad", epoch - hour, 0, 3);
    run_and_fail("1 object cannot be read");
    atomic_store(&now_ms, epoch + 4 * day);
    run_and_fail("1 object cannot be read");
    unsigned before = bad->reads;
    options.place.exclude = patterns;
    options.place.exclude_count = 1;
    run_once(); /* whoever excludes it has no trouble with it */
    assert_true(pipeline_kept("bucket/bad")->forgotten);
    pipeline_clear();
    atomic_store(&now_ms, epoch);
    options.place.exclude_count = 0;
    run_and_fail("1 object cannot be read");
    assert_int_equal(bad->reads, ++before);
    atomic_store(&now_ms, epoch + 4 * day);
    options.place.prefix = other;
    run_once();
    assert_true(pipeline_kept("bucket/bad")->forgotten);
    assert_int_equal(bad->reads, before);
}

/* Restored in the meantime, and met by a broken network: it is tried again. */
static void test_archived_and_restored(void **state) {
    (void)state;
    struct running r;
    struct thing *t = put("cold", epoch - hour, 0, 3);
    t->archived = true;
    t->fate = FATE_BROKEN;
    start(&r);
    await(has_trouble(r.source, "1 object cannot be read, tried again later: the connection broke"));
    leap_until(reads_of(t) >= 3);
    set_fate(t, FATE_GOOD);
    leap_until(pipeline_read() == 3);
    await(!has_trouble(r.source, ""));
    stop(&r);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    struct thing *other = put("colder", epoch - hour, 3, 3);
    other->archived = true;
    other->fate = FATE_BROKEN;
    run_and_fail("1 object cannot be read, tried again later");
    set_fate(other, FATE_DENIED);
    run_and_fail("1 archived object cannot be read and is left out");
    run_once();
    assert_int_equal(other->reads, 2);
}

static void test_listed_twice(void **state) {
    (void)state;
    bucket.twice = true;
    struct thing *good = put("good", epoch - hour, 0, 3), *bad = put_denied("bad", epoch - hour, 3, 3);
    run_and_fail("1 object cannot be read, tried again later");
    pipeline_assert_events(3);
    assert_int_equal(pipeline.accounting.objects_done, 1);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    assert_int_equal(good->reads, 1);
    assert_int_equal(bad->reads, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_none_is_starved),       TEST(test_nothing_waits),       TEST(test_given_up_in_the_end),
        TEST(test_given_up_is_told),      TEST(test_clock_set_back),      TEST(test_listed_and_not_there),
        TEST(test_old_and_deleted),       TEST(test_old_and_another_one), TEST(test_of_another_place),
        TEST(test_archived_and_restored), TEST(test_listed_twice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
