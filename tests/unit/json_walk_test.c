/* Walking through indexed JSON: what is found, where it stops, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/json_walk.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A text of its own memory, exactly as long as it is, and its index. */
struct indexed {
    char *text;
    struct json_index ix;
};

static struct indexed index_text(const char *bytes, size_t len, bool is_last) {
    struct indexed t = {.text = malloc(len + 1)};
    assert_non_null(t.text);
    memcpy(t.text, bytes, len);
    t.text[len] = 0;
    json_index_init(&t.ix);
    assert_true(t.ix.last);
    t.ix.last = is_last;
    json_index_build(&t.ix, t.text, len, json_isa_best());
    return t;
}

static void drop(struct indexed *t) {
    json_index_deinit(&t->ix);
    free(t->text);
}

static const char *const status_names[] = {"ok", "cut", "bad", "deep"};
static const char kind_letters[] = "SOANTFU"; /* string, object, array, number, true, false, null */

/* Every member (or element) of the text's first container, one line: `key=S:value `, containers passed over. */
static enum json_status walk(const struct json_index *ix, char *out, size_t size, size_t *end) {
    struct json_walk w = json_walk_at(ix, 0);
    struct json_value key = {0}, value;
    bool first = true, is_object = ix->text[0] == '{';
    size_t len = 0;
    out[0] = 0;
    if (json_enter(&w)) {
        while (is_object ? json_member(&w, &first, &key, &value) : json_element(&w, &first, &value)) {
            if (!json_pass(&w, &value))
                break;
            struct span k = json_text(&w, &key), v = json_text(&w, &value);
            if (is_object)
                len += (size_t)snprintf(out + len, size - len, "%.*s=", SPAN_ARG(k));
            len += (size_t)snprintf(out + len, size - len, "%c:%.*s ", kind_letters[value.kind], SPAN_ARG(v));
            assert_true(len < size);
        }
    }
    if (w.status != JSON_OK)
        assert_false(is_object ? json_member(&w, &first, &key, &value) : json_element(&w, &first, &value));
    *end = w.at;
    return w.status;
}

struct walk_case {
    const char *text;
    enum json_status status;
    const char *found; /* NULL: not compared */
};

