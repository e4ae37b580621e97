#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/list_file.h"

static const struct list_form form = {.max = 64 << 10, .comments = "#"},
                              two_comments = {.max = 64 << 10, .comments = "#;"},
                              quotes = {.max = 1 << 20, .comments = "#", .has_quotes = true};
static char path[] = "/tmp/list_file_test.XXXXXX";

static struct list_file of_text(struct span text, const struct list_form *f, struct err *err) {
    struct list_file file;
    *err = (struct err){0};
    assert_true(list_file_of_text(&file, text, "list", f, err));
    return file;
}

/* The same, and its first line begun. */
static struct list_file of_line(const char *text, const struct list_form *f, struct err *err) {
    struct list_file file = of_text(span_of(text), f, err);
    assert_true(list_file_next_line(&file));
    return file;
}

/* What was said is `text`, and that the list is wrong. */
static void assert_said(const struct err *err, const char *text) {
    assert_string_equal(err->text, text);
    assert_int_equal(err->code, ERR_CONFIG);
}

/* Every word with its line and column: `1:1=a 1:3=b`. */
static void words_of(struct list_file *f, struct buf *to) {
    buf_clear(to);
    while (list_file_next_line(f))
        for (struct span w; (w = list_file_next_word(f)).len;)
            assert_true(
                buf_printf(to, "%s%zu:%td=%.*s", to->len ? " " : "", f->number, w.ptr - f->line_from + 1, SPAN_ARG(w)));
    assert_true(buf_append_char(to, '\0'));
}

static void lines_become_words(void **state) {
    (void)state;
    static const struct {
        struct span text;
        const struct list_form *form;
        const char *words;
    } cases[] = {
        {SPAN_LIT(""), &form, ""},
        {SPAN_LIT("\n\r\n \t\v\f\n"), &form, ""},
        {SPAN_LIT("a"), &form, "1:1=a"},
        {SPAN_LIT("a bc\n"), &form, "1:1=a 1:3=bc"},
        {SPAN_LIT("\ta  b \r\n\r\n c\r\n"), &form, "1:2=a 1:5=b 3:2=c"},
        {SPAN_LIT("\xef\xbb\xbf"
                  "a b"),
         &form, "1:1=a 1:3=b"},
        {SPAN_LIT("\xef\xbb\xbf"), &form, ""},
        {SPAN_LIT("a\n\xef\xbb\xbf"
                  "b"),
         &form,
         "1:1=a 2:1=\xef\xbb\xbf"
         "b"},
        {SPAN_LIT("# a\nb # c\nd#e f\n ##\ng"), &form, "2:1=b 3:1=d 5:1=g"},
        {SPAN_LIT("a;b c;\n;d"), &form, "1:1=a;b 1:5=c; 2:1=;d"},
        {SPAN_LIT("a;b c\n;d\ne#f;g"), &two_comments, "1:1=a 3:1=e"},
        {SPAN_LIT("a\"b c\""), &form, "1:1=a\"b 1:5=c\""},
        {SPAN_LIT("a\rb"), &form, "1:1=a 1:3=b"},
        {SPAN_LIT("a\x7f\x1b b"), &form, "1:1=a\x7f\x1b 1:5=b"},
    };
    struct buf words;
    buf_init(&words, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct list_file f = of_text(cases[i].text, cases[i].form, &err);
        words_of(&f, &words);
        assert_string_equal(words.data, cases[i].words);
        assert_false(list_file_next_line(&f));
        list_file_close(&f);
    }
    buf_deinit(&words);
}

static void a_zero_byte_is_a_byte_as_any(void **state) {
    (void)state;
    struct err err;
    struct list_file f = of_text(SPAN_LIT("a\0b c"), &two_comments, &err);
    assert_true(list_file_next_line(&f));
    assert_true(span_eq(list_file_next_word(&f), SPAN_LIT("a\0b")));
    assert_true(span_eq(list_file_next_word(&f), SPAN_LIT("c")));
    list_file_close(&f);
}

