/* sinks/find and collector/commands/find_store: messages put together from records in any order, and what came last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/find_store.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct happening {
    enum event_type type;
    int64_t time_ms;
    const char *recipient;
};

static struct provider_table *providers;
static struct intern *identities;

static int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    identities = intern_create(10);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    provider_table_destroy(providers);
    intern_destroy(identities);
    return 0;
}

static void add(struct find_store *s, uint64_t message, uint64_t key, const struct happening *h, const char *subject) {
    struct buf b;
    struct find_wire w = {.message = message, .is_match = true};
    struct err err = {0};
    w.event = (struct event){.key = key, .type = (uint8_t)h->type, .time_ms = h->time_ms, .sent_ms = h->time_ms};
    w.texts[FIND_ID] = SPAN_LIT("id");
    w.texts[FIND_SUBJECT] = span_of(subject);
    w.texts[FIND_RECIPIENT] = span_of(h->recipient);
    buf_init(&b, 1 << 20);
    find_wire_put(&b, &w);
    assert_true(find_store_add(s, buf_span(&b), &err));
    buf_deinit(&b);
}

static bool keep(void *context, const struct found_message *m) {
    (void)context, (void)m;
    return true;
}

static void begin(struct find_store *s) {
    find_store_init(s, (uint64_t)64 << 20);
    s->providers = providers;
    s->identities = identities;
}

#define SEND      EVENT_SEND
#define DELIVERY  EVENT_DELIVERY
#define BOUNCE    EVENT_BOUNCE
#define COMPLAINT EVENT_COMPLAINT
#define DELAY     EVENT_DELIVERY_DELAY
#define OPEN      EVENT_OPEN
#define CLICK     EVENT_CLICK
#define NONE      EVENT_TYPES

static void what_came_last(void **state) {
    (void)state;
    static const struct {
        struct happening events[6];
        size_t count;
        int last, engagement; /* of the message */
        unsigned ended_as;    /* bits, for some recipient */
    } cases[] = {
        {{{SEND, 1, "a"}}, 1, SEND, NONE, 1 << SEND},
        {{{SEND, 1, "a"}, {DELIVERY, 5, "a"}}, 2, DELIVERY, NONE, 1 << DELIVERY},
        {{{SEND, 1000, "a"}, {DELIVERY, 0, "a"}}, 2, DELIVERY, NONE, 1 << DELIVERY}, /* cut to the second */
        {{{SEND, 1, "a"}, {DELAY, 5, "a"}, {DELIVERY, 9, "a"}}, 3, DELIVERY, NONE, 1 << DELIVERY},
        {{{SEND, 1, "a"}, {DELIVERY, 5, "a"}, {BOUNCE, 9, "a"}}, 3, BOUNCE, NONE, 1 << BOUNCE}, /* out of office */
        {{{SEND, 1, "a"}, {DELIVERY, 5, "a"}, {COMPLAINT, 5, "a"}}, 3, COMPLAINT, NONE, 1 << COMPLAINT},
        {{{SEND, 1, "a"}, {SEND, 1, "b"}, {DELIVERY, 5, "a"}, {BOUNCE, 4, "b"}},
         4,
         DELIVERY,
         NONE,
         1 << DELIVERY | 1 << BOUNCE},
        {{{SEND, 1, "a"}, {SEND, 1, "b"}, {BOUNCE, 4, "b"}}, 3, BOUNCE, NONE, 1 << SEND | 1 << BOUNCE},
        {{{DELIVERY, 5, "a"}, {BOUNCE, 6, "b"}, {COMPLAINT, 9, ""}}, 3, COMPLAINT, NONE, 1 << COMPLAINT},
        {{{DELIVERY, 5, "a"}, {OPEN, 6, ""}, {CLICK, 6, ""}, {OPEN, 3, ""}}, 4, DELIVERY, CLICK, 1 << DELIVERY},
        {{{OPEN, 6, ""}}, 1, NONE, OPEN, 0},
        {{{COMPLAINT, 6, ""}}, 1, COMPLAINT, NONE, 1 << COMPLAINT},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int backwards = 0; backwards < 2; backwards++) {
            struct find_store s;
            begin(&s);
            for (size_t k = 0; k < cases[i].count; k++) {
                size_t at = backwards ? cases[i].count - 1 - k : k;
                add(&s, 7, at + 1, &cases[i].events[at], "");
                add(&s, 7, at + 1, &cases[i].events[at], ""); /* twice, as Firehose may give it */
            }
            find_store_settle(&s, keep, NULL);
            assert_int_equal(s.count, 1);
            const struct found_message *m = &s.messages[0];
            assert_int_equal(m->count, cases[i].count);
            assert_int_equal(s.duplicates, cases[i].count);
            unsigned ended_as = 0;
            for (unsigned t = 0; t < EVENT_TYPES; t++)
                ended_as |= (unsigned)found_message_ended_as(m, (enum event_type)t) << t;
            if ((int)m->last_event != cases[i].last || (int)m->last_engagement != cases[i].engagement ||
                ended_as != cases[i].ended_as)
                fail_msg("case %zu: %d %d %x", i, (int)m->last_event, (int)m->last_engagement, ended_as);
            find_store_deinit(&s);
        }
}

