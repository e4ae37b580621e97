/* collector/commands/find_match: patterns, headers, and which records belong to what is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "commands/find_match.h"
#include "model/exemplar.h"
#include "parsers/frame.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "x", false},
        {"*", "", true},
        {"*", "anything", true},
        {"abc", "abc", true},
        {"abc", "ABC", true},
        {"ABC", "abc", true},
        {"abc", "abcd", false},
        {"abc", "ab", false},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"*b*", "abc", true},
        {"a*c", "abc", true},
        {"a*c", "ac", true},
        {"a*c", "acb", false},
        {"a**c", "abbc", true},
        {"*ab*ab*", "aab-ab", true},
        {"*ab*ab*", "aab", false},
        {"*aab", "aaaaab", true},
        {"*.example", "anna@shop.EXAMPLE", true},
        {"*@example.org", "anna@example.org.evil", false},
        {"?", "x", false}, /* no other letter is special */
        {"[a]", "[A]", true},
        {"a\\*", "a\\b", true},
        {"*\xc3\x89t\xc3\xa9*", "UN \xc3\xa9T\xc3\x89!", true}, /* E acute, both ways */
        {"\xd0\x97\xd0\xb0\xd0\xba\xd0\xb0\xd0\xb7", "\xd0\xb7\xd0\x90\xd0\x9a\xd0\x90\xd0\x97", true},
        {"\xff*", "\xff\xfe", true},
        {"\xff", "\xfe", false},
        {"a", "\xc3\xa9", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct find_pattern p = {0};
        assert_true(find_pattern_set(&p, "subject", cases[i].pattern, NULL));
        if (find_pattern_matches(&p, span_of(cases[i].text)) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].text);
    }
}

static void long_texts(void **state) {
    (void)state;
    struct find_pattern p = {0};
    struct err err = {0};
    char *text = malloc(1 << 20);
    memset(text, 'a', 1 << 20);
    text[FIND_PATTERN_MAX + 1] = '\0';
    assert_false(find_pattern_set(&p, "subject", text, &err));
    assert_int_equal(err.code, ERR_USAGE);
    text[FIND_PATTERN_MAX + 1] = 'a';
    assert_true(find_pattern_set(&p, "subject", "*a*a*a*a*a*a*a*b", NULL)); /* must not take for ever */
    assert_false(find_pattern_matches(&p, (struct span){text, 1 << 20}));
    assert_true(find_pattern_set(&p, "subject", "*a", NULL));
    assert_true(find_pattern_matches(&p, (struct span){text, 1 << 20}));
    free(text);
}

static void headers(void **state) {
    (void)state;
    static const struct {
        const char *raw, *subject, *from;
    } cases[] = {
        {"", NULL, NULL},
        {"null", NULL, NULL},
        {"\"text\"", NULL, NULL},
        {"{}", "", ""},
        {"{\"subject\":\"Hello\",\"from\":[\"a@b.c\"]}", "Hello", "a@b.c"},
        {"{\"from\":[\"x\",\"y\"],\"to\":[\"subject\"],\"subject\":\"caf\\u00e9 \\\"x\\\"\"}", "caf\xc3\xa9 \"x\"",
         "x"},
        {"{\"from\":\"bare@b.c\",\"x\":{\"subject\":\"inner\"}}", "", "bare@b.c"},
        {"{\"subject\":null,\"from\":[null,7,\"late\"]}", "", "late"},
        {"{\"subject\":7,\"from\":{}}", "", ""},
        {"{\"subject\":\"bad \\q\"}", "", ""},
        {"{\"subject\":\"cut", "", ""},
    };
    struct find_headers h;
    find_headers_init(&h, json_isa_best());
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span subject, from;
        char *exact = strdup(cases[i].raw); /* so that a sanitizer sees a byte too far */
        bool is_object = find_headers_read(&h, span_of(exact), &subject, &from, NULL, NULL);
        assert_int_equal(is_object, cases[i].subject != NULL);
        if (is_object && (!span_eq(subject, span_of(cases[i].subject)) || !span_eq(from, span_of(cases[i].from))))
            fail_msg("%s: \"%.*s\", \"%.*s\"", cases[i].raw, SPAN_ARG(subject), SPAN_ARG(from));
        free(exact);
    }
    find_headers_deinit(&h);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

#define MAIL                                                                                                           \
    "\"mail\":{\"timestamp\":\"2026-11-01T00:10:00Z\",\"messageId\":\"m-1\",\"source\":\"A <a@shop.example>\","        \
    "\"destination\":[\"Anna <anna@gmail.com>\"]"
#define FULL                                                                                                           \
    "{\"eventType\":\"Send\"," MAIL ",\"commonHeaders\":{\"from\":[\"B <b@shop.example>\"],\"subject\":\"Order 7\"},"  \
    "\"tags\":{\"ses:configuration-set\":[\"news\"]}}}"
#define BARE                                                                                                           \
    "{\"notificationType\":\"Bounce\"," MAIL                                                                           \
    "},\"bounce\":{\"timestamp\":\"2026-11-01T00:10:01Z\",\"bounceType\":\"Permanent\","                               \
    "\"bouncedRecipients\":[{\"emailAddress\":\"moved@web.de\"}]}}"