/* Behind the last word an empty one gives the place where the line stopped, however often it is asked for. */
static void the_end_of_a_line_has_a_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"a", "list:1:2: missing"},         {"a ", "list:1:3: missing"},  {"a\r\nb", "list:1:3: missing"},
        {"a  # b", "list:1:4: missing"},    {"a#b", "list:1:2: missing"}, {"#a", "list:1:1: missing"},
        {"a \"b\" c", "list:1:3: missing"}, {"\nb", "list:1:1: missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct list_file f = of_line(cases[i].text, &quotes, &err);
        while (list_file_next_word(&f).len)
            ;
        struct span end = list_file_next_word(&f);
        assert_int_equal(end.len, 0);
        assert_false(list_file_fail(&f, end, "missing"));
        assert_said(&err, cases[i].place);
        list_file_close(&f);
    }
}

static void errors_show_the_word(void **state) {
    (void)state;
#define FIFTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
    static const struct {
        struct span text;
        const char *said;
    } cases[] = {
        {SPAN_LIT("\n  word"), "list:2:3: \"word\" is wrong"},
        {SPAN_LIT("\x1b[31m\x80\0\x7f\""), "list:1:1: \"?[31m???\"\" is wrong"},
        {SPAN_LIT(FIFTY "0123456789"), "list:1:1: \"" FIFTY "0123456789\" is wrong"},
        {SPAN_LIT(FIFTY "01234567890"), "list:1:1: \"" FIFTY "0123456789...\" is wrong"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct list_file f = of_text(cases[i].text, &form, &err);
        struct span word = {0};
        while (!word.len && list_file_next_line(&f))
            word = list_file_next_word(&f);
        assert_false(list_file_fail(&f, word, "is wrong"));
        assert_string_equal(err.text, cases[i].said);
        f.err = NULL; /* nobody wants to know */
        assert_false(list_file_fail(&f, word, "is wrong"));
        list_file_close(&f);
    }
}

static void text_in_quotes_is_read(void **state) {
    (void)state;
    static const struct {
        const char *line, *text, *place, *behind;
    } cases[] = {
        {"\"a b\" c", "a b", "\"a b\"", "c"},
        {"  \"a # b\"c", "a # b", "\"a # b\"", "c"},
        {"\"\"", "", "\"\"", ""},
        {"\" \t \"", " ", "\" \t \"", ""},
        {"\" a \t\v b  \" # c", " a b ", "\" a \t\v b  \"", ""},
        {"\"\\\"a\\\" \\\\ b\"", "\"a\" \\ b", "\"\\\"a\\\" \\\\ b\"", ""},
        {"\"m\xc3\xbcller\" c", "m\xc3\xbcller", "\"m\xc3\xbcller\"", "c"},
        {"\"12345678\"", "12345678", "\"12345678\"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        char to[8];
        struct span text, place;
        struct list_file f = of_line(cases[i].line, &quotes, &err);
        assert_int_equal(list_file_next_word(&f).len, 0);
        assert_true(list_file_at_quote(&f));
        assert_true(list_file_next_quoted(&f, to, sizeof to, &text, &place));
        assert_true(text.ptr == to && span_eq(text, span_of(cases[i].text)));
        assert_true(span_eq(place, span_of(cases[i].place)));
        assert_false(list_file_at_quote(&f));
        assert_true(span_eq(list_file_next_word(&f), span_of(cases[i].behind)));
        list_file_close(&f);
    }
}

static void text_in_quotes_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"\"", "list:1:1: \"\"\" is never closed: expected another \" on the same line"},
        {"  \"a\nb\"", "list:1:3: \"\"\" is never closed: expected another \" on the same line"},
        {"\"a\\\"", "list:1:1: \"\"\" is never closed: expected another \" on the same line"},
        {"\"a\\", "list:1:3: \"\\\" stands for nothing: expected \\\" or \\\\"},
        {"\"a\\n\"", "list:1:3: \"\\\" stands for nothing: expected \\\" or \\\\"},
        {"\"a\x1b\"", "list:1:3: \"?\" is a control character: expected plain text"},
        {"\"\x7f\"", "list:1:2: \"?\" is a control character: expected plain text"},
        {"\"123456789\"", "list:1:1: \"\"\" begins too long a phrase: expected at most 8 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        char to[8];
        struct span text, place;
        struct list_file f = of_line(cases[i].line, &quotes, &err);
        assert_true(list_file_at_quote(&f));
        assert_false(list_file_next_quoted(&f, to, sizeof to, &text, &place));
        assert_said(&err, cases[i].said);
        list_file_close(&f);
    }
}