/* Messages by send time, newest first; texts from whichever record has them; nothing depends on the order. */
static void many(void **state) {
    (void)state;
    enum { MESSAGES = 500 };
    struct find_store s;
    begin(&s);
    for (unsigned i = 0; i < 2 * MESSAGES; i++) {
        unsigned at = i * 7919 % (2 * MESSAGES), message = at / 2;
        struct happening h = {at % 2 ? EVENT_DELIVERY : EVENT_SEND, message * 1000 + at % 2, "a"};
        add(&s, message, at, &h, at % 2 ? "" : "a subject");
    }
    find_store_settle(&s, keep, NULL);
    assert_int_equal(s.count, MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(s.messages[i].sent_ms, (MESSAGES - 1 - i) * 1000);
        assert_int_equal(s.messages[i].count, 2);
        assert_int_equal(s.messages[i].events[0].type, EVENT_DELIVERY);
        assert_string_equal(s.messages[i].subject, "a subject");
    }
    find_store_deinit(&s);
}

static void out_of_memory(void **state) {
    (void)state;
    struct find_store s;
    struct buf b;
    struct err err = {0};
    char *text = calloc(1, 4096);
    struct find_wire w = {.is_match = true};
    begin(&s);
    s.max_memory = 1 << 20;
    buf_init(&b, 1 << 20);
    memset(text, 'x', 4096);
    w.texts[FIND_ANSWER] = (struct span){text, 4096};
    bool ok = true;
    for (uint64_t i = 0; ok && i < 1000; i++) {
        w.message = w.event.key = i;
        buf_clear(&b);
        find_wire_put(&b, &w);
        ok = find_store_add(&s, buf_span(&b), &err);
    }
    assert_false(ok);
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "narrow the search"));
    assert_true(s.memory < 3 << 20);
    buf_deinit(&b);
    find_store_deinit(&s);
    free(text);
}

static void written(void **state) {
    (void)state;
    struct found_event e = {.time_ms = 1793491801500,
                            .provider = "gmail",
                            .recipient = "a\xff@b.example",
                            .status = "5.1.1",
                            .answer = "smtp; 550\n\x1b[31mno such user and some more words",
                            .link = "",
                            .user_agent = "",
                            .ip_address = "",
                            .detail = EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_GENERAL),
                            .delivery_ms = EVENT_NO_DELIVERY_MS,
                            .type = EVENT_BOUNCE};
    struct found_message m = {.sent_ms = 1793491800000,
                              .id = "m-1",
                              .subject = "=1+1",
                              .from = "",
                              .source = "s@x.example",
                              .configuration_set = "news",
                              .identity = "x.example",
                              .events = &e,
                              .count = 1};
    static const struct {
        struct find_options options;
        const char *holds, *lacks;
    } cases[] = {
        {{.format = FIND_TABLE}, "smtp; 550 \xef\xbf\xbd[31mno such user", "\x1b"},
        {{.format = FIND_TABLE, .colour = true}, "\033[1;31mbounce", "\033[31mno"},
        {{.format = FIND_TABLE, .width = 60}, "\n                       more words\n", "\x1b"},
        {{.format = FIND_CSV},
         ",'=1+1,news,x.example,bounce,,2026-11-01T00:10:01.500Z,bounce,a\xef\xbf\xbd@b.example,gmail,",
         "\"=1"},
        {{.format = FIND_CSV}, "smtp; 550\n\xef\xbf\xbd[31mno", "\x1b"},
        {{.format = FIND_JSON}, "\"type\":\"Permanent\",\"subtype\":\"General\"", "\x1b"},
        {{.format = FIND_JSON}, "{\"found\":9,\"messages\":[\n{\"sent\":\"2026-11-01T00:10:00.000Z\"", "\"link\""},
    };
    found_message_settle(&m);
    assert_string_equal(m.from, "s@x.example");
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text;
        size_t len;
        FILE *f = open_memstream(&text, &len);
        find_write(f, &m, 1, 9, &cases[i].options);
        fclose(f);
        if (!strstr(text, cases[i].holds) || strstr(text, cases[i].lacks))
            fail_msg("case %zu: %s", i, text);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_came_last), cmocka_unit_test(many),
                                       cmocka_unit_test(out_of_memory), cmocka_unit_test(written)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
