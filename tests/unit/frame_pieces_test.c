/* However a text is split into pieces, the same comes out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/frame_run.h"

/* What stands between the good records of test_pieces. */
static const char *const damages[] = {
    "",
    "\n",
    "garbage\n",
    "{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut in a str\n",
    "{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut, not delimited",
    "{\"eventType\":\"Send\",\"mail\":",
    "{\"eventType\":\"Send\",\"mail\":\n",
    "{\"eventType\":\"Send\",\"mail\":{\"destination\":[",
    "{\"eventType\":\"Send\",\"mail\":{\"destination\":[\n",
    "{\"eventType\":\"Send\",\"mail\":{\"headers\":[{\"name\":\"a\"},\n",
    "{\"eventType\":\"Send\",\"mail\":{\"headers\":[{\"name\":\"a\"},",
    "{\"version\":broken,\"detail\":{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
    "\"messageId\":\"inner\"}}}\n",
    "{\"version\":broken,\"detail\": {\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
    "\"messageId\":\"inner\"}}   \n ,\"x\":1}",
    "}}}\n",
    "}}}",
    "\"\n",
    "\"",
    "\\\"",
    "123 true \"x\" null\n",
    "\xef\xbb",
    "\xef\xbb\xbf\xef",
    "{\"a\":1}{\"b\":2}{\"c\"",
    "{\"a\":{}{}}\n{\"x\" 1}\n",
    "{\"a\":1\n{\n{\"\n\"{\"\n",
    "{ \n \"eventType\" : \"Send\"\n\n\n,\n\"mail\":{\n\"x\"\n\n\n",
    "{                            ",
    "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\"}}\n",
};

/* However the text is split, the same results come out in the same order, at the same places. */
static void test_pieces(void **state) {
    (void)state;
    struct results expected = {0}, found = {0};
    for (size_t round = 0; round < COUNT(damages); round++) {
        struct text t = {0};
        for (size_t i = 0; i < 4; i++) {
            puts_to(&t, damages[(round + i * i) % COUNT(damages)]);
            puts_to(&t, corpus[(round * 7 + i) % corpus_size]);
            puts_to(&t, i == 2 ? "" : i == 1 ? "\r\n" : "\n");
        }
        puts_to(&t, damages[round]);
        read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
        assert_true(expected.events + expected.filtered >= 3);
        for (size_t piece = 1; piece <= 200; piece++) {
            read_pieces(t.bytes, t.len, piece, &found);
            check_same(&expected, &found, true, t.bytes, piece);
        }
        for (size_t i = 0; i < 50; i++) {
            read_pieces(t.bytes, t.len, RANDOM_PIECES, &found);
            check_same(&expected, &found, true, t.bytes, 0);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
}

/* The same for text that is damaged anyhow. */
static void test_pieces_of_random_damage(void **state) {
    (void)state;
    static const char *const alphabet = "{}[]\",:\\\n\r \xef\xbb\xbf\x1e"
                                        "0tn";
    struct results expected = {0}, found = {0};
    for (size_t round = 0; round < 1500; round++) {
        struct text t = {0};
        for (size_t i = 0; i < 4; i++) {
            puts_to(&t,
                    round % 3 ? corpus[random_below((uint32_t)corpus_size)] : damages[random_below(COUNT(damages))]);
            puts_to(&t, random_below(2) ? "\n" : "");
        }
        for (size_t i = random_below(12); t.len && i > 0; i--) {
            size_t at = random_below((uint32_t)t.len), n = random_below(40);
            n = n < t.len - at ? n : t.len - at;
            switch (random_below(4)) {
            case 0: /* cut out */
                memmove(t.bytes + at, t.bytes + at + n, t.len - at - n);
                t.len -= n;
                break;
            case 1: /* copied over another place */
                memmove(t.bytes + random_below((uint32_t)(t.len - n + 1)), t.bytes + at, n);
                break;
            default:
                t.bytes[at] = alphabet[random_below((uint32_t)strlen(alphabet))];
                break;
            }
        }
        read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
        for (size_t i = 0; i < 8; i++) {
            struct frame *other = frame; /* and with the other instruction set */
            frame = plain_frame;
            plain_frame = other;
            read_pieces(t.bytes, t.len, i < 4 ? RANDOM_PIECES : 1 + random_below(1 + 20 * (uint32_t)i), &found);
            check_same(&expected, &found, true, t.bytes, round);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
}

/* The same near the limits of size, in pieces from a few KiB to the most that fits. */
static void test_pieces_of_large_records(void **state) {
    (void)state;
    static const size_t sizes[] = {RECORD_MAX_SIZE - 200000, RECORD_MAX_SIZE - 40, RECORD_MAX_SIZE + 60, 3000000};
    static const char *const ends[] = {"\"}\n", "\"}", "\n", "", "\"}}{\"x\"", "\",\"y\":{\"eventType\":"};
    struct results expected = {0}, found = {0};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        for (size_t e = 0; e < COUNT(ends); e++) {
            struct text t = {0};
            puts_to(&t, corpus[0]);
            puts_to(&t, "\n{\"eventType\":\"Send\",\"x\":\"");
            put_times(&t, "0123456789abcdef{[]}", sizes[s] / 20);
            puts_to(&t, ends[e]);
            puts_to(&t, corpus[1]);
            puts_to(&t, "\n");
            puts_to(&t, corpus[2]);
            read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
            assert_int_equal(expected.events, 3);
            assert_in_range(expected.malformed, 1, 2);
            assert_true(expected.all[1].len <= RECORD_MAX_SIZE);
            for (size_t piece = 30011; piece < FRAME_PIECE; piece += 17003) {
                read_pieces(t.bytes, t.len, piece, &found);
                check_same(&expected, &found, false, ends[e], piece);
            }
            clear(&t);
        }
    }
    drop(&expected);
    drop(&found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pieces_of_random_damage),
        cmocka_unit_test(test_pieces_of_large_records),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
