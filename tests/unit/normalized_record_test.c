/* parsers/normalized_record: the bytes of version 1 and every number in them are fixed for ever; what is read is what
 * was written; and of damage nothing is given. The records and their bytes are those of tests/oracle, where a second
 * decoder reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/frame.h"
#include "parsers/normalized_record.h"
#include "parsers/normalized_record_numbers.h"
#include "parsers/record.h"
#include "unit/known.h"
#include "unit/random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { MAX_VALUES = 64, MAX_EVENTS = 16 };

static struct provider_table *providers;
static struct dictionary dictionary;
static struct normaliser *normaliser;
static struct normalized_reader *reader;
static struct frame *frame;
static char *records[MAX_VALUES];       /* lines of normalized_v1.ndjson */
static struct buf expected[MAX_VALUES]; /* of normalized_v1.txt: the bytes */
static size_t count;

static void take_hex(struct buf *to, const char *digits) {
    unsigned byte;
    buf_init(to, 1 << 20);
    for (; sscanf(digits, "%2x", &byte) == 1; digits += 2)
        buf_append_char(to, (char)byte);
}

static int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    dictionary = known_dictionary(providers, 1000);
    dictionary.tags[0] = intern_create(1000);
    dictionary.tag_names[0] = SPAN_LIT("campaign");
    dictionary.tag_count = 1;
    normaliser = calloc(1, sizeof *normaliser);
    normaliser_init(normaliser, &dictionary);
    reader = normalized_reader_create(&dictionary);
    frame = frame_create(JSON_ISA_PLAIN);
    frame_set_tags(frame, dictionary.tag_names, 1);
    FILE *in = fopen("tests/oracle/normalized_v1.ndjson", "r"), *bytes = fopen("tests/oracle/normalized_v1.txt", "r");
    assert_non_null(in);
    assert_non_null(bytes);
    size_t size = 0, room = 0;
    char *line = NULL;
    while (getline(&records[count], &size, in) > 0) {
        assert_true(getline(&line, &room, bytes) > 0);
        take_hex(&expected[count++], line);
        assert_true(count < MAX_VALUES);
        size = 0;
    }
    assert_true(getline(&line, &room, bytes) < 0);
    free(records[count]);
    free(line);
    fclose(in);
    fclose(bytes);
    assert_true(count > 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < count; i++) {
        free(records[i]);
        buf_deinit(&expected[i]);
    }
    frame_destroy(frame);
    normalized_reader_destroy(reader);
    normalized_reader_destroy(NULL);
    free(normaliser);
    intern_destroy(dictionary.tags[0]);
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return 0;
}

static const struct ses_event *record_of(const char *json) {
    struct frame_item item;
    size_t room;
    frame_begin(frame, 0);
    char *to = frame_space(frame, &room);
    assert_true(strlen(json) <= room);
    memcpy(to, json, strlen(json));
    frame_filled(frame, strlen(json), true);
    assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
    return item.event;
}

static struct span span_of_buf(const struct buf *b) {
    return (struct span){b->data, b->len};
}

/* False: and then no event may be given. */
static bool read_value(struct span value, struct event *events, size_t *events_count, enum malformed_reason *why) {
    char *exact = malloc(value.len ? value.len : 1); /* as long as it is, so that a sanitizer sees any over-read */
    assert_non_null(exact);
    memcpy(exact, value.ptr, value.len);
    bool good = normalized_reader_begin(reader, (struct span){exact, value.len}, why);
    struct event e;
    for (*events_count = 0; normalized_reader_next(reader, &e); ++*events_count)
        if (*events_count < MAX_EVENTS)
            events[*events_count] = e;
    assert_true(good == (*events_count > 0));
    free(exact);
    return good;
}