static void a_quote_is_no_quote_where_there_are_none(void **state) {
    (void)state;
    struct err err;
    struct list_file f = of_line("\"a\" b", &form, &err);
    assert_false(list_file_at_quote(&f));
    assert_true(span_eq(list_file_next_word(&f), SPAN_LIT("\"a\"")));
    list_file_close(&f);
    f = of_line("a\"b\"", &quotes, &err); /* it ends a word */
    assert_false(list_file_at_quote(&f));
    assert_true(span_eq(list_file_next_word(&f), SPAN_LIT("a")));
    assert_true(list_file_at_quote(&f));
    list_file_close(&f);
}

static void write_bytes(size_t len) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        putc(i % 64 == 63 ? '\n' : 'x', file);
    assert_int_equal(fclose(file), 0);
}

/* Around the sizes of reads and of the ceiling. */
static void a_file_is_read_whole_or_refused(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const struct list_form *form;
        const char *said;
    } cases[] = {
        {0, &form, NULL},
        {1, &form, NULL},
        {(64 << 10) - 1, &form, NULL},
        {64 << 10, &form, NULL},
        {(64 << 10) + 1, &form, " is too large: expected at most 64 KiB"},
        {200000, &form, " is too large: expected at most 64 KiB"},
        {200000, &quotes, NULL},
        {1 << 20, &quotes, NULL},
        {(1 << 20) + 1, &quotes, " is too large: expected at most 1 MiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_bytes(cases[i].len);
        struct err err = {0};
        struct list_file f;
        bool ok = list_file_open(&f, path, cases[i].form, &err);
        assert_int_equal(ok, cases[i].said == NULL);
        size_t lines = 0, bytes = 0;
        while (ok && list_file_next_line(&f))
            lines++, bytes += list_file_next_word(&f).len;
        list_file_close(&f);
        if (ok) {
            assert_int_equal(lines, (cases[i].len + 63) / 64);
            assert_int_equal(bytes, cases[i].len - cases[i].len / 64);
        } else {
            assert_int_equal(err.code, ERR_CONFIG);
            assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
            assert_string_equal(err.text + strlen(path), cases[i].said);
        }
    }
    struct err err = {0};
    struct list_file f;
    static char text[(64 << 10) + 1];
    assert_false(list_file_of_text(&f, (struct span){text, sizeof text}, "list", &form, &err));
    assert_string_equal(err.text, "list is too large: expected at most 64 KiB");
    list_file_close(&f);
}

static void the_system_may_refuse(void **state) {
    (void)state;
    static const struct {
        const char *path, *said;
        enum err_code code;
    } cases[] = {
        {"/nonexistent/list", "cannot open /nonexistent/list: No such file or directory", ERR_IO},
        {"", "cannot open : No such file or directory", ERR_IO},
        {"/tmp", "cannot read /tmp: Is a directory", ERR_IO},
        {"/dev/zero", "/dev/zero is too large: expected at most 64 KiB", ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct list_file f;
        assert_false(list_file_open(&f, cases[i].path, &form, &err));
        list_file_close(&f);
        assert_string_equal(err.text, cases[i].said);
        assert_int_equal(err.code, cases[i].code);
    }
    struct list_file f;
    assert_false(list_file_open(&f, "/nonexistent/list", &form, NULL));
    list_file_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_words),
        cmocka_unit_test(a_zero_byte_is_a_byte_as_any),
        cmocka_unit_test(the_end_of_a_line_has_a_place),
        cmocka_unit_test(errors_show_the_word),
        cmocka_unit_test(text_in_quotes_is_read),
        cmocka_unit_test(text_in_quotes_is_refused),
        cmocka_unit_test(a_quote_is_no_quote_where_there_are_none),
        cmocka_unit_test(a_file_is_read_whole_or_refused),
        cmocka_unit_test(the_system_may_refuse),
    };
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
