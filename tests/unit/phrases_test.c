#include "core/phrases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

/* Few letters, so that phrases overlap, end in each other and stand in each other. */
static struct span random_text(char *to, size_t max_len, const char *letters, size_t letter_count) {
    size_t len = random_below(max_len + 1);
    for (size_t i = 0; i < len; i++)
        to[i] = letters[random_below(letter_count)];
    return (struct span){to, len};
}

static bool naive_has(struct span text, struct span phrase) {
    for (size_t at = 0; at + phrase.len <= text.len; at++)
        if (span_eq_nocase((struct span){text.ptr + at, phrase.len}, phrase))
            return true;
    return false;
}

static void one_random_set(const char *letters, size_t letter_count) {
    enum { PHRASES = 150, LEN = 9, TEXTS = 40, TEXT_LEN = 60 };
    static char store[PHRASES][LEN];
    struct span phrases[PHRASES];
    int numbers[PHRASES];
    struct phrases *p = phrases_create();
    size_t count = random_below(PHRASES);
    for (size_t i = 0; i < count; i++) {
        phrases[i] = random_text(store[i], LEN, letters, letter_count);
        numbers[i] = phrases_add(p, phrases[i]);
        assert_int_equal(numbers[i] < 0, phrases[i].len == 0);
        for (size_t k = 0; k < i; k++)
            if (phrases[i].len)
                assert_int_equal(numbers[k] == numbers[i], span_eq_nocase(phrases[k], phrases[i]));
    }
    phrases_finish(p);
    for (size_t n = 0; n < TEXTS; n++) {
        char text_store[TEXT_LEN];
        struct span text = random_text(text_store, TEXT_LEN, letters, letter_count);
        struct phrases_found found = {0};
        phrases_find(p, text, &found);
        for (size_t i = 0; i < count; i++)
            if (numbers[i] >= 0)
                assert_int_equal(phrases_has(&found, numbers[i]), naive_has(text, phrases[i]));
    }
    phrases_destroy(p);
}

static void finds_what_a_plain_search_finds(void **state) {
    (void)state;
    static const char every_byte_kind[] = {'a', 'B', '\0', (char)0xff, '[', '{', '@', '`', (char)0xc3, ' '};
    for (int n = 0; n < 150; n++) {
        one_random_set("ab", 2);
        one_random_set("abAB", 4);
        one_random_set(every_byte_kind, sizeof every_byte_kind);
    }
}

static void letters_are_equal_in_both_cases_and_signs_are_not(void **state) {
    (void)state;
    struct phrases *p = phrases_create();
    assert_int_equal(phrases_add(p, SPAN_LIT("Over Quota")), 0);
    assert_int_equal(phrases_add(p, SPAN_LIT("oVER qUOTA")), 0);
    assert_int_equal(phrases_add(p, SPAN_LIT("[TSS04]")), 1);
    assert_int_equal(phrases_count(p), 2);
    phrases_finish(p);
    struct phrases_found found = {0};
    phrases_find(p, SPAN_LIT("mailbox is OVER QUOTA {tss04}"), &found);
    assert_int_equal(found.bits[0], 1);
    phrases_find(p, SPAN_LIT("[tss04]"), &found); /* adds to what was found before */
    assert_int_equal(found.bits[0], 3);
    phrases_destroy(p);
}

static void nothing_to_find(void **state) {
    (void)state;
    struct phrases *p = phrases_create();
    phrases_finish(p);
    assert_int_equal(phrases_count(p), 0);
    struct phrases_found found = {0};
    phrases_find(p, SPAN_LIT("any text"), &found);
    phrases_find(p, (struct span){NULL, 0}, &found);
    assert_int_equal(found.bits[0], 0);
    phrases_destroy(p);
    phrases_destroy(NULL);
    p = phrases_create();
    phrases_destroy(p); /* never finished */
}

static void refuses_what_is_too_much(void **state) {
    (void)state;
    struct phrases *p = phrases_create();
    char longest[PHRASE_MAX_LEN + 1];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(phrases_add(p, (struct span){longest, 0}), -1);
    assert_int_equal(phrases_add(p, (struct span){longest, PHRASE_MAX_LEN + 1}), -1);
    assert_int_equal(phrases_add(p, (struct span){longest, PHRASE_MAX_LEN}), 0);
    char word[8] = {0};
    for (int i = 1; i < PHRASES_MAX; i++) {
        for (int k = 0; k < 4; k++)
            word[k] = (char)('a' + (i >> (3 * k) & 7));
        assert_int_equal(phrases_add(p, (struct span){word, 4}), i);
    }
    assert_int_equal(phrases_add(p, SPAN_LIT("one more")), -1);
    assert_int_equal(phrases_add(p, (struct span){word, 4}), PHRASES_MAX - 1); /* it is there already */
    assert_int_equal(phrases_count(p), PHRASES_MAX);
    phrases_finish(p);
    struct phrases_found found = {0};
    phrases_find(p, (struct span){word, 4}, &found);
    assert_true(phrases_has(&found, PHRASES_MAX - 1));
    assert_false(phrases_has(&found, 0));
    phrases_destroy(p);
}

/* 256 different bytes, so that no class is left for the bytes of no phrase: it must exist all the same. */
static void every_byte_can_stand_in_a_phrase(void **state) {
    (void)state;
    struct phrases *p = phrases_create();
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        assert_true(phrases_add(p, (struct span){&byte, 1}) >= 0);
    }
    assert_int_equal(phrases_count(p), 256 - 26);
    phrases_finish(p);
    struct phrases_found found = {0};
    char all[256];
    for (int c = 0; c < 256; c++)
        all[c] = (char)c;
    phrases_find(p, (struct span){all, sizeof all}, &found);
    for (int i = 0; i < 256 - 26; i++)
        assert_true(phrases_has(&found, i));
    phrases_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_plain_search_finds),
        cmocka_unit_test(letters_are_equal_in_both_cases_and_signs_are_not),
        cmocka_unit_test(nothing_to_find),
        cmocka_unit_test(refuses_what_is_too_much),
        cmocka_unit_test(every_byte_can_stand_in_a_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