static const struct walk_case walks[] = {
    {"{}", JSON_OK, ""},
    {"{ }", JSON_OK, ""},
    {"{\n\t\r }", JSON_OK, ""},
    {"[]", JSON_OK, ""},
    {"[ ]", JSON_OK, ""},
    {"{\"a\":\"x\"}", JSON_OK, "a=S:x "},
    {"{ \"a\" : \"x\" , \"b\" : 1 }", JSON_OK, "a=S:x b=N:1 "},
    {"{\n\"a\"\n:\n\"x\"\n,\n\"b\"\n:\n1\n}", JSON_OK, "a=S:x b=N:1 "},
    {"{\"a\":true,\"b\":false,\"c\":null,\"d\":-1.5e+3}", JSON_OK, "a=T:true b=F:false c=U:null d=N:-1.5e+3 "},
    {"{\"a\":{\"b\":[1,{}]},\"c\":[]}", JSON_OK, "a=O:{\"b\":[1,{}]} c=A:[] "},
    {"{\"a\":[\"one\"],\"b\":[\"t\",\"wo\"],\"c\":[\"]\"],\"d\":[\"\"]}", JSON_OK,
     "a=A:[\"one\"] b=A:[\"t\",\"wo\"] c=A:[\"]\"] d=A:[\"\"] "},
    {"{\"a\":\"}\",\"b\":{\"c\":\"}}]]\"},\"d\":1}", JSON_OK, "a=S:} b=O:{\"c\":\"}}]]\"} d=N:1 "},
    {"{\"a\\\"b\":\"c\\\\\",\"d\":\"\\\"\"}", JSON_OK, "a\\\"b=S:c\\\\ d=S:\\\" "},
    {"{\"a\\u0062\":\"\\ud800\"}", JSON_OK, "a\\u0062=S:\\ud800 "},
    {"{\"\":\"\"}", JSON_OK, "=S: "},
    {"{\"a\":1,\"a\":2}", JSON_OK, "a=N:1 a=N:2 "},
    {"[1,\"x\",{\"a\":1},[2],true,null]", JSON_OK, "N:1 S:x O:{\"a\":1} A:[2] T:true U:null "},
    {"[[],[[]],{}]", JSON_OK, "A:[] A:[[]] O:{} "},
    /* Numbers and words are looked at by those who read them. */
    {"{\"a\":01,\"b\":1.2.3,\"c\":nul,\"d\":tr\\ue,\"e\":- }", JSON_OK, "a=N:01 b=N:1.2.3 c=U:nul d=T:tr\\ue e=N:- "},
    {"{\"a\":12345678901234567890,\"b\":1e400}", JSON_OK, "a=N:12345678901234567890 b=N:1e400 "},
    /* Raw control characters and broken UTF-8 in strings. */
    {"{\"a\":\"\t\x01\xff\",\"b\":1}", JSON_OK, "a=S:\t\x01\xff b=N:1 "},
    /* Structure inside what is skipped is followed only by counting. */
    {"{\"a\":[1 2 \"x\":],\"b\":1}", JSON_OK, "a=A:[1 2 \"x\":] b=N:1 "},
    {"{\"a\":[1},\"b\":1}", JSON_OK, "a=A:[1} b=N:1 "},
    {"{\"a\":[1}],\"b\":1}", JSON_BAD, "a=A:[1} "},

    {"{", JSON_CUT, ""},
    {"{\"a", JSON_CUT, ""},
    {"{\"a\"", JSON_CUT, ""},
    {"{\"a\":", JSON_CUT, ""},
    {"{\"a\":1", JSON_CUT, ""},
    {"{\"a\":tru", JSON_CUT, ""},
    {"{\"a\":1,", JSON_CUT, "a=N:1 "},
    {"{\"a\":{\"b\":1}", JSON_CUT, "a=O:{\"b\":1} "},
    {"{\"a\":[1,2", JSON_CUT, ""},
    {"{\"a\":\"x\\", JSON_CUT, ""},
    {"{\"a\":\"x\\\"", JSON_CUT, ""},
    {"{\"a\":[\"x\"", JSON_CUT, ""},
    {"[", JSON_CUT, ""},
    {"[1,", JSON_CUT, "N:1 "},

    {"{,}", JSON_BAD, ""},
    {"{\"a\":1,}", JSON_BAD, "a=N:1 "},
    {"{\"a\":1,,\"b\":2}", JSON_BAD, "a=N:1 "},
    {"{\"a\" 1}", JSON_BAD, ""},
    {"{\"a\"}", JSON_BAD, ""},
    {"{\"a\":}", JSON_BAD, ""},
    {"{\"a\":,\"b\":1}", JSON_BAD, ""},
    {"{\"a\":1 \"b\":2}", JSON_BAD, "a=N:1 "},
    {"{\"a\":\"x\"\"b\":2}", JSON_BAD, "a=S:x "},
    {"{a:1}", JSON_BAD, ""},
    {"{'a':1}", JSON_BAD, ""},
    {"{1:1}", JSON_BAD, ""},
    {"{\"a\":x}", JSON_BAD, ""},
    {"{\"a\":+1}", JSON_BAD, ""},
    {"{\"a\":.5}", JSON_BAD, ""},
    {"{\"a\":1]", JSON_BAD, "a=N:1 "},
    {"{]", JSON_BAD, ""},
    {"[1}", JSON_BAD, "N:1 "},
    {"[,]", JSON_BAD, ""},
    {"[1,]", JSON_BAD, "N:1 "},
    {"[1 2]", JSON_BAD, "N:1 "},
    {"{{}:1}", JSON_BAD, ""},
    {"{\\\"a\\\":1}", JSON_BAD, ""},
    /* A number or a word never swallows what follows it. */
    {"{\"a\":1\"b\":2}", JSON_BAD, ""},
    {"{\"a\":fal{\"b\":2}}", JSON_BAD, ""},
    {"{\"a\":1[2]}", JSON_BAD, ""},
    {"{\"a\":1:2}", JSON_BAD, ""},
    /* A line cannot end inside a string. */
    {"{\"a\":\"x\n\"}", JSON_BAD, ""},
    {"{\"a\":\"x\\\n\"}", JSON_BAD, ""},
    {"{\"a\n\":1}", JSON_BAD, ""},
    {"{\"a\":[\"x\n\"]}", JSON_BAD, ""},
    /* Two records side by side are not one value. */
    {"{\"a\":{\"b\":1}{\"c\":1}}", JSON_BAD, "a=O:{\"b\":1} "},
    {"{\"a\":[{\"b\":1}{\"c\":1}]}", JSON_BAD, ""},
    {"{\"a\":[[1][2]]}", JSON_BAD, ""},
    /* Nor are two lines of which one must begin a record. */
    {"{\"a\":[1,\n2]}", JSON_OK, "a=A:[1,\n2] "},
    {"{\"a\":[1\n,2\n]\n}", JSON_OK, "a=A:[1\n,2\n] "},
    {"{\"a\":[1,\n{\"b\":2},\n\n\n{\"c\":[\n]}]}", JSON_OK, "a=A:[1,\n{\"b\":2},\n\n\n{\"c\":[\n]}] "},
    {"{\"a\":[1\n{\"b\":2}]}", JSON_BAD, ""},
    {"{\"a\":[1,\n{\"eventType\":2}]}", JSON_BAD, ""},
    {"{\"a\":[1,\n{\"notificationType\":2}]}", JSON_BAD, ""},
    {"{\"a\":{\"b\":\n{\"eventType\":2}}}", JSON_OK, "a=O:{\"b\":\n{\"eventType\":2}} "},
};