static enum malformed_reason reason_of(struct span value) {
    struct event events[MAX_EVENTS];
    size_t n;
    enum malformed_reason why = MALFORMED_REASONS;
    assert_false(read_value(value, events, &n, &why));
    return why;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void bytes_are_for_ever(void **state) {
    (void)state;
    struct buf out;
    bool types[EVENT_TYPES] = {0};
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        const struct ses_event *r = record_of(records[i]);
        types[r->type] = true;
        buf_clear(&out);
        normalized_record_encode(normaliser, r, &out);
        assert_false(out.failed);
        assert_true(normalized_record_is(span_of_buf(&out)));
        if (!span_eq(span_of_buf(&out), span_of_buf(&expected[i])))
            fail_msg("record %zu has other bytes than version 1 had: %s", i, records[i]);
    }
    for (int t = 0; t < EVENT_TYPES; t++)
        assert_true(types[t]);
    buf_deinit(&out);
}

/* The example in docs/normalized-events.md. */
static void documented_example(void **state) {
    (void)state;
    const char *json = "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\",\"messageId\":"
                       "\"0102018f6a3b4c5d-0a1b2c3d-000000\",\"destination\":[\"anna@gmail.com\"],\"sourceArn\":"
                       "\"arn:aws:ses:eu-west-1:123456789012:identity/shop.example\",\"tags\":"
                       "{\"ses:configuration-set\":[\"news\"]}}}";
    static const char hex[] = "9e01010d9685b380bf68046e6577730c73686f702e6578616d706c65"
                              "0905676d61696c0327ec63d92bba8c82";
    struct buf out, wanted;
    buf_init(&out, 1000);
    take_hex(&wanted, hex);
    normalized_record_encode(normaliser, record_of(json), &out);
    assert_int_equal(out.len, 44);
    assert_memory_equal(out.data, wanted.data, out.len);
    buf_deinit(&out);
    buf_deinit(&wanted);
}

static void recognised(void **state) {
    (void)state;
    assert_true(normalized_record_is(SPAN_LIT("\x9e")));
    assert_true(normalized_record_is(SPAN_LIT("\x9e\x63")));
    assert_false(normalized_record_is((struct span){NULL, 0}));
    assert_false(normalized_record_is(SPAN_LIT("{\"eventType\":")));
    assert_false(normalized_record_is(SPAN_LIT("\0\0\0\0\1{}")));
}

/* --- there and back ----------------------------------------------------------------------------------------------- */

static uint64_t own(uint64_t key) {
    struct hash_state s;
    hash_begin(&s, &dictionary.key);
    hash_u64(&s, key);
    return hash_end(&s);
}

static void assert_event(const struct event *got, struct event e) {
    bool has_message = e.type == EVENT_OPEN || e.type == EVENT_CLICK || e.type == EVENT_DELIVERY_DELAY;
    e.key = own(e.key);
    e.domain_key = e.domain_key ? own(e.domain_key) : 0;
    e.message_key = has_message ? own(e.message_key) : 0;
    assert_int_equal(got->key, e.key);
    assert_int_equal(got->message_key, e.message_key);
    assert_int_equal(got->domain_key, e.domain_key);
    assert_int_equal(got->time_ms, e.time_ms);
    assert_int_equal(got->sent_ms, e.sent_ms);
    assert_int_equal(got->set, e.set);
    assert_int_equal(got->identity, e.identity);
    assert_int_equal(got->detail, e.detail);
    assert_int_equal(got->counters, e.counters);
    assert_int_equal(got->delivery_ms, e.delivery_ms);
    assert_int_equal(got->link, e.link);
    assert_memory_equal(got->tags, e.tags, sizeof e.tags);
    assert_int_equal(got->provider, e.provider);
    assert_int_equal(got->hint, e.hint);
    assert_int_equal(got->type, e.type);
    assert_int_equal(got->flags, e.flags);
    assert_int_equal(got->reason, e.reason);
    assert_int_equal(got->visitor, e.visitor);
    assert_memory_equal(got, &e, sizeof e); /* and whatever is added to it */
}

static void assert_same_events(const struct ses_event *record, struct span value) {
    struct event got[MAX_EVENTS], e;
    size_t n, i = 0;
    enum malformed_reason why;
    memset(&e, 0, sizeof e);
    assert_true(read_value(value, got, &n, &why));
    normalise_begin(normaliser, record);
    while (normalise_next(normaliser, &e)) {
        assert_true(i < n);
        assert_event(&got[i++], e);
    }
    assert_int_equal(i, n);
}

