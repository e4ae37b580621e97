/* commands/normalize_records: what a message becomes, with a writer of our own in place of Kafka's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/normalize_records.h"
#include "core/buf.h"
#include "parsers/normalized_record.h"
#include "unit/known.h"

#define MAIL(id)                                                                                                       \
    "\"mail\":{\"timestamp\":\"2026-11-21T10:00:00.000Z\",\"source\":\"a@b.example\",\"messageId\":\"" id              \
    "\",\"destination\":[\"x@gmail.com\",\"y@yahoo.com\",\"z@gmail.com\"]}"
#define SEND(id) "{\"eventType\":\"Send\"," MAIL(id) ",\"send\":{}}"
#define DELIVERY(id)                                                                                                   \
    "{\"eventType\":\"Delivery\"," MAIL(id) ",\"delivery\":{\"timestamp\":\"2026-11-21T10:00:01.000Z\","               \
                                            "\"recipients\":[\"x@gmail.com\",\"y@yahoo.com\"]}}"
#define COMPLAINT(id)                                                                                                  \
    "{\"eventType\":\"Complaint\"," MAIL(                                                                              \
        id) ",\"complaint\":{\"timestamp\":\"2026-11-21T10:00:01.000Z\",\"complainedRecipients\":[{\"emailAddress\":"  \
            "\"x@gmail.com\"},{\"emailAddress\":\"z@gmail.com\"}]}}"

enum { WRITTEN = 8 };

static struct {
    char key[64], value[4096];
    size_t len;
    uint64_t events;
} written[WRITTEN];
static size_t count;
static char key_path[] = "/tmp/normalize_records_XXXXXX";
static struct config config;
static struct normalize_records *records;

/* In place of the one of source/kafka_transform_commit.c. */
void kafka_transform_put(struct kafka_transform *t, struct span key, struct span value, uint64_t events) {
    (void)t;
    assert_true(count < WRITTEN && key.len < sizeof written[0].key && value.len <= sizeof written[0].value);
    snprintf(written[count].key, sizeof written[0].key, "%.*s", (int)key.len, key.ptr);
    memcpy(written[count].value, value.ptr, value.len);
    written[count].len = value.len;
    written[count++].events = events;
}

