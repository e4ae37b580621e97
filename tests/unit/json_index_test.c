/* The bitmaps: every instruction set against the plain one, and the plain one against a model that looks at one byte
 * after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/json_index.h"

enum { MAX_LEN = 400, MAX_BLOCKS = MAX_LEN / 64 + 2 };

static uint64_t random_state = 20261122;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

/* What the header promises, byte by byte. Returns the number of blocks. */
static size_t index_by_model(const char *text, size_t len, struct json_block *blocks, bool *damaged) {
    bool in_string = false, escaped = false;
    memset(blocks, 0, MAX_BLOCKS * sizeof *blocks);
    *damaged = false;
    for (size_t i = 0; i < len; i++) {
        struct json_block *b = &blocks[i / 64];
        uint64_t bit = 1ull << (i % 64);
        char c = text[i];
        bool is_escaped = escaped;
        escaped = c == '\\' && !is_escaped;
        if (c == '\\')
            b->escape |= bit;
        if (c == '"' && !is_escaped) {
            b->quote |= bit;
            in_string = !in_string;
        }
        if (c == '\n') {
            b->newline |= bit;
            if (in_string) {
                b->damage |= bit;
                *damaged = true;
            }
            in_string = false;
        }
        if ((c == '{' || c == '[') && !in_string) {
            b->open |= bit;
            b->opens++;
        }
        if ((c == '}' || c == ']') && !in_string) {
            b->close |= bit;
            b->closes++;
        }
    }
    return (len + 63) / 64;
}

static void show(const char *text, size_t len) {
    fprintf(stderr, "text of %zu bytes: ", len);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, text[i] >= ' ' && text[i] < 127 ? "%c" : "\\x%02x", (unsigned char)text[i]);
    fputc('\n', stderr);
}

static struct json_index indexes[JSON_ISAS];

/* The text is copied to memory of exactly its size, so that a sanitizer sees any look behind it. */
static void check_text(const char *bytes, size_t len) {
    struct json_block expected[MAX_BLOCKS];
    bool damaged;
    size_t blocks = index_by_model(bytes, len, expected, &damaged);
    char *text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, bytes, len);
    text[len] = 0;
    for (int isa = 0; isa < JSON_ISAS; isa++) {
        if (!json_isa_supported((enum json_isa)isa))
            continue;
        struct json_index *ix = &indexes[isa];
        json_index_build(ix, text, len, (enum json_isa)isa);
        for (size_t b = 0; b <= blocks; b++) {
            if (memcmp(&ix->blocks[b], &expected[b], sizeof expected[b]) != 0) {
                show(text, len);
                fail_msg("%s differs from the model in block %zu", json_isa_name((enum json_isa)isa), b);
            }
        }
        assert_int_equal(ix->damaged, damaged);
        assert_int_equal(ix->len, len);
        assert_ptr_equal(ix->text, text);
    }
    free(text);
}

static const char *const alphabets[] = {
    "\"\\",
    "\"\\\n",
    "\"\\\n{}[]",
    "\"\n",
    "{}[]",
    "\\",
    "\"a",
    "\"\\\n{}[]:, a\t\r\xff\x80\x02{}[]", /* \x02 and the brackets differ from others in one bit each */
    "[]{}\x1b\x1d\x5c\x7c\xfb\xfd\"\\\x02\x22\x0a\x2a\x8a",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "aaaaaaaaaaaaaaaaaaaaaaaa\"\n\\{",
};

static void test_random_text(void **state) {
    (void)state;
    char text[MAX_LEN];
    for (int round = 0; round < 3000; round++) {
        for (size_t a = 0; a < sizeof alphabets / sizeof alphabets[0]; a++) {
            size_t len = random_below(MAX_LEN + 1);
            uint32_t letters = (uint32_t)strlen(alphabets[a]);
            for (size_t i = 0; i < len; i++)
                text[i] = alphabets[a][random_below(letters)];
            check_text(text, len);
        }
        size_t len = random_below(MAX_LEN + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)random_below(256);
        check_text(text, len);
    }
}

static void test_every_length(void **state) {
    (void)state;
    char text[MAX_LEN];
    for (size_t len = 0; len <= MAX_LEN; len++) {
        for (const char *c = "\"\\\n{}[]a"; *c; c++) {
            memset(text, *c, len);
            check_text(text, len);
        }
        for (size_t i = 0; i < len; i++)
            text[i] = "{\"k\\\\\\\"\\n\":[\"v\"]}\n"[i % 19];
        check_text(text, len);
    }
}

/* A run of backslashes of every length at every place of a block, and a quote behind it. */
static void test_runs_of_backslashes(void **state) {
    (void)state;
    char text[MAX_LEN];
    for (size_t run = 0; run < 140; run++) {
        for (size_t at = 0; at < 66; at++) {
            size_t len = at + run + 5;
            memset(text, 'a', at);
            memset(text + at, '\\', run);
            memcpy(text + at + run, "\"[\"]\"", 5);
            check_text(text, len);
            text[at / 2] = '"';
            check_text(text, len);
        }
    }
}

/* A line end inside a string at every place, with strings before and behind. */
static void test_newlines_in_strings(void **state) {
    (void)state;
    char text[MAX_LEN];
    for (size_t at = 1; at < 200; at++) {
        for (size_t i = 0; i < 260; i++)
            text[i] = "\"a[\"{}"[i % 6];
        text[at] = '\n';
        check_text(text, 260);
        text[at - 1] = '\\';
        check_text(text, 260);
        text[at + 1] = '\n';
        check_text(text, 260);
    }
}

/* Old blocks of a longer text must not show through. */
static void test_memory_is_reused(void **state) {
    (void)state;
    char text[MAX_LEN];
    memset(text, '{', sizeof text);
    check_text(text, MAX_LEN);
    check_text(text, 1);
    check_text(text, 64);
    check_text(text, 0);
    check_text(text, 65);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(json_isa_name(JSON_ISA_PLAIN), "plain");
    assert_true(json_isa_supported(JSON_ISA_PLAIN));
    assert_true(json_isa_supported(json_isa_best()));
    for (int isa = (int)json_isa_best() + 1; isa < JSON_ISAS; isa++)
        assert_false(json_isa_supported((enum json_isa)isa));
}

static int set_up(void **state) {
    (void)state;
    for (int i = 0; i < JSON_ISAS; i++)
        json_index_init(&indexes[i]);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < JSON_ISAS; i++)
        json_index_deinit(&indexes[i]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_runs_of_backslashes),
        cmocka_unit_test(test_newlines_in_strings),
        cmocka_unit_test(test_memory_is_reused),
        cmocka_unit_test(test_random_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
