/* source/s3_listing: which objects of a bucket are those of a stretch of time, whatever the layout of its keys, and
 * what finding that out costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/time_rule.h"
#include "listed_bucket.h"
#include "random_numbers.h"
#include "source/files.h"
#include "source/s3_listing.h"
#include "source/s3_listing_key.h"

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* --- keys --------------------------------------------------------------------------------------------------------- */

static int64_t at(int year, int month, int day, int hour) {
    return time_rule_days_to(year, month, day) * DAY + hour * HOUR;
}

/* Layouts: %Y %m %d %H as in dates, %N the name as Firehose writes it, %R random letters. */
static void write_key(char *to, size_t size, const char *layout, int64_t ms, const char *stream, unsigned id) {
    struct key_time t = key_time_of(ms);
    size_t len = 0;
    for (const char *p = layout; *p; p++) {
        char *end = to + len;
        size_t room = size - len;
        if (*p != '%') {
            end[0] = *p, end[1] = 0;
        } else if (*++p == 'N') {
            snprintf(end, room, "%s-3-%04d-%02d-%02d-%02d-%02d-%02d-%08x-1111-4222-8333-444455556666.gz", stream,
                     t.field[0], t.field[1], t.field[2], t.field[3], (int)(ms / MINUTE % 60), (int)(ms / 1000 % 60),
                     id);
        } else if (*p == 'R') {
            snprintf(end, room, "%08xabc", id * 2654435761u);
        } else if (*p == 'U') {
            snprintf(end, room, "data-%u.json", id);
        } else {
            static const char letters[] = "YmdH";
            int field = (int)(strchr(letters, *p) - letters);
            snprintf(end, room, "%0*d", field ? 2 : 4, t.field[field]);
        }
        len += strlen(end);
    }
}

static void put(const char *layout, int64_t local_ms, int64_t modified_ms, unsigned id) {
    char key[512];
    write_key(key, sizeof key, layout, local_ms, "ses-events", id);
    bucket_put(key, modified_ms);
}

/* --- what a listing gives ----------------------------------------------------------------------------------------- */

static struct listed_all {
    char **keys;
    int64_t *times;
    size_t count, capacity, stop_at;
} got;

static bool take(void *context, const struct s3_listed *o) {
    (void)context;
    if (got.count == got.capacity) {
        got.capacity = got.capacity ? got.capacity * 2 : 64;
        got.keys = alloc_resize(got.keys, got.capacity, sizeof *got.keys);
        got.times = alloc_resize(got.times, got.capacity, sizeof *got.times);
    }
    got.times[got.count] = o->time_ms;
    got.keys[got.count++] = alloc_string(o->key, strlen(o->key));
    return !got.stop_at || got.count < got.stop_at;
}