static void test_walks(void **state) {
    (void)state;
    char found[512];
    for (size_t i = 0; i < COUNT(walks); i++) {
        const struct walk_case *c = &walks[i];
        size_t len = strlen(c->text), end;
        struct indexed t = index_text(c->text, len, true);
        enum json_status status = walk(&t.ix, found, sizeof found, &end);
        if (status != c->status || strcmp(found, c->found) != 0)
            fail_msg("%s: %s, found %s", c->text, status_names[status], found);
        if (status == JSON_OK)
            assert_int_equal(end, len);
        drop(&t);
    }
}

/* A raw 0 byte is no end of the text. */
static void test_nul_bytes(void **state) {
    (void)state;
    static const char in_string[] = "{\"a\":\"x\0y\",\"b\":1}", outside[] = "{\"a\":1,\0\"b\":1}", at_value[] = "[\0]";
    char found[64];
    size_t end;
    struct indexed t = index_text(in_string, sizeof in_string - 1, true);
    assert_int_equal(walk(&t.ix, found, sizeof found, &end), JSON_OK);
    drop(&t);
    t = index_text(outside, sizeof outside - 1, true);
    assert_int_equal(walk(&t.ix, found, sizeof found, &end), JSON_BAD);
    drop(&t);
    t = index_text(at_value, sizeof at_value - 1, true);
    assert_int_equal(walk(&t.ix, found, sizeof found, &end), JSON_BAD);
    drop(&t);
}

static const char one_line[] =
    "{\"eventType\":\"Bounce\",\"mail\":{\"tags\":{\"a\":[\"b\"],\"c\":[]},\"x\":[{\"y\":\"\\\"\"},"
    "[1,2,3]],\"n\":-12.5e3},\"t\":true,\"u\":null,\"s\":\"{[\\\\\"}";
static const char many_lines[] = "{\n  \"eventType\": \"Bounce\",\n  \"mail\": {\n    \"tags\": {\n      \"a\": [\n"
                                 "        \"b\"\n      ]\n    }\n  },\n\n\n  \"t\": true\n}";

/* However a record is cut, the walk says so, and never that it is whole or broken, as long as more may follow. */
static void test_every_prefix_is_cut(void **state) {
    (void)state;
    static const char *const texts[] = {one_line, many_lines};
    char found[512];
    size_t end;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t len = 1; len < strlen(texts[i]); len++) {
            for (int is_last = 0; is_last <= (texts[i] == one_line); is_last++) {
                struct indexed t = index_text(texts[i], len, is_last);
                enum json_status status = walk(&t.ix, found, sizeof found, &end);
                if (status != JSON_CUT)
                    fail_msg("%.*s: %s", (int)len, texts[i], status_names[status]);
                drop(&t);
            }
        }
        struct indexed t = index_text(texts[i], strlen(texts[i]), false);
        assert_int_equal(walk(&t.ix, found, sizeof found, &end), JSON_OK);
        drop(&t);
    }
}

