/* The small parts of collector/core: err, buf, span, utf8, wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/span.h"
#include "core/utf8.h"
#include "core/wait.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- err ---------------------------------------------------------------------------------------------------------- */

static void err_first_cause_wins(void **state) {
    (void)state;
    struct err e = {0};
    assert_false(err_set(&e, ERR_INPUT, "%s: %d", "deep", 7));
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "deep: 7");
    assert_false(err_set(&e, ERR_USAGE, "shallow"));
    assert_false(err_set_errno(&e, ERR_IO, ENOENT, "shallow"));
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "deep: 7");
    assert_false(err_set(NULL, ERR_IO, "nobody asks"));
    assert_false(err_set_errno(NULL, ERR_IO, ENOENT, "nobody asks"));
}

static void err_with_errno(void **state) {
    (void)state;
    struct err e = {0};
    char want[200];
    assert_false(err_set_errno(&e, ERR_IO, EACCES, "%s", "/a/file"));
    snprintf(want, sizeof want, "/a/file: %s", strerror(EACCES));
    assert_int_equal(e.code, ERR_IO);
    assert_string_equal(e.text, want);
}

static void err_is_cut_to_its_room(void **state) {
    (void)state;
    char longer[2 * sizeof((struct err *)0)->text];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct err e = {0};
    err_set_errno(&e, ERR_IO, ENOENT, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_memory_equal(e.text, longer, sizeof e.text - 1);
}

/* --- buf ---------------------------------------------------------------------------------------------------------- */

static void buf_collects(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_span(&b).len, 0);
    assert_true(buf_append(&b, "a\0b", 3));
    assert_true(buf_append_char(&b, '-'));
    assert_true(buf_append_str(&b, "str"));
    assert_true(buf_append(&b, NULL, 0));
    assert_true(buf_printf(&b, " %d %s", 42, "x"));
    assert_true(span_eq(buf_span(&b), SPAN_LIT("a\0b-str 42 x")));
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_true(buf_append_str(&b, "again"));
    assert_true(span_eq(buf_span(&b), SPAN_LIT("again")));
    buf_deinit(&b);
    assert_null(b.data);
}

static void buf_grows_whole(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 20000; i++)
        assert_true(buf_printf(&b, "%05d,", i));
    assert_int_equal(b.len, 120000);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(atoi(b.data + i * 6), i);
    buf_deinit(&b);
}

static void buf_has_a_ceiling(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_append(&b, "0123456789", 10));
    assert_false(b.failed);
    assert_false(buf_append_char(&b, 'x'));
    assert_true(b.failed);
    assert_false(buf_append(&b, NULL, 0)); /* sticky */
    assert_true(span_eq(buf_span(&b), SPAN_LIT("0123456789")));
    buf_clear(&b);
    assert_false(b.failed);
    assert_true(buf_append_str(&b, "12345"));
    assert_false(buf_reserve(&b, SIZE_MAX)); /* no overflow in the sum */
    assert_true(b.failed);
    assert_int_equal(b.len, 5);
    buf_clear(&b);
    assert_false(buf_printf(&b, "%s", "over the limit"));
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

/* --- span --------------------------------------------------------------------------------------------------------- */

static void spans(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same, same_nocase;
    } cases[] = {
        {"", "", true, true},
        {"a", "a", true, true},
        {"a", "A", false, true},
        {"a", "b", false, false},
        {"a", "ab", false, false},
        {"Zz09", "zZ09", false, true},
        {"@", "`", false, false},
        {"[", "{", false, false}, /* letters only, though 0x20 apart */
        {"\xc3\x84", "\xc3\xa4", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(span_eq(span_of(cases[i].a), span_of(cases[i].b)), cases[i].same);
        assert_int_equal(span_eq_nocase(span_of(cases[i].a), span_of(cases[i].b)), cases[i].same_nocase);
        assert_int_equal(span_eq_nocase(span_of(cases[i].b), span_of(cases[i].a)), cases[i].same_nocase);
    }
    assert_true(span_is(span_of("Send"), "Send"));
    assert_false(span_is(span_of("Sent"), "Send"));
    assert_false(span_is(span_of("Sen"), "Send"));
    assert_false(span_is(span_of("Sends"), "Send"));
    assert_int_equal(span_of(NULL).len, 0);
    assert_true(span_eq((struct span){NULL, 0}, span_of("")));
}

static void utf8_sequences(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len; /* 0: no UTF-8 */
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},
        {"\xc3", 0, 0},
        {"\xc0\x80", 0, 0},
        {"\xe0\x80\x80", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xff", 0, 0},
        {"\xe2\x82", 0, 0},
        {"\xc3(", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_next(span_of(cases[i].text), &code), cases[i].len);
        if (cases[i].len)
            assert_int_equal(code, cases[i].code);
    }
}

static void spans_trimmed(void **state) {
    (void)state;
    static const struct {
        const char *raw, *trimmed;
    } cases[] = {{"", ""},           {" \t\r\n ", ""},           {"a", "a"},
                 {"  a b\n", "a b"}, {"\x01x\x1f", "\x01x\x1f"}, {"\xff ", "\xff"}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(span_eq(span_trim(span_of(cases[i].raw)), span_of(cases[i].trimmed)));
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void *stop_soon(void *stop) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void waits(void **state) {
    (void)state;
    atomic_bool stop = false;
    int64_t began = clock_monotonic_ns();
    assert_true(wait_unless(&stop, 30));
    assert_true(clock_monotonic_ns() - began >= 30000000);
    assert_true(wait_unless(&stop, 0));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    began = clock_monotonic_ns();
    assert_false(wait_unless(&stop, 60000));
    assert_true(clock_monotonic_ns() - began < 30000000000);
    pthread_join(thread, NULL);
    assert_false(wait_unless(&stop, 60000)); /* at once */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits),
        cmocka_unit_test(err_first_cause_wins),
        cmocka_unit_test(err_with_errno),
        cmocka_unit_test(err_is_cut_to_its_room),
        cmocka_unit_test(buf_collects),
        cmocka_unit_test(buf_grows_whole),
        cmocka_unit_test(buf_has_a_ceiling),
        cmocka_unit_test(spans),
        cmocka_unit_test(spans_trimmed),
        cmocka_unit_test(utf8_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
