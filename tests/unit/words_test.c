/* collector/config/words: the forms of values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"
#include "parsers/timestamp.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void shares(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double share;
    } good[] = {{"5%", 0.05},   {"0.1%", 0.001}, {"0.7 %", 0.007}, {"0.05", 0.05}, {"0", 0},  {"1", 1},
                {"100%", 1.00}, {".5", 0.5},     {"5.%", 0.05},    {"2", 2},       {"0%", 0}, {"0.001", 0.001}};
    static const char *const bad[] = {"",
                                      "%",
                                      ".",
                                      "5%%",
                                      "5 % ",
                                      "-1",
                                      "+1",
                                      "1e-2",
                                      "0x1p",
                                      "1.2.3",
                                      "inf",
                                      "nan%",
                                      "5,5%",
                                      " 5",
                                      "5 ",
                                      "0000000000000000000000000000001",
                                      "0.0000000000001"};
    double share;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(share_parse(good[i].text, &share));
        assert_true(share == good[i].share); /* to the last bit */
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(share_parse(bad[i], &share));
}

static void shares_come_back(void **state) {
    (void)state;
    char text[SHARE_SIZE];
    double back;
    for (int i = 0; i <= 10000; i++) {
        double share = i / 10000.0;
        share_format(share, text);
        assert_true(share_parse(text, &back));
        assert_true(back == share);
        assert_true(strlen(text) <= 6); /* 12.34% */
    }
    share_format(0.10, text);
    assert_string_equal(text, "10%");
    share_format(0.0008, text);
    assert_string_equal(text, "0.08%");
}

static void sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"1KiB", 1024},
                {"512 MiB", 512 << 20},
                {"1GB", 1000000000},
                {"1GiB", 1 << 30},
                {"10B", 10},
                {"2TiB", (uint64_t)2 << 40},
                {"5kB", 5000},
                {"8388607TiB", (uint64_t)8388607 << 40}};
    static const char *const bad[] = {"",       "GiB",   "1 G",         "1gib", "-1",    "+1",
                                      "1.5GiB", "1GiBB", "99999999TiB", "1 ",   "1KiB ", "99999999999999999999"};
    uint64_t bytes;
    char text[SIZE_SIZE];
    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t back;
        assert_true(size_parse(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].bytes);
        size_format(bytes, text);
        assert_true(size_parse(text, &back));
        assert_int_equal(back, bytes);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(size_parse(bad[i], &bytes));
}

static void durations(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0s"},          {1, "1ms"},        {1000, "1s"},      {90000, "90s"},
                 {300000, "5m"},     {5400000, "90m"},  {3600000, "1h"},   {86400000, "24h"},
                 {259200000, "72h"}, {345600000, "4d"}, {604800000, "7d"}, {604801000, "604801s"}};
    char text[DURATION_SIZE];
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t back = 0;
        duration_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(cases[i].ms == 0 || duration_parse(span_of(text), &back));
        assert_true(back == cases[i].ms);
    }
}

static void near_words(void **state) {
    (void)state;
    unsigned distance;
    assert_true(word_is_near("levle", "level", &distance));
    assert_int_equal(distance, 2);
    assert_true(word_is_near("topic", "topics", &distance));
    assert_int_equal(distance, 1);
    assert_true(word_is_near("listen_adress", "listen_address", &distance));
    assert_false(word_is_near("x", "y", &distance));
    assert_false(word_is_near("", "state", &distance));
    assert_false(word_is_near("sources", "alerts", &distance));
    char words[2000];
    memset(words, 'a', sizeof words);
    words[sizeof words - 1] = '\0';
    assert_false(word_is_near(words, "state", &distance));
    assert_false(word_is_near("state", words, &distance));
}

/* A good one stands behind '+', a bad one behind '-'. */
static void check_forms(const char *(*wrong)(const char *), const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *said = wrong(texts[i] + 1);
        if ((texts[i][0] == '+') != !said)
            print_error("%s: %s\n", texts[i], said ? said : "taken");
        assert_int_equal(texts[i][0] == '+', !said);
    }
}