static void forget(void) {
    for (size_t i = 0; i < got.count; i++)
        free(got.keys[i]);
    free(got.keys);
    free(got.times);
    got = (struct listed_all){0};
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool got_key(const char *key) {
    for (size_t i = 0; i < got.count; i++)
        if (strcmp(got.keys[i], key) == 0)
            return true;
    return false;
}

static struct s3_listing_result list_with(struct s3_listing *l, int64_t from, int64_t to) {
    struct s3_listing_result result;
    struct err err = {0};
    forget();
    if (!s3_listing_run(l, from, to, take, NULL, &result, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(result.objects, got.count);
    if (got.count)
        qsort(got.keys, got.count, sizeof *got.keys, by_text);
    for (size_t i = 1; i < got.count; i++)
        if (strcmp(got.keys[i], got.keys[i - 1]) == 0)
            fail_msg("%s: given twice", got.keys[i]);
    return result;
}

static struct s3_listing *create(struct s3_place *place, const char *url, const char *zone) {
    struct err err = {0};
    assert_true(s3_place_parse(url, place, &err));
    if (zone)
        place->time_zone = alloc_string(zone, strlen(zone));
    struct s3_listing *l = s3_listing_create((struct aws_session *)&got, place, &err);
    if (!l)
        fail_msg("%s", err.text);
    return l;
}

static struct s3_listing_result list(const char *url, const char *zone, int64_t from, int64_t to) {
    struct s3_place place;
    struct s3_listing *l = create(&place, url, zone);
    struct s3_listing_result result = list_with(l, from, to);
    s3_listing_destroy(l);
    s3_place_deinit(&place);
    return result;
}

static int done(void **state) {
    (void)state;
    forget();
    bucket_empty();
    return 0;
}

/* --- layouts ------------------------------------------------------------------------------------------------------ */

/* An object every 20 minutes of two months, under the hour (or day) of its time. */
static void fill(const char *layout, int64_t from, int64_t to) {
    unsigned id = 0;
    for (int64_t ms = from; ms < to; ms += 20 * MINUTE)
        put(layout, ms + 7000, ms + 10 * MINUTE, id++);
}

static void layouts(void **state) {
    (void)state;
    static const struct {
        const char *layout, *prefix;
        unsigned objects, requests; /* at most */
    } cases[] = {
        {"%Y/%m/%d/%H/%N", "", 9, 6},
        {"ses/%Y/%m/%d/%H/%N", "ses/", 9, 6},
        {"ses/%Y/%m/%d/%H/%N", "ses", 9, 7},
        {"ses/%Y/%m/%d/%H/%N", "", 9, 7},
        {"ses/%Y/%m/%d/%H/%N", "ses/!{timestamp:yyyy/MM/dd/HH}/", 9, 6},
        {"ses/%Y/%m/%d/%H/%N", "ses/2025/", 9, 5},
        {"ses/%Y/%m/%d/%H/%N", "ses/2025/11/2", 9, 4},
        {"ses/%Y/%m/%d/%H/%N", "ses/2025/11/21/", 9, 3},
        {"ses/%Y/%m/%d/%H/%N", "ses/20", 9, 6},
        {"legacy%Y/%m/%d/%H/%N", "legacy", 9, 6},
        {"legacy%Y/%m/%d/%H/%N", "", 9, 7},
        {"a/b/year=%Y/month=%m/day=%d/hour=%H/%N", "a/b/", 9, 6},
        {"a/b/year=%Y/month=%m/day=%d/hour=%H/%N", "", 9, 8},
        {"a/dt=%Y-%m-%d/hour=%H/%N", "a/", 9, 4},
        {"a/dt=%Y-%m-%d/%N", "a/", 15, 4}, /* by name, an hour wider on both sides */
        {"a/dt=%Y-%m-%d/%N", "a/dt=!{timestamp:yyyy-MM-dd}", 15, 4},
        {"%Y%m%d/%H/%N", "", 9, 4},
        {"%Y-%m-%d/%N", "", 15, 4},
        {"%Y-%m-%d-%H/%N", "", 9, 4},
        {"%Y%m%d%H/%N", "", 9, 4},
        {"x/%Y/%m-%d/%H/%N", "x/", 9, 6},
        {"x/%Y/%m/%d/%N", "x/", 15, 6},
        {"x/%Y/%m/%d/%H/customer=17/%N", "x/", 9, 6},
        {"x/%Y/%m/%d/%H/%R/%N", "x/", 9, 6},
        {"x/%Y/%m/customer=21/%d/%H/%N", "x/", 15, 8}, /* below the month everything is listed */
        {"x/%d/%m/%Y/%N", "x/", 15, 200},
        {"x/day=%d/month=%m/year=%Y/%N", "x/", 15, 200},
        {"x/%R/%Y/%m/%d/%H/%N", "x/", 9, 20},
        {"%R/%Y/%m/%d/%H/%N", "", 9, 20},
        {"x/%N", "x/", 9, 6},
        {"customers-2026/%Y/%m/%d/%H/%N", "", 9, 7},
        {"2024/2023/%Y/%m/%d/%H/%N", "2024/", 9, 8},
        {"2024/2023/%Y/%m/%d/%H/%N", "", 9, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[200];
        fill(cases[i].layout, at(2025, 10, 25, 0), at(2025, 11, 23, 12));
        snprintf(url, sizeof url, "s3://bucket/%s", cases[i].prefix);
        struct s3_listing_result r = list(url, NULL, at(2025, 11, 21, 5), at(2025, 11, 21, 8) - 1);
        print_message("%-45s %-34s %3zu objects %3u requests\n", cases[i].layout, cases[i].prefix, got.count,
                      (unsigned)r.requests);
        for (unsigned k = 0; k < 9; k++) {
            char key[512];
            int64_t ms = at(2025, 11, 21, 5) + k * 20 * MINUTE;
            write_key(key, sizeof key, cases[i].layout, ms + 7000, "ses-events",
                      (unsigned)((ms - at(2025, 10, 25, 0)) / (20 * MINUTE)));
            if (!got_key(key))
                fail_msg("%s: not given", key);
        }
        assert_in_range(got.count, 9, cases[i].objects);
        assert_in_range(r.requests, 1, cases[i].requests);
        assert_int_equal(r.untimed, 0);
        assert_false(r.odd_times);
        forget();
        bucket_empty();
    }
}

static void a_year_of_hours_costs_a_few_requests(void **state) {
    (void)state;
    char key[512];
    for (int64_t ms = at(2025, 1, 1, 0); ms < at(2026, 1, 1, 0); ms += HOUR)
        for (unsigned i = 0; i < 5; i++) {
            write_key(key, sizeof key, "ses/%Y/%m/%d/%H/%N", ms + i * MINUTE, "s", i);
            bucket_put(key, ms + (i + 5) * MINUTE);
        }
    struct s3_listing_result r = list("s3://bucket/ses/", NULL, at(2025, 11, 21, 5), at(2025, 11, 21, 6) - 1);
    assert_int_equal(r.objects, 5);
    assert_in_range(r.requests, 1, 8);
    assert_int_equal(r.requests, listed_bucket.requests);

    /* What was learned is not asked for again. */
    struct s3_place place;
    struct s3_listing *l = create(&place, "s3://bucket/ses/", NULL);
    list_with(l, at(2025, 11, 21, 5), at(2025, 11, 21, 6) - 1);
    r = list_with(l, at(2025, 11, 21, 5), at(2025, 11, 21, 6) - 1);
    assert_int_equal(r.requests, 1);
    /* A new year's folder needs no second look at the bucket. */
    write_key(key, sizeof key, "ses/%Y/%m/%d/%H/%N", at(2026, 1, 1, 3), "s", 1);
    bucket_put(key, at(2026, 1, 1, 3) + MINUTE);
    r = list_with(l, at(2026, 1, 1, 2), at(2026, 1, 1, 4));
    assert_int_equal(r.objects, 1);
    s3_listing_destroy(l);
    s3_place_deinit(&place);
}

/* Nothing outside the prefix is asked for: the role may not be allowed to. */
static void stays_below_the_prefix(void **state) {
    (void)state;
    static const char *const prefixes[] = {"ses/", "ses/2025/11/2", "ses/2025/11/21/05/", "ses/2025", "se"};
    fill("ses/%Y/%m/%d/%H/%N", at(2025, 11, 20, 0), at(2025, 11, 22, 0));
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char url[100];
        snprintf(url, sizeof url, "s3://bucket/%s", prefixes[i]);
        listed_bucket.scope = prefixes[i];
        list(url, NULL, at(2025, 11, 21, 5), at(2025, 11, 21, 6) - 1);
        assert_int_equal(got.count, 3);
        assert_null(listed_bucket.last_outside);
    }
}

static void one_key(void **state) {
    (void)state;
    char key[512], url[600];
    fill("ses/%Y/%m/%d/%H/%N", at(2025, 11, 20, 0), at(2025, 11, 22, 0));
    bucket_put("plain.json", 1000);
    write_key(key, sizeof key, "ses/%Y/%m/%d/%H/%N", at(2025, 11, 20, 0) + 7000, "ses-events", 0);
    snprintf(url, sizeof url, "s3://bucket/%s", key);
    list(url, NULL, INT64_MIN, INT64_MAX);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.keys[0], key);
    struct s3_listing_result r = list("s3://bucket/plain.json", NULL, INT64_MIN, INT64_MAX);
    assert_int_equal(got.count, 1);
    assert_int_equal(r.untimed, 1);
    list("s3://bucket/none", NULL, INT64_MIN, INT64_MAX);
    assert_int_equal(got.count, 0);
    list("s3://bucket", NULL, INT64_MIN, INT64_MAX);
    assert_int_equal(got.count, 145);
}

/* --- what is left out --------------------------------------------------------------------------------------------- */

static void errors_and_exclusions(void **state) {
    (void)state;
    int64_t ms = at(2025, 11, 21, 5);
    put("ses/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 1);
    put("ses/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 2);
    put("processing-failed/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 3);
    put("ses/format-conversion-failed/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 4);
    put("ses/%Y/%m/%d/%H/splunk-failed/%N", ms, ms + MINUTE, 5);
    put("elasticsearch-failed%Y/%m/%d/%H/%N", ms, ms + MINUTE, 6);
    put("x/error=http-endpoint-failed/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 7);
    put("x/processing-failed-not/%Y/%m/%d/%H/%N", ms, ms + MINUTE, 8);
    bucket_put_sized("ses/2025/", ms, 0);
    bucket_put_sized("ses/", ms, 0);
    struct s3_listing_result r = list("s3://bucket/", NULL, ms, ms + HOUR - 1);
    assert_int_equal(r.objects, 3);
    assert_int_equal(r.left_out, 5);
    r = list("s3://bucket/processing-failed/", NULL, ms, ms + HOUR - 1);
    assert_int_equal(r.objects, 1);

    struct s3_place place;
    struct s3_listing *l = create(&place, "s3://bucket/", NULL);
    place.errors = true;
    s3_listing_destroy(l);
    struct err err = {0};
    l = s3_listing_create((struct aws_session *)&got, &place, &err);
    r = list_with(l, ms, ms + HOUR - 1);
    assert_int_equal(r.objects, 8);
    s3_listing_destroy(l);
    place.exclude = alloc_zeroed(1, sizeof *place.exclude);
    place.exclude[place.exclude_count++] = alloc_string("*00000002*", 10);
    struct s3_place copy = s3_place_copy(&place);
    l = s3_listing_create((struct aws_session *)&got, &copy, &err);
    r = list_with(l, ms, ms + HOUR - 1);
    assert_int_equal(r.objects, 7);
    assert_int_equal(r.left_out, 1);
    s3_listing_destroy(l);
    s3_place_deinit(&place);
    s3_place_deinit(&copy);
}

/* Keys without any time: those modified at or behind `from`. */
static void untimed_keys(void **state) {
    (void)state;
    bucket_put("dumps/a.json", at(2025, 11, 20, 0));
    bucket_put("dumps/b.json", at(2025, 11, 21, 0));
    bucket_put("dumps/sub/c.json", at(2025, 11, 22, 0));
    put("dumps/%Y/%m/%d/%H/%N", at(2025, 11, 20, 5), at(2025, 11, 20, 5) + MINUTE, 1);
    put("dumps/%Y/%m/%d/%H/%N", at(2025, 11, 21, 5), at(2025, 11, 21, 5) + MINUTE, 2);
    struct s3_listing_result r = list("s3://bucket/dumps/", NULL, at(2025, 11, 21, 0), at(2025, 11, 21, 6));
    assert_int_equal(r.objects, 3);
    assert_int_equal(r.untimed, 2);
}

/* --- forms that change -------------------------------------------------------------------------------------------- */

static void forms_that_change(void **state) {
    (void)state;
    static const char *const layouts[] = {"ses/%Y/%m/%d/%H/%N", "ses/%Y/%m/%d/%N", "ses/%Y/month=%m/day=%d/%N",
                                          "ses/%Y-%m-%d/%H/%N", "ses/%Y/%m/%d/%N", "ses/%Y%m%d/%N"};
    unsigned id = 0;
    for (int64_t ms = at(2025, 11, 1, 0); ms < at(2025, 11, 30, 0); ms += HOUR)
        put(layouts[(ms / (5 * DAY)) % 6], ms + 30 * MINUTE, ms + 40 * MINUTE, id++);
    for (int64_t ms = at(2025, 10, 30, 0); ms < at(2025, 12, 1, 0); ms += 7 * HOUR) {
        list("s3://bucket/ses/", NULL, ms, ms + 10 * HOUR);
        for (size_t i = 0; i < listed_bucket.count; i++) {
            int64_t time = listed_bucket.keys[i].modified_ms - 10 * MINUTE;
            if (time >= ms && time <= ms + 10 * HOUR && !got_key(listed_bucket.keys[i].key))
                fail_msg("%s: not given", listed_bucket.keys[i].key);
        }
        assert_in_range(got.count, 0, 14);
    }
}

/* By hand: what a key says of itself, as the header of the listing has it. */
static bool belongs(const char *key, int64_t modified, int64_t lo, int64_t hi) {
    size_t end;
    int64_t name;
    struct key_time t = key_folder_time(key, &end);
    bool named = files_name_time(key, &name);
    if (!t.known && !named)
        return modified >= lo;
    int64_t from = t.known ? key_time_start(&t) : name / HOUR * HOUR;
    int64_t to = t.known ? key_time_end(&t) : from + HOUR;
    if (t.known && t.known < KEY_FIELDS && named) {
        from = from > name - HOUR ? from : name - HOUR;
        to = to < name + HOUR ? to : name + HOUR;
    }
    return from <= hi && to > lo;
}

/* Several layouts at once, in any mixture: the same as looking at every key. */
static void the_same_as_looking_at_every_key(void **state) {
    (void)state;
    static const char *const layouts[] = {
        "%Y/%m/%d/%H/%N",
        "a/%Y/%m/%d/%H/%N",
        "a/%Y/%m/%d/%N",
        "a/%Y-%m-%d/%N",
        "a/%Y%m%d%H/%U",
        "a/year=%Y/month=%m/day=%d/hour=%H/%U",
        "a/year=%Y/month=%m/day=%d/%N",
        "b/dt=%Y-%m-%d/hour=%H/%N",
        "b/dt=%Y-%m-%d/%U",
        "b/%U",
        "%U",
        "c/%Y/%m/%U",
        "c/%Y/%m/%d/%H/0%U",
        "c/%Y/%m/%d/0%U",
        "legacy%Y/%m/%d/%H/%N",
        "d/%R/%Y/%m/%d/%H/%N",
        "d/%Y/%m/x=%d/%H/%N",
        "e/7/%Y/%m/%d/%N",
        "e/2024/%Y/%m/%d/%N",
    };
    enum { LAYOUTS = sizeof layouts / sizeof *layouts };
    uint64_t seed = 20261121;
    for (unsigned round = 0; round < 400; round++) {
        unsigned chosen[3];
        int64_t base = at(2025, 12, 28, 0), span = (1 + below(&seed, 12)) * DAY;
        for (unsigned i = 0; i < 3; i++)
            chosen[i] = (unsigned)below(&seed, LAYOUTS);
        unsigned count = 20 + (unsigned)below(&seed, 300);
        for (unsigned id = 0; id < count; id++) {
            int64_t ms = base + (int64_t)below(&seed, (unsigned)(span / 1000)) * 1000;
            put(layouts[chosen[below(&seed, 3)]], ms, ms + 5 * MINUTE, id);
        }
        struct s3_place place;
        struct s3_listing *l = create(&place, "s3://bucket/", NULL);
        for (unsigned k = 0; k < 4; k++) {
            int64_t lo = base + (int64_t)below(&seed, (unsigned)span), hi = lo + (int64_t)below(&seed, (unsigned)DAY);
            list_with(l, lo, hi);
            for (size_t i = 0; i < listed_bucket.count; i++) {
                const struct listed_key *key = &listed_bucket.keys[i];
                if (belongs(key->key, key->modified_ms, lo, hi) != got_key(key->key))
                    fail_msg("round %u, %u %u %u: %s: is %sgiven", round, chosen[0], chosen[1], chosen[2], key->key,
                             got_key(key->key) ? "" : "not ");
            }
        }
        s3_listing_destroy(l);
        s3_place_deinit(&place);
        bucket_empty();
    }
}

/* --- time zones --------------------------------------------------------------------------------------------------- */

static void local_times_and_summer(void **state) {
    (void)state;
    struct err err = {0};
    struct time_zone *zone = time_zone_open("Europe/Berlin", &err);
    if (!zone)
        skip();
    unsigned id = 0;
    for (int64_t ms = at(2025, 10, 25, 0); ms < at(2025, 10, 28, 0); ms += 10 * MINUTE)
        put("ses/%Y/%m/%d/%H/%N", ms + (int64_t)time_zone_offset(zone, ms) * 1000, ms + 3 * MINUTE, id++);
    for (int64_t ms = at(2025, 3, 29, 0); ms < at(2025, 4, 1, 0); ms += 10 * MINUTE)
        put("ses/%Y/%m/%d/%H/%N", ms + (int64_t)time_zone_offset(zone, ms) * 1000, ms + 3 * MINUTE, id++);
    time_zone_close(zone);
    for (unsigned i = 0; i < 2; i++)
        for (int64_t ms = i ? at(2025, 3, 29, 6) : at(2025, 10, 25, 6);
             ms < (i ? at(2025, 3, 31, 6) : at(2025, 10, 27, 6)); ms += 30 * MINUTE) {
            struct s3_listing_result r = list("s3://bucket/ses/", "Europe/Berlin", ms, ms + HOUR - 1);
            assert_false(r.odd_times);
            for (size_t k = 0; k < listed_bucket.count; k++) {
                int64_t time = listed_bucket.keys[k].modified_ms - 3 * MINUTE;
                if (time >= ms && time < ms + HOUR && !got_key(listed_bucket.keys[k].key))
                    fail_msg("%s: not given", listed_bucket.keys[k].key);
            }
            assert_in_range(got.count, 6, 24);
        }
    /* The time of a key is a moment. */
    list("s3://bucket/ses/2025/03/31/", "Europe/Berlin", INT64_MIN, INT64_MAX);
    assert_int_equal(got.times[0], at(2025, 3, 30, 22));
}

static void a_wrong_zone_is_noticed(void **state) {
    (void)state;
    static const int64_t offsets[] = {5 * HOUR + 30 * MINUTE, -8 * HOUR, 13 * HOUR, 45 * MINUTE};
    for (unsigned i = 0; i < 4; i++) {
        unsigned id = 0;
        for (int64_t ms = at(2025, 11, 20, 0); ms < at(2025, 11, 23, 0); ms += 10 * MINUTE)
            put("ses/%Y/%m/%d/%H/%N", ms + offsets[i], ms + 3 * MINUTE, id++);
        int64_t from = at(2025, 11, 21, 12), to = from + 4 * HOUR;
        struct s3_listing_result r = list("s3://bucket/ses/", NULL, from, to - 1);
        assert_true(r.odd_times);
        for (size_t k = 0; k < listed_bucket.count; k++) {
            int64_t time = listed_bucket.keys[k].modified_ms - 3 * MINUTE;
            if (time >= from && time < to)
                assert_true(got_key(listed_bucket.keys[k].key));
        }
        bucket_empty();
    }
    /* The right one, late objects, and a copy made later are not odd. */
    for (unsigned i = 0; i < 3; i++) {
        unsigned id = 0;
        for (int64_t ms = at(2025, 11, 20, 0); ms < at(2025, 11, 23, 0); ms += 10 * MINUTE) {
            int64_t late = i == 0 ? (id % 15) * MINUTE : i == 1 ? (id % 100 ? 2 : 23 * 60) * MINUTE : 0;
            put("ses/%Y/%m/%d/%H/%N", ms, i == 2 ? at(2025, 12, 1, 0) + id * 1000 : ms + late, id);
            id++;
        }
        struct s3_listing_result r = list("s3://bucket/ses/", NULL, at(2025, 11, 21, 12), at(2025, 11, 21, 15) - 1);
        assert_false(r.odd_times);
        assert_int_equal(r.objects, 18);
        bucket_empty();
    }
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

/* Versions of a stream are not padded: -10- sorts before -9-, and what is late stands between what was read. */
static void versions_and_latecomers(void **state) {
    (void)state;
    static const char *const names[] = {"s-10", "s-9", "s-1", "another-2"};
    char key[512];
    for (unsigned i = 0; i < 4; i++)
        for (int hour = 0; hour < 24; hour++) {
            write_key(key, sizeof key, "%Y/%m/%d/%H/%N", at(2025, 11, 21, hour), names[i], i);
            bucket_put(key, at(2025, 11, 21, hour) + (i == 2 ? 23 * HOUR : MINUTE));
        }
    list("s3://bucket", NULL, at(2025, 11, 21, 3), at(2025, 11, 21, 5) - 1);
    assert_int_equal(got.count, 8);
}

static void enough_and_failure(void **state) {
    (void)state;
    struct s3_place place;
    struct s3_listing_result r;
    struct err err = {0};
    fill("ses/%Y/%m/%d/%H/%N", at(2025, 11, 20, 0), at(2025, 11, 22, 0));
    struct s3_listing *l = create(&place, "s3://bucket/ses/", NULL);
    forget();
    got.stop_at = 5;
    assert_true(s3_listing_run(l, INT64_MIN, INT64_MAX, take, NULL, &r, NULL, &err));
    assert_int_equal(r.objects, 5);
    s3_listing_destroy(l);
    for (unsigned i = 1; i < 6; i++) {
        err = (struct err){0};
        l = s3_listing_create((struct aws_session *)&got, &place, &err);
        forget();
        listed_bucket.requests = 0;
        listed_bucket.fail_after = i;
        assert_false(s3_listing_run(l, at(2025, 11, 20, 3), at(2025, 11, 21, 3), take, NULL, &r, NULL, &err));
        assert_string_equal(err.text, "made up");
        listed_bucket.fail_after = 0;
        list_with(l, at(2025, 11, 20, 3), at(2025, 11, 21, 3) - 1); /* and the next one finds all */
        assert_int_equal(got.count, 72);
        s3_listing_destroy(l);
    }
    s3_place_deinit(&place);
}

static void places(void **state) {
    (void)state;
    static const char *const wrong[] = {"http://x/", "s3:/bucket/", "s3://",      "s3://ab/",
                                        "s3://-ab/", "s3://a..b/",  "s3://a b c/"};
    struct s3_place p;
    struct err err = {0};
    assert_true(s3_place_parse("s3://my.bucket-1/a/b c?=+%20", &p, &err));
    assert_string_equal(p.bucket.name, "my.bucket-1");
    assert_string_equal(p.prefix, "a/b c?=+%20");
    s3_place_deinit(&p);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct err){0};
        assert_false(s3_place_parse(wrong[i], &p, &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_true(s3_place_parse("s3://bucket", &p, &err));
    p.time_zone = alloc_string("Mars/Olympus", 12);
    assert_null(s3_listing_create(NULL, &p, &err));
    s3_place_deinit(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(layouts, done),
        cmocka_unit_test_teardown(a_year_of_hours_costs_a_few_requests, done),
        cmocka_unit_test_teardown(stays_below_the_prefix, done),
        cmocka_unit_test_teardown(one_key, done),
        cmocka_unit_test_teardown(errors_and_exclusions, done),
        cmocka_unit_test_teardown(untimed_keys, done),
        cmocka_unit_test_teardown(forms_that_change, done),
        cmocka_unit_test_teardown(the_same_as_looking_at_every_key, done),
        cmocka_unit_test_teardown(local_times_and_summer, done),
        cmocka_unit_test_teardown(a_wrong_zone_is_noticed, done),
        cmocka_unit_test_teardown(versions_and_latecomers, done),
        cmocka_unit_test_teardown(enough_and_failure, done),
        cmocka_unit_test_teardown(places, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