/* `pairs` containers inside each other, of one kind, and `inside` in the middle. */
static struct indexed nest(const char *open, const char *inside, const char *close, size_t pairs) {
    size_t o = strlen(open), c = strlen(close), i = strlen(inside), len = pairs * (o + c) + i;
    char *text = malloc(len + 1), *p = text;
    assert_non_null(text);
    for (size_t n = 0; n < pairs; n++, p += o)
        memcpy(p, open, o);
    memcpy(p, inside, i);
    p += i;
    for (size_t n = 0; n < pairs; n++, p += c)
        memcpy(p, close, c);
    struct indexed t = index_text(text, len, true);
    free(text);
    return t;
}

static enum json_status enter_all(const struct json_index *ix) {
    struct json_walk w = json_walk_at(ix, 0);
    struct json_value key, value;
    for (;;) {
        bool first = true;
        if (!json_enter(&w) || !json_member(&w, &first, &key, &value))
            return w.status;
        if (value.kind != JSON_KIND_OBJECT)
            return JSON_OK;
    }
}

static void check_depth(const char *open, const char *inside, const char *close, size_t pairs, bool is_deep) {
    char found[2048];
    size_t end;
    struct indexed t = nest(open, inside, close, pairs);
    assert_int_equal(walk(&t.ix, found, sizeof found, &end), is_deep ? JSON_DEEP : JSON_OK);
    drop(&t);
}

static void test_depth(void **state) {
    (void)state;
    check_depth("{\"a\":", "1", "}", 64, false);
    check_depth("{\"a\":", "1", "}", 65, true);
    check_depth("[", "", "]", 64, false);
    check_depth("[", "", "]", 65, true);
    check_depth("[", "\"x\"", "]", 64, false); /* ["x"] has a short cut of its own */
    check_depth("[", "\"x\"", "]", 65, true);
    check_depth("[1,{},[],", "1", "]", 64, true);
    check_depth("[1,{},[],", "1", "]", 63, false);
    check_depth("[\n", "1", "\n]", 64, false);
    check_depth("[\n", "1", "\n]", 65, true);
    for (size_t pairs = 63; pairs <= 66; pairs++) {
        struct indexed t = nest("{\"a\":", "1", "}", pairs);
        assert_int_equal(enter_all(&t.ix), pairs <= JSON_MAX_DEPTH ? JSON_OK : JSON_DEEP);
        drop(&t);
    }
    struct indexed bomb = nest("[", "", "]", 1000000);
    struct json_walk w = json_walk_at(&bomb.ix, 0);
    assert_false(json_skip(&w));
    assert_int_equal(w.status, JSON_DEEP);
    assert_true(w.at <= JSON_MAX_DEPTH); /* the place where it became too deep */
    drop(&bomb);
}

/* Skipping from an entered container counts what it is already inside of: 63 levels entered leave room for one. */
static void test_depth_is_that_of_the_whole(void **state) {
    (void)state;
    for (size_t pairs = 64; pairs <= 65; pairs++) {
        struct indexed t = nest("[", "\"x\"", "]", pairs);
        struct json_walk w = json_walk_at(&t.ix, 0);
        struct json_value value;
        for (int i = 0; i < 63; i++) {
            bool first = true;
            assert_true(json_enter(&w));
            assert_true(json_element(&w, &first, &value));
        }
        assert_int_equal(json_skip(&w), pairs == 64);
        assert_int_equal(w.status, pairs == 64 ? JSON_OK : JSON_DEEP);
        drop(&t);
    }
}

/* A failure stays: nothing succeeds after it. */
static void test_failures_are_sticky(void **state) {
    (void)state;
    struct indexed t = index_text("{\"a\" 1,\"b\":2}", 14, true);
    struct json_walk w = json_walk_at(&t.ix, 0);
    struct json_value key, value;
    bool first = true;
    assert_true(json_enter(&w));
    for (int i = 0; i < 3; i++) {
        assert_false(json_member(&w, &first, &key, &value));
        assert_int_equal(w.status, JSON_BAD);
    }
    drop(&t);
}

static void test_has_escape(void **state) {
    (void)state;
    char text[300];
    for (size_t at = 0; at <= sizeof text; at++) {
        memset(text, 'a', sizeof text);
        if (at < sizeof text)
            text[at] = '\\';
        struct indexed t = index_text(text, sizeof text, true);
        for (size_t from = 0; from < sizeof text; from += 3)
            for (size_t to = from; to <= sizeof text; to += to - from < 66 ? 1 : 29)
                assert_int_equal(json_has_escape(&t.ix, from, to), at >= from && at < to);
        drop(&t);
    }
}