static void there_and_back(void **state) {
    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_same_events(record_of(records[i]), span_of_buf(&expected[i]));
}

/* As there_and_back, for records made of any values at all. */
static void any_values(void **state) {
    (void)state;
    static const char *const addresses[] = {
        "a@gmail.com", "b@firm.example", "c@other.example", "success@simulator.amazonses.com",
        "d@web.de",    "e@firm.example", "f@GMAIL.com",     "no address"};
    static const char *const names[] = {"", "a", "newsletter", "with blank", "\xff", "Fr\xc3\xbchling"};
    uint64_t seed = 7;
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        struct ses_recipient to[8] = {0};
        struct ses_event r = {.type = (enum event_type)below(&seed, EVENT_TYPES),
                              .time_ms = (int64_t)below(&seed, UINT32_MAX) * 500 - 1000000,
                              .mail_time_ms = (int64_t)below(&seed, UINT32_MAX) * 500 - 1000000,
                              .has_mail_time = below(&seed, 2),
                              .message_id = SPAN_LIT("id"),
                              .configuration_set = span_of(names[below(&seed, COUNT(names))]),
                              .from_domain = span_of(names[below(&seed, COUNT(names))]),
                              .template_name = span_of(names[below(&seed, COUNT(names))]),
                              .tag_values = {span_of(names[below(&seed, COUNT(names))])},
                              .bounce_type = below(&seed, 2) ? SPAN_LIT("Permanent") : SPAN_LIT("Transient"),
                              .smtp_response = below(&seed, 2) ? SPAN_LIT("250 ok gsmtp") : SPAN_LIT("250 ok"),
                              .processing_ms = below(&seed, 2) ? EVENT_NO_DELIVERY_MS : below(&seed, UINT32_MAX),
                              .link = span_of(names[below(&seed, COUNT(names))]),
                              .recipients = to,
                              .change = (enum subscription_change)below(&seed, CHANGES)};
        r.recipient_count = r.destination.count = below(&seed, 9);
        for (unsigned i = 0; i < r.recipient_count; i++) {
            to[i].address = span_of(addresses[below(&seed, COUNT(addresses))]);
            to[i].diagnostic_code = below(&seed, 2) ? SPAN_LIT("550 no such user gsmtp") : SPAN_LIT("");
        }
        buf_clear(&out);
        normalized_record_encode(normaliser, &r, &out);
        assert_false(out.failed);
        assert_same_events(&r, span_of_buf(&out));
    }
    buf_deinit(&out);
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static void cut_anywhere(void **state) {
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t len = 0; len < expected[i].len; len++)
            assert_int_equal(reason_of((struct span){expected[i].data, len}), MALFORMED_TRUNCATED);
}

/* Whatever comes of it: no crash, and all events of the record or none. */
static void changed_anywhere(void **state) {
    (void)state;
    struct event events[MAX_EVENTS];
    size_t n, taken = 0, refused = 0;
    enum malformed_reason why;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < expected[i].len; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                char was = expected[i].data[at];
                expected[i].data[at] = (char)byte;
                bool good = read_value(span_of_buf(&expected[i]), events, &n, &why);
                taken += good;
                refused += !good;
                if (good) {
                    size_t last = n <= MAX_EVENTS ? n - 1 : MAX_EVENTS - 1;
                    assert_true(events[0].flags & EVENT_FIRST);
                    assert_true(n > MAX_EVENTS || events[last].flags & EVENT_LAST);
                    assert_true(events[0].type < EVENT_TYPES && events[0].sent_ms <= events[0].time_ms);
                }
                expected[i].data[at] = was;
            }
    assert_true(taken > 1000 && refused > 1000);
}

