/* The log: both forms, what is escaped, what is blotted out, the limit, and that lines of several threads do not mix.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/log.h"
#include "core/log_line.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char *line_of(enum log_format format, const struct log_line *line) {
    struct buf b;
    buf_init(&b, LOG_LINE_MAX);
    assert_true(log_line_write(&b, format, line));
    char *text = alloc_string(b.data, b.len);
    buf_deinit(&b);
    return text;
}

static char *line_with(enum log_format format, const char *value) {
    return line_of(format,
                   &(struct log_line){LOG_INFO, 1763768070123, "m", (const struct log_field[]){{"v", value}}, 1, 0});
}

static void both_forms(void **state) {
    (void)state;
    const struct log_field fields[] = {{"topic", "ses events"}, {"lost", .number = -7}, {"empty", ""}};
    struct log_line line = {LOG_WARN, 1763768070123, "partition lost messages", fields, COUNT(fields), 3};
    char *text = line_of(LOG_LOGFMT, &line);
    assert_string_equal(text, "time=2025-11-21T23:34:30.123Z level=warn msg=\"partition lost messages\" "
                              "topic=\"ses events\" lost=-7 empty=\"\" suppressed=3\n");
    free(text);
    text = line_of(LOG_JSON, &line);
    assert_string_equal(text, "{\"time\":\"2025-11-21T23:34:30.123Z\",\"level\":\"warn\","
                              "\"msg\":\"partition lost messages\",\"topic\":\"ses events\",\"lost\":-7,\"empty\":\"\","
                              "\"suppressed\":3}\n");
    free(text);
}

static void values(void **state) {
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"plain", "plain"},
        {"a/b.c-d_e:9092", "a/b.c-d_e:9092"},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"x\" \\", "\"say \\\"x\\\" \\\\\""},
        {"one\ntwo\r\tthree", "\"one\\ntwo\\r\\tthree\""},
        {"\x1b[31mred\x07", "\"\\u001b[31mred\\u0007\""},
        {"\x7f", "\"\\u007f\""},
        {"\xc2\x9b", "\"\\u009b\""},                /* CSI as one character */
        {"\xe2\x80\xae", "\"\\u202e\""},            /* right-to-left override */
        {"\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""}, /* a tag, invisible */
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"bad \xff\xc0\xaf end", "\"bad \\ufffd\\ufffd\\ufffd end\""},
        {"cut \xe2\x82", "\"cut \\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = line_with(LOG_LOGFMT, cases[i].value);
        char *at = strstr(text, " v=");
        assert_non_null(at);
        at[strlen(at) - 1] = '\0';
        assert_string_equal(at + 3, cases[i].written);
        free(text);
        text = line_with(LOG_JSON, cases[i].value);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        json_t *parsed = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        assert_non_null(json_string_value(json_object_get(parsed, "v")));
        json_decref(parsed);
        free(text);
    }
}

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"a@b", "<e-mail>"},
        {"550 <jane.doe@example.com> unknown", "550 <<e-mail>> unknown"},
        {"to=jane+tag@sub.example.co.uk, ok", "<e-mail>, ok"},
        {"two a@b.c d@e.f", "two <e-mail> <e-mail>"},
        {"\"jane doe\"@example.com x", "<e-mail> x"},
        {"a@[192.0.2.1] x", "<e-mail> x"},
        {"a@@b x", "<e-mail> x"},
        {"https://h/p?to=jane%40example.com&x=1 y", "https:<e-mail> y"},
        {"j\xc3\xbcrgen@b\xc3\xbc"
         "cher.example x",
         "<e-mail> x"},
        {"\xff@example.com x", "<e-mail> x"},
        {"no one @ home", "no one @ home"},
        {"@example", "@example"},
        {"end@", "end@"},
        {"100%4", "100%4"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = line_with(LOG_JSON, cases[i].value);
        json_t *parsed = json_loads(text, 0, NULL);
        assert_non_null(parsed);
        assert_string_equal(json_string_value(json_object_get(parsed, "v")), cases[i].written);
        json_decref(parsed);
        free(text);
    }
}

