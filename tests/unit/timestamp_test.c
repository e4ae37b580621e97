#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "parsers/timestamp.h"

struct good {
    const char *text;
    int64_t ms;
};

static const struct good timestamps[] = {
    {"2017-08-05T00:41:02.669Z", 1501893662669},
    {"2017-08-05T00:41:02Z", 1501893662000},
    {"2017-08-05T00:41:02", 1501893662000},
    {"2017-08-05t00:41:02.669z", 1501893662669},
    {"2017-08-05T00:41:02.669z", 1501893662669},
    {"2017-08-05 00:41:02.669Z", 1501893662669},
    {"2017-08-05 00:41:02", 1501893662000},
    {"2018-10-08T14:05:45 +0000", 1539007545000},
    {"2009-12-03T04:24:21.000-05:00", 1259832261000},
    {"2017-08-05T00:41:02.605-07:00", 1501918862605},
    {"2017-08-05T00:41:02.66912+03:00", 1501882862669},
    {"2017-08-05T00:41:02.669123+03:00", 1501882862669},
    {"2017-08-05T00:41:02.1Z", 1501893662100},
    {"2017-08-05T00:41:02.12Z", 1501893662120},
    {"2017-08-05T00:41:02.1239Z", 1501893662123},
    {"2017-08-05T00:41:02.999999999Z", 1501893662999},
    {"2017-08-05T00:41:02.000", 1501893662000},
    {"2017-08-05T00:41:02+05:30", 1501873862000},
    {"2017-08-05T00:41:02+0530", 1501873862000},
    {"2017-08-05T00:41:02 +05:30", 1501873862000},
    {"2017-08-05T00:41:02-08", 1501922462000},
    {"2017-08-05T00:41:02-00:00", 1501893662000},
    {"2017-08-05T00:41:02+23:59", 1501807322000},
    {"2017-08-05T00:41:02-23:59", 1501980002000},
    {" \t2017-08-05T00:41:02.669Z\r\n", 1501893662669},
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.000Z", 0},
    {"1969-12-31T23:59:59.999Z", -1},
    {"0001-01-01T00:00:00.000Z", -62135596800000},
    {"0001-01-01T00:00:00+23:59", -62135683140000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
    {"9999-12-31T23:59:59.999-23:59", 253402387139999},
    {"2016-12-31T23:59:60Z", 1483228799999},
    {"2016-12-31T23:59:60.000Z", 1483228799999},
    {"2016-12-31T23:59:60.5Z", 1483228799999},
    {"2017-01-01T08:59:60+09:00", 1483228799999},
    {"2000-02-29T12:00:00.000Z", 951825600000},
    {"2024-02-29T12:00:00.000Z", 1709208000000},
    {"2024-12-31T23:59:59.000Z", 1735689599000},
};

static const char *const not_timestamps[] = {
    "",
    " ",
    "Z",
    "2017",
    "2017-08-05",
    "2017-08-05T",
    "2017-08-05T00",
    "2017-08-05T00:41",
    "2017-08-05T00:41Z",
    "2017-08-05T00:41:",
    "2017-08-05T00:41:2Z",
    "2017-08-05T00:41:02.Z",
    "2017-08-05T00:41:02,669Z",
    "2017-08-05T00:41:02.1234567890Z",
    "2017-08-05T00:41:02.66-Z",
    "2017-08-05T00:41:02ZZ",
    "2017-08-05T00:41:02 Z",
    "2017-08-05T00:41:02 UTC",
    "2017-08-05T00:41:02  +0000",
    "2017-08-05T00:41:02+",
    "2017-08-05T00:41:02+0",
    "2017-08-05T00:41:02+000",
    "2017-08-05T00:41:02+00:",
    "2017-08-05T00:41:02+00:0",
    "2017-08-05T00:41:02+00:000",
    "2017-08-05T00:41:02+00 00",
    "2017-08-05T00:41:02+24:00",
    "2017-08-05T00:41:02+00:60",
    "2017-08-05T00:41:02+23:59Z",
    "2017-08-05  00:41:02Z",
    "2017-08-05x00:41:02Z",
    "2017-08-05x00:41:02.669Z",
    "2017/08/05T00:41:02.669Z",
    "2017-08-05T00.41.02.669Z",
    "2017-08-05T00:41:02:669Z",
    "2017-08-05T00:41:02.669X",
    "2017-08-0aT00:41:02.669Z",
    "2017-08-05T00:41:02.66:Z",
    "2017-08-05T00:41:0/.669Z",
    "20170805T004102Z",
    "-017-08-05T00:41:02.669Z",
    "+2017-08-05T00:41:02.669Z",
    "0000-01-01T00:00:00.000Z",
    "2017-00-05T00:41:02.669Z",
    "2017-13-05T00:41:02.669Z",
    "2017-99-05T00:41:02.669Z",
    "2017-08-00T00:41:02.669Z",
    "2017-08-32T00:41:02.669Z",
    "2017-04-31T00:41:02.669Z",
    "2017-02-29T00:41:02.669Z",
    "1900-02-29T00:41:02.669Z",
    "2100-02-29T00:41:02.669Z",
    "2000-02-30T00:41:02.669Z",
    "2017-08-05T24:00:00.000Z",
    "2017-08-05T00:60:00.000Z",
    "2017-08-05T00:41:61.000Z",
    "2017-08-05T00:41:99.000Z",
    "\xb2\xb0\xb1\xb7-08-05T00:41:02.669Z",
    "2017\25508-05T00:41:02.669Z",
    "2017-08-05T00:41:02.669\xff",
    "@1501893662",
};

static void reads_the_forms_of_a_timestamp(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof timestamps / sizeof timestamps[0]; i++) {
        int64_t ms = 42;
        if (!timestamp_parse(span_of(timestamps[i].text), &ms) || ms != timestamps[i].ms)
            fail_msg("%s gave %lld", timestamps[i].text, (long long)ms);
    }
}

