/* Records read by themselves, with any instruction set: for the tests of parsers/record. */
#ifndef TESTS_RECORD_RUN_H
#define TESTS_RECORD_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/record.h"
#include "unit/sample_records.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- made-up records ---------------------------------------------------------------------------------------------- */

/* MAIL: a mail object that lacks nothing; MAIL_WITH: with more members. */
#define WHEN           "\"timestamp\":\"2026-11-20T08:15:30Z\""
#define MAIL_WITH(end) "\"mail\":{" WHEN ",\"messageId\":\"m\",\"destination\":[\"a@b.c\"]" end "}"
#define MAIL           MAIL_WITH("")
#define BARE(inside)   "\"mail\":{" inside "}"
#define SEND(mail)     "{\"eventType\":\"Send\"," mail "}"
#define SEND_WITH(end) SEND(MAIL_WITH(end))

/* When each of sample_records happened. */
static const int64_t sample_times[SAMPLE_RECORDS] = {1795162530123, 1795162531999, 1795162533500, 1795165200000,
                                                     1795162530123, 1795168800001, 1795168805000, 1795162530123,
                                                     1795162800000, 1795172400000, 1795162530123};

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct record_reader readers[JSON_ISAS];
static char *last_text; /* an event's spans point into it */
static struct json_index last_index;

/* Reads a record that stands behind three blanks, in memory that ends where it ends. */
static inline struct record read_text(const char *record, size_t len, enum json_isa isa, struct ses_event *e) {
    free(last_text);
    last_text = malloc(len + 4);
    assert_non_null(last_text);
    memcpy(last_text, "   ", 3);
    memcpy(last_text + 3, record, len);
    last_text[len + 3] = 0;
    json_index_build(&last_index, last_text, len + 3, isa);
    return record_read(&readers[isa], &last_index, 3, e);
}

enum { EVENT = -1, FILTERED = -2, LOST = -100 }; /* else a reason: MALFORMED; LOST + reason: the same, without an end */

static inline const char *describe(const struct record *r) {
    static const char *const kinds[] = {"event", "filtered", "malformed", "lost", "cut"};
    static char text[64];
    snprintf(text, sizeof text, "%s %s", kinds[r->kind],
             r->kind >= RECORD_MALFORMED ? malformed_reason_name(r->reason) : "");
    return text;
}

static inline bool is_expected(const struct record *r, int is, size_t end) {
    if (is == EVENT)
        return r->kind == RECORD_EVENT && r->end == end;
    if (is == FILTERED)
        return r->kind == RECORD_FILTERED && r->end == end;
    if (is < EVENT)
        return r->kind == (is == LOST + MALFORMED_TRUNCATED ? RECORD_CUT : RECORD_LOST) && (int)r->reason == is - LOST;
    return r->kind == RECORD_MALFORMED && (int)r->reason == is && r->end == end;
}

/* What a record is, with every instruction set. */
static inline void check(const char *text, int is) {
    struct ses_event e;
    for (int isa = 0; isa < JSON_ISAS; isa++) {
        if (!json_isa_supported((enum json_isa)isa))
            continue;
        struct record r = read_text(text, strlen(text), (enum json_isa)isa, &e);
        if (!is_expected(&r, is, strlen(text) + 3))
            fail_msg("%s: %s, end %zu", text, describe(&r), r.end);
    }
}

/* Of a record that counts. */
static inline struct ses_event read_event(const char *text) {
    struct ses_event e;
    struct record r = read_text(text, strlen(text), json_isa_best(), &e);
    if (r.kind != RECORD_EVENT)
        fail_msg("%s: %s", text, describe(&r));
    return e;
}

#define assert_span(span, text)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((span).len, strlen(text));                                                                    \
        assert_true((span).len == 0 || memcmp((span).ptr, text, (span).len) == 0);                                     \
    } while (0)

static inline int set_up(void **state) {
    (void)state;
    json_index_init(&last_index);
    for (int i = 0; i < JSON_ISAS; i++)
        record_reader_init(&readers[i], json_isa_supported((enum json_isa)i) ? (enum json_isa)i : JSON_ISA_PLAIN);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < JSON_ISAS; i++)
        record_reader_deinit(&readers[i]);
    json_index_deinit(&last_index);
    free(last_text);
    return 0;
}

#endif