/* An address that the cut would fall into must not show its first half. */
static void long_values(void **state) {
    (void)state;
    for (size_t before = LOG_VALUE_MAX - 20; before < LOG_VALUE_MAX + 2; before++) {
        char value[2 * LOG_VALUE_MAX + 1];
        memset(value, 'x', sizeof value);
        value[before] = ' ';
        memcpy(value + before + 1, "secretjane@example.com", 23);
        char *text = line_with(LOG_LOGFMT, value);
        assert_null(strstr(text, "secretj"));
        assert_true(strlen(text) < LOG_VALUE_MAX + 100);
        free(text);
    }
    char *text = line_with(LOG_LOGFMT, "short");
    assert_null(strstr(text, "..."));
    free(text);
    char *huge = alloc_zeroed(1, 1 << 20);
    memset(huge, '\x01', (1 << 20) - 1);
    text = line_with(LOG_JSON, huge);
    assert_true(strlen(text) < LOG_VALUE_MAX + 100);
    assert_non_null(strstr(text, "...\"}"));
    free(text);
    free(huge);
}

static void limited(void **state) {
    (void)state;
    static struct log_limit l;
    uint64_t suppressed = 99;
    for (int i = 0; i < 25; i++) {
        assert_int_equal(log_limit_pass(&l, "many", 1000 + i, &suppressed), i < LOG_LIMIT_COUNT);
        assert_int_equal(suppressed, 0);
    }
    assert_true(log_limit_pass(&l, "another", 1030, &suppressed));
    assert_false(log_limit_pass(&l, "many", 1000 + LOG_LIMIT_MS - 1, &suppressed));
    assert_true(log_limit_pass(&l, "many", 1000 + LOG_LIMIT_MS, &suppressed));
    assert_int_equal(suppressed, 16);
    assert_true(log_limit_pass(&l, "many", 1001 + LOG_LIMIT_MS, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void names(void **state) {
    (void)state;
    enum log_level level;
    enum log_format format;
    assert_true(log_level_parse("debug", &level) && level == LOG_DEBUG);
    assert_true(log_level_parse("error", &level) && level == LOG_ERROR);
    assert_false(log_level_parse("Error", &level));
    assert_false(log_level_parse("", &level));
    assert_true(log_format_parse("json", &format) && format == LOG_JSON);
    assert_true(log_format_parse("logfmt", &format) && format == LOG_LOGFMT);
    assert_false(log_format_parse("xml", &format));
}

/* --- Standard error --------------------------------------------------------------------------------------------- */

static FILE *capture;
static int real_stderr;

static void capture_begin(void) {
    capture = tmpfile();
    assert_non_null(capture);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static char *capture_end(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    off_t size = lseek(fileno(capture), 0, SEEK_END);
    char *text = alloc_zeroed(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(capture), text, (size_t)size, 0), size);
    fclose(capture);
    return text;
}

static void level_decides(void **state) {
    (void)state;
    capture_begin();
    log_configure(LOG_WARN, LOG_LOGFMT);
    log_event(LOG_INFO, "not shown", LOG_NO_FIELDS);
    log_event(LOG_ERROR, "shown", LOG_FIELDS({"n", .number = 3}));
    log_configure(LOG_INFO, LOG_JSON);
    log_event(LOG_INFO, "shown now", LOG_NO_FIELDS);
    char *text = capture_end();
    assert_null(strstr(text, "not shown"));
    assert_non_null(strstr(text, " level=error msg=shown n=3\n"));
    assert_non_null(strstr(text, "\"msg\":\"shown now\"}\n"));
    free(text);
}

static void *write_lines(void *message) {
    for (int i = 0; i < 30; i++)
        log_event(LOG_INFO, message, LOG_FIELDS({"i", .number = i}, {"who", message}));
    return NULL;
}

static void threads(void **state) {
    (void)state;
    static char messages[8][8] = {"thread0", "thread1", "thread2", "thread3",
                                  "thread4", "thread5", "thread6", "thread7"};
    pthread_t ids[COUNT(messages)];
    capture_begin();
    log_configure(LOG_INFO, LOG_JSON);
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(pthread_create(&ids[i], NULL, write_lines, messages[i]), 0);
    for (size_t i = 0; i < COUNT(ids); i++)
        pthread_join(ids[i], NULL);
    char *text = capture_end();
    size_t lines = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++) {
        json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
    }
    assert_int_equal(lines, COUNT(ids) * LOG_LIMIT_COUNT);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms),    cmocka_unit_test(values),  cmocka_unit_test(addresses),
        cmocka_unit_test(long_values),   cmocka_unit_test(limited), cmocka_unit_test(names),
        cmocka_unit_test(level_decides), cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