#define EVENT_AT_OTHER                                                                                                 \
    "0a03"                                                                                                             \
    "0000000000000001"

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        enum malformed_reason why;
    } cases[] = {
        {"7b7d", MALFORMED_NOT_SES},
        {"9e02010100" EVENT_AT_OTHER, MALFORMED_NOT_SES}, /* a later version */
        {"9eff010100" EVENT_AT_OTHER, MALFORMED_NOT_SES},
        {"9e00010100" EVENT_AT_OTHER, MALFORMED_STRUCTURE},
        {"9e01014100" EVENT_AT_OTHER, MALFORMED_STRUCTURE}, /* bits that nobody knows */
        {"9e01018100" EVENT_AT_OTHER, MALFORMED_STRUCTURE},
        {"9e010101001a030000000000000001", MALFORMED_STRUCTURE},
        {"9e0101018000" EVENT_AT_OTHER, MALFORMED_STRUCTURE},                   /* 0 in two bytes */
        {"9e010101ffffffffffffffffff02" EVENT_AT_OTHER, MALFORMED_STRUCTURE},   /* over 64 bits */
        {"9e010101ffffffffffffffffffff01" EVENT_AT_OTHER, MALFORMED_STRUCTURE}, /* over ten bytes */
        {"9e010101ffffffffffffffffff01" EVENT_AT_OTHER, MALFORMED_BAD_TIME},
        {"9e0101018090bbefe59f73" EVENT_AT_OTHER, MALFORMED_BAD_TIME},   /* the year 10001 */
        {"9e0101018180a3f0cda21c" EVENT_AT_OTHER, MALFORMED_BAD_TIME},   /* the year before 0000 */
        {"9e0101030081c091f8a6910e" EVENT_AT_OTHER, MALFORMED_BAD_TIME}, /* sent then */
        {"9e01010300ffffffffffffffffff01" EVENT_AT_OTHER, MALFORMED_BAD_TIME},
        {"9e0101110011" EVENT_AT_OTHER, MALFORMED_STRUCTURE}, /* 17 tags */
        {"9e0101210001" EVENT_AT_OTHER, MALFORMED_STRUCTURE}, /* several, and then one */
        {"9e0101210000" EVENT_AT_OTHER, MALFORMED_STRUCTURE},
        {"9e01012100818004" EVENT_AT_OTHER, MALFORMED_TOO_LARGE}, /* 65537 events */
        {"9e01012100808004" EVENT_AT_OTHER, MALFORMED_TRUNCATED}, /* 65536, and one is there */
        {"9e0101050005616263", MALFORMED_TRUNCATED},
        {"9e01010500ffffffffffffffffff01", MALFORMED_TRUNCATED},
        {"9e010201008180808010" EVENT_AT_OTHER, MALFORMED_STRUCTURE}, /* over 32 bits of milliseconds */
        {"9e01010100"
         "0803"
         "0000000000000001",
         MALFORMED_STRUCTURE}, /* as the event before: there is none */
        {"9e01010100" EVENT_AT_OTHER "00", MALFORMED_STRUCTURE},
        {"9e01010100" EVENT_AT_OTHER "0000", MALFORMED_STRUCTURE},
        {"9e01010100" EVENT_AT_OTHER "02000100", MALFORMED_STRUCTURE},
        {"9e01010100" EVENT_AT_OTHER "01000100", MALFORMED_STRUCTURE},
        {"9e01010100" EVENT_AT_OTHER "010561", MALFORMED_TRUNCATED},
    };
    struct buf value;
    for (size_t i = 0; i < COUNT(cases); i++) {
        take_hex(&value, cases[i].hex);
        enum malformed_reason why = reason_of(span_of_buf(&value));
        if (why != cases[i].why)
            fail_msg("%s: %s", cases[i].hex, malformed_reason_name(why));
        buf_deinit(&value);
    }
    char *large = calloc(1, RECORD_MAX_SIZE + 1);
    large[0] = (char)NORMALIZED_RECORD_MAGIC;
    assert_int_equal(reason_of((struct span){large, RECORD_MAX_SIZE + 1}), MALFORMED_TOO_LARGE);
    free(large);
}

static struct event only_event(const char *hex) {
    struct event events[MAX_EVENTS] = {0};
    struct buf value;
    size_t n;
    enum malformed_reason why = MALFORMED_REASONS;
    take_hex(&value, hex);
    if (!read_value(span_of_buf(&value), events, &n, &why))
        fail_msg("%s: %s", hex, malformed_reason_name(why));
    assert_int_equal(n, 1);
    buf_deinit(&value);
    return events[0];
}