static enum find_answer ask(const char *record, struct find_filters *f) {
    struct provider_table *providers = provider_table_create();
    struct knowledge *knowledge = knowledge_create(providers, &(struct knowledge_files){0}, &(struct err){0});
    struct frame *frame = frame_create(json_isa_best());
    struct find_headers h;
    struct frame_item item;
    size_t room;
    find_headers_init(&h, json_isa_best());
    frame_begin(frame, 0);
    memcpy(frame_space(frame, &room), record, strlen(record));
    frame_filled(frame, strlen(record), true);
    assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
    if (f->has_provider)
        f->provider = provider_table_find(providers, f->provider ? SPAN_LIT("web.de") : SPAN_LIT("gmail.com"));
    enum find_answer answer = find_match(f, providers, knowledge, &h, item.event);
    find_headers_deinit(&h);
    frame_destroy(frame);
    knowledge_destroy(knowledge);
    provider_table_destroy(providers);
    return answer;
}

enum field { RECIPIENT, FROM, SUBJECT, SET, ID, GMAIL, WEB_DE };

static void filters(void **state) {
    (void)state;
    static const struct {
        enum field field;
        const char *pattern;
        enum find_answer full, bare;
    } cases[] = {
        {RECIPIENT, "anna@gmail.com", FIND_YES, FIND_YES},
        {RECIPIENT, "*@gmail.com", FIND_YES, FIND_YES},
        {RECIPIENT, "moved@*", FIND_NO, FIND_YES_ALONE},
        {RECIPIENT, "Anna*", FIND_YES, FIND_YES}, /* the address, not the name before it */
        {RECIPIENT, "Anna <*", FIND_NO, FIND_NO},
        {FROM, "a@shop.example", FIND_YES, FIND_YES},
        {FROM, "b@shop.example", FIND_YES, FIND_MAYBE},
        {FROM, "c@shop.example", FIND_NO, FIND_MAYBE},
        {SUBJECT, "order *", FIND_YES, FIND_MAYBE},
        {SUBJECT, "other", FIND_NO, FIND_MAYBE},
        {SET, "NEWS", FIND_YES, FIND_MAYBE},
        {SET, "new", FIND_NO, FIND_MAYBE},
        {ID, "m-*", FIND_YES, FIND_YES},
        {ID, "m-", FIND_NO, FIND_NO},
        {GMAIL, "", FIND_YES, FIND_YES},
        {WEB_DE, "", FIND_NO, FIND_YES_ALONE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct find_filters f = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
        struct find_pattern *const patterns_of[] = {&f.recipient, &f.from, &f.subject, &f.set, &f.message_id};
        if (cases[i].field < GMAIL)
            find_pattern_set(patterns_of[cases[i].field], "x", cases[i].pattern, NULL);
        f.has_provider = cases[i].field >= GMAIL;
        f.provider = cases[i].field == WEB_DE;
        struct find_filters again = f;
        if (ask(FULL, &f) != cases[i].full || ask(BARE, &again) != cases[i].bare)
            fail_msg("case %zu: %s", i, cases[i].pattern);
    }
}

/* Records of one message differ by seconds in its send time. */
static void send_times(void **state) {
    (void)state;
    const int64_t sent = 1793491800000; /* 2026-11-01T00:10:00Z */
    static const struct {
        int64_t from, to; /* behind the send time */
        enum find_answer answer;
    } cases[] = {
        {INT64_MIN, INT64_MAX, FIND_YES},
        {0, 1, FIND_YES},
        {-1, 0, FIND_MAYBE},
        {1, 1000, FIND_MAYBE},
        {60001, 70000, FIND_NO},
        {-70000, -60000, FIND_NO},
        {INT64_MIN, -59999, FIND_MAYBE},
        {60000, INT64_MAX, FIND_MAYBE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct find_filters f = {.from_ms = cases[i].from == INT64_MIN ? INT64_MIN : sent + cases[i].from,
                                 .to_ms = cases[i].to == INT64_MAX ? INT64_MAX : sent + cases[i].to};
        if (ask(FULL, &f) != cases[i].answer)
            fail_msg("case %zu", i);
    }
}

static void hashes_of_ids(void **state) {
    (void)state;
    struct find_filters f = {
        .from_ms = INT64_MIN, .to_ms = INT64_MAX, .message_hash = exemplar_message(SPAN_LIT("m-1"))};
    assert_int_equal(ask(FULL, &f), FIND_YES);
    f.message_hash++;
    assert_int_equal(ask(FULL, &f), FIND_NO);
    f = (struct find_filters){.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    assert_true(find_pattern_set(&f.message_id, "x", "other", NULL));
    f.message_hash = exemplar_message(SPAN_LIT("m-1"));
    assert_int_equal(ask(FULL, &f), FIND_NO); /* both must hold */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns), cmocka_unit_test(long_texts), cmocka_unit_test(headers),
        cmocka_unit_test(filters),  cmocka_unit_test(send_times), cmocka_unit_test(hashes_of_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
