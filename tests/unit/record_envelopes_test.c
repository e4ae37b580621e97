/* Records in envelopes, and envelopes in envelopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/record_run.h"

static char *in_sns_as_object(const char *text) {
    return sample_print("{\"Type\":\"Notification\",\"Message\":", text, "}");
}

static char *in_sns_from_php(const char *text) {
    char *message = sample_quoted(text, 1);
    char *out = sample_print("{\"Message\":", message, ",\"Type\":\"Notification\"}");
    free(message);
    return out;
}

static char *in_connect_as_string(const char *text) {
    char *payload = sample_quoted(text, 0);
    char *out = sample_in_connect(payload);
    free(payload);
    return out;
}

/* Firehose's base64, its slashes escaped. */
static char *in_firehose_error_escaped(const char *text) {
    char *plain = sample_in_firehose_error(text), *out = malloc(2 * strlen(plain) + 1), *p = out;
    assert_non_null(out);
    for (const char *c = plain; *c; c++) {
        if (*c == '/')
            *p++ = '\\';
        *p++ = *c;
    }
    *p = 0;
    free(plain);
    return out;
}

typedef char *(*wrap_fn)(const char *text);
static const wrap_fn wraps[] = {
    sample_in_sns,        in_sns_as_object,      in_sns_from_php,          sample_in_connect,
    in_connect_as_string, sample_in_eventbridge, sample_in_firehose_error, in_firehose_error_escaped};

static char *wrap(char *text, wrap_fn fn) {
    char *out = fn(text);
    free(text);
    return out;
}

static void check_wrapped(char *text, size_t sample) {
    struct ses_event e = read_event(text);
    assert_int_equal(e.type, sample);
    assert_int_equal(e.time_ms, sample_times[sample]);
    assert_span(e.message_id, SAMPLE_ID);
    assert_span(e.configuration_set, "newsletter");
    assert_int_equal(e.destination.count, 2);
    free(text);
}

static void test_envelopes(void **state) {
    (void)state;
    for (size_t sample = 0; sample < SAMPLE_RECORDS; sample++) {
        for (size_t i = 0; i < COUNT(wraps); i++) {
            check_wrapped(wraps[i](sample_records[sample]), sample);
            check_wrapped(wrap(sample_print(sample_records[sample], "", "\n"), wraps[i]), sample);
            for (size_t j = 0; j < COUNT(wraps); j++)
                for (size_t k = 0; k < COUNT(wraps); k++)
                    check_wrapped(wrap(wrap(wraps[i](sample_records[sample]), wraps[j]), wraps[k]), sample);
        }
    }
}

static void test_four_envelopes_are_too_many(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(wraps); i++) {
        char *text = wrap(wrap(wrap(wraps[i](sample_records[0]), wraps[0]), wraps[5]), wraps[(i + 3) % COUNT(wraps)]);
        check(text, MALFORMED_BAD_ENVELOPE);
        text = wrap(wrap(text, wraps[3]), wraps[i]);
        check(text, MALFORMED_BAD_ENVELOPE);
        free(text);
    }
}

/* Several records in one piece of base64: the first one counts, and what it counts as is one record. */
static void test_first_of_several(void **state) {
    (void)state;
    char *two = sample_print(sample_records[EVENT_OPEN], sample_records[EVENT_CLICK], "\n{\"eventType\"");
    check_wrapped(wrap(two, sample_in_firehose_error), EVENT_OPEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_four_envelopes_are_too_many),
        cmocka_unit_test(test_first_of_several),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