/* --- what later versions of the program may write ----------------------------------------------------------------- */

static void new_things(void **state) {
    (void)state;
    struct event e = only_event("9e01010100" EVENT_AT_OTHER "0103616263"
                                "7f00"); /* fields */
    assert_int_equal(e.type, EVENT_SEND);
    assert_int_equal(e.counters, 1 << COUNT_SENT | 1 << COUNT_SENT_REPUTATION);
    e = only_event("9e01630100" EVENT_AT_OTHER); /* a type; it counts for nothing here */
    assert_int_equal(e.type, EVENT_UNKNOWN);
    assert_int_equal(e.counters, 0);
    e = only_event("9e0103010063630a90ffff03630000000000000001");
    assert_int_equal(e.detail, EVENT_DETAIL_PAIR(BOUNCE_OTHER, SUBTYPE_OTHER));
    assert_int_equal(e.reason, REASON_UNDETERMINED);
    assert_int_equal(e.counters, 1 << COUNT_BOUNCED | 1 << COUNT_TRANSIENT); /* those that a bounce can have */
    e = only_event("9e01010100"
                   "0906"
                   "6e6f77617973"
                   "03"
                   "0000000000000001"); /* a provider */
    assert_int_equal(e.provider, PROVIDER_OTHER);
    assert_int_equal(e.domain_key, 0);
    e = only_event("9e01020100"
                   "00"
                   "07"
                   "0000000000000000"
                   "066e6f77617973"
                   "0000000000000001"); /* a hint */
    assert_int_equal(e.hint, PROVIDER_OTHER);
    assert_true(e.domain_key != 0); /* 0 was written, and is no domain's key where it is counted */
    assert_int_equal(e.delivery_ms, EVENT_NO_DELIVERY_MS);
}

static void first_and_last_times(void **state) {
    (void)state;
    assert_int_equal(only_event("9e010101fe8fbbefe59f73" EVENT_AT_OTHER).time_ms, NORMALIZED_TIME_LAST);
    assert_int_equal(only_event("9e010101ffffa2f0cda21c" EVENT_AT_OTHER).time_ms, NORMALIZED_TIME_FIRST);
    struct event e = only_event("9e0101030080c091f8a6910e" EVENT_AT_OTHER);
    assert_int_equal(e.time_ms, 0);
    assert_int_equal(e.sent_ms, NORMALIZED_TIME_FIRST);
}

