/* sinks/normalized: lines of JSON, hashes and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sinks/normalized.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void strings(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len, max;
        const char *json;
    } cases[] = {
        {"", 0, 10, "\"\""},
        {"plain", 5, 10, "\"plain\""},
        {"q\"b\\", 4, 10, "\"q\\\"b\\\\\""},
        {"a\nb\tc\x1b\x7f", 7, 10, "\"a\\nb\\u0009c\\u001b\\u007f\""},
        {"\0x", 2, 10, "\"\\u0000x\""},
        {"\xc3\xa9", 2, 10, "\"\xc3\xa9\""},
        {"\xc3(", 2, 10, "\"\xef\xbf\xbd(\""},
        {"\xff\xfe", 2, 10, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, 10, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xe2\x80\xa8\xe2\x80\xae", 6, 10, "\"\\u2028\\u202e\""},
        {"\xf3\xa0\x80\x81", 4, 10, "\"\\udb40\\udc01\""},
        {"abcdef", 6, 3, "\"abc\xe2\x80\xa6\""},
        {"ab\xc3\xa9", 4, 3, "\"ab\xe2\x80\xa6\""}, /* not inside a character */
        {"\x80\x80\x80\x80\x80", 5, 4, "\"\xef\xbf\xbd\xe2\x80\xa6\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b;
        buf_init(&b, 1000);
        normalized_put_string(&b, (struct span){cases[i].text, cases[i].len}, cases[i].max);
        buf_append_char(&b, '\0');
        assert_string_equal(b.data, cases[i].json);
        buf_deinit(&b);
    }
}

#define ANNA "74861f6a5326cf79325652f483796cb7"

static struct normalized_writer *make(bool clear) {
    static const struct span tags[] = {{"campaign", 8}, {"a\"b", 3}};
    struct normalized_options o = {.clear = clear,
                                   .tag_names = tags,
                                   .tag_count = 2,
                                   .key = (const unsigned char *)"0123456789abcdef",
                                   .key_len = 16};
    return normalized_create(&o);
}

/* printf anna@example.org | openssl dgst -sha256 -hmac 0123456789abcdef */
static void hashes(void **state) {
    (void)state;
    static const char *const same[][2] = {{"anna@example.org", "example.org"},
                                          {"ANNA@Example.ORG", "example.org"},
                                          {"anna@EXAMPLE.org.", "example.org"},
                                          {"anna@example.org", ""}};
    char hash[NORMALIZED_HASH_DIGITS + 1];
    struct normalized_writer *w = make(false);
    for (size_t i = 0; i < COUNT(same); i++) {
        normalized_hash(w, span_of(same[i][0]), span_of(same[i][1]), hash);
        assert_string_equal(hash, ANNA);
    }
    normalized_hash(w, SPAN_LIT("anne@example.org"), SPAN_LIT("example.org"), hash);
    assert_string_not_equal(hash, ANNA);
    normalized_destroy(w);
}

static char *line_of(bool clear, const struct normalized_event *e) {
    struct normalized_writer *w = make(clear);
    struct buf b;
    buf_init(&b, 2 * NORMALIZED_LINE_MAX);
    normalized_write(w, e, &b);
    normalized_write(w, e, &b);
    assert_false(b.failed);
    assert_int_equal(b.len % 2, 0);
    assert_true(b.len / 2 <= NORMALIZED_LINE_MAX);
    assert_memory_equal(b.data, b.data + b.len / 2, b.len / 2); /* a writer forgets the line before */
    char *line = strndup(b.data, b.len / 2);
    buf_deinit(&b);
    normalized_destroy(w);
    return line;
}

static void lines(void **state) {
    (void)state;
    struct event event = {.key = 0x0123456789abcdef,
                          .time_ms = 1793491800005,
                          .sent_ms = -1,
                          .type = EVENT_BOUNCE,
                          .detail = EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_NO_EMAIL),
                          .reason = REASON_INVALID_RECIPIENT,
                          .delivery_ms = EVENT_NO_DELIVERY_MS};
    struct normalized_event e = {.event = &event,
                                 .message_id = SPAN_LIT("m-1"),
                                 .identity = SPAN_LIT("x.example"),
                                 .provider = SPAN_LIT("gmail"),
                                 .address = SPAN_LIT("anna@example.org"),
                                 .domain = SPAN_LIT("example.org"),
                                 .recipients = 1,
                                 .status = {5, 1, 1},
                                 .code = 550,
                                 .reply = SPAN_LIT("smtp; 550 no"),
                                 .link = SPAN_LIT("https://x"),
                                 .tag_values = {{NULL, 0}, {"v", 1}}};
    char *line = line_of(false, &e);
    assert_string_equal(line, "{\"v\":1,\"type\":\"bounce\",\"time\":\"2026-11-01T00:10:00.005Z\","
                              "\"sent\":\"1969-12-31T23:59:59.999Z\",\"message_id\":\"m-1\",\"configuration_set\":\"\","
                              "\"identity\":\"x.example\",\"provider\":\"gmail\",\"recipient\":\"" ANNA
                              "\",\"bounce\":{\"type\":\"Permanent\",\"subtype\":\"NoEmail\","
                              "\"reason\":\"invalid_recipient\",\"status\":\"5.1.1\",\"code\":550},"
                              "\"tags\":{\"a\\\"b\":\"v\"},\"key\":\"0123456789abcdef\"}\n");
    free(line);
    line = line_of(true, &e);
    assert_non_null(strstr(line, "\"recipient\":\"anna@example.org\",\"recipient_domain\":\"example.org\""));
    assert_non_null(strstr(line, "\"code\":550,\"diagnostic\":\"smtp; 550 no\"}"));
    assert_null(strstr(line, "https"));
    free(line);
}