struct newline_case {
    const char *before, *behind; /* of the line end */
    enum json_newline last, more;
};

#define ENDS    JSON_NEWLINE_ENDS
#define GOES_ON JSON_NEWLINE_GOES_ON
#define UNKNOWN JSON_NEWLINE_UNKNOWN

static const struct newline_case newlines[] = {
    {"{\"a\":1}", "", ENDS, UNKNOWN},
    {"{\"a\":1}", "   \n\n", ENDS, UNKNOWN},
    {"{\"a\":1}", "{", ENDS, UNKNOWN},
    {"{\"a\":1}", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":1}", "\r\n \t{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":1}\r", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":\"x\"", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":[1,2]", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":tru", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":tru", "e,\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":1,", "{\"mail\":{\"timestamp\":1}}", GOES_ON, GOES_ON},
    {"{\"a\":[", "{\"mail\":{\"timestamp\":1}}", GOES_ON, GOES_ON},
    {"{\"a\":", "{\"mail\":{\"timestamp\":1}}", GOES_ON, GOES_ON},
    {"{\"a\":{", "{\"mail\":{\"timestamp\":1}}", GOES_ON, GOES_ON},
    {"{", "    \"mail\":{\"timestamp\":1}}", GOES_ON, GOES_ON},
    {"{\"a\":1", ",\"b\":{\"timestamp\":1}}    ", GOES_ON, GOES_ON},
    {"{\"a\"", ":{\"b\":{\"timestamp\":1}}}   ", GOES_ON, GOES_ON},
    {"{\"a\":1", "}                           ", GOES_ON, GOES_ON},
    {"{\"a\":[1", "]                           ", GOES_ON, GOES_ON},
    {"{\"a\":[1 \t\r", "  ]                     ", GOES_ON, GOES_ON},
    {"{\"a\":1,", "{\"eventType\":\"Send\",\"mail\":1}", ENDS, ENDS},
    {"{\"a\":[", "{\"notificationType\":\"Bounce\"}", ENDS, ENDS},
    {"{\"a\":[", "   {\"eventType\":\"Send\",\"mail\":1}", ENDS, ENDS},
    {"{\"a\":", "{\"eventType\":\"Send\",\"mail\":1}", GOES_ON, GOES_ON},
    {"{\"a\":[", "{ \"eventType\":\"Send\",\"mail\":1}", GOES_ON, GOES_ON},
    {"{\"a\":[", "{\"eventTypes\":\"Send\",\"mail\":1}", GOES_ON, GOES_ON},
    /* Inside a string the line is broken, whatever it looks like before. */
    {"{\"a\":\"x,", "{\"mail\":{\"timestamp\":1}}", ENDS, ENDS},
    {"{\"a\":\"x:", "text that goes on for a while", ENDS, ENDS},
    {"{\"a\":\"x", "\",\"b\":1                        ", GOES_ON, GOES_ON},
};

static void test_newline_kinds(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(newlines); i++) {
        const struct newline_case *c = &newlines[i];
        size_t before = strlen(c->before), behind = strlen(c->behind), len = before + 1 + behind;
        char text[256];
        memcpy(text, c->before, before);
        text[before] = '\n';
        memcpy(text + before + 1, c->behind, behind);
        for (int is_last = 0; is_last <= 1; is_last++) {
            struct indexed t = index_text(text, len, is_last);
            size_t next;
            enum json_newline kind = json_newline_kind(&t.ix, before, &next);
            if (kind != (is_last ? c->last : c->more))
                fail_msg("%s (%s): %d", text, is_last ? "last" : "more follows", (int)kind);
            assert_int_equal(next, before + 1 + strspn(c->behind, " \t\r\n"));
            drop(&t);
        }
    }
}

