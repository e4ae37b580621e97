/* The simulator that follows a clock: the same records as at once, none before its time, and all that are due. The
 * clock is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "simulate/simulate.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t start_ms = 1793491200000; /* 2026-11-01T00:00:00Z */

static struct simulate_options options_of(bool live) {
    struct simulate_options o;
    simulate_options_init(&o);
    o.seed = 5;
    o.per_second = 2;
    o.live = live;
    o.tail_ms = 30LL * 24 * HOUR; /* nothing is left out, in either way of counting it */
    return o;
}

static size_t size_of(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (size_t)st.st_size;
}

static char *read_fd(int fd, size_t *len) {
    *len = size_of(fd);
    char *data = alloc_zeroed(*len + 1, 1);
    assert_int_equal(pread(fd, data, *len, 0), (ssize_t)*len);
    return data;
}

static struct simulate *open_live(struct simulate_options *o) {
    struct err err = {0};
    if (!o->dump.folder)
        o->dump.fd = memfd_create("records", MFD_CLOEXEC);
    struct simulate *s = simulate_open(o, &err);
    assert_string_equal(err.text, "");
    return s;
}

/* Until nothing is due at `now_ms` any more. */
static enum simulate_status go_to(struct simulate *s, int64_t now_ms, int64_t *due_ms) {
    struct err err = {0};
    enum simulate_status status;
    *due_ms = now_ms;
    do
        status = simulate_step_to(s, now_ms, due_ms, &err);
    while (status == SIMULATE_MORE && *due_ms <= now_ms);
    assert_string_equal(err.text, "");
    return status;
}

/* A record's mail was sent before it was written. Of times, those of the usual form are looked at. */
static void check_times(const char *text, size_t from, size_t to, const char *now) {
    static const char key[] = "\"mail\":{\"timestamp\":\"";
    size_t seen = 0;
    for (const char *p = text + from; p < text + to; p++) {
        const char *line = p, *at = strstr(line, key);
        p = strchr(line, '\n');
        assert_non_null(p); /* whole records */
        at += at ? sizeof key - 1 : 0;
        if (!at || at > p || at[23] != 'Z')
            continue;
        seen++;
        assert_true(strncmp(at, now, 19) <= 0);
    }
    assert_true(seen > 50);
}

/* Minute by minute the same bytes come as in one go, those of each minute in it. */
static void test_same_as_at_once(void **state) {
    (void)state;
    struct simulate_options at_once = options_of(false), live = options_of(true);
    at_once.duration_ms = live.duration_ms = 2 * HOUR;
    at_once.dump.fd = memfd_create("records", MFD_CLOEXEC);
    struct err err = {0};
    struct simulate *s = simulate_open(&at_once, &err);
    while (simulate_step(s, &err) == SIMULATE_MORE)
        ;
    simulate_destroy(s);
    size_t whole, some;
    char *expected = read_fd(at_once.dump.fd, &whole);

    s = open_live(&live);
    size_t before = 0;
    for (int64_t minute = 1; minute < 100; minute++) {
        int64_t due_ms, now_ms = start_ms + minute * MINUTE;
        char now[20];
        snprintf(now, sizeof now, "2026-11-01T%02d:%02d:00", (int)(minute / 60), (int)(minute % 60));
        assert_int_equal(go_to(s, now_ms, &due_ms), SIMULATE_MORE);
        assert_true(due_ms > now_ms && due_ms < now_ms + 2 * SECOND);
        char *text = read_fd(live.dump.fd, &some);
        assert_true(some > before && some < whole);
        assert_memory_equal(text + before, expected + before, some - before);
        check_times(text, before, some, now);
        before = some;
        free(text);
    }
    char *all = read_fd(live.dump.fd, &some); /* what was written stays as it was */
    assert_memory_equal(all, expected, some);
    free(all);
    struct simulate_totals totals;
    simulate_totals(s, &totals);
    assert_true(totals.messages > 11800 && totals.messages < 12000); /* two a second for 99 minutes */
    assert_true(simulate_finish(s, &err));
    simulate_destroy(s);
    free(expected);
    close(live.dump.fd);
    close(at_once.dump.fd);
}