static void refuses_everything_else(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof not_timestamps / sizeof not_timestamps[0]; i++) {
        int64_t ms;
        if (timestamp_parse(span_of(not_timestamps[i]), &ms))
            fail_msg("accepted %s", not_timestamps[i]);
    }
    int64_t ms;
    assert_false(timestamp_parse((struct span){NULL, 0}, &ms));
    assert_false(timestamp_parse((struct span){"2017-08-05T00:41:02\0006Z", 22}, &ms));
    assert_false(timestamp_parse((struct span){"\0002017-08-05T00:41:02Z", 21}, &ms));
}

/* Each byte of the usual form replaced by every value: exactly the digits, and what else stands in the forms, pass. */
static void looks_at_every_byte(void **state) {
    (void)state;
    static const char usual[] = "2011-11-11T11:11:11.111Z";
    for (size_t i = 0; i < sizeof usual - 1; i++) {
        unsigned passed = 0;
        for (int c = 0; c < 256; c++) {
            char text[sizeof usual];
            int64_t ms;
            memcpy(text, usual, sizeof usual);
            text[i] = (char)c;
            passed += timestamp_parse((struct span){text, sizeof usual - 1}, &ms);
        }
        /* Months 01, 11; days 01..31, 10..19; hours 01..21; minutes to 51; the separator T, t or a blank; the last
         * byte Z, z, a fourth digit, or one of six blanks. */
        static const unsigned wanted[] = {10, 10, 10, 10, 1, 2, 3,  1, 3,  10, 3,  3,
                                          10, 1,  6,  10, 1, 6, 10, 1, 10, 10, 10, 18};
        if (passed != wanted[i])
            fail_msg("byte %zu: %u values pass, expected %u", i, passed, wanted[i]);
    }
}

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void agrees_with_timegm(void **state) {
    (void)state;
    const int64_t first = -62135596800000, range = 253402300799999 - first + 1;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 300000; i++) {
        int64_t ms = first + (int64_t)(next_random(&seed) % (uint64_t)range);
        int64_t fraction = ((ms % 1000) + 1000) % 1000;
        time_t seconds = (time_t)((ms - fraction) / 1000);
        struct tm tm;
        char wanted[80], text[TIMESTAMP_SIZE];
        assert_non_null(gmtime_r(&seconds, &tm));
        int n = snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        if (fraction)
            n += snprintf(wanted + n, sizeof wanted - (size_t)n, ".%03d", (int)fraction);
        snprintf(wanted + n, sizeof wanted - (size_t)n, "Z");
        timestamp_format(ms, text);
        assert_string_equal(text, wanted);
        int64_t again;
        assert_true(timestamp_parse(span_of(text), &again));
        assert_int_equal(again, ms);
        assert_int_equal(timegm(&tm), seconds);
    }
}

