/* From a stream of text to records: every framing, objects one after the other, tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/frame_run.h"

/* --- framings ----------------------------------------------------------------------------------------------------- */

struct framing {
    const char *name, *before, *between, *behind;
    int indent; /* -1: as it is */
};

static const struct framing framings[] = {
    {"newline", "", "\n", "\n", -1},
    {"no last newline", "", "\n", "", -1},
    {"CRLF", "", "\r\n", "\r\n", -1},
    {"nothing between", "", "", "", -1},
    {"nothing between, a newline behind", "", "", "\n", -1},
    {"blank lines", "\n\n", "\n\r\n \t\n", "\n\n\n", -1},
    {"blanks", " ", "  ", "\t", -1},
    {"byte order mark", "\xef\xbb\xbf", "\n", "\n", -1},
    {"a mark before each", "\xef\xbb\xbf", "\n\xef\xbb\xbf", "\n", -1},
    {"record separators", "\x1e", "\n\x1e", "\n", -1},
    {"json.dumps(indent=2)", "", "\n", "\n", 2},
    {"json.dumps(indent=0)", "", "\n", "\n", 0},
    {"indent=4, blank lines", "\n", "\n\n", "\n\n", 4},
    {"indent=2, nothing between", "", "", "", 2},
    {"indent=0, nothing between", "", "", "", 0},
    {"array on one line", "[", ",", "]", -1},
    {"array with blanks", "[ ", " , ", " ]\n", -1},
    {"array, one element a line", "[\n", ",\n", "\n]\n", -1},
    {"array, commas first", "[", "\n,", "\n]", -1},
    {"array, indent=2", "[\n  ", ",\n  ", "\n]\n", 2},
    {"array, indent=0", "[\n", ",\n", "\n]\n", 0},
    {"array after array", "[", "][", "]", -1},
};

static void put_framed(struct text *t, const struct framing *f) {
    puts_to(t, f->before);
    for (size_t i = 0; i < corpus_size; i++) {
        if (i)
            puts_to(t, f->between);
        if (f->indent < 0)
            puts_to(t, corpus[i]);
        else
            put_pretty(t, corpus[i], (size_t)f->indent);
    }
    puts_to(t, f->behind);
}

static void test_framings(void **state) {
    (void)state;
    struct text plain = {0};
    put_framed(&plain, &framings[0]);
    struct results expected = read_text(&plain), found = {0};
    assert_int_equal(expected.events, corpus_size - 1);
    assert_int_equal(expected.filtered, 1);
    assert_int_equal(expected.malformed, 0);
    for (size_t i = 0; i < COUNT(framings); i++) {
        struct text t = {0};
        put_framed(&t, &framings[i]);
        static const size_t pieces[] = {FRAME_PIECE, 1, 7, 64, 1000, RANDOM_PIECES};
        for (size_t p = 0; p < COUNT(pieces); p++) {
            read_pieces(t.bytes, t.len, pieces[p], &found);
            check_same(&expected, &found, false, framings[i].name, pieces[p]);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
    clear(&plain);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

/* An object may begin anywhere in a whole: offsets are those of the whole; and nothing is left of the one before. */
static void test_objects_follow_each_other(void **state) {
    (void)state;
    static const char *const before[] = {"", "{\"eventType\":\"Open\",\"mail\":{\"cut", "garbage \"", "\xef"};
    for (size_t i = 0; i < COUNT(before); i++) {
        size_t room;
        struct frame_item item;
        frame_begin(frame, 0);
        memcpy(frame_space(frame, &room), before[i], strlen(before[i]));
        frame_filled(frame, strlen(before[i]), false);
        assert_int_equal(frame_next(frame, &item), FRAME_NEED_TEXT);
        frame_begin(frame, 5000000000);
        memcpy(frame_space(frame, &room), "x\n" LINE, strlen("x\n" LINE));
        frame_filled(frame, strlen("x\n" LINE), true);
        assert_int_equal(frame_next(frame, &item), FRAME_MALFORMED);
        assert_int_equal(item.offset, 5000000000);
        assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
        assert_int_equal(item.offset, 5000000002);
        assert_int_equal(frame_next(frame, &item), FRAME_END);
    }
}

static void test_tags(void **state) {
    (void)state;
    const struct span names[] = {SPAN_LIT("campaign"), SPAN_LIT("nowhere")};
    struct text t = {0};
    size_t room;
    struct frame_item item;
    frame_set_tags(frame, names, 2);
    frame_begin(frame, 0);
    puts_to(&t, corpus[0]);
    memcpy(frame_space(frame, &room), t.bytes, t.len);
    frame_filled(frame, t.len, true);
    assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
    assert_true(span_is(item.event->tag_values[0], "spring"));
    assert_int_equal(item.event->tag_values[1].len, 0);
    frame_set_tags(frame, NULL, 0);
    clear(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framings),
        cmocka_unit_test(test_objects_follow_each_other),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