/* What is past comes at once, an incident counts from then on, and the period's end is the end. */
static void test_backfill(void **state) {
    (void)state;
    struct simulate_options o = options_of(true);
    o.backfill_ms = HOUR;
    o.duration_ms = HOUR + 10 * MINUTE;
    o.incidents[0] = (struct simulate_incident){INCIDENT_SILENCE, "all", 5 * MINUTE, HOUR};
    o.incident_count = 1;
    struct simulate *s = open_live(&o);
    int64_t due_ms, now_ms = start_ms + HOUR;
    assert_int_equal(go_to(s, now_ms, &due_ms), SIMULATE_MORE);
    struct simulate_totals past, soon, last;
    simulate_totals(s, &past);
    assert_true(past.messages > 7150 && past.messages <= 7200);
    assert_true(past.records > 2 * past.messages);
    assert_int_equal(go_to(s, now_ms + 5 * MINUTE, &due_ms), SIMULATE_MORE);
    simulate_totals(s, &soon);
    assert_true(soon.messages >= past.messages + 590 && soon.messages <= past.messages + 601);
    assert_int_equal(go_to(s, now_ms + 9 * MINUTE, &due_ms), SIMULATE_MORE); /* silent */
    assert_int_equal(go_to(s, now_ms + 10 * MINUTE, &due_ms), SIMULATE_DONE);
    simulate_totals(s, &last);
    assert_int_equal(last.messages, soon.messages);
    simulate_destroy(s);
    close(o.dump.fd);
}

static size_t object_count, hidden_count, object_bytes;

static int count_object(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    if (kind == FTW_F && path[at->base] == '.') {
        hidden_count++;
    } else if (kind == FTW_F) {
        object_count++;
        gzFile f = gzopen(path, "rb");
        char part[4096];
        for (int n; (n = gzread(f, part, sizeof part)) > 0;)
            object_bytes += (size_t)n;
        assert_int_equal(gzclose(f), Z_OK); /* whole */
    }
    return 0;
}

static void count_objects(const char *folder) {
    object_count = hidden_count = object_bytes = 0;
    assert_int_equal(nftw(folder, count_object, 16, FTW_PHYS), 0);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)at;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