/* Every type, with texts of every kind at their longest: a line of JSON, not longer than it may be, and without --clear
 * nothing of the texts. */
static void every_type(void **state) {
    (void)state;
    char *text = malloc(1 << 16);
    struct event event = {.key = 1, .delivery_ms = 7};
    memset(text, 1, 1 << 16); /* what is escaped to six bytes */
    memcpy(text, "canary", 6);
    struct span all = {text, 1 << 16};
    for (int type = 0; type < EVENT_TYPES; type++)
        for (int clear = 0; clear < 2; clear++) {
            struct normalized_event e = {.event = &event,
                                         .message_id = {text + 6, 60000},
                                         .identity = {text + 6, 60000},
                                         .configuration_set = {text + 6, 60000},
                                         .provider = {text + 6, 60000},
                                         .hint = {text + 6, 60000},
                                         .address = all,
                                         .domain = all,
                                         .recipients = 1,
                                         .status = {5, 999, 999},
                                         .code = 999,
                                         .reply = all,
                                         .link = all,
                                         .user_agent = all,
                                         .ip_address = all,
                                         .error_message = all,
                                         .tag_values = {{text + 6, 60000}, {text + 6, 60000}}};
            event.type = (uint8_t)type;
            char *line = line_of(clear, &e);
            json_t *json = json_loads(line, JSON_ALLOW_NUL, NULL);
            assert_non_null(json);
            assert_string_equal(json_string_value(json_object_get(json, "type")),
                                event_type_name((enum event_type)type));
            assert_int_equal(strstr(line, "canary") != NULL, clear);
            json_decref(json);
            free(line);
        }
    free(text);
}

static void keys(void **state) {
    (void)state;
    char path[] = "/tmp/normalized_test.XXXXXX";
    unsigned char key[NORMALIZED_MAX_KEY];
    struct err err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789abcdef\r\n\n", 19), 19);
    assert_int_equal(normalized_read_key(path, key, &err), 16);
    assert_memory_equal(key, "0123456789abcdef", 16);
    assert_int_equal(ftruncate(fd, 15), 0);
    assert_int_equal(normalized_read_key(path, key, &err), 0);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_int_equal(ftruncate(fd, NORMALIZED_MAX_KEY + 1), 0);
    assert_int_equal(normalized_read_key(path, key, &err), 0);
    close(fd);
    unlink(path);
    assert_int_equal(normalized_read_key(path, key, &err), 0);
    uint64_t one[2], same[2], other[2];
    normalized_event_key(key, 16, one);
    normalized_event_key(key, 16, same);
    normalized_event_key(key, 15, other);
    assert_memory_equal(one, same, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
    char shown[NORMALIZED_FINGERPRINT + 1], shown_other[NORMALIZED_FINGERPRINT + 1], part[NORMALIZED_FINGERPRINT + 1];
    normalized_key_fingerprint(key, 16, shown);
    normalized_key_fingerprint(key, 15, shown_other);
    assert_int_equal(strlen(shown), NORMALIZED_FINGERPRINT);
    assert_string_not_equal(shown, shown_other);
    for (size_t i = 0; i < NORMALIZED_FINGERPRINT / 2; i++) /* it says nothing of the events' key */
        snprintf(part + 2 * i, 3, "%02x", ((const unsigned char *)one)[i]);
    assert_string_not_equal(shown, part);
}

/* Whoever writes an address into a record must not get another key's bytes as its hash. */
static void no_address_is_the_event_key(void **state) {
    (void)state;
    static const char *const addresses[] = {"ses-collector event key", "ses-collector EVENT KEY"};
    uint64_t event_key[2];
    normalized_event_key((const unsigned char *)"0123456789abcdef", 16, event_key);
    const unsigned char *bytes = (const unsigned char *)event_key;
    char hash[NORMALIZED_HASH_DIGITS + 1], hex[NORMALIZED_HASH_DIGITS + 1];
    for (size_t i = 0; i < sizeof event_key; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    struct normalized_writer *w = make(false);
    for (size_t i = 0; i < COUNT(addresses); i++) {
        normalized_hash(w, span_of(addresses[i]), (struct span){0}, hash);
        assert_string_not_equal(hash, hex);
    }
    normalized_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings), cmocka_unit_test(hashes),
                                       cmocka_unit_test(lines),   cmocka_unit_test(every_type),
                                       cmocka_unit_test(keys),    cmocka_unit_test(no_address_is_the_event_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