static void write_key(const char *text) {
    FILE *f = fopen(key_path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state) {
    (void)state;
    int fd = mkstemp(key_path);
    if (fd < 0)
        return -1;
    close(fd);
    write_key("0123456789abcdef0123456789abcdef\n");
    struct err err = {0};
    config.normalize_key_file = key_path;
    records = normalize_records_create(&config, &err);
    return records ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    normalize_records_destroy(records);
    return unlink(key_path);
}

static struct kafka_transformed make(const char *text, size_t len) {
    struct kafka_transformed made = {0};
    count = 0;
    normalize_records_make(records, NULL, (struct span){text, len}, &made);
    uint64_t events = 0;
    for (size_t i = 0; i < count; i++)
        events += written[i].events;
    assert_int_equal(made.events, events);
    assert_int_equal(made.accounting.counted, count);
    return made;
}

static struct kafka_transformed make_of(const char *text) {
    return make(text, strlen(text));
}

/* What a reader takes out of the message again. */
static size_t events_in(size_t i) {
    struct provider_table *providers = provider_table_create();
    struct dictionary dictionary = known_dictionary(providers, 100);
    struct normalized_reader *reader = normalized_reader_create(&dictionary);
    enum malformed_reason why;
    struct event e;
    size_t n = 0;
    assert_true(normalized_reader_begin(reader, (struct span){written[i].value, written[i].len}, &why));
    while (normalized_reader_next(reader, &e))
        n++;
    normalized_reader_destroy(reader);
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return n;
}

static void each_record_is_a_message(void **state) {
    (void)state;
    static const struct {
        const char *text, *key;
        uint64_t events;
    } cases[] = {{SEND("m-1"), "m-1", 3}, {DELIVERY("m-2"), "m-2", 2}, {COMPLAINT("m-3"), "m-3", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kafka_transformed made = make_of(cases[i].text);
        assert_int_equal(count, 1);
        assert_string_equal(written[0].key, cases[i].key);
        assert_int_equal(written[0].events, cases[i].events);
        assert_int_equal(events_in(0), cases[i].events);
        assert_int_equal(made.accounting.read, 1);
        assert_int_equal(made.accounting.bytes_decoded, strlen(cases[i].text));
        assert_false(made.is_dead);
        assert_null(memmem(written[0].value, written[0].len, "x@", 2)); /* no address */
    }
}

static void several_records_in_a_message(void **state) {
    (void)state;
    struct kafka_transformed made = make_of(SEND("a") "\n" DELIVERY("b") "\n\n" COMPLAINT("c"));
    assert_int_equal(count, 3);
    assert_string_equal(written[2].key, "c");
    assert_int_equal(made.accounting.read, 3);
    assert_false(made.is_dead);
}

static void the_same_record_is_the_same_bytes(void **state) {
    (void)state;
    char before[sizeof written[0].value];
    make_of(DELIVERY("m-2"));
    size_t len = written[0].len;
    memcpy(before, written[0].value, len);
    make_of("garbage {");
    make_of(DELIVERY("m-2"));
    assert_int_equal(written[0].len, len);
    assert_memory_equal(written[0].value, before, len);
}

static void nothing_in_it(void **state) {
    (void)state;
    static const char *const texts[] = {"", " ", "\n\n", "\t \r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kafka_transformed made = make_of(texts[i]);
        assert_int_equal(count, 0);
        assert_int_equal(made.accounting.read, 0);
        assert_false(made.is_dead);
    }
}

/* The whole message becomes a dead letter, for its first reason; what could be read is written all the same. */
static void what_cannot_be_read(void **state) {
    (void)state;
    static const char *const texts[] = {"garbage",   "{",    "{\"eventType\":\"Send\"}",
                                        "{\"a\":1}", "[1,2", "\x9e\x01\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kafka_transformed made = make_of(texts[i]);
        assert_int_equal(count, 0);
        assert_true(made.is_dead);
        assert_int_equal(made.accounting.malformed[made.reason], made.accounting.read);
    }
    struct kafka_transformed made = make_of(SEND("a") "\n{\"b\":1}\n" SEND("c"));
    assert_int_equal(count, 2);
    assert_true(made.is_dead);
    assert_int_equal(made.accounting.read, 3);
    made = make_of(SEND("d")); /* nothing of it stays */
    assert_int_equal(count, 1);
    assert_false(made.is_dead);
}

static void too_large(void **state) {
    (void)state;
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    int begun = snprintf(text, SIZE, "{\"eventType\":\"");
    memset(text + begun, 'x', SIZE - (size_t)begun);
    struct kafka_transformed made = make(text, SIZE);
    assert_int_equal(count, 0);
    assert_true(made.is_dead);
    assert_int_equal(made.reason, MALFORMED_TOO_LARGE);
    assert_int_equal(made.accounting.bytes_decoded, SIZE);
    free(text);
    make_of(SEND("after"));
    assert_int_equal(count, 1);
}

static void keys(void **state) {
    (void)state;
    struct err err = {0};
    char before[32];
    snprintf(before, sizeof before, "%s", normalize_records_fingerprint(records));
    assert_int_equal(strlen(before), 8);
    struct normalize_records *r = normalize_records_create(&config, &err);
    assert_string_equal(normalize_records_fingerprint(r), before);
    normalize_records_destroy(r);
    write_key("0123456789abcdef0123456789abcdeg\n");
    r = normalize_records_create(&config, &err);
    assert_string_not_equal(normalize_records_fingerprint(r), before);
    normalize_records_destroy(r);
    write_key("too short\n");
    assert_null(normalize_records_create(&config, &err));
    assert_non_null(strstr(err.text, "a key has"));
    assert_null(strstr(err.text, "too short"));
    write_key("0123456789abcdef0123456789abcdef\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_is_a_message),
        cmocka_unit_test(several_records_in_a_message),
        cmocka_unit_test(the_same_record_is_the_same_bytes),
        cmocka_unit_test(nothing_in_it),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(too_large),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