static void knows_every_day(void **state) {
    (void)state;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t wanted = -62135596800000;
    for (int year = 1; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= 32; day++) {
                bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                char text[80];
                int64_t ms;
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00.000Z", year, month, day);
                bool exists = day <= days[month - 1] + (month == 2 && leap);
                assert_int_equal(timestamp_parse(span_of(text), &ms), exists);
                if (!exists)
                    continue;
                assert_int_equal(ms, wanted);
                wanted += 86400000;
            }
}

static void formats_any_number(void **state) {
    (void)state;
    static const struct good cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T23:34:30.123Z", 1795304070123},
        {"2017-08-05T00:41:02.001Z", 1501893662001},
        {"1969-12-31T23:59:59.999Z", -1},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"0000-12-31T23:59:59.999Z", -62135596800001},
        {"-0001-12-31T23:59:59.999Z", -62167219200001},
        {"+10000-01-01T00:00:00Z", 253402300800000},
        {"+292278994-08-17T07:12:55.807Z", INT64_MAX},
        {"-292275055-05-16T16:47:04.192Z", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[TIMESTAMP_SIZE];
        timestamp_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void reads_options(void **state) {
    (void)state;
    static const struct good cases[] = {
        {"2026-11-21", 1795219200000},
        {" 2026-11-21 ", 1795219200000},
        {"2026-11-21T23:34", 1795304040000},
        {"2026-11-21 23:34", 1795304040000},
        {"2026-11-21T23:34Z", 1795304040000},
        {"2026-11-21T23:34+01:00", 1795300440000},
        {"2026-11-21T23:34:30.123Z", 1795304070123},
        {"2026-11-21T23:34:30", 1795304070000},
        {"@1763768070", 1763768070000},
        {"@0", 0},
        {"@-1", -1000},
        {"@253402300799", 253402300799000},
        {"@-62135596800", -62135596800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 42;
        if (!timestamp_parse_option(span_of(cases[i].text), &ms) || ms != cases[i].ms)
            fail_msg("%s gave %lld", cases[i].text, (long long)ms);
    }
    static const char *const wrong[] = {
        "",
        "@",
        "@-",
        "@+5",
        "@12a",
        "@253402300800",
        "@-62135596801",
        "2026-11-2",
        "2026-02-30",
        "2026-11-21Z",
        "2026-11-21T23",
        "1763768070",
        "@9999999999999",
        "2026-11-21T23:34:",
        "0000-01-01",
        "2026/11/21",
        "yesterday",
        "2026-11-21T23:34.5",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms;
        if (timestamp_parse_option(span_of(wrong[i]), &ms))
            fail_msg("accepted %s", wrong[i]);
    }
}

static void reads_durations(void **state) {
    (void)state;
    static const struct good cases[] = {
        {"90s", 90000},
        {"5m", 300000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1w", 604800000},
        {"1w1d1h1m1s", 694861000},
        {"250ms", 250},
        {"1s5ms", 1005},
        {"007s", 7000},
        {"0h5s", 5000},
        {"36525d", 3155760000000},
        {"876600h", 3155760000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 42;
        if (!duration_parse(span_of(cases[i].text), &ms) || ms != cases[i].ms)
            fail_msg("%s gave %lld", cases[i].text, (long long)ms);
    }
    static const char *const wrong[] = {
        "",         "0",  "0s",   "5",    "s",   "m5",   "-5m",  "+5m", "5 m",    " 5m",        "5m ",
        "1.5h",     "5M", "1h1h", "1m1h", "5mm", "5sec", "1h30", "1y",  "36526d", "876600h1ms", "99999999999999999999s",
        "36525d1s",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms;
        if (duration_parse(span_of(wrong[i]), &ms))
            fail_msg("accepted %s", wrong[i]);
    }
    int64_t ms;
    assert_false(duration_parse((struct span){NULL, 0}, &ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_forms_of_a_timestamp),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(looks_at_every_byte),
        cmocka_unit_test(agrees_with_timegm),
        cmocka_unit_test(knows_every_day),
        cmocka_unit_test(formats_any_number),
        cmocka_unit_test(reads_options),
        cmocka_unit_test(reads_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