/* Names are taken as they would be out of an SES record: nothing that is no label comes in this way. */
static void names(void **state) {
    (void)state;
    struct event e = only_event("9e01010d00"
                                "0261ff"
                                "0e616e6e61406669726d2e6578000a" EVENT_AT_OTHER);
    assert_string_equal(intern_name(dictionary.sets, e.set), "invalid");
    assert_string_equal(intern_name(dictionary.identities, e.identity), "invalid");
    e = only_event("9e01010900"
                   "0c416e6e61404669726d2e6578" EVENT_AT_OTHER);
    assert_string_equal(intern_name(dictionary.identities, e.identity), "*@firm.ex");
    e = only_event("9e01011100"
                   "03"
                   "0474656d70"
                   "0162"
                   "0863616d706169676e"
                   "0161"
                   "0863616d706169676e"
                   "0162" EVENT_AT_OTHER); /* another tag, and ours twice */
    assert_string_equal(intern_name(dictionary.tags[0], e.tags[0]), "a");
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

/* The tables in docs/normalized-events.md, in the order of the enumerations. Whoever has to change a line here breaks
 * what lies in topics. */
static void numbers_are_for_ever(void **state) {
    (void)state;
    static const unsigned types[] = {NORMALIZED_TYPES(NORMALIZED_NUMBER_OF)},
                          types_v1[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0};
    static const unsigned bounces[] = {NORMALIZED_BOUNCE_TYPES(NORMALIZED_NUMBER_OF)}, bounces_v1[] = {1, 2, 3, 0};
    static const unsigned subtypes[] = {NORMALIZED_BOUNCE_SUBTYPES(NORMALIZED_NUMBER_OF)},
                          subtypes_v1[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0};
    static const unsigned feedback[] = {NORMALIZED_FEEDBACK_TYPES(NORMALIZED_NUMBER_OF)},
                          feedback_v1[] = {1, 2, 3, 4, 5, 6, 7, 0};
    static const unsigned delays[] = {NORMALIZED_DELAY_TYPES(NORMALIZED_NUMBER_OF)},
                          delays_v1[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0};
    static const unsigned rejects[] = {NORMALIZED_REJECT_REASONS(NORMALIZED_NUMBER_OF)}, rejects_v1[] = {1, 2, 0};
    static const unsigned changes[] = {NORMALIZED_CHANGES(NORMALIZED_NUMBER_OF)}, changes_v1[] = {0, 1, 2, 3};
    static const unsigned sources[] = {NORMALIZED_SOURCES(NORMALIZED_NUMBER_OF)}, sources_v1[] = {1, 2, 3, 0};
    static const unsigned visitors[] = {NORMALIZED_VISITORS(NORMALIZED_NUMBER_OF)}, visitors_v1[] = {0, 1, 2};
    static const unsigned reasons[] = {NORMALIZED_REASONS(NORMALIZED_NUMBER_OF)},
                          reasons_v1[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
    static const unsigned counters[] = {NORMALIZED_COUNTERS(NORMALIZED_NUMBER_OF)},
                          counters_v1[] = {0, 1, 2, 3, 4, 5, 7, 6, 8, 9, 10, 11, 12};
    static const struct {
        const unsigned *now, *v1;
        size_t size, size_v1;
    } tables[] = {
#define TABLE(name) {name, name##_v1, sizeof name, sizeof name##_v1}
        TABLE(types),   TABLE(bounces), TABLE(subtypes), TABLE(feedback), TABLE(delays),   TABLE(rejects),
        TABLE(changes), TABLE(sources), TABLE(visitors), TABLE(reasons),  TABLE(counters),
    };
    for (size_t i = 0; i < COUNT(tables); i++) {
        assert_int_equal(tables[i].size, tables[i].size_v1);
        assert_memory_equal(tables[i].now, tables[i].v1, tables[i].size);
    }
}

/* --- caps --------------------------------------------------------------------------------------------------------- */

static void too_much_is_not_written(void **state) {
    (void)state;
    struct ses_recipient *to = calloc(NORMALIZED_RECORD_MAX_EVENTS + 1, sizeof *to);
    struct ses_event r = {.type = EVENT_SEND, .message_id = SPAN_LIT("id"), .recipients = to};
    struct buf out;
    for (unsigned i = 0; i <= NORMALIZED_RECORD_MAX_EVENTS; i++)
        to[i].address = SPAN_LIT("a@gmail.com");
    buf_init(&out, 4 << 20);
    buf_append_str(&out, "before");
    r.recipient_count = r.destination.count = NORMALIZED_RECORD_MAX_EVENTS + 1;
    normalized_record_encode(normaliser, &r, &out);
    assert_true(out.failed);
    assert_int_equal(out.len, 6);
    out.failed = false;
    r.destination.count--;
    normalized_record_encode(normaliser, &r, &out);
    assert_false(out.failed);
    struct event events[MAX_EVENTS];
    size_t n;
    enum malformed_reason why;
    assert_true(read_value((struct span){out.data + 6, out.len - 6}, events, &n, &why));
    assert_int_equal(n, NORMALIZED_RECORD_MAX_EVENTS);
    buf_deinit(&out);
    buf_init(&out, 30); /* no room */
    r.destination.count = 2;
    normalized_record_encode(normaliser, &r, &out);
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_for_ever),
        cmocka_unit_test(documented_example),
        cmocka_unit_test(recognised),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(any_values),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_anywhere),
        cmocka_unit_test(refusals),
        cmocka_unit_test(new_things),
        cmocka_unit_test(names),
        cmocka_unit_test(first_and_last_times),
        cmocka_unit_test(numbers_are_for_ever),
        cmocka_unit_test(too_much_is_not_written),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