static void test_many_blanks_end_a_record(void **state) {
    (void)state;
    for (size_t blanks = JSON_MAX_BLANKS - 2; blanks <= JSON_MAX_BLANKS + 1; blanks++) {
        size_t len = 2 + blanks + 30;
        char *text = malloc(len);
        assert_non_null(text);
        memset(text, ' ', len);
        text[0] = '[';
        text[1] = '\n';
        text[2 + blanks] = '1';
        for (int is_last = 0; is_last <= 1; is_last++) {
            struct indexed t = index_text(text, len, is_last);
            size_t next;
            assert_int_equal(json_newline_kind(&t.ix, 1, &next),
                             blanks < JSON_MAX_BLANKS - 1 ? JSON_NEWLINE_GOES_ON : JSON_NEWLINE_ENDS);
            drop(&t);
        }
        free(text);
    }
}

struct unescape_case {
    const char *text, *out; /* out NULL: an escape that JSON does not have */
};

static const struct unescape_case unescapes[] = {
    {"", ""},
    {"plain", "plain"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
    {"a\\nb", "a\nb"},
    {"\\\\n", "\\n"},
    {"\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac"},
    {"\\u00E9\\u00eF", "\xc3\xa9\xc3\xaf"},
    {"\\u007f\\u0080\\u07ff\\u0800\\uffff", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
    {"\\uD800\\uDC00\\uDBFF\\uDFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"\\ud800", "\xef\xbf\xbd"},
    {"\\udc00", "\xef\xbf\xbd"},
    {"a\\ud800b", "a\xef\xbf\xbd"
                  "b"},
    {"\\ud800\\n", "\xef\xbf\xbd\n"},
    {"\\ud800\\u0041", "\xef\xbf\xbd"
                       "A"},
    {"\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80"},
    {"\\udc00\\ud800", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\\ud800\\", NULL},
    {"\\ud800\\u", NULL},
    {"\\ud800\\udc0", NULL},
    {"\\ud800\\udc0x", NULL},
    {"\\", NULL},
    {"a\\", NULL},
    {"\\x41", NULL},
    {"\\'", NULL},
    {"\\U0041", NULL},
    {"\\N", NULL},
    {"\\u", NULL},
    {"\\u1", NULL},
    {"\\u12", NULL},
    {"\\u123", NULL},
    {"\\u123g", NULL},
    {"\\u+123", NULL},
    {"\\u 123", NULL},
    {"\\u12\\u1234", NULL},
    {"\xff\x01 raw bytes stay", "\xff\x01 raw bytes stay"},
};

static void test_unescape(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(unescapes); i++) {
        const struct unescape_case *c = &unescapes[i];
        size_t len = strlen(c->text);
        char *text = malloc(len ? len : 1), *out = malloc(len ? len : 1); /* exactly as long as promised */
        assert_non_null(text);
        assert_non_null(out);
        memcpy(text, c->text, len);
        ptrdiff_t n = json_unescape((struct span){text, len}, out);
        if (c->out ? n != (ptrdiff_t)strlen(c->out) || memcmp(out, c->out, (size_t)n) != 0 : n != -1)
            fail_msg("%s: %td", c->text, n);
        n = json_unescape((struct span){text, len}, text); /* in place */
        assert_int_equal(n, c->out ? (ptrdiff_t)strlen(c->out) : -1);
        if (c->out)
            assert_memory_equal(text, c->out, (size_t)n);
        free(text);
        free(out);
    }
    char nul[8];
    assert_int_equal(json_unescape(SPAN_LIT("\\u0000x"), nul), 2);
    assert_memory_equal(nul, "\0x", 2);
    assert_int_equal(json_unescape(SPAN_LIT("a\\\0"), nul), -1);
    assert_int_equal(json_unescape((struct span){NULL, 0}, nul), 0);
}

static void test_looks_like_record(void **state) {
    (void)state;
    assert_true(json_looks_like_record("{\"eventType\"", 12));
    assert_true(json_looks_like_record("{\"notificationType\":1", 21));
    assert_false(json_looks_like_record("{\"eventType\"", 11));
    assert_false(json_looks_like_record("{\"notificationType\"", 18));
    assert_false(json_looks_like_record("{\"eventTypes\"", 13));
    assert_false(json_looks_like_record("{ \"eventType\"", 13));
    assert_false(json_looks_like_record("", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_every_prefix_is_cut),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_is_that_of_the_whole),
        cmocka_unit_test(test_failures_are_sticky),
        cmocka_unit_test(test_has_escape),
        cmocka_unit_test(test_newline_kinds),
        cmocka_unit_test(test_many_blanks_end_a_record),
        cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_looks_like_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