static void forms(void **state) {
    (void)state;
    static const char *const urls[] = {"+http://a",
                                       "+https://a.example:9093/x?y=1&z=%20",
                                       "+http://[::1]:9093/",
                                       "+http://192.0.2.1/",
                                       "+http://under_score:1",
                                       "-",
                                       "-a.example",
                                       "-ftp://a",
                                       "-HTTP://a",
                                       "-http:/a",
                                       "-http://",
                                       "-http://:80",
                                       "-http://u@a",
                                       "-http://u:p@a",
                                       "-http://a:",
                                       "-http://a:0",
                                       "-http://a:65536",
                                       "-http://a:8a",
                                       "-http://a/#x",
                                       "-http://a/x y",
                                       "-http://a\n",
                                       "-http://\xc3\xa4.example",
                                       "-http://[::1",
                                       "-http://[]/",
                                       "-http://a/<",
                                       "-http://a\\b",
                                       "-http://a?@b#",
                                       "+http://a?@b",
                                       "-file:///etc/passwd",
                                       "-http://a b/"};
    static const char *const listens[] = {"+:9465",      "+127.0.0.1:9465", "+[::1]:9465", "+localhost:0",
                                          "-",           "-9465",           "-:",          "-:x",
                                          "-:65536",     "-::1:9465",       "-a b:1",      "-[::1]",
                                          "-http://a:1", "-a:1:2"};
    static const char *const topics[] = {"+ses-events", "+a.b_C-9", "-", "-.", "-..", "-a b", "-^a.*", "-a/b"};
    static const char *const names[] = {"+ses-events_2.b", "-", "-a b", "-a/b", "-\xc3\xa4"};
    static const char *const regions[] = {"+eu-west-1", "+us-gov-east-1", "-", "-ireland", "-EU-WEST-1", "-eu west"};
    static const char *const labels[] = {"+team", "+_a9", "-", "-9a", "-a-b", "-a.b"};
    static const char *const headers[] = {"+X-Queue", "+Authorization", "-",     "-a b",
                                          "-a:b",     "-a_b",           "-Host", "-content-TYPE"};
    static const char *const hashes[] = {"+$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV0123456./",
                                         "-",
                                         "-$1$abc$def",
                                         "-$2y$10$short",
                                         "-$2x$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV0123456./",
                                         "-$2y$1a$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV0123456./",
                                         "-$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV01234567!!"};
    check_forms(url_wrong, urls, COUNT(urls));
    check_forms(listen_wrong, listens, COUNT(listens));
    check_forms(topic_wrong, topics, COUNT(topics));
    check_forms(name_wrong, names, COUNT(names));
    check_forms(region_wrong, regions, COUNT(regions));
    check_forms(label_wrong, labels, COUNT(labels));
    check_forms(header_wrong, headers, COUNT(headers));
    check_forms(bcrypt_wrong, hashes, COUNT(hashes));
}

static void variables(void **state) {
    (void)state;
    setenv("SES_TEST_A", "value: [x]", 1);
    setenv("SES_TEST_EMPTY", "", 1);
    setenv("SES_TEST_BYTES", "a\xff", 1);
    unsetenv("SES_TEST_NONE");
    static const struct {
        const char *text, *expanded; /* NULL: an error */
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"${SES_TEST_A}", "value: [x]"},
        {"<${SES_TEST_A}|${SES_TEST_A}>", "<value: [x]|value: [x]>"},
        {"${SES_TEST_EMPTY}", ""},
        {"${SES_TEST_EMPTY:-x}", "x"},
        {"${SES_TEST_A:-x}", "value: [x]"},
        {"${SES_TEST_NONE:-x y}", "x y"},
        {"${SES_TEST_NONE:-}", ""},
        {"${SES_TEST_NONE:-a:-b}", "a:-b"},
        {"$$", "$"},
        {"$${SES_TEST_A}", "${SES_TEST_A}"},
        {"a$b", "a$b"},
        {"$", "$"},
        {"$$$", "$$"},
        {"{{ $value }}", "{{ $value }}"},
        {"${SES_TEST_NONE}", NULL},
        {"${SES_TEST_EMPTY:?needed}", NULL},
        {"${SES_TEST_BYTES}", NULL},
        {"${", NULL},
        {"${}", NULL},
        {"${A B}", NULL},
        {"${A:}", NULL},
        {"${A-x}", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf to;
        struct err err = {0};
        buf_init(&to, 1000);
        bool ok = expand_variables(cases[i].text, &to, &err);
        assert_int_equal(ok, cases[i].expanded != NULL);
        assert_int_equal(ok, err.code == ERR_NONE);
        if (ok) {
            assert_int_equal(to.len, strlen(cases[i].expanded));
            assert_memory_equal(to.data ? to.data : "", cases[i].expanded, to.len);
        }
        buf_deinit(&to);
    }
    struct buf small;
    struct err err = {0};
    buf_init(&small, 15);
    assert_false(expand_variables("${SES_TEST_A}${SES_TEST_A}", &small, &err));
    assert_non_null(strstr(err.text, "too long"));
    buf_deinit(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),    cmocka_unit_test(shares_come_back), cmocka_unit_test(sizes),
        cmocka_unit_test(durations), cmocka_unit_test(near_words),       cmocka_unit_test(forms),
        cmocka_unit_test(variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
