/* Damage, what is said of it, and the records that are found behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/frame_run.h"

/* --- cut records -------------------------------------------------------------------------------------------------- */

static const char next_bare[] = "{\"eventType\":\"Complaint\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
                                "\"messageId\":\"next\"},\"complaint\":{}}";
static const char next_mail_first[] = "{\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":\"next\"},"
                                      "\"eventType\":\"Complaint\"}";

struct cut {
    const char *name;
    char *record; /* to be cut */
    char *next;
    const char *between, *behind; /* the cut record and the next; the next and one more */
};

/* Whether all that a cut took is an envelope's last bracket: the record inside is whole, and counts. (Before a comma it
 * does not: there the envelope seems to go on.) */
static bool is_inner_whole(const struct cut *c, size_t n) {
    return n + 1 == strlen(c->record) && c->between[0] != ',' && strstr(c->record, "\"payload\":{");
}

/* Reads a record cut behind `n` bytes. The two behind it must come out whole; the cut one is one piece of damage, and
 * gives no event of its own. */
static void check_cut(const struct cut *c, size_t n, struct text *t, struct results *r) {
    t->len = 0;
    put(t, c->record, n);
    puts_to(t, c->between);
    puts_to(t, c->next);
    puts_to(t, c->behind);
    puts_to(t, corpus[0]);
    read_pieces(t->bytes, t->len, FRAME_PIECE, r);
    size_t next = 0, last = 0;
    for (size_t i = 0; i < r->count; i++) {
        next += r->all[i].kind == FRAME_EVENT && r->all[i].id_hash == hash(SPAN_LIT("next"));
        last += r->all[i].kind == FRAME_EVENT && r->all[i].id_hash == hash(SPAN_LIT(SAMPLE_ID));
    }
    bool is_whole = n == strlen(c->record);
    size_t malformed = n == 0 || is_whole ? 0 : 1, events = is_whole || is_inner_whole(c, n) ? 3 : 2;
    if (next != 1 || last != events - 1 || r->malformed != malformed || r->events != events || r->filtered)
        fail_msg("%s, cut at %zu of %zu: %zu malformed, %zu events, the next %zu times\n%s", c->name, n,
                 strlen(c->record), r->malformed, r->events, next, t->bytes);
}

static void check_cuts(const struct cut *c, size_t from, size_t step) {
    struct text t = {0};
    struct results r = {0};
    for (size_t n = from; n <= strlen(c->record); n += step)
        check_cut(c, n, &t, &r);
    clear(&t);
    drop(&r);
}

static char *pretty(const char *record, size_t indent) {
    struct text t = {0};
    put_pretty(&t, record, indent);
    return t.bytes;
}

/* Every `step`th place to cut at, others for each pair of records. */
static void check_cuts_with(const char *name, const char *between, const char *behind, size_t step) {
    char *records[] = {strdup(corpus[EVENT_BOUNCE]), sample_in_sns(corpus[EVENT_OPEN]),
                       sample_in_firehose_error(corpus[EVENT_OPEN]), sample_in_connect(corpus[EVENT_REJECT]),
                       strdup(corpus[EVENT_SUBSCRIPTION])};
    char *nexts[] = {strdup(next_bare),        strdup(next_mail_first),
                     sample_in_sns(next_bare), sample_in_eventbridge(next_bare),
                     pretty(next_bare, 2),     pretty(next_mail_first, 0)};
    for (size_t i = 0; i < COUNT(records); i++)
        for (size_t j = 0; j < COUNT(nexts); j++)
            check_cuts(&(struct cut){name, records[i], nexts[j], between, behind}, (i + j) % step, step);
    for (size_t i = 0; i < COUNT(records); i++)
        free(records[i]);
    for (size_t i = 0; i < COUNT(nexts); i++)
        free(nexts[i]);
}

static void test_cut_lines(void **state) {
    (void)state;
    check_cuts_with("newline", "\n", "\n", 1);
    check_cuts_with("CRLF", "\r\n", "\r\n", 3);
    check_cuts_with("blank lines", "\n\n", "\n\n", 3);
}

static void test_cut_without_lines(void **state) {
    (void)state;
    check_cuts_with("nothing between", "", "", 1);
    check_cuts_with("nothing between the cut and the next", "", "\n", 3);
}

static void test_cut_in_arrays(void **state) {
    (void)state;
    check_cuts_with("array, one element a line", ",\n", ",\n", 3);
    check_cuts_with("array on one line", ",", ",", 3);
}

/* --- garbage ------------------------------------------------------------------------------------------------------ */

struct damage_case {
    const char *text;
    const char *expected; /* E event, F filtered, M malformed, in their order */
};