/* An object ends when it is old enough, also when nothing more comes; until then it has a hidden name. */
static void test_objects(void **state) {
    (void)state;
    char folder[] = "/tmp/simulate_live_XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct simulate_options o = options_of(true);
    o.late_ppm = o.duplicates_ppm = 0;
    o.dump.folder = folder;
    o.dump.gzip = true;
    o.dump.interval_ms = 10 * SECOND;
    o.backfill_ms = HOUR;
    o.duration_ms = 2 * HOUR;
    o.tail_ms = 0; /* silence is silent */
    o.incidents[0] = (struct simulate_incident){INCIDENT_SILENCE, "all", 15 * SECOND, HOUR};
    o.incident_count = 1;
    struct simulate *s = open_live(&o);
    struct simulate_totals totals;
    int64_t due_ms, now_ms = start_ms + HOUR;
    assert_int_equal(go_to(s, now_ms, &due_ms), SIMULATE_MORE);
    count_objects(folder);
    assert_int_equal(object_count, 12); /* an hour as Firehose cuts it */
    assert_int_equal(hidden_count, 0);
    assert_int_equal(go_to(s, now_ms + 5 * SECOND, &due_ms), SIMULATE_MORE);
    count_objects(folder);
    assert_int_equal(object_count, 12);
    assert_int_equal(hidden_count, 1);
    for (int64_t at = 6 * SECOND; at <= 40 * SECOND; at += SECOND)
        assert_int_equal(go_to(s, now_ms + at, &due_ms), SIMULATE_MORE);
    count_objects(folder);
    simulate_totals(s, &totals);
    assert_int_equal(hidden_count, 0);
    assert_int_equal(object_count, 14); /* silent after 15 s: two objects */
    assert_int_equal(object_count, totals.objects);
    assert_int_equal(object_bytes, totals.bytes);
    simulate_destroy(s);
    assert_int_equal(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A compressed stream can be read up to the last record before it has an end. */
static void test_flushed(void **state) {
    (void)state;
    struct simulate_options o = options_of(true);
    o.dump.gzip = true;
    o.duration_ms = HOUR;
    struct simulate *s = open_live(&o);
    int64_t due_ms;
    assert_int_equal(go_to(s, start_ms + MINUTE, &due_ms), SIMULATE_MORE);
    struct simulate_totals totals;
    simulate_totals(s, &totals);
    assert_true(totals.bytes > 50000);
    size_t len;
    char *packed = read_fd(o.dump.fd, &len), *text = alloc_zeroed(totals.bytes + 1, 1);
    z_stream z = {.next_in = (Bytef *)packed, .avail_in = (uInt)len, .next_out = (Bytef *)text};
    z.avail_out = (uInt)totals.bytes + 1;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(z.total_out, totals.bytes);
    assert_int_equal(text[totals.bytes - 1], '\n');
    inflateEnd(&z);
    free(packed);
    free(text);
    simulate_destroy(s);
    close(o.dump.fd);
}

/* On the average it is the rate, and a morning is not as a night. */
static void test_curve(void **state) {
    (void)state;
    struct simulate_options o = options_of(true);
    o.curve = true;
    o.tail_ms = 0;
    o.duration_ms = 7LL * 24 * HOUR;
    struct simulate *s = open_live(&o);
    struct simulate_totals night, morning, before;
    int64_t due_ms, monday_ms = start_ms + 24 * HOUR;
    go_to(s, monday_ms + 3 * HOUR, &due_ms);
    simulate_totals(s, &before);
    go_to(s, monday_ms + 4 * HOUR, &due_ms);
    simulate_totals(s, &night);
    night.messages -= before.messages;
    go_to(s, monday_ms + 9 * HOUR, &due_ms);
    simulate_totals(s, &before);
    go_to(s, monday_ms + 10 * HOUR, &due_ms);
    simulate_totals(s, &morning);
    morning.messages -= before.messages;
    assert_true(night.messages > 1000 && morning.messages > 3 * night.messages);
    assert_int_equal(go_to(s, start_ms + o.duration_ms, &due_ms), SIMULATE_DONE);
    simulate_totals(s, &before);
    assert_in_range(before.messages, 7 * 86400 * 2 - 10, 7 * 86400 * 2);
    simulate_destroy(s);
    close(o.dump.fd);
}

static void test_longest(void **state) {
    (void)state;
    assert_true(simulate_longest_ms(1) == 3660LL * 24 * HOUR);
    assert_true(simulate_longest_ms(10000) > 11LL * HOUR && simulate_longest_ms(10000) < 12LL * HOUR);
}

static enum simulate_status all_at_once(struct simulate *s, int64_t now_ms, struct err *err) {
    enum simulate_status status;
    int64_t due_ms = now_ms;
    do
        status = simulate_step_to(s, now_ms, &due_ms, err);
    while (status == SIMULATE_MORE && due_ms <= now_ms);
    return status;
}

/* Told to stop, it waits no longer for who takes nothing. */
static void test_no_reader(void **state) {
    (void)state;
    int fds[2];
    struct err err = {0};
    atomic_bool stop = true;
    struct simulate_options o = options_of(true);
    o.backfill_ms = HOUR;
    assert_int_equal(pipe(fds), 0);
    o.dump.fd = fds[1];
    o.dump.stop = &stop;
    struct simulate *s = simulate_open(&o, &err);
    assert_non_null(s);
    int64_t began_ns = clock_monotonic_ns();
    assert_int_equal(all_at_once(s, start_ms + HOUR, &err), SIMULATE_FAILED);
    assert_in_range((clock_monotonic_ns() - began_ns) / 1000000, DUMP_GRACE_MS, DUMP_GRACE_MS + 5000);
    assert_non_null(strstr(err.text, "nobody reads standard output"));
    assert_true(simulate_reader_left(s));
    simulate_destroy(s);
    close(fds[0]);
    close(fds[1]);
}

/* What takes all of it at once gets all of it, told to stop or not. */
static void test_stopped_in_time(void **state) {
    (void)state;
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        atomic_bool stop = i == 1;
        struct simulate_options o = options_of(true);
        o.dump.stop = &stop;
        o.backfill_ms = 10 * MINUTE;
        struct simulate *s = open_live(&o);
        int64_t due_ms;
        assert_int_equal(go_to(s, start_ms + 10 * MINUTE, &due_ms), SIMULATE_MORE);
        struct err err = {0};
        assert_true(simulate_finish(s, &err));
        sizes[i] = size_of(o.dump.fd);
        simulate_destroy(s);
        close(o.dump.fd);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_true(sizes[0] > 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_at_once), cmocka_unit_test(test_backfill),        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_flushed),         cmocka_unit_test(test_curve),           cmocka_unit_test(test_longest),
        cmocka_unit_test(test_no_reader),       cmocka_unit_test(test_stopped_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