static const struct damage_case damage_cases[] = {
    {"", ""},
    {"\n", ""},
    {" \r\n\t", ""},
    {"\xef\xbb\xbf", ""},
    {"[]", ""},
    {"[\n]\n", ""},
    {GOOD, "E"},
    {"\n\n" GOOD, "E"},
    {LINE GOOD, "EE"},
    {"\xef", "M"},
    {"\xef\xbb", "M"},
    {"{", "M"},
    {"{\n", "M"},
    {"{}", "M"},
    {"{}{}", "MM"},
    {"{}\n{}\n", "MM"},
    {"x", "M"},
    {"null\n", "M"},
    {"7\n" LINE, "ME"},
    {"\"text\"\n" LINE, "ME"},
    {"timestamp=2026 level=info\n" LINE "GET / HTTP/1.1\n" LINE, "MEME"},
    {"<html>\n<body>\n" LINE, "MME"},
    {"a\nb\nc\n", "MMM"},
    {"a\n\n\nb\n", "MM"},
    {LINE "garbage" GOOD "\n" LINE, "EMEE"},
    {GOOD "garbage\n" LINE, "EME"},
    {GOOD "garbage" GOOD, "EME"},
    {GOOD "}" GOOD, "EME"},
    {GOOD "}\n" GOOD, "EME"},
    {GOOD "\"" GOOD, "EME"},
    {GOOD "\"\n" GOOD, "EME"},
    {GOOD "\\\"" GOOD, "EME"},
    {GOOD ",," GOOD "][" GOOD, "EEE"},
    {"[" GOOD ",broken," GOOD "]", "EME"},
    {"[" GOOD ",{\"eventType\":\"Open\",\"mail\":7}," GOOD "]", "EME"},
    /* Two broken lines in a row are two. */
    {"{\"eventType\":\"Open\",\"mail\":{\"mess\n{\"eventType\":\"Open\",\"ma\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\"mail\":{\n{\"eventType\":\"Open\",\"mail\":{\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\"mail\":{\"messageId\":\"m,\n{\"mail\":{\"messageId\":\"m\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\n{\"eventType\":\"Open\",\n{\"eventType\":\"Open\",\n" LINE, "MMME"},
    {"{\"eventType\":\"Open\" \"x\"}\n{\"eventType\":\"Open\" \"x\"}\n" LINE, "MME"},
    {"{\"eventType\":\"Open\"\n{\"mail\":{}\n" LINE, "MME"},
    /* Side by side they are one: only a good record or a line's end ends damage. */
    {"{\"eventType\":\"Open\" \"x\"}{\"eventType\":\"Open\" \"x\"}" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"mail\":{\"me{\"eventType\":\"Open\",\"mail\":{\"me" GOOD, "ME"},
    /* A record that is whole, and lacks something, ends where it ends. */
    {"{\"eventType\":\"Open\"}" GOOD, "ME"},
    {"{\"eventType\":\"Open\"}\n" GOOD, "ME"},
    /* Broken in the middle of a pretty-printed record. */
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\" \"m\"\n  }\n}\n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\": \"m\n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\": \n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"headers\": [\n" GOOD "\n", "ME"},
    /* What a broken envelope holds goes down with it, */
    {"{\"detail-type\":broken,\"detail\":" GOOD "}\n" GOOD, "ME"},
    {"{\"detail-type\":broken,\"detail\": " GOOD " }\n" GOOD, "ME"},
    {"{\"payload\":" GOOD ",\"schema\":broken}\n" GOOD, "ME"},
    {"{\"version\":broken,\"detail\":" GOOD "}{\"detail\":" GOOD "}", "ME"},
    /* but not the record behind one that was cut at a colon. */
    {"{\"eventType\":\"Open\",\"mail\":" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"mail\":" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"mail\":" GOOD GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"mail\":\n" GOOD "\n" GOOD, "MEE"},
    {"[{\"eventType\":\"Open\",\"mail\":,\n" GOOD ",\n" GOOD "]", "MEE"},
    /* Cut in the middle of a word or number. */
    {"{\"eventType\":\"Open\",\"x\":fal" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"x\":12" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"x\":12\n" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"x\":\"\\" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"x\":\"\\\n" GOOD, "ME"},
    /* The last one. */
    {LINE "{\"eventType\":\"Open\",\"mail\":{\"timest", "EM"},
    {LINE "{\"eventType\":\"Open\",\"mail\":{\"timest\n", "EM"},
    {GOOD "{\"eventType\":\"Open\",\"mail\":[1,2,", "EM"},
    {GOOD "{\"eventType\":\"Open\",\"mail\":[1,2,\n\n\n", "EM"},
    {LINE "{\"notificationType\":\"Received\"}", "EF"},
    {"{\"Message\":\"text\"}" GOOD "{\"Message\":\"text\"}\n" GOOD, "FEFE"},
};

static void test_damage(void **state) {
    (void)state;
    struct results r = {0};
    for (size_t i = 0; i < COUNT(damage_cases); i++) {
        const struct damage_case *c = &damage_cases[i];
        for (size_t piece = 0; piece < 40; piece++) {
            read_pieces(c->text, strlen(c->text), piece, &r);
            if (strcmp(in_letters(&r), c->expected) != 0)
                fail_msg("%s: %s, expected %s (pieces of %zu)", c->text, in_letters(&r), c->expected, piece);
        }
    }
    drop(&r);
}

static void check_reason(const char *text, enum malformed_reason reason, const char *raw) {
    struct results r = {0};
    read_pieces(text, strlen(text), FRAME_PIECE, &r);
    assert_int_equal(r.malformed, 1);
    assert_int_equal(r.all[0].reason, reason);
    assert_int_equal(r.all[0].offset, 0);
    assert_int_equal(r.all[0].len, strlen(raw));
    assert_int_equal(r.all[0].raw_hash, hash(span_of(raw)));
    drop(&r);
}

/* Why, and which bytes: the line without its end. */
static void test_reasons(void **state) {
    (void)state;
    check_reason("x y\r\n" LINE, MALFORMED_NOT_JSON, "x y");
    check_reason("{\"a\" 1}\n" LINE, MALFORMED_STRUCTURE, "{\"a\" 1}");
    check_reason("{\"a\":1}\n" LINE, MALFORMED_NOT_SES, "{\"a\":1}");
    check_reason("{\"a\":1", MALFORMED_TRUNCATED, "{\"a\":1");
    check_reason("{\"a\":", MALFORMED_TRUNCATED, "{\"a\":");
    check_reason("{\"eventType\":\"Open\"" GOOD, MALFORMED_STRUCTURE, "{\"eventType\":\"Open\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_lines),     cmocka_unit_test(test_cut_without_lines),
        cmocka_unit_test(test_cut_in_arrays), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
